/* Addresses as RFC 3986 takes them apart (appendix B); parts are given with their escapes decoded, as by
 * java.net.URI. A part that is not there is NULL, what is no address an error. */
#include "sql/function/library/functions.h"

#include "core/number.h"
#include "core/text.h"
#include "sql/function/library/text/text_units.h"

/* data NULL: it is not there. */
struct address {
    struct slice protocol, authority, path, query, fragment;
};

static int hex_digit(char c) {
    int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* An escape of two hexadecimal digits at `at`: its byte, or -1. */
static int escaped_byte(struct slice text, size_t at) {
    int high = at + 2 < text.length ? hex_digit(text.data[at + 1]) : -1,
        low = high >= 0 ? hex_digit(text.data[at + 2]) : -1;
    return low < 0 ? -1 : high << 4 | low;
}

/* No spaces, control characters or signs that must be escaped; escapes are whole. */
static bool address_valid(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == 0x7f || char_among((char)c, "\"<>\\^`{|}") || (c == '%' && escaped_byte(text, i) < 0))
            return false;
    }
    return true;
}

/* Cuts off what stands before the first of `ends`, or all; `text` begins with that sign then. */
static struct slice cut(struct slice *text, const char *ends) {
    size_t length = 0;
    while (length < text->length && !char_among(text->data[length], ends))
        length++;
    struct slice part = {text->data, length};
    *text = (struct slice){text->data + length, text->length - length};
    return part;
}

static struct slice behind(struct slice text, size_t skip) {
    return (struct slice){text.data + skip, text.length - skip};
}

static bool protocol_valid(struct slice protocol) {
    for (size_t i = 0; i < protocol.length; i++) {
        char c = protocol.data[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return protocol.length > 0;
}

static bool read_address(struct function_call *call, struct slice text, struct address *ret_address) {
    struct address address = {0};
    struct slice rest = text, first = cut(&rest, ":/?#");
    bool valid = address_valid(text);
    if (rest.length && *rest.data == ':') {
        address.protocol = first;
        valid = valid && protocol_valid(first);
        rest = behind(rest, 1);
    } else {
        rest = text;
    }
    if (rest.length >= 2 && memcmp(rest.data, "//", 2) == 0) {
        rest = behind(rest, 2);
        address.authority = cut(&rest, "/?#");
    }
    address.path = cut(&rest, "?#");
    if (rest.length && *rest.data == '?') {
        rest = behind(rest, 1);
        address.query = cut(&rest, "#");
    }
    if (rest.length)
        address.fragment = behind(rest, 1);
    *ret_address = address;
    return valid || function_fail(call, "'%.*s' is no URL", function_shown(text), text.data);
}

/* user@host:port or user@[host]:port. */
static void split_authority(struct slice authority, struct slice *ret_host, struct slice *ret_port) {
    *ret_host = *ret_port = (struct slice){NULL, 0};
    if (!authority.data)
        return;
    for (size_t i = 0; i < authority.length; i++)
        if (authority.data[i] == '@') {
            authority = behind(authority, i + 1);
            break;
        }
    size_t length = 0;
    const char *bracket =
        authority.length && *authority.data == '[' ? memchr(authority.data, ']', authority.length) : NULL;
    if (bracket)
        length = (size_t)(bracket - authority.data) + 1;
    while (length < authority.length && authority.data[length] != ':')
        length++;
    if (length)
        *ret_host = (struct slice){authority.data, length};
    if (length + 1 < authority.length)
        *ret_port = behind(authority, length + 1);
}

/* --- escapes
 * ------------------------------------------------------------------------------------------------------------------ */

/* What is no escape stays; bytes that are no UTF-8 become U+FFFD. `form`: + is a space. */
static void decode(struct slice text, bool form, struct bytes *to) {
    struct bytes raw = {0};
    for (size_t i = 0; i < text.length; i++) {
        int byte = text.data[i] == '%' ? escaped_byte(text, i) : -1;
        bytes_append_char(&raw, byte >= 0 ? (char)byte : form && text.data[i] == '+' ? ' ' : text.data[i]);
        i += byte >= 0 ? 2 : 0;
    }
    for (size_t at = 0, length; at < raw.length; at += length) {
        length = utf8_length(raw.data + at, raw.length - at);
        if (length)
            bytes_append(to, raw.data + at, length);
        else
            bytes_append_string(to, "\xef\xbf\xbd");
        length = length ? length : 1;
    }
    to->failed |= raw.failed;
    bytes_release(&raw);
}

static bool give_decoded(struct function_call *call, struct slice part, bool form, struct value *ret_value) {
    struct bytes text = {0};
    if (!part.data)
        return function_give_null(ret_value);
    decode(part, form, &text);
    return function_give_bytes(call, &text, ret_value);
}

static bool decode_parameter(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice text = arguments[0].text;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] == '%' && escaped_byte(text, i) < 0)
            return function_fail(call, "'%.*s' has an escape that is not whole", function_shown(text), text.data);
    return give_decoded(call, text, true, ret_value);
}

static bool encode_parameter(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice text = arguments[0].text;
    struct bytes encoded = {0};
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
                     c == '.' || c == '*';
        if (plain || c == ' ')
            bytes_append_char(&encoded, plain ? c : '+');
        else
            bytes_append_format(&encoded, "%%%02X", (unsigned char)c);
    }
    return function_give_bytes(call, &encoded, ret_value);
}

/* --- parts
 * ------------------------------------------------------------------------------------------------------------------ */

static bool protocol(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    return read_address(call, arguments[0].text, &address) && give_decoded(call, address.protocol, false, ret_value);
}

static bool host(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    struct slice name, port;
    if (!read_address(call, arguments[0].text, &address))
        return false;
    split_authority(address.authority, &name, &port);
    return give_decoded(call, name, false, ret_value);
}

static bool port(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    struct slice name, digits;
    int64_t number;
    if (!read_address(call, arguments[0].text, &address))
        return false;
    split_authority(address.authority, &name, &digits);
    bool good = digits.data && number_read_integer(digits, &number) && number >= 0 && number <= INT32_MAX;
    *ret_value = good ? value_of_integer(number) : VALUE_NULL;
    return true;
}

static bool path(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    return read_address(call, arguments[0].text, &address) && give_decoded(call, address.path, false, ret_value);
}

static bool query(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    return read_address(call, arguments[0].text, &address) && give_decoded(call, address.query, false, ret_value);
}

static bool fragment(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    return read_address(call, arguments[0].text, &address) && give_decoded(call, address.fragment, false, ret_value);
}

/* The first of that name; without a value it is empty. */
static bool parameter(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct address address;
    if (!read_address(call, arguments[0].text, &address))
        return false;
    for (struct slice rest = address.query; rest.data && rest.length;) {
        struct slice value = cut(&rest, "&"), name = cut(&value, "=");
        struct bytes text = {0};
        decode(name, true, &text);
        bool wanted = slice_equal(bytes_slice(&text), arguments[1].text), failed = text.failed;
        bytes_release(&text);
        if (failed)
            return false;
        if (wanted)
            return give_decoded(call, value.length ? behind(value, 1) : value, true, ret_value);
        rest = behind(rest, rest.length > 0);
    }
    return function_give_null(ret_value);
}

#define OF_URL(title, function, type, text)                                                                            \
    {                                                                                                                  \
        .name = title, .category = "URL", .signature = title "(url)", .description = text,                             \
        VARIANTS({TAKES(PARAMETER_STRING), .result = &type, .null_in_null_out = true, .call = function})               \
    }

FUNCTION_LIST(functions_url,
              OF_URL("URL_DECODE_PARAM", decode_parameter, type_string, "A parameter of a query without its escapes."),
              OF_URL("URL_ENCODE_PARAM", encode_parameter, type_string,
                     "A text with the escapes that it needs as a parameter of a query."),
              OF_URL("URL_EXTRACT_FRAGMENT", fragment, type_string, "The part after #."),
              OF_URL("URL_EXTRACT_HOST", host, type_string, "The host's name or address."),
              {.name = "URL_EXTRACT_PARAMETER",
               .category = "URL",
               .signature = "URL_EXTRACT_PARAMETER(url, name)",
               .description = "The value of the first parameter of that name in the query, empty when it has none.",
               VARIANTS({TAKES(PARAMETER_STRING, PARAMETER_STRING), .result = &type_string, .null_in_null_out = true,
                         .call = parameter})},
              OF_URL("URL_EXTRACT_PATH", path, type_string, "The path, perhaps empty."),
              OF_URL("URL_EXTRACT_PORT", port, type_integer, "The port; NULL when none is named."),
              OF_URL("URL_EXTRACT_PROTOCOL", protocol, type_string, "The scheme, before the first colon."),
              OF_URL("URL_EXTRACT_QUERY", query, type_string, "The part between ? and #."));

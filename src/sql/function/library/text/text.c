/* Texts as a whole: joined, cut, filled, searched. Positions and lengths are java.lang.String's (text_units.h); the
 * same functions on BYTES count bytes. */
#include "sql/function/library/functions.h"

#include "core/random.h"
#include "model/java_number.h"
#include "sql/function/library/text/text_units.h"
#include <errno.h>

/* --- CONCAT, CONCAT_WS
 * ---------------------------------------------------------------------------------------------------------------- */

static bool give_joined(struct function_call *call, const struct value *parts, size_t count, struct slice between,
                        struct value *ret_value) {
    struct bytes joined = {0};
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].null)
            continue;
        if (!first)
            bytes_append_slice(&joined, between);
        bytes_append_slice(&joined, parts[i].text);
        first = false;
        if (joined.length > FUNCTION_TEXT_MAXIMUM) {
            bytes_release(&joined);
            return function_fail(call, "the result is longer than %d bytes", FUNCTION_TEXT_MAXIMUM);
        }
    }
    return function_give_bytes(call, &joined, ret_value);
}

static bool concat(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_joined(call, arguments, call->count, SLICE(""), ret_value);
}

static bool concat_with_separator(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null)
        return function_give_null(ret_value);
    return give_joined(call, arguments + 1, call->count - 1, arguments[0].text, ret_value);
}

/* --- LEN, SUBSTRING
 * ------------------------------------------------------------------------------------------------------------------ */

static bool length_of_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((int64_t)text_units(arguments[0].text));
    return true;
}

static bool length_of_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((int64_t)arguments[0].text.length);
    return true;
}

/* From 1; negative: from the end, -1 is the last. What lies outside is cut off. */
static void substring_range(struct function_call *call, const struct value *arguments, size_t length, size_t *ret_from,
                            size_t *ret_count) {
    int64_t total = (int64_t)length, position = arguments[1].integer;
    int64_t from = position > 0 ? position - 1 : position < 0 ? total + position : 0;
    from = from < 0 ? 0 : from > total ? total : from;
    int64_t count = call->count > 2 ? arguments[2].integer : total;
    count = count < 0 ? 0 : count > total - from ? total - from : count;
    *ret_from = (size_t)from;
    *ret_count = (size_t)count;
}

static bool substring_of_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    size_t from, count;
    substring_range(call, arguments, text_units(arguments[0].text), &from, &count);
    struct bytes part = {0};
    text_append_units(&part, arguments[0].text, from, count);
    return function_give_bytes(call, &part, ret_value);
}

static bool substring_of_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    size_t from, count;
    substring_range(call, arguments, arguments[0].text.length, &from, &count);
    *ret_value = value_of_text((struct slice){arguments[0].text.data + from, count});
    return true;
}

/* --- LPAD, RPAD
 * ------------------------------------------------------------------------------------------------------------------ */

static void append_padding(struct bytes *to, struct slice padding, bool bytes, size_t units, size_t count) {
    for (; count >= units; count -= units)
        bytes_append_slice(to, padding);
    if (bytes)
        bytes_append(to, padding.data, count);
    else
        text_append_units(to, padding, 0, count);
}

static bool give_padded(struct function_call *call, const struct value *arguments, bool bytes, bool left,
                        struct value *ret_value) {
    struct slice text = arguments[0].text, padding = arguments[2].text;
    int64_t target = arguments[1].integer;
    if (target < 0 || padding.length == 0)
        return function_give_null(ret_value);
    if (target > FUNCTION_TEXT_MAXIMUM / 4)
        return function_fail(call, "a length of %lld is more than %d", (long long)target, FUNCTION_TEXT_MAXIMUM / 4);
    size_t wanted = (size_t)target, length = bytes ? text.length : text_units(text),
           kept = length < wanted ? length : wanted;
    struct bytes padded = {0};
    if (left)
        append_padding(&padded, padding, bytes, bytes ? padding.length : text_units(padding), wanted - kept);
    if (bytes)
        bytes_append(&padded, text.data, kept);
    else
        text_append_units(&padded, text, 0, kept);
    if (!left)
        append_padding(&padded, padding, bytes, bytes ? padding.length : text_units(padding), wanted - kept);
    return function_give_bytes(call, &padded, ret_value);
}

static bool pad_left_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_padded(call, arguments, false, true, ret_value);
}

static bool pad_left_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_padded(call, arguments, true, true, ret_value);
}

static bool pad_right_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_padded(call, arguments, false, false, ret_value);
}

static bool pad_right_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_padded(call, arguments, true, false, ret_value);
}

/* --- INSTR, REPLACE, TRIM
 * ------------------------------------------------------------------------------------------------------------- */

/* The byte of the last occurrence that begins at `limit` or before; SIZE_MAX: none. */
static size_t find_backwards(struct slice text, struct slice part, size_t limit) {
    if (part.length > text.length)
        return SIZE_MAX;
    size_t at = text.length - part.length < limit ? text.length - part.length : limit;
    for (;; at--) {
        if (memcmp(text.data + at, part.data, part.length) == 0)
            return at;
        if (at == 0)
            return SIZE_MAX;
    }
}

static size_t find_occurrence(struct slice text, struct slice part, int64_t position, int64_t occurrence) {
    bool inside;
    int64_t units = (int64_t)text_units(text);
    if (position > units || position < -units)
        return SIZE_MAX;
    size_t at = text_unit_offset(text, (size_t)(position > 0 ? position - 1 : units + position), &inside);
    at += position > 0 && inside ? 4 : 0;
    for (;;) {
        at = position > 0 ? text_find(text, part, at) : find_backwards(text, part, at);
        if (at == SIZE_MAX || --occurrence == 0)
            return at;
        if (position < 0 && at == 0)
            return SIZE_MAX;
        at += position > 0 ? 1 : (size_t)-1;
    }
}

static bool position_in_text(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice text = arguments[0].text;
    int64_t position = call->count > 2 ? arguments[2].integer : 1,
            occurrence = call->count > 3 ? arguments[3].integer : 1;
    bool sought = position != 0 && occurrence > 0 && text.length && arguments[1].text.length;
    size_t at = sought ? find_occurrence(text, arguments[1].text, position, occurrence) : SIZE_MAX;
    *ret_value = value_of_integer(at == SIZE_MAX ? 0 : (int64_t)text_units((struct slice){text.data, at}) + 1);
    return true;
}

/* An empty text is found before every character and at the end. */
static bool replace(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice text = arguments[0].text, old = arguments[1].text, new = arguments[2].text;
    struct bytes result = {0};
    size_t at = 0;
    for (size_t found; (found = text_find(text, old, at)) != SIZE_MAX && result.length <= FUNCTION_TEXT_MAXIMUM;) {
        bytes_append(&result, text.data + at, found - at);
        bytes_append_slice(&result, new);
        at = found + old.length;
        if (old.length == 0) {
            if (at == text.length)
                break;
            size_t length = text_character((struct slice){text.data + at, text.length - at});
            bytes_append(&result, text.data + at, length);
            at += length;
        }
    }
    bytes_append(&result, text.data + at, text.length - at);
    if (result.length > FUNCTION_TEXT_MAXIMUM) {
        bytes_release(&result);
        return function_fail(call, "the result is longer than %d bytes", FUNCTION_TEXT_MAXIMUM);
    }
    return function_give_bytes(call, &result, ret_value);
}

static bool trim(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_text(java_trim(arguments[0].text));
    return true;
}

/* --- UUID
 * ------------------------------------------------------------------------------------------------------------------ */

static bool give_uuid(struct function_call *call, const unsigned char bytes[16], struct value *ret_value) {
    char text[36];
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = "0123456789abcdef"[bytes[i] >> 4];
        text[at++] = "0123456789abcdef"[bytes[i] & 15];
    }
    return function_give_text(call, (struct slice){text, at}, ret_value);
}

/* Version 4 (RFC 4122): random but for its marks. */
static bool uuid_random(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)arguments;
    unsigned char bytes[16];
    uint64_t halves[2] = {call->chance, random_mix(call->chance + 1)};
    memcpy(bytes, halves, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    return give_uuid(call, bytes, ret_value);
}

static bool uuid_of_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct slice bytes = arguments[0].text;
    return bytes.length == 16 ? give_uuid(call, (const unsigned char *)bytes.data, ret_value)
                              : function_give_null(ret_value);
}

/* --- the table
 * ------------------------------------------------------------------------------------------------------------------ */

#define STRING  PARAMETER_STRING
#define BYTES   PARAMETER_BYTES
#define INTEGER PARAMETER_INTEGER
#define VARIANT(type, function, ...)                                                                                   \
    { TAKES(__VA_ARGS__), .result = &type, .null_in_null_out = true, .call = function }

FUNCTION_LIST(
    functions_text,
    {.name = "CONCAT",
     .category = "String",
     .signature = "CONCAT(text, ..)",
     .description = "The texts, or BYTES, one after the other; NULL counts as empty.",

     VARIANTS({TAKES(STRING, STRING), .variadic = true, .result = &type_string, .call = concat},
              {TAKES(BYTES, BYTES), .variadic = true, .result = &type_bytes, .call = concat})},
    {.name = "CONCAT_WS",
     .category = "String",
     .signature = "CONCAT_WS(separator, text, ..)",
     .description =
         "The texts, or BYTES, with the separator between them; NULL is left out, a NULL separator gives NULL.",
     VARIANTS({TAKES(STRING, STRING, STRING), .variadic = true, .result = &type_string, .call = concat_with_separator},
              {TAKES(BYTES, BYTES, BYTES), .variadic = true, .result = &type_bytes, .call = concat_with_separator})},
    {.name = "INSTR",
     .category = "String",
     .signature = "INSTR(text, part[, position[, occurrence]])",
     .description = "The position, from 1, of the part in the text, 0 when it is not there; from a position on "
                    "(negative: counted from the end, and searched backwards), "
                    "the so-manieth occurrence.",
     VARIANTS(VARIANT(type_integer, position_in_text, STRING, STRING),
              VARIANT(type_integer, position_in_text, STRING, STRING, INTEGER),
              VARIANT(type_integer, position_in_text, STRING, STRING, INTEGER, INTEGER))},
    {.name = "LEN",
     .category = "String",
     .signature = "LEN(text)",
     .description = "The length of a text in UTF-16 code units, or of BYTES.",
     VARIANTS(VARIANT(type_integer, length_of_text, STRING), VARIANT(type_integer, length_of_bytes, BYTES))},
    {.name = "LPAD",
     .category = "String",
     .signature = "LPAD(text, length, padding)",
     .description = "The text, or BYTES, filled up on the left, or cut, to the length; NULL when the length is "
                    "negative or the padding empty.",
     VARIANTS(VARIANT(type_string, pad_left_text, STRING, INTEGER, STRING),
              VARIANT(type_bytes, pad_left_bytes, BYTES, INTEGER, BYTES))},
    {.name = "REPLACE",
     .category = "String",
     .signature = "REPLACE(text, old, new)",
     .description = "The text with every `old` in it replaced by `new`.",
     VARIANTS(VARIANT(type_string, replace, STRING, STRING, STRING))},
    {.name = "RPAD",
     .category = "String",
     .signature = "RPAD(text, length, padding)",
     .description = "The text, or BYTES, filled up on the right, or cut, to the length; NULL when the length is "
                    "negative or the padding empty.",
     VARIANTS(VARIANT(type_string, pad_right_text, STRING, INTEGER, STRING),
              VARIANT(type_bytes, pad_right_bytes, BYTES, INTEGER, BYTES))},
    {.name = "SUBSTRING",
     .category = "String",
     .signature = "SUBSTRING(text, position[, length])",
     .description =
         "The part of a text, or of BYTES, from a position on (from 1; negative: from the end), at most `length` long.",
     VARIANTS(VARIANT(type_string, substring_of_text, STRING, INTEGER),
              VARIANT(type_string, substring_of_text, STRING, INTEGER, INTEGER),
              VARIANT(type_bytes, substring_of_bytes, BYTES, INTEGER),
              VARIANT(type_bytes, substring_of_bytes, BYTES, INTEGER, INTEGER))},
    {.name = "TRIM",
     .category = "String",
     .signature = "TRIM(text)",
     .description = "The text without spaces and control characters at both ends.",
     VARIANTS(VARIANT(type_string, trim, STRING))},
    {.name = "UUID",
     .category = "String",
     .signature = "UUID([bytes])",
     .description = "A random UUID (version 4) that follows from the record's place in the log, or the one that 16 "
                    "BYTES are; NULL "
                    "when they are not 16.",
     .changing = true,
     VARIANTS({.result = &type_string, .call = uuid_random}, VARIANT(type_string, uuid_of_bytes, BYTES))});

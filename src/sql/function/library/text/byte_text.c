/* hex, utf8, ascii and base64: a writer and a strict reader for each. */
#include "sql/function/library/text/byte_text.h"

#include "codec/row/row_value.h"
#include "core/text.h"
#include "sql/function/library/text/text_units.h"
#include <openssl/evp.h>
#include <strings.h>

bool byte_text_encoding(struct slice name, enum byte_text *ret_encoding) {
    static const char *const names[] = {
        [BYTE_TEXT_HEX] = "hex", [BYTE_TEXT_UTF8] = "utf8", [BYTE_TEXT_ASCII] = "ascii", [BYTE_TEXT_BASE64] = "base64"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name.length == strlen(names[i]) && strncasecmp(name.data, names[i], name.length) == 0) {
            *ret_encoding = (enum byte_text)i;
            return true;
        }
    return false;
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_hex(struct slice bytes, struct bytes *to) {
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        bytes_append(to, (char[]){"0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]}, 2);
    }
}

static void write_characters(struct slice bytes, bool ascii, struct bytes *to) {
    for (size_t at = 0, length; at < bytes.length; at += length) {
        length = ascii ? (unsigned char)bytes.data[at] < 0x80 : utf8_length(bytes.data + at, bytes.length - at);
        if (length)
            bytes_append(to, bytes.data + at, length);
        else
            bytes_append_string(to, "\xef\xbf\xbd");
        length = length ? length : 1;
    }
}

void byte_text_write(enum byte_text encoding, struct slice bytes, struct bytes *to) {
    if (encoding == BYTE_TEXT_HEX)
        write_hex(bytes, to);
    else if (encoding == BYTE_TEXT_BASE64)
        row_write_base64(to, bytes);
    else
        write_characters(bytes, encoding == BYTE_TEXT_ASCII, to);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int hex_digit(char c) {
    int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool read_hex(struct slice text, struct bytes *to) {
    if (text.length >= 2 && text.data[0] == '0' && (text.data[1] | 0x20) == 'x')
        text = (struct slice){text.data + 2, text.length - 2};
    else if (text.length >= 3 && (text.data[0] | 0x20) == 'x' && text.data[1] == '\'' &&
             text.data[text.length - 1] == '\'')
        text = (struct slice){text.data + 2, text.length - 3};
    int high = text.length % 2 ? 0 : -1;
    for (size_t i = 0; i < text.length; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0)
            return false;
        if (high < 0) {
            high = digit;
        } else {
            bytes_append_char(to, (char)(high << 4 | digit));
            high = -1;
        }
    }
    return true;
}

static bool base64_digit(char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' || c == '/';
}

static bool read_base64(struct slice text, struct bytes *to) {
    size_t digits = text.length;
    while (digits && text.length - digits < 2 && text.data[digits - 1] == '=')
        digits--;
    bool padded = digits < text.length;
    if (digits % 4 == 1 || (padded && text.length % 4))
        return false;
    for (size_t i = 0; i < digits; i++)
        if (!base64_digit(text.data[i]))
            return false;
    struct bytes whole = {0};
    bytes_append(&whole, text.data, digits);
    for (size_t i = digits; i % 4; i++)
        bytes_append_char(&whole, '=');
    char *place = bytes_reserve(to, whole.length / 4 * 3 + 1);
    to->failed |= whole.failed;
    if (place && !whole.failed && digits &&
        EVP_DecodeBlock((unsigned char *)place, (const unsigned char *)whole.data, (int)whole.length) >= 0)
        to->length += digits * 3 / 4;
    bytes_release(&whole);
    return true;
}

static void read_ascii(struct slice text, struct bytes *to) {
    for (size_t at = 0, length; at < text.length; at += length) {
        length = text_character((struct slice){text.data + at, text.length - at});
        bytes_append_char(to, (unsigned char)text.data[at] < 0x80 ? text.data[at] : '?');
    }
}

bool byte_text_read(enum byte_text encoding, struct slice text, struct bytes *to) {
    switch (encoding) {
    case BYTE_TEXT_HEX:
        return read_hex(text, to);
    case BYTE_TEXT_BASE64:
        return read_base64(text, to);
    case BYTE_TEXT_ASCII:
        read_ascii(text, to);
        return true;
    default:
        bytes_append_slice(to, text);
        return true;
    }
}

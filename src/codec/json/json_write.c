/* JSON text of readings and aggregates. Room for the longest row of plain strings is reserved once and written
 * without further checks; a string that needs escapes takes the slow way. */
#include "codec/json/json.h"
#include "core/number.h"
#include "core/text.h"
#include "model/time/time.h"

/* Not zero when a byte of the word needs an escape, or is not ASCII. */
static inline uint64_t json_escapes(uint64_t word) {
    return text_any_below(word, 0x20) | text_any_equal(word, '"') | text_any_equal(word, '\\') |
           text_any_equal(word, 0x7f) | (word & TEXT_HIGHS);
}

/* Printable ASCII without quote and backslash. */
static bool json_plain(struct slice text) {
    const char *at = text.data, *end = at + text.length;
    uint64_t found = 0;
    if (text.length >= 8) { /* the last eight, some of them a second time */
        for (; end - at > 8; at += 8)
            found |= json_escapes(text_load(at));
        return (found | json_escapes(text_load(end - 8))) == 0;
    }
    if (text.length >= 4) {
        uint64_t first = text_load_half(at), last = text_load_half(end - 4);
        return json_escapes(first << 32 | last) == 0;
    }
    for (; at < end; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f || *at == '"' || *at == '\\')
            return false;
    return true;
}

static void json_write_escape(struct bytes *to, unsigned char c) {
    static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t", digits[] = "0123456789abcdef";
    const char *known = c ? strchr(values, c) : NULL;
    char escape[6] = {'\\', known ? names[known - values] : 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    bytes_append(to, escape, known ? 2 : sizeof escape);
}

static void json_write_hard_string(struct bytes *to, struct slice text) {
    const char *at = text.data, *end = at + text.length;
    bytes_append_char(to, '"');
    while (at < end) {
        size_t length = utf8_length(at, (size_t)(end - at));
        unsigned char c = (unsigned char)*at;
        if (length == 0)
            bytes_append(to, "\xef\xbf\xbd", 3);
        else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            json_write_escape(to, c);
        else
            bytes_append(to, at, length);
        at += length ? length : 1;
    }
    bytes_append_char(to, '"');
}

void json_write_string(struct bytes *to, struct slice text) {
    if (!json_plain(text)) {
        json_write_hard_string(to, text);
        return;
    }
    char *at = bytes_reserve(to, text.length + 2);
    if (!at)
        return;
    at[0] = at[text.length + 1] = '"';
    if (text.length)
        memcpy(at + 1, text.data, text.length);
    to->length += text.length + 2;
}

#define JSON_PUT(at, literal) ((char *)memcpy(at, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

void json_write_reading(struct bytes *to, struct slice gateway, struct slice type, struct slice attribute,
                        int64_t timestamp, double value) {
    bytes_append_slice(to, SLICE("{\"gateway\":"));
    json_write_string(to, gateway);
    bytes_append_slice(to, SLICE(",\"metricType\":"));
    json_write_string(to, type);
    bytes_append_slice(to, SLICE(",\"metricAttribute\":"));
    json_write_string(to, attribute);
    char *start = bytes_reserve(to, sizeof ",\"timestamp\":\"\",\"value\":}" + TIME_TEXT_SIZE + NUMBER_DOUBLE_SIZE),
         *at = start;
    if (!at)
        return;
    at = JSON_PUT(at, ",\"timestamp\":\"");
    at += time_write(at, timestamp);
    at = JSON_PUT(at, "\",\"value\":");
    at += number_write_double(at, value);
    *at++ = '}';
    to->length += (size_t)(at - start);
}

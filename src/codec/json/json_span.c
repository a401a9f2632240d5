/* Spans over valid JSON: a value ends where the brackets that it opened are closed again; strings are passed over as
 * a whole. */
#include "codec/json/json_span.h"

#include "core/text.h"

void json_blank_comments(char *text, size_t length) {
    bool string = false;
    for (size_t i = 0; i < length; i++) {
        if (string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            string = !string;
        else if (!string && text[i] == '/' && i + 1 < length && text[i + 1] == '/')
            while (i < length && text[i] != '\n')
                text[i++] = ' ';
    }
}

static const char *json_skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == ',' || *at == ':'))
        at++;
    return at;
}

/* After the string that begins at `at`. */
static const char *json_skip_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* After the value that begins at `at`. */
static const char *json_skip_value(const char *at, const char *end) {
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = json_skip_string(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        if (depth == 0) { /* a number or a word */
            while (at < end && !char_among(*at, ",:]} \t\r\n"))
                at++;
            return at;
        }
        depth -= *at == '}' || *at == ']';
        at++;
    } while (depth > 0 && at < end);
    return at;
}

struct slice json_span_inside(struct slice text) {
    const char *end = text.data + text.length, *at = text.data ? json_skip_space(text.data, end) : NULL;
    if (!at || at == end || (*at != '{' && *at != '['))
        return (struct slice){0};
    return (struct slice){at + 1, (size_t)(end - at) - 1};
}

bool json_span_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value) {
    const char *end = rest->data + rest->length, *at = json_skip_space(rest->data, end);
    *ret_name = (struct slice){0};
    if (at >= end || *at == '}' || *at == ']')
        return false;
    const char *behind = json_skip_value(at, end), *colon = behind;
    while (colon < end && char_among(*colon, " \t\r\n"))
        colon++;
    if (*at == '"' && colon < end && *colon == ':') {
        *ret_name = (struct slice){at + 1, (size_t)(behind - at) - 2};
        at = json_skip_space(colon, end);
        behind = json_skip_value(at, end);
    }
    *ret_value = (struct slice){at, (size_t)(behind - at)};
    *rest = (struct slice){behind, (size_t)(end - behind)};
    return true;
}

struct slice json_span_member(struct slice object, const char *name) {
    struct slice rest = json_span_inside(object), member, value;
    while (rest.data && json_span_next(&rest, &member, &value))
        if (slice_equal(member, slice_of(name)))
            return value;
    return (struct slice){0};
}

bool json_span_string(struct slice text, struct bytes *to) {
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    if (text.length < 2 || text.data[0] != '"')
        return false;
    const char *at = text.data + 1, *end = text.data + text.length - 1;
    while (at < end) {
        if (*at != '\\') {
            bytes_append_char(to, *at++);
            continue;
        }
        const char *letter = strchr(letters, at[1]);
        if (at[1] == 'u') {
            char character[4];
            unsigned code = 0xfffd;
            size_t used = json_unicode(at + 2, end, &code);
            bytes_append(to, character, (size_t)(utf8_write(character, code) - character));
            at += 2 + (used ? used : 4);
        } else {
            bytes_append_char(to, letter && *letter ? meanings[letter - letters] : at[1]);
            at += 2;
        }
    }
    return !to->failed;
}

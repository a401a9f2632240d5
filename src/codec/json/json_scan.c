/* The slow paths of the scanner: strings with escapes or with bytes above 0x7f, and values that are skipped. Values
 * are skipped without recursion, with a count of what is open. */
#include "codec/json/json_scan.h"

#include "codec/json/json.h"
#include "codec/row/reason.h"

__attribute__((cold)) bool json_refuse(struct json_scan *scan, const char *what) {
    scan->reason = scan->arena
                       ? reason_format(scan->arena, "not JSON: %s at byte %zu", what, (size_t)(scan->at - scan->start))
                       : what;
    return false;
}

__attribute__((cold)) bool json_unexpected(struct json_scan *scan) {
    char what[40];
    unsigned char c = scan->at < scan->end ? (unsigned char)*scan->at : 0;
    if (!scan->arena) {
        scan->reason = "not JSON";
        return false;
    }
    if (scan->at == scan->end) {
        scan->reason =
            reason_format(scan->arena, "truncated: the JSON text ends at byte %zu", (size_t)(scan->at - scan->start));
        return false;
    }
    snprintf(what, sizeof what, c >= 0x20 && c < 0x7f ? "unexpected '%c'" : "unexpected byte 0x%02x", c);
    return json_refuse(scan, what);
}

/* --- strings
 * ------------------------------------------------------------------------------------------------------------------ */

static const char json_escape_names[] = "\"\\/bfnrt", json_escape_values[] = "\"\\/\b\f\n\r\t";

bool json_check_escape(struct json_scan *scan) {
    unsigned character;
    if (scan->end - scan->at < 2) {
        scan->at = scan->end;
        return json_unexpected(scan);
    }
    char c = scan->at[1];
    size_t length = c == 'u' ? json_unicode(scan->at + 2, scan->end, &character) : 0;
    if (!length && !char_among(c, json_escape_names))
        return json_refuse(scan, c == 'u' ? "a wrong \\u escape or half a surrogate pair" : "an unknown escape");
    scan->at += 2 + length;
    return true;
}

/* Escapes never grow: six bytes of \uXXXX become at most three, twelve four. */
bool json_text_slow(struct json_scan *scan, const struct json_span *span, struct slice *ret_text) {
    if (span->high && !utf8_valid(span->text)) {
        scan->at = span->text.data;
        return json_refuse(scan, "a string that is not UTF-8");
    }
    if (!span->escapes) {
        *ret_text = span->text;
        return true;
    }
    char *copy = arena_allocate(scan->arena, span->text.length + 1), *to = copy;
    if (!copy) {
        scan->no_memory = true;
        return json_refuse(scan, "out of memory");
    }
    const char *at = span->text.data, *end = at + span->text.length;
    while (at < end) {
        unsigned character = 0;
        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] == 'u') {
            at += 2 + json_unicode(at + 2, end, &character);
            to = utf8_write(to, character);
        } else {
            *to++ = json_escape_values[strchr(json_escape_names, at[1]) - json_escape_names];
            at += 2;
        }
    }
    *ret_text = (struct slice){copy, (size_t)(to - copy)};
    return true;
}

/* --- what is skipped
 * ---------------------------------------------------------------------------------------------------------- */

bool json_word(struct json_scan *scan, struct slice word) {
    if ((size_t)(scan->end - scan->at) < word.length || memcmp(scan->at, word.data, word.length) != 0)
        return false;
    scan->at += word.length;
    return true;
}

static bool json_skip_members(struct json_scan *scan, char close, int depth) {
    struct json_span name;
    if (json_take(scan, close))
        return true;
    do {
        if (close == '}') {
            if (!json_take(scan, '"'))
                return json_unexpected(scan);
            if (!json_span(scan, &name))
                return false;
            if (!json_take(scan, ':'))
                return json_unexpected(scan);
        }
        if (!json_skip(scan, depth))
            return false;
    } while (json_take(scan, ','));
    return json_take(scan, close) || json_unexpected(scan);
}

bool json_skip(struct json_scan *scan, int depth) {
    struct json_span span;
    struct slice text;
    json_space(scan);
    if (scan->at == scan->end)
        return json_unexpected(scan);
    switch (*scan->at) {
    case '"':
        scan->at++;
        return json_span(scan, &span);
    case '{':
    case '[':
        if (depth >= JSON_DEPTH_MAXIMUM)
            return json_refuse(scan, "nested deeper than 64");
        return json_skip_members(scan, *scan->at++ == '{' ? '}' : ']', depth + 1);
    case 't':
        return json_word(scan, SLICE("true")) || json_unexpected(scan);
    case 'f':
        return json_word(scan, SLICE("false")) || json_unexpected(scan);
    case 'n':
        return json_word(scan, SLICE("null")) || json_unexpected(scan);
    default:
        return json_number(scan, &text);
    }
}

bool json_object_valid(struct slice text) {
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length};
    if (text.length == 0 || text.data[0] != '{' || !json_skip(&scan, 0))
        return false;
    json_space(&scan);
    return scan.at == scan.end && utf8_valid(text);
}

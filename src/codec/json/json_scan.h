/* The grammar of JSON (RFC 8259), byte by byte: what readers of readings and of rows share.
 *
 * A string is scanned once for its end and its grammar (json_span); only a string that is used and has escapes is
 * copied, into the arena, and only one that is used and has bytes above 0x7f is checked for UTF-8. Every function
 * returns false when the text is no JSON, with `reason` set. Invariant: start <= at <= end. */
#ifndef METERLINE_CODEC_JSON_JSON_SCAN_H
#define METERLINE_CODEC_JSON_JSON_SCAN_H

#include "core/arena.h"
#include "core/text.h"

enum { JSON_DEPTH_MAXIMUM = 64 };

struct json_scan {
    const char *start, *at, *end;
    struct arena *arena; /* for reasons and for strings with escapes; NULL: the grammar alone is looked at */
    const char *reason;
    bool no_memory; /* the reason is want of memory, not the text */
};

/* What lies between the quotes of a string. */
struct json_span {
    struct slice text;
    bool escapes, high; /* has backslashes; has bytes above 0x7f */
};

/* "not JSON: WHAT at byte N" */
bool json_refuse(struct json_scan *scan, const char *what);
/* What stands here cannot stand here. */
bool json_unexpected(struct json_scan *scan);
/* At a backslash: moves after the escape when it is right. */
bool json_check_escape(struct json_scan *scan);
/* The string that a span with escapes or high bytes stands for; its escapes have been checked. */
bool json_text_slow(struct json_scan *scan, const struct json_span *span, struct slice *ret_text);
/* Moves after any value; `depth` counts the lists and objects that it stands in. */
bool json_skip(struct json_scan *scan, int depth);
bool json_word(struct json_scan *scan, struct slice word);

static inline void json_space(struct json_scan *scan) {
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static inline bool json_take(struct json_scan *scan, char c) {
    if (scan->at < scan->end && *scan->at <= ' ')
        json_space(scan);
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

/* Scans a string after its opening quote, to after its closing one. */
static inline bool json_span(struct json_scan *scan, struct json_span *ret_span) {
    const char *first = scan->at;
    uint64_t high = 0;
    bool escapes = false;
    for (;;) {
        while (scan->end - scan->at >= 8) {
            uint64_t word = text_load(scan->at);
            if (text_any_equal(word, '"') | text_any_equal(word, '\\') | text_any_below(word, 0x20))
                break;
            high |= word & TEXT_HIGHS;
            scan->at += 8;
        }
        while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' && (unsigned char)*scan->at >= 0x20)
            high |= (unsigned char)*scan->at++ & 0x80;
        if (scan->at == scan->end || (unsigned char)*scan->at < 0x20)
            return json_unexpected(scan);
        if (*scan->at == '"')
            break;
        escapes = true;
        if (!json_check_escape(scan))
            return false;
    }
    *ret_span = (struct json_span){{first, (size_t)(scan->at - first)}, escapes, high != 0};
    scan->at++;
    return true;
}

static inline bool json_text(struct json_scan *scan, const struct json_span *span, struct slice *ret_text) {
    if (span->high || span->escapes)
        return json_text_slow(scan, span, ret_text);
    *ret_text = span->text;
    return true;
}

static inline bool json_digits(struct json_scan *scan) {
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > first || json_unexpected(scan);
}

/* A number by the grammar: no plus, no leading zeros, digits around the point. */
static inline bool json_number(struct json_scan *scan, struct slice *ret_text) {
    const char *first = scan->at;
    if (scan->at < scan->end && *scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++;
    else if (!json_digits(scan))
        return false;
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!json_digits(scan))
            return false;
    }
    if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        if (!json_digits(scan))
            return false;
    }
    *ret_text = (struct slice){first, (size_t)(scan->at - first)};
    return true;
}

static inline bool json_at_number(const struct json_scan *scan) {
    return scan->at < scan->end && (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'));
}

#endif

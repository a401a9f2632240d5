/* A scanner of one flat object: names are matched against the batch's columns, everything else is checked and skipped.
 *
 * A string is scanned once for its end and its grammar (json_span); only a string that is used and has escapes is copied, into the batch's arena,
 * and only one that is used and has bytes above 0x7f is checked for UTF-8. Invariant: start <= at <= end. */
#include "codec/json.h"
#include "codec/reason.h"
#include "codec/text.h"
#include "core/number.h"
#include "model/time.h"

enum { JSON_DEPTH_MAXIMUM = 64 };

struct json_scan {
    const char *start, *at, *end;
    struct batch *batch;          /* NULL: the grammar alone is looked at */
    size_t row;
    const char *reason;
};

/* What lies between the quotes of a string. */
struct json_span {
    struct slice text;
    bool escapes, high;           /* has backslashes; has bytes above 0x7f */
};

static __attribute__((cold)) bool json_refuse(struct json_scan *scan, const char *what) {
    scan->reason = scan->batch ? reason_format(&scan->batch->arena, "not JSON: %s at byte %zu", what, (size_t)(scan->at - scan->start)) : what;
    return false;
}

/* What stands here cannot stand here. */
static __attribute__((cold)) bool json_unexpected(struct json_scan *scan) {
    char what[40];
    unsigned char c = scan->at < scan->end ? (unsigned char)*scan->at : 0;
    if (!scan->batch) {
        scan->reason = "not JSON";
        return false;
    }
    if (scan->at == scan->end) {
        scan->reason = reason_format(&scan->batch->arena, "truncated: the JSON text ends at byte %zu, before its object", (size_t)(scan->at - scan->start));
        return false;
    }
    snprintf(what, sizeof what, c >= 0x20 && c < 0x7f ? "unexpected '%c'" : "unexpected byte 0x%02x", c);
    return json_refuse(scan, what);
}

static __attribute__((cold)) bool json_refuse_field(struct json_scan *scan, size_t column, const char *problem) {
    scan->reason = reason_format(&scan->batch->arena, "%s %s", scan->batch->schema->columns[column].name, problem);
    return false;
}

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

/* --- strings ------------------------------------------------------------------------------------------------------------------ */

static const char json_escape_names[] = "\"\\/bfnrt", json_escape_values[] = "\"\\/\b\f\n\r\t";

/* At a backslash: moves behind the escape when it is right. */
static bool json_check_escape(struct json_scan *scan) {
    unsigned character;
    if (scan->end - scan->at < 2) {
        scan->at = scan->end;
        return json_unexpected(scan);
    }
    char c = scan->at[1];
    size_t length = c == 'u' ? json_unicode(scan->at + 2, scan->end, &character) : 0;
    if (!length && (c == '\0' || !strchr(json_escape_names, c)))
        return json_refuse(scan, c == 'u' ? "a wrong \\u escape or half a surrogate pair" : "an unknown escape");
    scan->at += 2 + length;
    return true;
}

/* Scans a string behind its opening quote, to behind its closing one. */
static bool json_span(struct json_scan *scan, struct json_span *ret_span) {
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

/* The string that a span stands for; its escapes have been checked. They never grow: six bytes of \uXXXX become at most three, twelve four. */
static bool json_text(struct json_scan *scan, const struct json_span *span, struct slice *ret_text) {
    if (span->high && !utf8_valid(span->text)) {
        scan->at = span->text.data;
        return json_refuse(scan, "a string that is not UTF-8");
    }
    if (!span->escapes) {
        *ret_text = span->text;
        return true;
    }
    char *copy = arena_allocate(&scan->batch->arena, span->text.length + 1), *to = copy;
    if (!copy)
        return json_refuse(scan, "out of memory");
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

/* --- numbers and what is skipped ------------------------------------------------------------------------------------------------ */

static bool json_digits(struct json_scan *scan) {
    const char *first = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > first || json_unexpected(scan);
}

/* A number by the grammar: no plus, no leading zeros, digits around the point. */
static bool json_number(struct json_scan *scan, struct slice *ret_text) {
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

static bool json_word(struct json_scan *scan, struct slice word) {
    if ((size_t)(scan->end - scan->at) < word.length || memcmp(scan->at, word.data, word.length) != 0)
        return false;
    scan->at += word.length;
    return true;
}

static bool json_skip(struct json_scan *scan, int depth);

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

/* Any value; `depth` counts the lists and objects that it stands in. */
static bool json_skip(struct json_scan *scan, int depth) {
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

/* --- the columns ---------------------------------------------------------------------------------------------------------------- */

/* A value stands here that cannot be what the column wants. */
static __attribute__((cold)) bool json_refuse_type(struct json_scan *scan, size_t column, const char *wanted) {
    char text[120];
    const char *what = "a number";
    switch (scan->at < scan->end ? *scan->at : 0) {
    case '"':
        what = "a string";
        break;
    case '{':
        what = "an object";
        break;
    case '[':
        what = "a list";
        break;
    case 't':
    case 'f':
        what = "true or false";
        break;
    case 'n':
        return json_word(scan, SLICE("null")) ? json_refuse_field(scan, column, "is null") : json_unexpected(scan);
    }
    snprintf(text, sizeof text, "is %s, not %s", what, wanted);
    return json_refuse_field(scan, column, text);
}

static bool json_at_number(const struct json_scan *scan) {
    return scan->at < scan->end && (*scan->at == '-' || (*scan->at >= '0' && *scan->at <= '9'));
}

/* Does a value stand here that a program would write for a double that is not finite (NaN, Infinity, -Infinity)? */
static bool json_at_infinite(const struct json_scan *scan) {
    const char *at = scan->at + (scan->at < scan->end && *scan->at == '-');
    return at < scan->end && (*at == 'N' || *at == 'I');
}

static bool json_read_string(struct json_scan *scan, size_t column) {
    struct json_span span;
    if (!json_take(scan, '"'))
        return scan->at < scan->end && (json_at_number(scan) || strchr("{[tfn", *scan->at)) ? json_refuse_type(scan, column, "a string") : json_unexpected(scan);
    return json_span(scan, &span) && json_text(scan, &span, &scan->batch->columns[column].strings[scan->row]);
}

static bool json_read_timestamp(struct json_scan *scan, size_t column) {
    const char *name = scan->batch->schema->columns[column].name;
    int64_t *ret_time = &scan->batch->columns[column].integers[scan->row], time;
    struct json_span span;
    struct slice text;
    if (json_take(scan, '"')) {
        if (!json_span(scan, &span) || !json_text(scan, &span, &text))
            return false;
        if (!time_read(text, ret_time))
            scan->reason = reason_timestamp(&scan->batch->arena, name, text);
        return !scan->reason;
    }
    if (!json_at_number(scan))
        return scan->at < scan->end && strchr("{[tfn", *scan->at) ? json_refuse_type(scan, column, "a time") : json_unexpected(scan);
    if (!json_number(scan, &text))
        return false;
    if (!number_read_integer(text, &time))
        return json_refuse_field(scan, column, "is neither an ISO-8601 time nor a whole number of milliseconds");
    if (time < TIME_MINIMUM || time > TIME_MAXIMUM)
        scan->reason = reason_range(&scan->batch->arena, name, time);
    *ret_time = time;
    return !scan->reason;
}

static bool json_read_number(struct json_scan *scan, size_t column) {
    union column *to = &scan->batch->columns[column];
    bool whole = scan->batch->schema->columns[column].type == COLUMN_INTEGER;
    struct slice text;
    json_space(scan);
    if (!whole && json_at_infinite(scan))
        return json_refuse_field(scan, column, "is not a finite number");
    if (!json_at_number(scan))
        return scan->at < scan->end && strchr("\"{[tfn", *scan->at) ? json_refuse_type(scan, column, "a number") : json_unexpected(scan);
    if (!json_number(scan, &text))
        return false;
    if (whole)
        return number_read_integer(text, &to->integers[scan->row]) || json_refuse_field(scan, column, "is not a whole number");
    return number_read_double(text, &to->doubles[scan->row]) || json_refuse_field(scan, column, "is not a finite number");
}

static bool json_read_column(struct json_scan *scan, size_t column) {
    switch (scan->batch->schema->columns[column].type) {
    case COLUMN_STRING:
        return json_read_string(scan, column);
    case COLUMN_TIMESTAMP:
        return json_read_timestamp(scan, column);
    case COLUMN_INTEGER:
    case COLUMN_DOUBLE:
        return json_read_number(scan, column);
    }
    return false;
}

/* The column of that name, or schema->count; `guess` is looked at first, as names mostly come in the same order. */
static size_t json_find_column(const struct schema *schema, struct slice name, size_t guess) {
    if (guess < schema->count && slice_equal(name, slice_of(schema->columns[guess].name)))
        return guess;
    size_t c = 0;
    while (c < schema->count && !slice_equal(name, slice_of(schema->columns[c].name)))
        c++;
    return c;
}

static bool json_read_member(struct json_scan *scan, uint64_t *seen, size_t *guess) {
    const struct schema *schema = scan->batch->schema;
    struct json_span span;
    struct slice name;
    if (!json_take(scan, '"'))
        return json_unexpected(scan);
    if (!json_span(scan, &span))
        return false;
    name = span.text;
    if (span.escapes && !json_text(scan, &span, &name))
        return false;
    if (!json_take(scan, ':'))
        return json_unexpected(scan);
    size_t column = json_find_column(schema, name, *guess);
    if (column == schema->count)
        return json_skip(scan, 1);
    if (*seen >> column & 1)
        return json_refuse_field(scan, column, "is there twice");
    *seen |= UINT64_C(1) << column;
    *guess = column + 1;
    return json_read_column(scan, column);
}

static bool json_read_object(struct json_scan *scan) {
    uint64_t seen = 0;
    size_t guess = 0, count = scan->batch->schema->count;
    if (!json_take(scan, '{'))
        return json_unexpected(scan);
    if (!json_take(scan, '}')) {
        do {
            if (!json_read_member(scan, &seen, &guess))
                return false;
        } while (json_take(scan, ','));
        if (!json_take(scan, '}'))
            return json_unexpected(scan);
    }
    json_space(scan);
    if (scan->at != scan->end)
        return json_unexpected(scan);
    for (size_t c = 0; c < count; c++)
        if (!(seen >> c & 1)) {
            scan->reason = reason_format(&scan->batch->arena, "field %s is missing", scan->batch->schema->columns[c].name);
            return false;
        }
    return true;
}

const char *json_decode(struct slice text, struct batch *batch, size_t row) {
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length, .batch = batch, .row = row};
    return json_read_object(&scan) ? NULL : scan.reason;
}

bool json_object_valid(struct slice text) {
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length};
    if (text.length == 0 || text.data[0] != '{' || !json_skip(&scan, 0))
        return false;
    json_space(&scan);
    return scan.at == scan.end && utf8_valid(text);
}

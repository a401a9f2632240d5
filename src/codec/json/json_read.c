/* A scanner of one flat object: names are matched against the batch's columns, everything else is checked and
 * skipped. */
#include "codec/json/json.h"
#include "codec/json/json_scan.h"
#include "codec/row/reason.h"
#include "core/number.h"
#include "model/time.h"

struct json_reading {
    struct json_scan scan;
    struct batch *batch;
    size_t row;
};

static __attribute__((cold)) bool json_refuse_field(struct json_reading *reading, size_t column, const char *problem) {
    reading->scan.reason =
        reason_format(&reading->batch->arena, "%s %s", reading->batch->schema->columns[column].name, problem);
    return false;
}

/* A value stands here that cannot be what the column wants. */
static __attribute__((cold)) bool json_refuse_type(struct json_reading *reading, size_t column, const char *wanted) {
    struct json_scan *scan = &reading->scan;
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
        return json_word(scan, SLICE("null")) ? json_refuse_field(reading, column, "is null") : json_unexpected(scan);
    }
    snprintf(text, sizeof text, "is %s, not %s", what, wanted);
    return json_refuse_field(reading, column, text);
}

/* Does a value stand here that a program would write for a double that is not finite (NaN, Infinity, -Infinity)? */
static bool json_at_infinite(const struct json_scan *scan) {
    const char *at = scan->at + (scan->at < scan->end && *scan->at == '-');
    return at < scan->end && (*at == 'N' || *at == 'I');
}

static bool json_read_string(struct json_reading *reading, size_t column) {
    struct json_scan *scan = &reading->scan;
    struct json_span span;
    if (!json_take(scan, '"'))
        return scan->at < scan->end && (json_at_number(scan) || char_among(*scan->at, "{[tfn"))
                   ? json_refuse_type(reading, column, "a string")
                   : json_unexpected(scan);
    return json_span(scan, &span) && json_text(scan, &span, &reading->batch->columns[column].strings[reading->row]);
}

static bool json_read_timestamp(struct json_reading *reading, size_t column) {
    struct json_scan *scan = &reading->scan;
    const char *name = reading->batch->schema->columns[column].name;
    int64_t *ret_time = &reading->batch->columns[column].integers[reading->row], time;
    struct json_span span;
    struct slice text;
    if (json_take(scan, '"')) {
        if (!json_span(scan, &span) || !json_text(scan, &span, &text))
            return false;
        if (!time_read(text, ret_time))
            scan->reason = reason_timestamp(&reading->batch->arena, name, text);
        return !scan->reason;
    }
    if (!json_at_number(scan))
        return scan->at < scan->end && char_among(*scan->at, "{[tfn") ? json_refuse_type(reading, column, "a time")
                                                                      : json_unexpected(scan);
    if (!json_number(scan, &text))
        return false;
    if (!number_read_integer(text, &time))
        return json_refuse_field(reading, column, "is neither an ISO-8601 time nor a whole number of milliseconds");
    if (time < TIME_MINIMUM || time > TIME_MAXIMUM)
        scan->reason = reason_range(&reading->batch->arena, name, time);
    *ret_time = time;
    return !scan->reason;
}

static bool json_read_number(struct json_reading *reading, size_t column) {
    struct json_scan *scan = &reading->scan;
    union column *to = &reading->batch->columns[column];
    bool whole = reading->batch->schema->columns[column].type == COLUMN_INTEGER;
    struct slice text;
    json_space(scan);
    if (!whole && json_at_infinite(scan))
        return json_refuse_field(reading, column, "is not a finite number");
    if (!json_at_number(scan))
        return scan->at < scan->end && char_among(*scan->at, "\"{[tfn") ? json_refuse_type(reading, column, "a number")
                                                                        : json_unexpected(scan);
    if (!json_number(scan, &text))
        return false;
    if (whole)
        return number_read_integer(text, &to->integers[reading->row]) ||
               json_refuse_field(reading, column, "is not a whole number");
    return number_read_double(text, &to->doubles[reading->row]) ||
           json_refuse_field(reading, column, "is not a finite number");
}

static bool json_read_column(struct json_reading *reading, size_t column) {
    switch (reading->batch->schema->columns[column].type) {
    case COLUMN_STRING:
        return json_read_string(reading, column);
    case COLUMN_TIMESTAMP:
        return json_read_timestamp(reading, column);
    case COLUMN_INTEGER:
    case COLUMN_DOUBLE:
        return json_read_number(reading, column);
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

static bool json_read_member(struct json_reading *reading, uint64_t *seen, size_t *guess) {
    struct json_scan *scan = &reading->scan;
    const struct schema *schema = reading->batch->schema;
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
        return json_refuse_field(reading, column, "is there twice");
    *seen |= UINT64_C(1) << column;
    *guess = column + 1;
    return json_read_column(reading, column);
}

static bool json_read_object(struct json_reading *reading) {
    struct json_scan *scan = &reading->scan;
    uint64_t seen = 0;
    size_t guess = 0, count = reading->batch->schema->count;
    if (!json_take(scan, '{'))
        return json_unexpected(scan);
    if (!json_take(scan, '}')) {
        do {
            if (!json_read_member(reading, &seen, &guess))
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
            scan->reason =
                reason_format(&reading->batch->arena, "field %s is missing", reading->batch->schema->columns[c].name);
            return false;
        }
    return true;
}

const char *json_decode(struct slice text, struct batch *batch, size_t row) {
    struct json_reading reading = {
        {.start = text.data, .at = text.data, .end = text.data + text.length, .arena = &batch->arena}, batch, row};
    return json_read_object(&reading) ? NULL : reading.scan.reason;
}

bool json_object_valid(struct slice text) {
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length};
    if (text.length == 0 || text.data[0] != '{' || !json_skip(&scan, 0))
        return false;
    json_space(&scan);
    return scan.at == scan.end && utf8_valid(text);
}

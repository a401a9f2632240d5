/* A line without quotes is split in place; one with quotes is copied without them first. */
#include "codec/reading_csv.h"

#include "codec/row/reason.h"
#include "core/number.h"
#include "model/time/time.h"

static const char *const reading_csv_names[READING_COLUMNS] = {"gateway", "type", "attribute", "timestamp", "value"};

typedef struct slice csv_fields[READING_CSV_COLUMNS_MAXIMUM];

/* How many there are, of which at most READING_CSV_COLUMNS_MAXIMUM are stored. */
static size_t csv_split_plain(struct slice line, csv_fields fields) {
    size_t count = 0;
    const char *at = line.data, *end = at + line.length;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (count < READING_CSV_COLUMNS_MAXIMUM)
            fields[count] = (struct slice){at, (size_t)((comma ? comma : end) - at)};
        count++;
        if (!comma)
            return count;
        at = comma + 1;
    }
}

/* NULL, or why the line cannot be split. */
static const char *csv_split(struct reading_csv *csv, struct slice line, csv_fields fields, size_t *ret_count) {
    *ret_count = 0;
    if (!memchr(line.data, '"', line.length)) {
        *ret_count = csv_split_plain(line, fields);
        return NULL;
    }
    csv->unquoted.length = 0;
    char *to = bytes_reserve(&csv->unquoted, line.length);
    if (!to)
        return "memory has run out";
    const char *at = line.data, *end = at + line.length;
    for (;;) {
        struct slice field = {to, 0};
        bool quoted = at < end && *at == '"';
        for (at += quoted; at < end && (quoted || *at != ','); at++) {
            if (*at == '"' && !quoted)
                return "a quote in the middle of a field without quotes";
            if (*at == '"' && (at + 1 == end || at[1] != '"'))
                break;
            at += *at == '"';
            *to++ = *at;
        }
        if (quoted && at++ == end)
            return "a quoted field does not end on its line";
        if (at < end && *at != ',')
            return "something follows a closing quote";
        field.length = (size_t)(to - field.data);
        if (*ret_count < READING_CSV_COLUMNS_MAXIMUM)
            fields[*ret_count] = field;
        ++*ret_count;
        if (at++ == end)
            return NULL;
    }
}

enum reading_csv_header reading_csv_read_header(struct reading_csv *csv, struct slice line, struct slice *ret_extra) {
    csv_fields fields;
    if (csv_split(csv, line, fields, &csv->columns) || csv->columns > READING_CSV_COLUMNS_MAXIMUM)
        return READING_CSV_NO_HEADER;
    bool seen[READING_COLUMNS] = {0};
    struct slice extra = {0};
    size_t found = 0;
    for (size_t i = 0; i < csv->columns; i++) {
        size_t column = 0;
        while (column < READING_COLUMNS &&
               (seen[column] || !slice_equal(fields[i], slice_of(reading_csv_names[column]))))
            column++;
        if (column == READING_COLUMNS) {
            extra = extra.data ? extra : fields[i];
            continue;
        }
        seen[column] = true;
        csv->column[column] = i;
        found++;
    }
    if (found < READING_COLUMNS)
        return READING_CSV_NO_HEADER;
    *ret_extra = extra;
    return extra.data ? READING_CSV_EXTRA_COLUMN : READING_CSV_GOOD;
}

static const char *csv_value_reason(struct arena *arena, struct slice value) {
    char shown[41];
    reason_show(shown, sizeof shown, value);
    return reason_format(arena, "value '%s' is not a finite number", shown);
}

void reading_csv_read(struct reading_csv *csv, struct slice line, struct arena *arena, struct reading *ret_reading) {
    csv_fields fields;
    size_t columns;
    *ret_reading = (struct reading){.reason = csv_split(csv, line, fields, &columns)};
    if (ret_reading->reason)
        return;
    if (columns != csv->columns) {
        ret_reading->reason = reason_format(arena, "%zu columns where the header has %zu", columns, csv->columns);
        return;
    }
    struct slice timestamp = fields[csv->column[READING_TIMESTAMP]], value = fields[csv->column[READING_VALUE]];
    ret_reading->null = value.length == 0 || slice_equal(value, SLICE("?"));
    if (ret_reading->null)
        return;
    if (!time_read(timestamp, &ret_reading->timestamp))
        ret_reading->reason = reason_timestamp(arena, "timestamp", timestamp);
    else if (!number_read_double(value, &ret_reading->value))
        ret_reading->reason = csv_value_reason(arena, value);
    ret_reading->series = (struct series){fields[csv->column[READING_GATEWAY]], fields[csv->column[READING_TYPE]],
                                          fields[csv->column[READING_ATTRIBUTE]]};
}

void reading_csv_release(struct reading_csv *csv) {
    bytes_release(&csv->unquoted);
    *csv = (struct reading_csv){0};
}

/* The columns of a result are found by name in its JSON; its key tells the series. */
#include "stream/sink/store_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/row/reason.h"
#include "codec/row/row_codec.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"

/* Times as text: ISO-8601, or a whole number of ms. */
static const struct row_column aggregate_columns[STORE_COLUMNS] = {
    [STORE_COLUMN_START] = {{"windowStart", 11}, &type_string},
    [STORE_COLUMN_END] = {{"windowEnd", 9}, &type_string},
    [STORE_COLUMN_COUNT] = {{"sampleCount", 11}, &type_double},
    [STORE_COLUMN_MINIMUM] = {{"min", 3}, &type_double},
    [STORE_COLUMN_MAXIMUM] = {{"max", 3}, &type_double},
    [STORE_COLUMN_SUM] = {{"sum", 3}, &type_double},
    [STORE_COLUMN_AVERAGE] = {{"average", 7}, &type_double},
    [STORE_COLUMN_TYPE] = {{"metricType", 10}, &type_string},
    [STORE_COLUMN_ATTRIBUTE] = {{"metricAttribute", 15}, &type_string},
    [STORE_COLUMN_GATEWAY] = {{"gateway", 7}, &type_string},
};

struct slice store_column_name(enum store_column column) {
    return aggregate_columns[column].name;
}

bool store_column_is_number(enum store_column column) {
    return aggregate_columns[column].type == &type_double;
}

int store_rows_open(struct store_rows *rows, const struct store_window *window, struct error *error) {
    *rows = (struct store_rows){0};
    int status = window_bounds_open(&rows->bounds, window, error);
    return status ? status
                  : row_reader_new(&(struct row_format){.format = FORMAT_JSON, .wrapped = true}, aggregate_columns,
                                   STORE_COLUMNS, NULL, &rows->reader, error);
}

void store_rows_release(struct store_rows *rows) {
    row_reader_free(rows->reader);
    arena_release(&rows->arena);
    window_bounds_release(&rows->bounds);
    free(rows->rows);
    *rows = (struct store_rows){0};
}

int store_rows_begin(struct store_rows *rows, size_t records, struct error *error) {
    rows->count = 0;
    arena_reset(&rows->arena);
    return memory_reserve((void **)&rows->rows, &rows->capacity, records, sizeof *rows->rows) ? 0
                                                                                              : error_no_memory(error);
}

const char *store_rows_check(const struct window_bounds *bounds, const struct aggregate_row *row, double count) {
    if (!window_bounds_fit(bounds, row->window_start, row->window_end))
        return "windowStart and windowEnd are not those of a window of this topic";
    if (!(count >= 1 && count <= 9007199254740992.0) || count != (double)(uint64_t)count)
        return "sampleCount is not a whole number above 0";
    return row->series.gateway.length && row->series.type.length && row->series.attribute.length
               ? NULL
               : "gateway, metricType or metricAttribute is empty";
}

bool store_rows_header_incomplete(const struct bus_record *record) {
    for (size_t i = 0; i < record->header_count; i++)
        if (slice_equal(record->headers[i].name, SLICE("incomplete")))
            return true;
    return false;
}

static bool store_rows_incomplete(const struct bus_record *record) {
    static const char member[] = "\"incomplete\":true"; /* a quote inside of a string would have a backslash */
    return store_rows_header_incomplete(record) ||
           memmem(record->value.data, record->value.length, member, sizeof member - 1) != NULL;
}

static const char *store_rows_time(struct store_rows *rows, const struct vector *columns, size_t column,
                                   int64_t *ret_time) {
    struct slice text = columns[column].texts[0];
    if (!time_read(text, ret_time) && !number_read_integer(text, ret_time))
        return reason_timestamp(&rows->arena, aggregate_columns[column].name.data, text);
    return *ret_time < TIME_MINIMUM || *ret_time > TIME_MAXIMUM
               ? reason_range(&rows->arena, aggregate_columns[column].name.data, *ret_time)
               : NULL;
}

/* The columns of a record; NULL, or why it has not all of them. */
static int store_rows_columns(struct store_rows *rows, const struct bus_record *record,
                              struct vector columns[STORE_COLUMNS], const char **ret_reason, struct error *error) {
    uint8_t outcome;
    const char *reason;
    for (size_t c = 0; c < STORE_COLUMNS; c++)
        if (!vector_allocate(&rows->arena, aggregate_columns[c].type, 1, &columns[c]))
            return error_no_memory(error);
    int status = row_reader_read(rows->reader, &record->value, sizeof record->value, 1, &rows->arena, columns, &outcome,
                                 &reason, error);
    if (status)
        return status;
    if (outcome == ROW_READ_NULL)
        reason = "no JSON object";
    for (size_t c = 0; c < STORE_COLUMNS && !reason; c++) {
        if (columns[c].nulls[0])
            reason = reason_format(&rows->arena, "%s is missing", aggregate_columns[c].name.data);
        else if (aggregate_columns[c].type == &type_double && !isfinite(columns[c].doubles[0]))
            reason = reason_format(&rows->arena, "%s is not a finite number", aggregate_columns[c].name.data);
    }
    *ret_reason = reason;
    return 0;
}

static const char *store_rows_take(struct store_rows *rows, const struct bus_record *record,
                                   const struct vector columns[STORE_COLUMNS], struct aggregate_row *row) {
    int64_t start = 0, end = 0;
    const char *reason = store_rows_time(rows, columns, STORE_COLUMN_START, &start);
    if (!reason)
        reason = store_rows_time(rows, columns, STORE_COLUMN_END, &end);
    if (reason)
        return reason;
    double count = columns[STORE_COLUMN_COUNT].doubles[0];
    *row = (struct aggregate_row){
        .series = {columns[STORE_COLUMN_GATEWAY].texts[0], columns[STORE_COLUMN_TYPE].texts[0],
                   columns[STORE_COLUMN_ATTRIBUTE].texts[0]},
        .key = record->key,
        .window_start = start,
        .window_end = end,
        .count = count >= 1 && count <= 9007199254740992.0 ? (uint64_t)count : 0,
        .minimum = columns[STORE_COLUMN_MINIMUM].doubles[0],
        .maximum = columns[STORE_COLUMN_MAXIMUM].doubles[0],
        .sum = columns[STORE_COLUMN_SUM].doubles[0],
        .average = columns[STORE_COLUMN_AVERAGE].doubles[0],
        .revision = store_rows_incomplete(record) ? AGGREGATE_INCOMPLETE : 0,
    };
    return store_rows_check(&rows->bounds, row, count);
}

int store_rows_add(struct store_rows *rows, const struct bus_record *record, const char **ret_reason,
                   struct error *error) {
    struct vector columns[STORE_COLUMNS];
    *ret_reason = NULL;
    if (!record->value.data)
        return 0;
    int status = store_rows_columns(rows, record, columns, ret_reason, error);
    if (!status && !*ret_reason)
        *ret_reason = store_rows_take(rows, record, columns, &rows->rows[rows->count]);
    rows->count += !status && !*ret_reason;
    return status;
}

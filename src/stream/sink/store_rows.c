#include "stream/sink/store_rows.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json/json.h"
#include "core/memory.h"

enum {
    COLUMN_START,
    COLUMN_END,
    COLUMN_COUNT,
    COLUMN_MINIMUM,
    COLUMN_MAXIMUM,
    COLUMN_SUM,
    COLUMN_AVERAGE,
    COLUMN_TYPE,
    COLUMN_ATTRIBUTE,
    COLUMN_GATEWAY,
    COLUMNS
};

static const struct column_definition aggregate_columns[COLUMNS] = {
    [COLUMN_START] = {"windowStart", COLUMN_TIMESTAMP},
    [COLUMN_END] = {"windowEnd", COLUMN_TIMESTAMP},
    [COLUMN_COUNT] = {"sampleCount", COLUMN_DOUBLE},
    [COLUMN_MINIMUM] = {"min", COLUMN_DOUBLE},
    [COLUMN_MAXIMUM] = {"max", COLUMN_DOUBLE},
    [COLUMN_SUM] = {"sum", COLUMN_DOUBLE},
    [COLUMN_AVERAGE] = {"average", COLUMN_DOUBLE},
    [COLUMN_TYPE] = {"metricType", COLUMN_STRING},
    [COLUMN_ATTRIBUTE] = {"metricAttribute", COLUMN_STRING},
    [COLUMN_GATEWAY] = {"gateway", COLUMN_STRING},
};
static const struct schema schema_aggregate = {aggregate_columns, COLUMNS};

int store_rows_open(struct store_rows *rows, int64_t window_size, struct error *error) {
    *rows = (struct store_rows){.window_size = window_size, .batch = batch_new(&schema_aggregate, 1024)};
    return rows->batch ? 0 : error_no_memory(error);
}

void store_rows_release(struct store_rows *rows) {
    batch_free(rows->batch);
    free(rows->rows);
    *rows = (struct store_rows){0};
}

int store_rows_begin(struct store_rows *rows, size_t records, struct error *error) {
    rows->count = 0;
    return batch_clear(rows->batch, records) &&
                   memory_reserve((void **)&rows->rows, &rows->capacity, records, sizeof *rows->rows)
               ? 0
               : error_no_memory(error);
}

/* NULL when the row is one of this topic, otherwise why not. */
static const char *store_rows_check(const struct store_rows *rows, const struct aggregate_row *row, double count) {
    if (row->window_end - row->window_start != rows->window_size || row->window_start % rows->window_size)
        return "windowStart and windowEnd are not those of a window of this topic";
    if (!(count >= 1 && count <= 9007199254740992.0) || count != (double)(uint64_t)count)
        return "sampleCount is not a whole number above 0";
    return row->series.gateway.length && row->series.type.length && row->series.attribute.length
               ? NULL
               : "gateway, metricType or metricAttribute is empty";
}

/* Results that lack readings say so in a header. */
static bool store_rows_incomplete(const struct bus_record *record) {
    static const char member[] = "\"incomplete\":true"; /* a quote inside of a string would have a backslash */
    for (size_t i = 0; i < record->header_count; i++)
        if (slice_equal(record->headers[i].name, SLICE("incomplete")))
            return true;
    return memmem(record->value.data, record->value.length, member, sizeof member - 1) != NULL;
}

static const char *store_rows_read(const struct store_rows *rows, const struct bus_record *record, size_t at,
                                   struct aggregate_row *row) {
    const struct batch *batch = rows->batch;
    const char *reason = json_decode(record->value, rows->batch, at);
    if (reason)
        return reason;
    const union column *columns = batch->columns;
    double count = columns[COLUMN_COUNT].doubles[at];
    *row = (struct aggregate_row){
        .series = {columns[COLUMN_GATEWAY].strings[at], columns[COLUMN_TYPE].strings[at],
                   columns[COLUMN_ATTRIBUTE].strings[at]},
        .key = record->key,
        .window_start = columns[COLUMN_START].integers[at],
        .window_end = columns[COLUMN_END].integers[at],
        .count = count >= 1 && count <= 9007199254740992.0 ? (uint64_t)count : 0,
        .minimum = columns[COLUMN_MINIMUM].doubles[at],
        .maximum = columns[COLUMN_MAXIMUM].doubles[at],
        .sum = columns[COLUMN_SUM].doubles[at],
        .average = columns[COLUMN_AVERAGE].doubles[at],
        .revision = store_rows_incomplete(record) ? AGGREGATE_INCOMPLETE : 0,
    };
    return store_rows_check(rows, row, count);
}

const char *store_rows_add(struct store_rows *rows, const struct bus_record *record, size_t at) {
    if (!record->value.data)
        return NULL;
    const char *reason = store_rows_read(rows, record, at, &rows->rows[rows->count]);
    rows->count += !reason;
    return reason;
}

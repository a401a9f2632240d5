#include "stream/sink/store_sink.h"

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

struct store_sink {
    struct store_writer *writer;
    int64_t window_size;
    struct batch *batch;
    struct aggregate_row *rows;
    size_t capacity;
};

static void store_sink_close(void *context) {
    struct store_sink *sink = context;
    store_writer_close(sink->writer);
    batch_free(sink->batch);
    free(sink->rows);
    free(sink);
}

int store_sink_new(struct store *store, int64_t window_size, void **ret_context, struct error *error) {
    struct store_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    sink->window_size = window_size;
    sink->batch = batch_new(&schema_aggregate, 1024);
    int status = sink->batch ? store_writer_open(store, &sink->writer, error) : error_no_memory(error);
    if (status) {
        store_sink_close(sink);
        return status;
    }
    *ret_context = sink;
    return 0;
}

/* NULL when the row is one of this topic, otherwise why not. */
static const char *store_sink_check(const struct store_sink *sink, const struct aggregate_row *row, double count) {
    if (row->window_end - row->window_start != sink->window_size || row->window_start % sink->window_size)
        return "windowStart and windowEnd are not those of a window of this topic";
    if (!(count >= 1 && count <= 9007199254740992.0) || count != (double)(uint64_t)count)
        return "sampleCount is not a whole number above 0";
    return row->series.gateway.length && row->series.type.length && row->series.attribute.length
               ? NULL
               : "gateway, metricType or metricAttribute is empty";
}

static const char *store_sink_row(const struct store_sink *sink, const struct bus_record *record, size_t at,
                                  struct aggregate_row *row) {
    static const char incomplete[] =
        "\"incomplete\":true"; /* a quote inside of a string would have a backslash before it */
    const struct batch *batch = sink->batch;
    const char *reason = json_decode(record->value, sink->batch, at);
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
        .revision = memmem(record->value.data, record->value.length, incomplete, sizeof incomplete - 1)
                        ? AGGREGATE_INCOMPLETE
                        : 0,
    };
    return store_sink_check(sink, row, count);
}

static int store_sink_write(void *context, const struct bus_batch *records, struct mail *mail, size_t *ret_done,
                            struct error *error) {
    struct store_sink *sink = context;
    size_t count = 0;
    int status = 0;
    if (!batch_clear(sink->batch, records->count) ||
        !memory_reserve((void **)&sink->rows, &sink->capacity, records->count, sizeof *sink->rows))
        return error_no_memory(error);
    for (size_t i = 0; i < records->count && !status; i++) {
        if (!records->records[i].value.data)
            continue;
        const char *reason = store_sink_row(sink, &records->records[i], i, &sink->rows[count]);
        if (reason)
            status = mail_reject(mail, records, i, reason, error);
        count += !reason;
    }
    if (!status && count)
        status = store_write(sink->writer, NULL, sink->window_size, sink->rows, count, error);
    *ret_done = status ? 0 : records->count;
    return status;
}

static int store_sink_flush(void *context, struct error *error) {
    return store_flush(((struct store_sink *)context)->writer, error);
}

const struct sink_target store_sink_target = {
    .name = "the store sink", .write = store_sink_write, .flush = store_sink_flush, .close = store_sink_close};

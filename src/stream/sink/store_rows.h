/* Records of a topic of aggregates (TOPIC-aggregates-N, JSON) as rows of the store. One thread. */
#ifndef METERLINE_STREAM_SINK_STORE_ROWS_H
#define METERLINE_STREAM_SINK_STORE_ROWS_H

#include "bus/bus.h"
#include "core/arena.h"
#include "model/aggregate.h"

struct row_reader;

struct store_rows {
    int64_t window_size; /* ms: that of the topic */
    struct row_reader *reader;
    struct arena arena;         /* of the records since the last begin */
    struct aggregate_row *rows; /* their strings point into the records */
    size_t count, capacity;
};

int store_rows_open(struct store_rows *rows, int64_t window_size, struct error *error);
void store_rows_release(struct store_rows *rows);
/* For up to `records` records. */
int store_rows_begin(struct store_rows *rows, size_t records, struct error *error);
/* *ret_reason NULL: the record is a row now, or has no value; otherwise why it is none, until the next begin. */
int store_rows_add(struct store_rows *rows, const struct bus_record *record, const char **ret_reason,
                   struct error *error);

#endif

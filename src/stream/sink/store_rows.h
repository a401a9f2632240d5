/* Records of a topic of aggregates (TOPIC-aggregates-N, JSON) as rows of the store. One thread. */
#ifndef METERLINE_STREAM_SINK_STORE_ROWS_H
#define METERLINE_STREAM_SINK_STORE_ROWS_H

#include "bus/bus.h"
#include "model/aggregate.h"

struct store_rows {
    int64_t window_size; /* ms: that of the topic */
    struct batch *batch;
    struct aggregate_row *rows; /* their strings point into the records */
    size_t count, capacity;
};

int store_rows_open(struct store_rows *rows, int64_t window_size, struct error *error);
void store_rows_release(struct store_rows *rows);
/* For up to `records` records. */
int store_rows_begin(struct store_rows *rows, size_t records, struct error *error);
/* Record number `at`: NULL when it is a row now, or has no value; otherwise why it is none. */
const char *store_rows_add(struct store_rows *rows, const struct bus_record *record, size_t at);

#endif

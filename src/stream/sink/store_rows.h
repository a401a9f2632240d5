/* Records of a topic of aggregates (TOPIC-aggregates-N, JSON) as rows of the store. One thread. */
#ifndef METERLINE_STREAM_SINK_STORE_ROWS_H
#define METERLINE_STREAM_SINK_STORE_ROWS_H

#include "bus/bus.h"
#include "core/arena.h"
#include "model/aggregate.h"
#include "store/window.h"

struct row_reader;

/* The columns of a result that make a row. */
enum store_column {
    STORE_COLUMN_START,
    STORE_COLUMN_END,
    STORE_COLUMN_COUNT,
    STORE_COLUMN_MINIMUM,
    STORE_COLUMN_MAXIMUM,
    STORE_COLUMN_SUM,
    STORE_COLUMN_AVERAGE,
    STORE_COLUMN_TYPE,
    STORE_COLUMN_ATTRIBUTE,
    STORE_COLUMN_GATEWAY,
    STORE_COLUMNS
};
struct slice store_column_name(enum store_column column);
bool store_column_is_number(enum store_column column);
/* NULL when the row is one of windows of that size, otherwise why not. `count`: its sampleCount. */
const char *store_rows_check(const struct window_bounds *bounds, const struct aggregate_row *row, double count);
bool store_rows_header_incomplete(const struct bus_record *record); /* the result lacks readings, and says so */

struct store_rows {
    struct window_bounds bounds; /* of the topic's windows */
    struct row_reader *reader;
    struct arena arena;         /* of the records since the last begin */
    struct aggregate_row *rows; /* their strings point into the records */
    size_t count, capacity;
};

int store_rows_open(struct store_rows *rows, const struct store_window *window, struct error *error);
void store_rows_release(struct store_rows *rows);
/* For up to `records` records. */
int store_rows_begin(struct store_rows *rows, size_t records, struct error *error);
/* *ret_reason NULL: the record is a row now, or has no value; otherwise why it is none, until the next begin. */
int store_rows_add(struct store_rows *rows, const struct bus_record *record, const char **ret_reason,
                   struct error *error);

#endif

/* Rows that a query writes to a topic of aggregates, from their columns: what store_rows.h reads from their JSON. */
#ifndef METERLINE_STREAM_SINK_STORE_COLUMNS_H
#define METERLINE_STREAM_SINK_STORE_COLUMNS_H

#include "model/aggregate.h"
#include "model/rows.h"
#include "store/window.h"
#include "stream/plan.h"
#include "stream/sink/store_rows.h"

struct store_columns {
    const struct window_bounds *bounds;
    size_t at[STORE_COLUMNS]; /* which of the rows' columns */
};

/* False: rows of the sink are no such rows, or of types whose JSON may say something else. */
bool store_columns_find(const struct sink_plan *sink, const struct window_bounds *bounds,
                        struct store_columns *ret_columns);
/* The row that the record of row `row` is, with strings of the columns and of the record; false: it is none, and the
 * topic's reader says why. */
bool store_columns_read(const struct store_columns *columns, const struct rows *rows, uint32_t row,
                        const struct bus_record *record, struct aggregate_row *ret_row);

#endif

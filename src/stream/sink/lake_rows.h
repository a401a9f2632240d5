/* Rows of flat columns that wait for the lake, in the order in which they came. */
#ifndef METERLINE_STREAM_SINK_LAKE_ROWS_H
#define METERLINE_STREAM_SINK_LAKE_ROWS_H

#include "lake/lake.h"

struct lake_rows {
    const struct lake_column *columns;
    size_t column_count;
    struct vector *vectors; /* by column; arrays grow */
    size_t count, capacity;
    struct arena texts;
    size_t bytes; /* of memory, in all */
};

/* `columns` outlive it. */
int lake_rows_open(struct lake_rows *rows, const struct lake_column *columns, size_t count, struct error *error);
void lake_rows_release(struct lake_rows *rows);
void lake_rows_clear(struct lake_rows *rows);
/* Row `row` of `columns`; texts are copied. */
int lake_rows_add(struct lake_rows *rows, const struct vector *columns, size_t row, struct error *error);
/* All of them as a data file; they are forgotten. */
int lake_rows_write(struct lake_rows *rows, struct lake_table *table, const struct lake_snapshot *schema,
                    const char *name, struct arena *arena, struct lake_new_file *ret_file, struct error *error);

#endif

/* Parquet files (https://parquet.apache.org/docs/file-format): flat columns of SQL types, written row group by row
 * group: data pages of version 2, zstd, a dictionary of each column and row group, or PLAIN when that is smaller, times
 * and whole numbers as DELTA_BINARY_PACKED, statistics and field ids. One thread. */
#ifndef METERLINE_LAKE_PARQUET_PARQUET_WRITER_H
#define METERLINE_LAKE_PARQUET_PARQUET_WRITER_H

#include "core/arena.h"
#include "core/error.h"
#include "core/property.h"
#include "lake/column/column.h"
#include "model/vector.h"

enum { PARQUET_GROUP_ROWS = 122880, PARQUET_LEVEL = 3 };

struct parquet_writer;

/* Where the bytes go, in order. */
struct parquet_output {
    int (*write)(void *context, const void *data, size_t length, struct error *error);
    void *context;
};

/* `columns` outlive the writer. */
int parquet_writer_open(const struct parquet_output *output, const struct lake_column *columns, size_t count, int level,
                        struct parquet_writer **ret_writer, struct error *error);
/* Rows order[0] .. order[count - 1] of `columns` as a row group; order NULL: 0 .. count - 1. ERROR_INVALID: a NULL in a
 * required column, a time beyond 64 bits of microseconds. */
int parquet_writer_group(struct parquet_writer *writer, const struct vector *columns, const uint32_t *order,
                         size_t count, struct error *error);
int64_t parquet_writer_bytes(const struct parquet_writer *writer); /* so far */
/* The footer; `bounds` gets an element for each column, texts in `arena`. `properties` are put into the footer. */
int parquet_writer_finish(struct parquet_writer *writer, const struct client_property *properties, size_t count,
                          struct arena *arena, struct lake_bounds *bounds, int64_t *ret_records, int64_t *ret_bytes,
                          struct error *error);
struct parquet_writer *parquet_writer_free(struct parquet_writer *writer);

#endif

/* Statistics of columns: the smallest and the largest value of a chunk, and of a file. Texts are cut to
 * PARQUET_BOUND_BYTES: the smallest down, the largest up. NaN counts in none; zeros are -0.0 below and 0.0 above, as
 * parquet.thrift says of ColumnOrder. */
#ifndef METERLINE_LAKE_PARQUET_EXTREMES_H
#define METERLINE_LAKE_PARQUET_EXTREMES_H

#include "lake/parquet/chunk.h"

/* Widens `bounds` by values as they are stored; those of decimals in fixed bytes are there already. */
void extremes_collect(const struct type *type, const void *values, size_t count, struct chunk_bounds *bounds);
/* Widens `bounds` by `more`; texts are not copied. */
void extremes_merge(const struct type *type, struct chunk_bounds *bounds, const struct chunk_bounds *more);
/* Parquet's form into written->lower and ->upper. False: no memory. */
bool extremes_write(const struct type *type, const struct chunk_bounds *bounds, struct arena *arena,
                    struct chunk_written *written);
/* In SQL's units (ms), texts copied into `arena`. False: no memory. */
bool extremes_bounds(const struct type *type, const struct chunk_bounds *bounds, struct arena *arena,
                     struct lake_bounds *ret_bounds);
void extremes_write_decimal(decimal value, size_t length, char *to); /* big-endian, two's complement */

#endif

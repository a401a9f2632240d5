/* A column chunk: the values of one column in one row group, gathered, given a dictionary where that is smaller, and
 * written as pages:
 *
 *     ┌ dictionary page: the distinct values, PLAIN ┐ ┌ data page: levels (1: not NULL) ┬ indices, or the values ┐
 *
 * Levels are not compressed, as version 2 of data pages has it; what follows is, by zstd. */
#ifndef METERLINE_LAKE_PARQUET_CHUNK_H
#define METERLINE_LAKE_PARQUET_CHUNK_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "lake/column/column.h"
#include "lake/parquet/format.h"
#include "model/vector.h"
#include <zstd.h>

enum { PARQUET_BOUND_BYTES = 64 }; /* of a text in statistics */

/* The smallest and the largest of some values, as they are stored: numbers of microseconds, .. */
struct chunk_bounds {
    bool any;
    int64_t integer_lower, integer_upper;
    double number_lower, number_upper;
    decimal decimal_lower, decimal_upper;
    struct slice text_lower, text_upper; /* in the values */
};

/* Where a chunk lies and what is in it, for the footer. */
struct chunk_written {
    int64_t dictionary_offset, data_offset; /* in the file; dictionary_offset -1: none */
    int64_t values, nulls, plain_bytes, bytes;
    bool dictionary;
    enum parquet_encoding encoding;
    struct slice lower, upper; /* statistics, in the footer's arena; data NULL: none */
    bool exact_lower, exact_upper;
};

/* What a writer keeps for all of its chunks. */
struct chunk_writer {
    ZSTD_CCtx *zstd;
    int level;
    void *values;      /* of the column at hand, as they are stored, without NULLs */
    uint32_t *indices; /* into the dictionary */
    uint32_t *slots;   /* of the dictionary, by hash: place + 1 */
    uint32_t *places;  /* of its values among `values` */
    size_t capacity, slot_count;
    uint64_t seed;
    struct bytes plain, levels, body, pages; /* pages: what is written to the file */
    struct arena arena;                      /* of values of one chunk */
};

int chunk_writer_open(struct chunk_writer *writer, int level, struct error *error);
void chunk_writer_close(struct chunk_writer *writer);
/* Fills writer->pages, which begin at `offset` of the file; bounds are widened (their texts live as long as the
 * vector, or until the next chunk). Statistics lie in `arena`. */
int chunk_write(struct chunk_writer *writer, const struct lake_column *column, const struct vector *vector,
                const uint32_t *order, size_t count, int64_t offset, struct arena *arena, struct chunk_bounds *bounds,
                struct chunk_written *ret_written, struct error *error);

#endif

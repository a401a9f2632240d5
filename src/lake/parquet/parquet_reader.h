/* Reading Parquet files: those that we write, and what other engines write of flat columns: data pages of both
 * versions, PLAIN, dictionaries, DELTA_BINARY_PACKED; uncompressed, zstd, gzip. Columns are found by field id, and those
 * that a file does not have are NULL. Nothing of a file is trusted. One thread. */
#ifndef METERLINE_LAKE_PARQUET_PARQUET_READER_H
#define METERLINE_LAKE_PARQUET_PARQUET_READER_H

#include "core/arena.h"
#include "core/error.h"
#include "core/property.h"
#include "lake/column/column.h"
#include "model/vector.h"

struct parquet_reader;

struct parquet_input {
    /* `length` bytes from `offset`. */
    int (*read)(void *context, int64_t offset, void *to, size_t length, struct error *error);
    void *context;
    int64_t bytes;    /* of the file */
    const char *name; /* in messages */
};

/* `columns` outlive the reader. ERROR_CORRUPT; ERROR_UNSUPPORTED: an encoding, a compression, a type: says which. */
int parquet_reader_open(const struct parquet_input *input, const struct lake_column *columns, size_t count,
                        struct parquet_reader **ret_reader, struct error *error);
struct parquet_reader *parquet_reader_free(struct parquet_reader *reader);
size_t parquet_reader_groups(const struct parquet_reader *reader);
int64_t parquet_reader_rows(const struct parquet_reader *reader, size_t group);
/* A row group into `columns` (made here, in `arena`, as the texts); `wanted[c]` false leaves column c out (NULL: all). */
int parquet_reader_read(struct parquet_reader *reader, size_t group, const bool *wanted, struct arena *arena,
                        struct vector *columns, struct error *error);

#endif

/* The footer of a Parquet file (FileMetaData), as far as reading needs it. Everything is checked against the file's
 * size, nothing is trusted. */
#ifndef METERLINE_LAKE_PARQUET_FOOTER_H
#define METERLINE_LAKE_PARQUET_FOOTER_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include "lake/parquet/format.h"
#include <stdint.h>

struct footer_column {
    struct slice name;
    enum parquet_physical physical;
    int32_t id;             /* of the field; 0: none */
    unsigned length;        /* of PARQUET_FIXED */
    int converted, logical; /* -1: none; of a logical type its field in the union */
    int time_unit;          /* of TIME and TIMESTAMP: 1 ms, 2 us, 3 ns; 0: none */
    unsigned precision, scale;
    bool optional;
};

struct footer_chunk {
    int64_t begin, bytes; /* of its pages in the file */
    int64_t values;
    int codec;
};

struct footer_group {
    int64_t rows;
    const struct footer_chunk *chunks; /* by column */
};

struct footer {
    const struct footer_column *columns;
    size_t column_count;
    const struct footer_group *groups;
    size_t group_count;
    int64_t rows;
};

/* `text`: the footer without its length and magic; lives as long as what is given, which lies in `arena`.
 * ERROR_CORRUPT; ERROR_UNSUPPORTED: nested columns. */
int footer_read(struct slice text, int64_t file_bytes, struct arena *arena, struct footer *ret_footer,
                struct error *error);

#endif

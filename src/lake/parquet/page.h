/* The pages of a column chunk, read one after the other into values: a level for each row and the values that are not
 * NULL, as numbers, doubles or texts. */
#ifndef METERLINE_LAKE_PARQUET_PAGE_H
#define METERLINE_LAKE_PARQUET_PAGE_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "lake/parquet/footer.h"

/* Values of one column; arrays have room for all rows of the group. */
struct page_values {
    uint8_t *nulls; /* by row */
    union {
        int64_t *integers;
        double *doubles;
        struct slice *texts; /* in the arena */
    };
    size_t rows;   /* done */
    size_t values; /* done, those that are not NULL */
};

/* All pages of the chunk `bytes`; `values` has room for `rows`, which all must come. `scratch` is used and may be kept
 * for the next chunk. */
int page_read_chunk(struct slice bytes, const struct footer_column *column, const struct footer_chunk *chunk,
                    size_t rows, struct bytes *scratch, struct arena *arena, struct page_values *values,
                    struct error *error);

#endif

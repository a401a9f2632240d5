/* Files of one month merged into new ones. Each is sorted by (type, attribute, gateway), and holds a series' readings in
 * the order of the log; the files are in that order too:
 *
 *     file 1   a a a c c        ┐
 *     file 2   a b b            ├─▶  a a a a a b b c c c
 *     file 3   a c              ┘    1 1 1 2 3 2 2 1 1 3
 *
 * Rows of tables that are no readings are put one after the other. */
#ifndef METERLINE_LAKE_MERGE_H
#define METERLINE_LAKE_MERGE_H

#include "lake/lake.h"

enum { MERGE_FILES_MAXIMUM = 12 }; /* each has a row group in memory */

struct merge_output {
    int64_t target;              /* bytes after which a new file begins */
    struct lake_new_file *files; /* free(); what they point to lies in the caller's arena */
    size_t count, capacity;
    int64_t rows;
};

/* Up to MERGE_FILES_MAXIMUM files; `sorted`: they are readings. After an error the files that were made are in `output`
 * all the same. */
int merge_files(struct lake_table *table, const struct lake_snapshot *snapshot, const struct lake_file *const *files,
                size_t count, bool sorted, struct arena *arena, struct merge_output *output, struct error *error);

#endif

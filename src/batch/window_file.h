/* Results of a fold: windows by series and size, in a file without a name, as there may be more than memory holds. Of
 * each series the windows of a size lie together, in the order of their starts:
 *
 *     series 0: [60 s rows][600 s rows]  series 1: [60 s rows][600 s rows] ..
 *
 * Written series after series, then read in the order of the series' keys. One thread at a time. */
#ifndef METERLINE_BATCH_WINDOW_FILE_H
#define METERLINE_BATCH_WINDOW_FILE_H

#include "core/error.h"
#include "model/series.h"
#include <stddef.h>
#include <stdint.h>

struct window_row {
    int64_t start; /* ms */
    uint64_t count;
    double minimum, maximum, sum;
};

struct window_file;

int window_file_new(size_t size_count, struct window_file **ret_file, struct error *error);
struct window_file *window_file_free(struct window_file *file);
/* Begins a series; the names are copied. */
int window_file_series(struct window_file *file, const struct series *series, struct error *error);
/* Windows of size number `size` of the series begun last. A series may be begun again, with later starts. */
int window_file_append(struct window_file *file, size_t size, const struct window_row *rows, size_t count,
                       struct error *error);
uint64_t window_file_rows(const struct window_file *file);

/* The windows of one size by key bytes, then start; a series that was begun several times in the order of that. */
struct window_cursor;

int window_cursor_open(struct window_file *file, size_t size, struct window_cursor **ret_cursor, struct error *error);
struct window_cursor *window_cursor_close(struct window_cursor *cursor);
/* 1 with a row that lives until the next call, 0 at the end, or an error; key and series live as long as the file. */
int window_cursor_next(struct window_cursor *cursor, const struct window_row **ret_row, struct slice *ret_key,
                       struct series *ret_series, struct error *error);

#endif

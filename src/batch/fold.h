/* The stream's own fold over readings of one series after the other: struct statistics, in the order of the log, so
 * that a window is the same to the last bit as if the stream had never closed it.
 *
 *     span  |------------------------------------------|   a multiple of each size
 *     60 s   c0 c1 c2 ..                                    a cell a window, found by (time - from) / size
 *     3600 s c0 ............ c1 ..
 *
 * Cells of a series are given out in the order of their starts when it is done, and used again for the next. One
 * thread. */
#ifndef METERLINE_BATCH_FOLD_H
#define METERLINE_BATCH_FOLD_H

#include "batch/window_file.h"
#include "model/statistics.h"

enum { FOLD_SIZES_MAXIMUM = 16 };

struct fold_span {
    int64_t from, to;                  /* ms, of readings */
    int64_t first_start, end_start;    /* windows that start in [first_start, end_start) are wanted */
    int64_t sizes[FOLD_SIZES_MAXIMUM]; /* ms, rising */
    size_t size_count;
};

struct fold;

/* ERROR_INVALID: the span has too many windows of a size. `span` is copied. */
int fold_new(const struct fold_span *span, struct fold **ret_fold, struct error *error);
struct fold *fold_free(struct fold *fold);
/* Readings of the series at hand: times in microseconds, any order; those outside of the span are left out. A row whose
 * bit in `valid` is not set is left out (NULL: all count). False: no memory. */
bool fold_readings(struct fold *fold, const int64_t *times, const double *values, const uint64_t *valid, size_t from,
                   size_t to);
/* The series is done: its windows go to `file`. */
int fold_finish(struct fold *fold, const struct series *series, struct window_file *file, struct error *error);

#endif

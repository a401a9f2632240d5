/* Readings by series from several runs, each of which lies by series itself: series after series, and of each the rows
 * of the first run that has it, then those of the next.
 *
 *     run 0   A A A   C C      run 1   A   B B      given:  A A A | A   B B   C C
 *
 * One thread. */
#ifndef METERLINE_BATCH_SERIES_MERGE_H
#define METERLINE_BATCH_SERIES_MERGE_H

#include "batch/readings.h"
#include "model/series.h"

struct series_visitor {
    /* A series begins: false, and its rows are passed over. */
    bool (*begin)(void *context, const struct series *series);
    /* Rows [from, to) of it. Times in microseconds. */
    int (*rows)(void *context, const int64_t *times, const double *values, const uint64_t *valid, size_t from,
                size_t to, struct error *error);
    int (*end)(void *context, const struct series *series, struct error *error);
    void *context;
};

/* ERROR_CONFLICT with *ret_unsorted: file number so and so does not lie by series after all, and what was visited does
 * not count. */
int series_merge(struct olap *olap, const struct readings_runs *runs, const struct series_visitor *visitor,
                 size_t *ret_unsorted, struct error *error);

#endif

/* The aggregate of the values of one series in one window: a mergeable partial state, and the row that leaves when
 * the window closes.
 *
 * The sum is Neumaier's variant of Kahan's compensated summation (A. Neumaier, 1974): `compensation` collects what
 * each addition rounded away. Folding is done in the order of offsets, so the result is the same to the last bit on
 * every run. */
#ifndef METERLINE_MODEL_AGGREGATE_H
#define METERLINE_MODEL_AGGREGATE_H

#include "model/series.h"
#include <math.h>
#include <stdint.h>

struct aggregate {
    double minimum, maximum;
    double sum, compensation;
    uint64_t count;
};

static inline void aggregate_start(struct aggregate *a, double value) {
    *a = (struct aggregate){value, value, value, 0.0, 1};
}

static inline void aggregate_fold(struct aggregate *a, double value) {
    double total = a->sum + value;
    double small = fabs(a->sum) >= fabs(value) ? (a->sum - total) + value : (value - total) + a->sum;
    a->sum = total;
    a->compensation += small;
    a->minimum = value < a->minimum ? value : a->minimum;
    a->maximum = value > a->maximum ? value : a->maximum;
    a->count++;
}

/* Folds what `b` has seen into `a`. Neither may be empty. */
void aggregate_merge(struct aggregate *a, const struct aggregate *b);

/* The sum to report: when compensated addition overflowed (infinite or NaN) it is clamped to +-DBL_MAX (0 when even
 * the side is lost), so that every output is finite. */
double aggregate_sum(const struct aggregate *a);
double aggregate_average(const struct aggregate *a);

/* The revision of a result for which readings had been lost before they were folded: anything else replaces it. */
enum { AGGREGATE_INCOMPLETE = -1 };

/* A final result. Strings point into memory of what made the row. */
struct aggregate_row {
    struct series series;
    struct slice key;                 /* the series key */
    int64_t window_start, window_end; /* ms; [start, end) */
    uint64_t count;
    double minimum, maximum, sum, average;
    int64_t revision; /* 0 = the stream's final result; corrections by batch are higher; AGGREGATE_INCOMPLETE */
};

#endif

/* Statistics of DOUBLE values: how many, the smallest, the largest, their sum and average; a mergeable partial state of
 * 40 bytes. Zeroed, it is that of no values.
 *
 * The sum is Neumaier's variant of Kahan's compensated summation (A. Neumaier, 1974): `compensation` collects what each
 * addition rounded away. Values are folded in the order of offsets, so the result is the same to the last bit on every
 * run.
 *
 * A sum that would pass the largest double is kept in units of 2^64 (the mark is in `count`), so that the average of
 * huge values is right, and a sum that comes back into range is too. */
#ifndef METERLINE_MODEL_STATISTICS_H
#define METERLINE_MODEL_STATISTICS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct statistics {
    double minimum, maximum; /* of no values: undefined */
    double sum, compensation;
    uint64_t count; /* and STATISTICS_SCALED */
};

#define STATISTICS_SCALED ((uint64_t)1 << 63)

static inline uint64_t statistics_count(const struct statistics *s) {
    return s->count & ~STATISTICS_SCALED;
}

/* Parts of statistics_fold that are seldom needed: the first value and sums out of range (a NaN leads there too, and all
 * values after it); a new minimum or maximum in the order of Double.compare (-0.0 before 0.0, NaN last). */
void statistics_fold_rare(struct statistics *s, double value);
void statistics_widen(struct statistics *s, double value);

static inline void statistics_fold(struct statistics *s, double value) {
    double total = s->sum + value;
    if (!(fabs(total) <= DBL_MAX) || (int64_t)s->count <= 0) {
        statistics_fold_rare(s, value);
        return;
    }
    s->compensation += fabs(s->sum) >= fabs(value) ? (s->sum - total) + value : (value - total) + s->sum;
    s->sum = total;
    s->count++;
    s->minimum = value < s->minimum ? value : s->minimum;
    s->maximum = value > s->maximum ? value : s->maximum;
    if (value == 0)
        statistics_widen(s, value);
}

/* Takes a value back that has been folded; minimum and maximum stay as they are. */
void statistics_undo(struct statistics *s, double value);
/* Folds what `other` has seen into `s`. */
void statistics_merge(struct statistics *s, const struct statistics *other);

/* 0.0 of no values. Of finite values it is finite: no further than +-DBL_MAX. */
double statistics_sum(const struct statistics *s);
double statistics_average(const struct statistics *s); /* 0.0 of no values */

#endif

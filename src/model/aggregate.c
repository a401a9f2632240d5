#include "model/aggregate.h"

#include <float.h>

void aggregate_merge(struct aggregate *a, const struct aggregate *b) {
    struct aggregate merged = *a;
    aggregate_fold(&merged, b->sum); /* adds the sums and keeps what rounding loses */
    merged.compensation += b->compensation;
    merged.minimum = b->minimum < a->minimum ? b->minimum : a->minimum;
    merged.maximum = b->maximum > a->maximum ? b->maximum : a->maximum;
    merged.count = a->count + b->count;
    *a = merged;
}

double aggregate_sum(const struct aggregate *a) {
    double sum = a->sum + a->compensation;
    if (isfinite(sum))
        return sum;
    /* Beyond the range of a double the compensation is not a number; the plain sum still knows the side, and if not
     * even that, zero is between. */
    return a->sum > 0 ? DBL_MAX : a->sum < 0 ? -DBL_MAX : 0.0;
}

double aggregate_average(const struct aggregate *a) {
    return aggregate_sum(a) / (double)a->count;
}

/* A sum beyond a double's range goes on in units of 2^64, so that an average of huge values is exact. */
#include "model/statistics.h"

#include <string.h>

#define SCALE 0x1p-64

static int number_compare(double a, double b) {
    if (a < b || a > b)
        return a < b ? -1 : 1;
    if (a == b)
        return (signbit(b) != 0) - (signbit(a) != 0);
    return (a != a) - (b != b);
}

void statistics_widen(struct statistics *s, double value) {
    if (number_compare(value, s->minimum) < 0)
        s->minimum = value;
    if (number_compare(value, s->maximum) > 0)
        s->maximum = value;
}

static void statistics_scale(struct statistics *s) {
    if (s->count & STATISTICS_SCALED)
        return;
    s->sum *= SCALE;
    s->compensation *= SCALE;
    s->count |= STATISTICS_SCALED;
}

/* Adds to the sum, in the units that it has. Infinities and NaN stay what they are: nothing is compensated then. */
static void statistics_add(struct statistics *s, double value) {
    double total = s->sum + value;
    if (isfinite(total))
        s->compensation += fabs(s->sum) >= fabs(value) ? (s->sum - total) + value : (value - total) + s->sum;
    s->sum = total;
}

static void statistics_add_any(struct statistics *s, double value) {
    if (isfinite(value) && isfinite(s->sum) && !isfinite(s->sum + value))
        statistics_scale(s);
    statistics_add(s, s->count & STATISTICS_SCALED ? value * SCALE : value);
}

void statistics_fold_rare(struct statistics *s, double value) {
    if (s->count == 0) {
        *s = (struct statistics){value, value, value, 0.0, 1};
        return;
    }
    statistics_add_any(s, value);
    s->count++;
    statistics_widen(s, value);
}

void statistics_undo(struct statistics *s, double value) {
    if (statistics_count(s) <= 1) {
        memset(s, 0, sizeof *s);
        return;
    }
    statistics_add_any(s, -value);
    s->count--;
}

void statistics_merge(struct statistics *s, const struct statistics *other) {
    struct statistics more = *other;
    if (more.count == 0)
        return;
    if (s->count == 0) {
        *s = more;
        return;
    }
    bool overflows = isfinite(s->sum) && isfinite(more.sum) && !isfinite(s->sum + more.sum);
    if ((s->count | more.count) & STATISTICS_SCALED || overflows) {
        statistics_scale(s);
        statistics_scale(&more);
    }
    statistics_add(s, more.sum);
    s->compensation += more.compensation;
    s->count += statistics_count(&more);
    statistics_widen(s, more.minimum);
    statistics_widen(s, more.maximum);
}

double statistics_sum(const struct statistics *s) {
    double sum = s->sum + s->compensation;
    if (s->count & STATISTICS_SCALED)
        sum = sum / SCALE;
    return isfinite(sum) || !isfinite(s->sum) ? sum : copysign(DBL_MAX, sum);
}

double statistics_average(const struct statistics *s) {
    double count = (double)statistics_count(s), sum = s->sum + s->compensation;
    if (count == 0)
        return 0.0;
    if (s->count & STATISTICS_SCALED)
        return sum / count / SCALE;
    return isfinite(sum) ? sum / count : s->sum / count + s->compensation / count;
}

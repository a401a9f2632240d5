/* What became of the records that a stage of a query has read. Every record is counted exactly once:
 *
 *     read + added = folded + late + filtered + rejected + null + failed + duplicates
 *
 * A record counts where it ends: in the first operator that keeps it (an aggregate, a join of two streams or two
 * tables, the table of a join), in the sink when none keeps it, or where it is left out. What leaves an operator that
 * keeps rows are results: they count in no term, but when another such operator comes after it (a join below an
 * aggregate), which takes them as `added`. */
#ifndef METERLINE_STREAM_OPERATOR_COUNTERS_H
#define METERLINE_STREAM_OPERATOR_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query_counters {
    uint64_t read;
    uint64_t added;      /* rows beyond one for each record: of table functions, of joins below an aggregate */
    uint64_t folded;     /* into windows, groups, joins, tables; or passed on to the sink */
    uint64_t late;       /* all of its windows have closed */
    uint64_t filtered;   /* by a condition, or without a partner */
    uint64_t rejected;   /* cannot be read */
    uint64_t null;       /* without a value or a key where one is needed */
    uint64_t failed;     /* without a time, or cannot be written */
    uint64_t duplicates; /* has come before */
    uint64_t errors;     /* diagnostics: expressions that could not be computed, rows that could not be written */
    uint64_t emitted;    /* records written */
};

enum { QUERY_COUNTERS = sizeof(struct query_counters) / sizeof(uint64_t) }; /* fields, in the order above */

static inline uint64_t *query_counters_field(struct query_counters *counters, size_t field) {
    return (uint64_t *)counters + field;
}

static inline void query_counters_add(struct query_counters *to, const struct query_counters *more) {
    for (size_t i = 0; i < QUERY_COUNTERS; i++)
        ((uint64_t *)to)[i] += ((const uint64_t *)more)[i];
}

static inline void query_counters_subtract(struct query_counters *from, const struct query_counters *less) {
    for (size_t i = 0; i < QUERY_COUNTERS; i++)
        ((uint64_t *)from)[i] -= ((const uint64_t *)less)[i];
}

static inline bool query_counters_balance(const struct query_counters *n) {
    return n->read + n->added == n->folded + n->late + n->filtered + n->rejected + n->null + n->failed + n->duplicates;
}

#endif

/* Aggregate functions: COUNT, SUM, TOPK, ..: a table of them, how a call is typed, and what its state can do.
 *
 * A state is `state_size` bytes that the caller keeps (zeroed at first, 8-byte aligned) and gives back with
 * `release`; what it holds beside them is the state's own (malloc). It may be moved in memory. Zero is the state of
 * no rows. */
#ifndef METERLINE_STREAM_AGGREGATE_AGGREGATE_FUNCTION_H
#define METERLINE_STREAM_AGGREGATE_AGGREGATE_FUNCTION_H

#include "core/error.h"
#include "model/statistics.h"
#include "model/vector.h"

struct aggregate_call;

/* Rows to fold into states, in this order; a state may come more than once. */
struct aggregate_run {
    const struct vector *arguments; /* of the call */
    const uint32_t *rows;           /* count of them, in the vectors */
    char *const *states;            /* the state of row i is at states[i] + offset */
    size_t offset, count;
    int64_t sequence; /* of the first row; it rises by one from row to row */
    int64_t memory;   /* the bytes that states have gained beside their place are added to it */
};

static inline void *aggregate_run_state(const struct aggregate_run *run, size_t i) {
    return run->states[i] + run->offset;
}

/* Results of states, one after the other into a vector from row `row` on; the state i is at states[i] + offset. */
struct aggregate_results {
    const char *const *states;
    size_t offset, count;
    struct vector *to;
    size_t row;
};

static inline const void *aggregate_result_state(const struct aggregate_results *results, size_t i) {
    return results->states[i] + results->offset;
}

/* False: no memory, or (fold, undo, merge; *ret_problem set) what Java would have thrown, such as a DECIMAL sum that
 * overflows, which ends the query. `arguments`: argument_count of them, and for fold one more: an integer that rises
 * from row to row, by which LATEST_BY_OFFSET knows an order when states are merged. */
struct aggregate_state_driver {
    bool (*fold)(const struct aggregate_call *call, void *state, const struct value *arguments,
                 const char **ret_problem);
    bool (*undo)(const struct aggregate_call *call, void *state, const struct value *arguments,
                 const char **ret_problem); /* NULL: not for tables */
    /* As fold, for many rows at a time; NULL: fold is called for each. */
    bool (*fold_run)(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem);
    bool (*merge)(const struct aggregate_call *call, void *state, const void *other,
                  const char **ret_problem); /* NULL: not for session windows */
    bool (*result)(const struct aggregate_call *call, const void *state, struct arena *arena,
                   struct value *ret_value); /* texts and sequences in `arena` */
    /* As result, for many states at a time; NULL: result is called for each. */
    void (*result_run)(const struct aggregate_call *call, const struct aggregate_results *results);
    void (*write)(const struct aggregate_call *call, const void *state, struct bytes *to);
    bool (*read)(const struct aggregate_call *call, const char **at, const char *end,
                 void *state); /* into a zeroed state; false: damaged, or no memory */
    void (*release)(const struct aggregate_call *call, void *state);        /* NULL: nothing to give back */
    size_t (*memory)(const struct aggregate_call *call, const void *state); /* bytes beside state_size; NULL: 0 */
};

/* One call in a query, typed. Immutable, in the arena of the query. */
struct aggregate_call {
    const struct aggregate_function *function;
    const struct aggregate_state_driver *driver;
    const struct type *const *arguments; /* of what is folded, in order; constants (k of TOPK) are not among them */
    size_t argument_count;
    const unsigned *positions; /* for each folded argument, its place among the arguments as written */
    const struct type *result;
    size_t state_size;
    /* k of TOPK, n of LATEST_BY_OFFSET; the most values that COLLECT_LIST keeps, which the caller may set; -1: none */
    int64_t limit;
    bool ignore_nulls;
};

struct aggregate_function {
    const char *name;                    /* in upper case */
    const char *signature, *description; /* for the reference: "TOPK(col, k)" */
    bool structured; /* its state is more than a value: refused on sources in DELIMITED or KAFKA format */
    /* Types a call: `constants[i]` is the value of an argument that is a literal, else NULL; an argument that is
     * `COUNT(*)`'s star is not there (count 0). Arguments of TYPE_NULL are bare NULLs. ERROR_INVALID: "SUM does not
     * take (STRING); it takes (INTEGER), (BIGINT), .." */
    int (*resolve)(const struct aggregate_function *function, const struct type *const *arguments,
                   const struct value *const *constants, size_t count, struct arena *arena,
                   struct aggregate_call *ret_call, struct error *error);
};

const struct aggregate_function *aggregate_function_find(struct slice name); /* in any case; NULL: there is none */
/* All of them, by name. */
const struct aggregate_function *const *aggregate_functions(size_t *ret_count);

#endif

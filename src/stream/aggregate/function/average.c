/* AVG. INTEGER is summed in 32 bits, BIGINT in 64, both wrap; DECIMAL and DOUBLE are summed as DOUBLE, compensated, in
 * struct statistics. */
#include "stream/aggregate/function/aggregates.h"

/* Of whole numbers. */
struct average {
    int64_t sum, count;
};

static void average_move(const struct aggregate_call *call, struct average *average, int64_t sum, int64_t count) {
    uint64_t moved = (uint64_t)average->sum + (uint64_t)sum;
    average->sum = call->arguments[0]->kind == TYPE_INTEGER ? (int32_t)(uint32_t)moved : (int64_t)moved;
    average->count += count;
}

static bool average_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    (void)ret_problem;
    if (!arguments[0].null)
        average_move(call, state, arguments[0].integer, 1);
    return true;
}

static bool average_run(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem) {
    const struct vector *vector = run->arguments;
    (void)ret_problem;
    for (size_t i = 0; i < run->count; i++) {
        size_t row = run->rows[i] & vector->mask;
        if (!vector->nulls[row])
            average_move(call, aggregate_run_state(run, i), vector->integers[row], 1);
    }
    return true;
}

static bool average_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    (void)ret_problem;
    if (!arguments[0].null)
        average_move(call, state, (int64_t) - (uint64_t)arguments[0].integer, -1);
    return true;
}

static bool average_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    const struct average *more = other;
    (void)ret_problem;
    average_move(call, state, more->sum, more->count);
    return true;
}

static bool average_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                           struct value *ret_value) {
    (void)call, (void)arena;
    const struct average *average = state;
    *ret_value = value_of_number(average->count ? (double)average->sum / (double)average->count : 0.0);
    return true;
}

static bool average_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return aggregate_of_read_bytes(call, at, end, state) &&
           aggregate_of_rows_valid(((const struct average *)state)->count);
}

static const struct aggregate_state_driver average_driver = {
    .fold = average_fold,
    .fold_run = average_run,
    .undo = average_undo,
    .merge = average_merge,
    .result = average_result,
    .write = aggregate_of_write_bytes,
    .read = average_read,
};

static int average_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                           const struct value *const *constants, size_t count, struct arena *arena,
                           struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || !type_is_numeric(arguments[0]))
        return aggregate_call_wrong(function, arguments, count, "(INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)", error);
    bool whole = arguments[0]->kind == TYPE_INTEGER || arguments[0]->kind == TYPE_BIGINT;
    return aggregate_call_make(function, whole ? &average_driver : &aggregate_statistics_driver, arguments, 1,
                               &type_double, whole ? sizeof(struct average) : sizeof(struct statistics), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_avg = {
    .name = "AVG",
    .signature = "AVG(col)",
    .description = "The average, a DOUBLE; 0.0 when there is no value.",
    .structured = true,
    .resolve = average_resolve,
};

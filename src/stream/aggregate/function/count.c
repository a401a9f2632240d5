/* COUNT: of all rows, or of those in which a column is not NULL. */
#include "stream/aggregate/function/aggregates.h"

static bool count_add(const struct aggregate_call *call, void *state, const struct value *arguments, int64_t by) {
    int64_t *count = state;
    if (call->argument_count == 0 || !arguments[0].null)
        *count = (int64_t)((uint64_t)*count + (uint64_t)by);
    return true;
}

static bool count_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                       const char **ret_problem) {
    (void)ret_problem;
    return count_add(call, state, arguments, 1);
}

static bool count_run(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem) {
    const struct vector *vector = call->argument_count ? run->arguments : NULL;
    (void)ret_problem;
    for (size_t i = 0; i < run->count; i++) {
        int64_t *count = aggregate_run_state(run, i);
        *count += !vector || !vector->nulls[run->rows[i] & vector->mask];
    }
    return true;
}

static bool count_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                       const char **ret_problem) {
    (void)ret_problem;
    return count_add(call, state, arguments, -1);
}

static bool count_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)call, (void)ret_problem;
    *(int64_t *)state += *(const int64_t *)other;
    return true;
}

static bool count_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                         struct value *ret_value) {
    (void)call, (void)arena;
    *ret_value = value_of_integer(*(const int64_t *)state);
    return true;
}

static bool count_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return aggregate_of_read_bytes(call, at, end, state) && aggregate_of_rows_valid(*(const int64_t *)state);
}

static const struct aggregate_state_driver count_driver = {
    .fold = count_fold,
    .fold_run = count_run,
    .undo = count_undo,
    .merge = count_merge,
    .result = count_result,
    .write = aggregate_of_write_bytes,
    .read = count_read,
};

static int count_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                         const struct value *const *constants, size_t count, struct arena *arena,
                         struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count > 1)
        return aggregate_call_wrong(function, arguments, count, "(*) or one argument", error);
    return aggregate_call_make(function, &count_driver, arguments, count, &type_bigint, sizeof(int64_t), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_count = {
    .name = "COUNT",
    .signature = "COUNT(*), COUNT(col)",
    .description = "The number of rows; with a column, of those where it is not NULL.",
    .resolve = count_resolve,
};

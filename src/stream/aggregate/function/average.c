/* AVG: a sum and a count. INTEGER is summed in 32 bits, BIGINT in 64, both wrap; DECIMAL and DOUBLE are summed as
 * DOUBLE. */
#include "stream/aggregate/function/aggregates.h"

struct average {
    union {
        int64_t integer;
        double number;
    };
    int64_t count;
};

static bool average_whole(const struct aggregate_call *call) {
    return call->arguments[0]->kind == TYPE_INTEGER || call->arguments[0]->kind == TYPE_BIGINT;
}

static const struct type *average_sum_type(const struct aggregate_call *call) {
    return average_whole(call) ? call->arguments[0] : &type_double;
}

static bool average_add(const struct aggregate_call *call, struct average *average, const struct value *value,
                        bool minus, const char **ret_problem) {
    if (value->null)
        return true;
    const struct type *type = average_sum_type(call);
    struct value sum = aggregate_of_load(type, average);
    struct value more = average_whole(call) ? *value : value_of_number(aggregate_of_number(call->arguments[0], value));
    if (!aggregate_of_add(type, &sum, &more, minus, ret_problem))
        return false;
    aggregate_of_store(type, average, &sum);
    average->count += minus ? -1 : 1;
    return true;
}

static bool average_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    return average_add(call, state, &arguments[0], false, ret_problem);
}

static bool average_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    return average_add(call, state, &arguments[0], true, ret_problem);
}

static bool average_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    struct average *average = state;
    const struct type *type = average_sum_type(call);
    struct value sum = aggregate_of_load(type, average), more = aggregate_of_load(type, other);
    if (!aggregate_of_add(type, &sum, &more, false, ret_problem))
        return false;
    aggregate_of_store(type, average, &sum);
    average->count += ((const struct average *)other)->count;
    return true;
}

static bool average_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                           struct value *ret_value) {
    (void)arena;
    const struct average *average = state;
    double sum = average_whole(call) ? (double)average->integer : average->number;
    *ret_value = value_of_number(average->count ? sum / (double)average->count : 0.0);
    return true;
}

static bool average_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return aggregate_of_read_bytes(call, at, end, state) &&
           aggregate_of_rows_valid(((const struct average *)state)->count);
}

static const struct aggregate_state_driver average_driver = {
    .fold = average_fold,
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
    return aggregate_call_make(function, &average_driver, arguments, 1, &type_double, sizeof(struct average), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_avg = {
    .name = "AVG",
    .signature = "AVG(col)",
    .description = "The average, a DOUBLE; 0.0 when there is no value.",
    .structured = true,
    .resolve = average_resolve,
};

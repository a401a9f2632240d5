/* SUM and AVG of DOUBLE, AVG of DECIMAL, SUM_LIST of DOUBLE: struct statistics is their state, which MIN, MAX and COUNT
 * of the same argument can share (group_states.c). */
#include "stream/aggregate/function/aggregates.h"

static void statistics_add_value(const struct type *type, struct statistics *state, const struct value *value,
                                 bool minus) {
    if (value->null)
        return;
    if (type->kind == TYPE_ARRAY) {
        for (size_t i = 0; i < value->sequence->count; i++)
            statistics_add_value(type->element, state, &value->sequence->items[i], minus);
        return;
    }
    (minus ? statistics_undo : statistics_fold)(state, aggregate_of_number(type, value));
}

static bool statistics_call_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                                 const char **ret_problem) {
    (void)ret_problem;
    statistics_add_value(call->arguments[0], state, &arguments[0], false);
    return true;
}

static bool statistics_call_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                                 const char **ret_problem) {
    (void)ret_problem;
    statistics_add_value(call->arguments[0], state, &arguments[0], true);
    return true;
}

static void statistics_run_doubles(struct aggregate_run *run) {
    const struct vector *vector = run->arguments;
    const uint8_t *nulls = vector->nulls;
    const double *doubles = vector->doubles;
    const size_t mask = vector->mask, offset = run->offset;
    for (size_t i = 0; i < run->count; i++) {
        size_t row = run->rows[i] & mask;
        if (!nulls[row])
            statistics_fold((void *)(run->states[i] + offset), doubles[row]);
    }
}

static bool statistics_call_run(const struct aggregate_call *call, struct aggregate_run *run,
                                const char **ret_problem) {
    const struct vector *vector = run->arguments;
    (void)ret_problem;
    if (vector->type->kind == TYPE_DOUBLE) {
        statistics_run_doubles(run);
        return true;
    }
    for (size_t i = 0; i < run->count; i++) {
        struct value value;
        size_t row = run->rows[i] & vector->mask;
        if (vector->nulls[row])
            continue;
        vector_get(vector, row, &value);
        statistics_add_value(call->arguments[0], aggregate_run_state(run, i), &value, false);
    }
    return true;
}

static bool statistics_call_merge(const struct aggregate_call *call, void *state, const void *other,
                                  const char **ret_problem) {
    (void)call, (void)ret_problem;
    statistics_merge(state, other);
    return true;
}

static bool statistics_call_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                                   struct value *ret_value) {
    const struct statistics *statistics = state;
    const struct aggregate_function *function = call->function;
    (void)arena;
    if (function == &aggregate_of_count)
        *ret_value = value_of_integer((int64_t)statistics_count(statistics));
    else if (function == &aggregate_of_sum || function == &aggregate_of_sum_list)
        *ret_value = value_of_number(statistics_sum(statistics));
    else if (function == &aggregate_of_avg)
        *ret_value = value_of_number(statistics_average(statistics));
    else if (statistics_count(statistics) == 0)
        *ret_value = VALUE_NULL;
    else
        *ret_value = value_of_number(function == &aggregate_of_min ? statistics->minimum : statistics->maximum);
    return true;
}

#define STATISTICS_RESULTS(member, value)                                                                              \
    for (size_t i = 0; i < results->count; i++) {                                                                      \
        const struct statistics *statistics = aggregate_result_state(results, i);                                      \
        to->nulls[row + i] = 0;                                                                                        \
        to->member[row + i] = value;                                                                                   \
    }

static void statistics_call_results(const struct aggregate_call *call, const struct aggregate_results *results) {
    const struct aggregate_function *function = call->function;
    struct vector *to = results->to;
    const size_t row = results->row;
    if (function == &aggregate_of_count) {
        STATISTICS_RESULTS(integers, (int64_t)statistics_count(statistics))
    } else if (function == &aggregate_of_sum || function == &aggregate_of_sum_list) {
        STATISTICS_RESULTS(doubles, statistics_sum(statistics))
    } else if (function == &aggregate_of_avg) {
        STATISTICS_RESULTS(doubles, statistics_average(statistics))
    } else {
        bool minimum = function == &aggregate_of_min;
        STATISTICS_RESULTS(doubles, minimum ? statistics->minimum : statistics->maximum)
        for (size_t i = 0; i < results->count; i++)
            to->nulls[row + i] = statistics_count((const struct statistics *)aggregate_result_state(results, i)) == 0;
    }
}

static bool statistics_call_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return aggregate_of_read_bytes(call, at, end, state) && aggregate_of_rows_valid((int64_t)statistics_count(state));
}

const struct aggregate_state_driver aggregate_statistics_driver = {
    .fold = statistics_call_fold,
    .undo = statistics_call_undo,
    .fold_run = statistics_call_run,
    .merge = statistics_call_merge,
    .result = statistics_call_result,
    .result_run = statistics_call_results,
    .write = aggregate_of_write_bytes,
    .read = statistics_call_read,
};

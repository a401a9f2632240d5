/* SUM and SUM_LIST: the sum of numbers in their own type, NULL passed by. The state is the sum; of DOUBLE it is struct
 * statistics, so that the sum is compensated. */
#include "stream/aggregate/function/aggregates.h"

static const struct type *sum_type(const struct aggregate_call *call) {
    return call->result;
}

static bool sum_add(const struct aggregate_call *call, void *state, const struct value *value, bool minus,
                    const char **ret_problem) {
    if (value->null)
        return true;
    struct value sum = aggregate_of_load(sum_type(call), state);
    if (!aggregate_of_add(sum_type(call), &sum, value, minus, ret_problem))
        return false;
    aggregate_of_store(sum_type(call), state, &sum);
    return true;
}

static bool sum_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                     const char **ret_problem) {
    return sum_add(call, state, &arguments[0], false, ret_problem);
}

/* Whole numbers and DECIMAL. */
static bool sum_run(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem) {
    const struct vector *vector = run->arguments;
    struct value value = {.null = false};
    for (size_t i = 0; i < run->count; i++) {
        size_t row = run->rows[i] & vector->mask;
        if (vector->nulls[row])
            continue;
        if (vector->type->kind == TYPE_DECIMAL)
            value.decimal = vector->decimals[row];
        else
            value.integer = vector->integers[row];
        if (!sum_add(call, aggregate_run_state(run, i), &value, false, ret_problem))
            return false;
    }
    return true;
}

static bool sum_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                     const char **ret_problem) {
    return sum_add(call, state, &arguments[0], true, ret_problem);
}

static bool sum_list_add(const struct aggregate_call *call, void *state, const struct value *list, bool minus,
                         const char **ret_problem) {
    for (size_t i = 0; !list->null && i < list->sequence->count; i++)
        if (!sum_add(call, state, &list->sequence->items[i], minus, ret_problem))
            return false;
    return true;
}

static bool sum_list_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                          const char **ret_problem) {
    return sum_list_add(call, state, &arguments[0], false, ret_problem);
}

static bool sum_list_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                          const char **ret_problem) {
    return sum_list_add(call, state, &arguments[0], true, ret_problem);
}

static bool sum_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    struct value more = aggregate_of_load(sum_type(call), other);
    return sum_add(call, state, &more, false, ret_problem);
}

static bool sum_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                       struct value *ret_value) {
    (void)arena;
    *ret_value = aggregate_of_load(sum_type(call), state);
    return true;
}

static void sum_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    struct value sum = aggregate_of_load(sum_type(call), state);
    value_write(to, sum_type(call), &sum);
}

static bool sum_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    struct value sum;
    if (!value_read(at, end, sum_type(call), NULL, &sum) || sum.null)
        return false;
    aggregate_of_store(sum_type(call), state, &sum);
    return true;
}

static const struct aggregate_state_driver sum_driver = {
    .fold = sum_fold,
    .undo = sum_undo,
    .fold_run = sum_run,
    .merge = sum_merge,
    .result = sum_result,
    .write = sum_write,
    .read = sum_read,
};

static const struct aggregate_state_driver sum_list_driver = {
    .fold = sum_list_fold,
    .undo = sum_list_undo,
    .merge = sum_merge,
    .result = sum_result,
    .write = sum_write,
    .read = sum_read,
};

static int sum_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                       const struct value *const *constants, size_t count, struct arena *arena,
                       struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || !type_is_numeric(arguments[0]))
        return aggregate_call_wrong(function, arguments, count, "(INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)", error);
    bool number = arguments[0]->kind == TYPE_DOUBLE;
    return aggregate_call_make(
        function, number ? &aggregate_statistics_driver : &sum_driver, arguments, 1, arguments[0],
        number ? sizeof(struct statistics) : aggregate_of_number_width(arguments[0]), arena, ret_call, error);
}

static int sum_list_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                            const struct value *const *constants, size_t count, struct arena *arena,
                            struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || arguments[0]->kind != TYPE_ARRAY || !type_is_numeric(arguments[0]->element))
        return aggregate_call_wrong(function, arguments, count, "an ARRAY of INTEGER, BIGINT, DECIMAL or DOUBLE",
                                    error);
    const struct type *element = arguments[0]->element;
    bool number = element->kind == TYPE_DOUBLE;
    return aggregate_call_make(function, number ? &aggregate_statistics_driver : &sum_list_driver, arguments, 1,
                               element, number ? sizeof(struct statistics) : aggregate_of_number_width(element), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_sum = {
    .name = "SUM",
    .signature = "SUM(col)",
    .description = "The sum, in the type of the column; 0 when there is no value. Whole numbers wrap; a DECIMAL that "
                   "overflows ends the query.",
    .resolve = sum_resolve,
};

const struct aggregate_function aggregate_of_sum_list = {
    .name = "SUM_LIST",
    .signature = "SUM_LIST(col)",
    .description = "The sum of all elements of an ARRAY column.",
    .resolve = sum_list_resolve,
};

/* Functions that call a lambda for each element. Where a type stands for a lambda in the types of arguments it is
 * that of what the lambda gives. */
#include "sql/function/library/functions.h"

/* What a lambda is given of an array, an element, or of a map, a key and a value. */
static size_t item_types(const struct type *collection, const struct type **ret_types) {
    if (collection && collection->kind == TYPE_ARRAY) {
        ret_types[0] = collection->element;
        return 1;
    }
    if (!collection || collection->kind != TYPE_MAP)
        return 0;
    ret_types[0] = collection->key;
    ret_types[1] = collection->element;
    return 2;
}

static size_t lambda_of_items(size_t index, const struct type *const *types, size_t count,
                              const struct type **ret_types) {
    (void)index;
    return count ? item_types(types[0], ret_types) : 0;
}

/* The state goes before the items. */
static size_t lambda_of_reduce(size_t index, const struct type *const *types, size_t count,
                               const struct type **ret_types) {
    (void)index;
    size_t items = count > 1 && types[1] ? item_types(types[0], ret_types + 1) : 0;
    if (items)
        ret_types[0] = types[1];
    return items ? items + 1 : 0;
}

static size_t step_of(const struct function_call *call) {
    return call->types[0]->kind == TYPE_MAP ? 2 : 1;
}

/* --- FILTER
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *result_filter(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)arena, (void)count;
    if (types[1] && types[1]->kind == TYPE_BOOLEAN)
        return types[0];
    *ret_problem = "the lambda of FILTER must give a BOOLEAN";
    return NULL;
}

static bool filter(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *from = arguments[0].sequence;
    struct value *items = function_items(call, from->count), kept;
    size_t step = step_of(call), count = 0;
    for (size_t i = 0; items && i < from->count; i += step) {
        if (!call->lambda(call, 1, from->items + i, step, &kept))
            return false;
        for (size_t j = 0; !kept.null && kept.boolean && j < step; j++)
            items[count++] = from->items[i + j];
    }
    return items && function_give_sequence(call, items, count, ret_value);
}

/* --- TRANSFORM
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *result_transform(struct arena *arena, const struct type *const *types, size_t count,
                                           const char **ret_problem) {
    for (size_t i = 1; i < count; i++)
        if (!types[i] || types[i]->kind == TYPE_NULL) {
            *ret_problem = "the type of what the lambda gives is not known";
            return NULL;
        }
    return count == 2 ? type_array(arena, types[1]) : type_map(arena, types[1], types[2]);
}

static bool transform_array(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *from = arguments[0].sequence;
    struct value *items = function_items(call, from->count);
    for (size_t i = 0; items && i < from->count; i++)
        if (!call->lambda(call, 1, &from->items[i], 1, &items[i]))
            return false;
    return items && function_give_sequence(call, items, from->count, ret_value);
}

static bool transform_map(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *from = arguments[0].sequence;
    struct function_map map = {.call = call, .type = call->result};
    struct value key, value;
    bool good = true;
    for (size_t i = 0; good && i < from->count; i += 2)
        good = call->lambda(call, 1, from->items + i, 2, &key) && call->lambda(call, 2, from->items + i, 2, &value) &&
               function_map_put(&map, &key, &value);
    return function_map_give(&map, good, ret_value);
}

/* --- REDUCE
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *result_reduce(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)arena, (void)count;
    if (types[2] && type_equal(types[1], types[2]))
        return types[1];
    *ret_problem = "the lambda of REDUCE must give the type of the state";
    return NULL;
}

static bool reduce(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct value given[3] = {arguments[1]}, state = arguments[1];
    size_t step = step_of(call);
    if (!state.null && !arguments[0].null)
        for (size_t i = 0; i < arguments[0].sequence->count; i += step) {
            given[0] = state;
            given[1] = arguments[0].sequence->items[i];
            given[2] = step == 2 ? arguments[0].sequence->items[i + 1] : VALUE_NULL;
            if (!call->lambda(call, 2, given, 1 + step, &state))
                return false;
        }
    *ret_value = state;
    return true;
}

FUNCTION_LIST(
    functions_lambdas,
    {.name = "FILTER",
     .category = "Lambdas",
     .signature = "FILTER(array, x => condition), FILTER(map, (k, v) => condition)",
     .description = "The elements or entries for which the condition holds.",
     .lambda_types = lambda_of_items,
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_LAMBDA), .result_of = result_filter, .null_in_null_out = true,
               .call = filter},
              {TAKES(PARAMETER_MAP, PARAMETER_LAMBDA), .result_of = result_filter, .null_in_null_out = true,
               .call = filter})},
    {.name = "REDUCE",
     .category = "Lambdas",
     .signature = "REDUCE(array, state, (s, x) => state), REDUCE(map, state, (s, k, v) => state)",
     .description =
         "The state after it has been made anew for each element or entry; the first state for a NULL collection.",
     .lambda_types = lambda_of_reduce,
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_ANY, PARAMETER_LAMBDA), .result_of = result_reduce, .call = reduce},
              {TAKES(PARAMETER_MAP, PARAMETER_ANY, PARAMETER_LAMBDA), .result_of = result_reduce, .call = reduce})},
    {.name = "TRANSFORM",
     .category = "Lambdas",
     .signature = "TRANSFORM(array, x => value), TRANSFORM(map, (k, v) => key, (k, v) => value)",
     .description = "An array or map of what the lambdas give for each element or entry; of entries with the same key "
                    "the last one counts.",
     .lambda_types = lambda_of_items,
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_LAMBDA), .result_of = result_transform, .null_in_null_out = true,
               .call = transform_array},
              {TAKES(PARAMETER_MAP, PARAMETER_LAMBDA, PARAMETER_LAMBDA), .result_of = result_transform,
               .null_in_null_out = true, .call = transform_map})});

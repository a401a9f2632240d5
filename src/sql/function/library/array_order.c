/* Arrays of simple values by size; arrays as text; series of numbers. */
#include "sql/function/library/functions.h"

#include <stdlib.h>

#include "core/memory.h"
#include <strings.h>

static bool is_primitive(const struct type *type) {
    return type->kind < TYPE_ARRAY;
}

static const struct type *result_element(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    (void)arena, (void)count;
    if (types[0]->kind == TYPE_ARRAY && is_primitive(types[0]->element))
        return types[0]->element;
    *ret_problem = "an ARRAY of simple values is expected";
    return NULL;
}

static const struct type *result_sorted(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    return result_element(arena, types, count, ret_problem) ? types[0] : NULL;
}

static const struct type *result_joined(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    const struct type *element = result_element(arena, types, count, ret_problem);
    if (element && element->kind == TYPE_BYTES)
        *ret_problem = "BYTES cannot be joined to a text";
    return element && !*ret_problem ? &type_string : NULL;
}

/* --- ARRAY_MAX, ARRAY_MIN, ARRAY_SORT
 * ----------------------------------------------------------------------------------------------------------- */

static bool give_extreme(const struct function_call *call, const struct value *arguments, int wanted,
                         struct value *ret_value) {
    const struct sequence *array = arguments[0].sequence;
    struct value extreme = VALUE_NULL;
    for (size_t i = 0; i < array->count; i++)
        if (!array->items[i].null &&
            (extreme.null || value_compare(call->result, &array->items[i], &extreme) == wanted))
            extreme = array->items[i];
    *ret_value = extreme;
    return true;
}

static bool array_max(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_extreme(call, arguments, 1, ret_value);
}

static bool array_min(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_extreme(call, arguments, -1, ret_value);
}

struct order {
    const struct type *type;
    int sign; /* 1: ascending */
};

/* NULL is last in both directions. */
static int compare_elements(const void *a, const void *b, void *context) {
    const struct order *order = context;
    const struct value *left = a, *right = b;
    if (left->null || right->null)
        return (int)left->null - (int)right->null;
    return order->sign * value_compare(order->type, left, right);
}

static bool is_word(struct slice text, const char *word) {
    return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static bool array_sort(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct order order = {call->types[0]->element, 1};
    if (call->count > 1 && (is_word(arguments[1].text, "DESC") || is_word(arguments[1].text, "DESCENDING")))
        order.sign = -1;
    else if (call->count > 1 && !is_word(arguments[1].text, "ASC") && !is_word(arguments[1].text, "ASCENDING"))
        return function_fail(call, "'%.*s' is no direction; ASC, ASCENDING, DESC and DESCENDING are",
                             function_shown(arguments[1].text), arguments[1].text.data);
    const struct sequence *array = arguments[0].sequence;
    struct value *items = function_items(call, array->count);
    if (!items)
        return false;
    if (array->count)
        memcpy(items, array->items, array->count * sizeof *items);
    qsort_r(items, array->count, sizeof *items, compare_elements, &order);
    return function_give_sequence(call, items, array->count, ret_value);
}

/* --- ARRAY_JOIN
 * ------------------------------------------------------------------------------------------------------------------ */

static bool array_join(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null)
        return function_give_null(ret_value);
    struct slice between = call->count < 2 ? SLICE(",") : arguments[1].null ? SLICE("") : arguments[1].text;
    const struct sequence *array = arguments[0].sequence;
    struct bytes text = {0};
    for (size_t i = 0; i < array->count && text.length <= FUNCTION_TEXT_MAXIMUM; i++) {
        if (i)
            bytes_append_slice(&text, between);
        if (array->items[i].null)
            bytes_append_string(&text, "null");
        else
            value_print(&text, call->types[0]->element, &array->items[i]);
    }
    if (text.length > FUNCTION_TEXT_MAXIMUM) {
        bytes_release(&text);
        return function_fail(call, "the result is longer than %d bytes", FUNCTION_TEXT_MAXIMUM);
    }
    return function_give_bytes(call, &text, ret_value);
}

/* --- GENERATE_SERIES
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *result_series(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)count, (void)ret_problem;
    return type_array(arena, types[0]);
}

static bool series(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    __int128 start = arguments[0].integer, end = arguments[1].integer,
             step = call->count > 2 ? arguments[2].integer
                    : end < start   ? -1
                                    : 1;
    if (step == 0)
        return function_fail(call, "the step of a series must not be 0");
    if (start != end && (step > 0) != (end > start))
        return function_fail(call, "the step of the series leads away from its end");
    __int128 count = (end - start) / step + 1;
    if (count > FUNCTION_ITEMS_MAXIMUM)
        return function_fail(call, "the series has more than %d items", FUNCTION_ITEMS_MAXIMUM);
    struct value *items = function_items(call, (size_t)count);
    for (__int128 i = 0; items && i < count; i++)
        items[i] = value_of_integer((int64_t)(start + i * step));
    return items && function_give_sequence(call, items, (size_t)count, ret_value);
}

#define OF_ARRAY(rule, function)                                                                                       \
    { TAKES(PARAMETER_ARRAY), .result_of = rule, .null_in_null_out = true, .call = function }
#define SERIES(...)                                                                                                    \
    { TAKES(__VA_ARGS__), .result_of = result_series, .null_in_null_out = true, .call = series }

FUNCTION_LIST(
    functions_array_order,
    {.name = "ARRAY_JOIN",
     .category = "Collections",
     .signature = "ARRAY_JOIN(array[, delimiter])",
     .description = "The elements, simple values, as a text with the delimiter (a comma if not given) between them; "
                    "NULL is written null.",
     VARIANTS({TAKES(PARAMETER_ARRAY), .result_of = result_joined, .call = array_join},
              {TAKES(PARAMETER_ARRAY, PARAMETER_STRING), .result_of = result_joined, .call = array_join})},
    {.name = "ARRAY_MAX",
     .category = "Collections",
     .signature = "ARRAY_MAX(array)",
     .description = "The largest element; NULL when there is none but NULL.",
     VARIANTS(OF_ARRAY(result_element, array_max))},
    {.name = "ARRAY_MIN",
     .category = "Collections",
     .signature = "ARRAY_MIN(array)",
     .description = "The smallest element; NULL when there is none but NULL.",
     VARIANTS(OF_ARRAY(result_element, array_min))},
    {.name = "ARRAY_SORT",
     .category = "Collections",
     .signature = "ARRAY_SORT(array[, direction])",
     .description = "The elements by size, 'ASC' (if not given) or 'DESC'; NULL is always last.",
     VARIANTS(OF_ARRAY(result_sorted, array_sort),
              {TAKES(PARAMETER_ARRAY, PARAMETER_STRING), .result_of = result_sorted, .null_in_null_out = true,
               .call = array_sort})},
    {.name = "GENERATE_SERIES",
     .category = "Collections",
     .signature = "GENERATE_SERIES(start, end[, step])",
     .description = "The whole numbers from start to end, both included, as an array; downwards when the end is less.",

     VARIANTS(SERIES(PARAMETER_INTEGER, PARAMETER_INTEGER), SERIES(PARAMETER_BIGINT, PARAMETER_BIGINT),
              SERIES(PARAMETER_INTEGER, PARAMETER_INTEGER, PARAMETER_INTEGER),
              SERIES(PARAMETER_BIGINT, PARAMETER_BIGINT, PARAMETER_INTEGER))});

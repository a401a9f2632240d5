/* Arrays as lists and as sets. Elements are equal as in Java's equals, NULL to NULL; sets keep the order in which
 * elements first come. */
#include "sql/function/library/functions.h"

#include "core/memory.h"

static const struct sequence *elements(const struct value *array) {
    static const struct sequence none = {0};
    return array->null ? &none : array->sequence;
}

/* --- lists
 * ------------------------------------------------------------------------------------------------------------------ */

static bool array_length(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = value_of_integer((int64_t)arguments[0].sequence->count);
    return true;
}

static bool array_concat(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null && arguments[1].null)
        return function_give_null(ret_value);
    const struct sequence *first = elements(&arguments[0]), *second = elements(&arguments[1]);
    if (first->count + second->count > FUNCTION_ITEMS_MAXIMUM)
        return function_fail(call, "the result has more than %d items", FUNCTION_ITEMS_MAXIMUM);
    struct value *items = function_items(call, first->count + second->count);
    if (!items)
        return false;
    for (size_t i = 0; i < first->count; i++)
        items[i] = first->items[i];
    for (size_t i = 0; i < second->count; i++)
        items[first->count + i] = second->items[i];
    return function_give_sequence(call, items, first->count + second->count, ret_value);
}

/* ARRAY, and a value that may be compared with its elements. */
static bool element_comparable(const struct type *const *types, const char **ret_problem) {
    if (types[0]->kind != TYPE_ARRAY)
        *ret_problem = "an ARRAY is expected";
    else if (!function_comparable(types[0]->element, types[1]))
        *ret_problem = "the value is of another type than the elements of the array";
    return !*ret_problem;
}

static const struct type *result_contains(struct arena *arena, const struct type *const *types, size_t count,
                                          const char **ret_problem) {
    (void)arena, (void)count;
    return element_comparable(types, ret_problem) ? &type_boolean : NULL;
}

static const struct type *result_remove(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)arena, (void)count;
    return element_comparable(types, ret_problem) ? types[0] : NULL;
}

static bool array_contains(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *array = elements(&arguments[0]);
    bool found = false;
    for (size_t i = 0; !found && i < array->count; i++)
        found = function_equal(call->types[0]->element, &array->items[i], call->types[1], &arguments[1]);
    *ret_value = value_of_boolean(found);
    return true;
}

static bool array_remove(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null)
        return function_give_null(ret_value);
    const struct sequence *array = arguments[0].sequence;
    struct value *items = function_items(call, array->count);
    size_t count = 0;
    for (size_t i = 0; items && i < array->count; i++)
        if (!function_equal(call->types[0]->element, &array->items[i], call->types[1], &arguments[1]))
            items[count++] = array->items[i];
    return items && function_give_sequence(call, items, count, ret_value);
}

/* Both ends included, from 1; NULL: the first, the last. NULL when they lie outside. */
static bool slice_of_array(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null)
        return function_give_null(ret_value);
    const struct sequence *array = arguments[0].sequence;
    int64_t from = arguments[1].null ? 1 : arguments[1].integer,
            to = arguments[2].null ? (int64_t)array->count : arguments[2].integer;
    if (from < 1 || to > (int64_t)array->count || to < from - 1)
        return function_give_null(ret_value);
    return function_give_sequence(call, array->items + (from - 1), (size_t)(to - from + 1), ret_value);
}

/* --- sets
 * ------------------------------------------------------------------------------------------------------------------ */

/* The elements of the first array and, for a union, of the second, each once; those that `other` holds (as keys)
 * only, or not at all. */
static bool give_set(struct function_call *call, const struct sequence *first, const struct sequence *second,
                     const struct function_map *other, bool wanted, struct value *ret_value) {
    struct type set_type = {.kind = TYPE_MAP, .key = call->result->element, .element = &type_boolean};
    struct function_map set = {.call = call, .type = &set_type};
    struct value yes = value_of_boolean(true), map;
    bool good = true;
    for (size_t i = 0; good && i < first->count + (second ? second->count : 0); i++) {
        const struct value *item = i < first->count ? &first->items[i] : &second->items[i - first->count];
        if (!other || !!function_map_find(other, item) == wanted)
            good = function_map_put(&set, item, &yes);
    }
    if (!function_map_give(&set, good, &map))
        return false;
    size_t count = map.sequence->count / 2;
    struct value *items = function_items(call, count);
    for (size_t i = 0; items && i < count; i++)
        items[i] = map.sequence->items[2 * i];
    return items && function_give_sequence(call, items, count, ret_value);
}

static bool array_distinct(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_set(call, arguments[0].sequence, NULL, NULL, false, ret_value);
}

static bool array_union(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_set(call, arguments[0].sequence, arguments[1].sequence, NULL, false, ret_value);
}

static bool filter_by_other(struct function_call *call, const struct value *arguments, bool wanted,
                            struct value *ret_value) {
    struct type set_type = {.kind = TYPE_MAP, .key = call->result->element, .element = &type_boolean};
    struct function_map other = {.call = call, .type = &set_type};
    struct value yes = value_of_boolean(true);
    bool good = true;
    for (size_t i = 0; good && i < arguments[1].sequence->count; i++)
        good = function_map_put(&other, &arguments[1].sequence->items[i], &yes);
    good = good && give_set(call, arguments[0].sequence, NULL, &other, wanted, ret_value);
    free(other.items);
    free(other.slots);
    return good;
}

static bool array_intersect(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return filter_by_other(call, arguments, true, ret_value);
}

static bool array_except(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return filter_by_other(call, arguments, false, ret_value);
}

#define OF_TWO(function)                                                                                               \
    {                                                                                                                  \
        TAKES(PARAMETER_SAME, PARAMETER_SAME), .result_of = function_result_array, .null_in_null_out = true,           \
                                               .call = function                                                        \
    }

FUNCTION_LIST(
    functions_arrays,
    {.name = "ARRAY_CONCAT",
     .category = "Collections",
     .signature = "ARRAY_CONCAT(array, array)",
     .description = "The elements of both arrays; a NULL array counts as empty, two give NULL.",
     VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .result_of = function_result_array, .call = array_concat})},
    {.name = "ARRAY_CONTAINS",
     .category = "Collections",
     .signature = "ARRAY_CONTAINS(array, value)",
     .description = "Whether an element equals the value; FALSE for a NULL array.",
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_ANY), .result_of = result_contains, .call = array_contains})},
    {.name = "ARRAY_DISTINCT",
     .category = "Collections",
     .signature = "ARRAY_DISTINCT(array)",
     .description = "The elements, NULL too, each once, in the order of their first coming.",
     VARIANTS({TAKES(PARAMETER_ARRAY), .result_of = function_result_array, .null_in_null_out = true,
               .call = array_distinct})},
    {.name = "ARRAY_EXCEPT",
     .category = "Collections",
     .signature = "ARRAY_EXCEPT(array, other)",
     .description = "The distinct elements that are not in the other array.",
     VARIANTS(OF_TWO(array_except))},
    {.name = "ARRAY_INTERSECT",
     .category = "Collections",
     .signature = "ARRAY_INTERSECT(array, other)",
     .description = "The distinct elements that are in the other array too.",
     VARIANTS(OF_TWO(array_intersect))},
    {.name = "ARRAY_LENGTH",
     .category = "Collections",
     .signature = "ARRAY_LENGTH(array)",
     .description = "The number of elements.",
     VARIANTS({TAKES(PARAMETER_ARRAY), .result = &type_integer, .null_in_null_out = true, .call = array_length})},
    {.name = "ARRAY_REMOVE",
     .category = "Collections",
     .signature = "ARRAY_REMOVE(array, value)",
     .description = "The array without the elements that equal the value.",
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_ANY), .result_of = result_remove, .call = array_remove})},
    {.name = "ARRAY_UNION",
     .category = "Collections",
     .signature = "ARRAY_UNION(array, other)",
     .description = "The distinct elements of both arrays.",
     VARIANTS(OF_TWO(array_union))},
    {.name = "SLICE",
     .category = "Collections",
     .signature = "SLICE(array, from, to)",
     .description = "The elements from one position to another, both from 1 and included; NULL stands for the first, "
                    "the last. NULL when they lie outside.",
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_INTEGER, PARAMETER_INTEGER), .result_of = function_result_array,
               .call = slice_of_array})});

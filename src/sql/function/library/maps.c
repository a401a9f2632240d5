/* Maps: made, taken apart, joined. Entries keep the order in which their keys first came. */
#include "sql/function/library/functions.h"

#include <stdlib.h>

static bool is_map(const struct type *type, const char **ret_problem) {
    if (type->kind != TYPE_MAP)
        *ret_problem = "a MAP is expected";
    return type->kind == TYPE_MAP;
}

static const struct type *result_keys(struct arena *arena, const struct type *const *types, size_t count,
                                      const char **ret_problem) {
    (void)count;
    return is_map(types[0], ret_problem) ? type_array(arena, types[0]->key) : NULL;
}

static const struct type *result_values(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)count;
    return is_map(types[0], ret_problem) ? type_array(arena, types[0]->element) : NULL;
}

static const struct type *result_union(struct arena *arena, const struct type *const *types, size_t count,
                                       const char **ret_problem) {
    (void)arena, (void)count;
    return is_map(types[0], ret_problem) ? types[0] : NULL;
}

static const struct type *result_as_map(struct arena *arena, const struct type *const *types, size_t count,
                                        const char **ret_problem) {
    (void)count;
    if (types[0]->kind == TYPE_ARRAY && types[1]->kind == TYPE_ARRAY && types[0]->element->kind == TYPE_STRING)
        return type_map(arena, types[0]->element, types[1]->element);
    *ret_problem = "an ARRAY<STRING> of keys and an ARRAY of values are expected";
    return NULL;
}

/* ARRAY<STRUCT<K, V>>. */
static const struct type *result_entries(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    (void)count;
    struct type_field *fields = is_map(types[0], ret_problem) ? arena_allocate(arena, 2 * sizeof *fields) : NULL;
    if (!fields)
        return NULL;
    fields[0] = (struct type_field){SLICE("K"), types[0]->key};
    fields[1] = (struct type_field){SLICE("V"), types[0]->element};
    const struct type *entry = type_struct(arena, fields, 2);
    return entry ? type_array(arena, entry) : NULL;
}

static bool give_every_second(struct function_call *call, const struct sequence *map, size_t first,
                              struct value *ret_value) {
    struct value *items = function_items(call, map->count / 2);
    for (size_t i = 0; items && i < map->count / 2; i++)
        items[i] = map->items[2 * i + first];
    return items && function_give_sequence(call, items, map->count / 2, ret_value);
}

static bool map_keys(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_every_second(call, arguments[0].sequence, 0, ret_value);
}

static bool map_values(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return give_every_second(call, arguments[0].sequence, 1, ret_value);
}

static bool map_union(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    if (arguments[0].null && arguments[1].null)
        return function_give_null(ret_value);
    struct function_map map = {.call = call, .type = call->result};
    bool good = true;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; good && !arguments[side].null && i < arguments[side].sequence->count; i += 2)
            good = function_map_put(&map, &arguments[side].sequence->items[i], &arguments[side].sequence->items[i + 1]);
    return function_map_give(&map, good, ret_value);
}

/* As many entries as the shorter array has elements; a NULL key is left out. */
static bool as_map(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *keys = arguments[0].sequence, *values = arguments[1].sequence;
    struct function_map map = {.call = call, .type = call->result};
    bool good = true;
    for (size_t i = 0; good && i < keys->count && i < values->count; i++)
        if (!keys->items[i].null)
            good = function_map_put(&map, &keys->items[i], &values->items[i]);
    return function_map_give(&map, good, ret_value);
}

static int compare_entries(const void *a, const void *b, void *context) {
    const struct value *left = a, *right = b;
    return value_compare(context, &left->sequence->items[0], &right->sequence->items[0]);
}

static bool entries(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *map = arguments[0].sequence;
    size_t count = map->count / 2;
    struct value *items = function_items(call, count);
    for (size_t i = 0; items && i < count; i++)
        if (!function_give_sequence(call, map->items + 2 * i, 2, &items[i]))
            return false;
    if (items && arguments[1].boolean)
        qsort_r(items, count, sizeof *items, compare_entries, (void *)call->types[0]->key);
    return items && function_give_sequence(call, items, count, ret_value);
}

FUNCTION_LIST(
    functions_maps,
    {.name = "AS_MAP",
     .category = "Collections",
     .signature = "AS_MAP(keys, values)",
     .description = "A MAP of an array of keys and one of values.",
     VARIANTS({TAKES(PARAMETER_ARRAY, PARAMETER_ARRAY), .result_of = result_as_map, .null_in_null_out = true,
               .call = as_map})},
    {.name = "ENTRIES",
     .category = "Collections",
     .signature = "ENTRIES(map, sorted)",
     .description = "The entries as an array of STRUCT<K, V>, by their keys if `sorted`.",
     VARIANTS({TAKES(PARAMETER_MAP, PARAMETER_BOOLEAN), .result_of = result_entries, .null_in_null_out = true,
               .call = entries})},
    {.name = "MAP_KEYS",
     .category = "Collections",
     .signature = "MAP_KEYS(map)",
     .description = "The keys as an array.",
     VARIANTS({TAKES(PARAMETER_MAP), .result_of = result_keys, .null_in_null_out = true, .call = map_keys})},
    {.name = "MAP_UNION",
     .category = "Collections",
     .signature = "MAP_UNION(map, other)",
     .description =
         "The entries of both maps; of a key in both, the other's. A NULL map counts as empty, two give NULL.",
     VARIANTS({TAKES(PARAMETER_SAME, PARAMETER_SAME), .result_of = result_union, .call = map_union})},
    {.name = "MAP_VALUES",
     .category = "Collections",
     .signature = "MAP_VALUES(map)",
     .description = "The values as an array.",
     VARIANTS({TAKES(PARAMETER_MAP), .result_of = result_values, .null_in_null_out = true, .call = map_values})});

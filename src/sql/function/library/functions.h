/* What the files of this folder share: how tables of functions are written, and how results are made. One file, one
 * theme, one list. */
#ifndef METERLINE_SQL_FUNCTION_LIBRARY_FUNCTIONS_H
#define METERLINE_SQL_FUNCTION_LIBRARY_FUNCTIONS_H

#include "sql/function/function.h"

struct function_list {
    const struct function *functions;
    size_t count;
};

extern const struct function_list functions_numeric, functions_trigonometric, functions_text, functions_text_case,
    functions_text_parts, functions_regular_expressions, functions_null_handling, functions_time, functions_time_text,
    functions_arrays, functions_array_order, functions_maps, functions_lambdas, functions_json, functions_url,
    functions_bytes, functions_geography, functions_table;

/* A table: FUNCTION_LIST(functions_numeric, {.name = "ABS", .., VARIANTS({TAKES(PARAMETER_INTEGER), .result =
 * &type_integer, .call = ..}, ..)}, ..). */
#define TAKES(...)                                                                                                     \
    .parameters = (const enum parameter_kind[]){__VA_ARGS__},                                                          \
    .parameter_count = sizeof(const enum parameter_kind[]){__VA_ARGS__} / sizeof(enum parameter_kind)
#define VARIANTS(...)                                                                                                  \
    .variants = (const struct function_variant[]){__VA_ARGS__},                                                        \
    .variant_count = sizeof(const struct function_variant[]){__VA_ARGS__} / sizeof(struct function_variant)
#define FUNCTION_LIST(list, ...)                                                                                       \
    const struct function_list list = {.functions = (const struct function[]){__VA_ARGS__},                            \
                                       .count =                                                                        \
                                           sizeof(const struct function[]){__VA_ARGS__} / sizeof(struct function)}

/* Sets call->problem and returns false. */
bool function_fail(struct function_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Length of the beginning of a text that a message shows, for "%.*s". */
int function_shown(struct slice text);

/* Results. All return false when memory has run out. */
bool function_give_text(struct function_call *call, struct slice text, struct value *ret_value); /* a copy */
bool function_give_bytes(struct function_call *call, struct bytes *text,
                         struct value *ret_value); /* a copy; `text` is released */
bool function_give_sequence(struct function_call *call, const struct value *items, size_t count,
                            struct value *ret_value);                   /* `items` in the arena */
bool function_give_null(struct value *ret_value);                       /* always true */
struct value *function_items(struct function_call *call, size_t count); /* room for items; NULL: no memory */

/* Rules for the type of the result (function_variant.result_of): that of the first argument, which is not a bare
 * NULL; the same, and an ARRAY; ARRAY<STRING>. */
const struct type *function_result_first(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem);
const struct type *function_result_array(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem);
const struct type *function_result_strings(struct arena *arena, const struct type *const *types, size_t count,
                                           const char **ret_problem);

/* Whether two values, not necessarily of the same type, may be compared, and are equal; NULL equals NULL. */
bool function_comparable(const struct type *a, const struct type *b);
bool function_equal(const struct type *type_a, const struct value *a, const struct type *type_b, const struct value *b);

/* A MAP that is being made: entries in the order of their keys' first coming, found by hash. */
struct function_map {
    struct function_call *call;
    const struct type *type; /* the MAP's */
    struct value *items;     /* key, value, key, value, .. */
    size_t count, capacity;  /* of items */
    uint32_t *slots;         /* place of the entry + 1; 0: free */
    size_t slot_count;
};

/* The value of an equal key is replaced. False: no memory, or (call->problem) too many. */
bool function_map_put(struct function_map *map, const struct value *key, const struct value *value);
/* The value of a key; NULL: it is not there. */
const struct value *function_map_find(const struct function_map *map, const struct value *key);
/* Ends the making: a copy in the arena if `good`; the rest is given back in any case. */
bool function_map_give(struct function_map *map, bool good, struct value *ret_value);

#endif

/* Table functions: each gives the rows that it makes of one row as an ARRAY; the planner takes them out of SELECT,
 * and an operator makes rows of the items. */
#include "sql/function/library/functions.h"

enum { CUBE_COLUMNS_MAXIMUM = 16 };

static bool explode(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = arguments[0];
    return true;
}

static const struct type *result_cube(struct arena *arena, const struct type *const *types, size_t count,
                                      const char **ret_problem) {
    const struct type *array = function_result_array(arena, types, count, ret_problem);
    return array ? type_array(arena, array) : NULL;
}

/* Is combination `number` the same as one before it: does it keep a NULL? Bit d of it says whether column d, counted
 * from the last, is kept. */
static bool cube_repeats(const struct sequence *columns, size_t number) {
    for (size_t i = 0; i < columns->count; i++)
        if ((number >> (columns->count - 1 - i) & 1) && columns->items[i].null)
            return true;
    return false;
}

static bool cube_row(struct function_call *call, const struct sequence *columns, size_t number,
                     struct value *ret_value) {
    struct value *items = function_items(call, columns->count);
    for (size_t i = 0; items && i < columns->count; i++)
        items[i] = number >> (columns->count - 1 - i) & 1 ? columns->items[i] : VALUE_NULL;
    return items && function_give_sequence(call, items, columns->count, ret_value);
}

/* [a, b]: [NULL, NULL], [NULL, b], [a, NULL], [a, b] */
static bool cube_explode(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct sequence *columns = arguments[0].sequence;
    if (columns->count > CUBE_COLUMNS_MAXIMUM)
        return function_fail(call, "CUBE_EXPLODE of %zu columns: at most %d can be combined", columns->count,
                             CUBE_COLUMNS_MAXIMUM);
    size_t rows = (size_t)1 << columns->count, count = 0;
    struct value *items = function_items(call, rows);
    for (size_t number = 0; items && number < rows; number++)
        if (!cube_repeats(columns, number) && !cube_row(call, columns, number, &items[count++]))
            return false;
    return items && function_give_sequence(call, items, count, ret_value);
}

FUNCTION_LIST(
    functions_table,
    {.name = "CUBE_EXPLODE",
     .category = "Table functions",
     .signature = "CUBE_EXPLODE(array)",
     .description = "A row for each combination of the elements, as an ARRAY with NULL for those that are left out; "
                    "what a NULL element would repeat is passed by. At most 16 elements.",
     .gives_rows = true,
     VARIANTS({TAKES(PARAMETER_ARRAY), .result_of = result_cube, .null_in_null_out = true, .call = cube_explode})},
    {.name = "EXPLODE",
     .category = "Table functions",
     .signature = "EXPLODE(array)",
     .description = "A row for each element. Table functions are items of SELECT over a stream; of several the n-th "
                    "rows stand together, NULL where one has no more.",
     .gives_rows = true,
     VARIANTS({TAKES(PARAMETER_ARRAY), .result_of = function_result_array, .null_in_null_out = true,
               .call = explode})});

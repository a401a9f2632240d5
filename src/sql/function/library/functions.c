/* Results are written into the arena of the call; failures say what Java would have thrown. */
#include "sql/function/library/functions.h"

#include "model/decimal.h"
#include <stdarg.h>
#include <stdio.h>

enum { FUNCTION_SHOWN = 60 };

bool function_fail(struct function_call *call, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    call->problem = arena_copy(call->arena, slice_of(text)).data;
    return false;
}

int function_shown(struct slice text) {
    return text.length < FUNCTION_SHOWN ? (int)text.length : FUNCTION_SHOWN;
}

/* --- results
 * ------------------------------------------------------------------------------------------------------------------ */

bool function_give_text(struct function_call *call, struct slice text, struct value *ret_value) {
    struct slice copy = arena_copy(call->arena, text);
    if (!copy.data)
        return false;
    *ret_value = value_of_text(copy);
    return true;
}

bool function_give_bytes(struct function_call *call, struct bytes *text, struct value *ret_value) {
    bool given = !text->failed && function_give_text(call, bytes_slice(text), ret_value);
    bytes_release(text);
    return given;
}

bool function_give_sequence(struct function_call *call, const struct value *items, size_t count,
                            struct value *ret_value) {
    struct sequence *sequence = arena_allocate(call->arena, sizeof *sequence);
    if (!sequence)
        return false;
    *sequence = (struct sequence){count, items};
    *ret_value = value_of_sequence(sequence);
    return true;
}

bool function_give_null(struct value *ret_value) {
    *ret_value = VALUE_NULL;
    return true;
}

struct value *function_items(struct function_call *call, size_t count) {
    if (count > SIZE_MAX / sizeof(struct value) - 1)
        return NULL;
    return arena_allocate(call->arena, (count + 1) * sizeof(struct value));
}

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

const struct type *function_result_first(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    (void)arena;
    if (count && types[0]->kind != TYPE_NULL)
        return types[0];
    *ret_problem = "the type of NULL is not known here";
    return NULL;
}

const struct type *function_result_array(struct arena *arena, const struct type *const *types, size_t count,
                                         const char **ret_problem) {
    (void)arena;
    if (count && types[0]->kind == TYPE_ARRAY)
        return types[0];
    *ret_problem = "an ARRAY is expected";
    return NULL;
}

const struct type *function_result_strings(struct arena *arena, const struct type *const *types, size_t count,
                                           const char **ret_problem) {
    (void)types, (void)count, (void)ret_problem;
    return type_array(arena, &type_string);
}

bool function_comparable(const struct type *a, const struct type *b) {
    return a->kind == TYPE_NULL || b->kind == TYPE_NULL || type_equal(a, b) ||
           (type_is_numeric(a) && type_is_numeric(b));
}

static double function_number(const struct type *type, const struct value *value) {
    if (type->kind == TYPE_DOUBLE)
        return value->number;
    return type->kind == TYPE_DECIMAL ? decimal_to_double(value->decimal, type->scale) : (double)value->integer;
}

static decimal function_decimal(const struct type *type, const struct value *value) {
    return type->kind == TYPE_DECIMAL ? value->decimal : (decimal)value->integer;
}

bool function_equal(const struct type *type_a, const struct value *a, const struct type *type_b,
                    const struct value *b) {
    if (a->null || b->null)
        return a->null == b->null;
    if (!type_is_numeric(type_a) || !type_is_numeric(type_b) || type_equal(type_a, type_b))
        return value_compare(type_a, a, b) == 0;
    if (type_a->kind == TYPE_DOUBLE || type_b->kind == TYPE_DOUBLE)
        return function_number(type_a, a) == function_number(type_b, b);
    return decimal_compare(function_decimal(type_a, a), type_a->kind == TYPE_DECIMAL ? type_a->scale : 0,
                           function_decimal(type_b, b), type_b->kind == TYPE_DECIMAL ? type_b->scale : 0) == 0;
}

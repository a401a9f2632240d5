/* + - * / % and the sign. INTEGER and BIGINT wrap, DOUBLE is IEEE 754 (% is C's fmod, as Java's), DECIMAL fails when
 * the result does not fit its type. A NULL operand fails, and so does a division of whole numbers or decimals by
 * zero. */
#include <math.h>

#include "sql/expression/node.h"

static const char *arithmetic_sign(enum expression_operator op) {
    static const char *const signs[] = {[OPERATOR_NEGATE] = "-",   [OPERATOR_ADD] = "+",    [OPERATOR_SUBTRACT] = "-",
                                        [OPERATOR_MULTIPLY] = "*", [OPERATOR_DIVIDE] = "/", [OPERATOR_MODULO] = "%"};
    return signs[op];
}

/* NULL marks of the result; rows with a NULL operand fail. */
static bool arithmetic_nulls(const struct binary_node *node, struct node_run *run, const struct selection *selected,
                             const struct vector *a, const struct vector *b, struct vector *result) {
    uint8_t any = 0;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        any |= result->nulls[row] = a->nulls[row & a->mask] | b->nulls[row & b->mask];
    }
    for (size_t i = 0; any && i < selected->count; i++) {
        size_t row = selected->rows[i];
        if (result->nulls[row] && !node_fail(run, row, "an operand of %s is NULL", arithmetic_sign(node->op)))
            return false;
    }
    return true;
}

/* --- loops
 * ------------------------------------------------------------------------------------------------------------------ */

typedef void arithmetic_loop(const struct vector *a, const struct vector *b, const struct selection *selected,
                             size_t count, struct vector *result);

/* All rows: plain loops that the compiler can make of vector instructions. */
#define ARITHMETIC_LOOP(name, member, type, expression)                                                                \
    static void name(const struct vector *a, const struct vector *b, const struct selection *selected, size_t count,   \
                     struct vector *result) {                                                                          \
        const type *restrict left = a->member, *restrict right = b->member;                                            \
        type *restrict to = result->member;                                                                            \
        if (selected->count == count && a->mask && b->mask) {                                                          \
            for (size_t row = 0; row < count; row++) {                                                                 \
                type x = left[row], y = right[row];                                                                    \
                to[row] = (expression);                                                                                \
            }                                                                                                          \
        } else if (selected->count == count && a->mask) {                                                              \
            type y = right[0];                                                                                         \
            for (size_t row = 0; row < count; row++) {                                                                 \
                type x = left[row];                                                                                    \
                to[row] = (expression);                                                                                \
            }                                                                                                          \
        } else {                                                                                                       \
            for (size_t i = 0; i < selected->count; i++) {                                                             \
                size_t row = selected->rows[i];                                                                        \
                type x = left[row & a->mask], y = right[row & b->mask];                                                \
                to[row] = (expression);                                                                                \
            }                                                                                                          \
        }                                                                                                              \
    }

#define WRAPPED_32(op) ((int32_t)((uint32_t)x op(uint32_t) y))
#define WRAPPED_64(op) ((int64_t)((uint64_t)x op(uint64_t) y))

ARITHMETIC_LOOP(integer_add, integers, int64_t, WRAPPED_32(+))
ARITHMETIC_LOOP(integer_subtract, integers, int64_t, WRAPPED_32(-))
ARITHMETIC_LOOP(integer_multiply, integers, int64_t, WRAPPED_32(*))
ARITHMETIC_LOOP(bigint_add, integers, int64_t, WRAPPED_64(+))
ARITHMETIC_LOOP(bigint_subtract, integers, int64_t, WRAPPED_64(-))
ARITHMETIC_LOOP(bigint_multiply, integers, int64_t, WRAPPED_64(*))
ARITHMETIC_LOOP(double_add, doubles, double, x + y)
ARITHMETIC_LOOP(double_subtract, doubles, double, x - y)
ARITHMETIC_LOOP(double_multiply, doubles, double, x *y)
ARITHMETIC_LOOP(double_divide, doubles, double, x / y)
ARITHMETIC_LOOP(double_modulo, doubles, double, fmod(x, y))

static arithmetic_loop *arithmetic_loop_of(enum type_kind kind, enum expression_operator op) {
    static arithmetic_loop *const integers[] = {
        [OPERATOR_ADD] = integer_add, [OPERATOR_SUBTRACT] = integer_subtract, [OPERATOR_MULTIPLY] = integer_multiply};
    static arithmetic_loop *const bigints[] = {
        [OPERATOR_ADD] = bigint_add, [OPERATOR_SUBTRACT] = bigint_subtract, [OPERATOR_MULTIPLY] = bigint_multiply};
    static arithmetic_loop *const doubles[] = {[OPERATOR_ADD] = double_add,
                                               [OPERATOR_SUBTRACT] = double_subtract,
                                               [OPERATOR_MULTIPLY] = double_multiply,
                                               [OPERATOR_DIVIDE] = double_divide,
                                               [OPERATOR_MODULO] = double_modulo};
    return kind == TYPE_DOUBLE ? doubles[op] : kind == TYPE_BIGINT ? bigints[op] : integers[op];
}

/* --- whole numbers, divided
 * -------------------------------------------------------------------------------------------------------- */

/* The smallest number by -1 does not fit and wraps to itself. */
static int64_t whole_divide(const struct binary_node *node, int64_t x, int64_t y) {
    if (y == -1) {
        uint64_t negated = 0 - (uint64_t)x;
        return node->op == OPERATOR_MODULO             ? 0
               : node->node.type->kind == TYPE_INTEGER ? (int32_t)(uint32_t)negated
                                                       : (int64_t)negated;
    }
    return node->op == OPERATOR_MODULO ? x % y : x / y;
}

static bool whole_divide_rows(const struct binary_node *node, struct node_run *run, const struct selection *selected,
                              const struct vector *a, const struct vector *b, struct vector *result) {
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        if (result->nulls[row])
            continue;
        int64_t y = b->integers[row & b->mask];
        if (y) {
            result->integers[row] = whole_divide(node, a->integers[row & a->mask], y);
            continue;
        }
        result->nulls[row] = 1;
        if (!node_fail(run, row, "division by zero"))
            return false;
    }
    return true;
}

/* --- decimals
 * ------------------------------------------------------------------------------------------------------------------ */

/* A sum, difference or product whose type has room for every digit: 128 bits hold it, and nothing has to be checked. */
static bool decimal_is_exact(const struct binary_node *node) {
    const struct type *a = node->left->type, *b = node->right->type, *to = node->node.type;
    unsigned whole_a = a->precision - a->scale, whole_b = b->precision - b->scale, whole = to->precision - to->scale;
    if (node->op == OPERATOR_MULTIPLY)
        return to->scale == a->scale + b->scale && whole >= whole_a + whole_b;
    bool sum = node->op == OPERATOR_ADD || node->op == OPERATOR_SUBTRACT;
    return sum && to->scale >= a->scale && to->scale >= b->scale && whole > whole_a && whole > whole_b;
}

static void decimal_exact_rows(const struct binary_node *node, const struct selection *selected, const struct vector *a,
                               const struct vector *b, struct vector *result) {
    bool product = node->op == OPERATOR_MULTIPLY;
    unsigned scale = node->node.type->scale;
    unsigned __int128 left = product ? 1 : (unsigned __int128)decimal_power(scale - node->left->type->scale);
    unsigned __int128 right = product ? 1 : (unsigned __int128)decimal_power(scale - node->right->type->scale);
    if (node->op == OPERATOR_SUBTRACT)
        right = 0 - right;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        if (result->nulls[row])
            continue;
        unsigned __int128 x = (unsigned __int128)a->decimals[row & a->mask],
                          y = (unsigned __int128)b->decimals[row & b->mask];
        result->decimals[row] = (decimal)(product ? x * y : x * left + y * right);
    }
}

typedef bool decimal_function(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                              decimal *ret_value);

static bool decimal_fail(const struct binary_node *node, struct node_run *run, size_t row, decimal divisor) {
    const struct type *type = node->node.type;
    if (divisor == 0 && (node->op == OPERATOR_DIVIDE || node->op == OPERATOR_MODULO))
        return node_fail(run, row, "division by zero");
    return node_fail(run, row, "the result of %s does not fit DECIMAL(%u, %u)", arithmetic_sign(node->op),
                     type->precision, type->scale);
}

static bool decimal_rows(const struct binary_node *node, struct node_run *run, const struct selection *selected,
                         const struct vector *a, const struct vector *b, struct vector *result) {
    static decimal_function *const functions[] = {[OPERATOR_ADD] = decimal_add,
                                                  [OPERATOR_SUBTRACT] = decimal_subtract,
                                                  [OPERATOR_MULTIPLY] = decimal_multiply,
                                                  [OPERATOR_DIVIDE] = decimal_divide,
                                                  [OPERATOR_MODULO] = decimal_remainder};
    struct decimal_shape shape = {node->node.type->precision, node->node.type->scale};
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        if (result->nulls[row])
            continue;
        decimal x = a->decimals[row & a->mask], y = b->decimals[row & b->mask];
        if (functions[node->op](x, node->left->type->scale, y, node->right->type->scale, shape, &result->decimals[row]))
            continue;
        result->nulls[row] = 1;
        if (!decimal_fail(node, run, row, y))
            return false;
    }
    return true;
}

/* --- nodes
 * ------------------------------------------------------------------------------------------------------------------ */

static bool arithmetic_rows(const struct binary_node *node, struct node_run *run, const struct selection *selected,
                            const struct vector *a, const struct vector *b, struct vector *result) {
    enum type_kind kind = node->node.type->kind;
    if (kind == TYPE_DECIMAL && !decimal_is_exact(node))
        return decimal_rows(node, run, selected, a, b, result);
    if (kind == TYPE_DECIMAL) {
        decimal_exact_rows(node, selected, a, b, result);
        return true;
    }
    if (kind != TYPE_DOUBLE && (node->op == OPERATOR_DIVIDE || node->op == OPERATOR_MODULO))
        return whole_divide_rows(node, run, selected, a, b, result);
    arithmetic_loop_of(kind, node->op)(a, b, selected, run->rows->count, result);
    return true;
}

static bool arithmetic_run(const struct node *node, struct node_run *run, const struct selection *selected,
                           struct vector *ret_vector) {
    const struct binary_node *arithmetic = (const struct binary_node *)node;
    struct vector a, b, result;
    if (!node_run(arithmetic->left, run, selected, &a) || !node_run(arithmetic->right, run, selected, &b) ||
        !node_allocate(run, node->type, &result) || !arithmetic_nulls(arithmetic, run, selected, &a, &b, &result))
        return false;
    if (!arithmetic_rows(arithmetic, run, selected, &a, &b, &result))
        return false;
    *ret_vector = result;
    return true;
}

struct node *node_arithmetic(struct arena *arena, enum expression_operator op, const struct type *type,
                             const struct node *left, const struct node *right) {
    return node_binary(arena, type, arithmetic_run, op, left, right);
}

static void negate_rows(const struct selection *selected, const struct vector *a, struct vector *result) {
    enum type_kind kind = result->type->kind;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], from = row & a->mask;
        if (result->nulls[row])
            continue;
        if (kind == TYPE_DOUBLE)
            result->doubles[row] = -a->doubles[from];
        else if (kind == TYPE_DECIMAL)
            result->decimals[row] = -a->decimals[from];
        else if (kind == TYPE_BIGINT)
            result->integers[row] = (int64_t)(0 - (uint64_t)a->integers[from]);
        else
            result->integers[row] = (int32_t)(0 - (uint32_t)a->integers[from]);
    }
}

static bool negate_run(const struct node *node, struct node_run *run, const struct selection *selected,
                       struct vector *ret_vector) {
    const struct binary_node *negate = (const struct binary_node *)node;
    struct vector a, result;
    if (!node_run(negate->left, run, selected, &a) || !node_allocate(run, node->type, &result) ||
        !arithmetic_nulls(negate, run, selected, &a, &a, &result))
        return false;
    negate_rows(selected, &a, &result);
    *ret_vector = result;
    return true;
}

struct node *node_negate(struct arena *arena, const struct node *operand) {
    return node_binary(arena, operand->type, negate_run, OPERATOR_NEGATE, operand, NULL);
}

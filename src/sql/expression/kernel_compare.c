/* = <> < <= > >= and IS [NOT] DISTINCT FROM. A comparison with NULL is FALSE, that is: it never gives NULL.
 *
 * DOUBLE compares as IEEE 754 (NaN equals nothing), STRING by UTF-16 code units as in Java, DECIMAL by value
 * whatever the scales. A DECIMAL meets a DOUBLE as BigDecimal.valueOf(double), which NaN has none of: it fails. */
#include <math.h>

#include "sql/expression/node.h"

static inline bool compare_holds(enum expression_operator op, int order) {
    switch (op) {
    case OPERATOR_EQUAL:
    case OPERATOR_IS_NOT_DISTINCT:
        return order == 0;
    case OPERATOR_NOT_EQUAL:
    case OPERATOR_IS_DISTINCT:
        return order != 0;
    case OPERATOR_LESS:
        return order < 0;
    case OPERATOR_LESS_EQUAL:
        return order <= 0;
    case OPERATOR_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* --- numbers and times: loops for each operator
 * ------------------------------------------------------------------------------------ */

typedef void compare_loop(const struct vector *a, const struct vector *b, const struct selection *selected,
                          size_t count, uint8_t *result);

#define COMPARE_LOOP(name, member, type, op)                                                                           \
    static void name(const struct vector *a, const struct vector *b, const struct selection *selected, size_t count,   \
                     uint8_t *result) {                                                                                \
        const type *restrict left = a->member, *restrict right = b->member;                                            \
        const uint8_t *restrict left_nulls = a->nulls, *restrict right_nulls = b->nulls;                               \
        uint8_t *restrict to = result;                                                                                 \
        if (selected->count == count && a->mask && b->mask) {                                                          \
            for (size_t row = 0; row < count; row++)                                                                   \
                to[row] = (left[row] op right[row]) & !(left_nulls[row] | right_nulls[row]);                           \
        } else if (selected->count == count && a->mask && !right_nulls[0]) {                                           \
            type y = right[0];                                                                                         \
            for (size_t row = 0; row < count; row++)                                                                   \
                to[row] = (left[row] op y) & !left_nulls[row];                                                         \
        } else {                                                                                                       \
            for (size_t i = 0; i < selected->count; i++) {                                                             \
                size_t row = selected->rows[i], x = row & a->mask, y = row & b->mask;                                  \
                to[row] = (left[x] op right[y]) & !(left_nulls[x] | right_nulls[y]);                                   \
            }                                                                                                          \
        }                                                                                                              \
    }

#define COMPARE_LOOPS(prefix, member, type)                                                                            \
    COMPARE_LOOP(prefix##_equal, member, type, ==)                                                                     \
    COMPARE_LOOP(prefix##_not_equal, member, type, !=)                                                                 \
    COMPARE_LOOP(prefix##_less, member, type, <)                                                                       \
    COMPARE_LOOP(prefix##_less_equal, member, type, <=)                                                                \
    COMPARE_LOOP(prefix##_greater, member, type, >)                                                                    \
    COMPARE_LOOP(prefix##_greater_equal, member, type, >=)                                                             \
    static compare_loop *const prefix##_loops[] = {                                                                    \
        [OPERATOR_EQUAL] = prefix##_equal,           [OPERATOR_IS_NOT_DISTINCT] = prefix##_equal,                      \
        [OPERATOR_NOT_EQUAL] = prefix##_not_equal,   [OPERATOR_LESS] = prefix##_less,                                  \
        [OPERATOR_IS_DISTINCT] = prefix##_not_equal, [OPERATOR_LESS_EQUAL] = prefix##_less_equal,                      \
        [OPERATOR_GREATER] = prefix##_greater,       [OPERATOR_GREATER_EQUAL] = prefix##_greater_equal,                \
    };

COMPARE_LOOPS(integer, integers, int64_t)
COMPARE_LOOPS(double, doubles, double)
COMPARE_LOOPS(boolean, booleans, uint8_t)

/* --- texts
 * ------------------------------------------------------------------------------------------------------------------ */

/* Against a constant, the commonest condition of all. */
static void text_equal_constant(const struct vector *a, struct slice constant, bool equal,
                                const struct selection *selected, uint8_t *result) {
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], from = row & a->mask;
        result[row] = !a->nulls[from] && slice_equal(a->texts[from], constant) == equal;
    }
}

static void text_compare(const struct binary_node *node, const struct vector *a, const struct vector *b,
                         const struct selection *selected, uint8_t *result) {
    enum expression_operator op = node->op;
    bool bytes = node->left->type->kind == TYPE_BYTES;
    bool equal = op == OPERATOR_EQUAL || op == OPERATOR_IS_NOT_DISTINCT;
    bool equality = equal || op == OPERATOR_NOT_EQUAL || op == OPERATOR_IS_DISTINCT;
    if (equality && b->mask == 0 && !b->nulls[0]) {
        text_equal_constant(a, b->texts[0], equal, selected, result);
        return;
    }
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], x = row & a->mask, y = row & b->mask;
        result[row] = false;
        if (a->nulls[x] | b->nulls[y])
            continue;
        struct slice left = a->texts[x], right = b->texts[y];
        result[row] = equality
                          ? slice_equal(left, right) == equal
                          : compare_holds(op, bytes ? slice_compare(left, right) : value_compare_text(left, right));
    }
}

/* --- decimals and collections
 * ------------------------------------------------------------------------------------------------------ */

static void decimal_rows(const struct binary_node *node, const struct vector *a, const struct vector *b,
                         const struct selection *selected, uint8_t *result) {
    unsigned left = node->left->type->scale, right = node->right->type->scale;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], x = row & a->mask, y = row & b->mask;
        result[row] = !(a->nulls[x] | b->nulls[y]) &&
                      compare_holds(node->op, decimal_compare(a->decimals[x], left, b->decimals[y], right));
    }
}

/* How a DECIMAL compares with a DOUBLE: as their doubles do, and when these are equal, exactly. Of a constant that
 * is the same in every row. */
struct decimal_side {
    const struct vector *vector;
    unsigned scale;
    double near; /* of a constant, */
    int tie;     /* and how it compares with its own double */
};

static struct decimal_side decimal_side_of(const struct vector *vector) {
    struct decimal_side side = {.vector = vector, .scale = vector->type->scale};
    if (vector->mask == 0 && !vector->nulls[0]) {
        side.near = decimal_to_double(vector->decimals[0], side.scale);
        side.tie = decimal_compare_double(vector->decimals[0], side.scale, side.near);
    }
    return side;
}

static int decimal_double_order(const struct decimal_side *side, size_t at, double number) {
    if (side->vector->mask)
        return decimal_compare_double(side->vector->decimals[at], side->scale, number);
    return side->near == number ? side->tie : side->near < number ? -1 : 1;
}

static bool decimal_double_rows(const struct binary_node *node, struct node_run *run, const struct vector *a,
                                const struct vector *b, const struct selection *selected, uint8_t *result) {
    bool swapped = node->left->type->kind == TYPE_DOUBLE;
    const struct vector *rough = swapped ? a : b;
    struct decimal_side exact = decimal_side_of(swapped ? b : a);
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], x = row & exact.vector->mask, y = row & rough->mask;
        result[row] = false;
        if (exact.vector->nulls[x] | rough->nulls[y])
            continue;
        double number = rough->doubles[y];
        if (!isfinite(number)) {
            if (!node_fail(run, row, "a DOUBLE that is no number or infinite cannot be compared with a DECIMAL"))
                return false;
            continue;
        }
        int order = decimal_double_order(&exact, x, number);
        result[row] = compare_holds(node->op, swapped ? -order : order);
    }
    return true;
}

static void sequence_rows(const struct binary_node *node, const struct vector *a, const struct vector *b,
                          const struct selection *selected, uint8_t *result) {
    for (size_t i = 0; i < selected->count; i++) {
        struct value x, y;
        size_t row = selected->rows[i];
        vector_get(a, row, &x);
        vector_get(b, row, &y);
        result[row] = !x.null && !y.null && compare_holds(node->op, value_compare(node->left->type, &x, &y));
    }
}

/* --- nodes
 * ------------------------------------------------------------------------------------------------------------------ */

static bool compare_rows(const struct binary_node *node, struct node_run *run, const struct vector *a,
                         const struct vector *b, const struct selection *selected, uint8_t *result) {
    size_t count = run->rows->count;
    switch (node->left->type->kind) {
    case TYPE_NULL:
        for (size_t i = 0; i < selected->count; i++)
            result[selected->rows[i]] = false;
        return true;
    case TYPE_BOOLEAN:
        boolean_loops[node->op](a, b, selected, count, result);
        return true;
    case TYPE_DOUBLE:
        if (node->right->type->kind == TYPE_DECIMAL)
            return decimal_double_rows(node, run, a, b, selected, result);
        double_loops[node->op](a, b, selected, count, result);
        return true;
    case TYPE_DECIMAL:
        if (node->right->type->kind == TYPE_DOUBLE)
            return decimal_double_rows(node, run, a, b, selected, result);
        decimal_rows(node, a, b, selected, result);
        return true;
    case TYPE_STRING:
    case TYPE_BYTES:
        text_compare(node, a, b, selected, result);
        return true;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        sequence_rows(node, a, b, selected, result);
        return true;
    default:
        integer_loops[node->op](a, b, selected, count, result);
        return true;
    }
}

/* NULL is like NULL and unlike everything else. */
static void compare_distinct(enum expression_operator op, const struct vector *a, const struct vector *b,
                             const struct selection *selected, uint8_t *result) {
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        bool x = a->nulls[row & a->mask], y = b->nulls[row & b->mask];
        if (x || y)
            result[row] = (x != y) == (op == OPERATOR_IS_DISTINCT);
    }
}

static bool compare_run(const struct node *node, struct node_run *run, const struct selection *selected,
                        struct vector *ret_vector) {
    const struct binary_node *compare = (const struct binary_node *)node;
    struct vector a, b, result;
    if (!node_run(compare->left, run, selected, &a) || !node_run(compare->right, run, selected, &b) ||
        !node_allocate_filled(run, node->type, selected, &result) ||
        !compare_rows(compare, run, &a, &b, selected, result.booleans))
        return false;
    if (compare->op == OPERATOR_IS_DISTINCT || compare->op == OPERATOR_IS_NOT_DISTINCT)
        compare_distinct(compare->op, &a, &b, selected, result.booleans);
    *ret_vector = result;
    return true;
}

struct node *node_compare(struct arena *arena, enum expression_operator op, const struct node *left,
                          const struct node *right) {
    return node_binary(arena, &type_boolean, compare_run, op, left, right);
}

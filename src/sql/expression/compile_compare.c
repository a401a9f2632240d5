/* Comparisons, BETWEEN, IN and LIKE: what may be compared, and as what.
 *
 *     numbers                with numbers
 *     STRING, BYTES          with their own
 *     BOOLEAN, collections   with their own, for = and <> only
 *     DATE, TIME, TIMESTAMP  with their own, DATE with TIMESTAMP (as its midnight), each with STRING, which is read as the time
 *     ROWTIME, WINDOWSTART, WINDOWEND     also with a STRING literal, which is read as a TIMESTAMP */
#include "sql/expression/compiler.h"

const char *compiler_operator_text(enum expression_operator op) {
    static const char *const texts[] = {
        [OPERATOR_NEGATE] = "-",
        [OPERATOR_PLUS] = "+",
        [OPERATOR_NOT] = "NOT",
        [OPERATOR_ADD] = "+",
        [OPERATOR_SUBTRACT] = "-",
        [OPERATOR_MULTIPLY] = "*",
        [OPERATOR_DIVIDE] = "/",
        [OPERATOR_MODULO] = "%",
        [OPERATOR_CONCAT] = "||",
        [OPERATOR_EQUAL] = "=",
        [OPERATOR_NOT_EQUAL] = "<>",
        [OPERATOR_LESS] = "<",
        [OPERATOR_LESS_EQUAL] = "<=",
        [OPERATOR_GREATER] = ">",
        [OPERATOR_GREATER_EQUAL] = ">=",
        [OPERATOR_IS_DISTINCT] = "IS DISTINCT FROM",
        [OPERATOR_IS_NOT_DISTINCT] = "IS NOT DISTINCT FROM",
    };
    return texts[op];
}

static bool compare_is_equality(enum expression_operator op) {
    return op == OPERATOR_EQUAL || op == OPERATOR_NOT_EQUAL || op == OPERATOR_IS_DISTINCT ||
           op == OPERATOR_IS_NOT_DISTINCT;
}

static bool compare_is_distinct(enum expression_operator op) {
    return op == OPERATOR_IS_DISTINCT || op == OPERATOR_IS_NOT_DISTINCT;
}

/* --- ROWTIME and a text
 * ------------------------------------------------------------------------------------------------------------ */

static bool compare_is_system_time(const struct operand *operand) {
    static const char *const names[] = {"ROWTIME", "WINDOWSTART", "WINDOWEND"};
    if (operand->tree->kind != EXPRESSION_COLUMN || operand->node->type->kind != TYPE_BIGINT)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(operand->tree->name, slice_of(names[i])))
            return true;
    return false;
}

static int compare_read_literal(struct compiler *compiler, struct operand *literal, const struct type *type) {
    const struct node *read;
    int status = compiler_convert(compiler, literal->node, type, &read);
    if (status < 0)
        return status;
    if (read->kind != NODE_CONSTANT)
        return compiler_fail(compiler, literal->tree->place, "'%.*s' is no %s", (int)literal->tree->text.length,
                             literal->tree->text.data, compiler_type_text(compiler, type));
    literal->node = read;
    return 0;
}

/* A text beside a system time becomes BIGINT. */
static int compare_system_time(struct compiler *compiler, const struct operand *time, struct operand *other) {
    if (!compare_is_system_time(time) || other->tree->kind != EXPRESSION_STRING)
        return 0;
    int status = compare_read_literal(compiler, other, &type_timestamp);
    if (status < 0)
        return status;
    other->node = node_constant(compiler->arena, &type_bigint, &((const struct constant_node *)other->node)->value);
    return other->node ? 0 : compiler_no_memory(compiler);
}

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

/* A text beside a time is read as one. */
static int compare_read_text(struct compiler *compiler, struct operand *text, const struct type *type) {
    return text->tree->kind == EXPRESSION_STRING ? compare_read_literal(compiler, text, type)
                                                 : compiler_convert(compiler, text->node, type, &text->node);
}

static int compare_as_decimal(struct compiler *compiler, struct operand *operand) {
    unsigned precision, scale;
    if (operand->node->type->kind == TYPE_DECIMAL || operand->node->type->kind == TYPE_DOUBLE)
        return 0;
    type_decimal_shape(operand->node->type, &precision, &scale);
    const struct type *type = type_decimal(compiler->arena, precision, scale);
    return type ? compiler_convert(compiler, operand->node, type, &operand->node) : compiler_no_memory(compiler);
}

static int compare_numbers(struct compiler *compiler, struct operand *left, struct operand *right) {
    enum type_kind a = left->node->type->kind, b = right->node->type->kind;
    int status = 0;
    if (a == TYPE_DECIMAL || b == TYPE_DECIMAL) {
        status = compare_as_decimal(compiler, left);
        return status < 0 ? status : compare_as_decimal(compiler, right);
    }
    if (a != TYPE_DOUBLE && b != TYPE_DOUBLE)
        return 0;
    status = compiler_convert(compiler, left->node, &type_double, &left->node);
    return status < 0 ? status : compiler_convert(compiler, right->node, &type_double, &right->node);
}

/* Both to the type that they have in common. */
static int compare_convert(struct compiler *compiler, struct operand *left, struct operand *right,
                           const struct type *type) {
    int status = compiler_convert(compiler, left->node, type, &left->node);
    return status < 0 ? status : compiler_convert(compiler, right->node, type, &right->node);
}

/* Sets *ret_fit; the operands are brought to what the kernel takes. */
static int compare_fit(struct compiler *compiler, enum expression_operator op, struct operand *left,
                       struct operand *right, bool *ret_fit) {
    const struct type *a = left->node->type, *b = right->node->type;
    bool failed = false;
    *ret_fit = true;
    if (type_is_numeric(a) && type_is_numeric(b))
        return compare_numbers(compiler, left, right);
    if (type_is_time(a) && b->kind == TYPE_STRING)
        return compare_read_text(compiler, right, a);
    if (a->kind == TYPE_STRING && type_is_time(b))
        return compare_read_text(compiler, left, b);
    if ((a->kind == TYPE_DATE && b->kind == TYPE_TIMESTAMP) || (a->kind == TYPE_TIMESTAMP && b->kind == TYPE_DATE))
        return compare_convert(compiler, left, right, &type_timestamp);
    bool ordered = a->kind == TYPE_STRING || a->kind == TYPE_BYTES || type_is_time(a);
    const struct type *common = ordered || compare_is_equality(op) ? type_common(compiler->arena, a, b, &failed) : NULL;
    if (failed)
        return compiler_no_memory(compiler);
    *ret_fit = common;
    return common ? compare_convert(compiler, left, right, common) : 0;
}

/* x IS DISTINCT FROM NULL. */
static int compare_distinct_null(struct compiler *compiler, enum expression_operator op, const struct operand *left,
                                 const struct operand *right, const struct node **ret_node) {
    const struct node *operand = compiler_is_null(left->node) ? right->node : left->node;
    return compiler_made(compiler, node_is_null(compiler->arena, operand, op == OPERATOR_IS_DISTINCT), ret_node);
}

int compiler_compare(struct compiler *compiler, enum expression_operator op, struct place place, struct operand left,
                     struct operand right, const struct node **ret_node) {
    bool fit;
    if ((compiler_is_null(left.node) || compiler_is_null(right.node)) && compare_is_distinct(op))
        return compare_distinct_null(compiler, op, &left, &right, ret_node);
    if (compiler_is_null(left.node) || compiler_is_null(right.node))
        return compiler_fail(compiler, place, "a comparison with NULL is never true: write IS NULL or IS NOT NULL");
    int status = compare_system_time(compiler, &left, &right);
    if (status == 0)
        status = compare_system_time(compiler, &right, &left);
    const struct type *a = left.node->type, *b = right.node->type;
    if (status == 0)
        status = compare_fit(compiler, op, &left, &right, &fit);
    if (status < 0)
        return status;
    if (!fit)
        return compiler_fail(compiler, place, "operator %s cannot be used to compare %s and %s",
                             compiler_operator_text(op), compiler_type_text(compiler, a),
                             compiler_type_text(compiler, b));
    return compiler_made(compiler, node_compare(compiler->arena, op, left.node, right.node), ret_node);
}

int compiler_comparison(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand left, right;
    int status = compiler_operand(compiler, tree->children[0], &left);
    if (status == 0)
        status = compiler_operand(compiler, tree->children[1], &right);
    return status < 0 ? status : compiler_compare(compiler, tree->op, tree->place, left, right, ret_node);
}

/* --- BETWEEN
 * ------------------------------------------------------------------------------------------------------------------ */

int compiler_share(struct compiler *compiler, const struct node *node, const struct node **ret_shared,
                   bool *ret_slotted, unsigned *ret_slot) {
    *ret_slotted = node->kind == NODE_COMPUTED;
    *ret_shared = node;
    if (!*ret_slotted)
        return 0;
    *ret_slot = compiler->slot_count++;
    *ret_shared = node_slot(compiler->arena, node->type, *ret_slot);
    return *ret_shared ? 0 : compiler_no_memory(compiler);
}

/* x >= low AND x <= high. */
static int between_bounds(struct compiler *compiler, const struct expression *tree, struct operand operand,
                          const struct node **ret_node) {
    struct operand low, high;
    const struct node **bounds = arena_allocate(compiler->arena, 2 * sizeof *bounds);
    int status = bounds ? compiler_operand(compiler, tree->children[1], &low) : compiler_no_memory(compiler);
    if (status == 0)
        status = compiler_operand(compiler, tree->children[2], &high);
    if (status == 0)
        status = compiler_compare(compiler, OPERATOR_GREATER_EQUAL, tree->place, operand, low, &bounds[0]);
    if (status == 0)
        status = compiler_compare(compiler, OPERATOR_LESS_EQUAL, tree->place, operand, high, &bounds[1]);
    return status < 0 ? status
                      : compiler_made(compiler, node_logical(compiler->arena, OPERATOR_AND, bounds, 2), ret_node);
}

int compiler_between(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand operand;
    const struct node *value;
    bool slotted;
    unsigned slot = 0;
    int status = compiler_operand(compiler, tree->children[0], &operand);
    if (status < 0)
        return status;
    value = operand.node;
    status = compiler_share(compiler, value, &operand.node, &slotted, &slot);
    if (status == 0)
        status = between_bounds(compiler, tree, operand, ret_node);
    if (status == 0 && slotted)
        status = compiler_made(compiler, node_let(compiler->arena, slot, value, *ret_node), ret_node);
    if (status == 0 && tree->negated)
        status = compiler_made(compiler, node_not(compiler->arena, *ret_node), ret_node);
    return status;
}

/* --- IN and LIKE
 * ------------------------------------------------------------------------------------------------------------------ */

int compiler_in(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand *operands;
    const struct type *type;
    int status = compiler_children(compiler, tree, 0, &operands);
    for (size_t i = 1; status == 0 && i < tree->child_count; i++)
        status = compare_system_time(compiler, &operands[0], &operands[i]);
    if (status == 0)
        status = compiler_unify(compiler, tree->place, "IN", operands, tree->child_count, &type);
    if (status < 0)
        return status;
    const struct node **items = arena_allocate(compiler->arena, tree->child_count * sizeof *items);
    if (!items)
        return compiler_no_memory(compiler);
    for (size_t i = 1; i < tree->child_count; i++)
        items[i - 1] = operands[i].node;
    return compiler_made(
        compiler, node_in(compiler->arena, operands[0].node, items, tree->child_count - 1, tree->negated), ret_node);
}

int compiler_like(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct node *operand, *pattern;
    int status = compiler_tree(compiler, tree->children[0], &operand);
    if (status == 0)
        status = compiler_tree(compiler, tree->children[1], &pattern);
    if (status < 0)
        return status;
    if (operand->type->kind != TYPE_STRING || pattern->type->kind != TYPE_STRING)
        return compiler_fail(compiler, tree->place, "LIKE needs STRING and STRING, and has %s and %s",
                             compiler_type_text(compiler, operand->type), compiler_type_text(compiler, pattern->type));
    return compiler_made(compiler, node_like(compiler->arena, operand, pattern, tree->text, tree->negated), ret_node);
}

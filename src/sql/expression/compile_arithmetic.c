/* Operators on numbers and texts: which types they take, and the type of the result.
 *
 * DECIMAL (ksqlDB's rules are those of SQL Server), p1, s1 and p2, s2 the digits of the operands and those after
 * the point:
 *
 *     + -    scale max(s1, s2)             precision max(p1 - s1, p2 - s2) + scale + 1
 *     *      scale s1 + s2                 precision p1 + p2 + 1
 *     /      scale max(6, s1 + p2 + 1)     precision p1 - s1 + s2 + scale
 *     %      scale max(s1, s2)             precision min(p1 - s1, p2 - s2) + scale */
#include "sql/expression/compiler.h"

static int arithmetic_unfit(struct compiler *compiler, const struct expression *tree, const struct type *left,
                            const struct type *right) {
    return compiler_fail(compiler, tree->place, "operator %s cannot be used with %s and %s",
                         compiler_operator_text(tree->op), compiler_type_text(compiler, left),
                         compiler_type_text(compiler, right));
}

static unsigned larger(unsigned a, unsigned b) {
    return a > b ? a : b;
}

static const struct type *arithmetic_decimal_type(struct arena *arena, enum expression_operator op,
                                                  const struct type *left, const struct type *right) {
    unsigned p1 = 0, s1 = 0, p2 = 0, s2 = 0;
    type_decimal_shape(left, &p1, &s1);
    type_decimal_shape(right, &p2, &s2);
    unsigned whole1 = p1 - s1, whole2 = p2 - s2;
    switch (op) {
    case OPERATOR_MULTIPLY:
        return type_decimal_fitting(arena, whole1 + whole2 + 1, s1 + s2);
    case OPERATOR_DIVIDE:
        return type_decimal_fitting(arena, whole1 + s2, larger(6, s1 + p2 + 1));
    case OPERATOR_MODULO:
        return type_decimal_fitting(arena, whole1 < whole2 ? whole1 : whole2, larger(s1, s2));
    default:
        return type_decimal_fitting(arena, larger(whole1, whole2) + 1, larger(s1, s2));
    }
}

/* A whole number beside a DECIMAL. */
static int arithmetic_as_decimal(struct compiler *compiler, const struct node *node, const struct node **ret_node) {
    unsigned precision, scale;
    if (node->type->kind == TYPE_DECIMAL) {
        *ret_node = node;
        return 0;
    }
    type_decimal_shape(node->type, &precision, &scale);
    const struct type *type = type_decimal(compiler->arena, precision, scale);
    return type ? compiler_convert(compiler, node, type, ret_node) : compiler_no_memory(compiler);
}

static int arithmetic_decimal(struct compiler *compiler, const struct expression *tree, const struct node *left,
                              const struct node *right, const struct node **ret_node) {
    const struct type *type = arithmetic_decimal_type(compiler->arena, tree->op, left->type, right->type);
    int status = type ? 0 : compiler_no_memory(compiler);
    if (status == 0)
        status = arithmetic_as_decimal(compiler, left, &left);
    if (status == 0)
        status = arithmetic_as_decimal(compiler, right, &right);
    return status < 0
               ? status
               : compiler_made(compiler, node_arithmetic(compiler->arena, tree->op, type, left, right), ret_node);
}

static int arithmetic_numbers(struct compiler *compiler, const struct expression *tree, const struct node *left,
                              const struct node *right, const struct node **ret_node) {
    enum type_kind a = left->type->kind, b = right->type->kind;
    const struct type *type = a == TYPE_DOUBLE || b == TYPE_DOUBLE   ? &type_double
                              : a == TYPE_BIGINT || b == TYPE_BIGINT ? &type_bigint
                                                                     : &type_integer;
    if (type != &type_double && (a == TYPE_DECIMAL || b == TYPE_DECIMAL))
        return arithmetic_decimal(compiler, tree, left, right, ret_node);
    int status = compiler_convert(compiler, left, type, &left);
    if (status == 0)
        status = compiler_convert(compiler, right, type, &right);
    return status < 0
               ? status
               : compiler_made(compiler, node_arithmetic(compiler->arena, tree->op, type, left, right), ret_node);
}

int compiler_arithmetic(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct node *left, *right;
    int status = compiler_tree(compiler, tree->children[0], &left);
    if (status == 0)
        status = compiler_tree(compiler, tree->children[1], &right);
    if (status < 0)
        return status;
    bool texts = left->type->kind == TYPE_STRING && right->type->kind == TYPE_STRING;
    bool joins = tree->op == OPERATOR_ADD || tree->op == OPERATOR_CONCAT;
    if (texts && joins)
        return compiler_made(compiler, node_concat(compiler->arena, tree->op, left, right), ret_node);
    if (tree->op == OPERATOR_CONCAT || !type_is_numeric(left->type) || !type_is_numeric(right->type))
        return arithmetic_unfit(compiler, tree, left->type, right->type);
    return arithmetic_numbers(compiler, tree, left, right, ret_node);
}

int compiler_unary(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand operand;
    int status = compiler_operand(compiler, tree->children[0], &operand);
    if (status < 0)
        return status;
    if (tree->op == OPERATOR_NOT) {
        status = compiler_check_boolean(compiler, &operand, "the operand of NOT");
        return status < 0 ? status : compiler_made(compiler, node_not(compiler->arena, operand.node), ret_node);
    }
    if (!type_is_numeric(operand.node->type))
        return compiler_fail(compiler, tree->place, "operator %s cannot be used with %s",
                             compiler_operator_text(tree->op), compiler_type_text(compiler, operand.node->type));
    *ret_node = operand.node;
    return tree->op == OPERATOR_PLUS ? 0
                                     : compiler_made(compiler, node_negate(compiler->arena, operand.node), ret_node);
}

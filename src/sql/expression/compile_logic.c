/* AND, OR, IS NULL and CASE. */
#include "sql/expression/compiler.h"

int compiler_check_boolean(struct compiler *compiler, const struct operand *operand, const char *what) {
    if (operand->node->type->kind == TYPE_BOOLEAN)
        return 0;
    return compiler_fail(compiler, operand->tree->place, "%s must be BOOLEAN, and is %s", what,
                         compiler_type_text(compiler, operand->node->type));
}

static int logic_nodes(struct compiler *compiler, const struct operand *operands, size_t count,
                       const struct node ***ret_nodes) {
    const struct node **nodes = arena_allocate(compiler->arena, count * sizeof *nodes);
    if (!nodes)
        return compiler_no_memory(compiler);
    for (size_t i = 0; i < count; i++)
        nodes[i] = operands[i].node;
    *ret_nodes = nodes;
    return 0;
}

int compiler_logical(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand *operands;
    const struct node **parts;
    const char *what = tree->op == OPERATOR_AND ? "an operand of AND" : "an operand of OR";
    int status = compiler_children(compiler, tree, 0, &operands);
    for (size_t i = 0; status == 0 && i < tree->child_count; i++)
        status = compiler_check_boolean(compiler, &operands[i], what);
    if (status == 0)
        status = logic_nodes(compiler, operands, tree->child_count, &parts);
    return status < 0
               ? status
               : compiler_made(compiler, node_logical(compiler->arena, tree->op, parts, tree->child_count), ret_node);
}

int compiler_is_null_test(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    const struct node *operand;
    int status = compiler_tree(compiler, tree->children[0], &operand);
    return status < 0 ? status
                      : compiler_made(compiler, node_is_null(compiler->arena, operand, tree->negated), ret_node);
}

/* --- CASE
 * ------------------------------------------------------------------------------------------------------------------ */

/* The common type of the results, without the rules of literals: CASE WHEN a THEN 'x' ELSE 1 END is wrong. */
static int case_type(struct compiler *compiler, const struct expression *tree, const struct operand *results,
                     size_t count, const struct type **ret_type) {
    const struct type *common = results[0].node->type;
    for (size_t i = 1; i < count; i++) {
        bool failed = false;
        const struct type *type = results[i].node->type, *wider = type_common(compiler->arena, common, type, &failed);
        if (failed)
            return compiler_no_memory(compiler);
        if (!wider)
            return compiler_fail(compiler, results[i].tree->place,
                                 "the results of CASE must be of one type: %s and %s have none in common",
                                 compiler_type_text(compiler, common), compiler_type_text(compiler, type));
        common = wider;
    }
    if (common->kind == TYPE_NULL)
        return compiler_fail(compiler, tree->place, "every result of CASE is NULL: its type is not known");
    *ret_type = common;
    return 0;
}

/* parts[2 * i + 1], and the last when there is ELSE. */
static int case_results(struct compiler *compiler, const struct expression *tree, size_t first,
                        const struct node **parts, const struct type **ret_type) {
    size_t count = tree->child_count - first, results = count / 2 + tree->has_else;
    struct operand *operands = arena_allocate(compiler->arena, results * sizeof *operands);
    int status = operands ? 0 : compiler_no_memory(compiler);
    for (size_t i = 0; status == 0 && i < results; i++) {
        size_t at = 2 * i + 1 < count ? 2 * i + 1 : count - 1;
        status = compiler_operand(compiler, tree->children[first + at], &operands[i]);
    }
    if (status == 0)
        status = case_type(compiler, tree, operands, results, ret_type);
    for (size_t i = 0; status == 0 && i < results; i++)
        status =
            compiler_convert(compiler, operands[i].node, *ret_type, &parts[2 * i + 1 < count ? 2 * i + 1 : count - 1]);
    return status;
}

/* `subject` with a tree of NULL: the WHENs are conditions themselves. */
static int case_condition(struct compiler *compiler, const struct operand *subject, const struct expression *when,
                          const struct node **ret_node) {
    struct operand operand;
    int status = compiler_operand(compiler, when, &operand);
    if (status < 0)
        return status;
    if (subject->tree)
        return compiler_compare(compiler, OPERATOR_EQUAL, when->place, *subject, operand, ret_node);
    *ret_node = operand.node;
    return compiler_check_boolean(compiler, &operand, "the condition of WHEN");
}

static int case_body(struct compiler *compiler, const struct expression *tree, const struct operand *subject,
                     const struct node **ret_node) {
    size_t first = tree->has_operand, count = tree->child_count - first;
    const struct type *type;
    const struct node **parts = arena_allocate(compiler->arena, count * sizeof *parts);
    int status = parts ? 0 : compiler_no_memory(compiler);
    for (size_t i = 0; status == 0 && i + 1 < count; i += 2)
        status = case_condition(compiler, subject, tree->children[first + i], &parts[i]);
    if (status == 0)
        status = case_results(compiler, tree, first, parts, &type);
    return status < 0 ? status : compiler_made(compiler, node_case(compiler->arena, type, parts, count), ret_node);
}

int compiler_case(struct compiler *compiler, const struct expression *tree, const struct node **ret_node) {
    struct operand subject = {0};
    const struct node *value = NULL;
    bool slotted = false;
    unsigned slot = 0;
    int status = tree->has_operand ? compiler_operand(compiler, tree->children[0], &subject) : 0;
    if (status == 0 && tree->has_operand) {
        value = subject.node;
        status = compiler_share(compiler, value, &subject.node, &slotted, &slot);
    }
    if (status == 0)
        status = case_body(compiler, tree, &subject, ret_node);
    return status == 0 && slotted ? compiler_made(compiler, node_let(compiler->arena, slot, value, *ret_node), ret_node)
                                  : status;
}

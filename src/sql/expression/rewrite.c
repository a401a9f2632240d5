/* Trees are compared by structure, names without regard to how a column was qualified where that makes no difference;
 * a rewrite builds a new tree and shares what it leaves as it is. */
#include "sql/expression/rewrite.h"

static bool expression_same_column(const struct scope *scope, const struct expression *a, const struct expression *b) {
    const struct scope_column *column_a, *column_b;
    if (slice_equal(a->name, b->name) && slice_equal(a->qualifier, b->qualifier))
        return true;
    return scope_find(scope, a, &column_a, NULL) == 0 && scope_find(scope, b, &column_b, NULL) == 0 &&
           column_a->index == column_b->index;
}

static bool type_name_equal(const struct type_name *a, const struct type_name *b) {
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->part_count != b->part_count || a->parameter_count != b->parameter_count ||
        !slice_equal(a->name, b->name))
        return false;
    for (unsigned i = 0; i < a->parameter_count; i++)
        if (a->parameters[i] != b->parameters[i])
            return false;
    for (size_t i = 0; i < a->part_count; i++)
        if (!type_name_equal(a->parts[i], b->parts[i]) ||
            (a->names && !slice_equal(a->names[i].name, b->names[i].name)))
            return false;
    return true;
}

static bool expression_same_names(const struct expression *a, const struct expression *b) {
    if (a->name_count != b->name_count)
        return false;
    for (size_t i = 0; i < a->name_count; i++)
        if (!slice_equal(a->names[i].name, b->names[i].name))
            return false;
    return true;
}

static bool expression_same_node(const struct expression *a, const struct expression *b) {
    return a->kind == b->kind && a->op == b->op && a->child_count == b->child_count && a->negated == b->negated &&
           a->star == b->star && a->has_operand == b->has_operand && a->has_else == b->has_else &&
           a->boolean == b->boolean && a->integer == b->integer && slice_equal(a->text, b->text) &&
           slice_equal(a->name, b->name) && type_name_equal(a->type, b->type) && expression_same_names(a, b);
}

bool expression_equal(const struct scope *scope, const struct expression *a, const struct expression *b) {
    if (a->kind == EXPRESSION_COLUMN && b->kind == EXPRESSION_COLUMN)
        return expression_same_column(scope, a, b);
    if (!expression_same_node(a, b))
        return false;
    for (size_t i = 0; i < a->child_count; i++)
        if (!expression_equal(scope, a->children[i], b->children[i]))
            return false;
    return true;
}

/* A copy of the node with one child changed; the first change makes the copy. */
static struct expression *expression_with_child(struct arena *arena, struct expression *copy,
                                                const struct expression *tree, size_t index,
                                                const struct expression *child) {
    if (!copy) {
        copy = arena_allocate(arena, sizeof *copy);
        struct expression **children = arena_allocate(arena, tree->child_count * sizeof(struct expression *));
        if (!copy || !children)
            return NULL;
        *copy = *tree;
        memcpy(children, tree->children, tree->child_count * sizeof(struct expression *));
        copy->children = children;
    }
    copy->children[index] = (struct expression *)child; /* trees are not changed once they are made */
    return copy;
}

/* The lambdas around a tree: their parameters hide columns of the same name. */
struct expression_lambdas {
    const struct expression *lambda;
    const struct expression_lambdas *outer;
};

static bool expression_is_no_parameter(void *context, const struct expression *node) {
    const struct expression_lambdas *lambdas = *(const struct expression_lambdas *const *)context;
    if (node->kind != EXPRESSION_COLUMN || node->qualifier.data)
        return true;
    for (; lambdas; lambdas = lambdas->outer)
        for (size_t i = 0; i < lambdas->lambda->name_count; i++)
            if (slice_equal(lambdas->lambda->names[i].name, node->name))
                return false;
    return true;
}

static const struct expression *expression_rewrite_inside(struct arena *arena, const struct expression *tree,
                                                          expression_replace *replace, void *context,
                                                          const struct expression_lambdas *lambdas,
                                                          struct error *error) {
    bool replaced = !lambdas || expression_visit(tree, expression_is_no_parameter, &lambdas);
    const struct expression *replacement = replaced ? replace(context, tree, error) : tree;
    struct expression_lambdas inner = {tree, lambdas};
    struct expression *copy = NULL;
    if (replacement != tree)
        return replacement;
    for (size_t i = 0; i < tree->child_count; i++) {
        const struct expression *child = expression_rewrite_inside(
            arena, tree->children[i], replace, context, tree->kind == EXPRESSION_LAMBDA ? &inner : lambdas, error);
        if (!child)
            return NULL;
        if (child != tree->children[i] && !(copy = expression_with_child(arena, copy, tree, i, child))) {
            error_no_memory(error);
            return NULL;
        }
    }
    return copy ? copy : tree;
}

const struct expression *expression_rewrite(struct arena *arena, const struct expression *tree,
                                            expression_replace *replace, void *context, struct error *error) {
    return expression_rewrite_inside(arena, tree, replace, context, NULL, error);
}

bool expression_visit(const struct expression *tree, bool (*visit)(void *context, const struct expression *node),
                      void *context) {
    if (!visit(context, tree))
        return false;
    for (size_t i = 0; i < tree->child_count; i++)
        if (!expression_visit(tree->children[i], visit, context))
            return false;
    return true;
}

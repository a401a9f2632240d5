/* What WHERE says about the key of a table, so that a pull query finds its records without reading all of them:
 *
 *     WHERE ID = 7 AND WINDOWSTART > 1000 AND N > 3      conditions: ID = 7, WINDOWSTART > 1000;  points: 7
 *
 * The query still tests the whole WHERE on what is found; a condition that is left out makes it look at more. */
#include "sql/plan/plan_lookup.h"

#include "core/memory.h"
#include "sql/expression/rewrite.h"
#include "sql/plan/plan_draft.h"

enum { LOOKUP_PARTS_MAXIMUM = 64 };

struct lookup_draft {
    struct plan_draft *draft;
    const struct expression *parts[LOOKUP_PARTS_MAXIMUM]; /* of WHERE, between AND; that are about the key */
    size_t count;
    bool failed; /* a part names another column than the key's */
};

static bool lookup_is_key(const struct plan_draft *draft, const struct scope_column *column) {
    return column->index == SCOPE_WINDOWSTART || column->index == SCOPE_WINDOWEND ||
           (column->index >= 0 && (size_t)column->index < source_key_count(draft->sides[0].source));
}

static bool lookup_meets_key(void *context, const struct expression *node) {
    struct lookup_draft *lookup = context;
    const struct scope_column *column;
    if (node->kind == EXPRESSION_CALL || node->kind == EXPRESSION_LAMBDA)
        lookup->failed = true; /* perhaps of the moment */
    else if (node->kind == EXPRESSION_COLUMN)
        lookup->failed |=
            scope_find(&lookup->draft->sources, node, &column, NULL) != 0 || !lookup_is_key(lookup->draft, column);
    return !lookup->failed;
}

static void lookup_divide(struct lookup_draft *lookup, const struct expression *tree) {
    if (tree->kind == EXPRESSION_LOGICAL && tree->op == OPERATOR_AND) {
        for (size_t i = 0; i < tree->child_count; i++)
            lookup_divide(lookup, tree->children[i]);
        return;
    }
    lookup->failed = false;
    expression_visit(tree, lookup_meets_key, lookup);
    if (!lookup->failed && lookup->count < LOOKUP_PARTS_MAXIMUM)
        lookup->parts[lookup->count++] = tree;
}

/* --- points
 * ------------------------------------------------------------------------------------------------------------------ */

static bool lookup_names(const struct lookup_draft *lookup, const struct expression *tree, size_t key) {
    const struct scope_column *column;
    return tree->kind == EXPRESSION_COLUMN && scope_find(&lookup->draft->sources, tree, &column, NULL) == 0 &&
           column->index == (int)key;
}

/* The constants that the tree may be for the key column; NULL: it is no equality with constants. */
static struct expression *const *lookup_constants(const struct lookup_draft *lookup, const struct expression *tree,
                                                  size_t key, size_t *ret_count) {
    bool equal = tree->kind == EXPRESSION_BINARY && tree->op == OPERATOR_EQUAL,
         in = tree->kind == EXPRESSION_IN && !tree->negated && lookup_names(lookup, tree->children[0], key);
    *ret_count = in ? tree->child_count - 1 : 1;
    if (in || (equal && lookup_names(lookup, tree->children[0], key)))
        return &tree->children[1];
    return equal && lookup_names(lookup, tree->children[1], key) ? &tree->children[0] : NULL;
}

/* False: one of them is no value of the column. */
static bool lookup_values(const struct lookup_draft *lookup, struct expression *const *constants, size_t count,
                          const struct type *type, struct value *values) {
    const struct scope nothing = {0};
    struct plan_draft *draft = lookup->draft;
    for (size_t i = 0; i < count; i++) {
        const struct evaluator *evaluator;
        struct error ignored;
        if (compile_assignment(constants[i], &nothing, draft->planner->catalog, &draft->planner->settings, type,
                               draft->arena, &evaluator, &ignored) ||
            !compile_is_constant(evaluator, &values[i]) || values[i].null)
            return false;
    }
    return true;
}

/* For each key column its values; one column may have several. Without points all keys are looked at. */
static int lookup_points(const struct lookup_draft *lookup, struct plan_lookup *to, struct error *error) {
    struct plan_draft *draft = lookup->draft;
    size_t keys = to->source->schema.key_count, rows = 1;
    struct value *points = NULL;
    for (size_t k = 0; k < keys; k++) {
        struct expression *const *constants = NULL;
        size_t count = 0;
        for (size_t i = 0; i < lookup->count && !constants; i++)
            constants = lookup_constants(lookup, lookup->parts[i], k, &count);
        if (!constants || (count > 1 && keys > 1))
            return 0;
        rows = count > rows ? count : rows;
        if (!points && !(points = arena_allocate(draft->arena, keys * rows * sizeof *points)))
            return error_no_memory(error);
        if (!lookup_values(lookup, constants, count, to->source->schema.columns[k].type, points + k))
            return 0;
    }
    to->points = points;
    to->point_count = points ? rows : 0;
    return 0;
}

/* Are equal keys equal bytes? Of what others write only KAFKA's primitives are. */
static bool lookup_is_exact(const struct source *source) {
    enum format format = source->key.format;
    return format == FORMAT_KAFKA || (source->result && !format_has_schema(format));
}

int plan_lookup(const struct plan_result *result, struct arena *arena, const struct plan_lookup **ret_lookup,
                struct error *error) {
    struct plan_draft *draft = result->draft;
    struct lookup_draft lookup = {.draft = draft};
    *ret_lookup = NULL;
    if (draft->side_count != 1 || draft->sides[0].source->object != OBJECT_TABLE || !draft->query->where)
        return 0;
    lookup_divide(&lookup, draft->query->where);
    if (lookup.count == 0)
        return 0;
    struct plan_lookup *made = arena_allocate(arena, sizeof *made);
    const struct evaluator **conditions = arena_allocate(arena, lookup.count * sizeof(struct evaluator *));
    if (!made || !conditions)
        return error_no_memory(error);
    *made = (struct plan_lookup){.conditions = conditions, .condition_count = lookup.count};
    int status =
        plan_source(draft->planner->sources, draft->sides[0].source, &draft->planner->settings, &made->source, error);
    for (size_t i = 0; i < lookup.count && !status; i++)
        status = compile_condition(lookup.parts[i], &draft->sources, draft->planner->catalog, &draft->planner->settings,
                                   arena, &conditions[i], error);
    if (!status && lookup_is_exact(draft->sides[0].source))
        status = lookup_points(&lookup, made, error);
    if (!status)
        *ret_lookup = made;
    return status;
}

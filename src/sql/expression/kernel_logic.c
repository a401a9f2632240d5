/* AND, OR, NOT, IS NULL and CASE. AND, OR and CASE evaluate their parts on ever fewer rows: what an earlier part has
 * decided, a later one never sees. NULL as an operand of AND, OR, NOT, and as a condition of CASE, fails. */
#include "sql/expression/node.h"

/* --- AND and OR
 * ------------------------------------------------------------------------------------------------------------------ */

struct logical_node {
    struct node node;
    bool all; /* AND */
    const struct node *const *parts;
    size_t count;
};

/* One part: rows that it decides get their result, the others remain. `remaining` and `open` may be the same. */
static bool logical_part(const struct logical_node *logical, struct node_run *run, const struct vector *part,
                         const struct selection *open, struct selection *remaining, struct vector *result) {
    size_t count = 0;
    for (size_t i = 0; i < open->count; i++) {
        uint32_t row = open->rows[i];
        size_t from = row & part->mask;
        if (part->nulls[from]) {
            result->nulls[row] = 1;
            if (!node_fail(run, row, "an operand of %s is NULL", logical->all ? "AND" : "OR"))
                return false;
            continue;
        }
        remaining->rows[count] = row;
        count += (bool)part->booleans[from] == logical->all;
    }
    remaining->count = count;
    return true;
}

static bool logical_run(const struct node *node, struct node_run *run, const struct selection *selected,
                        struct vector *ret_vector) {
    const struct logical_node *logical = (const struct logical_node *)node;
    struct vector result, part;
    struct selection remaining;
    if (!node_allocate_filled(run, node->type, selected, &result) || !node_selection(run, selected, &remaining))
        return false;
    for (size_t i = 0; i < selected->count; i++)
        result.booleans[selected->rows[i]] = !logical->all;
    const struct selection *open = selected;
    for (size_t i = 0; i < logical->count && open->count; i++) {
        if (!node_run(logical->parts[i], run, open, &part) ||
            !logical_part(logical, run, &part, open, &remaining, &result))
            return false;
        open = &remaining;
    }
    for (size_t i = 0; i < open->count; i++)
        result.booleans[open->rows[i]] = logical->all;
    *ret_vector = result;
    return true;
}

struct node *node_logical(struct arena *arena, enum expression_operator op, const struct node *const *parts,
                          size_t count) {
    bool varies = false;
    for (size_t i = 0; i < count; i++)
        varies |= parts[i]->varies;
    struct logical_node *made = node_new(arena, sizeof *made, &type_boolean, logical_run, varies);
    if (!made)
        return NULL;
    made->all = op == OPERATOR_AND;
    made->parts = parts;
    made->count = count;
    return &made->node;
}

/* --- NOT and IS NULL
 * --------------------------------------------------------------------------------------------------------------- */

struct unary_node {
    struct node node;
    const struct node *operand;
    bool negated;
};

static bool not_run(const struct node *node, struct node_run *run, const struct selection *selected,
                    struct vector *ret_vector) {
    struct vector operand, result;
    if (!node_run(((const struct unary_node *)node)->operand, run, selected, &operand) ||
        !node_allocate(run, node->type, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i], from = row & operand.mask;
        result.nulls[row] = operand.nulls[from];
        result.booleans[row] = !operand.nulls[from] && !operand.booleans[from];
        if (operand.nulls[from] && !node_fail(run, row, "the operand of NOT is NULL"))
            return false;
    }
    *ret_vector = result;
    return true;
}

static bool is_null_run(const struct node *node, struct node_run *run, const struct selection *selected,
                        struct vector *ret_vector) {
    const struct unary_node *is_null = (const struct unary_node *)node;
    struct vector operand, result;
    if (!node_run(is_null->operand, run, selected, &operand) ||
        !node_allocate_filled(run, node->type, selected, &result))
        return false;
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        result.booleans[row] = (bool)operand.nulls[row & operand.mask] != is_null->negated;
    }
    *ret_vector = result;
    return true;
}

static struct node *unary_new(struct arena *arena, node_function *run, const struct node *operand, bool negated) {
    struct unary_node *made = node_new(arena, sizeof *made, &type_boolean, run, operand->varies);
    if (!made)
        return NULL;
    made->operand = operand;
    made->negated = negated;
    return &made->node;
}

struct node *node_not(struct arena *arena, const struct node *operand) {
    return unary_new(arena, not_run, operand, false);
}

struct node *node_is_null(struct arena *arena, const struct node *operand, bool negated) {
    return unary_new(arena, is_null_run, operand, negated);
}

/* --- CASE
 * ------------------------------------------------------------------------------------------------------------------ */

struct case_node {
    struct node node;
    const struct node *const *parts;
    size_t count;
};

/* Rows for which the condition is TRUE go to `chosen`, the others stay in `open` (changed in place). */
static bool case_split(struct node_run *run, const struct vector *condition, struct selection *open,
                       struct selection *chosen, struct vector *result) {
    size_t count = 0;
    chosen->count = 0;
    for (size_t i = 0; i < open->count; i++) {
        uint32_t row = open->rows[i];
        size_t from = row & condition->mask;
        if (condition->nulls[from]) {
            result->nulls[row] = 1;
            if (!node_fail(run, row, "the condition of WHEN is NULL"))
                return false;
        } else if (condition->booleans[from]) {
            chosen->rows[chosen->count++] = row;
        } else {
            open->rows[count++] = row;
        }
    }
    open->count = count;
    return true;
}

static bool case_result(const struct node *branch, struct node_run *run, const struct selection *chosen,
                        struct vector *result) {
    struct vector part;
    if (chosen->count == 0)
        return true;
    if (!node_run(branch, run, chosen, &part))
        return false;
    vector_copy_rows(result, &part, chosen);
    return true;
}

static bool case_run(const struct node *node, struct node_run *run, const struct selection *selected,
                     struct vector *ret_vector) {
    const struct case_node *made = (const struct case_node *)node;
    struct vector result, condition;
    struct selection open, chosen;
    if (!node_allocate(run, node->type, &result) || !node_selection(run, selected, &open) ||
        !node_selection(run, selected, &chosen))
        return false;
    if (selected->count)
        memcpy(open.rows, selected->rows, selected->count * sizeof *open.rows);
    open.count = selected->count;
    size_t i = 0;
    for (; i + 1 < made->count && open.count; i += 2) {
        if (!node_run(made->parts[i], run, &open, &condition) ||
            !case_split(run, &condition, &open, &chosen, &result) ||
            !case_result(made->parts[i + 1], run, &chosen, &result))
            return false;
    }
    if (i < made->count && !case_result(made->parts[made->count - 1], run, &open, &result))
        return false;
    for (size_t k = 0; made->count % 2 == 0 && k < open.count; k++)
        result.nulls[open.rows[k]] = 1;
    *ret_vector = result;
    return true;
}

struct node *node_case(struct arena *arena, const struct type *type, const struct node *const *parts, size_t count) {
    bool varies = false;
    for (size_t i = 0; i < count; i++)
        varies |= parts[i]->varies;
    struct case_node *made = node_new(arena, sizeof *made, type, case_run, varies);
    if (!made)
        return NULL;
    made->parts = parts;
    made->count = count;
    return &made->node;
}

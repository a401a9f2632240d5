/* PARTITION BY: what is computed becomes the key.
 *
 * A record without a value has nothing to compute from, so its key is NULL, unless the former key alone says it. */
#include "sql/plan/plan_draft.h"

#include "core/memory.h"
#include "sql/expression/rewrite.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

/* --- records without a value
 * -------------------------------------------------------------------------------------------------------------- */

/* NULL for rows that are absent. */
struct plan_present {
    struct evaluator base;
    const struct evaluator *inner;
};

static int plan_present_run(const struct evaluator *evaluator, struct evaluation *evaluation, const struct rows *rows,
                            const struct selection *selected, struct vector *ret_vector, struct error *error) {
    const struct plan_present *present = (const struct plan_present *)evaluator;
    struct selection some = {arena_allocate(evaluation->arena, (selected->count + 1) * sizeof *some.rows), 0};
    struct vector inner, result;
    if (!some.rows)
        return error_no_memory(error);
    for (size_t i = 0; i < selected->count; i++)
        if (!rows->absent[selected->rows[i]])
            some.rows[some.count++] = selected->rows[i];
    if (some.count == selected->count)
        return evaluator_run(present->inner, evaluation, rows, selected, ret_vector, error);
    int status = evaluator_run(present->inner, evaluation, rows, &some, &inner, error);
    if (status)
        return status;
    if (!vector_allocate(evaluation->arena, evaluator->type, rows->count ? rows->count : 1, &result))
        return error_no_memory(error);
    for (size_t i = 0; i < selected->count; i++) {
        uint32_t row = selected->rows[i];
        struct value value = VALUE_NULL;
        if (!rows->absent[row])
            vector_get(&inner, row, &value);
        vector_set(&result, row, &value);
    }
    *ret_vector = result;
    return 0;
}

static bool plan_of_former_key(void *context, const struct expression *node) {
    const struct plan_draft *draft = context;
    const struct scope_column *column;
    return node->kind != EXPRESSION_COLUMN || scope_find(&draft->scope, node, &column, NULL) != 0 ||
           (column->index >= 0 && (size_t)column->index < draft->node->schema.key_count);
}

static const struct evaluator *plan_present(struct plan_draft *draft, const struct expression *tree,
                                            const struct evaluator *inner) {
    struct plan_present *present = arena_allocate(draft->arena, sizeof *present);
    if (expression_visit(tree, plan_of_former_key, draft))
        return inner;
    if (present)
        *present = (struct plan_present){{inner->type, plan_present_run}, inner};
    return present ? &present->base : NULL;
}

/* --- the clause
 * ------------------------------------------------------------------------------------------------------------------ */

static bool plan_is_null(const struct expression *tree) {
    return tree->kind == EXPRESSION_NULL;
}

int plan_partition_by(struct plan_draft *draft, struct error *error) {
    const struct expression_list *list = &draft->query->partition_by;
    const struct plan_side *side = &draft->sides[0];
    if (draft->table)
        return place_error(error, list->place, "PARTITION BY is for streams; %.*s is a table",
                           names_shown(side->source->name), side->source->name.data);
    if (draft->node->schema.windowed)
        return place_error(error, list->place, "a stream with a windowed key cannot be partitioned by something else");
    struct plan_key *keys = arena_allocate(draft->arena, list->count * sizeof *keys);
    if (!keys)
        return error_no_memory(error);
    bool none = list->count == 1 && plan_is_null(list->items[0]);
    for (size_t i = 0; i < list->count && !none; i++) {
        const struct expression *tree = list->items[i];
        const struct evaluator *evaluator;
        const struct scope_column *column;
        int status = plan_refuse_aggregates(tree, "in PARTITION BY", error);
        if (!status)
            status = compile_expression(tree, &draft->scope, draft->planner->catalog, &draft->planner->settings,
                                        draft->arena, &evaluator, error);
        if (status)
            return status;
        keys[i] = (struct plan_key){
            .tree = tree, .name = tree->kind == EXPRESSION_COLUMN ? tree->name : slice_of(plan_text(draft, tree))};
        if (tree->kind == EXPRESSION_COLUMN && scope_find(&draft->scope, tree, &column, NULL) == 0)
            keys[i].indices[keys[i].index_count++] = column->index; /* also as part of a * */
        if (!(keys[i].evaluator = plan_present(draft, tree, evaluator)))
            return error_no_memory(error);
    }
    draft->keys = keys;
    draft->key_count = none ? 0 : list->count;
    return 0;
}

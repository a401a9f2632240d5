/* INSERT INTO .. SELECT: the columns of the result in the types of the sink's, by one more projection.
 *
 *     INSERT INTO s (A BIGINT, D DECIMAL(6, 3)) SELECT A, 1.5 AS D ..      A INT is widened, 1.5 is 1.500
 *
 * Numbers widen (INT, BIGINT, DECIMAL, DOUBLE, collections by their parts), a DECIMAL takes the digits of the sink's,
 * and a literal may be more, as in INSERT INTO .. VALUES. A column that cannot be assigned stays as it is. */
#include "sql/plan/plan_draft.h"

/* The columns of a source in the order of rows: keys, then values. */
static const struct source_column **plan_row_order(const struct source *sink, struct arena *arena, size_t *ret_count) {
    const struct source_column **columns =
        arena_allocate(arena, (sink->column_count + 1) * sizeof(struct source_column *));
    *ret_count = 0;
    for (int pass = 0; pass < 2 && columns; pass++)
        for (size_t i = 0; i < sink->column_count; i++)
            if (pass == 0 ? source_is_key(&sink->columns[i]) : source_is_value(&sink->columns[i]))
                columns[(*ret_count)++] = &sink->columns[i];
    return columns;
}

/* The literal that is the item of this name; NULL: it is another expression. */
static const struct expression *plan_literal_item(const struct plan_draft *draft, struct slice name) {
    for (size_t i = 0; i < draft->query->item_count; i++) {
        const struct select_item *item = &draft->query->items[i];
        if (item->expression && item->expression->kind <= EXPRESSION_STRING && item->alias.name.data &&
            slice_equal(item->alias.name, name))
            return item->expression;
    }
    return NULL;
}

/* A DECIMAL takes what CAST would make of the number. */
static int plan_cast_decimal(struct plan_draft *draft, const struct expression *reference, const struct scope *scope,
                             const struct type *type, const struct evaluator **ret_evaluator, struct error *error) {
    struct type_name *name = arena_allocate(draft->arena, sizeof *name);
    struct expression *cast = arena_allocate(draft->arena, sizeof *cast),
                      **children = arena_allocate(draft->arena, sizeof(struct expression *));
    if (!name || !cast || !children)
        return error_no_memory(error);
    children[0] = (struct expression *)reference;
    *name = (struct type_name){
        .name = SLICE("DECIMAL"), .parameters = {(int32_t)type->precision, (int32_t)type->scale}, .parameter_count = 2};
    *cast = (struct expression){.kind = EXPRESSION_CAST,
                                .place = reference->place,
                                .height = 2,
                                .type = name,
                                .children = children,
                                .child_count = 1};
    return compile_expression(cast, scope, draft->planner->catalog, &draft->planner->settings, draft->arena,
                              ret_evaluator, error);
}

/* *ret_evaluator NULL: it cannot be assigned. */
static int plan_assign_column(struct plan_draft *draft, const struct source_column *from, size_t index,
                              const struct type *type, const struct evaluator **ret_evaluator, struct error *error) {
    const struct expression *literal = plan_literal_item(draft, from->name);
    struct expression *reference = plan_reference(draft, "assigned", index, from->place);
    struct error why = {0};
    if (!reference)
        return error_no_memory(error);
    struct scope_column column = {.name = reference->name, .type = from->type, .index = (int)index};
    struct scope scope = {.columns = &column, .column_count = 1};
    bool exact = type->kind == TYPE_DECIMAL && type_is_numeric(from->type) && from->type->kind != TYPE_DOUBLE;
    int status = exact && !literal
                     ? plan_cast_decimal(draft, reference, &scope, type, ret_evaluator, &why)
                     : compile_assignment(literal ? literal : reference, &scope, draft->planner->catalog,
                                          &draft->planner->settings, type, draft->arena, ret_evaluator, &why);
    if (status == ERROR_INVALID) {
        *ret_evaluator = NULL;
        return 0;
    }
    if (status)
        *error = why;
    return status;
}

int plan_assign(struct plan_result *result, const struct source *sink, struct error *error) {
    struct plan_draft *draft = result->draft;
    size_t count;
    const struct source_column **wanted = plan_row_order(sink, draft->arena, &count);
    const struct evaluator **evaluators =
        arena_allocate(draft->arena, (result->column_count + 1) * sizeof(struct evaluator *));
    struct node_plan *node = plan_node(draft, NODE_PROJECT, draft->node, error);
    struct row_column *columns;
    bool changed = false;
    if (!wanted || !evaluators || !node ||
        !plan_schema(draft, result->column_count, result->key_count, draft->node->schema.windowed, &node->schema,
                     &columns))
        return error_no_memory(error);
    for (size_t i = 0; i < result->column_count; i++) {
        struct source_column *column = &result->columns[i];
        evaluators[i] = NULL;
        if (i < count && slice_equal(column->name, wanted[i]->name) && !type_equal(column->type, wanted[i]->type)) {
            int status = plan_assign_column(draft, column, i, wanted[i]->type, &evaluators[i], error);
            if (status)
                return status;
        }
        changed |= evaluators[i] != NULL;
        column->type = evaluators[i] ? wanted[i]->type : column->type;
        if (!evaluators[i] && !(evaluators[i] = compile_column(column->type, (int)i, draft->arena)))
            return error_no_memory(error);
        columns[i] = (struct row_column){column->name, column->type};
    }
    node->project.columns = evaluators;
    node->text = "in the types of the sink";
    if (changed)
        draft->node = node;
    return 0;
}

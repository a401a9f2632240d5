/* Joins of sources whose keys have windows: equal are keys with equal bounds.
 *
 *     key, bounds of the row ─▶ [ {key, start, end} | columns ] ─▶ join ─▶ [ {key, start, end} | left | right ] ─▶ [ key | left | right ], bounds of the row */
#include "sql/plan/plan_join.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

enum { JOIN_WINDOW_PARTS = 3 };

int plan_check_windows(const struct plan_draft *draft, const struct join *join, const struct join_side *left,
                       const struct join_side *right, struct error *error) {
    const struct source *source = draft->sides[draft->side_count].source, *first = draft->sides[0].source;
    bool session = draft->window == WINDOW_SESSION;
    if (left->node->schema.windowed != right->node->schema.windowed)
        return place_error(
            error, join->place,
            "a source with a windowed key can be joined only with another one: %.*s has a window, %.*s has none",
            names_shown(left->node->schema.windowed ? first->name : source->name),
            (left->node->schema.windowed ? first->name : source->name).data,
            names_shown(left->node->schema.windowed ? source->name : first->name),
            (left->node->schema.windowed ? source->name : first->name).data);
    if (!left->node->schema.windowed)
        return 0;
    if (session != (source->window == WINDOW_SESSION) ||
        (!session && (draft->window_size != source->window_size ||
                      !calendar_same(draft->window_calendar, source->window_calendar))))
        return place_error(
            error, join->place,
            "the windows of %.*s and %.*s are of different kinds or sizes, so their keys are never equal",
            names_shown(first->name), first->name.data, names_shown(source->name), source->name.data);
    if (!left->keyed || !right->keyed)
        return place_error(
            error, join->on->place,
            "sources with windowed keys are joined on their key columns, by which they stay in their partitions");
    return 0;
}

static const struct type *plan_window_type(struct plan_draft *draft, const struct type *key) {
    struct type_field *fields = arena_allocate(draft->arena, JOIN_WINDOW_PARTS * sizeof *fields);
    if (!fields)
        return NULL;
    fields[0] = (struct type_field){SLICE("KEY"), key};
    fields[1] = (struct type_field){SLICE("START"), &type_bigint};
    fields[2] = (struct type_field){SLICE("END"), &type_bigint};
    return type_struct(draft->arena, fields, JOIN_WINDOW_PARTS);
}

static const struct evaluator *plan_packed_key(struct plan_draft *draft, const struct evaluator *key) {
    const struct evaluator **parts = arena_allocate(draft->arena, JOIN_WINDOW_PARTS * sizeof(struct evaluator *));
    const struct type *type = plan_window_type(draft, key->type);
    if (!parts || !type)
        return NULL;
    parts[0] = key;
    parts[1] = compile_column(&type_bigint, SCOPE_WINDOWSTART, draft->arena);
    parts[2] = compile_column(&type_bigint, SCOPE_WINDOWEND, draft->arena);
    return parts[1] && parts[2] ? compile_struct(type, parts, draft->arena) : NULL;
}

int plan_pack_window(struct plan_draft *draft, struct join_side *side, struct error *error) {
    const struct evaluator *packed = plan_packed_key(draft, side->key);
    struct node_plan *node;
    int status = packed ? plan_key_first(draft, side, packed, &node, error) : error_no_memory(error);
    if (status)
        return status;
    node->project.table = side->table;
    node->text = "keys with their windows";
    side->node = node;
    return 0;
}

/* A field of the first column. */
static int plan_packed_part(struct plan_draft *draft, const char *name, const struct evaluator **ret_evaluator,
                            struct error *error) {
    struct expression *column = plan_reference(draft, "packed", 0, draft->query->place),
                      *field = arena_allocate(draft->arena, sizeof *field);
    struct expression **children = arena_allocate(draft->arena, sizeof(struct expression *));
    if (!column || !field || !children)
        return error_no_memory(error);
    children[0] = column;
    *field = (struct expression){.kind = EXPRESSION_FIELD,
                                 .place = draft->query->place,
                                 .height = 2,
                                 .name = slice_of(name),
                                 .children = children,
                                 .child_count = 1};
    struct scope_column packed = {.name = column->name, .type = draft->node->schema.columns[0].type, .index = 0};
    struct scope scope = {.columns = &packed, .column_count = 1};
    return compile_expression(field, &scope, draft->planner->catalog, &draft->planner->settings, draft->arena,
                              ret_evaluator, error);
}

int plan_unpack_window(struct plan_draft *draft, const struct type *type, struct error *error) {
    size_t count = draft->node->schema.count;
    struct node_plan *node = plan_node(draft, NODE_PROJECT, draft->node, error);
    const struct evaluator **evaluators = arena_allocate(draft->arena, count * sizeof(struct evaluator *));
    struct row_column *columns;
    if (!node)
        return ERROR_NO_MEMORY;
    if (!evaluators || !plan_schema(draft, count, 1, true, &node->schema, &columns))
        return error_no_memory(error);
    node->project = (struct project_plan){.columns = evaluators, .table = draft->table};
    node->text = "keys and their windows";
    int status = plan_packed_part(draft, "KEY", &evaluators[0], error);
    if (!status)
        status = plan_packed_part(draft, "START", &node->project.window_start, error);
    if (!status)
        status = plan_packed_part(draft, "END", &node->project.window_end, error);
    columns[0] = (struct row_column){SLICE("ROWKEY"), type};
    for (size_t i = 1; i < count && !status; i++) {
        columns[i] = draft->node->schema.columns[i];
        if (!(evaluators[i] = compile_column(columns[i].type, (int)i, draft->arena)))
            status = error_no_memory(error);
    }
    if (!status)
        draft->node = node;
    return status;
}

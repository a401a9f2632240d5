/* Nodes of a plan, and the small steps that all of the planner's files take. */
#include <stdio.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "sql/plan/plan_draft.h"
#include "sql/syntax/print.h"

struct node_plan *plan_node(struct plan_draft *draft, enum node_kind kind, const struct node_plan *input,
                            struct error *error) {
    struct node_plan *node = arena_allocate(draft->arena, sizeof *node);
    if (!node) {
        error_no_memory(error);
        return NULL;
    }
    *node = (struct node_plan){.kind = kind};
    if (input) {
        node->inputs[0] = input;
        node->input_count = 1;
        node->schema = input->schema;
    }
    return node;
}

bool plan_schema(struct plan_draft *draft, size_t count, size_t key_count, bool windowed, struct row_schema *ret_schema,
                 struct row_column **ret_columns) {
    struct row_column *columns = arena_allocate(draft->arena, (count ? count : 1) * sizeof *columns);
    if (!columns)
        return false;
    *ret_schema = (struct row_schema){columns, count, key_count, windowed};
    *ret_columns = columns;
    return true;
}

const char *plan_text(struct plan_draft *draft, const struct expression *tree) {
    cleanup(bytes_release) struct bytes text = {0};
    print_expression(&text, tree);
    struct slice copy = text.failed ? (struct slice){0} : arena_copy(draft->arena, bytes_slice(&text));
    return copy.data ? copy.data : "";
}

int plan_compile(struct plan_draft *draft, const struct expression *tree, const struct evaluator **ret_evaluator,
                 struct error *error) {
    return compile_expression(tree, &draft->scope, draft->planner->catalog, &draft->planner->settings, draft->arena,
                              ret_evaluator, error);
}

int plan_filter(struct plan_draft *draft, const struct expression *condition, bool table, struct error *error) {
    struct node_plan *node = plan_node(draft, NODE_FILTER, draft->node, error);
    if (!node)
        return ERROR_NO_MEMORY;
    node->filter.table = table;
    node->text = plan_text(draft, condition);
    int status = compile_condition(condition, &draft->scope, draft->planner->catalog, &draft->planner->settings,
                                   draft->arena, &node->filter.condition, error);
    if (!status)
        draft->node = node;
    return status;
}

struct expression *plan_reference(struct plan_draft *draft, const char *name, size_t number, struct place place) {
    char text[64];
    struct expression *column = arena_allocate(draft->arena, sizeof *column);
    int length = snprintf(text, sizeof text, "\x01%s%zu", name, number);
    struct slice copy = arena_copy(draft->arena, (struct slice){text, (size_t)length});
    if (!column || !copy.data)
        return NULL;
    *column = (struct expression){.kind = EXPRESSION_COLUMN, .place = place, .height = 1, .name = copy};
    return column;
}

/* Table functions in the SELECT list are taken out and computed first by a projection, as lists; an operator makes
 * rows of their items; what was around them is computed after it. */
#include "sql/plan/table_function.h"

#include "sql/expression/rewrite.h"
#include "sql/function/function.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

struct table_calls {
    struct plan_draft *draft;
    const struct evaluator **lists; /* of the calls met so far */
    size_t count, room;
};

static bool table_function_is(const struct expression *node) {
    const struct function *function = node->kind == EXPRESSION_CALL ? function_find(node->name) : NULL;
    return function && function->gives_rows;
}

static bool table_function_count(void *context, const struct expression *node) {
    *(size_t *)context += table_function_is(node);
    return true;
}

static const struct expression *table_function_replace(void *context, const struct expression *node,
                                                       struct error *error) {
    struct table_calls *calls = context;
    const struct expression *reference;
    if (!table_function_is(node))
        return node;
    const struct plan_draft *draft = calls->draft;
    if (compile_table_call(node, &draft->scope, draft->planner->catalog, &draft->planner->settings, draft->arena,
                           &calls->lists[calls->count], error) < 0)
        return NULL;
    if (!(reference = plan_reference(calls->draft, "item", calls->count, node->place)))
        error_no_memory(error);
    calls->count++;
    return reference;
}

/* All columns that are there, then the lists; and the same with the lists' items. */
static int table_function_nodes(struct table_calls *calls, struct error *error) {
    struct plan_draft *draft = calls->draft;
    const struct row_schema *schema = &draft->node->schema;
    size_t count = schema->count + calls->count;
    struct node_plan *project = plan_node(draft, NODE_PROJECT, draft->node, error),
                     *flatten = project ? plan_node(draft, NODE_FLATTEN, project, error) : NULL;
    const struct evaluator **evaluators = arena_allocate(draft->arena, count * sizeof(struct evaluator *));
    struct scope_column *scope =
        arena_allocate(draft->arena, (draft->scope.column_count + calls->count) * sizeof *scope);
    size_t *lists = arena_allocate(draft->arena, calls->count * sizeof *lists);
    struct row_column *before, *after;
    if (!flatten)
        return ERROR_NO_MEMORY;
    if (!evaluators || !scope || !lists ||
        !plan_schema(draft, count, schema->key_count, schema->windowed, &project->schema, &before) ||
        !plan_schema(draft, count, schema->key_count, schema->windowed, &flatten->schema, &after))
        return error_no_memory(error);
    memcpy(scope, draft->scope.columns, draft->scope.column_count * sizeof *scope);
    for (size_t i = 0; i < count; i++) {
        bool list = i >= schema->count;
        evaluators[i] =
            list ? calls->lists[i - schema->count] : compile_column(schema->columns[i].type, (int)i, draft->arena);
        struct expression *name = list ? plan_reference(draft, "item", i - schema->count, draft->query->place) : NULL;
        if (!evaluators[i] || (list && !name))
            return error_no_memory(error);
        before[i] = list ? (struct row_column){name->name, evaluators[i]->type} : schema->columns[i];
        after[i] = list ? (struct row_column){name->name, evaluators[i]->type->element} : schema->columns[i];
        if (list) {
            lists[i - schema->count] = i;
            scope[draft->scope.column_count + i - schema->count] =
                (struct scope_column){.name = name->name, .type = after[i].type, .index = (int)i};
        }
    }
    project->project = (struct project_plan){.columns = evaluators};
    flatten->flatten = (struct flatten_plan){lists, calls->count};
    project->text = "lists";
    draft->node = flatten;
    draft->scope = (struct scope){.columns = scope, .column_count = draft->scope.column_count + calls->count};
    draft->sources = draft->scope;
    return 0;
}

int plan_table_functions(struct plan_draft *draft, const struct expression ***ret_rewritten, struct error *error) {
    const struct select_query *query = draft->query;
    struct table_calls calls = {.draft = draft};
    for (size_t i = 0; i < query->item_count; i++)
        if (query->items[i].expression)
            expression_visit(query->items[i].expression, table_function_count, &calls.room);
    if (calls.room == 0)
        return 0;
    if (draft->table)
        return place_error(error, query->place, "table functions are for streams; %.*s is a table",
                           names_shown(query->from.name.name), query->from.name.name.data);
    if (query->group_by.count)
        return place_error(error, query->group_by.place,
                           "table functions cannot stand beside GROUP BY: make a stream of the items first");
    calls.lists = arena_allocate(draft->arena, calls.room * sizeof(struct evaluator *));
    const struct expression **rewritten = arena_allocate(draft->arena, query->item_count * sizeof(struct expression *));
    if (!calls.lists || !rewritten)
        return error_no_memory(error);
    for (size_t i = 0; i < query->item_count; i++) {
        rewritten[i] = query->items[i].expression ? expression_rewrite(draft->arena, query->items[i].expression,
                                                                       table_function_replace, &calls, error)
                                                  : NULL;
        if (query->items[i].expression && !rewritten[i])
            return error->code;
    }
    int status = table_function_nodes(&calls, error);
    if (!status)
        *ret_rewritten = rewritten;
    return status;
}

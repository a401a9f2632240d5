/* GROUP BY: the aggregates of SELECT and HAVING are taken out, computed for each group, and columns stand for them
 * and for the keys in what is left. */
#include <limits.h>
#include <stdio.h>

#include "core/memory.h"
#include "sql/expression/rewrite.h"
#include "sql/function/function.h"
#include "sql/plan/plan_draft.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "stream/aggregate/function/aggregates.h"

struct plan_grouping {
    struct plan_draft *draft;
    struct expression *const *keys;
    size_t key_count;
    struct group_call *calls;
    const struct expression **trees; /* of the calls */
    size_t call_count, call_room;
    bool windowed;
};

/* --- where aggregates may stand
 * ---------------------------------------------------------------------------------------------------- */

static bool plan_is_aggregate(const struct expression *node) {
    return node->kind == EXPRESSION_CALL && aggregate_function_find(node->name) != NULL;
}

static bool plan_meets_no_aggregate(void *context, const struct expression *node) {
    const struct expression **found = context;
    if (!plan_is_aggregate(node))
        return true;
    *found = node;
    return false;
}

int plan_refuse_aggregates(const struct expression *tree, const char *where, struct error *error) {
    const struct expression *found = NULL;
    if (!tree || expression_visit(tree, plan_meets_no_aggregate, &found))
        return 0;
    return place_error(error, found->place, "the aggregate function %.*s cannot be used %s", names_shown(found->name),
                       found->name.data, where);
}

int plan_check_ungrouped(const struct plan_draft *draft, struct error *error) {
    const struct select_query *query = draft->query;
    for (size_t i = 0; i < query->item_count; i++) {
        int status = query->items[i].expression
                         ? plan_refuse_aggregates(query->items[i].expression, "without GROUP BY", error)
                         : 0;
        if (status)
            return status;
    }
    if (query->having)
        return place_error(error, query->having->place, "HAVING needs GROUP BY; WHERE filters rows");
    if (query->window.kind != WINDOW_NONE)
        return place_error(error, query->window.place, "WINDOW needs GROUP BY: windows are for aggregates");
    if (query->emit == EMIT_FINAL)
        return place_error(error, query->emit_place,
                           "EMIT FINAL is only for aggregates over windows: WINDOW .. GROUP BY .. EMIT FINAL");
    return 0;
}

/* --- rewriting
 * ------------------------------------------------------------------------------------------------------------------ */

/* Calls with equal arguments have the same evaluators, by which they know that they can share a state. */
static void plan_share_arguments(struct plan_grouping *grouping, const struct expression *tree, struct group_call *call,
                                 const struct evaluator **arguments) {
    const struct plan_draft *draft = grouping->draft;
    for (size_t i = 0; i < call->call.argument_count && tree->child_count; i++)
        for (size_t c = 0; c < grouping->call_count; c++) {
            const struct group_call *other = &grouping->calls[c];
            const struct expression *trees = grouping->trees[c];
            for (size_t j = 0; j < other->call.argument_count && trees->child_count; j++)
                if (expression_equal(&draft->sources, trees->children[other->call.positions[j]],
                                     tree->children[call->call.positions[i]]))
                    arguments[i] = other->arguments[j];
        }
}

/* 0: none is set. */
static int64_t plan_collection_limit(const struct plan_draft *draft, struct slice function) {
    const struct compile_settings *settings = &draft->planner->settings;
    bool list = slice_equal(function, SLICE("COLLECT_LIST")), set = slice_equal(function, SLICE("COLLECT_SET"));
    if (settings->notes) {
        settings->notes->lists |= list;
        settings->notes->sets |= set;
    }
    return list ? settings->list_limit : set ? settings->set_limit : 0;
}

/* Types the arguments and the call. */
static int plan_aggregate_call(struct plan_grouping *grouping, const struct expression *tree,
                               struct group_call *ret_call, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    bool time = tree->child_count == 0 &&
                !slice_equal(tree->name, SLICE("COUNT")); /* a star or nothing stands for the time of the row */
    size_t count = tree->child_count + time;
    const struct evaluator **evaluators = arena_allocate(draft->arena, (count + 1) * sizeof(struct evaluator *)),
                           **arguments;
    const struct type **types = arena_allocate(draft->arena, (count + 1) * sizeof(struct type *));
    const struct value **constants = arena_allocate(draft->arena, (count + 1) * sizeof(struct value *));
    struct value *values = arena_allocate(draft->arena, (count + 1) * sizeof *values);
    struct group_call call = {.part = 0};
    if (!evaluators || !types || !constants || !values)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        int status = time ? 0 : plan_refuse_aggregates(tree->children[i], "inside of another aggregate", error);
        if (time && !(evaluators[i] = compile_column(&type_bigint, SCOPE_ROWTIME, draft->arena)))
            status = error_no_memory(error);
        else if (!status && !time)
            status = plan_compile(draft, tree->children[i], &evaluators[i], error);
        if (status)
            return status;
        types[i] = evaluators[i]->type;
        constants[i] = compile_is_constant(evaluators[i], &values[i]) ? &values[i] : NULL;
    }
    const struct aggregate_function *function = aggregate_function_find(tree->name);
    int status = function->resolve(function, types, constants, count, draft->arena, &call.call, error);
    if (status == ERROR_INVALID) {
        struct error why = *error;
        return place_error(error, tree->place, "%s", why.message);
    }
    if (status ||
        !(arguments = arena_allocate(draft->arena, (call.call.argument_count + 1) * sizeof(struct evaluator *))))
        return status ? status : error_no_memory(error);
    for (size_t i = 0; i < call.call.argument_count; i++)
        arguments[i] = evaluators[call.call.positions[i]];
    plan_share_arguments(grouping, tree, &call, arguments);
    call.arguments = arguments;
    int64_t limit = plan_collection_limit(draft, tree->name);
    call.call.limit = limit ? limit : call.call.limit;
    *ret_call = call;
    return 0;
}

static int plan_check_aggregate(const struct plan_grouping *grouping, const struct expression *tree,
                                const struct aggregate_call *call, struct error *error) {
    const struct plan_draft *draft = grouping->draft;
    enum format format = draft->sides[0].source->value.format;
    if (draft->table && !call->driver->undo)
        return place_error(error, tree->place, "%s cannot be undone, so it is not for a table; it is for streams only",
                           call->function->name);
    if (draft->query->window.kind == WINDOW_SESSION && !call->driver->merge)
        return place_error(error, tree->place, "%s cannot be merged, so it is not for SESSION windows",
                           call->function->name);
    if (call->function->structured && (format == FORMAT_DELIMITED || format == FORMAT_KAFKA))
        return place_error(
            error, tree->place,
            "%s keeps a state of several parts, which the format %s of %.*s cannot carry; use JSON or AVRO",
            call->function->name, format_name(format), names_shown(draft->sides[0].source->name),
            draft->sides[0].source->name.data);
    return 0;
}

/* The number of the aggregate, which is added when it is met for the first time. */
static int plan_add_aggregate(struct plan_grouping *grouping, const struct expression *tree, size_t *ret_number,
                              struct error *error) {
    for (size_t i = 0; i < grouping->call_count; i++)
        if (expression_equal(&grouping->draft->sources, grouping->trees[i], tree)) {
            *ret_number = i;
            return 0;
        }
    if (grouping->call_count == grouping->call_room) {
        size_t room = grouping->call_room ? 2 * grouping->call_room : 8;
        struct group_call *calls = arena_allocate(grouping->draft->arena, room * sizeof *calls);
        const struct expression **trees = arena_allocate(grouping->draft->arena, room * sizeof(struct expression *));
        if (!calls || !trees)
            return error_no_memory(error);
        if (grouping->call_count) {
            memcpy(calls, grouping->calls, grouping->call_count * sizeof *calls);
            memcpy(trees, grouping->trees, grouping->call_count * sizeof(struct expression *));
        }
        grouping->calls = calls;
        grouping->trees = trees;
        grouping->call_room = room;
    }
    struct group_call *call = &grouping->calls[grouping->call_count];
    int status = plan_aggregate_call(grouping, tree, call, error);
    if (!status)
        status = plan_check_aggregate(grouping, tree, &call->call, error);
    if (status)
        return status;
    grouping->trees[grouping->call_count] = tree;
    *ret_number = grouping->call_count++;
    return 0;
}

/* The nearest of all functions, aggregates too. */
static void plan_unknown_function(const struct expression *node, struct error *error) {
    enum { NAMES_MAXIMUM = 400 };
    const char *names[NAMES_MAXIMUM];
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0, scalar_count, aggregate_count;
    const struct function *const *scalars = functions_all(&scalar_count);
    const struct aggregate_function *const *aggregates = aggregate_functions(&aggregate_count);
    for (size_t i = 0; i < aggregate_count && count < NAMES_MAXIMUM; i++)
        names[count++] = aggregates[i]->name;
    for (size_t i = 0; i < scalar_count && count < NAMES_MAXIMUM; i++)
        names[count++] = scalars[i]->name;
    place_error(error, node->place, "there is no function %.*s%s", names_shown(node->name), node->name.data,
                names_suggest(suggestion, node->name, names, count));
}

static bool plan_is_bound(const struct scope *scope, const struct expression *node,
                          const struct scope_column **ret_column) {
    return scope_find(scope, node, ret_column, NULL) == 0;
}

/* WINDOWSTART or WINDOWEND of the query's own window: bare, or after the name of a source that has no window. */
static bool plan_is_own_bound(const struct plan_grouping *grouping, const struct expression *node) {
    const struct plan_draft *draft = grouping->draft;
    const struct scope_column *column;
    bool named = !node->qualifier.data;
    if (!grouping->windowed ||
        !(slice_equal(node->name, SLICE("WINDOWSTART")) || slice_equal(node->name, SLICE("WINDOWEND"))))
        return false;
    for (size_t i = 0; i < draft->side_count && !named; i++)
        named = slice_equal(node->qualifier, draft->sides[i].alias) && !plan_is_bound(&draft->sources, node, &column);
    return named;
}

static const struct expression *plan_own_bound(struct plan_draft *draft, const struct expression *node,
                                               struct error *error) {
    struct expression *bare = arena_allocate(draft->arena, sizeof *bare);
    if (!node->qualifier.data)
        return node;
    if (!bare) {
        error_no_memory(error);
        return NULL;
    }
    *bare = *node;
    bare->qualifier = (struct slice){0};
    return bare;
}

/* Keys and aggregates become columns; any other column of the sources is a fault. */
static const struct expression *plan_replace_grouped(void *context, const struct expression *node,
                                                     struct error *error) {
    struct plan_grouping *grouping = context;
    struct plan_draft *draft = grouping->draft;
    const struct expression *reference = NULL;
    const struct scope_column *column;
    size_t number;
    for (size_t i = 0; i < grouping->key_count; i++)
        if (expression_equal(&draft->sources, node, grouping->keys[i])) {
            if (!(reference = plan_reference(draft, "key", i, node->place)))
                error_no_memory(error);
            return reference;
        }
    if (plan_is_aggregate(node)) {
        if (plan_add_aggregate(grouping, node, &number, error) == 0 &&
            !(reference = plan_reference(draft, "aggregate", number, node->place)))
            error_no_memory(error);
        return reference;
    }
    if (node->kind == EXPRESSION_CALL && !function_find(node->name)) {
        plan_unknown_function(node, error);
        return NULL;
    }
    if (node->kind != EXPRESSION_COLUMN)
        return node;
    if (plan_is_own_bound(grouping, node))
        return plan_own_bound(draft, node, error);
    if (!plan_is_bound(&draft->sources, node, &column))
        return node; /* a parameter of a lambda, a unit of time, or unknown: the compiler knows */
    place_error(error, node->place, "the column %.*s is neither in GROUP BY nor in an aggregate function",
                names_shown(node->name), node->name.data);
    return NULL;
}

/* --- the nodes
 * ------------------------------------------------------------------------------------------------------------------ */

static int plan_compile_keys(struct plan_grouping *grouping, const struct evaluator ***ret_keys, bool *ret_same,
                             struct error *error) {
    struct plan_draft *draft = grouping->draft;
    const struct evaluator **keys = arena_allocate(draft->arena, grouping->key_count * sizeof(struct evaluator *));
    /* A window's state comes back by reading its input again, which what a join gives is only after a topic. */
    bool same = grouping->key_count == draft->node->schema.key_count && !draft->node->schema.windowed &&
                draft->query->join_count == 0;
    if (!keys)
        return error_no_memory(error);
    for (size_t i = 0; i < grouping->key_count; i++) {
        const struct expression *tree = grouping->keys[i];
        int status = plan_refuse_aggregates(tree, "in GROUP BY", error);
        if (!status)
            status = plan_compile(draft, tree, &keys[i], error);
        if (status)
            return status;
        if (keys[i]->type->kind == TYPE_MAP)
            return place_error(error, tree->place, "a key cannot hold a MAP, whose order is not fixed");
        same = same && compile_is_column(keys[i]) == (int)i;
    }
    *ret_keys = keys;
    *ret_same = same;
    return 0;
}

/* Keys and arguments are computed before the repartition topic, which carries nothing else; afterwards they are
 * columns. */
static int plan_group_repartition(struct plan_grouping *grouping, const struct evaluator **keys, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    size_t room = grouping->key_count;
    for (size_t c = 0; c < grouping->call_count; c++)
        room += grouping->calls[c].call.argument_count;
    struct node_plan *node = plan_node(draft, NODE_PROJECT, draft->node, error);
    const struct evaluator **columns = arena_allocate(draft->arena, (room + 1) * sizeof(struct evaluator *)),
                           **references = arena_allocate(draft->arena, (room + 1) * sizeof(struct evaluator *));
    struct row_column *names;
    if (!node)
        return ERROR_NO_MEMORY;
    if (!columns || !references)
        return error_no_memory(error);
    size_t at = 0;
    for (; at < grouping->key_count; at++)
        columns[at] = keys[at];
    for (size_t c = 0; c < grouping->call_count; c++) {
        struct group_call *call = &grouping->calls[c];
        const struct evaluator **arguments =
            arena_allocate(draft->arena, (call->call.argument_count + 1) * sizeof(struct evaluator *));
        if (!arguments)
            return error_no_memory(error);
        for (size_t i = 0; i < call->call.argument_count; i++) {
            size_t same = grouping->key_count;
            while (same < at && columns[same] != call->arguments[i])
                same++;
            if (same == at) {
                columns[at] = call->arguments[i];
                references[at] = compile_column(columns[at]->type, (int)at, draft->arena);
                at++;
            }
            if (!(arguments[i] = references[same]))
                return error_no_memory(error);
        }
        call->arguments = arguments;
    }
    size_t count = at;
    if (!plan_schema(draft, count, grouping->key_count, false, &node->schema, &names))
        return error_no_memory(error);
    node->project = (struct project_plan){
        .columns = columns, .drop_absent = !draft->table, .drop_null_key = !draft->table, .table = draft->table};
    node->text = "keys and arguments";
    for (size_t i = 0; i < count; i++) {
        struct expression *name = plan_reference(draft, i < grouping->key_count ? "K" : "V", i, draft->query->place);
        if (!name)
            return error_no_memory(error);
        names[i] = (struct row_column){{name->name.data + 1, name->name.length - 1}, columns[i]->type};
        if (i < grouping->key_count && !(keys[i] = compile_column(columns[i]->type, (int)i, draft->arena)))
            return error_no_memory(error);
    }
    return plan_repartition(draft, node, NULL, &draft->node, error);
}

/* Which columns of a source the keys are, when nothing but filters lies between: operators that group by the same can
 * then share what they know of keys. */
static int plan_group_source(struct plan_grouping *grouping, const struct evaluator *const *keys,
                             struct group_aggregate_plan *plan, struct error *error) {
    const struct node_plan *node = grouping->draft->node;
    unsigned *columns = arena_allocate(grouping->draft->arena, grouping->key_count * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    while (node->kind == NODE_FILTER)
        node = node->inputs[0];
    bool plain = node->kind == NODE_SOURCE, whole = plain && grouping->key_count == node->schema.key_count;
    for (size_t i = 0; i < grouping->key_count && plain; i++) {
        int column = compile_is_column(keys[i]);
        plain = column >= 0;
        whole = whole && column == (int)i;
        columns[i] = (unsigned)column;
    }
    plan->source = plain ? node->source : NULL;
    plan->key_columns = columns;
    if (plain && whole) {
        plan->parts = node->source->key_of;
        plan->part_count = node->source->key_of_count;
    }
    return 0;
}

/* Calls whose result is a part of the key. */
static void plan_group_parts(struct plan_grouping *grouping, const struct group_aggregate_plan *plan) {
    for (size_t c = 0; c < grouping->call_count; c++) {
        struct group_call *call = &grouping->calls[c];
        const struct aggregate_function *function = call->call.function;
        bool single = call->call.limit < 0 &&
                      (function == &aggregate_of_latest_by_offset || function == &aggregate_of_earliest_by_offset);
        int column = single ? compile_is_column(call->arguments[0]) : -1;
        for (size_t i = 0; i < plan->part_count && column >= 0; i++)
            if (plan->parts[i] == (size_t)column)
                call->part = (unsigned)i + 1;
    }
}

static int plan_aggregate_node(struct plan_grouping *grouping, const struct evaluator **keys,
                               const struct window_definition *window, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    size_t count = grouping->key_count + grouping->call_count;
    struct node_plan *node = plan_node(draft, NODE_AGGREGATE, draft->node, error);
    struct row_column *columns;
    if (!node)
        return ERROR_NO_MEMORY;
    if (!plan_schema(draft, count, grouping->key_count, window->shape != WINDOW_SHAPE_NONE, &node->schema, &columns))
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        bool key = i < grouping->key_count;
        columns[i] =
            (struct row_column){SLICE(""), key ? keys[i]->type : grouping->calls[i - grouping->key_count].call.result};
    }
    bool final = draft->query->emit == EMIT_FINAL;
    node->aggregate = (struct group_aggregate_plan){.keys = keys,
                                                    .key_count = grouping->key_count,
                                                    .calls = grouping->calls,
                                                    .call_count = grouping->call_count,
                                                    .window = *window,
                                                    .final = final,
                                                    .table = draft->table,
                                                    .want_before = draft->query->having && !final,
                                                    .result = node->schema};
    bool windows = window->shape == WINDOW_SHAPE_TUMBLING || window->shape == WINDOW_SHAPE_HOPPING;
    int status = windows ? plan_group_source(grouping, keys, &node->aggregate, error) : 0;
    if (windows && !status)
        plan_group_parts(grouping, &node->aggregate);
    draft->node = node;
    return status;
}

/* Names over the groups: columns for keys and aggregates, and, for SELECT only, the bounds of the window. */
static int plan_group_scope(struct plan_grouping *grouping, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    const struct row_schema *schema = &draft->node->schema;
    struct scope_column *columns = arena_allocate(draft->arena, (schema->count + 2) * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (size_t i = 0; i < schema->count; i++) {
        bool key = i < grouping->key_count;
        struct expression *name =
            plan_reference(draft, key ? "key" : "aggregate", key ? i : i - grouping->key_count, draft->query->place);
        if (!name)
            return error_no_memory(error);
        columns[i] = (struct scope_column){.name = name->name, .type = schema->columns[i].type, .index = (int)i};
    }
    columns[schema->count] =
        (struct scope_column){.name = SLICE("WINDOWSTART"), .type = &type_bigint, .index = SCOPE_WINDOWSTART};
    columns[schema->count + 1] =
        (struct scope_column){.name = SLICE("WINDOWEND"), .type = &type_bigint, .index = SCOPE_WINDOWEND};
    draft->scope = (struct scope){.columns = columns, .column_count = schema->count};
    return 0;
}

static int plan_group_keys(struct plan_grouping *grouping, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    struct plan_key *keys = arena_allocate(draft->arena, grouping->key_count * sizeof *keys);
    if (!keys)
        return error_no_memory(error);
    for (size_t i = 0; i < grouping->key_count; i++) {
        const struct expression *tree = grouping->keys[i];
        keys[i] = (struct plan_key){
            .tree = tree, .name = tree->kind == EXPRESSION_COLUMN ? tree->name : slice_of(plan_text(draft, tree))};
    }
    draft->keys = keys;
    draft->key_count = grouping->key_count;
    return 0;
}

static int plan_rewrite_all(struct plan_grouping *grouping, const struct expression **ret_items,
                            const struct expression **ret_having, struct error *error) {
    struct plan_draft *draft = grouping->draft;
    const struct select_query *query = draft->query;
    for (size_t i = 0; i < query->item_count; i++) {
        if (query->items[i].kind != SELECT_EXPRESSION)
            return place_error(error, query->items[i].place,
                               "* cannot stand beside GROUP BY: list the keys and aggregates");
        ret_items[i] =
            expression_rewrite(draft->arena, query->items[i].expression, plan_replace_grouped, grouping, error);
        if (!ret_items[i])
            return error->code;
    }
    grouping->windowed = false; /* HAVING knows no bounds */
    *ret_having =
        query->having ? expression_rewrite(draft->arena, query->having, plan_replace_grouped, grouping, error) : NULL;
    return query->having && !*ret_having ? error->code : 0;
}

int plan_drop_duplicates(struct plan_draft *draft, struct error *error) {
    struct window_definition window;
    if (!draft->sides[0].source->drop_duplicates || draft->side_count > 1 || draft->table ||
        draft->query->group_by.count == 0)
        return 0;
    int status = plan_window(draft, &window, error);
    if (status || window.shape == WINDOW_SHAPE_NONE)
        return status;
    struct node_plan *node = plan_node(draft, NODE_DUPLICATES, draft->node, error);
    if (!node)
        return ERROR_NO_MEMORY;
    node->duplicates = (struct duplicates_plan){node->schema, window.size + window.grace};
    node->text = "";
    draft->node = node;
    return 0;
}

int plan_group(struct plan_draft *draft, const struct expression ***ret_rewritten, struct error *error) {
    const struct select_query *query = draft->query;
    struct plan_grouping grouping = {.draft = draft,
                                     .keys = query->group_by.items,
                                     .key_count = query->group_by.count,
                                     .windowed = query->window.kind != WINDOW_NONE};
    const struct expression **items = arena_allocate(draft->arena, query->item_count * sizeof(struct expression *)),
                            *having;
    struct window_definition window;
    const struct evaluator **keys;
    bool same;
    if (!items)
        return error_no_memory(error);
    int status = plan_window(draft, &window, error);
    if (!status)
        status = plan_compile_keys(&grouping, &keys, &same, error);
    if (!status)
        status = plan_rewrite_all(&grouping, items, &having, error);
    if (!status && grouping.call_count == 0)
        return place_error(error, query->group_by.place,
                           "GROUP BY needs at least one aggregate function in SELECT or HAVING");
    /* Windows are rebuilt by reading one topic again, which a join is not. */
    if (!status && (!same || (draft->side_count > 1 &&
                              (window.shape == WINDOW_SHAPE_TUMBLING || window.shape == WINDOW_SHAPE_HOPPING))))
        status = plan_group_repartition(&grouping, keys, error);
    if (!status)
        status = plan_aggregate_node(&grouping, keys, &window, error);
    if (!status)
        status = plan_group_scope(&grouping, error);
    if (!status)
        status = plan_group_keys(&grouping, error);
    draft->table = true;
    draft->window = query->window.kind;
    draft->window_size = query->window.kind == WINDOW_SESSION ? 0 : window.size;
    draft->window_calendar = window.calendar;
    if (!status && having)
        status = plan_filter(draft, having, query->emit != EMIT_FINAL, error);
    draft->scope.column_count += window.shape != WINDOW_SHAPE_NONE ? 2 : 0;
    if (!status)
        *ret_rewritten = items;
    return status;
}

/* Sources: how the topic of a stream or table is read, and what its columns are called. */
#include <limits.h>
#include <stdio.h>

#include "core/memory.h"
#include "model/time/time_text.h"
#include "sql/expression/rewrite.h"
#include "sql/plan/plan_draft.h"
#include "sql/plan/plan_format.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

struct plan_sources {
    struct arena arena;
    struct source *sources; /* what each plan was made of */
    struct source_plan **plans;
    size_t count, source_capacity, plan_capacity;
};

struct plan_sources *plan_sources_new(void) {
    return memory_zero(1, sizeof(struct plan_sources));
}

struct plan_sources *plan_sources_free(struct plan_sources *sources) {
    if (!sources)
        return NULL;
    arena_release(&sources->arena);
    free(sources->sources);
    free(sources->plans);
    free(sources);
    return NULL;
}

/* --- from a source to its plan
 * ----------------------------------------------------------------------------------------------------- */

static bool plan_source_columns(const struct source *source, struct arena *arena, struct source_plan *plan) {
    struct row_column *columns = arena_allocate(arena, (source->column_count + 1) * sizeof *columns);
    struct slice *headers = arena_allocate(arena, (source->column_count + 1) * sizeof *headers);
    if (!columns || !headers)
        return false;
    size_t count = 0;
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < source->column_count; i++) {
            const struct source_column *column = &source->columns[i];
            int part = source_is_key(column) ? 0 : source_is_value(column) ? 1 : 2;
            if (part != pass)
                continue;
            if (part == 2)
                headers[plan->header_count++] = column->header;
            plan->value_count += part == 1;
            columns[count++] = (struct row_column){column->name, column->type};
        }
    plan->headers = headers;
    plan->schema = (struct row_schema){columns, count, source_key_count(source), source->window != WINDOW_NONE};
    return true;
}

static const size_t *plan_source_indexes(const struct row_schema *schema, const struct slice *names, size_t count,
                                         struct arena *arena) {
    size_t *indexes = arena_allocate(arena, (count + 1) * sizeof *indexes);
    for (size_t i = 0; indexes && i < count; i++)
        for (size_t c = 0; c < schema->count; c++)
            if (slice_equal(schema->columns[c].name, names[i]))
                indexes[i] = c;
    return indexes;
}

/* The rules of its records. */
static bool plan_source_rules(const struct source *source, struct arena *arena, struct source_plan *plan) {
    plan->max_ahead = source->max_ahead;
    plan->key_of_count = source->key_of_count;
    plan->required_count = source->required_count;
    const size_t *timestamp =
        plan_source_indexes(&plan->schema, &source->timestamp, source->timestamp.data != NULL, arena);
    plan->key_of = plan_source_indexes(&plan->schema, source->key_of, source->key_of_count, arena);
    plan->required = plan_source_indexes(&plan->schema, source->required, source->required_count, arena);
    if (!timestamp || !plan->key_of || !plan->required)
        return false;
    plan->timestamp_column = source->timestamp.data ? *timestamp : 0;
    return true;
}

/* Of one text, and of one meaning: settings may have been others. */
static bool plan_is_same_source(const struct source *a, const struct source *b) {
    return slice_equal(a->name, b->name) && slice_equal(a->text, b->text) && slice_equal(a->topic, b->topic) &&
           a->column_count == b->column_count && a->key.format == b->key.format && a->value.format == b->value.format &&
           a->wrapped == b->wrapped;
}

int plan_source(struct plan_sources *sources, const struct source *source, const struct compile_settings *settings,
                const struct source_plan **ret_plan, struct error *error) {
    bool strict = settings->strict_times && source->timestamp.data;
    if (settings->notes && strict)
        settings->notes->times = true;
    for (size_t i = 0; i < sources->count; i++)
        if (plan_is_same_source(&sources->sources[i], source) && sources->plans[i]->strict_times == strict) {
            *ret_plan = sources->plans[i];
            return 0;
        }
    struct source_plan *plan = arena_allocate(&sources->arena, sizeof *plan);
    struct source copy;
    if (!plan ||
        !memory_reserve((void **)&sources->sources, &sources->source_capacity, sources->count + 1,
                        sizeof *sources->sources) ||
        !memory_reserve((void **)&sources->plans, &sources->plan_capacity, sources->count + 1,
                        sizeof(struct source_plan *)))
        return error_no_memory(error);
    int status = source_copy(source, &sources->arena, &copy, error);
    if (status)
        return status;
    *plan = (struct source_plan){.name = copy.name,
                                 .topic = copy.topic.data,
                                 .table = copy.object == OBJECT_TABLE,
                                 .window = plan_row_window(copy.window),
                                 .window_size = copy.window_size,
                                 .window_calendar = copy.window_calendar,
                                 .strict_times = strict};
    if (!plan_source_columns(&copy, &sources->arena, plan) || !plan_source_rules(&copy, &sources->arena, plan))
        return error_no_memory(error);
    status = plan_formats(&copy, &sources->arena, &plan->key, &plan->value, error);
    if (!status)
        status = plan_timestamp(&copy, &plan->schema, settings, &sources->arena, &plan->timestamp, error);
    if (status)
        return status;
    sources->sources[sources->count] = copy;
    sources->plans[sources->count++] = plan;
    *ret_plan = plan;
    return 0;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

static bool plan_is_system_column(void *context, const struct expression *node) {
    (void)context;
    return !(node->kind == EXPRESSION_COLUMN && source_is_system_column(node->name));
}

bool plan_names_system_columns(const struct select_query *query) {
    bool none = true;
    for (size_t i = 0; i < query->item_count && none; i++)
        none = !query->items[i].expression || expression_visit(query->items[i].expression, plan_is_system_column, NULL);
    const struct expression *others[] = {query->where, query->having};
    for (size_t i = 0; i < 2 && none; i++)
        none = !others[i] || expression_visit(others[i], plan_is_system_column, NULL);
    for (size_t i = 0; i < query->group_by.count && none; i++)
        none = expression_visit(query->group_by.items[i], plan_is_system_column, NULL);
    for (size_t i = 0; i < query->partition_by.count && none; i++)
        none = expression_visit(query->partition_by.items[i], plan_is_system_column, NULL);
    return !none;
}

static bool plan_source_scope(struct plan_draft *draft, const struct plan_side *side, const struct row_schema *schema,
                              struct scope *ret_scope) {
    static const struct {
        const char *name;
        int index;
        bool windowed;
    } systems[] = {{"ROWTIME", SCOPE_ROWTIME, false},
                   {"ROWPARTITION", SCOPE_ROWPARTITION, false},
                   {"ROWOFFSET", SCOPE_ROWOFFSET, false},
                   {"WINDOWSTART", SCOPE_WINDOWSTART, true},
                   {"WINDOWEND", SCOPE_WINDOWEND, true}};
    enum { SYSTEMS = sizeof systems / sizeof *systems };
    struct scope_column *columns = arena_allocate(draft->arena, (schema->count + SYSTEMS) * sizeof *columns);
    size_t count = schema->count;
    if (!columns)
        return false;
    for (size_t i = 0; i < schema->count; i++)
        columns[i] = (struct scope_column){side->alias, schema->columns[i].name, schema->columns[i].type, (int)i};
    for (size_t i = 0; i < SYSTEMS; i++)
        if (schema->windowed || !systems[i].windowed)
            columns[count++] = (struct scope_column){
                side->alias, slice_of(systems[i].name),
                systems[i].index == SCOPE_ROWPARTITION ? &type_integer : &type_bigint, systems[i].index};
    *ret_scope = (struct scope){.columns = columns, .column_count = count};
    return true;
}

int plan_from(struct plan_draft *draft, const struct source_reference *reference, struct plan_side *ret_side,
              const struct node_plan **ret_node, struct scope *ret_scope, struct error *error) {
    const struct source *source;
    int status = catalog_find_source(draft->planner->catalog, &reference->name, &source, error);
    if (status)
        return status;
    struct node_plan *node = plan_node(draft, NODE_SOURCE, NULL, error);
    if (!node)
        return ERROR_NO_MEMORY;
    status = plan_source(draft->planner->sources, source, &draft->planner->settings, &node->source, error);
    if (status)
        return status;
    *ret_side = (struct plan_side){source, reference->alias.name.data ? reference->alias.name : source->name};
    node->schema = node->source->schema;
    node->materialised = node->source->table && draft->query->group_by.count > 0 &&
                         draft->query->join_count == 0; /* what is folded must be undone */
    node->table.schema = node->schema;
    node->text = node->source->topic;
    if (!plan_source_scope(draft, ret_side, &node->schema, ret_scope))
        return error_no_memory(error);
    *ret_node = node;
    return 0;
}

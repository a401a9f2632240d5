/* The steps of a plan in their order, and the whole query with its stages. */
#include "sql/plan/plan.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "core/memory.h"
#include "sql/expression/rewrite.h"
#include "sql/plan/plan_draft.h"
#include "sql/plan/plan_format.h"
#include "sql/plan/table_function.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/print.h"

/* --- the SELECT
 * ------------------------------------------------------------------------------------------------------------------ */

/* The key of a single source. */
static int plan_source_keys(struct plan_draft *draft, struct error *error) {
    const struct row_schema *schema = &draft->node->schema;
    struct plan_key *keys = arena_allocate(draft->arena, (schema->key_count + 1) * sizeof *keys);
    if (!keys)
        return error_no_memory(error);
    for (size_t i = 0; i < schema->key_count; i++)
        keys[i] = (struct plan_key){.indices = {(int)i}, .index_count = 1, .name = schema->columns[i].name};
    draft->keys = keys;
    draft->key_count = schema->key_count;
    return 0;
}

static int plan_first_source(struct plan_draft *draft, struct error *error) {
    struct plan_side *side = &draft->sides[0];
    int status = plan_from(draft, &draft->query->from, side, &draft->node, &draft->scope, error);
    if (status)
        return status;
    draft->side_count = 1;
    draft->table = side->source->object == OBJECT_TABLE;
    draft->window = side->source->window;
    draft->window_size = side->source->window_size;
    draft->window_calendar = side->source->window_calendar;
    return plan_source_keys(draft, error);
}

static int plan_check_clauses(const struct plan_draft *draft, struct error *error) {
    const struct select_query *query = draft->query;
    if (draft->use == PLAN_PERSISTENT && query->limit >= 0)
        return place_error(error, query->place,
                           "LIMIT is for SELECT at the prompt; a query that goes on for ever has none");
    if (query->partition_by.count && query->group_by.count)
        return place_error(error, query->partition_by.place,
                           "PARTITION BY and GROUP BY cannot stand together: the groups are the key");
    return plan_refuse_aggregates(query->where, "in WHERE, which is about single rows; HAVING filters groups", error);
}

static int plan_body(struct plan_draft *draft, struct plan_result *result, struct error *error) {
    const struct select_query *query = draft->query;
    const struct expression **rewritten = NULL;
    struct plan_item *items;
    size_t count;
    int status = plan_first_source(draft, error);
    if (!status && query->join_count)
        status = plan_joins(draft, error);
    draft->sources = draft->scope;
    if (!status)
        status = plan_check_clauses(draft, error);
    if (!status && query->where)
        status = plan_filter(draft, query->where, draft->table, error);
    if (!status)
        status = plan_drop_duplicates(draft, error);
    if (!status)
        status = plan_table_functions(draft, &rewritten, error);
    if (!status && query->group_by.count)
        status = plan_group(draft, &rewritten, error);
    else if (!status)
        status = plan_check_ungrouped(draft, error);
    if (!status && query->partition_by.count)
        status = plan_partition_by(draft, error);
    if (!status)
        status = plan_items(draft, rewritten, &items, &count, error);
    return status ? status : plan_project(draft, items, count, result, error);
}

int plan_select(const struct planner *planner, const struct select_query *query, enum plan_use use, struct arena *arena,
                struct plan_result *ret_result, struct error *error) {
    struct plan_draft *draft = arena_allocate(arena, sizeof *draft);
    struct plan_result result = {0};
    if (!draft)
        return error_no_memory(error);
    *draft = (struct plan_draft){.planner = planner, .arena = arena, .query = query, .use = use};
    int status = plan_body(draft, &result, error);
    struct slice *inputs = arena_allocate(arena, PLAN_SIDES_MAXIMUM * sizeof *inputs);
    if (status || !inputs)
        return status ? status : error_no_memory(error);
    for (size_t i = 0; i < draft->side_count; i++)
        inputs[i] = draft->sides[i].source->name;
    result.table = draft->table;
    result.window = draft->node->schema.windowed ? draft->window : WINDOW_NONE;
    result.window_size = draft->node->schema.windowed ? draft->window_size : 0;
    result.window_calendar = draft->node->schema.windowed ? draft->window_calendar : NULL;
    result.input = draft->sides[0].source;
    result.inputs = inputs;
    result.input_count = draft->side_count;
    result.draft = draft;
    *ret_result = result;
    return 0;
}

/* --- the whole query
 * --------------------------------------------------------------------------------------------------------------- */

int plan_sink(const struct source *source, const struct compile_settings *settings, struct arena *arena,
              struct sink_plan *ret_sink, struct error *error) {
    size_t count = 0;
    struct row_column *columns = arena_allocate(arena, (source->column_count + 1) * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < source->column_count; i++)
            if (pass == 0 ? source_is_key(&source->columns[i]) : source_is_value(&source->columns[i]))
                columns[count++] = (struct row_column){source->columns[i].name, source->columns[i].type};
    bool table = source->object == OBJECT_TABLE, windowed = source->window != WINDOW_NONE;
    struct sink_plan sink = {.topic = source->topic.data,
                             .partitions = (int32_t)source->partitions,
                             .replicas = (int32_t)source->replicas,
                             .retention = source->retention,
                             .compacted = source->cleanup_policy.data
                                              ? !slice_equal(source->cleanup_policy, SLICE("delete"))
                                              : table && !windowed,
                             .schema = {columns, count, source_key_count(source), windowed},
                             .window = plan_row_window(source->window),
                             .table = table};
    struct slice topic = arena_copy(arena, source->topic);
    if (!topic.data)
        return error_no_memory(error);
    sink.topic = topic.data;
    int status = plan_formats(source, arena, &sink.key, &sink.value, error);
    if (!status)
        status = plan_timestamp(source, &sink.schema, settings, arena, &sink.timestamp, error);
    if (!status)
        *ret_sink = sink;
    return status;
}

static size_t plan_count_sources(const struct node_plan *node) {
    size_t count = node->kind == NODE_SOURCE;
    for (size_t i = 0; i < node->input_count; i++)
        count += plan_count_sources(node->inputs[i]);
    return count;
}

static bool plan_needs_one_partition(const struct node_plan *node) {
    bool needs = node->kind == NODE_JOIN && node->join.foreign_key;
    for (size_t i = 0; i < node->input_count && !needs; i++)
        needs = plan_needs_one_partition(node->inputs[i]);
    return needs;
}

static void plan_list_sources(const struct node_plan *node, const struct node_plan **sources, size_t *count) {
    if (node->kind == NODE_SOURCE)
        sources[(*count)++] = node;
    for (size_t i = 0; i < node->input_count; i++)
        plan_list_sources(node->inputs[i], sources, count);
}

static int plan_stage(const struct node_plan *sink, struct arena *arena, struct stage_plan *ret_stage,
                      struct error *error) {
    const struct node_plan **sources = arena_allocate(arena, plan_count_sources(sink) * sizeof(struct node_plan *));
    if (!sources)
        return error_no_memory(error);
    *ret_stage =
        (struct stage_plan){.sink = sink, .sources = sources, .single_partition = plan_needs_one_partition(sink)};
    plan_list_sources(sink, sources, &ret_stage->source_count);
    return 0;
}

static uint64_t plan_hash(uint64_t hash, struct slice text) {
    for (size_t i = 0; i < text.length; i++) /* FNV-1a, 64 bits: stored, so it may never change */
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* Settings that change the results are part of the query; those that stand as they are without SET add nothing. */
static uint64_t plan_hash_settings(uint64_t hash, const struct compile_settings *settings) {
    const struct compile_notes *notes = settings->notes;
    char text[100];
    if (!notes)
        return hash;
    bool strict = notes->nested_errors && !settings->nested_errors_null;
    int64_t lists = notes->lists ? settings->list_limit : 0, sets = notes->sets ? settings->set_limit : 0;
    snprintf(text, sizeof text, "%d %" PRId64 " %" PRId64, strict, lists, sets);
    hash = strict || lists || sets ? plan_hash(hash, slice_of(text)) : hash;
    return notes->times ? plan_hash(hash, SLICE("strict times")) : hash;
}

/* The formats of a source that its text does not say. */
static uint64_t plan_hash_formats(uint64_t hash, const struct source *source) {
    char text[100];
    snprintf(text, sizeof text, "%s %s %d", format_name(source->key.format), format_name(source->value.format),
             source->wrapped);
    return source->preset ? plan_hash(hash, slice_of(text)) : hash;
}

static uint64_t plan_definition(const struct plan_draft *draft, struct slice text) {
    uint64_t hash = plan_hash(UINT64_C(0xcbf29ce484222325), SLICE("2")); /* the version of the rules */
    hash = plan_hash(hash, text);
    for (size_t i = 0; i < draft->side_count; i++)
        hash = plan_hash_formats(plan_hash(hash, draft->sides[i].source->text), draft->sides[i].source);
    return plan_hash_settings(hash, &draft->planner->settings);
}

/* Was the sink made for this query? */
static bool plan_makes(const struct planner *planner, const struct source *sink, struct slice id) {
    const struct source *known = catalog_source(planner->catalog, sink->name);
    return known && slice_equal(known->query, id);
}

int plan_finish(const struct planner *planner, const struct plan_result *result, const struct source *sink,
                struct slice id, struct slice text, struct arena *arena, const struct query_plan **ret_query,
                struct error *error) {
    struct plan_draft *draft = result->draft;
    struct query_plan *query = arena_allocate(arena, sizeof *query);
    struct stage_plan *stages = arena_allocate(arena, (draft->sink_count + 1) * sizeof *stages);
    struct slice name = arena_copy(arena, id);
    struct node_plan *node = plan_node(draft, NODE_SINK, draft->node, error);
    if (!query || !stages || !name.data || !node)
        return error_no_memory(error);
    int status = plan_sink(sink, &planner->settings, arena, &node->sink, error);
    node->text = node->sink.topic;
    node->sink.always_keyed = draft->query->partition_by.count > 1 && node->sink.schema.key_count > 1;
    for (size_t i = 0; i < draft->sink_count && !status; i++) {
        snprintf(draft->topics[i], PLAN_TOPIC_SIZE, "_meterline-%.400s.repartition-%zu", name.data, i);
        status = plan_stage(draft->sinks[i], arena, &stages[i], error);
    }
    if (!status)
        status = plan_stage(node, arena, &stages[draft->sink_count], error);
    if (status)
        return status;
    *query = (struct query_plan){.id = name.data,
                                 .definition = plan_definition(draft, text),
                                 .stages = stages,
                                 .stage_count = draft->sink_count + 1,
                                 .limit = draft->query->limit,
                                 .makes_topic = plan_makes(planner, sink, id)};
    *ret_query = query;
    return 0;
}

/* --- EXPLAIN
 * ------------------------------------------------------------------------------------------------------------------ */

static void plan_explain_node(struct bytes *to, const struct node_plan *node, int depth) {
    static const char *const names[] = {"source",    "filter", "drop duplicates", "project",       "flatten",
                                        "aggregate", "join",   "split changes",   "unite changes", "sink"};
    bytes_append_format(to, "%*s%s", 2 * depth, "", names[node->kind]);
    if (node->text && *node->text)
        bytes_append_format(to, " %s", node->text);
    bytes_append_string(to, " (");
    for (size_t i = 0; i < node->schema.count; i++) {
        bytes_append_string(to, i ? ", " : "");
        if (node->schema.columns[i].name.length) {
            print_name(to, node->schema.columns[i].name);
            bytes_append_char(to, ' ');
        }
        type_print(to, node->schema.columns[i].type);
        bytes_append_string(to, i < node->schema.key_count ? " KEY" : "");
    }
    bytes_append_string(to, ")\n");
    for (size_t i = 0; i < node->input_count; i++)
        plan_explain_node(to, node->inputs[i], depth + 1);
}

void plan_explain(struct bytes *to, const struct query_plan *query) {
    for (size_t i = 0; i < query->stage_count; i++) {
        if (query->stage_count > 1)
            bytes_append_format(to, "stage %zu\n", i + 1);
        plan_explain_node(to, query->stages[i].sink, query->stage_count > 1);
    }
}

/* CREATE STREAM and TABLE, declared or AS SELECT, INSERT INTO .. SELECT, SELECT and EXPLAIN: statements that end in
 * a source or a plan. */
#include <stdio.h>

#include "core/memory.h"
#include "sql/catalog/properties.h"
#include "sql/plan/plan_lookup.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/print.h"

/* --- declared
 * ------------------------------------------------------------------------------------------------------------------ */

/* Columns of the value from the registry, of the schema that VALUE_SCHEMA_ID names or the newest of the topic. */
static int session_infer(struct session_work *work, const struct create_statement *create,
                         struct source_column **ret_columns, size_t *ret_count, struct error *error) {
    const struct registry *registry = work->session->options.registry;
    struct properties properties;
    struct slice schema;
    struct row_column *columns;
    size_t count;
    int status =
        properties_read(&create->properties, create->object == OBJECT_TABLE ? PROPERTY_USE_TABLE : PROPERTY_USE_STREAM,
                        work->arena, &properties, error);
    if (status)
        return status;
    enum format format = properties.format != FORMAT_UNSET         ? properties.format
                         : properties.value_format != FORMAT_UNSET ? properties.value_format
                                                                   : work->session->defaults.value;
    enum schema_kind kind = format == FORMAT_PROTOBUF ? SCHEMA_PROTOBUF : SCHEMA_AVRO;
    if (!registry)
        return place_error(error, create->name.place,
                           "%.*s has no value columns, and no schema registry is there to know them",
                           names_shown(create->name.name), create->name.name.data);
    if (properties.value_schema_id > 0)
        status =
            registry->find(registry->context, kind, (int32_t)properties.value_schema_id, work->arena, &schema, error);
    else if (!registry->latest)
        return place_error(error, create->name.place,
                           "%.*s has no value columns: list them, or name their schema by VALUE_SCHEMA_ID",
                           names_shown(create->name.name), create->name.name.data);
    else {
        char subject[BUS_TOPIC_NAME_MAXIMUM + 16];
        snprintf(subject, sizeof subject, "%.*s-value", (int)properties.topic.length, properties.topic.data);
        status = registry->latest(registry->context, subject, kind, work->arena, &schema, error);
    }
    if (!status)
        status = (kind == SCHEMA_PROTOBUF ? row_columns_of_protobuf : row_columns_of_avro)(schema, work->arena,
                                                                                           &columns, &count, error);
    if (status)
        return error_wrap(error, "the schema of %.*s", names_shown(create->name.name), create->name.name.data);
    struct source_column *result = arena_allocate(work->arena, (count + 1) * sizeof *result);
    if (!result)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++)
        result[i] = (struct source_column){.name = columns[i].name, .type = columns[i].type, .role = COLUMN_VALUE};
    *ret_columns = result;
    *ret_count = count;
    return 0;
}

static int session_created(struct session_work *work, const struct source *source, struct error *error) {
    return session_say(work, error, "%s %.*s created", source_kind(source), names_shown(source->name),
                       source->name.data);
}

/* What only the planner finds: a pattern of times that is none. */
static int session_check_source(struct session_work *work, const struct source *source, struct place place,
                                struct error *error) {
    const struct source_plan *plan;
    int status = plan_source(work->session->sources, source, &work->session->planner.settings, &plan, error);
    if (status != ERROR_INVALID)
        return status;
    struct error why = *error;
    return place_error(error, place, "%.*s: %s", names_shown(source->name), source->name.data, why.message);
}

static int session_declare(struct session_work *work, const struct create_statement *create, struct error *error) {
    struct source *source = arena_allocate(work->arena, sizeof *source);
    struct sink_plan *sink = arena_allocate(work->arena, sizeof *sink);
    struct source_column *inferred = NULL;
    size_t count = 0;
    if (!source || !sink)
        return error_no_memory(error);
    int status = source_wants_schema(create, &work->session->defaults)
                     ? session_infer(work, create, &inferred, &count, error)
                     : 0;
    if (!status)
        status = source_declare(create, work->statement->text, work->catalog, &work->session->defaults, inferred, count,
                                work->arena, source, error);
    if (!status)
        status = session_check_source(work, source, create->name.place, error);
    if (!status)
        status = plan_sink(source, &work->session->planner.settings, work->arena, sink, error);
    if (!status)
        status = catalog_add_source(work->catalog, source, create->name.place, error);
    if (!status)
        status =
            session_add(work, &(struct session_effect){.kind = EFFECT_TOPIC, .sink = sink, .source = source}, error);
    return status ? status : session_created(work, source, error);
}

/* --- queries
 * ------------------------------------------------------------------------------------------------------------------ */

static int session_check_query(struct session_work *work, const struct query_plan *plan, struct slice id,
                               struct place place, struct error *error) {
    int status = session_check_circle(work, id, place, error);
    return status ? status : session_check_partitions(work, plan, place, error);
}

static int session_add_query(struct session_work *work, const struct plan_result *result, const struct source *sink,
                             enum catalog_query_kind kind, struct slice id, struct place place, struct error *error) {
    struct catalog_query query = {.id = id,
                                  .kind = kind,
                                  .sink = sink->name,
                                  .inputs = result->inputs,
                                  .input_count = result->input_count,
                                  .text = work->statement->text};
    const struct source *filled = catalog_source(work->catalog, sink->name);
    struct slice added, replaced = filled && filled->query.data && kind != CATALOG_QUERY_INSERT
                                       ? arena_copy(work->arena, filled->query)
                                       : (struct slice){0};
    const struct query_plan *plan;
    int status = session_used_settings(work, &query.settings, error);
    if (!status)
        status = catalog_add_query(work->catalog, &query, &added, error);
    if (!status && replaced.data && !slice_equal(replaced, added))
        status = session_add(work, &(struct session_effect){.kind = EFFECT_QUERY_STOP, .text = replaced}, error);
    if (!status)
        status =
            plan_finish(&work->session->planner, result, sink, added, work->statement->text, work->arena, &plan, error);
    if (!status && !work->recalled)
        status = session_check_query(work, plan, added, place, error);
    if (!status)
        status = session_add(work,
                             &(struct session_effect){.kind = EFFECT_QUERY_START,
                                                      .query = plan,
                                                      .text = slice_of(plan->id),
                                                      .source = sink,
                                                      .result = result},
                             error);
    return status ? status
                  : session_say(work, error, "query %s is declared, into %.*s: a 'meterline run' on this log runs it",
                                plan->id, names_shown(sink->name), sink->name.data);
}

static int session_check_kind(const struct create_statement *create, const struct plan_result *result,
                              struct error *error) {
    bool table = create->object == OBJECT_TABLE;
    if (table == result->table)
        return 0;
    return place_error(
        error, create->name.place,
        table ? "this SELECT gives a stream, not a table: use CREATE STREAM .. AS SELECT, or GROUP BY to make a table"
              : "this SELECT gives a table, not a stream: use CREATE TABLE .. AS SELECT");
}

/* A result whose key has no window holds many rows of one key, so its topic is never compacted. */
static int session_set_window(struct source *source, const struct plan_result *result,
                              const struct properties *properties, struct error *error) {
    bool in_key = !properties->given[PROPERTY_WINDOW_IN_KEY] || properties->window_in_key;
    if (!in_key && result->window == WINDOW_NONE)
        return place_error(error, properties->places[PROPERTY_WINDOW_IN_KEY],
                           "WINDOW_IN_KEY is for results with windows");
    source->window = in_key ? result->window : WINDOW_NONE;
    source->window_size = in_key ? result->window_size : 0;
    source->window_calendar = in_key ? result->window_calendar : NULL;
    if (!in_key && !source->cleanup_policy.data)
        source->cleanup_policy = SLICE("delete");
    return 0;
}

static int session_create_result(struct session_work *work, const struct create_statement *create,
                                 struct error *error) {
    struct plan_result *result = arena_allocate(work->arena, sizeof *result);
    struct source *source = arena_allocate(work->arena, sizeof *source);
    struct properties properties;
    if (!result || !source)
        return error_no_memory(error);
    enum property_use use = create->object == OBJECT_TABLE ? PROPERTY_USE_TABLE_RESULT : PROPERTY_USE_STREAM_RESULT;
    int status = properties_read(&create->properties, use, work->arena, &properties, error);
    if (!status)
        status = plan_select(&work->session->planner, create->query, PLAN_PERSISTENT, work->arena, result, error);
    if (!status)
        status = session_check_kind(create, result, error);
    if (!status)
        status = source_result(create, work->statement->text, result->input, &work->session->defaults, result->columns,
                               result->column_count, work->arena, source, error);
    if (status)
        return status;
    status = session_set_window(source, result, &properties, error);
    if (status)
        return status;
    status = catalog_add_source(work->catalog, source, create->name.place, error);
    if (!status)
        status = session_add_query(work, result, source,
                                   create->object == OBJECT_TABLE ? CATALOG_QUERY_TABLE : CATALOG_QUERY_STREAM,
                                   properties.query_id, create->name.place, error);
    return status;
}

/* A query that is there already, word for word, must mean the same. */
static int session_same_query(struct session_work *work, struct slice id, struct place place, struct error *error) {
    const struct catalog_query *query;
    struct identifier name = {.name = id, .place = place};
    if (!id.data || catalog_find_query(work->catalog, &name, &query, error))
        return 0;
    return session_same_settings(work, query->settings, place, error);
}

int session_create(struct session_work *work, const struct create_statement *create, struct error *error) {
    bool skip = false;
    const struct source *known = catalog_source(work->catalog, create->name.name);
    if (known && work->session->pass_known && slice_equal(known->text, work->statement->text)) {
        work->passed_by = true;
        return session_same_query(work, known->query, create->name.place, error);
    }
    int status = catalog_check_create(work->catalog, create, &skip, error);
    if (status)
        return status;
    if (skip)
        return session_say(work, error, "%.*s is there already", names_shown(create->name.name),
                           create->name.name.data);
    return create->query ? session_create_result(work, create, error) : session_declare(work, create, error);
}

/* The columns of a result as its sink must have them: keys, then values, by name and type. */
static int session_check_columns(struct session_work *work, const struct insert_statement *insert,
                                 const struct plan_result *result, const struct source *sink, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    size_t at = 0;
    bool same = true;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < sink->column_count && same; i++) {
            const struct source_column *column = &sink->columns[i];
            if (pass == 0 ? !source_is_key(column) : !source_is_value(column))
                continue;
            same = at < result->column_count && slice_equal(result->columns[at].name, column->name) &&
                   type_equal(result->columns[at].type, column->type) &&
                   source_is_key(&result->columns[at]) == source_is_key(column);
            at++;
        }
    if (same && at == result->column_count)
        return 0;
    for (int side = 0; side < 2; side++) {
        const struct source_column *columns = side == 0 ? result->columns : sink->columns;
        size_t count = side == 0 ? result->column_count : sink->column_count;
        bytes_append_string(&text, side == 0 ? "the result has " : ", the sink has ");
        for (size_t i = 0; i < count; i++) {
            bytes_append_string(&text, i ? ", " : "");
            print_name(&text, columns[i].name);
            bytes_append_char(&text, ' ');
            type_print(&text, columns[i].type);
            bytes_append_string(&text, source_is_key(&columns[i]) ? " KEY" : "");
        }
    }
    bytes_append_char(&text, '\0');
    (void)work;
    return text.failed ? error_no_memory(error)
                       : place_error(error, insert->name.place, "the columns of the query and of %.*s do not match: %s",
                                     names_shown(sink->name), sink->name.data, text.data);
}

/* The query of this very text; NULL: there is none. */
static const struct catalog_query *session_runs(const struct session_work *work, struct slice text) {
    for (size_t i = 0; i < catalog_query_count(work->catalog); i++)
        if (slice_equal(catalog_query_at(work->catalog, i)->text, text))
            return catalog_query_at(work->catalog, i);
    return NULL;
}

int session_insert_select(struct session_work *work, const struct insert_statement *insert, struct error *error) {
    struct plan_result *result = arena_allocate(work->arena, sizeof *result);
    struct source *copy = arena_allocate(work->arena, sizeof *copy);
    const struct source *sink;
    struct properties properties;
    if (!result || !copy)
        return error_no_memory(error);
    const struct catalog_query *known = work->session->pass_known ? session_runs(work, work->statement->text) : NULL;
    if (known) {
        work->passed_by = true;
        return session_same_settings(work, known->settings, insert->name.place, error);
    }
    int status = catalog_find_source(work->catalog, &insert->name, &sink, error);
    if (status)
        return status;
    if (sink->object == OBJECT_TABLE)
        return place_error(error, insert->name.place, "INSERT INTO .. SELECT fills streams; %.*s is a table",
                           names_shown(sink->name), sink->name.data);
    if (sink->read_only)
        return place_error(error, insert->name.place, "%.*s is read-only: it was made by CREATE SOURCE",
                           names_shown(sink->name), sink->name.data);
    status = properties_read(&insert->properties, PROPERTY_USE_INSERT, work->arena, &properties, error);
    if (!status)
        status = plan_select(&work->session->planner, insert->query, PLAN_PERSISTENT, work->arena, result, error);
    if (!status && result->table)
        return place_error(error, insert->name.place, "this SELECT gives a table; INSERT INTO needs a stream");
    if (!status && (result->window != sink->window || result->window_size != sink->window_size ||
                    !calendar_same(result->window_calendar, sink->window_calendar)))
        return place_error(error, insert->name.place, "the windows of the query and of %.*s do not match",
                           names_shown(sink->name), sink->name.data);
    if (!status)
        status = plan_assign(result, sink, error);
    if (!status)
        status = session_check_columns(work, insert, result, sink, error);
    if (!status)
        status = source_copy(sink, work->arena, copy, error);
    return status ? status
                  : session_add_query(work, result, copy, CATALOG_QUERY_INSERT, properties.query_id, insert->name.place,
                                      error);
}

/* --- asked
 * ------------------------------------------------------------------------------------------------------------------ */

/* A sink for rows that go to the caller: JSON in the order of the columns. */
static int session_answer_sink(struct session_work *work, const struct plan_result *result, struct source *ret_source) {
    *ret_source = (struct source){.object = OBJECT_STREAM,
                                  .name = SLICE("ANSWER"),
                                  .topic = arena_copy(work->arena, SLICE("_meterline-answer")),
                                  .columns = result->columns,
                                  .column_count = result->column_count,
                                  .wrapped = true,
                                  .retention = -1};
    ret_source->key.format = FORMAT_NONE;
    ret_source->value.format = FORMAT_JSON;
    return ret_source->topic.data ? 0 : ERROR_NO_MEMORY;
}

int session_select(struct session_work *work, const struct select_query *select, struct error *error) {
    struct plan_result *result = arena_allocate(work->arena, sizeof *result);
    struct source *sink = arena_allocate(work->arena, sizeof *sink);
    const struct query_plan *plan;
    if (!result || !sink)
        return error_no_memory(error);
    int status = plan_select(&work->session->planner, select, PLAN_TRANSIENT, work->arena, result, error);
    if (!status && session_answer_sink(work, result, sink))
        status = error_no_memory(error);
    if (!status)
        status = plan_finish(&work->session->planner, result, sink, SLICE("SELECT"), work->statement->text, work->arena,
                             &plan, error);
    const struct plan_lookup *lookup = NULL;
    if (!status)
        status = plan_lookup(result, work->arena, &lookup, error);
    return status ? status
                  : session_add(
                        work,
                        &(struct session_effect){
                            .kind = EFFECT_SELECT, .query = plan, .select = select, .result = result, .lookup = lookup},
                        error);
}

static int session_explain_query(struct session_work *work, const struct query_plan *plan, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    plan_explain(&text, plan);
    struct slice copy = text.failed ? (struct slice){0} : arena_copy(work->arena, bytes_slice(&text));
    return copy.data ? session_add(work, &(struct session_effect){.kind = EFFECT_TEXT, .text = copy}, error)
                     : error_no_memory(error);
}

static const struct select_query *session_query_of(const struct statement *statement) {
    return statement->kind == STATEMENT_SELECT          ? statement->select
           : statement->kind == STATEMENT_CREATE        ? statement->create.query
           : statement->kind == STATEMENT_INSERT_SELECT ? statement->insert.query
                                                        : NULL;
}

int session_explain(struct session_work *work, const struct explain_statement *explain, struct error *error) {
    struct plan_result *result = arena_allocate(work->arena, sizeof *result);
    struct source *sink = arena_allocate(work->arena, sizeof *sink);
    const struct query_plan *plan;
    if (!result || !sink)
        return error_no_memory(error);
    const struct statement *statement = explain->statement;
    int status = 0;
    if (explain->query.name.data)
        status = session_parse_query(work, &explain->query, &statement, error);
    if (status)
        return status;
    const struct select_query *select = session_query_of(statement);
    if (!select)
        return place_error(error, statement->place,
                           "EXPLAIN is for SELECT, CREATE .. AS SELECT, INSERT INTO .. SELECT, or the id of a query");
    status =
        plan_select(&work->session->planner, select,
                    statement->kind == STATEMENT_SELECT ? PLAN_TRANSIENT : PLAN_PERSISTENT, work->arena, result, error);
    if (!status && session_answer_sink(work, result, sink))
        status = error_no_memory(error);
    if (!status)
        sink->window = result->window;
    if (!status)
        status = plan_finish(&work->session->planner, result, sink, SLICE("EXPLAIN"), statement->text, work->arena,
                             &plan, error);
    return status ? status : session_explain_query(work, plan, error);
}

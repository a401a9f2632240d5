/* The fields are those of ksqlDB's documentation of /ksql, with the further ones that its clients read. */
#include "serve/ksql/entity.h"

#include <inttypes.h>
#include <string.h>

#include "codec/json/json.h"

/* --- pieces
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_member(struct bytes *to, const char *name, struct slice value) {
    bytes_append_format(to, ",\"%s\":", name);
    if (value.data)
        json_write_string(to, value);
    else
        bytes_append_string(to, "null");
}

static void write_truth(struct bytes *to, const char *name, bool value) {
    bytes_append_format(to, ",\"%s\":%s", name, value ? "true" : "false");
}

/* With its semicolon. */
static void write_statement(struct bytes *to, struct slice statement) {
    struct bytes text = {0};
    bytes_append_slice(&text, statement);
    bytes_append_char(&text, ';');
    json_write_string(to, bytes_slice(&text));
    to->failed |= text.failed;
    bytes_release(&text);
}

static void write_begin(struct bytes *to, const char *type, const struct statement *statement) {
    bytes_append_format(to, "{\"@type\":\"%s\",\"statementText\":", type);
    write_statement(to, statement->text);
}

static void write_end(struct bytes *to) {
    bytes_append_string(to, ",\"warnings\":[]}");
}

static struct slice upper(enum object_kind object) {
    return object == OBJECT_TABLE ? SLICE("TABLE") : SLICE("STREAM");
}

void entity_write_schema(struct bytes *to, const struct type *type) {
    static const char *const names[] = {
        [TYPE_BOOLEAN] = "BOOLEAN",     [TYPE_INTEGER] = "INTEGER", [TYPE_BIGINT] = "BIGINT",
        [TYPE_DECIMAL] = "DECIMAL",     [TYPE_DOUBLE] = "DOUBLE",   [TYPE_STRING] = "STRING",
        [TYPE_BYTES] = "BYTES",         [TYPE_DATE] = "DATE",       [TYPE_TIME] = "TIME",
        [TYPE_TIMESTAMP] = "TIMESTAMP", [TYPE_ARRAY] = "ARRAY",     [TYPE_MAP] = "MAP",
        [TYPE_STRUCT] = "STRUCT",       [TYPE_NULL] = "STRING"};
    bytes_append_format(to, "{\"type\":\"%s\",\"fields\":", names[type->kind]);
    if (type->kind == TYPE_STRUCT) {
        bytes_append_char(to, '[');
        for (size_t i = 0; i < type->field_count; i++) {
            bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
            json_write_string(to, type->fields[i].name);
            bytes_append_string(to, ",\"schema\":");
            entity_write_schema(to, type->fields[i].type);
            bytes_append_char(to, '}');
        }
        bytes_append_char(to, ']');
    } else {
        bytes_append_string(to, "null");
    }
    bytes_append_string(to, ",\"memberSchema\":");
    if (type->element)
        entity_write_schema(to, type->element);
    else
        bytes_append_string(to, "null");
    if (type->kind == TYPE_DECIMAL)
        bytes_append_format(to, ",\"parameters\":{\"precision\":%u,\"scale\":%u}", type->precision, type->scale);
    bytes_append_char(to, '}');
}

/* --- commands
 * ------------------------------------------------------------------------------------------------------------------ */

bool entity_changes(const struct statement *statement) {
    switch (statement->kind) {
    case STATEMENT_CREATE:
    case STATEMENT_INSERT_VALUES:
    case STATEMENT_INSERT_SELECT:
    case STATEMENT_DROP:
    case STATEMENT_ALTER:
    case STATEMENT_CREATE_CONNECTOR:
    case STATEMENT_CREATE_TYPE:
    case STATEMENT_TERMINATE:
    case STATEMENT_PAUSE:
    case STATEMENT_RESUME:
    case STATEMENT_ALTER_SYSTEM:
        return true;
    default:
        return false;
    }
}

/* What a command is about, for its id: "stream/`PAGEVIEWS`/create". */
static void write_command_id(struct bytes *to, const char *kind, struct slice name, const char *action) {
    struct bytes id = {0};
    bytes_append_format(&id, "%s/`%.*s`/%s", kind, (int)name.length, name.data, action);
    json_write_string(to, bytes_slice(&id));
    to->failed |= id.failed;
    bytes_release(&id);
}

static const char *kind_of(enum object_kind object) {
    return object == OBJECT_TABLE       ? "table"
           : object == OBJECT_TYPE      ? "type"
           : object == OBJECT_CONNECTOR ? "connector"
                                        : "stream";
}

static void write_command(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome,
                          const char *kind, struct slice name, const char *action, const char *done) {
    write_begin(to, "currentStatus", statement);
    bytes_append_string(to, ",\"commandId\":");
    write_command_id(to, kind, name, action);
    bytes_append_string(to, ",\"commandStatus\":{\"status\":\"SUCCESS\"");
    struct bytes message = {0};
    if (outcome->query.data)
        bytes_append_format(&message, "Created query with ID %.*s", (int)outcome->query.length, outcome->query.data);
    else
        bytes_append_slice(&message, done ? slice_of(done) : outcome->message.data ? outcome->message : SLICE("Done"));
    write_member(to, "message", bytes_slice(&message));
    to->failed |= message.failed;
    bytes_release(&message);
    write_member(to, "queryId", outcome->query);
    bytes_append_format(to, "},\"commandSequenceNumber\":%" PRId64, outcome->sequence);
    write_end(to);
}

static void write_target(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome,
                         const char *done) {
    const char *kind = statement->kind == STATEMENT_TERMINATE ? "terminate"
                       : statement->kind == STATEMENT_PAUSE   ? "pause"
                                                              : "resume";
    write_command(to, statement, outcome, kind, statement->target.all ? SLICE("ALL") : statement->target.query.name,
                  "execute", done);
}

static bool write_changed(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome) {
    switch (statement->kind) {
    case STATEMENT_CREATE:
        write_command(to, statement, outcome, kind_of(statement->create.object), statement->create.name.name, "create",
                      outcome->message.data && memmem(outcome->message.data, outcome->message.length, "already", 7)
                          ? NULL
                      : statement->create.object == OBJECT_TABLE ? "Table created"
                                                                 : "Stream created");
        return true;
    case STATEMENT_INSERT_SELECT:
        write_command(to, statement, outcome, "stream", statement->insert.name.name, "create", NULL);
        return true;
    case STATEMENT_DROP:
        write_command(to, statement, outcome, kind_of(statement->drop.object), statement->drop.name.name, "drop", NULL);
        return true;
    case STATEMENT_ALTER:
        write_command(to, statement, outcome, kind_of(statement->alter.object), statement->alter.name.name, "alter",
                      NULL);
        return true;
    case STATEMENT_CREATE_CONNECTOR:
        write_command(to, statement, outcome, "connector", statement->connector.name.name, "create", NULL);
        return true;
    case STATEMENT_CREATE_TYPE:
        write_command(to, statement, outcome, "type", statement->type.name.name, "create", NULL);
        return true;
    case STATEMENT_TERMINATE:
        write_target(to, statement, outcome, "Query terminated.");
        return true;
    case STATEMENT_PAUSE:
        write_target(to, statement, outcome, "Query paused.");
        return true;
    case STATEMENT_RESUME:
        write_target(to, statement, outcome, "Query resumed.");
        return true;
    default:
        return false;
    }
}

/* --- sources
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_sources(struct bytes *to, const struct statement *statement, const struct catalog *catalog,
                          enum object_kind object) {
    const char *list = object == OBJECT_TABLE ? "tables" : "streams";
    size_t count = 0;
    write_begin(to, list, statement);
    bytes_append_format(to, ",\"%s\":[", list);
    for (size_t i = 0; i < catalog_source_count(catalog); i++) {
        const struct source *source = catalog_source_at(catalog, i);
        if (source->object != object)
            continue;
        bytes_append_format(to, "%s{\"type\":\"%s\"", count++ ? "," : "", upper(object).data);
        write_member(to, "name", source->name);
        write_member(to, "topic", source->topic);
        write_member(to, "keyFormat", slice_of(format_name(source->key.format)));
        write_member(to, "valueFormat", slice_of(format_name(source->value.format)));
        write_truth(to, "isWindowed", source->window != WINDOW_NONE);
        bytes_append_char(to, '}');
    }
    bytes_append_char(to, ']');
    write_end(to);
}

static void write_query(struct bytes *to, const struct session *session, const struct catalog_query *query) {
    const struct source *sink = catalog_source(session_catalog(session), query->sink);
    bool failed = session_failure(session, query->id).data != NULL;
    const char *state = failed ? "ERROR" : "RUNNING";
    bytes_append_string(to, "{\"queryString\":");
    write_statement(to, query->text);
    bytes_append_string(to, ",\"sinks\":[");
    json_write_string(to, query->sink);
    bytes_append_string(to, "],\"sinkKafkaTopics\":[");
    if (sink)
        json_write_string(to, sink->topic);
    bytes_append_char(to, ']');
    write_member(to, "id", query->id);
    bytes_append_format(to, ",\"statusCount\":{\"%s\":1},\"queryType\":\"PERSISTENT\",\"state\":\"%s\"}", state, state);
}

/* Those that read (`writes` false) or fill a source; source NULL: all. */
static void write_queries(struct bytes *to, const struct session *session, const struct source *source, bool writes) {
    const struct catalog *catalog = session_catalog(session);
    size_t count = 0;
    bytes_append_char(to, '[');
    for (size_t i = 0; i < catalog_query_count(catalog); i++) {
        const struct catalog_query *query = catalog_query_at(catalog, i);
        if (source && (writes ? !slice_equal(query->sink, source->name) : !catalog_query_reads(query, source->name)))
            continue;
        if (count++)
            bytes_append_char(to, ',');
        write_query(to, session, query);
    }
    bytes_append_char(to, ']');
}

static void write_fields(struct bytes *to, const struct source_column *columns, size_t count) {
    bytes_append_string(to, ",\"fields\":[");
    for (size_t i = 0; i < count; i++) {
        bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, columns[i].name);
        bytes_append_string(to, ",\"schema\":");
        entity_write_schema(to, columns[i].type);
        if (source_is_key(&columns[i]))
            bytes_append_string(to, ",\"type\":\"KEY\"");
        else if (!source_is_value(&columns[i]))
            bytes_append_string(to, ",\"type\":\"HEADER\"");
        bytes_append_char(to, '}');
    }
    bytes_append_char(to, ']');
}

static void write_source(struct bytes *to, const struct session *session, const struct source *source, bool extended) {
    static const char *const windows[] = {
        [WINDOW_TUMBLING] = "TUMBLING", [WINDOW_HOPPING] = "HOPPING", [WINDOW_SESSION] = "SESSION"};
    bytes_append_string(to, "{\"name\":");
    json_write_string(to, source->name);
    write_member(to, "windowType",
                 source->window == WINDOW_NONE ? (struct slice){0} : slice_of(windows[source->window]));
    bytes_append_string(to, ",\"readQueries\":");
    write_queries(to, session, source, false);
    bytes_append_string(to, ",\"writeQueries\":");
    write_queries(to, session, source, true);
    write_fields(to, source->columns, source->column_count);
    write_member(to, "type", upper(source->object));
    write_member(to, "timestamp", source->timestamp.data ? source->timestamp : SLICE(""));
    bytes_append_string(to, ",\"statistics\":\"\",\"errorStats\":\"\"");
    write_truth(to, "extended", extended);
    write_member(to, "keyFormat", slice_of(format_name(source->key.format)));
    write_member(to, "valueFormat", slice_of(format_name(source->value.format)));
    write_member(to, "topic", source->topic);
    bytes_append_format(to, ",\"partitions\":%" PRId64 ",\"replication\":%" PRId64, source->partitions,
                        source->replicas);
    write_member(to, "statement", source->text);
    bytes_append_string(to, ",\"queryOffsetSummaries\":[],\"sourceConstraints\":[]}");
}

/* --- SHOW and DESCRIBE
 * ------------------------------------------------------------------------------------------------------------------ */

static struct slice cell(const struct listing *listing, size_t row, size_t column) {
    return listing->cells[listing->column_count * row + column];
}

static void write_functions(struct bytes *to, const struct listing *listing) {
    bytes_append_string(to, ",\"functions\":[");
    for (size_t i = 0; i < listing->row_count; i++) {
        struct slice category = cell(listing, i, 1);
        const char *type = slice_equal(category, SLICE("Aggregate"))         ? "AGGREGATE"
                           : slice_equal(category, SLICE("Table functions")) ? "TABLE"
                                                                             : "SCALAR";
        bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, cell(listing, i, 0));
        write_member(to, "type", slice_of(type));
        write_member(to, "category", category);
        bytes_append_char(to, '}');
    }
    bytes_append_char(to, ']');
}

static void write_properties(struct bytes *to, const struct listing *listing) {
    bytes_append_string(to, ",\"properties\":[");
    for (size_t i = 0; i < listing->row_count; i++) {
        bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, cell(listing, i, 0));
        write_member(to, "scope", SLICE("KSQL"));
        write_member(to, "value", cell(listing, i, 1));
        bytes_append_string(to, ",\"editable\":true,\"level\":\"QUERY\"}");
    }
    bytes_append_string(to, "],\"overwrittenProperties\":[],\"defaultProperties\":[]");
}

/* Two columns as name and value. */
static void write_pairs(struct bytes *to, const char *list, const struct listing *listing) {
    bytes_append_format(to, ",\"%s\":[", list);
    for (size_t i = 0; i < listing->row_count; i++) {
        bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, cell(listing, i, 0));
        write_member(to, "value", cell(listing, i, 1));
        bytes_append_char(to, '}');
    }
    bytes_append_char(to, ']');
}

static void write_connectors(struct bytes *to, const struct listing *listing) {
    bytes_append_string(to, ",\"connectors\":[");
    for (size_t i = 0; i < listing->row_count; i++) {
        bytes_append_string(to, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, cell(listing, i, 0));
        write_member(to, "type", SLICE("sink"));
        write_member(to, "className", cell(listing, i, 1));
        bytes_append_string(to, ",\"state\":\"RUNNING (1/1 tasks RUNNING)\"}");
    }
    bytes_append_char(to, ']');
}

static void write_types(struct bytes *to, const struct catalog *catalog) {
    bytes_append_string(to, ",\"types\":{");
    for (size_t i = 0; i < catalog_type_count(catalog); i++) {
        struct slice name;
        const struct type *type = catalog_type_at(catalog, i, &name);
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, name);
        bytes_append_char(to, ':');
        entity_write_schema(to, type);
    }
    bytes_append_char(to, '}');
}

/* Those of the engine's own are shown by SHOW ALL TOPICS only. */
static void write_topics(struct bytes *to, const struct bus_topic_list *topics, bool all) {
    size_t shown = 0;
    bytes_append_string(to, ",\"topics\":[");
    for (size_t i = 0; topics && i < topics->count; i++) {
        const struct bus_topic_info *topic = &topics->topics[i];
        int32_t replicas = topic->settings.replicas > 0 ? topic->settings.replicas : 1;
        if (!all && strncmp(topic->name, "_meterline", 10) == 0)
            continue;
        bytes_append_string(to, shown++ ? ",{\"name\":" : "{\"name\":");
        json_write_string(to, slice_of(topic->name));
        bytes_append_string(to, ",\"replicaInfo\":[");
        for (int32_t p = 0; p < topic->settings.partitions; p++)
            bytes_append_format(to, "%s%d", p ? "," : "", (int)replicas);
        bytes_append_string(to, "]}");
    }
    bytes_append_char(to, ']');
}

static void write_show(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome) {
    static const struct listing empty = {0};
    const struct catalog *catalog = session_catalog(outcome->session);
    const struct listing *listing = outcome->listing ? outcome->listing : &empty;
    static const char *const types[] = {
        [SHOW_QUERIES] = "queries",       [SHOW_TOPICS] = "kafka_topics", [SHOW_FUNCTIONS] = "function_names",
        [SHOW_PROPERTIES] = "properties", [SHOW_VARIABLES] = "variables", [SHOW_CONNECTORS] = "connector_list",
        [SHOW_TYPES] = "type_list"};
    if (statement->show.what == SHOW_STREAMS || statement->show.what == SHOW_TABLES) {
        write_sources(to, statement, catalog, statement->show.what == SHOW_TABLES ? OBJECT_TABLE : OBJECT_STREAM);
        return;
    }
    write_begin(to, types[statement->show.what], statement);
    switch (statement->show.what) {
    case SHOW_QUERIES:
        bytes_append_string(to, ",\"queries\":");
        write_queries(to, outcome->session, NULL, false);
        break;
    case SHOW_TOPICS:
        write_topics(to, outcome->topics, statement->show.all);
        break;
    case SHOW_FUNCTIONS:
        write_functions(to, listing);
        break;
    case SHOW_PROPERTIES:
        write_properties(to, listing);
        break;
    case SHOW_VARIABLES:
        write_pairs(to, "variables", listing);
        break;
    case SHOW_CONNECTORS:
        write_connectors(to, listing);
        break;
    default:
        write_types(to, catalog);
        break;
    }
    write_end(to);
}

static void write_described_function(struct bytes *to, const struct statement *statement,
                                     const struct listing *listing) {
    write_begin(to, "describe_function", statement);
    write_member(to, "name", cell(listing, 0, 0));
    write_member(to, "description", cell(listing, 0, 2));
    bytes_append_string(to, ",\"author\":\"\",\"version\":\"\",\"path\":\"internal\",\"functions\":[{\"signature\":");
    json_write_string(to, cell(listing, 0, 1));
    write_member(to, "description", cell(listing, 0, 2));
    bytes_append_string(to, "}]");
    write_end(to);
}

static void write_described_list(struct bytes *to, const struct statement *statement,
                                 const struct entity_outcome *outcome) {
    const struct catalog *catalog = session_catalog(outcome->session);
    enum object_kind object = statement->describe.all_tables ? OBJECT_TABLE : OBJECT_STREAM;
    size_t count = 0;
    write_begin(to, "source_descriptions", statement);
    bytes_append_string(to, ",\"sourceDescriptions\":[");
    for (size_t i = 0; i < catalog_source_count(catalog); i++) {
        const struct source *source = catalog_source_at(catalog, i);
        if (source->object != object)
            continue;
        if (count++)
            bytes_append_char(to, ',');
        write_source(to, outcome->session, source, statement->describe.extended);
    }
    bytes_append_char(to, ']');
    write_end(to);
}

static void write_describe(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome) {
    const struct describe_statement *describe = &statement->describe;
    const struct source *source = catalog_source(session_catalog(outcome->session), describe->name.name);
    if (describe->all_streams || describe->all_tables) {
        write_described_list(to, statement, outcome);
    } else if (describe->object == OBJECT_FUNCTION && outcome->listing && outcome->listing->row_count) {
        write_described_function(to, statement, outcome->listing);
    } else if (describe->object == OBJECT_CONNECTOR && outcome->listing) {
        write_begin(to, "connector_description", statement);
        write_connectors(to, outcome->listing);
        write_end(to);
    } else if (source) {
        write_begin(to, "sourceDescription", statement);
        bytes_append_string(to, ",\"sourceDescription\":");
        write_source(to, outcome->session, source, describe->extended);
        write_end(to);
    }
}

static void write_explain(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome) {
    const struct statement *explained = statement->explain.statement;
    write_begin(to, "queryDescription", statement);
    bytes_append_string(to, ",\"queryDescription\":{\"id\":");
    json_write_string(to, statement->explain.query.name.data ? statement->explain.query.name : SLICE(""));
    write_member(to, "statementText", explained ? explained->text : statement->text);
    bytes_append_string(to, ",\"windowType\":null,\"fields\":[],\"sources\":[],\"sinks\":[]");
    write_member(to, "topology", outcome->text.data ? outcome->text : SLICE(""));
    write_member(to, "executionPlan", outcome->text.data ? outcome->text : SLICE(""));
    bytes_append_string(to, ",\"overriddenProperties\":{},\"ksqlHostQueryStatus\":{},\"queryType\":");
    json_write_string(to, explained && explained->kind == STATEMENT_SELECT ? SLICE("PUSH") : SLICE("PERSISTENT"));
    bytes_append_string(to, ",\"queryErrors\":[],\"tasksMetadata\":[],\"state\":null}");
    write_end(to);
}

void entity_write(struct bytes *to, const struct statement *statement, const struct entity_outcome *outcome) {
    switch (statement->kind) {
    case STATEMENT_SHOW:
        write_show(to, statement, outcome);
        break;
    case STATEMENT_DESCRIBE:
        write_describe(to, statement, outcome);
        break;
    case STATEMENT_EXPLAIN:
        write_explain(to, statement, outcome);
        break;
    case STATEMENT_ASSERT:
        write_begin(to, "assert", statement);
        bytes_append_string(to, ",\"exists\":true");
        write_end(to);
        break;
    default:
        write_changed(to, statement, outcome);
        break;
    }
}

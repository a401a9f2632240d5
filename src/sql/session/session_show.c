/* SHOW, DESCRIBE: what the catalog and the tables of functions know. */
#include "core/bytes.h"
#include "core/memory.h"
#include "sql/catalog/properties.h"
#include "sql/function/function.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/script.h"

static int session_list(struct session_work *work, const struct listing *listing, struct error *error) {
    return session_add(work, &(struct session_effect){.kind = EFFECT_LISTING, .listing = *listing}, error);
}

static int listing_new(struct arena *arena, const char *const *titles, size_t columns, size_t rows,
                       struct listing *ret_listing, struct error *error) {
    struct slice *cells = arena_allocate(arena, (columns * rows + 1) * sizeof *cells);
    if (!cells)
        return error_no_memory(error);
    *ret_listing = (struct listing){titles, columns, cells, 0};
    return 0;
}

/* --- functions
 * ------------------------------------------------------------------------------------------------------------------ */

static int session_show_functions(struct session_work *work, struct error *error) {
    static const char *const titles[] = {"function", "category", "description"};
    size_t scalar_count, aggregate_count;
    const struct function *const *scalars = functions_all(&scalar_count);
    const struct aggregate_function *const *aggregates = aggregate_functions(&aggregate_count);
    struct listing listing;
    int status = listing_new(work->arena, titles, 3, scalar_count + aggregate_count, &listing, error);
    if (status)
        return status;
    for (size_t a = 0, s = 0; a < aggregate_count || s < scalar_count;) {
        bool aggregate =
            s == scalar_count || (a < aggregate_count && strcmp(aggregates[a]->name, scalars[s]->name) < 0);
        struct slice *cells = &listing.cells[3 * listing.row_count++];
        cells[0] = slice_of(aggregate ? aggregates[a]->name : scalars[s]->name);
        cells[1] = slice_of(aggregate ? "Aggregate" : scalars[s]->category);
        cells[2] = slice_of(aggregate ? aggregates[a]->description : scalars[s]->description);
        a += aggregate;
        s += !aggregate;
    }
    return session_list(work, &listing, error);
}

static int session_describe_function(struct session_work *work, const struct identifier *name, struct error *error) {
    static const char *const titles[] = {"function", "signature", "description"};
    const struct function *scalar = function_find(name->name);
    const struct aggregate_function *aggregate = aggregate_function_find(name->name);
    struct listing listing;
    if (!scalar && !aggregate)
        return place_error(error, name->place, "there is no function %.*s; SHOW FUNCTIONS lists them",
                           names_shown(name->name), name->name.data);
    int status = listing_new(work->arena, titles, 3, 1, &listing, error);
    if (status)
        return status;
    listing.cells[0] = slice_of(scalar ? scalar->name : aggregate->name);
    listing.cells[1] = slice_of(scalar ? scalar->signature : aggregate->signature);
    listing.cells[2] = slice_of(scalar ? scalar->description : aggregate->description);
    listing.row_count = 1;
    return session_list(work, &listing, error);
}

/* --- connectors and settings
 * ------------------------------------------------------------------------------------------------------- */

static struct slice session_property(const struct session_connector *connector, const char *name) {
    const struct property *property = property_of(connector->properties, name);
    return property && property->value->kind == EXPRESSION_STRING ? property->value->text : SLICE("");
}

/* RUNNING, as far as is known, or FAILED with the reason that a run has given. */
static struct slice session_connector_state(struct session_work *work, struct slice name) {
    cleanup(bytes_release) struct bytes text = {0};
    bytes_append_string(&text, SESSION_CONNECTOR_ID);
    bytes_append_slice(&text, name);
    struct slice failure = session_failure(work->session, bytes_slice(&text));
    if (!failure.data)
        return SLICE("RUNNING");
    text.length = 0;
    bytes_append_format(&text, "FAILED: %s", failure.data);
    return text.failed ? (struct slice){0} : arena_copy(work->arena, bytes_slice(&text));
}

static int session_show_connectors(struct session_work *work, struct error *error) {
    enum { COLUMNS = 4 };
    static const char *const titles[COLUMNS] = {"connector", "type", "topics", "status"};
    const struct session *session = work->session;
    struct listing listing;
    int status = listing_new(work->arena, titles, COLUMNS, session->kept.connector_count, &listing, error);
    for (size_t i = 0; i < session->kept.connector_count && !status; i++) {
        struct slice *cells = &listing.cells[COLUMNS * i];
        cells[0] = session->kept.connectors[i]->name;
        cells[1] = session_property(session->kept.connectors[i], "type");
        cells[2] = session_property(session->kept.connectors[i], "topics");
        cells[3] = session_connector_state(work, cells[0]);
        status = cells[3].data ? 0 : error_no_memory(error);
    }
    listing.row_count = session->kept.connector_count;
    return status ? status : session_list(work, &listing, error);
}

static int session_show_settings(struct session_work *work, struct error *error) {
    static const char *const titles[] = {"setting", "value", "said by"};
    const struct variables *set = &work->session->kept.settings;
    size_t known = session_setting_count();
    struct listing listing;
    int status = listing_new(work->arena, titles, 3, known + set->count, &listing, error);
    for (size_t i = 0; i < known + set->count && !status; i++) {
        struct slice *cells = &listing.cells[3 * listing.row_count];
        if (i >= known && session_is_setting(set->items[i - known].name))
            continue;
        if (i < known)
            status = session_setting_at(work, i, &cells[0], &cells[1], error);
        else {
            cells[0] = set->items[i - known].name;
            cells[1] = set->items[i - known].value;
        }
        cells[2] = i >= known || variables_find(set, cells[0]) ? SLICE("SET") : SLICE("default");
        listing.row_count++;
    }
    return status ? status : session_list(work, &listing, error);
}

/* --- the statements
 * ---------------------------------------------------------------------------------------------------------------- */

static int session_describe_all(struct session_work *work, enum object_kind object, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < catalog_source_count(work->catalog) && !status; i++) {
        const struct source *source = catalog_source_at(work->catalog, i);
        struct listing listing;
        if (source->object != object)
            continue;
        status = session_say(work, error, "%.*s", names_shown(source->name), source->name.data);
        if (!status)
            status = describe_columns(source, work->arena, &listing, error);
        if (!status)
            status = session_list(work, &listing, error);
    }
    return status;
}

/* A query that a run could not start says why. */
static int session_show_queries(struct session_work *work, struct listing *ret_listing, struct error *error) {
    enum { COLUMNS = 6, STATUS = 2 };
    int status = describe_queries(work->catalog, work->arena, ret_listing, error);
    for (size_t i = 0; i < ret_listing->row_count && !status; i++) {
        struct slice *cells = &ret_listing->cells[COLUMNS * i], failure = session_failure(work->session, cells[0]);
        cleanup(bytes_release) struct bytes text = {0};
        if (!failure.data)
            continue;
        bytes_append_format(&text, "FAILED: %s", failure.data);
        cells[STATUS] = text.failed ? (struct slice){0} : arena_copy(work->arena, bytes_slice(&text));
        status = cells[STATUS].data ? 0 : error_no_memory(error);
    }
    return status;
}

int session_show(struct session_work *work, const struct show_statement *show, struct error *error) {
    struct listing listing;
    int status = 0;
    switch (show->what) {
    case SHOW_STREAMS:
        status = describe_streams(work->catalog, work->arena, &listing, error);
        break;
    case SHOW_TABLES:
        status = describe_tables(work->catalog, work->arena, &listing, error);
        break;
    case SHOW_QUERIES:
        status = session_show_queries(work, &listing, error);
        break;
    case SHOW_TYPES:
        status = describe_types(work->catalog, work->arena, &listing, error);
        break;
    case SHOW_VARIABLES:
        status = describe_variables(&work->session->kept.variables, work->arena, &listing, error);
        break;
    case SHOW_FUNCTIONS:
        return session_show_functions(work, error);
    case SHOW_CONNECTORS:
        return session_show_connectors(work, error);
    case SHOW_PROPERTIES:
        return session_show_settings(work, error);
    case SHOW_TOPICS:
        return session_add(work, &(struct session_effect){.kind = EFFECT_SHOW_TOPICS}, error);
    }
    if (!status)
        status = session_list(work, &listing, error);
    if (!status && show->extended && (show->what == SHOW_STREAMS || show->what == SHOW_TABLES))
        status = session_describe_all(work, show->what == SHOW_STREAMS ? OBJECT_STREAM : OBJECT_TABLE, error);
    return status;
}

static int session_describe_connector(struct session_work *work, const struct identifier *name, struct error *error) {
    for (size_t i = 0; i < work->session->kept.connector_count; i++)
        if (slice_equal(work->session->kept.connectors[i]->name, name->name))
            return session_show_connectors(work, error);
    return place_error(error, name->place, "there is no connector %.*s", names_shown(name->name), name->name.data);
}

/* Of the queries that write the source. */
static int session_ask_counters(struct session_work *work, const struct source *source, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < catalog_query_count(work->catalog) && !status; i++) {
        const struct catalog_query *query = catalog_query_at(work->catalog, i);
        struct slice id =
            slice_equal(query->sink, source->name) ? arena_copy(work->arena, query->id) : (struct slice){0};
        if (id.data)
            status = session_add(work, &(struct session_effect){.kind = EFFECT_COUNTERS, .text = id}, error);
    }
    return status;
}

int session_describe(struct session_work *work, const struct describe_statement *describe, struct error *error) {
    const struct source *source;
    struct listing listing;
    if (describe->all_streams || describe->all_tables)
        return session_describe_all(work, describe->all_streams ? OBJECT_STREAM : OBJECT_TABLE, error);
    if (describe->object == OBJECT_FUNCTION)
        return session_describe_function(work, &describe->name, error);
    if (describe->object == OBJECT_CONNECTOR)
        return session_describe_connector(work, &describe->name, error);
    int status = catalog_find_source(work->catalog, &describe->name, &source, error);
    if (!status)
        status = describe_columns(source, work->arena, &listing, error);
    if (!status)
        status = session_list(work, &listing, error);
    if (!status && describe->extended)
        status = describe_properties(work->catalog, source, work->arena, &listing, error);
    if (!status && describe->extended)
        status = session_list(work, &listing, error);
    return !status && describe->extended ? session_ask_counters(work, source, error) : status;
}

int session_parse_query(struct session_work *work, const struct identifier *id, const struct statement **ret_statement,
                        struct error *error) {
    const struct catalog_query *query;
    struct script script;
    struct statement *statement;
    int status = catalog_find_query(work->catalog, id, &query, error);
    struct slice text = status ? (struct slice){0} : arena_copy(work->arena, query->text);
    if (status || !text.data)
        return status ? status : error_no_memory(error);
    script_open(&script, text, NULL);
    status = script_next(&script, work->arena, &statement, error);
    if (!status)
        *ret_statement = statement;
    return status;
}

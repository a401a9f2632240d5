/* One function for each kind of statement; what the others share (effects, numbers of queries, settings) comes first. */
#include "sql/session/session.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/memory.h"
#include "sql/catalog/properties.h"
#include "sql/catalog/type_resolve.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "sql/syntax/script.h"

void session_kept_release(struct session_kept *kept) {
    catalog_free(kept->catalog);
    variables_release(&kept->variables);
    variables_release(&kept->settings);
    free(kept->connectors);
    *kept = (struct session_kept){0};
}

int session_kept_copy(const struct session_kept *kept, struct session_kept *ret_copy, struct error *error) {
    struct session_kept copy = {.catalog = catalog_copy(kept->catalog), .connector_count = kept->connector_count};
    bool done = copy.catalog && variables_copy(&kept->variables, &copy.variables) &&
                variables_copy(&kept->settings, &copy.settings) &&
                memory_reserve((void **)&copy.connectors, &copy.connector_capacity, copy.connector_count + 1,
                               sizeof(struct session_connector *));
    if (!done) {
        session_kept_release(&copy);
        return error_no_memory(error);
    }
    if (copy.connector_count)
        memcpy(copy.connectors, kept->connectors, copy.connector_count * sizeof(struct session_connector *));
    *ret_copy = copy;
    return 0;
}

int session_new(const struct session_options *options, struct session **ret_session, struct error *error) {
    struct session *session = memory_zero(1, sizeof *session);
    if (!session)
        return error_no_memory(error);
    session->options = *options;
    session->kept.catalog = catalog_new();
    session->sources = plan_sources_new();
    session->planner = (struct planner){.settings = {.nested_errors_null = true, .notes = &session->notes},
                                        .sources = session->sources};
    session->defaults = (struct source_defaults){.wrapped = true, .notes = &session->source_notes};
    if (!session->kept.catalog || !session->sources) {
        session_free(session);
        return error_no_memory(error);
    }
    *ret_session = session;
    return 0;
}

struct session *session_free(struct session *session) {
    if (!session)
        return NULL;
    session_kept_release(&session->kept);
    plan_sources_free(session->sources);
    variables_release(&session->failures);
    for (size_t i = 0; i < session->arena_count; i++) {
        arena_release(session->arenas[i]);
        free(session->arenas[i]);
    }
    free(session->arenas);
    free(session);
    return NULL;
}

const struct catalog *session_catalog(const struct session *session) {
    return session->kept.catalog;
}

void session_pass_known(struct session *session, bool pass) {
    session->pass_known = pass;
}

int session_note_query(struct session *session, struct slice id, struct slice failure, struct error *error) {
    if (failure.data)
        return variables_define(&session->failures, id, failure, error);
    variables_undefine(&session->failures, id);
    return 0;
}

struct slice session_failure(const struct session *session, struct slice id) {
    const struct variable *failure = variables_find(&session->failures, id);
    return failure ? failure->value : (struct slice){0};
}

/* --- settings
 * ------------------------------------------------------------------------------------------------------------------ */

const char *session_setting(const struct session *session, const char *name) {
    const struct variable *setting = variables_find(&session->kept.settings, slice_of(name));
    return setting ? setting->value.data : NULL;
}

const struct source_defaults *session_source_defaults(const struct session *session) {
    return &session->defaults;
}

/* `value` with data NULL: unset. */
static int session_set(struct session *session, struct slice name, struct slice value, struct place place,
                       struct error *error) {
    int status = value.data ? session_check_setting(name, value, place, error) : 0;
    if (status)
        return status;
    if (value.data)
        status = variables_define(&session->kept.settings, name, value, error);
    else
        variables_undefine(&session->kept.settings, name);
    session_apply_settings(session);
    return status;
}

/* --- effects
 * ------------------------------------------------------------------------------------------------------------------ */

int session_add(struct session_work *work, const struct session_effect *effect, struct error *error) {
    if (!memory_reserve((void **)&work->effects, &work->capacity, work->count + 1, sizeof *work->effects))
        return error_no_memory(error);
    work->effects[work->count++] = *effect;
    return 0;
}

/* With `name` as its text, NUL-terminated. */
static int session_add_named(struct session_work *work, const struct session_effect *effect, struct slice name,
                             struct error *error) {
    struct session_effect named = *effect;
    named.text = arena_copy(work->arena, name);
    return named.text.data ? session_add(work, &named, error) : error_no_memory(error);
}

int session_say(struct session_work *work, struct error *error, const char *format, ...) {
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct slice copy = arena_copy(work->arena, (struct slice){text, length < 0                     ? 0
                                                                     : (size_t)length < sizeof text ? (size_t)length
                                                                                                    : sizeof text - 1});
    return copy.data ? session_add(work, &(struct session_effect){.kind = EFFECT_MESSAGE, .text = copy}, error)
                     : error_no_memory(error);
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

static int session_stop_query(struct session_work *work, struct slice id, struct error *error) {
    struct slice copy = arena_copy(work->arena, id);
    if (!copy.data)
        return error_no_memory(error);
    return session_add(work, &(struct session_effect){.kind = EFFECT_QUERY_STOP, .text = copy}, error);
}

static int session_drop_connector(struct session_work *work, const struct drop_statement *drop, struct error *error) {
    struct session *session = work->session;
    for (size_t i = 0; i < session->kept.connector_count; i++)
        if (slice_equal(session->kept.connectors[i]->name, drop->name.name)) {
            struct slice name = session->kept.connectors[i]->name;
            session->kept.connectors[i] = session->kept.connectors[--session->kept.connector_count];
            return session_add(work, &(struct session_effect){.kind = EFFECT_CONNECTOR_STOP, .text = name}, error);
        }
    return (work->passed_by = drop->if_exists || session->pass_known)
               ? 0
               : place_error(error, drop->name.place, "there is no connector %.*s", names_shown(drop->name.name),
                             drop->name.name.data);
}

static int session_drop(struct session_work *work, const struct drop_statement *drop, struct error *error) {
    const struct source *dropped;
    bool gone = drop->object == OBJECT_TYPE ? !catalog_type(work->catalog, drop->name.name)
                                            : !catalog_source(work->catalog, drop->name.name);
    if (drop->object == OBJECT_CONNECTOR)
        return session_drop_connector(work, drop, error);
    if (gone && work->session->pass_known) {
        work->passed_by = true;
        return 0;
    }
    if (drop->object == OBJECT_TYPE) {
        int status = catalog_drop_type(work->catalog, drop, error);
        return status
                   ? status
                   : session_say(work, error, "type %.*s dropped", names_shown(drop->name.name), drop->name.name.data);
    }
    int status = catalog_drop_source(work->catalog, drop, work->arena, &dropped, error);
    if (status || !dropped)
        return status ? status
                      : session_say(work, error, "there is no source %.*s", names_shown(drop->name.name),
                                    drop->name.name.data);
    if (dropped->query.data)
        status = session_stop_query(work, dropped->query, error);
    if (!status && drop->delete_topic)
        status =
            session_add(work, &(struct session_effect){.kind = EFFECT_TOPIC_DELETE, .text = dropped->topic}, error);
    return status ? status
                  : session_say(work, error, "%s %.*s dropped", source_kind(dropped), names_shown(dropped->name),
                                dropped->name.data);
}

static int session_terminate(struct session_work *work, const struct target_statement *target, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < catalog_query_count(work->catalog) && !status; i++) {
        const struct catalog_query *query = catalog_query_at(work->catalog, i);
        if (target->all || slice_equal(query->id, target->query.name))
            status = session_stop_query(work, query->id, error);
    }
    return status ? status : catalog_terminate(work->catalog, target, error);
}

static int session_create_connector(struct session_work *work, const struct connector_statement *statement,
                                    struct error *error) {
    struct session *session = work->session;
    struct session_connector *connector = arena_allocate(work->arena, sizeof *connector);
    if (!connector || !memory_reserve((void **)&session->kept.connectors, &session->kept.connector_capacity,
                                      session->kept.connector_count + 1, sizeof(struct session_connector *)))
        return error_no_memory(error);
    for (size_t i = 0; i < session->kept.connector_count; i++)
        if (slice_equal(session->kept.connectors[i]->name, statement->name.name))
            return (work->passed_by = statement->if_not_exists || session->pass_known)
                       ? 0
                       : place_error(error, statement->name.place, "there is a connector %.*s already",
                                     names_shown(statement->name.name), statement->name.name.data);
    int known = work->recalled ? 0 : session_check_connector(work, statement, error);
    if (known)
        return known;
    *connector = (struct session_connector){statement->name.name, statement->sink, &statement->properties};
    int status =
        session_add(work, &(struct session_effect){.kind = EFFECT_CONNECTOR_START, .connector = connector}, error);
    if (!status)
        session->kept.connectors[session->kept.connector_count++] = connector;
    return status;
}

static int session_create_type(struct session_work *work, const struct type_statement *statement, struct error *error) {
    const struct type *known = catalog_type(work->catalog, statement->name.name), *wanted;
    if (known && work->session->pass_known &&
        type_resolve(statement->type, work->catalog, work->arena, &wanted, error) == 0 && type_equal(known, wanted)) {
        work->passed_by = true;
        return 0;
    }
    return catalog_create_type(work->catalog, statement, error);
}

static bool session_has_columns(const struct source *source, const struct session_work *work,
                                const struct column_list *columns, struct error *error) {
    for (size_t i = 0; i < columns->count; i++) {
        const struct source_column *known = source_column(source, columns->items[i].name.name);
        const struct type *wanted;
        if (!known || type_resolve(columns->items[i].type, work->catalog, work->arena, &wanted, error) ||
            !type_equal(known->type, wanted))
            return false;
    }
    return true;
}

static int session_alter(struct session_work *work, const struct alter_statement *alter, struct error *error) {
    const struct source *known = catalog_source(work->catalog, alter->name.name);
    if (known && work->session->pass_known && session_has_columns(known, work, &alter->columns, error)) {
        work->passed_by = true;
        return 0;
    }
    return catalog_alter(work->catalog, alter, error);
}

static int session_unsupported(const struct statement *statement, const char *what, const char *instead,
                               struct error *error) {
    place_error(error, statement->place, "%s is not there: %s", what, instead);
    return error->code = ERROR_UNSUPPORTED;
}

int session_statement(struct session_work *work, const struct statement *statement, struct error *error) {
    struct session *session = work->session;
    work->statement = statement;
    session->notes = (struct compile_notes){0};
    session->source_notes = (struct source_notes){0};
    switch (statement->kind) {
    case STATEMENT_CREATE:
        return session_create(work, &statement->create, error);
    case STATEMENT_INSERT_VALUES:
        return session_insert_values(work, &statement->insert, error);
    case STATEMENT_INSERT_SELECT:
        return session_insert_select(work, &statement->insert, error);
    case STATEMENT_SELECT:
        return session_select(work, statement->select, error);
    case STATEMENT_DROP:
        return session_drop(work, &statement->drop, error);
    case STATEMENT_ALTER:
        return session_alter(work, &statement->alter, error);
    case STATEMENT_CREATE_CONNECTOR:
        return session_create_connector(work, &statement->connector, error);
    case STATEMENT_CREATE_TYPE:
        return session_create_type(work, &statement->type, error);
    case STATEMENT_SHOW:
        return session_show(work, &statement->show, error);
    case STATEMENT_DESCRIBE:
        return session_describe(work, &statement->describe, error);
    case STATEMENT_EXPLAIN:
        return session_explain(work, &statement->explain, error);
    case STATEMENT_TERMINATE:
        return session_terminate(work, &statement->target, error);
    case STATEMENT_PAUSE:
    case STATEMENT_RESUME:
        return session_unsupported(statement, statement->kind == STATEMENT_PAUSE ? "PAUSE" : "RESUME",
                                   "a query runs or is ended by TERMINATE; the run that works on it may be ended and "
                                   "started again, and goes on where it was",
                                   error);
    case STATEMENT_SET:
    case STATEMENT_ALTER_SYSTEM:
        return session_set(session, statement->setting.name.name, statement->setting.value,
                           statement->setting.name.place, error);
    case STATEMENT_UNSET:
        return session_set(session, statement->setting.name.name, (struct slice){0}, statement->place, error);
    case STATEMENT_DEFINE:
    case STATEMENT_UNDEFINE:
        return 0; /* the script has done it */
    case STATEMENT_PRINT:
        return session_add_named(work, &(struct session_effect){.kind = EFFECT_PRINT, .print = &statement->print},
                                 statement->print.topic.name, error);
    case STATEMENT_RUN_SCRIPT:
        return session_add_named(work, &(struct session_effect){.kind = EFFECT_RUN_SCRIPT}, statement->file, error);
    case STATEMENT_ASSERT:
        return session_unsupported(statement, "ASSERT", "meterline test compares the records of topics", error);
    }
    return session_unsupported(statement, "this statement", "docs/sql.md lists those that are", error);
}

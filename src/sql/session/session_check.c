/* What could not run is refused where it is said: connectors that cannot start, queries that go round in circles, and,
 * where the log is at hand, topics whose partitions do not fit together. */
#include "core/memory.h"
#include "sql/catalog/properties.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include "stream/sink/connector.h"

/* --- connectors
 * ------------------------------------------------------------------------------------------------------------------ */

/* A string among the properties, NUL-terminated; NULL: not given. *place becomes its place. */
static const char *check_property(struct session_work *work, const struct connector_statement *statement,
                                  const char *name) {
    const struct property *property = property_of(&statement->properties, name);
    return property && property->value->kind == EXPRESSION_STRING ? arena_copy(work->arena, property->value->text).data
                                                                  : NULL;
}

int session_check_connector(struct session_work *work, const struct connector_statement *statement,
                            struct error *error) {
    struct connector_definition definition = {.name = arena_copy(work->arena, statement->name.name).data,
                                              .type = check_property(work, statement, "type"),
                                              .topics = check_property(work, statement, "topics"),
                                              .url = check_property(work, statement, "url"),
                                              .authorization = check_property(work, statement, "authorization")};
    if (!statement->sink)
        return place_error(
            error, statement->name.place,
            "source connectors are not there: `meterline replay` and clients of the log bring records in");
    int status = connector_validate(&definition, error);
    if (status != ERROR_INVALID && status != ERROR_UNSUPPORTED)
        return status;
    struct error why = *error;
    return place_error(error, statement->name.place, "connector %.*s: %s", names_shown(statement->name.name),
                       statement->name.name.data, why.message);
}

/* --- circles
 * ------------------------------------------------------------------------------------------------------------------ */

static struct slice check_topic_of(const struct session_work *work, struct slice source) {
    const struct source *found = catalog_source(work->catalog, source);
    return found ? found->topic : (struct slice){0};
}

static bool check_reads(const struct session_work *work, const struct catalog_query *query, struct slice topic) {
    for (size_t i = 0; i < query->input_count; i++)
        if (slice_equal(check_topic_of(work, query->inputs[i]), topic))
            return true;
    return false;
}

/* Follows what is written to `topic` from query to query, each once, until `back` reads it; the query that does so
 * before it, or NULL. */
static const struct catalog_query *check_follow(const struct session_work *work, const struct catalog_query *back,
                                                struct slice topic, bool *followed) {
    for (size_t i = 0; i < catalog_query_count(work->catalog); i++) {
        const struct catalog_query *query = catalog_query_at(work->catalog, i);
        struct slice sink = check_topic_of(work, query->sink);
        if (followed[i] || !sink.data || !check_reads(work, query, topic))
            continue;
        followed[i] = true;
        if (query == back || check_reads(work, back, sink))
            return query;
        const struct catalog_query *found = check_follow(work, back, sink, followed);
        if (found)
            return found;
    }
    return NULL;
}

int session_check_circle(struct session_work *work, struct slice id, struct place place, struct error *error) {
    const struct catalog_query *query;
    struct identifier name = {.name = id, .place = place};
    int status = catalog_find_query(work->catalog, &name, &query, error);
    bool *followed = status ? NULL : memory_zero(catalog_query_count(work->catalog), sizeof *followed);
    if (!followed)
        return status ? status : error_no_memory(error);
    const struct catalog_query *last = check_follow(work, query, check_topic_of(work, query->sink), followed);
    free(followed);
    if (!last)
        return 0;
    return last == query ? place_error(error, place, "%.*s would be filled from itself, round and round for ever",
                                       names_shown(query->sink), query->sink.data)
                         : place_error(error, place,
                                       "%.*s would be filled from itself, round and round for ever, over %.*s, which "
                                       "query %.*s fills",
                                       names_shown(query->sink), query->sink.data, names_shown(last->sink),
                                       last->sink.data, names_shown(last->id), last->id.data);
}

/* --- partitions
 * ------------------------------------------------------------------------------------------------------------------ */

/* What the script at hand says of a topic that is not there yet; 0: nothing. */
static int32_t check_planned(const struct session_work *work, const char *topic) {
    for (size_t i = 0; i < work->count; i++) {
        const struct session_effect *effect = &work->effects[i];
        if (effect->kind == EFFECT_TOPIC && strcmp(effect->sink->topic, topic) == 0)
            return effect->sink->partitions;
        if (effect->kind == EFFECT_QUERY_START && slice_equal(effect->source->topic, slice_of(topic)))
            return (int32_t)effect->source->partitions;
    }
    return 0;
}

/* 0: it is not known before it is made. */
static int check_partitions(const struct session_work *work, const char *topic, int32_t *ret_partitions,
                            struct error *error) {
    struct bus_topic_info info;
    struct error missing;
    int status = bus_topic_describe(work->session->options.bus, topic, &info, &missing);
    *ret_partitions = status ? check_planned(work, topic) : info.settings.partitions;
    if (!status)
        bus_topic_info_release(&info);
    else if (status != ERROR_NOT_FOUND && status != ERROR_INVALID)
        *error = missing;
    return status == ERROR_NOT_FOUND || status == ERROR_INVALID ? 0 : status;
}

static int check_stage(const struct session_work *work, const struct stage_plan *stage, struct place place,
                       struct error *error) {
    const char *first = NULL;
    int32_t expected = 0, partitions;
    for (size_t i = 0; i < stage->source_count; i++) {
        const struct source_plan *source = stage->sources[i]->source;
        if (source->internal)
            continue;
        int status = check_partitions(work, source->topic, &partitions, error);
        if (status)
            return status;
        if (stage->single_partition && partitions > 1)
            return place_error(error, place,
                               "tables that are joined by a column that is not their key need topics of one partition; "
                               "%s has %d: copy the tables by queries WITH (PARTITIONS = 1)",
                               source->topic, (int)partitions);
        if (partitions && expected && partitions != expected)
            return place_error(error, place,
                               "topics that are joined need the same number of partitions: %s has %d, %s has %d; make "
                               "one of them anew, or copy it by a query WITH (PARTITIONS = %d)",
                               first, (int)expected, source->topic, (int)partitions, (int)expected);
        if (partitions) {
            first = source->topic;
            expected = partitions;
        }
    }
    return 0;
}

int session_check_partitions(struct session_work *work, const struct query_plan *plan, struct place place,
                             struct error *error) {
    int status = 0;
    for (size_t i = 0; i < plan->stage_count && work->session->options.bus && !status; i++)
        status = check_stage(work, &plan->stages[i], place, error);
    return status;
}

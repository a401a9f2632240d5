/* What a part of a script makes last, in one transaction of one producer:
 *
 *     topics that are missing          each alone; empty ones harm nothing, and are found by the next try
 *     ┌ records of INSERT INTO .. VALUES
 *     └ statements, on the command topic     committed together: all or nothing
 *     topics that are deleted          when their statements have been committed
 */
#include "sql/session/sql_session.h"

#include <string.h>

static int keep_topic(struct sql_session *sql, const struct sink_plan *sink, struct error *error) {
    struct bus_topic_settings settings = {.partitions = sink->partitions,
                                          .retention_time =
                                              sink->retention >= 0 ? sink->retention : BUS_RETENTION_DEFAULT,
                                          .retention_bytes = BUS_RETENTION_DEFAULT,
                                          .compacted = sink->compacted};
    int32_t partitions;
    return bus_topic_ensure(sql->bus, sink->topic, &settings, &partitions, error);
}

static int keep_record(struct sql_session *sql, const struct sink_plan *sink, const struct bus_record *record,
                       struct error *error) {
    int32_t topic, partitions;
    int status = bus_producer_topic(sql->producer, sink->topic, NULL, &topic, &partitions, error);
    return status ? status
                  : bus_produce(sql->producer, topic, record->key.data ? bus_partition(record->key, partitions) : 0,
                                record, error);
}

/* Has the insert been run before? Of equal ones as many have been as the command topic holds. */
static int keep_is_known(struct sql_session *sql, const struct session_effect *effect, bool *ret_known,
                         struct error *error) {
    size_t times = 0;
    int status = sql->again ? commands_times(sql->commands, sql->known, effect->text, &times, error) : 0;
    *ret_known = effect->ordinal <= times;
    return status;
}

static int keep_effect(struct sql_session *sql, const struct session_effect *effect, struct error *error) {
    struct kept_statement kept = {.text = effect->text, .settings = effect->settings};
    bool record = effect->kind == EFFECT_RECORD, insert = effect->ordinal > 0, known = false;
    if (!record && effect->kind != EFFECT_STATEMENT)
        return 0;
    int status = insert ? keep_is_known(sql, effect, &known, error) : 0;
    if (status || known || (insert && !record && !sql->again))
        return status;
    return record ? keep_record(sql, effect->sink, &effect->record, error)
                  : commands_append(sql->commands, sql->producer, &kept, error);
}

static int keep_open(struct sql_session *sql, struct error *error) {
    struct bus_producer_options options = {0};
    return sql->producer ? 0 : bus_producer_open(sql->bus, &options, &sql->producer, error);
}

static int keep_commit(struct sql_session *sql, const struct session_effect *effects, size_t count,
                       struct error *error) {
    int status = keep_open(sql, error);
    if (status)
        return status;
    for (size_t i = 0; i < count && !status; i++)
        status = keep_effect(sql, &effects[i], error);
    if (!status && bus_producer_pending_records(sql->producer))
        status = bus_producer_commit(sql->producer, NULL, 0, error);
    if (status)
        bus_producer_abort(sql->producer); /* or the next part would take this one along */
    commands_settle(sql->commands, !status);
    return status;
}

/* A topic that is gone already is as it should be. */
static int keep_delete(struct sql_session *sql, const char *topic, struct error *error) {
    int status = bus_topic_delete(sql->bus, topic, error);
    return status == ERROR_NOT_FOUND ? 0 : status;
}

static bool keep_has(const struct session_effect *effects, size_t count, enum session_effect_kind kind) {
    for (size_t i = 0; i < count; i++)
        if (effects[i].kind == kind)
            return true;
    return false;
}

int sql_keep(void *context, const struct session_effect *effects, size_t count, struct error *error) {
    struct sql_session *sql = context;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++)
        if (effects[i].kind == EFFECT_TOPIC)
            status = keep_topic(sql, effects[i].sink, error);
    if (!status && (keep_has(effects, count, EFFECT_RECORD) || keep_has(effects, count, EFFECT_STATEMENT)))
        status = keep_commit(sql, effects, count, error);
    return status;
}

int sql_keep_done(struct sql_session *sql, const struct session_effect *effect, struct error *error) {
    return effect->kind == EFFECT_TOPIC_DELETE ? keep_delete(sql, effect->text.data, error) : 0;
}

int sql_session_note_query(struct sql_session *sql, const char *id, const char *failure, struct error *error) {
    struct kept_statement kept = {.query = slice_of(id), .text = failure ? slice_of(failure) : (struct slice){0}};
    struct slice known = session_failure(sql->session, kept.query);
    if (!known.data == !failure && (!failure || strcmp(known.data, failure) == 0))
        return 0;
    int status = keep_open(sql, error);
    if (!status)
        status = commands_append(sql->commands, sql->producer, &kept, error);
    if (!status)
        status = bus_producer_commit(sql->producer, NULL, 0, error);
    if (status && sql->producer)
        bus_producer_abort(sql->producer);
    return status ? status : session_note_query(sql->session, kept.query, kept.text, error);
}

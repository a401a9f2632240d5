/* The effects of statements on a log: topics are made, records written, statements kept. What a session hands out is
 * executed in its order; a statement is kept by the transaction that does what it says. */
#include "cli/sql_session.h"

#include <stdio.h>

#define CATCH_UP_WAIT_NS     INT64_C(200000000)
#define CATCH_UP_PATIENCE_NS INT64_C(5000000000)

static int sql_topic(struct sql_session *sql, const struct sink_plan *sink, struct error *error) {
    struct bus_topic_settings settings = {.partitions = sink->partitions,
                                          .retention_time =
                                              sink->retention >= 0 ? sink->retention : BUS_RETENTION_DEFAULT,
                                          .retention_bytes = BUS_RETENTION_DEFAULT,
                                          .compacted = sink->compacted};
    int32_t partitions;
    return bus_topic_ensure(sql->bus, sink->topic, &settings, &partitions, error);
}

static int sql_record(struct sql_session *sql, const struct sink_plan *sink, const struct bus_record *record,
                      struct error *error) {
    struct bus_producer_options options = {0};
    int32_t topic, partitions;
    int status = sql->producer ? 0 : bus_producer_open(sql->bus, &options, &sql->producer, error);
    if (!status)
        status = bus_producer_topic(sql->producer, sink->topic, NULL, &topic, &partitions, error);
    if (!status)
        status = bus_produce(sql->producer, topic, record->key.data ? bus_partition(record->key, partitions) : 0,
                             record, error);
    if (!status)
        status = bus_producer_commit(sql->producer, NULL, 0, error);
    if (status && sql->producer)
        bus_producer_abort(sql->producer); /* or the next row would take this one along */
    return status;
}

static int sql_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct sql_session *sql = context;
    switch (effect->kind) {
    case EFFECT_TOPIC:
        return sql->replaying ? 0 : sql_topic(sql, effect->sink, error);
    case EFFECT_TOPIC_DELETE:
        return sql->replaying ? 0 : bus_topic_delete(sql->bus, effect->text.data, error);
    case EFFECT_RECORD:
        return sql->replaying || commands_has(sql->commands, sql->known, effect->text)
                   ? 0
                   : sql_record(sql, effect->sink, &effect->record, error);
    case EFFECT_STATEMENT:
        return sql->replaying ||
                       (effect->inserts && (!sql->again || commands_has(sql->commands, SIZE_MAX, effect->text)))
                   ? 0
                   : commands_append(sql->commands, effect->text, error);
    default:
        return sql->effect(sql->context, effect, error);
    }
}

/* A statement of the command topic that does not fit is somebody's mistake or a race of two prompts: it is told, and
 * the others go on. */
static int sql_replay(void *context, struct slice text, struct error *error) {
    struct sql_session *sql = context;
    sql->replaying = true;
    session_pass_known(sql->session, true);
    int status = session_execute(sql->session, text, sql_effect, sql, error);
    session_pass_known(sql->session, false);
    sql->replaying = false;
    if (status != ERROR_INVALID && status != ERROR_EXISTS && status != ERROR_NOT_FOUND && status != ERROR_CONFLICT &&
        status != ERROR_UNSUPPORTED)
        return status;
    log_write(sql->log, LOG_WARNING, "a statement of topic " COMMANDS_TOPIC " cannot be run: %s", error->message);
    return 0;
}

/* What the command topic holds must be known before anything is said; the log may need a moment. */
static int sql_catch_up_surely(struct sql_session *sql, struct error *error) {
    int64_t begin = clock_monotonic_ns(&clock_system);
    int status = sql_session_catch_up(sql, error);
    while (status && error->retriable && clock_monotonic_ns(&clock_system) - begin < CATCH_UP_PATIENCE_NS) {
        clock_sleep_ns(&clock_system, CATCH_UP_WAIT_NS);
        status = sql_session_catch_up(sql, error);
    }
    return status;
}

int sql_session_open(struct sql_session *sql, struct bus *bus, const struct log *log,
                     int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                     void *context, struct error *error) {
    struct session_options options = {.registry = bus_registry(bus), .clock = &clock_system};
    *sql = (struct sql_session){.bus = bus, .log = log, .effect = effect, .context = context};
    int status = session_new(&options, &sql->session, error);
    if (!status)
        status = commands_open(bus, &clock_system, &sql->commands, error);
    if (!status)
        status = sql_catch_up_surely(sql, error);
    if (status)
        sql_session_close(sql);
    return status;
}

void sql_session_close(struct sql_session *sql) {
    sql->producer = bus_producer_close(sql->producer);
    sql->commands = commands_close(sql->commands);
    sql->session = session_free(sql->session);
}

int sql_session_catch_up(struct sql_session *sql, struct error *error) {
    return commands_read(sql->commands, sql_replay, sql, error);
}

/* A script that is run again must not insert its rows again; they are found word for word in the command topic. */
int sql_session_execute(struct sql_session *sql, struct slice text, bool again, struct error *error) {
    int status = sql_session_catch_up(sql, error);
    if (status)
        return status;
    session_pass_known(sql->session, again);
    sql->again = again;
    sql->known = again ? commands_count(sql->commands) : 0;
    status = session_execute(sql->session, text, sql_effect, sql, error);
    sql->again = false;
    session_pass_known(sql->session, false);
    return status;
}

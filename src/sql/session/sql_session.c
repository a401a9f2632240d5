/* The effects of statements on a log: topics are made, records written, statements kept. What a session hands out is
 * executed in its order; a statement is kept by the transaction that does what it says. */
#include "sql/session/sql_session.h"

#define CATCH_UP_WAIT_NS     INT64_C(200000000)
#define CATCH_UP_PATIENCE_NS INT64_C(5000000000)

static int sql_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct sql_session *sql = context;
    int status = sql_keep_done(sql, effect, error);
    return status ? status : sql->effect(sql->context, effect, error);
}

/* What others have said is in the log already; only this program has not done it. What it cannot do now it has not
 * heard: the statement comes again. */
static int sql_redo(void *context, const struct session_effect *effects, size_t count, struct error *error) {
    struct sql_session *sql = context;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++)
        status = sql->effect(sql->context, &effects[i], error);
    return status;
}

/* A statement of the command topic that does not fit is a mistake or a race of two prompts: it is logged, and the
 * others go on. */
static int sql_replay(void *context, const struct kept_statement *kept, struct error *error) {
    struct sql_session *sql = context;
    if (kept->query.data)
        return session_note_query(sql->session, kept->query, kept->text, error);
    struct session_script script = {.text = kept->text, .recalled = true, .settings = kept->settings};
    struct session_door door = {.keep = sql_redo, .context = sql};
    sql->replaying = true;
    session_pass_known(sql->session, true);
    int status = session_run(sql->session, &script, &door, error);
    session_pass_known(sql->session, false);
    sql->replaying = false;
    bool wrong = status == ERROR_INVALID || status == ERROR_EXISTS || status == ERROR_NOT_FOUND ||
                 status == ERROR_CONFLICT || status == ERROR_UNSUPPORTED;
    if (!wrong || error->retriable)
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
    struct session_options options = {.registry = bus_registry(bus), .clock = &clock_system, .bus = bus};
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

int sql_session_execute(struct sql_session *sql, struct slice text, bool again, struct error *error) {
    int status = sql_catch_up_surely(sql, error);
    if (status)
        return status;
    session_pass_known(sql->session, again);
    sql->again = again;
    sql->known = again ? commands_count(sql->commands) : 0;
    struct session_script script = {.text = text};
    struct session_door door = {sql_keep, sql_effect, sql};
    status = session_run(sql->session, &script, &door, error);
    sql->again = false;
    session_pass_known(sql->session, false);
    return status;
}

/* Statements on a log: a session that knows what the command topic holds, and does what statements ask for: topics,
 * records, what is kept. For `sql` and `run`. */
#ifndef METERLINE_SQL_SESSION_SQL_SESSION_H
#define METERLINE_SQL_SESSION_SQL_SESSION_H

#include "bus/bus.h"
#include "sql/session/commands.h"
#include "sql/session/session.h"

struct sql_session {
    struct bus *bus;
    struct session *session;
    struct commands *commands;
    struct bus_producer *producer;
    /* the script under way may have been run before: rows that it has inserted, which are among the first `known`
     * commands, are not inserted again; equal inserts of one script count one by one */
    bool again;
    size_t known;
    bool replaying; /* what the command topic holds is run: topics, records and the topic itself are done already */
    /* Every effect that is not done here; called with `context`. */
    int (*effect)(void *context, const struct session_effect *effect, struct error *error);
    void *context;
    const struct log *log;
};

/* `bus` outlives it. What the command topic holds has been run when it returns; its queries were handed to `effect`. */
int sql_session_open(struct sql_session *sql, struct bus *bus, const struct log *log,
                     int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                     void *context, struct error *error);
void sql_session_close(struct sql_session *sql);
/* Of the door of a script (sql_keep.c): what is kept, and what is done when it has been. */
int sql_keep(void *sql, const struct session_effect *effects, size_t count, struct error *error);
int sql_keep_done(struct sql_session *sql, const struct session_effect *effect, struct error *error);
/* Runs what others have said since. */
int sql_session_catch_up(struct sql_session *sql, struct error *error);
/* Says to every program on the log why a query cannot run (NULL: it runs), unless that is known. */
int sql_session_note_query(struct sql_session *sql, const char *id, const char *failure, struct error *error);
/* Runs a script. `again`: it may have been run before; statements that are there word for word are passed by. */
int sql_session_execute(struct sql_session *sql, struct slice text, bool again, struct error *error);

#endif

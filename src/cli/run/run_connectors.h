/* The connectors of a run: those that options ask for, and those of statements. Each goes on by itself; at the end of
 * the run they are ended together.
 *
 *     drain (--until-end) ─▶ all has been brought over ────────────────▶ closed
 *            │ the targets have taken nothing for `limit`, or the user asked to stop
 *            ▼
 *          ended at once ─▶ within PATIENCE ─▶ closed
 *                              │ a target does not answer
 *                              ▼
 *                          abandoned: the thread is left waiting, and the process must not free what it uses */
#ifndef METERLINE_CLI_RUN_RUN_CONNECTORS_H
#define METERLINE_CLI_RUN_RUN_CONNECTORS_H

#include "sql/session/session.h"
#include "stream/sink/connector.h"

enum { RUN_CONNECTORS_MAXIMUM = 64 };

struct run_connectors {
    struct connector_settings settings;
    struct store_taps taps;
    int64_t limit; /* ms: how long a drain waits for targets that take nothing */
    const struct session_connector *wanted[RUN_CONNECTORS_MAXIMUM]; /* to be started */
    size_t wanted_count;
    struct connector_definition added[RUN_CONNECTORS_MAXIMUM]; /* by options, in `arena` */
    size_t added_count;
    struct arena arena;
    bool started; /* what is wanted from now on starts at once */
    struct connector *running[2 * RUN_CONNECTORS_MAXIMUM];
    size_t count; /* also of those that were dropped, and may not have ended yet */
    struct connector *dropped[2 * RUN_CONNECTORS_MAXIMUM];
    size_t dropped_count;
    /* What is known of one of a statement: why it has failed, or NULL that it runs. NULL: it is not wanted. */
    void (*note)(void *context, const char *name, const char *failure);
    void *note_context;
    int status; /* of the first that could not be started, or has failed */
    struct error error;
    bool required_failed; /* it was a required one; otherwise a user who asks to stop has been told, and gets 0 */
    bool abandoned;
};

/* `settings->taps` is set to the connectors' own. */
void run_connectors_open(struct run_connectors *connectors, const struct connector_settings *settings, int64_t limit);
void run_connectors_release(struct run_connectors *connectors); /* after run_connectors_end, and when no query runs */
/* A connector that options ask for; started with those that are wanted. Copied. */
int run_connectors_add(struct run_connectors *connectors, const struct connector_definition *definition,
                       struct error *error);
/* Those that were added begin with the oldest record. */
int run_connectors_reset(const struct run_connectors *connectors, struct error *error);
/* One of a statement: at run_connectors_start_wanted, or at once when that has been. One that cannot start is logged,
 * and holds up nothing else; run_connectors_end returns its error. */
int run_connectors_want(struct run_connectors *connectors, const struct session_connector *connector,
                        struct error *error);
/* Before the queries start: what they write for wanted connectors to the store is not read back. */
int run_connectors_tap_wanted(struct run_connectors *connectors, struct error *error);
/* The error of one that was added; those of statements are logged. */
int run_connectors_start_wanted(struct run_connectors *connectors, struct error *error);
/* Notes those that have failed since the last time. */
void run_connectors_look(struct run_connectors *connectors);
void run_connectors_drop(struct run_connectors *connectors, struct slice name);
/* Ends all; `drain`: when they have brought over what is in their topics. `asked`: the user asks to stop, which also
 * ends a drain, and then what was not delivered is logged only. The first error of one. */
int run_connectors_end(struct run_connectors *connectors, bool drain, const atomic_bool *asked, struct error *error);

#endif

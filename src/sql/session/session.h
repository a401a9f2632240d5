/* A session: what statements do. It owns a catalog, the variables and settings, and the plans of the queries; what
 * is to happen outside (topics, running queries, records, answers) it gives out as effects.
 *
 * A script is tried as a whole on a copy of the catalog: only when every statement has passed does the copy take the
 * catalog's place, and the effects are handed out in the order of the statements. A script that is rejected leaves
 * nothing behind.
 *
 * What a script makes last is kept in parts, each as a whole; a part ends with a statement that looks at the log, and
 * with one that deletes a topic:
 *
 *     CREATE STREAM S ..; INSERT INTO S ..; SELECT * FROM S;   INSERT INTO S ..; DROP STREAM S DELETE TOPIC;   SET ..
 *     ├──────────── part: keep, then its effects ─────────────┼────────────────── part ─────────────────────┼─ part ─
 *
 * When a part cannot be kept, the session goes back to where the part before has left it: it never knows more than
 * the log does. One thread. */
#ifndef METERLINE_SQL_SESSION_SESSION_H
#define METERLINE_SQL_SESSION_SESSION_H

#include "bus/bus.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/describe.h"
#include "sql/plan/plan.h"
#include "sql/syntax/variables.h"

enum session_effect_kind {
    /* Texts end with a NUL byte. */
    EFFECT_MESSAGE, /* text: "stream READINGS created" */
    EFFECT_LISTING, /* listing: what SHOW and DESCRIBE answer */
    EFFECT_TEXT,    /* text: EXPLAIN */
    /* sink: the topic of a declared source, with its partitions when they are given (else it may be missing yet) */
    EFFECT_TOPIC,
    EFFECT_TOPIC_DELETE,    /* text: its name */
    EFFECT_QUERY_START,     /* query, text: its statement */
    EFFECT_QUERY_STOP,      /* text: its id */
    EFFECT_SELECT,          /* query (its sink writes to nowhere: rows for the caller), select */
    EFFECT_RECORD,          /* sink, record: INSERT INTO .. VALUES; text: the statement */
    EFFECT_CONNECTOR_START, /* connector */
    EFFECT_CONNECTOR_STOP,  /* text: its name */
    EFFECT_PRINT,           /* print, text: the topic */
    EFFECT_COUNTERS,        /* text: the id of a query, whose counters are asked for */
    EFFECT_SHOW_TOPICS,     /* the log knows them */
    EFFECT_RUN_SCRIPT,      /* text: a file */
    /* text, settings: a statement that lasts has passed: to be kept for the next start (after its other effects);
     * ordinal above 0: INSERT INTO .. VALUES, which is only to be known when the same file is run again */
    EFFECT_STATEMENT,
};

struct session_connector {
    struct slice name;
    bool sink;
    const struct property_list *properties;
};

struct session_effect {
    enum session_effect_kind kind;
    struct slice text;
    struct listing listing;
    const struct query_plan *query;
    const struct select_query *select;
    const struct plan_result *result;
    const struct plan_lookup *lookup; /* with select: how its records are found; NULL: by reading all */
    const struct source *source;
    const struct sink_plan *sink;
    struct bus_record record;
    const struct session_connector *connector;
    const struct print_statement *print;
    struct slice settings; /* a JSON object, or data NULL: what its meaning depends on */
    size_t ordinal;        /* of INSERT INTO .. VALUES: the first of this very text in its script is 1, ... */
};

struct session_options {
    const struct registry *registry; /* NULL: none; schemas of sources without columns, AVRO in INSERT INTO .. VALUES */
    const struct clock *clock;
    struct bus *bus; /* the log, whose topics are looked at; NULL: it is not at hand */
};

struct session;

int session_new(const struct session_options *options, struct session **ret_session, struct error *error);
struct session *session_free(struct session *session); /* plans given out are gone then */
const struct catalog *session_catalog(const struct session *session);
/* Statements that have been run before, word for word, and drops of what is not there are passed by: for files that
 * are run again, and for what is kept. */
void session_pass_known(struct session *session, bool pass);
/* What a running program says of a query: why it cannot run (data NULL: it runs), for SHOW QUERIES; of a connector,
 * under this and its name, for SHOW CONNECTORS. */
#define SESSION_CONNECTOR_ID "connector "
int session_note_query(struct session *session, struct slice id, struct slice failure, struct error *error);
/* Why a query cannot run; data NULL: it can, for all that is known. Ends with a NUL byte. */
struct slice session_failure(const struct session *session, struct slice id);
/* Value of a setting (SET 'name' = 'value'), or NULL. */
const char *session_setting(const struct session *session, const char *name);
/* What the settings say for what WITH leaves out. */
const struct source_defaults *session_source_defaults(const struct session *session);

/* Runs every statement of a script. The door is used when all have passed. What an effect points to lives as long as
 * the session. */
struct session_script {
    struct slice text;
    /* A statement that was kept: its settings, instead of those of the session, and no variables in its text. */
    bool recalled;
    struct slice settings;
};

/* Where effects go; both may be NULL. */
struct session_door {
    /* Keeps what a part makes last, all of it or nothing: topics, records, statements. An error ends the script, and
     * the part has not been. */
    int (*keep)(void *context, const struct session_effect *effects, size_t count, struct error *error);
    /* Every effect of the part, one by one; the first error ends the script. */
    int (*effect)(void *context, const struct session_effect *effect, struct error *error);
    void *context;
};

int session_run(struct session *session, const struct session_script *script, const struct session_door *door,
                struct error *error);
/* The same for a text, when nothing is kept. */
int session_execute(struct session *session, struct slice text,
                    int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                    void *context, struct error *error);

#endif

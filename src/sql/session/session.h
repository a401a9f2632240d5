/* A session: what statements do. It owns a catalog, the variables and settings, and the plans of the queries; what
 * is to happen outside (topics, running queries, records, answers) it gives out as effects.
 *
 * A script is tried as a whole on a copy of the catalog: only when every statement has passed does the copy take the
 * catalog's place, and the effects are handed out in the order of the statements. A script that is rejected leaves
 * nothing behind. One thread. */
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
    EFFECT_SELECT,          /* query (its sink writes to nowhere: rows for whoever asked), select */
    EFFECT_RECORD,          /* sink, record: INSERT INTO .. VALUES; text: the statement */
    EFFECT_CONNECTOR_START, /* connector */
    EFFECT_CONNECTOR_STOP,  /* text: its name */
    EFFECT_PRINT,           /* print, text: the topic */
    EFFECT_COUNTERS,        /* text: the id of a query, whose counters are asked for */
    EFFECT_SHOW_TOPICS,     /* the log knows them */
    EFFECT_RUN_SCRIPT,      /* text: a file */
    EFFECT_STATEMENT, /* text: a statement that lasts has passed: to be kept for the next start (behind its other effects); inserts: INSERT INTO .. VALUES,
                       * which is only to be known when the same file is run again */
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
    const struct source *source;
    const struct sink_plan *sink;
    struct bus_record record;
    const struct session_connector *connector;
    const struct print_statement *print;
    bool inserts;
};

struct session_options {
    const struct registry *registry; /* NULL: none; schemas of sources without columns, AVRO in INSERT INTO .. VALUES */
    const struct clock *clock;
};

struct session;

int session_new(const struct session_options *options, struct session **ret_session, struct error *error);
struct session *session_free(struct session *session); /* plans given out are gone then */
const struct catalog *session_catalog(const struct session *session);
/* Statements that have been run before, word for word, and drops of what is not there are passed by: for files that
 * are run again, and for what is kept. */
void session_pass_known(struct session *session, bool pass);
/* Value of a setting (SET 'name' = 'value'), or NULL. */
const char *session_setting(const struct session *session, const char *name);

/* Runs every statement of `text`. `effect` is called when all have passed; its first error ends the script, with
 * what was handed out before it done. What an effect points to lives as long as the session. */
int session_execute(struct session *session, struct slice text,
                    int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                    void *context, struct error *error);

#endif

/* Answers to a SELECT: the topics of the log are copied into one in memory, the query runs over it (local_run.h), rows
 * go to the caller.
 *
 *   a table or stream as it is     read up to what is the end now; of a table, each key's last row counts
 *   a table by its key             its records are found in an index (answer_lookup.h)
 *   EMIT CHANGES                   goes on with what comes, until it is stopped or has given `limit` rows
 *
 * Nothing is written to the log and no positions are kept. One thread. */
#ifndef METERLINE_SQL_SESSION_ANSWER_H
#define METERLINE_SQL_SESSION_ANSWER_H

#include "bus/bus.h"
#include "sql/plan/plan_lookup.h"
#include "sql/syntax/ast.h"
#include "stream/plan.h"
#include <stdatomic.h>

struct answer_options {
    struct bus *bus;
    const struct clock *clock;
    atomic_bool *stop;
    bool changes;        /* EMIT CHANGES or EMIT FINAL */
    bool from_beginning; /* of streams, with `changes` */
    /* A row: a JSON object with the columns in order. */
    int (*row)(void *context, struct slice json, struct error *error);
    void *context;
    /* Of a table that is asked as it is: where its records are, by an index in `index_folder`, which is made. NULL: the
     * topic is read */
    const struct plan_lookup *lookup;
    const char *index_folder, *index_log;
    const struct log *log; /* what could not be read or computed; NULL: silent */
};

/* May the statement be asked like this? One that gives rows as they change says EMIT CHANGES. ERROR_INVALID. */
int answer_check(const struct select_query *select, struct error *error);
int answer_run(const struct answer_options *options, const struct query_plan *query, struct error *error);

#endif

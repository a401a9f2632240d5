/* The queries of a run: those of a pipeline's file, or the default one, and those that the command topic holds;
 * statements that come while it runs are picked up. All of them run in one runner. */
#ifndef METERLINE_CLI_RUN_RUN_PIPELINE_H
#define METERLINE_CLI_RUN_RUN_PIPELINE_H

#include "cli/run/run_connectors.h"
#include "sql/session/sql_session.h"
#include "stream/runtime/runner.h"

struct run_pipeline {
    struct sql_session sql;
    struct session *own; /* of the default pipeline; NULL: there is none */
    struct query_settings settings;
    struct run_connectors connectors;
    struct query_runner *runner;     /* NULL: no query so far */
    const struct query_plan **plans; /* to be started */
    size_t plan_count, plan_capacity;
    size_t own_begin, own_end;        /* those of the default pipeline, by index */
    bool yes;                         /* what a reset deletes, or another group writes too, has been agreed to */
    const struct query_plan **failed; /* queries that could not start */
    size_t failed_count, failed_capacity;
    struct error failure; /* of the first of them; code 0: none */
    struct arena names;   /* of queries that were dropped while nothing ran: what they have left is forgotten */
    const char **dropped;
    size_t dropped_count, dropped_capacity;
};

/* Reads the command topic and the statements; nothing runs yet. `lasting`: the statements are a user's, kept for
 * the next start; otherwise they are the default pipeline's. settings->bus and what they point to outlive the
 * pipeline. `limit`: of the connectors. They are ended by the caller, before the pipeline is closed. */
int run_pipeline_open(struct run_pipeline *pipeline, const struct query_settings *settings,
                      const struct connector_settings *targets, int64_t limit, struct slice statements, bool lasting,
                      struct error *error);
void run_pipeline_close(struct run_pipeline *pipeline);
/* Forgets the positions of the queries, deletes what lies between their stages and what they keep, and empties the
 * topics that they have made for their results; ERROR_EXISTS when that takes records and was not agreed to. */
int run_pipeline_reset(const struct run_pipeline *pipeline, struct error *error);
/* Starts the queries. ERROR_EXISTS: another group writes the results of one, and that was not agreed to. */
int run_pipeline_start(struct run_pipeline *pipeline, struct error *error);
/* Picks up statements until everything has ended: stopped, failed, or done (--until-end). */
int run_pipeline_follow(struct run_pipeline *pipeline, struct error *error);

#endif

/* Runs queries: divides them into groups, makes their topics, and gives each group its workers; queries may be added
 * and removed while others run.
 *
 * With settings->manual there are no threads: query_runner_settle turns the workers, one after the other in the order
 * in which their queries were added, until none of them moves. What comes of a log is then the same each time. */
#ifndef METERLINE_STREAM_RUNTIME_RUNNER_H
#define METERLINE_STREAM_RUNTIME_RUNNER_H

#include "stream/runtime/worker.h"

struct query_runner;

/* `settings` and what it points to live as long as the runner. */
int query_runner_open(const struct query_settings *settings, struct query_runner **ret_runner, struct error *error);
/* Stops what still runs, and waits for it. */
struct query_runner *query_runner_close(struct query_runner *runner);

/* Makes the topics that are missing, and starts the queries. The plans live as long as the runner. Nothing has been
 * started or written when a query was changed since its position was committed (ERROR_INVALID, with the ways out) or
 * names something impossible. Queries that are added later never share a group with running ones. */
int query_runner_add(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                     struct error *error);
/* Whether a query could be added, as far as it can be known without starting it; its topics are made. */
int query_runner_check(struct query_runner *runner, const struct query_plan *plan, struct error *error);
const struct query_settings *query_runner_settings(const struct query_runner *runner);
/* Ends a query; the others go on. Its position is forgotten, so that added again it begins anew. `forget`: its
 * changelogs and repartition topics are deleted too. ERROR_NOT_FOUND: it does not run. */
int query_runner_remove(struct query_runner *runner, const char *id, bool forget, struct error *error);
/* Without threads only: turns the workers until none has moved for a whole round, or one has failed (its error). */
int query_runner_settle(struct query_runner *runner, struct error *error);
/* A query whose topic has been deleted while it wrote to it, and which works no more, until it is removed; NULL: none
 * has. */
const struct query_plan *query_runner_orphan(struct query_runner *runner);
/* A query that has failed since the last call, with the reason: it works no more, and the next start takes it up where it
 * was (fail.h); NULL: none has. */
const struct query_plan *query_runner_failed(struct query_runner *runner, struct error *ret_why);
/* With settings->fail_alone: when a topic that a group reads was deleted, those of its queries that read it have failed, and
 * the others begin anew where they were. *ret_begun: some have. A retriable error: nothing has been done. */
int query_runner_regroup(struct query_runner *runner, bool *ret_begun, struct error *error);
/* Waits until everything has ended: stopped, done (--until-end) or failed, with the first error. Without threads:
 * settles, and ends what has not. */
int query_runner_wait(struct query_runner *runner, struct error *error);
/* Whether everything has. */
bool query_runner_has_ended(struct query_runner *runner);

struct query_report_row {
    const char *id;
    bool removed;
    struct query_counters total;            /* since the query's first record, as committed */
    struct query_counters run;              /* of them, what this run has counted */
    const struct window_definition *window; /* of the plan; NULL: it has none */
    uint64_t results;                       /* of run.emitted, without what went to repartition topics */
    uint64_t total_results;                 /* the same of total.emitted */
    uint64_t memory;                        /* bytes of what the query keeps in this process */
    int64_t lag;                            /* records that its topics hold and it has not read */
};

struct query_run_report {
    struct query_report_row *rows; /* in the order in which they were added */
    size_t row_count, row_capacity;
    size_t groups, workers;
    uint64_t commits, rewinds;
    int64_t recovered; /* records read again to rebuild what is kept */
    struct bus_counts bus;
};

/* May be called while queries run. Release it in any case. */
int query_runner_report(struct query_runner *runner, struct query_run_report *ret_report, struct error *error);
void query_run_report_release(struct query_run_report *report);
bool query_report_add_group(struct query_run_report *report, struct query_group *group); /* false: no memory */
/* ERROR_CORRUPT when the counters of a query do not add up (operator/counters.h): records were lost or counted twice,
 * which no input may bring about. */
int query_run_report_check(const struct query_run_report *report, struct error *error);
/* As Prometheus text (exposition format 0.0.4), appended. */
struct bytes;
void query_metrics_append(struct bytes *to, const struct query_run_report *report);

#endif

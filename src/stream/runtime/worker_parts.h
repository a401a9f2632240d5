/* What the parts of a worker share: worker.c is the loop, worker_tasks.c opens, rewinds and gives back tasks,
 * worker_commit.c commits, worker_idle.c closes what is silent. Of the worker's own thread. */
#ifndef METERLINE_STREAM_RUNTIME_WORKER_PARTS_H
#define METERLINE_STREAM_RUNTIME_WORKER_PARTS_H

#include "stream/runtime/worker.h"

#define RETRY_NS INT64_C(200000000)

static inline bool worker_stopped(const struct query_worker *worker) {
    return atomic_load(worker->settings->stop) || atomic_load(&worker->group->cancelled) ||
           atomic_load(&worker->group->bereft) || query_group_is_empty(worker->group);
}

static inline int64_t worker_now(const struct query_worker *worker) {
    return clock_monotonic_ns(worker->settings->clock);
}

/* Logs what is waited for, now and then; and waits a moment. */
void worker_notice(struct query_worker *worker, const struct error *why);
void worker_wait(struct query_worker *worker, const struct error *why);
bool worker_topic_is_gone(const struct query_worker *worker, const char *topic);
/* A topic that the group reads and that is no more; NULL: all are there. */
const char *worker_gone_input(const struct query_worker *worker);

/* What the task has committed, for reports. `ended`: no more comes of it; a server is asked how much is left. */
void worker_publish(struct query_worker *worker, const struct query_task *task, bool ended, bool with_lag);
void worker_end_task(struct query_worker *worker, struct query_task **place);
/* Everything since the last commit is undone: all tasks begin again at their positions. */
int worker_rewind(struct query_worker *worker, struct error *error);
/* The same without members that have failed, in whatever worker. */
int worker_set_apart(struct query_worker *worker, struct error *error);
/* A query that cannot go on stops alone; `status` of any other error. */
int worker_fail_culprit(struct query_worker *worker, int status, struct error *error);
/* The log's answers to the group's membership. */
int worker_assigned(void *worker, const int32_t *partitions, size_t count, struct error *error);
int worker_revoked(void *worker, const int32_t *partitions, size_t count, bool lost, struct error *error);

bool worker_dirty(const struct query_worker *worker); /* there is something to commit */
bool worker_commit_due(const struct query_worker *worker);
int worker_commit(struct query_worker *worker, struct error *error);
/* Goes back when the commit was undone. */
int worker_commit_or_rewind(struct query_worker *worker, struct error *error);

/* Stream time of a silent partition goes on with the wall clock, when those that write it are silent too. `quiet`: no
 * partition of the worker has brought anything. */
int worker_idle_close(struct query_worker *worker, bool quiet, struct error *error);

#endif

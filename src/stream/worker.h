/* A worker: a thread with its own consumer, output and tasks. Workers share nothing but the log, which gives each
 * its partitions:
 *
 *     assigned ─▶ task_open ─▶ recover (read again, rebuild open windows) ─▶ work ─▶ revoked: commit, park      lost: task_close
 *        │           ▲                                                        ▲ │                      │
 *        │           └── the commit was undone: back to the positions ◀───────┼─┘                      │
 *        └── parked, and nobody has moved the position ───────────────────────┘◀───────────────────────┘
 *
 * A parked task is one whose partition was taken away: a rebalance often gives it back at once, and then its open
 * windows need not be rebuilt.
 *
 * It commits after at most COMMIT_INTERVAL of work while it is behind, at once when it has caught up and there is
 * something to say, and every POSITION_INTERVAL when there is not. What cannot be reached for the moment (registry,
 * coordinator) is tried again until it answers or the worker is stopped. */
#ifndef METERLINE_STREAM_WORKER_H
#define METERLINE_STREAM_WORKER_H

#include "core/log.h"
#include "stream/task.h"
#include <pthread.h>
#include <stdatomic.h>

struct worker_settings {
    struct bus *bus;
    struct store *store; /* NULL: none */
    const struct aggregate_query *query;
    const struct clock *clock;
    const struct log *log; /* what it waits for, what it has lost; NULL: silent */
    atomic_bool *stop;     /* somebody wants all workers to end after a last commit */
    bool until_end;        /* end when the offsets that were the end at start are reached */
    bool final;            /* and close everything then */
};

struct worker {
    const struct worker_settings *settings;
    size_t number, count; /* of this process */
    /* how many of them have reached the end; they leave together, so that no partition moves on the way */
    atomic_size_t *at_end;
    int32_t partitions; /* of the topic */
    pthread_t thread;
    struct bus_consumer *consumer;
    struct output *output;
    struct reading_decoder *decoder;
    struct batch *batch;
    struct bus_member member;
    bool assigned;        /* has been told its partitions */
    struct task **tasks;  /* by partition; NULL: not ours */
    struct task **parked; /* by partition: were ours until the rebalance that is under way */
    struct bus_position *positions;
    uint64_t commits, rewinds;
    int64_t recovered;
    int64_t last_commit_ns, last_notice_ns;
    struct task_counters *closed; /* by partition: of tasks that are no longer ours, when they left */
    struct task_counters run;     /* what this worker has counted */
    int status;                   /* what the thread ended with */
    struct error error;
};

/* Opens everything and joins the group; tasks begin when the thread runs. */
int worker_open(struct worker *worker, const struct worker_settings *settings, size_t number, size_t count,
                int32_t partitions, atomic_size_t *at_end, struct error *error);
/* Works until it is stopped or done; NULL, with worker->status and ->error set. A pthread's function. */
void *worker_run(void *worker);
void worker_close(struct worker *worker);
/* Adds to `to` what `task` has committed since it was opened. */
void worker_count(struct task_counters *to, const struct task *task);

#endif

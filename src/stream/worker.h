/* A worker: a thread with its own consumer, output and tasks. Workers share nothing but the log.
 *
 * It commits after at most COMMIT_INTERVAL of work while it is behind, at once when it has caught up and there is something to say, and every
 * POSITION_INTERVAL when there is not. */
#ifndef METERLINE_STREAM_WORKER_H
#define METERLINE_STREAM_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include "stream/task.h"

struct worker_settings {
    struct bus *bus;
    struct store *store;
    const struct aggregate_query *query;
    const struct clock *clock;
    atomic_bool *stop;           /* somebody wants all workers to end after a last commit */
    bool until_end;              /* end when the offsets that were the end at start are reached */
    bool final;                  /* and close everything then */
};

struct worker {
    const struct worker_settings *settings;
    size_t number, count;        /* this worker has the partitions p with p % count == number */
    int32_t partitions;          /* of the topic */
    pthread_t thread;
    struct bus_consumer *consumer;
    struct output *output;
    struct reading_decoder *decoder;
    struct batch *batch;
    struct task *tasks;
    size_t task_count;
    struct bus_position *positions;
    uint64_t commits;
    int64_t last_commit_ns;
    int status;                  /* what the thread ended with */
    struct error error;
};

/* Opens everything and recovers the tasks. */
int worker_open(struct worker *worker, const struct worker_settings *settings, size_t number, size_t count, int32_t partitions, struct error *error);
/* Works until it is stopped or done; NULL, with worker->status and ->error set. A pthread's function. */
void *worker_run(void *worker);
void worker_close(struct worker *worker);

#endif

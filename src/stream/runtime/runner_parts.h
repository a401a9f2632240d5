/* What the parts of the runner share: runner.c adds, waits and reports, runner_manual.c turns workers without threads,
 * runner_remove.c takes queries out. */
#ifndef METERLINE_STREAM_RUNTIME_RUNNER_PARTS_H
#define METERLINE_STREAM_RUNTIME_RUNNER_PARTS_H

#include "stream/runtime/runner.h"

/* A group at work. */
struct running_group {
    struct query_group *group;
    struct query_worker *workers;
    size_t opened, started;
    bool *ended;  /* by worker, without threads: its last turn has been */
    bool joined;  /* a thread waits for its threads, or has */
    bool leaving; /* it has stages of the query that is being removed */
    atomic_bool closed;
};

struct query_runner {
    const struct query_settings *settings;
    struct running_group **running;
    size_t count, capacity;
    size_t order;               /* of the next stage */
    struct query_groups groups; /* the same, as the assignment wants them */
    size_t group_capacity;
    pthread_mutex_t lock; /* of `running` and `groups`: for what adds, removes, waits and reports */
    int status;
    struct error error; /* the first of a worker */
};

/* Waits until the threads of the group have ended, and closes its workers. */
void running_join(struct query_runner *runner, struct running_group *running);
/* Without threads: one turn of a worker; the last one ends it. */
int running_turn(struct running_group *running, size_t number, struct error *error);
/* Under the lock: query_runner_add. */
int runner_add(struct query_runner *runner, const struct query_plan *const *plans, size_t count, struct error *error);

#endif

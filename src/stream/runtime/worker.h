/* A worker of a group of queries: a thread with its own consumer, output and tasks. The log gives each its partitions; a
 * commit that was undone takes it back to the committed positions; a partition that is taken away and comes back need
 * not be rebuilt.
 *
 * Which worker comes to the end when: end.h. */
#ifndef METERLINE_STREAM_RUNTIME_WORKER_H
#define METERLINE_STREAM_RUNTIME_WORKER_H

#include "stream/runtime/task.h"

struct query_settings {
    struct bus *bus;
    const struct clock *clock;
    const struct log *log; /* NULL: silent */
    atomic_bool *stop;     /* all are to end after a last commit; also set when one has failed */
    const char *group;     /* groups are named after it */
    const char *rejected;  /* topic of records that cannot be read; NULL: TOPIC-rejected of each */
    size_t workers;        /* threads of each group, at most one for each partition */
    int64_t idle_close;    /* ms, 0: off */
    /* an answer at a prompt: functions of the clock and of chance are of the moment, not of the record */
    bool of_the_moment;
    enum lost_offsets lost_offsets;
    struct taps taps; /* zeroed: none */
    bool until_end, final, at_least_once;
    /* a query that cannot go on stops alone, and query_runner_failed says so; otherwise it ends all */
    bool fail_alone;
    /* no threads: the caller turns the workers (runner.h), in a fixed order, so that the same log is
     * worked on in the same way each time */
    bool manual;
    void (*free_scratch)(void *scratch); /* evaluation_scratch_free of sql/ */
};

struct query_worker {
    const struct query_settings *settings;
    struct query_group *group;
    size_t number;
    pthread_t thread;
    struct query_work work;
    struct bus_member member;
    bool assigned;
    bool upstream_gone;                  /* and the end offsets of what they wrote are known */
    bool quiet;                          /* the last poll brought nothing */
    size_t level;                        /* of the members that are not finished */
    struct query_task **tasks, **parked; /* by partition */
    struct bus_position *positions;      /* room for a commit */
    uint64_t rewinds;
    unsigned removals; /* of the group, as many as the positions know of */
    size_t removed;    /* members that were removed when a topic was last missed */
    size_t failures;   /* of the group, as many as its tasks know of */
    int64_t last_commit_ns, last_notice_ns, last_lag_ns, last_watch_ns, last_trim_ns, quiet_since_ns;
    int status; /* what the thread ended with */
    struct error error;
};

/* Opens everything and joins the consumer group; tasks begin when the thread runs. */
int query_worker_open(struct query_worker *worker, const struct query_settings *settings, struct query_group *group,
                      size_t number, struct error *error);
/* A pthread's function: turns until it has ended, then ends it. NULL, with worker->status and ->error set. */
void *query_worker_run(void *worker);
/* One turn: at most one batch of records, and a commit when one is due, or the next level of the end. */
int query_worker_turn(struct query_worker *worker, struct error *error);
/* It was stopped, or has come to its end. */
bool query_worker_has_ended(const struct query_worker *worker);
/* After the last turn, once: commits what is left unless worker->status is an error, and counts it as finished. */
void query_worker_end(struct query_worker *worker);
void query_worker_close(struct query_worker *worker);

#endif

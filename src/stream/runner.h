/* Runs a query with a number of workers over all partitions of its topic, until it is stopped, done, or one of them
 * has failed. */
#ifndef METERLINE_STREAM_RUNNER_H
#define METERLINE_STREAM_RUNNER_H

#include "codec/registry/registry_client.h"
#include "stream/worker.h"

struct run_report {
    struct task_counters run;         /* what this run has counted */
    struct task_counters *partitions; /* since the group's first record, for each partition */
    int64_t *lags;                    /* records behind the end, for each partition */
    int32_t partition_count;
    uint64_t commits, rewinds; /* a commit that was undone makes the worker go back to its positions */
    struct bus_counts bus;
    struct registry_counts registry; /* filled in by the caller, whose client it is */
    struct store_counts store;       /* the same */
    int64_t recovered;               /* records read again to rebuild open windows */
    size_t workers;
};

/* Creates the topics that are missing. `ret_report` is filled also when a worker has failed, as far as it came;
 * release it in any case. */
int run_query(const struct worker_settings *settings, size_t workers, struct run_report *ret_report,
              struct error *error);
void run_report_release(struct run_report *report);

#endif

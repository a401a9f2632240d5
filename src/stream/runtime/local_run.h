/* Queries at work over a log in memory, in the caller's thread: for tests of pipelines and for answers at a prompt.
 * The same workers as everywhere, turned one after the other (runner.h); monotonic time goes on by what they sleep
 * and no more. All topics have the same number of partitions.
 *
 *     append ─▶ log in memory ─▶ settle: workers ─▶ log in memory ─▶ read */
#ifndef METERLINE_STREAM_RUNTIME_LOCAL_RUN_H
#define METERLINE_STREAM_RUNTIME_LOCAL_RUN_H

#include "bus/memory/memory_bus.h"
#include "stream/runtime/runner.h"

struct local_run;

struct local_run_settings {
    const struct registry *registry; /* of schemas; NULL: one in memory */
    const struct clock *clock;       /* wall time, and to sleep while the registry cannot be asked */
    const atomic_bool *stop;         /* ends such waits, and all queries with them; NULL: nothing does */
    const struct log *log;           /* what could not be computed, and more; NULL: silent */
    const char *rejected;            /* as query_settings has it */
    void (*free_scratch)(void *scratch);
    bool of_the_moment; /* as query_settings has it */
    int32_t partitions;
    size_t batch; /* records that a worker reads at once; 0: as they were appended */
};

/* What `settings` points to outlives the run. */
int local_run_open(const struct local_run_settings *settings, struct local_run **ret_run, struct error *error);
struct local_run *local_run_close(struct local_run *run);
struct bus *local_run_bus(struct local_run *run);

/* Starts the queries from the positions that are committed in the log in memory. The plans live until they are
 * stopped. */
int local_run_start(struct local_run *run, const struct query_plan *const *plans, size_t count, struct error *error);
/* Commits, and ends the queries; they may be started again. */
int local_run_stop(struct local_run *run, struct error *error);

/* Records of a topic, in one transaction, each on the partition of its key; nothing happens yet. */
int local_run_append(struct local_run *run, const char *topic, const struct bus_record *records, size_t count,
                     struct error *error);
/* The queries work until there is nothing left to do. */
int local_run_settle(struct local_run *run, struct error *error);

/* Every record that a topic holds, partition by partition; none when the topic does not exist. A negative result of
 * `each` ends it. */
int local_run_read(struct local_run *run, const char *topic,
                   int (*each)(void *context, const struct bus_record *record, struct error *error), void *context,
                   struct error *error);
/* Drops all records, which must have been worked on. */
int local_run_clear(struct local_run *run, struct error *error);

#endif

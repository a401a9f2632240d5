/* A task: the query on one partition. It decodes record batches, judges each reading, folds what is on time, and
 * knows where to resume.
 *
 *     record batch ─▶ decode ─▶ key and clock rules ─▶ window aggregate ─▶ (at commit) results
 *                        │ rejected        │ rejected         │ late
 *                        └─▶ TOPIC-rejected ◀┘                └─▶ TOPIC-late
 *
 * One worker owns it; the decoder is the worker's. */
#ifndef METERLINE_STREAM_TASK_H
#define METERLINE_STREAM_TASK_H

#include "bus/bus.h"
#include "codec/reading_decoder.h"
#include "stream/output.h"
#include "stream/position.h"

struct task {
    const struct aggregate_query *query;
    int32_t partition;
    uint64_t definition;
    struct window_aggregate *aggregate;
    struct batch *batch; /* shared by the worker's tasks */
    struct window_fold fold;
    size_t fold_capacity;
    struct aggregate_row *rows; /* room for a run of results */
    int64_t read_offset;        /* the next offset to come from the log; below next_offset while the task recovers */
    int64_t next_offset;        /* what has been processed ends before it */
    int32_t partitions;         /* of the topic */
    int64_t revision;           /* of the committed position */
    int64_t until;              /* end offset at start, for --until-end */
    int64_t recovered;          /* records read again to rebuild open windows */
    int64_t incomplete_until;   /* windows that start at or before it have lost readings; INT64_MIN: none has */
    bool lost_unread;           /* records that nobody had read are lost: incomplete_until follows from the next one */
    int64_t last_record_ns;     /* monotonic, for idle close */
    int64_t idle_stream_time;   /* stream time when the last record came */
    bool lost;                  /* records that it needed were lost when it was opened (--on-lost-offsets) */
    bool dirty;                 /* has something to commit */
    struct task_counters counters;        /* since the group's first record */
    struct task_counters committed;       /* those of them that were committed */
    struct task_counters counters_before; /* and those that earlier runs had committed */
    char metadata[BUS_METADATA_MAXIMUM + 1];
};

/* Finds the committed position and seeks the consumer to where recovery begins: the records up to the position come
 * first and only rebuild the open windows. `partitions`: of the topic. ERROR_INVALID when the position belongs to
 * another definition or number of partitions, ERROR_NOT_FOUND when the log has lost what is needed: both name the
 * ways out. A retriable error leaves the task closed. */
int task_open(struct task *task, struct bus *bus, struct bus_consumer *consumer, const struct aggregate_query *query,
              int32_t partition, int32_t partitions, struct batch *batch, struct error *error);
void task_close(struct task *task);

/* Goes on with a task whose partition was taken away and has come back: true when the committed position is still
 * the one that it has committed. */
int task_reopen(struct task *task, struct bus *bus, struct bus_consumer *consumer, bool *ret_reopened,
                struct error *error);

/* A retriable error means that the registry could not be asked: nothing was done, seek back to read_offset and try
 * again. */
int task_process(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder,
                 struct output *output, struct error *error);
/* Moves what has closed to the output and fills the position to commit, which lives in the task. */
int task_prepare_commit(struct task *task, struct output *output, struct bus_position *ret_position,
                        struct error *error);
/* The commit of that position has succeeded. */
void task_committed(struct task *task);
/* The log, from `start` to `end`, lacks what the position needs: an error, or the task goes on as the query says. */
int task_lost(struct task *task, int64_t start, int64_t end, struct error *error);

#endif

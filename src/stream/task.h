/* A task: the query on one partition. It decodes record batches, judges each reading, folds what is on time, and knows where to resume.
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
    struct batch *batch;                 /* shared by the worker's tasks */
    struct window_fold fold;
    size_t fold_capacity;
    struct aggregate_row *rows;          /* room for a run of results */
    int64_t next_offset;                 /* of the input */
    int64_t revision;                    /* of the committed position */
    int64_t until;                       /* end offset at start, for --until-end */
    int64_t recovered;                   /* records read again at start */
    int64_t last_record_ns;              /* monotonic, for idle close */
    int64_t idle_stream_time;            /* stream time when the last record came */
    bool dirty;                          /* has something to commit */
    struct task_counters counters;       /* since the group's first record */
    struct task_counters counters_before;/* those of them that earlier runs have counted */
    char metadata[BUS_METADATA_MAXIMUM + 1];
};

/* Finds the committed position, rebuilds the open windows from the log and leaves the consumer at the next record. ERROR_INVALID when the position belongs
 * to another definition, ERROR_NOT_FOUND when retention has eaten what is needed: both name the ways out. */
int task_open(struct task *task, struct bus *bus, struct bus_consumer *consumer, const struct aggregate_query *query, int32_t partition,
              struct reading_decoder *decoder, struct batch *batch, struct error *error);
void task_close(struct task *task);

int task_process(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder, struct output *output, struct error *error);
/* Moves what has closed to the output and fills the position to commit, which lives in the task. */
int task_prepare_commit(struct task *task, struct output *output, struct bus_position *ret_position, struct error *error);
/* The commit of that position has succeeded. */
void task_committed(struct task *task);

#endif

/* Late records of a run: which records of the batch at hand came after windows of theirs had closed. The members of a
 * group report them one by one; when the run is done each record goes once, unchanged, to TOPIC-late, with the sizes
 * that it missed in any of the queries:
 *
 *     query 1 (60 s):  7, 9  ┐
 *     query 2 (600 s): 7     ┼─▶  7: 60,600   9: 60
 *     query 3 (60 s):  7     ┘
 *
 * One thread. */
#ifndef METERLINE_STREAM_OUTPUT_LATE_H
#define METERLINE_STREAM_OUTPUT_LATE_H

#include "stream/output/output.h"

struct late_record {
    uint32_t origin;                        /* index in the batch */
    const struct window_definition *window; /* lives until they are flushed */
    int64_t stream_time;
};

struct late_records {
    struct late_record *records;
    size_t count, capacity;
};

void late_records_release(struct late_records *late);
int late_records_add(struct late_records *late, uint32_t origin, const struct window_definition *window,
                     int64_t stream_time, struct error *error);
/* Writes them to the late topic of the group's topic `topic`, by index, and forgets them in any case. Those of a
 * repartition topic, which has no late topic, are counted only. */
int late_records_flush(struct late_records *late, struct query_output *output, size_t topic,
                       const struct bus_batch *batch, struct error *error);

#endif

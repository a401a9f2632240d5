/* What a task keeps beside its next offset: the metadata string of a position (at most 4 KiB, as Kafka allows).
 *
 *     1 d=9f3c0a51b2e4d677 r=1200 t=1167609600000 p=4 n=4000,0,12,0 w=3988,0,320 w=3987,1,32 i=1167609540000
 *
 * version; hash of the query's definition; replay_from; stream time (or - when there is none yet); number of
 * partitions of the topic; records read, null, rejected and filtered since the first; then for each window size in
 * rising order folded, late and results; then, only when records were lost, the time up to which windows are
 * incomplete. Unknown versions are refused. */
#ifndef METERLINE_STREAM_POSITION_H
#define METERLINE_STREAM_POSITION_H

#include "core/error.h"
#include "stream/counters.h"

struct task_position {
    uint64_t definition;
    int64_t replay_from;
    int64_t stream_time;           /* INT64_MIN: none yet */
    int32_t partitions;            /* of the topic; 0: not known */
    int64_t incomplete_until;      /* windows that start at or before it have lost readings; INT64_MIN: none has */
    struct task_counters counters; /* since the group's first record */
};

/* Writes at most `size` bytes with the NUL; ERROR_INVALID when it does not fit. */
int task_position_write(const struct task_position *position, size_t size_count, char *to, size_t size,
                        struct error *error);
/* ERROR_CORRUPT when `text` is not a position of `size_count` sizes written by this version. */
int task_position_read(const char *text, size_t size_count, struct task_position *ret_position, struct error *error);
/* Only the definition: to be compared before the rest is read, as its number of sizes may differ. */
int task_position_read_definition(const char *text, uint64_t *ret_definition, struct error *error);

#endif

/* How far the stream has come: the offsets that it has read, and the stream time of each window size by partition. A
 * window that the store does not have is missing only when the stream has closed it. */
#ifndef METERLINE_BATCH_STREAM_PROGRESS_H
#define METERLINE_BATCH_STREAM_PROGRESS_H

#include "bus/bus.h"
#include "core/arena.h"

struct stream_progress {
    bool known; /* the default pipeline's queries have positions for the topic */
    size_t partition_count;
    int64_t *next_offsets;     /* by partition; INT64_MAX: no query has a position */
    int64_t *first_identities; /* by partition: of the first record with an identity; INT64_MAX: none, or not known */
    int64_t *times;            /* by size, then partition: ms; INT64_MIN: none yet */
    bool *sizes_known;         /* by size: the default pipeline's query of that size runs in the group */
    size_t size_count;
};

/* Of the default pipeline's queries. What it gives lies in `arena`. */
int stream_progress_read(struct bus *bus, const char *group, const char *topic, const int64_t *sizes, size_t count,
                         struct arena *arena, struct stream_progress *ret_progress, struct error *error);
/* Has the stream closed the windows of size number `size` of a series that end at `end`? */
bool stream_progress_closed(const struct stream_progress *progress, size_t size, struct slice key, int64_t end,
                            int64_t grace);

#endif

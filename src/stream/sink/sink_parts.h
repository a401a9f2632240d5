/* What the parts of a sink share: sink.c reads, writes and commits, sink_feed.c takes what is handed over. */
#ifndef METERLINE_STREAM_SINK_SINK_PARTS_H
#define METERLINE_STREAM_SINK_SINK_PARTS_H

#include "stream/sink/sink.h"

struct sink_partition {
    bool ours, dirty, marked;
    bool passed;                            /* what has come since the last commit came by the feed */
    bool fed;                               /* it comes by the feed now, and the topic is held back */
    int64_t fed_ns;                         /* when the feed last brought something */
    int64_t next, committed, revision, end; /* end: when the drain began, -1 before */
};

/* The target has all before `next`; `passed`: it came by the feed. */
void sink_moved(struct sink *sink, int32_t partition, int64_t next, bool passed);
/* Lets a partition go on that was held back, as a pause would outlive what it is for. */
int sink_release(struct sink *sink, int32_t partition, struct error *error);

/* What queries of this process have written since the last time, when it is time to take it. */
int sink_feed(struct sink *sink, struct error *error);
/* Gathers what there is of a partition; sink_take_blocks gives it to the target. */
int sink_feed_partition(struct sink *sink, int32_t partition, struct error *error);
/* Nothing is given after an error (`status`): it is read from the topic. */
int sink_take_blocks(struct sink *sink, int status, struct error *error);

#endif

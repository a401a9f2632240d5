/* A sink: a thread that brings the records of one topic into something outside of the log, at its own pace and with
 * positions of its own, so that what produces the topic goes on while the target is away.
 *
 *     poll ─▶ target->write (may keep some under way) ─▶ ... ─▶ target->flush (all acknowledged) ─▶ commit positions
 *                 │ retriable: commit what is done, wait, go back to the committed positions, write again
 *
 * What queries of the same process write to the topic comes by a feed, and the partition is not polled meanwhile.
 *
 * Writing again must change nothing: targets are idempotent, or accept a record more than once. Memory is bounded:
 * what a target keeps under way is its own bound, and nothing is polled while it pushes back. */
#ifndef METERLINE_STREAM_SINK_SINK_H
#define METERLINE_STREAM_SINK_SINK_H

#include "bus/bus.h"
#include "core/log.h"
#include "stream/output/dead_letter.h"
#include "stream/sink/feed.h"
#include <pthread.h>
#include <stdatomic.h>

/* What records are brought to. The functions are called by the sink's thread; NULL where it says so. */
struct sink_target {
    const char *name; /* "the store sink": in messages */
    /* Writes the first `*ret_done` records of the batch, one at least; the sink comes back with the rest. They count
     * also when a later one fails. Records that cannot be read go to `dead_letters`, and are done. A retriable error: the
     * target is away. */
    int (*write)(void *context, const struct bus_batch *records, struct dead_letters *dead_letters, size_t *ret_done,
                 struct error *error);
    /* Writes what a tap has handed over, as write does; NULL: no tap has anything for it. */
    int (*take)(void *context, struct feed_block *const *blocks, size_t count, struct error *error);
    int (*flush)(void *context, struct error *error);
    /* A target that keeps positions of its own, with what it was given: where a partition begins, of which the log has
     * the records from `start` to `end`, and of which the sink has committed `committed` (-1: nothing). What was written
     * and not flushed is dropped, of all partitions. NULL: where the sink has committed, or at the oldest record. */
    int (*begin)(void *context, int32_t partition, int64_t start, int64_t end, int64_t committed, int64_t *ret_next,
                 struct error *error);
    /* A target that gathers for long: is it time to commit? At the end of a run it always is. NULL: whenever the sink
     * likes. */
    bool (*due)(const void *context);
    /* How long to wait before the next try (ns) after a write or flush that failed; NULL, or 0: the sink decides. */
    int64_t (*pause_ns)(const void *context);
    /* A target that may lose everything (a cache) keeps a mark for each partition that it was given records of: a mark
     * that has gone makes the sink begin at the oldest record. Both NULL: it loses nothing. */
    int (*marked)(void *context, const char *mark, bool *ret_marked, struct error *error);
    int (*mark)(void *context, const char *mark, struct error *error);
    void (*close)(void *context);
};

struct sink_counts {
    atomic_uint_fast64_t records; /* that were read */
    atomic_uint_fast64_t blocks;  /* that were handed over */
    atomic_uint_fast64_t retries, commits;
};

struct sink_settings {
    struct bus *bus;
    const char *group, *topic, *rejected; /* whose positions; what is read; where unreadable records go */
    size_t number, count;                 /* share on the embedded log */
    const struct clock *clock;
    const struct log *log;
    const atomic_bool *stop;  /* end after a last commit */
    struct feed *feed;        /* from taps of the topic; NULL: all is read */
    const atomic_bool *drain; /* nothing is added to the topic any more: end when what is there is done */
};

struct sink {
    struct sink_settings settings;
    const struct sink_target *target;
    void *context; /* the target's; owned */
    struct bus_consumer *consumer;
    struct bus_producer *producer;
    struct dead_letters dead_letters;
    struct bus_member member;
    int32_t partitions;
    struct sink_partition *at;  /* by partition */
    struct feed_block **blocks; /* of the step at hand */
    size_t block_count, block_capacity;
    bool assigned, given_up;
    int tries; /* without success */
    int64_t last_commit_ns, last_notice_ns, last_feed_ns;
    unsigned notices; /* of waiting */
    struct sink_counts counts;
    pthread_t thread;
    atomic_bool ended; /* the thread has; then: */
    int status;        /* what it ended with */
    struct error error;
    struct error waits_for; /* what a sink that was stopped was waiting for; code 0: nothing */
    int64_t left;           /* records of the topic that it has not brought over; -1: unknown */
};

/* Takes `context` over in any case. Creates the topic when it is missing. `settings` strings outlive the sink. */
int sink_open(struct sink *sink, const struct sink_settings *settings, const struct sink_target *target, void *context,
              struct error *error);
/* A pthread's function; NULL, with sink->status, ->error and ->left set. */
void *sink_run(void *sink);
void sink_close(struct sink *sink);

#endif

/* A feed: rows of a topic on their way from the workers that write it to the sink that brings it to a store, past the
 * topic. Each block is what one commit has written to one partition, and knows its offsets:
 *
 *     offsets    ──────────────┬────────────┬──────────────┬──────▶
 *                 the sink has │            │ block [b, c) │
 *                              next         b              c
 *
 * A block that begins at `next` takes the sink to its end. One that begins further on waits until the sink has read up
 * to it: what lies between is of other processes, of a commit that a tap left out, or of a block for which there was no
 * room. One of which the sink has read a record is left out. So the target gets all once, in the order of the topic,
 * whatever way it comes, and the position of the sink says what it has.
 *
 * A block without rows stands for rows that the target has got with the log's own transaction. It counts only when the
 * sink had all before it when that transaction was open, as else an older record would follow a newer one.
 *
 * Without a sink that has the partition nothing is kept; what waits is bounded. Any thread. */
#ifndef METERLINE_STREAM_SINK_FEED_H
#define METERLINE_STREAM_SINK_FEED_H

#include "bus/bus.h"
#include <pthread.h>
#include <stdatomic.h>

/* How far a sink is: it has all before `next`; -1: no sink has the partition. `life`: since it last began or went
 * back. */
struct feed_place {
    unsigned life;
    int64_t next;
};

/* Made by a tap, which keeps the rows after it. */
struct feed_block {
    struct feed_block *following;
    int32_t partition;
    int64_t from, first, to; /* offsets: all between `from` and the first record are known to be none */
    size_t bytes;            /* what it takes; 0: the target has the rows, and: */
    struct feed_place place; /* of the sink while the transaction was open that brought them */
    void (*free)(struct feed_block *block);
};

enum { FEED_BYTES_MAXIMUM = 32 << 20, FEED_BYTES_MANY = 8 << 20 };

struct feed {
    pthread_mutex_t lock;
    size_t bytes; /* of all blocks */
    struct feed_partition {
        struct feed_block *first, *last; /* by offset */
        struct feed_place place;
        atomic_bool wanted; /* a sink has it */
    } partitions[BUS_PARTITIONS_MAXIMUM];
};

void feed_open(struct feed *feed);
void feed_close(struct feed *feed);

/* The sink: it has the partition and begins, or goes back to, `next`; -1: it has lost it. What waits is dropped. */
void feed_begin(struct feed *feed, int32_t partition, int64_t next);
void feed_moved(struct feed *feed, int32_t partition, int64_t next); /* the target has all before `next` */
/* So much waits, of all partitions, that it should be taken soon. */
bool feed_is_full(struct feed *feed);
/* The block that takes a sink on which has all before `next`; the caller frees it. NULL: there is none; *ret_gap: the
 * topic must be read up to the one that waits. */
struct feed_block *feed_take(struct feed *feed, int32_t partition, int64_t next, bool *ret_gap);

/* The tap. */
bool feed_wanted(const struct feed *feed, int32_t partition);
struct feed_place feed_place(struct feed *feed, int32_t partition);
/* Takes the block over. It is freed at once when it does not count, is not wanted, or there is no room. */
void feed_add(struct feed *feed, struct feed_block *block);

#endif

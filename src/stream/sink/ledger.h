/* How a sink and a tap of one topic share the work: for each partition the offset up to which the target has all
 * records, by whatever way they came.
 *
 *     offsets   ────────────────┬───────────┬──────▶
 *               the sink's       next        a commit's records, taken by the tap
 *
 * The sink brings what lies before; a commit that begins just at `next` moves it, and the sink passes over what it
 * wrote. A commit that begins elsewhere (records of another process, a sink that is not there yet) is left to the
 * sink, and so is one while the sink writes: no older record ever follows a newer one. Any thread. */
#ifndef METERLINE_STREAM_SINK_LEDGER_H
#define METERLINE_STREAM_SINK_LEDGER_H

#include "bus/bus.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ledger {
    pthread_mutex_t lock;
    struct ledger_partition {
        int64_t next; /* -1: no sink works on it */
        bool writing; /* the sink */
    } partitions[BUS_PARTITIONS_MAXIMUM];
};

void ledger_open(struct ledger *ledger);
void ledger_close(struct ledger *ledger);
/* The sink begins, or goes back, or has lost the partition (-1). */
void ledger_begin(struct ledger *ledger, int32_t partition, int64_t next);
/* How far the target has all: never less than what the sink has said. -1: no sink works on it. */
int64_t ledger_next(struct ledger *ledger, int32_t partition);
/* The sink has records up to `to` in hand. False: the target has them. True: ledger_done must follow. */
bool ledger_take(struct ledger *ledger, int32_t partition, int64_t to);
void ledger_done(struct ledger *ledger, int32_t partition, int64_t next); /* the target has all up to `next` */
/* The tap: a commit has brought the records from `from` to `to`. */
void ledger_committed(struct ledger *ledger, int32_t partition, int64_t from, int64_t to);

#endif

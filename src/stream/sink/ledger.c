#include "stream/sink/ledger.h"

void ledger_open(struct ledger *ledger) {
    pthread_mutex_init(&ledger->lock, NULL);
    for (size_t p = 0; p < BUS_PARTITIONS_MAXIMUM; p++)
        ledger->partitions[p] = (struct ledger_partition){.next = -1};
}

void ledger_close(struct ledger *ledger) {
    pthread_mutex_destroy(&ledger->lock);
}

void ledger_begin(struct ledger *ledger, int32_t partition, int64_t next) {
    pthread_mutex_lock(&ledger->lock);
    ledger->partitions[partition] = (struct ledger_partition){.next = next};
    pthread_mutex_unlock(&ledger->lock);
}

int64_t ledger_next(struct ledger *ledger, int32_t partition) {
    pthread_mutex_lock(&ledger->lock);
    int64_t next = ledger->partitions[partition].next;
    pthread_mutex_unlock(&ledger->lock);
    return next;
}

bool ledger_take(struct ledger *ledger, int32_t partition, int64_t to) {
    struct ledger_partition *at = &ledger->partitions[partition];
    pthread_mutex_lock(&ledger->lock);
    bool take = at->next < to;
    at->writing = take;
    pthread_mutex_unlock(&ledger->lock);
    return take;
}

void ledger_done(struct ledger *ledger, int32_t partition, int64_t next) {
    struct ledger_partition *at = &ledger->partitions[partition];
    pthread_mutex_lock(&ledger->lock);
    at->next = next > at->next ? next : at->next;
    at->writing = false;
    pthread_mutex_unlock(&ledger->lock);
}

void ledger_committed(struct ledger *ledger, int32_t partition, int64_t from, int64_t to) {
    struct ledger_partition *at = &ledger->partitions[partition];
    pthread_mutex_lock(&ledger->lock);
    if (at->next == from && !at->writing)
        at->next = to;
    pthread_mutex_unlock(&ledger->lock);
}

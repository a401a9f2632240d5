#include "stream/sink/feed.h"

void feed_open(struct feed *feed) {
    pthread_mutex_init(&feed->lock, NULL);
    feed->bytes = 0;
    for (size_t p = 0; p < BUS_PARTITIONS_MAXIMUM; p++) {
        feed->partitions[p] = (struct feed_partition){.place = {0, -1}};
        atomic_init(&feed->partitions[p].wanted, false);
    }
}

/* Under the lock: takes the first block of a partition out. */
static struct feed_block *feed_pop(struct feed *feed, struct feed_partition *at) {
    struct feed_block *block = at->first;
    at->first = block->following;
    at->last = at->first ? at->last : NULL;
    feed->bytes -= block->bytes;
    block->following = NULL;
    return block;
}

static void feed_drop(struct feed *feed, struct feed_partition *at) {
    struct feed_block *block = feed_pop(feed, at);
    block->free(block);
}

void feed_close(struct feed *feed) {
    for (size_t p = 0; p < BUS_PARTITIONS_MAXIMUM; p++)
        while (feed->partitions[p].first)
            feed_drop(feed, &feed->partitions[p]);
    pthread_mutex_destroy(&feed->lock);
}

/* --- the sink
 * ------------------------------------------------------------------------------------------------------------------ */

void feed_begin(struct feed *feed, int32_t partition, int64_t next) {
    struct feed_partition *at = &feed->partitions[partition];
    pthread_mutex_lock(&feed->lock);
    at->place = (struct feed_place){at->place.life + 1, next};
    atomic_store(&at->wanted, next >= 0);
    while (at->first)
        feed_drop(feed, at);
    pthread_mutex_unlock(&feed->lock);
}

void feed_moved(struct feed *feed, int32_t partition, int64_t next) {
    pthread_mutex_lock(&feed->lock);
    feed->partitions[partition].place.next = next;
    pthread_mutex_unlock(&feed->lock);
}

bool feed_is_full(struct feed *feed) {
    pthread_mutex_lock(&feed->lock);
    bool full = feed->bytes >= FEED_BYTES_MANY;
    pthread_mutex_unlock(&feed->lock);
    return full;
}

struct feed_block *feed_take(struct feed *feed, int32_t partition, int64_t next, bool *ret_gap) {
    struct feed_partition *at = &feed->partitions[partition];
    struct feed_block *block = NULL;
    pthread_mutex_lock(&feed->lock);
    while (at->first && at->first->first < next)
        feed_drop(feed, at);
    *ret_gap = at->first && at->first->from > next;
    if (at->first && !*ret_gap)
        block = feed_pop(feed, at);
    pthread_mutex_unlock(&feed->lock);
    return block;
}

/* --- the tap
 * ------------------------------------------------------------------------------------------------------------------ */

bool feed_wanted(const struct feed *feed, int32_t partition) {
    return atomic_load(&feed->partitions[partition].wanted);
}

struct feed_place feed_place(struct feed *feed, int32_t partition) {
    pthread_mutex_lock(&feed->lock);
    struct feed_place place = feed->partitions[partition].place;
    pthread_mutex_unlock(&feed->lock);
    return place;
}

/* Does the target have all before the block, so that it need not be read? */
static bool feed_counts(const struct feed_partition *at, const struct feed_block *block) {
    return block->bytes || (block->place.life == at->place.life && block->place.next >= block->from);
}

/* A block without rows that follows another one goes on with it. */
static bool feed_extend(struct feed_partition *at, const struct feed_block *block) {
    if (!at->last || at->last->bytes || block->bytes || at->last->to != block->from)
        return false;
    at->last->to = block->to;
    return true;
}

void feed_add(struct feed *feed, struct feed_block *block) {
    struct feed_partition *at = &feed->partitions[block->partition];
    pthread_mutex_lock(&feed->lock);
    bool room = feed->bytes + block->bytes <= FEED_BYTES_MAXIMUM;
    if (at->place.next < 0 || !room || feed_extend(at, block) || !feed_counts(at, block)) {
        block->free(block);
    } else {
        block->following = NULL;
        *(at->last ? &at->last->following : &at->first) = block;
        at->last = block;
        feed->bytes += block->bytes;
    }
    pthread_mutex_unlock(&feed->lock);
}

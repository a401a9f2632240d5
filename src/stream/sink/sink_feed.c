/* The feed of a sink (feed.h): many rows at a time, while the topic is held back. */
#include "core/memory.h"
#include "stream/sink/sink_parts.h"

#define FED_PATIENCE_NS  INT64_C(1000000000) /* a feed that is silent so long is not waited for: the topic is read */
#define FEED_INTERVAL_NS INT64_C(300000000)  /* of taking from it: many rows at a time cost a store less */

/* Gathers the blocks of a partition that take it on. */
static int sink_gather(struct sink *sink, int32_t partition, bool *ret_gap, struct error *error) {
    int64_t next = sink->at[partition].next;
    struct feed_block *block;
    while ((block = feed_take(sink->settings.feed, partition, next, ret_gap))) {
        next = block->to;
        if (!memory_reserve((void **)&sink->blocks, &sink->block_capacity, sink->block_count + 1,
                            sizeof(struct feed_block *))) {
            block->free(block);
            return error_no_memory(error);
        }
        sink->blocks[sink->block_count++] = block;
    }
    return 0;
}

/* While the feed brings all, the topic is held back; when it leaves a gap, is silent or ends, it goes on from there. */
static int sink_turn(struct sink *sink, int32_t partition, bool fed, bool gap, struct error *error) {
    struct sink_partition *at = &sink->at[partition];
    int64_t now = clock_monotonic_ns(sink->settings.clock);
    int status = 0;
    at->fed_ns = fed ? now : at->fed_ns;
    if (fed && !at->fed) {
        status = bus_consumer_pause(sink->consumer, sink->settings.topic, partition, true, error);
        at->fed = !status;
    } else if (at->fed && !fed && (gap || now - at->fed_ns >= FED_PATIENCE_NS || atomic_load(sink->settings.drain))) {
        status = bus_consumer_seek(sink->consumer, sink->settings.topic, partition, at->next, error);
        if (!status)
            status = sink_release(sink, partition, error);
    }
    return status;
}

int sink_take_blocks(struct sink *sink, int status, struct error *error) {
    size_t rows = 0;
    for (size_t i = 0; i < sink->block_count; i++)
        rows += sink->blocks[i]->bytes > 0;
    if (!status && rows)
        status = sink->target->take(sink->context, sink->blocks, sink->block_count, error);
    for (size_t i = 0; i < sink->block_count; i++) {
        if (!status)
            sink_moved(sink, sink->blocks[i]->partition, sink->blocks[i]->to, true);
        sink->blocks[i]->free(sink->blocks[i]);
    }
    atomic_fetch_add(&sink->counts.blocks, status ? 0 : sink->block_count);
    sink->block_count = 0;
    return status;
}

static bool sink_feed_due(const struct sink *sink, int64_t now) {
    return sink->settings.feed && (now - sink->last_feed_ns >= FEED_INTERVAL_NS || atomic_load(sink->settings.drain) ||
                                   feed_is_full(sink->settings.feed));
}

int sink_feed_partition(struct sink *sink, int32_t partition, struct error *error) {
    size_t before = sink->block_count;
    bool gap = false;
    int status = sink_gather(sink, partition, &gap, error);
    return status ? status : sink_turn(sink, partition, sink->block_count > before, gap, error);
}

int sink_feed(struct sink *sink, struct error *error) {
    int64_t now = clock_monotonic_ns(sink->settings.clock);
    int status = 0;
    if (!sink_feed_due(sink, now))
        return 0;
    sink->last_feed_ns = now;
    for (int32_t p = 0; p < sink->partitions && !status; p++)
        status = sink->at[p].ours ? sink_feed_partition(sink, p, error) : 0;
    return sink_take_blocks(sink, status, error);
}

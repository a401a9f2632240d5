/* Each worker gathers a block for each partition of a topic until its commit. A partition of which one row cannot be
 * taken is left to the sink for this commit. */
#include "stream/sink/store_tap.h"

#include <stddef.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/sink/store_columns.h"

struct store_tap {
    struct tap base;
    struct store *store;
    struct window_bounds bounds; /* of the topic's windows */
    char topic[BUS_TOPIC_NAME_MAXIMUM + 1];
    struct feed feed;
    atomic_bool taken; /* a sink has the feed */
};

struct store_tap_writer {
    struct store_tap *tap;
    struct store_columns columns;
    struct store_writer *writer; /* of rows that join a transaction; NULL: none has yet */
    bool may_join;               /* it is not known that the log's transaction is none of the store */
    int32_t partition_count;
    struct tap_partition {
        struct store_block *block; /* NULL: none yet */
        int64_t records;           /* that were added */
        bool left;                 /* to the sink */
        bool joined;               /* the rows are part of the open transaction, or of the last one */
    } * partitions;
};

/* --- blocks
 * ------------------------------------------------------------------------------------------------------------------ */

static void block_free(struct feed_block *base) {
    struct store_block *block = (struct store_block *)base;
    arena_release(&block->arena);
    free(block->rows);
    free(block);
}

static bool block_add(struct store_block *block, const struct aggregate_row *row) {
    struct arena *arena = &block->arena;
    if (!memory_reserve((void **)&block->rows, &block->capacity, block->count + 1, sizeof *block->rows))
        return false;
    struct aggregate_row *copy = &block->rows[block->count];
    *copy = *row;
    copy->key = arena_copy(arena, row->key);
    copy->series = (struct series){arena_copy(arena, row->series.gateway), arena_copy(arena, row->series.type),
                                   arena_copy(arena, row->series.attribute)};
    bool room = !(row->key.data && !copy->key.data) && copy->series.gateway.data && copy->series.type.data &&
                copy->series.attribute.data;
    block->count += room;
    return room;
}

/* --- a writer
 * ------------------------------------------------------------------------------------------------------------------ */

static void tap_close(void *context) {
    struct store_tap_writer *writer = context;
    for (int32_t p = 0; writer->partitions && p < writer->partition_count; p++)
        if (writer->partitions[p].block)
            block_free(&writer->partitions[p].block->base);
    store_writer_close(writer->writer);
    free(writer->partitions);
    free(writer);
}

static int tap_open(struct tap *base, const struct sink_plan *sink, int32_t partitions, void **ret_writer,
                    struct error *error) {
    struct store_tap *tap = (struct store_tap *)base;
    struct store_columns columns;
    *ret_writer = NULL;
    if (!store_columns_find(sink, &tap->bounds, &columns))
        return 0;
    struct store_tap_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    *writer = (struct store_tap_writer){.tap = tap,
                                        .columns = columns,
                                        .may_join = !store_is_remote(tap->store),
                                        .partition_count = partitions,
                                        .partitions = memory_zero((size_t)partitions, sizeof *writer->partitions)};
    if (!writer->partitions) {
        tap_close(writer);
        return error_no_memory(error);
    }
    *ret_writer = writer;
    return 0;
}

/* Rows that join the log's transaction are in the store with it, also before the sink has the partition. */
static bool tap_wants(const struct store_tap_writer *writer, int32_t partition) {
    return writer->may_join ? atomic_load(&writer->tap->taken) : feed_wanted(&writer->tap->feed, partition);
}

static int tap_add(void *context, int32_t partition, const struct rows *rows, uint32_t row,
                   const struct bus_record *record, struct error *error) {
    struct store_tap_writer *writer = context;
    struct tap_partition *at = &writer->partitions[partition];
    struct aggregate_row read;
    if (at->left)
        return 0;
    if (!at->block && tap_wants(writer, partition)) {
        at->block = memory_zero(1, sizeof *at->block);
        if (!at->block)
            return error_no_memory(error);
        at->block->base = (struct feed_block){.partition = partition, .free = block_free};
    }
    at->records++;
    if (!at->block || (record->value.data && !store_columns_read(&writer->columns, rows, row, record, &read)))
        at->left = true;
    else if (record->value.data && !block_add(at->block, &read))
        return error_no_memory(error);
    return 0;
}

/* --- the commit
 * ------------------------------------------------------------------------------------------------------------------ */

static int tap_join_partition(struct store_tap_writer *writer, struct tap_partition *at, struct database *transaction,
                              struct error *error) {
    struct store_block *block = at->block;
    block->base.place = feed_place(&writer->tap->feed, block->base.partition);
    at->joined = true;
    return block->count
               ? store_write(writer->writer, transaction, &writer->tap->bounds.window, block->rows, block->count, error)
               : 0;
}

static int tap_join(void *context, struct database *transaction, struct error *error) {
    struct store_tap_writer *writer = context;
    struct store *store = writer->tap->store;
    writer->may_join = writer->may_join && store_joins(store, transaction);
    if (!writer->may_join)
        return 0;
    int status = writer->writer ? 0 : store_writer_open(store, &writer->writer, error);
    for (int32_t p = 0; p < writer->partition_count && !status; p++)
        if (writer->partitions[p].block && !writer->partitions[p].left)
            status = tap_join_partition(writer, &writer->partitions[p], transaction, error);
    return status;
}

static void tap_rolled_back(void *context) {
    struct store_tap_writer *writer = context;
    if (writer->writer)
        store_writer_rolled_back(writer->writer);
    for (int32_t p = 0; p < writer->partition_count; p++)
        writer->partitions[p].joined = false;
}

static void tap_committed(void *context, int32_t partition, int64_t from, int64_t to) {
    struct store_tap_writer *writer = context;
    struct tap_partition *at = &writer->partitions[partition];
    struct store_block *block = at->block;
    writer->may_join = writer->may_join && (at->joined || !block || at->left); /* else there was nothing to join */
    if (!block || at->left)
        return;
    block->base.from = from;
    block->base.first = to - at->records;
    block->base.to = to;
    block->base.bytes = at->joined ? 0 : sizeof *block + block->arena.given + block->capacity * sizeof *block->rows;
    at->block = NULL;
    feed_add(&writer->tap->feed, &block->base);
}

static void tap_clear(void *context) {
    struct store_tap_writer *writer = context;
    for (int32_t p = 0; p < writer->partition_count; p++) {
        if (writer->partitions[p].block)
            block_free(&writer->partitions[p].block->base);
        writer->partitions[p] = (struct tap_partition){0};
    }
}

/* --- the taps of a run
 * ------------------------------------------------------------------------------------------------------------------ */

static struct store_tap *taps_find(const struct store_taps *taps, const char *topic) {
    for (size_t i = 0; i < taps->count; i++)
        if (strcmp(taps->taps[i]->topic, topic) == 0)
            return taps->taps[i];
    return NULL;
}

int store_taps_add(struct store_taps *taps, struct store *store, const char *topic, const struct store_window *window,
                   struct error *error) {
    if (taps_find(taps, topic) || strlen(topic) > BUS_TOPIC_NAME_MAXIMUM)
        return 0;
    struct store_tap *tap = memory_zero(1, sizeof *tap);
    if (!tap || !memory_reserve((void **)&taps->taps, &taps->capacity, taps->count + 1, sizeof(struct store_tap *))) {
        free(tap);
        return error_no_memory(error);
    }
    int status = window_bounds_open(&tap->bounds, window, error);
    if (status) {
        window_bounds_release(&tap->bounds);
        free(tap);
        return status;
    }
    tap->base = (struct tap){.open = tap_open,
                             .add = tap_add,
                             .join = tap_join,
                             .rolled_back = tap_rolled_back,
                             .committed = tap_committed,
                             .clear = tap_clear,
                             .close = tap_close};
    tap->store = store;
    strcpy(tap->topic, topic);
    feed_open(&tap->feed);
    taps->taps[taps->count++] = tap;
    return 0;
}

void store_taps_release(struct store_taps *taps) {
    for (size_t i = 0; i < taps->count; i++) {
        feed_close(&taps->taps[i]->feed);
        window_bounds_release(&taps->taps[i]->bounds);
        free(taps->taps[i]);
    }
    free(taps->taps);
    *taps = (struct store_taps){0};
}

struct tap *store_taps_find(void *context, const char *topic) {
    struct store_tap *tap = taps_find(context, topic);
    return tap ? &tap->base : NULL;
}

struct feed *store_taps_take_feed(struct store_taps *taps, const char *topic) {
    struct store_tap *tap = taps ? taps_find(taps, topic) : NULL;
    return tap && !atomic_exchange(&tap->taken, true) ? &tap->feed : NULL;
}

void store_taps_return_feed(struct feed *feed) {
    struct store_tap *tap = (struct store_tap *)((char *)feed - offsetof(struct store_tap, feed));
    for (int32_t p = 0; p < BUS_PARTITIONS_MAXIMUM; p++)
        feed_begin(feed, p, -1);
    atomic_store(&tap->taken, false);
}

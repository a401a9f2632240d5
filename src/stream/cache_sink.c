/* Entries gather in a table by key, the newest of each, until the flush or until there are many; so a gateway that sends a hundred readings between two flushes costs
 * one write. Readings that cannot be read are the aggregate query's mail, not ours. */
#include "stream/cache_sink.h"

#include <stdlib.h>

#include "codec/reading_decoder.h"
#include "core/arena.h"
#include "core/hash.h"
#include "core/memory.h"
#include "model/series.h"

enum { TABLE_SIZE = 1 << 17, TABLE_FULL = TABLE_SIZE / 2 };

struct cache_sink {
    struct cache_writer *writer;
    struct reading_decoder *decoder;
    struct batch *batch;
    bool values;
    int64_t max_ahead;
    struct arena keys;
    uint32_t *slots;                 /* place in `entries` + 1, by hash; 0: empty */
    struct cache_entry *entries;     /* room for TABLE_FULL */
    size_t count;
};

static void cache_sink_close(void *context) {
    struct cache_sink *sink = context;
    cache_writer_close(sink->writer);
    reading_decoder_free(sink->decoder);
    batch_free(sink->batch);
    arena_release(&sink->keys);
    free(sink->slots);
    free(sink->entries);
    free(sink);
}

int cache_sink_new(struct cache *cache, const struct registry *registry, bool values, int64_t max_ahead, void **ret_context, struct error *error) {
    struct cache_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    sink->values = values;
    sink->max_ahead = max_ahead;
    sink->slots = memory_zero(TABLE_SIZE, sizeof *sink->slots);
    sink->entries = memory_zero(TABLE_FULL, sizeof *sink->entries);
    sink->batch = batch_new(&schema_reading, 4096);
    int status = sink->slots && sink->entries && sink->batch ? reading_decoder_new(registry, &sink->decoder, error) : error_no_memory(error);
    if (!status)
        status = cache_writer_open(cache, &sink->writer, error);
    if (status) {
        cache_sink_close(sink);
        return status;
    }
    *ret_context = sink;
    return 0;
}

static int cache_sink_flush(void *context, struct error *error) {
    struct cache_sink *sink = context;
    int status = cache_write(sink->writer, sink->entries, sink->count, error);
    /* After an error the sink goes back to its positions and all of it comes again. */
    memset(sink->slots, 0, TABLE_SIZE * sizeof *sink->slots);
    sink->count = 0;
    arena_reset(&sink->keys);
    return status;
}

static int cache_sink_put(struct cache_sink *sink, const struct cache_entry *entry, struct error *error) {
    size_t slot = hash_bytes(entry->key.data, entry->key.length, entry->has_value) % TABLE_SIZE;
    while (sink->slots[slot]) {
        struct cache_entry *known = &sink->entries[sink->slots[slot] - 1];
        if (known->has_value == entry->has_value && slice_equal(known->key, entry->key)) {
            if (entry->timestamp >= known->timestamp) {
                known->timestamp = entry->timestamp;
                known->value = entry->value;
            }
            return 0;
        }
        slot = (slot + 1) % TABLE_SIZE;
    }
    if (sink->count == TABLE_FULL) {
        int status = cache_sink_flush(sink, error);
        return status ? status : cache_sink_put(sink, entry, error);
    }
    struct slice key = arena_copy(&sink->keys, entry->key);
    if (!key.data)
        return error_no_memory(error);
    sink->entries[sink->count] = *entry;
    sink->entries[sink->count++].key = key;
    sink->slots[slot] = (uint32_t)sink->count;
    return 0;
}

static int cache_sink_reading(struct cache_sink *sink, size_t row, struct error *error) {
    const union column *columns = sink->batch->columns;
    struct series series = {columns[READING_GATEWAY].strings[row], columns[READING_TYPE].strings[row], columns[READING_ATTRIBUTE].strings[row]};
    struct cache_entry entry = {.key = series.gateway, .timestamp = columns[READING_TIMESTAMP].integers[row]};
    int status = cache_sink_put(sink, &entry, error);
    if (status || !sink->values)
        return status;
    char key[SERIES_KEY_MAXIMUM];
    series_key_write(&series, key);
    entry = (struct cache_entry){{key, series_key_length(&series)}, entry.timestamp, true, columns[READING_VALUE].doubles[row]};
    return cache_sink_put(sink, &entry, error);
}

static int cache_sink_write(void *context, const struct bus_batch *records, struct mail *mail, struct error *error) {
    struct cache_sink *sink = context;
    (void)mail;
    int status = reading_decoder_decode(sink->decoder, &records->records[0].value, sizeof records->records[0], records->count, records->base_offset, sink->batch, error);
    for (size_t row = 0; row < sink->batch->count && !status; row++) {
        int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
        if (sink->batch->status[row] == ROW_GOOD && (clock < 0 || sink->batch->columns[READING_TIMESTAMP].integers[row] - sink->max_ahead <= clock))
            status = cache_sink_reading(sink, row, error);
    }
    return status;
}

const struct sink_target cache_sink_target = {"the cache sink", cache_sink_write, cache_sink_flush, cache_sink_close};

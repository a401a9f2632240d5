#include "stream/sink/cache_gather.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"

enum { TABLE_SIZE = 1 << 17, TABLE_FULL = TABLE_SIZE / 2 };

int cache_gather_open(struct cache_gather *gather, struct cache *cache, struct error *error) {
    *gather = (struct cache_gather){.slots = memory_zero(TABLE_SIZE, sizeof *gather->slots),
                                    .entries = memory_zero(TABLE_FULL, sizeof *gather->entries)};
    int status =
        gather->slots && gather->entries ? cache_writer_open(cache, &gather->writer, error) : error_no_memory(error);
    if (status)
        cache_gather_close(gather);
    return status;
}

void cache_gather_close(struct cache_gather *gather) {
    cache_writer_close(gather->writer);
    arena_release(&gather->keys);
    free(gather->slots);
    free(gather->entries);
    *gather = (struct cache_gather){0};
}

int cache_gather_flush(struct cache_gather *gather, struct error *error) {
    int status = cache_write(gather->writer, gather->entries, gather->count, error);
    if (status)
        return status;
    memset(gather->slots, 0, TABLE_SIZE * sizeof *gather->slots);
    gather->count = 0;
    arena_reset(&gather->keys);
    return 0;
}

int cache_gather_marked(void *gather, const char *mark, bool *ret_marked, struct error *error) {
    return cache_marked(((struct cache_gather *)gather)->writer, mark, ret_marked, error);
}

int cache_gather_mark(void *gather, const char *mark, struct error *error) {
    return cache_mark(((struct cache_gather *)gather)->writer, mark, error);
}

int cache_gather_put(struct cache_gather *gather, const struct cache_entry *entry, struct error *error) {
    size_t slot = hash_bytes(entry->key.data, entry->key.length, hash_seed() + entry->has_value) % TABLE_SIZE;
    while (gather->slots[slot]) {
        struct cache_entry *known = &gather->entries[gather->slots[slot] - 1];
        if (known->has_value == entry->has_value && slice_equal(known->key, entry->key)) {
            if (entry->timestamp >= known->timestamp) {
                known->timestamp = entry->timestamp;
                known->value = entry->value;
            }
            return 0;
        }
        slot = (slot + 1) % TABLE_SIZE;
    }
    if (gather->count == TABLE_FULL) {
        int status = cache_gather_flush(gather, error);
        return status ? status : cache_gather_put(gather, entry, error);
    }
    struct slice key = arena_copy(&gather->keys, entry->key);
    if (!key.data)
        return error_no_memory(error);
    gather->entries[gather->count] = *entry;
    gather->entries[gather->count++].key = key;
    gather->slots[slot] = (uint32_t)gather->count;
    return 0;
}

#include "stream/state/series_table.h"

#include "core/hash.h"
#include "core/memory.h"

static uint32_t series_hash(const struct series *series) {
    uint64_t hash = hash_bytes(series->gateway.data, series->gateway.length, 0);
    hash = hash_bytes(series->type.data, series->type.length, hash);
    hash = hash_bytes(series->attribute.data, series->attribute.length, hash);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t series_lengths(const struct series *series) {
    return (uint32_t)(series->gateway.length << 20 | series->type.length << 10 | series->attribute.length);
}

bool series_table_open(struct series_table *table, size_t size_count) {
    *table = (struct series_table){.slot_count = 256, .size_count = size_count};
    table->records.element_size = sizeof(struct series_record) + size_count * sizeof(uint32_t);
    table->slots = memory_zero(table->slot_count, sizeof(uint64_t));
    return table->slots != NULL;
}

void series_table_close(struct series_table *table) {
    for (size_t i = 0; i < table->key_blocks; i++)
        free(table->keys[i]);
    free(table->keys);
    free(table->slots);
    chunks_release(&table->records);
}

size_t series_table_memory(const struct series_table *table) {
    return table->slot_count * sizeof(uint64_t) + chunks_memory(&table->records) +
           table->key_blocks * (SERIES_KEY_BLOCK + sizeof(char *));
}

static bool series_equal(const struct series_table *table, const struct series_record *record,
                         const struct series *series) {
    if (record->lengths != series_lengths(series))
        return false;
    const char *key = series_record_key(table, record);
    size_t gateway = series->gateway.length, type = series->type.length;
    return memcmp(key, series->gateway.data, gateway) == 0 && memcmp(key + gateway + 1, series->type.data, type) == 0 &&
           memcmp(key + gateway + type + 2, series->attribute.data, series->attribute.length) == 0;
}

/* Room for `length` key bytes; never across two blocks. */
static char *series_key_reserve(struct series_table *table, size_t length, uint32_t *ret_offset) {
    if (table->key_blocks == 0 || table->key_used + length > SERIES_KEY_BLOCK) {
        if (table->key_blocks >= UINT32_MAX / SERIES_KEY_BLOCK ||
            !memory_reserve((void **)&table->keys, &table->key_block_capacity, table->key_blocks + 1, sizeof(char *)))
            return NULL;
        char *block = memory_large(SERIES_KEY_BLOCK, 1);
        if (!block)
            return NULL;
        table->keys[table->key_blocks++] = block;
        table->key_used = 0;
    }
    *ret_offset = (uint32_t)((table->key_blocks - 1) * SERIES_KEY_BLOCK + table->key_used);
    return table->keys[table->key_blocks - 1] + table->key_used;
}

static void series_slot_put(struct series_table *table, uint64_t slot) {
    size_t mask = table->slot_count - 1, at = (slot >> 32) & mask;
    while (table->slots[at])
        at = (at + 1) & mask;
    table->slots[at] = slot;
}

static bool series_slots_grow(struct series_table *table) {
    uint64_t *old = table->slots;
    size_t old_count = table->slot_count;
    uint64_t *slots = memory_large(old_count * 2, sizeof(uint64_t));
    if (!slots)
        return false;
    memset(slots, 0, old_count * 2 * sizeof(uint64_t));
    table->slots = slots;
    table->slot_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++)
        if (old[i])
            series_slot_put(table, old[i]);
    free(old);
    return true;
}

static bool series_add(struct series_table *table, const struct series *series, uint32_t hash, uint32_t *ret_record) {
    if ((table->records.live + 1) * (size_t)4 > table->slot_count * 3 && !series_slots_grow(table))
        return false;
    uint32_t key_offset, index;
    size_t length = series_key_length(series);
    char *key = series_key_reserve(table, length, &key_offset);
    if (!key || !chunks_take(&table->records, &index))
        return false;
    series_key_write(series, key);
    table->key_used += (uint32_t)length;
    struct series_record *record = series_record_at(table, index);
    record->key = key_offset;
    record->lengths = series_lengths(series);
    for (size_t i = 0; i < table->size_count; i++)
        record->cells[i] = CHUNKS_NONE;
    series_slot_put(table, (uint64_t)hash << 32 | (index + 1));
    *ret_record = index;
    return true;
}

static bool series_find_one(struct series_table *table, const struct series *series, uint32_t hash,
                            uint32_t *ret_record) {
    size_t mask = table->slot_count - 1;
    for (size_t at = hash & mask; table->slots[at]; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 != hash)
            continue;
        uint32_t index = (uint32_t)table->slots[at] - 1;
        if (series_equal(table, series_record_at(table, index), series)) {
            *ret_record = index;
            return true;
        }
    }
    return series_add(table, series, hash, ret_record);
}

/* Starts the loads that series_find_one will wait for: slots, then records, then key bytes. */
static void series_prefetch(const struct series_table *table, const uint32_t *hashes, size_t count) {
    size_t mask = table->slot_count - 1;
    uint32_t candidates[SERIES_RUN];
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = table->slots[hashes[i] & mask];
        candidates[i] = slot ? (uint32_t)slot - 1 : CHUNKS_NONE;
        if (slot)
            __builtin_prefetch(series_record_at(table, candidates[i]));
    }
    for (size_t i = 0; i < count; i++)
        if (candidates[i] != CHUNKS_NONE)
            __builtin_prefetch(series_record_key(table, series_record_at(table, candidates[i])));
}

bool series_table_find(struct series_table *table, const struct batch *batch, size_t first, size_t count,
                       uint32_t *ret_records) {
    const struct slice *gateways = batch->columns[READING_GATEWAY].strings + first,
                       *types = batch->columns[READING_TYPE].strings + first,
                       *attributes = batch->columns[READING_ATTRIBUTE].strings + first;
    uint32_t hashes[SERIES_RUN], rows[SERIES_RUN];
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        if (batch->status[first + i] != ROW_GOOD)
            continue;
        rows[good] = (uint32_t)i;
        hashes[good] = series_hash(&(struct series){gateways[i], types[i], attributes[i]});
        __builtin_prefetch(&table->slots[hashes[good] & (table->slot_count - 1)]);
        good++;
    }
    if (table->records.live > 4096)
        series_prefetch(table, hashes, good);
    for (size_t g = 0; g < good; g++) {
        size_t i = rows[g];
        if (!series_find_one(table, &(struct series){gateways[i], types[i], attributes[i]}, hashes[g], &ret_records[i]))
            return false;
    }
    return true;
}

static bool series_in_use(const struct series_table *table, const struct series_record *record) {
    for (size_t i = 0; i < table->size_count; i++)
        if (record->cells[i] != CHUNKS_NONE)
            return true;
    return false;
}

bool series_table_rebuild(struct series_table *table, uint32_t **ret_moved) {
    uint32_t count = table->records.used;
    uint32_t *moved = memory_zero(count, sizeof *moved);
    struct series_table next;
    bool done = moved && series_table_open(&next, table->size_count);
    if (!done) {
        free(moved);
        return false;
    }
    for (uint32_t i = 0; done && i < count; i++) {
        const struct series_record *record = series_record_at(table, i);
        moved[i] = CHUNKS_NONE;
        if (!series_in_use(table, record))
            continue;
        struct slice key;
        struct series series = series_record_series(table, record, &key);
        done = series_add(&next, &series, series_hash(&series), &moved[i]);
        if (done)
            memcpy(series_record_at(&next, moved[i])->cells, record->cells, table->size_count * sizeof(uint32_t));
    }
    if (!done) {
        series_table_close(&next);
        free(moved);
        return false;
    }
    series_table_close(table);
    *table = next;
    *ret_moved = moved;
    return true;
}

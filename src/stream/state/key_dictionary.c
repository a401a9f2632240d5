/* A key is stored as its length, its bytes, and the lengths of its parts but the last; numbers as LEB128. Keys lie one
 * after the other in blocks; a long one has a block of its own. What forgotten keys leave is taken back by copying the
 * live ones when it is more than they are. */
#include "stream/state/key_dictionary.h"

#include <string.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/varint.h"

enum { BLOCK_SHIFT = 16, BLOCK = 1 << BLOCK_SHIFT, BLOCKS_MAXIMUM = 1 << 16, ENTRY_SHIFT = 15, SLOTS_MINIMUM = 64 };
enum {
    FIRST_BLOCK = 1 << 10,
    DEAD_MINIMUM = 1 << 12,
    PREFETCH_FROM = 4096,
    FOLLOWERS_MAXIMUM = 4096,
    UNLIKE_RUNS = 31
};

#define KEY_LISTED UINT32_C(0x80000000)

bool key_dictionary_open(struct key_dictionary *keys, const size_t *parts, size_t part_count) {
    *keys = (struct key_dictionary){.free = KEY_NONE,
                                    .last = KEY_NONE,
                                    .slot_count = SLOTS_MINIMUM,
                                    .parts = parts,
                                    .part_count = part_count,
                                    .entries = {.element_size = sizeof(struct key_entry), .shift = ENTRY_SHIFT}};
    keys->slots = memory_zero(SLOTS_MINIMUM, sizeof *keys->slots);
    return keys->slots != NULL;
}

static void blocks_release(char **blocks, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    free(blocks);
}

void key_dictionary_close(struct key_dictionary *keys) {
    slabs_release(&keys->entries);
    blocks_release(keys->blocks, keys->block_count);
    free(keys->slots);
    free(keys->idle);
    free(keys->ids);
    free(keys->followers);
    bytes_release(&keys->scratch);
}

size_t key_dictionary_memory(const struct key_dictionary *keys) {
    return slabs_memory(&keys->entries) + keys->slot_count * sizeof *keys->slots + keys->block_memory +
           keys->block_capacity * sizeof(char *) + keys->idle_capacity * sizeof *keys->idle +
           keys->id_capacity * sizeof *keys->ids + keys->follower_capacity * sizeof *keys->followers;
}

/* --- key bytes
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *stored_at(const struct key_dictionary *keys, uint32_t key) {
    return keys->blocks[key >> BLOCK_SHIFT] + (key & (BLOCK - 1));
}

/* What was written by the dictionary itself. */
static size_t stored_number(const char **at) {
    size_t number = (uint8_t) * (*at)++;
    if (number < 0x80)
        return number;
    number &= 0x7f;
    for (unsigned shift = 7;; shift += 7) {
        uint8_t byte = (uint8_t) * (*at)++;
        number |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
}

static struct slice stored_key(const char *at) {
    size_t length = stored_number(&at);
    return (struct slice){at, length};
}

/* Where the stored form ends. */
static const char *stored_end(const struct key_dictionary *keys, struct slice key) {
    const char *at = key.data + key.length;
    for (size_t i = 1; i < keys->part_count; i++)
        stored_number(&at);
    return at;
}

static size_t stored_length(const struct key_dictionary *keys, uint32_t key) {
    const char *at = stored_at(keys, key);
    return (size_t)(stored_end(keys, stored_key(at)) - at);
}

struct slice key_dictionary_key(const struct key_dictionary *keys, uint32_t id) {
    return stored_key(stored_at(keys, key_dictionary_entry(keys, id)->key));
}

struct slice key_dictionary_part(const struct key_dictionary *keys, uint32_t id, size_t number) {
    struct slice key = key_dictionary_key(keys, id);
    const char *at = key.data + key.length;
    size_t from = 0;
    for (size_t i = 0; i < number; i++)
        from += stored_number(&at) + 1;
    from = from < key.length ? from : key.length;
    size_t length = number + 1 < keys->part_count ? stored_number(&at) : key.length - from;
    return (struct slice){key.data + from, length < key.length - from ? length : key.length - from};
}

int key_dictionary_compare(const struct key_dictionary *keys, uint32_t a, uint32_t b) {
    struct slice x = key_dictionary_key(keys, a), y = key_dictionary_key(keys, b);
    const char *left = x.data + x.length, *right = y.data + y.length;
    int order = slice_compare(x, y);
    for (size_t i = 1; i < keys->part_count && order == 0; i++) {
        size_t m = stored_number(&left), n = stored_number(&right);
        order = (m > n) - (m < n);
    }
    return order;
}

/* The length of part `number` in a row of the batch. */
static size_t part_length(const struct key_dictionary *keys, size_t number, uint32_t row) {
    const struct vector *vector = &keys->columns[keys->parts[number]];
    size_t at = row & vector->mask;
    return vector->nulls[at] ? 0 : vector->texts[at].length;
}

/* The stored form, in `scratch`. */
static bool stored_write(struct key_dictionary *keys, struct slice key, uint32_t row) {
    struct bytes *to = &keys->scratch;
    to->length = 0;
    bytes_append_varint(to, key.length);
    bytes_append_slice(to, key);
    for (size_t i = 0; i + 1 < keys->part_count; i++)
        bytes_append_varint(to, part_length(keys, i, row));
    return !to->failed;
}

static bool stored_equal(const struct key_dictionary *keys, const char *at, struct slice key, uint32_t row) {
    struct slice stored = stored_key(at);
    if (stored.length != key.length || !text_same(stored.data, key.data, key.length))
        return false;
    at = stored.data + stored.length;
    for (size_t i = 0; i + 1 < keys->part_count; i++)
        if (stored_number(&at) != part_length(keys, i, row))
            return false;
    return true;
}

static bool block_add(struct key_dictionary *keys, size_t size) {
    if (keys->block_count == BLOCKS_MAXIMUM ||
        !memory_reserve((void **)&keys->blocks, &keys->block_capacity, keys->block_count + 1, sizeof(char *)))
        return false;
    char *block = memory_resize(NULL, size, 1);
    if (!block)
        return false;
    keys->blocks[keys->block_count++] = block;
    keys->block_memory += size;
    keys->block_used = 0;
    return true;
}

/* The size of the last block: the first doubles up to BLOCK. */
static size_t block_size(const struct key_dictionary *keys) {
    return keys->block_count == 1 ? keys->block_memory : BLOCK;
}

static bool block_grow(struct key_dictionary *keys, size_t need) {
    size_t size = keys->block_memory;
    while (size < need)
        size *= 2;
    char *block = memory_resize(keys->blocks[0], size, 1);
    if (!block)
        return false;
    keys->blocks[0] = block;
    keys->block_memory = size;
    return true;
}

static bool stored_keep(struct key_dictionary *keys, const char *bytes, size_t length, uint32_t *ret_key) {
    bool fits =
        keys->block_count && keys->block_used + length <= block_size(keys) && keys->block_used + length <= BLOCK;
    if (!fits && keys->block_count == 1 && keys->block_memory < BLOCK && keys->block_used + length <= BLOCK)
        fits = block_grow(keys, keys->block_used + length);
    if (!fits && !block_add(keys, length > BLOCK                              ? length
                                  : keys->block_count || length > FIRST_BLOCK ? BLOCK
                                                                              : FIRST_BLOCK))
        return false;
    memcpy(keys->blocks[keys->block_count - 1] + keys->block_used, bytes, length);
    *ret_key = (uint32_t)((keys->block_count - 1) << BLOCK_SHIFT | keys->block_used);
    keys->block_used += length;
    if (length > BLOCK)
        keys->block_used = BLOCK;
    keys->key_bytes += length;
    return true;
}

/* Copies the live keys to new blocks. Failing for want of memory changes nothing. */
static void stored_compact(struct key_dictionary *keys) {
    struct key_dictionary old = *keys;
    uint32_t *moved = memory_resize(NULL, keys->live ? keys->live : 1, sizeof *moved);
    size_t count = 0;
    bool good = moved != NULL;
    keys->blocks = NULL;
    keys->block_count = keys->block_capacity = keys->block_used = keys->block_memory = 0;
    keys->key_bytes = keys->dead_bytes = 0;
    for (size_t i = 0; i < keys->slot_count && good; i++)
        if (keys->slots[i]) {
            uint32_t key = key_dictionary_entry(keys, keys->slots[i] - 1)->key;
            good = stored_keep(keys, stored_at(&old, key), stored_length(&old, key), &moved[count++]);
        }
    if (good) {
        count = 0;
        for (size_t i = 0; i < keys->slot_count; i++)
            if (keys->slots[i])
                key_dictionary_entry(keys, keys->slots[i] - 1)->key = moved[count++];
        blocks_release(old.blocks, old.block_count);
    } else {
        blocks_release(keys->blocks, keys->block_count);
        *keys = old;
    }
    free(moved);
}

/* --- slots
 * ------------------------------------------------------------------------------------------------------------------ */

static uint32_t entry_hash(const struct key_entry *entry) {
    return entry->hash & ~KEY_LISTED;
}

static void slot_put(const struct key_dictionary *keys, uint32_t *slots, size_t mask, uint32_t slot) {
    size_t at = entry_hash(key_dictionary_entry(keys, slot - 1)) & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = slot;
}

static bool slots_grow(struct key_dictionary *keys) {
    size_t count = keys->slot_count * 2;
    uint32_t *slots = memory_large(count, sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, count * sizeof *slots);
    for (size_t i = 0; i < keys->slot_count; i++)
        if (keys->slots[i])
            slot_put(keys, slots, count - 1, keys->slots[i]);
    free(keys->slots);
    keys->slots = slots;
    keys->slot_count = count;
    return true;
}

static void slot_remove(struct key_dictionary *keys, uint32_t id) {
    size_t mask = keys->slot_count - 1, hole = entry_hash(key_dictionary_entry(keys, id)) & mask;
    while (keys->slots[hole] != id + 1)
        hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; keys->slots[at]; at = (at + 1) & mask) {
        size_t home = entry_hash(key_dictionary_entry(keys, keys->slots[at] - 1)) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            keys->slots[hole] = keys->slots[at];
            hole = at;
        }
    }
    keys->slots[hole] = 0;
}

/* --- entries
 * ------------------------------------------------------------------------------------------------------------------ */

bool key_dictionary_join(struct key_dictionary *keys, unsigned *ret_lane) {
    size_t lanes = keys->lane_count;
    struct slabs wider = {.element_size = sizeof(struct key_entry) + (lanes + 1) * sizeof(uint32_t),
                          .shift = ENTRY_SHIFT};
    if (!slabs_reserve(&wider, keys->used)) {
        slabs_release(&wider);
        return false;
    }
    for (uint32_t id = 0; id < keys->used; id++) {
        struct key_entry *entry = slabs_at(&wider, id);
        memcpy(entry, key_dictionary_entry(keys, id), keys->entries.element_size);
        entry->heads[lanes] = KEY_NONE;
    }
    slabs_release(&keys->entries);
    keys->entries = wider;
    *ret_lane = (unsigned)keys->lane_count++;
    return true;
}

void key_dictionary_leave(struct key_dictionary *keys, unsigned lane) {
    for (size_t i = 0; i < keys->slot_count; i++)
        if (keys->slots[i]) {
            *key_dictionary_head(keys, keys->slots[i] - 1, lane) = KEY_NONE;
            key_dictionary_idle(keys, keys->slots[i] - 1);
        }
}

bool key_dictionary_idle(struct key_dictionary *keys, uint32_t id) {
    struct key_entry *entry = key_dictionary_entry(keys, id);
    if (entry->hash & KEY_LISTED)
        return true;
    if (!memory_reserve((void **)&keys->idle, &keys->idle_capacity, keys->idle_count + 1, sizeof *keys->idle))
        return false;
    keys->idle[keys->idle_count++] = id;
    entry->hash |= KEY_LISTED;
    return true;
}

static bool entry_is_idle(const struct key_dictionary *keys, const struct key_entry *entry) {
    for (size_t lane = 0; lane < keys->lane_count; lane++)
        if (entry->heads[lane] != KEY_NONE)
            return false;
    return true;
}

static void followers_forget(struct key_dictionary *keys) {
    if (keys->follower_capacity)
        memset(keys->followers, 0xff, keys->follower_capacity * sizeof *keys->followers);
    keys->last = KEY_NONE;
}

static void key_forget(struct key_dictionary *keys, uint32_t id) {
    struct key_entry *entry = key_dictionary_entry(keys, id);
    size_t length = stored_length(keys, entry->key);
    slot_remove(keys, id);
    keys->key_bytes -= length;
    keys->dead_bytes += length;
    entry->key = keys->free;
    keys->free = id;
    keys->live--;
}

static void keys_sweep(struct key_dictionary *keys) {
    uint32_t live = keys->live;
    for (size_t i = 0; i < keys->idle_count; i++) {
        struct key_entry *entry = key_dictionary_entry(keys, keys->idle[i]);
        entry->hash &= ~KEY_LISTED;
        if (entry_is_idle(keys, entry))
            key_forget(keys, keys->idle[i]);
    }
    keys->idle_count = 0;
    if (keys->live != live)
        followers_forget(keys);
    if (keys->dead_bytes > keys->key_bytes && keys->dead_bytes > DEAD_MINIMUM)
        stored_compact(keys);
}

bool key_dictionary_begin(struct key_dictionary *keys, uint64_t batch, const struct vector *columns, size_t rows) {
    keys_sweep(keys);
    keys->batch = 0;
    if (!memory_reserve((void **)&keys->ids, &keys->id_capacity, rows ? rows : 1, sizeof *keys->ids))
        return false;
    memset(keys->ids, 0xff, rows * sizeof *keys->ids);
    keys->rows = rows;
    keys->found = 0;
    keys->columns = columns;
    keys->batch = batch;
    return true;
}

static bool entry_take(struct key_dictionary *keys, uint32_t *ret_id) {
    if (keys->free != KEY_NONE) {
        *ret_id = keys->free;
        return true;
    }
    if (!slabs_reserve(&keys->entries, (uint64_t)keys->used + 1))
        return false;
    *ret_id = keys->used;
    return true;
}

/* A key that is there from now on, with nothing open. */
static bool key_add(struct key_dictionary *keys, struct slice key, uint32_t row, uint32_t hash, uint32_t *ret_id) {
    uint32_t id, stored;
    if (key.length >= 1u << 28 || (((size_t)keys->live + 1) * 4 > keys->slot_count * 3 && !slots_grow(keys)) ||
        !entry_take(keys, &id) || !stored_write(keys, key, row) ||
        !stored_keep(keys, keys->scratch.data, keys->scratch.length, &stored))
        return false;
    struct key_entry *entry = key_dictionary_entry(keys, id);
    if (id == keys->used)
        keys->used++;
    else
        keys->free = entry->key;
    entry->key = stored;
    entry->hash = hash;
    for (size_t lane = 0; lane < keys->lane_count; lane++)
        entry->heads[lane] = KEY_NONE;
    slot_put(keys, keys->slots, keys->slot_count - 1, id + 1);
    keys->live++;
    *ret_id = id;
    return key_dictionary_idle(keys, id);
}

static bool key_find(struct key_dictionary *keys, struct slice key, uint32_t row, uint32_t hash, uint32_t *ret_id) {
    size_t mask = keys->slot_count - 1;
    for (size_t at = hash & mask; keys->slots[at]; at = (at + 1) & mask) {
        const struct key_entry *entry = key_dictionary_entry(keys, keys->slots[at] - 1);
        if (entry_hash(entry) == hash && stored_equal(keys, stored_at(keys, entry->key), key, row)) {
            *ret_id = keys->slots[at] - 1;
            return true;
        }
    }
    return key_add(keys, key, row, hash, ret_id);
}

/* Starts the loads that key_find will wait for: slots, then entries, then key bytes. */
static void keys_prefetch(const struct key_dictionary *keys, const uint32_t *hashes, size_t count) {
    size_t mask = keys->slot_count - 1;
    uint32_t found[KEY_RUN];
    for (size_t i = 0; i < count; i++) {
        found[i] = keys->slots[hashes[i] & mask];
        if (found[i])
            __builtin_prefetch(key_dictionary_entry(keys, found[i] - 1));
    }
    for (size_t i = 0; i < count; i++)
        if (found[i])
            __builtin_prefetch(stored_at(keys, key_dictionary_entry(keys, found[i] - 1)->key));
}

static uint32_t key_hash(struct slice key, uint64_t seed) {
    uint64_t hash = hash_bytes(key.data, key.length, seed);
    return (uint32_t)(hash ^ hash >> 32) & ~KEY_LISTED;
}

static bool keys_find_many(struct key_dictionary *keys, const struct slice *run, const uint32_t *rows, size_t count) {
    uint32_t hashes[KEY_RUN];
    uint64_t seed = hash_seed();
    for (size_t i = 0; i < count; i++) {
        hashes[i] = key_hash(run[i], seed);
        __builtin_prefetch(&keys->slots[hashes[i] & (keys->slot_count - 1)]);
    }
    keys_prefetch(keys, hashes, count);
    for (size_t i = 0; i < count; i++)
        if (!key_find(keys, run[i], rows[i], hashes[i], &keys->ids[rows[i]]))
            return false;
    return true;
}

/* Room to note what follows each entry. */
static bool followers_reserve(struct key_dictionary *keys) {
    size_t before = keys->follower_capacity;
    if (keys->used < before)
        return true;
    if (!memory_reserve((void **)&keys->followers, &keys->follower_capacity, (size_t)keys->used + 1,
                        sizeof *keys->followers))
        return false;
    memset(keys->followers + before, 0xff, (keys->follower_capacity - before) * sizeof *keys->followers);
    return true;
}

static inline bool key_follows(const struct key_dictionary *keys, struct slice key, uint32_t row, uint32_t *ret_id) {
    uint32_t guess = keys->last < keys->follower_capacity ? keys->followers[keys->last] : KEY_NONE;
    if (guess == KEY_NONE || !stored_equal(keys, stored_at(keys, key_dictionary_entry(keys, guess)->key), key, row))
        return false;
    *ret_id = guess;
    return true;
}

/* Each key by way of the one before it. */
static bool keys_find_few(struct key_dictionary *keys, const struct slice *run, const uint32_t *rows, size_t count) {
    uint64_t seed = hash_seed();
    bool guesses = keys->unlike == 0;
    size_t hits = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t *id = &keys->ids[rows[i]];
        if (guesses && key_follows(keys, run[i], rows[i], id)) {
            hits++;
        } else {
            if (!key_find(keys, run[i], rows[i], key_hash(run[i], seed), id) || !followers_reserve(keys))
                return false;
            if (keys->last != KEY_NONE)
                keys->followers[keys->last] = *id;
        }
        keys->last = *id;
    }
    if (!guesses)
        keys->unlike--;
    else if (2 * hits < count)
        keys->unlike = UNLIKE_RUNS;
    return true;
}

bool key_dictionary_find(struct key_dictionary *keys, const struct slice *run, const uint32_t *rows, size_t count) {
    keys->found += count;
    if (keys->live > PREFETCH_FROM || keys->used > FOLLOWERS_MAXIMUM)
        return keys_find_many(keys, run, rows, count);
    return keys_find_few(keys, run, rows, count);
}

/* --- those of a task
 * ------------------------------------------------------------------------------------------------------------------ */

struct shared_dictionary {
    const void *source;
    const unsigned *columns;
    size_t key_count;
    struct key_dictionary keys;
};

static bool shared_is(const struct shared_dictionary *shared, const void *source, const unsigned *columns,
                      size_t key_count) {
    return shared->source == source && shared->key_count == key_count &&
           memcmp(shared->columns, columns, key_count * sizeof *columns) == 0;
}

struct key_dictionary *key_dictionaries_find(struct key_dictionaries *all, const void *source, const unsigned *columns,
                                             size_t key_count, const size_t *parts, size_t part_count) {
    for (size_t i = 0; i < all->count; i++)
        if (shared_is(all->dictionaries[i], source, columns, key_count))
            return &all->dictionaries[i]->keys;
    if (!memory_reserve((void **)&all->dictionaries, &all->capacity, all->count + 1, sizeof *all->dictionaries))
        return NULL;
    struct shared_dictionary *made = memory_zero(1, sizeof *made);
    if (!made || !key_dictionary_open(&made->keys, parts, part_count)) {
        free(made);
        return NULL;
    }
    made->source = source;
    made->columns = columns;
    made->key_count = key_count;
    all->dictionaries[all->count++] = made;
    return &made->keys;
}

size_t key_dictionaries_memory(const struct key_dictionaries *all) {
    size_t memory = all->capacity * sizeof *all->dictionaries;
    for (size_t i = 0; i < all->count; i++)
        memory += sizeof *all->dictionaries[i] + key_dictionary_memory(&all->dictionaries[i]->keys);
    return memory;
}

void key_dictionaries_release(struct key_dictionaries *all) {
    for (size_t i = 0; i < all->count; i++) {
        key_dictionary_close(&all->dictionaries[i]->keys);
        free(all->dictionaries[i]);
    }
    free(all->dictionaries);
    *all = (struct key_dictionaries){0};
}

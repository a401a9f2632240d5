/* An element is a header and the entry after it, in chunks; its key's bytes are a cell of 8 to 512 bytes in blocks,
 * and cells of removed keys are used again by keys of the same rounded length; a longer key is an allocation of its
 * own, with its address in a cell. A slot of the hash table has 8 bytes, 32 bits of the hash and 32 of the element's
 * index plus one; collisions go to the next slot, and a removal moves back what stands after it (Knuth, 6.4,
 * algorithm R).
 *
 * The dirty list holds indices. An element that is removed while it must stay in the list is only taken out of the
 * slots; its header and key are given back by state_table_clean. */
#include "stream/state/state_table.h"

#include "core/hash.h"
#include "core/memory.h"
#include "stream/state/chunks.h"

enum {
    KEY_UNIT = 8, /* cells are whole units, and are addressed by them */
    KEY_UNITS_MAXIMUM = 64,
    KEY_BLOCK_UNITS = 1 << 13,
    STATE_SLOTS_MINIMUM = 64,
};

enum {
    STATE_LIVE = 1,
    STATE_DIRTY = 2,
    STATE_GONE = 4,
    STATE_SILENT = 8
}; /* gone and silent: in the list, but not to be told of */

/* chunks_give overwrites the first four bytes, so the flags stand after them. */
struct state_header {
    uint32_t key; /* cell */
    uint32_t flags : 4, key_length : 28;
    uint32_t hash, index;
};

struct state_table {
    struct chunks elements;
    uint64_t *slots;
    size_t slot_count; /* a power of two */
    size_t count;
    size_t entry_size;
    char **key_blocks;
    size_t key_block_count, key_block_capacity;
    uint32_t key_used; /* units of the newest block */
    uint32_t
        key_free[KEY_UNITS_MAXIMUM + 1]; /* by units: list of cells through their first four bytes, plus one; 0: none */
    size_t key_long;                     /* bytes of keys with an allocation of their own */
    uint32_t *dirty;
    size_t dirty_count, dirty_capacity;
    void (*release)(void *context, void *entry);
    void *context;
};

static struct state_header *state_header_of(const void *entry) {
    return (struct state_header *)(uintptr_t)entry - 1;
}

static struct state_header *state_at(const struct state_table *table, uint32_t index) {
    return chunks_at(&table->elements, index);
}

struct state_table *state_table_new(size_t entry_size, void (*release)(void *context, void *entry), void *context) {
    struct state_table *table = memory_zero(1, sizeof *table);
    if (!table)
        return NULL;
    table->slot_count = STATE_SLOTS_MINIMUM;
    table->slots = memory_zero(table->slot_count, sizeof *table->slots);
    if (!table->slots) {
        free(table);
        return NULL;
    }
    table->entry_size = entry_size;
    table->elements.element_size = sizeof(struct state_header) + ((entry_size + 7) & ~(size_t)7);
    table->release = release;
    table->context = context;
    return table;
}

/* --- keys
 * ------------------------------------------------------------------------------------------------------------------ */

static char *state_key_cell(const struct state_table *table, uint32_t cell) {
    return table->key_blocks[cell / KEY_BLOCK_UNITS] + (size_t)(cell % KEY_BLOCK_UNITS) * KEY_UNIT;
}

static bool state_key_is_long(size_t length) {
    return length > (size_t)KEY_UNITS_MAXIMUM * KEY_UNIT;
}

static uint32_t state_key_units(size_t length) {
    return state_key_is_long(length) || length == 0 ? 1 : (uint32_t)((length + KEY_UNIT - 1) / KEY_UNIT);
}

static const char *state_key_bytes(const struct state_table *table, const struct state_header *header) {
    const char *cell = state_key_cell(table, header->key);
    if (!state_key_is_long(header->key_length))
        return cell;
    char *bytes;
    memcpy(&bytes, cell, sizeof bytes);
    return bytes;
}

static bool state_key_block_add(struct state_table *table) {
    if (table->key_block_count >= UINT32_MAX / KEY_BLOCK_UNITS ||
        !memory_reserve((void **)&table->key_blocks, &table->key_block_capacity, table->key_block_count + 1,
                        sizeof(char *)))
        return false;
    char *block = memory_resize(NULL, KEY_BLOCK_UNITS, KEY_UNIT);
    if (!block)
        return false;
    table->key_blocks[table->key_block_count++] = block;
    table->key_used = 0;
    return true;
}

static bool state_key_take_cell(struct state_table *table, uint32_t units, uint32_t *ret_cell) {
    if (table->key_free[units]) {
        *ret_cell = table->key_free[units] - 1;
        memcpy(&table->key_free[units], state_key_cell(table, *ret_cell), sizeof(uint32_t));
        return true;
    }
    if ((table->key_block_count == 0 || table->key_used + units > KEY_BLOCK_UNITS) && !state_key_block_add(table))
        return false;
    *ret_cell = (uint32_t)(table->key_block_count - 1) * KEY_BLOCK_UNITS + table->key_used;
    table->key_used += units;
    return true;
}

static void state_key_give_cell(struct state_table *table, uint32_t units, uint32_t cell) {
    memcpy(state_key_cell(table, cell), &table->key_free[units], sizeof(uint32_t));
    table->key_free[units] = cell + 1;
}

static bool state_key_store(struct state_table *table, struct slice key, uint32_t *ret_cell) {
    char *separate = NULL;
    if (state_key_is_long(key.length)) {
        separate = memory_resize(NULL, key.length, 1);
        if (!separate)
            return false;
    }
    if (!state_key_take_cell(table, state_key_units(key.length), ret_cell)) {
        free(separate);
        return false;
    }
    if (separate) {
        memcpy(separate, key.data, key.length);
        memcpy(state_key_cell(table, *ret_cell), &separate, sizeof separate);
        table->key_long += key.length;
    } else if (key.length) {
        memcpy(state_key_cell(table, *ret_cell), key.data, key.length);
    }
    return true;
}

static void state_key_forget(struct state_table *table, const struct state_header *header) {
    if (state_key_is_long(header->key_length)) {
        free((void *)(uintptr_t)state_key_bytes(table, header));
        table->key_long -= header->key_length;
    }
    state_key_give_cell(table, state_key_units(header->key_length), header->key);
}

struct slice state_table_key(const struct state_table *table, const void *entry) {
    const struct state_header *header = state_header_of(entry);
    return (struct slice){state_key_bytes(table, header), header->key_length};
}

/* --- slots
 * ------------------------------------------------------------------------------------------------------------------ */

static void state_slot_put(uint64_t *slots, size_t mask, uint64_t slot) {
    size_t at = (slot >> 32) & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = slot;
}

static bool state_slots_grow(struct state_table *table) {
    size_t count = table->slot_count * 2;
    uint64_t *slots = memory_large(count, sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, count * sizeof *slots);
    for (size_t i = 0; i < table->slot_count; i++)
        if (table->slots[i])
            state_slot_put(slots, count - 1, table->slots[i]);
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
    return true;
}

static void state_slot_remove(struct state_table *table, const struct state_header *header) {
    size_t mask = table->slot_count - 1, hole = header->hash & mask;
    uint64_t slot = (uint64_t)header->hash << 32 | (header->index + 1);
    while (table->slots[hole] != slot)
        hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; table->slots[at]; at = (at + 1) & mask) {
        size_t home = (table->slots[at] >> 32) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = 0;
}

static uint32_t state_hash(struct slice key) {
    uint64_t hash = hash_bytes(key.data, key.length, hash_seed());
    return (uint32_t)(hash ^ hash >> 32);
}

static struct state_header *state_find(const struct state_table *table, struct slice key, uint32_t hash) {
    size_t mask = table->slot_count - 1;
    for (size_t at = hash & mask; table->slots[at]; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 != hash)
            continue;
        struct state_header *header = state_at(table, (uint32_t)table->slots[at] - 1);
        if (header->key_length == key.length &&
            (key.length == 0 || memcmp(state_key_bytes(table, header), key.data, key.length) == 0))
            return header;
    }
    return NULL;
}

void *state_table_find(const struct state_table *table, struct slice key) {
    struct state_header *header = state_find(table, key, state_hash(key));
    return header ? header + 1 : NULL;
}

/* --- entries
 * ------------------------------------------------------------------------------------------------------------------ */

void *state_table_put(struct state_table *table, struct slice key, bool *ret_new) {
    uint32_t hash = state_hash(key), index, cell;
    struct state_header *header = state_find(table, key, hash);
    if (header) {
        *ret_new = false;
        return header + 1;
    }
    if (key.length >= 1u << 28 || ((table->count + 1) * 4 > table->slot_count * 3 && !state_slots_grow(table)) ||
        !chunks_take(&table->elements, &index))
        return NULL;
    header = state_at(table, index);
    header->flags = 0;
    if (!state_key_store(table, key, &cell)) {
        chunks_give(&table->elements, index);
        return NULL;
    }
    *header = (struct state_header){
        .key = cell, .key_length = (uint32_t)key.length & 0xfffffff, .flags = STATE_LIVE, .hash = hash, .index = index};
    memset(header + 1, 0, table->entry_size);
    state_slot_put(table->slots, table->slot_count - 1, (uint64_t)hash << 32 | (index + 1));
    table->count++;
    *ret_new = true;
    return header + 1;
}

static bool state_list(struct state_table *table, struct state_header *header) {
    if (header->flags & STATE_DIRTY)
        return true;
    if (!memory_reserve((void **)&table->dirty, &table->dirty_capacity, table->dirty_count + 1, sizeof *table->dirty))
        return false;
    table->dirty[table->dirty_count++] = header->index;
    header->flags |= STATE_DIRTY;
    return true;
}

bool state_table_mark(struct state_table *table, void *entry) {
    return state_list(table, state_header_of(entry));
}

static void state_forget(struct state_table *table, struct state_header *header) {
    state_key_forget(table, header);
    header->flags = 0;
    chunks_give(&table->elements, header->index);
}

bool state_table_remove(struct state_table *table, void *entry, bool logged) {
    struct state_header *header = state_header_of(entry);
    if (logged && !state_list(table, header))
        return false;
    if (table->release)
        table->release(table->context, entry);
    state_slot_remove(table, header);
    table->count--;
    if (header->flags & STATE_DIRTY)
        header->flags = STATE_DIRTY | STATE_GONE | (logged ? 0u : (unsigned)STATE_SILENT);
    else
        state_forget(table, header);
    return true;
}

/* --- visits
 * ------------------------------------------------------------------------------------------------------------------ */

int state_table_each_dirty(const struct state_table *table,
                           int (*visit)(void *context, struct slice key, const void *entry), void *context) {
    for (size_t i = 0; i < table->dirty_count; i++) {
        const struct state_header *header = state_at(table, table->dirty[i]);
        if (header->flags & STATE_SILENT)
            continue;
        int status = visit(context, state_table_key(table, header + 1), header->flags & STATE_GONE ? NULL : header + 1);
        if (status < 0)
            return status;
    }
    return 0;
}

void state_table_clean(struct state_table *table) {
    for (size_t i = 0; i < table->dirty_count; i++) {
        struct state_header *header = state_at(table, table->dirty[i]);
        header->flags &= (unsigned)~STATE_DIRTY & 0xf;
        if (header->flags & STATE_GONE)
            state_forget(table, header);
    }
    table->dirty_count = 0;
}

int state_table_each(struct state_table *table, int (*visit)(void *context, struct slice key, void *entry),
                     void *context) {
    for (uint32_t i = 0; i < table->elements.used; i++) {
        struct state_header *header = state_at(table, i);
        if (!(header->flags & STATE_LIVE))
            continue;
        int status = visit(context, state_table_key(table, header + 1), header + 1);
        if (status < 0)
            return status;
    }
    return 0;
}

size_t state_table_count(const struct state_table *table) {
    return table->count;
}

size_t state_table_memory(const struct state_table *table) {
    return sizeof *table + table->slot_count * sizeof *table->slots + chunks_memory(&table->elements) +
           table->dirty_capacity * sizeof *table->dirty +
           table->key_block_count * ((size_t)KEY_BLOCK_UNITS * KEY_UNIT + sizeof(char *)) + table->key_long;
}

struct state_table *state_table_free(struct state_table *table) {
    if (!table)
        return NULL;
    for (uint32_t i = 0; i < table->elements.used; i++) {
        struct state_header *header = state_at(table, i);
        if (header->flags & STATE_LIVE && table->release)
            table->release(table->context, header + 1);
        if (header->flags && state_key_is_long(header->key_length))
            free((void *)(uintptr_t)state_key_bytes(table, header));
    }
    for (size_t i = 0; i < table->key_block_count; i++)
        free(table->key_blocks[i]);
    free(table->key_blocks);
    free(table->slots);
    free(table->dirty);
    chunks_release(&table->elements);
    free(table);
    return NULL;
}

/* Short sets are searched from the front; from a certain length on an index of hashes finds items. */
#include "stream/aggregate/function/stored_set.h"

#include "core/hash.h"
#include "core/memory.h"

enum { INDEX_FROM = 16 }; /* shorter lists are searched from end to end */

static void stored_index_put(struct stored_set *set, struct slice value, size_t at) {
    size_t mask = set->index_size - 1, slot = hash_bytes(value.data, value.length, hash_seed()) & mask;
    while (set->index[slot])
        slot = (slot + 1) & mask;
    set->index[slot] = (uint32_t)at + 1;
}

/* An index at most half full. */
static bool stored_index_make(struct stored_set *set) {
    size_t size = 2 * INDEX_FROM;
    while (size < 4 * (size_t)set->list.count)
        size *= 2;
    uint32_t *index = size <= UINT32_MAX ? memory_zero(size, sizeof *index) : NULL;
    if (!index)
        return false;
    free(set->index);
    set->index = index;
    set->index_size = (uint32_t)size;
    struct stored_item item;
    for (size_t at = 0; stored_list_next(&set->list, true, &at, &item);)
        stored_index_put(set, item.value, item.at);
    return true;
}

static void stored_index_drop(struct stored_set *set) {
    free(set->index);
    set->index = NULL;
    set->index_size = 0;
}

bool stored_set_find(struct stored_set *set, struct slice value, struct stored_item *ret_item, bool *ret_failed) {
    struct stored_item item;
    *ret_failed = false;
    if (set->list.count < INDEX_FROM) {
        for (size_t at = 0; stored_list_next(&set->list, true, &at, &item);)
            if (slice_equal(item.value, value)) {
                *ret_item = item;
                return true;
            }
        return false;
    }
    if (!set->index && !stored_index_make(set)) {
        *ret_failed = true;
        return false;
    }
    size_t mask = set->index_size - 1;
    for (size_t slot = hash_bytes(value.data, value.length, hash_seed()) & mask; set->index[slot];
         slot = (slot + 1) & mask) {
        size_t at = set->index[slot] - 1;
        stored_list_next(&set->list, true, &at, &item);
        if (slice_equal(item.value, value)) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

bool stored_set_append(struct stored_set *set, int64_t number, struct slice value) {
    size_t at = set->list.length;
    if (!stored_list_append_stored(&set->list, &number, value))
        return false;
    if (set->index && 2 * (size_t)set->list.count > set->index_size)
        stored_index_drop(set); /* a larger one is made when it is needed */
    else if (set->index)
        stored_index_put(set, value, at);
    return true;
}

void stored_set_remove(struct stored_set *set, size_t at) {
    stored_list_remove(&set->list, at);
    stored_index_drop(set);
}

void stored_set_release(struct stored_set *set) {
    stored_index_drop(set);
    stored_list_release(&set->list);
}

size_t stored_set_memory(const struct stored_set *set) {
    return set->list.capacity + set->index_size * sizeof *set->index;
}

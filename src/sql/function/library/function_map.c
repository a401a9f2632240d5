#include "core/memory.h"
#include "sql/function/library/functions.h"

enum { SLOTS_FIRST = 16 };

/* The slot of the key, or the free one where it belongs. */
static size_t map_slot(const struct function_map *map, const struct value *key) {
    size_t slot = value_hash(map->type->key, key) & (map->slot_count - 1);
    for (; map->slots[slot]; slot = (slot + 1) & (map->slot_count - 1))
        if (value_compare(map->type->key, key, &map->items[2 * (size_t)(map->slots[slot] - 1)]) == 0)
            break;
    return slot;
}

/* Less than half of the slots are taken. */
static bool map_grow(struct function_map *map) {
    if (map->count < map->slot_count)
        return true;
    size_t wanted = map->slot_count ? 2 * map->slot_count : SLOTS_FIRST;
    uint32_t *slots = memory_zero(wanted, sizeof *slots);
    if (!slots)
        return false;
    free(map->slots);
    map->slots = slots;
    map->slot_count = wanted;
    for (size_t entry = 0; 2 * entry < map->count; entry++)
        map->slots[map_slot(map, &map->items[2 * entry])] = (uint32_t)entry + 1;
    return true;
}

bool function_map_put(struct function_map *map, const struct value *key, const struct value *value) {
    if (!map_grow(map) || !memory_reserve((void **)&map->items, &map->capacity, map->count + 2, sizeof *map->items))
        return false;
    size_t slot = map_slot(map, key);
    if (map->slots[slot]) {
        map->items[2 * (size_t)(map->slots[slot] - 1) + 1] = *value;
        return true;
    }
    if (map->count / 2 == FUNCTION_ITEMS_MAXIMUM)
        return function_fail(map->call, "the result has more than %d entries", FUNCTION_ITEMS_MAXIMUM);
    map->items[map->count++] = *key;
    map->items[map->count++] = *value;
    map->slots[slot] = (uint32_t)(map->count / 2);
    return true;
}

const struct value *function_map_find(const struct function_map *map, const struct value *key) {
    uint32_t entry = map->slot_count ? map->slots[map_slot(map, key)] : 0;
    return entry ? &map->items[2 * (size_t)(entry - 1) + 1] : NULL;
}

bool function_map_give(struct function_map *map, bool good, struct value *ret_value) {
    struct value *items = good ? function_items(map->call, map->count) : NULL;
    if (items && map->count)
        memcpy(items, map->items, map->count * sizeof *items);
    good = items && function_give_sequence(map->call, items, map->count, ret_value);
    free(map->items);
    free(map->slots);
    return good;
}

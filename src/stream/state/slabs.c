/* Room for elements: the first slab doubles, further ones come whole. */
#include "stream/state/slabs.h"

#include <string.h>

#include "core/memory.h"

enum { FIRST_ROOM = 16 };

/* The first slab, twice as large or as large as asked for. */
static bool slabs_grow_first(struct slabs *slabs, uint32_t count) {
    uint32_t room = slabs->room ? slabs->room : FIRST_ROOM, full = UINT32_C(1) << slabs->shift;
    while (room < count)
        room *= 2;
    room = room < full ? room : full;
    char *slab = memory_large(room, slabs->element_size);
    if (!slab)
        return false;
    if (slabs->slab_count) {
        memcpy(slab, slabs->slabs[0], slabs->room * slabs->element_size);
        free(slabs->slabs[0]);
    }
    slabs->slabs[0] = slab;
    slabs->slab_count = 1;
    slabs->room = room;
    return true;
}

static bool slabs_add(struct slabs *slabs) {
    char *slab = memory_large((size_t)1 << slabs->shift, slabs->element_size);
    if (!slab)
        return false;
    slabs->slabs[slabs->slab_count++] = slab;
    slabs->room += UINT32_C(1) << slabs->shift;
    return true;
}

bool slabs_reserve(struct slabs *slabs, uint64_t count) {
    uint32_t full = UINT32_C(1) << slabs->shift;
    if (count > UINT32_MAX - full)
        return false;
    while (slabs->room < count) {
        if (!memory_reserve((void **)&slabs->slabs, &slabs->slab_capacity, slabs->slab_count + 1, sizeof(char *)) ||
            !(slabs->room < full ? slabs_grow_first(slabs, count < full ? (uint32_t)count : full) : slabs_add(slabs)))
            return false;
    }
    return true;
}

void slabs_release(struct slabs *slabs) {
    for (size_t i = 0; i < slabs->slab_count; i++)
        free(slabs->slabs[i]);
    free(slabs->slabs);
    slabs->slabs = NULL;
    slabs->slab_count = slabs->slab_capacity = 0;
    slabs->room = 0;
}

size_t slabs_memory(const struct slabs *slabs) {
    return slabs->room * slabs->element_size + slabs->slab_capacity * sizeof(char *);
}

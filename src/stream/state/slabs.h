/* Slabs: an array that grows by whole slabs, addressed by 32-bit indices. While there is only the first slab it grows
 * by doubling and moves; from then on elements stay where they are. So few elements take little memory, and many have
 * no slack. Which elements are in use is the owner's affair. */
#ifndef METERLINE_STREAM_STATE_SLABS_H
#define METERLINE_STREAM_STATE_SLABS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slabs {
    char **slabs;
    size_t slab_count, slab_capacity;
    size_t element_size;
    unsigned shift; /* 1 << shift elements in a full slab */
    uint32_t room;  /* elements 0 .. room - 1 can be addressed */
};

static inline void *slabs_at(const struct slabs *slabs, uint32_t index) {
    return slabs->slabs[index >> slabs->shift] +
           (size_t)(index & ((UINT32_C(1) << slabs->shift) - 1)) * slabs->element_size;
}

/* Room for elements 0 .. count - 1, not initialised. False: no memory, or more than indices can name. */
bool slabs_reserve(struct slabs *slabs, uint64_t count);
void slabs_release(struct slabs *slabs);
size_t slabs_memory(const struct slabs *slabs);

#endif

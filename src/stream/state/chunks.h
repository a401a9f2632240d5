/* Chunks: an array that grows without moving its elements, addressed by 32-bit indices; freed elements are used
 * again. Element sizes are fixed per array. Memory is given back only as a whole. */
#ifndef METERLINE_STREAM_STATE_CHUNKS_H
#define METERLINE_STREAM_STATE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHUNK_SHIFT = 15, CHUNK_ELEMENTS = 1 << CHUNK_SHIFT };
#define CHUNKS_NONE UINT32_MAX

struct chunks {
    char **chunks;
    size_t chunk_count, chunk_capacity;
    size_t element_size;
    uint32_t used; /* elements ever handed out */
    uint32_t free; /* list of freed elements through their first four bytes */
    uint32_t live; /* handed out and not freed */
};

static inline void *chunks_at(const struct chunks *chunks, uint32_t index) {
    return chunks->chunks[index >> CHUNK_SHIFT] + (size_t)(index & (CHUNK_ELEMENTS - 1)) * chunks->element_size;
}

/* An element (contents undefined), or false when memory or indices have run out. */
bool chunks_take(struct chunks *chunks, uint32_t *ret_index);
void chunks_give(struct chunks *chunks, uint32_t index);
void chunks_release(struct chunks *chunks);
size_t chunks_memory(const struct chunks *chunks);

#endif

#include "stream/state/chunks.h"

#include <string.h>

#include "core/memory.h"

static bool chunks_grow(struct chunks *chunks) {
    if (chunks->chunk_count >= (CHUNKS_NONE >> CHUNK_SHIFT))
        return false;
    if (!memory_reserve((void **)&chunks->chunks, &chunks->chunk_capacity, chunks->chunk_count + 1, sizeof(char *)))
        return false;
    char *chunk = memory_large(CHUNK_ELEMENTS, chunks->element_size);
    if (!chunk)
        return false;
    chunks->chunks[chunks->chunk_count++] = chunk;
    return true;
}

bool chunks_take(struct chunks *chunks, uint32_t *ret_index) {
    if (chunks->live < chunks->used) {
        *ret_index = chunks->free;
        memcpy(&chunks->free, chunks_at(chunks, chunks->free), sizeof chunks->free);
    } else {
        if (chunks->used >> CHUNK_SHIFT >= chunks->chunk_count && !chunks_grow(chunks))
            return false;
        *ret_index = chunks->used++;
    }
    chunks->live++;
    return true;
}

void chunks_give(struct chunks *chunks, uint32_t index) {
    memcpy(chunks_at(chunks, index), &chunks->free, sizeof chunks->free);
    chunks->free = index;
    chunks->live--;
}

void chunks_release(struct chunks *chunks) {
    for (size_t i = 0; i < chunks->chunk_count; i++)
        free(chunks->chunks[i]);
    free(chunks->chunks);
    size_t element_size = chunks->element_size;
    *chunks = (struct chunks){.element_size = element_size};
}

size_t chunks_memory(const struct chunks *chunks) {
    return chunks->chunk_count * (CHUNK_ELEMENTS * chunks->element_size + sizeof(char *));
}

#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 64 * 1024, ARENA_ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(ARENA_ALIGNMENT) char data[];
};

/* Each block is twice the one before, so that after a few rounds the newest alone holds a whole round. */
static size_t arena_block_size(const struct arena *arena, size_t size) {
    size_t block_size = arena->blocks && arena->blocks->size < SIZE_MAX / 4 ? 2 * arena->blocks->size : ARENA_BLOCK;
    return size > block_size ? size : block_size;
}

void *arena_allocate(struct arena *arena, size_t size) {
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
    if (!arena->blocks || arena->blocks->size - arena->used < size) {
        size_t block_size = arena_block_size(arena, size);
        struct arena_block *block = malloc(sizeof *block + block_size);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        block->size = block_size;
        arena->blocks = block;
        arena->used = 0;
    }
    void *memory = arena->blocks->data + arena->used;
    arena->used += size;
    arena->given += size;
    return memory;
}

struct slice arena_copy(struct arena *arena, struct slice from) {
    if (!from.data)
        return (struct slice){NULL, 0};
    char *copy = arena_allocate(arena, from.length + 1);
    if (!copy)
        return (struct slice){NULL, 0};
    memcpy(copy, from.data, from.length);
    copy[from.length] = '\0';
    return (struct slice){copy, from.length};
}

/* Keeps the newest block, which is the largest. */
void arena_reset(struct arena *arena) {
    if (!arena->blocks)
        return;
    struct arena_block *block = arena->blocks->next;
    arena->blocks->next = NULL;
    arena->used = arena->given = 0;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_release(struct arena *arena) {
    arena_reset(arena);
    free(arena->blocks);
    *arena = (struct arena){0};
}

/* Arena: memory for one batch, query or request; given back all at once. Not thread-safe: one owner.
 * `arena_reset` keeps the newest and largest block for the next round, so a steady state allocates nothing. */
#ifndef METERLINE_CORE_ARENA_H
#define METERLINE_CORE_ARENA_H

#include "core/slice.h"
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t used;                /* bytes of the newest block */
    size_t given;               /* bytes in all since the last reset */
};

void *arena_allocate(struct arena *arena, size_t size); /* 16-byte aligned, not zeroed; NULL: no memory */
/* A copy with a NUL byte after it; data is NULL when memory has run out or `from.data` is NULL. */
struct slice arena_copy(struct arena *arena, struct slice from);
void arena_reset(struct arena *arena);
void arena_release(struct arena *arena); /* usable with cleanup() */

#endif

/* Entries on their way to a cache: the newest of each key gather until they are written, so that a key that changes
 * a hundred times between two writes costs one. */
#ifndef METERLINE_STREAM_SINK_CACHE_GATHER_H
#define METERLINE_STREAM_SINK_CACHE_GATHER_H

#include "core/arena.h"
#include "store/cache.h"

struct cache_gather {
    struct cache_writer *writer;
    struct arena keys;
    uint32_t *slots; /* place in `entries` + 1, by hash; 0: empty */
    struct cache_entry *entries;
    size_t count;
};

int cache_gather_open(struct cache_gather *gather, struct cache *cache, struct error *error);
void cache_gather_close(struct cache_gather *gather);
/* Writes when there are many; copies the key. */
int cache_gather_put(struct cache_gather *gather, const struct cache_entry *entry, struct error *error);
/* After an error all entries are kept for the next try: positions that count on them may not be committed before. */
int cache_gather_flush(struct cache_gather *gather, struct error *error);

/* The marks of a sink's target (stream/sink/sink.h); `gather` is a struct cache_gather. */
int cache_gather_marked(void *gather, const char *mark, bool *ret_marked, struct error *error);
int cache_gather_mark(void *gather, const char *mark, struct error *error);

#endif

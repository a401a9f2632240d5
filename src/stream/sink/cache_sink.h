/* The newest timestamp of each gateway, by option the latest value of each series, from a topic of readings into a
 * cache. */
#ifndef METERLINE_STREAM_SINK_CACHE_SINK_H
#define METERLINE_STREAM_SINK_CACHE_SINK_H

#include "model/registry.h"
#include "store/cache.h"
#include "stream/sink/sink.h"

extern const struct sink_target cache_sink_target;
/* `values`: of series too. A reading further ahead of the log's clock than `max_ahead` (ms) is passed by: one wrong
 * clock must not stand for ever. */
int cache_sink_new(struct cache *cache, const struct registry *registry, bool values, int64_t max_ahead,
                   void **ret_context, struct error *error);

#endif

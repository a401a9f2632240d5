/* A topic of times by key, such as the table of each gateway's latest activity, into a cache. The value: an ISO-8601
 * text, or a BIGINT in ms, in the format KAFKA. */
#ifndef METERLINE_STREAM_SINK_CACHE_TOPIC_SINK_H
#define METERLINE_STREAM_SINK_CACHE_TOPIC_SINK_H

#include "store/cache.h"
#include "stream/sink/sink.h"

extern const struct sink_target cache_topic_sink_target;
int cache_topic_sink_new(struct cache *cache, void **ret_context, struct error *error);

#endif

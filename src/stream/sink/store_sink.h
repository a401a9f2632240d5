/* Aggregates of a topic TOPIC-aggregates-N into a store. */
#ifndef METERLINE_STREAM_SINK_STORE_SINK_H
#define METERLINE_STREAM_SINK_STORE_SINK_H

#include "store/store.h"
#include "stream/sink/sink.h"

extern const struct sink_target store_sink_target;
/* `window_size`, ms: that of the topic. */
int store_sink_new(struct store *store, int64_t window_size, void **ret_context, struct error *error);

#endif

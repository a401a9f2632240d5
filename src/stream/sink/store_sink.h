/* Aggregates of a topic TOPIC-aggregates-N into a store. */
#ifndef METERLINE_STREAM_SINK_STORE_SINK_H
#define METERLINE_STREAM_SINK_STORE_SINK_H

#include "store/store.h"
#include "stream/sink/sink.h"

extern const struct sink_target store_sink_target;
/* `window`: those of the topic. */
int store_sink_new(struct store *store, const struct store_window *window, void **ret_context, struct error *error);

#endif

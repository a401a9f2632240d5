/* Taps of the store: what a run writes to topics of aggregates goes to the store without being read back. When store
 * and log are one file the rows join the commit that writes the topic; otherwise they are handed to the sink of the
 * topic when the commit has succeeded (stream/sink/feed.h). */
#ifndef METERLINE_STREAM_SINK_STORE_TAP_H
#define METERLINE_STREAM_SINK_STORE_TAP_H

#include "store/store.h"
#include "stream/output/tap.h"
#include "stream/sink/feed.h"

struct store_tap;

/* The taps of a run, by topic. Topics are added before the queries start; the rest is for any thread. */
struct store_taps {
    struct store_tap **taps;
    size_t count, capacity;
};

/* Rows of one commit and partition. */
struct store_block {
    struct feed_block base; /* bytes 0: the rows are in the store */
    struct arena arena;     /* of their strings */
    struct aggregate_row *rows;
    size_t count, capacity;
};

/* `window`: those of the topic. One that is there is left as it is. */
int store_taps_add(struct store_taps *taps, struct store *store, const char *topic, const struct store_window *window,
                   struct error *error);
void store_taps_release(struct store_taps *taps); /* when all writers are closed */
/* For struct taps; `context` is a struct store_taps. */
struct tap *store_taps_find(void *context, const char *topic);
/* The feed, of struct store_block, for the sink of the topic, which gives it back when it ends; NULL: there is no tap,
 * or another sink has it. */
struct feed *store_taps_take_feed(struct store_taps *taps, const char *topic);
void store_taps_return_feed(struct feed *feed);

#endif

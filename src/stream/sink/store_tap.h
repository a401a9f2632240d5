/* Taps of the embedded store: what a run writes to topics of aggregates is in the store with the commit that writes
 * it, when both are in one database. */
#ifndef METERLINE_STREAM_SINK_STORE_TAP_H
#define METERLINE_STREAM_SINK_STORE_TAP_H

#include "store/store.h"
#include "stream/output/tap.h"
#include "stream/sink/ledger.h"

struct store_tap;

/* The taps of a run, by topic. Topics are added before the queries start; the rest is for any thread. */
struct store_taps {
    struct store_tap **taps;
    size_t count, capacity;
};

/* `window_size`, ms: that of the topic. One that is there is left as it is. */
int store_taps_add(struct store_taps *taps, struct store *store, const char *topic, int64_t window_size,
                   struct error *error);
void store_taps_release(struct store_taps *taps); /* when all writers are closed */
/* For struct taps; `context` is a struct store_taps. */
struct tap *store_taps_find(void *context, const char *topic);
/* The ledger for the sink of the topic, which gives it back when it ends; NULL: there is no tap, or another sink has
 * it. */
struct ledger *store_taps_take_ledger(struct store_taps *taps, const char *topic);
void store_taps_return_ledger(struct ledger *ledger);

#endif

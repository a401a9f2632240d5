/* The sinks of a run: for a store that is not the log's own, one for each window size; for a cache, one. They start
 * with the run and end after it. */
#ifndef METERLINE_STREAM_SINK_SINKS_H
#define METERLINE_STREAM_SINK_SINKS_H

#include "store/cache.h"
#include "stream/query.h"
#include "stream/sink/sink.h"

enum { SINK_WORKERS_MAXIMUM = 16, SINKS_MAXIMUM = (WINDOW_SIZES_MAXIMUM + 1) * SINK_WORKERS_MAXIMUM };

struct sinks_settings {
    struct bus *bus;
    struct store *store; /* NULL: no store sinks */
    struct cache *cache; /* NULL: no cache sink */
    const struct aggregate_query *query;
    const struct clock *clock;
    const struct log *log;
    atomic_bool *stop; /* also set when a sink has failed */
    size_t workers;    /* sinks for each topic, 1 to SINK_WORKERS_MAXIMUM */
    bool cache_values;
};

struct sinks {
    struct sinks_settings settings;
    struct sink *sinks;
    size_t count, started;
    char (*names)[2][BUS_TOPIC_NAME_MAXIMUM + 64]; /* group and topic of each */
    char rejected[BUS_TOPIC_NAME_MAXIMUM + 64];
    atomic_bool end, drain;
};

int sinks_start(struct sinks *sinks, const struct sinks_settings *settings, struct error *error);
/* Waits for them: `drain` says to finish what is in the topics first, otherwise they commit what they have. The
 * first error of one is returned. */
int sinks_finish(struct sinks *sinks, bool drain, struct error *error);

#endif

/* The query that a run executes: where it reads, over which windows it aggregates, where it writes. */
#ifndef METERLINE_STREAM_QUERY_H
#define METERLINE_STREAM_QUERY_H

#include "bus/bus.h"
#include "store/store.h"
#include "stream/window_aggregate.h"

struct aggregate_query {
    const char *group;              /* whose positions */
    const char *topic;              /* input; outputs are TOPIC-aggregates-N, TOPIC-late, TOPIC-rejected */
    struct window_settings windows;
    int64_t max_ahead;              /* ms a reading may be ahead of the wall clock at which the log took it */
    int64_t idle_close;             /* ms, 0: off */
};

/* A hash of everything that the results depend on. */
uint64_t aggregate_query_definition(const struct aggregate_query *query);

#endif

/* The query that a run executes: where it reads, over which windows it aggregates, where it writes. */
#ifndef METERLINE_STREAM_QUERY_H
#define METERLINE_STREAM_QUERY_H

#include "bus/bus.h"
#include "store/store.h"
#include "stream/aggregate/window_aggregate.h"

enum lost_offsets {
    LOST_OFFSETS_FAIL, /* an error that says which windows cannot be completed */
    /* go on with the oldest record there is; the results of those windows are marked as incomplete */
    LOST_OFFSETS_EARLIEST,
    LOST_OFFSETS_LATEST, /* go on with the next record that comes, marked likewise */
};

struct aggregate_query {
    const char *group; /* whose positions */
    const char *topic; /* input; outputs are TOPIC-aggregates-N, TOPIC-late, TOPIC-rejected */
    struct window_settings windows;
    int64_t max_ahead;              /* ms a reading may be ahead of the wall clock at which the log took it */
    int64_t idle_close;             /* ms, 0: off */
    enum lost_offsets lost_offsets; /* when the log no longer has what a position needs */
    bool at_least_once;             /* see bus_producer_options */
};

/* A hash of everything that the results depend on. */
uint64_t aggregate_query_definition(const struct aggregate_query *query);

#endif

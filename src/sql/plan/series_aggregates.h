/* Queries that are the aggregates of readings in the form of share/pipelines/aggregates.sql: those that read the
 * same topic with the same grace period are one pass of stream/window_aggregate.h, several times faster than a pass
 * for each. */
#ifndef METERLINE_SQL_PLAN_SERIES_AGGREGATES_H
#define METERLINE_SQL_PLAN_SERIES_AGGREGATES_H

#include "core/bytes.h"
#include "stream/aggregate/window_aggregate.h"
#include "stream/plan.h"

struct series_aggregate {
    const char *topic;   /* of the readings */
    int64_t size, grace; /* ms */
};

/* Is the query one of them? */
bool series_aggregate_recognise(const struct query_plan *query, struct series_aggregate *ret_aggregate);
/* The statements of share/pipelines/aggregates.sql for other windows, grace and topic. */
void series_aggregates_write(struct bytes *to, const char *topic, const struct window_settings *windows);

#endif

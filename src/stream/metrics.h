/* The counters of a run as Prometheus text (exposition format 0.0.4): totals since the group's first record, by partition. */
#ifndef METERLINE_STREAM_METRICS_H
#define METERLINE_STREAM_METRICS_H

#include "stream/runner.h"

/* Writes `path` in one piece (a temporary file beside it, then renamed). */
int metrics_write(const char *path, const struct aggregate_query *query, const struct run_report *report, struct error *error);

#endif

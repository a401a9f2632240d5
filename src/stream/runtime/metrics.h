/* The counters of a run as Prometheus text (exposition format 0.0.4): totals since the group's first record, by
 * partition. */
#ifndef METERLINE_STREAM_RUNTIME_METRICS_H
#define METERLINE_STREAM_RUNTIME_METRICS_H

#include "core/bytes.h"
#include "stream/runner.h"

/* The parts of the format: a label's value with its escapes, and what stands before a metric's samples. */
void metrics_label(struct bytes *to, const char *value);
void metrics_head(struct bytes *to, const char *name, const char *type, const char *help);
void metrics_append(struct bytes *to, const struct aggregate_query *query, const struct run_report *report);
/* Writes `path` in one piece (a temporary file beside it, then renamed). */
int metrics_save(const char *path, struct slice text, struct error *error);

#endif

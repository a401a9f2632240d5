/* The counters of a run as Prometheus text (exposition format 0.0.4). Those of queries are in report.c. */
#ifndef METERLINE_STREAM_RUNTIME_METRICS_H
#define METERLINE_STREAM_RUNTIME_METRICS_H

#include "bus/bus.h"
#include "codec/registry/registry_client.h"
#include "core/bytes.h"
#include "store/store.h"

/* The parts of the format: a label's value with its escapes, and what stands before a metric's samples. */
void metrics_label(struct bytes *to, const char *value);
void metrics_head(struct bytes *to, const char *name, const char *type, const char *help);
/* What the clients of the log, the registry and the store have counted. */
void metrics_append_clients(struct bytes *to, const struct bus_counts *bus, const struct registry_counts *registry,
                            const struct store_counts *store);
/* Writes `path` in one piece (a temporary file beside it, then renamed). */
int metrics_save(const char *path, struct slice text, struct error *error);

#endif

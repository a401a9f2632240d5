/* Records of a topic from offset to offset, partition after partition, once. One thread. */
#ifndef METERLINE_BATCH_TOPIC_SCAN_H
#define METERLINE_BATCH_TOPIC_SCAN_H

#include "bus/bus.h"
#include "core/arena.h"
#include <stdatomic.h>

struct topic_range {
    int32_t partition;
    int64_t from, to; /* offsets [from, to) */
};

/* What a topic has now, by partition, in `arena`; none when there is no such topic. */
int topic_ranges(struct bus *bus, const char *topic, struct arena *arena, struct topic_range **ret_ranges,
                 size_t *ret_count, struct error *error);

struct topic_scan;

/* `topic` and `ranges` outlive the scan; `stop` ends it with ERROR_INTERRUPTED. */
int topic_scan_open(struct bus *bus, const char *topic, const struct topic_range *ranges, size_t count,
                    const atomic_bool *stop, struct topic_scan **ret_scan, struct error *error);
struct topic_scan *topic_scan_close(struct topic_scan *scan);
/* 1 with the next records, which live until the next call, 0 at the end, or an error. */
int topic_scan_next(struct topic_scan *scan, struct bus_batch *ret_batch, struct error *error);

#endif

#include "batch/topic_scan.h"

#include <inttypes.h>

#include "core/memory.h"

/* How long a log may bring nothing, though there is something to come. */
#define PATIENCE_NS INT64_C(60000000000)
enum { POLL_MS = 100 };

struct topic_scan {
    struct bus *bus;
    const char *topic;
    const struct topic_range *ranges;
    size_t count, at;
    struct bus_consumer *consumer; /* of the range at hand; NULL: none yet */
    bool read;                     /* the range at hand, to its end */
    const atomic_bool *stop;
};

int topic_ranges(struct bus *bus, const char *topic, struct arena *arena, struct topic_range **ret_ranges,
                 size_t *ret_count, struct error *error) {
    struct bus_topic_info info;
    *ret_ranges = NULL;
    *ret_count = 0;
    int status = bus_topic_describe(bus, topic, &info, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    size_t count = (size_t)info.settings.partitions;
    struct topic_range *ranges = arena_allocate(arena, count * sizeof *ranges);
    for (size_t p = 0; p < count && ranges; p++)
        ranges[p] = (struct topic_range){(int32_t)p, info.partitions[p].start_offset, info.partitions[p].end_offset};
    bus_topic_info_release(&info);
    if (!ranges)
        return error_no_memory(error);
    *ret_ranges = ranges;
    *ret_count = count;
    return 0;
}

int topic_scan_open(struct bus *bus, const char *topic, const struct topic_range *ranges, size_t count,
                    const atomic_bool *stop, struct topic_scan **ret_scan, struct error *error) {
    struct topic_scan *scan = memory_zero(1, sizeof *scan);
    if (!scan)
        return error_no_memory(error);
    *scan = (struct topic_scan){bus, topic, ranges, count, 0, NULL, false, stop};
    *ret_scan = scan;
    return 0;
}

struct topic_scan *topic_scan_close(struct topic_scan *scan) {
    if (scan)
        bus_consumer_close(scan->consumer);
    free(scan);
    return NULL;
}

static int scan_begin(struct topic_scan *scan, struct error *error) {
    const struct topic_range *range = &scan->ranges[scan->at];
    int status = bus_consumer_open(scan->bus, NULL, &scan->consumer, error);
    return status ? status : bus_consumer_seek(scan->consumer, scan->topic, range->partition, range->from, error);
}

/* Cuts the records at the end of the range; false: none is left, or they say only how far the partition has been
 * read. *ret_done: the range has been read. */
static bool scan_cut(const struct topic_range *range, struct bus_batch *batch, bool *ret_done) {
    int64_t end = batch->base_offset + (int64_t)batch->count;
    *ret_done = end >= range->to;
    if (end > range->to)
        batch->count = batch->base_offset < range->to ? (size_t)(range->to - batch->base_offset) : 0;
    return batch->count > 0;
}

static int scan_poll(struct topic_scan *scan, struct bus_batch *ret_batch, struct error *error) {
    const struct topic_range *range = &scan->ranges[scan->at];
    int64_t since = clock_monotonic_ns(&clock_system);
    for (;;) {
        int got = bus_consumer_poll(scan->consumer, POLL_MS, ret_batch, error);
        if (got)
            return got;
        if (scan->stop && atomic_load(scan->stop))
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
        if (clock_monotonic_ns(&clock_system) - since > PATIENCE_NS)
            return error_set(error, ERROR_BUSY,
                             "%s/%" PRId32 " brings nothing, though it should have records up to offset %" PRId64,
                             scan->topic, range->partition, range->to);
    }
}

int topic_scan_next(struct topic_scan *scan, struct bus_batch *ret_batch, struct error *error) {
    for (;;) {
        if (scan->read) { /* only now, as the records that were given lived in the consumer */
            scan->consumer = bus_consumer_close(scan->consumer);
            scan->read = false;
            scan->at++;
        }
        if (scan->at == scan->count)
            return 0;
        const struct topic_range *range = &scan->ranges[scan->at];
        if (range->from >= range->to) {
            scan->read = true;
            continue;
        }
        int status = scan->consumer ? 0 : scan_begin(scan, error);
        if (!status)
            status = scan_poll(scan, ret_batch, error);
        if (status < 0)
            return status;
        if (scan_cut(range, ret_batch, &scan->read))
            return 1;
    }
}

#include "stream/sink/cache_topic_sink.h"

#include <stdlib.h>

#include "core/memory.h"
#include "model/time/time.h"
#include "stream/sink/cache_gather.h"

int cache_topic_sink_new(struct cache *cache, void **ret_context, struct error *error) {
    struct cache_gather *gather = memory_zero(1, sizeof *gather);
    if (!gather)
        return error_no_memory(error);
    int status = cache_gather_open(gather, cache, error);
    if (status)
        free(gather);
    else
        *ret_context = gather;
    return status;
}

static bool cache_topic_time(struct slice value, int64_t *ret_time) {
    uint64_t bits = 0;
    if (time_read(value, ret_time))
        return true;
    if (value.length != sizeof bits)
        return false;
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | (unsigned char)value.data[i];
    *ret_time = (int64_t)bits;
    return *ret_time >= TIME_MINIMUM && *ret_time <= TIME_MAXIMUM;
}

/* A cache forgets nothing, so what is deleted stays. */
static int cache_topic_write(void *context, const struct bus_batch *records, struct dead_letters *dead_letters,
                             size_t *ret_done, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < records->count && !status; i++) {
        const struct bus_record *record = &records->records[i];
        struct cache_entry entry = {.key = record->key};
        if (!record->value.data)
            continue;
        if (!record->key.data || record->key.length == 0)
            status = dead_letters_reject(dead_letters, records, i, "there is no key", error);
        else if (!cache_topic_time(record->value, &entry.timestamp))
            status = dead_letters_reject(dead_letters, records, i,
                                         "the value is neither an ISO-8601 time nor a BIGINT in ms", error);
        else
            status = cache_gather_put(context, &entry, error);
    }
    *ret_done = status ? 0 : records->count;
    return status;
}

static int cache_topic_flush(void *context, struct error *error) {
    return cache_gather_flush(context, error);
}

static void cache_topic_close(void *context) {
    cache_gather_close(context);
    free(context);
}

const struct sink_target cache_topic_sink_target = {.name = "the cache sink",
                                                    .write = cache_topic_write,
                                                    .flush = cache_topic_flush,
                                                    .marked = cache_gather_marked,
                                                    .mark = cache_gather_mark,
                                                    .close = cache_topic_close};

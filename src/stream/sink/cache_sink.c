/* Readings that cannot be read are dead letters of the queries that read the topic, not of this sink. */
#include "stream/sink/cache_sink.h"

#include <stdlib.h>

#include "codec/reading.h"
#include "core/memory.h"
#include "model/series.h"
#include "stream/sink/cache_gather.h"

struct cache_sink {
    struct cache_gather gather;
    struct reading_reader *reader;
    struct arena arena; /* of the batch at hand */
    bool values;
    int64_t max_ahead;
};

static void cache_sink_close(void *context) {
    struct cache_sink *sink = context;
    cache_gather_close(&sink->gather);
    reading_reader_free(sink->reader);
    arena_release(&sink->arena);
    free(sink);
}

int cache_sink_new(struct cache *cache, const struct registry *registry, bool values, int64_t max_ahead,
                   void **ret_context, struct error *error) {
    struct cache_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    sink->values = values;
    sink->max_ahead = max_ahead;
    int status = reading_reader_new(FORMAT_AVRO, registry, &sink->reader, error);
    if (!status)
        status = cache_gather_open(&sink->gather, cache, error);
    if (status) {
        cache_sink_close(sink);
        return status;
    }
    *ret_context = sink;
    return 0;
}

static int cache_sink_flush(void *context, struct error *error) {
    return cache_gather_flush(&((struct cache_sink *)context)->gather, error);
}

static int cache_sink_reading(struct cache_sink *sink, const struct reading *reading, struct error *error) {
    struct cache_entry entry = {.key = reading->series.gateway, .timestamp = reading->timestamp};
    int status = cache_gather_put(&sink->gather, &entry, error);
    if (status || !sink->values)
        return status;
    char key[SERIES_KEY_MAXIMUM];
    series_key_write(&reading->series, key);
    entry = (struct cache_entry){{key, series_key_length(&reading->series)}, reading->timestamp, true, reading->value};
    return cache_gather_put(&sink->gather, &entry, error);
}

static int cache_sink_write(void *context, const struct bus_batch *records, struct dead_letters *dead_letters,
                            size_t *ret_done, struct error *error) {
    struct cache_sink *sink = context;
    (void)dead_letters;
    struct reading *readings;
    arena_reset(&sink->arena);
    int status = reading_reader_read(sink->reader, &records->records[0].value, sizeof records->records[0],
                                     records->count, &sink->arena, &readings, error);
    for (size_t row = 0; !status && row < records->count; row++) {
        const struct reading *reading = &readings[row];
        int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
        if (!reading->null && !reading->reason && (clock < 0 || reading->timestamp - sink->max_ahead <= clock))
            status = cache_sink_reading(sink, reading, error);
    }
    *ret_done = status ? 0 : records->count;
    return status;
}

static int cache_sink_marked(void *context, const char *mark, bool *ret_marked, struct error *error) {
    return cache_gather_marked(&((struct cache_sink *)context)->gather, mark, ret_marked, error);
}

static int cache_sink_mark(void *context, const char *mark, struct error *error) {
    return cache_gather_mark(&((struct cache_sink *)context)->gather, mark, error);
}

const struct sink_target cache_sink_target = {.name = "the cache sink",
                                              .write = cache_sink_write,
                                              .flush = cache_sink_flush,
                                              .marked = cache_sink_marked,
                                              .mark = cache_sink_mark,
                                              .close = cache_sink_close};

/* Readings that cannot be read are the aggregate query's mail, not ours. */
#include "stream/sink/cache_sink.h"

#include <stdlib.h>

#include "codec/reading_decoder.h"
#include "core/memory.h"
#include "model/series.h"
#include "stream/sink/cache_gather.h"

struct cache_sink {
    struct cache_gather gather;
    struct reading_decoder *decoder;
    struct batch *batch;
    bool values;
    int64_t max_ahead;
};

static void cache_sink_close(void *context) {
    struct cache_sink *sink = context;
    cache_gather_close(&sink->gather);
    reading_decoder_free(sink->decoder);
    batch_free(sink->batch);
    free(sink);
}

int cache_sink_new(struct cache *cache, const struct registry *registry, bool values, int64_t max_ahead,
                   void **ret_context, struct error *error) {
    struct cache_sink *sink = memory_zero(1, sizeof *sink);
    if (!sink)
        return error_no_memory(error);
    sink->values = values;
    sink->max_ahead = max_ahead;
    sink->batch = batch_new(&schema_reading, 4096);
    int status = sink->batch ? reading_decoder_new(registry, &sink->decoder, error) : error_no_memory(error);
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

static int cache_sink_reading(struct cache_sink *sink, size_t row, struct error *error) {
    const union column *columns = sink->batch->columns;
    struct series series = {columns[READING_GATEWAY].strings[row], columns[READING_TYPE].strings[row],
                            columns[READING_ATTRIBUTE].strings[row]};
    struct cache_entry entry = {.key = series.gateway, .timestamp = columns[READING_TIMESTAMP].integers[row]};
    int status = cache_gather_put(&sink->gather, &entry, error);
    if (status || !sink->values)
        return status;
    char key[SERIES_KEY_MAXIMUM];
    series_key_write(&series, key);
    entry = (struct cache_entry){
        {key, series_key_length(&series)}, entry.timestamp, true, columns[READING_VALUE].doubles[row]};
    return cache_gather_put(&sink->gather, &entry, error);
}

static int cache_sink_write(void *context, const struct bus_batch *records, struct mail *mail, size_t *ret_done,
                            struct error *error) {
    struct cache_sink *sink = context;
    (void)mail;
    int status = reading_decoder_decode(sink->decoder, &records->records[0].value, sizeof records->records[0],
                                        records->count, records->base_offset, sink->batch, error);
    for (size_t row = 0; row < sink->batch->count && !status; row++) {
        int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
        if (sink->batch->status[row] == ROW_GOOD &&
            (clock < 0 || sink->batch->columns[READING_TIMESTAMP].integers[row] - sink->max_ahead <= clock))
            status = cache_sink_reading(sink, row, error);
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

/* An import and the topic: what it has already, and the rows that are kept apart.
 *
 * The topic is the record of what was imported, so an import that is run once more, after a kill too, publishes what
 * is missing. Values are decoded only of records whose key is one of the import's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/reading.h"
#include "core/hash.h"
#include "core/memory.h"
#include "replay/import/state.h"

enum { REJECT_BATCH = 4 * 1024 * 1024 };

/* --- reading a topic
 * ------------------------------------------------------------------------------------------------------------------ */

typedef int take_batch(void *context, const struct bus_batch *batch, struct error *error);

/* Every batch of a topic up to its end now. Nothing when there is no such topic. */
static int topic_read(struct bus *bus, const char *topic, const atomic_bool *stop, take_batch *take, void *context,
                      struct error *error) {
    struct bus_topic_info info;
    struct error missing;
    int status = bus_topic_describe(bus, topic, &info, &missing);
    if (status == ERROR_NOT_FOUND)
        return 0;
    if (status) {
        *error = missing;
        return status;
    }
    int32_t partitions = info.settings.partitions, left = 0;
    struct bus_consumer *consumer = NULL;
    int64_t *ends = memory_zero((size_t)partitions, sizeof *ends);
    bus_topic_info_release(&info);
    status = ends ? bus_consumer_open(bus, NULL, &consumer, error) : error_no_memory(error);
    for (int32_t p = 0; p < partitions && !status; p++) {
        int64_t start;
        status = bus_offsets(consumer, topic, p, &start, &ends[p], error);
        if (status || start == ends[p])
            continue;
        left++;
        status = bus_consumer_seek(consumer, topic, p, start, error);
    }
    while (!status && left > 0) {
        struct bus_batch batch;
        if (stop && atomic_load(stop)) {
            status = error_set(error, ERROR_INTERRUPTED, "interrupted while topic %s was read", topic);
            break;
        }
        int got = bus_consumer_poll(consumer, 100, &batch, error);
        status = got < 0 ? got : got && batch.count ? take(context, &batch, error) : 0;
        if (got > 0 && ends[batch.partition] >= 0 &&
            batch.base_offset + (int64_t)batch.count >= ends[batch.partition]) {
            ends[batch.partition] = -1;
            left--;
        }
    }
    bus_consumer_close(consumer);
    free(ends);
    return status;
}

/* --- readings that are there already
 * ------------------------------------------------------------------------------------------------------------------ */

struct series_span {
    struct slice key;
    uint32_t series;
    size_t begin, end; /* of its readings, by time */
    int64_t newest;    /* in the topic */
};

struct comparison {
    struct import *import;
    struct reading_reader *reader;
    struct series_span *spans; /* by key */
    size_t count;
    const char *topic;
    struct arena arena;
};

static int by_key(const void *a, const void *b) {
    return slice_compare(((const struct series_span *)a)->key, ((const struct series_span *)b)->key);
}

static int by_key_find(const void *key, const void *span) {
    return slice_compare(*(const struct slice *)key, ((const struct series_span *)span)->key);
}

static int comparison_start(struct comparison *comparison, struct bus *bus, struct error *error) {
    struct import *import = comparison->import;
    comparison->count = import->source.series_count;
    comparison->spans = memory_zero(comparison->count + 1, sizeof *comparison->spans);
    if (!comparison->spans)
        return error_no_memory(error);
    for (size_t i = 0; i < comparison->count; i++) {
        const struct series *series = &import->source.series[i];
        size_t length = series_key_length(series);
        char *key = arena_allocate(&import->arena, length + 1);
        if (!key)
            return error_no_memory(error);
        series_key_write(series, key);
        comparison->spans[i] = (struct series_span){{key, length}, (uint32_t)i, 0, 0, INT64_MIN};
    }
    for (size_t i = 0; i < import->reading_count; i++) {
        struct series_span *span = &comparison->spans[import->readings[i].series];
        span->begin = span->end ? span->begin : i;
        span->end = i + 1;
    }
    qsort(comparison->spans, comparison->count, sizeof *comparison->spans, by_key);
    return reading_reader_new(FORMAT_AVRO, bus_registry(bus), &comparison->reader, error);
}

static struct import_reading *span_find(struct import *import, const struct series_span *span, int64_t time) {
    size_t low = span->begin, high = span->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (import->readings[middle].time < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low < span->end && import->readings[low].time == time ? &import->readings[low] : NULL;
}

static int comparison_take_one(struct comparison *comparison, struct series_span *span, struct slice value,
                               struct error *error) {
    struct import *import = comparison->import;
    struct reading *read;
    int status = reading_reader_read(comparison->reader, &value, sizeof value, 1, &comparison->arena, &read, error);
    if (status || read->null || read->reason || !series_key_matches(&read->series, span->key))
        return status;
    span->newest = read->timestamp > span->newest ? read->timestamp : span->newest;
    struct import_reading *reading = span_find(import, span, read->timestamp);
    if (!reading || reading->dropped)
        return 0;
    reading->dropped = true;
    if (reading->value == read->value) {
        import->counts.published++;
        return 0;
    }
    char where[300];
    snprintf(where, sizeof where, "topic %s", comparison->topic);
    return import_contradicted(import, reading, read->value, where, error);
}

static int comparison_take(void *context, const struct bus_batch *batch, struct error *error) {
    struct comparison *comparison = context;
    int status = 0;
    arena_reset(&comparison->arena);
    for (size_t i = 0; i < batch->count && !status; i++) {
        const struct bus_record *record = &batch->records[i];
        struct series_span *span =
            record->key.data && record->value.data
                ? bsearch(&record->key, comparison->spans, comparison->count, sizeof *comparison->spans, by_key_find)
                : NULL;
        if (span)
            status = comparison_take_one(comparison, span, record->value, error);
    }
    return status;
}

static void comparison_count_behind(struct comparison *comparison) {
    struct import *import = comparison->import;
    for (size_t k = 0; k < comparison->count; k++) {
        const struct series_span *span = &comparison->spans[k];
        for (size_t i = span->begin; i < span->end; i++)
            import->counts.behind += !import->readings[i].dropped && import->readings[i].time < span->newest;
    }
}

int import_compare(struct import *import, struct bus *bus, const char *topic, const atomic_bool *stop,
                   struct error *error) {
    struct comparison comparison = {.import = import, .topic = topic};
    import_order_by_series(import);
    int status = comparison_start(&comparison, bus, error);
    if (!status)
        status = topic_read(bus, topic, stop, comparison_take, &comparison, error);
    if (!status)
        comparison_count_behind(&comparison);
    reading_reader_free(comparison.reader);
    arena_release(&comparison.arena);
    free(comparison.spans);
    import_sweep(import);
    import_order_by_time(import);
    import_order_wrong(import);
    import->counts.readings = (int64_t)import->reading_count;
    return status;
}

/* --- wrong rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* What a row on the topic of rejected records is known by: the row and its reason. */
static uint64_t reject_hash(struct slice text, struct slice reason) {
    uint64_t hash = hash_bytes(text.data, text.length, 1);
    return hash_bytes(reason.data, reason.length, hash);
}

struct rejects {
    uint64_t *hashes; /* of those on the topic */
    size_t count, capacity;
};

static int rejects_take(void *context, const struct bus_batch *batch, struct error *error) {
    struct rejects *rejects = context;
    for (size_t i = 0; i < batch->count; i++) {
        const struct bus_record *record = &batch->records[i];
        struct slice reason = {0};
        bool imported = false;
        for (size_t k = 0; k < record->header_count; k++) {
            imported |= slice_equal(record->headers[k].name, SLICE("origin.file"));
            if (slice_equal(record->headers[k].name, SLICE("error")))
                reason = record->headers[k].value;
        }
        if (!imported || !record->value.data || !reason.data)
            continue;
        if (!memory_reserve((void **)&rejects->hashes, &rejects->capacity, rejects->count + 1, sizeof *rejects->hashes))
            return error_no_memory(error);
        rejects->hashes[rejects->count++] = reject_hash(record->value, reason);
    }
    return 0;
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int reject_produce(struct bus_producer *producer, int32_t topic, int32_t partitions,
                          const struct import_wrong *wrong, int64_t now, struct error *error) {
    char line[24];
    int length = snprintf(line, sizeof line, "%" PRId64, wrong->line);
    struct bus_header headers[] = {{SLICE("error"), wrong->reason},
                                   {SLICE("origin.file"), slice_of(wrong->file)},
                                   {SLICE("origin.line"), {line, (size_t)length}}};
    struct bus_record record = {
        .key = slice_of(wrong->file), .value = wrong->text, .timestamp = now, .headers = headers, .header_count = 3};
    return bus_produce(producer, topic, bus_partition(record.key, partitions), &record, error);
}

static int rejects_publish(struct import *import, const struct rejects *rejects, struct bus_producer *producer,
                           int32_t topic, int32_t partitions, int64_t now, int64_t *ret_published,
                           struct error *error) {
    int status = 0;
    for (size_t i = 0; i < import->wrong_count && !status; i++) {
        struct import_wrong wrong = import_wrong(import, i);
        uint64_t hash = reject_hash(wrong.text, wrong.reason);
        if (rejects->count && bsearch(&hash, rejects->hashes, rejects->count, sizeof hash, compare_hashes))
            continue;
        status = reject_produce(producer, topic, partitions, &wrong, now, error);
        ++*ret_published;
        if (!status && bus_producer_pending_bytes(producer) > REJECT_BATCH)
            status = bus_producer_commit(producer, NULL, 0, error);
    }
    return status || !bus_producer_pending_records(producer) ? status : bus_producer_commit(producer, NULL, 0, error);
}

int import_reject(struct import *import, struct bus *bus, const char *topic, const struct clock *clock,
                  int64_t *ret_published, struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 16];
    struct rejects rejects = {0};
    struct bus_producer *producer = NULL;
    struct bus_producer_options options = {0};
    int32_t handle, partitions;
    *ret_published = 0;
    if (!import->wrong_count)
        return 0;
    snprintf(name, sizeof name, "%s-rejected", topic);
    int status = topic_read(bus, name, NULL, rejects_take, &rejects, error);
    if (rejects.count)
        qsort(rejects.hashes, rejects.count, sizeof *rejects.hashes, compare_hashes);
    if (!status)
        status = bus_producer_open(bus, &options, &producer, error);
    if (!status)
        status = bus_producer_topic(producer, name, NULL, &handle, &partitions, error);
    if (!status)
        status =
            rejects_publish(import, &rejects, producer, handle, partitions, clock_wall(clock), ret_published, error);
    bus_producer_close(producer);
    free(rejects.hashes);
    return status;
}

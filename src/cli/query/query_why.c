/* Reads TOPIC, TOPIC-late and TOPIC-rejected from the beginning, and counts what belongs to the window. A record of
 * TOPIC-rejected cannot be read, so it is told by its key alone, of whatever time. */
#include "cli/query/query_why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/reading.h"
#include "core/memory.h"
#include "model/time/time.h"

enum why_kind { WHY_READ, WHY_LATE, WHY_REJECTED, WHY_DUPLICATE, WHY_KINDS };
static const char *const why_words[WHY_KINDS] = {"read", "late", "rejected", "duplicate"};

struct why_found {
    int64_t count, first, last; /* offsets in `topic` */
    int32_t partition;
    char topic[BUS_TOPIC_NAME_MAXIMUM + 10];
    double sum;
};

struct why_reading {
    int64_t timestamp;
    double value;
    int64_t offset;
};

struct why {
    struct slice key;
    struct series series;
    int64_t start, end;
    char window[CALENDAR_TEXT_SIZE]; /* its name */
    struct reading_reader *reader;
    struct arena arena;
    struct why_found found[WHY_KINDS];
    struct why_reading *readings;
    size_t count, capacity;
};

static void why_note(struct why *why, enum why_kind kind, const char *topic, int32_t partition, int64_t offset,
                     double value) {
    struct why_found *found = &why->found[kind];
    if (!found->count++) {
        snprintf(found->topic, sizeof found->topic, "%s", topic);
        found->partition = partition;
        found->first = offset;
    }
    found->first = offset < found->first ? offset : found->first;
    found->last = offset > found->last ? offset : found->last;
    found->sum += value;
}

/* Did the record miss windows of this kind? Header late.windows has their names, separated by commas. */
static bool why_missed(const struct why *why, const struct bus_record *record) {
    for (size_t i = 0; i < record->header_count; i++) {
        struct slice sizes = record->headers[i].value;
        if (!slice_equal(record->headers[i].name, SLICE("late.windows")) || !sizes.data)
            continue;
        const char *at = sizes.data, *end = at + sizes.length;
        while (at < end) {
            const char *comma = memchr(at, ',', (size_t)(end - at));
            const char *stop = comma ? comma : end;
            if (slice_equal((struct slice){at, (size_t)(stop - at)}, slice_of(why->window)))
                return true;
            at = stop + 1;
        }
    }
    return false;
}

static int why_reading(struct why *why, enum why_kind kind, const struct bus_batch *batch, size_t at,
                       struct error *error) {
    const struct bus_record *record = &batch->records[at];
    int64_t offset = batch->base_offset + (int64_t)at;
    struct reading *reading;
    int status =
        reading_reader_read(why->reader, &record->value, sizeof record->value, 1, &why->arena, &reading, error);
    if (status || reading->null || reading->reason || !series_key_matches(&reading->series, why->key) ||
        reading->timestamp < why->start || reading->timestamp >= why->end)
        return status;
    if (kind == WHY_LATE) {
        if (why_missed(why, record))
            why_note(why, WHY_LATE, batch->topic, batch->partition, offset, reading->value);
        return 0;
    }
    why_note(why, WHY_READ, batch->topic, batch->partition, offset, reading->value);
    if (!memory_reserve((void **)&why->readings, &why->capacity, why->count + 1, sizeof *why->readings))
        return error_no_memory(error);
    why->readings[why->count++] = (struct why_reading){reading->timestamp, reading->value, offset};
    return 0;
}

static int by_time_and_value(const void *left, const void *right) {
    const struct why_reading *a = left, *b = right;
    int order = (a->timestamp > b->timestamp) - (a->timestamp < b->timestamp);
    order = order ? order : (a->value > b->value) - (a->value < b->value);
    return order ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static void why_duplicates(struct why *why) {
    const struct why_found *read = &why->found[WHY_READ];
    if (why->count)
        qsort(why->readings, why->count, sizeof *why->readings, by_time_and_value);
    for (size_t i = 1; i < why->count; i++)
        if (why->readings[i].timestamp == why->readings[i - 1].timestamp &&
            why->readings[i].value == why->readings[i - 1].value)
            why_note(why, WHY_DUPLICATE, read->topic, read->partition, why->readings[i].offset, why->readings[i].value);
}

static int why_batch(struct why *why, enum why_kind kind, const struct bus_batch *batch, struct error *error) {
    int status = 0;
    arena_reset(&why->arena);
    for (size_t i = 0; i < batch->count && !status; i++) {
        const struct bus_record *record = &batch->records[i];
        if (!record->key.data || !slice_equal(record->key, why->key))
            continue;
        if (kind == WHY_REJECTED)
            why_note(why, kind, batch->topic, batch->partition, batch->base_offset + (int64_t)i, 0);
        else if (record->value.data)
            status = why_reading(why, kind, batch, i, error);
    }
    return status;
}

/* A topic that is not there has nothing. The records of the series are on one partition, that of its key. */
static int why_topic(struct why *why, enum why_kind kind, struct bus *bus, const char *name, struct error *error) {
    struct bus_topic_info info;
    struct error missing;
    struct bus_consumer *consumer = NULL;
    int status = bus_topic_describe(bus, name, &info, &missing);
    if (status == ERROR_NOT_FOUND && kind != WHY_READ)
        return 0;
    if (status) {
        *error = missing;
        return status;
    }
    int32_t partition = bus_partition(why->key, info.settings.partitions);
    bus_topic_info_release(&info);
    int64_t start = 0, end = 0;
    status = bus_consumer_open(bus, NULL, &consumer, error);
    if (!status)
        status = bus_offsets(consumer, name, partition, &start, &end, error);
    if (!status && start < end)
        status = bus_consumer_seek(consumer, name, partition, start, error);
    while (!status && start < end && !atomic_load(&cli_stop)) {
        struct bus_batch batch;
        int got = bus_consumer_poll(consumer, 100, &batch, error);
        status = got < 0 ? got : got && batch.count ? why_batch(why, kind, &batch, error) : 0;
        if (got > 0)
            start = batch.base_offset + (int64_t)batch.count;
    }
    bus_consumer_close(consumer);
    return status;
}

static int why_topics(struct why *why, const struct common_settings *common, const char *topic, struct error *error) {
    static const char *const endings[] = {[WHY_READ] = "", [WHY_LATE] = "-late", [WHY_REJECTED] = "-rejected"};
    struct bus *bus;
    int status = cli_open_bus(common, false, &bus, error);
    if (status)
        return status;
    status = reading_reader_new(FORMAT_AVRO, bus_registry(bus), &why->reader, error);
    for (enum why_kind kind = WHY_READ; kind <= WHY_REJECTED && !status; kind++) {
        char name[BUS_TOPIC_NAME_MAXIMUM + 16];
        snprintf(name, sizeof name, "%s%s", topic, endings[kind]);
        status = why_topic(why, kind, bus, name, error);
    }
    bus_close(bus);
    return status;
}

static void why_row(struct table *table, const struct why *why, enum why_kind kind) {
    const struct why_found *found = &why->found[kind];
    table_text(table, slice_of(why_words[kind]));
    table_integer(table, found->count);
    if (kind == WHY_REJECTED || !found->count)
        table_text(table, (struct slice){0});
    else
        table_double(table, found->sum);
    if (!found->count) {
        for (int i = 0; i < 4; i++)
            table_text(table, (struct slice){0});
    } else {
        table_text(table, slice_of(found->topic));
        table_integer(table, found->partition);
        table_integer(table, found->first);
        table_integer(table, found->last);
    }
    table_row_end(table);
}

/* The store's row, if there is one. */
static int why_store(struct table *table, const struct common_settings *common, const struct store_query *query,
                     const struct why *why, struct error *error) {
    struct store_query one = *query;
    struct store *store;
    struct store_reader *reader = NULL;
    struct aggregate_row row;
    one.from = why->start;
    one.to = why->start + 1;
    one.limit = 1;
    int status = cli_open_store(common, false, &store, error);
    if (status)
        return status;
    int got = status = store_reader_open(store, &one, &reader, error);
    if (!status)
        got = store_reader_next(reader, &row, error);
    if (got >= 0) {
        table_text(table, got == 0 ? SLICE("no row") : row.revision ? SLICE("corrected row") : SLICE("row"));
        table_integer(table, got ? (int64_t)row.count : 0);
        if (got)
            table_double(table, row.sum);
        for (int i = got ? 0 : -1; i < 4; i++)
            table_text(table, i == 0 ? SLICE("(store)") : (struct slice){0});
        table_row_end(table);
    }
    if (!status)
        store_reader_close(reader);
    store_close(store);
    return got < 0 ? got : 0;
}

/* Start, end and name of the window. */
static int why_place(struct why *why, const struct store_window *window, struct error *error) {
    struct window_bounds bounds;
    if (!window->calendar[0])
        why->start -= why->start % window->size;
    store_window_write(why->window, window);
    int status = window_bounds_open(&bounds, window, error);
    if (status)
        return status;
    why->end = window_bounds_end(&bounds, why->start);
    if (!window_bounds_fit(&bounds, why->start, why->end))
        status = error_set(error, ERROR_INVALID, "--from is no start of a window %s: 'meterline query' shows them",
                           why->window);
    window_bounds_release(&bounds);
    return status;
}

int query_why(const struct common_settings *common, const struct store_query *query, const char *topic,
              const char *format, struct error *error) {
    static const char *const columns[] = {"what", "count", "sum", "topic", "partition", "firstOffset", "lastOffset"};
    struct why why = {.series = {slice_of(query->gateway), slice_of(query->type), slice_of(query->attribute)},
                      .start = query->from};
    char key[SERIES_KEY_MAXIMUM];
    struct table *table = NULL;
    int placed = why_place(&why, &query->window, error);
    if (placed)
        return placed;
    if (series_key_length(&why.series) > sizeof key)
        return error_set(error, ERROR_INVALID, "the names of the series have more than %d bytes", SERIES_KEY_MAXIMUM);
    series_key_write(&why.series, key);
    why.key = (struct slice){key, series_key_length(&why.series)};
    cli_catch_signals();
    int status = why_topics(&why, common, topic, error);
    why_duplicates(&why);
    if (!status)
        status = table_begin(table_format_of(format), columns, sizeof columns / sizeof *columns, &table, error);
    for (enum why_kind kind = WHY_READ; kind < WHY_KINDS && !status; kind++)
        why_row(table, &why, kind);
    if (!status)
        status = why_store(table, common, query, &why, error);
    int end = table_end(table, status ? NULL : error);
    reading_reader_free(why.reader);
    arena_release(&why.arena);
    free(why.readings);
    return status ? status : end;
}

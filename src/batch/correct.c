#include "batch/correct.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "codec/json/json.h"
#include "core/arena.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"

enum { GATHERED_MAXIMUM = 20000, TOPIC_ROOM = BUS_TOPIC_NAME_MAXIMUM + 16 };

struct correction {
    size_t size_number;
    struct aggregate_row row;
};

struct corrections {
    struct corrections_settings settings;
    struct corrections_counts counts;
    char topic[TOPIC_ROOM];
    struct bus_producer *producer;
    struct store_writer *writer;
    int32_t topic_handle, partitions;
    struct arena names; /* of what is gathered */
    struct correction *gathered;
    size_t count, capacity;
    struct bytes key, value;
};

int corrections_open(const struct corrections_settings *settings, struct corrections **ret_corrections,
                     struct error *error) {
    struct corrections *corrections = memory_zero(1, sizeof *corrections);
    if (!corrections)
        return error_no_memory(error);
    corrections->settings = *settings;
    snprintf(corrections->topic, sizeof corrections->topic, "%s-corrections", settings->topic);
    *ret_corrections = corrections;
    return 0;
}

struct corrections *corrections_close(struct corrections *corrections) {
    if (!corrections)
        return NULL;
    bus_producer_close(corrections->producer);
    store_writer_close(corrections->writer);
    arena_release(&corrections->names);
    free(corrections->gathered);
    bytes_release(&corrections->key);
    bytes_release(&corrections->value);
    free(corrections);
    return NULL;
}

/* --- the record
 * ------------------------------------------------------------------------------------------------------------------ */

static void value_double(struct bytes *to, const char *name, double value) {
    char text[NUMBER_DOUBLE_SIZE];
    bytes_append_format(to, "\"%s\":", name);
    double shown = isfinite(value) ? value : copysign(DBL_MAX, value); /* a difference of the largest doubles */
    bytes_append(to, text, number_write_double(text, shown));
}

static void value_time(struct bytes *to, const char *name, int64_t time) {
    char text[TIME_TEXT_SIZE];
    bytes_append_format(to, "\"%s\":\"", name);
    bytes_append(to, text, time_write(text, time));
    bytes_append_char(to, '"');
}

static void value_text(struct bytes *to, const char *name, struct slice text) {
    bytes_append_format(to, "\"%s\":", name);
    json_write_string(to, text);
    bytes_append_char(to, ',');
}

static void value_state(struct bytes *to, const char *name, const struct comparison_values *values, int64_t revision) {
    if (!values->there) {
        bytes_append_format(to, "\"%s\":null,", name);
        return;
    }
    bytes_append_format(to, "\"%s\":{\"sampleCount\":%llu,", name, (unsigned long long)values->count);
    value_double(to, "min", values->minimum);
    bytes_append_char(to, ',');
    value_double(to, "max", values->maximum);
    bytes_append_char(to, ',');
    value_double(to, "sum", values->sum);
    bytes_append_char(to, ',');
    value_double(to, "average", values->sum / (double)values->count);
    bytes_append_format(to, ",\"revision\":%lld},", (long long)revision);
}

static void correction_value(struct bytes *to, const struct comparison *comparison, int64_t revision, int64_t now) {
    const struct comparison_values *old = &comparison->store, *new = &comparison->batch;
    to->length = 0;
    bytes_append_char(to, '{');
    value_text(to, "gateway", comparison->series.gateway);
    value_text(to, "metricType", comparison->series.type);
    value_text(to, "metricAttribute", comparison->series.attribute);
    value_time(to, "windowStart", comparison->start);
    bytes_append_char(to, ',');
    value_time(to, "windowEnd", comparison->start + comparison->size);
    bytes_append_char(to, ',');
    value_state(to, "old", old, old->revision);
    value_state(to, "new", new, revision);
    bytes_append_format(to, "\"delta\":{\"sampleCount\":%lld,",
                        (long long)(new->count - (old->there ? old->count : 0)));
    value_double(to, "sum", new->sum - (old->there ? old->sum : 0));
    bytes_append_format(to, "},\"revision\":%lld,", (long long)revision);
    if (comparison->late.there)
        bytes_append_format(to, "\"cause\":\"LATE\",\"late\":%llu,", (unsigned long long)comparison->late.count);
    else
        bytes_append_string(to, "\"cause\":\"RECOMPUTE\",");
    value_time(to, "recordedAt", now);
    bytes_append_char(to, '}');
}

static void correction_key(struct bytes *to, const struct comparison *comparison) {
    char start[TIME_TEXT_SIZE];
    to->length = 0;
    bytes_append_slice(to, comparison->key);
    bytes_append_format(to, "/%lld/", (long long)(comparison->size / 1000));
    bytes_append(to, start, time_write(start, comparison->start));
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static int corrections_begin(struct corrections *corrections, struct error *error) {
    const struct corrections_settings *settings = &corrections->settings;
    struct bus_topic_settings topic = {.retention_time = BUS_RETENTION_DEFAULT,
                                       .retention_bytes = BUS_RETENTION_DEFAULT};
    if (corrections->producer)
        return 0;
    int status = bus_producer_open(settings->bus, &(struct bus_producer_options){.name = corrections->topic},
                                   &corrections->producer, error);
    if (!status)
        status = bus_producer_topic(corrections->producer, corrections->topic, &topic, &corrections->topic_handle,
                                    &corrections->partitions, error);
    if (!status)
        status = store_writer_open(settings->store, &corrections->writer, error);
    return status;
}

static int corrections_gather(struct corrections *corrections, const struct comparison *comparison, int64_t revision,
                              struct error *error) {
    if (!memory_reserve((void **)&corrections->gathered, &corrections->capacity, corrections->count + 1,
                        sizeof *corrections->gathered))
        return error_no_memory(error);
    struct arena *names = &corrections->names;
    const struct comparison_values *new = &comparison->batch;
    struct aggregate_row row = {.series = {arena_copy(names, comparison->series.gateway),
                                           arena_copy(names, comparison->series.type),
                                           arena_copy(names, comparison->series.attribute)},
                                .key = arena_copy(names, comparison->key),
                                .window_start = comparison->start,
                                .window_end = comparison->start + comparison->size,
                                .count = new->count,
                                .minimum = new->minimum,
                                .maximum = new->maximum,
                                .sum = new->sum,
                                .average = new->sum / (double)new->count,
                                .revision = revision};
    if (!row.series.gateway.data || !row.series.type.data || !row.series.attribute.data || !row.key.data)
        return error_no_memory(error);
    corrections->gathered[corrections->count++] = (struct correction){comparison->size_number, row};
    return 0;
}

/* Rows of each size together. */
static int corrections_write_rows(struct corrections *corrections, struct database *transaction, struct error *error) {
    struct aggregate_row *rows = memory_zero(corrections->count, sizeof *rows);
    int status = rows ? 0 : error_no_memory(error);
    for (size_t size = 0; size < corrections->settings.size_count && !status; size++) {
        size_t count = 0;
        for (size_t i = 0; i < corrections->count; i++)
            if (corrections->gathered[i].size_number == size)
                rows[count++] = corrections->gathered[i].row;
        struct store_window window = store_window_of(corrections->settings.sizes[size]);
        if (count)
            status = store_write(corrections->writer, transaction, &window, rows, count, error);
    }
    free(rows);
    return status;
}

static int corrections_write(struct corrections *corrections, struct error *error) {
    struct database *transaction = NULL;
    if (corrections->count == 0 || corrections->settings.dry)
        return 0;
    int status = bus_producer_begin(corrections->producer, &transaction, error);
    bool joined = !status && store_joins(corrections->settings.store, transaction);
    if (!status && joined)
        status = corrections_write_rows(corrections, transaction, error);
    if (!status)
        status = bus_producer_commit(corrections->producer, NULL, 0, error);
    if (status) {
        bus_producer_abort(corrections->producer);
        store_writer_rolled_back(corrections->writer);
        return error_wrap(error, "writing %zu corrections", corrections->count);
    }
    if (!joined)
        status = corrections_write_rows(corrections, NULL, error);
    if (!status && !joined)
        status = store_flush(corrections->writer, error);
    corrections->count = 0;
    arena_reset(&corrections->names);
    return status;
}

static int corrections_produce(struct corrections *corrections, const struct comparison *comparison, int64_t revision,
                               struct error *error) {
    int64_t now = clock_wall(corrections->settings.clock);
    correction_key(&corrections->key, comparison);
    correction_value(&corrections->value, comparison, revision, now);
    if (corrections->key.failed || corrections->value.failed)
        return error_no_memory(error);
    struct bus_record record = {
        .key = bytes_slice(&corrections->key), .value = bytes_slice(&corrections->value), .timestamp = now};
    return bus_produce(corrections->producer, corrections->topic_handle,
                       bus_partition(comparison->key, corrections->partitions), &record, error);
}

static bool correction_is_due(const struct comparison *comparison) {
    switch (comparison->class) {
    case CLASS_LATE:
    case CLASS_INCOMPLETE:
    case CLASS_MISSING_SPEED:
    case CLASS_UNEXPLAINED:
        return true;
    default:
        return false;
    }
}

int corrections_take(void *context, const struct comparison *comparison, struct error *error) {
    struct corrections *corrections = context;
    corrections->counts.windows[comparison->class]++;
    if (!correction_is_due(comparison))
        return 0;
    corrections->counts.corrected++;
    if (corrections->settings.dry)
        return 0;
    int64_t before = comparison->store.there && comparison->store.revision > 0 ? comparison->store.revision : 0;
    int status = corrections_begin(corrections, error);
    if (!status)
        status = corrections_gather(corrections, comparison, before + 1, error);
    if (!status)
        status = corrections_produce(corrections, comparison, before + 1, error);
    if (!status && corrections->count == GATHERED_MAXIMUM)
        status = corrections_write(corrections, error);
    return status;
}

int corrections_finish(struct corrections *corrections, struct corrections_counts *ret_counts, struct error *error) {
    int status = corrections_write(corrections, error);
    if (!status)
        *ret_counts = corrections->counts;
    return status;
}

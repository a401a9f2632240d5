#include "batch/log_readings.h"

#include <string.h>

#include "codec/reading.h"
#include "core/memory.h"
#include "core/number.h"
#include "stream/source/repeats.h"

enum { LATE_SIZES_MAXIMUM = 32 };

enum {
    COLUMN_PARTITION,
    COLUMN_OFFSET,
    COLUMN_GATEWAY,
    COLUMN_TYPE,
    COLUMN_ATTRIBUTE,
    COLUMN_TS,
    COLUMN_VALUE,
    COLUMN_SIZE,
    COLUMNS
};

static const struct olap_column reading_columns[COLUMNS] = {
    {"partition", OLAP_INTEGER}, {"offset", OLAP_INTEGER}, {"gateway", OLAP_TEXT}, {"type", OLAP_TEXT},
    {"attribute", OLAP_TEXT},    {"ts", OLAP_TIME},        {"value", OLAP_DOUBLE}, {"size", OLAP_INTEGER},
};

struct readings_scan {
    const struct log_readings *log;
    struct topic_scan *topic;
    struct reading_reader *reader;
    struct arena arena; /* of the records at hand */
    struct bus_batch batch;
    struct reading *readings;
    size_t at;              /* the next record */
    struct repeats repeats; /* of the partition at hand */
    bool *known;            /* by record of the batch: a repeat, or before the beginning */
    bool late;
    int64_t sizes[LATE_SIZES_MAXIMUM]; /* of record `at`, of which `size_at` is the next */
    int size_count, size_at;
};

static void readings_close(void *data) {
    struct readings_scan *scan = data;
    topic_scan_close(scan->topic);
    reading_reader_free(scan->reader);
    repeats_release(&scan->repeats);
    arena_release(&scan->arena);
    free(scan);
}

static int readings_open(const struct log_readings *log, bool late, void **ret_scan, struct error *error) {
    struct readings_scan *scan = memory_zero(1, sizeof *scan);
    if (!scan)
        return error_no_memory(error);
    scan->log = log;
    scan->late = late;
    scan->repeats = REPEATS_NONE;
    int status = topic_scan_open(log->bus, log->topic, log->ranges, log->range_count, log->stop, &scan->topic, error);
    if (!status)
        status = reading_reader_new(FORMAT_AVRO, bus_registry(log->bus), &scan->reader, error);
    if (status) {
        readings_close(scan);
        return status;
    }
    *ret_scan = scan;
    return 0;
}

static int log_readings_open(void *context, int64_t parameter, void **ret_scan, struct error *error) {
    (void)parameter;
    return readings_open(context, false, ret_scan, error);
}

static int late_readings_open(void *context, int64_t parameter, void **ret_scan, struct error *error) {
    (void)parameter;
    return readings_open(context, true, ret_scan, error);
}

/* Which records of the batch do not count: repeats, and those before the beginning. */
static int readings_look(struct readings_scan *scan, int32_t before, struct error *error) {
    const struct bus_batch *batch = &scan->batch;
    scan->known = arena_allocate(&scan->arena, batch->count);
    if (!scan->known)
        return error_no_memory(error);
    memset(scan->known, 0, batch->count);
    if (!scan->log->begins)
        return 0;
    if (batch->partition != before)
        repeats_release(&scan->repeats);
    for (size_t i = 0; i < batch->count; i++) {
        int64_t offset = batch->base_offset + (int64_t)i;
        if (!repeats_look(&scan->repeats, &batch->records[i], offset, &scan->known[i]))
            return error_no_memory(error);
        scan->known[i] |= offset < scan->log->begins[batch->partition];
    }
    return 0;
}

/* 1: there are records, 0: no more. */
static int readings_more(struct readings_scan *scan, struct error *error) {
    while (scan->at == scan->batch.count) {
        int32_t before = scan->batch.topic ? scan->batch.partition : -1;
        int got = topic_scan_next(scan->topic, &scan->batch, error);
        if (got <= 0)
            return got;
        arena_reset(&scan->arena);
        scan->at = 0;
        scan->size_at = scan->size_count = 0;
        int status = readings_look(scan, before, error);
        if (!status)
            status = reading_reader_read(scan->reader, &scan->batch.records[0].value, sizeof scan->batch.records[0],
                                         scan->batch.count, &scan->arena, &scan->readings, error);
        if (status)
            return status;
    }
    return 1;
}

/* As the stream decides by KEY_OF, MAX_AHEAD and what has come before. */
static bool readings_counts(const struct readings_scan *scan) {
    const struct reading *reading = &scan->readings[scan->at];
    const struct bus_record *record = &scan->batch.records[scan->at];
    if (scan->known[scan->at] || reading->null || reading->reason || !record->key.data ||
        !series_key_matches(&reading->series, record->key))
        return false;
    int64_t clock = scan->batch.append_time ? scan->batch.append_time : record->timestamp;
    return scan->late || clock < 0 || reading->timestamp <= clock || reading->timestamp - clock <= scan->log->max_ahead;
}

static void readings_put(const struct readings_scan *scan, struct olap_rows *rows, size_t row, int64_t partition,
                         int64_t offset) {
    const struct reading *reading = &scan->readings[scan->at];
    ((int64_t *)olap_rows_data(rows, COLUMN_PARTITION))[row] = partition;
    ((int64_t *)olap_rows_data(rows, COLUMN_OFFSET))[row] = offset;
    olap_rows_text(rows, COLUMN_GATEWAY, row, reading->series.gateway);
    olap_rows_text(rows, COLUMN_TYPE, row, reading->series.type);
    olap_rows_text(rows, COLUMN_ATTRIBUTE, row, reading->series.attribute);
    ((int64_t *)olap_rows_data(rows, COLUMN_TS))[row] = reading->timestamp * 1000;
    ((double *)olap_rows_data(rows, COLUMN_VALUE))[row] = reading->value;
}

static int log_readings_read(void *data, struct olap_rows *rows, struct error *error) {
    struct readings_scan *scan = data;
    int count = 0, status = 1;
    while (count < OLAP_ROWS && (status = readings_more(scan, error)) == 1) {
        if (readings_counts(scan))
            readings_put(scan, rows, (size_t)count++, scan->batch.partition,
                         scan->batch.base_offset + (int64_t)scan->at);
        scan->at++;
    }
    return status < 0 ? status : count;
}

/* --- late readings
 * ------------------------------------------------------------------------------------------------------------------ */

/* One size, "600" or "0.250" seconds. */
static bool late_size_read(struct slice text, int64_t *ret_size) {
    double seconds;
    if (!number_read_double(text, &seconds) || !(seconds >= 0.001) || seconds > 1e10)
        return false;
    *ret_size = (int64_t)(seconds * 1000 + 0.5);
    return true;
}

int late_sizes_read(struct slice text, int64_t *ret_sizes, size_t room) {
    int count = 0;
    for (size_t at = 0; at <= text.length;) {
        const char *comma = memchr(text.data + at, ',', text.length - at);
        size_t length = comma ? (size_t)(comma - text.data) - at : text.length - at;
        if ((size_t)count == room || !late_size_read((struct slice){text.data + at, length}, &ret_sizes[count++]))
            return -1;
        at += length + 1;
    }
    return count;
}

static struct slice late_header(const struct bus_record *record, const char *name) {
    for (size_t i = 0; i < record->header_count; i++)
        if (slice_equal(record->headers[i].name, slice_of(name)))
            return record->headers[i].value;
    return (struct slice){NULL, 0};
}

static int64_t late_number(const struct bus_record *record, const char *name) {
    int64_t number = -1;
    struct slice text = late_header(record, name);
    return text.data && number_read_integer(text, &number) ? number : -1;
}

static int late_readings_read(void *data, struct olap_rows *rows, struct error *error) {
    struct readings_scan *scan = data;
    int count = 0, status = 1;
    while (count < OLAP_ROWS && (status = readings_more(scan, error)) == 1) {
        const struct bus_record *record = &scan->batch.records[scan->at];
        if (scan->size_at == 0) {
            struct slice sizes = late_header(record, "late.windows");
            scan->size_count =
                sizes.data && readings_counts(scan) ? late_sizes_read(sizes, scan->sizes, LATE_SIZES_MAXIMUM) : 0;
        }
        if (scan->size_at < scan->size_count) {
            readings_put(scan, rows, (size_t)count, late_number(record, "origin.partition"),
                         late_number(record, "origin.offset"));
            ((int64_t *)olap_rows_data(rows, COLUMN_SIZE))[count++] = scan->sizes[scan->size_at++];
        }
        if (scan->size_at >= scan->size_count) {
            scan->size_at = scan->size_count = 0;
            scan->at++;
        }
    }
    return status < 0 ? status : count;
}

const struct olap_table log_readings_table = {.name = "log_readings",
                                              .columns = reading_columns,
                                              .column_count = COLUMN_SIZE,
                                              .open = log_readings_open,
                                              .read = log_readings_read,
                                              .close = readings_close};
const struct olap_table late_readings_table = {.name = "late_readings",
                                               .columns = reading_columns,
                                               .column_count = COLUMNS,
                                               .open = late_readings_open,
                                               .read = late_readings_read,
                                               .close = readings_close};

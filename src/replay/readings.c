/* Readings of any kind, in file order: CSV (RFC 4180, a row on one line) with the columns gateway, type, attribute,
 * timestamp, value in any order, or JSON lines with the names of topic `metrics`; the first character that is not
 * blank decides ('{' is JSON).
 *
 * A reading is valid as in codec/reading.h. */
#include "codec/reading.h"
#include "codec/reading_csv.h"
#include "core/memory.h"
#include "replay/source_driver.h"

static const char readings_header[] = READING_CSV_HEADER " (or JSON lines)";

struct readings {
    struct reading_csv csv;
    struct reading_reader *json; /* NULL: CSV */
    struct arena arena;          /* of the line at hand */
};

static int readings_open_csv(struct replay_source *source, struct slice line, struct error *error) {
    struct readings *readings = source->state;
    char excerpt[SOURCE_EXCERPT_SIZE];
    struct slice extra;
    switch (reading_csv_read_header(&readings->csv, line, &extra)) {
    case READING_CSV_NO_HEADER:
        return source_wrong_header(source, readings_header, line, error);
    case READING_CSV_EXTRA_COLUMN:
        return error_set(error, ERROR_INVALID,
                         "%s:%lld: column \"%s\" is not known or there twice: expected the header %s",
                         input_name(source->input), (long long)input_line(source->input),
                         source_excerpt(excerpt, extra), readings_header);
    case READING_CSV_GOOD:
        break;
    }
    return 0;
}

static int readings_open(struct replay_source *source, struct error *error) {
    struct slice line;
    size_t blank;
    source->state = memory_zero(1, sizeof(struct readings));
    struct readings *readings = source->state;
    if (!readings)
        return error_no_memory(error);
    do {
        int status = source_read_header(source, readings_header, &line, error);
        if (status)
            return status;
        for (blank = 0; blank < line.length && (line.data[blank] == ' ' || line.data[blank] == '\t'); blank++)
            ;
    } while (blank == line.length);
    if (line.data[blank] != '{')
        return readings_open_csv(source, line, error);
    source->held = line;
    return reading_reader_new(FORMAT_JSON, NULL, &readings->json, error);
}

static int readings_check(struct replay_source *source, const struct series *series,
                          const struct replay_reading *reading, bool *ret_good, struct error *error) {
    struct readings *readings = source->state;
    struct reading checked = {*series, reading->timestamp, reading->value, NULL, false};
    const char *reason = reading_check(&checked, &readings->arena);
    if (reason)
        return source_malformed(source, error, "%s", reason);
    *ret_good = true;
    return 0;
}

static int readings_read_csv(struct replay_source *source, struct slice line, struct series *series,
                             struct replay_reading *reading, bool *ret_read, struct error *error) {
    struct readings *readings = source->state;
    struct reading read;
    reading_csv_read(&readings->csv, line, &readings->arena, &read);
    if (read.reason)
        return source_malformed(source, error, "%s", read.reason);
    if (read.null) {
        source->counts.missing++;
        return 0;
    }
    *series = read.series;
    reading->timestamp = read.timestamp;
    reading->value = read.value;
    *ret_read = true;
    return 0;
}

static int readings_read_json(struct replay_source *source, struct slice line, struct series *series,
                              struct replay_reading *reading, bool *ret_read, struct error *error) {
    struct readings *readings = source->state;
    struct reading *read;
    int status = reading_reader_read(readings->json, &line, sizeof line, 1, &readings->arena, &read, error);
    if (status)
        return status;
    if (read->null || read->reason)
        return source_malformed(source, error, "%s", read->null ? "not JSON: an empty line or null" : read->reason);
    *series = read->series;
    reading->timestamp = read->timestamp;
    reading->value = read->value;
    *ret_read = true;
    return 0;
}

static int readings_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    struct readings *readings = source->state;
    for (;;) {
        struct slice line;
        struct series series;
        struct replay_reading reading = {0};
        bool read = false, good = false;
        arena_reset(&readings->arena);
        int status = source_next_line(source, &line, error);
        if (status <= 0)
            return status;
        status =
            (readings->json ? readings_read_json : readings_read_csv)(source, line, &series, &reading, &read, error);
        if (!status && read)
            status = readings_check(source, &series, &reading, &good, error);
        if (!status && good)
            status = source_find_series(source, &series, &reading.series, error);
        if (status)
            return status;
        if (good) {
            *ret_reading = reading;
            return 1;
        }
    }
}

static void readings_close(struct replay_source *source) {
    struct readings *readings = source->state;
    if (!readings)
        return;
    reading_reader_free(readings->json);
    arena_release(&readings->arena);
    reading_csv_release(&readings->csv);
    free(readings);
}

const struct source_driver source_readings = {
    .type = "readings", .open = readings_open, .next = readings_next, .close = readings_close};

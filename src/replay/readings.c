/* Readings of any kind, in file order: CSV (RFC 4180, a row on one line) with the columns gateway, type, attribute,
 * timestamp, value in any order, or JSON lines with the names of topic `metrics`; the first character that is not
 * blank decides ('{' is JSON).
 *
 * Series are numbered through an open-addressing table over the three names. A reading is valid as in
 * codec/reading.h. */
#include "codec/reading.h"
#include "core/bytes.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/schema.h"
#include "model/time/time.h"
#include "replay/source_driver.h"

static const char readings_header[] = "gateway,type,attribute,timestamp,value (or JSON lines)";
static const char *const readings_names[READING_COLUMNS] = {"gateway", "type", "attribute", "timestamp", "value"};

struct readings {
    size_t columns[READING_COLUMNS]; /* column of the file for each column of a reading (CSV) */
    struct reading_reader *json;     /* NULL: CSV */
    struct arena arena;              /* of the line at hand */
    struct bytes unquoted;           /* fields of a line whose quotes were taken off */
    uint32_t *slots;                 /* series number + 1, 0 = free */
    size_t slot_count;               /* a power of two, at most half full */
};

static uint64_t readings_hash(const struct series *series) {
    uint64_t hash = hash_bytes(series->gateway.data, series->gateway.length, hash_seed());
    hash = hash_bytes(series->type.data, series->type.length, hash);
    return hash_bytes(series->attribute.data, series->attribute.length, hash);
}

static bool readings_same(const struct series *a, const struct series *b) {
    return slice_equal(a->attribute, b->attribute) && slice_equal(a->gateway, b->gateway) &&
           slice_equal(a->type, b->type);
}

static bool readings_grow(struct replay_source *source) {
    struct readings *readings = source->state;
    size_t count = readings->slot_count ? readings->slot_count * 2 : 256;
    uint32_t *slots = memory_zero(count, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < source->series_count; i++) {
        size_t at = readings_hash(&source->series[i]) & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(readings->slots);
    readings->slots = slots;
    readings->slot_count = count;
    return true;
}

static int readings_find(struct replay_source *source, const struct series *series, uint32_t *ret_series,
                         struct error *error) {
    struct readings *readings = source->state;
    if (2 * (source->series_count + 1) > readings->slot_count && !readings_grow(source))
        return error_no_memory(error);
    size_t at = readings_hash(series) & (readings->slot_count - 1);
    for (; readings->slots[at]; at = (at + 1) & (readings->slot_count - 1))
        if (readings_same(&source->series[readings->slots[at] - 1], series)) {
            *ret_series = readings->slots[at] - 1;
            return 0;
        }
    struct series copy = {arena_copy(&source->arena, series->gateway), arena_copy(&source->arena, series->type),
                          arena_copy(&source->arena, series->attribute)};
    if (!copy.gateway.data || !copy.type.data || !copy.attribute.data)
        return error_no_memory(error);
    int status = source_add_series(source, &copy, error);
    if (status)
        return status;
    *ret_series = (uint32_t)source->series_count - 1;
    readings->slots[at] = (uint32_t)source->series_count;
    return 0;
}

/* Splits a line of CSV; quoted fields are unescaped into readings->unquoted. NULL, or why it cannot be. */
static const char *readings_split(struct readings *readings, struct slice line,
                                  struct slice fields[SOURCE_COLUMNS_MAXIMUM], size_t *ret_count) {
    *ret_count = 0;
    if (!memchr(line.data, '"', line.length)) {
        *ret_count = source_split(line, ',', fields);
        return NULL;
    }
    readings->unquoted.length = 0;
    char *to = bytes_reserve(&readings->unquoted, line.length);
    if (!to)
        return "memory has run out";
    const char *at = line.data, *end = at + line.length;
    for (;;) {
        struct slice field = {to, 0};
        bool quoted = at < end && *at == '"';
        for (at += quoted; at < end && (quoted || *at != ','); at++) {
            if (*at == '"' && !quoted)
                return "a quote in the middle of a field without quotes";
            if (*at == '"' && (at + 1 == end || at[1] != '"'))
                break;
            at += *at == '"';
            *to++ = *at;
        }
        if (quoted && at++ == end)
            return "a quoted field does not end on its line";
        if (at < end && *at != ',')
            return "something follows a closing quote";
        field.length = (size_t)(to - field.data);
        if (*ret_count < SOURCE_COLUMNS_MAXIMUM)
            fields[*ret_count] = field;
        ++*ret_count;
        if (at++ == end)
            return NULL;
    }
}

static int readings_open_csv(struct replay_source *source, struct slice line, struct error *error) {
    struct readings *readings = source->state;
    struct slice fields[SOURCE_COLUMNS_MAXIMUM];
    char excerpt[SOURCE_EXCERPT_SIZE];
    size_t found = 0;
    if (readings_split(readings, line, fields, &source->columns) || source->columns > SOURCE_COLUMNS_MAXIMUM)
        return source_wrong_header(source, readings_header, line, error);
    bool seen[READING_COLUMNS] = {0};
    struct slice extra = {0};
    for (size_t i = 0; i < source->columns; i++) {
        size_t column = 0;
        while (column < READING_COLUMNS && (seen[column] || !slice_equal(fields[i], slice_of(readings_names[column]))))
            column++;
        if (column == READING_COLUMNS) {
            extra = extra.data ? extra : fields[i];
            continue;
        }
        seen[column] = true;
        readings->columns[column] = i;
        found++;
    }
    if (found < READING_COLUMNS)
        return source_wrong_header(source, readings_header, line, error);
    if (extra.data)
        return error_set(error, ERROR_INVALID,
                         "%s:%lld: column \"%s\" is not known or there twice: expected the header %s",
                         input_name(source->input), (long long)input_line(source->input),
                         source_excerpt(excerpt, extra), readings_header);
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
    struct slice fields[SOURCE_COLUMNS_MAXIMUM];
    char excerpt[SOURCE_EXCERPT_SIZE];
    size_t columns;
    const char *problem = readings_split(readings, line, fields, &columns);
    if (problem)
        return source_malformed(source, error, "%s", problem);
    if (columns != source->columns)
        return source_malformed(source, error, "%zu columns where the header has %zu", columns, source->columns);
    struct slice timestamp = fields[readings->columns[READING_TIMESTAMP]],
                 value = fields[readings->columns[READING_VALUE]];
    if (source_is_missing(value)) {
        source->counts.missing++;
        return 0;
    }
    if (!time_read(timestamp, &reading->timestamp))
        return source_malformed(source, error, "timestamp \"%s\" is not a time as 2006-12-16T17:24:00Z, 1970 to 9999",
                                source_excerpt(excerpt, timestamp));
    if (!number_read_double(value, &reading->value))
        return source_malformed(source, error, "value \"%s\" is not a finite number", source_excerpt(excerpt, value));
    *series = (struct series){fields[readings->columns[READING_GATEWAY]], fields[readings->columns[READING_TYPE]],
                              fields[readings->columns[READING_ATTRIBUTE]]};
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
            status = readings_find(source, &series, &reading.series, error);
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
    bytes_release(&readings->unquoted);
    free(readings->slots);
    free(readings);
}

const struct source_driver source_readings = {
    .type = "readings", .open = readings_open, .next = readings_next, .close = readings_close};

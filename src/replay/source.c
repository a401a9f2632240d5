/* Sources: the table of drivers, and what they share: lines, counting, households, the name of a source. */
#include "replay/source.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"
#include "core/number.h"
#include "replay/source_driver.h"

enum { MINUTES_A_DAY = 1440 };

static const struct source_driver *const drivers[] = {&source_electricity, &source_water,     &source_gas,
                                                      &source_readings,    &source_synthetic, &source_dsmr};

static const struct source_driver *source_driver_find(const char *type) {
    for (size_t i = 0; type && i < sizeof(drivers) / sizeof(drivers[0]); i++)
        if (strcmp(drivers[i]->type, type) == 0)
            return drivers[i];
    return NULL;
}

static int source_check(const struct source_driver *driver, const struct replay_settings *settings,
                        struct error *error) {
    int64_t first = settings->first_household, last = settings->last_household;
    bool synthetic = driver == &source_synthetic;
    if (!synthetic && (!settings->file || !settings->file[0]))
        return error_set(error, ERROR_INVALID, "type %s needs a file, or - for standard input", driver->type);
    if (synthetic && settings->file)
        return error_set(error, ERROR_INVALID, "type synthetic makes its own readings and takes no file");
    if (settings->day_offset < 0 || settings->day_offset > INT_MAX ||
        ((synthetic || driver == &source_dsmr) && settings->day_offset))
        return error_set(error, ERROR_INVALID, "a day offset of %" PRId64 " is not possible with type %s",
                         settings->day_offset, driver->type);
    if (!driver->households && (first || last))
        return error_set(error, ERROR_INVALID, "households do not apply to type %s, which names its gateways itself",
                         driver->type);
    if (first < 0 || first > last)
        return error_set(error, ERROR_INVALID,
                         "households %" PRId64 " to %" PRId64 ": the first must be at least 0 and not above the last",
                         first, last);
    if (last - first >= SOURCE_HOUSEHOLDS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "households %" PRId64 " to %" PRId64 " are more than %d", first, last,
                         SOURCE_HOUSEHOLDS_MAXIMUM);
    return 0;
}

static int source_skip_days(struct replay_source *source, struct error *error) {
    int64_t rows = source->settings.day_offset * MINUTES_A_DAY;
    for (int64_t i = 0; i < rows; i++) {
        struct slice line;
        int status = 1;
        if (source->held.data)
            source->held.data = NULL;
        else
            status = input_next(source->input, &line, error);
        if (status < 0)
            return status;
        if (status == INPUT_END)
            return error_set(error, ERROR_INVALID,
                             "%s has only %" PRId64 " rows: a day offset of %" PRId64 " (%" PRId64
                             " rows) starts after its end",
                             input_name(source->input), i, source->settings.day_offset, rows);
    }
    return 0;
}

int source_open_input(const struct replay_settings *settings, struct input *input, struct replay_source **ret_source,
                      struct error *error) {
    const struct source_driver *driver = source_driver_find(settings->type);
    struct replay_source *source = driver ? memory_zero(1, sizeof(*source)) : NULL;
    if (!source) {
        input_close(input);
        return driver ? error_no_memory(error)
                      : error_set(error, ERROR_INVALID, "unknown type of source %s",
                                  settings->type ? settings->type : "(none)");
    }
    source->driver = driver;
    source->settings = *settings;
    source->input = input;
    int status = driver->open(source, error);
    if (!status)
        status = source_skip_days(source, error);
    if (status) {
        replay_source_close(source);
        return status;
    }
    *ret_source = source;
    return 0;
}

int replay_source_open(const struct replay_settings *settings, struct replay_source **ret_source, struct error *error) {
    const struct source_driver *driver = source_driver_find(settings->type);
    if (!driver)
        return error_set(error, ERROR_INVALID,
                         "unknown type of source %s: expected electricity, water, gas, readings, dsmr or synthetic",
                         settings->type ? settings->type : "(none)");
    struct input *input = NULL;
    int status = source_check(driver, settings, error);
    if (!status && settings->file)
        status = input_open(settings->file, &input, error);
    return status ? status : source_open_input(settings, input, ret_source, error);
}

struct replay_source *replay_source_close(struct replay_source *source) {
    if (!source)
        return NULL;
    if (source->driver->close)
        source->driver->close(source);
    input_close(source->input);
    arena_release(&source->arena);
    free(source->series);
    free(source->slots);
    free(source);
    return NULL;
}

int replay_source_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    int status = source->driver->next(source, ret_reading, error);
    source->counts.readings += status == 1;
    return status;
}

bool replay_source_is_live(const struct replay_source *source) {
    return source->input && input_is_live(source->input);
}

bool replay_source_waits(const struct replay_source *source, int64_t timeout) {
    return source->input && !source->held.data && input_waits(source->input, timeout);
}

const struct series *replay_source_series(const struct replay_source *source, uint32_t series) {
    return series < source->series_count ? &source->series[series] : NULL;
}

const struct replay_counts *replay_source_counts(const struct replay_source *source) {
    return &source->counts;
}

int64_t replay_source_line(const struct replay_source *source) {
    return source->input ? input_line(source->input) : source->counts.readings;
}

int source_read_header(struct replay_source *source, const char *expected, struct slice *ret_line,
                       struct error *error) {
    int status = input_next(source->input, ret_line, error);
    if (status == INPUT_END)
        return error_set(error, ERROR_INVALID, "%s is empty: expected the header %s", input_name(source->input),
                         expected);
    if (status == INPUT_TOO_LONG)
        return error_set(error, ERROR_INVALID, "%s: the first line is longer than %d bytes: expected the header %s",
                         input_name(source->input), INPUT_LINE_MAXIMUM, expected);
    return status < 0 ? status : 0;
}

int source_wrong_header(const struct replay_source *source, const char *expected, struct slice found,
                        struct error *error) {
    char excerpt[SOURCE_EXCERPT_SIZE];
    return error_set(error, ERROR_INVALID,
                     "%s:%" PRId64 ": expected the header %s but found \"%s\"; 'meterline import' takes any CSV",
                     input_name(source->input), input_line(source->input), expected, source_excerpt(excerpt, found));
}

static bool source_is_blank(struct slice line) {
    for (size_t i = 0; i < line.length; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    return true;
}

int source_next_line(struct replay_source *source, struct slice *ret_line, struct error *error) {
    for (;;) {
        struct slice line = source->held;
        int status = line.data ? INPUT_LINE : input_next(source->input, &line, error);
        source->held.data = NULL;
        if (status <= 0)
            return status;
        if (status == INPUT_LINE && source_is_blank(line))
            continue;
        source->counts.rows++;
        if (status == INPUT_LINE) {
            *ret_line = line;
            return 1;
        }
        status = source_malformed(source, error, "the line is longer than %d bytes", INPUT_LINE_MAXIMUM);
        if (status)
            return status;
    }
}

int source_malformed(struct replay_source *source, struct error *error, const char *format, ...) {
    struct replay_counts *counts = &source->counts;
    struct replay_problem problem = {.line = input_line(source->input)};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem.message, sizeof(problem.message), format, arguments);
    va_end(arguments);
    if (counts->malformed < REPLAY_REPORTED_ROWS)
        counts->problems[counts->malformed] = problem;
    counts->malformed++;
    if (!source->settings.strict)
        return 0;
    return error_set(error, ERROR_INVALID, "%s:%" PRId64 ": %s", input_name(source->input), problem.line,
                     problem.message);
}

const char *source_excerpt(char to[SOURCE_EXCERPT_SIZE], struct slice text) {
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (length > SOURCE_EXCERPT_SIZE - 8) {
            memcpy(to + length, "...", 4);
            return to;
        }
        unsigned char c = (unsigned char)text.data[i];
        length +=
            (size_t)snprintf(to + length, SOURCE_EXCERPT_SIZE - length, c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
    }
    to[length] = '\0';
    return to;
}

int source_add_series(struct replay_source *source, const struct series *series, struct error *error) {
    void *array = source->series;
    if (source->series_count >= UINT32_MAX ||
        !memory_reserve(&array, &source->series_capacity, source->series_count + 1, sizeof(*source->series)))
        return error_no_memory(error);
    source->series = array;
    source->series[source->series_count++] = *series;
    return 0;
}

static uint64_t series_hash(const struct series *series) {
    uint64_t hash = hash_bytes(series->gateway.data, series->gateway.length, hash_seed());
    hash = hash_bytes(series->type.data, series->type.length, hash);
    return hash_bytes(series->attribute.data, series->attribute.length, hash);
}

static bool series_same(const struct series *a, const struct series *b) {
    return slice_equal(a->attribute, b->attribute) && slice_equal(a->gateway, b->gateway) &&
           slice_equal(a->type, b->type);
}

static bool series_grow(struct replay_source *source) {
    size_t count = source->slot_count ? source->slot_count * 2 : 256;
    uint32_t *slots = memory_zero(count, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < source->series_count; i++) {
        size_t at = series_hash(&source->series[i]) & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(source->slots);
    source->slots = slots;
    source->slot_count = count;
    return true;
}

int source_find_series(struct replay_source *source, const struct series *series, uint32_t *ret_series,
                       struct error *error) {
    if (2 * (source->series_count + 1) > source->slot_count && !series_grow(source))
        return error_no_memory(error);
    size_t at = series_hash(series) & (source->slot_count - 1);
    for (; source->slots[at]; at = (at + 1) & (source->slot_count - 1))
        if (series_same(&source->series[source->slots[at] - 1], series)) {
            *ret_series = source->slots[at] - 1;
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
    source->slots[at] = (uint32_t)source->series_count;
    return 0;
}

int source_add_households(struct replay_source *source, struct slice type, const struct slice *attributes,
                          uint32_t count, struct error *error) {
    source->row_attributes = count;
    for (int64_t household = source->settings.first_household; household <= source->settings.last_household;
         household++) {
        char text[NUMBER_INTEGER_SIZE];
        struct slice gateway = arena_copy(&source->arena, (struct slice){text, number_write_integer(text, household)});
        if (!gateway.data)
            return error_no_memory(error);
        for (uint32_t i = 0; i < count; i++) {
            int status = source_add_series(source, &(struct series){gateway, type, attributes[i]}, error);
            if (status)
                return status;
        }
    }
    return 0;
}

/* "household.txt.gz-1a2b3c4d": the file's own name for people, a hash of where it is for namesakes. */
static void source_file_name(const char *file, char *to, size_t size) {
    char *path = strcmp(file, "-") == 0 ? NULL : realpath(file, NULL);
    const char *whole = path ? path : file, *slash = strrchr(whole, '/');
    snprintf(to, size, "%.60s-%08x", slash ? slash + 1 : whole, (unsigned)hash_bytes(whole, strlen(whole), 0));
    for (char *c = to; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '_')
            *c = '-';
    free(path);
}

int replay_source_identity(const struct replay_settings *settings, char *to, size_t size) {
    const struct source_driver *driver = source_driver_find(settings->type);
    char name[80];
    int length;
    if (!driver)
        return ERROR_INVALID;
    if (driver == &source_synthetic) {
        length = snprintf(to, size,
                          "synthetic.%" PRId64 ".%" PRId64 "x%" PRId64 "ms.%" PRId64 "ms.%" PRId64 ".%.9g.%.9g.%.9g",
                          settings->synthetic.seed, settings->synthetic.series, settings->synthetic.interval,
                          settings->synthetic.duration, settings->synthetic.start, settings->synthetic.disordered,
                          settings->synthetic.late, settings->synthetic.bad);
    } else {
        source_file_name(settings->file ? settings->file : "", name, sizeof(name));
        length = snprintf(to, size, "%s.%s.%" PRId64 ".%" PRId64 "-%" PRId64, driver->type, name, settings->day_offset,
                          settings->first_household, settings->last_household);
    }
    return length >= 0 && (size_t)length < size ? 0 : ERROR_INVALID;
}

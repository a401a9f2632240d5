/* Inside of a source: what a kind of dataset implements, and what all kinds share. */
#ifndef METERLINE_REPLAY_SOURCE_DRIVER_H
#define METERLINE_REPLAY_SOURCE_DRIVER_H

#include "core/arena.h"
#include "core/slice.h"
#include "replay/input.h"
#include "replay/source.h"

/* A kind of dataset. `open` checks the settings, reads the header and may leave state in source->state, which
 * `close` frees. */
struct source_driver {
    const char *type;
    bool households; /* -s and -e apply: one row is replayed for each household */
    int (*open)(struct replay_source *source, struct error *error);
    int (*next)(struct replay_source *source, struct replay_reading *ret_reading, struct error *error);
    void (*close)(struct replay_source *source); /* may be NULL */
};

extern const struct source_driver source_electricity, source_water, source_gas, source_readings, source_synthetic,
    source_dsmr;

enum {
    SOURCE_ATTRIBUTES_MAXIMUM = 4,
    SOURCE_COLUMNS_MAXIMUM = 16,
    SOURCE_HOUSEHOLDS_MAXIMUM = 1000000,
    SOURCE_EXCERPT_SIZE = 48
};

/* A row of a household dataset while it is handed out: all attributes of the first household, then of the second,
 * ... */
struct source_row {
    int64_t timestamp;
    double values[SOURCE_ATTRIBUTES_MAXIMUM];
    uint32_t next, attribute; /* series to be handed out next, and its attribute */
    int64_t household;
};

struct replay_source {
    const struct source_driver *driver;
    struct replay_settings settings; /* strings belong to the caller of replay_source_open and are not used after it */
    struct input *input;             /* NULL for synthetic */
    struct slice held;               /* a line read ahead, data NULL: none */
    struct replay_counts counts;
    struct series *series;
    size_t series_count, series_capacity;
    uint32_t *slots;    /* of source_find_series: series number + 1, 0 = free */
    size_t slot_count;  /* a power of two, at most half full */
    struct arena arena; /* names of series */
    struct source_row row;
    uint32_t row_attributes, row_series; /* attributes of a row, series of a row (0 while there is no row) */
    char separator;                      /* of columns */
    size_t columns;                      /* in the header */
    void *state;                         /* of the driver */
};

/* As replay_source_open, over an input, which the source takes over also on failure (NULL for synthetic). */
int source_open_input(const struct replay_settings *settings, struct input *input, struct replay_source **ret_source,
                      struct error *error);

/* The first line as it is. An empty file is ERROR_INVALID that names `expected`. */
int source_read_header(struct replay_source *source, const char *expected, struct slice *ret_line, struct error *error);
int source_wrong_header(const struct replay_source *source, const char *expected, struct slice found,
                        struct error *error);
/* The next line that is not blank: 1, 0 at the end, or an error. Counts it as a row. */
int source_next_line(struct replay_source *source, struct slice *ret_line, struct error *error);
/* Counts the row last read as malformed. 0, or with --strict an error. */
int source_malformed(struct replay_source *source, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The beginning of `text` with everything unprintable escaped, for messages; returns `to`. */
const char *source_excerpt(char to[SOURCE_EXCERPT_SIZE], struct slice text);
/* Numbers a new series; strings are copied unless they are static. */
int source_add_series(struct replay_source *source, const struct series *series, struct error *error);
/* The number of a series, a new one when it has none; its names are copied then. An open-addressing table. */
int source_find_series(struct replay_source *source, const struct series *series, uint32_t *ret_series,
                       struct error *error);
/* Numbers the series of all households, household-major. */
int source_add_households(struct replay_source *source, struct slice type, const struct slice *attributes,
                          uint32_t count, struct error *error);

/* Splits a line at `separator`; returns the number of columns, of which at most SOURCE_COLUMNS_MAXIMUM are stored. */
static inline size_t source_split(struct slice line, char separator, struct slice fields[SOURCE_COLUMNS_MAXIMUM]) {
    size_t count = 0;
    const char *begin = line.data, *end = line.data + line.length;
    for (const char *at = begin;; at++) {
        if (at < end && *at != separator)
            continue;
        if (count < SOURCE_COLUMNS_MAXIMUM)
            fields[count] = (struct slice){begin, (size_t)(at - begin)};
        count++;
        if (at == end)
            return count;
        begin = at + 1;
    }
}

static inline bool source_is_missing(struct slice field) {
    return field.length == 0 || (field.length == 1 && field.data[0] == '?');
}

static inline void source_row_start(struct replay_source *source, int64_t timestamp) {
    source->row.timestamp = timestamp;
    source->row.next = source->row.attribute = 0;
    source->row.household = source->settings.first_household;
    source->row_series = (uint32_t)source->series_count;
}

/* Hands out the next reading of the row; false when there is none. */
static inline bool source_row_next(struct replay_source *source, struct replay_reading *ret_reading) {
    struct source_row *row = &source->row;
    if (row->next == source->row_series)
        return false;
    *ret_reading = (struct replay_reading){row->next, false, row->timestamp,
                                           row->values[row->attribute] + 0.001 * (double)row->household};
    row->next++;
    if (++row->attribute == source->row_attributes) {
        row->attribute = 0;
        row->household++;
    }
    return true;
}

#endif

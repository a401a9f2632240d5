/* A source of readings: a dataset file or the synthetic generator, read one reading after the other.
 *
 * Series are numbered from 0 as they appear, so a publisher can keep what it prepares for each in an array. Rows
 * that are missing ('?') or malformed are counted and skipped; the first ten malformed ones are kept with their line
 * numbers; with `strict` the first is an error. One thread. */
#ifndef METERLINE_REPLAY_SOURCE_H
#define METERLINE_REPLAY_SOURCE_H

#include "core/clock.h"
#include "core/error.h"
#include "model/series.h"
#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_REPORTED_ROWS = 10 };

struct replay_settings {
    const char *type;   /* electricity, water, gas, readings, dsmr, synthetic */
    const char *file;   /* path, or "-" for standard input; NULL for synthetic; .gz is recognised by content */
    int64_t day_offset; /* -d: starts 1440 x D data rows in (every line after the header is a data row) */
    int64_t first_household, last_household; /* -s, -e */
    bool strict;
    struct {
        int64_t series, interval, duration; /* count; ms between two readings of a series; ms in all */
        int64_t start;                      /* ms since the epoch of the first reading */
        int64_t seed;
        double disordered, late,
            bad; /* shares of readings, 0..1: out of order within five minutes, hours too late, unreadable */
    } synthetic;
};

struct replay_reading {
    uint32_t series;
    bool bad; /* synthetic: publish something unreadable in its place */
    int64_t timestamp;
    double value;
};

struct replay_problem {
    int64_t line;
    char message[160];
};

struct replay_counts {
    int64_t rows, missing, malformed, readings;
    struct replay_problem problems[REPLAY_REPORTED_ROWS];
};

struct replay_source;

/* ERROR_INVALID, ERROR_NOT_FOUND or ERROR_IO name the file and what was expected. */
int replay_source_open(const struct replay_settings *settings, struct replay_source **ret_source, struct error *error);
struct replay_source *replay_source_close(struct replay_source *source);
/* 1 with a reading, 0 at the end, or an error that names file and line. */
int replay_source_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error);
/* Is it a pipe, socket or terminal, to which more may come later? */
bool replay_source_is_live(const struct replay_source *source);
/* Is the next reading of such a source not there yet, and does not come within `timeout` ms? */
bool replay_source_waits(const struct replay_source *source, int64_t timeout);
const struct series *replay_source_series(const struct replay_source *source, uint32_t series);
const struct replay_counts *replay_source_counts(const struct replay_source *source);
int64_t replay_source_line(
    const struct replay_source *source); /* the line last read; for synthetic the number of the reading */
int64_t
replay_source_total(const struct replay_source *source); /* readings in all when known (synthetic), otherwise -1 */
/* A short name of what is replayed (type, file name, offsets, households, seed), the same for the same source: names
 * the place that --resume goes on from. */
int replay_source_identity(const struct replay_settings *settings, char *to, size_t size);

#endif

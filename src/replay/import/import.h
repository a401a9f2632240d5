/* Import: readings out of delimited text of anybody's making (CSV), in three steps.
 *
 *     files --sniff--> layout of each file --load--> readings in memory --compare--> those that the topic lacks
 *
 * The layout says how a file is written (delimiter, decimal mark, form of times, header) and what each column is. It
 * is taken from the settings, else from the whole file; what could be read two ways is ERROR_INVALID with both
 * readings and the option that decides. Files that leave it open follow those that do not.
 *
 * Readings come in the order of time. A repeat is a reading of the same gateway, type, attribute, time and value: of
 * those in the files and the topic one counts. Another value for the same time is wrong, as is a row that cannot be
 * read: such rows are kept with their reason. One thread. */
#ifndef METERLINE_REPLAY_IMPORT_IMPORT_H
#define METERLINE_REPLAY_IMPORT_IMPORT_H

#include "bus/bus.h"
#include "core/bytes.h"
#include "core/error.h"
#include "replay/source.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { IMPORT_FILES_MAXIMUM = 1000, IMPORT_READINGS_MAXIMUM = 16000000, IMPORT_WRONG_BYTES_MAXIMUM = 64 << 20 };

/* Texts as the options and a map file give them; NULL: to be found out. */
struct import_settings {
    const char *delimiter; /* ";", ",", "tab", "|" */
    const char *decimal;   /* "point", "comma" */
    const char *date;      /* "day-first", "month-first", "year-first" */
    const char *zone;      /* of times without an offset */
    const char *header;    /* rows before the first one with readings */
    const char *gateway, *type, *attribute;
    const char *gateway_from; /* "file", "column" */
    const char **columns;     /* "NAME=ROLE"; of two for one column the first counts */
    size_t column_count;
};

/* Adds what a map file says to `settings` where they say nothing; texts lie in `arena`. Lines are `name = value` with
 * the names of the options, `column NAME = ROLE`, blank or comments (#). ERROR_INVALID names file and line. */
int import_map_read(const char *file, struct arena *arena, struct import_settings *settings, struct error *error);

struct import;

/* Reads the files (paths, or "-"), which may have grown or vanished meanwhile: of one that grows what was there first
 * is read, without a last line that has no end yet. ERROR_INVALID: a layout could not be found, or most rows are
 * wrong. `ret_import` is also set on failure, for what import_describe can say, unless memory has run out. */
int import_open(const struct import_settings *settings, const char *const *files, size_t file_count,
                struct import **ret_import, struct error *error);
struct import *import_close(struct import *import);

struct import_counts {
    int64_t rows, readings;        /* rows of data; readings that are to be published */
    int64_t missing;               /* cells without a value */
    int64_t repeats, published;    /* the same reading once more in the files; those that are in the topic */
    int64_t wrong;                 /* rows and readings that are kept apart */
    int64_t sums;                  /* rows of sums, passed over */
    int64_t twice, twice_second;   /* local times that come twice; those of them that were taken for the second */
    int64_t behind;                /* readings older than the newest of their series in the topic */
    int64_t first_time, last_time; /* of the readings, ms */
};
const struct import_counts *import_counts(const struct import *import);

struct import_wrong {
    const char *file;
    int64_t line;
    struct slice text, reason;
};
/* The i-th row that is kept apart, i below counts.wrong, in the order of files and lines. */
struct import_wrong import_wrong(const struct import *import, size_t i);

/* What was understood, as lines of text for people. */
void import_describe(const struct import *import, struct bytes *to);
/* The layout of the first file as a map that import_map_read reads. */
void import_map_write(const struct import *import, struct bytes *to);

/* Reads the topic and takes out what it has; nothing when there is no such topic. `stop`: ERROR_INTERRUPTED. */
int import_compare(struct import *import, struct bus *bus, const char *topic, const atomic_bool *stop,
                   struct error *error);
/* Publishes the wrong rows to TOPIC-rejected, each once: value the row, headers error, origin.file and origin.line. */
int import_reject(struct import *import, struct bus *bus, const char *topic, const struct clock *clock,
                  int64_t *ret_published, struct error *error);
/* The readings as a source for replay_run; belongs to the import. */
struct replay_source *import_source(struct import *import);

#endif

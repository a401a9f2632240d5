/* Inside of an import: what its steps share. */
#ifndef METERLINE_REPLAY_IMPORT_STATE_H
#define METERLINE_REPLAY_IMPORT_STATE_H

#include "model/time/time_zone.h"
#include "replay/import/layout.h"
#include "replay/source_driver.h"

struct import_reading {
    int64_t time; /* ms */
    double value;
    uint32_t series, line; /* line: UINT32_MAX when it is beyond */
    uint16_t file;
    bool dropped;
};

struct wrong_row {
    uint16_t file;
    int64_t line;
    struct slice text, reason;
};

struct import {
    struct import_settings settings;
    struct import_file *files;
    struct layout *layouts;
    size_t file_count;
    struct replay_source source; /* numbers series; gives readings when all is loaded */
    struct import_reading *readings;
    size_t reading_count, reading_capacity, next;
    struct wrong_row *wrong;
    size_t wrong_count, wrong_capacity, wrong_bytes;
    struct import_counts counts;
    struct time_zones zones;
    const struct time_zone *zone;
    struct arena arena, row; /* of the import; of the row at hand */
};

extern const struct source_driver source_import;

/* Reads all files, in order, into import->readings. */
int import_load(struct import *import, struct error *error);
/* Keeps a row apart; `text` is cut at a few KB. */
int import_wrong_add(struct import *import, size_t file, int64_t line, struct slice text, struct error *error,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Keeps a reading apart whose time has another value: at `where`. */
int import_contradicted(struct import *import, const struct import_reading *reading, double value, const char *where,
                        struct error *error);
/* Sorts by series, time, file, line and drops repeats; then those that are dropped leave. */
int import_take_repeats(struct import *import, struct error *error);
void import_sweep(struct import *import);           /* takes dropped readings out, keeps the order */
void import_order_by_series(struct import *import); /* series, time, file, line */
void import_order_by_time(struct import *import);   /* time, series */
void import_order_wrong(struct import *import);     /* file, line */

#endif

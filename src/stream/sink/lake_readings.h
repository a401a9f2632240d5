/* Readings that wait for the lake: a buffer for each month, sorted by (type, attribute, gateway) when it becomes a data
 * file; within a series the order in which they came, which is the log's. A series is a number here; its names are
 * kept once. */
#ifndef METERLINE_STREAM_SINK_LAKE_READINGS_H
#define METERLINE_STREAM_SINK_LAKE_READINGS_H

#include "core/arena.h"
#include "core/error.h"
#include "lake/lake.h"
#include "model/series.h"

struct lake_month {
    int64_t month; /* since 1970 */
    size_t count, capacity;
    uint32_t *series;
    int64_t *times;
    double *values;
};

struct lake_readings {
    struct arena names;
    struct series *series; /* by number */
    size_t series_count, series_capacity;
    uint32_t *slots; /* number + 1, by hash of the names */
    size_t slot_count;
    struct lake_month *months; /* in no order */
    size_t month_count, month_capacity;
    size_t *month_slots; /* place in `months` + 1, by month */
    size_t month_slot_count;
    size_t bytes; /* of memory, in all */
    uint64_t seed;
    struct lake_month *last;    /* of the reading before */
    int64_t last_from, last_to; /* ms: [from, to) of that month */
    uint32_t *after;            /* by series: the one that came next the last time; meters report in turns */
    size_t after_capacity;
    uint32_t before; /* the series of the reading before */
};

void lake_readings_release(struct lake_readings *readings);
/* Forgets all of them; the names of series are kept, unless there are very many. */
void lake_readings_clear(struct lake_readings *readings);
int lake_readings_add(struct lake_readings *readings, const struct series *series, int64_t time, double value,
                      struct error *error);
/* The place of the month with the most readings; SIZE_MAX: there are none. */
size_t lake_readings_biggest(const struct lake_readings *readings);
/* Writes one month's readings as a data file, and forgets them. */
int lake_readings_write(struct lake_readings *readings, size_t month, struct lake_table *table,
                        const struct lake_snapshot *schema, const char *name, struct arena *arena,
                        struct lake_new_file *ret_file, struct error *error);

#endif

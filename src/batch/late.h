/* What came late, as the table batch_late: partition and offset of the origin, gateway, type, attribute, ts, value, and
 * the size of the window that had closed, a row a size. A record that several groups found late counts once. One
 * thread. */
#ifndef METERLINE_BATCH_LATE_H
#define METERLINE_BATCH_LATE_H

#include "batch/log_readings.h"
#include "model/series.h"

struct late;

/* Reads TOPIC-late; `sizes` that are not asked for, and windows that do not start in [from, to), are left out. */
struct late_settings {
    struct bus *bus;
    struct olap_connection *connection;
    const char *topic; /* of the readings */
    int64_t from, to;  /* ms */
    const atomic_bool *stop;
};

int late_load(const struct late_settings *settings, struct late **ret_late, struct error *error);
struct late *late_free(struct late *late);
int64_t late_count(const struct late *late); /* rows */
/* Did something come late for the series? Any thread, once loaded. */
bool late_has_series(const struct late *late, const struct series *series);
/* The times between which readings came late, ms, ends included; false: none did. */
bool late_bounds(const struct late *late, int64_t *ret_from, int64_t *ret_to);

#endif

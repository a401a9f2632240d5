/* What jobs and the prompt see: readings (readings.h), and
 *
 *     aggregates_N   a view for each kind of window of the store (aggregates_day_europe_athens): gateway, type, attribute, windowStart, windowEnd,
 *                    sampleCount, min, max, sum, average, revision
 *     latest         the newest reading of each series: gateway, type, attribute, ts, value
 *     alarms         the topic `alarms`: gateway, type, attribute, ts, value, minValue, maxValue, alarmType
 *     tumble(ts, n)  the start of the window of n seconds in which ts lies */
#ifndef METERLINE_BATCH_VIEWS_H
#define METERLINE_BATCH_VIEWS_H

#include "batch/duckdb/olap.h"
#include "batch/topic_scan.h"
#include "store/store.h"

/* Must stay where it is as long as the OLAP database is open. */
struct views {
    struct bus *bus;     /* NULL: no alarms */
    struct store *store; /* NULL: no aggregates */
    const char *alarms;  /* topic */
    const atomic_bool *stop;
    struct arena arena;
    struct store_window *windows; /* of the store */
    size_t window_count;
    struct topic_range *alarm_ranges;
    size_t alarm_range_count;
};

int views_make(struct views *views, struct olap_connection *connection, struct error *error);
void views_release(struct views *views);

#endif

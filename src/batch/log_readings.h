/* Readings of the log as tables of the OLAP database: what the lake does not have yet, and what came late. The rules
 * by which a record is a reading are those of the shipped READINGS source: readable, the key is that of its series, not
 * further ahead of the log's clock than MAX_AHEAD, no repeated delivery (stream/source/repeats.h). What is none is left
 * out, as the stream leaves it out.
 *
 *     log_readings()    partition, offset, gateway, type, attribute, ts, value
 *     late_readings()   the same of the origin, and size: milliseconds of the window that was closed; a row a size */
#ifndef METERLINE_BATCH_LOG_READINGS_H
#define METERLINE_BATCH_LOG_READINGS_H

#include "batch/duckdb/olap.h"
#include "batch/topic_scan.h"

struct log_readings {
    struct bus *bus;
    const char *topic;
    const struct topic_range *ranges;
    size_t range_count;
    /* by partition, below which records are only looked at, to know repeats of them; NULL: no repeats are looked for */
    const int64_t *begins;
    int64_t max_ahead; /* ms */
    const atomic_bool *stop;
};

extern const struct olap_table log_readings_table;  /* context: struct log_readings */
extern const struct olap_table late_readings_table; /* context: struct log_readings, of TOPIC-late */

/* "60,600.500" seconds into milliseconds; how many, at most `room`; -1: it is none. */
int late_sizes_read(struct slice text, int64_t *ret_sizes, size_t room);

#endif

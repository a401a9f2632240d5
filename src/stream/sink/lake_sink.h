/* A topic of readings, or of rows of flat columns, into a table of the lake.
 *
 *     write ─▶ a buffer for each month ─▶ (memory is full: the biggest) a data file ─┐
 *     flush ─▶ the rest of the buffers, data files ─────────────────────────────────┴─▶ one commit, with the positions
 *
 * The positions that count are the table's own, in the same commit as the rows: what the sink's group has committed
 * says only up to where unreadable records have been passed on. Records that the table has already are not written
 * again. A commit is due after an interval of wall time since the oldest record that is not in the table, or when the
 * data files are large enough; at the end of a run in any case. */
#ifndef METERLINE_STREAM_SINK_LAKE_SINK_H
#define METERLINE_STREAM_SINK_LAKE_SINK_H

#include "codec/row/row_codec.h"
#include "lake/lake.h"
#include "stream/sink/sink.h"

/* How the records of a topic become rows. */
struct lake_sink_format {
    struct row_format key, value;
    const struct row_column *columns; /* the first `key_count` are the key's */
    size_t count, key_count;
    enum row_window window; /* of the key: two columns more, window_start and window_end */
    int64_t window_size;
    bool calendar; /* windows of a calendar: the key holds where they begin, and window_end is NULL */
};

struct lake_sink_settings {
    struct lake *lake;
    struct bus *bus;
    const char *topic, *table;             /* table NULL: named as the topic, what is no letter or digit as _ */
    const struct lake_sink_format *format; /* NULL: readings */
    bool reject;                  /* unreadable records go to the dead letters; else a query of the run has them */
    int64_t commit_interval;      /* ms */
    int64_t commit_bytes, memory; /* of data files; of all buffers */
    int64_t keep_snapshots;       /* ms: older ones go; 0: all stay */
    const struct clock *clock;
    const struct log *log;
};

enum { LAKE_SINK_INTERVAL = 300000, LAKE_SINK_BYTES = 128 << 20, LAKE_SINK_MEMORY = 64 << 20 };
#define LAKE_SINK_KEEP_SNAPSHOTS INT64_C(432000000) /* 5 days */

extern const struct sink_target lake_sink_target;
/* Makes the table when it is missing. ERROR_UNSUPPORTED: a nested column; ERROR_INVALID: the table has other columns. */
int lake_sink_new(const struct lake_sink_settings *settings, void **ret_context, struct error *error);
/* The table's name of a topic. */
void lake_sink_table(const char *topic, char to[LAKE_NAME_MAXIMUM + 1]);

#endif

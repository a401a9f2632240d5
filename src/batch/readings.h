/* All readings as of one moment: a snapshot of the lake's table, and of the log what the lake does not have yet.
 *
 *     log        0 ────────────── position ───────── end      by partition
 *     lake       [ files .......)                             up to the position that was committed with the snapshot
 *     tail                        [ log ............)         table batch_tail of the OLAP database
 *
 * The files of a snapshot lie in the order of the log: a series' rows of an earlier file came before those of a later
 * one, and within a file a series' rows lie in the order of their offsets. That, and nothing else, is the order in
 * which windows are folded.
 *
 * Rows that other programs have deleted (position deletes) are left out; equality deletes are refused. */
#ifndef METERLINE_BATCH_READINGS_H
#define METERLINE_BATCH_READINGS_H

#include "batch/duckdb/olap.h"
#include "batch/log_readings.h"
#include "core/log.h"
#include "lake/lake.h"

struct readings_settings {
    struct bus *bus;   /* NULL: only the lake */
    struct lake *lake; /* NULL: only the log */
    const char *topic; /* of the readings */
    int64_t max_ahead; /* ms */
    /* the offsets up to which a stream has read, by partition: the tail ends there; NULL: at the end of the log */
    const int64_t *ends;
    size_t end_count;
    const int64_t *first_identities; /* by partition (query_position.first_identity), end_count of them; NULL: 0 */
    const char *folder;              /* where copies of files of a remote lake lie */
    const atomic_bool *stop;
    const struct log *log;
};

struct readings_file {
    const char *path;
    int64_t from, to; /* ms of its partition, or all of time */
    int64_t records;
    const char *deletes; /* SQL that is true for a row that stays, of file_row_number; NULL: all stay */
};

struct readings_partition {
    struct topic_range tail;
    int64_t log_start, log_end;
    int64_t lake_position; /* -1: the lake has nothing of it */
};

struct readings {
    struct readings_settings settings;
    struct arena arena;
    struct readings_file *files; /* in the order of the log */
    size_t file_count;
    int64_t lake_snapshot, lake_records;
    struct readings_partition *partitions;
    size_t partition_count;
    struct topic_range *ranges; /* the tails, from where repeats of them may lie */
    int64_t *begins;            /* of the tails, by partition */
    struct log_readings tail;   /* context of the table log_readings() */
    int64_t tail_records;       /* offsets of the tail */
    bool tail_loaded;
};

/* Takes the snapshot. A position of the lake beyond the end of the log is ERROR_INVALID: the lake is another log's.
 * The struct must stay where it is. */
int readings_open(const struct readings_settings *settings, struct readings *readings, struct error *error);
void readings_release(struct readings *readings);

/* Registers log_readings() and makes the view `readings`: gateway, type, attribute, ts, value; once for a
 * connection's database. */
int readings_view(struct readings *readings, struct olap_connection *connection, struct error *error);
/* Makes the table batch_tail, once. */
int readings_load_tail(struct readings *readings, struct olap_connection *connection, struct error *error);
/* The times between which there are readings, ms, ends included; false: there are none. Needs the tail loaded. */
int readings_bounds(struct readings *readings, struct olap_connection *connection, bool *ret_some, int64_t *ret_from,
                    int64_t *ret_to, struct error *error);

/* After an error: when reading has failed, the files are read one by one, and the first that is damaged is named in
 * `error` (ERROR_CORRUPT). Returns the code of the error. */
int readings_name_damage(const struct readings *readings, struct olap_connection *connection, struct error *error);

/* --- runs: queries of which each gives rows (type, attribute, gateway, ts, value) by series, in the order of the log
 * within a series --- */

struct readings_filter {
    int64_t from, to;                       /* ms, [from, to) */
    const char *gateway, *type, *attribute; /* NULL: any */
};

enum { READINGS_RUNS_MAXIMUM = 32 };

struct readings_run {
    char *sql;
    bool ordered; /* by the query; otherwise the file is taken to be, and must be checked */
    size_t file;  /* of one that is not: its number */
};

struct readings_runs {
    struct readings_run runs[READINGS_RUNS_MAXIMUM]; /* rows of an earlier one come first */
    size_t count;
};

/* `unsorted[f]`: file f is known not to lie by series: it is sorted. */
int readings_runs(struct readings *readings, const struct readings_filter *filter, const bool *unsorted,
                  struct readings_runs *ret_runs, struct error *error);
void readings_runs_release(struct readings_runs *runs);

#endif

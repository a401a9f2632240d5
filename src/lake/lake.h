/* The lake: all records for the long term, as Apache Iceberg tables (format version 2) of Parquet files, which DuckDB,
 * Spark, Trino and pyiceberg read as they are. docs/lake.md is its page.
 *
 * A lake is a folder, DIR or file:DIR: table NAME is DIR/NAME, its versions DIR/NAME/metadata/vN.metadata.json.
 *
 * A table is read through a snapshot, which never changes: its list of files, in the order in which the log brought
 * them. It is changed by one commit, which is visible as a whole or not at all, and holds the positions of the log up
 * to which the table has all: they are table properties, compared and set with the files.
 *
 * Threads: a `struct lake` may be used by any thread; a table handle, a snapshot and a file writer belong to one each. */
#ifndef METERLINE_LAKE_LAKE_H
#define METERLINE_LAKE_LAKE_H

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/property.h"
#include "lake/iceberg/table.h"
#include "model/rows.h"
#include <stdbool.h>
#include <stdint.h>

struct lake;
struct lake_table;

struct lake_options {
    bool create; /* make the folder when it is missing */
    const struct clock *clock;
    const struct log *log; /* NULL: silent */
};

/* ERROR_INVALID: the URL; ERROR_NOT_FOUND: there is no such folder. Servers need not answer yet. */
int lake_open(const char *url, const struct lake_options *options, struct lake **ret_lake, struct error *error);
struct lake *lake_close(struct lake *lake);
const char *lake_url(const struct lake *lake);

/* Names of the tables, sorted, in `arena`. */
int lake_tables(struct lake *lake, struct arena *arena, const char *const **ret_names, size_t *ret_count,
                struct error *error);

/* --- tables --- */

enum { LAKE_NAME_MAXIMUM = 249 };

/* The table of readings: gateway, type, attribute, ts, value, in this order. */
enum lake_reading_column { LAKE_GATEWAY, LAKE_TYPE, LAKE_ATTRIBUTE, LAKE_TS, LAKE_VALUE, LAKE_READING_COLUMNS };
#define LAKE_READINGS "readings"
extern const struct lake_table_settings lake_readings; /* by month of ts */

/* ERROR_NOT_FOUND names the tables there are. ERROR_UNSUPPORTED: a table of another format version, .. */
int lake_table_open(struct lake *lake, const char *name, struct lake_table **ret_table, struct error *error);
/* ERROR_EXISTS. ERROR_UNSUPPORTED: a nested type. */
int lake_table_create(struct lake *lake, const char *name, const struct lake_table_settings *settings,
                      struct error *error);
/* Opens it, and makes it first when it is missing. ERROR_INVALID: it is there with other columns: says which. */
int lake_table_ensure(struct lake *lake, const char *name, const struct lake_table_settings *settings,
                      struct lake_table **ret_table, struct error *error);
struct lake_table *lake_table_close(struct lake_table *table);
const char *lake_table_name(const struct lake_table *table);

/* --- reading --- */

struct lake_snapshot {
    int64_t id;             /* 0: a table without any */
    int64_t sequence, time; /* ms */
    const struct lake_column *columns;
    size_t column_count;
    enum lake_partition partition;
    size_t partition_column;
    /* The order of the log: a series' rows of an earlier file came before those of a later one. */
    const struct lake_file *files;
    size_t file_count;
    const struct lake_file *deletes; /* made by other programs: to be applied, or refused by name */
    size_t delete_count;
};

/* Snapshot `id`, or the newest (0). All that it points to lies in `arena`. ERROR_NOT_FOUND: no such snapshot. */
int lake_snapshot_read(struct lake_table *table, int64_t id, struct arena *arena, struct lake_snapshot *ret_snapshot,
                       struct error *error);

/* Which files can have rows that are asked for: those whose bounds meet the range, ends included. */
struct lake_range {
    size_t column;
    bool has_lower, has_upper;
    struct value lower, upper;
};
bool lake_file_meets(const struct lake_snapshot *snapshot, const struct lake_file *file,
                     const struct lake_range *ranges, size_t count);

struct lake_history_entry {
    int64_t id, parent, time, sequence;
    const char *operation; /* append, overwrite, replace, delete */
    int64_t added_files, added_records, removed_files, removed_records, records; /* -1: not said */
};
/* All snapshots that the table has, the oldest first. */
int lake_history(struct lake_table *table, struct arena *arena, const struct lake_history_entry **ret_entries,
                 size_t *ret_count, struct error *error);

/* Where libraries that open paths find the file; the path lies in `arena`. `folder` is for copies of files that are not in
 * the file system: those of a folder are given as they are. */
int lake_file_local(struct lake_table *table, const struct lake_file *file, const char *folder, struct arena *arena,
                    const char **ret_path, struct error *error);

/* The rows of one file, row group by row group, without those that delete files take away. */
struct lake_reader;

/* `snapshot` outlives it. `wanted[c]` false leaves column c out; NULL: all. ERROR_UNSUPPORTED: the file, or deletes that
 * count for it, are of a kind that we do not read: names the file. */
int lake_reader_open(struct lake_table *table, const struct lake_snapshot *snapshot, const struct lake_file *file,
                     const bool *wanted, struct lake_reader **ret_reader, struct error *error);
struct lake_reader *lake_reader_close(struct lake_reader *reader);
/* The next row group into `columns` (room for all of the snapshot's; made here, in `arena`) and `*ret_rows`. Returns 1,
 * 0 at the end, or an error, which names the file. */
int lake_reader_next(struct lake_reader *reader, struct arena *arena, struct vector *columns,
                     struct selection *ret_rows, struct error *error);

/* --- positions of logs --- */

struct lake_position {
    const char *topic;
    int32_t partition;
    int64_t offset;   /* the table has all records below it */
    int64_t expected; /* of a commit: the offset that it must have before, -1: none */
};
/* As they stand with the newest snapshot. */
int lake_positions(struct lake_table *table, struct arena *arena, const struct lake_position **ret_positions,
                   size_t *ret_count, struct error *error);
/* Which log and topic the positions belong to, as a commit set it; NULL: none. */
int lake_origin(struct lake_table *table, const char *topic, struct arena *arena, const char **ret_origin,
                struct error *error);
/* Of a topic's records since its first commit: those that are rows, those that are none. -1: the table does not say. */
int lake_counts(struct lake_table *table, const char *topic, int64_t *ret_rows, int64_t *ret_passed,
                struct error *error);
/* Forgets positions and origins of a topic, or of all (NULL): the next sink brings its records again. */
int lake_forget_positions(struct lake_table *table, const char *topic, struct error *error);

/* --- writing files --- */

struct lake_file_writer;

struct lake_file_settings {
    const char *name;  /* begins the file's name, such as "metrics-0.1000-1999"; a random part follows */
    int64_t partition; /* as of lake_file */
    int level;         /* zstd's; 0: the default, 3 */
    size_t group_rows; /* 0: the default */
};

struct lake_new_file {
    struct lake_file file;
    bool keep_sequence; /* of a file made of others: `file.sequence` is the largest of theirs */
};

int lake_file_open(struct lake_table *table, const struct lake_snapshot *schema,
                   const struct lake_file_settings *settings, struct lake_file_writer **ret_writer,
                   struct error *error);
/* Rows order[0] .. order[count - 1] of `columns` (NULL: rows 0 .. count - 1), a row group. */
int lake_file_write(struct lake_file_writer *writer, const struct vector *columns, const uint32_t *order, size_t count,
                    struct error *error);
/* So far. */
int64_t lake_file_bytes(const struct lake_file_writer *writer);
/* The file is durable; what is given lies in `arena`. In any case the writer is freed. */
int lake_file_finish(struct lake_file_writer *writer, struct arena *arena, struct lake_new_file *ret_file,
                     struct error *error);
struct lake_file_writer *lake_file_abandon(struct lake_file_writer *writer); /* nothing is left; returns NULL */
/* A file that no commit has taken. */
int lake_file_remove(struct lake_table *table, const char *location, struct error *error);

/* --- commits --- */

enum lake_operation {
    LAKE_APPEND,
    LAKE_OVERWRITE, /* other rows: a correction */
    LAKE_REPLACE,   /* the same rows in other files: a compaction */
};

struct lake_change {
    enum lake_operation operation;
    const struct lake_new_file *added; /* in the order of the log */
    size_t added_count;
    const char *const *removed; /* locations, in the order of the log; what is added stands where the last one stood */
    size_t removed_count;
    int64_t base_sequence; /* with `removed`: of the snapshot that the change was made of */
    const struct lake_position *positions;
    size_t position_count;
    const char *origin_topic, *origin; /* set with the positions; NULL: none */
    /* with an origin: rows that this commit brings of the topic's records, and records that are no rows (without a value,
     * or unreadable); the table's properties sum them up */
    int64_t rows, passed;
    const struct client_property *summary; /* further properties of the snapshot */
    size_t summary_count;
    int64_t keep_for; /* ms: snapshots that are older go with the commit, but the newest; 0: none goes */
};

/* One snapshot. Commits of others since the table was read are taken in: it is tried again on top of them, and also
 * when the answer was lost, once. ERROR_CONFLICT: a position is not as expected, or a removed file is not there any
 * more: nothing was changed, and what was added is to be removed by the caller. Any other error: the same, except a
 * retriable one: whether it was done is not known, and files must stay. */
int lake_commit(struct lake_table *table, const struct lake_change *change, int64_t *ret_snapshot, struct error *error);

#endif

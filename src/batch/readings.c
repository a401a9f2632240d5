#include "batch/readings.h"

#include <inttypes.h>
#include <string.h>

#include "core/memory.h"
#include "model/time/time.h"
#include "stream/source/repeats.h"

#define DAY_MS INT64_C(86400000)

/* --- the snapshot
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t month_begin(int64_t months) {
    int64_t year = 1970 + (months >= 0 ? months : months - 11) / 12, month = months - (year - 1970) * 12;
    return time_days_from_civil(year, (unsigned)month + 1, 1) * DAY_MS;
}

static void file_bounds(const struct lake_snapshot *snapshot, const struct lake_file *file, struct readings_file *to) {
    to->from = INT64_MIN;
    to->to = INT64_MAX;
    if (file->partitioned && snapshot->partition == LAKE_BY_MONTH) {
        to->from = month_begin(file->partition);
        to->to = month_begin(file->partition + 1);
    } else if (file->partitioned && snapshot->partition == LAKE_BY_DAY) {
        to->from = file->partition * DAY_MS;
        to->to = to->from + DAY_MS;
    }
}

/* SQL that leaves out the rows of `file` that delete files name. */
static int file_deletes(struct readings *readings, struct lake_table *table, const struct lake_snapshot *snapshot,
                        const struct lake_file *file, const char *folder, const char **ret_sql, struct error *error) {
    cleanup(bytes_release) struct bytes sql = {0};
    for (size_t i = 0; i < snapshot->delete_count; i++) {
        const struct lake_file *deletes = &snapshot->deletes[i];
        const char *path;
        if (deletes->sequence < file->sequence)
            continue;
        if (deletes->content != LAKE_POSITION_DELETES)
            return error_set(error, ERROR_UNSUPPORTED,
                             "%s holds equality deletes, which are not applied here: have the program that wrote them "
                             "rewrite the data files (Spark: rewrite_data_files)",
                             deletes->location);
        int status = lake_file_local(table, deletes, folder, &readings->arena, &path, error);
        if (status)
            return status;
        bytes_append_string(&sql, sql.length ? " AND " : "");
        bytes_append_string(&sql, "file_row_number NOT IN (SELECT pos FROM read_parquet(");
        olap_quote(&sql, slice_of(path));
        bytes_append_string(&sql, ") WHERE file_path = ");
        olap_quote(&sql, slice_of(file->location));
        bytes_append_char(&sql, ')');
    }
    *ret_sql = sql.length ? arena_copy(&readings->arena, bytes_slice(&sql)).data : NULL;
    return sql.failed || (sql.length && !*ret_sql) ? error_no_memory(error) : 0;
}

static int snapshot_files(struct readings *readings, struct lake_table *table, const struct lake_snapshot *snapshot,
                          struct error *error) {
    const char *folder = readings->settings.folder;
    readings->files = arena_allocate(&readings->arena, (snapshot->file_count + 1) * sizeof *readings->files);
    int status = readings->files ? 0 : error_no_memory(error);
    for (size_t i = 0; i < snapshot->file_count && !status; i++) {
        const struct lake_file *file = &snapshot->files[i];
        struct readings_file *to = &readings->files[readings->file_count++];
        *to = (struct readings_file){.records = file->records};
        file_bounds(snapshot, file, to);
        status = lake_file_local(table, file, folder, &readings->arena, &to->path, error);
        if (!status)
            status = file_deletes(readings, table, snapshot, file, folder, &to->deletes, error);
        readings->lake_records += file->records;
    }
    readings->lake_snapshot = snapshot->id;
    return status;
}

/* The position that the lake has of a partition of the topic; -1: none. */
static int64_t lake_position_of(const struct readings *readings, const struct lake_position *positions, size_t count,
                                int32_t partition) {
    for (size_t i = 0; i < count; i++)
        if (positions[i].partition == partition && strcmp(positions[i].topic, readings->settings.topic) == 0)
            return positions[i].offset;
    return -1;
}

/* Snapshot and positions of one moment: read again when a commit came between. */
static int snapshot_take(struct readings *readings, struct lake_table *table, struct lake_snapshot *ret_snapshot,
                         const struct lake_position **ret_positions, size_t *ret_count, struct error *error) {
    struct lake_snapshot again = {0};
    do {
        int status = lake_snapshot_read(table, 0, &readings->arena, ret_snapshot, error);
        if (!status)
            status = lake_positions(table, &readings->arena, ret_positions, ret_count, error);
        if (!status)
            status = lake_snapshot_read(table, 0, &readings->arena, &again, error);
        if (status)
            return status;
    } while (again.id != ret_snapshot->id);
    return 0;
}

/* Are the lake's positions those of this log? */
static int lake_check_origin(struct readings *readings, struct lake_table *table, struct error *error) {
    const struct readings_settings *settings = &readings->settings;
    char own[BUS_ORIGIN_SIZE];
    const char *origin = NULL;
    if (readings->partition_count == 0)
        return 0;
    int status = bus_topic_origin(settings->bus, settings->topic, own, error);
    if (!status)
        status = lake_origin(table, settings->topic, &readings->arena, &origin, error);
    if (!status && origin && strcmp(origin, own) != 0)
        status = error_set(error, ERROR_INVALID, "it has the records of a topic %s of another log (%s; this one is %s)",
                           settings->topic, origin, own);
    return status;
}

static int readings_open_lake(struct readings *readings, struct error *error) {
    struct lake_table *table;
    struct lake_snapshot snapshot;
    const struct lake_position *positions = NULL;
    size_t count = 0;
    int status = lake_table_open(readings->settings.lake, LAKE_READINGS, &table, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status; /* nothing has been brought there yet */
    status = snapshot_take(readings, table, &snapshot, &positions, &count, error);
    if (!status)
        status = lake_check_origin(readings, table, error);
    if (!status)
        status = snapshot_files(readings, table, &snapshot, error);
    for (size_t p = 0; p < readings->partition_count && !status; p++)
        readings->partitions[p].lake_position =
            lake_position_of(readings, positions, count, readings->partitions[p].tail.partition);
    lake_table_close(table);
    return status ? error_wrap(error, "table %s of lake %s", LAKE_READINGS, lake_url(readings->settings.lake)) : 0;
}

static int readings_open_log(struct readings *readings, struct error *error) {
    const struct readings_settings *settings = &readings->settings;
    size_t count;
    int status = topic_ranges(settings->bus, settings->topic, &readings->arena, &readings->ranges, &count, error);
    if (status || count == 0)
        return status;
    readings->partitions = arena_allocate(&readings->arena, count * sizeof *readings->partitions);
    readings->begins = arena_allocate(&readings->arena, count * sizeof *readings->begins);
    if (!readings->partitions || !readings->begins)
        return error_no_memory(error);
    readings->partition_count = count;
    for (size_t p = 0; p < count; p++) {
        const struct topic_range *all = &readings->ranges[p];
        int64_t end = p < settings->end_count && settings->ends[p] < all->to ? settings->ends[p] : all->to;
        readings->partitions[p] = (struct readings_partition){{all->partition, all->from, end}, all->from, all->to, -1};
    }
    return 0;
}

/* Where the tail of a partition begins: what the lake has is not read from the log. */
static int readings_cut(struct readings *readings, struct readings_partition *partition, struct error *error) {
    int64_t position = partition->lake_position;
    if (position > partition->log_end)
        return error_set(error, ERROR_INVALID,
                         "the lake has %s/%" PRId32 " up to offset %" PRId64 ", but the log ends at %" PRId64
                         ": it is another log's lake, or the log has lost records",
                         readings->settings.topic, partition->tail.partition, position, partition->log_end);
    if (position >= 0 && position < partition->log_start)
        log_write(readings->settings.log, LOG_WARNING,
                  "offsets %" PRId64 " to %" PRId64 " of %s/%" PRId32
                  " are neither in the lake nor in the log any more: results lack their readings",
                  position, partition->log_start - 1, readings->settings.topic, partition->tail.partition);
    if (position > partition->tail.from)
        partition->tail.from = position;
    if (partition->tail.to < partition->tail.from)
        partition->tail.to = partition->tail.from;
    readings->tail_records += partition->tail.to - partition->tail.from;
    return 0;
}

/* The records to be read for the tail of partition number `p`, with those before it of which it may hold repeats. */
static void readings_look_back(struct readings *readings, size_t p) {
    const struct readings_settings *settings = &readings->settings;
    struct topic_range range = readings->partitions[p].tail;
    int64_t first = settings->first_identities && p < settings->end_count ? settings->first_identities[p] : 0;
    readings->begins[p] = range.from;
    if (range.from < range.to)
        range.from = repeats_needed(first, range.from);
    if (range.from < readings->partitions[p].log_start)
        range.from = readings->partitions[p].log_start;
    readings->ranges[p] = range;
}

int readings_open(const struct readings_settings *settings, struct readings *readings, struct error *error) {
    *readings = (struct readings){.settings = *settings};
    int status = settings->bus ? readings_open_log(readings, error) : 0;
    if (!status && settings->lake)
        status = readings_open_lake(readings, error);
    for (size_t p = 0; p < readings->partition_count && !status; p++) {
        status = readings_cut(readings, &readings->partitions[p], error);
        readings_look_back(readings, p);
    }
    readings->tail = (struct log_readings){.bus = settings->bus,
                                           .topic = settings->topic,
                                           .ranges = readings->ranges,
                                           .range_count = readings->partition_count,
                                           .begins = readings->begins,
                                           .max_ahead = settings->max_ahead,
                                           .stop = settings->stop};
    if (status)
        readings_release(readings);
    return status;
}

void readings_release(struct readings *readings) {
    arena_release(&readings->arena);
    *readings = (struct readings){0};
}

/* --- the view, the tail
 * ------------------------------------------------------------------------------------------------------------------ */

static int sql_execute(struct olap_connection *connection, struct bytes *sql, struct error *error) {
    bytes_append_char(sql, '\0');
    return sql->failed ? error_no_memory(error) : olap_execute(connection, sql->data, error);
}

static void sql_files(struct bytes *sql, const struct readings *readings) {
    size_t count = 0;
    for (size_t i = 0; i < readings->file_count; i++)
        if (!readings->files[i].deletes) {
            bytes_append_string(sql, count++ ? ", " : "SELECT gateway, type, attribute, ts, value FROM read_parquet([");
            olap_quote(sql, slice_of(readings->files[i].path));
        }
    bytes_append_string(sql, count ? "], hive_partitioning = false) UNION ALL " : "");
    for (size_t i = 0; i < readings->file_count; i++)
        if (readings->files[i].deletes) {
            bytes_append_string(sql, "SELECT gateway, type, attribute, ts, value FROM read_parquet(");
            olap_quote(sql, slice_of(readings->files[i].path));
            bytes_append_string(sql, ", hive_partitioning = false) WHERE ");
            bytes_append_string(sql, readings->files[i].deletes);
            bytes_append_string(sql, " UNION ALL ");
        }
}

int readings_view(struct readings *readings, struct olap_connection *connection, struct error *error) {
    cleanup(bytes_release) struct bytes sql = {0};
    int status = olap_register(connection, &log_readings_table, &readings->tail, error);
    if (status)
        return status;
    bytes_append_string(&sql, "CREATE OR REPLACE VIEW readings AS ");
    sql_files(&sql, readings);
    bytes_append_string(&sql, "SELECT gateway, type, attribute, ts, value FROM log_readings()");
    return sql_execute(connection, &sql, error);
}

int readings_load_tail(struct readings *readings, struct olap_connection *connection, struct error *error) {
    if (readings->tail_loaded)
        return 0;
    int status = olap_execute(connection, "CREATE OR REPLACE TABLE batch_tail AS SELECT * FROM log_readings()", error);
    readings->tail_loaded = status == 0;
    return status ? error_wrap(error, "reading the log's tail") : 0;
}

int readings_bounds(struct readings *readings, struct olap_connection *connection, bool *ret_some, int64_t *ret_from,
                    int64_t *ret_to, struct error *error) {
    cleanup(bytes_release) struct bytes sql = {0};
    int64_t from = INT64_MAX, to = INT64_MIN;
    bytes_append_string(&sql, "SELECT min(epoch_ms(ts)) FROM (SELECT ts FROM batch_tail");
    for (size_t i = 0; i < readings->file_count; i++) {
        const struct readings_file *file = &readings->files[i];
        if (file->from != INT64_MIN) { /* as near as its partition */
            from = file->from < from ? file->from : from;
            to = file->to - 1 > to ? file->to - 1 : to;
            continue;
        }
        bytes_append_string(&sql, " UNION ALL SELECT ts FROM read_parquet(");
        olap_quote(&sql, slice_of(file->path));
        bytes_append_char(&sql, ')');
    }
    bytes_append_string(&sql, ")");
    bytes_append_char(&sql, '\0');
    if (sql.failed)
        return error_no_memory(error);
    int64_t least = INT64_MAX, most = INT64_MIN;
    int status = olap_query_integer(connection, sql.data, INT64_MAX, &least, error);
    memcpy(sql.data + strlen("SELECT "), "max", 3);
    if (!status)
        status = olap_query_integer(connection, sql.data, INT64_MIN, &most, error);
    if (status)
        return status;
    *ret_from = least < from ? least : from;
    *ret_to = most > to ? most : to;
    *ret_some = *ret_from <= *ret_to;
    return 0;
}

int readings_name_damage(const struct readings *readings, struct olap_connection *connection, struct error *error) {
    struct error found;
    for (size_t i = 0; error->code == ERROR_IO && i < readings->file_count; i++) {
        cleanup(bytes_release) struct bytes sql = {0};
        bytes_append_string(&sql, "SELECT bit_xor(hash(gateway, type, attribute, ts, value)) FROM read_parquet(");
        olap_quote(&sql, slice_of(readings->files[i].path));
        bytes_append_string(&sql, ")");
        bytes_append_char(&sql, '\0');
        if (sql.failed || !olap_execute(connection, sql.data, &found) || found.code == ERROR_INTERRUPTED)
            continue;
        return error_set(error, ERROR_CORRUPT, "%s cannot be read: %s", readings->files[i].path, found.message);
    }
    return error->code;
}

/* --- runs
 * ------------------------------------------------------------------------------------------------------------------ */

static void sql_equal(struct bytes *sql, const char *column, const char *value) {
    if (!value)
        return;
    bytes_append_format(sql, " AND %s = ", column);
    olap_quote(sql, slice_of(value));
}

/* The condition for rows of a file (NULL: of the tail). */
static void sql_condition(struct bytes *sql, const struct readings_filter *filter, const struct readings_file *file) {
    bytes_append_string(sql, " WHERE gateway IS NOT NULL AND type IS NOT NULL AND attribute IS NOT NULL");
    if (!file || file->from < filter->from)
        bytes_append_format(sql, " AND ts >= make_timestamptz(%" PRId64 ")", filter->from * 1000);
    if (!file || file->to > filter->to)
        bytes_append_format(sql, " AND ts < make_timestamptz(%" PRId64 ")", filter->to * 1000);
    sql_equal(sql, "gateway", filter->gateway);
    sql_equal(sql, "type", filter->type);
    sql_equal(sql, "attribute", filter->attribute);
    if (file && file->deletes) {
        bytes_append_string(sql, " AND ");
        bytes_append_string(sql, file->deletes);
    }
}

static void sql_file(struct bytes *sql, const struct readings_filter *filter, const struct readings_file *file,
                     size_t number) {
    bytes_append_format(sql,
                        "SELECT type, attribute, gateway, ts, value, %zu AS f, file_row_number AS r FROM "
                        "read_parquet(",
                        number);
    olap_quote(sql, slice_of(file->path));
    bytes_append_string(sql, ", hive_partitioning = false)");
    sql_condition(sql, filter, file);
}

static int run_add(struct readings_runs *runs, struct bytes *sql, bool ordered, size_t file, struct error *error) {
    bytes_append_char(sql, '\0');
    if (sql->failed) {
        bytes_release(sql);
        return error_no_memory(error);
    }
    runs->runs[runs->count++] = (struct readings_run){sql->data, ordered, file};
    return 0;
}

/* Files [from, to) of `chosen` as one run. */
static int run_files(const struct readings *readings, const struct readings_filter *filter, const size_t *chosen,
                     size_t from, size_t to, const bool *unsorted, struct readings_runs *runs, struct error *error) {
    struct bytes sql = {0};
    bool ordered = to - from > 1 || unsorted[chosen[from]];
    bytes_append_string(&sql, "SELECT type, attribute, gateway, ts, value FROM (");
    for (size_t i = from; i < to; i++) {
        bytes_append_string(&sql, i > from ? " UNION ALL " : "");
        sql_file(&sql, filter, &readings->files[chosen[i]], i);
    }
    bytes_append_char(&sql, ')');
    if (ordered)
        bytes_append_string(&sql, " ORDER BY type, attribute, gateway, f, r");
    return run_add(runs, &sql, ordered, chosen[from], error);
}

static int run_tail(const struct readings_filter *filter, struct readings_runs *runs, struct error *error) {
    struct bytes sql = {0};
    bytes_append_string(&sql, "SELECT type, attribute, gateway, ts, value FROM batch_tail");
    sql_condition(&sql, filter, NULL);
    bytes_append_string(&sql, " ORDER BY type, attribute, gateway, \"partition\", \"offset\"");
    return run_add(runs, &sql, true, 0, error);
}

int readings_runs(struct readings *readings, const struct readings_filter *filter, const bool *unsorted,
                  struct readings_runs *ret_runs, struct error *error) {
    size_t count = 0, *chosen = memory_zero(readings->file_count + 1, sizeof *chosen);
    struct readings_runs runs = {0};
    if (!chosen)
        return error_no_memory(error);
    for (size_t i = 0; i < readings->file_count; i++)
        if (readings->files[i].from < filter->to && readings->files[i].to > filter->from)
            chosen[count++] = i;
    size_t room = READINGS_RUNS_MAXIMUM - 1, each = (count + room - 1) / room;
    int status = 0;
    for (size_t at = 0; at < count && !status; at += each)
        status = run_files(readings, filter, chosen, at, at + each < count ? at + each : count, unsorted, &runs, error);
    if (!status && readings->tail_loaded && readings->tail_records)
        status = run_tail(filter, &runs, error);
    free(chosen);
    if (status) {
        readings_runs_release(&runs);
        return status;
    }
    *ret_runs = runs;
    return 0;
}

void readings_runs_release(struct readings_runs *runs) {
    for (size_t i = 0; i < runs->count; i++)
        free(runs->runs[i].sql);
    *runs = (struct readings_runs){0};
}

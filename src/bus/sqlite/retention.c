/* Retention of the embedded log: whole batches leave from the front of a partition, when the newest record of a batch
 * is older than the topic keeps, or the partition is larger than it may be. The start offset moves with them, in the
 * same transaction. */
#include "bus/sqlite/sqlite_bus.h"

struct retention_limits {
    int64_t partition, start_offset, bytes, time_limit, bytes_limit; /* -1: none */
    int64_t offset_limit;                                            /* batches that lie below it go */
    int64_t later_id, later_time; /* the next batch whose append time is not ahead of the clock; id 0: not looked for */
};

/* When a batch came. One whose append time lies ahead of the clock came no later than the batches after it. */
static int retain_time(struct database *database, struct retention_limits *limits, int64_t id, int64_t time,
                       int64_t now, int64_t *ret_time, struct error *error) {
    sqlite3_stmt *later;
    *ret_time = time <= now ? time : limits->later_time;
    if (time <= now || limits->later_id > id)
        return 0;
    int status = database_prepare(database,
                                  "SELECT id, append_time FROM log_batches WHERE id > ?1 AND id < (?2 + 1) << 44 AND "
                                  "append_time <= ?3 ORDER BY id LIMIT 1",
                                  &later, error);
    if (status)
        return status;
    sqlite3_bind_int64(later, 1, id);
    sqlite3_bind_int64(later, 2, limits->partition);
    sqlite3_bind_int64(later, 3, now);
    status = database_step(database, later, error);
    limits->later_id = status == 1 ? sqlite3_column_int64(later, 0) : INT64_MAX;
    limits->later_time = status == 1 ? sqlite3_column_int64(later, 1) : INT64_MAX;
    *ret_time = limits->later_time;
    sqlite3_finalize(later);
    return status < 0 ? status : 0;
}

/* Deletes the oldest batches of one partition while they are beyond a limit. */
static int retain_partition(struct database *database, struct retention_limits *limits, int64_t now, int64_t *records,
                            struct error *error) {
    sqlite3_stmt *oldest = NULL, *drop = NULL, *update = NULL;
    int status = database_prepare(database,
                                  "SELECT id, count, append_time, length(data) FROM log_batches WHERE id >= ?1 << 44 "
                                  "AND id < (?1 + 1) << 44 ORDER BY id LIMIT 1",
                                  &oldest, error);
    if (!status)
        status = database_prepare(database, "DELETE FROM log_batches WHERE id=?", &drop, error);
    if (!status)
        status = database_prepare(database, "UPDATE log_partitions SET start_offset=?2, bytes=?3 WHERE id=?1", &update,
                                  error);
    int64_t deleted = 0;
    while (!status) {
        sqlite3_bind_int64(oldest, 1, limits->partition);
        status = database_step(database, oldest, error);
        if (status != 1)
            break;
        int64_t id = sqlite3_column_int64(oldest, 0), count = sqlite3_column_int64(oldest, 1),
                size = sqlite3_column_int64(oldest, 3), time = sqlite3_column_int64(oldest, 2);
        status = limits->time_limit >= 0 ? retain_time(database, limits, id, time, now, &time, error) : 0;
        if (status < 0)
            break;
        bool old = limits->time_limit >= 0 && time < now - limits->time_limit;
        bool much = limits->bytes_limit >= 0 && limits->bytes > limits->bytes_limit &&
                    limits->bytes > size; /* the newest stays */
        bool needless = (id & ((INT64_C(1) << SQLITE_BUS_OFFSET_BITS) - 1)) + count <= limits->offset_limit;
        sqlite3_reset(oldest);
        status = 0;
        if (!old && !much && !needless)
            break;
        sqlite3_bind_int64(drop, 1, id);
        status = database_run(database, drop, error);
        limits->start_offset = (id & ((INT64_C(1) << SQLITE_BUS_OFFSET_BITS) - 1)) + count;
        limits->bytes -= size;
        deleted += count;
    }
    if (!status && deleted) {
        sqlite3_bind_int64(update, 1, limits->partition);
        sqlite3_bind_int64(update, 2, limits->start_offset);
        sqlite3_bind_int64(update, 3, limits->bytes);
        status = database_run(database, update, error);
        *records += deleted;
    }
    sqlite3_finalize(oldest);
    sqlite3_finalize(drop);
    sqlite3_finalize(update);
    return status;
}

int sqlite_bus_retain(struct database *database, int64_t now, int64_t *ret_records, struct error *error) {
    sqlite3_stmt *statement;
    int64_t records = 0;
    int status = database_prepare(database,
                                  "SELECT p.id, p.start_offset, p.bytes, t.retention_time, t.retention_bytes FROM "
                                  "log_partitions p JOIN log_topics t ON t.id = p.topic"
                                  " WHERE t.retention_time >= 0 OR t.retention_bytes >= 0",
                                  &statement, error);
    if (status)
        return status;
    while ((status = database_step(database, statement, error)) == 1) {
        struct retention_limits limits = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                                          sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                                          sqlite3_column_int64(statement, 4)};
        status = retain_partition(database, &limits, now, &records, error);
        if (status)
            break;
    }
    sqlite3_finalize(statement);
    if (!status)
        *ret_records = records;
    return status;
}

static int retention_trim(struct database *database, const char *topic, int32_t partition, int64_t offset,
                          struct error *error) {
    struct sqlite_partition found;
    sqlite3_stmt *statement;
    int64_t records = 0;
    int status = sqlite_bus_find_partition(database, topic, partition, &found, error);
    if (!status)
        status = database_prepare(database, "SELECT bytes FROM log_partitions WHERE id=?", &statement, error);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, found.id);
    status = database_step(database, statement, error);
    struct retention_limits limits = {
        found.id, found.start_offset, status == 1 ? sqlite3_column_int64(statement, 0) : 0, -1, -1, offset, 0, 0};
    sqlite3_finalize(statement);
    return status < 0 ? status : retain_partition(database, &limits, 0, &records, error);
}

int sqlite_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    pthread_mutex_lock(&bus->write_lock);
    pthread_mutex_lock(&bus->admin_lock);
    int status = database_begin(bus->admin, error);
    if (!status) {
        status = retention_trim(bus->admin, topic, partition, offset, error);
        if (!status)
            status = database_commit(bus->admin, error);
        else
            database_rollback(bus->admin);
    }
    pthread_mutex_unlock(&bus->admin_lock);
    pthread_mutex_unlock(&bus->write_lock);
    return status;
}

int sqlite_apply_retention(struct bus *door, int64_t *ret_records, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    pthread_mutex_lock(&bus->write_lock);
    pthread_mutex_lock(&bus->admin_lock);
    int status = database_begin(bus->admin, error);
    if (!status) {
        int64_t retained = 0, compacted = 0;
        status = sqlite_bus_retain(bus->admin, clock_wall(bus->base.options.clock), &retained, error);
        if (!status)
            status = sqlite_bus_compact(bus->admin, &compacted, error);
        if (!status)
            status = database_commit(bus->admin, error);
        else
            database_rollback(bus->admin);
        if (!status)
            *ret_records = retained + compacted;
    }
    pthread_mutex_unlock(&bus->admin_lock);
    pthread_mutex_unlock(&bus->write_lock);
    return status;
}

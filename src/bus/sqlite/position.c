/* Positions of groups in the embedded log: a row for each (group, topic, partition), moved by compare-and-set on its
 * revision, so that of two owners the second one is refused. */
#include <stdio.h>

#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

static void position_bind(sqlite3_stmt *statement, const struct bus_position *position) {
    database_bind_slice(statement, 1, slice_of(position->group));
    database_bind_slice(statement, 2, slice_of(position->topic));
    sqlite3_bind_int64(statement, 3, position->partition);
    sqlite3_bind_int64(statement, 4, position->next_offset);
    database_bind_slice(statement, 5, slice_of(position->metadata));
}

int sqlite_bus_put_position(struct database *database, sqlite3_stmt *update, sqlite3_stmt *insert,
                            const struct bus_position *position, struct error *error) {
    if (position->metadata && strlen(position->metadata) > BUS_METADATA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "the position's metadata is longer than %d bytes", BUS_METADATA_MAXIMUM);
    sqlite3_stmt *statement = position->expected ? update : insert;
    position_bind(statement, position);
    if (position->expected)
        sqlite3_bind_int64(statement, 6, position->expected);
    int status = database_run(database, statement, error);
    if (status)
        return status;
    if (sqlite3_changes(database_handle(database)) == 1)
        return 0;
    return error_set(
        error, ERROR_CONFLICT,
        "the position of group %s on %s/%d was moved by another process: only one can work with a group at a time; "
        "stop the other one, or use another group; nothing was written twice",
        position->group, position->topic, (int)position->partition);
}

static int committed_locked(struct sqlite_bus *bus, const char *group, const char *topic, int32_t partition,
                            struct bus_committed *ret_committed, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(
        bus->admin,
        "SELECT next_offset, revision, metadata FROM log_positions WHERE group_name=? AND topic=? AND partition=?",
        &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, slice_of(group));
    database_bind_slice(statement, 2, slice_of(topic));
    sqlite3_bind_int64(statement, 3, partition);
    status = database_step(bus->admin, statement, error);
    if (status >= 0) {
        *ret_committed = (struct bus_committed){.exists = status == 1};
        if (status == 1) {
            ret_committed->next_offset = sqlite3_column_int64(statement, 0);
            ret_committed->revision = sqlite3_column_int64(statement, 1);
            struct slice metadata = database_column_slice(statement, 2);
            snprintf(ret_committed->metadata, sizeof ret_committed->metadata, "%.*s", (int)metadata.length,
                     metadata.data);
        }
    }
    sqlite3_finalize(statement);
    return status < 0 ? status : 0;
}

int sqlite_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                     struct bus_committed *ret_committed, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    pthread_mutex_lock(&bus->admin_lock);
    int status = committed_locked(bus, group, topic, partition, ret_committed, error);
    pthread_mutex_unlock(&bus->admin_lock);
    return status;
}

int sqlite_group_reset(struct bus *door, const char *group, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    pthread_mutex_lock(&bus->admin_lock);
    sqlite3_stmt *statement;
    int status = database_prepare(bus->admin, "DELETE FROM log_positions WHERE group_name=?", &statement, error);
    if (!status) {
        database_bind_slice(statement, 1, slice_of(group));
        status = database_run(bus->admin, statement, error);
        sqlite3_finalize(statement);
    }
    pthread_mutex_unlock(&bus->admin_lock);
    return status;
}

static int groups_locked(struct sqlite_bus *bus, struct bus_group_list *list, struct error *error) {
    sqlite3_stmt *statement;
    size_t capacity = 0;
    int status = database_prepare(
        bus->admin, "SELECT group_name, topic, partition, next_offset FROM log_positions ORDER BY 1, 2, 3", &statement,
        error);
    if (status)
        return status;
    while ((status = database_step(bus->admin, statement, error)) == 1) {
        if (!memory_reserve((void **)&list->positions, &capacity, list->count + 1, sizeof *list->positions)) {
            status = error_no_memory(error);
            break;
        }
        struct bus_group_position *position = &list->positions[list->count++];
        struct slice group = database_column_slice(statement, 0), topic = database_column_slice(statement, 1);
        *position = (struct bus_group_position){.group = strndup(group.data, group.length),
                                                .topic = strndup(topic.data, topic.length),
                                                .partition = (int32_t)sqlite3_column_int64(statement, 2),
                                                .next_offset = sqlite3_column_int64(statement, 3)};
        if (!position->group || !position->topic) {
            status = error_no_memory(error);
            break;
        }
    }
    sqlite3_finalize(statement);
    return status;
}

int sqlite_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct bus_group_list list = {0};
    pthread_mutex_lock(&bus->admin_lock);
    int status = groups_locked(bus, &list, error);
    pthread_mutex_unlock(&bus->admin_lock);
    if (status) {
        bus_group_list_release(&list);
        return status;
    }
    *ret_list = list;
    return 0;
}

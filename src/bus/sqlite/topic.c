/* Topics of the embedded log: a row in log_topics, one in log_partitions for each partition. Every change is one
 * transaction, so that a topic is there with all of its partitions or not at all. */
#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"
#include <stdio.h>

int sqlite_bus_damaged(const char *topic, int32_t partition, const char *what, int64_t number, struct error *error) {
    return error_set(error, ERROR_CORRUPT,
                     "topic %s, partition %d: %s %lld; the data folder is damaged: restore it from a backup, or delete "
                     "the topic and replay it",
                     topic, (int)partition, what, (long long)number);
}

static int topic_check_partitions(const char *name, int64_t partitions, struct error *error) {
    return partitions >= 1 && partitions <= BUS_PARTITIONS_MAXIMUM
               ? 0
               : error_set(error, ERROR_CORRUPT,
                           "topic %s is said to have %lld partitions; the data folder is damaged: restore it from a "
                           "backup, or use another (--data)",
                           name, (long long)partitions);
}

static int topic_check_partition(const char *topic, int32_t partition, const struct sqlite_partition *found,
                                 struct error *error) {
    if (found->id < 1 || found->id > SQLITE_BUS_PARTITION_IDS)
        return sqlite_bus_damaged(topic, partition, "its number in the log is", found->id, error);
    if (found->next_offset < 0 || found->next_offset > SQLITE_BUS_OFFSET_MAXIMUM)
        return sqlite_bus_damaged(topic, partition, "its end offset is", found->next_offset, error);
    if (found->start_offset < 0 || found->start_offset > found->next_offset)
        return sqlite_bus_damaged(topic, partition, "its start offset is", found->start_offset, error);
    return 0;
}

static int topic_find(struct database *database, const char *name, int64_t *ret_id,
                      struct bus_topic_settings *ret_settings, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(
        database, "SELECT id, partitions, retention_time, retention_bytes, compacted FROM log_topics WHERE name=?",
        &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, slice_of(name));
    status = database_step(database, statement, error);
    int checked = status == 1 ? topic_check_partitions(name, sqlite3_column_int64(statement, 1), error) : 0;
    if (status == 1 && !checked) {
        *ret_id = sqlite3_column_int64(statement, 0);
        *ret_settings =
            (struct bus_topic_settings){(int32_t)sqlite3_column_int64(statement, 1), sqlite3_column_int64(statement, 2),
                                        sqlite3_column_int64(statement, 3), sqlite3_column_int64(statement, 4) != 0};
    }
    sqlite3_finalize(statement);
    if (status == 0)
        return error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name);
    return status < 0 ? status : checked;
}

static int topic_insert(struct database *database, const char *name, const struct bus_topic_settings *settings,
                        struct error *error) {
    sqlite3_stmt *topic = NULL, *partition = NULL;
    int status = database_prepare(
        database,
        "INSERT INTO log_topics(name, partitions, retention_time, retention_bytes, compacted) VALUES(?, ?, ?, ?, ?)",
        &topic, error);
    if (!status)
        status =
            database_prepare(database, "INSERT INTO log_partitions(topic, partition) VALUES(?, ?)", &partition, error);
    if (!status) {
        database_bind_slice(topic, 1, slice_of(name));
        sqlite3_bind_int64(topic, 2, settings->partitions);
        sqlite3_bind_int64(topic, 3, settings->retention_time);
        sqlite3_bind_int64(topic, 4, settings->retention_bytes);
        sqlite3_bind_int64(topic, 5, settings->compacted);
        status = database_run(database, topic, error);
    }
    int64_t id = status ? 0 : sqlite3_last_insert_rowid(database_handle(database));
    for (int32_t p = 0; p < settings->partitions && !status; p++) {
        sqlite3_bind_int64(partition, 1, id);
        sqlite3_bind_int64(partition, 2, p);
        status = database_run(database, partition, error);
        if (!status && sqlite3_last_insert_rowid(database_handle(database)) >= SQLITE_BUS_PARTITION_IDS)
            status = error_set(
                error, ERROR_UNSUPPORTED,
                "topic %s: this log has had %d partitions, more are not possible: use another folder (--data)", name,
                SQLITE_BUS_PARTITION_IDS);
    }
    sqlite3_finalize(topic);
    sqlite3_finalize(partition);
    return status;
}

/* Fills in the defaults. */
static int topic_check(const struct sqlite_bus *bus, const char *name, struct bus_topic_settings *settings,
                       struct error *error) {
    int status = bus_topic_check(&bus->base, name, settings, error);
    if (settings->retention_time == BUS_RETENTION_DEFAULT)
        settings->retention_time = -1;
    if (settings->retention_bytes == BUS_RETENTION_DEFAULT)
        settings->retention_bytes = -1;
    return status;
}

/* Runs in a transaction of the admin connection. */
static int topic_transaction(struct sqlite_bus *bus,
                             int (*work)(struct sqlite_bus *, const char *, void *, struct error *), const char *name,
                             void *context, struct error *error) {
    pthread_mutex_lock(&bus->write_lock);
    pthread_mutex_lock(&bus->admin_lock);
    int status = database_begin(bus->admin, error);
    if (!status) {
        status = work(bus, name, context, error);
        if (!status)
            status = database_commit(bus->admin, error);
        else
            database_rollback(bus->admin);
    }
    pthread_mutex_unlock(&bus->admin_lock);
    pthread_mutex_unlock(&bus->write_lock);
    return status;
}

static int topic_create_work(struct sqlite_bus *bus, const char *name, void *context, struct error *error) {
    int64_t id = 0;
    struct bus_topic_settings found;
    int status = topic_find(bus->admin, name, &id, &found, error);
    if (status == 0)
        return error_set(error, ERROR_EXISTS, "topic %s exists already", name);
    return status == ERROR_NOT_FOUND ? topic_insert(bus->admin, name, context, error) : status;
}

int sqlite_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                        struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct bus_topic_settings checked = *settings;
    int status = topic_check(bus, name, &checked, error);
    return status ? status : topic_transaction(bus, topic_create_work, name, &checked, error);
}

int sqlite_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                        int32_t *ret_partitions, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct bus_topic_settings settings = wanted ? *wanted : (struct bus_topic_settings){0, -1, -1}, found;
    int64_t id = 0;
    int status = topic_check(bus, name, &settings, error);
    if (status)
        return status;
    pthread_mutex_lock(&bus->admin_lock);
    status = topic_find(bus->admin, name, &id, &found, error);
    pthread_mutex_unlock(&bus->admin_lock);
    if (status == ERROR_NOT_FOUND) {
        status = topic_transaction(bus, topic_create_work, name, &settings, error);
        if (status == ERROR_EXISTS) /* another process was quicker */
            return sqlite_topic_ensure(door, name, wanted, ret_partitions, error);
        found = settings;
    }
    if (!status)
        *ret_partitions = found.partitions;
    return status;
}

static int topic_alter_work(struct sqlite_bus *bus, const char *name, void *context, struct error *error) {
    const struct bus_topic_settings *settings = context;
    struct bus_topic_settings found;
    sqlite3_stmt *statement;
    int64_t id = 0;
    int status = topic_find(bus->admin, name, &id, &found, error);
    if (!status)
        status = database_prepare(bus->admin, "UPDATE log_topics SET retention_time=?, retention_bytes=? WHERE id=?",
                                  &statement, error);
    if (status)
        return status;
    bool keep_time = settings->retention_time == BUS_RETENTION_DEFAULT,
         keep_bytes = settings->retention_bytes == BUS_RETENTION_DEFAULT;
    sqlite3_bind_int64(statement, 1, keep_time ? found.retention_time : settings->retention_time);
    sqlite3_bind_int64(statement, 2, keep_bytes ? found.retention_bytes : settings->retention_bytes);
    sqlite3_bind_int64(statement, 3, id);
    status = database_run(bus->admin, statement, error);
    sqlite3_finalize(statement);
    return status;
}

int sqlite_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct bus_topic_settings copy = *settings;
    return topic_transaction(bus, topic_alter_work, name, &copy, error);
}

static int topic_delete_work(struct sqlite_bus *bus, const char *name, void *context, struct error *error) {
    (void)context;
    static const char *const steps[] = {
        ("DELETE FROM log_batches WHERE id IN "
         "(SELECT b.id FROM log_partitions p JOIN log_batches b ON b.id >= p.id << 44 AND b.id < (p.id + 1) << 44 "
         "WHERE p.topic=?1)"),
        "DELETE FROM log_partitions WHERE topic=?1",
        "DELETE FROM log_positions WHERE topic=(SELECT name FROM log_topics WHERE id=?1)",
        "DELETE FROM log_topics WHERE id=?1",
    };
    int64_t id = 0;
    struct bus_topic_settings found;
    int status = topic_find(bus->admin, name, &id, &found, error);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !status; i++) {
        sqlite3_stmt *statement;
        status = database_prepare(bus->admin, steps[i], &statement, error);
        if (status)
            break;
        sqlite3_bind_int64(statement, 1, id);
        status = database_run(bus->admin, statement, error);
        sqlite3_finalize(statement);
    }
    return status;
}

int sqlite_topic_delete(struct bus *door, const char *name, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    return topic_transaction(bus, topic_delete_work, name, NULL, error);
}

static int topic_partitions(struct sqlite_bus *bus, int64_t topic, struct bus_topic_info *info, struct error *error) {
    sqlite3_stmt *statement;
    info->partitions = memory_zero((size_t)info->settings.partitions, sizeof *info->partitions);
    if (!info->partitions)
        return error_no_memory(error);
    int status = database_prepare(
        bus->admin,
        "SELECT partition, start_offset, next_offset, bytes, last_append, id FROM log_partitions WHERE topic=?",
        &statement, error);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, topic);
    while ((status = database_step(bus->admin, statement, error)) == 1) {
        int64_t p = sqlite3_column_int64(statement, 0);
        struct sqlite_partition found = {sqlite3_column_int64(statement, 5), sqlite3_column_int64(statement, 1),
                                         sqlite3_column_int64(statement, 2), 0, false};
        if (p < 0 || p >= info->settings.partitions)
            continue;
        status = topic_check_partition(info->name, (int32_t)p, &found, error);
        if (status)
            break;
        info->partitions[p] =
            (struct bus_partition_info){found.start_offset, found.next_offset, sqlite3_column_int64(statement, 3),
                                        sqlite3_column_int64(statement, 4)};
    }
    sqlite3_finalize(statement);
    return status;
}

static int topics_locked(struct sqlite_bus *bus, struct bus_topic_list *list, struct error *error) {
    sqlite3_stmt *statement;
    size_t capacity = 0;
    int status = database_prepare(
        bus->admin,
        "SELECT id, name, partitions, retention_time, retention_bytes, compacted FROM log_topics ORDER BY name",
        &statement, error);
    if (status)
        return status;
    while ((status = database_step(bus->admin, statement, error)) == 1) {
        if (!memory_reserve((void **)&list->topics, &capacity, list->count + 1, sizeof *list->topics)) {
            status = error_no_memory(error);
            break;
        }
        struct bus_topic_info *info = &list->topics[list->count++];
        struct slice name = database_column_slice(statement, 1);
        *info = (struct bus_topic_info){
            .settings = {(int32_t)sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                         sqlite3_column_int64(statement, 4), sqlite3_column_int64(statement, 5) != 0}};
        memcpy(info->name, name.data, name.length < sizeof info->name ? name.length : sizeof info->name - 1);
        status = topic_check_partitions(info->name, sqlite3_column_int64(statement, 2), error);
        if (!status)
            status = topic_partitions(bus, sqlite3_column_int64(statement, 0), info, error);
        if (status)
            break;
    }
    sqlite3_finalize(statement);
    return status;
}

int sqlite_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct bus_topic_list list = {0};
    pthread_mutex_lock(&bus->admin_lock);
    int status = topics_locked(bus, &list, error);
    pthread_mutex_unlock(&bus->admin_lock);
    if (status) {
        bus_topic_list_release(&list);
        return status;
    }
    *ret_list = list;
    return 0;
}

int sqlite_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error) {
    struct bus_topic_list list;
    int status = sqlite_topics(door, &list, error);
    if (status)
        return status;
    status = ERROR_NOT_FOUND;
    for (size_t i = 0; i < list.count && status; i++)
        if (strcmp(list.topics[i].name, name) == 0) {
            *ret_info = list.topics[i];
            list.topics[i].partitions = NULL;
            status = 0;
        }
    if (status)
        bus_topic_unknown(name, &list, error);
    bus_topic_list_release(&list);
    return status;
}

static int topic_origin(struct sqlite_bus *bus, const char *name, char *ret_origin, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(
        bus->admin, "SELECT i.id || '/' || t.id FROM log_identity i, log_topics t WHERE t.name=?", &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, slice_of(name));
    status = database_step(bus->admin, statement, error);
    if (status == 1) {
        struct slice text = database_column_slice(statement, 0);
        snprintf(ret_origin, BUS_ORIGIN_SIZE, "%.*s", (int)text.length, text.data);
    }
    sqlite3_finalize(statement);
    return status == 0 ? error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name) : status < 0 ? status : 0;
}

int sqlite_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error) {
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    pthread_mutex_lock(&bus->admin_lock);
    int status = topic_origin(bus, name, ret_origin, error);
    pthread_mutex_unlock(&bus->admin_lock);
    return status;
}

int sqlite_bus_find_partition(struct database *database, const char *topic, int32_t partition,
                              struct sqlite_partition *ret_partition, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database,
                                  "SELECT p.id, start_offset, next_offset, last_append, compacted FROM log_partitions "
                                  "p JOIN log_topics t ON t.id = p.topic"
                                  " WHERE t.name=? AND p.partition=?",
                                  &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, slice_of(topic));
    sqlite3_bind_int64(statement, 2, partition);
    status = database_step(database, statement, error);
    struct sqlite_partition found = {0};
    if (status == 1)
        found = (struct sqlite_partition){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                                          sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                                          sqlite3_column_int64(statement, 4) != 0};
    sqlite3_finalize(statement);
    if (status == 1)
        status = topic_check_partition(topic, partition, &found, error) ? ERROR_CORRUPT : 1;
    if (status == 1)
        *ret_partition = found;
    if (status == 0)
        return error_set(error, ERROR_NOT_FOUND, "topic %s has no partition %d, or does not exist", topic,
                         (int)partition);
    return status < 0 ? status : 0;
}

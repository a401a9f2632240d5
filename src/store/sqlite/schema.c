/* The tables of the embedded store and the views that show them under the original's names; they are made when a
 * window size is first written. */
#include <stdio.h>

#include "core/memory.h"
#include "store/sqlite/sqlite_store.h"

static const char common_tables[] = "CREATE TABLE IF NOT EXISTS store_windows(size INTEGER PRIMARY KEY);"
                                    "CREATE TABLE IF NOT EXISTS store_series(id INTEGER PRIMARY KEY, gateway TEXT NOT "
                                    "NULL, type TEXT NOT NULL, attribute TEXT NOT NULL,"
                                    " UNIQUE(gateway, type, attribute));";

int sqlite_store_connect(const struct sqlite_store *store, struct database **ret_database, struct error *error) {
    struct database_options options = {
        .durable = store->base.options.durable, .create = store->base.options.create, .lock_timeout = 30000};
    return database_open(store->folder, &options, ret_database, error);
}

static int store_has_tables(struct database *database, bool *ret_exists, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database, "SELECT 1 FROM sqlite_master WHERE name='store_series'", &statement, error);
    if (status)
        return status;
    status = database_step(database, statement, error);
    *ret_exists = status == 1;
    sqlite3_finalize(statement);
    return status < 0 ? status : 0;
}

int sqlite_store_prepare(struct sqlite_store *store, struct error *error) {
    struct database *database;
    bool exists;
    int status = sqlite_store_connect(store, &database, error);
    if (status)
        return status;
    status = store_has_tables(database, &exists, error);
    if (!status && !(store->path = strdup(database_path(database))))
        status = error_no_memory(error);
    if (!status && !exists) {
        status = database_begin(database, error);
        if (!status)
            status = database_execute(database, common_tables, error);
        if (!status)
            status = database_commit(database, error);
        database_rollback(database);
    }
    database_close(database);
    return status;
}

int sqlite_store_create_window(struct database *database, int64_t window_size, struct error *error) {
    long long seconds = window_size / 1000;
    const char *bucket = seconds <= 600    ? "strftime('%Y-%m-%d', start / 1000, 'unixepoch') AS bucket, "
                         : seconds <= 3600 ? "strftime('%Y-%m-01', start / 1000, 'unixepoch') AS bucket, "
                                           : "";
    char sql[1500];
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS store_aggregates_%lld(series INTEGER NOT NULL, start INTEGER NOT NULL, count "
             "INTEGER NOT NULL, minimum REAL NOT NULL,"
             " maximum REAL NOT NULL, sum REAL NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY(series, start)) "
             "WITHOUT ROWID;"
             "CREATE VIEW IF NOT EXISTS metrics_aggregates_%lld AS SELECT gateway, type AS metric, attribute, %s"
             "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', start / 1000, 'unixepoch') AS windowStart,"
             " strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', start / 1000 + %lld, 'unixepoch') AS windowEnd,"
             " minimum AS min, maximum AS max, sum / count AS avg, sum, count AS sampleCount, revision"
             " FROM store_aggregates_%lld JOIN store_series ON store_series.id = series;"
             "INSERT OR IGNORE INTO store_windows VALUES(%lld);",
             seconds, seconds, bucket, seconds, seconds, (long long)window_size);
    return database_execute(database, sql, error);
}

int sqlite_window_sizes(struct store *door, int64_t **ret_sizes, size_t *ret_count, struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct database *database;
    sqlite3_stmt *statement;
    int64_t *sizes = NULL;
    size_t count = 0, capacity = 0;
    int status = sqlite_store_connect(store, &database, error);
    if (status)
        return status;
    status = database_prepare(database, "SELECT size FROM store_windows ORDER BY size", &statement, error);
    if (!status) {
        while ((status = database_step(database, statement, error)) == 1) {
            if (!memory_reserve((void **)&sizes, &capacity, count + 1, sizeof *sizes)) {
                status = error_no_memory(error);
                break;
            }
            sizes[count++] = sqlite3_column_int64(statement, 0);
        }
        sqlite3_finalize(statement);
    }
    database_close(database);
    if (status) {
        free(sizes);
        return status;
    }
    *ret_sizes = sizes;
    *ret_count = count;
    return 0;
}

int sqlite_count(struct store *door, int64_t window_size, int64_t *ret_rows, struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct database *database;
    sqlite3_stmt *statement;
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM store_aggregates_%lld", (long long)(window_size / 1000));
    int status = sqlite_store_connect(store, &database, error);
    if (status)
        return status;
    status = database_prepare(database, sql, &statement, error);
    if (!status) {
        status = database_step(database, statement, error);
        if (status == 1)
            *ret_rows = sqlite3_column_int64(statement, 0);
        sqlite3_finalize(statement);
    }
    database_close(database);
    return status < 0 ? status : 0;
}

int sqlite_note_topic(struct store *door, int64_t window_size, const char *topic, char **ret_other,
                      struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct database *database;
    sqlite3_stmt *find = NULL, *add = NULL;
    int status = sqlite_store_connect(store, &database, error);
    if (status)
        return status;
    status = database_execute(database,
                              "CREATE TABLE IF NOT EXISTS store_topics(size INTEGER, topic TEXT, PRIMARY KEY(size, "
                              "topic)) WITHOUT ROWID",
                              error);
    if (!status)
        status = database_prepare(database, "SELECT topic FROM store_topics WHERE size=? AND topic<>? LIMIT 1", &find,
                                  error);
    if (!status)
        status =
            database_prepare(database, "INSERT OR IGNORE INTO store_topics(size, topic) VALUES(?, ?)", &add, error);
    if (!status) {
        sqlite3_bind_int64(find, 1, window_size);
        database_bind_slice(find, 2, slice_of(topic));
        sqlite3_bind_int64(add, 1, window_size);
        database_bind_slice(add, 2, slice_of(topic));
        status = database_step(database, find, error);
        if (status == 1 && !(*ret_other = strdup((const char *)sqlite3_column_text(find, 0))))
            status = error_no_memory(error);
        sqlite3_reset(find);
        status = status < 0 ? status : database_run(database, add, error);
    }
    sqlite3_finalize(find);
    sqlite3_finalize(add);
    database_close(database);
    if (status) {
        free(*ret_other);
        *ret_other = NULL;
    }
    return status;
}

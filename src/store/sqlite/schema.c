/* The tables of the embedded store and the views that show them under the original's names; they are made when a
 * window size is first written. */
#include <stdio.h>

#include "core/bytes.h"
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

static int schema_has_table(struct database *database, const char *name, bool *ret_exists, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database, "SELECT 1 FROM sqlite_master WHERE name=?", &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, slice_of(name));
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
    status = schema_has_table(database, "store_series", &exists, error);
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

/* Views of calendars' windows are remade whenever one is added: metrics_aggregates_day has all kinds of days. */
static int schema_unit_view(struct database *database, struct slice unit, struct error *error) {
    cleanup(bytes_release) struct bytes sql = {0};
    sqlite3_stmt *statement;
    size_t count = 0;
    int status =
        database_prepare(database, "SELECT name, suffix, zone FROM store_calendars WHERE unit = ?", &statement, error);
    if (status)
        return status;
    database_bind_slice(statement, 1, unit);
    bytes_append_format(&sql, "DROP VIEW IF EXISTS metrics_aggregates_%.*s; CREATE VIEW metrics_aggregates_%.*s AS ",
                        (int)unit.length, unit.data, (int)unit.length, unit.data);
    while ((status = database_step(database, statement, error)) == 1)
        bytes_append_format(&sql, "%sSELECT '%s' AS calendar, '%s' AS timezone, * FROM metrics_aggregates_%s",
                            count++ ? " UNION ALL " : "", (const char *)sqlite3_column_text(statement, 0),
                            (const char *)sqlite3_column_text(statement, 2),
                            (const char *)sqlite3_column_text(statement, 1));
    sqlite3_finalize(statement);
    bytes_append_char(&sql, '\0');
    if (!status && sql.failed)
        return error_no_memory(error);
    return status ? status : database_execute(database, sql.data, error);
}

/* Notes a calendar; names hold no quotes (calendar_read). */
static int schema_add_calendar(struct database *database, const struct store_window *window, const char *suffix,
                               struct error *error) {
    const char *zone = strchr(window->calendar, '@') + 1, *unit = window->calendar;
    char sql[3 * CALENDAR_TEXT_SIZE + 200];
    while (*unit >= '0' && *unit <= '9')
        unit++;
    struct slice name = {unit, strspn(unit, "abcdefghijklmnopqrstuvwxyz")};
    snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO store_calendars VALUES('%s', '%s', '%.*s', '%s')",
             window->calendar, suffix, (int)name.length, name.data, zone);
    int status = database_execute(database,
                                  "CREATE TABLE IF NOT EXISTS store_calendars(name TEXT PRIMARY KEY, suffix TEXT NOT "
                                  "NULL, unit TEXT NOT NULL, zone TEXT NOT NULL)",
                                  error);
    if (!status)
        status = database_execute(database, sql, error);
    return status ? status : schema_unit_view(database, name, error);
}

/* What a table of rows has for the end of a window: nothing when windows have one size. */
static void schema_write_window(char *to, size_t size, const struct store_window *window, const char *suffix) {
    long long seconds = window->size / 1000;
    bool calendar = window->calendar[0] != '\0';
    const char *bucket = calendar          ? ""
                         : seconds <= 600  ? "strftime('%Y-%m-%d', start / 1000, 'unixepoch') AS bucket, "
                         : seconds <= 3600 ? "strftime('%Y-%m-01', start / 1000, 'unixepoch') AS bucket, "
                                           : "";
    char end[40];
    snprintf(end, sizeof end, calendar ? "finish / 1000" : "start / 1000 + %lld", seconds);
    snprintf(to, size,
             "CREATE TABLE IF NOT EXISTS store_aggregates_%s(series INTEGER NOT NULL, start INTEGER NOT NULL, count "
             "INTEGER NOT NULL, minimum REAL NOT NULL,"
             " maximum REAL NOT NULL, sum REAL NOT NULL, revision INTEGER NOT NULL, %sPRIMARY KEY(series, start)) "
             "WITHOUT ROWID;"
             "CREATE VIEW IF NOT EXISTS metrics_aggregates_%s AS SELECT gateway, type AS metric, attribute, %s"
             "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', start / 1000, 'unixepoch') AS windowStart,"
             " strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', %s, 'unixepoch') AS windowEnd,"
             " minimum AS min, maximum AS max, sum / count AS avg, sum, count AS sampleCount, revision"
             " FROM store_aggregates_%s JOIN store_series ON store_series.id = series;",
             suffix, calendar ? "finish INTEGER NOT NULL, " : "", suffix, bucket, end, suffix);
}

int sqlite_store_create_window(struct database *database, const struct store_window *window, struct error *error) {
    char sql[1600], suffix[STORE_TABLE_SIZE], size[64];
    store_window_write_table(suffix, window);
    schema_write_window(sql, sizeof sql, window, suffix);
    int status = database_execute(database, sql, error);
    if (status || window->calendar[0])
        return status ? status : schema_add_calendar(database, window, suffix, error);
    snprintf(size, sizeof size, "INSERT OR IGNORE INTO store_windows VALUES(%lld)", (long long)window->size);
    return database_execute(database, size, error);
}

static int window_add(struct store_window **windows, size_t *count, size_t *capacity, const struct store_window *window,
                      struct error *error) {
    if (!memory_reserve((void **)windows, capacity, *count + 1, sizeof **windows))
        return error_no_memory(error);
    (*windows)[(*count)++] = *window;
    return 0;
}

static int schema_list(struct database *database, struct store_window **windows, size_t *count, struct error *error) {
    static const char sizes[] = "SELECT size, NULL FROM store_windows",
                      both[] = "SELECT size, NULL FROM store_windows UNION ALL SELECT 0, name FROM store_calendars";
    sqlite3_stmt *statement;
    size_t capacity = 0;
    bool calendars;
    int status = schema_has_table(database, "store_calendars", &calendars, error);
    if (!status)
        status = database_prepare(database, calendars ? both : sizes, &statement, error);
    if (status)
        return status;
    while ((status = database_step(database, statement, error)) == 1) {
        struct store_window window = store_window_of(sqlite3_column_int64(statement, 0));
        struct slice name = database_column_slice(statement, 1);
        status = name.length ? store_window_read("", name, &window, error) : 0;
        if (!status)
            status = window_add(windows, count, &capacity, &window, error);
        if (status)
            break;
    }
    sqlite3_finalize(statement);
    return status;
}

int sqlite_windows(struct store *door, struct store_window **ret_windows, size_t *ret_count, struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct database *database;
    struct store_window *windows = NULL;
    size_t count = 0;
    int status = sqlite_store_connect(store, &database, error);
    if (status)
        return status;
    status = schema_list(database, &windows, &count, error);
    database_close(database);
    if (status) {
        free(windows);
        return status;
    }
    *ret_windows = windows;
    *ret_count = count;
    return 0;
}

int sqlite_count(struct store *door, const struct store_window *window, int64_t *ret_rows, struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct database *database;
    sqlite3_stmt *statement;
    char sql[96], suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM store_aggregates_%s", suffix);
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

/* A size as a number, the windows of a calendar by name, which lives as long as the statement is bound. */
static void schema_bind_window(sqlite3_stmt *statement, const struct store_window *window) {
    if (window->calendar[0])
        database_bind_slice(statement, 1, slice_of(window->calendar));
    else
        sqlite3_bind_int64(statement, 1, window->size);
}

int sqlite_note_topic(struct store *door, const struct store_window *window, const char *topic, char **ret_other,
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
        schema_bind_window(find, window);
        database_bind_slice(find, 2, slice_of(topic));
        schema_bind_window(add, window);
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

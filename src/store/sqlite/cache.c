/* The embedded cache: a table in the data folder.
 *
 *     cache_latest   key, time (ms), value (NULL: the key is a gateway)
 *     cache_marks    mark */
#include <sqlite3.h>
#include <stdlib.h>

#include "core/database.h"
#include "core/memory.h"
#include "store/cache_driver.h"

enum { LOCK_TIMEOUT = 30000 };

static const char cache_table[] =
    "CREATE TABLE IF NOT EXISTS cache_latest(key TEXT PRIMARY KEY, time INTEGER NOT NULL, value REAL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS cache_marks(mark TEXT PRIMARY KEY) WITHOUT ROWID";

struct sqlite_cache {
    struct cache base;
    char *folder;
};

struct sqlite_cache_writer {
    struct cache_writer base;
    struct database *database;
    sqlite3_stmt *put, *find_mark, *put_mark;
};

static int cache_connect(const struct sqlite_cache *cache, struct database **ret_database, struct error *error) {
    struct database_options options = {
        .durable = cache->base.options.durable, .create = cache->base.options.create, .lock_timeout = LOCK_TIMEOUT};
    return database_open(cache->folder, &options, ret_database, error);
}

static void sqlite_cache_close(struct cache *door) {
    struct sqlite_cache *cache = (struct sqlite_cache *)door;
    free(cache->folder);
    free(cache);
}

static void sqlite_cache_writer_close(struct cache_writer *door) {
    struct sqlite_cache_writer *writer = (struct sqlite_cache_writer *)door;
    sqlite3_finalize(writer->put);
    sqlite3_finalize(writer->find_mark);
    sqlite3_finalize(writer->put_mark);
    database_close(writer->database);
    free(writer);
}

static const struct cache_driver sqlite_cache_driver;

static int sqlite_cache_writer_open(struct cache *door, struct cache_writer **ret_writer, struct error *error) {
    struct sqlite_cache_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->base.driver = &sqlite_cache_driver;
    int status = cache_connect((struct sqlite_cache *)door, &writer->database, error);
    if (!status)
        status = database_prepare(writer->database,
                                  "INSERT INTO cache_latest(key, time, value) VALUES(?, ?, ?) ON CONFLICT(key) DO "
                                  "UPDATE SET time=excluded.time, value=excluded.value"
                                  " WHERE excluded.time >= time",
                                  &writer->put, error);
    if (!status)
        status =
            database_prepare(writer->database, "SELECT 1 FROM cache_marks WHERE mark = ?", &writer->find_mark, error);
    if (!status)
        status = database_prepare(writer->database, "INSERT OR IGNORE INTO cache_marks(mark) VALUES(?)",
                                  &writer->put_mark, error);
    if (status) {
        sqlite_cache_writer_close(&writer->base);
        return status;
    }
    *ret_writer = &writer->base;
    return 0;
}

static int cache_put(struct sqlite_cache_writer *writer, const struct cache_entry *entry, struct error *error) {
    database_bind_slice(writer->put, 1, entry->key);
    sqlite3_bind_int64(writer->put, 2, entry->timestamp);
    if (entry->has_value)
        sqlite3_bind_double(writer->put, 3, entry->value);
    else
        sqlite3_bind_null(writer->put, 3);
    return database_run(writer->database, writer->put, error);
}

static int sqlite_cache_write(struct cache_writer *door, const struct cache_entry *entries, size_t count,
                              struct error *error) {
    struct sqlite_cache_writer *writer = (struct sqlite_cache_writer *)door;
    int status = database_begin(writer->database, error);
    for (size_t i = 0; i < count && !status; i++)
        status = cache_put(writer, &entries[i], error);
    if (!status)
        status = database_commit(writer->database, error);
    if (status)
        database_rollback(writer->database);
    return status ? error_wrap(error, "writing %zu latest values", count) : 0;
}

static int sqlite_cache_marked(struct cache_writer *door, const char *mark, bool *ret_marked, struct error *error) {
    struct sqlite_cache_writer *writer = (struct sqlite_cache_writer *)door;
    database_bind_slice(writer->find_mark, 1, slice_of(mark));
    int found = database_step(writer->database, writer->find_mark, error);
    sqlite3_reset(writer->find_mark);
    if (found >= 0)
        *ret_marked = found == 1;
    return found < 0 ? found : 0;
}

static int sqlite_cache_mark(struct cache_writer *door, const char *mark, struct error *error) {
    struct sqlite_cache_writer *writer = (struct sqlite_cache_writer *)door;
    database_bind_slice(writer->put_mark, 1, slice_of(mark));
    return database_run(writer->database, writer->put_mark, error);
}

static int sqlite_cache_read(struct cache *door, const char *key, bool series, cache_visit visit, void *context,
                             struct error *error) {
    struct database *database;
    sqlite3_stmt *statement = NULL;
    int status = cache_connect((struct sqlite_cache *)door, &database, error);
    if (status)
        return status;
    status = database_prepare(database,
                              "SELECT key, time, value FROM cache_latest WHERE (?1 IS NULL OR key = ?1) AND (value IS "
                              "NOT NULL) = ?2 ORDER BY key",
                              &statement, error);
    if (!status) {
        if (key)
            database_bind_slice(statement, 1, slice_of(key));
        sqlite3_bind_int(statement, 2, series);
    }
    while (!status && (status = database_step(database, statement, error)) == 1) {
        struct cache_entry entry = {database_column_slice(statement, 0), sqlite3_column_int64(statement, 1), series,
                                    sqlite3_column_double(statement, 2)};
        status = visit(context, &entry, error);
    }
    sqlite3_finalize(statement);
    database_close(database);
    return status;
}

static const struct cache_driver sqlite_cache_driver = {
    .close = sqlite_cache_close,
    .writer_open = sqlite_cache_writer_open,
    .writer_close = sqlite_cache_writer_close,
    .write = sqlite_cache_write,
    .marked = sqlite_cache_marked,
    .mark = sqlite_cache_mark,
    .read = sqlite_cache_read,
};

static int cache_prepare(const struct sqlite_cache *cache, struct error *error) {
    struct database *database;
    int status = cache_connect(cache, &database, error);
    if (status)
        return status;
    status = database_execute(database, cache_table, error);
    database_close(database);
    return status;
}

int sqlite_cache_open(const char *folder, const struct cache_options *options, struct cache **ret_cache,
                      struct error *error) {
    struct sqlite_cache *cache = memory_zero(1, sizeof *cache);
    if (!cache)
        return error_no_memory(error);
    cache->base.driver = &sqlite_cache_driver;
    cache->base.options = *options;
    cache->folder = strdup(folder);
    int status = cache->folder ? cache_prepare(cache, error) : error_no_memory(error);
    if (status) {
        sqlite_cache_close(&cache->base);
        return status;
    }
    *ret_cache = &cache->base;
    return 0;
}

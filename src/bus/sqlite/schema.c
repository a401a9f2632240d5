#include "bus/sqlite/sqlite_bus.h"

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS log_topics(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,"
    " retention_time INTEGER NOT NULL, retention_bytes INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS log_partitions(id INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER NOT NULL REFERENCES log_topics(id), partition INTEGER NOT NULL,"
    " start_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, last_append INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE(topic, partition));"
    "CREATE TABLE IF NOT EXISTS log_batches(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, append_time INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS log_positions(group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY(group_name, topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS log_schemas(id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, schema TEXT NOT NULL, UNIQUE(subject, schema));";

static int schema_exists(struct database *database, bool *ret_exists, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database, "SELECT 1 FROM sqlite_master WHERE name='log_schemas'", &statement, error);
    if (status)
        return status;
    status = database_step(database, statement, error);
    *ret_exists = status == 1;
    sqlite3_finalize(statement);
    return status < 0 ? status : 0;
}

int sqlite_bus_create_tables(struct database *database, struct error *error) {
    bool exists;
    int status = schema_exists(database, &exists, error);
    if (status || exists)
        return status;
    status = database_begin(database, error);
    if (!status)
        status = database_execute(database, tables, error);
    if (!status)
        return database_commit(database, error);
    database_rollback(database);
    return status;
}

#include "bus/sqlite/sqlite_bus.h"

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS log_topics(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions "
    "INTEGER NOT NULL,"
    " retention_time INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, compacted INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS log_partitions(id INTEGER PRIMARY KEY AUTOINCREMENT, topic INTEGER NOT NULL REFERENCES "
    "log_topics(id), partition INTEGER NOT "
    "NULL,"
    " start_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT "
    "0, last_append INTEGER NOT NULL DEFAULT "
    "0,"
    " compacted_offset INTEGER NOT NULL DEFAULT 0, compacted_records INTEGER NOT NULL DEFAULT 0, UNIQUE(topic, "
    "partition));"
    "CREATE TABLE IF NOT EXISTS log_batches(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, append_time INTEGER NOT "
    "NULL, data BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS log_positions(group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT "
    "NULL, next_offset INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, metadata TEXT NOT NULL, PRIMARY KEY(group_name, topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS log_schemas(id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, schema TEXT "
    "NOT NULL, UNIQUE(subject, schema));";

/* What logs of before compaction lack. */
static const char compaction_columns[] =
    "ALTER TABLE log_topics ADD COLUMN compacted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE log_partitions ADD COLUMN compacted_offset INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE log_partitions ADD COLUMN compacted_records INTEGER NOT NULL DEFAULT 0;";

/* What logs lack whose schemas were all Avro's. */
static const char kind_column[] = "ALTER TABLE log_schemas ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;";

/* What tells the log from all others. */
static const char identity_table[] = "CREATE TABLE IF NOT EXISTS log_identity(id TEXT NOT NULL);"
                                     "INSERT INTO log_identity SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS "
                                     "(SELECT 1 FROM log_identity);";

static int schema_finds(struct database *database, const char *query, bool *ret_exists, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(database, query, &statement, error);
    if (status)
        return status;
    status = database_step(database, statement, error);
    *ret_exists = status == 1;
    sqlite3_finalize(statement);
    return status < 0 ? status : 0;
}

/* Whether `what` is there is looked up again inside the transaction: another process may have been quicker. */
static int schema_add(struct database *database, const char *query, const char *statements, struct error *error) {
    bool exists;
    int status = schema_finds(database, query, &exists, error);
    if (status || exists)
        return status;
    status = database_begin(database, error);
    if (!status)
        status = schema_finds(database, query, &exists, error);
    if (!status && !exists)
        status = database_execute(database, statements, error);
    if (!status)
        return database_commit(database, error);
    database_rollback(database);
    return status;
}

int sqlite_bus_create_tables(struct database *database, struct error *error) {
    int status = schema_add(database, "SELECT 1 FROM sqlite_master WHERE name='log_schemas'", tables, error);
    if (!status)
        status = schema_add(database, "SELECT 1 FROM pragma_table_info('log_topics') WHERE name='compacted'",
                            compaction_columns, error);
    if (!status)
        status = schema_add(database, "SELECT 1 FROM pragma_table_info('log_schemas') WHERE name='kind'", kind_column,
                            error);
    return status
               ? status
               : schema_add(database, "SELECT 1 FROM sqlite_master WHERE name='log_identity'", identity_table, error);
}

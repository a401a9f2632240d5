#include "bus/sqlite/sqlite_bus.h"

static int registry_find_locked(struct sqlite_bus *bus, enum schema_kind kind, int32_t id, struct arena *arena,
                                struct slice *ret_schema, struct error *error) {
    sqlite3_stmt *statement;
    int status = database_prepare(bus->admin, "SELECT schema, kind FROM log_schemas WHERE id=?", &statement, error);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, id);
    status = database_step(bus->admin, statement, error);
    if (status == 0)
        status = error_set(error, ERROR_NOT_FOUND, "schema id %d is not in the registry", (int)id);
    else if (status == 1 && sqlite3_column_int(statement, 1) != (int)kind)
        status =
            error_set(error, ERROR_UNSUPPORTED, "schema %d is %s, not %s", (int)id,
                      schema_kind_name((enum schema_kind)sqlite3_column_int(statement, 1)), schema_kind_name(kind));
    else if (status == 1) {
        struct slice copy = arena_copy(arena, database_column_slice(statement, 0));
        status = copy.data ? 0 : error_no_memory(error);
        if (!status)
            *ret_schema = copy;
    }
    sqlite3_finalize(statement);
    return status;
}

static int registry_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                         struct slice *ret_schema, struct error *error) {
    struct sqlite_bus *bus = context;
    pthread_mutex_lock(&bus->admin_lock);
    int status = registry_find_locked(bus, kind, id, arena, ret_schema, error);
    pthread_mutex_unlock(&bus->admin_lock);
    return status;
}

static int registry_add_locked(struct sqlite_bus *bus, const char *subject, enum schema_kind kind, struct slice schema,
                               int32_t *ret_id, struct error *error) {
    sqlite3_stmt *insert = NULL, *select = NULL;
    int status = database_prepare(
        bus->admin, "INSERT INTO log_schemas(subject, schema, kind) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING", &insert,
        error);
    if (!status)
        status =
            database_prepare(bus->admin, "SELECT id FROM log_schemas WHERE subject=?1 AND schema=?2", &select, error);
    for (int i = 0; i < 2 && !status; i++) {
        sqlite3_stmt *statement = i ? insert : select;
        database_bind_slice(statement, 1, slice_of(subject));
        database_bind_slice(statement, 2, schema);
    }
    if (!status)
        sqlite3_bind_int(insert, 3, (int)kind);
    int found = status ? status : database_step(bus->admin, select, error);
    if (found == 0) {
        sqlite3_reset(select);
        status = database_run(bus->admin, insert, error);
        found = status ? status : database_step(bus->admin, select, error);
    }
    if (found == 1)
        *ret_id = (int32_t)sqlite3_column_int64(select, 0);
    sqlite3_finalize(insert);
    sqlite3_finalize(select);
    return found == 1 ? 0 : found;
}

static int registry_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                        struct error *error) {
    struct sqlite_bus *bus = context;
    pthread_mutex_lock(&bus->admin_lock);
    int status = registry_add_locked(bus, subject, kind, schema, ret_id, error);
    pthread_mutex_unlock(&bus->admin_lock);
    return status;
}

void sqlite_bus_registry_open(struct sqlite_bus *bus) {
    bus->registry = (struct registry){.find = registry_find, .add = registry_add, .context = bus};
}

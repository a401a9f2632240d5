/* Opening, connections and appending. */
#include "batch/duckdb/olap_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"

int olap_failed(struct error *error, int code, const char *message) {
    return error_set(error, code, "%s", message && *message ? message : "DuckDB says nothing of why it failed");
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static int olap_make_folder(struct olap *olap, struct error *error) {
    const char *where = getenv("TMPDIR");
    char *folder = NULL;
    if (asprintf(&folder, "%s/meterline-batch-XXXXXX", where && *where ? where : "/tmp") < 0)
        return error_no_memory(error);
    if (!mkdtemp(folder)) {
        error_set_errno(error, errno, "a folder for what does not fit into memory cannot be made, %s", folder);
        free(folder);
        return error->code;
    }
    olap->folder = folder;
    return 0;
}

static int olap_configure(struct olap *olap, duckdb_config config, struct error *error) {
    char memory[32], threads[32];
    int64_t processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (olap->options.threads == 0)
        olap->options.threads = processors > 0 ? processors : 1;
    snprintf(memory, sizeof memory, "%lldMiB", (long long)(olap->options.memory >> 20));
    snprintf(threads, sizeof threads, "%lld", (long long)olap->options.threads);
    const char *const settings[][2] = {{"memory_limit", memory},
                                       {"threads", threads},
                                       {"temp_directory", olap->folder},
                                       {"autoinstall_known_extensions", "false"},
                                       {"autoload_known_extensions", "false"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (olap->api.set_config(config, settings[i][0], settings[i][1]))
            return error_set(error, ERROR_UNSUPPORTED, "DuckDB does not take the setting %s = %s", settings[i][0],
                             settings[i][1]);
    return 0;
}

static int olap_start(struct olap *olap, struct error *error) {
    duckdb_config config = NULL;
    char *message = NULL;
    if (olap->api.create_config(&config))
        return error_no_memory(error);
    int status = olap_configure(olap, config, error);
    if (!status && olap->api.open_ext(NULL, &olap->database, config, &message))
        status = olap_failed(error, ERROR_IO, message);
    if (message)
        olap->api.free(message);
    olap->api.destroy_config(&config);
    return status;
}

int olap_open(const struct olap_options *options, struct olap **ret_olap, struct error *error) {
    struct olap *olap = memory_zero(1, sizeof *olap);
    if (!olap)
        return error_no_memory(error);
    olap->options = *options;
    int status = duckdb_load(options->library, &olap->api, error);
    if (!status)
        status = olap_make_folder(olap, error);
    if (!status)
        status = olap_start(olap, error);
    if (status) {
        olap_close(olap);
        return status;
    }
    *ret_olap = olap;
    return 0;
}

struct olap *olap_close(struct olap *olap) {
    if (!olap)
        return NULL;
    if (olap->database)
        olap->api.close(&olap->database);
    if (olap->folder)
        rmdir(olap->folder);
    free(olap->folder);
    duckdb_unload(&olap->api);
    free(olap);
    return NULL;
}

int64_t olap_threads(const struct olap *olap) {
    return olap->options.threads;
}

int olap_connect(struct olap *olap, struct olap_connection **ret_connection, struct error *error) {
    struct olap_connection *connection = memory_zero(1, sizeof *connection);
    if (!connection)
        return error_no_memory(error);
    connection->olap = olap;
    int status = olap->api.connect(olap->database, &connection->handle) ? error_no_memory(error) : 0;
    if (!status)
        status = olap_execute(connection, "SET TimeZone = 'UTC'", error);
    if (status) {
        olap_disconnect(connection);
        return status;
    }
    *ret_connection = connection;
    return 0;
}

struct olap_connection *olap_disconnect(struct olap_connection *connection) {
    if (connection && connection->handle)
        connection->olap->api.disconnect(&connection->handle);
    free(connection);
    return NULL;
}

/* --- rows of ours
 * ------------------------------------------------------------------------------------------------------------------ */

duckdb_type olap_type_made(enum olap_type type) {
    return type == OLAP_INTEGER  ? DUCKDB_BIGINT
           : type == OLAP_DOUBLE ? DUCKDB_DOUBLE
           : type == OLAP_TIME   ? DUCKDB_TIMESTAMP_TZ
                                 : DUCKDB_VARCHAR;
}

void *olap_rows_data(struct olap_rows *rows, size_t column) {
    return rows->api->vector_get_data(rows->api->data_chunk_get_vector(rows->chunk, column));
}

void olap_rows_text(struct olap_rows *rows, size_t column, size_t row, struct slice text) {
    rows->api->vector_assign_string_element_len(rows->api->data_chunk_get_vector(rows->chunk, column), row, text.data,
                                                text.length);
}

void olap_rows_null(struct olap_rows *rows, size_t column, size_t row) {
    duckdb_vector vector = rows->api->data_chunk_get_vector(rows->chunk, column);
    rows->api->vector_ensure_validity_writable(vector);
    rows->api->validity_set_row_invalid(rows->api->vector_get_validity(vector), row);
}

struct olap_appender {
    struct olap_rows rows;
    duckdb_appender handle;
};

enum { APPENDER_COLUMNS = 16 };

static int appender_make_rows(struct olap_appender *appender, const struct olap_column *columns, size_t count,
                              struct error *error) {
    const struct duckdb *api = appender->rows.api;
    duckdb_logical_type types[APPENDER_COLUMNS];
    for (size_t i = 0; i < count; i++)
        types[i] = api->create_logical_type(olap_type_made(columns[i].type));
    appender->rows.chunk = api->create_data_chunk(types, count);
    for (size_t i = 0; i < count; i++)
        api->destroy_logical_type(&types[i]);
    return appender->rows.chunk ? 0 : error_no_memory(error);
}

int olap_appender_open(struct olap_connection *connection, const char *table, const struct olap_column *columns,
                       size_t column_count, struct olap_appender **ret_appender, struct error *error) {
    const struct duckdb *api = &connection->olap->api;
    struct olap_appender *appender = memory_zero(1, sizeof *appender);
    if (!appender)
        return error_no_memory(error);
    appender->rows.api = api;
    int status = 0;
    if (api->appender_create(connection->handle, NULL, table, &appender->handle))
        status = olap_failed(error, ERROR_INVALID, appender->handle ? api->appender_error(appender->handle) : table);
    if (!status)
        status = appender_make_rows(appender, columns, column_count, error);
    if (status) {
        olap_appender_abandon(appender);
        return status;
    }
    *ret_appender = appender;
    return 0;
}

struct olap_rows *olap_appender_rows(struct olap_appender *appender) {
    return &appender->rows;
}

int olap_appender_append(struct olap_appender *appender, size_t count, struct error *error) {
    const struct duckdb *api = appender->rows.api;
    if (count == 0)
        return 0;
    api->data_chunk_set_size(appender->rows.chunk, count);
    if (api->append_data_chunk(appender->handle, appender->rows.chunk))
        return olap_failed(error, ERROR_IO, api->appender_error(appender->handle));
    api->data_chunk_reset(appender->rows.chunk);
    return 0;
}

struct olap_appender *olap_appender_abandon(struct olap_appender *appender) {
    if (!appender)
        return NULL;
    if (appender->rows.chunk)
        appender->rows.api->destroy_data_chunk(&appender->rows.chunk);
    if (appender->handle)
        appender->rows.api->appender_destroy(&appender->handle);
    free(appender);
    return NULL;
}

int olap_appender_finish(struct olap_appender *appender, struct error *error) {
    int status = 0;
    if (appender->rows.api->appender_close(appender->handle))
        status = olap_failed(error, ERROR_IO, appender->rows.api->appender_error(appender->handle));
    olap_appender_abandon(appender);
    return status;
}

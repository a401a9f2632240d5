/* Statements and their results. */
#include "batch/duckdb/olap_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"

static bool olap_stopped(const struct olap *olap) {
    return olap->options.stop && atomic_load(olap->options.stop);
}

struct olap_result *olap_result_close(struct olap_result *result) {
    if (!result)
        return NULL;
    const struct duckdb *api = &result->connection->olap->api;
    if (result->chunk)
        api->destroy_data_chunk(&result->chunk);
    api->destroy_result(&result->result);
    if (result->prepared)
        api->destroy_prepare(&result->prepared);
    free(result);
    return NULL;
}

/* Lets the query work until its first rows are there, or it is done. */
static int olap_wait(struct olap *olap, duckdb_pending_result pending, struct error *error) {
    for (;;) {
        int state = olap->api.pending_execute_task(pending);
        if (state == DUCKDB_PENDING_READY)
            return 0;
        if (state == DUCKDB_PENDING_ERROR)
            return olap_failed(error, ERROR_IO, olap->api.pending_error(pending));
        if (olap_stopped(olap))
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
        if (state == DUCKDB_PENDING_NO_TASKS)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* other threads are at it */
    }
}

static int olap_start_statement(struct olap_result *result, struct error *error) {
    struct olap *olap = result->connection->olap;
    duckdb_pending_result pending = NULL;
    int status = 0;
    if (olap->api.nparams(result->prepared) > 0)
        return error_set(error, ERROR_INVALID, "the statement has a parameter $%s without a value",
                         olap->api.parameter_name(result->prepared, 1));
    if (olap->api.pending_prepared_streaming(result->prepared, &pending))
        status = olap_failed(error, ERROR_IO, olap->api.pending_error(pending));
    if (!status)
        status = olap_wait(olap, pending, error);
    if (!status && olap->api.execute_pending(pending, &result->result))
        status = olap_failed(error, ERROR_IO, olap->api.result_error(&result->result));
    olap->api.destroy_pending(&pending);
    return status;
}

static int olap_drain(struct olap_result *result, struct error *error) {
    int status;
    while ((status = olap_result_next(result, error)) > 0)
        ;
    return status;
}

static int olap_statement(struct olap_connection *connection, duckdb_extracted_statements statements, idx_t at,
                          struct olap_result **ret_result, struct error *error) {
    const struct duckdb *api = &connection->olap->api;
    struct olap_result *result = memory_zero(1, sizeof *result);
    if (!result)
        return error_no_memory(error);
    result->connection = connection;
    int status = 0;
    if (api->prepare_extracted_statement(connection->handle, statements, at, &result->prepared))
        status = olap_failed(error, ERROR_INVALID, api->prepare_error(result->prepared));
    if (!status) {
        int type = api->prepared_statement_type(result->prepared);
        status = olap_start_statement(result, error);
        /* those that change something have a row too, "Count" */
        result->shows = type == DUCKDB_STATEMENT_SELECT || type == DUCKDB_STATEMENT_EXPLAIN ||
                        type == DUCKDB_STATEMENT_PRAGMA || type == DUCKDB_STATEMENT_CALL;
    }
    if (status) {
        olap_result_close(result);
        return status;
    }
    *ret_result = result;
    return 0;
}

int olap_query(struct olap_connection *connection, const char *sql, struct olap_result **ret_result,
               struct error *error) {
    const struct duckdb *api = &connection->olap->api;
    duckdb_extracted_statements statements = NULL;
    struct olap_result *result = NULL;
    int status = 0;
    idx_t count = api->extract_statements(connection->handle, sql, &statements);
    if (count == 0) {
        const char *message = api->extract_statements_error(statements);
        status = olap_failed(error, ERROR_INVALID, message && *message ? message : "there is no statement in the text");
    }
    for (idx_t i = 0; i < count && !status; i++) {
        status = result ? olap_drain(result, error) : 0;
        result = olap_result_close(result);
        if (!status)
            status = olap_statement(connection, statements, i, &result, error);
    }
    if (statements)
        api->destroy_extracted(&statements);
    if (status) {
        olap_result_close(result);
        return status;
    }
    *ret_result = result;
    return 0;
}

/* --- results
 * ------------------------------------------------------------------------------------------------------------------ */

size_t olap_result_columns(const struct olap_result *result) {
    return result->shows ? result->connection->olap->api.column_count((duckdb_result *)&result->result) : 0;
}

const char *olap_result_name(const struct olap_result *result, size_t column) {
    return result->connection->olap->api.column_name((duckdb_result *)&result->result, column);
}

int olap_result_next(struct olap_result *result, struct error *error) {
    const struct duckdb *api = &result->connection->olap->api;
    for (;;) {
        if (result->chunk)
            api->destroy_data_chunk(&result->chunk);
        if (olap_stopped(result->connection->olap))
            return error_set(error, ERROR_INTERRUPTED, "interrupted");
        result->chunk = api->fetch_chunk(result->result);
        if (!result->chunk) {
            const char *message = api->result_error(&result->result);
            return message && *message ? olap_failed(error, ERROR_IO, message) : 0;
        }
        idx_t count = api->data_chunk_get_size(result->chunk);
        if (count)
            return (int)count;
    }
}

const void *olap_result_data(struct olap_result *result, size_t column) {
    const struct duckdb *api = &result->connection->olap->api;
    return api->vector_get_data(api->data_chunk_get_vector(result->chunk, column));
}

const uint64_t *olap_result_valid(struct olap_result *result, size_t column) {
    const struct duckdb *api = &result->connection->olap->api;
    return api->vector_get_validity(api->data_chunk_get_vector(result->chunk, column));
}

struct slice olap_text(const void *data, size_t row) {
    const duckdb_string_t *text = (const duckdb_string_t *)data + row;
    uint32_t length = text->inlined.length;
    return (struct slice){length <= sizeof text->inlined.inlined ? text->inlined.inlined : text->pointer.ptr, length};
}

/* --- shorter ways
 * ------------------------------------------------------------------------------------------------------------------ */

int olap_execute(struct olap_connection *connection, const char *sql, struct error *error) {
    struct olap_result *result = NULL;
    int status = olap_query(connection, sql, &result, error);
    if (!status)
        status = olap_drain(result, error);
    olap_result_close(result);
    return status;
}

int olap_execute_format(struct olap_connection *connection, struct error *error, const char *format, ...) {
    char *sql = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&sql, format, arguments);
    va_end(arguments);
    if (length < 0)
        return error_no_memory(error);
    int status = olap_execute(connection, sql, error);
    free(sql);
    return status;
}

int olap_query_integer(struct olap_connection *connection, const char *sql, int64_t fallback, int64_t *ret_value,
                       struct error *error) {
    struct olap_result *result = NULL;
    int status = olap_query(connection, sql, &result, error);
    if (status)
        return status;
    status = olap_result_next(result, error);
    if (status >= 0) {
        struct olap_cell cell = {0};
        if (status > 0)
            olap_result_cell(result, 0, 0, &cell);
        *ret_value = cell.kind == OLAP_CELL_INTEGER ? cell.integer : fallback;
    }
    olap_result_close(result);
    return status < 0 ? status : 0;
}

void olap_quote(struct bytes *to, struct slice text) {
    bytes_append_char(to, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            bytes_append_char(to, '\'');
        bytes_append_char(to, text.data[i]);
    }
    bytes_append_char(to, '\'');
}

/* The part of DuckDB's C API (version 1.5) that is used here, in words of our own: the library is loaded when it is
 * needed, so the program is compiled where neither library nor header is. Handles are pointers, sizes and places are
 * uint64_t, states are 0 or 1. tests/batch compares each line below with the header that comes with the library. */
#ifndef METERLINE_BATCH_DUCKDB_DUCKDB_API_H
#define METERLINE_BATCH_DUCKDB_DUCKDB_API_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t idx_t;
typedef int duckdb_state; /* 0: success */
typedef int duckdb_type;
typedef int duckdb_statement_type;
typedef int duckdb_pending_state; /* DUCKDB_PENDING_... */
typedef void *duckdb_database, *duckdb_connection, *duckdb_config, *duckdb_prepared_statement,
    *duckdb_extracted_statements, *duckdb_pending_result, *duckdb_appender, *duckdb_logical_type, *duckdb_data_chunk,
    *duckdb_vector, *duckdb_value, *duckdb_table_function, *duckdb_bind_info, *duckdb_init_info, *duckdb_function_info;
typedef void (*duckdb_delete_callback_t)(void *data);
typedef void (*duckdb_table_function_bind_t)(duckdb_bind_info info);
typedef void (*duckdb_table_function_init_t)(duckdb_init_info info);
typedef void (*duckdb_table_function_t)(duckdb_function_info info, duckdb_data_chunk output);

typedef struct {
    idx_t counts[3];
    void *columns;
    char *message;
    void *data;
} duckdb_result;

/* Text of up to 12 bytes lies in it, longer text elsewhere. */
typedef union {
    struct {
        uint32_t length;
        char prefix[4];
        char *ptr;
    } pointer;
    struct {
        uint32_t length;
        char inlined[12];
    } inlined;
} duckdb_string_t;

enum {
    DUCKDB_BOOLEAN = 1,
    DUCKDB_TINYINT,
    DUCKDB_SMALLINT,
    DUCKDB_INTEGER,
    DUCKDB_BIGINT,
    DUCKDB_UTINYINT,
    DUCKDB_USMALLINT,
    DUCKDB_UINTEGER,
    DUCKDB_UBIGINT,
    DUCKDB_FLOAT,
    DUCKDB_DOUBLE,
    DUCKDB_TIMESTAMP, /* microseconds */
    DUCKDB_DATE,      /* days */
    DUCKDB_HUGEINT = 16,
    DUCKDB_VARCHAR = 17,
    DUCKDB_DECIMAL = 19,
    DUCKDB_TIMESTAMP_TZ = 31,
    DUCKDB_SQLNULL = 36,
};

enum { DUCKDB_PENDING_READY, DUCKDB_PENDING_NOT_READY, DUCKDB_PENDING_ERROR, DUCKDB_PENDING_NO_TASKS };
enum { DUCKDB_CHUNK_ROWS = 2048 };
enum {
    DUCKDB_STATEMENT_SELECT = 1,
    DUCKDB_STATEMENT_EXPLAIN = 4,
    DUCKDB_STATEMENT_PRAGMA = 17,
    DUCKDB_STATEMENT_CALL = 19,
};

/* DUCKDB(result, name, (parameters)) */
/* clang-format off */
#define DUCKDB_FUNCTIONS(DUCKDB) \
    DUCKDB(const char *, library_version, (void)) \
    DUCKDB(void, free, (void *ptr)) \
    DUCKDB(duckdb_state, create_config, (duckdb_config *out_config)) \
    DUCKDB(duckdb_state, set_config, (duckdb_config config, const char *name, const char *option)) \
    DUCKDB(void, destroy_config, (duckdb_config *config)) \
    DUCKDB(duckdb_state, open_ext, (const char *path, duckdb_database *out_database, duckdb_config config, char **out_error)) \
    DUCKDB(void, close, (duckdb_database *database)) \
    DUCKDB(duckdb_state, connect, (duckdb_database database, duckdb_connection *out_connection)) \
    DUCKDB(void, disconnect, (duckdb_connection *connection)) \
    DUCKDB(idx_t, extract_statements, (duckdb_connection connection, const char *query, duckdb_extracted_statements *out_extracted_statements)) \
    DUCKDB(const char *, extract_statements_error, (duckdb_extracted_statements extracted_statements)) \
    DUCKDB(duckdb_state, prepare_extracted_statement, (duckdb_connection connection, duckdb_extracted_statements extracted_statements, idx_t index, duckdb_prepared_statement *out_prepared_statement)) \
    DUCKDB(void, destroy_extracted, (duckdb_extracted_statements *extracted_statements)) \
    DUCKDB(void, destroy_prepare, (duckdb_prepared_statement *prepared_statement)) \
    DUCKDB(const char *, prepare_error, (duckdb_prepared_statement prepared_statement)) \
    DUCKDB(duckdb_statement_type, prepared_statement_type, (duckdb_prepared_statement statement)) \
    DUCKDB(idx_t, nparams, (duckdb_prepared_statement prepared_statement)) \
    DUCKDB(const char *, parameter_name, (duckdb_prepared_statement prepared_statement, idx_t index)) \
    DUCKDB(duckdb_state, pending_prepared_streaming, (duckdb_prepared_statement prepared_statement, duckdb_pending_result *out_result)) \
    DUCKDB(duckdb_pending_state, pending_execute_task, (duckdb_pending_result pending_result)) \
    DUCKDB(duckdb_state, execute_pending, (duckdb_pending_result pending_result, duckdb_result *out_result)) \
    DUCKDB(const char *, pending_error, (duckdb_pending_result pending_result)) \
    DUCKDB(void, destroy_pending, (duckdb_pending_result *pending_result)) \
    DUCKDB(const char *, result_error, (duckdb_result *result)) \
    DUCKDB(void, destroy_result, (duckdb_result *result)) \
    DUCKDB(idx_t, column_count, (duckdb_result *result)) \
    DUCKDB(const char *, column_name, (duckdb_result *result, idx_t col)) \
    DUCKDB(duckdb_type, column_type, (duckdb_result *result, idx_t col)) \
    DUCKDB(duckdb_logical_type, column_logical_type, (duckdb_result *result, idx_t col)) \
    DUCKDB(uint8_t, decimal_scale, (duckdb_logical_type type)) \
    DUCKDB(duckdb_type, decimal_internal_type, (duckdb_logical_type type)) \
    DUCKDB(duckdb_data_chunk, fetch_chunk, (duckdb_result result)) \
    DUCKDB(idx_t, data_chunk_get_size, (duckdb_data_chunk chunk)) \
    DUCKDB(duckdb_vector, data_chunk_get_vector, (duckdb_data_chunk chunk, idx_t col_idx)) \
    DUCKDB(void, data_chunk_set_size, (duckdb_data_chunk chunk, idx_t size)) \
    DUCKDB(void, data_chunk_reset, (duckdb_data_chunk chunk)) \
    DUCKDB(duckdb_data_chunk, create_data_chunk, (duckdb_logical_type *types, idx_t column_count)) \
    DUCKDB(void, destroy_data_chunk, (duckdb_data_chunk *chunk)) \
    DUCKDB(void *, vector_get_data, (duckdb_vector vector)) \
    DUCKDB(uint64_t *, vector_get_validity, (duckdb_vector vector)) \
    DUCKDB(void, vector_assign_string_element_len, (duckdb_vector vector, idx_t index, const char *str, idx_t str_len)) \
    DUCKDB(void, vector_ensure_validity_writable, (duckdb_vector vector)) \
    DUCKDB(void, validity_set_row_invalid, (uint64_t *validity, idx_t row)) \
    DUCKDB(duckdb_logical_type, create_logical_type, (duckdb_type type)) \
    DUCKDB(void, destroy_logical_type, (duckdb_logical_type *type)) \
    DUCKDB(duckdb_state, appender_create, (duckdb_connection connection, const char *schema, const char *table, duckdb_appender *out_appender)) \
    DUCKDB(const char *, appender_error, (duckdb_appender appender)) \
    DUCKDB(duckdb_state, append_data_chunk, (duckdb_appender appender, duckdb_data_chunk chunk)) \
    DUCKDB(duckdb_state, appender_close, (duckdb_appender appender)) \
    DUCKDB(duckdb_state, appender_destroy, (duckdb_appender *appender)) \
    DUCKDB(duckdb_table_function, create_table_function, (void)) \
    DUCKDB(void, destroy_table_function, (duckdb_table_function *table_function)) \
    DUCKDB(void, table_function_set_name, (duckdb_table_function table_function, const char *name)) \
    DUCKDB(void, table_function_add_parameter, (duckdb_table_function table_function, duckdb_logical_type type)) \
    DUCKDB(void, table_function_set_extra_info, (duckdb_table_function table_function, void *extra_info, duckdb_delete_callback_t destroy)) \
    DUCKDB(void, table_function_set_bind, (duckdb_table_function table_function, duckdb_table_function_bind_t bind)) \
    DUCKDB(void, table_function_set_init, (duckdb_table_function table_function, duckdb_table_function_init_t init)) \
    DUCKDB(void, table_function_set_function, (duckdb_table_function table_function, duckdb_table_function_t function)) \
    DUCKDB(duckdb_state, register_table_function, (duckdb_connection con, duckdb_table_function function)) \
    DUCKDB(void *, bind_get_extra_info, (duckdb_bind_info info)) \
    DUCKDB(duckdb_value, bind_get_parameter, (duckdb_bind_info info, idx_t index)) \
    DUCKDB(void, bind_add_result_column, (duckdb_bind_info info, const char *name, duckdb_logical_type type)) \
    DUCKDB(void, bind_set_bind_data, (duckdb_bind_info info, void *bind_data, duckdb_delete_callback_t destroy)) \
    DUCKDB(void, bind_set_error, (duckdb_bind_info info, const char *error)) \
    DUCKDB(void *, init_get_bind_data, (duckdb_init_info info)) \
    DUCKDB(void, init_set_init_data, (duckdb_init_info info, void *init_data, duckdb_delete_callback_t destroy)) \
    DUCKDB(void, init_set_max_threads, (duckdb_init_info info, idx_t max_threads)) \
    DUCKDB(void, init_set_error, (duckdb_init_info info, const char *error)) \
    DUCKDB(void *, function_get_init_data, (duckdb_function_info info)) \
    DUCKDB(void, function_set_error, (duckdb_function_info info, const char *error)) \
    DUCKDB(int64_t, get_int64, (duckdb_value val)) \
    DUCKDB(void, destroy_value, (duckdb_value *value))
/* clang-format on */

#define DUCKDB_MEMBER(result, name, parameters) result(*name) parameters;
struct duckdb {
    DUCKDB_FUNCTIONS(DUCKDB_MEMBER)
    void *library; /* dlopen's */
};
#undef DUCKDB_MEMBER

#endif

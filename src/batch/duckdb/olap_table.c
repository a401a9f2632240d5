/* Tables that are read from somewhere else: DuckDB's table functions. */
#include "batch/duckdb/olap_internal.h"

#include "core/memory.h"

/* Lives with the function. */
struct table_entry {
    const struct duckdb *api;
    const struct olap_table *table;
    void *context;
};

/* Of one query, before it runs. */
struct table_bind {
    const struct table_entry *entry;
    int64_t parameter;
};

/* Of one run. */
struct table_scan {
    const struct table_entry *entry;
    void *scan;
};

static const struct duckdb *table_api; /* set before any function is called; the library is the same for all */

static void table_bind(duckdb_bind_info info) {
    const struct table_entry *entry = table_api->bind_get_extra_info(info);
    struct table_bind *bind = memory_zero(1, sizeof *bind);
    if (!bind) {
        table_api->bind_set_error(info, "out of memory");
        return;
    }
    bind->entry = entry;
    if (entry->table->parameter) {
        duckdb_value value = table_api->bind_get_parameter(info, 0);
        bind->parameter = table_api->get_int64(value);
        table_api->destroy_value(&value);
    }
    for (size_t i = 0; i < entry->table->column_count; i++) {
        duckdb_logical_type type = table_api->create_logical_type(olap_type_made(entry->table->columns[i].type));
        table_api->bind_add_result_column(info, entry->table->columns[i].name, type);
        table_api->destroy_logical_type(&type);
    }
    table_api->bind_set_bind_data(info, bind, free);
}

static void table_scan_close(void *data) {
    struct table_scan *scan = data;
    if (scan->scan)
        scan->entry->table->close(scan->scan);
    free(scan);
}

static void table_init(duckdb_init_info info) {
    const struct table_bind *bind = table_api->init_get_bind_data(info);
    struct table_scan *scan = memory_zero(1, sizeof *scan);
    struct error error;
    if (!scan) {
        table_api->init_set_error(info, "out of memory");
        return;
    }
    scan->entry = bind->entry;
    if (bind->entry->table->open(bind->entry->context, bind->parameter, &scan->scan, &error))
        table_api->init_set_error(info, error.message);
    table_api->init_set_init_data(info, scan, table_scan_close);
    table_api->init_set_max_threads(info, 1);
}

static void table_read(duckdb_function_info info, duckdb_data_chunk output) {
    struct table_scan *scan = table_api->function_get_init_data(info);
    struct olap_rows rows = {table_api, output};
    struct error error;
    int count = scan->entry->table->read(scan->scan, &rows, &error);
    if (count < 0)
        table_api->function_set_error(info, error.message);
    table_api->data_chunk_set_size(output, count < 0 ? 0 : (idx_t)count);
}

int olap_register(struct olap_connection *connection, const struct olap_table *table, void *context,
                  struct error *error) {
    const struct duckdb *api = &connection->olap->api;
    struct table_entry *entry = memory_zero(1, sizeof *entry);
    if (!entry)
        return error_no_memory(error);
    *entry = (struct table_entry){api, table, context};
    table_api = api;
    duckdb_table_function function = api->create_table_function();
    api->table_function_set_name(function, table->name);
    if (table->parameter) {
        duckdb_logical_type type = api->create_logical_type(DUCKDB_BIGINT);
        api->table_function_add_parameter(function, type);
        api->destroy_logical_type(&type);
    }
    api->table_function_set_extra_info(function, entry, free);
    api->table_function_set_bind(function, table_bind);
    api->table_function_set_init(function, table_init);
    api->table_function_set_function(function, table_read);
    int status = api->register_table_function(connection->handle, function)
                     ? error_set(error, ERROR_INVALID, "DuckDB does not take the table function %s", table->name)
                     : 0;
    api->destroy_table_function(&function);
    return status;
}

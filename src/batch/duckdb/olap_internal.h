/* What the files of this folder share. */
#ifndef METERLINE_BATCH_DUCKDB_OLAP_INTERNAL_H
#define METERLINE_BATCH_DUCKDB_OLAP_INTERNAL_H

#include "batch/duckdb/duckdb_library.h"
#include "batch/duckdb/olap.h"

struct olap {
    struct duckdb api;
    struct olap_options options;
    duckdb_database database;
    char *folder; /* where it spills */
};

struct olap_connection {
    struct olap *olap;
    duckdb_connection handle;
};

struct olap_rows {
    const struct duckdb *api;
    duckdb_data_chunk chunk;
};

struct olap_result {
    struct olap_connection *connection;
    duckdb_prepared_statement prepared;
    duckdb_result result;
    duckdb_data_chunk chunk;
    bool shows; /* has rows to show */
};

/* The type of DuckDB for columns of ours. */
duckdb_type olap_type_made(enum olap_type type);
int olap_failed(struct error *error, int code, const char *message);

#endif

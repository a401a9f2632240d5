/* Loading DuckDB's library, libduckdb.so of version 1.5: linked, it would cost every start of the program 15 MB and
 * 10 ms. Looked for in this order; the first that is there counts:
 *
 *     the path that was named        --duckdb FILE, METERLINE_DUCKDB
 *     beside the program             DIR/libduckdb.so, DIR/../lib/meterline/libduckdb.so
 *     the cache of ./dev             $METERLINE_ENGINES_CACHE or ~/.cache/meterline-engines, duckdb-1.5.5/libduckdb.so
 *     where the system looks         libduckdb.so */
#ifndef METERLINE_BATCH_DUCKDB_DUCKDB_LIBRARY_H
#define METERLINE_BATCH_DUCKDB_DUCKDB_LIBRARY_H

#include "batch/duckdb/duckdb_api.h"
#include "core/error.h"

/* `path`: NULL, none was named. ERROR_NOT_FOUND says how to get it; ERROR_UNSUPPORTED: another version. */
int duckdb_load(const char *path, struct duckdb *ret_duckdb, struct error *error);
void duckdb_unload(struct duckdb *duckdb);

#endif

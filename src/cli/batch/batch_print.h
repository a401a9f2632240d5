/* Rows of a query on stdout. */
#ifndef METERLINE_CLI_BATCH_BATCH_PRINT_H
#define METERLINE_CLI_BATCH_BATCH_PRINT_H

#include "batch/duckdb/olap.h"
#include "cli/table.h"

/* Executes the statements and prints the rows of the last one, if it has any. */
int batch_print(struct olap_connection *connection, const char *sql, enum table_format format, struct error *error);

#endif

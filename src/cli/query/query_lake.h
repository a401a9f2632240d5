/* Windows of one size folded from lake and log, as rows of the store: older than what the store keeps, or all. */
#ifndef METERLINE_CLI_QUERY_QUERY_LAKE_H
#define METERLINE_CLI_QUERY_QUERY_LAKE_H

#include "cli/command.h"

struct query_lake;

struct query_lake_settings {
    const struct common_settings *common;
    const char *lake, *duckdb;
    const char *window; /* as the option has it; ERROR_UNSUPPORTED: one of a calendar */
    const struct store_query *query;
};

/* Is there a lake: named, or the folder `lake` in the data folder? */
bool query_lake_exists(const struct common_settings *common, const char *lake);
/* Folds the windows that start in [query->from, before). Those that the stream has not closed are left out. */
int query_lake_open(const struct query_lake_settings *settings, int64_t before, struct query_lake **ret_lake,
                    struct error *error);
struct query_lake *query_lake_close(struct query_lake *lake);
/* 1 with a row, 0 at the end, or an error: by key bytes, then window start, of each key from the newest when the query
 * says so. A key lives as long as the query_lake. */
int query_lake_next(struct query_lake *lake, struct aggregate_row *ret_row, struct error *error);

#endif

#include "cli/query/query_rows.h"

#include <string.h>

void query_rows_close(struct query_rows *rows) {
    query_lake_close(rows->lake);
    store_reader_close(rows->reader);
    store_close(rows->store);
    *rows = (struct query_rows){0};
}

static int rows_fill_older(struct query_rows *rows, struct error *error) {
    int got = rows->lake ? query_lake_next(rows->lake, &rows->older, error) : 0;
    rows->has_older = got == 1;
    return got < 0 ? got : 0;
}

static int rows_fill_newer(struct query_rows *rows, struct error *error) {
    int got = rows->reader ? store_reader_next(rows->reader, &rows->newer, error) : 0;
    rows->has_newer = got == 1;
    return got < 0 ? got : 0;
}

/* The start of the oldest window of the store that the query asks for; what the query ends at when it has none. */
static int rows_oldest(struct query_rows *rows, int64_t *ret_oldest, struct error *error) {
    struct store_reader *reader;
    struct aggregate_row row;
    *ret_oldest = rows->query.to;
    int status = store_reader_open(rows->store, &rows->query, &reader, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    while ((status = store_reader_next(reader, &row, error)) == 1)
        if (row.window_start < *ret_oldest)
            *ret_oldest = row.window_start;
    store_reader_close(reader);
    return status;
}

/* Without DuckDB's library the store answers alone, and it is said. */
static int rows_open_older(const struct query_lake_settings *settings, struct query_rows *rows, struct error *error) {
    struct log log = cli_log(settings->common);
    int64_t oldest;
    if (!query_lake_exists(settings->common, settings->lake) || rows->query.window.calendar[0])
        return 0;
    int status = rows_oldest(rows, &oldest, error);
    if (status || rows->query.from >= oldest)
        return status;
    status = query_lake_open(settings, oldest, &rows->lake, error);
    if (status != ERROR_NOT_FOUND)
        return status;
    log_write(&log, LOG_WARNING, "windows that are older than the store's are not shown: %s", error->message);
    return 0;
}

static int rows_open_store(struct query_rows *rows, struct error *error) {
    int status = store_reader_open(rows->store, &rows->query, &rows->reader, error);
    return status == ERROR_NOT_FOUND && rows->lake ? 0 : status;
}

int query_rows_open(const struct query_lake_settings *settings, enum query_source source, struct query_rows *rows,
                    struct error *error) {
    *rows = (struct query_rows){.query = *settings->query, .left = settings->query->limit};
    struct query_lake_settings own = *settings;
    rows->query.limit = -1;
    own.query = &rows->query;
    int status = source == QUERY_LAKE ? query_lake_open(&own, rows->query.to, &rows->lake, error)
                                      : cli_open_store(settings->common, false, &rows->store, error);
    if (!status && source == QUERY_AUTO)
        status = rows_open_older(&own, rows, error);
    if (!status && source != QUERY_LAKE)
        status = rows_open_store(rows, error);
    if (!status)
        status = rows_fill_older(rows, error);
    if (!status)
        status = rows_fill_newer(rows, error);
    if (status)
        query_rows_close(rows);
    return status;
}

/* Of one key all windows of the lake are older than those of the store. */
static bool rows_older_is_next(const struct query_rows *rows) {
    if (!rows->has_older || !rows->has_newer)
        return rows->has_older;
    int order = slice_compare(rows->older.key, rows->newer.key);
    return order ? order < 0 : !rows->query.descending;
}

int query_rows_next(struct query_rows *rows, struct aggregate_row *ret_row, struct error *error) {
    int status = rows->give_older ? rows_fill_older(rows, error) : rows->give_newer ? rows_fill_newer(rows, error) : 0;
    rows->give_older = rows->give_newer = false;
    if (status || rows->left == 0 || (!rows->has_older && !rows->has_newer))
        return status;
    rows->give_older = rows_older_is_next(rows);
    rows->give_newer = !rows->give_older;
    *ret_row = rows->give_older ? rows->older : rows->newer;
    rows->left -= rows->left > 0;
    return 1;
}

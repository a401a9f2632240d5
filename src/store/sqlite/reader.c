/* Rows of the series that match, in the order of the query: series are found first, then read one after the other by
 * their clustered key. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/memory.h"
#include "store/sqlite/sqlite_store.h"

struct reader_series {
    struct series series;
    struct slice key;
    int64_t id;
};

struct sqlite_reader {
    struct store_reader base;
    struct database *database;
    sqlite3_stmt *rows;
    struct arena names;
    struct reader_series *series;
    size_t count, capacity, at;
    bool bound; /* `rows` is on series[at] */
    int64_t left;
    struct store_query query;
};

static int reader_compare(const void *left, const void *right) {
    const struct reader_series *a = left, *b = right;
    int order = slice_compare(a->key, b->key);
    return order ? order
                 : (a->series.gateway.length > b->series.gateway.length) -
                       (a->series.gateway.length < b->series.gateway.length);
}

static int reader_add_series(struct sqlite_reader *reader, sqlite3_stmt *statement, struct error *error) {
    if (!memory_reserve((void **)&reader->series, &reader->capacity, reader->count + 1, sizeof *reader->series))
        return error_no_memory(error);
    struct series series = {database_column_slice(statement, 1), database_column_slice(statement, 2),
                            database_column_slice(statement, 3)};
    size_t length = series_key_length(&series);
    char *key = arena_allocate(&reader->names, length);
    if (!key)
        return error_no_memory(error);
    series_key_write(&series, key);
    size_t gateway = series.gateway.length, type = series.type.length;
    reader->series[reader->count++] = (struct reader_series){
        {{key, gateway}, {key + gateway + 1, type}, {key + gateway + type + 2, series.attribute.length}},
        {key, length},
        sqlite3_column_int64(statement, 0)};
    return 0;
}

static int reader_find_series(struct sqlite_reader *reader, struct error *error) {
    sqlite3_stmt *statement;
    int status =
        database_prepare(reader->database,
                         "SELECT id, gateway, type, attribute FROM store_series WHERE (?1 IS NULL OR gateway = ?1)"
                         " AND (?2 IS NULL OR type = ?2) AND (?3 IS NULL OR attribute = ?3)",
                         &statement, error);
    if (status)
        return status;
    const char *wanted[] = {reader->query.gateway, reader->query.type, reader->query.attribute};
    for (int i = 0; i < 3; i++)
        if (wanted[i])
            sqlite3_bind_text(statement, i + 1, wanted[i], -1, SQLITE_STATIC);
    while ((status = database_step(reader->database, statement, error)) == 1) {
        status = reader_add_series(reader, statement, error);
        if (status)
            break;
    }
    sqlite3_finalize(statement);
    if (!status && reader->count)
        qsort(reader->series, reader->count, sizeof *reader->series, reader_compare);
    return status;
}

static int reader_prepare(struct sqlite_reader *reader, struct error *error) {
    char sql[300], suffix[STORE_TABLE_SIZE], size[32];
    const struct store_window *window = &reader->query.window;
    store_window_write_table(suffix, window);
    snprintf(size, sizeof size, "start + %lld", (long long)window->size);
    snprintf(
        sql, sizeof sql,
        "SELECT start, count, minimum, maximum, sum, revision, %s FROM store_aggregates_%s WHERE series=? AND start "
        ">= ? AND start < ? ORDER BY start %s",
        window->calendar[0] ? "finish" : size, suffix, reader->query.descending ? "DESC" : "ASC");
    return database_prepare(reader->database, sql, &reader->rows, error);
}

int sqlite_reader_open(struct store *door, const struct store_query *query, struct store_reader **ret_reader,
                       struct error *error) {
    struct sqlite_store *store = (struct sqlite_store *)door;
    struct sqlite_reader *reader = memory_zero(1, sizeof *reader);
    if (!reader)
        return error_no_memory(error);
    reader->base.driver = &sqlite_store_driver;
    reader->query = *query;
    reader->left = query->limit;
    int status = sqlite_store_connect(store, &reader->database, error);
    if (!status)
        status = database_execute(reader->database, "BEGIN", error); /* one state of the store for the whole answer */
    if (!status)
        status = reader_find_series(reader, error);
    if (!status)
        status = reader_prepare(reader, error);
    if (status) {
        sqlite_reader_close(&reader->base);
        return status;
    }
    *ret_reader = &reader->base;
    return 0;
}

void sqlite_reader_close(struct store_reader *door) {
    struct sqlite_reader *reader = (struct sqlite_reader *)door;
    sqlite3_finalize(reader->rows);
    database_close(reader->database);
    arena_release(&reader->names);
    free(reader->series);
    free(reader);
}

static void reader_row(const struct sqlite_reader *reader, struct aggregate_row *ret_row) {
    const struct reader_series *series = &reader->series[reader->at];
    int64_t start = sqlite3_column_int64(reader->rows, 0);
    *ret_row = (struct aggregate_row){.series = series->series,
                                      .key = series->key,
                                      .window_start = start,
                                      .window_end = sqlite3_column_int64(reader->rows, 6),
                                      .count = (uint64_t)sqlite3_column_int64(reader->rows, 1),
                                      .minimum = sqlite3_column_double(reader->rows, 2),
                                      .maximum = sqlite3_column_double(reader->rows, 3),
                                      .sum = sqlite3_column_double(reader->rows, 4),
                                      .revision = sqlite3_column_int64(reader->rows, 5)};
    ret_row->average = ret_row->sum / (double)ret_row->count;
    if (ret_row->sum == DBL_MAX || ret_row->sum == -DBL_MAX) /* cut to what a double holds: between the extremes */
        ret_row->average = fmax(ret_row->minimum, fmin(ret_row->maximum, ret_row->average));
}

int sqlite_reader_next(struct store_reader *door, struct aggregate_row *ret_row, struct error *error) {
    struct sqlite_reader *reader = (struct sqlite_reader *)door;
    for (; reader->at < reader->count && reader->left != 0; reader->at++, reader->bound = false) {
        if (!reader->bound) {
            sqlite3_bind_int64(reader->rows, 1, reader->series[reader->at].id);
            sqlite3_bind_int64(reader->rows, 2, reader->query.from);
            sqlite3_bind_int64(reader->rows, 3, reader->query.to);
            reader->bound = true;
        }
        int status = database_step(reader->database, reader->rows, error);
        if (status < 0)
            return status;
        if (status == 1) {
            reader_row(reader, ret_row);
            reader->left -= reader->left > 0;
            return 1;
        }
    }
    return 0;
}

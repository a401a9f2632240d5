/* A DuckDB database in memory, which spills to a folder of its own: what batch jobs run in. The door of this folder:
 * what is outside knows no DuckDB.
 *
 * Times are TIMESTAMP_TZ, microseconds since the epoch; the session's time zone is UTC. Extensions are neither installed
 * nor loaded unasked. An error has DuckDB's words:
 * ERROR_INVALID when a statement cannot be executed, ERROR_IO when it fails while it is.
 *
 * Threads: an `olap` may be shared; a connection, its results and its appenders belong to one thread at a time. */
#ifndef METERLINE_BATCH_DUCKDB_OLAP_H
#define METERLINE_BATCH_DUCKDB_OLAP_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct olap;
struct olap_connection;

struct olap_options {
    const char *library;     /* the path of libduckdb.so; NULL: looked for (duckdb_library.h) */
    int64_t memory;          /* bytes that it may take */
    int64_t threads;         /* 0: as many as there are processors */
    const atomic_bool *stop; /* a query under way ends with ERROR_INTERRUPTED; NULL: never */
};

/* ERROR_NOT_FOUND: the library is not there; the message says how to get it. */
int olap_open(const struct olap_options *options, struct olap **ret_olap, struct error *error);
struct olap *olap_close(struct olap *olap);
int64_t olap_threads(const struct olap *olap);
int olap_connect(struct olap *olap, struct olap_connection **ret_connection, struct error *error);
struct olap_connection *olap_disconnect(struct olap_connection *connection);

/* --- queries --- */

enum olap_type {
    OLAP_INTEGER, /* BIGINT: int64_t */
    OLAP_DOUBLE,  /* DOUBLE: double */
    OLAP_TEXT,    /* VARCHAR: olap_text */
    OLAP_TIME,    /* TIMESTAMPTZ: int64_t, microseconds */
};

struct olap_result;

/* Executes the statements of `sql` one after the other; the rows of the last one come piece by piece. */
int olap_query(struct olap_connection *connection, const char *sql, struct olap_result **ret_result,
               struct error *error);
struct olap_result *olap_result_close(struct olap_result *result);
size_t olap_result_columns(const struct olap_result *result); /* 0: the last statement has no rows to show */
const char *olap_result_name(const struct olap_result *result, size_t column);
/* Goes to the next rows: how many there are, 0 at the end, or an error. */
int olap_result_next(struct olap_result *result, struct error *error);

/* Columns of the rows at hand, when their types are known to be those above. `valid` has a bit for each row that is
 * not null, the lowest first; NULL: none is null. */
const void *olap_result_data(struct olap_result *result, size_t column);
const uint64_t *olap_result_valid(struct olap_result *result, size_t column);
static inline bool olap_is_valid(const uint64_t *valid, size_t row) {
    return !valid || (valid[row / 64] >> row % 64 & 1);
}
/* The text at `row` of the data of a TEXT column. Lives until the next rows. */
struct slice olap_text(const void *data, size_t row);

/* A value of any type, one by one. */
enum olap_cell_kind {
    OLAP_NULL,
    OLAP_CELL_BOOLEAN,
    OLAP_CELL_INTEGER,
    OLAP_CELL_DOUBLE,
    OLAP_CELL_DIGITS,
    OLAP_CELL_TEXT,
    OLAP_CELL_TIME,
    OLAP_CELL_DATE
};
struct olap_cell {
    enum olap_cell_kind kind;
    int64_t integer; /* BOOLEAN 0 or 1; INTEGER; TIME in microseconds; DATE in days */
    double number;
    struct slice text; /* TEXT; DIGITS: an exact number, in `digits` */
    char digits[48];
};
/* ERROR_UNSUPPORTED names a column whose type has no such value (lists, structs, intervals, ..): it can be cast. */
int olap_result_check(struct olap_result *result, struct error *error);
void olap_result_cell(struct olap_result *result, size_t column, size_t row, struct olap_cell *ret_cell);

/* All statements of `sql`; rows are dropped. */
int olap_execute(struct olap_connection *connection, const char *sql, struct error *error);
int olap_execute_format(struct olap_connection *connection, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first column of the first row, an integer; `fallback` when there is none or it is null. */
int olap_query_integer(struct olap_connection *connection, const char *sql, int64_t fallback, int64_t *ret_value,
                       struct error *error);

/* Appends `text` as a literal, 'it''s'. */
void olap_quote(struct bytes *to, struct slice text);

/* --- rows of ours --- */

struct olap_column {
    const char *name;
    enum olap_type type; /* INTEGER, DOUBLE, TEXT, TIME */
};

/* Room for rows to be filled in, at most OLAP_ROWS. */
enum { OLAP_ROWS = 2048 };
struct olap_rows;
void *olap_rows_data(struct olap_rows *rows, size_t column); /* of the type of the column, but for TEXT */
void olap_rows_text(struct olap_rows *rows, size_t column, size_t row, struct slice text); /* copied */
void olap_rows_null(struct olap_rows *rows, size_t column, size_t row);

/* A table that is read from somewhere else: NAME(parameter). Each query opens a scan of its own; one thread reads it,
 * which may be another one than that of the query. */
struct olap_table {
    const char *name;
    bool parameter; /* NAME(n) with an integer; otherwise NAME() */
    const struct olap_column *columns;
    size_t column_count;
    int (*open)(void *context, int64_t parameter, void **ret_scan, struct error *error);
    /* Fills in up to OLAP_ROWS rows: how many, 0 at the end, or an error. */
    int (*read)(void *scan, struct olap_rows *rows, struct error *error);
    void (*close)(void *scan);
};
/* `table` and `context` outlive the olap. */
int olap_register(struct olap_connection *connection, const struct olap_table *table, void *context,
                  struct error *error);

/* Appends rows to a table of the database, in chunks. */
struct olap_appender;
int olap_appender_open(struct olap_connection *connection, const char *table, const struct olap_column *columns,
                       size_t column_count, struct olap_appender **ret_appender, struct error *error);
struct olap_rows *olap_appender_rows(struct olap_appender *appender);                        /* to be filled in */
int olap_appender_append(struct olap_appender *appender, size_t count, struct error *error); /* those filled in */
/* All is there when it returns 0; it is freed in any case. */
int olap_appender_finish(struct olap_appender *appender, struct error *error);
struct olap_appender *olap_appender_abandon(struct olap_appender *appender);

#endif

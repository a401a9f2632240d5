#include "cli/batch/batch_print.h"

#include <math.h>
#include <stdio.h>

#include "core/memory.h"
#include "model/time/time.h"

static void print_double(struct table *table, double number) {
    if (isfinite(number))
        table_double(table, number);
    else
        table_text(table, isnan(number) ? SLICE("NaN") : number > 0 ? SLICE("Infinity") : SLICE("-Infinity"));
}

/* With microseconds only when there are any; times that no ISO-8601 text of ours has, as a number. */
static void print_time(struct table *table, int64_t micros) {
    int64_t ms = micros / 1000;
    if (micros < 0 || ms > TIME_MAXIMUM)
        table_integer(table, micros);
    else
        table_time(table, ms);
}

static void print_date(struct table *table, int64_t days) {
    char text[11];
    if (days < 0 || days * 86400000 > TIME_MAXIMUM) {
        table_integer(table, days);
        return;
    }
    time_write_day(text, days * 86400000);
    table_text(table, (struct slice){text, 10});
}

static void print_cell(struct table *table, const struct olap_cell *cell) {
    switch (cell->kind) {
    case OLAP_NULL:
        table_text(table, (struct slice){0});
        return;
    case OLAP_CELL_BOOLEAN:
        table_json(table, cell->integer ? SLICE("true") : SLICE("false"));
        return;
    case OLAP_CELL_INTEGER:
        table_integer(table, cell->integer);
        return;
    case OLAP_CELL_DOUBLE:
        print_double(table, cell->number);
        return;
    case OLAP_CELL_DIGITS:
        table_json(table, cell->text);
        return;
    case OLAP_CELL_TEXT:
        table_text(table, cell->text);
        return;
    case OLAP_CELL_TIME:
        print_time(table, cell->integer);
        return;
    case OLAP_CELL_DATE:
        print_date(table, cell->integer);
        return;
    }
}

static int print_rows(struct olap_result *result, struct table *table, size_t columns, struct error *error) {
    struct olap_cell cell;
    int count;
    while ((count = olap_result_next(result, error)) > 0)
        for (size_t row = 0; row < (size_t)count; row++) {
            for (size_t c = 0; c < columns; c++) {
                olap_result_cell(result, c, row, &cell);
                print_cell(table, &cell);
            }
            table_row_end(table);
        }
    return count;
}

static int print_result(struct olap_result *result, enum table_format format, struct error *error) {
    size_t columns = olap_result_columns(result);
    const char **names = memory_zero(columns + 1, sizeof *names);
    struct table *table;
    if (!names)
        return error_no_memory(error);
    for (size_t i = 0; i < columns; i++)
        names[i] = olap_result_name(result, i);
    int status = olap_result_check(result, error);
    if (!status)
        status = table_begin(format, names, columns, &table, error);
    if (!status) {
        status = print_rows(result, table, columns, error);
        int end = table_end(table, status ? NULL : error);
        status = status ? status : end;
    }
    free(names);
    return status;
}

int batch_print(struct olap_connection *connection, const char *sql, enum table_format format, struct error *error) {
    struct olap_result *result;
    int status = olap_query(connection, sql, &result, error);
    if (status)
        return status;
    if (olap_result_columns(result)) {
        status = print_result(result, format, error);
    } else {
        while ((status = olap_result_next(result, error)) > 0)
            ;
    }
    olap_result_close(result);
    return status;
}

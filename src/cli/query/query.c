/* meterline query: aggregates from the store, latest values from the cache, gaps, and why a window has its numbers. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/query/query_latest.h"
#include "cli/query/query_names.h"
#include "cli/query/query_rows.h"
#include "cli/query/query_why.h"
#include "cli/table.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/options.h"
#include "model/time/time.h"
#include "model/time/time_text.h"

struct query_settings {
    struct common_settings common;
    const char *window, *gateway, *type, *attribute, *from, *to, *order, *format, *latest, *topic, *source, *lake,
        *duckdb;
    int64_t limit;
    bool chart, gaps, fill, why;
};

#define OPTION(member) .offset = offsetof(struct query_settings, member)

static const struct option query_options[] = {
    {"window", 'w', OPTION_STRING, "WINDOW", "3600",
     .help = "Size of the windows in seconds or with a unit (15m, 1h), or windows of a calendar: day@Europe/Athens.",
     OPTION(window)},
    {"gateway", 'g', OPTION_STRING, "ID", .help = "Only this gateway.", OPTION(gateway)},
    {"type", 't', OPTION_STRING, "TYPE", .help = "Only this metric type, such as ELECTRICITY.", OPTION(type)},
    {"attribute", 'a', OPTION_STRING, "NAME", .help = "Only this attribute, such as VOLTAGE.", OPTION(attribute)},
    {"from", 0, OPTION_STRING, "TIME",
     .help = "Windows that start at this time (ISO-8601, UTC; also 2007-06 or 2007) or later.", OPTION(from)},
    {"to", 0, OPTION_STRING, "TIME", .help = "Windows that start before this time.", OPTION(to)},
    {"limit", 'n', OPTION_INTEGER, "ROWS", "-1", .minimum = -1, .maximum = 9e18,
     .help = "At most so many rows; -1: all.", OPTION(limit)},
    {"order", 0, OPTION_CHOICE, "HOW", "asc", .choices = "asc|desc",
     .help = "Order of the window starts of each series.", OPTION(order)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {"latest", 'l', OPTION_CHOICE, "WHAT", .choices = "gateways|series",
     .help = "From the cache: the newest time of each gateway, or the latest value of each series (run "
             "--cache-values); --gateway names one, of series by its "
             "whole key.",
     OPTION(latest)},
    {"source", 0, OPTION_CHOICE, "WHERE", "auto", .choices = "auto|store|lake",
     .help = "auto: the store, and from the lake, if there is one, what is older than the store's oldest window; lake: "
             "all is folded again from lake and log, which needs DuckDB's library (docs/batch.md).",
     OPTION(source)},
    {"lake", 0, OPTION_STRING, "URL", .environment = "METERLINE_LAKE",
     .help = "The lake; without it the folder lake in the data folder, if it is there.", OPTION(lake)},
    {"duckdb", 0, OPTION_STRING, "FILE", .environment = "METERLINE_DUCKDB",
     .help = "DuckDB's library, as for `meterline batch`.", OPTION(duckdb)},
    {"chart", 0, OPTION_FLAG, .help = "Draw the averages as bars.", OPTION(chart)},
    {"gaps", 0, OPTION_FLAG, .help = "List where windows are missing, between the first and the last of each series.",
     OPTION(gaps)},
    {"fill", 0, OPTION_FLAG,
     .help = "Show missing windows too, between the first and the last of each series, as "
             "rows of 0 samples without values.",
     OPTION(fill)},
    {"why", 0, OPTION_FLAG,
     .help = "What the numbers of one window (--gateway, --type, --attribute, --from its start) come from: readings "
             "in the topic, late, rejected and equal ones, with their offsets, and the row in the store.",
     OPTION(why)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "With --why: the topic of the readings.", OPTION(topic)},
    {0},
};

static const struct command_line query_line = {
    .command = "query",
    .operands = "",
    .summary = "Aggregates from the store, in the order of series and window start; latest values.",
    .description =
        "Examples:\n"
        "  meterline query --window 3600 --gateway 0 --attribute VOLTAGE --from 2007-06-01 --to 2007-06-02\n"
        "  meterline query --window 1d --format csv >daily.csv\n"
        "  meterline query --window 1h --gateway 0 --gaps\n"
        "  meterline query --window 1h --gateway 0 --type ELECTRICITY --attribute VOLTAGE --from 2007-06-01T10:00 "
        "--why\n"
        "  meterline query --latest gateways --limit 10",
    .options = query_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_STORE | CLI_CACHE | CLI_TABLES,
};

/* Rows as they are printed, and where those of a series stand. A window is missing when the next row does not start
 * where the last one ended. */
struct query_printer {
    const struct query_settings *settings;
    struct table *table;
    struct window_bounds bounds;
    bool descending, started;
    struct slice key; /* of the last row; lives as long as the source */
    int64_t edge;     /* end of its window; its start when time goes back */
    int64_t *missing; /* starts of the windows that are missing before a row, rising */
    size_t missing_count, missing_capacity;
};

/* The windows that are missing before a row. */
static int query_missing(struct query_printer *printer, const struct aggregate_row *row, struct error *error) {
    printer->missing_count = 0;
    if (!printer->started || !slice_equal(printer->key, row->key))
        return 0;
    int64_t start = printer->descending ? row->window_end : printer->edge,
            end = printer->descending ? printer->edge : row->window_start;
    while (start < end) {
        if (!memory_reserve((void **)&printer->missing, &printer->missing_capacity, printer->missing_count + 1,
                            sizeof *printer->missing))
            return error_no_memory(error);
        printer->missing[printer->missing_count++] = start;
        start = window_bounds_end(&printer->bounds, start);
    }
    return 0;
}

static void query_names_of(struct table *table, const struct series *series) {
    table_text(table, series->gateway);
    table_text(table, series->type);
    table_text(table, series->attribute);
}

static void query_row(struct table *table, const struct aggregate_row *row) {
    query_names_of(table, &row->series);
    table_time(table, row->window_start);
    table_time(table, row->window_end);
    table_integer(table, (int64_t)row->count);
    table_double(table, row->minimum);
    table_double(table, row->maximum);
    table_double(table, row->sum);
    table_double(table, row->average);
    table_row_end(table);
}

static void query_row_missing(struct table *table, const struct aggregate_row *row, int64_t start, int64_t end) {
    query_names_of(table, &row->series);
    table_time(table, start);
    table_time(table, end);
    table_integer(table, 0);
    for (int i = 0; i < 4; i++)
        table_text(table, (struct slice){0});
    table_row_end(table);
}

/* The missing windows before a row, at most `left` (-1: any number), one by one (--fill) or as one gap. */
static int64_t query_before(struct query_printer *printer, const struct aggregate_row *row, int64_t left) {
    size_t missing = printer->missing_count;
    if (missing && printer->settings->gaps) {
        query_names_of(printer->table, &row->series);
        table_time(printer->table, printer->missing[0]);
        table_time(printer->table, window_bounds_end(&printer->bounds, printer->missing[missing - 1]));
        table_integer(printer->table, (int64_t)missing);
        table_row_end(printer->table);
        return 1;
    }
    int64_t shown = printer->settings->gaps ? 0 : left >= 0 && left < (int64_t)missing ? left : (int64_t)missing;
    for (int64_t i = 0; i < shown; i++) {
        int64_t start = printer->missing[printer->descending ? (int64_t)missing - 1 - i : i];
        query_row_missing(printer->table, row, start, window_bounds_end(&printer->bounds, start));
    }
    return shown;
}

static int query_print_rows(struct query_printer *printer, struct query_rows *source, int64_t *ret_rows,
                            struct error *error) {
    const struct query_settings *settings = printer->settings;
    int64_t limit = settings->limit;
    struct aggregate_row row;
    int status = 0;
    while ((limit < 0 || *ret_rows < limit) && (status = query_rows_next(source, &row, error)) == 1) {
        if (settings->gaps || settings->fill) {
            status = query_missing(printer, &row, error);
            if (status)
                return status;
            *ret_rows += query_before(printer, &row, limit < 0 ? -1 : limit - *ret_rows);
        }
        printer->started = true;
        printer->key = row.key;
        printer->edge = printer->descending ? row.window_start : row.window_end;
        if (settings->gaps || (limit >= 0 && *ret_rows >= limit))
            continue;
        query_row(printer->table, &row);
        ++*ret_rows;
    }
    return status == 1 ? 0 : status;
}

static int query_print(struct query_rows *source, const struct query_settings *settings,
                       const struct store_query *query, int64_t *ret_rows, struct error *error) {
    static const char *const columns[] = {"gateway",     "type", "attribute", "windowStart", "windowEnd",
                                          "sampleCount", "min",  "max",       "sum",         "average"},
                             *const gaps[] = {"gateway", "type", "attribute", "gapStart", "gapEnd", "windows"};
    struct query_printer printer = {.settings = settings, .descending = query->descending};
    int status = window_bounds_open(&printer.bounds, &query->window, error);
    if (!status)
        status = settings->gaps ? table_begin(table_format_of(settings->format), gaps, 6, &printer.table, error)
                                : table_begin(table_format_of(settings->format), columns, 10, &printer.table, error);
    if (!status)
        status = query_print_rows(&printer, source, ret_rows, error);
    int end = table_end(printer.table, status ? NULL : error);
    window_bounds_release(&printer.bounds);
    free(printer.missing);
    return status ? status : end;
}

struct chart_row {
    struct slice key;
    int64_t start;
    double average;
};

/* One series: a bar for each window, eighths of a character fine, scaled to the largest. */
static void chart_series(const struct chart_row *rows, size_t count) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    enum { WIDTH = 40 };
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(rows[i].average));
    printf("%.*s, averages\n", (int)rows[0].key.length, rows[0].key.data);
    for (size_t i = 0; i < count; i++) {
        char time[TIME_TEXT_SIZE];
        int length = (int)time_write(time, rows[i].start);
        int units = largest > 0 ? (int)lround(fabs(rows[i].average) / largest * WIDTH * 8) : 0;
        printf("  %.*s  ", length, time);
        for (int unit = 8; unit <= units; unit += 8)
            fputs("█", stdout);
        printf("%s %.6g\n", eighths[units % 8], rows[i].average);
    }
}

static int query_chart(struct query_rows *source, int64_t *ret_rows, struct error *error) {
    struct chart_row *rows = NULL;
    size_t count = 0, capacity = 0;
    struct aggregate_row row;
    int status;
    while ((status = query_rows_next(source, &row, error)) == 1) {
        if (count && !slice_equal(rows[0].key, row.key)) {
            chart_series(rows, count);
            count = 0;
        }
        if (!memory_reserve((void **)&rows, &capacity, count + 1, sizeof *rows)) {
            status = error_no_memory(error);
            break;
        }
        rows[count++] =
            (struct chart_row){row.key, row.window_start, row.average}; /* keys live as long as the source */
        ++*ret_rows;
    }
    if (!status && count)
        chart_series(rows, count);
    free(rows);
    return status;
}

static int query_advise(const struct query_settings *settings, const struct store_query *query, struct error *error) {
    struct store *store;
    if (settings->gaps) {
        fputs("meterline query: no window is missing\n", stderr);
        return 0;
    }
    int status = cli_open_store(&settings->common, false, &store, error);
    if (status)
        return status;
    status = query_names_advise(store, query, stderr, error);
    store_close(store);
    return status;
}

static int query_answer(const struct query_settings *settings, const struct store_query *asked, int64_t *ret_rows,
                        struct error *error) {
    struct store_query query = *asked;
    struct query_lake_settings lake = {&settings->common, settings->lake, settings->duckdb, settings->window, &query};
    enum query_source source = settings->source[0] == 'a'   ? QUERY_AUTO
                               : settings->source[0] == 's' ? QUERY_STORE
                                                            : QUERY_LAKE;
    struct query_rows rows;
    if (settings->gaps || settings->fill)
        query.limit = -1; /* of what is shown, not of what is read */
    int status = query_rows_open(&lake, source, &rows, error);
    if (status)
        return status;
    status =
        settings->chart ? query_chart(&rows, ret_rows, error) : query_print(&rows, settings, &query, ret_rows, error);
    query_rows_close(&rows);
    if (!status && !*ret_rows && !settings->common.quiet)
        status = query_advise(settings, &query, error);
    return status;
}

/* A time, a date, a month or a year. */
static bool query_read_time(const char *text, int64_t *ret_time) {
    int64_t days;
    if (time_read(slice_of(text), ret_time))
        return true;
    if (!time_text_read_date(slice_of(text), &days) || days < 0 || days > TIME_MAXIMUM / MILLISECONDS_OF_DAY)
        return false;
    *ret_time = days * MILLISECONDS_OF_DAY;
    return true;
}

/* 0, or the exit status after a message. */
static int query_read(const struct query_settings *settings, struct store_query *query) {
    static const char times[] = "is not an ISO-8601 time, such as 2007-06-01T12:00:00Z, 2007-06-01, 2007-06 or 2007";
    struct error error;
    if (store_window_read("window", slice_of(settings->window), &query->window, &error))
        return cli_usage("query", "--window: %s", error.message);
    if (settings->from && !query_read_time(settings->from, &query->from))
        return cli_usage("query", "--from: '%s' %s", settings->from, times);
    if (settings->to && !query_read_time(settings->to, &query->to))
        return cli_usage("query", "--to: '%s' %s", settings->to, times);
    if (settings->from && settings->to && query->from >= query->to)
        return cli_usage("query", "--from %s is not before --to %s", settings->from, settings->to);
    if (settings->chart + settings->gaps + settings->fill + settings->why + (settings->latest != NULL) > 1)
        return cli_usage("query", "--chart, --gaps, --fill, --why and --latest exclude each other");
    if (settings->why && !(settings->gateway && settings->type && settings->attribute && settings->from))
        return cli_usage("query", "--why wants one window: --gateway, --type, --attribute and --from, its start");
    return 0;
}

static int query_main(int argc, char **argv) {
    struct query_settings settings = {0};
    struct error error;
    size_t operands;
    int status = cli_parse(&query_line, argc, argv, &settings, NULL, &operands);
    if (status != CLI_CONTINUE)
        return status;
    struct store_query query = {.gateway = settings.gateway,
                                .type = settings.type,
                                .attribute = settings.attribute,
                                .from = INT64_MIN,
                                .to = INT64_MAX,
                                .limit = settings.limit,
                                .descending = settings.order[0] == 'd'};
    status = query_read(&settings, &query);
    if (status)
        return status;
    int64_t rows = 0;
    if (settings.latest)
        status = query_latest(&settings.common, settings.gateway, settings.latest[0] == 's', settings.limit,
                              settings.format, &rows, &error);
    else if (settings.why)
        status = query_why(&settings.common, &query, settings.topic, settings.format, &error);
    else
        status = query_answer(&settings, &query, &rows, &error);
    if (status)
        return cli_fail("query", &error);
    if (rows == 0 && settings.latest && !settings.common.quiet)
        fprintf(stderr, "meterline query: the cache has no such entry; 'meterline run --cache URL' fills it\n");
    return 0;
}

const struct command command_query = {&query_line, query_main};

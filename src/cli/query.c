/* meterline query: aggregates from the store, latest values from the cache. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/query_latest.h"
#include "cli/table.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"

struct query_settings {
    struct common_settings common;
    const char *window, *gateway, *type, *attribute, *from, *to, *order, *format, *latest;
    int64_t limit;
    bool chart;
};

#define OPTION(member) .offset = offsetof(struct query_settings, member)

static const struct option query_options[] = {
    {"window", 'w', OPTION_STRING, "WINDOW", "3600",
     .help = "Size of the windows in seconds or with a unit (15m, 1h), or windows of a calendar: day@Europe/Athens.",
     OPTION(window)},
    {"gateway", 'g', OPTION_STRING, "ID", .help = "Only this gateway.", OPTION(gateway)},
    {"type", 't', OPTION_STRING, "TYPE", .help = "Only this metric type, such as ELECTRICITY.", OPTION(type)},
    {"attribute", 'a', OPTION_STRING, "NAME", .help = "Only this attribute, such as VOLTAGE.", OPTION(attribute)},
    {"from", 0, OPTION_STRING, "TIME", .help = "Windows that start at this time (ISO-8601, UTC) or later.",
     OPTION(from)},
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
    {"chart", 0, OPTION_FLAG, .help = "Draw the averages as bars.", OPTION(chart)},
    {0},
};

static const struct command_line query_line = {
    .command = "query",
    .operands = "",
    .summary = "Aggregates from the store, in the order of series and window start; latest values.",
    .description = "Examples:\n"
                   "  meterline query --window 3600 --gateway 0 --attribute VOLTAGE --from 2007-06-01 --to 2007-06-02\n"
                   "  meterline query --window 86400 --format csv >daily.csv\n"
                   "  meterline query --latest gateways --limit 10",
    .options = query_options,
    .common = cli_common_options,
    .uses = CLI_STORE | CLI_CACHE,
};

static int query_print(struct store_reader *reader, const char *format, int64_t *ret_rows, struct error *error) {
    static const char *const columns[] = {"gateway",     "type", "attribute", "windowStart", "windowEnd",
                                          "sampleCount", "min",  "max",       "sum",         "average"};
    struct table *table;
    struct aggregate_row row;
    int status = table_begin(table_format_of(format), columns, 10, &table, error);
    if (status)
        return status;
    while ((status = store_reader_next(reader, &row, error)) == 1) {
        table_text(table, row.series.gateway);
        table_text(table, row.series.type);
        table_text(table, row.series.attribute);
        table_time(table, row.window_start);
        table_time(table, row.window_end);
        table_integer(table, (int64_t)row.count);
        table_double(table, row.minimum);
        table_double(table, row.maximum);
        table_double(table, row.sum);
        table_double(table, row.average);
        table_row_end(table);
        ++*ret_rows;
    }
    int end = table_end(table, status ? NULL : error);
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

static int query_chart(struct store_reader *reader, int64_t *ret_rows, struct error *error) {
    struct chart_row *rows = NULL;
    size_t count = 0, capacity = 0;
    struct aggregate_row row;
    int status;
    while ((status = store_reader_next(reader, &row, error)) == 1) {
        if (count && !slice_equal(rows[0].key, row.key)) {
            chart_series(rows, count);
            count = 0;
        }
        if (!memory_reserve((void **)&rows, &capacity, count + 1, sizeof *rows)) {
            status = error_no_memory(error);
            break;
        }
        rows[count++] =
            (struct chart_row){row.key, row.window_start, row.average}; /* keys live as long as the reader */
        ++*ret_rows;
    }
    if (!status && count)
        chart_series(rows, count);
    free(rows);
    return status;
}

static int query_answer(const struct query_settings *settings, const struct store_query *query, int64_t *ret_rows,
                        struct error *error) {
    struct store *store;
    struct store_reader *reader;
    int status = cli_open_store(&settings->common, false, &store, error);
    if (status)
        return status;
    status = store_reader_open(store, query, &reader, error);
    if (!status) {
        status = settings->chart ? query_chart(reader, ret_rows, error)
                                 : query_print(reader, settings->format, ret_rows, error);
        store_reader_close(reader);
    }
    store_close(store);
    return status;
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
    if (store_window_read("window", slice_of(settings.window), &query.window, &error))
        return cli_usage("query", "--window: %s", error.message);
    if (settings.from && !time_read(slice_of(settings.from), &query.from))
        return cli_usage("query", "--from: '%s' is not an ISO-8601 time, such as 2007-06-01 or 2007-06-01T12:00:00Z",
                         settings.from);
    if (settings.to && !time_read(slice_of(settings.to), &query.to))
        return cli_usage("query", "--to: '%s' is not an ISO-8601 time, such as 2007-06-01 or 2007-06-01T12:00:00Z",
                         settings.to);
    int64_t rows = 0;
    if (settings.latest)
        status = query_latest(&settings.common, settings.gateway, settings.latest[0] == 's', settings.limit,
                              settings.format, &rows, &error);
    else
        status = query_answer(&settings, &query, &rows, &error);
    if (status)
        return cli_fail("query", &error);
    if (rows == 0 && settings.latest && !settings.common.quiet)
        fprintf(stderr, "meterline query: the cache has no such entry; 'meterline run --cache URL' fills it\n");
    else if (rows == 0 && !settings.common.quiet)
        fprintf(stderr, "meterline query: no rows match; 'meterline query --window %s --limit 5' shows what is there\n",
                settings.window);
    return 0;
}

const struct command command_query = {&query_line, query_main};

/* meterline track: how long until so many records have come. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/table.h"

struct track_settings {
    struct common_settings common;
    const char *format;
    int64_t count, timeout;
    bool from_beginning;
};

#define OPTION(member) .offset = offsetof(struct track_settings, member)

static const struct option track_options[] = {
    {"count", 'n', OPTION_INTEGER, "N", "1", .minimum = 1, .maximum = 9e18, .help = "How many records to wait for.",
     OPTION(count)},
    {"from-beginning", 'b', OPTION_FLAG, .help = "Count what is there already, too.", OPTION(from_beginning)},
    {"timeout", 0, OPTION_DURATION, "TIME", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "Give up when nothing has come for so long.", OPTION(timeout)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line track_line = {
    .command = "track",
    .operands = "TOPIC",
    .summary = "Measure the time until a number of records have come to a topic.",
    .description = "Examples:\n"
                   "  meterline track metrics-aggregates-60 --count 1000\n"
                   "  meterline track metrics --count 100000 --from-beginning --timeout 10s",
    .options = track_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_TABLES,
    .operand_minimum = 1,
    .operand_maximum = 1,
};

struct track_times {
    int64_t start, first, last, records; /* ns, monotonic */
};

static int track_loop(struct bus *bus, const char *topic, const struct track_settings *settings,
                      struct track_times *times, struct error *error) {
    struct bus_consumer *consumer = NULL;
    struct bus_topic_info info;
    int status = bus_topic_describe(bus, topic, &info, error);
    if (status)
        return status;
    status = bus_consumer_open(bus, NULL, &consumer, error);
    for (int32_t p = 0; p < info.settings.partitions && !status; p++)
        status = bus_consumer_seek(
            consumer, topic, p,
            settings->from_beginning ? info.partitions[p].start_offset : info.partitions[p].end_offset, error);
    bus_topic_info_release(&info);
    times->start = times->last = clock_monotonic_ns(&clock_system);
    while (!status && times->records < settings->count && !atomic_load(&cli_stop)) {
        struct bus_batch records;
        int got = bus_consumer_poll(consumer, 50, &records, error);
        int64_t now = clock_monotonic_ns(&clock_system);
        if (got > 0 && records.count) {
            times->first = times->records ? times->first : now;
            times->records += (int64_t)records.count;
            times->last = now;
        } else if (got < 0) {
            status = got;
        } else if (settings->timeout && now - times->last > settings->timeout * 1000000) {
            status = error_set(error, ERROR_BUSY,
                               "only %" PRId64 " of %" PRId64 " records came to %s, then nothing for %" PRId64 " s",
                               times->records, settings->count, topic, settings->timeout / 1000);
        }
    }
    bus_consumer_close(consumer);
    return status;
}

/* A number with so many digits after the point: shorter ones would be 8.31e-7. */
static void track_number(struct table *table, double number, int digits) {
    char text[40];
    int length = snprintf(text, sizeof text, "%.*f", digits, number);
    table_json(table, (struct slice){text, (size_t)length});
}

static int track_print(const struct track_settings *settings, const struct track_times *times, struct error *error) {
    static const char *const columns[] = {"records", "secondsSinceStart", "secondsSinceFirst", "recordsPerSecond"};
    struct table *table;
    int status = table_begin(table_format_of(settings->format), columns, 4, &table, error);
    if (status)
        return status;
    double since_start = (double)(times->last - times->start) / 1e9,
           since_first = times->records ? (double)(times->last - times->first) / 1e9 : 0;
    table_integer(table, times->records);
    track_number(table, since_start, 6);
    track_number(table, since_first, 6);
    track_number(table, since_start > 0 ? (double)times->records / since_start : 0, 0);
    table_row_end(table);
    return table_end(table, error);
}

static int track_main(int argc, char **argv) {
    struct track_settings settings = {0};
    struct track_times times = {0};
    struct error error;
    const char *topic;
    size_t operands;
    int status = cli_parse(&track_line, argc, argv, &settings, &topic, &operands);
    if (status != CLI_CONTINUE)
        return status;
    cli_catch_signals();
    struct bus *bus;
    status = cli_open_bus(&settings.common, false, &bus, &error);
    if (!status) {
        status = track_loop(bus, topic, &settings, &times, &error);
        if (!status)
            status = track_print(&settings, &times, &error);
        bus_close(bus);
    }
    return status ? cli_fail("track", &error) : 0;
}

const struct command command_track = {&track_line, track_main};

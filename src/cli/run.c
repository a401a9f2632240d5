/* meterline run: the aggregate query over a topic, its results into topics and the store. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "stream/metrics.h"
#include "stream/runner.h"
#include "stream/sinks.h"

struct run_settings {
    struct common_settings common;
    const char *windows, *group, *topic, *metrics;
    const char *delivery, *lost_offsets;
    int64_t grace, max_ahead, idle_close, workers, sink_workers;
    bool until_end, final, reset, cache_values;
};

#define OPTION(member) .offset = offsetof(struct run_settings, member)

static const struct option run_options[] = {
    {"windows", 'w', OPTION_STRING, "SECONDS,...", "60,600,3600,86400", .help = "Sizes of the tumbling windows, folded in one pass.", OPTION(windows)},
    {"grace", 'g', OPTION_DURATION, "TIME", "5m", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "How long a window stays open for readings out of order, in event time.", OPTION(grace)},
    {"max-ahead", 0, OPTION_DURATION, "TIME", "1d", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "Readings further ahead of the wall clock at which the log took them are rejected: one wrong clock must not close everyone's windows.", OPTION(max_ahead)},
    {"until-end", 0, OPTION_FLAG, .help = "Stop at what is the end of the topic now.", OPTION(until_end)},
    {"final", 0, OPTION_FLAG, .help = "At the end close all windows, also those that are not over; readings that come for them later are late. Implies --until-end.", OPTION(final)},
    {"idle-close", 0, OPTION_DURATION, "TIME", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "When a partition has brought nothing for so long, its stream time goes on with the wall clock. Off by default.", OPTION(idle_close)},
    {"workers", 'j', OPTION_INTEGER, "N", "1", .environment = "METERLINE_WORKERS", .minimum = 1, .maximum = 1024,
     .help = "Threads, each with its share of the partitions.", OPTION(workers)},
    {"delivery", 0, OPTION_CHOICE, "HOW", "exactly-once", .choices = "exactly-once|at-least-once",
     .help = "Kafka: exactly-once commits results and positions in one transaction; at-least-once commits sooner, and may write results again after a crash.", OPTION(delivery)},
    {"on-lost-offsets", 0, OPTION_CHOICE, "HOW", "fail", .choices = "fail|earliest|latest",
     .help = "When the log no longer has what the positions need: fail, or go on with the oldest or the next record and mark results that lack readings as incomplete.",
     OPTION(lost_offsets)},
    {"sink-workers", 0, OPTION_INTEGER, "N", "1", .minimum = 1, .maximum = SINK_WORKERS_MAXIMUM,
     .help = "Threads for each topic that bring its records to a store or cache server.", OPTION(sink_workers)},
    {"cache-values", 0, OPTION_FLAG, .help = "Keep the latest value of each series in the cache, not only the latest time of each gateway.", OPTION(cache_values)},
    {"group", 0, OPTION_STRING, "NAME", "run", .help = "Whose positions to go on from.", OPTION(group)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "Topic of the readings; results go to NAME-aggregates-N, late ones to NAME-late, unreadable ones to NAME-rejected.", OPTION(topic)},
    {"reset", 0, OPTION_FLAG, .help = "Forget the group's positions and start from the beginning. What was written to topics before stays there.", OPTION(reset)},
    {"metrics", 0, OPTION_STRING, "FILE", .help = "Write the counters as Prometheus text at exit.", OPTION(metrics)},
    {0},
};

static const struct command_line run_line = {
    .command = "run",
    .operands = "",
    .summary = "Aggregate readings over windows of event time and keep the results.",
    .description = "Reads the topic from the group's position, folds every reading into one window of each size, and when a window has closed writes its\n"
                   "final result, once, to the topics and the store. Goes on until it is stopped (SIGINT, SIGTERM), which loses nothing.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline run --until-end --final\n"
                   "  meterline run --windows 900,86400 --grace 1h --workers 2",
    .options = run_options,
    .common = cli_common_options,
};

static void run_print_counters(const char *what, const struct task_counters *n, const struct window_settings *windows) {
    for (size_t i = 0; i < windows->size_count; i++)
        fprintf(stderr, "%s %" PRIu64 " = folded %" PRIu64 " + late %" PRIu64 " + rejected %" PRIu64 " + null %" PRIu64 " + filtered %" PRIu64 "  (%" PRId64 " s, %" PRIu64 " results)\n",
                what, n->read, n->folded[i], n->late[i], n->rejected, n->null, n->filtered, windows->sizes[i] / 1000, n->results[i]);
}

static int run_report_print(const struct run_settings *settings, const struct aggregate_query *query, const struct run_report *report, struct error *error) {
    if (!settings->common.quiet)
        run_print_counters("read", &report->run, &query->windows);
    if (!task_counters_balance(&report->run, query->windows.size_count))
        return error_set(error, ERROR_CORRUPT, "the counters do not add up: this is a defect of meterline, please report it with the lines above");
    return settings->metrics ? metrics_write(settings->metrics, query, report, error) : 0;
}

/* What a run works on; each may be NULL. */
struct run_servers {
    struct bus *bus;
    struct store *store;
    struct cache *cache;
};

static int run_work(const struct run_settings *settings, const struct aggregate_query *query, const struct run_servers *servers, const struct log *log, struct error *error) {
    bool remote = servers->store && store_is_remote(servers->store);
    struct sinks_settings sinks_settings = {.bus = servers->bus, .store = remote ? servers->store : NULL, .cache = servers->cache, .query = query, .clock = &clock_system, .log = log,
                                            .stop = &cli_stop, .workers = (size_t)settings->sink_workers, .cache_values = settings->cache_values};
    struct worker_settings workers = {.bus = servers->bus, .store = remote ? NULL : servers->store, .query = query, .clock = &clock_system, .log = log, .stop = &cli_stop,
                                      .until_end = settings->until_end || settings->final, .final = settings->final};
    struct run_report report;
    struct sinks sinks;
    int status = sinks_start(&sinks, &sinks_settings, error);
    if (status)
        return status;
    status = run_query(&workers, (size_t)settings->workers, &report, error);
    struct error sinks_error;
    int sinks_status = sinks_finish(&sinks, !status && !atomic_load(&cli_stop), status ? &sinks_error : error);
    if (report.recovered)
        log_write(log, LOG_DEBUG, "read %" PRId64 " records again to rebuild the open windows", report.recovered);
    cli_registry_counts(&report.registry);
    store_counts(servers->store, &report.store);
    status = status ? status : sinks_status;
    struct error report_error;
    int report_status = report.partitions && report.lags ? run_report_print(settings, query, &report, status ? &report_error : error) : 0;
    run_report_release(&report);
    return status ? status : report_status;
}

static int run_reset(const struct run_settings *settings, const struct aggregate_query *query, struct bus *bus, struct error *error) {
    char group[300];
    int status = settings->reset ? bus_group_reset(bus, query->group, error) : 0;
    for (size_t i = 0; settings->reset && i < query->windows.size_count && !status; i++) {
        snprintf(group, sizeof group, "%s.store-%lld", query->group, (long long)(query->windows.sizes[i] / 1000));
        status = bus_group_reset(bus, group, error);
    }
    snprintf(group, sizeof group, "%s.cache", query->group);
    return status || !settings->reset ? status : bus_group_reset(bus, group, error);
}

static int run_open_and_work(const struct run_settings *settings, const struct aggregate_query *query, struct error *error) {
    struct log log = cli_log(&settings->common);
    struct run_servers servers = {0};
    int status = cli_open_bus(&settings->common, true, &servers.bus, error);
    if (!status && !(settings->common.store && strcmp(settings->common.store, "none") == 0))
        status = cli_open_store(&settings->common, true, &servers.store, error);
    if (!status)
        status = cli_open_cache(&settings->common, false, true, &servers.cache, error);
    if (!status)
        status = run_reset(settings, query, servers.bus, error);
    log_write(&log, LOG_DEBUG, "group %s reads topic %s", query->group, query->topic);
    if (!status)
        status = run_work(settings, query, &servers, &log, error);
    cache_close(servers.cache);
    store_close(servers.store);
    bus_close(servers.bus);
    return status;
}

static int run_main(int argc, char **argv) {
    struct run_settings settings = {0};
    struct error error = {0};
    size_t operands;
    int status = cli_parse(&run_line, argc, argv, &settings, NULL, &operands);
    if (status != CLI_CONTINUE)
        return status;
    struct aggregate_query query = {.group = settings.group, .topic = settings.topic, .max_ahead = settings.max_ahead, .idle_close = settings.idle_close,
                                    .at_least_once = settings.delivery[0] == 'a',
                                    .lost_offsets = settings.lost_offsets[0] == 'f' ? LOST_OFFSETS_FAIL : settings.lost_offsets[0] == 'e' ? LOST_OFFSETS_EARLIEST : LOST_OFFSETS_LATEST};
    if (window_settings_read(settings.windows, settings.grace, &query.windows, &error))
        return cli_usage("run", "--windows %s: %s", settings.windows, error.message);
    cli_catch_signals();
    status = run_open_and_work(&settings, &query, &error);
    return status ? cli_fail("run", &error) : 0;
}

const struct command command_run = {&run_line, run_main};

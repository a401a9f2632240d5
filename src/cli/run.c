/* meterline run: the aggregate query over a topic, its results into topics and the store. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>
#include <stdnoreturn.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/run_pipeline.h"
#include "cli/text_file.h"
#include "core/memory.h"
#include "stream/runner.h"
#include "stream/runtime/metrics.h"

struct run_settings {
    struct common_settings common;
    const char *windows, *group, *topic, *metrics;
    const char *delivery, *lost_offsets;
    int64_t grace, max_ahead, idle_close, workers, sink_workers, drain_limit;
    bool until_end, final, reset, cache_values;
};

#define OPTION(member) .offset = offsetof(struct run_settings, member)

static const struct option run_options[] = {
    {"windows", 'w', OPTION_STRING, "SECONDS,...", "60,600,3600,86400",
     .help = "Sizes of the tumbling windows, folded in one pass.", OPTION(windows)},
    {"grace", 'g', OPTION_DURATION, "TIME", "5m", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "How long a window stays open for readings out of order, in event time.", OPTION(grace)},
    {"max-ahead", 0, OPTION_DURATION, "TIME", "1d", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "Readings further ahead of the wall clock at which the log took them are rejected: one wrong clock must "
             "not close everyone's windows.",
     OPTION(max_ahead)},
    {"until-end", 0, OPTION_FLAG, .help = "Stop at what is the end of the topic now.", OPTION(until_end)},
    {"final", 0, OPTION_FLAG,
     .help = "At the end close all windows, also those that are not over; readings that come for them later are late. "
             "Implies --until-end.",
     OPTION(final)},
    {"idle-close", 0, OPTION_DURATION, "TIME", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "When a partition has brought nothing for so long, its stream time goes on with the wall clock. Off by "
             "default.",
     OPTION(idle_close)},
    {"workers", 'j', OPTION_INTEGER, "N", "1", .environment = "METERLINE_WORKERS", .minimum = 1, .maximum = 1024,
     .help = "Threads, each with its share of the partitions.", OPTION(workers)},
    {"delivery", 0, OPTION_CHOICE, "HOW", "exactly-once", .choices = "exactly-once|at-least-once",
     .help = "Kafka: exactly-once commits results and positions in one transaction; at-least-once commits sooner, and "
             "may write results again after a crash.",
     OPTION(delivery)},
    {"on-lost-offsets", 0, OPTION_CHOICE, "HOW", "fail", .choices = "fail|earliest|latest",
     .help = "When the log no longer has what the positions need: fail, or go on with the oldest or the next record "
             "and mark results that lack readings as "
             "incomplete.",
     OPTION(lost_offsets)},
    {"sink-workers", 0, OPTION_INTEGER, "N", "1", .minimum = 1, .maximum = CONNECTOR_WORKERS_MAXIMUM,
     .help = "Threads for each topic that bring its records to a store or cache server.", OPTION(sink_workers)},
    {"drain-limit", 0, OPTION_DURATION, "TIME", "1m", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "With --until-end or --final: how long the end waits for a store, cache or webhook that takes nothing. "
             "What was not delivered by then is reported, and the next run goes on with it.",
     OPTION(drain_limit)},
    {"cache-values", 0, OPTION_FLAG,
     .help = "Keep the latest value of each series in the cache, not only the latest time of each gateway.",
     OPTION(cache_values)},
    {"group", 0, OPTION_STRING, "NAME", "run", .help = "Whose positions to go on from.", OPTION(group)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics",
     .help = "Topic of the readings; results go to NAME-aggregates-N, late ones to NAME-late, unreadable ones to "
             "NAME-rejected.",
     OPTION(topic)},
    {"reset", 0, OPTION_FLAG,
     .help =
         "Forget the group's positions and start from the beginning. What was written to topics before stays there.",
     OPTION(reset)},
    {"metrics", 0, OPTION_STRING, "FILE", .help = "Write the counters as Prometheus text at exit.", OPTION(metrics)},
    {0},
};

static const struct command_line run_line = {
    .command = "run",
    .operands = "[PIPELINE.sql]",
    .summary = "Run a pipeline: aggregate, filter, join and re-route readings, and keep the results.",
    .description = "Without a file, runs the default pipeline (share/pipelines/aggregates.sql): reads the topic from "
                   "the group's position, folds every reading into one "
                   "window of\n"
                   "each size, and when a window has closed writes its final result, once, to the topics and the "
                   "store. With a file, runs its statements (docs/sql.md) "
                   "with the\n"
                   "same guarantees. Queries that were made at the prompt of `meterline sql` run too, also those made "
                   "while this runs. Goes on until it is stopped "
                   "(SIGINT,\n"
                   "SIGTERM), which loses nothing. Statements of a file that have been run before are passed by, so "
                   "the same command goes on where it stopped.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline run --until-end --final\n"
                   "  meterline run share/pipelines/alarms.sql\n"
                   "  meterline run --windows 900,86400 --grace 1h --workers 2",
    .options = run_options,
    .common = cli_common_options,
    .operand_maximum = 1,
};

/* What a run works on. Store and cache may be NULL. */
struct run {
    const struct run_settings *settings;
    struct log log;
    struct bus *bus;
    struct bus_claim *claim; /* of the group, where only one process may have it */
    struct store *store;
    struct cache *cache;
    struct cache *connector_cache; /* of connectors when no cache was named: in the data folder */
    struct aggregate_query query;  /* of the aggregates of readings, when they are among the queries */
    struct run_pipeline pipeline;
    struct bytes metrics;
    pthread_t thread; /* of the aggregates */
    int status;       /* what they ended with */
    struct error error;
};

/* --- the aggregates of readings
 * ---------------------------------------------------------------------------------------------------- */

static void run_print_counters(const char *what, const struct task_counters *n, const struct window_settings *windows) {
    for (size_t i = 0; i < windows->size_count; i++)
        fprintf(stderr,
                "%s %" PRIu64 " = folded %" PRIu64 " + late %" PRIu64 " + rejected %" PRIu64 " + null %" PRIu64
                " + filtered %" PRIu64 "  (%" PRId64 " s, %" PRIu64 " results)\n",
                what, n->read, n->folded[i], n->late[i], n->rejected, n->null, n->filtered, windows->sizes[i] / 1000,
                n->results[i]);
}

static int run_report_aggregates(struct run *run, const struct run_report *report, struct error *error) {
    if (!run->settings->common.quiet)
        run_print_counters("read", &report->run, &run->query.windows);
    if (!task_counters_balance(&report->run, run->query.windows.size_count))
        return error_set(
            error, ERROR_CORRUPT,
            "the counters do not add up: this is a defect of meterline, please report it with the lines above");
    metrics_append(&run->metrics, &run->query, report);
    return 0;
}

static int run_aggregates(struct run *run, struct error *error) {
    const struct run_settings *settings = run->settings;
    bool remote = run->store && store_is_remote(run->store);
    struct worker_settings workers = {.bus = run->bus,
                                      .store = remote ? NULL : run->store,
                                      .query = &run->query,
                                      .clock = &clock_system,
                                      .log = &run->log,
                                      .stop = &cli_stop,
                                      .until_end = settings->until_end || settings->final,
                                      .final = settings->final};
    struct run_report report;
    int status = run_query(&workers, (size_t)settings->workers, &report, error);
    if (report.recovered)
        log_write(&run->log, LOG_DEBUG, "read %" PRId64 " records again to rebuild the open windows", report.recovered);
    cli_registry_counts(&report.registry);
    store_counts(run->store, &report.store);
    struct error report_error;
    int report_status =
        report.partitions && report.lags ? run_report_aggregates(run, &report, status ? &report_error : error) : 0;
    run_report_release(&report);
    return status ? status : report_status;
}

static void *run_aggregates_thread(void *context) {
    struct run *run = context;
    run->status = run_aggregates(run, &run->error);
    if (run->status)
        atomic_store(&cli_stop, true);
    return NULL;
}

/* The connectors that options ask for: a store that is a server, the cache of readings. */
static int run_option_connectors(struct run *run, struct error *error) {
    const struct run_settings *settings = run->settings;
    const struct window_settings *windows = &run->query.windows;
    char group[BUS_TOPIC_NAME_MAXIMUM + 64], topic[BUS_TOPIC_NAME_MAXIMUM + 64];
    struct connector_definition definition = {.name = "of --store",
                                              .type = "store",
                                              .topics = topic,
                                              .group = group,
                                              .required = true,
                                              .workers = (size_t)settings->sink_workers,
                                              .values = settings->cache_values,
                                              .max_ahead = run->query.max_ahead};
    int status = 0;
    for (size_t i = 0; run->store && store_is_remote(run->store) && i < windows->size_count && !status; i++) {
        long long seconds = (long long)(windows->sizes[i] / 1000);
        snprintf(group, sizeof group, "%s.store-%lld", run->query.group, seconds);
        snprintf(topic, sizeof topic, "%s-aggregates-%lld", run->query.topic, seconds);
        status = run_connectors_start(&run->pipeline.connectors, &definition, error);
    }
    if (status || !run->cache)
        return status;
    snprintf(group, sizeof group, "%s.cache", run->query.group);
    snprintf(topic, sizeof topic, "%s", run->query.topic);
    definition.name = "of --cache";
    definition.type = "readings";
    return run_connectors_start(&run->pipeline.connectors, &definition, error);
}

/* --- the other queries
 * ------------------------------------------------------------------------------------------------------------- */

static void run_print_rare(const char *name, const char *before, uint64_t count) {
    if (count)
        fprintf(stderr, "%s%s %" PRIu64, before, name, count);
}

static void run_print_queries(const struct run *run, const struct query_run_report *report) {
    for (size_t i = 0; i < report->row_count && !run->settings->common.quiet; i++) {
        const struct query_counters *n = &report->rows[i].run;
        fprintf(stderr,
                "%s: read %" PRIu64 " = folded %" PRIu64 " + late %" PRIu64 " + rejected %" PRIu64 " + null %" PRIu64
                " + filtered %" PRIu64,
                report->rows[i].id, n->read, n->folded, n->late, n->rejected, n->null, n->filtered);
        run_print_rare("failed", " + ", n->failed);
        run_print_rare("duplicates", " + ", n->duplicates);
        run_print_rare("made by the query", " - ", n->added);
        run_print_rare("errors", "; ", n->errors);
        if (report->rows[i].window_size)
            fprintf(stderr, "  (%g s, %" PRIu64 " results)\n", (double)report->rows[i].window_size / 1000,
                    report->rows[i].results);
        else
            fprintf(stderr, "; written %" PRIu64 "\n", n->emitted);
    }
}

static int run_report_queries(struct run *run, struct error *error) {
    struct query_run_report report = {0};
    int status = run->pipeline.runner ? query_runner_report(run->pipeline.runner, &report, error) : 0;
    if (!status && report.row_count) {
        run_print_queries(run, &report);
        query_metrics_append(&run->metrics, &report);
        status = query_run_report_check(&report, error);
    }
    query_run_report_release(&report);
    return status;
}

/* With --until-end the aggregates come first, as the other queries may read their topics; otherwise all run at once. */
static int run_all(struct run *run, struct error *error) {
    bool until_end = run->pipeline.settings.until_end,
         others = run->pipeline.plan_count || run->pipeline.connectors.wanted_count || !until_end;
    int status = run->pipeline.aggregates ? run_option_connectors(run, error) : 0;
    if (status)
        return status;
    if (run->pipeline.aggregates) {
        int failed = pthread_create(&run->thread, NULL, run_aggregates_thread, run);
        if (failed)
            return error_set_errno(error, failed, "cannot start a thread");
        if (until_end)
            pthread_join(run->thread, NULL);
    }
    bool goes_on =
        others && !(until_end &&
                    run->status); /* while the aggregates run, their status is theirs; they stop all when they fail */
    if (goes_on)
        status = run_pipeline_start(&run->pipeline, error);
    if (goes_on && !status)
        status = run_pipeline_follow(&run->pipeline, error);
    if (status)
        atomic_store(&cli_stop, true);
    if (run->pipeline.aggregates && !until_end)
        pthread_join(run->thread, NULL);
    struct error end_error;
    int end_status = run_connectors_end(&run->pipeline.connectors, until_end && !status && !run->status, &cli_asked,
                                        status ? &end_error : error);
    status = status ? status : end_status;
    if (run->status && !status) {
        *error = run->error;
        status = run->status;
    }
    struct error report_error;
    int report_status = run_report_queries(run, status ? &report_error : error);
    return status ? status : report_status;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static int run_reset(const struct run *run, struct error *error) {
    char group[300];
    int status = bus_group_reset(run->bus, run->query.group, error);
    for (size_t i = 0; i < run->query.windows.size_count && !status; i++) {
        snprintf(group, sizeof group, "%s.store-%lld", run->query.group,
                 (long long)(run->query.windows.sizes[i] / 1000));
        status = bus_group_reset(run->bus, group, error);
    }
    snprintf(group, sizeof group, "%s.cache", run->query.group);
    if (!status)
        status = bus_group_reset(run->bus, group, error);
    return status ? status : run_pipeline_reset(&run->pipeline, error);
}

/* The cache of connectors: the one that was named, or the data folder's, which is not opened before somebody wants
 * it. */
static int run_cache(void *context, struct cache **ret_cache, struct error *error) {
    struct run *run = context;
    int status = run->cache || run->connector_cache
                     ? 0
                     : cli_open_cache(&run->settings->common, true, true, &run->connector_cache, error);
    if (!status)
        *ret_cache = run->cache ? run->cache : run->connector_cache;
    return status;
}

/* Statements of the file, or those of the default pipeline with the windows that were asked for. */
static int run_plan(struct run *run, const char *path, struct error *error) {
    const struct run_settings *settings = run->settings;
    struct query_settings queries = {.bus = run->bus,
                                     .clock = &clock_system,
                                     .log = &run->log,
                                     .stop = &cli_stop,
                                     .group = settings->group,
                                     .workers = (size_t)settings->workers,
                                     .idle_close = settings->idle_close,
                                     .lost_offsets = run->query.lost_offsets,
                                     .until_end = settings->until_end || settings->final,
                                     .final = settings->final,
                                     .at_least_once = run->query.at_least_once,
                                     .free_scratch = evaluation_scratch_free};
    struct connector_settings targets = {.bus = run->bus,
                                         .store = run->store,
                                         .cache = run_cache,
                                         .context = run,
                                         .clock = &clock_system,
                                         .log = &run->log,
                                         .group = settings->group,
                                         .failed = &cli_stop};
    cleanup(bytes_release) struct bytes statements = {0};
    int status = 0;
    if (path)
        status = cli_read_text(path, &statements, error);
    else
        series_aggregates_write(&statements, run->query.topic, &run->query.windows);
    if (!status && statements.failed)
        status = error_no_memory(error);
    if (!status)
        status = run_pipeline_open(&run->pipeline, &queries, &targets, settings->drain_limit, bytes_slice(&statements),
                                   path != NULL, error);
    if (status)
        return path ? error_wrap(error, "%s", path) : status;
    if (run->pipeline.aggregates) {
        run->query.topic = run->pipeline.topic;
        run->query.windows = run->pipeline.windows;
    }
    return 0;
}

/* A thread of a connector still waits for its target, with all that it uses: nothing of it may be freed. What was
 * committed is safe. */
static noreturn void run_leave(int status, const struct error *error) {
    if (status)
        cli_fail("run", error);
    fflush(NULL);
    _exit(status != 0);
}

static int run_open_and_work(struct run *run, const char *path, struct error *error) {
    const struct common_settings *common = &run->settings->common;
    int status = cli_open_bus(common, true, &run->bus, error);
    if (!status)
        status = bus_group_claim(run->bus, run->settings->group, &run->claim, error);
    if (!status && !(common->store && strcmp(common->store, "none") == 0))
        status = cli_open_store(common, true, &run->store, error);
    if (!status)
        status = cli_open_cache(common, false, true, &run->cache, error);
    if (!status)
        status = run_plan(run, path, error);
    if (!status) {
        status = run->settings->reset ? run_reset(run, error) : 0;
        if (!status)
            status = run_all(run, error);
        if (run->pipeline.connectors.abandoned)
            run_leave(status, error);
        run_pipeline_close(&run->pipeline);
    }
    if (!status && run->settings->metrics)
        status = run->metrics.failed ? error_no_memory(error)
                                     : metrics_save(run->settings->metrics, bytes_slice(&run->metrics), error);
    bytes_release(&run->metrics);
    cache_close(run->cache);
    cache_close(run->connector_cache);
    store_close(run->store);
    bus_group_release(run->bus, run->claim);
    bus_close(run->bus);
    return status;
}

static int run_main(int argc, char **argv) {
    struct run_settings settings = {0};
    struct error error = {0};
    const char *path = NULL;
    size_t operands;
    int status = cli_parse(&run_line, argc, argv, &settings, &path, &operands);
    if (status != CLI_CONTINUE)
        return status;
    struct run run = {.settings = &settings, .log = cli_log(&settings.common)};
    run.query = (struct aggregate_query){.group = settings.group,
                                         .topic = settings.topic,
                                         .max_ahead = settings.max_ahead,
                                         .idle_close = settings.idle_close,
                                         .at_least_once = settings.delivery[0] == 'a',
                                         .lost_offsets = settings.lost_offsets[0] == 'f'   ? LOST_OFFSETS_FAIL
                                                         : settings.lost_offsets[0] == 'e' ? LOST_OFFSETS_EARLIEST
                                                                                           : LOST_OFFSETS_LATEST};
    if (window_settings_read(settings.windows, settings.grace, &run.query.windows, &error))
        return cli_usage("run", "--windows %s: %s", settings.windows, error.message);
    cli_catch_signals();
    status = run_open_and_work(&run, path, &error);
    return status ? cli_fail("run", &error) : 0;
}

const struct command command_run = {&run_line, run_main};

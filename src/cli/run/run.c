/* meterline run: queries of a pipeline, those of the command topic, connectors; until it is stopped or done. */
#include <stddef.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/run/default_pipeline.h"
#include "cli/run/run_lake.h"
#include "cli/run/run_pipeline.h"
#include "cli/run/run_report.h"
#include "cli/text_file.h"
#include "core/memory.h"

struct run_settings {
    struct common_settings common;
    const char *windows, *group, *topic, *metrics;
    const char *delivery, *lost_offsets, *lake;
    int64_t grace, max_ahead, idle_close, workers, sink_workers, drain_limit;
    int64_t lake_interval, lake_bytes, lake_memory, lake_keep;
    bool until_end, final, reset, yes, cache_values;
};

#define OPTION(member) .offset = offsetof(struct run_settings, member)

static const struct option run_options[] = {
    {"windows", 'w', OPTION_STRING, "TIME,...", "60,600,3600,86400",
     .help = "Sizes of the tumbling windows, in seconds or with a unit (15m, 1h), and windows of a calendar "
             "(day@Europe/Athens, month@UTC), folded in one pass. One that is added "
             "later begins with the oldest reading that there is.",
     OPTION(windows)},
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
    {"lake", 0, OPTION_STRING, "URL", .environment = "METERLINE_LAKE",
     .help =
         "Bring all readings to the table `readings` of a lake for the long term (docs/lake.md): a folder, or default, "
         "the folder lake in the data folder. With a PIPELINE.sql, where its connectors of type lake bring records.",
     OPTION(lake)},
    {"lake-commit", 0, OPTION_DURATION, "TIME", "5m", .minimum = 1, .maximum = 366 * 86400e3,
     .help = "How long readings may wait, by the wall clock, before they are committed to the lake.",
     OPTION(lake_interval)},
    {"lake-commit-size", 0, OPTION_BYTES, "BYTES", "128M",
     .help = "A commit to the lake is made sooner when its data files are so large.", OPTION(lake_bytes)},
    {"lake-memory", 0, OPTION_BYTES, "BYTES", "64M",
     .help = "What may wait in memory for the lake, over all months; beyond that the largest month is written.",
     OPTION(lake_memory)},
    {"lake-snapshots", 0, OPTION_DURATION, "TIME", "5d", .minimum = 0, .maximum = 36600 * 86400e3,
     .help = "Snapshots of the lake's tables that are older go with the next commit; 0: all stay.", OPTION(lake_keep)},
    {"group", 0, OPTION_STRING, "NAME", "run", .help = "Whose positions to go on from.", OPTION(group)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics",
     .help = "Topic of the readings; results go to NAME-aggregates-N, late ones to NAME-late, unreadable ones to "
             "NAME-rejected.",
     OPTION(topic)},
    {"reset", 0, OPTION_FLAG,
     .help = "Forget the group's positions, empty the topics that its queries have made for their results, and start "
             "from the beginning. Asks for --yes when there are results.",
     OPTION(reset)},
    {"yes", 'y', OPTION_FLAG,
     .help = "With --reset: empty topics of results. With --group: write results that another group writes too.",
     OPTION(yes)},
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
    struct default_pipeline aggregates; /* when no file was given: */
    const char *path;                   /* NULL */
    struct log log;
    struct bus *bus;
    struct bus_claim *claim; /* of the group, where only one process may have it */
    struct store *store;
    struct cache *cache;
    struct cache *connector_cache; /* of connectors when no cache was named: in the data folder */
    struct run_lakes lakes;
    struct run_pipeline pipeline;
    int status; /* of the first part that failed, with its error */
    struct error error;
};

/* The first error is the run's. */
static void run_note(struct run *run, int status, const struct error *error) {
    if (!status || run->status)
        return;
    run->status = status;
    run->error = *error;
}

/* --- planning
 * ------------------------------------------------------------------------------------------------------------------ */

/* The cache of connectors: the one that was named, or the data folder's, which is opened when one wants it. */
static int run_cache(void *context, struct cache **ret_cache, struct error *error) {
    struct run *run = context;
    int status = run->cache || run->connector_cache
                     ? 0
                     : cli_open_cache(&run->settings->common, true, true, &run->connector_cache, error);
    if (!status)
        *ret_cache = run->cache ? run->cache : run->connector_cache;
    return status;
}

static int run_lake(void *context, const char *url, struct lake **ret_lake, struct error *error) {
    struct run *run = context;
    return run_lakes_open(&run->lakes, url, ret_lake, error);
}

static int run_format(void *context, const char *topic, struct arena *arena, struct lake_sink_format *ret_format,
                      struct error *error) {
    const struct run *run = context;
    return run_lake_format(run->pipeline.sql.session, run->pipeline.own, topic, arena, ret_format, error);
}

static enum lost_offsets run_lost_offsets(const char *choice) {
    return choice[0] == 'f' ? LOST_OFFSETS_FAIL : choice[0] == 'e' ? LOST_OFFSETS_EARLIEST : LOST_OFFSETS_LATEST;
}

static int run_open_pipeline(struct run *run, struct slice statements, struct error *error) {
    const struct run_settings *settings = run->settings;
    struct query_settings queries = {.bus = run->bus,
                                     .clock = &clock_system,
                                     .log = &run->log,
                                     .stop = &cli_stop,
                                     .group = settings->group,
                                     .workers = (size_t)settings->workers,
                                     .idle_close = settings->idle_close,
                                     .lost_offsets = run_lost_offsets(settings->lost_offsets),
                                     .until_end = settings->until_end || settings->final,
                                     .final = settings->final,
                                     .at_least_once = settings->delivery[0] == 'a',
                                     .fail_alone = true,
                                     .free_scratch = evaluation_scratch_free};
    struct connector_settings targets = {.bus = run->bus,
                                         .store = run->store,
                                         .cache = run_cache,
                                         .lake = run_lake,
                                         .format = run_format,
                                         .context = run,
                                         .clock = &clock_system,
                                         .log = &run->log,
                                         .group = settings->group,
                                         .failed = &cli_stop};
    return run_pipeline_open(&run->pipeline, &queries, &targets, settings->drain_limit, statements, run->path != NULL,
                             error);
}

static int run_lake_connector(struct run *run, struct connector_definition definition, struct error *error) {
    char group[BUS_TOPIC_NAME_MAXIMUM + 64];
    snprintf(group, sizeof group, "%s.lake", run->settings->group);
    definition.name = "of --lake";
    definition.type = "lake";
    definition.group = group;
    definition.readings = definition.topics;
    definition.workers = 1;
    return run_connectors_add(&run->pipeline.connectors, &definition, error);
}

/* The connectors that options ask for beside the default pipeline: its topics to the store, readings to the cache. */
static int run_option_connectors(struct run *run, struct error *error) {
    const struct run_settings *settings = run->settings;
    char group[BUS_TOPIC_NAME_MAXIMUM + 64], topic[BUS_TOPIC_NAME_MAXIMUM + 64];
    struct connector_definition definition = {.name = "of --store",
                                              .type = "store",
                                              .topics = topic,
                                              .group = group,
                                              .required = true,
                                              .workers = (size_t)settings->sink_workers,
                                              .values = settings->cache_values,
                                              .commit_interval = settings->lake_interval,
                                              .commit_bytes = settings->lake_bytes,
                                              .memory = settings->lake_memory,
                                              .keep_snapshots = settings->lake_keep,
                                              .max_ahead = settings->max_ahead};
    int status = 0;
    for (size_t i = 0; run->store && i < run->aggregates.window_count && !status; i++) {
        char part[STORE_WINDOW_TOPIC_SIZE];
        store_window_write_topic(part, &run->aggregates.windows[i]);
        snprintf(group, sizeof group, "%s.store-%s", settings->group, part);
        default_pipeline_topic(&run->aggregates, &run->aggregates.windows[i], topic, sizeof topic);
        status = run_connectors_add(&run->pipeline.connectors, &definition, error);
    }
    snprintf(topic, sizeof topic, "%s", settings->topic);
    if (!status && settings->lake)
        status = run_lake_connector(run, definition, error);
    if (status || !run->cache)
        return status;
    snprintf(group, sizeof group, "%s.cache", settings->group);
    definition.name = "of --cache";
    definition.type = "readings";
    return run_connectors_add(&run->pipeline.connectors, &definition, error);
}

/* Statements of the file, or those of the default pipeline with the numbers that were asked for. */
static int run_plan(struct run *run, struct error *error) {
    cleanup(bytes_release) struct bytes statements = {0};
    int status = 0;
    if (run->path)
        status = cli_read_text(run->path, &statements, error);
    else
        default_pipeline_write(&run->aggregates, &statements);
    if (status)
        return status;
    if (statements.failed)
        status = error_no_memory(error);
    if (!status)
        status = run_open_pipeline(run, bytes_slice(&statements), error);
    if (status)
        return run->path ? error_wrap(error, "%s", run->path) : status;
    status = run->path ? 0 : run_option_connectors(run, error);
    if (status)
        run_pipeline_close(&run->pipeline);
    return status;
}

/* --- working
 * ------------------------------------------------------------------------------------------------------------------ */

/* Positions of the queries, and of the connectors that options ask for. */
static int run_reset(const struct run *run, struct error *error) {
    int status = run_pipeline_reset(&run->pipeline, error);
    return status ? status : run_connectors_reset(&run->pipeline.connectors, error);
}

/* A live run is silent for long: what runs, and how it is stopped. */
static void run_say_start(const struct run *run, size_t count) {
    const struct common_settings *common = &run->settings->common;
    if (common->quiet || run->pipeline.settings.until_end)
        return;
    fprintf(stderr,
            "meterline " METERLINE_VERSION ": group %s runs %zu quer%s on %s; Ctrl-C stops it, and nothing is lost\n",
            run->settings->group, count, count == 1 ? "y" : "ies", common->bus ? common->bus : common->data);
}

static void run_work(struct run *run) {
    struct error error;
    int status = run->settings->reset ? run_reset(run, &error) : 0;
    size_t count = run->pipeline.plan_count;
    if (!status)
        status = run_pipeline_start(&run->pipeline, &error);
    if (!status)
        run_say_start(run, count - run->pipeline.failed_count);
    if (!status)
        status = run_pipeline_follow(&run->pipeline, &error);
    run_note(run, status, &error);
    if (status)
        atomic_store(&cli_stop, true);
    bool drain = run->pipeline.settings.until_end && !status;
    run_note(run, run_connectors_end(&run->pipeline.connectors, drain, &cli_asked, &error), &error);
    struct run_report report = {.pipeline = &run->pipeline,
                                .bus = run->bus,
                                .store = run->store,
                                .log = &run->log,
                                .quiet = run->settings->common.quiet,
                                .metrics = run->settings->metrics};
    run_note(run, run_report_write(&report, &error), &error);
}

/* A thread of a connector still waits for its target, with all that it uses: nothing of it may be freed. What was
 * committed is safe. */
static noreturn void run_leave(const struct run *run) {
    if (run->status)
        cli_fail("run", &run->error);
    fflush(NULL);
    _exit(run->status != 0);
}

static void run_open_and_work(struct run *run) {
    const struct common_settings *common = &run->settings->common;
    struct error error;
    int status = cli_open_bus(common, true, &run->bus, &error);
    if (!status)
        status = bus_group_claim(run->bus, run->settings->group, &run->claim, &error);
    if (!status && !(common->store && strcmp(common->store, "none") == 0))
        status = cli_open_store(common, true, &run->store, &error);
    if (!status)
        status = cli_open_cache(common, false, true, &run->cache, &error);
    if (!status)
        status = run_plan(run, &error);
    run_note(run, status, &error);
    if (!status) {
        run->pipeline.yes = run->settings->yes;
        run_work(run);
        if (run->pipeline.connectors.abandoned)
            run_leave(run);
        run_pipeline_close(&run->pipeline);
    }
    run_lakes_close(&run->lakes);
    cache_close(run->cache);
    cache_close(run->connector_cache);
    store_close(run->store);
    bus_group_release(run->bus, run->claim);
    bus_close(run->bus);
}

static int run_main(int argc, char **argv) {
    struct run_settings settings = {0};
    struct error error;
    struct run run = {.settings = &settings};
    size_t operands;
    int status = cli_parse(&run_line, argc, argv, &settings, &run.path, &operands);
    if (status != CLI_CONTINUE)
        return status;
    run.log = cli_log(&settings.common);
    run.lakes = (struct run_lakes){.common = &settings.common, .url = settings.lake, .log = &run.log};
    run.aggregates =
        (struct default_pipeline){.topic = settings.topic, .grace = settings.grace, .max_ahead = settings.max_ahead};
    if (default_pipeline_read_windows(settings.windows, &run.aggregates, &error))
        return cli_usage("run", "--windows %s: %s", settings.windows, error.message);
    if (!settings.group[0])
        return cli_usage("run", "--group has no name");
    cli_catch_signals();
    run_open_and_work(&run);
    return run.status ? cli_fail("run", &run.error) : 0;
}

const struct command command_run = {&run_line, run_main};

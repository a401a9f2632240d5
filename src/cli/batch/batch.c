/* meterline batch: recompute, restate, reconcile; jobs and a prompt of analytical SQL. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch/batch_sql.h"
#include "cli/batch/batch_windows.h"

#define OPTION(member) .offset = offsetof(struct batch_settings, member)

static const struct option batch_options[] = {
    {"lake", 0, OPTION_STRING, "URL", .environment = "METERLINE_LAKE",
     .help =
         "The lake: a folder, s3://BUCKET/PREFIX or iceberg+rest://HOST/WAREHOUSE; without it the folder lake in the "
         "data folder, if it is there. What the lake does not have yet comes from the log.",
     OPTION(lake)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "Topic of the readings.", OPTION(topic)},
    {"group", 0, OPTION_STRING, "NAME", "run", .help = "The group of `meterline run` whose results are in the store.",
     OPTION(group)},
    {"windows", 'w', OPTION_STRING, "TIME,...",
     .help = "recompute, restate, reconcile: sizes of the windows; without it all sizes that the store has.",
     OPTION(windows)},
    {"from", 0, OPTION_STRING, "TIME", .help = "Windows that start at this time (ISO-8601, UTC) or later.",
     OPTION(from)},
    {"to", 0, OPTION_STRING, "TIME", .help = "Windows that start before this time.", OPTION(to)},
    {"gateway", 'g', OPTION_STRING, "ID", .help = "recompute, restate, reconcile: only this gateway.", OPTION(gateway)},
    {"type", 't', OPTION_STRING, "TYPE", .help = "Only this metric type.", OPTION(type)},
    {"attribute", 'a', OPTION_STRING, "NAME", .help = "Only this attribute.", OPTION(attribute)},
    {"grace", 0, OPTION_DURATION, "TIME", "5m", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "As of `meterline run`: what it has not closed is not missing yet.", OPTION(grace)},
    {"max-ahead", 0, OPTION_DURATION, "TIME", "1d", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "As of `meterline run`: readings further ahead of the log's clock do not count.", OPTION(max_ahead)},
    {"dry-run", 0, OPTION_FLAG, .help = "recompute, restate: count what would be corrected, write nothing.",
     OPTION(dry_run)},
    {"tolerate", 0, OPTION_FLAG,
     .help =
         "Sums may differ by rounding: for results that went through a repartition, where the order of folding is not "
         "that of the log, or of a store that keeps no sums.",
     OPTION(tolerate)},
    {"execute", 'e', OPTION_STRING, "STATEMENTS", .help = "sql: run these and end.", OPTION(execute)},
    {"set", 's', OPTION_LIST, "NAME=VALUE", .help = "run: a parameter of the job; repeatable.", OPTION(parameters)},
    {"into", 0, OPTION_CHOICE, "WHERE", "table", .choices = "table|csv|parquet",
     .help = "run: where the rows go: table prints them (--format); csv and parquet write --output.", OPTION(into)},
    {"output", 'o', OPTION_STRING, "FILE", .help = "run: the file for --into csv or parquet.", OPTION(output)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json|html",
     .help = "Of rows: without it a table on a terminal, otherwise CSV. Of reconcile's report: table, json or html.",
     OPTION(format)},
    {"memory", 0, OPTION_BYTES, "BYTES", "1G",
     .help = "What the analytical engine may take; more goes to files in TMPDIR.", OPTION(memory)},
    {"threads", 'j', OPTION_INTEGER, "N", "0", .minimum = 0, .maximum = 256,
     .help = "Threads of the analytical engine; 0: as many as there are processors.", OPTION(threads)},
    {"duckdb", 0, OPTION_STRING, "FILE", .environment = "METERLINE_DUCKDB",
     .help = "DuckDB's library, libduckdb.so of version 1.5; without it the program looks beside itself, and where "
             "`./dev duckdb` puts it.",
     OPTION(duckdb)},
    {0},
};

static const struct command_line batch_line = {
    .command = "batch",
    .operands = "recompute | restate | reconcile | run JOB.sql | sql",
    .summary = "Recompute, correct and reconcile windows; analytical SQL over lake, log and store.",
    .description =
        "recompute  folds all windows again from the readings of lake and log, as the stream does, to the last bit. "
        "What "
        "differs goes to the store\n"
        "           with the next revision, and to TOPIC-corrections.\n"
        "restate    the same for the windows for which readings came late.\n"
        "reconcile  compares batch with the store, window by window, and says why they differ; exit status 1 when "
        "windows are missing or not\n"
        "           explained.\n"
        "run        runs a job, a SQL file with parameters; share/jobs has some.\n"
        "sql        a prompt; views are readings, latest, alarms and aggregates_N.\n"
        "\n"
        "Needs DuckDB's library. docs/batch.md explains all of it.\n"
        "\n"
        "Examples:\n"
        "  meterline batch restate\n"
        "  meterline batch reconcile --from 2007-01-01 --to 2007-02-01 --format html >january.html\n"
        "  meterline batch run share/jobs/top-consumers.sql --set from=2007-01-01\n"
        "  meterline batch sql -e \"SELECT attribute, count(*) FROM readings GROUP BY attribute\"",
    .options = batch_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_STORE | CLI_COMMITS,
    .operand_minimum = 1,
    .operand_maximum = 2,
};

struct batch_action {
    const char *name;
    int (*run)(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error);
    bool operand;
};

static const struct batch_action batch_actions[] = {
    {"recompute", batch_recompute, false}, {"restate", batch_restate, false}, {"reconcile", batch_reconcile, false},
    {"run", batch_run_job, true},          {"sql", batch_sql, false},
};

enum { ACTIONS = sizeof batch_actions / sizeof *batch_actions };

static const struct batch_action *batch_find(const char *name) {
    for (size_t i = 0; i < ACTIONS; i++)
        if (strcmp(batch_actions[i].name, name) == 0)
            return &batch_actions[i];
    return NULL;
}

static int batch_main(int argc, char **argv) {
    struct batch_settings settings = {0};
    struct error error;
    const char *operands[2] = {NULL, NULL};
    size_t count;
    int status = cli_parse(&batch_line, argc, argv, &settings, operands, &count);
    if (status == CLI_CONTINUE) {
        const struct batch_action *action = batch_find(operands[0]);
        int exit_status = 0;
        cli_catch_signals();
        if (!action)
            status = cli_usage("batch", "'%.40s' is none of recompute, restate, reconcile, run, sql", operands[0]);
        else if (action->operand != (count == 2))
            status = cli_usage("batch", action->operand ? "%s needs a file" : "%s takes no file", action->name);
        else
            status =
                action->run(&settings, operands[1], &exit_status, &error) ? cli_fail("batch", &error) : exit_status;
    }
    free(settings.parameters.items);
    return status;
}

const struct command command_batch = {&batch_line, batch_main};

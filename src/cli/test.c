/* meterline test: does a pipeline make of its inputs what is expected? */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text_file.h"
#include "core/memory.h"
#include "sql/record/pipeline_test.h"

struct test_settings {
    struct common_settings common;
    const char *statements, *input, *output;
};

#define OPTION(member) .offset = offsetof(struct test_settings, member)

static const struct option test_options[] = {
    {"sql-file", 's', OPTION_STRING, "FILE", .help = "The statements. Required.", OPTION(statements)},
    {"input-file", 'i', OPTION_STRING, "FILE",
     .help = "Records that go in: {\"inputs\": [{\"topic\", \"key\", \"value\", \"timestamp\", \"window\"}, ..]}.",
     OPTION(input)},
    {"output-file", 'o', OPTION_STRING, "FILE",
     .help = "Records that must come out: {\"outputs\": [..]}. Only topics named there are compared: count and order "
             "exactly. Required.",
     OPTION(output)},
    {0},
};

static const struct command_line test_line = {
    .command = "test",
    .operands = "",
    .summary = "Test the SQL statements of a pipeline.",
    .description = "Runs the statements in memory, sends the inputs through in the order of the file, first record by "
                   "record, then batch by batch, then with a restart\n"
                   "after each record, and compares what comes out. Nothing is stored, no server is needed. Exit "
                   "status 0 and \">>> Test passed!\", or 1 "
                   "and what differs.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline test -s share/pipelines/alarms.sql -i share/pipelines/tests/alarms/input.json -o "
                   "share/pipelines/tests/alarms/output.json",
    .options = test_options,
    .common = cli_common_options,
};

static int test_main(int argc, char **argv) {
    struct test_settings settings = {0};
    struct error error = {0};
    const struct log log = {.level = LOG_WARNING};
    size_t operands;
    int status = cli_parse(&test_line, argc, argv, &settings, NULL, &operands);
    if (status != CLI_CONTINUE)
        return status;
    if (!settings.statements || !settings.output)
        return cli_usage("test", "expected -s FILE with the statements and -o FILE with what must come out");
    cleanup(bytes_release) struct bytes statements = {0};
    cleanup(bytes_release) struct bytes input = {0};
    cleanup(bytes_release) struct bytes output = {0};
    status = cli_read_text(settings.statements, &statements, &error);
    if (!status && settings.input)
        status = cli_read_text(settings.input, &input, &error);
    if (!status)
        status = cli_read_text(settings.output, &output, &error);
    if (!status) {
        struct pipeline_test test = {.statements = bytes_slice(&statements),
                                     .input = settings.input ? bytes_slice(&input) : (struct slice){0},
                                     .output = bytes_slice(&output),
                                     .clock = &clock_system,
                                     .log = settings.common.verbose ? &log : NULL};
        status = pipeline_test_run(&test, &error);
    }
    if (status) {
        printf(">>>>> Test failed: %s\n", error.message);
        fprintf(stderr, "meterline test: %s\n", error.message);
        return 1;
    }
    printf(">>> Test passed!\n");
    return 0;
}

const struct command command_test = {&test_line, test_main};

/* meterline replay: publish a dataset, or synthetic readings, to a topic. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "core/bytes.h"
#include "core/number.h"
#include "model/time/time.h"
#include "replay/replay.h"

struct replay_command {
    struct common_settings common;
    const char *type, *first, *last, *topic, *start;
    double rate, disordered, late, bad;
    int64_t day_offset, count, series, interval, duration, seed;
    bool resume, again, strict, json;
};

#define OPTION(member) .offset = offsetof(struct replay_command, member)

static const struct option replay_options[] = {
    {"type", 't', OPTION_CHOICE, "TYPE", .choices = "electricity|water|gas|readings|dsmr|synthetic",
     .help = "What is replayed: the EDF household file, AMPds2 water or gas meter files, readings as CSV or JSON "
             "lines, telegrams of a smart meter's P1 port (dsmr), or made-up ones. Required.",
     OPTION(type)},
    {"rate", 'r', OPTION_NUMBER, "RATE", "0", .minimum = 0, .maximum = 1e9,
     .help = "Readings a second, evenly spaced; 0: as fast as possible.", OPTION(rate)},
    {"day-offset", 'd', OPTION_INTEGER, "DAYS", "0", .minimum = 0, .maximum = 1e6,
     .help = "Start 1440 x DAYS rows into the file.", OPTION(day_offset)},
    {"first", 's', OPTION_STRING, "HOUSEHOLD", .help = "First household that the file is replayed for. By default 0.",
     OPTION(first)},
    {"last", 'e', OPTION_STRING, "HOUSEHOLD",
     .help = "Last household; its values are those of the file + 0.001 x its number. By default the first.",
     OPTION(last)},
    {"count", 'c', OPTION_INTEGER, "COUNT", "0", .minimum = 0, .maximum = 9e15,
     .help = "Stop after exactly so many readings (with those before a resume); 0: all.", OPTION(count)},
    {"resume", 0, OPTION_FLAG,
     .help = "Go on where the last replay of the same source stopped, also with what was appended to a file since.",
     OPTION(resume)},
    {"again", 0, OPTION_FLAG,
     .help =
         "Publish a file once more that was replayed before: its readings then count twice. Otherwise that is refused.",
     OPTION(again)},
    {"strict", 0, OPTION_FLAG,
     .help = "Stop at the first malformed row. Otherwise such rows are counted, reported and skipped.", OPTION(strict)},
    {"json", 0, OPTION_FLAG, .help = "Publish JSON instead of Avro.", OPTION(json)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "Where to publish.", OPTION(topic)},
    {"series", 0, OPTION_INTEGER, "N", "100", .minimum = 1, .maximum = 1e8,
     .help = "Synthetic: how many series, four to a gateway.", OPTION(series)},
    {"interval", 0, OPTION_DURATION, "TIME", "5s", .minimum = 1, .maximum = 366 * 86400e3,
     .help = "Synthetic: from one reading of a series to the next.", OPTION(interval)},
    {"duration", 0, OPTION_DURATION, "TIME", "1h", .minimum = 1, .maximum = 100 * 366 * 86400e3,
     .help = "Synthetic: event time in all.", OPTION(duration)},
    {"seed", 0, OPTION_INTEGER, "N", "1", .help = "Synthetic: the same seed gives the same readings.", OPTION(seed)},
    {"start", 0, OPTION_STRING, "TIME", "2024-01-01T00:00:00Z", .help = "Synthetic: event time of the first reading.",
     OPTION(start)},
    {"disordered", 0, OPTION_NUMBER, "SHARE", "0", .minimum = 0, .maximum = 1,
     .help = "Synthetic: share of readings that are up to four minutes back.", OPTION(disordered)},
    {"late", 0, OPTION_NUMBER, "SHARE", "0", .minimum = 0, .maximum = 1,
     .help = "Synthetic: share of readings that are 2 to 30 hours back.", OPTION(late)},
    {"bad", 0, OPTION_NUMBER, "SHARE", "0", .minimum = 0, .maximum = 1,
     .help = "Synthetic: share of records that cannot be read.", OPTION(bad)},
    {0},
};

static const struct command_line replay_line = {
    .command = "replay",
    .operands = "[FILE|-]",
    .summary = "Publish a dataset as readings.",
    .description = "Reads FILE (or standard input, -; gzip is recognised), publishes its readings and remembers how "
                   "far it came, so that --resume goes on\n"
                   "exactly there. SIGINT and SIGTERM stop it cleanly.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline replay -t electricity household_power_consumption.txt.gz\n"
                   "  meterline replay -t water -s 0 -e 9 -r 1000 Water_WHW.csv\n"
                   "  meterline replay -t synthetic --series 1000 --duration 1d --late 0.001",
    .options = replay_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_CREATES | CLI_COMMITS,
    .operand_maximum = 1,
};

enum { THOUSANDS_SIZE = 32 };

static const char *replay_thousands(char to[THOUSANDS_SIZE], int64_t number) {
    char digits[NUMBER_INTEGER_SIZE];
    size_t count = number_write_integer(digits, number), length = 0;
    for (size_t i = 0; i < count; i++) {
        to[length++] = digits[i];
        if ((count - i) % 3 == 1 && i + 1 < count && digits[i] != '-')
            to[length++] = ',';
    }
    to[length] = '\0';
    return to;
}

struct replay_progress {
    bool terminal;
    int64_t published; /* with those before a resume */
};

static void replay_progress_show(void *context, int64_t published, int64_t total, double rate, double seconds_left) {
    struct replay_progress *progress = context;
    char count[THOUSANDS_SIZE], speed[THOUSANDS_SIZE], left[40] = "";
    progress->published = published;
    if (!progress->terminal)
        return;
    if (total >= 0 && seconds_left >= 0 && seconds_left < 1e9)
        snprintf(left, sizeof(left), ", %.0f s left", ceil(seconds_left));
    fprintf(stderr, "\r%s readings, %s/s%s\033[K", replay_thousands(count, published),
            replay_thousands(speed, (int64_t)(rate + 0.5)), left);
}

static void replay_print_problems(const struct replay_counts *counts, const char *file) {
    char number[THOUSANDS_SIZE];
    for (int64_t i = 0; i < counts->malformed && i < REPLAY_REPORTED_ROWS; i++)
        fprintf(stderr, "%s:%" PRId64 ": %s\n", file, counts->problems[i].line, counts->problems[i].message);
    if (counts->malformed > REPLAY_REPORTED_ROWS)
        fprintf(stderr, "... and %s more malformed rows\n",
                replay_thousands(number, counts->malformed - REPLAY_REPORTED_ROWS));
}

static void replay_print_rows(const struct replay_counts *counts) {
    char rows[THOUSANDS_SIZE], missing[THOUSANDS_SIZE], malformed[THOUSANDS_SIZE];
    fprintf(stderr, "%s rows read: %s missing, %s malformed\n", replay_thousands(rows, counts->rows),
            replay_thousands(missing, counts->missing), replay_thousands(malformed, counts->malformed));
}

static void replay_print_quoted(const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@%";
    if (word[0] && strspn(word, plain) == strlen(word)) {
        fprintf(stderr, " %s", word);
        return;
    }
    fputs(" '", stderr);
    for (; *word; word++)
        *word == '\'' ? fputs("'\\''", stderr) : fputc(*word, stderr);
    fputc('\'', stderr);
}

static void replay_print_resume(int argc, char **argv, bool resume) {
    fputs("to go on: meterline replay", stderr);
    if (!resume)
        fputs(" --resume", stderr);
    for (int i = 1; i < argc; i++)
        replay_print_quoted(argv[i]);
    fputc('\n', stderr);
}

static void replay_print_summary(const struct replay_command *command, const struct replay_source *source,
                                 const struct replay_result *result) {
    char published[THOUSANDS_SIZE], before[THOUSANDS_SIZE], rate[THOUSANDS_SIZE];
    if (command->common.quiet)
        return;
    if (command->resume && result->published == 0 && result->resumed_at > 0 && !result->interrupted) {
        fprintf(stderr, "nothing to do: all %s readings were published before\n",
                replay_thousands(before, result->resumed_at));
        return;
    }
    fprintf(stderr, "published %s readings", replay_thousands(published, result->published));
    if (result->resumed_at)
        fprintf(stderr, " after the %s before", replay_thousands(before, result->resumed_at));
    fprintf(
        stderr, " in %.2f s, %s/s\n", result->seconds,
        replay_thousands(rate, result->seconds > 0 ? (int64_t)((double)result->published / result->seconds + 0.5) : 0));
    if (replay_source_total(source) < 0)
        replay_print_rows(replay_source_counts(source));
}

static int replay_read_household(const char *option, const char *text, int64_t fallback, int64_t *ret_household) {
    *ret_household = fallback;
    if (text && (!number_read_integer(slice_of(text), ret_household) || *ret_household < 0 || *ret_household > INT_MAX))
        return cli_usage("replay", "--%s %s: expected the number of a household, from 0", option, text);
    return 0;
}

/* 0, or the exit status after a message. */
static int replay_read_settings(const struct replay_command *command, const char *file,
                                struct replay_settings *settings) {
    *settings = (struct replay_settings){
        .type = command->type, .file = file, .day_offset = command->day_offset, .strict = command->strict};
    settings->synthetic.series = command->series;
    settings->synthetic.interval = command->interval;
    settings->synthetic.duration = command->duration;
    settings->synthetic.seed = command->seed;
    settings->synthetic.disordered = command->disordered;
    settings->synthetic.late = command->late;
    settings->synthetic.bad = command->bad;
    if (!command->type)
        return cli_usage("replay", "--type is missing: electricity, water, gas, readings or synthetic");
    bool synthetic = strcmp(command->type, "synthetic") == 0;
    if (synthetic && file)
        return cli_usage("replay", "--type synthetic makes its own readings and takes no file (%s)", file);
    if (!synthetic && !file)
        return cli_usage("replay", "--type %s needs a file, or - for standard input", command->type);
    if (synthetic && command->day_offset)
        return cli_usage("replay", "--day-offset does not apply to --type synthetic: use --start");
    if ((synthetic || strcmp(command->type, "readings") == 0) && (command->first || command->last))
        return cli_usage("replay", "--first and --last do not apply to --type %s, which names its gateways itself",
                         command->type);
    if (!time_read(slice_of(command->start), &settings->synthetic.start))
        return cli_usage("replay", "--start %s: expected a time as 2024-01-01T00:00:00Z", command->start);
    if (command->disordered + command->late + command->bad > 1)
        return cli_usage("replay", "--disordered, --late and --bad are more than 1 together");
    int status = replay_read_household("first", command->first, 0, &settings->first_household);
    if (!status)
        status = replay_read_household("last", command->last, settings->first_household, &settings->last_household);
    if (!status && settings->first_household > settings->last_household)
        return cli_usage("replay", "--first %" PRId64 " is above --last %" PRId64, settings->first_household,
                         settings->last_household);
    return status;
}

static int replay_work(const struct replay_command *command, const struct replay_settings *settings,
                       struct replay_source *source, int argc, char **argv, struct error *error) {
    char identity[400];
    struct bus *bus = NULL;
    struct replay_result result = {0};
    struct replay_progress progress = {.terminal = isatty(STDERR_FILENO) && !command->common.quiet};
    struct replay_options options = {.topic = command->topic,
                                     .rate = command->rate,
                                     .count = command->count ? command->count : -1,
                                     .resume = command->resume,
                                     .again = command->again || !settings->file || strcmp(settings->file, "-") == 0,
                                     .json = command->json,
                                     .clock = &clock_system,
                                     .stop = &cli_stop,
                                     .progress = replay_progress_show,
                                     .context = &progress};
    if (replay_source_identity(settings, identity, sizeof(identity)))
        return error_set(error, ERROR_INVALID, "the name of the source is too long");
    int status = cli_open_bus(&command->common, true, &bus, error);
    if (!status)
        status = replay_run(bus, source, identity, &options, &result, error);
    bus_close(bus);
    if (progress.terminal)
        fputs("\r\033[K", stderr);
    if (settings->file && !settings->strict)
        replay_print_problems(replay_source_counts(source), settings->file);
    if (!status)
        replay_print_summary(command, source, &result);
    else if (progress.published)
        fprintf(stderr, "stopped at reading %" PRId64 "\n", progress.published);
    if (result.interrupted)
        replay_print_resume(argc, argv, command->resume);
    return status;
}

static int replay_main(int argc, char **argv) {
    struct replay_command command = {0};
    struct replay_settings settings;
    struct error error = {0};
    const char *operands[1] = {NULL};
    size_t operand_count = 0;
    int status = cli_parse(&replay_line, argc, argv, &command, operands, &operand_count);
    if (status != CLI_CONTINUE)
        return status;
    status = replay_read_settings(&command, operand_count ? operands[0] : NULL, &settings);
    if (status)
        return status;
    cli_catch_signals();
    struct replay_source *source = NULL;
    status = replay_source_open(&settings, &source, &error);
    if (!status)
        status = replay_work(&command, &settings, source, argc, argv, &error);
    replay_source_close(source);
    return status ? cli_fail("replay", &error) : 0;
}

const struct command command_replay = {&replay_line, replay_main};

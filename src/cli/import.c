/* meterline import: readings from CSV files of anybody's making. Shows what it has understood, then publishes. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "replay/import/import.h"
#include "replay/replay.h"

enum { IMPORT_WRONG_SHOWN = 10 };

struct import_command {
    struct common_settings common;
    const char *type, *attribute, *gateway, *gateway_from, *zone, *date, *decimal, *delimiter, *header, *map,
        *write_map;
    const char *topic;
    struct option_list columns;
    double rate;
    int64_t count;
    bool dry_run, yes, again, strict, json;
};

#define OPTION(member) .offset = offsetof(struct import_command, member)

static const struct option import_options[] = {
    {"type", 't', OPTION_STRING, "TYPE", .help = "What is metered: ELECTRICITY, WATER, GAS or a word of yours.",
     OPTION(type)},
    {"attribute", 'a', OPTION_STRING, "NAME",
     .help = "What is measured, such as ENERGY; columns of numbers are then a gateway each, by their names.",
     OPTION(attribute)},
    {"gateway", 'g', OPTION_STRING, "NAME",
     .help = "The meter; columns of numbers are then an attribute each, by their names.", OPTION(gateway)},
    {"gateway-from", 0, OPTION_CHOICE, "WHAT", .choices = "file|column",
     .help = "The meter is called as the file is, without folder and ending, or as the column.", OPTION(gateway_from)},
    {"zone", 'z', OPTION_STRING, "ZONE",
     .help =
         "Time zone of times without an offset, such as Europe/Vienna or UTC. Of an hour that comes twice the order of "
         "rows tells which is which; times that do not exist are wrong.",
     OPTION(zone)},
    {"date", 0, OPTION_CHOICE, "ORDER", .choices = "day-first|month-first|year-first",
     .help = "Order of dates. Without it all rows together decide.", OPTION(date)},
    {"decimal", 0, OPTION_CHOICE, "MARK", .choices = "point|comma",
     .help = "The decimal mark. Without it all rows together decide.", OPTION(decimal)},
    {"delimiter", 0, OPTION_CHOICE, "CHAR", .choices = ";|,|tab|pipe",
     .help = "What splits columns. Without it what makes most sense of the first rows.", OPTION(delimiter)},
    {"header", 0, OPTION_STRING, "ROWS", .help = "Rows before the first with readings. Without it they are found.",
     OPTION(header)},
    {"column", 'c', OPTION_LIST, "NAME=ROLE",
     .help = "What a column is: time, clock (time of day), gateway, type, attribute, value, 'value NAME', 'value "
             "GATEWAY.TYPE.ATTRIBUTE' or ignore. NAME as in the header, or 'column 3'; repeatable.",
     OPTION(columns)},
    {"map", 'm', OPTION_STRING, "FILE", .help = "A file with these options, one a line; those said here come first.",
     OPTION(map)},
    {"write-map", 0, OPTION_STRING, "FILE", .help = "Writes what was understood of the first file as such a map.",
     OPTION(write_map)},
    {"dry-run", 'n', OPTION_FLAG, .help = "Show what was understood, on stdout, and publish nothing.", OPTION(dry_run)},
    {"yes", 'y', OPTION_FLAG, .help = "Publish without asking; it asks on a terminal only.", OPTION(yes)},
    {"strict", 0, OPTION_FLAG, .help = "Publish nothing when there is a wrong row.", OPTION(strict)},
    {"again", 0, OPTION_FLAG,
     .help = "Do not look for readings that are in the topic: what is imported twice counts twice.", OPTION(again)},
    {"rate", 'r', OPTION_NUMBER, "RATE", "0", .minimum = 0, .maximum = 1e9,
     .help = "Readings a second, evenly spaced; 0: as fast as possible.", OPTION(rate)},
    {"json", 0, OPTION_FLAG, .help = "Publish JSON instead of Avro.", OPTION(json)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "Where to publish.", OPTION(topic)},
    {0},
};

static const struct command_line import_line = {
    .command = "import",
    .operands = "FILE..|-",
    .summary = "Import readings from CSV files of your own.",
    .description =
        "Finds out how the files are written (encoding, delimiter, decimal mark, dates, header, columns), shows what "
        "it\n"
        "understood, and publishes the readings of all files in the order of time. What could be read two ways is "
        "refused\n"
        "with both readings and the option that decides. Wrong rows are counted, named by file and line, and kept on\n"
        "TOPIC-rejected. A reading of the same series, time and value counts once, in the files and in the topic, so\n"
        "overlapping months, a file under another name and a second try do no harm.\n"
        "\n"
        "Examples:\n"
        "  meterline import -t ELECTRICITY -a ENERGY -z Europe/Vienna --dry-run flats-2024-*.csv\n"
        "  meterline import -t ELECTRICITY -a ENERGY -z Europe/Vienna --write-map flats.map flats-2024-*.csv\n"
        "  meterline import --map flats.map flats-2025-01.csv",
    .options = import_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_CREATES | CLI_COMMITS,
    .operand_minimum = 1,
    .operand_maximum = IMPORT_FILES_MAXIMUM,
};

/* --- settings
 * ------------------------------------------------------------------------------------------------------------------ */

static bool import_header_valid(const char *text) {
    return text[0] && strlen(text) <= 3 && strspn(text, "0123456789") == strlen(text);
}

/* What a map may say in other words than the options allow. */
static int import_check_map(const char *map, const struct import_settings *settings, struct error *error) {
    static const char *const delimiters[] = {";", ",", "tab", "|", "pipe"}, *const decimals[] = {"point", "comma"},
                             *const dates[] = {"day-first", "month-first", "year-first"},
                             *const froms[] = {"file", "column"};
    const struct {
        const char *name, *text;
        const char *const *words;
        size_t count;
    } checks[] = {{"delimiter", settings->delimiter, delimiters, 5},
                  {"decimal", settings->decimal, decimals, 2},
                  {"date", settings->date, dates, 3},
                  {"gateway-from", settings->gateway_from, froms, 2}};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        bool known = !checks[i].text;
        for (size_t k = 0; k < checks[i].count && !known; k++)
            known = strcmp(checks[i].text, checks[i].words[k]) == 0;
        if (!known)
            return error_set(error, ERROR_INVALID, "%s: %s = %s: expected %s, %s%s%s", map, checks[i].name,
                             checks[i].text, checks[i].words[0], checks[i].words[1], checks[i].count > 2 ? ", " : "",
                             checks[i].count > 2 ? checks[i].words[2] : "");
    }
    return settings->header && !import_header_valid(settings->header)
               ? error_set(error, ERROR_INVALID, "%s: header = %s: expected a number of rows, 0 to 199", map,
                           settings->header)
               : 0;
}

static int import_settle(const struct import_command *command, struct arena *arena, struct import_settings *settings,
                         struct error *error) {
    *settings = (struct import_settings){.delimiter = command->delimiter,
                                         .decimal = command->decimal,
                                         .date = command->date,
                                         .zone = command->zone,
                                         .header = command->header,
                                         .gateway = command->gateway,
                                         .type = command->type,
                                         .attribute = command->attribute,
                                         .gateway_from = command->gateway_from,
                                         .columns = command->columns.items,
                                         .column_count = command->columns.count};
    int status = command->map ? import_map_read(command->map, arena, settings, error) : 0;
    if (!status && command->map)
        status = import_check_map(command->map, settings, error);
    if (!status && settings->delimiter && strcmp(settings->delimiter, "pipe") == 0)
        settings->delimiter = "|";
    return status;
}

/* --- showing
 * ------------------------------------------------------------------------------------------------------------------ */

static void import_show_wrong(const struct import *import, FILE *to) {
    int64_t count = import_counts(import)->wrong;
    for (int64_t i = 0; i < count && i < IMPORT_WRONG_SHOWN; i++) {
        struct import_wrong wrong = import_wrong(import, (size_t)i);
        fprintf(to, "  wrong: %s:%" PRId64 ": %.*s\n", wrong.file, wrong.line, (int)wrong.reason.length,
                wrong.reason.data);
    }
    if (count > IMPORT_WRONG_SHOWN)
        fprintf(to, "  .. and %" PRId64 " more\n", count - IMPORT_WRONG_SHOWN);
}

static void import_show(const struct import *import, FILE *to) {
    cleanup(bytes_release) struct bytes text = {0};
    import_describe(import, &text);
    fwrite(text.data ? text.data : "", 1, text.length, to);
    import_show_wrong(import, to);
}

static void import_show_topic(const struct import *import, const char *topic, FILE *to) {
    const struct import_counts *counts = import_counts(import);
    if (counts->published)
        fprintf(to, "  %" PRId64 " of them are in topic %s already, and %" PRId64 " are left\n", counts->published,
                topic, counts->readings);
    if (counts->behind)
        fprintf(to,
                "  %" PRId64
                " are older than the newest of their series in topic %s: pipelines that have read that count "
                "them as late (%s-late), a run with --reset or another --group as any other\n",
                counts->behind, topic, topic);
}

static int import_write_map(const struct import *import, const char *file, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    import_map_write(import, &text);
    FILE *to = fopen(file, "wx");
    if (!to && errno == EEXIST)
        return error_set(error, ERROR_EXISTS, "--write-map %s: the file is there already: name another one", file);
    if (!to)
        return error_set_errno(error, errno, "writing the map %s", file);
    bool written = !text.failed && fwrite(text.data, 1, text.length, to) == text.length;
    written = (fclose(to) == 0) && written;
    return written ? 0 : error_set_errno(error, errno, "writing the map %s", file);
}

static bool import_confirm(const struct import_command *command, const char *topic, int64_t readings) {
    char answer[16];
    if (command->yes || command->common.quiet || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    fprintf(stderr, "publish %" PRId64 " readings to topic %s? [y/N] ", readings, topic);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* --- working
 * ------------------------------------------------------------------------------------------------------------------ */

static int import_publish(const struct import_command *command, struct import *import, struct bus *bus,
                          struct error *error) {
    struct replay_result result = {0};
    int64_t rejected;
    struct replay_options options = {.topic = command->topic,
                                     .rate = command->rate,
                                     .count = -1,
                                     .again = true,
                                     .json = command->json,
                                     .clock = &clock_system,
                                     .stop = &cli_stop};
    int status = import_reject(import, bus, command->topic, &clock_system, &rejected, error);
    if (!status)
        status = replay_run(bus, import_source(import), "import", &options, &result, error);
    if (status || command->common.quiet)
        return status;
    fprintf(stderr, "published %" PRId64 " readings to topic %s", result.published, command->topic);
    if (import_counts(import)->wrong)
        fprintf(stderr, "; %" PRId64 " wrong rows are on %s-rejected%s", import_counts(import)->wrong, command->topic,
                rejected ? "" : " already");
    fputc('\n', stderr);
    if (result.interrupted)
        fputs("interrupted: the same command goes on with what is left\n", stderr);
    return 0;
}

static int import_compare_and_publish(const struct import_command *command, struct import *import, FILE *to,
                                      struct error *error) {
    struct bus *bus = NULL;
    int status = cli_open_bus(&command->common, !command->dry_run, &bus, error);
    if (status == ERROR_NOT_FOUND && command->dry_run)
        return 0; /* nothing is there, so nothing is repeated */
    if (!status && !command->again)
        status = import_compare(import, bus, command->topic, &cli_stop, error);
    if (!status && to)
        import_show_topic(import, command->topic, to);
    if (!status && !command->dry_run) {
        if (import_confirm(command, command->topic, import_counts(import)->readings))
            status = import_publish(command, import, bus, error);
        else
            fputs("nothing was published\n", stderr);
    }
    bus_close(bus);
    return status;
}

static int import_work(const struct import_command *command, const char *const *files, size_t count,
                       struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct import_settings settings;
    struct import *import = NULL;
    FILE *to = command->dry_run ? stdout : command->common.quiet ? NULL : stderr;
    int status = import_settle(command, &arena, &settings, error);
    if (!status)
        status = import_open(&settings, files, count, &import, error);
    if (!status && to)
        import_show(import, to);
    if (!status && command->strict && import_counts(import)->wrong)
        status = error_set(error, ERROR_INVALID,
                           "%" PRId64 " rows are wrong, and --strict takes none: nothing was published",
                           import_counts(import)->wrong);
    if (!status && command->write_map)
        status = import_write_map(import, command->write_map, error);
    if (!status)
        status = import_compare_and_publish(command, import, to, error);
    import_close(import);
    return status;
}

static int import_main(int argc, char **argv) {
    struct import_command command = {0};
    struct error error = {0};
    const char *files[IMPORT_FILES_MAXIMUM];
    size_t count = 0;
    int status = cli_parse(&import_line, argc, argv, &command, files, &count);
    if (status == CLI_CONTINUE && command.header && !import_header_valid(command.header))
        status = cli_usage("import", "--header %s: expected a number of rows, 0 to 199", command.header);
    if (status == CLI_CONTINUE) {
        cli_catch_signals();
        status = import_work(&command, files, count, &error) ? cli_fail("import", &error) : 0;
        if (!status && fflush(stdout) != 0)
            status = 1;
    }
    free(command.columns.items);
    return status;
}

const struct command command_import = {&import_line, import_main};

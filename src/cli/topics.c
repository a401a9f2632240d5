/* meterline topics: list, describe, create, alter, delete; with the lag of each group. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/table.h"

struct topics_settings {
    struct common_settings common;
    const char *format, *retention_time, *retention_bytes, *timestamps;
    int64_t partitions;
    bool yes;
};

#define OPTION(member) .offset = offsetof(struct topics_settings, member)

static const struct option topics_options[] = {
    {"partitions", 'p', OPTION_INTEGER, "N", "4", .minimum = 1, .maximum = BUS_PARTITIONS_MAXIMUM,
     .help = "create: number of partitions.", OPTION(partitions)},
    {"retention-time", 0, OPTION_STRING, "TIME",
     .help =
         "create, alter: how long records are kept, such as 30d, or forever. Without it create leaves it to the log "
         "(embedded: forever; Kafka: the brokers' default), and alter leaves it as it is.",
     OPTION(retention_time)},
    {"retention-bytes", 0, OPTION_STRING, "SIZE",
     .help = "create, alter: stored bytes kept of each partition, such as 10G, or any. Without it as for "
             "--retention-time.",
     OPTION(retention_bytes)},
    {"timestamps", 0, OPTION_CHOICE, "WHOSE", "log", .choices = "log|producer",
     .help = "create, on Kafka: whose time records have. log: the brokers', by which the clocks of meters are checked; "
             "producer: that which comes with each record.",
     OPTION(timestamps)},
    {"yes", 'y', OPTION_FLAG,
     .help = "alter, delete: do it although records are lost. Without it a terminal is asked, and a script refused.",
     OPTION(yes)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line topics_line = {
    .command = "topics",
    .operands = "[list | describe TOPIC | create TOPIC | alter TOPIC | delete TOPIC]",
    .summary = "List, describe, create, alter and delete topics; lag of each group.",
    .description =
        "A topic's name alone describes it.\n"
        "\n"
        "Examples:\n"
        "  meterline topics\n"
        "  meterline topics create metrics --partitions 8 --retention-time 400d   (before the first reading)\n"
        "  meterline topics alter metrics --retention-bytes 10G --yes",
    .options = topics_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_CREATES | CLI_TABLES,
    .operand_maximum = 2,
};

/* Nothing where the log does not say. */
static void topics_bytes(struct table *table, int64_t bytes) {
    if (bytes >= 0)
        table_integer(table, bytes);
    else
        table_text(table, (struct slice){NULL, 0});
}

int cli_topics_list(struct bus *bus, enum table_format format, struct error *error) {
    static const char *const embedded[] = {"topic", "partitions",    "records",
                                           "bytes", "retentionTime", "retentionBytes"};
    /* on Kafka some offsets are those of transactions, or of records that were never committed */
    static const char *const remote[] = {"topic", "partitions", "offsets", "bytes", "retentionTime", "retentionBytes"};
    struct bus_topic_list list;
    struct table *table;
    int status = bus_topics(bus, &list, error);
    if (status)
        return status;
    status = table_begin(format, bus_is_remote(bus) ? remote : embedded, 6, &table, error);
    for (size_t i = 0; i < list.count && !status; i++) {
        const struct bus_topic_info *info = &list.topics[i];
        int64_t records = 0, bytes = 0;
        for (int32_t p = 0; p < info->settings.partitions; p++) {
            records += info->partitions[p].end_offset - info->partitions[p].start_offset;
            if (bytes < 0 || info->partitions[p].bytes < 0 ||
                __builtin_add_overflow(bytes, info->partitions[p].bytes, &bytes))
                bytes = -1;
        }
        table_text(table, slice_of(info->name));
        table_integer(table, info->settings.partitions);
        table_integer(table, records);
        topics_bytes(table, bytes);
        table_integer(table, info->settings.retention_time);
        table_integer(table, info->settings.retention_bytes);
        table_row_end(table);
    }
    bus_topic_list_release(&list);
    return status ? status : table_end(table, error);
}

/* Is this position one that reads the topic? A replay's place is not. */
static bool topics_is_lag(const struct bus_group_position *position, const struct bus_topic_info *info) {
    return strcmp(position->topic, info->name) == 0 && strncmp(position->group, "replay.", 7) != 0 &&
           position->partition < info->settings.partitions;
}

static int topics_lags(struct bus *bus, const struct bus_topic_list *list, enum table_format format,
                       struct error *error) {
    static const char *const columns[] = {"group", "topic", "partition", "nextOffset", "endOffset", "lag"};
    struct bus_group_list groups;
    struct table *table;
    int status = bus_groups(bus, &groups, error);
    if (status)
        return status;
    status = table_begin(format, columns, 6, &table, error);
    for (size_t g = 0; g < groups.count && !status; g++)
        for (size_t t = 0; t < list->count; t++) {
            const struct bus_group_position *position = &groups.positions[g];
            if (!topics_is_lag(position, &list->topics[t]))
                continue;
            int64_t end = list->topics[t].partitions[position->partition].end_offset;
            table_text(table, slice_of(position->group));
            table_text(table, slice_of(position->topic));
            table_integer(table, position->partition);
            table_integer(table, position->next_offset);
            table_integer(table, end);
            table_integer(table, end - position->next_offset);
            table_row_end(table);
        }
    bus_group_list_release(&groups);
    return status ? status : table_end(table, error);
}

static int topics_overview(struct bus *bus, enum table_format format, struct error *error) {
    struct bus_topic_list list;
    int status = cli_topics_list(bus, format, error);
    if (status || format != TABLE_ALIGNED)
        return status;
    status = bus_topics(bus, &list, error);
    if (status)
        return status;
    printf("\n");
    status = topics_lags(bus, &list, format, error);
    bus_topic_list_release(&list);
    return status;
}

static int topics_describe(struct bus *bus, const char *name, enum table_format format, struct error *error) {
    static const char *const columns[] = {"topic", "partition", "startOffset", "endOffset", "bytes", "lastAppend"};
    struct bus_topic_info info;
    struct table *table;
    int status = bus_topic_describe(bus, name, &info, error);
    if (status)
        return status;
    status = table_begin(format, columns, 6, &table, error);
    for (int32_t p = 0; p < info.settings.partitions && !status; p++) {
        table_text(table, slice_of(name));
        table_integer(table, p);
        table_integer(table, info.partitions[p].start_offset);
        table_integer(table, info.partitions[p].end_offset);
        topics_bytes(table, info.partitions[p].bytes);
        if (info.partitions[p].last_append)
            table_time(table, info.partitions[p].last_append);
        else
            table_text(table, (struct slice){NULL, 0});
        table_row_end(table);
    }
    status = status ? status : table_end(table, error);
    if (!status) {
        struct bus_topic_list one = {&info, 1};
        if (format == TABLE_ALIGNED)
            printf("\n");
        status = topics_lags(bus, &one, format, error);
    }
    bus_topic_info_release(&info);
    return status;
}

/* What was given replaces what `topic` has. */
static int topics_retention(const struct topics_settings *settings, struct bus_topic_settings *topic,
                            struct error *error) {
    int status = 0;
    if (settings->retention_time && strcmp(settings->retention_time, "forever") == 0)
        topic->retention_time = -1;
    else if (settings->retention_time)
        status = options_read_duration("--retention-time", settings->retention_time, &topic->retention_time, error);
    if (settings->retention_bytes && strcmp(settings->retention_bytes, "any") == 0)
        topic->retention_bytes = -1;
    else if (!status && settings->retention_bytes &&
             !options_read_bytes(settings->retention_bytes, &topic->retention_bytes))
        status =
            error_set(error, ERROR_INVALID, "--retention-bytes: '%.40s' is not a size (for example 64M, 10G), nor any",
                      settings->retention_bytes);
    return status;
}

static int topics_create(const struct topics_settings *settings, const char *name, struct bus *bus,
                         struct error *error) {
    struct bus_topic_settings topic = {.partitions = (int32_t)settings->partitions,
                                       .retention_time = BUS_RETENTION_DEFAULT,
                                       .retention_bytes = BUS_RETENTION_DEFAULT,
                                       .append_time = strcmp(settings->timestamps, "log") == 0};
    int status = topics_retention(settings, &topic, error);
    return status ? status : bus_topic_create(bus, name, &topic, error);
}

/* What a verb takes away was printed; 0 when that is meant. */
static int topics_confirm(const struct topics_settings *settings, const char *verb, const char *name,
                          struct error *error) {
    char answer[16] = "";
    if (settings->yes)
        return 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return error_set(error, ERROR_INVALID, "nothing was changed: '%s %s --yes' does it", verb, name);
    fputs("Is that meant? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return 0;
    return error_set(error, ERROR_INTERRUPTED, "nothing was changed");
}

static void topics_print_loss(const struct bus_topic_info *info, const char *unit, const char *lost) {
    int64_t count = 0;
    for (int32_t p = 0; p < info->settings.partitions; p++)
        count += info->partitions[p].end_offset - info->partitions[p].start_offset;
    fprintf(stderr, "topic %s has %" PRId64 " %s in %d partitions: %s\n", info->name, count, unit,
            (int)info->settings.partitions, lost);
}

static bool topics_is_empty(const struct bus_topic_info *info) {
    bool empty = true;
    for (int32_t p = 0; p < info->settings.partitions; p++)
        empty &= info->partitions[p].end_offset == info->partitions[p].start_offset;
    return empty;
}

/* Is the limit `now` less than it was? -1 is none. */
static bool topics_shortens(int64_t was, int64_t now) {
    return now >= 0 && (was < 0 || now < was);
}

static void topics_describe_limits(const struct topics_settings *settings, const struct bus_topic_settings *was,
                                   const struct bus_topic_settings *now, char *to, size_t size) {
    bool time = topics_shortens(was->retention_time, now->retention_time),
         bytes = topics_shortens(was->retention_bytes, now->retention_bytes);
    snprintf(to, size, "those %s%.40s%s%s%s are deleted for good", time ? "that came longer ago than " : "",
             time ? settings->retention_time : "", time && bytes ? ", and those " : "",
             bytes ? "beyond the size in a partition, which is now " : "", bytes ? settings->retention_bytes : "");
}

static int topics_alter(const struct topics_settings *settings, const char *name, struct bus *bus,
                        struct error *error) {
    struct bus_topic_info info;
    char lost[200];
    int status = bus_topic_describe(bus, name, &info, error);
    if (status)
        return status;
    struct bus_topic_settings topic = {.retention_time = BUS_RETENTION_DEFAULT,
                                       .retention_bytes = BUS_RETENTION_DEFAULT};
    status = topics_retention(settings, &topic, error);
    if (!status && !settings->retention_time && !settings->retention_bytes)
        status =
            error_set(error, ERROR_INVALID, "what is to be altered? --retention-time TIME, --retention-bytes SIZE");
    if (!status && !topics_is_empty(&info) &&
        (topics_shortens(info.settings.retention_time, topic.retention_time) ||
         topics_shortens(info.settings.retention_bytes, topic.retention_bytes))) {
        topics_describe_limits(settings, &info.settings, &topic, lost, sizeof lost);
        topics_print_loss(&info, bus_is_remote(bus) ? "offsets" : "records", lost);
        status = topics_confirm(settings, "topics alter", name, error);
    }
    bus_topic_info_release(&info);
    return status ? status : bus_topic_alter(bus, name, &topic, error);
}

static int topics_delete(const struct topics_settings *settings, const char *name, struct bus *bus,
                         struct error *error) {
    struct bus_topic_info info;
    int status = bus_topic_describe(bus, name, &info, error);
    if (status)
        return status;
    if (!topics_is_empty(&info)) {
        topics_print_loss(&info, bus_is_remote(bus) ? "offsets" : "records",
                          "they are deleted for good, with the positions of all groups");
        status = topics_confirm(settings, "topics delete", name, error);
    }
    bus_topic_info_release(&info);
    if (!status)
        status = bus_topic_delete(bus, name, error);
    return status == ERROR_NOT_FOUND ? 0 : status; /* it has just gone */
}

static int topics_work(const struct topics_settings *settings, const char *verb, const char *name, struct bus *bus,
                       struct error *error) {
    enum table_format format = table_format_of(settings->format);
    if (strcmp(verb, "list") == 0)
        return topics_overview(bus, format, error);
    if (strcmp(verb, "create") == 0)
        return topics_create(settings, name, bus, error);
    if (strcmp(verb, "alter") == 0)
        return topics_alter(settings, name, bus, error);
    if (strcmp(verb, "delete") == 0)
        return topics_delete(settings, name, bus, error);
    return topics_describe(bus, name, format, error);
}

static int topics_main(int argc, char **argv) {
    static const char *const verbs[] = {"describe", "create", "alter", "delete"};
    struct topics_settings settings = {0};
    struct error error;
    const char *operands[2] = {"list", NULL};
    size_t count;
    int status = cli_parse(&topics_line, argc, argv, &settings, operands, &count);
    if (status != CLI_CONTINUE)
        return status;
    const char *verb = operands[0], *name = operands[1];
    bool known = strcmp(verb, "list") == 0;
    for (size_t i = 0; i < 4; i++)
        known |= strcmp(verb, verbs[i]) == 0;
    if (count == 1 && !known) {
        name = verb;
        verb = "describe";
    } else if (!known || (strcmp(verb, "list") != 0) != (count == 2)) {
        return cli_usage("topics", "'%s' %s", verb,
                         !known       ? "is not list, describe, create, alter or delete"
                         : count == 2 ? "takes no topic"
                                      : "needs a topic");
    }
    struct bus *bus;
    status = cli_open_bus(&settings.common, strcmp(verb, "create") == 0, &bus, &error);
    if (!status) {
        status = topics_work(&settings, verb, name, bus, &error);
        bus_close(bus);
    }
    return status ? cli_fail("topics", &error) : 0;
}

const struct command command_topics = {&topics_line, topics_main};

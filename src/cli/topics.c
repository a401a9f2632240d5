/* meterline topics: list, describe, create, alter, delete; with the lag of each group. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"

struct topics_settings {
    struct common_settings common;
    const char *format, *retention_time;
    int64_t partitions, retention_bytes;
};

#define OPTION(member) .offset = offsetof(struct topics_settings, member)

static const struct option topics_options[] = {
    {"partitions", 'p', OPTION_INTEGER, "N", "4", .minimum = 1, .maximum = BUS_PARTITIONS_MAXIMUM,
     .help = "create: number of partitions.", OPTION(partitions)},
    {"retention-time", 0, OPTION_STRING, "TIME",
     .help = "create, alter: how long records are kept, such as 30d; without it for ever.", OPTION(retention_time)},
    {"retention-bytes", 0, OPTION_BYTES, "SIZE",
     .help = "create, alter: stored bytes kept of each partition, such as 10G; without it any number.",
     OPTION(retention_bytes)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line topics_line = {
    .command = "topics",
    .operands = "[list | describe TOPIC | create TOPIC | alter TOPIC | delete TOPIC]",
    .summary = "List, describe, create, alter and delete topics; lag of each group.",
    .description = "A topic's name alone describes it.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline topics\n"
                   "  meterline topics create metrics --partitions 8 --retention-time 400d",
    .options = topics_options,
    .common = cli_common_options,
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
    static const char *const columns[] = {"topic", "partitions", "records", "bytes", "retentionTime", "retentionBytes"};
    struct bus_topic_list list;
    struct table *table;
    int status = bus_topics(bus, &list, error);
    if (status)
        return status;
    status = table_begin(format, columns, 6, &table, error);
    for (size_t i = 0; i < list.count && !status; i++) {
        const struct bus_topic_info *info = &list.topics[i];
        int64_t records = 0, bytes = 0;
        for (int32_t p = 0; p < info->settings.partitions; p++) {
            records += info->partitions[p].end_offset - info->partitions[p].start_offset;
            bytes = bytes < 0 || info->partitions[p].bytes < 0 ? -1 : bytes + info->partitions[p].bytes;
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

static int topics_retention(const struct topics_settings *settings, struct bus_topic_settings *ret_settings,
                            struct error *error) {
    *ret_settings = (struct bus_topic_settings){(int32_t)settings->partitions, -1,
                                                settings->retention_bytes ? settings->retention_bytes : -1};
    if (settings->retention_time && !options_read_duration(settings->retention_time, &ret_settings->retention_time))
        return error_set(error, ERROR_INVALID, "--retention-time: '%s' is not a duration (for example 90m, 36h, 30d)",
                         settings->retention_time);
    return 0;
}

static int topics_work(const struct topics_settings *settings, const char *verb, const char *name, struct bus *bus,
                       struct error *error) {
    enum table_format format = table_format_of(settings->format);
    struct bus_topic_settings topic;
    int status = topics_retention(settings, &topic, error);
    if (status)
        return status;
    if (strcmp(verb, "list") == 0)
        return topics_overview(bus, format, error);
    if (strcmp(verb, "create") == 0)
        return bus_topic_create(bus, name, &topic, error);
    if (strcmp(verb, "alter") == 0)
        return bus_topic_alter(bus, name, &topic, error);
    if (strcmp(verb, "delete") == 0)
        return bus_topic_delete(bus, name, error);
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

/* meterline tail: prints the records of a topic as they come. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "codec/avro/avro_text.h"
#include "codec/json/json.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/text.h"

struct tail_settings {
    struct common_settings common;
    const char *format;
    int64_t count, partition, timeout;
    bool from_beginning, until_end;
};

#define OPTION(member) .offset = offsetof(struct tail_settings, member)

static const struct option tail_options[] = {
    {"from-beginning", 'b', OPTION_FLAG, .help = "From the oldest record; otherwise only what comes from now on.",
     OPTION(from_beginning)},
    {"count", 'n', OPTION_INTEGER, "N", "-1", .minimum = -1, .maximum = 9e18,
     .help = "Stop after so many records; -1: never.", OPTION(count)},
    {"partition", 'p', OPTION_INTEGER, "P", "-1", .minimum = -1, .maximum = 1023,
     .help = "Only this partition; -1: all.", OPTION(partition)},
    {"until-end", 0, OPTION_FLAG, .help = "Stop where the topic ended when the command began.", OPTION(until_end)},
    {"timeout", 0, OPTION_DURATION, "TIME", .minimum = 0, .maximum = 366 * 86400e3,
     .help = "Stop when nothing has come for so long.", OPTION(timeout)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line tail_line = {
    .command = "tail",
    .operands = "TOPIC",
    .summary = "Print the records of a topic.",
    .description = "Avro values are shown as JSON. Stops on SIGINT.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline tail metrics --from-beginning --count 5\n"
                   "  meterline tail metrics-aggregates-3600 --from-beginning --until-end\n"
                   "  meterline tail metrics-rejected --from-beginning --format json",
    .options = tail_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_TABLES,
    .operand_minimum = 1,
    .operand_maximum = 1,
};

struct tail {
    struct avro_text *avro;
    struct bytes text;
    enum table_format format;
    struct table *table;
    int64_t ends[BUS_PARTITIONS_MAXIMUM]; /* where each partition ended at the beginning, -1: read up to there */
    int32_t unread;                       /* partitions that have not been read up to there */
};

static bool tail_printable(struct slice text) {
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20)
            return false;
    return utf8_valid(text);
}

static void tail_hex(struct bytes *to, struct slice value) {
    bytes_append_string(to, "0x");
    for (size_t i = 0; i < value.length; i++)
        bytes_append_format(to, "%02x", (unsigned char)value.data[i]);
}

/* A string of text, or hex. */
static void tail_text(struct tail *tail, struct slice value, struct table *table) {
    struct bytes *text = &tail->text;
    if (!value.data || tail_printable(value)) {
        table_text(table, value);
        return;
    }
    text->length = 0;
    tail_hex(text, value);
    table_text(table, bytes_slice(text));
}

/* A value as JSON if it can be: Avro, or a JSON object as it is. */
static int tail_value(struct tail *tail, struct slice value, struct table *table, struct error *error) {
    struct bytes *text = &tail->text;
    bool written = false;
    text->length = 0;
    int status = value.data ? avro_text_write(tail->avro, value, text, &written, error) : 0;
    if (!value.data)
        table_json(table, SLICE("null"));
    else if (written)
        table_json(table, bytes_slice(text));
    else if (json_object_valid(value))
        table_json(table, value);
    else
        tail_text(tail, value, table);
    return status;
}

static void tail_headers(struct tail *tail, const struct bus_record *record, struct table *table) {
    struct bytes *text = &tail->text;
    text->length = 0;
    bytes_append_char(text, '{');
    for (size_t i = 0; i < record->header_count; i++) {
        bytes_append_string(text, i ? "," : "");
        json_write_string(text, record->headers[i].name.data ? record->headers[i].name : SLICE(""));
        bytes_append_char(text, ':');
        if (record->headers[i].value.data)
            json_write_string(text, record->headers[i].value);
        else
            bytes_append_string(text, "null");
    }
    bytes_append_char(text, '}');
    table_json(table, bytes_slice(text));
}

/* *left is 0 when that was enough, or the reader has left. */
static int tail_batch(struct tail *tail, const struct bus_batch *records, int64_t *left, struct error *error) {
    struct table *table = tail->table;
    int status = 0;
    for (size_t i = 0; i < records->count && *left != 0 && !status && !atomic_load(&cli_stop); i++) {
        const struct bus_record *record = &records->records[i];
        table_text(table, slice_of(records->topic));
        table_integer(table, records->partition);
        table_integer(table, records->base_offset + (int64_t)i);
        table_time(table, record->timestamp);
        tail_text(tail, record->key, table);
        status = tail_value(tail, record->value, table, error);
        tail_headers(tail, record, table);
        table_row_end(table);
        *left -= *left > 0;
    }
    if (!table_flush(table))
        *left = 0;
    return status;
}

/* Goes to the partition's beginning or end, which is that of what is committed. */
static int tail_seek_partition(struct tail *tail, struct bus_consumer *consumer, const char *topic, int32_t partition,
                               bool from_beginning, struct error *error) {
    int64_t start, end;
    int status = bus_offsets(consumer, topic, partition, &start, &end, error);
    if (status)
        return status;
    bool unread = from_beginning && start < end;
    tail->ends[partition] = unread ? end : -1;
    tail->unread += unread;
    return bus_consumer_seek(consumer, topic, partition, from_beginning ? start : end, error);
}

/* Notes how far a partition has been read; a batch without records says it for offsets that bring none. */
static void tail_advance(struct tail *tail, const struct bus_batch *records) {
    int64_t *end = &tail->ends[records->partition];
    if (*end >= 0 && records->base_offset + (int64_t)records->count >= *end) {
        tail->unread--;
        *end = -1;
    }
}

static int tail_seek(struct tail *tail, struct bus *bus, struct bus_consumer *consumer, const char *topic,
                     const struct tail_settings *settings, struct error *error) {
    struct bus_topic_info info;
    int status = bus_topic_describe(bus, topic, &info, error);
    if (status)
        return status;
    if (settings->partition >= info.settings.partitions)
        status = error_set(error, ERROR_INVALID, "topic %s has %d partitions; there is no partition %d", topic,
                           (int)info.settings.partitions, (int)settings->partition);
    for (int32_t p = 0; p < info.settings.partitions && !status; p++)
        if (settings->partition < 0 || settings->partition == p)
            status = tail_seek_partition(tail, consumer, topic, p, settings->from_beginning, error);
    bus_topic_info_release(&info);
    return status;
}

static int tail_loop(struct tail *tail, struct bus_consumer *consumer, const struct tail_settings *settings,
                     struct error *error) {
    int64_t left = settings->count, quiet_since = clock_monotonic_ns(&clock_system);
    while (left != 0 && !atomic_load(&cli_stop) && !(settings->until_end && tail->unread <= 0)) {
        struct bus_batch records;
        int got = bus_consumer_poll(consumer, 100, &records, error);
        if (got < 0)
            return got;
        if (got)
            tail_advance(tail, &records);
        if (got && records.count) {
            int status = tail_batch(tail, &records, &left, error);
            if (status)
                return status;
            quiet_since = clock_monotonic_ns(&clock_system);
        } else if (settings->timeout && clock_monotonic_ns(&clock_system) - quiet_since > settings->timeout * 1000000) {
            break;
        }
    }
    return 0;
}

static int tail_work(const struct tail_settings *settings, const char *topic, struct bus *bus, struct error *error) {
    static const char *const columns[] = {"topic", "partition", "offset", "timestamp", "key", "value", "headers"};
    struct tail tail = {.format = table_format_of(settings->format)};
    struct bus_consumer *consumer = NULL;
    int status = bus_consumer_open(bus, NULL, &consumer, error);
    if (!status)
        status = avro_text_new(bus_registry(bus), &tail.avro, error);
    if (!status)
        status = tail_seek(&tail, bus, consumer, topic, settings, error);
    if (!status)
        status = table_begin(tail.format, columns, sizeof columns / sizeof *columns, &tail.table, error);
    if (!status)
        status = tail_loop(&tail, consumer, settings, error);
    int end = table_end(tail.table, status ? NULL : error);
    bytes_release(&tail.text);
    avro_text_free(tail.avro);
    bus_consumer_close(consumer);
    return status ? status : end;
}

static int tail_main(int argc, char **argv) {
    struct tail_settings settings = {0};
    struct error error;
    const char *topic;
    size_t operands;
    int status = cli_parse(&tail_line, argc, argv, &settings, &topic, &operands);
    if (status != CLI_CONTINUE)
        return status;
    cli_catch_signals();
    struct bus *bus;
    status = cli_open_bus(&settings.common, false, &bus, &error);
    if (!status) {
        status = tail_work(&settings, topic, bus, &error);
        bus_close(bus);
    }
    return status ? cli_fail("tail", &error) : 0;
}

const struct command command_tail = {&tail_line, tail_main};

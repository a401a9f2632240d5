/* A record is {"statement": "...", "by": "..."}; `by` is a name that a program makes for itself, so that it does not
 * do twice what it has said itself. */
#include "sql/session/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/bytes.h"
#include "core/memory.h"

#define LOOK_INTERVAL_NS INT64_C(500000000)
enum { COMMANDS_POLL = 50, COMMANDS_ATTEMPTS = 200 }; /* ms; in vain, one after the other */

struct commands {
    struct bus *bus;
    struct bus_consumer *consumer;
    struct bus_producer *producer;
    const struct clock *clock;
    int32_t topic;
    int64_t next;      /* offset */
    bool looked;       /* for the topic, in vain, at: */
    int64_t looked_ns; /* monotonic */
    char by[64];
    struct arena arena; /* texts */
    struct slice *texts;
    size_t count, capacity;
};

int commands_open(struct bus *bus, const struct clock *clock, struct commands **ret_commands, struct error *error) {
    struct commands *commands = memory_zero(1, sizeof *commands);
    if (!commands)
        return error_no_memory(error);
    commands->bus = bus;
    commands->clock = clock;
    snprintf(commands->by, sizeof commands->by, "%" PRIx64 "-%lx",
             (uint64_t)clock_wall(clock) ^ (uint64_t)clock_monotonic_ns(clock) << 16, (unsigned long)getpid());
    *ret_commands = commands;
    return 0;
}

struct commands *commands_close(struct commands *commands) {
    if (!commands)
        return NULL;
    bus_producer_close(commands->producer);
    bus_consumer_close(commands->consumer);
    arena_release(&commands->arena);
    free(commands->texts);
    free(commands);
    return NULL;
}

static int commands_remember(struct commands *commands, struct slice text, struct slice *ret_copy,
                             struct error *error) {
    struct slice copy = arena_copy(&commands->arena, text);
    if (!copy.data ||
        !memory_reserve((void **)&commands->texts, &commands->capacity, commands->count + 1, sizeof *commands->texts))
        return error_no_memory(error);
    commands->texts[commands->count++] = copy;
    *ret_copy = copy;
    return 0;
}

size_t commands_count(const struct commands *commands) {
    return commands->count;
}

bool commands_has(const struct commands *commands, size_t count, struct slice text) {
    for (size_t i = 0; i < count && i < commands->count; i++)
        if (slice_equal(commands->texts[i], text))
            return true;
    return false;
}

static int commands_take(struct commands *commands, struct slice value,
                         int (*statement)(void *context, struct slice text, struct error *error), void *context,
                         struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    cleanup(bytes_release) struct bytes by = {0};
    struct slice copy;
    if (!json_object_valid(value) || !json_span_string(json_span_member(value, "statement"), &text) ||
        !json_span_string(json_span_member(value, "by"), &by))
        return 0; /* not one of ours */
    if (slice_equal(bytes_slice(&by), slice_of(commands->by)))
        return 0;
    int status = commands_remember(commands, bytes_slice(&text), &copy, error);
    return status ? status : statement(context, copy, error);
}

/* From the oldest statement on. A topic that has just been made may not be known to all brokers. */
static int commands_begin(struct commands *commands, struct error *error) {
    int64_t start, end;
    struct bus_consumer *consumer;
    int status = bus_consumer_open(commands->bus, NULL, &consumer, error);
    if (status)
        return status;
    status = bus_offsets(consumer, COMMANDS_TOPIC, 0, &start, &end, error);
    if (!status)
        status = bus_consumer_seek(consumer, COMMANDS_TOPIC, 0, start, error);
    if (status) {
        bus_consumer_close(consumer);
        error->retriable |= status == ERROR_NOT_FOUND;
        return error_wrap(error, "the topic of statements, " COMMANDS_TOPIC);
    }
    commands->consumer = consumer;
    commands->next = start;
    return 0;
}

/* Looks for the topic now and then, until somebody has made it. */
static int commands_look(struct commands *commands, struct error *error) {
    struct bus_topic_info info;
    int64_t now = clock_monotonic_ns(commands->clock);
    if (commands->looked && now - commands->looked_ns < LOOK_INTERVAL_NS)
        return 0;
    commands->looked_ns = now;
    int status = bus_topic_describe(commands->bus, COMMANDS_TOPIC, &info, error);
    if (status == ERROR_NOT_FOUND)
        commands->looked = true;
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    bus_topic_info_release(&info);
    return commands_begin(commands, error);
}

int commands_read(struct commands *commands, int (*statement)(void *context, struct slice text, struct error *error),
                  void *context, struct error *error) {
    struct bus_batch batch;
    int64_t start, end;
    int status = commands->consumer ? 0 : commands_look(commands, error);
    if (status || !commands->consumer)
        return status;
    status = bus_offsets(commands->consumer, COMMANDS_TOPIC, 0, &start, &end, error);
    for (int silent = 0; !status && commands->next < end;) {
        int got = bus_consumer_poll(commands->consumer, COMMANDS_POLL, &batch, error);
        if (got < 0)
            return got;
        for (size_t i = 0; got && i < batch.count && !status; i++)
            status = commands_take(commands, batch.records[i].value, statement, context, error);
        if (got)
            commands->next = batch.base_offset + (int64_t)batch.count;
        silent = got ? 0 : silent + 1;
        if (silent == COMMANDS_ATTEMPTS)
            return error_set(error, ERROR_BUSY,
                             "topic " COMMANDS_TOPIC " cannot be read from offset %" PRId64 " on, its end is %" PRId64,
                             commands->next, end);
    }
    return status;
}

static int commands_open_producer(struct commands *commands, struct error *error) {
    static const struct bus_topic_settings kept = {.partitions = 1, .retention_time = -1, .retention_bytes = -1};
    struct bus_producer_options options = {0};
    struct bus_producer *producer;
    int32_t partitions;
    int status = bus_producer_open(commands->bus, &options, &producer, error);
    if (status)
        return status;
    status = bus_producer_topic(producer, COMMANDS_TOPIC, &kept, &commands->topic, &partitions, error);
    if (status)
        bus_producer_close(producer);
    else
        commands->producer = producer;
    return status;
}

int commands_append(struct commands *commands, struct slice text, struct error *error) {
    cleanup(bytes_release) struct bytes value = {0};
    struct slice copy;
    int status = commands->producer ? 0 : commands_open_producer(commands, error);
    bytes_append_string(&value, "{\"statement\":");
    json_write_string(&value, text);
    bytes_append_string(&value, ",\"by\":");
    json_write_string(&value, slice_of(commands->by));
    bytes_append_char(&value, '}');
    if (status || value.failed)
        return status ? status : error_no_memory(error);
    struct bus_record record = {.value = bytes_slice(&value), .timestamp = clock_wall(commands->clock)};
    status = bus_produce(commands->producer, commands->topic, 0, &record, error);
    if (!status)
        status = bus_producer_commit(commands->producer, NULL, 0, error);
    if (status)
        bus_producer_abort(commands->producer); /* or the next statement would take this one along */
    return status ? status : commands_remember(commands, text, &copy, error);
}

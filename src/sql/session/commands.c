/* A record is {"statement": "...", "settings": {...}, "by": "..."}; `settings` is there when the statement depends on
 * some; `by` is a name that a program makes for itself, so that it does not do twice what it has said itself.
 * {"query": "...", "failed": "..." or null, "by": "..."} says what has become of a query. */
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
    const struct clock *clock;
    int64_t next;      /* offset of the first statement that has not been done */
    bool looked;       /* for the topic, in vain, at: */
    int64_t looked_ns; /* monotonic */
    char by[64];
    struct arena arena; /* texts */
    struct slice *texts;
    size_t count, capacity;
    size_t pending;       /* after them: appended and not yet committed */
    struct slice *sorted; /* the first so many of `texts` in the order of their bytes */
    size_t sorted_count;
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
    bus_consumer_close(commands->consumer);
    arena_release(&commands->arena);
    free(commands->texts);
    free(commands->sorted);
    free(commands);
    return NULL;
}

/* After the others, not yet counted. */
static int commands_note(struct commands *commands, struct slice text, struct error *error) {
    struct slice copy = arena_copy(&commands->arena, text);
    size_t at = commands->count + commands->pending;
    if (!copy.data || !memory_reserve((void **)&commands->texts, &commands->capacity, at + 1, sizeof *commands->texts))
        return error_no_memory(error);
    commands->texts[at] = copy;
    commands->pending++;
    return 0;
}

void commands_settle(struct commands *commands, bool committed) {
    commands->count += committed ? commands->pending : 0;
    commands->pending = 0;
}

size_t commands_count(const struct commands *commands) {
    return commands->count;
}

static int commands_compare(const void *left, const void *right) {
    return slice_compare(*(const struct slice *)left, *(const struct slice *)right);
}

static int commands_sort(struct commands *commands, size_t count, struct error *error) {
    if (commands->sorted && commands->sorted_count == count)
        return 0;
    struct slice *sorted = memory_resize(commands->sorted, count, sizeof *sorted);
    if (!sorted)
        return error_no_memory(error);
    if (count) {
        memcpy(sorted, commands->texts, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, commands_compare);
    }
    commands->sorted = sorted;
    commands->sorted_count = count;
    return 0;
}

/* How many of the sorted texts come before `text`, or (`equal`) before what comes after it. */
static size_t commands_before(const struct commands *commands, struct slice text, bool equal) {
    size_t low = 0, high = commands->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(commands->sorted[middle], text);
        if (order < 0 || (equal && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int commands_times(struct commands *commands, size_t count, struct slice text, size_t *ret_times, struct error *error) {
    int status = commands_sort(commands, count < commands->count ? count : commands->count, error);
    if (!status)
        *ret_times = commands_before(commands, text, true) - commands_before(commands, text, false);
    return status;
}

/* False: it is not one of ours. The texts lie in `text` and in `query`. */
static bool commands_parse(struct slice value, struct bytes *text, struct bytes *query, struct bytes *by,
                           struct kept_statement *ret_kept) {
    struct slice failed = {0};
    if (!json_object_valid(value) || !json_span_string(json_span_member(value, "by"), by))
        return false;
    bool statement = json_span_string(json_span_member(value, "statement"), text);
    if (!statement && !json_span_string(json_span_member(value, "query"), query))
        return false;
    if (!statement)
        failed = json_span_member(value, "failed");
    bool said = statement || (failed.data && json_span_string(failed, text));
    *ret_kept = (struct kept_statement){.text = said ? bytes_slice(text) : (struct slice){0},
                                        .settings = json_span_member(value, "settings"),
                                        .query = statement ? (struct slice){0} : bytes_slice(query)};
    return true;
}

static int commands_take(struct commands *commands, struct slice value,
                         int (*each)(void *context, const struct kept_statement *kept, struct error *error),
                         void *context, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    cleanup(bytes_release) struct bytes query = {0};
    cleanup(bytes_release) struct bytes by = {0};
    struct kept_statement kept;
    if (!commands_parse(value, &text, &query, &by, &kept) || slice_equal(bytes_slice(&by), slice_of(commands->by)))
        return 0;
    int status = each(context, &kept, error);
    if (!status && !kept.query.data)
        status = commands_note(commands, kept.text, error);
    commands_settle(commands, !status);
    return status;
}

/* From the oldest statement on that has not been done. A topic that has just been made may not be known to all brokers. */
static int commands_begin(struct commands *commands, struct error *error) {
    int64_t start, end;
    struct bus_consumer *consumer;
    int status = bus_consumer_open(commands->bus, NULL, &consumer, error);
    if (status)
        return status;
    status = bus_offsets(consumer, COMMANDS_TOPIC, 0, &start, &end, error);
    start = status || start > commands->next ? start : commands->next;
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

/* Looks for the topic now and then, until it has been made. */
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

/* The batch's statements one by one. After an error the consumer goes back to the one that was not done. */
static int commands_work(struct commands *commands, const struct bus_batch *batch,
                         int (*each)(void *context, const struct kept_statement *kept, struct error *error),
                         void *context, struct error *error) {
    int status = 0;
    commands->next = batch->base_offset;
    for (size_t i = 0; i < batch->count && !status; i++) {
        status = commands_take(commands, batch->records[i].value, each, context, error);
        commands->next += !status;
    }
    struct error ignored;
    if (status && bus_consumer_seek(commands->consumer, COMMANDS_TOPIC, 0, commands->next, &ignored))
        commands->consumer = bus_consumer_close(commands->consumer);
    return status;
}

int commands_read(struct commands *commands,
                  int (*each)(void *context, const struct kept_statement *kept, struct error *error), void *context,
                  struct error *error) {
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
        if (got)
            status = commands_work(commands, &batch, each, context, error);
        silent = got ? 0 : silent + 1;
        if (silent == COMMANDS_ATTEMPTS)
            return error_set(error, ERROR_BUSY,
                             "topic " COMMANDS_TOPIC " cannot be read from offset %" PRId64 " on, its end is %" PRId64,
                             commands->next, end);
    }
    return status;
}

static void commands_write(const struct commands *commands, const struct kept_statement *kept, struct bytes *to) {
    bytes_append_string(to, kept->query.data ? "{\"query\":" : "{\"statement\":");
    json_write_string(to, kept->query.data ? kept->query : kept->text);
    if (kept->query.data)
        bytes_append_string(to, kept->text.data ? ",\"failed\":" : ",\"failed\":null");
    if (kept->query.data && kept->text.data)
        json_write_string(to, kept->text);
    if (kept->settings.data) {
        bytes_append_string(to, ",\"settings\":");
        bytes_append_slice(to, kept->settings);
    }
    bytes_append_string(to, ",\"by\":");
    json_write_string(to, slice_of(commands->by));
    bytes_append_char(to, '}');
}

int commands_append(struct commands *commands, struct bus_producer *producer, const struct kept_statement *kept,
                    struct error *error) {
    static const struct bus_topic_settings for_ever = {.partitions = 1, .retention_time = -1, .retention_bytes = -1};
    cleanup(bytes_release) struct bytes value = {0};
    int32_t topic, partitions;
    int status = bus_producer_topic(producer, COMMANDS_TOPIC, &for_ever, &topic, &partitions, error);
    commands_write(commands, kept, &value);
    if (status || value.failed)
        return status ? status : error_no_memory(error);
    struct bus_record record = {.value = bytes_slice(&value), .timestamp = clock_wall(commands->clock)};
    status = bus_produce(producer, topic, 0, &record, error);
    return status || kept->query.data ? status : commands_note(commands, kept->text, error);
}

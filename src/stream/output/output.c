/* Records go to the producer as they come, but for topics that several members write, whose records wait until the
 * run of input records is done. */
#include "stream/output/output.h"

#include <stdio.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/varint.h"
#include "stream/output/dead_letter.h"
#include "stream/output/tap.h"

enum { COMMIT_ATTEMPTS = 5 };

/* A topic that is written to. */
struct output_topic {
    int32_t handle, partitions;
};

/* A tap's writer; tap NULL: the topic has none, or it cannot take the rows. */
struct output_tap {
    struct tap *tap;
    void *writer;
    bool pending, joined; /* rows were added; they are part of the open transaction */
};

/* A record that waits for those of other members. */
struct output_record {
    uint32_t origin;
    size_t member, number;
    int32_t partition;
    struct bus_record record;
};

struct query_output {
    struct query_output_options options;
    struct bus_producer *producer;
    struct output_topic *sinks, *changelogs;  /* by member */
    struct dead_letters *dead_letters, *late; /* by topic of the group; of repartition topics not opened */
    bool *dead_letters_open, *late_open;
    bool *feeds; /* by member: its sink is a topic that the group reads */
    bool feeds_itself;
    struct output_tap *taps; /* by member */
    struct arena arena;
    struct output_record *records;
    size_t record_count, record_capacity;
    struct bytes key;
};

/* What several members write waits as records: no tap takes it. */
static int output_open_tap(struct query_output *output, size_t at, struct error *error) {
    const struct query_member *member = &output->options.group->members[at];
    const struct taps *taps = output->options.taps;
    struct output_tap *to = &output->taps[at];
    struct tap *tap = taps && taps->find && !member->shared_sink ? taps->find(taps->context, member->sink_topic) : NULL;
    int status = tap ? tap->open(tap, &member->plan->sink->sink, output->sinks[at].partitions, &to->writer, error) : 0;
    to->tap = !status && to->writer ? tap : NULL;
    return status;
}

static int output_open_member(struct query_output *output, size_t at, struct error *error) {
    const struct query_group *group = output->options.group;
    const struct query_member *member = &group->members[at];
    const char *sink = member->sink_topic;
    int status = bus_producer_topic(output->producer, sink, NULL, &output->sinks[at].handle,
                                    &output->sinks[at].partitions, error);
    if (!status && member->changelog_topic)
        status = bus_producer_topic(output->producer, member->changelog_topic, NULL, &output->changelogs[at].handle,
                                    &output->changelogs[at].partitions, error);
    if (!status)
        status = output_open_tap(output, at, error);
    for (size_t i = 0; i < group->topic_count; i++)
        output->feeds[at] |= strcmp(group->topics[i].name, sink) == 0;
    return status;
}

static int output_open_dead_letters(struct query_output *output, size_t topic, struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 32];
    const struct query_topic *from = &output->options.group->topics[topic];
    if (from->internal)
        return 0;
    snprintf(name, sizeof name, "%s-rejected", from->name);
    int status = dead_letters_open(&output->dead_letters[topic], output->producer,
                                   output->options.rejected ? output->options.rejected : name, error);
    output->dead_letters_open[topic] = !status;
    return status;
}

/* Does a windowed aggregate of the stage lie above what it reads as a stream from the topic? */
static bool member_windows(const struct query_member *member, size_t topic) {
    const struct node_plan *node = member->plan->sink;
    while (node->input_count && !(node->kind == NODE_AGGREGATE && node->aggregate.window.shape != WINDOW_SHAPE_NONE))
        node = node->inputs[0];
    for (size_t s = 0; node->kind == NODE_AGGREGATE && s < member->plan->source_count; s++)
        if (member->topics[s] == topic && !member->plan->sources[s]->source->table)
            return true;
    return false;
}

/* TOPIC-late is made at the start, so that who reads it need not wait for the first late record. */
static int output_open_late(struct query_output *output, size_t topic, struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 32];
    const struct query_group *group = output->options.group;
    bool windows = false;
    for (size_t i = 0; i < group->member_count; i++)
        windows |= member_windows(&group->members[i], topic);
    if (!windows || group->topics[topic].internal)
        return 0;
    snprintf(name, sizeof name, "%s-late", group->topics[topic].name);
    int status = dead_letters_open(&output->late[topic], output->producer, name, error);
    output->late_open[topic] = !status;
    return status;
}

int query_output_open(const struct query_output_options *options, struct query_output **ret_output,
                      struct error *error) {
    struct bus_producer_options producer = {.name = options->name,
                                            .member = options->member,
                                            .at_least_once = options->at_least_once,
                                            .offsets = options->taps && options->taps->find};
    const struct query_group *group = options->group;
    struct query_output *output = memory_zero(1, sizeof *output);
    if (!output)
        return error_no_memory(error);
    output->options = *options;
    output->sinks = memory_zero(group->member_count, sizeof *output->sinks);
    output->changelogs = memory_zero(group->member_count, sizeof *output->changelogs);
    output->feeds = memory_zero(group->member_count, sizeof *output->feeds);
    output->dead_letters = memory_zero(group->topic_count, sizeof *output->dead_letters);
    output->late = memory_zero(group->topic_count, sizeof *output->late);
    output->dead_letters_open = memory_zero(group->topic_count, sizeof *output->dead_letters_open);
    output->late_open = memory_zero(group->topic_count, sizeof *output->late_open);
    output->taps = memory_zero(group->member_count, sizeof *output->taps);
    bool room = output->taps && output->sinks && output->changelogs && output->feeds && output->dead_letters &&
                output->late && output->dead_letters_open && output->late_open;
    int status = room ? bus_producer_open(options->bus, &producer, &output->producer, error) : error_no_memory(error);
    for (size_t i = 0; i < group->member_count && !status; i++)
        status = output_open_member(output, i, error);
    for (size_t i = 0; i < group->topic_count && !status; i++)
        status = output_open_dead_letters(output, i, error);
    for (size_t i = 0; i < group->topic_count && !status; i++)
        status = output_open_late(output, i, error);
    if (status) {
        query_output_close(output);
        return status;
    }
    *ret_output = output;
    return 0;
}

struct query_output *query_output_close(struct query_output *output) {
    if (!output)
        return NULL;
    for (size_t i = 0; output->taps && i < output->options.group->member_count; i++)
        if (output->taps[i].tap) /* before the producer, whose database it may have joined */
            output->taps[i].tap->close(output->taps[i].writer);
    free(output->taps);
    bus_producer_close(output->producer);
    for (size_t i = 0; output->dead_letters && i < output->options.group->topic_count; i++)
        dead_letters_release(&output->dead_letters[i]);
    for (size_t i = 0; output->late && i < output->options.group->topic_count; i++)
        dead_letters_release(&output->late[i]);
    free(output->sinks);
    free(output->changelogs);
    free(output->feeds);
    free(output->dead_letters);
    free(output->late);
    free(output->dead_letters_open);
    free(output->late_open);
    free(output->records);
    bytes_release(&output->key);
    arena_release(&output->arena);
    free(output);
    return NULL;
}

/* The window of a key does not count, so that all windows of a key lie on one partition. */
static int32_t output_partition(const struct query_output *output, size_t member, int32_t partition, struct slice key) {
    int64_t start, end;
    int32_t partitions = output->sinks[member].partitions;
    if (!key.data)
        return partition % partitions;
    row_window_read(&key, output->options.group->members[member].plan->sink->sink.window, 0, NULL, &start, &end);
    return bus_partition(key, partitions);
}

static int output_wait(struct query_output *output, size_t member, int32_t partition, const struct bus_record *record,
                       uint32_t origin, struct error *error) {
    struct arena *arena = &output->arena;
    struct bus_record copy = {.key = arena_copy(arena, record->key),
                              .value = arena_copy(arena, record->value),
                              .timestamp = record->timestamp,
                              .header_count = record->header_count};
    struct bus_header *headers =
        arena_allocate(arena, (record->header_count ? record->header_count : 1) * sizeof *headers);
    for (size_t i = 0; headers && i < record->header_count; i++) {
        headers[i] = (struct bus_header){arena_copy(arena, record->headers[i].name),
                                         arena_copy(arena, record->headers[i].value)};
        if (!headers[i].name.data || !headers[i].value.data)
            headers = NULL;
    }
    copy.headers = headers;
    if (!headers || (record->key.data && !copy.key.data) || (record->value.data && !copy.value.data) ||
        !memory_reserve((void **)&output->records, &output->record_capacity, output->record_count + 1,
                        sizeof *output->records))
        return error_no_memory(error);
    output->records[output->record_count] =
        (struct output_record){origin, member, output->record_count, partition, copy};
    output->record_count++;
    return 0;
}

static int output_produce(struct query_output *output, size_t member, int32_t partition,
                          const struct bus_record *record, struct error *error) {
    return bus_produce(output->producer, output->sinks[member].handle, partition, record, error);
}

static int output_tap_row(struct output_tap *to, int32_t partition, const struct rows *rows, uint32_t row,
                          const struct bus_record *record, struct error *error) {
    to->pending = true;
    return to->tap->add(to->writer, partition, rows, row, record, error);
}

int query_output_emit(struct query_output *output, size_t member, int32_t partition, const struct bus_record *record,
                      const struct rows *rows, uint32_t row, struct error *error) {
    int32_t to = output_partition(output, member, partition, record->key);
    output->feeds_itself |= output->feeds[member];
    if (output->options.group->members[member].shared_sink)
        return output_wait(output, member, to, record, rows->origins[row], error);
    int status = output_produce(output, member, to, record, error);
    return !status && output->taps[member].tap ? output_tap_row(&output->taps[member], to, rows, row, record, error)
                                               : status;
}

int query_output_mark(struct query_output *output, size_t member, const struct stream_mark *mark, struct error *error) {
    char text[STREAM_MARK_SIZE];
    struct bus_header header = stream_mark_header(mark, text);
    struct bus_record record = {.timestamp = mark->time > 0 ? mark->time : 0, .headers = &header, .header_count = 1};
    int status = 0;
    output->feeds_itself |= output->feeds[member];
    for (int32_t p = 0; p < output->sinks[member].partitions && !status; p++)
        status = bus_produce(output->producer, output->sinks[member].handle, p, &record, error);
    return status;
}

static int output_compare(const void *a, const void *b) {
    const struct output_record *left = a, *right = b;
    if (left->origin != right->origin)
        return left->origin < right->origin ? -1 : 1;
    if (left->member != right->member)
        return left->member < right->member ? -1 : 1;
    return left->number < right->number ? -1 : 1;
}

int query_output_flush(struct query_output *output, size_t *ret_member, struct error *error) {
    int status = 0;
    if (output->record_count > 1)
        qsort(output->records, output->record_count, sizeof *output->records, output_compare);
    for (size_t i = 0; i < output->record_count && !status; i++) {
        const struct output_record *record = &output->records[i];
        status = output_produce(output, record->member, record->partition, &record->record, error);
        *ret_member = status ? record->member : *ret_member;
    }
    output->record_count = 0;
    arena_reset(&output->arena);
    return status;
}

int query_output_reject(struct query_output *output, size_t topic, const struct bus_batch *batch, size_t index,
                        const char *reason, struct error *error) {
    if (!output->dead_letters_open[topic])
        return error_set(error, ERROR_CORRUPT,
                         "%s/%d, offset %lld: a record between two stages of a query cannot be read: %s", batch->topic,
                         (int)batch->partition, (long long)(batch->base_offset + (int64_t)index), reason);
    return dead_letters_reject(&output->dead_letters[topic], batch, index, reason, error);
}

int query_output_late(struct query_output *output, size_t topic, const struct bus_batch *batch, size_t index,
                      const struct bus_header *why, size_t why_count, struct error *error) {
    return output->late_open[topic] ? dead_letters_produce(&output->late[topic], batch, index, why, why_count, error)
                                    : 0;
}

int query_output_save(struct query_output *output, size_t member, int32_t partition, size_t op, struct slice key,
                      struct slice value, struct error *error) {
    output->key.length = 0;
    bytes_append_varint(&output->key, op);
    bytes_append_slice(&output->key, key);
    if (output->key.failed) {
        output->key.failed = false;
        return error_no_memory(error);
    }
    struct bus_record record = {
        .key = bytes_slice(&output->key), .value = value, .timestamp = clock_wall(output->options.clock)};
    return bus_produce(output->producer, output->changelogs[member].handle, partition, &record, error);
}

bool query_changelog_key_read(struct slice *key, size_t *ret_operator) {
    const char *at = key->data;
    uint64_t number;
    if (!at || !varint_read(&at, key->data + key->length, &number) || number >= QUERY_OPERATORS_MAXIMUM)
        return false;
    *ret_operator = (size_t)number;
    *key = (struct slice){at, key->length - (size_t)(at - key->data)};
    return true;
}

bool query_output_pending(const struct query_output *output) {
    return bus_producer_pending_records(output->producer) > 0;
}

bool query_output_feeds_itself(const struct query_output *output) {
    return output->feeds_itself;
}

size_t query_output_pending_bytes(const struct query_output *output) {
    return bus_producer_pending_bytes(output->producer);
}

/* The transaction has been rolled back. */
static void output_unjoin_taps(struct query_output *output) {
    for (size_t i = 0; i < output->options.group->member_count; i++) {
        struct output_tap *at = &output->taps[i];
        if (at->joined)
            at->tap->rolled_back(at->writer);
        at->joined = false;
    }
}

static void output_clear_taps(struct query_output *output) {
    for (size_t i = 0; i < output->options.group->member_count; i++) {
        struct output_tap *at = &output->taps[i];
        if (at->pending)
            at->tap->clear(at->writer);
        at->pending = at->joined = false;
    }
}

/* A tap that cannot write stays out of it from now on: who reads the topic meets the error too, and stops alone. */
static void output_drop_tap(struct output_tap *at) {
    at->tap->rolled_back(at->writer);
    at->tap->clear(at->writer);
    at->tap->close(at->writer);
    *at = (struct output_tap){0};
}

/* What taps take joins first, where the transaction can be joined. */
static int output_join_taps(struct query_output *output, struct error *error) {
    struct database *transaction = NULL;
    bool pending = false;
    for (size_t i = 0; i < output->options.group->member_count; i++)
        pending |= output->taps[i].pending;
    int status = pending ? bus_producer_begin(output->producer, &transaction, error) : 0;
    for (size_t i = 0; transaction && i < output->options.group->member_count && !status; i++) {
        struct output_tap *at = &output->taps[i];
        at->joined = at->pending;
        status = at->joined ? at->tap->join(at->writer, transaction, error) : 0;
        if (status && !error->retriable && status != ERROR_NO_MEMORY) {
            output_drop_tap(at);
            status = 0;
        }
    }
    return status;
}

static void output_tap_committed(struct query_output *output, size_t member) {
    const struct output_topic *topic = &output->sinks[member];
    struct output_tap *at = &output->taps[member];
    int64_t from, to;
    for (int32_t p = 0; at->pending && p < topic->partitions; p++)
        if (bus_producer_written(output->producer, topic->handle, p, &from, &to))
            at->tap->committed(at->writer, p, from, to);
}

static int output_commit_once(struct query_output *output, const struct bus_position *positions, size_t count,
                              struct error *error) {
    int status = output_join_taps(output, error);
    if (!status)
        status = bus_producer_commit(output->producer, positions, count, error);
    if (status) {
        output_unjoin_taps(output);
        return status;
    }
    for (size_t i = 0; i < output->options.group->member_count; i++)
        output_tap_committed(output, i);
    output_clear_taps(output);
    return 0;
}

/* The member that writes a topic. */
static void output_find_member(const struct query_output *output, int32_t topic, size_t *ret_member) {
    for (size_t i = 0; topic >= 0 && i < output->options.group->member_count; i++)
        if (!atomic_load(&output->options.group->members[i].removed) &&
            (output->sinks[i].handle == topic ||
             (output->options.group->members[i].changelog_topic && output->changelogs[i].handle == topic))) {
            *ret_member = i;
            return;
        }
}

int query_output_commit(struct query_output *output, const struct bus_position *positions, size_t count,
                        size_t *ret_member, struct error *error) {
    int status = 0;
    for (int attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
        status = output_commit_once(output, positions, count, error);
        if (!status || !error->retriable)
            break;
        clock_sleep_ns(output->options.clock, INT64_C(50000000) << attempt);
    }
    if (status) {
        output_find_member(output, bus_producer_refused(output->producer), ret_member);
        query_output_abort(output);
    }
    output->feeds_itself = false;
    return status;
}

void query_output_abort(struct query_output *output) {
    bus_producer_abort(output->producer);
    output_unjoin_taps(output);
    output_clear_taps(output);
    output->record_count = 0;
    output->feeds_itself = false;
    arena_reset(&output->arena);
}

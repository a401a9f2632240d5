#include "stream/output.h"

#include <stdio.h>

#include "codec/json/json.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "model/time.h"
#include "stream/runtime/dead_letter.h"

enum { COMMIT_ATTEMPTS = 5 };

struct output_size {
    int32_t topic, partitions;
    int64_t size;
    struct aggregate_row *rows; /* for the store, until the commit */
    size_t count, capacity;
};

struct output {
    const struct aggregate_query *query;
    const struct clock *clock;
    struct bus_producer *producer;
    struct store_writer *writer;
    struct output_size sizes[WINDOW_SIZES_MAXIMUM];
    struct mail late, rejected;
    struct bytes json;
};

static int output_topics(struct output *output, struct error *error) {
    char name[BUS_TOPIC_NAME_MAXIMUM + 32];
    const struct aggregate_query *query = output->query;
    static const struct bus_topic_settings kept = {.retention_time = -1, .retention_bytes = -1}; /* for ever */
    int status = 0;
    for (size_t i = 0; i < query->windows.size_count && !status; i++) {
        output->sizes[i].size = query->windows.sizes[i];
        snprintf(name, sizeof name, "%s-aggregates-%lld", query->topic, (long long)(query->windows.sizes[i] / 1000));
        status = bus_producer_topic(output->producer, name, &kept, &output->sizes[i].topic,
                                    &output->sizes[i].partitions, error);
    }
    if (status)
        return status;
    snprintf(name, sizeof name, "%s-late", query->topic);
    status = mail_open(&output->late, output->producer, name, error);
    if (status)
        return status;
    snprintf(name, sizeof name, "%s-rejected", query->topic);
    return mail_open(&output->rejected, output->producer, name, error);
}

int output_open(struct bus *bus, struct store *store, const struct aggregate_query *query, const char *name,
                struct bus_consumer *member, const struct clock *clock, struct output **ret_output,
                struct error *error) {
    struct bus_producer_options options = {.name = name, .member = member, .at_least_once = query->at_least_once};
    struct output *output = memory_zero(1, sizeof *output);
    if (!output)
        return error_no_memory(error);
    output->query = query;
    output->clock = clock;
    int status = bus_producer_open(bus, &options, &output->producer, error);
    if (!status)
        status = output_topics(output, error);
    if (!status && store)
        status = store_writer_open(store, &output->writer, error);
    if (status) {
        output_close(output);
        return status;
    }
    *ret_output = output;
    return 0;
}

struct output *output_close(struct output *output) {
    if (!output)
        return NULL;
    store_writer_close(output->writer); /* before the producer, whose database it may have joined */
    bus_producer_close(output->producer);
    for (size_t i = 0; i < WINDOW_SIZES_MAXIMUM; i++)
        free(output->sizes[i].rows);
    bytes_release(&output->json);
    mail_release(&output->late);
    mail_release(&output->rejected);
    free(output);
    return NULL;
}

static int output_result(struct output *output, const struct aggregate_row *row, struct error *error) {
    struct output_size *size = output->sizes;
    while (size->size != row->window_end - row->window_start)
        size++;
    if (!memory_reserve((void **)&size->rows, &size->capacity, size->count + 1, sizeof *size->rows))
        return error_no_memory(error);
    output->json.length = 0;
    json_write_aggregate(&output->json, row);
    if (output->json.failed) {
        output->json.failed = false;
        return error_no_memory(error);
    }
    struct bus_record record = {.key = row->key, .value = bytes_slice(&output->json), .timestamp = row->window_end};
    int status = bus_produce(output->producer, size->topic, bus_partition(row->key, size->partitions), &record, error);
    if (!status && output->writer)
        size->rows[size->count++] = *row;
    return status;
}

int output_results(struct output *output, const struct aggregate_row *rows, size_t count, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < count && !status; i++)
        status = output_result(output, &rows[i], error);
    return status;
}

int output_rejected(struct output *output, const struct bus_batch *batch, size_t index, const char *reason,
                    struct error *error) {
    return mail_reject(&output->rejected, batch, index, reason, error);
}

int output_late(struct output *output, const struct bus_batch *batch, size_t index, uint16_t missed,
                int64_t stream_time, struct error *error) {
    char sizes[WINDOW_SIZES_MAXIMUM * 12] = "", reason[sizeof sizes + 64], time[TIME_TEXT_SIZE];
    size_t length = 0;
    for (size_t i = 0; i < output->query->windows.size_count; i++)
        if (missed >> i & 1)
            length += (size_t)snprintf(sizes + length, sizeof sizes - length, "%s%lld", length ? "," : "",
                                       (long long)(output->query->windows.sizes[i] / 1000));
    snprintf(reason, sizeof reason, "late: its windows of %s s have closed", sizes);
    struct bus_header headers[] = {
        {SLICE("error"), slice_of(reason)},
        {SLICE("late.windows"), slice_of(sizes)},
        {SLICE("stream.time"), {time, time_write(time, stream_time < TIME_MAXIMUM ? stream_time : TIME_MAXIMUM)}},
    };
    return mail_produce(&output->late, batch, index, headers, 3, error);
}

bool output_pending(const struct output *output) {
    return bus_producer_pending_records(output->producer) > 0;
}

size_t output_pending_bytes(const struct output *output) {
    return bus_producer_pending_bytes(output->producer);
}

static int output_commit_once(struct output *output, const struct bus_position *positions, size_t count,
                              struct error *error) {
    struct database *transaction;
    int status = bus_producer_begin(output->producer, &transaction, error);
    for (size_t i = 0; i < output->query->windows.size_count && !status; i++) {
        struct output_size *size = &output->sizes[i];
        if (size->count)
            status = store_write(output->writer, transaction, size->size, size->rows, size->count, error);
    }
    if (!status && output->writer)
        status = store_flush(output->writer, error);
    if (!status)
        status = bus_producer_commit(output->producer, positions, count, error);
    if (status && output->writer)
        store_writer_rolled_back(output->writer);
    return status;
}

int output_commit(struct output *output, const struct bus_position *positions, size_t count, struct error *error) {
    int status = 0;
    for (int attempt = 0; attempt < COMMIT_ATTEMPTS; attempt++) {
        status = output_commit_once(output, positions, count, error);
        if (!status || !error->retriable)
            break;
        clock_sleep_ns(output->clock, INT64_C(50000000) << attempt);
    }
    if (status)
        output_abort(output);
    for (size_t i = 0; i < output->query->windows.size_count; i++)
        output->sizes[i].count = 0;
    return status;
}

void output_abort(struct output *output) {
    bus_producer_abort(output->producer);
    for (size_t i = 0; i < output->query->windows.size_count; i++)
        output->sizes[i].count = 0;
}

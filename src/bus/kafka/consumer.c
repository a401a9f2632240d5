/* Reading: librdkafka hands out messages of all partitions by the thousand; poll gives them on as runs of one
 * partition with consecutive offsets. That a partition has been read to its end comes as a run without records,
 * which also passes transaction markers. */
#include "bus/kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"

enum {
    OFFSETS_TIMEOUT_MS = 10000,
    SEEK_TIMEOUT_MS = 5000,
    MISSING_TIMEOUT_MS = 1000,
    SEEK_TRIES = 20,
    SEEK_TIMEOUTS_MAXIMUM = 2,
    SEEK_PAUSE_NS = 100000000,
    NUDGE_NS = 20000000,
    NUDGE_TIMEOUT_MS = 100
};

static int consumer_configure(struct kafka_handle *handle, const char *group, rd_kafka_conf_t **ret_conf,
                              struct error *error) {
    const char *const own[][2] = {
        {"group.id", group ? group : "meterline"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"isolation.level", "read_committed"},
        {"auto.offset.reset", "error"}, /* never go on elsewhere in silence */
        {"enable.partition.eof", "true"},
        {"partition.assignment.strategy", "range"},
    };
    rd_kafka_conf_t *conf;
    int status = kafka_configure(handle, KAFKA_CONSUMER, &conf, error);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof own / sizeof *own && !status; i++)
        status = kafka_set(conf, own[i][0], own[i][1], error);
    if (status) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return 0;
}

int kafka_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    struct kafka_consumer *consumer = memory_zero(1, sizeof *consumer);
    rd_kafka_conf_t *conf;
    if (!consumer)
        return error_no_memory(error);
    consumer->base.driver = &kafka_bus_driver;
    consumer->bus = consumer->handle.bus = bus;
    consumer->group = strdup(group ? group : "meterline");
    consumer->assigned = rd_kafka_topic_partition_list_new(4);
    int status = consumer->group ? consumer_configure(&consumer->handle, group, &conf, error) : error_no_memory(error);
    if (!status) {
        rd_kafka_conf_set_rebalance_cb(conf, kafka_on_rebalance);
        status = kafka_client(bus, RD_KAFKA_CONSUMER, conf, &consumer->client, error);
    }
    if (status) {
        kafka_consumer_close(&consumer->base);
        return status;
    }
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
    *ret_consumer = &consumer->base;
    return 0;
}

static void consumer_release_messages(struct kafka_consumer *consumer) {
    for (size_t i = 0; i < consumer->message_count; i++)
        if (consumer->messages[i])
            rd_kafka_message_destroy(consumer->messages[i]);
    consumer->message_count = consumer->next_message = 0;
}

static bool consumer_misses_topic(struct kafka_consumer *consumer, const char *name) {
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->client, name, NULL);
    rd_kafka_resp_err_t err =
        topic ? rd_kafka_metadata(consumer->client, 0, topic, &found, MISSING_TIMEOUT_MS) : RD_KAFKA_RESP_ERR__FAIL;
    bool missing = !err && found->topic_cnt == 1 && found->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!err)
        rd_kafka_metadata_destroy(found);
    if (topic)
        rd_kafka_topic_destroy(topic);
    return missing;
}

/* A client of librdkafka that reads a topic which is no more may never end: it waits for partitions that no broker
 * leads (librdkafka issues 3007 and 3470). Such a client is left behind, out of its group and idle. */
static bool consumer_would_hang(struct kafka_consumer *consumer) {
    rd_kafka_topic_partition_list_t *joined = NULL;
    bool missing = false;
    if (rd_kafka_subscription(consumer->client, &joined))
        return false;
    for (int i = 0; i < joined->cnt && !missing; i++)
        missing = consumer_misses_topic(consumer, joined->elems[i].topic);
    rd_kafka_topic_partition_list_destroy(joined);
    return missing;
}

void kafka_consumer_close(struct bus_consumer *door) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    bool hangs = consumer->client && consumer_would_hang(consumer);
    consumer_release_messages(consumer);
    consumer->closing = true;
    if (consumer->client && consumer->event_partitions) /* an answer that is waited for */
        kafka_on_rebalance(consumer->client, consumer->event, consumer->event_partitions, &consumer->handle);
    if (consumer->queue)
        rd_kafka_queue_destroy(consumer->queue);
    if (consumer->client) {
        rd_kafka_consumer_close(consumer->client);
        if (hangs) /* with what its threads may look at */
            return rd_kafka_set_log_level(consumer->client, 0);
        rd_kafka_destroy(consumer->client);
    }
    if (consumer->event_partitions)
        rd_kafka_topic_partition_list_destroy(consumer->event_partitions);
    rd_kafka_topic_partition_list_destroy(consumer->assigned);
    free(consumer->headers);
    free(consumer->topics);
    free(consumer->group);
    free(consumer);
}

rd_kafka_t *kafka_consumer_client(struct kafka_consumer *consumer) {
    return consumer->client;
}

void kafka_consumer_forget(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list) {
    for (size_t i = consumer->next_message; i < consumer->message_count; i++) {
        rd_kafka_message_t *message = consumer->messages[i];
        if (message && message->rkt &&
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)list,
                                               rd_kafka_topic_name(message->rkt), message->partition)) {
            rd_kafka_message_destroy(message);
            consumer->messages[i] = NULL;
        }
    }
}

/* Moves a partition that is being read. Right after an assignment librdkafka is not ready for it yet, and on a busy
 * machine its thread may take its time. */
static int consumer_move(struct kafka_consumer *consumer, const char *topic, int32_t partition, int64_t offset,
                         struct error *error) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    kafka_consumer_forget(consumer, list);
    int status = 0;
    for (int attempt = 0; attempt < SEEK_TRIES; attempt++) {
        rd_kafka_error_t *failure = rd_kafka_seek_partitions(consumer->client, list, SEEK_TIMEOUT_MS);
        rd_kafka_resp_err_t err = failure ? rd_kafka_error_code(failure) : list->elems[0].err;
        status = err ? kafka_error(consumer->bus, err, failure ? rd_kafka_error_string(failure) : NULL, error,
                                   "cannot seek %s/%d to offset %lld", topic, (int)partition, (long long)offset)
                     : 0;
        rd_kafka_error_destroy(failure);
        bool again =
            err == RD_KAFKA_RESP_ERR__STATE || (err == RD_KAFKA_RESP_ERR__TIMED_OUT && attempt < SEEK_TIMEOUTS_MAXIMUM);
        if (!again)
            break;
        clock_sleep_ns(consumer->bus->base.options.clock, SEEK_PAUSE_NS);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int kafka_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                        struct error *error) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    rd_kafka_topic_partition_t *place =
        consumer->starting ? rd_kafka_topic_partition_list_find(consumer->starting, topic, partition) : NULL;
    if (place) {
        place->offset = offset;
        return 0;
    }
    place = rd_kafka_topic_partition_list_find(consumer->assigned, topic, partition);
    if (place && !consumer->assign)
        return consumer_move(consumer, topic, partition, offset, error);
    if (!place)
        place = rd_kafka_topic_partition_list_add(consumer->assigned, topic, partition);
    place->offset = offset;
    consumer->assign = true;
    return 0;
}

int kafka_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                         struct error *error) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_find(consumer->assigned, topic, partition);
    if (!place || consumer->assign)
        return error_set(error, ERROR_INVALID, "%s/%d is not being read", topic, (int)partition);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t err =
        paused ? rd_kafka_pause_partitions(consumer->client, list) : rd_kafka_resume_partitions(consumer->client, list);
    err = err ? err : list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        return kafka_error(consumer->bus, err, NULL, error, "cannot %s %s/%d", paused ? "pause" : "resume", topic,
                           (int)partition);
    consumer->paused |= paused;
    place->opaque = paused ? consumer : NULL; /* no poll waits for its records */
    return 0;
}

int kafka_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start, int64_t *ret_end,
                  struct error *error) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(consumer->client, topic, partition, ret_start, ret_end, OFFSETS_TIMEOUT_MS);
    return err ? kafka_error(consumer->bus, err, NULL, error, "cannot ask for the offsets of %s/%d", topic,
                             (int)partition)
               : 0;
}

int64_t kafka_known_end(const struct bus_consumer *door, const char *topic, int32_t partition) {
    const struct kafka_consumer *consumer = (const struct kafka_consumer *)door;
    int64_t low, high;
    rd_kafka_resp_err_t err = rd_kafka_get_watermark_offsets(consumer->client, topic, partition, &low, &high);
    return err || high < 0 ? -1 : high;
}

static int consumer_assign(struct kafka_consumer *consumer, struct error *error) {
    rd_kafka_resp_err_t err = rd_kafka_assign(consumer->client, consumer->assigned);
    consumer->assign = false;
    return err ? kafka_error(consumer->bus, err, NULL, error, "cannot read %d partitions", consumer->assigned->cnt) : 0;
}

static void consumer_mark(struct kafka_consumer *consumer, const rd_kafka_message_t *message, bool at_end) {
    rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_find(consumer->assigned, rd_kafka_topic_name(message->rkt), message->partition);
    if (place)
        place->opaque = at_end ? consumer : NULL;
}

/* Has the leader told of records of the partition, at its last answer, that have not come yet? */
static bool consumer_lacks(struct kafka_consumer *consumer, const rd_kafka_topic_partition_t *place,
                           rd_kafka_topic_partition_list_t *positions) {
    const rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_find(positions, place->topic, place->partition);
    int64_t end = kafka_known_end(&consumer->base, place->topic, place->partition);
    return !place->opaque && at && at->offset >= 0 && at->offset < end;
}

/* When a queue of librdkafka has been full, its thread looks again only after up to a second, or when it has
 * something else to do (before version 2.2; later fetch.queue.backoff.ms). A question to the leader of a partition
 * that has more records wakes it. It costs a request that waits for the fetches on the same connection, so it is asked
 * only then. */
static void consumer_nudge(struct kafka_consumer *consumer) {
    int64_t now = clock_monotonic_ns(consumer->bus->base.options.clock), start, end;
    if (!consumer->full || now - consumer->nudged_ns < NUDGE_NS)
        return;
    rd_kafka_topic_partition_list_t *positions = rd_kafka_topic_partition_list_copy(consumer->assigned);
    rd_kafka_position(consumer->client, positions); /* asks no broker */
    consumer->full = false;
    for (int i = 0; i < consumer->assigned->cnt; i++) {
        const rd_kafka_topic_partition_t *place = &consumer->assigned->elems[i];
        if (!consumer_lacks(consumer, place, positions))
            continue;
        consumer->full = true;
        rd_kafka_query_watermark_offsets(consumer->client, place->topic, place->partition, &start, &end,
                                         NUDGE_TIMEOUT_MS);
    }
    rd_kafka_topic_partition_list_destroy(positions);
    consumer->nudged_ns = clock_monotonic_ns(consumer->bus->base.options.clock);
}

/* librdkafka waits until the room is full or the time is over, so the first message is waited for alone. */
static int consumer_fetch(struct kafka_consumer *consumer, int64_t timeout, struct error *error) {
    consumer_release_messages(consumer);
    ssize_t got = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->messages, KAFKA_MESSAGES);
    if (got == 0)
        consumer_nudge(consumer);
    if (got == 0 && timeout > 0) {
        got = rd_kafka_consume_batch_queue(consumer->queue, timeout < INT32_MAX ? (int)timeout : INT32_MAX,
                                           consumer->messages, 1);
        if (got == 1) {
            consumer->message_count = 1;
            got = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->messages + 1, KAFKA_MESSAGES - 1);
        }
    }
    if (got < 0)
        return kafka_error(consumer->bus, rd_kafka_last_error(), NULL, error, "cannot read");
    consumer->message_count += (size_t)got;
    consumer->full |= consumer->message_count == KAFKA_MESSAGES;
    return 0;
}

static int consumer_failure(struct kafka_consumer *consumer, const rd_kafka_message_t *message, struct error *error) {
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : consumer->topics ? consumer->topics : "?";
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__TRANSPORT: /* librdkafka goes on by itself */
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* the partitions are lost, which is told as such */
        return 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return error_set(error, ERROR_NOT_FOUND,
                         "%s/%d: the records that come next are gone: retention has deleted them before they were "
                         "read, or the topic was deleted and made "
                         "anew (%s); go on with --on-lost-offsets earliest or latest",
                         topic, (int)message->partition, rd_kafka_message_errstr(message));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was read", topic);
    default:
        return kafka_error(consumer->bus, message->err, rd_kafka_message_errstr(message), error, "reading %s/%d", topic,
                           (int)message->partition);
    }
}

static bool consumer_add_headers(struct kafka_consumer *consumer, rd_kafka_message_t *message,
                                 struct bus_record *record) {
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    size_t count = rd_kafka_header_cnt(headers);
    if (!memory_reserve((void **)&consumer->headers, &consumer->header_capacity, consumer->header_count + count + 1,
                        sizeof *consumer->headers))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            consumer->headers[consumer->header_count++] = (struct bus_header){slice_of(name), {value, size}};
            record->header_count++;
        }
    }
    return true;
}

/* The headers of a run lie one after the other; where they begin is known when no more come. */
static void consumer_place_headers(struct kafka_consumer *consumer, size_t count) {
    const struct bus_header *at = consumer->headers;
    for (size_t i = 0; consumer->header_count && i < count; i++) {
        consumer->records[i].headers = at;
        at += consumer->records[i].header_count;
    }
}

/* A run from `first` on, which is a good message. */
static int consumer_run(struct kafka_consumer *consumer, const rd_kafka_message_t *first, struct bus_batch *ret_batch,
                        struct error *error) {
    size_t count = 0;
    consumer->header_count = 0;
    for (; consumer->next_message < consumer->message_count; consumer->next_message++, count++) {
        rd_kafka_message_t *message = consumer->messages[consumer->next_message];
        if (!message || message->err || message->rkt != first->rkt || message->partition != first->partition ||
            message->offset != first->offset + (int64_t)count)
            break;
        rd_kafka_timestamp_type_t type;
        int64_t timestamp = rd_kafka_message_timestamp(message, &type);
        struct bus_record *record = &consumer->records[count];
        *record = (struct bus_record){
            .key = {message->key, message->key_len}, .value = {message->payload, message->len}, .timestamp = timestamp};
        const rd_kafka_message_t *next = consumer->next_message + 1 < consumer->message_count
                                             ? consumer->messages[consumer->next_message + 1]
                                             : NULL;
        if (!kafka_message_is_bare(message, next) && !consumer_add_headers(consumer, message, record))
            return error_no_memory(error);
    }
    consumer_place_headers(consumer, count);
    consumer_mark(consumer, first, false);
    *ret_batch = (struct bus_batch){.topic = rd_kafka_topic_name(first->rkt),
                                    .partition = first->partition,
                                    .base_offset = first->offset,
                                    .records = consumer->records,
                                    .count = count};
    return 1;
}

/* The next of what was fetched; 0 when nothing is left. */
static int consumer_next(struct kafka_consumer *consumer, struct bus_batch *ret_batch, struct error *error) {
    while (consumer->next_message < consumer->message_count) {
        rd_kafka_message_t *message = consumer->messages[consumer->next_message];
        if (message && !message->err)
            return consumer_run(consumer, message, ret_batch, error);
        consumer->next_message++;
        if (!message)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            consumer_mark(consumer, message, true);
            *ret_batch = (struct bus_batch){.topic = rd_kafka_topic_name(message->rkt),
                                            .partition = message->partition,
                                            .base_offset = message->offset};
            return 1;
        }
        int status = consumer_failure(consumer, message, error);
        if (status)
            return status;
    }
    return 0;
}

int kafka_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error) {
    struct kafka_consumer *consumer = (struct kafka_consumer *)door;
    int status = consumer->assign ? consumer_assign(consumer, error) : 0;
    if (!status)
        status = consumer_next(consumer, ret_batch, error);
    if (!status && consumer->event_partitions)
        status = kafka_membership_answer(consumer, error);
    if (status)
        return status;
    status = consumer_fetch(consumer, timeout, error);
    if (!status)
        status = consumer_next(consumer, ret_batch, error);
    return status ? status : kafka_refused(consumer->bus, error);
}

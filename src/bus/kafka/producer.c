/* Records gather in an arena. As soon as there are some thousands they are handed to librdkafka, which sends them
 * while more are made; they stay here until the commit has succeeded, so that a transaction that was undone can be
 * repeated. librdkafka does not copy the values.
 *
 * They are handed over in blocks, within a block partition by partition: librdkafka keeps a list of messages for
 * each partition and walks it several times, which costs a third less of the whole when neighbours in the list were
 * made one after the other. The order within a partition is that of arrival. */
#include "bus/kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/clock.h"
#include "core/memory.h"

enum { SEND_RECORDS = 2000, QUEUE_FULL_WAIT_MS = 10, START_TRIES = 3 };

/* --- what has been written where
 * ------------------------------------------------------------------------------------------------------------------ */

/* Records of a partition are acknowledged in their order. A duplicate that was acknowledged before has no offset. */
static void written_note(struct kafka_written *written, const rd_kafka_message_t *message) {
    if (message->err || message->offset < 0 || written->count < 0 ||
        (written->count && message->offset != written->to)) {
        written->count = -1;
        return;
    }
    if (written->count++ == 0)
        written->from = message->offset;
    written->to = message->offset + 1;
}

/* Errors that the same record will meet again. */
static bool delivery_is_refused(rd_kafka_resp_err_t err) {
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           err == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || err == RD_KAFKA_RESP_ERR_INVALID_RECORD;
}

static void delivery_note_refused(struct kafka_producer *producer, const rd_kafka_message_t *message) {
    for (size_t i = 0; i < producer->topic_count && !producer->base.refused; i++)
        if (producer->topics[i].handle == message->rkt) {
            producer->base.refused = (int32_t)i + 1;
            producer->refused_err = message->err;
        }
}

/* `message->_private` is where the offset is noted; NULL: it is not wanted. */
static void producer_on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    struct kafka_producer *producer =
        (struct kafka_producer *)((char *)opaque - offsetof(struct kafka_producer, handle));
    (void)client;
    if (message->err)
        atomic_store(&producer->failed, message->err);
    if (delivery_is_refused(message->err))
        delivery_note_refused(producer, message);
    if (message->_private)
        written_note(message->_private, message);
}

void kafka_producer_take_back(struct kafka_producer *producer) {
    producer->sent = producer->block = producer->handed = 0;
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; producer->topics[t].acknowledged && p < producer->topics[t].partitions; p++)
            producer->topics[t].acknowledged[p] = (struct kafka_written){0};
}

/* A transaction begins when the markers of the one before are written (KIP-98): between our records in a partition and
 * our next ones lies at least our marker, and when only one offset lies there, it is that. */
void kafka_producer_note_written(struct kafka_producer *producer) {
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; producer->topics[t].acknowledged && p < producer->topics[t].partitions; p++) {
            struct kafka_written *now = &producer->topics[t].acknowledged[p], *last = &producer->topics[t].committed[p];
            if (now->count == 0) {
                last->count = 0;
                continue;
            }
            bool follows = producer->transactional_id && last->to > 0 && now->from == last->to + 1;
            now->from -= now->count > 0 && follows;
            *last = *now;
            last->to = now->count > 0 ? now->to : 0;
        }
}

bool kafka_producer_written(const struct bus_producer *door, int32_t topic, int32_t partition, int64_t *ret_from,
                            int64_t *ret_to) {
    const struct kafka_producer *producer = (const struct kafka_producer *)door;
    const struct kafka_written *written = producer->topics[topic].committed;
    if (!written || written[partition].count <= 0)
        return false;
    *ret_from = written[partition].from;
    *ret_to = written[partition].to;
    return true;
}

/* --- the client
 * ------------------------------------------------------------------------------------------------------------------ */

static int producer_configure(struct kafka_producer *producer, rd_kafka_conf_t **ret_conf, struct error *error) {
    rd_kafka_conf_t *conf;
    char timeout[16];
    int status = kafka_configure(&producer->handle, KAFKA_PRODUCER, &conf, error);
    if (status)
        return status;
    if (producer->transactional_id) {
        size_t size = sizeof timeout;
        status = kafka_set(conf, "transactional.id", producer->transactional_id, error);
        /* librdkafka's default is a minute, for which the outputs of a killed instance would hold up everybody who
         * reads them */
        if (!status && rd_kafka_conf_get(conf, "transaction.timeout.ms", timeout, &size) == RD_KAFKA_CONF_OK &&
            strcmp(timeout, "60000") == 0) {
            snprintf(timeout, sizeof timeout, "%d", KAFKA_TRANSACTION_TIMEOUT);
            status = kafka_set(conf, "transaction.timeout.ms", timeout, error);
        }
        producer->transaction_timeout_ns = strtoll(timeout, NULL, 10) * 1000000;
    } else {
        status = kafka_set(conf, "enable.idempotence", "true", error);
    }
    if (!status && producer->transactional_id && !producer->offsets)
        status = kafka_set(conf, "delivery.report.only.error", "true", error);
    rd_kafka_conf_set_dr_msg_cb(conf, producer_on_delivery);
    if (status) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return 0;
}

static int producer_open_client(struct kafka_producer *producer, struct error *error) {
    rd_kafka_conf_t *conf;
    int status = producer_configure(producer, &conf, error);
    if (!status)
        status = kafka_client(producer->bus, RD_KAFKA_PRODUCER, conf, &producer->client, error);
    producer->ready = false;
    return status;
}

void kafka_producer_drop_client(struct kafka_producer *producer) {
    for (size_t i = 0; i < producer->topic_count; i++)
        if (producer->topics[i].handle) {
            rd_kafka_topic_destroy(producer->topics[i].handle);
            producer->topics[i].handle = NULL;
        }
    if (producer->client) {
        rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(producer->client);
    }
    producer->client = NULL;
    producer->ready = producer->in_transaction = false;
    kafka_producer_take_back(producer);
}

/* One try; librdkafka goes on where a try that timed out has stopped. */
static int producer_initialise(struct kafka_producer *producer, struct error *error) {
    rd_kafka_error_t *failure =
        rd_kafka_init_transactions(producer->client, (int)(producer->transaction_timeout_ns / 1000000));
    if (!failure) {
        producer->ready = true;
        return 0;
    }
    int status = kafka_error(producer->bus, rd_kafka_error_code(failure), rd_kafka_error_string(failure), error,
                             "cannot begin with transactions as %s", producer->transactional_id);
    bool retriable = rd_kafka_error_is_retriable(failure), fatal = rd_kafka_error_is_fatal(failure);
    rd_kafka_error_destroy(failure);
    if (error)
        error->retriable = retriable;
    if (fatal)
        kafka_producer_drop_client(producer);
    else
        rd_kafka_poll(producer->client, 0); /* the error callback */
    int refused = retriable ? kafka_refused(producer->bus, error) : 0;
    return refused ? refused : status;
}

int kafka_producer_ready(struct kafka_producer *producer, struct error *error) {
    int status = producer->client ? 0 : producer_open_client(producer, error);
    if (!status && producer->transactional_id && !producer->ready)
        status = producer_initialise(producer, error);
    for (size_t i = 0; i < producer->topic_count && !status; i++) {
        struct kafka_topic *topic = &producer->topics[i];
        if (!topic->handle && !(topic->handle = rd_kafka_topic_new(producer->client, topic->name, NULL)))
            status =
                kafka_error(producer->bus, rd_kafka_last_error(), NULL, error, "cannot write to topic %s", topic->name);
    }
    return status;
}

/* "meterline.NAME" for what only one process may do (a replay), with --instance also for workers; otherwise a name
 * of this process's own. */
static int producer_name(struct kafka_producer *producer, const struct bus_producer_options *options,
                         struct error *error) {
    char text[600];
    unsigned long long random = 0;
    if (options->at_least_once)
        return 0;
    producer->named = options->name && (!options->member || producer->bus->instance);
    if (producer->named && options->member) {
        snprintf(text, sizeof text, "meterline.%s.%s", producer->bus->instance, options->name);
    } else if (producer->named) {
        snprintf(text, sizeof text, "meterline.%s", options->name);
    } else {
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return error_set(error, ERROR_IO, "the system gives no random number");
        snprintf(text, sizeof text, "meterline.%.300s.%016llx", options->name ? options->name : "producer", random);
    }
    producer->transactional_id = strdup(text);
    return producer->transactional_id ? 0 : error_no_memory(error);
}

int kafka_producer_open(struct bus *door, const struct bus_producer_options *options,
                        struct bus_producer **ret_producer, struct error *error) {
    struct kafka_bus *bus = (struct kafka_bus *)door;
    struct kafka_producer *producer = memory_zero(1, sizeof *producer);
    if (!producer)
        return error_no_memory(error);
    producer->base.driver = &kafka_bus_driver;
    producer->bus = producer->handle.bus = bus;
    producer->member = (struct kafka_consumer *)options->member;
    producer->offsets = options->offsets;
    int status = producer_name(producer, options, error);
    if (!status)
        status = producer_open_client(producer, error);
    /* Begun now, so that what an earlier one of the name has left open is settled before its positions are read. */
    for (int attempt = 0; attempt < START_TRIES && !status && producer->named && !producer->ready; attempt++) {
        status = kafka_producer_ready(producer, error);
        if (status && error && error->retriable && attempt + 1 < START_TRIES)
            status = 0;
    }
    if (status) {
        kafka_producer_close(&producer->base);
        return status;
    }
    *ret_producer = &producer->base;
    return 0;
}

void kafka_producer_forget(struct kafka_producer *producer) {
    arena_reset(&producer->arena);
    kafka_producer_take_back(producer);
    producer->base.pending_records = producer->base.pending_bytes = 0;
    atomic_store(&producer->failed, 0);
    producer->base.refused = 0;
}

static void producer_release_topic(struct kafka_topic *topic) {
    free(topic->name);
    free(topic->acknowledged);
    free(topic->committed);
}

void kafka_producer_close(struct bus_producer *door) {
    struct kafka_producer *producer = (struct kafka_producer *)door;
    if (producer->client)
        kafka_producer_abort(door);
    kafka_producer_drop_client(producer);
    for (size_t i = 0; i < producer->topic_count; i++)
        producer_release_topic(&producer->topics[i]);
    free(producer->topics);
    free(producer->pending);
    free(producer->order);
    free(producer->places);
    free(producer->transactional_id);
    arena_release(&producer->arena);
    free(producer);
}

int kafka_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                         int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    struct kafka_producer *producer = (struct kafka_producer *)door;
    for (size_t i = 0; i < producer->topic_count; i++)
        if (strcmp(producer->topics[i].name, name) == 0) {
            *ret_topic = (int32_t)i;
            *ret_partitions = producer->topics[i].partitions;
            return 0;
        }
    struct kafka_topic topic = {0};
    int status = kafka_topic_ensure(&producer->bus->base, name, settings, &topic.partitions, error);
    if (status)
        return status;
    topic.name = strdup(name);
    if (producer->offsets) {
        topic.acknowledged = memory_zero((size_t)topic.partitions, sizeof *topic.acknowledged);
        topic.committed = memory_zero((size_t)topic.partitions, sizeof *topic.committed);
    }
    if (!topic.name || (producer->offsets && (!topic.acknowledged || !topic.committed)) ||
        !memory_reserve((void **)&producer->topics, &producer->topic_capacity, producer->topic_count + 1,
                        sizeof *producer->topics)) {
        producer_release_topic(&topic);
        return error_no_memory(error);
    }
    *ret_topic = (int32_t)producer->topic_count;
    *ret_partitions = topic.partitions;
    producer->topics[producer->topic_count++] = topic;
    return 0;
}

static rd_kafka_headers_t *producer_headers(const struct kafka_pending *record) {
    if (!record->header_count)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct bus_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->name.data ? header->name.data : "", (ssize_t)header->name.length,
                            header->value.data, (ssize_t)header->value.length);
    }
    return headers;
}

static rd_kafka_resp_err_t producer_hand_over(const struct kafka_producer *producer,
                                              const struct kafka_pending *record) {
    rd_kafka_headers_t *headers = producer_headers(record);
    const struct kafka_topic *topic = &producer->topics[record->topic];
    bool noted = topic->acknowledged && record->partition >= 0 && record->partition < topic->partitions;
    rd_kafka_vu_t parts[8] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic->handle},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)record->key.data, record->key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)record->value.data, record->value.length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = noted ? &topic->acknowledged[record->partition] : NULL},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *failure = rd_kafka_produceva(producer->client, parts, headers ? 8 : 7);
    if (!failure)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t err = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    if (headers)
        rd_kafka_headers_destroy(headers);
    return err;
}

static int producer_begin_transaction(struct kafka_producer *producer, struct error *error) {
    if (!producer->transactional_id || producer->in_transaction)
        return 0;
    rd_kafka_error_t *failure = rd_kafka_begin_transaction(producer->client);
    if (failure) {
        int status = kafka_error(producer->bus, rd_kafka_error_code(failure), rd_kafka_error_string(failure), error,
                                 "cannot begin a transaction");
        rd_kafka_error_destroy(failure);
        return status;
    }
    producer->in_transaction = true;
    producer->begun_ns = clock_monotonic_ns(producer->bus->base.options.clock);
    return 0;
}

/* Among the partitions of all topics; one that the topic has got since counts as its last. */
static size_t producer_place(const struct kafka_producer *producer, const struct kafka_pending *record) {
    const struct kafka_topic *topic = &producer->topics[record->topic];
    int32_t last = topic->partitions - 1;
    return topic->first_place + (size_t)(record->partition < 0      ? 0
                                         : record->partition < last ? record->partition
                                                                    : last);
}

/* The next block: what is pending after the last one, sorted by topic and partition by counting, which keeps the
 * order of arrival. False: no memory. */
static bool producer_order_block(struct kafka_producer *producer) {
    size_t count = producer->base.pending_records - producer->sent, partitions = 0;
    const struct kafka_pending *block = producer->pending + producer->sent;
    for (size_t i = 0; i < producer->topic_count; i++) {
        producer->topics[i].first_place = partitions;
        partitions += (size_t)producer->topics[i].partitions;
    }
    if (!memory_reserve((void **)&producer->order, &producer->order_capacity, count, sizeof *producer->order) ||
        !memory_reserve((void **)&producer->places, &producer->place_capacity, partitions + 1,
                        sizeof *producer->places))
        return false;
    memset(producer->places, 0, (partitions + 1) * sizeof *producer->places);
    for (size_t i = 0; i < count; i++)
        producer->places[producer_place(producer, &block[i]) + 1]++;
    for (size_t p = 0; p < partitions; p++)
        producer->places[p + 1] += producer->places[p];
    for (size_t i = 0; i < count; i++)
        producer->order[producer->places[producer_place(producer, &block[i])]++] = producer->sent + i;
    producer->block = count;
    producer->handed = 0;
    return true;
}

static int producer_refused(struct kafka_producer *producer, const struct kafka_pending *record,
                            rd_kafka_resp_err_t err, struct error *error) {
    if (delivery_is_refused(err)) {
        producer->base.refused = record->topic + 1;
        producer->refused_err = err;
    }
    return kafka_error(producer->bus, err, NULL, error, "cannot write to %s/%d", producer->topics[record->topic].name,
                       (int)record->partition);
}

static int producer_send_block(struct kafka_producer *producer, struct error *error) {
    if (!producer->block && !producer_order_block(producer))
        return error_no_memory(error);
    while (producer->handed < producer->block) {
        const struct kafka_pending *record = &producer->pending[producer->order[producer->handed]];
        rd_kafka_resp_err_t err = producer_hand_over(producer, record);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(producer->client, QUEUE_FULL_WAIT_MS);
        else if (err)
            return producer_refused(producer, record, err, error);
        else
            producer->handed++;
    }
    producer->sent += producer->block;
    producer->block = producer->handed = 0;
    return 0;
}

int kafka_producer_send(struct kafka_producer *producer, struct error *error) {
    int status = kafka_producer_ready(producer, error);
    if (!status)
        status = producer_begin_transaction(producer, error);
    while (!status && producer->sent < producer->base.pending_records)
        status = producer_send_block(producer, error);
    return status;
}

/* A copy of the record in the arena; false: no memory. */
static bool producer_copy(struct kafka_producer *producer, const struct bus_record *record,
                          struct kafka_pending *ret_pending) {
    char *bytes = arena_allocate(&producer->arena, record->key.length + record->value.length + 1);
    struct bus_header *headers =
        record->header_count ? arena_allocate(&producer->arena, record->header_count * sizeof *headers) : NULL;
    if (!bytes || (record->header_count && !headers))
        return false;
    if (record->key.length)
        memcpy(bytes, record->key.data, record->key.length);
    if (record->value.length)
        memcpy(bytes + record->key.length, record->value.data, record->value.length);
    *ret_pending =
        (struct kafka_pending){.key = {record->key.data ? bytes : NULL, record->key.length},
                               .value = {record->value.data ? bytes + record->key.length : NULL, record->value.length},
                               .timestamp = record->timestamp,
                               .headers = headers,
                               .header_count = record->header_count};
    for (size_t i = 0; i < record->header_count; i++) {
        headers[i] = (struct bus_header){arena_copy(&producer->arena, record->headers[i].name),
                                         arena_copy(&producer->arena, record->headers[i].value)};
        if ((record->headers[i].name.data && !headers[i].name.data) ||
            (record->headers[i].value.data && !headers[i].value.data))
            return false;
    }
    return true;
}

int kafka_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                  struct error *error) {
    struct kafka_producer *producer = (struct kafka_producer *)door;
    size_t size = bus_record_size(record);
    if (size > BUS_RECORD_MAXIMUM)
        return bus_record_too_large(record, producer->topics[topic].name, partition, error);
    struct kafka_pending pending;
    if (!memory_reserve((void **)&producer->pending, &producer->pending_capacity, door->pending_records + 1,
                        sizeof *producer->pending) ||
        !producer_copy(producer, record, &pending))
        return error_no_memory(error);
    pending.topic = topic;
    pending.partition = partition;
    producer->pending[door->pending_records++] = pending;
    door->pending_bytes += size;
    if (door->pending_records - producer->sent >= SEND_RECORDS && producer->ready) {
        struct error ignored; /* the commit meets it again */
        kafka_producer_send(producer, &ignored);
    }
    return 0;
}

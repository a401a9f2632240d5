/* The commit. Exactly once, one transaction of the producer:
 *
 *     begin ─▶ records ─▶ positions (send_offsets_to_transaction, with the group's membership) ─▶ commit
 *                │               │                                                           │
 *                └───────────────┴── abortable: abort; a member goes back to its positions ──┤
 *                                    fatal (fenced, timed out) or no answer: a new client with the same transactional id,
 *                                    whose start settles the transaction one way or the other; the positions tell which
 *
 * At least once: flush the records, then commit the positions of the consumer. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/kafka/producer.h"
#include "core/clock.h"
#include "core/memory.h"

enum { FLUSH_SLICE_MS = 500, ANSWER_TRIES = 3 };

static rd_kafka_topic_partition_list_t *transaction_offsets(const struct bus_position *positions, size_t count,
                                                            struct error *error) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *place =
            rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition);
        const char *metadata = positions[i].metadata ? positions[i].metadata : "";
        size_t length = strlen(metadata);
        place->offset = positions[i].next_offset;
        if (length > BUS_METADATA_MAXIMUM ||
            !(place->metadata = malloc(length + 1))) { /* librdkafka frees it with the list */
            rd_kafka_topic_partition_list_destroy(list);
            if (length > BUS_METADATA_MAXIMUM)
                error_set(error, ERROR_INVALID, "the position's metadata is longer than %d bytes",
                          BUS_METADATA_MAXIMUM);
            else
                error_no_memory(error);
            return NULL;
        }
        memcpy(place->metadata, metadata, length + 1);
        place->metadata_size = length;
    }
    return list;
}

static int transaction_say(struct error *error, int code, bool retriable) {
    if (error) {
        error->code = code;
        error->retriable = retriable;
    }
    return code;
}

/* The transaction is aborted. A member goes back to its positions, as the group may have moved; a producer without
 * membership can write the same again. When even the abort fails, a new client settles it and the positions tell
 * how. */
static int transaction_undo(struct kafka_producer *producer, struct error *error) {
    rd_kafka_error_t *failure =
        rd_kafka_abort_transaction(producer->client, (int)(producer->transaction_timeout_ns / 1000000));
    atomic_fetch_add(&producer->bus->transactions_aborted, 1);
    producer->in_transaction = false;
    kafka_producer_take_back(producer);
    bool settled = failure == NULL;
    rd_kafka_error_destroy(failure);
    if (!settled)
        kafka_producer_drop_client(producer);
    return settled && !producer->member ? transaction_say(error, ERROR_BUSY, true)
                                        : transaction_say(error, ERROR_ABORTED, false);
}

/* What to do about an error of a transactional call, which is consumed. */
static int transaction_failed(struct kafka_producer *producer, rd_kafka_error_t *failure, const char *what,
                              struct error *error) {
    struct kafka_bus *bus = producer->bus;
    bool fatal = rd_kafka_error_is_fatal(failure), abortable = rd_kafka_error_txn_requires_abort(failure);
    int64_t lasted = clock_monotonic_ns(bus->base.options.clock) - producer->begun_ns;
    kafka_error(bus, rd_kafka_error_code(failure), rd_kafka_error_string(failure), error, "%s", what);
    rd_kafka_error_destroy(failure);
    if (abortable && !fatal)
        return transaction_undo(producer, error);
    atomic_fetch_add(&bus->transactions_aborted, 1);
    kafka_producer_drop_client(producer);
    if (fatal && producer->named && lasted < producer->transaction_timeout_ns)
        return error_set(
            error, ERROR_CONFLICT,
            "another process works as %s and has fenced this one off: stop one of them; nothing was written twice",
            producer->transactional_id);
    return transaction_say(error, ERROR_ABORTED, false);
}

static int transaction_add_positions(struct kafka_producer *producer, const struct bus_position *positions,
                                     size_t count, struct error *error) {
    rd_kafka_consumer_group_metadata_t *membership = NULL;
    if (count == 0)
        return 0;
    int status = producer->member ? kafka_membership(producer->member, &membership, error) : 0;
    if (!producer->member)
        membership = rd_kafka_consumer_group_metadata_new(positions[0].group);
    rd_kafka_topic_partition_list_t *list = status ? NULL : transaction_offsets(positions, count, error);
    rd_kafka_error_t *failure = NULL;
    if (list) {
        for (int attempt = 0; attempt < ANSWER_TRIES; attempt++) {
            rd_kafka_error_destroy(failure);
            failure = rd_kafka_send_offsets_to_transaction(producer->client, list, membership, -1);
            if (!failure || !rd_kafka_error_is_retriable(failure))
                break;
        }
        rd_kafka_topic_partition_list_destroy(list);
    } else if (!status) {
        status = error ? error->code : ERROR_NO_MEMORY;
    }
    if (membership)
        rd_kafka_consumer_group_metadata_destroy(membership);
    return failure ? transaction_failed(producer, failure, "cannot add the positions to the transaction", error)
                   : status;
}

static int transaction_commit(struct kafka_producer *producer, const struct bus_position *positions, size_t count,
                              struct error *error) {
    int status = transaction_add_positions(producer, positions, count, error);
    if (status)
        return status;
    rd_kafka_error_t *failure = NULL;
    for (int attempt = 0; attempt < ANSWER_TRIES; attempt++) {
        rd_kafka_error_destroy(failure);
        failure = rd_kafka_commit_transaction(producer->client, -1);
        if (!failure || !rd_kafka_error_is_retriable(failure))
            break;
    }
    if (failure)
        return transaction_failed(producer, failure, "the transaction could not be committed", error);
    producer->in_transaction = false;
    atomic_fetch_add(&producer->bus->transactions, 1);
    return 0;
}

static int at_least_once_commit(struct kafka_producer *producer, const struct bus_position *positions, size_t count,
                                struct error *error) {
    while (rd_kafka_outq_len(producer->client) > 0 && !atomic_load(&producer->failed))
        rd_kafka_flush(producer->client, FLUSH_SLICE_MS);
    if (atomic_load(&producer->failed)) {
        kafka_error(producer->bus, atomic_load(&producer->failed), NULL, error, "records could not be delivered");
        kafka_producer_drop_client(producer);
        return transaction_say(error, ERROR_ABORTED, false);
    }
    rd_kafka_topic_partition_list_t *list = transaction_offsets(positions, count, error);
    if (!list)
        return error ? error->code : ERROR_NO_MEMORY;
    rd_kafka_resp_err_t err = producer->member && count
                                  ? rd_kafka_commit(kafka_consumer_client(producer->member), list, 0)
                                  : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    if (!err)
        return 0;
    kafka_error(producer->bus, err, NULL, error, "the positions could not be committed");
    return transaction_say(error, ERROR_ABORTED, false);
}

int kafka_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error) {
    (void)door, (void)error; /* cannot be joined; the transaction begins with its first record */
    *ret_database = NULL;
    return 0;
}

int kafka_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                          struct error *error) {
    struct kafka_producer *producer = (struct kafka_producer *)door;
    int status = kafka_producer_send(producer, error);
    if (!status && producer->transactional_id)
        status = transaction_commit(producer, positions, count, error);
    else if (!status)
        status = at_least_once_commit(producer, positions, count, error);
    else if (producer->in_transaction) { /* not all records are in it */
        int undone = transaction_undo(producer, status == ERROR_INVALID ? NULL : error);
        status = status == ERROR_INVALID ? status : undone;
    }
    if (status == ERROR_ABORTED && door->refused)
        status = kafka_error(producer->bus, producer->refused_err, NULL, error, "topic %s refuses a record",
                             producer->topics[door->refused - 1].name);
    if (!status) {
        kafka_producer_note_written(producer);
        kafka_producer_forget(producer);
    }
    return status;
}

void kafka_producer_abort(struct bus_producer *door) {
    struct kafka_producer *producer = (struct kafka_producer *)door;
    if (producer->client && producer->in_transaction) {
        rd_kafka_error_t *failure =
            rd_kafka_abort_transaction(producer->client, (int)(producer->transaction_timeout_ns / 1000000));
        atomic_fetch_add(&producer->bus->transactions_aborted, 1);
        if (failure)
            kafka_producer_drop_client(producer);
        rd_kafka_error_destroy(failure);
        producer->in_transaction = false;
    } else if (producer->client && (producer->sent || producer->handed)) {
        kafka_producer_drop_client(producer); /* at least once: what it still holds points to records that go now */
    }
    kafka_producer_forget(producer);
}

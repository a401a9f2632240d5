/* What the producer's two halves share: producer.c gathers records and hands them to librdkafka, transaction.c
 * commits. */
#ifndef METERLINE_BUS_KAFKA_PRODUCER_H
#define METERLINE_BUS_KAFKA_PRODUCER_H

#include "bus/kafka/consumer.h"
#include "core/arena.h"

/* The offsets that records of a partition have got, as they are acknowledged. */
struct kafka_written {
    int64_t from, to, count; /* count: 0: none; to - from when no other records lie between; -1: not known */
};

struct kafka_topic {
    char *name;
    rd_kafka_topic_t *handle; /* of the client that is open */
    int32_t partitions;
    size_t first_place; /* of its partitions among those of all topics */
    /* by partition, when offsets are wanted: of the commit at hand, and of the last one */
    struct kafka_written *acknowledged, *committed;
};

/* A record that waits for the commit; its bytes are in the arena, where librdkafka reads them until they are
 * acknowledged. */
struct kafka_pending {
    int32_t topic, partition;
    struct slice key, value;
    int64_t timestamp;
    const struct bus_header *headers;
    size_t header_count;
};

struct kafka_producer {
    struct bus_producer base;
    struct kafka_handle handle;
    struct kafka_bus *bus;
    rd_kafka_t *client;     /* NULL: to be opened (anew) */
    char *transactional_id; /* NULL: at least once */
    bool named;             /* the transactional id is the same over restarts: another process may fence us */
    bool ready;             /* transactions are initialised */
    bool in_transaction;
    int64_t transaction_timeout_ns, begun_ns;
    struct kafka_consumer *member;
    struct kafka_topic *topics;
    size_t topic_count, topic_capacity;
    struct arena arena;
    struct kafka_pending *pending;
    size_t pending_capacity, sent; /* pending[0, sent) are with librdkafka */
    /* the block after them, pending[sent, sent + block), by topic and partition; order[0, handed) of it are with
     * librdkafka too */
    size_t *order;
    size_t order_capacity, block, handed;
    size_t *places; /* scratch: where each partition begins in the order */
    size_t place_capacity;
    atomic_int failed;               /* at least once: the error of a record that could not be delivered */
    bool offsets;                    /* of records are wanted */
    rd_kafka_resp_err_t refused_err; /* with base.refused */
};

/* Opens the client when there is none, and initialises transactions. */
int kafka_producer_ready(struct kafka_producer *producer, struct error *error);
/* Ends the client: the next one, with the same transactional id, settles what this one has left. */
void kafka_producer_drop_client(struct kafka_producer *producer);
/* Hands what is pending to librdkafka, inside a transaction which it begins. */
int kafka_producer_send(struct kafka_producer *producer, struct error *error);
/* librdkafka holds none of the records any more: they will be handed over again, or are done with. */
void kafka_producer_take_back(struct kafka_producer *producer);
/* The commit has succeeded. */
void kafka_producer_note_written(struct kafka_producer *producer);
void kafka_producer_forget(struct kafka_producer *producer);

#endif

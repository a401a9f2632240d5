/* What the consumer's two halves share: consumer.c reads records, membership.c answers the group. */
#ifndef METERLINE_BUS_KAFKA_CONSUMER_H
#define METERLINE_BUS_KAFKA_CONSUMER_H

#include "bus/kafka/kafka_bus.h"

enum { KAFKA_MESSAGES = 4096 };

struct kafka_consumer {
    struct bus_consumer base;
    struct kafka_handle handle;
    struct kafka_bus *bus;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char *group;

    /* fetched; records point into them until the next fetch; NULL: given up */
    rd_kafka_message_t *messages[KAFKA_MESSAGES];
    size_t message_count, next_message;
    struct bus_record records[KAFKA_MESSAGES];
    struct bus_header *headers;
    size_t header_count, header_capacity;

    /* with the offsets they started from; opaque is not NULL once a partition has been read to its end or is paused */
    rd_kafka_topic_partition_list_t *assigned;
    int64_t nudged_ns;
    bool full;   /* a fetch has brought all there was room for: librdkafka may be pausing */
    bool paused; /* some partition has been */
    bool assign; /* `assigned` has grown and librdkafka does not know yet */

    const struct bus_member *member; /* NULL: partitions are those that were sought */
    char *topics;                    /* that it has joined, for messages: "one, two" */
    size_t topic_count;
    bool closing;
    rd_kafka_resp_err_t event; /* a rebalance that waits for our answer: ASSIGN or REVOKE */
    rd_kafka_topic_partition_list_t *event_partitions;
    rd_kafka_topic_partition_list_t *starting; /* while the member is told of new partitions: where it wants to begin */
};

/* Is it certain that the message has no headers, without asking librdkafka? `next`: what was fetched after it; NULL:
 * nothing. */
bool kafka_message_is_bare(const rd_kafka_message_t *message, const rd_kafka_message_t *next);
/* The messages of the partitions in `list` that were fetched and not yet given out are dropped. */
void kafka_consumer_forget(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list);
/* librdkafka's callback: notes the event; kafka_membership_answer handles it when what was fetched has been given
 * out. */
void kafka_on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t *partitions,
                        void *opaque);
int kafka_membership_answer(struct kafka_consumer *consumer, struct error *error);

#endif

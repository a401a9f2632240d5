/* The log on Apache Kafka, by librdkafka. What the door's words are here:
 *
 *     registry              none of Kafka's own; given with bus_options
 *     position              the group's committed offset and its metadata string (at most offset.metadata.max.bytes, 4 KiB)
 *     commit                a Kafka transaction: records and positions (KIP-98, KIP-447); consumers read only what is committed
 *     fencing               by the transactional id of the producer and by the membership of its consumer
 *     membership            the group's eager protocol with the range assignor: at a rebalance every member gives up all and gets its share. That what comes
 *                           back need not be recovered is the member's business (it keeps the state of a partition while the position has not moved). The
 *                           cooperative protocol (KIP-429) would do the same on the wire, but its assignor ends the process by an assertion in librdkafka
 *                           before 2.3 (pull request 4381), which is what Debian 12 has
 *
 * Threads: the admin client is shared under admin_lock; librdkafka's own threads call only the log and error
 * callbacks here. */
#ifndef METERLINE_BUS_KAFKA_KAFKA_BUS_H
#define METERLINE_BUS_KAFKA_KAFKA_BUS_H

#include "bus/driver.h"
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    KAFKA_FIRST_TIMEOUT = 10000, /* ms to wait for the first answer of the cluster */
    KAFKA_ADMIN_TIMEOUT = 30000, /* ms to wait for the cluster to answer a question */
    KAFKA_TRANSACTION_TIMEOUT =
        /* ms after which the coordinator aborts the transaction of an instance that is not heard of; -X
         * transaction.timeout.ms */
    10000,
    KAFKA_PROBLEM_SIZE = 300,
};

/* What librdkafka's callbacks are given: a part of the bus, of a consumer or of a producer. */
struct kafka_handle {
    struct kafka_bus *bus;
};

struct kafka_bus {
    struct bus base;
    struct kafka_handle handle;
    char *brokers, *instance;
    struct client_property *properties; /* owned copies, wiped when they are freed */
    size_t property_count;
    struct log log;
    struct registry no_registry;
    rd_kafka_t *admin;
    pthread_mutex_t admin_lock;
    struct kafka_group *groups; /* clients that read committed positions; under positions_lock */
    pthread_mutex_t positions_lock;
    pthread_mutex_t problem_lock;
    bool accepted; /* the cluster has answered: what goes wrong from now on passes by itself */
    bool refused;  /* it has not, and refuses our credentials or certificate: waiting will not help */
    char problem[KAFKA_PROBLEM_SIZE]; /* the last thing that went wrong with a connection */
    atomic_uint_fast64_t rebalances, partitions_lost, transactions, transactions_aborted, reconnects;
};

#define KAFKA_MESSAGE_MAXIMUM "17825792" /* 17 MiB: BUS_RECORD_MAXIMUM and its headers */

enum kafka_role { KAFKA_ADMIN, KAFKA_CONSUMER, KAFKA_PRODUCER };

/* A new configuration with the user's properties; the caller adds its own and makes a client of it. */
int kafka_configure(struct kafka_handle *handle, enum kafka_role role, rd_kafka_conf_t **ret_conf, struct error *error);
/* Sets a property that is known to be right. */
int kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error);
/* Takes `conf` over in any case. */
int kafka_client(struct kafka_bus *bus, rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client,
                 struct error *error);

/* "what: librdkafka's text", with the code and retriability that fit `err`; a time-out tells the last problem with a
 * connection. */
int kafka_error(struct kafka_bus *bus, rd_kafka_resp_err_t err, const char *detail, struct error *error,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
/* ERROR_INVALID once the cluster has refused our credentials, otherwise 0. */
int kafka_refused(struct kafka_bus *bus, struct error *error);
void kafka_accepted(struct kafka_bus *bus); /* it has answered */
bool kafka_is_accepted(struct kafka_bus *bus);

/* Asks the cluster: `ask` starts the request on a queue; its answer is an event of `type`. The caller destroys the
 * event. */
typedef void (*kafka_ask)(rd_kafka_t *client, void *request, const rd_kafka_AdminOptions_t *options,
                          rd_kafka_queue_t *queue);
int kafka_admin(struct kafka_bus *bus, rd_kafka_admin_op_t operation, kafka_ask ask, void *request, const char *what,
                rd_kafka_event_t **ret_event, struct error *error);
/* Names and partitions of all topics; destroy with rd_kafka_metadata_destroy. */
int kafka_metadata(struct kafka_bus *bus, const struct rd_kafka_metadata **ret_metadata, struct error *error);

void kafka_groups_release(struct kafka_bus *bus);

struct kafka_consumer;
/* The group's metadata as of now; ERROR_ABORTED when the group has given our partitions to others. */
int kafka_membership(struct kafka_consumer *consumer, rd_kafka_consumer_group_metadata_t **ret_metadata,
                     struct error *error);
rd_kafka_t *kafka_consumer_client(struct kafka_consumer *consumer);

/* The functions of the driver. */
extern const struct bus_driver kafka_bus_driver;
int kafka_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error);
int kafka_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                       int32_t *ret_partitions, struct error *error);
int kafka_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                      struct error *error);
int kafka_topic_delete(struct bus *door, const char *name, struct error *error);
int kafka_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error);
int kafka_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error);
int kafka_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error);
int kafka_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error);
int kafka_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                    struct bus_committed *ret_committed, struct error *error);
int kafka_group_reset(struct bus *door, const char *group, struct error *error);
int kafka_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error);
int kafka_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error);
void kafka_consumer_close(struct bus_consumer *door);
int kafka_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                        size_t count, const struct bus_member *member, struct error *error);
int kafka_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                         struct error *error);
int kafka_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                        struct error *error);
int kafka_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error);
int64_t kafka_known_end(const struct bus_consumer *door, const char *topic, int32_t partition);
int kafka_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start, int64_t *ret_end,
                  struct error *error);
int kafka_producer_open(struct bus *door, const struct bus_producer_options *options,
                        struct bus_producer **ret_producer, struct error *error);
void kafka_producer_close(struct bus_producer *door);
int kafka_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                         int32_t *ret_topic, int32_t *ret_partitions, struct error *error);
int kafka_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                  struct error *error);
bool kafka_producer_written(const struct bus_producer *door, int32_t topic, int32_t partition, int64_t *ret_from,
                            int64_t *ret_to);
int kafka_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error);
int kafka_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                          struct error *error);
void kafka_producer_abort(struct bus_producer *door);

#endif

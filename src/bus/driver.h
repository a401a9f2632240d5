/* What an implementation of the log is made of: a table of functions behind the door in bus.h, whose comments say
 * what each must do. Each handle of an implementation begins with the struct of the same name here. */
#ifndef METERLINE_BUS_DRIVER_H
#define METERLINE_BUS_DRIVER_H

#include "bus/bus.h"

struct bus_driver {
    bool remote;
    void (*close)(struct bus *bus);
    int (*topic_create)(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                        struct error *error);
    int (*topic_ensure)(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                        int32_t *ret_partitions, struct error *error);
    int (*topic_alter)(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                       struct error *error);
    int (*topic_delete)(struct bus *bus, const char *name, struct error *error);
    int (*topics)(struct bus *bus, struct bus_topic_list *ret_list, struct error *error);
    int (*topic_describe)(struct bus *bus, const char *name, struct bus_topic_info *ret_info, struct error *error);
    int (*topic_origin)(struct bus *bus, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error);
    int (*apply_retention)(struct bus *bus, int64_t *ret_records, struct error *error);
    int (*trim)(struct bus *bus, const char *topic, int32_t partition, int64_t offset, struct error *error);
    int (*committed)(struct bus *bus, const char *group, const char *topic, int32_t partition,
                     struct bus_committed *ret_committed, struct error *error);
    int (*group_reset)(struct bus *bus, const char *group, struct error *error);
    /* Both NULL: any number of processes share the work of a group. */
    int (*group_claim)(struct bus *bus, const char *group, struct bus_claim **ret_claim, struct error *error);
    void (*group_release)(struct bus_claim *claim);
    int (*groups)(struct bus *bus, struct bus_group_list *ret_list, struct error *error);
    void (*counts)(struct bus *bus, struct bus_counts *ret_counts);

    int (*consumer_open)(struct bus *bus, const char *group, struct bus_consumer **ret_consumer, struct error *error);
    void (*consumer_close)(struct bus_consumer *consumer);
    int (*consumer_join)(struct bus_consumer *consumer, const char *const *topics, size_t topic_count, size_t number,
                         size_t count, const struct bus_member *member, struct error *error);
    int (*consumer_pause)(struct bus_consumer *consumer, const char *topic, int32_t partition, bool paused,
                          struct error *error);
    int (*consumer_seek)(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset,
                         struct error *error);
    int (*consumer_poll)(struct bus_consumer *consumer, int64_t timeout, struct bus_batch *ret_batch,
                         struct error *error);
    int (*offsets)(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t *ret_start,
                   int64_t *ret_end, struct error *error);
    int64_t (*known_end)(const struct bus_consumer *consumer, const char *topic, int32_t partition); /* NULL: -1 */

    int (*producer_open)(struct bus *bus, const struct bus_producer_options *options,
                         struct bus_producer **ret_producer, struct error *error);
    void (*producer_close)(struct bus_producer *producer);
    int (*producer_topic)(struct bus_producer *producer, const char *name, const struct bus_topic_settings *settings,
                          int32_t *ret_topic, int32_t *ret_partitions, struct error *error);
    int (*produce)(struct bus_producer *producer, int32_t topic, int32_t partition, const struct bus_record *record,
                   struct error *error);
    int (*producer_begin)(struct bus_producer *producer, struct database **ret_database, struct error *error);
    bool (*producer_written)(const struct bus_producer *producer, int32_t topic, int32_t partition, int64_t *ret_from,
                             int64_t *ret_to); /* NULL: the log does not say */
    int (*producer_commit)(struct bus_producer *producer, const struct bus_position *positions, size_t count,
                           struct error *error);
    void (*producer_abort)(struct bus_producer *producer);
};

struct bus {
    const struct bus_driver *driver;
    struct bus_options options; /* without the properties */
    const struct registry *registry;
};

struct bus_consumer {
    const struct bus_driver *driver;
};

struct bus_producer {
    const struct bus_driver *driver;
    size_t pending_records, pending_bytes;
    int32_t refused; /* 1 + the topic of which a record was refused for good, since the last commit; 0: none */
};

int sqlite_bus_open(const char *folder, const struct bus_options *options, struct bus **ret_bus, struct error *error);
int kafka_bus_open(const char *brokers, const struct bus_options *options, struct bus **ret_bus, struct error *error);

/* What the implementations share. */
/* Of a topic to be made: its name and its number of partitions, which is filled in when it is 0. */
int bus_topic_check(const struct bus *bus, const char *name, struct bus_topic_settings *settings, struct error *error);
/* ERROR_INVALID: they cannot be joined together. */
int bus_topics_differ(const char *one, int32_t partitions, const char *other, int32_t other_partitions,
                      struct error *error);
/* ERROR_NOT_FOUND for `name`, with the nearest of the topics there are. */
int bus_topic_unknown(const char *name, const struct bus_topic_list *topics, struct error *error);
size_t bus_record_size(const struct bus_record *record);
int bus_record_too_large(const struct bus_record *record, const char *topic, int32_t partition, struct error *error);

#endif

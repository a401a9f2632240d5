/* What the log in memory is made of, under one lock:
 *
 *     topics, by name ── partition ── batch ── batch ── batch        one commit's records of a partition are a batch
 *     positions, by (group, topic, partition)
 *     members: consumers that have joined
 *
 * A batch lives as long as its partition keeps it or a consumer has given it out. A topic that was deleted stays in
 * memory until the log is closed, as consumers and producers point to it. */
#ifndef METERLINE_BUS_MEMORY_MEMORY_LOG_H
#define METERLINE_BUS_MEMORY_MEMORY_LOG_H

#include "bus/driver.h"
#include "bus/memory/memory_bus.h"
#include "core/arena.h"
#include "model/registry_memory.h"
#include <pthread.h>

struct memory_batch {
    unsigned references; /* under the lock once it is committed */
    struct arena arena;
    int64_t base_offset, append_time;
    struct bus_record *records;
    size_t count, capacity, bytes;
};

struct memory_partition {
    int64_t start_offset, end_offset, bytes, last_append;
    struct memory_batch **batches;
    size_t count, capacity;
};

struct memory_topic {
    struct memory_topic *next; /* of those that were deleted */
    char name[BUS_TOPIC_NAME_MAXIMUM + 1];
    struct bus_topic_settings settings;
    struct memory_partition *partitions;
    bool deleted;
};

struct memory_position {
    char *group, *topic, *metadata;
    int32_t partition;
    int64_t next_offset, revision;
};

struct memory_consumer;

struct memory_bus {
    struct bus base;
    struct memory_bus_options injected;
    struct registry_memory *schemas;
    pthread_mutex_t lock;
    pthread_cond_t news; /* a commit */
    struct memory_topic **topics;
    size_t topic_count, topic_capacity;
    struct memory_topic *deleted;
    struct memory_position *positions;
    size_t position_count, position_capacity;
    struct memory_consumer *members;
    uint64_t generation; /* of memberships: how many rebalances there were */
    bool lost;           /* of the last one */
};

int memory_bus_fault(struct memory_bus *bus, enum memory_bus_call call, struct error *error);

/* Under the lock. NULL: there is none. */
struct memory_topic *memory_topic_find(struct memory_bus *bus, const char *name);
/* ERROR_NOT_FOUND names the topic and partition. */
int memory_partition_find(struct memory_bus *bus, const char *topic, int32_t partition, struct memory_topic **ret_topic,
                          struct error *error);
struct memory_topic *memory_topic_free(struct memory_topic *topic);
struct memory_batch *memory_batch_new(void);
struct memory_batch *memory_batch_release(struct memory_batch *batch);
/* Copies the record after the others; false: no memory, nothing has changed. */
bool memory_batch_add(struct memory_batch *batch, const struct bus_record *record);

/* Under the lock: ERROR_CONFLICT when the position is not what `position` expects. */
int memory_position_check(struct memory_bus *bus, const struct bus_position *position, struct error *error);
/* Under the lock: all of them, or, when memory has run out, none. */
int memory_positions_set(struct memory_bus *bus, const struct bus_position *positions, size_t count,
                         struct error *error);
void memory_positions_forget(struct memory_bus *bus, const char *group, const char *topic); /* NULL: any */

/* The functions of memory_bus_driver. */
extern const struct bus_driver memory_bus_driver;
int memory_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                        struct error *error);
int memory_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                        int32_t *ret_partitions, struct error *error);
int memory_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error);
int memory_topic_delete(struct bus *door, const char *name, struct error *error);
int memory_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error);
int memory_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error);
int memory_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error);
int memory_apply_retention(struct bus *door, int64_t *ret_records, struct error *error);
int memory_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error);
int memory_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                     struct bus_committed *ret_committed, struct error *error);
int memory_group_reset(struct bus *door, const char *group, struct error *error);
int memory_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error);
int memory_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error);
void memory_consumer_close(struct bus_consumer *door);
int memory_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                         size_t count, const struct bus_member *member, struct error *error);
int memory_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                          struct error *error);
int memory_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                         struct error *error);
int memory_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error);
int memory_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start,
                   int64_t *ret_end, struct error *error);
int memory_producer_open(struct bus *door, const struct bus_producer_options *options,
                         struct bus_producer **ret_producer, struct error *error);
void memory_producer_close(struct bus_producer *door);
int memory_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                          int32_t *ret_topic, int32_t *ret_partitions, struct error *error);
int memory_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                   struct error *error);
int memory_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error);
int memory_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                           struct error *error);
void memory_producer_abort(struct bus_producer *door);

#endif

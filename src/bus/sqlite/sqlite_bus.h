/* The embedded log: one SQLite file for all topics. The tables:
 *
 *     log_topics      id, name, partitions, retention_time, retention_bytes, compacted
 *     log_partitions  id, topic, partition, start_offset, next_offset, bytes, last_append, compacted_offset, compacted_records
 *     log_batches     id = partition id << 44 | base offset, count (of offsets), append_time, data (batch_format.h)
 *     log_positions   group, topic, partition, next_offset, revision, metadata
 *     log_schemas     id, subject, schema, kind (0 Avro, 1 JSON Schema, 2 Protobuf)
 *     log_identity    id: one row, random
 *
 * Partition ids are never used again, so a topic that was deleted and made anew cannot be taken for the old one. */
#ifndef METERLINE_BUS_SQLITE_SQLITE_BUS_H
#define METERLINE_BUS_SQLITE_SQLITE_BUS_H

#include "bus/driver.h"
#include <pthread.h>

enum { SQLITE_BUS_OFFSET_BITS = 44, SQLITE_BUS_PARTITION_IDS = (1 << 19) - 1 };
#define SQLITE_BUS_OFFSET_MAXIMUM ((INT64_C(1) << SQLITE_BUS_OFFSET_BITS) - 1)

struct sqlite_bus {
    struct bus base;
    char *folder;
    struct database *admin; /* for topics, positions and schemas; under admin_lock */
    pthread_mutex_t admin_lock;
    pthread_mutex_t write_lock; /* writers of this process queue here instead of polling for SQLite's lock */
    struct registry registry;   /* of the schemas beside the log */
};

static inline int64_t sqlite_bus_batch_id(int64_t partition_id, int64_t offset) {
    return partition_id << SQLITE_BUS_OFFSET_BITS | offset;
}

/* A connection of its own for a consumer or producer. */
int sqlite_bus_connect(const struct sqlite_bus *bus, struct database **ret_database, struct error *error);
int sqlite_bus_create_tables(struct database *database, struct error *error);

struct sqlite_partition {
    int64_t id, start_offset, next_offset, last_append;
    bool compacted;
};
/* ERROR_CORRUPT: what the table of partitions says cannot be. */
int sqlite_bus_damaged(const char *topic, int32_t partition, const char *what, int64_t number, struct error *error);
/* ERROR_NOT_FOUND names the topic and partition. */
int sqlite_bus_find_partition(struct database *database, const char *topic, int32_t partition,
                              struct sqlite_partition *ret_partition, struct error *error);
/* Inside the caller's transaction: whole batches beyond retention are deleted. */
int sqlite_bus_retain(struct database *database, int64_t now, int64_t *ret_records, struct error *error);
/* Inside the caller's transaction: partitions of compacted topics lose the records that newer ones of the same key
 * have replaced; see compaction.c. */
int sqlite_bus_compact(struct database *database, int64_t *ret_records, struct error *error);
/* Inside the caller's transaction. */
int sqlite_bus_put_position(struct database *database, sqlite3_stmt *update, sqlite3_stmt *insert,
                            const struct bus_position *position, struct error *error);
#define SQLITE_BUS_UPDATE_POSITION                                                                                     \
    "UPDATE log_positions SET next_offset=?4, metadata=?5, revision=revision+1 WHERE group_name=?1 AND topic=?2 AND "  \
    "partition=?3 AND revision=?6"
#define SQLITE_BUS_INSERT_POSITION                                                                                     \
    "INSERT INTO log_positions(group_name,topic,partition,next_offset,metadata,revision) VALUES(?1,?2,?3,?4,?5,1) ON " \
    "CONFLICT DO NOTHING"

void sqlite_bus_registry_open(struct sqlite_bus *bus);

/* The functions of sqlite_bus_driver. */
extern const struct bus_driver sqlite_bus_driver;
int sqlite_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                        struct error *error);
int sqlite_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                        int32_t *ret_partitions, struct error *error);
int sqlite_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error);
int sqlite_topic_delete(struct bus *door, const char *name, struct error *error);
int sqlite_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error);
int sqlite_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error);
int sqlite_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error);
int sqlite_apply_retention(struct bus *door, int64_t *ret_records, struct error *error);
int sqlite_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error);
int sqlite_committed(struct bus *door, const char *group, const char *topic, int32_t partition,
                     struct bus_committed *ret_committed, struct error *error);
int sqlite_group_reset(struct bus *door, const char *group, struct error *error);
int sqlite_group_claim(struct bus *door, const char *group, struct bus_claim **ret_claim, struct error *error);
void sqlite_group_release(struct bus_claim *claim);
int sqlite_groups(struct bus *door, struct bus_group_list *ret_list, struct error *error);
int sqlite_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error);
void sqlite_consumer_close(struct bus_consumer *door);
int sqlite_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                         size_t count, const struct bus_member *member, struct error *error);
int sqlite_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                          struct error *error);
int sqlite_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                         struct error *error);
int sqlite_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error);
int sqlite_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start,
                   int64_t *ret_end, struct error *error);
int sqlite_producer_open(struct bus *door, const struct bus_producer_options *options,
                         struct bus_producer **ret_producer, struct error *error);
void sqlite_producer_close(struct bus_producer *door);
int sqlite_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                          int32_t *ret_topic, int32_t *ret_partitions, struct error *error);
int sqlite_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                   struct error *error);
int sqlite_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error);
bool sqlite_producer_written(const struct bus_producer *door, int32_t topic, int32_t partition, int64_t *ret_from,
                             int64_t *ret_to);
int sqlite_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                           struct error *error);
void sqlite_producer_abort(struct bus_producer *door);

#endif

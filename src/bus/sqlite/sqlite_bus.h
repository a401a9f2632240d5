/* The embedded log: one SQLite file for all topics. The tables:
 *
 *     log_topics      id, name, partitions, retention_time, retention_bytes
 *     log_partitions  id, topic, partition, start_offset, next_offset, bytes, last_append
 *     log_batches     id = partition id << 44 | base offset, count, append_time, data (batch_format.h)
 *     log_positions   group, topic, partition, next_offset, revision, metadata
 *     log_schemas     id, subject, schema
 *
 * Partition ids are never used again, so a topic that was deleted and made anew cannot be taken for the old one. */
#ifndef METERLINE_BUS_SQLITE_SQLITE_BUS_H
#define METERLINE_BUS_SQLITE_SQLITE_BUS_H

#include <pthread.h>
#include "bus/bus.h"

enum { SQLITE_BUS_OFFSET_BITS = 44, SQLITE_BUS_PARTITION_IDS = (1 << 19) - 1 };

struct bus {
    char *folder;
    struct bus_options options;
    struct database *admin;          /* for topics, positions and schemas; under admin_lock */
    pthread_mutex_t admin_lock;
    pthread_mutex_t write_lock;      /* writers of this process queue here instead of polling for SQLite's lock */
    struct registry registry;
};

static inline int64_t sqlite_bus_batch_id(int64_t partition_id, int64_t offset) {
    return partition_id << SQLITE_BUS_OFFSET_BITS | offset;
}

/* A connection of its own for a consumer or producer. */
int sqlite_bus_connect(const struct bus *bus, struct database **ret_database, struct error *error);
int sqlite_bus_create_tables(struct database *database, struct error *error);
bool bus_topic_name_valid(const char *name);

struct sqlite_partition {
    int64_t id, start_offset, next_offset, last_append;
};
/* ERROR_NOT_FOUND names the topic and partition. */
int sqlite_bus_find_partition(struct database *database, const char *topic, int32_t partition, struct sqlite_partition *ret_partition, struct error *error);
/* Inside the caller's transaction: whole batches beyond retention are deleted. */
int sqlite_bus_retain(struct database *database, int64_t now, int64_t *ret_records, struct error *error);
/* Inside the caller's transaction. */
int sqlite_bus_put_position(struct database *database, sqlite3_stmt *update, sqlite3_stmt *insert, const struct bus_position *position, struct error *error);
#define SQLITE_BUS_UPDATE_POSITION \
    "UPDATE log_positions SET next_offset=?4, metadata=?5, revision=revision+1 WHERE group_name=?1 AND topic=?2 AND partition=?3 AND revision=?6"
#define SQLITE_BUS_INSERT_POSITION \
    "INSERT INTO log_positions(group_name,topic,partition,next_offset,metadata,revision) VALUES(?1,?2,?3,?4,?5,1) ON CONFLICT DO NOTHING"

void sqlite_bus_registry_open(struct bus *bus);

#endif

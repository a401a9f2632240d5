/* Records gather uncompressed, by partition; a full batch is compressed at once, the rest before the transaction
 * begins, so that the lock is held only for writing. Inside the transaction offsets and the append time become known
 * and are stamped into the blobs. */
#include "bus/sqlite/batch_format.h"
#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

enum { BATCH_SEAL_BYTES = 4 << 20, RETENTION_INTERVAL_MS = 60000, CLOCK_BACK_MS = 3600000 };

struct sealed_batch {
    struct bytes blob;
    uint32_t count;
};

struct pending_partition {
    int64_t id; /* of the partition, learned when the topic is opened */
    struct bytes records;
    uint32_t count;
    int64_t base_timestamp;
    int64_t written_from, written_to; /* offsets of the last commit */
    struct sealed_batch *sealed;
    size_t sealed_count, sealed_capacity; /* blobs up to sealed_capacity keep their memory for the next round */
};

struct producer_topic {
    char *name;
    int32_t partition_count;
    struct pending_partition *partitions;
};

struct sqlite_producer {
    struct bus_producer base;
    struct sqlite_bus *bus;
    struct database *database;
    ZSTD_CCtx *context;
    struct producer_topic *topics;
    size_t topic_count, topic_capacity;
    bool begun; /* the transaction is open and the write lock held */
    int64_t retained_at;
    sqlite3_stmt *end, *insert, *advance, *update_position, *insert_position;
};

int sqlite_producer_open(struct bus *door, const struct bus_producer_options *options,
                         struct bus_producer **ret_producer, struct error *error) {
    (void)options; /* positions are compared and set, which fences without names or membership */
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct sqlite_producer *producer = memory_zero(1, sizeof *producer);
    if (!producer)
        return error_no_memory(error);
    producer->base.driver = &sqlite_bus_driver;
    producer->bus = bus;
    producer->retained_at = INT64_MIN / 2;
    int status = sqlite_bus_connect(bus, &producer->database, error);
    if (!status && !(producer->context = ZSTD_createCCtx()))
        status = error_no_memory(error);
    if (!status)
        status = database_prepare(producer->database, "SELECT next_offset, last_append FROM log_partitions WHERE id=?",
                                  &producer->end, error);
    if (!status)
        status = database_prepare(producer->database,
                                  "INSERT INTO log_batches(id, count, append_time, data) VALUES(?, ?, ?, ?)",
                                  &producer->insert, error);
    if (!status)
        status = database_prepare(
            producer->database, "UPDATE log_partitions SET next_offset=?2, bytes=bytes+?3, last_append=?4 WHERE id=?1",
            &producer->advance, error);
    if (!status)
        status = database_prepare(producer->database, SQLITE_BUS_UPDATE_POSITION, &producer->update_position, error);
    if (!status)
        status = database_prepare(producer->database, SQLITE_BUS_INSERT_POSITION, &producer->insert_position, error);
    if (status) {
        sqlite_producer_close(&producer->base);
        return status;
    }
    *ret_producer = &producer->base;
    return 0;
}

static void producer_end(struct sqlite_producer *producer) {
    if (producer->begun)
        pthread_mutex_unlock(&producer->bus->write_lock);
    producer->begun = false;
}

static void producer_forget(struct sqlite_producer *producer) {
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; p < producer->topics[t].partition_count; p++) {
            struct pending_partition *pending = &producer->topics[t].partitions[p];
            pending->records.length = 0;
            pending->count = 0;
            pending->sealed_count = 0;
        }
    producer->base.pending_records = producer->base.pending_bytes = 0;
}

void sqlite_producer_abort(struct bus_producer *door) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    database_rollback(producer->database);
    producer_end(producer);
    producer_forget(producer);
}

void sqlite_producer_close(struct bus_producer *door) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    if (producer->database)
        sqlite_producer_abort(door);
    for (size_t t = 0; t < producer->topic_count; t++) {
        for (int32_t p = 0; p < producer->topics[t].partition_count; p++) {
            struct pending_partition *pending = &producer->topics[t].partitions[p];
            bytes_release(&pending->records);
            for (size_t i = 0; i < pending->sealed_capacity; i++)
                bytes_release(&pending->sealed[i].blob);
            free(pending->sealed);
        }
        free(producer->topics[t].partitions);
        free(producer->topics[t].name);
    }
    free(producer->topics);
    sqlite3_finalize(producer->end);
    sqlite3_finalize(producer->insert);
    sqlite3_finalize(producer->advance);
    sqlite3_finalize(producer->update_position);
    sqlite3_finalize(producer->insert_position);
    ZSTD_freeCCtx(producer->context);
    database_close(producer->database);
    free(producer);
}

static int producer_find_ids(struct sqlite_producer *producer, struct producer_topic *topic, struct error *error) {
    int status = 0;
    for (int32_t p = 0; p < topic->partition_count && !status; p++) {
        struct sqlite_partition found;
        status = sqlite_bus_find_partition(producer->database, topic->name, p, &found, error);
        if (!status)
            topic->partitions[p].id = found.id;
    }
    return status;
}

int sqlite_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                          int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    for (size_t t = 0; t < producer->topic_count; t++)
        if (strcmp(producer->topics[t].name, name) == 0) {
            *ret_topic = (int32_t)t;
            *ret_partitions = producer->topics[t].partition_count;
            return 0;
        }
    if (producer->begun)
        return error_set(error, ERROR_INVALID, "topic %s must be opened before the transaction begins", name);
    int32_t partitions = 0;
    int status = sqlite_topic_ensure(&producer->bus->base, name, settings, &partitions, error);
    if (status)
        return status;
    if (!memory_reserve((void **)&producer->topics, &producer->topic_capacity, producer->topic_count + 1,
                        sizeof *producer->topics))
        return error_no_memory(error);
    struct producer_topic topic = {.name = strdup(name),
                                   .partition_count = partitions,
                                   .partitions = memory_zero((size_t)partitions, sizeof *topic.partitions)};
    status = topic.name && topic.partitions ? producer_find_ids(producer, &topic, error) : error_no_memory(error);
    if (status) {
        free(topic.name);
        free(topic.partitions);
        return status;
    }
    *ret_topic = (int32_t)producer->topic_count;
    *ret_partitions = partitions;
    producer->topics[producer->topic_count++] = topic;
    return 0;
}

/* Compresses what has gathered into the next sealed batch. */
static int producer_seal(struct sqlite_producer *producer, struct pending_partition *pending, struct error *error) {
    if (pending->count == 0)
        return 0;
    if (pending->sealed_count == pending->sealed_capacity) {
        size_t capacity = pending->sealed_capacity;
        if (!memory_reserve((void **)&pending->sealed, &pending->sealed_capacity, capacity + 1,
                            sizeof *pending->sealed))
            return error_no_memory(error);
        memset(pending->sealed + capacity, 0, (pending->sealed_capacity - capacity) * sizeof *pending->sealed);
    }
    struct sealed_batch *batch = &pending->sealed[pending->sealed_count];
    int status = batch_seal(producer->context, bytes_slice(&pending->records), pending->count, pending->base_timestamp,
                            &batch->blob, error);
    if (status)
        return status;
    batch->count = pending->count;
    pending->sealed_count++;
    pending->count = 0;
    pending->records.length = 0;
    return 0;
}

int sqlite_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                   struct error *error) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    struct producer_topic *to = &producer->topics[topic];
    struct pending_partition *pending = &to->partitions[partition];
    if (bus_record_size(record) > BUS_RECORD_MAXIMUM)
        return bus_record_too_large(record, to->name, partition, error);
    if (pending->records.length >= BATCH_SEAL_BYTES || pending->count >= BATCH_RECORDS_MAXIMUM) {
        int status = producer_seal(producer, pending, error);
        if (status)
            return status;
    }
    if (pending->count == 0)
        pending->base_timestamp = record->timestamp;
    size_t before = pending->records.length;
    batch_write_record(&pending->records, record, pending->base_timestamp);
    if (pending->records.failed) {
        pending->records.failed = false;
        pending->records.length = before;
        return error_no_memory(error);
    }
    pending->count++;
    producer->base.pending_records++;
    producer->base.pending_bytes += pending->records.length - before;
    return 0;
}

static int producer_seal_all(struct sqlite_producer *producer, struct error *error) {
    int status = 0;
    for (size_t t = 0; t < producer->topic_count && !status; t++)
        for (int32_t p = 0; p < producer->topics[t].partition_count && !status; p++)
            status = producer_seal(producer, &producer->topics[t].partitions[p], error);
    return status;
}

int sqlite_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    database_rollback(producer->database); /* begun before and not committed: starts anew */
    producer_end(producer);
    int status = producer_seal_all(producer, error);
    if (status)
        return status;
    pthread_mutex_lock(&producer->bus->write_lock);
    producer->begun = true;
    status = database_begin(producer->database, error);
    if (status) {
        producer_end(producer);
        return status;
    }
    *ret_database = producer->database;
    return 0;
}

static int producer_insert(struct sqlite_producer *producer, int64_t partition, struct sealed_batch *batch,
                           int64_t offset, int64_t now, struct error *error) {
    batch_stamp(&batch->blob, (struct batch_place){(uint32_t)partition, offset}, now);
    sqlite3_bind_int64(producer->insert, 1, sqlite_bus_batch_id(partition, offset));
    sqlite3_bind_int64(producer->insert, 2, batch->count);
    sqlite3_bind_int64(producer->insert, 3, now);
    sqlite3_bind_blob64(producer->insert, 4, batch->blob.data, batch->blob.length, SQLITE_STATIC);
    return database_run(producer->database, producer->insert, error);
}

/* The append time does not go back with a clock that is set right by a little; by more than CLOCK_BACK_MS it does, as
 * the batch before was then taken with a clock that was ahead, which must not hold for all that follow. */
static int producer_write_partition(struct sqlite_producer *producer, const struct producer_topic *topic,
                                    int32_t number, int64_t now, struct error *error) {
    struct pending_partition *pending = &topic->partitions[number];
    sqlite3_bind_int64(producer->end, 1, pending->id);
    int status = database_step(producer->database, producer->end, error);
    if (status == 0)
        return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was written to", topic->name);
    if (status < 0)
        return status;
    int64_t offset = sqlite3_column_int64(producer->end, 0), last = sqlite3_column_int64(producer->end, 1), size = 0;
    sqlite3_reset(producer->end);
    status = 0;
    if (offset < 0 || offset > SQLITE_BUS_OFFSET_MAXIMUM - (INT64_C(1) << 32))
        return sqlite_bus_damaged(topic->name, number, "its end offset is", offset, error);
    if (now < last && now >= last - CLOCK_BACK_MS)
        now = last;
    pending->written_from = offset;
    for (size_t i = 0; i < pending->sealed_count && !status; i++) {
        status = producer_insert(producer, pending->id, &pending->sealed[i], offset, now, error);
        offset += pending->sealed[i].count;
        size += (int64_t)pending->sealed[i].blob.length;
    }
    if (status)
        return error_wrap(error, "appending to %s/%d", topic->name, (int)number);
    sqlite3_bind_int64(producer->advance, 1, pending->id);
    pending->written_to = offset;
    sqlite3_bind_int64(producer->advance, 2, offset);
    sqlite3_bind_int64(producer->advance, 3, size);
    sqlite3_bind_int64(producer->advance, 4, now);
    return database_run(producer->database, producer->advance, error);
}

static int producer_write(struct sqlite_producer *producer, const struct bus_position *positions, size_t count,
                          struct error *error) {
    int64_t now = clock_wall(producer->bus->base.options.clock), deleted;
    int status = 0;
    for (size_t t = 0; t < producer->topic_count && !status; t++)
        for (int32_t p = 0; p < producer->topics[t].partition_count && !status; p++) {
            producer->topics[t].partitions[p].written_from = producer->topics[t].partitions[p].written_to = 0;
            if (producer->topics[t].partitions[p].sealed_count)
                status = producer_write_partition(producer, &producer->topics[t], p, now, error);
        }
    for (size_t i = 0; i < count && !status; i++)
        status = sqlite_bus_put_position(producer->database, producer->update_position, producer->insert_position,
                                         &positions[i], error);
    bool back = now < producer->retained_at;
    if (!status && (back || now >= producer->retained_at + RETENTION_INTERVAL_MS)) {
        status = sqlite_bus_retain(producer->database, now, &deleted, error);
        if (!status)
            status = sqlite_bus_compact(producer->database, &deleted, error);
        producer->retained_at = now;
    }
    return status;
}

bool sqlite_producer_written(const struct bus_producer *door, int32_t topic, int32_t partition, int64_t *ret_from,
                             int64_t *ret_to) {
    const struct sqlite_producer *producer = (const struct sqlite_producer *)door;
    const struct pending_partition *pending = &producer->topics[topic].partitions[partition];
    *ret_from = pending->written_from;
    *ret_to = pending->written_to;
    return pending->written_to > pending->written_from;
}

int sqlite_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                           struct error *error) {
    struct sqlite_producer *producer = (struct sqlite_producer *)door;
    struct database *database;
    int status = producer->begun ? producer_seal_all(producer, error) : sqlite_producer_begin(door, &database, error);
    if (!status && !database_in_transaction(producer->database)) /* SQLite rolls back by itself when the disk is full */
        status = error_set(error, ERROR_IO, "the transaction in %s was rolled back after an error; nothing was written",
                           database_path(producer->database));
    if (!status)
        status = producer_write(producer, positions, count, error);
    if (!status)
        status = database_commit(producer->database, error);
    if (status)
        database_rollback(producer->database);
    producer_end(producer);
    if (!status)
        producer_forget(producer);
    return status;
}

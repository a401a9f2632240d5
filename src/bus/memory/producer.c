/* Records gather in one batch for each partition; the commit puts the batches after those that are there. What may
 * fail is done before anything can be seen. */
#include "bus/memory/memory_log.h"
#include "core/memory.h"

struct producer_topic {
    struct memory_topic *topic;
    struct memory_batch **pending; /* by partition; NULL: nothing */
};

struct memory_producer {
    struct bus_producer base;
    struct memory_bus *bus;
    struct producer_topic *topics;
    size_t topic_count, topic_capacity;
};

int memory_producer_open(struct bus *door, const struct bus_producer_options *options,
                         struct bus_producer **ret_producer, struct error *error) {
    (void)options; /* positions are compared and set, which fences without names or membership */
    struct memory_producer *producer = memory_zero(1, sizeof *producer);
    if (!producer)
        return error_no_memory(error);
    producer->base.driver = &memory_bus_driver;
    producer->bus = (struct memory_bus *)door;
    *ret_producer = &producer->base;
    return 0;
}

void memory_producer_abort(struct bus_producer *door) {
    struct memory_producer *producer = (struct memory_producer *)door;
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; p < producer->topics[t].topic->settings.partitions; p++)
            producer->topics[t].pending[p] = memory_batch_release(producer->topics[t].pending[p]);
    producer->base.pending_records = producer->base.pending_bytes = 0;
}

void memory_producer_close(struct bus_producer *door) {
    struct memory_producer *producer = (struct memory_producer *)door;
    memory_producer_abort(door);
    for (size_t t = 0; t < producer->topic_count; t++)
        free(producer->topics[t].pending);
    free(producer->topics);
    free(producer);
}

static int producer_add_topic(struct memory_producer *producer, const char *name, struct error *error) {
    struct memory_bus *bus = producer->bus;
    pthread_mutex_lock(&bus->lock);
    struct memory_topic *topic = memory_topic_find(bus, name);
    pthread_mutex_unlock(&bus->lock);
    if (!topic)
        return error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name);
    struct memory_batch **pending = memory_zero((size_t)topic->settings.partitions, sizeof(struct memory_batch *));
    if (!pending || !memory_reserve((void **)&producer->topics, &producer->topic_capacity, producer->topic_count + 1,
                                    sizeof *producer->topics)) {
        free(pending);
        return error_no_memory(error);
    }
    producer->topics[producer->topic_count++] = (struct producer_topic){topic, pending};
    return 0;
}

int memory_producer_topic(struct bus_producer *door, const char *name, const struct bus_topic_settings *settings,
                          int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    struct memory_producer *producer = (struct memory_producer *)door;
    size_t at = 0;
    while (at < producer->topic_count && strcmp(producer->topics[at].topic->name, name) != 0)
        at++;
    if (at == producer->topic_count) {
        int32_t partitions;
        int status = memory_topic_ensure(&producer->bus->base, name, settings, &partitions, error);
        if (!status)
            status = producer_add_topic(producer, name, error);
        if (status)
            return status;
    }
    *ret_topic = (int32_t)at;
    *ret_partitions = producer->topics[at].topic->settings.partitions;
    return 0;
}

int memory_produce(struct bus_producer *door, int32_t topic, int32_t partition, const struct bus_record *record,
                   struct error *error) {
    struct memory_producer *producer = (struct memory_producer *)door;
    struct producer_topic *to = &producer->topics[topic];
    struct memory_batch **batch = &to->pending[partition];
    if (bus_record_size(record) > BUS_RECORD_MAXIMUM)
        return bus_record_too_large(record, to->topic->name, partition, error);
    if (!*batch && !(*batch = memory_batch_new()))
        return error_no_memory(error);
    if (!memory_batch_add(*batch, record))
        return error_no_memory(error);
    producer->base.pending_records++;
    producer->base.pending_bytes += bus_record_size(record);
    return 0;
}

int memory_producer_begin(struct bus_producer *door, struct database **ret_database, struct error *error) {
    (void)door, (void)error;
    *ret_database = NULL;
    return 0;
}

/* Under the lock. */
static int producer_check(struct memory_producer *producer, const struct bus_position *positions, size_t count,
                          struct error *error) {
    int status = 0;
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; p < producer->topics[t].topic->settings.partitions; p++) {
            struct memory_topic *topic = producer->topics[t].topic;
            struct memory_partition *to = &topic->partitions[p];
            if (!producer->topics[t].pending[p])
                continue;
            if (topic->deleted)
                return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was written to", topic->name);
            if (!memory_reserve((void **)&to->batches, &to->capacity, to->count + 1, sizeof(struct memory_batch *)))
                return error_no_memory(error);
        }
    for (size_t i = 0; i < count && !status; i++)
        status = memory_position_check(producer->bus, &positions[i], error);
    return status ? status : memory_positions_set(producer->bus, positions, count, error);
}

static void producer_append(struct memory_partition *to, struct memory_batch *batch, int64_t now) {
    batch->base_offset = to->end_offset;
    batch->append_time = now > to->last_append ? now : to->last_append; /* it never goes back */
    to->batches[to->count++] = batch;
    to->end_offset += (int64_t)batch->count;
    to->bytes += (int64_t)batch->bytes;
    to->last_append = batch->append_time;
}

static void producer_write(struct memory_producer *producer, int64_t now) {
    for (size_t t = 0; t < producer->topic_count; t++)
        for (int32_t p = 0; p < producer->topics[t].topic->settings.partitions; p++) {
            struct memory_batch **batch = &producer->topics[t].pending[p];
            if (*batch && (*batch)->count)
                producer_append(&producer->topics[t].topic->partitions[p], *batch, now);
            else
                memory_batch_release(*batch);
            *batch = NULL;
        }
    producer->base.pending_records = producer->base.pending_bytes = 0;
}

int memory_producer_commit(struct bus_producer *door, const struct bus_position *positions, size_t count,
                           struct error *error) {
    struct memory_producer *producer = (struct memory_producer *)door;
    struct memory_bus *bus = producer->bus;
    int status = memory_bus_fault(bus, MEMORY_BUS_COMMIT, error);
    if (status)
        return status;
    int64_t now = clock_wall(bus->base.options.clock);
    pthread_mutex_lock(&bus->lock);
    status = producer_check(producer, positions, count, error);
    if (!status) {
        producer_write(producer, now);
        pthread_cond_broadcast(&bus->news);
    }
    pthread_mutex_unlock(&bus->lock);
    return status ? status : memory_bus_fault(bus, MEMORY_BUS_COMMITTED, error);
}

/* Under the lock. */
static int copy_append(struct memory_bus *bus, const struct bus_batch *from, struct memory_batch *batch,
                       struct error *error) {
    struct memory_topic *topic;
    int status = memory_partition_find(bus, from->topic, from->partition, &topic, error);
    if (status)
        return status;
    struct memory_partition *to = &topic->partitions[from->partition];
    if (from->base_offset < to->end_offset)
        return error_set(error, ERROR_INVALID, "%s/%d ends at offset %lld: offset %lld is there already", from->topic,
                         (int)from->partition, (long long)to->end_offset, (long long)from->base_offset);
    if (!memory_reserve((void **)&to->batches, &to->capacity, to->count + 1, sizeof(struct memory_batch *)))
        return error_no_memory(error);
    to->end_offset = from->base_offset;
    producer_append(to, batch, from->append_time);
    batch->append_time = from->append_time;
    pthread_cond_broadcast(&bus->news);
    return 0;
}

int memory_bus_copy(struct bus *door, const struct bus_batch *from, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct memory_batch *batch = memory_batch_new();
    bool room = batch;
    for (size_t i = 0; i < from->count && room; i++)
        room = memory_batch_add(batch, &from->records[i]);
    pthread_mutex_lock(&bus->lock);
    int status = room ? copy_append(bus, from, batch, error) : error_no_memory(error);
    if (status)
        memory_batch_release(batch);
    pthread_mutex_unlock(&bus->lock);
    return status;
}

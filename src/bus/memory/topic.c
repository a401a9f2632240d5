/* Topics in memory: made, altered, listed and trimmed under the log's lock. Compaction is not done: every record is
 * kept. */
#include <stdio.h>

#include "bus/memory/memory_log.h"
#include "core/memory.h"

/* --- batches
 * ------------------------------------------------------------------------------------------------------------------ */

struct memory_batch *memory_batch_new(void) {
    struct memory_batch *batch = memory_zero(1, sizeof *batch);
    if (batch)
        batch->references = 1;
    return batch;
}

struct memory_batch *memory_batch_release(struct memory_batch *batch) {
    if (batch && --batch->references == 0) {
        arena_release(&batch->arena);
        free(batch->records);
        free(batch);
    }
    return NULL;
}

static bool batch_copy_record(struct arena *arena, const struct bus_record *from, struct bus_record *to) {
    struct bus_header *headers =
        from->header_count ? arena_allocate(arena, from->header_count * sizeof *headers) : NULL;
    *to = *from;
    to->key = arena_copy(arena, from->key);
    to->value = arena_copy(arena, from->value);
    to->headers = headers;
    bool done =
        (headers || !from->header_count) && (to->key.data || !from->key.data) && (to->value.data || !from->value.data);
    for (size_t i = 0; done && i < from->header_count; i++) {
        headers[i] =
            (struct bus_header){arena_copy(arena, from->headers[i].name), arena_copy(arena, from->headers[i].value)};
        done = headers[i].name.data && (headers[i].value.data || !from->headers[i].value.data);
    }
    return done;
}

bool memory_batch_add(struct memory_batch *batch, const struct bus_record *record) {
    if (!memory_reserve((void **)&batch->records, &batch->capacity, batch->count + 1, sizeof *batch->records) ||
        !batch_copy_record(&batch->arena, record, &batch->records[batch->count]))
        return false;
    batch->count++;
    batch->bytes += bus_record_size(record);
    return true;
}

/* --- topics
 * ------------------------------------------------------------------------------------------------------------------ */

static void topic_drop_batches(struct memory_topic *topic) {
    for (int32_t p = 0; p < topic->settings.partitions; p++) {
        struct memory_partition *partition = &topic->partitions[p];
        for (size_t i = 0; i < partition->count; i++)
            memory_batch_release(partition->batches[i]);
        free(partition->batches);
        *partition =
            (struct memory_partition){.start_offset = partition->end_offset, .end_offset = partition->end_offset};
    }
}

struct memory_topic *memory_topic_free(struct memory_topic *topic) {
    if (!topic)
        return NULL;
    topic_drop_batches(topic);
    free(topic->partitions);
    free(topic);
    return NULL;
}

/* Where the topic is among the others, or would be. */
static size_t topic_place(const struct memory_bus *bus, const char *name) {
    size_t low = 0, high = bus->topic_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(bus->topics[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct memory_topic *memory_topic_find(struct memory_bus *bus, const char *name) {
    size_t at = topic_place(bus, name);
    return at < bus->topic_count && strcmp(bus->topics[at]->name, name) == 0 ? bus->topics[at] : NULL;
}

int memory_partition_find(struct memory_bus *bus, const char *topic, int32_t partition, struct memory_topic **ret_topic,
                          struct error *error) {
    struct memory_topic *found = memory_topic_find(bus, topic);
    if (!found || partition < 0 || partition >= found->settings.partitions)
        return error_set(error, ERROR_NOT_FOUND, "topic %s has no partition %d, or does not exist", topic,
                         (int)partition);
    *ret_topic = found;
    return 0;
}

/* Fills in the defaults. */
static int topic_check(const struct memory_bus *bus, const char *name, struct bus_topic_settings *settings,
                       struct error *error) {
    int status = bus_topic_check(&bus->base, name, settings, error);
    if (!status && bus->injected.same_partitions)
        settings->partitions = bus->base.options.partitions;
    if (settings->retention_time == BUS_RETENTION_DEFAULT)
        settings->retention_time = -1;
    if (settings->retention_bytes == BUS_RETENTION_DEFAULT)
        settings->retention_bytes = -1;
    return status;
}

static int topic_insert(struct memory_bus *bus, const char *name, const struct bus_topic_settings *settings,
                        struct error *error) {
    size_t at = topic_place(bus, name);
    struct memory_topic *topic = memory_zero(1, sizeof *topic);
    struct memory_partition *partitions = memory_zero((size_t)settings->partitions, sizeof *partitions);
    if (!topic || !partitions ||
        !memory_reserve((void **)&bus->topics, &bus->topic_capacity, bus->topic_count + 1,
                        sizeof(struct memory_topic *))) {
        free(topic);
        free(partitions);
        return error_no_memory(error);
    }
    snprintf(topic->name, sizeof topic->name, "%s", name);
    topic->settings = *settings;
    topic->partitions = partitions;
    memmove(&bus->topics[at + 1], &bus->topics[at], (bus->topic_count - at) * sizeof(struct memory_topic *));
    bus->topics[at] = topic;
    bus->topic_count++;
    return 0;
}

int memory_topic_create(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                        struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct bus_topic_settings checked = *settings;
    int status = topic_check(bus, name, &checked, error);
    if (status)
        return status;
    pthread_mutex_lock(&bus->lock);
    status = memory_topic_find(bus, name) ? error_set(error, ERROR_EXISTS, "topic %s exists already", name)
                                          : topic_insert(bus, name, &checked, error);
    pthread_mutex_unlock(&bus->lock);
    return status;
}

int memory_topic_ensure(struct bus *door, const char *name, const struct bus_topic_settings *wanted,
                        int32_t *ret_partitions, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct bus_topic_settings settings = wanted ? *wanted : (struct bus_topic_settings){0, -1, -1};
    int status = topic_check(bus, name, &settings, error);
    if (status)
        return status;
    pthread_mutex_lock(&bus->lock);
    struct memory_topic *found = memory_topic_find(bus, name);
    if (!found)
        status = topic_insert(bus, name, &settings, error);
    if (!status)
        *ret_partitions = found ? found->settings.partitions : settings.partitions;
    pthread_mutex_unlock(&bus->lock);
    return status;
}

int memory_topic_alter(struct bus *door, const char *name, const struct bus_topic_settings *settings,
                       struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    pthread_mutex_lock(&bus->lock);
    struct memory_topic *found = memory_topic_find(bus, name);
    if (found) {
        if (settings->retention_time != BUS_RETENTION_DEFAULT)
            found->settings.retention_time = settings->retention_time;
        if (settings->retention_bytes != BUS_RETENTION_DEFAULT)
            found->settings.retention_bytes = settings->retention_bytes;
    }
    pthread_mutex_unlock(&bus->lock);
    return found ? 0 : error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name);
}

int memory_topic_delete(struct bus *door, const char *name, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    pthread_mutex_lock(&bus->lock);
    size_t at = topic_place(bus, name);
    struct memory_topic *found = memory_topic_find(bus, name);
    if (found) {
        bus->topic_count--;
        memmove(&bus->topics[at], &bus->topics[at + 1], (bus->topic_count - at) * sizeof(struct memory_topic *));
        topic_drop_batches(found);
        found->deleted = true;
        found->next = bus->deleted;
        bus->deleted = found;
        memory_positions_forget(bus, NULL, name);
        pthread_cond_broadcast(&bus->news);
    }
    pthread_mutex_unlock(&bus->lock);
    return found ? 0 : error_set(error, ERROR_NOT_FOUND, "topic %s does not exist", name);
}

/* --- what there is
 * ------------------------------------------------------------------------------------------------------------------ */

static bool topic_describe(const struct memory_topic *topic, struct bus_topic_info *ret_info) {
    struct bus_topic_info info = {.settings = topic->settings};
    info.partitions = memory_zero((size_t)topic->settings.partitions, sizeof *info.partitions);
    if (!info.partitions)
        return false;
    snprintf(info.name, sizeof info.name, "%s", topic->name);
    for (int32_t p = 0; p < topic->settings.partitions; p++) {
        const struct memory_partition *from = &topic->partitions[p];
        info.partitions[p] =
            (struct bus_partition_info){from->start_offset, from->end_offset, from->bytes, from->last_append};
    }
    *ret_info = info;
    return true;
}

int memory_topics(struct bus *door, struct bus_topic_list *ret_list, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct bus_topic_list list = {0};
    pthread_mutex_lock(&bus->lock);
    list.topics = memory_zero(bus->topic_count + 1, sizeof *list.topics);
    bool room = list.topics;
    for (size_t i = 0; i < bus->topic_count && room; i++) {
        room = topic_describe(bus->topics[i], &list.topics[i]);
        list.count += room;
    }
    pthread_mutex_unlock(&bus->lock);
    if (!room) {
        bus_topic_list_release(&list);
        return error_no_memory(error);
    }
    *ret_list = list;
    return 0;
}

int memory_topic_describe(struct bus *door, const char *name, struct bus_topic_info *ret_info, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct bus_topic_list list;
    pthread_mutex_lock(&bus->lock);
    const struct memory_topic *found = memory_topic_find(bus, name);
    bool room = !found || topic_describe(found, ret_info);
    pthread_mutex_unlock(&bus->lock);
    if (!room)
        return error_no_memory(error);
    int status = found ? 0 : memory_topics(door, &list, error);
    if (found || status)
        return status;
    status = bus_topic_unknown(name, &list, error);
    bus_topic_list_release(&list);
    return status;
}

/* It is gone with the process. */
int memory_topic_origin(struct bus *door, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error) {
    (void)error;
    snprintf(ret_origin, BUS_ORIGIN_SIZE, "memory %p/%.64s", (const void *)door, name);
    return 0;
}

/* --- retention
 * ------------------------------------------------------------------------------------------------------------------ */

/* Whole batches go, as long as they are older than `oldest` (append time, ms), are too many bytes (the newest stays),
 * or lie below `offset`. */
static int64_t partition_retain(struct memory_partition *partition, int64_t oldest, int64_t bytes, int64_t offset) {
    int64_t records = 0;
    size_t gone = 0;
    for (; gone < partition->count; gone++) {
        struct memory_batch *batch = partition->batches[gone];
        bool much = bytes >= 0 && partition->bytes > bytes && gone + 1 < partition->count;
        int64_t end = batch->base_offset + (int64_t)batch->count;
        if (batch->append_time >= oldest && !much && end > offset)
            break;
        records += (int64_t)batch->count;
        partition->bytes -= (int64_t)batch->bytes;
        partition->start_offset = end;
        memory_batch_release(batch);
    }
    partition->count -= gone;
    memmove(partition->batches, partition->batches + gone, partition->count * sizeof(struct memory_batch *));
    return records;
}

int memory_apply_retention(struct bus *door, int64_t *ret_records, struct error *error) {
    (void)error;
    struct memory_bus *bus = (struct memory_bus *)door;
    int64_t now = clock_wall(bus->base.options.clock);
    *ret_records = 0;
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < bus->topic_count; i++) {
        const struct bus_topic_settings *settings = &bus->topics[i]->settings;
        int64_t oldest = settings->retention_time >= 0 ? now - settings->retention_time : INT64_MIN;
        for (int32_t p = 0; p < settings->partitions; p++)
            if (bus->topics[i]->partitions[p].count)
                *ret_records += partition_retain(&bus->topics[i]->partitions[p], oldest, settings->retention_bytes, 0);
    }
    pthread_mutex_unlock(&bus->lock);
    return 0;
}

int memory_trim(struct bus *door, const char *topic, int32_t partition, int64_t offset, struct error *error) {
    struct memory_bus *bus = (struct memory_bus *)door;
    struct memory_topic *found;
    pthread_mutex_lock(&bus->lock);
    int status = memory_partition_find(bus, topic, partition, &found, error);
    if (!status && found->partitions[partition].count)
        partition_retain(&found->partitions[partition], INT64_MIN, -1, offset);
    pthread_mutex_unlock(&bus->lock);
    return status;
}

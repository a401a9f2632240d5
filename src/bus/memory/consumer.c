/* Membership after a rebalance: each member gives its partitions back at its next poll, and gets its new ones at the
 * first poll that finds no other member of its group with partitions of before, as a broker's group has it:
 *
 *     member 0  ── assigned ── poll ── [rebalance] ── poll: revoked ── poll: nothing ── poll: assigned ──▶
 *     member 1  ── assigned ── poll ── [rebalance] ────────────────── poll: revoked, assigned ───────────▶ */
#include <errno.h>
#include <time.h>

#include "bus/memory/memory_log.h"
#include "core/memory.h"

struct subscription {
    struct memory_topic *topic;
    int32_t partition;
    int64_t next_offset;
    bool paused;
};

struct memory_consumer {
    struct bus_consumer base;
    struct memory_bus *bus;
    struct memory_consumer *next_member;
    char *group; /* NULL: none, its membership never changes */
    struct subscription *subscriptions;
    size_t count, capacity, turn;
    struct memory_batch *held;       /* what the last poll gave out */
    const struct bus_member *member; /* NULL: it has not joined */
    int32_t *partitions;             /* its own */
    size_t partition_count;
    int32_t topic_partitions;
    size_t number, members;
    bool assigned;       /* written under the lock: other members look at it */
    uint64_t generation; /* that its partitions are of; written under the lock */
};

int memory_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error) {
    struct memory_consumer *consumer = memory_zero(1, sizeof *consumer);
    if (!consumer || (group && !(consumer->group = strdup(group)))) {
        free(consumer);
        return error_no_memory(error);
    }
    consumer->base.driver = &memory_bus_driver;
    consumer->bus = (struct memory_bus *)door;
    *ret_consumer = &consumer->base;
    return 0;
}

static void consumer_release_held(struct memory_consumer *consumer) {
    pthread_mutex_lock(&consumer->bus->lock);
    consumer->held = memory_batch_release(consumer->held);
    pthread_mutex_unlock(&consumer->bus->lock);
}

void memory_consumer_close(struct bus_consumer *door) {
    struct memory_consumer *consumer = (struct memory_consumer *)door;
    struct memory_consumer **place = &consumer->bus->members;
    consumer_release_held(consumer);
    pthread_mutex_lock(&consumer->bus->lock);
    while (*place && *place != consumer)
        place = &(*place)->next_member;
    if (*place)
        *place = consumer->next_member;
    pthread_mutex_unlock(&consumer->bus->lock);
    free(consumer->subscriptions);
    free(consumer->partitions);
    free(consumer->group);
    free(consumer);
}

/* --- membership
 * ------------------------------------------------------------------------------------------------------------------ */

int memory_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                         size_t count, const struct bus_member *member, struct error *error) {
    struct memory_consumer *consumer = (struct memory_consumer *)door;
    struct memory_bus *bus = consumer->bus;
    int32_t partitions = 0;
    for (size_t i = 0; i < topic_count; i++) {
        struct bus_topic_info info;
        int status = memory_topic_describe(&bus->base, topics[i], &info, error);
        if (status)
            return status;
        bus_topic_info_release(&info);
        partitions = i ? partitions : info.settings.partitions;
        if (info.settings.partitions != partitions)
            return bus_topics_differ(topics[0], partitions, topics[i], info.settings.partitions, error);
    }
    if (!(consumer->partitions = memory_zero((size_t)partitions / count + 1, sizeof *consumer->partitions)))
        return error_no_memory(error);
    consumer->topic_partitions = partitions;
    consumer->number = number;
    consumer->members = count;
    consumer->member = member;
    pthread_mutex_lock(&bus->lock);
    consumer->generation = bus->generation;
    consumer->next_member = bus->members;
    bus->members = consumer;
    pthread_mutex_unlock(&bus->lock);
    return 0;
}

void memory_bus_rebalance(struct bus *door, bool lost) {
    struct memory_bus *bus = (struct memory_bus *)door;
    pthread_mutex_lock(&bus->lock);
    bus->generation++;
    bus->lost = lost;
    pthread_mutex_unlock(&bus->lock);
}

/* Under the lock: is some member of the group still at work with partitions that it had before? */
static bool consumer_must_wait(const struct memory_consumer *consumer) {
    const struct memory_bus *bus = consumer->bus;
    for (const struct memory_consumer *other = bus->members; other; other = other->next_member)
        if (other != consumer && other->assigned && other->generation != bus->generation && other->group &&
            strcmp(other->group, consumer->group) == 0)
            return true;
    return false;
}

static int consumer_assign(struct memory_consumer *consumer, struct error *error) {
    consumer->partition_count = 0;
    size_t shift = consumer->group ? (size_t)consumer->generation : 0;
    for (int32_t p = 0; p < consumer->topic_partitions; p++)
        if (((size_t)p + shift) % consumer->members == consumer->number)
            consumer->partitions[consumer->partition_count++] = p;
    return consumer->member->assigned(consumer->member->context, consumer->partitions, consumer->partition_count,
                                      error);
}

static int consumer_revoke(struct memory_consumer *consumer, bool lost, struct error *error) {
    int status = consumer->member->revoked(consumer->member->context, consumer->partitions, consumer->partition_count,
                                           lost, error);
    consumer->count = 0;
    pthread_mutex_lock(&consumer->bus->lock);
    consumer->assigned = false;
    pthread_mutex_unlock(&consumer->bus->lock);
    return status;
}

static int consumer_follow(struct memory_consumer *consumer, struct error *error) {
    struct memory_bus *bus = consumer->bus;
    int status = 0;
    pthread_mutex_lock(&bus->lock);
    bool stale = consumer->group && consumer->generation != bus->generation, lost = bus->lost;
    pthread_mutex_unlock(&bus->lock);
    if (stale && consumer->assigned)
        status = consumer_revoke(consumer, lost, error);
    if (status || consumer->assigned)
        return status;
    pthread_mutex_lock(&bus->lock);
    consumer->assigned = !consumer->group || !consumer_must_wait(consumer);
    if (consumer->assigned)
        consumer->generation = bus->generation;
    pthread_mutex_unlock(&bus->lock);
    return consumer->assigned ? consumer_assign(consumer, error) : 0;
}

/* --- places
 * ------------------------------------------------------------------------------------------------------------------ */

static struct subscription *consumer_find(struct memory_consumer *consumer, const char *topic, int32_t partition) {
    for (size_t i = 0; i < consumer->count; i++)
        if (consumer->subscriptions[i].partition == partition &&
            strcmp(consumer->subscriptions[i].topic->name, topic) == 0)
            return &consumer->subscriptions[i];
    return NULL;
}

static int consumer_check_offset(const struct memory_topic *topic, int32_t number, int64_t offset,
                                 struct error *error) {
    const struct memory_partition *partition = &topic->partitions[number];
    if (offset < partition->start_offset)
        return error_set(error, ERROR_NOT_FOUND,
                         "%s/%d: offset %lld is gone, retention has deleted it; the log begins at %lld", topic->name,
                         (int)number, (long long)offset, (long long)partition->start_offset);
    if (offset > partition->end_offset)
        return error_set(error, ERROR_INVALID, "%s/%d: there is no offset %lld yet; the log ends at %lld", topic->name,
                         (int)number, (long long)offset, (long long)partition->end_offset);
    return 0;
}

int memory_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                         struct error *error) {
    struct memory_consumer *consumer = (struct memory_consumer *)door;
    struct memory_topic *found = NULL;
    pthread_mutex_lock(&consumer->bus->lock);
    int status = memory_partition_find(consumer->bus, topic, partition, &found, error);
    if (!status)
        status = consumer_check_offset(found, partition, offset, error);
    pthread_mutex_unlock(&consumer->bus->lock);
    if (status)
        return status;
    struct subscription *subscription = consumer_find(consumer, topic, partition);
    if (!subscription) {
        if (!memory_reserve((void **)&consumer->subscriptions, &consumer->capacity, consumer->count + 1,
                            sizeof *consumer->subscriptions))
            return error_no_memory(error);
        subscription = &consumer->subscriptions[consumer->count++];
        *subscription = (struct subscription){.partition = partition};
    }
    subscription->topic = found;
    subscription->next_offset = offset;
    return 0;
}

int memory_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                          struct error *error) {
    struct subscription *subscription = consumer_find((struct memory_consumer *)door, topic, partition);
    if (!subscription)
        return error_set(error, ERROR_INVALID, "%s/%d is not being read", topic, (int)partition);
    subscription->paused = paused;
    return 0;
}

int memory_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start,
                   int64_t *ret_end, struct error *error) {
    struct memory_consumer *consumer = (struct memory_consumer *)door;
    struct memory_topic *found;
    int status = memory_bus_fault(consumer->bus, MEMORY_BUS_ASK, error);
    if (status)
        return status;
    pthread_mutex_lock(&consumer->bus->lock);
    status = memory_partition_find(consumer->bus, topic, partition, &found, error);
    if (!status) {
        *ret_start = found->partitions[partition].start_offset;
        *ret_end = found->partitions[partition].end_offset;
    }
    pthread_mutex_unlock(&consumer->bus->lock);
    return status;
}

/* --- reading: under the lock
 * ------------------------------------------------------------------------------------------------------------------ */

/* The batch that holds the offset, or the first after it where there is a gap; the offset lies before the end. */
static struct memory_batch *partition_batch(const struct memory_partition *partition, int64_t offset) {
    size_t low = 0, high = partition->count;
    while (low + 1 < high) {
        size_t middle = (low + high) / 2;
        if (partition->batches[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    const struct memory_batch *found = partition->batches[low];
    return partition->batches[found->base_offset + (int64_t)found->count > offset ? low : low + 1];
}

static int consumer_read(struct memory_consumer *consumer, struct subscription *subscription,
                         struct bus_batch *ret_batch, struct error *error) {
    const struct memory_bus *bus = consumer->bus;
    const struct memory_partition *partition = &subscription->topic->partitions[subscription->partition];
    int64_t from = subscription->next_offset;
    if (subscription->topic->deleted || from >= partition->end_offset)
        return 0;
    if (from < partition->start_offset)
        return error_set(error, ERROR_NOT_FOUND,
                         "topic %s, partition %d: offsets %lld to %lld are gone, retention has deleted them before "
                         "they were read",
                         subscription->topic->name, (int)subscription->partition, (long long)from,
                         (long long)partition->start_offset - 1);
    struct memory_batch *batch = partition_batch(partition, from);
    from = from > batch->base_offset ? from : batch->base_offset;
    size_t skip = (size_t)(from - batch->base_offset), count = batch->count - skip;
    size_t most = bus->injected.cut ? bus->injected.cut(bus->injected.context) : count;
    count = count < most ? count : most;
    subscription->next_offset = from + (int64_t)count;
    batch->references++;
    consumer->held = batch;
    *ret_batch = (struct bus_batch){subscription->topic->name, subscription->partition, from,
                                    batch->append_time,        batch->records + skip,   count};
    return 1;
}

/* One look at each partition, beginning after the one that was served last. */
static int consumer_look(struct memory_consumer *consumer, struct bus_batch *ret_batch, struct error *error) {
    for (size_t i = 0; i < consumer->count; i++) {
        size_t at = (consumer->turn + i) % consumer->count;
        if (consumer->subscriptions[at].paused)
            continue;
        int status = consumer_read(consumer, &consumer->subscriptions[at], ret_batch, error);
        if (status) {
            consumer->turn = at + 1;
            return status;
        }
    }
    for (size_t i = 0; i < consumer->count; i++)
        if (consumer->subscriptions[i].topic->deleted)
            return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was read",
                             consumer->subscriptions[i].topic->name);
    return 0;
}

/* `timeout` in ms from now, by the clock of pthread_cond_timedwait. */
static struct timespec consumer_deadline(int64_t timeout) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout / 1000;
    at.tv_nsec += timeout % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

int memory_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error) {
    struct memory_consumer *consumer = (struct memory_consumer *)door;
    struct memory_bus *bus = consumer->bus;
    struct timespec deadline = consumer_deadline(timeout);
    consumer_release_held(consumer);
    int status = memory_bus_fault(bus, MEMORY_BUS_POLL, error);
    if (!status && consumer->member)
        status = consumer_follow(consumer, error);
    if (status)
        return status;
    pthread_mutex_lock(&bus->lock);
    bool waits = timeout > 0 && !bus->injected.never_waits;
    while (!(status = consumer_look(consumer, ret_batch, error)) && waits)
        waits = pthread_cond_timedwait(&bus->news, &bus->lock, &deadline) != ETIMEDOUT;
    pthread_mutex_unlock(&bus->lock);
    return status;
}

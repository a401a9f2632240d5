/* Each poll reads one stored batch. The next batch of a partition has the id of its next offset, so finding it is
 * one look-up in the table's tree; only after a seek into the middle of a batch is the one before searched for. When
 * there is nothing, the consumer watches SQLite's data_version.
 *
 * Of a compacted topic batches have gaps, and are given out as runs without any; and what was the beginning of a
 * batch may be the middle of one when compaction has passed, so it is searched for after every commit of others. */
#include "bus/sqlite/batch_format.h"
#include "bus/sqlite/sqlite_bus.h"
#include "core/memory.h"

enum { WAIT_SHORT_NS = 500000, WAIT_LONG_NS = 4000000 };
static const int64_t TIMEOUT_MAXIMUM = INT64_C(1000) * 86400 * 365; /* ms; what is longer is as good as for ever */

struct subscription {
    char *topic;
    int32_t partition;
    int64_t id, next_offset;
    bool aligned; /* next_offset is where a batch begins */
    bool compacted;
    bool paused;
};

struct sqlite_consumer {
    struct bus_consumer base;
    struct sqlite_bus *bus;
    struct database *database;
    struct subscription *subscriptions;
    size_t count, capacity, turn;
    struct batch_reader reader;
    int64_t held; /* id of the batch with gaps that is in the reader; 0: none */
    size_t held_count;
    int64_t held_time;
    bool compacted;   /* some topic is */
    int64_t searched; /* data version at which batches of compacted topics were searched for */
    int64_t checked;  /* data version at which all partitions were known to exist */
    sqlite3_stmt *next, *floor, *exists;
    const struct bus_member *member; /* to be told its partitions at the next poll; NULL afterwards */
    int32_t *partitions;
    size_t partition_count;
};

int sqlite_consumer_open(struct bus *door, const char *group, struct bus_consumer **ret_consumer, struct error *error) {
    (void)group; /* any member gets the share that it asks for; positions are compared and set */
    struct sqlite_bus *bus = (struct sqlite_bus *)door;
    struct sqlite_consumer *consumer = memory_zero(1, sizeof *consumer);
    if (!consumer)
        return error_no_memory(error);
    consumer->base.driver = &sqlite_bus_driver;
    consumer->bus = bus;
    int status = sqlite_bus_connect(bus, &consumer->database, error);
    if (!status)
        status = database_prepare(consumer->database,
                                  "SELECT id, data FROM log_batches WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
                                  &consumer->next, error);
    if (!status)
        status =
            database_prepare(consumer->database,
                             "SELECT id, count FROM log_batches WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1",
                             &consumer->floor, error);
    if (!status)
        status =
            database_prepare(consumer->database,
                             "SELECT start_offset, next_offset, EXISTS(SELECT 1 FROM log_batches WHERE id >= ?2 AND "
                             "id < ?3) FROM log_partitions WHERE id=?1",
                             &consumer->exists, error);
    if (status) {
        sqlite_consumer_close(&consumer->base);
        return status;
    }
    *ret_consumer = &consumer->base;
    return 0;
}

void sqlite_consumer_close(struct bus_consumer *door) {
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)door;
    for (size_t i = 0; i < consumer->count; i++)
        free(consumer->subscriptions[i].topic);
    free(consumer->subscriptions);
    sqlite3_finalize(consumer->next);
    sqlite3_finalize(consumer->floor);
    sqlite3_finalize(consumer->exists);
    batch_reader_release(&consumer->reader);
    database_close(consumer->database);
    free(consumer->partitions);
    free(consumer);
}

static int consumer_partitions(struct sqlite_consumer *consumer, const char *topic, int32_t *ret_partitions,
                               struct error *error) {
    struct bus_topic_info info;
    int status = sqlite_topic_describe(&consumer->bus->base, topic, &info, error);
    if (status)
        return status;
    *ret_partitions = info.settings.partitions;
    bus_topic_info_release(&info);
    return 0;
}

int sqlite_consumer_join(struct bus_consumer *door, const char *const *topics, size_t topic_count, size_t number,
                         size_t count, const struct bus_member *member, struct error *error) {
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)door;
    int32_t partitions, others;
    int status = consumer_partitions(consumer, topics[0], &partitions, error);
    for (size_t i = 1; i < topic_count && !status; i++) {
        status = consumer_partitions(consumer, topics[i], &others, error);
        if (!status && others != partitions)
            status = bus_topics_differ(topics[0], partitions, topics[i], others, error);
    }
    if (status)
        return status;
    consumer->partitions = memory_zero((size_t)partitions / count + 1, sizeof *consumer->partitions);
    if (!consumer->partitions)
        return error_no_memory(error);
    for (size_t p = number; p < (size_t)partitions; p += count)
        consumer->partitions[consumer->partition_count++] = (int32_t)p;
    consumer->member = member;
    return 0;
}

static struct subscription *consumer_find(struct sqlite_consumer *consumer, const char *topic, int32_t partition) {
    for (size_t i = 0; i < consumer->count; i++)
        if (consumer->subscriptions[i].partition == partition && strcmp(consumer->subscriptions[i].topic, topic) == 0)
            return &consumer->subscriptions[i];
    return NULL;
}

int sqlite_consumer_seek(struct bus_consumer *door, const char *topic, int32_t partition, int64_t offset,
                         struct error *error) {
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)door;
    struct sqlite_partition found;
    int status = sqlite_bus_find_partition(consumer->database, topic, partition, &found, error);
    if (status)
        return status;
    if (offset < found.start_offset)
        return error_set(error, ERROR_NOT_FOUND,
                         "%s/%d: offset %lld is gone, retention has deleted it; the log begins at %lld", topic,
                         (int)partition, (long long)offset, (long long)found.start_offset);
    if (offset > found.next_offset)
        return error_set(error, ERROR_INVALID, "%s/%d: there is no offset %lld yet; the log ends at %lld", topic,
                         (int)partition, (long long)offset, (long long)found.next_offset);
    struct subscription *subscription = consumer_find(consumer, topic, partition);
    if (!subscription) {
        char *name = strdup(topic);
        if (!name || !memory_reserve((void **)&consumer->subscriptions, &consumer->capacity, consumer->count + 1,
                                     sizeof *consumer->subscriptions)) {
            free(name);
            return error_no_memory(error);
        }
        subscription = &consumer->subscriptions[consumer->count++];
        *subscription = (struct subscription){.topic = name, .partition = partition};
    }
    consumer->checked = 0;
    subscription->id = found.id;
    subscription->compacted = found.compacted;
    consumer->compacted |= found.compacted;
    subscription->next_offset = offset;
    subscription->aligned = false;
    return 0;
}

int sqlite_consumer_pause(struct bus_consumer *door, const char *topic, int32_t partition, bool paused,
                          struct error *error) {
    struct subscription *subscription = consumer_find((struct sqlite_consumer *)door, topic, partition);
    if (!subscription)
        return error_set(error, ERROR_INVALID, "%s/%d is not being read", topic, (int)partition);
    subscription->paused = paused;
    return 0;
}

/* The id of the batch that holds the next offset, or that it will have. */
static int consumer_batch_id(struct sqlite_consumer *consumer, struct subscription *subscription, int64_t *ret_id,
                             struct error *error) {
    int64_t id = sqlite_bus_batch_id(subscription->id, subscription->next_offset);
    *ret_id = id;
    if (subscription->aligned)
        return 0;
    sqlite3_bind_int64(consumer->floor, 1, sqlite_bus_batch_id(subscription->id, 0));
    sqlite3_bind_int64(consumer->floor, 2, id);
    int status = database_step(consumer->database, consumer->floor, error);
    if (status == 1 && sqlite3_column_int64(consumer->floor, 1) > id - sqlite3_column_int64(consumer->floor, 0))
        *ret_id = sqlite3_column_int64(consumer->floor, 0);
    else
        subscription->aligned = status >= 0;
    sqlite3_reset(consumer->floor);
    return status < 0 ? status : 0;
}

static int consumer_damaged(const struct subscription *subscription, int64_t offset, struct error *error) {
    struct error cause = *error;
    return error_set(error, ERROR_CORRUPT,
                     "topic %s, partition %d, offset %lld: %s; the data folder is damaged: restore it from a backup, "
                     "or delete the topic and replay it",
                     subscription->topic, (int)subscription->partition, (long long)offset, cause.message);
}

/* A run without gaps from the next offset on, of the batch in the reader: 1, or 0 when the batch has no more of
 * them. */
static int consumer_run(struct sqlite_consumer *consumer, struct subscription *subscription, int64_t base,
                        struct bus_batch *ret_batch) {
    const struct batch_reader *reader = &consumer->reader;
    int64_t end = base + reader->covered;
    size_t first = 0, count = consumer->held_count, behind;
    while (first < count) { /* the first at or after the next offset */
        size_t middle = (first + count) / 2;
        if (reader->offsets[middle] < subscription->next_offset)
            first = middle + 1;
        else
            count = middle;
    }
    for (behind = first; behind < consumer->held_count &&
                         reader->offsets[behind] == reader->offsets[first] + (int64_t)(behind - first);)
        behind++;
    subscription->aligned = behind == consumer->held_count;
    subscription->next_offset = subscription->aligned ? end : reader->offsets[behind];
    if (behind == first)
        return 0;
    *ret_batch = (struct bus_batch){subscription->topic, subscription->partition, reader->offsets[first],
                                    consumer->held_time, reader->decoded + first, behind - first};
    return 1;
}

static int64_t batch_base(int64_t id) {
    return id & ((INT64_C(1) << SQLITE_BUS_OFFSET_BITS) - 1);
}

static int consumer_gone(struct sqlite_consumer *consumer, const struct subscription *subscription, int64_t base,
                         struct error *error) {
    sqlite3_bind_int64(consumer->exists, 1, subscription->id);
    int status = database_step(consumer->database, consumer->exists, error);
    bool kept = status == 1 && sqlite3_column_int64(consumer->exists, 0) <= subscription->next_offset;
    sqlite3_reset(consumer->exists);
    if (status < 0)
        return status;
    if (kept)
        return sqlite_bus_damaged(subscription->topic, subscription->partition, "records are missing, from offset",
                                  subscription->next_offset, error);
    return error_set(
        error, ERROR_NOT_FOUND,
        "topic %s, partition %d: offsets %lld to %lld are gone, retention has deleted them before they were read",
        subscription->topic, (int)subscription->partition, (long long)subscription->next_offset, (long long)base - 1);
}

static int consumer_decode(struct sqlite_consumer *consumer, struct subscription *subscription, int64_t id,
                           struct slice blob, struct bus_batch *ret_batch, struct error *error) {
    int64_t base = batch_base(id), append_time;
    size_t count;
    consumer->held = 0;
    int status = batch_read(&consumer->reader, blob, (struct batch_place){(uint32_t)subscription->id, base}, &count,
                            &append_time, error);
    if (status == ERROR_CORRUPT)
        return error ? consumer_damaged(subscription, base, error) : status;
    if (status)
        return status;
    int64_t skip = subscription->next_offset - base;
    if (skip >= consumer->reader.covered) {
        error_set(error, ERROR_CORRUPT, "the batch has %lld records, its row says more",
                  (long long)consumer->reader.covered);
        return error ? consumer_damaged(subscription, base, error) : ERROR_CORRUPT;
    }
    if (skip < 0)
        return consumer_gone(consumer, subscription, base, error);
    if (consumer->reader.gaps) {
        consumer->held = id;
        consumer->held_count = count;
        consumer->held_time = append_time;
        return consumer_run(consumer, subscription, base, ret_batch);
    }
    subscription->next_offset = base + (int64_t)count;
    subscription->aligned = true;
    *ret_batch = (struct bus_batch){subscription->topic, subscription->partition,         base + skip,
                                    append_time,         consumer->reader.decoded + skip, count - (size_t)skip};
    return 1;
}

/* Is the next offset in the batch with gaps that is in the reader? */
static bool consumer_holds(const struct sqlite_consumer *consumer, const struct subscription *subscription) {
    int64_t id = sqlite_bus_batch_id(subscription->id, subscription->next_offset);
    return consumer->held && consumer->held <= id && id < consumer->held + consumer->reader.covered;
}

/* The batch at or after the next offset: 1, with its row in consumer->next to be reset; 0: there is none. */
static int consumer_step(struct sqlite_consumer *consumer, struct subscription *subscription, struct error *error) {
    for (bool searched = !subscription->aligned;; searched = true) {
        int64_t id;
        int status = consumer_batch_id(consumer, subscription, &id, error);
        if (status)
            return status;
        sqlite3_bind_int64(consumer->next, 1, id);
        sqlite3_bind_int64(consumer->next, 2, sqlite_bus_batch_id(subscription->id + 1, 0));
        status = database_step(consumer->database, consumer->next, error);
        if (status < 0 || searched || !subscription->compacted ||
            (status == 1 && sqlite3_column_int64(consumer->next, 0) <= id))
            return status;
        sqlite3_reset(consumer->next); /* compacted since: it is the middle of a batch now */
        subscription->aligned = false;
    }
}

static int consumer_read(struct sqlite_consumer *consumer, struct subscription *subscription,
                         struct bus_batch *ret_batch, struct error *error) {
    int status = consumer_holds(consumer, subscription)
                     ? consumer_run(consumer, subscription, batch_base(consumer->held), ret_batch)
                     : 0;
    while (!status) {
        status = consumer_step(consumer, subscription, error);
        if (status != 1)
            return status;
        struct slice blob = {sqlite3_column_blob(consumer->next, 1), (size_t)sqlite3_column_bytes(consumer->next, 1)};
        status = consumer_decode(consumer, subscription, sqlite3_column_int64(consumer->next, 0),
                                 blob.data ? blob : SLICE(""), ret_batch, error);
        sqlite3_reset(consumer->next);
    }
    return status;
}

/* One partition that brought nothing. Start, end and what lies there are of one moment. */
static int consumer_check_one(struct sqlite_consumer *consumer, const struct subscription *subscription,
                              struct error *error) {
    sqlite3_bind_int64(consumer->exists, 1, subscription->id);
    sqlite3_bind_int64(consumer->exists, 2, sqlite_bus_batch_id(subscription->id, subscription->next_offset));
    sqlite3_bind_int64(consumer->exists, 3, sqlite_bus_batch_id(subscription->id + 1, 0));
    int status = database_step(consumer->database, consumer->exists, error);
    if (status < 0)
        return status;
    if (status == 0)
        return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was read", subscription->topic);
    int64_t start = sqlite3_column_int64(consumer->exists, 0), end = sqlite3_column_int64(consumer->exists, 1);
    bool missing = subscription->aligned && !subscription->paused && end > subscription->next_offset &&
                   !sqlite3_column_int(consumer->exists, 2);
    sqlite3_reset(consumer->exists);
    if (start > subscription->next_offset)
        return consumer_gone(consumer, subscription, start, error);
    return missing
               ? sqlite_bus_damaged(subscription->topic, subscription->partition,
                                    "records are missing before its end, from offset", subscription->next_offset, error)
               : 0;
}

/* A partition that has gone, or whose last records are missing, brings nothing for ever: an error. Looks only when
 * another connection has committed since the last look. */
static int consumer_check(struct sqlite_consumer *consumer, struct error *error) {
    int64_t version;
    int status = database_data_version(consumer->database, &version, error);
    if (status || version == consumer->checked)
        return status;
    for (size_t i = 0; i < consumer->count; i++) {
        status = consumer_check_one(consumer, &consumer->subscriptions[i], error);
        if (status)
            return status;
    }
    consumer->checked = version;
    return 0;
}

/* Where batches of compacted topics begin may have changed. */
static int consumer_search(struct sqlite_consumer *consumer, struct error *error) {
    int64_t version;
    int status = consumer->compacted ? database_data_version(consumer->database, &version, error) : 0;
    if (status || !consumer->compacted || version == consumer->searched)
        return status;
    for (size_t i = 0; i < consumer->count; i++)
        consumer->subscriptions[i].aligned &= !consumer->subscriptions[i].compacted;
    consumer->held = 0;
    consumer->searched = version;
    return 0;
}

/* One look at each partition, beginning after the one that was served last. */
static int consumer_look(struct sqlite_consumer *consumer, struct bus_batch *ret_batch, struct error *error) {
    for (size_t i = 0; i < consumer->count; i++) {
        size_t at = (consumer->turn + i) % consumer->count;
        if (consumer->subscriptions[at].paused)
            continue;
        int status = consumer_read(consumer, &consumer->subscriptions[at], ret_batch, error);
        if (status) {
            bool more = status == 1 && consumer_holds(consumer, &consumer->subscriptions[at]);
            consumer->turn = more ? at : at + 1; /* a batch that is unpacked is handed out whole */
            return status;
        }
    }
    return 0;
}

/* Until another connection has committed, or `until`. */
static int consumer_wait(struct sqlite_consumer *consumer, int64_t version, int64_t until, bool *ret_news,
                         struct error *error) {
    const struct clock *clock = consumer->bus->base.options.clock;
    int64_t wait = WAIT_SHORT_NS, now;
    *ret_news = false;
    while ((now = clock_monotonic_ns(clock)) < until) {
        clock_sleep_ns(clock, wait < until - now ? wait : until - now);
        wait = wait * 2 < WAIT_LONG_NS ? wait * 2 : WAIT_LONG_NS;
        int64_t current;
        int status = database_data_version(consumer->database, &current, error);
        if (status)
            return status;
        if (current != version) {
            *ret_news = true;
            return 0;
        }
    }
    return 0;
}

int sqlite_consumer_poll(struct bus_consumer *door, int64_t timeout, struct bus_batch *ret_batch, struct error *error) {
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)door;
    if (consumer->member) {
        const struct bus_member *member = consumer->member;
        consumer->member = NULL;
        int status = member->assigned(member->context, consumer->partitions, consumer->partition_count, error);
        if (status)
            return status;
    }
    if (timeout > TIMEOUT_MAXIMUM)
        timeout = TIMEOUT_MAXIMUM;
    int64_t until = timeout > 0 ? clock_monotonic_ns(consumer->bus->base.options.clock) + timeout * 1000000 : 0;
    for (;;) {
        int64_t version = 0; /* taken before the look, so that no news fall between the look and the wait */
        bool news = false;
        int status = timeout > 0 ? database_data_version(consumer->database, &version, error) : 0;
        if (!status)
            status = consumer_search(consumer, error);
        if (!status)
            status = consumer_look(consumer, ret_batch, error);
        if (!status)
            status = consumer_check(consumer, error);
        if (status || timeout <= 0)
            return status;
        status = consumer_wait(consumer, version, until, &news, error);
        if (status || !news)
            return status;
    }
}

int sqlite_offsets(struct bus_consumer *door, const char *topic, int32_t partition, int64_t *ret_start,
                   int64_t *ret_end, struct error *error) {
    struct sqlite_consumer *consumer = (struct sqlite_consumer *)door;
    struct sqlite_partition found;
    int status = sqlite_bus_find_partition(consumer->database, topic, partition, &found, error);
    if (!status) {
        *ret_start = found.start_offset;
        *ret_end = found.next_offset;
    }
    return status;
}

/* Which log a URL means; the door's functions, which hand over to the driver; what the drivers share. */
#include "bus/driver.h"
#include "core/memory.h"
#include "core/options.h"

enum { HEADER_OVERHEAD = 10 /* lengths, at most */ };

/* What has a colon is no folder that was meant, but HOST:PORT, kafka:HOST, or a scheme that is not known. What follows
 * the colon is shown only when it can be no password. */
static int bus_scheme_unknown(const char *url, struct error *error) {
    size_t name = strcspn(url, ":");
    const char *rest = url + name + 1;
    if (strchr(url, '@') || strlen(url) > 200)
        rest = "";
    rest += strspn(rest, "/");
    if (strncasecmp(url, "kafka:", 6) == 0 && *rest)
        return error_set(error, ERROR_INVALID, "--bus %s: did you mean kafka://%s?", url, rest);
    if (*rest && strspn(rest, "0123456789") == strcspn(rest, ",/"))
        return error_set(error, ERROR_INVALID,
                         "--bus %s: did you mean kafka://%s? A folder of that name would be sqlite:%s", url, url, url);
    return error_set(error, ERROR_INVALID,
                     "--bus %.*s:...: no bus of this kind is known; use sqlite:DIR or kafka://HOST:PORT",
                     (int)(name > 60 ? 60 : name), url);
}

int bus_open(const char *url, const struct bus_options *options, struct bus **ret_bus, struct error *error) {
    const char *rest = url;
    if (strncmp(url, "kafka://", 8) == 0)
        return kafka_bus_open(url + 8, options, ret_bus, error);
    if (strncmp(url, "sqlite:", 7) == 0)
        rest += 7;
    else if (strchr(url, ':'))
        return bus_scheme_unknown(url, error);
    if (!*rest)
        return error_set(error, ERROR_INVALID, "--bus: the folder is missing; use sqlite:DIR");
    return sqlite_bus_open(rest, options, ret_bus, error);
}

struct bus *bus_close(struct bus *bus) {
    if (bus)
        bus->driver->close(bus);
    return NULL;
}

bool bus_is_remote(const struct bus *bus) {
    return bus->driver->remote;
}

const struct registry *bus_registry(struct bus *bus) {
    return bus->registry;
}

int bus_topic_create(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                     struct error *error) {
    return bus->driver->topic_create(bus, name, settings, error);
}

int bus_topic_ensure(struct bus *bus, const char *name, const struct bus_topic_settings *settings,
                     int32_t *ret_partitions, struct error *error) {
    return bus->driver->topic_ensure(bus, name, settings, ret_partitions, error);
}

int bus_topic_alter(struct bus *bus, const char *name, const struct bus_topic_settings *settings, struct error *error) {
    return bus->driver->topic_alter(bus, name, settings, error);
}

int bus_topic_delete(struct bus *bus, const char *name, struct error *error) {
    return bus->driver->topic_delete(bus, name, error);
}

int bus_topics(struct bus *bus, struct bus_topic_list *ret_list, struct error *error) {
    return bus->driver->topics(bus, ret_list, error);
}

int bus_topic_describe(struct bus *bus, const char *name, struct bus_topic_info *ret_info, struct error *error) {
    return bus->driver->topic_describe(bus, name, ret_info, error);
}

int bus_topic_origin(struct bus *bus, const char *name, char ret_origin[BUS_ORIGIN_SIZE], struct error *error) {
    return bus->driver->topic_origin(bus, name, ret_origin, error);
}

int bus_apply_retention(struct bus *bus, int64_t *ret_records, struct error *error) {
    return bus->driver->apply_retention(bus, ret_records, error);
}

int bus_trim(struct bus *bus, const char *topic, int32_t partition, int64_t offset, struct error *error) {
    return bus->driver->trim(bus, topic, partition, offset, error);
}

int bus_committed(struct bus *bus, const char *group, const char *topic, int32_t partition,
                  struct bus_committed *ret_committed, struct error *error) {
    return bus->driver->committed(bus, group, topic, partition, ret_committed, error);
}

int bus_group_reset(struct bus *bus, const char *group, struct error *error) {
    return bus->driver->group_reset(bus, group, error);
}

int bus_group_claim(struct bus *bus, const char *group, struct bus_claim **ret_claim, struct error *error) {
    *ret_claim = NULL;
    return bus->driver->group_claim ? bus->driver->group_claim(bus, group, ret_claim, error) : 0;
}

struct bus_claim *bus_group_release(struct bus *bus, struct bus_claim *claim) {
    if (claim)
        bus->driver->group_release(claim);
    return NULL;
}

int bus_groups(struct bus *bus, struct bus_group_list *ret_list, struct error *error) {
    return bus->driver->groups(bus, ret_list, error);
}

void bus_counts(struct bus *bus, struct bus_counts *ret_counts) {
    bus->driver->counts(bus, ret_counts);
}

int bus_consumer_open(struct bus *bus, const char *group, struct bus_consumer **ret_consumer, struct error *error) {
    return bus->driver->consumer_open(bus, group, ret_consumer, error);
}

struct bus_consumer *bus_consumer_close(struct bus_consumer *consumer) {
    if (consumer)
        consumer->driver->consumer_close(consumer);
    return NULL;
}

int bus_consumer_join(struct bus_consumer *consumer, const char *const *topics, size_t topic_count, size_t number,
                      size_t count, const struct bus_member *member, struct error *error) {
    return consumer->driver->consumer_join(consumer, topics, topic_count, number, count, member, error);
}

int bus_consumer_pause(struct bus_consumer *consumer, const char *topic, int32_t partition, bool paused,
                       struct error *error) {
    return consumer->driver->consumer_pause(consumer, topic, partition, paused, error);
}

int bus_consumer_seek(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t offset,
                      struct error *error) {
    return consumer->driver->consumer_seek(consumer, topic, partition, offset, error);
}

int bus_consumer_poll(struct bus_consumer *consumer, int64_t timeout, struct bus_batch *ret_batch,
                      struct error *error) {
    return consumer->driver->consumer_poll(consumer, timeout, ret_batch, error);
}

int bus_offsets(struct bus_consumer *consumer, const char *topic, int32_t partition, int64_t *ret_start,
                int64_t *ret_end, struct error *error) {
    return consumer->driver->offsets(consumer, topic, partition, ret_start, ret_end, error);
}

bool bus_is_server(const struct bus_consumer *consumer) {
    return consumer->driver->known_end != NULL;
}

int64_t bus_known_end(const struct bus_consumer *consumer, const char *topic, int32_t partition) {
    return consumer->driver->known_end ? consumer->driver->known_end(consumer, topic, partition) : -1;
}

int bus_producer_open(struct bus *bus, const struct bus_producer_options *options, struct bus_producer **ret_producer,
                      struct error *error) {
    return bus->driver->producer_open(bus, options, ret_producer, error);
}

struct bus_producer *bus_producer_close(struct bus_producer *producer) {
    if (producer)
        producer->driver->producer_close(producer);
    return NULL;
}

int bus_producer_topic(struct bus_producer *producer, const char *name, const struct bus_topic_settings *settings,
                       int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    return producer->driver->producer_topic(producer, name, settings, ret_topic, ret_partitions, error);
}

int bus_produce(struct bus_producer *producer, int32_t topic, int32_t partition, const struct bus_record *record,
                struct error *error) {
    return producer->driver->produce(producer, topic, partition, record, error);
}

size_t bus_producer_pending_records(const struct bus_producer *producer) {
    return producer->pending_records;
}

size_t bus_producer_pending_bytes(const struct bus_producer *producer) {
    return producer->pending_bytes;
}

int bus_producer_begin(struct bus_producer *producer, struct database **ret_database, struct error *error) {
    return producer->driver->producer_begin(producer, ret_database, error);
}

int bus_producer_commit(struct bus_producer *producer, const struct bus_position *positions, size_t count,
                        struct error *error) {
    return producer->driver->producer_commit(producer, positions, count, error);
}

int32_t bus_producer_refused(const struct bus_producer *producer) {
    return producer->refused - 1;
}

bool bus_producer_written(const struct bus_producer *producer, int32_t topic, int32_t partition, int64_t *ret_from,
                          int64_t *ret_to) {
    return producer->driver->producer_written &&
           producer->driver->producer_written(producer, topic, partition, ret_from, ret_to);
}

void bus_producer_abort(struct bus_producer *producer) {
    producer->driver->producer_abort(producer);
}

void bus_topic_info_release(struct bus_topic_info *info) {
    free(info->partitions);
    info->partitions = NULL;
}

void bus_topic_list_release(struct bus_topic_list *list) {
    for (size_t i = 0; i < list->count; i++)
        bus_topic_info_release(&list->topics[i]);
    free(list->topics);
    *list = (struct bus_topic_list){0};
}

void bus_group_list_release(struct bus_group_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->positions[i].group);
        free(list->positions[i].topic);
    }
    free(list->positions);
    *list = (struct bus_group_list){0};
}

static bool topic_name_valid(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return length > 0 && length <= BUS_TOPIC_NAME_MAXIMUM && name[length] == '\0' && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

int bus_topic_check_name(const char *name, struct error *error) {
    return topic_name_valid(name)
               ? 0
               : error_set(error, ERROR_INVALID,
                           "'%.80s' cannot be a topic's name: 1 to %d of letters, digits, '.', '_' and '-'", name,
                           BUS_TOPIC_NAME_MAXIMUM);
}

int bus_topic_check(const struct bus *bus, const char *name, struct bus_topic_settings *settings, struct error *error) {
    int status = bus_topic_check_name(name, error);
    if (status)
        return status;
    if (settings->partitions == 0)
        settings->partitions = bus->options.partitions ? bus->options.partitions : BUS_PARTITIONS_DEFAULT;
    if (settings->partitions < 1 || settings->partitions > BUS_PARTITIONS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "topic %s: %d partitions are out of range: 1 to %d", name,
                         (int)settings->partitions, BUS_PARTITIONS_MAXIMUM);
    return 0;
}

int bus_topics_differ(const char *one, int32_t partitions, const char *other, int32_t other_partitions,
                      struct error *error) {
    return error_set(error, ERROR_INVALID,
                     "topics that are read together need the same number of partitions: %s has %d, %s has %d", one,
                     (int)partitions, other, (int)other_partitions);
}

int bus_topic_unknown(const char *name, const struct bus_topic_list *topics, struct error *error) {
    const char **names = memory_zero(topics->count + 1, sizeof *names);
    for (size_t i = 0; names && i < topics->count; i++)
        names[i] = topics->topics[i].name;
    const char *nearest = names ? options_nearest(name, names, topics->count) : NULL;
    error_set(error, ERROR_NOT_FOUND, "topic %s does not exist%s%s%s", name, nearest ? "; did you mean " : "",
              nearest ? nearest : "", nearest ? "?" : "");
    free(names);
    return ERROR_NOT_FOUND;
}

size_t bus_record_size(const struct bus_record *record) {
    size_t size = record->key.length + record->value.length;
    for (size_t i = 0; i < record->header_count; i++)
        size += record->headers[i].name.length + record->headers[i].value.length + HEADER_OVERHEAD;
    return size;
}

int bus_record_too_large(const struct bus_record *record, const char *topic, int32_t partition, struct error *error) {
    return error_set(error, ERROR_INVALID, "a record for %s/%d has %zu bytes; at most %d are possible", topic,
                     (int)partition, bus_record_size(record), BUS_RECORD_MAXIMUM);
}

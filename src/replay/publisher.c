/* A reading on the hot path: copy the head of its series, append timestamp and value, hand the record to the
 * producer. */
#include "replay/publisher.h"

#include <math.h>
#include <stdlib.h>

#include "codec/avro/avro.h"
#include "codec/json/json.h"
#include "core/hash.h"
#include "core/memory.h"
#include "model/schema.h"

enum { PUBLISHER_RECORDS = 50000, PUBLISHER_BYTES = 4 * 1024 * 1024 };

struct prepared {
    struct slice key; /* data NULL: not prepared yet */
    struct slice head;
    int32_t partition;
};

struct publisher {
    struct bus_producer *producer;
    int32_t topic, partitions, schema_id;
    bool json;
    struct prepared *prepared; /* by series */
    size_t prepared_count, prepared_capacity;
    struct arena arena;
    struct bytes scratch;
};

int publisher_open(struct bus *bus, const char *name, const char *topic, bool json, struct publisher **ret_publisher,
                   struct error *error) {
    struct bus_producer_options options = {.name = name};
    struct publisher *publisher = memory_zero(1, sizeof(*publisher));
    if (!publisher)
        return error_no_memory(error);
    publisher->json = json;
    int status = bus_producer_open(bus, &options, &publisher->producer, error);
    if (!status)
        status = bus_producer_topic(publisher->producer, topic, NULL, &publisher->topic, &publisher->partitions, error);
    const struct registry *registry = bus_registry(bus);
    if (!status && !json)
        status = registry->add(registry->context, SCHEMA_READING_SUBJECT, SCHEMA_AVRO, slice_of(schema_reading_avro),
                               &publisher->schema_id, error);
    if (status) {
        publisher_close(publisher);
        return status;
    }
    *ret_publisher = publisher;
    return 0;
}

struct publisher *publisher_close(struct publisher *publisher) {
    if (!publisher)
        return NULL;
    bus_producer_close(publisher->producer);
    arena_release(&publisher->arena);
    bytes_release(&publisher->scratch);
    free(publisher->prepared);
    free(publisher);
    return NULL;
}

static bool publisher_reserve(struct publisher *publisher, size_t series) {
    void *array = publisher->prepared;
    if (!memory_reserve(&array, &publisher->prepared_capacity, series + 1, sizeof(*publisher->prepared)))
        return false;
    publisher->prepared = array;
    for (; publisher->prepared_count <= series; publisher->prepared_count++)
        publisher->prepared[publisher->prepared_count] = (struct prepared){0};
    return true;
}

static int publisher_prepare(struct publisher *publisher, const struct series *series, struct prepared *prepared,
                             struct error *error) {
    char *key = arena_allocate(&publisher->arena, series_key_length(series));
    if (!key)
        return error_no_memory(error);
    series_key_write(series, key);
    publisher->scratch.length = 0;
    avro_write_reading_head(&publisher->scratch, publisher->schema_id, series->gateway, series->type,
                            series->attribute);
    struct slice head =
        publisher->scratch.failed ? (struct slice){0} : arena_copy(&publisher->arena, bytes_slice(&publisher->scratch));
    if (!head.data)
        return error_no_memory(error);
    prepared->head = head;
    prepared->key = (struct slice){key, series_key_length(series)};
    prepared->partition = bus_partition(prepared->key, publisher->partitions);
    return 0;
}

static void publisher_write_avro_string(struct bytes *to, struct slice text) {
    bytes_append_zigzag(to, (int64_t)text.length);
    bytes_append_slice(to, text);
}

/* What meters and their networks do: the scratch buffer holds the good value and is spoilt in one of seven ways. */
static void publisher_spoil(struct publisher *publisher, const struct series *series,
                            const struct replay_reading *reading, struct slice *key) {
    static const double not_a_number = NAN;
    struct bytes *value = &publisher->scratch;
    struct slice type = series->type;
    enum { NOT_AVRO, UNKNOWN_SCHEMA, TRUNCATED, NOT_A_NUMBER, EMPTY_TYPE, GARBAGE_TIME, FOREIGN_KEY, KINDS };
    /* A function of the reading alone, so that a resumed replay publishes the same. */
    unsigned kind =
        (unsigned)(hash_bytes(&reading->timestamp, sizeof reading->timestamp, reading->series) >> 32) % KINDS;
    if (kind == FOREIGN_KEY) {
        *key = SLICE("another.METER.KEY");
        return;
    }
    if (kind == TRUNCATED) {
        value->length -= value->length < 5 ? value->length : 5;
        return;
    }
    value->length = 0;
    if (kind == NOT_AVRO) {
        bytes_append_string(value, "meter rebooted, please stand by");
    } else if (kind == UNKNOWN_SCHEMA) {
        bytes_append(value, "\0\x7f\xff\xff\xff garbage", 13);
    } else if (kind == GARBAGE_TIME) {
        avro_write_reading_head(value, publisher->schema_id, series->gateway, type, series->attribute);
        publisher_write_avro_string(value, SLICE("yesterday, about noon"));
        bytes_append(value, &reading->value, sizeof(reading->value));
    } else {
        avro_write_reading_head(value, publisher->schema_id, series->gateway, kind == EMPTY_TYPE ? SLICE("") : type,
                                series->attribute);
        avro_write_reading_tail(value, reading->timestamp, reading->value);
        if (kind == NOT_A_NUMBER && !value->failed)
            memcpy(value->data + value->length - sizeof(not_a_number), &not_a_number, sizeof(not_a_number));
    }
}

int publisher_publish(struct publisher *publisher, const struct replay_source *source,
                      const struct replay_reading *reading, int64_t wall, struct error *error) {
    if (reading->series >= publisher->prepared_count && !publisher_reserve(publisher, reading->series))
        return error_no_memory(error);
    struct prepared *prepared = &publisher->prepared[reading->series];
    const struct series *series = NULL;
    if (!prepared->key.data || publisher->json || reading->bad)
        series = replay_source_series(source, reading->series);
    if (!prepared->key.data) {
        int status = publisher_prepare(publisher, series, prepared, error);
        if (status)
            return status;
    }
    struct bytes *value = &publisher->scratch;
    value->length = 0;
    if (publisher->json) {
        json_write_reading(value, series->gateway, series->type, series->attribute, reading->timestamp, reading->value);
    } else {
        bytes_append_slice(value, prepared->head);
        avro_write_reading_tail(value, reading->timestamp, reading->value);
    }
    struct slice key = prepared->key;
    if (reading->bad)
        publisher_spoil(publisher, series, reading, &key);
    if (value->failed)
        return error_no_memory(error);
    struct bus_record record = {.key = key, .value = bytes_slice(value), .timestamp = wall};
    return bus_produce(publisher->producer, publisher->topic, prepared->partition, &record, error);
}

bool publisher_is_full(const struct publisher *publisher) {
    return bus_producer_pending_records(publisher->producer) >= PUBLISHER_RECORDS ||
           bus_producer_pending_bytes(publisher->producer) >= PUBLISHER_BYTES;
}

bool publisher_is_empty(const struct publisher *publisher) {
    return bus_producer_pending_records(publisher->producer) == 0;
}

void publisher_drop(struct publisher *publisher) {
    bus_producer_abort(publisher->producer);
}

int publisher_commit(struct publisher *publisher, const struct bus_position *position, struct error *error) {
    return bus_producer_commit(publisher->producer, position, 1, error);
}

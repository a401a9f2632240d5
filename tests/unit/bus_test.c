/* The embedded log and the one in memory through their door: URLs, topics, records, seeking, waiting, schemas, retention. */
#include "bus_fixture.h"

#include <pthread.h>

static void test_urls(void **state) {
    struct fixture *f = *state;
    struct bus *bus;
    FAILS(bus_open("kafka://", &f->options, &bus, &f->error), ERROR_INVALID, "the broker is missing");
    FAILS(bus_open("kafka://user:secret@localhost:9092", &f->options, &bus, &f->error), ERROR_INVALID,
          "do not belong into the URL");
    assert_null(strstr(f->error.message, "secret"));
    FAILS(bus_open("kafka://localhost:9092/1", &f->options, &bus, &f->error), ERROR_INVALID, "only brokers may follow");
    FAILS(bus_open("amqp://localhost", &f->options, &bus, &f->error), ERROR_INVALID, "use sqlite:DIR");
    FAILS(bus_open("sqlite:", &f->options, &bus, &f->error), ERROR_INVALID, "the folder is missing");
    struct bus_options options = f->options;
    options.create = false;
    FAILS(bus_open("sqlite:/nonexistent/x", &options, &bus, &f->error), ERROR_NOT_FOUND, "/nonexistent/x");
    FAILS(bus_open(f->folder, &options, &bus, &f->error), ERROR_NOT_FOUND, "no meterline.db");
    OK(bus_open(f->url + strlen("sqlite:"), &options, &bus, &f->error));
    bus_close(bus);
}

static void test_topics(void **state) {
    struct fixture *f = *state;
    struct bus_topic_settings settings = {2, 5000, 100};
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(bus_topic_create(f->bus, bad[i], &settings, &f->error), ERROR_INVALID, "cannot be a topic's name");
    char name[BUS_TOPIC_NAME_MAXIMUM + 2];
    memset(name, 'x', sizeof name);
    name[BUS_TOPIC_NAME_MAXIMUM + 1] = '\0';
    FAILS(bus_topic_create(f->bus, name, &settings, &f->error), ERROR_INVALID, "cannot be");
    name[BUS_TOPIC_NAME_MAXIMUM] = '\0';
    OK(bus_topic_create(f->bus, name, &settings, &f->error));
    OK(bus_topic_create(f->bus, "metrics", &settings, &f->error));
    FAILS(bus_topic_create(f->bus, "metrics", &settings, &f->error), ERROR_EXISTS, "metrics");
    settings.partitions = BUS_PARTITIONS_MAXIMUM + 1;
    FAILS(bus_topic_create(f->bus, "many", &settings, &f->error), ERROR_INVALID, "1025");
    int32_t partitions = 0;
    OK(bus_topic_ensure(f->bus, "metrics", NULL, &partitions, &f->error));
    assert_int_equal(partitions, 2);
    OK(bus_topic_ensure(f->bus, "alarms", NULL, &partitions, &f->error));
    assert_int_equal(partitions, 3);
    settings = (struct bus_topic_settings){0, -1, 77};
    OK(bus_topic_alter(f->bus, "metrics", &settings, &f->error));
    struct bus_topic_list list;
    OK(bus_topics(f->bus, &list, &f->error));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.topics[0].name, "alarms");
    assert_string_equal(list.topics[1].name, "metrics");
    assert_int_equal(list.topics[1].settings.partitions, 2);
    assert_int_equal(list.topics[1].settings.retention_time, -1);
    assert_int_equal(list.topics[1].settings.retention_bytes, 77);
    bus_topic_list_release(&list);
    struct bus_topic_info info;
    FAILS(bus_topic_describe(f->bus, "metric", &info, &f->error), ERROR_NOT_FOUND, "did you mean");
    OK(bus_topic_delete(f->bus, "alarms", &f->error));
    FAILS(bus_topic_delete(f->bus, "alarms", &f->error), ERROR_NOT_FOUND, "alarms");
    FAILS(bus_topic_alter(f->bus, "alarms", &settings, &f->error), ERROR_NOT_FOUND, "alarms");
}

static void test_records(void **state) {
    struct fixture *f = *state;
    int32_t topic, partitions;
    struct bus_header header = {SLICE("error"), SLICE("why")};
    struct bus_record records[] = {
        {.key = SLICE("k"), .value = SLICE("v"), .timestamp = 5, .headers = &header, .header_count = 1},
        {.key = {NULL, 0}, .value = {NULL, 0}, .timestamp = -3},
        {.key = SLICE(""), .value = SLICE(""), .timestamp = 7}};
    OK(bus_producer_topic(f->producer, "t", NULL, &topic, &partitions, &f->error));
    assert_int_equal(partitions, 3);
    for (int i = 0; i < 3; i++)
        OK(bus_produce(f->producer, topic, 1, &records[i], &f->error));
    assert_int_equal(bus_producer_pending_records(f->producer), 3);
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    assert_int_equal(bus_producer_pending_records(f->producer), 0);
    assert_int_equal(bus_producer_pending_bytes(f->producer), 0);
    for (int32_t p = 0; p < 3; p++)
        OK(bus_consumer_seek(f->consumer, "t", p, 0, &f->error));
    struct bus_batch batch;
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_string_equal(batch.topic, "t");
    assert_int_equal(batch.partition, 1);
    assert_int_equal(batch.base_offset, 0);
    assert_int_equal(batch.append_time, 1000000);
    assert_int_equal(batch.count, 3);
    assert_text(batch.records[0].key, "k");
    assert_text(batch.records[0].headers[0].name, "error");
    assert_text(batch.records[0].headers[0].value, "why");
    assert_null(batch.records[1].key.data);
    assert_null(batch.records[1].value.data);
    assert_int_equal(batch.records[1].timestamp, -3);
    assert_text(batch.records[2].key, "");
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 0);
    char *large = calloc(1, BUS_RECORD_MAXIMUM + 1);
    struct bus_header wide = {SLICE("h"), {large, BUS_RECORD_MAXIMUM}};
    FAILS(bus_produce(f->producer, topic, 0, &(struct bus_record){.value = {large, BUS_RECORD_MAXIMUM + 1}}, &f->error),
          ERROR_INVALID, "16777217");
    FAILS(bus_produce(f->producer, topic, 0, &(struct bus_record){.headers = &wide, .header_count = 1}, &f->error),
          ERROR_INVALID, "bytes");
    OK(bus_produce(f->producer, topic, 0, &(struct bus_record){.value = {large, BUS_RECORD_MAXIMUM}}, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.records[0].value.length, BUS_RECORD_MAXIMUM);
    free(large);
}

/* 150,000 records in one commit are three batches; every offset is read once and in order, from anywhere. */
static void test_seek(void **state) {
    struct fixture *f = *state;
    enum { RECORDS = 150000 };
    append(f, "t", 0, 0, RECORDS);
    struct bus_batch batch;
    for (int64_t from = 0; from <= RECORDS; from += from == 65536 ? 1 : 65535 - from % 2) {
        OK(bus_consumer_seek(f->consumer, "t", 0, from, &f->error));
        int64_t next = from;
        while (bus_consumer_poll(f->consumer, 0, &batch, &f->error) == 1) {
            assert_int_equal(batch.base_offset, next);
            for (size_t i = 0; i < batch.count; i++)
                assert_int_equal(batch.records[i].timestamp, next++);
        }
        assert_int_equal(next, RECORDS);
    }
    OK(bus_consumer_seek(f->consumer, "t", 0, RECORDS, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 0);
    append(f, "t", 0, 7, 1);
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.base_offset, RECORDS);
    FAILS(bus_consumer_seek(f->consumer, "t", 0, RECORDS + 2, &f->error), ERROR_INVALID, "150002");
    FAILS(bus_consumer_seek(f->consumer, "t", 3, 0, &f->error), ERROR_NOT_FOUND, "partition 3");
    int64_t begin = -1, end = 0;
    OK(bus_offsets(f->consumer, "t", 0, &begin, &end, &f->error));
    assert_int_equal(begin, 0);
    assert_int_equal(end, RECORDS + 1);
}

static void test_turns(void **state) {
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++)
        for (int32_t p = 0; p < 3; p++)
            append(f, "t", p, 0, 1);
    for (int32_t p = 0; p < 3; p++)
        OK(bus_consumer_seek(f->consumer, "t", p, 0, &f->error));
    struct bus_batch batch;
    for (int i = 0; i < 9; i++) {
        assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
        assert_int_equal(batch.partition, i % 3);
        assert_int_equal(batch.base_offset, i / 3);
    }
}

static void *append_later(void *context) {
    struct fixture *f = context, other = *f;
    if (!f->in_memory)
        OK(bus_open(f->url, &f->options, &other.bus, &f->error));
    OK(bus_producer_open(other.bus, &(struct bus_producer_options){0}, &other.producer, &other.error));
    usleep(100000);
    append(&other, "t", 2, 42, 1);
    f->now = clock_monotonic_ns(&clock_system);
    bus_producer_close(other.producer);
    if (!f->in_memory)
        bus_close(other.bus);
    return NULL;
}

static void test_wake_up(void **state) {
    struct fixture *f = *state;
    append(f, "t", 0, 0, 1);
    OK(bus_consumer_seek(f->consumer, "t", 2, 0, &f->error));
    struct bus_batch batch;
    assert_int_equal(bus_consumer_poll(f->consumer, 20, &batch, &f->error), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, append_later, f), 0);
    int got = bus_consumer_poll(f->consumer, 20000, &batch, &f->error);
    int64_t woken = clock_monotonic_ns(&clock_system);
    pthread_join(thread, NULL);
    assert_int_equal(got, 1);
    assert_text(batch.records[0].value, "42");
    assert_true(woken - f->now < 50000000);
}

struct told {
    struct fixture *f;
    int32_t numbers[8];
    size_t count;
};

static int told_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    struct told *told = context;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        told->numbers[told->count++] = partitions[i];
        status = bus_consumer_seek(told->f->consumer, "left", partitions[i], 0, error);
        if (!status)
            status = bus_consumer_seek(told->f->consumer, "right", partitions[i], 0, error);
    }
    return status;
}

static void append_one(struct fixture *f, const char *name, int32_t partition, const char *value) {
    int32_t topic, partitions;
    struct bus_record record = {.key = SLICE("k"), .value = slice_of(value)};
    OK(bus_producer_topic(f->producer, name, NULL, &topic, &partitions, &f->error));
    OK(bus_produce(f->producer, topic, partition, &record, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

/* Topics that are joined together: the same numbers of both; a paused one is held back and goes on where it was. */
static void test_join_of_several_topics(void **state) {
    struct fixture *f = *state;
    struct told told = {.f = f};
    struct bus_member member = {.assigned = told_assigned, .context = &told};
    const char *const topics[] = {"left", "right", "wide"};
    struct bus_batch batch;
    OK(bus_topic_create(f->bus, "left", &(struct bus_topic_settings){5, -1, -1}, &f->error));
    OK(bus_topic_create(f->bus, "right", &(struct bus_topic_settings){5, -1, -1}, &f->error));
    OK(bus_topic_create(f->bus, "wide", &(struct bus_topic_settings){6, -1, -1}, &f->error));
    FAILS(bus_consumer_join(f->consumer, topics, 3, 1, 2, &member, &f->error), ERROR_INVALID, "left has 5, wide has 6");
    FAILS(bus_consumer_join(f->consumer, (const char *const[]){"left", "wrong"}, 2, 1, 2, &member, &f->error),
          ERROR_NOT_FOUND, "wrong");
    OK(bus_consumer_join(f->consumer, topics, 2, 1, 2, &member, &f->error));
    OK(bus_consumer_poll(f->consumer, 0, &batch, &f->error));
    assert_int_equal(told.count, 2);
    assert_int_equal(told.numbers[0], 1);
    assert_int_equal(told.numbers[1], 3);
    append_one(f, "left", 0, "of others");
    append_one(f, "left", 3, "a");
    append_one(f, "right", 3, "b");
    OK(bus_consumer_pause(f->consumer, "left", 3, true, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_string_equal(batch.topic, "right");
    assert_text(batch.records[0].value, "b");
    OK(bus_consumer_poll(f->consumer, 0, &batch, &f->error));
    OK(bus_consumer_pause(f->consumer, "left", 3, false, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_string_equal(batch.topic, "left");
    assert_text(batch.records[0].value, "a");
    FAILS(bus_consumer_pause(f->consumer, "left", 0, true, &f->error), ERROR_INVALID, "left/0");
}

static void test_registry(void **state) {
    struct fixture *f = *state;
    const struct registry *registry = bus_registry(f->bus);
    struct arena arena = {0};
    int32_t first, second, again;
    struct slice schema;
    OK(registry->add(registry->context, "metrics-value", SCHEMA_AVRO, SLICE("\"long\""), &first, &f->error));
    OK(registry->add(registry->context, "metrics-value", SCHEMA_AVRO, SLICE("\"string\""), &second, &f->error));
    OK(registry->add(registry->context, "metrics-value", SCHEMA_AVRO, SLICE("\"long\""), &again, &f->error));
    assert_int_equal(first, again);
    assert_int_not_equal(first, second);
    OK(registry->find(registry->context, SCHEMA_AVRO, second, &arena, &schema, &f->error));
    assert_text(schema, "\"string\"");
    FAILS(registry->find(registry->context, SCHEMA_AVRO, 99, &arena, &schema, &f->error), ERROR_NOT_FOUND, "99");
    assert_false(f->error.retriable);
    arena_release(&arena);
}

static void test_retention(void **state) {
    struct fixture *f = *state;
    int64_t records;
    struct bus_topic_settings settings = {1, 5000, -1};
    OK(bus_topic_create(f->bus, "t", &settings, &f->error));
    for (int i = 0; i < 4; i++, f->now += 2000)
        append(f, "t", 0, 10 * i, 10);
    f->now = 1000000 + 7500; /* batches of 0, 2000, 4000, 6000 */
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 20);
    assert_int_equal(partition_of(f, "t", 0).start_offset, 20);
    FAILS(bus_consumer_seek(f->consumer, "t", 0, 19, &f->error), ERROR_NOT_FOUND, "begins at 20");
    OK(bus_consumer_seek(f->consumer, "t", 0, 20, &f->error));
    int64_t bytes = partition_of(f, "t", 0).bytes;
    settings = (struct bus_topic_settings){1, -1, bytes - 1};
    OK(bus_topic_alter(f->bus, "t", &settings, &f->error));
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 10);
    assert_true(partition_of(f, "t", 0).bytes < bytes);
    struct bus_batch batch;
    FAILS(bus_consumer_poll(f->consumer, 0, &batch, &f->error), ERROR_NOT_FOUND, "offsets 20 to 29 are gone");
    settings.retention_bytes = 0;
    OK(bus_topic_alter(f->bus, "t", &settings, &f->error));
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 0); /* the newest stays */
    settings = (struct bus_topic_settings){1, 1000, -1};
    OK(bus_topic_alter(f->bus, "t", &settings, &f->error));
    f->now += 100000;
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 10);
    assert_int_equal(partition_of(f, "t", 0).start_offset, 40);
    assert_int_equal(partition_of(f, "t", 0).bytes, 0);
    append(f, "t", 0, 40, 1); /* exactly as old as the limit: it stays */
    f->now += 1000;
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 0);
    f->now += 1;
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 1);
    f->now -= 500000; /* the wall clock goes back a little, the append time does not */
    int64_t last = partition_of(f, "t", 0).last_append;
    append(f, "t", 0, 0, 1);
    assert_int_equal(partition_of(f, "t", 0).last_append, last);
}

/* One batch that was taken with a clock a year ahead: those after it have their own times, and retention goes on. */
static void test_clock_that_was_ahead(void **state) {
    enum { HOUR = 3600000 };
    struct fixture *f = *state;
    const int64_t year = INT64_C(365) * 24 * HOUR, began = f->now;
    struct bus_topic_settings settings = {1, 2 * HOUR, -1};
    struct bus_batch batch;
    int64_t records;
    OK(bus_topic_create(f->bus, "t", &settings, &f->error));
    append(f, "t", 0, 0, 1);
    f->now += year;
    append(f, "t", 0, 1, 1); /* the first record has gone with that */
    f->now = began + HOUR;
    append(f, "t", 0, 2, 1);
    assert_int_equal(partition_of(f, "t", 0).last_append, began + HOUR);
    OK(bus_consumer_seek(f->consumer, "t", 0, 1, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.append_time, began + year);
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.append_time, began + HOUR);
    f->now = began + 3 * HOUR;
    OK(bus_apply_retention(f->bus, &records, &f->error));
    assert_int_equal(records, 0);
    f->now += 1; /* the producer looks after retention itself, though its clock was ahead once */
    append(f, "other", 0, 0, 1);
    assert_int_equal(partition_of(f, "t", 0).start_offset, 3);
}

/* What the tables say and cannot be is told as damage, with the place, and is no endless wait. */
static void test_damaged_tables(void **state) {
    (void)state;
    static const struct {
        const char *damage, *message;
    } cases[] = {
        {"UPDATE log_topics SET partitions=0", "topic t is said to have 0 partitions; the data folder is damaged"},
        {"UPDATE log_topics SET partitions=1<<40", "1099511627776 partitions"},
        {"UPDATE log_topics SET partitions=-1", "-1 partitions"},
        {"UPDATE log_partitions SET next_offset=-9223372036854775807", "topic t, partition 0: its end offset is -9223"},
        {"UPDATE log_partitions SET next_offset=9223372036854775807", "its end offset is 9223372036854775807"},
        {"UPDATE log_partitions SET start_offset=7", "topic t, partition 0: its start offset is 7"},
        {"UPDATE log_partitions SET id=id+1048576", "its number in the log is 1048577"},
        {"DELETE FROM log_batches WHERE id=(SELECT max(id) FROM log_batches)",
         "topic t, partition 0: records are missing before its end, from offset 2"},
        {"DELETE FROM log_batches WHERE id=(SELECT min(id) FROM log_batches)",
         "topic t, partition 0: records are missing, from offset 0"},
        {"UPDATE log_batches SET count=9223372036854775807 WHERE id=(SELECT max(id) FROM log_batches)", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *one = NULL;
        setup(&one);
        struct fixture *g = one;
        struct bus_topic_settings settings = {1, -1, -1};
        struct bus_topic_info info;
        struct bus_batch batch;
        int32_t topic, partitions;
        assert_int_equal(bus_topic_create(g->bus, "t", &settings, &g->error), 0);
        append(g, "t", 0, 0, 2);
        append(g, "t", 0, 2, 2);
        fixture_close(g);
        execute(g, cases[i].damage);
        fixture_open(g);
        int status = bus_topic_describe(g->bus, "t", &info, &g->error);
        if (!status)
            bus_topic_info_release(&info);
        if (!status)
            status = bus_producer_topic(g->producer, "t", NULL, &topic, &partitions, &g->error);
        if (!status)
            status = bus_consumer_seek(g->consumer, "t", 0, 0, &g->error);
        while (!status && (status = bus_consumer_poll(g->consumer, 0, &batch, &g->error)) == 1)
            status = 0;
        if (*cases[i].message && (status != ERROR_CORRUPT || !strstr(g->error.message, cases[i].message)))
            fail_msg("case %zu: %d '%s'", i, status, g->error.message);
        teardown(&one);
    }
}

/* Writes `count` values of `keys` keys in batches of `each`: key number n has the value of the last i with i % keys
 * == n. */
static void append_keys(struct fixture *f, int first, int count, int keys, int each) {
    int32_t topic, partitions;
    struct bus_topic_settings settings = {1, -1, -1, true};
    OK(bus_producer_topic(f->producer, "changes", &settings, &topic, &partitions, &f->error));
    for (int i = first; i < first + count; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i % keys);
        snprintf(value, sizeof value, "%d", i);
        struct bus_record record = {.key = slice_of(key), .value = slice_of(value), .timestamp = i};
        OK(bus_produce(f->producer, topic, 0, &record, &f->error));
        if (i % each == each - 1)
            OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    }
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

static int number_of(struct slice text) {
    char copy[16] = "";
    memcpy(copy, text.data, text.length);
    return atoi(copy);
}

/* Reads what comes from the offset on: the number of records; `values[key]` is the last value of each, -1: deleted.
 * Offsets rise, and timestamps are theirs. */
static int read_keys(struct fixture *f, int64_t *offset, int *values, int64_t shift) {
    struct bus_batch batch;
    int count = 0, got;
    while ((got = bus_consumer_poll(f->consumer, 0, &batch, &f->error)) == 1)
        for (size_t i = 0; i < batch.count; i++, count++) {
            assert_true(batch.base_offset + (int64_t)i >= *offset);
            *offset = batch.base_offset + (int64_t)i + 1;
            assert_int_equal(batch.records[i].timestamp, *offset - 1 + shift);
            struct slice key = batch.records[i].key;
            values[number_of((struct slice){key.data + 1, key.length - 1})] =
                batch.records[i].value.data ? number_of(batch.records[i].value) : -1;
        }
    assert_int_equal(got, 0);
    return count;
}

/* Of each key the newest record stays, at its offset; readers in the middle miss nothing. */
static void test_compaction(void **state) {
    struct fixture *f = *state;
    int values[100];
    int64_t deleted, offset = 0, middle = 0;
    struct bus_topic_info info;
    append_keys(f, 0, 5000, 100, 7);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    struct bus_batch batch;
    for (int i = 0; i < 100; i++) /* a reader in the middle: at the offset where a batch begins */
        assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    middle = batch.base_offset + (int64_t)batch.count;
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 4900);
    assert_int_equal(read_keys(f, &middle, values, 0), 100);
    for (int k = 0; k < 100; k++)
        assert_int_equal(values[k], 4900 + k);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 4950, &f->error));
    offset = 4950;
    assert_int_equal(read_keys(f, &offset, values, 0), 50);
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 0);
    OK(bus_topic_describe(f->bus, "changes", &info, &f->error));
    assert_true(info.settings.compacted);
    assert_int_equal(info.partitions[0].start_offset, 0);
    assert_int_equal(info.partitions[0].end_offset, 5000);
    assert_true(info.partitions[0].bytes < 1500);
    bus_topic_info_release(&info);
    append_keys(f, 5000, 1500, 50, 1000); /* half of the keys again, and the next pass */
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 1500);
    assert_int_equal(read_keys(f, &offset, values, 0), 50);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    offset = 0;
    assert_int_equal(read_keys(f, &offset, values, 0), 100);
    assert_int_equal(values[49], 6499);
    assert_int_equal(values[50], 4950);
    fixture_close(f);
    fixture_open(f);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    offset = 0;
    assert_int_equal(read_keys(f, &offset, values, 0), 100);
}

/* A deletion stays for one pass; a group that lags keeps what it has not read. */
static void test_compaction_of_deletions(void **state) {
    struct fixture *f = *state;
    int values[100] = {0};
    int64_t deleted, offset = 0;
    int32_t topic, partitions;
    append_one(f, "other", 0, "a producer's first commit compacts too");
    append_keys(f, 0, 1000, 100, 1000);
    OK(bus_producer_topic(f->producer, "changes", NULL, &topic, &partitions, &f->error));
    for (int i = 0; i < 99; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        struct bus_record record = {.key = slice_of(key), .timestamp = 1000 + i};
        OK(bus_produce(f->producer, topic, 0, &record, &f->error));
    }
    struct bus_position position = {
        .group = "g", .topic = "changes", .partition = 0, .next_offset = 1099, .metadata = ""};
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 999);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    assert_int_equal(read_keys(f, &offset, values, 0), 100);
    assert_int_equal(values[0], -1);
    assert_int_equal(values[99], 999);
    append_keys(f, 1099, 2000, 1, 100); /* beyond the group's position */
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 0);
    position.next_offset = 3099;
    position.expected = 1;
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 99 + 1999);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    offset = 0;
    assert_int_equal(read_keys(f, &offset, values, 0), 2);
    assert_int_equal(values[0], 3098);
    assert_int_equal(values[99], 999);
}

/* The slowest group stands inside a batch, which then is not touched; and a deletion at the place to which the last
 * pass had come stays for one pass more. */
static void test_compaction_at_its_edges(void **state) {
    struct fixture *f = *state;
    int values[100] = {0};
    int64_t deleted, offset = 0;
    int32_t topic, partitions;
    append_one(f, "other", 0, "a producer's first commit compacts too");
    append_keys(f, 0, 2000, 10, 1000);
    struct bus_position position = {
        .group = "g", .topic = "changes", .partition = 0, .next_offset = 1500, .metadata = ""};
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_apply_retention(f->bus, &deleted, &f->error));
    assert_int_equal(deleted, 990);
    OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
    assert_int_equal(read_keys(f, &offset, values, 0), 10 + 1000);
    OK(bus_producer_topic(f->producer, "changes", NULL, &topic, &partitions, &f->error));
    position.next_offset = 2000;
    position.expected = 1;
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_apply_retention(f->bus, &deleted, &f->error)); /* compacted up to 2000 */
    assert_int_equal(deleted, 1000);
    struct bus_record deletion = {.key = SLICE("x99"), .timestamp = 2000};
    OK(bus_produce(f->producer, topic, 0, &deletion, &f->error));
    for (int pass = 0; pass < 2; pass++) {
        int end = 2001 + 1100 * (pass + 1);
        append_keys(f, end - 1100, 1100, 10, 1000);
        position.next_offset = end;
        position.expected++;
        OK(bus_producer_commit(f->producer, &position, 1, &f->error));
        OK(bus_apply_retention(f->bus, &deleted, &f->error));
        OK(bus_consumer_seek(f->consumer, "changes", 0, 0, &f->error));
        offset = values[99] = 0;
        assert_int_equal(read_keys(f, &offset, values, 0), pass == 0 ? 11 : 10);
        assert_int_equal(values[99], pass == 0 ? -1 : 0);
        assert_int_equal(values[0], (end - 1) / 10 * 10);
    }
}

static void test_trim(void **state) {
    struct fixture *f = *state;
    append(f, "t", 1, 0, 5);
    append(f, "t", 1, 5, 5);
    append(f, "t", 1, 10, 5);
    OK(bus_trim(f->bus, "t", 1, 9, &f->error));
    assert_int_equal(partition_of(f, "t", 1).start_offset, 5);
    OK(bus_trim(f->bus, "t", 1, 10, &f->error));
    assert_int_equal(partition_of(f, "t", 1).start_offset, 10);
    OK(bus_trim(f->bus, "t", 1, 15, &f->error));
    assert_int_equal(partition_of(f, "t", 1).start_offset, 15);
    assert_int_equal(partition_of(f, "t", 1).bytes, 0);
    append(f, "t", 1, 15, 1);
    FAILS(bus_consumer_seek(f->consumer, "t", 1, 14, &f->error), ERROR_NOT_FOUND, "14");
    OK(bus_consumer_seek(f->consumer, "t", 1, 15, &f->error));
    FAILS(bus_trim(f->bus, "u", 1, 15, &f->error), ERROR_NOT_FOUND, "u");
}

static void test_reopen(void **state) {
    struct fixture *f = *state;
    append(f, "t", 1, 0, 3);
    fixture_close(f);
    f->options.create = false;
    f->options.durable = true;
    fixture_open(f);
    append(f, "t", 1, 3, 1);
    OK(bus_consumer_seek(f->consumer, "t", 1, 2, &f->error));
    struct bus_batch batch;
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.base_offset, 2);
    assert_text(batch.records[0].value, "2");
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_text(batch.records[0].value, "3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_urls),
        TEST_BOTH(test_topics),
        TEST_BOTH(test_records),
        TEST_BOTH(test_seek),
        TEST_BOTH(test_turns),
        TEST_BOTH(test_wake_up),
        TEST_BOTH(test_join_of_several_topics),
        TEST_BOTH(test_registry),
        TEST_BOTH(test_retention),
        TEST_BOTH(test_trim),
        TEST(test_compaction),
        TEST(test_compaction_of_deletions),
        TEST(test_compaction_at_its_edges),
        TEST(test_clock_that_was_ahead),
        TEST(test_damaged_tables),
        TEST(test_reopen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

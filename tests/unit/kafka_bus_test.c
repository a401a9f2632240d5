/* Faults of a Kafka cluster that are hard to make with a real broker: librdkafka's mock cluster answers requests of
 * a transaction with errors of our choice. What a commit returns is what the door promises, and whatever it was, the
 * next commit succeeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/kafka/consumer.h"

/* Kafka's numbers of requests. */
enum {
    REQUEST_PRODUCE = 0,
    REQUEST_INIT_PRODUCER_ID = 22,
    REQUEST_ADD_PARTITIONS = 24,
    REQUEST_ADD_OFFSETS = 25,
    REQUEST_END_TXN = 26,
    REQUEST_TXN_OFFSETS = 28
};

struct fixture {
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *cluster;
    struct bus *bus;
    struct error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    char text[200], url[300];
    assert_non_null(f);
    f->owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    assert_non_null(f->owner);
    f->cluster = rd_kafka_mock_cluster_new(f->owner, 3);
    assert_non_null(f->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(f->cluster, "t", 4, 3), RD_KAFKA_RESP_ERR_NO_ERROR);
    snprintf(url, sizeof url, "kafka://%s", rd_kafka_mock_cluster_bootstraps(f->cluster));
    struct client_property quick[] = {{"transaction.timeout.ms", "3000"}, {"retry.backoff.ms", "1"}};
    struct bus_options options = {.create = true, .clock = &clock_system, .properties = quick, .property_count = 2};
    assert_int_equal(bus_open(url, &options, &f->bus, &f->error), 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    bus_close(f->bus);
    rd_kafka_mock_cluster_destroy(f->cluster);
    rd_kafka_destroy(f->owner);
    free(f);
    return 0;
}

static void produce(struct fixture *f, struct bus_producer *producer, int count) {
    int32_t topic, partitions;
    assert_int_equal(bus_producer_topic(producer, "t", NULL, &topic, &partitions, &f->error), 0);
    assert_int_equal(partitions, 4);
    for (int i = 0; i < count; i++) {
        struct bus_header header = {SLICE("why"), SLICE("because")};
        struct bus_record record = {.key = SLICE("k"),
                                    .value = SLICE("value"),
                                    .timestamp = i,
                                    .headers = &header,
                                    .header_count = (size_t)i % 2};
        assert_int_equal(bus_produce(producer, topic, i % 4, &record, &f->error), 0);
    }
}

static int commit(struct fixture *f, struct bus_producer *producer, int64_t next_offset) {
    struct bus_position position = {
        .group = "g", .topic = "t", .partition = 0, .next_offset = next_offset, .metadata = "where it was"};
    return bus_producer_commit(producer, &position, 1, &f->error);
}

static void test_records_and_positions(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    struct bus_committed committed;
    assert_int_equal(bus_producer_open(f->bus, &(struct bus_producer_options){.name = "test"}, &producer, &f->error),
                     0);
    produce(f, producer, 5000);
    assert_int_equal(bus_producer_pending_records(producer), 5000);
    assert_int_equal(commit(f, producer, 17), 0);
    assert_int_equal(bus_producer_pending_records(producer), 0);
    assert_int_equal(bus_committed(f->bus, "nobody", "t", 1, &committed, &f->error),
                     0); /* the mock forgets positions of transactions */
    assert_false(committed.exists);
    bus_producer_close(producer);
}

/* Records of all shapes, with headers and without them: what has none is known by the bytes around its value. */
static void test_headers(void **state) {
    struct fixture *f = *state;
    static const size_t lengths[] = {0, 1, 63, 64, 8191, 8192, 300000};
    enum { RECORDS = 600, LENGTHS = sizeof lengths / sizeof *lengths };
    static char bytes[300000];
    static const struct bus_header headers[] = {{SLICE("why"), SLICE("because")}, {SLICE("empty"), {NULL, 0}}};
    struct bus_producer *producer;
    struct bus_consumer *consumer;
    struct bus_batch batch;
    int32_t topic, partitions;
    assert_int_equal(bus_producer_open(f->bus, &(struct bus_producer_options){.name = "test"}, &producer, &f->error),
                     0);
    assert_int_equal(bus_producer_topic(producer, "t", NULL, &topic, &partitions, &f->error), 0);
    for (int i = 0; i < RECORDS; i++) {
        struct bus_record record = {.key = {i % 11 ? bytes : NULL, i % 11 ? (size_t)(i % 5) * 30 : 0},
                                    .value = {i % 13 ? bytes : NULL, i % 13 ? lengths[i % (i % 50 ? 4 : LENGTHS)] : 0},
                                    .timestamp = i * 1000,
                                    .headers = headers,
                                    .header_count = i / 20 % 2 ? (size_t)i % 3 : 0};
        assert_int_equal(bus_produce(producer, topic, 0, &record, &f->error), 0);
    }
    assert_int_equal(bus_producer_commit(producer, NULL, 0, &f->error), 0);
    assert_int_equal(bus_consumer_open(f->bus, NULL, &consumer, &f->error), 0);
    assert_int_equal(bus_consumer_seek(consumer, "t", 0, 0, &f->error), 0);
    for (int64_t done = 0; done < RECORDS;) {
        assert_true(bus_consumer_poll(consumer, 10000, &batch, &f->error) >= 0);
        for (size_t r = 0; r < batch.count && batch.base_offset + (int64_t)r == done; r++, done++) {
            const struct bus_record *record = &batch.records[r];
            assert_int_equal(record->header_count, done / 20 % 2 ? done % 3 : 0);
            for (size_t h = 0; h < record->header_count; h++)
                assert_true(slice_equal(record->headers[h].name, headers[h].name) &&
                            slice_equal(record->headers[h].value, headers[h].value));
        }
    }
    bus_consumer_close(consumer);
    bus_producer_close(producer);
}

/* Places count from 1. */
static char *place_of(const char *bytes, size_t place) {
    return place ? (char *)(uintptr_t)bytes + place - 1 : NULL;
}

/* Nothing is taken for granted that does not look like a record as the broker sent it. */
static void test_messages_without_headers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t key, value, length, next; /* places; 0: null */
        bool bare;
    } cases[] = {
        {"kk\6vvv\0..nn", 1, 4, 3, 10, true},
        {"kk\6vvv\2..nn", 1, 4, 3, 10, false},       /* one header */
        {"kk\4vvv\0..nn", 1, 4, 3, 10, false},       /* of another length */
        {"kk..vvv\0..nn", 1, 5, 3, 11, false},       /* copied */
        {"kk\0\0\0\3vvv\0..nn", 1, 7, 3, 13, false}, /* as format 1 writes a length */
        {"kk\6vvv\0..nn", 0, 4, 3, 10, false},
        {"kk\6vvv\0..nn", 1, 0, 0, 10, false},
        {"kk\6vvv\0..nn", 1, 4, 3, 0, false},
        {"nnnnkk\6vvv\0.", 5, 8, 3, 1, false}, /* the next one is elsewhere */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rd_kafka_message_t message = {.key = place_of(cases[i].bytes, cases[i].key),
                                      .key_len = cases[i].key ? 2 : 0,
                                      .payload = place_of(cases[i].bytes, cases[i].value),
                                      .len = cases[i].length},
                           next = {.key = place_of(cases[i].bytes, cases[i].next)};
        assert_int_equal(kafka_message_is_bare(&message, &next), cases[i].bare);
        assert_false(kafka_message_is_bare(&message, NULL));
        next.err = RD_KAFKA_RESP_ERR__PARTITION_EOF;
        assert_false(kafka_message_is_bare(&message, &next));
    }
}

struct fault {
    int request;
    rd_kafka_resp_err_t err;
    int named, unnamed; /* what the commit returns */
};

/* Errors that pass by themselves are not seen; an aborted transaction without a member can be written again (BUSY,
 * retriable); a fenced producer of a name has lost it. */
static const struct fault faults[] = {
    {REQUEST_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 0, 0},
    {REQUEST_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 0, 0},
    {REQUEST_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERROR_BUSY, ERROR_BUSY},
    {REQUEST_ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 0, 0},
    {REQUEST_ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERROR_BUSY, ERROR_BUSY},
    {REQUEST_TXN_OFFSETS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 0, 0},
    {REQUEST_TXN_OFFSETS, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, ERROR_BUSY, ERROR_BUSY},
    {REQUEST_END_TXN, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 0, 0},
    {REQUEST_END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERROR_CONFLICT, ERROR_ABORTED},
    {REQUEST_END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, ERROR_CONFLICT, ERROR_ABORTED},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 0, 0},
};

static int64_t end_of_topic(struct fixture *f) {
    struct bus_consumer *consumer;
    int64_t sum = 0, start, end;
    if (bus_consumer_open(f->bus, NULL, &consumer, &f->error))
        fail_msg("%s", f->error.message);
    for (int32_t p = 0; p < 4; p++, sum += end)
        if (bus_offsets(consumer, "t", p, &start, &end, &f->error))
            fail_msg("%s", f->error.message);
    bus_consumer_close(consumer);
    return sum;
}

static void try_fault(struct fixture *f, const struct fault *fault, bool named) {
    struct bus_producer *producer;
    struct bus_counts before, after;
    int expected = named ? fault->named : fault->unnamed;
    assert_int_equal(
        bus_producer_open(f->bus, &(struct bus_producer_options){.name = named ? "named" : NULL}, &producer, &f->error),
        0);
    produce(f, producer, 10);
    assert_int_equal(commit(f, producer, 1), 0);
    bus_counts(f->bus, &before);
    produce(f, producer, 10);
    rd_kafka_mock_push_request_errors(f->cluster, (int16_t)fault->request, 1, fault->err);
    f->error = (struct error){0};
    int status = commit(f, producer, 2);
    if (status != expected)
        fail_msg("request %d, error %s, %s: returned %d, expected %d: %s", fault->request,
                 rd_kafka_err2name(fault->err), named ? "named" : "unnamed", status, expected, f->error.message);
    bus_counts(f->bus, &after);
    assert_true((after.transactions_aborted > before.transactions_aborted) == (status != 0));
    assert_true(!status || f->error.code == expected);
    assert_true(f->error.retriable == (status == ERROR_BUSY));
    rd_kafka_mock_clear_request_errors(f->cluster, (int16_t)fault->request);
    if (status != ERROR_BUSY)
        bus_producer_abort(producer);
    assert_int_equal(bus_producer_pending_records(producer), status == ERROR_BUSY ? 10 : 0);
    if (status != ERROR_BUSY)
        produce(f, producer, 10);
    int64_t written = end_of_topic(f);
    status = commit(f, producer, 3);
    if (status)
        fail_msg("request %d, error %s: the next commit returned %d: %s", fault->request, rd_kafka_err2name(fault->err),
                 status, f->error.message);
    assert_int_equal(end_of_topic(f) - written, 10); /* the records are in the transaction that holds, all of them */
    bus_producer_close(producer);
}

static void test_faults(void **state) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        try_fault(*state, &faults[i], false);
        try_fault(*state, &faults[i], true);
    }
}

/* Coordinators of transactions and of groups go to another broker, between and within transactions. */
static void test_coordinators_move(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    struct bus_counts counts;
    assert_int_equal(bus_producer_open(f->bus, &(struct bus_producer_options){.name = "moving"}, &producer, &f->error),
                     0);
    for (int32_t broker = 1; broker <= 3; broker++) {
        rd_kafka_mock_coordinator_set(f->cluster, "transaction", "meterline.moving", broker);
        produce(f, producer, 3000); /* some thousands are with librdkafka before the commit */
        rd_kafka_mock_coordinator_set(f->cluster, "transaction", "meterline.moving", broker % 3 + 1);
        rd_kafka_mock_coordinator_set(f->cluster, "group", "g", broker);
        if (commit(f, producer, broker))
            fail_msg("%s", f->error.message);
    }
    bus_counts(f->bus, &counts);
    assert_int_equal(counts.transactions, 3);
    assert_int_equal(counts.transactions_aborted, 0);
    bus_producer_close(producer);
}

/* All brokers drop their connections and refuse new ones for a while. */
static void *outage(void *context) {
    struct fixture *f = context;
    for (int32_t broker = 1; broker <= 3; broker++)
        rd_kafka_mock_broker_set_down(f->cluster, broker);
    clock_sleep_ns(&clock_system, INT64_C(300000000));
    for (int32_t broker = 1; broker <= 3; broker++)
        rd_kafka_mock_broker_set_up(f->cluster, broker);
    return NULL;
}

/* The connections are reset when the records of a transaction are partly sent, and when it is being committed: it is
 * committed all the same. */
static void test_connections_reset_in_a_transaction(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    struct bus_counts counts;
    pthread_t thread;
    assert_int_equal(bus_producer_open(f->bus, &(struct bus_producer_options){.name = "reset"}, &producer, &f->error),
                     0);
    produce(f, producer, 10);
    assert_int_equal(commit(f, producer, 1), 0);
    for (int i = 0; i < 2; i++) {
        produce(f, producer, 3000);
        assert_int_equal(pthread_create(&thread, NULL, outage, f), 0);
        clock_sleep_ns(&clock_system, i ? INT64_C(50000000) : 0);
        produce(f, producer, 3000);
        if (commit(f, producer, 2 + i))
            fail_msg("%s", f->error.message);
        pthread_join(thread, NULL);
    }
    bus_counts(f->bus, &counts);
    assert_int_equal(counts.transactions, 3);
    bus_producer_close(producer);
}

static void test_a_record_that_no_broker_takes(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    int32_t topic, partitions;
    char *large = malloc(BUS_RECORD_MAXIMUM + 1);
    assert_non_null(large);
    memset(large, 'x', BUS_RECORD_MAXIMUM + 1);
    assert_int_equal(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error), 0);
    assert_int_equal(bus_producer_topic(producer, "t", NULL, &topic, &partitions, &f->error), 0);
    struct bus_record record = {.key = SLICE("k"), .value = {large, BUS_RECORD_MAXIMUM + 1}};
    assert_int_equal(bus_produce(producer, topic, 0, &record, &f->error), ERROR_INVALID);
    assert_int_equal(bus_producer_pending_records(producer), 0);
    bus_producer_close(producer);
    free(large);
}

static void test_what_a_url_may_hold(void **state) {
    struct fixture *f = *state;
    struct bus *bus;
    struct client_property wrong[] = {{"isolation.level", "read_uncommitted"}}, unknown[] = {{"no.such", "1"}},
                           secret[] = {{"sasl.mechanism", "hunter2"}};
    struct bus_options options = {.clock = &clock_system, .properties = wrong, .property_count = 1};
    assert_int_equal(bus_open("kafka://h:1", &options, &bus, &f->error), ERROR_INVALID);
    assert_non_null(strstr(f->error.message, "meterline sets this property itself"));
    options.properties = unknown;
    assert_int_equal(bus_open("kafka://h:1", &options, &bus, &f->error), ERROR_INVALID);
    assert_non_null(strstr(f->error.message, "no such property"));
    options.properties = secret;
    assert_int_equal(bus_open("kafka://h:1", &options, &bus, &f->error), 0); /* checked by librdkafka when it logs in */
    bus_close(bus);
}

struct joined {
    struct bus_consumer *consumer;
    bool has[4];
    size_t count;
};

static int joined_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    struct joined *joined = context;
    int status = 0;
    for (size_t i = 0; i < count && !status; i++) {
        joined->has[partitions[i]] = true;
        joined->count++;
        status = bus_consumer_seek(joined->consumer, "t", partitions[i], 0, error);
        if (!status)
            status = bus_consumer_seek(joined->consumer, "u", partitions[i], 0, error);
    }
    return status;
}

static int joined_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
    struct joined *joined = context;
    (void)lost, (void)error;
    for (size_t i = 0; i < count; i++)
        joined->has[partitions[i]] = false;
    joined->count -= count;
    return 0;
}

/* Two members share two topics: each partition number belongs to one of them, in both topics. */
static void test_join_of_several_topics(void **state) {
    struct fixture *f = *state;
    static const char *const topics[] = {"t", "u", "v"};
    struct joined joined[2] = {0};
    struct bus_member members[2];
    struct bus_producer *producer;
    struct bus_batch batch;
    size_t records[2] = {0};
    rd_kafka_mock_topic_create(f->cluster, "u", 4, 3);
    rd_kafka_mock_topic_create(f->cluster, "v", 3, 3);
    assert_int_equal(
        bus_producer_open(f->bus, &(struct bus_producer_options){.at_least_once = true}, &producer, &f->error), 0);
    produce(f, producer, 40);
    assert_int_equal(bus_producer_commit(producer, NULL, 0, &f->error), 0);
    bus_producer_close(producer);
    for (int i = 0; i < 2; i++) {
        members[i] = (struct bus_member){joined_assigned, joined_revoked, &joined[i]};
        assert_int_equal(bus_consumer_open(f->bus, "several", &joined[i].consumer, &f->error), 0);
        assert_int_equal(bus_consumer_join(joined[i].consumer, topics, 3, 0, 1, &members[i], &f->error), ERROR_INVALID);
        assert_non_null(strstr(f->error.message, "t has 4, v has 3"));
        assert_int_equal(bus_consumer_join(joined[i].consumer, topics, 2, 0, 1, &members[i], &f->error), 0);
        for (int round = 0; round < 200 && joined[i].count != (i ? 2 : 4);
             round++) /* the first one has all, then they share */
            for (int each = 0; each <= i; each++)
                assert_true(bus_consumer_poll(joined[each].consumer, 50, &batch, &f->error) >= 0);
    }
    for (int round = 0; round < 200 && (joined[0].count != 2 || joined[1].count != 2); round++)
        for (int each = 0; each < 2; each++)
            assert_true(bus_consumer_poll(joined[each].consumer, 50, &batch, &f->error) >= 0);
    for (int p = 0; p < 4; p++)
        assert_true(joined[0].has[p] != joined[1].has[p]);
    int paused = joined[0].has[0] ? 0 : joined[0].has[1] ? 1 : joined[0].has[2] ? 2 : 3;
    assert_int_equal(bus_consumer_seek(joined[0].consumer, "t", paused, 0, &f->error), 0);
    assert_int_equal(bus_consumer_pause(joined[0].consumer, "t", paused, true, &f->error), 0);
    for (int round = 0; round < 10; round++)
        while (bus_consumer_poll(joined[0].consumer, 20, &batch, &f->error) == 1)
            records[0] += batch.partition == paused ? batch.count : 0;
    assert_int_equal(bus_consumer_pause(joined[0].consumer, "t", paused, false, &f->error), 0);
    for (int round = 0; round < 100 && records[1] < 10; round++)
        while (bus_consumer_poll(joined[0].consumer, 20, &batch, &f->error) == 1)
            records[1] += batch.partition == paused ? batch.count : 0;
    assert_int_equal(records[0], 0);
    assert_int_equal(records[1], 10);
    bus_consumer_close(joined[0].consumer);
    bus_consumer_close(joined[1].consumer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_records_and_positions),
                                       TEST(test_headers),
                                       cmocka_unit_test(test_messages_without_headers),
                                       TEST(test_faults),
                                       TEST(test_coordinators_move),
                                       TEST(test_connections_reset_in_a_transaction),
                                       TEST(test_join_of_several_topics),
                                       TEST(test_a_record_that_no_broker_takes),
                                       TEST(test_what_a_url_may_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

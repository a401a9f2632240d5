/* The store sink on the embedded log, with a store made for the test that can be away: every aggregate arrives,
 * positions follow what was acknowledged. */
#include "bus_fixture.h"

#include "core/bytes.h"
#include "model/time/time.h"
#include "store/driver.h"
#include "stream/sink/store_sink.h"

enum { ROWS = 3000 };
#define WINDOW INT64_C(60000)

/* Rows wait until the flush acknowledges them; `away` calls from the `away_at`th on fail, and again as many calls
 * later. */
struct fake_store {
    struct store base;
    struct store_writer writer;
    int calls, away_at, away, fatal_at;
    bool waiting[ROWS], acknowledged[ROWS];
    int64_t revisions[ROWS];
    int acknowledgements;
};

static struct fake_store fake;

static int fake_call(struct error *error) {
    fake.calls++;
    if (fake.fatal_at == fake.calls)
        return error_set(error, ERROR_INVALID, "wrong password");
    if (!fake.away || fake.calls % fake.away_at >= fake.away || fake.calls < fake.away_at ||
        fake.calls >= 3 * fake.away_at)
        return 0;
    error_set(error, ERROR_IO, "the store is away");
    error->retriable = true;
    return ERROR_IO;
}

static int fake_writer_open(struct store *store, struct store_writer **ret_writer, struct error *error) {
    (void)error;
    fake.writer.driver = store->driver;
    *ret_writer = &fake.writer;
    return 0;
}

static void fake_writer_close(struct store_writer *writer) {
    (void)writer;
}

static int fake_write(struct store_writer *writer, struct database *transaction, const struct store_window *window,
                      const struct aggregate_row *rows, size_t count, struct error *error) {
    (void)writer;
    assert_null(transaction);
    assert_int_equal(window->size, WINDOW);
    int status = fake_call(error);
    for (size_t i = 0; i < count && !status; i++) {
        int64_t at = rows[i].window_start / WINDOW;
        assert_in_range(at, 0, ROWS - 1);
        assert_int_equal(rows[i].count, at + 1);
        assert_true(rows[i].sum == (double)at / 8);
        assert_true(slice_equal(rows[i].series.gateway, SLICE("g \"1\"")));
        fake.revisions[at] = rows[i].revision;
        fake.waiting[at] = true;
    }
    return status;
}

static int fake_flush(struct store_writer *writer, struct error *error) {
    (void)writer;
    int status = fake_call(error);
    for (size_t i = 0; !status && i < ROWS; i++) {
        fake.acknowledged[i] |= fake.waiting[i];
        fake.acknowledgements += fake.waiting[i];
    }
    memset(fake.waiting, 0, sizeof fake.waiting); /* what a flush that fails had under way is lost */
    return status;
}

static const struct store_driver fake_driver = {.remote = true,
                                                .writer_open = fake_writer_open,
                                                .writer_close = fake_writer_close,
                                                .write = fake_write,
                                                .flush = fake_flush};

static void produce_aggregates(struct fixture *f, int from, int count) {
    int32_t topic, partitions;
    struct bytes json = {0};
    OK(bus_producer_topic(f->producer, "t", NULL, &topic, &partitions, &f->error));
    for (int i = from; i < from + count; i++) {
        char start[TIME_TEXT_SIZE], end[TIME_TEXT_SIZE];
        int start_length = (int)time_write(start, i * WINDOW), end_length = (int)time_write(end, (i + 1) * WINDOW);
        json.length = 0;
        bytes_append_format(&json,
                            "{\"windowStart\":\"%.*s\",\"windowEnd\":\"%.*s\",\"sampleCount\":%d,\"min\":-1.0,\"max\":"
                            "7.0,\"sum\":%.3f,\"average\":1.0,%s\"metricType\":\"WATER\",\"metricAttribute\":\"FLOW\","
                            "\"gateway\":\"g \\\"1\\\"\"}",
                            start_length, start, end_length, end, i + 1, i / 8.0, i % 10 ? "" : "\"incomplete\":true,");
        struct bus_record record = {.key = SLICE("k"), .value = bytes_slice(&json)};
        OK(bus_produce(f->producer, topic, i % partitions, &record, &f->error));
        if (i % 100 == 0)
            OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    }
    bytes_release(&json);
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

/* Runs the sink until the topic is done, or it ends with an error. */
static int drain(struct fixture *f, struct sink_counts *ret_counts) {
    atomic_bool stop = false, drained = true;
    struct sink sink;
    void *context;
    struct sink_settings settings = {.bus = f->bus,
                                     .group = "g",
                                     .topic = "t",
                                     .rejected = "t-rejected",
                                     .count = 1,
                                     .clock = &f->clock,
                                     .stop = &stop,
                                     .drain = &drained};
    OK(store_sink_new(&fake.base, &(struct store_window){.size = WINDOW}, &context, &f->error));
    OK(sink_open(&sink, &settings, &store_sink_target, context, &f->error));
    sink_run(&sink);
    int status = sink.status;
    f->error = sink.error;
    ret_counts->records = atomic_load(&sink.counts.records);
    ret_counts->retries = atomic_load(&sink.counts.retries);
    sink_close(&sink);
    return status;
}

static void reset(int away_at, int away) {
    fake = (struct fake_store){.base = {.driver = &fake_driver}, .away_at = away_at, .away = away};
}

static void assert_all_there(void) {
    for (int i = 0; i < ROWS; i++)
        if (!fake.acknowledged[i] || fake.revisions[i] != (i % 10 ? 0 : AGGREGATE_INCOMPLETE))
            fail_msg("row %d is missing, or its revision is wrong", i);
}

static void test_all_rows_arrive_once(void **state) {
    struct fixture *f = *state;
    struct sink_counts counts;
    reset(0, 0);
    produce_aggregates(f, 0, ROWS);
    assert_int_equal(drain(f, &counts), 0);
    assert_all_there();
    assert_int_equal(fake.acknowledgements, ROWS);
    assert_int_equal(drain(f, &counts), 0);
    assert_int_equal(counts.records, 0); /* the positions say that all is done */
}

static void test_a_store_that_comes_and_goes(void **state) {
    struct fixture *f = *state;
    struct sink_counts counts;
    reset(40, 3);
    produce_aggregates(f, 0, ROWS);
    assert_int_equal(drain(f, &counts), 0);
    assert_in_range(counts.retries, 2, 12);
    assert_all_there();
}

static void test_an_error_that_does_not_pass_ends_the_sink(void **state) {
    struct fixture *f = *state;
    struct sink_counts counts;
    struct bus_committed committed;
    reset(0, 0);
    fake.fatal_at = 1;
    produce_aggregates(f, 0, ROWS);
    assert_int_equal(drain(f, &counts), ERROR_INVALID);
    assert_non_null(strstr(f->error.message, "wrong password"));
    OK(bus_committed(f->bus, "g", "t", 0, &committed, &f->error));
    assert_false(committed.exists);
    fake.fatal_at = 0;
    assert_int_equal(drain(f, &counts), 0);
    assert_all_there();
}

static void test_what_cannot_be_read_is_mail(void **state) {
    struct fixture *f = *state;
    struct sink_counts counts;
    static const char *const bad[] = {
        "no json",
        "{}",
        "{\"windowStart\":\"1970-01-01T00:00:00Z\",\"windowEnd\":\"1970-01-01T00:02:00Z\",\"sampleCount\":1,\"min\":1,"
        "\"max\":1,\"sum\":1,\"average\":1,\"metricType\":\"W\",\"metricAttribute\":\"F\",\"gateway\":\"g\"}",
        "{\"windowStart\":\"1970-01-01T00:00:00Z\",\"windowEnd\":\"1970-01-01T00:01:00Z\",\"sampleCount\":1.5,\"min\":"
        "1,\"max\":1,\"sum\":1,\"average\":1,\"metricType\":\"W\",\"metricAttribute\":\"F\",\"gateway\":\"g\"}",
        "{\"windowStart\":\"1970-01-01T00:00:00Z\",\"windowEnd\":\"1970-01-01T00:01:00Z\",\"sampleCount\":1,\"min\":1,"
        "\"max\":1,\"sum\":1,\"average\":1,\"metricType\":\"W\",\"metricAttribute\":\"F\",\"gateway\":\"\"}",
    };
    enum { BAD = sizeof bad / sizeof *bad };
    int32_t topic, partitions;
    reset(0, 0);
    OK(bus_producer_topic(f->producer, "t", NULL, &topic, &partitions, &f->error));
    for (int i = 0; i < BAD; i++)
        OK(bus_produce(f->producer, topic, 0, &(struct bus_record){.key = SLICE("k"), .value = slice_of(bad[i])},
                       &f->error));
    OK(bus_produce(f->producer, topic, 0, &(struct bus_record){.key = SLICE("k")}, &f->error)); /* a tombstone */
    produce_aggregates(f, 0, ROWS);
    assert_int_equal(drain(f, &counts), 0);
    assert_all_there();
    struct bus_batch batch;
    OK(bus_consumer_seek(f->consumer, "t-rejected", 0, 0, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.count, BAD);
    for (int i = 0; i < BAD; i++) {
        assert_text(batch.records[i].value, bad[i]);
        assert_text(batch.records[i].headers[0].name, "error");
        assert_text(batch.records[i].headers[1].value, "t");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_all_rows_arrive_once), TEST(test_a_store_that_comes_and_goes),
                                       TEST(test_an_error_that_does_not_pass_ends_the_sink),
                                       TEST(test_what_cannot_be_read_is_mail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

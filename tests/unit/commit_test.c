/* The committing thread: one commit for all that wait, records as they are written, repeats, and a log that takes
 * nothing for a while. */
#include "bus_fixture.h"

#include <pthread.h>

#include "ingest/commit.h"

enum { PATIENCE_MS = 20000, DELIVERIES = 10 };

struct ended {
    pthread_mutex_t lock;
    size_t count;
};

struct sent {
    struct delivery delivery;
    struct payload_reading reading;
    struct ended *ended;
};

static void note_end(struct delivery *delivery) {
    struct ended *ended = ((struct sent *)(void *)delivery)->ended;
    pthread_mutex_lock(&ended->lock);
    ended->count++;
    pthread_mutex_unlock(&ended->lock);
}

static struct sent sent_of(struct ended *ended, double value) {
    return (struct sent){
        .delivery = {.count = 1, .source = SLICE("http 192.0.2.1 /write"), .received = 77, .done = note_end},
        .reading = {.series = {SLICE("gw1"), SLICE("ELECTRICITY"), SLICE("VOLTAGE")},
                    .timestamp = INT64_C(1700000000000),
                    .value = value,
                    .line = 3,
                    .part = 1},
        .ended = ended};
}

static void submit(struct committer *committer, struct sent *sent) {
    sent->delivery.readings = &sent->reading;
    committer_submit(committer, &sent->delivery);
}

static void wait_for(struct ended *ended, size_t count) {
    for (int i = 0; i < PATIENCE_MS; i++) {
        pthread_mutex_lock(&ended->lock);
        size_t now = ended->count;
        pthread_mutex_unlock(&ended->lock);
        if (now == count)
            return;
        usleep(1000);
    }
    fail_msg("%zu deliveries have not ended", count);
}

static void wait_for_log(struct committer *committer, bool away) {
    for (int i = 0; i < PATIENCE_MS && committer_log_is_away(committer) != away; i++)
        usleep(1000);
    assert_int_equal(committer_log_is_away(committer), away);
}

static struct committer *open_committer(struct fixture *f, const struct commit_repeats *repeats) {
    struct committer *committer = NULL;
    const struct commit_options options = {
        .bus = f->bus, .topic = "metrics", .json = true, .clock = &clock_system, .repeats = repeats};
    OK(committer_open(&options, &committer, &f->error));
    wait_for_log(committer, false);
    return committer;
}

/* While another writer has the log, deliveries gather; then one commit takes all but the one that was under way. */
static void test_one_commit_for_all_that_wait(void **state) {
    struct fixture *f = *state;
    struct ended ended = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sent sent[DELIVERIES];
    struct commit_counts counts;
    struct database *database;
    struct committer *committer = open_committer(f, NULL);
    assert_int_equal(committer_waiting(committer), 0);
    OK(bus_producer_begin(f->producer, &database, &f->error));
    for (size_t i = 0; i < DELIVERIES; i++) {
        sent[i] = sent_of(&ended, (double)i);
        submit(committer, &sent[i]);
    }
    while (committer_waiting(committer) < 50)
        usleep(1000);
    assert_int_equal(ended.count, 0);
    bus_producer_abort(f->producer);
    wait_for(&ended, DELIVERIES);
    for (size_t i = 0; i < DELIVERIES; i++)
        assert_int_equal(sent[i].delivery.status, 0);
    assert_null(committer_close(committer, &counts));
    assert_true(counts.commits <= 2);
    assert_int_equal(counts.accepted, DELIVERIES);
    assert_int_equal(counts.deliveries, DELIVERIES);
    assert_int_equal(counts.failed, 0);
}

static const struct bus_record *read_one(struct fixture *f, const char *topic) {
    struct bus_batch batch;
    for (int32_t p = 0; p < 3; p++)
        OK(bus_consumer_seek(f->consumer, topic, p, 0, &f->error));
    for (int i = 0; i < PATIENCE_MS; i++) {
        int got = bus_consumer_poll(f->consumer, 1, &batch, &f->error);
        assert_true(got >= 0);
        if (got && batch.count)
            return &batch.records[0];
    }
    fail_msg("there is nothing in %s", topic);
    return NULL;
}

static void assert_header(const struct bus_record *record, const char *name, const char *value) {
    for (size_t i = 0; i < record->header_count; i++)
        if (slice_equal(record->headers[i].name, slice_of(name))) {
            assert_true(slice_equal(record->headers[i].value, slice_of(value)));
            return;
        }
    fail_msg("there is no header %s", name);
}

static void test_records(void **state) {
    struct fixture *f = *state;
    struct ended ended = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sent sent = sent_of(&ended, 241.5);
    const struct payload_rejection rejection = {.line = 9, .reason = "it is none", .text = SLICE("bad \xff line")};
    struct committer *committer = open_committer(f, NULL);
    sent.delivery.identity = SLICE("batch-1");
    sent.delivery.rejections = &rejection;
    sent.delivery.rejected = 1;
    submit(committer, &sent);
    wait_for(&ended, 1);
    committer_close(committer, NULL);
    const struct bus_record *record = read_one(f, "metrics");
    assert_true(slice_equal(record->key, SLICE("gw1.ELECTRICITY.VOLTAGE")));
    assert_true(slice_equal(record->value,
                            SLICE("{\"gateway\":\"gw1\",\"metricType\":\"ELECTRICITY\",\"metricAttribute\":\"VOLTAGE\","
                                  "\"timestamp\":\"2023-11-14T22:13:20Z\",\"value\":241.5}")));
    assert_int_equal(record->timestamp, 77);
    assert_header(record, "ingest.id", "batch-1");
    assert_header(record, "ingest.seq", "3.1");
    record = read_one(f, "metrics-rejected");
    assert_true(slice_equal(record->value, rejection.text));
    assert_header(record, "error", "it is none");
    assert_header(record, "origin.source", "http 192.0.2.1 /write");
    assert_header(record, "origin.line", "9");
}

/* A rejection longer than a record may be is kept in pieces, whole. */
static void test_long_rejections(void **state) {
    struct fixture *f = *state;
    enum { LENGTH = 20 * 1024 * 1024 };
    struct ended ended = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sent sent = sent_of(&ended, 1);
    char *text = malloc(LENGTH);
    memset(text, 'x', LENGTH);
    const struct payload_rejection rejection = {.line = 1, .reason = "too long", .text = {text, LENGTH}};
    struct committer *committer = open_committer(f, NULL);
    sent.delivery.count = 0;
    sent.delivery.rejections = &rejection;
    sent.delivery.rejected = 1;
    submit(committer, &sent);
    wait_for(&ended, 1);
    assert_int_equal(sent.delivery.status, 0);
    committer_close(committer, NULL);
    struct bus_batch batch;
    size_t length = 0;
    for (int32_t p = 0; p < 3; p++)
        OK(bus_consumer_seek(f->consumer, "metrics-rejected", p, 0, &f->error));
    while (length < LENGTH) {
        int got = bus_consumer_poll(f->consumer, 1000, &batch, &f->error);
        assert_true(got > 0);
        for (size_t i = 0; i < batch.count; i++)
            length += batch.records[i].value.length;
    }
    assert_int_equal(length, LENGTH);
    free(text);
}

struct known {
    int conflict_at, seen;
    int committed, undone;
};

static int recognise(void *context, const struct delivery *delivery, bool *known, struct error *error) {
    struct known *repeats = context;
    if (++repeats->seen == repeats->conflict_at)
        return error_set(error, ERROR_CONFLICT, "another body");
    known[0] = delivery->readings[0].value > 5;
    return 0;
}

static void repeats_ended(void *context, bool committed) {
    struct known *repeats = context;
    *(committed ? &repeats->committed : &repeats->undone) += 1;
}

static void test_repeats(void **state) {
    struct fixture *f = *state;
    struct ended ended = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct known known = {.conflict_at = 2};
    const struct commit_repeats repeats = {recognise, repeats_ended, &known};
    struct sent fresh = sent_of(&ended, 1), refused = sent_of(&ended, 2), repeat = sent_of(&ended, 6);
    struct commit_counts counts;
    struct committer *committer = open_committer(f, &repeats);
    submit(committer, &fresh);
    wait_for(&ended, 1);
    submit(committer, &refused);
    wait_for(&ended, 2);
    submit(committer, &repeat);
    wait_for(&ended, 3);
    committer_close(committer, &counts);
    assert_int_equal(fresh.delivery.status, 0);
    assert_int_equal(refused.delivery.status, ERROR_CONFLICT);
    assert_string_equal(refused.delivery.error.message, "another body");
    assert_int_equal(repeat.delivery.status, 0);
    assert_int_equal(repeat.delivery.duplicates, 1);
    assert_int_equal(counts.accepted, 1);
    assert_int_equal(counts.duplicates, 1);
    assert_int_equal(counts.failed, 1);
    assert_int_equal(known.undone, 0);
    assert_true(known.committed >= 2);
}

/* A log that does not take what is written is said to be away, and is looked at until it does again. */
static void test_log_away_and_back(void **state) {
    struct fixture *f = *state;
    struct ended ended = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sent lost = sent_of(&ended, 1), again = sent_of(&ended, 2);
    struct committer *committer = open_committer(f, NULL);
    OK(bus_topic_delete(f->bus, "metrics", &f->error));
    submit(committer, &lost);
    wait_for(&ended, 1);
    assert_int_not_equal(lost.delivery.status, 0);
    assert_non_null(strstr(lost.delivery.error.message, "metrics"));
    wait_for_log(committer, false);
    submit(committer, &again);
    wait_for(&ended, 2);
    assert_int_equal(again.delivery.status, 0);
    committer_close(committer, NULL);
    assert_true(slice_equal(read_one(f, "metrics")->key, SLICE("gw1.ELECTRICITY.VOLTAGE")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_commit_for_all_that_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_rejections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_away_and_back, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

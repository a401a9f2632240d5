/* Replay on a log made for the test: it keeps committed records in memory and can say busy, say conflict or ask for
 * a stop at the Nth commit; the clock only moves when somebody sleeps. What is checked: every reading is published
 * exactly once, whatever stops the replay; places, pacing, bad readings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/driver.h"
#include "replay/replay.h"

enum { RECORDS = 300000 };

struct kept {
    int64_t timestamp;
    double value;
    int32_t partition;
    uint16_t length;
    char key[40];
};

/* A log: one producer, one position. */
struct fake_bus {
    struct bus base;
    struct kept *records;
    size_t committed;
    struct bus_committed place;
    char group[300];
    int commits, busy_at, conflict_at, stop_at; /* counted from 1; 0: never */
    int busy_from;                              /* this commit and all after it; 0: none */
    int schemas;
};

static struct fake_bus fake;
static struct bus_producer fake_producer;
static atomic_bool stop;
static int64_t now;

static int fake_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                    struct error *error) {
    (void)kind;
    (void)context, (void)error;
    assert_string_equal(subject, "metrics-value");
    assert_true(schema.length > 50);
    fake.schemas++;
    *ret_id = 7;
    return 0;
}

static const struct registry fake_registry = {.add = fake_add};

static int fake_committed(struct bus *bus, const char *group, const char *topic, int32_t partition,
                          struct bus_committed *ret_committed, struct error *error) {
    (void)bus, (void)error;
    assert_string_equal(topic, "metrics");
    assert_int_equal(partition, 0);
    snprintf(fake.group, sizeof(fake.group), "%s", group);
    *ret_committed = fake.place;
    return 0;
}

static int fake_producer_open(struct bus *bus, const struct bus_producer_options *options,
                              struct bus_producer **ret_producer, struct error *error) {
    (void)error;
    assert_string_equal(options->name, "replay.it");
    fake_producer = (struct bus_producer){.driver = bus->driver};
    *ret_producer = &fake_producer;
    return 0;
}

static void fake_producer_close(struct bus_producer *producer) {
    (void)producer;
}

static void fake_abort(struct bus_producer *producer) {
    producer->pending_records = producer->pending_bytes = 0;
}

static int fake_topic(struct bus_producer *producer, const char *name, const struct bus_topic_settings *settings,
                      int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    (void)producer, (void)settings, (void)error;
    assert_string_equal(name, "metrics");
    *ret_topic = 0;
    *ret_partitions = 4;
    return 0;
}

static int fake_produce(struct bus_producer *producer, int32_t topic, int32_t partition,
                        const struct bus_record *record, struct error *error) {
    (void)topic, (void)error;
    assert_true(fake.committed + producer->pending_records < RECORDS && record->key.length < sizeof(fake.records->key));
    struct kept *kept = &fake.records[fake.committed + producer->pending_records++];
    *kept =
        (struct kept){.timestamp = record->timestamp, .partition = partition, .length = (uint16_t)record->value.length};
    memcpy(kept->key, record->key.data, record->key.length);
    if (record->value.length >= sizeof(double))
        memcpy(&kept->value, record->value.data + record->value.length - sizeof(double), sizeof(double));
    return 0;
}

static int fake_commit(struct bus_producer *producer, const struct bus_position *positions, size_t count,
                       struct error *error) {
    assert_int_equal(count, 1);
    fake.commits++;
    if (fake.commits == fake.busy_at || (fake.busy_from && fake.commits >= fake.busy_from)) {
        error_set(error, ERROR_BUSY, "locked");
        error->retriable = true;
        return ERROR_BUSY;
    }
    if (fake.commits == fake.conflict_at || positions->expected != fake.place.revision)
        return error_set(error, ERROR_CONFLICT, "moved");
    if (fake.commits == fake.stop_at)
        atomic_store(&stop, true);
    fake.place.exists = true;
    fake.place.revision++;
    fake.place.next_offset = positions->next_offset;
    snprintf(fake.place.metadata, sizeof(fake.place.metadata), "%s", positions->metadata);
    fake.committed += producer->pending_records;
    producer->pending_records = producer->pending_bytes = 0;
    return 0;
}

static const struct bus_driver fake_driver = {
    .committed = fake_committed,
    .producer_open = fake_producer_open,
    .producer_close = fake_producer_close,
    .producer_topic = fake_topic,
    .produce = fake_produce,
    .producer_commit = fake_commit,
    .producer_abort = fake_abort,
};

static int64_t fake_wall(void *context) {
    (void)context;
    return now / 1000000 + 1700000000000;
}
static int64_t fake_monotonic(void *context) {
    (void)context;
    return now;
}
static void fake_sleep(void *context, int64_t nanoseconds) {
    (void)context;
    now += nanoseconds;
}
static const struct clock fake_clock = {fake_wall, fake_monotonic, fake_sleep, NULL};

static int reset(void **state) {
    (void)state;
    struct kept *records = fake.records ? fake.records : malloc(RECORDS * sizeof(*records));
    fake = (struct fake_bus){.base = {.driver = &fake_driver, .registry = &fake_registry}, .records = records};
    atomic_store(&stop, false);
    now = 1000;
    return records ? 0 : -1;
}

static struct replay_settings synthetic(int64_t readings) {
    return (struct replay_settings){
        .type = "synthetic",
        .synthetic = {.series = 100, .interval = 1000, .duration = readings * 10, .start = 1704067200000, .seed = 3}};
}

static int run(const struct replay_settings *settings, const struct replay_options *given,
               struct replay_result *ret_result, struct error *error) {
    struct replay_source *source;
    struct replay_options options = *given;
    assert_int_equal(replay_source_open(settings, &source, NULL), 0);
    options.topic = "metrics";
    options.clock = &fake_clock;
    options.stop = &stop;
    int status = replay_run(&fake.base, source, "it", &options, ret_result, error);
    replay_source_close(source);
    return status;
}

/* The log holds the first `count` readings of the source, once each and in their order. */
static void assert_log(const struct replay_settings *settings, size_t count) {
    struct replay_source *source;
    assert_int_equal(replay_source_open(settings, &source, NULL), 0);
    assert_int_equal(fake.committed, count);
    for (size_t i = 0; i < count; i++) {
        struct replay_reading reading;
        char key[100];
        assert_int_equal(replay_source_next(source, &reading, NULL), 1);
        const struct series *series = replay_source_series(source, reading.series);
        size_t length = series_key_length(series);
        series_key_write(series, key);
        if (reading.value != fake.records[i].value || memcmp(key, fake.records[i].key, length + 1 > 40 ? 40 : length))
            fail_msg("record %zu is not reading %zu", i, i);
        assert_int_equal(fake.records[i].partition, bus_partition((struct slice){key, length}, 4));
    }
    replay_source_close(source);
}

static void test_everything_once_and_the_place(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(120000);
    struct replay_result result;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, NULL), 0);
    assert_log(&settings, 120000);
    assert_int_equal(result.published, 120000);
    assert_int_equal(result.resumed_at, 0);
    assert_false(result.interrupted);
    assert_string_equal(fake.group, "replay.it");
    assert_int_equal(fake.place.next_offset, 120000);
    assert_string_equal(fake.place.metadata, "line=120000 done=1");
    assert_int_equal(fake.commits, 3);
    assert_int_equal(fake.schemas, 1);
    assert_int_equal(fake.records[0].timestamp, 1700000000000);
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1, .resume = true}, &result, NULL), 0);
    assert_int_equal(result.published, 0);
    assert_int_equal(result.resumed_at, 120000);
    assert_int_equal(fake.commits, 3);
}

static void test_count_is_exact_and_resume_goes_on(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(120000);
    struct replay_result result;
    assert_int_equal(run(&settings, &(struct replay_options){.count = 777}, &result, NULL), 0);
    assert_log(&settings, 777);
    assert_int_equal(run(&settings, &(struct replay_options){.count = 777, .resume = true}, &result, NULL), 0);
    assert_int_equal(result.published, 0);
    assert_int_equal(run(&settings, &(struct replay_options){.count = 60001, .resume = true}, &result, NULL), 0);
    assert_int_equal(result.published, 60001 - 777);
    assert_int_equal(result.resumed_at, 777);
    assert_log(&settings, 60001);
}

static void test_a_stop_keeps_what_was_committed(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(120000);
    struct replay_result result;
    fake.stop_at = 2;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, NULL), 0);
    assert_true(result.interrupted);
    assert_int_equal(result.published, 100000);
    atomic_store(&stop, false);
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1, .resume = true}, &result, NULL), 0);
    assert_false(result.interrupted);
    assert_int_equal(result.resumed_at, 100000);
    assert_log(&settings, 120000);
}

static void test_a_new_replay_starts_the_place_anew(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(1000);
    struct replay_result result;
    assert_int_equal(run(&settings, &(struct replay_options){.count = 500}, &result, NULL), 0);
    struct error error;
    assert_int_equal(run(&settings, &(struct replay_options){.count = 100}, &result, &error), ERROR_EXISTS);
    assert_non_null(strstr(error.message, "500 of its readings are in topic metrics; --resume goes on"));
    assert_int_equal(run(&settings, &(struct replay_options){.count = 100, .again = true}, &result, NULL), 0);
    assert_int_equal(fake.place.next_offset, 100);
    assert_int_equal(fake.place.revision, 3);
    assert_int_equal(fake.committed, 600);
}

static void test_busy_is_tried_again_and_conflict_is_not(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(120000);
    struct replay_result result;
    struct error error = {0};
    fake.busy_at = 2;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, NULL), 0);
    assert_log(&settings, 120000);
    assert_int_equal(fake.commits, 4);
    assert_true(now >= 20000000);
    reset(NULL);
    fake.busy_from = 2;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, &error), ERROR_BUSY);
    assert_true(error.retriable);
    assert_int_equal(fake.commits, 1 + 12); /* twelve tries of the second one */
    assert_int_equal(fake.place.next_offset, 50000);
    reset(NULL);
    fake.conflict_at = 2;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, &error), ERROR_CONFLICT);
    assert_non_null(strstr(error.message, "another replay of the same source is running"));
    assert_int_equal(fake.place.next_offset, 50000);
}

static void test_pace(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(20000);
    struct replay_result result;
    assert_int_equal(run(&settings, &(struct replay_options){.count = 5001, .rate = 1000}, &result, NULL), 0);
    assert_log(&settings, 5001);
    assert_true(result.seconds > 4.99 && result.seconds < 5.02);
    assert_in_range(fake.commits, 950, 1002);
    reset(NULL);
    assert_int_equal(run(&settings, &(struct replay_options){.count = 5, .rate = 0.5}, &result, NULL), 0);
    assert_int_equal(fake.commits, 5);
    assert_true(result.seconds > 7.99 && result.seconds < 8.02);
    for (int i = 0; i < 5; i++)
        assert_in_range(fake.records[i].timestamp - 1700000000000, i * 2000, i * 2000 + 1);
}

static void write_file(const char *path, const char *rows) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "gateway,type,attribute,timestamp,value\n%s", rows);
    fclose(file);
}

static void test_a_file_that_has_changed_is_not_resumed(void **state) {
    (void)state;
    char folder[] = "/tmp/meterline-replay-XXXXXX", path[100];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/data.csv", folder);
    struct replay_settings settings = {.type = "readings", .file = path};
    struct replay_options options = {.count = 2};
    struct replay_result result;
    struct error error = {0};
    write_file(path, "a,T,A,2024-01-01,1\nbad\na,T,A,2024-01-02,2\na,T,A,2024-01-03,3\n");
    assert_int_equal(run(&settings, &options, &result, NULL), 0);
    assert_string_equal(fake.place.metadata, "line=4 done=0");
    options = (struct replay_options){.count = -1, .resume = true};
    write_file(path, "a,T,A,2024-01-01,1\na,T,A,2024-01-02,2\na,T,A,2024-01-03,3\n");
    assert_int_equal(run(&settings, &options, &result, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "the file has changed since"));
    write_file(path, "a,T,A,2024-01-01,1\n");
    assert_int_equal(run(&settings, &options, &result, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "it ends after 1 readings"));
    assert_int_equal(fake.committed, 2);
    /* What stands before a failure is published. */
    reset(NULL);
    settings.strict = true;
    options.resume = false;
    write_file(path, "a,T,A,2024-01-01,1\nbad\n");
    assert_int_equal(run(&settings, &options, &result, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "data.csv:3: 1 columns"));
    assert_int_equal(fake.committed, 1);
    assert_int_equal(fake.place.next_offset, 1);
    unlink(path);
    rmdir(folder);
}

static void test_bad_readings_keep_their_partition(void **state) {
    (void)state;
    struct replay_settings settings = synthetic(700);
    settings.synthetic.series = 1;
    settings.synthetic.bad = 1;
    settings.synthetic.duration = 14000;
    struct replay_result result;
    assert_int_equal(run(&settings, &(struct replay_options){.count = -1}, &result, NULL), 0);
    assert_int_equal(fake.committed, 14);
    int foreign = 0, not_a_number = 0;
    for (int i = 0; i < 14; i++) {
        assert_int_equal(fake.records[i].partition, fake.records[0].partition);
        foreign += strcmp(fake.records[i].key, "0.ELECTRICITY.ACTIVE_POWER") != 0;
        not_a_number += fake.records[i].value != fake.records[i].value;
        assert_true(fake.records[i].length > 0);
    }
    assert_int_equal(foreign, 2);
    assert_in_range(not_a_number, 2, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_everything_once_and_the_place, reset),
        cmocka_unit_test_setup(test_count_is_exact_and_resume_goes_on, reset),
        cmocka_unit_test_setup(test_a_stop_keeps_what_was_committed, reset),
        cmocka_unit_test_setup(test_a_new_replay_starts_the_place_anew, reset),
        cmocka_unit_test_setup(test_busy_is_tried_again_and_conflict_is_not, reset),
        cmocka_unit_test_setup(test_pace, reset),
        cmocka_unit_test_setup(test_a_file_that_has_changed_is_not_resumed, reset),
        cmocka_unit_test_setup(test_bad_readings_keep_their_partition, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(fake.records);
    return failed;
}

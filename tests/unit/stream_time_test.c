/* Windows after a repartition topic: what is late and what closes follows from the partitions that feed it, however
 * they were read. */
#include "query_fixture.h"
#include "stream/source/stream_time.h"

/* --- headers and positions
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_marks(void **state) {
    static const struct stream_mark marks[] = {
        {0, INT64_MIN, 0}, {3, 0, 17}, {1023, INT64_MAX, INT64_MAX}, {7, -5, 1}, {2, 1700000000000, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char text[STREAM_MARK_SIZE];
        struct stream_mark mark = {0};
        struct bus_header header = stream_mark_header(&marks[i], text);
        struct bus_record record = {.headers = &header, .header_count = 1};
        assert_true(stream_mark_read(&record, &mark));
        assert_int_equal(mark.origin, marks[i].origin);
        assert_true(mark.time == marks[i].time);
        assert_true(mark.offset == marks[i].offset);
        record.value = SLICE("a row");
        assert_false(stream_mark_read(&record, &mark));
    }
    static const char *const wrong[] = {"", "1", "x 1 2", "1 -", "1 2", "- 1 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct stream_mark mark;
        struct bus_header header = {SLICE("stream.passed"), slice_of(wrong[i])};
        assert_false(stream_mark_read(&(struct bus_record){.headers = &header, .header_count = 1}, &mark));
    }
}

/* What is kept of origins is exact when they lie near each other, and never later than it was. */
static void test_origins(void **state) {
    static const struct {
        int32_t count;
        int64_t step, precision; /* ms */
    } cases[] = {{1, 0, 0}, {4, 1000, 0}, {4, 3600000, 0}, {256, 60000, 0}, {4, 86400000, 16}, {1024, 60000, 16384}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct origins origins, again;
        struct bytes text = {0};
        bool silent;
        assert_true(origins_open(&origins, cases[c].count) && origins_open(&again, cases[c].count));
        assert_true(origins_passed(&origins, &silent) == INT64_MIN && silent);
        for (int32_t i = 0; i < cases[c].count; i++)
            if (i != 1)
                origins_note(&origins, &(struct stream_mark){i, 1700000000001 + cases[c].step * i, i});
        origins_note(&origins, &(struct stream_mark){cases[c].count, 1, 1}); /* none of ours */
        origins_note(&origins, &(struct stream_mark){0, 5, 1});              /* of the past */
        assert_true(origins_passed(&origins, &silent) == 1700000000001);
        assert_true(silent == (cases[c].count > 1));
        origins_write(&origins, &text);
        assert_true(text.length < 2100 && !memchr(text.data, ' ', text.length));
        assert_true(origins_read(&again, text.data, text.length));
        for (int32_t i = 0; i < cases[c].count; i++) {
            int64_t less = origins.each[i].passed == INT64_MIN ? 0 : origins.each[i].passed - again.each[i].passed;
            assert_true((origins.each[i].passed == INT64_MIN) == (again.each[i].passed == INT64_MIN));
            assert_in_range(less, 0, cases[c].precision);
        }
        assert_false(origins_read(&again, text.data, text.length - 1));
        bytes_release(&text);
        origins_close(&origins);
        origins_close(&again);
    }
}

/* --- queries
 * ------------------------------------------------------------------------------------------------------------------ */

/* Partition 0 has keys like a, partition 1 keys like b. */
static const char *key_of(int32_t partition) {
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < 6; i++)
        if (bus_partition(slice_of(keys[i]), 2) == partition)
            return keys[i];
    return NULL;
}

#define CITIES "CREATE STREAM s (k STRING KEY, city STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);"
#define HOURS                                                                                                          \
    CITIES "CREATE TABLE hours WITH (KAFKA_TOPIC='hours', PARTITIONS=1) AS SELECT city, COUNT(*) AS n FROM s WINDOW "  \
           "TUMBLING (SIZE 1 HOUR, GRACE PERIOD 0 SECONDS) GROUP BY city EMIT FINAL;"

static void put_time(struct fixture *f, int32_t partition, int64_t time) {
    put(f, "s", key_of(partition), "{\"city\":\"x\"}", time);
}

static const int64_t hour = 3600000;

/* So many rows of both partitions, `step` apart. */
static void put_steps(struct fixture *f, const char *topic, int count, int64_t step) {
    struct bus_producer *producer;
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    for (int32_t p = 0; p < 2; p++)
        for (int i = 0; i < count; i++)
            put_with(f, producer, topic, key_of(p), "{\"city\":\"x\"}", i * step + p);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
}

static size_t count_lines(struct fixture *f, const char *topic, const char *line) {
    char *text = dump(f, topic, false);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, line)); at++)
        count++;
    free(text);
    return count;
}

static void test_catching_up(void **state) {
    struct fixture *f = *state;
    sql(f, HOURS);
    put_steps(f, "s", 40, hour);
    f->settings.workers = 1;
    run(f);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 0);
    assert_int_equal(count_lines(f, "hours", "{\"N\":2}"), 39);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 0);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.read, 160); /* marks are no records */
    f->settings.final = true;
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":2}"), 40);
}

static void test_two_workers(void **state) {
    struct fixture *f = *state;
    sql(f, HOURS);
    put_steps(f, "s", 40, hour);
    f->settings.workers = 2;
    run(f);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 0);
    assert_int_equal(count_lines(f, "hours", "{\"N\":2}"), 39);
}

/* The slower partition holds windows back, over runs too; one that never had a record does not. */
static void test_slow_and_empty_partitions(void **state) {
    struct fixture *f = *state;
    sql(f, HOURS);
    for (int i = 0; i < 5; i++)
        put_time(f, 0, i * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 4); /* partition 1 is empty */
    put_time(f, 1, 4 * hour);
    put_time(f, 0, 20 * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":2}"), 0); /* partition 1 is at hour 4 */
    put_time(f, 1, 4 * hour + 1);
    put_time(f, 1, 1 * hour); /* late where it is read, also for hour 1 */
    run(f);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 1);
    put_time(f, 1, 5 * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":3}"), 1);
    put_time(f, 1, 21 * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 5); /* and hour 5 */
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 1);
}

/* Records that cannot be read, or that a condition leaves out, are no reason to wait for ever. */
static void test_partition_without_rows(void **state) {
    struct fixture *f = *state;
    sql(f, CITIES "CREATE TABLE hours WITH (KAFKA_TOPIC='hours', PARTITIONS=1) AS SELECT city, COUNT(*) AS n FROM s "
                  "WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 0 SECONDS) WHERE city <> 'y' GROUP BY city EMIT FINAL;");
    put(f, "s", key_of(1), "no json", 1);
    for (int i = 0; i < 5; i++)
        put_time(f, 0, i * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 4);
    put(f, "s", key_of(1), "{\"city\":\"y\"}", 5 * hour);
    put_time(f, 0, 5 * hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 5);
}

/* What --final has closed stays closed. */
static void test_final(void **state) {
    struct fixture *f = *state;
    sql(f, HOURS);
    put_time(f, 0, 0);
    put_time(f, 1, 10);
    f->settings.final = true;
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":2}"), 1);
    put_time(f, 1, 20);
    run(f);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 1);
    put_time(f, 1, hour);
    run(f);
    assert_int_equal(count_lines(f, "hours", "{\"N\":1}"), 1);
}

/* Every step is a run: positions, replay and marks carry over, and late is what was late where it was read. */
static void test_step_by_step(void **state) {
    struct fixture *f = *state;
    sql(f, HOURS);
    for (int i = 0; i < 12; i++) {
        put_time(f, i % 2, 10 * hour + i * hour / 2 + (i % 4 == 3 ? -2 * hour : 0));
        f->settings.workers = 1 + (size_t)i % 2;
        run(f);
    }
    const struct query_report_row *row = report_of(f, "CTAS_HOURS");
    assert_int_equal(row->total.read, 24);
    assert_int_equal(row->total.late, 3);
    f->settings.final = true;
    run(f);
    char *steps = dump(f, "hours", false);
    size_t length = strlen(steps);
    f->settings.group = "at-once";
    run(f);
    assert_int_equal(report_of(f, "CTAS_HOURS")->total.late, 3);
    char *both = dump(f, "hours", false);
    assert_memory_equal(both, steps, length);
    assert_string_equal(both + length, steps);
    free(steps);
    free(both);
}

static void test_sessions(void **state) {
    struct fixture *f = *state;
    sql(f,
        CITIES "CREATE TABLE gone WITH (KAFKA_TOPIC='gone', PARTITIONS=1) AS SELECT city, COUNT(*) AS n FROM s WINDOW "
               "SESSION (1 HOUR, GRACE PERIOD 0 SECONDS) GROUP BY city EMIT FINAL;"
               "CREATE TABLE kept WITH (KAFKA_TOPIC='kept', PARTITIONS=1) AS SELECT city, COUNT(*) AS n FROM s WINDOW "
               "SESSION (1 HOUR, GRACE PERIOD 0 SECONDS) GROUP BY city;");
    put_steps(f, "s", 40, 3 * hour);
    run(f);
    assert_int_equal(count_lines(f, "gone", "{\"N\":2}"), 39);
    assert_int_equal(count_lines(f, "gone", "{\"N\":1}"), 0);
    assert_int_equal(count_lines(f, "kept", "{\"N\":2}"), 40);
    assert_int_equal(report_of(f, "CTAS_GONE")->total.late, 0);
    assert_int_equal(report_of(f, "CTAS_KEPT")->total.late, 0);
    put_time(f, 0, 40 * 3 * hour);
    put_time(f, 1, 50 * 3 * hour);
    put_time(f, 0, 39 * 3 * hour); /* late in its own partition */
    f->settings.final = true;
    run(f);
    assert_int_equal(report_of(f, "CTAS_GONE")->total.late, 1);
    assert_int_equal(count_lines(f, "gone", "{\"N\":2}"), 40);
    assert_int_equal(count_lines(f, "gone", "{\"N\":1}"), 2);
}

#define JOINED                                                                                                         \
    CITIES                                                                                                             \
    "CREATE STREAM t (k STRING KEY, city STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=2);"           \
    "CREATE STREAM pairs WITH (KAFKA_TOPIC='pairs', PARTITIONS=1) AS SELECT s.city AS city, s.k AS one, t.k AS "       \
    "other FROM s LEFT JOIN t WITHIN 1 HOUR GRACE PERIOD 0 SECONDS ON s.city = t.city;"                                \
    "CREATE TABLE counts WITH (KAFKA_TOPIC='counts', PARTITIONS=1) AS SELECT t.k AS k, COUNT(*) AS n FROM s "          \
    "JOIN t WITHIN 1 HOUR GRACE PERIOD 0 SECONDS ON s.city = t.city WINDOW TUMBLING (SIZE 1 HOUR, GRACE "              \
    "PERIOD 0 SECONDS) GROUP BY t.k EMIT FINAL;"

/* Both sides go through topics of their own, and what comes of them through a third. */
static void test_joins(void **state) {
    struct fixture *f = *state;
    sql(f, JOINED);
    put_steps(f, "s", 40, 3 * hour);
    put_steps(f, "t", 40, 3 * hour);
    put_time(f, 0, 200 * hour); /* unmatched */
    f->settings.final = true;
    f->settings.workers = 2;
    run(f);
    assert_int_equal(count_lines(f, "pairs", "\"OTHER\":null"), 1);
    assert_int_equal(count_lines(f, "pairs", "\"ONE\""), 161);
    assert_int_equal(count_lines(f, "counts", "{\"N\":2}"), 80);
    assert_int_equal(count_lines(f, "counts", "{\"N\""), 80);
    assert_int_equal(report_of(f, "CTAS_COUNTS")->total.late, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_origins),
        TEST(test_catching_up),
        TEST(test_two_workers),
        TEST(test_slow_and_empty_partitions),
        TEST(test_partition_without_rows),
        TEST(test_final),
        TEST(test_sessions),
        TEST(test_joins),
        TEST(test_step_by_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

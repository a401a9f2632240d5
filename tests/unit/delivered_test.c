/* What a node remembers of deliveries: identities, readings, what was not committed, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/delivered.h"

static int64_t test_now_ns = INT64_C(1000000000);

static int64_t test_monotonic(void *context) {
    (void)context;
    return test_now_ns;
}

static const struct clock test_clock = {.monotonic_ns = test_monotonic};

struct test {
    struct delivered *delivered;
    struct commit_repeats repeats;
};

static int setup(void **state) {
    struct test *test = calloc(1, sizeof *test);
    test->delivered = delivered_new(&test_clock);
    test->repeats = delivered_repeats(test->delivered);
    *state = test;
    return 0;
}

static int teardown(void **state) {
    struct test *test = *state;
    delivered_free(test->delivered);
    free(test);
    return 0;
}

static struct payload_reading reading(uint32_t line, double value) {
    return (struct payload_reading){.series = {SLICE("g"), SLICE("T"), SLICE("a")},
                                    .timestamp = 1000,
                                    .value = value,
                                    .line = line,
                                    .own_time = true};
}

/* How many of the readings are known; -1: the delivery is refused. */
static int recognise(struct test *test, const char *identity, const struct payload_reading *readings, size_t count) {
    struct delivery delivery = {.readings = readings, .count = count, .identity = slice_of(identity)};
    bool known[8] = {0};
    struct error error = {0};
    int status = test->repeats.recognise(test->repeats.context, &delivery, known, &error), sum = 0;
    assert_true(status == 0 || status == ERROR_CONFLICT);
    for (size_t i = 0; i < count; i++)
        sum += known[i];
    return status ? -1 : sum;
}

static void ended(struct test *test, bool committed) {
    test->repeats.ended(test->repeats.context, committed);
}

static void test_readings(void **state) {
    struct test *test = *state;
    struct payload_reading first[] = {reading(1, 1), reading(2, 2), reading(3, 1)};
    assert_int_equal(recognise(test, "", first, 3), 1); /* the third is the first again */
    ended(test, false);
    assert_int_equal(recognise(test, "", first, 2), 0); /* what was not committed has not been there */
    assert_int_equal(recognise(test, "", first, 2), 2); /* in the same transaction */
    ended(test, true);
    assert_int_equal(recognise(test, "", first, 2), 2);
    struct payload_reading others[] = {reading(1, 3), reading(1, 1), reading(1, 1), reading(1, 1), reading(1, 1)};
    others[1].timestamp = 1001;
    others[2].series.gateway = SLICE("h");
    others[3].series = (struct series){SLICE("gT"), SLICE(""), SLICE("a")};
    others[4].own_time = false;
    assert_int_equal(recognise(test, "", others, 5), 0);
    assert_int_equal(recognise(test, "", others + 4, 1), 0); /* its time is that of the server: a new one each time */
}

static void test_identities(void **state) {
    struct test *test = *state;
    struct payload_reading two[] = {reading(1, 1), reading(2, 2)}, other[] = {reading(1, 1), reading(2, 3)};
    two[1].own_time = other[1].own_time = false;
    assert_int_equal(recognise(test, "x", two, 2), 0);
    ended(test, true);
    two[1].timestamp = 5; /* it is the server's */
    assert_int_equal(recognise(test, "x", two, 2), 2);
    assert_int_equal(recognise(test, "x", other, 2), -1);
    assert_int_equal(recognise(test, "x", two, 1), -1);
    assert_int_equal(recognise(test, "y", two, 2), 0); /* the sender says that it is another one */
    ended(test, false);
    assert_int_equal(recognise(test, "y", other, 2), 0);
}

static void test_age(void **state) {
    struct test *test = *state;
    struct payload_reading one = reading(1, 1);
    assert_int_equal(recognise(test, "", &one, 1), 0);
    ended(test, true);
    for (int minute = 0; minute < 9; minute++) {
        struct payload_reading other = reading(1, 100 + minute);
        test_now_ns += INT64_C(60000000000);
        recognise(test, "", &other, 1);
        ended(test, true);
        assert_int_equal(recognise(test, "", &one, 1), 1);
        ended(test, false);
    }
    test_now_ns += INT64_C(600000000000);
    ended(test, true);
    struct payload_reading other = reading(1, 50);
    recognise(test, "", &other, 1);
    ended(test, true);
    test_now_ns += INT64_C(600000000000);
    ended(test, true);
    assert_int_equal(recognise(test, "", &one, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_age, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The metadata string of positions: what is written reads back; everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "stream/position.h"

static void test_round_trip(void **state) {
    (void)state;
    struct task_position position = {
        .definition = 0x9f3c0a51b2e4d677,
        .replay_from = 1200,
        .stream_time = 1167609600000,
        .partitions = 4,
        .incomplete_until = 1167609540000,
        .counters = {.read = 4000, .rejected = 12, .folded = {3988, 3987}, .late = {0, 1}, .results = {320, 32}}};
    char text[4097];
    struct error error;
    assert_int_equal(task_position_write(&position, 2, text, sizeof text, &error), 0);
    assert_string_equal(
        text, "1 d=9f3c0a51b2e4d677 r=1200 t=1167609600000 p=4 n=4000,0,12,0 w=3988,0,320 w=3987,1,32 i=1167609540000");
    struct task_position back;
    assert_int_equal(task_position_read(text, 2, &back, &error), 0);
    assert_memory_equal(&back, &position, sizeof back);
    uint64_t definition;
    assert_int_equal(task_position_read_definition(text, &definition, &error), 0);
    assert_true(definition == position.definition);
}

static void test_no_stream_time(void **state) {
    (void)state;
    struct task_position position = {.definition = 1, .stream_time = INT64_MIN, .incomplete_until = INT64_MIN}, back;
    char text[4097];
    struct error error;
    assert_int_equal(task_position_write(&position, 1, text, sizeof text, &error), 0);
    assert_string_equal(text, "1 d=0000000000000001 r=0 t=- n=0,0,0,0 w=0,0,0");
    assert_int_equal(task_position_read(text, 1, &back, &error), 0);
    assert_true(back.stream_time == INT64_MIN && back.incomplete_until == INT64_MIN && back.partitions == 0);
}

static void test_largest_fits_into_kafka_metadata(void **state) {
    (void)state;
    struct task_position position = {.definition = UINT64_MAX,
                                     .replay_from = INT64_MAX,
                                     .stream_time = INT64_MAX,
                                     .partitions = INT32_MAX,
                                     .incomplete_until = INT64_MAX,
                                     .counters = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, {0}, {0}, {0}}};
    for (size_t i = 0; i < WINDOW_SIZES_MAXIMUM; i++)
        position.counters.folded[i] = position.counters.late[i] = position.counters.results[i] = UINT64_MAX;
    char text[4097], small[40] = "untouched";
    struct error error;
    assert_int_equal(task_position_write(&position, WINDOW_SIZES_MAXIMUM, text, sizeof text, &error), 0);
    struct task_position back;
    assert_int_equal(task_position_read(text, WINDOW_SIZES_MAXIMUM, &back, &error), 0);
    assert_memory_equal(&back, &position, sizeof back);
    assert_int_equal(task_position_write(&position, 1, small, sizeof small, &error), ERROR_INVALID);
    assert_string_equal(small, "untouched");
}

static void test_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "2 d=0000000000000001 r=0 t=- n=0,0,0,0 w=0,0,0",
                                      "1 d=zz r=0 t=- n=0,0,0,0 w=0,0,0",
                                      "1 d=1 r=0 t= n=0,0,0,0 w=0,0,0",
                                      "1 d=1 r=0 t=- n=0,0,0 w=0,0,0",
                                      "1 d=1 r=0 t=- n=0,0,0,0",
                                      "1 d=1 r=0 t=- n=0,0,0,0 w=0,0,0 w=0,0,0",
                                      "line=7"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct task_position position;
        struct error error;
        assert_int_equal(task_position_read(bad[i], 1, &position, &error), ERROR_CORRUPT);
        assert_non_null(strstr(error.message, "--reset"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_no_stream_time),
                                       cmocka_unit_test(test_largest_fits_into_kafka_metadata),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

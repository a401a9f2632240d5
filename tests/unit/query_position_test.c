/* Positions of queries: what is written reads back; what is damaged or too long is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bus/bus.h"
#include "stream/group/position.h"

static const char text[] =
    "q2 p=4 l=900 h=77 i=+-5 [9f3c0a51b2e4d677.0 d=17c6a0f2b3d4e5f6 r=1200 c=17 t=1167609600000,-,-5 "
    "n=4000,,3981,3,2,12,1,1,,7,320] "
    "[0000000000000001.1 d=0000000000000002 r=- n=,,,,,,,,,,]";

static void test_both_ways(void **state) {
    (void)state;
    struct arena arena = {0};
    struct query_position position;
    struct error error;
    char again[sizeof text];
    assert_int_equal(query_position_read(text, &arena, &position, &error), 0);
    assert_int_equal(position.partitions, 4);
    assert_int_equal(position.load_until, 900);
    assert_int_equal(position.first_identity, 77);
    assert_true(position.incomplete.lost && position.incomplete.unread && position.incomplete.until == -5);
    assert_int_equal(position.stage_count, 2);
    const struct query_position_stage *stage = query_position_find(&position, UINT64_C(0x9f3c0a51b2e4d677), 0);
    assert_ptr_equal(stage, &position.stages[0]);
    assert_true(stage->definition == UINT64_C(0x17c6a0f2b3d4e5f6));
    assert_int_equal(stage->replay_from, 1200);
    assert_int_equal(stage->changelog_from, 17);
    assert_int_equal(stage->time_count, 3);
    assert_int_equal(stage->times[0], 1167609600000);
    assert_true(stage->times[1] == INT64_MIN);
    assert_int_equal(stage->times[2], -5);
    assert_int_equal(stage->counters.read, 4000);
    assert_int_equal(stage->counters.added, 0);
    assert_int_equal(stage->counters.folded, 3981);
    assert_int_equal(stage->counters.late, 3);
    assert_int_equal(stage->counters.filtered, 2);
    assert_int_equal(stage->counters.rejected, 12);
    assert_int_equal(stage->counters.null, 1);
    assert_int_equal(stage->counters.failed, 1);
    assert_int_equal(stage->counters.duplicates, 0);
    assert_int_equal(stage->counters.errors, 7);
    assert_int_equal(stage->counters.emitted, 320);
    assert_true(query_counters_balance(&stage->counters));
    assert_null(query_position_find(&position, UINT64_C(0x9f3c0a51b2e4d677), 1));
    assert_ptr_equal(query_position_find(&position, 1, 1), &position.stages[1]);
    assert_true(position.stages[1].replay_from == INT64_MAX);
    assert_int_equal(position.stages[1].changelog_from, -1);
    assert_int_equal(position.stages[1].time_count, 0);
    assert_int_equal(query_position_write(&position, again, sizeof again, &error), 0);
    assert_string_equal(again, text);
    assert_int_equal(query_position_write(&position, again, sizeof again - 1, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "group of their own"));
    arena_release(&arena);
}

/* Of a stage after a repartition topic, and of one before. */
static void test_stream_times(void **state) {
    (void)state;
    static const char told[] =
        "q2 p=4 l=9 o=1000,0,AAABAAAA [0000000000000001.1 d=0000000000000002 r=- s=-5 n=,,,,,,,,,,]";
    struct arena arena = {0};
    struct query_position position;
    struct error error;
    char again[sizeof told];
    assert_int_equal(query_position_read(told, &arena, &position, &error), 0);
    assert_int_equal(position.origins.length, 15);
    assert_true(position.first_identity == INT64_MAX);
    assert_int_equal(position.stages[0].stream_time, -5);
    assert_int_equal(query_position_write(&position, again, sizeof again, &error), 0);
    assert_string_equal(again, told);
    assert_int_equal(query_position_read(text, &arena, &position, &error), 0);
    assert_true(position.stages[0].stream_time == INT64_MIN);
    assert_int_equal(position.origins.length, 0);
    arena_release(&arena);
}

/* No part of a position is one. */
static void test_damaged(void **state) {
    (void)state;
    struct arena arena = {0};
    struct query_position position;
    struct error error;
    char damaged[sizeof text + 1];
    for (size_t length = 0; length + 1 < sizeof text; length++) {
        bool whole = length == 6 || (length >= 10 && length <= 12) || length == 16 || length == 17 || length == 23 ||
                     (length && text[length - 1] == ']');
        memcpy(damaged, text, length);
        damaged[length] = '\0';
        int status = query_position_read(damaged, &arena, &position, &error);
        assert_int_equal(status, whole ? 0 : ERROR_CORRUPT);
    }
    static const char *const wrong[] = {
        "q1 p=4 [1.0 d=2 r=- n=0,0,0,0,0,0,0]", /* of 0.1.0 */
        "q3 p=4",
        "q2 p=0",
        "q2 p=4 ",
        "q2 p=4 []",
        "q2 p=4 [1.0 d=2 r=-]",
        "q2 p=4 [1.0 r=- n=,,,,,,,,,,]",
        "1 d=9f3c0a51b2e4d677 r=1200 t=- n=0,0,0,0",
        "q2 p=4 [1.0 d=2 r=- n=,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- n=,,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- n=-1,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- n=1 ,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- c=17x n=,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- c= n=,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=x n=,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- t= n=,,,,,,,,,,]",
        "q2 p=4 [1.0 d=2 r=- t=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 n=,,,,,,,,,,]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(query_position_read(wrong[i], &arena, &position, &error), ERROR_CORRUPT);
    arena_release(&arena);
}

/* Twenty queries with two operators each fit into a position, with numbers of years. */
static void test_room(void **state) {
    (void)state;
    struct query_position_stage stages[20];
    char to[BUS_METADATA_MAXIMUM + 1];
    struct error error;
    uint64_t many = UINT64_C(999999999999);
    for (size_t i = 0; i < 20; i++)
        stages[i] = (struct query_position_stage){.query = UINT64_MAX,
                                                  .definition = UINT64_MAX,
                                                  .replay_from = (int64_t)many,
                                                  .changelog_from = (int64_t)many,
                                                  .times = {1700000000000, 1700000000000},
                                                  .time_count = 2,
                                                  .stream_time = INT64_MIN,
                                                  .counters = {many, many, many, many, many, many, many}};
    assert_true(20 * query_position_room(2) < BUS_METADATA_MAXIMUM);
    assert_int_equal(
        query_position_write(&(struct query_position){.partitions = 4, .stages = stages, .stage_count = 20}, to,
                             sizeof to, &error),
        0);
    assert_true(strlen(to) <= 20 + 20 * query_position_room(2));
}

static void test_hash(void **state) {
    (void)state;
    assert_true(query_position_hash("") == UINT64_C(0xcbf29ce484222325));
    assert_true(query_position_hash("foobar") == UINT64_C(0x85944171f73967e8));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways), cmocka_unit_test(test_stream_times),
                                       cmocka_unit_test(test_damaged), cmocka_unit_test(test_room),
                                       cmocka_unit_test(test_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

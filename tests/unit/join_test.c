#include "join_harness.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array)                    (sizeof(array) / sizeof *(array))
#define EXPECT(plan, records, expected) script_expect(script_make_join, plan, records, COUNT(records), expected)

static const struct row_column result_columns[] = {
    {{"ROWKEY", 6}, &type_bigint}, {{"L_K", 3}, &type_bigint}, {{"L_V", 3}, &type_string}, {{"L_F", 3}, &type_bigint},
    {{"R_K", 3}, &type_bigint},    {{"R_V", 3}, &type_string}, {{"R_F", 3}, &type_bigint},
};

static struct join_plan plan_of(enum join_inputs inputs, enum join_shape shape) {
    return (struct join_plan){
        .inputs = inputs,
        .shape = shape,
        .left = &script_schema,
        .right = &script_schema,
        .left_key = &script_key.evaluator,
        .right_key = &script_key.evaluator,
        .before = 10,
        .after = 10,
        .grace = 5,
        .result = {.columns = result_columns + 1, .count = 6, .key_count = 1},
    };
}

static struct join_plan with_key(struct join_plan plan) {
    plan.result = (struct row_schema){.columns = result_columns, .count = 7, .key_count = 1};
    return plan;
}

/* --- stream-table
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct script_record stream_table[] = {
    {'L', 1, "early", 100}, {'R', 1, "x", 500}, {'L', 1, "a", 90},           {'L', SCRIPT_NULL, "n", 91},
    {'L', 1, NULL, 92},     {'L', 2, "b", 93},  {'R', SCRIPT_NULL, "n", 94}, {'R', 1, "y", 1},
    {'R', 2, "z", 2},       {'L', 1, "c", 94},  {'L', 2, "d", 50},           {'R', 1, NULL, 3},
    {'R', 3, NULL, 3},      {'L', 1, "e", 95},  {'L', 3, "f", 95},           {'L', 2, "g", 95},
};

static void stream_table_inner(void **state) {
    (void)state;
    struct join_plan plan = plan_of(JOIN_STREAM_TABLE, JOIN_SHAPE_INNER);
    EXPECT(&plan, stream_table,
           "2: 90 1 a - 1 x -\n"
           "9: 94 1 c - 1 y -\n"
           "10: 50 2 d - 2 z -\n"
           "15: 95 2 g - 2 z -\n");
    struct script_run run;
    script_play(script_make_join, &plan, stream_table, COUNT(stream_table), SCRIPT_BATCHES, &run);
    assert_int_equal(run.counters.null, 3);
    assert_int_equal(run.entries, 1);
    script_run_release(&run);
}

static void stream_table_left(void **state) {
    (void)state;
    struct join_plan plan = with_key(plan_of(JOIN_STREAM_TABLE, JOIN_SHAPE_LEFT));
    EXPECT(&plan, stream_table,
           "0: 100 1 1 early - - - -\n"
           "2: 90 1 1 a - 1 x -\n"
           "3: 91 - - n - - - -\n"
           "5: 93 2 2 b - - - -\n"
           "9: 94 1 1 c - 1 y -\n"
           "10: 50 2 2 d - 2 z -\n"
           "13: 95 1 1 e - - - -\n"
           "14: 95 3 3 f - - - -\n"
           "15: 95 2 2 g - 2 z -\n");
}

/* A table that is read again fills itself, and nothing leaves. */
static void stream_table_replayed(void **state) {
    (void)state;
    struct join_plan plan = plan_of(JOIN_STREAM_TABLE, JOIN_SHAPE_INNER);
    const struct script_record table[] = {{'R', 1, "x", 1}, {'R', 2, "y", 2}, {'R', 1, NULL, 3}},
                               left[] = {{'L', 1, "a", 4}, {'L', 2, "b", 5}};
    for (unsigned replayed = 0; replayed < 2; replayed++) {
        struct arena arena = {0};
        struct query_counters counters = {0};
        struct script_sink sink;
        struct stream_operator *op;
        struct error error;
        plan.replayed = replayed;
        script_sink_open(&sink);
        struct operator_context context = {.evaluation = {.arena = &arena}, .restoring = true, .counters = &counters};
        assert_int_equal(join_new(&plan, &sink.op, 7, &op, &error), 0);
        assert_true((op->driver->save == NULL) == replayed);
        assert_int_equal(operator_push(op, 1, script_rows(&arena, table, 0, 3), &context, &error), 0);
        assert_int_equal(sink.text.length, 0);
        context.restoring = false;
        assert_int_equal(operator_push(op, 0, script_rows(&arena, left, 0, 2), &context, &error), 0);
        assert_int_equal(sink.text.length, replayed ? strlen("1: 5 2 b - 2 y -\n") : 0);
        op->driver->free(op);
        bytes_release(&sink.text);
        arena_release(&arena);
    }
}

/* --- stream-stream
 * ------------------------------------------------------------------------------------------------------------------ */

/* WITHIN 10, no GRACE: what is unmatched leaves at once. */
static const struct script_record eager[] = {
    {'L', 1, "a", 100},           {'R', 1, "x", 110},  {'R', 1, "y", 111},
    {'L', 1, "b", 105},           {'R', 2, "z", 90},   {'L', SCRIPT_NULL, "n", 500},
    {'R', SCRIPT_NULL, "m", 501}, {'L', 1, NULL, 108}, {'R', 1, NULL, 108},
    {'L', 2, "c", 100},           {'R', 1, "w", 95},
};

static void stream_stream_eager(void **state) {
    (void)state;
    static const struct {
        enum join_shape shape;
        const char *expected;
    } cases[] = {
        {JOIN_SHAPE_INNER, "1: 110 1 1 a - 1 x -\n"
                           "3: 110 1 1 b - 1 x -\n3: 111 1 1 b - 1 y -\n"
                           "9: 100 2 2 c - 2 z -\n"
                           "10: 100 1 1 a - 1 w -\n10: 105 1 1 b - 1 w -\n"},
        {JOIN_SHAPE_LEFT, "0: 100 1 1 a - - - -\n"
                          "1: 110 1 1 a - 1 x -\n"
                          "3: 110 1 1 b - 1 x -\n3: 111 1 1 b - 1 y -\n"
                          "5: 500 - - n - - - -\n"
                          "9: 100 2 2 c - 2 z -\n"
                          "10: 100 1 1 a - 1 w -\n10: 105 1 1 b - 1 w -\n"},
        {JOIN_SHAPE_RIGHT, "1: 110 1 1 a - 1 x -\n"
                           "2: 111 1 - - - 1 y -\n"
                           "3: 110 1 1 b - 1 x -\n3: 111 1 1 b - 1 y -\n"
                           "4: 90 2 - - - 2 z -\n"
                           "6: 501 - - - - - m -\n"
                           "9: 100 2 2 c - 2 z -\n"
                           "10: 100 1 1 a - 1 w -\n10: 105 1 1 b - 1 w -\n"},
        {JOIN_SHAPE_FULL, "0: 100 1 1 a - - - -\n"
                          "1: 110 1 1 a - 1 x -\n"
                          "2: 111 1 - - - 1 y -\n"
                          "3: 110 1 1 b - 1 x -\n3: 111 1 1 b - 1 y -\n"
                          "4: 90 2 - - - 2 z -\n"
                          "5: 500 - - n - - - -\n"
                          "6: 501 - - - - - m -\n"
                          "9: 100 2 2 c - 2 z -\n"
                          "10: 100 1 1 a - 1 w -\n10: 105 1 1 b - 1 w -\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct join_plan plan = with_key(plan_of(JOIN_STREAM_STREAM, cases[i].shape));
        plan.grace = -1;
        EXPECT(&plan, eager, cases[i].expected);
    }
}

/* WITHIN 10 GRACE 5: held until stream time > ts + 15. */
static const struct script_record held[] = {
    {'L', 1, "a", 100}, {'R', 2, "x", 100}, {'L', 2, "b", 109}, /* finds x */
    {'R', 3, "y", 115},                                         /* 115 is not after 115 */
    {'L', 3, "c", 104}, /* 11 before y: no pair; 114 < 115: its window has passed, leaves at once */
    {'R', 4, "z", 116}, /* a leaves */
    {'R', 1, "w", 107}, /* a can be found all the same: largest left time 109 - 25 < 100; held no more */
    {'R', 5, "v", 104}, /* 114 < 116: at once */
    {'L', 6, "d", 116}, {'R', 6, "u", 200}, /* y, z (right), d (left) leave by time, the right side first */
    {'L', 3, "e", 110},                     /* its window has passed; y is too old: 200 - 25 */
};

static void stream_stream_held(void **state) {
    (void)state;
    static const struct {
        enum join_shape shape;
        const char *expected;
    } cases[] = {
        {JOIN_SHAPE_INNER, "2: 109 2 2 b - 2 x -\n6: 107 1 1 a - 1 w -\n"},
        {JOIN_SHAPE_LEFT, "2: 109 2 2 b - 2 x -\n"
                          "4: 104 3 3 c - - - -\n"
                          "5: 100 1 1 a - - - -\n"
                          "6: 107 1 1 a - 1 w -\n"
                          "9: 116 6 6 d - - - -\n"
                          "10: 110 3 3 e - - - -\n"},
        {JOIN_SHAPE_RIGHT, "2: 109 2 2 b - 2 x -\n"
                           "6: 107 1 1 a - 1 w -\n"
                           "7: 104 5 - - - 5 v -\n"
                           "9: 115 3 - - - 3 y -\n9: 116 4 - - - 4 z -\n"},
        {JOIN_SHAPE_FULL, "2: 109 2 2 b - 2 x -\n"
                          "4: 104 3 3 c - - - -\n"
                          "5: 100 1 1 a - - - -\n"
                          "6: 107 1 1 a - 1 w -\n"
                          "7: 104 5 - - - 5 v -\n"
                          "9: 115 3 - - - 3 y -\n9: 116 4 - - - 4 z -\n9: 116 6 6 d - - - -\n"
                          "10: 110 3 3 e - - - -\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct join_plan plan = with_key(plan_of(JOIN_STREAM_STREAM, cases[i].shape));
        EXPECT(&plan, held, cases[i].expected);
    }
}

/* WITHIN (2, 20) GRACE 0: each side has its own look. */
static void stream_stream_asymmetric(void **state) {
    (void)state;
    static const struct script_record records[] = {
        {'L', 1, "a", 100}, {'R', 1, "x", 97}, /* 3 before */
        {'R', 1, "y", 98},  {'R', 1, "z", 120}, {'R', 1, "w", 121},
        {'L', 2, "b", 110}, {'R', 9, "t", 130}, {'R', 9, "t", 131}, /* b leaves: 131 > 130 */
        {'R', 2, "v", 130},
    };
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_FULL);
    plan.before = 2;
    plan.after = 20;
    plan.grace = 0;
    EXPECT(&plan, records,
           "1: 97 - - - 1 x -\n"
           "2: 100 1 a - 1 y -\n"
           "3: 120 1 a - 1 z -\n"
           "6: 121 - - - 1 w -\n"
           "7: 110 2 b - - - -\n"
           "8: 130 2 b - 2 v -\n");
}

/* Partners come in the order of their time, those of one time in the order of arrival. */
static void stream_stream_order(void **state) {
    (void)state;
    static const struct script_record records[] = {
        {'R', 1, "a", 30}, {'R', 1, "b", 25}, {'R', 1, "c", 28},  {'R', 1, "d", 25}, {'R', 1, "e", 41},
        {'R', 2, "f", 30}, {'L', 1, "x", 30}, {'A', 0, NULL, 40}, {'L', 1, "y", 35},
    };
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_INNER);
    EXPECT(&plan, records,
           "6: 30 1 x - 1 b -\n6: 30 1 x - 1 d -\n6: 30 1 x - 1 c -\n6: 30 1 x - 1 a -\n"
           "8: 35 1 y - 1 b -\n8: 35 1 y - 1 d -\n8: 35 1 y - 1 c -\n8: 35 1 y - 1 a -\n8: 41 1 y - 1 e -\n");
}

/* Time that passes without records; INT64_MAX lets everything leave, and the next records go on from there. */
static void stream_stream_advance(void **state) {
    (void)state;
    static const struct script_record records[] = {
        {'L', 1, "a", 100},  {'R', 2, "x", 103}, {'A', 0, NULL, 115},       {'A', 0, NULL, 116},
        {'A', 0, NULL, 116}, {'L', 3, "b", 120}, {'A', 0, NULL, INT64_MAX}, {'A', 0, NULL, INT64_MAX},
        {'R', 3, "y", 126},  {'R', 4, "z", 140}, {'L', 4, "c", 141},
    };
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_FULL);
    EXPECT(&plan, records,
           "3: 100 1 a - - - -\n"
           "5: 103 - - - 2 x -\n"
           "6: 120 3 b - - - -\n"
           "8: 126 3 b - 3 y -\n"
           "10: 141 4 c - 4 z -\n");
}

/* WITHIN (0, 5) GRACE 0: a left row is forgotten by its side 5 after, and held one longer. */
static void stream_stream_forgotten_and_held(void **state) {
    (void)state;
    static const struct script_record records[] = {
        {'L', 1, "a", 100}, {'L', 2, "b", 105}, {'L', 3, "c", 100}, {'R', 1, "x", 105},
        {'R', 3, "y", 105}, {'R', 2, "z", 106}, {'R', 4, "w", 107},
    };
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_LEFT);
    plan.before = plan.grace = 0;
    plan.after = 5;
    EXPECT(&plan, records,
           "5: 100 1 a - - - -\n5: 100 3 c - - - -\n"
           "5: 106 2 b - 2 z -\n");
}

static void stream_stream_instant(void **state) {
    (void)state;
    static const struct script_record records[] = {
        {'L', 1, "a", 100}, {'R', 1, "x", 100}, {'R', 2, "y", 100}, {'L', 2, "b", 99}, {'R', 3, "z", 101},
    };
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_FULL);
    plan.before = plan.after = plan.grace = 0;
    EXPECT(&plan, records,
           "1: 100 1 a - 1 x -\n"
           "3: 99 2 b - - - -\n"
           "4: 100 - - - 2 y -\n");
}

static void stream_stream_memory(void **state) {
    (void)state;
    enum { RECORDS = 20000 };
    struct script_record *records = memory_zero(RECORDS, sizeof *records);
    struct join_plan plan = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_FULL);
    size_t memory[2];
    for (size_t i = 0; i < RECORDS; i++)
        records[i] = (struct script_record){(i / 7) % 2 ? 'R' : 'L', (int64_t)(i * 7919 % 1009), "value",
                                            (int64_t)(i - i % 3), 0};
    for (unsigned i = 0; i < 2; i++) {
        struct script_run run;
        script_play(script_make_join, &plan, records, i ? RECORDS : RECORDS / 10, SCRIPT_BATCHES, &run);
        memory[i] = run.memory;
        if (i)
            assert_in_range(run.entries, 10, 60);
        script_run_release(&run);
    }
    assert_in_range(memory[1], 1, memory[0] + 65536);
    free(records);
}

/* Any cut of any log gives the same results, restarts included. */
static void expect_same_with_every_cut(const struct join_plan *plan, uint32_t seed) {
    enum { RECORDS = 120 };
    struct script_record records[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t random = seed >> 8;
        const char *value = random / 16 % 11 ? "v" : NULL;
        records[i] = (struct script_record){random % 2 ? 'L' : 'R', random / 2 % 5, value,
                                            (int64_t)(i + random / 256 % 40), random / 64 % 5};
        if (random / 1024 % 17 == 0)
            records[i].key = SCRIPT_NULL;
    }
    struct script_run run;
    script_play(script_make_join, plan, records, RECORDS, SCRIPT_SINGLE, &run);
    assert_true(run.sink.text.length > 200);
    bytes_append_char(&run.sink.text, 0);
    EXPECT(plan, records, run.sink.text.data);
    script_run_release(&run);
}

static void random_logs(void **state) {
    (void)state;
    for (unsigned round = 0; round < 12; round++) {
        struct join_plan streams = plan_of(JOIN_STREAM_STREAM, (enum join_shape)(round % 4)),
                         tables = plan_of(JOIN_TABLE_TABLE, streams.shape);
        struct join_plan table = plan_of(JOIN_STREAM_TABLE, (enum join_shape)(round % 2)),
                         foreign = plan_of(JOIN_TABLE_TABLE, table.shape);
        streams.grace = round % 3 ? (int64_t)round % 3 * 5 : -1;
        foreign.foreign_key = true;
        foreign.left_key = &script_extra.evaluator;
        tables.want_before = foreign.want_before = round % 2;
        expect_same_with_every_cut(&streams, round);
        expect_same_with_every_cut(&tables, round);
        expect_same_with_every_cut(&table, round);
        expect_same_with_every_cut(&foreign, round);
    }
}

static void foreign_entries(void **state) {
    (void)state;
    static const struct {
        struct slice key, value;
    } entries[] = {
        {{"", 0}, {"", 0}},
        {{"x", 1}, {"abc", 3}},
        {{"t", 1}, {"\x01", 1}},
        {{"b\0\0\0\0\0\0\0\1", 9}, {"", 0}},
        {{"b\0\0\0\0\0\0\0\1", 9}, {"\x07\x01", 2}},
        {{"b\0\0\0\0\0\0\0\1", 9}, {"\x00\x02\x01\x02", 4}},
        {{"b\0\0\0\0\0\0\0\1", 9}, {"\x00\x02\x01\x02\x02\x01\x02\x00\x00z", 10}},
        {{"b\0\0\0\0\0\0\0\1", 9}, {"\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}},
        {{"l", 1}, {"abc", 3}},
        {{"l\x01\x02", 3}, {"abc", 3}},
        {{"r\x01\x02", 3}, {"", 0}},
    };
    for (unsigned inputs = JOIN_STREAM_TABLE; inputs <= JOIN_TABLE_TABLE + 1; inputs++) {
        struct join_plan plan =
            plan_of(inputs <= JOIN_TABLE_TABLE ? (enum join_inputs)inputs : JOIN_TABLE_TABLE, JOIN_SHAPE_LEFT);
        plan.foreign_key = inputs > JOIN_TABLE_TABLE;
        struct stream_operator *op;
        struct error error;
        assert_int_equal(join_new(&plan, NULL, 0, &op, &error), 0);
        for (size_t i = 0; i < COUNT(entries); i++)
            assert_int_equal(op->driver->load(op, entries[i].key, entries[i].value, &error), ERROR_CORRUPT);
        op->driver->free(op);
    }
}

/* --- table-table
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct script_record tables[] = {
    {'L', 1, "a", 10},  {'L', 1, NULL, 11}, {'R', 1, NULL, 12},         {'L', 1, "b", 20},           {'R', 1, "x", 15},
    {'R', 1, "y", 30},  {'L', 1, "c", 5},   {'L', SCRIPT_NULL, "n", 6}, {'R', SCRIPT_NULL, NULL, 6}, {'L', 1, NULL, 31},
    {'L', 1, NULL, 32}, {'L', 1, "d", 33},  {'R', 1, NULL, 34},         {'R', 1, NULL, 35},          {'L', 1, NULL, 36},
    {'R', 2, "z", 40},  {'R', 2, NULL, 41},
};

static void table_table_shapes(void **state) {
    (void)state;
    static const struct {
        enum join_shape shape;
        const char *expected;
    } cases[] = {
        {JOIN_SHAPE_INNER, "4: 20 1 1 b - 1 x -\n"
                           "5: 30 1 1 b - 1 y -\n"
                           "6: 30 1 1 c - 1 y -\n"
                           "9: 31 1 1 - - 1 - - gone\n"
                           "10: 32 1 1 - - 1 - - gone\n"
                           "11: 33 1 1 d - 1 y -\n"
                           "12: 34 1 1 - - 1 - - gone\n"
                           "13: 35 1 1 - - 1 - - gone\n"},
        {JOIN_SHAPE_LEFT, "0: 10 1 1 a - - - -\n"
                          "1: 11 1 1 - - - - - gone\n"
                          "3: 20 1 1 b - - - -\n"
                          "4: 20 1 1 b - 1 x -\n"
                          "5: 30 1 1 b - 1 y -\n"
                          "6: 30 1 1 c - 1 y -\n"
                          "9: 31 1 1 - - 1 - - gone\n"
                          "10: 32 1 1 - - 1 - - gone\n"
                          "11: 33 1 1 d - 1 y -\n"
                          "12: 34 1 1 d - - - -\n"
                          "13: 35 1 1 d - - - -\n"
                          "14: 36 1 1 - - - - - gone\n"},
        {JOIN_SHAPE_RIGHT, "4: 20 1 1 b - 1 x -\n"
                           "5: 30 1 1 b - 1 y -\n"
                           "6: 30 1 1 c - 1 y -\n"
                           "9: 31 1 - - - 1 y -\n"
                           "10: 32 1 - - - 1 y -\n"
                           "11: 33 1 1 d - 1 y -\n"
                           "12: 34 1 1 - - 1 - - gone\n"
                           "13: 35 1 1 - - 1 - - gone\n"
                           "15: 40 2 - - - 2 z -\n"
                           "16: 41 2 - - - 2 - - gone\n"},
        {JOIN_SHAPE_FULL, "0: 10 1 1 a - - - -\n"
                          "1: 11 1 1 - - - - - gone\n"
                          "3: 20 1 1 b - - - -\n"
                          "4: 20 1 1 b - 1 x -\n"
                          "5: 30 1 1 b - 1 y -\n"
                          "6: 30 1 1 c - 1 y -\n"
                          "9: 31 1 - - - 1 y -\n"
                          "10: 32 1 - - - 1 y -\n"
                          "11: 33 1 1 d - 1 y -\n"
                          "12: 34 1 1 d - - - -\n"
                          "13: 35 1 1 d - - - -\n"
                          "14: 36 1 1 - - - - - gone\n"
                          "15: 40 2 - - - 2 z -\n"
                          "16: 41 2 - - - 2 - - gone\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct join_plan plan = with_key(plan_of(JOIN_TABLE_TABLE, cases[i].shape));
        EXPECT(&plan, tables, cases[i].expected);
    }
}

static void table_table_before(void **state) {
    (void)state;
    struct join_plan plan = plan_of(JOIN_TABLE_TABLE, JOIN_SHAPE_INNER);
    plan.want_before = true;
    EXPECT(&plan, tables,
           "4: 20 1 b - 1 x - was 1 - - 1 - - gone\n"
           "5: 30 1 b - 1 y - was 1 b - 1 x -\n"
           "6: 30 1 c - 1 y - was 1 b - 1 y -\n"
           "9: 31 1 - - 1 - - gone was 1 c - 1 y -\n"
           "10: 32 1 - - 1 - - gone was 1 - - 1 - - gone\n"
           "11: 33 1 d - 1 y - was 1 - - 1 - - gone\n"
           "12: 34 1 - - 1 - - gone was 1 d - 1 y -\n"
           "13: 35 1 - - 1 - - gone was 1 - - 1 - - gone\n");
}

/* --- foreign keys: the left rows' third column refers to the right table's key
 * --------------------------------------------------------- */

static const struct script_record foreign[] = {
    {'L', 1, "a", 10, 7},           {'L', 2, "b", 11, 7},           {'R', 7, "x", 5, 0},   {'L', 3, "c", 12, 8},
    {'L', 3, "d", 13, 9},                                 /* refers elsewhere, unmatched both times */
    {'L', 1, "e", 14, 8},                                 /* refers elsewhere, unmatched now */
    {'R', 8, "y", 20, 0},           {'L', 2, "f", 15, 8}, /* from one partner to another */
    {'L', 4, "g", 16, 0},                                 /* NULL */
    {'L', SCRIPT_NULL, "n", 16, 8}, {'R', SCRIPT_NULL, "n", 16, 0}, {'L', 1, NULL, 17, 0}, {'L', 1, NULL, 18, 0},
    {'R', 8, NULL, 19, 0},          {'R', 8, "z", 21, 0},           {'L', 4, "h", 22, 8},  {'L', 4, "i", 23, 0},
    {'L', 4, NULL, 24, 0},          {'L', 2, "j", 25, 8},
};

static void foreign_keys(void **state) {
    (void)state;
    static const struct {
        enum join_shape shape;
        const char *expected;
    } cases[] = {
        {JOIN_SHAPE_INNER, "2: 10 1 a 7 7 x -\n2: 11 2 b 7 7 x -\n"
                           "4: 13 3 - - - - - gone\n"
                           "5: 14 1 - - - - - gone\n"
                           "6: 20 1 e 8 8 y -\n"
                           "7: 20 2 f 8 8 y -\n"
                           "11: 17 1 - - - - - gone\n"
                           "13: 19 2 - - - - - gone\n"
                           "14: 21 2 f 8 8 z -\n"
                           "15: 22 4 h 8 8 z -\n"
                           "16: 23 4 - - - - - gone\n"
                           "17: 24 4 - - - - - gone\n"
                           "18: 25 2 j 8 8 z -\n"},
        {JOIN_SHAPE_LEFT, "0: 10 1 a 7 - - -\n"
                          "1: 11 2 b 7 - - -\n"
                          "2: 10 1 a 7 7 x -\n2: 11 2 b 7 7 x -\n"
                          "3: 12 3 c 8 - - -\n"
                          "4: 13 3 d 9 - - -\n"
                          "5: 14 1 e 8 - - -\n"
                          "6: 20 1 e 8 8 y -\n"
                          "7: 20 2 f 8 8 y -\n"
                          "8: 16 4 g - - - -\n"
                          "11: 17 1 - - - - - gone\n"
                          "13: 19 2 f 8 - - -\n"
                          "14: 21 2 f 8 8 z -\n"
                          "15: 22 4 h 8 8 z -\n"
                          "16: 23 4 i - - - -\n"
                          "17: 24 4 - - - - - gone\n"
                          "18: 25 2 j 8 8 z -\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct join_plan plan = plan_of(JOIN_TABLE_TABLE, cases[i].shape);
        plan.foreign_key = true;
        plan.left_key = &script_extra.evaluator;
        EXPECT(&plan, foreign, cases[i].expected);
    }
}

static void foreign_keys_before(void **state) {
    (void)state;
    struct join_plan plan = plan_of(JOIN_TABLE_TABLE, JOIN_SHAPE_INNER);
    plan.foreign_key = plan.want_before = true;
    plan.left_key = &script_extra.evaluator;
    EXPECT(&plan, foreign,
           "2: 10 1 a 7 7 x - was 1 - - - - - gone\n2: 11 2 b 7 7 x - was 2 - - - - - gone\n"
           "4: 13 3 - - - - - gone was 3 - - - - - gone\n"
           "5: 14 1 - - - - - gone was 1 a 7 7 x -\n"
           "6: 20 1 e 8 8 y - was 1 - - - - - gone\n"
           "7: 20 2 f 8 8 y - was 2 b 7 7 x -\n"
           "11: 17 1 - - - - - gone was 1 e 8 8 y -\n"
           "13: 19 2 - - - - - gone was 2 f 8 8 y -\n"
           "14: 21 2 f 8 8 z - was 2 - - - - - gone\n"
           "15: 22 4 h 8 8 z - was 4 - - - - - gone\n"
           "16: 23 4 - - - - - gone was 4 h 8 8 z -\n"
           "17: 24 4 - - - - - gone was 4 - - - - - gone\n"
           "18: 25 2 j 8 8 z - was 2 f 8 8 z -\n");
}

static void refusals(void **state) {
    (void)state;
    struct row_schema windowed = script_schema;
    struct stream_operator *op;
    struct error error;
    windowed.windowed = true;
    struct join_plan right = plan_of(JOIN_STREAM_TABLE, JOIN_SHAPE_RIGHT),
                     full = plan_of(JOIN_STREAM_TABLE, JOIN_SHAPE_FULL);
    struct join_plan window = plan_of(JOIN_TABLE_TABLE, JOIN_SHAPE_INNER),
                     columns = plan_of(JOIN_STREAM_STREAM, JOIN_SHAPE_INNER);
    window.left = &windowed;
    columns.result.count = 5;
    assert_int_equal(join_new(&right, NULL, 0, &op, &error), ERROR_UNSUPPORTED);
    assert_int_equal(join_new(&full, NULL, 0, &op, &error), ERROR_UNSUPPORTED);
    assert_int_equal(join_new(&window, NULL, 0, &op, &error), ERROR_UNSUPPORTED);
    assert_int_equal(join_new(&columns, NULL, 0, &op, &error), ERROR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_table_inner),
        cmocka_unit_test(stream_table_left),
        cmocka_unit_test(stream_table_replayed),
        cmocka_unit_test(stream_stream_eager),
        cmocka_unit_test(stream_stream_held),
        cmocka_unit_test(stream_stream_asymmetric),
        cmocka_unit_test(stream_stream_order),
        cmocka_unit_test(stream_stream_advance),
        cmocka_unit_test(stream_stream_forgotten_and_held),
        cmocka_unit_test(stream_stream_instant),
        cmocka_unit_test(stream_stream_memory),
        cmocka_unit_test(random_logs),
        cmocka_unit_test(foreign_entries),
        cmocka_unit_test(table_table_shapes),
        cmocka_unit_test(table_table_before),
        cmocka_unit_test(foreign_keys),
        cmocka_unit_test(foreign_keys_before),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

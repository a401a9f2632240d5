#include "join_harness.h"
#include "stream/operator/table_source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int make_table(const void *plan, struct stream_operator *next, struct stream_operator **ret_operator,
                      struct error *error) {
    return table_source_new(plan, next, 7, ret_operator, error);
}

static struct table_source_plan plan_of(bool forward_unknown) {
    return (struct table_source_plan){.schema = script_schema, .forward_unknown = forward_unknown};
}

static const struct script_record changes[] = {
    {'L', 1, "a", 10, 5},        {'L', 2, NULL, 11}, /* never there */
    {'L', 1, "b", 5, 6},                             /* order of arrival, not of time */
    {'L', SCRIPT_NULL, "n", 12}, {'L', SCRIPT_NULL, NULL, 12}, {'L', 1, NULL, 13}, {'L', 1, NULL, 14},
    {'L', 1, "c", 15},           {'L', 2, "d", 16, 7},
};

static void changes_with_before(void **state) {
    (void)state;
    struct table_source_plan plan = plan_of(false);
    script_expect(make_table, &plan, changes, COUNT(changes),
                  "0: 10 1 a 5 was 1 - - gone\n"
                  "2: 5 1 b 6 was 1 a 5\n"
                  "5: 13 1 - - gone was 1 b 6\n"
                  "7: 15 1 c - was 1 - - gone\n"
                  "8: 16 2 d 7 was 2 - - gone\n");
    struct script_run run;
    script_play(make_table, &plan, changes, COUNT(changes), SCRIPT_BATCHES, &run);
    assert_int_equal(run.counters.null, 2);
    script_run_release(&run);
}

static void unknown_deletions(void **state) {
    (void)state;
    struct table_source_plan plan = plan_of(true);
    script_expect(make_table, &plan, changes, COUNT(changes),
                  "0: 10 1 a 5 was 1 - - gone\n"
                  "1: 11 2 - - gone was 2 - - gone\n"
                  "2: 5 1 b 6 was 1 a 5\n"
                  "5: 13 1 - - gone was 1 b 6\n"
                  "6: 14 1 - - gone was 1 - - gone\n"
                  "7: 15 1 c - was 1 - - gone\n"
                  "8: 16 2 d 7 was 2 - - gone\n");
}

/* --- a table filled, for the tests below
 * --------------------------------------------------------------------------------------------- */

struct fixture {
    struct table_source_plan plan;
    struct arena arena;
    struct query_counters counters;
    struct operator_context context;
    struct script_sink sink;
    struct stream_operator *op;
};

static void fixture_open(struct fixture *fixture, struct row_schema schema) {
    struct error error;
    *fixture = (struct fixture){.plan = {.schema = schema}};
    script_sink_open(&fixture->sink);
    fixture->context =
        (struct operator_context){.evaluation = {.arena = &fixture->arena}, .counters = &fixture->counters};
    assert_int_equal(table_source_new(&fixture->plan, &fixture->sink.op, 7, &fixture->op, &error), 0);
}

static void fixture_close(struct fixture *fixture) {
    fixture->op->driver->free(fixture->op);
    bytes_release(&fixture->sink.text);
    arena_release(&fixture->arena);
}

static void fixture_push(struct fixture *fixture, struct rows *rows) {
    struct error error;
    assert_int_equal(operator_push(fixture->op, 0, rows, &fixture->context, &error), 0);
}

/* --- state
 * ------------------------------------------------------------------------------------------------------------------ */

static void restoring(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, script_schema);
    fixture.context.restoring = true;
    fixture_push(&fixture, script_rows(&fixture.arena, changes, 0, COUNT(changes)));
    assert_int_equal(fixture.sink.text.length, 0);
    assert_int_equal(fixture.counters.null, 0);
    fixture.context.restoring = false;
    const struct script_record more[] = {{'L', 1, "e", 20}, {'L', 2, NULL, 21}};
    fixture_push(&fixture, script_rows(&fixture.arena, more, 0, 2));
    bytes_append_char(&fixture.sink.text, 0);
    assert_string_equal(fixture.sink.text.data, "0: 20 1 e - was 1 c -\n1: 21 2 - - gone was 2 d 7\n");
    assert_null(fixture.op->driver->save);
    fixture_close(&fixture);
}

static void windows(void **state) {
    (void)state;
    struct row_schema schema = script_schema;
    struct fixture fixture;
    static const struct script_record records[] = {
        {'L', 1, "a", 10}, {'L', 1, "b", 11}, {'L', 1, "c", 12}, {'L', 1, NULL, 13}};
    static const int64_t bounds[][2] = {{0, 10}, {10, 20}, {0, 20}, {10, 20}};
    schema.windowed = true;
    fixture_open(&fixture, schema);
    struct rows *rows = script_rows(&fixture.arena, records, 0, COUNT(records));
    rows->window_starts = arena_allocate(&fixture.arena, sizeof(int64_t) * COUNT(records));
    rows->window_ends = arena_allocate(&fixture.arena, sizeof(int64_t) * COUNT(records));
    for (size_t i = 0; i < COUNT(records); i++) {
        rows->window_starts[i] = bounds[i][0];
        rows->window_ends[i] = bounds[i][1];
    }
    fixture_push(&fixture, rows);
    bytes_append_char(&fixture.sink.text, 0);
    assert_string_equal(fixture.sink.text.data, "0: 10 1 a - @0-10 was 1 - - gone\n"
                                                "1: 11 1 b - @10-20 was 1 - - gone\n"
                                                "2: 12 1 c - @0-20 was 1 - - gone\n"
                                                "3: 13 1 - - gone @10-20 was 1 b -\n");
    fixture_close(&fixture);
}

static void memory(void **state) {
    (void)state;
    enum { ROWS = 2500 };
    struct fixture fixture;
    static struct script_record records[ROWS];
    static char values[ROWS][32];
    for (int i = 0; i < ROWS; i++) {
        snprintf(values[i], sizeof values[i], "value %d", i);
        records[i] = (struct script_record){'L', i, values[i], 3 * i, 0};
    }
    fixture_open(&fixture, script_schema);
    fixture_push(&fixture, script_rows(&fixture.arena, records, 0, ROWS));
    assert_in_range(fixture.op->driver->memory(fixture.op), ROWS * 30,
                    (2 << 20) + ROWS * 150); /* chunks are of a MiB */
    fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_with_before),
        cmocka_unit_test(unknown_deletions),
        cmocka_unit_test(restoring),
        cmocka_unit_test(windows),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Windows: operators that share a key dictionary give what each gives alone; keys of the same bytes and other parts are
 * two groups; rows that bring a stream time; memory follows what is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/aggregate/group_aggregate.h"
#include "stream/state/key_dictionary.h"

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

enum { COLUMN_KEY, COLUMN_LEFT, COLUMN_RIGHT, COLUMN_VALUE, COLUMNS };

static const struct row_column columns[COLUMNS] = {
    {SLICE("K"), &type_string}, {SLICE("A"), &type_string}, {SLICE("B"), &type_string}, {SLICE("V"), &type_double}};
static const struct row_schema schema = {columns, COLUMNS, 1, false};

struct record {
    const char *left, *right; /* the key is left.right */
    int64_t time;
    double value; /* NAN: NULL */
    int64_t stream_time;
};

static void set_text(struct rows *rows, size_t column, size_t row, struct slice text) {
    struct value value = value_of_text(text);
    vector_set(&rows->columns[column], row, &value);
}

static struct rows *rows_of(struct arena *arena, const struct record *records, size_t count, uint64_t batch,
                            bool stream_times) {
    struct rows *rows = rows_new(arena, &schema, count);
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &records[i];
        size_t length = strlen(record->left) + 1 + strlen(record->right);
        char *key = arena_allocate(arena, length + 1);
        snprintf(key, length + 1, "%s.%s", record->left, record->right);
        set_text(rows, COLUMN_KEY, i, (struct slice){key, length});
        set_text(rows, COLUMN_LEFT, i, slice_of(record->left));
        set_text(rows, COLUMN_RIGHT, i, slice_of(record->right));
        struct value value = record->value == record->value ? value_of_number(record->value) : VALUE_NULL;
        vector_set(&rows->columns[COLUMN_VALUE], i, &value);
        rows->times[i] = record->time;
        rows->origins[i] = rows->selected.rows[i] = (uint32_t)i;
    }
    rows->selected.count = count;
    rows->batch = batch;
    if (stream_times) {
        rows->stream_times = arena_allocate(arena, count * sizeof *rows->stream_times);
        for (size_t i = 0; i < count; i++)
            rows->stream_times[i] = records[i].stream_time;
    }
    return rows;
}

struct column_evaluator {
    struct evaluator evaluator;
    size_t column;
};

static int column_run(const struct evaluator *evaluator, struct evaluation *evaluation, const struct rows *rows,
                      const struct selection *selected, struct vector *ret_vector, struct error *error) {
    (void)evaluation, (void)selected, (void)error;
    *ret_vector = rows->columns[((const struct column_evaluator *)evaluator)->column];
    return 0;
}

static const struct column_evaluator evaluators[COLUMNS] = {{{&type_string, column_run}, COLUMN_KEY},
                                                            {{&type_string, column_run}, COLUMN_LEFT},
                                                            {{&type_string, column_run}, COLUMN_RIGHT},
                                                            {{&type_double, column_run}, COLUMN_VALUE}};

/* --- an operator and what it gives
 * ------------------------------------------------------------------------------------------------------------------ */

enum { CALLS = 4 };

struct plan {
    struct group_aggregate_plan plan;
    struct group_call calls[CALLS];
    const struct evaluator *key[1], *arguments[CALLS][1];
    struct row_column result[1 + CALLS];
    unsigned key_columns[1];
    size_t parts[2];
    struct arena arena;
};

/* COUNT(*), SUM(V), LATEST_BY_OFFSET(A), LATEST_BY_OFFSET(B) by K. `source` NULL: it shares nothing; `parts`: A and B
 * make the key. */
static void plan_make(struct plan *plan, struct window_definition window, bool final, const void *source, bool parts) {
    static const char *const names[CALLS] = {"COUNT", "SUM", "LATEST_BY_OFFSET", "LATEST_BY_OFFSET"};
    static const size_t arguments[CALLS] = {COLUMN_VALUE, COLUMN_VALUE, COLUMN_LEFT, COLUMN_RIGHT};
    const struct value *constants[1] = {NULL};
    struct error error = {0};
    *plan = (struct plan){.parts = {COLUMN_LEFT, COLUMN_RIGHT}};
    plan->key[0] = &evaluators[COLUMN_KEY].evaluator;
    plan->result[0] = columns[COLUMN_KEY];
    for (size_t i = 0; i < CALLS; i++) {
        const struct aggregate_function *function = aggregate_function_find(slice_of(names[i]));
        const struct type *types[1] = {columns[arguments[i]].type};
        plan->arguments[i][0] = &evaluators[arguments[i]].evaluator;
        plan->calls[i].arguments = plan->arguments[i];
        assert_int_equal(
            function->resolve(function, types, constants, i > 0, &plan->arena, &plan->calls[i].call, &error), 0);
        plan->calls[i].part = parts && i >= 2 ? (unsigned)i - 1 : 0;
        plan->result[1 + i] = (struct row_column){slice_of(names[i]), plan->calls[i].call.result};
    }
    plan->plan = (struct group_aggregate_plan){.keys = plan->key,
                                               .key_count = 1,
                                               .source = source,
                                               .key_columns = plan->key_columns,
                                               .parts = parts ? plan->parts : NULL,
                                               .part_count = parts ? 2 : 0,
                                               .calls = plan->calls,
                                               .call_count = CALLS,
                                               .window = window,
                                               .final = final,
                                               .result = {plan->result, 1 + CALLS, 1, true}};
}

struct run {
    struct stream_operator *op;
    struct stream_operator notes;
    struct bytes text; /* "key [start,end)@time: values" */
    struct query_counters counters;
    struct key_dictionaries *dictionaries;
    uint64_t late_at; /* stream time of the last late row */
};

static int notes_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                      struct error *error) {
    struct run *run = (struct run *)(void *)((char *)op - offsetof(struct run, notes));
    (void)input, (void)context, (void)error;
    for (size_t i = 0; i < rows->selected.count; i++) {
        size_t row = rows->selected.rows[i];
        bytes_append_slice(&run->text, rows->columns[0].texts[row]);
        bytes_append_format(&run->text, " [%lld,%lld)@%lld:", (long long)rows->window_starts[row],
                            (long long)rows->window_ends[row], (long long)rows->times[row]);
        for (size_t c = 1; c <= CALLS; c++) {
            struct value value;
            vector_get(&rows->columns[c], row, &value);
            bytes_append_char(&run->text, ' ');
            value_print(&run->text, rows->columns[c].type, &value);
        }
        bytes_append_char(&run->text, '\n');
    }
    return 0;
}

static const struct operator_driver notes_driver = {.name = "notes", .push = notes_push};

static int note_late(struct operator_context *context, uint32_t origin, const struct window_definition *window,
                     int64_t stream_time, struct error *error) {
    (void)origin, (void)window, (void)error;
    ((struct run *)context->late_context)->late_at = (uint64_t)stream_time;
    return 0;
}

static void run_open(struct run *run, const struct plan *plan, struct key_dictionaries *dictionaries) {
    struct error error = {0};
    *run = (struct run){.notes = {.driver = &notes_driver}, .dictionaries = dictionaries};
    assert_int_equal(group_aggregate_new(&plan->plan, &run->notes, 0, &run->op, &error), 0);
}

static void run_close(struct run *run) {
    run->op->driver->free(run->op);
    bytes_release(&run->text);
}

static struct operator_context run_context(struct run *run, struct arena *arena, int64_t offset, bool restoring) {
    static struct row_errors errors;
    return (struct operator_context){.evaluation = {.arena = arena, .errors = &errors},
                                     .restoring = restoring,
                                     .offset = offset,
                                     .counters = &run->counters,
                                     .dictionaries = run->dictionaries,
                                     .late = note_late,
                                     .late_context = run};
}

/* Rows of the batch from `first` on; `rows` stays as it is. */
static void run_push(struct run *run, struct rows *rows, struct arena *arena, int64_t offset, bool restoring) {
    struct operator_context context = run_context(run, arena, offset, restoring);
    struct rows *shared = rows_share(arena, rows);
    struct error error = {0};
    if (operator_push(run->op, 0, shared, &context, &error))
        fail_msg("%s", error.message);
}

static void run_records(struct run *run, const struct record *records, size_t count, int64_t offset, bool stream_times,
                        bool restoring) {
    struct arena arena = {0};
    run_push(run, rows_of(&arena, records, count, 0, stream_times), &arena, offset, restoring);
    arena_release(&arena);
}

static void run_advance(struct run *run, int64_t time) {
    struct arena arena = {0};
    struct operator_context context = run_context(run, &arena, 0, false);
    struct error error = {0};
    assert_int_equal(run->op->driver->advance(run->op, time, &context, &error), 0);
    arena_release(&arena);
}

static void assert_text(struct run *run, const char *expected) {
    bytes_append_char(&run->text, '\0');
    assert_string_equal(run->text.data, expected);
    run->text.length--;
}

/* --- tests
 * ------------------------------------------------------------------------------------------------------------------ */

static uint64_t random_next(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Five operators of one source, one of which sees only some of the rows, beside the same alone. */
static void test_shared_keys(void **unused) {
    (void)unused;
    static const struct window_definition windows[] = {{WINDOW_SHAPE_TUMBLING, 20, 20, 15},
                                                       {WINDOW_SHAPE_TUMBLING, 100, 100, 15},
                                                       {WINDOW_SHAPE_HOPPING, 30, 10, 15},
                                                       {WINDOW_SHAPE_TUMBLING, INT64_C(5000000000), 5000000000, 0},
                                                       {WINDOW_SHAPE_TUMBLING, 20, 20, 15}};
    enum { OPERATORS = sizeof windows / sizeof *windows, ROUNDS = 200, BATCH = 50 };
    static struct plan shared_plans[OPERATORS], plans[OPERATORS];
    static struct run shared[OPERATORS], alone[OPERATORS];
    static const char *const names[] = {"a", "b.c", "b", "c", "a longer name that is one of many", "", "x.y.z"};
    struct key_dictionaries dictionaries = {0};
    int source;
    uint64_t seed = 11;
    int64_t now = 0;
    for (size_t i = 0; i < OPERATORS; i++) {
        plan_make(&shared_plans[i], windows[i], i != 1, &source, true);
        plan_make(&plans[i], windows[i], i != 1, NULL, true);
        run_open(&shared[i], &shared_plans[i], &dictionaries);
        run_open(&alone[i], &plans[i], &dictionaries);
    }
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct record records[BATCH];
        struct arena arena = {0};
        size_t count = 1 + random_next(&seed) % BATCH;
        for (size_t i = 0; i < count; i++) {
            now += (int64_t)(random_next(&seed) % 4);
            int64_t back = (int64_t)(random_next(&seed) % 40);
            records[i] = (struct record){names[random_next(&seed) % 7], names[random_next(&seed) % 7],
                                         now > back ? now - back : 0, (double)(random_next(&seed) % 100) / 10, 0};
        }
        struct rows *rows = rows_of(&arena, records, count, round, false);
        for (size_t i = 0; i < OPERATORS; i++) {
            struct rows *some = rows_share(&arena, rows);
            if (i == 4) { /* as after a filter */
                some->selected.count = 0;
                for (uint32_t r = 0; r < count; r++)
                    if (records[r].value < 5)
                        some->selected.rows[some->selected.count++] = r;
            }
            run_push(&shared[i], some, &arena, (int64_t)(round * BATCH), false);
            run_push(&alone[i], some, &arena, (int64_t)(round * BATCH), false);
        }
        arena_release(&arena);
    }
    assert_int_equal(dictionaries.count, 1);
    assert_true(key_dictionaries_memory(&dictionaries) > 0);
    for (size_t i = 0; i < OPERATORS; i++) {
        run_advance(&shared[i], INT64_MAX);
        run_advance(&alone[i], INT64_MAX);
        assert_true(alone[i].text.length > 1000);
        assert_true(i == 3 || alone[i].counters.late > 0);
        assert_int_equal(shared[i].text.length, alone[i].text.length);
        assert_memory_equal(shared[i].text.data, alone[i].text.data, alone[i].text.length);
        assert_int_equal(shared[i].counters.late, alone[i].counters.late);
        assert_int_equal(shared[i].counters.folded, alone[i].counters.folded);
        run_close(&alone[i]);
    }
    for (size_t i = 0; i < OPERATORS; i++) {
        run_close(&shared[i]);
        arena_release(&plans[i].arena);
        arena_release(&shared_plans[i].arena);
    }
    key_dictionaries_release(&dictionaries);
}

/* "a.b" + "c" and "a" + "b.c" have one key; they are two groups of it, in the order of their parts. */
static void test_parts_tell_keys_apart(void **unused) {
    (void)unused;
    static const struct record records[] = {
        {"a.b", "c", 1, 1, 0}, {"a", "b.c", 2, 2, 0}, {"a.b", "c", 3, 4, 0}, {"a", "b", 4, 8, 0}};
    for (int parts = 0; parts < 2; parts++) {
        static struct plan plan;
        static struct run run;
        plan_make(&plan, (struct window_definition){WINDOW_SHAPE_TUMBLING, 10, 10, 0}, true, NULL, parts);
        run_open(&run, &plan, NULL);
        run_records(&run, records, 4, 0, false, false);
        run_advance(&run, INT64_MAX);
        assert_text(&run, parts ? "a.b [0,10)@4: 1 8.0 a b\na.b.c [0,10)@2: 1 2.0 a b.c\na.b.c [0,10)@3: 2 5.0 a.b c\n"
                                : "a.b [0,10)@4: 1 8.0 a b\na.b.c [0,10)@3: 3 7.0 a.b c\n");
        run_close(&run);
        arena_release(&plan.arena);
    }
}

/* COUNT(*) counts rows without a value, in windows of any length. */
static void test_rows_without_a_value(void **unused) {
    (void)unused;
    static const int64_t sizes[] = {100, INT64_C(5000000000), INT64_MAX / 2};
    static const struct record records[] = {
        {"a", "b", 1, NAN, 0}, {"a", "b", 7, 2, 0}, {"a", "b", 5, NAN, 0}, {"c", "d", 3, NAN, 0}};
    for (size_t i = 0; i < 3; i++) {
        static struct plan plan;
        static struct run run;
        char expected[200];
        plan_make(&plan, (struct window_definition){WINDOW_SHAPE_TUMBLING, sizes[i], sizes[i], 0}, true, NULL, false);
        run_open(&run, &plan, NULL);
        run_records(&run, records, 4, 0, false, false);
        run_advance(&run, INT64_MAX);
        snprintf(expected, sizeof expected, "a.b [0,%lld)@7: 3 2.0 a b\nc.d [0,%lld)@3: 1 0.0 c d\n",
                 (long long)sizes[i], (long long)sizes[i]);
        assert_text(&run, expected);
        run_close(&run);
        arena_release(&plan.arena);
    }
}

/* Rows after a repartition topic: late by the stream time that they bring, or when the window has closed here; windows
 * close by `advance` alone, and are rebuilt from the same rows. */
static void test_rows_with_stream_times(void **unused) {
    (void)unused;
    static const struct record records[] = {
        {"a", "b", 5, 1, 5},    {"c", "d", 100, 2, 100},  {"a", "b", 6, 4, 7}, /* of a partition that lags: not late */
        {"a", "b", 7, 8, 15},                                                  /* late where it was read */
        {"a", "b", 12, 16, 14}, {"a", "b", 104, 32, 104}, {"c", "d", 15, 64, 16}};
    for (int recover = 0; recover < 2; recover++) {
        static struct plan plan;
        static struct run run;
        plan_make(&plan, (struct window_definition){WINDOW_SHAPE_TUMBLING, 10, 10, 5}, true, NULL, false);
        run_open(&run, &plan, NULL);
        run_records(&run, records, 5, 0, true, recover);
        assert_int_equal(run.counters.late, recover ? 0 : 1);
        if (!recover)
            assert_int_equal(run.late_at, 15);
        assert_true(run.op->driver->stream_time(run.op) == INT64_MIN);
        assert_int_equal(run.op->driver->replay_from(run.op), 0);
        assert_int_equal(run.text.length, 0);
        run_advance(&run, 14);
        assert_int_equal(run.text.length, 0);
        run_advance(&run, 15);
        assert_text(&run, "a.b [0,10)@6: 2 5.0 a b\n");
        assert_int_equal(run.op->driver->replay_from(run.op), 1);
        run_records(&run, records, 1, 5, true, false); /* closed here: late, whatever the row brings */
        assert_int_equal(run.counters.late, recover ? 1 : 2);
        assert_int_equal(run.late_at, 15);
        run_records(&run, records + 5, 2, 6, true, false);
        run_advance(&run, INT64_MAX);
        assert_text(&run, "a.b [0,10)@6: 2 5.0 a b\na.b [10,20)@12: 1 16.0 a b\nc.d [10,20)@15: 1 64.0 c d\n"
                          "a.b [100,110)@104: 1 32.0 a b\nc.d [100,110)@100: 1 2.0 c d\n");
        run_close(&run);
        arena_release(&plan.arena);
    }
}

/* There is always a window open, and another key: nothing may grow. */
static void test_memory_of_endless_windows(void **unused) {
    (void)unused;
    static const struct window_definition windows[] = {{WINDOW_SHAPE_TUMBLING, 10, 10, 25},
                                                       {WINDOW_SHAPE_HOPPING, 30, 10, 5}};
    for (size_t w = 0; w < 2; w++) {
        static struct plan plan;
        static struct run run;
        size_t memory = 0;
        plan_make(&plan, windows[w], true, NULL, false);
        run_open(&run, &plan, NULL);
        for (int i = 0; i < 40000; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d", i % 7777);
            struct record record = {name, "x", i * 7, 1, 0};
            run_records(&run, &record, 1, i, false, false);
            run.text.length = 0;
            if (i == 4000)
                memory = run.op->driver->memory(run.op);
        }
        assert_in_range(memory, 1000, 100000);
        assert_in_range(run.op->driver->memory(run.op), memory - 200, memory + 200); /* keys of other lengths */
        run_close(&run);
        arena_release(&plan.arena);
    }
}

/* The bytes that states hold beside their place are in operator.memory, and leave it with their window. */
static void test_memory_of_texts(void **unused) {
    (void)unused;
    static char text[100001];
    static struct plan plan;
    static struct run run;
    struct record small = {"a", "b", 1, 1, 0}, large = {"a", text, 2, 1, 0};
    memset(text, 'x', sizeof text - 1);
    plan_make(&plan, (struct window_definition){WINDOW_SHAPE_TUMBLING, 10, 10, 0}, true, NULL, false);
    run_open(&run, &plan, NULL);
    run_records(&run, &small, 1, 0, false, false);
    size_t before = run.op->driver->memory(run.op);
    run_records(&run, &large, 1, 1, false, false);
    size_t with = run.op->driver->memory(run.op);
    assert_in_range(with - before, 200000, 201000); /* the state and the key */
    run_advance(&run, 10);
    assert_in_range(with - run.op->driver->memory(run.op), 100000, 101000);
    small.time = 11;
    for (int64_t i = 0; i < 3; i++)
        run_records(&run, &small, 1, 2 + i, false, false);
    assert_in_range(run.op->driver->memory(run.op), before - 1000, before + 1000);
    run_close(&run);
    arena_release(&plan.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_keys),
        cmocka_unit_test(test_parts_tell_keys_apart),
        cmocka_unit_test(test_rows_without_a_value),
        cmocka_unit_test(test_rows_with_stream_times),
        cmocka_unit_test(test_memory_of_endless_windows),
        cmocka_unit_test(test_memory_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

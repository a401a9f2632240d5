/* GROUP BY: each aggregate function over each kind of window, from streams and tables, gives the same record by
 * record, in batches, and after recovery; and what it gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "stream/aggregate/group_aggregate.h"

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

enum { COLUMN_KEY, COLUMN_WHOLE, COLUMN_REAL, COLUMN_TEXT, COLUMN_LIST, COLUMN_DECIMAL, COLUMNS };

static const struct type integers = {.kind = TYPE_ARRAY, .element = &type_integer},
                         decimal_3_1 = {.kind = TYPE_DECIMAL, .precision = 3, .scale = 1};
static const struct row_column columns[COLUMNS] = {{SLICE("K"), &type_string}, {SLICE("I"), &type_integer},
                                                   {SLICE("D"), &type_double}, {SLICE("S"), &type_string},
                                                   {SLICE("L"), &integers},    {SLICE("M"), &decimal_3_1}};
static const struct row_schema schema = {columns, COLUMNS, 0, false};

struct record {
    int64_t time;
    const char *key; /* NULL: no key */
    int whole;
    bool null; /* the other columns are NULL */
    bool absent;
    int primary; /* of a table: which row the record changes */
};

static void row_set(struct arena *arena, struct rows *rows, size_t row, const struct record *record) {
    static const char *const texts[] = {"zero", "one", "two", "three", "four"};
    bool nothing = !record || record->absent, null = nothing || record->null;
    struct value values[COLUMNS] = {VALUE_NULL, VALUE_NULL, VALUE_NULL, VALUE_NULL, VALUE_NULL, VALUE_NULL};
    if (!nothing && record->key)
        values[COLUMN_KEY] = value_of_text(slice_of(record->key));
    if (!null) {
        struct value *items = arena_allocate(arena, 2 * sizeof *items);
        struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
        items[0] = items[1] = value_of_integer(record->whole);
        *sequence = (struct sequence){2, items};
        values[COLUMN_WHOLE] = value_of_integer(record->whole);
        values[COLUMN_REAL] = value_of_number(record->whole * 0.25);
        values[COLUMN_TEXT] = value_of_text(slice_of(texts[record->whole % 5]));
        values[COLUMN_LIST] = value_of_sequence(sequence);
        values[COLUMN_DECIMAL] = value_of_decimal(record->whole);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        vector_set(&rows->columns[i], row, &values[i]);
    rows->absent[row] = nothing;
}

/* The rows of records; `table` (by primary): the state before each change, which is brought forward. */
static struct rows *rows_of(struct arena *arena, const struct record *records, size_t count,
                            const struct record **table) {
    struct rows *rows = rows_new(arena, &schema, count), *before = table ? rows_new(arena, &schema, count) : NULL;
    for (size_t i = 0; i < count; i++) {
        row_set(arena, rows, i, &records[i]);
        rows->times[i] = records[i].time;
        rows->origins[i] = (uint32_t)i;
        rows->selected.rows[i] = (uint32_t)i;
        if (table) {
            row_set(arena, before, i, table[records[i].primary]);
            table[records[i].primary] = records[i].absent ? NULL : &records[i];
        }
    }
    rows->selected.count = count;
    rows->before = before;
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

static const struct column_evaluator evaluators[COLUMNS] = {
    {{&type_string, column_run}, COLUMN_KEY},  {{&type_integer, column_run}, COLUMN_WHOLE},
    {{&type_double, column_run}, COLUMN_REAL}, {{&type_string, column_run}, COLUMN_TEXT},
    {{&integers, column_run}, COLUMN_LIST},    {{&decimal_3_1, column_run}, COLUMN_DECIMAL},
};

/* --- a sink that writes down what comes
 * -------------------------------------------------------------------------------------------------- */

struct notes {
    struct stream_operator op;
    const struct group_aggregate_plan *plan;
    struct bytes text;
};

static void note_values(struct notes *notes, const struct rows *rows, size_t row) {
    for (size_t i = notes->plan->key_count; i < notes->plan->result.count; i++) {
        struct value value;
        vector_get(&rows->columns[i], row, &value);
        bytes_append_char(&notes->text, ' ');
        if (value.null)
            bytes_append_char(&notes->text, '-');
        else
            value_print(&notes->text, notes->plan->result.columns[i].type, &value);
    }
}

/* "offset@time [start,end) key: values < values before"; gone: "x". */
static void note_row(struct notes *notes, const struct rows *rows, size_t row, const struct operator_context *context) {
    bytes_append_format(&notes->text, "%lld@%lld ", (long long)operator_offset(context, rows->origins[row]),
                        (long long)rows->times[row]);
    if (rows->window_starts)
        bytes_append_format(&notes->text, "[%lld,%lld) ", (long long)rows->window_starts[row],
                            (long long)rows->window_ends[row]);
    for (size_t i = 0; i < notes->plan->key_count; i++) {
        struct value value;
        vector_get(&rows->columns[i], row, &value);
        bytes_append_string(&notes->text, i ? "," : "");
        value_print(&notes->text, notes->plan->result.columns[i].type, &value);
    }
    bytes_append_char(&notes->text, ':');
    if (rows->absent[row])
        bytes_append_string(&notes->text, " x");
    else
        note_values(notes, rows, row);
    if (rows->before) {
        bytes_append_string(&notes->text, " <");
        if (rows->before->absent[row])
            bytes_append_string(&notes->text, " x");
        else
            note_values(notes, rows->before, row);
    }
    bytes_append_char(&notes->text, '\n');
}

static int notes_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                      struct error *error) {
    struct notes *notes = (struct notes *)op;
    (void)error;
    assert_int_equal(input, 0);
    assert_false(context->restoring);
    for (size_t i = 0; i < rows->selected.count; i++)
        note_row(notes, rows, rows->selected.rows[i], context);
    return 0;
}

static const struct operator_driver notes_driver = {.name = "notes", .push = notes_push};

/* --- plans
 * ------------------------------------------------------------------------------------------------------------------ */

struct function_case {
    const char *name;
    size_t arguments[3], argument_count;
    int64_t constant; /* after the columns; 0: none */
    bool table;       /* has an undo */
};

static const struct function_case functions[] = {
    {"ATTR", {COLUMN_TEXT}, 1, 0, true},
    {"AVG", {COLUMN_WHOLE}, 1, 0, true},
    {"COLLECT_LIST", {COLUMN_TEXT}, 1, 0, true},
    {"COLLECT_SET", {COLUMN_WHOLE}, 1, 0, false},
    {"CORRELATION", {COLUMN_WHOLE, COLUMN_REAL}, 2, 0, true},
    {"COUNT", {0}, 0, 0, true},
    {"COUNT_DISTINCT", {COLUMN_TEXT}, 1, 0, false},
    {"EARLIEST_BY_OFFSET", {COLUMN_TEXT}, 1, 2, false},
    {"HISTOGRAM", {COLUMN_TEXT}, 1, 0, true},
    {"LATEST_BY_OFFSET", {COLUMN_WHOLE}, 1, 3, false},
    {"MAX", {COLUMN_TEXT}, 1, 0, false},
    {"MIN", {COLUMN_REAL}, 1, 0, false},
    {"STDDEV_SAMP", {COLUMN_WHOLE}, 1, 0, true},
    {"STDDEV_SAMPLE", {COLUMN_REAL}, 1, 0, true},
    {"SUM", {COLUMN_WHOLE}, 1, 0, true},
    {"SUM_LIST", {COLUMN_LIST}, 1, 0, true},
    {"TOPK", {COLUMN_WHOLE, COLUMN_TEXT}, 2, 2, false},
    {"TOPKDISTINCT", {COLUMN_TEXT}, 1, 2, false},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static void call_of(struct arena *arena, const struct function_case *function, struct group_call *ret_call) {
    const struct aggregate_function *found = aggregate_function_find(slice_of(function->name));
    const struct evaluator **arguments = arena_allocate(arena, 3 * sizeof *arguments);
    const struct type *types[4];
    const struct value *constants[4] = {0};
    const struct value constant = value_of_integer(function->constant);
    size_t count = function->argument_count;
    struct error error;
    for (size_t i = 0; i < count; i++) {
        arguments[i] = &evaluators[function->arguments[i]].evaluator;
        types[i] = columns[function->arguments[i]].type;
    }
    if (function->constant) {
        types[count] = &type_integer;
        constants[count++] = &constant;
    }
    assert_int_equal(found->resolve(found, types, constants, count, arena, &ret_call->call, &error), 0);
    ret_call->arguments = arguments;
    ret_call->part = 0;
}

struct plan_options {
    struct window_definition window;
    bool final, table, want_before;
    size_t keys[2], key_count;
};

static const struct group_aggregate_plan *plan_of(struct arena *arena, const struct plan_options *options,
                                                  const struct function_case *const *calls, size_t count) {
    struct group_aggregate_plan *plan = arena_allocate(arena, sizeof *plan);
    struct group_call *group_calls = arena_allocate(arena, count * sizeof *group_calls);
    const struct evaluator **keys = arena_allocate(arena, 2 * sizeof *keys);
    struct row_column *result = arena_allocate(arena, (options->key_count + count) * sizeof *result);
    for (size_t i = 0; i < options->key_count; i++) {
        keys[i] = &evaluators[options->keys[i]].evaluator;
        result[i] = columns[options->keys[i]];
    }
    for (size_t i = 0; i < count; i++) {
        call_of(arena, calls[i], &group_calls[i]);
        result[options->key_count + i] = (struct row_column){slice_of(calls[i]->name), group_calls[i].call.result};
    }
    *plan = (struct group_aggregate_plan){
        .keys = keys,
        .key_count = options->key_count,
        .calls = group_calls,
        .call_count = count,
        .window = options->window,
        .final = options->final,
        .table = options->table,
        .want_before = options->want_before,
        .result = {result, options->key_count + count, options->key_count, options->window.shape != WINDOW_SHAPE_NONE},
    };
    return plan;
}

/* --- a task that runs one
 * ------------------------------------------------------------------------------------------------------------- */

enum { PRIMARIES = 7, CHANGES_MAXIMUM = 4000 };

struct change {
    char *key, *value;
    size_t key_length, value_length;
};

struct run {
    const struct group_aggregate_plan *plan;
    struct stream_operator *op;
    struct notes notes;
    struct arena arena;
    struct query_counters counters;
    const struct record *records;
    const struct record *table[PRIMARIES];
    struct change changes[CHANGES_MAXIMUM];
    size_t change_count;
};

static void run_open(struct run *run, const struct group_aggregate_plan *plan, const struct record *records) {
    struct error error = {0};
    *run = (struct run){.plan = plan, .records = records, .notes = {.op = {.driver = &notes_driver}, .plan = plan}};
    if (group_aggregate_new(plan, &run->notes.op, 0, &run->op, &error) < 0)
        fail_msg("%s", error.message);
}

static void run_close(struct run *run) {
    run->op->driver->free(run->op);
    bytes_release(&run->notes.text);
    arena_release(&run->arena);
    for (size_t i = 0; i < run->change_count; i++) {
        free(run->changes[i].key);
        free(run->changes[i].value);
    }
}

static struct operator_context run_context(struct run *run, size_t first, bool restoring) {
    static struct row_errors errors;
    return (struct operator_context){.evaluation = {.arena = &run->arena, .errors = &errors},
                                     .restoring = restoring,
                                     .offset = (int64_t)first,
                                     .counters = &run->counters};
}

static int run_push(struct run *run, size_t first, size_t count, bool restoring, struct error *error) {
    struct operator_context context = run_context(run, first, restoring);
    struct rows *rows = rows_of(&run->arena, run->records + first, count, run->plan->table ? run->table : NULL);
    int status = operator_push(run->op, 0, rows, &context, error);
    arena_reset(&run->arena);
    return status;
}

static void run_records(struct run *run, size_t first, size_t count, bool restoring) {
    struct error error = {0};
    if (run_push(run, first, count, restoring, &error) < 0)
        fail_msg("%s", error.message);
}

static void run_advance(struct run *run, int64_t time) {
    struct error error = {0};
    struct operator_context context = run_context(run, 1000, false);
    assert_int_equal(run->op->driver->advance(run->op, time, &context, &error), 0);
    arena_reset(&run->arena);
}

static int keep_change(void *context, struct slice key, struct slice value, struct error *error) {
    struct run *run = context;
    (void)error;
    assert_true(run->change_count < CHANGES_MAXIMUM);
    struct change *change = &run->changes[run->change_count++];
    *change = (struct change){.key_length = key.length, .value_length = value.length};
    change->key = memcpy(malloc(key.length + 1), key.data, key.length);
    if (value.data)
        change->value = memcpy(malloc(value.length + 1), value.data, value.length);
    return 0;
}

static void run_save(struct run *run) {
    struct error error = {0};
    const struct operator_driver *driver = run->op->driver;
    if (!driver->save)
        return;
    size_t before = run->change_count;
    assert_int_equal(driver->save(run->op, keep_change, run, &error), 0);
    for (size_t i = before; i < run->change_count; i++) { /* a commit that fails: all of it comes again */
        free(run->changes[i].key);
        free(run->changes[i].value);
    }
    size_t changed = run->change_count - before;
    run->change_count = before;
    assert_int_equal(driver->save(run->op, keep_change, run, &error), 0);
    assert_int_equal(run->change_count - before, changed);
    driver->saved(run->op);
    changed = run->change_count;
    assert_int_equal(driver->save(run->op, keep_change, run, &error), 0);
    assert_int_equal(run->change_count, changed);
}

/* Commits after record `at`, loses what came later, and goes on in `next`. */
static void run_recover(struct run *run, struct run *next, size_t at, size_t lost) {
    const struct operator_driver *driver = run->op->driver;
    struct error error = {0};
    run_save(run);
    size_t length = run->notes.text.length;
    int64_t from = driver->replay_from ? driver->replay_from(run->op) : INT64_MAX,
            time = driver->stream_time ? driver->stream_time(run->op) : 0;
    const struct record *table[PRIMARIES];
    memcpy(table, run->table, sizeof table);
    struct query_counters counters = run->counters;
    if (lost)
        run_records(run, at, lost, false);
    run_open(next, run->plan, run->records);
    bytes_append(&next->notes.text, run->notes.text.data, length);
    if (driver->restore_time)
        driver->restore_time(next->op, time);
    for (size_t i = 0; i < run->change_count; i++) {
        const struct change *change = &run->changes[i];
        assert_int_equal(driver->load(next->op, (struct slice){change->key, change->key_length},
                                      (struct slice){change->value, change->value_length}, &error),
                         0);
    }
    if (from < (int64_t)at)
        run_records(next, (size_t)from, at - (size_t)from, true);
    memcpy(next->table, table, sizeof table);
    assert_int_equal(next->counters.late + next->counters.null, 0);
    next->counters = counters;
    if (driver->replay_from)
        assert_int_equal(driver->replay_from(next->op), from);
    if (driver->stream_time)
        assert_int_equal(driver->stream_time(next->op), time);
    memcpy(next->changes, run->changes, sizeof run->changes);
    next->change_count = run->change_count;
    run->change_count = 0;
}

/* --- the same result, however
 * ----------------------------------------------------------------------------------------------------------- */

enum { RECORDS = 300 };

static uint64_t random_next(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Times that rise with jumps back and ahead, so that there are late rows, gaps between sessions, and sessions that
 * are joined later. */
static void make_records(struct record *records, uint64_t seed) {
    static const char *const keys[] = {"a", "b", "", "a longer key", NULL};
    int64_t now = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        now += (int64_t)(random_next(&seed) % 9);
        if (random_next(&seed) % 25 == 0)
            now += 40;
        int64_t back = random_next(&seed) % 4 == 0 ? (int64_t)(random_next(&seed) % 60) : 0;
        records[i] = (struct record){
            .time = now > back ? now - back : 0,
            .key = keys[random_next(&seed) % 30 == 0 ? 4 : random_next(&seed) % 4],
            .whole = (int)(random_next(&seed) % 12),
            .null = random_next(&seed) % 8 == 0,
            .absent = random_next(&seed) % 15 == 0,
            .primary = (int)(random_next(&seed) % PRIMARIES),
        };
    }
}

static void assert_same(const struct run *run, const struct run *expected, const char *function, const char *how) {
    const char *a = run->notes.text.data, *b = expected->notes.text.data;
    size_t line = 0, length = run->notes.text.length < expected->notes.text.length ? run->notes.text.length
                                                                                   : expected->notes.text.length;
    if (run->notes.text.length != expected->notes.text.length || memcmp(a, b, length) != 0) {
        for (size_t i = 0; i < length && a[i] == b[i]; i++)
            line = a[i] == '\n' ? i + 1 : line;
        fail_msg("%s %s: %.*s\n instead of %.*s", function, how, (int)strcspn(a + line, "\n"), a + line,
                 (int)strcspn(b + line, "\n"), b + line);
    }
    assert_int_equal(run->counters.late, expected->counters.late);
    assert_int_equal(run->counters.null, expected->counters.null);
}

static void check_however(const struct group_aggregate_plan *plan, const struct record *records, const char *function) {
    static struct run single, batches, whole, first, second, third;
    uint64_t seed = 7;
    run_open(&single, plan, records);
    run_open(&batches, plan, records);
    run_open(&whole, plan, records);
    for (size_t i = 0; i < RECORDS; i++)
        run_records(&single, i, 1, false);
    for (size_t i = 0, count; i < RECORDS; i += count) {
        count = 1 + random_next(&seed) % 40;
        count = count < RECORDS - i ? count : RECORDS - i;
        run_records(&batches, i, count, false);
        if (plan->table)
            run_save(&batches);
    }
    run_records(&whole, 0, RECORDS, false);
    run_open(&first, plan, records);
    run_records(&first, 0, 70, false);
    run_save(&first);
    run_records(&first, 70, 47, false);
    run_recover(&first, &second, 117, 20);
    run_records(&second, 117, 83, false);
    run_recover(&second, &third, 200, 0);
    run_records(&third, 200, 100, false);
    struct run *runs[] = {&single, &batches, &whole, &first, &second, &third};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        if (i != 3 && i != 4 && runs[i]->op->driver->stream_time)
            run_advance(runs[i], INT64_MAX);
    assert_true(single.notes.text.length > 1000);
    assert_same(&batches, &single, function, "in batches");
    assert_same(&whole, &single, function, "in one batch");
    assert_same(&third, &single, function, "after recovery");
    if (!plan->table && plan->window.shape != WINDOW_SHAPE_NONE)
        assert_true(single.counters.late > 0);
    assert_true(single.counters.null > 0);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        run_close(runs[i]);
}

static const struct window_definition windows[] = {{WINDOW_SHAPE_NONE, 0, 0, 0},
                                                   {WINDOW_SHAPE_TUMBLING, 20, 20, 15},
                                                   {WINDOW_SHAPE_HOPPING, 30, 10, 15},
                                                   {WINDOW_SHAPE_SESSION, 6, 0, 15}};

static void test_however_it_is_cut(void **unused) {
    (void)unused;
    static struct record records[RECORDS];
    make_records(records, 42);
    for (size_t f = 0; f < FUNCTIONS; f++)
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++)
            for (int final = 0; final <= (windows[w].shape != WINDOW_SHAPE_NONE); final++) {
                struct arena arena = {0};
                const struct function_case *call = &functions[f];
                struct plan_options options = {
                    .window = windows[w], .final = final, .want_before = f % 2, .keys = {COLUMN_KEY}, .key_count = 1};
                check_however(plan_of(&arena, &options, &call, 1), records, call->name);
                arena_release(&arena);
            }
}

static void test_however_a_table_is_cut(void **unused) {
    (void)unused;
    static struct record records[RECORDS];
    make_records(records, 43);
    for (size_t f = 0; f < FUNCTIONS; f++) {
        struct arena arena = {0};
        const struct function_case *call = &functions[f];
        struct plan_options options = {.table = true, .want_before = f % 2, .keys = {COLUMN_KEY}, .key_count = 1};
        const struct group_aggregate_plan *plan = plan_of(&arena, &options, &call, 1);
        if (call->table) {
            check_however(plan, records, call->name);
        } else {
            struct error error = {0};
            struct stream_operator *op;
            assert_int_equal(group_aggregate_new(plan, NULL, 0, &op, &error), ERROR_INVALID);
            assert_non_null(strstr(error.message, "cannot be used on a table"));
        }
        arena_release(&arena);
    }
}

/* All functions in one query, over a key of two columns. */
static void test_all_at_once(void **unused) {
    (void)unused;
    static struct record records[RECORDS];
    make_records(records, 44);
    const struct function_case *calls[FUNCTIONS];
    for (size_t f = 0; f < FUNCTIONS; f++)
        calls[f] = &functions[f];
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        struct arena arena = {0};
        struct plan_options options = {.window = windows[w],
                                       .final = w % 2,
                                       .want_before = true,
                                       .keys = {COLUMN_KEY, COLUMN_WHOLE},
                                       .key_count = 2};
        check_however(plan_of(&arena, &options, calls, FUNCTIONS), records, "all");
        arena_release(&arena);
    }
}

/* --- what they give
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct function_case count_rows = {"COUNT", {0}, 0, 0, true},
                                  sum_whole = {"SUM", {COLUMN_WHOLE}, 1, 0, true},
                                  sum_decimal = {"SUM", {COLUMN_DECIMAL}, 1, 0, true},
                                  list_text = {"COLLECT_LIST", {COLUMN_TEXT}, 1, 0, true},
                                  latest_text = {"LATEST_BY_OFFSET", {COLUMN_TEXT}, 1, 0, false},
                                  max_whole = {"MAX", {COLUMN_WHOLE}, 1, 0, false},
                                  count_real = {"COUNT", {COLUMN_REAL}, 1, 0, true},
                                  min_real = {"MIN", {COLUMN_REAL}, 1, 0, false},
                                  max_real = {"MAX", {COLUMN_REAL}, 1, 0, false},
                                  sum_real = {"SUM", {COLUMN_REAL}, 1, 0, true},
                                  average_real = {"AVG", {COLUMN_REAL}, 1, 0, true};

#define STATISTICS                                                                                                     \
    { &max_real, &count_rows, &min_real, &count_real, &sum_real, &max_whole, &average_real }

struct given_case {
    const char *name;
    struct plan_options options;
    const struct function_case *calls[8];
    struct record records[10];
    size_t count;
    int64_t advance; /* afterwards; 0: not */
    const char *expected;
    uint64_t late, null;
};

#define BY_KEY .keys = {COLUMN_KEY}, .key_count = 1

static const struct given_case given[] = {
    {"a stream",
     {BY_KEY},
     {&count_rows, &sum_whole},
     {{5, "a", 1}, {3, "b", 2}, {4, "a", 3}, {9, NULL, 1}, {9, "a", .absent = true}, {7, "b", .null = true}},
     6,
     0,
     "0@5 a: 1 1\n1@3 b: 1 2\n2@5 a: 2 4\n5@7 b: 2 2\n",
     0,
     2},
    {"a stream, and what was before",
     {BY_KEY, .want_before = true},
     {&count_rows, &sum_whole},
     {{5, "a", 1}, {6, "a", 2}},
     2,
     0,
     "0@5 a: 1 1 < x\n1@6 a: 2 3 < 1 1\n",
     0,
     0},
    {"a table: one result when the key stays, the old group first when it changes, 0 when nothing is left",
     {BY_KEY, .table = true},
     {&count_rows, &sum_whole},
     {{1, "a", 1, .primary = 1},
      {2, "a", 5, .primary = 2},
      {3, "a", 2, .primary = 1},
      {4, "b", 7, .primary = 1},
      {5, .absent = true, .primary = 2},
      {6, .absent = true, .primary = 3},
      {7, NULL, 3, .primary = 1}},
     7,
     0,
     "0@1 a: 1 1\n1@2 a: 2 6\n2@3 a: 2 7\n3@4 a: 1 5\n3@4 b: 1 7\n4@5 a: 0 0\n6@7 b: 0 0\n",
     0,
     1},
    {"a table: the last equal element goes",
     {BY_KEY, .table = true, .want_before = true},
     {&list_text},
     {{1, "a", 1, .primary = 1}, {2, "a", 2, .primary = 2}, {3, "a", 1, .primary = 3}, {4, "a", 3, .primary = 1}},
     4,
     0,
     "0@1 a: [one] < x\n1@2 a: [one, two] < [one]\n2@3 a: [one, two, one] < [one, two]\n3@4 a: [one, two, three] < "
     "[one, two, one]\n",
     0,
     0},
    {"calls that share their statistics",
     {BY_KEY},
     STATISTICS,
     {{1, "a", 4}, {2, "a", .null = true}, {3, "a", 1}, {4, "b", .null = true}},
     4,
     0,
     "0@1 a: 1.0 1 1.0 1 1.0 4 1.0\n1@2 a: 1.0 2 1.0 1 1.0 4 1.0\n2@3 a: 1.0 3 0.25 2 1.25 4 0.625\n"
     "3@4 b: - 1 - 0 0.0 - 0.0\n",
     0,
     0},
    {"calls that share their statistics, final",
     {.window = {WINDOW_SHAPE_HOPPING, 20, 10, 0}, .final = true, BY_KEY},
     STATISTICS,
     {{11, "a", 4}, {12, "a", .null = true}, {23, "a", 1}, {4, "b", .null = true}, {19, "a", 8}},
     5,
     INT64_MAX,
     "2@12 [0,20) a: 1.0 2 1.0 1 1.0 4 1.0\n1000@23 [10,30) a: 2.0 4 0.25 3 3.25 8 1.0833333333333333\n"
     "1000@23 [20,40) a: 0.25 1 0.25 1 0.25 1 0.25\n",
     1,
     0},
    {"calls that share their statistics, sessions",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 100}, .final = true, BY_KEY},
     STATISTICS,
     {{30, "a", 4}, {10, "a", .null = true}, {20, "a", 1}},
     3,
     INT64_MAX,
     "1000@30 [10,30) a: 1.0 3 0.25 2 1.25 4 0.625\n",
     0,
     0},
    {"tumbling: late iff end <= stream time - grace, ROWTIME is the largest",
     {.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 5}, BY_KEY},
     {&count_rows},
     {{7, "a"}, {3, "a"}, {14, "b"}, {9, "a"}, {15, "b"}, {9, "a"}, {10, "a"}},
     7,
     0,
     "0@7 [0,10) a: 1\n1@7 [0,10) a: 2\n2@14 [10,20) b: 1\n3@9 [0,10) a: 3\n4@15 [10,20) b: 2\n6@10 [10,20) a: 1\n",
     1,
     0},
    {"stream time: of all rows with a key and a value",
     {.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 0}, BY_KEY},
     {&count_rows},
     {{3, "a"}, {50, NULL}, {50, "a", .absent = true}, {4, "a"}, {50, "a", .null = true}, {5, "a"}},
     6,
     0,
     "0@3 [0,10) a: 1\n3@4 [0,10) a: 2\n4@50 [50,60) a: 1\n",
     1,
     2},
    {"hopping: rising starts from 0 on; some windows late, the row is not",
     {.window = {WINDOW_SHAPE_HOPPING, 30, 10, 0}, BY_KEY},
     {&count_rows},
     {{5, "a"}, {35, "a"}, {29, "a"}, {60, "b"}, {29, "a"}},
     5,
     0,
     "0@5 [0,30) a: 1\n1@35 [10,40) a: 1\n1@35 [20,50) a: 1\n1@35 [30,60) a: 1\n2@35 [10,40) a: 2\n2@35 [20,50) a: "
     "2\n3@60 [40,70) b: 1\n3@60 [50,80) b: 1\n"
     "3@60 [60,90) b: 1\n",
     1,
     0},
    {"final: by start and key, before the effect of the row that closes",
     {.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 5}, .final = true, .want_before = true, BY_KEY},
     {&count_rows, &sum_whole},
     {{12, "b", 1}, {3, "b", 2}, {4, "a", 3}, {24, "a", 4}, {11, "c", 5}, {40, "a", 6}},
     6,
     INT64_MAX,
     "3@4 [0,10) a: 1 3 < x\n3@3 [0,10) b: 1 2 < x\n5@12 [10,20) b: 1 1 < x\n5@11 [10,20) c: 1 5 < x\n5@24 [20,30) a: "
     "1 4 < x\n1000@40 [40,50) a: 1 6 < x\n",
     0,
     0},
    {"final, hopping, event time goes on",
     {.window = {WINDOW_SHAPE_HOPPING, 20, 10, 0}, .final = true, BY_KEY},
     {&count_rows},
     {{5, "a"}, {15, "b"}},
     2,
     20,
     "1000@5 [0,20) a: 1\n1000@15 [0,20) b: 1\n",
     0,
     0},
    {"changes: event time goes on without results",
     {.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 0}, BY_KEY},
     {&count_rows},
     {{5, "a"}},
     1,
     20,
     "0@5 [0,10) a: 1\n",
     0,
     0},
    {"sessions: every absorbed one has a tombstone at its end",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 100}, BY_KEY},
     {&count_rows, &list_text},
     {{0, "a", 0},
      {0, "a", 1},
      {5, "a", 2},
      {3, "a", 3},
      {30, "a", 4},
      {20, "b", 0},
      {15, "a", 1},
      {22, "a", 2},
      {25, "a", 0}},
     9,
     0,
     "0@0 [0,0) a: 1 [zero]\n1@0 [0,0) a: 2 [zero, one]\n"
     "2@0 [0,0) a: x\n2@5 [0,5) a: 3 [zero, one, two]\n"
     "3@5 [0,5) a: x\n3@5 [0,5) a: 4 [zero, one, two, three]\n"
     "4@30 [30,30) a: 1 [four]\n5@20 [20,20) b: 1 [zero]\n"
     "6@5 [0,5) a: x\n6@15 [0,15) a: 5 [zero, one, two, three, one]\n"
     "7@15 [0,15) a: x\n7@30 [30,30) a: x\n7@30 [0,30) a: 7 [zero, one, two, three, one, four, two]\n"
     "8@30 [0,30) a: x\n8@30 [0,30) a: 8 [zero, one, two, three, one, four, two, zero]\n",
     0,
     0},
    {"sessions: what was before",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 100}, .want_before = true, BY_KEY},
     {&count_rows},
     {{1, "a"}, {1, "a"}, {0, "a"}},
     3,
     0,
     "0@1 [1,1) a: 1 < x\n1@1 [1,1) a: 2 < 1\n2@1 [1,1) a: x < 2\n2@1 [0,1) a: 3 < x\n",
     0,
     0},
    {"sessions: late iff the merged end < stream time - grace - gap",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 5}, BY_KEY},
     {&count_rows},
     {{100, "a"}, {85, "b"}, {84, "b"}, {84, "c"}, {101, "a"}, {84, "b"}, {85, "b"}},
     7,
     0,
     "0@100 [100,100) a: 1\n1@85 [85,85) b: 1\n2@85 [85,85) b: x\n2@85 [84,85) b: 2\n4@100 [100,100) a: x\n4@101 "
     "[100,101) a: 2\n",
     3,
     0},
    {"sessions: the latest by arrival, whichever session it was in",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 100}, BY_KEY},
     {&latest_text},
     {{30, "a", 1}, {10, "a", 2}, {20, "a", .null = true}},
     3,
     0,
     "0@30 [30,30) a: one\n1@10 [10,10) a: two\n2@10 [10,10) a: x\n2@30 [30,30) a: x\n2@30 [10,30) a: two\n",
     0,
     0},
    {"sessions, final: by end, start and key",
     {.window = {WINDOW_SHAPE_SESSION, 10, 0, 0}, .final = true, BY_KEY},
     {&count_rows},
     {{5, "b"}, {3, "c"}, {5, "a"}, {5, "c"}, {15, "d"}, {16, "d"}},
     6,
     INT64_MAX,
     "5@5 [3,5) c: 2\n5@5 [5,5) a: 1\n5@5 [5,5) b: 1\n1000@16 [15,16) d: 2\n",
     0,
     0},
    {"a key of a number and a text",
     {.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 0}, .final = true, .keys = {COLUMN_WHOLE, COLUMN_KEY}, .key_count = 2},
     {&count_rows},
     {{1, "b", 300}, {1, "a", 300}, {1, "aa", 2}, {1, "b", 300}},
     4,
     INT64_MAX,
     "1000@1 [0,10) 2,aa: 1\n1000@1 [0,10) 300,a: 1\n1000@1 [0,10) 300,b: 2\n",
     0,
     0},
};

static size_t given_calls(const struct given_case *c) {
    size_t count = 0;
    while (c->calls[count])
        count++;
    return count;
}

static void test_given(void **unused) {
    (void)unused;
    static struct run run;
    for (const struct given_case *c = given; c < given + sizeof given / sizeof *given; c++) {
        struct arena arena = {0};
        run_open(&run, plan_of(&arena, &c->options, c->calls, given_calls(c)), c->records);
        run_records(&run, 0, c->count, false);
        if (c->advance)
            run_advance(&run, c->advance);
        bytes_append_char(&run.notes.text, '\0');
        if (strcmp(run.notes.text.data, c->expected) != 0)
            fail_msg("%s:\n%s instead of\n%s", c->name, run.notes.text.data, c->expected);
        assert_int_equal(run.counters.late, c->late);
        assert_int_equal(run.counters.null, c->null);
        run_close(&run);
        arena_release(&arena);
    }
}

/* Each of them again: a commit after record `first`, one after record `second`, whatever came later lost, and on. */
static void test_given_with_recovery(void **unused) {
    (void)unused;
    static struct run run, next;
    for (const struct given_case *c = given; c < given + sizeof given / sizeof *given; c++)
        for (size_t first = 0; first < c->count; first++)
            for (size_t second = first; second < c->count; second++) {
                struct arena arena = {0};
                run_open(&run, plan_of(&arena, &c->options, c->calls, given_calls(c)), c->records);
                run_records(&run, 0, first, false);
                run_save(&run);
                run_records(&run, first, second - first, false);
                run_recover(&run, &next, second, c->count - second);
                run_records(&next, second, c->count - second, false);
                if (c->advance)
                    run_advance(&next, c->advance);
                bytes_append_char(&next.notes.text, '\0');
                if (strcmp(next.notes.text.data, c->expected) != 0)
                    fail_msg("%s, recovered after %zu and %zu:\n%s instead of\n%s", c->name, first, second,
                             next.notes.text.data, c->expected);
                assert_int_equal(next.counters.late, c->late);
                assert_int_equal(next.counters.null, c->null);
                run_close(&run);
                run_close(&next);
                arena_release(&arena);
            }
}

/* 99.9 is the most that DECIMAL(3, 1) holds. */
static void test_overflow_ends_the_query(void **unused) {
    (void)unused;
    static struct run run;
    static const struct record records[] = {{1, "a", 900}, {2, "b", 900}, {3, "a", 100}};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        struct arena arena = {0};
        struct error error = {0};
        const struct function_case *call = &sum_decimal;
        struct plan_options options = {.window = windows[w], BY_KEY};
        run_open(&run, plan_of(&arena, &options, &call, 1), records);
        assert_int_equal(run_push(&run, 0, 3, false, &error), ERROR_INVALID);
        assert_string_equal(error.message,
                            "SUM: Numeric field overflow: the sum has more digits than its DECIMAL type");
        run_close(&run);
        arena_release(&arena);
    }
}

static void test_plans_refused(void **unused) {
    (void)unused;
    static const struct {
        struct plan_options options;
        const char *message;
    } refused[] = {
        {{.window = {WINDOW_SHAPE_TUMBLING, 10, 10, 0}, .table = true, BY_KEY},
         "a table has no windows: WINDOW needs a stream"},
        {{.final = true, BY_KEY}, "EMIT FINAL needs a WINDOW"},
        {{.window = {WINDOW_SHAPE_TUMBLING, 0, 0, 0}, BY_KEY},
         "a window needs a size of at least 1 ms and no negative grace period"},
        {{.window = {WINDOW_SHAPE_HOPPING, 10, 20, 0}, BY_KEY},
         "a hopping window advances by at least 1 ms and at most its size"},
        {{.table = true, BY_KEY}, "MAX cannot be used on a table: it cannot take back a row that changes"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct arena arena = {0};
        struct error error = {0};
        struct stream_operator *op;
        const struct function_case *call = &max_whole;
        assert_int_equal(group_aggregate_new(plan_of(&arena, &refused[i].options, &call, 1), NULL, 0, &op, &error),
                         ERROR_INVALID);
        assert_string_equal(error.message, refused[i].message);
        arena_release(&arena);
    }
}

/* What is no entry of the changelog is refused, and leaves the state as it was. */
static void test_damaged_changelog(void **unused) {
    (void)unused;
    static struct run run, other;
    static const struct record records[] = {{1, "a", 1}, {2, "b", 2}};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w += 3) {
        struct arena arena = {0};
        struct error error = {0};
        const struct function_case *call = &list_text;
        struct plan_options options = {.window = windows[w], BY_KEY};
        const struct group_aggregate_plan *plan = plan_of(&arena, &options, &call, 1);
        run_open(&run, plan, records);
        run_open(&other, plan, records);
        run_records(&run, 0, 2, false);
        run_save(&run);
        for (size_t length = 0; length < run.changes[0].value_length; length++) {
            struct slice key = {run.changes[0].key, run.changes[0].key_length}, value = {run.changes[0].value, length};
            assert_int_equal(other.op->driver->load(other.op, key, value, &error), ERROR_CORRUPT);
        }
        run_records(&other, 0, 1, false);
        assert_int_equal(other.notes.text.length, run.notes.text.length / 2);
        run_close(&run);
        run_close(&other);
        arena_release(&arena);
    }
}

/* Memory follows what is open. */
static void test_closed_windows_are_forgotten(void **unused) {
    (void)unused;
    static struct run run;
    static struct record records[1000];
    static char names[1000][16];
    for (size_t w = 1; w < sizeof windows / sizeof *windows; w++)
        for (int final = 0; final < 2; final++) {
            struct arena arena = {0};
            const struct function_case *call = &list_text;
            struct plan_options options = {.window = windows[w], .final = final, BY_KEY};
            run_open(&run, plan_of(&arena, &options, &call, 1), records);
            size_t memory = 0;
            for (int round = 0; round < 30; round++) {
                for (size_t i = 0; i < 1000; i++) {
                    snprintf(names[i], sizeof names[i], "%d.%d", round, (int)i);
                    records[i] = (struct record){.time = round * 1000, .key = names[i], .whole = 1};
                }
                run_records(&run, 0, 1000, false);
                if (run.op->driver->save) {
                    struct error error;
                    for (size_t i = 0; i < run.change_count; i++) {
                        free(run.changes[i].key);
                        free(run.changes[i].value);
                    }
                    run.change_count = 0;
                    assert_int_equal(run.op->driver->save(run.op, keep_change, &run, &error), 0);
                    run.op->driver->saved(run.op);
                }
                if (round == 3)
                    memory = run.op->driver->memory(run.op);
            }
            assert_int_equal(run.op->driver->memory(run.op), memory);
            run_advance(&run, INT64_MAX);
            assert_true(run.op->driver->memory(run.op) <= memory);
            run_close(&run);
            arena_release(&arena);
        }
}

/* The latest activity of a million meters: time, state and key, 20 bytes long. */
static void test_memory_of_a_million(void **unused) {
    (void)unused;
    static struct run run;
    enum { BATCH = 10000 };
    static struct record records[BATCH];
    static char names[BATCH][24];
    struct arena arena = {0};
    const struct function_case *call = &max_whole;
    struct plan_options options = {BY_KEY};
    run_open(&run, plan_of(&arena, &options, &call, 1), records);
    for (int round = 0; round < 1000000 / BATCH; round++) {
        for (int i = 0; i < BATCH; i++) {
            snprintf(names[i], sizeof names[i], "gateway-%012d", round * BATCH + i);
            records[i] = (struct record){.time = round, .key = names[i], .whole = 1};
        }
        run_records(&run, 0, BATCH, false);
        run.notes.text.length = 0;
        run.op->driver->saved(run.op);
    }
    assert_in_range(run.op->driver->memory(run.op), 60000000, 100000000);
    run_close(&run);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_however_it_is_cut),
        cmocka_unit_test(test_however_a_table_is_cut),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_given_with_recovery),
        cmocka_unit_test(test_overflow_ends_the_query),
        cmocka_unit_test(test_plans_refused),
        cmocka_unit_test(test_damaged_changelog),
        cmocka_unit_test(test_closed_windows_are_forgotten),
        cmocka_unit_test(test_memory_of_a_million),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "join_harness.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct row_column script_columns[] = {
    {{"K", 1}, &type_bigint}, {{"V", 1}, &type_string}, {{"F", 1}, &type_bigint}};
const struct row_schema script_schema = {.columns = script_columns, .count = 3, .key_count = 1};

static int script_column_run(const struct evaluator *evaluator, struct evaluation *evaluation, const struct rows *rows,
                             const struct selection *selected, struct vector *ret_vector, struct error *error) {
    (void)evaluation, (void)selected, (void)error;
    *ret_vector = rows->columns[((const struct script_column *)evaluator)->column];
    return 0;
}

const struct script_column script_key = {{&type_bigint, script_column_run}, 0};
const struct script_column script_extra = {{&type_bigint, script_column_run}, 2};

/* --- what leaves
 * ------------------------------------------------------------------------------------------------------------------ */

static void script_sink_columns(struct bytes *text, const struct rows *rows, size_t row) {
    struct value value;
    for (size_t i = 0; i < rows->column_count; i++) {
        bytes_append_char(text, ' ');
        vector_get(&rows->columns[i], row, &value);
        if (value.null)
            bytes_append_char(text, '-');
        else
            value_print(text, rows->columns[i].type, &value);
    }
    if (rows->absent[row])
        bytes_append_string(text, " gone");
}

static int script_sink_push(struct stream_operator *op, unsigned input, struct rows *rows,
                            struct operator_context *context, struct error *error) {
    struct bytes *text = &((struct script_sink *)op)->text;
    (void)error;
    assert_int_equal(input, 7);
    assert_true(rows->selected.count > 0);
    for (size_t i = 0; i < rows->selected.count; i++) {
        size_t row = rows->selected.rows[i];
        if (i)
            assert_true(rows->origins[row] >= rows->origins[rows->selected.rows[i - 1]]);
        bytes_append_format(text, "%lld: %lld", (long long)operator_offset(context, rows->origins[row]),
                            (long long)rows->times[row]);
        script_sink_columns(text, rows, row);
        if (rows->window_starts)
            bytes_append_format(text, " @%lld-%lld", (long long)rows->window_starts[row],
                                (long long)rows->window_ends[row]);
        if (rows->before) {
            bytes_append_string(text, " was");
            script_sink_columns(text, rows->before, row);
        }
        bytes_append_char(text, '\n');
    }
    return 0;
}

static const struct operator_driver script_sink_driver = {.name = "script", .push = script_sink_push};

void script_sink_open(struct script_sink *sink) {
    *sink = (struct script_sink){.op = {.driver = &script_sink_driver}};
}

/* --- a changelog in memory
 * ----------------------------------------------------------------------------------------------------------- */

struct script_entry {
    struct bytes key, value;
};

struct script_log {
    struct script_entry *entries;
    size_t count, capacity;
};

static void script_log_remove(struct script_log *log, size_t i) {
    bytes_release(&log->entries[i].key);
    bytes_release(&log->entries[i].value);
    log->entries[i] = log->entries[--log->count];
}

static int script_log_save(void *context, struct slice key, struct slice value, struct error *error) {
    struct script_log *log = context;
    (void)error;
    for (size_t i = 0; i < log->count; i++)
        if (slice_equal(bytes_slice(&log->entries[i].key), key))
            script_log_remove(log, i);
    if (!value.data)
        return 0;
    assert_true(memory_reserve((void **)&log->entries, &log->capacity, log->count + 1, sizeof *log->entries));
    struct script_entry *entry = &log->entries[log->count++];
    *entry = (struct script_entry){0};
    bytes_append_slice(&entry->key, key);
    bytes_append_slice(&entry->value, value);
    return 0;
}

/* --- playing
 * ------------------------------------------------------------------------------------------------------------------ */

int script_make_join(const void *plan, struct stream_operator *next, struct stream_operator **ret_operator,
                     struct error *error) {
    return join_new(plan, next, 7, ret_operator, error);
}

struct rows *script_rows(struct arena *arena, const struct script_record *records, size_t first, size_t end) {
    struct rows *rows = rows_new(arena, &script_schema, end - first);
    assert_non_null(rows);
    for (size_t i = 0; i < end - first; i++) {
        const struct script_record *record = &records[first + i];
        struct value key = record->key == SCRIPT_NULL ? VALUE_NULL : value_of_integer(record->key);
        struct value value = record->value ? value_of_text(slice_of(record->value)) : VALUE_NULL;
        struct value extra = record->value && record->extra ? value_of_integer(record->extra) : VALUE_NULL;
        vector_set(&rows->columns[0], i, &key);
        vector_set(&rows->columns[1], i, &value);
        vector_set(&rows->columns[2], i, &extra);
        rows->absent[i] = record->value == NULL;
        rows->times[i] = record->time;
        rows->origins[i] = (uint32_t)i;
        rows->selected.rows[i] = (uint32_t)i;
    }
    rows->selected.count = end - first;
    return rows;
}

/* A commit, the second attempt of one. */
static void script_commit(struct stream_operator *op, struct script_log *log) {
    struct error error;
    if (!op->driver->save)
        return;
    assert_int_equal(op->driver->save(op, script_log_save, log, &error), 0);
    assert_int_equal(op->driver->save(op, script_log_save, log, &error), 0);
    op->driver->saved(op);
}

static struct stream_operator *script_restart(script_make *make, const void *plan, struct stream_operator *op,
                                              struct stream_operator *next, struct script_log *log) {
    struct error error;
    if (!op->driver->save)
        return op;
    script_commit(op, log);
    op->driver->free(op);
    assert_int_equal(make(plan, next, &op, &error), 0);
    for (size_t i = 0; i < log->count; i++)
        assert_int_equal(
            op->driver->load(op, bytes_slice(&log->entries[i].key), bytes_slice(&log->entries[i].value), &error), 0);
    return op;
}

static void script_step(struct stream_operator *op, const struct script_record *records, size_t first, size_t end,
                        struct operator_context *context) {
    struct error error;
    context->offset = (int64_t)first;
    if (records[first].side == 'A')
        assert_int_equal(op->driver->advance(op, records[first].time, context, &error), 0);
    else
        assert_int_equal(operator_push(op, records[first].side == 'R',
                                       script_rows(context->evaluation.arena, records, first, end), context, &error),
                         0);
}

void script_play(script_make *make, const void *plan, const struct script_record *records, size_t count,
                 enum script_cut cut, struct script_run *ret_run) {
    struct arena arena = {0};
    struct row_errors errors = {0};
    struct script_log log = {0};
    struct error error;
    struct stream_operator *op;
    *ret_run = (struct script_run){0};
    script_sink_open(&ret_run->sink);
    struct operator_context context = {.evaluation = {.arena = &arena, .errors = &errors},
                                       .counters = &ret_run->counters};
    assert_int_equal(make(plan, &ret_run->sink.op, &op, &error), 0);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; cut == SCRIPT_BATCHES && end < count && records[end].side == records[first].side &&
                              records[end].side != 'A';)
            end++;
        script_step(op, records, first, end, &context);
        arena_reset(&arena);
        if (cut == SCRIPT_BATCHES)
            script_commit(op, &log);
        if (cut == SCRIPT_RESTARTS)
            op = script_restart(make, plan, op, &ret_run->sink.op, &log);
    }
    script_commit(op, &log);
    ret_run->entries = log.count;
    ret_run->memory = op->driver->memory(op);
    op->driver->free(op);
    while (log.count)
        script_log_remove(&log, 0);
    free(log.entries);
    arena_release(&arena);
}

void script_run_release(struct script_run *run) {
    bytes_release(&run->sink.text);
}

void script_expect(script_make *make, const void *plan, const struct script_record *records, size_t count,
                   const char *expected) {
    for (enum script_cut cut = SCRIPT_SINGLE; cut < SCRIPT_CUTS; cut++) {
        struct script_run run;
        script_play(make, plan, records, count, cut, &run);
        bytes_append_char(&run.sink.text, 0);
        if (strcmp(run.sink.text.data, expected) != 0)
            fprintf(stderr, "cut %d gives\n%s", cut, run.sink.text.data);
        assert_string_equal(run.sink.text.data, expected);
        script_run_release(&run);
    }
}

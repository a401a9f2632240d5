/* Rows are kept without their key columns, which are in the key bytes (stream/stored_row.h). */
#include "stream/operator/table_source.h"

#include "core/memory.h"
#include "stream/state/row_table.h"
#include "stream/state/stored_row.h"

struct table_source {
    struct stream_operator op;
    const struct table_source_plan *plan;
    struct row_table table;
    struct bytes key, row; /* of the change at hand */
};

/* --- changes
 * ------------------------------------------------------------------------------------------------------------------ */

/* Room for the rows before: the key columns are those of the changes. */
static struct rows *table_source_before(const struct table_source *source, const struct rows *rows,
                                        struct arena *arena) {
    struct rows *before = rows_new(arena, &source->plan->schema, rows->count);
    if (!before)
        return NULL;
    for (size_t i = 0; i < source->plan->schema.key_count; i++)
        before->columns[i] = rows->columns[i];
    before->window_starts = rows->window_starts;
    before->window_ends = rows->window_ends;
    return before;
}

/* Fills `row` of `before` from what stands in the table now; false: no memory. */
static bool table_source_fill_before(const struct table_source *source, struct slice stored, struct arena *arena,
                                     struct rows *before, size_t row) {
    const struct row_schema *schema = &source->plan->schema;
    before->absent[row] = stored.data == NULL;
    if (!stored.data) {
        for (size_t i = schema->key_count; i < schema->count; i++)
            before->columns[i].nulls[row] = 1;
        return true;
    }
    struct slice copy = arena_copy(arena, stored);
    before->times[row] = stored_row_time(stored);
    return copy.data &&
           stored_row_read(copy, schema->count - schema->key_count, arena, before->columns + schema->key_count, row);
}

/* Whether the change goes on; *ret_failed: no memory. `before` NULL while restoring. */
static bool table_source_change(struct table_source *source, const struct rows *rows, size_t row, struct arena *arena,
                                struct rows *before, bool *ret_failed) {
    struct slice key = bytes_slice(&source->key), stored = {NULL, 0}, old = row_table_find(&source->table, key);
    bool known = old.data != NULL;
    source->row.length = 0;
    if (!rows->absent[row]) {
        stored_row_write(&source->row, rows, source->plan->schema.key_count, row);
        stored = bytes_slice(&source->row);
    }
    *ret_failed = source->key.failed || source->row.failed ||
                  (before && !table_source_fill_before(source, old, arena, before, row)) ||
                  !row_table_set(&source->table, key, stored, false);
    return stored.data || known || source->plan->forward_unknown;
}

static int table_source_push(struct stream_operator *op, unsigned input, struct rows *rows,
                             struct operator_context *context, struct error *error) {
    struct table_source *source = (struct table_source *)op;
    struct arena *arena = context->evaluation.arena;
    struct rows *result = context->restoring ? NULL : rows_share(arena, rows),
                *before = context->restoring ? NULL : table_source_before(source, rows, arena);
    (void)input;
    if (!context->restoring && (!result || !before))
        return error_no_memory(error);
    size_t count = 0;
    bool failed = false;
    for (size_t i = 0; i < rows->selected.count && !failed; i++) {
        uint32_t row = rows->selected.rows[i];
        source->key.length = 0;
        if (!stored_row_write_key(&source->key, rows, source->plan->schema.key_count, row))
            context->counters->null += !context->restoring;
        else if (table_source_change(source, rows, row, arena, before, &failed) && result)
            result->selected.rows[count++] = row;
        else
            context->counters->filtered += !context->restoring; /* a deletion of what was not there */
    }
    if (failed)
        return error_no_memory(error);
    if (!result)
        return 0;
    result->selected.count = before->selected.count = count;
    memcpy(before->selected.rows, result->selected.rows, count * sizeof *before->selected.rows);
    result->before = before;
    return operator_forward(op, result, context, error);
}

static int table_source_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                struct error *error) {
    return operator_forward_advance(op, time, context, error);
}

/* --- the operator
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t table_source_memory(const struct stream_operator *op) {
    return row_table_memory(&((const struct table_source *)op)->table);
}

static void table_source_free(struct stream_operator *op) {
    struct table_source *source = (struct table_source *)op;
    if (!source)
        return;
    row_table_close(&source->table);
    bytes_release(&source->key);
    bytes_release(&source->row);
    free(source);
}

static const struct operator_driver table_source_driver = {
    .name = "table",
    .push = table_source_push,
    .advance = table_source_advance,
    .memory = table_source_memory,
    .free = table_source_free,
};

int table_source_new(const struct table_source_plan *plan, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error) {
    struct table_source *source = memory_zero(1, sizeof *source);
    if (!source || !row_table_open(&source->table)) {
        free(source);
        return error_no_memory(error);
    }
    source->op = (struct stream_operator){&table_source_driver, next, next_input};
    source->plan = plan;
    *ret_operator = &source->op;
    return 0;
}

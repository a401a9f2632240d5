/* A stream joined with a table: each left row looks up the row that the table has when it comes. Result rows share
 * the left side's columns; only the right side's are made. */
#include "core/memory.h"
#include "stream/join/join_output.h"
#include "stream/state/row_table.h"
#include "stream/state/stored_row.h"

struct join_stream_table {
    struct stream_operator op;
    const struct join_plan *plan;
    struct row_table table;
    struct bytes key, row; /* what is being looked up or put */
    struct arena scratch;  /* of load */
};

static bool join_stream_table_key(struct join_stream_table *join, const struct vector *keys, size_t row) {
    struct value key;
    join->key.length = 0;
    vector_get(keys, row, &key);
    if (key.null)
        return false;
    value_write(&join->key, keys->type, &key);
    return true;
}

/* --- the table's changes
 * ------------------------------------------------------------------------------------------------------------- */

static int join_stream_table_change(struct join_stream_table *join, const struct rows *rows,
                                    struct operator_context *context, struct error *error) {
    struct vector keys;
    if (context->restoring && !join->plan->replayed)
        return 0;
    int status = evaluator_run(join->plan->right_key, &context->evaluation, rows, &rows->selected, &keys, error);
    if (status)
        return status;
    for (size_t i = 0; i < rows->selected.count; i++) {
        size_t row = rows->selected.rows[i];
        if (!join_stream_table_key(join, &keys, row)) {
            context->counters->null += !context->restoring;
            continue;
        }
        context->counters->folded += !context->restoring;
        join->row.length = 0;
        if (!rows->absent[row])
            stored_row_write(&join->row, rows, 0, row);
        struct slice stored = rows->absent[row] ? (struct slice){NULL, 0} : bytes_slice(&join->row);
        if (join->key.failed || join->row.failed ||
            !row_table_set(&join->table, bytes_slice(&join->key), stored, !join->plan->replayed))
            return error_no_memory(error);
    }
    return 0;
}

/* --- the stream's rows
 * --------------------------------------------------------------------------------------------------------------- */

static bool join_stream_table_columns(const struct join_stream_table *join, const struct rows *from,
                                      const struct vector *keys, struct arena *arena, struct rows *to) {
    const struct join_plan *plan = join->plan;
    struct vector *columns = arena_allocate(arena, (plan->result.count ? plan->result.count : 1) * sizeof *columns);
    if (!columns)
        return false;
    to->columns = columns;
    to->column_count = plan->result.count;
    if (join_has_key_column(plan))
        *columns++ = *keys;
    for (size_t i = 0; i < plan->left->count; i++)
        *columns++ = from->columns[i];
    for (size_t i = 0; i < plan->right->count; i++)
        if (!vector_allocate(arena, plan->right->columns[i].type, from->count ? from->count : 1, columns++))
            return false;
    return true;
}

/* Whether the row leaves; *ret_failed: no memory. */
static bool join_stream_table_look_up(struct join_stream_table *join, const struct vector *keys, size_t row,
                                      struct arena *arena, struct vector *right, bool *ret_failed) {
    const struct join_plan *plan = join->plan;
    struct slice found = {NULL, 0};
    if (join_stream_table_key(join, keys, row))
        found = row_table_find(&join->table, bytes_slice(&join->key));
    if (found.data) {
        struct slice copy = arena_copy(arena, found);
        *ret_failed |= !copy.data || !stored_row_read(copy, plan->right->count, arena, right, row);
        return true;
    }
    for (size_t i = 0; i < plan->right->count; i++)
        right[i].nulls[row] = 1;
    return plan->shape == JOIN_SHAPE_LEFT;
}

static int join_stream_table_match(struct join_stream_table *join, struct rows *rows, struct operator_context *context,
                                   struct error *error) {
    struct arena *arena = context->evaluation.arena;
    struct rows *result = rows_share(arena, rows);
    struct vector keys;
    bool failed = false;
    if (!result)
        return error_no_memory(error);
    result->selected.count = 0;
    for (size_t i = 0; i < rows->selected.count; i++)
        if (!rows->absent[rows->selected.rows[i]])
            result->selected.rows[result->selected.count++] = rows->selected.rows[i];
    uint64_t passed_by = rows->selected.count - result->selected.count, alone = 0;
    int status = evaluator_run(join->plan->left_key, &context->evaluation, rows, &result->selected, &keys, error);
    if (status)
        return status;
    if (!join_stream_table_columns(join, rows, &keys, arena, result))
        return error_no_memory(error);
    struct vector *right = result->columns + (result->column_count - join->plan->right->count);
    size_t count = 0;
    for (size_t i = 0; i < result->selected.count; i++) {
        uint32_t row = result->selected.rows[i];
        result->selected.rows[count] = row;
        bool leaves = join_stream_table_look_up(join, &keys, row, arena, right, &failed);
        count += leaves;
        passed_by += !leaves && keys.nulls[row & keys.mask];
        alone += !leaves && !keys.nulls[row & keys.mask];
    }
    result->selected.count = count;
    if (operator_counts(&join->op, context)) {
        context->counters->null += passed_by;
        context->counters->filtered += alone; /* without a partner */
    }
    if (failed || join->key.failed)
        return error_no_memory(error);
    return operator_forward(&join->op, result, context, error);
}

static int join_stream_table_push(struct stream_operator *op, unsigned input, struct rows *rows,
                                  struct operator_context *context, struct error *error) {
    struct join_stream_table *join = (struct join_stream_table *)op;
    return input ? join_stream_table_change(join, rows, context, error)
                 : join_stream_table_match(join, rows, context, error);
}

static int join_stream_table_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                     struct error *error) {
    return operator_forward_advance(op, time, context, error);
}

/* --- state
 * ------------------------------------------------------------------------------------------------------------------ */

static int join_stream_table_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    return row_table_save(&((struct join_stream_table *)op)->table, 'r', each, context, error);
}

static void join_stream_table_saved(struct stream_operator *op) {
    row_table_saved(&((struct join_stream_table *)op)->table);
}

static int join_stream_table_load(struct stream_operator *op, struct slice key, struct slice value,
                                  struct error *error) {
    struct join_stream_table *join = (struct join_stream_table *)op;
    if (key.length < 2 || key.data[0] != 'r')
        return error_set(error, ERROR_CORRUPT,
                         "an entry of a join's state has a key of %zu bytes that is none of its own", key.length);
    return row_table_load(&join->table, join->plan->right, (struct slice){key.data + 1, key.length - 1}, value,
                          &join->scratch, error);
}

static size_t join_stream_table_memory(const struct stream_operator *op) {
    return row_table_memory(&((const struct join_stream_table *)op)->table);
}

static void join_stream_table_free(struct stream_operator *op) {
    struct join_stream_table *join = (struct join_stream_table *)op;
    if (!join)
        return;
    row_table_close(&join->table);
    bytes_release(&join->key);
    bytes_release(&join->row);
    arena_release(&join->scratch);
    free(join);
}

static const struct operator_driver join_stream_table_driver = {
    .name = "join",
    .push = join_stream_table_push,
    .advance = join_stream_table_advance,
    .save = join_stream_table_save,
    .saved = join_stream_table_saved,
    .load = join_stream_table_load,
    .memory = join_stream_table_memory,
    .free = join_stream_table_free,
};

static const struct operator_driver join_stream_replayed_driver = {
    .name = "join",
    .push = join_stream_table_push,
    .advance = join_stream_table_advance,
    .memory = join_stream_table_memory,
    .free = join_stream_table_free,
};

int join_stream_table_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                          struct stream_operator **ret_operator, struct error *error) {
    struct join_stream_table *join = memory_zero(1, sizeof *join);
    if (!join || !row_table_open(&join->table)) {
        free(join);
        return error_no_memory(error);
    }
    join->op = (struct stream_operator){plan->replayed ? &join_stream_replayed_driver : &join_stream_table_driver, next,
                                        next_input};
    join->plan = plan;
    *ret_operator = &join->op;
    return 0;
}

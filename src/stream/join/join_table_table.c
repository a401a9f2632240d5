/* A table joined with a table on their primary keys. Of each change on a side: when the other side has the key, the
 * result is the pair as it is now, or a tombstone where the shape shows no such pair; when the other side has not,
 * an outer side's row, or a tombstone when that is gone. */
#include "core/memory.h"
#include "stream/join/join_output.h"
#include "stream/state/row_table.h"
#include "stream/state/stored_row.h"

struct join_table_table {
    struct stream_operator op;
    const struct join_plan *plan;
    struct row_table tables[2];
    struct bytes key, row; /* of the change at hand */
    struct arena scratch;  /* of load */
};

/* A change of a side's row, and what stands on both sides of its key. */
struct join_change {
    const struct rows *rows;
    size_t row;
    unsigned side;
    bool present; /* the row stands now; otherwise it has been deleted */
    struct value key;
    struct slice old, other; /* the side's row before, the other side's row; data NULL: none */
};

/* Whether a pair is shown, by which of its sides there are. */
static bool join_shown(const struct join_plan *plan, unsigned side, bool here, bool there) {
    return (here && there) || (here && join_side_outer(plan, side)) || (there && join_side_outer(plan, !side));
}

static int join_table_emit(const struct join_table_table *join, struct join_output *output,
                           const struct join_change *change, struct error *error) {
    const struct join_plan *plan = join->plan;
    bool other = change->other.data, old = change->old.data;
    if (!other && !(join_side_outer(plan, change->side) && (change->present || old)))
        return 0;
    struct join_pair pair = {.key = change->key, .absent = !join_shown(plan, change->side, change->present, other)},
                     before = pair;
    if (change->present || pair.absent)
        pair.sides[change->side] = (struct join_part){.rows = change->rows, .row = change->row};
    pair.sides[!change->side].stored = change->other;
    before.absent = !join_shown(plan, change->side, old, other);
    if (old)
        before.sides[change->side].stored = change->old;
    else if (before.absent)
        before.sides[change->side] = (struct join_part){.rows = change->rows, .row = change->row};
    before.sides[!change->side].stored = change->other;
    int64_t time = change->rows->times[change->row], other_time = other ? stored_row_time(change->other) : INT64_MIN;
    return join_output_add(output, &pair, plan->want_before ? &before : NULL, time > other_time ? time : other_time,
                           change->rows->origins[change->row], error);
}

static int join_table_change(struct join_table_table *join, struct join_output *output, struct join_change *change,
                             struct error *error) {
    struct operator_context *context = output->context;
    struct row_table *table = &join->tables[change->side];
    join->key.length = join->row.length = 0;
    value_write(&join->key, join->plan->left_key->type, &change->key);
    struct slice key = bytes_slice(&join->key), stored = {NULL, 0};
    change->present = !change->rows->absent[change->row];
    if (change->present) {
        stored_row_write(&join->row, change->rows, 0, change->row);
        stored = bytes_slice(&join->row);
    }
    change->other = row_table_find(&join->tables[!change->side], key);
    change->old = row_table_find(table, key);
    if (change->old.data)
        change->old = arena_copy(context->evaluation.arena, change->old);
    bool had = row_table_find(table, key).data != NULL;
    if (join->key.failed || join->row.failed || (had && !change->old.data) ||
        !row_table_set(table, key, stored, !join->plan->replayed))
        return error_no_memory(error);
    return context->restoring ? 0 : join_table_emit(join, output, change, error);
}

static int join_table_table_push(struct stream_operator *op, unsigned input, struct rows *rows,
                                 struct operator_context *context, struct error *error) {
    struct join_table_table *join = (struct join_table_table *)op;
    const struct evaluator *evaluator = input ? join->plan->right_key : join->plan->left_key;
    struct join_output output;
    struct vector keys;
    if (context->restoring && !join->plan->replayed)
        return 0;
    int status = evaluator_run(evaluator, &context->evaluation, rows, &rows->selected, &keys, error);
    join_output_open(&output, join->plan, op, context);
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        struct join_change change = {.rows = rows, .row = rows->selected.rows[i], .side = input};
        vector_get(&keys, change.row, &change.key);
        uint64_t *counter = change.key.null ? &context->counters->null : &context->counters->folded;
        *counter += !context->restoring;
        if (!change.key.null)
            status = join_table_change(join, &output, &change, error);
    }
    return status ? status : join_output_flush(&output, error);
}

static int join_table_table_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                    struct error *error) {
    return operator_forward_advance(op, time, context, error);
}

/* --- state
 * ------------------------------------------------------------------------------------------------------------------ */

static int join_table_table_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    struct join_table_table *join = (struct join_table_table *)op;
    int status = row_table_save(&join->tables[0], 'l', each, context, error);
    return status ? status : row_table_save(&join->tables[1], 'r', each, context, error);
}

static void join_table_table_saved(struct stream_operator *op) {
    struct join_table_table *join = (struct join_table_table *)op;
    row_table_saved(&join->tables[0]);
    row_table_saved(&join->tables[1]);
}

static int join_table_table_load(struct stream_operator *op, struct slice key, struct slice value,
                                 struct error *error) {
    struct join_table_table *join = (struct join_table_table *)op;
    if (key.length < 2 || (key.data[0] != 'l' && key.data[0] != 'r'))
        return error_set(error, ERROR_CORRUPT,
                         "an entry of a join's state has a key of %zu bytes that is none of its own", key.length);
    bool right = key.data[0] == 'r';
    const struct row_schema *schema = right ? join->plan->right : join->plan->left;
    return row_table_load(&join->tables[right], schema, (struct slice){key.data + 1, key.length - 1}, value,
                          &join->scratch, error);
}

static size_t join_table_table_memory(const struct stream_operator *op) {
    const struct join_table_table *join = (const struct join_table_table *)op;
    return row_table_memory(&join->tables[0]) + row_table_memory(&join->tables[1]);
}

static void join_table_table_free(struct stream_operator *op) {
    struct join_table_table *join = (struct join_table_table *)op;
    if (!join)
        return;
    row_table_close(&join->tables[0]);
    row_table_close(&join->tables[1]);
    bytes_release(&join->key);
    bytes_release(&join->row);
    arena_release(&join->scratch);
    free(join);
}

static const struct operator_driver join_table_table_driver = {
    .name = "join",
    .push = join_table_table_push,
    .advance = join_table_table_advance,
    .save = join_table_table_save,
    .saved = join_table_table_saved,
    .load = join_table_table_load,
    .memory = join_table_table_memory,
    .free = join_table_table_free,
};

static const struct operator_driver join_table_replayed_driver = {
    .name = "join",
    .push = join_table_table_push,
    .advance = join_table_table_advance,
    .memory = join_table_table_memory,
    .free = join_table_table_free,
};

int join_table_table_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                         struct stream_operator **ret_operator, struct error *error) {
    struct join_table_table *join = memory_zero(1, sizeof *join);
    if (!join)
        return error_no_memory(error);
    join->op = (struct stream_operator){plan->replayed ? &join_table_replayed_driver : &join_table_table_driver, next,
                                        next_input};
    join->plan = plan;
    if (!row_table_open(&join->tables[0]) || !row_table_open(&join->tables[1])) {
        join_table_table_free(&join->op);
        return error_no_memory(error);
    }
    *ret_operator = &join->op;
    return 0;
}

/* GROUP BY without a window: groups live for ever in a table, and what has changed is saved at a commit as (key) ->
 * (time, states). */
#include "stream/aggregate/group_aggregate.h"

#include "core/memory.h"
#include "core/varint.h"
#include "stream/aggregate/group_operator.h"

struct group {
    int64_t time; /* the largest ROWTIME folded so far */
    char states[];
};

static void group_release(void *context, void *entry) {
    group_states_release(&((struct group_aggregate *)context)->states, ((struct group *)entry)->states);
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* Undoes row `row` of `old` and folds it as it is in `new`, into one group; either may be NULL. One result. */
static int group_change(struct group_aggregate *aggregate, const struct group_input *old, const struct group_input *new,
                        size_t row, struct operator_context *context, struct error *error) {
    const struct group_input *input = new ? new : old;
    bool made;
    int status = group_key_take(aggregate, input, row, false, error);
    if (status < 0)
        return status;
    struct group *group = state_table_put(aggregate->table, bytes_slice(&aggregate->key), &made);
    if (!group || !state_table_mark(aggregate->table, group))
        return error_no_memory(error);
    if (made)
        group->time = INT64_MIN;
    status = group_result_open(aggregate, context, made ? NULL : group->states, error);
    if (status == 0 && old)
        status = group_fold_row(aggregate, group->states, old, row, true, error);
    if (status == 0 && new)
        status = group_fold_row(aggregate, group->states, new, row, false, error);
    if (status < 0)
        return status;
    if (group->time < input->rows->times[row])
        group->time = input->rows->times[row];
    struct group_result result = {.time = group->time, .origin = input->rows->origins[row]};
    return group_result_close(aggregate, context, &result, group->states, error);
}

static int group_push_stream(struct group_aggregate *aggregate, const struct rows *rows,
                             struct operator_context *context, struct error *error) {
    struct group_input input;
    int status = group_input_evaluate(aggregate, rows, &context->evaluation, false, &input, error);
    if (status < 0)
        return status;
    context->counters->null += rows->selected.count - input.live.count;
    context->counters->folded += input.live.count;
    for (size_t i = 0; i < input.live.count && status == 0; i++)
        status = group_change(aggregate, NULL, &input, input.live.rows[i], context, error);
    return status;
}

static int group_same_key(struct group_aggregate *aggregate, const struct group_input *old,
                          const struct group_input *new, size_t row, bool *ret_same, struct error *error) {
    struct bytes other cleanup(bytes_release) = {0};
    group_key_write(&other, old->keys, aggregate->plan->key_count, row);
    aggregate->key.length = 0;
    group_key_write(&aggregate->key, new->keys, aggregate->plan->key_count, row);
    if (other.failed || aggregate->key.failed)
        return error_no_memory(error);
    *ret_same = slice_equal(bytes_slice(&other), bytes_slice(&aggregate->key));
    return 0;
}

static int group_change_row(struct group_aggregate *aggregate, const struct group_input *old,
                            const struct group_input *new, size_t row, struct operator_context *context,
                            struct error *error) {
    bool same = false;
    int status = 0;
    if (old->is_live[row] || new->is_live[row])
        context->counters->folded++;
    else
        context->counters->null++;
    if (old->is_live[row] && new->is_live[row])
        status = group_same_key(aggregate, old, new, row, &same, error);
    if (status == 0 && same)
        return group_change(aggregate, old, new, row, context, error);
    if (status == 0 && old->is_live[row])
        status = group_change(aggregate, old, NULL, row, context, error);
    if (status == 0 && new->is_live[row])
        status = group_change(aggregate, NULL, new, row, context, error);
    return status;
}

static int group_push_table(struct group_aggregate *aggregate, const struct rows *rows,
                            struct operator_context *context, struct error *error) {
    if (!rows->before)
        return error_set(error, ERROR_INVALID, "GROUP BY on a table needs the values before each change");
    struct group_input old, new;
    struct rows earlier = *rows;
    earlier.columns = rows->before->columns;
    earlier.absent = rows->before->absent;
    earlier.times = rows->before->times; /* ROWTIME in what is undone is what it was then */
    earlier.before = NULL;
    int status = group_input_evaluate(aggregate, &earlier, &context->evaluation, true, &old, error);
    old.rows = rows;
    if (status == 0)
        status = group_input_evaluate(aggregate, rows, &context->evaluation, false, &new, error);
    for (size_t i = 0; i < rows->selected.count && status == 0; i++)
        status = group_change_row(aggregate, &old, &new, rows->selected.rows[i], context, error);
    return status;
}

/* Rows before the committed position are in the states already. */
static int group_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                      struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    (void)input;
    if (context->restoring)
        return 0;
    group_results_start(aggregate, rows->selected.count);
    int status = (aggregate->plan->table ? group_push_table : group_push_stream)(aggregate, rows, context, error);
    return status < 0 ? status : group_results_flush(aggregate, context, error);
}

static int group_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                         struct error *error) {
    return operator_forward_advance(op, time, context, error);
}

/* --- changelog
 * ------------------------------------------------------------------------------------------------------------------ */

struct group_saving {
    const struct group_aggregate *aggregate;
    state_save *each;
    void *context;
    struct error *error;
};

static int group_save_entry(void *context, struct slice key, const void *entry) {
    const struct group_saving *saving = context;
    const struct group *group = entry;
    struct bytes value cleanup(bytes_release) = {0};
    bytes_append_zigzag(&value, group->time);
    group_states_write(&saving->aggregate->states, group->states, &value);
    if (value.failed)
        return error_no_memory(saving->error);
    return saving->each(saving->context, key, bytes_slice(&value), saving->error);
}

static int group_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct group_saving saving = {aggregate, each, context, error};
    return state_table_each_dirty(aggregate->table, group_save_entry, &saving);
}

static void group_saved(struct stream_operator *op) {
    state_table_clean(((struct group_aggregate *)op)->table);
}

static int group_load(struct stream_operator *op, struct slice key, struct slice value, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct arena arena cleanup(arena_release) = {0};
    struct group *group = state_table_find(aggregate->table, key);
    const char *at = value.data, *end = value.data + value.length;
    bool made;
    if (group)
        state_table_remove(aggregate->table, group, false);
    if (!value.data)
        return 0;
    if (!group_key_read(key, aggregate->plan->result.columns, aggregate->plan->key_count, &arena,
                        aggregate->key_values))
        return error_set(error, ERROR_CORRUPT, "aggregate: a key in the changelog is damaged or of another query");
    group = state_table_put(aggregate->table, key, &made);
    if (!group)
        return error_no_memory(error);
    if (!zigzag_read(&at, end, &group->time) || !group_states_read(&aggregate->states, &at, end, group->states) ||
        at != end) {
        state_table_remove(aggregate->table, group, false);
        return error_set(error, ERROR_CORRUPT, "aggregate: a state in the changelog is damaged or of another query");
    }
    return 0;
}

/* --- life
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t group_memory(const struct stream_operator *op) {
    const struct group_aggregate *aggregate = (const struct group_aggregate *)op;
    return sizeof *aggregate + state_table_memory(aggregate->table) + aggregate->states.memory;
}

void group_aggregate_free(struct stream_operator *op) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    group_windows_close(aggregate);
    group_sessions_close(aggregate);
    state_table_free(aggregate->table);
    bytes_release(&aggregate->key);
    free(aggregate->key_values);
    free(aggregate->part_values);
    group_states_close(&aggregate->states);
    free(aggregate);
}

static const struct operator_driver group_driver = {
    .name = "aggregate",
    .push = group_push,
    .advance = group_advance,
    .save = group_save,
    .saved = group_saved,
    .load = group_load,
    .memory = group_memory,
    .free = group_aggregate_free,
};

static int group_plan_check_call(const struct group_aggregate_plan *plan, const struct aggregate_call *call,
                                 struct error *error) {
    if (plan->table && !call->driver->undo)
        return error_set(error, ERROR_INVALID, "%s cannot be used on a table: it cannot take back a row that changes",
                         call->function->name);
    if (plan->window.shape == WINDOW_SHAPE_SESSION && !call->driver->merge)
        return error_set(error, ERROR_INVALID, "%s cannot be used with session windows", call->function->name);
    return 0;
}

static int group_plan_check(const struct group_aggregate_plan *plan, struct error *error) {
    const struct window_definition *window = &plan->window;
    bool windowed = window->shape != WINDOW_SHAPE_NONE;
    if (windowed && plan->table)
        return error_set(error, ERROR_INVALID, "a table has no windows: WINDOW needs a stream");
    if (!windowed && plan->final)
        return error_set(error, ERROR_INVALID, "EMIT FINAL needs a WINDOW");
    if (windowed && (window->size <= 0 || window->grace < 0))
        return error_set(error, ERROR_INVALID, "a window needs a size of at least 1 ms and no negative grace period");
    if (window->shape == WINDOW_SHAPE_HOPPING && (window->advance <= 0 || window->advance > window->size))
        return error_set(error, ERROR_INVALID, "a hopping window advances by at least 1 ms and at most its size");
    if (windowed != plan->result.windowed || plan->result.count != plan->key_count + plan->call_count ||
        plan->key_count == 0)
        return error_set(error, ERROR_INVALID, "the columns of the result are not those of GROUP BY");
    for (size_t i = 0; i < plan->call_count; i++) {
        int status = group_plan_check_call(plan, &plan->calls[i].call, error);
        if (status < 0)
            return status;
    }
    return 0;
}

static bool group_lay_out(struct group_aggregate *aggregate) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    aggregate->key_values = memory_zero(plan->key_count, sizeof *aggregate->key_values);
    aggregate->part_values = memory_zero(plan->part_count + 1, sizeof *aggregate->part_values);
    bool windows = plan->window.shape == WINDOW_SHAPE_TUMBLING || plan->window.shape == WINDOW_SHAPE_HOPPING;
    return aggregate->key_values && aggregate->part_values &&
           group_states_open(&aggregate->states, plan->calls, plan->call_count,
                             windows && group_windows_are_compact(plan));
}

static int group_open(struct group_aggregate *aggregate, struct error *error) {
    switch (aggregate->plan->window.shape) {
    case WINDOW_SHAPE_NONE:
        aggregate->op.driver = &group_driver;
        aggregate->table = state_table_new(sizeof(struct group) + aggregate->states.size, group_release, aggregate);
        return aggregate->table ? 0 : error_no_memory(error);
    case WINDOW_SHAPE_SESSION:
        aggregate->op.driver = &group_sessions_driver;
        return group_sessions_open(aggregate, error);
    default:
        aggregate->op.driver = &group_windows_driver;
        return group_windows_open(aggregate, error);
    }
}

int group_aggregate_new(const struct group_aggregate_plan *plan, struct stream_operator *next, unsigned next_input,
                        struct stream_operator **ret_operator, struct error *error) {
    int status = group_plan_check(plan, error);
    if (status < 0)
        return status;
    struct group_aggregate *aggregate = memory_zero(1, sizeof *aggregate);
    if (!aggregate)
        return error_no_memory(error);
    aggregate->op = (struct stream_operator){.next = next, .next_input = next_input};
    aggregate->plan = plan;
    aggregate->stream_time = INT64_MIN;
    status = group_lay_out(aggregate) ? group_open(aggregate, error) : error_no_memory(error);
    if (status < 0) {
        group_aggregate_free(&aggregate->op);
        return status;
    }
    *ret_operator = &aggregate->op;
    return 0;
}

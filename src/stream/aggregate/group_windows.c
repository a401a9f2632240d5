/* Tumbling and hopping windows: [start, start + size) for every start that is a multiple of the advance, from 0 on.
 * They close by stream time:
 *
 *        start                    end            end + grace
 *   ───────[════════ folded ═══════)───── still folded ──┃── closed: the final result leaves, the cells go; rows for it are late ──▶ stream time
 *
 * A cell is a group in a window, in the table under (start, key); a window knows its cells by a list, so that
 * closing costs what closes. */
#include "core/memory.h"
#include "stream/aggregate/group_operator.h"

struct group_cell {
    int64_t time;            /* the largest ROWTIME folded so far */
    struct group_cell *next; /* of the same window */
    char states[];
};

static void cell_release(void *context, void *entry) {
    group_states_release(&((struct group_aggregate *)context)->states, ((struct group_cell *)entry)->states);
}

int group_windows_open(struct group_aggregate *aggregate, struct error *error) {
    aggregate->table = state_table_new(sizeof(struct group_cell) + aggregate->states.size, cell_release, aggregate);
    return aggregate->table ? 0 : error_no_memory(error);
}

void group_windows_close(struct group_aggregate *aggregate) {
    free(aggregate->windows);
}

static int64_t window_end(const struct group_aggregate *aggregate, int64_t start) {
    return group_time_add(start, aggregate->plan->window.size);
}

/* A window is closed when its end is not behind this. */
static int64_t window_limit(const struct group_aggregate *aggregate) {
    return group_time_subtract(aggregate->stream_time, aggregate->plan->window.grace);
}

/* --- closing
 * ------------------------------------------------------------------------------------------------------------------ */

struct window_result {
    struct slice key; /* with the start before it, which is the same for all */
    const struct group_cell *cell;
};

static int window_result_compare(const void *a, const void *b) {
    return slice_compare(((const struct window_result *)a)->key, ((const struct window_result *)b)->key);
}

static int window_emit(struct group_aggregate *aggregate, struct operator_context *context,
                       const struct group_window *window, const struct window_result *from, uint32_t origin,
                       struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    struct slice key = {from->key.data + GROUP_TIME_SIZE, from->key.length - GROUP_TIME_SIZE};
    if (!group_key_read(key, plan->result.columns, plan->key_count, context->evaluation.arena, aggregate->key_values))
        return error_no_memory(error);
    int status = group_result_open(aggregate, context, NULL, error);
    if (status < 0)
        return status;
    struct group_result result = {from->cell->time, window->start, window_end(aggregate, window->start), origin};
    return group_result_close(aggregate, context, &result, from->cell->states, error);
}

/* The results of a window, by key. */
static int window_emit_all(struct group_aggregate *aggregate, struct operator_context *context,
                           const struct group_window *window, uint32_t origin, struct error *error) {
    size_t count = 0, i = 0;
    for (const struct group_cell *cell = window->cells; cell; cell = cell->next)
        count++;
    struct window_result *results = arena_allocate(context->evaluation.arena, count * sizeof *results);
    if (!results)
        return error_no_memory(error);
    for (const struct group_cell *cell = window->cells; cell; cell = cell->next)
        results[i++] = (struct window_result){state_table_key(aggregate->table, cell), cell};
    qsort(results, count, sizeof *results, window_result_compare);
    int status = 0;
    for (i = 0; i < count && status == 0; i++)
        status = window_emit(aggregate, context, window, &results[i], origin, error);
    return status;
}

static void window_drop(struct group_aggregate *aggregate, const struct group_window *window) {
    for (struct group_cell *cell = window->cells, *next; cell; cell = next) {
        next = cell->next;
        state_table_remove(aggregate->table, cell, false);
    }
}

/* Closes what the stream time has closed. */
static int windows_expire(struct group_aggregate *aggregate, struct operator_context *context, uint32_t origin,
                          struct error *error) {
    int64_t limit = window_limit(aggregate);
    while (aggregate->window_count) {
        const struct group_window *window = &aggregate->windows[aggregate->window_first];
        if (window_end(aggregate, window->start) > limit)
            break;
        if (aggregate->plan->final) {
            int status = window_emit_all(aggregate, context, window, origin, error);
            if (status < 0)
                return status;
        }
        window_drop(aggregate, window);
        aggregate->window_first++;
        aggregate->window_count--;
    }
    if (aggregate->window_count == 0)
        aggregate->window_first = 0;
    return 0;
}

/* --- folding
 * ------------------------------------------------------------------------------------------------------------------ */

/* Room for one more behind the last. */
static bool windows_reserve(struct group_aggregate *aggregate) {
    if (aggregate->window_first && aggregate->window_first + aggregate->window_count == aggregate->window_capacity) {
        memmove(aggregate->windows, aggregate->windows + aggregate->window_first,
                aggregate->window_count * sizeof *aggregate->windows);
        aggregate->window_first = 0;
    }
    return memory_reserve((void **)&aggregate->windows, &aggregate->window_capacity,
                          aggregate->window_first + aggregate->window_count + 1, sizeof *aggregate->windows);
}

/* The window that starts at `start`, opened when it is not. NULL: no memory. */
static struct group_window *window_find(struct group_aggregate *aggregate, int64_t start, int64_t offset) {
    struct group_window *windows = aggregate->windows + aggregate->window_first;
    size_t low = 0, high = aggregate->window_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (windows[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < aggregate->window_count && windows[low].start == start)
        return &windows[low];
    if (!windows_reserve(aggregate))
        return NULL;
    windows = aggregate->windows + aggregate->window_first;
    memmove(windows + low + 1, windows + low, (aggregate->window_count - low) * sizeof *windows);
    windows[low] = (struct group_window){.start = start, .first_offset = offset};
    aggregate->window_count++;
    return &windows[low];
}

/* The row whose key is in aggregate->key. */
static int window_fold(struct group_aggregate *aggregate, const struct group_input *input, size_t row, int64_t start,
                       struct operator_context *context, struct error *error) {
    uint32_t origin = input->rows->origins[row];
    bool made, emit = !aggregate->plan->final && !context->restoring;
    group_time_write(aggregate->key.data, start);
    struct group_window *window = window_find(aggregate, start, operator_offset(context, origin));
    struct group_cell *cell = window ? state_table_put(aggregate->table, bytes_slice(&aggregate->key), &made) : NULL;
    if (!cell)
        return error_no_memory(error);
    if (made) {
        cell->time = INT64_MIN;
        cell->next = window->cells;
        window->cells = cell;
    }
    int status = emit ? group_result_open(aggregate, context, made ? NULL : cell->states, error) : 0;
    if (status == 0)
        status = group_fold_row(aggregate, cell->states, input, row, false, error);
    if (status < 0)
        return status;
    if (cell->time < input->rows->times[row])
        cell->time = input->rows->times[row];
    struct group_result result = {cell->time, start, window_end(aggregate, start), origin};
    return emit ? group_result_close(aggregate, context, &result, cell->states, error) : 0;
}

static int window_fold_row(struct group_aggregate *aggregate, const struct group_input *input, size_t row,
                           struct operator_context *context, struct error *error) {
    const struct window_definition *window = &aggregate->plan->window;
    int64_t time = input->rows->times[row],
            advance = window->shape == WINDOW_SHAPE_HOPPING ? window->advance : window->size;
    int64_t limit = window_limit(aggregate), first = group_time_add(group_time_subtract(time, window->size), advance);
    bool folded = false;
    if (time < 0)
        first = INT64_MAX;
    first = first > 0 ? first / advance * advance : 0;
    for (int64_t start = first; start <= time; start = group_time_add(start, advance)) {
        if (window_end(aggregate, start) > limit) {
            if (!folded) {
                int status = group_key_take(aggregate, input, row, true, error);
                if (status < 0)
                    return status;
            }
            int status = window_fold(aggregate, input, row, start, context, error);
            if (status < 0)
                return status;
            folded = true;
        }
        if (start == INT64_MAX)
            break;
    }
    context->counters->folded += folded && !context->restoring;
    if (folded || context->restoring)
        return 0;
    return operator_late(context, input->rows->origins[row], aggregate->plan->window.size, aggregate->stream_time,
                         error);
}

static int windows_push_row(struct group_aggregate *aggregate, const struct group_input *input, size_t row,
                            struct operator_context *context, struct error *error) {
    int64_t time = input->rows->times[row];
    if (!context->restoring && aggregate->stream_time < time) {
        aggregate->stream_time = time;
        int status = windows_expire(aggregate, context, input->rows->origins[row], error);
        if (status < 0)
            return status;
    }
    return window_fold_row(aggregate, input, row, context, error);
}

static int windows_push(struct stream_operator *op, unsigned number, struct rows *rows,
                        struct operator_context *context, struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    struct group_input input;
    (void)number;
    int status = group_input_evaluate(aggregate, rows, &context->evaluation, context->restoring, &input, error);
    if (status < 0)
        return status;
    if (!context->restoring)
        context->counters->null += rows->selected.count - input.live.count;
    group_results_start(aggregate, input.live.count);
    for (size_t i = 0; i < input.live.count && status == 0; i++)
        status = windows_push_row(aggregate, &input, input.live.rows[i], context, error);
    return status < 0 ? status : group_results_flush(aggregate, context, error);
}

/* --- time
 * ------------------------------------------------------------------------------------------------------------------ */

/* At the end of all time the stream time goes only as far as closes what is open. */
static int windows_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                           struct error *error) {
    struct group_aggregate *aggregate = (struct group_aggregate *)op;
    int64_t to = time;
    if (time == INT64_MAX && aggregate->window_count) {
        int64_t last = aggregate->windows[aggregate->window_first + aggregate->window_count - 1].start;
        to = group_time_add(window_end(aggregate, last), aggregate->plan->window.grace);
    }
    group_results_start(aggregate, 0);
    if (aggregate->stream_time < to && (time != INT64_MAX || aggregate->window_count)) {
        aggregate->stream_time = to;
        int status = windows_expire(aggregate, context, 0, error);
        if (status == 0)
            status = group_results_flush(aggregate, context, error);
        if (status < 0)
            return status;
    }
    return operator_forward_advance(op, time, context, error);
}

static int64_t windows_replay_from(const struct stream_operator *op) {
    const struct group_aggregate *aggregate = (const struct group_aggregate *)op;
    int64_t offset = INT64_MAX;
    for (size_t i = 0; i < aggregate->window_count; i++) {
        const struct group_window *window = &aggregate->windows[aggregate->window_first + i];
        if (offset > window->first_offset)
            offset = window->first_offset;
    }
    return offset;
}

static int64_t windows_stream_time(const struct stream_operator *op) {
    return ((const struct group_aggregate *)op)->stream_time;
}

static void windows_restore_time(struct stream_operator *op, int64_t stream_time) {
    ((struct group_aggregate *)op)->stream_time = stream_time;
}

static size_t windows_memory(const struct stream_operator *op) {
    const struct group_aggregate *aggregate = (const struct group_aggregate *)op;
    return sizeof *aggregate + state_table_memory(aggregate->table) + aggregate->states.memory +
           aggregate->window_capacity * sizeof *aggregate->windows;
}

const struct operator_driver group_windows_driver = {
    .name = "aggregate",
    .push = windows_push,
    .advance = windows_advance,
    .replay_from = windows_replay_from,
    .stream_time = windows_stream_time,
    .restore_time = windows_restore_time,
    .memory = windows_memory,
    .free = group_aggregate_free,
};

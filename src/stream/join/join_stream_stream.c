/* A stream joined with a stream WITHIN a time: each row looks for partners among the rows of the other side that
 * have come before it, and stays in its own side's buffer for those that come later. What a row brings about leaves
 * in this order: held rows whose window has passed with it, its pairs, ascending by the partner's (time, arrival),
 * itself when it is unmatched and not held. */
#include "core/memory.h"
#include "stream/join/join_buffer.h"
#include "stream/join/join_output.h"
#include "stream/state/stored_row.h"

static const int64_t join_default_retention = 24 * 3600 * 1000;

struct join_stream_stream {
    struct stream_operator op;
    const struct join_plan *plan;
    struct join_buffer buffer;
    struct bytes key, row; /* of the row at hand */
    struct arena scratch;  /* of load */
};

/* The row at hand. */
struct join_arrival {
    const struct rows *rows;
    size_t row;
    unsigned side;
    int64_t time, stream_time; /* by which it is late */
    uint32_t origin;
    struct value key;
};

static int64_t join_time_within(int64_t time, int64_t more) {
    int64_t sum;
    if (__builtin_add_overflow(time, more, &sum))
        return more < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

/* --- held rows
 * ------------------------------------------------------------------------------------------------------------------ */

static int join_release_due(struct join_stream_stream *join, struct join_output *output, uint32_t origin,
                            struct error *error) {
    struct arena *arena = output->context->evaluation.arena;
    for (struct join_row *row; (row = join_buffer_due(&join->buffer));) {
        if (row->held) {
            struct join_pair pair = {.key = VALUE_NULL};
            struct slice key = join_row_key(&join->buffer, row);
            const char *at = key.data;
            pair.sides[row->side].stored = (struct slice){row->data, row->length};
            if (join_has_key_column(join->plan) &&
                !value_read(&at, key.data + key.length, join->plan->left_key->type, arena, &pair.key))
                return error_no_memory(error);
            int status = join_output_add(output, &pair, NULL, row->time, origin, error);
            if (status)
                return status;
        }
        if (!join_buffer_leave(&join->buffer, row))
            return error_no_memory(error);
    }
    return 0;
}

/* --- rows that come
 * ------------------------------------------------------------------------------------------------------------------ */

static int join_add_unmatched(struct join_output *output, const struct join_arrival *arrival, struct error *error) {
    struct join_pair pair = {.key = arrival->key};
    pair.sides[arrival->side] = (struct join_part){.rows = arrival->rows, .row = arrival->row};
    return join_output_add(output, &pair, NULL, arrival->time, arrival->origin, error);
}

static int join_add_matches(struct join_stream_stream *join, struct join_output *output,
                            const struct join_arrival *arrival, size_t *ret_count, struct error *error) {
    const int64_t *look = join->buffer.look;
    unsigned side = arrival->side, other = !side;
    int64_t forgotten = join_buffer_forgotten(&join->buffer, arrival->stream_time);
    int64_t from = join_time_within(arrival->time, -look[other]), to = join_time_within(arrival->time, look[side]);
    size_t count;
    if (join->buffer.followed && from <= forgotten) /* perhaps still there, as others have not come so far */
        from = join_time_within(forgotten, 1);
    struct join_row **found = join_buffer_find(&join->buffer, other, bytes_slice(&join->key), from, to, &count);
    for (size_t i = 0; i < count; i++) {
        struct join_pair pair = {.key = arrival->key};
        pair.sides[side] = (struct join_part){.rows = arrival->rows, .row = arrival->row};
        pair.sides[other].stored = (struct slice){found[i]->data, found[i]->length};
        int64_t time = found[i]->time > arrival->time ? found[i]->time : arrival->time;
        int status = join_output_add(output, &pair, NULL, time, arrival->origin, error);
        if (status)
            return status;
        if (!join_buffer_match(&join->buffer, found[i]))
            return error_no_memory(error);
    }
    *ret_count = count;
    return 0;
}

static int join_arrive(struct join_stream_stream *join, struct join_output *output, struct join_arrival *arrival,
                       struct error *error) {
    const struct join_plan *plan = join->plan;
    struct join_buffer *buffer = &join->buffer;
    unsigned side = arrival->side;
    size_t matches;
    if (!buffer->followed && !join_buffer_arrive(buffer, side, arrival->time))
        return error_no_memory(error);
    if (!buffer->followed)
        arrival->stream_time = buffer->stream_time;
    else if (arrival->stream_time < buffer->stream_time)
        arrival->stream_time = buffer->stream_time;
    output->stamp = arrival->stream_time;
    int status = join_release_due(join, output, arrival->origin, error);
    if (!status)
        status = join_add_matches(join, output, arrival, &matches, error);
    if (status)
        return status;
    bool unmatched = join_side_outer(plan, side) && matches == 0;
    bool held =
        unmatched && plan->grace >= 0 && join_time_within(arrival->time, buffer->look[side]) >= arrival->stream_time;
    if (unmatched && !held)
        status = join_add_unmatched(output, arrival, error);
    if (status)
        return status;
    join->row.length = 0;
    stored_row_write(&join->row, arrival->rows, 0, arrival->row);
    int64_t of_side = buffer->followed ? arrival->stream_time : buffer->largest[side];
    if (join->row.failed ||
        !join_buffer_add(buffer, side, of_side, bytes_slice(&join->key), bytes_slice(&join->row), held))
        return error_no_memory(error);
    return 0;
}

static int join_take_row(struct join_stream_stream *join, struct join_output *output, struct join_arrival *arrival,
                         const struct vector *keys, struct error *error) {
    struct query_counters *counters = output->context->counters;
    if (arrival->rows->absent[arrival->row]) {
        counters->null++;
        return 0;
    }
    arrival->time = arrival->rows->times[arrival->row];
    arrival->stream_time = arrival->rows->stream_times ? arrival->rows->stream_times[arrival->row] : INT64_MIN;
    output->stamp = arrival->stream_time;
    arrival->origin = arrival->rows->origins[arrival->row];
    vector_get(keys, arrival->row, &arrival->key);
    if (arrival->key.null && !join_side_outer(join->plan, arrival->side)) {
        counters->null++;
        return 0;
    }
    counters->folded++;
    if (arrival->key.null)
        return join_add_unmatched(output, arrival, error);
    join->key.length = 0;
    value_write(&join->key, keys->type, &arrival->key);
    return join->key.failed ? error_no_memory(error) : join_arrive(join, output, arrival, error);
}

static int join_stream_stream_push(struct stream_operator *op, unsigned input, struct rows *rows,
                                   struct operator_context *context, struct error *error) {
    struct join_stream_stream *join = (struct join_stream_stream *)op;
    const struct evaluator *evaluator = input ? join->plan->right_key : join->plan->left_key;
    struct join_arrival arrival = {.rows = rows, .side = input};
    struct join_output output;
    struct vector keys;
    if (context->restoring)
        return 0;
    int status = evaluator_run(evaluator, &context->evaluation, rows, &rows->selected, &keys, error);
    if (status)
        return status;
    if (!join_buffer_link(&join->buffer))
        return error_no_memory(error);
    join_output_open(&output, join->plan, op, context);
    output.stamped = join->buffer.followed = rows->stream_times != NULL;
    for (size_t i = 0; i < rows->selected.count && !status; i++) {
        arrival.row = rows->selected.rows[i];
        status = join_take_row(join, &output, &arrival, &keys, error);
    }
    return status ? status : join_output_flush(&output, error);
}

/* INT64_MAX stands for the end of all input: stream time goes only as far as it must for every held row to leave. */
static int join_stream_stream_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                                      struct error *error) {
    struct join_stream_stream *join = (struct join_stream_stream *)op;
    struct join_output output;
    if (!join_buffer_link(&join->buffer))
        return error_no_memory(error);
    int64_t until = time == INT64_MAX ? join_buffer_closing_time(&join->buffer) : time;
    if (until > join->buffer.stream_time) {
        join->buffer.stream_time = until;
        join->buffer.times_changed = true;
    }
    if (join->buffer.followed && time != INT64_MAX && !join_buffer_pass(&join->buffer, time))
        return error_no_memory(error);
    join_output_open(&output, join->plan, op, context);
    output.stamped = join->buffer.followed;
    output.stamp = until;
    int status = join_release_due(join, &output, 0, error);
    if (!status)
        status = join_output_flush(&output, error);
    return status ? status : operator_forward_advance(op, time, context, error);
}

/* --- state
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t join_stream_stream_time(const struct stream_operator *op) {
    return ((const struct join_stream_stream *)op)->buffer.stream_time;
}

static void join_stream_stream_restore_time(struct stream_operator *op, int64_t stream_time) {
    struct join_buffer *buffer = &((struct join_stream_stream *)op)->buffer;
    if (stream_time > buffer->stream_time)
        buffer->stream_time = stream_time;
}

static int join_stream_stream_save(struct stream_operator *op, state_save *each, void *context, struct error *error) {
    return join_buffer_save(&((struct join_stream_stream *)op)->buffer, each, context, error);
}

static void join_stream_stream_saved(struct stream_operator *op) {
    join_buffer_saved(&((struct join_stream_stream *)op)->buffer);
}

static int join_stream_stream_load(struct stream_operator *op, struct slice key, struct slice value,
                                   struct error *error) {
    struct join_stream_stream *join = (struct join_stream_stream *)op;
    return join_buffer_load(&join->buffer, join->plan, key, value, &join->scratch, error);
}

static size_t join_stream_stream_memory(const struct stream_operator *op) {
    return join_buffer_memory(&((const struct join_stream_stream *)op)->buffer);
}

static void join_stream_stream_free(struct stream_operator *op) {
    struct join_stream_stream *join = (struct join_stream_stream *)op;
    if (!join)
        return;
    join_buffer_close(&join->buffer);
    bytes_release(&join->key);
    bytes_release(&join->row);
    arena_release(&join->scratch);
    free(join);
}

static const struct operator_driver join_stream_stream_driver = {
    .name = "join",
    .push = join_stream_stream_push,
    .advance = join_stream_stream_advance,
    .stream_time = join_stream_stream_time,
    .restore_time = join_stream_stream_restore_time,
    .save = join_stream_stream_save,
    .saved = join_stream_stream_saved,
    .load = join_stream_stream_load,
    .memory = join_stream_stream_memory,
    .free = join_stream_stream_free,
};

/* Without GRACE it is what makes 24 hours of the whole window. */
static int64_t join_grace(const struct join_plan *plan) {
    if (plan->grace >= 0)
        return plan->grace;
    return plan->before > join_default_retention / 2 ? 0 : join_default_retention - 2 * plan->before;
}

int join_stream_stream_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                           struct stream_operator **ret_operator, struct error *error) {
    struct join_stream_stream *join = memory_zero(1, sizeof *join);
    if (!join || !join_buffer_open(&join->buffer, plan->before, plan->after, join_grace(plan))) {
        free(join);
        return error_no_memory(error);
    }
    join->op = (struct stream_operator){&join_stream_stream_driver, next, next_input};
    join->plan = plan;
    *ret_operator = &join->op;
    return 0;
}

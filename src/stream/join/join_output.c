/* Pairs are gathered as the addresses of their two rows; when there are many, or the run ends, they become rows of
 * the result column by column. */
#include "stream/join/join_output.h"

#include "stream/state/stored_row.h"

enum { JOIN_OUTPUT_FULL = 4096 };

void join_output_open(struct join_output *output, const struct join_plan *plan, struct stream_operator *op,
                      struct operator_context *context) {
    *output = (struct join_output){.plan = plan, .op = op, .context = context};
}

static void *join_output_grow_array(struct arena *arena, const void *old, size_t count, size_t capacity, size_t size) {
    void *grown = arena_allocate(arena, capacity * size);
    if (grown && count)
        memcpy(grown, old, count * size);
    return grown;
}

static bool join_output_grow(struct join_output *output) {
    struct arena *arena = output->context->evaluation.arena;
    size_t capacity = output->capacity ? output->capacity * 4 : 64;
    struct join_pair *pairs = join_output_grow_array(arena, output->pairs, output->count, capacity, sizeof *pairs);
    struct join_pair *before = output->plan->want_before ? join_output_grow_array(arena, output->before, output->count,
                                                                                  capacity, sizeof *before)
                                                         : NULL;
    int64_t *times = join_output_grow_array(arena, output->times, output->count, capacity, sizeof *times);
    int64_t *stamps = join_output_grow_array(arena, output->stamps, output->count, capacity, sizeof *stamps);
    uint32_t *origins = join_output_grow_array(arena, output->origins, output->count, capacity, sizeof *origins);
    if (!pairs || (output->plan->want_before && !before) || !times || !stamps || !origins)
        return false;
    output->pairs = pairs;
    output->before = before;
    output->times = times;
    output->stamps = stamps;
    output->origins = origins;
    output->capacity = capacity;
    return true;
}

static bool join_output_keep(struct join_output *output, struct join_pair *to, const struct join_pair *pair) {
    *to = *pair;
    for (unsigned side = 0; side < 2; side++) {
        if (!pair->sides[side].stored.data)
            continue;
        to->sides[side].stored = arena_copy(output->context->evaluation.arena, pair->sides[side].stored);
        if (!to->sides[side].stored.data)
            return false;
    }
    return true;
}

int join_output_add(struct join_output *output, const struct join_pair *pair, const struct join_pair *before,
                    int64_t time, uint32_t origin, struct error *error) {
    if (output->count == JOIN_OUTPUT_FULL) {
        int status = join_output_flush(output, error);
        if (status)
            return status;
    }
    if (output->count == output->capacity && !join_output_grow(output))
        return error_no_memory(error);
    if (!join_output_keep(output, &output->pairs[output->count], pair) ||
        (before && !join_output_keep(output, &output->before[output->count], before)))
        return error_no_memory(error);
    output->times[output->count] = time;
    output->stamps[output->count] = output->stamp;
    output->origins[output->count++] = origin;
    return 0;
}

/* --- pairs as rows
 * ------------------------------------------------------------------------------------------------------------------ */

static bool join_part_fill(const struct join_part *part, struct arena *arena, struct vector *columns, size_t count,
                           size_t shown, size_t row) {
    struct value value;
    size_t filled = part->rows || part->stored.data ? shown : 0;
    if (part->rows)
        for (size_t i = 0; i < filled; i++) {
            vector_get(&part->rows->columns[i], part->row, &value);
            vector_set(&columns[i], row, &value);
        }
    else if (filled && !stored_row_read(part->stored, filled, arena, columns, row))
        return false;
    for (size_t i = filled; i < count; i++)
        columns[i].nulls[row] = 1;
    return true;
}

static bool join_pair_fill(const struct join_plan *plan, const struct join_pair *pair, struct arena *arena,
                           struct rows *to, size_t row) {
    const struct row_schema *schemas[2] = {plan->left, plan->right};
    struct vector *columns = to->columns;
    to->absent[row] = pair->absent;
    if (join_has_key_column(plan))
        vector_set(columns++, row, &pair->key);
    for (unsigned side = 0; side < 2; side++) {
        size_t shown = pair->absent ? schemas[side]->key_count : schemas[side]->count;
        if (!join_part_fill(&pair->sides[side], arena, columns, schemas[side]->count, shown, row))
            return false;
        columns += schemas[side]->count;
    }
    return true;
}

static struct rows *join_output_make(struct join_output *output, const struct join_pair *pairs) {
    struct arena *arena = output->context->evaluation.arena;
    struct rows *rows = rows_new(arena, &output->plan->result, output->count);
    if (!rows)
        return NULL;
    for (size_t i = 0; i < output->count; i++) {
        if (!join_pair_fill(output->plan, &pairs[i], arena, rows, i))
            return NULL;
        rows->times[i] = output->times[i];
        rows->origins[i] = output->origins[i];
        rows->selected.rows[i] = (uint32_t)i;
    }
    rows->selected.count = output->count;
    if (!output->stamped)
        return rows;
    rows->stream_times = arena_allocate(arena, output->count * sizeof *rows->stream_times);
    if (rows->stream_times)
        memcpy(rows->stream_times, output->stamps, output->count * sizeof *rows->stream_times);
    return rows->stream_times ? rows : NULL;
}

int join_output_flush(struct join_output *output, struct error *error) {
    if (!output->count)
        return 0;
    struct rows *rows = join_output_make(output, output->pairs);
    if (rows && output->before)
        rows->before = join_output_make(output, output->before);
    if (!rows || (output->before && !rows->before))
        return error_no_memory(error);
    if (!output->op->next->results && !output->context->restoring)
        output->context->counters->added += output->count;
    output->count = 0;
    return operator_forward(output->op, rows, output->context, error);
}

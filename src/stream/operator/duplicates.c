/* Rows are remembered as digests of 128 bits, in sets by time, so that a whole set is forgotten at once.
 *
 *     sets      [0, h)      [h, 2h)      [2h, 3h)                      h: the horizon
 *     ──────────┼───────────┼──────┬─────┼────────▶ event time
 *                                  stream time s:  a row whose time is at or before s - h is too late to be known: it
 *                                  passes, and the windows after count it as late. So a set is not needed any more
 *                                  when all of its times are.
 *
 * State comes back by replay, from the oldest record in a set that is kept. What is decided about a row depends on
 * rows of the same time alone, all of which lie in that set: the answer is the same after a restart, however far back
 * the replay begins. Rows without a key or a value pass, and do not move the stream time: it never goes ahead of that
 * of the windows after. */
#include "stream/operator/duplicates.h"

#include "core/hash.h"
#include "core/memory.h"
#include "model/time/time_text.h"
#include "stream/state/stored_row.h"

struct duplicates_set {
    int64_t number;       /* of times [number * horizon, (number + 1) * horizon) */
    int64_t first_offset; /* of the oldest record in it */
    struct state_table *rows;
};

struct duplicates {
    struct stream_operator base;
    const struct duplicates_plan *plan;
    int64_t stream_time;         /* INT64_MIN: none yet */
    struct duplicates_set *sets; /* owned, in no order: there are few */
    size_t count, capacity;
    struct bytes row; /* at hand, as bytes */
};

static void duplicates_forget(struct duplicates *duplicates) {
    size_t kept = 0;
    for (size_t i = 0; i < duplicates->count; i++) {
        struct duplicates_set *set = &duplicates->sets[i];
        int64_t gone = duplicates->stream_time - duplicates->plan->horizon; /* times up to here */
        if (floor_divide(gone + 1, duplicates->plan->horizon) > set->number)
            state_table_free(set->rows);
        else
            duplicates->sets[kept++] = *set;
    }
    duplicates->count = kept;
}

static void duplicates_reach(struct duplicates *duplicates, int64_t time) {
    if (time <= duplicates->stream_time)
        return;
    bool begins = duplicates->stream_time == INT64_MIN;
    int64_t horizon = duplicates->plan->horizon;
    bool next = !begins && floor_divide(time, horizon) != floor_divide(duplicates->stream_time, horizon);
    duplicates->stream_time = time;
    if (next)
        duplicates_forget(duplicates);
}

/* The set of a time, made when it is missing; NULL: no memory. */
static struct duplicates_set *duplicates_set_of(struct duplicates *duplicates, int64_t time, int64_t offset) {
    int64_t number = floor_divide(time, duplicates->plan->horizon);
    for (size_t i = 0; i < duplicates->count; i++)
        if (duplicates->sets[i].number == number)
            return &duplicates->sets[i];
    if (!memory_reserve((void **)&duplicates->sets, &duplicates->capacity, duplicates->count + 1,
                        sizeof *duplicates->sets))
        return NULL;
    struct state_table *rows = state_table_new(1, NULL, NULL);
    if (!rows)
        return NULL;
    duplicates->sets[duplicates->count] = (struct duplicates_set){number, offset, rows};
    return &duplicates->sets[duplicates->count++];
}

static bool duplicates_digest(struct duplicates *duplicates, const struct rows *rows, uint32_t row,
                              uint64_t ret_digest[2]) {
    duplicates->row.length = 0;
    stored_row_write(&duplicates->row, rows, 0, row);
    if (duplicates->row.failed)
        return false;
    ret_digest[0] = hash_bytes(duplicates->row.data, duplicates->row.length, hash_seed());
    ret_digest[1] = hash_bytes(duplicates->row.data, duplicates->row.length, ~ret_digest[0]);
    return true;
}

/* Has the row come before? If not it is known from now on. */
static int duplicates_look(struct duplicates *duplicates, const struct rows *rows, uint32_t row, int64_t offset,
                           bool *ret_known, struct error *error) {
    uint64_t digest[2];
    bool new = true;
    *ret_known = false;
    int64_t time = rows->times[row];
    if (duplicates->stream_time != INT64_MIN && time <= duplicates->stream_time - duplicates->plan->horizon)
        return 0;
    struct duplicates_set *set = duplicates_set_of(duplicates, time, offset);
    if (!set || !duplicates_digest(duplicates, rows, row, digest) ||
        !state_table_put(set->rows, (struct slice){(const char *)digest, sizeof digest}, &new))
        return error_no_memory(error);
    *ret_known = !new;
    duplicates_reach(duplicates, time);
    return 0;
}

static bool duplicates_has_key(const struct duplicates *duplicates, const struct rows *rows, uint32_t row) {
    for (size_t c = 0; c < duplicates->plan->schema.key_count; c++)
        if (rows->columns[c].nulls[row & rows->columns[c].mask])
            return false;
    return !rows->absent[row];
}

static int duplicates_push(struct stream_operator *op, unsigned input, struct rows *rows,
                           struct operator_context *context, struct error *error) {
    struct duplicates *duplicates = (struct duplicates *)op;
    size_t kept = 0;
    (void)input;
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        bool known = false;
        int status =
            duplicates_has_key(duplicates, rows, row)
                ? duplicates_look(duplicates, rows, row, operator_offset(context, rows->origins[row]), &known, error)
                : 0;
        if (status)
            return status;
        rows->selected.rows[kept] = row;
        kept += !known;
    }
    if (operator_counts(op, context))
        context->counters->duplicates += rows->selected.count - kept;
    rows->selected.count = kept;
    return operator_forward(op, rows, context, error);
}

static int duplicates_advance(struct stream_operator *op, int64_t time, struct operator_context *context,
                              struct error *error) {
    duplicates_reach((struct duplicates *)op, time);
    return operator_forward_advance(op, time, context, error);
}

static int64_t duplicates_replay_from(const struct stream_operator *op) {
    const struct duplicates *duplicates = (const struct duplicates *)op;
    int64_t from = INT64_MAX;
    for (size_t i = 0; i < duplicates->count; i++)
        if (duplicates->sets[i].first_offset < from)
            from = duplicates->sets[i].first_offset;
    return from;
}

static int64_t duplicates_stream_time(const struct stream_operator *op) {
    return ((const struct duplicates *)op)->stream_time;
}

static void duplicates_restore_time(struct stream_operator *op, int64_t stream_time) {
    ((struct duplicates *)op)->stream_time = stream_time;
}

static size_t duplicates_memory(const struct stream_operator *op) {
    const struct duplicates *duplicates = (const struct duplicates *)op;
    size_t memory = duplicates->capacity * sizeof *duplicates->sets;
    for (size_t i = 0; i < duplicates->count; i++)
        memory += state_table_memory(duplicates->sets[i].rows);
    return memory;
}

static void duplicates_free(struct stream_operator *op) {
    struct duplicates *duplicates = (struct duplicates *)op;
    for (size_t i = 0; i < duplicates->count; i++)
        state_table_free(duplicates->sets[i].rows);
    free(duplicates->sets);
    bytes_release(&duplicates->row);
    free(duplicates);
}

static const struct operator_driver duplicates_driver = {.name = "duplicates",
                                                         .push = duplicates_push,
                                                         .advance = duplicates_advance,
                                                         .replay_from = duplicates_replay_from,
                                                         .stream_time = duplicates_stream_time,
                                                         .restore_time = duplicates_restore_time,
                                                         .memory = duplicates_memory,
                                                         .free = duplicates_free};

int duplicates_new(const struct duplicates_plan *plan, struct stream_operator *next, unsigned next_input,
                   struct stream_operator **ret_operator, struct error *error) {
    struct duplicates *duplicates = memory_zero(1, sizeof *duplicates);
    if (!duplicates)
        return error_no_memory(error);
    *duplicates =
        (struct duplicates){.base = {&duplicates_driver, next, next_input}, .plan = plan, .stream_time = INT64_MIN};
    *ret_operator = &duplicates->base;
    return 0;
}

/* Rows for which a condition holds.
 *
 * Of a stream the others are dropped, and so are rows without a value. Of a table a change has two sides:
 *
 *     before    after     what leaves
 *     yes       yes       the change
 *     yes       no        a deletion
 *     no        yes       the change, with nothing before it
 *     no        no        nothing
 *
 * What stood before may not be known (a table that is not kept): then a row that does not qualify leaves as a
 * deletion, in case it did before. */
#include "stream/operator/filter.h"

#include "core/memory.h"

struct filter {
    struct stream_operator base;
    const struct filter_plan *plan;
};

/* Runs the condition over those of `candidates` that have a value; `ret_holds[row]` is set for all candidates. */
static int filter_decide(const struct filter *filter, const struct rows *rows, const struct selection *candidates,
                         struct operator_context *context, uint8_t *ret_holds, struct error *error) {
    struct vector holds;
    struct selection present = {
        arena_allocate(context->evaluation.arena, (candidates->count ? candidates->count : 1) * sizeof *present.rows),
        0};
    if (!present.rows)
        return error_no_memory(error);
    for (size_t i = 0; i < candidates->count; i++) {
        uint32_t row = candidates->rows[i];
        ret_holds[row] = 0;
        present.rows[present.count] = row;
        present.count += !rows->absent[row];
    }
    if (present.count == 0)
        return 0;
    int status = evaluator_run(filter->plan->condition, &context->evaluation, rows, &present, &holds, error);
    for (size_t i = 0; !status && i < present.count; i++) {
        uint32_t row = present.rows[i];
        ret_holds[row] = !holds.nulls[row & holds.mask] && holds.booleans[row & holds.mask];
    }
    return status;
}

static int filter_stream(struct filter *filter, struct rows *rows, const uint8_t *holds,
                         struct operator_context *context, struct error *error) {
    size_t kept = 0;
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        rows->selected.rows[kept] = row;
        kept += holds[row];
    }
    if (operator_counts(&filter->base, context))
        context->counters->filtered += rows->selected.count - kept;
    rows->selected.count = kept;
    return operator_forward(&filter->base, rows, context, error);
}

/* A copy of the marks of absence, to be changed. */
static uint8_t *filter_absent(struct operator_context *context, const struct rows *rows) {
    uint8_t *absent = arena_allocate(context->evaluation.arena, rows->count ? rows->count : 1);
    return absent ? memcpy(absent, rows->absent, rows->count) : NULL;
}

static int filter_table(struct filter *filter, struct rows *rows, const uint8_t *holds,
                        struct operator_context *context, struct error *error) {
    struct arena *arena = context->evaluation.arena;
    uint8_t *held = arena_allocate(arena, rows->count ? rows->count : 1);
    uint8_t *absent = filter_absent(context, rows),
            *absent_before = rows->before ? filter_absent(context, rows->before) : NULL;
    struct rows *before = rows->before ? arena_allocate(arena, sizeof *before) : NULL;
    if (!held || !absent || (rows->before && (!absent_before || !before)))
        return error_no_memory(error);
    if (before) {
        int status = filter_decide(filter, rows->before, &rows->selected, context, held, error);
        if (status)
            return status;
        *before = *rows->before;
        before->absent = absent_before;
    }
    size_t kept = 0;
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        bool was = before ? held[row] : true;
        absent[row] = !holds[row];
        if (before)
            absent_before[row] = !held[row];
        rows->selected.rows[kept] = row;
        kept += holds[row] || was;
    }
    if (operator_counts(&filter->base, context))
        context->counters->filtered += rows->selected.count - kept;
    rows->selected.count = kept;
    rows->absent = absent;
    rows->before = before;
    return operator_forward(&filter->base, rows, context, error);
}

static int filter_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                       struct error *error) {
    (void)input;
    struct filter *filter = (struct filter *)op;
    uint8_t *holds = arena_allocate(context->evaluation.arena, rows->count ? rows->count : 1);
    if (!holds)
        return error_no_memory(error);
    int status = filter_decide(filter, rows, &rows->selected, context, holds, error);
    if (status)
        return status;
    return filter->plan->table ? filter_table(filter, rows, holds, context, error)
                               : filter_stream(filter, rows, holds, context, error);
}

static void filter_free(struct stream_operator *op) {
    free(op);
}

static const struct operator_driver filter_driver = {
    .name = "filter", .push = filter_push, .advance = operator_forward_advance, .free = filter_free};

int filter_new(const struct filter_plan *plan, struct stream_operator *next, unsigned next_input,
               struct stream_operator **ret_operator, struct error *error) {
    struct filter *filter = memory_zero(1, sizeof *filter);
    if (!filter)
        return error_no_memory(error);
    *filter = (struct filter){.base = {&filter_driver, next, next_input}, .plan = plan};
    *ret_operator = &filter->base;
    return 0;
}

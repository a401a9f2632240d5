/* Input is selected and evaluated column by column; results are gathered as rows and pushed on when there are many. */
#include "stream/aggregate/group_operator.h"

enum { RESULTS_FEW = 16, RESULTS_MANY = 4096 };

/* --- input
 * ------------------------------------------------------------------------------------------------------------------ */

/* A look at all marks is worth it for many rows. */
static bool group_is_marked(const struct rows *rows, size_t selected, const uint8_t *marks, size_t mask) {
    if (!mask)
        return marks[0];
    return selected < rows->count / 8 || memchr(marks, 1, rows->count) != NULL;
}

bool group_may_be_null(const struct rows *rows, size_t selected, const struct vector *vector) {
    return group_is_marked(rows, selected, vector->nulls, vector->mask);
}

static bool group_may_exclude(const struct rows *rows, size_t selected, const uint8_t *absent,
                              const struct vector *columns, size_t count) {
    bool found = absent && group_is_marked(rows, selected, absent, SIZE_MAX);
    for (size_t c = 0; c < count && !found; c++)
        found = group_may_be_null(rows, selected, &columns[c]);
    return found;
}

/* Those of `from` that are not absent and not NULL in any of `count` columns; often all of them, then `from`. */
static bool group_select(struct arena *arena, const struct rows *rows, const struct selection *from,
                         const uint8_t *absent, const struct vector *columns, size_t count,
                         struct selection *ret_selection) {
    if (!group_may_exclude(rows, from->count, absent, columns, count)) {
        *ret_selection = *from;
        return true;
    }
    struct selection selected = {arena_allocate(arena, (from->count + 1) * sizeof *selected.rows), 0};
    if (!selected.rows)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        uint32_t row = from->rows[i];
        bool excluded = absent && absent[row];
        for (size_t c = 0; c < count && !excluded; c++)
            excluded = columns[c].nulls[row & columns[c].mask];
        if (!excluded)
            selected.rows[selected.count++] = row;
    }
    *ret_selection = selected;
    return true;
}

static int group_evaluate(const struct evaluator *const *evaluators, size_t count, struct evaluation *evaluation,
                          const struct rows *rows, const struct selection *selected, struct vector **ret_vectors,
                          struct error *error) {
    struct vector *vectors = arena_allocate(evaluation->arena, (count + 1) * sizeof *vectors);
    if (!vectors)
        return error_no_memory(error);
    for (size_t i = 0; i < count && selected->count; i++) {
        int status = evaluator_run(evaluators[i], evaluation, rows, selected, &vectors[i], error);
        if (status < 0)
            return status;
    }
    *ret_vectors = vectors;
    return 0;
}

/* Has a call before number `call` computed this? NULL: no. */
static const struct vector *group_find_argument(const struct group_aggregate_plan *plan, struct vector *const *made,
                                                size_t call, const struct evaluator *argument) {
    for (size_t c = 0; c < call; c++)
        for (size_t i = 0; i < plan->calls[c].call.argument_count; i++)
            if (plan->calls[c].arguments[i] == argument)
                return &made[c][i];
    return NULL;
}

static int group_evaluate_call(const struct group_aggregate_plan *plan, size_t number, struct evaluation *evaluation,
                               struct group_input *input, struct error *error) {
    const struct group_call *call = &plan->calls[number];
    size_t count = call->call.argument_count;
    struct vector *vectors = arena_allocate(evaluation->arena, (count + 1) * sizeof *vectors);
    int status = vectors ? 0 : error_no_memory(error);
    for (size_t i = 0; i < count && input->live.count && !status; i++) {
        const struct vector *made = group_find_argument(plan, input->arguments, number, call->arguments[i]);
        if (made)
            vectors[i] = *made;
        else
            status = evaluator_run(call->arguments[i], evaluation, input->rows, &input->live, &vectors[i], error);
    }
    input->arguments[number] = vectors;
    return status;
}

int group_input_evaluate(struct group_aggregate *aggregate, const struct rows *rows, struct evaluation *evaluation,
                         bool silent, struct group_input *ret_input, struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    struct evaluation quiet = *evaluation;
    struct row_errors nowhere = {0};
    struct arena *arena = evaluation->arena;
    struct group_input input = {.rows = rows};
    struct selection present;
    if (silent) {
        quiet.errors = &nowhere;
        evaluation = &quiet;
    }
    input.is_live = plan->table ? arena_allocate(arena, rows->count + 1) : NULL;
    input.arguments = arena_allocate(arena, (plan->call_count + 1) * sizeof *input.arguments);
    if ((plan->table && !input.is_live) || !input.arguments ||
        !group_select(arena, rows, &rows->selected, rows->absent, NULL, 0, &present))
        return error_no_memory(error);
    int status = group_evaluate(plan->keys, plan->key_count, evaluation, rows, &present, &input.keys, error);
    if (status == 0 &&
        !group_select(arena, rows, &present, NULL, input.keys, present.count ? plan->key_count : 0, &input.live))
        status = error_no_memory(error);
    for (size_t c = 0; c < plan->call_count && status == 0; c++)
        status = group_evaluate_call(plan, c, evaluation, &input, error);
    if (status < 0)
        return status;
    if (plan->table)
        memset(input.is_live, 0, rows->count);
    for (size_t i = 0; i < input.live.count && plan->table; i++)
        input.is_live[input.live.rows[i]] = 1;
    *ret_input = input;
    return 0;
}

int group_key_take(struct group_aggregate *aggregate, const struct group_input *input, size_t row, bool timed,
                   struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    aggregate->key.length = 0;
    if (timed && bytes_reserve(&aggregate->key, GROUP_TIME_SIZE))
        aggregate->key.length = GROUP_TIME_SIZE;
    group_key_write(&aggregate->key, input->keys, plan->key_count, row);
    if (aggregate->key.failed)
        return error_no_memory(error);
    for (size_t i = 0; i < plan->key_count; i++)
        vector_get(&input->keys[i], row, &aggregate->key_values[i]);
    return 0;
}

int group_fold_row(struct group_aggregate *aggregate, char *states, const struct group_input *input, size_t row,
                   bool undo, struct error *error) {
    uint32_t number = (uint32_t)row;
    struct group_fold fold = {input->arguments, &number, &states, 1, true};
    return undo ? group_states_undo(&aggregate->states, states, input->arguments, row, error)
                : group_states_fold_run(&aggregate->states, &fold, error);
}

/* --- results
 * ------------------------------------------------------------------------------------------------------------------ */

void group_results_start(struct group_aggregate *aggregate, size_t expected) {
    aggregate->results = NULL;
    aggregate->result_count = 0;
    aggregate->result_room = expected < RESULTS_FEW ? RESULTS_FEW : expected > RESULTS_MANY ? RESULTS_MANY : expected;
}

static int group_results_make(struct group_aggregate *aggregate, struct arena *arena, struct error *error) {
    size_t room = aggregate->result_room;
    struct rows *rows = rows_new(arena, &aggregate->plan->result, room), *before = NULL;
    if (rows && aggregate->plan->want_before)
        before = rows_new(arena, &aggregate->plan->result, room);
    if (!rows || (aggregate->plan->want_before && !before))
        return error_no_memory(error);
    rows->before = before;
    aggregate->results = rows;
    return 0;
}

int group_results_flush(struct group_aggregate *aggregate, struct operator_context *context, struct error *error) {
    struct rows *rows = aggregate->results;
    if (!rows)
        return 0;
    rows->count = aggregate->result_count;
    for (size_t i = 0; i < rows->count; i++)
        rows->selected.rows[i] = (uint32_t)i;
    rows->selected.count = rows->count;
    group_results_start(aggregate, 2 * aggregate->result_room);
    return operator_forward(&aggregate->op, rows, context, error);
}

/* `states` NULL: the row is not there, its values are NULL. */
static int group_result_fill(struct group_aggregate *aggregate, struct arena *arena, struct rows *rows, size_t row,
                             const char *states, struct error *error) {
    const struct group_aggregate_plan *plan = aggregate->plan;
    for (size_t i = 0; i < plan->key_count; i++)
        vector_set(&rows->columns[i], row, &aggregate->key_values[i]);
    rows->absent[row] = states == NULL;
    for (size_t c = 0; c < plan->call_count; c++) {
        struct value value = VALUE_NULL;
        if (states && plan->calls[c].part)
            value = aggregate->part_values[plan->calls[c].part - 1];
        else if (states && !group_states_result(&aggregate->states, c, states, arena, &value))
            return error_no_memory(error);
        vector_set(&rows->columns[plan->key_count + c], row, &value);
    }
    return 0;
}

int group_results_reserve(struct group_aggregate *aggregate, struct operator_context *context, size_t *count,
                          struct error *error) {
    int status = 0;
    if (aggregate->results && aggregate->result_count == aggregate->result_room)
        status = group_results_flush(aggregate, context, error);
    if (status == 0 && !aggregate->results)
        status = group_results_make(aggregate, context->evaluation.arena, error);
    size_t room = aggregate->result_room - aggregate->result_count;
    *count = *count < room ? *count : room;
    return status;
}

int group_result_open(struct group_aggregate *aggregate, struct operator_context *context, const char *before,
                      struct error *error) {
    size_t count = 1;
    int status = group_results_reserve(aggregate, context, &count, error);
    if (status == 0 && aggregate->plan->want_before) {
        struct rows *rows = (struct rows *)(uintptr_t)aggregate->results->before;
        status = group_result_fill(aggregate, context->evaluation.arena, rows, aggregate->result_count, before, error);
    }
    return status;
}

int group_result_close(struct group_aggregate *aggregate, struct operator_context *context,
                       const struct group_result *result, const char *states, struct error *error) {
    struct rows *rows = aggregate->results;
    size_t row = aggregate->result_count++;
    rows->times[row] = result->time;
    rows->origins[row] = result->origin;
    if (rows->window_starts) {
        rows->window_starts[row] = result->window_start;
        rows->window_ends[row] = result->window_end;
    }
    return group_result_fill(aggregate, context->evaluation.arena, rows, row, states, error);
}

#include "stream/aggregate/group_operator.h"

enum { RESULTS_FEW = 16, RESULTS_MANY = 4096 };

/* --- input
 * ------------------------------------------------------------------------------------------------------------------ */

/* Those of `from` that are not absent and not NULL in any of `count` columns. */
static bool group_select(struct arena *arena, const struct selection *from, const uint8_t *absent,
                         const struct vector *columns, size_t count, struct selection *ret_selection) {
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
    input.is_live = arena_allocate(arena, rows->count + 1);
    input.arguments = arena_allocate(arena, (plan->call_count + 1) * sizeof *input.arguments);
    if (!input.is_live || !input.arguments || !group_select(arena, &rows->selected, rows->absent, NULL, 0, &present))
        return error_no_memory(error);
    int status = group_evaluate(plan->keys, plan->key_count, evaluation, rows, &present, &input.keys, error);
    if (status == 0 &&
        !group_select(arena, &present, NULL, input.keys, present.count ? plan->key_count : 0, &input.live))
        status = error_no_memory(error);
    for (size_t c = 0; c < plan->call_count && status == 0; c++)
        status = group_evaluate(plan->calls[c].arguments, plan->calls[c].call.argument_count, evaluation, rows,
                                &input.live, &input.arguments[c], error);
    if (status < 0)
        return status;
    memset(input.is_live, 0, rows->count);
    for (size_t i = 0; i < input.live.count; i++)
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

/* --- states
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t group_state_memory(const struct aggregate_call *call, const void *state) {
    return call->driver->memory ? call->driver->memory(call, state) : 0;
}

static int group_state_failed(const struct aggregate_call *call, const char *problem, struct error *error) {
    return problem ? error_set(error, ERROR_INVALID, "%s: %s", call->function->name, problem) : error_no_memory(error);
}

int group_states_fold(struct group_aggregate *aggregate, char *states, const struct group_input *input, size_t row,
                      bool undo, struct error *error) {
    for (size_t c = 0; c < aggregate->plan->call_count; c++) {
        const struct aggregate_call *call = &aggregate->plan->calls[c].call;
        void *state = states + aggregate->state_offsets[c];
        const char *problem = NULL;
        for (size_t i = 0; i < call->argument_count; i++)
            vector_get(&input->arguments[c][i], row, &aggregate->arguments[i]);
        aggregate->arguments[call->argument_count] = value_of_integer(aggregate->sequence);
        size_t memory = group_state_memory(call, state);
        if (!(undo ? call->driver->undo : call->driver->fold)(call, state, aggregate->arguments, &problem))
            return group_state_failed(call, problem, error);
        aggregate->states_memory += group_state_memory(call, state) - memory;
    }
    aggregate->sequence++;
    return 0;
}

int group_states_merge(struct group_aggregate *aggregate, char *states, const char *other, struct error *error) {
    for (size_t c = 0; c < aggregate->plan->call_count; c++) {
        const struct aggregate_call *call = &aggregate->plan->calls[c].call;
        void *state = states + aggregate->state_offsets[c];
        const char *problem = NULL;
        size_t memory = group_state_memory(call, state);
        if (!call->driver->merge(call, state, other + aggregate->state_offsets[c], &problem))
            return group_state_failed(call, problem, error);
        aggregate->states_memory += group_state_memory(call, state) - memory;
    }
    return 0;
}

void group_states_write(const struct group_aggregate *aggregate, const char *states, struct bytes *to) {
    for (size_t c = 0; c < aggregate->plan->call_count; c++) {
        const struct aggregate_call *call = &aggregate->plan->calls[c].call;
        call->driver->write(call, states + aggregate->state_offsets[c], to);
    }
}

bool group_states_read(struct group_aggregate *aggregate, const char **at, const char *end, char *states) {
    bool good = true;
    for (size_t c = 0; c < aggregate->plan->call_count && good; c++) {
        const struct aggregate_call *call = &aggregate->plan->calls[c].call;
        good = call->driver->read(call, at, end, states + aggregate->state_offsets[c]);
        aggregate->states_memory += group_state_memory(call, states + aggregate->state_offsets[c]);
    }
    return good;
}

void group_states_release(struct group_aggregate *aggregate, char *states) {
    for (size_t c = 0; c < aggregate->plan->call_count; c++) {
        const struct aggregate_call *call = &aggregate->plan->calls[c].call;
        aggregate->states_memory -= group_state_memory(call, states + aggregate->state_offsets[c]);
        if (call->driver->release)
            call->driver->release(call, states + aggregate->state_offsets[c]);
    }
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
        const struct aggregate_call *call = &plan->calls[c].call;
        struct value value = VALUE_NULL;
        if (states && !call->driver->result(call, states + aggregate->state_offsets[c], arena, &value))
            return error_no_memory(error);
        vector_set(&rows->columns[plan->key_count + c], row, &value);
    }
    return 0;
}

int group_result_open(struct group_aggregate *aggregate, struct operator_context *context, const char *before,
                      struct error *error) {
    struct arena *arena = context->evaluation.arena;
    int status = 0;
    if (aggregate->results && aggregate->result_count == aggregate->result_room)
        status = group_results_flush(aggregate, context, error);
    if (status == 0 && !aggregate->results)
        status = group_results_make(aggregate, arena, error);
    if (status == 0 && aggregate->plan->want_before) {
        struct rows *rows = (struct rows *)(uintptr_t)aggregate->results->before;
        status = group_result_fill(aggregate, arena, rows, aggregate->result_count, before, error);
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

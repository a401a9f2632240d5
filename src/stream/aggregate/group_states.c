/* The states of one group: which calls have one of their own, which share one, and what is done to all of them.
 *
 *     COUNT(*)  MIN(v)  MAX(v)  SUM(v)  AVG(v)  LATEST_BY_OFFSET(s)
 *        │         └───────┴──┬────┴───────┘            │
 *     count 8 bytes     statistics 40 bytes       pointer 8 bytes            one fold for each of the three
 *
 * Calls share when they have the same argument, that is, the same evaluator. */
#include "stream/aggregate/group_states.h"

#include "core/memory.h"
#include "stream/aggregate/function/aggregates.h"

/* --- layout
 * ------------------------------------------------------------------------------------------------------------------ */

static bool call_has_argument(const struct group_call *call, const struct evaluator *argument) {
    return call->call.argument_count == 1 && call->arguments[0] == argument;
}

static bool call_is_shareable(const struct group_call *call) {
    const struct aggregate_function *function = call->call.function;
    return call->call.driver == &aggregate_statistics_driver ||
           (call->call.argument_count == 1 && call->call.arguments[0]->kind == TYPE_DOUBLE &&
            (function == &aggregate_of_min || function == &aggregate_of_max || function == &aggregate_of_count));
}

/* The call whose statistics `number` can use; its own number when it has a state of its own. */
static size_t call_owner(const struct group_call *calls, size_t count, size_t number) {
    if (!call_is_shareable(&calls[number]))
        return number;
    for (size_t i = 0; i < count; i++)
        if (!calls[i].part && calls[i].call.driver == &aggregate_statistics_driver &&
            call_has_argument(&calls[i], calls[number].arguments[0]))
            return i;
    return number;
}

/* The call whose statistics a COUNT(*) can use; SIZE_MAX: there is none. */
static size_t star_owner(const struct group_call *calls, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!calls[i].part && calls[i].call.driver == &aggregate_statistics_driver &&
            calls[i].call.arguments[0]->kind == TYPE_DOUBLE)
            return i;
    return SIZE_MAX;
}

static bool call_is_star(const struct group_call *call) {
    return call->call.function == &aggregate_of_count && call->call.argument_count == 0;
}

/* Finds the statistics for every COUNT(*). */
static size_t states_share_stars(struct group_states *states) {
    size_t owner = star_owner(states->calls, states->call_count), found = SIZE_MAX;
    for (size_t i = 0; i < states->call_count && owner != SIZE_MAX; i++) {
        states->places[i].star = call_is_star(&states->calls[i]);
        found = states->places[i].star ? call_owner(states->calls, states->call_count, owner) : found;
    }
    return found;
}

bool group_states_open(struct group_states *states, const struct group_call *calls, size_t count, bool nulls) {
    size_t arguments = 0;
    *states = (struct group_states){.calls = calls, .call_count = count, .star_owner = SIZE_MAX};
    states->places = memory_zero(count, sizeof *states->places);
    states->owners = memory_zero(count, sizeof *states->owners);
    if (!states->places || !states->owners)
        return false;
    if (nulls)
        states->star_owner = states_share_stars(states);
    for (size_t i = 0; i < count; i++) {
        const struct aggregate_call *call = &calls[i].call;
        if (calls[i].part || states->places[i].star)
            continue;
        size_t owner = call_owner(calls, count, i);
        arguments = arguments < call->argument_count ? call->argument_count : arguments;
        states->places[i].driver = calls[owner].call.driver;
        if (owner != i)
            continue;
        states->owners[states->owner_count++] = i;
        states->places[i].offset = states->size;
        states->size += (call->state_size + 7) & ~(size_t)7;
        states->released |= call->driver->release != NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (states->places[i].star)
            states->places[i].offset = states->places[states->star_owner].offset;
        else if (!calls[i].part)
            states->places[i].offset = states->places[call_owner(calls, count, i)].offset;
    states->arguments = memory_zero(arguments + 1, sizeof *states->arguments);
    return states->arguments != NULL;
}

void group_states_close(struct group_states *states) {
    free(states->places);
    free(states->owners);
    free(states->arguments);
}

/* --- folding
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t state_memory(const struct aggregate_call *call, const void *state) {
    return call->driver->memory ? call->driver->memory(call, state) : 0;
}

static int state_failed(const struct aggregate_call *call, const char *problem, struct error *error) {
    return problem ? error_set(error, ERROR_INVALID, "%s: %s", call->function->name, problem) : error_no_memory(error);
}

/* One row, by way of values. */
static bool state_fold(struct group_states *states, const struct aggregate_call *call, void *state,
                       const struct vector *arguments, size_t row, int64_t sequence, bool undo, const char **problem) {
    for (size_t i = 0; i < call->argument_count; i++)
        vector_get(&arguments[i], row, &states->arguments[i]);
    states->arguments[call->argument_count] = value_of_integer(sequence);
    size_t memory = state_memory(call, state);
    bool good = (undo ? call->driver->undo : call->driver->fold)(call, state, states->arguments, problem);
    states->memory += state_memory(call, state) - memory;
    return good;
}

static bool states_fold_call(struct group_states *states, size_t number, const struct group_fold *fold,
                             const char **problem) {
    const struct aggregate_call *call = &states->calls[number].call;
    const struct vector *arguments = fold->arguments[number];
    struct aggregate_run run = {.arguments = arguments,
                                .rows = fold->rows,
                                .states = fold->states,
                                .offset = states->places[number].offset,
                                .count = fold->count,
                                .sequence = states->sequence};
    if (call->driver->fold_run) {
        bool good = call->driver->fold_run(call, &run, problem);
        states->memory += (size_t)run.memory;
        return good;
    }
    for (size_t i = 0; i < fold->count; i++)
        if (!state_fold(states, call, aggregate_run_state(&run, i), arguments, fold->rows[i],
                        states->sequence + (int64_t)i, false, problem))
            return false;
    return true;
}

/* Counts the rows whose statistics have no value. */
static bool states_count_nulls(const struct group_states *states, const struct group_fold *fold) {
    const struct vector *vector = &fold->arguments[states->star_owner][0];
    bool good = true;
    for (size_t i = 0; i < fold->count; i++)
        if (vector->nulls[fold->rows[i] & vector->mask]) {
            uint32_t *nulls = (uint32_t *)(void *)(fold->states[i] - sizeof *nulls);
            good &= ++*nulls != 0;
        }
    return good;
}

int group_states_fold_run(struct group_states *states, const struct group_fold *fold, struct error *error) {
    for (size_t i = 0; i < states->owner_count; i++) {
        const char *problem = NULL;
        if (!states_fold_call(states, states->owners[i], fold, &problem))
            return state_failed(&states->calls[states->owners[i]].call, problem, error);
    }
    states->sequence += (int64_t)fold->count;
    if (states->star_owner != SIZE_MAX && fold->nulls && !states_count_nulls(states, fold))
        return error_set(error, ERROR_INVALID, "COUNT: more than %u rows of a group are without a value", UINT32_MAX);
    return 0;
}

int group_states_undo(struct group_states *states, char *at, struct vector *const *arguments, size_t row,
                      struct error *error) {
    for (size_t i = 0; i < states->owner_count; i++) {
        size_t c = states->owners[i];
        const struct aggregate_call *call = &states->calls[c].call;
        const char *problem = NULL;
        if (!state_fold(states, call, at + states->places[c].offset, arguments[c], row, states->sequence, true,
                        &problem))
            return state_failed(call, problem, error);
    }
    states->sequence++;
    return 0;
}

int group_states_merge(struct group_states *states, char *at, const char *other, struct error *error) {
    for (size_t i = 0; i < states->owner_count; i++) {
        size_t c = states->owners[i], offset = states->places[c].offset;
        const struct aggregate_call *call = &states->calls[c].call;
        const char *problem = NULL;
        size_t memory = state_memory(call, at + offset);
        if (!call->driver->merge(call, at + offset, other + offset, &problem))
            return state_failed(call, problem, error);
        states->memory += state_memory(call, at + offset) - memory;
    }
    return 0;
}

/* --- results and the stored form
 * ------------------------------------------------------------------------------------------------------------------ */

bool group_states_result(const struct group_states *states, size_t call, const char *at, struct arena *arena,
                         struct value *ret_value) {
    const struct group_state_place *place = &states->places[call];
    if (place->star) {
        const struct statistics *statistics = (const void *)(at + place->offset);
        uint32_t nulls = *(const uint32_t *)(const void *)(at - sizeof nulls);
        *ret_value = value_of_integer((int64_t)(statistics_count(statistics) + nulls));
        return true;
    }
    return place->driver->result(&states->calls[call].call, at + place->offset, arena, ret_value);
}

static void states_star_results(const struct aggregate_results *results) {
    for (size_t i = 0; i < results->count; i++) {
        const struct statistics *statistics = aggregate_result_state(results, i);
        uint32_t nulls = *(const uint32_t *)(const void *)(results->states[i] - sizeof nulls);
        results->to->nulls[results->row + i] = 0;
        results->to->integers[results->row + i] = (int64_t)(statistics_count(statistics) + nulls);
    }
}

bool group_states_results(const struct group_states *states, size_t call, const char *const *at, size_t count,
                          struct arena *arena, struct vector *to, size_t row) {
    const struct group_state_place *place = &states->places[call];
    const struct aggregate_results results = {at, place->offset, count, to, row};
    if (place->star) {
        states_star_results(&results);
        return true;
    }
    if (place->driver->result_run) {
        place->driver->result_run(&states->calls[call].call, &results);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        struct value value;
        if (!group_states_result(states, call, at[i], arena, &value))
            return false;
        vector_set(to, row + i, &value);
    }
    return true;
}

void group_states_write(const struct group_states *states, const char *at, struct bytes *to) {
    for (size_t i = 0; i < states->owner_count; i++) {
        const struct aggregate_call *call = &states->calls[states->owners[i]].call;
        call->driver->write(call, at + states->places[states->owners[i]].offset, to);
    }
}

bool group_states_read(struct group_states *states, const char **from, const char *end, char *at) {
    bool good = true;
    for (size_t i = 0; i < states->owner_count && good; i++) {
        const struct aggregate_call *call = &states->calls[states->owners[i]].call;
        void *state = at + states->places[states->owners[i]].offset;
        good = call->driver->read(call, from, end, state);
        states->memory += state_memory(call, state);
    }
    return good;
}

void group_states_release(struct group_states *states, char *at) {
    for (size_t i = 0; i < states->owner_count && states->released; i++) {
        const struct aggregate_call *call = &states->calls[states->owners[i]].call;
        void *state = at + states->places[states->owners[i]].offset;
        states->memory -= state_memory(call, state);
        if (call->driver->release)
            call->driver->release(call, state);
    }
}

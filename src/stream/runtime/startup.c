/* Queries are tried together first; when that fails, by what belongs together, so that each error has its query. */
#include "stream/runtime/startup.h"

#include "core/memory.h"
#include "stream/group/grouping.h"

/* A position of a query in a group. */
struct startup_place {
    const char *group;
    uint64_t query;
};

struct startup {
    struct query_runner *runner;
    const struct query_settings *settings;
    const struct query_plan *const *plans;
    size_t count;
    void (*failed)(void *context, const struct query_plan *plan, const struct error *why);
    void *context;
    bool *done; /* by plan: it runs, or has failed */
    struct arena arena;
    struct bus_group_list positions;
    struct startup_place *places;
    size_t place_count, place_capacity;
};

bool query_start_is_impossible(int status, const struct error *error) {
    return !error->retriable && (status == ERROR_INVALID || status == ERROR_NOT_FOUND || status == ERROR_EXISTS ||
                                 status == ERROR_CONFLICT || status == ERROR_UNSUPPORTED || status == ERROR_CORRUPT);
}

/* --- who stands together
 * ------------------------------------------------------------------------------------------------------------------ */

static int startup_learn_position(struct startup *startup, const struct bus_group_position *at, struct error *error) {
    struct bus_committed *committed = arena_allocate(&startup->arena, sizeof *committed);
    struct query_position position;
    struct error unreadable;
    int status = committed
                     ? bus_committed(startup->settings->bus, at->group, at->topic, at->partition, committed, error)
                     : error_no_memory(error);
    if (status || !committed->exists ||
        query_position_read(committed->metadata, &startup->arena, &position, &unreadable))
        return status;
    for (size_t i = 0; i < position.stage_count; i++) {
        if (!memory_reserve((void **)&startup->places, &startup->place_capacity, startup->place_count + 1,
                            sizeof *startup->places))
            return error_no_memory(error);
        startup->places[startup->place_count++] = (struct startup_place){at->group, position.stages[i].query};
    }
    return 0;
}

static int startup_learn(struct startup *startup, struct error *error) {
    int status = bus_groups(startup->settings->bus, &startup->positions, error);
    for (size_t i = 0; i < startup->positions.count && !status; i++)
        if (query_group_belongs(startup->positions.positions[i].group, startup->settings->group))
            status = startup_learn_position(startup, &startup->positions.positions[i], error);
    return status;
}

/* The group that has positions of both; NULL: there is none. */
static const char *startup_shared(const struct startup *startup, const struct query_plan *left,
                                  const struct query_plan *right) {
    uint64_t a = query_position_hash(left->id), b = query_position_hash(right->id);
    for (size_t i = 0; i < startup->place_count; i++)
        for (size_t j = 0; j < startup->place_count && startup->places[i].query == a; j++)
            if (startup->places[j].query == b && strcmp(startup->places[i].group, startup->places[j].group) == 0)
                return startup->places[i].group;
    return NULL;
}

/* --- failing
 * ------------------------------------------------------------------------------------------------------------------ */

static void startup_fail(struct startup *startup, size_t at, const struct error *why);

/* Those that share a group with a query that has failed. */
static void startup_fail_sharers(struct startup *startup, size_t at, const struct error *why) {
    for (size_t i = 0; i < startup->count; i++) {
        const char *group = startup->done[i] ? NULL : startup_shared(startup, startup->plans[at], startup->plans[i]);
        struct error because;
        if (!group)
            continue;
        error_set(&because, why->code, "query %s waits for query %s, whose positions lie in group %s with its own: %s",
                  startup->plans[i]->id, startup->plans[at]->id, group, why->message);
        startup_fail(startup, i, &because);
    }
}

static void startup_fail(struct startup *startup, size_t at, const struct error *why) {
    startup->done[at] = true;
    startup->failed(startup->context, startup->plans[at], why);
    startup_fail_sharers(startup, at, why);
}

/* Each on its own: what cannot be, whatever the others do. */
static int startup_check(struct startup *startup, struct error *error) {
    for (size_t i = 0; i < startup->count; i++) {
        int status = startup->done[i] ? 0 : query_runner_check(startup->runner, startup->plans[i], error);
        if (status && !query_start_is_impossible(status, error))
            return status;
        if (status) {
            struct error why = *error;
            startup_fail(startup, i, &why);
        }
    }
    return 0;
}

/* --- starting
 * ------------------------------------------------------------------------------------------------------------------ */

static int startup_add(struct startup *startup, const size_t *which, size_t count, struct error *error) {
    const struct query_plan **plans = memory_zero(count, sizeof(struct query_plan *));
    if (!plans)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++)
        plans[i] = startup->plans[which[i]];
    int status = query_runner_add(startup->runner, plans, count, error);
    free(plans);
    for (size_t i = 0; i < count && !status; i++)
        startup->done[which[i]] = true;
    return status;
}

/* A query with all that share a group with it, and with those that share one with these, .. */
static size_t startup_gather(const struct startup *startup, size_t first, size_t *which) {
    size_t count = 1;
    which[0] = first;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < startup->count; i++) {
            bool there = startup->done[i];
            for (size_t j = 0; j < count && !there; j++)
                there = which[j] == i;
            if (!there && startup_shared(startup, startup->plans[which[k]], startup->plans[i]))
                which[count++] = i;
        }
    return count;
}

/* What is possible alone and not together: as far as it goes, in order. */
static int startup_add_each(struct startup *startup, size_t *which, struct error *error) {
    for (size_t i = 0; i < startup->count; i++) {
        int status = startup->done[i] ? 0 : startup_add(startup, which, startup_gather(startup, i, which), error);
        if (status && !query_start_is_impossible(status, error))
            return status;
        if (status) {
            struct error why = *error;
            startup_fail(startup, i, &why);
        }
    }
    return 0;
}

static int startup_divide(struct startup *startup, size_t *which, struct error *error) {
    size_t count = 0;
    int status = startup_learn(startup, error);
    if (!status)
        status = startup_check(startup, error);
    for (size_t i = 0; i < startup->count && !status; i++)
        if (!startup->done[i])
            which[count++] = i;
    if (!status && count)
        status = startup_add(startup, which, count, error);
    return status && query_start_is_impossible(status, error) ? startup_add_each(startup, which, error) : status;
}

int query_runner_start(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                       void (*failed)(void *context, const struct query_plan *plan, const struct error *why),
                       void *context, struct error *error) {
    int status = query_runner_add(runner, plans, count, error);
    if (!status || !query_start_is_impossible(status, error))
        return status;
    struct startup startup = {.runner = runner,
                              .settings = query_runner_settings(runner),
                              .plans = plans,
                              .count = count,
                              .failed = failed,
                              .context = context,
                              .done = memory_zero(count, sizeof(bool))};
    size_t *which = memory_zero(count, sizeof *which);
    status = startup.done && which ? startup_divide(&startup, which, error) : error_no_memory(error);
    free(which);
    free(startup.done);
    free(startup.places);
    bus_group_list_release(&startup.positions);
    arena_release(&startup.arena);
    return status;
}

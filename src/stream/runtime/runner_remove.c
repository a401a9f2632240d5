/* Queries that leave a run: dropped, failed, or bereft of a topic. */
#include <string.h>

#include "core/memory.h"
#include "stream/group/apart.h"
#include "stream/runtime/regroup.h"
#include "stream/runtime/runner_parts.h"

#define AWAIT_NS INT64_C(5000000)

/* --- deleted topics
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t runner_count_members(const struct query_runner *runner) {
    size_t members = 0;
    for (size_t i = 0; i < runner->count; i++)
        members += runner->running[i]->group->member_count;
    return members;
}

/* The group has lost a topic, and its workers are done. */
static bool running_is_bereft(const struct running_group *running) {
    return atomic_load(&running->group->bereft) && atomic_load(&running->group->finished) >= running->group->workers;
}

static int runner_divide_bereft(struct query_runner *runner, const struct query_plan **plans, size_t *count,
                                struct error *error) {
    int status = 0;
    for (size_t i = 0; i < runner->count && !status; i++) {
        struct running_group *running = runner->running[i];
        if (!running_is_bereft(running))
            continue;
        if (!running->joined)
            running_join(runner, running);
        status = query_group_divide(runner->settings->bus, running->group, plans, count, error);
        if (!status)
            atomic_store(&running->group->bereft, false);
    }
    return status;
}

int query_runner_regroup(struct query_runner *runner, bool *ret_begun, struct error *error) {
    size_t count = 0;
    pthread_mutex_lock(&runner->lock);
    const struct query_plan **plans = memory_zero(runner_count_members(runner) + 1, sizeof(struct query_plan *));
    int status = plans ? runner_divide_bereft(runner, plans, &count, error) : error_no_memory(error);
    if (!status && count && !atomic_load(runner->settings->stop))
        status = runner_add(runner, plans, count, error);
    if (status && count) /* they are in no group now */
        error->retriable = false;
    pthread_mutex_unlock(&runner->lock);
    free(plans);
    *ret_begun = !status && count;
    return status;
}

/* --- removing
 * ------------------------------------------------------------------------------------------------------------------ */

/* Does a group that lives on read the topic? Its consumers have subscribed to it. */
static bool runner_reads(const struct query_runner *runner, const char *topic) {
    for (size_t i = 0; i < runner->count; i++) {
        const struct query_group *group = runner->running[i]->group;
        bool lives = !runner->running[i]->joined && !query_group_is_empty(group);
        for (size_t t = 0; lives && t < group->topic_count; t++)
            if (strcmp(group->topics[t].name, topic) == 0)
                return true;
    }
    return false;
}

static int runner_forget(struct query_runner *runner, const struct query_group *group, const char *id, bool topics,
                         struct error *error) {
    int status = query_group_is_empty(group) ? bus_group_reset(runner->settings->bus, group->name, error) : 0;
    for (size_t i = 0; i < group->member_count && topics && !status; i++) {
        const struct query_member *member = &group->members[i];
        if (strcmp(member->query->id, id) != 0)
            continue;
        if (atomic_load(&member->failed)) {
            char apart[QUERY_GROUP_NAME_SIZE];
            query_apart_name(group->name, member, apart);
            status = bus_group_reset(runner->settings->bus, apart, error);
        }
        if (!status && member->changelog_topic)
            status = bus_topic_delete(runner->settings->bus, member->changelog_topic, error);
        if ((!status || status == ERROR_NOT_FOUND) && member->plan->sink->sink.internal &&
            !runner_reads(runner, member->sink_topic)) /* the next start deletes it */
            status = bus_topic_delete(runner->settings->bus, member->sink_topic, error);
        status = status == ERROR_NOT_FOUND ? 0 : status;
    }
    return status;
}

/* Until the threads of the group have gone; another thread may be waiting for them. */
static void runner_await(struct query_runner *runner, struct running_group *running) {
    if (!running->joined)
        running_join(runner, running);
    while (!atomic_load(&running->closed))
        clock_sleep_ns(runner->settings->clock, AWAIT_NS);
}

static bool group_is_settled(const struct query_group *group) {
    unsigned removals = atomic_load(&group->removals);
    for (size_t i = 0; i < group->workers; i++)
        if (atomic_load(&group->settled[i]) < removals)
            return false;
    return true;
}

/* Until what the workers have begun for a query that was removed is committed: its topics may go then. */
static void runner_await_settled(struct query_runner *runner, struct running_group *running) {
    struct error ignored; /* of a worker, which has kept it */
    while (!group_is_settled(running->group) && !running->joined && !atomic_load(runner->settings->stop) &&
           atomic_load(&running->group->finished) < running->group->workers)
        if (runner->settings->manual)
            for (size_t w = 0; w < running->group->workers; w++)
                running_turn(running, w, &ignored);
        else
            clock_sleep_ns(runner->settings->clock, AWAIT_NS);
}

/* Marks the stages of a query; false: the group has none that works. */
static bool group_remove(struct query_group *group, const char *id) {
    bool found = false;
    for (size_t m = 0; m < group->member_count; m++)
        if (strcmp(group->members[m].query->id, id) == 0) {
            bool known = atomic_exchange(&group->members[m].orphaned, false) || atomic_load(&group->members[m].failed);
            found |= !atomic_exchange(&group->members[m].removed, true) || known;
        }
    if (found)
        atomic_fetch_add(&group->removals, 1);
    return found;
}

const struct query_plan *query_runner_orphan(struct query_runner *runner) {
    const struct query_plan *found = NULL;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count && !found; i++)
        for (size_t m = 0; m < runner->running[i]->group->member_count && !found; m++)
            if (atomic_load(&runner->running[i]->group->members[m].orphaned))
                found = runner->running[i]->group->members[m].query;
    pthread_mutex_unlock(&runner->lock);
    return found;
}

/* Of several stages of a query one is enough. */
static const struct query_plan *group_tell_failed(struct query_group *group, struct error *ret_why) {
    for (size_t m = 0; m < group->member_count; m++) {
        struct query_member *member = &group->members[m];
        if (!atomic_load(&member->failed) || member->told)
            continue;
        member->told = true;
        *ret_why = member->failure;
        return member->query;
    }
    return NULL;
}

const struct query_plan *query_runner_failed(struct query_runner *runner, struct error *ret_why) {
    const struct query_plan *found = NULL;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count && !found; i++)
        found = group_tell_failed(runner->running[i]->group, ret_why);
    pthread_mutex_unlock(&runner->lock);
    return found;
}

int query_runner_remove(struct query_runner *runner, const char *id, bool forget, struct error *error) {
    bool found = false;
    int status = 0;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count; i++) {
        runner->running[i]->leaving = group_remove(runner->running[i]->group, id);
        found |= runner->running[i]->leaving;
    }
    for (size_t i = 0; i < runner->count; i++)
        if (runner->running[i]->leaving && query_group_is_empty(runner->running[i]->group))
            runner_await(runner, runner->running[i]);
        else if (runner->running[i]->leaving)
            runner_await_settled(runner, runner->running[i]);
    for (size_t i = 0; i < runner->count && !status; i++)
        if (runner->running[i]->leaving)
            status = runner_forget(runner, runner->running[i]->group, id, forget, error);
    pthread_mutex_unlock(&runner->lock);
    return found ? status : error_set(error, ERROR_NOT_FOUND, "query %s does not run", id);
}

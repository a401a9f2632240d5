/* Adding divides, makes topics, opens all workers and only then starts them, so that nothing has run when one cannot
 * be opened. */
#include "stream/runtime/runner_parts.h"

#include <string.h>

#include "core/memory.h"
#include "stream/group/grouping.h"
#include "stream/group/kept.h"
#include "stream/group/topics.h"

#define START_NS INT64_C(30000000000) /* so long a start waits for a log that does not answer */
#define RETRY_NS INT64_C(200000000)

int query_runner_open(const struct query_settings *settings, struct query_runner **ret_runner, struct error *error) {
    struct query_runner *runner = memory_zero(1, sizeof *runner);
    if (!runner)
        return error_no_memory(error);
    runner->settings = settings;
    pthread_mutex_init(&runner->lock, NULL);
    *ret_runner = runner;
    return 0;
}

/* --- ending
 * ------------------------------------------------------------------------------------------------------------------ */

/* Waits until the worker's thread has ended; without threads it ends here, unless a turn has ended it. */
static void running_end_worker(const struct query_runner *runner, struct running_group *running, size_t number) {
    if (!runner->settings->manual)
        pthread_join(running->workers[number].thread, NULL);
    else if (!running->ended[number])
        query_worker_end(&running->workers[number]);
}

void running_join(struct query_runner *runner, struct running_group *running) {
    for (size_t i = 0; i < running->started; i++)
        running_end_worker(runner, running, i);
    for (size_t i = 0; i < running->started && !runner->status; i++)
        if (running->workers[i].status) {
            runner->status = running->workers[i].status;
            runner->error = running->workers[i].error;
        }
    for (size_t i = 0; i < running->opened; i++)
        query_worker_close(&running->workers[i]);
    running->opened = running->started = 0;
    running->joined = true;
    atomic_store(&running->closed, true);
}

static void running_free(struct running_group *running) {
    free(running->workers);
    free(running->ended);
    free(running);
}

struct query_runner *query_runner_close(struct query_runner *runner) {
    if (!runner)
        return NULL;
    for (size_t i = 0; i < runner->count; i++)
        if (!runner->running[i]->joined) {
            atomic_store(runner->settings->stop, true);
            running_join(runner, runner->running[i]);
        }
    for (size_t i = 0; i < runner->count; i++)
        running_free(runner->running[i]);
    query_groups_release(&runner->groups);
    pthread_mutex_destroy(&runner->lock);
    free(runner->running);
    free(runner);
    return NULL;
}

/* The next that has not been waited for, taken so that no other thread waits for it; NULL: none. */
static struct running_group *runner_take(struct query_runner *runner) {
    struct running_group *found = NULL;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count && !found; i++)
        if (!runner->running[i]->joined) {
            found = runner->running[i];
            found->joined = true;
        }
    pthread_mutex_unlock(&runner->lock);
    return found;
}

/* What comes to rest before its end, which nothing will bring now, has failed. */
static void runner_settle_to_end(struct query_runner *runner) {
    struct error error;
    int status = query_runner_settle(runner, &error);
    if (!status && runner->settings->until_end && !atomic_load(runner->settings->stop) &&
        !query_runner_has_ended(runner)) {
        runner->status = error_set(&runner->error, ERROR_BUSY, "the queries have come to rest before their end");
        status = runner->status;
    }
    if (status)
        atomic_store(runner->settings->stop, true);
}

int query_runner_wait(struct query_runner *runner, struct error *error) {
    struct running_group *running;
    if (runner->settings->manual)
        runner_settle_to_end(runner);
    while ((running = runner_take(runner)))
        running_join(runner, running);
    if (runner->status)
        *error = runner->error;
    return runner->status;
}

bool query_runner_has_ended(struct query_runner *runner) {
    bool ended = true;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count && ended; i++)
        ended = runner->running[i]->joined ||
                atomic_load(&runner->running[i]->group->finished) >= runner->running[i]->group->workers;
    pthread_mutex_unlock(&runner->lock);
    return ended;
}

/* --- adding
 * ------------------------------------------------------------------------------------------------------------------ */

static int group_prepare(struct query_runner *runner, struct query_group *group, struct error *error) {
    size_t partitions = (size_t)group->partitions, workers = runner->settings->workers;
    group->workers = workers < 1 ? 1 : workers < partitions ? workers : partitions;
    group->at_end = memory_zero(group->workers, sizeof *group->at_end);
    group->settled = memory_zero(group->workers, sizeof *group->settled);
    group->lags = memory_zero(partitions, sizeof *group->lags);
    group->begun = memory_zero(partitions, sizeof *group->begun);
    bool room = group->at_end && group->settled && group->lags && group->begun;
    for (size_t i = 0; i < group->member_count && room; i++) {
        group->members[i].counters = memory_zero(partitions, sizeof *group->members[i].counters);
        group->members[i].before = memory_zero(partitions, sizeof *group->members[i].before);
        group->members[i].memory = memory_zero(partitions, sizeof *group->members[i].memory);
        room = group->members[i].counters && group->members[i].before && group->members[i].memory;
    }
    return room ? 0 : error_no_memory(error);
}

static bool group_feeds(const struct query_group *from, const struct query_group *to) {
    for (size_t i = 0; i < to->topic_count; i++)
        if (query_group_writes(from, to->topics[i].name))
            return true;
    return false;
}

static bool group_has_upstream(const struct query_group *group, const struct query_group *other) {
    for (size_t i = 0; i < group->upstream_count; i++)
        if (group->upstream[i] == other)
            return true;
    return false;
}

/* Which groups are upstream of `group`, over any number of steps. */
static void runner_find_upstream(const struct query_groups *all, struct query_group *group) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < all->count; i++) {
            struct query_group *from = all->groups[i];
            bool feeds = group_feeds(from, group);
            for (size_t u = 0; u < group->upstream_count && !feeds; u++)
                feeds = group_feeds(from, group->upstream[u]);
            if (!feeds || from == group || group_has_upstream(group, from))
                continue;
            group->upstream[group->upstream_count++] = from;
            changed = true;
        }
    }
}

static int runner_relate(struct query_runner *runner, const struct query_groups *added, struct error *error) {
    const struct query_groups *all = &runner->groups;
    for (size_t i = 0; i < added->count; i++) {
        struct query_group *group = added->groups[i];
        group->upstream = memory_zero(all->count, sizeof(struct query_group *));
        if (!group->upstream)
            return error_no_memory(error);
        runner_find_upstream(all, group);
    }
    for (size_t i = 0; runner->settings->until_end && i < added->count; i++) {
        struct query_group *group = added->groups[i];
        bool circular = group->circular;
        for (size_t u = 0; u < group->upstream_count && !circular; u++)
            circular = group_has_upstream(group->upstream[u], group);
        if (circular)
            return error_set(error, ERROR_INVALID,
                             "query %s reads what comes of its own results: there is no end at which it could stop "
                             "(--until-end, --final)",
                             group->members[0].query->id);
    }
    return 0;
}

/* Whether what has failed since `start` is to be tried again: the log did not answer in time. Waits a moment. */
static bool runner_tries_again(const struct query_runner *runner, int64_t start, const struct error *error) {
    const struct query_settings *settings = runner->settings;
    if (!error->retriable || atomic_load(settings->stop) || clock_monotonic_ns(settings->clock) - start > START_NS)
        return false;
    log_write(settings->log, LOG_WARNING, "waiting: %s", error->message);
    clock_sleep_ns(settings->clock, RETRY_NS);
    return true;
}

static int running_open(struct query_runner *runner, struct running_group *running, struct error *error) {
    struct query_group *group = running->group;
    int status = 0;
    running->workers = memory_zero(group->workers, sizeof *running->workers);
    running->ended = memory_zero(group->workers, sizeof *running->ended);
    if (!running->workers || !running->ended)
        return error_no_memory(error);
    int64_t start = clock_monotonic_ns(runner->settings->clock);
    for (; running->opened < group->workers && !status; running->opened += !status)
        while ((status = query_worker_open(&running->workers[running->opened], runner->settings, group, running->opened,
                                           error)) &&
               runner_tries_again(runner, start, error))
            ;
    return status;
}

static int running_start(const struct query_runner *runner, struct running_group *running, struct error *error) {
    if (runner->settings->manual)
        running->started = running->opened;
    for (; running->started < running->opened; running->started++) {
        int failed = pthread_create(&running->workers[running->started].thread, NULL, query_worker_run,
                                    &running->workers[running->started]);
        if (failed)
            return error_set_errno(error, failed, "cannot start a worker of group %s", running->group->name);
    }
    return 0;
}

/* Takes the groups over, in any case. */
static int runner_adopt(struct query_runner *runner, const struct query_groups *added, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < added->count; i++) {
        struct running_group *running = memory_zero(1, sizeof *running);
        bool room = running &&
                    memory_reserve((void **)&runner->running, &runner->capacity, runner->count + 1,
                                   sizeof(struct running_group *)) &&
                    memory_reserve((void **)&runner->groups.groups, &runner->group_capacity, runner->groups.count + 1,
                                   sizeof(struct query_group *));
        if (!room) {
            free(running);
            query_group_free(added->groups[i]);
            status = error_no_memory(error);
            continue;
        }
        running->group = added->groups[i];
        runner->running[runner->count++] = running;
        runner->groups.groups[runner->groups.count++] = added->groups[i];
    }
    free(added->groups);
    return status;
}

static int runner_launch(struct query_runner *runner, size_t first, const struct query_groups *added,
                         struct error *error) {
    int status = 0;
    for (size_t i = first; i < runner->count && !status; i++)
        status = group_prepare(runner, runner->running[i]->group, error);
    if (!status)
        status = runner_relate(runner, added, error);
    for (size_t i = first; i < runner->count && !status; i++)
        status = running_open(runner, runner->running[i], error);
    for (size_t i = first; i < runner->count && !status; i++)
        status = running_start(runner, runner->running[i], error);
    return status;
}

/* What could not be started is taken back. Its queries count as removed only when its workers have gone: what these
 * still commit is whole. */
static void runner_undo(struct query_runner *runner, size_t first) {
    for (size_t i = first; i < runner->count; i++)
        atomic_store(&runner->running[i]->group->cancelled, true);
    for (size_t i = first; i < runner->count; i++) {
        running_join(runner, runner->running[i]);
        for (size_t m = 0; m < runner->running[i]->group->member_count; m++)
            atomic_store(&runner->running[i]->group->members[m].removed, true);
    }
}

/* The groups of the queries, whose topics are there. */
static int runner_divide(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                         struct query_groups *ret_groups, struct error *error) {
    const struct query_settings *settings = runner->settings;
    struct query_groups groups = {0};
    int status = query_groups_assign(settings->bus, settings->group, plans, count, runner->order, &runner->groups,
                                     &groups, error);
    for (size_t i = 0; i < count && !status; i++)
        status = query_topics_ensure(settings->bus, settings->group, plans[i], error);
    for (size_t i = 0; i < groups.count && !status; i++)
        status = query_topics_open(settings->bus, groups.groups[i], error);
    for (size_t i = 0; i < groups.count && !status && settings->lost_offsets == LOST_OFFSETS_FAIL; i++)
        status = query_group_check_kept(settings->bus, groups.groups[i], error);
    if (status)
        query_groups_release(&groups);
    else
        *ret_groups = groups;
    return status;
}

int query_runner_check(struct query_runner *runner, const struct query_plan *plan, struct error *error) {
    struct query_groups groups = {0};
    pthread_mutex_lock(&runner->lock);
    int status = runner_divide(runner, &plan, 1, &groups, error);
    query_groups_release(&groups);
    pthread_mutex_unlock(&runner->lock);
    return status;
}

const struct query_settings *query_runner_settings(const struct query_runner *runner) {
    return runner->settings;
}

int runner_add(struct query_runner *runner, const struct query_plan *const *plans, size_t count, struct error *error) {
    struct query_groups added = {0};
    size_t first = runner->count;
    int64_t start = clock_monotonic_ns(runner->settings->clock);
    int status;
    while ((status = runner_divide(runner, plans, count, &added, error)) && runner_tries_again(runner, start, error))
        ;
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        runner->order += plans[i]->stage_count;
    status = runner_adopt(runner, &added, error);
    struct query_groups fresh = {runner->groups.groups + first, runner->groups.count - first};
    if (!status)
        status = runner_launch(runner, first, &fresh, error);
    if (status)
        runner_undo(runner, first);
    return status;
}

int query_runner_add(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                     struct error *error) {
    if (count == 0)
        return 0;
    pthread_mutex_lock(&runner->lock);
    int status = runner_add(runner, plans, count, error);
    pthread_mutex_unlock(&runner->lock);
    return status;
}

/* --- reports
 * ------------------------------------------------------------------------------------------------------------------ */

int query_runner_report(struct query_runner *runner, struct query_run_report *ret_report, struct error *error) {
    struct query_run_report report = {0};
    bool room = true;
    pthread_mutex_lock(&runner->lock);
    for (size_t i = 0; i < runner->count && room; i++)
        room = query_report_add_group(&report, runner->running[i]->group);
    pthread_mutex_unlock(&runner->lock);
    if (!room) {
        query_run_report_release(&report);
        return error_no_memory(error);
    }
    bus_counts(runner->settings->bus, &report.bus);
    *ret_report = report;
    return 0;
}

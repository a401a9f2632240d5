/* Adding divides, makes topics, opens all workers and only then starts them, so that nothing has run when one cannot
 * be opened. */
#include "stream/runtime/runner.h"

#include <string.h>

#include "core/memory.h"
#include "stream/group/apart.h"
#include "stream/group/grouping.h"
#include "stream/group/kept.h"
#include "stream/group/topics.h"
#include "stream/runtime/regroup.h"

#define AWAIT_NS INT64_C(5000000)
#define HOLD_NS  INT64_C(200000000)
#define START_NS INT64_C(30000000000) /* so long a start waits for a log that does not answer */
#define RETRY_NS INT64_C(200000000)
enum { STILL_ROUNDS = 2 }; /* what one round has committed the next one reads */

/* A group at work. */
struct running_group {
    struct query_group *group;
    struct query_worker *workers;
    size_t opened, started;
    bool *ended;  /* by worker, without threads: its last turn has been */
    bool joined;  /* a thread waits for its threads, or has */
    bool leaving; /* it has stages of the query that is being removed */
    atomic_bool closed;
};

struct query_runner {
    const struct query_settings *settings;
    struct running_group **running;
    size_t count, capacity;
    size_t order;               /* of the next stage */
    struct query_groups groups; /* the same, as the assignment wants them */
    size_t group_capacity;
    pthread_mutex_t lock; /* of `running` and `groups`: for what adds, removes, waits and reports */
    int status;
    struct error error; /* the first of a worker */
};

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

static void running_join(struct query_runner *runner, struct running_group *running) {
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

/* --- without threads
 * ------------------------------------------------------------------------------------------------------------------ */

/* What the workers have done so far; the same after a round as before it: nothing has moved. */
struct progress {
    int64_t offsets;
    uint64_t commits, rewinds;
    size_t levels, ended;
};

static void progress_add_worker(struct progress *progress, const struct query_worker *worker, bool ended) {
    const struct query_group *group = worker->group;
    for (int32_t p = 0; p < group->partitions && !ended; p++)
        for (size_t i = 0; worker->tasks[p] && i < group->topic_count; i++) {
            const struct query_input *input = &worker->tasks[p]->inputs[i];
            progress->offsets += input->read_offset + input->work_offset + input->at_end;
        }
    progress->levels += worker->level;
    progress->ended += ended;
}

static struct progress runner_progress(const struct query_runner *runner) {
    struct progress progress = {0};
    for (size_t i = 0; i < runner->count; i++) {
        const struct running_group *running = runner->running[i];
        progress.commits += running->group->commits;
        progress.rewinds += running->group->rewinds;
        for (size_t w = 0; w < running->opened; w++)
            progress_add_worker(&progress, &running->workers[w], running->ended[w]);
    }
    return progress;
}

/* One turn of a worker; the last one ends it. */
static int running_turn(struct running_group *running, size_t number, struct error *error) {
    struct query_worker *worker = &running->workers[number];
    if (running->ended[number])
        return 0;
    if (!query_worker_has_ended(worker))
        worker->status = query_worker_turn(worker, &worker->error);
    if (worker->status || query_worker_has_ended(worker)) {
        query_worker_end(worker);
        running->ended[number] = true;
    }
    if (worker->status)
        *error = worker->error;
    return worker->status;
}

static int runner_round(struct query_runner *runner, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < runner->count && !status; i++)
        for (size_t w = 0; w < runner->running[i]->opened && !status; w++)
            status = running_turn(runner->running[i], w, error);
    return status;
}

/* Does some partition wait for the schema registry? */
static bool runner_is_held_back(const struct query_runner *runner) {
    for (size_t i = 0; i < runner->count; i++)
        for (size_t w = 0; w < runner->running[i]->opened; w++)
            for (int32_t p = 0; p < runner->running[i]->group->partitions; p++) {
                const struct query_task *task = runner->running[i]->workers[w].tasks[p];
                if (!runner->running[i]->ended[w] && task && query_task_is_undecoded(task))
                    return true;
            }
    return false;
}

int query_runner_settle(struct query_runner *runner, struct error *error) {
    struct progress before, after = runner_progress(runner);
    int status = 0, still = 0;
    while (!status && still < STILL_ROUNDS) {
        before = after;
        status = runner_round(runner, error);
        after = runner_progress(runner);
        still = memcmp(&before, &after, sizeof before) == 0 ? still + 1 : 0;
        if (!status && still == STILL_ROUNDS && runner_is_held_back(runner)) {
            clock_sleep_ns(runner->settings->clock, HOLD_NS);
            still = 0;
        }
    }
    return status;
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

static int runner_add(struct query_runner *runner, const struct query_plan *const *plans, size_t count,
                      struct error *error) {
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

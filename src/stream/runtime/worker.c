/* The loop: poll, give to tasks, commit when it is due, rewind what was undone; and the answers to the group's
 * assignments. */
#include "stream/runtime/worker.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/runtime/end.h"
#include "stream/runtime/fail.h"
#include "stream/runtime/watch.h"

#define COMMIT_INTERVAL_NS   INT64_C(100000000)
#define POSITION_INTERVAL_NS INT64_C(1000000000)
#define LAG_INTERVAL_NS      INT64_C(1000000000)
#define TRIM_INTERVAL_NS     INT64_C(30000000000)
#define PATIENCE_NS          INT64_C(1000000000)
#define RETRY_NS             INT64_C(200000000)
#define NOTICE_INTERVAL_NS   INT64_C(5000000000)
enum { POLL_TIMEOUT = 50, WAIT_TIMEOUT = 10, PENDING_BYTES_MAXIMUM = 64 << 20, IDLE_LOOKS = 4 };

static bool worker_stopped(const struct query_worker *worker) {
    return atomic_load(worker->settings->stop) || atomic_load(&worker->group->cancelled) ||
           atomic_load(&worker->group->bereft) || query_group_is_empty(worker->group);
}

static int64_t worker_now(const struct query_worker *worker) {
    return clock_monotonic_ns(worker->settings->clock);
}

/* Logs what is waited for, now and then. */
static void worker_notice(struct query_worker *worker, const struct error *why) {
    int64_t now = worker_now(worker);
    if (worker->last_notice_ns == 0 || now - worker->last_notice_ns >= NOTICE_INTERVAL_NS) {
        log_write(worker->settings->log, LOG_WARNING, "waiting: %s", why->message);
        worker->last_notice_ns = now;
    }
}

static void worker_wait(struct query_worker *worker, const struct error *why) {
    worker_notice(worker, why);
    clock_sleep_ns(worker->settings->clock, RETRY_NS);
}

static bool worker_topic_is_gone(const struct query_worker *worker, const char *topic) {
    struct bus_topic_info info;
    struct error missing;
    int status = bus_topic_describe(worker->settings->bus, topic, &info, &missing);
    if (!status)
        bus_topic_info_release(&info);
    return status == ERROR_NOT_FOUND;
}

/* A topic that the group reads and that is no more; NULL: all are there. */
static const char *worker_gone_input(const struct query_worker *worker) {
    for (size_t i = 0; i < worker->group->topic_count; i++)
        if (worker_topic_is_gone(worker, worker->group->topics[i].name))
            return worker->group->topics[i].name;
    return NULL;
}

/* --- tasks
 * ------------------------------------------------------------------------------------------------------------------ */

/* How many records of its topics the task has not worked on. `ask`: also a server. */
static int64_t worker_lag(const struct query_worker *worker, const struct query_task *task, bool ask) {
    int64_t lag = 0, start, end;
    for (size_t i = 0; i < worker->group->topic_count; i++) {
        const struct query_input *input = &task->inputs[i];
        int status =
            ask ? bus_offsets(worker->work.consumer, worker->group->topics[i].name, task->partition, &start, &end, NULL)
                : query_input_end(input, &worker->work, &end, NULL);
        if (status == 0 && end != INT64_MAX && end > input->next_offset)
            lag += end - input->next_offset;
    }
    return lag;
}

/* What the task has committed, for reports. `ended`: no more comes of it; a server is asked how much is left. */
static void worker_publish(struct query_worker *worker, const struct query_task *task, bool ended, bool with_lag) {
    struct query_group *group = worker->group;
    int64_t lag = with_lag ? worker_lag(worker, task, ended) : 0;
    pthread_mutex_lock(&group->lock);
    for (size_t m = 0; m < group->member_count; m++) {
        if (atomic_load(&group->members[m].failed)) /* what it had committed stays */
            continue;
        if (!group->begun[task->partition])
            group->members[m].before[task->partition] = task->members[m].before;
        group->members[m].counters[task->partition] = task->members[m].counters;
        if (with_lag)
            group->members[m].memory[task->partition] = stage_memory(task->members[m].stage);
    }
    group->begun[task->partition] = true;
    if (with_lag)
        group->lags[task->partition] = lag;
    pthread_mutex_unlock(&group->lock);
}

static void worker_end_task(struct query_worker *worker, struct query_task **place) {
    if (!*place)
        return;
    pthread_mutex_lock(&worker->group->lock);
    worker->group->recovered += (*place)->recovered;
    pthread_mutex_unlock(&worker->group->lock);
    query_task_close(*place);
    free(*place);
    *place = NULL;
}

/* Where topics end that queries of this run write is not known yet. */
static void worker_open_ends(struct query_worker *worker, struct query_task *task) {
    const struct query_group *group = worker->group;
    for (size_t i = 0; i < group->topic_count; i++) {
        bool fed = group->topics[i].own;
        for (size_t u = 0; u < group->upstream_count; u++)
            fed |= query_group_writes(group->upstream[u], group->topics[i].name);
        if (fed)
            task->inputs[i].until = INT64_MAX;
    }
    worker->upstream_gone = false;
}

/* One try to get the task of a partition to work. */
static int worker_try_task(struct query_worker *worker, struct query_task *task, int32_t partition,
                           struct error *error) {
    struct query_task **parked = &worker->parked[partition];
    bool reopened = false;
    int status = *parked ? query_task_reopen(*parked, &reopened, error) : 0;
    if (status)
        return status;
    if (reopened) {
        worker->tasks[partition] = *parked;
        *parked = NULL;
        return 0;
    }
    worker_end_task(worker, parked);
    return query_task_open(task, &worker->work, partition, error);
}

/* Tries until the log answers. When the worker is stopped meanwhile the task stays NULL. */
static int worker_open_task(struct query_worker *worker, int32_t partition, struct error *error) {
    struct query_task *task = memory_zero(1, sizeof *task);
    int status;
    if (!task)
        return error_no_memory(error);
    while ((status = worker_try_task(worker, task, partition, error)) && error->retriable && !worker_stopped(worker)) {
        const char *gone = worker_gone_input(worker);
        worker_wait(worker, error);
        if (gone)
            status = error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was read", gone);
        if (gone)
            break;
    }
    if (status || worker->tasks[partition]) {
        free(task);
        return status && error->retriable ? 0 : status;
    }
    worker->tasks[partition] = task;
    worker_open_ends(worker, task);
    worker_publish(worker, task, false, true);
    return 0;
}

/* Everything since the last commit is undone: all tasks begin again at their positions. */
static int worker_rewind(struct query_worker *worker, struct error *error) {
    int status = 0;
    log_write(worker->settings->log, LOG_WARNING, "group %s goes back to the committed positions: %s",
              worker->group->name, error->message);
    query_output_abort(worker->work.output);
    const char *gone = worker_gone_input(worker);
    if (gone) /* librdkafka does not end after a question about partitions that are no more */
        return error_set(error, ERROR_NOT_FOUND, "topic %s was deleted while it was read", gone);
    worker->rewinds++;
    pthread_mutex_lock(&worker->group->lock);
    worker->group->rewinds++;
    pthread_mutex_unlock(&worker->group->lock);
    for (int32_t p = 0; p < worker->group->partitions && !status; p++)
        if (worker->tasks[p]) {
            worker_end_task(worker, &worker->tasks[p]);
            status = worker_open_task(worker, p, error);
        }
    return status;
}

/* Without members that have failed, in whatever worker. */
static int worker_set_apart(struct query_worker *worker, struct error *error) {
    worker->failures = query_group_failures(worker->group);
    for (int32_t p = 0; p < worker->group->partitions; p++)
        worker_end_task(worker, &worker->parked[p]);
    return worker_rewind(worker, error);
}

/* A query that cannot go on stops alone; `status` of any other error. */
static int worker_fail_culprit(struct query_worker *worker, int status, struct error *error) {
    if (!status || !worker->settings->fail_alone || !query_failure_is_own(&worker->work, status, error))
        return status;
    query_member_fail(worker->group, worker->work.culprit, error);
    worker->work.culprit = SIZE_MAX;
    return worker_set_apart(worker, error);
}

/* --- commits
 * ------------------------------------------------------------------------------------------------------------------ */

static bool task_commits(const struct query_task *task) {
    return task && task->dirty && !query_task_recovering(task);
}

static bool worker_dirty(const struct query_worker *worker) {
    for (int32_t p = 0; p < worker->group->partitions; p++)
        if (task_commits(worker->tasks[p]))
            return true;
    return false;
}

/* Repartition topics are read by no other group: what has been worked on, and is not needed to rebuild windows, goes. */
static void worker_trim(struct query_worker *worker) {
    const struct query_group *group = worker->group;
    struct error error;
    if (worker->last_commit_ns - worker->last_trim_ns < TRIM_INTERVAL_NS)
        return;
    worker->last_trim_ns = worker->last_commit_ns;
    for (int32_t p = 0; p < group->partitions; p++)
        for (size_t i = 0; worker->tasks[p] && !worker->tasks[p]->dirty && i < group->topic_count; i++)
            if (group->topics[i].internal && bus_trim(worker->settings->bus, group->topics[i].name, p,
                                                      query_task_needed(worker->tasks[p], i), &error))
                log_write(worker->settings->log, LOG_DEBUG, "%s", error.message);
}

/* Commits the tasks that have moved; all of their outputs, state and positions become visible together. */
static int worker_commit(struct query_worker *worker, struct error *error) {
    struct query_group *group = worker->group;
    bool feeds_itself = query_output_feeds_itself(worker->work.output),
         wrote = query_output_pending(worker->work.output);
    size_t count = 0;
    int status = 0;
    if (query_group_is_empty(group) && query_group_failures(group)) /* their positions stay */
        return 0;
    for (int32_t p = 0; p < group->partitions && !status; p++)
        if (task_commits(worker->tasks[p])) {
            status = query_task_prepare_commit(worker->tasks[p], &worker->positions[count], error);
            count += group->topic_count;
        }
    if (!status && count)
        status = query_output_commit(worker->work.output, worker->positions, count, &worker->work.culprit, error);
    worker->last_commit_ns = worker_now(worker);
    if (status || !count)
        return status;
    bool with_lag = worker->last_commit_ns - worker->last_lag_ns >= LAG_INTERVAL_NS;
    for (size_t i = 0; i < count; i += group->topic_count) {
        struct query_task *task = worker->tasks[worker->positions[i].partition];
        query_task_committed(task);
        worker_publish(worker, task, false, with_lag);
    }
    worker->last_lag_ns = with_lag ? worker->last_commit_ns : worker->last_lag_ns;
    pthread_mutex_lock(&group->lock);
    group->commits++;
    pthread_mutex_unlock(&group->lock);
    if (wrote)
        atomic_store(&group->active_ns, worker->last_commit_ns);
    if (feeds_itself)
        atomic_fetch_add(&group->writes, 1);
    worker_trim(worker);
    return 0;
}

/* Stages whose topic has been deleted end, the others of the group go on. False: none has been removed since the last
 * time, by this worker or another one, so that what is missing is no topic of theirs. */
static bool worker_lets_go(struct query_worker *worker) {
    struct query_group *group = worker->group;
    size_t removed = 0, before = worker->removed;
    for (size_t m = 0; m < group->member_count; m++) {
        struct query_member *member = &group->members[m];
        if (!atomic_load(&member->removed) && worker_topic_is_gone(worker, member->sink_topic) &&
            !atomic_exchange(&member->removed, true)) {
            atomic_store(&member->orphaned, true);
            atomic_fetch_add(&group->removals, 1);
        }
        removed += atomic_load(&member->removed);
    }
    worker->removed = removed;
    return removed > before;
}

/* An error that is to be tried again means that part of a commit's records have been made: they are undone. So is what
 * was for a topic that has been deleted. */
static int worker_commit_or_rewind(struct query_worker *worker, struct error *error) {
    int status = worker_commit(worker, error);
    bool undone = status == ERROR_ABORTED || (status && error->retriable) ||
                  (status == ERROR_NOT_FOUND && worker_lets_go(worker));
    return undone ? worker_rewind(worker, error) : worker_fail_culprit(worker, status, error);
}

static bool worker_commit_due(const struct query_worker *worker) {
    int64_t since = worker_now(worker) - worker->last_commit_ns;
    const struct query_output *output = worker->work.output;
    if (worker->removals != atomic_load(&worker->group->settled[worker->number])) /* a query waits to be forgotten */
        return true;
    if (worker->quiet && query_output_pending(output))
        return true;
    if (!worker->quiet && (since >= COMMIT_INTERVAL_NS || query_output_pending_bytes(output) >= PENDING_BYTES_MAXIMUM))
        return true;
    return since >= POSITION_INTERVAL_NS && worker_dirty(worker);
}

/* --- membership
 * ------------------------------------------------------------------------------------------------------------------ */

static int worker_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    struct query_worker *worker = context;
    int status = 0;
    worker->assigned = true;
    for (size_t i = 0; i < count && !status; i++) {
        if (partitions[i] >= worker->group->partitions)
            return error_set(error, ERROR_INVALID,
                             "topic %s has more than the %d partitions it had at start: keys have moved to other "
                             "partitions, what is kept of them would be torn apart; "
                             "start another group (--group NAME), or this one from the beginning with --reset",
                             worker->group->topics[0].name, (int)worker->group->partitions);
        log_write(worker->settings->log, LOG_DEBUG, "group %s: partition %d is ours", worker->group->name,
                  (int)partitions[i]);
        status = worker_open_task(worker, partitions[i], error);
    }
    for (int32_t p = 0; p < worker->group->partitions; p++) /* of others now */
        worker_end_task(worker, &worker->parked[p]);
    return status;
}

/* A commit that cannot be made leaves what was done to the next owner; one that was made leaves tasks that can be
 * taken up again. */
static int worker_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
    struct query_worker *worker = context;
    int status = lost ? ERROR_ABORTED : worker_commit(worker, error);
    bool undone = status == ERROR_ABORTED || (status && error->retriable);
    worker->assigned = false; /* until the group has decided anew */
    for (size_t i = 0; i < count; i++) {
        if (partitions[i] >= worker->group->partitions)
            continue;
        struct query_task **place = &worker->tasks[partitions[i]];
        if (status || (*place && query_task_recovering(*place)))
            worker_end_task(worker, place);
        worker->parked[partitions[i]] = *place;
        *place = NULL;
    }
    if (lost)
        error_set(error, ERROR_ABORTED, "the group gave our partitions to others, as we had not been heard of");
    return undone ? worker_rewind(worker, error) : status;
}

/* --- opening
 * ------------------------------------------------------------------------------------------------------------------ */

static int worker_open_readers(struct query_worker *worker, struct error *error) {
    const struct query_group *group = worker->group;
    struct query_work *work = &worker->work;
    int status = 0;
    work->readers = memory_zero(group->reading_count, sizeof(struct source_reader *));
    work->diagnostics = memory_zero(group->member_count + group->topic_count, sizeof *work->diagnostics);
    if (!work->readers || !work->diagnostics)
        return error_no_memory(error);
    for (size_t i = 0; i < group->reading_count && !status; i++)
        status = source_reader_new(group->readings[i].source, bus_registry(work->bus), &work->readers[i], error);
    return status;
}

static int worker_join(struct query_worker *worker, struct error *error) {
    const struct query_group *group = worker->group;
    const char **topics = memory_zero(group->topic_count, sizeof(const char *));
    if (!topics)
        return error_no_memory(error);
    for (size_t i = 0; i < group->topic_count; i++)
        topics[i] = group->topics[i].name;
    int status = bus_consumer_join(worker->work.consumer, topics, group->topic_count, worker->number, group->workers,
                                   &worker->member, error);
    free(topics);
    return status;
}

int query_worker_open(struct query_worker *worker, const struct query_settings *settings, struct query_group *group,
                      size_t number, struct error *error) {
    char name[QUERY_GROUP_NAME_SIZE + 32];
    size_t partitions = (size_t)group->partitions;
    *worker = (struct query_worker){.settings = settings, .group = group, .number = number};
    worker->work = (struct query_work){.bus = settings->bus,
                                       .clock = settings->clock,
                                       .log = settings->log,
                                       .group = group,
                                       .stop = settings->stop,
                                       .lost_offsets = settings->lost_offsets,
                                       .of_the_moment = settings->of_the_moment};
    worker->member = (struct bus_member){worker_assigned, worker_revoked, worker};
    snprintf(name, sizeof name, "%s.%zu", group->name, number);
    worker->tasks = memory_zero(partitions, sizeof(struct query_task *));
    worker->parked = memory_zero(partitions, sizeof(struct query_task *));
    worker->positions = memory_zero(partitions * group->topic_count, sizeof *worker->positions);
    int status = worker->tasks && worker->parked && worker->positions ? 0 : error_no_memory(error);
    if (!status)
        status = bus_consumer_open(settings->bus, group->name, &worker->work.consumer, error);
    struct query_output_options output = {.bus = settings->bus,
                                          .group = group,
                                          .name = name,
                                          .member = worker->work.consumer,
                                          .rejected = settings->rejected,
                                          .taps = &settings->taps,
                                          .at_least_once = settings->at_least_once,
                                          .clock = settings->clock};
    if (!status)
        status = query_output_open(&output, &worker->work.output, error);
    if (!status)
        status = worker_open_readers(worker, error);
    if (!status)
        status = worker_join(worker, error);
    worker->last_commit_ns = worker->last_trim_ns = worker_now(worker);
    if (status)
        query_worker_close(worker);
    return status;
}

void query_worker_close(struct query_worker *worker) {
    struct query_work *work = &worker->work;
    for (int32_t p = 0; p < worker->group->partitions; p++) {
        if (worker->tasks)
            worker_end_task(worker, &worker->tasks[p]);
        if (worker->parked)
            worker_end_task(worker, &worker->parked[p]);
    }
    for (size_t i = 0; work->readers && i < worker->group->reading_count; i++)
        source_reader_free(work->readers[i]);
    if (worker->settings->free_scratch)
        worker->settings->free_scratch(work->scratch);
    query_output_close(work->output);
    bus_consumer_close(work->consumer);
    late_records_release(&work->late);
    arena_release(&work->arena);
    free(work->readers);
    free(work->diagnostics);
    free(worker->tasks);
    free(worker->parked);
    free(worker->positions);
    *work = (struct query_work){0};
    worker->tasks = worker->parked = NULL;
    worker->positions = NULL;
}

/* --- idle close
 * ------------------------------------------------------------------------------------------------------------------ */

static int worker_idle_task(struct query_worker *worker, struct query_task *task, int64_t now, struct error *error) {
    int64_t upstream = 0, pause = worker->settings->idle_close * (1000000 / IDLE_LOOKS);
    int status = 0;
    for (size_t i = 0; i < worker->group->upstream_count; i++) {
        int64_t active = atomic_load(&worker->group->upstream[i]->active_ns);
        upstream = active > upstream ? active : upstream;
    }
    for (size_t level = 0; level < worker->group->levels && !status; level++) {
        int64_t own = level ? atomic_load(&worker->group->active_ns) : 0, last = task->last_record_ns;
        last = upstream > last ? upstream : last;
        last = own > last ? own : last;
        if ((now - last) / 1000000 >= worker->settings->idle_close)
            status = query_task_idle_close(task, level, (now - last) / 1000000, error);
    }
    task->idle_next_ns = now + pause;
    return status;
}

/* Has the task read all that there is? While other partitions bring records, those of this one may only not have come
 * yet. */
static bool worker_task_is_silent(const struct query_worker *worker, const struct query_task *task) {
    for (size_t i = 0; i < worker->group->topic_count; i++) {
        int64_t end;
        if (query_input_end(&task->inputs[i], &worker->work, &end, NULL) || task->inputs[i].read_offset < end)
            return false;
    }
    return true;
}

/* Stream time of a silent partition goes on with the wall clock, when those that write it are silent too. `quiet`: no
 * partition of the worker has brought anything. */
static int worker_idle_close(struct query_worker *worker, bool quiet, struct error *error) {
    int64_t now = worker_now(worker);
    int status = 0;
    for (int32_t p = 0; worker->settings->idle_close && p < worker->group->partitions && !status; p++) {
        struct query_task *task = worker->tasks[p];
        if (task && now >= task->idle_next_ns &&
            (now - task->last_record_ns) / 1000000 >= worker->settings->idle_close && !query_task_recovering(task) &&
            !query_task_waits(task) && (quiet || worker_task_is_silent(worker, task)))
            status = worker_idle_task(worker, task, now, error);
    }
    return status;
}

/* --- work
 * ------------------------------------------------------------------------------------------------------------------ */

/* The registry could not be asked: the partition waits, the others go on. */
static void worker_put_off(struct query_worker *worker, struct query_task *task, const struct error *why) {
    worker_notice(worker, why);
    task->decode_next_ns = worker_now(worker) + RETRY_NS;
}

static int worker_process(struct query_worker *worker, const struct bus_batch *records, struct error *error) {
    struct query_task *task = worker->tasks[records->partition];
    if (!task) /* of a partition that is no longer ours */
        return 0;
    int status = query_task_take(task, records, error);
    if (status && error->retriable && query_task_is_undecoded(task)) {
        worker_put_off(worker, task, error);
        status = 0;
    }
    if (!status)
        status = query_task_work(task, error);
    if (records->count) {
        task->last_record_ns = worker_now(worker);
        task->idle_next_ns = 0;
        atomic_store(&worker->group->active_ns, task->last_record_ns);
    }
    return status;
}

static int worker_decode(struct query_worker *worker, struct error *error) {
    int64_t now = worker_now(worker);
    int status = 0;
    for (int32_t p = 0; p < worker->group->partitions && !status; p++) {
        struct query_task *task = worker->tasks[p];
        if (!task || !query_task_is_undecoded(task) || now < task->decode_next_ns)
            continue;
        status = query_task_decode(task, error);
        if (status && error->retriable && query_task_is_undecoded(task)) {
            worker_put_off(worker, task, error);
            status = 0;
        } else if (!status) {
            status = query_task_work(task, error);
        }
    }
    return status;
}

static bool worker_waits(const struct query_worker *worker) {
    for (int32_t p = 0; p < worker->group->partitions; p++)
        if (worker->tasks[p] && query_task_waits(worker->tasks[p]))
            return true;
    return false;
}

/* The log gave nothing while records of one topic wait for those of another. */
static int worker_unblock(struct query_worker *worker, struct error *error) {
    int64_t now = worker_now(worker);
    int status = 0;
    if (!worker->quiet)
        worker->quiet_since_ns = now;
    for (int32_t p = 0; p < worker->group->partitions && !status; p++)
        if (worker->tasks[p] && query_task_waits(worker->tasks[p]))
            status = query_task_idle(worker->tasks[p], now - worker->quiet_since_ns >= PATIENCE_NS, error);
    return status;
}

/* What members wait for that follow others may have become known without a record (stream_time.h). */
static int worker_follow(struct query_worker *worker, bool at_once, struct error *error) {
    int status = 0;
    for (int32_t p = 0; p < worker->group->partitions && !status; p++)
        if (worker->tasks[p])
            status = query_task_follow(worker->tasks[p], at_once, error);
    return status;
}

static int worker_poll(struct query_worker *worker, int64_t timeout, struct error *error) {
    struct bus_batch records;
    int got = bus_consumer_poll(worker->work.consumer, timeout, &records, error);
    int status = got == 1 ? worker_process(worker, &records, error) : got;
    if (!status)
        status = worker_decode(worker, error);
    if (!got && !status && worker_waits(worker))
        status = worker_unblock(worker, error);
    if (!got && !status)
        status = worker_follow(worker, false, error);
    if (!status)
        status = worker_idle_close(worker, !got, error);
    worker->quiet = !got;
    return status;
}

/* A query that was removed leaves the positions of all partitions, also of those to which nothing comes. */
static void worker_note_removals(struct query_worker *worker) {
    unsigned removals = atomic_load(&worker->group->removals);
    for (int32_t p = 0; removals != worker->removals && p < worker->group->partitions; p++)
        if (worker->tasks[p])
            worker->tasks[p]->dirty = true;
    worker->removals = removals;
}

/* Nothing of what this worker has begun is for queries that were removed. */
static void worker_settle(struct query_worker *worker) {
    if (!query_output_pending(worker->work.output) && !worker_dirty(worker))
        atomic_store(&worker->group->settled[worker->number], worker->removals);
}

static int worker_note_failures(struct query_worker *worker, struct error *error) {
    if (!worker->settings->fail_alone || query_group_failures(worker->group) == worker->failures)
        return 0;
    error_set(error, ERROR_ABORTED, "a query of the group has failed");
    return worker_set_apart(worker, error);
}

static int worker_step(struct query_worker *worker, struct error *error) {
    int noted = worker_note_failures(worker, error);
    if (noted)
        return noted;
    worker_note_removals(worker);
    query_worker_watch(worker);
    bool waits = worker_waits(worker), pending = query_output_pending(worker->work.output);
    int status = worker_poll(worker,
                             pending || (waits && !worker->quiet) ? 0
                             : waits                              ? WAIT_TIMEOUT
                                                                  : POLL_TIMEOUT,
                             error);
    if (status == ERROR_NOT_FOUND && worker->settings->lost_offsets != LOST_OFFSETS_FAIL)
        return worker_rewind(worker, error);
    if (status && (error->retriable || status == ERROR_ABORTED)) { /* a task may be torn */
        worker_wait(worker, error);
        return worker_rewind(worker, error);
    }
    if (status)
        return worker_fail_culprit(worker, status, error);
    if (worker_commit_due(worker))
        status = worker_commit_or_rewind(worker, error);
    if (!status)
        worker_settle(worker);
    return status;
}

/* --- the end
 * ------------------------------------------------------------------------------------------------------------------ */

/* Finishes a level and commits. When the commit was undone, the level is finished again once its end is reached anew. */
static int worker_finish_level(struct query_worker *worker, struct error *error) {
    uint64_t rewinds = worker->rewinds;
    int status = worker_follow(worker, true, error);
    for (int32_t p = 0; worker->settings->final && p < worker->group->partitions && !status; p++)
        if (worker->tasks[p])
            status = query_task_finalise(worker->tasks[p], worker->level, error);
    if (status && error->retriable) {
        worker_wait(worker, error);
        status = worker_rewind(worker, error);
    } else if (status) {
        status = worker_fail_culprit(worker, status, error);
    } else {
        status = worker_commit_or_rewind(worker, error);
    }
    worker->level += !status && worker->rewinds == rewinds;
    return status;
}

bool query_worker_has_ended(const struct query_worker *worker) {
    size_t levels = worker->settings->final ? worker->group->levels : 1;
    return worker_stopped(worker) || worker->level >= levels;
}

int query_worker_turn(struct query_worker *worker, struct error *error) {
    worker->work.culprit = SIZE_MAX;
    if (worker->settings->until_end && worker->level == atomic_load(&worker->group->level))
        query_end_mark(worker);
    return query_end_is_due(worker) ? worker_finish_level(worker, error) : worker_step(worker, error);
}

/* A topic that the group reads was deleted. The group ends, and the runner begins it anew with what does not read it. */
static int worker_leave(struct query_worker *worker, int status) {
    if (status != ERROR_NOT_FOUND || !worker->settings->fail_alone || !worker_gone_input(worker))
        return status;
    atomic_store(&worker->group->bereft, true);
    return 0;
}

void query_worker_end(struct query_worker *worker) {
    size_t levels = worker->settings->final ? worker->group->levels : 1;
    bool left = worker->status == ERROR_NOT_FOUND;
    worker->status = worker_leave(worker, worker->status);
    worker_note_removals(worker);
    if (!worker->status && !left && worker->level < levels) /* stopped */
        worker->status = worker_leave(worker, worker_commit_or_rewind(worker, &worker->error));
    for (int32_t p = 0; p < worker->group->partitions; p++)
        if (worker->tasks[p] && !worker->tasks[p]->dirty)
            worker_publish(worker, worker->tasks[p], true, true);
    if (worker->status)
        atomic_store(worker->settings->stop, true);
    atomic_fetch_add(&worker->group->finished, 1);
}

void *query_worker_run(void *context) {
    struct query_worker *worker = context;
    while (!worker->status && !query_worker_has_ended(worker))
        worker->status = query_worker_turn(worker, &worker->error);
    query_worker_end(worker);
    return NULL;
}

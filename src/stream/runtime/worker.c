/* The loop: poll, give to tasks, commit when it is due, rewind what was undone; and how it begins and ends. */
#include "stream/runtime/worker_parts.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/runtime/end.h"
#include "stream/runtime/fail.h"
#include "stream/runtime/watch.h"

#define PATIENCE_NS INT64_C(1000000000)
enum { POLL_TIMEOUT = 50, WAIT_TIMEOUT = 10 };

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

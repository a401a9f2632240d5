/* The tasks of a worker: opened at their positions when the log answers, taken back to them, kept for a while when their
 * partition is taken away. */
#include "core/memory.h"
#include "stream/runtime/fail.h"
#include "stream/runtime/worker_parts.h"

#define NOTICE_INTERVAL_NS INT64_C(5000000000)

void worker_notice(struct query_worker *worker, const struct error *why) {
    int64_t now = worker_now(worker);
    if (worker->last_notice_ns == 0 || now - worker->last_notice_ns >= NOTICE_INTERVAL_NS) {
        log_write(worker->settings->log, LOG_WARNING, "waiting: %s", why->message);
        worker->last_notice_ns = now;
    }
}

void worker_wait(struct query_worker *worker, const struct error *why) {
    worker_notice(worker, why);
    clock_sleep_ns(worker->settings->clock, RETRY_NS);
}

bool worker_topic_is_gone(const struct query_worker *worker, const char *topic) {
    struct bus_topic_info info;
    struct error missing;
    int status = bus_topic_describe(worker->settings->bus, topic, &info, &missing);
    if (!status)
        bus_topic_info_release(&info);
    return status == ERROR_NOT_FOUND;
}

const char *worker_gone_input(const struct query_worker *worker) {
    for (size_t i = 0; i < worker->group->topic_count; i++)
        if (worker_topic_is_gone(worker, worker->group->topics[i].name))
            return worker->group->topics[i].name;
    return NULL;
}

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

void worker_publish(struct query_worker *worker, const struct query_task *task, bool ended, bool with_lag) {
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

void worker_end_task(struct query_worker *worker, struct query_task **place) {
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

int worker_rewind(struct query_worker *worker, struct error *error) {
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

int worker_set_apart(struct query_worker *worker, struct error *error) {
    worker->failures = query_group_failures(worker->group);
    for (int32_t p = 0; p < worker->group->partitions; p++)
        worker_end_task(worker, &worker->parked[p]);
    return worker_rewind(worker, error);
}

int worker_fail_culprit(struct query_worker *worker, int status, struct error *error) {
    if (!status || !worker->settings->fail_alone || !query_failure_is_own(&worker->work, status, error))
        return status;
    query_member_fail(worker->group, worker->work.culprit, error);
    worker->work.culprit = SIZE_MAX;
    return worker_set_apart(worker, error);
}

/* --- membership
 * ------------------------------------------------------------------------------------------------------------------ */

int worker_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
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
int worker_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
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

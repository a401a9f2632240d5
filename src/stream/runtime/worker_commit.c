/* When a worker commits, and how. */
#include "stream/runtime/fail.h"
#include "stream/runtime/worker_parts.h"

#define COMMIT_INTERVAL_NS   INT64_C(100000000)
#define POSITION_INTERVAL_NS INT64_C(1000000000)
#define LAG_INTERVAL_NS      INT64_C(1000000000)
#define TRIM_INTERVAL_NS     INT64_C(30000000000)
enum { PENDING_BYTES_MAXIMUM = 64 << 20 };

static bool task_commits(const struct query_task *task) {
    return task && task->dirty && !query_task_recovering(task);
}

bool worker_dirty(const struct query_worker *worker) {
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

int worker_commit(struct query_worker *worker, struct error *error) {
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
int worker_commit_or_rewind(struct query_worker *worker, struct error *error) {
    int status = worker_commit(worker, error);
    bool undone = status == ERROR_ABORTED || (status && error->retriable) ||
                  (status == ERROR_NOT_FOUND && worker_lets_go(worker));
    return undone ? worker_rewind(worker, error) : worker_fail_culprit(worker, status, error);
}

bool worker_commit_due(const struct query_worker *worker) {
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

/* --idle-close. */
#include "stream/runtime/worker_parts.h"

enum { IDLE_LOOKS = 4 };

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

int worker_idle_close(struct query_worker *worker, bool quiet, struct error *error) {
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

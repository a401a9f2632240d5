/* The marks and the level of end.h. */
#include "stream/runtime/end.h"

#include "stream/runtime/worker.h"

static bool worker_upstream_has_gone(const struct query_worker *worker) {
    for (size_t i = 0; i < worker->group->upstream_count; i++) {
        struct query_group *above = worker->group->upstream[i];
        if (atomic_load(&above->finished) < above->workers && !query_group_is_empty(above))
            return false;
    }
    return true;
}

/* Asks where the topics end that this run has written. */
static bool worker_find_ends(struct query_worker *worker, bool own) {
    const struct query_group *group = worker->group;
    int64_t start;
    for (int32_t p = 0; p < group->partitions; p++)
        for (size_t i = 0; worker->tasks[p] && i < group->topic_count; i++) {
            struct query_input *input = &worker->tasks[p]->inputs[i];
            bool asked = own ? group->topics[i].own : input->until == INT64_MAX && !group->topics[i].own;
            if (asked && bus_offsets(worker->work.consumer, group->topics[i].name, p, &start, &input->until, NULL) != 0)
                return false;
        }
    return true;
}

static bool worker_feeds_itself(const struct query_worker *worker) {
    for (size_t i = 0; i < worker->group->topic_count; i++)
        if (worker->group->topics[i].own)
            return true;
    return false;
}

/* On a server the end offset leaves out what comes after a transaction that is open. When the task has reached it, what
 * was there then is waited for too. */
static bool task_end_is_whole(const struct query_worker *worker, struct query_task *task) {
    bool whole = true;
    for (size_t i = 0; bus_is_server(worker->work.consumer) && i < worker->group->topic_count; i++) {
        struct query_input *input = &task->inputs[i];
        if (input->until_is_whole || worker->group->topics[i].own)
            continue;
        int64_t end = bus_known_end(worker->work.consumer, worker->group->topics[i].name, input->partition);
        input->until_is_whole = end >= 0;
        if (end > input->until)
            input->until = end;
        whole &= end >= 0 && input->work_offset >= input->until;
    }
    return whole;
}

static bool worker_reached_end(struct query_worker *worker) {
    if (!worker->assigned || !worker_upstream_has_gone(worker))
        return false;
    worker->upstream_gone = worker->upstream_gone || worker_find_ends(worker, false);
    if (!worker->upstream_gone)
        return false;
    if (worker_feeds_itself(worker) &&
        (!worker->quiet || query_output_pending(worker->work.output) || !worker_find_ends(worker, true)))
        return false;
    for (int32_t p = 0; p < worker->group->partitions; p++)
        if (worker->tasks[p] && (!query_task_is_done(worker->tasks[p]) || !task_end_is_whole(worker, worker->tasks[p])))
            return false;
    return true;
}

/* What a worker has reached the end of; 0 stands for nothing. */
static uint64_t end_code(uint64_t writes, size_t level) {
    return writes << 16 | (level + 1);
}

void query_end_mark(struct query_worker *worker) {
    struct query_group *group = worker->group;
    uint64_t writes = atomic_load(&group->writes), code = end_code(writes, worker->level);
    bool all = worker_reached_end(worker);
    atomic_store(&group->at_end[worker->number], all ? code : 0);
    for (size_t i = 0; all && i < group->workers; i++)
        all = atomic_load(&group->at_end[i]) == code;
    size_t level = worker->level;
    if (all && atomic_load(&group->writes) == writes)
        atomic_compare_exchange_strong(&group->level, &level, level + 1);
}

bool query_end_is_due(struct query_worker *worker) {
    return worker->level < atomic_load(&worker->group->level) && worker_reached_end(worker);
}

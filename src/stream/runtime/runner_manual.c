/* Workers without threads, turned one after the other until none of them moves. */
#include <string.h>

#include "stream/runtime/runner_parts.h"

#define HOLD_NS INT64_C(200000000)
enum { STILL_ROUNDS = 2 }; /* what one round has committed the next one reads */

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

int running_turn(struct running_group *running, size_t number, struct error *error) {
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

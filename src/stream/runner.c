#include "stream/runner.h"

#include "core/memory.h"

static void runner_report(const struct worker *workers, size_t count, struct run_report *report) {
    report->workers = count;
    for (size_t w = 0; w < count; w++) {
        report->commits += workers[w].commits;
        for (size_t t = 0; t < workers[w].task_count; t++) {
            const struct task *task = &workers[w].tasks[t];
            report->partitions[task->partition] = task->counters;
            report->recovered += task->recovered;
            int64_t end;
            if (bus_end_offset(workers[w].consumer, task->query->topic, task->partition, &end, NULL) == 0)
                report->lags[task->partition] = end - task->next_offset;
            struct task_counters run = task->counters;
            const struct task_counters *before = &task->counters_before;
            run.read -= before->read;
            run.null -= before->null;
            run.rejected -= before->rejected;
            run.filtered -= before->filtered;
            for (size_t i = 0; i < WINDOW_SIZES_MAXIMUM; i++) {
                run.folded[i] -= before->folded[i];
                run.late[i] -= before->late[i];
                run.results[i] -= before->results[i];
            }
            task_counters_add(&report->run, &run);
        }
    }
}

/* A worker that fails stops the others, which commit what they have. */
static void *runner_worker(void *context) {
    struct worker *worker = context;
    worker_run(worker);
    if (worker->status)
        atomic_store(worker->settings->stop, true);
    return NULL;
}

static int runner_threads(struct worker *workers, size_t count, struct error *error) {
    size_t started = 0;
    int status = 0;
    for (; started < count && !status; started++) {
        int failed = pthread_create(&workers[started].thread, NULL, runner_worker, &workers[started]);
        if (failed) {
            atomic_store(workers[started].settings->stop, true);
            status = error_set_errno(error, failed, "cannot start worker %zu", started);
            break;
        }
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    for (size_t i = 0; i < started && !status; i++)
        if (workers[i].status) {
            *error = workers[i].error;
            status = workers[i].status;
        }
    return status;
}

static int runner_open(const struct worker_settings *settings, struct worker *workers, size_t count, int32_t partitions, size_t *ret_opened,
                       struct error *error) {
    int status = 0;
    *ret_opened = 0;
    for (size_t i = 0; i < count && !status; i++) {
        status = worker_open(&workers[i], settings, i, count, partitions, error);
        *ret_opened += !status;
    }
    return status;
}

int run_query(const struct worker_settings *settings, size_t workers, struct run_report *ret_report, struct error *error) {
    int32_t partitions;
    *ret_report = (struct run_report){0};
    int status = bus_topic_ensure(settings->bus, settings->query->topic, &partitions, error);
    if (status)
        return status;
    size_t count = workers > (size_t)partitions ? (size_t)partitions : workers, opened = 0;
    struct worker *all = memory_zero(count, sizeof *all);
    ret_report->partitions = memory_zero((size_t)partitions, sizeof *ret_report->partitions);
    ret_report->lags = memory_zero((size_t)partitions, sizeof *ret_report->lags);
    if (!all || !ret_report->partitions || !ret_report->lags) {
        free(all);
        return error_no_memory(error);
    }
    ret_report->partition_count = partitions;
    status = runner_open(settings, all, count, partitions, &opened, error);
    if (!status)
        status = runner_threads(all, count, error);
    runner_report(all, opened, ret_report);
    for (size_t i = 0; i < opened; i++)
        worker_close(&all[i]);
    free(all);
    return status;
}

void run_report_release(struct run_report *report) {
    free(report->partitions);
    free(report->lags);
    *report = (struct run_report){0};
}

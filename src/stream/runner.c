#include "stream/runner.h"

#include "core/memory.h"

static void runner_report_worker(const struct worker *worker, struct run_report *report) {
    const char *topic = worker->settings->query->topic;
    report->commits += worker->commits;
    report->rewinds += worker->rewinds;
    report->recovered += worker->recovered;
    task_counters_add(&report->run, &worker->run);
    for (int32_t p = 0; p < worker->partitions; p++) {
        const struct task *task = worker->tasks[p];
        if (worker->closed[p].read > report->partitions[p].read)
            report->partitions[p] = worker->closed[p];
        if (!task)
            continue;
        int64_t start, end;
        worker_count(&report->run, task);
        report->partitions[p] = task->committed;
        report->recovered += task->recovered;
        if (bus_offsets(worker->consumer, topic, p, &start, &end, NULL) == 0)
            report->lags[p] = end - task->next_offset;
    }
}

static void runner_report(const struct worker_settings *settings, const struct worker *workers, size_t count,
                          struct run_report *report) {
    report->workers = count;
    for (size_t w = 0; w < count; w++)
        runner_report_worker(&workers[w], report);
    bus_counts(settings->bus, &report->bus);
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

static int runner_open(const struct worker_settings *settings, struct worker *workers, size_t count, int32_t partitions,
                       atomic_size_t *at_end, size_t *ret_opened, struct error *error) {
    int status = 0;
    *ret_opened = 0;
    for (size_t i = 0; i < count && !status; i++) {
        status = worker_open(&workers[i], settings, i, count, partitions, at_end, error);
        *ret_opened += !status;
    }
    return status;
}

/* Recovery reads what is in open windows again; it must still be there. */
static int runner_check_retention(const struct worker_settings *settings, struct error *error) {
    const struct aggregate_query *query = settings->query;
    struct bus_topic_info info;
    int status = bus_topic_describe(settings->bus, query->topic, &info, error);
    if (status)
        return status;
    int64_t needed = query->windows.sizes[query->windows.size_count - 1] + query->windows.grace,
            kept = info.settings.retention_time;
    bool compacted = info.settings.compacted;
    bus_topic_info_release(&info);
    if (query->lost_offsets != LOST_OFFSETS_FAIL)
        return 0;
    if (compacted)
        return error_set(error, ERROR_INVALID,
                         "topic %s is compacted: of a series all readings but the newest disappear, open windows could "
                         "not be rebuilt; give it "
                         "cleanup.policy=delete, or go on all the same with --on-lost-offsets earliest",
                         query->topic);
    if (kept >= 0 && kept < needed)
        return error_set(error, ERROR_INVALID,
                         "topic %s keeps records for %lld s, the longest window and its grace take %lld s: after a "
                         "restart open windows could not be "
                         "rebuilt; lengthen its retention, shorten --windows or --grace, or go on all the same with "
                         "--on-lost-offsets earliest",
                         query->topic, (long long)(kept / 1000), (long long)(needed / 1000));
    return 0;
}

int run_query(const struct worker_settings *settings, size_t workers, struct run_report *ret_report,
              struct error *error) {
    int32_t partitions;
    *ret_report = (struct run_report){0};
    int status = bus_topic_ensure(settings->bus, settings->query->topic, NULL, &partitions, error);
    if (!status)
        status = runner_check_retention(settings, error);
    if (status)
        return status;
    atomic_size_t at_end = 0;
    size_t count = workers > (size_t)partitions ? (size_t)partitions : workers, opened = 0;
    struct worker *all = memory_zero(count, sizeof *all);
    ret_report->partitions = memory_zero((size_t)partitions, sizeof *ret_report->partitions);
    ret_report->lags = memory_zero((size_t)partitions, sizeof *ret_report->lags);
    if (!all || !ret_report->partitions || !ret_report->lags) {
        free(all);
        return error_no_memory(error);
    }
    ret_report->partition_count = partitions;
    status = runner_open(settings, all, count, partitions, &at_end, &opened, error);
    if (!status)
        status = runner_threads(all, count, error);
    runner_report(settings, all, opened, ret_report);
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

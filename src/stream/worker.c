#include "stream/worker.h"

#include <stdio.h>

#include "core/memory.h"

#define COMMIT_INTERVAL_NS   INT64_C(100000000)
#define POSITION_INTERVAL_NS INT64_C(1000000000)
#define RETRY_NS             INT64_C(200000000)
#define NOTICE_INTERVAL_NS   INT64_C(5000000000)
enum { POLL_TIMEOUT = 50, PENDING_BYTES_MAXIMUM = 64 << 20 };

static bool worker_stopped(const struct worker *worker) {
    return atomic_load(worker->settings->stop);
}

/* Says what is waited for, now and then, and waits a moment. */
static void worker_wait(struct worker *worker, const struct error *why) {
    int64_t now = clock_monotonic_ns(worker->settings->clock);
    if (worker->last_notice_ns == 0 || now - worker->last_notice_ns >= NOTICE_INTERVAL_NS) {
        log_write(worker->settings->log, LOG_WARNING, "waiting: %s", why->message);
        worker->last_notice_ns = now;
    }
    clock_sleep_ns(worker->settings->clock, RETRY_NS);
}

void worker_count(struct task_counters *to, const struct task *task) {
    struct task_counters run = task->committed;
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
    task_counters_add(to, &run);
}

static void worker_end_task(struct worker *worker, struct task **place) {
    struct task *task = *place;
    if (!task)
        return;
    worker_count(&worker->run, task);
    worker->closed[task->partition] = task->committed;
    worker->recovered += task->recovered;
    task_close(task);
    free(task);
    *place = NULL;
}

/* Takes a parked task back when its position has not moved. */
static int worker_unpark_task(struct worker *worker, int32_t partition, struct error *error) {
    bool reopened = false;
    struct task *task = worker->parked[partition];
    if (!task)
        return 0;
    int status = task_reopen(task, worker->settings->bus, worker->consumer, &reopened, error);
    if (status)
        return status;
    if (reopened) {
        worker->tasks[partition] = task;
        worker->parked[partition] = NULL;
    }
    worker_end_task(worker, &worker->parked[partition]);
    return 0;
}

/* One try to get the task of a partition to work. */
static int worker_try_task(struct worker *worker, struct task *task, int32_t partition, struct error *error) {
    int status = worker_unpark_task(worker, partition, error);
    if (status || worker->tasks[partition])
        return status;
    return task_open(task, worker->settings->bus, worker->consumer, worker->settings->query, partition,
                     worker->partitions, worker->batch, error);
}

/* Tries until the log answers. When the worker is stopped meanwhile the task stays NULL. */
static int worker_open_task(struct worker *worker, int32_t partition, struct error *error) {
    struct task *task = memory_zero(1, sizeof *task);
    if (!task)
        return error_no_memory(error);
    for (;;) {
        int status = worker_try_task(worker, task, partition, error);
        if (!status)
            break;
        if (error->retriable && !worker_stopped(worker)) {
            worker_wait(worker, error);
            continue;
        }
        free(task);
        return error->retriable ? 0 : status;
    }
    if (worker->tasks[partition]) { /* it was parked */
        free(task);
        return 0;
    }
    if (task->lost)
        log_write(worker->settings->log, LOG_WARNING,
                  "%s/%d: records that open windows need are lost; going on from offset %lld, their results are marked "
                  "as incomplete",
                  task->query->topic, (int)partition, (long long)task->read_offset);
    task->last_record_ns = clock_monotonic_ns(worker->settings->clock);
    worker->tasks[partition] = task;
    return 0;
}

static bool worker_has_closed(const struct worker *worker) {
    for (int32_t p = 0; p < worker->partitions; p++)
        if (worker->tasks[p] && window_aggregate_has_closed(worker->tasks[p]->aggregate))
            return true;
    return false;
}

static bool worker_dirty(const struct worker *worker) {
    for (int32_t p = 0; p < worker->partitions; p++)
        if (worker->tasks[p] && worker->tasks[p]->dirty)
            return true;
    return false;
}

/* Everything since the last commit is undone: all tasks begin again at their positions. */
static int worker_rewind(struct worker *worker, struct error *error) {
    int status = 0;
    log_write(worker->settings->log, LOG_WARNING, "going back to the committed positions: %s", error->message);
    output_abort(worker->output);
    worker->rewinds++;
    for (int32_t p = 0; p < worker->partitions && !status; p++)
        if (worker->tasks[p]) {
            worker_end_task(worker, &worker->tasks[p]);
            status = worker_open_task(worker, p, error);
        }
    return status;
}

/* Commits the tasks that have moved; all of their outputs and positions become visible together. */
static int worker_commit(struct worker *worker, struct error *error) {
    size_t count = 0;
    int status = 0;
    for (int32_t p = 0; p < worker->partitions && !status; p++) {
        struct task *task = worker->tasks[p];
        if (task && (task->dirty || window_aggregate_has_closed(task->aggregate)))
            status = task_prepare_commit(task, worker->output, &worker->positions[count++], error);
    }
    if (!status && count)
        status = output_commit(worker->output, worker->positions, count, error);
    worker->last_commit_ns = clock_monotonic_ns(worker->settings->clock);
    if (status)
        return status;
    worker->commits += count > 0;
    for (size_t i = 0; i < count; i++)
        task_committed(worker->tasks[worker->positions[i].partition]);
    return 0;
}

static int worker_commit_or_rewind(struct worker *worker, struct error *error) {
    int status = worker_commit(worker, error);
    return status == ERROR_ABORTED ? worker_rewind(worker, error) : status;
}

static int worker_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    struct worker *worker = context;
    int status = 0;
    worker->assigned = true;
    for (size_t i = 0; i < count && !status; i++) {
        if (partitions[i] >= worker->partitions)
            return error_set(error, ERROR_INVALID,
                             "topic %s has more than the %d partitions it had at start: series have moved to other "
                             "partitions, their open windows would be torn apart; "
                             "start another group (--group NAME), or this one from the beginning with --reset",
                             worker->settings->query->topic, (int)worker->partitions);
        log_write(worker->settings->log, LOG_DEBUG, "%s/%d is ours", worker->settings->query->topic,
                  (int)partitions[i]);
        status = worker_open_task(worker, partitions[i], error);
    }
    for (int32_t p = 0; p < worker->partitions; p++) /* of others now */
        worker_end_task(worker, &worker->parked[p]);
    return status;
}

/* A commit that cannot be made leaves what was done to the next owner; one that was made leaves tasks that can be
 * taken up again. */
static int worker_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
    struct worker *worker = context;
    int status = lost ? ERROR_ABORTED : worker_commit(worker, error);
    worker->assigned = false; /* until the group has decided anew */
    for (size_t i = 0; i < count; i++)
        if (partitions[i] < worker->partitions) {
            log_write(worker->settings->log, LOG_DEBUG, "%s/%d is no longer ours%s", worker->settings->query->topic,
                      (int)partitions[i], lost ? ": lost" : "");
            struct task **place = &worker->tasks[partitions[i]];
            if (status)
                worker_end_task(worker, place);
            worker->parked[partitions[i]] = *place;
            *place = NULL;
        }
    if (lost)
        error_set(error, ERROR_ABORTED, "the group gave our partitions to others, as we had not been heard of");
    return status == ERROR_ABORTED ? worker_rewind(worker, error) : status;
}

int worker_open(struct worker *worker, const struct worker_settings *settings, size_t number, size_t count,
                int32_t partitions, atomic_size_t *at_end, struct error *error) {
    char name[300];
    *worker = (struct worker){
        .settings = settings, .number = number, .count = count, .partitions = partitions, .at_end = at_end};
    worker->member = (struct bus_member){worker_assigned, worker_revoked, worker};
    snprintf(name, sizeof name, "%s.%zu", settings->query->group, number);
    worker->tasks = memory_zero((size_t)partitions, sizeof *worker->tasks);
    worker->parked = memory_zero((size_t)partitions, sizeof *worker->parked);
    worker->positions = memory_zero((size_t)partitions, sizeof *worker->positions);
    worker->closed = memory_zero((size_t)partitions, sizeof *worker->closed);
    int status = worker->tasks && worker->parked && worker->positions && worker->closed ? 0 : error_no_memory(error);
    if (!status)
        status = bus_consumer_open(settings->bus, settings->query->group, &worker->consumer, error);
    if (!status)
        status = output_open(settings->bus, settings->store, settings->query, name, worker->consumer, settings->clock,
                             &worker->output, error);
    if (!status)
        status = reading_decoder_new(bus_registry(settings->bus), &worker->decoder, error);
    if (!status && !(worker->batch = batch_new(&schema_reading, 4096)))
        status = error_no_memory(error);
    if (!status)
        status = bus_consumer_join(worker->consumer, &settings->query->topic, 1, number, count, &worker->member, error);
    worker->last_commit_ns = clock_monotonic_ns(settings->clock);
    if (status)
        worker_close(worker);
    return status;
}

void worker_close(struct worker *worker) {
    for (int32_t p = 0; worker->tasks && p < worker->partitions; p++)
        worker_end_task(worker, &worker->tasks[p]);
    for (int32_t p = 0; worker->parked && p < worker->partitions; p++)
        worker_end_task(worker, &worker->parked[p]);
    free(worker->tasks);
    free(worker->parked);
    free(worker->positions);
    free(worker->closed);
    worker->batch = batch_free(worker->batch);
    worker->decoder = reading_decoder_free(worker->decoder);
    worker->output = output_close(worker->output);
    worker->consumer = bus_consumer_close(worker->consumer);
    worker->tasks = worker->parked = NULL;
    worker->positions = NULL;
    worker->closed = NULL;
}

static bool worker_reached_end(const struct worker *worker) {
    if (!worker->assigned)
        return false;
    for (int32_t p = 0; p < worker->partitions; p++)
        if (worker->tasks[p] && worker->tasks[p]->read_offset < worker->tasks[p]->until)
            return false;
    return true;
}

/* Stream time of a silent partition goes on with the wall clock. */
static void worker_idle_close(struct worker *worker) {
    int64_t idle_close = worker->settings->query->idle_close, now = clock_monotonic_ns(worker->settings->clock);
    if (idle_close == 0)
        return;
    for (int32_t p = 0; p < worker->partitions; p++) {
        struct task *task = worker->tasks[p];
        if (!task || task->read_offset < task->next_offset) /* still recovering */
            continue;
        int64_t silent = (now - task->last_record_ns) / 1000000;
        if (task->idle_stream_time != INT64_MIN && silent >= idle_close)
            window_aggregate_advance(task->aggregate, task->idle_stream_time + silent);
    }
}

/* Is it time to commit? `caught_up`: the last poll brought nothing. */
static bool worker_commit_due(const struct worker *worker, bool caught_up) {
    int64_t since = clock_monotonic_ns(worker->settings->clock) - worker->last_commit_ns;
    if (caught_up && (worker_has_closed(worker) || output_pending(worker->output)))
        return true;
    if (!caught_up && (since >= COMMIT_INTERVAL_NS || output_pending_bytes(worker->output) >= PENDING_BYTES_MAXIMUM))
        return true;
    return since >= POSITION_INTERVAL_NS && worker_dirty(worker);
}

static int worker_process(struct worker *worker, const struct bus_batch *records, struct error *error) {
    struct task *task = worker->tasks[records->partition];
    if (!task) /* of a partition that is no longer ours */
        return 0;
    int status = task_process(task, records, worker->decoder, worker->output, error);
    if (status && error->retriable) {
        worker_wait(worker, error);
        return bus_consumer_seek(worker->consumer, records->topic, records->partition, task->read_offset, error);
    }
    if (records->count)
        task->last_record_ns = clock_monotonic_ns(worker->settings->clock);
    return status;
}

static int worker_step(struct worker *worker, struct error *error) {
    struct bus_batch records;
    bool nothing_to_say = !worker_has_closed(worker) && !output_pending(worker->output);
    int got = bus_consumer_poll(worker->consumer, nothing_to_say ? POLL_TIMEOUT : 0, &records, error);
    if (got == ERROR_NOT_FOUND && worker->settings->query->lost_offsets != LOST_OFFSETS_FAIL)
        return worker_rewind(worker, error);
    if (got < 0)
        return got;
    int status = got ? worker_process(worker, &records, error) : 0;
    if (!got)
        worker_idle_close(worker);
    return !status && worker_commit_due(worker, !got) ? worker_commit_or_rewind(worker, error) : status;
}

/* All workers of the process have reached the end. */
static bool worker_all_at_end(struct worker *worker, bool *at_end) {
    bool now = worker->settings->until_end && worker_reached_end(worker);
    if (now != *at_end)
        *at_end = now, atomic_fetch_add(worker->at_end, now ? 1 : (size_t)-1);
    return now && atomic_load(worker->at_end) == worker->count;
}

/* Closes what is open and commits. False: the commit was undone, there is work again. */
static int worker_finish(struct worker *worker, bool all, bool *ret_done, struct error *error) {
    for (int32_t p = 0; all && worker->settings->final && p < worker->partitions; p++)
        if (worker->tasks[p])
            window_aggregate_advance(worker->tasks[p]->aggregate,
                                     window_aggregate_closing_time(worker->tasks[p]->aggregate));
    uint64_t rewinds = worker->rewinds;
    int status = worker_commit_or_rewind(worker, error);
    *ret_done = worker->rewinds == rewinds || worker_stopped(worker);
    return status;
}

static int worker_loop(struct worker *worker, struct error *error) {
    int status = 0;
    bool done = false, at_end = false;
    while (!status && !done) {
        bool all = worker_all_at_end(worker, &at_end);
        if (all || worker_stopped(worker))
            status = worker_finish(worker, all, &done, error);
        else
            status = worker_step(worker, error);
    }
    return status;
}

void *worker_run(void *context) {
    struct worker *worker = context;
    worker->status = worker_loop(worker, &worker->error);
    return NULL;
}

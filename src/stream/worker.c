#include "stream/worker.h"

#include "core/memory.h"

#define COMMIT_INTERVAL_NS INT64_C(100000000)
#define POSITION_INTERVAL_NS INT64_C(1000000000)
enum { POLL_TIMEOUT = 50, PENDING_BYTES_MAXIMUM = 64 << 20 };

static int worker_open_tasks(struct worker *worker, struct error *error) {
    size_t most = (size_t)worker->partitions / worker->count + 1;
    worker->tasks = memory_zero(most, sizeof *worker->tasks);
    worker->positions = memory_zero(most, sizeof *worker->positions);
    if (!worker->tasks || !worker->positions)
        return error_no_memory(error);
    for (int32_t p = (int32_t)worker->number; p < worker->partitions; p += (int32_t)worker->count) {
        struct task *task = &worker->tasks[worker->task_count];
        int status = task_open(task, worker->settings->bus, worker->consumer, worker->settings->query, p, worker->decoder, worker->batch, error);
        if (status)
            return status;
        task->last_record_ns = clock_monotonic_ns(worker->settings->clock);
        worker->task_count++;
    }
    return 0;
}

int worker_open(struct worker *worker, const struct worker_settings *settings, size_t number, size_t count, int32_t partitions, struct error *error) {
    *worker = (struct worker){.settings = settings, .number = number, .count = count, .partitions = partitions};
    int status = bus_consumer_open(settings->bus, &worker->consumer, error);
    if (!status)
        status = output_open(settings->bus, settings->store, settings->query, settings->clock, &worker->output, error);
    if (!status)
        status = reading_decoder_new(bus_registry(settings->bus), &worker->decoder, error);
    if (!status && !(worker->batch = batch_new(&schema_reading, 4096)))
        status = error_no_memory(error);
    if (!status)
        status = worker_open_tasks(worker, error);
    worker->last_commit_ns = clock_monotonic_ns(settings->clock);
    if (status)
        worker_close(worker);
    return status;
}

void worker_close(struct worker *worker) {
    for (size_t i = 0; i < worker->task_count; i++)
        task_close(&worker->tasks[i]);
    free(worker->tasks);
    free(worker->positions);
    worker->batch = batch_free(worker->batch);
    worker->decoder = reading_decoder_free(worker->decoder);
    worker->output = output_close(worker->output);
    worker->consumer = bus_consumer_close(worker->consumer);
    worker->tasks = NULL;
    worker->positions = NULL;
    worker->task_count = 0;
}

static bool worker_has_closed(const struct worker *worker) {
    for (size_t i = 0; i < worker->task_count; i++)
        if (window_aggregate_has_closed(worker->tasks[i].aggregate))
            return true;
    return false;
}

static bool worker_dirty(const struct worker *worker) {
    for (size_t i = 0; i < worker->task_count; i++)
        if (worker->tasks[i].dirty)
            return true;
    return false;
}

/* Commits the tasks that have moved; all of their outputs and positions become visible together. */
static int worker_commit(struct worker *worker, struct error *error) {
    struct task *committed[BUS_PARTITIONS_MAXIMUM];
    size_t count = 0;
    for (size_t i = 0; i < worker->task_count; i++) {
        struct task *task = &worker->tasks[i];
        if (!task->dirty && !window_aggregate_has_closed(task->aggregate))
            continue;
        int status = task_prepare_commit(task, worker->output, &worker->positions[count], error);
        if (status)
            return status;
        committed[count++] = task;
    }
    if (count) {
        int status = output_commit(worker->output, worker->positions, count, error);
        if (status)
            return status;
        worker->commits++;
    }
    for (size_t i = 0; i < count; i++)
        task_committed(committed[i]);
    worker->last_commit_ns = clock_monotonic_ns(worker->settings->clock);
    return 0;
}

static bool worker_reached_end(const struct worker *worker) {
    for (size_t i = 0; i < worker->task_count; i++)
        if (worker->tasks[i].next_offset < worker->tasks[i].until)
            return false;
    return true;
}

/* Stream time of a silent partition goes on with the wall clock. */
static void worker_idle_close(struct worker *worker) {
    int64_t idle_close = worker->settings->query->idle_close, now = clock_monotonic_ns(worker->settings->clock);
    if (idle_close == 0)
        return;
    for (size_t i = 0; i < worker->task_count; i++) {
        struct task *task = &worker->tasks[i];
        int64_t silent = (now - task->last_record_ns) / 1000000;
        if (task->idle_stream_time != INT64_MIN && silent >= idle_close)
            window_aggregate_advance(task->aggregate, task->idle_stream_time + silent);
    }
}

static struct task *worker_task(struct worker *worker, int32_t partition) {
    return &worker->tasks[((size_t)partition - worker->number) / worker->count];
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

static int worker_step(struct worker *worker, struct error *error) {
    struct bus_batch records;
    bool nothing_to_say = !worker_has_closed(worker) && !output_pending(worker->output);
    int got = bus_consumer_poll(worker->consumer, nothing_to_say ? POLL_TIMEOUT : 0, &records, error);
    if (got < 0)
        return got;
    if (got) {
        struct task *task = worker_task(worker, records.partition);
        int status = task_process(task, &records, worker->decoder, worker->output, error);
        if (status)
            return status;
        task->last_record_ns = clock_monotonic_ns(worker->settings->clock);
    } else {
        worker_idle_close(worker);
    }
    return worker_commit_due(worker, !got) ? worker_commit(worker, error) : 0;
}

static int worker_loop(struct worker *worker, struct error *error) {
    int status = 0;
    bool at_end = false;
    while (!status && !atomic_load(worker->settings->stop)) {
        at_end = worker->settings->until_end && worker_reached_end(worker);
        if (at_end)
            break;
        status = worker_step(worker, error);
    }
    if (!status && at_end && worker->settings->final)
        for (size_t i = 0; i < worker->task_count; i++)
            window_aggregate_advance(worker->tasks[i].aggregate, window_aggregate_closing_time(worker->tasks[i].aggregate));
    return status ? status : worker_commit(worker, error);
}

void *worker_run(void *context) {
    struct worker *worker = context;
    worker->status = worker_loop(worker, &worker->error);
    return NULL;
}

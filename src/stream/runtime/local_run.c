/* A log in memory with the sources' topics, a runner without threads over it, and a reader of what was written. */
#include "stream/runtime/local_run.h"

#include "core/memory.h"

struct local_run {
    struct local_run_settings settings;
    struct clock clock;
    int64_t slept; /* ns: what monotonic time has gone on by */
    struct bus *bus;
    struct bus_producer *producer;
    struct query_settings queries;
    struct query_runner *runner;
    atomic_bool stop;
};

static int64_t local_wall(void *context) {
    const struct local_run *run = context;
    return clock_wall(run->settings.clock);
}

static int64_t local_monotonic(void *context) {
    return ((const struct local_run *)context)->slept;
}

static void local_sleep(void *context, int64_t nanoseconds) {
    struct local_run *run = context;
    run->slept += nanoseconds > 0 ? nanoseconds : 0;
    if (run->settings.stop && atomic_load(run->settings.stop))
        atomic_store(&run->stop, true);
    else
        clock_sleep_ns(run->settings.clock, nanoseconds);
}

static size_t local_cut(void *context) {
    return ((const struct local_run *)context)->settings.batch;
}

int local_run_open(const struct local_run_settings *settings, struct local_run **ret_run, struct error *error) {
    struct local_run *run = memory_zero(1, sizeof *run);
    if (!run)
        return error_no_memory(error);
    run->settings = *settings;
    run->clock = (struct clock){local_wall, local_monotonic, local_sleep, run};
    struct bus_options options = {
        .clock = &run->clock, .partitions = settings->partitions, .registry = settings->registry};
    struct memory_bus_options memory = {
        .same_partitions = true, .never_waits = true, .cut = settings->batch ? local_cut : NULL, .context = run};
    int status = memory_bus_open(&options, &memory, &run->bus, error);
    if (!status)
        status = bus_producer_open(run->bus, &(struct bus_producer_options){0}, &run->producer, error);
    run->queries = (struct query_settings){.bus = run->bus,
                                           .clock = &run->clock,
                                           .log = settings->log,
                                           .stop = &run->stop,
                                           .group = "local",
                                           .rejected = settings->rejected,
                                           .workers = 1,
                                           .manual = true,
                                           .of_the_moment = settings->of_the_moment,
                                           .free_scratch = settings->free_scratch};
    if (status) {
        local_run_close(run);
        return status;
    }
    *ret_run = run;
    return 0;
}

struct local_run *local_run_close(struct local_run *run) {
    if (!run)
        return NULL;
    query_runner_close(run->runner);
    bus_producer_close(run->producer);
    bus_close(run->bus);
    free(run);
    return NULL;
}

struct bus *local_run_bus(struct local_run *run) {
    return run->bus;
}

int local_run_start(struct local_run *run, const struct query_plan *const *plans, size_t count, struct error *error) {
    atomic_store(&run->stop, false);
    int status = query_runner_open(&run->queries, &run->runner, error);
    return status ? status : query_runner_add(run->runner, plans, count, error);
}

int local_run_stop(struct local_run *run, struct error *error) {
    atomic_store(&run->stop, true);
    int status = query_runner_wait(run->runner, error);
    run->runner = query_runner_close(run->runner);
    return status;
}

int local_run_append(struct local_run *run, const char *topic, const struct bus_record *records, size_t count,
                     struct error *error) {
    int32_t handle, partitions;
    int status = bus_producer_topic(run->producer, topic, NULL, &handle, &partitions, error);
    for (size_t i = 0; i < count && !status; i++)
        status = bus_produce(run->producer, handle, records[i].key.data ? bus_partition(records[i].key, partitions) : 0,
                             &records[i], error);
    return status ? status : bus_producer_commit(run->producer, NULL, 0, error);
}

int local_run_settle(struct local_run *run, struct error *error) {
    return query_runner_settle(run->runner, error);
}

int local_run_read(struct local_run *run, const char *topic,
                   int (*each)(void *context, const struct bus_record *record, struct error *error), void *context,
                   struct error *error) {
    struct bus_consumer *consumer;
    struct bus_topic_info info;
    struct bus_batch batch;
    int status = bus_topic_describe(run->bus, topic, &info, error);
    if (status)
        return status == ERROR_NOT_FOUND ? 0 : status;
    status = bus_consumer_open(run->bus, NULL, &consumer, error);
    if (status) {
        bus_topic_info_release(&info);
        return status;
    }
    int got = 0;
    for (int32_t p = 0; p < info.settings.partitions && !status; p++) {
        status = bus_consumer_seek(consumer, topic, p, info.partitions[p].start_offset, error);
        while (!status && (got = bus_consumer_poll(consumer, 0, &batch, error)) == 1)
            for (size_t i = 0; i < batch.count && !status; i++)
                status = each(context, &batch.records[i], error);
        status = got < 0 ? got : status;
    }
    bus_consumer_close(consumer);
    bus_topic_info_release(&info);
    return status;
}

int local_run_clear(struct local_run *run, struct error *error) {
    struct bus_topic_list list;
    int status = bus_topics(run->bus, &list, error);
    if (status)
        return status;
    for (size_t i = 0; i < list.count && !status; i++)
        for (int32_t p = 0; p < list.topics[i].settings.partitions && !status; p++)
            status = bus_trim(run->bus, list.topics[i].name, p, list.topics[i].partitions[p].end_offset, error);
    bus_topic_list_release(&list);
    return status;
}

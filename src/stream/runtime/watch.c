#include "stream/runtime/watch.h"

#include "stream/runtime/worker.h"

#define LOOK_NS        INT64_C(1000000000)
#define HELD_NS        INT64_C(10000000000)
#define HELD_NOTICE_NS INT64_C(60000000000)

/* A transaction that is open, of a publisher that hangs or was killed, hides what comes after it, as if the topic ended
 * there. */
static void worker_watch_input(struct query_worker *worker, struct query_input *input, int64_t now) {
    const char *topic = worker->group->topics[input->topic].name;
    int64_t end = bus_known_end(worker->work.consumer, topic, input->partition);
    if (!input->at_end || end <= input->read_offset) {
        input->held_since_ns = input->held_notice_ns = 0;
        return;
    }
    input->held_since_ns = input->held_since_ns ? input->held_since_ns : now;
    if (now - input->held_since_ns < HELD_NS || (input->held_notice_ns && now - input->held_notice_ns < HELD_NOTICE_NS))
        return;
    input->held_notice_ns = now;
    log_write(
        worker->settings->log, LOG_WARNING,
        "%s/%d: %lld records from offset %lld on have been held up for %lld s by a transaction that is still open: "
        "its publisher hangs or was killed; they come when it goes on, or when the brokers abort it",
        topic, (int)input->partition, (long long)(end - input->read_offset), (long long)input->read_offset,
        (long long)((now - input->held_since_ns) / 1000000000));
}

void query_worker_watch(struct query_worker *worker) {
    int64_t now = clock_monotonic_ns(worker->settings->clock);
    if (!bus_is_server(worker->work.consumer) || now - worker->last_watch_ns < LOOK_NS)
        return;
    worker->last_watch_ns = now;
    for (int32_t p = 0; p < worker->group->partitions; p++)
        for (size_t i = 0; worker->tasks[p] && i < worker->group->topic_count; i++)
            worker_watch_input(worker, &worker->tasks[p]->inputs[i], now);
}

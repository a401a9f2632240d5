#include "stream/sink/sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

#define COMMIT_INTERVAL_NS INT64_C(500000000)
#define RETRY_NS           INT64_C(200000000)
#define NOTICE_INTERVAL_NS INT64_C(5000000000)
enum { POLL_TIMEOUT = 50 };

struct sink_place {
    bool ours, dirty;
    int64_t next, committed, revision, end; /* end: when the drain began, -1 before */
};

static bool sink_stopped(const struct sink *sink) {
    return atomic_load(sink->settings.stop);
}

static void sink_wait(struct sink *sink, const struct error *why) {
    int64_t now = clock_monotonic_ns(sink->settings.clock);
    if (sink->last_notice_ns == 0 || now - sink->last_notice_ns >= NOTICE_INTERVAL_NS) {
        log_write(sink->settings.log, LOG_WARNING, "%s of %s is waiting: %s", sink->target->name, sink->settings.topic,
                  why->message);
        sink->last_notice_ns = now;
    }
    atomic_fetch_add(&sink->counts.retries, 1);
    clock_sleep_ns(sink->settings.clock, RETRY_NS);
}

static int sink_begin_at(struct sink *sink, int32_t partition, struct error *error) {
    struct sink_place *place = &sink->places[partition];
    struct bus_committed committed;
    int64_t start, end;
    int status =
        bus_committed(sink->settings.bus, sink->settings.group, sink->settings.topic, partition, &committed, error);
    if (!status)
        status = bus_offsets(sink->consumer, sink->settings.topic, partition, &start, &end, error);
    if (status)
        return status;
    int64_t next = committed.exists ? committed.next_offset : start;
    if (next < start || next > end)
        return error_set(error, ERROR_NOT_FOUND,
                         "%s of %s/%d: the records from offset %lld are gone, the topic has %lld to %lld: make the "
                         "topic keep its records, and forget the positions "
                         "of group %s to begin with what is there",
                         sink->target->name, sink->settings.topic, (int)partition, (long long)next, (long long)start,
                         (long long)end, sink->settings.group);
    *place =
        (struct sink_place){.ours = true, .next = next, .committed = next, .revision = committed.revision, .end = -1};
    return bus_consumer_seek(sink->consumer, sink->settings.topic, partition, next, error);
}

/* Until the log answers, or the sink is stopped. */
static int sink_begin(struct sink *sink, int32_t partition, struct error *error) {
    for (;;) {
        int status = sink_begin_at(sink, partition, error);
        if (!status || !error->retriable)
            return status;
        if (sink_stopped(sink))
            return 0;
        sink_wait(sink, error);
    }
}

/* Back to the committed positions: what was written since is written again, whether it had arrived or not. */
static int sink_rewind(struct sink *sink, struct error *error) {
    struct error ignored;
    int status = 0;
    sink->target->flush(sink->context, &ignored); /* nothing of before may be under way */
    bus_producer_abort(sink->producer);
    for (int32_t p = 0; p < sink->partitions && !status; p++)
        if (sink->places[p].ours)
            status = sink_begin(sink, p, error);
    return status;
}

static int sink_commit_once(struct sink *sink, struct error *error) {
    struct bus_position *positions = memory_zero((size_t)sink->partitions, sizeof *positions);
    size_t count = 0;
    if (!positions)
        return error_no_memory(error);
    for (int32_t p = 0; p < sink->partitions; p++)
        if (sink->places[p].ours && sink->places[p].dirty)
            positions[count++] = (struct bus_position){.group = sink->settings.group,
                                                       .topic = sink->settings.topic,
                                                       .partition = p,
                                                       .next_offset = sink->places[p].next,
                                                       .metadata = "",
                                                       .expected = sink->places[p].revision};
    int status = count ? sink->target->flush(sink->context, error) : 0;
    if (!status && count)
        status = bus_producer_commit(sink->producer, positions, count, error);
    for (size_t i = 0; i < count && !status; i++) {
        struct sink_place *place = &sink->places[positions[i].partition];
        place->committed = place->next;
        place->revision++;
        place->dirty = false;
    }
    atomic_fetch_add(&sink->counts.commits, !status && count);
    free(positions);
    return status;
}

static bool sink_passes(const struct error *error) {
    return error->retriable || error->code == ERROR_ABORTED;
}

/* Stopped while the target is away: positions stay where they are, and what the target lacks is written after the
 * next start. */
static int sink_give_up(struct sink *sink) {
    sink->given_up = true;
    return 0;
}

static int sink_commit(struct sink *sink, struct error *error) {
    int status = sink_commit_once(sink, error);
    sink->last_commit_ns = clock_monotonic_ns(sink->settings.clock);
    if (!status || !sink_passes(error))
        return status;
    if (sink_stopped(sink))
        return sink_give_up(sink);
    sink_wait(sink, error);
    return sink_rewind(sink, error);
}

static int sink_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    struct sink *sink = context;
    int status = 0;
    sink->assigned = true;
    for (size_t i = 0; i < count && !status; i++) {
        if (partitions[i] >= sink->partitions)
            return error_set(error, ERROR_INVALID, "topic %s has got more partitions: start again",
                             sink->settings.topic);
        status = sink_begin(sink, partitions[i], error);
    }
    return status;
}

static int sink_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
    struct sink *sink = context;
    int status = lost ? 0 : sink_commit_once(sink, error);
    sink->assigned = false; /* until the group has decided anew */
    if (lost || status)
        bus_producer_abort(sink->producer);
    for (size_t i = 0; i < count; i++)
        if (partitions[i] < sink->partitions)
            sink->places[partitions[i]] = (struct sink_place){0};
    return status && !sink_passes(error) ? status : 0; /* what was not committed is written again by its next owner */
}

int sink_open(struct sink *sink, const struct sink_settings *settings, const struct sink_target *target, void *context,
              struct error *error) {
    static const struct bus_topic_settings kept = {.retention_time = -1, .retention_bytes = -1};
    char name[400];
    *sink = (struct sink){.settings = *settings, .target = target, .context = context};
    sink->member = (struct bus_member){sink_assigned, sink_revoked, sink};
    snprintf(name, sizeof name, "%s.%s.%zu", settings->group, settings->topic, settings->number);
    int status = bus_topic_ensure(settings->bus, settings->topic, &kept, &sink->partitions, error);
    if (!status && !(sink->places = memory_zero((size_t)sink->partitions, sizeof *sink->places)))
        status = error_no_memory(error);
    if (!status)
        status = bus_consumer_open(settings->bus, settings->group, &sink->consumer, error);
    struct bus_producer_options options = {.name = name, .member = sink->consumer};
    if (!status)
        status = bus_producer_open(settings->bus, &options, &sink->producer, error);
    if (!status)
        status = mail_open(&sink->mail, sink->producer, settings->rejected, error);
    if (!status)
        status = bus_consumer_join(sink->consumer, &sink->settings.topic, 1, settings->number, settings->count,
                                   &sink->member, error);
    if (status)
        sink_close(sink);
    return status;
}

void sink_close(struct sink *sink) {
    if (sink->context)
        sink->target->close(sink->context);
    mail_release(&sink->mail);
    sink->producer = bus_producer_close(sink->producer);
    sink->consumer = bus_consumer_close(sink->consumer);
    free(sink->places);
    sink->context = NULL;
    sink->places = NULL;
}

static bool sink_dirty(const struct sink *sink) {
    for (int32_t p = 0; p < sink->partitions; p++)
        if (sink->places[p].dirty)
            return true;
    return false;
}

static int sink_process(struct sink *sink, const struct bus_batch *records, struct error *error) {
    struct sink_place *place = &sink->places[records->partition];
    if (!place->ours)
        return 0;
    int status = records->count ? sink->target->write(sink->context, records, &sink->mail, error) : 0;
    if (status && error->retriable) {
        if (sink_stopped(sink))
            return sink_give_up(sink);
        sink_wait(sink, error);
        return sink_rewind(sink, error); /* the error may be one of records before these */
    }
    if (status)
        return error_wrap(error, "%s of %s/%d from offset %lld", sink->target->name, records->topic,
                          (int)records->partition, (long long)records->base_offset);
    int64_t next = records->base_offset + (int64_t)records->count;
    place->dirty |= next > place->next;
    place->next = next;
    atomic_fetch_add(&sink->counts.records, records->count);
    return 0;
}

/* Is all done and committed that was there when the drain began? */
static bool sink_drained(struct sink *sink) {
    if (!atomic_load(sink->settings.drain) || !sink->assigned || sink_dirty(sink))
        return false;
    for (int32_t p = 0; p < sink->partitions; p++) {
        struct sink_place *place = &sink->places[p];
        int64_t start;
        if (!place->ours)
            continue;
        if (place->end < 0 && bus_offsets(sink->consumer, sink->settings.topic, p, &start, &place->end, NULL) != 0)
            return false;
        if (place->next < place->end)
            return false;
    }
    return true;
}

static int sink_step(struct sink *sink, struct error *error) {
    struct bus_batch records;
    int got = bus_consumer_poll(sink->consumer, POLL_TIMEOUT, &records, error);
    if (got < 0)
        return got;
    int status = got ? sink_process(sink, &records, error) : 0;
    bool due = clock_monotonic_ns(sink->settings.clock) - sink->last_commit_ns >= COMMIT_INTERVAL_NS;
    return !status && (due || !got) && sink_dirty(sink) ? sink_commit(sink, error) : status;
}

void *sink_run(void *context) {
    struct sink *sink = context;
    int status = 0;
    sink->last_commit_ns = clock_monotonic_ns(sink->settings.clock);
    while (!status && !sink_stopped(sink) && !sink_drained(sink))
        status = sink_step(sink, &sink->error);
    if (!status && !sink->given_up && sink_dirty(sink)) { /* stopped */
        status = sink_commit_once(sink, &sink->error);
        if (status && sink_passes(&sink->error))
            status = sink_give_up(sink);
    }
    sink->status = status;
    if (status)
        atomic_store(sink->settings.failed, true);
    return NULL;
}

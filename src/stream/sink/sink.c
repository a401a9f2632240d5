/* The worker of a sink: reads, writes, commits; goes back and tries again while its target or the log is away. */
#include "stream/sink/sink_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

#define COMMIT_INTERVAL_NS INT64_C(500000000)
#define FED_INTERVAL_NS    INT64_C(5000000000) /* when all comes by the feed */
#define RETRY_NS           INT64_C(200000000)
#define RETRY_MAXIMUM_NS   INT64_C(3200000000)
#define SLEEP_NS           INT64_C(100000000) /* between two looks at `stop` */
#define NOTICE_INTERVAL_NS INT64_C(5000000000)
enum { POLL_TIMEOUT = 50, NOTICE_OF_ERROR = 1 /* the second one */ };

static bool sink_stopped(const struct sink *sink) {
    return atomic_load(sink->settings.stop);
}

/* Says what is waited for, now and then, and waits: longer after each try that fails, or as the target asks for. A
 * wait that lasts is an error, once: with --quiet too it must not stay unknown. */
static void sink_wait(struct sink *sink, const struct error *why) {
    int64_t now = clock_monotonic_ns(sink->settings.clock), pause = RETRY_NS << (sink->tries < 8 ? sink->tries : 8);
    if (sink->last_notice_ns == 0 || now - sink->last_notice_ns >= NOTICE_INTERVAL_NS) {
        log_write(sink->settings.log, sink->notices++ == NOTICE_OF_ERROR ? LOG_ERROR : LOG_WARNING,
                  "%s of %s is waiting: %s", sink->target->name, sink->settings.topic, why->message);
        sink->last_notice_ns = now;
    }
    sink->tries++;
    sink->waits_for = *why;
    atomic_fetch_add(&sink->counts.retries, 1);
    int64_t wanted = sink->target->pause_ns ? sink->target->pause_ns(sink->context) : 0;
    pause = wanted ? wanted : pause < RETRY_MAXIMUM_NS ? pause : RETRY_MAXIMUM_NS;
    for (int64_t slept = 0; slept < pause && !sink_stopped(sink); slept += SLEEP_NS)
        clock_sleep_ns(sink->settings.clock, pause - slept < SLEEP_NS ? pause - slept : SLEEP_NS);
}

/* --- positions
 * ------------------------------------------------------------------------------------------------------------------ */

static void sink_mark_name(const struct sink *sink, int32_t partition, char *to, size_t size) {
    snprintf(to, size, "%s/%s/%d", sink->settings.group, sink->settings.topic, (int)partition);
}

static void sink_place(const struct sink *sink, int32_t partition, int64_t next) {
    if (sink->settings.feed)
        feed_begin(sink->settings.feed, partition, next);
}

int sink_release(struct sink *sink, int32_t partition, struct error *error) {
    if (!sink->at[partition].fed)
        return 0;
    sink->at[partition].fed = false;
    return bus_consumer_pause(sink->consumer, sink->settings.topic, partition, false, error);
}

/* A target that has lost what it was given is given everything again. */
static int sink_check_mark(struct sink *sink, int32_t partition, int64_t start, int64_t *next, bool *ret_marked,
                           struct error *error) {
    char mark[700];
    bool marked = true;
    sink_mark_name(sink, partition, mark, sizeof mark);
    int status = sink->target->marked ? sink->target->marked(sink->context, mark, &marked, error) : 0;
    if (!status && !marked && *next > start) {
        log_write(sink->settings.log, LOG_WARNING, "%s of %s/%d has lost what it was given: all is brought again",
                  sink->target->name, sink->settings.topic, (int)partition);
        *next = start;
    }
    *ret_marked = marked;
    return status;
}

static int sink_begin_at(struct sink *sink, int32_t partition, struct error *error) {
    struct sink_partition *at = &sink->at[partition];
    struct bus_committed committed;
    int64_t start, end;
    bool marked;
    int status =
        bus_committed(sink->settings.bus, sink->settings.group, sink->settings.topic, partition, &committed, error);
    if (!status)
        status = bus_offsets(sink->consumer, sink->settings.topic, partition, &start, &end, error);
    if (status)
        return status;
    int64_t next = committed.exists ? committed.next_offset : start;
    if (sink->target->begin)
        status = sink->target->begin(sink->context, partition, start, end, committed.exists ? next : -1, &next, error);
    if (status)
        return status;
    if (next < start || next > end)
        return error_set(error, ERROR_NOT_FOUND,
                         "%s of %s/%d: the records from offset %lld are gone, the topic has %lld to %lld: make the "
                         "topic keep its records, and forget the positions "
                         "of group %s to begin with what is there",
                         sink->target->name, sink->settings.topic, (int)partition, (long long)next, (long long)start,
                         (long long)end, sink->settings.group);
    status = sink_check_mark(sink, partition, start, &next, &marked, error);
    if (!status)
        status = sink_release(sink, partition, error);
    if (status)
        return status;
    *at = (struct sink_partition){.ours = true,
                                  .marked = marked,
                                  .next = next,
                                  .committed = next,
                                  .revision = committed.revision,
                                  .end = at->ours ? at->end : -1};
    sink_place(sink, partition, next);
    return bus_consumer_seek(sink->consumer, sink->settings.topic, partition, next, error);
}

/* Stopped while the target is away: positions stay where they are, and what the target lacks is written after the
 * next start. */
static int sink_give_up(struct sink *sink, const struct error *why) {
    sink->given_up = true;
    sink->waits_for = *why;
    return 0;
}

/* Until the log answers, or the sink is stopped. */
static int sink_begin(struct sink *sink, int32_t partition, struct error *error) {
    for (;;) {
        int status = sink_begin_at(sink, partition, error);
        if (!status || !error->retriable)
            return status;
        if (sink_stopped(sink)) /* what is not committed is written again by the next run */
            return sink_give_up(sink, error);
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
        if (sink->at[p].ours)
            status = sink_begin(sink, p, error);
    return status;
}

/* After the commit: a mark says that the target has all that the position says. */
static int sink_set_mark(struct sink *sink, int32_t partition, struct error *error) {
    char mark[700];
    if (sink->at[partition].marked || !sink->target->mark)
        return 0;
    sink_mark_name(sink, partition, mark, sizeof mark);
    int status = sink->target->mark(sink->context, mark, error);
    sink->at[partition].marked = !status;
    return status;
}

static int sink_commit_once(struct sink *sink, struct error *error) {
    struct bus_position *positions = memory_zero((size_t)sink->partitions, sizeof *positions);
    size_t count = 0;
    if (!positions)
        return error_no_memory(error);
    for (int32_t p = 0; p < sink->partitions; p++)
        if (sink->at[p].ours && sink->at[p].dirty)
            positions[count++] = (struct bus_position){.group = sink->settings.group,
                                                       .topic = sink->settings.topic,
                                                       .partition = p,
                                                       .next_offset = sink->at[p].next,
                                                       .metadata = "",
                                                       .expected = sink->at[p].revision};
    int status = count ? sink->target->flush(sink->context, error) : 0;
    if (!status && count)
        status = bus_producer_commit(sink->producer, positions, count, error);
    for (size_t i = 0; i < count && !status; i++) {
        struct sink_partition *at = &sink->at[positions[i].partition];
        at->committed = at->next;
        at->revision++;
        at->dirty = at->passed = false;
    }
    sink->tries = status ? sink->tries : 0;
    sink->waits_for.code = status ? sink->waits_for.code : 0;
    atomic_fetch_add(&sink->counts.commits, !status && count);
    for (size_t i = 0; i < count && !status; i++)
        status = sink_set_mark(sink, positions[i].partition, error);
    free(positions);
    return status;
}

static bool sink_passes(const struct error *error) {
    return error->retriable || error->code == ERROR_ABORTED;
}

static int sink_commit(struct sink *sink, struct error *error) {
    int status = sink_commit_once(sink, error);
    sink->last_commit_ns = clock_monotonic_ns(sink->settings.clock);
    if (!status || !sink_passes(error))
        return status;
    if (sink_stopped(sink))
        return sink_give_up(sink, error);
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
    for (size_t i = 0; i < count; i++) {
        struct error ignored; /* of a partition that is not ours any more, which is not held back */
        if (partitions[i] >= sink->partitions)
            continue;
        sink_place(sink, partitions[i], -1);
        sink_release(sink, partitions[i], &ignored);
        sink->at[partitions[i]] = (struct sink_partition){0};
    }
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
    if (!status && !(sink->at = memory_zero((size_t)sink->partitions, sizeof *sink->at)))
        status = error_no_memory(error);
    if (!status)
        status = bus_consumer_open(settings->bus, settings->group, &sink->consumer, error);
    struct bus_producer_options options = {.name = name, .member = sink->consumer};
    if (!status)
        status = bus_producer_open(settings->bus, &options, &sink->producer, error);
    if (!status)
        dead_letters_open_later(&sink->dead_letters, sink->producer, settings->rejected);
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
    dead_letters_release(&sink->dead_letters);
    sink->producer = bus_producer_close(sink->producer);
    sink->consumer = bus_consumer_close(sink->consumer);
    free(sink->at);
    free(sink->blocks);
    sink->blocks = NULL;
    sink->context = NULL;
    sink->at = NULL;
}

static bool sink_dirty(const struct sink *sink) {
    for (int32_t p = 0; p < sink->partitions; p++)
        if (sink->at[p].dirty)
            return true;
    return false;
}

/* Has something been written, or is the end near? Then it is committed soon. */
static bool sink_in_haste(const struct sink *sink) {
    bool written = atomic_load(sink->settings.drain);
    for (int32_t p = 0; p < sink->partitions && !written; p++)
        written = sink->at[p].dirty && !sink->at[p].passed;
    return written;
}

void sink_moved(struct sink *sink, int32_t partition, int64_t next, bool passed) {
    struct sink_partition *at = &sink->at[partition];
    if (next <= at->next)
        return;
    at->passed = passed && (at->passed || !at->dirty);
    at->dirty = true;
    at->next = next;
    if (sink->settings.feed)
        feed_moved(sink->settings.feed, partition, next);
}

/* What is done of a batch is committed before the wait, so that a target that takes some records at a time gets on;
 * not when there are dead letters of records that are `undone`, which would be written twice. */
static int sink_retry(struct sink *sink, bool undone, const struct error *why, struct error *error) {
    struct error ignored, reason = *why;
    if (!undone && sink_dirty(sink))
        sink_commit_once(sink, &ignored);
    if (sink_stopped(sink))
        return sink_give_up(sink, &reason);
    sink_wait(sink, &reason);
    return sink_rewind(sink, error); /* the error may be one of records before these */
}

/* Some records of a batch, from `from` on. */
static int sink_write(struct sink *sink, const struct bus_batch *records, size_t from, size_t *ret_done,
                      struct error *error) {
    struct bus_batch rest = *records;
    rest.base_offset += (int64_t)from;
    rest.records += from;
    rest.count -= from;
    *ret_done = 0;
    return rest.count ? sink->target->write(sink->context, &rest, &sink->dead_letters, ret_done, error) : 0;
}

/* May a commit be made now? */
static bool sink_may_commit(const struct sink *sink) {
    return !sink->target->due || atomic_load(sink->settings.drain) || sink->target->due(sink->context);
}

static bool sink_commit_due(const struct sink *sink) {
    if (sink->target->due && !atomic_load(sink->settings.drain))
        return sink->target->due(sink->context);
    return clock_monotonic_ns(sink->settings.clock) - sink->last_commit_ns >=
           (sink_in_haste(sink) ? COMMIT_INTERVAL_NS : FED_INTERVAL_NS);
}

/* A batch that takes long is committed on the way; after a commit that failed all is read again. */
static int sink_write_all(struct sink *sink, const struct bus_batch *records, struct error *error) {
    size_t from = 0, done, letters;
    int status;
    do {
        letters = bus_producer_pending_records(sink->producer);
        status = sink_write(sink, records, from, &done, error);
        from += done;
        sink_moved(sink, records->partition, records->base_offset + (int64_t)from, false);
        atomic_fetch_add(&sink->counts.records, done);
        uint64_t retries = atomic_load(&sink->counts.retries);
        if (!status && from < records->count && sink_commit_due(sink))
            status = sink_commit(sink, error);
        if (!status && atomic_load(&sink->counts.retries) != retries)
            return 0;
    } while (!status && from < records->count && !sink_stopped(sink) && !sink->given_up);
    if (status && error->retriable)
        return sink_retry(sink, !done && bus_producer_pending_records(sink->producer) != letters, error, error);
    return status ? error_wrap(error, "%s of %s/%d from offset %lld", sink->target->name, records->topic,
                               (int)records->partition, (long long)(records->base_offset + (int64_t)from))
                  : 0;
}

/* Is all done and committed that was there when the drain began? */
static bool sink_drained(struct sink *sink) {
    if (!atomic_load(sink->settings.drain) || !sink->assigned || sink_dirty(sink))
        return false;
    for (int32_t p = 0; p < sink->partitions; p++) {
        struct sink_partition *at = &sink->at[p];
        int64_t start;
        if (!at->ours)
            continue;
        if (at->end < 0 && bus_offsets(sink->consumer, sink->settings.topic, p, &start, &at->end, NULL) != 0)
            return false;
        if (at->next < at->end)
            return false;
    }
    return true;
}

/* Some of it may have come by the feed. */
static int sink_process(struct sink *sink, const struct bus_batch *records, struct error *error) {
    const struct sink_partition *at = &sink->at[records->partition];
    struct bus_batch rest = *records;
    int64_t known = at->next - records->base_offset;
    if (!at->ours || (records->count && known >= (int64_t)records->count))
        return 0;
    if (sink->settings.feed && known > 0 && records->count) {
        rest.base_offset += known;
        rest.records += known;
        rest.count -= (size_t)known;
    }
    return sink_write_all(sink, &rest, error);
}

/* What was read may have been handed over too, and then need not be decoded. */
static int sink_read(struct sink *sink, const struct bus_batch *records, struct error *error) {
    const struct sink_partition *at = &sink->at[records->partition];
    int status = 0;
    if (sink->settings.feed && records->count && at->ours && !at->fed)
        status = sink_take_blocks(sink, sink_feed_partition(sink, records->partition, error), error);
    if (status)
        return sink_passes(error) ? sink_retry(sink, false, error, error) : status;
    return sink_process(sink, records, error);
}

static int sink_step(struct sink *sink, struct error *error) {
    struct bus_batch records;
    int status = sink_feed(sink, error), got = 0;
    if (!status)
        got = bus_consumer_poll(sink->consumer, POLL_TIMEOUT, &records, error);
    if (status || got < 0)
        return sink_passes(error) ? sink_retry(sink, false, error, error) : status ? status : got;
    status = got ? sink_read(sink, &records, error) : 0;
    return !status && !sink->given_up &&
                   (sink_commit_due(sink) || (!got && sink_in_haste(sink) && sink_may_commit(sink))) && sink_dirty(sink)
               ? sink_commit(sink, error)
               : status;
}

/* Records of its partitions that have not been brought over; -1: the log does not answer. */
static int64_t sink_left(struct sink *sink) {
    int64_t left = 0, start, end;
    if (!sink->assigned)
        return -1;
    for (int32_t p = 0; p < sink->partitions; p++) {
        if (!sink->at[p].ours)
            continue;
        if (bus_offsets(sink->consumer, sink->settings.topic, p, &start, &end, NULL) != 0)
            return -1;
        left += end > sink->at[p].committed ? end - sink->at[p].committed : 0;
    }
    return left;
}

static void sink_end(struct sink *sink, int status) {
    sink->status = status;
    log_write(sink->settings.log, LOG_DEBUG, "%s of %s: %llu records read, %llu commits of queries handed over",
              sink->target->name, sink->settings.topic, (unsigned long long)atomic_load(&sink->counts.records),
              (unsigned long long)atomic_load(&sink->counts.blocks));
    for (int32_t p = 0; p < sink->partitions; p++)
        sink_place(sink, p, -1);
    if (atomic_load(sink->settings.drain) || status) /* else what is left comes after the next start */
        sink->left = sink_left(sink);
    if (status)
        log_write(sink->settings.log, LOG_ERROR, "%s of %s has ended, all else goes on: %s", sink->target->name,
                  sink->settings.topic, sink->error.message);
    atomic_store(&sink->ended, true);
}

void *sink_run(void *context) {
    struct sink *sink = context;
    int status = 0;
    sink->last_commit_ns = clock_monotonic_ns(sink->settings.clock);
    while (!status && !sink->given_up && !sink_stopped(sink) && !sink_drained(sink))
        status = sink_step(sink, &sink->error);
    if (!status && !sink->given_up && sink_dirty(sink)) { /* stopped */
        status = sink_commit_once(sink, &sink->error);
        if (status && sink_passes(&sink->error))
            status = sink_give_up(sink, &sink->error);
    }
    sink_end(sink, status);
    return NULL;
}

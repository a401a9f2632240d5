#include "stream/task.h"

#include <stdio.h>

#include "core/memory.h"
#include "model/time.h"

enum { ROWS_ROOM = 4096 };

uint64_t aggregate_query_definition(const struct aggregate_query *query) {
    /* The version of the rules comes first: raise it when the same definition would give other results. */
    int64_t parts[WINDOW_SIZES_MAXIMUM + 4] = {1, query->windows.grace, query->max_ahead,
                                               (int64_t)query->windows.size_count};
    for (size_t i = 0; i < query->windows.size_count; i++)
        parts[4 + i] = query->windows.sizes[i];
    uint64_t definition = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bits: stored, so it may never change */
    const unsigned char *bytes = (const unsigned char *)parts;
    for (size_t i = 0; i < sizeof parts; i++)
        definition = (definition ^ bytes[i]) * UINT64_C(0x100000001b3);
    for (const char *c = query->topic; *c; c++)
        definition = (definition ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return definition;
}

static void task_reject(struct batch *batch, size_t row, const char *reason) {
    batch->status[row] = ROW_REJECTED;
    batch->reasons[row] = reason;
}

static void task_reject_ahead(const struct task *task, struct batch *batch, size_t row, int64_t append_time) {
    enum { REASON_SIZE = 160 };
    char time[TIME_TEXT_SIZE], clock[TIME_TEXT_SIZE];
    int64_t timestamp = batch->columns[READING_TIMESTAMP].integers[row];
    int time_length = (int)time_write(time, timestamp), clock_length = (int)time_write(clock, append_time);
    char *reason = arena_allocate(&batch->arena, REASON_SIZE);
    if (reason)
        snprintf(reason, REASON_SIZE,
                 "timestamp %.*s is more than %lld s (--max-ahead) ahead of the clock when it came, %.*s: the meter's "
                 "clock is wrong",
                 time_length, time, (long long)(task->query->max_ahead / 1000), clock_length, clock);
    task_reject(batch, row, reason ? reason : "timestamp is too far ahead of the clock (--max-ahead)");
}

/* The rules that need more than the value: the key keeps a series on one partition, the clock of the log bounds the
 * meter's. */
static void task_judge(const struct task *task, const struct bus_batch *records, struct batch *batch) {
    for (size_t row = 0; row < batch->count; row++) {
        if (batch->status[row] != ROW_GOOD)
            continue;
        struct slice key = records->records[row].key;
        int64_t clock = records->append_time ? records->append_time : records->records[row].timestamp;
        struct series series = {batch->columns[READING_GATEWAY].strings[row], batch->columns[READING_TYPE].strings[row],
                                batch->columns[READING_ATTRIBUTE].strings[row]};
        if (!key.data)
            task_reject(
                batch, row,
                "no key: the key must be gateway.TYPE.ATTRIBUTE or the gateway, which keep a series on one partition");
        else if (!series_key_matches(&series, key) && !slice_equal(series.gateway, key))
            task_reject(batch, row,
                        "the key is neither gateway.TYPE.ATTRIBUTE nor the gateway of the reading: the series would be "
                        "split over partitions");
        else if (clock >= 0 && batch->columns[READING_TIMESTAMP].integers[row] - task->query->max_ahead > clock)
            task_reject_ahead(task, batch, row, clock);
    }
}

static int task_decode(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder,
                       struct error *error) {
    int status = reading_decoder_decode(decoder, &records->records[0].value, sizeof records->records[0], records->count,
                                        records->base_offset, task->batch, error);
    if (!status)
        task_judge(task, records, task->batch);
    return status;
}

static int task_resume(struct task *task, const struct bus_committed *committed, int64_t *ret_replay_from,
                       struct error *error) {
    uint64_t definition;
    struct task_position position;
    int status = task_position_read_definition(committed->metadata, &definition, error);
    if (status)
        return status;
    if (definition != task->definition)
        return error_set(error, ERROR_INVALID,
                         "group %s has worked on topic %s with other windows, grace or --max-ahead; run it with those "
                         "again, use another group (--group NAME), "
                         "or forget its positions and start from the beginning with --reset",
                         task->query->group, task->query->topic);
    status = task_position_read(committed->metadata, task->query->windows.size_count, &position, error);
    if (status)
        return status;
    if (position.partitions && position.partitions != task->partitions)
        return error_set(error, ERROR_INVALID,
                         "topic %s has %d partitions, it had %d when group %s worked on it: series have moved to other "
                         "partitions, their open windows would be "
                         "torn apart; start another group (--group NAME), or this one from the beginning with --reset",
                         task->query->topic, (int)task->partitions, (int)position.partitions, task->query->group);
    snprintf(task->metadata, sizeof task->metadata, "%s", committed->metadata);
    task->next_offset = committed->next_offset;
    task->revision = committed->revision;
    task->lost_unread = position.incomplete_until == INT64_MAX;
    task->incomplete_until = task->lost_unread ? position.stream_time : position.incomplete_until;
    task->counters = task->committed = task->counters_before = position.counters;
    window_aggregate_advance(task->aggregate, position.stream_time);
    *ret_replay_from = position.replay_from;
    return 0;
}

/* A task without a position has nothing to lose: it starts with the oldest record. */
static int task_start(struct task *task, struct bus *bus, struct bus_consumer *consumer, struct error *error) {
    struct bus_committed committed;
    const char *topic = task->query->topic;
    int64_t start, end;
    int status = bus_committed(bus, task->query->group, topic, task->partition, &committed, error);
    if (!status)
        status = bus_offsets(consumer, topic, task->partition, &start, &end, error);
    if (status)
        return status;
    task->next_offset = task->read_offset = start;
    task->until = end;
    if (committed.exists) {
        status = task_resume(task, &committed, &task->read_offset, error);
        if (!status && (task->read_offset < start || task->next_offset > end))
            status = task_lost(task, start, end, error);
    }
    task->idle_stream_time = window_aggregate_stream_time(task->aggregate);
    return status ? status : bus_consumer_seek(consumer, topic, task->partition, task->read_offset, error);
}

int task_open(struct task *task, struct bus *bus, struct bus_consumer *consumer, const struct aggregate_query *query,
              int32_t partition, int32_t partitions, struct batch *batch, struct error *error) {
    *task = (struct task){.query = query,
                          .partition = partition,
                          .partitions = partitions,
                          .batch = batch,
                          .incomplete_until = INT64_MIN,
                          .definition = aggregate_query_definition(query)};
    task->rows = memory_zero(ROWS_ROOM, sizeof *task->rows);
    int status = task->rows ? window_aggregate_new(&query->windows, &task->aggregate, error) : error_no_memory(error);
    if (!status)
        status = task_start(task, bus, consumer, error);
    if (status)
        task_close(task);
    return status;
}

int task_reopen(struct task *task, struct bus *bus, struct bus_consumer *consumer, bool *ret_reopened,
                struct error *error) {
    struct bus_committed committed;
    int status = bus_committed(bus, task->query->group, task->query->topic, task->partition, &committed, error);
    if (status)
        return status;
    *ret_reopened = committed.exists && committed.next_offset == task->next_offset &&
                    strcmp(committed.metadata, task->metadata) == 0;
    return *ret_reopened ? bus_consumer_seek(consumer, task->query->topic, task->partition, task->read_offset, error)
                         : 0;
}

void task_close(struct task *task) {
    task->aggregate = window_aggregate_free(task->aggregate);
    free(task->rows);
    free(task->fold.late);
    free(task->fold.stream_times);
    task->rows = NULL;
    task->fold.late = NULL;
    task->fold.stream_times = NULL;
}

static bool task_fold_reserve(struct task *task, size_t count) {
    if (count <= task->fold_capacity)
        return true;
    uint16_t *late = memory_resize(task->fold.late, count, sizeof *late);
    if (late)
        task->fold.late = late;
    int64_t *stream_times = memory_resize(task->fold.stream_times, count, sizeof *stream_times);
    if (stream_times)
        task->fold.stream_times = stream_times;
    if (!late || !stream_times)
        return false;
    task->fold_capacity = count;
    return true;
}

/* Counts what became of each record and passes on the mail. */
static int task_account(struct task *task, const struct bus_batch *records, struct output *output,
                        struct error *error) {
    const struct batch *batch = task->batch;
    int status = 0;
    for (size_t row = 0; row < batch->count && !status; row++) {
        if (batch->status[row] == ROW_GOOD) {
            if (task->fold.late[row])
                status = output_late(output, records, row, task->fold.late[row], task->fold.stream_times[row], error);
        } else if (batch->status[row] == ROW_REJECTED) {
            task->counters.rejected++;
            status = output_rejected(output, records, row, batch->reasons[row], error);
        } else if (batch->status[row] == ROW_NULL) {
            task->counters.null++;
        } else {
            task->counters.filtered++;
        }
    }
    return status;
}

static int task_take_results(struct task *task, struct output *output, struct error *error) {
    const struct window_settings *windows = &task->query->windows;
    for (;;) {
        size_t count;
        int status = window_aggregate_take(task->aggregate, task->rows, ROWS_ROOM, &count, error);
        for (size_t row = 0; !status && row < count; row++)
            task->rows[row].revision =
                task->rows[row].window_start <= task->incomplete_until ? AGGREGATE_INCOMPLETE : 0;
        if (!status)
            status = output_results(output, task->rows, count, error);
        if (status || count == 0)
            return status;
        for (size_t row = 0; row < count; row++)
            for (size_t i = 0; i < windows->size_count; i++)
                task->counters.results[i] +=
                    windows->sizes[i] == task->rows[row].window_end - task->rows[row].window_start;
    }
}

/* Folds the batch run by run, taking what closes in between. */
static int task_fold(struct task *task, struct output *output, struct error *error) {
    int status = 0;
    for (size_t first = 0; first < task->batch->count && !status; first += WINDOW_RUN) {
        size_t count = task->batch->count - first < WINDOW_RUN ? task->batch->count - first : WINDOW_RUN;
        status = window_aggregate_push(task->aggregate, task->batch, first, count, &task->fold, error);
        if (!status)
            status = task_take_results(task, output, error);
    }
    return status;
}

/* Records before the committed position: what they closed then stays closed, what they rejected is rejected already. */
static int task_restore(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder,
                        struct error *error) {
    int status = task_decode(task, records, decoder, error);
    if (!status)
        status = window_aggregate_restore(task->aggregate, task->batch, error);
    if (!status)
        task->recovered += (int64_t)records->count;
    return status;
}

/* The first readings behind a gap tell how far the windows reach that may have lost some. */
static void task_pass_gap(struct task *task) {
    for (size_t row = 0; row < task->batch->count && task->lost_unread; row++)
        if (task->batch->status[row] == ROW_GOOD) {
            int64_t time = task->batch->columns[READING_TIMESTAMP].integers[row] + task->query->windows.grace;
            task->incomplete_until = time > task->incomplete_until ? time : task->incomplete_until;
            task->lost_unread = false;
        }
}

static int task_work(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder,
                     struct output *output, struct error *error) {
    if (!task_fold_reserve(task, records->count))
        return error_no_memory(error);
    int status = task_decode(task, records, decoder, error);
    if (status)
        return status;
    task_pass_gap(task);
    status = task_fold(task, output, error);
    if (!status)
        status = task_account(task, records, output, error);
    if (status) {
        error->retriable = false; /* part of it is done */
        return status;
    }
    for (size_t i = 0; i < task->query->windows.size_count; i++) {
        task->counters.folded[i] += task->fold.folded[i];
        task->counters.late[i] += task->fold.late_count[i];
        task->fold.folded[i] = task->fold.late_count[i] = 0;
    }
    task->counters.read += records->count;
    task->idle_stream_time = window_aggregate_stream_time(task->aggregate);
    return 0;
}

/* Up to `offset` there is nothing more to come. */
static void task_reach(struct task *task, int64_t offset) {
    task->read_offset = offset;
    if (offset > task->next_offset) {
        task->next_offset = offset;
        task->dirty = true;
    }
}

int task_process(struct task *task, const struct bus_batch *records, struct reading_decoder *decoder,
                 struct output *output, struct error *error) {
    struct bus_batch part = *records;
    int status = 0;
    if (records->base_offset < task->read_offset)
        return error_set(error, ERROR_CORRUPT, "%s/%d: expected offset %lld, the log gave %lld", records->topic,
                         (int)records->partition, (long long)task->read_offset, (long long)records->base_offset);
    if (records->count == 0)
        task_reach(task, records->base_offset);
    int64_t before =
        task->next_offset - records->base_offset; /* records that were processed before the position was committed */
    if (before > 0 && records->count) {
        part.count = before < (int64_t)records->count ? (size_t)before : records->count;
        status = task_restore(task, &part, decoder, error);
        if (!status)
            task_reach(task, part.base_offset + (int64_t)part.count);
        part = (struct bus_batch){records->topic,
                                  records->partition,
                                  part.base_offset + (int64_t)part.count,
                                  records->append_time,
                                  records->records + part.count,
                                  records->count - part.count};
    }
    if (!status && part.count) {
        status = task_work(task, &part, decoder, output, error);
        if (!status)
            task_reach(task, part.base_offset + (int64_t)part.count);
    }
    return status ? error_wrap(error, "%s/%d from offset %lld", records->topic, (int)records->partition,
                               (long long)part.base_offset)
                  : 0;
}

int task_prepare_commit(struct task *task, struct output *output, struct bus_position *ret_position,
                        struct error *error) {
    int status = task_take_results(task, output, error);
    if (status)
        return status;
    struct task_position position = {.definition = task->definition,
                                     .replay_from = window_aggregate_replay_from(task->aggregate, task->next_offset),
                                     .stream_time = window_aggregate_stream_time(task->aggregate),
                                     .partitions = task->partitions,
                                     .incomplete_until = task->lost_unread ? INT64_MAX : task->incomplete_until,
                                     .counters = task->counters};
    status =
        task_position_write(&position, task->query->windows.size_count, task->metadata, sizeof task->metadata, error);
    if (status)
        return status;
    *ret_position = (struct bus_position){.group = task->query->group,
                                          .topic = task->query->topic,
                                          .partition = task->partition,
                                          .next_offset = task->next_offset,
                                          .metadata = task->metadata,
                                          .expected = task->revision};
    return 0;
}

void task_committed(struct task *task) {
    task->revision++;
    task->committed = task->counters;
    task->dirty = false;
    window_aggregate_forget(task->aggregate); /* the output holds no strings of it any more */
}

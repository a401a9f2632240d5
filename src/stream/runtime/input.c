/* Batches stand in a list; each is decoded when it comes, or waits undecoded while the schema registry is away. */
#include "stream/runtime/input.h"

#include "core/hash.h"
#include "core/memory.h"
#include "stream/source/key_spread.h"

enum { WAITING_RECORDS = 16384, WAITING_BYTES = 16 << 20, MESSAGES_AT_ONCE = 4 };

/* --- diagnostics
 * ------------------------------------------------------------------------------------------------------------------ */

void query_work_diagnose(struct query_report *report, const char *message) {
    const struct query_work *work = report->work;
    const struct query_group *group = work->group;
    struct query_diagnostics *diagnostics = &work->diagnostics[report->place];
    uint64_t hash = hash_bytes(message, strlen(message), 0);
    bool of_topic = report->place >= group->member_count;
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->seen[i] == hash)
            return;
    if (diagnostics->count == QUERY_DIAGNOSTICS_MAXIMUM)
        return;
    diagnostics->seen[diagnostics->count++] = hash;
    log_write(work->log, LOG_WARNING, "%s%s, partition %d, from offset %lld: %s%s", of_topic ? "topic " : "query ",
              of_topic ? group->topics[report->place - group->member_count].name
                       : group->members[report->place].query->id,
              (int)report->partition, (long long)report->offset, message,
              diagnostics->count == QUERY_DIAGNOSTICS_MAXIMUM ? " (what else there may be is only counted)" : "");
}

static void report_row(void *context, size_t row, const char *message) {
    (void)row;
    query_work_diagnose(context, message);
}

struct evaluation query_work_evaluation(const struct query_work *work, struct arena *arena, struct query_report *report,
                                        struct row_errors *ret_errors) {
    bool heard = report && work->diagnostics[report->place].count < QUERY_DIAGNOSTICS_MAXIMUM;
    *ret_errors =
        (struct row_errors){.report = report_row, .context = report, .messages_left = heard ? MESSAGES_AT_ONCE : 0};
    return (struct evaluation){.arena = arena, .errors = ret_errors, .clock = work->clock, .scratch = work->scratch};
}

/* --- batches
 * ------------------------------------------------------------------------------------------------------------------ */

static struct query_batch *query_batch_free(struct query_batch *batch) {
    if (!batch)
        return NULL;
    arena_release(&batch->arena);
    free(batch);
    return NULL;
}

static bool query_batch_copy_record(struct query_batch *batch, const struct bus_record *from, struct bus_record *to) {
    struct bus_header *headers =
        from->header_count ? arena_allocate(&batch->arena, from->header_count * sizeof *headers) : NULL;
    *to = *from;
    to->key = arena_copy(&batch->arena, from->key);
    to->value = arena_copy(&batch->arena, from->value);
    to->headers = headers;
    bool done =
        (headers || !from->header_count) && (to->key.data || !from->key.data) && (to->value.data || !from->value.data);
    for (size_t i = 0; done && i < from->header_count; i++) {
        headers[i] = (struct bus_header){arena_copy(&batch->arena, from->headers[i].name),
                                         arena_copy(&batch->arena, from->headers[i].value)};
        done = headers[i].name.data && (headers[i].value.data || !from->headers[i].value.data);
    }
    return done;
}

static struct query_batch *input_new_batch(struct query_input *input) {
    struct query_batch *batch = input->spare ? input->spare : memory_zero(1, sizeof *batch);
    input->spare = NULL;
    return batch;
}

static void input_drop_batch(struct query_input *input, struct query_batch *batch) {
    struct arena arena = batch->arena;
    if (input->spare) {
        query_batch_free(batch);
        return;
    }
    arena_reset(&arena);
    *batch = (struct query_batch){.arena = arena};
    input->spare = batch;
}

/* The log takes its records back with the next poll. */
static bool query_batch_copy(struct query_batch *batch) {
    const struct bus_batch *from = &batch->records;
    struct bus_record *records = arena_allocate(&batch->arena, from->count * sizeof *records);
    for (size_t i = 0; i < from->count; i++) {
        if (!records || !query_batch_copy_record(batch, &from->records[i], &records[i]))
            return false;
        batch->bytes += from->records[i].key.length + from->records[i].value.length + sizeof *records;
    }
    batch->records.records = records;
    return true;
}

bool query_input_has_repeats(const struct query_input *input, const struct query_group *group) {
    return !group->topics[input->topic].internal && !group->topics[input->topic].table;
}

/* Says so, once, when a query that needs it cannot rely on where the keys of a topic lie. The keys of windows are
 * spread by what they are without them. */
static void query_batch_check_keys(const struct query_batch *batch, const struct query_input *input,
                                   struct query_report *report) {
    const struct query_group *group = report->work->group;
    if (group->topics[input->topic].internal || !key_spread_differs(&batch->records, group->partitions))
        return;
    for (size_t m = 0; m < group->member_count; m++)
        for (size_t s = 0; s < group->members[m].plan->source_count; s++)
            if (group->members[m].topics[s] == input->topic && key_spread_matters(group->members[m].plan) &&
                group->members[m].plan->sources[s]->source->window == ROW_WINDOW_NONE) {
                query_work_diagnose(report, KEY_SPREAD_MESSAGE);
                return;
            }
}

/* Every source that reads the topic, and what times its records have: those of the first source, where it could read
 * them. */
static int query_batch_decode(struct query_batch *batch, const struct query_input *input, struct query_work *work,
                              struct error *error) {
    const struct query_group *group = work->group;
    struct query_report report = {work, group->member_count + input->topic, input->partition,
                                  batch->records.base_offset};
    size_t count = batch->records.count;
    bool first = true;
    int status = 0;
    batch->rows = arena_allocate(&batch->arena, group->reading_count * sizeof *batch->rows);
    batch->times = arena_allocate(&batch->arena, count * sizeof *batch->times);
    if (!batch->rows || !batch->times)
        return error_no_memory(error);
    query_batch_check_keys(batch, input, &report);
    for (size_t i = 0; i < group->reading_count && !status; i++) {
        struct row_errors errors;
        struct evaluation evaluation = query_work_evaluation(work, &batch->arena, &report, &errors);
        batch->rows[i] = (struct source_rows){0};
        if (group->readings[i].topic != input->topic)
            continue;
        status = source_reader_read(work->readers[i], &batch->records, &evaluation, &batch->rows[i], error);
        work->scratch = evaluation.scratch;
        if (!status && group->topics[input->topic].internal &&
            !stream_times_read(&batch->records, &batch->arena, &batch->rows[i]))
            status = error_no_memory(error);
        for (size_t r = 0; r < count && !status && first; r++)
            batch->times[r] = batch->rows[i].status[r] == SOURCE_GOOD ? batch->rows[i].rows->times[r]
                                                                      : batch->records.records[r].timestamp;
        first = false;
    }
    return status;
}

/* --- the input
 * ------------------------------------------------------------------------------------------------------------------ */

void query_input_open(struct query_input *input, size_t topic, int32_t partition) {
    *input = (struct query_input){.topic = topic, .partition = partition, .until = INT64_MAX, .repeats = REPEATS_NONE};
    input->last = &input->first;
}

void query_input_close(struct query_input *input) {
    while (input->first) {
        struct query_batch *next = input->first->next;
        query_batch_free(input->first);
        input->first = next;
    }
    input->spare = query_batch_free(input->spare);
    input->last = &input->first;
    input->undecoded = NULL;
    input->waiting = input->waiting_bytes = 0;
}

/* What is before the read offset has come already: librdkafka may repeat it after a pause. */
static struct bus_batch input_new_part(const struct query_input *input, const struct bus_batch *records) {
    struct bus_batch part = *records;
    int64_t seen = input->read_offset - records->base_offset;
    if (seen > 0) {
        size_t skip = seen < (int64_t)records->count ? (size_t)seen : records->count;
        part.base_offset += (int64_t)skip;
        part.records += skip;
        part.count -= skip;
    }
    return part;
}

static int input_pause(struct query_input *input, struct query_work *work, bool paused, struct error *error) {
    if (input->paused == paused)
        return 0;
    int status =
        bus_consumer_pause(work->consumer, work->group->topics[input->topic].name, input->partition, paused, error);
    if (!status)
        input->paused = paused;
    return status;
}

void query_input_release(struct query_input *input, struct query_work *work) {
    struct error error; /* of a partition that is no longer ours, which is not held back */
    input_pause(input, work, false, &error);
}

/* What lies between is not there: markers of transactions, what compaction has taken. */
static void input_reach(struct query_input *input) {
    input->work_offset = input->first ? query_batch_offset(input->first) : input->read_offset;
    if (input->next_offset < input->work_offset)
        input->next_offset = input->work_offset;
}

static int input_decode_batch(const struct query_input *input, struct query_batch *batch, struct query_work *work,
                              struct error *error) {
    int status = query_batch_decode(batch, input, work, error);
    return status ? error_wrap(error, "%s/%d from offset %lld", batch->records.topic, (int)batch->records.partition,
                               (long long)batch->records.base_offset)
                  : 0;
}

static void input_append(struct query_input *input, struct query_batch *batch) {
    *input->last = batch;
    input->last = &batch->next;
    input->waiting += batch->records.count;
    input->waiting_bytes += batch->bytes;
    input->read_offset = batch->records.base_offset + (int64_t)batch->records.count;
    input->at_end = false;
    input_reach(input);
}

/* Lets a partition that is held back go on when there is room again. */
static int input_go_on(struct query_input *input, struct query_work *work, struct error *error) {
    bool room = input->waiting < WAITING_RECORDS / 2 && input->waiting_bytes < WAITING_BYTES / 2;
    return input->paused && room && !input->undecoded ? input_pause(input, work, false, error) : 0;
}

int query_input_take(struct query_input *input, struct query_work *work, const struct bus_batch *records,
                     struct error *error) {
    struct bus_batch part = input_new_part(input, records);
    if (part.count == 0) {
        if (records->count == 0 && records->base_offset >= input->read_offset) {
            input->read_offset = records->base_offset;
            input->at_end = true;
            input_reach(input);
        }
        return 0;
    }
    struct query_batch *batch = input_new_batch(input);
    if (!batch)
        return error_no_memory(error);
    batch->records = part;
    bool copied = work->group->topic_count > 1, waits = input->undecoded != NULL;
    int status = copied && !query_batch_copy(batch) ? error_no_memory(error) : 0;
    if (!status && !waits)
        status = input_decode_batch(input, batch, work, error);
    bool refused = status && error->retriable;
    if ((waits || refused) && !copied && !query_batch_copy(batch)) {
        status = error_no_memory(error);
        refused = false;
    }
    if (status && !refused) {
        input_drop_batch(input, batch);
        return status;
    }
    input_append(input, batch);
    input->undecoded = refused ? batch : input->undecoded;
    bool full = copied && (input->waiting >= WAITING_RECORDS || input->waiting_bytes >= WAITING_BYTES);
    struct error pause_error;
    int paused = full || input->undecoded ? input_pause(input, work, true, refused ? &pause_error : error) : 0;
    if (paused && refused)
        *error = pause_error;
    return paused ? paused : status;
}

int query_input_decode(struct query_input *input, struct query_work *work, struct error *error) {
    for (; input->undecoded; input->undecoded = input->undecoded->next) {
        int status = input_decode_batch(input, input->undecoded, work, error);
        if (status)
            return status;
    }
    return input_go_on(input, work, error);
}

int query_input_end(const struct query_input *input, const struct query_work *work, int64_t *ret_end,
                    struct error *error) {
    const char *topic = work->group->topics[input->topic].name;
    int64_t start, known = bus_known_end(work->consumer, topic, input->partition);
    if (!bus_is_server(work->consumer))
        return bus_offsets(work->consumer, topic, input->partition, &start, ret_end, error);
    *ret_end = known < 0 ? INT64_MAX : known;
    return 0;
}

int query_input_done(struct query_input *input, struct query_work *work, size_t count, struct error *error) {
    struct query_batch *batch = input->first;
    batch->done += count;
    input->waiting -= count;
    if (batch->done == batch->records.count) {
        input->first = batch->next;
        input->waiting_bytes -= batch->bytes;
        if (!input->first)
            input->last = &input->first;
        input_drop_batch(input, batch);
    }
    input_reach(input);
    return input_go_on(input, work, error);
}

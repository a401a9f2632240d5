/* The records that the answer needs are copied from the log, then a local run works on them; what it writes to the
 * answer's sink are the rows. */
#include "sql/session/answer.h"

#include "core/memory.h"
#include "sql/expression/compile.h"
#include "sql/session/answer_lookup.h"
#include "stream/runtime/local_run.h"
#include "stream/state/state_table.h"

#define ANSWER_REJECTED "_meterline-answer-rejected"
enum { ANSWER_POLL = 100, ANSWER_TOGETHER = 1024 };

struct answer_topic {
    const char *name;
    bool table;
    int32_t partitions;
    int64_t *next, *end;       /* by partition: read up to, and what was the end at first */
    struct state_table **last; /* of a table that is asked as it is: by partition, each key's last record */
};

/* The last record of a key. */
struct answer_record {
    char *value; /* NULL: deleted */
    size_t length;
    int64_t timestamp, offset, append_time;
    struct slice key; /* of the table's */
};

struct answer {
    const struct answer_options *options;
    const struct query_plan *query;
    struct local_run *local;
    struct bus_consumer *consumer;
    struct answer_topic *topics;
    size_t topic_count;
    size_t copied; /* records that have not gone through the query yet */
    bool silent;   /* tables are being loaded: their changes are no news */
    int64_t given;
    bool done;
};

static int answer_row(void *context, const struct bus_record *record, struct error *error) {
    struct answer *answer = context;
    if (answer->silent || answer->done || !record->value.data)
        return 0;
    int status = answer->options->row(answer->options->context, record->value, error);
    answer->given++;
    answer->done = answer->query->limit >= 0 && answer->given >= answer->query->limit;
    return status;
}

/* Why a record could not be read. */
static int answer_rejected(void *context, const struct bus_record *record, struct error *error) {
    (void)error;
    const struct answer *answer = context;
    struct slice why = {0}, topic = {0};
    for (size_t i = 0; i < record->header_count; i++) {
        if (slice_equal(record->headers[i].name, SLICE("error")))
            why = record->headers[i].value;
        if (slice_equal(record->headers[i].name, SLICE("origin.topic")))
            topic = record->headers[i].value;
    }
    if (why.data && topic.data)
        log_write(answer->options->log, LOG_WARNING, "topic %.*s: %.*s", (int)topic.length, topic.data, (int)why.length,
                  why.data);
    return 0;
}

/* What has been copied goes through the query, and its rows to the caller. */
static int answer_flush(struct answer *answer, struct error *error) {
    const struct stage_plan *last = &answer->query->stages[answer->query->stage_count - 1];
    int status = local_run_settle(answer->local, error);
    if (!status)
        status = local_run_read(answer->local, last->sink->sink.topic, answer_row, answer, error);
    if (!status)
        status = local_run_read(answer->local, ANSWER_REJECTED, answer_rejected, answer, error);
    return status ? status : local_run_clear(answer->local, error);
}

static int answer_copy(struct answer *answer, const struct bus_batch *batch, struct error *error) {
    return memory_bus_copy(local_run_bus(answer->local), batch, error);
}

/* --- topics
 * ------------------------------------------------------------------------------------------------------------------ */

static void answer_release_record(void *context, void *entry) {
    (void)context;
    free(((struct answer_record *)entry)->value);
}

static int answer_add_topic(struct answer *answer, const struct source_plan *source, struct error *error) {
    struct bus_topic_info info;
    for (size_t i = 0; i < answer->topic_count; i++)
        if (strcmp(answer->topics[i].name, source->topic) == 0) {
            answer->topics[i].table |= source->table;
            return 0;
        }
    int status = bus_topic_describe(answer->options->bus, source->topic, &info, error);
    if (status)
        return status;
    struct answer_topic *topic = &answer->topics[answer->topic_count++];
    *topic =
        (struct answer_topic){.name = source->topic, .table = source->table, .partitions = info.settings.partitions};
    bus_topic_info_release(&info);
    topic->next = memory_zero((size_t)topic->partitions, sizeof *topic->next);
    topic->end = memory_zero((size_t)topic->partitions, sizeof *topic->end);
    topic->last = memory_zero((size_t)topic->partitions, sizeof(struct state_table *));
    return topic->next && topic->end && topic->last ? 0 : error_no_memory(error);
}

static int answer_find_topics(struct answer *answer, struct error *error) {
    size_t count = 0;
    int status = 0;
    for (size_t s = 0; s < answer->query->stage_count; s++)
        count += answer->query->stages[s].source_count;
    if (!(answer->topics = memory_zero(count, sizeof *answer->topics)))
        return error_no_memory(error);
    for (size_t s = 0; s < answer->query->stage_count; s++)
        for (size_t i = 0; i < answer->query->stages[s].source_count && !status; i++) {
            const struct source_plan *source = answer->query->stages[s].sources[i]->source;
            status = source->internal ? 0 : answer_add_topic(answer, source, error);
        }
    for (size_t s = 0; s < answer->query->stage_count && !status; s++)
        if (answer->query->stages[s].single_partition && answer->topics[0].partitions > 1)
            status = error_set(
                error, ERROR_INVALID,
                "tables that are joined by a column that is not their key need topics of one partition; %s has %d",
                answer->topics[0].name, (int)answer->topics[0].partitions);
    for (size_t i = 1; i < answer->topic_count && !status; i++)
        if (answer->topics[i].partitions != answer->topics[0].partitions)
            status = error_set(
                error, ERROR_INVALID,
                "topic %s has %d partitions and topic %s has %d: only topics with the same number can be joined",
                answer->topics[0].name, (int)answer->topics[0].partitions, answer->topics[i].name,
                (int)answer->topics[i].partitions);
    return status;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int answer_seek(struct answer *answer, struct answer_topic *topic, bool end_only, struct error *error) {
    int status = 0;
    for (int32_t p = 0; p < topic->partitions && !status; p++) {
        int64_t start;
        status = bus_offsets(answer->consumer, topic->name, p, &start, &topic->end[p], error);
        topic->next[p] = end_only ? topic->end[p] : start;
        if (!status)
            status = bus_consumer_seek(answer->consumer, topic->name, p, topic->next[p], error);
    }
    return status;
}

static bool answer_at_end(const struct answer_topic *topic) {
    for (int32_t p = 0; p < topic->partitions; p++)
        if (topic->next[p] < topic->end[p])
            return false;
    return true;
}

static int answer_keep(struct answer_topic *topic, const struct bus_batch *batch, struct error *error) {
    struct state_table **last = &topic->last[batch->partition];
    if (!*last && !(*last = state_table_new(sizeof(struct answer_record), answer_release_record, NULL)))
        return error_no_memory(error);
    for (size_t i = 0; i < batch->count; i++) {
        const struct bus_record *record = &batch->records[i];
        bool new;
        if (!record->key.data)
            continue;
        struct answer_record *entry = state_table_put(*last, record->key, &new);
        char *copy = record->value.data ? memory_resize(NULL, record->value.length + 1, 1) : NULL;
        if (!entry || (record->value.data && !copy)) {
            free(copy);
            return error_no_memory(error);
        }
        if (copy)
            memcpy(copy, record->value.data, record->value.length);
        free(entry->value);
        *entry = (struct answer_record){.value = copy,
                                        .length = record->value.length,
                                        .timestamp = record->timestamp,
                                        .offset = batch->base_offset + (int64_t)i,
                                        .append_time = batch->append_time};
    }
    return 0;
}

static struct answer_topic *answer_topic_of(struct answer *answer, const char *name) {
    size_t i = 0;
    while (strcmp(answer->topics[i].name, name) != 0)
        i++;
    return &answer->topics[i];
}

static int answer_take(struct answer *answer, const struct bus_batch *batch, struct error *error) {
    struct answer_topic *topic = answer_topic_of(answer, batch->topic);
    struct bus_batch part = *batch;
    int64_t end = topic->end[batch->partition];
    if (!answer->options->changes &&
        part.base_offset + (int64_t)part.count > end) /* of what is asked as it is, what came later is not part */
        part.count = end > part.base_offset ? (size_t)(end - part.base_offset) : 0;
    topic->next[batch->partition] = batch->base_offset + (int64_t)batch->count;
    if (topic->table && !answer->options->changes)
        return answer_keep(topic, &part, error);
    int status = part.count ? answer_copy(answer, &part, error) : 0;
    return status || !part.count ? status : answer_flush(answer, error);
}

/* Reads until `topic` (NULL: all of them) has come to what was its end. */
static int answer_read(struct answer *answer, const struct answer_topic *topic, struct error *error) {
    struct bus_batch batch;
    for (;;) {
        bool end = true;
        for (size_t i = 0; i < answer->topic_count; i++)
            end = end && ((topic && topic != &answer->topics[i]) || answer_at_end(&answer->topics[i]));
        if (end || answer->done || atomic_load(answer->options->stop))
            return 0;
        int got = bus_consumer_poll(answer->consumer, ANSWER_POLL, &batch, error);
        int status = got > 0 ? answer_take(answer, &batch, error) : got;
        if (status)
            return status;
    }
}

/* --- what has been kept
 * ------------------------------------------------------------------------------------------------------------------ */

/* The last records of keys that have a value. */
struct answer_kept {
    struct answer_record *records;
    size_t count, capacity;
    struct error *error;
};

static int answer_collect(void *context, struct slice key, void *entry) {
    struct answer_kept *kept = context;
    struct answer_record *last = entry;
    if (!last->value)
        return 0;
    if (!memory_reserve((void **)&kept->records, &kept->capacity, kept->count + 1, sizeof *kept->records))
        return error_no_memory(kept->error);
    kept->records[kept->count] = *last;
    kept->records[kept->count++].key = key;
    return 0;
}

static int answer_compare_offsets(const void *a, const void *b) {
    const struct answer_record *left = a, *right = b;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* The last records of a partition, in the order in which they came. */
static int answer_replay_partition(struct answer *answer, const struct answer_topic *topic, int32_t partition,
                                   struct error *error) {
    struct answer_kept kept = {.error = error};
    int status = state_table_each(topic->last[partition], answer_collect, &kept);
    if (kept.count)
        qsort(kept.records, kept.count, sizeof *kept.records, answer_compare_offsets);
    for (size_t i = 0; i < kept.count && !status && !answer->done && !atomic_load(answer->options->stop); i++) {
        const struct answer_record *last = &kept.records[i];
        struct bus_record record = {
            .key = last->key, .value = {last->value, last->length}, .timestamp = last->timestamp};
        struct bus_batch batch = {topic->name, partition, last->offset, last->append_time, &record, 1};
        status = answer_copy(answer, &batch, error);
        if (!status && (i % ANSWER_TOGETHER == ANSWER_TOGETHER - 1 || i + 1 == kept.count))
            status = answer_flush(answer, error);
    }
    free(kept.records);
    return status;
}

static int answer_replay(struct answer *answer, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < answer->topic_count; i++)
        for (int32_t p = 0; p < answer->topics[i].partitions && !status; p++)
            if (answer->topics[i].last[p])
                status = answer_replay_partition(answer, &answer->topics[i], p, error);
    return status;
}

/* --- the answer
 * ------------------------------------------------------------------------------------------------------------------ */

static int answer_found(void *context, const struct bus_batch *batch, bool *stop_here, struct error *error) {
    struct answer *answer = context;
    int status = answer_copy(answer, batch, error);
    if (!status && ++answer->copied % ANSWER_TOGETHER == 0)
        status = answer_flush(answer, error);
    *stop_here = answer->done;
    return status;
}

/* *ret_done: false, the index cannot be used. */
static int answer_by_key(struct answer *answer, bool *ret_done, struct error *error) {
    const struct answer_options *options = answer->options;
    const struct lookup_options lookup = {.bus = options->bus,
                                          .folder = options->index_folder,
                                          .log = options->index_log,
                                          .clock = options->clock,
                                          .stop = options->stop,
                                          .each = answer_found,
                                          .context = answer};
    struct error why;
    int status = answer_lookup(&lookup, options->lookup, answer->topics[0].partitions, ret_done, &why);
    if (!*ret_done && status != ERROR_NO_MEMORY) {
        log_write(options->log, LOG_WARNING, "the topic is read, as its keys cannot be indexed: %s", why.message);
        return 0;
    }
    if (status)
        *error = why;
    return status ? status : answer_flush(answer, error);
}

static int answer_as_it_is(struct answer *answer, struct error *error) {
    bool done = false;
    int status = answer->options->lookup && answer->options->index_folder ? answer_by_key(answer, &done, error) : 0;
    if (done || status)
        return status;
    for (size_t i = 0; i < answer->topic_count && !status; i++)
        status = answer_seek(answer, &answer->topics[i], false, error);
    if (!status)
        status = answer_read(answer, NULL, error);
    return status ? status : answer_replay(answer, error);
}

static int answer_changes(struct answer *answer, struct error *error) {
    struct bus_batch batch;
    int status = 0;
    answer->silent = !answer->options->from_beginning;
    for (size_t i = 0; i < answer->topic_count && !status;
         i++) /* tables first, so that the first row of a stream finds them */
        if (answer->topics[i].table && !(status = answer_seek(answer, &answer->topics[i], false, error)))
            status = answer_read(answer, &answer->topics[i], error);
    answer->silent = false;
    for (size_t i = 0; i < answer->topic_count && !status; i++)
        if (!answer->topics[i].table)
            status = answer_seek(answer, &answer->topics[i], !answer->options->from_beginning, error);
    while (!status && !answer->done && !atomic_load(answer->options->stop)) {
        int got = bus_consumer_poll(answer->consumer, ANSWER_POLL, &batch, error);
        status = got > 0 ? answer_take(answer, &batch, error) : got;
    }
    return status;
}

static void answer_release(struct answer *answer) {
    local_run_close(answer->local);
    bus_consumer_close(answer->consumer);
    for (size_t i = 0; i < answer->topic_count; i++) {
        for (int32_t p = 0; answer->topics[i].last && p < answer->topics[i].partitions; p++)
            state_table_free(answer->topics[i].last[p]);
        free(answer->topics[i].last);
        free(answer->topics[i].next);
        free(answer->topics[i].end);
    }
    free(answer->topics);
}

int answer_check(const struct select_query *select, struct error *error) {
    bool changing = select->group_by.count || select->join_count || select->window.kind != WINDOW_NONE;
    return select->emit != EMIT_DEFAULT || !changing
               ? 0
               : error_set(error, ERROR_INVALID,
                           "a SELECT with GROUP BY, WINDOW or JOIN gives rows as they change: write EMIT CHANGES after "
                           "it, or make a table of it by CREATE TABLE .. AS SELECT");
}

int answer_run(const struct answer_options *options, const struct query_plan *query, struct error *error) {
    cleanup(answer_release) struct answer answer = {.options = options, .query = query, .done = query->limit == 0};
    int status = answer_find_topics(&answer, error);
    struct local_run_settings local = {.registry = bus_registry(options->bus),
                                       .clock = options->clock,
                                       .stop = options->stop,
                                       .log = options->log,
                                       .rejected = ANSWER_REJECTED,
                                       .free_scratch = evaluation_scratch_free,
                                       .of_the_moment = true,
                                       .partitions = status ? 1 : answer.topics[0].partitions};
    if (!status)
        status = local_run_open(&local, &answer.local, error);
    if (!status)
        status = local_run_start(answer.local, &query, 1, error);
    if (!status)
        status = bus_consumer_open(options->bus, NULL, &answer.consumer, error);
    if (status)
        return status;
    return options->changes ? answer_changes(&answer, error) : answer_as_it_is(&answer, error);
}

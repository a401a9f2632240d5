#include "stream/trial.h"

#include <stdio.h>

#include "core/memory.h"
#include "stream/runtime/source_reader.h"

enum { MESSAGES_MAXIMUM = 20 };

/* A stage of a query, with where its sources' topics are read. */
struct trial_stage {
    const struct query_plan *query;
    const struct stage_plan *plan;
    struct stage **stages;          /* by partition */
    struct source_reader **readers; /* by source */
    struct query_counters counters;
    bool reached; /* of trial_meets */
};

/* Records of one topic, kept in an arena of their own until they have been worked on. */
struct trial_batch {
    struct trial_batch *next;
    struct arena arena;
    const char *topic;
    int32_t partition;
    int64_t base_offset;
    struct bus_record *records;
    uint32_t *origins;
    size_t count, capacity;
};

struct trial_topic {
    char *name;
    int64_t *ends; /* the next offset, by partition */
};

struct trial {
    struct trial_options options;
    struct trial_stage **stages;
    size_t stage_count, stage_capacity;
    struct trial_topic *topics;
    size_t topic_count, topic_capacity;
    struct trial_batch *first, **last; /* to be worked on */
    struct trial_batch *written;       /* by the batch that is being worked on, one for each topic */
    struct arena arena;                /* of that batch */
    void *scratch;
    const char *where; /* what is at work, for messages */
};

int trial_new(const struct trial_options *options, struct trial **ret_trial, struct error *error) {
    struct trial *trial = memory_zero(1, sizeof *trial);
    if (!trial)
        return error_no_memory(error);
    trial->options = *options;
    trial->last = &trial->first;
    *ret_trial = trial;
    return 0;
}

/* --- batches
 * ------------------------------------------------------------------------------------------------------------------ */

static struct trial_batch *trial_batch_free(struct trial_batch *batch) {
    struct trial_batch *next = batch->next;
    arena_release(&batch->arena);
    free(batch->records);
    free(batch->origins);
    free(batch);
    return next;
}

static bool trial_copy_record(struct arena *arena, const struct bus_record *from, struct bus_record *to) {
    struct bus_header *headers = arena_allocate(arena, (from->header_count + 1) * sizeof *headers);
    *to = *from;
    to->key = arena_copy(arena, from->key);
    to->value = arena_copy(arena, from->value);
    to->headers = headers;
    bool done = headers && (to->key.data || !from->key.data) && (to->value.data || !from->value.data);
    for (size_t i = 0; done && i < from->header_count; i++) {
        headers[i] =
            (struct bus_header){arena_copy(arena, from->headers[i].name), arena_copy(arena, from->headers[i].value)};
        done = headers[i].name.data != NULL;
    }
    return done;
}

static bool trial_batch_add(struct trial_batch *batch, const struct bus_record *record, uint32_t origin) {
    size_t capacity = batch->capacity ? 2 * batch->capacity : 16;
    if (batch->count == batch->capacity) {
        struct bus_record *records = memory_resize(batch->records, capacity, sizeof *records);
        if (records)
            batch->records = records;
        uint32_t *origins = memory_resize(batch->origins, capacity, sizeof *origins);
        if (origins)
            batch->origins = origins;
        if (!records || !origins)
            return false;
        batch->capacity = capacity;
    }
    if (!trial_copy_record(&batch->arena, record, &batch->records[batch->count]))
        return false;
    batch->origins[batch->count++] = origin;
    return true;
}

static struct trial_batch *trial_batch_of(struct trial_batch **list, const char *topic, int32_t partition) {
    while (*list && (strcmp((*list)->topic, topic) != 0 || (*list)->partition != partition))
        list = &(*list)->next;
    if (!*list && (*list = memory_zero(1, sizeof **list))) {
        (*list)->topic = topic;
        (*list)->partition = partition;
    }
    return *list;
}

static int trial_emit(void *context, const struct sink_plan *sink, const struct bus_record *record, uint32_t origin,
                      struct error *error) {
    struct trial *trial = context;
    int32_t partition = record->key.data ? bus_partition(record->key, trial->options.partitions) : 0;
    struct trial_batch *batch = trial_batch_of(&trial->written, sink->topic, partition);
    return batch && trial_batch_add(batch, record, origin) ? 0 : error_no_memory(error);
}

/* A stable sort by origin: each query has written in order, so the runs are merged by insertion from the right. */
static void trial_sort(struct trial_batch *batch) {
    for (size_t i = 1; i < batch->count; i++) {
        struct bus_record record = batch->records[i];
        uint32_t origin = batch->origins[i];
        size_t at = i;
        for (; at > 0 && batch->origins[at - 1] > origin; at--) {
            batch->records[at] = batch->records[at - 1];
            batch->origins[at] = batch->origins[at - 1];
        }
        batch->records[at] = record;
        batch->origins[at] = origin;
    }
}

/* --- queries
 * ------------------------------------------------------------------------------------------------------------------ */

static struct trial_stage *trial_stage_free(struct trial_stage *stage, int32_t partitions) {
    for (size_t i = 0; stage->readers && i < stage->plan->source_count; i++)
        source_reader_free(stage->readers[i]);
    for (int32_t p = 0; stage->stages && p < partitions; p++)
        stage_close(stage->stages[p]);
    free(stage->stages);
    free(stage->readers);
    free(stage);
    return NULL;
}

static int trial_add_stage(struct trial *trial, const struct query_plan *query, const struct stage_plan *plan,
                           struct error *error) {
    struct emitter emitter = {trial_emit, trial};
    struct trial_stage *stage = memory_zero(1, sizeof *stage);
    if (!stage || !memory_reserve((void **)&trial->stages, &trial->stage_capacity, trial->stage_count + 1,
                                  sizeof(struct trial_stage *))) {
        free(stage);
        return error_no_memory(error);
    }
    stage->query = query;
    stage->plan = plan;
    stage->readers = memory_zero(plan->source_count, sizeof(struct source_reader *));
    stage->stages = memory_zero((size_t)trial->options.partitions, sizeof(struct stage *));
    int status = stage->readers && stage->stages ? 0 : error_no_memory(error);
    for (int32_t p = 0; p < trial->options.partitions && !status; p++)
        status = stage_open(plan, trial->options.registry, &emitter, &stage->stages[p], error);
    for (size_t i = 0; i < plan->source_count && !status; i++)
        status = source_reader_new(plan->sources[i]->source, trial->options.registry, &stage->readers[i], error);
    if (status)
        trial_stage_free(stage, trial->options.partitions);
    else
        trial->stages[trial->stage_count++] = stage;
    return status;
}

int trial_add(struct trial *trial, const struct query_plan *query, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < query->stage_count && !status; i++)
        status = trial_add_stage(trial, query, &query->stages[i], error);
    return status;
}

void trial_remove(struct trial *trial, const char *id) {
    size_t kept = 0;
    for (size_t i = 0; i < trial->stage_count; i++)
        if (strcmp(trial->stages[i]->query->id, id) == 0)
            trial_stage_free(trial->stages[i], trial->options.partitions);
        else
            trial->stages[kept++] = trial->stages[i];
    trial->stage_count = kept;
}

struct trial *trial_free(struct trial *trial) {
    if (!trial)
        return NULL;
    for (size_t i = 0; i < trial->stage_count; i++)
        trial_stage_free(trial->stages[i], trial->options.partitions);
    while (trial->first)
        trial->first = trial_batch_free(trial->first);
    while (trial->written)
        trial->written = trial_batch_free(trial->written);
    for (size_t i = 0; i < trial->topic_count; i++) {
        free(trial->topics[i].name);
        free(trial->topics[i].ends);
    }
    if (trial->options.free_scratch)
        trial->options.free_scratch(trial->scratch);
    arena_release(&trial->arena);
    free(trial->stages);
    free(trial->topics);
    free(trial);
    return NULL;
}

/* --- work
 * ------------------------------------------------------------------------------------------------------------------ */

static void trial_report(void *context, size_t row, const char *message) {
    struct trial *trial = context;
    (void)row;
    if (trial->options.trouble)
        trial->options.trouble(trial->options.context, trial->where, message);
}

static struct evaluation trial_evaluation(struct trial *trial, struct row_errors *errors) {
    *errors = (struct row_errors){.report = trial_report, .context = trial, .messages_left = MESSAGES_MAXIMUM};
    return (struct evaluation){
        .arena = &trial->arena, .errors = errors, .clock = trial->options.clock, .scratch = trial->scratch};
}

static void trial_mail(struct trial *trial, const struct trial_batch *batch, const struct source_rows *rows) {
    for (size_t i = 0; i < batch->count; i++)
        if (rows->status[i] != SOURCE_GOOD && trial->options.trouble)
            trial->options.trouble(trial->options.context, batch->topic,
                                   rows->reasons[i] ? rows->reasons[i] : "the record cannot be read");
}

static int trial_push_stage(struct trial *trial, struct trial_stage *stage, size_t source,
                            const struct trial_batch *batch, struct error *error) {
    struct bus_batch records = {.topic = batch->topic,
                                .partition = batch->partition,
                                .base_offset = batch->base_offset,
                                .append_time = clock_wall(trial->options.clock),
                                .records = batch->records,
                                .count = batch->count};
    struct row_errors errors;
    struct operator_context context = {
        .evaluation = trial_evaluation(trial, &errors), .offset = batch->base_offset, .counters = &stage->counters};
    struct source_rows rows;
    trial->where = batch->topic;
    int status = source_reader_read(stage->readers[source], &records, &context.evaluation, &rows, error);
    if (!status) {
        trial_mail(trial, batch, &rows);
        trial->where = stage->query->id;
        status = stage_push(stage->stages[batch->partition], source, rows.rows, &context, error);
    }
    trial->scratch = context.evaluation.scratch;
    return status ? error_wrap(error, "query %s, topic %s", stage->query->id, batch->topic) : 0;
}

static bool trial_reads(const struct trial_stage *stage, const char *topic) {
    for (size_t i = 0; i < stage->plan->source_count; i++)
        if (strcmp(stage->plan->sources[i]->source->topic, topic) == 0)
            return true;
    return false;
}

/* Which stages a topic's records come to, by whatever way. */
static void trial_reach(struct trial *trial, const char *topic) {
    for (size_t i = 0; i < trial->stage_count; i++) {
        struct trial_stage *stage = trial->stages[i];
        if (!stage->reached && trial_reads(stage, topic)) {
            stage->reached = true;
            trial_reach(trial, stage->plan->sink->sink.topic);
        }
    }
}

/* How many of the stages that are reached write a topic. */
static size_t trial_writers(const struct trial *trial, const char *topic) {
    size_t count = 0;
    for (size_t i = 0; i < trial->stage_count; i++)
        count += trial->stages[i]->reached && strcmp(trial->stages[i]->plan->sink->sink.topic, topic) == 0;
    return count;
}

/* Do the records of a topic come to a stage or a topic by two ways? Then what each of them brings about must be done
 * before the next comes, or a join would see the second way's records too early or too late. */
static bool trial_meets(struct trial *trial, const char *topic) {
    bool meets = false;
    for (size_t i = 0; i < trial->stage_count; i++)
        trial->stages[i]->reached = false;
    trial_reach(trial, topic);
    for (size_t i = 0; i < trial->stage_count && !meets; i++) {
        const struct stage_plan *plan = trial->stages[i]->plan;
        size_t ways = 0;
        for (size_t s = 0; s < plan->source_count; s++)
            ways += strcmp(topic, plan->sources[s]->source->topic) == 0 ||
                    trial_writers(trial, plan->sources[s]->source->topic);
        meets = ways > 1 || trial_writers(trial, plan->sink->sink.topic) > 1;
    }
    return meets;
}

/* What was written goes to whoever listens, and behind the batches that wait. */
static int trial_pass_on(struct trial *trial, struct error *error) {
    int status = 0;
    while (trial->written && !status) {
        struct trial_batch *batch = trial->written;
        trial->written = batch->next;
        batch->next = NULL;
        trial_sort(batch);
        for (size_t i = 0; i < batch->count && !status; i++)
            status = trial->options.written
                         ? trial->options.written(trial->options.context, batch->topic, &batch->records[i], error)
                         : 0;
        bool one_by_one = trial->options.record_by_record || (batch->count > 1 && trial_meets(trial, batch->topic));
        for (size_t i = 0; one_by_one && i + 1 < batch->count && !status; i++) {
            struct trial_batch *one = memory_zero(1, sizeof *one);
            if (!one)
                status = error_no_memory(error);
            else if (one->topic = batch->topic, one->partition = batch->partition,
                     !trial_batch_add(one, &batch->records[i], 0)) {
                trial_batch_free(one);
                status = error_no_memory(error);
            } else {
                *trial->last = one;
                trial->last = &one->next;
            }
        }
        if (one_by_one && batch->count > 1) {
            batch->records[0] = batch->records[batch->count - 1];
            batch->count = 1;
        }
        *trial->last = batch;
        trial->last = &batch->next;
    }
    return status;
}

static struct trial_topic *trial_topic(struct trial *trial, const char *name) {
    for (size_t i = 0; i < trial->topic_count; i++)
        if (strcmp(trial->topics[i].name, name) == 0)
            return &trial->topics[i];
    char *copy = strdup(name);
    int64_t *ends = memory_zero((size_t)trial->options.partitions, sizeof *ends);
    if (!copy || !ends ||
        !memory_reserve((void **)&trial->topics, &trial->topic_capacity, trial->topic_count + 1,
                        sizeof *trial->topics)) {
        free(copy);
        free(ends);
        return NULL;
    }
    trial->topics[trial->topic_count] = (struct trial_topic){copy, ends};
    return &trial->topics[trial->topic_count++];
}

static int trial_work(struct trial *trial, struct trial_batch *batch, struct error *error) {
    struct trial_topic *topic = trial_topic(trial, batch->topic);
    int status = topic ? 0 : error_no_memory(error);
    if (topic) {
        batch->base_offset = topic->ends[batch->partition];
        topic->ends[batch->partition] += (int64_t)batch->count;
    }
    for (size_t i = 0; i < trial->stage_count && !status; i++) {
        struct trial_stage *stage = trial->stages[i];
        for (size_t s = 0; s < stage->plan->source_count && !status; s++)
            if (strcmp(stage->plan->sources[s]->source->topic, batch->topic) == 0)
                status = trial_push_stage(trial, stage, s, batch, error);
    }
    if (!status)
        status = trial_pass_on(trial, error);
    arena_reset(&trial->arena);
    return status;
}

static int trial_run(struct trial *trial, struct error *error) {
    int status = 0;
    while (trial->first && !status) {
        struct trial_batch *batch = trial->first;
        status = trial_work(trial, batch, error);
        trial->first = trial_batch_free(batch);
        if (!trial->first)
            trial->last = &trial->first;
    }
    return status;
}

static int trial_push_batch(struct trial *trial, const char *topic, int32_t partition, const struct bus_record *records,
                            size_t count, struct error *error) {
    struct trial_topic *known = trial_topic(trial, topic);
    struct trial_batch *batch = known ? memory_zero(1, sizeof *batch) : NULL;
    if (!batch)
        return error_no_memory(error);
    batch->topic = known->name;
    batch->partition = partition;
    for (size_t i = 0; i < count; i++)
        if (!trial_batch_add(batch, &records[i], 0)) {
            trial_batch_free(batch);
            return error_no_memory(error);
        }
    *trial->last = batch;
    trial->last = &batch->next;
    return trial_run(trial, error);
}

int trial_push(struct trial *trial, const char *topic, int32_t partition, const struct bus_record *records,
               size_t count, struct error *error) {
    size_t most = trial_meets(trial, topic) ? 1 : count;
    int status = 0;
    for (size_t i = 0; i < count && !status; i += most)
        status = trial_push_batch(trial, topic, partition, records + i, most, error);
    return status;
}

/* Records come as JSON and leave in the formats of their topics, and the other way round: the columns that a stream
 * or table gives to a topic tell how. They go through the queries over a log in memory (stream/runtime/local_run.h). */
#include "sql/record/pipeline_test.h"

#include "core/memory.h"
#include "sql/record/pipeline_test_run.h"
#include "sql/record/record_text.h"

struct test_reading {
    struct test_run *run;
    const char *topic;
};

static int test_keep(void *context, const struct bus_record *record, struct error *error) {
    const struct test_reading *reading = context;
    struct test_run *run = reading->run;
    struct bus_header *headers = arena_allocate(&run->arena, (record->header_count + 1) * sizeof *headers);
    struct bus_record copy = {.key = arena_copy(&run->arena, record->key),
                              .value = arena_copy(&run->arena, record->value),
                              .timestamp = record->timestamp,
                              .headers = headers};
    for (size_t i = 0; headers && i < record->header_count; i++)
        headers[copy.header_count++] = (struct bus_header){arena_copy(&run->arena, record->headers[i].name),
                                                           arena_copy(&run->arena, record->headers[i].value)};
    if (!headers || (record->key.data && !copy.key.data) || (record->value.data && !copy.value.data) ||
        !memory_reserve((void **)&run->actual, &run->actual_capacity, run->actual_count + 1, sizeof *run->actual))
        return error_no_memory(error);
    run->actual[run->actual_count++] = (struct test_actual){reading->topic, copy};
    return 0;
}

static void test_stop_query(struct test_run *run, const char *id) {
    size_t kept = 0;
    for (size_t i = 0; i < run->plan_count; i++)
        if (strcmp(run->plans[i]->id, id) != 0)
            run->plans[kept++] = run->plans[i];
    run->plan_count = kept;
}

static int test_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct test_run *run = context;
    if (effect->kind == EFFECT_QUERY_START) {
        if (!memory_reserve((void **)&run->plans, &run->plan_capacity, run->plan_count + 1,
                            sizeof(struct query_plan *)))
            return error_no_memory(error);
        run->plans[run->plan_count++] = effect->query;
    }
    if (effect->kind == EFFECT_QUERY_STOP)
        test_stop_query(run, effect->text.data);
    if (effect->kind != EFFECT_RECORD)
        return 0;
    if (!memory_reserve((void **)&run->records, &run->record_capacity, run->record_count + 1, sizeof *run->records))
        return error_no_memory(error);
    run->records[run->record_count++] = *effect;
    return 0;
}

const struct source *test_source(const struct test_run *run, const char *topic) {
    const struct catalog *catalog = session_catalog(run->session);
    const struct source *best = NULL;
    for (size_t i = 0; i < catalog_source_count(catalog); i++) {
        const struct source *source = catalog_source_at(catalog, i);
        if (slice_equal(source->topic, slice_of(topic)) &&
            (!best || source->result > best->result ||
             (source->result == best->result && source->column_count > best->column_count)))
            best = source;
    }
    return best;
}

static int test_encode(struct test_run *run, const struct test_record *input, size_t number,
                       struct bus_record *ret_record, struct error *error) {
    const struct source *source = test_source(run, input->topic.data);
    struct record_text text = {.key = input->key,
                               .value = input->value,
                               .windowed = input->windowed,
                               .window_start = input->window_start,
                               .window_end = input->window_end};
    *ret_record =
        (struct bus_record){.timestamp = input->time, .headers = input->headers, .header_count = input->header_count};
    int status =
        record_text_encode(source, registry_memory_registry(run->registry), &text, &run->arena, ret_record, error);
    return status ? error_wrap(error, "inputs %zu, topic %s", number, input->topic.data) : 0;
}

/* The records go in, and the queries work until there is nothing left to do. */
static int test_append(struct test_run *run, const char *topic, const struct bus_record *records, size_t count,
                       struct error *error) {
    int status = local_run_append(run->local, topic, records, count, error);
    if (!status)
        status = local_run_settle(run->local, error);
    if (!status && run->way == WAY_RESTARTS)
        status = local_run_stop(run->local, error);
    if (!status && run->way == WAY_RESTARTS)
        status = local_run_start(run->local, run->plans, run->plan_count, error);
    return status;
}

/* Inputs [first, end) of one topic as one batch. Those that no query reads are left out. */
static int test_push(struct test_run *run, size_t first, size_t end, struct error *error) {
    const char *topic = run->inputs[first].topic.data;
    struct bus_record *records = arena_allocate(&run->arena, (end - first) * sizeof *records);
    int status = records ? 0 : error_no_memory(error);
    if (!status && !test_source(run, topic)) {
        log_write(run->test->log, LOG_WARNING, "topic %s: no stream or table reads it, its inputs are left out", topic);
        return 0;
    }
    for (size_t i = first; i < end && !status; i++)
        status = test_encode(run, &run->inputs[i], i + 1, &records[i - first], error);
    return status ? status : test_append(run, topic, records, end - first, error);
}

/* Inputs in their order; in batches those of one topic that follow each other go in together. */
static int test_push_all(struct test_run *run, struct error *error) {
    int status = local_run_start(run->local, run->plans, run->plan_count, error);
    for (size_t i = 0; i < run->record_count && !status; i++)
        status = test_append(run, run->records[i].sink->topic, &run->records[i].record, 1, error);
    for (size_t i = 0, next; i < run->input_count && !status; i = next) {
        for (next = i + 1; run->way == WAY_BATCHES && next < run->input_count &&
                           slice_equal(run->inputs[next].topic, run->inputs[i].topic);)
            next++;
        status = test_push(run, i, next, error);
    }
    return status;
}

bool test_is_repeated(const struct test_run *run, size_t output) {
    for (size_t i = 0; i < output; i++)
        if (slice_equal(run->outputs[i].topic, run->outputs[output].topic))
            return true;
    return false;
}

static int test_read_topics(struct test_run *run, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < run->output_count && !status; i++) {
        struct test_reading reading = {run, run->outputs[i].topic.data};
        if (!test_is_repeated(run, i))
            status = local_run_read(run->local, reading.topic, test_keep, &reading, error);
    }
    return status;
}

static void test_release(struct test_run *run) {
    local_run_close(run->local);
    session_free(run->session);
    registry_memory_free(run->registry);
    arena_release(&run->arena);
    free(run->plans);
    free(run->actual);
    free(run->records);
}

static int test_open(struct test_run *run, struct error *error) {
    if (!(run->registry = registry_memory_new()))
        return error_no_memory(error);
    struct session_options options = {.registry = registry_memory_registry(run->registry), .clock = run->test->clock};
    struct local_run_settings local = {.registry = options.registry,
                                       .clock = options.clock,
                                       .log = run->test->log,
                                       .free_scratch = evaluation_scratch_free,
                                       .partitions = 1,
                                       .batch = run->way == WAY_BATCHES ? 0 : 1};
    int status = session_new(&options, &run->session, error);
    return status ? status : local_run_open(&local, &run->local, error);
}

static int test_once(const struct pipeline_test *test, enum test_way way, struct error *error) {
    cleanup(test_release) struct test_run run = {.test = test, .way = way};
    int status = test_open(&run, error);
    if (!status && test->input.data)
        status = test_read_file(&run, test->input, "inputs", &run.inputs, &run.input_count, error);
    if (!status)
        status = test_read_file(&run, test->output, "outputs", &run.outputs, &run.output_count, error);
    if (way == WAY_BATCHES && run.no_batches)
        return 0;
    if (!status)
        status = session_execute(run.session, test->statements, test_effect, &run, error);
    if (!status)
        status = test_push_all(&run, error);
    if (!status)
        status = test_read_topics(&run, error);
    return status ? status : test_compare_all(&run, error);
}

int pipeline_test_run(const struct pipeline_test *test, struct error *error) {
    static const char *const differs[WAY_COUNT] = {
        [WAY_BATCHES] = "record by record it passes, batch by batch it does not",
        [WAY_RESTARTS] = "it passes, but not with a restart after each record",
    };
    for (enum test_way way = 0; way < WAY_COUNT; way++) {
        int status = test_once(test, way, error);
        if (status)
            return way ? error_wrap(error, "%s", differs[way]) : status;
    }
    return 0;
}

/* Records come as JSON and leave in the formats of their topics, and the other way round: the columns that a stream
 * or table gives to a topic tell how. Results are compared column by column: texts and whole numbers exactly,
 * doubles to 1e-6 of their size. */
#include "sql/record/pipeline_test.h"

#include <math.h>
#include <stdio.h>

#include "codec/json/json_scan.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/registry_memory.h"
#include "sql/plan/plan_format.h"
#include "sql/record/record_headers.h"
#include "sql/record/record_text.h"
#include "sql/session/session.h"
#include "stream/runtime/local_run.h"

struct test_record {
    struct slice topic;      /* NUL-terminated */
    struct slice key, value; /* JSON text; data NULL: null */
    bool has_time, windowed, session;
    int64_t time, window_start, window_end;
    struct bus_header *headers;
    size_t header_count;
};

struct test_actual {
    const char *topic;
    struct bus_record record;
};

/* How the records go in. */
enum test_way { WAY_RECORDS, WAY_BATCHES, WAY_RESTARTS, WAY_COUNT };

struct test_run {
    const struct pipeline_test *test;
    enum test_way way;
    bool no_batches; /* the file of inputs asks for it */
    struct arena arena;
    struct registry_memory *registry;
    struct session *session;
    struct local_run *local;
    const struct query_plan **plans;
    size_t plan_count, plan_capacity;
    struct test_record *inputs, *outputs;
    size_t input_count, output_count;
    struct test_actual *actual; /* of topics that the outputs name */
    size_t actual_count, actual_capacity;
    struct session_effect *records; /* INSERT INTO .. VALUES */
    size_t record_count, record_capacity;
};

/* --- files
 * ------------------------------------------------------------------------------------------------------------------ */

static bool test_number(struct slice text, int64_t *ret_number) {
    char copy[32];
    char *end;
    if (!text.data || text.length == 0 || text.length >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    *ret_number = strtoll(copy, &end, 10);
    return *end == '\0';
}

static struct slice test_not_null(struct slice text) {
    return text.data && slice_equal(text, SLICE("null")) ? (struct slice){0} : text;
}

static int test_read_window(struct slice window, struct test_record *record, const char *what, size_t number,
                            struct error *error) {
    cleanup(bytes_release) struct bytes type = {0};
    window = test_not_null(window);
    if (!window.data)
        return 0;
    record->windowed = true;
    record->session = json_span_string(json_span_member(window, "type"), &type) && type.length == 7 &&
                      strncasecmp(type.data, "session", 7) == 0;
    if (!test_number(json_span_member(window, "start"), &record->window_start) ||
        !test_number(json_span_member(window, "end"), &record->window_end))
        return error_set(error, ERROR_INVALID, "%s %zu: its window needs start and end, whole numbers of ms", what,
                         number);
    return 0;
}

static int test_read_record(struct test_run *run, struct slice text, const char *what, size_t number,
                            struct test_record *ret_record, struct error *error) {
    cleanup(bytes_release) struct bytes topic = {0};
    struct test_record record = {.key = test_not_null(json_span_member(text, "key")),
                                 .value = test_not_null(json_span_member(text, "value"))};
    struct slice time = test_not_null(json_span_member(text, "timestamp"));
    if (!json_span_string(json_span_member(text, "topic"), &topic))
        return error_set(error, ERROR_INVALID, "%s %zu: it needs a topic, a string", what, number);
    record.topic = arena_copy(&run->arena, bytes_slice(&topic));
    record.has_time = time.data != NULL;
    if (time.data && !test_number(time, &record.time))
        return error_set(error, ERROR_INVALID, "%s %zu: its timestamp is not a whole number of ms", what, number);
    int status = record.topic.data ? test_read_window(json_span_member(text, "window"), &record, what, number, error)
                                   : error_no_memory(error);
    if (!status && (status = record_headers_read(json_span_member(text, "headers"), &run->arena, &record.headers,
                                                 &record.header_count, error)))
        return error_wrap(error, "%s %zu", what, number);
    if (!status)
        *ret_record = record;
    return status;
}

/* By the grammar alone: numbers may have any number of digits. */
static int test_check_json(struct test_run *run, struct slice text, struct error *error) {
    struct json_scan scan = {.start = text.data, .at = text.data, .end = text.data + text.length, .arena = &run->arena};
    json_space(&scan);
    bool valid = json_skip(&scan, 1);
    json_space(&scan);
    if (!valid || (scan.at < scan.end && !json_unexpected(&scan))) {
        size_t line = 1;
        for (const char *at = scan.start; at < scan.at; at++)
            line += *at == '\n';
        return scan.no_memory ? error_no_memory(error)
                              : error_set(error, ERROR_INVALID, "line %zu: %s", line, scan.reason);
    }
    return 0;
}

/* The records of {"inputs": [..], "batches": false} or {"outputs": [..]}. */
static int test_read_file(struct test_run *run, struct slice file, const char *name, struct test_record **ret_records,
                          size_t *ret_count, struct error *error) {
    struct slice text = arena_copy(&run->arena, file), member, item;
    if (!text.data)
        return error_no_memory(error);
    json_blank_comments((char *)text.data, text.length);
    int status = test_check_json(run, text, error);
    if (status)
        return error_wrap(error, "the file of %s", name);
    struct slice list = json_span_inside(json_span_member(text, name));
    if (!list.data)
        return error_set(error, ERROR_INVALID, "the file of %s has no list called %s", name, name);
    size_t count = 0;
    for (struct slice rest = list; json_span_next(&rest, &member, &item);)
        count++;
    struct test_record *records = arena_allocate(&run->arena, (count + 1) * sizeof *records);
    if (!records)
        return error_no_memory(error);
    run->no_batches |= slice_equal(json_span_member(text, "batches"), SLICE("false"));
    count = 0;
    for (struct slice rest = list; json_span_next(&rest, &member, &item) && !status; count += !status)
        status = test_read_record(run, item, name, count + 1, &records[count], error);
    if (!status) {
        *ret_records = records;
        *ret_count = count;
    }
    return status;
}

/* --- the run
 * ------------------------------------------------------------------------------------------------------------------ */

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

/* The stream or table that knows most about a topic's records: one that a query fills, else the one with the most
 * columns. */
static const struct source *test_source(const struct test_run *run, const char *topic) {
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

/* Inputs [first, end) of one topic as one batch. Those that nobody reads are left out. */
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

/* Is the topic named by an output before this one? */
static bool test_is_repeated(const struct test_run *run, size_t output) {
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

/* --- comparison
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *test_show(struct test_run *run, const struct record_text *text, int64_t time, bool has_time) {
    cleanup(bytes_release) struct bytes to = {0};
    bytes_append_format(&to, "key %.*s, value %.*s", text->key.data ? (int)text->key.length : 4,
                        text->key.data ? text->key.data : "null", text->value.data ? (int)text->value.length : 4,
                        text->value.data ? text->value.data : "null");
    if (has_time)
        bytes_append_format(&to, ", timestamp %lld", (long long)time);
    if (text->windowed)
        bytes_append_format(&to, ", window %lld to %lld", (long long)text->window_start, (long long)text->window_end);
    struct slice copy = to.failed ? (struct slice){0} : arena_copy(&run->arena, bytes_slice(&to));
    return copy.data ? copy.data : "?";
}

static int test_differs(struct test_run *run, const struct test_record *expected, size_t number,
                        const struct record_text *actual, int64_t time, const char *why, struct error *error) {
    struct record_text text = {.key = expected->key,
                               .value = expected->value,
                               .windowed = expected->windowed,
                               .window_start = expected->window_start,
                               .window_end = expected->window_end};
    return error_set(error, ERROR_INVALID, "topic %s, message %zu: %s; expected %s; actual %s", expected->topic.data,
                     number, why, test_show(run, &text, expected->time, expected->has_time),
                     actual ? test_show(run, actual, time, true) : "none");
}

/* The source whose records a topic has: of TOPIC-late and TOPIC-rejected it is TOPIC's. NULL: no stream or table has
 * it. *ret_rejected: they could not be read, and are texts. */
static const struct source *test_source_of_output(const struct test_run *run, const char *topic, bool *ret_rejected) {
    static const char *const kept[] = {"-late", "-rejected"};
    char base[BUS_TOPIC_NAME_MAXIMUM + 1];
    const struct source *source = test_source(run, topic);
    size_t length = strlen(topic);
    *ret_rejected = false;
    for (size_t i = 0; i < 2 && !source; i++) {
        size_t tail = strlen(kept[i]);
        if (length <= tail || length > BUS_TOPIC_NAME_MAXIMUM || strcmp(topic + length - tail, kept[i]) != 0)
            continue;
        snprintf(base, sizeof base, "%.*s", (int)(length - tail), topic);
        source = test_source(run, base);
        *ret_rejected = i == 1;
    }
    return source;
}

/* `expected`: a JSON string, or null. */
static bool test_same_text(struct slice expected, struct slice actual) {
    cleanup(bytes_release) struct bytes text = {0};
    return actual.data ? json_span_string(expected, &text) && slice_equal(bytes_slice(&text), actual) : !expected.data;
}

/* Headers that are expected must be there; others may be too. */
static bool test_same_headers(const struct test_record *expected, const struct bus_record *actual) {
    for (size_t i = 0; i < expected->header_count; i++) {
        const struct bus_header *header = &expected->headers[i];
        size_t at = 0;
        while (at < actual->header_count && !(slice_equal(actual->headers[at].name, header->name) &&
                                              slice_equal(actual->headers[at].value, header->value)))
            at++;
        if (at == actual->header_count)
            return false;
    }
    return true;
}

/* Key and value, as they are shown and whether they are as expected. */
static int test_compare_data(struct test_run *run, const struct test_record *expected, const struct bus_record *actual,
                             struct record_text *ret_text, const char **ret_why, struct error *error) {
    const struct registry *registry = registry_memory_registry(run->registry);
    const struct record_text wanted = {.key = expected->key, .value = expected->value};
    bool rejected;
    const struct source *source = test_source_of_output(run, expected->topic.data, &rejected);
    if (!source)
        return error_set(error, ERROR_INVALID, "outputs: no stream or table has topic %s", expected->topic.data);
    if (rejected) {
        *ret_text = (struct record_text){.key = actual->key, .value = actual->value};
        if (!test_same_text(expected->key, actual->key))
            *ret_why = "the key differs";
        else if (!test_same_text(expected->value, actual->value))
            *ret_why = "the value differs";
        return 0;
    }
    int status = record_text_decode(source, registry, actual, &run->arena, ret_text, error);
    return status ? status : record_text_same(source, registry, &wanted, actual, &run->arena, ret_why, error);
}

static int test_compare(struct test_run *run, const struct test_record *expected, size_t number,
                        const struct test_actual *actual, struct error *error) {
    struct record_text text;
    const char *why = NULL;
    int status = test_compare_data(run, expected, &actual->record, &text, &why, error);
    if (status)
        return error_wrap(error, "topic %s, message %zu", expected->topic.data, number);
    if (!why && expected->has_time && expected->time != actual->record.timestamp)
        why = "the timestamp differs";
    if (!why && expected->windowed &&
        (!text.windowed || text.window_start != expected->window_start || text.window_end != expected->window_end))
        why = "the window differs";
    if (!why && !test_same_headers(expected, &actual->record))
        why = "a header is missing or differs";
    return why ? test_differs(run, expected, number, &text, actual->record.timestamp, why, error) : 0;
}

/* A record after all that were expected. */
static int test_too_many(struct test_run *run, const struct test_record *expected, size_t number,
                         const struct bus_record *actual, struct error *error) {
    struct record_text text;
    const char *why;
    int status = test_compare_data(run, expected, actual, &text, &why, error);
    return status ? status
                  : error_set(error, ERROR_INVALID, "topic %s, message %zu: no more was expected; actual %s",
                              expected->topic.data, number, test_show(run, &text, actual->timestamp, true));
}

/* The records of one topic, in order; `first` is the first output that names it. */
static int test_compare_topic(struct test_run *run, size_t first, struct error *error) {
    struct slice topic = run->outputs[first].topic;
    size_t at = 0, number = 0;
    int status = 0;
    for (size_t i = first; i < run->output_count && !status; i++) {
        if (!slice_equal(run->outputs[i].topic, topic))
            continue;
        while (at < run->actual_count && strcmp(run->actual[at].topic, topic.data) != 0)
            at++;
        number++;
        if (at == run->actual_count)
            return test_differs(run, &run->outputs[i], number, NULL, 0, "it is missing", error);
        status = test_compare(run, &run->outputs[i], number, &run->actual[at++], error);
    }
    for (; at < run->actual_count && !status; at++)
        if (strcmp(run->actual[at].topic, topic.data) == 0)
            status = test_too_many(run, &run->outputs[first], number + 1, &run->actual[at].record, error);
    return status;
}

static int test_compare_all(struct test_run *run, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < run->output_count && !status; i++)
        if (!test_is_repeated(run, i))
            status = test_compare_topic(run, i, error);
    return status;
}

/* --- the test
 * ------------------------------------------------------------------------------------------------------------------ */

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

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
#include "stream/trial.h"

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

struct test_run {
    const struct pipeline_test *test;
    struct arena arena;
    struct registry_memory *registry;
    struct session *session;
    struct trial *trial;
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

/* The records of {"inputs": [..]} or {"outputs": [..]}. */
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

static bool test_is_output(const struct test_run *run, const char *topic) {
    for (size_t i = 0; i < run->output_count; i++)
        if (strcmp(run->outputs[i].topic.data, topic) == 0)
            return true;
    return false;
}

static int test_keep(struct test_run *run, const char *topic, const struct bus_record *record, struct error *error) {
    if (!test_is_output(run, topic))
        return 0;
    struct bus_record copy = {.key = arena_copy(&run->arena, record->key),
                              .value = arena_copy(&run->arena, record->value),
                              .timestamp = record->timestamp};
    if ((record->key.data && !copy.key.data) || (record->value.data && !copy.value.data) ||
        !memory_reserve((void **)&run->actual, &run->actual_capacity, run->actual_count + 1, sizeof *run->actual))
        return error_no_memory(error);
    run->actual[run->actual_count++] = (struct test_actual){topic, copy};
    return 0;
}

static int test_written(void *context, const char *topic, const struct bus_record *record, struct error *error) {
    return test_keep(context, topic, record, error);
}

static void test_trouble(void *context, const char *where, const char *message) {
    struct test_run *run = context;
    if (run->test->trouble)
        run->test->trouble(run->test->context, where, message);
}

static int test_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct test_run *run = context;
    if (effect->kind == EFFECT_QUERY_START)
        return trial_add(run->trial, effect->query, error);
    if (effect->kind == EFFECT_QUERY_STOP)
        trial_remove(run->trial, effect->text.data);
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

/* Inputs [first, end) of one topic as one batch. Those of a topic that is an output too count as results; those that
 * nobody reads are left out. */
static int test_push(struct test_run *run, size_t first, size_t end, struct error *error) {
    const char *topic = run->inputs[first].topic.data;
    struct bus_record *records = arena_allocate(&run->arena, (end - first) * sizeof *records);
    int status = records ? 0 : error_no_memory(error);
    if (!status && !test_source(run, topic)) {
        test_trouble(run, topic, "no stream or table reads this topic: its inputs are left out");
        return 0;
    }
    for (size_t i = first; i < end && !status; i++) {
        status = test_encode(run, &run->inputs[i], i + 1, &records[i - first], error);
        if (!status)
            status = test_keep(run, topic, &records[i - first], error);
    }
    return status ? status : trial_push(run->trial, topic, 0, records, end - first, error);
}

/* Inputs in their order; in the second run those of one topic that follow each other are one batch. */
static int test_push_all(struct test_run *run, bool batches, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < run->record_count && !status; i++) {
        status = test_keep(run, run->records[i].sink->topic, &run->records[i].record, error);
        if (!status)
            status = trial_push(run->trial, run->records[i].sink->topic, 0, &run->records[i].record, 1, error);
    }
    for (size_t i = 0, next; i < run->input_count && !status; i = next) {
        for (next = i + 1;
             batches && next < run->input_count && slice_equal(run->inputs[next].topic, run->inputs[i].topic);)
            next++;
        status = test_push(run, i, next, error);
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

static int test_compare(struct test_run *run, const struct test_record *expected, size_t number,
                        const struct test_actual *actual, struct error *error) {
    const struct source *source = test_source(run, expected->topic.data);
    struct record_text text;
    const char *why = NULL;
    if (!source)
        return error_set(error, ERROR_INVALID, "outputs: no stream or table has topic %s", expected->topic.data);
    int status =
        record_text_decode(source, registry_memory_registry(run->registry), &actual->record, &run->arena, &text, error);
    if (!status)
        status = record_text_same(source, registry_memory_registry(run->registry),
                                  &(struct record_text){.key = expected->key, .value = expected->value},
                                  &actual->record, &run->arena, &why, error);
    if (status)
        return error_wrap(error, "topic %s, message %zu", expected->topic.data, number);
    if (!why && expected->has_time && expected->time != actual->record.timestamp)
        why = "the timestamp differs";
    if (!why && expected->windowed &&
        (!text.windowed || text.window_start != expected->window_start || text.window_end != expected->window_end))
        why = "the window differs";
    return why ? test_differs(run, expected, number, &text, actual->record.timestamp, why, error) : 0;
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
        if (strcmp(run->actual[at].topic, topic.data) == 0) {
            struct record_text text;
            status = record_text_decode(test_source(run, topic.data), registry_memory_registry(run->registry),
                                        &run->actual[at].record, &run->arena, &text, error);
            return status ? status
                          : error_set(error, ERROR_INVALID, "topic %s, message %zu: no more was expected; actual %s",
                                      topic.data, number + 1,
                                      test_show(run, &text, run->actual[at].record.timestamp, true));
        }
    return status;
}

static int test_compare_all(struct test_run *run, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < run->output_count && !status; i++) {
        bool first = true;
        for (size_t k = 0; k < i && first; k++)
            first = !slice_equal(run->outputs[k].topic, run->outputs[i].topic);
        if (first)
            status = test_compare_topic(run, i, error);
    }
    return status;
}

/* --- the test
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_release(struct test_run *run) {
    trial_free(run->trial);
    session_free(run->session);
    registry_memory_free(run->registry);
    arena_release(&run->arena);
    free(run->actual);
    free(run->records);
}

static int test_open(struct test_run *run, bool batches, struct error *error) {
    if (!(run->registry = registry_memory_new()))
        return error_no_memory(error);
    struct session_options options = {.registry = registry_memory_registry(run->registry), .clock = run->test->clock};
    struct trial_options trial = {.registry = options.registry,
                                  .clock = options.clock,
                                  .written = test_written,
                                  .trouble = test_trouble,
                                  .context = run,
                                  .free_scratch = evaluation_scratch_free,
                                  .record_by_record = !batches,
                                  .partitions = 1};
    int status = session_new(&options, &run->session, error);
    return status ? status : trial_new(&trial, &run->trial, error);
}

static int test_once(const struct pipeline_test *test, bool batches, struct error *error) {
    cleanup(test_release) struct test_run run = {.test = test};
    int status = test_open(&run, batches, error);
    if (!status && test->input.data)
        status = test_read_file(&run, test->input, "inputs", &run.inputs, &run.input_count, error);
    if (!status)
        status = test_read_file(&run, test->output, "outputs", &run.outputs, &run.output_count, error);
    if (!status)
        status = session_execute(run.session, test->statements, test_effect, &run, error);
    if (!status)
        status = test_push_all(&run, batches, error);
    return status ? status : test_compare_all(&run, error);
}

int pipeline_test_run(const struct pipeline_test *test, struct error *error) {
    int status = test_once(test, false, error);
    if (status)
        return status;
    status = test_once(test, true, error);
    return status ? error_wrap(error, "record by record it passes, batch by batch it does not") : 0;
}

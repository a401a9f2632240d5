/* What came out against what was expected, column by column: texts and whole numbers exactly, doubles to 1e-6 of their
 * size. */
#include <stdio.h>

#include "codec/json/json_span.h"
#include "core/memory.h"
#include "sql/record/pipeline_test_run.h"
#include "sql/record/record_text.h"

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

int test_compare_all(struct test_run *run, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < run->output_count && !status; i++)
        if (!test_is_repeated(run, i))
            status = test_compare_topic(run, i, error);
    return status;
}

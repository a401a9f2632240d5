/* Records of a pipeline test as its files have them: JSON, perhaps with // comments. */
#include <stdio.h>

#include "codec/json/json_scan.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "sql/record/pipeline_test_run.h"
#include "sql/record/record_headers.h"

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

int test_read_file(struct test_run *run, struct slice file, const char *name, struct test_record **ret_records,
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

/* POST /inserts-stream: a line that names the stream or table, then a JSON object a row; a line of the answer for each:
 *
 *     {"target":"READINGS"}                     {"status":"ok","seq":0}
 *     {"SERIES":"a","VALUE":1.5}
 *
 * All rows of a request are written in one transaction, and are acknowledged when it is committed. */
#include "serve/ksql/ksql.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "serve/ksql/request.h"
#include "sql/record/record_text.h"

struct inserts {
    struct task *task;
    struct sql_session sql;
    bool opened;
    const struct source *source;
    struct bus_producer *producer;
    int32_t topic, partitions;
    struct arena arena;
    struct bytes acks; /* all of the request */
    struct slice rest; /* lines that have not been read */
};

static void inserts_release(struct inserts *inserts) {
    bus_producer_close(inserts->producer);
    if (inserts->opened)
        sql_session_close(&inserts->sql);
    arena_release(&inserts->arena);
    bytes_release(&inserts->acks);
}

static bool inserts_line(struct inserts *inserts, struct slice *ret_line) {
    while (inserts->rest.length) {
        const char *end = memchr(inserts->rest.data, '\n', inserts->rest.length);
        size_t length = end ? (size_t)(end - inserts->rest.data) : inserts->rest.length, skip = length + (end != NULL);
        *ret_line = (struct slice){inserts->rest.data, length};
        inserts->rest = (struct slice){inserts->rest.data + skip, inserts->rest.length - skip};
        while (ret_line->length && char_among(*ret_line->data, " \t\r"))
            ret_line->data++, ret_line->length--;
        while (ret_line->length && char_among(ret_line->data[ret_line->length - 1], " \t\r"))
            ret_line->length--;
        if (ret_line->length)
            return true;
    }
    return false;
}

static int ignore_effect(void *context, const struct session_effect *effect, struct error *error) {
    (void)context, (void)effect, (void)error;
    return 0;
}

static int inserts_target(struct inserts *inserts, struct error *error) {
    cleanup(bytes_release) struct bytes name = {0};
    struct slice line;
    if (!inserts_line(inserts, &line) || !json_object_valid(line) || !ksql_request_text(line, "target", &name))
        return error_set(error, ERROR_INVALID, "the first line names the stream: {\"target\":\"READINGS\"}");
    for (size_t i = 0; i < name.length; i++)
        name.data[i] = (char)toupper((unsigned char)name.data[i]);
    const struct serve_options *options = &inserts->task->serve->options;
    int status = sql_session_open(&inserts->sql, options->bus, options->site.log, ignore_effect, NULL, error);
    inserts->opened = !status;
    if (status)
        return status;
    inserts->source = catalog_source(session_catalog(inserts->sql.session), bytes_slice(&name));
    if (!inserts->source)
        return error_set(error, ERROR_INVALID, "there is no stream or table %.*s", (int)name.length, name.data);
    if (inserts->source->read_only)
        return error_set(error, ERROR_INVALID, "%.*s is read-only: it was made by CREATE SOURCE", (int)name.length,
                         name.data);
    status = bus_producer_open(options->bus, &(struct bus_producer_options){0}, &inserts->producer, error);
    cleanup(bytes_release) struct bytes topic = {0};
    bytes_append_slice(&topic, inserts->source->topic);
    bytes_append_char(&topic, '\0');
    if (!status && topic.failed)
        return error_no_memory(error);
    return status
               ? status
               : bus_producer_topic(inserts->producer, topic.data, NULL, &inserts->topic, &inserts->partitions, error);
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

static bool same_name(struct slice a, struct slice b) {
    return a.length == b.length && strncasecmp(a.data, b.data, a.length) == 0;
}

/* Key and value as the source has them: a lone key column bare, several as an object. */
static int row_parts(const struct source *source, struct slice line, struct bytes *key, struct bytes *value,
                     struct error *error) {
    struct slice rest = json_span_inside(line), name, member;
    size_t keys = source_key_count(source), key_count = 0, value_count = 0;
    bytes_append_char(value, '{');
    if (keys > 1)
        bytes_append_char(key, '{');
    while (json_span_next(&rest, &name, &member)) {
        const struct source_column *column = NULL;
        for (size_t i = 0; i < source->column_count; i++)
            if (same_name(source->columns[i].name, name))
                column = &source->columns[i];
        if (!column || (!source_is_key(column) && !source_is_value(column)))
            return error_set(error, ERROR_INVALID, "%.*s has no column %.*s", (int)source->name.length,
                             source->name.data, (int)(name.length > 60 ? 60 : name.length), name.data);
        bool is_key = source_is_key(column);
        struct bytes *to = is_key ? key : value;
        if (is_key ? key_count++ : value_count++)
            bytes_append_char(to, ',');
        if (!is_key || keys > 1) {
            json_write_string(to, column->name);
            bytes_append_char(to, ':');
        }
        bytes_append_slice(to, member);
    }
    bytes_append_char(value, '}');
    if (keys > 1)
        bytes_append_char(key, '}');
    if (keys == 1 && key_count > 1)
        return error_set(error, ERROR_INVALID, "the key is there twice");
    return key->failed || value->failed ? error_no_memory(error) : 0;
}

static int inserts_row(struct inserts *inserts, struct slice line, struct error *error) {
    cleanup(bytes_release) struct bytes key = {0}, value = {0};
    const struct serve_options *options = &inserts->task->serve->options;
    struct bus_record record = {.timestamp = clock_wall(options->site.clock)};
    if (!json_object_valid(line))
        return error_set(error, ERROR_INVALID, "the line is not a JSON object");
    int status = row_parts(inserts->source, line, &key, &value, error);
    struct record_text text = {.key = key.length ? bytes_slice(&key) : (struct slice){0}, .value = bytes_slice(&value)};
    if (!status)
        status =
            record_text_encode(inserts->source, bus_registry(options->bus), &text, &inserts->arena, &record, error);
    int32_t partition = record.key.data ? bus_partition(record.key, inserts->partitions) : 0;
    return status ? status : bus_produce(inserts->producer, inserts->topic, partition, &record, error);
}

static void inserts_refuse_row(struct inserts *inserts, int64_t sequence, const struct error *error) {
    bytes_append_format(&inserts->acks,
                        "{\"status\":\"error\",\"seq\":%" PRId64 ",\"error_code\":%d,\"message\":", sequence,
                        ksql_code(error));
    json_write_string(&inserts->acks, slice_of(error->message));
    bytes_append_string(&inserts->acks, "}\n");
}

static int inserts_rows(struct inserts *inserts, struct error *error) {
    struct slice line;
    size_t written = 0;
    for (int64_t sequence = 0; inserts_line(inserts, &line); sequence++) {
        int status = inserts_row(inserts, line, error);
        if (status == ERROR_INVALID || status == ERROR_UNSUPPORTED)
            inserts_refuse_row(inserts, sequence, error);
        else if (status)
            return status;
        else
            bytes_append_format(&inserts->acks, "{\"status\":\"ok\",\"seq\":%" PRId64 "}\n", sequence);
        written += status == 0;
    }
    return written ? bus_producer_commit(inserts->producer, NULL, 0, error) : 0;
}

static void inserts_run(struct task *task) {
    cleanup(inserts_release) struct inserts inserts = {.task = task, .rest = task->exchange->body};
    struct error error = {0};
    int status = inserts_target(&inserts, &error);
    if (!status)
        status = inserts_rows(&inserts, &error);
    if (!status && inserts.acks.failed)
        status = error_no_memory(&error);
    if (status)
        ksql_answer_error(task, ksql_code(&error), error.message);
    else
        task_answer(task, 200, "application/vnd.ksqlapi.delimited.v1", bytes_slice(&inserts.acks));
}

static void inserts_handle(struct http_exchange *exchange) {
    struct serve *serve = serve_of(exchange);
    int refusal = serve_refusal(exchange, TOKEN_ADMIN);
    if (refusal)
        http_answer_error(exchange, refusal, "a token with the scope admin is needed", 0);
    else
        task_start(serve->tasks, serve, exchange, inserts_run);
}

const struct http_handler ksql_inserts = {.handle = inserts_handle, .fail = ksql_fail};

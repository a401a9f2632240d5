#include "serve/ksql/request.h"

#include <ctype.h>
#include <string.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/memory.h"

bool ksql_request_text(struct slice body, const char *name, struct bytes *to) {
    struct slice value = json_span_member(body, name);
    return value.data && json_span_string(value, to);
}

/* --- properties and variables
 * ------------------------------------------------------------------------------------------------------------------ */

static void write_quoted(struct bytes *to, struct slice text) {
    bytes_append_char(to, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            bytes_append_char(to, '\'');
        if (text.data[i] == '$' && i + 1 < text.length && text.data[i + 1] == '{')
            bytes_append_char(to, '$'); /* "${" is text here, no variable */
        bytes_append_char(to, text.data[i]);
    }
    bytes_append_char(to, '\'');
}

/* A text, number or truth as text. */
static bool member_text(struct slice value, struct bytes *to) {
    if (value.length && (*value.data == '{' || *value.data == '['))
        return false;
    if (!json_span_string(value, to))
        bytes_append_slice(to, value);
    return true;
}

/* Settings of Kafka Streams may be written with their prefix. */
static void write_setting(struct bytes *script, struct slice name, struct slice value) {
    static const struct slice prefix = SLICE("ksql.streams.");
    if (name.length > prefix.length && memcmp(name.data, prefix.data, prefix.length) == 0)
        name = (struct slice){name.data + prefix.length, name.length - prefix.length};
    bytes_append_string(script, "SET ");
    write_quoted(script, name);
    bytes_append_string(script, " = ");
    write_quoted(script, value);
    bytes_append_string(script, ";\n");
}

static bool is_variable_name(struct slice name) {
    bool good = name.length && !isdigit((unsigned char)*name.data);
    for (size_t i = 0; i < name.length; i++)
        good &= isalnum((unsigned char)name.data[i]) || name.data[i] == '_';
    return good;
}

static bool write_variable(struct bytes *script, struct slice name, struct slice value) {
    if (!is_variable_name(name))
        return false;
    bytes_append_format(script, "DEFINE %.*s = ", (int)name.length, name.data);
    write_quoted(script, value);
    bytes_append_string(script, ";\n");
    return true;
}

/* The members of an object of the body as statements; false: one of them cannot be. */
static bool write_members(struct slice object, bool variables, struct bytes *script) {
    struct slice rest = json_span_inside(object), name, value;
    bool good = !object.data || *object.data == '{' || slice_equal(object, SLICE("null"));
    while (good && object.data && *object.data == '{' && json_span_next(&rest, &name, &value)) {
        cleanup(bytes_release) struct bytes text = {0};
        if (slice_equal(value, SLICE("null")))
            continue;
        good = member_text(value, &text);
        if (good && variables)
            good = write_variable(script, name, bytes_slice(&text));
        else if (good)
            write_setting(script, name, bytes_slice(&text));
        good &= !text.failed;
    }
    return good;
}

/* --- the request
 * ------------------------------------------------------------------------------------------------------------------ */

static int request_prepare(struct ksql_request *request, struct error *error) {
    cleanup(bytes_release) struct bytes script = {0};
    bool good = write_members(json_span_member(request->body, "streamsProperties"), false, &script) &&
                write_members(json_span_member(request->body, "properties"), false, &script) &&
                write_members(json_span_member(request->body, "sessionVariables"), true, &script);
    if (!good) {
        error_set(error, ERROR_INVALID, "properties and session variables are objects of names and values");
        return KSQL_BAD_REQUEST;
    }
    if (script.failed || request->text.failed)
        error_no_memory(error);
    else if (!script.length || !sql_session_execute(&request->sql, bytes_slice(&script), false, error))
        return 0;
    return ksql_code(error);
}

int ksql_request_open(struct task *task,
                      int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                      void *context, struct ksql_request *ret_request, struct error *error) {
    const struct serve_options *options = &task->serve->options;
    *ret_request = (struct ksql_request){.task = task, .body = task->exchange->body};
    if (!json_object_valid(ret_request->body)) {
        error_set(error, ERROR_INVALID, "the body is not a JSON object");
        return KSQL_BAD_REQUEST;
    }
    if (!ksql_request_text(ret_request->body, "ksql", &ret_request->text) &&
        !ksql_request_text(ret_request->body, "sql", &ret_request->text)) {
        error_set(error, ERROR_INVALID, "the statements are missing: {\"ksql\": \"SHOW STREAMS;\"}");
        return KSQL_BAD_REQUEST;
    }
    if (sql_session_open(&ret_request->sql, options->bus, options->site.log, effect, context, error))
        return ksql_code(error);
    ret_request->opened = true;
    return request_prepare(ret_request, error);
}

int ksql_request_variables(const struct ksql_request *request, struct variables *variables, struct error *error) {
    struct slice rest = json_span_inside(json_span_member(request->body, "sessionVariables")), name, value;
    int status = 0;
    while (!status && json_span_next(&rest, &name, &value)) {
        cleanup(bytes_release) struct bytes text = {0};
        if (!slice_equal(value, SLICE("null")) && member_text(value, &text))
            status = variables_define(variables, name, bytes_slice(&text), error);
    }
    return status;
}

void ksql_request_close(struct ksql_request *request) {
    if (request->opened)
        sql_session_close(&request->sql);
    bytes_release(&request->text);
}

/* --- errors
 * ------------------------------------------------------------------------------------------------------------------ */

int ksql_code(const struct error *error) {
    if (error->retriable)
        return KSQL_SERVER_BUSY;
    switch (error->code) {
    case ERROR_INVALID:
    case ERROR_EXISTS:
    case ERROR_NOT_FOUND:
    case ERROR_CONFLICT:
    case ERROR_UNSUPPORTED:
        return KSQL_BAD_STATEMENT;
    default:
        return KSQL_SERVER_ERROR;
    }
}

int ksql_http_status(int code) {
    return code / 100;
}

void ksql_write_error(struct bytes *to, int code, const char *message) {
    bytes_append_format(to, "{\"@type\":\"generic_error\",\"error_code\":%d,\"message\":", code);
    json_write_string(to, slice_of(message));
    bytes_append_char(to, '}');
}

void ksql_write_statement_error(struct bytes *to, int code, const char *message, struct slice statement,
                                struct slice entities) {
    bytes_append_format(to, "{\"@type\":\"statement_error\",\"error_code\":%d,\"message\":", code);
    json_write_string(to, slice_of(message));
    bytes_append_string(to, ",\"statementText\":");
    json_write_string(to, statement);
    bytes_append_string(to, ",\"entities\":[");
    bytes_append_slice(to, entities);
    bytes_append_string(to, "]}");
}

void ksql_answer_error(struct task *task, int code, const char *message) {
    cleanup(bytes_release) struct bytes body = {0};
    ksql_write_error(&body, code, message);
    task_answer(task, ksql_http_status(code), KSQL_TYPE, bytes_slice(&body));
}

void ksql_fail(struct http_exchange *exchange, int status, const char *reason) {
    cleanup(bytes_release) struct bytes body = {0};
    ksql_write_error(&body, status * 100, reason);
    http_answer(exchange, status, KSQL_TYPE, bytes_slice(&body));
}

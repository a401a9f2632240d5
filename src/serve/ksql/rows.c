/* POST /query and /query-stream: rows as they come.
 *
 *     /query          [{"header":{"queryId":"..","schema":"`A` STRING KEY, `N` BIGINT"}},
 *                     {"row":{"columns":["a",7]}},
 *                     {"finalMessage":"Limit Reached"}]
 *     /query-stream   {"queryId":"..","columnNames":["A","N"],"columnTypes":["STRING","BIGINT"]}     a line each;
 *                     ["a",7]                                                  with Accept: application/json one array */
#include "serve/ksql/ksql.h"

#include <inttypes.h>
#include <string.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "serve/ksql/request.h"
#include "sql/session/answer.h"
#include "sql/syntax/script.h"

enum rows_form { ROWS_QUERY, ROWS_LINES, ROWS_ARRAY };

struct rows_answer {
    struct ksql_request request;
    enum rows_form form;
    bool begun; /* the head has been sent */
    int64_t limit, count;
    bool push;
    struct bytes line;
};

static void rows_release(struct rows_answer *rows) {
    ksql_request_close(&rows->request);
    bytes_release(&rows->line);
}

/* --- the answer's parts
 * ------------------------------------------------------------------------------------------------------------------ */

static bool rows_send(struct rows_answer *rows) {
    bool sent = !rows->line.failed && http_stream_write(rows->request.task->stream, bytes_slice(&rows->line));
    rows->line.length = 0;
    return sent;
}

/* Is it the key of the source that is asked? */
static bool column_is_key(const struct session_effect *effect, size_t column) {
    const struct source *source = effect->result->input;
    const struct source_column *found =
        effect->select->group_by.count ? NULL : source_column(source, effect->result->columns[column].name);
    return found && source_is_key(found) && type_equal(found->type, effect->result->columns[column].type);
}

static void write_schema(struct bytes *to, const struct session_effect *effect) {
    struct bytes schema = {0};
    for (size_t i = 0; i < effect->result->column_count; i++) {
        const struct source_column *column = &effect->result->columns[i];
        bytes_append_format(&schema, "%s`%.*s` ", i ? ", " : "", (int)column->name.length, column->name.data);
        type_print(&schema, column->type);
        if (column_is_key(effect, i))
            bytes_append_string(&schema, " KEY");
    }
    json_write_string(to, bytes_slice(&schema));
    to->failed |= schema.failed;
    bytes_release(&schema);
}

static void write_columns(struct bytes *to, const struct session_effect *effect) {
    bytes_append_string(to, ",\"columnNames\":[");
    for (size_t i = 0; i < effect->result->column_count; i++) {
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, effect->result->columns[i].name);
    }
    bytes_append_string(to, "],\"columnTypes\":[");
    for (size_t i = 0; i < effect->result->column_count; i++) {
        struct bytes type = {0};
        type_print(&type, effect->result->columns[i].type);
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, bytes_slice(&type));
        to->failed |= type.failed;
        bytes_release(&type);
    }
    bytes_append_string(to, "]}");
}

static bool rows_begin(struct rows_answer *rows, const struct session_effect *effect) {
    struct task *task = rows->request.task;
    struct bytes *to = &rows->line;
    if (rows->push)
        task_name(task->serve->tasks, task, "transient");
    http_stream_begin(task->stream, 200,
                      rows->form == ROWS_QUERY   ? KSQL_TYPE
                      : rows->form == ROWS_ARRAY ? "application/json"
                                                 : "application/vnd.ksqlapi.delimited.v1");
    rows->begun = true;
    if (rows->form != ROWS_LINES)
        bytes_append_char(to, '[');
    bytes_append_string(to, rows->form == ROWS_QUERY ? "{\"header\":{\"queryId\":" : "{\"queryId\":");
    if (task->id[0])
        json_write_string(to, slice_of(task->id));
    else
        bytes_append_string(to, rows->form == ROWS_QUERY ? "\"none\"" : "null");
    if (rows->form == ROWS_QUERY) {
        bytes_append_string(to, ",\"schema\":");
        write_schema(to, effect);
        bytes_append_string(to, "}}");
    } else {
        write_columns(to, effect);
    }
    if (rows->form == ROWS_LINES)
        bytes_append_char(to, '\n');
    return rows_send(rows);
}

static int rows_row(void *context, struct slice json, struct error *error) {
    struct rows_answer *rows = context;
    struct slice rest = json_span_inside(json), name, value;
    struct bytes *to = &rows->line;
    if (rows->form != ROWS_LINES)
        bytes_append_string(to, ",\n");
    bytes_append_string(to, rows->form == ROWS_QUERY ? "{\"row\":{\"columns\":[" : "[");
    for (size_t i = 0; json_span_next(&rest, &name, &value); i++) {
        if (i)
            bytes_append_char(to, ',');
        bytes_append_slice(to, value);
    }
    bytes_append_string(to, rows->form == ROWS_QUERY ? "]}}" : "]");
    if (rows->form == ROWS_LINES)
        bytes_append_char(to, '\n');
    rows->count++;
    return rows_send(rows) ? 0 : error_set(error, ERROR_INTERRUPTED, "the rows are read no more");
}

static void rows_end(struct rows_answer *rows, int code, const struct error *error) {
    struct bytes *to = &rows->line;
    if (code) {
        bytes_append_string(to, rows->form == ROWS_LINES ? "" : ",\n");
        if (rows->form == ROWS_QUERY)
            bytes_append_string(to, "{\"errorMessage\":");
        ksql_write_error(to, code, error->message);
        bytes_append_string(to, rows->form == ROWS_QUERY ? "}" : rows->form == ROWS_LINES ? "\n" : "");
    } else if (rows->form == ROWS_QUERY && rows->limit >= 0 && rows->count >= rows->limit) {
        bytes_append_string(to, ",\n{\"finalMessage\":\"Limit Reached\"}");
    } else if (rows->form == ROWS_QUERY && rows->push) {
        bytes_append_string(to, ",\n{\"finalMessage\":\"Query Terminated\"}");
    }
    if (rows->form != ROWS_LINES)
        bytes_append_string(to, "]\n");
    rows_send(rows);
}

/* --- the query
 * ------------------------------------------------------------------------------------------------------------------ */

static int rows_select(struct rows_answer *rows, const struct session_effect *effect, struct error *error) {
    struct task *task = rows->request.task;
    const char *reset = session_setting(rows->request.sql.session, "auto.offset.reset");
    struct answer_options options = {.bus = rows->request.sql.bus,
                                     .clock = task->serve->options.site.clock,
                                     .stop = &task->stop,
                                     .changes = effect->select->emit != EMIT_DEFAULT,
                                     .from_beginning = reset && strcmp(reset, "earliest") == 0,
                                     .row = rows_row,
                                     .context = rows,
                                     .lookup = effect->lookup,
                                     .index_folder = task->serve->options.index_folder,
                                     .index_log = task->serve->options.index_log,
                                     .log = task->serve->options.site.log};
    int status = answer_check(effect->select, error);
    if (status)
        return status;
    rows->push = options.changes;
    rows->limit = effect->select->limit;
    if (!rows_begin(rows, effect))
        return 0;
    status = answer_run(&options, effect->query, error);
    return status == ERROR_INTERRUPTED ? 0 : status;
}

static int rows_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct rows_answer *rows = context;
    return effect->kind == EFFECT_SELECT && !rows->request.sql.replaying ? rows_select(rows, effect, error) : 0;
}

/* Exactly one SELECT. */
static int rows_check(const struct ksql_request *request, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(variables_release) struct variables variables = {0};
    struct script script;
    struct statement *statement, *more = NULL;
    int status = ksql_request_variables(request, &variables, error);
    if (status)
        return ksql_code(error);
    script_open(&script, bytes_slice(&request->text), &variables);
    status = script_next(&script, &arena, &statement, error);
    if (!status && statement)
        status = script_next(&script, &arena, &more, error);
    if (status)
        return ksql_code(error);
    if (!statement || more) {
        error_set(error, ERROR_INVALID, "expected exactly one statement, a SELECT");
        return KSQL_BAD_STATEMENT;
    }
    if (statement->kind != STATEMENT_SELECT) {
        error_set(error, ERROR_INVALID, "only SELECT is for this path; other statements are for /ksql");
        return KSQL_BAD_STATEMENT;
    }
    return 0;
}

/* Nothing has been sent: /query tells the statement. */
static void rows_refuse(struct rows_answer *rows, int code, const struct error *error) {
    cleanup(bytes_release) struct bytes body = {0};
    if (rows->form == ROWS_QUERY && code == KSQL_BAD_STATEMENT)
        ksql_write_statement_error(&body, code, error->message, bytes_slice(&rows->request.text), SLICE(""));
    else
        ksql_write_error(&body, code, error->message);
    task_answer(rows->request.task, ksql_http_status(code), KSQL_TYPE, bytes_slice(&body));
}

static void rows_run(struct task *task, enum rows_form form) {
    cleanup(rows_release) struct rows_answer rows = {.form = form, .limit = -1};
    struct error error = {0};
    int code = ksql_request_open(task, rows_effect, &rows, &rows.request, &error);
    if (!code)
        code = rows_check(&rows.request, &error);
    if (!code && sql_session_execute(&rows.request.sql, bytes_slice(&rows.request.text), false, &error))
        code = ksql_code(&error);
    if (rows.begun)
        rows_end(&rows, code, &error);
    else if (code)
        rows_refuse(&rows, code, &error);
}

static void query_run(struct task *task) {
    rows_run(task, ROWS_QUERY);
}

static void query_stream_run(struct task *task) {
    struct slice accept = http_head_field(&task->exchange->head, "accept");
    bool json = accept.data && memmem(accept.data, accept.length, "application/json", 16);
    rows_run(task, json ? ROWS_ARRAY : ROWS_LINES);
}

static void rows_handle(struct http_exchange *exchange, void (*run)(struct task *task)) {
    struct serve *serve = serve_of(exchange);
    int refusal = serve_refusal(exchange, TOKEN_QUERY);
    if (refusal)
        http_answer_error(exchange, refusal, "a token with the scope query or admin is needed", 0);
    else
        task_start(serve->tasks, serve, exchange, run);
}

static void query_handle(struct http_exchange *exchange) {
    rows_handle(exchange, query_run);
}

static void query_stream_handle(struct http_exchange *exchange) {
    rows_handle(exchange, query_stream_run);
}

const struct http_handler ksql_query = {.handle = query_handle, .fail = ksql_fail};
const struct http_handler ksql_query_stream = {.handle = query_stream_handle, .fail = ksql_fail};

/* --- POST /close-query
 * ------------------------------------------------------------------------------------------------------------------ */

static void close_handle(struct http_exchange *exchange) {
    struct serve *serve = serve_of(exchange);
    cleanup(bytes_release) struct bytes id = {0};
    int refusal = serve_refusal(exchange, TOKEN_QUERY);
    if (refusal)
        http_answer_error(exchange, refusal, "a token with the scope query or admin is needed", 0);
    else if (!json_object_valid(exchange->body) || !ksql_request_text(exchange->body, "queryId", &id))
        http_answer_error(exchange, 400, "the id is missing: {\"queryId\": \"transient_1\"}", 0);
    else if (!task_stop(serve->tasks, bytes_slice(&id)))
        http_answer_error(exchange, 400, "there is no push query of this id", 0);
    else
        http_answer(exchange, 200, KSQL_TYPE, SLICE(""));
}

const struct http_handler ksql_close_query = {.handle = close_handle, .fail = ksql_fail};

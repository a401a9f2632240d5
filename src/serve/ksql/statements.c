/* POST /ksql: statements are executed one by one, as a prompt would, after all of them have been tried on a session that
 * keeps nothing; so a request with a wrong statement changes nothing. */
#include "serve/ksql/ksql.h"

#include <string.h>

#include "codec/json/json.h"
#include "core/memory.h"
#include "serve/ksql/entity.h"
#include "serve/ksql/request.h"
#include "sql/syntax/script.h"

/* What the statement under way has given. */
struct statements {
    struct ksql_request request;
    struct variables variables;
    struct bytes entities, query, message, text;
    size_t entity_count;
    struct listing listing;
    bool listed, topics_asked;
};

static void statements_release(struct statements *statements) {
    ksql_request_close(&statements->request);
    variables_release(&statements->variables);
    bytes_release(&statements->entities);
    bytes_release(&statements->query);
    bytes_release(&statements->message);
    bytes_release(&statements->text);
}

static void keep_text(struct bytes *to, struct slice text) {
    to->length = 0;
    bytes_append_slice(to, text);
}

static int statements_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct statements *statements = context;
    (void)error;
    if (statements->request.sql.replaying)
        return 0;
    switch (effect->kind) {
    case EFFECT_QUERY_START:
        keep_text(&statements->query, slice_of(effect->query->id));
        break;
    case EFFECT_MESSAGE:
        keep_text(&statements->message, slice_of(effect->text.data));
        break;
    case EFFECT_TEXT:
        keep_text(&statements->text, slice_of(effect->text.data));
        break;
    case EFFECT_LISTING: /* of the session, like all that it points to */
        statements->listing = effect->listing;
        statements->listed = true;
        break;
    case EFFECT_SHOW_TOPICS:
        statements->topics_asked = true;
        break;
    default:
        break;
    }
    return 0;
}

static void topic_list_release(struct bus_topic_list *list) {
    bus_topic_list_release(list);
}

static int statements_entity(struct statements *statements, const struct statement *statement, struct error *error) {
    cleanup(topic_list_release) struct bus_topic_list topics = {0};
    size_t before = statements->entities.length;
    const struct sql_session *sql = &statements->request.sql;
    struct entity_outcome outcome = {
        .session = sql->session,
        .query = statements->query.length ? bytes_slice(&statements->query) : (struct slice){0},
        .message = statements->message.length ? bytes_slice(&statements->message) : (struct slice){0},
        .text = statements->text.length ? bytes_slice(&statements->text) : (struct slice){0},
        .listing = statements->listed ? &statements->listing : NULL,
        .topics = &topics,
        .sequence = (int64_t)commands_count(sql->commands) - 1};
    int status = statements->topics_asked ? bus_topics(sql->bus, &topics, error) : 0;
    if (status)
        return status;
    if (statements->entity_count)
        bytes_append_char(&statements->entities, ',');
    size_t begin = statements->entities.length;
    entity_write(&statements->entities, statement, &outcome);
    if (statements->entities.length == begin)
        statements->entities.length = before;
    else
        statements->entity_count++;
    return statements->entities.failed ? error_no_memory(error) : 0;
}

static int statements_execute(struct statements *statements, const struct statement *statement, struct error *error) {
    statements->query.length = statements->message.length = statements->text.length = 0;
    statements->listed = statements->topics_asked = false;
    int status = sql_session_execute(&statements->request.sql, statement->text, false, error);
    return status ? status : statements_entity(statements, statement, error);
}

/* Without its place in the text: each statement stands alone. */
static void statements_answer_error(struct statements *statements, const struct statement *statement, int code,
                                    const struct error *error) {
    cleanup(bytes_release) struct bytes body = {0};
    ksql_write_statement_error(&body, code, error->message,
                               statement ? statement->text : bytes_slice(&statements->request.text),
                               bytes_slice(&statements->entities));
    task_answer(statements->request.task, ksql_http_status(code), KSQL_TYPE, bytes_slice(&body));
}

/* 0, or why the statement is not for this path, or not for this client. */
static int statement_refusal(const struct task *task, const struct statement *statement, struct error *error) {
    if (statement->kind == STATEMENT_SELECT || statement->kind == STATEMENT_PRINT) {
        error_set(error, ERROR_INVALID, "%s is for the path /query or /query-stream",
                  statement->kind == STATEMENT_SELECT ? "SELECT" : "PRINT");
        return KSQL_QUERY_ENDPOINT;
    }
    if (statement->kind == STATEMENT_RUN_SCRIPT) {
        error_set(error, ERROR_INVALID, "RUN SCRIPT is for the prompt: a server reads no files of its clients");
        return KSQL_BAD_STATEMENT;
    }
    int refusal = serve_refusal(task->exchange, entity_changes(statement) ? TOKEN_ADMIN : TOKEN_QUERY);
    if (refusal)
        error_set(error, ERROR_INVALID, "the token may not do this: it has no scope %s",
                  entity_changes(statement) ? "admin" : "query");
    return refusal * 100;
}

struct statement_list {
    struct statement **items;
    size_t count, capacity;
    struct arena arena;
};

static void statement_list_release(struct statement_list *list) {
    free(list->items);
    arena_release(&list->arena);
}

static int statements_read(struct statements *statements, struct statement_list *list, struct error *error) {
    struct script script;
    struct statement *statement;
    int status = ksql_request_variables(&statements->request, &statements->variables, error);
    if (status)
        return status;
    script_open(&script, bytes_slice(&statements->request.text), &statements->variables);
    while ((status = script_next(&script, &list->arena, &statement, error)) == 0 && statement) {
        if (!memory_reserve((void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items))
            return error_no_memory(error);
        list->items[list->count++] = statement;
    }
    return status;
}

static int ignore_effect(void *context, const struct session_effect *effect, struct error *error) {
    (void)context, (void)effect, (void)error;
    return 0;
}

/* Tries all of them, keeping nothing. */
static int statements_try(struct statements *statements, const struct statement_list *list, struct error *error,
                          const struct statement **ret_wrong) {
    struct ksql_request trial;
    int code = ksql_request_open(statements->request.task, ignore_effect, NULL, &trial, error);
    for (size_t i = 0; i < list->count && !code; i++) {
        *ret_wrong = list->items[i];
        if (session_execute(trial.sql.session, list->items[i]->text, NULL, NULL, error))
            code = ksql_code(error);
    }
    ksql_request_close(&trial);
    return code;
}

static void statements_run(struct task *task) {
    cleanup(statements_release) struct statements statements = {0};
    cleanup(statement_list_release) struct statement_list list = {0};
    const struct statement *wrong = NULL;
    struct error error = {0};
    int code = ksql_request_open(task, statements_effect, &statements, &statements.request, &error);
    if (code) {
        ksql_answer_error(task, code, error.message);
        return;
    }
    if (statements_read(&statements, &list, &error))
        code = ksql_code(&error);
    for (size_t i = 0; i < list.count && !code; i++) {
        wrong = list.items[i];
        code = statement_refusal(task, wrong, &error);
    }
    if (!code && list.count > 1)
        code = statements_try(&statements, &list, &error, &wrong);
    for (size_t i = 0; i < list.count && !code; i++) {
        wrong = list.items[i];
        if (statements_execute(&statements, wrong, &error))
            code = ksql_code(&error);
    }
    if (code) {
        statements_answer_error(&statements, wrong, code, &error);
        return;
    }
    cleanup(bytes_release) struct bytes body = {0};
    bytes_append_char(&body, '[');
    bytes_append_slice(&body, bytes_slice(&statements.entities));
    bytes_append_char(&body, ']');
    task_answer(task, 200, KSQL_TYPE, bytes_slice(&body));
}

static void statements_handle(struct http_exchange *exchange) {
    struct serve *serve = serve_of(exchange);
    int refusal = serve_refusal(exchange, TOKEN_QUERY);
    if (refusal)
        http_answer_error(exchange, refusal, "a token with the scope query or admin is needed", 0);
    else
        task_start(serve->tasks, serve, exchange, statements_run);
}

const struct http_handler ksql_statements = {.handle = statements_handle, .fail = ksql_fail};

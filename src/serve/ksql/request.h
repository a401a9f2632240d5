/* Inside of ksql/: a request as its JSON has it, its session, and answers that say what went wrong. */
#ifndef METERLINE_SERVE_KSQL_REQUEST_H
#define METERLINE_SERVE_KSQL_REQUEST_H

#include "core/bytes.h"
#include "serve/service.h"
#include "serve/task.h"
#include "sql/session/sql_session.h"

#define KSQL_TYPE "application/vnd.ksql.v1+json"

/* ksqlDB's codes: the HTTP status, and two digits more. */
enum {
    KSQL_BAD_REQUEST = 40000,
    KSQL_BAD_STATEMENT = 40001,
    KSQL_QUERY_ENDPOINT = 40002,
    KSQL_UNAUTHORIZED = 40100,
    KSQL_FORBIDDEN = 40300,
    KSQL_NOT_FOUND = 40400,
    KSQL_SERVER_ERROR = 50000,
    KSQL_SERVER_BUSY = 50300,
};

struct ksql_request {
    struct task *task;
    struct slice body;
    struct bytes text; /* of "ksql" or "sql" */
    struct sql_session sql;
    bool opened;
};

/* Reads the body and opens a session with the properties and variables of the request. `effect` gets what statements
 * give. An error code of ksqlDB's with *error, or 0. */
int ksql_request_open(struct task *task,
                      int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                      void *context, struct ksql_request *ret_request, struct error *error);
/* Those of the request, for reading its statements. */
int ksql_request_variables(const struct ksql_request *request, struct variables *variables, struct error *error);
void ksql_request_close(struct ksql_request *request); /* usable with cleanup() */
/* A text of the body's object, appended; false: it is not there, or no text. */
bool ksql_request_text(struct slice body, const char *name, struct bytes *to);

/* The code for an error of the engine. */
int ksql_code(const struct error *error);
int ksql_http_status(int code);
/* {"@type":"generic_error","error_code":..,"message":..} */
void ksql_write_error(struct bytes *to, int code, const char *message);
/* {"@type":"statement_error",..,"statementText":..,"entities":[..]} */
void ksql_write_statement_error(struct bytes *to, int code, const char *message, struct slice statement,
                                struct slice entities);
/* A generic error as the whole answer. */
void ksql_answer_error(struct task *task, int code, const char *message);
/* The http_handler.fail of all routes. */
void ksql_fail(struct http_exchange *exchange, int status, const char *reason);

#endif

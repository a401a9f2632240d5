/* Inside ingest's HTTP: what is known of a request, and the answers in the words of its clients. */
#ifndef METERLINE_INGEST_HTTP_REQUEST_H
#define METERLINE_INGEST_HTTP_REQUEST_H

#include "ingest/http.h"

/* Whose answers are given. */
enum ingest_dialect { DIALECT_OWN, DIALECT_INFLUX1, DIALECT_INFLUX2, DIALECT_INFLUX3, DIALECT_THINGSBOARD };

struct ingest_request {
    struct http_exchange *exchange;
    struct ingest_http *ingest;
    enum ingest_dialect dialect;
    bool known;    /* there is a token */
    bool unwaited; /* ?wait=none: 202, before the commit */
    struct token token;
    struct payload payload;
    struct payload_result result;
    struct delivery delivery;
};

/* http_access.c: finds the token; false: the request was answered with 401 or 403. */
bool ingest_authorise(struct ingest_request *request);

/* http_answers.c: after the commit. */
void ingest_answer_committed(struct ingest_request *request);
/* `reason` is any text. */
void ingest_answer_error(enum ingest_dialect dialect, struct http_exchange *exchange, int status, const char *reason);

/* http_status.c: health and counters. */
extern const struct http_handler ingest_ping, ingest_health, ingest_livez, ingest_readyz, ingest_metrics;

#endif

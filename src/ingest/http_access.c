/* Whether a request may write readings. */
#include "ingest/http_request.h"

bool ingest_authorise(struct ingest_request *request) {
    struct http_exchange *exchange = request->exchange;
    bool path = request->dialect == DIALECT_THINGSBOARD;
    int refusal = http_site_refusal(request->ingest->site, exchange, path ? exchange->parameter : (struct slice){0},
                                    path ? NULL : "p", TOKEN_INGEST, &request->token, &request->known);
    if (refusal == 401) {
        http_answer_header(exchange, "WWW-Authenticate", "Bearer realm=\"meterline\"");
        http_answer_error(exchange, 401, "a token is needed: it is unknown, has expired, or there is none", 0);
    } else if (refusal) {
        http_answer_error(exchange, 403, "the token may not write readings: it has no scope ingest", 0);
    }
    return refusal == 0;
}

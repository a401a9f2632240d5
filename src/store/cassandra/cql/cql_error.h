/* What a server's error code means: our code, whether trying again may help, and what the client may do by itself.
 * One table. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_ERROR_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_ERROR_H

#include "core/error.h"
#include "store/cassandra/cql/cql_response.h"

enum cql_fate {
    CQL_FATE_FAIL,             /* the same request would fail again, or only the caller can tell */
    CQL_FATE_RETRY,            /* it was not executed: it may go to another node */
    CQL_FATE_RETRY_IDEMPOTENT, /* it may have been executed: again only when doing it twice is the same as once */
    CQL_FATE_PREPARE,          /* the node has forgotten the statement: prepare it there, then again */
};

enum cql_error_kind { /* for counters */
                      CQL_KIND_CONNECTION,
                      CQL_KIND_TIMEOUT,
                      CQL_KIND_UNAVAILABLE,
                      CQL_KIND_OVERLOADED,
                      CQL_KIND_SERVER_TIMEOUT,
                      CQL_KIND_SERVER_FAILURE,
                      CQL_KIND_UNPREPARED,
                      CQL_KIND_REFUSED,
                      CQL_KIND_PROTOCOL,
                      CQL_KINDS,
};

struct cql_error_meaning {
    int32_t code;
    const char *name;
    int error_code;
    bool retriable;
    enum cql_fate fate;
    enum cql_error_kind kind;
};

const struct cql_error_meaning *cql_error_meaning(int32_t code);
const char *cql_error_kind_name(enum cql_error_kind kind);

/* Fills `error` with meaning, numbers and the coordinator's text, control characters taken out; returns its code.
 * `where` is the node. */
int cql_error_set(struct error *error, const char *where, const struct cql_server_error *from);

#endif

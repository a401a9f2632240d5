#include "store/cassandra/cql/cql_error.h"

#include <stdio.h>

static const struct cql_error_meaning meanings[] = {
    {0x0000, "server error", ERROR_IO, true, CQL_FATE_RETRY_IDEMPOTENT, CQL_KIND_SERVER_FAILURE},
    {0x000a, "protocol error", ERROR_UNSUPPORTED, false, CQL_FATE_FAIL, CQL_KIND_PROTOCOL},
    {0x0100, "authentication failed", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x1000, "too few replicas are alive", ERROR_IO, true, CQL_FATE_RETRY, CQL_KIND_UNAVAILABLE},
    {0x1001, "overloaded", ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT, CQL_KIND_OVERLOADED},
    {0x1002, "the node is still joining the cluster", ERROR_BUSY, true, CQL_FATE_RETRY, CQL_KIND_UNAVAILABLE},
    {0x1003, "truncation failed", ERROR_IO, true, CQL_FATE_FAIL, CQL_KIND_SERVER_FAILURE},
    {0x1100, "write time-out", ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT, CQL_KIND_SERVER_TIMEOUT},
    {0x1200, "read time-out", ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT, CQL_KIND_SERVER_TIMEOUT},
    {0x1300, "read failure", ERROR_IO, true, CQL_FATE_FAIL, CQL_KIND_SERVER_FAILURE},
    {0x1400, "a function failed", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x1500, "write failure", ERROR_IO, true, CQL_FATE_RETRY_IDEMPOTENT, CQL_KIND_SERVER_FAILURE},
    {0x2000, "syntax error", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x2100, "not allowed", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x2200, "invalid request", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x2300, "configuration error", ERROR_INVALID, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x2400, "it exists already", ERROR_EXISTS, false, CQL_FATE_FAIL, CQL_KIND_REFUSED},
    {0x2500, "the statement is not prepared", ERROR_BUSY, true, CQL_FATE_PREPARE, CQL_KIND_UNPREPARED},
};

static const struct cql_error_meaning unknown = {-1,    "unknown error", ERROR_IO,
                                                 false, CQL_FATE_FAIL,   CQL_KIND_PROTOCOL};

const struct cql_error_meaning *cql_error_meaning(int32_t code) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return &unknown;
}

const char *cql_error_kind_name(enum cql_error_kind kind) {
    static const char *const names[CQL_KINDS] = {"connection", "timeout",        "unavailable",
                                                 "overloaded", "server_timeout", "server_failure",
                                                 "unprepared", "refused",        "protocol"};
    return names[kind];
}

/* The text comes from outside: no line breaks or escape sequences on the operator's terminal. */
static void error_copy_text(struct slice from, char *to, size_t room) {
    size_t length = from.length < room - 1 ? from.length : room - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = (unsigned char)from.data[i] < 0x20 || from.data[i] == 0x7f ? ' ' : from.data[i];
    to[length] = 0;
}

int cql_error_set(struct error *error, const char *where, const struct cql_server_error *from) {
    const struct cql_error_meaning *meaning = cql_error_meaning(from->code);
    char text[600], numbers[80] = "";
    error_copy_text(from->text, text, sizeof text);
    if (from->required)
        snprintf(numbers, sizeof numbers, " (%d of %d replicas)", from->received, from->required);
    error_set(error, meaning->error_code, "%s: %s%s: %s [0x%04x]", where, meaning->name, numbers, text,
              (unsigned)from->code);
    if (error)
        error->retriable = meaning->retriable;
    return meaning->error_code;
}

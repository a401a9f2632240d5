/* One connection to one node: a non-blocking socket, TLS and LZ4 where asked for, the handshake, and many requests
 * in flight by stream ids.
 *
 *     CONNECTING -> [SECURING] -> ASKING (OPTIONS) -> STARTING (STARTUP) -> [AUTHENTICATING] -> READY -> FAILED
 *
 * connection_advance is the only function that changes the state; from every state a fault leads to FAILED, which is
 * final. A failed connection keeps its error and its unanswered requests until its owner collects them, so nothing
 * disappears inside a callback. Bounded: CQL_STREAMS_MAXIMUM requests, `output_maximum` bytes waiting to be sent,
 * and frames of at most CQL_BODY_MAXIMUM bytes are read. A request that has timed out leaves its stream id behind
 * until the late answer comes; when half of the ids are gone that way, or the node has said nothing at all for the
 * time of one request, the connection fails. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_CONNECTION_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_CONNECTION_H

#include "core/clock.h"
#include "store/cassandra/cql/cql_address.h"
#include "store/cassandra/cql/cql_request.h"
#include "store/tls.h"

enum { CQL_STREAMS_MAXIMUM = 2048 };

struct cql_connection;

struct cql_connection_settings {
    struct slice user, password;              /* data NULL: none */
    struct tls_context *tls;                  /* NULL: plain */
    bool lz4;                                 /* when the server has it */
    size_t output_maximum;                    /* bytes */
    int64_t connect_timeout, request_timeout; /* ns */
    const struct clock *clock;
};

/* Calls back from cql_connection_service; none may close the connection. */
struct cql_connection_owner {
    void (*answered)(void *context, struct cql_connection *connection, struct cql_request *request,
                     const struct cql_response *response);
    void (*event)(void *context, const struct cql_event *event);
    void *context;
};

/* Begins to connect; `settings` and `owner` must outlive the connection. A refusal may show here or later, in
 * cql_connection_failed. `host` is the name that TLS expects. */
int cql_connection_open(const struct cql_connection_settings *settings, const struct cql_connection_owner *owner,
                        const struct cql_address *address, const char *host, struct cql_connection **ret_connection,
                        struct error *error);
struct cql_connection *cql_connection_close(struct cql_connection *connection);

bool cql_connection_ready(const struct cql_connection *connection);
/* The reason, or NULL while it lives. */
const struct error *cql_connection_failed(const struct cql_connection *connection);
/* Whether another request may be sent now. */
bool cql_connection_has_room(const struct cql_connection *connection);
size_t cql_connection_in_flight(const struct cql_connection *connection);
const char *cql_connection_node(const struct cql_connection *connection); /* "10.0.0.1:9042" */

/* Appends the request to what is to be sent. Only when there is room. False: no memory, and the connection has
 * failed. */
bool cql_connection_send(struct cql_connection *connection, struct cql_request *request);
/* Writes to the socket what waits, as much as it takes. */
void cql_connection_flush(struct cql_connection *connection);

int cql_connection_socket(const struct cql_connection *connection);
short cql_connection_interest(const struct cql_connection *connection); /* POLLIN, POLLOUT */
void cql_connection_service(struct cql_connection *connection, short happened);
/* Fails the connection when the handshake takes too long; hands back requests whose deadline has passed, one at a
 * time, NULL: no more. */
struct cql_request *cql_connection_expire(struct cql_connection *connection, int64_t now);
/* Fails it because its owner wants it gone. */
void cql_connection_retire(struct cql_connection *connection, int code, const char *reason);
/* Of a failed connection: the requests that had no answer, one at a time. */
struct cql_request *cql_connection_reclaim(struct cql_connection *connection);

#endif

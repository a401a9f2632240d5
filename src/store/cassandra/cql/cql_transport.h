/* Bytes to and from a node: a non-blocking socket, its buffers, and TLS between them when asked for.
 *
 *     frames -> [plain -> TLS ->] wire -> socket        socket -> [TLS ->] input -> frames
 *
 * Failures are ERROR_IO and retriable, but for a certificate that is not accepted. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_TRANSPORT_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_TRANSPORT_H

#include "core/bytes.h"
#include "core/error.h"
#include "store/cassandra/cql/cql_address.h"
#include "store/tls.h"
#include <stdbool.h>

struct cql_transport {
    int socket;
    struct tls *tls;    /* NULL: plain */
    bool secured;       /* the TLS handshake is done */
    struct bytes input; /* plain bytes that came */
    struct bytes plain; /* with TLS: bytes that are not encrypted yet */
    struct bytes wire;  /* bytes for the socket; `sent` of them are gone */
    size_t sent;
};

/* Begins to connect; `tls` NULL: plain. The outcome is known when the socket can be written. */
int cql_transport_open(struct cql_transport *transport, const struct cql_address *address, struct tls_context *tls,
                       const char *host, struct error *error);
void cql_transport_close(struct cql_transport *transport); /* wipes the output buffers */

/* Whether the socket is connected; with TLS, the handshake begins. */
int cql_transport_connected(struct cql_transport *transport, struct error *error);

/* Where frames are appended, and how many bytes wait to be sent. */
struct bytes *cql_transport_output(struct cql_transport *transport);
size_t cql_transport_waiting(const struct cql_transport *transport);
int cql_transport_flush(struct cql_transport *transport, struct error *error);

/* One recv. Bytes that came are appended to `input`; *ret_closed: none will come any more. */
int cql_transport_receive(struct cql_transport *transport, bool *ret_closed, struct error *error);
/* Overwrites what has been sent and stands in the buffers still. */
void cql_transport_wipe(struct cql_transport *transport);

#endif

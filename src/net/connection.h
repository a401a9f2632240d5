/* A connection of a server, and the protocol that it speaks: one const struct of functions.
 *
 *     socket ─▶ [PROXY header] ─▶ [TLS] ─▶ protocol.received(bytes) ── connection_write ─▶ output ─▶ socket
 *
 * All functions of a protocol run in the thread of the connection's loop, and so must all calls with a connection. What
 * another thread has to say comes as a message (net/loop.h). Output gathers and is sent at the end of the loop's turn,
 * so answers that are ready together leave together. */
#ifndef METERLINE_NET_CONNECTION_H
#define METERLINE_NET_CONNECTION_H

#include "core/slice.h"
#include "net/address.h"
#include "net/loop.h"
#include <sys/types.h>

struct connection;

struct net_protocol {
    const char *name;  /* "http", in counters and messages */
    size_t state_size; /* of connection_state, zeroed */
    /* Begins; with TLS after the handshake. A negative value closes. NULL: nothing to do. */
    int (*opened)(struct connection *connection);
    /* Takes as many of the bytes as it can use and returns how many; what is left comes again, with more behind it.
     * `bytes` is gone afterwards. -1: no more is read; the connection ends when its output is sent. */
    ssize_t (*received)(struct connection *connection, struct slice bytes);
    /* The peer sends no more. Answers that are under way may still be written; end with connection_end. */
    void (*ended)(struct connection *connection);
    /* The deadline has passed. Write a last word and connection_end, or connection_abort. */
    void (*expired)(struct connection *connection);
    /* The output has been sent, all of it. NULL: nothing to do. */
    void (*sent)(struct connection *connection);
    /* The server drains: begin nothing new, and end when what is under way is answered. */
    void (*drain)(struct connection *connection);
    /* The last call: what refers to the connection from elsewhere must forget it. */
    void (*closed)(struct connection *connection);
};

void *connection_state(struct connection *connection);
/* The `context` of its listener. */
void *connection_context(const struct connection *connection);
struct net_loop *connection_loop(const struct connection *connection);
/* Of the client: that of the PROXY header when there is one. */
const struct net_address *connection_peer(const struct connection *connection);
bool connection_is_secure(const struct connection *connection); /* TLS */
/* Common name of the verified client certificate; length 0: none. Lives as long as the connection. */
struct slice connection_certificate_name(const struct connection *connection);

/* Copies. After a failed allocation the connection is closed at the end of the turn. */
void connection_write(struct connection *connection, struct slice bytes);
size_t connection_unsent(const struct connection *connection); /* bytes of output that wait */
/* Stops reading, or goes on; what was read and not taken then comes again. */
void connection_pause(struct connection *connection, bool paused);
/* Monotonic ms (net_loop_now), INT64_MAX: none. `expired` is called once, up to a quarter of a second later. */
void connection_deadline(struct connection *connection, int64_t at);
/* Sends the output, then closes; what still comes is read and dropped for a moment, so that the peer sees the answer
 * and not a reset. */
void connection_end(struct connection *connection);
/* Closes at the end of the turn, output or not. */
void connection_abort(struct connection *connection);

#endif

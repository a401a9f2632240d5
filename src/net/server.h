/* A server: listeners, and workers that each run a loop. Every worker listens on every address by itself (SO_REUSEPORT), so the
 * kernel spreads the connections and nothing is handed from thread to thread.
 *
 * Limits hold for all workers together: connections in all, connections of one address (IPv6: of one /64), bytes that
 * requests hold in memory. A connection over a limit is closed as soon as it is accepted, and counted. */
#ifndef METERLINE_NET_SERVER_H
#define METERLINE_NET_SERVER_H

#include "core/clock.h"
#include "core/log.h"
#include "net/connection.h"

struct server_tls;

struct net_server_options {
    int workers;
    size_t connections, connections_of_address; /* at most */
    size_t bytes;                               /* at most, of net_loop_hold */
    int64_t head_timeout;                       /* ms: PROXY header and TLS handshake together */
    int64_t send_timeout;                       /* ms without progress of output, then it is closed */
    const struct clock *clock;
    const struct log *log;
};

struct net_listener {
    const char *address; /* HOST:PORT, port 0: any that is free */
    const struct net_protocol *protocol;
    void *context;          /* of the protocol */
    struct server_tls *tls; /* NULL: plain */
    bool proxied;           /* each connection begins with a PROXY header, version 1 or 2 */
};

struct net_counts {
    uint64_t accepted, refused; /* refused: over a limit */
    uint64_t tls_failures, proxy_failures;
    size_t connections, bytes; /* now */
};

struct net_server;

int net_server_open(const struct net_server_options *options, struct net_server **ret_server, struct error *error);
/* Before the start. *ret_bound: with the port that it got. The listener is copied; what it points to outlives the server. */
int net_server_listen(struct net_server *server, const struct net_listener *listener, struct net_address *ret_bound,
                      struct error *error);
int net_server_start(struct net_server *server, struct error *error);
/* Accepts no more, asks every connection to end (net_protocol.drain), and waits until all have, or closes them after
 * `timeout` ms. Workers go on, so that messages are still delivered. */
void net_server_drain(struct net_server *server, int64_t timeout);
/* Ends the workers, after every message that was posted is delivered. NULL is fine; returns NULL. */
struct net_server *net_server_close(struct net_server *server);
void net_server_counts(const struct net_server *server, struct net_counts *ret_counts);

#endif

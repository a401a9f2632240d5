/* A client for Apache Cassandra (CQL native protocol v4): the door of this folder.
 *
 * A cluster handle belongs to one thread, shares nothing with others, and does its work only inside cql_cluster_poll
 * and the calls that say that they wait. The way of a request:
 *
 *     cql_cluster_take         a free slot, or ERROR_BUSY when as much is in flight as the options allow: poll, then try again
 *     cql_request_execute ...  cql_bind_text, cql_bind_double, ...       (cql_request.h)
 *     cql_cluster_submit       goes to a replica of its partition in the local data centre, the one with the least to do
 *     cql_cluster_poll         the callback is called once, with a response (cql_response.h) or an error
 *
 * A request that is idempotent goes to another node, or again to the same one after a while, when the connection
 * breaks, time runs out or the server is overloaded; others only when they have certainly not been executed. A
 * statement that a node has forgotten is prepared there again. Lost connections come back by themselves, with
 * growing pauses. Errors say whether they are retriable. Memory is bounded: requests in flight by number and bytes,
 * frames to 32 MiB, results by the size of their pages. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_CLIENT_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_CLIENT_H

#include "core/clock.h"
#include "core/error.h"
#include "store/cassandra/cql/cql_error.h"
#include "store/cassandra/cql/cql_request.h"
#include "store/cassandra/cql/cql_response.h"
#include "store/tls.h"
#include <stdbool.h>
#include <stdint.h>

struct cql_cluster;

enum { CQL_PORT = 9042, CQL_CONTACTS_MAXIMUM = 32, CQL_CONNECTIONS_MAXIMUM = 8, CQL_LATENCIES = 32 };

struct cql_contact {
    const char *host; /* name or address */
    uint16_t port;    /* 0: CQL_PORT */
};

/* Zero stands for the default in brackets. Strings are copied; the password's copy is overwritten when the cluster
 * is closed. */
struct cql_options {
    const struct cql_contact *contacts; /* any nodes of the cluster; the others are found through them */
    size_t contact_count;
    const char *user, *password; /* NULL: none */
    /* where most requests go: its replication decides the routing; NULL: requests go to any node */
    const char *keyspace;
    const char *data_center;        /* the local one; NULL: that of the node that answers first */
    const struct tls_settings *tls; /* NULL: plain */
    bool lz4;                       /* compress larger frames when the server can */
    unsigned connections;           /* to each node [1] */
    size_t in_flight_maximum;       /* requests [512] */
    size_t in_flight_bytes;         /* [16 MiB] */
    unsigned attempts;              /* of a request that may be repeated [4] */
    int64_t connect_timeout;        /* ms, until a connection is ready [5000] */
    /* ms, of each attempt, and to wait for a connection [12000: longer than the server's own] */
    int64_t request_timeout;
    int64_t reconnect_pause; /* ms, after the first failure; doubles, half of it at random, to at most 30 s [250] */
    uint64_t seed;           /* of the random pauses [from the clock] */
};

struct cql_statistics {
    uint64_t submitted, answered, failed; /* requests of the caller */
    uint64_t retries, prepared_again, connects;
    uint64_t errors[CQL_KINDS]; /* all that were met, also those that a retry mended */
    uint64_t latency
        /* answered requests, [i]: less than 2^i microseconds from submit to answer, not less than 2^(i-1) */
        [CQL_LATENCIES];
    uint64_t latency_sum; /* microseconds */
    uint64_t in_flight, in_flight_bytes;
    uint64_t nodes, nodes_ready; /* of the local data centre */
};

/* Resolves the contacts (blocking) and begins to connect. */
int cql_cluster_open(const struct cql_options *options, const struct clock *clock, struct cql_cluster **ret_cluster,
                     struct error *error);
/* Requests that have no answer get ERROR_INTERRUPTED. */
struct cql_cluster *cql_cluster_close(struct cql_cluster *cluster);

/* Waits until a node is ready and the topology known, at most `timeout` ms. Fails at once when trying again would
 * not help (a wrong password, a certificate that is not accepted, no such data centre); otherwise the error is that
 * of the last attempt, and retriable. */
int cql_cluster_connect(struct cql_cluster *cluster, int64_t timeout, struct error *error);

/* Prepares a statement once; asked again for the same text, gives the same one. Waits. It belongs to the cluster.
 * Not from a callback. */
int cql_cluster_prepare(struct cql_cluster *cluster, const char *text, const struct cql_statement **ret_statement,
                        struct error *error);

/* Runs a statement that changes the schema, then cql_cluster_agree. Waits. Not from a callback. */
int cql_cluster_define(struct cql_cluster *cluster, struct slice text, int64_t timeout, struct error *error);
/* Waits until all nodes that can be reached have the same schema, at most `timeout` ms; then ERROR_BUSY, retriable.
 * Not from a callback. */
int cql_cluster_agree(struct cql_cluster *cluster, int64_t timeout, struct error *error);

int cql_cluster_take(struct cql_cluster *cluster, struct cql_request **ret_request, struct error *error);
/* The slot is given back in any case. After success the callback is called once, from a later poll or from closing;
 * after failure never. Callbacks may take and submit, but neither poll nor close. */
int cql_cluster_submit(struct cql_cluster *cluster, struct cql_request *request, cql_callback *callback, void *context,
                       struct error *error);
/* Submits and polls until this request is answered; `callback` may be NULL. Not from a callback. */
int cql_cluster_run(struct cql_cluster *cluster, struct cql_request *request, cql_callback *callback, void *context,
                    struct error *error);

/* Sends, receives, repeats, reconnects; waits at most `timeout` ms for something to happen. The number of callbacks
 * that were called. */
size_t cql_cluster_poll(struct cql_cluster *cluster, int64_t timeout);

void cql_cluster_statistics(const struct cql_cluster *cluster, struct cql_statistics *ret_statistics);

#endif

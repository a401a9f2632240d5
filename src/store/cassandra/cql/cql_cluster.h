/* Inside of the client; shared by cql_cluster.c (requests), cql_node.c (connections, routing), cql_control.c
 * (topology), cql_statement.c (prepared statements), cql_definition.c (changes of the schema). No other source includes
 * it. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_CLUSTER_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_CLUSTER_H

#include "store/cassandra/cql/cql_client.h"
#include "store/cassandra/cql/cql_connection.h"
#include "store/cassandra/cql/cql_topology.h"
#include <poll.h>

enum { CQL_MILLISECOND = 1000000 /* ns */ };

/* A node that requests may go to. */
struct cql_node {
    struct cql_cluster *cluster;
    struct cql_connection_owner owner; /* context: this node */
    struct cql_address address;
    char *host; /* the name that TLS expects */
    bool local; /* false: no connections */
    struct cql_connection *connections[CQL_CONNECTIONS_MAXIMUM];
    unsigned failures;  /* in a row */
    int64_t retry_at;   /* ns */
    struct error error; /* of the last failure; code 0: none since it was ready */
};

enum cql_control_stage {
    CONTROL_IDLE,
    CONTROL_REGISTER,
    CONTROL_LOCAL,
    CONTROL_PEERS,
    CONTROL_OLD_PEERS,
    CONTROL_KEYSPACE,
    CONTROL_APPLY
};

struct cql_control {
    struct cql_connection *connection; /* through which events come and the topology is read; NULL: to be chosen */
    struct cql_node *node;
    enum cql_control_stage stage; /* of a refresh */
    bool ring;                    /* the partitioner is the one whose tokens are known here */
    int64_t refresh_at;           /* ns; INT64_MAX: nothing has changed */
    struct cql_topology next;
};

struct cql_contact_copy {
    char *host;
    uint16_t port;
};

struct cql_cluster {
    const struct clock *clock;
    struct cql_connection_settings settings;
    char *user, *password, *keyspace, *data_center; /* data_center: the option, or that of the first node */
    struct cql_contact_copy contacts[CQL_CONTACTS_MAXIMUM];
    size_t contact_count;
    unsigned connections, attempts;
    size_t in_flight_maximum, in_flight_bytes;
    int64_t reconnect_pause; /* ns */
    uint64_t random;

    struct cql_node **nodes; /* those of the topology in its order, then contacts that were asked again */
    size_t node_count, node_capacity, next_node;
    struct cql_topology topology;
    bool topology_known;
    struct error fatal;      /* code != 0: no such data centre */
    struct error last_error; /* of a connection */
    int64_t contacts_at;     /* ns: not before then the contacts are resolved again */
    struct cql_control control;

    struct cql_request *free, *all;                   /* slots; all of them linked for closing */
    struct cql_request *waiting_first, *waiting_last; /* for a connection, a pause or a PREPARE */
    struct cql_statement *statements;
    struct cql_request *preparing; /* PREPAREs under way on behalf of others */
    struct bytes key;              /* scratch of partition keys */
    struct pollfd *polled;
    struct cql_connection **polled_connections;
    size_t polled_capacity, polled_connection_capacity;
    int64_t expired_at; /* ns: when deadlines were looked at */
    size_t called;      /* callbacks of this round */
    bool closing;       /* nothing is repeated, and no slot is given out, any more */
    struct cql_statistics statistics;
};

/* cql_cluster.c */
struct cql_request *
cql_cluster_slot(struct cql_cluster *cluster); /* a reset slot, whatever the bounds say; NULL: no memory */
/* For the client's own requests: sent on this connection only, never repeated. The callback gets the error when that
 * fails. */
void cql_cluster_submit_internal(struct cql_cluster *cluster, struct cql_connection *connection,
                                 struct cql_request *request, cql_callback *callback, void *context);
void cql_cluster_answered(struct cql_node *node, struct cql_connection *connection, struct cql_request *request,
                          const struct cql_response *response);
/* The request met `error` at `node`: again, or the callback hears of it. */
void cql_cluster_fault(struct cql_cluster *cluster, struct cql_request *request, const struct cql_node *node,
                       enum cql_fate fate, const struct error *error);
void cql_cluster_wait(struct cql_cluster *cluster, struct cql_request *request); /* puts it after those that wait */
uint64_t cql_cluster_random(struct cql_cluster *cluster);

/* cql_node.c */
struct cql_node *cql_node_make(struct cql_cluster *cluster, const struct cql_address *address,
                               const char *host);       /* not in the list yet; NULL: no memory */
struct cql_node *cql_node_close(struct cql_node *node); /* its requests are retried elsewhere */
/* Opens what is due, collects what failed. */
void cql_node_service(struct cql_node *node, int64_t now);
void cql_node_expire(struct cql_node *node, int64_t now);
bool cql_node_ready(const struct cql_node *node);
/* Where the request goes now; NULL: nowhere. Not to the node that it was tried at, when there is another. */
struct cql_connection *cql_route(struct cql_cluster *cluster, const struct cql_request *request,
                                 struct cql_node **ret_node);
int cql_contacts_add(struct cql_cluster *cluster, struct error *error); /* resolves them */
bool cql_cluster_other_ready(const struct cql_cluster *cluster, const void *but);

/* cql_control.c */
void cql_control_service(struct cql_cluster *cluster, int64_t now);
void cql_control_lost(struct cql_cluster *cluster, const struct cql_connection *connection);
void cql_control_event(struct cql_cluster *cluster, const struct cql_event *event);

/* cql_statement.c */
void cql_statements_release(struct cql_cluster *cluster);
/* The node does not know this id: prepares it there; `request` goes again when that is done. */
void cql_statement_forgotten(struct cql_node *node, struct cql_connection *connection, struct cql_request *request,
                             struct slice id, const struct error *error);

#endif

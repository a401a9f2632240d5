/* Nodes: their connections, the pauses before they are tried again, and which of them a request goes to. */
#include "store/cassandra/cql/cql_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

enum { PAUSE_DOUBLINGS = 10 };
#define PAUSE_LONGEST ((int64_t)30000 * CQL_MILLISECOND)

static void node_answered(void *context, struct cql_connection *connection, struct cql_request *request,
                          const struct cql_response *response) {
    cql_cluster_answered(context, connection, request, response);
}

static void node_event(void *context, const struct cql_event *event) {
    const struct cql_node *node = context;
    cql_control_event(node->cluster, event);
}

struct cql_node *cql_node_make(struct cql_cluster *cluster, const struct cql_address *address, const char *host) {
    struct cql_node *node = memory_zero(1, sizeof *node);
    if (!node || !(node->host = strdup(host))) {
        free(node);
        return NULL;
    }
    node->cluster = cluster;
    node->owner = (struct cql_connection_owner){node_answered, node_event, node};
    node->address = *address;
    node->local = true;
    return node;
}

bool cql_node_ready(const struct cql_node *node) {
    for (unsigned i = 0; i < node->cluster->connections; i++)
        if (node->connections[i] && cql_connection_ready(node->connections[i]))
            return true;
    return false;
}

bool cql_cluster_other_ready(const struct cql_cluster *cluster, const void *but) {
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cluster->nodes[i] != but && cql_node_ready(cluster->nodes[i]))
            return true;
    return false;
}

/* ---- connections ---- */

/* The pause doubles with each failure, and half of it is random, so that many clients do not come back together. */
static void node_failed(struct cql_node *node, const struct error *error) {
    struct cql_cluster *cluster = node->cluster;
    int64_t pause = cluster->reconnect_pause << (node->failures < PAUSE_DOUBLINGS ? node->failures : PAUSE_DOUBLINGS);
    pause = pause > PAUSE_LONGEST ? PAUSE_LONGEST : pause;
    node->failures++;
    node->error = cluster->last_error = *error;
    node->retry_at = clock_monotonic_ns(cluster->clock) + pause / 2 +
                     (int64_t)(cql_cluster_random(cluster) % (uint64_t)(pause / 2 + 1));
    cluster->statistics.errors[CQL_KIND_CONNECTION]++;
}

static void node_open(struct cql_node *node, unsigned index) {
    struct error error = {0};
    node->cluster->statistics.connects++;
    if (cql_connection_open(&node->cluster->settings, &node->owner, &node->address, node->host,
                            &node->connections[index], &error))
        node_failed(node, &error);
}

/* Its requests go elsewhere, when they may. */
static void node_collect(struct cql_node *node, unsigned index) {
    struct cql_connection *connection = node->connections[index];
    struct error error = *cql_connection_failed(connection);
    struct cql_request *request;
    node->connections[index] = NULL; /* first: a callback may submit */
    cql_control_lost(node->cluster, connection);
    while ((request = cql_connection_reclaim(connection)))
        cql_cluster_fault(node->cluster, request, node, CQL_FATE_RETRY_IDEMPOTENT, &error);
    cql_connection_close(connection);
}

void cql_node_service(struct cql_node *node, int64_t now) {
    for (unsigned i = 0; i < node->cluster->connections; i++) {
        struct cql_connection *connection = node->connections[i];
        if (connection && cql_connection_failed(connection)) {
            node_failed(node, cql_connection_failed(connection));
            node_collect(node, i);
        } else if (connection && cql_connection_ready(connection)) {
            node->failures = 0;
            node->error.code = 0;
        } else if (!connection && node->local && now >= node->retry_at && !node->cluster->closing) {
            node_open(node, i);
        }
    }
}

void cql_node_expire(struct cql_node *node, int64_t now) {
    struct error error;
    struct cql_request *request;
    for (unsigned i = 0; i < node->cluster->connections; i++) {
        struct cql_connection *connection = node->connections[i];
        while (connection && (request = cql_connection_expire(connection, now))) {
            error_set(&error, ERROR_BUSY, "Cassandra at %s did not answer a request in %lld ms",
                      cql_connection_node(connection),
                      (long long)(node->cluster->settings.request_timeout / CQL_MILLISECOND));
            node->cluster->statistics.errors[CQL_KIND_TIMEOUT]++;
            cql_cluster_fault(node->cluster, request, node, CQL_FATE_RETRY_IDEMPOTENT, &error);
        }
    }
}

struct cql_node *cql_node_close(struct cql_node *node) {
    bool closing = node->cluster->closing;
    for (unsigned i = 0; i < node->cluster->connections; i++)
        if (node->connections[i]) {
            cql_connection_retire(node->connections[i], closing ? ERROR_INTERRUPTED : ERROR_IO,
                                  closing ? "closed by this program" : "the node has left the cluster");
            node_collect(node, i);
        }
    free(node->host);
    free(node);
    return NULL;
}

/* ---- the contacts ---- */

static int contacts_add_address(struct cql_cluster *cluster, const struct cql_address *address, const char *host,
                                struct error *error) {
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cql_address_equal(&cluster->nodes[i]->address, address))
            return 0;
    if (!memory_reserve((void **)&cluster->nodes, &cluster->node_capacity, cluster->node_count + 1,
                        sizeof *cluster->nodes))
        return error_no_memory(error);
    struct cql_node *node = cql_node_make(cluster, address, host);
    if (!node)
        return error_no_memory(error);
    cluster->nodes[cluster->node_count++] = node;
    return 0;
}

/* Good when one of them has an address; otherwise the error of the last. */
int cql_contacts_add(struct cql_cluster *cluster, struct error *error) {
    int status = 0;
    size_t found = 0;
    for (size_t i = 0; i < cluster->contact_count; i++) {
        struct cql_address addresses[8];
        size_t count;
        int result =
            cql_address_resolve(cluster->contacts[i].host, cluster->contacts[i].port, addresses, 8, &count, error);
        for (size_t a = 0; !result && a < count; a++)
            result = contacts_add_address(cluster, &addresses[a], cluster->contacts[i].host, error);
        if (result == ERROR_NO_MEMORY)
            return result;
        status = result ? result : status;
        found += !result;
    }
    return found ? 0 : status;
}

/* ---- routing ---- */

static struct cql_connection *route_in_node(const struct cql_node *node) {
    struct cql_connection *best = NULL;
    for (unsigned i = 0; i < node->cluster->connections; i++) {
        struct cql_connection *connection = node->connections[i];
        if (connection && cql_connection_has_room(connection) &&
            (!best || cql_connection_in_flight(connection) < cql_connection_in_flight(best)))
            best = connection;
    }
    return best;
}

/* Of the replicas, the one with the least to do. */
static struct cql_connection *route_to_replica(struct cql_cluster *cluster, const struct cql_request *request,
                                               struct cql_node **ret_node) {
    uint32_t replicas[CQL_REPLICAS_MAXIMUM];
    size_t count = request->has_token ? cql_topology_replicas(&cluster->topology, request->token, replicas) : 0;
    struct cql_connection *best = NULL;
    for (size_t i = 0; i < count; i++) {
        struct cql_node *node = cluster->nodes[replicas[i]];
        struct cql_connection *connection = node == request->tried ? NULL : route_in_node(node);
        if (connection && (!best || cql_connection_in_flight(connection) < cql_connection_in_flight(best))) {
            best = connection;
            *ret_node = node;
        }
    }
    return best;
}

/* Any node, each beginning with the next one. */
static struct cql_connection *route_round(struct cql_cluster *cluster, const void *tried, struct cql_node **ret_node) {
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct cql_node *node = cluster->nodes[(cluster->next_node + i) % cluster->node_count];
        struct cql_connection *connection = node == tried ? NULL : route_in_node(node);
        if (connection) {
            cluster->next_node = (cluster->next_node + i + 1) % cluster->node_count;
            *ret_node = node;
            return connection;
        }
    }
    return NULL;
}

struct cql_connection *cql_route(struct cql_cluster *cluster, const struct cql_request *request,
                                 struct cql_node **ret_node) {
    struct cql_connection *connection = route_to_replica(cluster, request, ret_node);
    if (!connection)
        connection = route_round(cluster, request->tried, ret_node);
    if (!connection && request->tried)
        connection = route_round(cluster, NULL, ret_node);
    return connection;
}

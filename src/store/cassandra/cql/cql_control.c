/* The topology of the cluster: read through one of the connections, which is also told of changes.
 *
 *     REGISTER -> system.local -> system.peers_v2 [-> system.peers, before Cassandra 4] -> system_schema.keyspaces -> apply
 *
 * Each answer asks the next question; a failure ends the refresh, which begins again after a pause. The new topology
 * is put in place from cql_control_service only, never inside a callback, because nodes that have left are closed
 * then. */
#include "store/cassandra/cql/cql_cluster.h"

#include <stdlib.h>

#include "core/memory.h"

#define REFRESH_PAUSE                                                                                                  \
    ((int64_t)1000 *                                                                                                   \
     CQL_MILLISECOND) /* after an event: a node that is "UP" needs a moment (native_protocol_v4.spec, 4.2.6) */
#define CONTACTS_PAUSE ((int64_t)10000 * CQL_MILLISECOND)

static void control_step(void *context, const struct cql_response *response, const struct error *error);

static void control_refresh_later(struct cql_cluster *cluster) {
    int64_t at = clock_monotonic_ns(cluster->clock) + REFRESH_PAUSE;
    if (cluster->control.refresh_at > at)
        cluster->control.refresh_at = at;
}

static void control_fail(struct cql_cluster *cluster, const struct error *error) {
    cluster->last_error = *error;
    cluster->control.stage = CONTROL_IDLE;
    control_refresh_later(cluster);
}

/* ---- questions ---- */

static void control_ask(struct cql_cluster *cluster, enum cql_control_stage stage) {
    static const char *const questions[] = {
        [CONTROL_LOCAL] = "SELECT data_center, rack, tokens, partitioner FROM system.local WHERE key = 'local'",
        [CONTROL_PEERS] = "SELECT native_address, native_port, data_center, rack, tokens FROM system.peers_v2",
        [CONTROL_OLD_PEERS] = "SELECT rpc_address, peer, data_center, rack, tokens FROM system.peers",
        [CONTROL_KEYSPACE] = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
    };
    static const struct slice events[] = {{"TOPOLOGY_CHANGE", 15}, {"STATUS_CHANGE", 13}, {"SCHEMA_CHANGE", 13}};
    cluster->control.stage = stage;
    struct cql_request *request = cql_cluster_slot(cluster);
    struct error error;
    if (!request) {
        error_no_memory(&error);
        control_fail(cluster, &error);
        return;
    }
    request->consistency = CQL_ONE;
    if (stage == CONTROL_REGISTER)
        cql_request_register(request, events, sizeof events / sizeof *events);
    else
        cql_request_query(request, slice_of(questions[stage]));
    if (stage == CONTROL_KEYSPACE)
        cql_bind_bytes(request, slice_of(cluster->keyspace));
    cql_cluster_submit_internal(cluster, cluster->control.connection, request, control_step, cluster);
}

static void control_ask_keyspace(struct cql_cluster *cluster) {
    if (cluster->keyspace)
        control_ask(cluster, CONTROL_KEYSPACE);
    else
        cluster->control.stage = CONTROL_APPLY;
}

/* ---- answers ---- */

static int control_read_local(struct cql_cluster *cluster, struct cql_rows *rows, struct error *error) {
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    static const char name[] = "Murmur3Partitioner";
    enum { NAME = sizeof name - 1 };
    if (rows->columns.count < 4 || !cql_rows_next(rows, cells))
        return error_set(error, ERROR_CORRUPT, "Cassandra's table system.local is empty");
    struct slice partitioner = cells[3];
    cluster->control.ring =
        partitioner.length >= NAME && memcmp(partitioner.data + partitioner.length - NAME, name, NAME) == 0;
    if (!cluster->data_center && !(cluster->data_center = strndup(cells[0].data ? cells[0].data : "", cells[0].length)))
        return error_no_memory(error);
    return cql_topology_add(&cluster->control.next, &cluster->control.node->address, cells[0], cells[1],
                            cluster->control.ring ? cells[2] : (struct slice){NULL, 0}, error);
}

static bool control_knows(const struct cql_topology *topology, const struct cql_address *address) {
    for (size_t i = 0; i < topology->node_count; i++)
        if (cql_address_equal(&topology->nodes[i].address, address))
            return true;
    return false;
}

/* Where a peer takes requests. The old table has no port: all nodes have the same one; and an address of zeros
 * stands for the peer's own. */
static bool control_peer_address(const struct cql_cluster *cluster, const struct slice *cells,
                                 struct cql_address *ret_address) {
    int64_t port = cluster->control.node->address.port;
    if (cluster->control.stage == CONTROL_PEERS && !cql_cell_integer(cells[1], &port))
        return false;
    if (port <= 0 || port > UINT16_MAX || !cql_address_of(cells[0], (uint16_t)port, ret_address))
        return false;
    if (cluster->control.stage == CONTROL_OLD_PEERS && cql_address_is_any(ret_address))
        return cql_address_of(cells[1], (uint16_t)port, ret_address);
    return true;
}

/* A peer that is only half known (it is joining or leaving) is left out. */
static int control_read_peers(struct cql_cluster *cluster, struct cql_rows *rows, struct error *error) {
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    struct cql_topology *next = &cluster->control.next;
    if (rows->columns.count < 5)
        return error_set(error, ERROR_CORRUPT, "Cassandra's table of peers has another shape than asked for");
    while (cql_rows_next(rows, cells)) {
        struct cql_address address;
        if (!cells[2].data || !control_peer_address(cluster, cells, &address) || control_knows(next, &address))
            continue;
        int status = cql_topology_add(next, &address, cells[2], cells[3],
                                      cluster->control.ring ? cells[4] : (struct slice){NULL, 0}, error);
        if (status)
            return status;
    }
    return 0;
}

static int control_read_keyspace(struct cql_cluster *cluster, struct cql_rows *rows, struct error *error) {
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    if (rows->columns.count < 1 || !cql_rows_next(rows, cells))
        return 0; /* not there yet: every node is as good */
    return cql_topology_replicate(&cluster->control.next, cells[0], error);
}

static int control_read(struct cql_cluster *cluster, const struct cql_response *response, struct error *error) {
    enum cql_control_stage stage = cluster->control.stage;
    if (stage == CONTROL_REGISTER)
        return 0;
    if (response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS)
        return error_set(error, ERROR_CORRUPT, "Cassandra answered a question about its topology without rows");
    struct cql_rows rows = response->rows;
    return stage == CONTROL_LOCAL      ? control_read_local(cluster, &rows, error)
           : stage == CONTROL_KEYSPACE ? control_read_keyspace(cluster, &rows, error)
                                       : control_read_peers(cluster, &rows, error);
}

/* The transitions of a refresh. */
static void control_step(void *context, const struct cql_response *response, const struct error *error) {
    struct cql_cluster *cluster = context;
    struct error damage;
    enum cql_control_stage stage = cluster->control.stage;
    if (error && stage == CONTROL_PEERS && error->code == ERROR_INVALID)
        control_ask(cluster, CONTROL_OLD_PEERS); /* there is no such table */
    else if (error)
        control_fail(cluster, error);
    else if (control_read(cluster, response, &damage))
        control_fail(cluster, &damage);
    else if (stage == CONTROL_REGISTER)
        control_ask(cluster, CONTROL_LOCAL);
    else if (stage == CONTROL_LOCAL)
        control_ask(cluster, CONTROL_PEERS);
    else if (stage == CONTROL_PEERS || stage == CONTROL_OLD_PEERS)
        control_ask_keyspace(cluster);
    else
        cluster->control.stage = CONTROL_APPLY;
}

/* ---- putting a topology in place ---- */

static struct cql_node *control_find_node(const struct cql_cluster *cluster, const struct cql_address *address) {
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cql_address_equal(&cluster->nodes[i]->address, address))
            return cluster->nodes[i];
    return NULL;
}

static bool control_has_node(struct cql_node *const *nodes, size_t count, const struct cql_node *node) {
    for (size_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

/* The nodes of the new topology in its order, those that are known already among them. NULL: no memory. */
static struct cql_node **control_make_nodes(struct cql_cluster *cluster, const struct cql_topology *topology) {
    struct cql_node **nodes = memory_zero(topology->node_count, sizeof *nodes);
    for (size_t i = 0; nodes && i < topology->node_count; i++) {
        char host[CQL_ADDRESS_TEXT];
        cql_address_write_host(&topology->nodes[i].address, host);
        nodes[i] = control_find_node(cluster, &topology->nodes[i].address);
        if (!nodes[i])
            nodes[i] = cql_node_make(cluster, &topology->nodes[i].address, host);
        if (nodes[i])
            continue;
        while (i--)
            if (!control_has_node(cluster->nodes, cluster->node_count, nodes[i]))
                cql_node_close(nodes[i]);
        free(nodes);
        return NULL;
    }
    return nodes;
}

/* First everything is as it will be, then the nodes that have left are closed: the callbacks of their requests may
 * submit. */
static void control_replace(struct cql_cluster *cluster, struct cql_node **nodes) {
    struct cql_node **old = cluster->nodes;
    size_t old_count = cluster->node_count;
    cql_topology_release(&cluster->topology);
    cluster->topology = cluster->control.next;
    cluster->control.next = (struct cql_topology){0};
    cluster->nodes = nodes;
    cluster->node_count = cluster->node_capacity = cluster->topology.node_count;
    cluster->next_node = 0;
    cluster->topology_known = true;
    cluster->fatal.code = 0;
    for (size_t i = 0; i < cluster->node_count; i++)
        nodes[i]->local = cluster->topology.nodes[i].local;
    for (size_t i = 0; i < old_count; i++)
        if (!control_has_node(nodes, cluster->node_count, old[i]))
            cql_node_close(old[i]);
    free(old);
    for (size_t i = 0; i < cluster->node_count; i++)
        for (unsigned c = 0; c < cluster->connections && !nodes[i]->local; c++)
            if (nodes[i]->connections[c])
                cql_connection_retire(nodes[i]->connections[c], ERROR_IO, "the node is not in the local data centre");
}

static void control_apply(struct cql_cluster *cluster) {
    struct error error;
    struct cql_node **nodes;
    cluster->control.stage = CONTROL_IDLE;
    if (cql_topology_seal(&cluster->control.next, slice_of(cluster->data_center), &error)) {
        if (!cluster->topology_known)
            cluster->fatal = error;
        control_fail(cluster, &error);
    } else if (!(nodes = control_make_nodes(cluster, &cluster->control.next))) {
        error_no_memory(&error);
        control_fail(cluster, &error);
    } else {
        control_replace(cluster, nodes);
    }
}

/* ---- when ---- */

static void control_choose(struct cql_cluster *cluster) {
    for (size_t i = 0; i < cluster->node_count; i++)
        for (unsigned c = 0; c < cluster->connections; c++) {
            struct cql_connection *connection = cluster->nodes[i]->connections[c];
            if (connection && cql_connection_ready(connection)) {
                cluster->control.connection = connection;
                cluster->control.node = cluster->nodes[i];
                cluster->control.refresh_at = INT64_MAX;
                cql_topology_release(&cluster->control.next);
                control_ask(cluster, CONTROL_REGISTER);
                return;
            }
        }
}

/* No node answers: their addresses may all be new ones. */
static void control_ask_contacts(struct cql_cluster *cluster, int64_t now) {
    if (now < cluster->contacts_at || !cluster->topology_known || cql_cluster_other_ready(cluster, NULL))
        return;
    cluster->contacts_at = now + CONTACTS_PAUSE;
    cql_contacts_add(cluster, &cluster->last_error);
}

void cql_control_service(struct cql_cluster *cluster, int64_t now) {
    struct cql_control *control = &cluster->control;
    if (control->stage == CONTROL_APPLY) {
        control_apply(cluster);
    } else if (!control->connection) {
        control_choose(cluster);
        if (!control->connection)
            control_ask_contacts(cluster, now);
    } else if (control->stage == CONTROL_IDLE && now >= control->refresh_at) {
        control->refresh_at = INT64_MAX;
        cql_topology_release(&control->next);
        control_ask(cluster, CONTROL_REGISTER);
    }
}

void cql_control_lost(struct cql_cluster *cluster, const struct cql_connection *connection) {
    if (cluster->control.connection != connection)
        return;
    cluster->control.connection = NULL;
    cluster->control.node = NULL;
    cluster->control.stage = CONTROL_IDLE;
    cluster->control.refresh_at = INT64_MAX;
}

void cql_control_event(struct cql_cluster *cluster, const struct cql_event *event) {
    bool schema = slice_equal(event->type, SLICE("SCHEMA_CHANGE"));
    if (schema && (!cluster->keyspace || !slice_equal(event->target, SLICE("KEYSPACE")) ||
                   !slice_equal(event->keyspace, slice_of(cluster->keyspace))))
        return;
    control_refresh_later(cluster);
    struct cql_address address;
    if (schema || !slice_equal(event->change, SLICE("UP")) ||
        !cql_address_of(event->address, (uint16_t)event->port, &address))
        return;
    struct cql_node *node = control_find_node(cluster, &address);
    int64_t soon = clock_monotonic_ns(cluster->clock) + REFRESH_PAUSE;
    if (node && node->retry_at > soon)
        node->retry_at = soon;
}

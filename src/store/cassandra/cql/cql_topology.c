/* Nodes and tokens are gathered, then sealed: tokens are sorted, each entry gets its replicas. Look-ups search by
 * halves. */
#include "store/cassandra/cql/cql_topology.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/number.h"
#include "store/cassandra/cql/cql_value.h"

void cql_topology_release(struct cql_topology *topology) {
    arena_release(&topology->arena);
    free(topology->nodes);
    free(topology->ring);
    free(topology->data_centers);
    *topology = (struct cql_topology){0};
}

static int topology_add_tokens(struct cql_topology *topology, uint32_t node, struct slice tokens, struct error *error) {
    struct cql_reader reader;
    uint32_t count;
    if (!tokens.data)
        return 0;
    if (!cql_cell_collection(tokens, 1, &reader, &count) || topology->ring_count + count > CQL_TOKENS_MAXIMUM)
        return error_set(error, ERROR_CORRUPT, "the tokens of a node cannot be read: more than %d, or damaged",
                         CQL_TOKENS_MAXIMUM);
    if (!memory_reserve((void **)&topology->ring, &topology->ring_capacity, topology->ring_count + count,
                        sizeof *topology->ring))
        return error_no_memory(error);
    for (; count; count--) {
        struct cql_ring_entry entry = {.node = node};
        struct slice text = cql_read_bytes(&reader);
        if (!text.data || !number_read_integer(text, &entry.token))
            return error_set(error, ERROR_CORRUPT, "a token of a node is not a number: %.*s",
                             (int)(text.length < 80 ? text.length : 80), text.data ? text.data : "");
        topology->ring[topology->ring_count++] = entry;
    }
    return 0;
}

int cql_topology_add(struct cql_topology *topology, const struct cql_address *address, struct slice data_center,
                     struct slice rack, struct slice tokens, struct error *error) {
    if (topology->node_count >= CQL_NODES_MAXIMUM)
        return error_set(error, ERROR_UNSUPPORTED, "the cluster has more than %d nodes", CQL_NODES_MAXIMUM);
    if (!memory_reserve((void **)&topology->nodes, &topology->node_capacity, topology->node_count + 1,
                        sizeof *topology->nodes))
        return error_no_memory(error);
    struct cql_topology_node node = {.address = *address,
                                     .data_center =
                                         arena_copy(&topology->arena, data_center.data ? data_center : SLICE("")),
                                     .rack = arena_copy(&topology->arena, rack.data ? rack : SLICE(""))};
    if (!node.data_center.data || !node.rack.data)
        return error_no_memory(error);
    int status = topology_add_tokens(topology, (uint32_t)topology->node_count, tokens, error);
    if (!status)
        topology->nodes[topology->node_count++] = node;
    return status;
}

static bool topology_ends_with(struct slice text, struct slice end) {
    return text.length >= end.length && memcmp(text.data + text.length - end.length, end.data, end.length) == 0;
}

/* "3", or "3/1" with transient replicas: the number of replicas. */
static uint32_t topology_factor(struct slice text) {
    const char *slash = text.length ? memchr(text.data, '/', text.length) : NULL;
    int64_t factor;
    if (slash)
        text.length = (size_t)(slash - text.data);
    return number_read_integer(text, &factor) && factor > 0 && factor <= CQL_NODES_MAXIMUM ? (uint32_t)factor : 0;
}

/* One entry of the map. In a simple strategy the factor's name is replication_factor, in a network strategy a data
 * centre's. */
static int topology_replicate_entry(struct cql_topology *topology, struct slice name, struct slice value,
                                    struct error *error) {
    if (slice_equal(name, SLICE("class"))) {
        topology->replication = topology_ends_with(value, SLICE("NetworkTopologyStrategy")) ? CQL_REPLICATION_NETWORK
                                : topology_ends_with(value, SLICE("SimpleStrategy"))        ? CQL_REPLICATION_SIMPLE
                                                                                            : CQL_REPLICATION_NONE;
        return 0;
    }
    if (!memory_reserve((void **)&topology->data_centers, &topology->data_center_capacity,
                        topology->data_center_count + 1, sizeof *topology->data_centers))
        return error_no_memory(error);
    struct slice copy = arena_copy(&topology->arena, name);
    if (!copy.data)
        return error_no_memory(error);
    topology->data_centers[topology->data_center_count++] = (struct cql_data_center){copy, topology_factor(value)};
    return 0;
}

int cql_topology_replicate(struct cql_topology *topology, struct slice replication, struct error *error) {
    struct cql_reader reader;
    uint32_t count;
    if (!cql_cell_collection(replication, 2, &reader, &count))
        return error_set(error, ERROR_CORRUPT, "the replication of the keyspace cannot be read");
    for (; count; count--) {
        struct slice name = cql_read_bytes(&reader), value = cql_read_bytes(&reader);
        if (!name.data || !value.data)
            return error_set(error, ERROR_CORRUPT, "the replication of the keyspace cannot be read");
        int status = topology_replicate_entry(topology, name, value, error);
        if (status)
            return status;
    }
    return 0;
}

static int topology_compare(const void *left, const void *right) {
    const struct cql_ring_entry *a = left, *b = right;
    return (a->token > b->token) - (a->token < b->token);
}

static int topology_no_such_data_center(const struct cql_topology *topology, struct slice wanted, struct error *error) {
    char names[300] = "";
    size_t length = 0;
    for (size_t i = 0; i < topology->node_count && length < sizeof names; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen |= slice_equal(topology->nodes[i].data_center, topology->nodes[j].data_center);
        if (!seen)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%.*s", length ? ", " : "",
                                       (int)topology->nodes[i].data_center.length, topology->nodes[i].data_center.data);
    }
    return error_set(error, ERROR_INVALID, "no node of Cassandra is in the data centre %.*s; there are: %s",
                     (int)wanted.length, wanted.data, names);
}

/* Marks the local nodes and numbers their racks. */
static size_t topology_mark_local(struct cql_topology *topology, struct slice data_center) {
    size_t local = 0;
    topology->rack_count = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        struct cql_topology_node *node = &topology->nodes[i];
        node->local = slice_equal(node->data_center, data_center);
        if (!node->local)
            continue;
        local++;
        node->rack_number = topology->rack_count;
        for (size_t j = 0; j < i; j++)
            if (topology->nodes[j].local && slice_equal(topology->nodes[j].rack, node->rack))
                node->rack_number = topology->nodes[j].rack_number;
        topology->rack_count += node->rack_number == topology->rack_count;
    }
    return local;
}

int cql_topology_seal(struct cql_topology *topology, struct slice data_center, struct error *error) {
    size_t local = topology_mark_local(topology, data_center);
    if (!local)
        return topology_no_such_data_center(topology, data_center, error);
    struct slice name = topology->replication == CQL_REPLICATION_NETWORK ? data_center : SLICE("replication_factor");
    size_t nodes = topology->replication == CQL_REPLICATION_NETWORK ? local : topology->node_count;
    topology->factor = 0;
    for (size_t i = 0; i < topology->data_center_count; i++)
        if (slice_equal(topology->data_centers[i].name, name))
            topology->factor = topology->data_centers[i].factor;
    if (topology->factor > nodes)
        topology->factor = (uint32_t)nodes;
    if (topology->ring_count)
        qsort(topology->ring, topology->ring_count, sizeof *topology->ring, topology_compare);
    return 0;
}

/* The first entry whose token is not below; after the last one the ring begins again. */
static size_t topology_owner(const struct cql_topology *topology, int64_t token) {
    size_t low = 0, high = topology->ring_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (topology->ring[middle].token < token)
            low = middle + 1;
        else
            high = middle;
    }
    return low < topology->ring_count ? low : 0;
}

static bool topology_has(const uint32_t *nodes, size_t count, uint32_t node) {
    for (size_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

static bool topology_has_rack(const struct cql_topology *topology, const uint32_t *nodes, size_t count, uint32_t rack) {
    for (size_t i = 0; i < count; i++)
        if (topology->nodes[nodes[i]].rack_number == rack)
            return true;
    return false;
}

size_t cql_topology_replicas(const struct cql_topology *topology, int64_t token, uint32_t nodes[CQL_REPLICAS_MAXIMUM]) {
    if (topology->replication == CQL_REPLICATION_NONE || !topology->factor || !topology->ring_count)
        return 0;
    bool network = topology->replication == CQL_REPLICATION_NETWORK;
    uint32_t factor = topology->factor < CQL_REPLICAS_MAXIMUM ? topology->factor : CQL_REPLICAS_MAXIMUM;
    int64_t repeats = (int64_t)topology->factor - topology->rack_count; /* replicas that may share a rack */
    size_t found = 0, at = topology_owner(topology, token);
    for (size_t steps = 0; steps < topology->ring_count && found < factor;
         steps++, at = at + 1 < topology->ring_count ? at + 1 : 0) {
        uint32_t node = topology->ring[at].node;
        if ((network && !topology->nodes[node].local) || topology_has(nodes, found, node))
            continue;
        if (network && topology_has_rack(topology, nodes, found, topology->nodes[node].rack_number) && repeats-- <= 0)
            continue;
        nodes[found++] = node;
    }
    size_t local = 0; /* a simple strategy knows no data centres */
    for (size_t i = 0; i < found; i++)
        if (topology->nodes[nodes[i]].local)
            nodes[local++] = nodes[i];
    return local;
}

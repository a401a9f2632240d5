/* What a cluster looks like: its nodes, who owns which tokens, and which nodes hold the replicas of a partition.
 *
 * Tokens lie on a ring; a node with the token t owns the keys whose token is in (the token before t, t]. The
 * replicas of a key are found by walking the ring from there:
 *   SimpleStrategy: the first `factor` different nodes;
 *   NetworkTopologyStrategy, for each data centre: the first `factor` different nodes of it, of racks not met before as long as
 *   there are such racks for the replicas still to be found.
 * Only replicas in the local data centre are given: requests go nowhere else. Filled from the tables system.local,
 * system.peers and system_schema.keyspaces; sealed once, then only read. Bounded: CQL_NODES_MAXIMUM nodes,
 * CQL_TOKENS_MAXIMUM tokens. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_TOPOLOGY_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_TOPOLOGY_H

#include "core/arena.h"
#include "core/error.h"
#include "store/cassandra/cql/cql_address.h"
#include <stdbool.h>
#include <stdint.h>

enum { CQL_NODES_MAXIMUM = 1000, CQL_TOKENS_MAXIMUM = 1 << 20, CQL_REPLICAS_MAXIMUM = 16 };

struct cql_topology_node {
    struct cql_address address;
    struct slice data_center, rack; /* in the topology's arena */
    bool local;                     /* in the data centre that cql_topology_seal was told */
    uint32_t rack_number;           /* among the racks of the local data centre */
};

struct cql_ring_entry {
    int64_t token;
    uint32_t node;
};

enum cql_replication { CQL_REPLICATION_NONE, CQL_REPLICATION_SIMPLE, CQL_REPLICATION_NETWORK };

struct cql_data_center {
    struct slice name;
    uint32_t factor;
};

struct cql_topology {
    struct arena arena;
    struct cql_topology_node *nodes;
    size_t node_count, node_capacity;
    struct cql_ring_entry *ring;
    size_t ring_count, ring_capacity;
    enum cql_replication replication;
    struct cql_data_center *data_centers; /* of a network strategy; of a simple one, one without a name */
    size_t data_center_count, data_center_capacity;
    uint32_t factor, rack_count; /* of the local data centre, or of the simple strategy: set by sealing */
};

void cql_topology_release(struct cql_topology *topology);

/* `tokens`: a set<text> cell, or null. Everything is copied. */
int cql_topology_add(struct cql_topology *topology, const struct cql_address *address, struct slice data_center,
                     struct slice rack, struct slice tokens, struct error *error);
/* `replication`: a map<text, text> cell of system_schema.keyspaces. Strategies that are not known leave every node
 * equally good. */
int cql_topology_replicate(struct cql_topology *topology, struct slice replication, struct error *error);
/* ERROR_INVALID: no node is in `data_center`; the message names those there are. */
int cql_topology_seal(struct cql_topology *topology, struct slice data_center, struct error *error);

/* Indexes of the local nodes that hold the token, the first replica first; 0: not known, or all nodes are as good. */
size_t cql_topology_replicas(const struct cql_topology *topology, int64_t token, uint32_t nodes[CQL_REPLICAS_MAXIMUM]);

#endif

/* Statements that change the schema. They go to the ready node with the smallest address, so that programs that make
 * the same table at the same time stand in one queue: nodes that make a table of one name on their own give it
 * different ids. Then, and whenever it is asked for, the nodes are waited for until all of them have the same schema
 * (system.local, schema_version): a node that lacks a table refuses what is prepared on it.
 *
 * A node that cannot be reached is not waited for: it takes the schema over before it takes requests again. */
#include <string.h>

#include "store/cassandra/cql/cql_cluster.h"

enum { POLL_MS = 5, AGAIN_MS = 50, VERSION_SIZE = 16 };

struct definition_answer {
    bool done;
    int status;
    struct error *error;
};

static void definition_answered(void *context, const struct cql_response *response, const struct error *error) {
    struct definition_answer *answer = context;
    (void)response;
    answer->done = true;
    answer->status = error ? error->code : 0;
    if (error && answer->error)
        *answer->error = *error;
}

static struct cql_connection *definition_connection(const struct cql_node *node) {
    for (unsigned i = 0; i < node->cluster->connections; i++)
        if (node->connections[i] && cql_connection_ready(node->connections[i]) &&
            cql_connection_has_room(node->connections[i]))
            return node->connections[i];
    return NULL;
}

static int definition_compare(const struct cql_address *a, const struct cql_address *b) {
    int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

static struct cql_connection *definition_place(const struct cql_cluster *cluster) {
    const struct cql_node *first = NULL;
    for (size_t i = 0; i < cluster->node_count; i++)
        if (definition_connection(cluster->nodes[i]) &&
            (!first || definition_compare(&cluster->nodes[i]->address, &first->address) < 0))
            first = cluster->nodes[i];
    return first ? definition_connection(first) : NULL;
}

/* Every local node is ready, or has failed. */
static bool definition_all_known(const struct cql_cluster *cluster) {
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cluster->nodes[i]->local && !cql_node_ready(cluster->nodes[i]) && !cluster->nodes[i]->failures)
            return false;
    return true;
}

static int definition_run(struct cql_cluster *cluster, struct slice text, int64_t end, struct error *error) {
    struct definition_answer answer = {.error = error};
    while (!definition_all_known(cluster) && clock_monotonic_ns(cluster->clock) < end)
        cql_cluster_poll(cluster, POLL_MS);
    struct cql_connection *connection = definition_place(cluster);
    struct cql_request *request = connection ? cql_cluster_slot(cluster) : NULL;
    if (!connection) {
        error_set(error, ERROR_IO, "no node of Cassandra is connected");
        if (error)
            error->retriable = true;
        return ERROR_IO;
    }
    if (!request)
        return error_no_memory(error);
    request->consistency = CQL_ONE;
    cql_request_query(request, text);
    cql_cluster_submit_internal(cluster, connection, request, definition_answered, &answer);
    while (!answer.done)
        cql_cluster_poll(cluster, POLL_MS);
    return answer.status;
}

/* ---- agreement ---- */

struct agreement {
    size_t waiting;
    bool known, differ;
    char version[VERSION_SIZE];
    struct error error; /* of a node that did not answer; code 0: none */
};

static void agreement_answered(void *context, const struct cql_response *response, const struct error *error) {
    struct agreement *agreement = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    agreement->waiting--;
    if (error) {
        agreement->error = *error;
        return;
    }
    struct cql_rows rows = response->rows;
    bool good = response->opcode == CQL_RESULT && response->kind == CQL_RESULT_ROWS && cql_rows_next(&rows, cells) &&
                cells[0].data && cells[0].length == VERSION_SIZE;
    if (!good) {
        error_set(&agreement->error, ERROR_CORRUPT, "Cassandra's table system.local has no version of the schema");
        return;
    }
    agreement->differ |= agreement->known && memcmp(agreement->version, cells[0].data, VERSION_SIZE) != 0;
    agreement->known = true;
    memcpy(agreement->version, cells[0].data, VERSION_SIZE);
}

/* Asks all nodes that are ready. */
static int agreement_ask(struct cql_cluster *cluster, struct agreement *agreement, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < cluster->node_count && !status; i++) {
        struct cql_connection *connection = definition_connection(cluster->nodes[i]);
        struct cql_request *request = connection ? cql_cluster_slot(cluster) : NULL;
        if (!connection)
            continue;
        if (!request) {
            status = error_no_memory(error);
            continue;
        }
        request->consistency = CQL_ONE;
        cql_request_query(request, SLICE("SELECT schema_version FROM system.local"));
        agreement->waiting++;
        cql_cluster_submit_internal(cluster, connection, request, agreement_answered, agreement);
    }
    while (agreement->waiting)
        cql_cluster_poll(cluster, POLL_MS);
    return status;
}

int cql_cluster_agree(struct cql_cluster *cluster, int64_t timeout, struct error *error) {
    int64_t end = clock_monotonic_ns(cluster->clock) + timeout * CQL_MILLISECOND;
    for (;;) {
        struct agreement agreement = {0};
        if (definition_all_known(cluster)) {
            int status = agreement_ask(cluster, &agreement, error);
            if (status || (agreement.known && !agreement.differ && !agreement.error.code))
                return status;
        }
        if (clock_monotonic_ns(cluster->clock) >= end) {
            error_set(error, ERROR_BUSY, "the nodes of Cassandra have not agreed on the schema in %lld ms; %s",
                      (long long)timeout,
                      agreement.error.code ? agreement.error.message : "some have another version of it");
            if (error)
                error->retriable = true;
            return ERROR_BUSY;
        }
        cql_cluster_poll(cluster, AGAIN_MS);
    }
}

int cql_cluster_define(struct cql_cluster *cluster, struct slice text, int64_t timeout, struct error *error) {
    int status = definition_run(cluster, text, clock_monotonic_ns(cluster->clock) + timeout * CQL_MILLISECOND, error);
    return status ? status : cql_cluster_agree(cluster, timeout, error);
}

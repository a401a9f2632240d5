/* Prepared statements: each text is prepared once; its id is the same on every node, because a server makes it from
 * the text. A node that does not know it (it is new, or was restarted) says UNPREPARED: then one PREPARE goes to
 * that node, and the requests that met this wait for it. */
#include "store/cassandra/cql/cql_cluster.h"

#include <stdlib.h>

#include "core/memory.h"

static void statement_release(struct cql_statement *statement) {
    if (!statement)
        return;
    free((char *)statement->text.data);
    free((char *)statement->id.data);
    free(statement);
}

void cql_statements_release(struct cql_cluster *cluster) {
    while (cluster->statements) {
        struct cql_statement *statement = cluster->statements;
        cluster->statements = statement->next;
        statement_release(statement);
    }
}

static struct slice statement_copy(struct slice from) {
    char *to = malloc(from.length + 1);
    if (to) {
        memcpy(to, from.data, from.length);
        to[from.length] = 0;
    }
    return (struct slice){to, from.length};
}

static struct cql_statement *statement_make(struct slice text, const struct cql_prepared *prepared) {
    struct cql_statement *statement = memory_zero(1, sizeof *statement);
    if (!statement)
        return NULL;
    statement->text = statement_copy(text);
    statement->id = statement_copy(prepared->id);
    statement->marker_count = (uint16_t)prepared->markers.count;
    statement->key_count = prepared->key_count;
    memset(statement->key_position, CQL_NOT_KEY, sizeof statement->key_position);
    for (uint16_t i = 0; i < prepared->key_count; i++)
        statement->key_position[prepared->key[i]] = (uint8_t)i;
    if (statement->text.data && statement->id.data)
        return statement;
    statement_release(statement);
    return NULL;
}

/* ---- preparing for the first time ---- */

struct statement_wanted {
    struct slice text;
    struct cql_statement *statement;
    struct error *error;
    int status;
};

static void statement_prepared(void *context, const struct cql_response *response, const struct error *error) {
    struct statement_wanted *wanted = context;
    if (error)
        return;
    if (response->opcode != CQL_RESULT || response->kind != CQL_RESULT_PREPARED)
        wanted->status = error_set(wanted->error, ERROR_CORRUPT, "Cassandra answered PREPARE with something else");
    else if (!(wanted->statement = statement_make(wanted->text, &response->prepared)))
        wanted->status = error_no_memory(wanted->error);
}

int cql_cluster_prepare(struct cql_cluster *cluster, const char *text, const struct cql_statement **ret_statement,
                        struct error *error) {
    struct statement_wanted wanted = {.text = slice_of(text), .error = error};
    for (struct cql_statement *known = cluster->statements; known; known = known->next)
        if (slice_equal(known->text, wanted.text)) {
            *ret_statement = known;
            return 0;
        }
    struct cql_request *request;
    int status = cql_cluster_take(cluster, &request, error);
    if (status)
        return status;
    cql_request_prepare(request, wanted.text);
    request->idempotent = true;
    status = cql_cluster_run(cluster, request, statement_prepared, &wanted, error);
    if (!status)
        status = wanted.status;
    if (status)
        return error_wrap(error, "preparing %.200s", text);
    wanted.statement->next = cluster->statements;
    cluster->statements = wanted.statement;
    *ret_statement = wanted.statement;
    return 0;
}

/* ---- preparing again ---- */

static void statement_unlink(struct cql_cluster *cluster, struct cql_request *preparing) {
    struct cql_request **at = &cluster->preparing;
    while (*at != preparing)
        at = &(*at)->next;
    *at = preparing->next;
}

/* The end of a PREPARE: those that wait for it may go, to this node or another. When it failed, the node that forgot
 * is avoided. */
static void statement_prepared_again(void *context, const struct cql_response *response, const struct error *error) {
    struct cql_request *preparing = context;
    struct cql_cluster *cluster = ((const struct cql_node *)preparing->tried)->cluster;
    statement_unlink(cluster, preparing);
    bool good = !error && response->opcode == CQL_RESULT && response->kind == CQL_RESULT_PREPARED &&
                slice_equal(response->prepared.id, preparing->statement->id);
    for (struct cql_request *request = cluster->waiting_first; request; request = request->next)
        if (request->hold == preparing) {
            request->hold = NULL;
            request->tried = good ? NULL : preparing->tried;
        }
}

/* The PREPARE that is under way, a new one when there is none; NULL: it could not be sent. */
static struct cql_request *statement_prepare_again(struct cql_node *node, struct cql_connection *connection,
                                                   const struct cql_statement *statement) {
    struct cql_cluster *cluster = node->cluster;
    for (struct cql_request *known = cluster->preparing; known; known = known->next)
        if (known->tried == node && known->statement == statement)
            return known;
    struct cql_request *preparing = cql_cluster_slot(cluster);
    if (!preparing)
        return NULL;
    cql_request_prepare(preparing, statement->text);
    preparing->statement = statement;
    preparing->tried = node;
    preparing->next = cluster->preparing;
    cluster->preparing = preparing;
    cluster->statistics.prepared_again++;
    cql_cluster_submit_internal(cluster, connection, preparing, statement_prepared_again, preparing);
    return cluster->preparing == preparing ? preparing : NULL;
}

void cql_statement_forgotten(struct cql_node *node, struct cql_connection *connection, struct cql_request *request,
                             struct slice id, const struct error *error) {
    struct cql_cluster *cluster = node->cluster;
    const struct cql_statement *statement = cluster->statements;
    while (statement && !slice_equal(statement->id, id))
        statement = statement->next;
    request->hold = statement ? statement_prepare_again(node, connection, statement) : NULL;
    if (request->hold) {
        request->attempts--; /* it was not executed, and not refused */
        cql_cluster_wait(cluster, request);
    } else {
        cql_cluster_fault(cluster, request, node, statement ? CQL_FATE_RETRY : CQL_FATE_FAIL, error);
    }
}

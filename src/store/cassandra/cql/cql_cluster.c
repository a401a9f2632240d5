/* Requests of a cluster: slots, bounds, where they wait, what becomes of them.
 *
 *     free -> taken -> [waiting ->] sent -> answered -> free
 *                         ^          |
 *                         +- fault --+   (again: another node, after a pause, or after a PREPARE)
 *
 * A slot that is sent belongs to its connection's table of streams; one that waits is in the list of waiting
 * requests. */
#include "store/cassandra/cql/cql_cluster.h"

#include <stdlib.h>

#include "core/memory.h"
#include "store/cassandra/cql/cql_murmur3.h"

enum {
    TICK = 20 * CQL_MILLISECOND, /* deadlines are looked at this often, and no wait is longer while something is due */
    PREPARATIONS_MAXIMUM = 16,   /* of one request: a batch may hold several forgotten statements */
    RETRY_PAUSE = 100 * CQL_MILLISECOND,
};

/* ---- slots ---- */

struct cql_request *cql_cluster_slot(struct cql_cluster *cluster) {
    struct cql_request *request = cluster->free;
    if (request) {
        cluster->free = request->next;
        cql_request_reset(request);
        return request;
    }
    request = memory_zero(1, sizeof *request);
    if (!request)
        return NULL;
    cql_request_reset(request);
    request->next_slot = cluster->all;
    cluster->all = request;
    return request;
}

static void cluster_give_back(struct cql_cluster *cluster, struct cql_request *request) {
    if (!request->internal) {
        cluster->statistics.in_flight--;
        cluster->statistics.in_flight_bytes -= request->counted;
    }
    request->next = cluster->free;
    cluster->free = request;
}

int cql_cluster_take(struct cql_cluster *cluster, struct cql_request **ret_request, struct error *error) {
    struct cql_statistics *statistics = &cluster->statistics;
    if (cluster->closing)
        return error_set(error, ERROR_INTERRUPTED, "the connection to Cassandra is being closed");
    if (statistics->in_flight >= cluster->in_flight_maximum || statistics->in_flight_bytes >= cluster->in_flight_bytes)
        return error_set(error, ERROR_BUSY, "as many requests to Cassandra are in flight as are allowed");
    struct cql_request *request = cql_cluster_slot(cluster);
    if (!request)
        return error_no_memory(error);
    statistics->in_flight++;
    *ret_request = request;
    return 0;
}

/* ---- waiting ---- */

static void cluster_queue(struct cql_cluster *cluster, struct cql_request *request) {
    request->next = NULL;
    request->previous = cluster->waiting_last;
    if (cluster->waiting_last)
        cluster->waiting_last->next = request;
    else
        cluster->waiting_first = request;
    cluster->waiting_last = request;
}

static void cluster_unqueue(struct cql_cluster *cluster, struct cql_request *request) {
    if (request->previous)
        request->previous->next = request->next;
    else
        cluster->waiting_first = request->next;
    if (request->next)
        request->next->previous = request->previous;
    else
        cluster->waiting_last = request->previous;
}

void cql_cluster_wait(struct cql_cluster *cluster, struct cql_request *request) {
    request->deadline = clock_monotonic_ns(cluster->clock) + cluster->settings.request_timeout;
    cluster_queue(cluster, request);
}

/* ---- the end of a request ---- */

static void cluster_count_latency(struct cql_cluster *cluster, const struct cql_request *request) {
    uint64_t elapsed = (uint64_t)(clock_monotonic_ns(cluster->clock) - request->submitted) / 1000;
    unsigned bucket = elapsed ? 64 - (unsigned)__builtin_clzll(elapsed) : 0;
    cluster->statistics.latency_sum += elapsed;
    cluster->statistics.latency[bucket < CQL_LATENCIES ? bucket : CQL_LATENCIES - 1]++;
}

/* The caller's slot is free before the callback, which may take it again; the client's own is kept, as its callback
 * looks at it. */
static void cluster_finish(struct cql_cluster *cluster, struct cql_request *request,
                           const struct cql_response *response, const struct error *error) {
    cql_callback *callback = request->callback;
    void *context = request->context;
    if (request->internal) {
        callback(context, response, error);
        cluster_give_back(cluster, request);
        return;
    }
    if (response) {
        cluster->statistics.answered++;
        cluster_count_latency(cluster, request);
    } else {
        cluster->statistics.failed++;
    }
    cluster->called++;
    cluster_give_back(cluster, request);
    callback(context, response, error);
}

uint64_t cql_cluster_random(struct cql_cluster *cluster) {
    cluster->random ^= cluster->random << 13; /* G. Marsaglia, "Xorshift RNGs", 2003 */
    cluster->random ^= cluster->random >> 7;
    return cluster->random ^= cluster->random << 17;
}

/* At another node at once; where there is no other, after a pause that grows and is partly random, so that many
 * clients do not come back together. */
static int64_t cluster_pause(struct cql_cluster *cluster, const struct cql_request *request,
                             const struct cql_node *node) {
    if (request->attempts <= 1 && cql_cluster_other_ready(cluster, node))
        return 0;
    int64_t pause = RETRY_PAUSE << (request->attempts < 5 ? request->attempts : 5);
    return pause / 2 + (int64_t)(cql_cluster_random(cluster) % (uint64_t)(pause / 2));
}

void cql_cluster_fault(struct cql_cluster *cluster, struct cql_request *request, const struct cql_node *node,
                       enum cql_fate fate, const struct error *error) {
    bool again = fate == CQL_FATE_RETRY || (fate == CQL_FATE_RETRY_IDEMPOTENT && request->idempotent);
    if (!again || request->internal || cluster->closing || request->attempts >= cluster->attempts) {
        cluster_finish(cluster, request, NULL, error);
        return;
    }
    cluster->statistics.retries++;
    request->tried = node;
    request->not_before = clock_monotonic_ns(cluster->clock) + cluster_pause(cluster, request, node);
    cql_cluster_wait(cluster, request);
}

void cql_cluster_answered(struct cql_node *node, struct cql_connection *connection, struct cql_request *request,
                          const struct cql_response *response) {
    struct cql_cluster *cluster = node->cluster;
    if (response->opcode != CQL_ERROR) {
        cluster_finish(cluster, request, response, NULL);
        return;
    }
    struct error error;
    const struct cql_error_meaning *meaning = cql_error_meaning(response->error.code);
    cql_error_set(&error, cql_connection_node(connection), &response->error);
    error_wrap(&error, "Cassandra at");
    cluster->statistics.errors[meaning->kind]++;
    if (meaning->fate == CQL_FATE_PREPARE && !request->internal && request->preparations++ < PREPARATIONS_MAXIMUM)
        cql_statement_forgotten(node, connection, request, response->error.unprepared_id, &error);
    else
        cql_cluster_fault(cluster, request, node, meaning->fate, &error);
}

/* ---- submitting ---- */

/* False: there is no place for it now. */
static bool cluster_send(struct cql_cluster *cluster, struct cql_request *request, int64_t now) {
    struct cql_node *node;
    struct cql_connection *connection = cql_route(cluster, request, &node);
    if (!connection)
        return false;
    request->deadline = now + cluster->settings.request_timeout;
    if (!cql_connection_send(connection, request))
        return false;
    request->attempts++;
    return true;
}

static void cluster_find_token(struct cql_cluster *cluster, struct cql_request *request) {
    if (cluster->topology.node_count < 2 || !cluster->topology.factor)
        return;
    struct slice key = cql_request_key(request, &cluster->key);
    request->has_token = key.data != NULL;
    if (request->has_token)
        request->token = cql_token(key);
}

int cql_cluster_submit(struct cql_cluster *cluster, struct cql_request *request, cql_callback *callback, void *context,
                       struct error *error) {
    int status = cql_request_finish(request, error);
    if (status) {
        cluster_give_back(cluster, request);
        return status;
    }
    request->callback = callback;
    request->context = context;
    request->submitted = clock_monotonic_ns(cluster->clock);
    request->counted = request->body.length;
    cluster->statistics.in_flight_bytes += request->counted;
    cluster->statistics.submitted++;
    cluster_find_token(cluster, request);
    if (cluster->closing || cluster->waiting_first || !cluster_send(cluster, request, request->submitted))
        cql_cluster_wait(cluster, request);
    return 0;
}

void cql_cluster_submit_internal(struct cql_cluster *cluster, struct cql_connection *connection,
                                 struct cql_request *request, cql_callback *callback, void *context) {
    struct error error = {0};
    request->internal = true;
    request->callback = callback;
    request->context = context;
    request->deadline = clock_monotonic_ns(cluster->clock) + cluster->settings.request_timeout;
    int status = cql_request_finish(request, &error);
    if (!status && (!cql_connection_has_room(connection) || !cql_connection_send(connection, request)))
        status = error_set(&error, ERROR_BUSY, "Cassandra at %s takes no more requests at the moment",
                           cql_connection_node(connection));
    if (status)
        cluster_finish(cluster, request, NULL, &error);
}

/* A request that found no connection in its time. */
static void cluster_give_up(struct cql_cluster *cluster, struct cql_request *request) {
    struct error error;
    error_set(&error, ERROR_IO, "no connection to Cassandra took the request in time; %s",
              cluster->last_error.code ? cluster->last_error.message : "all are busy");
    error.retriable = true;
    cluster->statistics.errors[CQL_KIND_TIMEOUT]++;
    cluster_finish(cluster, request, NULL, &error);
}

/* Those that wait, the oldest first, until no connection has room; then only the late ones are looked for, and only
 * when `tick` says so. A callback may add to the end of the list, or take the slots of those that are gone. */
static void cluster_send_waiting(struct cql_cluster *cluster, int64_t now, bool tick) {
    struct cql_request *last = cluster->waiting_last, *next;
    bool full = false;
    for (struct cql_request *request = cluster->waiting_first; request && (tick || !full); request = next) {
        next = request == last ? NULL : request->next;
        bool late = now >= request->deadline;
        if (!late && (full || request->hold || now < request->not_before))
            continue;
        if (!late && !cluster_send(cluster, request, now)) {
            full = true;
            continue;
        }
        cluster_unqueue(cluster, request);
        if (late)
            cluster_give_up(cluster, request);
    }
}

/* ---- polling ---- */

static void cluster_service(struct cql_cluster *cluster, int64_t now) {
    bool tick = now - cluster->expired_at >= TICK;
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (tick)
            cql_node_expire(cluster->nodes[i], now);
        cql_node_service(cluster->nodes[i], now);
    }
    if (tick)
        cluster->expired_at = now;
    cql_control_service(cluster, now);
    cluster_send_waiting(cluster, now, tick);
}

/* Flushes all connections and lists them for poll(2). No memory: fewer are polled, this time. */
static nfds_t cluster_list(struct cql_cluster *cluster) {
    size_t count = 0, most = cluster->node_count * cluster->connections;
    if (!memory_reserve((void **)&cluster->polled, &cluster->polled_capacity, most, sizeof *cluster->polled) ||
        !memory_reserve((void **)&cluster->polled_connections, &cluster->polled_connection_capacity, most,
                        sizeof *cluster->polled_connections))
        return 0;
    for (size_t i = 0; i < cluster->node_count; i++)
        for (unsigned c = 0; c < cluster->connections; c++) {
            struct cql_connection *connection = cluster->nodes[i]->connections[c];
            if (!connection)
                continue;
            cql_connection_flush(connection);
            cluster->polled[count] =
                (struct pollfd){cql_connection_socket(connection), cql_connection_interest(connection), 0};
            cluster->polled_connections[count++] = connection;
        }
    return count;
}

/* While something is under way or a node is away, deadlines and pauses must be looked at now and then. */
static int cluster_poll_time(const struct cql_cluster *cluster, int64_t timeout) {
    bool due = cluster->statistics.in_flight || cluster->control.stage || cluster->control.refresh_at != INT64_MAX ||
               cluster->statistics.nodes_ready < cluster->statistics.nodes;
    int64_t longest = due ? TICK / CQL_MILLISECOND : 60000;
    return (int)(cluster->called ? 0 : timeout < 0 ? 0 : timeout < longest ? timeout : longest);
}

static void cluster_count_nodes(struct cql_cluster *cluster) {
    cluster->statistics.nodes = cluster->statistics.nodes_ready = 0;
    for (size_t i = 0; i < cluster->node_count; i++) {
        cluster->statistics.nodes += cluster->nodes[i]->local;
        cluster->statistics.nodes_ready += cql_node_ready(cluster->nodes[i]);
    }
}

/* One round: at most one wait. */
static void cluster_round(struct cql_cluster *cluster, int64_t timeout) {
    cluster->called = 0;
    cluster_service(cluster, clock_monotonic_ns(cluster->clock));
    cluster_count_nodes(cluster);
    nfds_t count = cluster_list(cluster);
    if (poll(cluster->polled, count, cluster_poll_time(cluster, timeout)) > 0)
        for (nfds_t i = 0; i < count; i++)
            if (cluster->polled[i].revents)
                cql_connection_service(cluster->polled_connections[i], cluster->polled[i].revents);
    cluster_service(cluster, clock_monotonic_ns(cluster->clock));
}

size_t cql_cluster_poll(struct cql_cluster *cluster, int64_t timeout) {
    int64_t end = clock_monotonic_ns(cluster->clock) + timeout * CQL_MILLISECOND, left = timeout;
    do {
        cluster_round(cluster, left);
        left = (end - clock_monotonic_ns(cluster->clock)) / CQL_MILLISECOND;
    } while (!cluster->called && left > 0);
    return cluster->called;
}

/* ---- waiting for one thing ---- */

struct cluster_run {
    cql_callback *callback;
    void *context;
    struct error *error;
    int status;
    bool done;
};

static void cluster_run_done(void *context, const struct cql_response *response, const struct error *error) {
    struct cluster_run *run = context;
    run->done = true;
    if (error) {
        run->status = error->code;
        if (run->error)
            *run->error = *error;
    }
    if (run->callback)
        run->callback(run->context, response, error);
}

int cql_cluster_run(struct cql_cluster *cluster, struct cql_request *request, cql_callback *callback, void *context,
                    struct error *error) {
    struct cluster_run run = {callback, context, error, 0, false};
    int status = cql_cluster_submit(cluster, request, cluster_run_done, &run, error);
    while (!status && !run.done)
        cql_cluster_poll(cluster, 1000);
    return status ? status : run.status;
}

/* The nodes have all been tried, and none failed in a way that time may mend. */
static const struct error *cluster_hopeless(const struct cql_cluster *cluster) {
    const struct error *found = cluster->fatal.code ? &cluster->fatal : NULL;
    for (size_t i = 0; i < cluster->node_count && !cluster->fatal.code; i++) {
        const struct cql_node *node = cluster->nodes[i];
        if (!node->error.code || node->error.retriable)
            return NULL;
        found = &node->error;
    }
    return found;
}

int cql_cluster_connect(struct cql_cluster *cluster, int64_t timeout, struct error *error) {
    int64_t end = clock_monotonic_ns(cluster->clock) + timeout * CQL_MILLISECOND;
    while (!cluster->topology_known || !cluster->statistics.nodes_ready) {
        const struct error *hopeless = cluster_hopeless(cluster);
        int64_t left = (end - clock_monotonic_ns(cluster->clock)) / CQL_MILLISECOND;
        if (hopeless || left <= 0) {
            struct error reason = hopeless ? *hopeless : cluster->last_error;
            if (!reason.code) {
                error_set(&reason, ERROR_IO, "Cassandra did not answer within %lld ms", (long long)timeout);
                reason.retriable = true;
            }
            if (error)
                *error = reason;
            return reason.code;
        }
        cluster_round(cluster, left);
        cluster_count_nodes(cluster);
    }
    return 0;
}

/* ---- opening and closing ---- */

static bool cluster_copy(char **to, const char *from) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static int64_t cluster_default(int64_t given, int64_t otherwise) {
    return given > 0 ? given : otherwise;
}

static void cluster_set(struct cql_cluster *cluster, const struct cql_options *options) {
    cluster->connections = options->connections ? options->connections : 1;
    if (cluster->connections > CQL_CONNECTIONS_MAXIMUM)
        cluster->connections = CQL_CONNECTIONS_MAXIMUM;
    cluster->attempts = options->attempts ? options->attempts : 4;
    cluster->in_flight_maximum = options->in_flight_maximum ? options->in_flight_maximum : 512;
    cluster->in_flight_bytes = options->in_flight_bytes ? options->in_flight_bytes : 16 << 20;
    cluster->reconnect_pause = cluster_default(options->reconnect_pause, 250) * CQL_MILLISECOND;
    cluster->random = options->seed ? options->seed : (uint64_t)clock_monotonic_ns(cluster->clock) | 1;
    cluster->control.refresh_at = INT64_MAX;
    cluster->settings = (struct cql_connection_settings){
        .user = slice_of(cluster->user),
        .password = cluster->password ? slice_of(cluster->password) : SLICE(""),
        .lz4 = options->lz4,
        .output_maximum = cluster->in_flight_bytes,
        .clock = cluster->clock,
        .connect_timeout = cluster_default(options->connect_timeout, 5000) * CQL_MILLISECOND,
        .request_timeout = cluster_default(options->request_timeout, 12000) * CQL_MILLISECOND,
    };
}

static int cluster_fill(struct cql_cluster *cluster, const struct cql_options *options, struct error *error) {
    if (!options->contact_count || options->contact_count > CQL_CONTACTS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "between 1 and %d hosts of Cassandra can be given, not %zu",
                         CQL_CONTACTS_MAXIMUM, options->contact_count);
    if (!cluster_copy(&cluster->user, options->user) || !cluster_copy(&cluster->password, options->password) ||
        !cluster_copy(&cluster->keyspace, options->keyspace) ||
        !cluster_copy(&cluster->data_center, options->data_center))
        return error_no_memory(error);
    for (; cluster->contact_count < options->contact_count; cluster->contact_count++) {
        const struct cql_contact *from = &options->contacts[cluster->contact_count];
        struct cql_contact_copy *to = &cluster->contacts[cluster->contact_count];
        if (!cluster_copy(&to->host, from->host))
            return error_no_memory(error);
        to->port = from->port ? from->port : CQL_PORT;
    }
    cluster_set(cluster, options);
    int status = options->tls ? tls_context_open(options->tls, &cluster->settings.tls, error) : 0;
    return status ? status : cql_contacts_add(cluster, error);
}

int cql_cluster_open(const struct cql_options *options, const struct clock *clock, struct cql_cluster **ret_cluster,
                     struct error *error) {
    struct cql_cluster *cluster = memory_zero(1, sizeof *cluster);
    if (!cluster)
        return error_no_memory(error);
    cluster->clock = clock;
    int status = cluster_fill(cluster, options, error);
    if (status) {
        cql_cluster_close(cluster);
        return status;
    }
    *ret_cluster = cluster;
    return 0;
}

static void cluster_interrupt_waiting(struct cql_cluster *cluster) {
    struct error error;
    error_set(&error, ERROR_INTERRUPTED, "the connection to Cassandra was closed by this program");
    while (cluster->waiting_first) {
        struct cql_request *request = cluster->waiting_first;
        cluster_unqueue(cluster, request);
        cluster_finish(cluster, request, NULL, &error);
    }
}

static void cluster_release_slots(struct cql_cluster *cluster) {
    while (cluster->all) {
        struct cql_request *request = cluster->all;
        cluster->all = request->next_slot;
        cql_request_release(request);
        free(request);
    }
}

struct cql_cluster *cql_cluster_close(struct cql_cluster *cluster) {
    if (!cluster)
        return NULL;
    cluster->closing = true;
    for (size_t i = 0; i < cluster->node_count; i++)
        cql_node_close(cluster->nodes[i]);
    cluster->node_count = 0;
    cluster_interrupt_waiting(cluster);
    cluster_release_slots(cluster);
    cql_statements_release(cluster);
    cql_topology_release(&cluster->topology);
    cql_topology_release(&cluster->control.next);
    cluster->settings.tls = tls_context_close(cluster->settings.tls);
    if (cluster->password)
        explicit_bzero(cluster->password, strlen(cluster->password));
    for (size_t i = 0; i < cluster->contact_count; i++)
        free(cluster->contacts[i].host);
    bytes_release(&cluster->key);
    free(cluster->user);
    free(cluster->password);
    free(cluster->keyspace);
    free(cluster->data_center);
    free(cluster->nodes);
    free(cluster->polled);
    free(cluster->polled_connections);
    free(cluster);
    return NULL;
}

void cql_cluster_statistics(const struct cql_cluster *cluster, struct cql_statistics *ret_statistics) {
    *ret_statistics = cluster->statistics;
}

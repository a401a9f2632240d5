/* Opening the store in Cassandra, connecting, and its table of functions. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "store/cassandra/cassandra_store.h"

int cassandra_connect(const struct cassandra_store *store, bool bare, struct cql_cluster **ret_cluster,
                      struct error *error) {
    const struct cassandra_settings *settings = &store->settings;
    struct tls_settings tls = {settings->authorities, settings->certificate, settings->key, settings->trust_any};
    struct cql_options options = {
        .contacts = settings->contacts,
        .contact_count = settings->contact_count,
        .user = settings->user,
        .password = settings->password,
        .keyspace = bare ? NULL : settings->keyspace,
        .data_center = settings->data_center,
        .tls = settings->tls ? &tls : NULL,
        .lz4 = settings->lz4,
        .connections = (unsigned)settings->connections,
        .in_flight_maximum = (size_t)settings->in_flight,
        .request_timeout = settings->request_timeout,
    };
    struct cql_cluster *cluster;
    int status = cql_cluster_open(&options, store->base.options.clock, &cluster, error);
    if (!status)
        status = cql_cluster_connect(cluster, CASSANDRA_CONNECT_TIMEOUT, error);
    else
        return status;
    if (status) {
        cql_cluster_close(cluster);
        return status;
    }
    *ret_cluster = cluster;
    return 0;
}

static void counts_add(struct store_counts *counts, const struct cql_statistics *now,
                       const struct cql_statistics *seen) {
    counts->requests += now->submitted - seen->submitted;
    counts->retries += now->retries - seen->retries;
    counts->in_flight += now->in_flight - seen->in_flight;
    counts->latency_sum += now->latency_sum - seen->latency_sum;
    for (size_t i = 0; i < CQL_LATENCIES; i++)
        counts->latency[i] += now->latency[i] - seen->latency[i];
    for (size_t i = 0; i < CQL_KINDS; i++)
        counts->errors[i] += now->errors[i] - seen->errors[i];
}

void cassandra_count_client(struct cassandra_store *store, const struct cql_cluster *cluster,
                            struct cql_statistics *seen, uint64_t rows) {
    static_assert((int)CQL_LATENCIES == (int)STORE_LATENCIES && (int)CQL_KINDS <= (int)STORE_ERROR_KINDS,
                  "the client counts what the door shows");
    struct cql_statistics now;
    cql_cluster_statistics(cluster, &now);
    pthread_mutex_lock(&store->lock);
    counts_add(&store->counts, &now, seen);
    store->counts.rows_written += rows;
    pthread_mutex_unlock(&store->lock);
    *seen = now;
}

void cassandra_counts(const struct store *door, struct store_counts *ret_counts) {
    struct cassandra_store *store = (struct cassandra_store *)door;
    pthread_mutex_lock(&store->lock);
    *ret_counts = store->counts;
    pthread_mutex_unlock(&store->lock);
    ret_counts->remote = true;
    ret_counts->error_kinds = CQL_KINDS;
    for (size_t i = 0; i < CQL_KINDS; i++)
        ret_counts->error_names[i] = cql_error_kind_name((enum cql_error_kind)i);
}

/* What has happened to an idle client meanwhile shows in the first rounds: a connection that has ended is made
 * again. */
int cassandra_borrow(struct cassandra_store *store, struct cql_cluster **ret_cluster, struct error *error) {
    struct cql_cluster *cluster = NULL;
    pthread_mutex_lock(&store->lock);
    if (store->idle_count)
        cluster = store->idle[--store->idle_count];
    pthread_mutex_unlock(&store->lock);
    if (!cluster)
        return cassandra_connect(store, false, ret_cluster, error);
    cql_cluster_poll(cluster, 0);
    cql_cluster_poll(cluster, 0);
    int status = cql_cluster_connect(cluster, CASSANDRA_CONNECT_TIMEOUT, error);
    if (status) {
        cql_cluster_close(cluster);
        return status;
    }
    *ret_cluster = cluster;
    return 0;
}

void cassandra_give_back(struct cassandra_store *store, struct cql_cluster *cluster) {
    struct cql_statistics statistics = {0};
    if (cluster)
        cql_cluster_statistics(cluster, &statistics);
    pthread_mutex_lock(&store->lock);
    if (cluster && !statistics.in_flight &&
        store->idle_count < CASSANDRA_IDLE) { /* what is under way would call back a reader that has gone */
        store->idle[store->idle_count++] = cluster;
        cluster = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    cql_cluster_close(cluster);
}

static void cassandra_store_close(struct store *door) {
    struct cassandra_store *store = (struct cassandra_store *)door;
    while (store->idle_count)
        cql_cluster_close(store->idle[--store->idle_count]);
    pthread_mutex_destroy(&store->lock);
    cassandra_settings_release(&store->settings);
    free(store);
}

const struct store_driver cassandra_store_driver = {
    .remote = true,
    .close = cassandra_store_close,
    .writer_open = cassandra_writer_open,
    .writer_close = cassandra_writer_close,
    .write = cassandra_write,
    .flush = cassandra_flush,
    .reader_open = cassandra_reader_open,
    .reader_close = cassandra_reader_close,
    .reader_next = cassandra_reader_next,
    .windows = cassandra_windows,
    .count = cassandra_count,
    .counts = cassandra_counts,
};

static void store_warn_of_password(const struct cassandra_store *store) {
    const struct cassandra_settings *settings = &store->settings;
    for (size_t i = 0; i < settings->contact_count && settings->password && !settings->tls; i++)
        if (!tls_is_loopback(settings->contacts[i].host)) {
            log_write(
                store->base.options.log, LOG_WARNING,
                "the password goes to Cassandra at %s as it is, for all on the way to read: -X cassandra.tls=true "
                "encrypts it",
                settings->contacts[i].host);
            return;
        }
}

int cassandra_store_open(const char *address, const struct store_options *options, struct store **ret_store,
                         struct error *error) {
    struct cassandra_store *store = memory_zero(1, sizeof *store);
    if (!store)
        return error_no_memory(error);
    store->base.driver = &cassandra_store_driver;
    store->base.options = *options;
    store->base.options.properties = NULL;
    store->base.options.property_count = 0;
    int status = cassandra_settings_read(address, options, &store->settings, error);
    if (status) {
        free(store);
        return status;
    }
    store_warn_of_password(store);
    pthread_mutex_init(&store->lock, NULL);
    *ret_store = &store->base;
    return 0;
}

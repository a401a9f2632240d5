/* The store in Apache Cassandra: what its files share.
 *
 *     metrics_aggregates_N   ((gateway, metric, attribute, bucket), windowstart) clustered by windowstart, the newest first; min, max, avg double,
 *                            samplecount bigint; ours: sum double, revision bigint. bucket (timestamp as the original's; date, and text as 2007-01-31, are
 *                            taken too): the UTC day of the window's start for sizes up to 600 s, the first of its month for sizes up to 3600 s;
 *                            larger sizes have none
 *
 * Tables of the original application have neither sum nor revision: they are read as they are, and get both columns
 * before we write; where we may not add them, rows are written without them, and a warning names the table. A row that is written again with the same or a higher revision replaces the one before. The
 * client (cql_client.h) works in one thread, so every writer and reader has its own; those of readers that are done
 * are kept, connected and with their statements, for the next ones. */
#ifndef METERLINE_STORE_CASSANDRA_CASSANDRA_STORE_H
#define METERLINE_STORE_CASSANDRA_CASSANDRA_STORE_H

#include "store/cassandra/cql/cql_client.h"
#include "store/driver.h"
#include <pthread.h>

enum {
    CASSANDRA_CONTACTS = 16,
    CASSANDRA_CONNECT_TIMEOUT = 10000 /* ms */,
    CASSANDRA_AGREEMENT_TIMEOUT = 10000 /* ms */,
    CASSANDRA_WINDOWS = 16,
    CASSANDRA_IDLE = 4
};

struct cassandra_settings {
    struct cql_contact contacts[CASSANDRA_CONTACTS]; /* owned */
    size_t contact_count;
    char *user, *password, *keyspace, *data_center, *replication;
    char *authorities, *certificate, *key;
    bool tls, trust_any, lz4;
    enum cql_consistency consistency;
    int64_t in_flight, connections, request_timeout; /* 0: the client's default */
    struct {
        int64_t window_size, seconds;
    } ttl[CASSANDRA_WINDOWS];
    size_t ttl_count;
    int64_t ttl_default; /* s, 0: for ever */
};

struct cassandra_store {
    struct store base;
    struct cassandra_settings settings;
    pthread_mutex_t lock;
    struct cql_cluster *idle[CASSANDRA_IDLE]; /* clients that are not in use; under lock */
    size_t idle_count;
    struct store_counts counts;                       /* under lock */
    struct store_window warned_of[CASSANDRA_WINDOWS]; /* of tables that lack columns of ours; under lock */
    size_t warned_count;
};

/* `address`: the URL without its scheme. ERROR_INVALID says what is wrong and never shows the password. */
int cassandra_settings_read(const char *address, const struct store_options *options,
                            struct cassandra_settings *ret_settings, struct error *error);
void cassandra_settings_release(struct cassandra_settings *settings);
int64_t cassandra_ttl(const struct cassandra_settings *settings, const struct store_window *window);

/* A client of its own, connected. Without a keyspace when `bare`. */
int cassandra_connect(const struct cassandra_store *store, bool bare, struct cql_cluster **ret_cluster,
                      struct error *error);

/* What a client has done since `seen`, which moves on, and rows that were acknowledged: into the store's counters. */
void cassandra_count_client(struct cassandra_store *store, const struct cql_cluster *cluster,
                            struct cql_statistics *seen, uint64_t rows);
void cassandra_counts(const struct store *door, struct store_counts *ret_counts);

/* A client that is connected, an idle one when there is one; it is the caller's until it is given back (NULL:
 * nothing to give). */
int cassandra_borrow(struct cassandra_store *store, struct cql_cluster **ret_cluster, struct error *error);
void cassandra_give_back(struct cassandra_store *store, struct cql_cluster *cluster);

enum cassandra_bucket { BUCKET_NONE, BUCKET_DAY, BUCKET_MONTH };
enum cassandra_bucket cassandra_bucket_of(const struct store_window *window);
/* Days since the epoch of the bucket that `time` is in. */
int64_t cassandra_bucket_day(enum cassandra_bucket bucket, int64_t time);

enum cassandra_bucket_type { BUCKET_TIMESTAMP, BUCKET_DATE, BUCKET_TEXT };

/* A table as it is. */
struct cassandra_table {
    struct store_window window;
    enum cassandra_bucket bucket;
    enum cassandra_bucket_type bucket_type;
    bool exists, has_sum, has_revision;
};
/* ERROR_INVALID when a table of that name has another shape: both are shown. */
int cassandra_table_describe(const struct cassandra_store *store, struct cql_cluster *cluster,
                             const struct store_window *window, struct cassandra_table *ret_table, struct error *error);
/* Makes the table, or adds what a table of the original lacks; what cannot be added stays away from `ret_table`. */
int cassandra_table_prepare(struct cassandra_store *store, struct cql_cluster *cluster,
                            const struct store_window *window, struct cassandra_table *ret_table, struct error *error);
int cassandra_keyspace_prepare(const struct cassandra_store *store, struct error *error);
void cassandra_bind_bucket(struct cql_request *request, const struct cassandra_table *table, int64_t day);

/* The functions of the driver. */
int cassandra_writer_open(struct store *door, struct store_writer **ret_writer, struct error *error);
void cassandra_writer_close(struct store_writer *door);
int cassandra_write(struct store_writer *door, struct database *transaction, const struct store_window *window,
                    const struct aggregate_row *rows, size_t count, struct error *error);
int cassandra_flush(struct store_writer *door, struct error *error);
int cassandra_reader_open(struct store *door, const struct store_query *query, struct store_reader **ret_reader,
                          struct error *error);
void cassandra_reader_close(struct store_reader *door);
int cassandra_reader_next(struct store_reader *door, struct aggregate_row *ret_row, struct error *error);
int cassandra_windows(struct store *door, struct store_window **ret_windows, size_t *ret_count, struct error *error);
int cassandra_count(struct store *door, const struct store_window *window, int64_t *ret_rows, struct error *error);
extern const struct store_driver cassandra_store_driver;

#endif

/* Keyspace and tables: made when they are missing, compared with what is expected otherwise (system_schema.columns). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/bytes.h"
#include "model/time/time.h"
#include "store/cassandra/cassandra_store.h"

#define DAY_MS INT64_C(86400000)
enum { SECONDS_BY_DAY = 600, SECONDS_BY_MONTH = 3600, SHAPE_TEXT = 400 };

enum cassandra_bucket cassandra_bucket_of(const struct store_window *window) {
    int64_t seconds = window->size / 1000;
    return seconds <= SECONDS_BY_DAY ? BUCKET_DAY : seconds <= SECONDS_BY_MONTH ? BUCKET_MONTH : BUCKET_NONE;
}

int64_t cassandra_bucket_day(enum cassandra_bucket bucket, int64_t time) {
    int64_t day = time / DAY_MS;
    if (bucket != BUCKET_MONTH)
        return day;
    char text[10];
    time_write_month(text, time);
    return time_days_from_civil((text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0',
                                (unsigned)((text[5] - '0') * 10 + text[6] - '0'), 1);
}

/* A timestamp is a number of ms, a date an unsigned number of days with the epoch in the middle
 * (native_protocol_v4.spec, section 6). */
void cassandra_bind_bucket(struct cql_request *request, const struct cassandra_table *table, int64_t day) {
    char text[10];
    switch (table->bucket_type) {
    case BUCKET_TIMESTAMP:
        cql_bind_bigint(request, day * DAY_MS);
        break;
    case BUCKET_DATE:
        cql_bind_integer(request, (int32_t)(uint32_t)(day + INT64_C(0x80000000)));
        break;
    case BUCKET_TEXT:
        time_write_day(text, day * DAY_MS);
        cql_bind_bytes(request, (struct slice){text, sizeof text});
        break;
    }
}

static int schema_run(struct cql_cluster *cluster, struct slice statement, cql_callback *callback, void *context,
                      struct error *error) {
    struct cql_request *request;
    int status = cql_cluster_take(cluster, &request, error);
    if (status)
        return status;
    request->consistency = CQL_ONE;
    request->idempotent = true;
    cql_request_query(request, statement);
    return cql_cluster_run(cluster, request, callback, context, error);
}

static int schema_execute(struct cql_cluster *cluster, struct bytes *statement, struct error *error) {
    int status = statement->failed
                     ? error_no_memory(error)
                     : cql_cluster_define(cluster, bytes_slice(statement), CASSANDRA_AGREEMENT_TIMEOUT, error);
    bytes_release(statement);
    return status;
}

struct schema_columns {
    size_t count;
    unsigned found; /* bits of schema_expected */
    enum cassandra_bucket_type bucket_type;
    bool wrong;
    char shape[SHAPE_TEXT];
    size_t length;
};

static const struct {
    const char *name, *type, *kind;
} schema_expected[] = {
    {"gateway", "text", "partition_key"},
    {"metric", "text", "partition_key"},
    {"attribute", "text", "partition_key"},
    {"bucket", "timestamp", "partition_key"},
    {"windowstart", "timestamp", "clustering"},
    {"min", "double", "regular"},
    {"max", "double", "regular"},
    {"avg", "double", "regular"},
    {"samplecount", "bigint", "regular"},
    {"sum", "double", "regular"},
    {"revision", "bigint", "regular"},
};
enum { COLUMN_BUCKET = 3, COLUMN_SUM = 9, COLUMN_REVISION = 10, SCHEMA_COLUMNS = 11 };

/* False: no type that a bucket has. */
static bool schema_bucket_type(struct slice type, enum cassandra_bucket_type *ret_type) {
    static const struct {
        const char *name;
        enum cassandra_bucket_type type;
    } types[] = {
        {"timestamp", BUCKET_TIMESTAMP}, {"date", BUCKET_DATE}, {"text", BUCKET_TEXT}, {"varchar", BUCKET_TEXT}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_equal(type, slice_of(types[i].name))) {
            *ret_type = types[i].type;
            return true;
        }
    return false;
}

static void schema_column(struct schema_columns *columns, struct slice name, struct slice type, struct slice kind) {
    columns->count++;
    if (columns->length + 80 < sizeof columns->shape)
        columns->length +=
            (size_t)snprintf(columns->shape + columns->length, sizeof columns->shape - columns->length, "%s%.*s %.*s%s",
                             columns->length ? ", " : "", (int)(name.length > 30 ? 30 : name.length), name.data,
                             (int)(type.length > 30 ? 30 : type.length), type.data,
                             slice_equal(kind, SLICE("partition_key")) ? " PARTITION KEY"
                             : slice_equal(kind, SLICE("clustering"))  ? " CLUSTERING"
                                                                       : "");
    for (size_t i = 0; i < SCHEMA_COLUMNS; i++) {
        if (!slice_equal(name, slice_of(schema_expected[i].name)))
            continue;
        bool typed = i == COLUMN_BUCKET ? schema_bucket_type(type, &columns->bucket_type)
                                        : slice_equal(type, slice_of(schema_expected[i].type));
        columns->wrong |= !typed || !slice_equal(kind, slice_of(schema_expected[i].kind));
        columns->found |= 1u << i;
    }
}

static void schema_columns_answer(void *context, const struct cql_response *response, const struct error *error) {
    struct schema_columns *columns = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    if (error || response->opcode != CQL_RESULT || response->kind != CQL_RESULT_ROWS ||
        response->rows.columns.count != 3)
        return;
    struct cql_rows rows = response->rows;
    while (cql_rows_next(&rows, cells))
        if (cells[0].data && cells[1].data && cells[2].data)
            schema_column(columns, cells[0], cells[1], cells[2]);
}

static int schema_mismatch(const struct cassandra_store *store, const struct store_window *window,
                           const struct schema_columns *columns, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    bool bucket = cassandra_bucket_of(window) != BUCKET_NONE;
    return error_set(error, ERROR_INVALID,
                     "table %s.metrics_aggregates_%s has another shape: it has %s; expected are gateway text, metric "
                     "text, attribute text%s PARTITION KEY, "
                     "windowstart timestamp "
                     "CLUSTERING, min, max, avg double, samplecount bigint, sum double, revision bigint; rename it, or "
                     "use another keyspace",
                     store->settings.keyspace, suffix, columns->shape, bucket ? ", bucket timestamp" : "");
}

int cassandra_table_describe(const struct cassandra_store *store, struct cql_cluster *cluster,
                             const struct store_window *window, struct cassandra_table *ret_table,
                             struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    struct schema_columns columns = {0};
    struct bytes statement = {0};
    enum cassandra_bucket bucket = cassandra_bucket_of(window);
    bytes_append_format(&statement,
                        "SELECT column_name, type, kind FROM system_schema.columns WHERE keyspace_name='%s' AND "
                        "table_name='metrics_aggregates_%s'",
                        store->settings.keyspace, suffix);
    int status = statement.failed
                     ? error_no_memory(error)
                     : schema_run(cluster, bytes_slice(&statement), schema_columns_answer, &columns, error);
    bytes_release(&statement);
    if (status)
        return status;
    unsigned needed = (1u << COLUMN_SUM) - 1;
    if (bucket == BUCKET_NONE)
        needed &= ~(1u << COLUMN_BUCKET);
    bool superfluous = bucket == BUCKET_NONE && (columns.found & 1u << COLUMN_BUCKET);
    if (columns.count && (columns.wrong || superfluous || (columns.found & needed) != needed))
        return schema_mismatch(store, window, &columns, error);
    *ret_table = (struct cassandra_table){*window,
                                          bucket,
                                          columns.bucket_type,
                                          columns.count > 0,
                                          columns.found >> COLUMN_SUM & 1,
                                          columns.found >> COLUMN_REVISION & 1};
    return 0;
}

int cassandra_keyspace_prepare(const struct cassandra_store *store, struct error *error) {
    struct bytes statement = {0};
    struct cql_cluster *cluster;
    int status = cassandra_connect(store, true, &cluster, error);
    if (status)
        return status;
    const char *replication = store->settings.replication ? store->settings.replication : "1";
    bytes_append_format(&statement, "CREATE KEYSPACE IF NOT EXISTS %s WITH replication = ", store->settings.keyspace);
    if (*replication == '{')
        bytes_append_string(&statement, replication);
    else
        bytes_append_format(&statement, "{'class': 'SimpleStrategy', 'replication_factor': '%.10s'}", replication);
    status = schema_execute(cluster, &statement, error);
    cql_cluster_close(cluster);
    return status ? error_wrap(error, "making keyspace %s", store->settings.keyspace) : 0;
}

static int table_create(const struct cassandra_store *store, struct cql_cluster *cluster,
                        const struct store_window *window, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    struct bytes statement = {0};
    bool bucket = cassandra_bucket_of(window) != BUCKET_NONE;
    bytes_append_format(
        &statement,
        "CREATE TABLE IF NOT EXISTS %s.metrics_aggregates_%s"
        "(gateway text, metric text, attribute text, %swindowstart timestamp, min double, max double, avg double,"
        " samplecount bigint, sum double, revision bigint, PRIMARY KEY((gateway, metric, attribute%s), windowstart)) "
        "WITH CLUSTERING ORDER BY "
        "(windowstart DESC)"
        " AND default_time_to_live = %" PRId64 " AND comment = '%s'",
        store->settings.keyspace, suffix, bucket ? "bucket timestamp, " : "", bucket ? ", bucket" : "",
        cassandra_ttl(&store->settings, window), window->calendar);
    return schema_execute(cluster, &statement, error);
}

static int table_extend(const struct cassandra_store *store, struct cql_cluster *cluster,
                        const struct cassandra_table *table, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, &table->window);
    struct bytes statement = {0};
    bytes_append_format(&statement, "ALTER TABLE %s.metrics_aggregates_%s ADD (%s%s%s)", store->settings.keyspace,
                        suffix, table->has_sum ? "" : "sum double", table->has_sum || table->has_revision ? "" : ", ",
                        table->has_revision ? "" : "revision bigint");
    return schema_execute(cluster, &statement, error);
}

/* True for the first one who asks. */
static bool table_warns(struct cassandra_store *store, const struct store_window *window) {
    bool first = true;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->warned_count; i++)
        first &= !store_window_same(&store->warned_of[i], window);
    first &= store->warned_count < CASSANDRA_WINDOWS;
    if (first)
        store->warned_of[store->warned_count++] = *window;
    pthread_mutex_unlock(&store->lock);
    return first;
}

/* The table's owner may not let us change it, or another writer has added the columns just now: what the table has
 * then decides. A server that may answer otherwise later is an error. */
static int table_refused(struct cassandra_store *store, struct cql_cluster *cluster, const struct store_window *window,
                         struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    struct cassandra_table table;
    struct error refusal = *error, ignored;
    if (error->retriable || error->code != ERROR_INVALID)
        return error->code;
    if (cassandra_table_describe(store, cluster, window, &table, &ignored))
        return error->code;
    if ((!table.has_sum || !table.has_revision) && table_warns(store, window))
        log_write(store->base.options.log, LOG_WARNING,
                  "table %s.metrics_aggregates_%s is written without%s%s%s: the server does not let us add %s (%s)%s",
                  store->settings.keyspace, suffix, table.has_sum ? "" : " sum",
                  table.has_sum || table.has_revision ? "" : " and", table.has_revision ? "" : " revision",
                  table.has_sum || table.has_revision ? "it" : "them", refusal.message,
                  table.has_revision ? "" : "; results that lack readings are not marked there");
    return 0;
}

int cassandra_table_prepare(struct cassandra_store *store, struct cql_cluster *cluster,
                            const struct store_window *window, struct cassandra_table *ret_table, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, window);
    struct cassandra_table table;
    int status = cassandra_table_describe(store, cluster, window, &table, error);
    if (!status && !table.exists)
        status = table_create(store, cluster, window, error);
    else if (!status && (!table.has_sum || !table.has_revision))
        status = table_extend(store, cluster, &table, error) ? table_refused(store, cluster, window, error) : 0;
    else if (!status) /* another client may have made it just now */
        status = cql_cluster_agree(cluster, CASSANDRA_AGREEMENT_TIMEOUT, error);
    return status ? error_wrap(error, "preparing table metrics_aggregates_%s", suffix)
                  : cassandra_table_describe(store, cluster, window, ret_table, error);
}

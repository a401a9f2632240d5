/* Writing: rows of one call are sorted by partition, and those of one partition go together as unlogged batches that
 * stay below the server's warning size; single ones go alone. As many requests as the client allows are under way;
 * when it has no room the call polls, which is how a slow server pushes back.
 *
 * Of two writes of a cell Cassandra keeps the one with the larger timestamp. Ours is the writer's clock, which only
 * grows, plus a step for each revision that is longer than any clock runs: the higher revision stands whatever came
 * first, and of writes of one revision the later one, however often either was repeated.
 *
 *     revision   -1 (incomplete)      0              1                  2 ...
 *     timestamp  clock - 18 years     clock          clock + 2^52       clock + 2 x 2^52          microseconds; 2^52 are 142 years */
#include <stdlib.h>

#include "core/memory.h"
#include "model/series.h"
#include "store/cassandra/cassandra_store.h"

enum {
    BATCH_BYTES = 4500, /* batch_size_warn_threshold is 5 KiB of values; statements of a batch repeat the key */
    BATCH_ROWS = 100,
    ROW_OVERHEAD = 80, /* bytes of a row beside its key */
    POLL_MS = 1000,
    REVISION_MAXIMUM = 2000, /* those above are taken for this one: 2^63 ends the timestamps */
};

#define REVISION_STEP   (INT64_C(1) << 52)
#define INCOMPLETE_STEP (INT64_C(1) << 49)

struct writer_table {
    struct cassandra_table table;
    const struct cql_statement *insert;
};

struct cassandra_writer {
    struct store_writer base;
    struct cassandra_store *store;
    struct cql_cluster *cluster; /* NULL: to be connected */
    struct writer_table tables[CASSANDRA_WINDOWS];
    size_t table_count;
    const struct aggregate_row **order;
    size_t order_capacity;
    size_t under_way;
    uint64_t sent;                 /* rows since the last flush */
    struct cql_statistics counted; /* what the store's counters hold of this client */
    int64_t timestamp;             /* microseconds, of the last write, without its revision */
    struct error error;            /* the first one since the last flush; code 0: none */
};

int cassandra_writer_open(struct store *door, struct store_writer **ret_writer, struct error *error) {
    struct cassandra_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->base.driver = &cassandra_store_driver;
    writer->store = (struct cassandra_store *)door;
    *ret_writer = &writer->base;
    return 0;
}

void cassandra_writer_close(struct store_writer *door) {
    struct cassandra_writer *writer = (struct cassandra_writer *)door;
    if (writer->cluster)
        cassandra_count_client(writer->store, writer->cluster, &writer->counted, 0);
    cql_cluster_close(writer->cluster);
    free(writer->order);
    free(writer);
}

static void writer_answered(void *context, const struct cql_response *response, const struct error *error) {
    struct cassandra_writer *writer = context;
    (void)response;
    writer->under_way--;
    if (error && !writer->error.code)
        writer->error = *error;
}

/* The error of requests that were under way. It stays until the flush, which must not succeed after it: the rows of
 * earlier batches are lost, though no request is under way any more. */
static int writer_error(const struct cassandra_writer *writer, struct error *error) {
    if (writer->error.code && error)
        *error = writer->error;
    return writer->error.code;
}

/* The same, once. */
static int writer_take_error(struct cassandra_writer *writer, struct error *error) {
    int code = writer->error.code;
    if (code && error)
        *error = writer->error;
    writer->error = (struct error){0};
    return code;
}

static int writer_connect(struct cassandra_writer *writer, struct error *error) {
    if (writer->cluster)
        return 0;
    int status = cassandra_keyspace_prepare(writer->store, error);
    return status ? status : cassandra_connect(writer->store, false, &writer->cluster, error);
}

static int writer_prepare(struct cassandra_writer *writer, struct writer_table *table, struct error *error) {
    char suffix[STORE_TABLE_SIZE];
    store_window_write_table(suffix, &table->table.window);
    struct bytes text = {0};
    bool bucket = table->table.bucket != BUCKET_NONE;
    bytes_append_format(&text,
                        "INSERT INTO %s.metrics_aggregates_%s(gateway, metric, attribute, %swindowstart, min, max, "
                        "avg, samplecount%s%s) "
                        "VALUES(?,?,?,%s?,?,?,?,?%s%s)",
                        writer->store->settings.keyspace, suffix, bucket ? "bucket, " : "",
                        table->table.has_sum ? ", sum" : "", table->table.has_revision ? ", revision" : "",
                        bucket ? "?," : "", table->table.has_sum ? ",?" : "", table->table.has_revision ? ",?" : "");
    bytes_append_char(&text, '\0');
    int status =
        text.failed ? error_no_memory(error) : cql_cluster_prepare(writer->cluster, text.data, &table->insert, error);
    bytes_release(&text);
    return status;
}

/* The table is there, and has the right shape: a node that says otherwise (invalid request, 0x2200) has the change
 * in its tables and not yet in its memory, or the one that had made the table has gone before it told the others.
 * Both pass. */
static int writer_not_prepared(struct error *error) {
    if (error->code == ERROR_INVALID && strstr(error->message, "[0x2200]")) {
        error->code = ERROR_BUSY;
        error->retriable = true;
    }
    return error->code;
}

static int writer_table_of(struct cassandra_writer *writer, const struct store_window *window,
                           const struct writer_table **ret_table, struct error *error) {
    for (size_t i = 0; i < writer->table_count; i++)
        if (store_window_same(&writer->tables[i].table.window, window)) {
            *ret_table = &writer->tables[i];
            return 0;
        }
    if (writer->table_count == CASSANDRA_WINDOWS)
        return error_set(error, ERROR_UNSUPPORTED, "more than %d kinds of windows", CASSANDRA_WINDOWS);
    struct writer_table *table = &writer->tables[writer->table_count];
    int status = cassandra_table_prepare(writer->store, writer->cluster, window, &table->table, error);
    if (status)
        return status;
    if (writer_prepare(writer, table, error))
        return writer_not_prepared(error);
    writer->table_count++;
    *ret_table = table;
    return 0;
}

static int64_t row_day(const struct cassandra_table *table, const struct aggregate_row *row) {
    return table->bucket == BUCKET_NONE ? 0 : cassandra_bucket_day(table->bucket, row->window_start);
}

static int row_compare(const void *a, const void *b) {
    const struct aggregate_row *left = *(const struct aggregate_row *const *)a,
                               *right = *(const struct aggregate_row *const *)b;
    int order = slice_compare(left->series.gateway, right->series.gateway);
    order = order ? order : slice_compare(left->series.type, right->series.type);
    order = order ? order : slice_compare(left->series.attribute, right->series.attribute);
    order = order ? order : (left->window_start > right->window_start) - (left->window_start < right->window_start);
    return order ? order : (left > right) - (left < right); /* of one window: as they came */
}

static bool row_same_partition(const struct cassandra_table *table, const struct aggregate_row *a,
                               const struct aggregate_row *b) {
    return slice_equal(a->series.gateway, b->series.gateway) && slice_equal(a->series.type, b->series.type) &&
           slice_equal(a->series.attribute, b->series.attribute) && row_day(table, a) == row_day(table, b);
}

static void writer_bind(struct cql_request *request, const struct cassandra_table *table,
                        const struct aggregate_row *row) {
    cql_bind_bytes(request, row->series.gateway);
    cql_bind_bytes(request, row->series.type);
    cql_bind_bytes(request, row->series.attribute);
    if (table->bucket != BUCKET_NONE)
        cassandra_bind_bucket(request, table, row_day(table, row));
    cql_bind_bigint(request, row->window_start);
    cql_bind_double(request, row->minimum);
    cql_bind_double(request, row->maximum);
    cql_bind_double(request, row->average);
    cql_bind_bigint(request, (int64_t)row->count);
    if (table->has_sum)
        cql_bind_double(request, row->sum);
    if (table->has_revision)
        cql_bind_bigint(request, row->revision);
}

static int64_t writer_timestamp(struct cassandra_writer *writer, int64_t revision) {
    int64_t now = clock_wall(writer->store->base.options.clock) * 1000;
    writer->timestamp = now > writer->timestamp ? now : writer->timestamp + 1;
    if (revision < 0)
        return writer->timestamp > INCOMPLETE_STEP ? writer->timestamp - INCOMPLETE_STEP : 1;
    return writer->timestamp + (revision < REVISION_MAXIMUM ? revision : REVISION_MAXIMUM) * REVISION_STEP;
}

/* A slot, as soon as there is one. */
static int writer_take(struct cassandra_writer *writer, struct cql_request **ret_request, struct error *error) {
    for (;;) {
        int status = cql_cluster_take(writer->cluster, ret_request, error);
        if (status != ERROR_BUSY || writer->error.code)
            return status == ERROR_BUSY ? writer_error(writer, error) : status;
        size_t enough =
            writer->under_way -
            writer->under_way / 4; /* then many go with one call of the system; the server still has the rest */
        do
            cql_cluster_poll(writer->cluster, POLL_MS);
        while (writer->under_way > enough && !writer->error.code);
    }
}

static int writer_send(struct cassandra_writer *writer, const struct writer_table *table,
                       const struct aggregate_row *const *rows, size_t count, struct error *error) {
    struct cql_request *request = NULL;
    int status = writer_take(writer, &request, error);
    if (status)
        return status;
    request->consistency = writer->store->settings.consistency;
    request->idempotent = true;
    request->timestamp = writer_timestamp(writer, rows[0]->revision);
    if (count > 1)
        cql_request_batch(request);
    for (size_t i = 0; i < count; i++) {
        if (count > 1)
            cql_request_add(request, table->insert);
        else
            cql_request_execute(request, table->insert);
        writer_bind(request, &table->table, rows[i]);
    }
    status = cql_cluster_submit(writer->cluster, request, writer_answered, writer, error);
    writer->under_way += !status;
    writer->sent += status ? 0 : count;
    return status;
}

/* A batch has one timestamp: only one revision goes with it, and a window only once, as of two values with the same
 * timestamp the larger would stand, column by column. */
static bool row_joins(const struct cassandra_table *table, const struct aggregate_row *const *rows, size_t run) {
    const struct aggregate_row *row = rows[run];
    return row->revision == rows[0]->revision && row_same_partition(table, rows[0], row) &&
           (run == 0 || row->window_start != rows[run - 1]->window_start);
}

/* How many of the rows, which are sorted, go together. */
static size_t writer_run(const struct cassandra_table *table, const struct aggregate_row *const *rows, size_t count) {
    size_t bytes = 0, run = 0;
    while (run < count && run < BATCH_ROWS && row_joins(table, rows, run)) {
        bytes += series_key_length(&rows[run]->series) + ROW_OVERHEAD;
        if (run && bytes > BATCH_BYTES)
            break;
        run++;
    }
    return run;
}

int cassandra_write(struct store_writer *door, struct database *transaction, const struct store_window *window,
                    const struct aggregate_row *rows, size_t count, struct error *error) {
    struct cassandra_writer *writer = (struct cassandra_writer *)door;
    const struct writer_table *table = NULL;
    (void)transaction;
    int status = writer_error(writer, error);
    if (!status)
        status = writer_connect(writer, error);
    if (!status)
        status = writer_table_of(writer, window, &table, error);
    if (!status && !memory_reserve((void **)&writer->order, &writer->order_capacity, count, sizeof *writer->order))
        status = error_no_memory(error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        writer->order[i] = &rows[i];
    qsort(writer->order, count, sizeof *writer->order, row_compare);
    for (size_t at = 0; at < count && !status;) {
        size_t run = writer_run(&table->table, writer->order + at, count - at);
        status = writer_send(writer, table, writer->order + at, run, error);
        at += run;
    }
    cql_cluster_poll(writer->cluster, 0);
    return status;
}

int cassandra_flush(struct store_writer *door, struct error *error) {
    struct cassandra_writer *writer = (struct cassandra_writer *)door;
    while (writer->cluster && writer->under_way)
        cql_cluster_poll(writer->cluster, POLL_MS);
    int status = writer_take_error(writer, error);
    if (writer->cluster)
        cassandra_count_client(writer->store, writer->cluster, &writer->counted, status ? 0 : writer->sent);
    writer->sent = 0;
    return status;
}

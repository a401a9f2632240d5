/* What the CQL client alone costs: inserts rows as the store does, one by one and in unlogged batches of one partition, and reads them back in
 * pages. Prints rows a second and seconds of this process's processor time for a million rows.
 *     cassandra_client HOST PORT ROWS [BATCH [IN_FLIGHT [lz4]]]
 * It drops and makes the keyspace meterline_bench. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "store/cassandra/cql_client.h"

enum { SERIES = 100 };

struct bench {
    struct cql_cluster *cluster;
    const struct cql_statement *insert, *select;
    uint64_t answered, failed, rows;
    double sum;
    struct bytes paging_state;
    struct error error;
};

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static _Noreturn void fail(const struct error *error) {
    fprintf(stderr, "cassandra_client: %s\n", error->message);
    exit(1);
}

static void run(struct bench *bench, const char *text) {
    struct cql_request *request;
    if (cql_cluster_take(bench->cluster, &request, &bench->error))
        fail(&bench->error);
    cql_request_query(request, slice_of(text));
    if (cql_cluster_run(bench->cluster, request, NULL, NULL, &bench->error))
        fail(&bench->error);
}

static void inserted(void *context, const struct cql_response *response, const struct error *error) {
    struct bench *bench = context;
    (void)response;
    bench->answered++;
    if (error) {
        bench->failed++;
        bench->error = *error;
    }
}

static struct cql_request *take(struct bench *bench) {
    struct cql_request *request;
    while (cql_cluster_take(bench->cluster, &request, NULL))
        cql_cluster_poll(bench->cluster, 1000);
    return request;
}

static void bind_row(struct cql_request *request, uint64_t row, uint64_t rows) {
    char gateway[24];
    uint64_t series = row / (rows / SERIES);
    int length = snprintf(gateway, sizeof gateway, "%" PRIu64, series);
    cql_bind_bytes(request, (struct slice){gateway, (size_t)length});
    cql_bind_bytes(request, SLICE("ELECTRICITY"));
    cql_bind_bytes(request, SLICE("ACTIVE_POWER"));
    cql_bind_bytes(request, SLICE("2007-01-31"));
    cql_bind_bigint(request, 1170201600000 + (int64_t)(row % (rows / SERIES)) * 60000);
    for (int i = 0; i < 4; i++)
        cql_bind_double(request, (double)row * 0.5 + i);
    cql_bind_bigint(request, 60);
}

static void insert(struct bench *bench, uint64_t rows, uint64_t batch) {
    bench->answered = bench->failed = 0;
    double processor = processor_seconds();
    int64_t begin = clock_monotonic_ns(&clock_system);
    for (uint64_t row = 0; row < rows; row += batch) {
        struct cql_request *request = take(bench);
        request->idempotent = true;
        request->consistency = CQL_LOCAL_ONE;
        if (batch > 1)
            cql_request_batch(request);
        else
            cql_request_execute(request, bench->insert);
        for (uint64_t i = 0; i < batch && row + i < rows; i++) {
            if (batch > 1)
                cql_request_add(request, bench->insert);
            bind_row(request, row + i, rows);
        }
        if (cql_cluster_submit(bench->cluster, request, inserted, bench, &bench->error))
            fail(&bench->error);
    }
    while (bench->answered < (rows + batch - 1) / batch)
        cql_cluster_poll(bench->cluster, 1000);
    double seconds = (double)(clock_monotonic_ns(&clock_system) - begin) / 1e9, million = (double)rows / 1e6;
    printf("insert, %4" PRIu64 " rows a request: %8.0f rows/s, %.2f processor s per million rows, %" PRIu64 " failed\n", batch, (double)rows / seconds,
           (processor_seconds() - processor) / million, bench->failed);
    if (bench->failed)
        fail(&bench->error);
}

static void selected(void *context, const struct cql_response *response, const struct error *error) {
    struct bench *bench = context;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    bench->answered++;
    bench->paging_state.length = 0;
    if (error) {
        bench->error = *error;
        fail(error);
    }
    struct cql_rows rows = response->rows;
    while (cql_rows_next(&rows, cells)) {
        double value;
        if (!cql_cell_double(cells[1], &value))
            abort();
        bench->sum += value;
        bench->rows++;
    }
    bytes_append_slice(&bench->paging_state, response->rows.paging_state);
}

static void read_back(struct bench *bench, uint64_t rows) {
    double processor = processor_seconds();
    int64_t begin = clock_monotonic_ns(&clock_system);
    bench->rows = 0;
    for (int series = 0; series < SERIES; series++) {
        bench->paging_state.length = 0;
        do {
            char gateway[24];
            struct cql_request *request = take(bench);
            cql_request_execute(request, bench->select);
            request->idempotent = true;
            request->consistency = CQL_LOCAL_ONE;
            request->page_size = 500;
            cql_request_page(request, bytes_slice(&bench->paging_state));
            cql_bind_bytes(request, (struct slice){gateway, (size_t)snprintf(gateway, sizeof gateway, "%d", series)});
            if (cql_cluster_run(bench->cluster, request, selected, bench, &bench->error))
                fail(&bench->error);
        } while (bench->paging_state.length);
    }
    double seconds = (double)(clock_monotonic_ns(&clock_system) - begin) / 1e9;
    printf("select, pages of 500 rows:    %8.0f rows/s, %.2f processor s per million rows; %" PRIu64 " rows, sum %.17g\n", (double)bench->rows / seconds,
           (processor_seconds() - processor) / ((double)bench->rows / 1e6), bench->rows, bench->sum);
    if (bench->rows != rows)
        fprintf(stderr, "cassandra_client: %" PRIu64 " rows were written\n", rows);
}

static void prepare(struct bench *bench) {
    run(bench, "DROP KEYSPACE IF EXISTS meterline_bench");
    run(bench, "CREATE KEYSPACE meterline_bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    run(bench, "CREATE TABLE meterline_bench.aggregates (gateway text, metric text, attribute text, bucket text, start timestamp, min double, max double,"
               " sum double, avg double, count bigint, PRIMARY KEY ((gateway, metric, attribute, bucket), start)) WITH CLUSTERING ORDER BY (start DESC)");
    if (cql_cluster_prepare(bench->cluster, "INSERT INTO meterline_bench.aggregates (gateway, metric, attribute, bucket, start, min, max, sum, avg, count)"
                            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &bench->insert, &bench->error) ||
        cql_cluster_prepare(bench->cluster, "SELECT start, avg FROM meterline_bench.aggregates WHERE gateway = ? AND metric = 'ELECTRICITY' AND attribute ="
                            " 'ACTIVE_POWER' AND bucket = '2007-01-31'", &bench->select, &bench->error))
        fail(&bench->error);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: cassandra_client HOST PORT ROWS [BATCH [IN_FLIGHT [lz4]]]\n");
        return 2;
    }
    struct bench bench = {0};
    uint64_t rows = strtoull(argv[3], NULL, 10), batch = argc > 4 ? strtoull(argv[4], NULL, 10) : 20;
    struct cql_contact contact = {argv[1], (uint16_t)atoi(argv[2])};
    struct cql_options options = {.contacts = &contact, .contact_count = 1, .keyspace = "meterline_bench",
                                  .in_flight_maximum = argc > 5 ? strtoull(argv[5], NULL, 10) : 0, .lz4 = argc > 6};
    if (cql_cluster_open(&options, &clock_system, &bench.cluster, &bench.error) || cql_cluster_connect(bench.cluster, 10000, &bench.error))
        fail(&bench.error);
    prepare(&bench);
    insert(&bench, rows, 1);
    insert(&bench, rows, batch ? batch : 1);
    read_back(&bench, rows);
    run(&bench, "DROP KEYSPACE meterline_bench");
    cql_cluster_close(bench.cluster);
    bytes_release(&bench.paging_state);
    return 0;
}

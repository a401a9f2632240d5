/* What the store in Cassandra costs, through its door (store.h), with rows of minutes. Prints a line of JSON.
 *     cassandra_store URL single SERIES MINUTES [FIRST]        a call for each minute: its rows are of different partitions, so each goes alone
 *     cassandra_store URL batched SERIES MINUTES [FIRST]       series by series: rows of one partition are together, and go as batches
 *     cassandra_store URL one-by-one SERIES MINUTES [FIRST]    the original way: each row is acknowledged before the next is sent
 *     cassandra_store URL read SERIES MINUTES READS            days of minutes, a reader opened for each, in one store
 * Series are numbered from FIRST, so that several writers do not write the same rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "store/store.h"

enum { MINUTE = 60000, DAY = 86400000, CALL_ROWS = 4096, NAME_SIZE = 24 };
static const int64_t begin_ms = INT64_C(1167609600000); /* 2007-01-01 */

struct bench {
    struct store *store;
    struct store_writer *writer;
    int64_t series, minutes, first;
    char (*names)[NAME_SIZE];
    struct aggregate_row rows[CALL_ROWS];
    size_t count;
    struct error error;
};

static _Noreturn void fail(const struct error *error) {
    fprintf(stderr, "cassandra_store: %s\n", error->message);
    exit(1);
}

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double seconds(void) {
    return (double)clock_monotonic_ns(&clock_system) / 1e9;
}

static void write_call(struct bench *bench) {
    if (bench->count && store_write(bench->writer, NULL, &(struct store_window){.size = MINUTE}, bench->rows,
                                    bench->count, &bench->error))
        fail(&bench->error);
    bench->count = 0;
}

static void flush(struct bench *bench) {
    write_call(bench);
    if (store_flush(bench->writer, &bench->error))
        fail(&bench->error);
}

static void add_row(struct bench *bench, int64_t series, int64_t minute) {
    double value = (double)(series * 1000 + minute) * 0.25;
    bench->rows[bench->count++] =
        (struct aggregate_row){.series = {slice_of(bench->names[series]), SLICE("ELECTRICITY"), SLICE("ACTIVE_POWER")},
                               .window_start = begin_ms + minute * MINUTE,
                               .window_end = begin_ms + (minute + 1) * MINUTE,
                               .count = 12,
                               .minimum = value,
                               .maximum = value + 1,
                               .sum = value * 12,
                               .average = value};
    if (bench->count == CALL_ROWS)
        write_call(bench);
}

static void insert(struct bench *bench, const char *how) {
    flush(bench);
    add_row(bench, 0, 0); /* connects, makes the table */
    flush(bench);
    double processor = processor_seconds(), begin = seconds();
    bool batched = strcmp(how, "batched") == 0, alone = strcmp(how, "one-by-one") == 0;
    int64_t outer = batched ? bench->series : bench->minutes, inner = batched ? bench->minutes : bench->series;
    for (int64_t i = 0; i < outer; i++)
        for (int64_t j = 0; j < inner; j++) {
            add_row(bench, batched ? i : j, batched ? j : i);
            if (alone)
                flush(bench);
            else if (!batched && j == inner - 1)
                write_call(bench);
        }
    flush(bench);
    printf("{\"rows\":%" PRId64 ",\"seconds\":%.6f,\"cpu\":%.6f}\n", outer * inner, seconds() - begin,
           processor_seconds() - processor);
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double read_day(struct bench *bench, int64_t series, int64_t day) {
    struct store_query query = {.window = {.size = MINUTE},
                                .gateway = bench->names[series],
                                .type = "ELECTRICITY",
                                .attribute = "ACTIVE_POWER",
                                .from = begin_ms + day * DAY,
                                .to = begin_ms + (day + 1) * DAY,
                                .limit = -1};
    struct store_reader *reader;
    struct aggregate_row row;
    int64_t rows = 0, expected = bench->minutes - day * 1440 < 1440 ? bench->minutes - day * 1440 : 1440;
    int status;
    double begin = seconds();
    if (store_reader_open(bench->store, &query, &reader, &bench->error))
        fail(&bench->error);
    while ((status = store_reader_next(reader, &row, &bench->error)) == 1)
        rows++;
    double took = seconds() - begin;
    store_reader_close(reader);
    if (status || rows != expected) {
        error_set(&bench->error, ERROR_CORRUPT, "%" PRId64 " rows of a day came, expected %" PRId64, rows, expected);
        fail(&bench->error);
    }
    return took * 1000;
}

static void read_days(struct bench *bench, int64_t count) {
    double *took = calloc((size_t)count, sizeof *took);
    int64_t days = bench->minutes / 1440;
    uint64_t random = 88172645463325252u;
    if (!took || !days)
        exit(1);
    for (int64_t i = -count / 10; i < count; i++) { /* the first tenth warms the server up */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        double one =
            read_day(bench, (int64_t)(random % (uint64_t)bench->series), (int64_t)(random / 7919 % (uint64_t)days));
        if (i >= 0)
            took[i] = one;
    }
    qsort(took, (size_t)count, sizeof *took, ascending);
    printf("{\"p50\":%.3f,\"p99\":%.3f,\"worst\":%.3f}\n", took[count / 2], took[count * 99 / 100], took[count - 1]);
    free(took);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: see the file's first comment\n");
        return 2;
    }
    static struct bench bench;
    bench.series = atoll(argv[3]);
    bench.minutes = atoll(argv[4]);
    bench.first = argc > 5 ? atoll(argv[5]) : 0;
    bench.names = calloc((size_t)bench.series, sizeof *bench.names);
    struct client_property one = {"cassandra.consistency", "LOCAL_ONE"};
    struct store_options options = {.create = true, .clock = &clock_system, .properties = &one, .property_count = 1};
    if (!bench.names || store_open(argv[1], &options, &bench.store, &bench.error))
        fail(&bench.error);
    bool read = strcmp(argv[2], "read") == 0;
    for (int64_t i = 0; i < bench.series; i++)
        snprintf(bench.names[i], sizeof bench.names[i], "%" PRId64, i + (read ? 0 : bench.first));
    if (read) {
        read_days(&bench, bench.first);
    } else {
        if (store_writer_open(bench.store, &bench.writer, &bench.error))
            fail(&bench.error);
        insert(&bench, argv[2]);
        store_writer_close(bench.writer);
    }
    store_close(bench.store);
    free(bench.names);
    return 0;
}

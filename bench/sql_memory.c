/* What a query costs in memory, per million readings: CPU seconds of reading them, of reading and writing them as
 * they are, and what a filter with a projection, a join with 10,000 thresholds and four windows add. Prints JSON;
 * bench/run makes a table of it. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "codec/avro/avro.h"
#include "core/memory.h"
#include "model/registry_memory.h"
#include "model/schema.h"
#include "sql/session/session.h"
#include "stream/group/stage.h"
#include "stream/source/source_reader.h"
#include "stream/state/key_dictionary.h"

enum { BATCH = 4096, BATCHES = 250, SERIES = 1000, THRESHOLDS = 10000, QUERIES_MAXIMUM = 16 };

static void fail(const char *what, const struct error *error) {
    fprintf(stderr, "bench_sql_memory: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char declarations[] = "CREATE STREAM readings (series STRING KEY, `gateway` STRING, `metricType` STRING, "
                                   "`metricAttribute` STRING, `timestamp` STRING, `value` DOUBLE)"
                                   " WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO', TIMESTAMP='`timestamp`', "
                                   "TIMESTAMP_FORMAT='ISO-8601', "
                                   "KEY_OF='`gateway`.`metricType`.`metricAttribute`', REQUIRED='`value`', "
                                   "MAX_AHEAD='1 DAY');"
                                   "CREATE TABLE thresholds (series STRING PRIMARY KEY, low DOUBLE, high DOUBLE) WITH "
                                   "(KAFKA_TOPIC='thresholds', VALUE_FORMAT='JSON', PARTITIONS=4);";

struct bench {
    struct registry_memory *registry;
    struct session *session;
    const struct query_plan *queries[QUERIES_MAXIMUM];
    size_t count;
    struct arena arena;
    struct bus_batch batches[BATCHES];
};

static int bench_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct bench *bench = context;
    (void)error;
    if (effect->kind == EFFECT_QUERY_START)
        bench->queries[bench->count++] = effect->query;
    return 0;
}

static void bench_write_reading(struct bytes *to, char key[64], size_t *ret_key, uint32_t number, int32_t schema) {
    static const char *const attributes[] = {"ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY"};
    uint32_t series = number % SERIES;
    char gateway[16];
    int length = snprintf(gateway, sizeof gateway, "%" PRIu32, series / 4);
    *ret_key = (size_t)snprintf(key, 64, "%s.ELECTRICITY.%s", gateway, attributes[series % 4]);
    avro_write_reading_head(to, schema, (struct slice){gateway, (size_t)length}, SLICE("ELECTRICITY"),
                            slice_of(attributes[series % 4]));
    avro_write_reading_tail(to, INT64_C(1704067200000) + number / SERIES * INT64_C(5000),
                            (double)(number * 7919 % 250000) / 1000);
}

static void bench_fill(struct bench *bench) {
    struct error error;
    int32_t schema;
    const struct registry *registry = registry_memory_registry(bench->registry);
    if (registry->add(registry->context, "metrics-value", SCHEMA_AVRO, slice_of(schema_reading_avro), &schema, &error))
        fail("registry", &error);
    for (uint32_t b = 0; b < BATCHES; b++) {
        struct bus_record *records = arena_allocate(&bench->arena, BATCH * sizeof *records);
        for (uint32_t i = 0; records && i < BATCH; i++) {
            cleanup(bytes_release) struct bytes value = {0};
            char key[64];
            size_t length;
            bench_write_reading(&value, key, &length, b * BATCH + i, schema);
            records[i] = (struct bus_record){.key = arena_copy(&bench->arena, (struct slice){key, length}),
                                             .value = arena_copy(&bench->arena, bytes_slice(&value)),
                                             .timestamp = INT64_C(1704067200000)};
        }
        if (!records)
            fail("no memory", NULL);
        bench->batches[b] = (struct bus_batch){
            .topic = "metrics", .base_offset = (int64_t)b * BATCH, .records = records, .count = BATCH};
    }
}

static int bench_emit(void *context, const struct sink_plan *sink, const struct bus_record *record,
                      const struct rows *rows, uint32_t row, struct error *error) {
    (void)sink, (void)rows, (void)row, (void)error;
    *(uint64_t *)context += record->value.length;
    return 0;
}

static void bench_load_thresholds(struct bench *bench, const struct query_plan *query, struct stage *stage) {
    const struct source_plan *source = query->stages[0].sources[1]->source;
    struct arena arena = {0};
    struct row_errors errors = {0};
    struct query_counters counters = {0};
    struct operator_context context = {.evaluation = {.arena = &arena, .errors = &errors, .clock = &clock_system},
                                       .counters = &counters};
    struct bus_record *records = arena_allocate(&bench->arena, THRESHOLDS * sizeof *records);
    static const char *const attributes[] = {"ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY"};
    struct source_reader *reader = NULL;
    struct source_rows rows;
    struct error error;
    for (uint32_t i = 0; records && i < THRESHOLDS; i++) {
        char key[64];
        int length = snprintf(key, sizeof key, "%" PRIu32 ".ELECTRICITY.%s", i / 4, attributes[i % 4]);
        records[i] = (struct bus_record){.key = arena_copy(&bench->arena, (struct slice){key, (size_t)length}),
                                         .value = SLICE("{\"LOW\":-1.0,\"HIGH\":1000.0}")};
    }
    struct bus_batch batch = {.topic = "thresholds", .records = records, .count = THRESHOLDS};
    if (!records || source_reader_new(source, registry_memory_registry(bench->registry), &reader, &error) ||
        source_reader_read(reader, &batch, &context.evaluation, &rows, &error) ||
        stage_push(stage, 1, rows.rows, &context, &error))
        fail("thresholds", &error);
    source_reader_free(reader);
    arena_release(&arena);
}

/* The log has just unpacked a batch that comes to a query: it lies in the cache. */
static void bench_unpack(const struct bus_batch *batch) {
    unsigned sum = 0;
    for (size_t i = 0; i < batch->count; i++)
        for (size_t at = 0; at < batch->records[i].value.length; at += 16)
            sum += (unsigned char)batch->records[i].value.data[at] + (unsigned char)*batch->records[i].key.data;
    __asm__ volatile("" : : "r"(sum));
}

/* CPU seconds per million readings of reading them and pushing them through `count` queries; 0: of reading alone. */
static double bench_run(struct bench *bench, size_t first, size_t count) {
    struct arena arena = {0};
    struct row_errors errors = {0};
    struct query_counters counters = {0};
    struct operator_context context = {.evaluation = {.arena = &arena, .errors = &errors, .clock = &clock_system},
                                       .counters = &counters};
    struct stage *stages[QUERIES_MAXIMUM];
    struct source_reader *reader;
    struct error error;
    struct key_dictionaries dictionaries = {0};
    uint64_t bytes = 0;
    struct emitter emitter = {bench_emit, &bytes};
    const struct registry *registry = registry_memory_registry(bench->registry);
    if (source_reader_new(bench->queries[0]->stages[0].sources[0]->source, registry, &reader, &error))
        fail("reader", &error);
    for (size_t i = 0; i < count; i++) {
        const struct query_plan *query = bench->queries[first + i];
        if (stage_open(&query->stages[0], registry, &emitter, &stages[i], &error))
            fail("stage", &error);
        if (query->stages[0].source_count > 1)
            bench_load_thresholds(bench, query, stages[i]);
    }
    context.dictionaries = &dictionaries;
    double seconds = 0;
    for (size_t b = 0; b < BATCHES; b++) {
        struct source_rows rows;
        bench_unpack(&bench->batches[b]);
        double begin = cpu_seconds();
        if (source_reader_read(reader, &bench->batches[b], &context.evaluation, &rows, &error))
            fail("reading", &error);
        for (size_t i = 0; i < count; i++) {
            struct rows *shared = rows_share(&arena, rows.rows);
            context.offset = bench->batches[b].base_offset;
            if (!shared || stage_push(stages[i], 0, shared, &context, &error))
                fail("pushing", &error);
        }
        arena_reset(&arena);
        seconds += cpu_seconds() - begin;
    }
    seconds *= 1e6 / ((double)BATCH * BATCHES);
    for (size_t i = 0; i < count; i++)
        stage_close(stages[i]);
    key_dictionaries_release(&dictionaries);
    source_reader_free(reader);
    evaluation_scratch_free(context.evaluation.scratch);
    arena_release(&arena);
    return seconds;
}

int main(void) {
    static const char queries[] =
        "CREATE STREAM same AS SELECT * FROM readings;"
        "CREATE STREAM filtered AS SELECT series, `gateway`, `metricType`, `metricAttribute`, `timestamp`, `value` * 2 "
        "AS `value` FROM readings WHERE `value` >= 0.0E0 AND `metricType` = 'ELECTRICITY';"
        "CREATE STREAM joined AS SELECT readings.series AS series, `gateway`, `metricType`, `metricAttribute`, "
        "`timestamp`, `value` FROM readings JOIN thresholds ON readings.series = thresholds.series"
        " WHERE `value` >= low AND `value` <= high;"
        "CREATE TABLE w1 AS SELECT series, COUNT(*) AS n, MIN(`value`) AS low, MAX(`value`) AS high, SUM(`value`) AS "
        "total FROM readings WINDOW TUMBLING (SIZE 60 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY series EMIT FINAL;"
        "CREATE TABLE w2 AS SELECT series, COUNT(*) AS n, MIN(`value`) AS low, MAX(`value`) AS high, SUM(`value`) AS "
        "total FROM readings WINDOW TUMBLING (SIZE 600 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY series EMIT FINAL;"
        "CREATE TABLE w3 AS SELECT series, COUNT(*) AS n, MIN(`value`) AS low, MAX(`value`) AS high, SUM(`value`) AS "
        "total FROM readings WINDOW TUMBLING (SIZE 3600 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY series EMIT FINAL;"
        "CREATE TABLE w4 AS SELECT series, COUNT(*) AS n, MIN(`value`) AS low, MAX(`value`) AS high, SUM(`value`) AS "
        "total FROM readings WINDOW TUMBLING (SIZE 86400 SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY series EMIT FINAL;"
        "CREATE STREAM f0 AS SELECT * FROM readings WHERE `value` < 0.0E0; CREATE STREAM f1 AS SELECT * FROM readings "
        "WHERE `value` < 0.0E0; CREATE STREAM f2 AS SELECT * FROM readings WHERE `value` < 0.0E0;"
        "CREATE STREAM f3 AS SELECT * FROM readings WHERE `value` < 0.0E0; CREATE STREAM f4 AS SELECT * FROM readings "
        "WHERE `value` < 0.0E0;";
    static struct bench bench;
    struct error error;
    if (!(bench.registry = registry_memory_new()))
        fail("no memory", NULL);
    struct session_options options = {.registry = registry_memory_registry(bench.registry), .clock = &clock_system};
    if (session_new(&options, &bench.session, &error) ||
        session_execute(bench.session, slice_of(declarations), bench_effect, &bench, &error) ||
        session_execute(bench.session, slice_of(queries), bench_effect, &bench, &error))
        fail("statements", &error);
    bench_fill(&bench);
    bench_run(&bench, 0, 0);
    printf("{\"read\": %.4f, \"same\": %.4f, \"filtered\": %.4f, \"joined\": %.4f, \"windows\": %.4f, \"filters\": "
           "%.4f}\n",
           bench_run(&bench, 0, 0), bench_run(&bench, 0, 1), bench_run(&bench, 1, 1), bench_run(&bench, 2, 1),
           bench_run(&bench, 3, 4), bench_run(&bench, 7, 5));
    session_free(bench.session);
    registry_memory_free(bench.registry);
    arena_release(&bench.arena);
    return 0;
}

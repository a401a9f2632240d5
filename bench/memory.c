/* bench_memory PIPELINE SERIES TICKS GRACE_S [shuffled]: what decoding, looking up and folding into the windows of
 * PIPELINE (share/pipelines/aggregates.sql) costs in memory, and what it must cost at least.
 *
 * A tick brings one reading of each series, in the order of their numbers or shuffled anew, 5 s of event time after
 * the one before. The Avro records of a batch are made outside the measured time; then go over them (1) the operators of
 * the pipeline's queries, from source_reader_read to the results of their aggregates, (2) the whole stages, which also
 * write the records of results, or (3) the floor: it skips strings by their length, reads the time by the places of its
 * digits, is told the series, and folds into four arrays, with no checks, no look-up, no late readings and nothing kept
 * of a closed window. The grace period of the statements is set to GRACE_S.
 *
 * Prints one line: readings, CPU s per million of (1), of decoding alone, of (2) and of (3), bytes a series with exactly
 * four open windows, results of (1) and (3). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/avro/avro.h"
#include "core/memory.h"
#include "model/schema.h"
#include "model/statistics.h"
#include "sql/session/session.h"
#include "stream/group/stage.h"
#include "stream/source/source_reader.h"
#include "stream/state/key_dictionary.h"

enum { SIZES = 4, BATCH = 4096, SCHEMA = 1, TICK = 5000, OPEN_TICKS = 11, QUERIES_MAXIMUM = 16, KEY_SIZE = 64 };
static const int64_t sizes[SIZES] = {60000, 600000, 3600000, 86400000};
#define START INT64_C(1704067200000) /* 2024-01-01T00:00:00Z */

static void fail(const char *what, const struct error *error) {
    fprintf(stderr, "bench_memory: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- the readings
 * --------------------------------------------------------------------------------------------------------------- */

struct input {
    uint32_t series_count, next; /* the next reading's place in its tick */
    int64_t timestamp;
    uint64_t random;
    bool shuffled;
    struct bytes bytes;
    size_t offsets[BATCH + 1];
    char keys[BATCH * KEY_SIZE];
    size_t keys_used;
    struct bus_record records[BATCH];
    uint32_t series[BATCH];
    size_t count;
};

/* The series at place `next` of this tick; shuffled: steps by a prime that does not divide their number, so each
 * comes once. */
static uint32_t input_series(const struct input *input) {
    if (!input->shuffled)
        return input->next;
    static const uint32_t steps[] = {611953, 999331, 700001, 899981, 749993, 824641, 650011};
    uint64_t step = steps[(uint64_t)input->timestamp / TICK % (sizeof steps / sizeof *steps)];
    return (uint32_t)(input->next * step % input->series_count);
}

static void input_write_reading(struct input *input, uint32_t series) {
    static const char *const attributes[] = {"ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY"};
    char gateway[16], *key = input->keys + input->keys_used;
    int length = snprintf(gateway, sizeof gateway, "%" PRIu32, series / 4);
    input->random = input->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    avro_write_reading_head(&input->bytes, SCHEMA, (struct slice){gateway, (size_t)length}, SLICE("ELECTRICITY"),
                            slice_of(attributes[series % 4]));
    avro_write_reading_tail(&input->bytes, input->timestamp, (double)(input->random >> 44) / 1000);
    length = snprintf(key, KEY_SIZE, "%s.ELECTRICITY.%s", gateway, attributes[series % 4]);
    input->keys_used += (size_t)length;
    input->records[input->count] = (struct bus_record){.key = {key, (size_t)length}, .timestamp = input->timestamp};
}

/* The next readings, at most to the end of the tick. */
static void input_fill(struct input *input) {
    input->bytes.length = input->keys_used = 0;
    for (input->count = 0; input->count < BATCH && input->next < input->series_count; input->count++) {
        input->offsets[input->count] = input->bytes.length;
        input->series[input->count] = input_series(input);
        input_write_reading(input, input->series[input->count]);
        input->next++;
    }
    if (input->bytes.failed)
        fail("no memory", NULL);
    input->offsets[input->count] = input->bytes.length;
    for (size_t i = 0; i < input->count; i++)
        input->records[i].value =
            (struct slice){input->bytes.data + input->offsets[i], input->offsets[i + 1] - input->offsets[i]};
    if (input->next == input->series_count) {
        input->next = 0;
        input->timestamp += TICK;
    }
}

/* --- the pipeline
 * ------------------------------------------------------------------------------------------------------------------ */

static int schema_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                       struct error *error) {
    (void)kind;
    (void)context, (void)id, (void)arena, (void)error;
    *ret_schema = slice_of(schema_reading_avro);
    return 0;
}

static int schema_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                      struct error *error) {
    (void)kind;
    (void)context, (void)subject, (void)schema, (void)error;
    *ret_id = SCHEMA;
    return 0;
}

static const struct registry registry = {.find = schema_find, .add = schema_add};

struct pipeline {
    struct session *session;
    const struct query_plan *queries[QUERIES_MAXIMUM];
    size_t count;
};

static int pipeline_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct pipeline *pipeline = context;
    (void)error;
    if (effect->kind == EFFECT_QUERY_START && pipeline->count < QUERIES_MAXIMUM)
        pipeline->queries[pipeline->count++] = effect->query;
    return 0;
}

/* The statements of a file, with another grace period. */
static void pipeline_read(const char *path, int64_t grace, struct bytes *to) {
    static const char grace_of_file[] = "GRACE PERIOD 300 SECONDS";
    struct bytes text = {0};
    FILE *file = fopen(path, "r");
    for (int c; file && (c = fgetc(file)) != EOF;)
        bytes_append_char(&text, (char)c);
    bytes_append_char(&text, '\0');
    if (!file || fclose(file) != 0 || text.failed)
        fail(path, NULL);
    const char *from = text.data;
    for (const char *found; (found = strstr(from, grace_of_file)); from = found + strlen(grace_of_file)) {
        bytes_append(to, from, (size_t)(found - from));
        bytes_append_format(to, "GRACE PERIOD %" PRId64 " SECONDS", grace / 1000);
    }
    bytes_append_string(to, from);
    bytes_release(&text);
}

static void pipeline_open(struct pipeline *pipeline, const char *path, int64_t grace) {
    struct session_options options = {.registry = &registry, .clock = &clock_system};
    struct bytes text = {0};
    struct error error;
    pipeline_read(path, grace, &text);
    if (session_new(&options, &pipeline->session, &error) ||
        session_execute(pipeline->session, bytes_slice(&text), pipeline_effect, pipeline, &error))
        fail("statements", &error);
    bytes_release(&text);
}

/* --- meterline
 * ------------------------------------------------------------------------------------------------------------------ */

struct measure {
    double seconds, decode_seconds, bytes_a_series;
    uint64_t readings, results;
};

/* Where results of aggregates end when they are not written. */
struct counter {
    struct stream_operator op;
    uint64_t *results;
};

static int counter_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                        struct error *error) {
    (void)input, (void)context, (void)error;
    *((struct counter *)op)->results += rows->selected.count;
    return 0;
}

static const struct operator_driver counter_driver = {.name = "counter", .push = counter_push};

static int count_emitted(void *context, const struct sink_plan *sink, const struct bus_record *record,
                         const struct rows *rows, uint32_t row, struct error *error) {
    (void)sink, (void)record, (void)rows, (void)row, (void)error;
    ++*(uint64_t *)context;
    return 0;
}

struct work {
    const struct pipeline *pipeline;
    struct arena arena;
    struct row_errors errors;
    struct query_counters counters;
    struct key_dictionaries dictionaries;
    struct source_reader *reader;
    struct counter counter;
    struct stream_operator *aggregates[QUERIES_MAXIMUM]; /* of each query */
    struct stage *stages[QUERIES_MAXIMUM];               /* or, when results are written, these */
    bool written;
    struct operator_context context;
    struct measure measure;
};

static const struct node_plan *find_aggregate(const struct query_plan *query) {
    const struct node_plan *node = query->stages[0].sink;
    while (node->kind != NODE_AGGREGATE)
        node = node->inputs[0];
    return node;
}

static void work_open(struct work *work, const struct pipeline *pipeline, bool written) {
    const struct source_plan *source = pipeline->queries[0]->stages[0].sources[0]->source;
    struct emitter emitter = {count_emitted, &work->measure.results};
    struct error error;
    *work = (struct work){.pipeline = pipeline, .written = written};
    work->counter = (struct counter){{.driver = &counter_driver}, &work->measure.results};
    work->context = (struct operator_context){
        .evaluation = {.arena = &work->arena, .errors = &work->errors, .clock = &clock_system},
        .counters = &work->counters,
        .dictionaries = &work->dictionaries};
    if (source_reader_new(source, &registry, &work->reader, &error))
        fail("reader", &error);
    for (size_t i = 0; i < pipeline->count; i++)
        if (written ? stage_open(&pipeline->queries[i]->stages[0], &registry, &emitter, &work->stages[i], &error)
                    : group_aggregate_new(&find_aggregate(pipeline->queries[i])->aggregate, &work->counter.op, 0,
                                          &work->aggregates[i], &error))
            fail("operators", &error);
}

static void work_close(struct work *work) {
    for (size_t i = 0; i < work->pipeline->count; i++) {
        stage_close(work->stages[i]);
        if (work->aggregates[i])
            work->aggregates[i]->driver->free(work->aggregates[i]);
    }
    key_dictionaries_release(&work->dictionaries);
    source_reader_free(work->reader);
    evaluation_scratch_free(work->context.evaluation.scratch);
    arena_release(&work->arena);
}

static size_t work_memory(const struct work *work) {
    size_t memory = key_dictionaries_memory(&work->dictionaries);
    for (size_t i = 0; i < work->pipeline->count && !work->written; i++)
        memory += work->aggregates[i]->driver->memory(work->aggregates[i]);
    return memory;
}

static void work_push(struct work *work, struct input *input) {
    struct bus_batch batch = {.topic = "metrics",
                              .base_offset = (int64_t)work->measure.readings,
                              .records = input->records,
                              .count = input->count};
    struct source_rows rows;
    struct error error;
    double begin = cpu_seconds();
    if (source_reader_read(work->reader, &batch, &work->context.evaluation, &rows, &error))
        fail("reading", &error);
    work->measure.decode_seconds += cpu_seconds() - begin;
    work->context.offset = batch.base_offset;
    for (size_t i = 0; i < work->pipeline->count; i++) {
        struct rows *shared = rows_share(&work->arena, rows.rows);
        if (!shared || (work->written ? stage_push(work->stages[i], 0, shared, &work->context, &error)
                                      : operator_push(work->aggregates[i], 0, shared, &work->context, &error)))
            fail("pushing", &error);
    }
    arena_reset(&work->arena);
    work->measure.seconds += cpu_seconds() - begin;
    work->measure.readings += input->count;
}

static struct measure measure_meterline(const struct pipeline *pipeline, struct input *input, int64_t ticks,
                                        bool written) {
    static struct work work;
    work_open(&work, pipeline, written);
    while (input->timestamp < START + ticks * TICK) {
        input_fill(input);
        work_push(&work, input);
        if (input->next == 0 && input->timestamp == START + OPEN_TICKS * TICK)
            work.measure.bytes_a_series = (double)work_memory(&work) / (double)input->series_count;
    }
    if (work.counters.folded != work.measure.readings * pipeline->count)
        fail("not every reading was folded", NULL);
    work_close(&work);
    return work.measure;
}

/* --- the floor
 * ------------------------------------------------------------------------------------------------------------------ */

struct floor_cell {
    int64_t start;
    struct statistics statistics;
};

static int64_t floor_digits(const char *at, int count) {
    int64_t number = 0;
    for (int i = 0; i < count; i++)
        number = number * 10 + (at[i] - '0');
    return number;
}

/* yyyy-mm-ddThh:mm:ssZ; days after H. Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t floor_time(const char *at) {
    int64_t year = floor_digits(at, 4), month = floor_digits(at + 5, 2), day = floor_digits(at + 8, 2);
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return (((days * 24 + floor_digits(at + 11, 2)) * 60 + floor_digits(at + 14, 2)) * 60 + floor_digits(at + 17, 2)) *
           1000;
}

static uint64_t floor_fold(struct floor_cell *cells, int64_t timestamp, double value) {
    uint64_t results = 0;
    for (int i = 0; i < SIZES; i++) {
        int64_t start = timestamp - timestamp % sizes[i];
        if (cells[i].statistics.count && cells[i].start == start) {
            statistics_fold(&cells[i].statistics, value);
        } else {
            results += cells[i].statistics.count != 0;
            cells[i].start = start;
            cells[i].statistics = (struct statistics){value, value, value, 0.0, 1};
        }
    }
    return results;
}

static struct measure measure_floor(struct input *input, int64_t ticks) {
    struct floor_cell(*cells)[SIZES] = memory_zero(input->series_count, sizeof *cells);
    struct measure measure = {0};
    if (!cells)
        fail("no memory", NULL);
    while (input->timestamp < START + ticks * TICK) {
        input_fill(input);
        double begin = cpu_seconds();
        for (size_t i = 0; i < input->count; i++) {
            const char *at = input->records[i].value.data + 5;
            double value;
            for (int skipped = 0; skipped < 3; skipped++)
                at += 1 + (*at >> 1);
            memcpy(&value, at + 1 + (*at >> 1), sizeof value);
            measure.results += floor_fold(cells[input->series[i]], floor_time(at + 1), value);
        }
        measure.seconds += cpu_seconds() - begin;
        measure.readings += input->count;
    }
    free(cells);
    return measure;
}

static struct input *input_new(uint32_t series_count, bool shuffled) {
    struct input *input = memory_zero(1, sizeof *input);
    if (!input)
        fail("no memory", NULL);
    input->series_count = series_count;
    input->shuffled = shuffled;
    input->timestamp = START;
    return input;
}

static void input_free(struct input *input) {
    bytes_release(&input->bytes);
    free(input);
}

int main(int argc, char **argv) {
    bool shuffled = argc == 6 && strcmp(argv[5], "shuffled") == 0;
    if (argc != 5 && !shuffled) {
        fputs("usage: bench_memory PIPELINE SERIES TICKS GRACE_S [shuffled]\n", stderr);
        return 2;
    }
    uint32_t series_count = (uint32_t)strtoul(argv[2], NULL, 10);
    int64_t ticks = strtoll(argv[3], NULL, 10), grace = strtoll(argv[4], NULL, 10) * 1000;
    struct pipeline pipeline = {0};
    struct measure measures[3];
    pipeline_open(&pipeline, argv[1], grace);
    for (int i = 0; i < 3; i++) {
        struct input *input = input_new(series_count, shuffled);
        measures[i] = i < 2 ? measure_meterline(&pipeline, input, ticks, i == 1) : measure_floor(input, ticks);
        input_free(input);
    }
    double millions = (double)measures[0].readings / 1e6;
    printf("{\"readings\": %" PRIu64 ", \"meterline\": %.4f, \"decode\": %.4f, \"written\": %.4f, \"floor\": %.4f, "
           "\"bytes_a_series\": %.1f, \"results\": %" PRIu64 ", \"floor_results\": %" PRIu64 "}\n",
           measures[0].readings, measures[0].seconds / millions, measures[0].decode_seconds / millions,
           measures[1].seconds / millions, measures[2].seconds / millions, measures[0].bytes_a_series,
           measures[0].results, measures[2].results);
    session_free(pipeline.session);
    return 0;
}

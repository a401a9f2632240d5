/* bench_memory SERIES TICKS GRACE_S [shuffled]: what decoding, looking up and folding into four windows costs in
 * memory, and what it must cost at least.
 *
 * A tick brings one reading of each series, in the order of their numbers or shuffled anew, 5 s of event time after
 * the one before. The Avro values of a batch are made outside the measured time, then (1) reading_decoder_decode,
 * window_aggregate_push and _take, or (2) the floor goes over them: the floor skips strings by their length, reads
 * the time by the places of its digits, is told the series, and folds into four arrays, with no checks, no look-up,
 * no late readings and nothing kept of a closed window.
 *
 * Prints one line: readings, CPU s per million of both, bytes a series with exactly four open windows, results of
 * both. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/avro/avro.h"
#include "codec/reading_decoder.h"
#include "core/memory.h"
#include "model/time.h"
#include "stream/aggregate/window_aggregate.h"

enum { SIZES = 4, BATCH = 4096, ROOM = 4096, SCHEMA = 1, TICK = 5000, OPEN_TICKS = 11 };
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
    struct slice values[BATCH];
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
    char gateway[16];
    int length = snprintf(gateway, sizeof gateway, "%" PRIu32, series / 4);
    input->random = input->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    avro_write_reading_head(&input->bytes, SCHEMA, (struct slice){gateway, (size_t)length}, SLICE("ELECTRICITY"),
                            slice_of(attributes[series % 4]));
    avro_write_reading_tail(&input->bytes, input->timestamp, (double)(input->random >> 44) / 1000);
}

/* The next readings, at most to the end of the tick. */
static void input_fill(struct input *input) {
    input->bytes.length = 0;
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
        input->values[i] =
            (struct slice){input->bytes.data + input->offsets[i], input->offsets[i + 1] - input->offsets[i]};
    if (input->next == input->series_count) {
        input->next = 0;
        input->timestamp += TICK;
    }
}

/* --- meterline
 * ------------------------------------------------------------------------------------------------------------------ */

static int schema_find(void *context, int32_t id, struct arena *arena, struct slice *ret_schema, struct error *error) {
    (void)context, (void)id, (void)arena, (void)error;
    *ret_schema = slice_of(schema_reading_avro);
    return 0;
}

static int schema_add(void *context, const char *subject, struct slice schema, int32_t *ret_id, struct error *error) {
    (void)context, (void)subject, (void)schema, (void)error;
    *ret_id = SCHEMA;
    return 0;
}

struct measure {
    double seconds, bytes_a_series;
    uint64_t readings, results;
};

static uint64_t take_results(struct window_aggregate *aggregate, struct aggregate_row *rows) {
    struct error error;
    uint64_t results = 0;
    for (size_t count = 1; count; results += count)
        if (window_aggregate_take(aggregate, rows, ROOM, &count, &error))
            fail("take", &error);
    return results;
}

static struct measure measure_meterline(struct input *input, int64_t ticks, int64_t grace) {
    static const struct registry registry = {.find = schema_find, .add = schema_add};
    static struct aggregate_row rows[ROOM];
    static uint16_t late[BATCH];
    static int64_t stream_times[BATCH];
    struct window_settings settings = {.size_count = SIZES, .grace = grace};
    struct window_fold fold = {.late = late, .stream_times = stream_times};
    struct reading_decoder *decoder;
    struct window_aggregate *aggregate;
    struct error error;
    struct measure measure = {0};
    memcpy(settings.sizes, sizes, sizeof sizes);
    if (reading_decoder_new(&registry, &decoder, &error) || window_aggregate_new(&settings, &aggregate, &error))
        fail("opening", &error);
    struct batch *batch = batch_new(&schema_reading, BATCH);
    if (!batch)
        fail("no memory", NULL);
    while (input->timestamp < START + ticks * TICK) {
        input_fill(input);
        double begin = cpu_seconds();
        if (reading_decoder_decode(decoder, input->values, sizeof *input->values, input->count,
                                   (int64_t)measure.readings, batch, &error) ||
            window_aggregate_push(aggregate, batch, 0, batch->count, &fold, &error))
            fail("decoding and folding", &error);
        if (window_aggregate_has_closed(aggregate))
            measure.results += take_results(aggregate, rows);
        measure.seconds += cpu_seconds() - begin;
        measure.readings += input->count;
        if (input->next == 0 && input->timestamp == START + OPEN_TICKS * TICK)
            measure.bytes_a_series =
                (double)window_aggregate_memory(aggregate) / (double)window_aggregate_groups(aggregate);
    }
    if (fold.folded[0] != measure.readings)
        fail("not every reading was folded", NULL);
    batch_free(batch);
    window_aggregate_free(aggregate);
    reading_decoder_free(decoder);
    return measure;
}

/* --- the floor
 * ------------------------------------------------------------------------------------------------------------------ */

struct floor_cell {
    int64_t start;
    struct aggregate aggregate;
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
        if (cells[i].aggregate.count && cells[i].start == start) {
            aggregate_fold(&cells[i].aggregate, value);
        } else {
            results += cells[i].aggregate.count != 0;
            cells[i].start = start;
            aggregate_start(&cells[i].aggregate, value);
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
            const char *at = input->values[i].data + 5;
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
    bool shuffled = argc == 5 && strcmp(argv[4], "shuffled") == 0;
    if (argc != 4 && !shuffled) {
        fputs("usage: bench_memory SERIES TICKS GRACE_S [shuffled]\n", stderr);
        return 2;
    }
    uint32_t series_count = (uint32_t)strtoul(argv[1], NULL, 10);
    int64_t ticks = strtoll(argv[2], NULL, 10), grace = strtoll(argv[3], NULL, 10) * 1000;
    struct input *input = input_new(series_count, shuffled);
    struct measure meterline = measure_meterline(input, ticks, grace);
    input_free(input);
    input = input_new(series_count, shuffled);
    struct measure floor = measure_floor(input, ticks);
    input_free(input);
    printf("{\"readings\": %" PRIu64
           ", \"meterline\": %.4f, \"floor\": %.4f, \"bytes_a_series\": %.1f, \"results\": %" PRIu64
           ", \"floor_results\": %" PRIu64 "}\n",
           meterline.readings, meterline.seconds * 1e6 / (double)meterline.readings,
           floor.seconds * 1e6 / (double)floor.readings, meterline.bytes_a_series, meterline.results, floor.results);
    return 0;
}

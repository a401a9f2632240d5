/* What writing to the lake costs: readings of many meters, one every five minutes for a month, gathered, sorted, written as data files of a folder and
 * committed, as the lake's sink does it; then compacted. Prints JSON: CPU seconds a million readings, bytes a reading fresh and compacted, ms of a commit, the
 * memory at its largest, and, as the floor, zstd of the values alone.
 *
 *     bench_lake FOLDER METERS MONTHS */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <zstd.h>

#include "core/memory.h"
#include "core/random.h"
#include "lake/maintain.h"
#include "stream/sink/lake_readings.h"

enum { ATTRIBUTES = 4, STEP = 300000, COMMITS = 30, MEMORY = 64 << 20 };
#define MONTH INT64_C(2592000000)

static void fail(const struct error *error) {
    fprintf(stderr, "bench_lake: %s\n", error->message);
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double wall_ms(void) {
    return (double)clock_monotonic_ns(&clock_system) / 1e6;
}

/* A slow curve of the day with some noise, in steps of the meter's resolution. */
static double reading_value(int64_t meter, int attribute, int64_t tick) {
    int64_t noise = (int64_t)(random_mix((uint64_t)(meter * 31 + attribute + tick * 1000003)) % 40);
    int64_t level = 2300 + (tick / 12) % 24 * 3;
    return (double)(level + noise) / (attribute == 0 ? 10 : 100);
}

struct bench {
    struct lake_table *table;
    struct lake_snapshot schema;
    struct arena arena, file_arena;
    struct lake_readings readings;
    struct lake_new_file *files;
    size_t file_count, file_capacity;
    int64_t count, bytes, commits;
    double commit_ms, generate_seconds;
};

static void bench_spill(struct bench *bench, size_t limit) {
    struct error error;
    while (bench->readings.bytes > limit) {
        size_t month = lake_readings_biggest(&bench->readings);
        if (month == SIZE_MAX)
            return;
        if (!memory_reserve((void **)&bench->files, &bench->file_capacity, bench->file_count + 1,
                            sizeof *bench->files) ||
            lake_readings_write(&bench->readings, month, bench->table, &bench->schema, "bench", &bench->file_arena,
                                &bench->files[bench->file_count], &error))
            fail(&error);
        bench->bytes += bench->files[bench->file_count++].file.bytes;
    }
}

static void bench_commit(struct bench *bench) {
    struct error error;
    bench_spill(bench, 0);
    struct lake_change change = {.added = bench->files, .added_count = bench->file_count};
    double begin = wall_ms();
    if (lake_commit(bench->table, &change, NULL, &error))
        fail(&error);
    bench->commit_ms += wall_ms() - begin;
    bench->commits++;
    bench->file_count = 0;
    arena_reset(&bench->file_arena);
}

/* Ticks [from, to) of all meters, in the order of time, as a log has them. */
static void bench_ticks(struct bench *bench, int64_t meters, int64_t from, int64_t to, bool add) {
    static const char *const attributes[ATTRIBUTES] = {"VOLTAGE", "ACTIVE_POWER", "REACTIVE_POWER", "INTENSITY"};
    struct error error;
    volatile double sink = 0;
    for (int64_t tick = from; tick < to; tick++)
        for (int64_t meter = 0; meter < meters; meter++)
            for (int a = 0; a < ATTRIBUTES; a++) {
                char name[32];
                size_t length = (size_t)snprintf(name, sizeof name, "meter-%lld", (long long)meter);
                struct series series = {{name, length}, SLICE("ELECTRICITY"), slice_of(attributes[a])};
                double value = reading_value(meter, a, tick);
                sink = value;
                if (add && lake_readings_add(&bench->readings, &series, 54 * 12 * MONTH + tick * STEP, value, &error))
                    fail(&error);
                if (add && bench->readings.bytes > MEMORY)
                    bench_spill(bench, MEMORY);
                bench->count += add;
            }
    (void)sink;
}

static double peak_megabytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Values of one series after the other, compressed as they are: what no format without a model comes below. */
static double floor_seconds(int64_t meters, int64_t ticks) {
    size_t count = (size_t)(meters * ATTRIBUTES * ticks), at = 0;
    double *values = memory_zero(count, sizeof *values);
    size_t room = ZSTD_compressBound(count * sizeof *values);
    void *to = malloc(room);
    if (!values || !to)
        exit(1);
    for (int64_t meter = 0; meter < meters; meter++)
        for (int a = 0; a < ATTRIBUTES; a++)
            for (int64_t tick = 0; tick < ticks; tick++)
                values[at++] = reading_value(meter, a, tick);
    double begin = cpu_seconds();
    if (ZSTD_isError(ZSTD_compress(to, room, values, count * sizeof *values, 3)))
        exit(1);
    double seconds = (cpu_seconds() - begin) / (double)count * 1e6;
    free(values);
    free(to);
    return seconds;
}

int main(int argc, char **argv) {
    struct lake_options options = {.create = true, .clock = &clock_system};
    struct lake *lake;
    struct bench bench = {0};
    struct error error;
    if (argc != 4)
        return 2;
    int64_t meters = atoll(argv[2]), ticks = atoll(argv[3]) * (MONTH / STEP);
    if (lake_open(argv[1], &options, &lake, &error) ||
        lake_table_ensure(lake, LAKE_READINGS, &lake_readings, &bench.table, &error) ||
        lake_snapshot_read(bench.table, 0, &bench.arena, &bench.schema, &error))
        fail(&error);
    double begin = cpu_seconds();
    bench_ticks(&bench, meters, 0, ticks, false);
    bench.generate_seconds = cpu_seconds() - begin;
    begin = cpu_seconds();
    for (int i = 0; i < COMMITS; i++) {
        bench_ticks(&bench, meters, ticks * i / COMMITS, ticks * (i + 1) / COMMITS, true);
        bench_commit(&bench);
    }
    double write = (cpu_seconds() - begin - bench.generate_seconds) / (double)bench.count * 1e6,
           peak = peak_megabytes();
    struct lake_compaction compaction = {0};
    struct lake_compacted compacted;
    struct lake_snapshot after;
    begin = cpu_seconds();
    if (lake_compact(bench.table, &compaction, &compacted, &error) ||
        lake_snapshot_read(bench.table, 0, &bench.arena, &after, &error))
        fail(&error);
    double compact = cpu_seconds() - begin;
    int64_t bytes = 0;
    for (size_t i = 0; i < after.file_count; i++)
        bytes += after.files[i].bytes;
    printf("{\"readings\": %lld, \"write\": %.4f, \"fresh\": %.3f, \"compact\": %.4f, \"compacted\": %.3f, "
           "\"commit_ms\": %.2f, "
           "\"peak_mb\": %.0f, \"floor\": %.4f}\n",
           (long long)bench.count, write, (double)bench.bytes / (double)bench.count,
           compact / (double)bench.count * 1e6, (double)bytes / (double)bench.count,
           bench.commit_ms / (double)bench.commits, peak, floor_seconds(meters < 50 ? meters : 50, ticks));
    lake_readings_release(&bench.readings);
    free(bench.files);
    arena_release(&bench.arena);
    arena_release(&bench.file_arena);
    lake_table_close(bench.table);
    lake_close(lake);
    return 0;
}

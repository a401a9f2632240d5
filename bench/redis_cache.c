/* Updates of the cache in Redis through its door (cache.h): ROUNDS times a newer timestamp (with a value when
 * `values` is given) for each of KEYS keys. Prints a line of JSON.
 *     redis_cache URL KEYS ROUNDS [values] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "store/cache.h"

enum { NAME_SIZE = 40, CALL_ENTRIES = 8192 };

static double processor_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static _Noreturn void fail(const struct error *error) {
    fprintf(stderr, "redis_cache: %s\n", error->message);
    exit(1);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: redis_cache URL KEYS ROUNDS [values]\n");
        return 2;
    }
    int64_t keys = atoll(argv[2]), rounds = atoll(argv[3]);
    bool values = argc > 4;
    struct cache *cache;
    struct cache_writer *writer;
    struct error error;
    struct cache_options options = {.create = true, .clock = &clock_system};
    char(*names)[NAME_SIZE] = calloc((size_t)keys, sizeof *names);
    struct cache_entry *entries = calloc((size_t)keys, sizeof *entries);
    if (!names || !entries || cache_open(argv[1], &options, &cache, &error) ||
        cache_writer_open(cache, &writer, &error))
        fail(&error);
    for (int64_t i = 0; i < keys; i++) {
        snprintf(names[i], sizeof names[i], values ? "%012" PRId64 ".WATER.FLOW" : "key:%012" PRId64,
                 i); /* as long as redis-benchmark's */
        entries[i] = (struct cache_entry){.key = slice_of(names[i]), .has_value = values};
    }
    double processor = processor_seconds();
    int64_t begin = clock_monotonic_ns(&clock_system);
    for (int64_t round = 0; round < rounds; round++) {
        for (int64_t i = 0; i < keys; i++) {
            entries[i].timestamp = INT64_C(1700000000000) + round * 1000;
            entries[i].value = (double)(i + round) * 0.125;
        }
        for (int64_t at = 0; at < keys; at += CALL_ENTRIES)
            if (cache_write(writer, entries + at, (size_t)(keys - at < CALL_ENTRIES ? keys - at : CALL_ENTRIES),
                            &error))
                fail(&error);
    }
    printf("{\"updates\":%" PRId64 ",\"seconds\":%.6f,\"cpu\":%.6f}\n", keys * rounds,
           (double)(clock_monotonic_ns(&clock_system) - begin) / 1e9, processor_seconds() - processor);
    cache_writer_close(writer);
    cache_close(cache);
    free(entries);
    free(names);
    return 0;
}

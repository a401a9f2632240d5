/* The floor of ingest: the same line protocol parsed into nothing. bench_ingest_floor BATCH: prints CPU seconds a million readings. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/bytes.h"
#include "ingest/payload.h"

enum { SERIES = 1000, READINGS = 2000000 };

static double cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    int batch = argc > 1 ? atoi(argv[1]) : 1000;
    struct bytes body = {0};
    struct arena arena = {0};
    struct payload_reader *reader;
    struct error error;
    size_t read = 0;
    for (int i = 0; i < batch; i++)
        bytes_append_format(&body, "readings,gateway=gw%d,type=ELECTRICITY active_power=%d.%03d %lld\n", i % SERIES,
                            i % 5000, i * 7 % 1000, 1700000000000LL + i / SERIES * 1000LL);
    if (payload_reader_new(&reader, &error))
        return 1;
    double begun = cpu();
    while (read < READINGS) {
        struct payload payload = {.format = PAYLOAD_LINE_PROTOCOL,
                                  .precision = PAYLOAD_MILLISECONDS,
                                  .body = bytes_slice(&body),
                                  .received = 1700000000000LL};
        struct payload_result result;
        if (payload_read(reader, &payload, &arena, &result, &error) || result.count != (size_t)batch)
            return 1;
        read += result.count;
        arena_reset(&arena);
    }
    printf("%.4f\n", (cpu() - begun) / (double)read * 1e6);
    payload_reader_free(reader);
    arena_release(&arena);
    bytes_release(&body);
    return 0;
}

/* Fuzz target: any bytes as a CSV file, the first of them choosing what the settings leave open; every reading that
 * comes out must be valid, and rows and readings must add up. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/time/time.h"
#include "replay/import/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void import_check(const struct import *import) {
    const struct import_counts *counts = import_counts(import);
    if (counts->wrong < 0 || (size_t)counts->wrong != import->wrong_count || counts->sums > counts->rows)
        abort();
    for (size_t i = 0; i < import->reading_count; i++) {
        const struct import_reading *reading = &import->readings[i];
        if (reading->series >= import->source.series_count || reading->time < TIME_MINIMUM ||
            reading->time > TIME_MAXIMUM || !isfinite(reading->value) || (i && reading->time < reading[-1].time))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[40];
    int file = memfd_create("import", 0);
    unsigned choice = size ? data[0] : 0;
    if (file < 0 || (size && write(file, data + 1, size - 1) != (ssize_t)size - 1))
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct import_settings settings = {.zone = "Europe/Vienna",
                                       .type = "E",
                                       .attribute = choice & 1 ? "A" : NULL,
                                       .gateway = choice & 2 ? "g" : NULL,
                                       .date = choice & 4 ? "day-first" : NULL,
                                       .decimal = choice & 8 ? "comma" : NULL};
    struct import *import = NULL;
    struct error error;
    if (import_open(&settings, (const char *[]){path}, 1, &import, &error) == 0) {
        struct bytes text = {0};
        import_check(import);
        import_describe(import, &text);
        import_map_write(import, &text);
        bytes_release(&text);
    }
    import_close(import);
    close(file);
    return 0;
}

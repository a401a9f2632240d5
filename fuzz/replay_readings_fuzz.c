/* Fuzz target: any bytes as a file of type readings; every reading that comes out must be valid and belong to a
 * series. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/time/time.h"
#include "replay/source_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct replay_settings settings = {.type = "readings", .file = "memory"};
    struct input *input;
    struct replay_source *source;
    struct replay_reading reading;
    if (input_open_memory((struct slice){(const char *)data, size}, &input, NULL) ||
        source_open_input(&settings, input, &source, NULL))
        return 0;
    while (replay_source_next(source, &reading, NULL) == 1) {
        const struct series *series = replay_source_series(source, reading.series);
        if (!series || !series->gateway.length || reading.timestamp < TIME_MINIMUM ||
            reading.timestamp > TIME_MAXIMUM || !isfinite(reading.value))
            abort();
    }
    const struct replay_counts *counts = replay_source_counts(source);
    if (counts->missing + counts->malformed > counts->rows)
        abort();
    replay_source_close(source);
    return 0;
}

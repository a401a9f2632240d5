/* Fuzz target: the first byte is the format, the rest the payload. Every reading must be valid by the rules of the door,
 * every text that is rejected must lie in the payload, and reading it twice must find the same. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/reading.h"
#include "core/text.h"
#include "ingest/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(const struct payload *payload, const struct payload_result *result, struct arena *arena) {
    for (size_t i = 0; i < result->count; i++) {
        struct reading reading = {.series = result->readings[i].series,
                                  .timestamp = result->readings[i].timestamp,
                                  .value = result->readings[i].value};
        if (reading_check(&reading, arena) || !utf8_valid(reading.series.gateway) ||
            reading.timestamp < payload_limits_default.earliest || result->readings[i].line == 0)
            abort();
    }
    for (size_t i = 0; i < result->rejected; i++) {
        const struct payload_rejection *rejection = &result->rejections[i];
        if (rejection->text.data < payload->body.data || !rejection->reason ||
            rejection->text.data + rejection->text.length > payload->body.data + payload->body.length)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct payload payload = {.format = (enum payload_format)(data[0] % (PAYLOAD_DSMR + 1)),
                              .precision = (enum payload_precision)(data[0] / 16 % (PAYLOAD_AUTO + 1)),
                              .body = {(const char *)data + 1, size - 1},
                              .received = INT64_C(1700000000000),
                              .gateway = SLICE("g"),
                              .type = SLICE("T"),
                              .attribute = SLICE("A")};
    struct payload_reader *reader;
    struct payload_result first, second;
    struct arena arena = {0};
    if (payload_reader_new(&reader, NULL))
        return 0;
    if (payload_read(reader, &payload, &arena, &first, NULL) || payload_read(reader, &payload, &arena, &second, NULL))
        abort();
    fuzz_check(&payload, &first, &arena);
    if (first.count != second.count || first.rejected != second.rejected || first.not_numeric != second.not_numeric)
        abort();
    payload_reader_free(reader);
    arena_release(&arena);
    return 0;
}

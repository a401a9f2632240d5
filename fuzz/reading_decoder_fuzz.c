/* Fuzz target: the first byte says where to cut the rest into record values; each row that comes out good is a valid
 * reading, each rejected one has a reason, and decoding one by one gives the same as decoding together. */
#include <math.h>
#include <stdlib.h>

#include "codec/reading_decoder.h"
#include "model/series.h"
#include "model/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int registry_find(void *context, int32_t id, struct arena *arena, struct slice *ret_schema,
                         struct error *error) {
    (void)context;
    if (id % 3 == 0)
        return error_set(error, ERROR_NOT_FOUND, "no schema");
    *ret_schema = arena_copy(arena, id % 3 == 1 ? slice_of(schema_reading_avro) : SLICE("\"string\""));
    return 0;
}

static void check_good(const struct batch *batch, size_t row) {
    struct series series = {batch->columns[READING_GATEWAY].strings[row], batch->columns[READING_TYPE].strings[row],
                            batch->columns[READING_ATTRIBUTE].strings[row]};
    int64_t time = batch->columns[READING_TIMESTAMP].integers[row];
    if (!series.gateway.length || !series.type.length || !series.attribute.length ||
        series_key_length(&series) > SERIES_KEY_MAXIMUM)
        abort();
    for (size_t i = 0; i < series.gateway.length; i++)
        if ((unsigned char)series.gateway.data[i] < 0x20 || series.gateway.data[i] == 0x7f)
            abort();
    if (time < TIME_MINIMUM || time > TIME_MAXIMUM || !isfinite(batch->columns[READING_VALUE].doubles[row]))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { COUNT = 4 };
    const struct registry registry = {.find = registry_find};
    struct reading_decoder *decoder;
    struct slice values[COUNT] = {{NULL, 0}};
    if (size < 1 || reading_decoder_new(&registry, &decoder, NULL))
        return 0;
    struct batch *batch = batch_new(&schema_reading, 1), *single = batch_new(&schema_reading, 1);
    size_t cut = 1 + data[0] % size;
    for (size_t i = 0, at = 1; i < COUNT && at < size; i++, at += cut)
        values[i] = (struct slice){(const char *)data + at, size - at < cut ? size - at : cut};
    if (reading_decoder_decode(decoder, values, sizeof *values, COUNT, 7, batch, NULL) || batch->count != COUNT)
        abort();
    for (size_t row = 0; row < COUNT; row++) {
        if (batch->status[row] == ROW_GOOD)
            check_good(batch, row);
        if ((batch->status[row] == ROW_REJECTED) != (batch->reasons[row] && *batch->reasons[row]))
            abort();
        if (reading_decoder_decode(decoder, &values[row], sizeof *values, 1, 7, single, NULL) ||
            single->status[0] != batch->status[row])
            abort();
    }
    reading_decoder_free(decoder);
    batch_free(batch);
    batch_free(single);
    return 0;
}

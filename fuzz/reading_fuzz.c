/* Fuzz target: the first byte says where to cut the rest into record values; each row that comes out good is a valid
 * reading, each rejected one has a reason, and decoding one by one gives the same as decoding together. */
#include <math.h>
#include <stdlib.h>

#include "codec/reading.h"
#include "model/schema.h"
#include "model/time/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int registry_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                         struct slice *ret_schema, struct error *error) {
    (void)kind;
    (void)context;
    if (id % 3 == 0)
        return error_set(error, ERROR_NOT_FOUND, "no schema");
    *ret_schema = arena_copy(arena, id % 3 == 1 ? slice_of(schema_reading_avro) : SLICE("\"string\""));
    return 0;
}

static void check_good(const struct reading *reading) {
    const struct series *series = &reading->series;
    if (!series->gateway.length || !series->type.length || !series->attribute.length ||
        series_key_length(series) > SERIES_KEY_MAXIMUM)
        abort();
    for (size_t i = 0; i < series->gateway.length; i++)
        if ((unsigned char)series->gateway.data[i] < 0x20 || series->gateway.data[i] == 0x7f)
            abort();
    if (reading->timestamp < TIME_MINIMUM || reading->timestamp > TIME_MAXIMUM || !isfinite(reading->value))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { COUNT = 4 };
    const struct registry registry = {.find = registry_find};
    struct reading_reader *reader;
    struct arena arena = {0};
    struct slice values[COUNT] = {{NULL, 0}};
    struct reading *readings, *single;
    if (size < 1 || reading_reader_new(FORMAT_AVRO, &registry, &reader, NULL))
        return 0;
    size_t cut = 1 + data[0] % size;
    for (size_t i = 0, at = 1; i < COUNT && at < size; i++, at += cut)
        values[i] = (struct slice){(const char *)data + at, size - at < cut ? size - at : cut};
    if (reading_reader_read(reader, values, sizeof *values, COUNT, &arena, &readings, NULL))
        abort();
    for (size_t row = 0; row < COUNT; row++) {
        if (readings[row].reason ? !*readings[row].reason || readings[row].null : false)
            abort();
        if (!readings[row].reason && !readings[row].null)
            check_good(&readings[row]);
        if (reading_reader_read(reader, &values[row], sizeof *values, 1, &arena, &single, NULL) ||
            single->null != readings[row].null || !single->reason != !readings[row].reason)
            abort();
    }
    reading_reader_free(reader);
    arena_release(&arena);
    return 0;
}

/* Fuzz target: any bytes as a writer's schema. Bodies that were written with it are readings or have a reason. */
#include <stdlib.h>

#include "codec/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int registry_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                         struct slice *ret_schema, struct error *error) {
    const struct slice *schema = context;
    (void)kind, (void)id, (void)error;
    *ret_schema = arena_copy(arena, *schema);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct slice values[] = {SLICE("\0\0\0\0\1"),
                                          SLICE("\0\0\0\0\1\2a\2b\2c\x14"
                                                "2007-01-01"
                                                "12345678"),
                                          SLICE("\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")};
    enum { COUNT = sizeof values / sizeof *values };
    struct slice schema = {(const char *)data, size};
    const struct registry registry = {.find = registry_find, .context = &schema};
    struct reading_reader *reader;
    struct reading *readings;
    struct arena arena = {0};
    if (reading_reader_new(FORMAT_AVRO, &registry, &reader, NULL) ||
        reading_reader_read(reader, values, sizeof *values, COUNT, &arena, &readings, NULL))
        abort();
    for (size_t i = 0; i < COUNT; i++)
        if (readings[i].reason && !*readings[i].reason)
            abort();
    reading_reader_free(reader);
    arena_release(&arena);
    return 0;
}

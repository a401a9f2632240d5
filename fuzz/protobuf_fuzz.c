/* A schema's text and a message, divided by the first NUL byte: neither may crash or read out of bounds, and what a
 * message without a registry is read as is read again when it has been written. */
#include <stdlib.h>
#include <string.h>

#include "codec/row/row_codec.h"
#include "core/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct type array_of_double = {.kind = TYPE_ARRAY, .element = &type_double};
static const struct type_field fields[] = {{{"n", 1}, &type_bigint}, {{"l", 1}, &array_of_double}};
static const struct type record = {.kind = TYPE_STRUCT, .fields = fields, .field_count = 2};
static const struct type map = {.kind = TYPE_MAP, .key = &type_string, .element = &record};
static const struct type decimal_type = {.kind = TYPE_DECIMAL, .precision = 10, .scale = 3};
static const struct row_column columns[] = {
    {{"a", 1}, &type_integer}, {{"b", 1}, &type_string}, {{"c", 1}, &map},        {{"d", 1}, &decimal_type},
    {{"e", 1}, &type_date},    {{"f", 1}, &type_time},   {{"g", 1}, &type_bytes}, {{"h", 1}, &type_timestamp},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static int schema_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                       struct error *error) {
    (void)kind, (void)id, (void)arena, (void)error;
    *ret_schema = *(const struct slice *)context;
    return 0;
}

static bool read_one(const struct row_format *format, const struct registry *registry, struct slice text,
                     struct arena *arena, struct vector *vectors) {
    struct row_reader *reader = NULL;
    struct error error;
    const char *reason;
    uint8_t status = ROW_READ_BAD;
    if (row_reader_new(format, columns, COLUMNS, registry, &reader, &error) ||
        row_reader_read(reader, &text, sizeof text, 1, arena, vectors, &status, &reason, &error))
        abort();
    row_reader_free(reader);
    return status == ROW_READ_GOOD;
}

static void round_trip(struct arena *arena, struct vector *vectors, const struct row_format *format) {
    cleanup(bytes_release) struct bytes once = {0}, twice = {0};
    struct row_writer *writer = NULL;
    struct error error;
    if (row_writer_new(format, columns, COLUMNS, NULL, &writer, &error))
        abort();
    if (row_writer_write(writer, vectors, 0, &once, &error) == 0) {
        if (!read_one(format, NULL, bytes_slice(&once), arena, vectors) ||
            row_writer_write(writer, vectors, 0, &twice, &error) ||
            !slice_equal(bytes_slice(&once), bytes_slice(&twice)))
            abort();
    }
    row_writer_free(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct row_format plain = {.format = FORMAT_PROTOBUF_NOSR, .wrapped = true};
    static const struct row_format framed = {.format = FORMAT_PROTOBUF, .wrapped = true};
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes wire = {0};
    const uint8_t *divide = size ? memchr(data, 0, size) : NULL;
    struct slice schema = {(const char *)data, divide ? (size_t)(divide - data) : size};
    struct slice message = {(const char *)data + schema.length, size - schema.length};
    const struct registry registry = {.find = schema_find, .context = &schema};
    struct vector vectors[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        if (!vector_allocate(&arena, columns[i].type, 1, &vectors[i]))
            return 0;
    bytes_append(&wire, "\0\0\0\0\1", 5);
    bytes_append_slice(&wire, message);
    if (!wire.failed)
        read_one(&framed, &registry, bytes_slice(&wire), &arena, vectors);
    if (message.length && read_one(&plain, NULL, (struct slice){message.data + 1, message.length - 1}, &arena, vectors))
        round_trip(&arena, vectors, &plain);
    return 0;
}

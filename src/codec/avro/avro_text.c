/* A walk over a value along its schema: each kind of node writes its part of the JSON text. Logical types are written
 * as people read them: decimals with their point, times as ISO-8601. */
#include "codec/avro/avro_text.h"

#include <stdlib.h>

#include "codec/row/row_codec.h"
#include "core/memory.h"

/* How values of one schema are read and written; without a reader they cannot be shown. */
struct avro_text_schema {
    int32_t id;
    struct arena arena; /* the columns */
    struct row_column *columns;
    size_t count;
    struct row_reader *reader;
    struct row_writer *writer;
};

enum { SCHEMAS_MAXIMUM = 256 };

struct avro_text {
    const struct registry *registry;
    struct avro_text_schema **schemas;
    size_t count, capacity;
    struct arena arena; /* of one value */
};

int avro_text_new(const struct registry *registry, struct avro_text **ret_text, struct error *error) {
    struct avro_text *text = memory_zero(1, sizeof *text);
    if (!text)
        return error_no_memory(error);
    text->registry = registry;
    *ret_text = text;
    return 0;
}

static void avro_text_schema_free(struct avro_text_schema *schema) {
    row_reader_free(schema->reader);
    row_writer_free(schema->writer);
    arena_release(&schema->arena);
    free(schema);
}

static void avro_text_forget(struct avro_text *text) {
    while (text->count)
        avro_text_schema_free(text->schemas[--text->count]);
}

struct avro_text *avro_text_free(struct avro_text *text) {
    if (!text)
        return NULL;
    avro_text_forget(text);
    free(text->schemas);
    arena_release(&text->arena);
    free(text);
    return NULL;
}

/* A schema that cannot be shown, or is not there, is remembered as such; only an error that may pass is one. */
static int avro_text_open(struct avro_text *text, struct avro_text_schema *schema, struct error *error) {
    static const struct row_format avro = {.format = FORMAT_AVRO, .wrapped = true},
                                   json = {.format = FORMAT_JSON, .wrapped = true};
    struct slice definition;
    int status =
        text->registry->find(text->registry->context, SCHEMA_AVRO, schema->id, &schema->arena, &definition, error);
    if (!status)
        status = row_columns_of_avro(definition, &schema->arena, &schema->columns, &schema->count, error);
    if (!status && schema->count == 1 && schema->columns[0].name.length == 0)
        return 0; /* a bare value */
    if (!status)
        status = row_writer_new(&json, schema->columns, schema->count, NULL, &schema->writer, error);
    if (!status)
        status = row_reader_new(&avro, schema->columns, schema->count, text->registry, &schema->reader, error);
    return status && (error->retriable || status == ERROR_NO_MEMORY) ? status : 0;
}

static int avro_text_schema(struct avro_text *text, int32_t id, struct avro_text_schema **ret_schema,
                            struct error *error) {
    for (size_t i = 0; i < text->count; i++)
        if (text->schemas[i]->id == id) {
            *ret_schema = text->schemas[i];
            return 0;
        }
    if (text->count ==
        SCHEMAS_MAXIMUM) /* ids of values that are no Avro at all: looked up again when they come again */
        avro_text_forget(text);
    struct avro_text_schema *schema = memory_zero(1, sizeof *schema);
    if (!schema ||
        !memory_reserve((void **)&text->schemas, &text->capacity, text->count + 1, sizeof(struct avro_text_schema *))) {
        free(schema);
        return error_no_memory(error);
    }
    schema->id = id;
    int status = avro_text_open(text, schema, error);
    if (status) {
        avro_text_schema_free(schema);
        return status;
    }
    text->schemas[text->count++] = schema;
    *ret_schema = schema;
    return 0;
}

static int avro_text_read(struct avro_text *text, struct avro_text_schema *schema, struct slice value, struct bytes *to,
                          bool *ret_written, struct error *error) {
    struct vector *columns = arena_allocate(&text->arena, (schema->count + 1) * sizeof *columns);
    const char *reason;
    uint8_t status;
    for (size_t i = 0; columns && i < schema->count; i++)
        if (!vector_allocate(&text->arena, schema->columns[i].type, 1, &columns[i]))
            columns = NULL;
    if (!columns)
        return error_no_memory(error);
    int failed =
        row_reader_read(schema->reader, &value, sizeof value, 1, &text->arena, columns, &status, &reason, error);
    if (failed || status != ROW_READ_GOOD)
        return failed;
    *ret_written = row_writer_write(schema->writer, columns, 0, to, error) == 0;
    return to->failed ? error_no_memory(error) : 0;
}

int avro_text_write(struct avro_text *text, struct slice value, struct bytes *to, bool *ret_written,
                    struct error *error) {
    const unsigned char *at = (const unsigned char *)value.data;
    struct avro_text_schema *schema;
    *ret_written = false;
    if (value.length < 5 || at[0] != 0)
        return 0;
    int32_t id = (int32_t)((uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4]);
    int status = avro_text_schema(text, id, &schema, error);
    if (status || !schema->reader)
        return status;
    status = avro_text_read(text, schema, value, to, ret_written, error);
    arena_reset(&text->arena);
    return status;
}

/* Fuzz target: the first bytes choose a format and columns, the rest is a value, in AVRO a schema and values. No
 * reader does anything but read, refuse with a reason, or say NULL; strings that were read are UTF-8; a good row
 * that is written and read again is the same row, and so is one that is read once more. */
#include <stdlib.h>

#include "codec/row/row_codec.h"
#include "core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 5, TYPES = 16, HEAD = 2 + COLUMNS, WRITTEN_ID = 1000 };

static const struct type decimal_4_2 = {.kind = TYPE_DECIMAL, .precision = 4, .scale = 2},
                         decimal_38_10 = {.kind = TYPE_DECIMAL, .precision = 38, .scale = 10};
static const struct type array_of_string = {.kind = TYPE_ARRAY, .element = &type_string};
static const struct type map_of_double = {.kind = TYPE_MAP, .key = &type_string, .element = &type_double};
static const struct type_field inner_fields[] = {{{"X", 1}, &decimal_38_10}, {{"list", 4}, &array_of_string}};
static const struct type inner = {.kind = TYPE_STRUCT, .fields = inner_fields, .field_count = 2};
static const struct type array_of_inner = {.kind = TYPE_ARRAY, .element = &inner};
static const struct type_field outer_fields[] = {
    {{"A", 1}, &type_integer}, {{"a", 1}, &inner}, {{"Maps", 4}, &map_of_double}, {{"T", 1}, &type_time}};
static const struct type outer = {.kind = TYPE_STRUCT, .fields = outer_fields, .field_count = 4};
static const struct type *const types[TYPES] = {
    &type_boolean,  &type_integer, &type_bigint,    &type_double, &decimal_4_2,    &decimal_38_10,
    &type_string,   &type_bytes,   &type_date,      &type_time,   &type_timestamp, &array_of_string,
    &map_of_double, &inner,        &array_of_inner, &outer,
};
static const struct slice names[COLUMNS] = {{"A", 1}, {"b", 1}, {"B", 1}, {"GATEWAY", 7}, {"c_2", 3}};

static const char *const schemas[] = {
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"int\",\"string\"]},{\"name\":"
    "\"x\",\"type\":{\"type\":\"array\","
    "\"items\":\"R\"}},{\"name\":\"b\",\"type\":\"bytes\"},{\"name\":\"B\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
    "\"size\":2,\"logicalType\":\"decimal\","
    "\"precision\":4,\"scale\":2}},{\"name\":\"gateway\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":"
    "\"timestamp-micros\"}]}]}",
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"A\",\"type\":{\"type\":\"array\",\"items\":[\"null\","
    "\"string\"]}},{\"name\":\"b\",\"type\":"
    "{\"type\":\"map\",\"values\":\"float\"}},{\"name\":\"B\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":["
    "{\"name\":\"x\",\"type\":[\"null\","
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":60,\"scale\":20}]}]}},{\"name\":\"c_2\",\"type\":{"
    "\"type\":\"array\","
    "\"items\":{\"type\":\"record\",\"name\":"
    "\"E\",\"fields\":[{\"name\":\"key\",\"type\":[\"null\",\"string\"]},{\"name\":\"value\",\"type\":\"double\"}]}}}]"
    "}",
    "[\"null\",\"string\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"x\",\"y\"]},\"boolean\",\"double\"]",
};

struct fuzz_registry {
    struct slice given;
    char written[8000];
    size_t written_length;
};

static int fuzz_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                     struct error *error) {
    (void)kind;
    const struct fuzz_registry *registry = context;
    size_t known = sizeof schemas / sizeof *schemas;
    if (id == WRITTEN_ID && registry->written_length)
        *ret_schema = arena_copy(arena, (struct slice){registry->written, registry->written_length});
    else if (id == 0 && registry->given.length)
        *ret_schema = arena_copy(arena, registry->given);
    else if (id > 0 && (size_t)id <= known)
        *ret_schema = arena_copy(arena, slice_of(schemas[id - 1]));
    else
        return error_set(error, ERROR_NOT_FOUND, "no schema");
    return 0;
}

static int fuzz_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                    struct error *error) {
    (void)kind;
    struct fuzz_registry *registry = context;
    (void)subject, (void)error;
    if (schema.length > sizeof registry->written)
        abort();
    memcpy(registry->written, schema.data, schema.length);
    registry->written_length = schema.length;
    *ret_id = WRITTEN_ID;
    return 0;
}

static void check_texts(const struct type *type, const struct value *value) {
    if (value->null)
        return;
    if (type->kind == TYPE_STRING && !utf8_valid(value->text))
        abort();
    for (size_t i = 0; (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) && i < value->sequence->count; i++)
        check_texts(type->kind == TYPE_MAP && i % 2 == 0 ? type->key : type->element, &value->sequence->items[i]);
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++)
        check_texts(type->fields[i].type, &value->sequence->items[i]);
}

static void check_same(const struct row_column *columns, size_t count, const struct vector *a, size_t row_a,
                       const struct vector *b, size_t row_b) {
    for (size_t c = 0; c < count; c++) {
        struct value left, right;
        vector_get(&a[c], row_a, &left);
        vector_get(&b[c], row_b, &right);
        check_texts(columns[c].type, &left);
        if (left.null != right.null || (!left.null && value_compare(columns[c].type, &left, &right) != 0))
            abort();
    }
}

/* Writes the row and reads it again; a row that is written as no bytes at all has none of its columns. */
static void check_comes_back(const struct row_format *format, struct row_reader *reader,
                             const struct row_column *columns, size_t count, const struct registry *registry,
                             const struct vector *vectors, struct vector *again, struct arena *arena) {
    struct row_writer *writer = NULL;
    struct bytes bytes = {0};
    uint8_t status;
    const char *reason;
    if (row_writer_new(format, columns, count, registry, &writer, NULL) ||
        row_writer_write(writer, vectors, 0, &bytes, NULL))
        abort();
    struct slice text = bytes_slice(&bytes);
    if (row_reader_read(reader, &text, sizeof text, 1, arena, again, &status, &reason, NULL) || status == ROW_READ_BAD)
        abort();
    check_same(columns, count, vectors, 0, again, 0);
    row_writer_free(writer);
    bytes_release(&bytes);
}

static void fuzz_rows(const struct row_format *format, const struct row_column *columns, size_t count,
                      struct fuzz_registry *schema, struct slice text) {
    const struct registry registry = {.find = fuzz_find, .add = fuzz_add, .context = schema};
    const struct slice texts[] = {text, text};
    struct row_reader *reader = NULL;
    struct arena arena = {0};
    struct vector vectors[COLUMNS], again[COLUMNS];
    uint8_t status[2];
    const char *reasons[2];
    if (row_reader_new(format, columns, count, &registry, &reader, NULL))
        return;
    for (size_t c = 0; c < count; c++)
        if (!vector_allocate(&arena, columns[c].type, 2, &vectors[c]) ||
            !vector_allocate(&arena, columns[c].type, 1, &again[c]))
            abort();
    if (row_reader_read(reader, texts, sizeof *texts, 2, &arena, vectors, status, reasons, NULL))
        abort();
    if (status[0] != status[1] || (status[0] == ROW_READ_BAD) != (reasons[0] && *reasons[0]))
        abort();
    check_same(columns, count, vectors, 0, vectors, 1);
    if (status[0] == ROW_READ_GOOD)
        check_comes_back(format, reader, columns, count, &registry, vectors, again, &arena);
    row_reader_free(reader);
    arena_release(&arena);
}

static void fuzz_window(struct slice key) {
    int64_t start = 0, end = 0;
    for (enum row_window window = ROW_WINDOW_NONE; window <= ROW_WINDOW_SESSION; window++) {
        struct slice rest = key;
        struct bytes bytes = {0};
        if (!row_window_read(&rest, window, 60000, NULL, &start, &end))
            continue;
        bytes_append_slice(&bytes, rest);
        row_window_write(&bytes, window, start, end);
        if (!slice_equal(bytes_slice(&bytes), key))
            abort();
        bytes_release(&bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEAD)
        return 0;
    static struct fuzz_registry schema;
    static const char delimiters[] = {',', '\t', ' ', '|', '-', 'a'};
    static const enum format formats[] = {FORMAT_JSON, FORMAT_AVRO, FORMAT_DELIMITED, FORMAT_KAFKA};
    struct row_format format = {.format = formats[data[0] % 4],
                                .delimiter = delimiters[data[0] / 4 % sizeof delimiters],
                                .wrapped = data[1] & 1,
                                .subject = "T-value"};
    struct row_column columns[COLUMNS];
    size_t count = data[1] / 2 % (COLUMNS + 1);
    struct slice text = {(const char *)data + HEAD, size - HEAD};
    for (size_t c = 0; c < count; c++)
        columns[c] = (struct row_column){names[c], types[data[2 + c] % TYPES]};
    const char *end = memchr(text.data, '\n', text.length);
    schema.written_length = 0;
    schema.given = (struct slice){text.data, 0};
    if (format.format == FORMAT_AVRO && end) { /* a schema in the first line */
        schema.given.length = (size_t)(end - text.data);
        text.data = end + 1;
        text.length -= schema.given.length + 1;
        struct arena arena = {0};
        struct row_column *inferred;
        size_t inferred_count;
        row_columns_of_avro(schema.given, &arena, &inferred, &inferred_count, NULL);
        arena_release(&arena);
    }
    fuzz_rows(&format, columns, count, &schema, text);
    fuzz_window(text);
    return 0;
}

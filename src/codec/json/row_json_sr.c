/* JSON_SR: JSON in Confluent's wire format (byte 0, schema id big-endian, the JSON text), with a JSON Schema of the
 * columns that is registered with the first row. Reading needs no schema: JSON says what it holds. */
#include "codec/json/json.h"
#include "codec/json/row_json.h"
#include "codec/row/reason.h"
#include "codec/row/schema_plans.h"
#include "core/bytes.h"
#include "core/memory.h"

static int row_json_sr_check(const struct row_layout *layout, struct error *error) {
    if (!layout->registry)
        return error_set(error, ERROR_INVALID, "format JSON_SR needs a schema registry");
    return row_check_map_keys(layout, error);
}

static int row_json_sr_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                            size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    struct slice body;
    int32_t id;
    if (text.length == 0)
        return 0;
    if (*text.data == 0 && wire_read(text, &id, &body))
        return row_json_read(reader, body, arena, columns, row, ret_status, ret_reason, error);
    *ret_status = ROW_READ_BAD;
    *ret_reason = *text.data == 0 ? WIRE_TRUNCATED
                                  : reason_format(arena, "not JSON in the wire format (first byte 0x%02x)",
                                                  (unsigned char)*text.data);
    return 0;
}

/* --- the schema
 * ------------------------------------------------------------------------------------------------------------------ */

static void put_schema(struct bytes *to, const struct type *type);

static void put_properties(struct bytes *to, const struct type_field *fields, size_t count) {
    bytes_append_string(to, "\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < count; i++) {
        if (i)
            bytes_append_char(to, ',');
        json_write_string(to, fields[i].name);
        bytes_append_format(to, ":{\"connect.index\":%zu,\"oneOf\":[{\"type\":\"null\"},", i);
        put_schema(to, fields[i].type);
        bytes_append_string(to, "]}");
    }
    bytes_append_char(to, '}');
}

static void put_element(struct bytes *to, const struct type *type) {
    bytes_append_string(to, "{\"oneOf\":[{\"type\":\"null\"},");
    put_schema(to, type);
    bytes_append_string(to, "]}");
}

static void put_schema(struct bytes *to, const struct type *type) {
    static const char *const plain[TYPE_KINDS] = {
        [TYPE_BOOLEAN] = "{\"type\":\"boolean\"}",
        [TYPE_INTEGER] = "{\"type\":\"integer\",\"connect.type\":\"int32\"}",
        [TYPE_BIGINT] = "{\"type\":\"integer\",\"connect.type\":\"int64\"}",
        [TYPE_DOUBLE] = "{\"type\":\"number\",\"connect.type\":\"float64\"}",
        [TYPE_STRING] = "{\"type\":\"string\"}",
        [TYPE_BYTES] = "{\"type\":\"string\",\"connect.type\":\"bytes\"}",
        [TYPE_DATE] = "{\"type\":\"integer\",\"title\":\"org.apache.kafka.connect.data.Date\",\"connect.version\":1,"
                      "\"connect.type\":\"int32\"}",
        [TYPE_TIME] = "{\"type\":\"integer\",\"title\":\"org.apache.kafka.connect.data.Time\",\"connect.version\":1,"
                      "\"connect.type\":\"int32\"}",
        [TYPE_TIMESTAMP] = "{\"type\":\"integer\",\"title\":\"org.apache.kafka.connect.data.Timestamp\","
                           "\"connect.version\":1,\"connect.type\":\"int64\"}",
    };
    switch (type->kind) {
    case TYPE_DECIMAL:
        bytes_append_format(to,
                            "{\"type\":\"number\",\"title\":\"org.apache.kafka.connect.data.Decimal\","
                            "\"connect.version\":1,\"connect.type\":\"bytes\",\"connect.parameters\":{\"scale\":\"%u\","
                            "\"connect.decimal.precision\":\"%u\"}}",
                            type->scale, type->precision);
        break;
    case TYPE_ARRAY:
        bytes_append_string(to, "{\"type\":\"array\",\"items\":");
        put_element(to, type->element);
        bytes_append_char(to, '}');
        break;
    case TYPE_MAP:
        bytes_append_string(to, "{\"type\":\"object\",\"connect.type\":\"map\",\"additionalProperties\":");
        put_element(to, type->element);
        bytes_append_char(to, '}');
        break;
    case TYPE_STRUCT:
        bytes_append_char(to, '{');
        put_properties(to, type->fields, type->field_count);
        bytes_append_char(to, '}');
        break;
    default:
        bytes_append_string(to, plain[type->kind] ? plain[type->kind] : "{\"type\":\"null\"}");
    }
}

static int row_json_sr_schema(struct row_writer *writer, struct slice *ret_schema, struct error *error) {
    const struct row_layout *layout = &writer->layout;
    struct bytes text cleanup(bytes_release) = {0};
    struct type_field *fields = arena_allocate(&writer->arena, (layout->count + 1) * sizeof *fields);
    for (size_t i = 0; fields && i < layout->count; i++)
        fields[i] = (struct type_field){layout->columns[i].name, layout->columns[i].type};
    if (layout->bare)
        put_element(&text, layout->columns[0].type);
    else if (fields) {
        bytes_append_char(&text, '{');
        put_properties(&text, fields, layout->count);
        bytes_append_char(&text, '}');
    }
    *ret_schema = text.failed ? (struct slice){NULL, 0} : arena_copy(&writer->arena, bytes_slice(&text));
    return fields && ret_schema->data ? 0 : error_no_memory(error);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_json_sr_open_writer(struct row_writer *writer, struct error *error) {
    struct row_json_sr *state = arena_allocate(&writer->arena, sizeof *state);
    int status = state ? row_json_open_writer(writer, error) : error_no_memory(error);
    if (status)
        return status;
    *state = (struct row_json_sr){.json = writer->state, .id = (int32_t)writer->layout.format.schema_id};
    writer->state = state;
    return state->id ? 0 : row_json_sr_schema(writer, &state->schema, error);
}

static int row_json_sr_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                             struct error *error) {
    struct row_json_sr *state = writer->state;
    const struct registry *registry = writer->layout.registry;
    if (writer->layout.bare && columns[0].nulls[row & columns[0].mask])
        return 0;
    if (state->schema.data) {
        int status = registry->add(registry->context, writer->layout.format.subject, SCHEMA_JSON, state->schema,
                                   &state->id, error);
        if (status)
            return status;
        state->schema.data = NULL;
    }
    uint32_t id = (uint32_t)state->id;
    const char wire[] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
    bytes_append(to, wire, sizeof wire);
    return row_json_put_row(&writer->layout, state->json, columns, row, to);
}

const struct row_format_driver row_json_sr_driver = {
    .check = row_json_sr_check,
    .open_reader = row_json_open_reader,
    .open_writer = row_json_sr_open_writer,
    .read = row_json_sr_read,
    .write = row_json_sr_write,
};

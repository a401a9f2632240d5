/* AVRO: values in Confluent's wire format. Readers keep a plan for each schema that they meet; a writer has one.
 *
 * A record of several columns that begins with '{', after white space, is JSON, as no value in the wire format does:
 * it is read by the rules of JSON. */
#include "codec/avro/row_avro.h"

#include "codec/row/reason.h"
#include "codec/row/row_value.h"
#include "codec/row/schema_plans.h"
#include "core/memory.h"

static int row_avro_check(const struct row_layout *layout, struct error *error) {
    if (!layout->registry)
        return error_set(error, ERROR_INVALID, "format AVRO needs a schema registry");
    return row_check_map_keys(layout, error);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_avro_compile(void *context, struct slice schema, void **ret_plan, struct error *error) {
    const struct row_reader *reader = context;
    struct row_avro_plan *plan = NULL;
    int status = row_avro_plan_reading(schema, &reader->layout, &plan, error);
    *ret_plan = plan;
    return status;
}

static void row_avro_release(void *plan) {
    row_avro_plan_free(plan);
}

struct row_avro_reader {
    struct schema_plans plans;
    struct row_reader json; /* with a state, unless the column is bare */
};

static int row_avro_open_reader(struct row_reader *reader, struct error *error) {
    struct row_avro_reader *avro = arena_allocate(&reader->arena, sizeof *avro);
    if (!avro)
        return error_no_memory(error);
    reader->state = avro;
    avro->json = (struct row_reader){.layout = reader->layout};
    avro->plans = (struct schema_plans){
        .registry = reader->layout.registry,
        .purpose = reader->layout.bare ? "the column" : "the columns",
        .compile = row_avro_compile,
        .release = row_avro_release,
        .context = reader,
    };
    return reader->layout.bare ? 0 : row_json_driver.open_reader(&avro->json, error);
}

static void row_avro_close_reader(struct row_reader *reader) {
    struct row_avro_reader *avro = reader->state;
    schema_plans_release(&avro->plans);
    arena_release(&avro->json.arena);
}

static bool row_avro_is_json(struct slice text) {
    size_t at = 0;
    while (at < text.length && char_among(text.data[at], " \t\n\r"))
        at++;
    return at < text.length && text.data[at] == '{';
}

static int row_avro_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                         size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    struct row_avro_reader *avro = reader->state;
    const struct schema_plan *plan = NULL;
    struct slice body;
    int32_t id;
    if (text.length == 0)
        return 0;
    if (*text.data != 0 && !reader->layout.bare && row_avro_is_json(text))
        return row_json_driver.read(&avro->json, text, arena, columns, row, ret_status, ret_reason, error);
    *ret_status = ROW_READ_BAD;
    if (*text.data != 0) {
        *ret_reason = reason_format(arena, "not Avro in the wire format (first byte 0x%02x)%s",
                                    (unsigned char)*text.data, reader->layout.bare ? "" : " and not JSON");
        return 0;
    }
    if (!wire_read(text, &id, &body)) {
        *ret_reason = WIRE_TRUNCATED;
        return 0;
    }
    int status = schema_plans_find(&avro->plans, id, &plan, error);
    if (status)
        return status;
    if (plan->plan)
        return row_avro_decode(plan->plan, &reader->layout, body, arena, columns, row, ret_status, ret_reason, error);
    *ret_reason = schema_plan_reason(plan, arena);
    return 0;
}

static int row_avro_read_many(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                              struct arena *arena, struct vector *columns, uint8_t *ret_status,
                              const char **ret_reasons, struct error *error) {
    return row_read_each(reader, texts, stride, count, arena, columns, ret_status, ret_reasons, row_avro_read, error);
}

static void row_avro_end_read(struct row_reader *reader) {
    struct row_avro_reader *avro = reader->state;
    schema_plans_forget_refused(&avro->plans);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

struct row_avro_writer {
    struct row_avro_plan *plan;
    struct slice schema; /* to be registered; data NULL: it has its id */
    int32_t id;
};

static int row_avro_find_schema(struct row_writer *writer, struct slice *ret_schema, struct error *error) {
    const struct registry *registry = writer->layout.registry;
    int64_t id = writer->layout.format.schema_id;
    int status = id > 0 && id <= INT32_MAX
                     ? registry->find(registry->context, SCHEMA_AVRO, (int32_t)id, &writer->arena, ret_schema, error)
                     : error_set(error, ERROR_INVALID, "%lld is no id of a schema", (long long)id);
    return status && error ? error_wrap(error, "schema %lld", (long long)id) : status;
}

static int row_avro_make_schema(struct row_writer *writer, struct slice *ret_schema, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    int status = row_avro_schema(&writer->layout, &text, error);
    if (status)
        return status;
    *ret_schema = arena_copy(&writer->arena, bytes_slice(&text));
    return ret_schema->data ? 0 : error_no_memory(error);
}

static int row_avro_open_writer(struct row_writer *writer, struct error *error) {
    const struct row_format *format = &writer->layout.format;
    struct row_avro_writer *avro = arena_allocate(&writer->arena, sizeof *avro);
    struct slice schema = {NULL, 0};
    if (!avro)
        return error_no_memory(error);
    *avro = (struct row_avro_writer){.id = (int32_t)format->schema_id};
    writer->state = avro;
    int status =
        format->schema_id ? row_avro_find_schema(writer, &schema, error) : row_avro_make_schema(writer, &schema, error);
    if (!status && !format->schema_id)
        avro->schema = schema;
    if (!status)
        status = row_avro_plan_writing(schema, &writer->layout, &avro->plan, error);
    return status == ERROR_INVALID && format->schema_id && error
               ? error_wrap(error, "writing with schema %lld", (long long)format->schema_id)
               : status;
}

static void row_avro_close_writer(struct row_writer *writer) {
    struct row_avro_writer *avro = writer->state;
    row_avro_plan_free(avro->plan);
}

static int row_avro_register(struct row_writer *writer, struct row_avro_writer *avro, struct error *error) {
    const struct registry *registry = writer->layout.registry;
    int status =
        registry->add(registry->context, writer->layout.format.subject, SCHEMA_AVRO, avro->schema, &avro->id, error);
    if (!status)
        avro->schema.data = NULL;
    return status;
}

static int row_avro_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                          struct error *error) {
    struct row_avro_writer *avro = writer->state;
    if (writer->layout.bare && columns[0].nulls[row & columns[0].mask])
        return 0;
    int status = avro->schema.data ? row_avro_register(writer, avro, error) : 0;
    if (status)
        return status;
    uint32_t id = (uint32_t)avro->id;
    const char wire[] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
    bytes_append(to, wire, sizeof wire);
    return row_avro_encode(avro->plan, &writer->layout, columns, row, to, error);
}

const struct row_format_driver row_avro_driver = {
    .check = row_avro_check,
    .open_reader = row_avro_open_reader,
    .close_reader = row_avro_close_reader,
    .open_writer = row_avro_open_writer,
    .close_writer = row_avro_close_writer,
    .read = row_avro_read,
    .read_many = row_avro_read_many,
    .end_read = row_avro_end_read,
    .write = row_avro_write,
};

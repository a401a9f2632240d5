/* PROTOBUF, with a schema registry, and PROTOBUF_NOSR, without: the drivers. Readers keep a plan for each schema id
 * and path that they meet; what they do not know of a schema they ask the registry, as row_avro.c does. */
#include "codec/protobuf/row_protobuf.h"

#include "codec/row/reason.h"
#include "codec/row/schema_plans.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/varint.h"

static int row_protobuf_check(const struct row_layout *layout, struct error *error) {
    if (layout->format.format == FORMAT_PROTOBUF && !layout->registry)
        return error_set(error, ERROR_INVALID, "format PROTOBUF needs a schema registry");
    if (layout->format.schema_id)
        return error_set(error, ERROR_UNSUPPORTED, "format PROTOBUF is written with the schema of its columns only");
    return row_check_map_keys(layout, error);
}

/* --- plans of the registry's schemas
 * ------------------------------------------------------------------------------------------------------------------ */

/* A schema's messages; a plan for those that have been met. */
struct known_schema {
    struct arena arena;
    struct proto_schema schema;
    const struct row_layout *layout;
    struct known_message *messages;
};

struct known_message {
    struct known_message *next;
    const struct proto_message *message;
    const struct proto_plan *plan; /* NULL: it cannot be read */
    char problem[200];
};

static int known_compile(void *context, struct slice text, void **ret_plan, struct error *error) {
    const struct row_reader *reader = context;
    struct known_schema *known = memory_zero(1, sizeof *known);
    if (!known)
        return error_no_memory(error);
    known->layout = &reader->layout;
    int status = proto_schema_read(text, &known->arena, &known->schema, error);
    if (status) {
        arena_release(&known->arena);
        free(known);
        return status;
    }
    *ret_plan = known;
    return 0;
}

static void known_release(void *plan) {
    struct known_schema *known = plan;
    arena_release(&known->arena);
    free(known);
}

/* The message that a path leads to; NULL: to none. The path is taken off `body`. */
static const struct proto_message *known_find(const struct proto_schema *schema, struct slice *body) {
    const struct proto_message *const *among = schema->messages, *found = NULL;
    const char *at = body->data, *end = body->data + body->length;
    size_t count = schema->count;
    int64_t steps, index = 0;
    if (!zigzag_read(&at, end, &steps) || steps < 0 || steps > PROTO_DEPTH_MAXIMUM)
        return NULL;
    for (int64_t i = 0; i < (steps ? steps : 1); i++) {
        if ((steps && !zigzag_read(&at, end, &index)) || index < 0 || (uint64_t)index >= count)
            return NULL;
        found = among[index];
        among = found->nested;
        count = found->nested_count;
    }
    *body = (struct slice){at, (size_t)(end - at)};
    return found;
}

static int known_plan(struct known_schema *known, const struct proto_message *message,
                      const struct known_message **ret_message, struct error *error) {
    struct known_message *at = known->messages;
    struct error problem = {0};
    while (at && at->message != message)
        at = at->next;
    if (!at) {
        at = arena_allocate(&known->arena, sizeof *at);
        if (!at)
            return error_no_memory(error);
        *at = (struct known_message){.next = known->messages, .message = message};
        int status = proto_plan_make(message, known->layout, &known->arena, &at->plan, &problem);
        if (status == ERROR_NO_MEMORY)
            return error_no_memory(error);
        snprintf(at->problem, sizeof at->problem, "%.190s", status ? problem.message : "");
        known->messages = at;
    }
    *ret_message = at;
    return 0;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_protobuf_open_reader(struct row_reader *reader, struct error *error) {
    const struct proto_message *message;
    struct schema_plans *plans = arena_allocate(&reader->arena, sizeof *plans);
    if (!plans)
        return error_no_memory(error);
    *plans = (struct schema_plans){
        .registry = reader->layout.registry,
        .kind = SCHEMA_PROTOBUF,
        .purpose = "the columns",
        .compile = known_compile,
        .release = known_release,
        .context = reader,
    };
    reader->state = plans;
    /* what a source's columns cannot be read from is refused when it is declared */
    return proto_message_of_columns(&reader->layout, &reader->arena, &message, NULL, error);
}

static void row_protobuf_close_reader(struct row_reader *reader) {
    schema_plans_release(reader->state);
}

static int row_protobuf_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                             size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    const struct schema_plan *plan = NULL;
    const struct known_message *known = NULL;
    struct slice body;
    int32_t id;
    if (text.length == 0)
        return 0;
    *ret_status = ROW_READ_BAD;
    if (*text.data != 0) {
        *ret_reason =
            reason_format(arena, "not Protobuf in the wire format (first byte 0x%02x)", (unsigned char)*text.data);
        return 0;
    }
    if (!wire_read(text, &id, &body)) {
        *ret_reason = WIRE_TRUNCATED;
        return 0;
    }
    int status = schema_plans_find(reader->state, id, &plan, error);
    if (status)
        return status;
    if (!plan->plan) {
        *ret_reason = schema_plan_reason(plan, arena);
        return 0;
    }
    struct known_schema *schema = plan->plan;
    const struct proto_message *message = known_find(&schema->schema, &body);
    if (!message) {
        *ret_reason = reason_format(arena, "schema %d has no message where the value says", (int)id);
        return 0;
    }
    status = known_plan(schema, message, &known, error);
    if (status)
        return status;
    if (!known->plan) {
        *ret_reason = reason_format(arena, "schema %d cannot be read as the columns: %s", (int)id, known->problem);
        return 0;
    }
    return proto_read_row(known->plan, body, arena, columns, row, ret_status, ret_reason, error);
}

static void row_protobuf_end_read(struct row_reader *reader) {
    schema_plans_forget_refused(reader->state);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

struct row_protobuf_writer {
    const struct proto_plan *plan;
    struct slice schema; /* to be registered; data NULL: it has its id */
    int32_t id;
};

static int own_plan(const struct row_layout *layout, struct arena *arena, struct bytes *text,
                    const struct proto_plan **ret_plan, struct error *error) {
    const struct proto_message *message;
    int status = proto_message_of_columns(layout, arena, &message, text, error);
    return status ? status : proto_plan_make(message, layout, arena, ret_plan, error);
}

static int row_protobuf_open_writer(struct row_writer *writer, struct error *error) {
    struct row_protobuf_writer *state = arena_allocate(&writer->arena, sizeof *state);
    struct bytes text cleanup(bytes_release) = {0};
    if (!state)
        return error_no_memory(error);
    *state = (struct row_protobuf_writer){0};
    writer->state = state;
    int status = own_plan(&writer->layout, &writer->arena, &text, &state->plan, error);
    if (!status && writer->layout.format.format == FORMAT_PROTOBUF) {
        state->schema = arena_copy(&writer->arena, bytes_slice(&text));
        status = state->schema.data ? 0 : error_no_memory(error);
    }
    return status;
}

static int row_protobuf_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                              struct error *error) {
    struct row_protobuf_writer *state = writer->state;
    const struct registry *registry = writer->layout.registry;
    if (state->schema.data) {
        int status = registry->add(registry->context, writer->layout.format.subject, SCHEMA_PROTOBUF, state->schema,
                                   &state->id, error);
        if (status)
            return status;
        state->schema.data = NULL;
    }
    if (writer->layout.format.format == FORMAT_PROTOBUF) {
        uint32_t id = (uint32_t)state->id;
        const char wire[] = {0, (char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id, 0};
        bytes_append(to, wire, sizeof wire);
    }
    return proto_write_row(state->plan, &writer->layout, columns, row, to, error);
}

const struct row_format_driver row_protobuf_driver = {
    .check = row_protobuf_check,
    .open_reader = row_protobuf_open_reader,
    .close_reader = row_protobuf_close_reader,
    .open_writer = row_protobuf_open_writer,
    .read = row_protobuf_read,
    .end_read = row_protobuf_end_read,
    .write = row_protobuf_write,
};

/* --- without a registry
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_protobuf_plain_open_reader(struct row_reader *reader, struct error *error) {
    const struct proto_plan *plan;
    int status = own_plan(&reader->layout, &reader->arena, NULL, &plan, error);
    reader->state = status ? NULL : (void *)(uintptr_t)plan;
    return status;
}

/* A message without bytes has the defaults in all of its fields. */
static int row_protobuf_plain_read(struct row_reader *reader, struct slice text, struct arena *arena,
                                   struct vector *columns, size_t row, enum row_read *ret_status,
                                   const char **ret_reason, struct error *error) {
    return proto_read_row(reader->state, text, arena, columns, row, ret_status, ret_reason, error);
}

const struct row_format_driver row_protobuf_plain_driver = {
    .check = row_protobuf_check,
    .open_reader = row_protobuf_plain_open_reader,
    .open_writer = row_protobuf_open_writer,
    .read = row_protobuf_plain_read,
    .write = row_protobuf_write,
};

/* Messages from columns, and columns from messages.
 *
 * A row is the message ConnectDefault1, a STRUCT a message that lies in it, ConnectDefault2 and so on; a MAP is
 * repeated messages of a key and a value, which is what map<..> is on the wire; DECIMAL, DATE, TIME and TIMESTAMP are
 * the well-known messages. Scalars have no NULL: what is NULL is written as if it were 0, "" or FALSE, as proto3 has
 * it; messages may be absent. */
#include "codec/protobuf/row_protobuf.h"

#include "core/bytes.h"
#include "core/memory.h"

enum { PROTO_TEXT_DEPTH = 16 };

struct making {
    struct arena *arena;
    struct bytes *text; /* NULL: not wanted */
    struct error *error;
    unsigned messages; /* made so far */
};

static bool proto_name_valid(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i], lower = c | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

static void put(struct making *making, unsigned depth, const char *text) {
    static const char blanks[] = "                                ";
    if (!making->text)
        return;
    bytes_append(making->text, blanks, 2 * depth < sizeof blanks ? 2 * depth : sizeof blanks - 1);
    bytes_append_string(making->text, text);
}

static int message_of(struct making *making, const struct type_field *fields, size_t count, unsigned depth,
                      struct proto_message **ret_message);

static bool scalar_of_type(const struct type *type, struct proto_field *field) {
    static const struct {
        enum type_kind type;
        enum proto_kind kind;
        const char *known;
    } kinds[] = {
        {TYPE_BOOLEAN, PROTO_BOOL, NULL},
        {TYPE_INTEGER, PROTO_INT32, NULL},
        {TYPE_BIGINT, PROTO_INT64, NULL},
        {TYPE_DOUBLE, PROTO_DOUBLE, NULL},
        {TYPE_STRING, PROTO_STRING, NULL},
        {TYPE_BYTES, PROTO_BYTES, NULL},
        {TYPE_DECIMAL, PROTO_MESSAGE, "confluent.type.Decimal"},
        {TYPE_DATE, PROTO_MESSAGE, "google.type.Date"},
        {TYPE_TIME, PROTO_MESSAGE, "google.type.TimeOfDay"},
        {TYPE_TIMESTAMP, PROTO_MESSAGE, "google.protobuf.Timestamp"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type->kind) {
            field->kind = kinds[i].kind;
            field->message = kinds[i].known ? proto_well_known(slice_of(kinds[i].known)) : NULL;
            return true;
        }
    return false;
}

static int field_unsupported(struct making *making, const struct type_field *field) {
    return error_set(making->error, ERROR_UNSUPPORTED,
                     "format PROTOBUF cannot hold column %.*s: an ARRAY or a MAP inside of another one has no place",
                     (int)(field->name.length < 80 ? field->name.length : 80), field->name.data);
}

static int entry_of(struct making *making, const struct type_field *from, unsigned depth, struct proto_field *field) {
    const struct type_field parts[] = {{SLICE("key"), &type_string}, {SLICE("value"), from->type->element}};
    struct proto_message *entry;
    int status = message_of(making, parts, 2, depth + 1, &entry);
    field->kind = PROTO_MESSAGE;
    field->message = status ? NULL : entry;
    field->repeated = field->map = true;
    return status;
}

/* The type of a field; messages that it needs are written before it. */
static int field_of(struct making *making, const struct type_field *from, unsigned depth, struct proto_field *field) {
    const struct type *type = from->type;
    struct proto_message *made;
    if (type->kind == TYPE_MAP)
        return type->element->kind == TYPE_ARRAY || type->element->kind == TYPE_MAP
                   ? field_unsupported(making, from)
                   : entry_of(making, from, depth, field);
    if (type->kind == TYPE_ARRAY) {
        field->repeated = true;
        type = type->element;
        if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP)
            return field_unsupported(making, from);
    }
    if (scalar_of_type(type, field))
        return 0;
    int status = message_of(making, type->fields, type->field_count, depth + 1, &made);
    field->kind = PROTO_MESSAGE;
    field->message = status ? NULL : made;
    return status;
}

static void put_field(struct making *making, unsigned depth, const struct proto_field *field) {
    struct slice type = field->kind == PROTO_MESSAGE ? field->message->name : slice_of(proto_kind_name(field->kind));
    put(making, depth, field->repeated ? "repeated " : "");
    if (making->text)
        bytes_append_format(making->text, "%.*s %.*s = %u;\n", (int)type.length, type.data, (int)field->name.length,
                            field->name.data, field->number);
}

static int message_name(struct making *making, struct slice *ret_name) {
    struct bytes name cleanup(bytes_release) = {0};
    bytes_append_format(&name, "ConnectDefault%u", ++making->messages);
    *ret_name = name.failed ? (struct slice){NULL, 0} : arena_copy(making->arena, bytes_slice(&name));
    return ret_name->data ? 0 : error_no_memory(making->error);
}

static int message_of(struct making *making, const struct type_field *fields, size_t count, unsigned depth,
                      struct proto_message **ret_message) {
    struct proto_message *message = arena_allocate(making->arena, sizeof *message);
    struct proto_field *made = arena_allocate(making->arena, (count + 1) * sizeof *made);
    if (!message || !made)
        return error_no_memory(making->error);
    if (depth > PROTO_TEXT_DEPTH)
        return error_set(making->error, ERROR_UNSUPPORTED, "format PROTOBUF holds STRUCTs to a depth of %d",
                         PROTO_TEXT_DEPTH);
    *message = (struct proto_message){.fields = made, .field_count = count};
    int status = message_name(making, &message->name);
    put(making, depth, "message ");
    if (!status && making->text)
        bytes_append_format(making->text, "%.*s {\n", (int)message->name.length, message->name.data);
    for (size_t i = 0; i < count && !status; i++) {
        made[i] = (struct proto_field){.name = fields[i].name, .number = (uint32_t)i + 1};
        if (!proto_name_valid(fields[i].name))
            return error_set(making->error, ERROR_INVALID,
                             "%.*s is no name of a field in Protobuf: letters, digits and _ are possible, and no digit "
                             "first",
                             (int)(fields[i].name.length < 80 ? fields[i].name.length : 80), fields[i].name.data);
        status = field_of(making, &fields[i], depth, &made[i]);
    }
    for (size_t i = 0; i < count && !status; i++)
        put_field(making, depth + 1, &made[i]);
    put(making, depth, "}\n");
    *ret_message = message;
    return status;
}

int proto_message_of_columns(const struct row_layout *layout, struct arena *arena,
                             const struct proto_message **ret_message, struct bytes *text, struct error *error) {
    struct making making = {arena, text, error, 0};
    struct type_field *fields = arena_allocate(arena, (layout->count + 1) * sizeof *fields);
    struct proto_message *message = NULL;
    if (!fields)
        return error_no_memory(error);
    for (size_t i = 0; i < layout->count; i++)
        fields[i] = (struct type_field){layout->columns[i].name, layout->columns[i].type};
    put(&making, 0,
        "syntax = \"proto3\";\n\nimport \"confluent/type/decimal.proto\";\nimport "
        "\"google/protobuf/timestamp.proto\";\n"
        "import \"google/type/date.proto\";\nimport \"google/type/timeofday.proto\";\n\n");
    int status = message_of(&making, fields, layout->count, 0, &message);
    if (!status && text && text->failed)
        status = error_no_memory(error);
    if (!status)
        *ret_message = message;
    return status;
}

/* --- columns of a schema
 * ------------------------------------------------------------------------------------------------------------------ */

struct inference {
    struct arena *arena;
    struct error *error;
    size_t fields; /* so far, as a schema may use a message in many places */
};

static int type_of_field(struct inference *inference, const struct proto_field *field, unsigned depth,
                         const struct type **ret_type);

static const struct type *type_of_scalar(enum proto_kind kind) {
    switch (kind) {
    case PROTO_BOOL:
        return &type_boolean;
    case PROTO_INT32:
    case PROTO_SINT32:
    case PROTO_SFIXED32:
        return &type_integer;
    case PROTO_DOUBLE:
    case PROTO_FLOAT:
        return &type_double;
    case PROTO_STRING:
    case PROTO_ENUM:
        return &type_string;
    case PROTO_BYTES:
        return &type_bytes;
    default:
        return &type_bigint;
    }
}

static const struct type *type_of_known(const struct proto_message *message, struct arena *arena) {
    switch (message->known) {
    case PROTO_TIMESTAMP:
        return &type_timestamp;
    case PROTO_DATE:
        return &type_date;
    case PROTO_TIME_OF_DAY:
        return &type_time;
    case PROTO_DECIMAL: /* a file's options would say the scale; without them it has all digits and a middle scale */
        return type_decimal(arena, TYPE_PRECISION_MAXIMUM, TYPE_PRECISION_MAXIMUM / 4);
    case PROTO_WRAPPER:
        return type_of_scalar(message->fields[0].kind);
    default:
        return NULL;
    }
}

static int type_of_message(struct inference *inference, const struct proto_message *message, unsigned depth,
                           const struct type **ret_type) {
    inference->fields += message->field_count + 1;
    if (depth > PROTO_TEXT_DEPTH || inference->fields > PROTO_FIELDS_MAXIMUM)
        return error_set(inference->error, ERROR_INVALID, "message %.*s contains itself, or has too many fields",
                         (int)(message->name.length < 80 ? message->name.length : 80), message->name.data);
    struct type_field *fields = arena_allocate(inference->arena, (message->field_count + 1) * sizeof *fields);
    if (!fields)
        return error_no_memory(inference->error);
    int status = 0;
    for (size_t i = 0; i < message->field_count && !status; i++) {
        fields[i].name = message->fields[i].name;
        status = type_of_field(inference, &message->fields[i], depth + 1, &fields[i].type);
    }
    if (!status)
        *ret_type = type_struct(inference->arena, fields, message->field_count);
    return status ? status : *ret_type ? 0 : error_no_memory(inference->error);
}

static int type_of_field(struct inference *inference, const struct proto_field *field, unsigned depth,
                         const struct type **ret_type) {
    struct arena *arena = inference->arena;
    const struct type *type = NULL;
    int status = 0;
    if (field->map)
        status = type_of_field(inference, &field->message->fields[1], depth + 1, &type);
    else if (field->kind != PROTO_MESSAGE)
        type = type_of_scalar(field->kind);
    else if (field->message->known)
        type = type_of_known(field->message, arena);
    else
        status = type_of_message(inference, field->message, depth, &type);
    if (status)
        return status;
    *ret_type = !type             ? NULL
                : field->map      ? type_map(arena, &type_string, type)
                : field->repeated ? type_array(arena, type)
                                  : type;
    return *ret_type ? 0 : error_no_memory(inference->error);
}

int row_columns_of_protobuf(struct slice schema, struct arena *arena, struct row_column **ret_columns,
                            size_t *ret_count, struct error *error) {
    struct inference inference = {arena, error, 0};
    struct proto_schema read;
    int status = proto_schema_read(schema, arena, &read, error);
    if (status)
        return status;
    const struct proto_message *message = read.messages[0];
    struct row_column *columns = arena_allocate(arena, (message->field_count + 1) * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (size_t i = 0; i < message->field_count && !status; i++) {
        columns[i].name = message->fields[i].name;
        status = type_of_field(&inference, &message->fields[i], 0, &columns[i].type);
    }
    if (status)
        return status;
    *ret_columns = columns;
    *ret_count = message->field_count;
    return 0;
}

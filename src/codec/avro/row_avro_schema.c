/* Avro schemas from columns, as ksqlDB makes them, and columns from Avro schemas.
 *
 * A row is a record whose fields all may be null: {"name": N, "type": ["null", T], "default": null}. A STRUCT is a
 * record named after its place, KsqlDataSourceSchema_FIELD_INNER, so that no name is there twice. A bare column is
 * its type alone. */
#include "codec/avro/row_avro.h"

enum { ROW_AVRO_COLUMNS_MAXIMUM = 10000 }; /* fields in all, as a schema may use a record in many places */

#define ROW_AVRO_DEFAULT_NAME SLICE("io.confluent.ksql.avro_schemas.KsqlDataSourceSchema")

/* --- from columns
 * ------------------------------------------------------------------------------------------------------------------ */

/* The name of the next record, and the namespace, which the outermost says for all inside it. */
struct row_avro_naming {
    struct bytes name;
    struct slice space; /* data NULL: there is none, or it has been said */
};

static void row_avro_put_type(struct bytes *to, const struct type *type, struct row_avro_naming *naming);

/* [A-Za-z_][A-Za-z0-9_]* */
static bool row_avro_name_valid(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i], lower = c | 0x20;
        if (!(lower >= 'a' && lower <= 'z') && c != '_' && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

static bool row_avro_full_name_valid(struct slice name) {
    for (;;) {
        const char *dot = memchr(name.data, '.', name.length);
        size_t length = dot ? (size_t)(dot - name.data) : name.length;
        if (!row_avro_name_valid((struct slice){name.data, length}))
            return false;
        if (!dot)
            return true;
        name = (struct slice){dot + 1, name.length - length - 1};
    }
}

static void row_avro_put_nullable(struct bytes *to, const struct type *type, struct row_avro_naming *naming) {
    bytes_append_string(to, "[\"null\",");
    row_avro_put_type(to, type, naming);
    bytes_append_char(to, ']');
}

/* The name grows by the field's for the records inside, and shrinks again. */
static void row_avro_put_fields(struct bytes *to, const struct type *type, struct row_avro_naming *naming) {
    size_t length = naming->name.length;
    bytes_append_string(to, "\"fields\":[");
    for (size_t i = 0; i < type->field_count; i++) {
        struct slice field = type->fields[i].name;
        bytes_append_char(&naming->name, '_');
        bytes_append_slice(&naming->name, field);
        bytes_append_string(to, i ? ",{\"name\":\"" : "{\"name\":\"");
        bytes_append_slice(to, field);
        bytes_append_string(to, "\",\"type\":");
        row_avro_put_nullable(to, type->fields[i].type, naming);
        bytes_append_string(to, ",\"default\":null}");
        naming->name.length = length;
    }
    bytes_append_string(to, "]}");
}

static void row_avro_put_record_type(struct bytes *to, const struct type *type, struct row_avro_naming *naming) {
    bytes_append_string(to, "{\"type\":\"record\",\"name\":\"");
    bytes_append_slice(to, bytes_slice(&naming->name));
    if (naming->space.data) {
        bytes_append_string(to, "\",\"namespace\":\"");
        bytes_append_slice(to, naming->space);
        naming->space.data = NULL;
    }
    bytes_append_string(to, "\",");
    row_avro_put_fields(to, type, naming);
}

static void row_avro_put_type(struct bytes *to, const struct type *type, struct row_avro_naming *naming) {
    static const char *const plain[TYPE_KINDS] = {
        [TYPE_BOOLEAN] = "\"boolean\"",
        [TYPE_INTEGER] = "\"int\"",
        [TYPE_BIGINT] = "\"long\"",
        [TYPE_DOUBLE] = "\"double\"",
        [TYPE_STRING] = "\"string\"",
        [TYPE_BYTES] = "\"bytes\"",
        [TYPE_DATE] = "{\"type\":\"int\",\"logicalType\":\"date\"}",
        [TYPE_TIME] = "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
        [TYPE_TIMESTAMP] = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
    };
    if (type->kind == TYPE_DECIMAL) {
        bytes_append_format(to, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u}",
                            type->precision, type->scale);
    } else if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) {
        bytes_append_string(to, type->kind == TYPE_ARRAY ? "{\"type\":\"array\",\"items\":"
                                                         : "{\"type\":\"map\",\"values\":");
        row_avro_put_nullable(to, type->element, naming);
        bytes_append_char(to, '}');
    } else if (type->kind == TYPE_STRUCT) {
        row_avro_put_record_type(to, type, naming);
    } else {
        bytes_append_string(to, plain[type->kind] ? plain[type->kind] : "\"null\"");
    }
}

static int row_avro_check_names(const struct type *type, struct error *error) {
    int status = 0;
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count && !status; i++) {
        struct slice name = type->fields[i].name;
        if (!row_avro_name_valid(name))
            return error_set(
                error, ERROR_INVALID,
                "%.*s is no name of a field in Avro: letters, digits and _ are possible, and no digit first",
                (int)(name.length < 100 ? name.length : 100), name.data);
        status = row_avro_check_names(type->fields[i].type, error);
    }
    return !status && (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP) ? row_avro_check_names(type->element, error)
                                                                           : status;
}

/* Takes the full name apart at its last dot. */
static void row_avro_name(struct row_avro_naming *naming, struct slice full) {
    const char *dot = memrchr(full.data, '.', full.length);
    size_t space = dot ? (size_t)(dot - full.data) : 0;
    if (dot)
        naming->space = (struct slice){full.data, space};
    bytes_append(&naming->name, full.data + space + (dot != NULL), full.length - space - (dot != NULL));
}

int row_avro_schema(const struct row_layout *layout, struct bytes *to, struct error *error) {
    struct row_avro_plan row = {0};
    struct row_avro_naming naming = {0};
    struct slice full = layout->format.schema_name.data ? layout->format.schema_name : ROW_AVRO_DEFAULT_NAME;
    if (!row_avro_full_name_valid(full))
        return error_set(error, ERROR_INVALID, "%.*s is no name of a schema in Avro",
                         (int)(full.length < 100 ? full.length : 100), full.data);
    if (!row_avro_row_type(&row, layout))
        return error_no_memory(error);
    const struct type *type = layout->bare ? layout->columns[0].type : &row.row;
    int status = row_avro_check_names(type, error);
    row_avro_name(&naming, full);
    if (!status)
        row_avro_put_type(to, type, &naming);
    if (!status && (naming.name.failed || to->failed))
        status = error_no_memory(error);
    bytes_release(&naming.name);
    arena_release(&row.arena);
    return status;
}

/* --- to columns
 * ------------------------------------------------------------------------------------------------------------------ */

struct row_avro_inference {
    struct arena *arena;
    size_t fields;
    struct error *error;
};

static int row_avro_infer(struct row_avro_inference *inference, const struct avro_type *type, int depth,
                          const struct type **ret_type);

static int row_avro_infer_made(struct row_avro_inference *inference, const struct type *made,
                               const struct type **ret_type) {
    if (!made)
        return error_no_memory(inference->error);
    *ret_type = made;
    return 0;
}

static int row_avro_infer_decimal(struct row_avro_inference *inference, const struct avro_type *type,
                                  const struct type **ret_type) {
    if (!type_decimal_valid(type->precision, type->scale))
        return error_set(inference->error, ERROR_INVALID, "a decimal of %lld digits; DECIMAL has up to %d",
                         (long long)type->precision, TYPE_PRECISION_MAXIMUM);
    return row_avro_infer_made(
        inference, type_decimal(inference->arena, (unsigned)type->precision, (unsigned)type->scale), ret_type);
}

/* Null and one other type. */
static int row_avro_infer_union(struct row_avro_inference *inference, const struct avro_type *type, int depth,
                                const struct type **ret_type) {
    const struct avro_type *only = NULL;
    size_t others = 0;
    for (size_t i = 0; i < type->member_count; i++)
        if (type->members[i]->kind != AVRO_NULL) {
            only = type->members[i];
            others++;
        }
    if (others != 1)
        return error_set(inference->error, ERROR_INVALID, "a union of %zu types beside null; SQL has none", others);
    return row_avro_infer(inference, only, depth + 1, ret_type);
}

static int row_avro_infer_fields(struct row_avro_inference *inference, const struct avro_type *record, int depth,
                                 struct type_field **ret_fields) {
    inference->fields += record->member_count;
    if (inference->fields > ROW_AVRO_COLUMNS_MAXIMUM)
        return error_set(inference->error, ERROR_INVALID, "more than %d fields", ROW_AVRO_COLUMNS_MAXIMUM);
    struct type_field *fields = arena_allocate(inference->arena, record->member_count * sizeof *fields);
    if (!fields)
        return error_no_memory(inference->error);
    for (size_t i = 0; i < record->member_count; i++) {
        fields[i].name = arena_copy(inference->arena, record->words[i]);
        if (!fields[i].name.data)
            return error_no_memory(inference->error);
        int status = row_avro_infer(inference, record->members[i], depth + 1, &fields[i].type);
        if (status)
            return status == ERROR_INVALID && inference->error
                       ? error_wrap(inference->error, "field %.80s", record->words[i].data)
                       : status;
    }
    *ret_fields = fields;
    return 0;
}

static int row_avro_infer_nested(struct row_avro_inference *inference, const struct avro_type *type, int depth,
                                 const struct type **ret_type) {
    struct type_field *fields = NULL;
    const struct type *element = NULL;
    int status = type->kind == AVRO_RECORD ? row_avro_infer_fields(inference, type, depth, &fields)
                                           : row_avro_infer(inference, type->members[0], depth + 1, &element);
    if (status)
        return status;
    const struct type *made = type->kind == AVRO_RECORD  ? type_struct(inference->arena, fields, type->member_count)
                              : type->kind == AVRO_ARRAY ? type_array(inference->arena, element)
                                                         : type_map(inference->arena, &type_string, element);
    return row_avro_infer_made(inference, made, ret_type);
}

static const struct type *row_avro_infer_plain(const struct avro_type *type) {
    static const struct type *const times[] = {&type_date, &type_time, &type_timestamp};
    for (size_t i = 0; type->logical && i < sizeof times / sizeof *times; i++)
        if (row_avro_time_scale(type, times[i]))
            return times[i];
    switch (type->kind) {
    case AVRO_BOOLEAN:
        return &type_boolean;
    case AVRO_INT:
        return &type_integer;
    case AVRO_LONG:
        return &type_bigint;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return &type_double;
    case AVRO_BYTES:
    case AVRO_FIXED:
        return &type_bytes;
    case AVRO_STRING:
    case AVRO_ENUM:
        return &type_string;
    default:
        return NULL;
    }
}

static int row_avro_infer(struct row_avro_inference *inference, const struct avro_type *type, int depth,
                          const struct type **ret_type) {
    if (depth > AVRO_DEPTH_MAXIMUM)
        return error_set(inference->error, ERROR_INVALID, "a record that holds itself, or is nested deeper than %d",
                         AVRO_DEPTH_MAXIMUM);
    if (type->logical && strcmp(type->logical, "decimal") == 0)
        return row_avro_infer_decimal(inference, type, ret_type);
    if (type->kind == AVRO_UNION)
        return row_avro_infer_union(inference, type, depth, ret_type);
    if (type->kind == AVRO_RECORD || type->kind == AVRO_ARRAY || type->kind == AVRO_MAP)
        return row_avro_infer_nested(inference, type, depth, ret_type);
    *ret_type = row_avro_infer_plain(type);
    return *ret_type ? 0
                     : error_set(inference->error, ERROR_INVALID, "%s has no type in SQL", avro_kind_text(type->kind));
}

int row_columns_of_avro(struct slice schema, struct arena *arena, struct row_column **ret_columns, size_t *ret_count,
                        struct error *error) {
    struct row_avro_inference inference = {.arena = arena, .error = error};
    const struct avro_type *read = NULL;
    const struct type *type = NULL;
    int status = avro_schema_read(schema, arena, &read, error);
    if (!status)
        status = row_avro_infer(&inference, read, 0, &type);
    if (status)
        return status;
    bool record = type->kind == TYPE_STRUCT;
    size_t count = record ? type->field_count : 1;
    struct row_column *columns = arena_allocate(arena, count * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    columns[0] = (struct row_column){SLICE(""), type};
    for (size_t i = 0; record && i < count; i++)
        columns[i] = (struct row_column){type->fields[i].name, type->fields[i].type};
    *ret_columns = columns;
    *ret_count = count;
    return 0;
}

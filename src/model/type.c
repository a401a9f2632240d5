/* Types are made in an arena, copied into others, compared by structure and printed as they are written in SQL. */
#include "model/type.h"

const struct type type_null = {.kind = TYPE_NULL};
const struct type type_boolean = {.kind = TYPE_BOOLEAN};
const struct type type_integer = {.kind = TYPE_INTEGER};
const struct type type_bigint = {.kind = TYPE_BIGINT};
const struct type type_double = {.kind = TYPE_DOUBLE};
const struct type type_string = {.kind = TYPE_STRING};
const struct type type_bytes = {.kind = TYPE_BYTES};
const struct type type_date = {.kind = TYPE_DATE};
const struct type type_time = {.kind = TYPE_TIME};
const struct type type_timestamp = {.kind = TYPE_TIMESTAMP};

/* --- making
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct type *type_new(struct arena *arena, struct type type) {
    struct type *made = arena_allocate(arena, sizeof *made);
    if (made)
        *made = type;
    return made;
}

bool type_decimal_valid(int64_t precision, int64_t scale) {
    return precision >= 1 && precision <= TYPE_PRECISION_MAXIMUM && scale >= 0 && scale <= precision;
}

const struct type *type_decimal(struct arena *arena, unsigned precision, unsigned scale) {
    return type_new(arena, (struct type){.kind = TYPE_DECIMAL, .precision = precision, .scale = scale});
}

const struct type *type_array(struct arena *arena, const struct type *element) {
    return type_new(arena, (struct type){.kind = TYPE_ARRAY, .element = element});
}

const struct type *type_map(struct arena *arena, const struct type *key, const struct type *value) {
    return type_new(arena, (struct type){.kind = TYPE_MAP, .key = key, .element = value});
}

const struct type *type_struct(struct arena *arena, const struct type_field *fields, size_t count) {
    return type_new(arena, (struct type){.kind = TYPE_STRUCT, .fields = fields, .field_count = count});
}

static const struct type *type_copy_struct(struct arena *arena, const struct type *type) {
    struct type_field *fields = arena_allocate(arena, type->field_count * sizeof *fields);
    if (!fields)
        return NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] =
            (struct type_field){arena_copy(arena, type->fields[i].name), type_copy(arena, type->fields[i].type)};
        if (!fields[i].name.data || !fields[i].type)
            return NULL;
    }
    return type_struct(arena, fields, type->field_count);
}

const struct type *type_copy(struct arena *arena, const struct type *type) {
    static const struct type *const simple[TYPE_KINDS] = {
        [TYPE_NULL] = &type_null,           [TYPE_BOOLEAN] = &type_boolean, [TYPE_INTEGER] = &type_integer,
        [TYPE_BIGINT] = &type_bigint,       [TYPE_DOUBLE] = &type_double,   [TYPE_STRING] = &type_string,
        [TYPE_BYTES] = &type_bytes,         [TYPE_DATE] = &type_date,       [TYPE_TIME] = &type_time,
        [TYPE_TIMESTAMP] = &type_timestamp,
    };
    if (simple[type->kind])
        return simple[type->kind];
    if (type->kind == TYPE_STRUCT)
        return type_copy_struct(arena, type);
    struct type copy = *type;
    if (type->key && !(copy.key = type_copy(arena, type->key)))
        return NULL;
    if (type->element && !(copy.element = type_copy(arena, type->element)))
        return NULL;
    return type_new(arena, copy);
}

/* --- asking
 * ------------------------------------------------------------------------------------------------------------------ */

static bool type_equal_fields(const struct type *a, const struct type *b) {
    if (a->field_count != b->field_count)
        return false;
    for (size_t i = 0; i < a->field_count; i++)
        if (!slice_equal(a->fields[i].name, b->fields[i].name) || !type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    return true;
}

bool type_equal(const struct type *a, const struct type *b) {
    if (a == b)
        return true;
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TYPE_DECIMAL:
        return a->precision == b->precision && a->scale == b->scale;
    case TYPE_ARRAY:
        return type_equal(a->element, b->element);
    case TYPE_MAP:
        return type_equal(a->key, b->key) && type_equal(a->element, b->element);
    case TYPE_STRUCT:
        return type_equal_fields(a, b);
    default:
        return true;
    }
}

bool type_is_numeric(const struct type *type) {
    return type->kind >= TYPE_INTEGER && type->kind <= TYPE_DOUBLE;
}

bool type_is_time(const struct type *type) {
    return type->kind >= TYPE_DATE && type->kind <= TYPE_TIMESTAMP;
}

const struct type_field *type_find_field(const struct type *type, struct slice name) {
    for (size_t i = 0; i < type->field_count; i++)
        if (slice_equal(type->fields[i].name, name))
            return &type->fields[i];
    return NULL;
}

/* --- printing
 * ------------------------------------------------------------------------------------------------------------------ */

static void type_print_name(struct bytes *to, struct slice name) {
    bytes_append_char(to, '`');
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '`')
            bytes_append_char(to, '`');
        bytes_append_char(to, name.data[i]);
    }
    bytes_append_char(to, '`');
}

static void type_print_struct(struct bytes *to, const struct type *type) {
    bytes_append_string(to, "STRUCT<");
    for (size_t i = 0; i < type->field_count; i++) {
        if (i)
            bytes_append_string(to, ", ");
        type_print_name(to, type->fields[i].name);
        bytes_append_char(to, ' ');
        type_print(to, type->fields[i].type);
    }
    bytes_append_char(to, '>');
}

void type_print(struct bytes *to, const struct type *type) {
    static const char *const names[TYPE_KINDS] = {
        [TYPE_NULL] = "NULL",     [TYPE_BOOLEAN] = "BOOLEAN",     [TYPE_INTEGER] = "INTEGER", [TYPE_BIGINT] = "BIGINT",
        [TYPE_DOUBLE] = "DOUBLE", [TYPE_STRING] = "STRING",       [TYPE_BYTES] = "BYTES",     [TYPE_DATE] = "DATE",
        [TYPE_TIME] = "TIME",     [TYPE_TIMESTAMP] = "TIMESTAMP",
    };
    switch (type->kind) {
    case TYPE_DECIMAL:
        bytes_append_format(to, "DECIMAL(%u, %u)", type->precision, type->scale);
        break;
    case TYPE_ARRAY:
        bytes_append_string(to, "ARRAY<");
        type_print(to, type->element);
        bytes_append_char(to, '>');
        break;
    case TYPE_MAP:
        bytes_append_string(to, "MAP<");
        type_print(to, type->key);
        bytes_append_string(to, ", ");
        type_print(to, type->element);
        bytes_append_char(to, '>');
        break;
    case TYPE_STRUCT:
        type_print_struct(to, type);
        break;
    default:
        bytes_append_string(to, names[type->kind]);
    }
}

struct slice type_text(struct arena *arena, const struct type *type) {
    struct bytes text = {0};
    type_print(&text, type);
    struct slice copy = text.failed ? (struct slice){NULL, 0} : arena_copy(arena, bytes_slice(&text));
    bytes_release(&text);
    return copy;
}

#include "lake/iceberg/schema.h"

#include <stdio.h>

/* Those without parameters; what Iceberg has more of is read as the nearest of ours. */
static const struct schema_type {
    const char *name;
    const struct type *type;
} schema_types[] = {
    {"boolean", &type_boolean},       {"int", &type_integer},         {"long", &type_bigint},  {"double", &type_double},
    {"string", &type_string},         {"binary", &type_bytes},        {"date", &type_date},    {"time", &type_time},
    {"timestamptz", &type_timestamp}, {"timestamp", &type_timestamp}, {"float", &type_double}, {"uuid", &type_bytes},
};

static void schema_type_name(const struct type *type, char to[32]) {
    if (type->kind == TYPE_DECIMAL)
        snprintf(to, 32, "decimal(%u, %u)", type->precision, type->scale);
    for (size_t i = 0; i < sizeof schema_types / sizeof *schema_types; i++)
        if (type->kind == schema_types[i].type->kind) {
            snprintf(to, 32, "%s", schema_types[i].name);
            return;
        }
}

static int schema_write_column(json_t *fields, const struct lake_column *columns, size_t at, struct error *error) {
    const struct lake_column *column = &columns[at];
    char type[32] = "";
    for (size_t i = 0; i < at; i++)
        if (slice_equal(columns[i].name, column->name))
            return error_set(error, ERROR_INVALID, "there are two columns %.*s", (int)column->name.length,
                             column->name.data);
    schema_type_name(column->type, type);
    if (!*type) {
        struct arena arena = {0};
        struct slice text = type_text(&arena, column->type);
        int status =
            error_set(error, ERROR_UNSUPPORTED,
                      "column %.*s is of type %.*s: tables of the lake have flat columns; take its parts as "
                      "columns of a stream of their own",
                      (int)column->name.length, column->name.data, (int)text.length, text.data ? text.data : "");
        arena_release(&arena);
        return status;
    }
    json_t *field = json_pack("{s:I,s:s%,s:b,s:s}", "id", (json_int_t)at + 1, "name", column->name.data,
                              column->name.length, "required", column->required, "type", type);
    return field && json_array_append_new(fields, field) == 0
               ? 0
               : error_set(error, ERROR_INVALID, "column %zu has a name that is no UTF-8, or memory has run out",
                           at + 1);
}

int schema_write(const struct lake_column *columns, size_t count, json_t **ret_schema, struct error *error) {
    json_t *fields = json_array();
    int status = fields ? 0 : error_no_memory(error);
    if (count == 0 || count > LAKE_COLUMNS_MAXIMUM)
        status = error_set(error, ERROR_INVALID, "a table has 1 to %d columns", LAKE_COLUMNS_MAXIMUM);
    for (size_t i = 0; i < count && !status; i++)
        status = schema_write_column(fields, columns, i, error);
    if (status) {
        json_decref(fields);
        return status;
    }
    json_t *schema = json_pack("{s:s,s:i,s:o}", "type", "struct", "schema-id", 0, "fields", fields);
    if (!schema)
        return error_no_memory(error);
    *ret_schema = schema;
    return 0;
}

static const struct type *schema_type(const char *name, struct arena *arena) {
    unsigned precision, scale;
    if (sscanf(name, "decimal(%u , %u)", &precision, &scale) == 2 && type_decimal_valid(precision, scale))
        return type_decimal(arena, precision, scale);
    if (strncmp(name, "fixed[", 6) == 0)
        return &type_bytes;
    for (size_t i = 0; i < sizeof schema_types / sizeof *schema_types; i++)
        if (strcmp(name, schema_types[i].name) == 0)
            return schema_types[i].type;
    return NULL;
}

int schema_read(const json_t *schema, struct arena *arena, struct lake_column **ret_columns, size_t *ret_count,
                struct error *error) {
    const json_t *fields = json_object_get(schema, "fields");
    size_t count = json_array_size(fields);
    if (count == 0 || count > LAKE_COLUMNS_MAXIMUM)
        return error_set(error, ERROR_UNSUPPORTED, "its schema has %zu columns", count);
    struct lake_column *columns = arena_allocate(arena, count * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const json_t *field = json_array_get(fields, i);
        const char *name = json_string_value(json_object_get(field, "name")),
                   *type = json_string_value(json_object_get(field, "type"));
        if (!name)
            return error_set(error, ERROR_CORRUPT, "its schema has a column without a name");
        columns[i] = (struct lake_column){.name = arena_copy(arena, slice_of(name)),
                                          .type = type ? schema_type(type, arena) : NULL,
                                          .id = (int32_t)json_integer_value(json_object_get(field, "id")),
                                          .required = json_is_true(json_object_get(field, "required"))};
        if (!columns[i].name.data)
            return error_no_memory(error);
        if (!columns[i].type)
            return error_set(error, ERROR_UNSUPPORTED, "column %s is of type %s, which is not read here", name,
                             type ? type : "(nested)");
    }
    *ret_columns = columns;
    *ret_count = count;
    return 0;
}

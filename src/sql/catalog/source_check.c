/* What makes a definition wrong: names, keys, headers, and columns that a format cannot carry. */
#include "sql/catalog/source.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

#include "core/memory.h"
#include <stdlib.h>

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

bool source_is_system_column(struct slice name) {
    static const char *const names[] = {"ROWTIME", "ROWPARTITION", "ROWOFFSET", "WINDOWSTART", "WINDOWEND"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(name, slice_of(names[i])))
            return true;
    return false;
}

static int source_check_names(const struct source *source, struct error *error) {
    size_t duplicate;
    struct slice *names = memory_resize(NULL, source->column_count + 1, sizeof *names);
    for (size_t i = 0; names && i < source->column_count; i++)
        names[i] = source->columns[i].name;
    bool done = names && names_find_duplicate(names, source->column_count, &duplicate);
    free(names);
    if (!done)
        return error_no_memory(error);
    for (size_t i = 0; i < source->column_count; i++) {
        const struct source_column *column = &source->columns[i];
        if (i == duplicate)
            return place_error(error, column->place, "the column %.*s is there twice", names_shown(column->name),
                               column->name.data);
        if (source_is_system_column(column->name))
            return place_error(error, column->place,
                               "%.*s is a column that every source has of itself; choose another name",
                               names_shown(column->name), column->name.data);
    }
    return 0;
}

/* --- keys and headers
 * -------------------------------------------------------------------------------------------------------------- */

static int source_check_keys(const struct source *source, struct place name_place, struct error *error) {
    bool table = source->object == OBJECT_TABLE;
    for (size_t i = 0; i < source->column_count; i++) {
        const struct source_column *column = &source->columns[i];
        if (table ? column->role == COLUMN_KEY : column->role == COLUMN_PRIMARY_KEY)
            return place_error(error, column->place, "the key column %.*s of a %s is written %s",
                               names_shown(column->name), column->name.data, source_kind(source),
                               table ? "PRIMARY KEY" : "KEY");
    }
    if (table && source_key_count(source) == 0)
        return place_error(error, name_place,
                           "the table %.*s needs a PRIMARY KEY: mark its key column, as in ID INT PRIMARY KEY",
                           names_shown(source->name), source->name.data);
    if (source->column_count == 0)
        return place_error(error, name_place, "the %s %.*s has no columns", source_kind(source),
                           names_shown(source->name), source->name.data);
    return 0;
}

/* ARRAY<STRUCT<KEY STRING, VALUE BYTES>> */
static bool source_is_header_list(const struct type *type) {
    const struct type *pair = type->kind == TYPE_ARRAY ? type->element : NULL;
    return pair && pair->kind == TYPE_STRUCT && pair->field_count == 2 &&
           slice_equal(pair->fields[0].name, SLICE("KEY")) && pair->fields[0].type->kind == TYPE_STRING &&
           slice_equal(pair->fields[1].name, SLICE("VALUE")) && pair->fields[1].type->kind == TYPE_BYTES;
}

static int source_check_headers(const struct source *source, struct error *error) {
    const struct source_column *all = NULL, *one = NULL;
    for (size_t i = 0; i < source->column_count; i++) {
        const struct source_column *column = &source->columns[i];
        if (column->role != COLUMN_HEADERS && column->role != COLUMN_HEADER)
            continue;
        if (column->role == COLUMN_HEADERS && !source_is_header_list(column->type))
            return place_error(error, column->place,
                               "a HEADERS column has the type ARRAY<STRUCT<KEY STRING, VALUE BYTES>>");
        if (column->role == COLUMN_HEADER && column->type->kind != TYPE_BYTES)
            return place_error(error, column->place, "a HEADER('%.*s') column has the type BYTES",
                               names_shown(column->header), column->header.data);
        if (all || (column->role == COLUMN_HEADERS && one))
            return place_error(error, column->place,
                               "a column with all HEADERS stands alone, without other columns of headers");
        *(column->role == COLUMN_HEADERS ? &all : &one) = column;
    }
    return 0;
}

/* --- formats
 * ------------------------------------------------------------------------------------------------------------------ */

static bool source_holds_map(const struct type *type) {
    if (type->kind == TYPE_MAP)
        return true;
    if (type->kind == TYPE_ARRAY)
        return source_holds_map(type->element);
    for (size_t i = 0; i < type->field_count; i++)
        if (source_holds_map(type->fields[i].type))
            return true;
    return false;
}

/* The kind of type in it that the format cannot carry, or NULL. */
static const char *source_foreign_part(const struct type *type, enum format format) {
    const char *foreign = NULL;
    bool nested = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP || type->kind == TYPE_STRUCT;
    if (format == FORMAT_DELIMITED)
        return nested ? "ARRAY, MAP and STRUCT" : NULL;
    if (format == FORMAT_KAFKA)
        return type->kind == TYPE_INTEGER || type->kind == TYPE_BIGINT || type->kind == TYPE_DOUBLE ||
                       type->kind == TYPE_STRING || type->kind == TYPE_BYTES
                   ? NULL
                   : "other types than INT, BIGINT, DOUBLE, STRING and BYTES";
    if (type->kind == TYPE_MAP && type->key->kind != TYPE_STRING)
        return "maps whose keys are not STRING";
    bool many = type->kind == TYPE_ARRAY || type->kind == TYPE_MAP;
    if (many && format_always_wraps(format) && (type->element->kind == TYPE_ARRAY || type->element->kind == TYPE_MAP))
        return "an ARRAY or a MAP inside of another one";
    if (many)
        return source_foreign_part(type->element, format);
    for (size_t i = 0; !foreign && i < type->field_count; i++)
        foreign = source_foreign_part(type->fields[i].type, format);
    return foreign;
}

/* Avro, "Names": letters, digits and _, no digit first. */
static bool source_avro_name(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_', digit = c >= '0' && c <= '9';
        if (!letter && !(digit && i > 0))
            return false;
    }
    return true;
}

static int source_refuse_type(const struct source_column *column, enum format format, const char *foreign,
                              struct error *error) {
    cleanup(bytes_release) struct bytes type = {0};
    type_print(&type, column->type);
    struct slice text = bytes_slice(&type);
    return place_error(error, column->place, "the format %s does not carry %s: column %.*s has the type %.*s",
                       format_name(format), foreign, names_shown(column->name), column->name.data, names_shown(text),
                       text.data);
}

static int source_check_carried(const struct source_column *column, enum format format, struct error *error) {
    const char *foreign = source_foreign_part(column->type, format);
    int shown = names_shown(column->name);
    if (foreign)
        return source_refuse_type(column, format, foreign, error);
    if ((format == FORMAT_AVRO || format_always_wraps(format)) && !source_avro_name(column->name))
        return place_error(
            error, column->place,
            "the format %s does not carry names with other characters than letters, digits and _: column %.*s",
            format_name(format), shown, column->name.data);
    if (source_is_key(column) && source_holds_map(column->type))
        return place_error(error, column->place, "a key cannot hold a MAP, whose order is not fixed: column %.*s",
                           shown, column->name.data);
    return 0;
}

static int source_check_part(const struct source *source, bool key, struct place place, struct error *error) {
    enum format format = key ? source->key.format : source->value.format;
    const char *part = key ? "key" : "value";
    size_t count = 0;
    for (size_t i = 0; i < source->column_count; i++) {
        const struct source_column *column = &source->columns[i];
        if (key ? !source_is_key(column) : !source_is_value(column))
            continue;
        int status = source_check_carried(column, format, error);
        if (status < 0)
            return status;
        count++;
    }
    if (format == FORMAT_NONE && (!key || count > 0))
        return place_error(error, place,
                           key ? "the key format NONE is for sources without key columns"
                               : "the format NONE is for keys only");
    if (format == FORMAT_KAFKA && count > 1)
        return place_error(error, place,
                           "the format KAFKA carries one column; the %s has %zu: use JSON, AVRO or DELIMITED", part,
                           count);
    return 0;
}

int source_check(const struct source *source, struct place name_place, const struct place format_places[2],
                 struct error *error) {
    int status;
    if ((status = source_check_keys(source, name_place, error)) < 0 ||
        (status = source_check_names(source, error)) < 0 || (status = source_check_headers(source, error)) < 0 ||
        (status = source_check_part(source, true, format_places[0], error)) < 0)
        return status;
    return source_check_part(source, false, format_places[1], error);
}

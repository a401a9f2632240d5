/* Built-in names come first, then those of CREATE TYPE; ARRAY, MAP and STRUCT resolve what is inside of them. */
#include "sql/catalog/type_resolve.h"

#include "core/memory.h"
#include "sql/catalog/catalog.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"
#include <stdlib.h>

static const struct {
    const char *name;
    const struct type *type; /* NULL: DECIMAL, which has parameters */
} type_built_in[] = {
    {"BIGINT", &type_bigint}, {"BOOLEAN", &type_boolean}, {"BYTES", &type_bytes},         {"DATE", &type_date},
    {"DECIMAL", NULL},        {"DOUBLE", &type_double},   {"INT", &type_integer},         {"INTEGER", &type_integer},
    {"STRING", &type_string}, {"TIME", &type_time},       {"TIMESTAMP", &type_timestamp}, {"VARCHAR", &type_string},
};

enum { TYPE_BUILT_IN = sizeof type_built_in / sizeof *type_built_in };

static size_t type_find_built_in(struct slice name) {
    size_t i = 0;
    while (i < TYPE_BUILT_IN && !slice_equal(name, slice_of(type_built_in[i].name)))
        i++;
    return i;
}

bool type_is_built_in(struct slice name) {
    return type_find_built_in(name) < TYPE_BUILT_IN;
}

static int type_unknown(const struct type_name *name, struct error *error) {
    const char *names[TYPE_BUILT_IN];
    char suggestion[NAMES_SUGGESTION_SIZE];
    for (size_t i = 0; i < TYPE_BUILT_IN; i++)
        names[i] = type_built_in[i].name;
    return place_error(error, name->place, "there is no type %.*s%s", names_shown(name->name), name->name.data,
                       names_suggest(suggestion, name->name, names, TYPE_BUILT_IN));
}

static int type_resolve_decimal(const struct type_name *name, struct arena *arena, const struct type **ret_type,
                                struct error *error) {
    if (name->parameter_count != 2)
        return place_error(error, name->place,
                           "DECIMAL needs its digits and how many of them stand after the point: DECIMAL(10, 2)");
    if (!type_decimal_valid(name->parameters[0], name->parameters[1]))
        return place_error(error, name->place,
                           "DECIMAL(%d, %d) cannot be: 1 to %d digits, at most all of them after the point",
                           name->parameters[0], name->parameters[1], TYPE_PRECISION_MAXIMUM);
    *ret_type = type_decimal(arena, (unsigned)name->parameters[0], (unsigned)name->parameters[1]);
    return *ret_type ? 0 : error_no_memory(error);
}

static int type_resolve_plain(const struct type_name *name, const struct catalog *catalog, struct arena *arena,
                              const struct type **ret_type, struct error *error) {
    size_t found = name->quoted ? TYPE_BUILT_IN : type_find_built_in(name->name);
    if (found < TYPE_BUILT_IN && !type_built_in[found].type)
        return type_resolve_decimal(name, arena, ret_type, error);
    if (name->parameter_count)
        return place_error(error, name->place, "%.*s has no parameters", names_shown(name->name), name->name.data);
    if (found < TYPE_BUILT_IN) {
        *ret_type = type_built_in[found].type;
        return 0;
    }
    const struct type *made = catalog ? catalog_type(catalog, name->name) : NULL;
    if (!made)
        return type_unknown(name, error);
    *ret_type = type_copy(arena, made);
    return *ret_type ? 0 : error_no_memory(error);
}

static int type_check_fields(const struct type_name *name, struct error *error) {
    size_t duplicate;
    struct slice *names = memory_resize(NULL, name->part_count, sizeof *names);
    for (size_t i = 0; names && i < name->part_count; i++)
        names[i] = name->names[i].name;
    bool done = names && names_find_duplicate(names, name->part_count, &duplicate);
    free(names);
    if (!done)
        return error_no_memory(error);
    if (duplicate == name->part_count)
        return 0;
    const struct identifier *field = &name->names[duplicate];
    return place_error(error, field->place, "the field %.*s is there twice", names_shown(field->name),
                       field->name.data);
}

static int type_resolve_struct(const struct type_name *name, const struct catalog *catalog, struct arena *arena,
                               const struct type **ret_type, struct error *error) {
    struct type_field *fields = arena_allocate(arena, name->part_count * sizeof *fields);
    int status = type_check_fields(name, error);
    if (status < 0 || !fields)
        return status < 0 ? status : error_no_memory(error);
    for (size_t i = 0; i < name->part_count; i++) {
        fields[i].name = arena_copy(arena, name->names[i].name);
        if (!fields[i].name.data)
            return error_no_memory(error);
        if ((status = type_resolve(name->parts[i], catalog, arena, &fields[i].type, error)) < 0)
            return status;
    }
    *ret_type = type_struct(arena, fields, name->part_count);
    return *ret_type ? 0 : error_no_memory(error);
}

int type_resolve(const struct type_name *name, const struct catalog *catalog, struct arena *arena,
                 const struct type **ret_type, struct error *error) {
    const struct type *parts[2] = {NULL, NULL}, *type;
    if (name->kind == TYPE_NAME_PLAIN)
        return type_resolve_plain(name, catalog, arena, ret_type, error);
    if (name->kind == TYPE_NAME_STRUCT)
        return type_resolve_struct(name, catalog, arena, ret_type, error);
    for (size_t i = 0; i < name->part_count; i++) {
        int status = type_resolve(name->parts[i], catalog, arena, &parts[i], error);
        if (status < 0)
            return status;
    }
    type = name->kind == TYPE_NAME_ARRAY ? type_array(arena, parts[0]) : type_map(arena, parts[0], parts[1]);
    if (!type)
        return error_no_memory(error);
    *ret_type = type;
    return 0;
}

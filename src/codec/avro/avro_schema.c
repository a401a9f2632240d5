/* JSON becomes types, from the outside in.
 *
 * Everything is bounded: the text by AVRO_SCHEMA_MAXIMUM, nesting by AVRO_DEPTH_MAXIMUM, named types by
 * AVRO_NAMES_MAXIMUM. A name is known from the moment its definition begins, so a record may contain itself. A
 * simple name is looked for in the namespace around it, then in none, as the Java library writes types without a
 * namespace. Documentation, order, defaults, aliases and unknown attributes say nothing about the bytes of a value
 * and are not looked at; aliases and defaults are the reader's matter, and ours has none. */
#include "codec/avro/avro_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/json/json_tree.h"
#include "core/memory.h"

enum { AVRO_SCHEMA_MAXIMUM = 1 << 20, AVRO_NAMES_MAXIMUM = 1000, AVRO_NAME_SIZE = 512 };

struct avro_parser {
    struct arena *arena;
    struct avro_type **names;
    size_t name_count, name_capacity;
    struct error *error;
};

const char *avro_kind_text(enum avro_kind kind) {
    static const char *const texts[] = {
        [AVRO_NULL] = "null",     [AVRO_BOOLEAN] = "a boolean", [AVRO_INT] = "an int",     [AVRO_LONG] = "a long",
        [AVRO_FLOAT] = "a float", [AVRO_DOUBLE] = "a double",   [AVRO_BYTES] = "bytes",    [AVRO_STRING] = "a string",
        [AVRO_FIXED] = "a fixed", [AVRO_ENUM] = "an enum",      [AVRO_ARRAY] = "an array", [AVRO_MAP] = "a map",
        [AVRO_UNION] = "a union", [AVRO_RECORD] = "a record",
    };
    return texts[kind];
}

static int avro_invalid(struct avro_parser *parser, const char *what, const char *which) {
    return error_set(parser->error, ERROR_INVALID, "not an Avro schema: %s%s%.80s%s", what, which ? " '" : "",
                     which ? which : "", which ? "'" : "");
}

static int avro_parse(struct avro_parser *parser, const json_t *json, const char *space, int depth,
                      const struct avro_type **ret_type);

static struct avro_type *avro_type_new(struct avro_parser *parser, enum avro_kind kind) {
    struct avro_type *type = arena_allocate(parser->arena, sizeof *type);
    if (type)
        *type = (struct avro_type){.kind = kind, .scale = AVRO_NO_SCALE};
    return type;
}

static const char *avro_attribute(const json_t *json, const char *name) {
    return json_tree_word(json_object_get(json, name));
}

/* "Name" in namespace "space", unless it has dots of its own. False: longer than AVRO_NAME_SIZE. */
static bool avro_full_name(char full[AVRO_NAME_SIZE], const char *name, const char *space) {
    bool bare = strchr(name, '.') || !space || !*space;
    int length =
        bare ? snprintf(full, AVRO_NAME_SIZE, "%s", name) : snprintf(full, AVRO_NAME_SIZE, "%s.%s", space, name);
    return length >= 0 && length < AVRO_NAME_SIZE;
}

static struct avro_type *avro_find_name(const struct avro_parser *parser, struct slice name) {
    for (size_t i = 0; i < parser->name_count; i++)
        if (slice_equal(parser->names[i]->name, name))
            return parser->names[i];
    return NULL;
}

static int avro_parse_word(struct avro_parser *parser, const char *word, const char *space,
                           const struct avro_type **ret_type) {
    static const struct avro_type primitives[] = {
        {.kind = AVRO_NULL},
        {.kind = AVRO_BOOLEAN},
        {.kind = AVRO_INT},
        {.kind = AVRO_LONG, .scale = 1},
        {.kind = AVRO_FLOAT},
        {.kind = AVRO_DOUBLE},
        {.kind = AVRO_BYTES, .scale = AVRO_NO_SCALE},
        {.kind = AVRO_STRING},
    };
    static const char *const names[] = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0) {
            *ret_type = &primitives[i];
            return 0;
        }
    char full[AVRO_NAME_SIZE];
    const struct avro_type *known = avro_full_name(full, word, space) ? avro_find_name(parser, slice_of(full)) : NULL;
    if (!known)
        known = avro_find_name(parser, slice_of(word));
    if (!known)
        return avro_invalid(parser, "unknown type", word);
    *ret_type = known;
    return 0;
}

static int avro_members(struct avro_parser *parser, struct avro_type *type, size_t count) {
    type->members = arena_allocate(parser->arena, (count ? count : 1) * sizeof *type->members);
    type->member_count = count;
    return type->members ? 0 : error_no_memory(parser->error);
}

static int avro_parse_union(struct avro_parser *parser, const json_t *json, const char *space, int depth,
                            const struct avro_type **ret_type) {
    struct avro_type *type = avro_type_new(parser, AVRO_UNION);
    int status = type ? avro_members(parser, type, json_array_size(json)) : error_no_memory(parser->error);
    for (size_t i = 0; !status && i < type->member_count; i++)
        if (json_is_array(json_array_get(json, i)))
            status = avro_invalid(parser, "a union directly in a union", NULL);
        else
            status = avro_parse(parser, json_array_get(json, i), space, depth + 1, &type->members[i]);
    if (!status)
        *ret_type = type;
    return status;
}

static int avro_copy_word(struct avro_parser *parser, const char *word, struct slice *ret_word) {
    struct slice copy = arena_copy(parser->arena, slice_of(word));
    if (!copy.data)
        return error_no_memory(parser->error);
    *ret_word = copy;
    return 0;
}

static int avro_parse_fields(struct avro_parser *parser, const json_t *json, struct avro_type *type, const char *space,
                             int depth) {
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        return avro_invalid(parser, "a record without fields", NULL);
    int status = avro_members(parser, type, json_array_size(fields));
    struct slice *names = status ? NULL : arena_allocate(parser->arena, (type->member_count + 1) * sizeof *names);
    if (!names)
        return error_no_memory(parser->error);
    type->words = names;
    for (size_t i = 0; !status && i < type->member_count; i++) {
        const json_t *field = json_array_get(fields, i);
        if (!avro_attribute(field, "name") || !json_object_get(field, "type"))
            return avro_invalid(parser, "a field without name or type", NULL);
        status = avro_copy_word(parser, avro_attribute(field, "name"), &names[i]);
        if (!status)
            status = avro_parse(parser, json_object_get(field, "type"), space, depth + 1, &type->members[i]);
    }
    return status;
}

static int avro_parse_symbols(struct avro_parser *parser, const json_t *json, struct avro_type *type) {
    const json_t *symbols = json_object_get(json, "symbols");
    if (!json_is_array(symbols))
        return avro_invalid(parser, "an enum without symbols", NULL);
    type->member_count = json_array_size(symbols);
    struct slice *copies = arena_allocate(parser->arena, (type->member_count + 1) * sizeof *copies);
    if (!copies)
        return error_no_memory(parser->error);
    type->words = copies;
    int status = 0;
    for (size_t i = 0; !status && i < type->member_count; i++) {
        const char *symbol = json_tree_word(json_array_get(symbols, i));
        status = symbol ? avro_copy_word(parser, symbol, &copies[i])
                        : avro_invalid(parser, "an enum with a symbol that is not a string", NULL);
    }
    return status;
}

static int avro_parse_size(struct avro_parser *parser, const json_t *json, struct avro_type *type) {
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return avro_invalid(parser, "a fixed type without a size", NULL);
    type->size = (uint64_t)json_integer_value(size);
    return 0;
}

/* Makes the type known under its full name. */
static int avro_define(struct avro_parser *parser, struct avro_type *type, const char *full) {
    if (avro_find_name(parser, slice_of(full)))
        return avro_invalid(parser, "a name is defined twice:", full);
    if (parser->name_count >= AVRO_NAMES_MAXIMUM)
        return avro_invalid(parser, "more named types than are possible, up to", full);
    if (!memory_reserve((void **)&parser->names, &parser->name_capacity, parser->name_count + 1,
                        sizeof(struct avro_type *)))
        return error_no_memory(parser->error);
    int status = avro_copy_word(parser, full, &type->name);
    if (!status)
        parser->names[parser->name_count++] = type;
    return status;
}

/* Digits in all at least 1, of them after the point (0 when it is not said) at least 0 and not more than in all. */
static void avro_set_decimal(struct avro_type *type, const json_t *json) {
    const json_t *scale = json_object_get(json, "scale");
    json_int_t precision = json_integer_value(json_object_get(json, "precision")), behind = json_integer_value(scale);
    if ((scale && !json_is_integer(scale)) || precision <= 0 || behind < 0 || behind > precision)
        return;
    type->logical = "decimal";
    type->scale = behind;
    type->precision = precision;
}

/* The logical type that `json` gives to the type, when it is known and valid there; otherwise it counts for nothing
 * (specification: logical types). */
static void avro_set_logical(struct avro_type *type, const json_t *json) {
    static const struct {
        const char *name;
        enum avro_kind kind;
        int64_t scale;
    } known[] = {
        {"timestamp-millis", AVRO_LONG, 1},          {"timestamp-micros", AVRO_LONG, 1000},
        {"timestamp-nanos", AVRO_LONG, 1000000},     {"local-timestamp-millis", AVRO_LONG, 1},
        {"local-timestamp-micros", AVRO_LONG, 1000}, {"local-timestamp-nanos", AVRO_LONG, 1000000},
        {"time-micros", AVRO_LONG, AVRO_NO_SCALE},   {"time-millis", AVRO_INT, AVRO_NO_SCALE},
        {"date", AVRO_INT, AVRO_NO_SCALE},
    };
    const char *logical = avro_attribute(json, "logicalType");
    for (size_t i = 0; logical && i < sizeof known / sizeof *known; i++)
        if (type->kind == known[i].kind && strcmp(logical, known[i].name) == 0) {
            type->logical = known[i].name;
            type->scale = known[i].scale;
        }
    if (logical && (type->kind == AVRO_BYTES || type->kind == AVRO_FIXED) && strcmp(logical, "decimal") == 0)
        avro_set_decimal(type, json);
}

static int avro_parse_named(struct avro_parser *parser, const json_t *json, enum avro_kind kind, const char *space,
                            int depth, const struct avro_type **ret_type) {
    const char *name = avro_attribute(json, "name"), *own_space = avro_attribute(json, "namespace");
    char full[AVRO_NAME_SIZE], inner_space[AVRO_NAME_SIZE];
    if (!name || !*name)
        return avro_invalid(parser, "a named type without a name", NULL);
    if (!avro_full_name(full, name, own_space ? own_space : space))
        return avro_invalid(parser, "a name is too long:", name);
    memcpy(inner_space, full, sizeof full);
    char *dot = strrchr(inner_space, '.');
    *(dot ? dot : inner_space) = '\0'; /* what is inside inherits the namespace of the full name */
    struct avro_type *type = avro_type_new(parser, kind);
    int status = type ? avro_define(parser, type, full) : error_no_memory(parser->error);
    if (status)
        return status;
    avro_set_logical(type, json);
    if (kind == AVRO_RECORD)
        status = avro_parse_fields(parser, json, type, inner_space, depth);
    else
        status = kind == AVRO_ENUM ? avro_parse_symbols(parser, json, type) : avro_parse_size(parser, json, type);
    if (!status)
        *ret_type = type;
    return status;
}

static int avro_parse_element(struct avro_parser *parser, const json_t *json, enum avro_kind kind, const char *member,
                              const char *space, int depth, const struct avro_type **ret_type) {
    struct avro_type *type = avro_type_new(parser, kind);
    int status = type ? avro_members(parser, type, 1) : error_no_memory(parser->error);
    if (!status && !json_object_get(json, member))
        status = avro_invalid(parser, "an array or map without", member);
    if (!status)
        status = avro_parse(parser, json_object_get(json, member), space, depth + 1, &type->members[0]);
    if (!status)
        *ret_type = type;
    return status;
}

/* A primitive type with attributes, or a name, whose attributes stand where it is defined. */
static int avro_parse_annotated(struct avro_parser *parser, const json_t *json, const char *word, const char *space,
                                const struct avro_type **ret_type) {
    const struct avro_type *plain = NULL;
    int status = avro_parse_word(parser, word, space, &plain);
    if (!status && plain->name.data)
        *ret_type = plain;
    if (status || plain->name.data)
        return status;
    struct avro_type *type = avro_type_new(parser, plain->kind);
    if (!type)
        return error_no_memory(parser->error);
    *type = *plain;
    avro_set_logical(type, json);
    *ret_type = type;
    return 0;
}

static int avro_parse_object(struct avro_parser *parser, const json_t *json, const char *space, int depth,
                             const struct avro_type **ret_type) {
    const json_t *inner = json_object_get(json, "type");
    const char *word = json_tree_word(inner);
    if (!word)
        return inner ? avro_parse(parser, inner, space, depth + 1, ret_type)
                     : avro_invalid(parser, "a type without \"type\"", NULL);
    if (strcmp(word, "record") == 0 || strcmp(word, "error") == 0)
        return avro_parse_named(parser, json, AVRO_RECORD, space, depth, ret_type);
    if (strcmp(word, "enum") == 0)
        return avro_parse_named(parser, json, AVRO_ENUM, space, depth, ret_type);
    if (strcmp(word, "fixed") == 0)
        return avro_parse_named(parser, json, AVRO_FIXED, space, depth, ret_type);
    if (strcmp(word, "array") == 0)
        return avro_parse_element(parser, json, AVRO_ARRAY, "items", space, depth, ret_type);
    if (strcmp(word, "map") == 0)
        return avro_parse_element(parser, json, AVRO_MAP, "values", space, depth, ret_type);
    return avro_parse_annotated(parser, json, word, space, ret_type);
}

static int avro_parse(struct avro_parser *parser, const json_t *json, const char *space, int depth,
                      const struct avro_type **ret_type) {
    if (depth > AVRO_DEPTH_MAXIMUM)
        return avro_invalid(parser, "nested too deeply", NULL);
    if (json_tree_word(json))
        return avro_parse_word(parser, json_tree_word(json), space, ret_type);
    if (json_is_array(json))
        return avro_parse_union(parser, json, space, depth, ret_type);
    if (json_is_object(json))
        return avro_parse_object(parser, json, space, depth, ret_type);
    return avro_invalid(parser, "a type that is neither name, list nor object", NULL);
}

int avro_schema_read(struct slice text, struct arena *arena, const struct avro_type **ret_type, struct error *error) {
    if (text.length > AVRO_SCHEMA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "the schema has %zu bytes; at most %d are possible", text.length,
                         AVRO_SCHEMA_MAXIMUM);
    json_t *json = NULL;
    struct error problem;
    int status = json_tree_read(text, &json, &problem);
    if (status)
        return status == ERROR_INVALID ? error_set(error, ERROR_INVALID, "not an Avro schema: %s", problem.message)
                                       : error_no_memory(error);
    struct avro_parser parser = {.arena = arena, .error = error};
    status = avro_parse(&parser, json, NULL, 0, ret_type);
    free(parser.names);
    json_decref(json);
    return status;
}

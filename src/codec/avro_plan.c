/* A writer's schema (JSON, Apache Avro specification 1.11) becomes a graph of types, and that a flat list of steps.
 *
 * Everything is bounded: the text by AVRO_SCHEMA_MAXIMUM, nesting by AVRO_DEPTH_MAXIMUM, named types by AVRO_NAMES_MAXIMUM. A name is known from the
 * moment its definition begins, so a record may contain itself. Aliases and defaults are not looked at. */
#include "codec/avro_plan.h"

#include <jansson.h>
#include <stdio.h>

#include "codec/json.h"
#include "core/memory.h"

enum { AVRO_SCHEMA_MAXIMUM = 1 << 20, AVRO_NAMES_MAXIMUM = 1000, AVRO_NAME_SIZE = 512 };

struct avro_parser {
    struct arena *arena;
    struct avro_type **names;
    size_t name_count, name_capacity;
    struct error *error;
};

static int avro_invalid(struct avro_parser *parser, const char *what, const char *which) {
    return error_set(parser->error, ERROR_INVALID, "not an Avro schema: %s%s%.80s%s", what, which ? " '" : "", which ? which : "", which ? "'" : "");
}

static int avro_parse(struct avro_parser *parser, const json_t *json, const char *space, int depth, const struct avro_type **ret_type);

static struct avro_type *avro_type_new(struct avro_parser *parser, enum avro_kind kind) {
    struct avro_type *type = arena_allocate(parser->arena, sizeof *type);
    if (type)
        *type = (struct avro_type){.kind = kind};
    return type;
}

/* "Name" in namespace "space", unless it has dots of its own. False: longer than AVRO_NAME_SIZE. */
static bool avro_full_name(char full[AVRO_NAME_SIZE], const char *name, const char *space) {
    bool bare = strchr(name, '.') || !space || !*space;
    int length = bare ? snprintf(full, AVRO_NAME_SIZE, "%s", name) : snprintf(full, AVRO_NAME_SIZE, "%s.%s", space, name);
    return length >= 0 && length < AVRO_NAME_SIZE;
}

static struct avro_type *avro_find_name(const struct avro_parser *parser, struct slice name) {
    for (size_t i = 0; i < parser->name_count; i++)
        if (slice_equal(parser->names[i]->name, name))
            return parser->names[i];
    return NULL;
}

static int avro_parse_word(struct avro_parser *parser, const char *word, const char *space, const struct avro_type **ret_type) {
    static const struct avro_type primitives[] = {
        {.kind = AVRO_NULL}, {.kind = AVRO_BOOLEAN}, {.kind = AVRO_INT}, {.kind = AVRO_LONG, .scale = 1},
        {.kind = AVRO_FLOAT}, {.kind = AVRO_DOUBLE}, {.kind = AVRO_BYTES}, {.kind = AVRO_STRING},
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
        return avro_invalid(parser, "unknown type", word);
    *ret_type = known;
    return 0;
}

static int avro_members(struct avro_parser *parser, struct avro_type *type, size_t count) {
    type->members = arena_allocate(parser->arena, (count ? count : 1) * sizeof *type->members);
    type->member_count = count;
    return type->members ? 0 : error_no_memory(parser->error);
}

static int avro_parse_union(struct avro_parser *parser, const json_t *json, const char *space, int depth, const struct avro_type **ret_type) {
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

static int avro_parse_fields(struct avro_parser *parser, const json_t *json, struct avro_type *type, const char *space, int depth) {
    const json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        return avro_invalid(parser, "a record without fields", NULL);
    int status = avro_members(parser, type, json_array_size(fields));
    for (size_t i = 0; !status && i < type->member_count; i++) {
        const json_t *field = json_array_get(fields, i);
        if (!json_is_string(json_object_get(field, "name")) || !json_object_get(field, "type"))
            return avro_invalid(parser, "a field without name or type", NULL);
        status = avro_parse(parser, json_object_get(field, "type"), space, depth + 1, &type->members[i]);
    }
    return status;
}

static int avro_parse_symbols(struct avro_parser *parser, const json_t *json, struct avro_type *type) {
    const json_t *symbols = json_object_get(json, "symbols");
    size_t count = json_array_size(symbols);
    if (!json_is_array(symbols))
        return avro_invalid(parser, "an enum without symbols", NULL);
    struct slice *copies = arena_allocate(parser->arena, (count + 1) * sizeof *copies);
    if (!copies)
        return error_no_memory(parser->error);
    for (size_t i = 0; i < count; i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));
        if (!symbol)
            return avro_invalid(parser, "an enum with a symbol that is not a string", NULL);
        copies[i] = arena_copy(parser->arena, slice_of(symbol));
        if (!copies[i].data)
            return error_no_memory(parser->error);
    }
    type->symbols = copies;
    type->member_count = count;
    return 0;
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
    type->name = arena_copy(parser->arena, slice_of(full));
    if (!type->name.data || !memory_reserve((void **)&parser->names, &parser->name_capacity, parser->name_count + 1, sizeof(struct avro_type *)))
        return error_no_memory(parser->error);
    parser->names[parser->name_count++] = type;
    return 0;
}

static int avro_parse_named(struct avro_parser *parser, const json_t *json, enum avro_kind kind, const char *space, int depth, const struct avro_type **ret_type) {
    const char *name = json_string_value(json_object_get(json, "name")), *own_space = json_string_value(json_object_get(json, "namespace"));
    char full[AVRO_NAME_SIZE], inner_space[AVRO_NAME_SIZE];
    if (!name || !*name)
        return avro_invalid(parser, "a named type without a name", NULL);
    if (!avro_full_name(full, name, own_space ? own_space : space))
        return avro_invalid(parser, "a name is too long:", name);
    memcpy(inner_space, full, sizeof full);
    char *dot = strrchr(inner_space, '.');
    *(dot ? dot : inner_space) = '\0';    /* what is inside inherits the namespace of the full name */
    struct avro_type *type = avro_type_new(parser, kind);
    int status = type ? avro_define(parser, type, full) : error_no_memory(parser->error);
    if (status)
        return status;
    if (kind == AVRO_RECORD)
        status = avro_parse_fields(parser, json, type, inner_space, depth);
    else
        status = kind == AVRO_ENUM ? avro_parse_symbols(parser, json, type) : avro_parse_size(parser, json, type);
    if (!status)
        *ret_type = type;
    return status;
}

static int avro_parse_element(struct avro_parser *parser, const json_t *json, enum avro_kind kind, const char *member, const char *space, int depth,
                              const struct avro_type **ret_type) {
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

static int avro_parse_object(struct avro_parser *parser, const json_t *json, const char *space, int depth, const struct avro_type **ret_type) {
    const json_t *inner = json_object_get(json, "type");
    const char *word = json_string_value(inner);
    if (!word)
        return inner ? avro_parse(parser, inner, space, depth + 1, ret_type) : avro_invalid(parser, "a type without \"type\"", NULL);
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
    int status = avro_parse_word(parser, word, space, ret_type);
    const char *logical = json_string_value(json_object_get(json, "logicalType"));
    if (!status && logical && (*ret_type)->kind == AVRO_LONG) {
        struct avro_type *scaled = avro_type_new(parser, AVRO_LONG);
        if (!scaled)
            return error_no_memory(parser->error);
        scaled->scale = strcmp(logical, "timestamp-millis") == 0 ? 1 : strcmp(logical, "timestamp-micros") == 0 ? 1000 : AVRO_NOT_TIME;
        *ret_type = scaled;
    }
    return status;
}

static int avro_parse(struct avro_parser *parser, const json_t *json, const char *space, int depth, const struct avro_type **ret_type) {
    if (depth > AVRO_DEPTH_MAXIMUM)
        return avro_invalid(parser, "nested too deeply", NULL);
    if (json_is_string(json))
        return avro_parse_word(parser, json_string_value(json), space, ret_type);
    if (json_is_array(json))
        return avro_parse_union(parser, json, space, depth, ret_type);
    if (json_is_object(json))
        return avro_parse_object(parser, json, space, depth, ret_type);
    return avro_invalid(parser, "a type that is neither name, list nor object", NULL);
}

/* What fills a column of type `target` from a value of the writer's type; AVRO_REFUSE when nothing does. */
static enum avro_action avro_action_of(const struct avro_type *type, enum column_type target) {
    bool whole = type->kind == AVRO_INT || type->kind == AVRO_LONG;
    switch (target) {
    case COLUMN_STRING:
        return type->kind == AVRO_STRING ? AVRO_READ_STRING : type->kind == AVRO_ENUM ? AVRO_READ_ENUM : AVRO_REFUSE;
    case COLUMN_TIMESTAMP:
        if (type->kind == AVRO_STRING)
            return AVRO_READ_TIME_TEXT;
        return type->kind == AVRO_LONG && type->scale != AVRO_NOT_TIME ? AVRO_READ_TIME_LONG : AVRO_REFUSE;
    case COLUMN_INTEGER:
        return whole ? AVRO_READ_INTEGER : AVRO_REFUSE;
    case COLUMN_DOUBLE:
        if (type->kind == AVRO_DOUBLE || type->kind == AVRO_FLOAT)
            return type->kind == AVRO_DOUBLE ? AVRO_READ_DOUBLE : AVRO_READ_FLOAT;
        return whole ? AVRO_READ_LONG_AS_DOUBLE : AVRO_REFUSE;
    }
    return AVRO_REFUSE;
}

/* A union is readable when one of its branches is; that a record holds another branch is that record's fault. */
static int avro_plan_union(struct avro_plan *plan, struct avro_step *step, enum column_type target, struct error *error) {
    size_t count = step->type->member_count, readable = 0;
    struct avro_step *branches = arena_allocate(&plan->arena, (count + 1) * sizeof *branches);
    if (!branches)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct avro_type *type = step->type->members[i];
        branches[i] = (struct avro_step){.action = avro_action_of(type, target), .column = step->column, .type = type, .field = step->field};
        readable += branches[i].action != AVRO_REFUSE;
    }
    step->action = readable ? AVRO_READ_UNION : AVRO_REFUSE;
    step->branches = branches;
    return 0;
}

static int avro_plan_step(struct avro_plan *plan, const char *name, const struct avro_type *type, const struct schema *reader, struct error *error) {
    struct avro_step *step = &plan->steps[plan->step_count++];
    *step = (struct avro_step){.action = AVRO_SKIP, .type = type, .field = arena_copy(&plan->arena, slice_of(name)).data};
    if (!step->field)
        return error_no_memory(error);
    for (size_t c = 0; c < reader->count; c++) {
        if (strcmp(reader->columns[c].name, name) != 0)
            continue;
        step->column = (unsigned)c;
        step->action = avro_action_of(type, reader->columns[c].type);
        int status = type->kind == AVRO_UNION ? avro_plan_union(plan, step, reader->columns[c].type, error) : 0;
        if (status)
            return status;
        if (step->action == AVRO_REFUSE)
            return error_set(error, ERROR_INVALID, "field %s has a type that does not fit", name);
    }
    return 0;
}

static int avro_plan_steps(struct avro_plan *plan, const json_t *json, const struct avro_type *record, const struct schema *reader, struct error *error) {
    if (record->kind != AVRO_RECORD)
        return error_set(error, ERROR_INVALID, "the schema is not a record");
    const json_t *fields = json_object_get(json, "fields");
    plan->steps = arena_allocate(&plan->arena, (record->member_count + 1) * sizeof *plan->steps);
    if (!plan->steps)
        return error_no_memory(error);
    int status = 0;
    for (size_t i = 0; i < record->member_count && !status; i++)
        status = avro_plan_step(plan, json_string_value(json_object_get(json_array_get(fields, i), "name")), record->members[i], reader, error);
    for (size_t c = 0; c < reader->count && !status; c++) {
        size_t found = 0;
        for (size_t i = 0; i < plan->step_count; i++)
            found += plan->steps[i].action != AVRO_SKIP && plan->steps[i].column == c;
        if (found != 1)
            status = error_set(error, ERROR_INVALID, "field %s is %s", reader->columns[c].name, found ? "there twice" : "missing");
    }
    return status;
}

int avro_plan_new(struct slice writer, const struct schema *reader, struct avro_plan **ret_plan, struct error *error) {
    if (writer.length > AVRO_SCHEMA_MAXIMUM)
        return error_set(error, ERROR_INVALID, "the schema has %zu bytes; at most %d are possible", writer.length, AVRO_SCHEMA_MAXIMUM);
    json_error_t problem;
    json_t *json = json_loadb(writer.data, writer.length, JSON_DECODE_ANY, &problem);
    /* jansson does not always say that it has run out of memory; the schema is an object, which our own scanner can judge without any. */
    if (!json && json_object_valid(writer))
        return error_no_memory(error);
    if (!json)
        return error_set(error, ERROR_INVALID, "not an Avro schema: %s", problem.text);
    struct avro_plan *plan = memory_zero(1, sizeof *plan);
    struct avro_parser parser = {.arena = plan ? &plan->arena : NULL, .error = error};
    const struct avro_type *type = NULL;
    int status = plan ? avro_parse(&parser, json, NULL, 0, &type) : error_no_memory(error);
    if (!status)
        status = avro_plan_steps(plan, json, type, reader, error);
    free(parser.names);
    json_decref(json);
    if (status) {
        avro_plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

struct avro_plan *avro_plan_free(struct avro_plan *plan) {
    if (!plan)
        return NULL;
    arena_release(&plan->arena);
    free(plan);
    return NULL;
}

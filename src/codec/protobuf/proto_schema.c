/* A parser by recursive descent over the words of a .proto file. Names of types are looked up when the whole file has
 * been read, as a message may be used before it is declared: from the innermost message outwards, as protoc does. */
#include "codec/protobuf/proto_schema.h"

#include <string.h>

#include "core/memory.h"

/* --- well-known messages
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *const kind_names[] = {
    [PROTO_DOUBLE] = "double",   [PROTO_FLOAT] = "float",       [PROTO_INT32] = "int32",
    [PROTO_INT64] = "int64",     [PROTO_UINT32] = "uint32",     [PROTO_UINT64] = "uint64",
    [PROTO_SINT32] = "sint32",   [PROTO_SINT64] = "sint64",     [PROTO_FIXED32] = "fixed32",
    [PROTO_FIXED64] = "fixed64", [PROTO_SFIXED32] = "sfixed32", [PROTO_SFIXED64] = "sfixed64",
    [PROTO_BOOL] = "bool",       [PROTO_STRING] = "string",     [PROTO_BYTES] = "bytes",
    [PROTO_ENUM] = "enum",       [PROTO_MESSAGE] = "message",
};

const char *proto_kind_name(enum proto_kind kind) {
    return kind_names[kind];
}

#define FIELD(text, at, type)                                                                                          \
    { .name = {text, sizeof text - 1}, .number = at, .kind = type }

static struct proto_field timestamp_fields[] = {FIELD("seconds", 1, PROTO_INT64), FIELD("nanos", 2, PROTO_INT32)};
static struct proto_field date_fields[] = {FIELD("year", 1, PROTO_INT32), FIELD("month", 2, PROTO_INT32),
                                           FIELD("day", 3, PROTO_INT32)};
static struct proto_field time_fields[] = {FIELD("hours", 1, PROTO_INT32), FIELD("minutes", 2, PROTO_INT32),
                                           FIELD("seconds", 3, PROTO_INT32), FIELD("nanos", 4, PROTO_INT32)};
static struct proto_field decimal_fields[] = {FIELD("value", 1, PROTO_BYTES), FIELD("precision", 2, PROTO_UINT32),
                                              FIELD("scale", 3, PROTO_INT32)};
static struct proto_field double_field[] = {FIELD("value", 1, PROTO_DOUBLE)};
static struct proto_field float_field[] = {FIELD("value", 1, PROTO_FLOAT)};
static struct proto_field int64_field[] = {FIELD("value", 1, PROTO_INT64)};
static struct proto_field uint64_field[] = {FIELD("value", 1, PROTO_UINT64)};
static struct proto_field int32_field[] = {FIELD("value", 1, PROTO_INT32)};
static struct proto_field uint32_field[] = {FIELD("value", 1, PROTO_UINT32)};
static struct proto_field bool_field[] = {FIELD("value", 1, PROTO_BOOL)};
static struct proto_field string_field[] = {FIELD("value", 1, PROTO_STRING)};
static struct proto_field bytes_field[] = {FIELD("value", 1, PROTO_BYTES)};

#define KNOWN(text, what, of)                                                                                          \
    { .name = {text, sizeof text - 1}, .known = what, .fields = of, .field_count = sizeof of / sizeof *of }

static const struct proto_message well_known[] = {
    KNOWN("google.protobuf.Timestamp", PROTO_TIMESTAMP, timestamp_fields),
    KNOWN("google.type.Date", PROTO_DATE, date_fields),
    KNOWN("google.type.TimeOfDay", PROTO_TIME_OF_DAY, time_fields),
    KNOWN("confluent.type.Decimal", PROTO_DECIMAL, decimal_fields),
    KNOWN("google.protobuf.DoubleValue", PROTO_WRAPPER, double_field),
    KNOWN("google.protobuf.FloatValue", PROTO_WRAPPER, float_field),
    KNOWN("google.protobuf.Int64Value", PROTO_WRAPPER, int64_field),
    KNOWN("google.protobuf.UInt64Value", PROTO_WRAPPER, uint64_field),
    KNOWN("google.protobuf.Int32Value", PROTO_WRAPPER, int32_field),
    KNOWN("google.protobuf.UInt32Value", PROTO_WRAPPER, uint32_field),
    KNOWN("google.protobuf.BoolValue", PROTO_WRAPPER, bool_field),
    KNOWN("google.protobuf.StringValue", PROTO_WRAPPER, string_field),
    KNOWN("google.protobuf.BytesValue", PROTO_WRAPPER, bytes_field),
};

const struct proto_message *proto_well_known(struct slice full_name) {
    for (size_t i = 0; i < sizeof well_known / sizeof *well_known; i++)
        if (slice_equal(well_known[i].name, full_name))
            return &well_known[i];
    return NULL;
}

/* --- words
 * ------------------------------------------------------------------------------------------------------------------ */

struct parser {
    const char *at, *end;
    unsigned line;
    struct slice word; /* the one at hand: a name with dots, a number, a string with its quotes, or a sign */
    struct arena *arena;
    struct error *error;
    size_t field_count; /* in all */
    struct slice package;
};

/* A field's type by name, until the file has been read. */
struct draft {
    struct proto_message message;
    struct draft *outer;
    struct proto_enum **enums;
    struct draft **nested;
    struct slice *type_names; /* by field; data NULL: a scalar */
    size_t field_room, enum_count, enum_room, nested_count, nested_room;
    bool entry; /* of a map: it is no message of its own */
};

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool wordly(char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.';
}

static int parser_fail(struct parser *parser, const char *what) {
    return error_set(parser->error, ERROR_INVALID, "line %u of the Protobuf schema, at '%.*s': %s", parser->line,
                     parser->word.length < 40 ? (int)parser->word.length : 40, parser->word.data, what);
}

/* White space and comments; a comment that does not end takes the rest. */
static void parser_skip(struct parser *parser) {
    for (; parser->at < parser->end; parser->at++) {
        size_t left = (size_t)(parser->end - parser->at);
        if (left >= 2 && parser->at[0] == '/' && parser->at[1] == '/') {
            while (parser->at < parser->end && *parser->at != '\n')
                parser->at++;
            parser->at -= parser->at < parser->end;
        } else if (left >= 2 && parser->at[0] == '/' && parser->at[1] == '*') {
            const char *stop = memmem(parser->at + 2, left - 2, "*/", 2);
            for (const char *c = parser->at; c < (stop ? stop : parser->end); c++)
                parser->line += *c == '\n';
            parser->at = stop ? stop + 1 : parser->end - 1;
        } else if (*parser->at == '\n')
            parser->line++;
        else if (*parser->at != ' ' && *parser->at != '\t' && *parser->at != '\r')
            return;
    }
}

/* Moves to the next word; it is empty at the end. */
static void parser_next(struct parser *parser) {
    parser_skip(parser);
    const char *begin = parser->at;
    if (parser->at < parser->end && wordly(*parser->at))
        while (parser->at < parser->end && wordly(*parser->at))
            parser->at++;
    else if (parser->at < parser->end && (*parser->at == '"' || *parser->at == '\'')) {
        char quote = *parser->at++;
        while (parser->at < parser->end && *parser->at != quote)
            parser->at += 1 + (*parser->at == '\\' && parser->at + 1 < parser->end);
        parser->at += parser->at < parser->end;
    } else if (parser->at < parser->end)
        parser->at++;
    parser->word = (struct slice){begin, (size_t)(parser->at - begin)};
}

static bool parser_is(const struct parser *parser, const char *word) {
    return slice_equal(parser->word, slice_of(word));
}

static bool parser_take(struct parser *parser, const char *word) {
    bool found = parser_is(parser, word);
    if (found)
        parser_next(parser);
    return found;
}

static int parser_expect(struct parser *parser, const char *word) {
    if (parser_take(parser, word))
        return 0;
    char text[40] = "expected ";
    return parser_fail(parser, strcat(text, word));
}

static int parser_name(struct parser *parser, struct slice *ret_name) {
    if (parser->word.length == 0 || !letter(*parser->word.data))
        return parser_fail(parser, "expected a name");
    *ret_name = parser->word;
    parser_next(parser);
    return 0;
}

static int parser_number(struct parser *parser, int64_t *ret_number) {
    bool minus = parser_take(parser, "-");
    int64_t number = 0;
    size_t i = 0;
    bool hex = parser->word.length > 2 && memcmp(parser->word.data, "0x", 2) == 0;
    for (i = hex ? 2 : 0; i < parser->word.length && i < 12; i++) {
        char c = parser->word.data[i];
        int digit = c >= '0' && c <= '9'                        ? c - '0'
                    : hex && (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                : -1;
        if (digit < 0)
            return parser_fail(parser, "expected a whole number");
        number = number * (hex ? 16 : 10) + digit;
    }
    if (i == 0 || i < parser->word.length)
        return parser_fail(parser, "expected a whole number");
    *ret_number = minus ? -number : number;
    parser_next(parser);
    return 0;
}

/* Up to the semicolon, or over a block in braces. */
static int parser_pass_over(struct parser *parser) {
    size_t open = 0;
    while (parser->word.length) {
        bool last = open == 0 && parser_is(parser, ";");
        if (parser_is(parser, "{") || parser_is(parser, "["))
            open++;
        if ((parser_is(parser, "}") || parser_is(parser, "]")) && open > 0)
            last = --open == 0 && parser_is(parser, "}");
        parser_next(parser);
        if (last)
            return 0;
    }
    return parser_fail(parser, "the statement does not end");
}

/* --- messages
 * ------------------------------------------------------------------------------------------------------------------ */

/* Room for one more element; the old array stays in the arena. False: no memory. */
static bool grow(struct arena *arena, void **items, size_t count, size_t *room, size_t size) {
    if (count < *room)
        return true;
    size_t more = *room ? 2 * *room : 8;
    void *next = arena_allocate(arena, more * size);
    if (!next)
        return false;
    if (count)
        memcpy(next, *items, count * size);
    *items = next;
    *room = more;
    return true;
}

static bool scalar_of(struct slice name, enum proto_kind *ret_kind) {
    for (enum proto_kind kind = PROTO_DOUBLE; kind < PROTO_ENUM; kind++)
        if (slice_equal(name, slice_of(kind_names[kind]))) {
            *ret_kind = kind;
            return true;
        }
    return false;
}

static int draft_add(struct parser *parser, struct draft *draft, const struct proto_field *field, struct slice type) {
    size_t count = draft->message.field_count, room = draft->field_room;
    if (++parser->field_count > PROTO_FIELDS_MAXIMUM)
        return parser_fail(parser, "the schema has too many fields");
    for (size_t i = 0; i < count; i++)
        if (draft->message.fields[i].number == field->number)
            return parser_fail(parser, "the number of a field is there twice");
    if (!grow(parser->arena, (void **)&draft->message.fields, count, &room, sizeof *field) ||
        !grow(parser->arena, (void **)&draft->type_names, count, &draft->field_room, sizeof type))
        return error_no_memory(parser->error);
    draft->message.fields[count] = *field;
    draft->type_names[count] = type;
    if (scalar_of(type, &draft->message.fields[count].kind))
        draft->type_names[count].data = NULL;
    draft->message.field_count++;
    return 0;
}

/* "= 3 [packed = true];" */
static int parser_field_end(struct parser *parser, struct proto_field *field) {
    int64_t number = 0;
    int status = parser_expect(parser, "=");
    if (!status)
        status = parser_number(parser, &number);
    if (!status && (number < 1 || number > (1 << 29) - 1))
        return parser_fail(parser, "numbers of fields go from 1 to 536870911");
    field->number = (uint32_t)number;
    while (!status && !parser_is(parser, ";") && parser->word.length)
        parser_next(parser);
    return status ? status : parser_expect(parser, ";");
}

static struct draft *draft_new(struct parser *parser, struct slice name, struct draft *outer) {
    struct draft *draft = arena_allocate(parser->arena, sizeof *draft);
    if (draft)
        *draft = (struct draft){.message.name = name, .outer = outer};
    return draft;
}

static int draft_nest(struct parser *parser, struct draft *draft, struct draft *nested) {
    if (!grow(parser->arena, (void **)&draft->nested, draft->nested_count, &draft->nested_room, sizeof nested))
        return error_no_memory(parser->error);
    draft->nested[draft->nested_count++] = nested;
    return 0;
}

/* map<KEY, VALUE> name = 1; is repeated messages of a key and a value. */
static int parser_map(struct parser *parser, struct draft *draft) {
    struct slice key, value;
    struct proto_field field = {.repeated = true, .map = true, .kind = PROTO_MESSAGE};
    struct proto_field parts[] = {FIELD("key", 1, PROTO_STRING), FIELD("value", 2, PROTO_STRING)};
    int status = parser_expect(parser, "<");
    if (!status)
        status = parser_name(parser, &key);
    if (!status)
        status = parser_expect(parser, ",");
    if (!status)
        status = parser_name(parser, &value);
    if (!status)
        status = parser_expect(parser, ">");
    if (!status)
        status = parser_name(parser, &field.name);
    if (!status)
        status = parser_field_end(parser, &field);
    struct draft *entry = status ? NULL : draft_new(parser, field.name, draft);
    if (status || !entry)
        return status ? status : error_no_memory(parser->error);
    status = draft_add(parser, entry, &parts[0], key);
    if (!status)
        status = draft_add(parser, entry, &parts[1], value);
    entry->entry = true;
    field.message = &entry->message;
    if (!status)
        status = draft_add(parser, draft, &field, (struct slice){NULL, 0});
    return status ? status : draft_nest(parser, draft, entry);
}

static int parser_field(struct parser *parser, struct draft *draft, bool of_oneof) {
    struct proto_field field = {.presence = of_oneof};
    struct slice type;
    if (parser_take(parser, "repeated"))
        field.repeated = true;
    else if (parser_take(parser, "optional"))
        field.presence = true;
    else
        parser_take(parser, "required");
    if (!of_oneof && parser_is(parser, "map")) {
        parser_next(parser);
        return parser_map(parser, draft);
    }
    if (parser_is(parser, "group"))
        return parser_fail(parser, "groups are not known here");
    bool rooted = parser->word.length && *parser->word.data == '.';
    if (rooted)
        parser->word = (struct slice){parser->word.data + 1, parser->word.length - 1};
    int status = parser_name(parser, &type);
    if (!status)
        status = parser_name(parser, &field.name);
    if (!status)
        status = parser_field_end(parser, &field);
    return status ? status : draft_add(parser, draft, &field, type);
}

static int parser_enum(struct parser *parser, struct draft *draft) {
    struct proto_enum *made = arena_allocate(parser->arena, sizeof *made);
    struct slice *names = NULL;
    int32_t *numbers = NULL;
    size_t room = 0, number_room = 0;
    if (!made)
        return error_no_memory(parser->error);
    *made = (struct proto_enum){0};
    int status = parser_name(parser, &made->name);
    if (!status)
        status = parser_expect(parser, "{");
    while (!status && !parser_take(parser, "}")) {
        struct proto_field value = {0};
        int64_t number = 0;
        if (parser_is(parser, "option") || parser_is(parser, "reserved") || parser_is(parser, ";")) {
            status = parser_pass_over(parser);
            continue;
        }
        status = parser_name(parser, &value.name);
        if (!status)
            status = parser_expect(parser, "=");
        if (!status)
            status = parser_number(parser, &number);
        if (!status)
            status = parser_pass_over(parser);
        if (!status && made->count == PROTO_FIELDS_MAXIMUM)
            status = parser_fail(parser, "the enum has too many values");
        if (!status && (!grow(parser->arena, (void **)&names, made->count, &room, sizeof *names) ||
                        !grow(parser->arena, (void **)&numbers, made->count, &number_room, sizeof *numbers)))
            status = error_no_memory(parser->error);
        if (status)
            return status;
        names[made->count] = value.name;
        numbers[made->count++] = (int32_t)number;
    }
    made->names = names;
    made->numbers = numbers;
    if (!status && !grow(parser->arena, (void **)&draft->enums, draft->enum_count, &draft->enum_room, sizeof made))
        status = error_no_memory(parser->error);
    if (!status)
        draft->enums[draft->enum_count++] = made;
    return status;
}

static int parser_message(struct parser *parser, struct draft *outer, unsigned depth);

static int parser_oneof(struct parser *parser, struct draft *draft) {
    struct slice name;
    int status = parser_name(parser, &name);
    if (!status)
        status = parser_expect(parser, "{");
    while (!status && !parser_take(parser, "}"))
        status = parser_is(parser, "option") ? parser_pass_over(parser) : parser_field(parser, draft, true);
    return status;
}

static int parser_message_part(struct parser *parser, struct draft *draft, unsigned depth) {
    if (parser_take(parser, "message"))
        return parser_message(parser, draft, depth + 1);
    if (parser_take(parser, "enum"))
        return parser_enum(parser, draft);
    if (parser_take(parser, "oneof"))
        return parser_oneof(parser, draft);
    if (parser_is(parser, "option") || parser_is(parser, "reserved") || parser_is(parser, "extensions") ||
        parser_is(parser, "extend") || parser_is(parser, ";"))
        return parser_pass_over(parser);
    return parser_field(parser, draft, false);
}

static int parser_message(struct parser *parser, struct draft *outer, unsigned depth) {
    struct slice name;
    if (depth > PROTO_DEPTH_MAXIMUM)
        return parser_fail(parser, "messages lie in each other too deeply");
    int status = parser_name(parser, &name);
    struct draft *draft = status ? NULL : draft_new(parser, name, outer);
    if (!status && !draft)
        status = error_no_memory(parser->error);
    if (!status)
        status = parser_expect(parser, "{");
    while (!status && !parser_take(parser, "}"))
        status = parser_message_part(parser, draft, depth);
    return status ? status : draft_nest(parser, outer, draft);
}

/* --- names of types
 * ------------------------------------------------------------------------------------------------------------------ */

static struct draft *draft_nested(const struct draft *draft, struct slice name) {
    for (size_t i = 0; i < draft->nested_count; i++)
        if (!draft->nested[i]->entry && slice_equal(draft->nested[i]->message.name, name))
            return draft->nested[i];
    return NULL;
}

/* Follows "A.B.C" from `draft` down; false: it leads nowhere. */
static bool draft_follow(struct draft *draft, struct slice name, struct proto_field *field) {
    const char *dot;
    while ((dot = memchr(name.data, '.', name.length))) {
        size_t length = (size_t)(dot - name.data);
        draft = draft_nested(draft, (struct slice){name.data, length});
        if (!draft)
            return false;
        name = (struct slice){dot + 1, name.length - length - 1};
    }
    struct draft *found = draft_nested(draft, name);
    if (found) {
        field->kind = PROTO_MESSAGE;
        field->message = &found->message;
        return true;
    }
    for (size_t i = 0; i < draft->enum_count; i++)
        if (slice_equal(draft->enums[i]->name, name)) {
            field->kind = PROTO_ENUM;
            field->words = draft->enums[i];
            return true;
        }
    return false;
}

static int draft_resolve_field(struct parser *parser, struct draft *draft, struct slice name,
                               struct proto_field *field) {
    for (struct draft *from = draft; from; from = from->outer)
        if (draft_follow(from, name, field))
            return 0;
    struct draft *root = draft;
    while (root->outer)
        root = root->outer;
    size_t package = parser->package.length;
    if (package && name.length > package + 1 && memcmp(name.data, parser->package.data, package) == 0 &&
        name.data[package] == '.' &&
        draft_follow(root, (struct slice){name.data + package + 1, name.length - package - 1}, field))
        return 0;
    field->kind = PROTO_MESSAGE;
    field->message = proto_well_known(name);
    if (field->message)
        return 0;
    return error_set(parser->error, ERROR_INVALID, "the Protobuf schema has no type %.*s",
                     name.length < 80 ? (int)name.length : 80, name.data);
}

static int draft_resolve(struct parser *parser, struct draft *draft) {
    int status = 0;
    const struct proto_message **nested = arena_allocate(parser->arena, (draft->nested_count + 1) * sizeof *nested);
    if (!nested)
        return error_no_memory(parser->error);
    for (size_t i = 0; i < draft->message.field_count && !status; i++)
        if (draft->type_names[i].data)
            status = draft_resolve_field(parser, draft, draft->type_names[i], &draft->message.fields[i]);
    for (size_t i = 0; i < draft->nested_count && !status; i++) {
        if (!draft->nested[i]->entry)
            nested[draft->message.nested_count++] = &draft->nested[i]->message;
        status = draft_resolve(parser, draft->nested[i]);
    }
    draft->message.nested = nested;
    return status;
}

/* --- the file
 * ------------------------------------------------------------------------------------------------------------------ */

static int parser_file(struct parser *parser, struct draft *root) {
    int status = 0;
    parser_next(parser);
    while (!status && parser->word.length) {
        if (parser_take(parser, "message"))
            status = parser_message(parser, root, 1);
        else if (parser_take(parser, "enum"))
            status = parser_enum(parser, root);
        else if (parser_take(parser, "package")) {
            status = parser_name(parser, &parser->package);
            status = status ? status : parser_expect(parser, ";");
        } else if (parser_is(parser, "syntax") || parser_is(parser, "import") || parser_is(parser, "option") ||
                   parser_is(parser, "service") || parser_is(parser, "extend") || parser_is(parser, ";"))
            status = parser_pass_over(parser);
        else
            status = parser_fail(parser, "expected message, enum, syntax, package, import, option or service");
    }
    return status;
}

int proto_schema_read(struct slice text, struct arena *arena, struct proto_schema *ret_schema, struct error *error) {
    struct slice copy = arena_copy(arena, text);
    struct parser parser = {.at = copy.data, .end = copy.data + copy.length, .line = 1, .arena = arena, .error = error};
    struct draft root = {0};
    if (!copy.data)
        return error_no_memory(error);
    int status = parser_file(&parser, &root);
    if (!status)
        status = draft_resolve(&parser, &root);
    if (!status && root.message.nested_count == 0)
        return error_set(error, ERROR_INVALID, "the Protobuf schema has no message");
    if (!status)
        *ret_schema = (struct proto_schema){root.message.nested, root.message.nested_count};
    return status;
}

/* Names of types: BIGINT, DECIMAL(10, 2), ARRAY<t>, MAP<k, v>, STRUCT<name type, ..>. */
#include "sql/syntax/parser.h"

static struct type_name *parser_type_node(struct parser *parser, enum type_name_kind kind) {
    struct type_name *type = parser_allocate(parser, 1, sizeof *type);
    if (type) {
        type->kind = kind;
        type->place = parser->token.place;
        type->height = 1;
    }
    return type;
}

static bool parser_type_parameters(struct parser *parser, struct type_name *type) {
    bool more;
    if (!parser_take(parser, TOKEN_LEFT_PARENTHESIS, &more) || !more)
        return parser->status == 0;
    while (more && type->parameter_count < 2) {
        int64_t number;
        struct place place = parser->token.place;
        if (!parser_whole_number(parser, &number))
            return false;
        if (number > INT32_MAX)
            return parser_fail(parser, place, "the number is out of range: at most %d", INT32_MAX);
        type->parameters[type->parameter_count++] = (int32_t)number;
        if (type->parameter_count < 2 && !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS);
}

static bool parser_type_plain(struct parser *parser, struct type_name *type) {
    struct identifier name;
    type->quoted = parser->token.kind == TOKEN_QUOTED;
    if (!parser_is_name(&parser->token)) {
        parser_note(parser, "a type");
        return parser_unexpected(parser);
    }
    if (!parser_name(parser, &name))
        return false;
    type->name = name.name;
    return parser_type_parameters(parser, type);
}

static bool parser_type_fields(struct parser *parser, struct type_name *type) {
    size_t start = parser->pending_count;
    bool more = true;
    while (more) {
        struct identifier *name = parser_allocate(parser, 1, sizeof *name);
        if (!name || !parser_name(parser, name))
            return false;
        struct type_name *part = parser_type(parser);
        if (!parser_push(parser, part) || !parser_push(parser, name) || !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    size_t count = (parser->pending_count - start) / 2;
    type->parts = parser_allocate(parser, count, sizeof *type->parts);
    type->names = parser_allocate(parser, count, sizeof *type->names);
    if (!type->parts || !type->names)
        return false;
    for (size_t i = 0; i < count; i++) {
        type->parts[i] = parser->pending[start + 2 * i];
        type->names[i] = *(struct identifier *)parser->pending[start + 2 * i + 1];
    }
    type->part_count = count;
    parser->pending_count = start;
    return true;
}

static bool parser_type_parts(struct parser *parser, struct type_name *type, size_t count) {
    size_t start = parser->pending_count;
    for (size_t i = 0; i < count; i++)
        if ((i > 0 && !parser_expect(parser, TOKEN_COMMA)) || !parser_push(parser, parser_type(parser)))
            return false;
    return parser_pop(parser, start, &type->parts, &type->part_count);
}

/* After ARRAY, MAP or STRUCT, at '<'. */
static bool parser_type_nested(struct parser *parser, struct type_name *type) {
    if (!parser_expect(parser, TOKEN_LESS))
        return false;
    if (type->kind == TYPE_NAME_STRUCT ? !parser_type_fields(parser, type)
                                       : !parser_type_parts(parser, type, type->kind == TYPE_NAME_MAP ? 2 : 1))
        return false;
    for (size_t i = 0; i < type->part_count; i++)
        if (type->parts[i]->height >= type->height)
            type->height = type->parts[i]->height + 1;
    return parser_check_height(parser, type->place, type->height) && parser_expect(parser, TOKEN_GREATER);
}

struct type_name *parser_type(struct parser *parser) {
    enum keyword keyword = parser->token.keyword;
    enum type_name_kind kind = keyword == KEYWORD_ARRAY    ? TYPE_NAME_ARRAY
                               : keyword == KEYWORD_MAP    ? TYPE_NAME_MAP
                               : keyword == KEYWORD_STRUCT ? TYPE_NAME_STRUCT
                                                           : TYPE_NAME_PLAIN;
    struct type_name *type = parser_type_node(parser, kind);
    if (!type || !parser_enter(parser))
        return NULL;
    bool done = kind == TYPE_NAME_PLAIN ? parser_type_plain(parser, type)
                                        : parser_advance(parser) && parser_type_nested(parser, type);
    parser_leave(parser);
    return done ? type : NULL;
}

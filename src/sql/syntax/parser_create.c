/* CREATE: streams, tables, connectors and types; lists of columns; WITH (..). */
#include "sql/syntax/parser.h"

/* --- columns
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_column_role(struct parser *parser, struct column_declaration *column) {
    bool key = false, primary = false, headers = false, header = false;
    if (!parser_take_keyword(parser, KEYWORD_KEY, &key) ||
        (!key && !parser_take_keywords(parser, KEYWORD_PRIMARY, KEYWORD_KEY, &primary)) ||
        (!key && !primary && !parser_take_keyword(parser, KEYWORD_HEADERS, &headers)) ||
        (!key && !primary && !headers && !parser_take_keyword(parser, KEYWORD_HEADER, &header)))
        return false;
    column->role = key       ? COLUMN_KEY
                   : primary ? COLUMN_PRIMARY_KEY
                   : headers ? COLUMN_HEADERS
                   : header  ? COLUMN_HEADER
                             : COLUMN_VALUE;
    return !header || (parser_expect(parser, TOKEN_LEFT_PARENTHESIS) && parser_string(parser, &column->header) &&
                       parser_expect(parser, TOKEN_RIGHT_PARENTHESIS));
}

static bool parser_column(struct parser *parser, struct column_declaration *column) {
    return parser_name(parser, &column->name) && (column->type = parser_type(parser)) &&
           parser_column_role(parser, column);
}

bool parser_columns(struct parser *parser, struct column_list *ret_columns) {
    size_t start = parser->pending_count;
    bool more = true;
    if (!parser_expect(parser, TOKEN_LEFT_PARENTHESIS))
        return false;
    while (more) {
        struct column_declaration *column = parser_allocate(parser, 1, sizeof *column);
        if (!column || !parser_column(parser, column) || !parser_push(parser, column) ||
            !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) &&
           parser_pop_structs(parser, start, sizeof *ret_columns->items, &ret_columns->items, &ret_columns->count);
}

/* --- properties
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_property(struct parser *parser, struct property *property) {
    bool exact = parser->token.kind == TOKEN_STRING;
    if (exact ? !parser_exact_name(parser, &property->name) : !parser_name(parser, &property->name))
        return false;
    if (!parser_expect(parser, TOKEN_EQUAL))
        return false;
    if (parser_is_name(&parser->token))
        return parser_fail(parser, parser->token.place, "the value %.*s needs single quotes",
                           (int)(parser->token.text.length < 40 ? parser->token.text.length : 40),
                           parser->token.text.data);
    property->value = parser_literal(parser);
    return property->value != NULL;
}

bool parser_properties(struct parser *parser, struct property_list *ret_list) {
    size_t start = parser->pending_count;
    bool found, more = true;
    ret_list->place = parser->token.place;
    if (!parser_take_keyword(parser, KEYWORD_WITH, &found) || !found)
        return parser->status == 0;
    if (!parser_expect(parser, TOKEN_LEFT_PARENTHESIS))
        return false;
    while (more) {
        struct property *property = parser_allocate(parser, 1, sizeof *property);
        if (!property || !parser_property(parser, property) || !parser_push(parser, property) ||
            !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) &&
           parser_pop_structs(parser, start, sizeof *ret_list->items, &ret_list->items, &ret_list->count);
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

static bool parser_if_not_exists(struct parser *parser, bool *ret_found) {
    if (!parser_take_keywords(parser, KEYWORD_IF, KEYWORD_NOT, ret_found))
        return false;
    return !*ret_found || parser_expect_keyword(parser, KEYWORD_EXISTS);
}

bool parser_source(struct parser *parser, struct create_statement *create) {
    return parser_name(parser, &create->name) &&
           (!parser_at(parser, TOKEN_LEFT_PARENTHESIS) || parser_columns(parser, &create->columns)) &&
           parser_properties(parser, &create->properties);
}

static bool parser_create_source(struct parser *parser, struct create_statement *create) {
    bool as;
    if (!parser_if_not_exists(parser, &create->if_not_exists) || !parser_source(parser, create))
        return false;
    if (create->columns.count || create->read_only)
        return true;
    if (!parser_take_keyword(parser, KEYWORD_AS, &as))
        return false;
    return !as || (create->query = parser_select(parser));
}

static bool parser_create_connector(struct parser *parser, struct statement *statement) {
    struct connector_statement *connector = &statement->connector;
    statement->kind = STATEMENT_CREATE_CONNECTOR;
    if (!parser_if_not_exists(parser, &connector->if_not_exists) || !parser_name(parser, &connector->name))
        return false;
    return parser_at_keyword(parser, KEYWORD_WITH) ? parser_properties(parser, &connector->properties)
                                                   : parser_unexpected(parser);
}

static bool parser_create_type(struct parser *parser, struct statement *statement) {
    struct type_statement *type = &statement->type;
    statement->kind = STATEMENT_CREATE_TYPE;
    return parser_if_not_exists(parser, &type->if_not_exists) && parser_name(parser, &type->name) &&
           parser_expect_keyword(parser, KEYWORD_AS) && (type->type = parser_type(parser));
}

static bool parser_create_object(struct parser *parser, struct statement *statement, bool replace, bool sink,
                                 bool source) {
    bool connector = false, type = false, stream = false, table = false;
    if (!sink && (!parser_take_keyword(parser, KEYWORD_STREAM, &stream) ||
                  (!stream && !parser_take_keyword(parser, KEYWORD_TABLE, &table))))
        return false;
    if (stream || table) {
        statement->kind = STATEMENT_CREATE;
        statement->create.object = stream ? OBJECT_STREAM : OBJECT_TABLE;
        statement->create.or_replace = replace;
        statement->create.read_only = source;
        return parser_create_source(parser, &statement->create);
    }
    if ((sink || source) && !parser_take_keyword(parser, KEYWORD_CONNECTOR, &connector))
        return false;
    if (connector) {
        statement->connector.sink = sink;
        return !replace ? parser_create_connector(parser, statement)
                        : parser_fail(parser, statement->place, "OR REPLACE is for streams and tables only");
    }
    if (!sink && !source && !replace && !parser_take_keyword(parser, KEYWORD_TYPE, &type))
        return false;
    return type ? parser_create_type(parser, statement) : parser_unexpected(parser);
}

bool parser_create(struct parser *parser, struct statement *statement) {
    bool replace, sink = false, source;
    if (!parser_take_keywords(parser, KEYWORD_OR, KEYWORD_REPLACE, &replace) ||
        !parser_take_keyword(parser, KEYWORD_SOURCE, &source) ||
        (!source && !parser_take_keyword(parser, KEYWORD_SINK, &sink)))
        return false;
    return parser_create_object(parser, statement, replace, sink, source);
}

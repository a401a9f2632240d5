/* What operators stand between: literals, columns, calls, CASE, CAST, constructors, lambdas, parentheses; and what
 * may follow each: [i], ->field. */
#include "core/number.h"
#include "sql/syntax/names.h"
#include "sql/syntax/parser.h"

/* --- literals
 * ------------------------------------------------------------------------------------------------------------------ */

/* A number's text with its sign; the two stand apart in "- 1". */
static bool parser_signed_text(struct parser *parser, bool negative, struct slice *ret_text) {
    struct slice text = parser->token.text;
    if (negative) {
        char *copy = parser_allocate(parser, text.length + 1, 1);
        if (!copy)
            return false;
        copy[0] = '-';
        memcpy(copy + 1, text.data, text.length);
        text = (struct slice){copy, text.length + 1};
    }
    *ret_text = text;
    return true;
}

static struct expression *parser_number(struct parser *parser, struct place place, bool negative) {
    enum token_kind kind = parser->token.kind;
    struct expression *node = parser_node(parser,
                                          kind == TOKEN_INTEGER   ? EXPRESSION_INTEGER
                                          : kind == TOKEN_DECIMAL ? EXPRESSION_DECIMAL
                                                                  : EXPRESSION_DOUBLE,
                                          place);
    if (!node || !parser_signed_text(parser, negative, &node->text))
        return NULL;
    if (kind == TOKEN_INTEGER && !number_read_integer(node->text, &node->integer)) {
        parser_fail(parser, place, "the number is out of range of BIGINT; write it with a point to make it a DECIMAL");
        return NULL;
    }
    if (kind == TOKEN_DOUBLE && !number_read_double(node->text, &node->number)) {
        parser_fail(parser, place, "the number is out of range of DOUBLE");
        return NULL;
    }
    return parser_advance(parser) ? node : NULL;
}

static struct expression *parser_word_literal(struct parser *parser) {
    bool null = parser->token.keyword == KEYWORD_NULL;
    struct expression *node = parser_node(parser, null ? EXPRESSION_NULL : EXPRESSION_BOOLEAN, parser->token.place);
    if (!node)
        return NULL;
    node->boolean = parser->token.keyword == KEYWORD_TRUE;
    return parser_advance(parser) ? node : NULL;
}

struct expression *parser_literal(struct parser *parser) {
    struct place place = parser->token.place;
    bool negative = parser->token.kind == TOKEN_MINUS;
    if (negative && !parser_advance(parser))
        return NULL;
    if (parser->token.kind == TOKEN_INTEGER || parser->token.kind == TOKEN_DECIMAL ||
        parser->token.kind == TOKEN_DOUBLE)
        return parser_number(parser, place, negative);
    if (!negative && parser->token.kind == TOKEN_STRING) {
        struct expression *node = parser_node(parser, EXPRESSION_STRING, place);
        return node && parser_string(parser, &node->text) ? node : NULL;
    }
    if (!negative && (parser->token.keyword == KEYWORD_NULL || parser->token.keyword == KEYWORD_TRUE ||
                      parser->token.keyword == KEYWORD_FALSE))
        return parser_word_literal(parser);
    parser_note(parser, negative ? "a number" : "a string in single quotes");
    if (!negative) {
        parser_note(parser, "a number");
        parser_note(parser, "TRUE");
        parser_note(parser, "FALSE");
    }
    parser_unexpected(parser);
    return NULL;
}

/* --- lambdas
 * ------------------------------------------------------------------------------------------------------------------ */

/* Is "(a, b) =>" what comes next? Looks ahead on a copy of the lexer, no further than names and commas go. */
static bool parser_at_parameters(const struct parser *parser) {
    struct lexer lexer = parser->lexer;
    struct token token = parser->next, arrow;
    while (parser_is_name(&token)) {
        if (lexer_next(&lexer, &token, NULL) < 0)
            return false;
        if (token.kind == TOKEN_RIGHT_PARENTHESIS)
            return lexer_next(&lexer, &arrow, NULL) == 0 && arrow.kind == TOKEN_LAMBDA_ARROW;
        if (token.kind != TOKEN_COMMA || lexer_next(&lexer, &token, NULL) < 0)
            return false;
    }
    return false;
}

static bool parser_distinct(struct parser *parser, const struct expression *lambda) {
    for (size_t i = 1; i < lambda->name_count; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal(lambda->names[i].name, lambda->names[k].name))
                return parser_fail(parser, lambda->names[i].place, "the parameter %.*s is there twice",
                                   names_shown(lambda->names[i].name), lambda->names[i].name.data);
    return true;
}

static struct expression *parser_lambda(struct parser *parser) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_LAMBDA, parser->token.place);
    if (!node)
        return NULL;
    if (parser->token.kind == TOKEN_LEFT_PARENTHESIS) {
        if (!parser_name_list(parser, &node->names, &node->name_count))
            return NULL;
    } else {
        node->name_count = 1;
        node->names = parser_allocate(parser, 1, sizeof *node->names);
        if (!node->names || !parser_name(parser, node->names))
            return NULL;
    }
    bool done = parser_distinct(parser, node) && parser_expect(parser, TOKEN_LAMBDA_ARROW) &&
                parser_push(parser, parser_expression(parser)) && parser_adopt(parser, node, start);
    return done ? node : NULL;
}

/* --- names and calls
 * --------------------------------------------------------------------------------------------------------------- */

static bool parser_arguments(struct parser *parser, struct expression *node) {
    bool closed, more = true;
    if (!parser_expect(parser, TOKEN_LEFT_PARENTHESIS))
        return false;
    if (parser->token.kind == TOKEN_STAR && parser->next.kind == TOKEN_RIGHT_PARENTHESIS) {
        node->star = true;
        return parser_advance(parser) && parser_advance(parser);
    }
    if (!parser_take(parser, TOKEN_RIGHT_PARENTHESIS, &closed) || closed)
        return parser->status == 0;
    while (more)
        if (!parser_push(parser, parser_argument(parser)) || !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS);
}

static struct expression *parser_named(struct parser *parser) {
    size_t start = parser->pending_count;
    struct identifier name, column;
    struct expression *node = parser_node(parser, EXPRESSION_COLUMN, parser->token.place);
    if (!node || !parser_name(parser, &name))
        return NULL;
    node->name = name.name;
    if (parser->token.kind == TOKEN_LEFT_PARENTHESIS) {
        node->kind = EXPRESSION_CALL;
        return parser_arguments(parser, node) && parser_adopt(parser, node, start) ? node : NULL;
    }
    if (parser->token.kind != TOKEN_DOT)
        return node;
    if (!parser_advance(parser) || !parser_name(parser, &column))
        return NULL;
    node->qualifier = name.name;
    node->name = column.name;
    return node;
}

/* --- CASE and CAST
 * ----------------------------------------------------------------------------------------------------------------- */

static struct expression *parser_case(struct parser *parser) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_CASE, parser->token.place);
    bool more = true;
    if (!node || !parser_advance(parser))
        return NULL;
    node->has_operand = parser->token.keyword != KEYWORD_WHEN;
    if (node->has_operand && !parser_push(parser, parser_expression(parser)))
        return NULL;
    if (!parser_expect_keyword(parser, KEYWORD_WHEN))
        return NULL;
    while (more) {
        if (!parser_push(parser, parser_expression(parser)) || !parser_expect_keyword(parser, KEYWORD_THEN) ||
            !parser_push(parser, parser_expression(parser)) || !parser_take_keyword(parser, KEYWORD_WHEN, &more))
            return NULL;
    }
    if (!parser_take_keyword(parser, KEYWORD_ELSE, &node->has_else) ||
        (node->has_else && !parser_push(parser, parser_expression(parser))))
        return NULL;
    return parser_expect_keyword(parser, KEYWORD_END) && parser_adopt(parser, node, start) ? node : NULL;
}

static struct expression *parser_cast(struct parser *parser) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_CAST, parser->token.place);
    if (!node || !parser_advance(parser) || !parser_expect(parser, TOKEN_LEFT_PARENTHESIS) ||
        !parser_push(parser, parser_expression(parser)) || !parser_expect_keyword(parser, KEYWORD_AS) ||
        !(node->type = parser_type(parser)))
        return NULL;
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) && parser_adopt(parser, node, start) ? node : NULL;
}

/* --- constructors
 * ------------------------------------------------------------------------------------------------------------------ */

static struct expression *parser_array(struct parser *parser) {
    size_t start = parser->pending_count;
    bool closed;
    struct expression *node = parser_node(parser, EXPRESSION_ARRAY, parser->token.place);
    if (!node || !parser_advance(parser) || !parser_expect(parser, TOKEN_LEFT_BRACKET) ||
        !parser_take(parser, TOKEN_RIGHT_BRACKET, &closed))
        return NULL;
    if (!closed && (!parser_push_expressions(parser) || !parser_expect(parser, TOKEN_RIGHT_BRACKET)))
        return NULL;
    return parser_adopt(parser, node, start) ? node : NULL;
}

static struct expression *parser_map(struct parser *parser) {
    size_t start = parser->pending_count;
    bool closed, more = true;
    struct expression *node = parser_node(parser, EXPRESSION_MAP, parser->token.place);
    if (!node || !parser_advance(parser) || !parser_expect(parser, TOKEN_LEFT_PARENTHESIS) ||
        !parser_take(parser, TOKEN_RIGHT_PARENTHESIS, &closed))
        return NULL;
    while (!closed && more) {
        if (!parser_push(parser, parser_expression(parser)) || !parser_expect(parser, TOKEN_ASSIGN) ||
            !parser_push(parser, parser_expression(parser)) || !parser_take(parser, TOKEN_COMMA, &more))
            return NULL;
    }
    if (!closed && !parser_expect(parser, TOKEN_RIGHT_PARENTHESIS))
        return NULL;
    return parser_adopt(parser, node, start) ? node : NULL;
}

/* Names and values wait on the stack in turns. */
static bool parser_struct_fields(struct parser *parser) {
    bool more = true;
    while (more) {
        struct identifier *name = parser_allocate(parser, 1, sizeof *name);
        if (!name || !parser_name(parser, name) || !parser_push(parser, name) || !parser_expect(parser, TOKEN_ASSIGN) ||
            !parser_push(parser, parser_expression(parser)) || !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return true;
}

static struct expression *parser_struct(struct parser *parser) {
    size_t start = parser->pending_count;
    bool closed;
    struct expression *node = parser_node(parser, EXPRESSION_STRUCT, parser->token.place);
    if (!node || !parser_advance(parser) || !parser_expect(parser, TOKEN_LEFT_PARENTHESIS) ||
        !parser_take(parser, TOKEN_RIGHT_PARENTHESIS, &closed))
        return NULL;
    if (!closed && (!parser_struct_fields(parser) || !parser_expect(parser, TOKEN_RIGHT_PARENTHESIS)))
        return NULL;
    node->name_count = (parser->pending_count - start) / 2;
    node->names = parser_allocate(parser, node->name_count, sizeof *node->names);
    if (!node->names)
        return NULL;
    for (size_t i = 0; i < node->name_count; i++) {
        node->names[i] = *(struct identifier *)parser->pending[start + 2 * i];
        parser->pending[start + i] = parser->pending[start + 2 * i + 1];
    }
    parser->pending_count = start + node->name_count;
    return parser_adopt(parser, node, start) ? node : NULL;
}

/* --- all of them
 * ------------------------------------------------------------------------------------------------------------------ */

static struct expression *parser_parenthesis(struct parser *parser) {
    if (parser_at_parameters(parser))
        return parser_lambda(parser);
    if (!parser_advance(parser))
        return NULL;
    struct expression *inner = parser_expression(parser);
    return inner && parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) ? inner : NULL;
}

static struct expression *parser_simple(struct parser *parser) {
    switch (parser->token.kind) {
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_DECIMAL:
    case TOKEN_DOUBLE:
        return parser_literal(parser);
    case TOKEN_LEFT_PARENTHESIS:
        return parser_parenthesis(parser);
    default:
        break;
    }
    switch (parser->token.keyword) {
    case KEYWORD_NULL:
    case KEYWORD_TRUE:
    case KEYWORD_FALSE:
        return parser_literal(parser);
    case KEYWORD_CASE:
        return parser_case(parser);
    case KEYWORD_CAST:
        return parser_cast(parser);
    case KEYWORD_ARRAY:
        if (parser->next.kind == TOKEN_LEFT_BRACKET)
            return parser_array(parser);
        break;
    case KEYWORD_MAP:
        if (parser->next.kind == TOKEN_LEFT_PARENTHESIS)
            return parser_map(parser);
        break;
    case KEYWORD_STRUCT:
        if (parser->next.kind == TOKEN_LEFT_PARENTHESIS)
            return parser_struct(parser);
        break;
    default:
        break;
    }
    if (parser_is_name(&parser->token))
        return parser->next.kind == TOKEN_LAMBDA_ARROW ? parser_lambda(parser) : parser_named(parser);
    parser_note(parser, "an expression");
    parser_unexpected(parser);
    return NULL;
}

/* base[index], base->field or base->*, at its bracket or arrow. */
static struct expression *parser_follow(struct parser *parser, struct expression *base) {
    size_t start = parser->pending_count;
    bool subscript = parser->token.kind == TOKEN_LEFT_BRACKET, all = parser->next.kind == TOKEN_STAR;
    struct identifier field;
    struct expression *node = parser_node(parser,
                                          subscript ? EXPRESSION_SUBSCRIPT
                                          : all     ? EXPRESSION_ALL_FIELDS
                                                    : EXPRESSION_FIELD,
                                          parser->token.place);
    if (!node || !parser_push(parser, base) || !parser_advance(parser))
        return NULL;
    if (subscript ? !parser_push(parser, parser_expression(parser)) || !parser_expect(parser, TOKEN_RIGHT_BRACKET)
        : all     ? !parser_advance(parser)
                  : !parser_name(parser, &field))
        return NULL;
    if (node->kind == EXPRESSION_FIELD)
        node->name = field.name;
    return parser_adopt(parser, node, start) ? node : NULL;
}

struct expression *parser_primary(struct parser *parser) {
    struct expression *node = parser_simple(parser);
    while (node && node->kind != EXPRESSION_ALL_FIELDS &&
           (parser->token.kind == TOKEN_LEFT_BRACKET || parser->token.kind == TOKEN_ARROW))
        node = parser_follow(parser, node);
    return node;
}

/* Operators, by precedence climbing. From loosest to tightest:
 *
 *     OR                                                           a chain is one node
 *     AND                                                          a chain is one node
 *     NOT
 *     = <> < <= > >= BETWEEN IN LIKE IS                            one only: a = b = c needs parentheses
 *     ||
 *     + -
 *     * / %
 *     - + before a value
 *     [] -> (parser_primary.c) */
#include "core/text.h"
#include "sql/syntax/parser.h"

enum precedence {
    PRECEDENCE_NONE,
    PRECEDENCE_OR,
    PRECEDENCE_AND,
    PRECEDENCE_NOT,
    PRECEDENCE_PREDICATE,
    PRECEDENCE_CONCAT,
    PRECEDENCE_ADD,
    PRECEDENCE_MULTIPLY,
};

struct infix {
    enum expression_operator op;
    enum precedence precedence;
};

static struct expression *parser_operators(struct parser *parser, enum precedence loosest);

struct expression *parser_node(struct parser *parser, enum expression_kind kind, struct place place) {
    struct expression *node = parser_allocate(parser, 1, sizeof *node);
    if (node) {
        node->kind = kind;
        node->place = place;
        node->height = 1;
    }
    return node;
}

/* a->* stands only in SELECT's list, a lambda only among a function's arguments. */
static bool parser_check_place(struct parser *parser, const struct expression *node, bool all_fields, bool lambda) {
    if (node->kind == EXPRESSION_ALL_FIELDS && !all_fields)
        return parser_fail(parser, node->place, "->* stands for several columns: it can only be an item of SELECT");
    if (node->kind == EXPRESSION_LAMBDA && !lambda)
        return parser_fail(parser, node->place, "a lambda can only be an argument of a function");
    return true;
}

bool parser_adopt(struct parser *parser, struct expression *node, size_t start) {
    if (!parser_pop(parser, start, &node->children, &node->child_count))
        return false;
    for (size_t i = 0; i < node->child_count; i++) {
        if (!parser_check_place(parser, node->children[i], false, node->kind == EXPRESSION_CALL))
            return false;
        if (node->children[i]->height >= node->height)
            node->height = node->children[i]->height + 1;
    }
    return parser_check_height(parser, node->place, node->height);
}

static struct infix parser_infix(const struct token *token) {
    switch (token->kind) {
    case TOKEN_EQUAL:
        return (struct infix){OPERATOR_EQUAL, PRECEDENCE_PREDICATE};
    case TOKEN_NOT_EQUAL:
        return (struct infix){OPERATOR_NOT_EQUAL, PRECEDENCE_PREDICATE};
    case TOKEN_LESS:
        return (struct infix){OPERATOR_LESS, PRECEDENCE_PREDICATE};
    case TOKEN_LESS_EQUAL:
        return (struct infix){OPERATOR_LESS_EQUAL, PRECEDENCE_PREDICATE};
    case TOKEN_GREATER:
        return (struct infix){OPERATOR_GREATER, PRECEDENCE_PREDICATE};
    case TOKEN_GREATER_EQUAL:
        return (struct infix){OPERATOR_GREATER_EQUAL, PRECEDENCE_PREDICATE};
    case TOKEN_CONCAT:
        return (struct infix){OPERATOR_CONCAT, PRECEDENCE_CONCAT};
    case TOKEN_PLUS:
        return (struct infix){OPERATOR_ADD, PRECEDENCE_ADD};
    case TOKEN_MINUS:
        return (struct infix){OPERATOR_SUBTRACT, PRECEDENCE_ADD};
    case TOKEN_STAR:
        return (struct infix){OPERATOR_MULTIPLY, PRECEDENCE_MULTIPLY};
    case TOKEN_SLASH:
        return (struct infix){OPERATOR_DIVIDE, PRECEDENCE_MULTIPLY};
    case TOKEN_PERCENT:
        return (struct infix){OPERATOR_MODULO, PRECEDENCE_MULTIPLY};
    default:
        return (struct infix){OPERATOR_NONE, PRECEDENCE_NONE};
    }
}

/* Does BETWEEN, IN, LIKE, or NOT with one of them, or IS come next? */
static bool parser_at_predicate(const struct parser *parser) {
    enum keyword keyword = parser->token.keyword == KEYWORD_NOT ? parser->next.keyword : parser->token.keyword;
    bool negatable = keyword == KEYWORD_BETWEEN || keyword == KEYWORD_IN || keyword == KEYWORD_LIKE;
    return negatable || parser->token.keyword == KEYWORD_IS;
}

/* --- predicates: the left operand has been pushed
 * --------------------------------------------------------------------------------- */

static bool parser_push_operand(struct parser *parser) {
    return parser_push(parser, parser_operators(parser, PRECEDENCE_CONCAT));
}

static bool parser_between(struct parser *parser, struct expression *node) {
    node->kind = EXPRESSION_BETWEEN;
    return parser_advance(parser) && parser_push_operand(parser) && parser_expect_keyword(parser, KEYWORD_AND) &&
           parser_push_operand(parser);
}

static bool parser_in(struct parser *parser, struct expression *node) {
    node->kind = EXPRESSION_IN;
    return parser_advance(parser) && parser_expect(parser, TOKEN_LEFT_PARENTHESIS) && parser_push_expressions(parser) &&
           parser_expect(parser, TOKEN_RIGHT_PARENTHESIS);
}

static bool parser_like(struct parser *parser, struct expression *node) {
    bool escape;
    node->kind = EXPRESSION_LIKE;
    if (!parser_advance(parser) || !parser_push_operand(parser) ||
        !parser_take_keyword(parser, KEYWORD_ESCAPE, &escape))
        return false;
    struct place place = parser->token.place;
    if (escape && !parser_string(parser, &node->text))
        return false;
    if (escape && (node->text.length == 0 || utf8_length(node->text.data, node->text.length) != node->text.length))
        return parser_fail(parser, place, "ESCAPE needs exactly one character");
    return true;
}

static bool parser_is(struct parser *parser, struct expression *node) {
    bool negated, distinct;
    if (!parser_advance(parser) || !parser_take_keyword(parser, KEYWORD_NOT, &negated) ||
        !parser_take_keyword(parser, KEYWORD_DISTINCT, &distinct))
        return false;
    if (distinct) {
        node->kind = EXPRESSION_BINARY;
        node->op = negated ? OPERATOR_IS_NOT_DISTINCT : OPERATOR_IS_DISTINCT;
        return parser_expect_keyword(parser, KEYWORD_FROM) && parser_push_operand(parser);
    }
    node->kind = EXPRESSION_IS_NULL;
    node->negated = negated;
    return parser_expect_keyword(parser, KEYWORD_NULL);
}

static struct expression *parser_predicate(struct parser *parser, struct expression *left) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_IS_NULL, parser->token.place);
    if (!node || !parser_push(parser, left))
        return NULL;
    if (parser->token.keyword == KEYWORD_NOT) {
        node->negated = true;
        if (!parser_advance(parser))
            return NULL;
    }
    bool done = parser->token.keyword == KEYWORD_BETWEEN ? parser_between(parser, node)
                : parser->token.keyword == KEYWORD_IN    ? parser_in(parser, node)
                : parser->token.keyword == KEYWORD_LIKE  ? parser_like(parser, node)
                                                         : parser_is(parser, node);
    return done && parser_adopt(parser, node, start) ? node : NULL;
}

/* --- operators
 * ------------------------------------------------------------------------------------------------------------------ */

static struct expression *parser_logical(struct parser *parser, struct expression *first, enum keyword keyword,
                                         enum precedence operand) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_LOGICAL, parser->token.place);
    if (!node || !parser_push(parser, first))
        return NULL;
    node->op = keyword == KEYWORD_AND ? OPERATOR_AND : OPERATOR_OR;
    while (parser->token.keyword == keyword)
        if (!parser_advance(parser) || !parser_push(parser, parser_operators(parser, operand)))
            return NULL;
    return parser_adopt(parser, node, start) ? node : NULL;
}

static struct expression *parser_binary(struct parser *parser, struct expression *left, struct infix infix) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_BINARY, parser->token.place);
    if (!node)
        return NULL;
    node->op = infix.op;
    bool done = parser_push(parser, left) && parser_advance(parser) &&
                parser_push(parser, parser_operators(parser, infix.precedence + 1));
    return done && parser_adopt(parser, node, start) ? node : NULL;
}

static struct expression *parser_prefixed(struct parser *parser, enum expression_operator op, enum precedence operand) {
    size_t start = parser->pending_count;
    struct expression *node = parser_node(parser, EXPRESSION_UNARY, parser->token.place);
    if (!node)
        return NULL;
    node->op = op;
    bool done = parser_advance(parser) && parser_push(parser, parser_operators(parser, operand));
    return done && parser_adopt(parser, node, start) ? node : NULL;
}

static bool parser_is_number(const struct token *token) {
    return token->kind == TOKEN_INTEGER || token->kind == TOKEN_DECIMAL || token->kind == TOKEN_DOUBLE;
}

/* What stands before the first operator between two operands. A minus belongs to the number after it. */
static struct expression *parser_operand(struct parser *parser, enum precedence loosest) {
    if (parser->token.keyword == KEYWORD_NOT && loosest <= PRECEDENCE_NOT)
        return parser_prefixed(parser, OPERATOR_NOT, PRECEDENCE_NOT);
    if (parser->token.kind == TOKEN_MINUS && parser_is_number(&parser->next))
        return parser_literal(parser);
    if (parser->token.kind == TOKEN_MINUS)
        return parser_prefixed(parser, OPERATOR_NEGATE, PRECEDENCE_MULTIPLY + 1);
    if (parser->token.kind == TOKEN_PLUS)
        return parser_prefixed(parser, OPERATOR_PLUS, PRECEDENCE_MULTIPLY + 1);
    return parser_primary(parser);
}

/* An expression of operators that bind at least as tightly as `loosest`. */
static struct expression *parser_operators(struct parser *parser, enum precedence loosest) {
    if (!parser_enter(parser))
        return NULL;
    bool predicate =
        parser->token.keyword == KEYWORD_NOT; /* `left` is a truth value that no tighter operator may take */
    struct expression *left = parser_operand(parser, loosest);
    while (left) {
        struct infix infix = parser_infix(&parser->token);
        if (loosest <= PRECEDENCE_OR && parser->token.keyword == KEYWORD_OR) {
            left = parser_logical(parser, left, KEYWORD_OR, PRECEDENCE_AND);
            predicate = true;
        } else if (loosest <= PRECEDENCE_AND && parser->token.keyword == KEYWORD_AND) {
            left = parser_logical(parser, left, KEYWORD_AND, PRECEDENCE_NOT);
            predicate = true;
        } else if (!predicate && loosest <= PRECEDENCE_PREDICATE && parser_at_predicate(parser)) {
            left = parser_predicate(parser, left);
            predicate = true;
        } else if (infix.precedence != PRECEDENCE_NONE && infix.precedence >= loosest &&
                   !(predicate && infix.precedence >= PRECEDENCE_PREDICATE)) {
            predicate = infix.precedence == PRECEDENCE_PREDICATE;
            left = parser_binary(parser, left, infix);
        } else {
            break;
        }
    }
    parser_leave(parser);
    return left;
}

struct expression *parser_select_expression(struct parser *parser) {
    struct expression *node = parser_operators(parser, PRECEDENCE_OR);
    return node && parser_check_place(parser, node, true, false) ? node : NULL;
}

struct expression *parser_argument(struct parser *parser) {
    return parser_operators(parser, PRECEDENCE_OR);
}

struct expression *parser_expression(struct parser *parser) {
    struct expression *node = parser_operators(parser, PRECEDENCE_OR);
    return node && parser_check_place(parser, node, false, false) ? node : NULL;
}

bool parser_push_expressions(struct parser *parser) {
    bool more = true;
    while (more)
        if (!parser_push(parser, parser_expression(parser)) || !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    return true;
}

bool parser_expression_list(struct parser *parser, struct expression_list *ret_list) {
    size_t start = parser->pending_count;
    return parser_push_expressions(parser) && parser_pop(parser, start, &ret_list->items, &ret_list->count);
}

/* SELECT items FROM source [JOIN ..]* [WINDOW ..] [WHERE ..] [GROUP BY ..] [PARTITION BY ..] [HAVING ..] [EMIT ..]
 * [LIMIT n] */
#include "sql/syntax/parser.h"
#include <ctype.h>

/* --- durations
 * ------------------------------------------------------------------------------------------------------------------ */

struct time_unit {
    const char *name; /* the plural is the same with an S */
    int64_t milliseconds;
};

static const struct time_unit parser_time_units[] = {
    {"MILLISECOND", 1}, {"SECOND", 1000}, {"MINUTE", 60000}, {"HOUR", 3600000}, {"DAY", 86400000},
};

static int64_t parser_time_unit(const struct token *token) {
    for (size_t i = 0; token->kind == TOKEN_WORD && i < sizeof parser_time_units / sizeof *parser_time_units; i++) {
        const struct time_unit *unit = &parser_time_units[i];
        size_t length = strlen(unit->name), written = token->text.length;
        bool plural = written == length + 1 && toupper((unsigned char)token->text.data[length]) == 'S';
        if ((written == length || plural) && strncasecmp(token->text.data, unit->name, length) == 0)
            return unit->milliseconds;
    }
    return 0;
}

bool parser_duration(struct parser *parser, struct duration *ret_duration) {
    struct duration duration = {.place = parser->token.place};
    int64_t number;
    if (!parser_whole_number(parser, &number))
        return false;
    int64_t unit = parser_time_unit(&parser->token);
    if (unit == 0) {
        static const char *const names[] = {"DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS"};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            parser_note(parser, names[i]);
        return parser_unexpected(parser);
    }
    if (__builtin_mul_overflow(number, unit, &duration.milliseconds))
        return parser_fail(parser, duration.place, "the duration is out of range");
    if (!parser_advance(parser))
        return false;
    *ret_duration = duration;
    return true;
}

/* --- items and sources
 * ------------------------------------------------------------------------------------------------------------- */

static bool parser_item(struct parser *parser, struct select_item *item) {
    item->place = parser->token.place;
    if (parser_at(parser, TOKEN_STAR)) {
        item->kind = SELECT_ALL;
        return parser_advance(parser);
    }
    if (parser_is_name(&parser->token) && parser->next.kind == TOKEN_DOT) {
        struct lexer lexer = parser->lexer;
        struct token third;
        if (lexer_next(&lexer, &third, NULL) == 0 && third.kind == TOKEN_STAR) {
            item->kind = SELECT_ALL_OF;
            return parser_name(parser, &item->source) && parser_advance(parser) && parser_advance(parser);
        }
    }
    item->kind = SELECT_EXPRESSION;
    item->expression = parser_select_expression(parser);
    if (!item->expression)
        return false;
    return item->expression->kind == EXPRESSION_ALL_FIELDS || parser_alias(parser, &item->alias);
}

static bool parser_items(struct parser *parser, struct select_query *query) {
    size_t start = parser->pending_count;
    bool more = true;
    while (more) {
        struct select_item *item = parser_allocate(parser, 1, sizeof *item);
        if (!item || !parser_item(parser, item) || !parser_push(parser, item) ||
            !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_pop_structs(parser, start, sizeof *query->items, &query->items, &query->item_count);
}

static bool parser_from(struct parser *parser, struct source_reference *source) {
    return parser_name(parser, &source->name) && parser_alias(parser, &source->alias);
}

/* --- joins
 * ------------------------------------------------------------------------------------------------------------------ */

/* WITHIN 1 HOUR or WITHIN (1 HOUR, 2 HOURS), then perhaps GRACE PERIOD 5 MINUTES. */
static bool parser_within(struct parser *parser, struct join *join) {
    bool pair, grace;
    if (!parser_take(parser, TOKEN_LEFT_PARENTHESIS, &pair) || !parser_duration(parser, &join->before))
        return false;
    join->after = join->before;
    if (pair && (!parser_expect(parser, TOKEN_COMMA) || !parser_duration(parser, &join->after) ||
                 !parser_expect(parser, TOKEN_RIGHT_PARENTHESIS)))
        return false;
    if (!parser_take_keywords(parser, KEYWORD_GRACE, KEYWORD_PERIOD, &grace))
        return false;
    return !grace || parser_duration(parser, &join->grace);
}

/* [INNER | LEFT [OUTER] | RIGHT [OUTER] | FULL [OUTER]] JOIN; *ret_found: whether one begins here. */
static bool parser_join_kind(struct parser *parser, struct join *join, bool *ret_found) {
    static const struct {
        enum keyword keyword;
        enum join_kind kind;
    } kinds[] = {
        {KEYWORD_INNER, JOIN_INNER}, {KEYWORD_LEFT, JOIN_LEFT}, {KEYWORD_RIGHT, JOIN_RIGHT}, {KEYWORD_FULL, JOIN_FULL}};
    bool outer;
    join->kind = JOIN_INNER;
    if (!parser_take_keyword(parser, KEYWORD_JOIN, ret_found) || *ret_found)
        return parser->status == 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!parser_take_keyword(parser, kinds[i].keyword, ret_found))
            return false;
        if (!*ret_found)
            continue;
        join->kind = kinds[i].kind;
        if (join->kind != JOIN_INNER && !parser_take_keyword(parser, KEYWORD_OUTER, &outer))
            return false;
        return parser_expect_keyword(parser, KEYWORD_JOIN);
    }
    return true;
}

static bool parser_join(struct parser *parser, struct join *join, bool *ret_found) {
    bool within;
    join->before.milliseconds = join->after.milliseconds = join->grace.milliseconds = -1;
    join->place = parser->token.place;
    if (!parser_join_kind(parser, join, ret_found) || !*ret_found)
        return parser->status == 0;
    if (!parser_from(parser, &join->source) || !parser_take_keyword(parser, KEYWORD_WITHIN, &within) ||
        (within && !parser_within(parser, join)) || !parser_expect_keyword(parser, KEYWORD_ON))
        return false;
    join->on = parser_expression(parser);
    return join->on != NULL;
}

static bool parser_joins(struct parser *parser, struct select_query *query) {
    size_t start = parser->pending_count;
    bool found = true;
    while (found) {
        struct join *join = parser_allocate(parser, 1, sizeof *join);
        if (!join || !parser_join(parser, join, &found) || (found && !parser_push(parser, join)))
            return false;
    }
    return parser_pop_structs(parser, start, sizeof *query->joins, &query->joins, &query->join_count);
}

/* --- the other clauses
 * ------------------------------------------------------------------------------------------------------------- */

/* Is what comes next "(a, b)", several expressions in parentheses? Looks ahead on a copy of the lexer, to the
 * closing parenthesis at most. */
static bool parser_at_tuple(const struct parser *parser) {
    struct lexer lexer = parser->lexer;
    struct token token = parser->next;
    if (parser->token.kind != TOKEN_LEFT_PARENTHESIS)
        return false;
    for (unsigned depth = 0; token.kind != TOKEN_END;) {
        bool opens = token.kind == TOKEN_LEFT_PARENTHESIS || token.kind == TOKEN_LEFT_BRACKET;
        bool closes = token.kind == TOKEN_RIGHT_PARENTHESIS || token.kind == TOKEN_RIGHT_BRACKET;
        if (depth == 0 && (closes || token.kind == TOKEN_COMMA))
            return !closes;
        depth += opens;
        depth -= closes;
        if (lexer_next(&lexer, &token, NULL) < 0)
            return false;
    }
    return false;
}

/* GROUP BY a, (b, c): as written without the parentheses. */
static bool parser_keys(struct parser *parser, struct expression_list *list) {
    size_t start = parser->pending_count;
    bool more = true;
    while (more) {
        bool tuple = parser_at_tuple(parser);
        if (tuple ? !parser_advance(parser) || !parser_push_expressions(parser) ||
                        !parser_expect(parser, TOKEN_RIGHT_PARENTHESIS)
                  : !parser_push(parser, parser_expression(parser)))
            return false;
        if (!parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_pop(parser, start, &list->items, &list->count);
}

static bool parser_by(struct parser *parser, enum keyword keyword, struct expression_list *list) {
    bool found;
    list->place = parser->token.place;
    if (!parser_take_keyword(parser, keyword, &found) || !found)
        return parser->status == 0;
    return parser_expect_keyword(parser, KEYWORD_BY) && parser_keys(parser, list);
}

static bool parser_condition(struct parser *parser, enum keyword keyword, struct expression **ret_condition) {
    bool found;
    if (!parser_take_keyword(parser, keyword, &found) || !found)
        return parser->status == 0;
    *ret_condition = parser_expression(parser);
    return *ret_condition != NULL;
}

static bool parser_emit(struct parser *parser, struct select_query *query) {
    bool found, changes;
    query->emit_place = parser->token.place;
    if (!parser_take_keyword(parser, KEYWORD_EMIT, &found) || !found)
        return parser->status == 0;
    if (!parser_take_keyword(parser, KEYWORD_CHANGES, &changes))
        return false;
    query->emit = changes ? EMIT_CHANGES : EMIT_FINAL;
    return changes || parser_expect_keyword(parser, KEYWORD_FINAL);
}

static bool parser_limit(struct parser *parser, struct select_query *query) {
    bool found;
    if (!parser_take_keyword(parser, KEYWORD_LIMIT, &found) || !found)
        return parser->status == 0;
    return parser_whole_number(parser, &query->limit);
}

struct select_query *parser_select(struct parser *parser) {
    struct select_query *query = parser_allocate(parser, 1, sizeof *query);
    if (!query)
        return NULL;
    query->place = parser->token.place;
    query->limit = -1;
    bool done = parser_expect_keyword(parser, KEYWORD_SELECT) && parser_items(parser, query) &&
                parser_expect_keyword(parser, KEYWORD_FROM) && parser_from(parser, &query->from) &&
                parser_joins(parser, query) && parser_window(parser, &query->window) &&
                parser_condition(parser, KEYWORD_WHERE, &query->where) &&
                parser_by(parser, KEYWORD_GROUP, &query->group_by) &&
                parser_by(parser, KEYWORD_PARTITION, &query->partition_by) &&
                parser_condition(parser, KEYWORD_HAVING, &query->having) && parser_emit(parser, query) &&
                parser_limit(parser, query);
    return done ? query : NULL;
}

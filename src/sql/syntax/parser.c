/* What the files of the parser share: the two tokens in view, what was expected at the current one, and messages that
 * say what stood there, what could have, and which keyword is nearest. */
#include "sql/syntax/parser.h"

#include "core/options.h"
#include "core/text.h"
#include "sql/syntax/foreign.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PARSER_SHOWN_MAXIMUM = 40, PARSER_DEPTH_MAXIMUM = AST_HEIGHT_MAXIMUM };

/* --- errors
 * ------------------------------------------------------------------------------------------------------------------ */

bool parser_fail(struct parser *parser, struct place place, const char *format, ...) {
    char message[sizeof parser->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    parser->status = place_error(parser->error, place, "%s", message);
    return false;
}

bool parser_no_memory(struct parser *parser) {
    parser->status = error_no_memory(parser->error);
    return false;
}

bool parser_enter(struct parser *parser) {
    if (parser->depth >= PARSER_DEPTH_MAXIMUM)
        return parser_fail(parser, parser->token.place, "nested deeper than %d", PARSER_DEPTH_MAXIMUM);
    parser->depth++;
    return true;
}

void parser_leave(struct parser *parser) {
    parser->depth--;
}

bool parser_check_height(struct parser *parser, struct place place, unsigned height) {
    return height <= AST_HEIGHT_MAXIMUM || parser_fail(parser, place, "nested deeper than %d", AST_HEIGHT_MAXIMUM);
}

/* The beginning of the token's text, cut at a character, for messages. */
static struct slice parser_shown(const struct token *token) {
    struct slice text = token->text;
    size_t length = 0, characters = 0;
    while (length < text.length && characters < PARSER_SHOWN_MAXIMUM) {
        length += utf8_length(text.data + length, text.length - length);
        characters++;
    }
    return (struct slice){text.data, length};
}

/* The expected word that the token may be a misspelling of, or NULL. */
static const char *parser_nearest(const struct parser *parser, const struct token *token) {
    char word[24];
    if (token->kind != TOKEN_WORD || token->text.length >= sizeof word || token->text.length < 3)
        return NULL;
    for (size_t i = 0; i < token->text.length; i++)
        word[i] = (char)toupper((unsigned char)token->text.data[i]);
    word[token->text.length] = '\0';
    const char *nearest = options_nearest(word, parser->expected, parser->expected_count);
    return nearest && nearest[0] == word[0] && strcmp(nearest, word) != 0 ? nearest : NULL;
}

static bool parser_expects(const struct parser *parser, const char *what) {
    for (size_t i = 0; i < parser->expected_count; i++)
        if (strcmp(parser->expected[i], what) == 0)
            return true;
    return false;
}

/* "A", "A or B", "A, B or C" */
static void parser_write_expected(const char *const *names, size_t count, char *to, size_t size) {
    size_t length = 0;
    *to = '\0';
    for (size_t i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(to + length, size - length, "%s%s",
                                   i == 0           ? ""
                                   : i + 1 == count ? " or "
                                                    : ", ",
                                   names[i]);
}

static bool parser_report(struct parser *parser, const struct token *token, const char *nearest) {
    char list[800];
    struct slice shown = parser_shown(token);
    const char *cut = shown.length < token->text.length ? "..." : "", *quote = token->kind == TOKEN_STRING ? "" : "'";
    bool reserved = token->kind == TOKEN_WORD && keyword_reserved(token->keyword);
    parser_write_expected(nearest ? &nearest : parser->expected, nearest ? 1 : parser->expected_count, list,
                          sizeof list);
    if (token->kind == TOKEN_END)
        return parser_fail(parser, token->place, "the statement ends here; expected %s", list);
    if (reserved && !nearest && parser_expects(parser, token_kind_name(TOKEN_WORD)))
        return parser_fail(parser, token->place, "'%.*s' is a reserved word; as a name it needs backticks",
                           (int)shown.length, shown.data);
    return parser_fail(parser, token->place, "%s%.*s%s%s is not expected here; expected %s", quote, (int)shown.length,
                       shown.data, cut, quote, list);
}

static bool parser_is_foreign(const struct token *token) {
    return token->kind == TOKEN_WORD && foreign_find(token->text);
}

/* What another dialect has is refused by what it is called there. */
static bool parser_refuse_foreign(struct parser *parser, const struct token *token) {
    const struct foreign_word *foreign = foreign_find(token->text);
    return parser_fail(parser, token->place, "%s is not part of the dialect: %s", foreign->what, foreign->instead);
}

static bool parser_at_inner_select(const struct parser *parser) {
    return (parser->token.keyword == KEYWORD_SELECT && parser_expects(parser, "an expression")) ||
           (parser->token.kind == TOKEN_LEFT_PARENTHESIS && parser->next.keyword == KEYWORD_SELECT);
}

bool parser_unexpected(struct parser *parser) {
    const struct token *token = &parser->token;
    bool after_alias = parser->alias.text.length && parser->alias_next.offset == token->place.offset;
    const char *keyword = after_alias ? parser_nearest(parser, &parser->alias) : NULL;
    if (after_alias && parser_is_foreign(&parser->alias))
        return parser_refuse_foreign(parser, &parser->alias);
    if (keyword)
        return parser_report(parser, &parser->alias, keyword);
    if (parser_is_foreign(token))
        return parser_refuse_foreign(parser, token);
    if (parser_at_inner_select(parser))
        return parser_fail(
            parser, token->place,
            "a SELECT inside of another is not part of the dialect: CREATE STREAM .. AS SELECT and CREATE "
            "TABLE .. AS SELECT name a query");
    return parser_report(parser, token, parser_nearest(parser, token));
}

/* --- tokens
 * ------------------------------------------------------------------------------------------------------------------ */

bool parser_start(struct parser *parser, const struct lexer *lexer, struct arena *arena, struct error *error) {
    *parser = (struct parser){.arena = arena, .error = error, .lexer = *lexer};
    return parser_advance(parser) && parser_advance(parser);
}

int parser_finish(struct parser *parser) {
    if (parser->status == 0 && !parser_at(parser, TOKEN_END))
        parser_unexpected(parser);
    free(parser->pending);
    parser->pending = NULL;
    return parser->status;
}

bool parser_advance(struct parser *parser) {
    struct token next;
    int status = lexer_next(&parser->lexer, &next, parser->error);
    if (status < 0) {
        parser->status = status;
        return false;
    }
    parser->token = parser->next;
    parser->next = next;
    parser->expected_count = 0;
    return true;
}

void parser_note(struct parser *parser, const char *expected) {
    for (size_t i = 0; i < parser->expected_count; i++)
        if (strcmp(parser->expected[i], expected) == 0)
            return;
    if (parser->expected_count < PARSER_EXPECTED_MAXIMUM)
        parser->expected[parser->expected_count++] = expected;
}

bool parser_at(struct parser *parser, enum token_kind kind) {
    if (parser->token.kind == kind)
        return true;
    parser_note(parser, token_kind_name(kind));
    return false;
}

bool parser_at_keyword(struct parser *parser, enum keyword keyword) {
    if (parser->token.keyword == keyword)
        return true;
    parser_note(parser, keyword_name(keyword));
    return false;
}

bool parser_at_keywords(struct parser *parser, enum keyword first, enum keyword second) {
    return parser_at_keyword(parser, first) && parser->next.keyword == second;
}

bool parser_take(struct parser *parser, enum token_kind kind, bool *ret_found) {
    *ret_found = parser_at(parser, kind);
    return !*ret_found || parser_advance(parser);
}

bool parser_take_keyword(struct parser *parser, enum keyword keyword, bool *ret_found) {
    *ret_found = parser_at_keyword(parser, keyword);
    return !*ret_found || parser_advance(parser);
}

bool parser_take_keywords(struct parser *parser, enum keyword first, enum keyword second, bool *ret_found) {
    *ret_found = parser_at_keywords(parser, first, second);
    return !*ret_found || (parser_advance(parser) && parser_advance(parser));
}

bool parser_expect(struct parser *parser, enum token_kind kind) {
    return parser_at(parser, kind) ? parser_advance(parser) : parser_unexpected(parser);
}

bool parser_expect_keyword(struct parser *parser, enum keyword keyword) {
    return parser_at_keyword(parser, keyword) ? parser_advance(parser) : parser_unexpected(parser);
}

/* --- entries
 * ------------------------------------------------------------------------------------------------------------------ */

int parser_statement(const struct lexer *lexer, struct arena *arena, struct statement **ret_statement,
                     struct error *error) {
    struct parser parser;
    struct statement *statement = NULL;
    if (parser_start(&parser, lexer, arena, error))
        statement = parser_any_statement(&parser);
    int status = parser_finish(&parser);
    if (status == 0) {
        statement->text = lexer->text;
        *ret_statement = statement;
    }
    return status;
}

int parser_lone_expression(const struct lexer *lexer, struct arena *arena, struct expression **ret_expression,
                           struct error *error) {
    struct parser parser;
    struct expression *expression = NULL;
    if (parser_start(&parser, lexer, arena, error))
        expression = parser_expression(&parser);
    int status = parser_finish(&parser);
    if (status == 0)
        *ret_expression = expression;
    return status;
}

static bool parser_names(struct parser *parser, enum token_kind separator, struct identifier **ret_names,
                         size_t *ret_count) {
    size_t start = parser->pending_count;
    bool more = true;
    while (more) {
        struct identifier *name = parser_allocate(parser, 1, sizeof *name);
        if (!name || !parser_name(parser, name) || !parser_push(parser, name) || !parser_take(parser, separator, &more))
            return false;
    }
    return parser_pop_structs(parser, start, sizeof **ret_names, ret_names, ret_count);
}

int parser_lone_names(const struct lexer *lexer, enum token_kind separator, struct arena *arena,
                      struct identifier **ret_names, size_t *ret_count, struct error *error) {
    struct parser parser;
    struct identifier *names = NULL;
    size_t count = 0;
    bool done = parser_start(&parser, lexer, arena, error) && parser_names(&parser, separator, &names, &count);
    int status = parser_finish(&parser);
    if (status == 0 && done) {
        *ret_names = names;
        *ret_count = count;
    }
    return status;
}

int parser_lone_type(const struct lexer *lexer, struct arena *arena, struct type_name **ret_type, struct error *error) {
    struct parser parser;
    struct type_name *type = NULL;
    if (parser_start(&parser, lexer, arena, error))
        type = parser_type(&parser);
    int status = parser_finish(&parser);
    if (status == 0)
        *ret_type = type;
    return status;
}

int parser_lone_duration(const struct lexer *lexer, struct arena *arena, struct duration *ret_duration,
                         struct error *error) {
    struct parser parser;
    struct duration duration;
    bool done = parser_start(&parser, lexer, arena, error) && parser_duration(&parser, &duration);
    int status = parser_finish(&parser);
    if (status == 0 && done)
        *ret_duration = duration;
    return status;
}

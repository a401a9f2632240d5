/* Names, literals' texts and lists. A list's items wait on one stack, `pending`, until the list is complete; lists
 * inside lists lie above. */
#include "core/memory.h"
#include "core/number.h"
#include "sql/syntax/parser.h"
#include <ctype.h>
#include <string.h>

void *parser_allocate(struct parser *parser, size_t count, size_t size) {
    size_t bytes;
    void *memory = __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_allocate(parser->arena, bytes);
    if (!memory) {
        parser_no_memory(parser);
        return NULL;
    }
    return memset(memory, 0, bytes);
}

bool parser_push(struct parser *parser, const void *item) {
    if (!item)
        return false;
    if (!memory_reserve((void **)&parser->pending, &parser->pending_capacity, parser->pending_count + 1,
                        sizeof *parser->pending))
        return parser_no_memory(parser);
    parser->pending[parser->pending_count++] = (void *)item;
    return true;
}

bool parser_pop(struct parser *parser, size_t start, void *ret_items, size_t *ret_count) {
    size_t count = parser->pending_count - start;
    void **items = parser_allocate(parser, count, sizeof *items);
    if (!items)
        return false;
    if (count)
        memcpy(items, parser->pending + start, count * sizeof *items);
    parser->pending_count = start;
    memcpy(ret_items, &items, sizeof items);
    *ret_count = count;
    return true;
}

bool parser_pop_structs(struct parser *parser, size_t start, size_t size, void *ret_items, size_t *ret_count) {
    size_t count = parser->pending_count - start;
    char *items = parser_allocate(parser, count, size);
    if (!items)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(items + i * size, parser->pending[start + i], size);
    parser->pending_count = start;
    memcpy(ret_items, &items, sizeof items);
    *ret_count = count;
    return true;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

bool parser_unquote(struct parser *parser, const struct token *token, struct slice *ret_text) {
    char quote = token->text.data[0];
    struct slice inner = {token->text.data + 1, token->text.length - 2};
    if (!memchr(inner.data, quote, inner.length)) {
        *ret_text = inner;
        return true;
    }
    char *copy = parser_allocate(parser, inner.length, 1);
    if (!copy)
        return false;
    size_t length = 0;
    for (size_t i = 0; i < inner.length; i++) {
        copy[length++] = inner.data[i];
        i += inner.data[i] == quote;
    }
    *ret_text = (struct slice){copy, length};
    return true;
}

static bool parser_upper(struct parser *parser, struct slice word, struct slice *ret_text) {
    char *copy = parser_allocate(parser, word.length, 1);
    if (!copy)
        return false;
    for (size_t i = 0; i < word.length; i++)
        copy[i] = (char)toupper((unsigned char)word.data[i]);
    *ret_text = (struct slice){copy, word.length};
    return true;
}

bool parser_is_name(const struct token *token) {
    return token->kind == TOKEN_QUOTED || (token->kind == TOKEN_WORD && !keyword_reserved(token->keyword));
}

bool parser_name(struct parser *parser, struct identifier *ret_name) {
    struct identifier name = {.place = parser->token.place};
    if (!parser_is_name(&parser->token)) {
        parser_note(parser, token_kind_name(TOKEN_WORD));
        return parser_unexpected(parser);
    }
    if (parser->token.kind == TOKEN_QUOTED && parser->token.text.length == 2)
        return parser_fail(parser, name.place, "a name cannot be empty");
    bool done = parser->token.kind == TOKEN_QUOTED ? parser_unquote(parser, &parser->token, &name.name)
                                                   : parser_upper(parser, parser->token.text, &name.name);
    if (!done || !parser_advance(parser))
        return false;
    *ret_name = name;
    return true;
}

/* EMIT, PARTITION and WINDOW may be names, but before a word that belongs to them they begin a clause. */
static bool parser_begins_clause(const struct parser *parser) {
    enum keyword keyword = parser->token.keyword, next = parser->next.keyword;
    if (keyword == KEYWORD_PARTITION)
        return next == KEYWORD_BY;
    if (keyword != KEYWORD_EMIT && keyword != KEYWORD_WINDOW)
        return false;
    bool other_clause =
        keyword_reserved(next) || next == KEYWORD_EMIT || next == KEYWORD_WINDOW || next == KEYWORD_PARTITION;
    return parser->next.kind == TOKEN_WORD && !other_clause;
}

bool parser_alias(struct parser *parser, struct identifier *ret_alias) {
    bool as;
    if (!parser_take_keyword(parser, KEYWORD_AS, &as))
        return false;
    if (as)
        return parser_name(parser, ret_alias);
    if (!parser_is_name(&parser->token) || parser_begins_clause(parser))
        return true;
    parser->alias = parser->token;
    if (!parser_name(parser, ret_alias))
        return false;
    parser->alias_next = parser->token.place;
    return true;
}

bool parser_exact_name(struct parser *parser, struct identifier *ret_name) {
    struct identifier name = {parser->token.text, parser->token.place};
    bool quoted = parser->token.kind == TOKEN_QUOTED || parser->token.kind == TOKEN_STRING;
    if (!quoted && !parser_is_name(&parser->token)) {
        parser_note(parser, token_kind_name(TOKEN_WORD));
        return parser_unexpected(parser);
    }
    if (quoted && parser->token.text.length == 2)
        return parser_fail(parser, name.place, "a name cannot be empty");
    if ((quoted && !parser_unquote(parser, &parser->token, &name.name)) || !parser_advance(parser))
        return false;
    *ret_name = name;
    return true;
}

bool parser_name_list(struct parser *parser, struct identifier **ret_names, size_t *ret_count) {
    size_t start = parser->pending_count;
    bool more = true;
    if (!parser_expect(parser, TOKEN_LEFT_PARENTHESIS))
        return false;
    while (more) {
        struct identifier *name = parser_allocate(parser, 1, sizeof *name);
        if (!name || !parser_name(parser, name) || !parser_push(parser, name) ||
            !parser_take(parser, TOKEN_COMMA, &more))
            return false;
    }
    return parser_expect(parser, TOKEN_RIGHT_PARENTHESIS) &&
           parser_pop_structs(parser, start, sizeof **ret_names, ret_names, ret_count);
}

/* --- literals
 * ------------------------------------------------------------------------------------------------------------------ */

bool parser_string(struct parser *parser, struct slice *ret_text) {
    if (!parser_at(parser, TOKEN_STRING))
        return parser_unexpected(parser);
    return parser_unquote(parser, &parser->token, ret_text) && parser_advance(parser);
}

bool parser_whole_number(struct parser *parser, int64_t *ret_number) {
    if (!parser_at(parser, TOKEN_INTEGER))
        return parser_unexpected(parser);
    if (!number_read_integer(parser->token.text, ret_number))
        return parser_fail(parser, parser->token.place, "the number is out of range: at most 9223372036854775807");
    return parser_advance(parser);
}

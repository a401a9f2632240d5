/* One function for each kind of token. What cannot be a token is refused with its place; a quote or a comment that
 * does not end is named at its beginning. */
#include "sql/syntax/lexer.h"
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>

enum { LEXER_SHOWN_MAXIMUM = 40 };

static bool lexer_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool lexer_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool lexer_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

void place_advance(struct place *place, const char *character, size_t length) {
    place->offset += (uint32_t)length;
    place->column++;
    if (*character == '\n') {
        place->line++;
        place->column = 1;
    }
}

int place_error(struct error *error, struct place place, const char *format, ...) {
    char message[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return error_set(error, ERROR_INVALID, "line %u, column %u: %s", place.line, place.column, message);
}

static char lexer_byte(const struct lexer *lexer, size_t ahead) {
    return lexer->text.length - lexer->at > ahead ? lexer->text.data[lexer->at + ahead] : '\0';
}

/* At the edge of a patch the place jumps; patches may be empty. */
static void lexer_settle(struct lexer *lexer) {
    while (lexer->patch_count && lexer->at >= lexer->patches->start) {
        lexer->place = lexer->patches->place;
        if (lexer->at < lexer->patches->end)
            return;
        lexer->place = lexer->patches->after;
        lexer->patches++;
        lexer->patch_count--;
    }
}

/* Moves over `length` bytes, keeping the place. */
static void lexer_move(struct lexer *lexer, size_t length) {
    size_t end = lexer->at + length;
    while (lexer->at < end) {
        size_t character = utf8_length(lexer->text.data + lexer->at, lexer->text.length - lexer->at);
        bool patched = lexer->patch_count && lexer->at >= lexer->patches->start;
        if (!patched)
            place_advance(&lexer->place, lexer->text.data + lexer->at, character);
        lexer->at += character;
        lexer_settle(lexer);
    }
}

/* --- comments and quotes
 * ----------------------------------------------------------------------------------------------------------- */

/* From an opening quote to after the closing one; a doubled quote does not close. */
static size_t lexer_quoted_length(struct slice text, size_t at, bool *ret_finished) {
    const char *first = text.data + at, *end = text.data + text.length, *next = first + 1;
    *ret_finished = false;
    while (next < end && (next = memchr(next, *first, (size_t)(end - next)))) {
        if (next + 1 == end || next[1] != *first) {
            *ret_finished = true;
            return (size_t)(next + 1 - first);
        }
        next += 2;
    }
    return text.length - at;
}

static size_t lexer_comment_length(struct slice text, size_t at, bool *ret_finished) {
    const char *first = text.data + at;
    size_t left = text.length - at;
    *ret_finished = true;
    if (left >= 2 && first[0] == '-' && first[1] == '-') {
        const char *line = memchr(first, '\n', left);
        return line ? (size_t)(line - first) : left;
    }
    if (left >= 2 && first[0] == '/' && first[1] == '*') {
        const char *close = memmem(first + 2, left - 2, "*/", 2);
        *ret_finished = close != NULL;
        return close ? (size_t)(close + 2 - first) : left;
    }
    return 0;
}

size_t lexer_skip_length(struct slice text, size_t at, bool *ret_comment, bool *ret_finished) {
    char c = text.data[at];
    size_t length = lexer_comment_length(text, at, ret_finished);
    *ret_comment = length > 0;
    if (length == 0 && (c == '\'' || c == '"' || c == '`'))
        length = lexer_quoted_length(text, at, ret_finished);
    return length;
}

static int lexer_space_and_comments(struct lexer *lexer, struct error *error) {
    bool finished;
    lexer_settle(lexer);
    while (lexer->at < lexer->text.length) {
        size_t length = lexer_space(lexer_byte(lexer, 0)) ? 1 : lexer_comment_length(lexer->text, lexer->at, &finished);
        if (length == 0)
            return 0;
        if (length > 1 && !finished)
            return place_error(error, lexer->place, "the comment that begins here does not end; close it with */");
        lexer_move(lexer, length);
    }
    return 0;
}

/* --- tokens
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t lexer_digits(const struct lexer *lexer, size_t from) {
    while (lexer_digit(lexer_byte(lexer, from)))
        from++;
    return from;
}

/* 12, 1.5, .5, 1., 1E3, 1.5e-3; a letter right after is no number. */
static size_t lexer_number(const struct lexer *lexer, enum token_kind *ret_kind) {
    size_t length = lexer_digits(lexer, 0);
    *ret_kind = TOKEN_INTEGER;
    if (lexer_byte(lexer, length) == '.') {
        *ret_kind = TOKEN_DECIMAL;
        length = lexer_digits(lexer, length + 1);
    }
    if ((lexer_byte(lexer, length) | 0x20) == 'e') {
        char sign = lexer_byte(lexer, length + 1);
        size_t exponent = length + (sign == '+' || sign == '-' ? 2 : 1), end = lexer_digits(lexer, exponent);
        if (end > exponent) {
            *ret_kind = TOKEN_DOUBLE;
            length = end;
        }
    }
    return length;
}

struct lexer_symbol {
    const char *text;
    enum token_kind kind;
};

/* Longer ones first. */
static const struct lexer_symbol lexer_symbols[] = {
    {"->", TOKEN_ARROW},
    {"=>", TOKEN_LAMBDA_ARROW},
    {":=", TOKEN_ASSIGN},
    {"<>", TOKEN_NOT_EQUAL},
    {"!=", TOKEN_NOT_EQUAL},
    {"<=", TOKEN_LESS_EQUAL},
    {">=", TOKEN_GREATER_EQUAL},
    {"||", TOKEN_CONCAT},
    {"(", TOKEN_LEFT_PARENTHESIS},
    {")", TOKEN_RIGHT_PARENTHESIS},
    {"[", TOKEN_LEFT_BRACKET},
    {"]", TOKEN_RIGHT_BRACKET},
    {",", TOKEN_COMMA},
    {".", TOKEN_DOT},
    {";", TOKEN_SEMICOLON},
    {":", TOKEN_COLON},
    {"=", TOKEN_EQUAL},
    {"<", TOKEN_LESS},
    {">", TOKEN_GREATER},
    {"+", TOKEN_PLUS},
    {"-", TOKEN_MINUS},
    {"*", TOKEN_STAR},
    {"/", TOKEN_SLASH},
    {"%", TOKEN_PERCENT},
};

static size_t lexer_symbol(const struct lexer *lexer, enum token_kind *ret_kind) {
    for (size_t i = 0; i < sizeof lexer_symbols / sizeof *lexer_symbols; i++) {
        const struct lexer_symbol *symbol = &lexer_symbols[i];
        if (lexer_byte(lexer, 0) == symbol->text[0] && (!symbol->text[1] || lexer_byte(lexer, 1) == symbol->text[1])) {
            *ret_kind = symbol->kind;
            return symbol->text[1] ? 2 : 1;
        }
    }
    return 0;
}

static bool lexer_high(char c) {
    return (unsigned char)c >= 0x80;
}

/* A bare name with letters that it may not have. */
static int lexer_refuse_name(const struct lexer *lexer, struct error *error) {
    const char *at = lexer->text.data + lexer->at;
    size_t left = lexer->text.length - lexer->at, shown = 0;
    while (shown < LEXER_SHOWN_MAXIMUM && shown < left &&
           (lexer_letter(at[shown]) || lexer_digit(at[shown]) || lexer_high(at[shown])))
        shown += utf8_length(at + shown, left - shown);
    return place_error(error, lexer->place, "a name with other letters than A to Z needs backticks: `%.*s`", (int)shown,
                       at);
}

static int lexer_refuse(const struct lexer *lexer, struct error *error) {
    const char *at = lexer->text.data + lexer->at;
    if (*at == '$' && lexer_byte(lexer, 1) == '{') {
        const char *close = memchr(at, '}', lexer->text.length - lexer->at);
        size_t name = close ? (size_t)(close - at) - 2 : 0;
        if (name && name <= LEXER_SHOWN_MAXIMUM)
            return place_error(error, lexer->place,
                               "the variable ${%.*s} is not defined; write DEFINE %.*s = '...'; before it", (int)name,
                               at + 2, (int)name, at + 2);
    }
    if (lexer_high(*at))
        return lexer_refuse_name(lexer, error);
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
        return place_error(error, lexer->place, "the byte 0x%02x cannot stand here", (unsigned char)*at);
    return place_error(error, lexer->place, "'%c' cannot stand here", *at);
}

static int lexer_quoted(const struct lexer *lexer, size_t *ret_length, enum token_kind *ret_kind, struct error *error) {
    bool finished;
    char quote = lexer_byte(lexer, 0);
    *ret_length = lexer_quoted_length(lexer->text, lexer->at, &finished);
    *ret_kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
    if (finished)
        return 0;
    return place_error(error, lexer->place, "the %s that begins here does not end; close it with %c",
                       quote == '\'' ? "string" : "name", quote);
}

int lexer_next(struct lexer *lexer, struct token *ret_token, struct error *error) {
    int status = lexer_space_and_comments(lexer, error);
    if (status < 0)
        return status;
    struct token token = {.place = lexer->place, .text = {lexer->text.data + lexer->at, 0}};
    char c = lexer_byte(lexer, 0);
    if (lexer->at == lexer->text.length) {
        *ret_token = token;
        return 0;
    }
    if (lexer_letter(c)) {
        token.kind = TOKEN_WORD;
        while (lexer_letter(lexer_byte(lexer, token.text.length)) || lexer_digit(lexer_byte(lexer, token.text.length)))
            token.text.length++;
        if (lexer_high(lexer_byte(lexer, token.text.length)))
            return lexer_refuse_name(lexer, error);
        token.keyword = keyword_find(token.text);
    } else if (lexer_digit(c) || (c == '.' && lexer_digit(lexer_byte(lexer, 1)))) {
        token.text.length = lexer_number(lexer, &token.kind);
        if (lexer_letter(lexer_byte(lexer, token.text.length)))
            return place_error(error, lexer->place,
                               "'%.*s%c' is no number; a name that begins with a digit needs backticks",
                               (int)(token.text.length < LEXER_SHOWN_MAXIMUM ? token.text.length : LEXER_SHOWN_MAXIMUM),
                               token.text.data, lexer_byte(lexer, token.text.length));
    } else if (c == '\'' || c == '"' || c == '`') {
        if ((status = lexer_quoted(lexer, &token.text.length, &token.kind, error)) < 0)
            return status;
    } else if ((token.text.length = lexer_symbol(lexer, &token.kind)) == 0) {
        return lexer_refuse(lexer, error);
    }
    lexer_move(lexer, token.text.length);
    *ret_token = token;
    return 0;
}

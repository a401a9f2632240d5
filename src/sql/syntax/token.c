#include "sql/syntax/token.h"

#include <ctype.h>

struct keyword_row {
    struct slice name;
    bool reserved;
};

#define KEYWORD_ROW(name, reserved) {{#name, sizeof #name - 1}, reserved},
static const struct keyword_row keyword_rows[KEYWORD_COUNT] = {{{"", 0}, false}, TOKEN_KEYWORDS(KEYWORD_ROW)};
#undef KEYWORD_ROW

enum { KEYWORD_LENGTH_MAXIMUM = 16 };

enum keyword keyword_find(struct slice word) {
    char upper[KEYWORD_LENGTH_MAXIMUM];
    if (word.length > sizeof upper)
        return KEYWORD_NONE;
    for (size_t i = 0; i < word.length; i++)
        upper[i] = (char)toupper((unsigned char)word.data[i]);
    struct slice key = {upper, word.length};
    size_t low = 1, high = KEYWORD_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_compare(key, keyword_rows[middle].name);
        if (order == 0)
            return (enum keyword)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return KEYWORD_NONE;
}

const char *keyword_name(enum keyword keyword) {
    return keyword_rows[keyword].name.data;
}

bool keyword_reserved(enum keyword keyword) {
    return keyword_rows[keyword].reserved;
}

const char *token_kind_name(enum token_kind kind) {
    static const char *const names[] = {
        [TOKEN_END] = "the end of the statement",
        [TOKEN_WORD] = "a name",
        [TOKEN_QUOTED] = "a name",
        [TOKEN_STRING] = "a string in single quotes",
        [TOKEN_INTEGER] = "a whole number",
        [TOKEN_DECIMAL] = "a number",
        [TOKEN_DOUBLE] = "a number",
        [TOKEN_LEFT_PARENTHESIS] = "'('",
        [TOKEN_RIGHT_PARENTHESIS] = "')'",
        [TOKEN_LEFT_BRACKET] = "'['",
        [TOKEN_RIGHT_BRACKET] = "']'",
        [TOKEN_COMMA] = "','",
        [TOKEN_DOT] = "'.'",
        [TOKEN_SEMICOLON] = "';'",
        [TOKEN_COLON] = "':'",
        [TOKEN_ASSIGN] = "':='",
        [TOKEN_ARROW] = "'->'",
        [TOKEN_LAMBDA_ARROW] = "'=>'",
        [TOKEN_EQUAL] = "'='",
        [TOKEN_NOT_EQUAL] = "'<>'",
        [TOKEN_LESS] = "'<'",
        [TOKEN_LESS_EQUAL] = "'<='",
        [TOKEN_GREATER] = "'>'",
        [TOKEN_GREATER_EQUAL] = "'>='",
        [TOKEN_PLUS] = "'+'",
        [TOKEN_MINUS] = "'-'",
        [TOKEN_STAR] = "'*'",
        [TOKEN_SLASH] = "'/'",
        [TOKEN_PERCENT] = "'%'",
        [TOKEN_CONCAT] = "'||'",
    };
    return names[kind];
}

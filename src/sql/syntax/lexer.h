/* Lexer: the text of one statement to tokens, one at a time. A plain value: a copy of it looks ahead.
 *
 * The text may hold what variables stood for; `patches` tell which parts those are, so that places are always places
 * of the script: every byte of a patch has the place of its ${...}. The text is valid UTF-8 without NUL bytes (the
 * script checks it). */
#ifndef METERLINE_SQL_SYNTAX_LEXER_H
#define METERLINE_SQL_SYNTAX_LEXER_H

#include "core/error.h"
#include "sql/syntax/token.h"

/* What stands in for a ${...}: bytes [start, end) of the text. Ascending, not overlapping. */
struct lexer_patch {
    size_t start, end;
    struct place place, after; /* of the "$" and of what follows the "}" */
};

struct lexer {
    struct slice text;
    size_t at;
    struct place place; /* of text[at] */
    const struct lexer_patch *patches;
    size_t patch_count; /* those not yet passed */
};

/* The next token, TOKEN_END at the end. ERROR_INVALID with line and column: a quote or comment that does not end, a
 * number or character that cannot be. */
int lexer_next(struct lexer *lexer, struct token *ret_token, struct error *error);
/* Moves a place after one character of `length` bytes. */
void place_advance(struct place *place, const char *character, size_t length);
/* ERROR_INVALID with "line L, column C: " before the message. */
int place_error(struct error *error, struct place place, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Length of a comment or a quoted text that begins at text[at], of an unfinished one to the end of the text; 0 when
 * none begins there. Sets *ret_finished and *ret_comment. */
size_t lexer_skip_length(struct slice text, size_t at, bool *ret_comment, bool *ret_finished);

#endif

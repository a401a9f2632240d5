/* Inside of the parser: the state that its files share. The door is script.h.
 *
 * Recursive descent with two tokens in view. A function that parses returns NULL or false once parser->error is
 * filled, and the caller does the same. Whatever is tried at the current token is noted as expected there, so that a
 * message can say what could have stood there. */
#ifndef METERLINE_SQL_SYNTAX_PARSER_H
#define METERLINE_SQL_SYNTAX_PARSER_H

#include "core/arena.h"
#include "core/error.h"
#include "sql/syntax/lexer.h"

enum { PARSER_EXPECTED_MAXIMUM = 32 };

struct parser {
    struct arena *arena;
    struct error *error;
    struct lexer lexer; /* stands after `next` */
    struct token token, next;
    struct token alias;      /* the last name taken as an alias without AS: perhaps a misspelt keyword */
    struct place alias_next; /* of the token after it */
    const char *expected[PARSER_EXPECTED_MAXIMUM]; /* at `token` */
    size_t expected_count;
    unsigned depth; /* of recursion */
    void **pending; /* items of lists that are being read; owned: free() */
    size_t pending_count, pending_capacity;
    int status; /* of the first error */
};

/* --- for script.c and properties.c
 * ------------------------------------------------------------------------------------------------- */

int parser_statement(const struct lexer *lexer, struct arena *arena, struct statement **ret_statement,
                     struct error *error);
int parser_lone_expression(const struct lexer *lexer, struct arena *arena, struct expression **ret_expression,
                           struct error *error);
int parser_lone_duration(const struct lexer *lexer, struct arena *arena, struct duration *ret_duration,
                         struct error *error);
/* One name or more, with `separator` between them. */
int parser_lone_names(const struct lexer *lexer, enum token_kind separator, struct arena *arena,
                      struct identifier **ret_names, size_t *ret_count, struct error *error);
int parser_lone_type(const struct lexer *lexer, struct arena *arena, struct type_name **ret_type, struct error *error);

/* --- tokens (parser.c)
 * ------------------------------------------------------------------------------------------------------------- */

bool parser_start(struct parser *parser, const struct lexer *lexer, struct arena *arena, struct error *error);
int parser_finish(struct parser *parser); /* the statement's end must have come; frees; returns the status */
bool parser_advance(struct parser *parser);
/* Does the current token look like this? Notes it as expected. */
bool parser_at(struct parser *parser, enum token_kind kind);
bool parser_at_keyword(struct parser *parser, enum keyword keyword);
bool parser_at_keywords(struct parser *parser, enum keyword first, enum keyword second);
/* Passes the token when it is there; *ret_found says whether it was. False: an error in the text after it. */
bool parser_take(struct parser *parser, enum token_kind kind, bool *ret_found);
bool parser_take_keyword(struct parser *parser, enum keyword keyword, bool *ret_found);
/* Both keywords or nothing: "GRACE PERIOD", "IF EXISTS". */
bool parser_take_keywords(struct parser *parser, enum keyword first, enum keyword second, bool *ret_found);
/* Passes the token, or fails. */
bool parser_expect(struct parser *parser, enum token_kind kind);
bool parser_expect_keyword(struct parser *parser, enum keyword keyword);
void parser_note(struct parser *parser, const char *expected);

/* --- errors: always false
 * ---------------------------------------------------------------------------------------------------------- */

bool parser_unexpected(struct parser *parser);
bool parser_fail(struct parser *parser, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool parser_no_memory(struct parser *parser);
/* Recursion: every entry needs its leave. */
bool parser_enter(struct parser *parser);
void parser_leave(struct parser *parser);
bool parser_check_height(struct parser *parser, struct place place, unsigned height);

/* --- texts and lists (parser_text.c)
 * ----------------------------------------------------------------------------------------------- */

void *parser_allocate(struct parser *parser, size_t count, size_t size); /* zeroed */
bool parser_push(struct parser *parser, const void *item);
/* The items pushed since `start`, as an array in the arena. */
bool parser_pop(struct parser *parser, size_t start, void *ret_items, size_t *ret_count);
/* The same for items that are structs: an array of the structs themselves. */
bool parser_pop_structs(struct parser *parser, size_t start, size_t size, void *ret_items, size_t *ret_count);

/* Is the token a name: quoted, or a bare word that is not reserved? */
bool parser_is_name(const struct token *token);
bool parser_name(struct parser *parser, struct identifier *ret_name);
/* [AS] name; untouched when there is none. */
bool parser_alias(struct parser *parser, struct identifier *ret_alias);
/* A name or a string, letter for letter as written. */
bool parser_exact_name(struct parser *parser, struct identifier *ret_name);
bool parser_string(struct parser *parser, struct slice *ret_text);
bool parser_whole_number(struct parser *parser, int64_t *ret_number);                           /* not negative */
bool parser_name_list(struct parser *parser, struct identifier **ret_names, size_t *ret_count); /* (a, b) */
/* The quoted text of a token without its quotes, doubled quotes as one. */
bool parser_unquote(struct parser *parser, const struct token *token, struct slice *ret_text);

/* --- the grammar
 * ------------------------------------------------------------------------------------------------------------------ */

struct expression *parser_expression(struct parser *parser);        /* parser_expression.c */
struct expression *parser_select_expression(struct parser *parser); /* a->* too */
struct expression *parser_argument(struct parser *parser);          /* a lambda too */
struct expression *parser_primary(struct parser *parser); /* parser_primary.c: with subscripts and fields after it */
struct expression *parser_literal(struct parser *parser); /* parser_primary.c: a literal, perhaps with a sign */
struct expression *parser_node(struct parser *parser, enum expression_kind kind, struct place place);
/* Takes the children pushed since `start` and the height that follows from them. */
bool parser_adopt(struct parser *parser, struct expression *node, size_t start);
/* Expressions with commas between, pushed; at least one. */
bool parser_push_expressions(struct parser *parser);
bool parser_expression_list(struct parser *parser, struct expression_list *ret_list);
struct type_name *parser_type(struct parser *parser);                        /* parser_type.c */
bool parser_duration(struct parser *parser, struct duration *ret_duration);  /* parser_select.c: 5 MINUTES */
bool parser_window(struct parser *parser, struct window_clause *ret_window); /* parser_window.c: WINDOW .., or none */
struct select_query *parser_select(struct parser *parser);                   /* parser_select.c */
bool parser_columns(struct parser *parser, struct column_list *ret_columns); /* parser_create.c: (a INT KEY, ..) */
bool parser_properties(struct parser *parser,
                       struct property_list *ret_list); /* parser_create.c: WITH (..), when it is there */
bool parser_create(struct parser *parser, struct statement *statement); /* parser_create.c: what follows CREATE */
bool parser_source(struct parser *parser,
                   struct create_statement *create);           /* parser_create.c: name (columns) WITH (..) */
struct statement *parser_any_statement(struct parser *parser); /* parser_statement.c */

#endif

/* Tokens of the SQL dialect: kinds, keywords and how messages call them.
 *
 * Reserved keywords cannot be names unless quoted. The others are keywords only where a clause may begin with them,
 * so that columns may be called KEY, TYPE or SIZE. Names of types and units of time are no keywords. */
#ifndef METERLINE_SQL_SYNTAX_TOKEN_H
#define METERLINE_SQL_SYNTAX_TOKEN_H

#include "core/slice.h"
#include "sql/syntax/ast.h"
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,    /* of the statement */
    TOKEN_WORD,   /* bare name or keyword */
    TOKEN_QUOTED, /* `name` or "name" */
    TOKEN_STRING, /* 'text' */
    TOKEN_INTEGER,
    TOKEN_DECIMAL,
    TOKEN_DOUBLE,
    TOKEN_LEFT_PARENTHESIS,
    TOKEN_RIGHT_PARENTHESIS,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_SEMICOLON,
    TOKEN_COLON,
    TOKEN_ASSIGN,
    TOKEN_ARROW,
    TOKEN_LAMBDA_ARROW,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_CONCAT,
};

/* X(name, reserved), in alphabetical order: the table is searched by halves. */
// clang-format off
#define TOKEN_KEYWORDS(X) \
    X(ADD, false) X(ADVANCE, false) X(ALL, false) X(ALTER, false) X(AND, true) X(ARRAY, false) X(AS, true) \
    X(ASSERT, false) X(BEGINNING, false) X(BETWEEN, true) X(BY, true) X(CASE, true) X(CAST, true) X(CHANGES, false) \
    X(COLUMN, false) X(CONNECTOR, false) X(CONNECTORS, false) X(CREATE, true) X(DEFINE, false) X(DELETE, true) \
    X(DESCRIBE, true) X(DISTINCT, true) X(DROP, true) X(ELSE, true) X(EMIT, false) X(END, true) X(ESCAPE, false) \
    X(EXISTS, true) X(EXPLAIN, false) X(EXTENDED, false) X(FALSE, true) X(FINAL, false) X(FROM, true) X(FULL, true) \
    X(FUNCTION, false) X(FUNCTIONS, false) X(GRACE, false) X(GROUP, true) X(HAVING, true) X(HEADER, false) \
    X(HEADERS, false) X(HOPPING, false) X(ID, false) X(IF, false) X(IN, true) X(INNER, true) X(INSERT, true) \
    X(INTERVAL, false) X(INTO, true) X(IS, true) X(JOIN, true) X(KEY, false) X(LEFT, true) X(LIKE, true) \
    X(LIMIT, true) X(LIST, false) X(MAP, false) X(NOT, true) X(NULL, true) X(ON, true) X(OR, true) X(OUTER, true) \
    X(PARTITION, false) X(PAUSE, false) X(PERIOD, false) X(PRIMARY, false) X(PRINT, false) X(PROPERTIES, false) \
    X(QUERIES, false) X(QUERY, false) X(REPLACE, false) X(RESUME, false) X(RETENTION, false) X(RIGHT, true) \
    X(RUN, false) X(SAMPLE, false) X(SCHEMA, false) X(SCRIPT, false) X(SELECT, true) X(SESSION, false) X(SET, false) \
    X(SHOW, false) X(SINK, false) X(SIZE, false) X(SOURCE, false) X(STREAM, false) X(STREAMS, false) \
    X(STRUCT, false) X(SUBJECT, false) X(SYSTEM, false) X(TABLE, false) X(TABLES, false) X(TERMINATE, false) \
    X(THEN, true) X(TIMEOUT, false) X(TOPIC, false) X(TOPICS, false) X(TRUE, true) X(TUMBLING, false) X(TYPE, false) \
    X(TYPES, false) X(UNDEFINE, false) X(UNSET, false) X(VALUES, true) X(VARIABLES, false) X(WHEN, true) \
    X(WHERE, true) X(WINDOW, false) X(WITH, true) X(WITHIN, true)
// clang-format on

#define TOKEN_KEYWORD_ENUMERATOR(name, reserved) KEYWORD_##name,
enum keyword { KEYWORD_NONE, TOKEN_KEYWORDS(TOKEN_KEYWORD_ENUMERATOR) KEYWORD_COUNT };
#undef TOKEN_KEYWORD_ENUMERATOR

struct token {
    enum token_kind kind;
    enum keyword keyword; /* of a word, else KEYWORD_NONE */
    struct place place;
    struct slice text; /* as written, with quotes */
};

enum keyword keyword_find(struct slice word); /* in any case; KEYWORD_NONE: a name */
const char *keyword_name(enum keyword keyword);
bool keyword_reserved(enum keyword keyword);
/* How a message calls what is expected: "','", "a name", "a number". */
const char *token_kind_name(enum token_kind kind);

#endif

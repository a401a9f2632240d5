/* Syntax trees: what the parser makes of a statement, before anything is looked up. Names are only names here, types
 * only type names.
 *
 * All nodes and texts lie in the arena that the parser was given and are not changed afterwards, so trees may share
 * parts. Identifiers are stored as they count: upper case when written bare, letter for letter between backticks or
 * double quotes.
 *
 * Heights are bounded, so a consumer may recurse over an expression or a type name: at most AST_HEIGHT_MAXIMUM
 * levels. AND and OR hold a whole chain in one node (`a AND b AND c` has three children), other chains lean left and
 * count towards the bound. */
#ifndef METERLINE_SQL_SYNTAX_AST_H
#define METERLINE_SQL_SYNTAX_AST_H

#include "core/slice.h"
#include "model/time/calendar.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AST_HEIGHT_MAXIMUM = 500 };

/* Where a node's text stands in the script; when it came from a variable, where the ${...} stands. */
struct place {
    uint32_t offset;       /* bytes, from 0 */
    uint32_t line, column; /* from 1; columns count code points */
};

struct identifier {
    struct slice name; /* data NULL: not given */
    struct place place;
};

/* --- types
 * ------------------------------------------------------------------------------------------------------------------ */

enum type_name_kind {
    TYPE_NAME_PLAIN,  /* `name`: BIGINT, VARCHAR, DECIMAL(p, s), or a type made by CREATE TYPE */
    TYPE_NAME_ARRAY,  /* element in parts[0] */
    TYPE_NAME_MAP,    /* key in parts[0], value in parts[1] */
    TYPE_NAME_STRUCT, /* parts, called names[i].name */
};

struct type_name {
    enum type_name_kind kind;
    struct place place;
    struct slice name;        /* as an identifier counts: upper case unless quoted */
    bool quoted;              /* written in quotes: never a built-in type */
    unsigned parameter_count; /* of DECIMAL(p, s): 0 to 2 */
    int32_t parameters[2];
    struct type_name **parts;
    struct identifier *names; /* of a STRUCT's fields, else NULL */
    size_t part_count;
    unsigned height;
};

/* --- expressions
 * ------------------------------------------------------------------------------------------------------------------ */

enum expression_kind {
    EXPRESSION_NULL,
    EXPRESSION_BOOLEAN, /* `boolean` */
    /* `integer`: INT when it fits 32 bits, else BIGINT; a minus before a number is part of it, also in the next two */
    EXPRESSION_INTEGER,
    /* `text`: perhaps a minus, digits, one point with digits on at least one side: 1.5 is DECIMAL(2, 1) */
    EXPRESSION_DECIMAL,
    EXPRESSION_DOUBLE, /* `number`, finite; `text`: as written, with exponent */
    EXPRESSION_STRING, /* `text`, unescaped */
    /* `name`, `qualifier` (data NULL: none); also a time unit as an argument (DATEADD(DAYS, 1, d)) and a lambda's
     * parameter */
    EXPRESSION_COLUMN,
    EXPRESSION_UNARY,      /* operator NEGATE, PLUS or NOT: [operand] */
    EXPRESSION_BINARY,     /* operator ADD .. IS_NOT_DISTINCT: [left, right] */
    EXPRESSION_LOGICAL,    /* operator AND or OR: [two or more, evaluated left to right] */
    EXPRESSION_BETWEEN,    /* [operand, low, high], `negated` */
    EXPRESSION_IN,         /* [operand, one or more items], `negated` */
    EXPRESSION_LIKE,       /* [operand, pattern], `negated`; `text`: the ESCAPE character, data NULL: none */
    EXPRESSION_IS_NULL,    /* [operand], `negated` */
    EXPRESSION_CASE,       /* [operand when `has_operand`, then when, then, when, then .., else when `has_else`] */
    EXPRESSION_CAST,       /* [operand], `type` */
    EXPRESSION_CALL,       /* function `name`: [arguments]; `star`: COUNT(*) */
    EXPRESSION_ARRAY,      /* ARRAY[..]: [items] */
    EXPRESSION_MAP,        /* MAP(k := v, ..): [key, value, key, value ..] */
    EXPRESSION_STRUCT,     /* STRUCT(f := v, ..): [values], called names[i].name */
    EXPRESSION_SUBSCRIPT,  /* a[i]: [base, index] */
    EXPRESSION_FIELD,      /* a->f: [base], `name` */
    EXPRESSION_ALL_FIELDS, /* a->*: [base]; only as an item of a SELECT */
    EXPRESSION_LAMBDA, /* x => .., (x, y) => ..: [body], parameters names[name_count]; only as an argument of a CALL */
};

enum expression_operator {
    OPERATOR_NONE,
    OPERATOR_NEGATE,
    OPERATOR_PLUS,
    OPERATOR_NOT,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_MODULO,
    OPERATOR_CONCAT,
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_IS_DISTINCT,
    OPERATOR_IS_NOT_DISTINCT,
    OPERATOR_AND,
    OPERATOR_OR,
};

/* One node. Every sub-expression is in `children`, laid out as the kinds say, so that a walk over all of them needs
 * no switch. */
struct expression {
    enum expression_kind kind;
    enum expression_operator op;
    struct place place; /* of the operator between or before its operands, else of the first token */
    struct expression **children;
    size_t child_count;
    unsigned height; /* 1 for a leaf */
    bool negated, star, has_operand, has_else;
    bool boolean;
    int64_t integer;
    double number;
    struct slice text;
    struct slice name, qualifier;
    struct type_name *type;
    struct identifier *names;
    size_t name_count;
};

/* --- queries
 * ------------------------------------------------------------------------------------------------------------------ */

struct duration {
    int64_t milliseconds; /* -1: not given */
    struct place place;
};

enum select_item_kind {
    SELECT_EXPRESSION, /* `expression`, `alias` */
    SELECT_ALL,        /* * */
    SELECT_ALL_OF,     /* `source`.* */
};

struct select_item {
    enum select_item_kind kind;
    struct place place;
    struct expression *expression;
    struct identifier alias, source;
};

struct source_reference {
    struct identifier name, alias;
};

enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL };

struct join {
    enum join_kind kind;
    struct place place;
    struct source_reference source;
    struct duration before, after; /* both or none; WITHIN d gives both the same */
    struct duration grace;         /* of WITHIN */
    struct expression *on;
};

enum window_kind { WINDOW_NONE, WINDOW_TUMBLING, WINDOW_HOPPING, WINDOW_SESSION };

/* A size as it is written: 1 DAY, 2 WEEKS. */
struct calendar_size {
    int64_t count; /* of `unit`; ms of parts of a day */
    enum calendar_unit unit;
};

/* TIMEZONE and what belongs to it: windows are of a calendar (model/time/calendar.h). */
struct calendar_clause {
    struct slice zone; /* NULL data: there is none */
    struct place place;
    struct calendar_size size, advance;
    struct slice starting; /* "SUNDAY", "15", "10-01"; NULL data: not given */
    struct duration offset;
};

struct window_clause {
    enum window_kind kind;
    struct place place;
    struct duration size, advance, retention, grace; /* a session's gap is its size; 0 ms: of units of a calendar */
    struct calendar_clause calendar;
};

enum emit_kind { EMIT_DEFAULT, EMIT_CHANGES, EMIT_FINAL };

struct expression_list {
    struct expression **items;
    size_t count;
    struct place place; /* of GROUP or PARTITION */
};

struct select_query {
    struct place place;
    struct select_item *items;
    size_t item_count;
    struct source_reference from;
    struct join *joins;
    size_t join_count;
    struct window_clause window;
    struct expression *where; /* NULL: none; so is having */
    struct expression_list group_by, partition_by;
    struct expression *having;
    enum emit_kind emit;
    struct place emit_place;
    int64_t limit; /* -1: none */
};

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

/* Of WITH (...): the name as an identifier counts (a name in single quotes stays as it is); the value is a literal,
 * perhaps with a sign. */
struct property {
    struct identifier name;
    struct expression *value;
};

struct property_list {
    struct property *items;
    size_t count;
    struct place place; /* of WITH */
};

enum column_role { COLUMN_VALUE, COLUMN_KEY, COLUMN_PRIMARY_KEY, COLUMN_HEADERS, COLUMN_HEADER };

struct column_declaration {
    struct identifier name;
    struct type_name *type;
    enum column_role role;
    struct slice header; /* of HEADER('name') */
};

struct column_list {
    struct column_declaration *items;
    size_t count;
};

enum object_kind {
    OBJECT_STREAM,
    OBJECT_TABLE,
    OBJECT_CONNECTOR,
    OBJECT_TYPE,
    OBJECT_TOPIC,
    OBJECT_SCHEMA,
    OBJECT_FUNCTION
};

enum statement_kind {
    STATEMENT_CREATE,           /* create: STREAM or TABLE, with columns or AS SELECT */
    STATEMENT_INSERT_VALUES,    /* insert */
    STATEMENT_INSERT_SELECT,    /* insert */
    STATEMENT_SELECT,           /* select */
    STATEMENT_DROP,             /* drop */
    STATEMENT_ALTER,            /* alter: ADD COLUMN */
    STATEMENT_CREATE_CONNECTOR, /* connector */
    STATEMENT_CREATE_TYPE,      /* type */
    STATEMENT_SHOW,             /* show */
    STATEMENT_DESCRIBE,         /* describe */
    STATEMENT_EXPLAIN,          /* explain */
    STATEMENT_TERMINATE,        /* target */
    STATEMENT_PAUSE,            /* target */
    STATEMENT_RESUME,           /* target */
    STATEMENT_SET,              /* setting */
    STATEMENT_UNSET,            /* setting */
    STATEMENT_ALTER_SYSTEM,     /* setting */
    STATEMENT_DEFINE,           /* setting; has taken effect in the script's variables */
    STATEMENT_UNDEFINE,         /* setting */
    STATEMENT_PRINT,            /* print */
    STATEMENT_ASSERT,           /* assert */
    STATEMENT_RUN_SCRIPT,       /* file */
};

struct create_statement {
    enum object_kind object; /* STREAM or TABLE */
    bool or_replace, if_not_exists;
    bool read_only; /* CREATE SOURCE STREAM: written by others only */
    struct identifier name;
    struct column_list columns;
    struct property_list properties;
    struct select_query *query; /* NULL: declared */
};

struct insert_statement {
    struct identifier name;
    struct identifier *columns; /* of VALUES; column_count 0: all, in order */
    size_t column_count;
    struct expression_list values;
    struct property_list properties;
    struct select_query *query;
};

struct drop_statement {
    enum object_kind object; /* STREAM, TABLE, CONNECTOR or TYPE */
    bool if_exists, delete_topic;
    struct identifier name;
};

struct alter_statement {
    enum object_kind object;
    struct identifier name;
    struct column_list columns;
};

struct connector_statement {
    bool sink; /* else SOURCE */
    bool if_not_exists;
    struct identifier name;
    struct property_list properties;
};

struct type_statement {
    bool if_not_exists;
    struct identifier name;
    struct type_name *type;
};

enum show_kind {
    SHOW_STREAMS,
    SHOW_TABLES,
    SHOW_QUERIES,
    SHOW_TOPICS,
    SHOW_FUNCTIONS,
    SHOW_PROPERTIES,
    SHOW_VARIABLES,
    SHOW_CONNECTORS,
    SHOW_TYPES,
};

struct show_statement {
    enum show_kind what;
    bool all; /* SHOW ALL TOPICS: hidden ones too */
    bool extended;
};

struct describe_statement {
    enum object_kind object;      /* STREAM (a stream or a table, whatever has the name), FUNCTION or CONNECTOR */
    bool all_streams, all_tables; /* DESCRIBE STREAMS, DESCRIBE TABLES: no name */
    bool extended;
    struct identifier name;
};

struct explain_statement {
    struct identifier query; /* data NULL: `statement` is explained */
    struct statement *statement;
};

struct target_statement {
    bool all;
    struct identifier query; /* data NULL: ALL */
};

struct setting_statement {
    struct identifier name; /* exactly as written: settings and variables know no upper-casing */
    struct slice value;
};

struct print_statement {
    struct identifier topic; /* exactly as written: topics mind their case */
    bool from_beginning;
    int64_t interval, limit; /* -1: not given */
};

enum assert_kind { ASSERT_STREAM, ASSERT_TABLE, ASSERT_TOPIC, ASSERT_SCHEMA, ASSERT_VALUES, ASSERT_NULL_VALUES };

struct assert_statement {
    enum assert_kind kind;   /* VALUES and NULL VALUES in insert (its values: the key's); STREAM and TABLE in create */
    bool not_exists;         /* of TOPIC and SCHEMA */
    struct identifier topic; /* of TOPIC; exactly as written */
    struct identifier subject; /* of SCHEMA; data NULL: not given */
    int64_t schema_id;         /* of SCHEMA; -1: not given */
    struct property_list properties;
    struct duration timeout;
    struct create_statement create;
    struct insert_statement insert;
};

struct statement {
    enum statement_kind kind;
    struct place place;
    struct slice text; /* as written with variables filled in, without the semicolon and the space around */
    union {
        struct create_statement create;
        struct insert_statement insert;
        struct select_query *select;
        struct drop_statement drop;
        struct alter_statement alter;
        struct connector_statement connector;
        struct type_statement type;
        struct show_statement show;
        struct describe_statement describe;
        struct explain_statement explain;
        struct target_statement target;
        struct setting_statement setting;
        struct print_statement print;
        struct assert_statement *assert;
        struct slice file;
    };
};

#endif

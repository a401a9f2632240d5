/* The door of the parser: a text of statements, read one by one.
 *
 *     script_open(&script, text, &variables);
 *     while ((status = script_next(&script, &arena, &statement, &error)) == 0 && statement)
 *         ...
 *
 * Statements end with a semicolon; the last one may go without. DEFINE and UNDEFINE take effect on the variables as
 * they are read, ${name} stands for a variable's value in all later statements but for comments, $${name} for the
 * characters ${name}; what is not defined is left as it is. Every message begins with "line L, column C: ". After an
 * error the script stands after the wrong statement and may go on. */
#ifndef METERLINE_SQL_SYNTAX_SCRIPT_H
#define METERLINE_SQL_SYNTAX_SCRIPT_H

#include "core/arena.h"
#include "core/error.h"
#include "sql/syntax/ast.h"
#include "sql/syntax/variables.h"

enum { SCRIPT_STATEMENT_MAXIMUM = 16 * 1024 * 1024 }; /* bytes of a statement, with its variables filled in */

struct script {
    struct slice text;
    struct place place; /* of what has not been read yet */
    struct variables *variables;
};

/* `text` must outlive the trees read from it; `variables` may be NULL: ${..} is left alone and DEFINE remembers
 * nothing. */
void script_open(struct script *script, struct slice text, struct variables *variables);
/* Sets *ret_statement to the next statement in `arena`, or to NULL at the end. */
int script_next(struct script *script, struct arena *arena, struct statement **ret_statement, struct error *error);
/* For a prompt: is every statement that begins in `text` finished by its semicolon? True for an empty text and for
 * comments only. */
bool script_complete(struct slice text);

/* A lone expression or type name, for tests and for definitions kept as text. */
int script_expression(struct slice text, struct arena *arena, struct expression **ret_expression, struct error *error);
int script_type_name(struct slice text, struct arena *arena, struct type_name **ret_type, struct error *error);

#endif

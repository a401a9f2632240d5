/* Canonical text of trees: keywords in upper case, one space between words, parentheses only where they are needed,
 * names in backticks only where they are needed. What was printed parses to the same tree, and prints the same again
 * (by a script with variables: "${" is printed as "$${"). For EXPLAIN, SHOW QUERIES, error messages and comparing
 * expressions. */
#ifndef METERLINE_SQL_SYNTAX_PRINT_H
#define METERLINE_SQL_SYNTAX_PRINT_H

#include "core/bytes.h"
#include "sql/syntax/ast.h"

void print_statement(struct bytes *to, const struct statement *statement);
void print_select(struct bytes *to, const struct select_query *query);
void print_expression(struct bytes *to, const struct expression *expression);
void print_type_name(struct bytes *to, const struct type_name *type);
/* The name as it must be written to mean itself: bare, or in backticks. */
void print_name(struct bytes *to, struct slice name);
/* In single quotes. */
void print_string(struct bytes *to, struct slice text);

#endif

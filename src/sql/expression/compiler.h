/* The compiler of expressions: the state that its files share. The door is compile.h.
 *
 * Functions return 0 or a negative enum error_code with compiler->error filled. */
#ifndef METERLINE_SQL_EXPRESSION_COMPILER_H
#define METERLINE_SQL_EXPRESSION_COMPILER_H

#include "sql/expression/compile.h"
#include "sql/expression/node.h"

/* A parameter of a lambda that is being compiled; the innermost first. */
struct compiler_parameter {
    const struct compiler_parameter *outer;
    struct slice name;
    const struct type *type;
    unsigned slot;
};

struct compiler {
    const struct scope *scope;
    const struct catalog *catalog;
    const struct compile_settings *settings;
    struct arena *arena;
    struct error *error;
    const struct compiler_parameter *parameters;
    unsigned slot_count;
    const struct expression *table_call; /* the call of a table function that may be here */
};

/* A tree and what has become of it. */
struct operand {
    const struct expression *tree;
    const struct node *node;
};

/* --- compile.c
 * ------------------------------------------------------------------------------------------------------------------ */

int compiler_tree(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_operand(struct compiler *compiler, const struct expression *tree, struct operand *ret_operand);
/* All children of a tree, from `first` on; the array is in the arena. */
int compiler_children(struct compiler *compiler, const struct expression *tree, size_t first,
                      struct operand **ret_operands);
/* What a maker gave: NULL is no memory; what does not vary becomes a constant. */
int compiler_made(struct compiler *compiler, struct node *made, const struct node **ret_node);
int compiler_fail(struct compiler *compiler, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int compiler_no_memory(struct compiler *compiler);
/* The setting nested_errors_null, which the statement depends on from now on. */
bool compiler_nested_null(struct compiler *compiler);
/* "INTEGER", for a message. */
const char *compiler_type_text(struct compiler *compiler, const struct type *type);

/* --- compile_coerce.c
 * -------------------------------------------------------------------------------------------------------------- */

bool compiler_is_literal(const struct expression *tree);
bool compiler_is_null(const struct node *node); /* a bare NULL */
/* Does a bare NULL leave a part of the type open? */
bool compiler_type_is_open(const struct type *type);
/* To another type that it is known to fit. */
int compiler_convert(struct compiler *compiler, const struct node *node, const struct type *type,
                     const struct node **ret_node);
/* A literal to a type that literals may be taken for ("Literal rules" of ksqlDB's "Type Coercion"). *ret_node is
 * NULL when it cannot be. */
int compiler_convert_literal(struct compiler *compiler, const struct operand *literal, const struct type *type,
                             const struct node **ret_node);
/* The common type of a list ("Expression lists" there); NULL: they do not go together. */
int compiler_common_type(struct compiler *compiler, const struct operand *operands, size_t count,
                         const struct type **ret_type);
/* All operands to the common type. ERROR_INVALID, with `what` ("IN", "ARRAY"), when there is none. */
int compiler_unify(struct compiler *compiler, struct place place, const char *what, struct operand *operands,
                   size_t count, const struct type **ret_type);

/* --- the kinds of trees
 * ------------------------------------------------------------------------------------------------------------ */

/* compile_arithmetic.c: unary and binary operators, comparisons aside */
int compiler_unary(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_arithmetic(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);

/* compile_compare.c */
const char *compiler_operator_text(enum expression_operator op);
int compiler_compare(struct compiler *compiler, enum expression_operator op, struct place place, struct operand left,
                     struct operand right, const struct node **ret_node);
int compiler_comparison(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_between(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_in(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_like(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
/* For an operand that is needed more than once: a column or constant as it is, else a slot. *ret_slotted tells
 * which. */
int compiler_share(struct compiler *compiler, const struct node *node, const struct node **ret_shared,
                   bool *ret_slotted, unsigned *ret_slot);

/* compile_logic.c: AND, OR, IS NULL, CASE */
int compiler_check_boolean(struct compiler *compiler, const struct operand *operand, const char *what);
int compiler_logical(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_is_null_test(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);
int compiler_case(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);

/* compile_call.c */
int compiler_call(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);

/* compile_collection.c: constructors, subscripts, fields */
int compiler_collection(struct compiler *compiler, const struct expression *tree, const struct node **ret_node);

#endif

/* Nodes: what an expression is compiled to. A node computes one sub-expression for the selected rows of a batch,
 * from the vectors that its parts computed.
 *
 * Failures. What Java would throw (NULL + 1, 1 / 0) fails the row: it is marked in the frame, and the whole
 * expression is NULL for that row, whatever is computed above the failure. A frame ends at the root of the
 * expression and at whatever is guarded (arguments of functions, CASTs): there the marked rows become NULL. A row is
 * reported once for each run of an evaluator, and never when it is `absent`.
 *
 * Vectors that a node gives may be shared with a column, a constant or another node: no node writes into a vector
 * that he has not made. */
#ifndef METERLINE_SQL_EXPRESSION_NODE_H
#define METERLINE_SQL_EXPRESSION_NODE_H

#include "sql/function/function.h"
#include "sql/syntax/ast.h"
#include "stream/operator/evaluator.h"

struct node;

/* Rows that have failed, since where the guard or the root stands. */
struct node_frame {
    uint8_t *failed; /* of each row; NULL: none yet */
    size_t count;
    const char *problem; /* of the first; only of a lambda's body */
};

/* A run over a batch, or, of the body of a lambda, over the one row at hand. */
struct node_run {
    struct evaluation *evaluation;
    const struct rows *rows;
    struct node_frame *frame;
    struct vector *slots; /* values with a place: parameters of lambdas, what is needed twice */
    size_t slot_count;
    uint8_t *reported;      /* of each row; NULL: none yet */
    uint8_t *zeros;         /* NULL marks of a column without any; NULL: not needed yet */
    struct node_run *outer; /* of the body of a lambda: the run around it, */
    size_t outer_row;       /* and the row there that this run is about */
};

enum node_kind { NODE_CONSTANT, NODE_COLUMN, NODE_COMPUTED };

/* False: no memory. */
typedef bool node_function(const struct node *node, struct node_run *run, const struct selection *selected,
                           struct vector *ret_vector);

struct node {
    const struct type *type;
    node_function *run;
    enum node_kind kind;
    bool varies; /* depends on the row, the clock or chance, or fails: cannot be folded into a constant */
};

struct constant_node {
    struct node node;
    struct value value;
    struct vector vector; /* mask 0 */
};

struct column_node {
    struct node node;
    int index; /* of rows->columns, or enum scope_system */
};

/* An operator with two operands; `right` is NULL for a sign. */
struct binary_node {
    struct node node;
    enum expression_operator op;
    const struct node *left, *right;
};

static inline bool node_run(const struct node *node, struct node_run *run, const struct selection *selected,
                            struct vector *ret_vector) {
    return node->run(node, run, selected, ret_vector);
}

/* --- running (expression_run.c)
 * ---------------------------------------------------------------------------------------------------- */

/* A vector with room for all rows of the run. */
bool node_allocate(struct node_run *run, const struct type *type, struct vector *ret_vector);
/* The same, with no row NULL. */
bool node_allocate_filled(struct node_run *run, const struct type *type, const struct selection *selected,
                          struct vector *ret_vector);
/* NULL in every row. */
bool node_all_null(struct node_run *run, const struct type *type, struct vector *ret_vector);
/* Room for as many rows as `selected` has; empty. */
bool node_selection(struct node_run *run, const struct selection *selected, struct selection *ret_selection);
/* Marks and reports the row. */
bool node_fail(struct node_run *run, size_t row, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Runs the node in a frame of its own: rows that fail are NULL. */
bool node_run_guarded(const struct node *node, struct node_run *run, const struct selection *selected,
                      struct vector *ret_vector);
/* Where a function keeps what it compiled: one place for each node and thread. NULL: no memory. */
void **node_state(struct node_run *run, const struct node *node, const struct function *function);
struct time_zones *node_time_zones(struct node_run *run); /* NULL: no memory */
/* A run over nothing but row `row` of `outer`, in an evaluation of its own. */
bool node_run_inside(struct node_run *outer, size_t row, struct evaluation *evaluation, struct node_run *ret_run);

/* --- evaluators (expression_evaluator.c)
 * ------------------------------------------------------------------------------------------- */

/* NULL: no memory. */
const struct evaluator *node_evaluator(struct arena *arena, const struct node *root, size_t slot_count);
/* The value of a node that does not vary. *ret_failed: it fails. False: no memory. */
bool node_evaluate(struct arena *arena, const struct node *node, size_t slot_count, struct value *ret_value,
                   bool *ret_failed);

/* --- makers: NULL: no memory
 * ------------------------------------------------------------------------------------------------------- */

/* expression_leaf.c */
const struct node *node_constant(struct arena *arena, const struct type *type, const struct value *value);
const struct node *node_column(struct arena *arena, const struct type *type, int index);
const struct node *node_slot(struct arena *arena, const struct type *type, unsigned slot);
/* `body` with `value` in the slot. */
struct node *node_let(struct arena *arena, unsigned slot, const struct node *value, const struct node *body);

/* kernel_arithmetic.c: operands are coerced: both INTEGER or BIGINT or DOUBLE as the result is, or both DECIMAL. */
struct node *node_arithmetic(struct arena *arena, enum expression_operator op, const struct type *type,
                             const struct node *left, const struct node *right);
struct node *node_negate(struct arena *arena, const struct node *operand);

/* kernel_text.c: + fails on NULL, || takes it as an empty text. */
struct node *node_concat(struct arena *arena, enum expression_operator op, const struct node *left,
                         const struct node *right);
struct node *node_like(struct arena *arena, const struct node *operand, const struct node *pattern, struct slice escape,
                       bool negated);

/* kernel_compare.c: = <> < <= > >= and IS [NOT] DISTINCT FROM. Operands are of one type, or DECIMAL with DECIMAL or
 * DOUBLE, or INTEGER with BIGINT. */
struct node *node_compare(struct arena *arena, enum expression_operator op, const struct node *left,
                          const struct node *right);
struct node *node_in(struct arena *arena, const struct node *operand, const struct node *const *items, size_t count,
                     bool negated);

/* kernel_logic.c */
struct node *node_logical(struct arena *arena, enum expression_operator op, const struct node *const *parts,
                          size_t count);
struct node *node_not(struct arena *arena, const struct node *operand);
struct node *node_is_null(struct arena *arena, const struct node *operand, bool negated);
/* [when, then, when, then .., else]; the last may be missing. Results are all of `type`. */
struct node *node_case(struct arena *arena, const struct type *type, const struct node *const *parts, size_t count);

/* kernel_cast.c. `guarded`: what fails in the operand or in the CAST is NULL to what is around it. */
struct node *node_cast(struct arena *arena, const struct type *type, const struct node *operand, bool guarded);

/* kernel_collection.c */
struct node *node_sequence(struct arena *arena, const struct type *type, const struct node *const *items, size_t count,
                           bool guarded); /* ARRAY, MAP, STRUCT */
struct node *node_struct_of(struct arena *arena, const struct type *type, const struct evaluator *const *parts);
struct node *node_subscript(struct arena *arena, const struct node *base, const struct node *index);
struct node *node_field(struct arena *arena, const struct type *type, const struct node *base, size_t field);

/* kernel_call.c */
struct call_argument {
    const struct node *node; /* of a lambda: its body */
    const unsigned *slots;   /* of a lambda: of its parameters; NULL: no lambda */
    const struct type *const *slot_types;
    size_t slot_count;
};
/* `place`: which one it is among the calls of a statement whose results are left to chance. */
struct node *node_call(struct arena *arena, const struct function *function, const struct function_variant *variant,
                       const struct type *result, const struct call_argument *arguments, size_t count, bool guarded,
                       uint32_t place);

/* A zeroed node of `size` bytes. */
void *node_new(struct arena *arena, size_t size, const struct type *type, node_function *run, bool varies);
struct node *node_binary(struct arena *arena, const struct type *type, node_function *run, enum expression_operator op,
                         const struct node *left, const struct node *right);

#endif

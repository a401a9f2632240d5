/* From trees to evaluators: names resolved, types checked and coerced, functions chosen, constants folded. What
 * comes out runs on columns (stream/evaluator.h).
 *
 * Rules of NULL, errors and coercion: docs/sql.md. Messages name line and column. */
#ifndef METERLINE_SQL_EXPRESSION_COMPILE_H
#define METERLINE_SQL_EXPRESSION_COMPILE_H

#include "sql/catalog/catalog.h"
#include "sql/expression/scope.h"
#include "stream/operator/evaluator.h"

/* What compiling the expressions of a statement has met; zero when the statement begins. */
struct compile_notes {
    uint32_t places;    /* calls of functions whose results are left to chance */
    bool nested_errors; /* the meaning depends on settings.nested_errors_null, */
    bool lists, sets;   /* .list_limit, .set_limit */
    bool times;         /* .strict_times */
};

/* Session settings that change the meaning of expressions. */
struct compile_settings {
    /* ksql.nested.error.set.null: a failing argument of a function or CAST counts as NULL (the default) */
    bool nested_errors_null;
    int64_t list_limit,
        set_limit; /* ksql.functions.collect_list.limit, ..collect_set.limit: most elements kept; 0: any number */
    /* ksql.timestamp.throw.on.invalid: a record without a time that can be read fails the query */
    bool strict_times;
    struct compile_notes *notes; /* of the statement; NULL: not wanted (every call of chance is the first one then) */
};

/* `catalog` knows the made types (for CAST). Evaluators lie in `arena`. */
int compile_expression(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error);
/* The same for a call of a table function: the ARRAY of the rows that it makes. */
int compile_table_call(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error);
/* The same for a condition (WHERE, HAVING): ERROR_INVALID unless it is BOOLEAN. */
int compile_condition(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                      const struct compile_settings *settings, struct arena *arena,
                      const struct evaluator **ret_evaluator, struct error *error);
/* As an assignment to a column of `type` (INSERT INTO .. VALUES, INSERT INTO .. SELECT): coerced, or ERROR_INVALID.
 * Literals may be more than their type says: compile_coerce.c. */
int compile_assignment(const struct expression *tree, const struct scope *scope, const struct catalog *catalog,
                       const struct compile_settings *settings, const struct type *type, struct arena *arena,
                       const struct evaluator **ret_evaluator, struct error *error);
/* An evaluator that gives column `index` (or a system column) as it is. NULL: no memory. */
const struct evaluator *compile_column(const struct type *type, int index, struct arena *arena);
/* An evaluator for a constant. NULL: no memory. */
const struct evaluator *compile_constant(const struct type *type, const struct value *value, struct arena *arena);
/* Is the evaluator a constant? Then its value. */
bool compile_is_constant(const struct evaluator *evaluator, struct value *ret_value);
/* The column that the evaluator gives as it is; INT_MIN: it is not that simple. */
int compile_is_column(const struct evaluator *evaluator);
/* An evaluator that makes a STRUCT of others (several key columns as one); NULL: no memory. */
const struct evaluator *compile_struct(const struct type *type, const struct evaluator *const *parts,
                                       struct arena *arena);
/* Frees evaluation.scratch (NULL is fine). It knows evaluators by their address: free it no later than the arena
 * they lie in. */
void evaluation_scratch_free(void *scratch);

#endif

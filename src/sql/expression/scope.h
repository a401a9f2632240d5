/* What names in an expression mean: the columns of the sources in view. */
#ifndef METERLINE_SQL_EXPRESSION_SCOPE_H
#define METERLINE_SQL_EXPRESSION_SCOPE_H

#include "core/error.h"
#include "model/rows.h"
#include "sql/syntax/ast.h"

/* Columns that are no vector of `rows`: an index that stands for them. */
enum scope_system {
    SCOPE_ROWTIME = -1,
    SCOPE_ROWPARTITION = -2,
    SCOPE_ROWOFFSET = -3,
    SCOPE_WINDOWSTART = -4,
    SCOPE_WINDOWEND = -5
};

struct scope_column {
    struct slice qualifier; /* alias or name of its source; data NULL: none */
    struct slice name;
    const struct type *type;
    int index; /* into rows->columns, or enum scope_system */
};

struct scope {
    const struct scope_column *columns;
    size_t column_count;
    /* NULL, or why columns may not be used here: "in the values of INSERT INTO"; then every column is an error with
     * this text */
    const char *forbidden;
};

/* The column that a reference means. ERROR_INVALID with the place: unknown (and the nearest name), ambiguous, or
 * forbidden. */
int scope_find(const struct scope *scope, const struct expression *column, const struct scope_column **ret_column,
               struct error *error);

#endif

/* Trees compared and rebuilt: how the planner finds GROUP BY expressions and aggregates inside of others and puts
 * columns in their place. */
#ifndef METERLINE_SQL_EXPRESSION_REWRITE_H
#define METERLINE_SQL_EXPRESSION_REWRITE_H

#include "core/arena.h"
#include "sql/expression/scope.h"

/* Do both mean the same over the scope: equal node by node, columns by what they refer to, with or without a
 * qualifier? Places do not count. */
bool expression_equal(const struct scope *scope, const struct expression *a, const struct expression *b);

/* What stands for `node`: itself (go on with its children), another tree, or NULL with the error filled. */
typedef const struct expression *expression_replace(void *context, const struct expression *node, struct error *error);
/* A copy of the tree with every node that `replace` replaces; parts without replacements are shared. What names a
 * parameter of a lambda around it is not offered: it is no column. NULL: error filled. */
const struct expression *expression_rewrite(struct arena *arena, const struct expression *tree,
                                            expression_replace *replace, void *context, struct error *error);

/* Calls `visit` for the node and all below it, parents first; stops at the first false, which it returns. */
bool expression_visit(const struct expression *tree, bool (*visit)(void *context, const struct expression *node),
                      void *context);

#endif

/* Table functions in SELECT: rows of the items of the lists that they give. */
#ifndef METERLINE_SQL_PLAN_TABLE_FUNCTION_H
#define METERLINE_SQL_PLAN_TABLE_FUNCTION_H

#include "sql/plan/plan_draft.h"

/* Takes them out of SELECT's list: their lists are computed, rows taken apart, and columns stand for the items.
 * *ret_rewritten: NULL when there are none, else for each item of SELECT its tree. */
int plan_table_functions(struct plan_draft *draft, const struct expression ***ret_rewritten, struct error *error);

#endif

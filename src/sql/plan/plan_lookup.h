/* Where the records of a pull query are, as far as WHERE says it by the key of its table. */
#ifndef METERLINE_SQL_PLAN_PLAN_LOOKUP_H
#define METERLINE_SQL_PLAN_PLAN_LOOKUP_H

#include "sql/plan/plan.h"

struct plan_lookup {
    const struct source_plan *source; /* the table */
    /* BOOLEAN, over rows of the table's key columns and the bounds of its windows; all must hold */
    const struct evaluator *const *conditions;
    size_t condition_count;
    const struct value *points; /* NULL, or the keys that are asked for: point_count rows of the key's columns, whose
                                   bytes are those of the topic's keys */
    size_t point_count;
};

/* After plan_select. *ret_lookup NULL: WHERE says nothing of the key of a single table. Lives as long as `arena` and
 * the session's sources. */
int plan_lookup(const struct plan_result *result, struct arena *arena, const struct plan_lookup **ret_lookup,
                struct error *error);

#endif

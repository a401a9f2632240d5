/* WHERE and HAVING. */
#ifndef METERLINE_STREAM_OPERATOR_FILTER_H
#define METERLINE_STREAM_OPERATOR_FILTER_H

#include "stream/operator/operator.h"

/* Rows for which the condition holds. Of a table: a change whose row no longer qualifies becomes a deletion, one
 * that never did is nothing. */
struct filter_plan {
    const struct evaluator *condition;
    bool table;
};

int filter_new(const struct filter_plan *plan, struct stream_operator *next, unsigned next_input,
               struct stream_operator **ret_operator, struct error *error);

#endif

/* New columns out of old ones, and lists taken apart. */
#ifndef METERLINE_STREAM_PROJECT_H
#define METERLINE_STREAM_PROJECT_H

#include "stream/query_plan.h"

/* `schema`: of the rows that it gives; outlives the operator, as the plan does. */
int project_new(const struct project_plan *plan, const struct row_schema *schema, struct operator *next, unsigned next_input, struct operator **ret_operator,
                struct error *error);
int flatten_new(const struct flatten_plan *plan, const struct row_schema *schema, struct operator *next, unsigned next_input, struct operator **ret_operator,
                struct error *error);

#endif

/* WHERE and HAVING. */
#ifndef METERLINE_STREAM_FILTER_H
#define METERLINE_STREAM_FILTER_H

#include "stream/query_plan.h"

int filter_new(const struct filter_plan *plan, struct operator *next, unsigned next_input, struct operator **ret_operator, struct error *error);

#endif

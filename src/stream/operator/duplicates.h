/* Rows that have come before: DUPLICATES = 'DROP' of a stream. */
#ifndef METERLINE_STREAM_OPERATOR_DUPLICATES_H
#define METERLINE_STREAM_OPERATOR_DUPLICATES_H

#include "stream/operator/operator.h"

struct duplicates_plan {
    struct row_schema schema;
    int64_t horizon; /* ms: how long after its time a row is remembered, in stream time; above 0 */
};

/* Drops rows of which every column and the time are those of a row before, within the horizon. */
int duplicates_new(const struct duplicates_plan *plan, struct stream_operator *next, unsigned next_input,
                   struct stream_operator **ret_operator, struct error *error);

#endif

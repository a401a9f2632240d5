/* New columns out of old ones, and lists taken apart. */
#ifndef METERLINE_STREAM_OPERATOR_PROJECT_H
#define METERLINE_STREAM_OPERATOR_PROJECT_H

#include "stream/operator/operator.h"

/* New columns, keys first. The columns of absent rows are NULL but for those of the key. */
struct project_plan {
    const struct evaluator *const *columns; /* schema.count of them */
    /* rows without a value are dropped (after GROUP BY and PARTITION BY of streams, as the dialect says) */
    bool drop_absent;
    bool drop_null_key;
    bool table; /* `before` is projected too */
    const struct evaluator *window_start,
        *window_end; /* BIGINT, of every row: the bounds that rows get; NULL: those that they have */
};

/* EXPLODE: each row as often as its longest list; columns computed beforehand by a projection. */
struct flatten_plan {
    const size_t *lists; /* indices of the ARRAY columns that are taken apart; schema has their element types */
    size_t list_count;
};

/* `schema`: of the rows that it gives; outlives the operator, as the plan does. */
int project_new(const struct project_plan *plan, const struct row_schema *schema, struct stream_operator *next,
                unsigned next_input, struct stream_operator **ret_operator, struct error *error);
int flatten_new(const struct flatten_plan *plan, const struct row_schema *schema, struct stream_operator *next,
                unsigned next_input, struct stream_operator **ret_operator, struct error *error);

#endif

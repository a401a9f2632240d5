/* The results of a join on their way out: pairs of rows, gathered, then made into rows of the plan's result. For the
 * joins only. */
#ifndef METERLINE_STREAM_JOIN_JOIN_OUTPUT_H
#define METERLINE_STREAM_JOIN_JOIN_OUTPUT_H

#include "stream/join/join.h"

/* One side of a pair: a row of the batch at hand, a stored row, or (both NULL) none. */
struct join_part {
    const struct rows *rows;
    size_t row;
    struct slice stored;
};

struct join_pair {
    struct join_part sides[2];
    struct value key; /* its text lives as long as the arena */
    bool absent;      /* only key columns are shown */
};

struct join_output {
    const struct join_plan *plan;
    struct stream_operator *op; /* after which results go on */
    struct operator_context *context;
    struct join_pair *pairs,
        *before; /* before: of tables with want_before, the pair that stood there, for each pair; else NULL */
    int64_t *times;
    bool stamped; /* results carry stream times (model/rows.h): what stands in `stamp` when they are added */
    int64_t stamp, *stamps;
    uint32_t *origins;
    size_t count, capacity;
};

/* Everything of an output lives in the arena of the context. */
void join_output_open(struct join_output *output, const struct join_plan *plan, struct stream_operator *op,
                      struct operator_context *context);
/* Adds a pair, and pushes what has been gathered when it is much. Stored rows are copied. `before` NULL unless the
 * plan wants it. */
int join_output_add(struct join_output *output, const struct join_pair *pair, const struct join_pair *before,
                    int64_t time, uint32_t origin, struct error *error);
/* Pushes what has been gathered. */
int join_output_flush(struct join_output *output, struct error *error);

/* Whether rows of a side (0 left, 1 right) leave without a partner. */
static inline bool join_side_outer(const struct join_plan *plan, unsigned side) {
    return plan->shape == JOIN_SHAPE_FULL || plan->shape == (side == 0 ? JOIN_SHAPE_LEFT : JOIN_SHAPE_RIGHT);
}
static inline bool join_has_key_column(const struct join_plan *plan) {
    return plan->result.count > plan->left->count + plan->right->count;
}

/* The kinds of joins, each in a file of its own. */
int join_stream_table_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                          struct stream_operator **ret_operator, struct error *error);
int join_stream_stream_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                           struct stream_operator **ret_operator, struct error *error);
int join_table_table_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                         struct stream_operator **ret_operator, struct error *error);
int join_foreign_key_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
                         struct stream_operator **ret_operator, struct error *error);

#endif

#include "stream/join/join_output.h"

static int join_refuse(struct error *error, const char *what) {
    return error_set(error, ERROR_UNSUPPORTED, "%s", what);
}

static int join_check(const struct join_plan *plan, struct error *error) {
    bool one_sided = plan->inputs == JOIN_STREAM_TABLE || plan->foreign_key;
    if (one_sided && plan->shape != JOIN_SHAPE_INNER && plan->shape != JOIN_SHAPE_LEFT)
        return join_refuse(error, plan->foreign_key ? "a foreign-key join is INNER or LEFT"
                                                    : "a join of a stream with a table is INNER or LEFT");
    if (plan->foreign_key && plan->inputs != JOIN_TABLE_TABLE)
        return join_refuse(error, "a foreign-key join is one of two tables");
    if (plan->right->windowed || (plan->left->windowed && plan->inputs != JOIN_STREAM_TABLE))
        return join_refuse(error, "a windowed source can be joined only as the stream of a join with a table");
    size_t columns = plan->left->count + plan->right->count;
    if (plan->result.count != columns && (plan->result.count != columns + 1 || plan->foreign_key))
        return error_set(error, ERROR_INVALID, "the result of a join has %zu columns, its sides %zu",
                         plan->result.count, columns);
    return 0;
}

int join_new(const struct join_plan *plan, struct stream_operator *next, unsigned next_input,
             struct stream_operator **ret_operator, struct error *error) {
    int status = join_check(plan, error);
    if (status)
        return status;
    if (plan->inputs == JOIN_STREAM_STREAM)
        return join_stream_stream_new(plan, next, next_input, ret_operator, error);
    if (plan->inputs == JOIN_STREAM_TABLE)
        return join_stream_table_new(plan, next, next_input, ret_operator, error);
    if (plan->foreign_key)
        return join_foreign_key_new(plan, next, next_input, ret_operator, error);
    return join_table_table_new(plan, next, next_input, ret_operator, error);
}

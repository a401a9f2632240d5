/* The families of aggregate functions, and what they share: how calls are typed, and states that are plain bytes. */
#ifndef METERLINE_STREAM_AGGREGATE_FUNCTION_AGGREGATES_H
#define METERLINE_STREAM_AGGREGATE_FUNCTION_AGGREGATES_H

#include "stream/aggregate/aggregate_function.h"

extern const struct aggregate_function aggregate_of_attr, aggregate_of_avg, aggregate_of_collect_list,
    aggregate_of_collect_set, aggregate_of_correlation, aggregate_of_count, aggregate_of_count_distinct,
    aggregate_of_earliest_by_offset, aggregate_of_histogram, aggregate_of_latest_by_offset, aggregate_of_max,
    aggregate_of_min, aggregate_of_stddev_samp, aggregate_of_stddev_sample, aggregate_of_sum, aggregate_of_sum_list,
    aggregate_of_topk, aggregate_of_topkdistinct;

/* The state is struct statistics; `result` knows SUM, AVG, MIN, MAX and COUNT by call->function. */
extern const struct aggregate_state_driver aggregate_statistics_driver;

/* A call that folds the first `count` arguments; its limit is -1. */
int aggregate_call_make(const struct aggregate_function *function, const struct aggregate_state_driver *driver,
                        const struct type *const *arguments, size_t count, const struct type *result, size_t state_size,
                        struct arena *arena, struct aggregate_call *ret_call, struct error *error);
/* ERROR_INVALID: "SUM does not take (STRING); it takes `takes`". */
int aggregate_call_wrong(const struct aggregate_function *function, const struct type *const *arguments, size_t count,
                         const char *takes, struct error *error);
/* A whole number from 1 on that is written in the call. */
bool aggregate_of_constant_count(const struct type *type, const struct value *constant, int64_t *ret_count);

/* Whether values of the type have an order that MIN, MAX and TOPK go by. */
bool aggregate_of_type_ordered(const struct type *type);
/* A numeric value as a double. */
double aggregate_of_number(const struct type *type, const struct value *value);
/* x + y or x - y as Java has it: whole numbers wrap in the width of their type. False: a DECIMAL overflows,
 * *ret_problem says so. */
bool aggregate_of_add(const struct type *type, struct value *sum, const struct value *value, bool minus,
                      const char **ret_problem);
/* What aggregate_of_load and _store move of a number: 8 bytes, of a DECIMAL 16. */
size_t aggregate_of_number_width(const struct type *type);
struct value aggregate_of_load(const struct type *type, const void *from);
void aggregate_of_store(const struct type *type, void *to, const struct value *value);

/* A number of rows that a stored state may have: less than 2^53 either way, so that it can go on. */
bool aggregate_of_rows_valid(int64_t count);
/* write and read of states whose bytes say everything. */
void aggregate_of_write_bytes(const struct aggregate_call *call, const void *state, struct bytes *to);
bool aggregate_of_read_bytes(const struct aggregate_call *call, const char **at, const char *end, void *state);

#endif

#include "stream/aggregate/aggregate_function.h"

#include <strings.h>

#include "stream/aggregate/function/aggregates.h"

/* By name. */
static const struct aggregate_function *const functions[] = {
    &aggregate_of_attr,
    &aggregate_of_avg,
    &aggregate_of_collect_list,
    &aggregate_of_collect_set,
    &aggregate_of_correlation,
    &aggregate_of_count,
    &aggregate_of_count_distinct,
    &aggregate_of_earliest_by_offset,
    &aggregate_of_histogram,
    &aggregate_of_latest_by_offset,
    &aggregate_of_max,
    &aggregate_of_min,
    &aggregate_of_stddev_samp,
    &aggregate_of_stddev_sample,
    &aggregate_of_sum,
    &aggregate_of_sum_list,
    &aggregate_of_topk,
    &aggregate_of_topkdistinct,
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

const struct aggregate_function *aggregate_function_find(struct slice name) {
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strlen(functions[i]->name) == name.length && strncasecmp(functions[i]->name, name.data, name.length) == 0)
            return functions[i];
    return NULL;
}

const struct aggregate_function *const *aggregate_functions(size_t *ret_count) {
    *ret_count = FUNCTIONS;
    return functions;
}

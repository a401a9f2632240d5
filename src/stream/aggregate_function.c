#include "stream/aggregate_function.h"

#include <strings.h>

#include "stream/aggregates/aggregates.h"

/* By name. */
static const struct aggregate_function *const functions[] = {
    &aggregate_attr,
    &aggregate_avg,
    &aggregate_collect_list,
    &aggregate_collect_set,
    &aggregate_correlation,
    &aggregate_count,
    &aggregate_count_distinct,
    &aggregate_earliest_by_offset,
    &aggregate_histogram,
    &aggregate_latest_by_offset,
    &aggregate_max,
    &aggregate_min,
    &aggregate_stddev_samp,
    &aggregate_stddev_sample,
    &aggregate_sum,
    &aggregate_sum_list,
    &aggregate_topk,
    &aggregate_topkdistinct,
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

/* What became of the records of a task. For every window size: read = folded + late + rejected + null + filtered
 * (conservation). */
#ifndef METERLINE_STREAM_COUNTERS_H
#define METERLINE_STREAM_COUNTERS_H

#include "stream/aggregate/window_aggregate.h"
#include <stdbool.h>
#include <stdint.h>

struct task_counters {
    uint64_t read, null, rejected, filtered;
    uint64_t folded[WINDOW_SIZES_MAXIMUM], late[WINDOW_SIZES_MAXIMUM], results[WINDOW_SIZES_MAXIMUM];
};

void task_counters_add(struct task_counters *to, const struct task_counters *more);
bool task_counters_balance(const struct task_counters *counters, size_t size_count);

#endif

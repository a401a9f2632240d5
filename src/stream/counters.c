#include "stream/counters.h"

void task_counters_add(struct task_counters *to, const struct task_counters *more) {
    to->read += more->read;
    to->null += more->null;
    to->rejected += more->rejected;
    to->filtered += more->filtered;
    for (size_t i = 0; i < WINDOW_SIZES_MAXIMUM; i++) {
        to->folded[i] += more->folded[i];
        to->late[i] += more->late[i];
        to->results[i] += more->results[i];
    }
}

bool task_counters_balance(const struct task_counters *counters, size_t size_count) {
    for (size_t i = 0; i < size_count; i++)
        if (counters->read !=
            counters->folded[i] + counters->late[i] + counters->rejected + counters->null + counters->filtered)
            return false;
    return true;
}

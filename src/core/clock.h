/* The clock, injected: tests turn time by giving their own. All times are milliseconds unless a name says otherwise. */
#ifndef METERLINE_CORE_CLOCK_H
#define METERLINE_CORE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall)(void *context);                       /* ms since the epoch, UTC */
    int64_t (*monotonic_ns)(void *context);               /* nanoseconds, never goes back */
    void (*sleep_ns)(void *context, int64_t nanoseconds); /* may return early on a signal */
    void *context;
};

extern const struct clock clock_system;

static inline int64_t clock_wall(const struct clock *clock) {
    return clock->wall(clock->context);
}
static inline int64_t clock_monotonic_ns(const struct clock *clock) {
    return clock->monotonic_ns(clock->context);
}
static inline void clock_sleep_ns(const struct clock *clock, int64_t ns) {
    clock->sleep_ns(clock->context, ns);
}

#endif

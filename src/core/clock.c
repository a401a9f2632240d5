#include "core/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t clock_system_wall(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t clock_system_monotonic(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void clock_system_sleep(void *context, int64_t nanoseconds) {
    (void)context;
    if (nanoseconds <= 0)
        return;
    struct timespec duration = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    nanosleep(&duration, NULL);
}

const struct clock clock_system = {clock_system_wall, clock_system_monotonic, clock_system_sleep, NULL};

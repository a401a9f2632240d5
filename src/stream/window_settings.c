#include <stdlib.h>

#include "core/number.h"
#include "stream/aggregate/window_aggregate.h"

enum { WINDOW_SIZE_MAXIMUM_S = 366 * 86400 };

static int window_size_compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int window_size_read(struct slice text, int64_t *ret_size, struct error *error) {
    int64_t seconds;
    if (!number_read_integer(text, &seconds))
        return error_set(error, ERROR_INVALID, "window size '%.*s' is not a whole number of seconds",
                         (int)(text.length > 40 ? 40 : text.length), text.data);
    if (seconds <= 0 || seconds > WINDOW_SIZE_MAXIMUM_S)
        return error_set(error, ERROR_INVALID, "window size %lld is out of range: 1 to %d seconds (366 days)",
                         (long long)seconds, WINDOW_SIZE_MAXIMUM_S);
    *ret_size = seconds * 1000;
    return 0;
}

int window_settings_read(const char *sizes, int64_t grace, struct window_settings *ret_settings, struct error *error) {
    struct window_settings settings = {.grace = grace};
    if (grace < 0)
        return error_set(error, ERROR_INVALID, "the grace is negative");
    for (const char *at = sizes;; at++) {
        const char *end = strchr(at, ',');
        struct slice text = {at, end ? (size_t)(end - at) : strlen(at)};
        int64_t size = 0;
        int status = window_size_read(text, &size, error);
        if (status)
            return status;
        if (settings.size_count == WINDOW_SIZES_MAXIMUM)
            return error_set(error, ERROR_INVALID, "more than %d window sizes", WINDOW_SIZES_MAXIMUM);
        settings.sizes[settings.size_count++] = size;
        if (!end)
            break;
        at = end;
    }
    qsort(settings.sizes, settings.size_count, sizeof settings.sizes[0], window_size_compare);
    for (size_t i = 1; i < settings.size_count; i++)
        if (settings.sizes[i] == settings.sizes[i - 1])
            return error_set(error, ERROR_INVALID, "window size %lld is given twice",
                             (long long)(settings.sizes[i] / 1000));
    *ret_settings = settings;
    return 0;
}

#include "stream/operator/window.h"

#include <inttypes.h>
#include <stdio.h>

void window_write_name(char to[WINDOW_NAME_SIZE], const struct window_definition *window) {
    if (window->calendar)
        to[calendar_write(to, window->calendar)] = '\0';
    else if (window->size % 1000)
        snprintf(to, WINDOW_NAME_SIZE, "%" PRId64 ".%03d", window->size / 1000, (int)(window->size % 1000));
    else
        snprintf(to, WINDOW_NAME_SIZE, "%" PRId64, window->size / 1000);
}

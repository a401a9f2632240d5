/* Reasons of rejection: text in the batch's arena, so that they live as long as its rows. */
#ifndef METERLINE_CODEC_ROW_REASON_H
#define METERLINE_CODEC_ROW_REASON_H

#include "core/arena.h"
#include "core/slice.h"
#include <stdarg.h>
#include <stdio.h>

enum { REASON_SIZE = 200 };

/* Never NULL: when memory has run out, a static text stands in. */
static inline __attribute__((format(printf, 2, 3))) const char *reason_format(struct arena *arena, const char *format,
                                                                              ...) {
    char text[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    struct slice copy = arena_copy(arena, (struct slice){text, used});
    return copy.data ? copy.data : "cannot be read (out of memory for the reason)";
}

/* A text as it can be shown: what is long is cut, what cannot be printed becomes '?'. */
static inline void reason_show(char *to, size_t size, struct slice text) {
    size_t length = text.length < size - 1 ? text.length : size - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = text.data[i] >= 0x20 && text.data[i] < 0x7f ? text.data[i] : '?';
    to[length] = '\0';
}

/* "timestamp 'TEXT' is not ..."; what is long is cut and what cannot be printed becomes '?'. */
static inline const char *reason_timestamp(struct arena *arena, const char *field, struct slice text) {
    char shown[41];
    reason_show(shown, sizeof shown, text);
    return reason_format(arena, "%s '%s%s' is not an ISO-8601 time between 1970 and 9999", field, shown,
                         text.length >= sizeof shown ? "..." : "");
}

static inline const char *reason_range(struct arena *arena, const char *field, long long time) {
    return reason_format(arena, "%s %lld is not a time in ms between 1970 and 9999", field, time);
}

#endif

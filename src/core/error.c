#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Marks a message that did not fit. */
static void error_mark_cut(struct error *error, int length) {
    if (length >= (int)sizeof error->message)
        memcpy(error->message + sizeof error->message - 4, "...", 4);
}

int error_set(struct error *error, int code, const char *format, ...) {
    if (!error)
        return code;
    char message[sizeof error->message]; /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(error->message, message,
           length < 0                     ? 1
           : length < (int)sizeof message ? (size_t)length + 1
                                          : sizeof message);
    error_mark_cut(error, length);
    error->code = code;
    error->retriable = code == ERROR_BUSY;
    return code;
}

int error_set_errno(struct error *error, int errno_value, const char *format, ...) {
    int code = errno_value == ENOMEM ? ERROR_NO_MEMORY : ERROR_IO;
    if (!error)
        return code;
    char text[sizeof error->message], reason[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(error, code, "%s: %s", text, strerror_r(errno_value, reason, sizeof reason));
}

int error_wrap(struct error *error, const char *format, ...) {
    if (!error)
        return ERROR_IO;
    char inner[sizeof error->message];
    memcpy(inner, error->message, sizeof inner);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length < 0)
        length = 0;
    if (length < (int)sizeof error->message)
        length += snprintf(error->message + length, sizeof error->message - (size_t)length, ": %s", inner);
    error_mark_cut(error, length);
    return error->code;
}

int error_no_memory(struct error *error) {
    return error_set(error, ERROR_NO_MEMORY, "out of memory");
}

/* Errors: a code that says what a caller may do, and a message that says what happened, where, and what to do.
 *
 * A function that can fail returns 0 or a negative enum error_code and fills the caller's `struct error`; outputs
 * stay untouched. `error_wrap` puts context before a message on the way up ("reading x.csv: line 7: ..."). The
 * struct is a plain value: it owns nothing, so an error can be reported when memory has run out. Longer messages are
 * cut with "...". */
#ifndef METERLINE_CORE_ERROR_H
#define METERLINE_CORE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_NO_MEMORY = -1,
    ERROR_IO = -2,        /* file system or server: full disk, no permission, connection lost */
    ERROR_INVALID = -3,   /* what the user gave is wrong: option, URL, file, row */
    ERROR_CORRUPT = -4,   /* stored data fails its check */
    ERROR_NOT_FOUND = -5, /* topic, file, schema, group does not exist */
    ERROR_EXISTS = -6,
    ERROR_CONFLICT = -7,    /* another process has moved what this one was working on (fenced) */
    ERROR_BUSY = -8,        /* a lock or server did not answer in time; trying again may help */
    ERROR_INTERRUPTED = -9, /* the user asked to stop */
    ERROR_UNSUPPORTED = -10,
    ERROR_ABORTED = -11, /* what was under way is undone: go back to the last committed state and work again */
};

struct error {
    int code;       /* 0 or an enum error_code */
    bool retriable; /* the same call may succeed later */
    char message[1000];
};

/* Sets code and message and returns `code`, so that `return error_set(...)` reads well. `error` may be NULL. */
int error_set(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same with ": " and strerror(errno_value) appended; ENOMEM maps to ERROR_NO_MEMORY, otherwise ERROR_IO. */
int error_set_errno(struct error *error, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message and returns the code that the error has. */
int error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_no_memory(struct error *error);

#endif

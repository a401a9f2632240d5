#include "core/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (!log || level > log->level)
        return;
    char line[2048];
    int length = snprintf(line, sizeof line, "meterline: %s: ", names[level]);
    const int start = length;
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
    va_end(arguments);
    if (more > 0)
        length += more < (int)sizeof line - length - 1 ? more : (int)sizeof line - length - 2;
    for (int i = 0; i < length; i++)
        if (line[i] == '\n' || line[i] == '\r') /* a name from outside must not forge a line */
            line[i] = ' ';
    if (log->write) {
        line[length] = '\0';
        log->write(log->context, level, line + start);
        return;
    }
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written; /* there is nowhere left to write to */
}

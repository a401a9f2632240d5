/* Messages to the operator on stderr: one line each, "meterline: level: text". Only cli/ and service loops log;
 * libraries return errors. */
#ifndef METERLINE_CORE_LOG_H
#define METERLINE_CORE_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log {
    enum log_level level; /* what is more talkative than this is dropped */
    /* Takes the lines instead of stderr, in the thread that writes; NULL: stderr. The text has no level and no end of
     * line, and is gone afterwards. */
    void (*write)(void *context, enum log_level level, const char *text);
    void *context;
};

/* One write(2) a line, so lines of several threads do not mix. `log` may be NULL: nothing is written. */
void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

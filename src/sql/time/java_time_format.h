/* Dates and times by a pattern of java.time.format.DateTimeFormatter: yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX.
 *
 * Letters: G u y Y Q q M L w W D d F E e c a h K k H m s S A n N V z O X x Z, text in quotes, [optional sections];
 * the locale is en_US, texts are read in any case. The resolver is Java's SMART one: 30 February is the month's last
 * day. Patterns are immutable and lie in an arena. */
#ifndef METERLINE_SQL_TIME_JAVA_TIME_FORMAT_H
#define METERLINE_SQL_TIME_JAVA_TIME_FORMAT_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/slice.h"
#include "model/time/time_zone.h"
#include <stdbool.h>
#include <stdint.h>

struct java_time_pattern;

/* ERROR_INVALID: the message says which letter is wrong. */
int java_time_pattern_compile(struct arena *arena, struct slice pattern, const struct java_time_pattern **ret_pattern,
                              struct error *error);

/* What is to be written; a pattern may only ask for what is there. */
struct java_time {
    bool has_date, has_time;
    int64_t days;                 /* since the epoch, local */
    int64_t milliseconds;         /* of the day, local */
    const struct time_zone *zone; /* NULL: none */
    int64_t instant;              /* when there is a zone */
};

/* What was read. Fields that the text does not have are those of 1970-01-01T00:00. */
struct java_time_read {
    bool has_date, has_time; /* whether it has any field of a date, of a time */
    int64_t days, milliseconds;
    const struct time_zone *zone; /* NULL: none in the text */
};

/* A moment in a zone. */
struct java_time java_time_of_instant(int64_t instant, const struct time_zone *zone);

/* Appends to `to`; on ERROR_INVALID what was appended is unspecified. */
int java_time_format(const struct java_time_pattern *pattern, const struct java_time *time, struct bytes *to,
                     struct error *error);
/* The whole text must match. Zones named in it are looked for in `zones`; fixed offsets lie in `arena`. */
int java_time_parse(const struct java_time_pattern *pattern, struct slice text, struct time_zones *zones,
                    struct arena *arena, struct java_time_read *ret_time, struct error *error);

#endif

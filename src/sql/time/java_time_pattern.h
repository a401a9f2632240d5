/* A compiled pattern: the elements in order. Inside of java_time_*.c only. */
#ifndef METERLINE_SQL_TIME_JAVA_TIME_PATTERN_H
#define METERLINE_SQL_TIME_JAVA_TIME_PATTERN_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum java_time_field {
    FIELD_ERA,
    FIELD_YEAR,
    FIELD_YEAR_OF_ERA,
    FIELD_WEEK_YEAR,
    FIELD_QUARTER,
    FIELD_MONTH,
    FIELD_WEEK,
    FIELD_WEEK_OF_MONTH,
    FIELD_DAY_OF_YEAR,
    FIELD_DAY,
    FIELD_ALIGNED_WEEK,
    FIELD_DAY_OF_WEEK /* 1: Monday */,
    FIELD_LOCAL_DAY_OF_WEEK /* 1: Sunday */,
    FIELD_HALF /* 0: AM */,
    FIELD_CLOCK_HOUR_OF_HALF /* 1-12 */,
    FIELD_HOUR_OF_HALF /* 0-11 */,
    FIELD_CLOCK_HOUR /* 1-24 */,
    FIELD_HOUR,
    FIELD_MINUTE,
    FIELD_SECOND,
    FIELD_MILLI_OF_DAY,
    FIELD_NANO,
    FIELD_NANO_OF_DAY,
    FIELD_COUNT,
};

enum java_time_sign { SIGN_NORMAL, SIGN_NOT_NEGATIVE, SIGN_EXCEEDS_PAD };

enum java_time_element_kind {
    ELEMENT_LITERAL,      /* text */
    ELEMENT_NUMBER,       /* field, minimum, maximum, sign, subsequent */
    ELEMENT_REDUCED,      /* two digits of a year 2000 .. 2099 */
    ELEMENT_FRACTION,     /* `minimum` digits of the second's fraction */
    ELEMENT_TEXT,         /* field, style */
    ELEMENT_OFFSET,       /* style: enum java_time_offset; text: what stands for none */
    ELEMENT_LOCAL_OFFSET, /* GMT+8; style 4: GMT+08:00 */
    ELEMENT_ZONE_ID,
    ELEMENT_ZONE_NAME, /* style 4: in full */
    ELEMENT_OPTION,    /* [ with its end at index `end` */
    ELEMENT_OPTION_END,
};

enum java_time_offset {
    OFFSET_HH_mm, /* +01, +0130 */
    OFFSET_HHMM,
    OFFSET_HH_MM_COLON,
    OFFSET_HHMM_ss,
    OFFSET_HH_MM_ss_COLON,
};

enum java_time_style { STYLE_SHORT = 3, STYLE_FULL = 4, STYLE_NARROW = 5 };

struct java_time_element {
    enum java_time_element_kind kind;
    enum java_time_field field;
    unsigned minimum, maximum;
    enum java_time_sign sign;
    unsigned subsequent; /* digits that directly following numbers of fixed width need */
    unsigned style;
    size_t end;
    struct slice text;
};

struct java_time_pattern {
    size_t count;
    const struct java_time_element *elements;
};

/* The texts of a field: values first .. first + count - 1. */
struct java_time_names {
    int first, count;
    const char *const *full;
    unsigned short_length; /* of the short form, a prefix of the full one; 0: the short form is in `shorts` */
    const char *const *shorts;
};

const struct java_time_names *java_time_names_of(enum java_time_field field);

/* Zones that have names in English. */
struct java_time_zone_name {
    const char *abbreviation, *full, *zone;
};
extern const struct java_time_zone_name java_time_zone_names[];
extern const size_t java_time_zone_name_count;

#endif

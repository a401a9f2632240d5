/* The rule for summer time that a TZif file ends with, in the form of POSIX's TZ: "CET-1CEST,M3.5.0,M10.5.0/3" (RFC
 * 8536, section 3.3). */
#ifndef METERLINE_MODEL_TIME_TIME_ZONE_RULE_H
#define METERLINE_MODEL_TIME_TIME_ZONE_RULE_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum time_zone_day_kind {
    TIME_ZONE_DAY_OF_MONTH,     /* the week-th `day` (0: Sunday) of `month`; week 5: the last */
    TIME_ZONE_DAY_WITHOUT_LEAP, /* day 1 .. 365, 29 February is not counted */
    TIME_ZONE_DAY_WITH_LEAP,    /* day 0 .. 365 */
};

struct time_zone_change {
    enum time_zone_day_kind kind;
    unsigned month, week, day;
    int32_t time; /* seconds of the day by the clock that ends, perhaps negative or beyond the day */
};

struct time_zone_rule {
    struct slice name, summer_name;
    int32_t offset, summer_offset; /* seconds east */
    bool has_summer;
    struct time_zone_change begin, end;
};

/* Names point into `text`. */
bool time_zone_rule_read(struct slice text, struct time_zone_rule *ret_rule);
/* Whether summer time holds at an instant (seconds). */
bool time_zone_rule_summer(const struct time_zone_rule *rule, int64_t seconds);

#endif

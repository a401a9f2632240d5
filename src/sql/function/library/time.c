/* Reckoning with dates, times of day and timestamps; the clock. */
#include "sql/function/library/functions.h"

#include "model/time/time_text.h"
#include <strings.h>

/* --- units
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct unit {
    const char *name; /* also with an S after it */
    int64_t milliseconds;
} units[] = {{"MILLISECOND", 1}, {"SECOND", 1000}, {"MINUTE", 60000}, {"HOUR", 3600000}, {"DAY", 86400000}};

static bool find_unit(struct function_call *call, struct slice name, int64_t *ret_milliseconds) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);
        bool plural = name.length == length + 1 && (name.data[length] | 0x20) == 's';
        if ((name.length == length || plural) && strncasecmp(name.data, units[i].name, length) == 0) {
            *ret_milliseconds = units[i].milliseconds;
            return true;
        }
    }
    return function_fail(call, "'%.*s' is no unit of time; DAYS, HOURS, MINUTES, SECONDS and MILLISECONDS are",
                         function_shown(name), name.data);
}

/* The interval (unit, count) as milliseconds, `sign` 1 or -1. A count is 32 bits and a unit 27. */
static bool read_interval(struct function_call *call, const struct value *arguments, int sign,
                          int64_t *ret_milliseconds) {
    int64_t unit;
    if (!find_unit(call, arguments[0].text, &unit))
        return false;
    *ret_milliseconds = sign * unit * arguments[1].integer;
    return true;
}

/* --- DATE, TIME and TIMESTAMP with an interval
 * ----------------------------------------------------------------------------------------- */

/* Whole days only: 36 HOURS are one. */
static bool move_date(struct function_call *call, const struct value *arguments, int sign, struct value *ret_value) {
    int64_t interval;
    if (!read_interval(call, arguments, sign, &interval))
        return false;
    int64_t days = arguments[2].integer + interval / MILLISECONDS_OF_DAY;
    if (days < INT32_MIN || days > INT32_MAX)
        return function_fail(call, "the date is out of range");
    *ret_value = value_of_integer(days);
    return true;
}

/* Around the clock. */
static bool move_time(struct function_call *call, const struct value *arguments, int sign, struct value *ret_value) {
    int64_t interval;
    if (!read_interval(call, arguments, sign, &interval))
        return false;
    *ret_value =
        value_of_integer(floor_modulo(arguments[2].integer + interval % MILLISECONDS_OF_DAY, MILLISECONDS_OF_DAY));
    return true;
}

static bool move_timestamp(struct function_call *call, const struct value *arguments, int sign,
                           struct value *ret_value) {
    int64_t interval, moved;
    if (!read_interval(call, arguments, sign, &interval))
        return false;
    if (__builtin_add_overflow(arguments[2].integer, interval, &moved))
        return function_fail(call, "the timestamp is out of range");
    *ret_value = value_of_integer(moved);
    return true;
}

static bool date_add(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_date(call, arguments, 1, ret_value);
}

static bool date_subtract(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_date(call, arguments, -1, ret_value);
}

static bool time_add(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_time(call, arguments, 1, ret_value);
}

static bool time_subtract(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_time(call, arguments, -1, ret_value);
}

static bool timestamp_add(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_timestamp(call, arguments, 1, ret_value);
}

static bool timestamp_subtract(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    return move_timestamp(call, arguments, -1, ret_value);
}

/* --- numbers and the clock
 * ------------------------------------------------------------------------------------------------------------- */

static bool same_number(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)call;
    *ret_value = arguments[0];
    return true;
}

static bool today(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)arguments;
    *ret_value = value_of_integer(floor_divide(call->now, MILLISECONDS_OF_DAY));
    return true;
}

static bool now(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    (void)arguments;
    *ret_value = value_of_integer(call->now);
    return true;
}

/* --- zones
 * ------------------------------------------------------------------------------------------------------------------ */

#define TIMESTAMP_LIMIT INT64_C(9000000000000000000) /* room for any offset */

static bool convert_zone(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct time_zone *from, *to;
    struct error error = {0};
    if (time_zone_find(call->zones, call->arena, arguments[1].text, &from, &error) < 0 ||
        time_zone_find(call->zones, call->arena, arguments[2].text, &to, &error) < 0)
        return error.code == ERROR_NO_MEMORY ? false : function_fail(call, "%s", error.message);
    if (arguments[0].integer < -TIMESTAMP_LIMIT || arguments[0].integer > TIMESTAMP_LIMIT)
        return function_fail(call, "the timestamp is out of range");
    int64_t instant = time_zone_instant(from, arguments[0].integer);
    *ret_value = value_of_integer(instant + (int64_t)time_zone_offset(to, instant) * 1000);
    return true;
}

#define MOVED(kind, type, function)                                                                                    \
    { TAKES(PARAMETER_UNIT, PARAMETER_INTEGER, kind), .result = &type, .null_in_null_out = true, .call = function }
#define ONE(kind, type, function)                                                                                      \
    { TAKES(kind), .result = &type, .null_in_null_out = true, .call = function }

FUNCTION_LIST(
    functions_time,
    {.name = "CONVERT_TZ",
     .category = "Date and time",
     .signature = "CONVERT_TZ(timestamp, from_zone, to_zone)",
     .description = "The timestamp, taken as local time of one zone, as local time of another.",
     VARIANTS({TAKES(PARAMETER_TIMESTAMP, PARAMETER_STRING, PARAMETER_STRING), .result = &type_timestamp,
               .null_in_null_out = true, .call = convert_zone})},
    {.name = "DATEADD",
     .category = "Date and time",
     .signature = "DATEADD(unit, count, date)",
     .description = "The date so many units later, whole days only.",
     VARIANTS(MOVED(PARAMETER_DATE, type_date, date_add))},
    {.name = "DATESUB",
     .category = "Date and time",
     .signature = "DATESUB(unit, count, date)",
     .description = "The date so many units earlier, whole days only.",
     VARIANTS(MOVED(PARAMETER_DATE, type_date, date_subtract))},
    {.name = "FROM_DAYS",
     .category = "Date and time",
     .signature = "FROM_DAYS(days)",
     .description = "The DATE so many days after 1970-01-01.",
     VARIANTS(ONE(PARAMETER_INTEGER, type_date, same_number))},
    {.name = "FROM_UNIXTIME",
     .category = "Date and time",
     .signature = "FROM_UNIXTIME(milliseconds)",
     .description = "The TIMESTAMP so many milliseconds after 1970-01-01T00:00Z.",
     VARIANTS(ONE(PARAMETER_BIGINT, type_timestamp, same_number))},
    {.name = "TIMEADD",
     .category = "Date and time",
     .signature = "TIMEADD(unit, count, time)",
     .description = "The time of day so many units later, around the clock.",
     VARIANTS(MOVED(PARAMETER_TIME, type_time, time_add))},
    {.name = "TIMESTAMPADD",
     .category = "Date and time",
     .signature = "TIMESTAMPADD(unit, count, timestamp)",
     .description = "The timestamp so many units later.",
     VARIANTS(MOVED(PARAMETER_TIMESTAMP, type_timestamp, timestamp_add))},
    {.name = "TIMESTAMPSUB",
     .category = "Date and time",
     .signature = "TIMESTAMPSUB(unit, count, timestamp)",
     .description = "The timestamp so many units earlier.",
     VARIANTS(MOVED(PARAMETER_TIMESTAMP, type_timestamp, timestamp_subtract))},
    {.name = "TIMESUB",
     .category = "Date and time",
     .signature = "TIMESUB(unit, count, time)",
     .description = "The time of day so many units earlier, around the clock.",
     VARIANTS(MOVED(PARAMETER_TIME, type_time, time_subtract))},
    {.name = "UNIX_DATE",
     .category = "Date and time",
     .signature = "UNIX_DATE([date])",
     .description = "Days from 1970-01-01 to the date, or to the day (UTC) on which the log took the record; in "
                    "INSERT INTO .. VALUES to today.",
     .changing = true,
     VARIANTS({.result = &type_integer, .call = today}, ONE(PARAMETER_DATE, type_integer, same_number))},
    {.name = "UNIX_TIMESTAMP",
     .category = "Date and time",
     .signature = "UNIX_TIMESTAMP([timestamp])",
     .description = "Milliseconds from 1970-01-01T00:00Z to the timestamp, or to when the log took the record; in "
                    "INSERT INTO .. VALUES to now.",
     .changing = true,
     VARIANTS({.result = &type_bigint, .call = now}, ONE(PARAMETER_TIMESTAMP, type_bigint, same_number))});

/* Writing by a pattern. */
#include "sql/time/java_time_format.h"

#include "model/time/time_text.h"
#include "sql/time/java_time_pattern.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct java_time java_time_of_instant(int64_t instant, const struct time_zone *zone) {
    int64_t offset = (int64_t)time_zone_offset(zone, instant) * 1000, local;
    if (__builtin_add_overflow(instant, offset, &local))
        local = instant;
    return (struct java_time){.has_date = true,
                              .has_time = true,
                              .days = floor_divide(local, MILLISECONDS_OF_DAY),
                              .milliseconds = floor_modulo(local, MILLISECONDS_OF_DAY),
                              .zone = zone,
                              .instant = instant};
}

/* --- the value of a field
 * ------------------------------------------------------------------------------------------------------------ */

/* Weeks as in the United States: from Sunday, the first one has 1 January. */
static void java_time_week(int64_t days, struct civil_date date, int64_t *ret_week, int64_t *ret_year) {
    int64_t sunday = days - floor_modulo(days + 4, 7);
    int64_t next = civil_to_days((struct civil_date){date.year + 1, 1, 1});
    *ret_year = next < sunday + 7 ? date.year + 1 : date.year;
    int64_t first = civil_to_days((struct civil_date){*ret_year, 1, 1});
    *ret_week = (sunday - (first - floor_modulo(first + 4, 7))) / 7 + 1;
}

static int64_t java_time_week_of_month(int64_t days, struct civil_date date) {
    int64_t first = days - date.day + 1;
    return (days - (first - floor_modulo(first + 4, 7))) / 7 + 1;
}

static int64_t java_time_date_field(enum java_time_field field, int64_t days) {
    struct civil_date date = civil_from_days(days);
    int64_t week, year;
    switch (field) {
    case FIELD_ERA:
        return date.year > 0;
    case FIELD_YEAR:
        return date.year;
    case FIELD_YEAR_OF_ERA:
        return date.year > 0 ? date.year : 1 - date.year;
    case FIELD_QUARTER:
        return (date.month + 2) / 3;
    case FIELD_MONTH:
        return date.month;
    case FIELD_DAY_OF_YEAR:
        return days - civil_to_days((struct civil_date){date.year, 1, 1}) + 1;
    case FIELD_DAY:
        return date.day;
    case FIELD_ALIGNED_WEEK:
        return (date.day - 1) / 7 + 1;
    case FIELD_DAY_OF_WEEK:
        return floor_modulo(days + 3, 7) + 1;
    case FIELD_LOCAL_DAY_OF_WEEK:
        return floor_modulo(days + 4, 7) + 1;
    case FIELD_WEEK_OF_MONTH:
        return java_time_week_of_month(days, date);
    default:
        java_time_week(days, date, &week, &year);
        return field == FIELD_WEEK ? week : year;
    }
}

static int64_t java_time_time_field(enum java_time_field field, int64_t milliseconds) {
    int64_t hour = milliseconds / 3600000;
    switch (field) {
    case FIELD_HALF:
        return hour / 12;
    case FIELD_CLOCK_HOUR_OF_HALF:
        return hour % 12 ? hour % 12 : 12;
    case FIELD_HOUR_OF_HALF:
        return hour % 12;
    case FIELD_CLOCK_HOUR:
        return hour ? hour : 24;
    case FIELD_HOUR:
        return hour;
    case FIELD_MINUTE:
        return milliseconds / 60000 % 60;
    case FIELD_SECOND:
        return milliseconds / 1000 % 60;
    case FIELD_MILLI_OF_DAY:
        return milliseconds;
    case FIELD_NANO:
        return milliseconds % 1000 * 1000000;
    default:
        return milliseconds * 1000000;
    }
}

static int java_time_field_value(const struct java_time *time, enum java_time_field field, int64_t *ret_value,
                                 struct error *error) {
    bool of_date = field < FIELD_HALF;
    if (of_date ? !time->has_date : !time->has_time)
        return error_set(error, ERROR_INVALID, "the pattern asks for a part of the %s, which the value does not have",
                         of_date ? "date" : "time of day");
    *ret_value = of_date ? java_time_date_field(field, time->days) : java_time_time_field(field, time->milliseconds);
    return 0;
}

/* --- elements
 * ------------------------------------------------------------------------------------------------------------------ */

static int format_number(const struct java_time_element *element, int64_t value, struct bytes *to,
                         struct error *error) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value < 0 ? -(uint64_t)value : (uint64_t)value);
    if ((unsigned)length > element->maximum || (value < 0 && element->sign == SIGN_NOT_NEGATIVE))
        return error_set(error, ERROR_INVALID, "%" PRId64 " does not fit into %u digits of the pattern", value,
                         element->maximum);
    if (value < 0)
        bytes_append_char(to, '-');
    else if (element->sign == SIGN_EXCEEDS_PAD && (unsigned)length > element->minimum)
        bytes_append_char(to, '+');
    for (unsigned i = (unsigned)length; i < element->minimum; i++)
        bytes_append_char(to, '0');
    bytes_append(to, digits, (size_t)length);
    return 0;
}

static void format_text(const struct java_time_element *element, int64_t value, struct bytes *to) {
    const struct java_time_names *names = java_time_names_of(element->field);
    int64_t index = value - names->first;
    if (element->style == STYLE_SHORT && names->shorts)
        bytes_append_string(to, names->shorts[index]);
    else if (element->style == STYLE_NARROW && element->field == FIELD_QUARTER)
        bytes_append_char(to, (char)('0' + value));
    else if (element->style == STYLE_NARROW)
        bytes_append(to, names->full[index], 1);
    else if (element->style == STYLE_SHORT)
        bytes_append(to, names->full[index], names->short_length);
    else
        bytes_append_string(to, names->full[index]);
}

static void format_offset(const struct java_time_element *element, int32_t offset, struct bytes *to) {
    if (!offset) {
        bytes_append_slice(to, element->text);
        return;
    }
    bool colon = element->style == OFFSET_HH_MM_COLON || element->style == OFFSET_HH_MM_ss_COLON;
    int size = abs(offset), minutes = size / 60 % 60, seconds = size % 60;
    bytes_append_format(to, "%c%02d", offset < 0 ? '-' : '+', size / 3600);
    if (element->style != OFFSET_HH_mm || minutes)
        bytes_append_format(to, "%s%02d", colon ? ":" : "", minutes);
    if ((element->style == OFFSET_HHMM_ss || element->style == OFFSET_HH_MM_ss_COLON) && seconds)
        bytes_append_format(to, "%s%02d", colon ? ":" : "", seconds);
}

static void format_local_offset(const struct java_time_element *element, int32_t offset, struct bytes *to) {
    int size = abs(offset), minutes = size / 60 % 60, seconds = size % 60;
    bytes_append_string(to, "GMT");
    if (!offset)
        return;
    bytes_append_format(to, element->style == STYLE_FULL ? "%c%02d" : "%c%d", offset < 0 ? '-' : '+', size / 3600);
    if (element->style == STYLE_FULL || minutes || seconds)
        bytes_append_format(to, ":%02d", minutes);
    if (seconds)
        bytes_append_format(to, ":%02d", seconds);
}

static void format_zone_name(const struct java_time_element *element, const struct java_time *time, struct bytes *to) {
    struct slice abbreviation = time_zone_abbreviation(time->zone, time->instant);
    for (size_t i = 0; i < java_time_zone_name_count && element->style == STYLE_FULL; i++) {
        if (slice_equal(abbreviation, slice_of(java_time_zone_names[i].abbreviation))) {
            bytes_append_string(to, java_time_zone_names[i].full);
            return;
        }
    }
    bytes_append_slice(to, abbreviation);
}

static int format_zone(const struct java_time_element *element, const struct java_time *time, struct bytes *to,
                       struct error *error) {
    if (!time->zone)
        return error_set(error, ERROR_INVALID, "the pattern asks for a time zone, which the value does not have");
    int32_t offset = time_zone_offset(time->zone, time->instant);
    if (element->kind == ELEMENT_OFFSET)
        format_offset(element, offset, to);
    else if (element->kind == ELEMENT_LOCAL_OFFSET)
        format_local_offset(element, offset, to);
    else if (element->kind == ELEMENT_ZONE_ID)
        bytes_append_slice(to, time_zone_name(time->zone));
    else
        format_zone_name(element, time, to);
    return 0;
}

static int format_element(const struct java_time_element *element, const struct java_time *time, struct bytes *to,
                          struct error *error) {
    int64_t value;
    if (element->kind == ELEMENT_LITERAL) {
        bytes_append_slice(to, element->text);
        return 0;
    }
    if (element->kind >= ELEMENT_OFFSET)
        return format_zone(element, time, to, error);
    int code = java_time_field_value(time, element->field, &value, error);
    if (code)
        return code;
    switch (element->kind) {
    case ELEMENT_TEXT:
        format_text(element, value, to);
        return 0;
    case ELEMENT_REDUCED:
        bytes_append_format(to, "%02d", (int)(llabs((long long)value) % 100));
        return 0;
    case ELEMENT_FRACTION: {
        char digits[10];
        snprintf(digits, sizeof digits, "%09d", (int)value);
        bytes_append(to, digits, element->minimum);
        return 0;
    }
    default:
        return format_number(element, value, to, error);
    }
}

/* An optional section that the value has not all parts for is left out. */
static int format_range(const struct java_time_pattern *pattern, size_t begin, size_t end, const struct java_time *time,
                        struct bytes *to, struct error *error) {
    for (size_t i = begin; i < end; i++) {
        const struct java_time_element *element = &pattern->elements[i];
        int code = 0;
        if (element->kind == ELEMENT_OPTION) {
            size_t length = to->length;
            struct error ignored = {0};
            if (format_range(pattern, i + 1, element->end, time, to, &ignored))
                to->length = length;
            i = element->end;
        } else {
            code = format_element(element, time, to, error);
        }
        if (code)
            return code;
    }
    return 0;
}

int java_time_format(const struct java_time_pattern *pattern, const struct java_time *time, struct bytes *to,
                     struct error *error) {
    return format_range(pattern, 0, pattern->count, time, to, error);
}

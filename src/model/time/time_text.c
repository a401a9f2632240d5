/* Readers take one field after the other and check the date as a whole; the calendar is that of model/time.c. */
#include "model/time/time_text.h"

#include <stdio.h>

enum { DAYS_OF_400_YEARS = 146097 };
#define YEAR_MAXIMUM INT64_C(999999999)
#define DAYS_MINIMUM INT64_C(-365243219162)
#define DAYS_MAXIMUM INT64_C(365241780471)

int64_t floor_divide(int64_t value, int64_t divisor) {
    return value / divisor - (value % divisor != 0 && (value < 0) != (divisor < 0));
}

int64_t floor_modulo(int64_t value, int64_t divisor) {
    int64_t rest = value % divisor;
    return rest && (rest < 0) != (divisor < 0) ? rest + divisor : rest;
}

/* The calendar repeats itself after 400 years: the date is that of a day from 1970 to 2369. */
struct civil_date civil_from_days(int64_t days) {
    days = days < DAYS_MINIMUM ? DAYS_MINIMUM : days > DAYS_MAXIMUM ? DAYS_MAXIMUM : days;
    int64_t cycle = floor_divide(days, DAYS_OF_400_YEARS);
    struct civil_date date;
    unsigned year;
    time_civil_from_days((uint32_t)(days - cycle * DAYS_OF_400_YEARS), &year, &date.month, &date.day);
    date.year = cycle * 400 + year;
    return date;
}

int64_t civil_to_days(struct civil_date date) {
    return time_days_from_civil(date.year, date.month, date.day);
}

bool civil_valid(struct civil_date date) {
    return date.year >= -YEAR_MAXIMUM && date.year <= YEAR_MAXIMUM && time_date_valid(date.year, date.month, date.day);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

size_t time_text_write_date(char to[TIME_TEXT_SIZE], int64_t days) {
    struct civil_date date = civil_from_days(days);
    const char *plus = date.year > 9999 ? "+" : "";
    int digits = date.year < 0 ? 5 : 4; /* with the sign */
    return (size_t)snprintf(to, TIME_TEXT_SIZE, "%s%0*lld-%02u-%02u", plus, digits, (long long)date.year, date.month,
                            date.day);
}

size_t time_text_write_time(char to[TIME_TEXT_SIZE], int64_t milliseconds) {
    unsigned rest = (unsigned)floor_modulo(milliseconds, MILLISECONDS_OF_DAY), fraction = rest % 1000,
             seconds = rest / 1000;
    int length = snprintf(to, TIME_TEXT_SIZE, "%02u:%02u", seconds / 3600, seconds / 60 % 60);
    if (seconds % 60 || fraction)
        length += snprintf(to + length, TIME_TEXT_SIZE - (size_t)length, ":%02u", seconds % 60);
    if (fraction)
        length += snprintf(to + length, TIME_TEXT_SIZE - (size_t)length, ".%03u", fraction);
    return (size_t)length;
}

size_t time_text_write_timestamp(char to[TIME_TEXT_SIZE], int64_t milliseconds) {
    size_t length = time_text_write_date(to, floor_divide(milliseconds, MILLISECONDS_OF_DAY));
    unsigned rest = (unsigned)floor_modulo(milliseconds, MILLISECONDS_OF_DAY), seconds = rest / 1000;
    return length + (size_t)snprintf(to + length, TIME_TEXT_SIZE - length, "T%02u:%02u:%02u.%03u", seconds / 3600,
                                     seconds / 60 % 60, seconds % 60, rest % 1000);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

struct time_scan {
    const char *at, *end;
};

static bool scan_character(struct time_scan *scan, char wanted) {
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

/* Exactly `count` digits. */
static bool scan_digits(struct time_scan *scan, int count, unsigned *ret_value) {
    unsigned value = 0;
    if (scan->end - scan->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)(scan->at[i] - '0');
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    scan->at += count;
    *ret_value = value;
    return true;
}

static bool scan_date(struct time_scan *scan, int64_t *ret_days) {
    bool negative = scan_character(scan, '-');
    unsigned year, month = 1, day = 1;
    if (!scan_digits(scan, 4, &year))
        return false;
    if (scan_character(scan, '-')) {
        if (!scan_digits(scan, 2, &month))
            return false;
        if (scan_character(scan, '-') && !scan_digits(scan, 2, &day))
            return false;
    }
    struct civil_date date = {negative ? -(int64_t)year : (int64_t)year, month, day};
    if (!civil_valid(date))
        return false;
    *ret_days = civil_to_days(date);
    return true;
}

/* ".123": as milliseconds, what is finer is cut off. */
static bool scan_fraction(struct time_scan *scan, int64_t *milliseconds) {
    int count = 0;
    for (int64_t unit = 100; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
         scan->at++, count++, unit /= 10)
        *milliseconds += (*scan->at - '0') * unit;
    return count >= 1 && count <= 9;
}

/* `least` of hour, minute, second must be there. */
static bool scan_time(struct time_scan *scan, int least, int64_t *ret_milliseconds) {
    unsigned hour, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!scan_digits(scan, 2, &hour))
        return false;
    if (scan_character(scan, ':')) {
        if (!scan_digits(scan, 2, &minute))
            return false;
        if (scan_character(scan, ':')) {
            if (!scan_digits(scan, 2, &second))
                return false;
            if (scan_character(scan, '.') && !scan_fraction(scan, &fraction))
                return false;
        }
    } else if (least > 1) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_milliseconds = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + fraction;
    return true;
}

/* Z, +01, +0100, +01:00 or nothing. */
static bool scan_offset(struct time_scan *scan, int64_t *ret_milliseconds) {
    unsigned hours, minutes = 0;
    *ret_milliseconds = 0;
    if (scan->at == scan->end || scan_character(scan, 'Z'))
        return true;
    bool negative = *scan->at == '-';
    if ((!scan_character(scan, '+') && !scan_character(scan, '-')) || !scan_digits(scan, 2, &hours))
        return false;
    scan_character(scan, ':');
    if (scan->at < scan->end && !scan_digits(scan, 2, &minutes))
        return false;
    if (hours > 18 || minutes > 59)
        return false;
    int64_t offset = ((int64_t)hours * 60 + minutes) * 60000;
    *ret_milliseconds = negative ? -offset : offset;
    return true;
}

bool time_text_read_date(struct slice text, int64_t *ret_days) {
    struct time_scan scan = {text.data, text.data + text.length};
    int64_t days;
    if (!scan_date(&scan, &days) || scan.at != scan.end)
        return false;
    *ret_days = days;
    return true;
}

bool time_text_read_time(struct slice text, int64_t *ret_milliseconds) {
    struct time_scan scan = {text.data, text.data + text.length};
    int64_t milliseconds;
    if (!scan_time(&scan, 2, &milliseconds) || scan.at != scan.end)
        return false;
    *ret_milliseconds = milliseconds;
    return true;
}

bool time_text_read_timestamp(struct slice text, int64_t *ret_milliseconds) {
    struct time_scan scan = {text.data, text.data + text.length};
    int64_t days, milliseconds = 0, offset = 0;
    if (!scan_date(&scan, &days))
        return false;
    bool time = scan_character(&scan, 'T') || scan_character(&scan, ' ');
    if (time && scan.at < scan.end && !scan_time(&scan, 1, &milliseconds))
        return false;
    if (!scan_offset(&scan, &offset) || scan.at != scan.end)
        return false;
    *ret_milliseconds = days * MILLISECONDS_OF_DAY + milliseconds - offset;
    return true;
}

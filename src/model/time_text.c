/* The calendar is reckoned in days since the epoch with years that begin in March, so that a leap day is the last of
 * its year; readers take one field after the other and check the date as a whole. */
#include "model/time_text.h"

#include "model/time.h"
#include <stdio.h>

enum { DAYS_OF_400_YEARS = 146097, DAYS_TO_EPOCH = 719468 /* from 0000-03-01 */ };
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

/* Years that begin in March, so that the leap day is the last of a year (as model/time.c, for years before 1970
 * too). */
struct civil_date civil_from_days(int64_t days) {
    days = days < DAYS_MINIMUM ? DAYS_MINIMUM : days > DAYS_MAXIMUM ? DAYS_MAXIMUM : days;
    days += DAYS_TO_EPOCH;
    int64_t cycle = floor_divide(days, DAYS_OF_400_YEARS);
    unsigned day = (unsigned)(days - cycle * DAYS_OF_400_YEARS);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned day_of_year = day - (365 * year + year / 4 - year / 100);
    unsigned line = (5 * day_of_year + 2) / 153;
    struct civil_date date = {.month = line < 10 ? line + 3 : line - 9, .day = day_of_year - (153 * line + 2) / 5 + 1};
    date.year = cycle * 400 + year + (date.month <= 2);
    return date;
}

int64_t civil_to_days(struct civil_date date) {
    int64_t year = date.year - (date.month <= 2);
    int64_t cycle = floor_divide(year, 400);
    unsigned of_cycle = (unsigned)(year - cycle * 400);
    unsigned day_of_year = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
    unsigned day = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + day_of_year;
    return cycle * DAYS_OF_400_YEARS + day - DAYS_TO_EPOCH;
}

bool civil_valid(struct civil_date date) {
    return date.year >= -YEAR_MAXIMUM && date.year <= YEAR_MAXIMUM && time_date_valid(date.year, date.month, date.day);
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

size_t time_text_write_date(char to[TIME_TEXT_LENGTH], int64_t days) {
    struct civil_date date = civil_from_days(days);
    const char *plus = date.year > 9999 ? "+" : "";
    int digits = date.year < 0 ? 5 : 4; /* with the sign */
    return (size_t)snprintf(to, TIME_TEXT_LENGTH, "%s%0*lld-%02u-%02u", plus, digits, (long long)date.year, date.month,
                            date.day);
}

size_t time_text_write_time(char to[TIME_TEXT_LENGTH], int64_t milliseconds) {
    unsigned rest = (unsigned)floor_modulo(milliseconds, MILLISECONDS_OF_DAY), fraction = rest % 1000,
             seconds = rest / 1000;
    int length = snprintf(to, TIME_TEXT_LENGTH, "%02u:%02u", seconds / 3600, seconds / 60 % 60);
    if (seconds % 60 || fraction)
        length += snprintf(to + length, TIME_TEXT_LENGTH - (size_t)length, ":%02u", seconds % 60);
    if (fraction)
        length += snprintf(to + length, TIME_TEXT_LENGTH - (size_t)length, ".%03u", fraction);
    return (size_t)length;
}

size_t time_text_write_timestamp(char to[TIME_TEXT_LENGTH], int64_t milliseconds) {
    size_t length = time_text_write_date(to, floor_divide(milliseconds, MILLISECONDS_OF_DAY));
    unsigned rest = (unsigned)floor_modulo(milliseconds, MILLISECONDS_OF_DAY), seconds = rest / 1000;
    return length + (size_t)snprintf(to + length, TIME_TEXT_LENGTH - length, "T%02u:%02u:%02u.%03u", seconds / 3600,
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

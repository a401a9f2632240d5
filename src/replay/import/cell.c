#include "replay/import/cell.h"

#include <stdlib.h>
#include <strings.h>

#include "core/number.h"
#include "model/time/time.h"

enum { CELL_MAXIMUM = 64 };

bool cell_is_missing(struct slice cell) {
    static const char *const words[] = {"", "?", "-", "--", "nan", "n/a", "na", "null", "none", "#n/a", "n.v.", "k.a."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (cell.length == strlen(words[i]) && strncasecmp(cell.data, words[i], cell.length) == 0)
            return true;
    return false;
}

/* --- numbers
 * ------------------------------------------------------------------------------------------------------------------ */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The bytes that set groups of digits apart at `at`: the other mark, a blank (also U+00A0 and U+202F) or an
 * apostrophe; 0: none. */
static size_t group_mark(const char *at, const char *end, char other) {
    if (at < end && (*at == other || *at == ' ' || *at == '\''))
        return 1;
    if (end - at >= 2 && memcmp(at, "\xc2\xa0", 2) == 0)
        return 2;
    return end - at >= 3 && memcmp(at, "\xe2\x80\xaf", 3) == 0 ? 3 : 0;
}

/* Copies the whole part without its marks; groups after the first have three digits, the first one to three of which
 * the first is not 0. */
static const char *whole_part(const char *at, const char *end, char other, char **to) {
    const char *first = at;
    while (at < end && is_digit(*at))
        *(*to)++ = *at++;
    size_t mark = group_mark(at, end, other);
    if (!mark || at == first || at - first > 3 || *first == '0')
        return at;
    for (const char *kind = at; mark && end - at >= (int64_t)mark + 3 && memcmp(kind, at, mark) == 0;
         mark = group_mark(at, end, other)) {
        const char *group = at + mark;
        if (!is_digit(group[0]) || !is_digit(group[1]) || !is_digit(group[2]) ||
            (end - group > 3 && is_digit(group[3])))
            return NULL;
        memcpy(*to, group, 3);
        *to += 3;
        at = group + 3;
    }
    return at;
}

static bool number_with(struct slice cell, char decimal, double *ret_value) {
    char text[CELL_MAXIMUM + 1], *to = text;
    const char *at = cell.data, *end = at + cell.length;
    if (cell.length == 0 || cell.length > CELL_MAXIMUM)
        return false;
    if (*at == '+' || *at == '-')
        *to++ = *at++;
    if (at < end && !is_digit(*at) && *at != decimal)
        return false;
    at = whole_part(at, end, decimal == '.' ? ',' : '.', &to);
    if (!at)
        return false;
    if (at < end && *at == decimal) {
        *to++ = '.';
        for (at++; at < end && is_digit(*at); at++)
            *to++ = *at;
        if (to[-1] == '.')
            *to++ = '0';
    }
    if (at < end && !char_among(*at, "eE"))
        return false;
    while (at < end)
        *to++ = *at++;
    if (text[0] == '+')
        return number_read_double((struct slice){text + 1, (size_t)(to - text - 1)}, ret_value);
    char padded[CELL_MAXIMUM + 2];
    size_t length = (size_t)(to - text), sign = text[0] == '-';
    if (length <= sign || text[sign] != '.')
        return number_read_double((struct slice){text, length}, ret_value);
    memcpy(padded, text, sign);
    padded[sign] = '0';
    memcpy(padded + sign + 1, text + sign, length - sign);
    return number_read_double((struct slice){padded, length + 1}, ret_value);
}

unsigned cell_number(struct slice cell, double ret_values[2]) {
    return (number_with(cell, '.', &ret_values[0]) ? NUMBER_POINT : 0u) |
           (number_with(cell, ',', &ret_values[1]) ? NUMBER_COMMA : 0u);
}

/* --- times
 * ------------------------------------------------------------------------------------------------------------------ */

struct scan {
    const char *at, *end;
};

/* One to `most` digits; the number of them, 0: none. */
static int scan_digits(struct scan *scan, int most, int64_t *ret_value) {
    int count = 0;
    for (*ret_value = 0; scan->at < scan->end && is_digit(*scan->at) && count < most; scan->at++, count++)
        *ret_value = *ret_value * 10 + (*scan->at - '0');
    return count;
}

static bool scan_char(struct scan *scan, const char *among) {
    if (scan->at == scan->end || !char_among(*scan->at, among))
        return false;
    scan->at++;
    return true;
}

static bool scan_word(struct scan *scan, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || strncasecmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

static int64_t civil(int64_t year, int64_t month, int64_t day) {
    return time_date_valid(year, (unsigned)month, (unsigned)day)
               ? time_days_from_civil(year, (unsigned)month, (unsigned)day) * INT64_C(86400000)
               : -1;
}

/* A two-digit year is one of 1970 to 2069. */
static int64_t full_year(int64_t year, int digits) {
    return digits == 4 ? year : year < 70 ? 2000 + year : 1900 + year;
}

/* a-b-c: sets forms and both readings. */
static bool scan_date(struct scan *scan, struct cell_time *time) {
    int64_t a, b, c;
    int digits = scan_digits(scan, 4, &a);
    char separator = scan->at < scan->end ? *scan->at : '\0';
    if (!digits || digits == 3 || !scan_char(scan, "-/.") || !scan_digits(scan, 2, &b) || scan->at == scan->end ||
        *scan->at++ != separator)
        return false;
    int year_digits = scan_digits(scan, digits == 4 ? 2 : 4, &c);
    if (digits == 4) {
        time->day_first = time->month_first = civil(a, b, c);
        time->forms = year_digits && time->day_first >= 0 ? TIME_YEAR_FIRST : 0;
        return time->forms;
    }
    if (year_digits != 2 && year_digits != 4)
        return false;
    time->dotted = separator == '.';
    time->day_first = civil(full_year(c, year_digits), b, a);
    time->month_first = civil(full_year(c, year_digits), a, b);
    time->forms = (time->day_first >= 0 ? TIME_DAY_FIRST : 0u) | (time->month_first >= 0 ? TIME_MONTH_FIRST : 0u);
    return time->forms;
}

/* Z, +01, +0100, +01:00, UTC. */
static bool scan_offset(struct scan *scan, struct cell_time *time) {
    int64_t hours, minutes = 0;
    if (scan_word(scan, "UTC") || scan_word(scan, "GMT") || scan_char(scan, "Zz")) {
        time->has_offset = true;
        return true;
    }
    bool west = scan->at < scan->end && *scan->at == '-';
    if (!scan_char(scan, "+-"))
        return true;
    if (scan_digits(scan, 2, &hours) != 2 || hours > 18)
        return false;
    bool colon = scan_char(scan, ":");
    int digits = scan_digits(scan, 2, &minutes);
    if ((colon && digits != 2) || digits == 1 || minutes > 59)
        return false;
    time->has_offset = true;
    time->offset = (hours * 60 + minutes) * (west ? -60000 : 60000);
    return true;
}

/* h:mm[:ss[.fff]] [AM|PM] [offset], into ms of the day. */
static bool scan_clock(struct scan *scan, struct cell_time *time, int64_t *ret_clock) {
    int64_t hour, minute, second = 0, fraction = 0;
    if (!scan_digits(scan, 2, &hour) || !scan_char(scan, ":") || scan_digits(scan, 2, &minute) != 2)
        return false;
    if (scan_char(scan, ":") && scan_digits(scan, 2, &second) != 2)
        return false;
    if (scan->at < scan->end && char_among(*scan->at, ".,")) {
        scan->at++;
        int digits = scan_digits(scan, 3, &fraction);
        for (int i = digits; i < 3; i++)
            fraction *= 10;
        int64_t rest;
        scan_digits(scan, 9, &rest);
        if (!digits)
            return false;
    }
    while (scan_char(scan, " "))
        ;
    bool morning = scan_word(scan, "AM"), afternoon = !morning && scan_word(scan, "PM");
    if ((morning || afternoon) && (hour < 1 || hour > 12))
        return false;
    if (morning || afternoon)
        hour = hour % 12 + (afternoon ? 12 : 0);
    while (scan_char(scan, " "))
        ;
    if (hour > 24 || minute > 59 || second > 59 || (hour == 24 && (minute || second || fraction)))
        return false;
    *ret_clock = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return scan_offset(scan, time) && scan->at == scan->end;
}

/* Seconds or ms since the epoch, of the years 2000 to 2100, when there are nothing but digits. */
static struct cell_time epoch_time(struct slice cell) {
    struct scan scan = {cell.data, cell.data + cell.length};
    int64_t value;
    scan_char(&scan, "+");
    int digits = scan_digits(&scan, 14, &value);
    int64_t unit = digits == 9 || digits == 10 ? 1000 : digits == 12 || digits == 13 ? 1 : 0;
    if (scan.at != scan.end || !unit || value * unit < INT64_C(946684800000) || value * unit > INT64_C(4133980800000))
        return (struct cell_time){0};
    return (struct cell_time){.forms = unit == 1000 ? TIME_SECONDS : TIME_MILLISECONDS,
                              .day_first = value * unit,
                              .month_first = value * unit,
                              .has_clock = true,
                              .has_offset = true};
}

struct cell_time cell_time(struct slice cell) {
    struct cell_time time = {0}, nothing = {0};
    struct scan scan = {cell.data, cell.data + cell.length}, whole = scan;
    int64_t clock = 0;
    if (cell.length < 4 || cell.length > CELL_MAXIMUM)
        return nothing;
    if (scan_clock(&whole, &time, &clock))
        return (struct cell_time){TIME_OF_DAY, clock, clock, true, time.has_offset, false, time.offset};
    time = nothing;
    if (!scan_date(&scan, &time))
        return epoch_time(cell);
    if (scan.at < scan.end) {
        scan_char(&scan, ",");
        if (!scan_char(&scan, " Tt"))
            return nothing;
        while (scan_char(&scan, " "))
            ;
        if (!scan_clock(&scan, &time, &clock))
            return nothing;
        time.has_clock = true;
    }
    time.day_first += time.day_first >= 0 ? clock : 0;
    time.month_first += time.month_first >= 0 ? clock : 0;
    return time;
}

#include "model/time.h"

/* H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years that begin in March. */
int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void time_civil_from_days(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day) {
    uint32_t shifted = (uint32_t)(days + 719468), era = shifted / 146097, day_of_era = shifted % 146097;
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *ret_month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

bool time_date_valid(int64_t year, unsigned month, unsigned day) {
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= (unsigned)lengths[month - 1] + (month == 2 && leap);
}

/* Exactly `count` digits at *at, which moves behind them. */
static bool time_digits(const char **at, const char *end, int count, unsigned *ret_value) {
    unsigned value = 0;
    if (end - *at < count)
        return false;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned)((*at)[i] - '0');
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *at += count;
    *ret_value = value;
    return true;
}

static bool time_literal(const char **at, const char *end, char c) {
    if (*at == end || **at != c)
        return false;
    ++*at;
    return true;
}

/* ".5", ".123456789": the milliseconds, what is finer is cut. */
static bool time_fraction(const char **at, const char *end, unsigned *ret_milliseconds) {
    unsigned milliseconds = 0, digits = 0;
    for (; *at < end && (unsigned)(**at - '0') <= 9; ++*at, digits++)
        if (digits < 3)
            milliseconds = milliseconds * 10 + (unsigned)(**at - '0');
    for (unsigned i = digits; i < 3; i++)
        milliseconds *= 10;
    *ret_milliseconds = milliseconds;
    return digits >= 1 && digits <= 9;
}

/* "Z", "+01:00", "-0130", "+01" or nothing: minutes east of UTC. */
static bool time_zone(const char **at, const char *end, int *ret_minutes) {
    *ret_minutes = 0;
    if (*at == end || time_literal(at, end, 'Z') || time_literal(at, end, 'z'))
        return true;
    int sign = time_literal(at, end, '+') ? 1 : time_literal(at, end, '-') ? -1 : 0;
    unsigned hours, minutes = 0;
    if (!sign || !time_digits(at, end, 2, &hours))
        return false;
    bool colon = time_literal(at, end, ':');
    if ((colon || *at < end) && !time_digits(at, end, 2, &minutes))
        return false;
    *ret_minutes = sign * (int)(hours * 60 + minutes);
    return hours <= 18 && minutes <= 59;
}

static bool time_of_day(const char **at, const char *end, int64_t *ret_milliseconds) {
    unsigned hour, minute, second = 0, milliseconds = 0;
    if (!time_digits(at, end, 2, &hour) || !time_literal(at, end, ':') || !time_digits(at, end, 2, &minute))
        return false;
    if (time_literal(at, end, ':')) {
        if (!time_digits(at, end, 2, &second))
            return false;
        if (time_literal(at, end, '.') && !time_fraction(at, end, &milliseconds))
            return false;
    }
    *ret_milliseconds = ((int64_t)hour * 3600 + minute * 60 + second) * 1000 + milliseconds;
    return hour <= 23 && minute <= 59 && second <= 59;
}

bool time_read(struct slice text, int64_t *ret_time) {
    const char *at = text.data, *end = at + text.length;
    unsigned year, month, day;
    int64_t of_day = 0;
    int zone = 0;
    if (!text.data || !time_digits(&at, end, 4, &year) || !time_literal(&at, end, '-') || !time_digits(&at, end, 2, &month) ||
        !time_literal(&at, end, '-') || !time_digits(&at, end, 2, &day) || !time_date_valid(year, month, day))
        return false;
    if (at < end) {
        if (*at != 'T' && *at != 't' && *at != ' ')
            return false;
        at++;
        if (!time_of_day(&at, end, &of_day) || !time_zone(&at, end, &zone) || at != end)
            return false;
    }
    int64_t time = time_days_from_civil(year, month, day) * 86400000 + of_day - zone * INT64_C(60000);
    if (time < TIME_MINIMUM || time > TIME_MAXIMUM)
        return false;
    *ret_time = time;
    return true;
}

static char *time_put(char *to, unsigned value, int digits) {
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + digits;
}

static void time_put_date(char to[10], int64_t time, bool first_of_month) {
    unsigned year, month, day;
    time_civil_from_days(time / 86400000, &year, &month, &day);
    to = time_put(to, year, 4);
    *to++ = '-';
    to = time_put(to, month, 2);
    *to++ = '-';
    time_put(to, first_of_month ? 1 : day, 2);
}

size_t time_write(char to[TIME_TEXT_SIZE], int64_t time) {
    char *at = to + 10;
    unsigned of_day = (unsigned)(time % 86400000), seconds = of_day / 1000, milliseconds = of_day % 1000;
    time_put_date(to, time, false);
    *at++ = 'T';
    at = time_put(at, seconds / 3600, 2);
    *at++ = ':';
    at = time_put(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = time_put(at, seconds % 60, 2);
    if (milliseconds) {
        *at++ = '.';
        at = time_put(at, milliseconds, 3);
    }
    *at++ = 'Z';
    return (size_t)(at - to);
}

void time_write_day(char to[10], int64_t time) {
    time_put_date(to, time, false);
}

void time_write_month(char to[10], int64_t time) {
    time_put_date(to, time, true);
}

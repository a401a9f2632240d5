/* Reading goes through a fast path for exactly "2006-12-16T17:24:00Z", eight characters to a word; what it does not
 * take goes field by field. */
#include "model/time/time.h"

#include <endian.h>

/* C. Neri and L. Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022): a year
 * begins in March, so that the leap day is its last; a century has 146097 / 4 days, a year 1461 / 4, and the months
 * follow a line. Day 0 is 0000-03-01. */
enum { TIME_EPOCH = 719468 };

/* Days since the epoch; year 1 to 9999. */
static inline int32_t time_days(uint32_t year, uint32_t month, uint32_t day) {
    bool early = month <= 2;
    year -= early;
    month += early ? 12 : 0;
    uint32_t century = year / 100;
    return (int32_t)(1461 * year / 4 - century + century / 4 + (979 * month - 2919) / 32 + day - 1) - TIME_EPOCH;
}

int64_t time_days_from_civil(int64_t year, unsigned month, unsigned day) {
    int64_t cycle = (year > 0 ? year - 1 : year - 400) / 400; /* of 400 years */
    return cycle * 146097 + time_days((uint32_t)(year - cycle * 400), month, day);
}

void time_civil_from_days(uint32_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day) {
    uint32_t quarters = 4 * (days + TIME_EPOCH) + 3, century = quarters / 146097;
    uint64_t scaled =
        UINT64_C(2939745) *
        (quarters % 146097 | 3); /* 2939745 = 2^32 / 1461: high word the year, low word its part gone by */
    uint32_t day_of_year = (uint32_t)scaled / 2939745 / 4;
    uint32_t line = 2141 * day_of_year + 197913;
    bool next = day_of_year >= 306; /* January and February */
    *ret_year = 100 * century + (uint32_t)(scaled >> 32) + next;
    *ret_month = (line >> 16) - (next ? 12 : 0);
    *ret_day = (line & 0xffff) / 2141 + 1;
}

bool time_date_valid(int64_t year, unsigned month, unsigned day) {
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    if (day <= 28)
        return true;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= (unsigned)lengths[month - 1] + (month == 2 && leap);
}

/* Exactly `count` digits at *at, which moves after them. */
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

/* Turns the bytes of a word of text into numbers: a byte of `digits` (0xf0) must be a digit, every other the
 * character of `zero`. Then byte i holds the two-digit number that begins there. False when a byte is something
 * else. */
static bool time_pairs(const char *text, uint64_t zero, uint64_t digits, uint64_t *ret_pairs) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    word = le64toh(word) ^ zero;
    uint64_t others = ~(digits | digits >> 4), six = digits >> 4 & UINT64_C(0x0606060606060606);
    if ((word & (digits | others)) | ((word + six) & digits))
        return false;
    *ret_pairs = word * 10 + (word >> 8);
    return true;
}

static unsigned time_pair(uint64_t pairs, int at) {
    return pairs >> 8 * at & 0xff;
}

/* Exactly "YYYY-MM-DDTHH:MM:SSZ", from the epoch on; the last word overlaps the one before. */
static bool time_read_plain(const char *text, int64_t *ret_time) {
    const uint64_t date_zero = UINT64_C(0x2d30302d30303030),
                   date_digits = UINT64_C(0x00f0f000f0f0f0f0); /* "0000-00-" */
    const uint64_t noon_zero = UINT64_C(0x30303a3030543030),
                   noon_digits = UINT64_C(0xf0f000f0f000f0f0);                                         /* "00T00:00" */
    const uint64_t end_zero = UINT64_C(0x5a30303a30303a30), end_digits = UINT64_C(0x00f0f000f0f000f0); /* "0:00:00Z" */
    uint64_t date, noon, end;
    if (!time_pairs(text, date_zero, date_digits, &date) || !time_pairs(text + 8, noon_zero, noon_digits, &noon) ||
        !time_pairs(text + 12, end_zero, end_digits, &end))
        return false;
    unsigned year = time_pair(date, 0) * 100 + time_pair(date, 2), month = time_pair(date, 5), day = time_pair(noon, 0);
    unsigned hour = time_pair(noon, 3), minute = time_pair(noon, 6), second = time_pair(end, 5);
    if (year < 1970 || !time_date_valid(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_time = (time_days(year, month, day) * INT64_C(86400) + (hour * 3600 + minute * 60 + second)) * 1000;
    return true;
}

bool time_read(struct slice text, int64_t *ret_time) {
    if (text.length == 20 && text.data && time_read_plain(text.data, ret_time))
        return true;
    const char *at = text.data, *end = at + text.length;
    unsigned year, month, day;
    int64_t of_day = 0;
    int zone = 0;
    if (!text.data || !time_digits(&at, end, 4, &year) || !time_literal(&at, end, '-') ||
        !time_digits(&at, end, 2, &month) || !time_literal(&at, end, '-') || !time_digits(&at, end, 2, &day) ||
        !time_date_valid(year, month, day))
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

/* The two digits of a value below 100. */
static void time_put(char *to, unsigned value) {
    unsigned tens = value * 103 >> 10;
    to[0] = (char)('0' + tens);
    to[1] = (char)('0' + value - 10 * tens);
}

static void time_put_date(char to[10], unsigned days, bool first_of_month) {
    unsigned year, month, day;
    time_civil_from_days(days, &year, &month, &day);
    time_put(to, year / 100);
    time_put(to + 2, year % 100);
    to[4] = to[7] = '-';
    time_put(to + 5, month);
    time_put(to + 8, first_of_month ? 1 : day);
}

size_t time_write(char to[TIME_TEXT_SIZE], int64_t time) {
    unsigned days = (unsigned)((uint64_t)time / 86400000),
             of_day = (unsigned)((uint64_t)time - days * UINT64_C(86400000));
    unsigned second = of_day / 1000, minute = second / 60, milliseconds = of_day - second * 1000;
    time_put_date(to, days, false);
    to[10] = 'T';
    time_put(to + 11, minute / 60);
    to[13] = to[16] = ':';
    time_put(to + 14, minute % 60);
    time_put(to + 17, second % 60);
    to[19] = 'Z';
    if (milliseconds == 0)
        return 20;
    to[19] = '.';
    to[20] = (char)('0' + milliseconds / 100);
    time_put(to + 21, milliseconds % 100);
    to[23] = 'Z';
    return 24;
}

void time_write_day(char to[10], int64_t time) {
    time_put_date(to, (unsigned)((uint64_t)time / 86400000), false);
}

void time_write_month(char to[10], int64_t time) {
    time_put_date(to, (unsigned)((uint64_t)time / 86400000), true);
}

/* Writing follows Schubfach: the power of ten for the exponent comes from a table of 128-bit values
 * (tools/powers-of-ten.py); of the decimals between the neighbours of the double the shortest is taken, and of
 * several the nearest. */
#include "core/number.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct number_power {
    uint64_t high, low;
};

enum { NUMBER_POWER_MINIMUM = -292 };

static const struct number_power number_powers[] = {
#include "powers.inc"
};

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

struct number_decimal {
    uint64_t digits; /* the value is digits x 10^exponent */
    int exponent;
};

/* floor(log2(10^e)), exact for |e| <= 1233: 1741647 / 2^19 is log2(10) to seven digits. */
static int number_floor_log2_of_ten(int e) {
    return (e * 1741647) >> 19;
}

/* floor(g x c / 2^128), with the lowest bit set when something was cut off ("round to odd"). */
static uint64_t number_round_to_odd(struct number_power g, uint64_t c) {
    unsigned __int128 low = (unsigned __int128)g.low * c, high = (unsigned __int128)g.high * c;
    high += (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* Section 8 of the paper: the shortest decimal in the rounding interval of c x 2^q, the closest to it when there are
 * several. All values are scaled by 4, so that the interval's ends are whole numbers. */
static struct number_decimal number_shortest(uint64_t fraction, unsigned biased) {
    uint64_t c = biased ? fraction | UINT64_C(1) << 52 : fraction;
    int q = (biased ? (int)biased : 1) - 1075;
    bool closer = fraction == 0 && biased > 1; /* below a power of two the doubles are denser */
    /* floor(log10(2^q)), or of 3/4 x 2^q: log10(2) and -log10(3/4) in units of 2^-22. */
    int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    int h = q + number_floor_log2_of_ten(-k) + 1;
    struct number_power g = number_powers[-k - NUMBER_POWER_MINIMUM];
    uint64_t odd = c & 1;
    uint64_t lower = number_round_to_odd(g, (4 * c - 2 + closer) << h) + odd;
    uint64_t middle = number_round_to_odd(g, (4 * c) << h);
    uint64_t upper = number_round_to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t s = middle / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above)
            return (struct number_decimal){tens + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return (struct number_decimal){s + above, k};
    uint64_t half = 4 * s + 2;
    return (struct number_decimal){s + (middle > half || (middle == half && (s & 1))), k};
}

/* Meters count in thousandths. A decimal of at most 15 digits that reads back the same is the only one, so its
 * shortest form is the one to write; the division of two exact doubles rounds as reading does. */
static bool number_in_thousandths(double absolute, struct number_decimal *ret_decimal) {
    if (absolute >= 1e12)
        return false;
    uint64_t thousandths = (uint64_t)(absolute * 1000);
    if ((double)thousandths / 1000 != absolute)
        return false;
    *ret_decimal = (struct number_decimal){thousandths, -3};
    return true;
}

/* The eight digits of a value below 10^8 as a word whose lowest byte is the first digit: halves, quarters and
 * eighths side by side. */
static uint64_t number_eight_digits(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = fours * 5243 >> 19 & UINT64_C(0x0000007f0000007f);
    uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return (tens | (twos - 10 * tens) << 8) + UINT64_C(0x3030303030303030);
}

static size_t number_put_eight(char *to, uint64_t word) {
    word = htole64(word);
    memcpy(to, &word, sizeof word);
    return sizeof word;
}

/* A value below 10^8 without leading zeros; touches 8 bytes. */
static size_t number_put_head(char *to, uint32_t value) {
    uint64_t word = number_eight_digits(value);
    unsigned zeros = value ? (unsigned)__builtin_ctzll(word - UINT64_C(0x3030303030303030)) / 8 : 7;
    number_put_eight(to, word >> 8 * zeros);
    return 8 - zeros;
}

/* Writes the digits of `value` and returns how many; touches at least 8 and at most 20 bytes. */
static size_t number_digits(char *to, uint64_t value) {
    const uint64_t eight = 100000000;
    if (value < eight)
        return number_put_head(to, (uint32_t)value);
    size_t length;
    if (value < eight * eight) {
        length = number_put_head(to, (uint32_t)(value / eight));
    } else {
        length = number_put_head(to, (uint32_t)(value / (eight * eight)));
        length += number_put_eight(to + length, number_eight_digits((uint32_t)(value / eight % eight)));
    }
    return length + number_put_eight(to + length, number_eight_digits((uint32_t)(value % eight)));
}

size_t number_write_integer(char to[NUMBER_INTEGER_SIZE], int64_t value) {
    bool negative = value < 0;
    if (negative)
        *to = '-';
    return negative + number_digits(to + negative, negative ? -(uint64_t)value : (uint64_t)value);
}

static size_t number_write_exponent(char *to, int exponent) {
    to[0] = 'e';
    to[1] = exponent < 0 ? '-' : '+';
    return 2 + number_digits(to + 2, (uint64_t)abs(exponent));
}

/* Lays out `count` digits whose point stands after the first `point` of them. */
static size_t number_layout(char *to, const char *digits, int count, int point) {
    if (point >= count && point <= 17) { /* 2400 */
        memcpy(to, digits, (size_t)count);
        memset(to + count, '0', (size_t)(point - count));
        return (size_t)point;
    }
    if (point > 0 && point < count) { /* 24.05 */
        memcpy(to, digits, (size_t)point);
        to[point] = '.';
        memcpy(to + point + 1, digits + point, (size_t)(count - point));
        return (size_t)count + 1;
    }
    if (point <= 0 && point > -6) { /* 0.00024 */
        memcpy(to, "0.00000", (size_t)(2 - point));
        memcpy(to + 2 - point, digits, (size_t)count);
        return (size_t)(2 - point + count);
    }
    size_t length = 1; /* 2.4e-7 */
    to[0] = digits[0];
    if (count > 1) {
        to[length++] = '.';
        memcpy(to + length, digits + 1, (size_t)count - 1);
        length += (size_t)count - 1;
    }
    return length + number_write_exponent(to + length, point - 1);
}

size_t number_write_double(char to[NUMBER_DOUBLE_SIZE], double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    size_t sign = bits >> 63;
    if (sign)
        *to = '-';
    double absolute = fabs(value);
    if (absolute < 1e15 && absolute == (double)(uint64_t)absolute)
        return sign + number_digits(to + sign, (uint64_t)absolute);
    struct number_decimal decimal;
    if (!number_in_thousandths(absolute, &decimal))
        decimal = number_shortest(bits & ((UINT64_C(1) << 52) - 1), bits >> 52 & 2047);
    char digits[20];
    int count = (int)number_digits(digits, decimal.digits), point = count + decimal.exponent;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return sign + number_layout(to + sign, digits, count, point);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static const double number_exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The halfway point between two doubles has at most 767 significant digits (the smallest normal one): of more it
 * matters only whether they are all 0. */
enum { NUMBER_SIGNIFICANT = 768 };

/* What a first look at a decimal number finds. */
struct number_scan {
    uint64_t digits;     /* the first 19 significant digits */
    int64_t significant; /* how many there are in all */
    int64_t exponent;    /* of the last digit: the value is digits x 10^exponent, when significant <= 19 */
    const char *first;   /* the first significant digit */
    bool negative;
};

static bool number_scan_exponent(const char *at, const char *end, int64_t *exponent) {
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return false;
    int64_t value = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9)
            return false;
        if (value < INT64_C(1000000000000000))
            value = value * 10 + digit;
    }
    *exponent += negative ? -value : value;
    return true;
}

static bool number_scan(struct slice text, struct number_scan *scan) {
    const char *at = text.data, *end = at + text.length;
    bool point = false, any = false;
    if (at < end && (*at == '-' || *at == '+'))
        scan->negative = *at++ == '-';
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit <= 9) {
            any = true;
            if (scan->significant || digit) {
                if (!scan->significant++)
                    scan->first = at;
                if (scan->significant <= 19)
                    scan->digits = scan->digits * 10 + digit;
            }
            scan->exponent -= point;
        } else if (*at == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (!any)
        return false;
    if (at == end)
        return true;
    return (*at == 'e' || *at == 'E') && number_scan_exponent(at + 1, end, &scan->exponent);
}

/* strtod on "DDD...DeN": the first NUMBER_SIGNIFICANT digits, then a 1 when something after them is not 0. */
static bool number_read_slow(const struct number_scan *scan, double *ret_value) {
    char copy[NUMBER_SIGNIFICANT + 1 + 1 + NUMBER_INTEGER_SIZE + 1];
    size_t length = 0;
    bool more = false;
    const char *at = scan->first;
    for (int64_t seen = 0; seen < scan->significant; at++) {
        if (*at == '.')
            continue;
        if (seen++ < NUMBER_SIGNIFICANT)
            copy[length++] = *at;
        else
            more |= *at != '0';
    }
    if (more)
        copy[length++] = '1';
    copy[length] = 'e';
    size_t exponent = number_write_integer(copy + length + 1, scan->exponent + scan->significant - (int64_t)length);
    copy[length + 1 + exponent] = '\0';
    double value = strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    *ret_value = scan->negative ? -value : value;
    return true;
}

bool number_read_double(struct slice text, double *ret_value) {
    struct number_scan scan = {0};
    if (!text.data || !number_scan(text, &scan))
        return false;
    double value = (double)scan.digits;
    if (scan.significant > 15 || scan.exponent < -22 || scan.exponent > 22) {
        if (scan.significant)
            return number_read_slow(&scan, ret_value);
    } else {
        value = scan.exponent < 0 ? value / number_exact_powers[-scan.exponent]
                                  : value * number_exact_powers[scan.exponent];
    }
    *ret_value = scan.negative ? -value : value;
    return true;
}

bool number_read_integer(struct slice text, int64_t *ret_value) {
    const char *at = text.data, *end = at + text.length;
    bool negative = text.length && *at == '-';
    uint64_t value = 0, most = (uint64_t)INT64_MAX + negative;
    if (text.length && (*at == '-' || *at == '+'))
        at++;
    if (at == end || !text.data)
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit > 9 || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = negative ? (int64_t)-value : (int64_t)value;
    return true;
}

/* Digits come from number.h's shortest form; what differs in Java is where the point stands, when an exponent is
 * written, and which texts are numbers. */
#include "model/java_number.h"

#include "core/number.h"
#include <math.h>
#include <stdio.h>

struct java_digits java_digits_of(double value) {
    char text[NUMBER_DOUBLE_SIZE];
    size_t length = number_write_double(text, value);
    struct java_digits parts = {.count = 0};
    bool behind = false;
    int64_t exponent = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == 'e') {
            number_read_integer((struct slice){text + i + 1, length - i - 1}, &exponent);
            break;
        }
        if (text[i] == '.') {
            behind = true;
        } else if (parts.count || text[i] != '0') {
            parts.digits[parts.count++] = text[i];
            parts.point += !behind;
        } else {
            parts.point -= behind;
        }
    }
    while (parts.count > 1 && parts.digits[parts.count - 1] == '0')
        parts.count--;
    parts.point += (int)exponent;
    return parts;
}

static size_t java_put_fraction(char *to, const char *digits, int count) {
    *to = '.';
    if (count <= 0) {
        to[1] = '0';
        return 2;
    }
    memcpy(to + 1, digits, (size_t)count);
    return 1 + (size_t)count;
}

/* number.h writes numbers of this size without an exponent too, but whole ones without a point. */
static size_t java_put_plain(char *to, double absolute) {
    size_t length = number_write_double(to, absolute);
    if (absolute != (double)(int64_t)absolute)
        return length;
    to[length] = '.';
    to[length + 1] = '0';
    return length + 2;
}

static size_t java_put_scientific(char *to, const struct java_digits *parts) {
    to[0] = parts->digits[0];
    size_t length = 1 + java_put_fraction(to + 1, parts->digits + 1, parts->count - 1);
    to[length++] = 'E';
    return length + number_write_integer(to + length, parts->point - 1);
}

/* The smallest numbers have so few bits that their shortest form has one digit where Java's, which has two at least,
 * takes the closest: 4.9E-324. */
#define JAVA_COARSE 1e-321

static size_t java_put_coarse(char *to, double value) {
    char text[JAVA_DOUBLE_SIZE];
    size_t length = (size_t)snprintf(text, sizeof text, "%.1e", value);
    memcpy(to, text, length);
    to[3] = 'E';
    return length;
}

size_t java_write_double(char to[JAVA_DOUBLE_SIZE], double value) {
    size_t sign = 0;
    if (isnan(value)) {
        memcpy(to, "NaN", 3);
        return 3;
    }
    if (signbit(value))
        to[sign++] = '-';
    if (isinf(value)) {
        memcpy(to + sign, "Infinity", 8);
        return sign + 8;
    }
    double absolute = fabs(value);
    if (absolute == 0) {
        memcpy(to + sign, "0.0", 3);
        return sign + 3;
    }
    if (absolute < JAVA_COARSE)
        return sign + java_put_coarse(to + sign, absolute);
    if (absolute >= 1e-3 && absolute < 1e7)
        return sign + java_put_plain(to + sign, absolute);
    struct java_digits parts = java_digits_of(absolute);
    return sign + java_put_scientific(to + sign, &parts);
}

struct slice java_trim(struct slice text) {
    while (text.length && (unsigned char)text.data[0] <= ' ') {
        text.data++;
        text.length--;
    }
    while (text.length && (unsigned char)text.data[text.length - 1] <= ' ')
        text.length--;
    return text;
}

/* Digits, perhaps a point and an exponent: what number_read_double refuses of these is beyond the range of a double. */
static bool java_is_decimal(struct slice text) {
    const char *at = text.data, *end = at + text.length;
    bool any = false;
    for (bool point = false; at < end; at++) {
        if (*at == '.' && !point)
            point = true;
        else if (*at >= '0' && *at <= '9')
            any = true;
        else
            break;
    }
    if (!any || at == end)
        return any;
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    if (at == end)
        return false;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at == end;
}

bool java_read_double(struct slice text, double *ret_value) {
    text = java_trim(text);
    double sign = text.length && text.data[0] == '-' ? -1 : 1, value;
    if (text.length && (text.data[0] == '-' || text.data[0] == '+')) {
        text.data++;
        text.length--;
    }
    if (slice_equal(text, SLICE("NaN"))) {
        value = NAN;
    } else if (slice_equal(text, SLICE("Infinity"))) {
        value = INFINITY;
    } else {
        if (text.length && char_among(text.data[text.length - 1], "dDfF"))
            text.length--;
        if (!java_is_decimal(text))
            return false;
        if (!number_read_double(text, &value))
            value = INFINITY;
    }
    *ret_value = sign * value;
    return true;
}

bool java_read_integer(struct slice text, int64_t minimum, int64_t maximum, int64_t *ret_value) {
    int64_t value;
    if (!number_read_integer(java_trim(text), &value) || value < minimum || value > maximum)
        return false;
    *ret_value = value;
    return true;
}

int64_t java_double_to_integer(double value, int64_t minimum, int64_t maximum) {
    if (isnan(value))
        return 0;
    if (value >= (double)maximum)
        return maximum;
    if (value <= (double)minimum)
        return minimum;
    return (int64_t)value;
}

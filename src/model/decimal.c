/* Values are 128-bit integers in units of the scale. Products and quotients are made with 256 bits, then cut to the
 * scale and rounded once. */
#include "model/decimal.h"

#include "core/number.h"
#include <math.h>
#include <stdint.h>

typedef unsigned __int128 magnitude;

/* 256 bits. */
struct wide {
    magnitude high, low;
};

decimal decimal_power(unsigned exponent) {
    decimal power = 1;
    for (decimal base = 10; exponent; exponent >>= 1) {
        if (exponent & 1)
            power *= base;
        if (exponent > 1)
            base *= base;
    }
    return power;
}

static magnitude decimal_magnitude(decimal value) {
    return value < 0 ? -(magnitude)value : (magnitude)value;
}

static bool decimal_signed(magnitude value, bool negative, unsigned precision, decimal *ret_value) {
    if (value >= (magnitude)decimal_power(precision))
        return false;
    *ret_value = negative ? -(decimal)value : (decimal)value;
    return true;
}

/* --- 256 bits
 * ------------------------------------------------------------------------------------------------------------------ */

static struct wide wide_multiply(magnitude a, magnitude b) {
    const magnitude half = UINT64_MAX;
    magnitude low = (a & half) * (b & half), left = (a >> 64) * (b & half), right = (a & half) * (b >> 64);
    magnitude middle = (low >> 64) + (left & half) + (right & half);
    return (struct wide){(a >> 64) * (b >> 64) + (left >> 64) + (right >> 64) + (middle >> 64),
                         middle << 64 | (low & half)};
}

/* Long division, bit by bit; the quotient must fit: value.high < divisor. */
static magnitude wide_divide(struct wide value, magnitude divisor, magnitude *ret_remainder) {
    if (!value.high) {
        *ret_remainder = value.low % divisor;
        return value.low / divisor;
    }
    magnitude remainder = value.high, quotient = 0;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = remainder >> 127;
        remainder = remainder << 1 | (value.low >> bit & 1);
        quotient <<= 1;
        if (carry || remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1;
        }
    }
    *ret_remainder = remainder;
    return quotient;
}

/* a x b / divisor, rounded HALF_UP. */
static bool wide_scale(magnitude a, magnitude b, magnitude divisor, magnitude *ret_value) {
    struct wide product = wide_multiply(a, b);
    if (product.high >= divisor)
        return false;
    magnitude remainder, quotient = wide_divide(product, divisor, &remainder);
    *ret_value = quotient + (remainder >= divisor - remainder);
    return *ret_value >= quotient;
}

/* --- arithmetic
 * ------------------------------------------------------------------------------------------------------------------ */

bool decimal_rescale(decimal value, unsigned scale, struct decimal_shape to, decimal *ret_value) {
    magnitude result;
    bool up = to.scale >= scale;
    magnitude power = (magnitude)decimal_power(up ? to.scale - scale : scale - to.scale);
    if (!wide_scale(decimal_magnitude(value), up ? power : 1, up ? 1 : power, &result))
        return false;
    return decimal_signed(result, value < 0, to.precision, ret_value);
}

bool decimal_add(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                 decimal *ret_value) {
    struct decimal_shape common = {DECIMAL_DIGITS, scale_a > scale_b ? scale_a : scale_b};
    decimal left, right;
    if (!decimal_rescale(a, scale_a, common, &left) || !decimal_rescale(b, scale_b, common, &right))
        return false;
    if (__builtin_add_overflow(left, right, &left)) /* never: each has at most 38 digits */
        return false;
    return decimal_rescale(left, common.scale, to, ret_value);
}

bool decimal_subtract(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                      decimal *ret_value) {
    return decimal_add(a, scale_a, -b, scale_b, to, ret_value);
}

bool decimal_multiply(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                      decimal *ret_value) {
    unsigned scale = scale_a + scale_b;
    unsigned cut = scale > to.scale ? scale - to.scale : 0;
    magnitude result, divisor = (magnitude)decimal_power(cut > DECIMAL_DIGITS ? DECIMAL_DIGITS : cut);
    if (!wide_scale(decimal_magnitude(a), decimal_magnitude(b), divisor, &result))
        return false;
    bool negative = (a < 0) != (b < 0);
    if (cut > DECIMAL_DIGITS && !wide_scale(result, 1, (magnitude)decimal_power(cut - DECIMAL_DIGITS), &result))
        return false;
    if (scale < to.scale && !wide_scale(result, (magnitude)decimal_power(to.scale - scale), 1, &result))
        return false;
    return decimal_signed(result, negative, to.precision, ret_value);
}

/* The quotient's digits in two steps, since a shift by up to 76 digits does not fit 256 bits with a: first by what
 * leaves 38 or fewer. */
bool decimal_divide(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                    decimal *ret_value) {
    int shift = (int)to.scale - (int)scale_a + (int)scale_b;
    magnitude divisor = decimal_magnitude(b), dividend = decimal_magnitude(a), quotient, remainder;
    if (!divisor)
        return false;
    if (shift < 0) {
        magnitude power = (magnitude)decimal_power((unsigned)-shift);
        struct wide whole = wide_multiply(divisor, power);
        if (whole.high) /* more than twice any dividend */
            return decimal_signed(0, false, to.precision, ret_value);
        if (!wide_scale(dividend, 1, whole.low, &quotient))
            return false;
        return decimal_signed(quotient, (a < 0) != (b < 0), to.precision, ret_value);
    }
    unsigned first = shift > DECIMAL_DIGITS ? DECIMAL_DIGITS : (unsigned)shift, rest = (unsigned)shift - first;
    struct wide shifted = wide_multiply(dividend, (magnitude)decimal_power(first));
    if (shifted.high >= divisor)
        return false;
    quotient = wide_divide(shifted, divisor, &remainder);
    struct wide upper = wide_multiply(quotient, (magnitude)decimal_power(rest));
    magnitude lower;
    if (upper.high || !wide_scale(remainder, (magnitude)decimal_power(rest), divisor, &lower) ||
        upper.low + lower < lower)
        return false;
    return decimal_signed(upper.low + lower, (a < 0) != (b < 0), to.precision, ret_value);
}

/* a and b x 10^n modulo each other: the remainder is found in units of the finer scale; a coarse b that is out of
 * range there is larger than a. */
bool decimal_remainder(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                       decimal *ret_value) {
    if (b == 0)
        return false;
    unsigned scale = scale_a > scale_b ? scale_a : scale_b;
    struct wide divisor = wide_multiply(decimal_magnitude(b), (magnitude)decimal_power(scale - scale_b));
    struct wide dividend = wide_multiply(decimal_magnitude(a), (magnitude)decimal_power(scale - scale_a));
    magnitude remainder = 0;
    if (divisor.high)
        remainder = dividend.low; /* then scale > scale_b, so scale = scale_a and a was not shifted */
    else if (dividend.high)
        wide_divide((struct wide){dividend.high % divisor.low, dividend.low}, divisor.low, &remainder);
    else
        remainder = dividend.low % divisor.low;
    decimal result;
    return decimal_signed(remainder, a < 0, DECIMAL_DIGITS, &result) && decimal_rescale(result, scale, to, ret_value);
}

/* --- order
 * ------------------------------------------------------------------------------------------------------------------ */

/* Whole parts first, then what is after the point in units of 10^-38. */
int decimal_compare(decimal a, unsigned scale_a, decimal b, unsigned scale_b) {
    if (scale_a == scale_b)
        return (a > b) - (a < b);
    decimal unit_a = decimal_power(scale_a), unit_b = decimal_power(scale_b);
    decimal whole_a = a / unit_a, whole_b = b / unit_b;
    if (whole_a != whole_b)
        return whole_a < whole_b ? -1 : 1;
    decimal rest_a = a % unit_a * decimal_power(DECIMAL_DIGITS - scale_a),
            rest_b = b % unit_b * decimal_power(DECIMAL_DIGITS - scale_b);
    return (rest_a > rest_b) - (rest_a < rest_b);
}

/* Takes the digits and the exponent of a number's shortest text apart: the value is digits x 10^exponent. */
static void decimal_shortest(double number, int64_t *ret_digits, int *ret_exponent) {
    char text[NUMBER_DOUBLE_SIZE];
    size_t length = number_write_double(text, fabs(number));
    int64_t digits = 0;
    int exponent = 0;
    bool point = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == 'e') {
            int64_t written = 0;
            number_read_integer((struct slice){text + i + 1, length - i - 1}, &written);
            exponent += (int)written;
            break;
        }
        if (text[i] == '.') {
            point = true;
            continue;
        }
        digits = digits * 10 + (text[i] - '0');
        exponent -= point;
    }
    *ret_digits = number < 0 ? -digits : digits;
    *ret_exponent = exponent;
}

/* Rounding to double keeps order, so unequal doubles decide. When they are equal, both decimals lie close together:
 * what is too fine to be brought to one scale in 38 digits differs only beyond them. */
int decimal_compare_double(decimal a, unsigned scale, double number) {
    double near = decimal_to_double(a, scale);
    if (near != number)
        return near < number ? -1 : 1;
    int64_t digits;
    int exponent;
    decimal_shortest(number, &digits, &exponent);
    if (exponent >= 0)
        return decimal_compare(a, scale, digits * decimal_power((unsigned)exponent), 0);
    if (exponent >= -DECIMAL_DIGITS)
        return decimal_compare(a, scale, digits, (unsigned)-exponent);
    unsigned finer = (unsigned)(-exponent - DECIMAL_DIGITS);
    decimal same = a * decimal_power(DECIMAL_DIGITS - scale); /* below 10^17: |a| is, as `number` is, below 10^-21 */
    if (finer > DECIMAL_DIGITS - 17)
        return (same > 0) - (same < 0);
    same *= decimal_power(finer);
    return (same > digits) - (same < digits);
}

/* --- text and double
 * ----------------------------------------------------------------------------------------------------------------- */

/* What a number's text says: `digits` from the first that is not 0, the point after `point` of them. */
struct decimal_text {
    bool negative;
    const char *first, *end;
    int64_t point;
};

static bool decimal_scan_exponent(const char *at, const char *end, int64_t *ret_exponent) {
    int64_t exponent;
    if (!number_read_integer((struct slice){at, (size_t)(end - at)}, &exponent) || exponent > INT32_MAX ||
        exponent < -INT32_MAX)
        return false;
    *ret_exponent = exponent;
    return true;
}

static bool decimal_scan(struct slice text, struct decimal_text *ret_scan) {
    const char *at = text.data, *end = at + text.length;
    struct decimal_text scan = {0};
    int64_t exponent = 0;
    bool any = false, point = false;
    if (at < end && (*at == '-' || *at == '+'))
        scan.negative = *at++ == '-';
    for (; at < end; at++) {
        if (*at == '.' && !point) {
            point = true;
        } else if (*at >= '0' && *at <= '9') {
            any = true;
            if (!scan.first && *at != '0')
                scan.first = at;
            scan.point += scan.first && !point;
            scan.point -= !scan.first && point;
        } else {
            break;
        }
    }
    if (!any || (at < end && ((*at != 'e' && *at != 'E') || !decimal_scan_exponent(at + 1, end, &exponent))))
        return false;
    scan.end = at;
    scan.point += exponent;
    *ret_scan = scan;
    return true;
}

bool decimal_read(struct slice text, struct decimal_shape to, decimal *ret_value) {
    struct decimal_text scan;
    if (!text.data || !decimal_scan(text, &scan))
        return false;
    int64_t wanted = scan.point + to.scale; /* so many digits of the text, zeros after its end */
    magnitude value = 0;
    if (!scan.first || wanted < 0)
        return decimal_signed(0, false, to.precision, ret_value);
    if (wanted > to.precision)
        return false;
    const char *at = scan.first;
    for (; wanted > 0; wanted--) {
        while (at < scan.end && *at == '.')
            at++;
        value = value * 10 + (at < scan.end ? (unsigned)(*at++ - '0') : 0);
    }
    while (at < scan.end && *at == '.')
        at++;
    return decimal_signed(value + (at < scan.end && *at >= '5'), scan.negative, to.precision, ret_value);
}

bool decimal_from_double(double number, struct decimal_shape to, decimal *ret_value) {
    char text[NUMBER_DOUBLE_SIZE];
    return isfinite(number) && decimal_read((struct slice){text, number_write_double(text, number)}, to, ret_value);
}

double decimal_to_double(decimal value, unsigned scale) {
    if (scale <= 22 && value >= -(INT64_C(1) << 53) && value <= INT64_C(1) << 53)
        return (double)value / (double)decimal_power(scale); /* both exact, so the quotient is rounded once */
    char text[DECIMAL_TEXT_SIZE];
    double number = 0;
    number_read_double((struct slice){text, decimal_write(text, value, scale)}, &number);
    return number;
}

size_t decimal_write(char to[DECIMAL_TEXT_SIZE], decimal value, unsigned scale) {
    char backwards[DECIMAL_TEXT_SIZE];
    magnitude rest = decimal_magnitude(value);
    size_t count = 0, length = 0;
    do {
        if (count == scale && scale)
            backwards[count++] = '.';
        backwards[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest || count <= scale + (scale > 0));
    if (value < 0)
        to[length++] = '-';
    while (count)
        to[length++] = backwards[--count];
    return length;
}

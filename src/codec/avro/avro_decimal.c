/* The unscaled number is written out in decimal, nine digits at a time, and read as a double: rounded once, and to
 * the nearest. */
#include "codec/avro/avro_decimal.h"

#include <stdio.h>

#include "core/number.h"

enum {
    DECIMAL_BILLION = 1000000000,
    DECIMAL_GROUPS = 36,
    DECIMAL_TEXT_SIZE = DECIMAL_GROUPS * 9 + NUMBER_INTEGER_SIZE + 4
};

/* The absolute value, big-endian. Returns whether the number is negative. */
static bool decimal_absolute(struct slice unscaled, unsigned char to[AVRO_DECIMAL_SIZE]) {
    bool negative = unscaled.data[0] & 0x80;
    unsigned carry = negative;
    for (size_t i = unscaled.length; i-- > 0; carry >>= 8) {
        carry += (unsigned char)(negative ? ~unscaled.data[i] : unscaled.data[i]);
        to[i] = (unsigned char)carry;
    }
    return negative;
}

/* Divides a big-endian number by 10^9 in place and returns the remainder. */
static uint32_t decimal_divide(unsigned char *number, size_t length) {
    uint64_t rest = 0;
    for (size_t i = 0; i < length; i++) {
        rest = rest << 8 | number[i];
        number[i] = (unsigned char)(rest / DECIMAL_BILLION);
        rest %= DECIMAL_BILLION;
    }
    return (uint32_t)rest;
}

bool avro_decimal_read(struct slice unscaled, int64_t scale, double *ret_value) {
    unsigned char bytes[AVRO_DECIMAL_SIZE], *number = bytes;
    uint32_t groups[DECIMAL_GROUPS];
    char text[DECIMAL_TEXT_SIZE];
    size_t length = unscaled.length, count = 0;
    if (length == 0 || length > AVRO_DECIMAL_SIZE)
        return false;
    bool negative = decimal_absolute(unscaled, bytes);
    do {
        for (; length > 0 && *number == 0; length--)
            number++;
        groups[count++] = decimal_divide(number, length);
    } while (length > 0);
    int written = snprintf(text, sizeof text, "%s", negative ? "-" : "");
    while (count-- > 0)
        written += snprintf(text + written, sizeof text - (size_t)written, "%09u", groups[count]);
    written += snprintf(text + written, sizeof text - (size_t)written, "e-%lld", (long long)scale);
    return number_read_double((struct slice){text, (size_t)written}, ret_value);
}

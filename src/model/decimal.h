/* Decimals: exact numbers of up to 38 digits, as a whole number of units of 10^-scale. The scale is not stored: it
 * comes from the type.
 *
 * Rounding is HALF_UP (away from zero at a tie), as Java's BigDecimal is told to by ksqlDB. Everything that does not
 * fit is `false`, with the output untouched; intermediate results have 256 bits. */
#ifndef METERLINE_MODEL_DECIMAL_H
#define METERLINE_MODEL_DECIMAL_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>

typedef __int128 decimal;

enum { DECIMAL_DIGITS = 38, DECIMAL_TEXT_SIZE = 42 };

/* Precision and scale, together the shape of a DECIMAL. */
struct decimal_shape {
    unsigned precision, scale;
};

decimal decimal_power(unsigned exponent); /* 10^exponent, at most 38 */
/* From one scale to another shape. */
bool decimal_rescale(decimal value, unsigned scale, struct decimal_shape to, decimal *ret_value);

bool decimal_add(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to, decimal *ret_value);
bool decimal_subtract(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                      decimal *ret_value);
bool decimal_multiply(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                      decimal *ret_value);
/* Of the next two, false also when b is 0. The remainder has the sign of a. */
bool decimal_divide(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                    decimal *ret_value);
bool decimal_remainder(decimal a, unsigned scale_a, decimal b, unsigned scale_b, struct decimal_shape to,
                       decimal *ret_value);

int decimal_compare(decimal a, unsigned scale_a, decimal b, unsigned scale_b); /* -1, 0, 1 */
/* Against the shortest decimal that reads back as the double (BigDecimal.valueOf). `number` is not NaN. */
int decimal_compare_double(decimal a, unsigned scale, double number);

/* A decimal number with optional sign, point and exponent, the whole slice. */
bool decimal_read(struct slice text, struct decimal_shape to, decimal *ret_value);
bool decimal_from_double(double number, struct decimal_shape to, decimal *ret_value);
double decimal_to_double(decimal value, unsigned scale); /* the nearest */
/* "-12.30": all digits of the scale, no exponent. Returns the length; no NUL byte. */
size_t decimal_write(char to[DECIMAL_TEXT_SIZE], decimal value, unsigned scale);

#endif

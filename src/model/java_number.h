/* Numbers as Java writes and reads them (java.lang.Double, Integer and Long), for CASTs between numbers and STRING. */
#ifndef METERLINE_MODEL_JAVA_NUMBER_H
#define METERLINE_MODEL_JAVA_NUMBER_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JAVA_DOUBLE_SIZE = 32 };

/* The significant digits of a number's shortest text, without zeros at the end, and where the point stands:
 * 0.d1d2d3.. x 10^point. */
struct java_digits {
    char digits[JAVA_DOUBLE_SIZE];
    int count, point;
};

/* Of a finite number that is not negative. */
struct java_digits java_digits_of(double value);
/* Double.toString with the shortest digits that read back: "1.0", "0.001", "1.0E-4", "1.2345678E7", "NaN",
 * "-Infinity". Returns the length; no NUL byte. */
size_t java_write_double(char to[JAVA_DOUBLE_SIZE], double value);
/* Double.parseDouble, but for hexadecimal digits: spaces around are skipped, "NaN", "Infinity" and a trailing d or f
 * are known, what is too large is infinite. */
bool java_read_double(struct slice text, double *ret_value);
/* Integer.parseInt and Long.parseLong after trimming. */
bool java_read_integer(struct slice text, int64_t minimum, int64_t maximum, int64_t *ret_value);
/* Narrowing conversions of the language: towards zero, NaN is 0, out of range becomes the nearest. */
int64_t java_double_to_integer(double value, int64_t minimum, int64_t maximum);
/* String.trim: without the characters up to U+0020 at both ends. */
struct slice java_trim(struct slice text);

#endif

/* Doubles and integers as text, both ways, exact. Writing: the shortest decimal that reads back the same double (R.
 * Giulietti, "The Schubfach way to render doubles", 2020). Reading: correctly rounded; Clinger's fast path (at most
 * 15 digits, power of ten at most 22), strtod in the C locale for the rest. */
#ifndef METERLINE_CORE_NUMBER_H
#define METERLINE_CORE_NUMBER_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_DOUBLE_SIZE = 32, NUMBER_INTEGER_SIZE = 21 };

/* Writes a finite double as a JSON number and returns the length; no NUL byte. Whole numbers below 1e17 without a
 * point or exponent ("3", "-0", "240"); exponents as "1e+22", "1.5e-7" (below 1e-6), as JavaScript does but for
 * whole numbers. */
size_t number_write_double(char to[NUMBER_DOUBLE_SIZE], double value);
size_t number_write_integer(char to[NUMBER_INTEGER_SIZE], int64_t value);

/* The whole slice must be a decimal number (optional sign, digits, optional fraction and exponent; no spaces, no
 * hex). "nan", "inf" and what overflows ("1e999") are false. */
bool number_read_double(struct slice text, double *ret_value);
bool number_read_integer(struct slice text, int64_t *ret_value);

#endif

/* Logical type decimal (Apache Avro specification 1.11): an unscaled whole number, big-endian two's complement, and
 * a scale from the schema. */
#ifndef METERLINE_CODEC_AVRO_AVRO_DECIMAL_H
#define METERLINE_CODEC_AVRO_AVRO_DECIMAL_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum { AVRO_DECIMAL_SIZE = 128 }; /* bytes of unscaled number: as much as a double's range needs */

/* The double nearest to unscaled x 10^-scale. False: no bytes, more than AVRO_DECIMAL_SIZE, or beyond a double's
 * range. */
bool avro_decimal_read(struct slice unscaled, int64_t scale, double *ret_value);

#endif

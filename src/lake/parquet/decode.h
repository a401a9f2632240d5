/* Parquet's encodings, read from untrusted bytes. All return false when the bytes are not what they
 * should be. */
#ifndef METERLINE_LAKE_PARQUET_DECODE_H
#define METERLINE_LAKE_PARQUET_DECODE_H

#include "core/slice.h"
#include <stdint.h>

/* `count` values of `width` bits, at most 32, of the RLE/bit-packing hybrid; *at moves after them. */
bool decode_hybrid(const char **at, const char *end, unsigned width, uint32_t *to, size_t count);
/* `count` whole numbers of DELTA_BINARY_PACKED, of 64 bits, or of 32 (narrow). */
bool decode_delta(const char **at, const char *end, int64_t *to, size_t count, bool narrow);

#endif

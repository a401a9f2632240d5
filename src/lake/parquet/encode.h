/* Parquet's encodings, written: bit packing, runs and packed groups of eight (RLE), DELTA_BINARY_PACKED. */
#ifndef METERLINE_LAKE_PARQUET_ENCODE_H
#define METERLINE_LAKE_PARQUET_ENCODE_H

#include "core/bytes.h"
#include <stdint.h>

/* Bits that hold `value`. */
static inline unsigned encode_width(uint64_t value) {
    return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* Values of up to `width` bits, at most 32, as the RLE/bit-packing hybrid without a length. */
void encode_hybrid(struct bytes *to, const uint32_t *values, size_t count, unsigned width);
/* Whole numbers of 64 bits, or of 32 (narrow), in which differences wrap. */
void encode_delta(struct bytes *to, const int64_t *values, size_t count, bool narrow);

#endif

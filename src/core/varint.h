/* Reading variable-length integers (LEB128 and zigzag, as Avro and Protocol Buffers write them) from untrusted
 * bytes. */
#ifndef METERLINE_CORE_VARINT_H
#define METERLINE_CORE_VARINT_H

#include <stdbool.h>
#include <stdint.h>

/* Reads one at *at, which moves after it. False, with *at unspecified, at the end of the bytes or beyond 64 bits. */
static inline bool varint_read(const char **at, const char *end, uint64_t *ret_value) {
    const uint8_t *p = (const uint8_t *)*at, *stop = (const uint8_t *)end;
    uint64_t value = 0;
    for (unsigned shift = 0; p < stop && shift < 64; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = (const char *)p;
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static inline bool zigzag_read(const char **at, const char *end, int64_t *ret_value) {
    uint64_t raw;
    if (!varint_read(at, end, &raw))
        return false;
    *ret_value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
    return true;
}

#endif

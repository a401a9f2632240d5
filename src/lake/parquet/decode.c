#include "lake/parquet/decode.h"

#include "core/varint.h"

enum { MINI_BLOCK_MAXIMUM = 4096 };

/* `count` values from the lowest bits on; there are (count * width + 7) / 8 bytes. */
static void decode_packed(const unsigned char *from, size_t length, unsigned width, uint64_t *to, size_t count) {
    unsigned __int128 bits = 0;
    unsigned filled = 0;
    size_t at = 0;
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    for (size_t i = 0; i < count; i++) {
        while (filled < width && at < length) {
            bits |= (unsigned __int128)from[at++] << filled;
            filled += 8;
        }
        to[i] = (uint64_t)bits & mask;
        bits >>= width;
        filled = filled < width ? 0 : filled - width;
    }
}

static bool decode_groups(const char **at, const char *end, unsigned width, uint64_t groups, uint32_t *to, size_t count,
                          size_t *done) {
    uint64_t values[8];
    if (width && groups > (uint64_t)(end - *at) / width)
        return false;
    for (uint64_t g = 0; g < groups && *done < count; g++) {
        decode_packed((const unsigned char *)*at + g * width, width, width, values, 8);
        for (size_t i = 0; i < 8 && *done < count; i++)
            to[(*done)++] = (uint32_t)values[i];
    }
    *at += groups * width;
    return true;
}

bool decode_hybrid(const char **at, const char *end, unsigned width, uint32_t *to, size_t count) {
    size_t done = 0, bytes = (width + 7) / 8;
    if (width > 32)
        return false;
    while (done < count) {
        uint64_t header, value = 0;
        if (!varint_read(at, end, &header))
            return false;
        if (header >> 1 == 0)
            return false;
        if (header & 1) {
            if (!decode_groups(at, end, width, header >> 1, to, count, &done))
                return false;
            continue;
        }
        if ((size_t)(end - *at) < bytes)
            return false;
        for (size_t i = 0; i < bytes; i++)
            value |= (uint64_t)(unsigned char)(*at)[i] << 8 * i;
        *at += bytes;
        for (uint64_t i = 0; i < header >> 1 && done < count; i++)
            to[done++] = (uint32_t)value;
    }
    return true;
}

/* The differences of one mini block are added up; those after the last value are padding. */
static bool decode_mini_block(const char **at, const char *end, unsigned width, size_t length, int64_t smallest,
                              int64_t *to, size_t count) {
    uint64_t values[MINI_BLOCK_MAXIMUM];
    size_t bytes = length * width / 8;
    if (width > 64 || (size_t)(end - *at) < bytes)
        return false;
    decode_packed((const unsigned char *)*at, bytes, width, values, count);
    for (size_t i = 0; i < count; i++)
        to[i] = (int64_t)((uint64_t)to[(ptrdiff_t)i - 1] + values[i] + (uint64_t)smallest);
    *at += bytes;
    return true;
}

static bool decode_block(const char **at, const char *end, size_t mini_blocks, size_t length, int64_t *to,
                         size_t count) {
    int64_t smallest;
    if (!zigzag_read(at, end, &smallest) || (size_t)(end - *at) < mini_blocks)
        return false;
    const unsigned char *widths = (const unsigned char *)*at;
    *at += mini_blocks;
    for (size_t m = 0, done = 0; m < mini_blocks && done < count; m++, done += length) {
        size_t some = count - done < length ? count - done : length;
        if (!decode_mini_block(at, end, widths[m], length, smallest, to + done, some))
            return false;
    }
    return true;
}

bool decode_delta(const char **at, const char *end, int64_t *to, size_t count, bool narrow) {
    uint64_t block, mini_blocks, total;
    int64_t first;
    if (!varint_read(at, end, &block) || !varint_read(at, end, &mini_blocks) || !varint_read(at, end, &total) ||
        !zigzag_read(at, end, &first) || total != count || mini_blocks == 0 || mini_blocks > block ||
        block % mini_blocks != 0 || block / mini_blocks > MINI_BLOCK_MAXIMUM || block / mini_blocks % 32 != 0)
        return false;
    if (count)
        to[0] = first;
    for (size_t done = 1; done < count; done += block) {
        size_t some = count - done < block ? count - done : (size_t)block;
        if (!decode_block(at, end, (size_t)mini_blocks, (size_t)(block / mini_blocks), to + done, some))
            return false;
    }
    for (size_t i = 0; i < count && narrow; i++) /* the low bits of a sum do not depend on the high ones */
        to[i] = (int32_t)to[i];
    return true;
}

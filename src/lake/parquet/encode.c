#include "lake/parquet/encode.h"

#include <endian.h>

enum { BLOCK = 128, MINI_BLOCKS = 4, MINI_BLOCK = BLOCK / MINI_BLOCKS };

/* `count` values, a multiple of 8, the lowest bits first. */
static void encode_pack(struct bytes *to, const uint64_t *values, size_t count, unsigned width) {
    size_t length = count * width / 8;
    char *at = bytes_reserve(to, length + 8);
    unsigned __int128 bits = 0;
    unsigned filled = 0;
    if (!at)
        return;
    for (size_t i = 0; i < count; i++) {
        bits |= (unsigned __int128)values[i] << filled;
        filled += width;
        if (filled >= 64) {
            uint64_t word = htole64((uint64_t)bits);
            memcpy(at, &word, 8);
            at += 8;
            bits >>= 64;
            filled -= 64;
        }
    }
    uint64_t word = htole64((uint64_t)bits);
    memcpy(at, &word, 8);
    to->length += length;
}

static void encode_packed_groups(struct bytes *to, const uint32_t *values, size_t count, unsigned width) {
    uint64_t group[64];
    size_t groups = (count + 7) / 8;
    bytes_append_varint(to, groups << 1 | 1);
    for (size_t at = 0; at < count; at += 64) {
        size_t some = count - at < 64 ? count - at : 64, whole = (some + 7) / 8 * 8;
        for (size_t i = 0; i < whole; i++)
            group[i] = i < some ? values[at + i] : 0;
        encode_pack(to, group, whole, width);
    }
}

static void encode_run(struct bytes *to, uint32_t value, size_t count, unsigned width) {
    uint32_t little = htole32(value);
    bytes_append_varint(to, count << 1);
    bytes_append(to, &little, (width + 7) / 8);
}

/* Runs of at least eight equal values that begin where a group of eight may begin are written as runs, what lies
 * between as packed groups. */
void encode_hybrid(struct bytes *to, const uint32_t *values, size_t count, unsigned width) {
    size_t packed = 0; /* where the packed values begin that are not written yet */
    for (size_t at = 0; at < count;) {
        size_t end = at + 1;
        while (end < count && values[end] == values[at])
            end++;
        size_t fill = (8 - (at - packed) % 8) % 8; /* what the packed groups need to be whole */
        if (end - at < fill + 8) {
            at = end;
            continue;
        }
        if (at + fill > packed)
            encode_packed_groups(to, values + packed, at + fill - packed, width);
        encode_run(to, values[at], end - at - fill, width);
        packed = at = end;
    }
    if (packed < count)
        encode_packed_groups(to, values + packed, count - packed, width);
}

/* Some differences from the smallest of them, padded with zeros to a whole block. */
static void encode_block(struct bytes *to, const uint64_t *deltas, size_t count, bool narrow) {
    uint64_t relative[BLOCK] = {0}, every[MINI_BLOCKS] = {0};
    int64_t smallest = INT64_MAX;
    for (size_t i = 0; i < count; i++)
        smallest = (int64_t)deltas[i] < smallest ? (int64_t)deltas[i] : smallest;
    for (size_t i = 0; i < count; i++) {
        relative[i] = deltas[i] - (uint64_t)smallest;
        relative[i] = narrow ? (uint32_t)relative[i] : relative[i];
        every[i / MINI_BLOCK] |= relative[i];
    }
    bytes_append_zigzag(to, smallest);
    for (size_t m = 0; m < MINI_BLOCKS; m++)
        bytes_append_char(to, (char)encode_width(every[m]));
    for (size_t m = 0; m * MINI_BLOCK < count; m++)
        encode_pack(to, relative + m * MINI_BLOCK, MINI_BLOCK, encode_width(every[m]));
}

void encode_delta(struct bytes *to, const int64_t *values, size_t count, bool narrow) {
    uint64_t deltas[BLOCK];
    bytes_append_varint(to, BLOCK);
    bytes_append_varint(to, MINI_BLOCKS);
    bytes_append_varint(to, count);
    bytes_append_zigzag(to, count ? values[0] : 0);
    for (size_t at = 1; at < count; at += BLOCK) {
        size_t some = count - at < BLOCK ? count - at : BLOCK;
        for (size_t i = 0; i < some; i++) {
            deltas[i] = (uint64_t)values[at + i] - (uint64_t)values[at + i - 1];
            deltas[i] = narrow ? (uint64_t)(int64_t)(int32_t)deltas[i] : deltas[i];
        }
        encode_block(to, deltas, some, narrow);
    }
}

/* Looking at text: eight bytes at a time (S. E. Anderson, "Bit Twiddling Hacks": determine if a word has a byte less
 * than n), or sixteen in a vector; UTF-8, and JSON's \u escapes. */
#ifndef METERLINE_CORE_TEXT_H
#define METERLINE_CORE_TEXT_H

#include "core/slice.h"
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TEXT_ONES  UINT64_C(0x0101010101010101)
#define TEXT_HIGHS UINT64_C(0x8080808080808080)

static inline uint64_t text_load(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Not zero when a byte of `word` is below `limit` (at most 0x80). */
static inline uint64_t text_any_below(uint64_t word, unsigned limit) {
    return (word - TEXT_ONES * limit) & ~word & TEXT_HIGHS;
}

/* Not zero when a byte of `word` is `byte`. */
static inline uint64_t text_any_equal(uint64_t word, unsigned byte) {
    return text_any_below(word ^ (TEXT_ONES * byte), 1);
}

typedef uint8_t text_vector __attribute__((vector_size(16)));

static inline text_vector text_load_vector(const char *at) {
    text_vector vector;
    memcpy(&vector, at, sizeof vector);
    return vector;
}

/* All bytes of the vector, one way or the other, in a word. */
static inline uint64_t text_fold_vector(text_vector vector) {
    uint64_t halves[2];
    memcpy(halves, &vector, sizeof halves);
    return halves[0] | halves[1];
}

/* 0xff for each byte below space, and for DEL. */
static inline text_vector text_controls(text_vector vector) {
    return (text_vector)(vector < 0x20) | (text_vector)(vector == 0x7f);
}

/* Has the text no character below space and no DEL? */
static inline bool text_without_controls(struct slice text) {
    const char *at = text.data, *end = at + text.length;
    if (text.length >= 16) { /* the last sixteen, some of them again */
        text_vector found = text_controls(text_load_vector(end - 16));
        for (; end - at > 16; at += 16)
            found |= text_controls(text_load_vector(at));
        return text_fold_vector(found) == 0;
    }
    for (; at < end; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}

static inline uint32_t text_load_half(const char *at) {
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* memcmp() == 0 without a call, for texts of a few words: what is left of the last word is compared by two loads that
 * overlap. */
static inline bool text_same(const char *a, const char *b, size_t length) {
    if (length >= 8) {
        size_t at = 0;
        do
            if (text_load(a + at) != text_load(b + at))
                return false;
        while ((at += 8) + 8 < length);
        return text_load(a + length - 8) == text_load(b + length - 8);
    }
    if (length >= 4)
        return text_load_half(a) == text_load_half(b) &&
               text_load_half(a + length - 4) == text_load_half(b + length - 4);
    return length == 0 || ((a[0] == b[0]) & (a[length / 2] == b[length / 2]) & (a[length - 1] == b[length - 1]));
}

/* Has the text no byte above 0x7f? */
static inline bool text_ascii(struct slice text) {
    const char *at = text.data, *stop = at + text.length;
    uint64_t high = 0;
    if (text.length >= 16) { /* the last sixteen, some of them again */
        text_vector all = text_load_vector(stop - 16);
        for (; stop - at > 16; at += 16)
            all |= text_load_vector(at);
        return (text_fold_vector(all) & TEXT_HIGHS) == 0;
    }
    if (text.length >= 8)
        return ((text_load(at) | text_load(stop - 8)) & TEXT_HIGHS) == 0;
    for (; at < stop; at++)
        high |= (unsigned char)*at;
    return (high & TEXT_HIGHS) == 0;
}

/* The length of the UTF-8 character at `at` (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF), or 0.
 * `left` is at least 1. */
static inline size_t utf8_length(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    unsigned c = at[0];
    size_t length = c < 0x80                ? 1
                    : c >= 0xc2 && c < 0xe0 ? 2
                    : c >= 0xe0 && c < 0xf0 ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) ||
        (c == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

static inline bool utf8_valid(struct slice text) {
    for (size_t at = 0, length; at < text.length; at += length)
        if (!(length = utf8_length(text.data + at, text.length - at)))
            return false;
    return true;
}

/* Writes a character in UTF-8 and returns the place after it. */
static inline char *utf8_write(char *to, unsigned c) {
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* Four hexadecimal digits, or -1. */
static inline int json_hex(const char *at, const char *end) {
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = at[i], lower = c | 0x20;
        int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Reads what stands after "\u": one unit, or a surrogate pair. Returns the bytes used, 0 when it is wrong. */
static inline size_t json_unicode(const char *at, const char *end, unsigned *ret_character) {
    int unit = json_hex(at, end);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return 0;
    *ret_character = (unsigned)unit;
    if (unit < 0xd800 || unit >= 0xe000)
        return 4;
    if (end - at < 10 || at[4] != '\\' || at[5] != 'u')
        return 0;
    int low = json_hex(at + 6, end);
    if (low < 0xdc00 || low >= 0xe000)
        return 0;
    *ret_character = 0x10000 + ((unsigned)(unit - 0xd800) << 10) + (unsigned)(low - 0xdc00);
    return 10;
}

#endif

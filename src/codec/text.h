/* Looking at text: eight bytes at a time (S. E. Anderson, "Bit Twiddling Hacks": determine if a word has a byte less than n), and UTF-8. */
#ifndef METERLINE_CODEC_TEXT_H
#define METERLINE_CODEC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "core/slice.h"

#define TEXT_ONES UINT64_C(0x0101010101010101)
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

/* Has the text no character below space and no DEL? */
static inline bool text_without_controls(struct slice text) {
    const char *at = text.data, *end = at + text.length;
    for (; end - at >= 8; at += 8) {
        uint64_t word = text_load(at);
        if (text_any_below(word, 0x20) | text_any_equal(word, 0x7f))
            return false;
    }
    for (; at < end; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}

/* The length of the UTF-8 character at `at` (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF), or 0. `left` is at least 1. */
static inline size_t utf8_length(const char *text, size_t left) {
    const unsigned char *at = (const unsigned char *)text;
    unsigned c = at[0];
    size_t length = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) || (c == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

static inline bool utf8_valid(struct slice text) {
    for (size_t at = 0, length; at < text.length; at += length)
        if (!(length = utf8_length(text.data + at, text.length - at)))
            return false;
    return true;
}

#endif

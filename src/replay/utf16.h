/* UTF-16 to UTF-8, block by block (RFC 2781). What is no character becomes U+FFFD. One thread. */
#ifndef METERLINE_REPLAY_UTF16_H
#define METERLINE_REPLAY_UTF16_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum utf16_kind { UTF16_NOT, UTF16_LITTLE, UTF16_BIG };

struct utf16 {
    enum utf16_kind kind;
    unsigned char odd; /* the first byte of a unit whose second has not come */
    bool has_odd;
    unsigned high; /* a high surrogate that waits for the low one, 0: none */
};

/* By a byte order mark, or, without one, by the zero bytes of ASCII text: at least four units, and the same half of
 * each is zero. `*ret_skip`: bytes of the mark. */
enum utf16_kind utf16_recognise(const unsigned char *text, size_t length, size_t *ret_skip);
/* Writes at most 3 bytes for each 2 of `from`, and 3 more; returns how many. */
size_t utf16_decode(struct utf16 *utf16, const unsigned char *from, size_t length, char *to);

#endif

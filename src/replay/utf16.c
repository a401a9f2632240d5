#include "replay/utf16.h"

#include "core/text.h"

enum { UTF16_LOOKED_AT = 64, UTF16_ENOUGH = 8, UTF16_REPLACEMENT = 0xfffd };

enum utf16_kind utf16_recognise(const unsigned char *text, size_t length, size_t *ret_skip) {
    *ret_skip = 2;
    if (length >= 2 && text[0] == 0xff && text[1] == 0xfe)
        return UTF16_LITTLE;
    if (length >= 2 && text[0] == 0xfe && text[1] == 0xff)
        return UTF16_BIG;
    *ret_skip = 0;
    size_t looked_at = (length < UTF16_LOOKED_AT ? length : UTF16_LOOKED_AT) & ~(size_t)1, zeros[2] = {0, 0};
    for (size_t i = 0; i < looked_at; i++)
        zeros[i & 1] += text[i] == 0;
    if (looked_at < UTF16_ENOUGH || (zeros[0] && zeros[1]))
        return UTF16_NOT;
    return zeros[1] == looked_at / 2 ? UTF16_LITTLE : zeros[0] == looked_at / 2 ? UTF16_BIG : UTF16_NOT;
}

static char *utf16_unit(struct utf16 *utf16, unsigned unit, char *to) {
    bool low = unit >= 0xdc00 && unit < 0xe000;
    if (utf16->high && low) {
        unit = 0x10000 + ((utf16->high - 0xd800) << 10) + (unit - 0xdc00);
        utf16->high = 0;
        return utf8_write(to, unit);
    }
    if (utf16->high)
        to = utf8_write(to, UTF16_REPLACEMENT);
    utf16->high = unit >= 0xd800 && unit < 0xdc00 ? unit : 0;
    return utf16->high ? to : utf8_write(to, low ? UTF16_REPLACEMENT : unit);
}

size_t utf16_decode(struct utf16 *utf16, const unsigned char *from, size_t length, char *to) {
    char *begin = to;
    for (size_t i = 0; i < length; i++) {
        if (!utf16->has_odd) {
            utf16->odd = from[i];
            utf16->has_odd = true;
            continue;
        }
        utf16->has_odd = false;
        unsigned unit =
            utf16->kind == UTF16_LITTLE ? (unsigned)(utf16->odd | from[i] << 8) : (unsigned)(utf16->odd << 8 | from[i]);
        to = utf16_unit(utf16, unit, to);
    }
    return (size_t)(to - begin);
}

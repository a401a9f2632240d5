#include "sql/function/library/text/text_units.h"

#include "core/text.h"

size_t text_character(struct slice text) {
    size_t length = utf8_length(text.data, text.length);
    return length ? length : 1;
}

unsigned text_code_point(const char *at, size_t length) {
    const unsigned char *byte = (const unsigned char *)at;
    switch (length) {
    case 2:
        return (byte[0] & 0x1fU) << 6 | (byte[1] & 0x3fU);
    case 3:
        return (byte[0] & 0x0fU) << 12 | (byte[1] & 0x3fU) << 6 | (byte[2] & 0x3fU);
    case 4:
        return (byte[0] & 0x07U) << 18 | (byte[1] & 0x3fU) << 12 | (byte[2] & 0x3fU) << 6 | (byte[3] & 0x3fU);
    default:
        return byte[0] < 0x80 ? byte[0] : 0xfffd;
    }
}

static struct slice text_from(struct slice text, size_t at) {
    return (struct slice){text.data + at, text.length - at};
}

size_t text_units(struct slice text) {
    size_t units = 0;
    for (size_t at = 0, length; at < text.length; at += length) {
        length = text_character(text_from(text, at));
        units += length == 4 ? 2 : 1;
    }
    return units;
}

size_t text_unit_offset(struct slice text, size_t units, bool *ret_inside) {
    size_t at = 0;
    *ret_inside = false;
    while (at < text.length && units) {
        size_t length = text_character(text_from(text, at));
        if (length == 4 && units == 1) {
            *ret_inside = true;
            return at;
        }
        units -= length == 4 ? 2 : 1;
        at += length;
    }
    return at;
}

void text_append_units(struct bytes *to, struct slice text, size_t from, size_t count) {
    bool inside;
    size_t begin = text_unit_offset(text, from, &inside);
    if (count == 0 || begin == text.length)
        return;
    if (inside) {
        bytes_append_char(to, '?');
        begin += 4;
        count--;
    }
    text = text_from(text, begin);
    size_t length = text_unit_offset(text, count, &inside);
    bytes_append(to, text.data, length);
    if (inside)
        bytes_append_char(to, '?');
}

size_t text_find(struct slice text, struct slice part, size_t from) {
    if (from > text.length || part.length > text.length - from)
        return SIZE_MAX;
    const char *at =
        part.length ? memmem(text.data + from, text.length - from, part.data, part.length) : text.data + from;
    return at ? (size_t)(at - text.data) : SIZE_MAX;
}

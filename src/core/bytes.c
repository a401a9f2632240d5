/* The buffer doubles; writers of numbers and text reserve room first and write in place. */
#include "core/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* From now on there is no room left, so that the fast path of bytes_reserve ends here as well. */
static char *bytes_fail(struct bytes *bytes) {
    bytes->failed = true;
    bytes->capacity = bytes->length;
    return NULL;
}

char *bytes_reserve_slow(struct bytes *bytes, size_t more) {
    if (bytes->failed || more > SIZE_MAX / 4 - bytes->length)
        return bytes_fail(bytes);
    size_t capacity = bytes->capacity ? bytes->capacity : 256;
    while (capacity - bytes->length < more)
        capacity *= 2;
    char *data = realloc(bytes->data, capacity);
    if (!data)
        return bytes_fail(bytes);
    bytes->data = data;
    bytes->capacity = capacity;
    return data + bytes->length;
}

void bytes_append_string(struct bytes *bytes, const char *string) {
    bytes_append(bytes, string, strlen(string));
}

void bytes_append_format(struct bytes *bytes, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char small[256];
    int length = vsnprintf(small, sizeof small, format, arguments);
    if (length < 0) {
        bytes_fail(bytes);
    } else if ((size_t)length < sizeof small) {
        bytes_append(bytes, small, (size_t)length);
    } else {
        char *to = bytes_reserve(bytes, (size_t)length + 1);
        if (to) {
            vsnprintf(to, (size_t)length + 1, format, again);
            bytes->length += (size_t)length;
        }
    }
    va_end(again);
    va_end(arguments);
}

void bytes_append_quoted(struct bytes *bytes, struct slice text) {
    bytes_append_char(bytes, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"')
            bytes_append_char(bytes, '"');
        bytes_append_char(bytes, text.data[i]);
    }
    bytes_append_char(bytes, '"');
}

void bytes_append_varint(struct bytes *bytes, uint64_t value) {
    char *to = bytes_reserve(bytes, 10);
    if (!to)
        return;
    size_t length = 0;
    for (; value >= 0x80; value >>= 7)
        to[length++] = (char)(value | 0x80);
    to[length++] = (char)value;
    bytes->length += length;
}

void bytes_append_zigzag(struct bytes *bytes, int64_t value) {
    bytes_append_varint(bytes, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void bytes_release(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}

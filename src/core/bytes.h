/* Bytes: a growing buffer to write records, JSON and text into. Appends after a failed allocation do nothing and
 * leave `failed` set, so a writer checks once at the end. */
#ifndef METERLINE_CORE_BYTES_H
#define METERLINE_CORE_BYTES_H

#include "core/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    char *data;
    size_t length, capacity;
    bool failed;
};

/* Makes room for `more` bytes after `length`; the caller writes there and adds to `length`. NULL: no memory. */
char *bytes_reserve_slow(struct bytes *bytes, size_t more);
static inline char *bytes_reserve(struct bytes *bytes, size_t more) {
    if (bytes->capacity - bytes->length >= more && bytes->data)
        return bytes->data + bytes->length;
    return bytes_reserve_slow(bytes, more);
}

static inline void bytes_append(struct bytes *bytes, const void *data, size_t length) {
    char *to = bytes_reserve(bytes, length);
    if (to && length) {
        memcpy(to, data, length);
        bytes->length += length;
    }
}

static inline void bytes_append_slice(struct bytes *bytes, struct slice slice) {
    bytes_append(bytes, slice.data, slice.length);
}

static inline void bytes_append_char(struct bytes *bytes, char c) {
    bytes_append(bytes, &c, 1);
}

/* In double quotes, those inside doubled, as a field of CSV (RFC 4180). */
void bytes_append_quoted(struct bytes *bytes, struct slice text);
void bytes_append_string(struct bytes *bytes, const char *string);
void bytes_append_format(struct bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* LEB128, low seven bits first, as in Protocol Buffers; at most 10 bytes. */
void bytes_append_varint(struct bytes *bytes, uint64_t value);
void bytes_append_zigzag(struct bytes *bytes, int64_t value); /* Avro's int and long */

static inline struct slice bytes_slice(const struct bytes *bytes) {
    return (struct slice){bytes->data ? bytes->data : "", bytes->length};
}

void bytes_release(struct bytes *bytes); /* usable with cleanup() */

#endif

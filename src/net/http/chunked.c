#include "net/http/chunked.h"

enum chunked_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION, /* after ';' */
    CHUNK_SIZE_LF,   /* after the CR of the size line */
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_BEGIN, /* of a line */
    TRAILER_LINE,
    TRAILER_LF,
    LAST_LF, /* of the empty line */
};

enum { SIZE_DIGITS_MAXIMUM = 15 };

static int chunk_digit(char c) {
    int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_text(char c) {
    return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

/* The state after a character of the size line; -1: it may not stand there. */
static int chunk_size(struct chunked *chunked, char c) {
    int digit = chunk_digit(c);
    if (digit >= 0) {
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return ++chunked->digits > SIZE_DIGITS_MAXIMUM ? -1 : CHUNK_SIZE;
    }
    if (chunked->digits == 0)
        return -1;
    return c == '\r' ? CHUNK_SIZE_LF : c == ';' ? CHUNK_EXTENSION : -1;
}

static int chunk_text(struct chunked *chunked, char c, int state, int after_cr) {
    if (c == '\r')
        return after_cr;
    return is_text(c) && ++chunked->extra <= CHUNKED_EXTRA_MAXIMUM ? state : -1;
}

/* The one place where states change, but for data. */
static int chunk_next(struct chunked *chunked, char c) {
    switch ((enum chunked_state)chunked->state) {
    case CHUNK_SIZE:
        return chunk_size(chunked, c);
    case CHUNK_EXTENSION:
        return chunk_text(chunked, c, CHUNK_EXTENSION, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return c != '\n' ? -1 : chunked->left ? CHUNK_DATA : TRAILER_BEGIN;
    case CHUNK_DATA:
        break; /* not a character of a line */
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : -1;
    case CHUNK_DATA_LF:
        chunked->digits = 0;
        return c == '\n' ? CHUNK_SIZE : -1;
    case TRAILER_BEGIN:
        return c == ' ' || c == '\t' ? -1 : chunk_text(chunked, c, TRAILER_LINE, LAST_LF);
    case TRAILER_LINE:
        return chunk_text(chunked, c, TRAILER_LINE, TRAILER_LF);
    case TRAILER_LF:
        return c == '\n' ? TRAILER_BEGIN : -1;
    case LAST_LF:
        chunked->done = c == '\n';
        return c == '\n' ? LAST_LF : -1;
    }
    return -1;
}

ssize_t chunked_read(struct chunked *chunked, struct slice bytes, struct slice *ret_piece) {
    size_t at = 0;
    *ret_piece = (struct slice){bytes.data, 0};
    while (at < bytes.length && !chunked->done) {
        if (chunked->state == CHUNK_DATA) {
            size_t here = bytes.length - at;
            size_t length = chunked->left < here ? (size_t)chunked->left : here;
            *ret_piece = (struct slice){bytes.data + at, length};
            chunked->left -= length;
            chunked->state = chunked->left ? CHUNK_DATA : CHUNK_DATA_CR;
            return (ssize_t)(at + length);
        }
        int state = chunk_next(chunked, bytes.data[at++]);
        if (state < 0)
            return -1;
        chunked->state = state;
    }
    return (ssize_t)at;
}

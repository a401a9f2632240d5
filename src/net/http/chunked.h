/* The chunked transfer coding (RFC 9112 7.1), strictly: sizes are hexadecimal digits alone, lines end with CR LF, and
 * extensions and trailers are read over but have a limit. No allocation, any division of the bytes. */
#ifndef METERLINE_NET_HTTP_CHUNKED_H
#define METERLINE_NET_HTTP_CHUNKED_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes of extensions and trailers of one body. */
enum { CHUNKED_EXTRA_MAXIMUM = 8192 };

/* Zeroed it is at the beginning of a body. */
struct chunked {
    int state;
    int digits;    /* of the size so far */
    uint64_t left; /* of this chunk */
    size_t extra;
    bool done; /* the last chunk and the trailers have been read */
};

/* Takes bytes up to a piece of data or the end of what there is; returns how many, -1: it is not well formed. The
 * piece (length 0: none this time) points into `bytes`. Call again until `done` or no byte was taken. */
ssize_t chunked_read(struct chunked *chunked, struct slice bytes, struct slice *ret_piece);

#endif

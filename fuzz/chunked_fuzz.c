/* Fuzz target: any bytes as a chunked body. The body must be the same however the bytes are divided: the first byte is the size of
 * the pieces. */
#include <stdint.h>
#include <stdlib.h>

#include "core/bytes.h"
#include "net/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1: whole, 0: more is needed, -1: not well formed; how many bytes were used. */
static int read_all(struct slice text, size_t step, struct bytes *to, size_t *ret_used) {
    struct chunked chunked = {0};
    size_t at = 0;
    while (at < text.length && !chunked.done) {
        struct slice piece, part = {text.data + at, text.length - at < step ? text.length - at : step};
        ssize_t used = chunked_read(&chunked, part, &piece);
        if (used < 0)
            return -1;
        if (used == 0 || (size_t)used > part.length || piece.length > (size_t)used)
            abort();
        bytes_append_slice(to, piece);
        at += (size_t)used;
    }
    *ret_used = at;
    return chunked.done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct slice text = {(const char *)data + 1, size - 1};
    struct bytes whole = {0}, parts = {0};
    size_t used = 0, used_in_parts = 0;
    int result = read_all(text, size, &whole, &used),
        in_parts = read_all(text, data[0] % 17 + 1, &parts, &used_in_parts);
    if (result != in_parts || used != used_in_parts ||
        (result >= 0 && !slice_equal(bytes_slice(&whole), bytes_slice(&parts))))
        abort();
    bytes_release(&whole);
    bytes_release(&parts);
    return 0;
}

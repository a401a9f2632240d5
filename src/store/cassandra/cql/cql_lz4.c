#include "store/cassandra/cql/cql_lz4.h"

#include <lz4.h>

#include "store/cassandra/cql/cql_value.h"

enum { LZ4_RATIO_MAXIMUM = 255 }; /* a byte of a block stands for at most 255 bytes */

bool cql_lz4_compress(struct slice body, struct bytes *to) {
    if (body.length < 64 || body.length > LZ4_MAX_INPUT_SIZE)
        return false;
    size_t start = to->length, room = body.length - 4; /* with the length before it, it must be smaller */
    char *block = bytes_reserve(to, body.length);
    if (!block)
        return false;
    int length = LZ4_compress_default(body.data, block + 4, (int)body.length, (int)room - 1);
    if (length <= 0)
        return false;
    cql_write_int(to, (int32_t)body.length);
    to->length = start + 4 + (size_t)length;
    return true;
}

int cql_lz4_expand(struct slice body, size_t maximum, struct bytes *to, struct error *error) {
    struct cql_reader reader = cql_reader_of(body);
    uint32_t length = (uint32_t)cql_read_int(&reader);
    if (reader.failed || length > maximum || length / LZ4_RATIO_MAXIMUM > cql_left(&reader))
        return error_set(error, ERROR_CORRUPT,
                         "a compressed frame of %zu bytes claims %u uncompressed ones; at most %zu are read",
                         body.length, length, maximum);
    to->length = 0;
    char *room = bytes_reserve(to, (size_t)length + 1);
    if (!room) {
        bytes_release(to);
        return error_no_memory(error);
    }
    int got = length ? LZ4_decompress_safe(reader.at, room, (int)cql_left(&reader), (int)length) : 0;
    if (got < 0 || (uint32_t)got != length)
        return error_set(error, ERROR_CORRUPT,
                         "a compressed frame of %zu bytes does not expand to the %u bytes that it claims", body.length,
                         length);
    to->length = length;
    return 0;
}

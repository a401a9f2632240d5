#include "store/cassandra/cql/cql_frame.h"

#include <endian.h>
#include <string.h>

enum { CQL_FRAME_RESPONSE = 0x80 };

void cql_frame_encode(char to[CQL_FRAME_HEADER], const struct cql_frame *frame) {
    uint16_t stream = htobe16((uint16_t)frame->stream);
    uint32_t length = htobe32(frame->length);
    to[0] = CQL_VERSION;
    to[1] = (char)frame->flags;
    memcpy(to + 2, &stream, sizeof stream);
    to[4] = (char)frame->opcode;
    memcpy(to + 5, &length, sizeof length);
}

int cql_frame_decode(const char from[CQL_FRAME_HEADER], struct cql_frame *ret_frame, struct error *error) {
    uint16_t stream;
    uint32_t length;
    memcpy(&stream, from + 2, sizeof stream);
    memcpy(&length, from + 5, sizeof length);
    uint8_t version = (uint8_t)from[0];
    if (!(version & CQL_FRAME_RESPONSE))
        return error_set(
            error, ERROR_CORRUPT,
            "the server does not speak the CQL native protocol (its first byte is 0x%02x); is the port right?",
            version);
    if (be32toh(length) > CQL_BODY_MAXIMUM)
        return error_set(error, ERROR_CORRUPT, "the server sent a frame of %u bytes; at most %d are read",
                         be32toh(length), CQL_BODY_MAXIMUM);
    *ret_frame = (struct cql_frame){(uint8_t)(version & ~(unsigned)CQL_FRAME_RESPONSE), (uint8_t)from[1],
                                    (int16_t)be16toh(stream), (uint8_t)from[4], be32toh(length)};
    return 0;
}

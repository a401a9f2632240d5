/* Frames of the CQL native protocol, v4 (native_protocol_v4.spec, section 2): nine bytes of header, then the body.
 *
 *     0         8        16        24        32         40                      72
 *     | version |  flags  |      stream       | opcode  | length of the body    | body ...
 *
 * The high bit of the version is set in what a server sends. A stream id ties an answer to its request; -1 is an
 * event that was not asked for. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_FRAME_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_FRAME_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

enum {
    CQL_VERSION = 4,
    CQL_FRAME_HEADER = 9,
    CQL_BODY_MAXIMUM = 32 << 20, /* bytes of a body, compressed or not; the protocol allows 256 MiB */
};

enum cql_flag { CQL_FLAG_COMPRESSED = 1, CQL_FLAG_TRACING = 2, CQL_FLAG_PAYLOAD = 4, CQL_FLAG_WARNING = 8 };

enum cql_opcode {
    CQL_ERROR = 0x00,
    CQL_STARTUP = 0x01,
    CQL_READY = 0x02,
    CQL_AUTHENTICATE = 0x03,
    CQL_OPTIONS = 0x05,
    CQL_SUPPORTED = 0x06,
    CQL_QUERY = 0x07,
    CQL_RESULT = 0x08,
    CQL_PREPARE = 0x09,
    CQL_EXECUTE = 0x0a,
    CQL_REGISTER = 0x0b,
    CQL_EVENT = 0x0c,
    CQL_BATCH = 0x0d,
    CQL_AUTH_CHALLENGE = 0x0e,
    CQL_AUTH_RESPONSE = 0x0f,
    CQL_AUTH_SUCCESS = 0x10,
};

struct cql_frame {
    uint8_t version; /* without the bit of direction */
    uint8_t flags;
    int16_t stream;
    uint8_t opcode;
    uint32_t length; /* of the body */
};

/* A request's header of this version. */
void cql_frame_encode(char to[CQL_FRAME_HEADER], const struct cql_frame *frame);
/* A response's header, from nine bytes. ERROR_CORRUPT: not a response, or the body is longer than CQL_BODY_MAXIMUM.
 * The version may be another one: a server that does not speak v4 says so in an ERROR of its own version. */
int cql_frame_decode(const char from[CQL_FRAME_HEADER], struct cql_frame *ret_frame, struct error *error);

#endif

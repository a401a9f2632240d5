/* LZ4 compression of frame bodies (native_protocol_v4.spec, section 5): the uncompressed length in four bytes,
 * big-endian, then one LZ4 block. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_LZ4_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_LZ4_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/slice.h"

/* Appends the compressed body to `to`. False, and nothing appended, when it would not get smaller or memory has run
 * out: send it as it is. */
bool cql_lz4_compress(struct slice body, struct bytes *to);
/* Replaces what is in `to`. ERROR_CORRUPT: damaged, or it claims more than `maximum` bytes, which is found before
 * they are allocated. */
int cql_lz4_expand(struct slice body, size_t maximum, struct bytes *to, struct error *error);

#endif

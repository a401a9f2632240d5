/* The notations of the CQL native protocol, v4 (native_protocol_v4.spec, sections 3 and 6): big-endian numbers,
 * strings and values.
 *
 * Writing appends to a `struct bytes`; its `failed` covers lack of memory and lengths that the notation cannot hold.
 * Reading never goes after the end: the first read that would sets `failed`, and from then on every read gives zero
 * or null. So a decoder reads a whole message and looks at `failed` once. Slices point into the bytes that are read. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_VALUE_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_VALUE_H

#include "core/bytes.h"
#include "core/slice.h"
#include <endian.h>
#include <stdint.h>

struct cql_reader {
    const char *at, *end;
    bool failed;
};

static inline struct cql_reader cql_reader_of(struct slice from) {
    return (struct cql_reader){from.data, from.data + from.length, false};
}

static inline size_t cql_left(const struct cql_reader *reader) {
    return (size_t)(reader->end - reader->at);
}

/* `length` bytes at the place of the reader, which moves on; NULL when they are not there. */
static inline const char *cql_take(struct cql_reader *reader, size_t length) {
    if (reader->failed || length > cql_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    const char *from = reader->at;
    reader->at += length;
    return from;
}

static inline uint8_t cql_read_byte(struct cql_reader *reader) {
    const char *from = cql_take(reader, 1);
    return from ? (uint8_t)*from : 0;
}

static inline uint16_t cql_read_short(struct cql_reader *reader) {
    const char *from = cql_take(reader, 2);
    uint16_t value = 0;
    if (from)
        memcpy(&value, from, sizeof value);
    return be16toh(value);
}

static inline int32_t cql_read_int(struct cql_reader *reader) {
    const char *from = cql_take(reader, 4);
    uint32_t value = 0;
    if (from)
        memcpy(&value, from, sizeof value);
    return (int32_t)be32toh(value);
}

struct slice cql_read_string(struct cql_reader *reader);
struct slice cql_read_short_bytes(struct cql_reader *reader);
struct slice cql_read_bytes(struct cql_reader *reader); /* a negative length is null */
void cql_skip_string_list(struct cql_reader *reader);

static inline void cql_write_byte(struct bytes *to, uint8_t value) {
    bytes_append_char(to, (char)value);
}

static inline void cql_write_short(struct bytes *to, uint16_t value) {
    value = htobe16(value);
    bytes_append(to, &value, sizeof value);
}

static inline void cql_write_int(struct bytes *to, int32_t value) {
    uint32_t wire = htobe32((uint32_t)value);
    bytes_append(to, &wire, sizeof wire);
}

static inline void cql_write_long(struct bytes *to, int64_t value) {
    uint64_t wire = htobe64((uint64_t)value);
    bytes_append(to, &wire, sizeof wire);
}

void cql_write_string(struct bytes *to, struct slice value);
void cql_write_short_bytes(struct bytes *to, struct slice value);
void cql_write_long_string(struct bytes *to, struct slice value);
void cql_write_bytes(struct bytes *to, struct slice value); /* data NULL: null */

/* Cells of a row (section 6). False when the cell is null or has another size than its type. */
bool cql_cell_integer(struct slice cell,
                      int64_t *ret_value); /* tinyint, smallint, int, bigint, counter, timestamp: by size */
bool cql_cell_double(struct slice cell, double *ret_value); /* double or float: by size */
bool cql_cell_boolean(struct slice cell, bool *ret_value);

/* A list, set or map: its number of elements (two for each entry of a map), then each with cql_read_bytes. False:
 * null or damaged. */
bool cql_cell_collection(struct slice cell, unsigned parts, struct cql_reader *ret_reader, uint32_t *ret_count);

#endif

/* Numbers, strings and values of the protocol, one function for each notation. */
#include "store/cassandra/cql/cql_value.h"

struct slice cql_read_string(struct cql_reader *reader) {
    size_t length = cql_read_short(reader);
    const char *from = cql_take(reader, length);
    return from ? (struct slice){from, length} : (struct slice){NULL, 0};
}

struct slice cql_read_short_bytes(struct cql_reader *reader) {
    return cql_read_string(reader);
}

struct slice cql_read_bytes(struct cql_reader *reader) {
    int32_t length = cql_read_int(reader);
    if (length < 0)
        return (struct slice){NULL, 0};
    const char *from = cql_take(reader, (size_t)length);
    return from ? (struct slice){from, (size_t)length} : (struct slice){NULL, 0};
}

void cql_skip_string_list(struct cql_reader *reader) {
    for (uint16_t left = cql_read_short(reader); left && !reader->failed; left--)
        cql_read_string(reader);
}

static bool cql_length_fits(struct bytes *to, size_t length, size_t maximum) {
    if (length <= maximum)
        return true;
    to->failed = true;
    to->capacity = to->length; /* as bytes.c does: later appends find no room */
    return false;
}

void cql_write_string(struct bytes *to, struct slice value) {
    if (!cql_length_fits(to, value.length, UINT16_MAX))
        return;
    cql_write_short(to, (uint16_t)value.length);
    bytes_append_slice(to, value);
}

void cql_write_short_bytes(struct bytes *to, struct slice value) {
    cql_write_string(to, value);
}

void cql_write_long_string(struct bytes *to, struct slice value) {
    if (!cql_length_fits(to, value.length, INT32_MAX))
        return;
    cql_write_int(to, (int32_t)value.length);
    bytes_append_slice(to, value);
}

void cql_write_bytes(struct bytes *to, struct slice value) {
    if (value.data)
        cql_write_long_string(to, value);
    else
        cql_write_int(to, -1);
}

bool cql_cell_integer(struct slice cell, int64_t *ret_value) {
    if (!cell.data || (cell.length != 1 && cell.length != 2 && cell.length != 4 && cell.length != 8))
        return false;
    uint64_t value = (signed char)cell.data[0] < 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < cell.length; i++)
        value = value << 8 | (unsigned char)cell.data[i];
    *ret_value = (int64_t)value;
    return true;
}

bool cql_cell_double(struct slice cell, double *ret_value) {
    int64_t bits;
    if (cell.length < 4 || !cql_cell_integer(cell, &bits))
        return false;
    float narrow;
    uint32_t narrow_bits = (uint32_t)bits;
    if (cell.length == 8) {
        memcpy(ret_value, &bits, sizeof bits);
    } else {
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        *ret_value = (double)narrow;
    }
    return true;
}

bool cql_cell_boolean(struct slice cell, bool *ret_value) {
    if (!cell.data || cell.length != 1)
        return false;
    *ret_value = cell.data[0] != 0;
    return true;
}

bool cql_cell_collection(struct slice cell, unsigned parts, struct cql_reader *ret_reader, uint32_t *ret_count) {
    if (!cell.data)
        return false;
    struct cql_reader reader = cql_reader_of(cell);
    int32_t count = cql_read_int(&reader);
    if (reader.failed || count < 0 ||
        (uint32_t)count > cql_left(&reader) / (4 * parts)) /* each element has a length of four bytes */
        return false;
    *ret_reader = reader;
    *ret_count = (uint32_t)count;
    return true;
}

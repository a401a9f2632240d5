#include "lake/parquet/thrift.h"

#include "core/varint.h"

enum { DEPTH_MAXIMUM = 16 };

void thrift_field(struct bytes *to, int16_t *last, int16_t id, enum thrift_type type) {
    int delta = id - *last;
    if (delta > 0 && delta <= 15) {
        bytes_append_char(to, (char)(delta << 4 | (int)type));
    } else {
        bytes_append_char(to, (char)type);
        bytes_append_zigzag(to, id);
    }
    *last = id;
}

void thrift_i32(struct bytes *to, int16_t *last, int16_t id, int64_t value) {
    thrift_field(to, last, id, THRIFT_I32);
    bytes_append_zigzag(to, value);
}

void thrift_i64(struct bytes *to, int16_t *last, int16_t id, int64_t value) {
    thrift_field(to, last, id, THRIFT_I64);
    bytes_append_zigzag(to, value);
}

void thrift_bool(struct bytes *to, int16_t *last, int16_t id, bool value) {
    thrift_field(to, last, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_text(struct bytes *to, struct slice value) {
    bytes_append_varint(to, value.length);
    bytes_append_slice(to, value);
}

void thrift_binary(struct bytes *to, int16_t *last, int16_t id, struct slice value) {
    thrift_field(to, last, id, THRIFT_BINARY);
    thrift_text(to, value);
}

void thrift_list(struct bytes *to, int16_t *last, int16_t id, enum thrift_type type, size_t count) {
    thrift_field(to, last, id, THRIFT_LIST);
    bytes_append_char(to, (char)((count < 15 ? (int)count : 15) << 4 | (int)type));
    if (count >= 15)
        bytes_append_varint(to, count);
}

void thrift_struct(struct bytes *to, int16_t *last, int16_t id) {
    thrift_field(to, last, id, THRIFT_STRUCT);
}

void thrift_stop(struct bytes *to) {
    bytes_append_char(to, THRIFT_STOP);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int thrift_byte(struct thrift_reader *reader) {
    if (reader->failed || reader->at >= reader->end) {
        reader->failed = true;
        return 0;
    }
    return (unsigned char)*reader->at++;
}

static uint64_t thrift_varint(struct thrift_reader *reader) {
    uint64_t value;
    if (reader->failed || !varint_read(&reader->at, reader->end, &value)) {
        reader->failed = true;
        return 0;
    }
    return value;
}

bool thrift_next(struct thrift_reader *reader, int16_t *last, enum thrift_type *ret_type) {
    int header = thrift_byte(reader);
    *ret_type = (enum thrift_type)(header & 15);
    if (reader->failed || *ret_type == THRIFT_STOP)
        return false;
    int64_t id = header >> 4 ? *last + (header >> 4) : thrift_read_integer(reader);
    if (id <= 0 || id > INT16_MAX || *ret_type > THRIFT_STRUCT)
        reader->failed = true;
    *last = (int16_t)id;
    return !reader->failed;
}

int64_t thrift_read_integer(struct thrift_reader *reader) {
    uint64_t raw = thrift_varint(reader);
    return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

struct slice thrift_read_binary(struct thrift_reader *reader) {
    uint64_t length = thrift_varint(reader);
    if (reader->failed || length > (uint64_t)(reader->end - reader->at)) {
        reader->failed = true;
        return SLICE("");
    }
    struct slice text = {reader->at, (size_t)length};
    reader->at += length;
    return text;
}

size_t thrift_read_list(struct thrift_reader *reader, enum thrift_type *ret_type) {
    int header = thrift_byte(reader);
    uint64_t count = header >> 4 == 15 ? thrift_varint(reader) : (uint64_t)(header >> 4);
    *ret_type = (enum thrift_type)(header & 15);
    if (reader->failed || count > (uint64_t)(reader->end - reader->at)) {
        reader->failed = true;
        return 0;
    }
    return (size_t)count;
}

static void thrift_skip_bytes(struct thrift_reader *reader, size_t count) {
    if (reader->failed || count > (size_t)(reader->end - reader->at))
        reader->failed = true;
    else
        reader->at += count;
}

static void thrift_skip_deep(struct thrift_reader *reader, enum thrift_type type, int depth);

/* In collections a boolean takes a byte, as a field it lies in the type. */
static void thrift_skip_element(struct thrift_reader *reader, enum thrift_type type, int depth) {
    if (type == THRIFT_TRUE || type == THRIFT_FALSE)
        thrift_skip_bytes(reader, 1);
    else
        thrift_skip_deep(reader, type, depth);
}

static void thrift_skip_map(struct thrift_reader *reader, int depth) {
    uint64_t count = thrift_varint(reader);
    int types = count ? thrift_byte(reader) : 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        thrift_skip_element(reader, (enum thrift_type)(types >> 4), depth);
        thrift_skip_element(reader, (enum thrift_type)(types & 15), depth);
    }
}

static void thrift_skip_list(struct thrift_reader *reader, int depth) {
    enum thrift_type type;
    size_t count = thrift_read_list(reader, &type);
    for (size_t i = 0; i < count && !reader->failed; i++)
        thrift_skip_element(reader, type, depth);
}

static void thrift_skip_struct(struct thrift_reader *reader, int depth) {
    int16_t last = 0;
    enum thrift_type type;
    while (thrift_next(reader, &last, &type))
        thrift_skip_deep(reader, type, depth);
}

static void thrift_skip_deep(struct thrift_reader *reader, enum thrift_type type, int depth) {
    if (depth > DEPTH_MAXIMUM) {
        reader->failed = true;
        return;
    }
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        break;
    case THRIFT_BYTE:
        thrift_skip_bytes(reader, 1);
        break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64:
        thrift_varint(reader);
        break;
    case THRIFT_DOUBLE:
        thrift_skip_bytes(reader, 8);
        break;
    case THRIFT_BINARY:
        thrift_read_binary(reader);
        break;
    case THRIFT_LIST:
    case THRIFT_SET:
        thrift_skip_list(reader, depth + 1);
        break;
    case THRIFT_MAP:
        thrift_skip_map(reader, depth + 1);
        break;
    case THRIFT_STRUCT:
        thrift_skip_struct(reader, depth + 1);
        break;
    default:
        reader->failed = true;
    }
}

void thrift_skip(struct thrift_reader *reader, enum thrift_type type) {
    thrift_skip_deep(reader, type, 0);
}

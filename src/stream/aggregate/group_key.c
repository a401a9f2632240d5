/* One STRING or BYTES column is its bytes; numbers and times are big-endian in the width of their type, as the KAFKA
 * format has them, so that the order of keys is the order of such keys on a topic. With several columns a text ends
 * with 00 00, and a byte 00 in it is 00 FF. Other types are in the stored form of values. */
#include "stream/aggregate/group_key.h"

bool group_key_is_text(const struct type *type) {
    return type->kind == TYPE_STRING || type->kind == TYPE_BYTES;
}

/* Bytes of a column of fixed width; 0: not one. */
static unsigned group_key_width(const struct type *type) {
    switch (type->kind) {
    case TYPE_INTEGER:
    case TYPE_DATE:
    case TYPE_TIME:
        return 4;
    case TYPE_BIGINT:
    case TYPE_TIMESTAMP:
    case TYPE_DOUBLE:
        return 8;
    default:
        return 0;
    }
}

static void group_key_write_number(struct bytes *to, const struct type *type, const struct value *value,
                                   unsigned width) {
    uint64_t bits = (uint64_t)value->integer;
    char bytes[8];
    if (type->kind == TYPE_DOUBLE)
        memcpy(&bits, &value->number, sizeof bits);
    for (unsigned i = 0; i < width; i++)
        bytes[i] = (char)(bits >> 8 * (width - 1 - i));
    bytes_append(to, bytes, width);
}

static void group_key_write_text(struct bytes *to, struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        bytes_append_char(to, text.data[i]);
        if (text.data[i] == 0)
            bytes_append_char(to, (char)0xff);
    }
    bytes_append(to, "\0\0", 2);
}

void group_key_write(struct bytes *to, const struct vector *columns, size_t count, size_t row) {
    struct value value;
    for (size_t i = 0; i < count; i++) {
        const struct type *type = columns[i].type;
        unsigned width = group_key_width(type);
        vector_get(&columns[i], row, &value);
        if (width)
            group_key_write_number(to, type, &value, width);
        else if (!group_key_is_text(type))
            value_write(to, type, &value);
        else if (count == 1)
            bytes_append_slice(to, value.text);
        else
            group_key_write_text(to, value.text);
    }
}

static bool group_key_read_number(const char **at, const char *end, const struct type *type, unsigned width,
                                  struct value *ret_value) {
    uint64_t bits = 0;
    if ((size_t)(end - *at) < width)
        return false;
    for (unsigned i = 0; i < width; i++)
        bits = bits << 8 | (uint8_t) * (*at)++;
    *ret_value = value_of_integer(width == 4 ? (int32_t)(uint32_t)bits : (int64_t)bits);
    if (type->kind == TYPE_DOUBLE)
        memcpy(&ret_value->number, &bits, sizeof bits);
    return true;
}

static bool group_key_read_text(const char **at, const char *end, struct arena *arena, struct value *ret_value) {
    char *text = arena_allocate(arena, (size_t)(end - *at));
    size_t length = 0;
    if (!text)
        return false;
    for (const char *from = *at; from < end; from++) {
        if (*from) {
            text[length++] = *from;
            continue;
        }
        if (++from == end || (*from != 0 && (uint8_t)*from != 0xff))
            return false;
        if (*from == 0) {
            *at = from + 1;
            *ret_value = value_of_text((struct slice){text, length});
            return true;
        }
        text[length++] = 0;
    }
    return false;
}

bool group_key_read(struct slice key, const struct row_column *columns, size_t count, struct arena *arena,
                    struct value *ret_values) {
    const char *at = key.data, *end = key.data + key.length;
    if (count == 1 && group_key_is_text(columns[0].type)) {
        ret_values[0] = value_of_text(arena_copy(arena, key));
        return ret_values[0].text.data != NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const struct type *type = columns[i].type;
        unsigned width = group_key_width(type);
        bool good;
        if (width)
            good = group_key_read_number(&at, end, type, width, &ret_values[i]);
        else if (group_key_is_text(type))
            good = group_key_read_text(&at, end, arena, &ret_values[i]);
        else
            good = value_read(&at, end, type, arena, &ret_values[i]) && !ret_values[i].null;
        if (!good)
            return false;
    }
    return at == end;
}

void group_time_write(char *to, int64_t time) {
    uint64_t bits = __builtin_bswap64((uint64_t)time ^ (uint64_t)1 << 63);
    memcpy(to, &bits, sizeof bits);
}

int64_t group_time_read(const char *from) {
    uint64_t bits;
    memcpy(&bits, from, sizeof bits);
    return (int64_t)(__builtin_bswap64(bits) ^ (uint64_t)1 << 63);
}

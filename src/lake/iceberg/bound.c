#include "lake/iceberg/bound.h"

#include <endian.h>

#include "model/time/time_text.h"

enum { MICROSECONDS = 1000 };

static void bound_number(struct bytes *to, uint64_t bits, size_t length) {
    bits = htole64(bits);
    bytes_append(to, &bits, length);
}

/* Big-endian two's complement, no byte more than needed. */
static void bound_decimal(struct bytes *to, decimal value) {
    char digits[sizeof value];
    size_t length = 1;
    while (length < sizeof value && (value >> (8 * length - 1)) != 0 && (value >> (8 * length - 1)) != -1)
        length++;
    for (size_t i = 0; i < length; i++)
        digits[length - 1 - i] = (char)(value >> 8 * i & 0xff);
    bytes_append(to, digits, length);
}

void bound_write(struct bytes *to, const struct type *type, const struct value *value) {
    uint64_t bits;
    switch (type->kind) {
    case TYPE_BOOLEAN:
        bytes_append_char(to, value->boolean ? 1 : 0);
        break;
    case TYPE_INTEGER:
    case TYPE_DATE:
        bound_number(to, (uint64_t)value->integer, 4);
        break;
    case TYPE_BIGINT:
        bound_number(to, (uint64_t)value->integer, 8);
        break;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        bound_number(to, (uint64_t)value->integer * MICROSECONDS, 8);
        break;
    case TYPE_DOUBLE:
        memcpy(&bits, &value->number, 8);
        bound_number(to, bits, 8);
        break;
    case TYPE_DECIMAL:
        bound_decimal(to, value->decimal);
        break;
    default:
        bytes_append_slice(to, value->text);
    }
}

/* Of four or eight bytes: a column of int may have become long. */
static bool bound_read_integer(struct slice bytes, int64_t *ret_integer) {
    uint64_t bits = 0;
    if (bytes.length != 4 && bytes.length != 8)
        return false;
    memcpy(&bits, bytes.data, bytes.length);
    bits = le64toh(bits);
    *ret_integer = bytes.length == 4 ? (int32_t)bits : (int64_t)bits;
    return true;
}

static bool bound_read_double(struct slice bytes, double *ret_number) {
    int64_t bits;
    if (!bound_read_integer(bytes, &bits))
        return false;
    float single;
    uint32_t half = (uint32_t)bits;
    memcpy(&single, &half, 4);
    memcpy(ret_number, &bits, 8);
    if (bytes.length == 4)
        *ret_number = (double)single;
    return true;
}

static bool bound_read_decimal(struct slice bytes, decimal *ret_value) {
    decimal value = bytes.length && (signed char)bytes.data[0] < 0 ? -1 : 0;
    if (bytes.length == 0 || bytes.length > sizeof value)
        return false;
    for (size_t i = 0; i < bytes.length; i++)
        value = (decimal)((unsigned __int128)value << 8 | (unsigned char)bytes.data[i]);
    *ret_value = value;
    return true;
}

bool bound_read(struct slice bytes, const struct type *type, bool upper, struct value *ret_value) {
    struct value value = {.null = false};
    bool good = true;
    switch (type->kind) {
    case TYPE_BOOLEAN:
        good = bytes.length == 1;
        value.boolean = good && bytes.data[0] != 0;
        break;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        good = bound_read_integer(bytes, &value.integer) && value.integer < INT64_MAX - MICROSECONDS;
        if (good)
            value.integer = floor_divide(value.integer + (upper ? MICROSECONDS - 1 : 0), MICROSECONDS);
        break;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
        good = bound_read_integer(bytes, &value.integer);
        break;
    case TYPE_DOUBLE:
        good = bound_read_double(bytes, &value.number);
        break;
    case TYPE_DECIMAL:
        good = bound_read_decimal(bytes, &value.decimal);
        break;
    default:
        value.text = bytes;
    }
    if (good)
        *ret_value = value;
    return good;
}

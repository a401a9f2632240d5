/* Logical type decimal (Apache Avro specification 1.11) as DECIMAL. */
#include "codec/avro/row_avro.h"

static bool row_avro_unscaled(struct slice bytes, decimal *ret_value) {
    if (bytes.length == 0)
        return false;
    char sign = bytes.data[0] & 0x80 ? '\xff' : '\0';
    while (bytes.length > sizeof(decimal)) {
        if (*bytes.data != sign)
            return false;
        bytes.data++;
        bytes.length--;
    }
    if ((bytes.data[0] ^ sign) & 0x80)
        return false;
    unsigned __int128 value = sign ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < bytes.length; i++)
        value = value << 8 | (unsigned char)bytes.data[i];
    *ret_value = (decimal)value;
    return true;
}

bool row_avro_decimal_read(struct slice unscaled, int64_t scale, const struct type *type, decimal *ret_value) {
    decimal value;
    if (!row_avro_unscaled(unscaled, &value))
        return false;
    for (; scale > (int64_t)type->scale; scale--) { /* digits that the column has no place for must be 0 */
        if (value == 0)
            scale = (int64_t)type->scale + 1;
        if (value % 10)
            return false;
        value /= 10;
    }
    return decimal_rescale(value, (unsigned)scale, (struct decimal_shape){type->precision, type->scale}, ret_value);
}

size_t row_avro_decimal_write(char to[sizeof(decimal)], decimal value) {
    size_t length = 1;
    while (length < sizeof value && (value >> (8 * length - 1)) != 0 && (value >> (8 * length - 1)) != -1)
        length++;
    for (size_t i = 0; i < length; i++)
        to[i] = (char)(value >> 8 * (length - 1 - i));
    return length;
}

/* KAFKA: one value as Kafka's own serializers write it (org.apache.kafka.common.serialization): whole numbers and
 * doubles big-endian, STRING in UTF-8, BYTES as they are. There is no NULL among the bytes: it is a record without
 * them. */
#include "codec/row/reason.h"
#include "codec/row/row_driver.h"
#include "codec/row/row_value.h"
#include "core/text.h"

/* Bytes of a value, 0 where the length is free. */
static size_t row_kafka_width(const struct type *type) {
    return type->kind == TYPE_INTEGER ? 4 : type->kind == TYPE_BIGINT || type->kind == TYPE_DOUBLE ? 8 : 0;
}

static int row_kafka_check(const struct row_layout *layout, struct error *error) {
    if (layout->count != 1)
        return error_set(error, ERROR_UNSUPPORTED,
                         "format KAFKA holds one column, not %zu; use JSON, AVRO or DELIMITED", layout->count);
    const struct row_column *column = &layout->columns[0];
    if (row_kafka_width(column->type) || column->type->kind == TYPE_STRING || column->type->kind == TYPE_BYTES)
        return 0;
    struct bytes type = {0};
    type_print(&type, column->type);
    error_set(error, ERROR_UNSUPPORTED,
              "format KAFKA cannot hold column %.*s of type %.*s; it holds INTEGER, BIGINT, DOUBLE, STRING and BYTES",
              (int)column->name.length, column->name.data, (int)type.length, bytes_slice(&type).data);
    bytes_release(&type);
    return ERROR_UNSUPPORTED;
}

static int row_kafka_read_text(struct slice text, struct arena *arena, struct vector *column, size_t row,
                               enum row_read *ret_status, struct error *error) {
    column->texts[row] = text;
    if (!text_ascii(text) && !row_utf8(arena, text, &column->texts[row]))
        return error_no_memory(error);
    column->nulls[row] = 0;
    *ret_status = ROW_READ_GOOD;
    return 0;
}

static int row_kafka_read(struct row_reader *reader, struct slice text, struct arena *arena, struct vector *columns,
                          size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    const struct row_column *column = &reader->layout.columns[0];
    if (column->type->kind == TYPE_STRING)
        return row_kafka_read_text(text, arena, columns, row, ret_status, error);
    size_t width = row_kafka_width(column->type);
    struct value value = {.text = text};
    uint64_t bits = 0;
    if (width && text.length != width) {
        *ret_status = ROW_READ_BAD;
        *ret_reason = reason_format(arena, "field %.*s has %zu bytes, not the %zu of format KAFKA",
                                    (int)(column->name.length < 80 ? column->name.length : 80), column->name.data,
                                    text.length, width);
        return 0;
    }
    for (size_t i = 0; i < width; i++)
        bits = bits << 8 | (unsigned char)text.data[i];
    if (column->type->kind == TYPE_DOUBLE)
        memcpy(&value.number, &bits, sizeof value.number);
    else if (width)
        value.integer = width == 4 ? (int32_t)(uint32_t)bits : (int64_t)bits;
    vector_set(&columns[0], row, &value);
    *ret_status = ROW_READ_GOOD;
    return 0;
}

static int row_kafka_read_many(struct row_reader *reader, const struct slice *texts, size_t stride, size_t count,
                               struct arena *arena, struct vector *columns, uint8_t *ret_status,
                               const char **ret_reasons, struct error *error) {
    return row_read_each(reader, texts, stride, count, arena, columns, ret_status, ret_reasons, row_kafka_read, error);
}

static int row_kafka_write(struct row_writer *writer, const struct vector *columns, size_t row, struct bytes *to,
                           struct error *error) {
    (void)error;
    const struct type *type = writer->layout.columns[0].type;
    size_t width = row_kafka_width(type), at = row & columns[0].mask;
    struct value value;
    if (columns[0].nulls[at])
        return 0;
    if (!width) {
        bytes_append_slice(to, columns[0].texts[at]);
        return 0;
    }
    vector_get(&columns[0], row, &value);
    uint64_t bits = (uint64_t)value.integer;
    char big_endian[8];
    if (type->kind == TYPE_DOUBLE)
        memcpy(&bits, &value.number, sizeof bits);
    for (size_t i = 0; i < width; i++)
        big_endian[i] = (char)(bits >> 8 * (width - 1 - i));
    bytes_append(to, big_endian, width);
    return 0;
}

const struct row_format_driver row_kafka_driver = {
    .check = row_kafka_check, .read = row_kafka_read, .read_many = row_kafka_read_many, .write = row_kafka_write};

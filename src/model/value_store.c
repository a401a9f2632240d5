/* The stored form of values: a byte 0 (NULL) or 1, then
 *   BOOLEAN a byte; INTEGER, BIGINT, DATE, TIME, TIMESTAMP a zigzag varint; DOUBLE 8 bytes, DECIMAL 16, both as in memory, little-endian;
 *   STRING, BYTES a varint length and the bytes; ARRAY, MAP, STRUCT a varint count of items and the items. */
#include "model/value.h"

#include "core/varint.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored numbers are copied as they are");

static const struct type *value_stored_item(const struct type *type, size_t i) {
    if (type->kind == TYPE_STRUCT)
        return type->fields[i].type;
    return type->kind == TYPE_MAP && i % 2 == 0 ? type->key : type->element;
}

void value_write(struct bytes *to, const struct type *type, const struct value *value) {
    bytes_append_char(to, !value->null);
    if (value->null)
        return;
    switch (type->kind) {
    case TYPE_NULL:
        break;
    case TYPE_BOOLEAN:
        bytes_append_char(to, value->boolean);
        break;
    case TYPE_DOUBLE:
        bytes_append(to, &value->number, sizeof value->number);
        break;
    case TYPE_DECIMAL:
        bytes_append(to, &value->decimal, sizeof value->decimal);
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        bytes_append_varint(to, value->text.length);
        bytes_append_slice(to, value->text);
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        bytes_append_varint(to, value->sequence->count);
        for (size_t i = 0; i < value->sequence->count; i++)
            value_write(to, value_stored_item(type, i), &value->sequence->items[i]);
        break;
    default:
        bytes_append_zigzag(to, value->integer);
    }
}

static bool value_read_raw(const char **at, const char *end, void *to, size_t size) {
    if ((size_t)(end - *at) < size)
        return false;
    memcpy(to, *at, size);
    *at += size;
    return true;
}

static bool value_read_text(const char **at, const char *end, struct arena *arena, struct slice *ret_text) {
    uint64_t length;
    if (!varint_read(at, end, &length) || length > (uint64_t)(end - *at))
        return false;
    *ret_text = arena_copy(arena, (struct slice){*at, length});
    *at += length;
    return ret_text->data != NULL;
}

static bool value_count_valid(const struct type *type, uint64_t count) {
    if (type->kind == TYPE_STRUCT)
        return count == type->field_count;
    return type->kind != TYPE_MAP || count % 2 == 0;
}

/* Each item has at least a byte, so the count is bounded by the bytes that are there. */
static bool value_read_sequence(const char **at, const char *end, const struct type *type, struct arena *arena,
                                const struct sequence **ret_sequence) {
    uint64_t count;
    if (!varint_read(at, end, &count) || count > (uint64_t)(end - *at) || !value_count_valid(type, count))
        return false;
    struct value *items = arena_allocate(arena, count * sizeof *items);
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    if (!items || !sequence)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!value_read(at, end, value_stored_item(type, i), arena, &items[i]))
            return false;
    *sequence = (struct sequence){count, items};
    *ret_sequence = sequence;
    return true;
}

static bool value_integer_valid(const struct type *type, int64_t integer) {
    return type->kind != TYPE_INTEGER || (integer >= INT32_MIN && integer <= INT32_MAX);
}

static bool value_decimal_valid(const struct type *type, decimal number) {
    decimal bound = decimal_power(type->precision);
    return number > -bound && number < bound;
}

bool value_read(const char **at, const char *end, const struct type *type, struct arena *arena,
                struct value *ret_value) {
    uint8_t byte;
    struct value value = {.null = false};
    if (!value_read_raw(at, end, &byte, 1) || byte > 1)
        return false;
    if (!byte) {
        *ret_value = VALUE_NULL;
        return true;
    }
    bool good = true;
    switch (type->kind) {
    case TYPE_NULL:
        break;
    case TYPE_BOOLEAN:
        good = value_read_raw(at, end, &byte, 1) && byte <= 1;
        value.boolean = byte == 1;
        break;
    case TYPE_DOUBLE:
        good = value_read_raw(at, end, &value.number, sizeof value.number);
        break;
    case TYPE_DECIMAL:
        good =
            value_read_raw(at, end, &value.decimal, sizeof value.decimal) && value_decimal_valid(type, value.decimal);
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        good = value_read_text(at, end, arena, &value.text);
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        good = value_read_sequence(at, end, type, arena, &value.sequence);
        break;
    default:
        good = zigzag_read(at, end, &value.integer) && value_integer_valid(type, value.integer);
    }
    if (good)
        *ret_value = value;
    return good;
}

/* Readers are strict: what is not exactly a value of the type is refused with a reason that can be shown. Numbers are
 * cut or refused as the dialect says, never rounded silently. */
#include "codec/row/row_value.h"

#include <limits.h>
#include <openssl/evp.h>

#include "codec/row/reason.h"
#include "core/hash.h"
#include "core/number.h"
#include "core/text.h"
#include "model/java_number.h"
#include "model/time/time_text.h"

const char *row_unfit(struct arena *arena, struct slice field, const struct type *type, struct slice shown) {
    char text[61];
    size_t length = shown.length < sizeof text - 1 ? shown.length : sizeof text - 1;
    for (size_t i = 0; i < length; i++)
        text[i] = shown.data[i] >= 0x20 && shown.data[i] < 0x7f ? shown.data[i] : '?';
    text[length] = '\0';
    struct slice name = type_text(arena, type);
    if (!name.data)
        name = SLICE("its type");
    return reason_format(arena, "field %.*s: %s%s cannot be read as %.*s", (int)(field.length < 80 ? field.length : 80),
                         field.data, text, length < shown.length ? "..." : "",
                         (int)(name.length < 60 ? name.length : 60), name.data);
}

bool row_same_name(struct slice a, struct slice b) {
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];
        if (x != y && ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
            return false;
    }
    return true;
}

/* --- numbers
 * ------------------------------------------------------------------------------------------------------------------ */

static int64_t row_integer_minimum(const struct type *type) {
    return type->kind == TYPE_INTEGER || type->kind == TYPE_DATE ? INT32_MIN : type->kind == TYPE_TIME ? 0 : INT64_MIN;
}

static int64_t row_integer_maximum(const struct type *type) {
    return type->kind == TYPE_INTEGER || type->kind == TYPE_DATE ? INT32_MAX
           : type->kind == TYPE_TIME                             ? MILLISECONDS_OF_DAY - 1
                                                                 : INT64_MAX;
}

bool row_integer_fits(const struct type *type, int64_t integer) {
    return integer >= row_integer_minimum(type) && integer <= row_integer_maximum(type);
}

/* 20 digits before the point hold every int64_t; 18 after it are more than a double has. */
bool row_read_truncated(struct slice text, const struct type *type, int64_t *ret_integer) {
    const struct decimal_shape wide = {DECIMAL_DIGITS, 18};
    decimal number;
    if (!decimal_read(text, wide, &number))
        return false;
    number /= decimal_power(wide.scale);
    if (number < row_integer_minimum(type) || number > row_integer_maximum(type))
        return false;
    *ret_integer = (int64_t)number;
    return true;
}

/* How many digits after the point the number needs: 0 for 150, 15e1 and 1.50e1. `text` is a number. */
static int64_t row_fraction_digits(struct slice text) {
    int64_t digits = 0, before = -1, last = 0, exponent = 0; /* `last`: up to the last one that is not 0 */
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '.')
            before = digits;
        else if (c == 'e' || c == 'E')
            number_read_integer((struct slice){text.data + i + 1, text.length - i - 1}, &exponent);
        if (c == 'e' || c == 'E')
            break;
        digits += c >= '0' && c <= '9';
        if (c > '0' && c <= '9')
            last = digits;
    }
    return last - (before < 0 ? digits : before) - exponent;
}

bool row_read_decimal(struct slice text, const struct type *type, decimal *ret_value) {
    decimal value;
    if (!decimal_read(text, (struct decimal_shape){type->precision, type->scale}, &value) ||
        row_fraction_digits(text) > (int64_t)type->scale)
        return false;
    *ret_value = value;
    return true;
}

bool row_read_text(struct slice text, const struct type *type, struct arena *arena, struct value *ret_value,
                   bool *ret_failed) {
    switch (type->kind) {
    case TYPE_INTEGER:
    case TYPE_BIGINT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return java_read_integer(text, row_integer_minimum(type), row_integer_maximum(type), &ret_value->integer);
    case TYPE_DOUBLE:
        return java_read_double(text, &ret_value->number);
    case TYPE_DECIMAL:
        return row_read_decimal(java_trim(text), type, &ret_value->decimal);
    case TYPE_BYTES:
        return row_read_base64(text, arena, &ret_value->text, ret_failed);
    default:
        return false;
    }
}

/* --- texts
 * ------------------------------------------------------------------------------------------------------------------ */

bool row_utf8(struct arena *arena, struct slice text, struct slice *ret_text) {
    if (text_ascii(text) || utf8_valid(text)) {
        *ret_text = text;
        return true;
    }
    char *copy = text.length > SIZE_MAX / 4 ? NULL : arena_allocate(arena, text.length * 3), *to = copy;
    if (!copy)
        return false;
    for (size_t at = 0, length; at < text.length; at += length ? length : 1) {
        length = utf8_length(text.data + at, text.length - at);
        if (length)
            to = (char *)memcpy(to, text.data + at, length) + length;
        else
            to = utf8_write(to, 0xfffd);
    }
    *ret_text = (struct slice){copy, (size_t)(to - copy)};
    return true;
}

void row_write_base64(struct bytes *to, struct slice data) {
    enum { WHOLE_GROUPS = INT_MAX / 4 * 3 }; /* bytes that EVP_EncodeBlock takes at once, without padding between */
    for (size_t at = 0; at < data.length; at += WHOLE_GROUPS) {
        size_t length = data.length - at < WHOLE_GROUPS ? data.length - at : WHOLE_GROUPS;
        char *text = bytes_reserve(to, (length + 2) / 3 * 4 + 1);
        if (!text)
            return;
        to->length +=
            (size_t)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)data.data + at, (int)length);
    }
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool row_read_base64(struct slice text, struct arena *arena, struct slice *ret_data, bool *ret_failed) {
    size_t length = text.length;
    if (length && length % 4 == 0)
        for (int i = 0; i < 2 && text.data[length - 1] == '='; i++)
            length--;
    if (length % 4 == 1)
        return false;
    char *data = arena_allocate(arena, length / 4 * 3 + 3), *to = data;
    if (!data) {
        *ret_failed = true;
        return false;
    }
    uint32_t group = 0;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
        if (i % 4)
            *to++ = (char)(group >> (6 - 2 * (i % 4)));
    }
    *ret_data = (struct slice){data, (size_t)(to - data)};
    return true;
}

/* --- sequences
 * ------------------------------------------------------------------------------------------------------------------ */

bool row_items_add(struct row_items *items, struct arena *arena, const struct value *value) {
    if (items->count == items->capacity) {
        size_t capacity = items->capacity ? 2 * items->capacity : 4;
        struct value *larger = arena_allocate(arena, capacity * sizeof *larger);
        if (!larger)
            return false;
        if (items->count)
            memcpy(larger, items->items, items->count * sizeof *larger);
        items->items = larger;
        items->capacity = capacity;
    }
    items->items[items->count++] = *value;
    return true;
}

const struct sequence *row_items_finish(const struct row_items *items, struct arena *arena) {
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    if (sequence)
        *sequence = (struct sequence){items->count, items->items};
    return sequence;
}

/* Open addressing: `slots` holds 1 + the index of a key, 0 where there is none, and is never full. */
const struct sequence *row_items_finish_map(struct row_items *items, struct arena *arena) {
    size_t size = 4, kept = 0;
    while (size < items->count)
        size *= 2;
    size_t *slots = arena_allocate(arena, size * sizeof *slots);
    if (!slots)
        return NULL;
    memset(slots, 0, size * sizeof *slots);
    for (size_t i = 0; i < items->count; i += 2) {
        struct slice key = items->items[i].text;
        size_t slot = hash_bytes(key.data, key.length, hash_seed()) & (size - 1);
        while (slots[slot] && !slice_equal(items->items[slots[slot] - 1].text, key))
            slot = (slot + 1) & (size - 1);
        if (!slots[slot]) {
            slots[slot] = kept + 1;
            items->items[kept] = items->items[i];
            kept += 2;
        }
        items->items[slots[slot]] = items->items[i + 1];
    }
    items->count = kept;
    return row_items_finish(items, arena);
}

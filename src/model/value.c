/* Order, hash and copy of values by their type. Texts are ordered as Java orders strings (by UTF-16 units), doubles
 * with NaN above all. */
#include "model/value.h"

#include "core/hash.h"
#include "model/java_number.h"
#include "model/time/time_text.h"
#include <math.h>

/* --- order
 * ------------------------------------------------------------------------------------------------------------------ */

/* UTF-8 has the order of code points. UTF-16 puts U+E000 to U+FFFF (UTF-8: EE, EF ..) after the surrogates of what
 * lies above (F0 ..). */
int value_compare_text(struct slice a, struct slice b) {
    size_t common = a.length < b.length ? a.length : b.length, i = 0;
    if (common && memcmp(a.data, b.data, common) != 0)
        while (a.data[i] == b.data[i])
            i++;
    else
        return (a.length > b.length) - (a.length < b.length);
    unsigned char left = (unsigned char)a.data[i], right = (unsigned char)b.data[i];
    if (left >= 0xee && right >= 0xee && (left >= 0xf0) != (right >= 0xf0))
        return left >= 0xf0 ? -1 : 1;
    return left < right ? -1 : 1;
}

static int value_compare_double(double a, double b) {
    if (a < b || a > b)
        return a < b ? -1 : 1;
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return !!signbit(b) - !!signbit(a);
}

static const struct type *value_item_type(const struct type *type, size_t i) {
    if (type->kind == TYPE_STRUCT)
        return type->fields[i].type;
    return type->kind == TYPE_MAP && i % 2 == 0 ? type->key : type->element;
}

static int value_compare_sequence(const struct type *type, const struct sequence *a, const struct sequence *b) {
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = value_compare(value_item_type(type, i), &a->items[i], &b->items[i]);
        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

int value_compare(const struct type *type, const struct value *a, const struct value *b) {
    if (a->null || b->null)
        return (int)b->null - (int)a->null;
    switch (type->kind) {
    case TYPE_NULL:
        return 0;
    case TYPE_BOOLEAN:
        return (int)a->boolean - (int)b->boolean;
    case TYPE_DOUBLE:
        return value_compare_double(a->number, b->number);
    case TYPE_DECIMAL:
        return (a->decimal > b->decimal) - (a->decimal < b->decimal);
    case TYPE_STRING:
        return value_compare_text(a->text, b->text);
    case TYPE_BYTES: {
        int order = slice_compare(a->text, b->text);
        return (order > 0) - (order < 0);
    }
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        return value_compare_sequence(type, a->sequence, b->sequence);
    default:
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
}

uint64_t value_hash(const struct type *type, const struct value *value) {
    if (value->null)
        return 0;
    switch (type->kind) {
    case TYPE_NULL:
        return 0;
    case TYPE_BOOLEAN:
        return 1 + value->boolean;
    case TYPE_DOUBLE: {
        double number = isnan(value->number) ? NAN : value->number;
        return hash_bytes(&number, sizeof number, type->kind);
    }
    case TYPE_DECIMAL:
        return hash_bytes(&value->decimal, sizeof value->decimal, type->kind);
    case TYPE_STRING:
    case TYPE_BYTES:
        return hash_bytes(value->text.data, value->text.length, type->kind);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT: {
        uint64_t hash = type->kind;
        for (size_t i = 0; i < value->sequence->count; i++) {
            uint64_t item = value_hash(value_item_type(type, i), &value->sequence->items[i]);
            hash = hash_bytes(&item, sizeof item, hash);
        }
        return hash;
    }
    default:
        return hash_bytes(&value->integer, sizeof value->integer, type->kind);
    }
}

/* --- copying
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct sequence *value_copy_sequence(struct arena *arena, const struct type *type,
                                                  const struct sequence *from) {
    struct value *items = arena_allocate(arena, from->count * sizeof *items);
    struct sequence *copy = arena_allocate(arena, sizeof *copy);
    if (!items || !copy)
        return NULL;
    for (size_t i = 0; i < from->count; i++)
        if (!value_copy(arena, value_item_type(type, i), &from->items[i], &items[i]))
            return NULL;
    *copy = (struct sequence){from->count, items};
    return copy;
}

bool value_copy(struct arena *arena, const struct type *type, const struct value *value, struct value *ret_copy) {
    struct value copy = *value;
    if (!value->null && (type->kind == TYPE_STRING || type->kind == TYPE_BYTES)) {
        copy.text = arena_copy(arena, value->text);
        if (!copy.text.data)
            return false;
    } else if (!value->null && type->kind >= TYPE_ARRAY) {
        copy.sequence = value_copy_sequence(arena, type, value->sequence);
        if (!copy.sequence)
            return false;
    }
    *ret_copy = copy;
    return true;
}

/* --- printing
 * ------------------------------------------------------------------------------------------------------------------ */

static void value_print_item(struct bytes *to, const struct type *type, const struct value *value) {
    if (value->null)
        bytes_append_string(to, "null");
    else
        value_print(to, type, value);
}

static void value_print_sequence(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    bool map = type->kind == TYPE_MAP;
    bytes_append_char(to, map ? '{' : '[');
    for (size_t i = 0; i < sequence->count; i++) {
        if (i)
            bytes_append_string(to, map && i % 2 ? "=" : ", ");
        value_print_item(to, value_item_type(type, i), &sequence->items[i]);
    }
    bytes_append_char(to, map ? '}' : ']');
}

/* Fields that are NULL are left out (Connect's Struct.toString). */
static void value_print_struct(struct bytes *to, const struct type *type, const struct sequence *sequence) {
    const char *between = "Struct{";
    for (size_t i = 0; i < sequence->count; i++) {
        if (sequence->items[i].null)
            continue;
        bytes_append_string(to, between);
        bytes_append_slice(to, type->fields[i].name);
        bytes_append_char(to, '=');
        value_print(to, type->fields[i].type, &sequence->items[i]);
        between = ",";
    }
    bytes_append_string(to, *between == ',' ? "}" : "Struct{}");
}

void value_print(struct bytes *to, const struct type *type, const struct value *value) {
    char text[64];
    if (value->null)
        return;
    switch (type->kind) {
    case TYPE_NULL:
        break;
    case TYPE_BOOLEAN:
        bytes_append_string(to, value->boolean ? "true" : "false");
        break;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
        bytes_append_format(to, "%lld", (long long)value->integer);
        break;
    case TYPE_DOUBLE:
        bytes_append(to, text, java_write_double(text, value->number));
        break;
    case TYPE_DECIMAL:
        bytes_append(to, text, decimal_write(text, value->decimal, type->scale));
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        bytes_append_slice(to, value->text);
        break;
    case TYPE_DATE:
        bytes_append(to, text, time_text_write_date(text, value->integer));
        break;
    case TYPE_TIME:
        bytes_append(to, text, time_text_write_time(text, value->integer));
        break;
    case TYPE_TIMESTAMP:
        bytes_append(to, text, time_text_write_timestamp(text, value->integer));
        break;
    case TYPE_STRUCT:
        value_print_struct(to, type, value->sequence);
        break;
    default:
        value_print_sequence(to, type, value->sequence);
    }
}

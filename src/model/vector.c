/* One array for the values and one for NULL marks; constants are arrays of one element that every row shares through
 * its mask. */
#include "model/vector.h"

#include <stdarg.h>
#include <stdio.h>

static size_t vector_width(const struct type *type) {
    switch (type->kind) {
    case TYPE_NULL:
    case TYPE_BOOLEAN:
        return sizeof(uint8_t);
    case TYPE_DOUBLE:
        return sizeof(double);
    case TYPE_DECIMAL:
        return sizeof(decimal);
    case TYPE_STRING:
    case TYPE_BYTES:
        return sizeof(struct slice);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        return sizeof(struct sequence *);
    default:
        return sizeof(int64_t);
    }
}

bool vector_allocate(struct arena *arena, const struct type *type, size_t capacity, struct vector *ret_vector) {
    struct vector vector = {.type = type, .mask = SIZE_MAX};
    vector.nulls = arena_allocate(arena, capacity);
    vector.data = arena_allocate(arena, capacity * vector_width(type));
    if (!vector.nulls || !vector.data)
        return false;
    *ret_vector = vector;
    return true;
}

bool vector_constant(struct arena *arena, const struct type *type, const struct value *value,
                     struct vector *ret_vector) {
    if (!vector_allocate(arena, type, 1, ret_vector))
        return false;
    ret_vector->mask = 0;
    vector_set(ret_vector, 0, value);
    return true;
}

bool selection_all(struct arena *arena, size_t count, struct selection *ret_selection) {
    uint32_t *rows = arena_allocate(arena, count * sizeof *rows);
    if (!rows)
        return false;
    for (size_t i = 0; i < count; i++)
        rows[i] = (uint32_t)i;
    *ret_selection = (struct selection){rows, count};
    return true;
}

void vector_get(const struct vector *vector, size_t row, struct value *ret_value) {
    row &= vector->mask;
    struct value value = {.null = vector->nulls[row]};
    if (!value.null) {
        switch (vector->type->kind) {
        case TYPE_NULL:
            break;
        case TYPE_BOOLEAN:
            value.boolean = vector->booleans[row];
            break;
        case TYPE_DOUBLE:
            value.number = vector->doubles[row];
            break;
        case TYPE_DECIMAL:
            value.decimal = vector->decimals[row];
            break;
        case TYPE_STRING:
        case TYPE_BYTES:
            value.text = vector->texts[row];
            break;
        case TYPE_ARRAY:
        case TYPE_MAP:
        case TYPE_STRUCT:
            value.sequence = vector->sequences[row];
            break;
        default:
            value.integer = vector->integers[row];
        }
    }
    *ret_value = value;
}

void vector_set(struct vector *vector, size_t row, const struct value *value) {
    vector->nulls[row] = value->null;
    if (value->null)
        return;
    switch (vector->type->kind) {
    case TYPE_NULL:
        break;
    case TYPE_BOOLEAN:
        vector->booleans[row] = value->boolean;
        break;
    case TYPE_DOUBLE:
        vector->doubles[row] = value->number;
        break;
    case TYPE_DECIMAL:
        vector->decimals[row] = value->decimal;
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        vector->texts[row] = value->text;
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        vector->sequences[row] = value->sequence;
        break;
    default:
        vector->integers[row] = value->integer;
    }
}

bool vector_is_same(const struct vector *vector, size_t a, size_t b) {
    size_t width = vector_width(vector->type);
    a &= vector->mask;
    b &= vector->mask;
    if (vector->nulls[a] || vector->nulls[b])
        return vector->nulls[a] == vector->nulls[b];
    const char *data = vector->data;
    return a == b || memcmp(data + a * width, data + b * width, width) == 0;
}

void vector_repeat(struct vector *vector, size_t row, size_t from) {
    size_t width = vector_width(vector->type);
    char *data = vector->data;
    vector->nulls[row] = vector->nulls[from];
    if (!vector->nulls[row])
        memcpy(data + row * width, data + from * width, width);
}

#define COPY_ROWS(member)                                                                                              \
    for (size_t i = 0; i < rows->count; i++)                                                                           \
    to->member[rows->rows[i]] = from->member[rows->rows[i] & from->mask]

void vector_copy_rows(struct vector *to, const struct vector *from, const struct selection *rows) {
    COPY_ROWS(nulls);
    switch (to->type->kind) {
    case TYPE_NULL:
        break;
    case TYPE_BOOLEAN:
        COPY_ROWS(booleans);
        break;
    case TYPE_DOUBLE:
        COPY_ROWS(doubles);
        break;
    case TYPE_DECIMAL:
        COPY_ROWS(decimals);
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        COPY_ROWS(texts);
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        COPY_ROWS(sequences);
        break;
    default:
        COPY_ROWS(integers);
    }
}

void row_errors_add(struct row_errors *errors, size_t row, const char *format, ...) {
    errors->count++;
    if (!errors->messages_left || !errors->report)
        return;
    errors->messages_left--;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    errors->report(errors->context, row, message);
}

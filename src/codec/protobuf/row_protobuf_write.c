/* Writing messages: fields in the order of their numbers, defaults and what is NULL left out, repeated numbers packed,
 * as protoc's own code for proto3 writes them. */
#include "codec/protobuf/row_protobuf.h"

#include "core/bytes.h"
#include "core/memory.h"
#include "model/time/time_text.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, SECOND_MS = 1000, NANOS_IN_MS = 1000000 };

static bool put_message(struct bytes *to, const struct proto_plan *plan, const struct value *values);

static void put_tag(struct bytes *to, uint32_t number, unsigned wire) {
    bytes_append_varint(to, (uint64_t)number << 3 | wire);
}

/* Bytes whose length stands before them: room for the longest length is made, and closed when it is known. */
static size_t open_length(struct bytes *to) {
    static const char room[5] = {0};
    bytes_append(to, room, sizeof room);
    return to->length;
}

static void close_length(struct bytes *to, size_t begin) {
    struct bytes length cleanup(bytes_release) = {0};
    size_t count = to->length - begin;
    bytes_append_varint(&length, count);
    if (to->failed || length.failed) {
        to->failed = true;
        return;
    }
    char *at = (char *)bytes_slice(to).data + begin - 5;
    memcpy(at, bytes_slice(&length).data, length.length);
    memmove(at + length.length, at + 5, count);
    to->length -= 5 - length.length;
}

static void put_bytes(struct bytes *to, uint32_t number, struct slice text) {
    put_tag(to, number, WIRE_BYTES);
    bytes_append_varint(to, text.length);
    bytes_append_slice(to, text);
}

static void put_integer(struct bytes *to, uint32_t number, int64_t integer) {
    if (!integer)
        return;
    put_tag(to, number, WIRE_VARINT);
    bytes_append_varint(to, (uint64_t)integer);
}

/* --- well-known messages
 * ------------------------------------------------------------------------------------------------------------------ */

static void put_decimal(struct bytes *to, const struct type *type, decimal number) {
    char unscaled[sizeof number];
    size_t length = 1;
    while (length < sizeof number && (number >> (8 * length - 1)) != 0 && (number >> (8 * length - 1)) != -1)
        length++;
    for (size_t i = 0; i < length; i++)
        unscaled[i] = (char)(number >> 8 * (length - 1 - i));
    put_bytes(to, 1, (struct slice){unscaled, length});
    put_integer(to, 2, (int64_t)type->precision);
    put_integer(to, 3, (int64_t)type->scale);
}

static void put_known(struct bytes *to, const struct proto_message *message, const struct type *type,
                      const struct value *value) {
    int64_t seconds = floor_divide(value->integer, SECOND_MS);
    int64_t nanos = (value->integer - seconds * SECOND_MS) * NANOS_IN_MS;
    switch (message->known) {
    case PROTO_TIMESTAMP:
        put_integer(to, 1, seconds);
        put_integer(to, 2, nanos);
        break;
    case PROTO_TIME_OF_DAY:
        put_integer(to, 1, seconds / 3600);
        put_integer(to, 2, seconds / 60 % 60);
        put_integer(to, 3, seconds % 60);
        put_integer(to, 4, nanos);
        break;
    case PROTO_DATE: {
        struct civil_date date = civil_from_days(value->integer);
        put_integer(to, 1, date.year);
        put_integer(to, 2, (int64_t)date.month);
        put_integer(to, 3, (int64_t)date.day);
        break;
    }
    default:
        put_decimal(to, type, value->decimal);
        break;
    }
}

/* --- fields
 * ------------------------------------------------------------------------------------------------------------------ */

static void put_number(struct bytes *to, const struct proto_field *field, const struct value *value) {
    if (field->kind == PROTO_DOUBLE)
        bytes_append(to, &value->number, sizeof value->number); /* little-endian, as memory is */
    else
        bytes_append_varint(to, field->kind == PROTO_BOOL ? value->boolean : (uint64_t)value->integer);
}

static bool is_default(const struct proto_field *field, const struct value *value) {
    uint64_t bits = 0; /* of a DOUBLE: -0.0 is no default */
    switch (field->kind) {
    case PROTO_BOOL:
        return !value->boolean;
    case PROTO_DOUBLE:
        memcpy(&bits, &value->number, sizeof bits);
        return bits == 0;
    case PROTO_STRING:
    case PROTO_BYTES:
        return value->text.length == 0;
    case PROTO_MESSAGE:
        return false;
    default:
        return value->integer == 0;
    }
}

static bool put_single(struct bytes *to, const struct proto_step *step, const struct proto_field *field,
                       const struct type *type, const struct value *value) {
    if (field->kind == PROTO_STRING || field->kind == PROTO_BYTES) {
        put_bytes(to, field->number, value->text);
        return true;
    }
    if (field->kind != PROTO_MESSAGE) {
        put_tag(to, field->number, field->kind == PROTO_DOUBLE ? WIRE_64 : WIRE_VARINT);
        put_number(to, field, value);
        return true;
    }
    bool good = true;
    put_tag(to, field->number, WIRE_BYTES);
    size_t begin = open_length(to);
    if (field->message->known)
        put_known(to, field->message, type, value);
    else
        good = put_message(to, step->message, value->sequence->items);
    close_length(to, begin);
    return good;
}

static bool put_packed(struct bytes *to, const struct proto_field *field, const struct sequence *sequence) {
    put_tag(to, field->number, WIRE_BYTES);
    size_t begin = open_length(to);
    for (size_t i = 0; i < sequence->count; i++) {
        if (sequence->items[i].null)
            return false;
        put_number(to, field, &sequence->items[i]);
    }
    close_length(to, begin);
    return true;
}

static bool put_array(struct bytes *to, const struct proto_step *step, const struct sequence *sequence) {
    enum proto_kind kind = step->field->kind;
    if (sequence->count && kind != PROTO_STRING && kind != PROTO_BYTES && kind != PROTO_MESSAGE)
        return put_packed(to, step->field, sequence);
    for (size_t i = 0; i < sequence->count; i++)
        if (sequence->items[i].null || !put_single(to, step, step->field, step->type->element, &sequence->items[i]))
            return false;
    return true;
}

static bool put_map(struct bytes *to, const struct proto_step *step, const struct sequence *sequence) {
    const struct proto_field *parts = step->field->message->fields;
    bool good = true;
    for (size_t i = 0; i + 1 < sequence->count && good; i += 2) {
        const struct value *key = &sequence->items[i], *value = &sequence->items[i + 1];
        put_tag(to, step->field->number, WIRE_BYTES);
        size_t begin = open_length(to);
        put_bytes(to, 1, key->null ? SLICE("null") : key->text);
        if (!value->null && !is_default(&parts[1], value))
            good = put_single(to, step, &parts[1], step->type->element, value);
        close_length(to, begin);
    }
    return good;
}

static bool put_field(struct bytes *to, const struct proto_step *step, const struct value *value) {
    if (value->null)
        return true;
    if (step->type->kind == TYPE_MAP)
        return put_map(to, step, value->sequence);
    if (step->field->repeated)
        return put_array(to, step, value->sequence);
    return is_default(step->field, value) || put_single(to, step, step->field, step->type, value);
}

/* False: an ARRAY has a NULL. */
static bool put_message(struct bytes *to, const struct proto_plan *plan, const struct value *values) {
    for (size_t i = 0; i < plan->count; i++)
        if (!put_field(to, &plan->steps[i], &values[plan->steps[i].place]))
            return false;
    return true;
}

int proto_write_row(const struct proto_plan *plan, const struct row_layout *layout, const struct vector *columns,
                    size_t row, struct bytes *to, struct error *error) {
    for (size_t i = 0; i < plan->count; i++) {
        const struct proto_step *step = &plan->steps[i];
        struct value value;
        vector_get(&columns[step->place], row, &value);
        if (!put_field(to, step, &value))
            return error_set(error, ERROR_INVALID, "column %.*s: an ARRAY with a NULL has no place in Protobuf",
                             (int)layout->columns[step->place].name.length, layout->columns[step->place].name.data);
    }
    return 0;
}

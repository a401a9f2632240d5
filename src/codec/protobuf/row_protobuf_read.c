/* Reading messages (protobuf.dev, "Encoding"): fields come in any order, unknown ones are passed over, of a scalar
 * that comes twice the last value counts, messages that come twice are merged, repeated scalars may be packed.
 *
 * A scalar without presence that does not come has its default, a message that does not come is NULL. Every length is
 * compared with what is left before it is used. */
#include "codec/protobuf/row_protobuf.h"

#include <math.h>

#include "codec/row/reason.h"
#include "codec/row/row_value.h"
#include "core/varint.h"
#include "model/time/time_text.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_GROUP = 3, WIRE_GROUP_END = 4, WIRE_32 = 5 };
enum { PROTO_READ_DEPTH = 40, SECOND_MS = 1000, DAY_MS = 86400000, NANOS_IN_MS = 1000000 };

struct reading {
    struct arena *arena;
    const char *reason; /* why the message cannot be read; NULL with false: no memory */
    unsigned depth;
    size_t values; /* that may still be made of it: a few bytes may stand for many */
};

/* A value as it stands on the wire. */
struct wire_value {
    enum wire wire;
    uint64_t number; /* of WIRE_VARINT, WIRE_64, WIRE_32 */
    struct slice bytes;
};

static bool read_fail(struct reading *reading, const char *reason) {
    reading->reason = reason;
    return false;
}

/* Room for `count` more values. */
static bool read_pay(struct reading *reading, size_t count) {
    if (count > reading->values)
        return read_fail(reading, "the Protobuf message holds too many values");
    reading->values -= count;
    return true;
}

static bool read_fixed(const char **at, const char *end, size_t size, uint64_t *ret_number) {
    uint64_t number = 0;
    if ((size_t)(end - *at) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        number |= (uint64_t)(unsigned char)(*at)[i] << 8 * i;
    *at += size;
    *ret_number = number;
    return true;
}

/* The number of a field and its value; `at` moves after it. */
static bool read_tagged(struct reading *reading, const char **at, const char *end, uint32_t *ret_number,
                        struct wire_value *ret_value) {
    uint64_t tag, length;
    bool whole = varint_read(at, end, &tag) && tag >> 3 != 0 && tag >> 3 < 1u << 29;
    if (!whole)
        return read_fail(reading, "the Protobuf message is damaged: no field begins where one should");
    *ret_number = (uint32_t)(tag >> 3);
    *ret_value = (struct wire_value){.wire = (enum wire)(tag & 7)};
    switch (ret_value->wire) {
    case WIRE_VARINT:
        whole = varint_read(at, end, &ret_value->number);
        break;
    case WIRE_64:
        whole = read_fixed(at, end, 8, &ret_value->number);
        break;
    case WIRE_32:
        whole = read_fixed(at, end, 4, &ret_value->number);
        break;
    case WIRE_BYTES:
        whole = varint_read(at, end, &length) && length <= (uint64_t)(end - *at);
        if (whole) {
            ret_value->bytes = (struct slice){*at, (size_t)length};
            *at += length;
        }
        break;
    default:
        return read_fail(reading, "the Protobuf message has a group, which is not read");
    }
    return whole || read_fail(reading, "the Protobuf message is cut off in the midst of a field");
}

static enum wire wire_of(enum proto_kind kind) {
    switch (kind) {
    case PROTO_DOUBLE:
    case PROTO_FIXED64:
    case PROTO_SFIXED64:
        return WIRE_64;
    case PROTO_FLOAT:
    case PROTO_FIXED32:
    case PROTO_SFIXED32:
        return WIRE_32;
    case PROTO_STRING:
    case PROTO_BYTES:
    case PROTO_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

/* --- scalars
 * ------------------------------------------------------------------------------------------------------------------ */

/* False: an unsigned number beyond int64_t. */
static bool integer_of(enum proto_kind kind, uint64_t number, int64_t *ret_integer) {
    switch (kind) {
    case PROTO_INT32:
    case PROTO_SFIXED32:
    case PROTO_ENUM:
        *ret_integer = (int32_t)(uint32_t)number;
        return true;
    case PROTO_SINT32:
        *ret_integer = (int32_t)((uint32_t)number >> 1 ^ -((uint32_t)number & 1));
        return true;
    case PROTO_SINT64:
        *ret_integer = (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
        return true;
    case PROTO_UINT32:
    case PROTO_FIXED32:
        *ret_integer = (int64_t)(uint32_t)number;
        return true;
    case PROTO_UINT64:
    case PROTO_FIXED64:
        *ret_integer = (int64_t)number;
        return number <= INT64_MAX;
    default:
        *ret_integer = (int64_t)number;
        return true;
    }
}

static double double_of(enum proto_kind kind, uint64_t number) {
    if (kind == PROTO_DOUBLE) {
        double value;
        memcpy(&value, &number, sizeof value);
        return value;
    }
    uint32_t bits = (uint32_t)number;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static bool enum_value(struct reading *reading, const struct proto_field *field, int64_t number, struct value *value) {
    for (size_t i = 0; i < field->words->count; i++)
        if (field->words->numbers[i] == number) {
            *value = value_of_text(field->words->names[i]);
            return true;
        }
    return read_fail(reading, reason_format(reading->arena, "field %.*s: %lld is no value of the enum",
                                            (int)(field->name.length < 80 ? field->name.length : 80), field->name.data,
                                            (long long)number));
}

static bool unfit(struct reading *reading, const struct proto_field *field, const struct type *type) {
    return read_fail(reading, row_unfit(reading->arena, field->name, type,
                                        field->kind == PROTO_MESSAGE ? field->message->name : SLICE("the number")));
}

static bool read_integer(struct reading *reading, const struct proto_field *field, const struct type *type,
                         uint64_t number, struct value *value) {
    int64_t integer;
    if (!integer_of(field->kind, number, &integer))
        return unfit(reading, field, type);
    if (type->kind == TYPE_DOUBLE)
        *value = value_of_number((double)integer);
    else if (row_integer_fits(type, integer))
        *value = value_of_integer(integer);
    else
        return unfit(reading, field, type);
    return true;
}

static bool read_scalar(struct reading *reading, const struct proto_field *field, const struct type *type,
                        const struct wire_value *from, struct value *value) {
    struct slice text;
    int64_t number;
    switch (field->kind) {
    case PROTO_BOOL:
        *value = value_of_boolean(from->number != 0);
        return true;
    case PROTO_DOUBLE:
    case PROTO_FLOAT:
        *value = value_of_number(double_of(field->kind, from->number));
        return true;
    case PROTO_STRING:
        if (!row_utf8(reading->arena, from->bytes, &text))
            return false;
        *value = value_of_text(text);
        return true;
    case PROTO_BYTES:
        *value = value_of_text(from->bytes);
        return true;
    case PROTO_ENUM:
        if (type->kind != TYPE_STRING)
            return read_integer(reading, field, type, from->number, value);
        return integer_of(PROTO_ENUM, from->number, &number) && enum_value(reading, field, number, value);
    default:
        return read_integer(reading, field, type, from->number, value);
    }
}

static const struct wire_value *wire_default(const struct proto_field *field) {
    static const struct wire_value none = {.wire = WIRE_VARINT, .bytes = {"", 0}};
    (void)field;
    return &none;
}

/* --- well-known messages
 * ------------------------------------------------------------------------------------------------------------------ */

/* The fields of a message of scalars, by number from 1; at most `count`. */
static bool read_parts(struct reading *reading, const struct proto_message *message, struct slice bytes,
                       struct wire_value *parts) {
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    for (size_t i = 0; i < message->field_count; i++)
        parts[i] = *wire_default(&message->fields[i]);
    while (at < end) {
        struct wire_value value;
        uint32_t number;
        if (!read_tagged(reading, &at, end, &number, &value))
            return false;
        if (number > message->field_count)
            continue;
        if (value.wire != wire_of(message->fields[number - 1].kind))
            return read_fail(reading, "a time or a decimal in the Protobuf message has a part of another wire type");
        parts[number - 1] = value;
    }
    return true;
}

static int64_t part_integer(const struct wire_value *part) {
    return (int64_t)part->number;
}

static bool read_decimal(struct reading *reading, const struct proto_step *step, const struct type *type,
                         const struct wire_value *parts, struct value *value) {
    decimal number = 0;
    struct slice unscaled = parts[0].bytes;
    int64_t scale = part_integer(&parts[2]);
    if (unscaled.length > sizeof number || scale < 0 || scale > TYPE_PRECISION_MAXIMUM)
        return unfit(reading, step->field, type);
    unsigned __int128 bits = unscaled.length && *unscaled.data & 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < unscaled.length; i++)
        bits = bits << 8 | (unsigned char)unscaled.data[i];
    if (!decimal_rescale((decimal)bits, (unsigned)scale, (struct decimal_shape){type->precision, type->scale}, &number))
        return unfit(reading, step->field, type);
    *value = value_of_decimal(number);
    return true;
}

static bool read_date(struct reading *reading, const struct proto_step *step, const struct type *type,
                      const struct wire_value *parts, struct value *value) {
    int64_t year = part_integer(&parts[0]), month = part_integer(&parts[1]), day = part_integer(&parts[2]);
    struct civil_date date = {.year = year, .month = (unsigned)month, .day = (unsigned)day};
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < 0 || year > 9999 || !civil_valid(date))
        return unfit(reading, step->field, type);
    *value = value_of_integer(civil_to_days(date));
    return true;
}

static bool read_known(struct reading *reading, const struct proto_step *step, const struct proto_field *field,
                       const struct type *type, struct slice bytes, struct value *value) {
    struct wire_value parts[4];
    int64_t number;
    if (!read_parts(reading, field->message, bytes, parts))
        return false;
    switch (field->message->known) {
    case PROTO_TIMESTAMP:
        if (__builtin_mul_overflow(part_integer(&parts[0]), SECOND_MS, &number) ||
            __builtin_add_overflow(number, (int32_t)part_integer(&parts[1]) / NANOS_IN_MS, &number))
            return unfit(reading, step->field, type);
        *value = value_of_integer(number);
        return true;
    case PROTO_TIME_OF_DAY:
        for (size_t i = 0; i < 3; i++)
            if (part_integer(&parts[i]) < 0 || part_integer(&parts[i]) > (i ? 60 : 24))
                return unfit(reading, step->field, type);
        number = ((part_integer(&parts[0]) * 60 + part_integer(&parts[1])) * 60 + part_integer(&parts[2])) * SECOND_MS +
                 (int32_t)part_integer(&parts[3]) / NANOS_IN_MS;
        if (number < 0 || number >= DAY_MS)
            return unfit(reading, step->field, type);
        *value = value_of_integer(number);
        return true;
    case PROTO_DATE:
        return read_date(reading, step, type, parts, value);
    case PROTO_DECIMAL:
        return read_decimal(reading, step, type, parts, value);
    default:
        return read_scalar(reading, &field->message->fields[0], type, &parts[0], value);
    }
}

/* --- messages
 * ------------------------------------------------------------------------------------------------------------------ */

/* What a message is read into: a value for each place, items of what is repeated beside it. */
struct target {
    struct value *values;
    struct row_items *items; /* by place */
};

static bool read_message(struct reading *reading, const struct proto_plan *plan, struct slice bytes,
                         struct target *target);

static bool target_open(struct reading *reading, const struct proto_plan *plan, struct target *ret_target) {
    if (!read_pay(reading, plan->places + 1))
        return false;
    *ret_target = (struct target){arena_allocate(reading->arena, (plan->places + 1) * sizeof(struct value)),
                                  arena_allocate(reading->arena, (plan->places + 1) * sizeof(struct row_items))};
    if (!ret_target->values || !ret_target->items)
        return false;
    memset(ret_target->items, 0, plan->places * sizeof *ret_target->items);
    for (size_t i = 0; i < plan->places; i++)
        ret_target->values[i] = VALUE_NULL;
    for (size_t i = 0; i < plan->count; i++) {
        const struct proto_step *step = &plan->steps[i];
        bool scalar = !step->field->repeated && step->field->kind != PROTO_MESSAGE && !step->field->presence;
        if (scalar && step->field->kind == PROTO_ENUM && step->type->kind == TYPE_STRING) {
            if (step->field->words->count)
                ret_target->values[step->place] = value_of_text(step->field->words->names[0]);
        } else if (scalar && !read_scalar(reading, step->field, step->type, wire_default(step->field),
                                          &ret_target->values[step->place]))
            return false;
    }
    return true;
}

/* Sequences of what is repeated, which may be empty. */
static bool target_close(struct reading *reading, const struct proto_plan *plan, struct target *target) {
    for (size_t i = 0; i < plan->count; i++) {
        const struct proto_step *step = &plan->steps[i];
        struct row_items *items = &target->items[step->place];
        if (!step->field->repeated)
            continue;
        const struct sequence *sequence = step->type->kind == TYPE_MAP ? row_items_finish_map(items, reading->arena)
                                                                       : row_items_finish(items, reading->arena);
        if (!sequence)
            return false;
        target->values[step->place] = value_of_sequence(sequence);
    }
    return true;
}

/* A STRUCT of its own; what has been read of it before is merged. */
static bool read_struct(struct reading *reading, const struct proto_plan *plan, struct slice bytes,
                        const struct value *before, struct value *value) {
    struct target target;
    struct sequence *sequence = arena_allocate(reading->arena, sizeof *sequence);
    if (!sequence || !target_open(reading, plan, &target))
        return false;
    if (before && !before->null)
        for (size_t i = 0; i < plan->places; i++)
            target.values[i] = before->sequence->items[i];
    for (size_t i = 0; before && !before->null && i < plan->count; i++) {
        const struct value *old = &target.values[plan->steps[i].place];
        if (plan->steps[i].field->repeated && !old->null && !read_pay(reading, old->sequence->count))
            return false;
        for (size_t k = 0; plan->steps[i].field->repeated && !old->null && k < old->sequence->count; k++)
            if (!row_items_add(&target.items[plan->steps[i].place], reading->arena, &old->sequence->items[k]))
                return false;
    }
    if (!read_message(reading, plan, bytes, &target) || !target_close(reading, plan, &target))
        return false;
    *sequence = (struct sequence){plan->places, target.values};
    *value = value_of_sequence(sequence);
    return true;
}

/* One value of a field that is no map. */
static bool read_single(struct reading *reading, const struct proto_step *step, const struct proto_field *field,
                        const struct type *type, const struct wire_value *from, const struct value *before,
                        struct value *value) {
    if (from->wire != wire_of(field->kind))
        return read_fail(reading,
                         reason_format(reading->arena, "field %.*s has another wire type than its schema says",
                                       (int)(field->name.length < 80 ? field->name.length : 80), field->name.data));
    if (field->kind != PROTO_MESSAGE)
        return read_scalar(reading, field, type, from, value);
    return field->message->known ? read_known(reading, step, field, type, from->bytes, value)
                                 : read_struct(reading, step->message, from->bytes, before, value);
}

static bool read_entry(struct reading *reading, const struct proto_step *step, struct slice bytes,
                       struct row_items *items) {
    const struct proto_field *key = &step->field->message->fields[0], *field = &step->field->message->fields[1];
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    struct value pair[2] = {value_of_text(SLICE("")), VALUE_NULL};
    if (field->kind != PROTO_MESSAGE && !(field->kind == PROTO_ENUM && step->type->element->kind == TYPE_STRING) &&
        !read_scalar(reading, field, step->type->element, wire_default(field), &pair[1]))
        return false;
    while (at < end) {
        struct wire_value value;
        uint32_t number;
        if (!read_tagged(reading, &at, end, &number, &value))
            return false;
        if (number == 1 && !read_single(reading, step, key, &type_string, &value, NULL, &pair[0]))
            return false;
        if (number == 2 && !read_single(reading, step, field, step->type->element, &value, &pair[1], &pair[1]))
            return false;
    }
    return read_pay(reading, 2) && row_items_add(items, reading->arena, &pair[0]) &&
           row_items_add(items, reading->arena, &pair[1]);
}

static bool read_packed(struct reading *reading, const struct proto_step *step, struct slice bytes,
                        struct row_items *items) {
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    enum wire wire = wire_of(step->field->kind);
    while (at < end) {
        struct wire_value from = {.wire = wire};
        struct value value;
        bool whole = wire == WIRE_VARINT ? varint_read(&at, end, &from.number)
                                         : read_fixed(&at, end, wire == WIRE_64 ? 8 : 4, &from.number);
        if (!whole)
            return read_fail(reading, "the Protobuf message is cut off in the midst of a packed field");
        if (!read_pay(reading, 1) || !read_scalar(reading, step->field, step->type->element, &from, &value) ||
            !row_items_add(items, reading->arena, &value))
            return false;
    }
    return true;
}

static bool read_repeated(struct reading *reading, const struct proto_step *step, const struct wire_value *from,
                          struct row_items *items) {
    struct value value;
    if (step->type->kind == TYPE_MAP)
        return from->wire == WIRE_BYTES ? read_entry(reading, step, from->bytes, items)
                                        : read_fail(reading, "an entry of a map in the Protobuf message is no message");
    if (from->wire == WIRE_BYTES && wire_of(step->field->kind) != WIRE_BYTES)
        return read_packed(reading, step, from->bytes, items);
    return read_pay(reading, 1) && read_single(reading, step, step->field, step->type->element, from, NULL, &value) &&
           row_items_add(items, reading->arena, &value);
}

static const struct proto_step *plan_find(const struct proto_plan *plan, uint32_t number) {
    size_t first = 0, count = plan->count;
    while (count) {
        const struct proto_step *middle = &plan->steps[first + count / 2];
        if (middle->field->number == number)
            return middle;
        first = middle->field->number < number ? first + count / 2 + 1 : first;
        count = middle->field->number < number ? count - count / 2 - 1 : count / 2;
    }
    return NULL;
}

static bool read_message(struct reading *reading, const struct proto_plan *plan, struct slice bytes,
                         struct target *target) {
    const char *at = bytes.data, *end = bytes.data + bytes.length;
    bool good = true;
    if (++reading->depth > PROTO_READ_DEPTH)
        return read_fail(reading, "messages lie in each other too deeply");
    while (good && at < end) {
        struct wire_value from;
        uint32_t number;
        if (!read_tagged(reading, &at, end, &number, &from))
            return false;
        const struct proto_step *step = plan_find(plan, number);
        if (step && step->field->repeated)
            good = read_repeated(reading, step, &from, &target->items[step->place]);
        else if (step)
            good = read_single(reading, step, step->field, step->type, &from, &target->values[step->place],
                               &target->values[step->place]);
    }
    reading->depth--;
    return good;
}

int proto_read_row(const struct proto_plan *plan, struct slice message, struct arena *arena, struct vector *columns,
                   size_t row, enum row_read *ret_status, const char **ret_reason, struct error *error) {
    enum { VALUES_FOR_A_BYTE = 64, VALUES_AT_LEAST = 65536, VALUES_MAXIMUM = 1 << 23 };
    size_t values = message.length * VALUES_FOR_A_BYTE + VALUES_AT_LEAST;
    struct reading reading = {.arena = arena, .values = values < VALUES_MAXIMUM ? values : VALUES_MAXIMUM};
    struct target target;
    *ret_status = ROW_READ_BAD;
    if (target_open(&reading, plan, &target) && read_message(&reading, plan, message, &target) &&
        target_close(&reading, plan, &target)) {
        for (size_t i = 0; i < plan->places; i++)
            vector_set(&columns[i], row, &target.values[i]);
        *ret_status = ROW_READ_GOOD;
        return 0;
    }
    if (!reading.reason)
        return error_no_memory(error);
    *ret_reason = reading.reason;
    return 0;
}

/* Plans: the fields of a message matched with columns, by name (exactly, else without regard to case). A field that
 * has no column is passed over when it is read; a column that has no field is NULL. */
#include "codec/protobuf/row_protobuf.h"

#include "codec/row/row_value.h"

enum { PROTO_PLAN_DEPTH = 32 };

struct planning {
    struct arena *arena;
    struct error *error;
};

static int plan_of(const struct planning *planning, const struct proto_message *message,
                   const struct type_field *targets, size_t count, unsigned depth, const struct proto_plan **ret_plan);

static bool kind_is_integer(enum proto_kind kind) {
    return kind >= PROTO_INT32 && kind <= PROTO_SFIXED64;
}

static bool scalar_fits(enum proto_kind kind, const struct type *type) {
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return kind == PROTO_BOOL;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
        return kind_is_integer(kind) || kind == PROTO_ENUM;
    case TYPE_DOUBLE:
        return kind == PROTO_DOUBLE || kind == PROTO_FLOAT || kind_is_integer(kind);
    case TYPE_STRING:
        return kind == PROTO_STRING || kind == PROTO_ENUM;
    case TYPE_BYTES:
        return kind == PROTO_BYTES;
    default:
        return false;
    }
}

static bool known_fits(const struct proto_message *message, const struct type *type) {
    switch (message->known) {
    case PROTO_TIMESTAMP:
        return type->kind == TYPE_TIMESTAMP;
    case PROTO_DATE:
        return type->kind == TYPE_DATE;
    case PROTO_TIME_OF_DAY:
        return type->kind == TYPE_TIME;
    case PROTO_DECIMAL:
        return type->kind == TYPE_DECIMAL;
    case PROTO_WRAPPER:
        return scalar_fits(message->fields[0].kind, type);
    default:
        return false;
    }
}

static int step_refuse(const struct planning *planning, const struct proto_field *field, const struct type *type) {
    struct slice text = type_text(planning->arena, type);
    return error_set(planning->error, ERROR_INVALID, "field %.*s is %s%s, the column is %.*s",
                     (int)(field->name.length < 80 ? field->name.length : 80), field->name.data,
                     field->map        ? "a map of "
                     : field->repeated ? "repeated "
                                       : "",
                     proto_kind_name(field->map ? field->message->fields[1].kind : field->kind), (int)text.length,
                     text.data);
}

/* One value of the field, repeated or not. */
static int step_single(const struct planning *planning, const struct proto_field *field, const struct type *type,
                       unsigned depth, struct proto_step *step) {
    bool fits = field->kind != PROTO_MESSAGE ? scalar_fits(field->kind, type)
                : field->message->known      ? known_fits(field->message, type)
                                             : type->kind == TYPE_STRUCT;
    if (!fits)
        return step_refuse(planning, step->field, step->type);
    if (type->kind != TYPE_STRUCT)
        return 0;
    return plan_of(planning, field->message, type->fields, type->field_count, depth + 1, &step->message);
}

/* A map's entries may also be repeated messages of a key and a value. */
static bool is_entries(const struct proto_field *field) {
    const struct proto_message *message = field->message;
    return field->repeated && field->kind == PROTO_MESSAGE && message->field_count == 2 &&
           slice_equal(message->fields[0].name, SLICE("key")) && slice_equal(message->fields[1].name, SLICE("value")) &&
           message->fields[0].number == 1 && message->fields[1].number == 2 && !message->fields[1].repeated;
}

static int step_make(const struct planning *planning, const struct proto_field *field, const struct type *type,
                     unsigned depth, struct proto_step *step) {
    *step = (struct proto_step){.field = field, .type = type};
    if (type->kind == TYPE_MAP) {
        if (!is_entries(field) || field->message->fields[0].kind != PROTO_STRING)
            return step_refuse(planning, field, type);
        return step_single(planning, &field->message->fields[1], type->element, depth, step);
    }
    if (field->repeated != (type->kind == TYPE_ARRAY) || field->map)
        return step_refuse(planning, field, type);
    return step_single(planning, field, field->repeated ? type->element : type, depth, step);
}

static const struct proto_field *field_named(const struct proto_message *message, struct slice name) {
    const struct proto_field *found = NULL;
    for (size_t i = 0; i < message->field_count; i++) {
        if (slice_equal(message->fields[i].name, name))
            return &message->fields[i];
        if (!found && row_same_name(message->fields[i].name, name))
            found = &message->fields[i];
    }
    return found;
}

static void steps_sort(struct proto_step *steps, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && steps[j].field->number < steps[j - 1].field->number; j--) {
            struct proto_step step = steps[j];
            steps[j] = steps[j - 1];
            steps[j - 1] = step;
        }
}

static int plan_of(const struct planning *planning, const struct proto_message *message,
                   const struct type_field *targets, size_t count, unsigned depth, const struct proto_plan **ret_plan) {
    struct proto_plan *plan = arena_allocate(planning->arena, sizeof *plan);
    struct proto_step *steps = arena_allocate(planning->arena, (count + 1) * sizeof *steps);
    const struct type **types = arena_allocate(planning->arena, (count + 1) * sizeof *types);
    if (!plan || !steps || !types)
        return error_no_memory(planning->error);
    if (depth > PROTO_PLAN_DEPTH)
        return error_set(planning->error, ERROR_INVALID, "messages lie in each other too deeply");
    *plan = (struct proto_plan){.steps = steps, .places = count, .types = types};
    for (size_t i = 0; i < count; i++) {
        const struct proto_field *field = field_named(message, targets[i].name);
        types[i] = targets[i].type;
        if (!field)
            continue;
        int status = step_make(planning, field, targets[i].type, depth, &steps[plan->count]);
        if (status)
            return status;
        steps[plan->count++].place = i;
    }
    steps_sort(steps, plan->count);
    *ret_plan = plan;
    return 0;
}

int proto_plan_make(const struct proto_message *message, const struct row_layout *layout, struct arena *arena,
                    const struct proto_plan **ret_plan, struct error *error) {
    struct planning planning = {arena, error};
    struct type_field *targets = arena_allocate(arena, (layout->count + 1) * sizeof *targets);
    if (!targets)
        return error_no_memory(error);
    for (size_t i = 0; i < layout->count; i++)
        targets[i] = (struct type_field){layout->columns[i].name, layout->columns[i].type};
    return plan_of(&planning, message, targets, layout->count, 0, ret_plan);
}

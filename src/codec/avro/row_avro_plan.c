/* What plans for reading and for writing share, and the resolution for reading (Apache Avro specification 1.11:
 * schema resolution): the writer's types against ours.
 *
 * Fields are matched by name, exactly or else without regard to case; the names of records are not compared. A
 * column without a field is NULL, a field without a column is skipped. Beyond the specification's promotions STRING
 * takes enums and timestamps, as ISO-8601, DOUBLE takes decimals, and the times take plain ints and longs in the units that JSON has for them. What cannot be read at
 * all refuses the schema; a union is accepted when one of its branches is, and a value of another branch is that
 * record's fault. */
#include "codec/avro/row_avro.h"
#include "codec/row/row_value.h"
#include "core/memory.h"

/* --- shared
 * ------------------------------------------------------------------------------------------------------------------ */

int row_avro_steps_new(struct row_avro_compiler *compiler, size_t count, struct row_avro_step **ret_steps) {
    compiler->steps += count;
    if (compiler->steps > ROW_AVRO_STEPS_MAXIMUM)
        return error_set(compiler->error, ERROR_INVALID, "the schema has more types than are possible (%d)",
                         ROW_AVRO_STEPS_MAXIMUM);
    struct row_avro_step *steps = arena_allocate(compiler->arena, count * sizeof *steps);
    if (!steps)
        return error_no_memory(compiler->error);
    for (size_t i = 0; i < count; i++)
        steps[i] = (struct row_avro_step){.action = ROW_AVRO_SKIP, .null_branch = -1, .value_branch = -1};
    *ret_steps = steps;
    return 0;
}

int row_avro_refused(const struct row_avro_compiler *compiler, const struct row_layout *layout,
                     const struct avro_type *schema, const char *done) {
    cleanup(bytes_release) struct bytes target = {0};
    bool field = compiler->field.data && !layout->bare;
    const struct avro_type *type = field ? compiler->field_type : schema;
    if (field && !compiler->field_type)
        return error_set(compiler->error, ERROR_INVALID, "column %.*s is no field of the schema",
                         (int)compiler->field.length, compiler->field.data);
    if (field && !compiler->field_target)
        return error_set(compiler->error, ERROR_INVALID, "field %.*s, which is no column, may not be null",
                         (int)compiler->field.length, compiler->field.data);
    if (!field && !layout->bare)
        return error_set(compiler->error, ERROR_INVALID, "the schema is %s, not a record",
                         avro_kind_text(schema->kind));
    type_print(&target, field ? compiler->field_target : layout->columns[0].type);
    return error_set(compiler->error, ERROR_INVALID, "%s%.*s is %s%s%s%s, which cannot be %s %.*s",
                     field ? "field " : "the schema", field ? (int)compiler->field.length : 0,
                     field ? compiler->field.data : "", avro_kind_text(type->kind), type->logical ? " (" : "",
                     type->logical ? type->logical : "", type->logical ? ")" : "", done, (int)target.length,
                     bytes_slice(&target).data);
}

size_t *row_avro_match(struct row_avro_compiler *compiler, const struct avro_type *record, const struct type *target) {
    size_t *places = arena_allocate(compiler->arena, record->member_count * sizeof *places);
    for (size_t i = 0; places && i < record->member_count; i++)
        places[i] = target->field_count;
    for (size_t f = 0; places && f < target->field_count; f++) {
        size_t found = record->member_count;
        for (size_t i = 0; i < record->member_count; i++) {
            if (slice_equal(record->words[i], target->fields[f].name)) {
                found = i;
                break;
            }
            if (found == record->member_count && row_same_name(record->words[i], target->fields[f].name))
                found = i;
        }
        bool exact = found < record->member_count && slice_equal(record->words[found], target->fields[f].name);
        if (found < record->member_count && (exact || places[found] == target->field_count))
            places[found] = f;
    }
    return places;
}

const struct type *row_avro_entry(struct row_avro_compiler *compiler, const struct avro_type *array,
                                  const struct type *map, bool *ret_failed) {
    const struct avro_type *record = array->members[0];
    if (record->kind != AVRO_RECORD || record->member_count != 2 || !slice_equal(record->words[0], SLICE("key")) ||
        !slice_equal(record->words[1], SLICE("value")))
        return NULL;
    struct type_field *fields = arena_allocate(compiler->arena, 2 * sizeof *fields);
    const struct type *entry = NULL;
    if (fields) {
        fields[0] = (struct type_field){SLICE("key"), map->key};
        fields[1] = (struct type_field){SLICE("value"), map->element};
        entry = type_struct(compiler->arena, fields, 2);
    }
    *ret_failed = !entry;
    return entry;
}

static bool row_avro_logical(const struct avro_type *type, const char *logical) {
    return !type->logical || strcmp(type->logical, logical) == 0;
}

int64_t row_avro_time_scale(const struct avro_type *type, const struct type *target) {
    switch (target->kind) {
    case TYPE_DATE:
        return type->kind == AVRO_INT && row_avro_logical(type, "date");
    case TYPE_TIME:
        if (type->kind == AVRO_LONG)
            return type->logical && row_avro_logical(type, "time-micros") ? 1000 : 0;
        return type->kind == AVRO_INT && row_avro_logical(type, "time-millis");
    case TYPE_TIMESTAMP:
        return type->kind == AVRO_LONG && type->scale != AVRO_NO_SCALE ? type->scale : 0;
    default:
        return 0;
    }
}

bool row_avro_row_type(struct row_avro_plan *plan, const struct row_layout *layout) {
    struct type_field *fields = arena_allocate(&plan->arena, layout->count * sizeof *fields);
    if (!fields)
        return false;
    for (size_t c = 0; c < layout->count; c++)
        fields[c] = (struct type_field){layout->columns[c].name, layout->columns[c].type};
    plan->row = (struct type){.kind = TYPE_STRUCT, .fields = fields, .field_count = layout->count};
    return true;
}

struct row_avro_plan *row_avro_plan_free(struct row_avro_plan *plan) {
    if (!plan)
        return NULL;
    arena_release(&plan->arena);
    free(plan);
    return NULL;
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_avro_read_step(struct row_avro_compiler *compiler, const struct avro_type *type,
                              const struct type *target, struct row_avro_step *step);

static enum row_avro_action row_avro_text_action(const struct avro_type *type) {
    if (type->kind == AVRO_ENUM)
        return ROW_AVRO_ENUM;
    if (type->kind == AVRO_LONG && type->logical && type->scale != AVRO_NO_SCALE)
        return ROW_AVRO_TIME_AS_TEXT;
    return type->kind == AVRO_STRING || (type->kind == AVRO_BYTES && !type->logical) ? ROW_AVRO_TEXT : ROW_AVRO_REFUSE;
}

static enum row_avro_action row_avro_bytes_action(const struct avro_type *type) {
    if (type->kind == AVRO_FIXED && !type->logical)
        return ROW_AVRO_FIXED;
    return type->kind == AVRO_STRING || (type->kind == AVRO_BYTES && !type->logical) ? ROW_AVRO_TEXT : ROW_AVRO_REFUSE;
}

static enum row_avro_action row_avro_double_action(const struct avro_type *type) {
    if (type->kind == AVRO_INT || type->kind == AVRO_LONG)
        return ROW_AVRO_INTEGER_AS_DOUBLE;
    if ((type->kind == AVRO_BYTES || type->kind == AVRO_FIXED) && type->scale != AVRO_NO_SCALE)
        return ROW_AVRO_DECIMAL_AS_DOUBLE;
    return type->kind == AVRO_FLOAT ? ROW_AVRO_FLOAT : type->kind == AVRO_DOUBLE ? ROW_AVRO_DOUBLE : ROW_AVRO_REFUSE;
}

/* What reads a value of a type without members. */
static enum row_avro_action row_avro_plain_action(const struct avro_type *type, const struct type *target) {
    switch (target->kind) {
    case TYPE_BOOLEAN:
        return type->kind == AVRO_BOOLEAN ? ROW_AVRO_BOOLEAN : ROW_AVRO_REFUSE;
    case TYPE_INTEGER:
        return type->kind == AVRO_INT ? ROW_AVRO_INTEGER : ROW_AVRO_REFUSE;
    case TYPE_BIGINT:
        return type->kind == AVRO_INT || type->kind == AVRO_LONG ? ROW_AVRO_INTEGER : ROW_AVRO_REFUSE;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return row_avro_time_scale(type, target) ? ROW_AVRO_INTEGER : ROW_AVRO_REFUSE;
    case TYPE_DOUBLE:
        return row_avro_double_action(type);
    case TYPE_DECIMAL:
        return type->logical && strcmp(type->logical, "decimal") == 0 ? ROW_AVRO_DECIMAL : ROW_AVRO_REFUSE;
    case TYPE_STRING:
        return row_avro_text_action(type);
    case TYPE_BYTES:
        return row_avro_bytes_action(type);
    default:
        return ROW_AVRO_REFUSE;
    }
}

static int row_avro_read_union(struct row_avro_compiler *compiler, const struct avro_type *type,
                               const struct type *target, struct row_avro_step *step) {
    struct row_avro_step *branches = NULL;
    size_t readable = 0, nulls = 0;
    int status = row_avro_steps_new(compiler, type->member_count, &branches);
    for (size_t i = 0; i < type->member_count && !status; i++) {
        status = row_avro_read_step(compiler, type->members[i], target, &branches[i]);
        nulls += branches[i].action == ROW_AVRO_NULL;
        readable += branches[i].action != ROW_AVRO_REFUSE;
    }
    step->action = readable > nulls || nulls == type->member_count ? ROW_AVRO_UNION : ROW_AVRO_REFUSE;
    step->members = branches;
    step->member_count = type->member_count;
    return status;
}

int row_avro_element(struct row_avro_compiler *compiler, enum row_avro_action action, const struct avro_type *type,
                     const struct type *target, row_avro_step_of *make, struct row_avro_step *step) {
    struct row_avro_step *element = NULL;
    int status = row_avro_steps_new(compiler, 1, &element);
    if (!status)
        status = make(compiler, type->members[0], target, element);
    if (status)
        return status;
    step->action = element->action == ROW_AVRO_REFUSE ? ROW_AVRO_REFUSE : action;
    step->members = element;
    step->member_count = 1;
    return 0;
}

static int row_avro_read_array(struct row_avro_compiler *compiler, const struct avro_type *type,
                               const struct type *target, struct row_avro_step *step) {
    bool failed = false;
    if (target->kind == TYPE_ARRAY)
        return row_avro_element(compiler, ROW_AVRO_ARRAY, type, target->element, row_avro_read_step, step);
    const struct type *entry = target->kind == TYPE_MAP ? row_avro_entry(compiler, type, target, &failed) : NULL;
    if (failed)
        return error_no_memory(compiler->error);
    if (entry)
        return row_avro_element(compiler, ROW_AVRO_ENTRIES, type, entry, row_avro_read_step, step);
    step->action = ROW_AVRO_REFUSE;
    return 0;
}

static int row_avro_read_record(struct row_avro_compiler *compiler, const struct avro_type *type,
                                const struct type *target, struct row_avro_step *step) {
    struct row_avro_step *members = NULL;
    int status = row_avro_steps_new(compiler, type->member_count, &members);
    size_t *places = status ? NULL : row_avro_match(compiler, type, target);
    if (status || !places)
        return status ? status : error_no_memory(compiler->error);
    step->action = ROW_AVRO_RECORD;
    for (size_t i = 0; i < type->member_count; i++) {
        members[i].type = type->members[i];
        if (places[i] == target->field_count)
            continue;
        members[i].place = (uint32_t)places[i];
        status = row_avro_read_step(compiler, type->members[i], target->fields[places[i]].type, &members[i]);
        if (status)
            return status;
        if (members[i].action == ROW_AVRO_REFUSE) {
            step->action = ROW_AVRO_REFUSE;
            compiler->field = type->words[i];
            compiler->field_type = type->members[i];
            compiler->field_target = target->fields[places[i]].type;
            return 0;
        }
    }
    step->members = members;
    step->member_count = type->member_count;
    return 0;
}

static int row_avro_read_step(struct row_avro_compiler *compiler, const struct avro_type *type,
                              const struct type *target, struct row_avro_step *step) {
    uint32_t place = step->place;
    int status = 0;
    *step = (struct row_avro_step){.type = type, .target = target, .place = place, .scale = 1};
    if (type->kind == AVRO_NULL)
        step->action = ROW_AVRO_NULL;
    else if (type->kind == AVRO_UNION)
        status = row_avro_read_union(compiler, type, target, step);
    else if (type->kind == AVRO_ARRAY)
        status = row_avro_read_array(compiler, type, target, step);
    else if (type->kind == AVRO_MAP && target->kind == TYPE_MAP)
        status = row_avro_element(compiler, ROW_AVRO_MAP, type, target->element, row_avro_read_step, step);
    else if (type->kind == AVRO_RECORD && target->kind == TYPE_STRUCT)
        status = row_avro_read_record(compiler, type, target, step);
    else
        step->action = row_avro_plain_action(type, target);
    if (row_avro_time_scale(type, target))
        step->scale = row_avro_time_scale(type, target);
    if (step->action == ROW_AVRO_TIME_AS_TEXT)
        step->scale = type->scale;
    return status;
}

static int row_avro_plan_root(struct row_avro_plan *plan, struct slice schema, const struct row_layout *layout,
                              struct error *error) {
    struct row_avro_compiler compiler = {.arena = &plan->arena, .error = error};
    const struct avro_type *type = NULL;
    int status = avro_schema_read(schema, &plan->arena, &type, error);
    if (!status && !row_avro_row_type(plan, layout))
        status = error_no_memory(error);
    if (!status)
        status = row_avro_read_step(&compiler, type, layout->bare ? layout->columns[0].type : &plan->row, &plan->root);
    return !status && plan->root.action == ROW_AVRO_REFUSE ? row_avro_refused(&compiler, layout, type, "read as")
                                                           : status;
}

int row_avro_plan_reading(struct slice schema, const struct row_layout *layout, struct row_avro_plan **ret_plan,
                          struct error *error) {
    struct row_avro_plan *plan = memory_zero(1, sizeof *plan);
    if (!plan)
        return error_no_memory(error);
    int status = row_avro_plan_root(plan, schema, layout, error);
    if (status) {
        row_avro_plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

/* Schema resolution (Apache Avro specification 1.11), done once: the writer's record and the reader's columns become
 * a flat list of steps.
 *
 * Fields are matched by name; the names of the records are not compared, as a reader of readings does not mind what
 * the writer's class is called. Beyond the specification's promotions a column of strings takes enums, one of times
 * takes text and the timestamps among the logical types, and one of numbers takes decimals. */
#include "codec/avro/avro_plan.h"

#include <stdlib.h>

#include "core/memory.h"

static enum avro_action avro_string_action(const struct avro_type *type) {
    if (type->kind == AVRO_BYTES)
        return type->logical ? AVRO_REFUSE : AVRO_READ_BYTES_AS_STRING;
    return type->kind == AVRO_STRING ? AVRO_READ_STRING : type->kind == AVRO_ENUM ? AVRO_READ_ENUM : AVRO_REFUSE;
}

/* A long without a logical type counts milliseconds. An int is refused: its milliseconds end in January 1970, so it
 * holds something else. */
static enum avro_action avro_time_action(const struct avro_type *type) {
    if (type->kind == AVRO_STRING || (type->kind == AVRO_BYTES && !type->logical))
        return AVRO_READ_TIME_TEXT;
    return type->kind == AVRO_LONG && type->scale != AVRO_NO_SCALE ? AVRO_READ_TIME_LONG : AVRO_REFUSE;
}

static enum avro_action avro_double_action(const struct avro_type *type) {
    switch (type->kind) {
    case AVRO_INT:
    case AVRO_LONG:
        return AVRO_READ_LONG_AS_DOUBLE;
    case AVRO_FLOAT:
        return AVRO_READ_FLOAT;
    case AVRO_DOUBLE:
        return AVRO_READ_DOUBLE;
    case AVRO_BYTES:
    case AVRO_FIXED:
        return type->scale != AVRO_NO_SCALE ? AVRO_READ_DECIMAL : AVRO_REFUSE;
    default:
        return AVRO_REFUSE;
    }
}

/* What fills a column of type `target` from a value of the writer's type; AVRO_REFUSE when nothing does. */
static enum avro_action avro_action_of(const struct avro_type *type, enum column_type target) {
    switch (target) {
    case COLUMN_STRING:
        return avro_string_action(type);
    case COLUMN_TIMESTAMP:
        return avro_time_action(type);
    case COLUMN_INTEGER:
        return type->kind == AVRO_INT || type->kind == AVRO_LONG ? AVRO_READ_INTEGER : AVRO_REFUSE;
    case COLUMN_DOUBLE:
        return avro_double_action(type);
    }
    return AVRO_REFUSE;
}

static int avro_refuse_field(const char *name, const struct avro_type *type, enum column_type target,
                             struct error *error) {
    static const char *const targets[] = {
        [COLUMN_STRING] = "a string",
        [COLUMN_INTEGER] = "a whole number",
        [COLUMN_DOUBLE] = "a number",
        [COLUMN_TIMESTAMP] = "a time",
    };
    return error_set(error, ERROR_INVALID, "field %s is %s%s%s%s, which cannot be read as %s", name,
                     avro_kind_text(type->kind), type->logical ? " (" : "", type->logical ? type->logical : "",
                     type->logical ? ")" : "", targets[target]);
}

/* A union is readable when one of its branches is; that a record holds another branch is that record's fault. */
static int avro_plan_union(struct avro_plan *plan, struct avro_step *step, enum column_type target,
                           struct error *error) {
    size_t count = step->type->member_count, readable = 0;
    struct avro_step *branches = arena_allocate(&plan->arena, (count + 1) * sizeof *branches);
    if (!branches)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        const struct avro_type *type = step->type->members[i];
        branches[i] = (struct avro_step){
            .action = avro_action_of(type, target), .column = step->column, .type = type, .field = step->field};
        readable += branches[i].action != AVRO_REFUSE;
    }
    step->action = readable ? AVRO_READ_UNION : AVRO_REFUSE;
    step->branches = branches;
    return 0;
}

static int avro_plan_step(struct avro_plan *plan, struct slice name, const struct avro_type *type,
                          const struct schema *reader, struct error *error) {
    struct avro_step *step = &plan->steps[plan->step_count++];
    *step = (struct avro_step){.action = AVRO_SKIP, .type = type, .field = name.data};
    for (size_t c = 0; c < reader->count; c++) {
        if (!slice_equal(slice_of(reader->columns[c].name), name))
            continue;
        step->column = (unsigned)c;
        step->action = avro_action_of(type, reader->columns[c].type);
        int status = type->kind == AVRO_UNION ? avro_plan_union(plan, step, reader->columns[c].type, error) : 0;
        if (status)
            return status;
        if (step->action == AVRO_REFUSE)
            return avro_refuse_field(name.data, type, reader->columns[c].type, error);
    }
    return 0;
}

static int avro_plan_steps(struct avro_plan *plan, const struct avro_type *record, const struct schema *reader,
                           struct error *error) {
    if (record->kind != AVRO_RECORD)
        return error_set(error, ERROR_INVALID, "the schema is not a record");
    plan->steps = arena_allocate(&plan->arena, (record->member_count + 1) * sizeof *plan->steps);
    if (!plan->steps)
        return error_no_memory(error);
    int status = 0;
    for (size_t i = 0; i < record->member_count && !status; i++)
        status = avro_plan_step(plan, record->words[i], record->members[i], reader, error);
    for (size_t c = 0; c < reader->count && !status; c++) {
        size_t found = 0;
        for (size_t i = 0; i < plan->step_count; i++)
            found += plan->steps[i].action != AVRO_SKIP && plan->steps[i].column == c;
        if (found != 1)
            status = error_set(error, ERROR_INVALID, "field %s is %s", reader->columns[c].name,
                               found ? "there twice" : "missing");
    }
    return status;
}

int avro_plan_new(struct slice writer, const struct schema *reader, struct avro_plan **ret_plan, struct error *error) {
    struct avro_plan *plan = memory_zero(1, sizeof *plan);
    const struct avro_type *type = NULL;
    if (!plan)
        return error_no_memory(error);
    int status = avro_schema_read(writer, &plan->arena, &type, error);
    if (!status)
        status = avro_plan_steps(plan, type, reader, error);
    if (status) {
        avro_plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

struct avro_plan *avro_plan_free(struct avro_plan *plan) {
    if (!plan)
        return NULL;
    arena_release(&plan->arena);
    free(plan);
    return NULL;
}

/* Rows as Avro bodies in a schema that is given or made from the columns.
 *
 * The plan goes along the schema. Every column must find its field, by its exact name or in another case, and a type
 * that takes its values whole: the same one, or one of Avro's promotions. A field without a column is written as
 * null and must allow it. */
#include "codec/avro/row_avro.h"
#include "codec/row/row_value.h"
#include "core/memory.h"

/* --- the plan
 * ------------------------------------------------------------------------------------------------------------------ */

static int row_avro_write_step(struct row_avro_compiler *compiler, const struct avro_type *type,
                               const struct type *source, struct row_avro_step *step);

static enum row_avro_action row_avro_write_text(const struct avro_type *type, const struct type *source) {
    if (type->kind == AVRO_STRING && source->kind == TYPE_STRING)
        return ROW_AVRO_TEXT;
    if (type->kind == AVRO_BYTES && !type->logical)
        return ROW_AVRO_TEXT;
    if (type->kind == AVRO_ENUM && source->kind == TYPE_STRING)
        return ROW_AVRO_ENUM;
    return type->kind == AVRO_FIXED && !type->logical && source->kind == TYPE_BYTES ? ROW_AVRO_FIXED : ROW_AVRO_REFUSE;
}

/* As many digits before the point as the column has, and as many after it. */
static bool row_avro_decimal_fits(const struct avro_type *type, const struct type *source) {
    return type->logical && strcmp(type->logical, "decimal") == 0 && type->scale >= (int64_t)source->scale &&
           type->precision <= TYPE_PRECISION_MAXIMUM &&
           type->precision - type->scale >= (int64_t)(source->precision - source->scale);
}

static enum row_avro_action row_avro_write_plain(const struct avro_type *type, const struct type *source) {
    switch (source->kind) {
    case TYPE_BOOLEAN:
        return type->kind == AVRO_BOOLEAN ? ROW_AVRO_BOOLEAN : ROW_AVRO_REFUSE;
    case TYPE_INTEGER:
    case TYPE_BIGINT:
        if (type->kind == AVRO_DOUBLE)
            return ROW_AVRO_INTEGER_AS_DOUBLE;
        return type->kind == AVRO_LONG || (type->kind == AVRO_INT && source->kind == TYPE_INTEGER) ? ROW_AVRO_INTEGER
                                                                                                   : ROW_AVRO_REFUSE;
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return row_avro_time_scale(type, source) ? ROW_AVRO_INTEGER : ROW_AVRO_REFUSE;
    case TYPE_DOUBLE:
        return type->kind == AVRO_DOUBLE ? ROW_AVRO_DOUBLE : ROW_AVRO_REFUSE;
    case TYPE_DECIMAL:
        return row_avro_decimal_fits(type, source) ? ROW_AVRO_DECIMAL : ROW_AVRO_REFUSE;
    case TYPE_STRING:
    case TYPE_BYTES:
        return row_avro_write_text(type, source);
    default:
        return ROW_AVRO_REFUSE;
    }
}

/* Of a union the first branch that takes the values, and its null. */
static int row_avro_write_union(struct row_avro_compiler *compiler, const struct avro_type *type,
                                const struct type *source, struct row_avro_step *step) {
    int32_t null_branch = -1, value_branch = -1;
    struct row_avro_step found = {.action = ROW_AVRO_REFUSE}, *branches = NULL;
    int status = row_avro_steps_new(compiler, type->member_count, &branches);
    for (size_t i = 0; i < type->member_count && !status; i++) {
        if (type->members[i]->kind == AVRO_NULL) {
            null_branch = (int32_t)i;
        } else if (value_branch < 0) {
            status = row_avro_write_step(compiler, type->members[i], source, &branches[i]);
            if (!status && branches[i].action != ROW_AVRO_REFUSE) {
                value_branch = (int32_t)i;
                found = branches[i];
            }
        }
    }
    *step = found;
    step->null_branch = null_branch;
    step->value_branch = value_branch;
    return status;
}

static int row_avro_write_array(struct row_avro_compiler *compiler, const struct avro_type *type,
                                const struct type *source, struct row_avro_step *step) {
    bool failed = false;
    if (source->kind == TYPE_ARRAY)
        return row_avro_element(compiler, ROW_AVRO_ARRAY, type, source->element, row_avro_write_step, step);
    const struct type *entry = source->kind == TYPE_MAP ? row_avro_entry(compiler, type, source, &failed) : NULL;
    if (failed)
        return error_no_memory(compiler->error);
    return entry ? row_avro_element(compiler, ROW_AVRO_ENTRIES, type, entry, row_avro_write_step, step) : 0;
}

/* A field that has no column: the branch of its union that is null. */
static void row_avro_write_missing(const struct avro_type *type, struct row_avro_step *step) {
    *step = (struct row_avro_step){
        .action = type->kind == AVRO_NULL ? ROW_AVRO_SKIP : ROW_AVRO_REFUSE, .null_branch = -1, .value_branch = -1};
    for (size_t i = 0; type->kind == AVRO_UNION && i < type->member_count; i++)
        if (type->members[i]->kind == AVRO_NULL) {
            step->action = ROW_AVRO_SKIP;
            step->null_branch = (int32_t)i;
        }
}

/* Whether every field of ours has a place among those of the schema. */
static bool row_avro_write_complete(struct row_avro_compiler *compiler, const struct avro_type *type,
                                    const struct type *source, const size_t *places) {
    for (size_t f = 0; f < source->field_count; f++) {
        bool found = false;
        for (size_t i = 0; i < type->member_count && !found; i++)
            found = places[i] == f;
        if (!found) {
            compiler->field = source->fields[f].name;
            compiler->field_type = NULL;
            compiler->field_target = source->fields[f].type;
            return false;
        }
    }
    return true;
}

static int row_avro_write_record(struct row_avro_compiler *compiler, const struct avro_type *type,
                                 const struct type *source, struct row_avro_step *step) {
    struct row_avro_step *members = NULL;
    int status = row_avro_steps_new(compiler, type->member_count, &members);
    size_t *places = status ? NULL : row_avro_match(compiler, type, source);
    if (status || !places)
        return status ? status : error_no_memory(compiler->error);
    if (!row_avro_write_complete(compiler, type, source, places))
        return 0;
    for (size_t i = 0; i < type->member_count; i++) {
        bool missing = places[i] == source->field_count;
        if (missing)
            row_avro_write_missing(type->members[i], &members[i]);
        else
            status = row_avro_write_step(compiler, type->members[i], source->fields[places[i]].type, &members[i]);
        if (status)
            return status;
        members[i].place = (uint32_t)places[i];
        if (members[i].action == ROW_AVRO_REFUSE) {
            compiler->field = type->words[i];
            compiler->field_type = type->members[i];
            compiler->field_target = missing ? NULL : source->fields[places[i]].type;
            return 0;
        }
    }
    step->action = ROW_AVRO_RECORD;
    step->members = members;
    step->member_count = type->member_count;
    return 0;
}

static int row_avro_write_step(struct row_avro_compiler *compiler, const struct avro_type *type,
                               const struct type *source, struct row_avro_step *step) {
    if (type->kind == AVRO_UNION)
        return row_avro_write_union(compiler, type, source, step);
    int64_t scale = row_avro_time_scale(type, source);
    *step = (struct row_avro_step){.action = ROW_AVRO_REFUSE,
                                   .type = type,
                                   .target = source,
                                   .null_branch = -1,
                                   .value_branch = -1,
                                   .scale = scale ? scale : 1};
    if (type->kind == AVRO_ARRAY)
        return row_avro_write_array(compiler, type, source, step);
    if (type->kind == AVRO_MAP)
        return source->kind == TYPE_MAP
                   ? row_avro_element(compiler, ROW_AVRO_MAP, type, source->element, row_avro_write_step, step)
                   : 0;
    if (type->kind == AVRO_RECORD)
        return source->kind == TYPE_STRUCT ? row_avro_write_record(compiler, type, source, step) : 0;
    step->action = row_avro_write_plain(type, source);
    return 0;
}

static int row_avro_write_root(struct row_avro_plan *plan, struct slice schema, const struct row_layout *layout,
                               struct error *error) {
    struct row_avro_compiler compiler = {.arena = &plan->arena, .error = error};
    const struct avro_type *type = NULL;
    int status = avro_schema_read(schema, &plan->arena, &type, error);
    if (!status && !row_avro_row_type(plan, layout))
        status = error_no_memory(error);
    if (!status)
        status = row_avro_write_step(&compiler, type, layout->bare ? layout->columns[0].type : &plan->row, &plan->root);
    return !status && plan->root.action == ROW_AVRO_REFUSE ? row_avro_refused(&compiler, layout, type, "written from")
                                                           : status;
}

int row_avro_plan_writing(struct slice schema, const struct row_layout *layout, struct row_avro_plan **ret_plan,
                          struct error *error) {
    struct row_avro_plan *plan = memory_zero(1, sizeof *plan);
    if (!plan)
        return error_no_memory(error);
    int status = row_avro_write_root(plan, schema, layout, error);
    if (status) {
        row_avro_plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool row_avro_put(struct bytes *to, const struct row_avro_step *step, const struct value *value);

static void row_avro_put_text(struct bytes *to, struct slice text) {
    bytes_append_zigzag(to, (int64_t)text.length);
    bytes_append_slice(to, text);
}

static bool row_avro_put_symbol(struct bytes *to, const struct row_avro_step *step, struct slice text) {
    for (size_t i = 0; i < step->type->member_count; i++)
        if (slice_equal(step->type->words[i], text)) {
            bytes_append_zigzag(to, (int64_t)i);
            return true;
        }
    return false;
}

static bool row_avro_put_fixed(struct bytes *to, const struct row_avro_step *step, struct slice data) {
    bytes_append_slice(to, data);
    return data.length == step->type->size;
}

static bool row_avro_put_decimal(struct bytes *to, const struct row_avro_step *step, decimal number) {
    const struct decimal_shape shape = {(unsigned)step->type->precision, (unsigned)step->type->scale};
    char unscaled[sizeof(decimal)];
    if (!decimal_rescale(number, step->target->scale, shape, &number))
        return false;
    struct slice text = {unscaled, row_avro_decimal_write(unscaled, number)};
    if (step->type->kind == AVRO_BYTES) {
        row_avro_put_text(to, text);
        return true;
    }
    for (uint64_t i = text.length; i < step->type->size; i++)
        bytes_append_char(to, number < 0 ? '\xff' : '\0');
    bytes_append_slice(to, text);
    return text.length <= step->type->size;
}

static bool row_avro_put_integer(struct bytes *to, const struct row_avro_step *step, int64_t integer) {
    if (step->scale != 1 && __builtin_mul_overflow(integer, step->scale, &integer))
        return false;
    bytes_append_zigzag(to, integer);
    return true;
}

static bool row_avro_put_double(struct bytes *to, double number) {
    bytes_append(to, &number, sizeof number);
    return true;
}

/* One block of all items, and the empty one that ends them. */
static bool row_avro_put_items(struct bytes *to, const struct row_avro_step *step, const struct sequence *sequence) {
    size_t width = step->action == ROW_AVRO_ARRAY ? 1 : 2;
    bool fits = true;
    if (sequence->count)
        bytes_append_zigzag(to, (int64_t)(sequence->count / width));
    for (size_t i = 0; i < sequence->count && fits; i += width) {
        const struct value *items = &sequence->items[i];
        const struct sequence pair = {2, items};
        const struct value entry = value_of_sequence(&pair);
        if (step->action == ROW_AVRO_MAP) {
            fits = !items[0].null;
            row_avro_put_text(to, items[0].null ? SLICE("") : items[0].text);
        }
        fits = fits && row_avro_put(to, step->members, step->action == ROW_AVRO_ENTRIES ? &entry : &items[width - 1]);
    }
    bytes_append_zigzag(to, 0);
    return fits;
}

static bool row_avro_put_null(struct bytes *to, const struct row_avro_step *step) {
    if (step->null_branch >= 0)
        bytes_append_zigzag(to, step->null_branch);
    return step->null_branch >= 0;
}

static bool row_avro_put_record(struct bytes *to, const struct row_avro_step *step, const struct sequence *sequence) {
    for (size_t i = 0; i < step->member_count; i++) {
        const struct row_avro_step *member = &step->members[i];
        if (member->action == ROW_AVRO_SKIP)
            row_avro_put_null(to, member); /* a field of type null takes no bytes */
        else if (!row_avro_put(to, member, &sequence->items[member->place]))
            return false;
    }
    return true;
}

/* False: the schema has no place for such a value. */
static bool row_avro_put(struct bytes *to, const struct row_avro_step *step, const struct value *value) {
    if (value->null)
        return row_avro_put_null(to, step);
    if (step->value_branch >= 0)
        bytes_append_zigzag(to, step->value_branch);
    switch (step->action) {
    case ROW_AVRO_BOOLEAN:
        bytes_append_char(to, value->boolean);
        return true;
    case ROW_AVRO_INTEGER:
        return row_avro_put_integer(to, step, value->integer);
    case ROW_AVRO_INTEGER_AS_DOUBLE:
        return row_avro_put_double(to, (double)value->integer);
    case ROW_AVRO_DOUBLE:
        return row_avro_put_double(to, value->number);
    case ROW_AVRO_TEXT:
        row_avro_put_text(to, value->text);
        return true;
    case ROW_AVRO_ENUM:
        return row_avro_put_symbol(to, step, value->text);
    case ROW_AVRO_FIXED:
        return row_avro_put_fixed(to, step, value->text);
    case ROW_AVRO_DECIMAL:
        return row_avro_put_decimal(to, step, value->decimal);
    case ROW_AVRO_ARRAY:
    case ROW_AVRO_MAP:
    case ROW_AVRO_ENTRIES:
        return row_avro_put_items(to, step, value->sequence);
    case ROW_AVRO_RECORD:
        return row_avro_put_record(to, step, value->sequence);
    case ROW_AVRO_NULL:
    case ROW_AVRO_FLOAT:
    case ROW_AVRO_UNION:
    case ROW_AVRO_SKIP:
    case ROW_AVRO_DECIMAL_AS_DOUBLE: /* of reading only, as the next */
    case ROW_AVRO_TIME_AS_TEXT:
    case ROW_AVRO_REFUSE:
        break;
    }
    return false;
}

static __attribute__((cold)) int row_avro_no_place(const struct row_column *column, const struct value *value,
                                                   struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    if (value->null)
        return error_set(error, ERROR_INVALID, "column %.*s is NULL, which its Avro schema does not allow",
                         (int)column->name.length, column->name.data);
    value_print(&text, column->type, value);
    return error_set(error, ERROR_INVALID, "column %.*s: its Avro schema has no place for %.*s",
                     (int)column->name.length, column->name.data, text.length < 60 ? (int)text.length : 60,
                     bytes_slice(&text).data);
}

int row_avro_encode(const struct row_avro_plan *plan, const struct row_layout *layout, const struct vector *columns,
                    size_t row, struct bytes *to, struct error *error) {
    const struct row_avro_step *root = &plan->root;
    struct value value;
    if (layout->bare) {
        vector_get(&columns[0], row, &value);
        return row_avro_put(to, root, &value) ? 0 : row_avro_no_place(&layout->columns[0], &value, error);
    }
    if (root->value_branch >= 0)
        bytes_append_zigzag(to, root->value_branch);
    for (size_t i = 0; i < root->member_count; i++) {
        const struct row_avro_step *member = &root->members[i];
        if (member->action == ROW_AVRO_SKIP) {
            row_avro_put_null(to, member);
            continue;
        }
        vector_get(&columns[member->place], row, &value);
        if (!row_avro_put(to, member, &value))
            return row_avro_no_place(&layout->columns[member->place], &value, error);
    }
    return 0;
}

/* Splitting compares the key columns before and after row by row; uniting puts the two halves of a change with one
 * key together again when they follow each other. */
#include "stream/operator/change.h"

#include "core/memory.h"

struct change {
    struct stream_operator base;
    const struct row_schema *schema;
};

static bool change_same_key(const struct row_schema *schema, const struct rows *rows, uint32_t row) {
    for (size_t i = 0; i < schema->key_count; i++) {
        struct value after, before;
        vector_get(&rows->columns[i], row, &after);
        vector_get(&rows->before->columns[i], row, &before);
        if (value_compare(schema->columns[i].type, &after, &before) != 0)
            return false;
    }
    return true;
}

static bool change_has_key(const struct row_schema *schema, const struct rows *rows, uint32_t row) {
    for (size_t i = 0; i < schema->key_count; i++)
        if (rows->columns[i].nulls[row & rows->columns[i].mask])
            return false;
    return true;
}

/* One row of the split: `is` and `was` may be NULL. */
static void change_add(const struct row_schema *schema, const struct rows *from, uint32_t row, const struct rows *is,
                       const struct rows *was, struct rows *to) {
    size_t values = (schema->count - schema->key_count - 2) / 2;
    uint32_t at = (uint32_t)to->selected.count;
    struct value value;
    for (size_t i = 0; i < schema->key_count; i++) {
        vector_get(&(is ? is : was)->columns[i], row, &value);
        vector_set(&to->columns[i], at, &value);
    }
    for (size_t half = 0; half < 2; half++)
        for (size_t i = 0; i < values; i++) {
            const struct rows *side = half == 0 ? is : was;
            value = VALUE_NULL;
            if (side)
                vector_get(&side->columns[schema->key_count + i], row, &value);
            vector_set(&to->columns[schema->key_count + half * values + i], at, &value);
        }
    value = value_of_boolean(is != NULL);
    vector_set(&to->columns[schema->count - 2], at, &value);
    value = value_of_boolean(was != NULL);
    vector_set(&to->columns[schema->count - 1], at, &value);
    to->times[at] = from->times[row];
    to->origins[at] = from->origins[row];
    to->selected.rows[to->selected.count++] = at;
}

static int change_split_push(struct stream_operator *op, unsigned input, struct rows *rows,
                             struct operator_context *context, struct error *error) {
    (void)input;
    const struct row_schema *schema = ((struct change *)op)->schema;
    struct rows *to = rows_new(context->evaluation.arena, schema, 2 * rows->selected.count);
    if (!to)
        return error_no_memory(error);
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        const struct rows *is = rows->absent[row] ? NULL : rows,
                          *was = !rows->before || rows->before->absent[row] ? NULL : rows->before;
        /* A group whose key is NULL is none. */
        is = is && change_has_key(schema, is, row) ? is : NULL;
        was = was && change_has_key(schema, was, row) ? was : NULL;
        if (is && was && !change_same_key(schema, rows, row)) {
            change_add(schema, rows, row, NULL, was, to);
            was = NULL;
            context->counters->added += operator_counts(op, context);
        }
        context->counters->null += !is && !was && operator_counts(op, context);
        if (is || was)
            change_add(schema, rows, row, is, was, to);
    }
    return operator_forward(op, to, context, error);
}

static int change_unite_push(struct stream_operator *op, unsigned input, struct rows *rows,
                             struct operator_context *context, struct error *error) {
    (void)input;
    const struct row_schema *schema = ((struct change *)op)->schema;
    struct arena *arena = context->evaluation.arena;
    size_t keys = schema->key_count, values = schema->count - keys;
    const struct vector *is = &rows->columns[keys + 2 * values], *was = is + 1;
    struct rows *to = rows_share(arena, rows), *before = rows_share(arena, rows);
    struct vector *columns = arena_allocate(arena, 2 * schema->count * sizeof *columns);
    uint8_t *absent = arena_allocate(arena, 2 * (rows->count + 1));
    if (!to || !before || !columns || !absent)
        return error_no_memory(error);
    for (size_t i = 0; i < schema->count; i++) {
        columns[i] = rows->columns[i];
        columns[schema->count + i] = rows->columns[i < keys ? i : i + values];
    }
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        absent[row] = rows->absent[row] || is->nulls[row & is->mask] || !is->booleans[row & is->mask];
        absent[rows->count + row] = rows->absent[row] || was->nulls[row & was->mask] || !was->booleans[row & was->mask];
    }
    to->column_count = before->column_count = schema->count;
    to->columns = columns;
    before->columns = columns + schema->count;
    to->absent = absent;
    before->absent = absent + rows->count;
    to->before = before;
    return operator_forward(op, to, context, error);
}

static void change_free(struct stream_operator *op) {
    free(op);
}

static const struct operator_driver change_split_driver = {
    .name = "split", .push = change_split_push, .advance = operator_forward_advance, .free = change_free};
static const struct operator_driver change_unite_driver = {
    .name = "unite", .push = change_unite_push, .advance = operator_forward_advance, .free = change_free};

static int change_new(const struct operator_driver *driver, const struct row_schema *schema,
                      struct stream_operator *next, unsigned next_input, struct stream_operator **ret_operator,
                      struct error *error) {
    struct change *change = memory_zero(1, sizeof *change);
    if (!change)
        return error_no_memory(error);
    *change = (struct change){.base = {driver, next, next_input}, .schema = schema};
    *ret_operator = &change->base;
    return 0;
}

int change_split_new(const struct row_schema *schema, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error) {
    return change_new(&change_split_driver, schema, next, next_input, ret_operator, error);
}

int change_unite_new(const struct row_schema *schema, struct stream_operator *next, unsigned next_input,
                     struct stream_operator **ret_operator, struct error *error) {
    return change_new(&change_unite_driver, schema, next, next_input, ret_operator, error);
}

/* Table functions: each row as often as its longest list has items; item n of every list in the n-th, NULL where a
 * list is shorter. A row whose lists are all empty or NULL leaves nothing behind. */
#include "stream/operator/project.h"

#include "core/memory.h"

struct flatten {
    struct stream_operator base;
    const struct flatten_plan *plan;
    const struct row_schema *schema;
};

static bool flatten_is_list(const struct flatten *flatten, size_t column) {
    for (size_t i = 0; i < flatten->plan->list_count; i++)
        if (flatten->plan->lists[i] == column)
            return true;
    return false;
}

static size_t flatten_length(const struct flatten *flatten, const struct rows *rows, uint32_t row) {
    size_t longest = 0;
    for (size_t i = 0; i < flatten->plan->list_count; i++) {
        struct value list;
        vector_get(&rows->columns[flatten->plan->lists[i]], row, &list);
        if (!list.null && list.sequence->count > longest)
            longest = list.sequence->count;
    }
    return longest;
}

static void flatten_row(const struct flatten *flatten, const struct rows *from, uint32_t row, size_t item,
                        struct rows *to, size_t to_row) {
    for (size_t c = 0; c < to->column_count; c++) {
        struct value value;
        vector_get(&from->columns[c], row, &value);
        if (flatten_is_list(flatten, c)) {
            bool there = !value.null && item < value.sequence->count;
            value = there ? value.sequence->items[item] : VALUE_NULL;
        }
        vector_set(&to->columns[c], to_row, &value);
    }
    if (to->window_starts && from->window_starts) {
        to->window_starts[to_row] = from->window_starts[row];
        to->window_ends[to_row] = from->window_ends[row];
    }
    to->times[to_row] = from->times[row];
    to->origins[to_row] = from->origins[row];
    to->selected.rows[to_row] = (uint32_t)to_row;
}

static int flatten_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                        struct error *error) {
    (void)input;
    struct flatten *flatten = (struct flatten *)op;
    size_t total = 0, at = 0, empty = 0;
    for (size_t i = 0; i < rows->selected.count; i++)
        if (!rows->absent[rows->selected.rows[i]])
            total += flatten_length(flatten, rows, rows->selected.rows[i]);
    struct rows *result = total < UINT32_MAX ? rows_new(context->evaluation.arena, flatten->schema, total) : NULL;
    if (!result)
        return error_no_memory(error);
    for (size_t i = 0; i < rows->selected.count; i++) {
        uint32_t row = rows->selected.rows[i];
        size_t length = rows->absent[row] ? 0 : flatten_length(flatten, rows, row);
        for (size_t item = 0; item < length; item++)
            flatten_row(flatten, rows, row, item, result, at++);
        empty += length == 0;
    }
    if (operator_counts(op, context)) {
        context->counters->filtered += empty;
        context->counters->added += total - (rows->selected.count - empty);
    }
    result->selected.count = total;
    return operator_forward(&flatten->base, result, context, error);
}

static void flatten_free(struct stream_operator *op) {
    free(op);
}

static const struct operator_driver flatten_driver = {
    .name = "flatten", .push = flatten_push, .advance = operator_forward_advance, .free = flatten_free};

int flatten_new(const struct flatten_plan *plan, const struct row_schema *schema, struct stream_operator *next,
                unsigned next_input, struct stream_operator **ret_operator, struct error *error) {
    struct flatten *flatten = memory_zero(1, sizeof *flatten);
    if (!flatten)
        return error_no_memory(error);
    *flatten = (struct flatten){.base = {&flatten_driver, next, next_input}, .plan = plan, .schema = schema};
    *ret_operator = &flatten->base;
    return 0;
}

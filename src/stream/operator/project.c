/* New columns for each row. Key columns are computed for every row, value columns only for rows that have a value. */
#include "stream/operator/project.h"

#include "core/memory.h"

struct project {
    struct stream_operator base;
    const struct project_plan *plan;
    const struct row_schema *schema;
};

/* Is every column of the row's key NULL? False for a key without columns. */
static bool project_key_is_null(const struct rows *rows, size_t key_count, uint32_t row) {
    for (size_t i = 0; i < key_count; i++)
        if (!rows->columns[i].nulls[row & rows->columns[i].mask])
            return false;
    return key_count > 0;
}

/* Columns of `from` for the selected rows; `ret_rows` shares everything else with it. */
static int project_columns(const struct project *project, const struct rows *from, const struct selection *selected,
                           struct operator_context *context, struct rows *ret_rows, struct error *error) {
    const struct row_schema *schema = project->schema;
    struct arena *arena = context->evaluation.arena;
    struct selection present = {arena_allocate(arena, (selected->count ? selected->count : 1) * sizeof *present.rows),
                                0};
    struct vector *columns = arena_allocate(arena, (schema->count ? schema->count : 1) * sizeof *columns);
    if (!present.rows || !columns)
        return error_no_memory(error);
    for (size_t i = 0; i < selected->count; i++) {
        present.rows[present.count] = selected->rows[i];
        present.count += !from->absent[selected->rows[i]];
    }
    for (size_t i = 0; i < schema->count; i++) {
        int status = evaluator_run(project->plan->columns[i], &context->evaluation, from,
                                   i < schema->key_count ? selected : &present, &columns[i], error);
        if (status)
            return status;
    }
    *ret_rows = *from;
    ret_rows->columns = columns;
    ret_rows->column_count = schema->count;
    ret_rows->before = NULL;
    return 0;
}

static int project_bound(const struct evaluator *evaluator, const struct rows *from, struct operator_context *context,
                         int64_t **ret_bounds, struct error *error) {
    int64_t *bounds = arena_allocate(context->evaluation.arena, (from->count ? from->count : 1) * sizeof *bounds);
    struct vector values;
    if (!bounds)
        return error_no_memory(error);
    int status = evaluator_run(evaluator, &context->evaluation, from, &from->selected, &values, error);
    for (size_t i = 0; i < from->selected.count && !status; i++) {
        uint32_t row = from->selected.rows[i];
        bounds[row] = values.nulls[row & values.mask] ? 0 : values.integers[row & values.mask];
    }
    if (!status)
        *ret_bounds = bounds;
    return status;
}

static int project_before(const struct project *project, const struct rows *rows, struct operator_context *context,
                          struct rows **ret_before, struct error *error) {
    struct rows *before = arena_allocate(context->evaluation.arena, sizeof *before);
    struct row_errors *errors = context->evaluation.errors;
    if (!before)
        return error_no_memory(error);
    struct row_errors silent = {.messages_left = 0}; /* they were reported when the row was new */
    context->evaluation.errors = &silent;
    int status = project_columns(project, rows->before, &rows->selected, context, before, error);
    context->evaluation.errors = errors;
    if (!status)
        *ret_before = before;
    return status;
}

/* Values of rows that are absent are NULL, so that no operator meets what was not computed. */
static int project_clear_absent(const struct project *project, struct rows *rows, struct operator_context *context,
                                struct error *error) {
    bool any = false;
    for (size_t i = 0; i < rows->selected.count && !any; i++)
        any = rows->absent[rows->selected.rows[i]];
    for (size_t c = project->schema->key_count; any && c < project->schema->count; c++) {
        struct vector *old = &rows->columns[c], fresh;
        if (!vector_allocate(context->evaluation.arena, old->type, rows->count, &fresh))
            return error_no_memory(error);
        for (size_t i = 0; i < rows->selected.count; i++) {
            struct value value = VALUE_NULL;
            uint32_t row = rows->selected.rows[i];
            if (!rows->absent[row])
                vector_get(old, row, &value);
            vector_set(&fresh, row, &value);
        }
        *old = fresh;
    }
    return 0;
}

static int project_push(struct stream_operator *op, unsigned input, struct rows *rows, struct operator_context *context,
                        struct error *error) {
    (void)input;
    struct project *project = (struct project *)op;
    struct rows *result = arena_allocate(context->evaluation.arena, sizeof *result), *before = NULL;
    size_t kept = 0, absent = 0;
    if (!result)
        return error_no_memory(error);
    int status = project_columns(project, rows, &rows->selected, context, result, error);
    if (!status)
        status = project_clear_absent(project, result, context, error);
    if (!status && project->plan->window_start)
        status = project_bound(project->plan->window_start, rows, context, &result->window_starts, error);
    if (!status && project->plan->window_end)
        status = project_bound(project->plan->window_end, rows, context, &result->window_ends, error);
    if (!status && project->plan->table && rows->before)
        status = project_before(project, rows, context, &before, error);
    if (status)
        return status;
    result->before = before;
    for (size_t i = 0; i < result->selected.count; i++) {
        uint32_t row = result->selected.rows[i];
        bool drop = (project->plan->drop_absent && result->absent[row]) ||
                    (project->plan->drop_null_key && project_key_is_null(result, project->schema->key_count, row));
        result->selected.rows[kept] = row;
        kept += !drop;
        absent += drop;
    }
    if (operator_counts(op, context))
        context->counters->null += absent;
    result->selected.count = kept;
    return operator_forward(&project->base, result, context, error);
}

static void project_free(struct stream_operator *op) {
    free(op);
}

static const struct operator_driver project_driver = {
    .name = "project", .push = project_push, .advance = operator_forward_advance, .free = project_free};

int project_new(const struct project_plan *plan, const struct row_schema *schema, struct stream_operator *next,
                unsigned next_input, struct stream_operator **ret_operator, struct error *error) {
    struct project *project = memory_zero(1, sizeof *project);
    if (!project)
        return error_no_memory(error);
    *project = (struct project){.base = {&project_driver, next, next_input}, .plan = plan, .schema = schema};
    *ret_operator = &project->base;
    return 0;
}

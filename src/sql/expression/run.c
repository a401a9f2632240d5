/* Running nodes: vectors to compute into, frames of failures, and what a thread keeps from batch to batch. */
#include "sql/expression/node.h"

#include "core/memory.h"
#include "sql/expression/compile.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODE_MESSAGE_SIZE = 400 };

void *node_new(struct arena *arena, size_t size, const struct type *type, node_function *run, bool varies) {
    struct node *node = arena_allocate(arena, size);
    if (!node)
        return NULL;
    memset(node, 0, size);
    *node = (struct node){.type = type, .run = run, .kind = NODE_COMPUTED, .varies = varies};
    return node;
}

struct node *node_binary(struct arena *arena, const struct type *type, node_function *run, enum expression_operator op,
                         const struct node *left, const struct node *right) {
    struct binary_node *made = node_new(arena, sizeof *made, type, run, left->varies || (right && right->varies));
    if (!made)
        return NULL;
    made->op = op;
    made->left = left;
    made->right = right;
    return &made->node;
}

/* --- vectors
 * ------------------------------------------------------------------------------------------------------------------ */

bool node_allocate(struct node_run *run, const struct type *type, struct vector *ret_vector) {
    return vector_allocate(run->evaluation->arena, type, run->rows->count ? run->rows->count : 1, ret_vector);
}

bool node_allocate_filled(struct node_run *run, const struct type *type, const struct selection *selected,
                          struct vector *ret_vector) {
    if (!node_allocate(run, type, ret_vector))
        return false;
    uint8_t *nulls = ret_vector->nulls;
    if (selected->count * 8 >= run->rows->count)
        memset(nulls, 0, run->rows->count);
    else
        for (size_t i = 0; i < selected->count; i++)
            nulls[selected->rows[i]] = 0;
    return true;
}

bool node_all_null(struct node_run *run, const struct type *type, struct vector *ret_vector) {
    return vector_constant(run->evaluation->arena, type, &VALUE_NULL, ret_vector);
}

bool node_selection(struct node_run *run, const struct selection *selected, struct selection *ret_selection) {
    uint32_t *rows = arena_allocate(run->evaluation->arena, (selected->count ? selected->count : 1) * sizeof *rows);
    if (!rows)
        return false;
    *ret_selection = (struct selection){rows, 0};
    return true;
}

/* --- failures
 * ------------------------------------------------------------------------------------------------------------------ */

static bool node_mark(struct node_run *run, uint8_t **marks, size_t row, bool *ret_was) {
    size_t count = run->rows->count;
    if (!*marks) {
        *marks = arena_allocate(run->evaluation->arena, count ? count : 1);
        if (!*marks)
            return false;
        memset(*marks, 0, count);
    }
    *ret_was = (*marks)[row];
    (*marks)[row] = 1;
    return true;
}

/* Once a row, in the outermost run. */
static bool node_report(struct node_run *run, size_t row, const char *message) {
    for (; run->outer; run = run->outer)
        row = run->outer_row;
    struct row_errors *errors = run->evaluation->errors;
    bool was;
    if (!errors || (run->rows->absent && run->rows->absent[row]))
        return true;
    if (!node_mark(run, &run->reported, row, &was))
        return false;
    if (!was)
        row_errors_add(errors, row, "%s", message);
    return true;
}

/* Is the message going to be read? */
static bool node_heard(const struct node_run *run) {
    const struct row_errors *errors = run->evaluation->errors;
    return run->outer || (errors && errors->messages_left && errors->report);
}

bool node_fail(struct node_run *run, size_t row, const char *format, ...) {
    char message[NODE_MESSAGE_SIZE] = "";
    bool was;
    if (!node_mark(run, &run->frame->failed, row, &was))
        return false;
    if (was)
        return true;
    if (node_heard(run)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
    }
    if (run->frame->count++ == 0 && run->outer) {
        run->frame->problem = arena_copy(run->evaluation->arena, slice_of(message)).data;
        if (!run->frame->problem)
            return false;
    }
    return node_report(run, row, message);
}

/* NULL for the rows that have failed, in a copy of what is shared. */
static bool node_null_failed(struct node_run *run, const struct node_frame *frame, const struct selection *selected,
                             struct vector *vector) {
    struct vector copy = *vector;
    if (vector->mask == 0) {
        if (!node_allocate(run, vector->type, &copy))
            return false;
        vector_copy_rows(&copy, vector, selected);
    } else {
        copy.nulls = arena_allocate(run->evaluation->arena, run->rows->count);
        if (!copy.nulls)
            return false;
    }
    for (size_t i = 0; i < selected->count; i++) {
        size_t row = selected->rows[i];
        copy.nulls[row] = vector->nulls[row & vector->mask] | frame->failed[row];
    }
    *vector = copy;
    return true;
}

bool node_run_guarded(const struct node *node, struct node_run *run, const struct selection *selected,
                      struct vector *ret_vector) {
    if (node->kind != NODE_COMPUTED)
        return node_run(node, run, selected, ret_vector);
    struct node_frame frame = {0}, *around = run->frame;
    run->frame = &frame;
    bool done = node_run(node, run, selected, ret_vector);
    run->frame = around;
    return done && (frame.count == 0 || node_null_failed(run, &frame, selected, ret_vector));
}

/* --- the row that a lambda is about
 * ------------------------------------------------------------------------------------------------ */

/* The vector from `row` on. */
static struct vector node_vector_from(const struct vector *vector, size_t row) {
    struct vector from = *vector;
    if (!vector->type || vector->mask == 0)
        return from;
    from.nulls += row;
    switch (vector->type->kind) {
    case TYPE_NULL:
    case TYPE_BOOLEAN:
        from.booleans += row;
        break;
    case TYPE_DOUBLE:
        from.doubles += row;
        break;
    case TYPE_DECIMAL:
        from.decimals += row;
        break;
    case TYPE_STRING:
    case TYPE_BYTES:
        from.texts += row;
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_STRUCT:
        from.sequences += row;
        break;
    default:
        from.integers += row;
    }
    return from;
}

static const struct rows *node_row_alone(struct arena *arena, const struct rows *rows, size_t row) {
    struct rows *alone = arena_allocate(arena, sizeof *alone);
    struct vector *columns = arena_allocate(arena, (rows->column_count ? rows->column_count : 1) * sizeof *columns);
    if (!alone || !columns)
        return NULL;
    for (size_t i = 0; i < rows->column_count; i++)
        columns[i] = node_vector_from(&rows->columns[i], row);
    *alone =
        (struct rows){.count = 1, .column_count = rows->column_count, .columns = columns, .partition = rows->partition};
    alone->absent = rows->absent ? rows->absent + row : NULL;
    alone->times = rows->times ? rows->times + row : NULL;
    alone->window_starts = rows->window_starts ? rows->window_starts + row : NULL;
    alone->window_ends = rows->window_ends ? rows->window_ends + row : NULL;
    alone->offsets = rows->offsets ? rows->offsets + row : NULL;
    return alone;
}

bool node_run_inside(struct node_run *outer, size_t row, struct evaluation *evaluation, struct node_run *ret_run) {
    struct arena *arena = evaluation->arena;
    struct node_run run = {.evaluation = evaluation, .slot_count = outer->slot_count, .outer = outer, .outer_row = row};
    run.rows = node_row_alone(arena, outer->rows, row);
    run.slots = arena_allocate(arena, (run.slot_count ? run.slot_count : 1) * sizeof *run.slots);
    if (!run.rows || !run.slots)
        return false;
    for (size_t i = 0; i < run.slot_count; i++)
        run.slots[i] = node_vector_from(&outer->slots[i], row);
    *ret_run = run;
    return true;
}

/* --- what a thread keeps
 * ----------------------------------------------------------------------------------------------------------- */

struct kept_state {
    struct kept_state *next;
    const struct node *node;
    void *state;
    void (*release)(void *state);
};

struct expression_scratch {
    struct kept_state *states;
    struct time_zones zones;
};

static struct expression_scratch *node_scratch(struct node_run *run) {
    struct expression_scratch *scratch = run->evaluation->scratch;
    if (!scratch) {
        scratch = memory_zero(1, sizeof *scratch);
        if (!scratch)
            return NULL;
        scratch->zones.folder = TIME_ZONE_FOLDER;
        run->evaluation->scratch = scratch;
    }
    return scratch;
}

void **node_state(struct node_run *run, const struct node *node, const struct function *function) {
    struct expression_scratch *scratch = node_scratch(run);
    if (!scratch)
        return NULL;
    for (struct kept_state *kept = scratch->states; kept; kept = kept->next)
        if (kept->node == node)
            return &kept->state;
    struct kept_state *kept = memory_zero(1, sizeof *kept);
    if (!kept)
        return NULL;
    *kept = (struct kept_state){.next = scratch->states, .node = node, .release = function->release_state};
    scratch->states = kept;
    return &kept->state;
}

struct time_zones *node_time_zones(struct node_run *run) {
    struct expression_scratch *scratch = node_scratch(run);
    return scratch ? &scratch->zones : NULL;
}

void evaluation_scratch_free(void *from) {
    struct expression_scratch *scratch = from;
    if (!scratch)
        return;
    while (scratch->states) {
        struct kept_state *kept = scratch->states;
        scratch->states = kept->next;
        if (kept->state && kept->release)
            kept->release(kept->state);
        free(kept);
    }
    time_zones_release(&scratch->zones);
    free(scratch);
}

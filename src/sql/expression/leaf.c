/* What an expression begins with: constants, columns, values with a place. */
#include "sql/expression/node.h"
#include "sql/expression/scope.h"

/* --- constants
 * ------------------------------------------------------------------------------------------------------------------ */

static bool constant_run(const struct node *node, struct node_run *run, const struct selection *selected,
                         struct vector *ret_vector) {
    (void)run;
    (void)selected;
    *ret_vector = ((const struct constant_node *)node)->vector;
    return true;
}

const struct node *node_constant(struct arena *arena, const struct type *type, const struct value *value) {
    struct constant_node *constant = node_new(arena, sizeof *constant, type, constant_run, false);
    if (!constant || !value_copy(arena, type, value, &constant->value) ||
        !vector_constant(arena, type, &constant->value, &constant->vector))
        return NULL;
    constant->node.kind = NODE_CONSTANT;
    return &constant->node;
}

/* --- columns
 * ------------------------------------------------------------------------------------------------------------------ */

static bool column_run(const struct node *node, struct node_run *run, const struct selection *selected,
                       struct vector *ret_vector) {
    (void)selected;
    *ret_vector = run->rows->columns[((const struct column_node *)node)->index];
    return true;
}

static bool system_vector(struct node_run *run, const struct type *type, int64_t *integers, struct vector *ret_vector) {
    size_t count = run->rows->count;
    if (!integers)
        return node_all_null(run, type, ret_vector);
    if (!run->zeros) {
        run->zeros = arena_allocate(run->evaluation->arena, count ? count : 1);
        if (!run->zeros)
            return false;
        memset(run->zeros, 0, count);
    }
    *ret_vector = (struct vector){.type = type, .mask = SIZE_MAX, .nulls = run->zeros, .integers = integers};
    return true;
}

static bool system_run(const struct node *node, struct node_run *run, const struct selection *selected,
                       struct vector *ret_vector) {
    (void)selected;
    const struct rows *rows = run->rows;
    switch (((const struct column_node *)node)->index) {
    case SCOPE_ROWTIME:
        return system_vector(run, node->type, rows->times, ret_vector);
    case SCOPE_WINDOWSTART:
        return system_vector(run, node->type, rows->window_starts, ret_vector);
    case SCOPE_WINDOWEND:
        return system_vector(run, node->type, rows->window_ends, ret_vector);
    case SCOPE_ROWOFFSET:
        return system_vector(run, node->type, rows->offsets, ret_vector);
    default: {
        struct value partition = value_of_integer(rows->partition);
        return vector_constant(run->evaluation->arena, node->type, &partition, ret_vector);
    }
    }
}

const struct node *node_column(struct arena *arena, const struct type *type, int index) {
    struct column_node *column = node_new(arena, sizeof *column, type, index < 0 ? system_run : column_run, true);
    if (!column)
        return NULL;
    column->node.kind = NODE_COLUMN;
    column->index = index;
    return &column->node;
}

/* --- values with a place
 * ----------------------------------------------------------------------------------------------------------- */

struct slot_node {
    struct node node;
    unsigned slot;
};

static bool slot_run(const struct node *node, struct node_run *run, const struct selection *selected,
                     struct vector *ret_vector) {
    (void)selected;
    *ret_vector = run->slots[((const struct slot_node *)node)->slot];
    return true;
}

const struct node *node_slot(struct arena *arena, const struct type *type, unsigned slot) {
    struct slot_node *made = node_new(arena, sizeof *made, type, slot_run, true);
    if (!made)
        return NULL;
    made->slot = slot;
    return &made->node;
}

struct let_node {
    struct node node;
    unsigned slot;
    const struct node *value, *body;
};

static bool let_run(const struct node *node, struct node_run *run, const struct selection *selected,
                    struct vector *ret_vector) {
    const struct let_node *let = (const struct let_node *)node;
    return node_run(let->value, run, selected, &run->slots[let->slot]) &&
           node_run(let->body, run, selected, ret_vector);
}

struct node *node_let(struct arena *arena, unsigned slot, const struct node *value, const struct node *body) {
    struct let_node *let = node_new(arena, sizeof *let, body->type, let_run, true);
    if (!let)
        return NULL;
    let->slot = slot;
    let->value = value;
    let->body = body;
    return &let->node;
}

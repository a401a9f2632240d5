/* Evaluators: the door of a tree of nodes. */
#include <limits.h>

#include "sql/expression/compile.h"
#include "sql/expression/node.h"

struct node_evaluator {
    struct evaluator evaluator;
    const struct node *root;
    size_t slot_count;
};

static bool evaluator_run_root(const struct node *root, size_t slot_count, struct evaluation *evaluation,
                               const struct rows *rows, const struct selection *selected, struct vector *ret_vector) {
    struct node_run run = {.evaluation = evaluation, .rows = rows, .slot_count = slot_count};
    struct node_frame frame = {0};
    run.frame = &frame;
    if (slot_count) {
        run.slots = arena_allocate(evaluation->arena, slot_count * sizeof *run.slots);
        if (!run.slots)
            return false;
        memset(run.slots, 0, slot_count * sizeof *run.slots);
    }
    return node_run_guarded(root, &run, selected, ret_vector);
}

static int evaluator_run_nodes(const struct evaluator *evaluator, struct evaluation *evaluation,
                               const struct rows *rows, const struct selection *selected, struct vector *ret_vector,
                               struct error *error) {
    const struct node_evaluator *made = (const struct node_evaluator *)evaluator;
    struct vector vector;
    if (!evaluator_run_root(made->root, made->slot_count, evaluation, rows, selected, &vector))
        return error_no_memory(error);
    *ret_vector = vector;
    return 0;
}

const struct evaluator *node_evaluator(struct arena *arena, const struct node *root, size_t slot_count) {
    struct node_evaluator *made = arena_allocate(arena, sizeof *made);
    if (!made)
        return NULL;
    *made = (struct node_evaluator){{root->type, evaluator_run_nodes}, root, slot_count};
    return &made->evaluator;
}

bool node_evaluate(struct arena *arena, const struct node *node, size_t slot_count, struct value *ret_value,
                   bool *ret_failed) {
    struct row_errors errors = {0};
    struct evaluation evaluation = {.arena = arena, .errors = &errors, .clock = &clock_system};
    struct rows rows = {.count = 1};
    uint32_t first = 0;
    struct selection selected = {&first, 1};
    struct vector vector;
    bool done = evaluator_run_root(node, slot_count, &evaluation, &rows, &selected, &vector);
    if (done)
        vector_get(&vector, 0, ret_value);
    evaluation_scratch_free(evaluation.scratch);
    *ret_failed = errors.count > 0;
    return done;
}

/* --- simple ones
 * ------------------------------------------------------------------------------------------------------------------ */

const struct evaluator *compile_column(const struct type *type, int index, struct arena *arena) {
    const struct node *node = node_column(arena, type, index);
    return node ? node_evaluator(arena, node, 0) : NULL;
}

const struct evaluator *compile_constant(const struct type *type, const struct value *value, struct arena *arena) {
    const struct node *node = node_constant(arena, type, value);
    return node ? node_evaluator(arena, node, 0) : NULL;
}

const struct evaluator *compile_struct(const struct type *type, const struct evaluator *const *parts,
                                       struct arena *arena) {
    const struct node *node = node_struct_of(arena, type, parts);
    return node ? node_evaluator(arena, node, 0) : NULL;
}

/* NULL: it is not of that kind. */
static const struct node *evaluator_root(const struct evaluator *evaluator, enum node_kind kind) {
    const struct node *root =
        evaluator->run == evaluator_run_nodes ? ((const struct node_evaluator *)evaluator)->root : NULL;
    return root && root->kind == kind ? root : NULL;
}

bool compile_is_constant(const struct evaluator *evaluator, struct value *ret_value) {
    const struct node *root = evaluator_root(evaluator, NODE_CONSTANT);
    if (root)
        *ret_value = ((const struct constant_node *)root)->value;
    return root;
}

int compile_is_column(const struct evaluator *evaluator) {
    const struct node *root = evaluator_root(evaluator, NODE_COLUMN);
    return root ? ((const struct column_node *)root)->index : INT_MIN;
}

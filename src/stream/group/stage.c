/* Builds the operators of a stage from its plan: the sink first, as each operator knows the one after it; then,
 * from left to right, what feeds it. */
#include "stream/group/stage.h"

#include "core/memory.h"
#include "stream/group/emit.h"
#include "stream/operator/change.h"
#include "stream/operator/filter.h"
#include "stream/operator/project.h"
#include "stream/operator/table_source.h"

struct stage_input {
    struct stream_operator *first; /* where the source's rows are pushed */
    unsigned input;
};

struct stage {
    const struct stage_plan *plan;
    struct stream_operator **operators; /* all of them, the sink first: the order of building */
    size_t count, capacity;
    struct stream_operator **stateful;
    size_t stateful_count;
    struct stage_input *inputs; /* by source */
};

static int stage_add(struct stage *stage, struct stream_operator *op, struct error *error) {
    if (!memory_reserve((void **)&stage->operators, &stage->capacity, stage->count + 1, sizeof *stage->operators)) {
        op->driver->free(op);
        return error_no_memory(error);
    }
    stage->operators[stage->count++] = op;
    return 0;
}

static int stage_connect(struct stage *stage, const struct node_plan *node, struct stream_operator *next,
                         unsigned next_input, struct error *error) {
    size_t source = 0;
    while (source < stage->plan->source_count && stage->plan->sources[source] != node)
        source++;
    struct stage_input *input = &stage->inputs[source];
    *input = (struct stage_input){next, next_input};
    if (!node->materialised)
        return 0;
    int status = table_source_new(&node->table, next, next_input, &input->first, error);
    input->input = 0;
    return status ? status : stage_add(stage, input->first, error);
}

static int stage_operator_new(const struct node_plan *node, const struct registry *registry,
                              const struct emitter *emitter, struct stream_operator *next, unsigned next_input,
                              struct stream_operator **ret_operator, struct error *error) {
    switch (node->kind) {
    case NODE_FILTER:
        return filter_new(&node->filter, next, next_input, ret_operator, error);
    case NODE_DUPLICATES:
        return duplicates_new(&node->duplicates, next, next_input, ret_operator, error);
    case NODE_PROJECT:
        return project_new(&node->project, &node->schema, next, next_input, ret_operator, error);
    case NODE_FLATTEN:
        return flatten_new(&node->flatten, &node->schema, next, next_input, ret_operator, error);
    case NODE_AGGREGATE:
        return group_aggregate_new(&node->aggregate, next, next_input, ret_operator, error);
    case NODE_JOIN:
        return join_new(&node->join, next, next_input, ret_operator, error);
    case NODE_SPLIT_CHANGE:
        return change_split_new(&node->schema, next, next_input, ret_operator, error);
    case NODE_UNITE_CHANGE:
        return change_unite_new(&node->schema, next, next_input, ret_operator, error);
    case NODE_SINK:
        return sink_operator_new(&node->sink, registry, emitter, ret_operator, error);
    case NODE_SOURCE:
        break;
    }
    return error_set(error, ERROR_UNSUPPORTED, "a plan with a node of kind %d", (int)node->kind);
}

/* Does the operator keep rows, so that what leaves it are results? */
static bool node_keeps(const struct node_plan *node) {
    return node->kind == NODE_AGGREGATE || (node->kind == NODE_JOIN && node->join.inputs != JOIN_STREAM_TABLE);
}

static bool node_keeps_below(const struct node_plan *node) {
    for (size_t i = 0; i < node->input_count; i++)
        if (node_keeps(node->inputs[i]) || node_keeps_below(node->inputs[i]))
            return true;
    return false;
}

bool stage_keeps_rows(const struct stage_plan *plan) {
    return node_keeps_below(plan->sink);
}

/* The depth of a plan is bounded by that of its statement: a dozen nodes for each join. `kept`: an operator between
 * the node and the sink keeps rows. */
static int stage_build(struct stage *stage, const struct node_plan *node, bool kept, const struct registry *registry,
                       const struct emitter *emitter, struct stream_operator *next, unsigned next_input,
                       struct error *error) {
    struct stream_operator *op;
    if (node->kind == NODE_SOURCE)
        return stage_connect(stage, node, next, next_input, error);
    int status = stage_operator_new(node, registry, emitter, next, next_input, &op, error);
    if (!status)
        status = stage_add(stage, op, error);
    kept = kept || node_keeps(node);
    if (!status)
        op->results = !kept && node_keeps_below(node);
    for (size_t i = 0; i < node->input_count && !status; i++)
        status = stage_build(stage, node->inputs[i], kept, registry, emitter, op, (unsigned)i, error);
    return status;
}

static void stage_find_stateful(struct stage *stage) {
    for (size_t i = 0; i < stage->count; i++) {
        const struct operator_driver *driver = stage->operators[i]->driver;
        if (driver->replay_from || driver->save)
            stage->stateful[stage->stateful_count++] = stage->operators[i];
    }
}

int stage_open(const struct stage_plan *plan, const struct registry *registry, const struct emitter *emitter,
               struct stage **ret_stage, struct error *error) {
    struct stage *stage = memory_zero(1, sizeof *stage);
    if (!stage)
        return error_no_memory(error);
    stage->plan = plan;
    stage->inputs = memory_zero(plan->source_count + 1, sizeof *stage->inputs);
    int status = stage->inputs ? stage_build(stage, plan->sink, false, registry, emitter, NULL, 0, error)
                               : error_no_memory(error);
    if (!status && !(stage->stateful = memory_zero(stage->count, sizeof *stage->stateful)))
        status = error_no_memory(error);
    if (status) {
        stage_close(stage);
        return status;
    }
    stage_find_stateful(stage);
    *ret_stage = stage;
    return 0;
}

struct stage *stage_close(struct stage *stage) {
    if (!stage)
        return NULL;
    for (size_t i = 0; i < stage->count; i++)
        stage->operators[i]->driver->free(stage->operators[i]);
    free(stage->operators);
    free(stage->stateful);
    free(stage->inputs);
    free(stage);
    return NULL;
}

int stage_push(struct stage *stage, size_t source, struct rows *rows, struct operator_context *context,
               struct error *error) {
    struct stage_input *input = &stage->inputs[source];
    return rows->selected.count ? operator_push(input->first, input->input, rows, context, error) : 0;
}

int stage_advance(struct stage *stage, int64_t time, struct operator_context *context, struct error *error) {
    int status = 0;
    for (size_t i = 0; i < stage->plan->source_count && !status; i++) {
        struct stream_operator *first = stage->inputs[i].first;
        status = first->driver->advance ? first->driver->advance(first, time, context, error) : 0;
    }
    return status;
}

size_t stage_memory(const struct stage *stage) {
    size_t bytes = 0;
    for (size_t i = 0; i < stage->count; i++) {
        const struct stream_operator *op = stage->operators[i];
        bytes += op->driver->memory ? op->driver->memory(op) : 0;
    }
    return bytes;
}

size_t stage_operator_count(const struct stage *stage) {
    return stage->stateful_count;
}

struct stream_operator *stage_operator(const struct stage *stage, size_t index) {
    return stage->stateful[index];
}

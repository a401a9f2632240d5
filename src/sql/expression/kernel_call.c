/* Calls of functions, row by row; and of lambdas, for the functions that take them. Arguments are guarded: what
 * fails in one is NULL to the function.
 *
 * What lambdas compute for a row lies in an arena of its own, which is given back when the row's result has been
 * copied: a list in a record may be long, and what a lambda makes of each item may grow (REDUCE). */
#include "sql/expression/node.h"

#include "core/random.h"
#include <sys/random.h>

enum { CALL_LAMBDA_MEMORY = 256 << 20 }; /* of a row */

struct call_node {
    struct node node;
    const struct function *function;
    const struct function_variant *variant;
    const struct call_argument *arguments;
    const struct type **types;
    size_t count;
    uint32_t place;
    bool guarded, lambdas;
};

/* A call as a lambda needs it. */
struct call_context {
    const struct call_node *node;
    struct node_run *run;
    size_t row;
    struct node_run inside;       /* about that row */
    struct evaluation evaluation; /* of `inside`, with an arena for the row */
    struct arena arena;
    bool entered;
    /* the record that brought the row about, NULL: none; and which one it is among the selected rows of that record */
    const struct bus_batch *records;
    uint32_t origin, ordinal;
};

/* --- the clock and chance
 * ------------------------------------------------------------------------------------------------------------------ */

/* The record of the row at hand; of a lambda's body it is that of the row in the outermost run. */
static void call_find_record(struct call_context *context) {
    const struct node_run *run = context->run;
    size_t row = context->row;
    for (; run->outer; run = run->outer)
        row = run->outer_row;
    context->records = run->rows->origins ? run->evaluation->records : NULL;
    if (!context->records)
        return;
    uint32_t origin = run->rows->origins[row];
    context->ordinal = origin == context->origin ? context->ordinal + 1 : 0;
    context->origin = origin;
}

/* Where no record brought the row about, as in INSERT INTO .. VALUES, it is real time and real chance. */
static void call_ask_system(struct function_call *call, const struct evaluation *evaluation) {
    call->now = clock_wall(evaluation->clock);
    if (getrandom(&call->chance, sizeof call->chance, 0) != (ssize_t)sizeof call->chance)
        call->chance = random_mix((uint64_t)clock_monotonic_ns(evaluation->clock));
}

/* The record's place in the log, as a seed; which partition, offset, row, place in the query and invocation it is makes
 * a chain of seeds. */
static void call_ask_record(const struct call_context *context, struct function_call *call) {
    const struct bus_batch *records = context->records;
    uint64_t chance = 0;
    for (const char *c = records->topic; *c; c++)
        chance = random_mix(chance ^ (unsigned char)*c);
    const uint64_t parts[] = {(uint64_t)records->partition, (uint64_t)(records->base_offset + context->origin),
                              context->ordinal, context->node->place, context->run->evaluation->invocation};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        chance = random_mix(chance ^ parts[i]);
    call->chance = chance;
    call->now = records->append_time ? records->append_time : records->records[context->origin].timestamp;
}

/* What the row's record says of the clock and of chance, for the function itself and for what its lambdas call. */
static void call_ask(struct call_context *context, struct function_call *call) {
    call_find_record(context);
    context->evaluation.invocation = random_mix(context->run->evaluation->invocation + context->ordinal);
    if (!context->node->function->changing)
        return;
    if (context->records)
        call_ask_record(context, call);
    else
        call_ask_system(call, context->run->evaluation);
}

/* --- lambdas
 * ------------------------------------------------------------------------------------------------------------------ */

static bool call_body(struct call_context *context, const struct call_argument *lambda, const struct value *arguments,
                      struct value *ret_value, const char **ret_problem) {
    struct node_run *inside = &context->inside;
    struct node_frame frame = {0};
    uint32_t first = 0;
    struct selection selected = {&first, 1};
    struct vector result;
    *ret_problem = NULL;
    if (context->arena.given > CALL_LAMBDA_MEMORY) {
        *ret_problem = "the lambda takes too much memory";
        return false;
    }
    if (!context->entered && !node_run_inside(context->run, context->row, &context->evaluation, inside))
        return false;
    context->entered = true;
    context->evaluation.invocation++;
    for (size_t i = 0; i < lambda->slot_count; i++)
        if (!vector_constant(inside->evaluation->arena, lambda->slot_types[i], &arguments[i],
                             &inside->slots[lambda->slots[i]]))
            return false;
    inside->frame = &frame;
    if (!node_run(lambda->node, inside, &selected, &result))
        return false;
    if (frame.count) {
        *ret_problem = frame.problem;
        return false;
    }
    vector_get(&result, 0, ret_value);
    return true;
}

static bool call_lambda(struct function_call *call, size_t index, const struct value *arguments, size_t count,
                        struct value *ret_value) {
    struct call_context *context = call->lambda_context;
    const struct call_argument *lambda = &context->node->arguments[index];
    if (count != lambda->slot_count) {
        call->problem = "a lambda was called with another number of values than it has parameters";
        return false;
    }
    return call_body(context, lambda, arguments, ret_value, &call->problem);
}

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

static bool call_arguments(const struct call_node *node, struct node_run *run, const struct selection *selected,
                           struct vector *vectors) {
    for (size_t i = 0; i < node->count; i++) {
        const struct call_argument *argument = &node->arguments[i];
        if (argument->slots)
            continue;
        if (!(node->guarded ? node_run_guarded(argument->node, run, selected, &vectors[i])
                            : node_run(argument->node, run, selected, &vectors[i])))
            return false;
    }
    return true;
}

/* The arguments of a row; whether one of them is NULL. */
static bool call_gather(const struct call_node *node, const struct vector *vectors, size_t row,
                        struct value *arguments) {
    bool null = false;
    for (size_t i = 0; i < node->count; i++) {
        arguments[i] = VALUE_NULL;
        if (node->arguments[i].slots)
            continue;
        vector_get(&vectors[i], row, &arguments[i]);
        null |= arguments[i].null;
    }
    return null;
}

static bool call_row(struct function_call *call, struct call_context *context, const struct value *arguments,
                     struct vector *result) {
    const struct call_node *node = context->node;
    struct value value = VALUE_NULL;
    call->problem = NULL;
    if (node->variant->call(call, arguments, &value)) {
        bool kept = !node->lambdas || value_copy(context->run->evaluation->arena, node->node.type, &value, &value);
        vector_set(result, context->row, &value);
        return kept;
    }
    result->nulls[context->row] = 1;
    return call->problem && node_fail(context->run, context->row, "%s: %s", node->function->name, call->problem);
}

/* Rows that follow each other often have the same arguments: the bounds of a window, a unit, a name. */
static bool call_repeats(const struct call_node *node, const struct vector *vectors, size_t row, size_t before) {
    for (size_t i = 0; i < node->count; i++)
        if (!vector_is_same(&vectors[i], row, before))
            return false;
    return true;
}

static bool call_rows(struct function_call *call, struct call_context *context, const struct selection *selected,
                      const struct vector *vectors, struct value *arguments, struct vector *result) {
    const struct call_node *node = context->node;
    bool done = true, repeatable = !node->lambdas && !node->function->changing;
    size_t before = SIZE_MAX; /* a row whose call has not failed */
    for (size_t i = 0; i < selected->count && done; i++) {
        size_t row = selected->rows[i];
        if (before != SIZE_MAX && call_repeats(node, vectors, row, before)) {
            vector_repeat(result, row, before);
            continue;
        }
        context->row = row;
        call->problem = NULL;
        context->entered = false;
        if (node->lambdas || node->function->changing)
            call_ask(context, call);
        bool null = call_gather(node, vectors, row, arguments);
        if (null && node->variant->null_in_null_out)
            result->nulls[row] = 1;
        else
            done = call_row(call, context, arguments, result);
        before = repeatable && !call->problem ? row : SIZE_MAX;
        arena_reset(&context->arena);
    }
    return done;
}

static bool call_run(const struct node *node, struct node_run *run, const struct selection *selected,
                     struct vector *ret_vector) {
    const struct call_node *made = (const struct call_node *)node;
    struct arena *arena = run->evaluation->arena;
    struct vector result, *vectors = arena_allocate(arena, made->count * sizeof *vectors);
    struct value *arguments = arena_allocate(arena, made->count * sizeof *arguments);
    void *none = NULL;
    struct call_context context = {.node = made, .run = run, .origin = UINT32_MAX};
    struct function_call call = {.arena = made->lambdas ? &context.arena : arena,
                                 .zones = node_time_zones(run),
                                 .types = made->types,
                                 .count = made->count,
                                 .result = node->type,
                                 .lambda = made->lambdas ? call_lambda : NULL,
                                 .lambda_context = &context};
    call.state = made->function->release_state ? node_state(run, node, made->function) : &none;
    if (!vectors || !arguments || !call.zones || !call.state || !node_allocate(run, node->type, &result) ||
        !call_arguments(made, run, selected, vectors))
        return false;
    context.evaluation = *run->evaluation;
    context.evaluation.arena = &context.arena;
    bool done = call_rows(&call, &context, selected, vectors, arguments, &result);
    arena_release(&context.arena);
    if (done)
        *ret_vector = result;
    return done;
}

struct node *node_call(struct arena *arena, const struct function *function, const struct function_variant *variant,
                       const struct type *result, const struct call_argument *arguments, size_t count, bool guarded,
                       uint32_t place) {
    struct call_node *made = node_new(arena, sizeof *made, result, call_run, function->changing);
    const struct type **types = arena_allocate(arena, count * sizeof *types);
    if (!made || !types)
        return NULL;
    made->function = function;
    made->variant = variant;
    made->arguments = arguments;
    made->types = types;
    made->count = count;
    made->guarded = guarded;
    made->place = place;
    for (size_t i = 0; i < count; i++) {
        types[i] = arguments[i].node->type;
        made->lambdas |= arguments[i].slots != NULL;
        made->node.varies |= arguments[i].node->varies;
    }
    return &made->node;
}

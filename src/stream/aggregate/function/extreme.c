/* MIN and MAX. The state of a fixed-size value is the value and a mark that there is one; of a text, a pointer to a
 * copy with its length. */
#include "core/memory.h"
#include "stream/aggregate/function/aggregates.h"

struct extreme_text {
    uint32_t length;
    char bytes[];
};

/* Whole numbers and times; what aggregate_of_load and the mark after it see. */
struct extreme_integer {
    int64_t value;
    uint8_t set;
};

static bool extreme_is_text(const struct aggregate_call *call) {
    return call->arguments[0]->kind == TYPE_STRING || call->arguments[0]->kind == TYPE_BYTES;
}

static struct value extreme_get(const struct aggregate_call *call, const void *state) {
    if (extreme_is_text(call)) {
        const struct extreme_text *text = *(struct extreme_text *const *)state;
        return text ? value_of_text((struct slice){text->bytes, text->length}) : VALUE_NULL;
    }
    const struct type *type = call->arguments[0];
    return ((const uint8_t *)state)[aggregate_of_number_width(type)] ? aggregate_of_load(type, state) : VALUE_NULL;
}

static bool extreme_set(const struct aggregate_call *call, void *state, const struct value *value) {
    const struct type *type = call->arguments[0];
    if (extreme_is_text(call)) {
        struct extreme_text **text = state;
        if (value->text.length > UINT32_MAX)
            return false;
        if (!*text || (*text)->length < value->text.length || (*text)->length / 2 > value->text.length) {
            struct extreme_text *grown =
                memory_resize(*text, 1, offsetof(struct extreme_text, bytes) + value->text.length);
            if (!grown)
                return false;
            *text = grown;
        }
        (*text)->length = (uint32_t)value->text.length;
        if (value->text.length)
            memcpy((*text)->bytes, value->text.data, value->text.length);
        return true;
    }
    aggregate_of_store(type, state, value);
    ((uint8_t *)state)[aggregate_of_number_width(type)] = 1;
    return true;
}

static size_t extreme_memory(const struct aggregate_call *call, const void *state) {
    struct value value = extreme_get(call, state);
    return extreme_is_text(call) && !value.null ? offsetof(struct extreme_text, bytes) + value.text.length : 0;
}

static bool extreme_take(const struct aggregate_call *call, void *state, const struct value *value) {
    if (value->null)
        return true;
    struct value now = extreme_get(call, state);
    int order = now.null ? 0 : value_compare(call->arguments[0], value, &now);
    if (now.null || (call->function == &aggregate_of_max ? order > 0 : order < 0))
        return extreme_set(call, state, value);
    return true;
}

static bool extreme_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    (void)ret_problem;
    return extreme_take(call, state, &arguments[0]);
}

static bool extreme_run_integers(const struct aggregate_call *call, struct aggregate_run *run) {
    const struct vector *vector = run->arguments;
    bool maximum = call->function == &aggregate_of_max;
    for (size_t i = 0; i < run->count; i++) {
        size_t row = run->rows[i] & vector->mask;
        struct extreme_integer *state = aggregate_run_state(run, i);
        if (vector->nulls[row])
            continue;
        int64_t value = vector->integers[row];
        if (!state->set || (maximum ? value > state->value : value < state->value))
            *state = (struct extreme_integer){value, 1};
    }
    return true;
}

static bool extreme_run(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem) {
    const struct vector *vector = run->arguments;
    enum type_kind kind = vector->type->kind;
    bool text = extreme_is_text(call);
    (void)ret_problem;
    if (!text && kind != TYPE_DOUBLE && kind != TYPE_DECIMAL)
        return extreme_run_integers(call, run);
    for (size_t i = 0; i < run->count; i++) {
        struct value value;
        void *state = aggregate_run_state(run, i);
        vector_get(vector, run->rows[i], &value);
        int64_t before = text ? (int64_t)extreme_memory(call, state) : 0;
        if (!extreme_take(call, state, &value))
            return false;
        run->memory += text ? (int64_t)extreme_memory(call, state) - before : 0;
    }
    return true;
}

static bool extreme_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    struct value value = extreme_get(call, other);
    return extreme_take(call, state, &value);
}

static bool extreme_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                           struct value *ret_value) {
    struct value value = extreme_get(call, state);
    return value_copy(arena, call->arguments[0], &value, ret_value);
}

static void extreme_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    struct value value = extreme_get(call, state);
    value_write(to, call->arguments[0], &value);
}

static bool extreme_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    struct arena arena cleanup(arena_release) = {0};
    struct value value;
    return value_read(at, end, call->arguments[0], &arena, &value) && (value.null || extreme_set(call, state, &value));
}

static void extreme_release(const struct aggregate_call *call, void *state) {
    if (extreme_is_text(call))
        free(*(struct extreme_text **)state);
}

static const struct aggregate_state_driver extreme_driver = {
    .fold = extreme_fold,
    .fold_run = extreme_run,
    .merge = extreme_merge,
    .result = extreme_result,
    .write = extreme_write,
    .read = extreme_read,
    .release = extreme_release,
    .memory = extreme_memory,
};

static int extreme_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                           const struct value *const *constants, size_t count, struct arena *arena,
                           struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || !aggregate_of_type_ordered(arguments[0]))
        return aggregate_call_wrong(function, arguments, count, "a number, DATE, TIME, TIMESTAMP, STRING or BYTES",
                                    error);
    bool text = arguments[0]->kind == TYPE_STRING || arguments[0]->kind == TYPE_BYTES;
    size_t size = text ? sizeof(struct extreme_text *) : aggregate_of_number_width(arguments[0]) + sizeof(int64_t);
    return aggregate_call_make(function, &extreme_driver, arguments, 1, arguments[0], size, arena, ret_call, error);
}

const struct aggregate_function aggregate_of_min = {
    .name = "MIN",
    .signature = "MIN(col)",
    .description = "The smallest value; NULL when there is none.",
    .resolve = extreme_resolve,
};

const struct aggregate_function aggregate_of_max = {
    .name = "MAX",
    .signature = "MAX(col)",
    .description = "The largest value; NULL when there is none.",
    .resolve = extreme_resolve,
};

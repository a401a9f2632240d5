/* EARLIEST_BY_OFFSET and LATEST_BY_OFFSET when one value is asked for, and it is no ARRAY, MAP or STRUCT: the state is
 * the value and its row's place in the order of arrival. Of a text it is a pointer to both, and the bytes are copied
 * only when they change.
 *
 * A place is the sequence number of the row + 1, negative when the value is NULL; 0: there is no value yet. */
#include "core/memory.h"
#include "core/varint.h"
#include "stream/aggregate/function/aggregates.h"
#include "stream/aggregate/function/offset.h"

struct offset_text {
    int64_t place;
    uint32_t length, capacity;
    char bytes[];
};

struct offset_number {
    int64_t place;
    char value[]; /* as aggregate_of_store has it */
};

static bool offset_is_text(const struct aggregate_call *call) {
    return call->arguments[0]->kind == TYPE_STRING || call->arguments[0]->kind == TYPE_BYTES;
}

static const struct type *offset_type(const struct aggregate_call *call) {
    return call->arguments[0]->kind == TYPE_BOOLEAN ? &type_integer : call->arguments[0];
}

size_t offset_value_size(const struct type *type) {
    if (type->kind == TYPE_STRING || type->kind == TYPE_BYTES)
        return sizeof(struct offset_text *);
    return sizeof(struct offset_number) + aggregate_of_number_width(type);
}

static int64_t offset_place(const struct aggregate_call *call, const void *state) {
    if (!offset_is_text(call))
        return ((const struct offset_number *)state)->place;
    const struct offset_text *text = *(struct offset_text *const *)state;
    return text ? text->place : 0;
}

static bool offset_set_text(struct offset_text **text, struct slice value, int64_t place) {
    if (value.length > UINT32_MAX)
        return false;
    if (!*text || (*text)->capacity < value.length || (*text)->capacity / 4 > value.length + 16) {
        struct offset_text *grown = memory_resize(*text, 1, sizeof **text + value.length);
        if (!grown)
            return false;
        grown->capacity = (uint32_t)value.length;
        grown->length = 0;
        *text = grown;
    }
    struct offset_text *to = *text;
    to->place = place;
    if (to->length == value.length && memcmp(to->bytes, value.data, value.length) == 0)
        return true;
    to->length = (uint32_t)value.length;
    memcpy(to->bytes, value.data, value.length);
    return true;
}

/* False: no memory. */
static bool offset_set(const struct aggregate_call *call, void *state, const struct value *value, int64_t place) {
    if (offset_is_text(call))
        return offset_set_text(state, value->null ? SLICE("") : value->text, place);
    struct offset_number *number = state;
    struct value stored = *value;
    if (call->arguments[0]->kind == TYPE_BOOLEAN)
        stored.integer = value->boolean;
    number->place = place;
    if (!value->null)
        aggregate_of_store(offset_type(call), number->value, &stored);
    return true;
}

static void offset_get(const struct aggregate_call *call, const void *state, struct value *ret_value) {
    int64_t place = offset_place(call, state);
    if (place <= 0) {
        *ret_value = VALUE_NULL;
    } else if (offset_is_text(call)) {
        const struct offset_text *text = *(struct offset_text *const *)state;
        *ret_value = value_of_text((struct slice){text->bytes, text->length});
    } else {
        *ret_value = aggregate_of_load(offset_type(call), ((const struct offset_number *)state)->value);
        if (call->arguments[0]->kind == TYPE_BOOLEAN)
            ret_value->boolean = ret_value->integer != 0;
    }
}

/* Does a row at `sequence` take the place of what is there? Rows come in the order of their sequence. */
static bool offset_is_wanted(const struct aggregate_call *call, const void *state, bool null) {
    if (null && call->ignore_nulls)
        return false;
    return call->function == &aggregate_of_latest_by_offset || offset_place(call, state) == 0;
}

static bool offset_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                        const char **ret_problem) {
    int64_t place = arguments[1].integer + 1;
    (void)ret_problem;
    return !offset_is_wanted(call, state, arguments[0].null) ||
           offset_set(call, state, &arguments[0], arguments[0].null ? -place : place);
}

static size_t offset_memory(const struct aggregate_call *call, const void *state) {
    const struct offset_text *text = offset_is_text(call) ? *(struct offset_text *const *)state : NULL;
    return text ? sizeof *text + text->capacity : 0;
}

static bool offset_run(const struct aggregate_call *call, struct aggregate_run *run, const char **ret_problem) {
    const struct vector *vector = run->arguments;
    struct value value;
    (void)ret_problem;
    for (size_t i = 0; i < run->count; i++) {
        void *state = aggregate_run_state(run, i);
        int64_t place = run->sequence + (int64_t)i + 1;
        bool null = vector->nulls[run->rows[i] & vector->mask];
        if (!offset_is_wanted(call, state, null))
            continue;
        vector_get(vector, run->rows[i], &value);
        int64_t before = (int64_t)offset_memory(call, state);
        if (!offset_set(call, state, &value, null ? -place : place))
            return false;
        run->memory += (int64_t)offset_memory(call, state) - before;
    }
    return true;
}

static bool offset_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    int64_t mine = offset_place(call, state), theirs = offset_place(call, other);
    bool later = llabs(theirs) > llabs(mine), latest = call->function == &aggregate_of_latest_by_offset;
    struct value value;
    (void)ret_problem;
    if (theirs == 0 || (mine != 0 && later != latest))
        return true;
    offset_get(call, other, &value);
    return offset_set(call, state, &value, theirs);
}

static bool offset_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                          struct value *ret_value) {
    struct value value;
    offset_get(call, state, &value);
    return value_copy(arena, call->arguments[0], &value, ret_value);
}

static void offset_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    int64_t place = offset_place(call, state);
    struct value value;
    bytes_append_zigzag(to, place);
    offset_get(call, state, &value);
    if (place > 0)
        value_write(to, call->arguments[0], &value);
}

static bool offset_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    struct arena arena cleanup(arena_release) = {0};
    struct value value = VALUE_NULL;
    int64_t place;
    if (!zigzag_read(at, end, &place) || place < -INT64_MAX / 2 || place > INT64_MAX / 2)
        return false;
    if (place > 0 && (!value_read(at, end, call->arguments[0], &arena, &value) || value.null))
        return false;
    return place == 0 || offset_set(call, state, &value, place);
}

static void offset_release(const struct aggregate_call *call, void *state) {
    if (offset_is_text(call))
        free(*(struct offset_text **)state);
}

const struct aggregate_state_driver offset_value_driver = {
    .fold = offset_fold,
    .fold_run = offset_run,
    .merge = offset_merge,
    .result = offset_result,
    .write = offset_write,
    .read = offset_read,
    .release = offset_release,
    .memory = offset_memory,
};

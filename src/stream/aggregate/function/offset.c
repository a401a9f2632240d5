/* EARLIEST_BY_OFFSET and LATEST_BY_OFFSET: the first or last values in the order of arrival, whatever their ROWTIME.
 * The state is a list in that order, numbered with the rows' places in it, at most as long as is asked for; one plain
 * value has a state of its own (offset_value.c). call->limit is -1 when a bare value is asked for, not an ARRAY. */
#include "stream/aggregate/function/offset.h"
#include "stream/aggregate/function/aggregates.h"
#include "stream/aggregate/function/stored_list.h"

static size_t offset_room(const struct aggregate_call *call) {
    return call->limit < 0 ? 1 : (size_t)call->limit;
}

static bool offset_is_latest(const struct aggregate_call *call) {
    return call->function == &aggregate_of_latest_by_offset;
}

/* Brings the list back to its length, from the end that is not asked for. */
static void offset_trim(const struct aggregate_call *call, struct stored_list *list) {
    while (list->count > offset_room(call)) {
        struct stored_item item;
        size_t at = 0;
        for (size_t i = 0; i < (offset_is_latest(call) ? 1 : list->count); i++)
            stored_list_next(list, true, &at, &item);
        stored_list_remove(list, item.at);
    }
}

static bool offset_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                        const char **ret_problem) {
    (void)ret_problem;
    struct stored_list *list = state;
    if ((arguments[0].null && call->ignore_nulls) || (!offset_is_latest(call) && list->count >= offset_room(call)))
        return true;
    if (offset_is_latest(call) && offset_room(call) == 1)
        stored_list_clear(list);
    if (!stored_list_append(list, &arguments[1].integer, call->arguments[0], &arguments[0]))
        return false;
    offset_trim(call, list);
    return true;
}

/* Two lists in order become one. */
static bool offset_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    struct stored_list *list = state, merged = {0};
    size_t left_at = 0, right_at = 0;
    struct stored_item left, right;
    bool has_left = stored_list_next(list, true, &left_at, &left),
         has_right = stored_list_next(other, true, &right_at, &right);
    while (has_left || has_right) {
        bool take_left = has_left && (!has_right || left.number <= right.number);
        const struct stored_item *item = take_left ? &left : &right;
        if (!stored_list_append_stored(&merged, &item->number, item->value)) {
            stored_list_release(&merged);
            return false;
        }
        if (take_left)
            has_left = stored_list_next(list, true, &left_at, &left);
        else
            has_right = stored_list_next(other, true, &right_at, &right);
    }
    offset_trim(call, &merged);
    stored_list_release(list);
    *list = merged;
    return true;
}

static bool offset_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                          struct value *ret_value) {
    const struct stored_list *list = state;
    if (call->limit >= 0)
        return stored_list_array(list, true, call->arguments[0], arena, ret_value);
    struct stored_item item;
    size_t at = 0;
    if (!stored_list_next(list, true, &at, &item)) {
        *ret_value = VALUE_NULL;
        return true;
    }
    const char *from = item.value.data;
    return value_read(&from, from + item.value.length, call->arguments[0], arena, ret_value);
}

static void offset_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    stored_list_write(state, to);
}

static bool offset_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return stored_list_read(at, end, true, call->arguments, 1, state);
}

static void offset_release(const struct aggregate_call *call, void *state) {
    (void)call;
    stored_list_release(state);
}

static size_t offset_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    return ((const struct stored_list *)state)->capacity;
}

static const struct aggregate_state_driver offset_driver = {
    .fold = offset_fold,
    .merge = offset_merge,
    .result = offset_result,
    .write = offset_write,
    .read = offset_read,
    .release = offset_release,
    .memory = offset_memory,
};

static int offset_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                          const struct value *const *constants, size_t count, struct arena *arena,
                          struct aggregate_call *ret_call, struct error *error) {
    int64_t limit = -1;
    bool ignore_nulls = true;
    size_t next = 1;
    if (count > next && aggregate_of_constant_count(arguments[next], constants[next], &limit))
        next++;
    if (count > next && constants[next] && !constants[next]->null && arguments[next]->kind == TYPE_BOOLEAN)
        ignore_nulls = constants[next++]->boolean;
    if (count == 0 || next != count || arguments[0]->kind == TYPE_NULL)
        return aggregate_call_wrong(
            function, arguments, count,
            "(col), (col, ignoreNulls), (col, n) or (col, n, ignoreNulls), n and ignoreNulls as literals", error);
    const struct type *result = limit < 0 ? arguments[0] : type_array(arena, arguments[0]);
    enum type_kind kind = arguments[0]->kind;
    bool plain = limit < 0 && kind != TYPE_ARRAY && kind != TYPE_MAP && kind != TYPE_STRUCT;
    struct aggregate_call call;
    int status =
        aggregate_call_make(function, plain ? &offset_value_driver : &offset_driver, arguments, 1, result,
                            plain ? offset_value_size(arguments[0]) : sizeof(struct stored_list), arena, &call, error);
    if (status < 0)
        return status;
    call.limit = limit;
    call.ignore_nulls = ignore_nulls;
    *ret_call = call;
    return 0;
}

const struct aggregate_function aggregate_of_earliest_by_offset = {
    .name = "EARLIEST_BY_OFFSET",
    .signature = "EARLIEST_BY_OFFSET(col[, n][, ignoreNulls])",
    .description =
        "The value that came first, or the first n as an ARRAY. NULL is passed by unless ignoreNulls is FALSE.",
    .structured = true,
    .resolve = offset_resolve,
};

const struct aggregate_function aggregate_of_latest_by_offset = {
    .name = "LATEST_BY_OFFSET",
    .signature = "LATEST_BY_OFFSET(col[, n][, ignoreNulls])",
    .description =
        "The value that came last, or the last n as an ARRAY. NULL is passed by unless ignoreNulls is FALSE.",
    .structured = true,
    .resolve = offset_resolve,
};

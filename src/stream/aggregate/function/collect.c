/* COLLECT_LIST and COLLECT_SET: all values, or the different ones, in the order in which they came, NULL among them;
 * call->limit bounds how many. */
#include "core/memory.h"
#include "stream/aggregate/function/aggregates.h"
#include "stream/aggregate/function/stored_set.h"

static bool collect_full(const struct aggregate_call *call, const struct stored_list *list) {
    return call->limit >= 0 && list->count >= call->limit;
}

/* --- lists
 * ------------------------------------------------------------------------------------------------------------------ */

static bool list_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                      const char **ret_problem) {
    (void)ret_problem;
    return collect_full(call, state) || stored_list_append(state, NULL, call->arguments[0], &arguments[0]);
}

/* Takes out the last value that is equal. */
static bool list_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                      const char **ret_problem) {
    (void)ret_problem;
    struct stored_list *list = state;
    struct bytes stored cleanup(bytes_release) = {0};
    value_write(&stored, call->arguments[0], &arguments[0]);
    if (stored.failed)
        return false;
    struct stored_item item;
    size_t found = SIZE_MAX;
    for (size_t at = 0; stored_list_next(list, false, &at, &item);)
        if (slice_equal(item.value, bytes_slice(&stored)))
            found = item.at;
    if (found != SIZE_MAX)
        stored_list_remove(list, found);
    return true;
}

static bool list_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    struct stored_item item;
    for (size_t at = 0; !collect_full(call, state) && stored_list_next(other, false, &at, &item);)
        if (!stored_list_append_stored(state, NULL, item.value))
            return false;
    return true;
}

static bool list_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                        struct value *ret_value) {
    return stored_list_array(state, false, call->arguments[0], arena, ret_value);
}

static void list_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    stored_list_write(state, to);
}

static bool list_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return stored_list_read(at, end, false, call->arguments, 1, state);
}

static void list_release(const struct aggregate_call *call, void *state) {
    (void)call;
    stored_list_release(state);
}

static size_t list_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    return ((const struct stored_list *)state)->capacity;
}

static const struct aggregate_state_driver list_driver = {
    .fold = list_fold,
    .undo = list_undo,
    .merge = list_merge,
    .result = list_result,
    .write = list_write,
    .read = list_read,
    .release = list_release,
    .memory = list_memory,
};

/* --- sets
 * ------------------------------------------------------------------------------------------------------------------ */

static bool set_add(const struct aggregate_call *call, struct stored_set *set, struct slice stored) {
    struct stored_item item;
    bool failed;
    if (collect_full(call, &set->list) || stored_set_find(set, stored, &item, &failed))
        return true;
    return !failed && stored_set_append(set, 0, stored);
}

static bool set_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                     const char **ret_problem) {
    (void)ret_problem;
    struct bytes stored cleanup(bytes_release) = {0};
    value_write(&stored, call->arguments[0], &arguments[0]);
    return !stored.failed && set_add(call, state, bytes_slice(&stored));
}

static bool set_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    const struct stored_set *more = other;
    struct stored_item item;
    for (size_t at = 0; stored_list_next(&more->list, true, &at, &item);)
        if (!set_add(call, state, item.value))
            return false;
    return true;
}

static bool set_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                       struct value *ret_value) {
    return stored_list_array(&((const struct stored_set *)state)->list, true, call->arguments[0], arena, ret_value);
}

static void set_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    stored_list_write(&((const struct stored_set *)state)->list, to);
}

static bool set_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return stored_list_read(at, end, true, call->arguments, 1, &((struct stored_set *)state)->list);
}

static void set_release(const struct aggregate_call *call, void *state) {
    (void)call;
    stored_set_release(state);
}

static size_t set_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    return stored_set_memory(state);
}

static const struct aggregate_state_driver set_driver = {
    .fold = set_fold,
    .merge = set_merge,
    .result = set_result,
    .write = set_write,
    .read = set_read,
    .release = set_release,
    .memory = set_memory,
};

/* --- calls
 * ------------------------------------------------------------------------------------------------------------------ */

static int collect_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                           const struct value *const *constants, size_t count, struct arena *arena,
                           struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || arguments[0]->kind == TYPE_NULL)
        return aggregate_call_wrong(function, arguments, count, "one column", error);
    bool set = function == &aggregate_of_collect_set;
    return aggregate_call_make(function, set ? &set_driver : &list_driver, arguments, 1,
                               type_array(arena, arguments[0]),
                               set ? sizeof(struct stored_set) : sizeof(struct stored_list), arena, ret_call, error);
}

const struct aggregate_function aggregate_of_collect_list = {
    .name = "COLLECT_LIST",
    .signature = "COLLECT_LIST(col)",
    .description = "All values as an ARRAY, NULL among them, in the order in which they came.",
    .structured = true,
    .resolve = collect_resolve,
};

const struct aggregate_function aggregate_of_collect_set = {
    .name = "COLLECT_SET",
    .signature = "COLLECT_SET(col)",
    .description = "The different values as an ARRAY, NULL among them, in the order in which they came first.",
    .structured = true,
    .resolve = collect_resolve,
};

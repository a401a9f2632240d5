/* HISTOGRAM and ATTR: how often each value has come. The numbers of the set are the counts. */
#include "core/memory.h"
#include "stream/aggregate/function/aggregates.h"
#include "stream/aggregate/function/stored_set.h"

enum { HISTOGRAM_MAXIMUM = 1000 }; /* entries; values beyond them are passed by, as documented */

static bool tally_add(const struct aggregate_call *call, struct stored_set *set, struct slice stored, int64_t count) {
    struct stored_item item;
    bool failed;
    if (stored_set_find(set, stored, &item, &failed)) {
        if (item.number + count <= 0)
            stored_set_remove(set, item.at);
        else
            stored_list_set_number(&set->list, item.at, item.number + count);
        return true;
    }
    if (failed)
        return false;
    if (count < 0 || (call->limit >= 0 && set->list.count >= call->limit))
        return true;
    return stored_set_append(set, count, stored);
}

static bool tally_value(const struct aggregate_call *call, struct stored_set *set, const struct value *value,
                        int64_t count) {
    if (value->null && call->ignore_nulls)
        return true;
    struct bytes stored cleanup(bytes_release) = {0};
    value_write(&stored, call->arguments[0], value);
    return !stored.failed && tally_add(call, set, bytes_slice(&stored), count);
}

static bool tally_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                       const char **ret_problem) {
    (void)ret_problem;
    return tally_value(call, state, &arguments[0], 1);
}

static bool tally_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                       const char **ret_problem) {
    (void)ret_problem;
    return tally_value(call, state, &arguments[0], -1);
}

static bool tally_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    const struct stored_set *more = other;
    struct stored_item item;
    for (size_t at = 0; stored_list_next(&more->list, true, &at, &item);)
        if (!tally_add(call, state, item.value, item.number))
            return false;
    return true;
}

static bool histogram_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                             struct value *ret_value) {
    const struct stored_list *list = &((const struct stored_set *)state)->list;
    struct value *items = arena_allocate(arena, 2 * (size_t)list->count * sizeof *items);
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    if (!items || !sequence)
        return false;
    struct stored_item item;
    size_t at = 0;
    for (size_t i = 0; stored_list_next(list, true, &at, &item); i += 2) {
        const char *from = item.value.data;
        if (!value_read(&from, from + item.value.length, call->arguments[0], arena, &items[i]))
            return false;
        items[i + 1] = value_of_integer(item.number);
    }
    *sequence = (struct sequence){2 * (size_t)list->count, items};
    *ret_value = value_of_sequence(sequence);
    return true;
}

static bool attr_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                        struct value *ret_value) {
    const struct stored_list *list = &((const struct stored_set *)state)->list;
    struct stored_item item;
    size_t at = 0;
    if (list->count != 1 || !stored_list_next(list, true, &at, &item)) {
        *ret_value = VALUE_NULL;
        return true;
    }
    const char *from = item.value.data;
    return value_read(&from, from + item.value.length, call->arguments[0], arena, ret_value);
}

static void tally_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    stored_list_write(&((const struct stored_set *)state)->list, to);
}

static bool tally_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    const struct stored_list *list = &((struct stored_set *)state)->list;
    struct stored_item item;
    if (!stored_list_read(at, end, true, call->arguments, 1, &((struct stored_set *)state)->list))
        return false;
    for (size_t place = 0; stored_list_next(list, true, &place, &item);)
        if (item.number < 1 || !aggregate_of_rows_valid(item.number))
            return false;
    return true;
}

static void tally_release(const struct aggregate_call *call, void *state) {
    (void)call;
    stored_set_release(state);
}

static size_t tally_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    return stored_set_memory(state);
}

#define TALLY_DRIVER(name)                                                                                             \
    static const struct aggregate_state_driver name##_driver = {                                                       \
        .fold = tally_fold,                                                                                            \
        .undo = tally_undo,                                                                                            \
        .merge = tally_merge,                                                                                          \
        .result = name##_result,                                                                                       \
        .write = tally_write,                                                                                          \
        .read = tally_read,                                                                                            \
        .release = tally_release,                                                                                      \
        .memory = tally_memory,                                                                                        \
    }

TALLY_DRIVER(histogram);
TALLY_DRIVER(attr);

static int histogram_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                             const struct value *const *constants, size_t count, struct arena *arena,
                             struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || arguments[0]->kind != TYPE_STRING)
        return aggregate_call_wrong(function, arguments, count, "(STRING)", error);
    struct aggregate_call call;
    int status =
        aggregate_call_make(function, &histogram_driver, arguments, 1, type_map(arena, &type_string, &type_bigint),
                            sizeof(struct stored_set), arena, &call, error);
    if (status < 0)
        return status;
    call.limit = HISTOGRAM_MAXIMUM;
    call.ignore_nulls = true;
    *ret_call = call;
    return 0;
}

static int attr_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                        const struct value *const *constants, size_t count, struct arena *arena,
                        struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || arguments[0]->kind == TYPE_NULL)
        return aggregate_call_wrong(function, arguments, count, "one column", error);
    return aggregate_call_make(function, &attr_driver, arguments, 1, arguments[0], sizeof(struct stored_set), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_histogram = {
    .name = "HISTOGRAM",
    .signature = "HISTOGRAM(col)",
    .description = "How often each STRING has come, as a MAP with at most 1000 entries.",
    .structured = true,
    .resolve = histogram_resolve,
};

const struct aggregate_function aggregate_of_attr = {
    .name = "ATTR",
    .signature = "ATTR(col)",
    .description = "The value of the column when all rows have the same, NULL when they differ.",
    .structured = true,
    .resolve = attr_resolve,
};

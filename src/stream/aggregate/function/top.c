/* TOPK and TOPKDISTINCT: the largest values, falling; of equal ones TOPK keeps the one that came first in front. The
 * state is a list in that order, at most k long; an item is the stored form of the value, then those of the further
 * columns. */
#include "core/memory.h"
#include "stream/aggregate/function/aggregates.h"
#include "stream/aggregate/function/stored_list.h"

/* Puts an item, the last of the list, where it belongs, or takes it out again. */
static bool top_settle(const struct aggregate_call *call, struct stored_list *list, size_t last,
                       const struct value *value) {
    bool distinct = call->function == &aggregate_of_topkdistinct;
    const struct type *type = call->arguments[0];
    struct stored_item item = {.at = 0};
    int order = 1;
    size_t at = 0;
    while (stored_list_next(list, false, &at, &item) && item.at != last) {
        struct value other;
        if (!stored_value_get(item.value, type, NULL, &other))
            return false;
        order = value_compare(type, value, &other);
        if (order > 0 || (distinct && order == 0))
            break;
    }
    if (distinct && order == 0 && item.at != last) {
        stored_list_remove(list, last);
        return true;
    }
    if (!stored_list_move_last(list, last, item.at))
        return false;
    if (list->count <= call->limit)
        return true;
    for (at = 0; stored_list_next(list, false, &at, &item);)
        ;
    stored_list_remove(list, item.at);
    return true;
}

static bool top_add(const struct aggregate_call *call, struct stored_list *list, struct slice stored) {
    struct value value;
    size_t last = list->length;
    if (!stored_list_append_stored(list, NULL, stored) || !stored_value_get(stored, call->arguments[0], NULL, &value))
        return false;
    return top_settle(call, list, last, &value);
}

static bool top_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                     const char **ret_problem) {
    (void)ret_problem;
    if (arguments[0].null)
        return true;
    struct bytes stored cleanup(bytes_release) = {0};
    for (size_t i = 0; i < call->argument_count; i++)
        value_write(&stored, call->arguments[i], &arguments[i]);
    return !stored.failed && top_add(call, state, bytes_slice(&stored));
}

static bool top_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    struct stored_item item;
    for (size_t at = 0; stored_list_next(other, false, &at, &item);)
        if (!top_add(call, state, item.value))
            return false;
    return true;
}

static bool top_row(const struct aggregate_call *call, struct slice stored, struct arena *arena,
                    struct value *ret_value) {
    struct value *items = arena_allocate(arena, call->argument_count * sizeof *items);
    struct sequence *row = arena_allocate(arena, sizeof *row);
    if (!items || !row)
        return false;
    const char *at = stored.data;
    for (size_t i = 0; i < call->argument_count; i++)
        if (!value_read(&at, stored.data + stored.length, call->arguments[i], arena, &items[i]))
            return false;
    *row = (struct sequence){call->argument_count, items};
    *ret_value = value_of_sequence(row);
    return true;
}

static bool top_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                       struct value *ret_value) {
    const struct stored_list *list = state;
    if (call->argument_count == 1)
        return stored_list_array(list, false, call->arguments[0], arena, ret_value);
    struct value *rows = arena_allocate(arena, list->count * sizeof *rows);
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    if (!rows || !sequence)
        return false;
    struct stored_item item;
    size_t at = 0;
    for (size_t i = 0; stored_list_next(list, false, &at, &item); i++)
        if (!top_row(call, item.value, arena, &rows[i]))
            return false;
    *sequence = (struct sequence){list->count, rows};
    *ret_value = value_of_sequence(sequence);
    return true;
}

static void top_write(const struct aggregate_call *call, const void *state, struct bytes *to) {
    (void)call;
    stored_list_write(state, to);
}

static bool top_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    const struct stored_list *list = state;
    if (!stored_list_read(at, end, false, call->arguments, call->argument_count, state) || list->count > call->limit)
        return false;
    struct stored_item item;
    for (size_t place = 0; stored_list_next(list, false, &place, &item);)
        if (item.value.data[0] == 0) /* NULL is never there */
            return false;
    return true;
}

static void top_release(const struct aggregate_call *call, void *state) {
    (void)call;
    stored_list_release(state);
}

static size_t top_memory(const struct aggregate_call *call, const void *state) {
    (void)call;
    return ((const struct stored_list *)state)->capacity;
}

static const struct aggregate_state_driver top_driver = {
    .fold = top_fold,
    .merge = top_merge,
    .result = top_result,
    .write = top_write,
    .read = top_read,
    .release = top_release,
    .memory = top_memory,
};

/* STRUCT<sort_col, col0, col1, ..> */
static const struct type *top_row_type(const struct type *const *arguments, size_t count, struct arena *arena) {
    struct type_field *fields = arena_allocate(arena, count * sizeof *fields);
    if (!fields)
        return NULL;
    fields[0] = (struct type_field){SLICE("sort_col"), arguments[0]};
    for (size_t i = 1; i < count; i++) {
        struct bytes name cleanup(bytes_release) = {0};
        bytes_append_format(&name, "col%zu", i - 1);
        fields[i] = (struct type_field){arena_copy(arena, bytes_slice(&name)), arguments[i]};
        if (name.failed || !fields[i].name.data)
            return NULL;
    }
    return type_struct(arena, fields, count);
}

static int top_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                       const struct value *const *constants, size_t count, struct arena *arena,
                       struct aggregate_call *ret_call, struct error *error);

/* k stands last in ksqlDB's pages on structs of several columns, second in the short form: TOPK(col, k, others ..).
 * Moves a k that stands second to the end. */
static int top_resolve_second(const struct aggregate_function *function, const struct type *const *arguments,
                              const struct value *const *constants, size_t count, struct arena *arena,
                              struct aggregate_call *ret_call, struct error *error) {
    const struct type **types = arena_allocate(arena, count * sizeof(struct type *));
    const struct value **values = arena_allocate(arena, count * sizeof(struct value *));
    unsigned *positions = arena_allocate(arena, count * sizeof *positions);
    if (!types || !values || !positions)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        size_t from = i == 0 ? 0 : i + 1 < count ? i + 1 : 1;
        types[i] = arguments[from];
        values[i] = constants[from];
        positions[i] = (unsigned)from;
    }
    int status = top_resolve(function, types, values, count, arena, ret_call, error);
    if (!status)
        ret_call->positions = positions;
    return status;
}

static int top_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                       const struct value *const *constants, size_t count, struct arena *arena,
                       struct aggregate_call *ret_call, struct error *error) {
    int64_t limit;
    bool distinct = function == &aggregate_of_topkdistinct;
    bool fits = count >= 2 && (!distinct || count == 2) && aggregate_of_type_ordered(arguments[0]);
    for (size_t i = 1; fits && i + 1 < count; i++)
        fits = arguments[i]->kind != TYPE_NULL;
    bool last = fits && aggregate_of_constant_count(arguments[count - 1], constants[count - 1], &limit);
    if (fits && !last && count > 2 && aggregate_of_constant_count(arguments[1], constants[1], &limit))
        return top_resolve_second(function, arguments, constants, count, arena, ret_call, error);
    if (!last)
        return aggregate_call_wrong(
            function, arguments, count,
            distinct ? "(col, k), k as a literal" : "(col, k) or (col, col, .., k), k as a literal", error);
    const struct type *item = count == 2 ? arguments[0] : top_row_type(arguments, count - 1, arena);
    if (!item)
        return error_no_memory(error);
    struct aggregate_call call;
    int status = aggregate_call_make(function, &top_driver, arguments, count - 1, type_array(arena, item),
                                     sizeof(struct stored_list), arena, &call, error);
    if (status < 0)
        return status;
    call.limit = limit;
    *ret_call = call;
    return 0;
}

const struct aggregate_function aggregate_of_topk = {
    .name = "TOPK",
    .signature = "TOPK(col[, col, ..], k)",
    .description = "The k largest values as an ARRAY, falling, equal ones kept. With further columns the elements are "
                   "STRUCTs of sort_col, col0, col1, ..",
    .structured = true,
    .resolve = top_resolve,
};

const struct aggregate_function aggregate_of_topkdistinct = {
    .name = "TOPKDISTINCT",
    .signature = "TOPKDISTINCT(col, k)",
    .description = "The k largest different values as an ARRAY, falling.",
    .structured = true,
    .resolve = top_resolve,
};

/* Calls are typed by the family's rules; states that are plain bytes are written and read as they are, with a check
 * of their length. */
#include "stream/aggregate/function/aggregates.h"

int aggregate_call_make(const struct aggregate_function *function, const struct aggregate_state_driver *driver,
                        const struct type *const *arguments, size_t count, const struct type *result, size_t state_size,
                        struct arena *arena, struct aggregate_call *ret_call, struct error *error) {
    const struct type **types = arena_allocate(arena, (count + 1) * sizeof *types);
    unsigned *positions = arena_allocate(arena, (count + 1) * sizeof *positions);
    if (!types || !positions || !result)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        types[i] = arguments[i];
        positions[i] = (unsigned)i;
    }
    *ret_call = (struct aggregate_call){.function = function,
                                        .driver = driver,
                                        .arguments = types,
                                        .argument_count = count,
                                        .positions = positions,
                                        .result = result,
                                        .state_size = state_size,
                                        .limit = -1};
    return 0;
}

int aggregate_call_wrong(const struct aggregate_function *function, const struct type *const *arguments, size_t count,
                         const char *takes, struct error *error) {
    struct bytes given = {0};
    for (size_t i = 0; i < count; i++) {
        if (i)
            bytes_append_string(&given, ", ");
        type_print(&given, arguments[i]);
    }
    error_set(error, ERROR_INVALID, "%s does not take (%.*s); it takes %s", function->name, (int)given.length,
              given.data ? given.data : "", takes);
    bytes_release(&given);
    return ERROR_INVALID;
}

bool aggregate_of_constant_count(const struct type *type, const struct value *constant, int64_t *ret_count) {
    if (!constant || constant->null || type->kind != TYPE_INTEGER || constant->integer < 1)
        return false;
    *ret_count = constant->integer;
    return true;
}

bool aggregate_of_type_ordered(const struct type *type) {
    return type_is_numeric(type) || type_is_time(type) || type->kind == TYPE_STRING || type->kind == TYPE_BYTES;
}

double aggregate_of_number(const struct type *type, const struct value *value) {
    if (type->kind == TYPE_DOUBLE)
        return value->number;
    return type->kind == TYPE_DECIMAL ? decimal_to_double(value->decimal, type->scale) : (double)value->integer;
}

bool aggregate_of_add(const struct type *type, struct value *sum, const struct value *value, bool minus,
                      const char **ret_problem) {
    if (type->kind == TYPE_DOUBLE) {
        sum->number = minus ? sum->number - value->number : sum->number + value->number;
    } else if (type->kind == TYPE_DECIMAL) {
        struct decimal_shape shape = {type->precision, type->scale};
        if (!(minus ? decimal_subtract : decimal_add)(sum->decimal, type->scale, value->decimal, type->scale, shape,
                                                      &sum->decimal)) {
            *ret_problem = "Numeric field overflow: the sum has more digits than its DECIMAL type";
            return false;
        }
    } else {
        uint64_t wide = (uint64_t)sum->integer + (minus ? -(uint64_t)value->integer : (uint64_t)value->integer);
        sum->integer = type->kind == TYPE_INTEGER ? (int32_t)(uint32_t)wide : (int64_t)wide;
    }
    return true;
}

size_t aggregate_of_number_width(const struct type *type) {
    return type->kind == TYPE_DECIMAL ? sizeof(decimal) : sizeof(int64_t);
}

struct value aggregate_of_load(const struct type *type, const void *from) {
    struct value value = {.null = false};
    if (type->kind == TYPE_DECIMAL)
        memcpy(&value.decimal, from, sizeof value.decimal);
    else if (type->kind == TYPE_DOUBLE)
        memcpy(&value.number, from, sizeof value.number);
    else
        memcpy(&value.integer, from, sizeof value.integer);
    return value;
}

void aggregate_of_store(const struct type *type, void *to, const struct value *value) {
    if (type->kind == TYPE_DECIMAL)
        memcpy(to, &value->decimal, sizeof value->decimal);
    else if (type->kind == TYPE_DOUBLE)
        memcpy(to, &value->number, sizeof value->number);
    else
        memcpy(to, &value->integer, sizeof value->integer);
}

bool aggregate_of_rows_valid(int64_t count) {
    return count > -((int64_t)1 << 53) && count < (int64_t)1 << 53;
}

void aggregate_of_write_bytes(const struct aggregate_call *call, const void *state, struct bytes *to) {
    bytes_append(to, state, call->state_size);
}

bool aggregate_of_read_bytes(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    if ((size_t)(end - *at) < call->state_size)
        return false;
    memcpy(state, *at, call->state_size);
    *at += call->state_size;
    return true;
}

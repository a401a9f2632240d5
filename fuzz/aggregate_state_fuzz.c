/* States of aggregate functions from stored bytes: what is read goes on as a state does, is written again, and reads
 * back with the same result. The first byte chooses the function. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "stream/aggregate/aggregate_function.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* Of one column, or with a number after it; false when the function does not take a column of the type. */
static bool resolve(const struct aggregate_function *function, const struct type *type, struct arena *arena,
                    struct aggregate_call *ret_call) {
    const struct type *types[] = {type, &type_integer};
    const struct value three = value_of_integer(3), *constants[] = {NULL, &three};
    struct error error;
    return function->resolve(function, types, constants, 2, arena, ret_call, &error) == 0 ||
           function->resolve(function, types, constants, 1, arena, ret_call, &error) == 0;
}

static void *state_new(const struct aggregate_call *call) {
    void *state = memory_zero(call->state_size + 8, 1);
    require(state != NULL);
    return state;
}

static void state_free(const struct aggregate_call *call, void *state) {
    if (call->driver->release)
        call->driver->release(call, state);
    free(state);
}

static void print_result(const struct aggregate_call *call, const void *state, struct arena *arena, struct bytes *to) {
    struct value value;
    require(call->driver->result(call, state, arena, &value));
    value_print(to, call->result, &value);
}

static void check_state(const struct aggregate_call *call, void *state, const struct value *arguments,
                        struct arena *arena) {
    struct bytes stored = {0}, printed = {0}, again = {0};
    void *back = state_new(call);
    const char *problem = NULL;
    call->driver->write(call, state, &stored);
    const char *at = stored.data;
    require(call->driver->read(call, &at, stored.data + stored.length, back) && at == stored.data + stored.length);
    print_result(call, state, arena, &printed);
    print_result(call, back, arena, &again);
    require(slice_equal(bytes_slice(&printed), bytes_slice(&again)));
    require(call->driver->fold(call, state, arguments, &problem) || problem);
    require(call->driver->merge(call, state, back, &problem) || problem);
    if (call->driver->undo)
        require(call->driver->undo(call, state, arguments, &problem) || problem);
    print_result(call, state, arena, &printed);
    state_free(call, back);
    bytes_release(&stored);
    bytes_release(&printed);
    bytes_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct type decimal_5_2 = {.kind = TYPE_DECIMAL, .precision = 5, .scale = 2},
                             integers = {.kind = TYPE_ARRAY, .element = &type_integer};
    static const struct type *const types[] = {&type_integer, &type_bigint, &type_double,
                                               &type_string,  &decimal_5_2, &integers};
    const struct sequence none = {0, NULL};
    struct arena arena = {0};
    struct aggregate_call call;
    size_t count;
    const struct aggregate_function *const *functions = aggregate_functions(&count);
    if (size < 2 || !resolve(functions[data[0] % count], types[data[1] % 6], &arena, &call)) {
        arena_release(&arena);
        return 0;
    }
    struct value arguments[3] = {value_of_integer(5), value_of_integer(5), value_of_integer(5)};
    if (call.argument_count && call.arguments[0]->kind == TYPE_STRING)
        arguments[0] = value_of_text(SLICE("five"));
    if (call.argument_count && call.arguments[0]->kind == TYPE_ARRAY)
        arguments[0] = value_of_sequence(&none);
    if (call.argument_count && call.arguments[0]->kind == TYPE_DOUBLE)
        arguments[0] = value_of_number(5);
    if (call.argument_count && call.arguments[0]->kind == TYPE_DECIMAL)
        arguments[0] = value_of_decimal(500);
    char *copy = malloc(size - 2 ? size - 2 : 1); /* so that the sanitizer sees a read after the end */
    void *state = state_new(&call);
    require(copy != NULL);
    memcpy(copy, data + 2, size - 2);
    const char *at = copy;
    if (call.driver->read(&call, &at, copy + size - 2, state))
        check_state(&call, state, arguments, &arena);
    state_free(&call, state);
    free(copy);
    arena_release(&arena);
    return 0;
}

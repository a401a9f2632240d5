/* Aggregate functions: results as documented, undo, merging equals folding all, the stored form gives the same state
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/time/time_text.h"
#include "stream/aggregate/aggregate_function.h"

enum { VALUES_MAXIMUM = 16 };

static const struct type decimal_4_2 = {.kind = TYPE_DECIMAL, .precision = 4, .scale = 2};
static const struct type integers = {.kind = TYPE_ARRAY, .element = &type_integer},
                         reals = {.kind = TYPE_ARRAY, .element = &type_double};

/* A value from its text; "-" is NULL, an ARRAY is "1 2 3". */
static struct value value_of(struct arena *arena, const struct type *type, const char *text) {
    decimal number;
    if (strcmp(text, "-") == 0)
        return VALUE_NULL;
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return value_of_boolean(strcmp(text, "true") == 0);
    case TYPE_DOUBLE:
        return value_of_number(strtod(text, NULL));
    case TYPE_DECIMAL:
        assert_true(decimal_read(slice_of(text), (struct decimal_shape){type->precision, type->scale}, &number));
        return value_of_decimal(number);
    case TYPE_STRING:
    case TYPE_BYTES:
        return value_of_text(arena_copy(arena, slice_of(text)));
    case TYPE_ARRAY: {
        struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
        struct value *items = arena_allocate(arena, VALUES_MAXIMUM * sizeof *items);
        size_t count = 0;
        for (char *end; *text; text = *end ? end + 1 : end)
            items[count++] = *text == '-' && text[1] != '1'       ? (end = (char *)(uintptr_t)text + 1, VALUE_NULL)
                             : type->element->kind == TYPE_DOUBLE ? value_of_number(strtod(text, &end))
                                                                  : value_of_integer(strtoll(text, &end, 10));
        *sequence = (struct sequence){count, items};
        return value_of_sequence(sequence);
    }
    default:
        return value_of_integer(strtoll(text, NULL, 10));
    }
}

struct call_case {
    const char *function;
    const struct type *types[4];        /* as written */
    const char *constants[4];           /* NULL: a column */
    const char *values[VALUES_MAXIMUM]; /* of the first column; of a second one after a comma */
    const char *result_type, *result;
    const char *undone;  /* after the first value is taken back; NULL: not for tables */
    const char *problem; /* of the last fold */
};

#define INT                                                                                                            \
    { &type_integer }
#define LONG                                                                                                           \
    { &type_bigint }
#define REAL                                                                                                           \
    { &type_double }
#define TEXT                                                                                                           \
    { &type_string }
#define WITH_COUNT(type)                                                                                               \
    { type, &type_integer }

static const struct call_case cases[] = {
    {"COUNT", {0}, {0}, {"", "", ""}, "BIGINT", "3", "2"},
    {"COUNT", INT, {0}, {"1", "-", "3"}, "BIGINT", "2", "1"},
    {"count", TEXT, {0}, {0}, "BIGINT", "0", "-1"},
    {"SUM", INT, {0}, {0}, "INTEGER", "0", NULL},
    {"SUM", INT, {0}, {"1", "-", "3"}, "INTEGER", "4", "3"},
    {"SUM", INT, {0}, {"2147483647", "2"}, "INTEGER", "-2147483647", "2"},
    {"SUM", LONG, {0}, {"9223372036854775807", "2"}, "BIGINT", "-9223372036854775807", "2"},
    {"SUM", REAL, {0}, {"0.1", "0.2", "-"}, "DOUBLE", "0.30000000000000004", "0.20000000000000004"},
    {"SUM", REAL, {0}, {0}, "DOUBLE", "0.0", NULL},
    {"SUM", REAL, {0}, {"1", "1e100", "1", "-1e100"}, "DOUBLE", "2.0", "1.0"}, /* a plain sum is 0 */
    {"SUM", REAL, {0}, {"-1e308", "-1e308"}, "DOUBLE", "-1.7976931348623157E308", "-1e308"},
    {"SUM", REAL, {0}, {"1e308", "1e308", "1e308", "-1e308", "-1e308"}, "DOUBLE", "1e308", "0.0"},
    {"SUM", REAL, {0}, {"inf", "1"}, "DOUBLE", "Infinity", NULL},
    {"SUM", REAL, {0}, {"inf", "-inf"}, "DOUBLE", "NaN", NULL},
    {"SUM", {&decimal_4_2}, {0}, {"1.25", "-", "30.50"}, "DECIMAL(4, 2)", "31.75", "30.50"},
    {"SUM",
     {&decimal_4_2},
     {0},
     {"99.00", "1.00"},
     "DECIMAL(4, 2)",
     NULL,
     NULL,
     "Numeric field overflow: the sum has more digits than its DECIMAL type"},
    {"SUM_LIST", {&integers}, {0}, {"1 2 -", "-", "10", "2147483647"}, "INTEGER", "-2147483636", "-2147483639"},
    {"AVG", INT, {0}, {0}, "DOUBLE", "0.0", NULL},
    {"AVG", INT, {0}, {"1", "-", "2"}, "DOUBLE", "1.5", "2.0"},
    {"AVG", INT, {0}, {"2147483647", "1"}, "DOUBLE", "-1.073741824E9", "1.0"},
    {"AVG", LONG, {0}, {"2147483647", "1"}, "DOUBLE", "1.073741824E9", "1.0"},
    {"AVG", REAL, {0}, {"1.5", "2.5", "5"}, "DOUBLE", "3.0", "3.75"},
    {"AVG", REAL, {0}, {"1", "1e100", "1", "-1e100"}, "DOUBLE", "0.5", "0.3333333333333333"},
    {"AVG", REAL, {0}, {"1e308", "1e308"}, "DOUBLE", "1e308", "1e308"}, /* not below the minimum */
    {"AVG", REAL, {0}, {"1e308", "1e308", "-5e307"}, "DOUBLE", "5e307", "2.5e307"},
    {"SUM_LIST", {&reals}, {0}, {"1 2 -", "-", "10"}, "DOUBLE", "13.0", "10.0"},
    {"MIN", REAL, {0}, {"nan", "0.0", "-0.0", "0.0"}, "DOUBLE", "-0.0", NULL},
    {"MAX", REAL, {0}, {"-0.0", "0.0", "-0.0"}, "DOUBLE", "0.0", NULL},
    {"MAX", REAL, {0}, {"1", "nan", "2"}, "DOUBLE", "NaN", NULL},
    {"AVG", {&decimal_4_2}, {0}, {"1.25", "1.75"}, "DOUBLE", "1.5", "1.75"},
    {"MIN", INT, {0}, {"3", "-", "-5", "4"}, "INTEGER", "-5", NULL},
    {"MAX", INT, {0}, {"3", "-", "-5", "4"}, "INTEGER", "4", NULL},
    {"MIN", INT, {0}, {"-", "-"}, "INTEGER", "-", NULL},
    {"MAX", REAL, {0}, {"3", "0.5", "1e300"}, "DOUBLE", "1.0E300", NULL},
    {"MAX", TEXT, {0}, {"a long text that needs room", "b", "ab", "-"}, "STRING", "b", NULL},
    {"MIN", TEXT, {0}, {"b", "a long text that needs room", "b"}, "STRING", "a long text that needs room", NULL},
    {"MAX", {&type_bytes}, {0}, {"a", "abc", "ab"}, "BYTES", "abc", NULL},
    {"MAX", {&decimal_4_2}, {0}, {"-1.00", "12.50", "7"}, "DECIMAL(4, 2)", "12.50", NULL},
    {"MIN", {&type_date}, {0}, {"10", "3", "7"}, "DATE", "1970-01-04", NULL},
    {"MAX", {&type_time}, {0}, {"1000", "3000"}, "TIME", "00:00:03", NULL},
    {"MAX", {&type_timestamp}, {0}, {"1000", "500"}, "TIMESTAMP", "1970-01-01T00:00:01.000", NULL},
    {"STDDEV_SAMP", INT, {0}, {"2"}, "DOUBLE", "0.0", "0.0"},
    {"STDDEV_SAMP", INT, {0}, {"2", "4", "-", "4", "10"}, "DOUBLE", "12.0", "12.0"},
    {"STDDEV_SAMPLE", LONG, {0}, {"1", "3", "5"}, "DOUBLE", "2.0", "1.4142135623730951"},
    {"STDDEV_SAMPLE", REAL, {0}, {"7"}, "DOUBLE", "0.0", "0.0"},
    {"COLLECT_LIST", INT, {0}, {"3", "-", "3", "1"}, "ARRAY<INTEGER>", "[3, null, 3, 1]", "[3, null, 1]"},
    {"COLLECT_LIST", TEXT, {0}, {0}, "ARRAY<STRING>", "[]", NULL},
    {"COLLECT_LIST", {&integers}, {0}, {"1 2", "3"}, "ARRAY<ARRAY<INTEGER>>", "[[1, 2], [3]]", "[[3]]"},
    {"COLLECT_SET", INT, {0}, {"3", "-", "3", "1", "-"}, "ARRAY<INTEGER>", "[3, null, 1]", NULL},
    {"COLLECT_SET", TEXT, {0}, {"b", "a", "b"}, "ARRAY<STRING>", "[b, a]", NULL},
    {"COUNT_DISTINCT", TEXT, {0}, {"b", "a", "b", "-"}, "BIGINT", "2", NULL},
    {"EARLIEST_BY_OFFSET", INT, {0}, {"-", "3", "1"}, "INTEGER", "3", NULL},
    {"EARLIEST_BY_OFFSET", {&type_integer, &type_boolean}, {NULL, "false"}, {"-", "3", "1"}, "INTEGER", "-", NULL},
    {"EARLIEST_BY_OFFSET",
     WITH_COUNT(&type_string),
     {NULL, "2"},
     {"-", "c", "a", "b"},
     "ARRAY<STRING>",
     "[c, a]",
     NULL},
    {"LATEST_BY_OFFSET", INT, {0}, {"3", "1", "-"}, "INTEGER", "1", NULL},
    {"LATEST_BY_OFFSET", INT, {0}, {"-"}, "INTEGER", "-", NULL},
    {"LATEST_BY_OFFSET", REAL, {0}, {"1.5", "2.5", "-"}, "DOUBLE", "2.5", NULL},
    {"LATEST_BY_OFFSET", {&decimal_4_2}, {0}, {"1.50", "2.25"}, "DECIMAL(4, 2)", "2.25", NULL},
    {"LATEST_BY_OFFSET", {&type_boolean}, {0}, {"false", "true"}, "BOOLEAN", "true", NULL},
    {"LATEST_BY_OFFSET", {&type_timestamp}, {0}, {"500", "1000"}, "TIMESTAMP", "1970-01-01T00:00:01.000", NULL},
    {"LATEST_BY_OFFSET", TEXT, {0}, {"a long text that needs room", "b", "b", "", "-"}, "STRING", "", NULL},
    {"LATEST_BY_OFFSET", TEXT, {0}, {"b", "a long text that needs room"}, "STRING", "a long text that needs room"},
    {"LATEST_BY_OFFSET", {&integers}, {0}, {"1 2", "3"}, "ARRAY<INTEGER>", "[3]", NULL},
    {"EARLIEST_BY_OFFSET", TEXT, {0}, {"-", "b", "a"}, "STRING", "b", NULL},
    {"EARLIEST_BY_OFFSET", {&type_boolean}, {0}, {"false", "true"}, "BOOLEAN", "false", NULL},
    {"LATEST_BY_OFFSET", {&type_string, &type_boolean}, {NULL, "false"}, {"a", "-"}, "STRING", "-", NULL},
    {"LATEST_BY_OFFSET",
     {&type_string, &type_integer, &type_boolean},
     {NULL, "2", "false"},
     {"a", "b", "c", "-"},
     "ARRAY<STRING>",
     "[c, null]",
     NULL},
    {"LATEST_BY_OFFSET",
     {&type_string, &type_integer, &type_boolean},
     {NULL, "3", "true"},
     {"a", "-"},
     "ARRAY<STRING>",
     "[a]",
     NULL},
    {"TOPK", WITH_COUNT(&type_integer), {NULL, "3"}, {"5", "-", "7", "5"}, "ARRAY<INTEGER>", "[7, 5, 5]", NULL},
    {"TOPK", WITH_COUNT(&type_integer), {NULL, "2"}, {"1", "2", "3", "0"}, "ARRAY<INTEGER>", "[3, 2]", NULL},
    {"TOPK", WITH_COUNT(&type_string), {NULL, "2"}, {"b", "a", "c"}, "ARRAY<STRING>", "[c, b]", NULL},
    {"TOPK",
     {&type_integer, &type_string, &type_integer},
     {NULL, NULL, "2"},
     {"1,a", "5,b", "5,-", "5,d"},
     "ARRAY<STRUCT<`sort_col` INTEGER, `col0` STRING>>",
     "[Struct{sort_col=5,col0=b}, Struct{sort_col=5}]",
     NULL},
    {"TOPKDISTINCT",
     WITH_COUNT(&type_integer),
     {NULL, "3"},
     {"5", "-", "7", "5", "1", "0"},
     "ARRAY<INTEGER>",
     "[7, 5, 1]",
     NULL},
    {"TOPKDISTINCT", WITH_COUNT(&type_double), {NULL, "2"}, {"5", "5"}, "ARRAY<DOUBLE>", "[5.0]", NULL},
    {"HISTOGRAM", TEXT, {0}, {"b", "a", "b", "-"}, "MAP<STRING, BIGINT>", "{b=2, a=1}", "{b=1, a=1}"},
    {"HISTOGRAM", TEXT, {0}, {"b", "a"}, "MAP<STRING, BIGINT>", "{b=1, a=1}", "{a=1}"},
    {"ATTR", TEXT, {0}, {"b", "b"}, "STRING", "b", "b"},
    {"ATTR", TEXT, {0}, {"a", "b", "b"}, "STRING", "-", "b"},
    {"ATTR", INT, {0}, {"-", "1"}, "INTEGER", "-", "1"},
    {"CORRELATION", {&type_double, &type_integer}, {0}, {"1,2", "2,4", "-,7", "3,6"}, "DOUBLE", "1.0", "1.0"},
    {"CORRELATION", {&type_double, &type_integer}, {0}, {"1,3", "2,1", "3,2"}, "DOUBLE", "-0.5", "1.0"},
    {"CORRELATION", {&type_double, &type_integer}, {0}, {"1,3"}, "DOUBLE", "NaN", "NaN"},
};

static struct aggregate_call resolve(const struct call_case *c, struct arena *arena) {
    const struct aggregate_function *function = aggregate_function_find(slice_of(c->function));
    struct value values[4];
    const struct value *constants[4] = {0};
    size_t count = 0;
    struct aggregate_call call = {0};
    struct error error = {0};
    assert_non_null(function);
    for (; count < 4 && c->types[count]; count++)
        if (c->constants[count]) {
            values[count] = value_of(arena, c->types[count], c->constants[count]);
            constants[count] = &values[count];
        }
    if (function->resolve(function, c->types, constants, count, arena, &call, &error) < 0)
        fail_msg("%s", error.message);
    return call;
}

static size_t value_count(const struct call_case *c) {
    size_t count = 0;
    while (count < VALUES_MAXIMUM && c->values[count])
        count++;
    return count;
}

static void arguments_of(const struct call_case *c, const struct aggregate_call *call, size_t i, struct arena *arena,
                         struct value *ret_arguments) {
    char text[100];
    snprintf(text, sizeof text, "%s", c->values[i]);
    char *second = call->argument_count == 2 ? strchr(text, ',') : NULL;
    if (second)
        *second++ = '\0';
    if (call->argument_count)
        ret_arguments[0] = value_of(arena, call->arguments[0], text);
    if (second)
        ret_arguments[1] = value_of(arena, call->arguments[1], second);
    ret_arguments[call->argument_count] = value_of_integer((int64_t)i);
}

/* 8-byte aligned, and no more. */
static void *state_new(const struct aggregate_call *call) {
    return calloc(1, (call->state_size + 7) & ~(size_t)7);
}

static void state_free(const struct aggregate_call *call, void *state) {
    if (call->driver->release)
        call->driver->release(call, state);
    free(state);
}

static void fold(const struct call_case *c, const struct aggregate_call *call, void *state, size_t i,
                 struct arena *arena) {
    struct value arguments[3];
    const char *problem = NULL;
    arguments_of(c, call, i, arena, arguments);
    bool folded = call->driver->fold(call, state, arguments, &problem);
    assert_int_equal(folded, !(c->problem && i + 1 == value_count(c)));
    if (!folded)
        assert_string_equal(problem, c->problem);
}

static void assert_result(const struct call_case *c, const struct aggregate_call *call, const void *state,
                          const char *expected, struct arena *arena) {
    struct value value;
    struct bytes text = {0};
    assert_true(call->driver->result(call, state, arena, &value));
    if (value.null)
        bytes_append_char(&text, '-');
    else
        value_print(&text, call->result, &value);
    bytes_append_char(&text, '\0');
    if (call->result->kind == TYPE_DOUBLE && !value.null && isfinite(value.number) && value.number != 0) {
        if (fabs(value.number - strtod(expected, NULL)) > 1e-12 * fabs(value.number))
            fail_msg("case %zu, %s: %s, not %s", (size_t)(c - cases), c->function, text.data, expected);
    } else if (strcmp(text.data, expected) != 0) {
        fail_msg("case %zu, %s: %s, not %s", (size_t)(c - cases), c->function, text.data, expected);
    }
    bytes_release(&text);
}

static void test_results(void **unused) {
    (void)unused;
    for (const struct call_case *c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
        struct arena arena = {0};
        struct aggregate_call call = resolve(c, &arena);
        void *state = state_new(&call);
        struct slice type = type_text(&arena, call.result);
        if (!slice_equal(type, slice_of(c->result_type)))
            fail_msg("%s gives %.*s, not %s", c->function, (int)type.length, type.data, c->result_type);
        for (size_t i = 0; i < value_count(c); i++)
            fold(c, &call, state, i, &arena);
        if (c->result)
            assert_result(c, &call, state, c->result, &arena);
        state_free(&call, state);
        arena_release(&arena);
    }
}

/* All values by one fold_run give what folding one by one gives, and the bytes that the state has gained. */
static void test_runs(void **unused) {
    (void)unused;
    static const uint32_t rows[VALUES_MAXIMUM] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    size_t tried = 0;
    for (const struct call_case *c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
        struct arena arena = {0};
        struct aggregate_call call = resolve(c, &arena);
        size_t count = value_count(c);
        struct vector vector;
        struct value value;
        const char *problem = NULL;
        char *states[VALUES_MAXIMUM], *state = state_new(&call);
        if (call.argument_count)
            assert_true(vector_allocate(&arena, call.arguments[0], VALUES_MAXIMUM, &vector));
        for (size_t i = 0; i < count; i++) {
            value = call.argument_count ? value_of(&arena, call.arguments[0], c->values[i]) : VALUE_NULL;
            if (call.argument_count)
                vector_set(&vector, i, &value);
            states[i] = state - 16;
        }
        struct aggregate_run run = {.arguments = &vector, .rows = rows, .states = states, .offset = 16, .count = count};
        if (call.driver->fold_run && c->result) {
            tried++;
            assert_true(call.driver->fold_run(&call, &run, &problem));
            assert_result(c, &call, state, c->result, &arena);
            assert_int_equal(run.memory, call.driver->memory ? call.driver->memory(&call, state) : 0);
        } else if (call.driver->fold_run) {
            assert_false(call.driver->fold_run(&call, &run, &problem));
            assert_string_equal(problem, c->problem);
        }
        state_free(&call, state);
        arena_release(&arena);
    }
    assert_true(tried > 40);
}

/* What may be written in a state's way is there again after reading, also what only shows when the state goes on. */
static void test_stored_form(void **unused) {
    (void)unused;
    for (const struct call_case *c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
        struct arena arena = {0};
        struct aggregate_call call = resolve(c, &arena);
        size_t count = value_count(c);
        if (!c->result)
            count = 0;
        for (size_t split = 0; split <= count; split++) {
            void *state = state_new(&call), *back = state_new(&call);
            struct bytes stored = {0};
            for (size_t i = 0; i < split; i++)
                fold(c, &call, state, i, &arena);
            call.driver->write(&call, state, &stored);
            const char *at = stored.data, *end = stored.data + stored.length;
            if (stored.length)
                assert_true(call.driver->read(&call, &at, end, back));
            assert_ptr_equal(at, end);
            for (size_t i = split; i < count; i++)
                fold(c, &call, back, i, &arena);
            if (c->result)
                assert_result(c, &call, back, c->result, &arena);
            for (size_t length = 0; length < stored.length; length++) { /* cut short */
                void *damaged = state_new(&call);
                char *copy = malloc(length ? length : 1);
                memcpy(copy, stored.data, length);
                at = copy;
                assert_false(call.driver->read(&call, &at, copy + length, damaged));
                free(copy);
                state_free(&call, damaged);
            }
            state_free(&call, state);
            state_free(&call, back);
            bytes_release(&stored);
        }
        arena_release(&arena);
    }
}

/* The values before `split` folded into one state, the others into a second, in both orders of merging where the
 * order does not count. */
static void test_merge(void **unused) {
    (void)unused;
    for (const struct call_case *c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
        struct arena arena = {0};
        struct aggregate_call call = resolve(c, &arena);
        bool by_offset = strstr(c->function, "OFFSET") != NULL;
        for (size_t split = 0; c->result && split <= value_count(c); split++) {
            void *first = state_new(&call), *second = state_new(&call);
            const char *problem = NULL;
            for (size_t i = 0; i < value_count(c); i++)
                fold(c, &call, i < split ? first : second, i, &arena);
            assert_non_null(call.driver->merge);
            if (by_offset && split % 2) {
                assert_true(call.driver->merge(&call, second, first, &problem));
                assert_result(c, &call, second, c->result, &arena);
            } else {
                assert_true(call.driver->merge(&call, first, second, &problem));
                assert_result(c, &call, first, c->result, &arena);
            }
            state_free(&call, first);
            state_free(&call, second);
        }
        arena_release(&arena);
    }
}

static void test_undo(void **unused) {
    (void)unused;
    static const char *const undoable[] = {"COUNT",        "SUM",      "AVG",       "STDDEV_SAMP", "STDDEV_SAMPLE",
                                           "COLLECT_LIST", "SUM_LIST", "HISTOGRAM", "ATTR",        "CORRELATION"};
    for (const struct call_case *c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
        struct arena arena = {0};
        struct aggregate_call call = resolve(c, &arena);
        bool expected = false;
        for (size_t i = 0; i < sizeof undoable / sizeof *undoable; i++)
            expected = expected || strcmp(undoable[i], call.function->name) == 0;
        assert_int_equal(call.driver->undo != NULL, expected);
        if (c->undone && value_count(c)) {
            void *state = state_new(&call);
            struct value arguments[3];
            const char *problem = NULL;
            for (size_t i = 0; i < value_count(c); i++)
                fold(c, &call, state, i, &arena);
            arguments_of(c, &call, 0, &arena, arguments);
            assert_true(call.driver->undo(&call, state, arguments, &problem));
            assert_result(c, &call, state, c->undone, &arena);
            state_free(&call, state);
        }
        arena_release(&arena);
    }
}

static void test_refused(void **unused) {
    (void)unused;
    static const struct type *const text[] = {&type_string, &type_string}, *const whole[] = {&type_integer,
                                                                                             &type_integer};
    const struct value none = VALUE_NULL, zero = value_of_integer(0);
    const struct value *columns[] = {NULL, NULL}, *zeroth[] = {NULL, &zero}, *nothing[] = {NULL, &none};
    static const struct {
        const char *function;
        bool text;
        int constants;
        size_t count;
        const char *message;
    } refused[] = {
        {"SUM", true, 0, 1, "SUM does not take (STRING); it takes (INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)"},
        {"SUM", false, 0, 2,
         "SUM does not take (INTEGER, INTEGER); it takes (INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)"},
        {"AVG", false, 0, 0, "AVG does not take (); it takes (INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)"},
        {"COUNT", false, 0, 2, "COUNT does not take (INTEGER, INTEGER); it takes (*) or one argument"},
        {"TOPK", false, 0, 2,
         "TOPK does not take (INTEGER, INTEGER); it takes (col, k) or (col, col, .., k), k as a literal"},
        {"TOPK", false, 1, 2,
         "TOPK does not take (INTEGER, INTEGER); it takes (col, k) or (col, col, .., k), k as a literal"},
        {"TOPKDISTINCT", false, 2, 2,
         "TOPKDISTINCT does not take (INTEGER, INTEGER); it takes (col, k), k as a literal"},
        {"HISTOGRAM", false, 0, 1, "HISTOGRAM does not take (INTEGER); it takes (STRING)"},
        {"LATEST_BY_OFFSET", false, 0, 2,
         "LATEST_BY_OFFSET does not take (INTEGER, INTEGER); it takes (col), (col, ignoreNulls), (col, n) or (col, n, "
         "ignoreNulls), n and ignoreNulls as literals"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct aggregate_function *function = aggregate_function_find(slice_of(refused[i].function));
        struct arena arena = {0};
        struct aggregate_call call;
        struct error error = {0};
        const struct value *const *constants = refused[i].constants == 0   ? columns
                                               : refused[i].constants == 1 ? zeroth
                                                                           : nothing;
        assert_int_equal(function->resolve(function, refused[i].text ? text : whole, constants, refused[i].count,
                                           &arena, &call, &error),
                         ERROR_INVALID);
        assert_string_equal(error.message, refused[i].message);
        arena_release(&arena);
    }
}

static void test_table_of_functions(void **unused) {
    (void)unused;
    size_t count;
    const struct aggregate_function *const *functions = aggregate_functions(&count);
    assert_int_equal(count, 18);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(aggregate_function_find(slice_of(functions[i]->name)), functions[i]);
        assert_true(strlen(functions[i]->signature) > 5 && strlen(functions[i]->description) > 10);
        if (i)
            assert_true(strcmp(functions[i - 1]->name, functions[i]->name) < 0);
    }
    assert_null(aggregate_function_find(SLICE("SUMS")));
    assert_null(aggregate_function_find(SLICE("SU")));
}

/* --- more values than fit into a line
 * -------------------------------------------------------------------------------------------------- */

static int64_t distinct_of(struct aggregate_call *call, void *state) {
    struct arena arena = {0};
    struct value value;
    assert_true(call->driver->result(call, state, &arena, &value));
    arena_release(&arena);
    return value.integer;
}

static void test_count_distinct_of_many(void **unused) {
    (void)unused;
    static const struct call_case c = {"COUNT_DISTINCT", LONG, {0}, {0}, NULL, NULL, NULL, NULL};
    struct arena arena = {0};
    struct aggregate_call call = resolve(&c, &arena);
    void *state = state_new(&call), *half = state_new(&call), *other = state_new(&call), *back = state_new(&call);
    const char *problem = NULL;
    for (int64_t i = 1; i <= 200000; i++) {
        struct value arguments[] = {value_of_integer(i), value_of_integer(i)};
        for (int again = 0; again < 2; again++)
            assert_true(call.driver->fold(&call, state, arguments, &problem));
        assert_true(call.driver->fold(&call, i % 3 ? half : other, arguments, &problem));
        if (i <= 1024)
            assert_int_equal(distinct_of(&call, state), i);
        if (i % 10000 == 0)
            assert_true(fabs((double)distinct_of(&call, state) / (double)i - 1) < 0.05);
    }
    assert_true(call.driver->merge(&call, half, other, &problem));
    assert_int_equal(distinct_of(&call, half), distinct_of(&call, state));
    struct bytes stored = {0};
    call.driver->write(&call, state, &stored);
    const char *at = stored.data;
    assert_true(call.driver->read(&call, &at, at + stored.length, back));
    assert_int_equal(distinct_of(&call, back), distinct_of(&call, state));
    assert_int_equal(call.driver->memory(&call, state), 4096);
    bytes_release(&stored);
    state_free(&call, state);
    state_free(&call, half);
    state_free(&call, other);
    state_free(&call, back);
    arena_release(&arena);
}

static void test_sets_and_limits(void **unused) {
    (void)unused;
    static const struct call_case set_case = {"COLLECT_SET", LONG, {0}, {0}, NULL, NULL, NULL, NULL},
                                  list_case = {"COLLECT_LIST", LONG, {0}, {0}, NULL, NULL, NULL, NULL},
                                  histogram_case = {"HISTOGRAM", TEXT, {0}, {0}, NULL, NULL, NULL, NULL};
    struct arena arena = {0};
    struct aggregate_call set = resolve(&set_case, &arena), list = resolve(&list_case, &arena),
                          histogram = resolve(&histogram_case, &arena);
    void *set_state = state_new(&set), *list_state = state_new(&list), *histogram_state = state_new(&histogram);
    const char *problem = NULL;
    list.limit = 1000;
    for (int64_t i = 0; i < 6000; i++) {
        char text[20];
        struct value whole[] = {value_of_integer(i % 1500), value_of_integer(i)};
        struct value named[] = {
            value_of_text((struct slice){text, (size_t)snprintf(text, sizeof text, "%d", (int)(i % 1500))}),
            value_of_integer(i)};
        assert_true(set.driver->fold(&set, set_state, whole, &problem));
        assert_true(list.driver->fold(&list, list_state, whole, &problem));
        assert_true(histogram.driver->fold(&histogram, histogram_state, named, &problem));
    }
    struct value value;
    assert_true(set.driver->result(&set, set_state, &arena, &value));
    assert_int_equal(value.sequence->count, 1500);
    assert_int_equal(value.sequence->items[1499].integer, 1499);
    assert_true(list.driver->result(&list, list_state, &arena, &value));
    assert_int_equal(value.sequence->count, 1000);
    assert_true(histogram.driver->result(&histogram, histogram_state, &arena, &value));
    assert_int_equal(value.sequence->count, 2000);
    assert_int_equal(value.sequence->items[1].integer, 4);
    for (int i = 0; i < 4; i++) {
        struct value named[] = {value_of_text(SLICE("7")), value_of_integer(0)};
        assert_true(histogram.driver->undo(&histogram, histogram_state, named, &problem));
    }
    assert_true(histogram.driver->result(&histogram, histogram_state, &arena, &value));
    assert_int_equal(value.sequence->count, 1998);
    assert_true(slice_equal(value.sequence->items[14].text, SLICE("8")));
    state_free(&set, set_state);
    state_free(&list, list_state);
    state_free(&histogram, histogram_state);
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_stored_form),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_table_of_functions),
        cmocka_unit_test(test_count_distinct_of_many),
        cmocka_unit_test(test_sets_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

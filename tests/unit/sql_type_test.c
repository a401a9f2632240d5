/* SQL types: how they print, which are equal, what two have in common, what coerces and what only a CAST does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "model/type.h"

enum { COUNT_OF_TYPES = 20 };

/* The types that the tables below name by their printed form. */
static const struct type **all_types(struct arena *arena) {
    const struct type **types = arena_allocate(arena, COUNT_OF_TYPES * sizeof *types);
    const struct type *decimal = type_decimal(arena, 4, 2), *wide = type_decimal(arena, 38, 10);
    struct type_field *fields = arena_allocate(arena, 3 * sizeof *fields);
    fields[0] = (struct type_field){SLICE("A"), &type_integer};
    fields[1] = (struct type_field){SLICE("b`c"), decimal};
    fields[2] = (struct type_field){SLICE("A"), &type_bigint};
    size_t n = 0;
    types[n++] = &type_boolean;
    types[n++] = &type_integer;
    types[n++] = &type_bigint;
    types[n++] = &type_double;
    types[n++] = &type_string;
    types[n++] = &type_bytes;
    types[n++] = &type_date;
    types[n++] = &type_time;
    types[n++] = &type_timestamp;
    types[n++] = decimal;
    types[n++] = wide;
    types[n++] = type_decimal(arena, 12, 2);
    types[n++] = type_array(arena, &type_integer);
    types[n++] = type_array(arena, &type_bigint);
    types[n++] = type_map(arena, &type_string, &type_integer);
    types[n++] = type_map(arena, &type_string, &type_double);
    types[n++] = type_struct(arena, fields, 2);
    types[n++] = type_struct(arena, fields + 2, 1);
    types[n++] = &type_null;
    types[n++] = type_array(arena, type_array(arena, &type_string));
    assert_int_equal(n, COUNT_OF_TYPES);
    return types;
}

static const struct type *type_named(struct arena *arena, const char *name) {
    const struct type **types = all_types(arena);
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        if (slice_equal(type_text(arena, types[i]), slice_of(name)))
            return types[i];
    fail_msg("no type prints as %s", name);
    return NULL;
}

static void test_print(void **state) {
    (void)state;
    static const char *const names[] = {"BOOLEAN",
                                        "INTEGER",
                                        "BIGINT",
                                        "DOUBLE",
                                        "STRING",
                                        "BYTES",
                                        "DATE",
                                        "TIME",
                                        "TIMESTAMP",
                                        "DECIMAL(4, 2)",
                                        "DECIMAL(38, 10)",
                                        "DECIMAL(12, 2)",
                                        "ARRAY<INTEGER>",
                                        "ARRAY<BIGINT>",
                                        "MAP<STRING, INTEGER>",
                                        "MAP<STRING, DOUBLE>",
                                        "STRUCT<`A` INTEGER, `b``c` DECIMAL(4, 2)>",
                                        "STRUCT<`A` BIGINT>",
                                        "NULL",
                                        "ARRAY<ARRAY<STRING>>"};
    struct arena arena = {0};
    const struct type **types = all_types(&arena);
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        assert_string_equal(type_text(&arena, types[i]).data, names[i]);
    arena_release(&arena);
}

/* Each type equals its copy, also when what it was copied from is gone, and no other. */
static void test_equal(void **state) {
    (void)state;
    struct arena first = {0}, second = {0}, third = {0};
    const struct type **types = all_types(&first), *copies[COUNT_OF_TYPES];
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        copies[i] = type_copy(&second, types[i]);
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        for (size_t j = 0; j < COUNT_OF_TYPES; j++)
            assert_int_equal(type_equal(types[i], copies[j]), i == j);
    arena_release(&first);
    types = all_types(&third);
    for (size_t i = 0; i < COUNT_OF_TYPES; i++)
        assert_true(type_equal(types[i], copies[i]));
    arena_release(&second);
    arena_release(&third);
}

static void test_common(void **state) {
    (void)state;
    static const struct {
        const char *a, *b, *common;
    } cases[] = {
        {"INTEGER", "INTEGER", "INTEGER"},
        {"INTEGER", "BIGINT", "BIGINT"},
        {"INTEGER", "DOUBLE", "DOUBLE"},
        {"BIGINT", "DOUBLE", "DOUBLE"},
        {"DECIMAL(4, 2)", "DOUBLE", "DOUBLE"},
        {"DECIMAL(4, 2)", "INTEGER", "DECIMAL(12, 2)"},
        {"DECIMAL(4, 2)", "BIGINT", "DECIMAL(21, 2)"},
        {"DECIMAL(4, 2)", "DECIMAL(12, 2)", "DECIMAL(12, 2)"},
        {"DECIMAL(4, 2)", "DECIMAL(38, 10)", "DECIMAL(38, 10)"},
        {"STRING", "INTEGER", NULL},
        {"BOOLEAN", "INTEGER", NULL},
        {"DATE", "TIMESTAMP", NULL},
        {"STRING", "DATE", NULL},
        {"NULL", "DATE", "DATE"},
        {"ARRAY<INTEGER>", "NULL", "ARRAY<INTEGER>"},
        {"ARRAY<INTEGER>", "ARRAY<BIGINT>", "ARRAY<BIGINT>"},
        {"ARRAY<INTEGER>", "ARRAY<ARRAY<STRING>>", NULL},
        {"MAP<STRING, INTEGER>", "MAP<STRING, DOUBLE>", "MAP<STRING, DOUBLE>"},
        {"MAP<STRING, INTEGER>", "ARRAY<INTEGER>", NULL},
        {"STRUCT<`A` INTEGER, `b``c` DECIMAL(4, 2)>", "STRUCT<`A` BIGINT>", "STRUCT<`A` BIGINT, `b``c` DECIMAL(4, 2)>"},
        {"STRUCT<`A` BIGINT>", "STRUCT<`A` INTEGER, `b``c` DECIMAL(4, 2)>", "STRUCT<`A` BIGINT, `b``c` DECIMAL(4, 2)>"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool failed = false;
        const struct type *a = type_named(&arena, cases[i].a), *b = type_named(&arena, cases[i].b);
        const struct type *common = type_common(&arena, a, b, &failed);
        assert_false(failed);
        if (!cases[i].common)
            assert_null(common);
        else
            assert_string_equal(type_text(&arena, common).data, cases[i].common);
        assert_int_equal(common != NULL, type_common(&arena, b, a, &failed) != NULL);
    }
    arena_release(&arena);
}

/* Too many digits: those after the point give way, down to six. */
static void test_fitting(void **state) {
    (void)state;
    static const struct {
        unsigned whole, scale, precision, ret_scale;
    } cases[] = {{3, 2, 5, 2},    {0, 0, 1, 0},   {38, 0, 38, 0}, {20, 30, 38, 18},
                 {36, 30, 38, 6}, {40, 3, 38, 3}, {0, 38, 38, 38}};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct type *type = type_decimal_fitting(&arena, cases[i].whole, cases[i].scale);
        assert_int_equal(type->precision, cases[i].precision);
        assert_int_equal(type->scale, cases[i].ret_scale);
    }
    assert_true(type_decimal_valid(38, 38));
    assert_false(type_decimal_valid(39, 0));
    assert_false(type_decimal_valid(0, 0));
    assert_false(type_decimal_valid(4, 5));
    assert_false(type_decimal_valid(4, -1));
    arena_release(&arena);
}

static void test_coercion(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        bool coercible, castable;
    } cases[] = {
        {"INTEGER", "BIGINT", true, true},
        {"BIGINT", "INTEGER", false, true},
        {"INTEGER", "DECIMAL(12, 2)", true, true},
        {"INTEGER", "DECIMAL(4, 2)", false, true},
        {"BIGINT", "DECIMAL(12, 2)", false, true},
        {"BIGINT", "DECIMAL(38, 10)", true, true},
        {"DECIMAL(4, 2)", "DOUBLE", true, true},
        {"DOUBLE", "DECIMAL(4, 2)", false, true},
        {"DECIMAL(4, 2)", "INTEGER", false, true},
        {"DECIMAL(12, 2)", "DECIMAL(4, 2)", false, true},
        {"DECIMAL(4, 2)", "DECIMAL(12, 2)", true, true},
        {"NULL", "DATE", true, true},
        {"INTEGER", "STRING", false, true},
        {"BYTES", "STRING", false, false},
        {"STRING", "BYTES", false, false},
        {"STRING", "BOOLEAN", false, true},
        {"STRING", "TIMESTAMP", false, true},
        {"BOOLEAN", "INTEGER", false, false},
        {"INTEGER", "BOOLEAN", false, false},
        {"BIGINT", "TIMESTAMP", false, false},
        {"TIMESTAMP", "BIGINT", false, false},
        {"TIMESTAMP", "DATE", false, true},
        {"TIMESTAMP", "TIME", false, true},
        {"DATE", "TIMESTAMP", false, true},
        {"DATE", "TIME", false, false},
        {"TIME", "TIMESTAMP", false, false},
        {"ARRAY<INTEGER>", "ARRAY<BIGINT>", true, true},
        {"ARRAY<BIGINT>", "ARRAY<INTEGER>", false, true},
        {"ARRAY<INTEGER>", "STRING", false, true},
        {"STRING", "ARRAY<INTEGER>", false, false},
        {"MAP<STRING, INTEGER>", "MAP<STRING, DOUBLE>", true, true},
        {"STRUCT<`A` INTEGER, `b``c` DECIMAL(4, 2)>", "STRUCT<`A` BIGINT>", true, true},
        {"STRUCT<`A` BIGINT>", "STRUCT<`A` INTEGER, `b``c` DECIMAL(4, 2)>", false, true},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct type *from = type_named(&arena, cases[i].from), *to = type_named(&arena, cases[i].to);
        if (type_coercible(from, to) != cases[i].coercible || type_castable(from, to) != cases[i].castable)
            fail_msg("%s to %s", cases[i].from, cases[i].to);
    }
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),   cmocka_unit_test(test_equal),    cmocka_unit_test(test_common),
        cmocka_unit_test(test_fitting), cmocka_unit_test(test_coercion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SQL values: exact decimals, numbers and times as Java writes and reads them, order, stored form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/decimal.h"
#include "model/java_number.h"
#include "model/time/time_text.h"
#include "model/value.h"
#include "model/vector.h"

/* --- decimals
 * ------------------------------------------------------------------------------------------------------------------ */

static decimal decimal_of(const char *text, unsigned scale) {
    decimal value;
    if (!decimal_read(slice_of(text), (struct decimal_shape){38, scale}, &value))
        fail_msg("not a decimal: %s", text);
    return value;
}

static const char *decimal_shown(decimal value, unsigned scale) {
    static char text[DECIMAL_TEXT_SIZE + 1];
    text[decimal_write(text, value, scale)] = '\0';
    return text;
}

/* Results that Python's decimal module gives with ROUND_HALF_UP. */
static void test_decimal_arithmetic(void **state) {
    (void)state;
    static const struct {
        const char *a;
        unsigned scale_a;
        char op;
        const char *b;
        unsigned scale_b, precision, scale;
        const char *result; /* NULL: does not fit */
    } cases[] = {
        {"1.5", 1, '+', "2.25", 2, 4, 2, "3.75"},
        {"9.9", 1, '+', "0.1", 1, 2, 1, NULL},
        {"9.9", 1, '+', "0.1", 1, 3, 1, "10.0"},
        {"1.5", 1, '-', "2.25", 2, 4, 2, "-0.75"},
        {"99999999999999999999999999999999999999", 0, '+', "1", 0, 38, 0, NULL},
        {"99999999999999999999999999999999999999", 0, '-', "99999999999999999999999999999999999998", 0, 38, 0, "1"},
        {"-99999999999999999999999999999999999999", 0, '-', "99999999999999999999999999999999999999", 0, 38, 0, NULL},
        {"1.5", 1, '*', "-2.25", 2, 6, 3, "-3.375"},
        {"12345678901234567890", 0, '*', "12345678901234567890", 0, 38, 0, NULL},
        {"1234567890123456789.12345", 5, '*', "9876543210.98765", 5, 38, 8, "12193263113702174189026044047.05227539"},
        {"0.00000000000000000001", 20, '*', "0.00000000000000000001", 20, 38, 38,
         "0.00000000000000000000000000000000000000"},
        {"0.5", 1, '*', "0.5", 1, 2, 1, "0.3"},
        {"-0.5", 1, '*', "0.5", 1, 2, 1, "-0.3"},
        {"1", 0, '/', "3", 0, 7, 6, "0.333333"},
        {"2", 0, '/', "3", 0, 7, 6, "0.666667"},
        {"-2", 0, '/', "3", 0, 7, 6, "-0.666667"},
        {"1", 0, '/', "0", 0, 7, 6, NULL},
        {"1", 0, '/', "99999999999999999999999999999999999999", 0, 38, 38, "0.00000000000000000000000000000000000001"},
        {"99999999999999999999999999999999999999", 0, '/', "0.00000000000000000000000000000000000001", 38, 38, 0, NULL},
        {"0.00000000000000000000000000000000000002", 38, '/', "0.00000000000000000000000000000000000004", 38, 38, 38,
         "0.50000000000000000000000000000000000000"},
        {"12345678901234567890123456.789", 3, '/', "7.25", 2, 38, 6, "1702852262239250743465304.384690"},
        {"7.5", 1, '/', "2", 0, 1, 0, "4"},
        {"1.23456789", 8, '/', "1", 0, 3, 2, "1.23"},
        {"7.5", 1, '%', "2", 0, 2, 1, "1.5"},
        {"-7.5", 1, '%', "2", 0, 2, 1, "-1.5"},
        {"7.5", 1, '%', "-2", 0, 2, 1, "1.5"},
        {"7", 0, '%', "0.3", 1, 2, 1, "0.1"},
        {"99999999999999999999999999999999999999", 0, '%', "0.00000000000000000000000000000000000007", 38, 38, 38,
         "0.00000000000000000000000000000000000002"},
        {"0.7", 1, '%', "99999999999999999999999999999999999999", 0, 38, 1, "0.7"},
        {"7", 0, '%', "0", 0, 2, 1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool (*function)(decimal, unsigned, decimal, unsigned, struct decimal_shape, decimal *) =
            cases[i].op == '+'   ? decimal_add
            : cases[i].op == '-' ? decimal_subtract
            : cases[i].op == '*' ? decimal_multiply
            : cases[i].op == '/' ? decimal_divide
                                 : decimal_remainder;
        decimal result = 12345, a = decimal_of(cases[i].a, cases[i].scale_a),
                b = decimal_of(cases[i].b, cases[i].scale_b);
        bool good = function(a, cases[i].scale_a, b, cases[i].scale_b,
                             (struct decimal_shape){cases[i].precision, cases[i].scale}, &result);
        if (good != (cases[i].result != NULL))
            fail_msg("case %zu: %s", i, good ? decimal_shown(result, cases[i].scale) : "does not fit");
        if (good)
            assert_string_equal(decimal_shown(result, cases[i].scale), cases[i].result);
        else
            assert_true(result == 12345);
    }
}

static void test_decimal_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned precision, scale;
        const char *shown;
    } cases[] = {
        {"0", 1, 0, "0"},
        {"-0.00", 3, 2, "0.00"},
        {"12.345", 4, 2, "12.35"},
        {"12.344", 4, 2, "12.34"},
        {"-12.345", 4, 2, "-12.35"},
        {"99.995", 4, 2, NULL},
        {"99.994", 4, 2, "99.99"},
        {"1e2", 4, 0, "100"},
        {"1e2", 2, 0, NULL},
        {"12345e-3", 5, 3, "12.345"},
        {".5", 1, 0, "1"},
        {"5.", 1, 0, "5"},
        {"0.049", 2, 1, "0.0"},
        {"0.05", 2, 1, "0.1"},
        {"1e-400", 2, 1, "0.0"},
        {"0e999", 2, 1, "0.0"},
        {"", 2, 1, NULL},
        {".", 2, 1, NULL},
        {"1.2.3", 2, 1, NULL},
        {"1e", 2, 1, NULL},
        {"+7", 2, 1, "7.0"},
        {" 7", 2, 1, NULL},
        {"1e99999999999", 2, 1, NULL},
        {"0.001", 3, 3, "0.001"},
        {"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999"},
        {"100000000000000000000000000000000000000", 38, 0, NULL},
        {"0.99999999999999999999999999999999999999", 38, 38, "0.99999999999999999999999999999999999999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        decimal value;
        bool good =
            decimal_read(slice_of(cases[i].text), (struct decimal_shape){cases[i].precision, cases[i].scale}, &value);
        if (good != (cases[i].shown != NULL))
            fail_msg("%s", cases[i].text);
        if (good)
            assert_string_equal(decimal_shown(value, cases[i].scale), cases[i].shown);
    }
}

static void test_decimal_order(void **state) {
    (void)state;
    assert_int_equal(decimal_compare(15, 1, 150, 2), 0);
    assert_int_equal(decimal_compare(15, 1, 151, 2), -1);
    assert_int_equal(decimal_compare(-15, 1, -151, 2), 1);
    assert_int_equal(decimal_compare(decimal_of("99999999999999999999999999999999999999", 0), 0, 1, 38), 1);
    assert_int_equal(decimal_compare_double(1, 1, 0.1), 0);
    assert_int_equal(decimal_compare_double(decimal_of("0.1000000000000000000001", 22), 22, 0.1), 1);
    assert_int_equal(decimal_compare_double(decimal_of("0.0999999999999999999999", 22), 22, 0.1), -1);
    assert_int_equal(decimal_compare_double(5, 0, 1e300), -1);
    assert_int_equal(decimal_compare_double(5, 0, -1e300), 1);
    assert_int_equal(decimal_compare_double(0, 38, 1e-300), -1);
    assert_int_equal(decimal_compare_double(0, 0, 0.0), 0);
    assert_int_equal(decimal_compare_double(1, 38, 1e-38), 0);
    assert_int_equal(decimal_compare_double(123, 38, 1.23456789e-36), -1);
    assert_true(decimal_to_double(decimal_of("0.1", 30), 30) == 0.1);
    assert_true(decimal_to_double(decimal_of("12345678901234567890.5", 3), 3) == 12345678901234567890.5);
}

/* --- numbers and times as text
 * ------------------------------------------------------------------------------------------------------- */

static void test_double_text(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-10.5, "-10.5"},
        {100.0, "100.0"},
        {1e6, "1000000.0"},
        {9999999.0, "9999999.0"},
        {1e7, "1.0E7"},
        {12345678.0, "1.2345678E7"},
        {1e10, "1.0E10"},
        {1.5e300, "1.5E300"},
        {0.001, "0.001"},
        {0.00123, "0.00123"},
        {0.0001, "1.0E-4"},
        {0.00012345, "1.2345E-4"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "4.9E-324"},
        {1e23, "1.0E23"},
        {123456789012345680.0, "1.2345678901234568E17"},
        {NAN, "NaN"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {9007199254740993.0, "9.007199254740992E15"},
        {100.25, "100.25"},
        {3.0e-3, "0.003"},
        {0.5, "0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[JAVA_DOUBLE_SIZE + 1];
        double back;
        text[java_write_double(text, cases[i].value)] = '\0';
        assert_string_equal(text, cases[i].text);
        assert_true(java_read_double(slice_of(text), &back));
        assert_true(back == cases[i].value || isnan(back));
    }
}

static void test_read_numbers(void **state) {
    (void)state;
    double number;
    static const char *const bad[] = {"",    " ",   "a",        "1,5", "0x10", "1e", "e5",
                                      "1 2", "--1", "infinity", "nan", ".",    "+",  "1.5.2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(java_read_double(slice_of(bad[i]), &number));
    assert_true(java_read_double(SLICE(" -1.5e3\n"), &number) && number == -1500);
    assert_true(java_read_double(SLICE("2d"), &number) && number == 2);
    assert_true(java_read_double(SLICE("-1e999"), &number) && number == -INFINITY);
    assert_true(java_read_double(SLICE("+Infinity"), &number) && number == INFINITY);
    int64_t integer;
    assert_true(java_read_integer(SLICE(" 42 "), INT32_MIN, INT32_MAX, &integer) && integer == 42);
    assert_false(java_read_integer(SLICE("2147483648"), INT32_MIN, INT32_MAX, &integer));
    assert_true(java_read_integer(SLICE("-2147483648"), INT32_MIN, INT32_MAX, &integer) && integer == INT32_MIN);
    assert_false(java_read_integer(SLICE("1.0"), INT32_MIN, INT32_MAX, &integer));
    assert_true(java_double_to_integer(3e9, INT32_MIN, INT32_MAX) == INT32_MAX);
    assert_true(java_double_to_integer(-1e30, INT64_MIN, INT64_MAX) == INT64_MIN);
    assert_true(java_double_to_integer(1e30, INT64_MIN, INT64_MAX) == INT64_MAX);
    assert_true(java_double_to_integer(-1.9, INT32_MIN, INT32_MAX) == -1);
    assert_true(java_double_to_integer(NAN, INT32_MIN, INT32_MAX) == 0);
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
        const char *shown; /* NULL: not a timestamp */
    } cases[] = {
        {"1970-01-01", 0, "1970-01-01T00:00:00.000"},
        {"2018-01-01T00:00:00", INT64_C(1514764800000), "2018-01-01T00:00:00.000"},
        {"2020-05", INT64_C(1588291200000), "2020-05-01T00:00:00.000"},
        {"2020", INT64_C(1577836800000), "2020-01-01T00:00:00.000"},
        {"2020-02-29T23:59:59.999Z", INT64_C(1583020799999), "2020-02-29T23:59:59.999"},
        {"2020-02-29 10", INT64_C(1582970400000), "2020-02-29T10:00:00.000"},
        {"2020-02-29T10:30+01:00", INT64_C(1582968600000), "2020-02-29T09:30:00.000"},
        {"2020-02-29T10:30:15.5-0230", INT64_C(1582981215500), "2020-02-29T13:00:15.500"},
        {"1969-12-31T23:59:59.999", -1, "1969-12-31T23:59:59.999"},
        {"0001-01-01", INT64_C(-62135596800000), "0001-01-01T00:00:00.000"},
        {"-0044-03-15", INT64_C(-63549360000000), "-0044-03-15T00:00:00.000"},
        {"2019-02-29", 0, NULL},
        {"2020-13-01", 0, NULL},
        {"2020-1-01", 0, NULL},
        {"2020-01-01T24:00", 0, NULL},
        {"2020-01-01T10:00:60", 0, NULL},
        {"2020-01-01T10:00:00.", 0, NULL},
        {"2020-01-01T10:00:00x", 0, NULL},
        {"", 0, NULL},
        {"abc", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t milliseconds;
        bool good = time_text_read_timestamp(slice_of(cases[i].text), &milliseconds);
        if (good != (cases[i].shown != NULL))
            fail_msg("%s", cases[i].text);
        if (!good)
            continue;
        char text[TIME_TEXT_SIZE + 1];
        text[time_text_write_timestamp(text, milliseconds)] = '\0';
        assert_string_equal(text, cases[i].shown);
        assert_true(milliseconds == cases[i].milliseconds);
    }
    int64_t value;
    assert_true(time_text_read_time(SLICE("10:15"), &value) && value == 36900000);
    assert_true(time_text_read_time(SLICE("23:59:59.999999999"), &value) && value == 86399999);
    assert_false(time_text_read_time(SLICE("10"), &value));
    assert_false(time_text_read_date(SLICE("2020-01-01T00:00"), &value));
    assert_true(time_text_read_date(SLICE("2020-01"), &value) && value == 18262);
    for (int64_t days = -800000; days < 800000; days += 97) {
        struct civil_date date = civil_from_days(days);
        assert_true(civil_valid(date));
        assert_true(civil_to_days(date) == days);
    }
    for (int64_t days = INT64_C(-365243219162); days < INT64_C(365241780471); days += INT64_C(36524178047))
        assert_true(civil_to_days(civil_from_days(days)) == days);
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_text_order(void **state) {
    (void)state;
    static const char *const ascending[] = {
        "", "A", "B", "a", "aa", "b", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xee\x80\x80", "\xef\xbc\xa1"};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++)
        for (size_t j = 0; j < sizeof ascending / sizeof *ascending; j++)
            assert_int_equal(value_compare_text(slice_of(ascending[i]), slice_of(ascending[j])), (i > j) - (i < j));
}

struct sample {
    const struct type *type;
    struct value value;
    const char *shown;
};

/* Values of every type; those of equal type stand in ascending order. */
static size_t make_samples(struct arena *arena, struct sample *samples) {
    static const struct value numbers[] = {{.integer = 1}, {.null = true}, {.integer = -3}};
    static const struct value pairs[] = {{.text = {"k", 1}}, {.integer = 7}, {.text = {"l", 1}}, {.null = true}};
    static const struct value fields[] = {{.integer = 4}, {.null = true}};
    static const struct sequence array = {3, numbers}, map = {4, pairs}, row = {2, fields}, empty = {0, numbers};
    static const struct type_field names[] = {{{"A", 1}, &type_integer}, {{"b", 1}, &type_string}};
    const struct type *decimal_type = type_decimal(arena, 6, 2), *array_type = type_array(arena, &type_integer);
    struct sample all[] = {
        {&type_boolean, VALUE_NULL, ""},
        {&type_boolean, {.boolean = false}, "false"},
        {&type_boolean, {.boolean = true}, "true"},
        {&type_integer, {.integer = INT32_MIN}, "-2147483648"},
        {&type_integer, {.integer = 5}, "5"},
        {&type_bigint, {.integer = INT64_MIN}, "-9223372036854775808"},
        {&type_bigint, {.integer = INT64_MAX}, "9223372036854775807"},
        {&type_double, {.number = -0.0}, "-0.0"},
        {&type_double, {.number = 0.0}, "0.0"},
        {&type_double, {.number = 1e10}, "1.0E10"},
        {&type_double, {.number = NAN}, "NaN"},
        {decimal_type, {.decimal = -5}, "-0.05"},
        {decimal_type, {.decimal = 1250}, "12.50"},
        {&type_string, {.text = {"", 0}}, ""},
        {&type_string, {.text = {"abc", 3}}, "abc"},
        {&type_bytes, {.text = {"a\0b", 3}}, NULL},
        {&type_date, {.integer = 18292}, "2020-01-31"},
        {&type_time, {.integer = 36900000}, "10:15"},
        {&type_time, {.integer = 36900001}, "10:15:00.001"},
        {&type_timestamp, {.integer = 0}, "1970-01-01T00:00:00.000"},
        {array_type, {.sequence = &empty}, "[]"},
        {array_type, {.sequence = &array}, "[1, null, -3]"},
        {type_map(arena, &type_string, &type_integer), {.sequence = &map}, "{k=7, l=null}"},
        {type_struct(arena, names, 2), {.sequence = &row}, "Struct{A=4}"},
    };
    memcpy(samples, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void test_values(void **state) {
    (void)state;
    struct arena arena = {0}, other = {0};
    struct sample samples[64];
    size_t count = make_samples(&arena, samples);
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &samples[i];
        struct bytes shown = {0}, stored = {0};
        value_print(&shown, sample->type, &sample->value);
        if (sample->shown)
            assert_true(slice_equal(bytes_slice(&shown), slice_of(sample->shown)));
        value_write(&stored, sample->type, &sample->value);
        struct value copy, read;
        assert_true(value_copy(&other, sample->type, &sample->value, &copy));
        const char *at = stored.data, *end = at + stored.length;
        assert_true(value_read(&at, end, sample->type, &other, &read));
        assert_ptr_equal(at, end);
        assert_int_equal(value_compare(sample->type, &sample->value, &read), 0);
        assert_int_equal(value_compare(sample->type, &copy, &read), 0);
        assert_true(value_hash(sample->type, &copy) == value_hash(sample->type, &sample->value));
        for (size_t cut = 0; cut < stored.length; cut++) {
            at = stored.data;
            assert_false(value_read(&at, at + cut, sample->type, &other, &read));
        }
        if (i && samples[i - 1].type == sample->type)
            assert_int_equal(value_compare(sample->type, &samples[i - 1].value, &sample->value), -1);
        bytes_release(&shown);
        bytes_release(&stored);
    }
    arena_release(&arena);
    arena_release(&other);
}

static void test_vectors(void **state) {
    (void)state;
    struct arena arena = {0};
    struct sample samples[64];
    size_t count = make_samples(&arena, samples);
    for (size_t i = 0; i < count; i++) {
        const struct type *type = samples[i].type;
        struct vector vector, constant, copy;
        struct selection rows;
        struct value got;
        assert_true(vector_allocate(&arena, type, 8, &vector) && vector_allocate(&arena, type, 8, &copy));
        assert_true(vector_constant(&arena, type, &samples[i].value, &constant));
        assert_true(selection_all(&arena, 8, &rows));
        for (size_t row = 0; row < 8; row++)
            vector_set(&vector, row, row % 2 ? &samples[i].value : &VALUE_NULL);
        vector_copy_rows(&copy, &vector, &rows);
        vector_get(&copy, 2, &got);
        assert_true(got.null);
        vector_get(&copy, 3, &got);
        assert_int_equal(value_compare(type, &got, &samples[i].value), 0);
        vector_get(&constant, 1234, &got);
        assert_int_equal(value_compare(type, &got, &samples[i].value), 0);
        vector_copy_rows(&copy, &constant, &rows);
        vector_get(&copy, 2, &got);
        assert_int_equal(value_compare(type, &got, &samples[i].value), 0);
    }
    arena_release(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_arithmetic),
        cmocka_unit_test(test_decimal_text),
        cmocka_unit_test(test_decimal_order),
        cmocka_unit_test(test_double_text),
        cmocka_unit_test(test_read_numbers),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_text_order),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

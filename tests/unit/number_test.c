/* Numbers as text: the shortest digits that read back the same double, laid out as number.h says; reading is
 * correctly rounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

static double double_of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t random_next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static void assert_writes(double value, const char *text) {
    char to[NUMBER_DOUBLE_SIZE + 1];
    to[number_write_double(to, value)] = '\0';
    assert_string_equal(to, text);
}

static void test_write_double(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {3, "3"},
        {-240, "-240"},
        {240.5, "240.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {-2.0 / 3, "-0.6666666666666666"},
        {123456.789, "123456.789"},
        {0.001, "0.001"},
        {0.005, "0.005"},
        {4.216, "4.216"},
        {999999999999.999, "999999999999.999"},
        {1e-6, "0.000001"},
        {1.5e-6, "0.0000015"},
        {9.99e-7, "9.99e-7"},
        {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {99999999, "99999999"},
        {100000000, "100000000"},
        {1e15, "1000000000000000"},
        {1e16, "10000000000000000"},
        {12345678901234567.0, "12345678901234568"},
        {9007199254740993.0, "9007199254740992"},
        {9007199254740991.0, "9007199254740991"},
        {72057594037927936.0, "72057594037927940"},
        {99999999999999984.0, "99999999999999980"},
        {1e17, "1e+17"},
        {1.5e17, "1.5e+17"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {9.5367431640625e-7, "9.5367431640625e-7"},
        {5e-324, "5e-324"},
        {-5e-324, "-5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {DBL_EPSILON, "2.220446049250313e-16"},
        {9.007199254740993e22, "9.007199254740994e+22"},
        {2e-323, "2e-323"},
        {4.35, "4.35"},
        {299792458.123, "299792458.123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_writes(cases[i].value, cases[i].text);
}

/* The significant digits of a number as text, without point, exponent, leading and trailing zeros. */
static size_t significant_digits(const char *text, size_t length, char *digits) {
    size_t count = 0;
    for (size_t i = 0; i < length && text[i] != 'e'; i++)
        if (text[i] >= '0' && text[i] <= '9' && (count || text[i] != '0'))
            digits[count++] = text[i];
    while (count && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return count;
}

/* What is written reads back the same by strtod and by us, is as short as the shortest %.Ne that does, and of these
 * the closest to the value. */
static void assert_shortest(double value) {
    char text[NUMBER_DOUBLE_SIZE + 1], expected[40], digits[40], expected_digits[40];
    size_t length = number_write_double(text, value);
    assert_true(length < NUMBER_DOUBLE_SIZE);
    text[length] = '\0';
    double back = 0;
    if (!number_read_double((struct slice){text, length}, &back) || bits_of_double(back) != bits_of_double(value) ||
        bits_of_double(strtod(text, NULL)) != bits_of_double(value))
        fail_msg("%a is written as %s, which reads back as %a", value, text, back);
    /* A decimal one digit shorter must not read back; %.Ne is correctly rounded, so it is the closest of its length. */
    size_t count = significant_digits(text, length, digits);
    if (count == 0)
        return;
    snprintf(expected, sizeof expected, "%.*e", (int)count - 1, value);
    if (count > 1) {
        char shorter[40];
        snprintf(shorter, sizeof shorter, "%.*e", (int)count - 2, value);
        if (strtod(shorter, NULL) == value)
            fail_msg("%a is written as %s, but %s is enough", value, text, shorter);
    }
    significant_digits(expected, strlen(expected), expected_digits);
    if (strtod(expected, NULL) == value && strcmp(digits, expected_digits) != 0)
        fail_msg("%a is written as %s, but %s is closer", value, text, expected);
}

static void test_write_random_bits(void **state) {
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 300000; i++) {
        double value = double_of_bits(random_next(&seed));
        if (isfinite(value))
            assert_shortest(value);
    }
}

static void test_write_random_like_readings(void **state) {
    (void)state;
    uint64_t seed = UINT64_C(88172645463325252);
    static const double scales[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 7, 60};
    for (int i = 0; i < 200000; i++) {
        uint64_t word = random_next(&seed);
        assert_shortest((double)(word >> (10 + i % 40)) / scales[(size_t)i % (sizeof scales / sizeof *scales)]);
    }
}

static void test_write_edges(void **state) {
    (void)state;
    for (uint64_t exponent = 0; exponent < 2047; exponent++) /* powers of two: the interval is not symmetric there */
        for (int64_t near = -2; near <= 2; near++)
            if (exponent || near >= 0)
                assert_shortest(double_of_bits((exponent << 52) + (uint64_t)near));
    for (uint64_t bits = 0; bits < 3000; bits++) /* the smallest denormals */
        assert_shortest(double_of_bits(bits));
    for (int bit = 0; bit < 52; bit++)
        assert_shortest(double_of_bits(UINT64_C(1) << bit));
    for (int power = -323; power <= 308; power++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", power);
        uint64_t bits = bits_of_double(strtod(text, NULL));
        for (int64_t near = -2; near <= 2; near++)
            assert_shortest(double_of_bits(bits + (uint64_t)near));
    }
    for (int64_t near = -3; near <= 0; near++)
        assert_shortest(double_of_bits(bits_of_double(DBL_MAX) + (uint64_t)near));
}

static void test_write_thousandths(void **state) {
    (void)state;
    for (int i = 0; i < 300000; i++) {
        char text[32], expected[32];
        int length = snprintf(expected, sizeof expected, "%d.%03d", i / 1000, i % 1000);
        while (expected[length - 1] == '0')
            length--;
        if (expected[length - 1] == '.')
            length--;
        expected[length] = '\0';
        text[number_write_double(text, i / 1000.0)] = '\0';
        assert_string_equal(text, expected);
    }
}

static void test_integer(void **state) {
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        int64_t value = (int64_t)random_next(&seed) >> i % 64, back;
        char text[NUMBER_INTEGER_SIZE], expected[32];
        size_t length = number_write_integer(text, value);
        assert_int_equal(length, snprintf(expected, sizeof expected, "%ld", value));
        assert_memory_equal(text, expected, length);
        assert_true(number_read_integer((struct slice){text, length}, &back) && back == value);
    }
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+7", 7},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = -1;
        assert_true(number_read_integer(slice_of(good[i].text), &value));
        assert_true(value == good[i].value);
        char text[NUMBER_INTEGER_SIZE];
        if (i >= 4)
            assert_memory_equal(text, good[i].text, number_write_integer(text, value));
    }
    static const char *const bad[] = {
        "",   "-", "+", "1.0", " 1", "1 ", "0x1", "9223372036854775808", "-9223372036854775809", "99999999999999999999",
        "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 77;
        assert_false(number_read_integer(slice_of(bad[i]), &value));
        assert_int_equal(value, 77);
    }
    assert_false(number_read_integer((struct slice){NULL, 0}, &(int64_t){0}));
}

static void test_read_double(void **state) {
    (void)state;
    static const char *const good[] = {
        "0",
        "-0",
        "+1",
        "1.",
        ".5",
        "-.5e1",
        "1e5",
        "1E+5",
        "1e-5",
        "240.5",
        "00012.500",
        "9007199254740993",
        "9007199254740992.99999999",
        "1e22",
        "1e23",
        "123456789012345e22",
        "123456789012345678901234567890",
        "1.7976931348623157e308",
        "1.7976931348623158e+308",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-999",
        "-1e-999",
        "0e99999999999999999999",
        "0.0000e-5",
        "0.000000000000000000000000000000000000000000000001e48",
        "179769313486231580793728971405301e276",
        "1e0000000000000000000000000000000000000005",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
        "6929495644600919.5",
        "7.2057594037927933e16",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double value = 77;
        if (!number_read_double(slice_of(good[i]), &value) ||
            bits_of_double(value) != bits_of_double(strtod(good[i], NULL)))
            fail_msg("%s reads as %a", good[i], value);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      ".",
                                      "-.",
                                      "e5",
                                      "1e",
                                      "1e+",
                                      "1e-",
                                      "nan",
                                      "inf",
                                      "-inf",
                                      "infinity",
                                      "0x10",
                                      "0x1p3",
                                      "1e999",
                                      "-1e309",
                                      "1,5",
                                      "1.2.3",
                                      " 1",
                                      "1 ",
                                      "1e5.5",
                                      "--1",
                                      "+-1",
                                      "1_000",
                                      "1f",
                                      "1.7976931348623159e308",
                                      "1e99999999999999999999",
                                      "\xd9\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = 77;
        if (number_read_double(slice_of(bad[i]), &value))
            fail_msg("%s reads as %a", bad[i], value);
        assert_true(value == 77);
    }
    double value = 77;
    assert_false(number_read_double((struct slice){"1\0", 2}, &value));
    assert_false(number_read_double((struct slice){NULL, 0}, &value));
    assert_true(number_read_double((struct slice){"12345", 2}, &value)); /* the slice ends, the bytes go on */
    assert_true(value == 12);
}

/* Digit strings of any length: what is after the 768th significant digit still decides a tie. */
static void test_read_double_long(void **state) {
    (void)state;
    enum { LONG = 5000 };
    static char text[LONG + 32];
    double value;
    memset(text, '0', LONG);
    memcpy(text, "9007199254740993", 16); /* halfway between two doubles, when only zeros follow */
    text[16] = '.';
    assert_true(number_read_double((struct slice){text, LONG}, &value));
    assert_true(value == 9007199254740992.0);
    text[LONG - 1] = '1';
    assert_true(number_read_double((struct slice){text, LONG}, &value));
    assert_true(value == 9007199254740994.0);
    memset(text, '0', LONG);
    text[1] = '.';
    strcpy(text + LONG, "125e5001");
    assert_true(number_read_double(slice_of(text), &value)); /* 0.000...125e5001 */
    assert_true(value == 125.0);
    memset(text, '9', LONG);
    strcpy(text + LONG, "e-4999");
    assert_true(number_read_double(slice_of(text), &value));
    assert_true(value == 10.0);
    assert_false(number_read_double((struct slice){text, LONG}, &value));
}

static void test_read_random(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t word = random_next(&seed);
        int length = snprintf(text, sizeof text, "%s%lu.%0*luE%d", word & 1 ? "-" : "", word >> (word >> 1 & 63),
                              1 + i % 7, word % 10000000, (int)(word >> 20 & 63) - 32);
        double value = 0;
        assert_true(number_read_double((struct slice){text, (size_t)length}, &value));
        if (bits_of_double(value) != bits_of_double(strtod(text, NULL)))
            fail_msg("%s reads as %a", text, value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_double),
        cmocka_unit_test(test_write_random_bits),
        cmocka_unit_test(test_write_random_like_readings),
        cmocka_unit_test(test_write_edges),
        cmocka_unit_test(test_write_thousandths),
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_read_double),
        cmocka_unit_test(test_read_double_long),
        cmocka_unit_test(test_read_random),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}

/* Time as text, aggregates, series keys, the schema of readings and batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model/schema.h"
#include "model/series.h"
#include "model/statistics.h"
#include "model/time/time.h"

/* Asked for what is not there, the sanitizer's malloc shall say no instead of stopping the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static const int64_t day = 86400000;

static void test_time_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01", 0},
        {"2006-12-16T17:24:00Z", 1166289840000},
        {"2006-12-16t17:24:00z", 1166289840000},
        {"2006-12-16 17:24:00Z", 1166289840000},
        {"2006-12-16 17:24:00", 1166289840000},
        {"2006-12-16T17:24Z", 1166289840000},
        {"2006-12-16 17:24", 1166289840000},
        {"2006-12-16T18:24:00+01:00", 1166289840000},
        {"2006-12-16T18:24:00+0100", 1166289840000},
        {"2006-12-16T18:24:00+01", 1166289840000},
        {"2006-12-16T18:24+01", 1166289840000},
        {"2006-12-16T11:54:00-05:30", 1166289840000},
        {"2006-12-17T01:24:00+08", 1166289840000},
        {"2006-12-16T17:24:00.5Z", 1166289840500},
        {"2006-12-16T17:24:00.05Z", 1166289840050},
        {"2006-12-16T17:24:00.123Z", 1166289840123},
        {"2006-12-16T17:24:00.123999999Z", 1166289840123},
        {"2006-12-16T17:24:00.123999999", 1166289840123},
        {"2006-12-16", 1166227200000},
        {"2000-02-29T23:59:59Z", 951868799000},
        {"2004-02-29T00:00:00Z", 1078012800000},
        {"2100-02-28T00:00:00Z", 4107456000000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"9999-12-31T23:59:59.999Z", TIME_MAXIMUM},
        {"1969-12-31T23:00:00-01:00", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t time = -1;
        if (!time_read(slice_of(cases[i].text), &time) || time != cases[i].time)
            fail_msg("%s reads as %ld", cases[i].text, time);
    }
}

static void test_time_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "2",
        "2006",
        "2006-12",
        "2006-12-",
        "2006-12-1",
        "2006-12-16T",
        "2006-12-16Z",
        "2006-12-16T17",
        "2006-12-16T17Z",
        "2006-12-16T17:",
        "2006-12-16T17:24:",
        "2006-12-16T17:24:0Z",
        "2006-12-16T17:24:00Z ",
        " 2006-12-16T17:24:00Z",
        "2006-12-16T17:24:00ZZ",
        "2006-12-16T17:24:60Z",
        "2006-12-16T17:60:00Z",
        "2006-12-16T24:00:00Z",
        "2006-13-16T17:24:00Z",
        "2006-00-16T17:24:00Z",
        "2006-12-00T17:24:00Z",
        "2006-12-32T17:24:00Z",
        "2006-02-29T17:24:00Z",
        "2100-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2006-04-31T17:24:00Z",
        "2006/12/16T17:24:00Z",
        "2006-12-16X17:24:00Z",
        "2006-12-16T17.24.00Z",
        "2006-12-16T17:24:00.Z",
        "2006-12-16T17:24:00.1234567890Z",
        "2006-12-16T17:24:00+",
        "2006-12-16T17:24:00+1",
        "2006-12-16T17:24:00+01:",
        "2006-12-16T17:24:00+01:0",
        "2006-12-16T17:24:00+01:60",
        "2006-12-16T17:24:00+24:00",
        "2006-12-16T17:24:00+01:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "9999-12-31T23:30:00-01:00",
        "-006-12-16T17:24:00Z",
        "+006-12-16T17:24:00Z",
        "200a-12-16T17:24:00Z",
        "2006-1 -16T17:24:00Z",
        "2006-12-16T17:24:0:Z",
        "2006-12-16T17:24:/0Z",
        "2006-12-16T17:24:00\x5b",
        "1166289840000",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t time = 77;
        if (time_read(slice_of(cases[i]), &time) || time != 77)
            fail_msg("\"%s\" reads as %ld", cases[i], time);
    }
    assert_false(time_read((struct slice){NULL, 0}, &(int64_t){0}));
}

/* Every byte value at every place of the usual form: read only when each field still is one. */
static void test_time_each_byte(void **state) {
    (void)state;
    static const char form[] = "2006-12-16T17:24:00Z";
    for (int at = 0; at < 20; at++)
        for (int c = 0; c < 256; c++) {
            char text[20];
            int64_t time;
            memcpy(text, form, sizeof text);
            text[at] = (char)c;
            int year, month, mday, hour, minute, second, used = 0;
            bool digit = c >= '0' && c <= '9';
            bool expected;
            if (strchr("-:TZ", form[at])) {
                expected =
                    c == form[at] || (form[at] == 'T' && (c == 't' || c == ' ')) || (form[at] == 'Z' && c == 'z');
            } else {
                char copy[21] = {0};
                memcpy(copy, text, 20);
                expected = digit &&
                           sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &mday, &hour, &minute, &second,
                                  &used) == 6 &&
                           used == 20 && year >= 1970 && month >= 1 && month <= 12 && mday >= 1 && mday <= 31 &&
                           hour <= 23 && minute <= 59 && second <= 59;
            }
            if (time_read((struct slice){text, 20}, &time) != expected)
                fail_msg("place %d, byte %d: %s", at, c, expected ? "refused" : "read");
        }
}

static void test_time_write(void **state) {
    (void)state;
    char to[TIME_TEXT_SIZE];
    assert_int_equal(time_write(to, 0), 20);
    assert_memory_equal(to, "1970-01-01T00:00:00Z", 20);
    assert_int_equal(time_write(to, 1166289840000), 20);
    assert_memory_equal(to, "2006-12-16T17:24:00Z", 20);
    assert_int_equal(time_write(to, 1166289840007), 24);
    assert_memory_equal(to, "2006-12-16T17:24:00.007Z", 24);
    assert_int_equal(time_write(to, TIME_MAXIMUM), 24);
    assert_memory_equal(to, "9999-12-31T23:59:59.999Z", 24);
    time_write_day(to, 1170287999999);
    assert_memory_equal(to, "2007-01-31", 10);
    time_write_month(to, 1170287999999);
    assert_memory_equal(to, "2007-01-01", 10);
}

/* Each day of the range against the C library, both ways. */
static void test_time_each_day(void **state) {
    (void)state;
    for (int64_t days = 0; days <= TIME_MAXIMUM / day; days++) {
        int64_t time = days * day + days * 7919 % 86400 * 1000, back;
        time_t seconds = time / 1000;
        struct tm fields;
        gmtime_r(&seconds, &fields);
        char to[TIME_TEXT_SIZE], expected[64];
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &fields);
        if (time_write(to, time) != 20 || memcmp(to, expected, 20) != 0)
            fail_msg("%ld is written as %.20s, not %s", time, to, expected);
        assert_true(time_read((struct slice){to, 20}, &back) && back == time);
        assert_true(
            time_days_from_civil(fields.tm_year + 1900, (unsigned)fields.tm_mon + 1, (unsigned)fields.tm_mday) == days);
    }
    for (int64_t year = -4800; year < 1970; year++) { /* before the epoch: the length of each year */
        bool leap = time_date_valid(year, 2, 29);
        assert_int_equal(leap, year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
        assert_int_equal(time_days_from_civil(year + 1, 1, 1) - time_days_from_civil(year, 1, 1), 365 + leap);
        assert_int_equal(time_days_from_civil(year, 3, 1) - time_days_from_civil(year, 2, 28), 1 + leap);
    }
}

static void test_time_each_second(void **state) {
    (void)state;
    for (int64_t time = 0; time < day; time += 1000) {
        char to[TIME_TEXT_SIZE], expected[64];
        int64_t back, with_milliseconds = time + 1 + time / 1000 % 999;
        int second = (int)(time / 1000);
        snprintf(expected, sizeof expected, "2007-03-01T%02d:%02d:%02dZ", second / 3600, second / 60 % 60, second % 60);
        assert_true(time_read((struct slice){expected, 20}, &back) && back == 13573 * day + time);
        assert_int_equal(time_write(to, back), 20);
        assert_memory_equal(to, expected, 20);
        assert_int_equal(time_write(to, with_milliseconds), 24);
        assert_true(time_read((struct slice){to, 24}, &back) && back == with_milliseconds);
    }
}

static void statistics_start(struct statistics *s, double value) {
    *s = (struct statistics){0};
    statistics_fold(s, value);
}

static void test_statistics_fold(void **state) {
    (void)state;
    struct statistics a;
    statistics_start(&a, 240.5);
    statistics_fold(&a, -3);
    statistics_fold(&a, 12.25);
    assert_true(a.minimum == -3 && a.maximum == 240.5 && statistics_count(&a) == 3);
    assert_true(statistics_sum(&a) == 249.75 && statistics_average(&a) == 83.25);
    statistics_start(&a, 1); /* Neumaier's own example: a plain sum gives 0 */
    statistics_fold(&a, 1e100);
    statistics_fold(&a, 1);
    statistics_fold(&a, -1e100);
    assert_true(statistics_sum(&a) == 2 && statistics_average(&a) == 0.5);
    statistics_start(&a, 0.1);
    for (int i = 1; i < 1000000; i++)
        statistics_fold(&a, 0.1);
    assert_true(statistics_sum(&a) == 100000.0);
}

static void test_statistics_merge(void **state) {
    (void)state;
    uint64_t word = 88172645463325252;
    for (int round = 0; round < 1000; round++) {
        struct statistics whole, parts[2] = {0};
        for (int i = 0; i < 60; i++) {
            word ^= word << 13, word ^= word >> 7, word ^= word << 17;
            double value = (double)(int64_t)(word >> 20) / 1000 - 1e9;
            struct statistics *part = &parts[i >= 1 + round % 59];
            if (i == 0)
                statistics_start(&whole, value);
            else
                statistics_fold(&whole, value);
            if (part->count == 0)
                statistics_start(part, value);
            else
                statistics_fold(part, value);
        }
        statistics_merge(&parts[0], &parts[1]);
        assert_true(statistics_count(&parts[0]) == 60 && parts[0].minimum == whole.minimum &&
                    parts[0].maximum == whole.maximum);
        assert_true(fabs(statistics_sum(&parts[0]) - statistics_sum(&whole)) <=
                    2 * DBL_EPSILON * fabs(statistics_sum(&whole)));
    }
    struct statistics a, b; /* what each part has lost to rounding is not lost in the merge */
    statistics_start(&a, 1e100);
    statistics_fold(&a, 1);
    statistics_start(&b, -1e100);
    statistics_fold(&b, 2);
    statistics_merge(&a, &b);
    assert_true(statistics_sum(&a) == 3 && a.count == 4 && a.minimum == -1e100 && a.maximum == 1e100);
}

/* A sum beyond the doubles is kept: it is cut only when it is reported, and comes back when it fits again. */
static void test_statistics_overflow(void **state) {
    (void)state;
    struct statistics a, b;
    statistics_start(&a, DBL_MAX);
    statistics_fold(&a, DBL_MAX);
    assert_true(statistics_sum(&a) == DBL_MAX && statistics_average(&a) == DBL_MAX);
    statistics_fold(&a, -DBL_MAX);
    assert_true(statistics_sum(&a) == DBL_MAX && statistics_average(&a) == DBL_MAX / 3);
    statistics_start(&b, -DBL_MAX);
    statistics_fold(&b, -DBL_MAX);
    assert_true(statistics_sum(&b) == -DBL_MAX && statistics_average(&b) == -DBL_MAX);
    statistics_merge(&a, &b);
    assert_true(statistics_sum(&a) == -DBL_MAX && statistics_average(&a) == -DBL_MAX / 5);
    assert_int_equal(statistics_count(&a), 5);
}

static void test_series_key(void **state) {
    (void)state;
    struct series series = {SLICE("17"), SLICE("ELECTRICITY"), SLICE("VOLTAGE")};
    char key[64];
    assert_int_equal(series_key_length(&series), 22);
    series_key_write(&series, key);
    assert_memory_equal(key, "17.ELECTRICITY.VOLTAGE", 22);
    assert_true(series_key_matches(&series, (struct slice){key, 22}));
    static const char *const others[] = {"",
                                         "17.ELECTRICITY.VOLTAGF",
                                         "18.ELECTRICITY.VOLTAGE",
                                         "17.ELECTRICITZ.VOLTAGE",
                                         "17-ELECTRICITY.VOLTAGE",
                                         "17.ELECTRICITY-VOLTAGE",
                                         "17.ELECTRICITY.VOLTAG",
                                         "17.ELECTRICITY.VOLTAGES",
                                         "1.7ELECTRICITY.VOLTAGE"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(series_key_matches(&series, slice_of(others[i])));
    assert_false(series_key_matches(&series, (struct slice){NULL, 0}));
    struct series empty = {SLICE(""), {NULL, 0}, SLICE("")};
    series_key_write(&empty, key);
    assert_memory_equal(key, "..", 2);
    assert_true(series_key_matches(&empty, SLICE("..")));
}

static void test_schema(void **state) {
    (void)state;
    assert_string_equal(schema_reading_avro,
                        "{\"type\":\"record\",\"name\":\"MetricAvro\",\"namespace\":\"auth.ece.common.model.avro\","
                        "\"fields\":[{\"name\":\"gateway\",\"type\":"
                        "\"string\"},{\"name\":\"metricType\",\"type\":\"string\"},{\"name\":\"metricAttribute\","
                        "\"type\":\"string\"},{\"name\":\"timestamp\","
                        "\"type\":\"string\"},{\"name\":\"value\",\"type\":\"double\"}]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_read),
        cmocka_unit_test(test_time_refused),
        cmocka_unit_test(test_time_each_byte),
        cmocka_unit_test(test_time_write),
        cmocka_unit_test(test_time_each_day),
        cmocka_unit_test(test_time_each_second),
        cmocka_unit_test(test_statistics_fold),
        cmocka_unit_test(test_statistics_merge),
        cmocka_unit_test(test_statistics_overflow),
        cmocka_unit_test(test_series_key),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}

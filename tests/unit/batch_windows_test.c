/* The fold of batch against struct statistics, the file of windows, and the classes of a comparison. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch/compare.h"
#include "batch/fold.h"
#include "batch/log_readings.h"
#include "core/memory.h"

#define HOUR INT64_C(3600000)

static const struct series series_a = {SLICE("7"), SLICE("WATER"), SLICE("FLOW")};
static const struct series series_b = {SLICE("10"), SLICE("WATER"), SLICE("FLOW")};

/* Readings that jump about within a day; the same each time. */
static void make_readings(int64_t *times, double *values, size_t count) {
    uint64_t state = 42;
    for (size_t i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        times[i] = (int64_t)((state >> 33) % (24 * HOUR)) * 1000;
        values[i] = (double)(int64_t)(state >> 20) * 1e-7 * ((i % 3) ? 1 : -1);
    }
}

static struct fold *fold_of_a_day(const int64_t *sizes, size_t count) {
    struct fold_span span = {.from = 0, .to = 24 * HOUR, .first_start = 0, .end_start = 24 * HOUR, .size_count = count};
    struct fold *fold;
    struct error error;
    for (size_t i = 0; i < count; i++)
        span.sizes[i] = sizes[i];
    assert_int_equal(fold_new(&span, &fold, &error), 0);
    return fold;
}

static void windows_are_those_of_statistics(void **state) {
    enum { COUNT = 50000 };
    static int64_t times[COUNT];
    static double values[COUNT];
    static const int64_t sizes[] = {60000, HOUR};
    struct window_file *file;
    struct window_cursor *cursor;
    struct error error;
    (void)state;
    make_readings(times, values, COUNT);
    struct fold *fold = fold_of_a_day(sizes, 2);
    assert_int_equal(window_file_new(2, &file, &error), 0);
    for (size_t at = 0; at < COUNT; at += 1000)
        assert_true(fold_readings(fold, times, values, NULL, at, at + 1000));
    assert_int_equal(fold_finish(fold, &series_a, file, &error), 0);
    for (size_t size = 0; size < 2; size++) {
        const struct window_row *row;
        struct slice key;
        struct series series;
        uint64_t total = 0;
        int64_t last = -1;
        assert_int_equal(window_cursor_open(file, size, &cursor, &error), 0);
        while (window_cursor_next(cursor, &row, &key, &series, &error) == 1) {
            struct statistics expected = {0};
            assert_true(row->start > last && row->start % sizes[size] == 0);
            last = row->start;
            for (size_t i = 0; i < COUNT; i++)
                if (times[i] / 1000 >= row->start && times[i] / 1000 < row->start + sizes[size])
                    statistics_fold(&expected, values[i]);
            assert_int_equal(row->count, statistics_count(&expected));
            assert_true(row->minimum == expected.minimum && row->maximum == expected.maximum);
            assert_true(row->sum == statistics_sum(&expected)); /* to the last bit */
            total += row->count;
        }
        assert_int_equal(total, COUNT);
        window_cursor_close(cursor);
    }
    window_file_free(file);
    fold_free(fold);
}

static void what_is_outside_or_null_is_left_out(void **state) {
    static const int64_t sizes[] = {HOUR};
    const int64_t times[] = {-1000, 0, HOUR * 1000, (24 * HOUR - 1) * 1000, 24 * HOUR * 1000};
    const double values[] = {1, 2, 4, 8, 16};
    const uint64_t valid = 0x1b; /* not the third */
    struct window_file *file;
    struct window_cursor *cursor;
    const struct window_row *row;
    struct slice key;
    struct series series;
    struct error error;
    (void)state;
    struct fold *fold = fold_of_a_day(sizes, 1);
    assert_int_equal(window_file_new(1, &file, &error), 0);
    assert_true(fold_readings(fold, times, values, &valid, 0, 5));
    assert_int_equal(fold_finish(fold, &series_a, file, &error), 0);
    assert_int_equal(window_file_rows(file), 2);
    assert_int_equal(window_cursor_open(file, 0, &cursor, &error), 0);
    assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 1);
    assert_true(row->start == 0 && row->sum == 2);
    assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 1);
    assert_true(row->start == 23 * HOUR && row->sum == 8);
    assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 0);
    window_cursor_close(cursor);
    window_file_free(file);
    fold_free(fold);
}

/* Series lie by (type, attribute, gateway) and come by key; one that is begun twice keeps its order. */
static void windows_come_by_key(void **state) {
    enum { MANY = 40000 }; /* more than is gathered before it is written */
    struct window_row *rows = memory_zero(MANY, sizeof *rows);
    struct window_file *file;
    struct window_cursor *cursor;
    const struct window_row *row;
    struct slice key;
    struct series series;
    struct error error;
    int64_t expected = 0;
    (void)state;
    assert_non_null(rows);
    assert_int_equal(window_file_new(1, &file, &error), 0);
    for (int64_t i = 0; i < MANY; i++)
        rows[i] = (struct window_row){.start = i, .count = 1};
    assert_int_equal(window_file_series(file, &series_a, &error), 0);
    assert_int_equal(window_file_append(file, 0, rows, MANY, &error), 0);
    assert_int_equal(window_file_series(file, &series_b, &error), 0);
    assert_int_equal(window_file_append(file, 0, rows, 3, &error), 0);
    assert_int_equal(window_file_series(file, &series_b, &error), 0);
    assert_int_equal(window_file_append(file, 0, rows + 3, 2, &error), 0);
    assert_int_equal(window_cursor_open(file, 0, &cursor, &error), 0);
    for (; expected < 5; expected++) { /* "10.WATER.FLOW" before "7.WATER.FLOW" */
        assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 1);
        assert_true(slice_equal(key, SLICE("10.WATER.FLOW")) && row->start == expected);
    }
    for (expected = 0; expected < MANY; expected++) {
        assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 1);
        assert_true(slice_equal(series.gateway, SLICE("7")) && row->start == expected);
    }
    assert_int_equal(window_cursor_next(cursor, &row, &key, &series, &error), 0);
    window_cursor_close(cursor);
    window_file_free(file);
    free(rows);
}

/* --- classes */

#define NONE                                                                                                           \
    { 0 }
#define VALUES(count, minimum, maximum, sum, revision)                                                                 \
    { true, count, minimum, maximum, sum, revision }

struct class_case {
    const char *what;
    struct comparison_values batch, store, late;
    bool tolerate, closed;
    enum comparison_class expected;
};

static const struct class_case class_cases[] = {
    {"equal", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 3, 0), NONE, false, true, CLASS_SAME},
    {"a zero with another sign", VALUES(1, 0.0, 0.0, 0.0, 0), VALUES(1, -0.0, -0.0, -0.0, 0), NONE, false, true,
     CLASS_SAME},
    {"equal after a correction", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 3, 1), NONE, false, true, CLASS_REVISED},
    {"one bit of the sum", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 0x1.8000000000001p1, 0), NONE, false, true,
     CLASS_UNEXPLAINED},
    {"one bit, tolerated", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 0x1.8000000000001p1, 0), NONE, true, true,
     CLASS_TOLERATED},
    {"more than rounding", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 3.0001, 0), NONE, true, true, CLASS_UNEXPLAINED},
    {"late explains it", VALUES(3, 1, 9, 12, 0), VALUES(2, 1, 2, 3, 0), VALUES(1, 9, 9, 9, 0), false, true, CLASS_LATE},
    {"late explains the count only", VALUES(3, 1, 9, 12, 0), VALUES(2, 1, 2, 4, 0), VALUES(1, 9, 9, 9, 0), false, true,
     CLASS_UNEXPLAINED},
    {"late explains not the minimum", VALUES(3, 1, 9, 12, 0), VALUES(2, 2, 2, 3, 0), VALUES(1, 9, 9, 9, 0), false, true,
     CLASS_UNEXPLAINED},
    {"late, and equal", VALUES(2, 1, 2, 3, 0), VALUES(2, 1, 2, 3, 0), VALUES(1, 9, 9, 9, 0), false, true, CLASS_SAME},
    {"more came late after a correction", VALUES(4, 1, 9, 13, 0), VALUES(3, 1, 9, 12, 1), VALUES(2, 1, 9, 10, 0), false,
     true, CLASS_LATE},
    {"all of it came late", VALUES(1, 9, 9, 9, 0), NONE, VALUES(1, 9, 9, 9, 0), false, true, CLASS_LATE},
    {"some of it came late, the rest is gone", VALUES(2, 1, 9, 10, 0), NONE, VALUES(1, 9, 9, 9, 0), false, true,
     CLASS_MISSING_SPEED},
    {"the store lacks it", VALUES(2, 1, 2, 3, 0), NONE, NONE, false, true, CLASS_MISSING_SPEED},
    {"still open", VALUES(2, 1, 2, 3, 0), NONE, NONE, false, false, CLASS_OPEN},
    {"batch lacks it", NONE, VALUES(2, 1, 2, 3, 0), NONE, false, true, CLASS_MISSING_BATCH},
    {"the stream lacked readings", VALUES(2, 1, 2, 3, 0), VALUES(1, 1, 1, 1, AGGREGATE_INCOMPLETE), NONE, false, true,
     CLASS_INCOMPLETE},
};

static void differences_have_a_class(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof class_cases / sizeof *class_cases; i++) {
        const struct class_case *c = &class_cases[i];
        struct comparison comparison = {.batch = c->batch, .store = c->store, .late = c->late};
        enum comparison_class found = comparison_classify(&comparison, c->tolerate, c->closed);
        if (found != c->expected)
            fail_msg("%s: %s, expected %s", c->what, comparison_class_names[found],
                     comparison_class_names[c->expected]);
    }
}

static void sizes_of_late_records(void **state) {
    int64_t sizes[4];
    (void)state;
    assert_int_equal(late_sizes_read(SLICE("60"), sizes, 4), 1);
    assert_int_equal(sizes[0], 60000);
    assert_int_equal(late_sizes_read(SLICE("0.250,60,86400"), sizes, 4), 3);
    assert_true(sizes[0] == 250 && sizes[1] == 60000 && sizes[2] == 86400000);
    static const struct slice wrong[] = {SLICE(""),    SLICE(","), SLICE("60,"),       SLICE("x"),
                                         SLICE("-60"), SLICE("0"), SLICE("1,2,3,4,5"), SLICE("1e300")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(late_sizes_read(wrong[i], sizes, 4), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_those_of_statistics),
        cmocka_unit_test(what_is_outside_or_null_is_left_out),
        cmocka_unit_test(windows_come_by_key),
        cmocka_unit_test(differences_have_a_class),
        cmocka_unit_test(sizes_of_late_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

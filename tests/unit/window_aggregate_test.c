/* The window aggregate against a plain model that keeps every reading, and the rules of time one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/aggregate/window_aggregate.h"

struct reading {
    char gateway[16];
    int64_t timestamp;
    double value;
};

static void fill(struct batch *batch, const struct reading *readings, size_t count, int64_t base_offset) {
    assert_true(batch_clear(batch, count));
    for (size_t i = 0; i < count; i++) {
        batch->columns[READING_GATEWAY].strings[i] = slice_of(readings[i].gateway);
        batch->columns[READING_TYPE].strings[i] = SLICE("ELECTRICITY");
        batch->columns[READING_ATTRIBUTE].strings[i] = SLICE("VOLTAGE");
        batch->columns[READING_TIMESTAMP].integers[i] = readings[i].timestamp;
        batch->columns[READING_VALUE].doubles[i] = readings[i].value;
        batch->offsets[i] = base_offset + (int64_t)i;
        batch->status[i] = ROW_GOOD;
    }
    batch->count = count;
}

struct run {
    struct window_aggregate *aggregate;
    struct batch *batch;
    struct window_fold fold;
    char *out;
    size_t out_length;
};

static struct run run_open(const char *sizes, int64_t grace) {
    struct window_settings settings;
    struct error error;
    struct run run = {.batch = batch_new(&schema_reading, 16)};
    assert_non_null(run.batch);
    assert_int_equal(window_settings_read(sizes, grace, &settings, &error), 0);
    assert_int_equal(window_aggregate_new(&settings, &run.aggregate, &error), 0);
    run.fold.late = calloc(100000, sizeof *run.fold.late);
    run.fold.stream_times = calloc(100000, sizeof *run.fold.stream_times);
    run.out = calloc(1, 1 << 24);
    return run;
}

static void run_close(struct run *run) {
    window_aggregate_free(run->aggregate);
    batch_free(run->batch);
    free(run->fold.late);
    free(run->fold.stream_times);
    free(run->out);
}

static void run_push(struct run *run, const struct reading *readings, size_t count, int64_t base) {
    struct error error;
    fill(run->batch, readings, count, base);
    assert_int_equal(window_aggregate_push(run->aggregate, run->batch, 0, count, &run->fold, &error), 0);
}

/* Appends what has closed as text: "end start key count min max sum;" */
static void run_take(struct run *run, size_t room) {
    struct aggregate_row rows[64];
    size_t count;
    struct error error;
    do {
        assert_int_equal(window_aggregate_take(run->aggregate, rows, room, &count, &error), 0);
        for (size_t i = 0; i < count; i++)
            run->out_length += (size_t)sprintf(
                run->out + run->out_length, "%lld %lld %.*s %llu %a %a %a;", (long long)rows[i].window_end / 1000,
                (long long)rows[i].window_start / 1000, (int)rows[i].series.gateway.length, rows[i].series.gateway.data,
                (unsigned long long)rows[i].count, rows[i].minimum, rows[i].maximum, rows[i].sum);
    } while (count);
}

static void test_boundaries(void **state) {
    (void)state;
    struct run run = run_open("60", 5000);
    /* The end is exclusive; a window closes when end + grace <= stream time. */
    const struct reading first[] = {{"a", 0, 1}, {"a", 59999, 2}, {"a", 60000, 4}, {"a", 64999, 8}};
    run_push(&run, first, 4, 0);
    assert_false(window_aggregate_has_closed(run.aggregate));
    const struct reading in_grace[] = {{"a", 1000, 16}};
    run_push(&run, in_grace, 1, 4);
    assert_int_equal(run.fold.late[0], 0);
    assert_int_equal(window_aggregate_replay_from(run.aggregate, 99), 0);
    const struct reading closing[] = {{"a", 65000, 32}, {"a", 59999, 64}};
    run_push(&run, closing, 2, 5);
    assert_int_equal(run.fold.late[0], 0);
    assert_int_equal(run.fold.late[1], 1);
    assert_int_equal(run.fold.stream_times[1], 65000);
    assert_true(window_aggregate_has_closed(run.aggregate));
    run_take(&run, 64);
    assert_string_equal(run.out, "60 0 a 3 0x1p+0 0x1p+4 0x1.3p+4;");
    assert_int_equal(window_aggregate_replay_from(run.aggregate, 99), 2);
    assert_int_equal(run.fold.folded[0], 6);
    assert_int_equal(run.fold.late_count[0], 1);
    run_close(&run);
}

static void test_late_for_minute_on_time_for_hour(void **state) {
    (void)state;
    struct run run = run_open("60,3600", 0);
    const struct reading readings[] = {{"a", 1800000, 1}, {"a", 30000, 2}};
    run_push(&run, readings, 2, 0);
    assert_int_equal(run.fold.late[1], 1);
    assert_int_equal(run.fold.late_count[0], 1);
    assert_int_equal(run.fold.late_count[1], 0);
    window_aggregate_advance(run.aggregate, window_aggregate_closing_time(run.aggregate));
    run_take(&run, 64);
    assert_string_equal(run.out, "1860 1800 a 1 0x1p+0 0x1p+0 0x1p+0;3600 0 a 2 0x1p+0 0x1p+1 0x1.8p+1;");
    assert_int_equal(window_aggregate_open_cells(run.aggregate), 0);
    run_close(&run);
}

static void test_order_of_results(void **state) {
    (void)state;
    struct run run = run_open("60,120", 0);
    const struct reading readings[] = {
        {"b", 60000, 1}, {"a", 60000, 1}, {"a", 0, 1}, {"ab", 61000, 1}, {"a", 240000, 1}};
    run_push(&run, readings, 5, 0);
    run_take(&run, 1); /* one row at a time gives the same order */
    /* The reading at 0 is late for [0, 60) (stream time 60 s); of one end the larger window (earlier start) comes
     * first; keys by bytes. */
    assert_string_equal(
        run.out, "120 0 a 2 0x1p+0 0x1p+0 0x1p+1;120 0 ab 1 0x1p+0 0x1p+0 0x1p+0;120 0 b 1 0x1p+0 0x1p+0 0x1p+0;"
                 "120 60 a 1 0x1p+0 0x1p+0 0x1p+0;120 60 ab 1 0x1p+0 0x1p+0 0x1p+0;120 60 b 1 0x1p+0 0x1p+0 0x1p+0;");
    run_close(&run);
}

static uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct reading *random_readings(size_t count, uint64_t seed) {
    struct reading *readings = calloc(count, sizeof *readings);
    for (size_t i = 0; i < count; i++) {
        sprintf(readings[i].gateway, "g%d", (int)(random_next(&seed) % 50));
        int64_t back = random_next(&seed) % 10 == 0 ? (int64_t)(random_next(&seed) % 900000) : 0;
        readings[i].timestamp = 10000000 + (int64_t)i * 500 - back;
        readings[i].value = (double)(int64_t)random_next(&seed) * 1e-12;
    }
    return readings;
}

/* The model: one window at a time over the whole list, in the order of offsets. */
static size_t model_count(const struct reading *readings, size_t count, int64_t size, int64_t grace, size_t *ret_late) {
    int64_t stream_time = INT64_MIN;
    size_t folded = 0;
    for (size_t i = 0; i < count; i++) {
        stream_time = readings[i].timestamp > stream_time ? readings[i].timestamp : stream_time;
        int64_t end = readings[i].timestamp / size * size + size;
        folded += end + grace > stream_time;
    }
    *ret_late = count - folded;
    return folded;
}

static void test_cut_into_batches_differently(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    struct reading *readings = random_readings(COUNT, 7);
    static const size_t cuts[] = {COUNT, 1000, 37, 1};
    char *expected = NULL;
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        struct run run = run_open("60,600,3600", 300000);
        for (size_t at = 0; at < COUNT; at += cuts[c]) {
            run_push(&run, readings + at, COUNT - at < cuts[c] ? COUNT - at : cuts[c], (int64_t)at);
            if (c != 2 || at % 5 == 0)
                run_take(&run, 1 + c * 20);
        }
        window_aggregate_advance(run.aggregate, window_aggregate_closing_time(run.aggregate));
        run_take(&run, 64);
        static const int64_t sizes[] = {60000, 600000, 3600000};
        for (size_t s = 0; s < 3; s++) {
            size_t late, folded = model_count(readings, COUNT, sizes[s], 300000, &late);
            assert_int_equal(run.fold.folded[s], folded);
            assert_int_equal(run.fold.late_count[s], late);
        }
        if (!expected)
            expected = strdup(run.out);
        assert_string_equal(run.out, expected);
        assert_int_equal(window_aggregate_open_cells(run.aggregate), 0);
        run_close(&run);
    }
    free(expected);
    free(readings);
}

/* Stops after every k readings, restores from replay_from into a new aggregate, goes on: the results are the same to
 * the last bit. */
static void test_restore(void **state) {
    (void)state;
    enum { COUNT = 6000, STEP = 611 };
    struct reading *readings = random_readings(COUNT, 11);
    struct run whole = run_open("60,600,3600", 120000), parts = run_open("60,600,3600", 120000);
    run_push(&whole, readings, COUNT, 0);
    run_take(&whole, 64);
    for (size_t at = 0; at < COUNT; at += STEP) {
        size_t count = COUNT - at < STEP ? COUNT - at : STEP;
        run_push(&parts, readings + at, count, (int64_t)at);
        run_take(&parts, 64);
        size_t next = at + count;
        size_t from = (size_t)window_aggregate_replay_from(parts.aggregate, (int64_t)next);
        int64_t stream_time = window_aggregate_stream_time(parts.aggregate);
        struct run fresh = run_open("60,600,3600", 120000);
        window_aggregate_advance(fresh.aggregate, stream_time);
        struct error error;
        if (next > from) {
            fill(fresh.batch, readings + from, next - from, (int64_t)from);
            assert_int_equal(window_aggregate_restore(fresh.aggregate, fresh.batch, &error), 0);
        }
        assert_int_equal(window_aggregate_open_cells(fresh.aggregate), window_aggregate_open_cells(parts.aggregate));
        assert_int_equal(window_aggregate_replay_from(fresh.aggregate, (int64_t)next), from);
        window_aggregate_free(parts.aggregate);
        parts.aggregate = fresh.aggregate;
        fresh.aggregate = NULL;
        run_close(&fresh);
    }
    assert_string_equal(parts.out, whole.out);
    run_close(&whole);
    run_close(&parts);
    free(readings);
}

/* Series that have fallen silent are forgotten; those with open windows keep their state. */
static void test_silent_series_are_forgotten(void **state) {
    (void)state;
    struct run run = run_open("60", 0);
    enum { SERIES = 10000 };
    struct reading *readings = calloc(SERIES, sizeof *readings);
    size_t peak = 0;
    for (int64_t minute = 0; minute < 20; minute++) {
        for (size_t i = 0; i < SERIES; i++) {
            sprintf(readings[i].gateway, "%lld-%zu", (long long)(i == 0 ? 0 : minute), i);
            readings[i].timestamp = minute * 60000 + (int64_t)(i % 60);
            readings[i].value = 1;
        }
        run_push(&run, readings, SERIES, minute * SERIES);
        run_take(&run, 64);
        window_aggregate_forget(run.aggregate);
        size_t groups = window_aggregate_groups(run.aggregate);
        peak = groups > peak ? groups : peak;
    }
    assert_in_range(peak, SERIES, 5 * SERIES);
    assert_non_null(strstr(run.out, "1140 1080 0-0 1 "));
    free(readings);
    run_close(&run);
}

static void test_settings(void **state) {
    (void)state;
    static const struct {
        const char *sizes, *message;
    } bad[] = {{"0", "out of range"},
               {"-60", "out of range"},
               {"60,60", "twice"},
               {"60,abc", "not a whole number"},
               {"", "not a whole number"},
               {"60,", "not a whole number"},
               {"31622401", "out of range"},
               {"99999999999999999999", "not a whole number"},
               {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "more than 16"},
               {"1.5", "not a whole number"}};
    struct window_settings settings;
    struct error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(window_settings_read(bad[i].sizes, 0, &settings, &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, bad[i].message));
    }
    assert_int_equal(window_settings_read("3600,60,7", 1000, &settings, &error), 0);
    assert_int_equal(settings.size_count, 3);
    assert_int_equal(settings.sizes[0], 7000);
    assert_int_equal(settings.sizes[2], 3600000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boundaries),       cmocka_unit_test(test_late_for_minute_on_time_for_hour),
        cmocka_unit_test(test_order_of_results), cmocka_unit_test(test_cut_into_batches_differently),
        cmocka_unit_test(test_restore),          cmocka_unit_test(test_silent_series_are_forgotten),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

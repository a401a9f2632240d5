/* Names of windows, of their tables and of their topics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/window.h"

static const struct {
    const char *name, *table, *topic; /* NULL: it has none */
} names[] = {
    {"60", "60", "60"},
    {"86400", "86400", "86400"},
    {"day@Europe/Athens", "day_europe_athens", "day.Europe.Athens"},
    {"day@UTC", "day_utc", "day.UTC"},
    {"day+06:00@Europe/Berlin", "day_p06_00_europe_berlin", "day_06_00.Europe.Berlin"},
    {"month~15@America/Port-au-Prince", "month_15_america_port_au_prince", "month-15.America.Port-au-Prince"},
    {"week~SUNDAY@America/New_York", "week_sunday_america_new_york", "week-SUNDAY.America.New_York"},
    {"year~10-01@UTC", "year_10_m01_utc", "year-10-01.UTC"},
    {"15min@Asia/Kathmandu", "15min_asia_kathmandu", "15min.Asia.Kathmandu"},
    {"day@Etc/GMT+5", "day_etc_gmt_p5", NULL},
    {"day@Etc/GMT-5", "day_etc_gmt_m5", "day.Etc.GMT-5"},
    {"day@+02:00", "day__p02_00", NULL},
};

static void test_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct store_window window, again;
        char text[CALENDAR_TEXT_SIZE], table[STORE_TABLE_SIZE], topic[STORE_WINDOW_TOPIC_SIZE], whole[300];
        struct error error;
        if (store_window_read("window", slice_of(names[i].name), &window, &error))
            fail_msg("%s: %s", names[i].name, error.message);
        store_window_write(text, &window);
        assert_string_equal(text, names[i].name);
        store_window_write_table(table, &window);
        if (strlen(names[i].table) < STORE_TABLE_SIZE)
            assert_string_equal(table, names[i].table);
        else
            assert_memory_equal(table, names[i].table, 20);
        assert_int_equal(store_window_write_topic(topic, &window), names[i].topic != NULL);
        if (!names[i].topic)
            continue;
        assert_string_equal(topic, names[i].topic);
        snprintf(whole, sizeof whole, "a-aggregates-metrics-aggregates-%s", topic);
        assert_true(store_window_of_topic(whole, &again));
        assert_true(store_window_same(&window, &again));
    }
}

static void test_durations(void **state) {
    (void)state;
    struct store_window window;
    struct error error;
    assert_int_equal(store_window_read("window", SLICE("15m"), &window, &error), 0);
    assert_int_equal(window.size, 900000);
    static const char *const wrong[] = {
        "", "0", "-60", "1.5", "31622401", "1500ms", "x", "day@Nowhere", "9999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (store_window_read("window", slice_of(wrong[i]), &window, &error) != ERROR_INVALID)
            fail_msg("%s was taken", wrong[i]);
}

static void test_other_topics(void **state) {
    (void)state;
    static const char *const wrong[] = {"metrics",
                                        "-aggregates-60",
                                        "metrics-aggregates-",
                                        "metrics-aggregates-0",
                                        "metrics-aggregates-x",
                                        "metrics-aggregates-day",
                                        "metrics-aggregates-day.Nowhere",
                                        "metrics-aggregates-99999999999999999"};
    struct store_window window;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (store_window_of_topic(wrong[i], &window))
            fail_msg("%s was taken", wrong[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_durations),
                                       cmocka_unit_test(test_other_topics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

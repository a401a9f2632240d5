/* Calendar windows. Golden starts are from Python's zoneinfo, those of the gas day from its definition (06:00 by the
 * wall clock). The sweep goes over every zone of the system's database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/time/calendar.h"
#include "model/time/time_text.h"

#define HOUR INT64_C(3600000)

static struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
static struct arena arena;

static int64_t instant_of(const char *text) {
    int64_t instant;
    if (!time_text_read_timestamp(slice_of(text), &instant))
        fail_msg("%s", text);
    return instant;
}

static struct calendar calendar_of(const char *name) {
    struct calendar calendar;
    struct error error;
    if (calendar_read(slice_of(name), &arena, &calendar, &error))
        fail_msg("%s: %s", name, error.message);
    return calendar;
}

static struct calendar_window window_at(const struct calendar *calendar, int64_t time) {
    return calendar_window(calendar, calendar_index(calendar, time));
}

static void test_golden(void **state) {
    (void)state;
    static const struct {
        const char *calendar, *within, *start;
        double hours;
    } cases[] = {
        {"day@Europe/Athens", "2026-03-29T10:00", "2026-03-28T22:00", 23},
        {"day@Europe/Athens", "2026-10-25T10:00", "2026-10-24T21:00", 25},
        {"day@Europe/London", "2026-03-29T10:00", "2026-03-29T00:00", 23},
        {"day@Europe/London", "2026-10-25T10:00", "2026-10-24T23:00", 25},
        {"day@Australia/Lord_Howe", "2026-04-05T00:00", "2026-04-04T13:00", 24.5},
        {"day@Australia/Lord_Howe", "2026-10-04T00:00", "2026-10-03T13:30", 23.5},
        {"day@America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", 23},
        {"day@America/Sao_Paulo", "2019-02-16T12:00", "2019-02-16T02:00", 25},
        {"day@Africa/Cairo", "2026-04-24T10:00", "2026-04-23T22:00", 23},
        {"day@Africa/Cairo", "2026-10-29T10:00", "2026-10-28T21:00", 25},
        {"day@America/Havana", "2026-03-08T12:00", "2026-03-08T05:00", 23},
        {"day@America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", 25},
        {"day@Asia/Beirut", "2026-03-29T10:00", "2026-03-28T22:00", 23},
        {"day@Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", 24},
        {"day@Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", 24},
        {"day@Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15", 24},
        {"day@Asia/Kolkata", "2026-01-01T00:00", "2025-12-31T18:30", 24},
        {"day@Pacific/Chatham", "2026-04-05T00:00", "2026-04-04T10:15", 25},
        {"day@Africa/Casablanca", "2026-02-15T12:00", "2026-02-14T23:00", 25},
        {"day@Africa/Casablanca", "2026-03-22T12:00", "2026-03-22T00:00", 23},
        {"day+06:00@Europe/Berlin", "2026-10-25T02:00", "2026-10-24T04:00", 25},
        {"day+06:00@Europe/Berlin", "2026-10-25T05:00", "2026-10-25T05:00", 24},
        {"week@Europe/Athens", "2026-03-29T10:00", "2026-03-22T22:00", 167},
        {"week~SUNDAY@Europe/Athens", "2026-03-29T10:00", "2026-03-28T22:00", 167},
        {"week~THURSDAY@UTC", "1970-01-01T00:00", "1970-01-01T00:00", 168},
        {"week~FRIDAY@UTC", "1970-01-01T00:00", "1969-12-26T00:00", 168},
        {"2week@UTC", "1970-01-08T00:00", "1969-12-29T00:00", 336},
        {"month@Europe/Paris", "2007-02-15T00:00", "2007-01-31T23:00", 672},
        {"month@Europe/Paris", "2007-03-01T00:00", "2007-02-28T23:00", 743},
        {"month~15@Europe/Paris", "2007-03-14T22:59", "2007-02-14T23:00", 672},
        {"month~15@Europe/Paris", "2007-03-14T23:00", "2007-03-14T23:00", 743},
        {"quarter@UTC", "2024-02-29T12:00", "2024-01-01T00:00", 91 * 24},
        {"year@UTC", "2024-12-31T23:59", "2024-01-01T00:00", 366 * 24},
        {"year~10-01@UTC", "2024-09-30T23:59", "2023-10-01T00:00", 366 * 24},
        {"3month@UTC", "1970-04-01T00:00", "1970-04-01T00:00", 91 * 24},
        {"15min@Asia/Kathmandu", "2026-01-01T00:01", "2026-01-01T00:00", 0.25},
        {"60min@Europe/Athens", "2026-10-25T00:30", "2026-10-25T00:00", 1}, /* 03:00 to 04:00, the first time */
        {"60min@Europe/Athens", "2026-10-25T01:30", "2026-10-25T01:00", 1}, /* the second */
        {"60min@Australia/Lord_Howe", "2026-04-05T13:15", "2026-04-05T13:00", 0.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct calendar calendar = calendar_of(cases[i].calendar);
        struct calendar_window window = window_at(&calendar, instant_of(cases[i].within));
        if (window.start != instant_of(cases[i].start) ||
            window.end != window.start + (int64_t)(cases[i].hours * (double)HOUR))
            fail_msg("%s at %s: starts %lld, %lld ms long", cases[i].calendar, cases[i].within, (long long)window.start,
                     (long long)(window.end - window.start));
    }
}

static void test_hopping(void **state) {
    (void)state;
    struct calendar calendar = calendar_of("7day@Europe/Athens");
    calendar.advance = 1;
    assert_null(calendar_check(&calendar));
    assert_int_equal(calendar_overlap(&calendar), 7);
    int64_t time = instant_of("2026-03-29T10:00"), index = calendar_index(&calendar, time);
    size_t count = 0;
    while (calendar_window(&calendar, index - (int64_t)count).end > time)
        count++;
    assert_int_equal(count, 7);
    struct calendar_window newest = calendar_window(&calendar, index);
    assert_int_equal(newest.start, instant_of("2026-03-28T22:00"));
    assert_int_equal(newest.end, instant_of("2026-04-04T21:00"));
}

/* --- every zone
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t zones_swept, dates_checked, off_grid;

/* The windows of a calendar from the one at `from` on tile up to `to`. */
static void check_tiles(const char *zone, const struct calendar *calendar, int64_t from, int64_t to) {
    struct calendar_window window = window_at(calendar, from);
    assert_true(window.start <= from && window.end > from);
    while (window.end < to) {
        int64_t edge = window.end;
        struct calendar_window next = window_at(calendar, edge), before = window_at(calendar, edge - 1);
        if (next.start != edge || before.start != window.start || before.end != edge || next.end <= next.start)
            fail_msg("%s: [%lld, %lld) then [%lld, %lld)", zone, (long long)window.start, (long long)edge,
                     (long long)next.start, (long long)next.end);
        window = next;
        dates_checked++;
    }
}

static void check_zone(const char *name, const struct time_zone *zone) {
    const int64_t day = 24 * HOUR, to = instant_of("2038-01-01"),
                  grid = instant_of("1972-02-01"); /* Monrovia kept -00:44:30 until then */
    struct calendar days = {.unit = CALENDAR_DAY, .count = 1, .advance = 1, .month = 1, .day = 1, .zone = zone};
    struct calendar parts = days, gas = days, weeks = days, months = days;
    parts.unit = CALENDAR_PART_OF_DAY;
    parts.count = parts.advance = HOUR;
    gas.offset = 6 * HOUR;
    weeks.unit = CALENDAR_WEEK;
    months.unit = CALENDAR_MONTH;
    zones_swept++;
    for (int64_t time = instant_of("1972-01-01"); time < to; time += day) {
        if (time_zone_offset(zone, time) == time_zone_offset(zone, time + day))
            continue;
        check_tiles(name, &days, time - 3 * day, time + 3 * day);
        check_tiles(name, &gas, time - 3 * day, time + 3 * day);
        check_tiles(name, &parts, time - day, time + 2 * day);
        off_grid +=
            window_at(&days, time).start % 900000 != 0 && time > grid && strcmp(name, "Pacific/Kiritimati") != 0;
    }
    check_tiles(name, &weeks, instant_of("1972-01-01"), to);
    check_tiles(name, &months, instant_of("1972-01-01"), to);
}

static int visit(const char *path, const struct stat *stat, int type, struct FTW *place) {
    (void)stat;
    (void)place;
    const char *name = path + strlen(TIME_ZONE_FOLDER) + 1;
    const struct time_zone *zone;
    if (type != FTW_F || strncmp(name, "posix", 5) == 0 || strncmp(name, "right", 5) == 0)
        return 0;
    if (!time_zone_find(&zones, &arena, slice_of(name), &zone, NULL))
        check_zone(name, zone);
    return 0;
}

static void test_all_zones(void **state) {
    (void)state;
    assert_int_equal(nftw(TIME_ZONE_FOLDER, visit, 16, FTW_PHYS), 0);
    printf("%zu zones, %zu edges\n", zones_swept, dates_checked);
    assert_true(zones_swept > 300);
    assert_int_equal(off_grid, 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const same[] = {
        "day@Europe/Athens",     "2week~SUNDAY@UTC",  "15min@Asia/Kathmandu", "day+06:00@Europe/Berlin",
        "month~15@Europe/Paris", "year~10-01@+02:00", "quarter@UTC",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct calendar calendar = calendar_of(same[i]);
        char text[CALENDAR_TEXT_SIZE];
        size_t length = calendar_write(text, &calendar);
        if (length != strlen(same[i]) || memcmp(text, same[i], length) != 0)
            fail_msg("%s is written %.*s", same[i], (int)length, text);
    }
    static const char *const wrong[] = {
        "day",
        "day@",
        "@UTC",
        "day@Europe/Nowhere",
        "7min@UTC",
        "0day@UTC",
        "1001day@UTC",
        "month~0@UTC",
        "month~29@UTC",
        "month~@UTC",
        "week~FUNDAY@UTC",
        "year~02-29@UTC",
        "day~2@UTC",
        "day+24:00@UTC",
        "day+6@UTC",
        "fortnight@UTC",
        "1441min@UTC",
        "99999999999999999999day@UTC",
        "day+@UTC",
        "quarter~2@UTC",
        "day@../etc/passwd",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct calendar calendar;
        struct error error;
        if (calendar_read(slice_of(wrong[i]), &arena, &calendar, &error) != ERROR_INVALID)
            fail_msg("%s was taken", wrong[i]);
    }
}

static void test_far_times(void **state) {
    (void)state;
    struct calendar calendar = calendar_of("month@Europe/Athens");
    struct calendar_window last = window_at(&calendar, INT64_MAX), first = window_at(&calendar, 0);
    assert_int_equal(last.start, instant_of("9999-12-31T22:00")); /* local January has begun */
    assert_int_equal(last.end, INT64_MAX);
    assert_int_equal(first.start, -2 * HOUR);
    assert_int_equal(window_at(&calendar, TIME_MAXIMUM).start, last.start);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_hopping),   cmocka_unit_test(test_all_zones),
        cmocka_unit_test(test_names),  cmocka_unit_test(test_far_times),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    time_zones_release(&zones);
    arena_release(&arena);
    return failed;
}

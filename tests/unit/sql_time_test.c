/* Time zones and java.time patterns. Expected values of zones are from Python's zoneinfo, of patterns from the
 * DateTimeFormatter documentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/time/time_text.h"
#include "model/time/time_zone.h"
#include "sql/time/java_time_format.h"

static int64_t instant_of(const char *text) {
    int64_t instant;
    if (!time_text_read_timestamp(slice_of(text), &instant))
        fail_msg("%s", text);
    return instant;
}

static const struct time_zone *zone_of(struct time_zones *zones, struct arena *arena, const char *name) {
    const struct time_zone *zone;
    struct error error;
    if (time_zone_find(zones, arena, slice_of(name), &zone, &error))
        fail_msg("%s", error.message);
    return zone;
}

static void test_offsets(void **state) {
    (void)state;
    static const struct {
        const char *zone, *instant;
        int offset;
        const char *abbreviation;
    } cases[] = {
        {"UTC", "2020-07-01", 0, "UTC"},
        {"Europe/Vienna", "2020-01-01", 3600, "CET"},
        {"Europe/Vienna", "2020-07-01", 7200, "CEST"},
        {"Europe/Vienna", "2020-03-29T00:59:59.999", 3600, "CET"},
        {"Europe/Vienna", "2020-03-29T01:00", 7200, "CEST"},
        {"Europe/Vienna", "2020-10-25T00:59:59.999", 7200, "CEST"},
        {"Europe/Vienna", "2020-10-25T01:00", 3600, "CET"},
        {"Europe/Vienna", "2099-07-01", 7200, "CEST"},
        {"Europe/Vienna", "2099-12-01", 3600, "CET"},
        {"Europe/Vienna", "2150-03-29T00:59:59.999", 3600, "CET"},
        {"Europe/Vienna", "2150-03-29T01:00", 7200, "CEST"},
        {"America/Los_Angeles", "2020-07-01", -25200, "PDT"},
        {"America/Los_Angeles", "2020-12-01", -28800, "PST"},
        {"America/Los_Angeles", "2080-11-03T08:59:59", -25200, "PDT"},
        {"America/Los_Angeles", "2080-11-03T09:00", -28800, "PST"},
        {"PST", "2020-07-01", -25200, "PDT"},
        {"Australia/Sydney", "2060-01-01", 39600, "AEDT"},
        {"Australia/Sydney", "2060-07-01", 36000, "AEST"},
        {"Asia/Kolkata", "2020-07-01", 19800, "IST"},
        {"Asia/Kathmandu", "2060-07-01", 20700, "+0545"},
        {"+02:00", "2020-07-01", 7200, "+02:00"},
        {"-0330", "2020-07-01", -12600, "-03:30"},
        {"UTC+2", "2020-07-01", 7200, "+02:00"},
        {"GMT-03:00", "2020-07-01", -10800, "-03:00"},
        {"Z", "2020-07-01", 0, "UTC"},
        {"+18:00", "2020-07-01", 64800, "+18:00"},
        {"-18:00:00", "2020-07-01", -64800, "-18:00"},
    };
    struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct time_zone *zone = zone_of(&zones, &arena, cases[i].zone);
        int64_t instant = instant_of(cases[i].instant);
        if (time_zone_offset(zone, instant) != cases[i].offset)
            fail_msg("%s %s: %d", cases[i].zone, cases[i].instant, time_zone_offset(zone, instant));
        if (!slice_equal(time_zone_abbreviation(zone, instant), slice_of(cases[i].abbreviation)))
            fail_msg("%s %s: %s", cases[i].zone, cases[i].instant, time_zone_abbreviation(zone, instant).data);
    }
    static const char *const bad[] = {
        "",  "Nowhere", "../../../etc/passwd", "/etc/passwd", "Europe", "+19:00",    "+1:2:3:4",
        "+", "UTC+",    "Europe/Vi\nenna",     "tzdata.zi",   "+18:01", "-18:00:01", "+12:60"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct time_zone *zone;
        struct error error;
        assert_int_equal(time_zone_find(&zones, &arena, slice_of(bad[i]), &zone, &error), ERROR_INVALID);
    }
    arena_release(&arena);
    time_zones_release(&zones);
}

/* A skipped local time is moved on by the gap, the first of two equal ones is taken. */
static void test_local(void **state) {
    (void)state;
    static const struct {
        const char *zone, *local, *instant;
    } cases[] = {
        {"Europe/Vienna", "2020-07-01T12:00", "2020-07-01T10:00"},
        {"Europe/Vienna", "2020-03-29T01:59:59", "2020-03-29T00:59:59"},
        {"Europe/Vienna", "2020-03-29T02:30", "2020-03-29T01:30"},
        {"Europe/Vienna", "2020-03-29T03:00", "2020-03-29T01:00"},
        {"Europe/Vienna", "2020-10-25T02:30", "2020-10-25T00:30"},
        {"Europe/Vienna", "2020-10-25T03:00", "2020-10-25T02:00"},
        {"America/Los_Angeles", "2020-03-08T02:30", "2020-03-08T10:30"},
        {"America/Los_Angeles", "2020-11-01T01:30", "2020-11-01T08:30"},
        {"America/Los_Angeles", "2090-07-01T00:00", "2090-07-01T07:00"},
        {"-03:30", "2020-07-01T00:00", "2020-07-01T03:30"},
    };
    struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t instant = time_zone_instant(zone_of(&zones, &arena, cases[i].zone), instant_of(cases[i].local));
        if (instant != instant_of(cases[i].instant))
            fail_msg("%s %s: %lld", cases[i].zone, cases[i].local, (long long)instant);
    }
    arena_release(&arena);
    time_zones_release(&zones);
}

/* --- patterns
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_format(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *zone, *instant, *text; /* text NULL: the pattern does not compile */
    } cases[] = {
        {"yyyy-MM-dd HH:mm:ss.SSS", "UTC", "2020-02-09T03:04:05.067", "2020-02-09 03:04:05.067"},
        {"yyyy-MM-dd'T'HH:mm:ssX", "UTC", "2020-02-09T03:04:05.067", "2020-02-09T03:04:05Z"},
        {"yyyy-MM-dd'T'HH:mm:ssXXX", "Europe/Vienna", "2020-07-09T03:04:05", "2020-07-09T05:04:05+02:00"},
        {"X x XX xx XXX xxx Z ZZZZ ZZZZZ O OOOO", "Asia/Kolkata", "2020-07-09",
         "+0530 +0530 +0530 +0530 +05:30 +05:30 +0530 GMT+05:30 +05:30 GMT+5:30 GMT+05:30"},
        {"X x XX xx XXX xxx Z ZZZZ ZZZZZ O OOOO", "UTC", "2020-07-09", "Z +00 Z +0000 Z +00:00 +0000 GMT Z GMT GMT"},
        {"VV z zzzz", "America/Los_Angeles", "2020-07-09", "America/Los_Angeles PDT Pacific Daylight Time"},
        {"VV z", "UTC", "2020-07-09", "Z UTC"},
        {"y yy yyy yyyy u", "UTC", "2020-07-09", "2020 20 2020 2020 2020"},
        {"yyyy G GGGG u", "UTC", "-0043-07-09", "0044 BC Before Christ -43"},
        {"M MM MMM MMMM MMMMM", "UTC", "2020-07-09", "7 07 Jul July J"},
        {"d dd D DDD", "UTC", "2020-02-09", "9 09 40 040"},
        {"E EEEE EEEEE e c", "UTC", "2020-02-09", "Sun Sunday S 1 1"},
        {"E e ee eee", "UTC", "2020-02-10", "Mon 2 02 Mon"},
        {"Q QQ QQQ QQQQ", "UTC", "2020-05-10", "2 02 Q2 2nd quarter"},
        {"h hh H HH k kk K KK a", "UTC", "2020-05-10T00:30", "12 12 0 00 24 24 0 00 AM"},
        {"h hh H HH k kk K KK a", "UTC", "2020-05-10T15:30", "3 03 15 15 15 15 3 03 PM"},
        {"m mm s ss S SS SSS SSSSSS n A N", "UTC", "2020-05-10T00:01:02.345",
         "1 01 2 02 3 34 345 345000 345000000 62345 62345000000"},
        {"Y-w W", "UTC", "2020-12-27", "2021-1 5"},
        {"Y-ww W", "UTC", "2021-01-01", "2021-01 1"},
        {"Y-ww", "UTC", "2020-12-26", "2020-52"},
        {"'It''s' yyyy''", "UTC", "2020-05-10", "It's 2020'"},
        {"yyyy[-MM]", "UTC", "2020-05-10", "2020-05"},
        {"yyyy/MM/dd, HH.mm", "UTC", "2020-05-10T10:11", "2020/05/10, 10.11"},
        {"yyyy", "UTC", "+12020", NULL},
        {"yyyy-MM-ddThh", "UTC", "2020-05-10", NULL},
        {"bbb", "UTC", "2020-05-10", NULL},
        {"'open", "UTC", "2020-05-10", NULL},
        {"ddd", "UTC", "2020-05-10", NULL},
        {"VVV", "UTC", "2020-05-10", NULL},
        {"yyyy]", "UTC", "2020-05-10", NULL},
        {"{yyyy}", "UTC", "2020-05-10", NULL},
        {"aa", "UTC", "2020-05-10", NULL},
    };
    struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        const struct java_time_pattern *pattern;
        struct error error;
        struct bytes text = {0};
        int code = java_time_pattern_compile(&arena, slice_of(cases[i].pattern), &pattern, &error);
        if (!cases[i].text && cases[i].instant[0] != '+') {
            assert_int_equal(code, ERROR_INVALID);
        } else if (cases[i].text) {
            assert_int_equal(code, 0);
            struct java_time time =
                java_time_of_instant(instant_of(cases[i].instant), zone_of(&zones, &arena, cases[i].zone));
            assert_int_equal(java_time_format(pattern, &time, &text, &error), 0);
            bytes_append_char(&text, '\0');
            assert_string_equal(text.data, cases[i].text);
        }
        bytes_release(&text);
        arena_release(&arena);
    }
    time_zones_release(&zones);
}

/* A value without a date has none to write. */
static void test_format_parts(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        bool date, time;
        const char *text;
    } cases[] = {
        {"yyyy-MM-dd", true, false, "1970-01-11"},
        {"yyyy-MM-dd HH", true, false, NULL},
        {"HH:mm", false, true, "10:15"},
        {"HH:mm X", false, true, NULL},
        {"dd HH", false, true, NULL},
        {"[dd ]HH", false, true, "10"},
        {"dd[ HH]", true, false, "11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        const struct java_time_pattern *pattern;
        struct error error;
        struct bytes text = {0};
        struct java_time time = {
            .has_date = cases[i].date, .has_time = cases[i].time, .days = 10, .milliseconds = 36900000};
        assert_int_equal(java_time_pattern_compile(&arena, slice_of(cases[i].pattern), &pattern, &error), 0);
        assert_int_equal(java_time_format(pattern, &time, &text, &error), cases[i].text ? 0 : ERROR_INVALID);
        if (cases[i].text)
            assert_true(slice_equal(bytes_slice(&text), slice_of(cases[i].text)));
        bytes_release(&text);
        arena_release(&arena);
    }
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text, *instant; /* NULL: does not match */
    } cases[] = {
        {"yyyy-MM-dd HH:mm:ss.SSS", "2020-02-09 03:04:05.067", "2020-02-09T03:04:05.067"},
        {"yyyy-MM-dd HH:mm:ss.SSS", "2021-06-31 12:18:39.446", "2021-06-30T12:18:39.446"},
        {"yyyy-MM-dd", "2020-02-32", NULL},
        {"yyyy-MM-dd", "2020-13-01", NULL},
        {"yyyy-MM-dd", "2020-2-09", NULL},
        {"yyyy-M-d", "2020-2-9", "2020-02-09"},
        {"yyyy-M-d", "2020-12-31", "2020-12-31"},
        {"yyyy-MM-dd", "2020-02-09 ", NULL},
        {"yyyy-MM-dd", "12020-02-09", NULL},
        {"yyyyMMdd", "20200209", "2020-02-09"},
        {"yyyyMMddHHmmssSSS", "20200209030405067", "2020-02-09T03:04:05.067"},
        {"yyMMdd", "200209", "2020-02-09"},
        {"dMMyyyy", "9022020", NULL},
        {"ddMMyyyy", "09022020", "2020-02-09"},
        {"uuuu", "2020", "2020-01-01"},
        {"yyyy G", "0044 BC", "-0043-01-01"},
        {"HH:mm", "10:15", "1970-01-01T10:15"},
        {"HH:mm", "24:00", "1970-01-01T00:00"},
        {"yyyy-MM-dd HH:mm", "2020-12-31 24:00", "2021-01-01T00:00"},
        {"HH:mm", "24:01", NULL},
        {"HH:mm", "10:60", NULL},
        {"h:mm a", "12:15 AM", "1970-01-01T00:15"},
        {"h:mm a", "12:15 pm", "1970-01-01T12:15"},
        {"hh:mm a", "03:15 PM", "1970-01-01T15:15"},
        {"hh:mm", "03:15", NULL},
        {"MMM d, yyyy", "Feb 9, 2020", "2020-02-09"},
        {"MMMM d, yyyy", "february 9, 2020", "2020-02-09"},
        {"EEE, d MMM yyyy", "Sun, 9 Feb 2020", "2020-02-09"},
        {"EEE, d MMM yyyy", "Mon, 9 Feb 2020", NULL},
        {"yyyy-DDD", "2020-366", "2020-12-31"},
        {"yyyy-DDD", "2019-366", NULL},
        {"yyyy-MM-dd'T'HH:mm:ssX", "2020-02-09T03:04:05Z", "2020-02-09T03:04:05"},
        {"yyyy-MM-dd'T'HH:mm:ssX", "2020-02-09T03:04:05+01", "2020-02-09T02:04:05"},
        {"yyyy-MM-dd'T'HH:mm:ssX", "2020-02-09T03:04:05-0130", "2020-02-09T04:34:05"},
        {"yyyy-MM-dd'T'HH:mm:ssXXX", "2020-02-09T03:04:05+01:00", "2020-02-09T02:04:05"},
        {"yyyy-MM-dd'T'HH:mm:ssXXX", "2020-02-09T03:04:05+0100", NULL},
        {"yyyy-MM-dd'T'HH:mm:ssZ", "2020-02-09T03:04:05+0000", "2020-02-09T03:04:05"},
        {"yyyy-MM-dd HH:mm z", "2020-07-09 03:04 PDT", "2020-07-09T10:04"},
        {"yyyy-MM-dd HH:mm z", "2020-07-09 03:04 Europe/Vienna", "2020-07-09T01:04"},
        {"yyyy-MM-dd HH:mm VV", "2020-07-09 03:04 Europe/Vienna", "2020-07-09T01:04"},
        {"yyyy-MM-dd HH:mm VV", "2020-07-09 03:04 Europe/Nowhere", NULL},
        {"yyyy-MM-dd HH:mm O", "2020-07-09 03:04 GMT+2", "2020-07-09T01:04"},
        {"yyyy-MM-dd[ HH:mm[:ss]]", "2020-07-09", "2020-07-09"},
        {"yyyy-MM-dd[ HH:mm[:ss]]", "2020-07-09 03:04", "2020-07-09T03:04"},
        {"yyyy-MM-dd[ HH:mm[:ss]]", "2020-07-09 03:04:05", "2020-07-09T03:04:05"},
        {"yyyy-MM-dd[ HH:mm[:ss]]", "2020-07-09 03:04:", NULL},
        {"HH:mm:ss.SSSSSSSSS", "10:15:30.123456789", "1970-01-01T10:15:30.123"},
        {"HH:mm:ss.SS", "10:15:30.1", NULL},
        {"yyyy-MM-dd'T'HH", "2020-07-09t03", "2020-07-09T03:00"},
        {"yyyy", "", NULL},
        {"", "", "1970-01-01"},
        {"", "x", NULL},
        {"yyyy-MM-dd yyyy", "2020-07-09 2020", "2020-07-09"},
        {"yyyy-MM-dd yyyy", "2020-07-09 2021", NULL},
    };
    struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        const struct java_time_pattern *pattern;
        struct java_time_read read;
        struct error error;
        assert_int_equal(java_time_pattern_compile(&arena, slice_of(cases[i].pattern), &pattern, &error), 0);
        int code = java_time_parse(pattern, slice_of(cases[i].text), &zones, &arena, &read, &error);
        if ((code == 0) != (cases[i].instant != NULL))
            fail_msg("%s by %s: %s", cases[i].text, cases[i].pattern, code ? error.message : "was read");
        if (!code) {
            int64_t local = read.days * MILLISECONDS_OF_DAY + read.milliseconds;
            int64_t instant = read.zone ? time_zone_instant(read.zone, local) : local;
            if (instant != instant_of(cases[i].instant))
                fail_msg("%s by %s: %lld", cases[i].text, cases[i].pattern, (long long)instant);
        }
        arena_release(&arena);
    }
    time_zones_release(&zones);
}

/* What is written is read back, for many instants in several zones and patterns. */
static void test_round_trip(void **state) {
    (void)state;
    static const char *const patterns[] = {"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "EEEE, d MMMM uuuu hh:mm:ss.SSS a VV",
                                           "yyyyMMddHHmmssSSSX", "D yyyy A VV"};
    static const char *const names[] = {"UTC", "Europe/Vienna", "America/Los_Angeles", "Australia/Lord_Howe", "+05:45"};
    struct time_zones zones = {.folder = TIME_ZONE_FOLDER};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct arena arena = {0};
        const struct java_time_pattern *pattern;
        struct error error;
        assert_int_equal(java_time_pattern_compile(&arena, slice_of(patterns[i]), &pattern, &error), 0);
        for (size_t z = 0; z < sizeof names / sizeof *names; z++) {
            const struct time_zone *zone = zone_of(&zones, &arena, names[z]);
            if (i == 2 && z > 1 && z != 2)
                continue; /* X has no minutes next to digits */
            for (int64_t instant = INT64_C(123456789); instant < INT64_C(4000000000000);
                 instant += INT64_C(54321098765)) {
                struct java_time time = java_time_of_instant(instant, zone);
                struct java_time_read read;
                struct bytes text = {0};
                assert_int_equal(java_time_format(pattern, &time, &text, &error), 0);
                if (java_time_parse(pattern, bytes_slice(&text), &zones, &arena, &read, &error))
                    fail_msg("%s", error.message);
                assert_true(time_zone_instant(read.zone, read.days * MILLISECONDS_OF_DAY + read.milliseconds) ==
                            instant);
                bytes_release(&text);
            }
        }
        arena_release(&arena);
    }
    time_zones_release(&zones);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),      cmocka_unit_test(test_local), cmocka_unit_test(test_format),
        cmocka_unit_test(test_format_parts), cmocka_unit_test(test_parse), cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

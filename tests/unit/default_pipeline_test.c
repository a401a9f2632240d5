/* The default pipeline: with its default numbers it is the shipped file, statement by statement; other numbers change
 * only what they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "cli/run/default_pipeline.h"
#include "core/memory.h"
#include "sql/session/session.h"

static const unsigned char shipped[] = {
#include "aggregates.inc"
};

struct planned {
    struct session *session;
    struct bytes text; /* "id topic window grace definition" of each query */
};

static int planned_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct planned *planned = context;
    (void)error;
    if (effect->kind != EFFECT_QUERY_START)
        return 0;
    const struct query_plan *query = effect->query;
    const struct node_plan *sink = query->stages[0].sink, *group = sink;
    while (group->kind != NODE_AGGREGATE)
        group = group->inputs[0];
    assert_int_equal(query->stage_count, 1);
    bytes_append_format(&planned->text, "%s %s %lld %lld %lld %s\n", query->id, sink->sink.topic,
                        (long long)group->aggregate.window.size, (long long)group->aggregate.window.grace,
                        (long long)query->stages[0].sources[0]->source->max_ahead,
                        query->stages[0].sources[0]->source->topic);
    bytes_append_format(&planned->text, "%016llx\n", (unsigned long long)query->definition);
    return 0;
}

static void plan(struct planned *planned, const char *text) {
    struct error error;
    *planned = (struct planned){0};
    if (session_new(&(struct session_options){.clock = &clock_system}, &planned->session, &error) ||
        session_execute(planned->session, slice_of(text), planned_effect, planned, &error))
        fail_msg("%s", error.message);
    bytes_append_char(&planned->text, '\0');
}

static void release(struct planned *planned) {
    session_free(planned->session);
    bytes_release(&planned->text);
}

static void write_default(const char *topic, const char *windows, int64_t grace, int64_t ahead, struct bytes *to) {
    struct default_pipeline pipeline = {.topic = topic, .grace = grace, .max_ahead = ahead};
    struct error error;
    if (default_pipeline_read_windows(windows, &pipeline, &error))
        fail_msg("%s", error.message);
    default_pipeline_write(&pipeline, to);
    bytes_append_char(to, '\0');
    assert_false(to->failed);
}

static void test_default_is_the_shipped_file(void **state) {
    (void)state;
    struct bytes text = {0};
    struct planned own, file;
    write_default("metrics", "60,600,3600,86400", 300000, 86400000, &text);
    plan(&own, text.data);
    plan(&file, (const char *)shipped);
    assert_int_equal(strncmp(own.text.data, "AGGREGATES_60 metrics-aggregates-60 60000 300000 86400000 metrics\n", 66),
                     0);
    assert_string_equal(own.text.data, file.text.data);
    release(&own);
    release(&file);
    bytes_release(&text);
}

static void test_other_numbers(void **state) {
    (void)state;
    struct bytes text = {0};
    struct planned own;
    write_default("a-b.c", "1h,900", 0, 0, &text);
    plan(&own, text.data);
    assert_non_null(strstr(own.text.data, "AGGREGATES_900_A_B_C_"));
    assert_non_null(strstr(own.text.data, " a-b.c-aggregates-900 900000 0 1 a-b.c\n"));
    assert_non_null(strstr(own.text.data, " a-b.c-aggregates-3600 3600000 0 1 a-b.c\n"));
    release(&own);
    text.length = 0;
    write_default("it's", "60", 1, 1, &text);
    assert_non_null(strstr(text.data, "KAFKA_TOPIC = 'it''s'"));
    assert_non_null(strstr(text.data, "KAFKA_TOPIC = 'it''s-aggregates-60'"));
    bytes_release(&text);
}

static void test_calendars(void **state) {
    (void)state;
    struct bytes text = {0};
    struct planned own;
    write_default("metrics",
                  "3600,day@Europe/Athens,month~15@Europe/Paris,day+06:00@Europe/Berlin,15min@Asia/Kathmandu,"
                  "week~SUNDAY@UTC,year~10-01@UTC",
                  60000, 86400000, &text);
    plan(&own, text.data);
    static const char *const expected[] = {
        "AGGREGATES_3600 metrics-aggregates-3600 3600000 60000 86400000 metrics\n",
        "AGGREGATES_DAY_EUROPE_ATHENS metrics-aggregates-day.Europe.Athens 180000000 60000 86400000 metrics\n",
        "AGGREGATES_MONTH_15_EUROPE_PARIS metrics-aggregates-month-15.Europe.Paris ",
        "AGGREGATES_DAY_P06_00_EUROPE_BERLIN metrics-aggregates-day_06_00.Europe.Berlin ",
        "AGGREGATES_15MIN_ASIA_KATHMANDU metrics-aggregates-15min.Asia.Kathmandu 900000 ",
        "AGGREGATES_WEEK_SUNDAY_UTC metrics-aggregates-week-SUNDAY.UTC ",
        "AGGREGATES_YEAR_10_M01_UTC metrics-aggregates-year-10-01.UTC ",
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(own.text.data, expected[i]))
            fail_msg("%s is not in\n%s", expected[i], own.text.data);
    assert_non_null(strstr(text.data, "SIZE 1 month, TIMEZONE 'Europe/Paris', STARTING DAY 15"));
    assert_non_null(strstr(text.data, "SIZE 1 day, TIMEZONE 'Europe/Berlin', OFFSET 360 MINUTES"));
    assert_non_null(strstr(text.data, "'Europe/Athens' AS `timezone`"));
    assert_non_null(strstr(text.data, "SIZE 1 week, TIMEZONE 'UTC', STARTING SUNDAY"));
    assert_non_null(strstr(text.data, "'UTC' AS `timezone`"));
    assert_null(strstr(text.data, "'Z'"));
    release(&own);
    bytes_release(&text);
}

/* The position of a query is found by its id and definition: both may not depend on the sizes beside it. */
static void test_a_query_is_the_same_whatever_is_beside_it(void **state) {
    (void)state;
    struct bytes one = {0}, two = {0};
    struct planned alone, beside;
    write_default("metrics", "3600", 300000, 86400000, &one);
    write_default("metrics", "60,3600,7200", 300000, 86400000, &two);
    plan(&alone, one.data);
    plan(&beside, two.data);
    assert_non_null(strstr(beside.text.data, alone.text.data));
    release(&alone);
    release(&beside);
    bytes_release(&one);
    bytes_release(&two);
}

static void test_window_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t sizes[4]; /* s; all 0: it is refused */
        const char *message;
    } cases[] = {
        {"60", {60}, NULL},
        {"3600,60,7", {7, 60, 3600}, NULL},
        {"15m,1h,1d", {900, 3600, 86400}, NULL},
        {"31622400", {31622400}, NULL},
        {"", {0}, "'' is not a whole number"},
        {"60,", {0}, "'' is not a whole number"},
        {"1.5", {0}, "is not a whole number of seconds"},
        {"500ms", {0}, "is not a whole number of seconds"},
        {"x", {0}, "'x' is not a whole number"},
        {"day@Europe/Atlantis", {0}, "unknown time zone 'Europe/Atlantis'"},
        {"day@+02:00", {0}, "need a zone whose name a topic can hold"},
        {"month@UTC,month@UTC", {0}, "window size month@UTC is given twice"},
        {"0", {0}, "out of range"},
        {"-5", {0}, "size"},
        {"31622401", {0}, "out of range"},
        {"60,1m", {0}, "window size 60 is given twice"},
        {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", {0}, "more than 16"},
        {"99999999999999999999999999999999999999999", {0}, "is not a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct default_pipeline pipeline = {.topic = "t"};
        struct error error;
        int status = default_pipeline_read_windows(cases[i].text, &pipeline, &error);
        if (cases[i].message) {
            assert_int_equal(status, ERROR_INVALID);
            if (!strstr(error.message, cases[i].message))
                fail_msg("%s: %s", cases[i].text, error.message);
            continue;
        }
        assert_int_equal(status, 0);
        for (size_t s = 0; s < pipeline.window_count; s++)
            assert_int_equal(pipeline.windows[s].size, cases[i].sizes[s] * 1000);
        assert_true(pipeline.window_count == 4 || cases[i].sizes[pipeline.window_count] == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_default_is_the_shipped_file),
                                       cmocka_unit_test(test_other_numbers), cmocka_unit_test(test_calendars),
                                       cmocka_unit_test(test_a_query_is_the_same_whatever_is_beside_it),
                                       cmocka_unit_test(test_window_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

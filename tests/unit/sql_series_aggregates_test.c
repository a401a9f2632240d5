/* The shipped aggregates and what is made for other windows are recognised; what differs in anything is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sql/plan/series_aggregates.h"
#include "sql/session/session.h"

enum { FOUND_MAXIMUM = 8 };

struct found {
    size_t queries, count;
    struct series_aggregate aggregates[FOUND_MAXIMUM];
    char topics[FOUND_MAXIMUM][64];
};

static int take(void *context, const struct session_effect *effect, struct error *error) {
    struct found *found = context;
    struct series_aggregate aggregate;
    (void)error;
    if (effect->kind != EFFECT_QUERY_START)
        return 0;
    found->queries++;
    if (series_aggregate_recognise(effect->query, &aggregate)) {
        snprintf(found->topics[found->count], sizeof found->topics[0], "%s", aggregate.topic);
        found->aggregates[found->count++] = aggregate;
    }
    return 0;
}

static struct found run(struct slice text) {
    struct session_options options = {.clock = &clock_system};
    struct found found = {0};
    struct session *session;
    struct error error = {0};
    assert_int_equal(session_new(&options, &session, &error), 0);
    if (session_execute(session, text, take, &found, &error))
        fail_msg("%s", error.message);
    session_free(session);
    return found;
}

static void test_shipped_file(void **state) {
    (void)state;
    static const int64_t sizes[] = {60000, 600000, 3600000, 86400000};
    char text[16384];
    FILE *file = fopen(SHIPPED_AGGREGATES, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    struct found found = run((struct slice){text, length});
    assert_int_equal(found.queries, 4);
    assert_int_equal(found.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(found.aggregates[i].size, sizes[i]);
        assert_int_equal(found.aggregates[i].grace, 300000);
        assert_string_equal(found.topics[i], "metrics");
    }
}

static void test_written_for_other_windows(void **state) {
    (void)state;
    struct window_settings windows;
    struct error error = {0};
    cleanup(bytes_release) struct bytes text = {0};
    assert_int_equal(window_settings_read("900,86400", 1500, &windows, &error), 0);
    series_aggregates_write(&text, "other.readings", &windows);
    struct found found = run(bytes_slice(&text));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.aggregates[0].size, 900000);
    assert_int_equal(found.aggregates[1].size, 86400000);
    assert_int_equal(found.aggregates[1].grace, 1500);
    assert_string_equal(found.topics[1], "other.readings");
}

/* One change each: another filter, list, format, window, topic. */
static void test_others(void **state) {
    (void)state;
    static const char *const changes[][2] = {
        {"GROUP BY SERIES", "WHERE `value` > 0.0E0 GROUP BY SERIES"},
        {"COUNT(*) AS `sampleCount`, ", ""},
        {"MIN(`value`) AS `min`", "MIN(`value` + 1) AS `min`"},
        {"EMIT FINAL", "EMIT CHANGES"},
        {"metrics-aggregates-60", "somewhere"},
        {", WINDOW_IN_KEY = FALSE", ""},
        {"TUMBLING (SIZE 60 SECONDS", "HOPPING (SIZE 60 SECONDS, ADVANCE BY 30 SECONDS"},
        {"VALUE_FORMAT = 'JSON'", "VALUE_FORMAT = 'AVRO'"},
    };
    struct window_settings windows;
    struct error error = {0};
    cleanup(bytes_release) struct bytes text = {0};
    assert_int_equal(window_settings_read("60", 0, &windows, &error), 0);
    series_aggregates_write(&text, "metrics", &windows);
    bytes_append_char(&text, '\0');
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char changed[8192];
        const char *at = strstr(text.data, changes[i][0]);
        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text.data), text.data, changes[i][1],
                 at + strlen(changes[i][0]));
        struct found found = run(slice_of(changed));
        assert_int_equal(found.queries, 1);
        assert_int_equal(found.count, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped_file),
                                       cmocka_unit_test(test_written_for_other_windows), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

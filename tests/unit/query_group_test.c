/* Groups: what their topics and positions are called, that they are independent, and what is left of them when they
 * are to be forgotten. */
#include "query_fixture.h"
#include "stream/group/forget.h"
#include "stream/group/grouping.h"
#include "stream/group/internal_topic.h"
#include "stream/group/results.h"

#define FIFTY "12345678901234567890123456789012345678901234567890"
#define LONG  FIFTY FIFTY FIFTY FIFTY FIFTY

static void test_names_of_internal_topics(void **state) {
    static const struct {
        const char *group, *query;
        enum internal_topic kind;
        size_t stage;
        const char *name;
    } cases[] = {
        {"run", "CTAS_C_1", INTERNAL_REPARTITION, 0, "_meterline-run.CTAS_C_1.repartition-0"},
        {"run", "CTAS_C_1", INTERNAL_CHANGELOG, 1, "_meterline-run.CTAS_C_1.changelog-1"},
        {"a-b_c", "Q", INTERNAL_CHANGELOG, 12, "_meterline-a-b_c.Q.changelog-12"},
        {"a.b", "Q", INTERNAL_CHANGELOG, 0, "_meterline-a_b..e61d99190466522c.Q.changelog-0"},
        {"run", "CTAS_a b_2", INTERNAL_REPARTITION, 0, "_meterline-run.CTAS_a_b_2..d3eabd3e59ce2c9d.repartition-0"},
        {"", "Q", INTERNAL_REPARTITION, 0, "_meterline-..cbf29ce484222325.Q.repartition-0"},
    };
    char name[BUS_TOPIC_NAME_MAXIMUM + 1], other[BUS_TOPIC_NAME_MAXIMUM + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        internal_topic_name(cases[i].kind, cases[i].group, cases[i].query, cases[i].stage, name);
        assert_string_equal(name, cases[i].name);
        assert_true(internal_topic_belongs(name, cases[i].group, NULL));
        assert_true(internal_topic_belongs(name, cases[i].group, cases[i].query));
        assert_false(internal_topic_belongs(name, cases[i].group, "CTAS"));
        assert_false(internal_topic_belongs(name, "r", NULL));
    }
    /* What is cut alike differs; what is whole is nobody's prefix. */
    internal_topic_name(INTERNAL_REPARTITION, LONG "1", LONG "1", 9999, name);
    internal_topic_name(INTERNAL_REPARTITION, LONG "1", LONG "2", 9999, other);
    assert_string_not_equal(name, other);
    assert_true(strlen(name) <= BUS_TOPIC_NAME_MAXIMUM);
    internal_topic_name(INTERNAL_CHANGELOG, "run.more", "Q", 0, name);
    assert_false(internal_topic_belongs(name, "run", NULL));
    assert_false(internal_topic_belongs("_meterline-run_more..0123456789abcdef.Q.changelog-0", "run_more", NULL));
    assert_false(internal_topic_belongs("_meterline-commands", "", NULL));
}

static void test_names_of_groups(void **state) {
    static const struct {
        const char *group, *name;
        bool belongs;
    } cases[] = {
        {"run.sql.t", "run", true},   {"run.sql.t.2", "run", true},
        {"run", "run", false},        {"run.sqlt", "run", false},
        {"x.sql", "x", false},        {"runs.sql.t", "run", false},
        {"run.sql.t", "runs", false}, {"a.b.sql.metrics", "a.b", true},
    };
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (query_group_belongs(cases[i].group, cases[i].name) != cases[i].belongs)
            fail_msg("%s of %s", cases[i].group, cases[i].name);
    static const char *const good[] = {"run", "a.b", "sql", "x.sqlx", "mysql"}, *const bad[] = {"x.sql.y", "x.sql",
                                                                                                ".sql."};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(query_group_check_name(good[i], &error), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(query_group_check_name(bad[i], &error), ERROR_INVALID);
        assert_non_null(strstr(error.message, bad[i]));
    }
}

#define COUNTS                                                                                                         \
    "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);"                 \
    "CREATE TABLE c WITH (KAFKA_TOPIC='c', PARTITIONS=1) AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;"

static void put_counted(struct fixture *f) {
    static const struct {
        const char *key, *value;
    } rows[] = {{"k1", "{\"v\":1}"}, {"k2", "{\"v\":2}"}, {"k3", "{\"v\":3}"},
                {"k1", "{\"v\":1}"}, {"k1", "{\"v\":1}"}, {"k2", "{\"v\":2}"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        put(f, "s", rows[i].key, rows[i].value, 1000);
}

/* How often a line is in the topic. */
static size_t count_of(struct fixture *f, const char *topic, const char *line) {
    char *text = dump(f, topic, false);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, line)); at++)
        count++;
    free(text);
    return count;
}

static size_t count_topics(struct fixture *f, const char *group) {
    struct bus_topic_list list;
    size_t count = 0;
    OK(bus_topics(f->bus, &list, &f->error));
    for (size_t i = 0; i < list.count; i++)
        count += internal_topic_belongs(list.topics[i].name, group, NULL);
    bus_topic_list_release(&list);
    return count;
}

static size_t count_positions(struct fixture *f) {
    struct bus_group_list list;
    OK(bus_groups(f->bus, &list, &f->error));
    size_t count = list.count;
    bus_group_list_release(&list);
    return count;
}

/* Each has repartition topics of its own: neither reads what the other has written there. */
static void test_groups_are_independent(void **state) {
    struct fixture *f = *state;
    sql(f, COUNTS);
    put_counted(f);
    run(f);
    assert_int_equal(count_of(f, "c", "{\"N\":3}"), 1);
    f->settings.group = "other";
    run(f);
    assert_int_equal(count_of(f, "c", "{\"N\":3}"), 2);
    assert_int_equal(count_of(f, "c", "{\"N\":4}"), 0);
    f->settings.group = "g";
    put(f, "s", "k1", "{\"v\":1}", 2000);
    run(f);
    assert_int_equal(count_of(f, "c", "{\"N\":4}"), 1);
    assert_int_equal(count_of(f, "c", "{\"N\":5}"), 0);
}

static void test_forgotten_group_counts_once(void **state) {
    struct fixture *f = *state;
    sql(f, COUNTS);
    put_counted(f);
    run(f);
    f->settings.group = "g2";
    run(f);
    assert_int_equal(count_topics(f, "g"), 2);
    size_t positions = count_positions(f);
    OK(query_forget_all(f->bus, "g", &f->error));
    assert_int_equal(count_topics(f, "g"), 0);
    assert_int_equal(count_topics(f, "g2"), 2);
    assert_int_equal(count_positions(f), positions / 2);
    f->settings.group = "g";
    run(f);
    assert_int_equal(count_of(f, "c", "{\"N\":3}"), 3); /* of three passes */
    assert_int_equal(count_of(f, "c", "{\"N\":4}"), 0);
}

/* A query that was dropped leaves nothing; what shares a group with others stays until they have gone too. */
static void test_forgotten_queries(void **state) {
    struct fixture *f = *state;
    sql(f, COUNTS "CREATE TABLE d WITH (KAFKA_TOPIC='d') AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;");
    put_counted(f);
    run(f);
    assert_int_equal(count_topics(f, "g"), 4);
    size_t positions = count_positions(f);
    const char *ids[] = {f->plans[0]->id, f->plans[1]->id};
    OK(query_forget_queries(f->bus, "g", ids, 0, &f->error));
    assert_int_equal(count_topics(f, "g"), 4);
    OK(query_forget_queries(f->bus, "g", ids, 1, &f->error));
    assert_int_equal(count_topics(f, "g"), 2);
    assert_int_equal(count_positions(f), positions - 2); /* of its own repartition topic */
    OK(query_forget_queries(f->bus, "g", ids, 2, &f->error));
    assert_int_equal(count_topics(f, "g"), 0);
    assert_int_equal(count_positions(f), 0);
}

/* Names that are longer than a topic's may be, or have other characters, stay apart. */
static void test_long_and_odd_names(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {FIFTY FIFTY FIFTY FIFTY "1", FIFTY FIFTY FIFTY FIFTY "2", "a b"};
    char text[2000];
    sql(f, "CREATE STREAM s (k STRING KEY, v INT, w INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);");
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text,
                 "CREATE TABLE `x%s` WITH (KAFKA_TOPIC='o%zu', PARTITIONS=1) AS SELECT %s, COUNT(*) AS n FROM s GROUP "
                 "BY %s;",
                 names[i], i, i == 1 ? "w" : "v", i == 1 ? "w" : "v");
        sql(f, text);
    }
    put(f, "s", "k", "{\"v\":1,\"w\":7}", 1);
    put(f, "s", "k", "{\"v\":1,\"w\":8}", 2);
    run(f);
    assert_int_equal(count_of(f, "o0", "{\"N\":2}"), 1);
    assert_int_equal(count_of(f, "o1", "{\"N\":1}"), 2);
    assert_int_equal(count_of(f, "o1", "{\"N\":2}"), 0);
    assert_int_equal(count_of(f, "o2", "{\"N\":2}"), 1);
}

static void test_bad_group_is_refused(void **state) {
    struct fixture *f = *state;
    sql(f, COUNTS);
    f->settings.group = "x.sql.y";
    RUN_FAILS(ERROR_INVALID, "x.sql.y");
}

/* Who would write the results of another group once more is told so; who asks for what there is learns it. */
static void test_results_of_another_group(void **state) {
    struct fixture *f = *state;
    struct bytes list = {0};
    sql(f, COUNTS
        "CREATE STREAM copy WITH (KAFKA_TOPIC='copy') AS SELECT k, v FROM s; INSERT INTO copy SELECT k, v + 1 AS "
        "v FROM s;");
    put_counted(f);
    OK(query_results_check(f->bus, "g", f->plans, f->plan_count, &f->error));
    run(f);
    OK(query_results_check(f->bus, "g", f->plans, f->plan_count, &f->error));
    FAILS(query_results_check(f->bus, "other", f->plans, f->plan_count, &f->error), ERROR_EXISTS, "group other would");
    assert_non_null(strstr(f->error.message, "--group g,"));
    OK(query_results_check(f->bus, "other", f->plans, 0, &f->error));
    f->settings.group = "other";
    run(f); /* all the same */
    OK(query_results_check(f->bus, "other", f->plans, f->plan_count, &f->error));
    OK(query_results_list(f->bus, f->plans, f->plan_count, &list, &f->error));
    bytes_append_char(&list, '\0');
    assert_string_equal(list.data, "c (12 records), copy (24 records)"); /* once, and not for INSERT */
    OK(query_results_empty(f->bus, f->plans, f->plan_count, &f->error));
    bytes_release(&list);
    OK(query_results_list(f->bus, f->plans, f->plan_count, &list, &f->error));
    assert_int_equal(list.length, 0);
    bytes_release(&list);
    put(f, "s", "k1", "{\"v\":1}", 2000);
    f->settings.group = "g";
    run(f);
    assert_int_equal(count_of(f, "c", "{\"N\":4}"), 1); /* the others go on */
}

enum { TABLES = 8, FLOOD = 30000 };

/* Queries of a group are removed while its workers have begun something for them. */
static void test_removal_under_load(void **state) {
    struct fixture *f = *state;
    struct query_runner *runner;
    struct bus_producer *producer;
    char text[300], key[16];
    f->settings.until_end = false;
    sql(f, "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);"
           "CREATE STREAM copy WITH (KAFKA_TOPIC='copy', PARTITIONS=1) AS SELECT k, v FROM s;");
    for (int i = 0; i < TABLES; i++) {
        snprintf(text, sizeof text, "CREATE TABLE c%d AS SELECT v, COUNT(*) AS n FROM s GROUP BY v;", i);
        sql(f, text);
    }
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, f->plan_count, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    for (int i = 0; i < FLOOD; i++) {
        snprintf(key, sizeof key, "k%d", i % 7);
        put_with(f, producer, "s", key, "{\"v\":1}", i);
        if (i % (FLOOD / TABLES) == FLOOD / TABLES / 2) {
            OK(bus_producer_commit(producer, NULL, 0, &f->error));
            OK(query_runner_remove(runner, f->plans[1 + i / (FLOOD / TABLES)]->id, true, &f->error));
        }
    }
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
    struct query_run_report report;
    for (uint64_t copied = 0; copied < FLOOD;) {
        assert_false(atomic_load(&f->stop));
        OK(query_runner_report(runner, &report, &f->error));
        copied = report.rows[0].total.emitted;
        query_run_report_release(&report);
        usleep(2000);
    }
    assert_int_equal(count_topics(f, "g"), 0);
    OK(query_runner_remove(runner, f->plans[0]->id, true, &f->error));
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    assert_int_equal(count_positions(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_internal_topics),
        cmocka_unit_test(test_names_of_groups),
        TEST(test_groups_are_independent),
        TEST(test_forgotten_group_counts_once),
        TEST(test_forgotten_queries),
        TEST(test_long_and_odd_names),
        TEST(test_bad_group_is_refused),
        TEST(test_results_of_another_group),
        TEST(test_removal_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

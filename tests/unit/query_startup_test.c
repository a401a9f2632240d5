/* Queries of which some cannot start: each fails alone, but those that share its positions wait with it. */
#include "query_fixture.h"
#include "stream/runtime/startup.h"

struct outcome {
    size_t failed;
    char ids[200];
    char why[1000]; /* of the last one */
};

static void note_failure(void *context, const struct query_plan *plan, const struct error *why) {
    struct outcome *outcome = context;
    outcome->failed++;
    strcat(strcat(outcome->ids, plan->id), " ");
    snprintf(outcome->why, sizeof outcome->why, "%s", why->message);
}

/* Starts the plans of the fixture and runs those that could start to the end. */
static struct outcome start_and_run(struct fixture *f) {
    struct outcome outcome = {0};
    struct query_runner *runner;
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_start(runner, f->plans, f->plan_count, note_failure, &outcome, &f->error));
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    return outcome;
}

/* As a statement of the log: whether it can run was not asked. */
static void sql_recalled(struct fixture *f, const char *text) {
    struct session_script script = {.text = slice_of(text), .recalled = true};
    OK(session_run(f->session, &script, &(struct session_door){.effect = fixture_effect, .context = f}, &f->error));
}

#define STREAM(name, partitions)                                                                                       \
    "CREATE STREAM " name " (k STRING KEY, v INT) WITH (KAFKA_TOPIC='" name "', VALUE_FORMAT='JSON', "                 \
    "PARTITIONS=" partitions ");"

/* A circle that an older version took: together its queries have no end, one by one each reads what was there. */
static void test_circle(void **state) {
    struct fixture *f = *state;
    sql(f, STREAM("s", "1") STREAM("t", "1"));
    sql(f, "CREATE STREAM copy AS SELECT * FROM t; CREATE STREAM cyc AS SELECT * FROM s;");
    sql_recalled(f, "INSERT INTO s SELECT * FROM cyc;");
    put(f, "s", "a", "{\"V\":1}", 1);
    put(f, "t", "b", "{\"V\":2}", 2);
    RUN_FAILS(ERROR_INVALID, "there is no end at which it could stop");
    assert_int_equal(start_and_run(f).failed, 0);
    assert_topic("COPY", "b {\"V\":2} 2\n");
    assert_topic("CYC", "a {\"V\":1} 1\n");
    assert_topic("s", "a {\"V\":1} 1\na {\"V\":1} 1\n");
}

static void test_only_impossible_ones_fail(void **state) {
    struct fixture *f = *state;
    sql(f, STREAM("one", "1") STREAM("two", "2") "CREATE STREAM copy AS SELECT * FROM one;");
    sql_recalled(f,
                 "CREATE STREAM j AS SELECT one.k AS k, one.v AS v FROM one JOIN two WITHIN 1 HOUR ON one.k = two.k;");
    sql(f, "CREATE STREAM more AS SELECT * FROM one;");
    put(f, "one", "a", "{\"V\":1}", 1);
    struct outcome outcome = start_and_run(f);
    assert_int_equal(outcome.failed, 1);
    assert_true(strncmp(outcome.ids, "CSAS_J_", 7) == 0);
    assert_non_null(strstr(outcome.why, "one has 1"));
    assert_topic("COPY", "a {\"V\":1} 1\n");
    assert_topic("MORE", "a {\"V\":1} 1\n");
    outcome = start_and_run(f); /* those that run have positions now, which are no business of the other */
    assert_int_equal(outcome.failed, 1);
    assert_topic("COPY", "a {\"V\":1} 1\n");
}

/* A changed definition: what shares the group of its positions waits, and is where it was when that is mended. */
static void test_sharers_wait(void **state) {
    struct fixture *f = *state;
    static const char *const streams = STREAM("s", "1") STREAM("t", "1");
    static const char *const copies[] = {"CREATE STREAM a AS SELECT k, v + 1 AS v FROM s;",
                                         "CREATE STREAM a AS SELECT k, v + 2 AS v FROM s;"};
    static const char *const others = "CREATE STREAM b AS SELECT * FROM s; CREATE STREAM c AS SELECT * FROM t;";
    for (int round = 0; round < 3; round++) {
        sql_anew(f);
        sql(f, streams);
        sql(f, copies[round == 1]);
        sql(f, others);
        put(f, "s", "x", round == 0 ? "{\"V\":0}" : round == 1 ? "{\"V\":1}" : "{\"V\":2}", round);
        put(f, "t", "x", "{\"V\":9}", round);
        struct outcome outcome = start_and_run(f);
        assert_int_equal(outcome.failed, round == 1 ? 2 : 0);
        if (round == 1) {
            assert_string_equal(outcome.ids, "CSAS_A_1 CSAS_B_2 ");
            assert_non_null(strstr(outcome.why, "query CSAS_B_2 waits for query CSAS_A_1"));
            assert_topic("B", "x {\"V\":0} 0\n");
            assert_topic("C", "x {\"V\":9} 0\nx {\"V\":9} 1\n");
        }
    }
    assert_topic("A", "x {\"V\":1} 0\nx {\"V\":2} 1\nx {\"V\":3} 2\n");
    assert_topic("B", "x {\"V\":0} 0\nx {\"V\":1} 1\nx {\"V\":2} 2\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_circle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_impossible_ones_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sharers_wait, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

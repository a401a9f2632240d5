/* Queries that meet what seldom happens: adds that fail, removals in the middle, partitions held back, topics made
 * anew, a stop while state is read. */
#include "query_fixture.h"
#include "stream/group/grouping.h"
#include "stream/group/topics.h"

#define READINGS                                                                                                       \
    "CREATE STREAM readings (k STRING KEY, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', PARTITIONS=1);"
#define LIMITS                                                                                                         \
    "CREATE TABLE limits (k STRING PRIMARY KEY, most INT) WITH (KAFKA_TOPIC='limits', VALUE_FORMAT='JSON', "           \
    "PARTITIONS=1);"

static int64_t records_of(struct fixture *f, const char *topic) {
    struct bus_topic_info info;
    int64_t count = 0;
    if (bus_topic_describe(f->bus, topic, &info, &f->error))
        return 0;
    for (int32_t p = 0; p < info.settings.partitions; p++)
        count += info.partitions[p].end_offset;
    bus_topic_info_release(&info);
    return count;
}

static void await_records(struct fixture *f, const char *topic, int64_t records) {
    for (int i = 0; i < 400 && records_of(f, topic) < records; i++)
        usleep(10000);
    if (records_of(f, topic) < records)
        fail_msg("topic %s has not got %lld records", topic, (long long)records);
}

/* A query that leaves a group in which others go on may come again, changed or not: it begins anew. */
static void test_added_again(void **state) {
    struct fixture *f = *state;
    struct query_runner *runner;
    f->settings.until_end = false;
    sql(f, READINGS "CREATE STREAM one WITH (KAFKA_TOPIC='one') AS SELECT k, v FROM readings; CREATE STREAM two AS "
                    "SELECT k, v FROM readings;");
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, 2, &f->error));
    put(f, "readings", "a", "{\"v\":1}", 1);
    await_records(f, "one", 1);
    await_records(f, "TWO", 1);
    for (int round = 0; round < 2; round++) {
        OK(query_runner_remove(runner, f->plans[0]->id, true, &f->error));
        OK(query_runner_add(runner, f->plans, 1, &f->error));
        await_records(f, "one", 2 + round);
    }
    put(f, "readings", "a", "{\"v\":2}", 2);
    await_records(f, "one", 4);
    await_records(f, "TWO", 2);
    atomic_store(&f->stop, true);
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    f->settings.until_end = true;
    run(f);
    assert_topic("one", "a {\"V\":1} 1\na {\"V\":1} 1\na {\"V\":1} 1\na {\"V\":2} 2\n");
    assert_topic("TWO", "a {\"V\":1} 1\na {\"V\":2} 2\n");
}

/* An add that fails leaves the positions of its queries alone, also when other queries are removed afterwards. */
static void test_failed_add(void **state) {
    struct fixture *f = *state;
    struct query_runner *runner;
    sql(f, READINGS "CREATE STREAM one AS SELECT k, v FROM readings;");
    put(f, "readings", "a", "{\"v\":1}", 1);
    run(f);
    sql(f, "CREATE STREAM other (k STRING KEY, v INT) WITH (KAFKA_TOPIC='other', VALUE_FORMAT='JSON', PARTITIONS=1); "
           "CREATE STREAM two AS SELECT k, v FROM other;");
    f->settings.until_end = false;
    OK(query_runner_open(&f->settings, &runner, &f->error));
    f->settings.rejected = "no name of a topic";
    FAILS(query_runner_add(runner, f->plans, 1, &f->error), ERROR_INVALID, "no name of a topic");
    f->settings.rejected = NULL;
    OK(query_runner_add(runner, f->plans, 1, &f->error));
    OK(query_runner_add(runner, f->plans + 1, 1, &f->error));
    OK(query_runner_remove(runner, f->plans[1]->id, true, &f->error));
    put(f, "readings", "a", "{\"v\":2}", 2);
    await_records(f, "ONE", 2);
    atomic_store(&f->stop, true);
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    f->settings.until_end = true;
    f->plan_count = 1;
    run(f);
    assert_topic("ONE", "a {\"V\":1} 1\na {\"V\":2} 2\n");
}

static void test_foreign_key_needs_one_partition(void **state) {
    struct fixture *f = *state;
    sql(f, "CREATE TABLE meters (k STRING PRIMARY KEY, city STRING) WITH (KAFKA_TOPIC='meters', VALUE_FORMAT='JSON', "
           "PARTITIONS=2);"
           "CREATE TABLE cities (c STRING PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='cities', VALUE_FORMAT='JSON', "
           "PARTITIONS=2);"
           "CREATE TABLE named AS SELECT k, name FROM meters JOIN cities ON meters.city = cities.c;");
    RUN_FAILS(ERROR_INVALID, "need one partition; meters has 2");
}

/* A table whose log is shorter than it was, as one from a backup: nobody waits for the records that it once had. */
static void test_shorter_table(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    sql(f,
        READINGS LIMITS "CREATE STREAM above AS SELECT r.k AS k, v, most FROM readings r JOIN limits l ON r.k = l.k;");
    for (int i = 0; i < 3; i++)
        put(f, "limits", "a", "{\"most\":5}", i);
    put(f, "readings", "a", "{\"v\":1}", 10);
    run(f);
    OK(bus_topic_delete(f->bus, "limits", &f->error));
    OK(bus_topic_create(f->bus, "limits", &(struct bus_topic_settings){1, -1, -1}, &f->error));
    put(f, "limits", "a", "{\"most\":7}", 20);
    put(f, "readings", "a", "{\"v\":2}", 30);
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    OK(bus_producer_commit(producer, &(struct bus_position){"g.sql.limits", "limits", 0, 3, "q2 p=1 l=3", 0}, 1,
                           &f->error));
    bus_producer_close(producer);
    RUN_FAILS(ERROR_NOT_FOUND, "was deleted and made anew");
    f->settings.lost_offsets = LOST_OFFSETS_EARLIEST;
    f->log.level = LOG_ERROR;
    run(f);
    assert_topic("ABOVE", "a {\"V\":1,\"MOST\":5} 10\na {\"V\":2,\"MOST\":7} 30\n");
}

/* --- one worker, step by step
 * ---------------------------------------------------------------------------------------------------------- */

static void worker_open(struct fixture *f, struct query_groups *groups, struct query_worker *worker) {
    const struct query_groups none = {0};
    OK(query_groups_assign(f->bus, "g", f->plans, f->plan_count, 0, &none, groups, &f->error));
    for (size_t i = 0; i < f->plan_count; i++)
        OK(query_topics_ensure(f->bus, "g", f->plans[i], &f->error));
    struct query_group *group = groups->groups[0];
    OK(query_topics_open(f->bus, group, &f->error));
    group->workers = 1;
    group->lags = calloc((size_t)group->partitions, sizeof *group->lags);
    group->begun = calloc((size_t)group->partitions, sizeof *group->begun);
    assert_true(group->lags && group->begun);
    for (size_t i = 0; i < group->member_count; i++) {
        group->members[i].counters = calloc((size_t)group->partitions, sizeof *group->members[i].counters);
        group->members[i].before = calloc((size_t)group->partitions, sizeof *group->members[i].before);
        group->members[i].memory = calloc((size_t)group->partitions, sizeof *group->members[i].memory);
        assert_true(group->members[i].counters && group->members[i].before && group->members[i].memory);
    }
    OK(query_worker_open(worker, &f->settings, group, 0, &f->error));
}

/* A task that is given up while a partition is held back: the one that follows gets the partition's records. */
static void test_paused_partition(void **state) {
    struct fixture *f = *state;
    struct query_groups groups;
    struct query_worker worker;
    struct bus_producer *producer;
    struct bus_batch batch;
    sql(f, READINGS
        "CREATE STREAM calls (k STRING KEY, who STRING) WITH (KAFKA_TOPIC='calls', VALUE_FORMAT='JSON', PARTITIONS=1);"
        "CREATE STREAM answered AS SELECT r.k, v, who FROM readings r JOIN calls c WITHIN 10 SECONDS ON r.k = c.k;");
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    for (int i = 0; i < 17000; i++)
        put_with(f, producer, "readings", "a", "{\"v\":1}", i);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
    worker_open(f, &groups, &worker);
    struct query_task *task = NULL;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(bus_consumer_poll(worker.work.consumer, 0, &batch, &f->error), 1);
        assert_int_equal(batch.count, 17000);
        task = worker.tasks[0];
        OK(query_task_take(task, &batch, &f->error));
        OK(query_task_work(task, &f->error));
        assert_true(query_task_waits(task)); /* for calls */
        assert_true(task->inputs[0].paused);
        query_task_close(task);
        OK(query_task_open(task, &worker.work, 0, &f->error));
    }
    query_worker_close(&worker);
    query_groups_release(&groups);
}

/* A stop does not wait for the end of a changelog. */
static void test_stop_while_state_is_read(void **state) {
    struct fixture *f = *state;
    struct query_groups groups;
    struct query_worker worker;
    struct bus_batch batch;
    sql(f, READINGS "CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM readings GROUP BY k;");
    put(f, "readings", "a", "{\"v\":1}", 1);
    run(f);
    worker_open(f, &groups, &worker);
    atomic_store(&f->stop, true);
    assert_int_equal(bus_consumer_poll(worker.work.consumer, 0, &batch, &f->error), 0);
    assert_null(worker.tasks[0]);
    query_worker_run(&worker);
    assert_int_equal(worker.status, 0);
    query_worker_close(&worker);
    query_groups_release(&groups);
    put(f, "readings", "a", "{\"v\":2}", 2);
    run(f);
    assert_topic("SUMS", "a {\"S\":1} 1\na {\"S\":3} 2\n");
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

/* A script that is rejected changes nothing about connectors. */
static void test_rejected_script(void **state) {
    struct fixture *f = *state;
#define CONNECTOR(name)                                                                                                \
    "CREATE SINK CONNECTOR " name " WITH ('type'='webhook', 'url'='http://localhost', 'topics'='readings');"
    sql(f, CONNECTOR("keep"));
    FAILS(session_execute(f->session, SLICE(CONNECTOR("more") "DROP CONNECTOR keep; SELECT a FROM nowhere;"),
                          fixture_effect, f, &f->error),
          ERROR_NOT_FOUND, "NOWHERE");
    FAILS(session_execute(f->session, SLICE(CONNECTOR("keep")), fixture_effect, f, &f->error), ERROR_INVALID,
          "there is a connector KEEP");
    sql(f, CONNECTOR("more"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_foreign_key_needs_one_partition),
        TEST(test_paused_partition),
        TEST(test_stop_while_state_is_read),
        TEST(test_shorter_table),
        TEST(test_added_again),
        TEST(test_failed_add),
        TEST(test_rejected_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A query that cannot go on stops alone: the others of its group go on, its position stays where it was, and the next
 * start takes it up there, with nothing lost and nothing twice. */
#include "query_fixture.h"

#include "bus/driver.h"
#include "stream/group/apart.h"
#include "stream/group/grouping.h"

#define READINGS                                                                                                       \
    "CREATE STREAM readings (k STRING KEY, v STRING) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', "              \
    "PARTITIONS=2);"                                                                                                   \
    "CREATE TABLE names (k STRING PRIMARY KEY, name STRING) WITH (KAFKA_TOPIC='names', VALUE_FORMAT='JSON', "          \
    "PARTITIONS=2);"

/* --- a log that refuses records of topic BAD with the word "poison" */

static const struct bus_driver *real_bus, *real_producer;
static struct bus_driver refusing_bus, refusing_producer;
static atomic_bool refusing;
static atomic_int bad_topic;

static int refuse_topic(struct bus_producer *producer, const char *name, const struct bus_topic_settings *settings,
                        int32_t *ret_topic, int32_t *ret_partitions, struct error *error) {
    int status = real_producer->producer_topic(producer, name, settings, ret_topic, ret_partitions, error);
    if (!status && strcmp(name, "BAD") == 0)
        atomic_store(&bad_topic, *ret_topic);
    return status;
}

static int refuse_produce(struct bus_producer *producer, int32_t topic, int32_t partition,
                          const struct bus_record *record, struct error *error) {
    bool poison = record->value.data && memmem(record->value.data, record->value.length, "poison", 6);
    if (atomic_load(&refusing) && topic == atomic_load(&bad_topic) && poison)
        return error_set(error, ERROR_INVALID, "the record is refused");
    return real_producer->produce(producer, topic, partition, record, error);
}

static int refuse_open(struct bus *bus, const struct bus_producer_options *options, struct bus_producer **ret_producer,
                       struct error *error) {
    int status = real_bus->producer_open(bus, options, ret_producer, error);
    if (status)
        return status;
    real_producer = (*ret_producer)->driver;
    refusing_producer = *real_producer;
    refusing_producer.producer_topic = refuse_topic;
    refusing_producer.produce = refuse_produce;
    (*ret_producer)->driver = &refusing_producer;
    return 0;
}

static void install(struct fixture *f) {
    real_bus = f->bus->driver;
    refusing_bus = *real_bus;
    refusing_bus.producer_open = refuse_open;
    f->bus->driver = &refusing_bus;
    f->settings.fail_alone = true;
    atomic_store(&bad_topic, -1);
}

/* --- runs */

/* To the end; how many queries have failed: the last one, and why. */
static int run_and_count(struct fixture *f, const char **ret_id, struct error *ret_why) {
    struct query_runner *runner;
    const struct query_plan *failed;
    int count = 0;
    query_run_report_release(&f->report);
    atomic_store(&f->stop, false);
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, f->plan_count, &f->error));
    OK(query_runner_wait(runner, &f->error));
    for (; (failed = query_runner_failed(runner, ret_why)); count++)
        *ret_id = failed->id;
    OK(query_runner_report(runner, &f->report, &f->error));
    OK(query_run_report_check(&f->report, &f->error));
    query_runner_close(runner);
    return count;
}

static void put_some(struct fixture *f, int from, int count, int poisoned) {
    for (int i = from; i < from + count; i++) {
        char value[60], key[2] = {(char)('a' + i % 3), 0};
        snprintf(value, sizeof value, "{\"v\":\"%s%d\"}", i == poisoned ? "poison" : "v", i);
        put(f, "readings", key, value, 1000 * i);
    }
}

static void expect_failed(struct fixture *f) {
    const char *id = NULL;
    struct error why = {0};
    assert_int_equal(run_and_count(f, &id, &why), 1);
    assert_non_null(strstr(id, "_BAD_"));
    assert_non_null(strstr(why.message, "the record is refused"));
    assert_int_equal(why.code, ERROR_INVALID);
}

static void expect_same(struct fixture *f, const char *left, const char *right, bool same) {
    char *one = dump(f, left, false), *other = dump(f, right, false);
    if ((strcmp(one, other) == 0) != same)
        fail_msg("%s has\n%s%s has\n%s", left, one, right, other);
    free(one);
    free(other);
}

static const struct {
    const char *select; /* of BAD, and of a twin in the same group whose records are not refused */
    bool table;
} kinds[] = {
    {"SELECT k, v AS w FROM readings", false},
    {"SELECT k, LATEST_BY_OFFSET(v) AS w, COUNT(*) AS n FROM readings GROUP BY k", true},
    {"SELECT k, LATEST_BY_OFFSET(v) AS w, COUNT(*) AS n FROM readings WINDOW TUMBLING (SIZE 4 SECONDS, GRACE PERIOD 0 "
     "SECONDS) GROUP BY k EMIT FINAL",
     true},
    {"SELECT readings.k AS k, v AS w, name FROM readings LEFT JOIN names ON readings.k = names.k", false},
};

static void make_queries(struct fixture *f, size_t kind) {
    char text[2000];
    const char *what = kinds[kind].table ? "TABLE" : "STREAM";
    snprintf(text, sizeof text,
             READINGS "CREATE STREAM good AS SELECT k, v FROM readings; CREATE %s bad AS %s; CREATE %s twin AS %s;",
             what, kinds[kind].select, what, kinds[kind].select);
    sql(f, text);
    install(f);
}

static int anew(struct fixture **f, void **state) {
    teardown(state);
    setup(state);
    *f = *state;
    return 0;
}

static void test_a_query_fails_alone(void **state) {
    struct fixture *f = *state;
    const char *id;
    struct error why;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t workers = 1; workers <= 2; workers++) {
            print_message("%s, %zu workers\n", kinds[kind].select, workers);
            f->settings.workers = workers;
            make_queries(f, kind);
            atomic_store(&refusing, true);
            put(f, "names", "a", "{\"name\":\"A\"}", 1);
            put_some(f, 0, 12, -1);
            assert_int_equal(run_and_count(f, &id, &why), 0);
            expect_same(f, "BAD", "TWIN", true);
            char *before = dump(f, "BAD", false);
            put(f, "names", "b", "{\"name\":\"B\"}", 12001);
            put_some(f, 12, 30, 22);
            expect_failed(f);
            assert_int_equal(report_of(f, "CSAS_GOOD")->total.read, 42);
            put_some(f, 42, 6, -1);
            expect_failed(f);
            assert_int_equal(report_of(f, "CSAS_GOOD")->total.emitted, 48);
            expect_same(f, "BAD", "TWIN", false);
            if (workers == 1) { /* the other worker may have committed what it had before it heard of it */
                char *after = dump(f, "BAD", false);
                for (const char *line = before; *line; line = strchr(line, '\n') + 1) {
                    char *copy = strndup(line, (size_t)(strchr(line, '\n') + 1 - line));
                    assert_non_null(strstr(after, copy));
                    free(copy);
                }
                free(after);
            }
            free(before);
            atomic_store(&refusing, false);
            assert_int_equal(run_and_count(f, &id, &why), 0);
            expect_same(f, "BAD", "TWIN", true);
            put_some(f, 48, 9, -1);
            assert_int_equal(run_and_count(f, &id, &why), 0);
            expect_same(f, "BAD", "TWIN", true);
            anew(&f, state);
        }
}

/* Ended between the partitions: what is missing is set apart by the next start. */
static void test_an_end_in_between(void **state) {
    struct fixture *f = *state;
    const char *id;
    struct error why;
    struct query_groups groups = {0}, none = {0};
    make_queries(f, 1);
    atomic_store(&refusing, false);
    put_some(f, 0, 12, -1);
    assert_int_equal(run_and_count(f, &id, &why), 0);
    OK(query_groups_assign(f->bus, "g", f->plans, f->plan_count, 0, &none, &groups, &f->error));
    for (size_t m = 0; m < groups.groups[0]->member_count; m++)
        if (strcmp(groups.groups[0]->members[m].sink_topic, "BAD") == 0)
            OK(query_apart_set(f->bus, groups.groups[0]->name, &groups.groups[0]->members[m], 1, &f->error));
    query_groups_release(&groups);
    put_some(f, 12, 12, -1);
    assert_int_equal(run_and_count(f, &id, &why), 0);
    expect_same(f, "BAD", "TWIN", true);
}

/* Without a caller that asks, as at a prompt, its error is the run's. */
static void test_otherwise_it_ends_all(void **state) {
    struct fixture *f = *state;
    make_queries(f, 0);
    f->settings.fail_alone = false;
    atomic_store(&refusing, true);
    put_some(f, 0, 3, 1);
    RUN_FAILS(ERROR_INVALID, "the record is refused");
}

static void test_names(void **state) {
    (void)state;
    size_t length;
    char name[QUERY_GROUP_NAME_SIZE];
    struct query_member member = {.id = 0x1f, .number = 2};
    query_apart_name("g.sql.t", &member, name);
    assert_string_equal(name, "g.sql.t.apart-000000000000001f.2");
    assert_true(query_apart_is(name, &length));
    assert_int_equal(length, strlen("g.sql.t"));
    assert_true(query_group_belongs(name, "g"));
    assert_false(query_apart_is("g.sql.t", &length));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_query_fails_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_end_in_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_otherwise_it_ends_all, setup, teardown),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A pipeline that is killed in the middle of its work, again and again: everything it writes is what it writes when
 * nobody disturbs it. */
#include "query_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static const char pipeline[] =
    "CREATE STREAM readings (k STRING KEY, city STRING, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', "
    "PARTITIONS=1);"
    "CREATE TABLE limits (k STRING PRIMARY KEY, most INT) WITH (KAFKA_TOPIC='limits', VALUE_FORMAT='JSON', "
    "PARTITIONS=1);"
    "CREATE STREAM calls (k STRING KEY, who STRING) WITH (KAFKA_TOPIC='calls', VALUE_FORMAT='JSON', PARTITIONS=1);"
    "CREATE TABLE minutes AS SELECT k, SUM(v) AS s, COUNT(*) AS n, MAX(v) AS m FROM readings WINDOW TUMBLING (SIZE 1 "
    "MINUTE, GRACE PERIOD 10 SECONDS) GROUP BY k EMIT FINAL;"
    "CREATE TABLE changes AS SELECT k, SUM(v) AS s FROM readings WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 30 SECONDS, "
    "GRACE PERIOD 10 SECONDS) GROUP BY k;"
    "CREATE TABLE totals AS SELECT city, SUM(v) AS s, COUNT(*) AS n, AVG(v) AS a FROM readings GROUP BY city;"
    "CREATE STREAM above AS SELECT r.k, city, v, most FROM readings r JOIN limits l ON r.k = l.k WHERE v > most;"
    "CREATE STREAM answered AS SELECT r.k, v, who FROM readings r LEFT JOIN calls c WITHIN 20 SECONDS GRACE PERIOD 5 "
    "SECONDS ON r.k = c.k;"
    "CREATE TABLE alarms AS SELECT r.k, COUNT(*) AS n FROM readings r JOIN limits l ON r.k = l.k WINDOW TUMBLING (SIZE "
    "1 MINUTE, GRACE PERIOD 10 SECONDS) WHERE v > most GROUP BY r.k EMIT FINAL;"
    "CREATE STREAM both AS SELECT k, v FROM readings WHERE v > 50; INSERT INTO both SELECT k, -v AS v FROM readings "
    "WHERE v > 70;"
    "CREATE TABLE rich AS SELECT city, n FROM totals WHERE n > 30;"
    "CREATE TABLE sizes AS SELECT n, COUNT(*) AS cities FROM totals GROUP BY n;";

static const char *const outputs[] = {"MINUTES", "CHANGES", "TOTALS", "ABOVE", "ANSWERED",
                                      "ALARMS",  "BOTH",    "RICH",   "SIZES", "readings-rejected"};

enum {
    OUTPUTS = sizeof outputs / sizeof *outputs,
    ROUNDS = 8,
    RECORDS = 60 /* few enough that nothing is compacted */
};

static uint32_t number;

static uint32_t next_number(uint32_t below) {
    number = number * 1664525 + 1013904223;
    return (number >> 8) % below;
}

/* A minute of all topics, in batches of some records. Readings are out of order, but within the minute: what comes
 * first among topics does not depend on when the minute came. */
static void put_round(struct fixture *f, int round) {
    struct bus_producer *producer;
    char key[8], value[64];
    number = (uint32_t)round * 77 + 1;
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    for (int i = 0; i < RECORDS; i++) {
        int64_t time = round * INT64_C(60000) + i * 1000;
        snprintf(key, sizeof key, "k%u", next_number(7));
        if (next_number(40) == 0)
            snprintf(value, sizeof value, "broken %d", i);
        else
            snprintf(value, sizeof value, "{\"city\":\"c%u\",\"v\":%u}", next_number(3), next_number(100));
        put_with(f, producer, "readings", key, value, i >= 20 && next_number(10) == 0 ? time - 20000 : time);
        snprintf(key, sizeof key, "k%u", next_number(7));
        snprintf(value, sizeof value, "{\"most\":%u}", 40 + next_number(40));
        if (i % 5 == 0)
            put_with(f, producer, "limits", key, next_number(8) ? value : NULL, time + 500);
        snprintf(value, sizeof value, "{\"who\":\"w%d\"}", i);
        if (i % 4 == 0)
            put_with(f, producer, "calls", key, value, time + 700);
        if (next_number(6) == 0)
            OK(bus_producer_commit(producer, NULL, 0, &f->error));
    }
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
}

/* A process of its own that works until it is killed. */
static pid_t start_child(struct fixture *f) {
    pid_t child = fork();
    if (child)
        return child;
    fixture_open_bus(f);
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
    sql(f, pipeline);
    f->settings.until_end = false;
    int status = query_run(&f->settings, f->plans, f->plan_count, &f->report, &f->error);
    fprintf(stderr, "the child ended with %d: %s\n", status, f->error.message);
    _exit(1);
}

static void leave(struct fixture *f) {
    f->session = session_free(f->session);
    f->bus = bus_close(f->bus);
    f->plan_count = 0;
}

static void enter(struct fixture *f) {
    fixture_open_bus(f);
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
    sql(f, pipeline);
}

static void run_killed(struct fixture *f) {
    leave(f);
    for (int round = 1; round < ROUNDS; round++) {
        fixture_open_bus(f);
        put_round(f, round);
        f->bus = bus_close(f->bus);
        for (int kills = 0; kills < 2; kills++) {
            int status;
            pid_t child = start_child(f);
            assert_true(child > 0);
            usleep(1000 * (20 + 37 * (unsigned)((round * 2 + kills) % 9)));
            kill(child, SIGKILL);
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFSIGNALED(status));
        }
    }
    enter(f);
}

static void run_in_peace(struct fixture *f) {
    for (int round = 1; round < ROUNDS; round++)
        put_round(f, round);
}

static void work(struct fixture *f, bool killed, char *texts[OUTPUTS], uint64_t *ret_read) {
    sql(f, pipeline);
    put_round(f, 0);
    run(f); /* tables are loaded up to what is there at the first start */
    (killed ? run_killed : run_in_peace)(f);
    run(f);
    f->settings.final = true;
    run(f);
    for (size_t i = 0; i < OUTPUTS; i++)
        texts[i] = dump(f, outputs[i], true);
    for (size_t i = 0; i < f->report.row_count; i++)
        ret_read[i] = f->report.rows[i].total.read;
    assert_int_equal(f->report.row_count, f->plan_count);
}

static void test_killed(void **state) {
    struct fixture *killed = *state, *f = killed, *peace = NULL;
    char *texts[2][OUTPUTS];
    uint64_t read[2][PLANS_MAXIMUM] = {0};
    assert_int_equal(setup((void **)&peace), 0);
    work(peace, false, texts[0], read[0]);
    work(killed, true, texts[1], read[1]);
    for (size_t i = 0; i < OUTPUTS; i++) {
        assert_true(strlen(texts[0][i]) > 100);
        if (strcmp(texts[0][i], texts[1][i]) != 0)
            fail_msg("topic %s has\n%sexpected\n%s", outputs[i], texts[1][i], texts[0][i]);
        free(texts[0][i]);
        free(texts[1][i]);
    }
    for (size_t i = 0; i < f->report.row_count; i++)
        assert_int_equal(read[0][i], read[1][i]);
    assert_int_equal(teardown((void **)&peace), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_killed, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

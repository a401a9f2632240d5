/* Workers of queries on a log that fails now and then: commits that are undone, polls and registries that do not
 * answer. Whatever happens, a run that says it is done has done all, once. */
#include "query_fixture.h"

#include "bus/driver.h"
#include "bus/memory/memory_bus.h"
#include "model/registry_memory.h"

#define READINGS                                                                                                       \
    "CREATE STREAM readings (k STRING KEY, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', PARTITIONS=2);"

/* What the log does to its callers: call number `at` of kind `call` returns `code`. */
struct injected {
    enum memory_bus_call call;
    int at, code;
    bool retriable;
    atomic_int calls; /* of that kind, so far */
    int happened;
};

static int inject(void *context, enum memory_bus_call call, struct error *error) {
    struct injected *injected = context;
    if (call != injected->call || atomic_fetch_add(&injected->calls, 1) != injected->at)
        return 0;
    injected->happened++;
    error_set(error, injected->code, "injected");
    error->retriable = injected->retriable;
    return injected->code;
}

/* The fixture's log becomes one in memory; what was said to the session before is forgotten. */
static void open_memory(struct fixture *f, struct injected *injected) {
    struct bus_options options = {.create = true, .clock = &clock_system, .partitions = 2};
    struct memory_bus_options memory = {.fault = inject, .context = injected};
    f->session = session_free(f->session);
    f->plan_count = 0;
    bus_close(f->bus);
    OK(memory_bus_open(&options, &memory, &f->bus, &f->error));
    f->settings.bus = f->bus;
    sql_anew(f);
}

static const struct undone {
    enum memory_bus_call call;
    int code;
    bool retriable;
} undone[] = {
    {MEMORY_BUS_COMMIT, ERROR_ABORTED, false},    /* nothing was written */
    {MEMORY_BUS_COMMITTED, ERROR_ABORTED, false}, /* it was, but nobody knows */
    {MEMORY_BUS_COMMIT, ERROR_BUSY, true},        /* tried again at once */
    {MEMORY_BUS_POLL, ERROR_BUSY, true},          {MEMORY_BUS_POLL, ERROR_ABORTED, false},
};

/* Whichever call fails, --until-end and --final end with everything done, once. */
static void test_end_when_commits_are_undone(void **state) {
    struct fixture *f = *state;
    for (size_t kind = 0; kind < sizeof undone / sizeof *undone; kind++)
        for (int at = 0, happened = 1; happened && at < 40; at++) {
            struct injected injected = {.call = undone[kind].call, .at = 1000};
            open_memory(f, &injected);
            sql(f,
                READINGS "CREATE TABLE minutes AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM readings WINDOW TUMBLING "
                         "(SIZE 1 MINUTE, GRACE PERIOD 0 SECONDS) GROUP BY k EMIT FINAL;"
                         "CREATE STREAM copy AS SELECT k, v FROM readings;"
                         "CREATE TABLE totals AS SELECT k, COUNT(*) AS n FROM copy GROUP BY k;");
            for (int i = 0; i < 8; i++)
                put(f, "readings", i % 2 ? "a" : "b", "{\"v\":1}", 1000 * i);
            injected =
                (struct injected){undone[kind].call, at, undone[kind].code, undone[kind].retriable, .happened = 0};
            f->settings.final = true;
            f->settings.workers = 1 + (size_t)at % 2;
            run(f);
            happened = injected.happened;
            injected.at = -1;
            char *minutes = dump(f, "MINUTES", false);
            if (!strstr(minutes, "{\"N\":4,\"S\":4} 7000\n") || !strstr(minutes, "{\"N\":4,\"S\":4} 6000\n") ||
                strlen(minutes) > 120)
                fail_msg("fault %zu at call %d: MINUTES has\n%s", kind, at, minutes);
            free(minutes);
            char *totals = dump(f, "TOTALS", false);
            const char *expected[] = {"a {\"N\":4} 7000\n", "b {\"N\":4} 6000\n"};
            if (!strstr(totals, expected[0]) || !strstr(totals, expected[1]) || strstr(totals, "{\"N\":5}"))
                fail_msg("fault %zu at call %d: TOTALS has\n%s", kind, at, totals);
            free(totals);
            assert_int_equal(report_of(f, "CTAS_MINUTES")->total.folded, 8);
            assert_int_equal(report_of(f, "CTAS_MINUTES")->lag, 0);
            assert_int_equal(report_of(f, "CSAS_COPY")->total.emitted, 8);
            if (happened && undone[kind].code == ERROR_ABORTED)
                assert_true(f->report.rewinds > 0);
        }
}

/* A registry that is away for some questions. */
struct away {
    const struct registry *registry;
    atomic_int questions, left;
};

static int away_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                     struct error *error) {
    (void)kind;
    struct away *away = context;
    atomic_fetch_add(&away->questions, 1);
    if (atomic_load(&away->left) > 0 && atomic_fetch_sub(&away->left, 1) > 0) {
        error_set(error, ERROR_BUSY, "the registry is away");
        error->retriable = true;
        return ERROR_BUSY;
    }
    return away->registry->find(away->registry->context, SCHEMA_AVRO, id, arena, ret_schema, error);
}

static int away_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                    struct error *error) {
    (void)kind;
    struct away *away = context;
    return away->registry->add(away->registry->context, subject, SCHEMA_AVRO, schema, ret_id, error);
}

/* While the registry is away records wait, and nothing is read again; other topics go on. Also while state is
 * rebuilt. */
static void test_registry_away(void **state) {
    struct fixture *f = *state;
    struct injected none = {.at = -1};
    struct registry_memory *schemas = registry_memory_new();
    struct away away = {.registry = registry_memory_registry(schemas)};
    struct registry registry = {.find = away_find, .add = away_add, .context = &away};
    struct bus_options options = {.create = true, .clock = &clock_system, .partitions = 2, .registry = &registry};
    open_memory(f, &none);
    bus_close(f->bus);
    OK(memory_bus_open(&options, &(struct memory_bus_options){0}, &f->bus, &f->error));
    f->settings.bus = f->bus;
    sql_anew(f);
    sql(f,
        READINGS "CREATE STREAM packed WITH (VALUE_FORMAT='AVRO', KAFKA_TOPIC='packed') AS SELECT k, v FROM readings;");
    for (int i = 0; i < 4; i++)
        put(f, "readings", i % 2 ? "a" : "b", "{\"v\":1}", 1000 * i);
    run(f);
    sql(f, "CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM packed WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k EMIT FINAL;"
           "CREATE STREAM named (k STRING KEY, name STRING) WITH (KAFKA_TOPIC='names', VALUE_FORMAT='JSON', "
           "PARTITIONS=2);"
           "CREATE STREAM both AS SELECT p.k AS k, v, name FROM packed p JOIN named n WITHIN 1 HOUR ON p.k = n.k;");
    put(f, "names", "a", "{\"name\":\"A\"}", 1500);
    for (int round = 0; round < 2; round++) {
        atomic_store(&away.left, 3);
        atomic_store(&away.questions, 0);
        f->settings.final = round == 1;
        run(f);
        assert_true(atomic_load(&away.questions) > 3);
        assert_int_equal(f->report.rewinds, 0);
        assert_int_equal(report_of(f, "CTAS_SUMS")->total.read, 4);
        assert_int_equal(report_of(f, "CTAS_SUMS")->total.folded, 4);
    }
    assert_true(f->report.recovered >= 4);
    assert_topic("BOTH",
                 "a <00><00><00><00><02><02><02><02><02>A 1500\na <00><00><00><00><02><02><02><02><02>A 3000\n");
    bus_close(f->bus);
    registry_memory_free(schemas);
    fixture_open_bus(f);
}

/* --- starts
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct bus_driver *real_driver;
static atomic_int unanswered;

static int committed_late(struct bus *bus, const char *group, const char *topic, int32_t partition,
                          struct bus_committed *ret_committed, struct error *error) {
    if (atomic_fetch_sub(&unanswered, 1) > 0) {
        error_set(error, ERROR_BUSY, "no answer in time");
        error->retriable = true;
        return ERROR_BUSY;
    }
    return real_driver->committed(bus, group, topic, partition, ret_committed, error);
}

/* Positions that cannot be read at once are asked for again. */
static void test_start_waits_for_positions(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE STREAM copy AS SELECT k, v FROM readings;");
    put(f, "readings", "a", "{\"v\":1}", 1000);
    run(f);
    struct bus_driver slow = *f->bus->driver;
    slow.committed = committed_late;
    real_driver = f->bus->driver;
    f->bus->driver = &slow;
    for (int failures = 1; failures < 5; failures++) {
        atomic_store(&unanswered, failures);
        run(f);
        assert_true(atomic_load(&unanswered) < 0);
    }
    f->bus->driver = real_driver;
    assert_topic("COPY", "a {\"V\":1} 1000\n");
}

/* What windows and joins of streams need must not disappear; a table's topic may be compacted. */
static void test_topics_that_lose_records(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *topic, *sql, *message; /* NULL: it runs */
        bool compacted;
        int64_t retention;
    } cases[] = {
        {"t0",
         "TABLE o0 AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 MINUTE) GROUP "
         "BY k",
         "topic t0 is compacted", true, -1},
        {"t1", "TABLE o1 AS SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (1 HOUR) GROUP BY k", "topic t1 is compacted",
         true, -1},
        {"t2", "STREAM o2 AS SELECT s.k AS k, s.v AS v, r.v AS w FROM s JOIN readings r WITHIN 1 HOUR ON s.k = r.k",
         "topic t2 is compacted", true, -1},
        {"t3", "TABLE o3 AS SELECT k, COUNT(*) AS n FROM s GROUP BY k", NULL, true, -1},
        {"t4", "STREAM o4 AS SELECT k, v FROM s", NULL, true, -1},
        {"t5",
         "TABLE o5 AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 MINUTE) GROUP "
         "BY k",
         "keeps records for 3659 s, the longest window and its grace take 3660 s", false, 3659999},
        {"t6",
         "TABLE o6 AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 1 MINUTE) GROUP "
         "BY k",
         NULL, false, 3660000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[500];
        OK(bus_topic_create(f->bus, cases[i].topic,
                            &(struct bus_topic_settings){2, cases[i].retention, -1, cases[i].compacted}, &f->error));
        sql_anew(f);
        snprintf(text, sizeof text,
                 READINGS "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='%s', VALUE_FORMAT='JSON');"
                          "CREATE %s;",
                 cases[i].topic, cases[i].sql);
        sql(f, text);
        f->settings.lost_offsets = LOST_OFFSETS_FAIL;
        if (!cases[i].message) {
            run(f);
            continue;
        }
        RUN_FAILS(ERROR_INVALID, cases[i].message);
        assert_non_null(strstr(f->error.message, "--on-lost-offsets earliest"));
        f->settings.lost_offsets = LOST_OFFSETS_EARLIEST;
        run(f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_end_when_commits_are_undone), TEST(test_registry_away),
                                       TEST(test_start_waits_for_positions), TEST(test_topics_that_lose_records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

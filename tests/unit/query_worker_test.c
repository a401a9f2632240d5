/* Workers of queries on a log that fails now and then: commits that are undone, polls and registries that do not
 * answer. Whatever happens, a run that says it is done has done all, once. */
#include "query_fixture.h"

#include "bus/memory/memory_bus.h"

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
    {MEMORY_BUS_POLL, ERROR_BUSY, true},
    {MEMORY_BUS_POLL, ERROR_ABORTED, false},
};

/* Whichever call fails, --until-end and --final end with everything done, once. */
static void test_end_when_commits_are_undone(void **state) {
    struct fixture *f = *state;
    for (size_t kind = 0; kind < sizeof undone / sizeof *undone; kind++)
        for (int at = 0, happened = 1; happened && at < 40; at++) {
            struct injected injected = {.call = undone[kind].call, .at = 1000};
            open_memory(f, &injected);
            sql(f, READINGS "CREATE TABLE minutes AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM readings WINDOW TUMBLING "
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_end_when_commits_are_undone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

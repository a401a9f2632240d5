/* The runner over the log in memory, mostly without threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/memory/memory_bus.h"
#include "sql/expression/compile.h"
#include "sql/session/session.h"
#include "stream/runtime/runner.h"

struct fixture {
    struct bus *bus;
    struct bus_producer *producer;
    struct session *session;
    const struct query_plan *plans[4];
    size_t plan_count;
    atomic_bool stop;
    struct clock clock;
    int64_t now; /* ns */
    struct query_settings settings;
    struct query_runner *runner;
    int waits;
    bool registry_away; /* until a worker has waited three times */
    struct registry registry;
    struct error error;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("line %d: %s: %s", __LINE__, #call, f->error.message);                                            \
    } while (0)

static int64_t fixture_wall(void *context) {
    return 1000 + ((struct fixture *)context)->now / 1000000;
}

static int64_t fixture_monotonic(void *context) {
    return ((struct fixture *)context)->now;
}

static void fixture_sleep(void *context, int64_t nanoseconds) {
    struct fixture *f = context;
    f->now += nanoseconds;
    f->waits++;
    if (f->waits < 3)
        return;
    f->registry_away = false;
}

static int fixture_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct fixture *f = context;
    (void)error;
    if (effect->kind == EFFECT_QUERY_START)
        f->plans[f->plan_count++] = effect->query;
    return 0;
}

static int fixture_schema(void *context, enum schema_kind kind, int32_t id, struct arena *arena,
                          struct slice *ret_schema, struct error *error) {
    (void)kind;
    struct fixture *f = context;
    (void)arena;
    if (f->registry_away) {
        error_set(error, ERROR_IO, "schema %d: the registry is away", (int)id);
        error->retriable = true;
        return ERROR_IO;
    }
    *ret_schema = SLICE("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"V\",\"type\":\"int\"}]}");
    return 0;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->clock = (struct clock){fixture_wall, fixture_monotonic, fixture_sleep, f};
    f->registry = (struct registry){.find = fixture_schema, .context = f};
    OK(memory_bus_open(&(struct bus_options){.clock = &f->clock, .partitions = 1, .registry = &f->registry},
                       &(struct memory_bus_options){.never_waits = true}, &f->bus, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    OK(session_new(&(struct session_options){.clock = &f->clock}, &f->session, &f->error));
    f->settings = (struct query_settings){.bus = f->bus,
                                          .clock = &f->clock,
                                          .stop = &f->stop,
                                          .group = "g",
                                          .workers = 1,
                                          .manual = true,
                                          .free_scratch = evaluation_scratch_free};
    OK(query_runner_open(&f->settings, &f->runner, &f->error));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    query_runner_close(f->runner);
    session_free(f->session);
    bus_producer_close(f->producer);
    bus_close(f->bus);
    free(f);
    return 0;
}

static void run(struct fixture *f, const char *statements) {
    OK(session_execute(f->session, slice_of(statements), fixture_effect, f, &f->error));
    OK(query_runner_add(f->runner, f->plans, f->plan_count, &f->error));
    OK(query_runner_settle(f->runner, &f->error));
}

static void put_bytes(struct fixture *f, const char *name, struct slice value) {
    int32_t topic, partitions;
    struct bus_record record = {.key = SLICE("k"), .value = value, .timestamp = 7};
    OK(bus_producer_topic(f->producer, name, NULL, &topic, &partitions, &f->error));
    OK(bus_produce(f->producer, topic, 0, &record, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

static void put(struct fixture *f, const char *name, const char *value) {
    put_bytes(f, name, slice_of(value));
}

static int64_t end_of(struct fixture *f, const char *topic) {
    struct bus_topic_info info;
    OK(bus_topic_describe(f->bus, topic, &info, &f->error));
    int64_t end = info.partitions[0].end_offset;
    bus_topic_info_release(&info);
    return end;
}

#define TWO_QUERIES                                                                                                    \
    "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"                               \
    "CREATE STREAM a AS SELECT * FROM s; CREATE STREAM b AS SELECT * FROM s;"

/* The topic of a query is deleted: that query ends, and is told of until it is removed; the others miss nothing. */
static void test_topic_deleted_before_its_query(void **state) {
    struct fixture *f = *state;
    run(f, TWO_QUERIES);
    put(f, "s", "{\"V\":1}");
    OK(query_runner_settle(f->runner, &f->error));
    assert_null(query_runner_orphan(f->runner));
    OK(bus_topic_delete(f->bus, "B", &f->error));
    put(f, "s", "{\"V\":2}");
    OK(query_runner_settle(f->runner, &f->error));
    assert_ptr_equal(query_runner_orphan(f->runner), f->plans[1]);
    OK(query_runner_remove(f->runner, f->plans[1]->id, true, &f->error));
    assert_null(query_runner_orphan(f->runner));
    put(f, "s", "{\"V\":3}");
    OK(query_runner_settle(f->runner, &f->error));
    assert_int_equal(end_of(f, "A"), 3);
}

static uint64_t rewinds_of(struct fixture *f) {
    struct query_run_report report;
    OK(query_runner_report(f->runner, &report, &f->error));
    uint64_t rewinds = report.rewinds;
    query_run_report_release(&report);
    return rewinds;
}

/* The same when it was the last of its group, whose threads are waited for. */
static void test_topic_deleted_before_the_last_query(void **state) {
    struct fixture *f = *state;
    f->settings.manual = false;
    f->settings.clock = &clock_system;
    OK(session_execute(f->session,
                       SLICE("CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"
                             "CREATE STREAM a AS SELECT * FROM s;"),
                       fixture_effect, f, &f->error));
    OK(query_runner_add(f->runner, f->plans, f->plan_count, &f->error));
    OK(bus_topic_delete(f->bus, "A", &f->error));
    put(f, "s", "{\"V\":2}");
    while (rewinds_of(f) == 0)
        clock_sleep_ns(&clock_system, 1000000);
    OK(query_runner_remove(f->runner, f->plans[0]->id, true, &f->error));
    OK(query_runner_wait(f->runner, &f->error));
}

/* What waits for the schema registry is not done: settling goes on until it answers. */
static void test_registry_away(void **state) {
    struct fixture *f = *state;
    run(f, "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO');"
           "CREATE STREAM a WITH (VALUE_FORMAT='JSON') AS SELECT * FROM s;");
    f->registry_away = true;
    put_bytes(f, "s", (struct slice){"\0\0\0\0\1\12", 6});
    OK(query_runner_settle(f->runner, &f->error));
    assert_false(f->registry_away);
    assert_int_equal(f->waits, 3);
    assert_int_equal(end_of(f, "A"), 1);
    assert_int_equal(end_of(f, "s-rejected"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registry_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topic_deleted_before_its_query, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topic_deleted_before_the_last_query, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

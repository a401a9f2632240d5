/* Answers to SELECT over a log in memory: rows of tables and streams as they are, changes from the beginning and from
 * now on, joins, groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/memory/memory_bus.h"
#include "core/bytes.h"
#include "sql/session/answer.h"
#include "sql/session/session.h"

#define DECLARATIONS                                                                                                   \
    "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"                               \
    "CREATE TABLE t (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"

struct fixture {
    struct bus *bus;
    struct bus_producer *producer;
    struct session *session;
    struct answer_options options;
    atomic_bool stop;
    struct log log;
    struct bytes rows, warnings;
    bool comes; /* at the next poll a record comes */
    struct error error;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("line %d: %s: %s", __LINE__, #call, f->error.message);                                            \
    } while (0)

static void fixture_warn(void *context, enum log_level level, const char *text) {
    struct fixture *f = context;
    bytes_append_format(&f->warnings, "%d %s\n", (int)level, text);
}

static int fixture_row(void *context, struct slice json, struct error *error) {
    struct fixture *f = context;
    (void)error;
    bytes_append_slice(&f->rows, json);
    bytes_append_char(&f->rows, '\n');
    return 0;
}

static void put(struct fixture *f, const char *name, int32_t partition, const char *key, const char *value,
                int64_t time) {
    int32_t topic, partitions;
    OK(bus_producer_topic(f->producer, name, NULL, &topic, &partitions, &f->error));
    struct bus_record record = {.key = key ? slice_of(key) : (struct slice){0},
                                .value = value ? slice_of(value) : (struct slice){0},
                                .timestamp = time};
    OK(bus_produce(f->producer, topic, partition, &record, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

static int fixture_poll(void *context, enum memory_bus_call call, struct error *error) {
    struct fixture *f = context;
    (void)error;
    if (call == MEMORY_BUS_POLL && f->comes) {
        f->comes = false;
        put(f, "s", 0, "a", "{\"V\":3}", 3);
    }
    return 0;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->log = (struct log){LOG_WARNING, fixture_warn, f};
    OK(memory_bus_open(&(struct bus_options){.clock = &clock_system, .partitions = 2},
                       &(struct memory_bus_options){.fault = fixture_poll, .context = f}, &f->bus, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
    f->options = (struct answer_options){
        .bus = f->bus, .clock = &clock_system, .stop = &f->stop, .row = fixture_row, .context = f, .log = &f->log};
    for (int32_t p = 0; p < 2; p++) {
        int32_t partitions;
        OK(bus_topic_ensure(f->bus, p ? "s" : "t", NULL, &partitions, &f->error));
    }
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    session_free(f->session);
    bus_producer_close(f->producer);
    bus_close(f->bus);
    bytes_release(&f->rows);
    bytes_release(&f->warnings);
    free(f);
    return 0;
}

static int fixture_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct fixture *f = context;
    if (effect->kind != EFFECT_SELECT)
        return 0;
    f->options.changes = effect->select->emit != EMIT_DEFAULT;
    return answer_run(&f->options, effect->query, error);
}

static int ask(struct fixture *f, const char *statements) {
    f->rows.length = f->warnings.length = 0;
    int status = session_execute(f->session, slice_of(statements), fixture_effect, f, &f->error);
    bytes_append_char(&f->rows, '\0');
    bytes_append_char(&f->warnings, '\0');
    return status;
}

#define assert_answer(statements, expected)                                                                            \
    do {                                                                                                               \
        OK(ask(f, statements));                                                                                        \
        if (strcmp(f->rows.data, expected) != 0)                                                                       \
            fail_msg("line %d: it answers\n%sexpected\n%s", __LINE__, f->rows.data, expected);                         \
    } while (0)

/* Of a table each key's last row counts, a deleted one not at all; places are those of the log. */
static void test_as_it_is(void **state) {
    struct fixture *f = *state;
    put(f, "t", 0, "a", "{\"W\":1}", 10);
    put(f, "t", 1, "b", "{\"W\":2}", 20);
    put(f, "t", 0, "c", "{\"W\":3}", 30);
    put(f, "t", 0, "a", "{\"W\":4}", 40);
    put(f, "t", 1, "d", "{\"W\":5}", 50);
    put(f, "t", 1, "b", NULL, 60);
    for (int i = 0; i < 4; i++) {
        char value[16];
        snprintf(value, sizeof value, "{\"V\":%d}", i);
        put(f, "s", i % 2, "a", value, i);
    }
    assert_answer(DECLARATIONS "SELECT k, w, ROWOFFSET AS o, ROWPARTITION AS p, ROWTIME AS t FROM t;",
                  "{\"K\":\"c\",\"W\":3,\"O\":1,\"P\":0,\"T\":30}\n"
                  "{\"K\":\"a\",\"W\":4,\"O\":2,\"P\":0,\"T\":40}\n"
                  "{\"K\":\"d\",\"W\":5,\"O\":1,\"P\":1,\"T\":50}\n");
    assert_answer("SELECT w FROM t WHERE w > 3 LIMIT 1;", "{\"W\":4}\n");
    assert_answer("SELECT w FROM t LIMIT 0;", "");
    assert_answer("SELECT v FROM s WHERE v <> 2;", "{\"V\":0}\n{\"V\":1}\n{\"V\":3}\n");
    OK(bus_trim(f->bus, "s", 0, 1, &f->error));
    assert_answer("SELECT v, ROWOFFSET AS o FROM s WHERE ROWPARTITION = 0;", "{\"V\":2,\"O\":1}\n");
}

static void test_changes(void **state) {
    struct fixture *f = *state;
    f->options.from_beginning = true;
    put(f, "s", 0, "a", "{\"V\":1}", 1000);
    put(f, "s", 1, "b", "{\"V\":2}", 1000);
    put(f, "t", 0, "a", "{\"W\":5}", 9000);
    put(f, "t", 0, "a", "{\"W\":6}", 9001);
    assert_answer(DECLARATIONS "SELECT s.k, v, w FROM s JOIN t ON s.k = t.k EMIT CHANGES LIMIT 1;",
                  "{\"S_K\":\"a\",\"V\":1,\"W\":6}\n");
    assert_answer("SELECT s.k, v, w FROM s LEFT JOIN t ON s.k = t.k EMIT CHANGES LIMIT 2;",
                  "{\"S_K\":\"a\",\"V\":1,\"W\":6}\n{\"S_K\":\"b\",\"V\":2,\"W\":null}\n");
    put(f, "s", 0, "c", "{\"V\":2}", 62000);
    assert_answer("SELECT v, COUNT(*) AS n FROM s GROUP BY v EMIT CHANGES LIMIT 3;",
                  "{\"V\":1,\"N\":1}\n{\"V\":2,\"N\":1}\n{\"V\":2,\"N\":2}\n");
    assert_answer("SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 0 SECONDS) GROUP BY k "
                  "EMIT FINAL LIMIT 1;",
                  "{\"K\":\"a\",\"N\":1}\n");
}

/* From now on: what is there already is no news. */
static void test_from_now_on(void **state) {
    struct fixture *f = *state;
    put(f, "s", 0, "a", "{\"V\":1}", 1);
    put(f, "s", 0, "a", "{\"V\":2}", 2);
    f->comes = true;
    assert_answer(DECLARATIONS "SELECT v, ROWOFFSET AS o FROM s EMIT CHANGES LIMIT 1;", "{\"V\":3,\"O\":2}\n");
    atomic_store(&f->stop, true);
    assert_answer("SELECT v FROM s EMIT CHANGES;", "");
}

static void test_what_cannot_be_answered(void **state) {
    struct fixture *f = *state;
    f->options.from_beginning = true;
    put(f, "s", 0, "a", "no JSON", 1);
    put(f, "s", 0, "a", "{\"V\":0}", 2);
    put(f, "s", 0, "a", "{\"V\":5}", 3);
    assert_answer(DECLARATIONS "SELECT 10 / v AS q FROM s EMIT CHANGES LIMIT 2;", "{\"Q\":null}\n{\"Q\":2}\n");
    if (!strstr(f->warnings.data, "1 topic s: ") || !strstr(f->warnings.data, "by zero"))
        fail_msg("it warns: %s", f->warnings.data);
    OK(bus_topic_create(f->bus, "w", &(struct bus_topic_settings){3, -1, -1}, &f->error));
    assert_int_equal(ask(f, "CREATE STREAM w (k STRING KEY, x INT) WITH (KAFKA_TOPIC='w', VALUE_FORMAT='JSON');"
                            "SELECT s.k, v, x FROM s JOIN w WITHIN 1 SECOND ON s.k = w.k EMIT CHANGES;"),
                     ERROR_INVALID);
    assert_non_null(strstr(f->error.message, "topic s has 2 partitions and topic w has 3"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_from_now_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_answered, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

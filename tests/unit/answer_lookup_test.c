/* Pull queries by key, with an index of the topic and without: the same rows, over tables that change, are deleted and
 * made anew, with windows and keys of several columns; and few reads once the index is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/memory/memory_bus.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "core/random.h"
#include "sql/session/answer.h"
#include "sql/session/session.h"

enum { PARTITIONS = 2 };

struct fixture {
    char folder[64];
    struct bus *bus;
    struct bus_producer *producer;
    struct session *session;
    struct answer_options options;
    atomic_bool stop;
    struct log log;
    struct bytes rows, warnings;
    size_t polls; /* that brought something or not, since the last question */
    bool indexed; /* the plan has a look-up */
    int64_t time; /* of the last record */
    uint64_t seed, drawn;
    struct error error;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("line %d, seed %llu: %s: %s", __LINE__, (unsigned long long)f->seed, #call, f->error.message);    \
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

static int fixture_poll(void *context, enum memory_bus_call call, struct error *error) {
    struct fixture *f = context;
    (void)error;
    f->polls += call == MEMORY_BUS_POLL;
    return 0;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "/tmp/meterline-lookup-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    const char *seed = getenv("METERLINE_SEED");
    f->seed = seed ? strtoull(seed, NULL, 10) : 1;
    f->log = (struct log){LOG_WARNING, fixture_warn, f};
    OK(memory_bus_open(&(struct bus_options){.clock = &clock_system, .partitions = PARTITIONS},
                       &(struct memory_bus_options){.fault = fixture_poll, .context = f}, &f->bus, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    OK(session_new(&(struct session_options){.registry = bus_registry(f->bus), .clock = &clock_system}, &f->session,
                   &f->error));
    f->options = (struct answer_options){.bus = f->bus,
                                         .clock = &clock_system,
                                         .stop = &f->stop,
                                         .row = fixture_row,
                                         .context = f,
                                         .index_log = "memory",
                                         .log = &f->log};
    *state = f;
    return 0;
}

static int remove_file(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    session_free(f->session);
    bus_producer_close(f->producer);
    bus_close(f->bus);
    bytes_release(&f->rows);
    bytes_release(&f->warnings);
    nftw(f->folder, remove_file, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *name, int32_t partition, struct slice key, const char *value) {
    int32_t topic, partitions;
    OK(bus_producer_topic(f->producer, name, NULL, &topic, &partitions, &f->error));
    struct bus_record record = {
        .key = key, .value = value ? slice_of(value) : (struct slice){0}, .timestamp = ++f->time};
    OK(bus_produce(f->producer, topic, partition, &record, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
}

static int fixture_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct fixture *f = context;
    if (effect->kind != EFFECT_SELECT)
        return 0;
    f->options.lookup = effect->lookup;
    f->indexed = effect->lookup != NULL;
    return answer_run(&f->options, effect->query, error);
}

static void ask(struct fixture *f, const char *statement, const char *folder) {
    f->rows.length = f->warnings.length = f->polls = 0;
    f->options.index_folder = folder;
    OK(session_execute(f->session, slice_of(statement), fixture_effect, f, &f->error));
    bytes_append_char(&f->rows, '\0');
    bytes_append_char(&f->warnings, '\0');
    if (f->warnings.length > 1)
        fail_msg("seed %llu: %s: %s", (unsigned long long)f->seed, statement, f->warnings.data);
}

/* With the index and without: the rows must be the same. */
static void ask_twice(struct fixture *f, const char *statement) {
    ask(f, statement, NULL);
    char *expected = strdup(f->rows.data);
    ask(f, statement, f->folder);
    if (strcmp(f->rows.data, expected) != 0)
        fail_msg("seed %llu: %s: by the index\n%swithout\n%s", (unsigned long long)f->seed, statement, f->rows.data,
                 expected);
    if (!f->indexed)
        fail_msg("%s: it is not looked up", statement);
    free(expected);
}

#define assert_answer(statement, expected)                                                                             \
    do {                                                                                                               \
        ask_twice(f, statement);                                                                                       \
        assert_string_equal(f->rows.data, expected);                                                                   \
    } while (0)

/* --- what is asked for
 * ----------------------------------------------------------------------------------------------------------------- */

static void test_points(void **state) {
    struct fixture *f = *state;
    OK(session_execute(
        f->session, SLICE("CREATE TABLE t (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"),
        NULL, NULL, &f->error));
    put(f, "t", 0, SLICE("a"), "{\"W\":1}");
    put(f, "t", 1, SLICE("b"), "{\"W\":2}");
    put(f, "t", 0, SLICE(""), "{\"W\":3}");
    put(f, "t", 0, SLICE("ab"), "{\"W\":4}");
    put(f, "t", 0, SLICE("a"), "{\"W\":5}");
    assert_answer("SELECT * FROM t WHERE k = 'a';", "{\"K\":\"a\",\"W\":5}\n");
    assert_answer("SELECT w FROM t WHERE 'b' = t.k AND w > 1;", "{\"W\":2}\n");
    assert_answer("SELECT w FROM t WHERE k = 'b' AND w > 2;", "");
    assert_answer("SELECT * FROM t WHERE k = '';", "{\"K\":\"\",\"W\":3}\n");
    assert_answer("SELECT w FROM t WHERE k IN ('b', 'ab', 'x', 'ab');", "{\"W\":4}\n{\"W\":2}\n");
    assert_answer("SELECT w FROM t WHERE k > 'a' AND k <= 'b';", "{\"W\":4}\n{\"W\":2}\n");
    assert_answer("SELECT w FROM t WHERE k LIKE 'a%';", "{\"W\":4}\n{\"W\":5}\n");
    assert_answer("SELECT w FROM t WHERE (k = 'a' OR k = 'b') LIMIT 1;", "{\"W\":5}\n");
    assert_answer("SELECT w FROM t WHERE k = 'none';", "");
    put(f, "t", 0, SLICE("a"), NULL);
    assert_answer("SELECT w FROM t WHERE k = 'a';", "");
    ask(f, "SELECT w FROM t WHERE w > 1;", f->folder);
    assert_false(f->indexed);
    ask(f, "SELECT w FROM t WHERE k = 'a' OR w = 1;", f->folder);
    assert_false(f->indexed);
}

/* Once it is indexed a topic is not read for one row of it. */
static void test_few_reads(void **state) {
    struct fixture *f = *state;
    enum { KEYS = 3000, FEW = 20 };
    char text[64];
    OK(session_execute(
        f->session, SLICE("CREATE TABLE t (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"),
        NULL, NULL, &f->error));
    for (int i = 0; i < KEYS; i++) {
        snprintf(text, sizeof text, "k%d", i);
        put(f, "t", i % PARTITIONS, slice_of(text), "{\"W\":1}");
    }
    ask(f, "SELECT k FROM t WHERE k = 'k1500';", f->folder);
    assert_true(f->polls > KEYS / 2);
    for (int i = 0; i < 3; i++) {
        ask(f, "SELECT k FROM t WHERE k = 'k1500';", f->folder);
        assert_string_equal(f->rows.data, "{\"K\":\"k1500\"}\n");
        assert_true(f->polls < FEW);
    }
    ask(f, "SELECT k FROM t WHERE k > 'k998';", f->folder);
    assert_true(f->polls < FEW);
    put(f, "t", 0, SLICE("k1500"), NULL);
    ask(f, "SELECT k FROM t WHERE k = 'k1500';", f->folder);
    assert_string_equal(f->rows.data, "");
    assert_true(f->polls < FEW);
}

/* A topic that was deleted and made again has nothing of the one before, though it is longer. */
static void test_topic_made_anew(void **state) {
    struct fixture *f = *state;
    OK(session_execute(
        f->session, SLICE("CREATE TABLE t (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"),
        NULL, NULL, &f->error));
    for (int round = 0; round < 3; round++) {
        char value[32];
        snprintf(value, sizeof value, "{\"W\":%d}", round);
        put(f, "t", 0, round == 1 ? SLICE("b") : SLICE("a"), value);
        for (int i = 0; i < round; i++)
            put(f, "t", 0, SLICE("c"), value);
        ask_twice(f, "SELECT * FROM t WHERE k = 'a';");
        ask_twice(f, "SELECT * FROM t WHERE k >= 'a';");
        OK(bus_topic_delete(f->bus, "t", &f->error));
        bus_producer_close(f->producer);
        OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    }
}

static void test_unusable_folder(void **state) {
    struct fixture *f = *state;
    OK(session_execute(
        f->session, SLICE("CREATE TABLE t (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"),
        NULL, NULL, &f->error));
    put(f, "t", 0, SLICE("a"), "{\"W\":1}");
    f->rows.length = f->warnings.length = 0;
    f->options.index_folder = "/dev/null/index";
    OK(session_execute(f->session, SLICE("SELECT * FROM t WHERE k = 'a';"), fixture_effect, f, &f->error));
    bytes_append_char(&f->rows, '\0');
    bytes_append_char(&f->warnings, '\0');
    assert_string_equal(f->rows.data, "{\"K\":\"a\",\"W\":1}\n");
    assert_non_null(strstr(f->warnings.data, "its keys cannot be indexed"));
}

/* --- any history, any question
 * ---------------------------------------------------------------------------------------------------------------- */

static uint64_t draw(struct fixture *f, uint64_t limit) {
    return random_mix(f->seed * 1000003 + f->drawn++) % limit;
}

/* A number as KAFKA writes it. */
static struct slice number_key(int32_t number, char *to) {
    uint32_t bits = (uint32_t)number;
    for (int i = 0; i < 4; i++)
        to[i] = (char)(bits >> (24 - 8 * i));
    return (struct slice){to, 4};
}

static void put_any(struct fixture *f) {
    char key[64], value[64];
    int32_t number = (int32_t)draw(f, 12) - 6;
    int64_t start = 1000 * (int64_t)draw(f, 3);
    struct bytes windowed = {0};
    snprintf(value, sizeof value, "{\"W\":%d}", (int)draw(f, 5));
    const char *written = draw(f, 4) ? value : NULL;
    switch (draw(f, 3)) {
    case 0:
        put(f, "n", number & 1, number_key(number, key), written);
        return;
    case 1:
        snprintf(key, sizeof key, draw(f, 2) ? "{\"A\":%d,\"B\":\"%d\"}" : "{\"B\":\"%2$d\", \"A\": %1$d}", (int)number,
                 (int)draw(f, 2));
        put(f, "p", number & 1, slice_of(key), written);
        return;
    default:
        bytes_append_slice(&windowed, number_key(number, key));
        row_window_write(&windowed, ROW_WINDOW_TIME, start, start + 1000);
        put(f, "w", number & 1, bytes_slice(&windowed), written);
        bytes_release(&windowed);
    }
}

static void ask_any(struct fixture *f) {
    static const char *const questions[] = {
        "SELECT * FROM n WHERE a = %d;",
        "SELECT * FROM n WHERE a IN (%d, %d, 100);",
        "SELECT * FROM n WHERE a > %d;",
        "SELECT * FROM n WHERE a BETWEEN %d AND %d;",
        "SELECT * FROM n WHERE a <> %d AND w > 1;",
        "SELECT * FROM p WHERE a = %d AND b = '%d';",
        "SELECT * FROM p WHERE a < %d;",
        "SELECT * FROM w WHERE a = %d;",
        "SELECT * FROM w WHERE a = %d AND WINDOWSTART >= 1000;",
        "SELECT * FROM w WHERE a IN (%d, %d) AND WINDOWEND = 2000;",
        "SELECT * FROM w WHERE WINDOWSTART = 0 AND a > %d;",
    };
    char text[200];
    int first = (int)draw(f, 14) - 7, second = (int)draw(f, 14) - 7;
    const char *question = questions[draw(f, sizeof questions / sizeof *questions)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, question, first,
             strchr(question, 'b') && strstr(question, "b =") ? second & 1 : second);
#pragma GCC diagnostic pop
    ask_twice(f, text);
}

static void test_any(void **state) {
    struct fixture *f = *state;
    enum { STEPS = 600 };
    OK(session_execute(f->session,
                       SLICE("CREATE TABLE n (a INT PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='n', VALUE_FORMAT='JSON');"
                             "CREATE TABLE p (a INT PRIMARY KEY, b STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='p', "
                             "FORMAT='JSON');"
                             "CREATE TABLE w (a INT PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='w', VALUE_FORMAT='JSON', "
                             "WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 SECOND');"),
                       NULL, NULL, &f->error));
    for (int i = 0; i < 20; i++)
        put_any(f);
    for (int i = 0; i < STEPS; i++) {
        if (draw(f, 3))
            put_any(f);
        else
            ask_any(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_points, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_topic_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unusable_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

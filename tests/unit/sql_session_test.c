/* Sessions: a rejected script leaves nothing behind; a file that is run again passes by what it has done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sql/session/session.h"

#define STREAM "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"

struct fixture {
    struct session *session;
    size_t kinds[EFFECT_STATEMENT + 1]; /* effects of the last script */
    size_t rows;                        /* of the last listing */
    struct error error;
};

static int take(void *context, const struct session_effect *effect, struct error *error) {
    struct fixture *f = context;
    (void)error;
    f->kinds[effect->kind]++;
    if (effect->kind == EFFECT_LISTING)
        f->rows = effect->listing.row_count;
    return 0;
}

static int run(struct fixture *f, const char *text) {
    memset(f->kinds, 0, sizeof f->kinds);
    f->rows = 0;
    return session_execute(f->session, slice_of(text), take, f, &f->error);
}

static int set_up(void **state) {
    static struct fixture fixture;
    struct session_options options = {.clock = &clock_system};
    fixture = (struct fixture){0};
    *state = &fixture;
    return session_new(&options, &fixture.session, &fixture.error);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    f->session = session_free(f->session);
    return 0;
}

static void rejected(struct fixture *f, const char *text, const char *says) {
    assert_true(run(f, text) < 0);
    if (!strstr(f->error.message, says))
        fail_msg("%s", f->error.message);
    for (size_t i = 0; i <= EFFECT_STATEMENT; i++)
        assert_int_equal(f->kinds[i], 0);
}

static void test_rejected_scripts(void **state) {
    struct fixture *f = *state;
    assert_int_equal(run(f, STREAM
                         "SET 'ksql.functions.collect_list.limit' = '2'; DEFINE topic = 's';"
                         "CREATE SINK CONNECTOR a WITH ('type'='webhook', 'url'='http://localhost', 'topics'='s');"),
                     0);
    rejected(f,
             "CREATE STREAM t AS SELECT * FROM s; CREATE TYPE two AS STRUCT<a INT, b INT>; SET "
             "'ksql.functions.collect_list.limit' = '9';"
             "SET 'auto.offset.reset' = 'earliest'; UNDEFINE topic; DEFINE other = 'o'; DROP CONNECTOR a;"
             "CREATE SINK CONNECTOR b WITH ('type'='cache', 'topics'='s'); DROP STREAM nothing;",
             "NOTHING");
    assert_string_equal(session_setting(f->session, "ksql.functions.collect_list.limit"), "2");
    assert_null(session_setting(f->session, "auto.offset.reset"));
    assert_int_equal(catalog_source_count(session_catalog(f->session)), 1);
    assert_int_equal(catalog_query_count(session_catalog(f->session)), 0);
    assert_int_equal(catalog_type_count(session_catalog(f->session)), 0);
    assert_int_equal(run(f, "SHOW VARIABLES;"), 0);
    assert_int_equal(f->rows, 1);
    assert_int_equal(run(f, "DESCRIBE CONNECTOR a;"), 0);
    assert_int_equal(f->rows, 1);
    rejected(f, "DESCRIBE CONNECTOR b;", "there is no connector B");
    assert_int_equal(run(f, "CREATE STREAM u (v INT) WITH (KAFKA_TOPIC='${topic}', VALUE_FORMAT='JSON'); UNSET "
                            "'ksql.functions.collect_list.limit';"),
                     0);
    assert_null(session_setting(f->session, "ksql.functions.collect_list.limit"));
}

static void test_known_statements(void **state) {
    struct fixture *f = *state;
    static const char file[] =
        STREAM "ALTER STREAM s ADD COLUMN w BIGINT; CREATE TYPE one AS INT; CREATE STREAM t AS SELECT k, w FROM s;"
               "CREATE STREAM all_of (k STRING KEY, w BIGINT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON'); INSERT INTO "
               "all_of SELECT k, w FROM s;"
               "CREATE SINK CONNECTOR a WITH ('type'='cache', 'topics'='s'); DROP STREAM IF EXISTS gone;";
    session_pass_known(f->session, true);
    assert_int_equal(run(f, file), 0);
    assert_int_equal(f->kinds[EFFECT_QUERY_START], 2);
    assert_int_equal(f->kinds[EFFECT_CONNECTOR_START], 1);
    assert_int_equal(run(f, file), 0);
    assert_int_equal(f->kinds[EFFECT_QUERY_START] + f->kinds[EFFECT_CONNECTOR_START] + f->kinds[EFFECT_TOPIC] +
                         f->kinds[EFFECT_STATEMENT],
                     0);
    rejected(f, "ALTER STREAM s ADD COLUMN w INT;", "W"); /* of another type */
    session_pass_known(f->session, false);
    rejected(f, file, "there is already a stream S");
}

/* --- parts
 * ------------------------------------------------------------------------------------------------------------------ */

/* A door that fails at the n-th part or effect, and remembers what it has kept. */
struct door_test {
    int keep_fails, effect_fails; /* counted from 1; 0: never */
    int parts, effects;
    char kept[400]; /* kinds of what is kept, parts apart: "T S| R1 S1" */
    char settings[400];
};

static int door_keep(void *context, const struct session_effect *effects, size_t count, struct error *error) {
    static const char *const names[EFFECT_STATEMENT + 1] = {
        [EFFECT_TOPIC] = "T", [EFFECT_RECORD] = "R", [EFFECT_STATEMENT] = "S", [EFFECT_TOPIC_DELETE] = "D"};
    struct door_test *door = context;
    if (++door->parts == door->keep_fails)
        return error_set(error, ERROR_IO, "no room");
    for (size_t i = 0; i < count; i++) {
        if (!names[effects[i].kind])
            continue;
        strcat(door->kept, names[effects[i].kind]);
        if (effects[i].ordinal)
            sprintf(door->kept + strlen(door->kept), "%zu", effects[i].ordinal);
        if (effects[i].settings.data)
            snprintf(door->settings, sizeof door->settings, "%.*s", (int)effects[i].settings.length,
                     effects[i].settings.data);
    }
    strcat(door->kept, "|");
    return 0;
}

static int door_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct door_test *door = context;
    (void)effect;
    return ++door->effects == door->effect_fails ? error_set(error, ERROR_INTERRUPTED, "stopped") : 0;
}

static int run_through(struct fixture *f, const char *text, struct door_test *door) {
    struct session_script script = {.text = slice_of(text)};
    return session_run(f->session, &script, &(struct session_door){door_keep, door_effect, door}, &f->error);
}

static bool has_source(const struct fixture *f, const char *name) {
    return catalog_source(session_catalog(f->session), slice_of(name)) != NULL;
}

#define PARTS                                                                                                          \
    STREAM "INSERT INTO s (k, v) VALUES ('a', 1); INSERT INTO s (k, v) VALUES ('b', 1); INSERT INTO s (k, v) VALUES "  \
           "('a', 1); SHOW TOPICS; CREATE STREAM t AS SELECT * FROM s; DROP STREAM t DELETE TOPIC; SET 'a' = 'b';"     \
           "CREATE STREAM u AS SELECT * FROM s;"

static void test_parts(void **state) {
    struct fixture *f = *state;
    static const struct {
        int keep_fails;
        const char *kept;
        bool s, t, u;
    } cases[] = {{1, "", false, false, false},
                 {2, "TSR1S1R1S1R2S2|", true, false, false},
                 {3, "TSR1S1R1S1R2S2|SDS|", true, false, false},
                 {0, "TSR1S1R1S1R2S2|SDS|S|", true, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct door_test door = {.keep_fails = cases[i].keep_fails};
        assert_int_equal(run_through(f, PARTS, &door), cases[i].keep_fails ? ERROR_IO : 0);
        assert_string_equal(door.kept, cases[i].kept);
        assert_int_equal(has_source(f, "S"), cases[i].s);
        assert_int_equal(has_source(f, "T"), cases[i].t);
        assert_int_equal(has_source(f, "U"), cases[i].u);
        assert_int_equal(session_setting(f->session, "a") != NULL, cases[i].u);
        tear_down(state);
        set_up(state);
    }
    /* What was kept stays when an answer fails; what comes after it is not there. */
    struct door_test door = {.effect_fails = 1};
    assert_int_equal(run_through(f, PARTS, &door), ERROR_INTERRUPTED);
    assert_true(has_source(f, "S"));
    assert_false(has_source(f, "U"));
    rejected(f, "RUN SCRIPT 'x.sql'; SHOW STREAMS;", "line 1, column 21: RUN SCRIPT must be the last");
}

static void test_recalled_settings(void **state) {
    struct fixture *f = *state;
    static const char query[] = "CREATE TABLE l AS SELECT k, COLLECT_LIST(v) AS vs FROM s GROUP BY k;";
    struct door_test door = {0};
    assert_int_equal(run_through(f,
                                 STREAM "SET 'ksql.functions.collect_list.limit' = '2'; SET "
                                        "'ksql.functions.collect_set.limit' = '7'; DEFINE k = 'v';",
                                 &door),
                     0);
    assert_int_equal(run_through(f, query, &door), 0);
    assert_string_equal(door.settings, "{\"ksql.functions.collect_list.limit\":\"2\"}");
    struct session_script recalled = {slice_of("CREATE TABLE m AS SELECT k, COLLECT_LIST(v) AS vs, CAST(MAX(v) AS "
                                               "STRING) AS `${k}` FROM s GROUP BY k;"),
                                      true, SLICE("{\"ksql.nested.error.set.null\":\"false\"}")};
    struct session_door keep = {door_keep, door_effect, &door};
    assert_int_equal(session_run(f->session, &recalled, &keep, &f->error), 0);
    assert_string_equal(door.settings,
                        "{\"ksql.functions.collect_list.limit\":\"0\",\"ksql.nested.error.set.null\":\"false\"}");
    assert_non_null(source_column(catalog_source(session_catalog(f->session), SLICE("M")), SLICE("${k}")));
    recalled.settings = SLICE("{\"ksql.functions.collect_list.limit\":\"many\"}");
    assert_int_equal(session_run(f->session, &recalled, &keep, &f->error), ERROR_CORRUPT);
    session_pass_known(f->session, true);
    assert_int_equal(run_through(f, query, &door), 0);
    rejected(f,
             "SET 'ksql.functions.collect_list.limit' = '3'; CREATE TABLE l AS SELECT k, COLLECT_LIST(v) AS vs FROM s "
             "GROUP BY k;",
             "collect_list.limit = '2', and it would be '3' now");
}

/* What WITH leaves out is said by settings, which stay with the statement. */
static void test_default_formats(void **state) {
    struct fixture *f = *state;
    static const char kept[] = "{\"ksql.persistence.default.format.key\":\"DELIMITED\",\"ksql.persistence.default."
                               "format.value\":\"JSON\",\"ksql.persistence.wrap.single.values\":\"false\"}";
    struct door_test door = {0};
    assert_int_equal(run_through(f,
                                 "SET 'ksql.persistence.default.format.value' = 'json'; SET "
                                 "'ksql.persistence.default.format.key' = 'DELIMITED'; SET "
                                 "'ksql.persistence.wrap.single.values' = 'FALSE'; CREATE STREAM d (k INT KEY, v INT) "
                                 "WITH (KAFKA_TOPIC = 'd', PARTITIONS = 1);",
                                 &door),
                     0);
    assert_string_equal(door.settings, kept);
    assert_int_equal(
        run_through(f, "SET 'ksql.output.topic.name.prefix' = 'p.'; CREATE STREAM e AS SELECT k, v, 1 AS w FROM d;",
                    &door),
        0);
    assert_string_equal(door.settings, "{\"ksql.output.topic.name.prefix\":\"p.\"}");
    const struct source *e = catalog_source(session_catalog(f->session), SLICE("E"));
    assert_true(slice_equal(e->topic, SLICE("p.E")));
    assert_int_equal(e->key.format, FORMAT_DELIMITED);
    assert_int_equal(run_through(f,
                                 "UNSET 'ksql.persistence.default.format.key'; UNSET 'ksql.output.topic.name.prefix'; "
                                 "DROP STREAM e; DROP STREAM d;",
                                 &door),
                     0);
    struct session_script recalled = {
        slice_of("CREATE STREAM d (k INT KEY, v INT) WITH (KAFKA_TOPIC = 'd', PARTITIONS = 1);"), true, slice_of(kept)};
    struct session_door keep = {door_keep, door_effect, &door};
    assert_int_equal(session_run(f->session, &recalled, &keep, &f->error), 0);
    const struct source *d = catalog_source(session_catalog(f->session), SLICE("D"));
    assert_int_equal(d->key.format, FORMAT_DELIMITED);
    assert_int_equal(d->value.format, FORMAT_JSON);
    assert_false(d->wrapped);
    rejected(f, "SET 'ksql.persistence.default.format.value' = 'XML';", "is a format, not 'XML'");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_default_formats, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_recalled_settings, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_rejected_scripts, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_known_statements, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

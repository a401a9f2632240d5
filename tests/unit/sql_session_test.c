/* Sessions: a rejected script leaves nothing behind; a file that is run again passes by what it has done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_rejected_scripts, set_up, tear_down),
                                       cmocka_unit_test_setup_teardown(test_known_statements, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

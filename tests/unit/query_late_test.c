/* Late records of queries go to TOPIC-late, once each, with what they missed; and every record read is counted once,
 * whatever the query. */
#include "query_fixture.h"

#define READINGS                                                                                                       \
    "CREATE STREAM readings (k STRING KEY, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', PARTITIONS=1);"
#define MINUTES(name, more)                                                                                            \
    "CREATE TABLE " name " AS SELECT k, COUNT(*) AS n FROM readings WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 0 "   \
    "SECONDS) " more " GROUP BY k EMIT FINAL;"

/* "key value [header=value ...]\n" for each record of a topic. */
static char *dump_headers(struct fixture *f, const char *topic) {
    struct bus_consumer *consumer;
    struct bus_batch batch;
    struct bytes text = {0};
    OK(bus_consumer_open(f->bus, NULL, &consumer, &f->error));
    OK(bus_consumer_seek(consumer, topic, 0, 0, &f->error));
    while (bus_consumer_poll(consumer, 0, &batch, &f->error) == 1)
        for (size_t i = 0; i < batch.count; i++) {
            const struct bus_record *record = &batch.records[i];
            text_of(&text, record->key);
            bytes_append_char(&text, ' ');
            text_of(&text, record->value);
            for (size_t h = 0; h < record->header_count; h++) {
                bytes_append_char(&text, ' ');
                text_of(&text, record->headers[h].name);
                bytes_append_char(&text, '=');
                text_of(&text, record->headers[h].value);
            }
            bytes_append_char(&text, '\n');
        }
    bus_consumer_close(consumer);
    bytes_append_char(&text, '\0');
    return text.data;
}

#define assert_headers(topic, expected)                                                                                \
    do {                                                                                                               \
        char *dump_ = dump_headers(f, topic);                                                                          \
        if (strcmp(dump_, expected) != 0)                                                                              \
            fail_msg("line %d: topic %s has\n%sexpected\n%s", __LINE__, topic, dump_, expected);                       \
        free(dump_);                                                                                                   \
    } while (0)

/* One late record for each input record, whatever number of queries missed it, in the order of the input and with
 * the headers that it came with. */
static void test_late_topic(void **state) {
    struct fixture *f = *state;
    struct bus_producer *producer;
    int32_t topic, partitions;
    sql(f,
        READINGS MINUTES("minutes", "") MINUTES("again", "")
            MINUTES("filtered", "WHERE v <> 9") "CREATE TABLE halves AS SELECT k, COUNT(*) AS n FROM readings WINDOW "
                                                "TUMBLING (SIZE 1500 MILLISECONDS, GRACE PERIOD 0 SECONDS) GROUP BY "
                                                "k EMIT FINAL;"
                                                "CREATE TABLE hops AS SELECT k, COUNT(*) AS n FROM readings WINDOW "
                                                "HOPPING (SIZE 2 MINUTES, ADVANCE BY 1 MINUTE, GRACE PERIOD 0 "
                                                "SECONDS) GROUP BY k EMIT CHANGES;"
                                                "CREATE TABLE rests AS SELECT k, COUNT(*) AS n FROM readings WINDOW "
                                                "SESSION (30 SECONDS, GRACE PERIOD 0 SECONDS) GROUP BY k;");
    run(f);
    assert_headers("readings-late", ""); /* it is there from the start */
    put(f, "readings", "a", "{\"v\":1}", 130000);
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    OK(bus_producer_topic(producer, "readings", NULL, &topic, &partitions, &f->error));
    struct bus_header header = {SLICE("from"), SLICE("here")};
    struct bus_record record = {SLICE("b"), SLICE("{\"v\":2}"), 70000, &header, 1};
    OK(bus_produce(producer, topic, 0, &record, &f->error));
    put_with(f, producer, "readings", "c", "{\"v\":9}", 5000);
    put_with(f, producer, "readings", "d", "no json", 5000);
    put_with(f, producer, "readings", "e", "{\"v\":3}", 128000);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
    run(f);
#define LATE(sizes) "error=late: its windows (" sizes ") have closed late.windows=" sizes
    static const char late[] = "b {\"v\":2} from=here " LATE(
        "1.500,30,60") " stream.time=1970-01-01T00:02:10Z origin.topic=readings "
                       "origin.partition=0 origin.offset=1\n"
                       "c {\"v\":9} " LATE("1.500,30,60,120") " stream.time=1970-01-01T00:02:10Z origin.topic=readings "
                                                              "origin.partition=0 origin.offset=2\n"
                                                              "e {\"v\":3} " LATE(
                                                                  "1.500") " stream.time=1970-01-01T00:02:10Z "
                                                                           "origin.topic=readings origin.partition=0 "
                                                                           "origin.offset=4\n";
    assert_headers("readings-late", late);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->total.late, 2);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->total.folded, 2);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->window->size, 60000);
    assert_int_equal(report_of(f, "CTAS_FILTERED")->total.late, 1);
    assert_int_equal(report_of(f, "CTAS_FILTERED")->total.filtered, 1);
    assert_int_equal(report_of(f, "CTAS_HOPS")->total.late, 1);
    assert_int_equal(report_of(f, "CTAS_HALVES")->total.late, 3);
    run(f); /* windows are rebuilt, and what was late then is not late again */
    assert_true(f->report.recovered > 0);
    assert_headers("readings-late", late);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->total.late, 2);
}

/* Without a window nothing is late. */
static void test_no_late_topic(void **state) {
    struct fixture *f = *state;
    struct bus_topic_info info;
    sql(f, READINGS "CREATE TABLE totals AS SELECT k, COUNT(*) AS n FROM readings GROUP BY k;"
                    "CREATE STREAM copy AS SELECT k, v FROM readings;");
    run(f);
    FAILS(bus_topic_describe(f->bus, "readings-late", &info, &f->error), ERROR_NOT_FOUND, "readings-late");
}

/* Results that lack records say so: windows that were open, and those that the gap may have reached; what keeps no
 * rows says nothing. Kept over runs. */
static void test_incomplete(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS MINUTES("minutes", "")
               MINUTES("bare WITH (WINDOW_IN_KEY = FALSE)",
                       "") "CREATE TABLE totals AS SELECT k, COUNT(*) AS n FROM readings GROUP BY k;"
                           "CREATE STREAM copy AS SELECT k, v FROM readings;");
    for (int i = 0; i < 4; i++)
        put(f, "readings", "a", "{\"v\":1}", 20000 * i); /* the minute of 0 closes, that of 60000 is open */
    run(f);
    for (int i = 4; i < 8; i++)
        put(f, "readings", "a", "{\"v\":1}", 20000 * i); /* 80000 to 140000, of which two are never read */
    OK(bus_trim(f->bus, "readings", 0, 6, &f->error));
    RUN_FAILS(ERROR_NOT_FOUND, "retention has deleted offsets 3 to 5");
    assert_non_null(strstr(f->error.message, "CTAS_MINUTES_1 (windows of 60 s, from 1970-01-01T00:00:00Z on); "));
    assert_non_null(strstr(f->error.message, "; CTAS_TOTALS_3; "));
    f->settings.lost_offsets = LOST_OFFSETS_EARLIEST;
    run(f);
    for (int i = 8; i < 16; i++)
        put(f, "readings", "a", "{\"v\":1}", 20000 * i);
    f->settings.lost_offsets = LOST_OFFSETS_FAIL;
    run(f);
    char *minutes = dump_headers(f, "MINUTES"), *at = minutes;
    static const char *const expected[] = {"{\"N\":3}\n", "{\"N\":3} incomplete=true\n", "{\"N\":3}\n", "{\"N\":3}\n"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) { /* 0, 120000 (the gap's), 180000, 240000 */
        at = strchr(at, '{');
        if (!at || strncmp(at, expected[i], strlen(expected[i])) != 0)
            fail_msg("MINUTES has\n%s", minutes);
        at += strlen(expected[i]);
    }
    free(minutes);
    assert_headers("BARE",
                   "a {\"N\":3}\na {\"N\":3} incomplete=true\na {\"N\":3}\na {\"N\":3}\n"); /* the key has no window */
    char *totals = dump_headers(f, "TOTALS");
    assert_non_null(strstr(totals, "{\"N\":4}\na {\"N\":5} incomplete=true\n"));
    assert_non_null(strstr(totals, "{\"N\":14} incomplete=true\n"));
    free(totals);
    char *copy = dump_headers(f, "COPY");
    assert_null(strstr(copy, "incomplete"));
    free(copy);
}

struct counted {
    const char *name, *sql;
    struct query_counters expected;
};

#define LISTS                                                                                                          \
    "CREATE STREAM lists (k STRING KEY, v INT, l ARRAY<INT>) WITH (KAFKA_TOPIC='lists', VALUE_FORMAT='JSON', "         \
    "PARTITIONS=1);"
#define STATES                                                                                                         \
    "CREATE TABLE states (k STRING PRIMARY KEY, v INT, city STRING) WITH (KAFKA_TOPIC='lists', VALUE_FORMAT='JSON', "  \
    "PARTITIONS=1);"

/* Over lists: see below. */
static const struct counted counted[] = {
    {"a projection",
     LISTS "CREATE STREAM o AS SELECT k, v FROM lists;",
     {.read = 7, .folded = 6, .rejected = 1, .emitted = 6}},
    {"a condition",
     LISTS "CREATE STREAM o AS SELECT k, v FROM lists WHERE v > 1;",
     {.read = 7, .folded = 3, .rejected = 1, .filtered = 3, .emitted = 3}},
    {"a table function",
     LISTS "CREATE STREAM o AS SELECT k, EXPLODE(l) AS item FROM lists;",
     {.read = 7, .added = 1, .folded = 5, .rejected = 1, .filtered = 2, .emitted = 5}},
    {"groups",
     LISTS "CREATE TABLE o AS SELECT k, COUNT(*) AS n FROM lists GROUP BY k;",
     {.read = 7, .folded = 5, .rejected = 1, .null = 1, .emitted = 5}},
    {"HAVING",
     LISTS "CREATE TABLE o AS SELECT k, COUNT(*) AS n FROM lists GROUP BY k HAVING COUNT(*) > 1;",
     {.read = 7, .folded = 5, .rejected = 1, .null = 1, .emitted = 3}},
    {"a window",
     LISTS "CREATE TABLE o AS SELECT k, COUNT(*) AS n FROM lists WINDOW TUMBLING (SIZE 1 SECOND, GRACE "
           "PERIOD 0 SECONDS) GROUP BY k EMIT FINAL;",
     {.read = 7, .folded = 4, .late = 1, .rejected = 1, .null = 1, .emitted = 2}},
    {"sessions",
     LISTS "CREATE TABLE o AS SELECT k, COUNT(*) AS n FROM lists WINDOW SESSION (1 SECOND, GRACE PERIOD 0 "
           "SECONDS) GROUP BY k EMIT FINAL;",
     {.read = 7, .folded = 4, .late = 1, .rejected = 1, .null = 1, .emitted = 2}},
    {"a table",
     STATES "CREATE TABLE o AS SELECT k, v FROM states WHERE v < 4;",
     {.read = 7, .folded = 6, .rejected = 1, .emitted = 6}},
    {"groups of a table",
     STATES
     "CREATE TABLE kept AS SELECT k, v FROM states; CREATE TABLE o AS SELECT k, COUNT(*) AS n FROM kept GROUP BY "
     "k;",
     {.read = 7, .folded = 6, .rejected = 1, .emitted = 6}},
    {"errors",
     LISTS "CREATE STREAM o AS SELECT k, 6 / (v - 1) AS part FROM lists;",
     {.read = 7, .folded = 6, .rejected = 1, .errors = 2, .emitted = 6}},
    {"times that are negative",
     LISTS "CREATE STREAM o WITH (TIMESTAMP='at') AS SELECT k, CAST(v - 2 AS BIGINT) AS at FROM lists;",
     {.read = 7, .folded = 4, .rejected = 1, .failed = 2, .errors = 2, .emitted = 4}},
    {"a join of a topic with itself",
     LISTS "CREATE STREAM more (k STRING KEY, v INT) WITH (KAFKA_TOPIC='lists', VALUE_FORMAT='JSON');"
           "CREATE STREAM o AS SELECT x.k AS k, x.v AS v, y.v AS w FROM lists x JOIN more y WITHIN 1 SECOND ON x.k = "
           "y.k;",
     {.read = 14, .folded = 10, .rejected = 2, .null = 2, .emitted = 9}},
    {"a join with a table",
     LISTS STATES "CREATE STREAM o AS SELECT x.k AS k, x.v AS v, s.v AS w FROM lists x JOIN states s ON x.k = s.k;",
     {.read = 14, .folded = 9, .filtered = 2, .rejected = 2, .null = 1, .emitted = 3}},
    {"windows of a join with a table, through a repartition topic",
     LISTS STATES "CREATE TABLE o AS SELECT x.k AS k, COUNT(*) AS n FROM lists x JOIN states s ON x.k = s.k WINDOW "
                  "TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY x.k EMIT FINAL;",
     {.read = 17, .folded = 11, .late = 1, .filtered = 2, .rejected = 2, .null = 1, .emitted = 4}},
    {"groups of a join, through a repartition topic",
     LISTS "CREATE STREAM more (k STRING KEY, v INT) WITH (KAFKA_TOPIC='lists', VALUE_FORMAT='JSON');"
           "CREATE TABLE p AS SELECT x.k AS k, COUNT(*) AS n FROM lists x JOIN more y WITHIN 1 SECOND ON x.k = y.k "
           "GROUP BY x.k;",
     {.read = 23, .folded = 19, .rejected = 2, .null = 2, .emitted = 18}},
};

static void test_counters(void **state) {
    struct fixture *f = *state;
    put(f, "lists", "a", "{\"v\":1,\"l\":[1,2]}", 1000);
    put(f, "lists", "b", "{\"v\":2,\"l\":[3]}", 1100);
    put(f, "lists", "a", "{\"v\":1,\"l\":[]}", 1200);
    put(f, "lists", "c", NULL, 1300);
    put(f, "lists", "d", "no json", 1400);
    put(f, "lists", "a", "{\"v\":4,\"l\":[4]}", 5000);
    put(f, "lists", "b", "{\"v\":5,\"l\":[6]}", 2000);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        char group[20];
        snprintf(group, sizeof group, "g%zu", i);
        sql_anew(f);
        sql(f, counted[i].sql);
        f->settings.group = group;
        run(f);
        struct query_counters got = f->report.rows[0].total, expected = counted[i].expected;
        for (size_t c = 0; c < QUERY_COUNTERS; c++)
            if (*query_counters_field(&got, c) != *query_counters_field(&expected, c))
                fail_msg("%s: counter %zu is %llu, not %llu", counted[i].name, c,
                         (unsigned long long)*query_counters_field(&got, c),
                         (unsigned long long)*query_counters_field(&expected, c));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_late_topic), TEST(test_no_late_topic), TEST(test_incomplete),
                                       TEST(test_counters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Queries on the log: what they write, what they count, how they go on after an end, a kill, a change. */
#include "query_fixture.h"

#define READINGS                                                                                                       \
    "CREATE STREAM readings (k STRING KEY, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', PARTITIONS=1);"

static void test_two_queries_share_a_topic(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE STREAM high AS SELECT k, v * 2 AS twice FROM readings WHERE v > 10;"
                    "CREATE STREAM low WITH (KAFKA_TOPIC='low') AS SELECT k, v FROM readings WHERE v <= 10;");
    put(f, "readings", "a", "{\"v\":1}", 100);
    put(f, "readings", "b", "{\"v\":20}", 200);
    put(f, "readings", "c", "no json", 300);
    put(f, "readings", "a", "{\"v\":30}", 400);
    put(f, "readings", "d", NULL, 500);
    run(f);
    assert_topic("HIGH", "b {\"TWICE\":40} 200\na {\"TWICE\":60} 400\n");
    assert_topic("low", "a {\"V\":1} 100\n");
    assert_topic("readings-rejected", "c no json 300\n");
    assert_int_equal(f->report.row_count, 2);
    assert_int_equal(f->report.groups, 1);
    const struct query_report_row *row = report_of(f, "CSAS_HIGH");
    assert_int_equal(row->total.read, 5);
    assert_int_equal(row->total.rejected, 1);
    assert_int_equal(row->total.emitted, 2);
    assert_int_equal(row->total.filtered, 2); /* a condition has no value to look at in the fifth */
    assert_int_equal(row->lag, 0);
    put(f, "readings", "e", "{\"v\":11}", 600);
    run(f);
    assert_topic("HIGH", "b {\"TWICE\":40} 200\na {\"TWICE\":60} 400\ne {\"TWICE\":22} 600\n");
    assert_topic("readings-rejected", "c no json 300\n");
    row = report_of(f, "CSAS_HIGH");
    assert_int_equal(row->total.read, 6);
    assert_int_equal(row->run.read, 1);
    assert_int_equal(row->run.emitted, 1);
    struct bytes metrics = {0};
    query_metrics_append(&metrics, &f->report);
    bytes_append_char(&metrics, '\0');
    assert_non_null(strstr(
        metrics.data, "# TYPE meterline_records_read_total counter\nmeterline_records_read_total{query=\"CSAS_HIGH"));
    assert_non_null(strstr(metrics.data, "\"} 6\n"));
    bytes_release(&metrics);
}

/* The records of a topic of dead letters have reasons that begin so, in this order. */
static void assert_reasons(struct fixture *f, const char *topic, const char *const *reasons, size_t count) {
    struct bus_consumer *consumer;
    struct bus_batch batch;
    size_t seen = 0;
    OK(bus_consumer_open(f->bus, NULL, &consumer, &f->error));
    OK(bus_consumer_seek(consumer, topic, 0, 0, &f->error));
    while (bus_consumer_poll(consumer, 0, &batch, &f->error) == 1)
        for (size_t i = 0; i < batch.count; i++, seen++) {
            struct slice error = batch.records[i].headers[0].value;
            assert_true(seen < count);
            if (error.length < strlen(reasons[seen]) || memcmp(error.data, reasons[seen], strlen(reasons[seen])) != 0)
                fail_msg("%s, %zu: '%.*s'", topic, seen, (int)error.length, error.data);
        }
    assert_int_equal(seen, count);
    bus_consumer_close(consumer);
}

/* The key is made of columns, columns are there, the time is not ahead of the log's clock: in each query alike. */
static void test_rules_of_a_source(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key, *value, *reason;
    } bad[] = {
        {"g.T", "{\"g\":\"g\",\"m\":\"U\",\"t\":1,\"v\":1}",
         "the key is not g.M of the record: its records would be split over partitions"},
        {"gT", "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":1}", "the key is not g.M of the record"},
        {"g.T.", "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":1}", "the key is not g.M of the record"},
        {"g", "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":1}", "the key is not g.M of the record"},
        {NULL, "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":1}",
         "no key: the key must be g.M, which keeps its records on one partition"},
        {"g.", "{\"g\":\"g\",\"m\":\"\",\"t\":1,\"v\":1}", "M is empty"},
        {"g.T", "{\"g\":null,\"m\":\"T\",\"t\":1,\"v\":1}", "g is missing"},
        {"g.\1", "{\"g\":\"g\",\"m\":\"\\u0001\",\"t\":1,\"v\":1}", "M has control characters"},
        {"g.T", "{\"g\":\"g\",\"m\":\"T\",\"t\":1}", "V is missing"},
        {"g.T", "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":\"Infinity\"}", "V is not a finite number"},
        {"g.T", "{\"g\":\"g\",\"m\":\"T\",\"t\":4070908800000,\"v\":1}",
         "its time 2099-01-01T00:00:00Z is more than 5400 s (MAX_AHEAD) ahead of the clock when it came, "},
        {"g.T", "{\"g\":\"g\",\"m\":\"T\",\"t\":9007199254740992000,\"v\":1}",
         "its time, 9007199254740992000 ms, is more than 5400 s (MAX_AHEAD) ahead of the clock when it came"},
    };
    enum { BAD = sizeof bad / sizeof *bad };
    sql(f, "CREATE STREAM rules (k STRING KEY, `g` STRING, m STRING, t BIGINT, v DOUBLE) WITH (KAFKA_TOPIC='rules', "
           "VALUE_FORMAT='JSON', PARTITIONS=1, TIMESTAMP='t', KEY_OF='`g`.m', REQUIRED='v', MAX_AHEAD='90 MINUTES');"
           "CREATE STREAM one WITH (KAFKA_TOPIC='one') AS SELECT k, v FROM rules;"
           "CREATE TABLE two WITH (KAFKA_TOPIC='two') AS SELECT k, COUNT(*) AS n FROM rules GROUP BY k;");
    put(f, "rules", "g.T", "{\"g\":\"g\",\"m\":\"T\",\"t\":1,\"v\":2.5}", 0);
    for (size_t i = 0; i < BAD; i++)
        put(f, "rules", bad[i].key, bad[i].value, (int64_t)i);
    put(f, "rules", "g", NULL, 77);
    run(f);
    assert_topic("one", "g.T {\"V\":2.5} 1\ng null 77\n");
    assert_topic("two", "g.T {\"N\":1} 1\n");
    assert_int_equal(report_of(f, "CSAS_ONE")->total.rejected, BAD);
    assert_int_equal(report_of(f, "CTAS_TWO")->total.rejected, BAD);
    const char *reasons[BAD];
    for (size_t i = 0; i < BAD; i++)
        reasons[i] = bad[i].reason;
    assert_reasons(f, "rules-rejected", reasons, BAD);
}

/* What has no time that can be used is rejected. */
static void test_times_of_a_source(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *value, *reason, *pattern_reason;
    } cases[] = {
        {"{\"at\":\"2007-01-01T00:00:00Z\"}", NULL, NULL},
        {"{\"at\":\"2007-01-01T00:00:00+01\"}", NULL, NULL},
        {"{\"at\":\"2007-01-01T00:00:01.5\"}", NULL,
         "at '2007-01-01T00:00:01.5' is no time of the form that TIMESTAMP_FORMAT says"},
        {"{\"at\":1167609602000}", NULL, "at '1167609602000' is no time of the form that TIMESTAMP_FORMAT says"},
        {"{\"at\":-1}", "at '-1' is no time of the form that TIMESTAMP_FORMAT says",
         "at '-1' is no time of the form that TIMESTAMP_FORMAT says"},
        {"{\"at\":\"2007-02-30T00:00:00Z\"}",
         "at '2007-02-30T00:00:00Z' is no time of the form that TIMESTAMP_FORMAT says", NULL},
        {"{\"at\":\"1969-12-31T23:59:59Z\"}",
         "at '1969-12-31T23:59:59Z' is no time of the form that TIMESTAMP_FORMAT says",
         "its time, -1000 ms, is before 1970"},
        {"{\"at\":null}", "at, which its time comes from, is missing", "at, which its time comes from, is missing"},
        {"{\"at\":\"at some time that no one has ever written down \\n\"}",
         "at 'at some time that no one has ever writte...' is no time of the form that TIMESTAMP_FORMAT says",
         "at 'at some time that no one has ever writte...' is no time of the form that TIMESTAMP_FORMAT says"},
    };
    enum { CASES = sizeof cases / sizeof *cases };
    const char *reasons[CASES];
    sql(f, "CREATE STREAM iso (k STRING KEY, `at` STRING) WITH (KAFKA_TOPIC='iso', VALUE_FORMAT='JSON', PARTITIONS=1, "
           "TIMESTAMP='`at`', TIMESTAMP_FORMAT='ISO-8601'); CREATE STREAM one WITH (KAFKA_TOPIC='one') AS SELECT k, "
           "ROWTIME AS r FROM iso;"
           "CREATE STREAM pattern (k STRING KEY, `at` STRING) WITH (KAFKA_TOPIC='pattern', VALUE_FORMAT='JSON', "
           "PARTITIONS=1, TIMESTAMP='`at`', TIMESTAMP_FORMAT='yyyy-MM-dd''T''HH:mm:ssX'); CREATE STREAM two WITH "
           "(KAFKA_TOPIC='two') AS SELECT k, ROWTIME AS r FROM pattern;");
    for (size_t i = 0; i < CASES; i++) {
        put(f, "iso", "a", cases[i].value, 5);
        put(f, "pattern", "a", cases[i].value, 5);
    }
    run(f);
    assert_topic("one", "a {\"R\":1167609600000} 1167609600000\na {\"R\":1167606000000} 1167606000000\n"
                        "a {\"R\":1167609601500} 1167609601500\na {\"R\":1167609602000} 1167609602000\n");
    assert_topic("two", "a {\"R\":1167609600000} 1167609600000\na {\"R\":1167606000000} 1167606000000\n"
                        "a {\"R\":1172620800000} 1172620800000\n");
    size_t count = 0;
    for (size_t i = 0; i < CASES; i++)
        if (cases[i].reason)
            reasons[count++] = cases[i].reason;
    assert_reasons(f, "iso-rejected", reasons, count);
    count = 0;
    for (size_t i = 0; i < CASES; i++)
        if (cases[i].pattern_reason)
            reasons[count++] = cases[i].pattern_reason;
    assert_reasons(f, "pattern-rejected", reasons, count);
}

/* What has come before does not count in windows: also over restarts, and before a repartition topic. */
static void test_duplicates(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key, *value;
        bool restart; /* before it */
    } records[] = {
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":1}", false},
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":1}", false}, /* again */
        {"a", "{\"c\":\"x\",\"t\":11000,\"v\":1}", false}, /* another time */
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":2}", false}, /* another value */
        {"b", "{\"c\":\"x\",\"t\":10000,\"v\":1}", false}, /* another key */
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":null}", false},
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":null}", true}, /* again, with a NULL */
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":1}", true},    /* again, over two restarts */
        {NULL, "{\"c\":\"x\",\"t\":10000,\"v\":1}", false},  /* without a key: */
        {NULL, "{\"c\":\"x\",\"t\":10000,\"v\":1}", false},  /* never the same */
        {"a", "{\"c\":\"x\",\"t\":65000,\"v\":8}", true},
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":1}", true}, /* again, the window is open still */
        {"a", "{\"c\":\"x\",\"t\":80000,\"v\":16}", false},
        {"a", "{\"c\":\"x\",\"t\":10000,\"v\":1}", true}, /* late: its window has closed */
        {"a", "{\"c\":\"x\",\"t\":65000,\"v\":8}", false},
    };
    sql(f, "CREATE STREAM s (k STRING KEY, c STRING, t BIGINT, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', "
           "PARTITIONS=1, TIMESTAMP='t', DUPLICATES='DROP');"
           "CREATE TABLE sums WITH (KAFKA_TOPIC='sums') AS SELECT k, SUM(v) AS s, COUNT(*) AS n FROM s WINDOW TUMBLING "
           "(SIZE 1 MINUTE, GRACE PERIOD 10 SECONDS) GROUP BY k EMIT FINAL;"
           "CREATE TABLE cities WITH (KAFKA_TOPIC='cities') AS SELECT c, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 "
           "MINUTE, GRACE PERIOD 10 SECONDS) GROUP BY c EMIT FINAL;"
           "CREATE TABLE all_time WITH (KAFKA_TOPIC='all') AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;");
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        if (records[i].restart)
            run(f);
        put(f, "s", records[i].key, records[i].value, 1);
    }
    f->settings.final = true;
    run(f);
    assert_topic("sums", "a<00><00><00><00><00><00><00><00> {\"S\":4,\"N\":4} 11000\n"
                         "b<00><00><00><00><00><00><00><00> {\"S\":1,\"N\":1} 10000\n"
                         "a<00><00><00><00><00><00><ea>` {\"S\":24,\"N\":2} 80000\n");
    const struct query_counters *n = &report_of(f, "CTAS_SUMS")->total;
    assert_int_equal(n->read, 15);
    assert_int_equal(n->folded, 7);
    assert_int_equal(n->duplicates, 5);
    assert_int_equal(n->late, 1);
    assert_int_equal(n->null, 2);
    assert_int_equal(report_of(f, "CTAS_CITIES")->total.duplicates, 5);
    assert_int_equal(report_of(f, "CTAS_ALL_TIME")->total.duplicates, 0);
    assert_int_equal(report_of(f, "CTAS_ALL_TIME")->total.folded, 13);
}

static void count_spread(void *context, enum log_level level, const char *text) {
    size_t *warnings = context;
    *warnings +=
        level == LOG_WARNING && strstr(text, "topic spread") && strstr(text, "keys are spread by another partitioner");
}

/* A key on a partition that is not its own is told of once, if a query groups or joins by the key. */
/* A record with the headers of a delivery; `sequence` NULL: the reading is its own identity. */
static void put_delivery(struct fixture *f, const char *key, const char *value, const char *id, const char *sequence) {
    struct bus_producer *producer;
    int32_t topic, partitions;
    struct bus_header headers[] = {{SLICE("ingest.id"), slice_of(id)}, {SLICE("ingest.seq"), slice_of(sequence)}};
    struct bus_record record = {slice_of(key), slice_of(value), 1000, headers, sequence ? 2 : 1};
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    OK(bus_producer_topic(producer, "readings", NULL, &topic, &partitions, &f->error));
    OK(bus_produce(producer, topic, 0, &record, &f->error));
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
}

/* Deliveries that come again count once in every query, also after a restart, windows that are open or not; records
 * without an identity are all of them new. */
static void test_repeats(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key, *value, *id, *sequence;
        bool repeat;
    } records[] = {
        {"a", "{\"v\":1}", "x", "1.0", false}, {"a", "{\"v\":1}", "x", "2.0", false},
        {"a", "{\"v\":1}", "x", "1.0", true}, /* other contents do not matter: the sender says that it is the same */
        {"b", "{\"v\":5}", "x", "2.0", true},  {"a", "{\"v\":1}", "y", "1.0", false},
        {"a", "{\"v\":2}", "", NULL, false},   {"b", "{\"v\":2}", "", NULL, false},
        {"a", "{\"v\":3}", "", NULL, false},   {"a", "{\"v\":2}", "", NULL, true},
        {"a", "no json", "z", "1.0", false},   {"a", "no json", "z", "1.0", true},
    };
    enum { RECORDS = sizeof records / sizeof *records, REPEATS = 4 };
    for (size_t round = 0; round < 2 * (RECORDS + 1); round++) {
        size_t cut = round / 2;
        bool windowed = round % 2; /* without windows nothing else is read again */
        char text[600];
        if (round)
            OK(bus_topic_delete(f->bus, "readings", &f->error));
        OK(bus_group_reset(f->bus, "g", &f->error));
        sql_anew(f);
        snprintf(text, sizeof text,
                 READINGS "CREATE TABLE sums%zu AS SELECT k, SUM(v) AS s FROM readings %s GROUP BY k EMIT %s;", round,
                 windowed ? "WINDOW TUMBLING (SIZE 1 MINUTE)" : "", windowed ? "FINAL" : "CHANGES");
        sql(f, text);
        put(f, "readings", "a", "{\"v\":1}", 1000);
        put(f, "readings", "a", "{\"v\":1}", 1000);
        for (size_t i = 0; i <= RECORDS; i++) {
            if (i == cut)
                run(f);
            if (i < RECORDS)
                put_delivery(f, records[i].key, records[i].value, records[i].id, records[i].sequence);
        }
        put(f, "readings", "c", "{\"v\":1}", 1000000000);
        run(f);
        const struct query_report_row *row = report_of(f, "CTAS_SUMS");
        assert_int_equal(row->total.read, 3 + RECORDS);
        assert_int_equal(row->total.duplicates, REPEATS);
        assert_int_equal(row->total.rejected, 1);
        snprintf(text, sizeof text, "SUMS%zu", round);
        char *sums = dump(f, text, false);
        assert_non_null(strstr(sums, "{\"S\":10}"));
        assert_null(strstr(sums, "{\"S\":11}"));
        free(sums);
    }
}

static void test_keys_on_other_partitions(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *query;
        size_t warnings;
    } cases[] = {
        {"CREATE STREAM plain AS SELECT k, v FROM spread;", 0},
        {"CREATE TABLE elsewhere AS SELECT v, COUNT(*) AS n FROM spread GROUP BY v;", 0},
        {"CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM spread GROUP BY k;", 1},
        {"CREATE STREAM joined AS SELECT a.k, a.v FROM spread a JOIN things t ON a.k = t.k;", 1},
    };
    static size_t warnings;
    static const struct log log = {.level = LOG_WARNING, .write = count_spread, .context = &warnings};
    struct bus_producer *producer;
    int32_t topic, partitions;
    f->settings.log = &log;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sql_anew(f);
        sql(f, "CREATE STREAM spread (k STRING KEY, v INT) WITH (KAFKA_TOPIC='spread', VALUE_FORMAT='JSON', "
               "PARTITIONS=2); CREATE TABLE things (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='things', "
               "VALUE_FORMAT='JSON', PARTITIONS=2);");
        sql(f, cases[i].query);
        if (i == 0) {
            put(f, "spread", "a", "{\"v\":1}", 1);
            run(f);
            assert_int_equal(warnings, 0);
            OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
            OK(bus_producer_topic(producer, "spread", NULL, &topic, &partitions, &f->error));
            struct bus_record record = {.key = SLICE("a"), .value = SLICE("{\"v\":2}")}, none = {.value = record.value};
            int32_t other = 1 - bus_partition(record.key, 2);
            for (int round = 0; round < 3; round++) {
                OK(bus_produce(producer, topic, other, &record, &f->error));
                OK(bus_produce(producer, topic, other, &none, &f->error));
                OK(bus_producer_commit(producer, NULL, 0, &f->error));
            }
            bus_producer_close(producer);
        }
        warnings = 0;
        run(f);
        if (warnings != cases[i].warnings)
            fail_msg("%s: %zu warnings", cases[i].query, warnings);
    }
}

/* Several queries write one topic: record by record, in the order of the queries, however the input was cut. */
static void test_order_of_outputs(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS
        "CREATE STREAM both AS SELECT k, v FROM readings; INSERT INTO both SELECT k, v + 100 AS v FROM readings;");
    struct bus_producer *producer;
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &producer, &f->error));
    put_with(f, producer, "readings", "a", "{\"v\":1}", 1);
    put_with(f, producer, "readings", "b", "{\"v\":2}", 2);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    put_with(f, producer, "readings", "c", "{\"v\":3}", 3);
    OK(bus_producer_commit(producer, NULL, 0, &f->error));
    bus_producer_close(producer);
    run(f);
    assert_topic("BOTH",
                 "a {\"V\":1} 1\na {\"V\":101} 1\nb {\"V\":2} 2\nb {\"V\":102} 2\nc {\"V\":3} 3\nc {\"V\":103} 3\n");
}

/* Windows that are open when the run ends are rebuilt from the log; what closed stays closed; --final closes the
 * rest. */
static void test_windows_over_runs(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE TABLE sums AS SELECT k, SUM(v) AS s, COUNT(*) AS n FROM readings WINDOW TUMBLING (SIZE 1 "
                    "MINUTE, GRACE PERIOD 0 SECONDS) GROUP BY k EMIT FINAL;");
    put(f, "readings", "a", "{\"v\":1}", 10000);
    put(f, "readings", "b", "{\"v\":2}", 20000);
    run(f);
    assert_topic("SUMS", "");
    put(f, "readings", "a", "{\"v\":3}", 30000);
    run(f);
    assert_int_equal(f->report.recovered, 2);
    put(f, "readings", "a", "{\"v\":5}", 70000);
    put(f, "readings", "b", "{\"v\":7}", 50000); /* late */
    run(f);
    char *text = dump(f, "SUMS", false);
    assert_non_null(strstr(text, "{\"S\":4,\"N\":2} 30000\n"));
    assert_non_null(strstr(text, "{\"S\":2,\"N\":1} 20000\n"));
    free(text);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.late, 1);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.emitted, 2);
    put(f, "readings", "b", "{\"v\":11}", 80000);
    f->settings.final = true;
    run(f);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.emitted, 4);
    put(f, "readings", "b", "{\"v\":11}", 90000); /* its window has been closed */
    run(f);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.emitted, 4);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.late, 2);
    assert_int_equal(report_of(f, "CTAS_SUMS")->total.read, 7);
}

/* What has no window comes back from the changelog. */
static void test_changelog_over_runs(void **state) {
    struct fixture *f = *state;
    struct bus_topic_info info;
    char name[100];
    sql(f, READINGS "CREATE TABLE totals AS SELECT k, SUM(v) AS s FROM readings GROUP BY k;");
    put(f, "readings", "a", "{\"v\":1}", 1);
    put(f, "readings", "b", "{\"v\":2}", 2);
    run(f);
    put(f, "readings", "a", "{\"v\":10}", 3);
    run(f);
    assert_true(report_of(f, "CTAS_TOTALS")->memory > 2 * sizeof(int64_t)); /* two groups */
    assert_topic("TOTALS", "a {\"S\":1} 1\nb {\"S\":2} 2\na {\"S\":11} 3\n");
    snprintf(name, sizeof name, "_meterline-g.%s.changelog-0", f->plans[0]->id);
    OK(bus_topic_describe(f->bus, name, &info, &f->error));
    assert_true(info.settings.compacted);
    assert_int_equal(info.partitions[0].end_offset, 3);
    bus_topic_info_release(&info);
    /* Forgotten positions begin a new life, which the old changelog has no part in. */
    OK(bus_group_reset(f->bus, "g.sql.readings", &f->error));
    run(f);
    assert_topic("TOTALS",
                 "a {\"S\":1} 1\nb {\"S\":2} 2\na {\"S\":11} 3\na {\"S\":1} 1\nb {\"S\":2} 2\na {\"S\":11} 3\n");
    put(f, "readings", "b", "{\"v\":20}", 4);
    run(f);
    assert_topic(
        "TOTALS",
        "a {\"S\":1} 1\nb {\"S\":2} 2\na {\"S\":11} 3\na {\"S\":1} 1\nb {\"S\":2} 2\na {\"S\":11} 3\nb {\"S\":22} 4\n");
    OK(bus_topic_delete(f->bus, name, &f->error));
    RUN_FAILS(ERROR_NOT_FOUND, "is gone");
}

#define LIMITS                                                                                                         \
    "CREATE TABLE limits (k STRING PRIMARY KEY, most INT) WITH (KAFKA_TOPIC='limits', VALUE_FORMAT='JSON', "           \
    "PARTITIONS=1);"

/* Tables are loaded first, then records go by their times; also over runs. */
static void test_stream_table_join(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS LIMITS
        "CREATE STREAM above AS SELECT r.k, v, most FROM readings r JOIN limits l ON r.k = l.k WHERE v > most;");
    put(f, "readings", "a", "{\"v\":5}", 1);
    put(f, "limits", "a", "{\"most\":3}", 1000);
    run(f);
    assert_topic("ABOVE", "a {\"V\":5,\"MOST\":3} 1\n");
    assert_int_equal(f->report.groups, 1);
    put(f, "readings", "a", "{\"v\":6}", 3000);
    put(f, "limits", "a", "{\"most\":6}", 2000);
    run(f);
    assert_topic("ABOVE", "a {\"V\":5,\"MOST\":3} 1\n");
    put(f, "limits", "a", "{\"most\":1}", 5000);
    put(f, "readings", "a", "{\"v\":7}", 4000);
    put(f, "readings", "a", "{\"v\":2}", 6000);
    run(f);
    assert_topic("ABOVE", "a {\"V\":5,\"MOST\":3} 1\na {\"V\":7,\"MOST\":6} 4000\na {\"V\":2,\"MOST\":1} 6000\n");
    put(f, "limits", "a", NULL, 7000);
    run(f);
    put(f, "readings", "a", "{\"v\":100}", 8000);
    run(f);
    assert_topic("ABOVE", "a {\"V\":5,\"MOST\":3} 1\na {\"V\":7,\"MOST\":6} 4000\na {\"V\":2,\"MOST\":1} 6000\n");
}

/* A query of a query's results, by a repartition topic: the end is there when those before have gone, and they close
 * first. */
static void check_chain(struct fixture *f) {
    sql(f,
        "CREATE STREAM readings (k STRING KEY, city STRING, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', "
        "PARTITIONS=2);"
        "CREATE TABLE minutes WITH (PARTITIONS=3) AS SELECT city, SUM(v) AS s FROM readings WINDOW TUMBLING (SIZE 1 "
        "MINUTE, GRACE PERIOD 1 HOUR) GROUP BY city EMIT FINAL;"
        "CREATE STREAM per_minute (s INT) WITH (KAFKA_TOPIC='MINUTES', VALUE_FORMAT='JSON');"
        "CREATE STREAM named WITH (KAFKA_TOPIC='named') AS SELECT 'all' AS every, s FROM per_minute PARTITION BY 'all';"
        "CREATE TABLE totals WITH (KAFKA_TOPIC='totals') AS SELECT every, SUM(s) AS total, COUNT(*) AS n FROM named "
        "GROUP BY every;");
    for (int i = 0; i < 40; i++) {
        char key[8], value[64];
        snprintf(key, sizeof key, "k%d", i % 5);
        snprintf(value, sizeof value, "{\"city\":\"c%d\",\"v\":%d}", i % 3, i);
        put(f, "readings", key, value, 1000 * (int64_t)i * 5);
    }
    f->settings.final = true;
    f->settings.workers = 2;
    run(f);
    char *text = dump(f, "totals", false);
    const char *last = strstr(text, "{\"TOTAL\":780,"); /* every reading once */
    assert_non_null(last);
    free(text);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->total.read, 80); /* in two stages */
    uint64_t emitted = report_of(f, "CTAS_MINUTES")->total.emitted;
    run(f);
    assert_int_equal(report_of(f, "CTAS_MINUTES")->total.emitted, emitted);
}

static void test_chain(void **state) {
    check_chain(*state);
}

/* The same end is reached when the workers are turned one after the other. */
static void test_chain_without_threads(void **state) {
    struct fixture *f = *state;
    f->settings.manual = true;
    check_chain(f);
}

/* A query added later gets a group of its own and begins with the oldest record; names follow from the positions. */
static void test_groups(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE STREAM one AS SELECT k, v FROM readings;");
    put(f, "readings", "a", "{\"v\":1}", 1);
    run(f);
    sql(f, "CREATE STREAM two AS SELECT k, v + 1 AS w FROM readings; CREATE STREAM three AS SELECT k, v + 2 AS w FROM "
           "readings;");
    put(f, "readings", "a", "{\"v\":10}", 2);
    run(f);
    assert_int_equal(f->report.groups, 2);
    assert_topic("ONE", "a {\"V\":1} 1\na {\"V\":10} 2\n");
    assert_topic("TWO", "a {\"W\":2} 1\na {\"W\":11} 2\n");
    assert_topic("THREE", "a {\"W\":3} 1\na {\"W\":12} 2\n");
    sql(f, "CREATE STREAM four AS SELECT k, v + 3 AS w FROM readings;");
    run(f);
    assert_int_equal(f->report.groups, 3);
    struct bus_group_list list;
    OK(bus_groups(f->bus, &list, &f->error));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.positions[0].group, "g.sql.readings");
    assert_string_equal(list.positions[1].group, "g.sql.readings.2");
    assert_string_equal(list.positions[2].group, "g.sql.readings.3");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(list.positions[i].next_offset, 2);
    bus_group_list_release(&list);
    run(f);
    assert_topic("FOUR", "a {\"W\":4} 1\na {\"W\":13} 2\n");
}

static void test_changed_query(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE STREAM one AS SELECT k, v FROM readings;");
    put(f, "readings", "a", "{\"v\":1}", 1);
    run(f);
    sql_anew(f);
    sql(f, READINGS "CREATE STREAM one AS SELECT k, v FROM readings WHERE v > 3;");
    RUN_FAILS(ERROR_INVALID, "has been changed since group g.sql.readings worked on it");
    assert_non_null(strstr(f->error.message, "--reset"));
    f->settings.group = "other";
    run(f);
    assert_topic("ONE", "a {\"V\":1} 1\n");
}

static void test_topics_that_do_not_fit(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE TABLE limits (k STRING PRIMARY KEY, most INT) WITH (KAFKA_TOPIC='limits', "
                    "VALUE_FORMAT='JSON', PARTITIONS=3);"
                    "CREATE STREAM above AS SELECT r.k, v, most FROM readings r JOIN limits l ON r.k = l.k;");
    RUN_FAILS(ERROR_INVALID, "readings has 1, limits has 3");
}

static void sleep_until(struct fixture *f, const char *topic, int64_t records) {
    for (int i = 0; i < 400; i++) {
        struct bus_topic_info info;
        if (bus_topic_describe(f->bus, topic, &info, &f->error) == 0) {
            int64_t count = 0;
            for (int32_t p = 0; p < info.settings.partitions; p++)
                count += info.partitions[p].end_offset;
            bus_topic_info_release(&info);
            if (count >= records)
                return;
        }
        usleep(10000);
    }
    fail_msg("topic %s has not got %lld records", topic, (long long)records);
}

/* Queries come and go while others run. */
static void test_add_and_remove(void **state) {
    struct fixture *f = *state;
    struct query_runner *runner;
    f->settings.until_end = false;
    sql(f, READINGS "CREATE STREAM one AS SELECT k, v FROM readings; CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM "
                    "readings GROUP BY k;");
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, 2, &f->error));
    put(f, "readings", "a", "{\"v\":1}", 1);
    sleep_until(f, "ONE", 1);
    sleep_until(f, "SUMS", 1);
    sql(f, "CREATE STREAM two AS SELECT k, v + 1 AS w FROM one;");
    OK(query_runner_add(runner, f->plans + 2, 1, &f->error));
    sleep_until(f, "TWO", 1);
    OK(query_runner_remove(runner, f->plans[1]->id, true, &f->error));
    FAILS(query_runner_remove(runner, "NOBODY", true, &f->error), ERROR_NOT_FOUND, "NOBODY");
    put(f, "readings", "a", "{\"v\":2}", 2);
    sleep_until(f, "TWO", 2);
    assert_false(query_runner_has_ended(runner));
    OK(query_runner_remove(runner, f->plans[0]->id, true, &f->error));
    OK(query_runner_remove(runner, f->plans[2]->id, true, &f->error));
    OK(query_runner_wait(runner, &f->error));
    assert_true(query_runner_has_ended(runner));
    OK(query_runner_report(runner, &f->report, &f->error));
    query_runner_close(runner);
    assert_topic("SUMS", "a {\"S\":1} 1\n");
    assert_topic("TWO", "a {\"W\":2} 1\na {\"W\":3} 2\n");
    assert_int_equal(f->report.row_count, 3);
    struct bus_group_list list;
    OK(bus_groups(f->bus, &list, &f->error));
    assert_int_equal(list.count, 0);
    bus_group_list_release(&list);
}

/* A silent topic's windows close by the wall clock, first those of the query that others read. */
static void test_idle_close(void **state) {
    struct fixture *f = *state;
    struct query_runner *runner;
    f->settings.until_end = false;
    f->settings.idle_close = 200;
    sql(f, "CREATE STREAM readings (k STRING KEY, city STRING, v INT) WITH (KAFKA_TOPIC='readings', "
           "VALUE_FORMAT='JSON', PARTITIONS=2);"
           "CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM readings WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 "
           "SECONDS) GROUP BY k EMIT FINAL;"
           "CREATE STREAM sum_stream (s INT) WITH (KAFKA_TOPIC='SUMS', VALUE_FORMAT='JSON');"
           "CREATE TABLE all_sums AS SELECT 1 AS one, SUM(s) AS total FROM sum_stream WINDOW TUMBLING (SIZE 1 SECOND, "
           "GRACE PERIOD 0 SECONDS) GROUP BY 1 EMIT FINAL;");
    put(f, "readings", "a", "{\"v\":1}", 900);
    put(f, "readings", "b", "{\"v\":2}", 950);
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, f->plan_count, &f->error));
    sleep_until(f, "SUMS", 2);
    sleep_until(f, "ALL_SUMS", 1);
    atomic_store(&f->stop, true);
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    char *text = dump(f, "ALL_SUMS", false);
    assert_non_null(strstr(text, "{\"TOTAL\":3} 950\n"));
    free(text);
}

struct publisher {
    struct fixture *f;
    atomic_bool stop;
};

static void *publish(void *context) {
    struct publisher *publisher = context;
    for (int64_t time = 1; !atomic_load(&publisher->stop); time++)
        put(publisher->f, "readings", "a", "{\"v\":1}", time);
    return NULL;
}

/* A silent partition closes its windows although another one never pauses. */
static void test_idle_close_beside_a_busy_partition(void **state) {
    struct fixture *f = *state;
    struct publisher publisher = {.f = f};
    struct query_runner *runner;
    pthread_t thread;
    char silent[] = "b";
    while (bus_partition(slice_of(silent), 2) == bus_partition(slice_of("a"), 2))
        silent[0]++;
    f->settings.until_end = false;
    f->settings.idle_close = 200;
    sql(f, "CREATE STREAM readings (k STRING KEY, v INT) WITH (KAFKA_TOPIC='readings', VALUE_FORMAT='JSON', "
           "PARTITIONS=2);"
           "CREATE TABLE sums AS SELECT k, SUM(v) AS s FROM readings WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 0 "
           "SECONDS) GROUP BY k EMIT FINAL;");
    put(f, "readings", silent, "{\"v\":2}", 3599900);
    assert_int_equal(pthread_create(&thread, NULL, publish, &publisher), 0);
    OK(query_runner_open(&f->settings, &runner, &f->error));
    OK(query_runner_add(runner, f->plans, f->plan_count, &f->error));
    sleep_until(f, "SUMS", 1);
    atomic_store(&publisher.stop, true);
    pthread_join(thread, NULL);
    atomic_store(&f->stop, true);
    OK(query_runner_wait(runner, &f->error));
    query_runner_close(runner);
    char *text = dump(f, "SUMS", false);
    assert_non_null(strstr(text, "{\"S\":2} 3599900\n"));
    free(text);
}

/* Records that no stage of one query takes go on in the others; diagnostics are counted. */
static void test_diagnostics(void **state) {
    struct fixture *f = *state;
    sql(f, READINGS "CREATE STREAM parts AS SELECT k, 100 / v AS part FROM readings;"
                    "CREATE STREAM timed (k STRING KEY, v INT, at BIGINT) WITH (KAFKA_TOPIC='readings', "
                    "VALUE_FORMAT='JSON', TIMESTAMP='at');"
                    "CREATE STREAM times AS SELECT k, v FROM timed;");
    put(f, "readings", "a", "{\"v\":0,\"at\":77}", 1);
    put(f, "readings", "b", "{\"v\":5}", 2);
    put(f, "readings", "c", "{\"v\":4,\"at\":\"x\"}", 3);
    run(f);
    assert_topic("PARTS", "a {\"PART\":null} 1\nb {\"PART\":20} 2\nc {\"PART\":25} 3\n");
    assert_topic("TIMES", "a {\"V\":0} 77\n");
    assert_topic("readings-rejected", "b {\"v\":5} 2\nc {\"v\":4,\"at\":\"x\"} 3\n");
    assert_int_equal(report_of(f, "CSAS_PARTS")->total.errors, 1);
    assert_int_equal(report_of(f, "CSAS_PARTS")->total.failed, 0);
    assert_int_equal(report_of(f, "CSAS_PARTS")->total.folded, 3);
    assert_int_equal(report_of(f, "CSAS_PARTS")->total.rejected, 0);
    assert_int_equal(report_of(f, "CSAS_TIMES")->total.failed, 0);
    assert_int_equal(report_of(f, "CSAS_TIMES")->total.rejected, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_two_queries_share_a_topic),
        TEST(test_rules_of_a_source),
        TEST(test_times_of_a_source),
        TEST(test_duplicates),
        TEST(test_repeats),
        TEST(test_keys_on_other_partitions),
        TEST(test_order_of_outputs),
        TEST(test_windows_over_runs),
        TEST(test_changelog_over_runs),
        TEST(test_stream_table_join),
        TEST(test_chain),
        TEST(test_chain_without_threads),
        TEST(test_groups),
        TEST(test_changed_query),
        TEST(test_topics_that_do_not_fit),
        TEST(test_add_and_remove),
        TEST(test_idle_close),
        TEST(test_idle_close_beside_a_busy_partition),
        TEST(test_diagnostics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The catalog: properties, definitions and their rules with exact messages, types, queries, drops, copies, and what
 * SHOW and DESCRIBE say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/describe.h"
#include "sql/catalog/properties.h"
#include "sql/syntax/script.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct session {
    struct arena arena;
    struct catalog *catalog;
    struct error error;
};

static void session_release(struct session *session) {
    arena_release(&session->arena);
    session->catalog = catalog_free(session->catalog);
}

static const struct source_defaults defaults = {.wrapped = true};

/* CREATE .. AS SELECT and INSERT INTO .. SELECT with all columns of the FROM source for their result: the catalog's
 * part of the work. */
static int run_query(struct session *session, const struct statement *statement, const struct select_query *select,
                     struct slice sink) {
    const struct source *input;
    struct source result;
    struct slice id, inputs[4] = {select->from.name.name};
    struct catalog_query query = {
        .kind = CATALOG_QUERY_INSERT, .sink = sink, .inputs = inputs, .input_count = 1, .text = statement->text};
    int status = catalog_find_source(session->catalog, &select->from.name, &input, &session->error);
    for (size_t i = 0; i < select->join_count && i < 3; i++)
        inputs[query.input_count++] = select->joins[i].source.name.name;
    if (status == 0 && statement->kind == STATEMENT_CREATE) {
        query.kind = statement->create.object == OBJECT_TABLE ? CATALOG_QUERY_TABLE : CATALOG_QUERY_STREAM;
        status = source_result(&statement->create, statement->text, input, &defaults, input->columns,
                               input->column_count, &session->arena, &result, &session->error);
        if (status == 0)
            status = catalog_add_source(session->catalog, &result, statement->create.name.place, &session->error);
    } else if (status == 0) {
        struct properties properties;
        status = properties_read(&statement->insert.properties, PROPERTY_USE_INSERT, &session->arena, &properties,
                                 &session->error);
        if (status == 0)
            query.id = properties.query_id;
    }
    return status < 0 ? status : catalog_add_query(session->catalog, &query, &id, &session->error);
}

static int run_create(struct session *session, const struct statement *statement) {
    bool skip;
    struct source source;
    int status = catalog_check_create(session->catalog, &statement->create, &skip, &session->error);
    if (status < 0 || skip)
        return status;
    if (statement->create.query)
        return run_query(session, statement, statement->create.query, statement->create.name.name);
    status = source_declare(&statement->create, statement->text, session->catalog, &defaults, NULL, 0, &session->arena,
                            &source, &session->error);
    return status < 0 ? status
                      : catalog_add_source(session->catalog, &source, statement->create.name.place, &session->error);
}

static int run_drop(struct session *session, const struct drop_statement *drop) {
    const struct source *dropped;
    if (drop->object == OBJECT_TYPE)
        return catalog_drop_type(session->catalog, drop, &session->error);
    return catalog_drop_source(session->catalog, drop, &session->arena, &dropped, &session->error);
}

static int run_statement(struct session *session, const struct statement *statement) {
    switch (statement->kind) {
    case STATEMENT_CREATE:
        return run_create(session, statement);
    case STATEMENT_INSERT_SELECT:
        return run_query(session, statement, statement->insert.query, statement->insert.name.name);
    case STATEMENT_DROP:
        return run_drop(session, &statement->drop);
    case STATEMENT_ALTER:
        return catalog_alter(session->catalog, &statement->alter, &session->error);
    case STATEMENT_CREATE_TYPE:
        return catalog_create_type(session->catalog, &statement->type, &session->error);
    case STATEMENT_TERMINATE:
        return catalog_terminate(session->catalog, &statement->target, &session->error);
    default:
        fail();
        return 0;
    }
}

/* Runs all statements on the session's catalog, up to the first error. */
static int run(struct session *session, const char *text) {
    struct script script;
    struct statement *statement;
    if (!session->catalog)
        session->catalog = catalog_new();
    script_open(&script, slice_of(text), NULL);
    for (;;) {
        int status = script_next(&script, &session->arena, &statement, &session->error);
        if (status == 0 && !statement)
            return 0;
        if (status == 0)
            status = run_statement(session, statement);
        if (status < 0)
            return status;
    }
}

static void run_well(struct session *session, const char *text) {
    if (run(session, text) < 0)
        fail_msg("%s: %s", text, session->error.message);
}

static void assert_slice(struct slice slice, const char *expected) {
    if (!expected)
        assert_null(slice.data);
    else if (!slice_equal(slice, slice_of(expected)))
        fail_msg("'%.*s' is not '%s'", (int)slice.length, slice.data, expected);
}

/* --- definitions
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_declared(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    run_well(&session, "CREATE STREAM s (k STRING KEY, `v` DECIMAL(4, 2), ts BIGINT, h BYTES HEADER('x')) WITH "
                       "(Kafka_Topic='Topic-1', value_format='delimited', "
                       "value_delimiter='TAB', partitions='4', replicas=2, timestamp='ts', retention_ms=1000, "
                       "cleanup_policy='Delete');");
    const struct source *source = catalog_source(session.catalog, SLICE("S"));
    assert_int_equal(source->object, OBJECT_STREAM);
    assert_slice(source->topic, "Topic-1");
    assert_int_equal(source->key.format, FORMAT_KAFKA);
    assert_int_equal(source->value.format, FORMAT_DELIMITED);
    assert_int_equal(source->value.delimiter, '\t');
    assert_int_equal(source->partitions, 4);
    assert_int_equal(source->replicas, 2);
    assert_int_equal(source->retention, 1000);
    assert_slice(source->cleanup_policy, "delete");
    assert_slice(source->timestamp, "TS");
    assert_slice(source->query, NULL);
    assert_int_equal(source->column_count, 4);
    assert_int_equal(source_key_count(source), 1);
    assert_slice(source->columns[1].name, "v");
    assert_int_equal(source->columns[1].type->precision, 4);
    assert_int_equal(source->columns[3].role, COLUMN_HEADER);
    assert_slice(source->columns[3].header, "x");
    assert_true(source->wrapped);
    assert_null(source_column(source, SLICE("V")));
}

static void test_declared_formats(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum format key, value;
        char delimiter;
        enum window_kind window;
        int64_t window_size;
        bool wrapped;
        const char *timestamp;
    } cases[] = {
        {"CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='t', FORMAT='JSON')", FORMAT_JSON, FORMAT_JSON, ',', WINDOW_NONE, 0,
         true, NULL},
        {"CREATE STREAM s (a INT KEY) WITH (KAFKA_TOPIC='t', FORMAT='JSON')", FORMAT_JSON, FORMAT_JSON, ',',
         WINDOW_NONE, 0, true, NULL},
        {"CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='t', KEY_FORMAT='JSON', VALUE_FORMAT='AVRO')", FORMAT_JSON,
         FORMAT_AVRO, ',', WINDOW_NONE, 0, true, NULL},
        {"CREATE STREAM s (a INT KEY, b INT KEY, c INT) WITH (KAFKA_TOPIC='t', KEY_FORMAT='AVRO', "
         "VALUE_FORMAT='KAFKA')",
         FORMAT_AVRO, FORMAT_KAFKA, ',', WINDOW_NONE, 0, true, NULL},
        {"CREATE TABLE s (a INT PRIMARY KEY, c INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', "
         "WRAP_SINGLE_VALUE=false)",
         FORMAT_KAFKA, FORMAT_JSON, ',', WINDOW_NONE, 0, false, NULL},
        {"CREATE TABLE s (a INT PRIMARY KEY, c INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='DELIMITED', "
         "VALUE_DELIMITER='SPACE', WINDOW_TYPE='Tumbling', WINDOW_SIZE='90 seconds')",
         FORMAT_KAFKA, FORMAT_DELIMITED, ' ', WINDOW_TUMBLING, 90000, true, NULL},
        {"CREATE TABLE s (a INT PRIMARY KEY, c INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='DELIMITED', "
         "VALUE_DELIMITER='|', WINDOW_TYPE='SESSION')",
         FORMAT_KAFKA, FORMAT_DELIMITED, '|', WINDOW_SESSION, 0, true, NULL},
        {"CREATE STREAM s (a INT, `t` STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', TIMESTAMP='`t`', "
         "TIMESTAMP_FORMAT='yyyy')",
         FORMAT_KAFKA, FORMAT_JSON, ',', WINDOW_NONE, 0, true, "t"},
        {"CREATE STREAM s (a INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')", FORMAT_KAFKA, FORMAT_JSON, ',',
         WINDOW_NONE, 0, true, NULL},
        {"CREATE STREAM s (a INT, h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS) WITH (KAFKA_TOPIC='t', "
         "VALUE_FORMAT='KAFKA')",
         FORMAT_KAFKA, FORMAT_KAFKA, ',', WINDOW_NONE, 0, true, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(session_release) struct session session = {0};
        run_well(&session, cases[i].text);
        const struct source *source = catalog_source(session.catalog, SLICE("S"));
        assert_int_equal(source->key.format, cases[i].key);
        assert_int_equal(source->value.format, cases[i].value);
        assert_int_equal(source->value.delimiter, cases[i].delimiter);
        assert_int_equal(source->window, cases[i].window);
        assert_int_equal(source->window_size, cases[i].window_size);
        assert_int_equal(source->wrapped, cases[i].wrapped);
        assert_slice(source->timestamp, cases[i].timestamp);
    }
}

/* Of a source that another catalog keeps too. */
static void test_rules(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct listing listing;
    run_well(&session, "CREATE STREAM s (k STRING KEY, `b` STRING, c STRING, n DOUBLE) WITH (KAFKA_TOPIC='t', "
                       "VALUE_FORMAT='JSON', KEY_OF='`b`.c', REQUIRED='n,`b`', MAX_AHEAD='90 MINUTES')");
    const struct source *source = catalog_source(session.catalog, SLICE("S"));
    assert_int_equal(source->key_of_count, 2);
    assert_slice(source->key_of[0], "b");
    assert_slice(source->key_of[1], "C");
    assert_int_equal(source->required_count, 2);
    assert_slice(source->required[0], "N");
    assert_slice(source->required[1], "b");
    assert_int_equal(source->max_ahead, 5400000);
    assert_int_equal(describe_properties(session.catalog, source, &session.arena, &listing, &session.error), 0);
    static const char *const expected[] = {"`b`.`C`", "`N`, `b`", "5400000"};
    for (size_t i = 0; i < 3; i++)
        assert_slice(listing.cells[2 * (6 + i) + 1], expected[i]);
}

/* Formats, partitions and topic of a result. */
static void test_results(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum format key, value;
        char delimiter;
        int64_t partitions;
        const char *topic;
    } cases[] = {
        {"CREATE STREAM r AS SELECT * FROM keyed;", FORMAT_JSON, FORMAT_DELIMITED, '|', 6, "R"},
        {"CREATE STREAM r WITH (VALUE_FORMAT='DELIMITED') AS SELECT * FROM keyed;", FORMAT_JSON, FORMAT_DELIMITED, ',',
         6, "R"},
        {"CREATE STREAM r WITH (VALUE_DELIMITER=';', PARTITIONS=2, KAFKA_TOPIC='x') AS SELECT * FROM keyed;",
         FORMAT_JSON, FORMAT_DELIMITED, ';', 2, "x"},
        {"CREATE STREAM r WITH (FORMAT='AVRO') AS SELECT * FROM keyed;", FORMAT_AVRO, FORMAT_AVRO, ',', 6, "R"},
        {"CREATE STREAM r AS SELECT * FROM bare;", FORMAT_KAFKA, FORMAT_JSON, ',', 0, "R"},
        {"CREATE STREAM r WITH (FORMAT='AVRO') AS SELECT * FROM bare;", FORMAT_AVRO, FORMAT_AVRO, ',', 0, "R"},
        {"CREATE STREAM r WITH (KEY_FORMAT='AVRO') AS SELECT * FROM bare;", FORMAT_AVRO, FORMAT_JSON, ',', 0, "R"},
        {"CREATE STREAM `r` AS SELECT * FROM bare;", FORMAT_KAFKA, FORMAT_JSON, ',', 0, "r"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(session_release) struct session session = {0};
        run_well(&session, "CREATE STREAM keyed (k INT KEY, v INT) WITH (KAFKA_TOPIC='k', KEY_FORMAT='JSON', "
                           "VALUE_FORMAT='DELIMITED', VALUE_DELIMITER='|', PARTITIONS=6);"
                           "CREATE STREAM bare (v INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON');");
        run_well(&session, cases[i].text);
        const struct source *source =
            catalog_source(session.catalog, slice_of(strcmp(cases[i].topic, "r") ? "R" : "r"));
        assert_int_equal(source->key.format, cases[i].key);
        assert_int_equal(source->value.format, cases[i].value);
        if (source->value.format == FORMAT_DELIMITED)
            assert_int_equal(source->value.delimiter, cases[i].delimiter);
        assert_int_equal(source->partitions, cases[i].partitions);
        assert_slice(source->topic, cases[i].topic);
        assert_memory_equal(source->query.data, "CSAS_", 5);
    }
}

/* A bare source whose result has a key gets the default key format. */
static void test_result_with_new_key(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct script script;
    struct statement *statement;
    struct source result;
    run_well(&session, "CREATE STREAM bare (v INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON');");
    const struct source_column columns[] = {{.name = SLICE("V"), .type = &type_integer, .role = COLUMN_PRIMARY_KEY},
                                            {.name = SLICE("N"), .type = &type_bigint}};
    script_open(&script, SLICE("CREATE TABLE t AS SELECT v, COUNT(*) AS n FROM bare GROUP BY v;"), NULL);
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
    assert_int_equal(source_result(&statement->create, statement->text, catalog_source(session.catalog, SLICE("BARE")),
                                   &defaults, columns, 2, &session.arena, &result, &session.error),
                     0);
    assert_int_equal(result.key.format, FORMAT_KAFKA);
    assert_int_equal(result.object, OBJECT_TABLE);
}

/* Value columns from the registry. */
static void test_inferred(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {.catalog = catalog_new()};
    struct script script;
    struct statement *statement;
    struct source source;
    const struct source_column inferred[] = {{.name = SLICE("A"), .type = &type_integer},
                                             {.name = SLICE("B"), .type = &type_string}};
    script_open(&script,
                SLICE("CREATE STREAM s (k INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO', VALUE_SCHEMA_ID=7);"
                      "CREATE STREAM s (k INT KEY, a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO');"
                      "CREATE STREAM s (k INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');"),
                NULL);
#define RULES                                                                                                          \
    "CREATE STREAM s (k STRING KEY, b STRING, n INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1, "
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
    assert_true(source_wants_schema(&statement->create, &defaults));
    assert_int_equal(source_declare(&statement->create, statement->text, session.catalog, &defaults, inferred, 2,
                                    &session.arena, &source, &session.error),
                     0);
    assert_int_equal(source.column_count, 3);
    assert_int_equal(source.value.schema_id, 7);
    assert_slice(source.columns[2].name, "B");
    assert_int_equal(source_declare(&statement->create, statement->text, session.catalog, &defaults, NULL, 0,
                                    &session.arena, &source, &session.error),
                     ERROR_INVALID);
    assert_string_equal(
        session.error.message,
        "line 1, column 15: CREATE STREAM S has no value columns, and no schema registry is there to know them");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
        assert_false(source_wants_schema(&statement->create, &defaults));
    }
}

#define HEAD "CREATE STREAM s (k INT KEY, a INT, b STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', "
#define PAIR "CREATE STREAM keyed (k INT KEY, v INT) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON');"

static void test_definition_errors(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"CREATE TABLE t (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 14: the table T needs a PRIMARY KEY: mark its key column, as in ID INT PRIMARY KEY"},
        {"CREATE TABLE t (a INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 17: the key column A of a table is written PRIMARY KEY"},
        {"CREATE STREAM t (a INT PRIMARY KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 18: the key column A of a stream is written KEY"},
        {"CREATE STREAM t (a INT) WITH (VALUE_FORMAT='JSON')",
         "line 1, column 15: CREATE STREAM T needs its topic: WITH (KAFKA_TOPIC='...')"},
        {"CREATE STREAM t (a INT)", "line 1, column 15: CREATE STREAM T needs its topic: WITH (KAFKA_TOPIC='...')"},
        {"CREATE TABLE t (a INT PRIMARY KEY) WITH (KAFKA_TOPIC='t')",
         "line 1, column 14: CREATE TABLE T needs VALUE_FORMAT, or FORMAT for key and value: JSON, JSON_SR, AVRO, "
         "PROTOBUF, PROTOBUF_NOSR, DELIMITED, KAFKA or NONE"},
        {"CREATE STREAM t WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 15: the stream T has no columns"},
        {"CREATE STREAM t (a INT, b INT, a STRING) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 32: the column A is there twice"},
        {"CREATE STREAM t (rowtime BIGINT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 18: ROWTIME is a column that every source has of itself; choose another name"},
        {"CREATE STREAM t (a INTT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 20: there is no type INTT; did you mean INT?"},
        {"CREATE STREAM t (a `INT`) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 20: there is no type INT; did you mean INT?"},
        {"CREATE STREAM t (a DECIMAL) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 20: DECIMAL needs its digits and how many of them stand after the point: DECIMAL(10, 2)"},
        {"CREATE STREAM t (a DECIMAL(2, 3)) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 20: DECIMAL(2, 3) cannot be: 1 to 38 digits, at most all of them after the point"},
        {"CREATE STREAM t (a STRING(5)) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 20: STRING has no parameters"},
        {"CREATE STREAM t (a STRUCT<x INT, y INT, x INT>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 41: the field X is there twice"},
        {"CREATE STREAM t (a INT KEY, b INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 15: the format KAFKA carries one column; the key has 2: use JSON, AVRO or DELIMITED"},
        {"CREATE STREAM t (a INT, b INT) WITH (KAFKA_TOPIC='t',\nVALUE_FORMAT='KAFKA')",
         "line 2, column 14: the format KAFKA carries one column; the value has 2: use JSON, AVRO or DELIMITED"},
        {"CREATE STREAM t (a DATE) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='KAFKA')",
         "line 1, column 18: the format KAFKA does not carry other types than INT, BIGINT, DOUBLE, STRING and BYTES: "
         "column A has the type DATE"},
        {"CREATE STREAM t (a ARRAY<INT>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='DELIMITED')",
         "line 1, column 18: the format DELIMITED does not carry ARRAY, MAP and STRUCT: column A has the type "
         "ARRAY<INTEGER>"},
        {"CREATE STREAM t (a ARRAY<MAP<INT, INT>>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 18: the format JSON does not carry maps whose keys are not STRING: column A has the type "
         "ARRAY<MAP<INTEGER, INTEGER>>"},
        {"CREATE STREAM t (a STRUCT<x MAP<STRING, INT>> KEY) WITH (KAFKA_TOPIC='t', FORMAT='JSON')",
         "line 1, column 18: a key cannot hold a MAP, whose order is not fixed: column A"},
        {"CREATE STREAM t (`a b` INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO')",
         "line 1, column 18: the format AVRO does not carry names with other characters than letters, digits and _: "
         "column a b"},
        {"CREATE STREAM t (a INT KEY) WITH (KAFKA_TOPIC='t', KEY_FORMAT='NONE', VALUE_FORMAT='JSON')",
         "line 1, column 63: the key format NONE is for sources without key columns"},
        {"CREATE STREAM t (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='NONE')",
         "line 1, column 61: the format NONE is for keys only"},
        {"CREATE STREAM t (a ARRAY<MAP<STRING, INT>>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='PROTOBUF')",
         "line 1, column 18: the format PROTOBUF does not carry an ARRAY or a MAP inside of another one: column A has "
         "the type ARRAY<MAP<STRING, INTEGER>>"},
        {"CREATE STREAM t (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JASON')",
         "line 1, column 61: VALUE_FORMAT must be one of JSON, JSON_SR, AVRO, PROTOBUF, PROTOBUF_NOSR, DELIMITED, "
         "KAFKA or NONE, in single quotes"},
        {"CREATE STREAM t (a INT) WITH (KAFKA_TOPIC='t', FORMAT='JSON', VALUE_FORMAT='JSON')",
         "line 1, column 76: VALUE_FORMAT cannot be given beside FORMAT, which stands for both the key's and the "
         "value's"},
        {"CREATE STREAM t (a INT) WITH (KAFKATOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 31: there is no property KAFKATOPIC; did you mean KAFKA_TOPIC?"},
        {"CREATE STREAM t (a INT) WITH (nonsense=1)", "line 1, column 31: there is no property NONSENSE"},
        {HEAD "kafka_topic='u')", "line 1, column 90: KAFKA_TOPIC is there twice"},
        {HEAD "QUERY_ID='u')", "line 1, column 90: QUERY_ID does not go with CREATE STREAM"},
        {HEAD "PARTITIONS=0)", "line 1, column 101: PARTITIONS must be a whole number of at least 1"},
        {HEAD "PARTITIONS=1.5)", "line 1, column 101: PARTITIONS must be a whole number of at least 1"},
        {HEAD "PARTITIONS=9999999999)", "line 1, column 101: PARTITIONS must be a whole number of at least 1"},
        {HEAD "RETENTION_MS=-2)", "line 1, column 103: RETENTION_MS must be a whole number of at least -1"},
        {HEAD "VALUE_DELIMITER='|')", "line 1, column 106: VALUE_DELIMITER goes with the format DELIMITED only"},
        {HEAD "KEY_DELIMITER='||')",
         "line 1, column 104: KEY_DELIMITER must be one ASCII character, or SPACE or TAB, in single quotes"},
        {HEAD "VALUE_SCHEMA_ID=1)", "line 1, column 106: VALUE_SCHEMA_ID goes with the formats AVRO and JSON_SR only"},
        {HEAD "TIMESTAMP='x')", "line 1, column 100: TIMESTAMP: S has no column X; did you mean K?"},
        {HEAD "TIMESTAMP='a')",
         "line 1, column 100: TIMESTAMP needs a column of type BIGINT, TIMESTAMP, or STRING with TIMESTAMP_FORMAT"},
        {HEAD "TIMESTAMP='a b')", "line 1, column 100: TIMESTAMP must be the name of a column, in backticks inside the "
                                  "string if it has small letters"},
        {HEAD "TIMESTAMP_FORMAT='yyyy')",
         "line 1, column 107: TIMESTAMP_FORMAT needs TIMESTAMP, the column that it is for"},
        {HEAD "KEY_OF='`v`')", "line 1, column 97: KEY_OF needs one key column of type STRING, without a window"},
        {RULES "KEY_OF='`b`.`c`')",
         "line 1, column 114: KEY_OF: S has no column b; did you mean `B`? Names without quotes are upper case"},
        {RULES "KEY_OF='b.n')", "line 1, column 114: KEY_OF: the column N must have the type STRING"},
        {RULES "KEY_OF='b.b')", "line 1, column 114: KEY_OF: the column B is there twice"},
        {RULES "KEY_OF='k')", "line 1, column 114: KEY_OF: the column K must be one of the value"},
        {RULES "KEY_OF='b.')", "line 1, column 114: KEY_OF must be names of columns with points between, in backticks "
                               "inside the string where they have small letters"},
        {RULES "KEY_OF=5)", "line 1, column 114: KEY_OF must be a string in single quotes that is not empty"},
        {RULES "WINDOW_TYPE='SESSION', KEY_OF='b')",
         "line 1, column 137: KEY_OF needs one key column of type STRING, without a window"},
        {RULES "REQUIRED='b, x')", "line 1, column 116: REQUIRED: S has no column X; did you mean B?"},
        {RULES "REQUIRED='b.c')", "line 1, column 116: REQUIRED must be names of columns with commas between, in "
                                  "backticks inside the string where they have small letters"},
        {RULES "DUPLICATES='LESS')", "line 1, column 118: DUPLICATES must be 'DROP' or 'KEEP'"},
        {"CREATE TABLE s (k INT PRIMARY KEY, a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', DUPLICATES='DROP')",
         "line 1, column 87: DUPLICATES does not go with CREATE TABLE"},
        {RULES "MAX_AHEAD='0 DAYS')",
         "line 1, column 117: MAX_AHEAD must be a number and a unit of time: '10 SECONDS'"},
        {PAIR "CREATE STREAM r WITH (KEY_OF='v') AS SELECT * FROM keyed",
         "line 1, column 106: KEY_OF does not go with CREATE STREAM AS SELECT"},
        {HEAD "WRAP_SINGLE_VALUE=false)", "line 1, column 108: WRAP_SINGLE_VALUE is for exactly one value column"},
        {HEAD "WRAP_SINGLE_VALUE='no')", "line 1, column 108: WRAP_SINGLE_VALUE must be TRUE or FALSE"},
        {HEAD "WINDOW_TYPE='HOPPING')", "line 1, column 102: WINDOW_TYPE needs WINDOW_SIZE: WINDOW_SIZE='10 SECONDS' "
                                        "or, by a calendar, WINDOW_SIZE='day@Europe/Athens'"},
        {HEAD "WINDOW_SIZE='1 DAY')", "line 1, column 102: WINDOW_SIZE needs WINDOW_TYPE"},
        {HEAD "WINDOW_TYPE='SESSION', WINDOW_SIZE='1 DAY')",
         "line 1, column 125: WINDOW_SIZE does not go with SESSION windows, which have no size"},
        {HEAD "WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1')",
         "line 1, column 126: WINDOW_SIZE must be a number and a unit of time: '10 SECONDS'"},
        {HEAD "WINDOW_TYPE='X')", "line 1, column 102: WINDOW_TYPE must be 'TUMBLING', 'HOPPING' or 'SESSION'"},
        {HEAD "CLEANUP_POLICY='x')",
         "line 1, column 105: CLEANUP_POLICY must be 'compact', 'delete' or 'compact,delete'"},
        {"CREATE STREAM t (a INT) WITH (KAFKA_TOPIC='', VALUE_FORMAT='JSON')",
         "line 1, column 43: KAFKA_TOPIC must be a string in single quotes that is not empty"},
        {"CREATE STREAM t (a INT, h BYTES HEADERS) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 25: a HEADERS column has the type ARRAY<STRUCT<KEY STRING, VALUE BYTES>>"},
        {"CREATE STREAM t (a INT, h INT HEADER('q')) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 25: a HEADER('q') column has the type BYTES"},
        {"CREATE STREAM t (a INT, h ARRAY<STRUCT<key STRING, value BYTES>> HEADERS, i BYTES HEADER('q')) WITH "
         "(KAFKA_TOPIC='t', VALUE_FORMAT='JSON')",
         "line 1, column 75: a column with all HEADERS stands alone, without other columns of headers"},
        {PAIR "CREATE STREAM keyed (k INT) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON')",
         "line 1, column 98: there is already a stream KEYED"},
        {PAIR "CREATE TABLE IF NOT EXISTS keyed (k INT) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON')",
         "line 1, column 111: there is already a stream KEYED"},
        {PAIR "CREATE STREAM r AS SELECT * FROM keyd",
         "line 1, column 117: there is no stream or table KEYD; did you mean KEYED?"},
        {PAIR "CREATE STREAM r WITH (WINDOW_SIZE='1 DAY') AS SELECT * FROM keyed",
         "line 1, column 106: WINDOW_SIZE does not go with CREATE STREAM AS SELECT"},
        {PAIR "CREATE OR REPLACE STREAM keyed (k INT KEY) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON')",
         "line 1, column 109: KEYED cannot be replaced: its column V is gone; columns can only be added"},
        {PAIR "CREATE OR REPLACE STREAM keyed (k INT KEY, v STRING) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON')",
         "line 1, column 109: KEYED cannot be replaced: its column V is of another type; columns can only be added"},
        {PAIR "CREATE OR REPLACE STREAM keyed (k INT KEY, v INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON')",
         "line 1, column 109: KEYED cannot be replaced: the old stream has another topic; DROP it first"},
        {PAIR "CREATE OR REPLACE STREAM keyed AS SELECT * FROM keyed",
         "line 1, column 109: KEYED cannot be replaced: the old stream was declared; DROP it first"},
        {PAIR "DROP TABLE keyed", "line 1, column 95: KEYED is a stream; write DROP STREAM"},
        {PAIR "DROP STREAM keye", "line 1, column 96: there is no stream KEYE; did you mean KEYED?"},
        {PAIR "ALTER STREAM keyed ADD COLUMN v INT", "line 1, column 114: the column V is there twice"},
        {PAIR "ALTER TABLE keyed ADD COLUMN w INT", "line 1, column 96: KEYED is a stream; write ALTER STREAM"},
        {PAIR "CREATE STREAM r AS SELECT * FROM keyed; ALTER STREAM r ADD w INT",
         "line 1, column 137: R was made by AS SELECT: its columns are those of the query; use CREATE OR REPLACE"},
        {"CREATE SOURCE STREAM s (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON'); DROP STREAM s DELETE TOPIC",
         "line 1, column 89: S is a SOURCE stream, only to be read: its topic cannot be deleted here"},
        {"TERMINATE csas_x_1", "line 1, column 11: there is no query CSAS_X_1"},
        {"CREATE TYPE int AS STRING", "line 1, column 13: there is already a type INT"},
        {"CREATE TYPE x AS y", "line 1, column 18: there is no type Y"},
        {"DROP TYPE x", "line 1, column 11: there is no type X"},
        {PAIR "INSERT INTO keyed WITH (QUERY_ID='a b') SELECT * FROM keyed",
         "QUERY_ID has letters, digits and _ only: A B"},
        {PAIR "INSERT INTO other SELECT * FROM keyed", "there is no stream or table OTHER"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(session_release) struct session session = {0};
        if (run(&session, cases[i].text) == 0)
            fail_msg("%s: passed", cases[i].text);
        if (strcmp(session.error.message, cases[i].message) != 0)
            fail_msg("%s:\n    '%s' is not\n    '%s'", cases[i].text, session.error.message, cases[i].message);
    }
}

/* --- changing
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_replace_and_alter(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    run_well(&session, PAIR);
    run_well(&session, "CREATE STREAM IF NOT EXISTS keyed (x INT) WITH (KAFKA_TOPIC='other', VALUE_FORMAT='JSON');");
    assert_int_equal(catalog_source(session.catalog, SLICE("KEYED"))->column_count, 2);
    run_well(
        &session,
        "CREATE OR REPLACE STREAM keyed (k INT KEY, v INT, w STRING) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON');");
    assert_int_equal(catalog_source(session.catalog, SLICE("KEYED"))->column_count, 3);
    run_well(&session, "ALTER STREAM keyed ADD COLUMN x ARRAY<INT>, ADD y DOUBLE;");
    const struct source *source = catalog_source(session.catalog, SLICE("KEYED"));
    assert_int_equal(source->column_count, 5);
    assert_slice(source->columns[4].name, "Y");
    assert_int_equal(source->columns[3].type->element->kind, TYPE_INTEGER);
    assert_int_equal(catalog_source_count(session.catalog), 1);
}

static void test_types(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct listing listing;
    run_well(&session, "CREATE TYPE point AS STRUCT<x INT, y DECIMAL(4, 2)>; CREATE TYPE IF NOT EXISTS point AS INT; "
                       "CREATE TYPE `line` AS ARRAY<point>;"
                       "CREATE STREAM s (a `line`, b MAP<STRING, POINT>) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON'); "
                       "DROP TYPE point; DROP TYPE IF EXISTS point;");
    const struct type *type = catalog_source(session.catalog, SLICE("S"))->columns[0].type;
    assert_int_equal(type->kind, TYPE_ARRAY);
    assert_int_equal(type->element->field_count, 2);
    assert_int_equal(catalog_type_count(session.catalog), 1);
    assert_int_equal(describe_types(session.catalog, &session.arena, &listing, &session.error), 0);
    assert_int_equal(listing.row_count, 1);
    assert_slice(listing.cells[0], "line");
    assert_slice(listing.cells[1], "ARRAY<STRUCT<`X` INTEGER, `Y` DECIMAL(4, 2)>>");
}

static void test_drop_and_queries(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    run_well(&session, PAIR "CREATE STREAM a AS SELECT * FROM keyed; CREATE STREAM b AS SELECT * FROM a; INSERT INTO a "
                            "WITH (QUERY_ID='mine') SELECT * FROM keyed;"
                            "INSERT INTO b SELECT * FROM keyed JOIN a ON k = k;");
    assert_int_equal(catalog_query_count(session.catalog), 4);
    assert_slice(catalog_query_at(session.catalog, 0)->id, "CSAS_A_1");
    assert_slice(catalog_query_at(session.catalog, 2)->id, "MINE");
    assert_slice(catalog_query_at(session.catalog, 3)->id, "INSERTQUERY_3");
    assert_int_equal(run(&session, "DROP STREAM keyed;"), ERROR_CONFLICT);
    assert_string_equal(session.error.message, "line 1, column 13: the stream KEYED is in use; TERMINATE the queries "
                                               "that read it: CSAS_A_1, MINE, INSERTQUERY_3 first");
    assert_int_equal(run(&session, "DROP STREAM a;"), ERROR_CONFLICT);
    assert_string_equal(session.error.message, "line 1, column 13: the stream A is in use; TERMINATE the queries that "
                                               "read it: CSAS_B_2, INSERTQUERY_3; and that write to it: MINE first");
    assert_int_equal(run(&session, "INSERT INTO a WITH (QUERY_ID='Mine') SELECT * FROM keyed;"), ERROR_EXISTS);
    run_well(&session, "TERMINATE insertquery_3;");
    run_well(&session, "TERMINATE MINE; DROP STREAM b;");
    assert_int_equal(catalog_query_count(session.catalog), 1);
    run_well(&session, "DROP STREAM a; DROP STREAM keyed DELETE TOPIC; DROP STREAM IF EXISTS keyed;");
    assert_int_equal(catalog_query_count(session.catalog), 0);
    assert_int_equal(catalog_source_count(session.catalog), 0);
}

/* The query of a replaced CREATE .. AS SELECT gives way to the new one. */
static void test_replaced_query(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    run_well(&session, PAIR
             "CREATE STREAM a AS SELECT * FROM keyed; CREATE OR REPLACE STREAM a AS SELECT * FROM keyed WHERE v > 1;");
    assert_int_equal(catalog_query_count(session.catalog), 1);
    assert_slice(catalog_query_at(session.catalog, 0)->id, "CSAS_A_2");
    assert_slice(catalog_source(session.catalog, SLICE("A"))->query, "CSAS_A_2");
    run_well(&session, "TERMINATE ALL; DROP STREAM a;");
}

/* What happens to a copy does not reach the original, and the other way round. */
static void test_copy(void **state) {
    (void)state;
    cleanup(session_release) struct session first = {0}, second = {0};
    run_well(&first, PAIR "CREATE STREAM a AS SELECT * FROM keyed; CREATE TYPE t AS INT;");
    second.catalog = catalog_copy(first.catalog);
    run_well(&second,
             "DROP STREAM a; ALTER STREAM keyed ADD w INT; DROP TYPE t; CREATE STREAM b AS SELECT * FROM keyed;");
    assert_slice(catalog_query_at(first.catalog, 0)->id, "CSAS_A_1");
    assert_int_equal(catalog_source(first.catalog, SLICE("KEYED"))->column_count, 2);
    assert_non_null(catalog_type(first.catalog, SLICE("T")));
    assert_null(catalog_source(first.catalog, SLICE("B")));
    first.catalog = catalog_free(first.catalog);
    assert_int_equal(catalog_source(second.catalog, SLICE("KEYED"))->column_count, 3);
    assert_slice(catalog_query_at(second.catalog, 0)->id, "CSAS_B_2");
}

/* --- SHOW and DESCRIBE
 * ------------------------------------------------------------------------------------------------------------- */

static void assert_listing(const struct listing *listing, const char *expected) {
    char text[4000] = "";
    for (size_t i = 0; i < listing->column_count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "|" : "", listing->titles[i]);
    for (size_t i = 0; i < listing->row_count * listing->column_count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i % listing->column_count ? "|" : "\n",
                 listing->cells[i].data);
    assert_string_equal(text, expected);
}

static void test_listings(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    cleanup(variables_release) struct variables variables = {0};
    struct listing listing;
    run_well(&session, PAIR "CREATE TABLE w (id STRING PRIMARY KEY, n BIGINT) WITH (KAFKA_TOPIC='Wt', "
                            "KEY_FORMAT='JSON', VALUE_FORMAT='AVRO', WINDOW_TYPE='SESSION');"
                            "CREATE STREAM h (v BIGINT, i BYTES HEADER('q'), j DECIMAL(4,2)) WITH (KAFKA_TOPIC='h', "
                            "VALUE_FORMAT='JSON', TIMESTAMP='v', PARTITIONS=3);"
                            "CREATE STREAM a AS SELECT * FROM keyed; INSERT INTO keyed SELECT * FROM a;");
    assert_int_equal(describe_streams(session.catalog, &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Stream Name|Kafka Topic|Key Format|Value "
                             "Format|Windowed\nA|A|KAFKA|JSON|false\nH|h|KAFKA|JSON|false\nKEYED|k|KAFKA|JSON|false");
    assert_int_equal(describe_tables(session.catalog, &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Table Name|Kafka Topic|Key Format|Value Format|Windowed\nW|Wt|JSON|AVRO|true");
    assert_int_equal(describe_queries(session.catalog, &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Query ID|Query Type|Status|Sink Name|Sink Kafka Topic|Query String\n"
                             "CSAS_A_1|PERSISTENT|RUNNING|A|A|CREATE STREAM a AS SELECT * FROM keyed\n"
                             "INSERTQUERY_2|PERSISTENT|RUNNING|KEYED|k|INSERT INTO keyed SELECT * FROM a");
    assert_int_equal(
        describe_columns(catalog_source(session.catalog, SLICE("W")), &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Field|Type\nID|STRING (primary key) (Window type: SESSION)\nN|BIGINT");
    const struct source *source = catalog_source(session.catalog, SLICE("H"));
    assert_int_equal(describe_columns(source, &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Field|Type\nV|BIGINT\nI|BYTES (header('q'))\nJ|DECIMAL(4, 2)");
    source = catalog_source(session.catalog, SLICE("KEYED"));
    assert_int_equal(describe_properties(session.catalog, source, &session.arena, &listing, &session.error), 0);
    assert_listing(
        &listing,
        "Property|Value\nName|KEYED\nType|STREAM\nTimestamp field|not set: the record's own\nTimestamp "
        "format|not set\nKey format|KAFKA\n"
        "Value format|JSON\nKey of|not set\nRequired|not set\nMaximum ahead (ms)|not set\nDuplicates|kept\nKafka "
        "topic|k\nPartitions|not set\nReplicas|not set\nQueries that "
        "read|CSAS_A_1\nQueries that write|INSERTQUERY_2\n"
        "Statement|CREATE STREAM keyed (k INT KEY, v INT) WITH (KAFKA_TOPIC='k', VALUE_FORMAT='JSON')");
    assert_int_equal(variables_define(&variables, SLICE("x"), SLICE("1"), &session.error), 0);
    assert_int_equal(describe_variables(&variables, &session.arena, &listing, &session.error), 0);
    assert_listing(&listing, "Variable Name|Value\nx|1");
}

/* Many sources and columns: no step looks at all pairs. */
static void test_many(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct bytes text = {0};
    bytes_append_string(&text, "CREATE STREAM wide (c0 INT");
    for (int i = 1; i < 50000; i++)
        bytes_append_format(&text, ", c%d STRUCT<a INT>", i);
    bytes_append_string(&text, ") WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');");
    for (int i = 0; i < 2000; i++)
        bytes_append_format(&text, "CREATE STREAM s%d (a INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON');", i);
    bytes_append_char(&text, '\0');
    run_well(&session, text.data);
    assert_int_equal(catalog_source(session.catalog, SLICE("WIDE"))->column_count, 50000);
    assert_int_equal(catalog_source_count(session.catalog), 2001);
    bytes_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declared),
        cmocka_unit_test(test_declared_formats),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_result_with_new_key),
        cmocka_unit_test(test_inferred),
        cmocka_unit_test(test_definition_errors),
        cmocka_unit_test(test_replace_and_alter),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_drop_and_queries),
        cmocka_unit_test(test_replaced_query),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The parser and the printer: each statement and expression with its canonical text, each error with its exact
 * message, bounds of size and nesting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "sql/syntax/print.h"
#include "sql/syntax/script.h"

struct session {
    struct arena arena;
    struct variables variables;
    struct bytes printed;
    struct error error;
};

static void session_release(struct session *session) {
    arena_release(&session->arena);
    variables_release(&session->variables);
    bytes_release(&session->printed);
}

/* All statements of the text, each printed and ended with ";". NULL: an error, which is in session->error. */
static const char *session_print(struct session *session, struct slice text) {
    struct script script;
    struct statement *statement;
    session->printed.length = 0;
    script_open(&script, text, &session->variables);
    for (;;) {
        if (script_next(&script, &session->arena, &statement, &session->error) < 0)
            return NULL;
        if (!statement)
            break;
        bytes_append_string(&session->printed, session->printed.length ? " " : "");
        print_statement(&session->printed, statement);
        bytes_append_char(&session->printed, ';');
    }
    bytes_append_char(&session->printed, '\0');
    return session->printed.data;
}

struct pair {
    const char *text, *expected; /* NULL: the same as the text */
};

/* A text that prints as expected, and prints so again. */
static void check_statements(const struct pair *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cleanup(session_release) struct session session = {0}, again = {0};
        const char *printed = session_print(&session, slice_of(cases[i].text));
        if (!printed)
            fail_msg("%s: %s", cases[i].text, session.error.message);
        assert_string_equal(printed, cases[i].expected ? cases[i].expected : cases[i].text);
        const char *twice = session_print(&again, slice_of(printed));
        if (!twice)
            fail_msg("%s: %s", printed, again.error.message);
        assert_string_equal(twice, printed);
    }
}

/* Expressions are printed after SELECT. */
static void check_expressions(const struct pair *cases, size_t count) {
    char text[2000], expected[2000];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "SELECT %s FROM S;", cases[i].text);
        snprintf(expected, sizeof expected, "SELECT %s FROM S;", cases[i].expected ? cases[i].expected : cases[i].text);
        check_statements(&(struct pair){text, expected}, 1);
    }
}

static void check_errors(const struct pair *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cleanup(session_release) struct session session = {0};
        const char *printed = session_print(&session, slice_of(cases[i].text));
        if (printed)
            fail_msg("%s: parsed as %s", cases[i].text, printed);
        assert_string_equal(session.error.message, cases[i].expected);
        assert_int_equal(session.error.code, ERROR_INVALID);
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* --- expressions
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_literals(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"1", NULL},
        {"2147483648", NULL},
        {"9223372036854775807", NULL},
        {"-9223372036854775808", NULL},
        {"- 5", "-5"},
        {"1.5", NULL},
        {".5", NULL},
        {"1E3", NULL},
        {"-1.5e-3", NULL},
        {"'it''s'", NULL},
        {"''", NULL},
        {"'`\"--'", NULL},
        {"null", "NULL"},
        {"True", "TRUE"},
        {"false", "FALSE"},
        {"+1", NULL},
        {"+(-1)", "+-1"},
        {"-(-1)", "- -1"},
        {"-(1)", "-(1)"},
        {"-(1->x)", "-(1->X)"},
        {"- a", "-A"},
        {"-(-a)", "- -A"},
        {"-(+a)", "-+A"},
        {"a - -1", "A - -1"},
        {"'日本'", NULL},
    };
    check_expressions(cases, COUNT(cases));
}

static void test_names(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"foo", "FOO"},
        {"`foo`", NULL},
        {"\"foo\"", "`foo`"},
        {"`FOO`", "FOO"},
        {"\"a\"\"b\"", "`a\"b`"},
        {"`a``b`", NULL},
        {"`größe`", NULL},
        {"_a1", "_A1"},
        {"s.x", "S.X"},
        {"`s`.x", "`s`.X"},
        {"key", "KEY"},
        {"size + type", "SIZE + TYPE"},
        {"timestamp", "TIMESTAMP"},
        {"`select`", NULL},
        {"`SELECT`", NULL},
        {"partition", "PARTITION"},
        {"window", "WINDOW"},
        {"emit", "EMIT"},
        {"`1a`", NULL},
        {"date", "DATE"},
    };
    check_expressions(cases, COUNT(cases));
}

static void test_precedence(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"a+b*c", "A + B * C"},
        {"(a+b)*c", "(A + B) * C"},
        {"a-b-c", "A - B - C"},
        {"a-(b-c)", "A - (B - C)"},
        {"a*b/c%d", "A * B / C % D"},
        {"a/(b*c)", "A / (B * C)"},
        {"a||b||c", "A || B || C"},
        {"a||b+c", "A || B + C"},
        {"(a||b)+c", "(A || B) + C"},
        {"-a*b", "-A * B"},
        {"-(a*b)", "-(A * B)"},
        {"a=b+1", "A = B + 1"},
        {"a!=b", "A <> B"},
        {"(a=b)=c", "(A = B) = C"},
        {"a=(b=c)", "A = (B = C)"},
        {"not a=b", "NOT A = B"},
        {"(not a)=b", "(NOT A) = B"},
        {"not not a", "NOT NOT A"},
        {"not a and b", "NOT A AND B"},
        {"not (a and b)", "NOT (A AND B)"},
        {"a or b and c", "A OR B AND C"},
        {"(a or b) and c", "(A OR B) AND C"},
        {"a and b and c or d and e", "A AND B AND C OR D AND E"},
        {"(a and b) and c", "(A AND B) AND C"},
        {"a and (b or not c)", "A AND (B OR NOT C)"},
        {"((((a))))", "A"},
        {"a < b and b <= c or c > d and d >= e", "A < B AND B <= C OR C > D AND D >= E"},
    };
    check_expressions(cases, COUNT(cases));
}

static void test_predicates(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"a between 1 and 2", "A BETWEEN 1 AND 2"},
        {"a not between b+1 and c and d", "A NOT BETWEEN B + 1 AND C AND D"},
        {"a in (1,2)", "A IN (1, 2)"},
        {"a not in ('x')", "A NOT IN ('x')"},
        {"a like 'x%'", "A LIKE 'x%'"},
        {"a not like '!%' escape '!'", "A NOT LIKE '!%' ESCAPE '!'"},
        {"a is null", "A IS NULL"},
        {"a is not null", "A IS NOT NULL"},
        {"a is distinct from b", "A IS DISTINCT FROM B"},
        {"a is not distinct from b + 1", "A IS NOT DISTINCT FROM B + 1"},
        {"(a is null) = b", "(A IS NULL) = B"},
        {"a = (b is null)", "A = (B IS NULL)"},
        {"not a is null", "NOT A IS NULL"},
        {"(a like b) is null", "(A LIKE B) IS NULL"},
        {"a between (b = c) and d", "A BETWEEN (B = C) AND D"},
        {"a + 1 in (b and c)", "A + 1 IN (B AND C)"},
    };
    check_expressions(cases, COUNT(cases));
}

static void test_calls_and_constructors(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"count(*)", "COUNT(*)"},
        {"count()", "COUNT()"},
        {"concat_ws(',', a, b || c)", "CONCAT_WS(',', A, B || C)"},
        {"replace(a, 'x', 'y')", "REPLACE(A, 'x', 'y')"},
        {"dateadd(days, 2, d)", "DATEADD(DAYS, 2, D)"},
        {"cast(a as bigint)", "CAST(A AS BIGINT)"},
        {"cast(a+1 as decimal(10,2))", "CAST(A + 1 AS DECIMAL(10, 2))"},
        {"cast(a as array<map<string,struct<x int,`y` double>>>)",
         "CAST(A AS ARRAY<MAP<STRING, STRUCT<X INT, `y` DOUBLE>>>)"},
        {"case when a then b end", "CASE WHEN A THEN B END"},
        {"case a when 1 then 'x' when 2 then 'y' else 'z' end", "CASE A WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END"},
        {"array[1,2]", "ARRAY[1, 2]"},
        {"array[]", "ARRAY[]"},
        {"map('k' := 1, 'l' := 2)", "MAP('k' := 1, 'l' := 2)"},
        {"map()", "MAP()"},
        {"struct(a := 1, `b` := x)", "STRUCT(A := 1, `b` := X)"},
        {"a[1]", "A[1]"},
        {"a[1]['k']", "A[1]['k']"},
        {"a->b->c[2]", "A->B->C[2]"},
        {"s.a->b", "S.A->B"},
        {"(a + b)[1]", "(A + B)[1]"},
        {"(-1)->x", "(-1)->X"},
        {"array[1,2][1]", "ARRAY[1, 2][1]"},
        {"s.a->*", "S.A->*"},
        {"array", "`ARRAY`"},
        {"map + 1", "`MAP` + 1"},
        {"transform(a, x => x + 1)", "TRANSFORM(A, X => X + 1)"},
        {"reduce(a, 0, (s, x) => s + x)", "REDUCE(A, 0, (S, X) => S + X)"},
        {"filter(a, (x) => x > 0 and not x = 5)", "FILTER(A, X => X > 0 AND NOT X = 5)"},
        {"`Map`(1)", "`Map`(1)"},
        {"`MAP`(1)", "`MAP`(1)"},
    };
    check_expressions(cases, COUNT(cases));
}

/* --- statements
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_selects(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"select * from s emit changes;", "SELECT * FROM S EMIT CHANGES;"},
        {"select a, b as c, d e, s.* from s", "SELECT A, B AS C, D AS E, S.* FROM S;"},
        {"select * from s as x where x.a > 1 limit 5;", "SELECT * FROM S AS X WHERE X.A > 1 LIMIT 5;"},
        {"select a, count(*) from s window tumbling (size 1 hour) group by a having count(*) > 3 emit final;",
         "SELECT A, COUNT(*) FROM S WINDOW TUMBLING (SIZE 1 HOURS) GROUP BY A HAVING COUNT(*) > 3 EMIT FINAL;"},
        {"select a from s window hopping (size 90 seconds, advance by 30 seconds, retention 1 day, grace period 0 "
         "seconds) group by a, b + 1;",
         "SELECT A FROM S WINDOW HOPPING (SIZE 90 SECONDS, ADVANCE BY 30 SECONDS, RETENTION 1 DAYS, GRACE PERIOD 0 "
         "SECONDS) GROUP BY A, B + 1;"},
        {"select a from s window tumbling (size 1500 milliseconds, grace period 2 minutes, retention 9 days) group by "
         "(a, b);",
         "SELECT A FROM S WINDOW TUMBLING (SIZE 1500 MILLISECONDS, RETENTION 9 DAYS, GRACE PERIOD 2 MINUTES) GROUP BY "
         "A, B;"},
        {"select a from s window session (60 seconds, retention 1 days) group by (a + b) * 2, (c), (d, e);",
         "SELECT A FROM S WINDOW SESSION (1 MINUTES, RETENTION 1 DAYS) GROUP BY (A + B) * 2, C, D, E;"},
        {"select * from s partition by a, b emit changes;", "SELECT * FROM S PARTITION BY A, B EMIT CHANGES;"},
        {"select * from a join b on a.x = b.x;", "SELECT * FROM A JOIN B ON A.X = B.X;"},
        {"select * from a x left outer join b as y on x.i = y.i inner join c on c.i = x.i;",
         "SELECT * FROM A AS X LEFT JOIN B AS Y ON X.I = Y.I JOIN C ON C.I = X.I;"},
        {"select * from a full join b within 1 hour on a.x = b.x;",
         "SELECT * FROM A FULL JOIN B WITHIN 1 HOURS ON A.X = B.X;"},
        {"select * from a right join b within (1 minute, 2 minutes) grace period 1 day on a.x = b.x where a.y;",
         "SELECT * FROM A RIGHT JOIN B WITHIN (1 MINUTES, 2 MINUTES) GRACE PERIOD 1 DAYS ON A.X = B.X WHERE A.Y;"},
        {"select partition from emit emit changes;", "SELECT PARTITION FROM EMIT EMIT CHANGES;"},
        {"select window from s window tumbling (size 5 second) group by window",
         "SELECT WINDOW FROM S WINDOW TUMBLING (SIZE 5 SECONDS) GROUP BY WINDOW;"},
    };
    check_statements(cases, COUNT(cases));
}

static void test_definitions(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"create stream s (id int key, v double, `w` decimal(4, 2)) with (kafka_topic='t', value_format='JSON', "
         "partitions=4);",
         "CREATE STREAM S (ID INT KEY, V DOUBLE, `w` DECIMAL(4, 2)) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', "
         "PARTITIONS=4);"},
        {"create or replace table if not exists t (id string primary key) with (\"Kafka_Topic\"='t', "
         "'exact.name'=-1.5, wrap=true);",
         "CREATE OR REPLACE TABLE IF NOT EXISTS T (ID STRING PRIMARY KEY) WITH (`Kafka_Topic`='t', `exact.name`=-1.5, "
         "WRAP=TRUE);"},
        {"CREATE SOURCE TABLE T (ID INT PRIMARY KEY) WITH (A='b');", NULL},
        {"create source stream s (h array<struct<key string, value bytes>> headers, x bytes header('x''y')) with "
         "(a='b');",
         "CREATE SOURCE STREAM S (H ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS, X BYTES HEADER('x''y')) WITH "
         "(A='b');"},
        {"create stream s with (kafka_topic='a');", "CREATE STREAM S WITH (KAFKA_TOPIC='a');"},
        {"create stream s as select * from t emit changes;", "CREATE STREAM S AS SELECT * FROM T EMIT CHANGES;"},
        {"create table s with (value_format='AVRO') as select a, count(*) from t group by a;",
         "CREATE TABLE S WITH (VALUE_FORMAT='AVRO') AS SELECT A, COUNT(*) FROM T GROUP BY A;"},
        {"create stream if (if int, key int key, primary int);",
         "CREATE STREAM IF (IF INT, KEY INT KEY, PRIMARY INT);"},
        {"create sink connector if not exists c with ('connector.class'='x', 'topics'='a,b');",
         "CREATE SINK CONNECTOR IF NOT EXISTS C WITH (`connector.class`='x', `topics`='a,b');"},
        {"create source connector c with (type='x');", "CREATE SOURCE CONNECTOR C WITH (TYPE='x');"},
        {"create type if not exists address as struct<street varchar, number int>;",
         "CREATE TYPE IF NOT EXISTS ADDRESS AS STRUCT<STREET VARCHAR, NUMBER INT>;"},
        {"drop stream s;", "DROP STREAM S;"},
        {"drop table if exists t delete topic;", "DROP TABLE IF EXISTS T DELETE TOPIC;"},
        {"drop connector if exists c; drop type address;", "DROP CONNECTOR IF EXISTS C; DROP TYPE ADDRESS;"},
        {"alter stream s add column a int, add b string;", "ALTER STREAM S ADD COLUMN A INT, ADD COLUMN B STRING;"},
        {"alter system 'a.b'='c';", "ALTER SYSTEM 'a.b'='c';"},
        {"insert into s values (1, 'x', null, array[1]);", "INSERT INTO S VALUES (1, 'x', NULL, ARRAY[1]);"},
        {"insert into s (a, `b`, rowtime) values (-1, 1 + 2, 5);",
         "INSERT INTO S (A, `b`, ROWTIME) VALUES (-1, 1 + 2, 5);"},
        {"insert into s with (query_id='q') select * from t;", "INSERT INTO S WITH (QUERY_ID='q') SELECT * FROM T;"},
        {"insert into s select * from t;", "INSERT INTO S SELECT * FROM T;"},
    };
    check_statements(cases, COUNT(cases));
}

static void test_commands(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"show streams;list tables extended;SHOW QUERIES;show all topics;show topics extended;list functions;show "
         "properties;show variables;show connectors;show types",
         "SHOW STREAMS; SHOW TABLES EXTENDED; SHOW QUERIES; SHOW ALL TOPICS; SHOW TOPICS EXTENDED; SHOW FUNCTIONS; "
         "SHOW PROPERTIES; SHOW VARIABLES; "
         "SHOW CONNECTORS; SHOW TYPES;"},
        {"describe s;describe s extended;describe extended s;describe function len;describe connector c;describe "
         "streams;describe tables extended;describe function;",
         "DESCRIBE S; DESCRIBE S EXTENDED; DESCRIBE S EXTENDED; DESCRIBE FUNCTION LEN; DESCRIBE CONNECTOR C; DESCRIBE "
         "STREAMS; DESCRIBE TABLES EXTENDED; "
         "DESCRIBE `FUNCTION`;"},
        {"explain ctas_x_1;explain select * from s;", "EXPLAIN CTAS_X_1; EXPLAIN SELECT * FROM S;"},
        {"terminate q_1; terminate all; terminate query q; pause all; resume q;",
         "TERMINATE Q_1; TERMINATE ALL; TERMINATE Q; PAUSE ALL; RESUME Q;"},
        {"set 'auto.offset.reset' = 'earliest'; unset 'x';", "SET 'auto.offset.reset'='earliest'; UNSET 'x';"},
        {"print Topic; print 'a-b' from beginning interval 2 limit 3; print `c` sample 4;",
         "PRINT 'Topic'; PRINT 'a-b' FROM BEGINNING INTERVAL 2 LIMIT 3; PRINT 'c' INTERVAL 4;"},
        {"run script './a.sql';", "RUN SCRIPT './a.sql';"},
        {"assert stream s (id int key) with (kafka_topic='t'); assert table t with (a='b');",
         "ASSERT STREAM S (ID INT KEY) WITH (KAFKA_TOPIC='t'); ASSERT TABLE T WITH (A='b');"},
        {"assert topic t with (partitions=1) timeout 3 seconds; assert not exists topic 'x-y';",
         "ASSERT TOPIC 't' WITH (PARTITIONS=1) TIMEOUT 3 SECONDS; ASSERT NOT EXISTS TOPIC 'x-y';"},
        {"assert schema subject 'a-value' id 3 timeout 1 minute; assert not exists schema id 4;",
         "ASSERT SCHEMA SUBJECT 'a-value' ID 3 TIMEOUT 1 MINUTES; ASSERT NOT EXISTS SCHEMA ID 4;"},
        {"assert values t (a, b) values (1, 2); assert null values t (a) key (1); assert null values t key (1);",
         "ASSERT VALUES T (A, B) VALUES (1, 2); ASSERT NULL VALUES T (A) KEY (1); ASSERT NULL VALUES T KEY (1);"},
        {" ;; -- a comment\n /* another; */ show /* inside */ streams -- end", "SHOW STREAMS;"},
        {"", ""},
        {" ; ", ""},
        {"-- only", ""},
    };
    check_statements(cases, COUNT(cases));
}

static void test_variables(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"DEFINE f = 'AVRO'; DEFINE n = '3'; CREATE STREAM s_${n} WITH (value_format='${F}', replicas=${n});",
         "DEFINE f = 'AVRO'; DEFINE n = '3'; CREATE STREAM S_3 WITH (VALUE_FORMAT='AVRO', REPLICAS=3);"},
        {"DEFINE a='x'; SELECT '$${a} ${b} $ ${a', `${a}` FROM s /* ${a} */;",
         "DEFINE a = 'x'; SELECT '$${a} $${b} $ $${a', `x` FROM S;"},
        {"DEFINE q='''text'''; SELECT ${q} FROM s;", "DEFINE q = '''text'''; SELECT 'text' FROM S;"},
        {"DEFINE a='1'; DEFINE b='${a}2'; SELECT ${b} FROM s; DEFINE a='9'; SELECT ${a}${b} FROM s;",
         "DEFINE a = '1'; DEFINE b = '12'; SELECT 12 FROM S; DEFINE a = '9'; SELECT 912 FROM S;"},
        {"DEFINE e=''; SELECT ${e}1${e} FROM s${e};", "DEFINE e = ''; SELECT 1 FROM S;"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(session_release) struct session session = {0};
        const char *printed = session_print(&session, slice_of(cases[i].text));
        if (!printed)
            fail_msg("%s: %s", cases[i].text, session.error.message);
        assert_string_equal(printed, cases[i].expected);
    }
    static const struct pair errors[] = {
        {"SELECT ${b} FROM s;",
         "line 1, column 8: the variable ${b} is not defined; write DEFINE b = '...'; before it"},
        {"DEFINE a='x y z'; SELECT\n 1 + ${a} FROM s;",
         "line 2, column 6: 'z' is not expected here; expected ',' or FROM"},
        {"DEFINE a='1;2'; SELECT ${a} FROM s;",
         "line 1, column 24: ';' is not expected here; expected AS, ',' or FROM"},
        {"DEFINE a='12345'; SELECT ${a}, FROM s;",
         "line 1, column 32: 'FROM' is not expected here; expected '*' or an expression"},
        {"UNDEFINE a;", "line 1, column 10: the variable a is not defined"},
        {"DEFINE a='x'; UNDEFINE A; SELECT ${a} FROM s",
         "line 1, column 34: the variable ${a} is not defined; write DEFINE a = '...'; before it"},
        {"DEFINE `a`='x';", "line 1, column 8: '`a`' is not expected here; expected a name"},
        {"SELECT $ FROM s", "line 1, column 8: '$' cannot stand here"},
    };
    check_errors(errors, COUNT(errors));
}

/* Filling in may not grow without end: each variable is twice the one before. */
static void test_variables_bounded(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    char text[4000] = "DEFINE v0='0123456789abcdef0123456789abcdef';";
    for (int i = 1; i < 30; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "DEFINE v%d='${v%d}${v%d}';", i, i - 1, i - 1);
    assert_null(session_print(&session, slice_of(text)));
    assert_string_equal(session.error.message,
                        "line 1, column 509: with its variables filled in the statement is longer than 16777216 bytes");
}

/* --- errors
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_errors(void **state) {
    (void)state;
    static const struct pair cases[] = {
        {"SELECT *\nFROM a;\n  SELECT a FORM b;", "line 3, column 12: 'FORM' is not expected here; expected FROM"},
        {"SELECT * FORM s;", "line 1, column 10: 'FORM' is not expected here; expected FROM"},
        {"SELEC * FROM s;", "line 1, column 1: 'SELEC' is not expected here; expected SELECT"},
        {"SELECT * FROM s EMITT CHANGES;", "line 1, column 17: 'EMITT' is not expected here; expected EMIT"},
        {"SELECT * FROM s WHER a = 1;", "line 1, column 17: 'WHER' is not expected here; expected WHERE"},
        {"SELECT * FROM s GRUOP BY a;", "line 1, column 17: 'GRUOP' is not expected here; expected GROUP"},
        {"SELECT * FROM s EMIT CHANGE;", "line 1, column 22: 'CHANGE' is not expected here; expected CHANGES"},
        {"SELECT a b c FROM s", "line 1, column 12: 'c' is not expected here; expected ',' or FROM"},
        {"SELECT", "line 1, column 7: the statement ends here; expected '*' or an expression"},
        {"SELECT a FROM", "line 1, column 14: the statement ends here; expected a name"},
        {"SELECT a FROM s WHERE", "line 1, column 22: the statement ends here; expected an expression"},
        {"SELECT a = b = c FROM s", "line 1, column 14: '=' is not expected here; expected AS, ',' or FROM"},
        {"SELECT a + NOT b FROM s", "line 1, column 12: 'NOT' is not expected here; expected an expression"},
        {"SELECT (1 + 2 FROM s", "line 1, column 15: 'FROM' is not expected here; expected ')'"},
        {"SELECT 'abc FROM s;\nx", "line 1, column 8: the string that begins here does not end; close it with '"},
        {"SELECT\n `abc FROM s;", "line 2, column 2: the name that begins here does not end; close it with `"},
        {"SELECT \"abc FROM s;", "line 1, column 8: the name that begins here does not end; close it with \""},
        {"SELECT a /* b FROM s;", "line 1, column 10: the comment that begins here does not end; close it with */"},
        {"SELECT `` FROM s", "line 1, column 8: a name cannot be empty"},
        {"SELECT größe FROM s", "line 1, column 8: a name with other letters than A to Z needs backticks: `größe`"},
        {"SELECT ö FROM s", "line 1, column 8: a name with other letters than A to Z needs backticks: `ö`"},
        {"SELECT 'ö\xff' FROM s", "line 1, column 10: the byte 0xff is not UTF-8; statements are text in UTF-8"},
        {"SELECT 1abc FROM s", "line 1, column 8: '1a' is no number; a name that begins with a digit needs backticks"},
        {"SELECT a # b FROM s", "line 1, column 10: '#' cannot stand here"},
        {"SELECT \x01 FROM s", "line 1, column 8: the byte 0x01 cannot stand here"},
        {"SELECT 9223372036854775808 FROM s",
         "line 1, column 8: the number is out of range of BIGINT; write it with a point to make it a DECIMAL"},
        {"SELECT 1e999 FROM s", "line 1, column 8: the number is out of range of DOUBLE"},
        {"CREATE STREAM select (a INT);",
         "line 1, column 15: 'select' is a reserved word; as a name it needs backticks"},
        {"CREATE STREAM s (a INT, from INT);",
         "line 1, column 25: 'from' is a reserved word; as a name it needs backticks"},
        {"CREATE STREAM s (a);", "line 1, column 19: ')' is not expected here; expected a type"},
        {"CREATE STREAM s (a ARRAY);", "line 1, column 25: ')' is not expected here; expected '<'"},
        {"CREATE STRAEM s (a INT);", "line 1, column 8: 'STRAEM' is not expected here; expected STREAM"},
        {"CREATE VIEW v;", "line 1, column 8: CREATE VIEW is not part of the dialect: CREATE STREAM .. AS SELECT and "
                           "CREATE TABLE .. AS SELECT name a query"},
        {"CREATE STREAM s (a INT) WITH (VALUE_FORMAT=JSON);", "line 1, column 44: the value JSON needs single quotes"},
        {"CREATE STREAM s (a INT) WITH (VALUE_FORMAT);", "line 1, column 43: ')' is not expected here; expected '='"},
        {"CREATE STREAM s (a INT) AS SELECT * FROM t;",
         "line 1, column 25: 'AS' is not expected here; expected WITH or the end of the statement"},
        {"CREATE SINK CONNECTOR c;", "line 1, column 24: the statement ends here; expected WITH"},
        {"DROP s;", "line 1, column 6: 's' is not expected here; expected STREAM, TABLE, CONNECTOR or TYPE"},
        {"SHOW STREMS;", "line 1, column 6: 'STREMS' is not expected here; expected STREAMS"},
        {"INSERT INTO s VALUE (1);", "line 1, column 15: 'VALUE' is not expected here; expected VALUES"},
        {"SELECT a FROM s WINDOW TUMBLING (SIZE 5 SECODNS) GROUP BY a",
         "line 1, column 41: 'SECODNS' is not expected here; expected SECONDS"},
        {"SELECT a FROM s WINDOW TUMBLING (SIZE 5) GROUP BY a",
         "line 1, column 40: ')' is not expected here; expected DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS"},
        {"SELECT a FROM s WINDOW HOPPING (SIZE 5 DAYS) GROUP BY a",
         "line 1, column 17: a hopping window needs ADVANCE BY: WINDOW HOPPING (SIZE 10 MINUTES, ADVANCE BY 1 MINUTE)"},
        {"SELECT a FROM s WINDOW TUMBLING (SIZE 5 DAYS, RETENTION 1 DAY, RETENTION 2 DAYS) GROUP BY a",
         "line 1, column 64: RETENTION is there twice"},
        {"SELECT a FROM s WINDOW TUMBLING (SIZE 9223372036854775807 DAYS) GROUP BY a",
         "line 1, column 39: the duration is out of range"},
        {"SELECT a LIKE 'x' ESCAPE 'ab' FROM s", "line 1, column 26: ESCAPE needs exactly one character"},
        {"SELECT a->* + 1 FROM s",
         "line 1, column 9: ->* stands for several columns: it can only be an item of SELECT"},
        {"SELECT x => x FROM s", "line 1, column 8: a lambda can only be an argument of a function"},
        {"SELECT * FROM s WHERE a->*",
         "line 1, column 24: ->* stands for several columns: it can only be an item of SELECT"},
        {"SELECT * FROM a JOIN b", "line 1, column 23: the statement ends here; expected AS, WITHIN or ON"},
        {"SELECT * FROM s LIMIT -1", "line 1, column 23: '-' is not expected here; expected a whole number"},
        {"SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaa "
         "'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' FROM s",
         "line 1, column 79: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb... is not expected here; expected ',' or FROM"},
        {"ASSERT SCHEMA;", "line 1, column 14: the statement ends here; expected SUBJECT or ID"},
        {"SHOW STREAMS\nSHOW TABLES;",
         "line 2, column 1: 'SHOW' is not expected here; expected EXTENDED or the end of the statement"},
    };
    check_errors(cases, COUNT(cases));
}

static void test_nul_byte(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    assert_null(session_print(&session, SLICE("SELECT '\0' FROM s")));
    assert_string_equal(session.error.message, "line 1, column 9: a NUL byte cannot stand here");
}

/* After an error the script goes on with the next statement. */
static void test_after_error(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct script script;
    struct statement *statement = NULL;
    script_open(&script, SLICE("SELECT FROM 'x;y'; \xff; SHOW STREAMS;"), &session.variables);
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), ERROR_INVALID);
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), ERROR_INVALID);
    assert_string_equal(session.error.message,
                        "line 1, column 20: the byte 0xff is not UTF-8; statements are text in UTF-8");
    assert_null(statement);
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
    assert_int_equal(statement->kind, STATEMENT_SHOW);
    assert_int_equal(statement->place.column, 23);
}

static void test_places(void **state) {
    (void)state;
    cleanup(session_release) struct session session = {0};
    struct script script;
    struct statement *statement;
    script_open(&script, SLICE("\n  SELECT 'ü' || b,\n c AS d FROM s -- x\n ; SHOW TYPES"), NULL);
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
    const struct select_item *items = statement->select->items;
    assert_int_equal(statement->place.line, 2);
    assert_int_equal(statement->place.column, 3);
    assert_int_equal(statement->place.offset, 3);
    assert_int_equal(items[0].expression->place.column, 14);
    assert_int_equal(items[0].expression->place.offset, 15);
    assert_int_equal(items[0].expression->children[1]->place.column, 17);
    assert_int_equal(items[1].alias.place.line, 3);
    assert_int_equal(items[1].alias.place.column, 7);
    assert_true(slice_equal(statement->text, SLICE("SELECT 'ü' || b,\n c AS d FROM s")));
    assert_int_equal(script_next(&script, &session.arena, &statement, &session.error), 0);
    assert_int_equal(statement->place.line, 4);
}

static void test_complete(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool complete;
    } cases[] = {
        {"", true},
        {"  -- x", true},
        {"SELECT", false},
        {"SELECT 1;", true},
        {"SELECT ';'", false},
        {"SELECT ';';", true},
        {"SELECT 1; SELECT", false},
        {"SELECT 1; -- ok", true},
        {"/* a", false},
        {"SELECT '", false},
        {"SELECT 1 -- ;", false},
        {"SELECT 1 -- ;\n;", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (script_complete(slice_of(cases[i].text)) != cases[i].complete)
            fail_msg("%s", cases[i].text);
}

/* --- bounds
 * ------------------------------------------------------------------------------------------------------------------ */

static char *repeat(const char *before, const char *piece, size_t count, const char *middle, const char *after_piece,
                    const char *after) {
    size_t length = strlen(piece), after_length = strlen(after_piece);
    char *text = malloc(strlen(before) + count * (length + after_length) + strlen(middle) + strlen(after) + 1),
         *to = stpcpy(text, before);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, piece);
    to = stpcpy(to, middle);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, after_piece);
    stpcpy(to, after);
    return text;
}

struct nesting {
    const char *before, *piece, *middle, *after_piece, *after;
};

static const struct nesting nestings[] = {
    {"SELECT ", "(", "1", ")", " FROM s"},
    {"SELECT ", "f(", "1", ")", " FROM s"},
    {"SELECT ", "NOT ", "a", "", " FROM s"},
    {"SELECT ", "- ", "a", "", " FROM s"},
    {"SELECT ", "ARRAY[", "1", "]", " FROM s"},
    {"SELECT ", "CASE WHEN a THEN ", "1", " END", " FROM s"},
    {"SELECT ", "a[", "1", "]", " FROM s"},
    {"SELECT a", "->b", "", "", " FROM s"},
    {"SELECT a", " + b", "", "", " FROM s"},
    {"SELECT ", "a IN (", "1", ")", " FROM s"},
    {"SELECT ", "CAST(", "1", " AS INT)", " FROM s"},
    {"SELECT ", "MAP('a' := ", "1", ")", " FROM s"},
    {"SELECT ", "STRUCT(a := ", "1", ")", " FROM s"},
    {"SELECT ", "f(x => ", "1", ")", " FROM s"},
    {"CREATE TYPE t AS ", "ARRAY<", "INT", ">", ""},
    {"CREATE TYPE t AS ", "STRUCT<a ", "INT", ">", ""},
    {"SELECT ", "a = (b AND ", "c", ")", " FROM s"},
    {"SELECT ", "a BETWEEN (", "b", ") AND c", " FROM s"},
};

/* What nests is refused beyond a bound, however it nests. */
static void test_nesting(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(nestings); i++) {
        cleanup(session_release) struct session session = {0};
        const struct nesting *nesting = &nestings[i];
        char *text =
            repeat(nesting->before, nesting->piece, 10000, nesting->middle, nesting->after_piece, nesting->after);
        assert_null(session_print(&session, slice_of(text)));
        if (!strstr(session.error.message, "nested deeper than 500"))
            fail_msg("%s...: %s", nesting->piece, session.error.message);
        free(text);
    }
}

/* The deepest text of the kind that is not refused; NULL when none is deeper than 100. */
static void *parse_deepest(void *argument) {
    const struct nesting *nesting = argument;
    for (size_t count = AST_HEIGHT_MAXIMUM; count > 100; count--) {
        cleanup(session_release) struct session session = {0};
        char *text =
            repeat(nesting->before, nesting->piece, count, nesting->middle, nesting->after_piece, nesting->after);
        bool parsed = session_print(&session, slice_of(text)) != NULL;
        free(text);
        if (parsed)
            return argument;
    }
    return NULL;
}

/* Up to the bound it parses and prints on a small stack. */
static void test_stack(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    size_t stack_size = 4 * 1024 * 1024; /* its frames are larger */
#else
    size_t stack_size = 256 * 1024;
#endif
    for (size_t i = 0; i < COUNT(nestings); i++) {
        pthread_attr_t attributes;
        pthread_t thread;
        void *result;
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstacksize(&attributes, stack_size), 0);
        assert_int_equal(pthread_create(&thread, &attributes, parse_deepest, (void *)&nestings[i]), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        pthread_attr_destroy(&attributes);
        if (!result)
            fail_msg("%s...", nestings[i].piece);
    }
}

/* Chains of a megabyte and more, in the time of one look at each byte: a quadratic parser would take hours. */
static void test_size(void **state) {
    (void)state;
    static const struct {
        const char *before, *piece, *after;
        size_t least; /* bytes that each piece is printed in, at least */
    } cases[] = {
        {"SELECT * FROM s WHERE a = 1", " OR a = 12345", "", 13},
        {"SELECT * FROM s WHERE a = 1", " AND a = 'x'", "", 11},
        {"SELECT a", ", b + 1 AS c", " FROM s", 11},
        {"SELECT a IN (1", ", 2", ") FROM s", 3},
        {"SELECT f(1", ", (a)", ") FROM s", 3},
        {"INSERT INTO s VALUES ('", "xxxxxxxxxx''", "')", 12},
        {"SELECT a FROM s GROUP BY a", ", (b, c)", "", 4},
        {"SELECT 1 FROM s ", "-- comment\n", "", 0},
        {"", "SHOW STREAMS;", "", 13},
        {"SELECT '", "${a} $${", "' FROM s", 4},
        {"SELECT CASE", " WHEN a THEN b", " END FROM s", 14},
        {"SELECT a FROM s", " JOIN b ON c", "", 8},
        {"CREATE STREAM s (a INT", ", b ARRAY<INT>", ")", 10},
        {"SELECT `", "ü``", "` FROM s", 4},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(session_release) struct session session = {0};
        char *text = repeat(cases[i].before, cases[i].piece, 1200000 / strlen(cases[i].piece), "", "", cases[i].after);
        clock_t begin = clock();
        const char *printed = session_print(&session, slice_of(text));
        if (!printed)
            fail_msg("%s...: %s", cases[i].piece, session.error.message);
        if (strlen(printed) < cases[i].least * (1200000 / strlen(cases[i].piece)))
            fail_msg("%s...: printed in %zu bytes", cases[i].piece, strlen(printed));
        if (clock() - begin > 10 * CLOCKS_PER_SEC)
            fail_msg("%s... took %.1f s", cases[i].piece, (double)(clock() - begin) / CLOCKS_PER_SEC);
        free(text);
    }
}

/* Every beginning of a statement is an error or a statement, never more. */
static void test_truncated(void **state) {
    (void)state;
    const char *text = "CREATE TABLE t WITH (a='b', c=-1.5) AS SELECT a->b[1] AS x, CASE y WHEN 1 THEN 'ü' ELSE f(z => "
                       "z) END FROM s x JOIN `q` WITHIN (1 DAY, 2 DAYS) ON "
                       "x.a = q.b WINDOW TUMBLING (SIZE 1 HOUR) WHERE a NOT BETWEEN 1 AND 2 GROUP BY (a, b) HAVING x "
                       "IS NOT NULL EMIT CHANGES LIMIT 5";
    for (size_t length = 0; length < strlen(text); length++) {
        cleanup(session_release) struct session session = {0};
        char *tight = malloc(length + 1);
        memcpy(tight, text, length);
        if (!session_print(&session, (struct slice){tight, length}))
            assert_memory_equal(session.error.message, "line 1, column ", 15);
        free(tight);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_predicates),
        cmocka_unit_test(test_calls_and_constructors),
        cmocka_unit_test(test_selects),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_variables_bounded),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_after_error),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Scalar functions on numbers, texts, dates and times, NULL; the table of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "function_cases.h"
#include "model/java_number.h"
#include "sql/function/function_reference.h"

/* --- the rules
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct function_case numeric_cases[] = {
    {"ABS", {I("-5")}, "INTEGER", "5"},
    {"ABS", {I("-2147483648")}, "INTEGER", "-2147483648"},
    {"ABS", {L("-9223372036854775808")}, "BIGINT", "-9223372036854775808"},
    {"ABS", {D("-0.0")}, "DOUBLE", "0.0"},
    {"ABS", {C2("-12.30")}, "DECIMAL(5, 2)", "12.30"},
    {"ABS", {I(NULL)}, "INTEGER", "NULL"},
    {"CBRT", {D("-27")}, "DOUBLE", "-3.0"},
    {"CEIL", {I("3")}, "INTEGER", "3"},
    {"CEIL", {D("-1.5")}, "DOUBLE", "-1.0"},
    {"CEIL", {C2("1.01")}, "DECIMAL(5, 2)", "2.00"},
    {"CEIL", {C2("-1.99")}, "DECIMAL(5, 2)", "-1.00"},
    {"CEIL", {C1("9.9")}, "DECIMAL(2, 1)", "! the result does not fit DECIMAL(2, 1)"},
    {"EXP", {I("0")}, "DOUBLE", "1.0"},
    {"EXP", {D("1000")}, "DOUBLE", "Infinity"},
    {"FLOOR", {D("-1.5")}, "DOUBLE", "-2.0"},
    {"FLOOR", {C2("-1.01")}, "DECIMAL(5, 2)", "-2.00"},
    {"FLOOR", {C2("1.99")}, "DECIMAL(5, 2)", "1.00"},
    {"GREATEST", {I("1"), I(NULL), I("3"), I("2")}, "INTEGER", "3"},
    {"GREATEST", {S("a"), S("b"), S("B")}, "STRING", "b"},
    {"GREATEST", {I(NULL), I(NULL)}, "INTEGER", "NULL"},
    {"GREATEST", {D("NaN"), D("Infinity")}, "DOUBLE", "NaN"},
    {"LEAST", {C2("2.50"), C2("1.50")}, "DECIMAL(5, 2)", "1.50"},
    {"LEAST", {DATE("2020-01-02"), DATE("2020-01-01")}, "DATE", "2020-01-01"},
    {"LN", {D("0")}, "DOUBLE", "-Infinity"},
    {"LN", {D("-1")}, "DOUBLE", "NaN"},
    {"LOG", {D("1")}, "DOUBLE", "0.0"},
    {"LOG", {D("2"), D("8")}, "DOUBLE", "3.0"},
    {"LOG", {D("1"), D("8")}, "DOUBLE", "NaN"},
    {"LOG", {D("0"), D("8")}, "DOUBLE", "NaN"},
    {"POWER", {I("2"), I("10")}, "DOUBLE", "1024.0"},
    {"POWER", {D("1"), D("NaN")}, "DOUBLE", "NaN"},
    {"POWER", {D("-1"), D("Infinity")}, "DOUBLE", "NaN"},
    {"POWER", {D("NaN"), D("0")}, "DOUBLE", "1.0"},
    {"ROUND", {D("2.5")}, "BIGINT", "3"},
    {"ROUND", {D("-2.5")}, "BIGINT", "-2"},
    {"ROUND", {D("0.49999999999999994")}, "BIGINT", "0"},
    {"ROUND", {D("NaN")}, "BIGINT", "0"},
    {"ROUND", {D("1e300")}, "BIGINT", "9223372036854775807"},
    {"ROUND", {I("7")}, "BIGINT", "7"},
    {"ROUND", {D("1.005"), I("2")}, "DOUBLE", "1.01"},
    {"ROUND", {D("-1.005"), I("2")}, "DOUBLE", "-1.0"},
    {"ROUND", {D("-1.0051"), I("2")}, "DOUBLE", "-1.01"},
    {"ROUND", {D("1250"), I("-2")}, "DOUBLE", "1300.0"},
    {"ROUND", {D("-1250"), I("-2")}, "DOUBLE", "-1200.0"},
    {"ROUND", {D("9.99"), I("1")}, "DOUBLE", "10.0"},
    {"ROUND", {D("6"), I("-1")}, "DOUBLE", "10.0"},
    {"ROUND", {D("0.4"), I("-5")}, "DOUBLE", "0.0"},
    {"ROUND", {D("1.5e300"), I("2000000000")}, "DOUBLE", "1.5E300"},
    {"ROUND", {D("1.5e300"), I("-2000000000")}, "DOUBLE", "0.0"},
    {"ROUND", {D("1.7e308"), I("-308")}, "DOUBLE", "Infinity"},
    {"ROUND", {C2("1.50")}, "DECIMAL(4, 0)", "2"},
    {"ROUND", {C2("999.99")}, "DECIMAL(4, 0)", "1000"},
    {"ROUND", {C2("-1.50")}, "DECIMAL(4, 0)", "-1"},
    {"ROUND", {C2("-1.51")}, "DECIMAL(4, 0)", "-2"},
    {"ROUND", {C2("123.45"), I("1")}, "DECIMAL(5, 2)", "123.50"},
    {"ROUND", {C2("150.00"), I("-2")}, "DECIMAL(5, 2)", "200.00"},
    {"ROUND", {C2("999.99"), I("0")}, "DECIMAL(5, 2)", "! the result does not fit"},
    {"ROUND", {C2("999.99"), I("-50")}, "DECIMAL(5, 2)", "0.00"},
    {"SIGN", {I("-3")}, "INTEGER", "-1"},
    {"SIGN", {D("NaN")}, "INTEGER", "0"},
    {"SIGN", {C2("0.01")}, "INTEGER", "1"},
    {"SQRT", {D("-1")}, "DOUBLE", "NaN"},
    {"SQRT", {I("9")}, "DOUBLE", "3.0"},
    {"TRUNC", {D("-2.9")}, "BIGINT", "-2"},
    {"TRUNC", {D("2.99"), I("1")}, "DOUBLE", "2.9"},
    {"TRUNC", {D("1234.5"), I("-2")}, "DOUBLE", "1200.0"},
    {"TRUNC", {C2("-1.99")}, "DECIMAL(4, 0)", "-1"},
    {"TRUNC", {C2("-1.99"), I("1")}, "DECIMAL(5, 2)", "-1.90"},
};

static void test_numeric(void **state) {
    (void)state;
    CHECK(numeric_cases);
}

static const struct function_case null_cases[] = {
    {"AS_VALUE", {S("k")}, "STRING", "k"},
    {"COALESCE", {I(NULL), I("2"), I("3")}, "INTEGER", "2"},
    {"COALESCE", {I(NULL)}, "INTEGER", "NULL"},
    {"IFNULL", {S(NULL), S("x")}, "STRING", "x"},
    {"IFNULL", {S("y"), S("x")}, "STRING", "y"},
    {"NULLIF", {S("a"), S("a")}, "STRING", "NULL"},
    {"NULLIF", {S("a"), S("b")}, "STRING", "a"},
    {"NULLIF", {I("1"), I(NULL)}, "INTEGER", "1"},
    {"NULLIF", {I(NULL), I("1")}, "INTEGER", "NULL"},
};

static void test_null_handling(void **state) {
    (void)state;
    CHECK(null_cases);
}

static const struct function_case text_cases[] = {
    {"CONCAT", {S("a"), S(NULL), S("c")}, "STRING", "ac"},
    {"CONCAT", {X("01"), X("ff")}, "BYTES", "01ff"},
    {"CONCAT", {S(NULL), S(NULL)}, "STRING", ""},
    {"CONCAT_WS", {S(", "), S("a"), S(NULL), S("c")}, "STRING", "a, c"},
    {"CONCAT_WS", {S(NULL), S("a"), S("c")}, "STRING", "NULL"},
    {"CONCAT_WS", {X("00"), X("01"), X("02")}, "BYTES", "010002"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR")}, "INTEGER", "2"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR"), I("3")}, "INTEGER", "5"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR"), I("3"), I("2")}, "INTEGER", "14"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR"), I("-3")}, "INTEGER", "5"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR"), I("-3"), I("2")}, "INTEGER", "2"},
    {"INSTR", {S("CORPORATE FLOOR"), S("OR"), I("-3"), I("3")}, "INTEGER", "0"},
    {"INSTR", {S("CORPORATE FLOOR"), S("MISSING")}, "INTEGER", "0"},
    {"INSTR", {S("aaa"), S("aa"), I("1"), I("2")}, "INTEGER", "2"},
    {"INSTR", {S("abc"), S("c"), I("100")}, "INTEGER", "0"},
    {"INSTR", {S("abc"), S("c"), I("0")}, "INTEGER", "0"},
    {"INSTR", {S("\xf0\x9f\x98\x80x"), S("x")}, "INTEGER", "3"},
    {"INSTR", {S("abc"), S(NULL)}, "INTEGER", "NULL"},
    {"LEN", {S("abc")}, "INTEGER", "3"},
    {"LEN", {S("\xc3\xa9\xf0\x9f\x98\x80")}, "INTEGER", "3"},
    {"LEN", {X("0102")}, "INTEGER", "2"},
    {"LPAD", {S("Foo"), I("7"), S("Bar")}, "STRING", "BarBFoo"},
    {"LPAD", {S("Foo"), I("2"), S("Bar")}, "STRING", "Fo"},
    {"LPAD", {S("Foo"), I("-1"), S("Bar")}, "STRING", "NULL"},
    {"LPAD", {S("Foo"), I("9"), S("")}, "STRING", "NULL"},
    {"LPAD", {S("Foo"), I("2147483647"), S("Bar")}, "STRING", "! a length of 2147483647 is more than"},
    {"LPAD", {X("01"), I("4"), X("aabb")}, "BYTES", "aabbaa01"},
    {"RPAD", {S("Foo"), I("7"), S("Bar")}, "STRING", "FooBarB"},
    {"RPAD", {X("010203"), I("2"), X("aa")}, "BYTES", "0102"},
    {"REPLACE", {S("abcabc"), S("b"), S("--")}, "STRING", "a--ca--c"},
    {"REPLACE", {S("ab"), S(""), S("x")}, "STRING", "xaxbx"},
    {"REPLACE", {S("ab"), S(NULL), S("x")}, "STRING", "NULL"},
    {"SUBSTRING", {S("stream"), I("1"), I("4")}, "STRING", "stre"},
    {"SUBSTRING", {S("stream"), I("3")}, "STRING", "ream"},
    {"SUBSTRING", {S("stream"), I("-3"), I("2")}, "STRING", "ea"},
    {"SUBSTRING", {S("stream"), I("-30")}, "STRING", "stream"},
    {"SUBSTRING", {S("stream"), I("30")}, "STRING", ""},
    {"SUBSTRING", {S("stream"), I("2"), I("-1")}, "STRING", ""},
    {"SUBSTRING", {S("stream"), I("2"), I("2147483647")}, "STRING", "tream"},
    {"SUBSTRING", {S("a\xf0\x9f\x98\x80z"), I("2"), I("2")}, "STRING", "\xf0\x9f\x98\x80"},
    {"SUBSTRING", {S("a\xf0\x9f\x98\x80z"), I("3")}, "STRING", "?z"},
    {"SUBSTRING", {S("a\xf0\x9f\x98\x80z"), I("1"), I("2")}, "STRING", "a?"},
    {"SUBSTRING", {X("010203"), I("-2"), I("1")}, "BYTES", "02"},
    {"TRIM", {S(" \t a b \n")}, "STRING", "a b"},
    {"UUID", {X("00112233445566778899aabbccddeeff")}, "STRING", "00112233-4455-6677-8899-aabbccddeeff"},
    {"UUID", {X("00")}, "STRING", "NULL"},
    {"INITCAP", {S("the quick bROWN fox-trot")}, "STRING", "The Quick Brown Fox-trot"},
    {"INITCAP", {S("\xc3\xa9t\xc3\x89")}, "STRING", "\xc3\x89t\xc3\xa9"},
    {"LCASE",
     {S("ABC \xc3\x84\xce\x91\xce\xa3 \xce\xa3\xce\x91")},
     "STRING",
     "abc \xc3\xa4\xce\xb1\xcf\x82 \xcf\x83\xce\xb1"},
    {"UCASE", {S("abc \xc3\xa4\xc3\x9f")}, "STRING", "ABC \xc3\x84SS"},
    {"UCASE", {S("a\xff\xc3")}, "STRING", "A\xff\xc3"},
    {"LCASE", {S("\xce\x91\xce\xa3 \xce\xa3\xce\x91")}, "STRING", "\xce\xb1\xcf\x82 \xcf\x83\xce\xb1"},
    {"LCASE", {S("\xc4\xb0\xf0\x90\x90\x80")}, "STRING", "i\xcc\x87\xf0\x90\x90\xa8"},
    {"INITCAP", {S("\xc3\x9f\xc3\x84 \xc3\xa4\xc3\x84")}, "STRING", "\xc3\x9f\xc3\xa4 \xc3\x84\xc3\xa4"},
    {"MASK", {S("\xc3\xa4\xc3\x84\xd9\xa3\xe2\x82\xac")}, "STRING", "xXn-"},
    {"UCASE", {S(NULL)}, "STRING", "NULL"},
    {"MASK", {S("My Test $123")}, "STRING", "Xx-Xxxx--nnn"},
    {"MASK", {S("My Test $123"), S("*"), S(NULL), S("1"), S(NULL)}, "STRING", "*y *est $111"},
    {"MASK", {S(NULL)}, "STRING", "NULL"},
    {"MASK_KEEP_LEFT", {S("My Test $123"), I("4")}, "STRING", "My Txxx--nnn"},
    {"MASK_KEEP_RIGHT", {S("My Test $123"), I("4")}, "STRING", "Xx-Xxxx-$123"},
    {"MASK_LEFT", {S("My Test $123"), I("4")}, "STRING", "Xx-Xest $123"},
    {"MASK_RIGHT", {S("My Test $123"), I("4")}, "STRING", "My Test -nnn"},
    {"MASK_RIGHT", {S("My Test $123"), I("100")}, "STRING", "Xx-Xxxx--nnn"},
    {"MASK_RIGHT", {S("My Test $123"), I("-1")}, "STRING", "! the number of characters"},
};

static void test_text(void **state) {
    (void)state;
    CHECK(text_cases);
}

static const struct function_case expression_cases[] = {
    {"REGEXP_EXTRACT", {S("(.*) (.*)"), S("hello there")}, "STRING", "hello there"},
    {"REGEXP_EXTRACT", {S("(.*) (.*)"), S("hello there"), I("1")}, "STRING", "hello"},
    {"REGEXP_EXTRACT", {S("(.*) (.*)"), S("hello there"), I("3")}, "STRING", "NULL"},
    {"REGEXP_EXTRACT", {S("x+"), S("hello there")}, "STRING", "NULL"},
    {"REGEXP_EXTRACT", {S("(a)|(b)"), S("b"), I("1")}, "STRING", "NULL"},
    {"REGEXP_EXTRACT", {S("("), S("b")}, "STRING", "! '(' is no regular expression"},
    {"REGEXP_EXTRACT",
     {S("(a+)+$"), S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")},
     "STRING",
     "! matching '(a+)+$' failed: match limit exceeded"},
    {"REGEXP_EXTRACT", {S("(?i)\\p{Lower}+"), S("12abC")}, "STRING", "abC"},
    {"REGEXP_EXTRACT", {S("[\\p{Upper}\\d]+"), S("xxAB1y")}, "STRING", "AB1"},
    {"REGEXP_EXTRACT", {S("\\p{IsGreek}+"), S("a\xce\xb1\xce\xb2")}, "STRING", "\xce\xb1\xce\xb2"},
    {"REGEXP_EXTRACT", {S("\\u0041\\x42\\0103"), S("xABCx")}, "STRING", "ABC"},
    {"REGEXP_EXTRACT", {S("\\ud83d\\ude00"), S("x\xf0\x9f\x98\x80")}, "STRING", "\xf0\x9f\x98\x80"},
    {"REGEXP_EXTRACT", {S("[a-z&&[^aeiou]]+"), S("aeixyzo")}, "STRING", "xyz"},
    {"REGEXP_EXTRACT", {S("[a-c[x-z]]+"), S("mmaxbzm")}, "STRING", "axbz"},
    {"REGEXP_EXTRACT", {S("[^a-c[x-z]]+"), S("axmno")}, "STRING", "mno"},
    {"REGEXP_EXTRACT", {S("\\Qa.b\\E+"), S("axb a.bb")}, "STRING", "a.bb"},
    {"REGEXP_EXTRACT", {S("(?<year>\\d{4})-(?:\\d\\d)"), S("on 2020-05"), I("1")}, "STRING", "2020"},
    {"REGEXP_EXTRACT", {S("(?R)"), S("x")}, "STRING", "! '(?R)' is no regular expression: an unknown kind of group"},
    {"REGEXP_EXTRACT", {S("(*ACCEPT)"), S("x")}, "STRING", "! '(*ACCEPT)' is no regular expression"},
    {"REGEXP_EXTRACT", {S("\\K"), S("x")}, "STRING", "! '\\K' is no regular expression"},
    {"REGEXP_EXTRACT", {S("[a"), S("x")}, "STRING", "! '[a' is no regular expression: a class is not closed"},
    {"REGEXP_EXTRACT", {S(NULL), S("x")}, "STRING", "NULL"},
    {"REGEXP_EXTRACT_ALL", {S("\\d(\\w)"), S("1a 2b 3c")}, "ARRAY<STRING>", "[1a, 2b, 3c]"},
    {"REGEXP_EXTRACT_ALL", {S("\\d(\\w)"), S("1a 2b 3c"), I("1")}, "ARRAY<STRING>", "[a, b, c]"},
    {"REGEXP_EXTRACT_ALL", {S("\\d"), S("abc")}, "ARRAY<STRING>", "[]"},
    {"REGEXP_EXTRACT_ALL", {S("\\d"), S("1"), I("2")}, "ARRAY<STRING>", "NULL"},
    {"REGEXP_EXTRACT_ALL", {S("b*"), S("abb")}, "ARRAY<STRING>", "[, bb, ]"},
    {"REGEXP_REPLACE", {S("foobar"), S("o+"), S("0")}, "STRING", "f0bar"},
    {"REGEXP_REPLACE", {S("john smith"), S("(\\w+) (\\w+)"), S("$2, $1")}, "STRING", "smith, john"},
    {"REGEXP_REPLACE", {S("ab"), S("(?<x>a)"), S("${x}1\\$")}, "STRING", "a1$b"},
    {"REGEXP_REPLACE", {S("ab"), S("(a)"), S("$10")}, "STRING", "a0b"},
    {"REGEXP_REPLACE", {S("ab"), S("x*"), S("-")}, "STRING", "-a-b-"},
    {"REGEXP_REPLACE", {S("ab"), S("a"), S("$1")}, "STRING", "! the replacement names a group"},
    {"REGEXP_REPLACE", {S("ab"), S("a"), S("\\")}, "STRING", "! the replacement ends with a backslash"},
    {"REGEXP_SPLIT_TO_ARRAY", {S("a1b22c"), S("\\d+")}, "ARRAY<STRING>", "[a, b, c]"},
    {"REGEXP_SPLIT_TO_ARRAY", {S("1a1"), S("\\d")}, "ARRAY<STRING>", "[, a, ]"},
    {"REGEXP_SPLIT_TO_ARRAY", {S("abc"), S("")}, "ARRAY<STRING>", "[a, b, c]"},
    {"REGEXP_SPLIT_TO_ARRAY", {S("abc"), S("x")}, "ARRAY<STRING>", "[abc]"},
};

static void test_regular_expressions(void **state) {
    (void)state;
    CHECK(expression_cases);
}

static const struct function_case time_cases[] = {
    {"CONVERT_TZ",
     {STAMP("2020-07-01T12:00"), S("UTC"), S("America/Los_Angeles")},
     "TIMESTAMP",
     "2020-07-01T05:00:00.000"},
    {"CONVERT_TZ", {STAMP("2020-01-01T12:00"), S("+0200"), S("+0500")}, "TIMESTAMP", "2020-01-01T15:00:00.000"},
    {"CONVERT_TZ", {STAMP("2020-01-01T12:00"), S("Mars"), S("UTC")}, "TIMESTAMP", "! "},
    {"CONVERT_TZ", {STAMP("2020-01-01T12:00"), S(NULL), S("UTC")}, "TIMESTAMP", "NULL"},
    {"DATEADD", {S("DAYS"), I("9"), DATE("2020-02-25")}, "DATE", "2020-03-05"},
    {"DATEADD", {S("HOURS"), I("36"), DATE("2020-02-25")}, "DATE", "2020-02-26"},
    {"DATEADD", {S("DAY"), I("2147483647"), DATE("2020-02-25")}, "DATE", "! the date is out of range"},
    {"DATEADD", {S("PARSECS"), I("1"), DATE("2020-02-25")}, "DATE", "! 'PARSECS' is no unit of time"},
    {"DATESUB", {S("DAYS"), I("25"), DATE("2020-02-25")}, "DATE", "2020-01-31"},
    {"FROM_DAYS", {I("18262")}, "DATE", "2020-01-01"},
    {"FROM_UNIXTIME", {L("-1")}, "TIMESTAMP", "1969-12-31T23:59:59.999"},
    {"TIMEADD", {S("HOURS"), I("2"), TIME("23:30")}, "TIME", "01:30"},
    {"TIMEADD", {S("DAYS"), I("2147483647"), TIME("23:30")}, "TIME", "23:30"},
    {"TIMESUB", {S("MILLISECONDS"), I("1"), TIME("00:00")}, "TIME", "23:59:59.999"},
    {"TIMESTAMPADD", {S("SECOND"), I("-1"), STAMP("2020-01-01")}, "TIMESTAMP", "2019-12-31T23:59:59.000"},
    {"TIMESTAMPSUB", {S("MINUTES"), I("90"), STAMP("2020-01-01T01:00")}, "TIMESTAMP", "2019-12-31T23:30:00.000"},
    {"TIMESTAMPSUB", {S("MINUTES"), I(NULL), STAMP("2020-01-01T01:00")}, "TIMESTAMP", "NULL"},
    {"UNIX_DATE", {DATE("2020-01-01")}, "INTEGER", "18262"},
    {"UNIX_DATE", {{NULL, NULL}}, "INTEGER", "19675"},
    {"UNIX_TIMESTAMP", {STAMP("2020-01-01")}, "BIGINT", "1577836800000"},
    {"UNIX_TIMESTAMP", {{NULL, NULL}}, "BIGINT", "1700000000000"},
    {"DATETOSTRING", {I("18262"), S("dd.MM.yyyy")}, "STRING", "01.01.2020"},
    {"FORMAT_DATE", {DATE("2020-01-05"), S("EEE d MMM uuuu")}, "STRING", "Sun 5 Jan 2020"},
    {"FORMAT_DATE", {DATE("2020-01-05"), S("HH")}, "STRING", "! cannot write with pattern 'HH'"},
    {"FORMAT_DATE", {DATE("2020-01-05"), S("yyyy")}, "STRING", "2020"},
    {"FORMAT_DATE", {DATE(NULL), S("yyyy")}, "STRING", "NULL"},
    {"FORMAT_TIME", {TIME("13:05:09"), S("h:mm a")}, "STRING", "1:05 PM"},
    {"FORMAT_TIMESTAMP", {STAMP("2020-07-01T12:00"), S("yyyy-MM-dd HH:mm:ssXXX")}, "STRING", "2020-07-01 12:00:00Z"},
    {"FORMAT_TIMESTAMP",
     {STAMP("2020-07-01T12:00"), S("yyyy-MM-dd HH:mm:ssXXX"), S("Europe/Vienna")},
     "STRING",
     "2020-07-01 14:00:00+02:00"},
    {"FORMAT_TIMESTAMP", {STAMP("2020-07-01T12:00"), S("yyyy-MM-dd HH:mm:ssXXX"), S("Nowhere")}, "STRING", "! "},
    {"FORMAT_TIMESTAMP",
     {STAMP("2020-07-01T12:00"), S("yyyy-MM-dd HH:mm:ssXXX"), S("Europe/Vienna")},
     "STRING",
     "2020-07-01 14:00:00+02:00"},
    {"PARSE_DATE", {S("01.02.2020"), S("dd.MM.yyyy")}, "DATE", "2020-02-01"},
    {"PARSE_DATE", {S("soon"), S("dd.MM.yyyy")}, "DATE", "! cannot read 'soon' with pattern 'dd.MM.yyyy'"},
    {"PARSE_TIME", {S("1:05 PM"), S("h:mm a")}, "TIME", "13:05"},
    {"PARSE_TIMESTAMP",
     {S("2020-07-01 14:00"), S("yyyy-MM-dd HH:mm"), S("Europe/Vienna")},
     "TIMESTAMP",
     "2020-07-01T12:00:00.000"},
    {"PARSE_TIMESTAMP",
     {S("2020-07-01 14:00+03"), S("yyyy-MM-dd HH:mmX"), S("Europe/Vienna")},
     "TIMESTAMP",
     "2020-07-01T11:00:00.000"},
    {"PARSE_TIMESTAMP", {S("2020-07-01"), S("yyyy-MM-dd")}, "TIMESTAMP", "2020-07-01T00:00:00.000"},
    {"PARSE_TIMESTAMP", {S("+999999999-07-01"), S("yyyy-MM-dd")}, "TIMESTAMP", "! "},
    {"STRINGTODATE", {S("2020-01-01"), S("yyyy-MM-dd")}, "INTEGER", "18262"},
    {"STRINGTOTIMESTAMP", {S("2020-01-01 00:00:00.5"), S("yyyy-MM-dd HH:mm:ss.S")}, "BIGINT", "1577836800500"},
    {"STRINGTOTIMESTAMP", {S("2020-01-01"), S("yyyy-MM-dd"), S("+01")}, "BIGINT", "1577833200000"},
    {"TIMESTAMPTOSTRING",
     {L("1577836800500"), S("yyyy-MM-dd''HH:mm:ss.SSS"), S("PST")},
     "STRING",
     "2019-12-31'16:00:00.500"},
    {"TIMESTAMPTOSTRING", {L("1577836800500"), S("yyyy-MM-dd'T'HH:mm:ss.SSS")}, "STRING", "2020-01-01T00:00:00.500"},
    {"TIMESTAMPTOSTRING", {L("9223372036854775807"), S("mm")}, "STRING", "12"},
};

static void test_time(void **state) {
    (void)state;
    CHECK(time_cases);
}

/* --- what changes, and the table itself
 * ------------------------------------------------------------------------------------------------------ */

static void test_changing(void **state) {
    (void)state;
    struct fixture fixture = {.zones.folder = TIME_ZONE_FOLDER};
    const struct type *type;
    const struct function *random = function_find(SLICE("random")), *uuid = function_find(SLICE("Uuid"));
    double first = 2, number;
    for (int i = 0; i < 100; i++) {
        assert_true(java_read_double(slice_of(called(&fixture, random, NULL, 0, &type)), &number));
        assert_true(number >= 0 && number < 1 && number != first);
        first = number;
    }
    const char *text = called(&fixture, uuid, NULL, 0, &type);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
    assert_string_not_equal(text, called(&fixture, uuid, NULL, 0, &type));
    assert_true(random->changing && uuid->changing);
    arena_release(&fixture.arena);
}

static void test_table(void **state) {
    (void)state;
    size_t count;
    const struct function *const *functions = functions_all(&count);
    assert_true(count > 120);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(functions[i - 1]->name, functions[i]->name) < 0);
        assert_ptr_equal(function_find(slice_of(functions[i]->name)), functions[i]);
        assert_true(functions[i]->variant_count && functions[i]->category && functions[i]->signature &&
                    functions[i]->description);
        assert_int_equal(strncmp(functions[i]->signature, functions[i]->name, strlen(functions[i]->name)), 0);
        for (size_t j = 0; j < functions[i]->variant_count; j++)
            assert_true(functions[i]->variants[j].call &&
                        !functions[i]->variants[j].result == !!functions[i]->variants[j].result_of);
    }
    assert_null(function_find(SLICE("AB")));
    assert_null(function_find(SLICE("ABSX")));
}

/* Every function is in the reference, once. */
static void test_reference(void **state) {
    (void)state;
    struct bytes page = {0};
    functions_markdown(&page);
    bytes_append_char(&page, '\0');
    assert_false(page.failed);
    size_t count;
    const struct function *const *functions = functions_all(&count);
    for (size_t i = 0; i < count; i++) {
        char row[200];
        snprintf(row, sizeof row, "| `%s` | ", functions[i]->signature);
        const char *first = strstr(page.data, row);
        if (!first || strstr(first + 1, row))
            fail_msg("%s is not in the reference once", functions[i]->name);
    }
    assert_non_null(strstr(page.data, "\n| `ABS(number)` | The absolute value. |\n"));
    assert_non_null(strstr(page.data, "\n## Aggregates\n"));
    assert_non_null(strstr(page.data, "| `SUM("));
    bytes_release(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric), cmocka_unit_test(test_null_handling),
        cmocka_unit_test(test_text),    cmocka_unit_test(test_regular_expressions),
        cmocka_unit_test(test_time),    cmocka_unit_test(test_changing),
        cmocka_unit_test(test_table),   cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The compiler of expressions: what each gives for four rows, the last of NULLs; how many rows fail; what is
 * refused, with the exact message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "sql/catalog/type_resolve.h"
#include "sql/expression/compile.h"
#include "sql/syntax/script.h"

/* --- four rows with a column of each type
 * ------------------------------------------------------------------------------------------ */

enum { ROWS = 4 };

static const struct {
    const char *name, *type, *values[ROWS];
} columns[] = {
    {"F", "BOOLEAN", {"TRUE", "FALSE", "TRUE", "NULL"}},
    {"G", "BOOLEAN", {"FALSE", "FALSE", "TRUE", "NULL"}},
    {"I", "INT", {"7", "0", "-3", "NULL"}},
    {"J", "INT", {"2", "0", "2147483647", "1"}},
    {"B", "BIGINT", {"5000000000", "1", "-1", "NULL"}},
    {"D", "DOUBLE", {"2.5E0", "-0.5E0", "1E20", "NULL"}},
    {"M", "DECIMAL(5, 2)", {"12.50", "-1.25", "3.00", "NULL"}},
    {"S", "STRING", {"'abc'", "''", "' 42 '", "NULL"}},
    {"T", "STRING", {"'2020-01-31'", "'10:15'", "'bad'", "NULL"}},
    {"E", "DATE", {"'2020-01-31'", "'1969-12-31'", "'2021-02-03'", "NULL"}},
    {"C", "TIME", {"'10:15'", "'00:00'", "'23:59:59.999'", "NULL"}},
    {"W", "TIMESTAMP", {"'2020-01-31T10:15:30.123'", "'1969-12-31T23:59:59.999'", "'2021-02-03'", "NULL"}},
    {"A", "ARRAY<INT>", {"ARRAY[1, 2, 3]", "ARRAY[CAST(NULL AS INT)]", "ARRAY[9]", "NULL"}},
    {"P",
     "MAP<STRING, BIGINT>",
     {"MAP('a' := 1, 'b' := 2)", "MAP('a' := CAST(NULL AS BIGINT))", "MAP('c' := 3)", "NULL"}},
    {"R",
     "STRUCT<X INT, Y STRUCT<Z STRING>>",
     {"STRUCT(X := 1, Y := STRUCT(Z := 'z'))", "STRUCT(X := 2, Y := NULL)", "STRUCT(X := NULL, Y := STRUCT(Z := 'w'))",
      "NULL"}},
    {"tick`s", "INT", {"1", "2", "3", "4"}},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

struct bench {
    struct arena arena;
    struct error error;
    struct scope scope;
    struct rows *rows;
    struct row_errors errors;
    struct evaluation evaluation;
    struct compile_settings settings;
    struct bytes text;
    char message[512];
};

static void bench_report(void *context, size_t row, const char *message) {
    struct bench *bench = context;
    snprintf(bench->message, sizeof bench->message, "row %zu: %s", row, message);
}

static struct expression *bench_parse(struct bench *bench, const char *text) {
    struct expression *tree;
    if (script_expression(slice_of(text), &bench->arena, &tree, &bench->error) < 0)
        fail_msg("%s: %s", text, bench->error.message);
    return tree;
}

static const struct type *bench_type(struct bench *bench, const char *text) {
    struct type_name *name;
    const struct type *type = NULL;
    if (script_type_name(slice_of(text), &bench->arena, &name, &bench->error) < 0 ||
        type_resolve(name, NULL, &bench->arena, &type, &bench->error) < 0)
        fail_msg("%s: %s", text, bench->error.message);
    return type;
}

static struct value bench_value(struct bench *bench, const struct type *type, const char *text) {
    const struct evaluator *evaluator;
    struct value value;
    struct scope none = {.forbidden = "in a value"};
    if (compile_assignment(bench_parse(bench, text), &none, NULL, &bench->settings, type, &bench->arena, &evaluator,
                           &bench->error) < 0)
        fail_msg("%s: %s", text, bench->error.message);
    assert_true(compile_is_constant(evaluator, &value));
    return value;
}

static void bench_open(struct bench *bench) {
    *bench = (struct bench){.settings.nested_errors_null = true};
    bench->errors = (struct row_errors){.report = bench_report, .context = bench, .messages_left = UINT_MAX};
    bench->evaluation = (struct evaluation){.arena = &bench->arena, .errors = &bench->errors, .clock = &clock_system};
    struct row_column schema_columns[COLUMNS];
    struct scope_column *scope_columns = arena_allocate(&bench->arena, (COLUMNS + 5) * sizeof *scope_columns);
    for (size_t i = 0; i < COLUMNS; i++) {
        schema_columns[i] = (struct row_column){slice_of(columns[i].name), bench_type(bench, columns[i].type)};
        scope_columns[i] = (struct scope_column){SLICE("SRC"), schema_columns[i].name, schema_columns[i].type, (int)i};
    }
    scope_columns[COLUMNS] = (struct scope_column){SLICE("SRC"), SLICE("ROWTIME"), &type_bigint, SCOPE_ROWTIME};
    scope_columns[COLUMNS + 1] =
        (struct scope_column){SLICE("SRC"), SLICE("WINDOWSTART"), &type_bigint, SCOPE_WINDOWSTART};
    scope_columns[COLUMNS + 2] = (struct scope_column){SLICE("SRC"), SLICE("WINDOWEND"), &type_bigint, SCOPE_WINDOWEND};
    scope_columns[COLUMNS + 3] =
        (struct scope_column){SLICE("SRC"), SLICE("ROWPARTITION"), &type_integer, SCOPE_ROWPARTITION};
    scope_columns[COLUMNS + 4] = (struct scope_column){SLICE("SRC"), SLICE("ROWOFFSET"), &type_bigint, SCOPE_ROWOFFSET};
    bench->scope = (struct scope){.columns = scope_columns, .column_count = COLUMNS + 5};
    bench->rows = rows_new(&bench->arena, &(struct row_schema){schema_columns, COLUMNS, 0, true}, ROWS);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            struct value value = bench_value(bench, schema_columns[i].type, columns[i].values[row]);
            vector_set(&bench->rows->columns[i], row, &value);
        }
        bench->rows->times[row] = 1514764800000 + (int64_t)row * 86400000;
        bench->rows->window_starts[row] = 60000 * (int64_t)row;
        bench->rows->window_ends[row] = 60000 * (int64_t)row + 60000;
        bench->rows->selected.rows[row] = (uint32_t)row;
    }
    bench->rows->selected.count = ROWS;
    bench->rows->partition = 3;
}

static void bench_close(struct bench *bench) {
    evaluation_scratch_free(bench->evaluation.scratch);
    bytes_release(&bench->text);
    arena_release(&bench->arena);
}

static const struct evaluator *bench_compile(struct bench *bench, const char *text) {
    const struct evaluator *evaluator;
    if (compile_expression(bench_parse(bench, text), &bench->scope, NULL, &bench->settings, &bench->arena, &evaluator,
                           &bench->error) < 0)
        fail_msg("%s: %s", text, bench->error.message);
    return evaluator;
}

/* "7|NULL|-3", a value for each selected row. */
static const char *bench_print(struct bench *bench, const struct vector *vector, const struct selection *selected) {
    bench->text.length = 0;
    for (size_t i = 0; i < selected->count; i++) {
        struct value value;
        vector_get(vector, selected->rows[i], &value);
        bytes_append_string(&bench->text, i ? "|" : "");
        if (value.null)
            bytes_append_string(&bench->text, "NULL");
        else
            value_print(&bench->text, vector->type, &value);
    }
    bytes_append_char(&bench->text, '\0');
    return bench->text.data;
}

static const char *bench_run_on(struct bench *bench, const struct evaluator *evaluator,
                                const struct selection *selected) {
    struct vector vector;
    bench->errors.count = 0;
    bench->message[0] = '\0';
    if (evaluator_run(evaluator, &bench->evaluation, bench->rows, selected, &vector, &bench->error) < 0)
        fail_msg("%s", bench->error.message);
    if (!type_equal(vector.type, evaluator->type))
        fail_msg("the vector is not of the evaluator's type");
    return bench_print(bench, &vector, selected);
}

static const char *bench_run(struct bench *bench, const char *text) {
    return bench_run_on(bench, bench_compile(bench, text), &bench->rows->selected);
}

/* --- tables
 * ------------------------------------------------------------------------------------------------------------------ */

struct result_case {
    const char *text, *type, *values;
    unsigned failed; /* rows that fail */
};

/* On all rows, on some of them, and with one more row that is not selected. */
static void check_results(const struct result_case *cases, size_t count) {
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < count; i++) {
        const struct evaluator *evaluator = bench_compile(&bench, cases[i].text);
        struct bytes type = {0};
        type_print(&type, evaluator->type);
        bytes_append_char(&type, '\0');
        if (strcmp(type.data, cases[i].type) != 0)
            fail_msg("%s: is %s, not %s", cases[i].text, type.data, cases[i].type);
        bytes_release(&type);
        const char *values = bench_run_on(&bench, evaluator, &bench.rows->selected);
        if (strcmp(values, cases[i].values) != 0)
            fail_msg("%s: gives %s, not %s", cases[i].text, values, cases[i].values);
        if (bench.errors.count != cases[i].failed)
            fail_msg("%s: %u rows fail, not %u: %s", cases[i].text, (unsigned)bench.errors.count, cases[i].failed,
                     bench.message);
        char each[4][512], expected[600], joined[2100];
        snprintf(expected, sizeof expected, "%s", cases[i].values);
        for (uint32_t row = 0; row < ROWS; row++)
            snprintf(each[row], sizeof each[row], "%s", bench_run_on(&bench, evaluator, &(struct selection){&row, 1}));
        snprintf(joined, sizeof joined, "%s|%s|%s|%s", each[0], each[1], each[2], each[3]);
        if (strcmp(joined, expected) != 0)
            fail_msg("%s: row by row it gives %s, not %s", cases[i].text, joined, expected);
    }
    bench_close(&bench);
}

#define CHECK_RESULTS(cases) check_results(cases, sizeof(cases) / sizeof *(cases))

struct refusal_case {
    const char *text, *message;
};

static void test_leaves(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"I", "INTEGER", "7|0|-3|NULL", 0},
        {"SRC.I", "INTEGER", "7|0|-3|NULL", 0},
        {"`tick``s`", "INTEGER", "1|2|3|4", 0},
        {"W", "TIMESTAMP", "2020-01-31T10:15:30.123|1969-12-31T23:59:59.999|2021-02-03T00:00:00.000|NULL", 0},
        {"A", "ARRAY<INTEGER>", "[1, 2, 3]|[null]|[9]|NULL", 0},
        {"R", "STRUCT<`X` INTEGER, `Y` STRUCT<`Z` STRING>>",
         "Struct{X=1,Y=Struct{Z=z}}|Struct{X=2}|Struct{Y=Struct{Z=w}}|NULL", 0},
        {"ROWTIME", "BIGINT", "1514764800000|1514851200000|1514937600000|1515024000000", 0},
        {"WINDOWSTART", "BIGINT", "0|60000|120000|180000", 0},
        {"WINDOWEND", "BIGINT", "60000|120000|180000|240000", 0},
        {"ROWPARTITION", "INTEGER", "3|3|3|3", 0},
        {"ROWOFFSET", "BIGINT", "NULL|NULL|NULL|NULL", 0},
        {"TRUE", "BOOLEAN", "true|true|true|true", 0},
        {"2147483647", "INTEGER", "2147483647|2147483647|2147483647|2147483647", 0},
        {"-2147483649", "BIGINT", "-2147483649|-2147483649|-2147483649|-2147483649", 0},
        {"1.5", "DECIMAL(2, 1)", "1.5|1.5|1.5|1.5", 0},
        {"-1.50", "DECIMAL(3, 2)", "-1.50|-1.50|-1.50|-1.50", 0},
        {"0.05", "DECIMAL(2, 2)", "0.05|0.05|0.05|0.05", 0},
        {"100.", "DECIMAL(3, 0)", "100|100|100|100", 0},
        {"0.", "DECIMAL(1, 0)", "0|0|0|0", 0},
        {"1.5E0", "DOUBLE", "1.5|1.5|1.5|1.5", 0},
        {"'it''s'", "STRING", "it's|it's|it's|it's", 0},
        {"CAST(NULL AS DATE)", "DATE", "NULL|NULL|NULL|NULL", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_arithmetic(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"I + J", "INTEGER", "9|0|2147483644|NULL", 1},
        {"I + 1", "INTEGER", "8|1|-2|NULL", 1},
        {"1 + I", "INTEGER", "8|1|-2|NULL", 1},
        {"J + 1", "INTEGER", "3|1|-2147483648|2", 0},
        {"J * 2", "INTEGER", "4|0|-2|2", 0},
        {"I - J", "INTEGER", "5|0|2147483646|NULL", 1},
        {"B * 4000000000", "BIGINT", "1553255926290448384|4000000000|-4000000000|NULL", 1},
        {"I + B", "BIGINT", "5000000007|1|-4|NULL", 1},
        {"I / J", "INTEGER", "3|NULL|0|NULL", 2},
        {"I % J", "INTEGER", "1|NULL|-3|NULL", 2},
        {"-7 / 2", "INTEGER", "-3|-3|-3|-3", 0},
        {"-7 % 2", "INTEGER", "-1|-1|-1|-1", 0},
        {"-2147483648 / -1", "INTEGER", "-2147483648|-2147483648|-2147483648|-2147483648", 0},
        {"-2147483648 % -1", "INTEGER", "0|0|0|0", 0},
        {"(-9223372036854775807 - 1) / -1", "BIGINT",
         "-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808", 0},
        {"-(-2147483648)", "INTEGER", "-2147483648|-2147483648|-2147483648|-2147483648", 0},
        {"-I", "INTEGER", "-7|0|3|NULL", 1},
        {"+I", "INTEGER", "7|0|-3|NULL", 0},
        {"-D", "DOUBLE", "-2.5|0.5|-1.0E20|NULL", 1},
        {"-M", "DECIMAL(5, 2)", "-12.50|1.25|-3.00|NULL", 1},
        {"D + I", "DOUBLE", "9.5|-0.5|1.0E20|NULL", 1},
        {"D / 0", "DOUBLE", "Infinity|-Infinity|Infinity|NULL", 1},
        {"D % 2", "DOUBLE", "0.5|-0.5|0.0|NULL", 1},
        {"M + D", "DOUBLE", "15.0|-1.75|1.0E20|NULL", 1},
        {"M + 1", "DECIMAL(13, 2)", "13.50|-0.25|4.00|NULL", 1},
        {"M + 1.5", "DECIMAL(6, 2)", "14.00|0.25|4.50|NULL", 1},
        {"M * M", "DECIMAL(11, 4)", "156.2500|1.5625|9.0000|NULL", 1},
        {"M / 3.0", "DECIMAL(10, 6)", "4.166667|-0.416667|1.000000|NULL", 1},
        {"M / J", "DECIMAL(16, 13)", "6.2500000000000|NULL|0.0000000013970|NULL", 2},
        {"M % 2.5", "DECIMAL(3, 2)", "0.00|-1.25|0.50|NULL", 1},
        {"J - 12345678901234567890123456789012345.25", "DECIMAL(38, 2)",
         "-12345678901234567890123456789012343.25|-12345678901234567890123456789012345.25|-"
         "12345678901234567890123454641528698.25|-12345678901234567890123456789012344.25",
         0},
        {"J + 99999999999999999999999999999999999999.", "DECIMAL(38, 0)",
         "NULL|99999999999999999999999999999999999999|NULL|NULL", 3},
        {"M * B", "DECIMAL(25, 2)", "62500000000.00|-1.25|-3.00|NULL", 1},
        {"1.5 + 2.25", "DECIMAL(4, 2)", "3.75|3.75|3.75|3.75", 0},
        {"S + T", "STRING", "abc2020-01-31|10:15| 42 bad|NULL", 1},
        {"S || T", "STRING", "abc2020-01-31|10:15| 42 bad|", 0},
        {"S || '-'", "STRING", "abc-|-| 42 -|-", 0},
        {"1 / 0", "INTEGER", "NULL|NULL|NULL|NULL", 4},
        {"1 / 0 + 1 / 0", "INTEGER", "NULL|NULL|NULL|NULL", 4},
        {"1 + 2 * 3", "INTEGER", "7|7|7|7", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_comparison(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"I = 7", "BOOLEAN", "true|false|false|false", 0},
        {"I <> 7", "BOOLEAN", "false|true|true|false", 0},
        {"NOT (I = 7)", "BOOLEAN", "false|true|true|true", 0},
        {"7 = I", "BOOLEAN", "true|false|false|false", 0},
        {"I < J", "BOOLEAN", "false|false|true|false", 0},
        {"I <= J", "BOOLEAN", "false|true|true|false", 0},
        {"B > I", "BOOLEAN", "true|true|true|false", 0},
        {"D >= 2.5", "BOOLEAN", "true|false|true|false", 0},
        {"D = 0.1", "BOOLEAN", "false|false|false|false", 0},
        {"0.1 = 0.1E0", "BOOLEAN", "true|true|true|true", 0},
        {"D < I", "BOOLEAN", "true|true|false|false", 0},
        {"M = 12.5", "BOOLEAN", "true|false|false|false", 0},
        {"M < D", "BOOLEAN", "false|true|true|false", 0},
        {"D > M", "BOOLEAN", "false|true|true|false", 0},
        {"M > I", "BOOLEAN", "true|false|true|false", 0},
        {"B = 5000000000.0", "BOOLEAN", "true|false|false|false", 0},
        {"D / 0 > M", "BOOLEAN", "NULL|NULL|NULL|NULL", 4},
        {"S = 'abc'", "BOOLEAN", "true|false|false|false", 0},
        {"S <> 'abc'", "BOOLEAN", "false|true|true|false", 0},
        {"'abc' = S", "BOOLEAN", "true|false|false|false", 0},
        {"S < T", "BOOLEAN", "false|true|true|false", 0},
        {"S >= ' '", "BOOLEAN", "true|false|true|false", 0},
        {"F = G", "BOOLEAN", "false|true|true|false", 0},
        {"F <> TRUE", "BOOLEAN", "false|true|false|false", 0},
        {"E = '2020-01-31'", "BOOLEAN", "true|false|false|false", 0},
        {"E < '2020-05'", "BOOLEAN", "true|true|false|false", 0},
        {"'10:15' = C", "BOOLEAN", "true|false|false|false", 0},
        {"W >= '2020'", "BOOLEAN", "true|false|true|false", 0},
        {"W > E", "BOOLEAN", "true|true|false|false", 0},
        {"E = T", "BOOLEAN", "true|NULL|NULL|false", 2},
        {"C = T", "BOOLEAN", "NULL|false|NULL|false", 2},
        {"A = ARRAY[1, 2, 3]", "BOOLEAN", "true|false|false|false", 0},
        {"P <> MAP('c' := 3)", "BOOLEAN", "true|true|false|false", 0},
        {"R->Y = STRUCT(Z := 'w')", "BOOLEAN", "false|false|true|false", 0},
        {"I IS DISTINCT FROM J", "BOOLEAN", "true|false|true|true", 0},
        {"I IS NOT DISTINCT FROM B", "BOOLEAN", "false|false|false|true", 0},
        {"S IS DISTINCT FROM 'abc'", "BOOLEAN", "false|true|true|true", 0},
        {"I IS DISTINCT FROM NULL", "BOOLEAN", "true|true|true|false", 0},
        {"I IS NULL", "BOOLEAN", "false|false|false|true", 0},
        {"I IS NOT NULL", "BOOLEAN", "true|true|true|false", 0},
        {"1 / I IS NULL", "BOOLEAN", "false|NULL|false|NULL", 2},
        {"ROWTIME >= '2018-01-02T00:00:00'", "BOOLEAN", "false|true|true|true", 0},
        {"'2018-01-02' = ROWTIME", "BOOLEAN", "false|true|false|false", 0},
        {"ROWTIME BETWEEN '2018-01-02' AND '2018-01-03'", "BOOLEAN", "false|true|true|false", 0},
        {"ROWTIME IN ('2018-01-02')", "BOOLEAN", "false|true|false|false", 0},
        {"WINDOWSTART < '1970-01-01T00:01:00'", "BOOLEAN", "true|false|false|false", 0},
        {"ROWTIME < '2018-01-02T01:00:00+0100'", "BOOLEAN", "true|false|false|false", 0},
        {"I BETWEEN -3 AND 0", "BOOLEAN", "false|true|true|false", 0},
        {"I NOT BETWEEN -3 AND 0", "BOOLEAN", "true|false|false|true", 0},
        {"I BETWEEN 0.5 AND 7.0", "BOOLEAN", "true|false|false|false", 0},
        {"I * 2 BETWEEN 0 AND J", "BOOLEAN", "false|true|false|NULL", 1},
        {"I BETWEEN 8 AND 1 / 0", "BOOLEAN", "false|false|false|false", 0},
        {"I BETWEEN 0 AND 1 / 0", "BOOLEAN", "NULL|NULL|false|false", 2},
        {"S BETWEEN 'a' AND 'b'", "BOOLEAN", "true|false|false|false", 0},
        {"E BETWEEN '2020' AND '2021-02-03'", "BOOLEAN", "true|false|true|false", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_in(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"I IN (7, -3)", "BOOLEAN", "true|false|true|false", 0},
        {"I NOT IN (7, -3)", "BOOLEAN", "false|true|false|true", 0},
        {"I IN (7, NULL)", "BOOLEAN", "true|false|false|false", 0},
        {"I NOT IN (7, NULL)", "BOOLEAN", "false|true|true|true", 0},
        {"7 IN (I, J)", "BOOLEAN", "true|false|false|false", 0},
        {"I IN (J, 0)", "BOOLEAN", "false|true|false|false", 0},
        {"I IN ('7', '-3')", "BOOLEAN", "true|false|true|false", 0},
        {"I IN (B, 10, '100', '3e2', '-3.0')", "BOOLEAN", "false|false|true|false", 0},
        {"I IN (7.0, 2.5)", "BOOLEAN", "true|false|false|false", 0},
        {"D IN (2.5, -0.5E0)", "BOOLEAN", "true|true|false|false", 0},
        {"0E0 IN (-0E0)", "BOOLEAN", "true|true|true|true", 0},
        {"S IN ('x', 'abc')", "BOOLEAN", "true|false|false|false", 0},
        {"S IN (1, 2.5)", "BOOLEAN", "false|false|false|false", 0},
        {"F IN ('yes')", "BOOLEAN", "true|false|true|false", 0},
        {"E IN ('2020-01-31', '2021-02-03')", "BOOLEAN", "true|false|true|false", 0},
        {"I IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 7)", "BOOLEAN", "true|false|false|false", 0},
        {"S IN ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '')", "BOOLEAN", "false|true|false|false", 0},
        {"M IN (12.5, 1, 2, 3, 4, 5, 6, 7, 8)", "BOOLEAN", "true|false|true|false", 0},
        {"A IN (ARRAY[9], ARRAY[1, 2, 3])", "BOOLEAN", "true|false|true|false", 0},
        {"I IN (7, 10 / J)", "BOOLEAN", "true|NULL|false|false", 1},
        {"J IN (I + 1)", "BOOLEAN", "false|false|false|NULL", 1},
    };
    CHECK_RESULTS(cases);
}

static void test_logic(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"F AND G", "BOOLEAN", "false|false|true|NULL", 1},
        {"F OR G", "BOOLEAN", "true|false|true|NULL", 1},
        {"NOT F", "BOOLEAN", "false|true|false|NULL", 1},
        {"I = 7 OR 1 / J = 0", "BOOLEAN", "true|NULL|true|false", 1},
        {"J <> 0 AND 10 / J > 1", "BOOLEAN", "true|false|false|true", 0},
        {"J = 0 AND 10 / J > 1", "BOOLEAN", "false|NULL|false|false", 1},
        {"10 / J > 1 AND J <> 0", "BOOLEAN", "true|NULL|false|true", 1},
        {"FALSE AND 1 / 0 = 1", "BOOLEAN", "false|false|false|false", 0},
        {"TRUE OR 1 / 0 = 1", "BOOLEAN", "true|true|true|true", 0},
        {"G OR F AND I = 7", "BOOLEAN", "true|false|true|NULL", 1},
        {"I = 7 AND F AND S = 'abc'", "BOOLEAN", "true|false|false|false", 0},
        {"I = 7 OR J = 0 OR B = -1 OR J = 1", "BOOLEAN", "true|true|true|true", 0},
        {"CASE WHEN I = 7 THEN 'a' WHEN I = 0 THEN 'b' ELSE 'c' END", "STRING", "a|b|c|c", 0},
        {"CASE WHEN I = 7 THEN 'a' WHEN I = 0 THEN 'b' END", "STRING", "a|b|NULL|NULL", 0},
        {"CASE I WHEN 7 THEN 'a' WHEN 0 THEN 'b' ELSE 'c' END", "STRING", "a|b|c|c", 0},
        {"CASE I + 1 WHEN 8 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END", "STRING", "a|b|c|NULL", 1},
        {"CASE WHEN F THEN 1 ELSE 0 END", "INTEGER", "1|0|1|NULL", 1},
        {"CASE WHEN J = 0 THEN 0 ELSE 10 / J END", "INTEGER", "5|0|0|10", 0},
        {"CASE WHEN 10 / J = 5 THEN 'a' ELSE 'b' END", "STRING", "a|NULL|b|b", 1},
        {"CASE WHEN I = 7 THEN 1 WHEN I = 0 THEN 2.5 ELSE 10000000000 END", "DECIMAL(20, 1)",
         "1.0|2.5|10000000000.0|10000000000.0", 0},
        {"CASE WHEN I = 7 THEN 1.5 ELSE 22.25 END", "DECIMAL(4, 2)", "1.50|22.25|22.25|22.25", 0},
        {"CASE WHEN I = 7 THEN 1.5 ELSE D END", "DOUBLE", "1.5|-0.5|1.0E20|NULL", 0},
        {"CASE WHEN I = 7 THEN NULL ELSE I END", "INTEGER", "NULL|0|-3|NULL", 0},
        {"CASE WHEN I = 7 THEN J WHEN I = 0 THEN NULL ELSE B END", "BIGINT", "2|NULL|-1|NULL", 0},
        {"CASE WHEN F THEN CASE WHEN I = 7 THEN 'a' ELSE 'b' END ELSE 'c' END", "STRING", "a|c|b|NULL", 1},
        {"CASE WHEN TRUE THEN 'x' END", "STRING", "x|x|x|x", 0},
        {"CASE S WHEN 'abc' THEN ARRAY[1] ELSE A END", "ARRAY<INTEGER>", "[1]|[null]|[9]|NULL", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_like(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"S LIKE 'a%'", "BOOLEAN", "true|false|false|NULL", 1},
        {"S NOT LIKE 'a%'", "BOOLEAN", "false|true|true|NULL", 1},
        {"S LIKE '%c'", "BOOLEAN", "true|false|false|NULL", 1},
        {"S LIKE '%b%'", "BOOLEAN", "true|false|false|NULL", 1},
        {"S LIKE 'abc'", "BOOLEAN", "true|false|false|NULL", 1},
        {"S LIKE '%'", "BOOLEAN", "true|true|true|NULL", 1},
        {"S LIKE '%%'", "BOOLEAN", "true|true|true|NULL", 1},
        {"S LIKE ''", "BOOLEAN", "false|true|false|NULL", 1},
        {"S LIKE 'a_c'", "BOOLEAN", "true|false|false|NULL", 1},
        {"S LIKE '_'", "BOOLEAN", "false|false|false|NULL", 1},
        {"S LIKE '%4%2%'", "BOOLEAN", "false|false|true|NULL", 1},
        {"S LIKE S || '%'", "BOOLEAN", "true|true|true|NULL", 1},
        {"'a%c' LIKE 'a!%c' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'abc' LIKE 'a!%c' ESCAPE '!'", "BOOLEAN", "false|false|false|false", 0},
        {"'a_c' LIKE 'a!_%' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'a!c' LIKE 'a!!c' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'a%c' LIKE 'a%%c' ESCAPE '%'", "BOOLEAN", "true|true|true|true", 0},
        {"'a_é' LIKE 'aé_é' ESCAPE 'é'", "BOOLEAN", "true|true|true|true", 0},
        {"'é' LIKE '_'", "BOOLEAN", "true|true|true|true", 0},
        {"'aéb' LIKE '%_b'", "BOOLEAN", "true|true|true|true", 0},
        {"'a\nb' LIKE 'a_b'", "BOOLEAN", "false|false|false|false", 0},
        {"'a\nb' LIKE 'a%b'", "BOOLEAN", "true|true|true|true", 0},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaab' LIKE '%a%a%a%a%a%a%c'", "BOOLEAN", "false|false|false|false", 0},
        {"'abcabc' LIKE 'a%bc'", "BOOLEAN", "true|true|true|true", 0},
        {"'abcab' LIKE '%abc'", "BOOLEAN", "false|false|false|false", 0},
        {"'abab' LIKE 'ab%ab%ab'", "BOOLEAN", "false|false|false|false", 0},
        {"'ab' LIKE 'ab%ab'", "BOOLEAN", "false|false|false|false", 0},
        {"'xaéyaébz' LIKE 'x%a_b%z'", "BOOLEAN", "true|true|true|true", 0},
        {"'xaéyaéb' LIKE 'x%a_b'", "BOOLEAN", "true|true|true|true", 0},
        {"'xaéyaébb' LIKE '%a_b'", "BOOLEAN", "false|false|false|false", 0},
        {"'é' LIKE '%__'", "BOOLEAN", "false|false|false|false", 0},
        {"'x' LIKE '%_%_%'", "BOOLEAN", "false|false|false|false", 0},
        {"'xy' LIKE '%_%_%'", "BOOLEAN", "true|true|true|true", 0},
        {"'a%b%c' LIKE '%!%b!%%' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'a%b' LIKE '%!%_' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'a!' LIKE '%!' ESCAPE '!'", "BOOLEAN", "true|true|true|true", 0},
        {"'x\nb' LIKE '%_b'", "BOOLEAN", "false|false|false|false", 0},
        /* in time that grows with the text, or refused */
        {"LPAD('a', 1000000, 'a') LIKE CONCAT('%', LPAD('a', 500000, 'a'), 'b%')", "BOOLEAN", "false|false|false|false",
         0},
        {"LPAD('a', 1000000, 'a') LIKE CONCAT('%', LPAD('a', 500000, 'a'), 'b_')", "BOOLEAN", "false|false|false|false",
         0},
        {"LPAD('a', 1000000, 'a') LIKE CONCAT('%', LPAD('a', 500000, 'a'), 'b_%')", "BOOLEAN", "NULL|NULL|NULL|NULL",
         4},
        {"LPAD('a', 1000000, 'a') NOT LIKE '%aaaaaaa_b%'", "BOOLEAN", "true|true|true|true", 0},
        {"LPAD('a', 1000000, 'a') LIKE '%a%a_a%aa_a%'", "BOOLEAN", "true|true|true|true", 0},
        {"ARRAY_LENGTH(REGEXP_EXTRACT_ALL('[a-z]', LPAD('', 200000, 'ab')))", "INTEGER", "200000|200000|200000|200000",
         0},
    };
    CHECK_RESULTS(cases);
}

static void test_cast(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"CAST(S AS INT)", "INTEGER", "NULL|NULL|42|NULL", 2},
        {"CAST(S AS INT) IS NULL", "BOOLEAN", "true|true|false|true", 2},
        {"CAST(S AS INT) + 1", "INTEGER", "NULL|NULL|43|NULL", 3},
        {"NOT (CAST(S AS INT) = 42)", "BOOLEAN", "true|true|false|true", 2},
        {"CASE WHEN CAST(S AS INT) = 42 THEN 'a' ELSE 'b' END", "STRING", "b|b|a|b", 2},
        {"CAST(CAST(S AS INT) AS BIGINT)", "BIGINT", "NULL|NULL|42|NULL", 2},
        {"CAST(S AS DOUBLE)", "DOUBLE", "NULL|NULL|42.0|NULL", 2},
        {"CAST(S AS DECIMAL(4, 1))", "DECIMAL(4, 1)", "NULL|NULL|42.0|NULL", 2},
        {"CAST(S AS BOOLEAN)", "BOOLEAN", "false|false|false|NULL", 0},
        {"CAST('Ye' AS BOOLEAN)", "BOOLEAN", "true|true|true|true", 0},
        {"CAST('yess' AS BOOLEAN)", "BOOLEAN", "false|false|false|false", 0},
        {"CAST(1 / I AS STRING) IS NULL", "BOOLEAN", "false|true|false|true", 2},
        {"CAST(D AS INT)", "INTEGER", "2|0|2147483647|NULL", 0},
        {"CAST(D AS BIGINT)", "BIGINT", "2|0|9223372036854775807|NULL", 0},
        {"CAST(D AS STRING)", "STRING", "2.5|-0.5|1.0E20|NULL", 0},
        {"CAST(D AS DECIMAL(3, 0))", "DECIMAL(3, 0)", "3|-1|NULL|NULL", 1},
        {"CAST(B AS INT)", "INTEGER", "705032704|1|-1|NULL", 0},
        {"CAST(2147483648 AS INT)", "INTEGER", "-2147483648|-2147483648|-2147483648|-2147483648", 0},
        {"CAST(I AS BIGINT)", "BIGINT", "7|0|-3|NULL", 0},
        {"CAST(I AS DOUBLE)", "DOUBLE", "7.0|0.0|-3.0|NULL", 0},
        {"CAST(I AS STRING)", "STRING", "7|0|-3|NULL", 0},
        {"CAST(I AS DECIMAL(2, 1))", "DECIMAL(2, 1)", "7.0|0.0|-3.0|NULL", 0},
        {"CAST(I AS DECIMAL(1, 1))", "DECIMAL(1, 1)", "NULL|0.0|NULL|NULL", 2},
        {"CAST(M AS INT)", "INTEGER", "12|-1|3|NULL", 0},
        {"CAST(M AS BIGINT)", "BIGINT", "12|-1|3|NULL", 0},
        {"CAST(12345678901234567890.5 AS INT)", "INTEGER", "-350287150|-350287150|-350287150|-350287150", 0},
        {"CAST(M AS DOUBLE)", "DOUBLE", "12.5|-1.25|3.0|NULL", 0},
        {"CAST(M AS STRING)", "STRING", "12.50|-1.25|3.00|NULL", 0},
        {"CAST(M AS DECIMAL(3, 1))", "DECIMAL(3, 1)", "12.5|-1.3|3.0|NULL", 0},
        {"CAST(F AS STRING)", "STRING", "true|false|true|NULL", 0},
        {"CAST(T AS DATE)", "DATE", "2020-01-31|NULL|NULL|NULL", 2},
        {"CAST('2020-05' AS DATE)", "DATE", "2020-05-01|2020-05-01|2020-05-01|2020-05-01", 0},
        {"CAST(T AS TIME)", "TIME", "NULL|10:15|NULL|NULL", 2},
        {"CAST(T AS TIMESTAMP)", "TIMESTAMP", "2020-01-31T00:00:00.000|NULL|NULL|NULL", 2},
        {"CAST(W AS DATE)", "DATE", "2020-01-31|1969-12-31|2021-02-03|NULL", 0},
        {"CAST(W AS TIME)", "TIME", "10:15:30.123|23:59:59.999|00:00|NULL", 0},
        {"CAST(E AS TIMESTAMP)", "TIMESTAMP",
         "2020-01-31T00:00:00.000|1969-12-31T00:00:00.000|2021-02-03T00:00:00.000|NULL", 0},
        {"CAST(W AS STRING)", "STRING", "2020-01-31T10:15:30.123|1969-12-31T23:59:59.999|2021-02-03T00:00:00.000|NULL",
         0},
        {"CAST(E AS STRING)", "STRING", "2020-01-31|1969-12-31|2021-02-03|NULL", 0},
        {"CAST(A AS ARRAY<STRING>)", "ARRAY<STRING>", "[1, 2, 3]|[null]|[9]|NULL", 0},
        {"CAST(A AS ARRAY<DECIMAL(1, 1)>)", "ARRAY<DECIMAL(1, 1)>", "NULL|[null]|NULL|NULL", 2},
        {"CAST(P AS MAP<STRING, DOUBLE>)", "MAP<STRING, DOUBLE>", "{a=1.0, b=2.0}|{a=null}|{c=3.0}|NULL", 0},
        {"CAST(R AS STRUCT<Y STRUCT<Z STRING>, X DOUBLE>)", "STRUCT<`Y` STRUCT<`Z` STRING>, `X` DOUBLE>",
         "Struct{Y=Struct{Z=z},X=1.0}|Struct{X=2.0}|Struct{Y=Struct{Z=w}}|NULL", 0},
        {"CAST(A AS STRING)", "STRING", "[1, 2, 3]|[null]|[9]|NULL", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_collections(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"MAP(S := 1, 'abc' := I, 'b' := 3, 'b' := J)", "MAP<STRING, INTEGER>",
         "{abc=7, b=2}|{=1, abc=0, b=0}|{ 42 =1, abc=-3, b=2147483647}|{null=1, abc=null, b=1}", 0},
        {"ARRAY[I, J]", "ARRAY<INTEGER>", "[7, 2]|[0, 0]|[-3, 2147483647]|[null, 1]", 0},
        {"ARRAY[I, B, NULL]", "ARRAY<BIGINT>", "[7, 5000000000, null]|[0, 1, null]|[-3, -1, null]|[null, null, null]",
         0},
        {"ARRAY[1, '25', 2.5]", "ARRAY<DECIMAL(11, 1)>",
         "[1.0, 25.0, 2.5]|[1.0, 25.0, 2.5]|[1.0, 25.0, 2.5]|[1.0, 25.0, 2.5]", 0},
        {"ARRAY['a', 5, TRUE]", "ARRAY<STRING>", "[a, 5, true]|[a, 5, true]|[a, 5, true]|[a, 5, true]", 0},
        {"ARRAY[I / J]", "ARRAY<INTEGER>", "[3]|[null]|[0]|[null]", 2},
        {"A[1]", "INTEGER", "1|NULL|9|NULL", 0},
        {"A[-1]", "INTEGER", "3|NULL|9|NULL", 0},
        {"A[-3]", "INTEGER", "1|NULL|NULL|NULL", 0},
        {"A[0]", "INTEGER", "NULL|NULL|NULL|NULL", 0},
        {"A[4]", "INTEGER", "NULL|NULL|NULL|NULL", 0},
        {"A[J]", "INTEGER", "2|NULL|NULL|NULL", 0},
        {"A[B]", "INTEGER", "NULL|NULL|9|NULL", 0},
        {"A[I]", "INTEGER", "NULL|NULL|NULL|NULL", 0},
        {"A[1] + 1", "INTEGER", "2|NULL|10|NULL", 2},
        {"P['a']", "BIGINT", "1|NULL|NULL|NULL", 0},
        {"P['c']", "BIGINT", "NULL|NULL|3|NULL", 0},
        {"MAP('a' := I, S := 2)", "MAP<STRING, INTEGER>", "{a=7, abc=2}|{a=0, =2}|{a=-3,  42 =2}|{a=null, null=2}", 0},
        {"MAP('a' := 1, 'a' := 2)['a']", "INTEGER", "2|2|2|2", 0},
        {"MAP(1 := 'x')[1]", "STRING", "x|x|x|x", 0},
        {"STRUCT(A := I, `b` := S)", "STRUCT<`A` INTEGER, `b` STRING>",
         "Struct{A=7,b=abc}|Struct{A=0,b=}|Struct{A=-3,b= 42 }|Struct{}", 0},
        {"STRUCT(A := I)->A", "INTEGER", "7|0|-3|NULL", 0},
        {"R->X", "INTEGER", "1|2|NULL|NULL", 0},
        {"R->Y->Z", "STRING", "z|NULL|w|NULL", 0},
        {"R->Y->Z || '!'", "STRING", "z!|!|w!|!", 0},
        {"ARRAY[ARRAY[1], ARRAY[2, 3]][2][1]", "INTEGER", "2|2|2|2", 0},
    };
    CHECK_RESULTS(cases);
}

static void test_calls(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"ABS(I)", "INTEGER", "7|0|3|NULL", 0},
        {"ABS(-1.5)", "DECIMAL(2, 1)", "1.5|1.5|1.5|1.5", 0},
        {"UCASE(S)", "STRING", "ABC|| 42 |NULL", 0},
        {"ucase('a') || 'b'", "STRING", "Ab|Ab|Ab|Ab", 0},
        {"COALESCE(I, J)", "INTEGER", "7|0|-3|1", 0},
        {"COALESCE(I, B, 5)", "BIGINT", "7|0|-3|5", 0},
        {"COALESCE(NULL, I)", "INTEGER", "7|0|-3|NULL", 0},
        {"COALESCE(10 / J, -1)", "INTEGER", "5|-1|0|10", 1},
        {"COALESCE(I + J, -1)", "INTEGER", "9|0|2147483644|-1", 1},
        {"COALESCE(CAST(S AS INT), -1)", "INTEGER", "-1|-1|42|-1", 2},
        {"CASE WHEN COALESCE(1 / I, 5) = 5 THEN 'e' ELSE 'n' END", "STRING", "n|e|n|e", 2},
        {"SUBSTRING(S, 2)", "STRING", "bc||42 |NULL", 0},
        {"LEN(UUID())", "INTEGER", "36|36|36|36", 0},
        {"UUID() = UUID()", "BOOLEAN", "false|false|false|false", 0},
        {"DATEADD(DAYS, I, E)", "DATE", "2020-02-07|1969-12-31|2021-01-31|NULL", 0},
        {"REGEXP_EXTRACT('b(.)', S, 1)", "STRING", "c|NULL|NULL|NULL", 0},
        {"FORMAT_TIMESTAMP(W, 'yyyy-MM-dd HH', 'Europe/Vienna')", "STRING",
         "2020-01-31 11|1970-01-01 00|2021-02-03 01|NULL", 0},
        {"LN(D)", "DOUBLE", "0.9162907318741551|NaN|46.051701859880914|NULL", 0},
    };
    CHECK_RESULTS(cases);
}

/* Rows with the arguments of the row before them; what fails, fails again. */
static void test_calls_with_the_same_arguments(void **state) {
    (void)state;
    static const struct {
        const char *text, *values;
        unsigned failed;
    } cases[] = {
        {"ABS(I)", "7|7|NULL|NULL", 0},
        {"COALESCE(I, B)", "7|7|5|5", 0},
        {"CONCAT(T, 'x')", "badx|badx|2020-01-31x|2020-01-31x", 0},
        {"PARSE_DATE(T, 'yyyy-MM-dd')", "NULL|NULL|2020-01-31|2020-01-31", 2},
        {"FORMAT_TIMESTAMP(FROM_UNIXTIME(B), 'ss.SSS')", "00.005|00.005|00.005|00.005", 0},
    };
    struct bench bench;
    bench_open(&bench);
    const struct value seven = value_of_integer(7), five = value_of_integer(5), bad = value_of_text(SLICE("bad")),
                       date = value_of_text(SLICE("2020-01-31"));
    for (size_t row = 0; row < ROWS; row++) {
        vector_set(&bench.rows->columns[2], row, row < 2 ? &seven : &VALUE_NULL);
        vector_set(&bench.rows->columns[4], row, &five);
        vector_set(&bench.rows->columns[8], row, row < 2 ? &bad : &date);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(bench_run(&bench, cases[i].text), cases[i].values);
        assert_int_equal(bench.errors.count, cases[i].failed);
    }
    bench_close(&bench);
}

/* What the expression gives when its rows were brought about by records `origins` of a batch that begins at `offset`;
 * in the memory of the bench. */
static const char *run_on_records(struct bench *bench, const struct evaluator *evaluator, const char *topic,
                                  int64_t offset, int64_t append_time, const uint32_t *origins) {
    struct bus_record records[ROWS];
    struct bus_batch batch = {topic, 3, offset, append_time, records, ROWS};
    for (size_t i = 0; i < ROWS; i++) {
        records[i] = (struct bus_record){.timestamp = (offset + (int64_t)i) * 86400000};
        bench->rows->origins[i] = origins[i];
    }
    bench->evaluation.records = &batch;
    const char *text = bench_run_on(bench, evaluator, &bench->rows->selected);
    bench->evaluation.records = NULL;
    return arena_copy(&bench->arena, slice_of(text)).data;
}

/* The clock is that of the log, and chance a function of the record's place in it: the same in another batch, after a
 * restart, for another worker. */
static void test_clock_and_chance(void **state) {
    (void)state;
    static const uint32_t apart[] = {0, 1, 2, 3}, shared[] = {0, 0, 1, 1};
    static const char *const chances[] = {"RANDOM()", "UUID()", "TRANSFORM(ARRAY[1, 2], X => RANDOM())",
                                          "RANDOM() + RANDOM()"};
    struct bench bench;
    bench_open(&bench);
    const struct evaluator *now = bench_compile(&bench, "UNIX_TIMESTAMP()"),
                           *today = bench_compile(&bench, "UNIX_DATE()");
    assert_string_equal(run_on_records(&bench, now, "t", 10, 86400001, apart), "86400001|86400001|86400001|86400001");
    assert_string_equal(run_on_records(&bench, today, "t", 10, 86400001, apart), "1|1|1|1");
    assert_string_equal(run_on_records(&bench, today, "t", 10, 0, apart), "10|11|12|13");
    assert_string_equal(
        run_on_records(&bench, bench_compile(&bench, "TRANSFORM(ARRAY[1], X => UNIX_DATE())"), "t", 10, 0, shared),
        "[10]|[10]|[11]|[11]");
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        const struct evaluator *evaluator = bench_compile(&bench, chances[i]);
        const char *first = run_on_records(&bench, evaluator, "t", 10, 1, apart),
                   *later = run_on_records(&bench, evaluator, "t", 12, 2, apart),
                   *twice = run_on_records(&bench, evaluator, "t", 10, 1, shared);
        assert_string_equal(run_on_records(&bench, bench_compile(&bench, chances[i]), "t", 10, 3, apart), first);
        assert_string_not_equal(run_on_records(&bench, evaluator, "u", 10, 1, apart), first);
        const char *third = strchr(strchr(first, '|') + 1, '|') + 1; /* offsets 12 and 13 in both batches */
        assert_memory_equal(later, third, strlen(third));
        size_t length = strcspn(first, "|");
        assert_memory_equal(twice, first, length);
        assert_memory_not_equal(twice + length + 1, first, length); /* the second row of one record */
    }
    bench_close(&bench);
}

/* Places of chance are numbered over all expressions of a statement. */
static void test_places_of_chance(void **state) {
    (void)state;
    static const uint32_t apart[] = {0, 1, 2, 3};
    struct bench bench;
    struct compile_notes notes = {0};
    bench_open(&bench);
    bench.settings.notes = &notes;
    const struct evaluator *left = bench_compile(&bench, "RANDOM()"), *right = bench_compile(&bench, "RANDOM()");
    const char *first = run_on_records(&bench, left, "t", 0, 0, apart);
    assert_string_not_equal(run_on_records(&bench, right, "t", 0, 0, apart), first);
    assert_string_equal(run_on_records(&bench, bench_compile(&bench, "RANDOM() = RANDOM()"), "t", 0, 0, apart),
                        "false|false|false|false");
    assert_int_equal(notes.places, 4);
    notes.places = 0;
    assert_string_equal(run_on_records(&bench, bench_compile(&bench, "RANDOM()"), "t", 0, 0, apart), first);
    bench_close(&bench);
}

static void test_lambdas(void **state) {
    (void)state;
    static const struct result_case cases[] = {
        {"TRANSFORM(A, x => x * 2)", "ARRAY<INTEGER>", "[2, 4, 6]|NULL|[18]|NULL", 1},
        {"TRANSFORM(A, x => COALESCE(x * 2, 0))", "ARRAY<INTEGER>", "[2, 4, 6]|[0]|[18]|NULL", 1},
        {"TRANSFORM(A, X => X + I)", "ARRAY<INTEGER>", "[8, 9, 10]|NULL|[6]|NULL", 1},
        {"TRANSFORM(A, x => S)", "ARRAY<STRING>", "[abc, abc, abc]|[]|[ 42 ]|NULL", 0},
        {"TRANSFORM(P, (k, v) => UCASE(k), (k, v) => v + 1)", "MAP<STRING, BIGINT>", "{A=2, B=3}|NULL|{C=4}|NULL", 1},
        {"FILTER(A, x => x > 1)", "ARRAY<INTEGER>", "[2, 3]|[]|[9]|NULL", 0},
        {"FILTER(P, (k, v) => v BETWEEN 2 AND ROWTIME)", "MAP<STRING, BIGINT>", "{b=2}|{}|{c=3}|NULL", 0},
        {"REDUCE(A, 0, (s, x) => s + x)", "INTEGER", "6|NULL|9|0", 1},
        {"REDUCE(A, I, (s, x) => CASE x WHEN 2 THEN s * 10 ELSE s END)", "INTEGER", "70|0|-3|NULL", 0},
        {"TRANSFORM(ARRAY[ARRAY[1], ARRAY[2, 3]], a => TRANSFORM(a, x => x + J))", "ARRAY<ARRAY<INTEGER>>",
         "[[3], [4, 5]]|[[1], [2, 3]]|[[-2147483648], [-2147483647, -2147483646]]|[[2], [3, 4]]", 0},
        {"CASE I + 1 WHEN 8 THEN TRANSFORM(A, x => x + CASE I + 1 WHEN 8 THEN 1 ELSE 2 END) END", "ARRAY<INTEGER>",
         "[2, 3, 4]|NULL|NULL|NULL", 1},
        {"TRANSFORM(A, x => 10 / x)", "ARRAY<INTEGER>", "[10, 5, 3]|NULL|[1]|NULL", 1},
        {"ARRAY_LENGTH(TRANSFORM(A, x => 10 / x))", "INTEGER", "3|NULL|1|NULL", 1},
        {"LEN(REDUCE(GENERATE_SERIES(1, 20), 'x', (t, x) => t + t))", "INTEGER", "1048576|1048576|1048576|1048576", 0},
        {"REDUCE(GENERATE_SERIES(1, 40), 'x', (t, x) => t + t)", "STRING", "NULL|NULL|NULL|NULL", 4},
        {"REDUCE(GENERATE_SERIES(1, 10000), '', (t, x) => t || '0123456789abcdef')", "STRING", "NULL|NULL|NULL|NULL",
         4},
    };
    CHECK_RESULTS(cases);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct refusal_case cases[] = {
        {"NULL", "line 1, column 1: the type of NULL is not known here: write CAST(NULL AS type)"},
        {"ARRAY[NULL]", "line 1, column 1: the type of NULL is not known here: write CAST(NULL AS type)"},
        {"I = NULL", "line 1, column 3: a comparison with NULL is never true: write IS NULL or IS NOT NULL"},
        {"NULL <> I", "line 1, column 6: a comparison with NULL is never true: write IS NULL or IS NOT NULL"},
        {"I BETWEEN NULL AND 3",
         "line 1, column 3: a comparison with NULL is never true: write IS NULL or IS NOT NULL"},
        {"I = 'x'", "line 1, column 3: operator = cannot be used to compare INTEGER and STRING"},
        {"I = '7'", "line 1, column 3: operator = cannot be used to compare INTEGER and STRING"},
        {"S > F", "line 1, column 3: operator > cannot be used to compare STRING and BOOLEAN"},
        {"F < G", "line 1, column 3: operator < cannot be used to compare BOOLEAN and BOOLEAN"},
        {"A < A", "line 1, column 3: operator < cannot be used to compare ARRAY<INTEGER> and ARRAY<INTEGER>"},
        {"C = W", "line 1, column 3: operator = cannot be used to compare TIME and TIMESTAMP"},
        {"B = E", "line 1, column 3: operator = cannot be used to compare BIGINT and DATE"},
        {"B > '2018-01-01'", "line 1, column 3: operator > cannot be used to compare BIGINT and STRING"},
        {"ROWTIME > 'soon'", "line 1, column 11: 'soon' is no TIMESTAMP"},
        {"E = 'soon'", "line 1, column 5: 'soon' is no DATE"},
        {"S BETWEEN 1 AND 2", "line 1, column 3: operator >= cannot be used to compare STRING and INTEGER"},
        {"I IN (1, S)", "line 1, column 3: IN needs values of one type: INTEGER and STRING have none in common"},
        {"I IN (1, 'x')", "line 1, column 3: IN needs values of one type: INTEGER and STRING have none in common"},
        {"E IN ('soon')", "line 1, column 7: 'soon' is no DATE"},
        {"I + F", "line 1, column 3: operator + cannot be used with INTEGER and BOOLEAN"},
        {"S - T", "line 1, column 3: operator - cannot be used with STRING and STRING"},
        {"S * 2", "line 1, column 3: operator * cannot be used with STRING and INTEGER"},
        {"S + 2", "line 1, column 3: operator + cannot be used with STRING and INTEGER"},
        {"I || J", "line 1, column 3: operator || cannot be used with INTEGER and INTEGER"},
        {"I + NULL", "line 1, column 3: operator + cannot be used with INTEGER and NULL"},
        {"E + 1", "line 1, column 3: operator + cannot be used with DATE and INTEGER"},
        {"-S", "line 1, column 1: operator - cannot be used with STRING"},
        {"F AND I", "line 1, column 7: an operand of AND must be BOOLEAN, and is INTEGER"},
        {"F OR NULL", "line 1, column 6: an operand of OR must be BOOLEAN, and is NULL"},
        {"NOT 'x'", "line 1, column 5: the operand of NOT must be BOOLEAN, and is STRING"},
        {"S LIKE 5", "line 1, column 3: LIKE needs STRING and STRING, and has STRING and INTEGER"},
        {"CASE WHEN I THEN 1 END", "line 1, column 11: the condition of WHEN must be BOOLEAN, and is INTEGER"},
        {"CASE WHEN F THEN 'x' ELSE 1 END",
         "line 1, column 27: the results of CASE must be of one type: STRING and INTEGER have none in common"},
        {"CASE WHEN F THEN NULL END", "line 1, column 1: every result of CASE is NULL: its type is not known"},
        {"CASE I WHEN 'x' THEN 1 END", "line 1, column 13: operator = cannot be used to compare INTEGER and STRING"},
        {"CAST(F AS INT)", "line 1, column 1: Cast of BOOLEAN to INTEGER is not supported"},
        {"CAST(B AS TIMESTAMP)", "line 1, column 1: Cast of BIGINT to TIMESTAMP is not supported"},
        {"CAST(I AS INTEGR)", "line 1, column 11: there is no type INTEGR; did you mean INTEGER?"},
        {"VOLTAGE", "line 1, column 1: there is no column VOLTAGE"},
        {"ROWTIMES", "line 1, column 1: there is no column ROWTIMES; did you mean ROWTIME?"},
        {"X.I", "line 1, column 1: there is no source X here"},
        {"SRC.ROWTIM", "line 1, column 1: there is no column ROWTIM; did you mean ROWTIME?"},
        {"I[1]", "line 1, column 2: only an ARRAY or a MAP has elements to be taken by [..], and this is INTEGER"},
        {"A['x']", "line 1, column 3: an element of an ARRAY is taken by INTEGER, not by STRING"},
        {"P[1]", "line 1, column 3: an element of this MAP is taken by STRING, not by INTEGER"},
        {"I->X", "line 1, column 2: only a STRUCT has fields to be taken by ->, and this is INTEGER"},
        {"R->WHAT", "line 1, column 2: there is no field WHAT in STRUCT<`X` INTEGER, `Y` STRUCT<`Z` STRING>>"},
        {"STRUCT(A := 1, A := 2)", "line 1, column 16: field A is there twice"},
        {"ARRAY[1, F]", "line 1, column 1: ARRAY needs values of one type: INTEGER and BOOLEAN have none in common"},
        {"MAP(1 := 1, S := 2)",
         "line 1, column 1: MAP needs values of one type: INTEGER and STRING have none in common"},
        {"UCAS(S)", "line 1, column 1: there is no function UCAS; did you mean UCASE?"},
        {"SUM(I)", "line 1, column 1: SUM is an aggregate function: it can only stand in the SELECT list or HAVING of "
                   "a query with GROUP BY, and not inside another one"},
        {"UCASE(5)", "line 1, column 1: UCASE does not take (INTEGER); it is UCASE(text)"},
        {"DATEADD(MONTHS, 1, E)",
         "line 1, column 9: MONTHS is no unit of time; use DAYS, HOURS, MINUTES, SECONDS or MILLISECONDS"},
        {"TRANSFORM(A, (x, y) => x)", "line 1, column 14: the lambda must have 1 parameter, and has 2"},
        {"TRANSFORM(A, x => x || 'a')", "line 1, column 21: operator || cannot be used with INTEGER and STRING"},
        {"TRANSFORM(I, x => x)", "line 1, column 1: TRANSFORM does not take (INTEGER, LAMBDA); it is TRANSFORM(array, "
                                 "x => value), TRANSFORM(map, (k, v) => key, (k, v) => value)"},
        {"FILTER(A, x => x)", "line 1, column 1: FILTER: the lambda of FILTER must give a BOOLEAN"},
        {"UCASE(x => x)", "line 1, column 1: UCASE does not take (LAMBDA); it is UCASE(text)"},
        {"TRANSFORM(A, x => nowhere)", "line 1, column 19: there is no column NOWHERE"},
        {"UCASE(*)", "line 1, column 1: UCASE(*): only COUNT takes a star"},
        {"12345678901234567890123456789012345678.9",
         "line 1, column 1: a DECIMAL has at most 38 digits; write the number with an exponent to make it a DOUBLE"},
    };
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct evaluator *evaluator;
        int status = compile_expression(bench_parse(&bench, cases[i].text), &bench.scope, NULL, &bench.settings,
                                        &bench.arena, &evaluator, &bench.error);
        if (status != ERROR_INVALID)
            fail_msg("%s: is not refused", cases[i].text);
        if (strcmp(bench.error.message, cases[i].message) != 0)
            fail_msg("%s:\n    says      %s\n    should be %s", cases[i].text, bench.error.message, cases[i].message);
    }
    bench_close(&bench);
}

/* --- other doors
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_conditions(void **state) {
    (void)state;
    struct bench bench;
    const struct evaluator *evaluator;
    bench_open(&bench);
    assert_int_equal(compile_condition(bench_parse(&bench, "1 / J = 0 OR I = 7"), &bench.scope, NULL, &bench.settings,
                                       &bench.arena, &evaluator, &bench.error),
                     0);
    assert_string_equal(bench_run_on(&bench, evaluator, &bench.rows->selected), "true|NULL|true|false");
    assert_string_equal(bench.message, "row 1: division by zero");
    assert_int_equal(compile_condition(bench_parse(&bench, "I"), &bench.scope, NULL, &bench.settings, &bench.arena,
                                       &evaluator, &bench.error),
                     ERROR_INVALID);
    assert_string_equal(bench.error.message, "line 1, column 1: a condition must be BOOLEAN, and is INTEGER");
    assert_int_equal(compile_condition(bench_parse(&bench, "NULL"), &bench.scope, NULL, &bench.settings, &bench.arena,
                                       &evaluator, &bench.error),
                     ERROR_INVALID);
    bench_close(&bench);
}

static void test_messages(void **state) {
    (void)state;
    static const struct {
        const char *text, *message; /* of the first row that fails, with only one reported */
    } cases[] = {
        {"10 / J", "row 1: division by zero"},
        {"I + J", "row 3: an operand of + is NULL"},
        {"F AND G", "row 3: an operand of AND is NULL"},
        {"CAST(S AS INT)", "row 0: CAST: abc (STRING) is no INTEGER"},
        {"CAST(D AS DECIMAL(2, 1))", "row 2: CAST: 1.0E20 (DOUBLE) is no DECIMAL(2, 1)"},
        {"COALESCE(M, 12.5) * 99999999999999999999999999999999999.999",
         "row 0: the result of * does not fit DECIMAL(38, 5)"},
        {"MAP(I := 1)", "row 3: a key of MAP is NULL"},
        {"S LIKE 'x'", "row 3: an operand of LIKE is NULL"},
        {"LPAD('a', 1000000, 'a') LIKE CONCAT('%', LPAD('a', 500000, 'a'), 'b_%')",
         "row 0: LIKE takes too many steps: a pattern of 500004 bytes, a text of 1000000"},
        {"REGEXP_EXTRACT_ALL('(a|aa)+b|c', LPAD('', 250000, 'aaaaaaaaaaaaaaaaaaaaaaaac'))",
         "row 0: REGEXP_EXTRACT_ALL: matching '(a|aa)+b|c' failed: match limit exceeded"},
        {"REGEXP_REPLACE(LPAD('', 250000, 'aaaaaaaaaaaaaaaaaaaaaaaac'), '(a|aa)+b|c', 'x')",
         "row 0: REGEXP_REPLACE: matching '(a|aa)+b|c' failed: match limit exceeded"},
    };
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench.errors.messages_left = 1;
        bench_run(&bench, cases[i].text);
        assert_string_equal(bench.message, cases[i].message);
    }
    bench_close(&bench);
}

/* Rows without a value fail in silence; ksql.nested.error.set.null = false lets what fails inside fail the whole. */
static void test_absent_and_nested(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.rows->absent[3] = 1;
    assert_string_equal(bench_run(&bench, "I + 1"), "8|1|-2|NULL");
    assert_int_equal(bench.errors.count, 0);
    bench.settings.nested_errors_null = false;
    assert_string_equal(bench_run(&bench, "COALESCE(10 / J, -1)"), "5|NULL|0|10");
    assert_string_equal(bench_run(&bench, "CAST(S AS INT) IS NULL"), "NULL|NULL|false|true");
    bench_close(&bench);
}

static void test_assignments(void **state) {
    (void)state;
    static const struct {
        const char *text, *type, *values; /* NULL: refused */
    } cases[] = {
        {"1", "BIGINT", "1"},
        {"1", "DOUBLE", "1.0"},
        {"1", "DECIMAL(3, 1)", "1.0"},
        {"100", "DECIMAL(3, 1)", NULL},
        {"1.55", "DECIMAL(3, 1)", NULL},
        {"1.50", "DECIMAL(3, 1)", "1.5"},
        {"1.5", "DOUBLE", "1.5"},
        {"1.5", "INT", NULL},
        {"3000000000", "INT", NULL},
        {"'12'", "INT", "12"},
        {"'x'", "INT", NULL},
        {"5", "STRING", "5"},
        {"TRUE", "STRING", "true"},
        {"'yes'", "BOOLEAN", "true"},
        {"'maybe'", "BOOLEAN", NULL},
        {"'2020-02'", "DATE", "2020-02-01"},
        {"'x'", "TIMESTAMP", NULL},
        {"NULL", "ARRAY<INT>", "NULL"},
        {"ARRAY[1, NULL]", "ARRAY<DOUBLE>", "[1.0, null]"},
        {"STRUCT(B := 1)", "STRUCT<A STRING, B BIGINT>", "Struct{B=1}"},
        {"ARRAY[]", "ARRAY<INT>", "[]"},
        {"1 + 1", "STRING", NULL},
    };
    struct bench bench;
    struct scope none = {.forbidden = "in the values of INSERT INTO"};
    bench_open(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct evaluator *evaluator;
        const struct type *type = bench_type(&bench, cases[i].type);
        int status = compile_assignment(bench_parse(&bench, cases[i].text), &none, NULL, &bench.settings, type,
                                        &bench.arena, &evaluator, &bench.error);
        if ((status == 0) != (cases[i].values != NULL))
            fail_msg("%s as %s: %s", cases[i].text, cases[i].type, status ? bench.error.message : "is not refused");
        if (status < 0)
            continue;
        assert_true(type_equal(evaluator->type, type));
        assert_string_equal(bench_run_on(&bench, evaluator, &(struct selection){&(uint32_t){0}, 1}), cases[i].values);
    }
    const struct evaluator *evaluator;
    assert_int_equal(compile_assignment(bench_parse(&bench, "1 + ABS(I)"), &none, NULL, &bench.settings, &type_integer,
                                        &bench.arena, &evaluator, &bench.error),
                     ERROR_INVALID);
    assert_string_equal(bench.error.message, "line 1, column 9: column I cannot be used in the values of INSERT INTO");
    bench_close(&bench);
}

static void test_simple_evaluators(void **state) {
    (void)state;
    struct bench bench;
    struct value value = value_of_text(SLICE("k"));
    bench_open(&bench);
    assert_int_equal(compile_is_column(bench_compile(&bench, "I")), 2);
    assert_int_equal(compile_is_column(bench_compile(&bench, "ROWTIME")), SCOPE_ROWTIME);
    assert_int_equal(compile_is_column(bench_compile(&bench, "I + 1")), INT_MIN);
    assert_false(compile_is_constant(bench_compile(&bench, "I"), &value));
    assert_true(compile_is_constant(bench_compile(&bench, "1 + 2 * LEN('abc')"), &value));
    assert_int_equal(value.integer, 7);
    assert_false(compile_is_constant(bench_compile(&bench, "1 / 0"), &value));
    assert_false(compile_is_constant(bench_compile(&bench, "UUID()"), &value));
    value = value_of_text(SLICE("k"));
    const struct evaluator *parts[] = {compile_column(&type_integer, 2, &bench.arena),
                                       compile_constant(&type_string, &value, &bench.arena)};
    const struct evaluator *both = compile_struct(bench_type(&bench, "STRUCT<N INT, K STRING>"), parts, &bench.arena);
    assert_string_equal(bench_run_on(&bench, both, &bench.rows->selected),
                        "Struct{N=7,K=k}|Struct{N=0,K=k}|Struct{N=-3,K=k}|Struct{K=k}");
    /* A column is not copied. */
    struct vector vector;
    assert_int_equal(
        evaluator_run(parts[0], &bench.evaluation, bench.rows, &bench.rows->selected, &vector, &bench.error), 0);
    assert_ptr_equal(vector.integers, bench.rows->columns[2].integers);
    assert_ptr_equal(vector.nulls, bench.rows->columns[2].nulls);
    bench_close(&bench);
}

/* Two sources with a column of one name. */
static void test_scope(void **state) {
    (void)state;
    struct bench bench;
    const struct scope_column *found;
    bench_open(&bench);
    struct scope_column two[] = {{SLICE("L"), SLICE("ID"), &type_integer, 2},
                                 {SLICE("L"), SLICE("V"), &type_integer, 3},
                                 {SLICE("R"), SLICE("ID"), &type_integer, 3}};
    bench.scope = (struct scope){.columns = two, .column_count = 3};
    assert_int_equal(scope_find(&bench.scope, bench_parse(&bench, "ID"), &found, &bench.error), ERROR_INVALID);
    assert_string_equal(bench.error.message, "line 1, column 1: column ID is ambiguous: write L.ID or R.ID");
    assert_int_equal(scope_find(&bench.scope, bench_parse(&bench, "R.ID"), &found, &bench.error), 0);
    assert_int_equal(found->index, 3);
    bench_close(&bench);
}

/* --- threads
 * ------------------------------------------------------------------------------------------------------------------ */

struct thread_work {
    const struct evaluator *evaluator;
    const struct rows *rows;
    bool same;
};

static void *thread_run(void *context) {
    struct thread_work *work = context;
    struct arena arena = {0};
    struct row_errors errors = {0};
    struct evaluation evaluation = {.arena = &arena, .errors = &errors, .clock = &clock_system};
    work->same = true;
    for (int i = 0; i < 200; i++) {
        struct vector vector;
        struct value value;
        struct error error;
        arena_reset(&arena);
        if (evaluator_run(work->evaluator, &evaluation, work->rows, &work->rows->selected, &vector, &error) < 0)
            break;
        vector_get(&vector, 0, &value);
        work->same &= slice_equal(value.text, SLICE("c 2020-01-31 11"));
    }
    evaluation_scratch_free(evaluation.scratch);
    arena_release(&arena);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    struct bench bench;
    pthread_t threads[2];
    struct thread_work work[2];
    bench_open(&bench);
    const struct evaluator *evaluator = bench_compile(
        &bench, "REGEXP_EXTRACT('b(.)', S, 1) || ' ' || FORMAT_TIMESTAMP(W, 'yyyy-MM-dd HH', 'Europe/Vienna')");
    for (int i = 0; i < 2; i++) {
        work[i] = (struct thread_work){evaluator, bench.rows, false};
        assert_int_equal(pthread_create(&threads[i], NULL, thread_run, &work[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(work[i].same);
    }
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_in),
        cmocka_unit_test(test_logic),
        cmocka_unit_test(test_like),
        cmocka_unit_test(test_cast),
        cmocka_unit_test(test_collections),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_calls_with_the_same_arguments),
        cmocka_unit_test(test_clock_and_chance),
        cmocka_unit_test(test_places_of_chance),
        cmocka_unit_test(test_lambdas),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_absent_and_nested),
        cmocka_unit_test(test_simple_evaluators),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

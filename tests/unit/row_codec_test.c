/* Keys and values of records as columns, format by format: what is read, what is bad and why, what is written, and that it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "codec/row_codec.h"
#include "core/memory.h"

static const struct type decimal_4_2 = {.kind = TYPE_DECIMAL, .precision = 4, .scale = 2};
static const struct type decimal_38_0 = {.kind = TYPE_DECIMAL, .precision = 38};
static const struct type array_of_integer = {.kind = TYPE_ARRAY, .element = &type_integer};
static const struct type map_of_double = {.kind = TYPE_MAP, .key = &type_string, .element = &type_double};
static const struct type_field point_fields[] = {{{"X", 1}, &type_integer}, {{"y", 1}, &type_double}, {{"Tags", 4}, &array_of_integer}};
static const struct type point = {.kind = TYPE_STRUCT, .fields = point_fields, .field_count = 3};
static const struct type map_by_integer = {.kind = TYPE_MAP, .key = &type_integer, .element = &type_double};

#define COLUMN(name, type) {{name, sizeof name - 1}, type}
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct row_format json = {.format = FORMAT_JSON, .wrapped = true};
static const struct row_format json_bare = {.format = FORMAT_JSON};
static const struct row_format delimited = {.format = FORMAT_DELIMITED, .delimiter = ',', .wrapped = true};
static const struct row_format kafka = {.format = FORMAT_KAFKA};

/* The columns of a row as CASTs print them, with | between, ~ for NULL. */
static void row_print(struct bytes *to, const struct row_column *columns, size_t count, const struct vector *vectors, size_t row) {
    for (size_t c = 0; c < count; c++) {
        struct value value;
        vector_get(&vectors[c], row, &value);
        if (c)
            bytes_append_char(to, '|');
        if (value.null)
            bytes_append_char(to, '~');
        else
            value_print(to, columns[c].type, &value);
    }
}

static struct vector *vectors_new(struct arena *arena, const struct row_column *columns, size_t count, size_t rows) {
    struct vector *vectors = arena_allocate(arena, (count + 1) * sizeof *vectors);
    for (size_t c = 0; c < count; c++)
        assert_true(vector_allocate(arena, columns[c].type, rows, &vectors[c]));
    return vectors;
}

/* Reads one text; `expected` is the row, "NULL", or "BAD: " and how the reason begins. */
static void check_read_with(const struct row_format *format, const struct registry *registry, const struct row_column *columns, size_t count, struct slice text,
                            const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes found = {0};
    struct row_reader *reader = NULL;
    struct error error = {0};
    uint8_t status = 99;
    const char *reason = NULL;
    if (row_reader_new(format, columns, count, registry, &reader, &error))
        fail_msg("%s", error.message);
    struct vector *vectors = vectors_new(&arena, columns, count, 1);
    assert_int_equal(row_reader_read(reader, &text, sizeof text, 1, &arena, vectors, &status, &reason, &error), 0);
    if (status == ROW_READ_BAD)
        bytes_append_format(&found, "BAD: %s", reason);
    else if (status == ROW_READ_NULL)
        bytes_append_string(&found, "NULL");
    else
        row_print(&found, columns, count, vectors, 0);
    for (size_t c = 0; c < count && status != ROW_READ_GOOD; c++)
        assert_int_equal(vectors[c].nulls[0], 1);
    bytes_append_char(&found, '\0');
    if (strncmp(expected, "BAD: ", 5) == 0)
        found.data[strlen(expected) < found.length ? strlen(expected) : found.length - 1] = '\0';
    if (strcmp(found.data, expected) != 0)
        fail_msg("%.*s: %s, not %s", (int)text.length, text.data ? text.data : "", found.data, expected);
    row_reader_free(reader);
}

static void check_read(const struct row_format *format, const struct row_column *columns, size_t count, const char *text, const char *expected) {
    check_read_with(format, NULL, columns, count, slice_of(text), expected);
}

/* Reads one text and writes the row: `expected` is what comes out. */
static void check_write(const struct row_format *from, const struct row_format *to, const struct row_column *columns, size_t count, const char *text,
                        const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes found = {0};
    struct row_reader *reader = NULL;
    struct row_writer *writer = NULL;
    struct error error = {0};
    struct slice slice = slice_of(text);
    uint8_t status;
    const char *reason;
    assert_int_equal(row_reader_new(from, columns, count, NULL, &reader, &error), 0);
    assert_int_equal(row_writer_new(to, columns, count, NULL, &writer, &error), 0);
    struct vector *vectors = vectors_new(&arena, columns, count, 1);
    assert_int_equal(row_reader_read(reader, &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error), 0);
    if (status != ROW_READ_GOOD)
        fail_msg("%s: %s", text, reason ? reason : "NULL");
    assert_int_equal(row_writer_write(writer, vectors, 0, &found, &error), 0);
    bytes_append_char(&found, '\0');
    assert_string_equal(found.data, expected);
    row_reader_free(reader);
    row_writer_free(writer);
}

/* --- JSON --------------------------------------------------------------------------------------------------------------------------- */

static void json_types_are_read(void **state) {
    (void)state;
    static const struct {
        const struct type *type;
        const char *json, *expected;
    } cases[] = {
        {&type_boolean, "true", "true"},
        {&type_boolean, "false", "false"},
        {&type_boolean, "null", "~"},
        {&type_boolean, "\"true\"", "BAD: field A: \"true\" cannot be read as BOOLEAN"},
        {&type_boolean, "1", "BAD: field A: 1 cannot be read as BOOLEAN"},
        {&type_integer, "-2147483648", "-2147483648"},
        {&type_integer, "2147483648", "BAD: field A: 2147483648 cannot be read as INTEGER"},
        {&type_integer, "5.9", "5"},
        {&type_integer, "-5.9", "-5"},
        {&type_integer, "1.5e3", "1500"},
        {&type_integer, "1e10", "BAD: field A: 1e10 cannot be read as INTEGER"},
        {&type_integer, "1e400", "BAD: field A: 1e400"},
        {&type_integer, "\"17\"", "17"},
        {&type_integer, "\" 17 \"", "17"},
        {&type_integer, "\"17.5\"", "BAD: field A: \"17.5\""},
        {&type_integer, "\"x\"", "BAD: field A: \"x\" cannot be read as INTEGER"},
        {&type_integer, "true", "BAD: field A: true"},
        {&type_integer, "{\"a\":1}", "BAD: field A: {\"a\":1} cannot be read as INTEGER"},
        {&type_integer, "[1]", "BAD: field A: [1] cannot be read as INTEGER"},
        {&type_bigint, "9223372036854775807", "9223372036854775807"},
        {&type_bigint, "9223372036854775806.9", "9223372036854775806"},
        {&type_bigint, "9223372036854775808", "BAD: field A"},
        {&type_double, "1", "1.0"},
        {&type_double, "-1.25e-3", "-0.00125"},
        {&type_double, "\"2.5\"", "2.5"},
        {&type_double, "\"NaN\"", "NaN"},
        {&type_double, "\"-Infinity\"", "-Infinity"},
        {&type_double, "NaN", "BAD: not JSON: unexpected 'N' at byte 5"},
        {&type_double, "1e999", "BAD: field A: 1e999 cannot be read as DOUBLE"},
        {&decimal_4_2, "12.5", "12.50"},
        {&decimal_4_2, "1.250e1", "12.50"},
        {&decimal_4_2, "-0.01", "-0.01"},
        {&decimal_4_2, "\"12.34\"", "12.34"},
        {&decimal_4_2, "12.345", "BAD: field A: 12.345 cannot be read as DECIMAL(4, 2)"},
        {&decimal_4_2, "123", "BAD: field A: 123 cannot be read as DECIMAL(4, 2)"},
        {&decimal_4_2, "120e-1", "12.00"},
        {&decimal_38_0, "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
        {&type_string, "\"a\\u00e9\\n\"", "a\xc3\xa9\n"},
        {&type_string, "1.50", "1.50"},
        {&type_string, "true", "true"},
        {&type_string, "{\"b\" : [1, \"a \\\" b\"] }", "{\"b\":[1,\"a \\\" b\"]}"},
        {&type_string, "\"\xff\"", "BAD: not JSON: a string that is not UTF-8"},
        {&type_string, "{\"a\":\"\xff\"}", "BAD: not JSON: a string that is not UTF-8"},
        {&type_date, "18262", "2020-01-01"},
        {&type_date, "\"18262\"", "2020-01-01"},
        {&type_date, "1.5", "BAD: field A: 1.5 cannot be read as DATE"},
        {&type_date, "\"2020-01-01\"", "BAD: field A"},
        {&type_time, "3600000", "01:00"},
        {&type_time, "86400000", "BAD: field A: 86400000 cannot be read as TIME"},
        {&type_timestamp, "1577836800000", "2020-01-01T00:00:00.000"},
        {&type_bytes, "\"AQID\"", "\1\2\3"},
        {&type_bytes, "\"AQI\"", "\1\2"},
        {&type_bytes, "\"A\"", "BAD: field A: \"A\" cannot be read as BYTES"},
        {&type_bytes, "\"A*==\"", "BAD: field A"},
        {&array_of_integer, "[]", "[]"},
        {&array_of_integer, "[ 1, null ,\"3\"]", "[1, null, 3]"},
        {&array_of_integer, "[1, \"x\"]", "BAD: field A: \"x\" cannot be read as INTEGER"},
        {&array_of_integer, "5", "BAD: field A: 5 cannot be read as ARRAY<INTEGER>"},
        {&map_of_double, "{}", "{}"},
        {&map_of_double, "{\"a\":1, \"b\":null, \"a\":2}", "{a=2.0, b=null}"},
        {&point, "{\"x\":1,\"Y\":2,\"tags\":[3]}", "Struct{X=1,y=2.0,Tags=[3]}"},
        {&point, "{\"X\":1,\"x\":2,\"other\":{\"y\":[]}}", "Struct{X=1}"},
        {&point, "[]", "BAD: field A: [] cannot be read as STRUCT"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column column = COLUMN("A", cases[i].type);
        cleanup(bytes_release) struct bytes text = {0};
        bytes_append_format(&text, "{\"A\":%s}", cases[i].json);
        check_read_with(&json, NULL, &column, 1, bytes_slice(&text), cases[i].expected);
    }
}

static const struct row_column readings[] = {
    COLUMN("GATEWAY", &type_string), COLUMN("METRICTYPE", &type_string), COLUMN("METRICATTRIBUTE", &type_string), COLUMN("TIMESTAMP", &type_bigint),
    COLUMN("VALUE", &type_double),
};

static void json_names_are_found(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("b", &type_string), COLUMN("C_1", &type_double)};
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"A\":1,\"b\":\"x\",\"C_1\":2}", "1|x|2.0"},
        {" { \"c_1\" : 2 , \"B\":\"x\" , \"a\":1 } ", "1|x|2.0"},
        {"{}", "~|~|~"},
        {"{\"other\":{\"a\":[1,{}]},\"A\":1}", "1|~|~"},
        {"{\"a\":1,\"A\":2}", "2|~|~"},
        {"{\"A\":2,\"a\":1}", "2|~|~"},
        {"{\"a\":1,\"a\":2}", "2|~|~"},
        {"{\"a\":\"x\",\"A\":2}", "2|~|~"},
        {"{\"A\":\"x\",\"A\":2}", "2|~|~"},
        {"{\"A\":2,\"A\":\"x\"}", "BAD: field A: \"x\""},
        {"{\"A\":1,\"A\":null}", "~|~|~"},
        {"{\"\\u0041\":1}", "1|~|~"},
        {"{\"C-1\":1}", "~|~|~"},
        {"{\"A\":1", "BAD: truncated: the JSON text ends at byte 6"},
        {"{\"A\":1}x", "BAD: not JSON: unexpected 'x' at byte 7"},
        {"{\"A\":\"x\",\"b\":}", "BAD: not JSON: unexpected '}' at byte 13"},
        {"{\"A\":[1,}", "BAD: not JSON: unexpected '}'"},
        {"{\"A\" 1}", "BAD: not JSON: unexpected '1'"},
        {"null", "NULL"},
        {"nul", "BAD: not JSON"},
        {"", "NULL"},
        {" ", "BAD: truncated"},
        {"5", "BAD: not JSON: no object, but a bare value, at byte 0"},
        {"[1]", "BAD: not JSON: no object"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_read(&json, columns, COUNT(columns), cases[i].text, cases[i].expected);
}

/* The places of names are learnt from the records before; they must not be believed when the order changes. */
static void json_rows_in_any_order(void **state) {
    (void)state;
    cleanup(arena_release) struct arena arena = {0};
    struct row_reader *reader = NULL;
    struct slice texts[] = {
        SLICE("{\"gateway\":\"g\",\"metricType\":\"t\",\"metricAttribute\":\"a\",\"timestamp\":7,\"value\":1.5}"),
        SLICE("{\"gateway\":\"g\",\"metricType\":\"t\",\"metricAttribute\":\"a\",\"timestamp\":8,\"value\":2.5}"),
        SLICE("{\"value\":3.5,\"metricattribute\":\"A\",\"x\":1,\"metricType\":\"T\",\"gateway\":\"G\",\"timestamp\":9}"),
        {NULL, 0},
        SLICE("{\"timestamp\":\"x\"}"),
        SLICE("{\"GATEWAY\":\"1\",\"gateway\":\"2\",\"VALUE\":0}"),
    };
    static const char *const expected[] = {"g|t|a|7|1.5", "g|t|a|8|2.5", "G|T|A|9|3.5", "~|~|~|~|~", "~|~|~|~|~", "1|~|~|~|0.0"};
    static const uint8_t expected_status[] = {ROW_READ_GOOD, ROW_READ_GOOD, ROW_READ_GOOD, ROW_READ_NULL, ROW_READ_BAD, ROW_READ_GOOD};
    uint8_t status[COUNT(texts)];
    const char *reasons[COUNT(texts)];
    assert_int_equal(row_reader_new(&json, readings, COUNT(readings), NULL, &reader, NULL), 0);
    struct vector *vectors = vectors_new(&arena, readings, COUNT(readings), COUNT(texts));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, NULL), 0);
        for (size_t i = 0; i < COUNT(texts); i++) {
            cleanup(bytes_release) struct bytes found = {0};
            row_print(&found, readings, COUNT(readings), vectors, i);
            bytes_append_char(&found, '\0');
            assert_string_equal(found.data, expected[i]);
            assert_int_equal(status[i], expected_status[i]);
            assert_true((reasons[i] != NULL) == (status[i] == ROW_READ_BAD));
        }
    }
    row_reader_free(reader);
}

static void json_bare_values(void **state) {
    (void)state;
    static const struct row_column text = COLUMN("K", &type_string), number = COLUMN("K", &type_bigint), list = COLUMN("K", &array_of_integer);
    static const struct row_column two[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string)};
    check_read(&json_bare, &text, 1, "\"a\"", "a");
    check_read(&json_bare, &text, 1, " 12 ", "12");
    check_read(&json_bare, &text, 1, "{\"a\": 1}", "{\"a\":1}");
    check_read(&json_bare, &text, 1, "null", "NULL");
    check_read(&json_bare, &number, 1, "12", "12");
    check_read(&json_bare, &number, 1, "\"x\"", "BAD: field K: \"x\" cannot be read as BIGINT");
    check_read(&json_bare, &number, 1, "12 13", "BAD: not JSON: unexpected '1' at byte 3");
    check_read(&json_bare, &list, 1, "[1,2]", "[1, 2]");
    check_read(&json_bare, two, 2, "{\"A\":1,\"B\":\"x\"}", "1|x");
    check_write(&json_bare, &json_bare, &text, 1, "\"a\\\"\"", "\"a\\\"\"");
    check_write(&json_bare, &json_bare, &number, 1, "12", "12");
    check_write(&json_bare, &json_bare, two, 2, "{\"A\":1}", "{\"A\":1,\"B\":null}");
}

static void json_is_written(void **state) {
    (void)state;
    static const struct {
        const struct type *type;
        const char *json, *expected;
    } cases[] = {
        {&type_boolean, "true", "true"},
        {&type_integer, "-5", "-5"},
        {&type_bigint, "9223372036854775807", "9223372036854775807"},
        {&type_double, "1e10", "1.0E10"},
        {&type_double, "0.1", "0.1"},
        {&type_double, "\"NaN\"", "\"NaN\""},
        {&type_double, "\"-Infinity\"", "\"-Infinity\""},
        {&decimal_4_2, "1", "1.00"},
        {&type_string, "\"\\u00e9\\n\\\\\"", "\"\xc3\xa9\\n\\\\\""},
        {&type_bytes, "\"AQI=\"", "\"AQI=\""},
        {&type_bytes, "\"\"", "\"\""},
        {&type_date, "18262", "18262"},
        {&type_time, "5", "5"},
        {&type_timestamp, "-1", "-1"},
        {&array_of_integer, "[1,null,2]", "[1,null,2]"},
        {&map_of_double, "{\"a\":1,\"b\":null}", "{\"a\":1.0,\"b\":null}"},
        {&point, "{\"x\":1,\"tags\":[]}", "{\"X\":1,\"y\":null,\"Tags\":[]}"},
        {&point, "null", "null"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column columns[] = {COLUMN("A", cases[i].type), COLUMN("b\"", &type_string)};
        cleanup(bytes_release) struct bytes text = {0}, expected = {0};
        bytes_append_format(&text, "{\"A\":%s}", cases[i].json);
        bytes_append_format(&expected, "{\"A\":%s,\"b\\\"\":null}", cases[i].expected);
        bytes_append_char(&text, '\0');
        bytes_append_char(&expected, '\0');
        check_write(&json, &json, columns, 2, text.data, expected.data);
    }
}

/* Of a large map every key is there once, with its last value. */
static void json_large_map(void **state) {
    (void)state;
    enum { KEYS = 1000 };
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes text = {0};
    static const struct row_column column = COLUMN("M", &map_of_double);
    struct row_reader *reader = NULL;
    struct value value;
    uint8_t status;
    const char *reason;
    bytes_append_string(&text, "{\"M\":{");
    for (int i = 0; i < 2 * KEYS; i++)
        bytes_append_format(&text, "%s\"k%d\":%d", i ? "," : "", i % KEYS, i);
    bytes_append_string(&text, "}}");
    struct slice slice = bytes_slice(&text);
    assert_int_equal(row_reader_new(&json, &column, 1, NULL, &reader, NULL), 0);
    struct vector *vectors = vectors_new(&arena, &column, 1, 1);
    assert_int_equal(row_reader_read(reader, &slice, sizeof slice, 1, &arena, vectors, &status, &reason, NULL), 0);
    assert_int_equal(status, ROW_READ_GOOD);
    vector_get(&vectors[0], 0, &value);
    assert_int_equal(value.sequence->count, 2 * KEYS);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_true(slice_equal(value.sequence->items[2 * i].text, slice_of(key)));
        assert_true(value.sequence->items[2 * i + 1].number == KEYS + i);
    }
    row_reader_free(reader);
}

/* --- DELIMITED ---------------------------------------------------------------------------------------------------------------------- */

static void delimited_is_read(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_bigint), COLUMN("B", &type_string), COLUMN("C", &type_double)};
    static const struct {
        char delimiter;
        const char *text, *expected;
    } cases[] = {
        {',', "120,bob,49.5", "120|bob|49.5"},
        {',', "120,bob,49.5\r\n", "120|bob|49.5"},
        {',', "120, bob, 49.5", "120| bob|49.5"},
        {',', "120,,", "120|~|~"},
        {',', ",,", "~|~|~"},
        {',', "120,\"\",1", "120|~|1.0"},
        {',', "\"120\",\"a,\"\"b\"\"\n\" ,1", "120|a,\"b\"\n|1.0"},
        {'\t', "1\ta,b\t2", "1|a,b|2.0"},
        {' ', "1 a 2", "1|a|2.0"},
        {'|', "1|a|2", "1|a|2.0"},
        {',', "1,a", "BAD: 2 fields, but 3 columns"},
        {',', "1,a,2,3,", "BAD: 5 fields, but 3 columns"},
        {',', "x,a,2", "BAD: field A: x cannot be read as BIGINT"},
        {',', "1,a,2\n3,b,4", "BAD: more than one line"},
        {',', "1,\"a,2", "BAD: a quote is not closed"},
        {',', "1,\"a\"b,2", "BAD: something stands between a closing quote and the delimiter"},
        {',', "\n", "BAD: 1 fields, but 3 columns"},
        {',', "1,\xff,2", "1|\xef\xbf\xbd|2.0"},
        {',', "", "NULL"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_format format = {.format = FORMAT_DELIMITED, .delimiter = cases[i].delimiter};
        check_read(&format, columns, COUNT(columns), cases[i].text, cases[i].expected);
    }
}

static void delimited_types(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_boolean), COLUMN("B", &type_integer), COLUMN("C", &decimal_4_2), COLUMN("D", &type_bytes),
                                                COLUMN("E", &type_date),    COLUMN("F", &type_time),    COLUMN("G", &type_timestamp)};
    check_read(&delimited, columns, COUNT(columns), "True,-7,1.5,AQID,18262,0,0", "true|-7|1.50|\1\2\3|2020-01-01|00:00|1970-01-01T00:00:00.000");
    check_read(&delimited, columns, COUNT(columns), "yes,-7,1.5,AQID,18262,0,0", "BAD: field A: yes cannot be read as BOOLEAN");
    check_read(&delimited, columns, COUNT(columns), "true,2147483648,1.5,AQID,18262,0,0", "BAD: field B: 2147483648 cannot be read as INTEGER");
    check_read(&delimited, columns, COUNT(columns), "true,1,1.555,AQID,18262,0,0", "BAD: field C: 1.555 cannot be read as DECIMAL(4, 2)");
    check_write(&delimited, &delimited, columns, COUNT(columns), "true,-7,1.5,AQID,18262,5,-1", "true,-7,1.50,AQID,18262,5,-1");
}

static void delimited_is_written(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_string), COLUMN("B", &type_string), COLUMN("C", &type_double)};
    static const struct {
        const char *json, *expected;
    } cases[] = {
        {"{\"A\":\"a\",\"B\":\"b\",\"C\":1}", "a,b,1.0"},
        {"{\"A\":null,\"B\":null,\"C\":null}", ",,"},
        {"{\"A\":\"\",\"B\":\"\",\"C\":1e20}", "\"\",,1.0E20"},
        {"{\"A\":\"a,b\",\"B\":\"say \\\"x\\\"\",\"C\":-1}", "\"a,b\",\"say \"\"x\"\"\",-1.0"},
        {"{\"A\":\" a\",\"B\":\"b \"}", "\" a\",\"b \","},
        {"{\"A\":\"\xc3\xa9\",\"B\":\"\xc3\xa9\"}", "\"\xc3\xa9\",\xc3\xa9,"},
        {"{\"A\":\"a\\nb\",\"B\":\"#b\"}", "\"a\nb\",\"#b\","},
        {"{\"A\":\"-1\",\"B\":\"a b\"}", "-1,a b,"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_write(&json, &delimited, columns, COUNT(columns), cases[i].json, cases[i].expected);
}

/* --- KAFKA and NONE ----------------------------------------------------------------------------------------------------------------- */

static void kafka_values(void **state) {
    (void)state;
    static const struct {
        const struct type *type;
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {&type_integer, {"\0\0\1\2", 4}, "258"},
        {&type_integer, {"\xff\xff\xff\xfe", 4}, "-2"},
        {&type_integer, {"\0\0\1", 3}, "BAD: field K has 3 bytes, not the 4 of format KAFKA"},
        {&type_integer, {"", 0}, "BAD: field K has 0 bytes"},
        {&type_bigint, {"\x80\0\0\0\0\0\0\0", 8}, "-9223372036854775808"},
        {&type_bigint, {"\0\0\0\1", 4}, "BAD: field K has 4 bytes, not the 8"},
        {&type_double, {"\x3f\xf8\0\0\0\0\0\0", 8}, "1.5"},
        {&type_string, {"abc", 3}, "abc"},
        {&type_string, {"", 0}, ""},
        {&type_string, {"a\xff", 2}, "a\xef\xbf\xbd"},
        {&type_bytes, {"\1\2\3", 3}, "\1\2\3"},
        {&type_string, {NULL, 0}, "NULL"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column column = COLUMN("K", cases[i].type);
        check_read_with(&kafka, NULL, &column, 1, cases[i].bytes, cases[i].expected);
    }
}

/* What was read is written with the same bytes. */
static void kafka_comes_back(void **state) {
    (void)state;
    static const struct {
        const struct type *type;
        struct slice bytes;
    } cases[] = {{&type_integer, {"\xff\0\1\2", 4}}, {&type_bigint, {"\0\1\2\3\4\5\6\7", 8}}, {&type_double, {"\xc0\1\2\3\4\5\6\7", 8}},
                 {&type_string, {"abc", 3}},         {&type_bytes, {"\1\0", 2}},              {&type_string, {NULL, 0}}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(arena_release) struct arena arena = {0};
        cleanup(bytes_release) struct bytes found = {0};
        struct row_column column = COLUMN("K", cases[i].type);
        struct row_reader *reader = NULL;
        struct row_writer *writer = NULL;
        uint8_t status;
        const char *reason;
        assert_int_equal(row_reader_new(&kafka, &column, 1, NULL, &reader, NULL), 0);
        assert_int_equal(row_writer_new(&kafka, &column, 1, NULL, &writer, NULL), 0);
        struct vector *vectors = vectors_new(&arena, &column, 1, 1);
        assert_int_equal(row_reader_read(reader, &cases[i].bytes, sizeof(struct slice), 1, &arena, vectors, &status, &reason, NULL), 0);
        assert_int_equal(row_writer_write(writer, vectors, 0, &found, NULL), 0);
        assert_true(slice_equal(bytes_slice(&found), cases[i].bytes));
        row_reader_free(reader);
        row_writer_free(writer);
    }
}

static void formats_refuse_columns(void **state) {
    (void)state;
    static const struct row_column two[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string)};
    static const struct row_column date = COLUMN("A", &type_date), list = COLUMN("A", &array_of_integer), map = COLUMN("A", &map_by_integer);
    static const struct row_format no_delimiter = {.format = FORMAT_DELIMITED}, none = {.format = FORMAT_NONE}, unset = {0};
    static const struct {
        const struct row_format *format;
        const struct row_column *columns;
        size_t count;
        int code;
        const char *message;
    } cases[] = {
        {&kafka, two, 2, ERROR_UNSUPPORTED, "format KAFKA holds one column, not 2; use JSON, AVRO or DELIMITED"},
        {&kafka, &date, 1, ERROR_UNSUPPORTED, "format KAFKA cannot hold column A of type DATE; it holds INTEGER, BIGINT, DOUBLE, STRING and BYTES"},
        {&delimited, &list, 1, ERROR_UNSUPPORTED, "format DELIMITED cannot hold column A: ARRAY, MAP and STRUCT need JSON or AVRO"},
        {&no_delimiter, two, 2, ERROR_INVALID, "the delimiter of format DELIMITED must be one character, but no quote and no line end"},
        {&json, &map, 1, ERROR_UNSUPPORTED, "format JSON cannot hold column A: the keys of a MAP must be STRING"},
        {&none, two, 2, ERROR_UNSUPPORTED, "format NONE has no columns; name another format"},
        {&unset, two, 2, ERROR_UNSUPPORTED, "no format is given; possible are JSON, AVRO, DELIMITED, KAFKA or NONE"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_reader *reader = NULL;
        struct row_writer *writer = NULL;
        struct error error = {0};
        assert_int_equal(row_reader_new(cases[i].format, cases[i].columns, cases[i].count, NULL, &reader, &error), cases[i].code);
        assert_string_equal(error.message, cases[i].message);
        assert_int_equal(row_writer_new(cases[i].format, cases[i].columns, cases[i].count, NULL, &writer, &error), cases[i].code);
        assert_null(reader);
        assert_null(writer);
    }
}

static void none_reads_all_and_writes_nothing(void **state) {
    (void)state;
    static const struct row_format none = {.format = FORMAT_NONE};
    check_read_with(&none, NULL, NULL, 0, SLICE("\1\2"), "");
    check_read_with(&none, NULL, NULL, 0, (struct slice){NULL, 0}, "NULL");
    cleanup(bytes_release) struct bytes found = {0};
    struct row_writer *writer = NULL;
    assert_int_equal(row_writer_new(&none, NULL, 0, NULL, &writer, NULL), 0);
    assert_int_equal(row_writer_write(writer, NULL, 0, &found, NULL), 0);
    assert_int_equal(found.length, 0);
    row_writer_free(writer);
}

/* --- AVRO --------------------------------------------------------------------------------------------------------------------------- */

/* A registry of one or two schemas: id 1 is `schema`; what is added becomes it, too. */
struct one_schema {
    const char *schema;
    char added[2000], subject[100];
    int asked, adds;
    bool away;
};

static int one_find(void *context, int32_t id, struct arena *arena, struct slice *ret_schema, struct error *error) {
    struct one_schema *one = context;
    one->asked++;
    if (one->away) {
        error_set(error, ERROR_IO, "the registry is away");
        if (error)
            error->retriable = true;
        return ERROR_IO;
    }
    if (id == 3)
        return error_set(error, ERROR_UNSUPPORTED, "schema 3 is PROTOBUF");
    if (id != 1 || !one->schema)
        return error_set(error, ERROR_NOT_FOUND, "no such schema");
    *ret_schema = arena_copy(arena, slice_of(one->schema));
    return 0;
}

static int one_add(void *context, const char *subject, struct slice schema, int32_t *ret_id, struct error *error) {
    struct one_schema *one = context;
    one->adds++;
    if (one->away) {
        error_set(error, ERROR_IO, "the registry is away");
        if (error)
            error->retriable = true;
        return ERROR_IO;
    }
    assert_true(schema.length < sizeof one->added);
    memcpy(one->added, schema.data, schema.length);
    one->added[schema.length] = '\0';
    snprintf(one->subject, sizeof one->subject, "%s", subject);
    one->schema = one->added;
    *ret_id = 1;
    return 0;
}

static struct registry registry_of(struct one_schema *one) {
    return (struct registry){.find = one_find, .add = one_add, .context = one};
}

static const struct row_format avro = {.format = FORMAT_AVRO, .wrapped = true, .subject = "T-value"};
static const struct row_format avro_bare = {.format = FORMAT_AVRO, .subject = "T-key"};

#define FIELD_A(type) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"A\",\"type\":" type "}]}"
#define DECIMAL_OF(precision, scale) "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" precision ",\"scale\":" scale "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define ENTRIES(key) "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"key\",\"type\":" key \
                     "},{\"name\":\"value\",\"type\":[\"null\",\"double\"]}]}}"
#define BODY(literal) {literal, sizeof literal - 1}

static void check_avro(const struct row_format *format, const char *schema, const struct row_column *columns, size_t count, struct slice body,
                       const char *expected) {
    cleanup(bytes_release) struct bytes value = {0};
    struct one_schema one = {.schema = schema};
    struct registry registry = registry_of(&one);
    bytes_append(&value, "\0\0\0\0\1", 5);
    bytes_append_slice(&value, body);
    check_read_with(format, &registry, columns, count, bytes_slice(&value), expected);
}

static void avro_types_are_read(void **state) {
    (void)state;
    static const struct {
        const char *schema;
        const struct type *type;
        struct slice body;
        const char *expected;
    } cases[] = {
        {FIELD_A("\"boolean\""), &type_boolean, BODY("\1"), "true"},
        {FIELD_A("\"int\""), &type_integer, BODY("\3"), "-2"},
        {FIELD_A("\"int\""), &type_bigint, BODY("\2"), "1"},
        {FIELD_A("\"int\""), &type_double, BODY("\2"), "1.0"},
        {FIELD_A("\"int\""), &type_integer, BODY("\x80\x80\x80\x80\x10"), "BAD: field A: 2147483648 cannot be read as INTEGER"},
        {FIELD_A("\"long\""), &type_bigint, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "-9223372036854775808"},
        {FIELD_A("\"long\""), &type_integer, BODY("\2"), "BAD: schema 1 cannot be read as the columns: field A is a long, which cannot be read as INTEGER"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\0"), "~"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\2\4"), "2"},
        {FIELD_A("[\"long\",\"null\"]"), &type_bigint, BODY("\0\4"), "2"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\4"), "BAD: field A has a union branch that its schema does not know"},
        {FIELD_A("[\"null\",\"string\",\"long\"]"), &type_bigint, BODY("\2\2a"), "BAD: field A holds a union branch of a type that does not fit"},
        {FIELD_A("[\"null\",\"string\"]"), &type_bigint, BODY("\0"), "BAD: schema 1 cannot be read as the columns: field A is a union, which cannot be read as BIGINT"},
        {FIELD_A("\"null\""), &type_bigint, BODY(""), "~"},
        {FIELD_A("\"float\""), &type_double, BODY("\0\0\xc0\x3f"), "1.5"},
        {FIELD_A("\"double\""), &type_double, BODY("\0\0\0\0\0\0\xf8\x3f"), "1.5"},
        {FIELD_A("\"double\""), &type_double, BODY("\0\0\0\0\0\0\xf8"), "BAD: truncated: the value ends in field A"},
        {FIELD_A("\"string\""), &type_string, BODY("\6abc"), "abc"},
        {FIELD_A("\"string\""), &type_string, BODY("\4a\xff"), "a\xef\xbf\xbd"},
        {FIELD_A("\"string\""), &type_string, BODY("\6ab"), "BAD: truncated: the value ends in field A"},
        {FIELD_A("\"string\""), &type_string, BODY("\1"), "BAD: field A has a negative length"},
        {FIELD_A("\"string\""), &type_string, BODY("\2ab"), "BAD: the Avro value has bytes behind its last field"},
        {FIELD_A("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ON\",\"OFF\"]}"), &type_string, BODY("\2"), "OFF"},
        {FIELD_A("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ON\",\"OFF\"]}"), &type_string, BODY("\4"), "BAD: field A has an enum symbol"},
        {FIELD_A("\"bytes\""), &type_string, BODY("\2a"), "a"},
        {FIELD_A("\"bytes\""), &type_bytes, BODY("\4\xff\1"), "\xff\1"},
        {FIELD_A("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}"), &type_bytes, BODY("ab"), "ab"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\4\4\xe2"), "12.50"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\2\xff"), "-0.01"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\xe2"), "12.50"},
        {FIELD_A(DECIMAL_OF("4", "1")), &decimal_4_2, BODY("\2\x7d"), "12.50"},
        {FIELD_A(DECIMAL_OF("5", "3")), &decimal_4_2, BODY("\4\x30\xd4"), "12.50"},
        {FIELD_A(DECIMAL_OF("5", "3")), &decimal_4_2, BODY("\4\x30\xd5"), "BAD: field A: a decimal that does not fit cannot be read as DECIMAL(4, 2)"},
        {FIELD_A(DECIMAL_OF("5", "0")), &decimal_4_2, BODY("\2\x64"), "BAD: field A: a decimal that does not fit"},
        {FIELD_A(DECIMAL_OF("5", "0")), &decimal_4_2, BODY("\0"), "BAD: field A: a decimal that does not fit"},
        {FIELD_A(LOGICAL("int", "date")), &type_date, BODY("\xac\x9d\2"), "2020-01-01"},
        {FIELD_A("\"int\""), &type_date, BODY("\xac\x9d\2"), "2020-01-01"},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_date, BODY("\2"), "BAD: schema 1 cannot be read as the columns: field A is an int (time-millis), "},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_time, BODY("\x90\x4e"), "00:00:05"},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_time, BODY("\1"), "BAD: field A: -1 cannot be read as TIME"},
        {FIELD_A(LOGICAL("long", "time-micros")), &type_time, BODY("\x90\x4e"), "00:00:00.005"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_timestamp, BODY("\1"), "1969-12-31T23:59:59.999"},
        {FIELD_A(LOGICAL("long", "timestamp-micros")), &type_timestamp, BODY("\1"), "1969-12-31T23:59:59.999"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_bigint, BODY("\1"), "-1"},
        {FIELD_A("\"long\""), &type_timestamp, BODY("\x90\x4e"), "1970-01-01T00:00:05.000"},
        {FIELD_A("{\"type\":\"array\",\"items\":\"int\"}"), &array_of_integer, BODY("\4\2\4\0"), "[1, 2]"},
        {FIELD_A("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}"), &array_of_integer, BODY("\3\6\0\2\4\2\2\6\0"), "[null, 2, 3]"},
        {FIELD_A("{\"type\":\"array\",\"items\":\"null\"}"), &array_of_integer, BODY("\xfe\xff\xff\xff\xff\7\0"), "BAD: field A has too many empty items"},
        {FIELD_A("{\"type\":\"map\",\"values\":\"double\"}"), &map_of_double, BODY("\2\2k\0\0\0\0\0\0\xf8\x3f\0"), "{k=1.5}"},
        {FIELD_A(ENTRIES("\"string\"")), &map_of_double, BODY("\2\2k\2\0\0\0\0\0\0\xf8\x3f\0"), "{k=1.5}"},
        {FIELD_A(ENTRIES("[\"null\",\"string\"]")), &map_of_double, BODY("\2\0\0\0"), "BAD: field A: an entry without a key cannot be read as MAP<STRING, DOUBLE>"},
        {FIELD_A("{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"o\",\"type\":\"string\"},{\"name\":\"x\",\"type\":\"int\"}]}"), &point,
         BODY("\2o\2"), "Struct{X=1}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column column = COLUMN("A", cases[i].type);
        check_avro(&avro, cases[i].schema, &column, 1, cases[i].body, cases[i].expected);
    }
}

static void avro_fields_are_found(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string), COLUMN("C", &type_double)};
    static const char schema[] = "[\"null\",{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"string\"},"
                                 "{\"name\":\"other\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"a\",\"type\":\"string\"},"
                                 "{\"name\":\"A\",\"type\":\"int\"}]}]";
    check_avro(&avro, schema, columns, 3, SLICE("\2\2x\2\2y\0\2z\16"), "7|x|~");
    check_avro(&avro, schema, columns, 3, SLICE("\0"), "NULL");
    check_avro(&avro, schema, columns, 3, SLICE("\4"), "BAD: field of the whole value has a union branch that its schema does not know");
    check_avro(&avro, "\"string\"", columns, 3, SLICE("\0"), "BAD: schema 1 cannot be read as the columns: the schema is a string, not a record");
    check_avro(&avro, "{}", columns, 3, SLICE("\0"), "BAD: schema 1 cannot be read as the columns: not an Avro schema");
    check_avro(&avro_bare, "\"string\"", &columns[1], 1, SLICE("\2k"), "k");
    check_avro(&avro_bare, "[\"null\",\"string\"]", &columns[1], 1, SLICE("\0"), "NULL");
    check_avro(&avro_bare, "\"long\"", &columns[1], 1, SLICE("\0"), "BAD: schema 1 cannot be read as the column: the schema is a long, which cannot be read as STRING");
}

static void avro_registry_matters(void **state) {
    (void)state;
    cleanup(arena_release) struct arena arena = {0};
    static const struct row_column column = COLUMN("A", &type_integer);
    struct slice texts[] = {SLICE("\0\0\0\0\1\2"), SLICE("\0\0\0\0\2\2"), SLICE("\0\0\0\0\2\2"), SLICE("\0\0\0\0\3\2"), SLICE("\0\0\0"), SLICE("{}"), {NULL, 0}, SLICE("")};
    static const char *const expected[] = {NULL,
                                           "schema id 2 is not in the registry",
                                           "schema id 2 is not in the registry",
                                           "schema 3 is PROTOBUF",
                                           "truncated: the wire format begins with byte 0 and four bytes of schema id",
                                           "not Avro in the wire format (first byte 0x7b)",
                                           NULL,
                                           NULL};
    struct one_schema one = {.schema = FIELD_A("\"int\"")};
    struct registry registry = registry_of(&one);
    struct row_reader *reader = NULL;
    struct error error = {0};
    uint8_t status[COUNT(texts)];
    const char *reasons[COUNT(texts)];
    assert_int_equal(row_reader_new(&avro, &column, 1, NULL, &reader, &error), ERROR_INVALID);
    assert_int_equal(row_reader_new(&avro, &column, 1, &registry, &reader, &error), 0);
    struct vector *vectors = vectors_new(&arena, &column, 1, COUNT(texts));
    one.away = true;
    assert_int_equal(row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, &error), ERROR_IO);
    assert_true(error.retriable);
    one.away = false;
    one.asked = 0;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, &error), 0);
        for (size_t i = 0; i < COUNT(texts); i++) {
            assert_int_equal(status[i], expected[i] ? ROW_READ_BAD : i ? ROW_READ_NULL : ROW_READ_GOOD);
            if (expected[i])
                assert_string_equal(reasons[i], expected[i]);
        }
        assert_int_equal(vectors[0].integers[0], 1);
    }
    assert_int_equal(one.asked, 4);    /* the unknown one is asked for in each call */
    row_reader_free(reader);
}

static const struct row_column all_types[] = {
    COLUMN("BO", &type_boolean), COLUMN("I", &type_integer),       COLUMN("L", &type_bigint),    COLUMN("D", &type_double), COLUMN("DE", &decimal_4_2),
    COLUMN("S", &type_string),   COLUMN("B", &type_bytes),         COLUMN("DA", &type_date),     COLUMN("TI", &type_time),  COLUMN("TS", &type_timestamp),
    COLUMN("AR", &array_of_integer), COLUMN("MA", &map_of_double), COLUMN("PO", &point),
};

/* Reads JSON, writes AVRO, reads AVRO, writes JSON. */
static void check_avro_comes_back(const struct row_format *to, struct one_schema *one, const struct row_column *columns, size_t count, const char *text,
                                  const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes encoded = {0}, found = {0};
    struct registry registry = registry_of(one);
    struct row_reader *readers[2] = {NULL};
    struct row_writer *writers[2] = {NULL};
    const struct row_format *plain = to->wrapped ? &json : &json_bare;
    struct error error = {0};
    struct slice slice = slice_of(text);
    uint8_t status;
    const char *reason;
    assert_int_equal(row_reader_new(plain, columns, count, NULL, &readers[0], &error), 0);
    if (row_writer_new(to, columns, count, &registry, &writers[0], &error))
        fail_msg("%s", error.message);
    assert_int_equal(row_reader_new(to, columns, count, &registry, &readers[1], &error), 0);
    assert_int_equal(row_writer_new(plain, columns, count, NULL, &writers[1], &error), 0);
    struct vector *vectors = vectors_new(&arena, columns, count, 1), *again = vectors_new(&arena, columns, count, 1);
    assert_int_equal(row_reader_read(readers[0], &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error), 0);
    assert_int_equal(status, ROW_READ_GOOD);
    if (row_writer_write(writers[0], vectors, 0, &encoded, &error))
        fail_msg("%s: %s", text, error.message);
    slice = bytes_slice(&encoded);
    assert_true(slice.length > 5 && memcmp(slice.data, "\0\0\0\0\1", 5) == 0);
    assert_int_equal(row_reader_read(readers[1], &slice, sizeof slice, 1, &arena, again, &status, &reason, &error), 0);
    if (status != ROW_READ_GOOD)
        fail_msg("%s: %s", text, reason);
    assert_int_equal(row_writer_write(writers[1], again, 0, &found, &error), 0);
    bytes_append_char(&found, '\0');
    assert_string_equal(found.data, expected);
    for (int i = 0; i < 2; i++) {
        row_reader_free(readers[i]);
        row_writer_free(writers[i]);
    }
}

static void avro_comes_back(void **state) {
    (void)state;
    static const char full[] = "{\"BO\":true,\"I\":-5,\"L\":9223372036854775807,\"D\":1.5,\"DE\":-12.50,\"S\":\"\xc3\xa9\",\"B\":\"AQID\",\"DA\":18262,"
                               "\"TI\":86399999,\"TS\":-1,\"AR\":[1,null,3],\"MA\":{\"a\":1.0,\"b\":null},\"PO\":{\"X\":1,\"y\":null,\"Tags\":[7]}}";
    static const char empty[] = "{\"BO\":null,\"I\":null,\"L\":null,\"D\":null,\"DE\":null,\"S\":null,\"B\":null,\"DA\":null,\"TI\":null,\"TS\":null,"
                                "\"AR\":null,\"MA\":null,\"PO\":null}";
    struct one_schema one = {0};
    check_avro_comes_back(&avro, &one, all_types, COUNT(all_types), full, full);
    assert_string_equal(one.subject, "T-value");
    assert_string_equal(one.added,
                        "{\"type\":\"record\",\"name\":\"io.confluent.ksql.avro_schemas.KsqlDataSourceSchema\",\"fields\":["
                        "{\"name\":\"BO\",\"type\":[\"null\",\"boolean\"],\"default\":null},{\"name\":\"I\",\"type\":[\"null\",\"int\"],\"default\":null},"
                        "{\"name\":\"L\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"D\",\"type\":[\"null\",\"double\"],\"default\":null},"
                        "{\"name\":\"DE\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2}],\"default\":null},"
                        "{\"name\":\"S\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"B\",\"type\":[\"null\",\"bytes\"],\"default\":null},"
                        "{\"name\":\"DA\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":null},"
                        "{\"name\":\"TI\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"time-millis\"}],\"default\":null},"
                        "{\"name\":\"TS\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},"
                        "{\"name\":\"AR\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],\"default\":null},"
                        "{\"name\":\"MA\",\"type\":[\"null\",{\"type\":\"map\",\"values\":[\"null\",\"double\"]}],\"default\":null},"
                        "{\"name\":\"PO\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"io.confluent.ksql.avro_schemas.KsqlDataSourceSchema_PO\",\"fields\":["
                        "{\"name\":\"X\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"y\",\"type\":[\"null\",\"double\"],\"default\":null},"
                        "{\"name\":\"Tags\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],\"default\":null}]}],\"default\":null}]}");
    check_avro_comes_back(&avro, &one, all_types, COUNT(all_types), empty, empty);
    for (size_t c = 0; c < COUNT(all_types); c++) {
        static const char *const bare[] = {"true", "-5", "7", "1.5", "-0.01", "\"k\"", "\"AQ==\"", "0", "0", "0", "[]", "{}", "{\"X\":null,\"y\":2.0,\"Tags\":null}"};
        check_avro_comes_back(&avro_bare, &one, &all_types[c], 1, bare[c], bare[c]);
    }
    assert_string_equal(one.subject, "T-key");
    check_avro_comes_back(&avro_bare, &one, &all_types[2], 1, "5", "5");
    assert_string_equal(one.added, "\"long\"");
}

static void avro_written_with_a_given_schema(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string)};
    static const struct row_format given = {.format = FORMAT_AVRO, .wrapped = true, .schema_id = 1};
#define FIELDS(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
    static const struct {
        const char *schema, *json, *expected;    /* the body, or why not */
        int length;                              /* of the body; an error code */
    } cases[] = {
        {FIELDS("{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"A\",\"type\":\"long\"}"), "{\"A\":1,\"B\":\"x\"}", "\2x\2", 3},
        {FIELDS("{\"name\":\"x\",\"type\":[\"int\",\"null\"]},{\"name\":\"B\",\"type\":[\"null\",\"int\",\"string\"]},{\"name\":\"A\",\"type\":\"double\"},"
                "{\"name\":\"y\",\"type\":\"null\"}"),
         "{\"A\":1,\"B\":\"x\"}", "\2\4\2x\0\0\0\0\0\0\xf0\x3f", 12},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"x\",\"y\"]}}"), "{\"A\":1,\"B\":\"y\"}",
         "\2\2", 2},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"x\",\"y\"]}}"), "{\"A\":1,\"B\":\"z\"}",
         "column B: its Avro schema has no place for z", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"string\"}"), "{\"A\":1}", "column B is NULL, which its Avro schema does not allow",
         ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"}"), "{}", "writing with schema 1: column B is no field of the schema", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"int\"}"), "{}",
         "writing with schema 1: field B is an int, which cannot be written from STRING", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"string\"},{\"name\":\"C\",\"type\":\"int\"}"), "{}",
         "writing with schema 1: field C, which is no column, may not be null", ERROR_INVALID},
        {"\"int\"", "{}", "writing with schema 1: the schema is an int, not a record", ERROR_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(arena_release) struct arena arena = {0};
        cleanup(bytes_release) struct bytes found = {0};
        struct one_schema one = {.schema = cases[i].schema};
        struct registry registry = registry_of(&one);
        struct slice slice = slice_of(cases[i].json);
        struct row_reader *reader = NULL;
        struct row_writer *writer = NULL;
        struct error error = {0};
        uint8_t status;
        const char *reason;
        assert_int_equal(row_reader_new(&json, columns, 2, NULL, &reader, &error), 0);
        struct vector *vectors = vectors_new(&arena, columns, 2, 1);
        assert_int_equal(row_reader_read(reader, &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error), 0);
        int code = row_writer_new(&given, columns, 2, &registry, &writer, &error);
        if (!code)
            code = row_writer_write(writer, vectors, 0, &found, &error);
        assert_int_equal(one.adds, 0);
        if (cases[i].length < 0) {
            assert_int_equal(code, cases[i].length);
            assert_string_equal(error.message, cases[i].expected);
            assert_int_equal(found.length, 0);
        } else {
            assert_int_equal(code, 0);
            assert_int_equal(found.length, 5 + cases[i].length);
            assert_memory_equal(found.data + 5, cases[i].expected, (size_t)cases[i].length);
        }
        row_reader_free(reader);
        row_writer_free(writer);
    }
#undef FIELDS
}

static void avro_writer_refuses(void **state) {
    (void)state;
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes to = {0};
    static const struct row_column odd = COLUMN("A-B", &type_integer), map = COLUMN("A", &map_by_integer), good = COLUMN("A", &type_integer);
    struct one_schema one = {0};
    struct registry registry = registry_of(&one);
    struct row_writer *writer = NULL;
    struct error error = {0};
    struct row_format named = avro;
    assert_int_equal(row_writer_new(&avro, &odd, 1, &registry, &writer, &error), ERROR_INVALID);
    assert_string_equal(error.message, "A-B is no name of a field in Avro: letters, digits and _ are possible, and no digit first");
    assert_int_equal(row_writer_new(&avro, &map, 1, &registry, &writer, &error), ERROR_UNSUPPORTED);
    named.schema_name = SLICE("a..b");
    assert_int_equal(row_writer_new(&named, &good, 1, &registry, &writer, &error), ERROR_INVALID);
    named.schema_name = SLICE("my.Own");
    named.schema_id = 2;
    assert_int_equal(row_writer_new(&named, &good, 1, &registry, &writer, &error), ERROR_NOT_FOUND);
    named.schema_id = 0;
    assert_int_equal(row_writer_new(&named, &good, 1, &registry, &writer, &error), 0);
    struct vector *vectors = vectors_new(&arena, &good, 1, 1);
    vectors[0].nulls[0] = 0;
    vectors[0].integers[0] = 1;
    one.away = true;
    assert_int_equal(row_writer_write(writer, vectors, 0, &to, &error), ERROR_IO);
    assert_true(error.retriable && to.length == 0);
    one.away = false;
    for (int i = 0; i < 2; i++)
        assert_int_equal(row_writer_write(writer, vectors, 0, &to, &error), 0);
    assert_int_equal(one.adds, 2);    /* the one that failed, and the first that did not */
    assert_true(slice_equal(bytes_slice(&to), SLICE("\0\0\0\0\1\2\2\0\0\0\0\1\2\2")));
    assert_non_null(strstr(one.added, "\"name\":\"my.Own\""));
    row_writer_free(writer);
}

static void columns_are_inferred(void **state) {
    (void)state;
    static const struct {
        const char *schema, *expected;
    } cases[] = {
        {FIELD_A("\"int\""), "A INTEGER"},
        {FIELD_A("[\"null\",\"long\"]"), "A BIGINT"},
        {FIELD_A("\"float\""), "A DOUBLE"},
        {FIELD_A("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"x\"]}"), "A STRING"},
        {FIELD_A("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}"), "A BYTES"},
        {FIELD_A(DECIMAL_OF("4", "2")), "A DECIMAL(4, 2)"},
        {FIELD_A(DECIMAL_OF("39", "2")), "field A: a decimal of 39 digits; DECIMAL has up to 38"},
        {FIELD_A(LOGICAL("int", "date")), "A DATE"},
        {FIELD_A(LOGICAL("int", "time-millis")), "A TIME"},
        {FIELD_A(LOGICAL("long", "time-micros")), "A TIME"},
        {FIELD_A(LOGICAL("long", "timestamp-micros")), "A TIMESTAMP"},
        {FIELD_A("{\"type\":\"array\",\"items\":[\"null\",\"string\"]}"), "A ARRAY<STRING>"},
        {FIELD_A("{\"type\":\"map\",\"values\":\"bytes\"}"), "A MAP<STRING, BYTES>"},
        {FIELD_A("{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"x\",\"type\":\"boolean\"}]}"), "A STRUCT<`x` BOOLEAN>"},
        {FIELD_A("[\"null\",\"R\"]"), "field A: field A: "},
        {FIELD_A("[\"string\",\"long\"]"), "field A: a union of 2 types beside null; SQL has none"},
        {FIELD_A("\"null\""), "field A: null has no type in SQL"},
        {"\"string\"", " STRING"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"lower\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"string\"}]}", "lower INTEGER,B STRING"},
        {"{", "not an Avro schema: "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(arena_release) struct arena arena = {0};
        cleanup(bytes_release) struct bytes found = {0};
        struct row_column *columns = NULL;
        size_t count = 0;
        struct error error = {0};
        int status = row_columns_of_avro(slice_of(cases[i].schema), &arena, &columns, &count, &error);
        if (status) {
            assert_int_equal(status, ERROR_INVALID);
            assert_memory_equal(error.message, cases[i].expected, strlen(cases[i].expected));
            continue;
        }
        for (size_t c = 0; c < count; c++) {
            if (c)
                bytes_append_char(&found, ',');
            bytes_append_slice(&found, columns[c].name);
            bytes_append_char(&found, ' ');
            type_print(&found, columns[c].type);
        }
        bytes_append_char(&found, '\0');
        assert_string_equal(found.data, cases[i].expected);
    }
}

/* --- windows ------------------------------------------------------------------------------------------------------------------------ */

static void windows_of_keys(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes key = {0};
    int64_t start = 0, end = 0;
    bytes_append_string(&key, "k1");
    row_window_write(&key, ROW_WINDOW_TIME, 0x0102030405060708, 99);
    assert_true(slice_equal(bytes_slice(&key), SLICE("k1\1\2\3\4\5\6\7\10")));
    struct slice text = bytes_slice(&key);
    assert_true(row_window_read(&text, ROW_WINDOW_TIME, 1000, &start, &end));
    assert_true(slice_equal(text, SLICE("k1")));
    assert_true(start == 0x0102030405060708 && end == start + 1000);
    key.length = 0;
    row_window_write(&key, ROW_WINDOW_SESSION, -1, 2);
    assert_true(slice_equal(bytes_slice(&key), SLICE("\0\0\0\0\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff")));
    text = bytes_slice(&key);
    assert_true(row_window_read(&text, ROW_WINDOW_SESSION, 0, &start, &end));
    assert_true(start == -1 && end == 2 && text.length == 0);
    text = SLICE("1234567");
    assert_false(row_window_read(&text, ROW_WINDOW_TIME, 0, &start, &end));
    assert_int_equal(text.length, 7);
    text = SLICE("123456789012345");
    assert_false(row_window_read(&text, ROW_WINDOW_SESSION, 0, &start, &end));
    assert_true(row_window_read(&text, ROW_WINDOW_NONE, 0, &start, &end));
    row_window_write(&key, ROW_WINDOW_NONE, 1, 2);
    assert_int_equal(key.length, 16);
    text = SLICE("\x7f\xff\xff\xff\xff\xff\xff\xff");
    assert_true(row_window_read(&text, ROW_WINDOW_TIME, 10, &start, &end));
    assert_true(end == INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_types_are_read),
        cmocka_unit_test(json_names_are_found),
        cmocka_unit_test(json_rows_in_any_order),
        cmocka_unit_test(json_bare_values),
        cmocka_unit_test(json_is_written),
        cmocka_unit_test(json_large_map),
        cmocka_unit_test(delimited_is_read),
        cmocka_unit_test(delimited_types),
        cmocka_unit_test(delimited_is_written),
        cmocka_unit_test(kafka_values),
        cmocka_unit_test(kafka_comes_back),
        cmocka_unit_test(formats_refuse_columns),
        cmocka_unit_test(none_reads_all_and_writes_nothing),
        cmocka_unit_test(avro_types_are_read),
        cmocka_unit_test(avro_fields_are_found),
        cmocka_unit_test(avro_registry_matters),
        cmocka_unit_test(avro_comes_back),
        cmocka_unit_test(avro_written_with_a_given_schema),
        cmocka_unit_test(avro_writer_refuses),
        cmocka_unit_test(columns_are_inferred),
        cmocka_unit_test(windows_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

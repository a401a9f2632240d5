/* Keys and values of records as columns, format by format: what is read, what is bad and why, what is written, and
 * that it comes back. */
#include "row_check.h"

static const struct row_format delimited = {.format = FORMAT_DELIMITED, .delimiter = ',', .wrapped = true};
static const struct row_format kafka = {.format = FORMAT_KAFKA};

static void check_read(const struct row_format *format, const struct row_column *columns, size_t count,
                       const char *text, const char *expected) {
    check_read_with(format, NULL, columns, count, slice_of(text), expected);
}

/* Reads one text and writes the row: `expected` is what comes out. */
static void check_write(const struct row_format *from, const struct row_format *to, const struct row_column *columns,
                        size_t count, const char *text, const char *expected) {
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

/* --- JSON
 * ------------------------------------------------------------------------------------------------------------------ */

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
        {&type_date, "1.5", "1970-01-02"},
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
    COLUMN("GATEWAY", &type_string),   COLUMN("METRICTYPE", &type_string), COLUMN("METRICATTRIBUTE", &type_string),
    COLUMN("TIMESTAMP", &type_bigint), COLUMN("VALUE", &type_double),
};

static void json_names_are_found(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("b", &type_string),
                                                COLUMN("C_1", &type_double)};
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
        {"{\"\":1}", "~|~|~"},
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
        SLICE(
            "{\"value\":3.5,\"metricattribute\":\"A\",\"x\":1,\"metricType\":\"T\",\"gateway\":\"G\",\"timestamp\":9}"),
        {NULL, 0},
        SLICE("{\"timestamp\":\"x\"}"),
        SLICE("{\"GATEWAY\":\"1\",\"gateway\":\"2\",\"VALUE\":0}"),
    };
    static const char *const expected[] = {"g|t|a|7|1.5", "g|t|a|8|2.5", "G|T|A|9|3.5",
                                           "~|~|~|~|~",   "~|~|~|~|~",   "1|~|~|~|0.0"};
    static const uint8_t expected_status[] = {ROW_READ_GOOD, ROW_READ_GOOD, ROW_READ_GOOD,
                                              ROW_READ_NULL, ROW_READ_BAD,  ROW_READ_GOOD};
    uint8_t status[COUNT(texts)];
    const char *reasons[COUNT(texts)];
    assert_int_equal(row_reader_new(&json, readings, COUNT(readings), NULL, &reader, NULL), 0);
    struct vector *vectors = vectors_new(&arena, readings, COUNT(readings), COUNT(texts));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(
            row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, NULL), 0);
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
    static const struct row_column text = COLUMN("K", &type_string), number = COLUMN("K", &type_bigint),
                                   list = COLUMN("K", &array_of_integer);
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

/* --- DELIMITED
 * ------------------------------------------------------------------------------------------------------------------ */

static void delimited_is_read(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_bigint), COLUMN("B", &type_string),
                                                COLUMN("C", &type_double)};
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
    static const struct row_column columns[] = {
        COLUMN("A", &type_boolean), COLUMN("B", &type_integer), COLUMN("C", &decimal_4_2),   COLUMN("D", &type_bytes),
        COLUMN("E", &type_date),    COLUMN("F", &type_time),    COLUMN("G", &type_timestamp)};
    check_read(&delimited, columns, COUNT(columns), "True,-7,1.5,AQID,18262,0,0",
               "true|-7|1.50|\1\2\3|2020-01-01|00:00|1970-01-01T00:00:00.000");
    check_read(&delimited, columns, COUNT(columns), "yes,-7,1.5,AQID,18262,0,0",
               "BAD: field A: yes cannot be read as BOOLEAN");
    check_read(&delimited, columns, COUNT(columns), "true,2147483648,1.5,AQID,18262,0,0",
               "BAD: field B: 2147483648 cannot be read as INTEGER");
    check_read(&delimited, columns, COUNT(columns), "true,1,1.555,AQID,18262,0,0",
               "BAD: field C: 1.555 cannot be read as DECIMAL(4, 2)");
    check_write(&delimited, &delimited, columns, COUNT(columns), "true,-7,1.5,AQID,18262,5,-1",
                "true,-7,1.50,AQID,18262,5,-1");
}

static void delimited_is_written(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_string), COLUMN("B", &type_string),
                                                COLUMN("C", &type_double)};
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

/* --- KAFKA and NONE
 * ----------------------------------------------------------------------------------------------------------------- */

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
    } cases[] = {{&type_integer, {"\xff\0\1\2", 4}},
                 {&type_bigint, {"\0\1\2\3\4\5\6\7", 8}},
                 {&type_double, {"\xc0\1\2\3\4\5\6\7", 8}},
                 {&type_string, {"abc", 3}},
                 {&type_bytes, {"\1\0", 2}},
                 {&type_string, {NULL, 0}}};
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
        assert_int_equal(
            row_reader_read(reader, &cases[i].bytes, sizeof(struct slice), 1, &arena, vectors, &status, &reason, NULL),
            0);
        assert_int_equal(row_writer_write(writer, vectors, 0, &found, NULL), 0);
        assert_true(slice_equal(bytes_slice(&found), cases[i].bytes));
        row_reader_free(reader);
        row_writer_free(writer);
    }
}

static void formats_refuse_columns(void **state) {
    (void)state;
    static const struct row_column two[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string)};
    static const struct row_column date = COLUMN("A", &type_date), list = COLUMN("A", &array_of_integer),
                                   map = COLUMN("A", &map_by_integer);
    static const struct row_format no_delimiter = {.format = FORMAT_DELIMITED}, none = {.format = FORMAT_NONE},
                                   unset = {0};
    static const struct {
        const struct row_format *format;
        const struct row_column *columns;
        size_t count;
        int code;
        const char *message;
    } cases[] = {
        {&kafka, two, 2, ERROR_UNSUPPORTED, "format KAFKA holds one column, not 2; use JSON, AVRO or DELIMITED"},
        {&kafka, &date, 1, ERROR_UNSUPPORTED,
         "format KAFKA cannot hold column A of type DATE; it holds INTEGER, BIGINT, DOUBLE, STRING and BYTES"},
        {&delimited, &list, 1, ERROR_UNSUPPORTED,
         "format DELIMITED cannot hold column A: ARRAY, MAP and STRUCT need JSON or AVRO"},
        {&no_delimiter, two, 2, ERROR_INVALID,
         "the delimiter of format DELIMITED must be one character, but no quote and no line end"},
        {&json, &map, 1, ERROR_UNSUPPORTED, "format JSON cannot hold column A: the keys of a MAP must be STRING"},
        {&none, two, 2, ERROR_UNSUPPORTED, "format NONE has no columns; name another format"},
        {&unset, two, 2, ERROR_UNSUPPORTED,
         "no format is given; possible are JSON, JSON_SR, AVRO, PROTOBUF, PROTOBUF_NOSR, DELIMITED, KAFKA or NONE"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_reader *reader = NULL;
        struct row_writer *writer = NULL;
        struct error error = {0};
        assert_int_equal(row_reader_new(cases[i].format, cases[i].columns, cases[i].count, NULL, &reader, &error),
                         cases[i].code);
        assert_string_equal(error.message, cases[i].message);
        assert_int_equal(row_writer_new(cases[i].format, cases[i].columns, cases[i].count, NULL, &writer, &error),
                         cases[i].code);
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

/* --- windows
 * ------------------------------------------------------------------------------------------------------------------ */

static void windows_of_keys(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes key = {0};
    int64_t start = 0, end = 0;
    bytes_append_string(&key, "k1");
    row_window_write(&key, ROW_WINDOW_TIME, 0x0102030405060708, 99);
    assert_true(slice_equal(bytes_slice(&key), SLICE("k1\1\2\3\4\5\6\7\10")));
    struct slice text = bytes_slice(&key);
    assert_true(row_window_read(&text, ROW_WINDOW_TIME, 1000, NULL, &start, &end));
    assert_true(slice_equal(text, SLICE("k1")));
    assert_true(start == 0x0102030405060708 && end == start + 1000);
    key.length = 0;
    row_window_write(&key, ROW_WINDOW_SESSION, -1, 2);
    assert_true(slice_equal(bytes_slice(&key), SLICE("\0\0\0\0\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff")));
    text = bytes_slice(&key);
    assert_true(row_window_read(&text, ROW_WINDOW_SESSION, 0, NULL, &start, &end));
    assert_true(start == -1 && end == 2 && text.length == 0);
    text = SLICE("1234567");
    assert_false(row_window_read(&text, ROW_WINDOW_TIME, 0, NULL, &start, &end));
    assert_int_equal(text.length, 7);
    text = SLICE("123456789012345");
    assert_false(row_window_read(&text, ROW_WINDOW_SESSION, 0, NULL, &start, &end));
    assert_true(row_window_read(&text, ROW_WINDOW_NONE, 0, NULL, &start, &end));
    row_window_write(&key, ROW_WINDOW_NONE, 1, 2);
    assert_int_equal(key.length, 16);
    text = SLICE("\x7f\xff\xff\xff\xff\xff\xff\xff");
    assert_true(row_window_read(&text, ROW_WINDOW_TIME, 10, NULL, &start, &end));
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
        cmocka_unit_test(windows_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rows in AVRO: schema resolution type by type, registries that know nothing or are away, schemas made of columns
 * and columns of schemas. */
#include "row_check.h"

/* A registry of one or two schemas: id 1 is `schema`; what is added becomes it, too. */
struct one_schema {
    const char *schema;
    char added[2000], subject[100];
    int asked, adds;
    bool away;
};

static int one_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                    struct error *error) {
    (void)kind;
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

static int one_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                   struct error *error) {
    (void)kind;
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
#define DECIMAL_OF(precision, scale)                                                                                   \
    "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" precision ",\"scale\":" scale "}"
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define ENTRIES(key)                                                                                                   \
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[{\"name\":\"key\",\"type\":" key    \
    "},{\"name\":\"value\",\"type\":[\"null\",\"double\"]}]}}"
#define BODY(literal)                                                                                                  \
    { literal, sizeof literal - 1 }

static void check_avro(const struct row_format *format, const char *schema, const struct row_column *columns,
                       size_t count, struct slice body, const char *expected) {
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
        {FIELD_A("\"int\""), &type_integer, BODY("\x80\x80\x80\x80\x10"),
         "BAD: field A: 2147483648 cannot be read as INTEGER"},
        {FIELD_A("\"long\""), &type_bigint, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "-9223372036854775808"},
        {FIELD_A("\"long\""), &type_integer, BODY("\2"),
         "BAD: schema 1 cannot be read as the columns: field A is a long, which cannot be read as INTEGER"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\0"), "~"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\2\4"), "2"},
        {FIELD_A("[\"long\",\"null\"]"), &type_bigint, BODY("\0\4"), "2"},
        {FIELD_A("[\"null\",\"long\"]"), &type_bigint, BODY("\4"),
         "BAD: field A has a union branch that its schema does not know"},
        {FIELD_A("[\"null\",\"string\",\"long\"]"), &type_bigint, BODY("\2\2a"),
         "BAD: field A holds a union branch of a type that does not fit"},
        {FIELD_A("[\"null\",\"string\"]"), &type_bigint, BODY("\0"),
         "BAD: schema 1 cannot be read as the columns: field A is a union, which cannot be read as BIGINT"},
        {FIELD_A("\"null\""), &type_bigint, BODY(""), "~"},
        {FIELD_A("\"float\""), &type_double, BODY("\0\0\xc0\x3f"), "1.5"},
        {FIELD_A("\"double\""), &type_double, BODY("\0\0\0\0\0\0\xf8\x3f"), "1.5"},
        {FIELD_A("\"double\""), &type_double, BODY("\0\0\0\0\0\0\xf8"), "BAD: truncated: the value ends in field A"},
        {FIELD_A("\"string\""), &type_string, BODY("\6abc"), "abc"},
        {FIELD_A("\"string\""), &type_string, BODY("\4a\xff"), "a\xef\xbf\xbd"},
        {FIELD_A("\"string\""), &type_string, BODY("\6ab"), "BAD: truncated: the value ends in field A"},
        {FIELD_A("\"string\""), &type_string, BODY("\1"), "BAD: field A has a negative length"},
        {FIELD_A("\"string\""), &type_string, BODY("\2ab"), "BAD: the Avro value has bytes after its last field"},
        {FIELD_A("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ON\",\"OFF\"]}"), &type_string, BODY("\2"), "OFF"},
        {FIELD_A("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"ON\",\"OFF\"]}"), &type_string, BODY("\4"),
         "BAD: field A has an enum symbol"},
        {FIELD_A("\"bytes\""), &type_string, BODY("\2a"), "a"},
        {FIELD_A("\"bytes\""), &type_bytes, BODY("\4\xff\1"), "\xff\1"},
        {FIELD_A("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}"), &type_bytes, BODY("ab"), "ab"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\4\4\xe2"), "12.50"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\2\xff"), "-0.01"},
        {FIELD_A(DECIMAL_OF("4", "2")), &decimal_4_2, BODY("\x28\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\xe2"), "12.50"},
        {FIELD_A(DECIMAL_OF("4", "1")), &decimal_4_2, BODY("\2\x7d"), "12.50"},
        {FIELD_A(DECIMAL_OF("5", "3")), &decimal_4_2, BODY("\4\x30\xd4"), "12.50"},
        {FIELD_A(DECIMAL_OF("5", "3")), &decimal_4_2, BODY("\4\x30\xd5"),
         "BAD: field A: a decimal that does not fit cannot be read as DECIMAL(4, 2)"},
        {FIELD_A(DECIMAL_OF("5", "0")), &decimal_4_2, BODY("\2\x64"), "BAD: field A: a decimal that does not fit"},
        {FIELD_A(DECIMAL_OF("5", "0")), &decimal_4_2, BODY("\0"), "BAD: field A: a decimal that does not fit"},
        {FIELD_A(DECIMAL_OF("4", "2")), &type_double, BODY("\4\4\xe2"), "12.5"},
        {FIELD_A("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":4,"
                 "\"scale\":3}"),
         &type_double, BODY("\xff\xff"), "-0.001"},
        {FIELD_A(DECIMAL_OF("4", "2")), &type_double, BODY("\0"), "BAD: field A has a decimal"},
        {FIELD_A("\"bytes\""), &type_double, BODY("\0"),
         "BAD: schema 1 cannot be read as the columns: field A is bytes, which cannot be read as DOUBLE"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_string, BODY("\x90\x4e"), "1970-01-01T00:00:05Z"},
        {FIELD_A(LOGICAL("long", "timestamp-micros")), &type_string, BODY("\x80\x92\xf4\1"), "1970-01-01T00:00:02Z"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_string, BODY("\1"),
         "BAD: field A: -1 cannot be read as TIMESTAMP"},
        {FIELD_A("[\"null\"," LOGICAL("long", "timestamp-millis") "]"), &type_string, BODY("\2\x90\x4e"),
         "1970-01-01T00:00:05Z"},
        {FIELD_A("\"long\""), &type_string, BODY("\0"),
         "BAD: schema 1 cannot be read as the columns: field A is a long, which cannot be read as STRING"},
        {FIELD_A(LOGICAL("int", "date")), &type_date, BODY("\xac\x9d\2"), "2020-01-01"},
        {FIELD_A("\"int\""), &type_date, BODY("\xac\x9d\2"), "2020-01-01"},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_date, BODY("\2"),
         "BAD: schema 1 cannot be read as the columns: field A is an int (time-millis), "},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_time, BODY("\x90\x4e"), "00:00:05"},
        {FIELD_A(LOGICAL("int", "time-millis")), &type_time, BODY("\1"), "BAD: field A: -1 cannot be read as TIME"},
        {FIELD_A(LOGICAL("long", "time-micros")), &type_time, BODY("\x90\x4e"), "00:00:00.005"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_timestamp, BODY("\1"), "1969-12-31T23:59:59.999"},
        {FIELD_A(LOGICAL("long", "timestamp-micros")), &type_timestamp, BODY("\1"), "1969-12-31T23:59:59.999"},
        {FIELD_A(LOGICAL("long", "timestamp-millis")), &type_bigint, BODY("\1"), "-1"},
        {FIELD_A("\"long\""), &type_timestamp, BODY("\x90\x4e"), "1970-01-01T00:00:05.000"},
        {FIELD_A("{\"type\":\"array\",\"items\":\"int\"}"), &array_of_integer, BODY("\4\2\4\0"), "[1, 2]"},
        {FIELD_A("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}"), &array_of_integer, BODY("\3\6\0\2\4\2\2\6\0"),
         "[null, 2, 3]"},
        {FIELD_A("{\"type\":\"array\",\"items\":\"null\"}"), &array_of_integer, BODY("\xfe\xff\xff\xff\xff\7\0"),
         "BAD: field A has too many empty items"},
        {FIELD_A("{\"type\":\"map\",\"values\":\"double\"}"), &map_of_double, BODY("\2\2k\0\0\0\0\0\0\xf8\x3f\0"),
         "{k=1.5}"},
        {FIELD_A(ENTRIES("\"string\"")), &map_of_double, BODY("\2\2k\2\0\0\0\0\0\0\xf8\x3f\0"), "{k=1.5}"},
        {FIELD_A(ENTRIES("[\"null\",\"string\"]")), &map_of_double, BODY("\2\0\0\0"),
         "BAD: field A: an entry without a key cannot be read as MAP<STRING, DOUBLE>"},
        {FIELD_A("{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"o\",\"type\":\"string\"},{\"name\":\"x\","
                 "\"type\":\"int\"}]}"),
         &point, BODY("\2o\2"), "Struct{X=1}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column column = COLUMN("A", cases[i].type);
        check_avro(&avro, cases[i].schema, &column, 1, cases[i].body, cases[i].expected);
    }
}

static void avro_fields_are_found(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string),
                                                COLUMN("C", &type_double)};
    static const char schema[] =
        "[\"null\",{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"string\"},"
        "{\"name\":\"other\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},{\"name\":\"a\",\"type\":\"string\"},"
        "{\"name\":\"A\",\"type\":\"int\"}]}]";
    check_avro(&avro, schema, columns, 3, SLICE("\2\2x\2\2y\0\2z\16"), "7|x|~");
    check_avro(&avro, schema, columns, 3, SLICE("\0"), "NULL");
    check_avro(&avro, schema, columns, 3, SLICE("\4"),
               "BAD: field of the whole value has a union branch that its schema does not know");
    check_avro(&avro, "\"string\"", columns, 3, SLICE("\0"),
               "BAD: schema 1 cannot be read as the columns: the schema is a string, not a record");
    check_avro(&avro, "{}", columns, 3, SLICE("\0"), "BAD: schema 1 cannot be read as the columns: not an Avro schema");
    check_avro(&avro_bare, "\"string\"", &columns[1], 1, SLICE("\2k"), "k");
    check_avro(&avro_bare, "[\"null\",\"string\"]", &columns[1], 1, SLICE("\0"), "NULL");
    check_avro(&avro_bare, "\"long\"", &columns[1], 1, SLICE("\0"),
               "BAD: schema 1 cannot be read as the column: the schema is a long, which cannot be read as STRING");
}

/* Texts side by side, some of which are no ASCII or no UTF-8 at all; bytes stay what they are. */
static void avro_texts_side_by_side(void **state) {
    (void)state;
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"A\",\"type\":\"string\"},"
        "{\"name\":\"B\",\"type\":\"string\"},{\"name\":\"C\",\"type\":\"bytes\"},{\"name\":\"D\",\"type\":\"int\"},"
        "{\"name\":\"E\",\"type\":[\"null\",\"string\"]},{\"name\":\"F\",\"type\":\"string\"}]}";
    static const struct row_column columns[] = {COLUMN("A", &type_string), COLUMN("B", &type_string),
                                                COLUMN("C", &type_bytes),  COLUMN("D", &type_integer),
                                                COLUMN("E", &type_string), COLUMN("F", &type_string)};
    static const struct {
        struct slice body;
        const char *expected;
    } cases[] = {
        {BODY("\2a\4bc\2d\2\0\2f"), "a|bc|d|1|~|f"},
        {BODY("\4\xc3\xa4\4b\xff\2\xff\2\2\2\xfe\2f"), "\xc3\xa4|b\xef\xbf\xbd|\xff|1|\xef\xbf\xbd|f"},
        {BODY("\0\0\0\2\2\4\xc3\xa4\4\xff"
              "f"),
         "|||1|\xc3\xa4|\xef\xbf\xbd"
         "f"},
        {BODY("\4\xc3\xa4\4b"), "BAD: truncated: the value"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_avro(&avro, schema, columns, COUNT(columns), cases[i].body, cases[i].expected);
}

/* A record that begins as an object of JSON does. */
static void avro_or_json(void **state) {
    (void)state;
    static const struct row_column columns[] = {COLUMN("A", &type_integer), COLUMN("B", &type_string)};
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"A\":1,\"B\":\"x\"}", "1|x"},
        {" \n{\"b\":7}", "~|7"},
        {"{\"A\":\"x\"}", "BAD: field A: \"x\" cannot be read as INTEGER"},
        {"{\"A\":1", "BAD: truncated: the JSON text ends at byte 6"},
        {"[1]", "BAD: not Avro in the wire format (first byte 0x5b) and not JSON"},
        {" ", "BAD: not Avro in the wire format (first byte 0x20) and not JSON"},
    };
    struct one_schema one = {0};
    struct registry registry = registry_of(&one);
    for (size_t i = 0; i < COUNT(cases); i++)
        check_read_with(&avro, &registry, columns, 2, slice_of(cases[i].text), cases[i].expected);
    check_read_with(&avro_bare, &registry, &columns[1], 1, SLICE("{}"),
                    "BAD: not Avro in the wire format (first byte 0x7b)");
    assert_int_equal(one.asked, 0);
}

static void avro_registry_matters(void **state) {
    (void)state;
    cleanup(arena_release) struct arena arena = {0};
    static const struct row_column column = COLUMN("A", &type_integer);
    struct slice texts[] = {SLICE("\0\0\0\0\1\2"),
                            SLICE("\0\0\0\0\2\2"),
                            SLICE("\0\0\0\0\2\2"),
                            SLICE("\0\0\0\0\3\2"),
                            SLICE("\0\0\0"),
                            SLICE("x{}"),
                            {NULL, 0},
                            SLICE("")};
    static const char *const expected[] = {NULL,
                                           "schema id 2 is not in the registry",
                                           "schema id 2 is not in the registry",
                                           "schema 3 is PROTOBUF",
                                           "truncated: the wire format begins with byte 0 and four bytes of schema id",
                                           "not Avro in the wire format (first byte 0x78) and not JSON",
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
    assert_int_equal(
        row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, &error),
        ERROR_IO);
    assert_true(error.retriable);
    one.away = false;
    one.asked = 0;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(
            row_reader_read(reader, texts, sizeof *texts, COUNT(texts), &arena, vectors, status, reasons, &error), 0);
        for (size_t i = 0; i < COUNT(texts); i++) {
            assert_int_equal(status[i], expected[i] ? ROW_READ_BAD : i ? ROW_READ_NULL : ROW_READ_GOOD);
            if (expected[i])
                assert_string_equal(reasons[i], expected[i]);
        }
        assert_int_equal(vectors[0].integers[0], 1);
    }
    assert_int_equal(one.asked, 5); /* the unknown one and the refused one are asked for in each call */
    row_reader_free(reader);
}

static const struct row_column all_types[] = {
    COLUMN("BO", &type_boolean),   COLUMN("I", &type_integer),      COLUMN("L", &type_bigint),
    COLUMN("D", &type_double),     COLUMN("DE", &decimal_4_2),      COLUMN("S", &type_string),
    COLUMN("B", &type_bytes),      COLUMN("DA", &type_date),        COLUMN("TI", &type_time),
    COLUMN("TS", &type_timestamp), COLUMN("AR", &array_of_integer), COLUMN("MA", &map_of_double),
    COLUMN("PO", &point),
};

/* Reads JSON, writes AVRO, reads AVRO, writes JSON. */
static void check_avro_comes_back(const struct row_format *to, struct one_schema *one, const struct row_column *columns,
                                  size_t count, const char *text, const char *expected) {
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
    assert_int_equal(row_reader_read(readers[0], &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error),
                     0);
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
    static const char full[] = "{\"BO\":true,\"I\":-5,\"L\":9223372036854775807,\"D\":1.5,\"DE\":-12.50,\"S\":"
                               "\"\xc3\xa9\",\"B\":\"AQID\",\"DA\":18262,"
                               "\"TI\":86399999,\"TS\":-1,\"AR\":[1,null,3],\"MA\":{\"a\":1.0,\"b\":null},\"PO\":{"
                               "\"X\":1,\"y\":null,\"Tags\":[7]}}";
    static const char empty[] = "{\"BO\":null,\"I\":null,\"L\":null,\"D\":null,\"DE\":null,\"S\":null,\"B\":null,"
                                "\"DA\":null,\"TI\":null,\"TS\":null,"
                                "\"AR\":null,\"MA\":null,\"PO\":null}";
    struct one_schema one = {0};
    check_avro_comes_back(&avro, &one, all_types, COUNT(all_types), full, full);
    assert_string_equal(one.subject, "T-value");
    assert_string_equal(
        one.added,
        "{\"type\":\"record\",\"name\":\"KsqlDataSourceSchema\",\"namespace\":\"io.confluent.ksql.avro_schemas\","
        "\"fields\":["
        "{\"name\":\"BO\",\"type\":[\"null\",\"boolean\"],\"default\":null},{\"name\":\"I\",\"type\":[\"null\",\"int\"]"
        ",\"default\":null},"
        "{\"name\":\"L\",\"type\":[\"null\",\"long\"],\"default\":null},{\"name\":\"D\",\"type\":[\"null\",\"double\"],"
        "\"default\":null},"
        "{\"name\":\"DE\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":"
        "2}],\"default\":null},"
        "{\"name\":\"S\",\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"B\",\"type\":[\"null\",\"bytes\"]"
        ",\"default\":null},"
        "{\"name\":\"DA\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"date\"}],\"default\":null},"
        "{\"name\":\"TI\",\"type\":[\"null\",{\"type\":\"int\",\"logicalType\":\"time-millis\"}],\"default\":null},"
        "{\"name\":\"TS\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":"
        "null},"
        "{\"name\":\"AR\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],\"default\":null},"
        "{\"name\":\"MA\",\"type\":[\"null\",{\"type\":\"map\",\"values\":[\"null\",\"double\"]}],\"default\":null},"
        "{\"name\":\"PO\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"KsqlDataSourceSchema_PO\",\"fields\":["
        "{\"name\":\"X\",\"type\":[\"null\",\"int\"],\"default\":null},{\"name\":\"y\",\"type\":[\"null\",\"double\"],"
        "\"default\":null},"
        "{\"name\":\"Tags\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"int\"]}],\"default\":null}]}],"
        "\"default\":null}]}");
    check_avro_comes_back(&avro, &one, all_types, COUNT(all_types), empty, empty);
    for (size_t c = 0; c < COUNT(all_types); c++) {
        static const char *const bare[] = {"true",
                                           "-5",
                                           "7",
                                           "1.5",
                                           "-0.01",
                                           "\"k\"",
                                           "\"AQ==\"",
                                           "0",
                                           "0",
                                           "0",
                                           "[]",
                                           "{}",
                                           "{\"X\":null,\"y\":2.0,\"Tags\":null}"};
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
        const char *schema, *json, *expected; /* the body, or why not */
        int length;                           /* of the body; an error code */
    } cases[] = {
        {FIELDS("{\"name\":\"b\",\"type\":\"string\"},{\"name\":\"A\",\"type\":\"long\"}"), "{\"A\":1,\"B\":\"x\"}",
         "\2x\2", 3},
        {FIELDS("{\"name\":\"x\",\"type\":[\"int\",\"null\"]},{\"name\":\"B\",\"type\":[\"null\",\"int\",\"string\"]},{"
                "\"name\":\"A\",\"type\":\"double\"},"
                "{\"name\":\"y\",\"type\":\"null\"}"),
         "{\"A\":1,\"B\":\"x\"}", "\2\4\2x\0\0\0\0\0\0\xf0\x3f", 12},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
                "\"symbols\":[\"x\",\"y\"]}}"),
         "{\"A\":1,\"B\":\"y\"}", "\2\2", 2},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
                "\"symbols\":[\"x\",\"y\"]}}"),
         "{\"A\":1,\"B\":\"z\"}", "column B: its Avro schema has no place for z", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"string\"}"), "{\"A\":1}",
         "column B is NULL, which its Avro schema does not allow", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"}"), "{}", "writing with schema 1: column B is no field of the schema",
         ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"int\"}"), "{}",
         "writing with schema 1: field B is an int, which cannot be written from STRING", ERROR_INVALID},
        {FIELDS("{\"name\":\"A\",\"type\":\"int\"},{\"name\":\"B\",\"type\":\"string\"},{\"name\":\"C\",\"type\":"
                "\"int\"}"),
         "{}", "writing with schema 1: field C, which is no column, may not be null", ERROR_INVALID},
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
        assert_int_equal(row_reader_read(reader, &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error),
                         0);
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
    static const struct row_column odd = COLUMN("A-B", &type_integer), map = COLUMN("A", &map_by_integer),
                                   good = COLUMN("A", &type_integer);
    struct one_schema one = {0};
    struct registry registry = registry_of(&one);
    struct row_writer *writer = NULL;
    struct error error = {0};
    struct row_format named = avro;
    assert_int_equal(row_writer_new(&avro, &odd, 1, &registry, &writer, &error), ERROR_INVALID);
    assert_string_equal(error.message,
                        "A-B is no name of a field in Avro: letters, digits and _ are possible, and no digit first");
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
    assert_int_equal(one.adds, 2); /* the one that failed, and the first that did not */
    assert_true(slice_equal(bytes_slice(&to), SLICE("\0\0\0\0\1\2\2\0\0\0\0\1\2\2")));
    assert_non_null(strstr(one.added, "\"name\":\"Own\",\"namespace\":\"my\""));
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
        {FIELD_A("{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"x\",\"type\":\"boolean\"}]}"),
         "A STRUCT<`x` BOOLEAN>"},
        {FIELD_A("[\"null\",\"R\"]"), "field A: field A: "},
        {FIELD_A("[\"string\",\"long\"]"), "field A: a union of 2 types beside null; SQL has none"},
        {FIELD_A("\"null\""), "field A: null has no type in SQL"},
        {"\"string\"", " STRING"},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"lower\",\"type\":\"int\"},{\"name\":\"B\","
         "\"type\":\"string\"}]}",
         "lower INTEGER,B STRING"},
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avro_types_are_read),
        cmocka_unit_test(avro_fields_are_found),
        cmocka_unit_test(avro_or_json),
        cmocka_unit_test(avro_registry_matters),
        cmocka_unit_test(avro_comes_back),
        cmocka_unit_test(avro_written_with_a_given_schema),
        cmocka_unit_test(avro_writer_refuses),
        cmocka_unit_test(columns_are_inferred),
        cmocka_unit_test(avro_texts_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

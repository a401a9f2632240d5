/* PROTOBUF and JSON_SR: bytes as protobuf.dev ("Encoding") gives them, schemas of other producers, what is damaged,
 * and that each type comes back as it was written. */
#include "codec/protobuf/proto_schema.h"
#include "model/registry_memory.h"
#include "row_check.h"

static const struct row_format plain = {.format = FORMAT_PROTOBUF_NOSR, .wrapped = true};
static const struct row_format protobuf = {.format = FORMAT_PROTOBUF, .wrapped = true, .subject = "t-value"};
static const struct row_format json_sr = {.format = FORMAT_JSON_SR, .wrapped = true, .subject = "t-value"};

#define BODY(literal)                                                                                                  \
    { literal, sizeof literal - 1 }

/* --- columns, no registry
 * ------------------------------------------------------------------------------------------------------------------ */

static void fields_are_read(void **state) {
    (void)state;
    static const struct type array_of_string = {.kind = TYPE_ARRAY, .element = &type_string};
    static const struct {
        const struct type *type;
        struct slice body;
        const char *expected;
    } cases[] = {
        {&type_integer, BODY("\x08\x96\x01"), "150"},
        {&type_integer, BODY(""), "0"},
        {&type_integer, BODY("\x08\x01\x08\x02"), "2"}, /* the last one counts */
        {&type_integer, BODY("\x10\x05\x08\x07"), "7"}, /* an unknown field is passed over */
        {&type_integer, BODY("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "-1"},
        {&type_bigint, BODY("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "-1"},
        {&type_bigint, BODY(""), "0"},
        {&type_boolean, BODY("\x08\x01"), "true"},
        {&type_boolean, BODY(""), "false"},
        {&type_double, BODY("\x09\0\0\0\0\0\0\xf8\x3f"), "1.5"},
        {&type_double, BODY(""), "0.0"},
        {&type_string, BODY("\x0a\x07testing"), "testing"},
        {&type_string, BODY(""), ""},
        {&type_string, BODY("\x0a\x02\x61\xff"), "a\xef\xbf\xbd"},
        {&type_timestamp, BODY(""), "~"},
        {&type_timestamp, BODY("\x0a\x08\x08\x02\x10\xc0\x84\x3d\x18\x01"), "1970-01-01T00:00:02.001"},
        {&type_date, BODY("\x0a\x07\x08\xd0\x0f\x10\x02\x18\x1d"), "2000-02-29"},
        {&type_date, BODY("\x0a\x07\x08\xd1\x0f\x10\x02\x18\x1d"), "BAD: field A: google.type.Date cannot be read"},
        {&type_time, BODY("\x0a\x06\x08\x01\x10\x02\x18\x03"), "01:02:03"},
        {&type_time, BODY("\x0a\x02\x08\x19"), "BAD: field A: google.type.TimeOfDay cannot be read"},
        {&decimal_4_2, BODY("\x0a\x08\x0a\x02\x04\xe2\x10\x04\x18\x02"), "12.50"},
        {&decimal_4_2, BODY("\x0a\x03\x0a\x01\xff"), "-1.00"},
        {&decimal_4_2, BODY("\x0a\x04\x0a\x02\x7f\xff"), "BAD: field A: confluent.type.Decimal cannot be read"},
        {&array_of_integer, BODY(""), "[]"},
        {&array_of_integer, BODY("\x0a\x03\x01\xac\x02"), "[1, 300]"},          /* packed */
        {&array_of_integer, BODY("\x08\x01\x0a\x01\x02\x08\x03"), "[1, 2, 3]"}, /* both forms */
        {&array_of_string, BODY("\x0a\x01x\x0a\x00"), "[x, ]"},
        {&map_of_double, BODY(""), "{}"},
        {&map_of_double, BODY("\x0a\x0c\x0a\x01k\x11\0\0\0\0\0\0\xf8\x3f"), "{k=1.5}"},
        {&map_of_double, BODY("\x0a\x03\x0a\x01k"), "{k=0.0}"},
        {&point, BODY(""), "~"},
        {&point, BODY("\x0a\x02\x08\x05"), "Struct{X=5,y=0.0,Tags=[]}"},
        {&point, BODY("\x0a\x04\x08\x05\x18\x01\x0a\x02\x18\x02"), "Struct{X=5,y=0.0,Tags=[1, 2]}"}, /* merged */
        /* damaged */
        {&type_integer, BODY("\x08"), "BAD: the Protobuf message is cut off in the midst of a field"},
        {&type_integer, BODY("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "BAD: the Protobuf message is cut off"},
        {&type_integer, BODY("\x00\x01"), "BAD: the Protobuf message is damaged"},
        {&type_integer, BODY("\x0a\x01\x61"), "BAD: field A has another wire type than its schema says"},
        {&type_integer, BODY("\x0b\x0c"), "BAD: the Protobuf message has a group"},
        {&type_string, BODY("\x0a\x7fx"), "BAD: the Protobuf message is cut off in the midst of a field"},
        {&type_double, BODY("\x09\0\0\0"), "BAD: the Protobuf message is cut off in the midst of a field"},
        {&array_of_integer, BODY("\x0a\x01\x80"), "BAD: the Protobuf message is cut off in the midst of a packed"},
        {&map_of_double, BODY("\x08\x01"), "BAD: an entry of a map in the Protobuf message is no message"},
        {&type_timestamp, BODY("\x0a\x02\x0a\x00"), "BAD: a time or a decimal in the Protobuf message has a part"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_column column = COLUMN("A", cases[i].type);
        check_read_with(&plain, NULL, &column, 1, cases[i].body, cases[i].expected);
    }
}

static const struct type_field inner_fields[] = {{{"N", 1}, &type_bigint}, {{"T", 1}, &type_string}};
static const struct type inner = {.kind = TYPE_STRUCT, .fields = inner_fields, .field_count = 2};
static const struct type array_of_inner = {.kind = TYPE_ARRAY, .element = &inner};
static const struct type map_of_inner = {.kind = TYPE_MAP, .key = &type_string, .element = &inner};
static const struct row_column all[] = {
    COLUMN("A", &type_boolean), COLUMN("B", &type_integer),   COLUMN("C", &type_bigint),
    COLUMN("D", &type_double),  COLUMN("E", &type_string),    COLUMN("F", &type_bytes),
    COLUMN("G", &type_date),    COLUMN("H", &type_time),      COLUMN("I", &type_timestamp),
    COLUMN("J", &decimal_4_2),  COLUMN("K", &map_of_double),  COLUMN("L", &array_of_integer),
    COLUMN("M", &point),        COLUMN("N", &array_of_inner), COLUMN("O", &map_of_inner),
};

/* Reads JSON, writes `to`, reads that again. */
static void check_round(const struct row_format *to, const struct registry *registry, const char *text,
                        const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes written = {0};
    struct row_reader *reader = NULL;
    struct row_writer *writer = NULL;
    struct error error = {0};
    struct slice slice = slice_of(text);
    uint8_t status;
    const char *reason;
    assert_int_equal(row_reader_new(&json, all, COUNT(all), NULL, &reader, &error), 0);
    if (row_writer_new(to, all, COUNT(all), registry, &writer, &error))
        fail_msg("%s", error.message);
    struct vector *vectors = vectors_new(&arena, all, COUNT(all), 1);
    assert_int_equal(row_reader_read(reader, &slice, sizeof slice, 1, &arena, vectors, &status, &reason, &error), 0);
    assert_int_equal(status, ROW_READ_GOOD);
    int written_status = row_writer_write(writer, vectors, 0, &written, &error);
    if (strncmp(expected, "ERROR: ", 7) == 0)
        assert_string_equal(error.message, expected + 7);
    else if (written_status)
        fail_msg("%s", error.message);
    else
        check_read_with(to, registry, all, COUNT(all), bytes_slice(&written), expected);
    row_reader_free(reader);
    row_writer_free(writer);
}

static void rows_come_back(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected, *json;
    } cases[] = {
        {"{\"A\":true,\"B\":-7,\"C\":9223372036854775807,\"D\":-0.0,\"E\":\"\xce\xb1\",\"F\":\"/w==\",\"G\":-1,"
         "\"H\":86399999,\"I\":-1,\"J\":-99.99,\"K\":{\"x\":1.5,\"y\":0.0},\"L\":[0,-1,300],"
         "\"M\":{\"X\":1,\"y\":2.5,\"Tags\":[7]},\"N\":[{\"N\":1,\"T\":\"t\"},{\"N\":0}],\"O\":{\"k\":{\"N\":5,\"T\":"
         "\"\"}}}",
         "true|-7|9223372036854775807|-0.0|\xce\xb1|\xff|1969-12-31|23:59:59.999|1969-12-31T23:59:59.999|-99.99|"
         "{x=1.5, y=0.0}|[0, -1, 300]|Struct{X=1,y=2.5,Tags=[7]}|[Struct{N=1,T=t}, Struct{N=0,T=}]|"
         "{k=Struct{N=5,T=}}",
         NULL},
        {"{}", "false|0|0|0.0|||~|~|~|~|{}|[]|~|[]|{}", "~|~|~|~|~|~|~|~|~|~|~|~|~|~|~"},
        {"{\"L\":[1,null]}", "ERROR: column L: an ARRAY with a NULL has no place in Protobuf",
         "~|~|~|~|~|~|~|~|~|~|~|[1, null]|~|~|~"},
        {"{\"K\":{\"x\":null}}", "false|0|0|0.0|||~|~|~|~|{x=0.0}|[]|~|[]|{}", "~|~|~|~|~|~|~|~|~|~|{x=null}|~|~|~|~"},
    };
    struct registry_memory *memory = registry_memory_new();
    const struct registry *registry = registry_memory_registry(memory);
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_round(&plain, NULL, cases[i].text, cases[i].expected);
        check_round(&protobuf, registry, cases[i].text, cases[i].expected);
        if (cases[i].json)
            check_round(&json_sr, registry, cases[i].text, cases[i].json);
    }
    registry_memory_free(memory);
}

static void what_has_no_place_is_refused(void **state) {
    (void)state;
    static const struct type lists = {.kind = TYPE_ARRAY, .element = &array_of_integer};
    static const struct type maps = {.kind = TYPE_MAP, .key = &type_string, .element = &array_of_integer};
    static const struct {
        struct row_column column;
        const char *message;
    } cases[] = {
        {COLUMN("A", &lists), "format PROTOBUF cannot hold column A: an ARRAY or a MAP inside of another one"},
        {COLUMN("A", &maps), "format PROTOBUF cannot hold column A: an ARRAY or a MAP inside of another one"},
        {COLUMN("A", &map_by_integer), "format PROTOBUF_NOSR cannot hold column A: the keys of a MAP must be STRING"},
        {COLUMN("a-b", &type_string), "a-b is no name of a field in Protobuf"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct row_writer *writer = NULL;
        struct error error = {0};
        assert_true(row_writer_new(&plain, &cases[i].column, 1, NULL, &writer, &error) < 0);
        assert_memory_equal(error.message, cases[i].message, strlen(cases[i].message));
    }
}

/* --- schemas
 * ------------------------------------------------------------------------------------------------------------------ */

static void schema_of_columns(void **state) {
    (void)state;
    static const char expected[] =
        "syntax = \"proto3\";\n\nimport \"confluent/type/decimal.proto\";\nimport "
        "\"google/protobuf/timestamp.proto\";\n"
        "import \"google/type/date.proto\";\nimport \"google/type/timeofday.proto\";\n\n"
        "message ConnectDefault1 {\n"
        "  message ConnectDefault2 {\n    string key = 1;\n    double value = 2;\n  }\n"
        "  message ConnectDefault3 {\n    int64 N = 1;\n    string T = 2;\n  }\n"
        "  google.protobuf.Timestamp I = 1;\n  repeated ConnectDefault2 K = 2;\n  repeated ConnectDefault3 N = 3;\n}\n";
    static const struct row_column columns[] = {COLUMN("I", &type_timestamp), COLUMN("K", &map_of_double),
                                                COLUMN("N", &array_of_inner)};
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes written = {0};
    struct registry_memory *memory = registry_memory_new();
    const struct registry *registry = registry_memory_registry(memory);
    struct row_writer *writer = NULL;
    struct error error = {0};
    struct slice text;
    assert_int_equal(row_writer_new(&protobuf, columns, COUNT(columns), registry, &writer, &error), 0);
    struct vector *vectors = vectors_new(&arena, columns, COUNT(columns), 1);
    for (size_t i = 0; i < COUNT(columns); i++)
        vectors[i].nulls[0] = 1;
    assert_int_equal(row_writer_write(writer, vectors, 0, &written, &error), 0);
    assert_int_equal(written.length, 6);
    assert_memory_equal(written.data, "\0\0\0\0\1\0", 6);
    assert_int_equal(registry->find(registry->context, SCHEMA_PROTOBUF, 1, &arena, &text, &error), 0);
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
    assert_int_equal(registry->find(registry->context, SCHEMA_AVRO, 1, &arena, &text, &error), ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "schema 1 is PROTOBUF, not AVRO");
    row_writer_free(writer);
    registry_memory_free(memory);
}

#define METER_SCHEMA                                                                                                   \
    "// readings\nsyntax = \"proto3\";\npackage meters.v1;\nimport \"google/protobuf/wrappers.proto\";\n"              \
    "option java_package = \"x.y\";\n"                                                                                 \
    "message Head { string id = 1; }\n"                                                                                \
    "/* a reading */ message Reading {\n"                                                                              \
    "  enum Kind { option allow_alias = true; POWER = 0; WATER = 1; GAS = 0x2; }\n"                                    \
    "  message Part { sint32 delta = 1; fixed64 big = 2; }\n"                                                          \
    "  reserved 9, 11 to 12; reserved \"old\";\n"                                                                      \
    "  Kind kind = 1; uint32 count = 2 [deprecated = true]; float value = 3;\n"                                        \
    "  map<string, sint64> levels = 4; repeated Part parts = 5;\n"                                                     \
    "  oneof more { string note = 6; int32 code = 7; }\n"                                                              \
    "  optional bool valid = 8; google.protobuf.Int32Value limit = 10; .meters.v1.Head head = 13;\n"                   \
    "}\n"                                                                                                              \
    "service S { rpc Get (Head) returns (Reading) { option (x) = { a: 1 }; } }\n"

static void schemas_of_others(void **state) {
    (void)state;
    static const struct type_field part_fields[] = {{{"delta", 5}, &type_integer}, {{"big", 3}, &type_bigint}};
    static const struct type part = {.kind = TYPE_STRUCT, .fields = part_fields, .field_count = 2};
    static const struct type parts = {.kind = TYPE_ARRAY, .element = &part};
    static const struct type levels = {.kind = TYPE_MAP, .key = &type_string, .element = &type_bigint};
    static const struct type_field head_fields[] = {{{"ID", 2}, &type_string}};
    static const struct type head = {.kind = TYPE_STRUCT, .fields = head_fields, .field_count = 1};
    static const struct row_column columns[] = {
        COLUMN("KIND", &type_string),  COLUMN("count", &type_bigint),  COLUMN("value", &type_double),
        COLUMN("levels", &levels),     COLUMN("parts", &parts),        COLUMN("note", &type_string),
        COLUMN("code", &type_integer), COLUMN("valid", &type_boolean), COLUMN("limit", &type_integer),
        COLUMN("head", &head),         COLUMN("none", &type_string),
    };
    static const struct {
        struct slice body; /* after the id */
        const char *expected;
    } cases[] = {
        {BODY("\x02\x02"), "POWER|0|0.0|{}|[]|~|~|~|~|~|~"},
        {BODY("\x02\x02\x08\x02\x10\xff\xff\xff\xff\x0f\x1d\0\0\xc0\x3f\x22\x05\x0a\x01k\x10\x03"
              "\x2a\x0b\x08\x01\x11\x05\0\0\0\0\0\0\0\x32\x00\x40\x00\x52\x02\x08\x07\x6a\x03\x0a\x01z"),
         "GAS|4294967295|1.5|{k=-2}|[Struct{delta=-1,big=5}]||~|false|7|Struct{ID=z}|~"},
        {BODY("\x02\x02\x38\x05\x52\x00"), "POWER|0|0.0|{}|[]|~|5|~|0|~|~"},
        {BODY("\x02\x02\x08\x05"), "BAD: field kind: 5 is no value of the enum"},
        {BODY("\x02\x02\x2a\x09\x11\xff\xff\xff\xff\xff\xff\xff\xff"), "BAD: field big: the number cannot be read"},
        {BODY("\x00"), "BAD: schema 1 cannot be read as the columns: "},
        {BODY("\x02\x04"), "BAD: schema 1 has no message where the value says"},
        {BODY("\x04\x02\x00"), "~|~|~|~|~|~|~|~|~|~|~"}, /* Reading.Part: no column of these */
        {BODY("\x04\x02\x02"), "BAD: schema 1 has no message where the value says"},
        {BODY("\x01"), "BAD: schema 1 has no message where the value says"},
        {BODY(""), "BAD: schema 1 has no message where the value says"},
    };
    struct registry_memory *memory = registry_memory_new();
    const struct registry *registry = registry_memory_registry(memory);
    struct error error = {0};
    int32_t id;
    assert_int_equal(registry->add(registry->context, "t-value", SCHEMA_PROTOBUF, SLICE(METER_SCHEMA), &id, &error), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(bytes_release) struct bytes value = {0};
        bytes_append(&value, "\0\0\0\0\1", 5);
        bytes_append_slice(&value, cases[i].body);
        if (i == 5) /* Head has a field `id`, which no column is: all are NULL */
            check_read_with(&protobuf, registry, columns, COUNT(columns), bytes_slice(&value), "~|~|~|~|~|~|~|~|~|~|~");
        else
            check_read_with(&protobuf, registry, columns, COUNT(columns), bytes_slice(&value), cases[i].expected);
    }
    static const struct row_column wrong[] = {COLUMN("kind", &type_date)};
    check_read_with(&protobuf, registry, wrong, 1, (struct slice)BODY("\0\0\0\0\1\x02\x02"),
                    "BAD: schema 1 cannot be read as the columns: field kind is enum, the column is DATE");
    check_read_with(&protobuf, registry, wrong, 1, (struct slice)BODY("\0\0\0\0\x09\x00"), "BAD: ");
    check_read_with(&protobuf, registry, wrong, 1, (struct slice)BODY("{}"), "BAD: not Protobuf in the wire format");
    check_read_with(&json_sr, registry, wrong, 1, (struct slice)BODY("{}"), "BAD: not JSON in the wire format");
    check_read_with(&json_sr, registry, wrong, 1, (struct slice)BODY("\0\0"), "BAD: truncated");
    check_read_with(&json_sr, registry, wrong, 1, (struct slice)BODY("\0\0\0\0\1{\"KIND\":3}"), "1970-01-04");
    registry_memory_free(memory);
}

static void wrong_schemas(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "the Protobuf schema has no message"},
        {"message A {", "line 1 of the Protobuf schema, at '': expected a name"},
        {"message A { int32 a = 0; }", "line 1 of the Protobuf schema, at ';': numbers of fields go from 1"},
        {"message A {\n int32 a = 1;\n int32 b = 1; }", "line 3 of the Protobuf schema, at '}': the number of a field"},
        {"message A { B b = 1; }", "the Protobuf schema has no type B"},
        {"message A { int32 a; }", "line 1 of the Protobuf schema, at ';': expected ="},
        {"message A { map<string int32> a = 1; }", "line 1 of the Protobuf schema, at 'int32': expected ,"},
        {"struct A {}", "line 1 of the Protobuf schema, at 'struct': expected message, enum,"},
        {"message A { int32 a = x; }", "line 1 of the Protobuf schema, at 'x': expected a whole number"},
        {"message A { optional group G = 1 {} }", "line 1 of the Protobuf schema, at 'group': groups are not known"},
        {"/* message A {}", "the Protobuf schema has no message"},
        {"option x = { a: 1", "line 1 of the Protobuf schema, at '': the statement does not end"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(arena_release) struct arena arena = {0};
        struct proto_schema schema;
        struct error error = {0};
        assert_int_equal(proto_schema_read(slice_of(cases[i].text), &arena, &schema, &error), ERROR_INVALID);
        if (strncmp(error.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s", cases[i].text, error.message);
    }
}

static void columns_of_schemas(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {METER_SCHEMA, "id STRING"},
        {"message A { int32 a = 1; repeated uint32 b = 2; map<string, double> c = 3; google.protobuf.Timestamp d = 4; "
         "message X { bytes y = 1; } X x = 5; google.type.Date e = 6; google.protobuf.StringValue f = 7; }",
         "a INTEGER, b ARRAY<BIGINT>, c MAP<STRING, DOUBLE>, d TIMESTAMP, x STRUCT<`y` BYTES>, e DATE, f STRING"},
        {"message A { A a = 1; }", "ERROR: message A contains itself, or has too many fields"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cleanup(arena_release) struct arena arena = {0};
        cleanup(bytes_release) struct bytes found = {0};
        struct row_column *columns;
        struct error error = {0};
        size_t count = 0;
        int status = row_columns_of_protobuf(slice_of(cases[i].text), &arena, &columns, &count, &error);
        if (status)
            bytes_append_format(&found, "ERROR: %s", error.message);
        for (size_t c = 0; c < count; c++) {
            bytes_append_format(&found, "%s%.*s ", c ? ", " : "", (int)columns[c].name.length, columns[c].name.data);
            type_print(&found, columns[c].type);
        }
        bytes_append_char(&found, '\0');
        assert_string_equal(found.data, cases[i].expected);
    }
}

/* A message that comes again and again is merged each time: the work is bounded. */
static void test_hostile_repetition(void **state) {
    (void)state;
    static const struct row_column column = COLUMN("A", &point);
    cleanup(bytes_release) struct bytes value = {0};
    for (int i = 0; i < 20000; i++)
        bytes_append(&value, "\x0a\x02\x18\x01", 4);
    check_read_with(&plain, NULL, &column, 1, bytes_slice(&value), "BAD: the Protobuf message holds too many values");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),    cmocka_unit_test(rows_come_back),
        cmocka_unit_test(schema_of_columns),  cmocka_unit_test(what_has_no_place_is_refused),
        cmocka_unit_test(schemas_of_others),  cmocka_unit_test(wrong_schemas),
        cmocka_unit_test(columns_of_schemas), cmocka_unit_test(test_hostile_repetition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

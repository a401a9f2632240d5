/* Avro: the rules of its binary encoding and of schema resolution, by readings, on bytes written by hand; each
 * rejection with its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/avro/avro.h"
#include "codec/avro/avro_decimal.h"
#include "codec/reading.h"
#include "core/memory.h"
#include "model/schema.h"
#include "model/time/time.h"

#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define TEXT              "\"string\""
// Schemas are pieced together from macros.
// clang-format off
#define SERIES FIELD("gateway", TEXT) "," FIELD("metricType", TEXT) "," FIELD("metricAttribute", TEXT) ","
#define TIME FIELD("timestamp", TEXT)
#define VALUE FIELD("value", "\"double\"")
#define LOGICAL(type, logical) "{\"type\":\"" type "\",\"logicalType\":\"" logical "\"}"
#define AT(type) RECORD(SERIES FIELD("timestamp", type) "," VALUE)
#define OF(type) RECORD(SERIES TIME "," FIELD("value", type))
#define FROM(type) RECORD(FIELD("gateway", type) "," FIELD("metricType", TEXT) "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE)
#define DECIMAL(type, scale) "{" type ",\"logicalType\":\"decimal\",\"precision\":40,\"scale\":" scale "}"
#define DECIMAL_BYTES(scale) DECIMAL("\"type\":\"bytes\"", scale)
#define DECIMAL_FIXED(size, scale) DECIMAL("\"type\":\"fixed\",\"name\":\"D\",\"size\":" size, scale)
#define EXTRA(type) RECORD(SERIES FIELD("extra", type) "," TIME "," VALUE)

/* 2007-01-01T00:00:00Z and 240.5 */
#define B_SERIES "\x02" "7" "\x02" "E" "\x02" "V"
#define B_TIME "\x14" "2007-01-01"
#define B_VALUE "\0\0\0\0\0\x10\x6e\x40"
/* The moment in milliseconds; in microseconds and nanoseconds with 999 and 999999 more, which are cut off. */
#define B_MILLIS "\x80\xe0\xa4\xaf\xfb\x43"
#define B_MICROS "\xce\x8f\x8e\xb7\xe9\xfb\x92\x04"
#define B_NANOS "\xfe\x88\xaa\xc6\xd6\xaf\x97\xb4\x20"
#define MOMENT INT64_C(1167609600000)

struct example {
    const char *name, *schema;
    const char *body;
    size_t length;
    const char *reason;    /* NULL: it is read as 7, E, V, MOMENT, 240.5 */
};
#define BODY(literal) literal, sizeof(literal) - 1

static const char cut_in_extra[] = "truncated: the value ends in field extra";

static const struct example examples[] = {
    {"as written by the Java program", schema_reading_avro, BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"other order", RECORD(VALUE "," TIME "," FIELD("metricAttribute", TEXT) "," FIELD("metricType", TEXT) "," FIELD("gateway", TEXT)),
     BODY(B_VALUE B_TIME "\x02" "V" "\x02" "E" "\x02" "7"), NULL},
    {"extra null", EXTRA("\"null\""), BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"extra boolean", EXTRA("\"boolean\""), BODY(B_SERIES "\1" B_TIME B_VALUE), NULL},
    {"extra int", EXTRA("\"int\""), BODY(B_SERIES "\xff\xff\xff\xff\x0f" B_TIME B_VALUE), NULL},
    {"extra float", EXTRA("\"float\""), BODY(B_SERIES "\1\2\3\4" B_TIME B_VALUE), NULL},
    {"extra double", EXTRA("\"double\""), BODY(B_SERIES "\1\2\3\4\5\6\7\1" B_TIME B_VALUE), NULL},
    {"extra bytes", EXTRA("\"bytes\""), BODY(B_SERIES "\6abc" B_TIME B_VALUE), NULL},
    {"extra bytes, negative", EXTRA("\"bytes\""), BODY(B_SERIES "\5abc" B_TIME B_VALUE), "field extra has a negative length"},
    {"extra fixed", EXTRA("{\"type\":\"fixed\",\"name\":\"F\",\"size\":5}"), BODY(B_SERIES "abcde" B_TIME B_VALUE), NULL},
    {"extra fixed, huge", EXTRA("{\"type\":\"fixed\",\"name\":\"F\",\"size\":9223372036854775807}"), BODY(B_SERIES "abcde" B_TIME B_VALUE), cut_in_extra},
    {"extra enum", EXTRA("{\"type\":\"enum\",\"name\":\"N\",\"symbols\":[\"A\"]}"), BODY(B_SERIES "\0" B_TIME B_VALUE), NULL},
    {"extra array", EXTRA("{\"type\":\"array\",\"items\":\"int\"}"), BODY(B_SERIES "\4\2\4\2\6\0" B_TIME B_VALUE), NULL},
    {"extra array, negative counts", EXTRA("{\"type\":\"array\",\"items\":\"int\"}"), BODY(B_SERIES "\3\4\2\4\1\2\6\0" B_TIME B_VALUE), NULL},
    {"extra array, block longer than the rest", EXTRA("{\"type\":\"array\",\"items\":\"int\"}"), BODY(B_SERIES "\3\x7e\2\4\0" B_TIME B_VALUE), cut_in_extra},
    {"extra array, 2^40 nulls", EXTRA("{\"type\":\"array\",\"items\":\"null\"}"), BODY(B_SERIES "\x80\x80\x80\x80\x80\x40\0" B_TIME B_VALUE),
     "field extra has too many empty items"},
    {"extra array, 3 nulls", EXTRA("{\"type\":\"array\",\"items\":\"null\"}"), BODY(B_SERIES "\6\0" B_TIME B_VALUE), NULL},
    {"extra map", EXTRA("{\"type\":\"map\",\"values\":\"string\"}"), BODY(B_SERIES "\2\2k\4vv\0" B_TIME B_VALUE), NULL},
    {"extra union", EXTRA("[\"null\",\"string\"]"), BODY(B_SERIES "\2\4vv" B_TIME B_VALUE), NULL},
    {"extra union, unknown branch", EXTRA("[\"null\",\"string\"]"),
     BODY(B_SERIES "\4\4vv" B_TIME B_VALUE), "field extra has a union branch that its schema does not know"},
    {"extra record with array of records", EXTRA("{\"type\":\"record\",\"name\":\"a.b.O\",\"fields\":[" FIELD("x", "\"long\"") ","
        FIELD("y", "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("z", "\"string\"") "]}}") "," FIELD("w", "\"I\"") ","
        FIELD("v", "\"a.b.I\"") "]}"), BODY(B_SERIES "\2\4\2p\2q\0\2r\2s" B_TIME B_VALUE), NULL},
    {"extra recursive list", EXTRA("{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FIELD("next", "[\"null\",\"L\"]") "]}"),
     BODY(B_SERIES "\2\2\0" B_TIME B_VALUE), NULL},
    {"extra recursion without end", EXTRA("{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FIELD("a", "\"L\"") "," FIELD("b", "\"L\"") "]}"),
     BODY(B_SERIES B_TIME B_VALUE),
     "field extra is nested deeper than 64"},
    {"int", RECORD(SERIES TIME "," FIELD("value", "\"int\"")), BODY(B_SERIES B_TIME "\2"), "value 1"},
    {"long", RECORD(SERIES TIME "," FIELD("value", "\"long\"")), BODY(B_SERIES B_TIME "\x03"), "value -2"},
    {"float", RECORD(SERIES TIME "," FIELD("value", "\"float\"")), BODY(B_SERIES B_TIME "\0\x80\x70\x43"), NULL},
    {"union value", RECORD(SERIES TIME "," FIELD("value", "[\"null\",\"double\"]")), BODY(B_SERIES B_TIME "\2" B_VALUE), NULL},
    {"union value, null", RECORD(SERIES TIME "," FIELD("value", "[\"null\",\"double\"]")), BODY(B_SERIES B_TIME "\0"), "value is missing"},
    {"union value, other branch", RECORD(SERIES TIME "," FIELD("value", "[\"double\",\"string\"]")), BODY(B_SERIES B_TIME "\2\2x"),
     "field value holds a union branch of a type that does not fit"},
    {"union value, unknown branch", RECORD(SERIES TIME "," FIELD("value", "[\"double\"]")),
     BODY(B_SERIES B_TIME "\1"), "field value has a union branch that its schema does not know"},
    {"enum", RECORD(FIELD("gateway", TEXT) "," FIELD("metricType", "{\"type\":\"enum\",\"name\":\"T\",\"symbols\":[\"W\",\"E\"]}") "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE),
     BODY("\x02" "7" "\2" "\x02" "V" B_TIME B_VALUE), NULL},
    {"enum, unknown symbol", RECORD(FIELD("gateway", TEXT) "," FIELD("metricType", "{\"type\":\"enum\",\"name\":\"T\",\"symbols\":[\"W\",\"E\"]}") "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE),
     BODY("\x02" "7" "\4" "\x02" "V" B_TIME B_VALUE), "field metricType has an enum symbol that its schema does not know"},
    {"long timestamp", RECORD(SERIES FIELD("timestamp", "\"long\"") "," VALUE), BODY(B_SERIES "\x80\xe0\xa4\xaf\xfb\x43" B_VALUE), "schema 1 cannot be read as the columns: field timestamp is a long, which cannot be read as STRING"},
    {"millis", RECORD(SERIES FIELD("timestamp", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}") "," VALUE),
     BODY(B_SERIES "\x80\xe0\xa4\xaf\xfb\x43" B_VALUE), NULL},
    {"micros, cut to ms", RECORD(SERIES FIELD("timestamp", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}") "," VALUE),
     BODY(B_SERIES "\xce\x8f\x8e\xb7\xe9\xfb\x92\x04" B_VALUE), NULL},
    {"before 1970", RECORD(SERIES FIELD("timestamp", "\"long\"") "," VALUE),
     BODY(B_SERIES "\1" B_VALUE), "schema 1 cannot be read as the columns: field timestamp is a long, which cannot be read as STRING"},
    {"no time", schema_reading_avro, BODY(B_SERIES "\x14" "2007-13-01" B_VALUE), "timestamp '2007-13-01' is not an ISO-8601 time between 1970 and 9999"},
    {"string too long", schema_reading_avro, BODY("\x7e" "7"), "truncated: the value ends in field gateway"},
    {"string, negative", schema_reading_avro, BODY("\x01" "7"), "field gateway has a negative length"},
    {"bytes after", schema_reading_avro, BODY(B_SERIES B_TIME B_VALUE "\0"),
     "the Avro value has bytes after its last field: it was written with another schema"},
    {"empty", schema_reading_avro, BODY(""), "truncated: the value ends in field gateway"},

    /* names */
    {"another record name and namespace",
     "{\"type\":\"record\",\"name\":\"org.example.Sample\",\"namespace\":\"ignored\",\"fields\":[" SERIES TIME "," VALUE "]}",
     BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"as Java writes it, with all that says nothing about bytes",
     "{\"type\":\"record\",\"name\":\"M\",\"namespace\":\"a.b\",\"doc\":\"d\",\"aliases\":[\"N\"],\"connect.version\":1,\"fields\":["
     "{\"name\":\"gateway\",\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"},\"order\":\"ignore\"},"
     "{\"name\":\"metricType\",\"type\":{\"type\":\"string\",\"avro.java.string\":\"String\"},\"default\":\"\",\"aliases\":[\"gateway\"]},"
     "{\"name\":\"metricAttribute\",\"type\":[\"null\",{\"type\":\"string\",\"avro.java.string\":\"String\"}],\"default\":null,\"doc\":\"x\"},"
     "{\"name\":\"timestamp\",\"type\":{\"type\":\"string\",\"logicalType\":\"no-such\"}},"
     "{\"name\":\"value\",\"type\":{\"type\":{\"type\":\"double\"}},\"default\":0.5}]}",
     BODY("\x02" "7" "\x02" "E" "\x02\x02" "V" B_TIME B_VALUE), NULL},
    {"a record wrapped in a type", "{\"type\":" RECORD(SERIES TIME "," VALUE) "}", BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"NUL in a default", RECORD(SERIES "{\"name\":\"extra\",\"type\":\"bytes\",\"default\":\"\\u0000\"}," TIME "," VALUE),
     BODY(B_SERIES "\2x" B_TIME B_VALUE), NULL},
    {"a name of the namespace around, of an inner one, and of none",
     "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a\",\"fields\":[" SERIES FIELD("p", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}") ","
     FIELD("q", "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":2}") ","
     FIELD("r", "{\"type\":\"fixed\",\"name\":\"G\",\"namespace\":\"\",\"size\":3}") ","
     FIELD("s", "{\"type\":\"record\",\"name\":\"b.S\",\"fields\":["
           FIELD("t", "{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}") "," FIELD("u", "\"F\"") "," FIELD("v", "\"a.F\"") "]}") ","
     FIELD("w", "\"F\"") "," FIELD("x", "\"G\"") "," FIELD("y", "\"b.F\"") "," FIELD("z", "{\"type\":\"G\"}") "," TIME "," VALUE "]}",
     BODY(B_SERIES "1" "22" "333" "4444" "4444" "1" "1" "333" "4444" "333" B_TIME B_VALUE), NULL},
    {"extra map, negative counts", EXTRA("{\"type\":\"map\",\"values\":\"int\"}"), BODY(B_SERIES "\3\x0c\2k\2\2l\2\2\2m\2\0" B_TIME B_VALUE), NULL},
    {"extra array, the smallest count", EXTRA("{\"type\":\"array\",\"items\":\"int\"}"),
     BODY(B_SERIES "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\2\2\0" B_TIME B_VALUE), NULL},
    {"extra array, block of a negative length", EXTRA("{\"type\":\"array\",\"items\":\"int\"}"),
     BODY(B_SERIES "\3\3\2\4\0" B_TIME B_VALUE), "field extra has a negative length"},
    {"extra tree of unions",
     EXTRA("{\"type\":\"record\",\"name\":\"T\",\"fields\":[" FIELD("c", "{\"type\":\"array\",\"items\":[\"null\",\"T\",{\"type\":\"map\",\"values\":\"T\"}]}") "]}"),
     BODY(B_SERIES "\6" "\0" "\2\0" "\4\2\2k\0\0" "\0" B_TIME B_VALUE), NULL},

    /* strings */
    {"bytes for a string", FROM("\"bytes\""), BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"bytes for a string, not UTF-8", FROM("\"bytes\""),
     BODY("\x02\xff" "\x02" "E" "\x02" "V" B_TIME B_VALUE), "another reading"},
    {"bytes for a string, cut", FROM("\"bytes\""), BODY("\x04" "7"), "truncated: the value ends in field gateway"},
    {"bytes or null for a string", FROM("[\"null\",\"bytes\"]"), BODY("\2" B_SERIES B_TIME B_VALUE), NULL},
    {"many branches for a string", FROM("[\"int\",\"null\",{\"type\":\"enum\",\"name\":\"N\",\"symbols\":[\"0\",\"7\"]},\"string\"]"),
     BODY("\4\2" "\x02" "E" "\x02" "V" B_TIME B_VALUE), NULL},
    {"many branches for a string, a wrong one", FROM("[\"int\",\"null\",\"string\"]"), BODY("\0\2" "\x02" "E" "\x02" "V" B_TIME B_VALUE),
     "field gateway holds a union branch of a type that does not fit"},

    /* times */
    {"bytes for a time", AT("\"bytes\""), BODY(B_SERIES B_TIME B_VALUE), NULL},
    {"local-timestamp-millis", AT(LOGICAL("long", "local-timestamp-millis")), BODY(B_SERIES B_MILLIS B_VALUE), NULL},
    {"local-timestamp-micros", AT(LOGICAL("long", "local-timestamp-micros")), BODY(B_SERIES B_MICROS B_VALUE), NULL},
    {"timestamp-nanos", AT(LOGICAL("long", "timestamp-nanos")), BODY(B_SERIES B_NANOS B_VALUE), NULL},
    {"local-timestamp-nanos", AT(LOGICAL("long", "local-timestamp-nanos")), BODY(B_SERIES B_NANOS B_VALUE), NULL},
    {"an unknown logical type is none", AT(LOGICAL("long", "no-such")), BODY(B_SERIES B_MILLIS B_VALUE), "schema 1 cannot be read as the columns: field timestamp is a long, which cannot be read as STRING"},
    {"a logical type where it is not valid is none", AT(LOGICAL("long", "date")), BODY(B_SERIES B_MILLIS B_VALUE), "schema 1 cannot be read as the columns: field timestamp is a long, which cannot be read as STRING"},
    {"null, text, millis or micros: text", AT("[\"null\",\"string\"," LOGICAL("long", "timestamp-millis") "]"), BODY(B_SERIES "\2" B_TIME B_VALUE), NULL},
    {"null, text, millis or micros: micros", AT("[\"null\",\"string\"," LOGICAL("long", "timestamp-micros") "]"), BODY(B_SERIES "\4" B_MICROS B_VALUE), NULL},
    {"null, text, millis or micros: null", AT("[\"null\",\"string\"," LOGICAL("long", "timestamp-micros") "]"),
     BODY(B_SERIES "\0" B_VALUE), "timestamp is missing"},
    {"micros before 1970", AT(LOGICAL("long", "timestamp-micros")), BODY(B_SERIES "\1" B_VALUE), "field timestamp: -1 cannot be read as TIMESTAMP"},
    {"micros, whole ms before 1970", AT(LOGICAL("long", "timestamp-micros")),
     BODY(B_SERIES "\xcf\x0f" B_VALUE), "field timestamp: -1 cannot be read as TIMESTAMP"},
    {"millis after 9999", AT("\"long\""), BODY(B_SERIES "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" B_VALUE),
     "schema 1 cannot be read as the columns: field timestamp is a long, which cannot be read as STRING"},

    /* values */
    {"long beyond a double's digits", OF("\"long\""), BODY(B_SERIES B_TIME "\x82\x80\x80\x80\x80\x80\x80\x20"), "value 9007199254740992"},
    {"a double among numbers", OF("[\"null\",\"int\",\"long\",\"float\",\"double\"]"), BODY(B_SERIES B_TIME "\x08" B_VALUE), NULL},
    {"a float among numbers", OF("[\"null\",\"int\",\"long\",\"float\",\"double\"]"), BODY(B_SERIES B_TIME "\6\0\x80\x70\x43"), NULL},
    {"an int among numbers", OF("[\"null\",\"int\",\"long\",\"float\",\"double\"]"), BODY(B_SERIES B_TIME "\2\3"), "value -2"},
    {"decimal of bytes", OF(DECIMAL_BYTES("1")), BODY(B_SERIES B_TIME "\4\x09\x65"), NULL},
    {"decimal of bytes, sign extended", OF(DECIMAL_BYTES("2")), BODY(B_SERIES B_TIME "\x0a\xff\xff\xff\xa2\x0e"), "value -240.5"},
    {"decimal of bytes, scale 0", OF("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":3}"), BODY(B_SERIES B_TIME "\2\x80"), "value -128"},
    {"decimal of bytes, none", OF(DECIMAL_BYTES("1")), BODY(B_SERIES B_TIME "\0"), "field value has a decimal without bytes, or beyond the range of a double"},
    {"decimal of bytes or null", OF("[\"null\"," DECIMAL_BYTES("1") "]"), BODY(B_SERIES B_TIME "\2\4\x09\x65"), NULL},
    {"decimal of fixed", OF(DECIMAL_FIXED("8", "3")), BODY(B_SERIES B_TIME "\0\0\0\0\0\3\xab\x74"), NULL},
    {"decimal of fixed, 10^22 + 1 with a scale of 22", OF(DECIMAL_FIXED("10", "22")), BODY(B_SERIES B_TIME "\x02\x1e\x19\xe0\xc9\xba\xb2\x40\0\1"), "value 1"},
    {"decimal of fixed, cut", OF(DECIMAL_FIXED("9223372036854775807", "3")), BODY(B_SERIES B_TIME "\0\0"), "truncated: the value ends in field value"},
};

/* A registry of one schema, whose id is 1. */
static int one_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                    struct error *error) {
    (void)kind, (void)error;
    assert_int_equal(id, 1);
    *ret_schema = arena_copy(arena, *(const struct slice *)context);
    return 0;
}

static void free_reader(struct reading_reader **reader) {
    reading_reader_free(*reader);
}

/* Reads a copy that ends where its memory ends, so that a sanitizer sees a byte too many. */
static const char *decode(struct reading_reader *reader, const char *body, size_t length, struct arena *arena,
                          double *ret_value) {
    char *tight = malloc(length + 5);
    struct slice value = {tight, length + 5};
    struct reading *reading;
    assert_non_null(tight);
    memcpy(tight, "\0\0\0\0\1", 5);
    memcpy(tight + 5, body, length);
    assert_int_equal(reading_reader_read(reader, &value, sizeof value, 1, arena, &reading, NULL), 0);
    const char *reason = reading->null ? "no value" : reading->reason;
    *ret_value = reading->value;
    if (!reason && !(slice_equal(reading->series.gateway, SLICE("7")) && slice_equal(reading->series.type, SLICE("E")) &&
                     slice_equal(reading->series.attribute, SLICE("V")) && reading->timestamp == MOMENT))
        reason = "another reading";
    free(tight);
    return reason;
}

/* Why no body can be read; the text lies in `arena`. */
static const char *decode_nothing(struct slice schema, struct arena *arena) {
    struct registry registry = {.find = one_find, .context = &schema};
    cleanup(free_reader) struct reading_reader *reader = NULL;
    double value;
    assert_int_equal(reading_reader_new(FORMAT_AVRO, &registry, &reader, NULL), 0);
    return decode(reader, "", 0, arena, &value);
}

static void test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *example = &examples[i];
        struct slice schema = slice_of(example->schema);
        struct registry registry = {.find = one_find, .context = &schema};
        cleanup(free_reader) struct reading_reader *reader = NULL;
        cleanup(arena_release) struct arena arena = {0};
        double value = 0;
        assert_int_equal(reading_reader_new(FORMAT_AVRO, &registry, &reader, NULL), 0);
        const char *reason = decode(reader, example->body, example->length, &arena, &value);
        bool other_value = example->reason && strncmp(example->reason, "value ", 6) == 0 &&
                           strcmp(example->reason, "value is missing") != 0;
        double expected = other_value ? atof(example->reason + 6) : 240.5;
        if (example->reason && !other_value && (!reason || strcmp(reason, example->reason) != 0))
            fail_msg("%s: expected '%s', got '%s'", example->name, example->reason, reason ? reason : "a reading");
        if ((!example->reason || other_value) && (reason || value != expected))
            fail_msg("%s: expected a reading, got '%s'", example->name, reason ? reason : "another value");
        for (size_t length = 0; !reason && length < example->length; length++)
            if (!decode(reader, example->body, length, &arena, &value))
                fail_msg("%s: cut to %zu bytes it is still a reading", example->name, length);
    }
}

static void test_schemas_refused(void **state) {
    (void)state;
    static const struct {
        const char *schema, *message;
    } bad[] = {
        {"", "not an Avro schema: "},
        {"{", "not an Avro schema: "},
        {"7", "not an Avro schema: a type that is neither name, list nor object"},
        {"\"string\"", "the schema is a string, not a record"},
        {"\"R\"", "not an Avro schema: unknown type 'R'"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "not an Avro schema: a record without fields"},
        {RECORD(SERIES TIME), "truncated: the value ends in field gateway"},
        {RECORD(SERIES TIME "," VALUE "," VALUE), "truncated: the value ends in field gateway"},
        {RECORD(SERIES TIME "," FIELD("value", TEXT)), "field value is a string, which cannot be read as DOUBLE"},
        {RECORD(SERIES TIME "," FIELD("value", "\"boolean\"")), "field value is a boolean, which cannot be read as DOUBLE"},
        {OF("[\"null\",\"string\"]"), "field value is a union, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"string\",\"logicalType\":\"decimal\",\"precision\":4}"), "field value is a string, which cannot be read as DOUBLE"},
        {OF("\"bytes\""), "field value is bytes, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"bytes\",\"logicalType\":\"decimal\"}"), "field value is bytes, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}"), "field value is bytes, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":\"1\"}"), "field value is bytes, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"fixed\",\"name\":\"F\",\"size\":8}"), "field value is a fixed, which cannot be read as DOUBLE"},
        {OF(RECORD("")), "not an Avro schema: a name is defined twice: 'R'"},
        {OF("\"R\""), "field value is a record, which cannot be read as DOUBLE"},
        {OF("{\"type\":\"array\",\"items\":\"double\"}"), "field value is an array, which cannot be read as DOUBLE"},
        {AT("\"int\""), "field timestamp is an int, which cannot be read as STRING"},
        {AT("\"double\""), "field timestamp is a double, which cannot be read as STRING"},
        {AT(LOGICAL("int", "date")), "field timestamp is an int (date), which cannot be read as STRING"},
        {AT(LOGICAL("int", "time-millis")), "field timestamp is an int (time-millis), which cannot be read as STRING"},
        {AT(LOGICAL("long", "time-micros")), "field timestamp is a long (time-micros), which cannot be read as STRING"},
        {FROM("\"long\""), "field gateway is a long, which cannot be read as STRING"},
        {FROM("\"null\""), "truncated: the value ends in field metricType"},
        {FROM("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}"), "field gateway is a fixed, which cannot be read as STRING"},
        {FROM(DECIMAL_BYTES("1")), "field gateway is bytes (decimal), which cannot be read as STRING"},
        {FROM("{\"type\":\"map\",\"values\":\"string\"}"), "field gateway is a map, which cannot be read as STRING"},
        {RECORD(FIELD("Gateway", TEXT) "," FIELD("metricType", TEXT) "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE), "truncated: the value ends in field Gateway"},
        {RECORD("{\"name\":\"device\",\"aliases\":[\"gateway\"],\"type\":\"string\"},"
                FIELD("metricType", TEXT) "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE),
         "truncated: the value ends in field device"},
        {EXTRA("\"int\\u0000eger\""), "not an Avro schema: a type that is neither name, list nor object"},
        {RECORD(SERIES "{\"name\":\"extra\",\"type\":\"long\",\"default\":99999999999999999999}," TIME "," VALUE), "not an Avro schema: too big integer"},
        {RECORD(SERIES FIELD("p", "{\"type\":\"fixed\",\"name\":\"b.F\",\"size\":4}") "," FIELD("q", "\"F\"") "," TIME "," VALUE),
         "not an Avro schema: unknown type 'F'"},
        {EXTRA("\"unknown\""), "not an Avro schema: unknown type 'unknown'"},
        {EXTRA("[\"null\",[\"int\"]]"), "not an Avro schema: a union directly in a union"},
        {EXTRA("{\"type\":\"array\"}"), "not an Avro schema: an array or map without 'items'"},
        {EXTRA("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}"), "not an Avro schema: a fixed type without a size"},
        {EXTRA("{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}"), "not an Avro schema: a name is defined twice: 'R'"},
        {EXTRA("{\"type\":\"enum\",\"name\":\"F\"}"), "not an Avro schema: an enum without symbols"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cleanup(arena_release) struct arena arena = {0};
        static const char before[] = "schema 1 cannot be read as the columns: ";
        const char *reason = decode_nothing(slice_of(bad[i].schema), &arena);
        if (strncmp(reason, before, sizeof before - 1) == 0)
            reason += sizeof before - 1;
        if (strncmp(reason, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: expected '%s', got '%s'", bad[i].schema, bad[i].message, reason);
    }
}

static void test_decimals(void **state) {
    (void)state;
    static char huge[129];
    huge[0] = 0x7f;
    static const struct {
        struct slice unscaled;
        int64_t scale;
        bool read;
        double value;
    } cases[] = {
        {SLICE("\0"), 0, true, 0},
        {SLICE("\0\0\0\0\0\0\0\0\0\0"), 400, true, 0},
        {SLICE("\xff"), 0, true, -1},
        {SLICE("\x80\0\0\0\0\0\0\0"), 0, true, -9223372036854775808.0},
        {SLICE("\x7f\xff\xff\xff\xff\xff\xff\xff"), 18, true, 9.223372036854775807},
        {SLICE("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 10, true, 34028236692093846346337460743.1768211455},
        {SLICE("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 38, true, -1.70141183460469231731687303715884105728},
        {SLICE("\x3b\x9a\xca\0"), 9, true, 1},
        {SLICE("\1"), 324, true, 0},
        {SLICE("\x05"), 324, true, 5e-324},
        {{huge, 128}, 0, true, 0x1.fcp1022},
        {{huge, 129}, 0, false, 0},
        {{huge, 0}, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = -7;
        assert_int_equal(avro_decimal_read(cases[i].unscaled, cases[i].scale, &value), cases[i].read);
        if (value != (cases[i].read ? cases[i].value : -7))
            fail_msg("decimal %zu: %.17g", i, value);
    }
}

static void test_schema_limits(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes deep = {0};
    cleanup(arena_release) struct arena arena = {0};
    for (int i = 0; i < 70; i++)
        bytes_append_string(&deep, "{\"type\":\"array\",\"items\":");
    bytes_append_string(&deep, "\"int\"");
    for (int i = 0; i < 70; i++)
        bytes_append_char(&deep, '}');
    assert_string_equal(decode_nothing(bytes_slice(&deep), &arena),
                        "schema 1 cannot be read as the columns: not an Avro schema: nested too deeply");
    while (deep.length <= 1 << 20)
        bytes_append_char(&deep, ' ');
    assert_string_equal(decode_nothing(bytes_slice(&deep), &arena),
                        "schema 1 cannot be read as the columns: the schema has 1048577 bytes; at most 1048576 are "
                        "possible");
}

static void test_write(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes bytes = {0};
    avro_write_reading_head(&bytes, 0x01020304, SLICE("7"), SLICE("E"), SLICE("V"));
    avro_write_reading_tail(&bytes, MOMENT, 240.5);
    static const char expected[] = "\0\1\2\3\4" B_SERIES "\x28" "2007-01-01T00:00:00Z" B_VALUE;
    assert_int_equal(bytes.length, sizeof expected - 1);
    assert_memory_equal(bytes.data, expected, sizeof expected - 1);
    bytes.length = 0;
    avro_write_reading_tail(&bytes, MOMENT + 5, 240.5);
    assert_memory_equal(bytes.data, "\x30" "2007-01-01T00:00:00.005Z" B_VALUE, 33);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_schemas_refused), cmocka_unit_test(test_decimals),
                                       cmocka_unit_test(test_schema_limits),
                                       cmocka_unit_test(test_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
// clang-format on

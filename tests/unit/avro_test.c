/* Avro: every rule of codec/avro.h on bytes written by hand; each rejection with its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/avro.h"
#include "core/memory.h"
#include "model/time.h"

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define TEXT "\"string\""
#define SERIES FIELD("gateway", TEXT) "," FIELD("metricType", TEXT) "," FIELD("metricAttribute", TEXT) ","
#define TIME FIELD("timestamp", TEXT)
#define VALUE FIELD("value", "\"double\"")
#define EXTRA(type) RECORD(SERIES FIELD("extra", type) "," TIME "," VALUE)

/* 2007-01-01T00:00:00Z and 240.5 */
#define B_SERIES "\x02" "7" "\x02" "E" "\x02" "V"
#define B_TIME "\x14" "2007-01-01"
#define B_VALUE "\0\0\0\0\0\x10\x6e\x40"
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
    {"extra union, unknown branch", EXTRA("[\"null\",\"string\"]"), BODY(B_SERIES "\4\4vv" B_TIME B_VALUE), "field extra has a union branch that its schema does not know"},
    {"extra record with array of records", EXTRA("{\"type\":\"record\",\"name\":\"a.b.O\",\"fields\":[" FIELD("x", "\"long\"") ","
        FIELD("y", "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("z", "\"string\"") "]}}") "," FIELD("w", "\"I\"") ","
        FIELD("v", "\"a.b.I\"") "]}"), BODY(B_SERIES "\2\4\2p\2q\0\2r\2s" B_TIME B_VALUE), NULL},
    {"extra recursive list", EXTRA("{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FIELD("next", "[\"null\",\"L\"]") "]}"), BODY(B_SERIES "\2\2\0" B_TIME B_VALUE), NULL},
    {"extra recursion without end", EXTRA("{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FIELD("a", "\"L\"") "," FIELD("b", "\"L\"") "]}"), BODY(B_SERIES B_TIME B_VALUE),
     "field extra is nested deeper than 64"},
    {"int", RECORD(SERIES TIME "," FIELD("value", "\"int\"")), BODY(B_SERIES B_TIME "\2"), "value 1"},
    {"long", RECORD(SERIES TIME "," FIELD("value", "\"long\"")), BODY(B_SERIES B_TIME "\x03"), "value -2"},
    {"float", RECORD(SERIES TIME "," FIELD("value", "\"float\"")), BODY(B_SERIES B_TIME "\0\x80\x70\x43"), NULL},
    {"union value", RECORD(SERIES TIME "," FIELD("value", "[\"null\",\"double\"]")), BODY(B_SERIES B_TIME "\2" B_VALUE), NULL},
    {"union value, null", RECORD(SERIES TIME "," FIELD("value", "[\"null\",\"double\"]")), BODY(B_SERIES B_TIME "\0"), "field value is null"},
    {"union value, other branch", RECORD(SERIES TIME "," FIELD("value", "[\"double\",\"string\"]")), BODY(B_SERIES B_TIME "\2\2x"),
     "field value holds a union branch of a type that does not fit"},
    {"union value, unknown branch", RECORD(SERIES TIME "," FIELD("value", "[\"double\"]")), BODY(B_SERIES B_TIME "\1"), "field value has a union branch that its schema does not know"},
    {"enum", RECORD(FIELD("gateway", TEXT) "," FIELD("metricType", "{\"type\":\"enum\",\"name\":\"T\",\"symbols\":[\"W\",\"E\"]}") "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE),
     BODY("\x02" "7" "\2" "\x02" "V" B_TIME B_VALUE), NULL},
    {"enum, unknown symbol", RECORD(FIELD("gateway", TEXT) "," FIELD("metricType", "{\"type\":\"enum\",\"name\":\"T\",\"symbols\":[\"W\",\"E\"]}") "," FIELD("metricAttribute", TEXT) "," TIME "," VALUE),
     BODY("\x02" "7" "\4" "\x02" "V" B_TIME B_VALUE), "field metricType has an enum symbol that its schema does not know"},
    {"long timestamp", RECORD(SERIES FIELD("timestamp", "\"long\"") "," VALUE), BODY(B_SERIES "\x80\xe0\xa4\xaf\xfb\x43" B_VALUE), NULL},
    {"millis", RECORD(SERIES FIELD("timestamp", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}") "," VALUE), BODY(B_SERIES "\x80\xe0\xa4\xaf\xfb\x43" B_VALUE), NULL},
    {"micros, cut to ms", RECORD(SERIES FIELD("timestamp", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}") "," VALUE),
     BODY(B_SERIES "\xce\x8f\x8e\xb7\xe9\xfb\x92\x04" B_VALUE), NULL},
    {"before 1970", RECORD(SERIES FIELD("timestamp", "\"long\"") "," VALUE), BODY(B_SERIES "\1" B_VALUE), "timestamp -1 is not a time in ms between 1970 and 9999"},
    {"no time", schema_reading_avro, BODY(B_SERIES "\x14" "2007-13-01" B_VALUE), "timestamp '2007-13-01' is not an ISO-8601 time between 1970 and 9999"},
    {"string too long", schema_reading_avro, BODY("\x7e" "7"), "truncated: the value ends in field gateway"},
    {"string, negative", schema_reading_avro, BODY("\x01" "7"), "field gateway has a negative length"},
    {"bytes behind", schema_reading_avro, BODY(B_SERIES B_TIME B_VALUE "\0"), "the Avro value has bytes behind its last field: it was written with another schema"},
    {"empty", schema_reading_avro, BODY(""), "truncated: the value ends in field gateway"},
};

static void free_plan(struct avro_plan **plan) {
    avro_plan_free(*plan);
}

static void free_batch(struct batch **batch) {
    batch_free(*batch);
}

/* Decodes a copy that ends where its memory ends, so that a sanitizer sees a byte too many. */
static const char *decode(const struct avro_plan *plan, const char *body, size_t length, struct batch *batch) {
    char *copy = malloc(length + 1);
    char *tight = length ? realloc(copy, length) : copy;
    assert_non_null(tight);
    memcpy(tight, body, length);
    const char *reason = avro_decode(plan, (struct slice){tight, length}, batch, 0);
    if (!reason) {
        assert_string_equal(arena_copy(&batch->arena, batch->columns[READING_GATEWAY].strings[0]).data, "7");
        assert_string_equal(arena_copy(&batch->arena, batch->columns[READING_TYPE].strings[0]).data, "E");
        assert_string_equal(arena_copy(&batch->arena, batch->columns[READING_ATTRIBUTE].strings[0]).data, "V");
        assert_int_equal(batch->columns[READING_TIMESTAMP].integers[0], MOMENT);
    }
    free(tight);
    return reason;
}

static void test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *example = &examples[i];
        cleanup(free_batch) struct batch *batch = batch_new(&schema_reading, 1);
        cleanup(free_plan) struct avro_plan *plan = NULL;
        struct error error = {0};
        if (avro_plan_new(slice_of(example->schema), &schema_reading, &plan, &error))
            fail_msg("%s: %s", example->name, error.message);
        const char *reason = decode(plan, example->body, example->length, batch);
        bool other_value = example->reason && strncmp(example->reason, "value ", 6) == 0;
        double expected = other_value ? atof(example->reason + 6) : 240.5;
        if (example->reason && !other_value && (!reason || strcmp(reason, example->reason) != 0))
            fail_msg("%s: expected '%s', got '%s'", example->name, example->reason, reason ? reason : "a reading");
        if ((!example->reason || other_value) && (reason || batch->columns[READING_VALUE].doubles[0] != expected))
            fail_msg("%s: expected a reading, got '%s'", example->name, reason ? reason : "another value");
        for (size_t length = 0; !reason && length < example->length; length++)
            if (!decode(plan, example->body, length, batch))
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
        {"\"string\"", "the schema is not a record"},
        {"\"R\"", "not an Avro schema: unknown type 'R'"},
        {"{\"type\":\"record\",\"name\":\"R\"}", "not an Avro schema: a record without fields"},
        {RECORD(SERIES TIME), "field value is missing"},
        {RECORD(SERIES TIME "," VALUE "," VALUE), "field value is there twice"},
        {RECORD(SERIES TIME "," FIELD("value", TEXT)), "field value has a type that does not fit"},
        {RECORD(SERIES TIME "," FIELD("value", "\"boolean\"")), "field value has a type that does not fit"},
        {RECORD(SERIES TIME "," FIELD("value", "[\"null\",\"string\"]")), "field value has a type that does not fit"},
        {RECORD(SERIES FIELD("timestamp", "{\"type\":\"long\",\"logicalType\":\"time-micros\"}") "," VALUE), "field timestamp has a type that does not fit"},
        {EXTRA("\"unknown\""), "not an Avro schema: unknown type 'unknown'"},
        {EXTRA("[\"null\",[\"int\"]]"), "not an Avro schema: a union directly in a union"},
        {EXTRA("{\"type\":\"array\"}"), "not an Avro schema: an array or map without 'items'"},
        {EXTRA("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}"), "not an Avro schema: a fixed type without a size"},
        {EXTRA("{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}"), "not an Avro schema: a name is defined twice: 'R'"},
        {EXTRA("{\"type\":\"enum\",\"name\":\"F\"}"), "not an Avro schema: an enum without symbols"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct avro_plan *plan = NULL;
        struct error error = {0};
        assert_int_equal(avro_plan_new(slice_of(bad[i].schema), &schema_reading, &plan, &error), ERROR_INVALID);
        assert_null(plan);
        if (strncmp(error.message, bad[i].message, strlen(bad[i].message)) != 0)
            fail_msg("%s: expected '%s', got '%s'", bad[i].schema, bad[i].message, error.message);
    }
}

static void test_schema_limits(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes deep = {0};
    struct avro_plan *plan = NULL;
    struct error error;
    for (int i = 0; i < 70; i++)
        bytes_append_string(&deep, "{\"type\":\"array\",\"items\":");
    bytes_append_string(&deep, "\"int\"");
    for (int i = 0; i < 70; i++)
        bytes_append_char(&deep, '}');
    assert_int_equal(avro_plan_new(bytes_slice(&deep), &schema_reading, &plan, &error), ERROR_INVALID);
    assert_string_equal(error.message, "not an Avro schema: nested too deeply");
    while (deep.length <= 1 << 20)
        bytes_append_char(&deep, ' ');
    assert_int_equal(avro_plan_new(bytes_slice(&deep), &schema_reading, &plan, &error), ERROR_INVALID);
    assert_string_equal(error.message, "the schema has 1048577 bytes; at most 1048576 are possible");
    assert_null(plan);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_schemas_refused), cmocka_unit_test(test_schema_limits),
                                       cmocka_unit_test(test_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

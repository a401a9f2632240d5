/* JSON: every rule of its grammar, by readings; each rejection with its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "codec/reading.h"
#include "core/memory.h"

#define SERIES "\"gateway\":\"0\",\"metricType\":\"E\",\"metricAttribute\":\"V\","
#define TIME   "\"timestamp\":\"2007-01-01T00:00:00Z\","
#define HEAD   "{" SERIES TIME
#define MOMENT INT64_C(1167609600000)

/* A copy that ends where its memory ends. */
static char *tight_copy(const char *text, size_t length) {
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    return copy;
}

/* Reads a text as a reading; NULL, or why it is none, in `arena`. */
static const char *read_text(struct slice text, struct arena *arena, struct reading *ret_reading) {
    struct reading_reader *reader;
    struct reading *reading;
    char *copy = tight_copy(text.data, text.length);
    struct slice value = {copy, text.length};
    assert_int_equal(reading_reader_new(FORMAT_JSON, NULL, &reader, NULL), 0);
    assert_int_equal(reading_reader_read(reader, &value, sizeof value, 1, arena, &reading, NULL), 0);
    *ret_reading = *reading;
    ret_reading->series.gateway = arena_copy(arena, reading->series.gateway);
    ret_reading->series.type = arena_copy(arena, reading->series.type);
    ret_reading->series.attribute = arena_copy(arena, reading->series.attribute);
    reading_reader_free(reader);
    free(copy);
    return reading->null ? "no value" : reading->reason;
}

static void expect_reading(const char *text, const char *gateway, int64_t time, double value) {
    cleanup(arena_release) struct arena arena = {0};
    struct reading reading;
    const char *reason = read_text(slice_of(text), &arena, &reading);
    if (reason)
        fail_msg("%s: %s", text, reason);
    if (!slice_equal(reading.series.gateway, slice_of(gateway)) || reading.timestamp != time || reading.value != value)
        fail_msg("%s: another reading", text);
    assert_true(slice_equal(reading.series.type, SLICE("E")));
    assert_true(slice_equal(reading.series.attribute, SLICE("V")));
}

static void expect_reason_of(struct slice text, const char *expected) {
    cleanup(arena_release) struct arena arena = {0};
    struct reading reading;
    const char *reason = read_text(text, &arena, &reading);
    if (!reason || strcmp(reason, expected) != 0)
        fail_msg("%.*s: expected '%s', got '%s'", (int)text.length, text.data, expected, reason ? reason : "a reading");
}

static void test_readings(void **state) {
    (void)state;
    expect_reading(HEAD "\"value\":240.5}", "0", MOMENT, 240.5);
    expect_reading(" {\n\t\"value\" : -1e-2 ,\"timestamp\" : 1167609600000,\r "
                   "\"metricAttribute\":\"V\",\"metricType\":\"E\",\"gateway\":\"g\" } ",
                   "g", MOMENT, -0.01);
    expect_reading(HEAD
                   "\"value\":0,\"more\":{\"a\":[1,{\"b\":\"}]\\\"\"},true,false,null,-0.5E+3],\"c\":{}},\"x\":[]}",
                   "0", MOMENT, 0);
    expect_reading("{\"metricType\":\"E\",\"metricAttribute\":\"V\"," TIME
                   "\"value\":1,\"g\\u0061teway\":\"a\\\"\\\\\\/\\u00e9\\u20AC\\ud83d\\ude00z\"}",
                   "a\"\\/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", MOMENT, 1);
    expect_reading("{\"metricType\":\"E\",\"metricAttribute\":\"V\"," TIME
                   "\"value\":1,\"gateway\":\"caf\xc3\xa9 longer than a word\"}",
                   "caf\xc3\xa9 longer than a word", MOMENT, 1);
    expect_reading(HEAD "\"unused\":\"\xff\",\"value\":1}", "0", MOMENT, 1);
    expect_reading("{" SERIES "\"timestamp\":\"2007-01-01T01:00:00.25+01:00\",\"value\":1}", "0", MOMENT + 250, 1);
    expect_reading(HEAD "\"value\":\"240.5\"}", "0", MOMENT, 240.5);
    expect_reading(HEAD "\"value\":123456789012345678901234567890}", "0", MOMENT, 123456789012345678901234567890.0);
}

static void test_reasons(void **state) {
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "no value"},
        {"[]", "not JSON: no object, but a bare value, at byte 0"},
        {"{}", "gateway is missing"},
        {"{" SERIES TIME "\"other\":1}", "value is missing"},
        {"{" SERIES "\"value\":1}", "timestamp is missing"},
        {HEAD "\"value\":1} x", "not JSON: unexpected 'x' at byte 100"},
        {"{\"gateway\":\"0\",xyz}", "not JSON: unexpected 'x' at byte 15"},
        {"{\"gateway\" \"0\"}", "not JSON: unexpected '\"' at byte 11"},
        {"{\"gateway\":\"0\" \"x\":1}", "not JSON: unexpected '\"' at byte 15"},
        {"{\"gateway\":\"0\",}", "not JSON: unexpected '}' at byte 15"},
        {"{\"gateway\":0}", "metricType is missing"},
        {"{\"gateway\":null}", "gateway is missing"},
        {"{\"gateway\":x}", "not JSON: unexpected 'x' at byte 11"},
        {"{\"gateway\":\"a\nb\"}", "not JSON: unexpected byte 0x0a at byte 13"},
        {"{\"gateway\":\"a\\x\"}", "not JSON: an unknown escape at byte 13"},
        {"{\"gateway\":\"a\\u12g4\"}", "not JSON: a wrong \\u escape or half a surrogate pair at byte 13"},
        {"{\"gateway\":\"\\ud83d\"}", "not JSON: a wrong \\u escape or half a surrogate pair at byte 12"},
        {"{\"gateway\":\"\\ude00\"}", "not JSON: a wrong \\u escape or half a surrogate pair at byte 12"},
        {"{\"gateway\":\"\\ud83d\\u0041\"}", "not JSON: a wrong \\u escape or half a surrogate pair at byte 12"},
        {"{\"gateway\":\"\xff\"}", "not JSON: a string that is not UTF-8 at byte 12"},
        {"{\"gateway\":\"\xc0\xaf\"}", "not JSON: a string that is not UTF-8 at byte 12"},
        {"{\"gateway\":\"\xed\xa0\x80\"}", "not JSON: a string that is not UTF-8 at byte 12"},
        {"{\"gateway\":\"0\",\"gateway\":\"0\"}", "metricType is missing"},
        {HEAD "\"value\":null}", "value is missing"},
        {HEAD "\"value\":nul}", "not JSON: unexpected 'n' at byte 97"},
        {HEAD "\"value\":true}", "field value: true cannot be read as DOUBLE"},
        {HEAD "\"value\":[1]}", "field value: [1] cannot be read as DOUBLE"},
        {HEAD "\"value\":{}}", "field value: {} cannot be read as DOUBLE"},
        {HEAD "\"value\":NaN}", "not JSON: unexpected 'N' at byte 97"},
        {HEAD "\"value\":-Infinity}", "not JSON: unexpected 'I' at byte 98"},
        {HEAD "\"value\":1e999}", "field value: 1e999 cannot be read as DOUBLE"},
        {HEAD "\"value\":\"Infinity\"}", "value is not a finite number"},
        {HEAD "\"value\":01}", "not JSON: unexpected '1' at byte 98"},
        {HEAD "\"value\":1.}", "not JSON: unexpected '}' at byte 99"},
        {HEAD "\"value\":.5}", "not JSON: unexpected '.' at byte 97"},
        {HEAD "\"value\":+1}", "not JSON: unexpected '+' at byte 97"},
        {HEAD "\"value\":1e}", "not JSON: unexpected '}' at byte 99"},
        {"{" SERIES "\"timestamp\":\"2007-13-01\",\"value\":1}",
         "timestamp '2007-13-01' is not an ISO-8601 time between 1970 and 9999"},
        {"{" SERIES "\"timestamp\":\"1234567890123456789012345678901234567890\\u00e9\",\"value\":1}",
         "timestamp '1234567890123456789012345678901234567890...' is not an ISO-8601 time between 1970 and 9999"},
        {"{" SERIES "\"timestamp\":-1,\"value\":1}", "timestamp -1 is not a time in ms between 1970 and 9999"},
        {"{" SERIES "\"timestamp\":253402300800000,\"value\":1}",
         "timestamp 253402300800000 is not a time in ms between 1970 and 9999"},
        {"{" SERIES "\"timestamp\":1.5,\"value\":1}", "timestamp '1.5' is not an ISO-8601 time between 1970 and 9999"},
        {"{" SERIES "\"timestamp\":null,\"value\":1}", "timestamp is missing"},
        {"{\"other\":tru}", "not JSON: unexpected 't' at byte 9"},
        {"{\"other\":{1}}", "not JSON: unexpected '1' at byte 10"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_reason_of(slice_of(bad[i].text), bad[i].reason);
    expect_reason_of(SLICE("{\"value\\u0000\":1}"), "gateway is missing");
    expect_reason_of(SLICE("{\"gateway\":\0}"), "not JSON: unexpected byte 0x00 at byte 11");
    expect_reason_of(SLICE("{\"timestamp\":\0}"), "not JSON: unexpected byte 0x00 at byte 13");
    expect_reason_of(SLICE("{\"value\":\0}"), "not JSON: unexpected byte 0x00 at byte 9");
}

static void test_cut_anywhere(void **state) {
    (void)state;
    static const char text[] = HEAD "\"x\\u00e9\":[{\"a\":true},\"b\\n\"],\"value\":240.5}";
    cleanup(arena_release) struct arena arena = {0};
    struct reading reading;
    for (size_t length = 0; length < sizeof text - 1; length++)
        assert_non_null(read_text((struct slice){text, length}, &arena, &reading));
    assert_null(read_text(slice_of(text), &arena, &reading));
}

static void test_depth(void **state) {
    (void)state;
    for (size_t depth = 63; depth <= 64; depth++) { /* and the object itself */
        cleanup(bytes_release) struct bytes text = {0};
        cleanup(arena_release) struct arena arena = {0};
        struct reading reading;
        bytes_append_string(&text, HEAD "\"value\":1,\"x\":");
        for (size_t i = 0; i < depth; i++)
            bytes_append_char(&text, '[');
        for (size_t i = 0; i < depth; i++)
            bytes_append_char(&text, ']');
        bytes_append_char(&text, '}');
        const char *reason = read_text(bytes_slice(&text), &arena, &reading);
        if (depth == 63)
            assert_null(reason);
        else
            assert_string_equal(reason, "not JSON: nested deeper than 64 at byte 166");
        assert_int_equal(json_object_valid(bytes_slice(&text)), depth == 63);
    }
}

static void test_object_valid(void **state) {
    (void)state;
    assert_true(json_object_valid(SLICE("{\"a\":[1,2,{\"b\":\"\\u00e9\xc3\xa9\"}]} ")));
    static const char *const bad[] = {"",        "[]",         "{", "{}{}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}",
                                      "{'a':1}", "{\"a\":01}", " 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(json_object_valid(slice_of(bad[i])));
    assert_false(json_object_valid(SLICE("{\"a\":6\0}")));
    assert_false(json_object_valid(SLICE("{\"a\"\0:6}")));
}

/* Of text that no one has looked at: every step moves on. */
static void test_spans_of_any_bytes(void **state) {
    (void)state;
    struct slice rest = json_span_inside(SLICE("{\"a\":\0,1:2,\"c\" : [1,\0]}")), name, value;
    static const struct {
        struct slice name, value;
    } members[] = {{SLICE("a"), SLICE("\0")}, {{0}, SLICE("1")}, {{0}, SLICE("2")}, {SLICE("c"), SLICE("[1,\0]")}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        assert_true(json_span_next(&rest, &name, &value));
        assert_true(slice_equal(name, members[i].name) && slice_equal(value, members[i].value));
    }
    assert_false(json_span_next(&rest, &name, &value));
}

static void test_write_string(void **state) {
    (void)state;
    static const struct {
        const char *text, *json;
    } good[] = {
        {"", "\"\""},
        {"plain, more than eight", "\"plain, more than eight\""},
        {"a\"b\\c\n\r\t\b\f\x01\x7f", "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u007f\""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {"\xff-\xc3", "\"\xef\xbf\xbd-\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cleanup(bytes_release) struct bytes bytes = {0};
        json_write_string(&bytes, slice_of(good[i].text));
        assert_true(slice_equal(bytes_slice(&bytes), slice_of(good[i].json)));
    }
    cleanup(bytes_release) struct bytes bytes = {0};
    json_write_string(&bytes, (struct slice){"\0", 1});
    assert_true(slice_equal(bytes_slice(&bytes), SLICE("\"\\u0000\"")));
}

static void test_write_rows(void **state) {
    (void)state;
    cleanup(bytes_release) struct bytes bytes = {0};
    json_write_reading(&bytes, SLICE("0"), SLICE("E"), SLICE("V"), MOMENT, 0.1);
    assert_true(
        slice_equal(bytes_slice(&bytes), SLICE("{" SERIES "\"timestamp\":\"2007-01-01T00:00:00Z\",\"value\":0.1}")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readings),     cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_object_valid), cmocka_unit_test(test_spans_of_any_bytes),
        cmocka_unit_test(test_write_string), cmocka_unit_test(test_write_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

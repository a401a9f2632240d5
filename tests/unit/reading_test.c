/* The reader of readings: telling formats apart, the cache of schemas, what a valid reading is, and that nothing stops
 * the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/avro/avro.h"
#include "codec/json/json.h"
#include "codec/reading.h"
#include "core/memory.h"
#include "model/schema.h"

#define MOMENT INT64_C(1167609600000)

/* A registry in memory: schemas by id; `down` makes it unreachable. */
struct fake_registry {
    const char *schemas[10];
    int asked;
    bool down;
};

static int fake_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                     struct error *error) {
    (void)kind;
    struct fake_registry *fake = context;
    fake->asked++;
    if (fake->down)
        return error_set(error, ERROR_BUSY, "the registry does not answer");
    if (id == 6)
        return error_set(error, ERROR_UNSUPPORTED, "schema 6 is PROTOBUF, not AVRO");
    if (id < 0 || id >= 10 || !fake->schemas[id])
        return error_set(error, ERROR_NOT_FOUND, "no schema");
    *ret_schema = arena_copy(arena, slice_of(fake->schemas[id]));
    return 0;
}

struct fixture {
    struct fake_registry fake;
    struct registry registry;
    struct reading_reader *reader;
    struct arena arena;
    struct reading *readings;
    struct error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->fake.schemas[1] = schema_reading_avro;
    f->fake.schemas[7] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"gateway\",\"type\":\"string\"}]}";
    f->fake.schemas[8] = "[";
    f->registry = (struct registry){.find = fake_find, .context = &f->fake};
    *state = f;
    return reading_reader_new(FORMAT_AVRO, &f->registry, &f->reader, &f->error);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    reading_reader_free(f->reader);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static struct bytes avro(int32_t id, struct slice gateway, double value) {
    struct bytes bytes = {0};
    avro_write_reading_head(&bytes, id, gateway, SLICE("ELECTRICITY"), SLICE("VOLTAGE"));
    avro_write_reading_tail(&bytes, MOMENT, value);
    return bytes;
}

static void decode(struct fixture *f, const struct slice *values, size_t count) {
    assert_int_equal(reading_reader_read(f->reader, values, sizeof *values, count, &f->arena, &f->readings, &f->error),
                     0);
}

static void expect_good(const struct fixture *f, size_t row) {
    if (f->readings[row].reason)
        fail_msg("%s", f->readings[row].reason);
    assert_false(f->readings[row].null);
}

static void expect_rejected(const struct fixture *f, size_t row, const char *reason) {
    assert_false(f->readings[row].null);
    assert_non_null(f->readings[row].reason);
    assert_string_equal(f->readings[row].reason, reason);
}

static void test_formats(void **state) {
    struct fixture *f = *state;
    cleanup(bytes_release) struct bytes good = avro(1, SLICE("0"), 240.5), seven = avro(7, SLICE("0"), 1),
                                        eight = avro(8, SLICE("0"), 1), unknown = avro(9, SLICE("0"), 1);
    const struct slice values[] = {
        bytes_slice(&good),
        SLICE(" \n{\"gateway\":\"g\",\"metricType\":\"WATER\",\"metricAttribute\":\"A\",\"timestamp\":1167609600000,"
              "\"value\":2}"),
        {NULL, 0},
        {"", 0},
        SLICE("Avro"),
        SLICE("\0\0\0\0"),
        bytes_slice(&seven),
        bytes_slice(&eight),
        bytes_slice(&unknown),
        SLICE("{\"gateway\":1}"),
        SLICE("   "),
        {good.data, good.length - 1},
        bytes_slice(&good),
    };
    decode(f, values, sizeof values / sizeof *values);
    static const int good_rows[] = {0, 12};
    for (size_t i = 0; i < 2; i++) {
        int row = good_rows[i];
        expect_good(f, (size_t)row);
        assert_true(slice_equal(f->readings[row].series.gateway, SLICE("0")));
        assert_true(slice_equal(f->readings[row].series.type, SLICE("ELECTRICITY")));
        assert_true(slice_equal(f->readings[row].series.attribute, SLICE("VOLTAGE")));
        assert_int_equal(f->readings[row].timestamp, MOMENT);
        assert_true(f->readings[row].value == 240.5);
    }
    expect_good(f, 1);
    assert_true(slice_equal(f->readings[1].series.type, SLICE("WATER")));
    assert_int_equal(f->readings[1].timestamp, MOMENT);
    assert_true(f->readings[2].null);
    assert_true(f->readings[3].null);
    expect_rejected(f, 4, "not Avro in the wire format (first byte 0x41) and not JSON");
    expect_rejected(f, 5, "truncated: the wire format begins with byte 0 and four bytes of schema id");
    expect_rejected(f, 6, "the Avro value has bytes after its last field: it was written with another schema");
    assert_memory_equal(f->readings[7].reason, "schema 8 cannot be read as the columns: not an Avro schema: ", 60);
    expect_rejected(f, 8, "schema id 9 is not in the registry");
    expect_rejected(f, 9, "metricType is missing");
    expect_rejected(f, 10, "not Avro in the wire format (first byte 0x20) and not JSON");
    expect_rejected(f, 11, "truncated: the value ends in field value");
}

static void test_cache(void **state) {
    struct fixture *f = *state;
    cleanup(bytes_release) struct bytes one = avro(1, SLICE("0"), 1), seven = avro(7, SLICE("0"), 1),
                                        nine = avro(9, SLICE("0"), 1), minus = avro(-1, SLICE("0"), 1);
    const struct slice values[] = {bytes_slice(&nine), bytes_slice(&one), bytes_slice(&seven), bytes_slice(&minus),
                                   bytes_slice(&nine), bytes_slice(&one), bytes_slice(&minus), bytes_slice(&seven)};
    decode(f, values, 8);
    assert_int_equal(f->fake.asked, 4);
    expect_rejected(f, 6, "schema id -1 is not in the registry");
    f->fake.schemas[9] =
        schema_reading_avro; /* an unknown id is asked for again in the next call, the others are not */
    decode(f, values, 8);
    assert_int_equal(f->fake.asked, 6);
    expect_good(f, 0);
    expect_good(f, 4);
    expect_rejected(f, 7, "the Avro value has bytes after its last field: it was written with another schema");
}

/* A schema that is not Avro rejects its records, and is asked for once in each call. */
static void test_not_avro(void **state) {
    struct fixture *f = *state;
    cleanup(bytes_release) struct bytes one = avro(1, SLICE("0"), 1), six = avro(6, SLICE("0"), 1);
    const struct slice values[] = {bytes_slice(&six), bytes_slice(&one), bytes_slice(&six)};
    for (int i = 0; i < 2; i++) {
        decode(f, values, 3);
        expect_rejected(f, 0, "schema 6 is PROTOBUF, not AVRO");
        expect_good(f, 1);
        expect_rejected(f, 2, "schema 6 is PROTOBUF, not AVRO");
    }
    assert_int_equal(f->fake.asked, 3);
}

static void test_registry_down(void **state) {
    struct fixture *f = *state;
    cleanup(bytes_release) struct bytes one = avro(1, SLICE("0"), 1), nine = avro(9, SLICE("0"), 1);
    const struct slice values[] = {bytes_slice(&one), bytes_slice(&nine)};
    decode(f, values, 1);
    f->fake.down = true;
    assert_int_equal(reading_reader_read(f->reader, values, sizeof *values, 2, &f->arena, &f->readings, &f->error),
                     ERROR_BUSY);
    assert_string_equal(f->error.message, "the registry does not answer");
    assert_true(f->error.retriable);
    decode(f, values, 1); /* what is known needs no registry */
    expect_good(f, 0);
    f->fake.down = false;
    decode(f, values, 2);
    expect_rejected(f, 1, "schema id 9 is not in the registry");
}

static void test_valid_readings(void **state) {
    struct fixture *f = *state;
    static char longest[SERIES_KEY_MAXIMUM];
    memset(longest, 'g', sizeof longest);
    const size_t most = SERIES_KEY_MAXIMUM - strlen(".ELECTRICITY.VOLTAGE");
    const struct {
        struct slice gateway;
        double value;
        const char *reason;
    } cases[] = {
        {SLICE("caf\xc3\xa9"), -0.0, NULL},
        {{longest, most}, 1, NULL},
        {{longest, most + 1}, 1, "the series key has 1025 bytes; at most 1024 are possible"},
        {SLICE(""), 1, "gateway is empty"},
        {SLICE("a\nb"), 1, "gateway has control characters"},
        {SLICE("12345678\x7f"), 1, "gateway has control characters"},
        {SLICE("1234\x1f"
               "5678"),
         1, "gateway has control characters"},
        {SLICE("\0"), 1, "gateway has control characters"},
        {SLICE("0"), __builtin_nan(""), "value is not a finite number"},
        {SLICE("0"), __builtin_inf(), "value is not a finite number"},
        {SLICE("0"), 1.7976931348623157e308, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup(bytes_release) struct bytes bytes = avro(1, cases[i].gateway, cases[i].value);
        struct slice value = bytes_slice(&bytes);
        decode(f, &value, 1);
        if (cases[i].reason)
            expect_rejected(f, 0, cases[i].reason);
        else
            expect_good(f, 0);
    }
}

/* What the decoders of readings refuse, in JSON alone too. */
static void test_json(void **state) {
    struct fixture *f = *state;
#define NAMES "\"gateway\":\"g\",\"metricType\":\"T\",\"metricAttribute\":\"A\""
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"{" NAMES ",\"timestamp\":\"2007-01-01T00:00:00.5Z\",\"value\":1e3,\"more\":[{}]}", NULL},
        {"{" NAMES ",\"timestamp\":\"2007-02-30T00:00:00Z\",\"value\":1}",
         "timestamp '2007-02-30T00:00:00Z' is not an ISO-8601 time between 1970 and 9999"},
        {"{" NAMES ",\"timestamp\":-1,\"value\":1}", "timestamp -1 is not a time in ms between 1970 and 9999"},
        {"{" NAMES ",\"timestamp\":253402300800000,\"value\":1}",
         "timestamp 253402300800000 is not a time in ms between 1970 and 9999"},
        {"{" NAMES ",\"timestamp\":1.5,\"value\":1}", "timestamp '1.5' is not an ISO-8601 time between 1970 and 9999"},
        {"{" NAMES ",\"timestamp\":0,\"value\":null}", "value is missing"},
        {"{" NAMES ",\"timestamp\":0,\"value\":1e999}", "field value: 1e999 cannot be read as DOUBLE"},
        {"{" NAMES ",\"timestamp\":0,\"value\":[1]}", "field value: [1] cannot be read as DOUBLE"},
        {"{" NAMES ",\"value\":1}", "timestamp is missing"},
        {"{" NAMES ",\"timestamp\":0,\"value\":1", "truncated: the JSON text ends at byte 77"},
        {"{" NAMES ",\"timestamp\":0,\"value\":1}x", "not JSON: unexpected 'x' at byte 78"},
    };
    struct reading_reader *json;
    assert_int_equal(reading_reader_new(FORMAT_JSON, NULL, &json, &f->error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice value = slice_of(cases[i].text);
        struct reading_reader *readers[] = {f->reader, json};
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(
                reading_reader_read(readers[r], &value, sizeof value, 1, &f->arena, &f->readings, &f->error), 0);
            if (cases[i].reason)
                expect_rejected(f, 0, cases[i].reason);
            else
                expect_good(f, 0);
        }
    }
    assert_int_equal(f->fake.asked, 0);
    reading_reader_free(json);
}

static void test_stride(void **state) {
    struct fixture *f = *state;
    struct {
        int64_t before;
        struct slice value;
        int64_t behind;
    } records[3] = {{0}};
    cleanup(bytes_release) struct bytes one = avro(1, SLICE("0"), 5);
    records[0].value = records[2].value = bytes_slice(&one);
    assert_int_equal(
        reading_reader_read(f->reader, &records[0].value, sizeof records[0], 3, &f->arena, &f->readings, &f->error), 0);
    expect_good(f, 0);
    assert_true(f->readings[1].null);
    expect_good(f, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_valid_readings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stride, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_avro, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

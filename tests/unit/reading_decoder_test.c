/* The decoder of topic `metrics`: telling formats apart, the cache of schemas, what a valid reading is, and that
 * nothing stops a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "codec/avro/avro.h"
#include "codec/json/json.h"
#include "codec/reading_decoder.h"
#include "core/memory.h"
#include "model/series.h"

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
    struct reading_decoder *decoder;
    struct batch *batch;
    struct error error;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->fake.schemas[1] = schema_reading_avro;
    f->fake.schemas[7] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"gateway\",\"type\":\"string\"}]}";
    f->fake.schemas[8] = "[";
    f->registry = (struct registry){.find = fake_find, .context = &f->fake};
    f->batch = batch_new(&schema_reading, 1);
    *state = f;
    return reading_decoder_new(&f->registry, &f->decoder, &f->error);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    reading_decoder_free(f->decoder);
    batch_free(f->batch);
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
    assert_int_equal(reading_decoder_decode(f->decoder, values, sizeof *values, count, 100, f->batch, &f->error), 0);
    assert_int_equal(f->batch->count, count);
    for (size_t row = 0; row < count; row++)
        assert_int_equal(f->batch->offsets[row], 100 + (int64_t)row);
}

static void expect_rejected(const struct fixture *f, size_t row, const char *reason) {
    assert_int_equal(f->batch->status[row], ROW_REJECTED);
    assert_string_equal(f->batch->reasons[row], reason);
    for (size_t c = READING_GATEWAY; c <= READING_ATTRIBUTE; c++)
        assert_int_equal(f->batch->columns[c].strings[row].length, 0);
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
        assert_int_equal(f->batch->status[row], ROW_GOOD);
        assert_null(f->batch->reasons[row]);
        assert_true(slice_equal(f->batch->columns[READING_GATEWAY].strings[row], SLICE("0")));
        assert_true(slice_equal(f->batch->columns[READING_TYPE].strings[row], SLICE("ELECTRICITY")));
        assert_true(slice_equal(f->batch->columns[READING_ATTRIBUTE].strings[row], SLICE("VOLTAGE")));
        assert_int_equal(f->batch->columns[READING_TIMESTAMP].integers[row], MOMENT);
        assert_true(f->batch->columns[READING_VALUE].doubles[row] == 240.5);
    }
    assert_int_equal(f->batch->status[1], ROW_GOOD);
    assert_true(slice_equal(f->batch->columns[READING_TYPE].strings[1], SLICE("WATER")));
    assert_int_equal(f->batch->status[2], ROW_NULL);
    assert_int_equal(f->batch->status[3], ROW_NULL);
    expect_rejected(f, 4, "not Avro in the wire format (first byte 0x41) and not JSON");
    expect_rejected(f, 5, "truncated: the wire format begins with byte 0 and four bytes of schema id");
    expect_rejected(f, 6, "schema 7 cannot be read as a reading: field metricType is missing");
    assert_int_equal(f->batch->status[7], ROW_REJECTED);
    assert_memory_equal(f->batch->reasons[7], "schema 8 cannot be read as a reading: not an Avro schema: ", 58);
    expect_rejected(f, 8, "schema id 9 is not in the registry");
    expect_rejected(f, 9, "gateway is a number, not a string");
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
    assert_int_equal(f->batch->status[0], ROW_GOOD);
    assert_int_equal(f->batch->status[4], ROW_GOOD);
    expect_rejected(f, 7, "schema 7 cannot be read as a reading: field metricType is missing");
}

/* A schema that is not Avro rejects its records, and is asked for once in each call. */
static void test_not_avro(void **state) {
    struct fixture *f = *state;
    cleanup(bytes_release) struct bytes one = avro(1, SLICE("0"), 1), six = avro(6, SLICE("0"), 1);
    const struct slice values[] = {bytes_slice(&six), bytes_slice(&one), bytes_slice(&six)};
    for (int i = 0; i < 2; i++) {
        decode(f, values, 3);
        expect_rejected(f, 0, "schema 6 is PROTOBUF, not AVRO");
        assert_int_equal(f->batch->status[1], ROW_GOOD);
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
    assert_int_equal(reading_decoder_decode(f->decoder, values, sizeof *values, 2, 0, f->batch, &f->error), ERROR_BUSY);
    assert_string_equal(f->error.message, "the registry does not answer");
    assert_true(f->error.retriable);
    assert_int_equal(f->batch->count, 0);
    decode(f, values, 1); /* what is known needs no registry */
    assert_int_equal(f->batch->status[0], ROW_GOOD);
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
            assert_int_equal(f->batch->status[0], ROW_GOOD);
    }
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
        reading_decoder_decode(f->decoder, &records[0].value, sizeof records[0], 3, 0, f->batch, &f->error), 0);
    assert_int_equal(f->batch->status[0], ROW_GOOD);
    assert_int_equal(f->batch->status[1], ROW_NULL);
    assert_int_equal(f->batch->status[2], ROW_GOOD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_valid_readings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stride, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_avro, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

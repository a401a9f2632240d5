/* Stored batches: what is written reads back; every damaged byte is found; lengths that lie are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bus/sqlite/batch_format.h"
#include "core/hash.h"

static const struct batch_place place = {.partition_id = 7, .base_offset = 1234};
static const struct bus_header headers[] = {
    {{"error", 5}, {"bad", 3}}, {{"empty", 5}, {"", 0}}, {{"null", 4}, {NULL, 0}}};
static const struct bus_record records[] = {
    {.key = {"0.ELECTRICITY.VOLTAGE", 21}, .value = {"240.1", 5}, .timestamp = 1000},
    {.key = {NULL, 0}, .value = {NULL, 0}, .timestamp = 999, .headers = headers, .header_count = 3},
    {.key = {"", 0}, .value = {"", 0}, .timestamp = INT64_MAX},
    {.key = {"k", 1}, .value = {"a\0b", 3}, .timestamp = INT64_MIN, .headers = headers, .header_count = 1},
};
enum { RECORDS = sizeof records / sizeof *records };

static void seal(struct slice raw, uint32_t count, struct bytes *blob) {
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_int_equal(batch_seal(context, raw, count, 1000, blob, NULL), 0);
    batch_stamp(blob, place, 1700000000000);
    ZSTD_freeCCtx(context);
}

static void write_all(struct bytes *blob) {
    struct bytes raw = {0};
    for (size_t i = 0; i < RECORDS; i++)
        batch_write_record(&raw, &records[i], 1000);
    seal(bytes_slice(&raw), RECORDS, blob);
    bytes_release(&raw);
}

static void assert_slice(struct slice got, struct slice expected) {
    assert_true((got.data == NULL) == (expected.data == NULL));
    assert_true(slice_equal(got, expected));
}

static void test_round_trip(void **state) {
    (void)state;
    struct bytes blob = {0};
    struct batch_reader reader = {0};
    size_t count = 0;
    int64_t append_time = 0;
    write_all(&blob);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(batch_read(&reader, bytes_slice(&blob), place, &count, &append_time, NULL), 0);
        assert_int_equal(count, RECORDS);
        assert_int_equal(append_time, 1700000000000);
        for (size_t i = 0; i < RECORDS; i++) {
            assert_slice(reader.decoded[i].key, records[i].key);
            assert_slice(reader.decoded[i].value, records[i].value);
            assert_true(reader.decoded[i].timestamp == records[i].timestamp);
            assert_int_equal(reader.decoded[i].header_count, records[i].header_count);
            for (size_t h = 0; h < records[i].header_count; h++) {
                assert_slice(reader.decoded[i].headers[h].name, headers[h].name);
                assert_slice(reader.decoded[i].headers[h].value, headers[h].value);
            }
        }
    }
    batch_reader_release(&reader);
    bytes_release(&blob);
}

static int read_once(struct slice blob, struct batch_place where, struct error *error) {
    struct batch_reader reader = {0};
    size_t count;
    int64_t append_time;
    int status = batch_read(&reader, blob, where, &count, &append_time, error);
    batch_reader_release(&reader);
    return status;
}

static void test_every_bit_and_length(void **state) {
    (void)state;
    struct bytes blob = {0};
    struct error error;
    write_all(&blob);
    for (size_t bit = 0; bit < blob.length * 8; bit++) {
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(read_once(bytes_slice(&blob), place, &error), ERROR_CORRUPT);
        blob.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_non_null(strstr(error.message, "checksum"));
    for (size_t length = 0; length < blob.length; length++)
        assert_int_equal(read_once((struct slice){blob.data, length}, place, &error), ERROR_CORRUPT);
    assert_int_equal(read_once(bytes_slice(&blob), (struct batch_place){8, 1234}, &error), ERROR_CORRUPT);
    assert_int_equal(read_once(bytes_slice(&blob), (struct batch_place){7, 1235}, &error), ERROR_CORRUPT);
    assert_int_equal(read_once(bytes_slice(&blob), place, &error), 0);
    bytes_release(&blob);
}

/* Blobs whose checksum is right and whose content is not. */
static void test_lies(void **state) {
    (void)state;
    static const struct {
        const char *raw;
        size_t length;
        uint32_t count;
        const char *message;
    } cases[] = {
        {"\0\0\0\0", 4, 0, "claims 0 records in 4 bytes"},
        {"\0\0\0\0", 4, 2, "claims 2 records in 4 bytes"},
        {"\0\0\0\0", 4, UINT32_MAX, "claims 4294967295 records"},
        {"", 0, 1, "claims 1 records in 0 bytes"},
        {"\0\0\0\0\0\0\0\0", 8, 1, "has 4 bytes after its last record"},
        {"\x09\0\0\0", 4, 1, "record 0 of the batch is damaged"}, /* key longer than the batch */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 1,
         "record 0 of the batch is damaged"},                             /* length of 2^64 - 1 */
        {"\0\0\0\x02\x01\x01", 6, 1, "record 0 of the batch is damaged"}, /* two headers, room for one */
        {"\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, 1,
         "record 0 of the batch is damaged"}, /* 2^64 - 1 headers */
        {"\0\0\0\0\0\0\0\x80", 8, 2, "record 1 of the batch is damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes blob = {0};
        struct error error;
        seal((struct slice){cases[i].raw, cases[i].length}, cases[i].count, &blob);
        assert_int_equal(read_once(bytes_slice(&blob), place, &error), ERROR_CORRUPT);
        if (!strstr(error.message, cases[i].message))
            fail_msg("case %zu: %s", i, error.message);
        bytes_release(&blob);
    }
}

static void test_length_of_frame(void **state) {
    (void)state;
    struct bytes blob = {0};
    struct error error;
    write_all(&blob);
    uint32_t claimed = BATCH_BYTES_MAXIMUM;
    memcpy(blob.data + 12, &claimed, sizeof claimed);
    batch_stamp(&blob, place, 0);
    assert_int_equal(read_once(bytes_slice(&blob), place, &error), ERROR_CORRUPT);
    assert_non_null(strstr(error.message, "the batch claims 268435456 bytes, its compressed records"));
    bytes_release(&blob);
}

/* Utils.murmur2 of the Java client and its own test vectors; INT32_MAX partitions leave the positive hash as it is. */
static void test_partition(void **state) {
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t positive = cases[i].hash & 0x7fffffff;
        assert_int_equal(bus_partition(slice_of(cases[i].key), INT32_MAX), positive);
        assert_int_equal(bus_partition(slice_of(cases[i].key), 4), positive % 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_bit_and_length),
        cmocka_unit_test(test_lies),       cmocka_unit_test(test_length_of_frame),
        cmocka_unit_test(test_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

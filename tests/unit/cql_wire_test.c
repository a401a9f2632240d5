/* What goes over the wire to Cassandra and comes back: values, frames, LZ4, requests byte by byte, responses, the
 * table of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/cassandra/cql/cql_error.h"
#include "store/cassandra/cql/cql_lz4.h"
#include "store/cassandra/cql/cql_request.h"

#define BYTES(literal) ((struct slice){literal, sizeof(literal) - 1})

static void assert_slice(struct slice got, struct slice expected) {
    assert_true((got.data == NULL) == (expected.data == NULL));
    assert_int_equal(got.length, expected.length);
    if (expected.length)
        assert_memory_equal(got.data, expected.data, expected.length);
}

/* ---- values ---- */

static void test_values(void **state) {
    (void)state;
    struct bytes to = {0};
    cql_write_byte(&to, 0xfe);
    cql_write_short(&to, 0x0102);
    cql_write_int(&to, -2);
    cql_write_long(&to, 0x0102030405060708);
    cql_write_string(&to, SLICE("ab"));
    cql_write_bytes(&to, SLICE(""));
    cql_write_bytes(&to, (struct slice){NULL, 0});
    cql_write_long_string(&to, SLICE("c"));
    assert_slice(bytes_slice(&to), BYTES("\xfe\x01\x02\xff\xff\xff\xfe\x01\x02\x03\x04\x05\x06\x07\x08\x00\x02"
                                         "ab\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x01"
                                         "c"));
    struct cql_reader reader = cql_reader_of(bytes_slice(&to));
    assert_int_equal(cql_read_byte(&reader), 0xfe);
    assert_int_equal(cql_read_short(&reader), 0x0102);
    assert_int_equal(cql_read_int(&reader), -2);
    assert_non_null(cql_take(&reader, 8));
    assert_slice(cql_read_string(&reader), SLICE("ab"));
    assert_slice(cql_read_bytes(&reader), SLICE(""));
    assert_slice(cql_read_bytes(&reader), (struct slice){NULL, 0});
    assert_int_equal(cql_left(&reader), 5);
    assert_false(reader.failed);
    bytes_release(&to);
}

/* The first read after the end fails, and all that follow, even those that would fit. */
static void test_sticky_failure(void **state) {
    (void)state;
    struct cql_reader reader = cql_reader_of(BYTES("\x00\x05"
                                                   "abcd"));
    assert_slice(cql_read_string(&reader), (struct slice){NULL, 0});
    assert_true(reader.failed);
    assert_int_equal(cql_read_byte(&reader), 0);
    struct cql_reader huge = cql_reader_of(BYTES("\x7f\xff\xff\xff"
                                                 "a"));
    assert_slice(cql_read_bytes(&huge), (struct slice){NULL, 0});
    assert_true(huge.failed);
}

static void test_too_long_string(void **state) {
    (void)state;
    struct bytes to = {0};
    char *text = calloc(1, UINT16_MAX + 1);
    cql_write_string(&to, (struct slice){text, UINT16_MAX});
    assert_false(to.failed);
    cql_write_string(&to, (struct slice){text, UINT16_MAX + 1});
    assert_true(to.failed);
    assert_int_equal(to.length, 2 + UINT16_MAX);
    free(text);
    bytes_release(&to);
}

static void test_cells(void **state) {
    (void)state;
    static const struct {
        struct slice cell;
        bool good;
        int64_t value;
    } integers[] = {
        {{NULL, 0}, false, 0},
        {{"", 0}, false, 0},
        {{"\x80", 1}, true, -128},
        {{"\x00\x80", 2}, true, 128},
        {{"\xff\xfe", 2}, true, -2},
        {{"abc", 3}, false, 0},
        {{"\xff\xff\xff\xff", 4}, true, -1},
        {{"\x7f\xff\xff\xff\xff\xff\xff\xff", 8}, true, INT64_MAX},
        {{"\x80\x00\x00\x00\x00\x00\x00\x00", 8}, true, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        int64_t value = 0;
        assert_int_equal(cql_cell_integer(integers[i].cell, &value), integers[i].good);
        assert_true(value == integers[i].value);
    }
    double number = 0;
    assert_true(cql_cell_double(BYTES("\x40\x09\x21\xfb\x54\x44\x2d\x18"), &number) && number == M_PI);
    assert_true(cql_cell_double(BYTES("\xbf\x80\x00\x00"), &number) && number == -1.0);
    assert_false(cql_cell_double(BYTES("\x00\x01"), &number));
    bool truth = false;
    assert_true(cql_cell_boolean(BYTES("\x01"), &truth) && truth);
    assert_false(cql_cell_boolean((struct slice){NULL, 0}, &truth));
}

static void test_collections(void **state) {
    (void)state;
    struct cql_reader reader;
    uint32_t count;
    struct slice set = BYTES("\x00\x00\x00\x02\x00\x00\x00\x01"
                             "a\x00\x00\x00\x00");
    assert_true(cql_cell_collection(set, 1, &reader, &count));
    assert_int_equal(count, 2);
    assert_slice(cql_read_bytes(&reader), SLICE("a"));
    assert_slice(cql_read_bytes(&reader), SLICE(""));
    assert_false(cql_cell_collection(set, 2, &reader, &count)); /* two entries of a map have no room there */
    assert_false(cql_cell_collection(BYTES("\x7f\xff\xff\xff"), 1, &reader, &count));
    assert_false(cql_cell_collection(BYTES("\xff\xff\xff\xff"), 1, &reader, &count));
    assert_false(cql_cell_collection((struct slice){NULL, 0}, 1, &reader, &count));
}

/* ---- frames ---- */

static void test_frame(void **state) {
    (void)state;
    char header[CQL_FRAME_HEADER];
    struct cql_frame frame = {.flags = CQL_FLAG_COMPRESSED,
                              .stream = 0x1234,
                              .opcode = CQL_EXECUTE,
                              .length = 0x00010203},
                     back;
    cql_frame_encode(header, &frame);
    assert_memory_equal(header, "\x04\x01\x12\x34\x0a\x00\x01\x02\x03", CQL_FRAME_HEADER);
    assert_int_equal(cql_frame_decode("\x84\x0a\xff\xff\x0c\x00\x00\x01\x00", &back, NULL), 0);
    assert_int_equal(back.version, 4);
    assert_int_equal(back.flags, CQL_FLAG_TRACING | CQL_FLAG_WARNING);
    assert_int_equal(back.stream, -1);
    assert_int_equal(back.opcode, CQL_EVENT);
    assert_int_equal(back.length, 256);
}

static void test_frame_refused(void **state) {
    (void)state;
    struct cql_frame frame;
    struct error error;
    assert_int_equal(cql_frame_decode("HTTP/1.1 ", &frame, &error), ERROR_CORRUPT);
    assert_string_equal(
        error.message,
        "the server does not speak the CQL native protocol (its first byte is 0x48); is the port right?");
    assert_int_equal(cql_frame_decode("\x84\x00\x00\x00\x08\x02\x00\x00\x00", &frame, &error), 0); /* 32 MiB */
    assert_int_equal(cql_frame_decode("\x84\x00\x00\x00\x08\x02\x00\x00\x01", &frame, &error), ERROR_CORRUPT);
    assert_int_equal(cql_frame_decode("\x84\x00\x00\x00\x08\xff\xff\xff\xff", &frame, &error), ERROR_CORRUPT);
    assert_string_equal(error.message, "the server sent a frame of 4294967295 bytes; at most 33554432 are read");
}

static void test_lz4(void **state) {
    (void)state;
    struct bytes packed = {0}, back = {0};
    struct error error;
    char body[1000] = "begins, and then zeros";
    bytes_append(&packed, "before", 6);
    assert_true(cql_lz4_compress((struct slice){body, sizeof body}, &packed));
    assert_memory_equal(packed.data, "before\x00\x00\x03\xe8", 10);
    assert_true(packed.length < 100);
    struct slice block = {packed.data + 6, packed.length - 6};
    assert_int_equal(cql_lz4_expand(block, 1000, &back, &error), 0);
    assert_slice(bytes_slice(&back), (struct slice){body, sizeof body});
    assert_int_equal(cql_lz4_expand(block, 999, &back, &error), ERROR_CORRUPT);
    for (size_t length = 0; length < block.length; length++)
        assert_int_equal(cql_lz4_expand((struct slice){block.data, length}, 1000, &back, &error), ERROR_CORRUPT);
    packed.data[9]++;
    assert_int_equal(cql_lz4_expand(block, 2000, &back, &error), ERROR_CORRUPT);
    assert_non_null(strstr(error.message, "does not expand to the 1001 bytes that it claims"));
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * i * 2654435761u >> 13);
    assert_false(cql_lz4_compress((struct slice){body, 200}, &packed)); /* nothing to gain */
    assert_int_equal(cql_lz4_expand(BYTES("\x00\x00\x00\x00"), 1000, &back, &error), 0);
    assert_int_equal(back.length, 0);
    bytes_release(&packed);
    bytes_release(&back);
}

/* Thirty bytes that claim the most that may be read: refused before memory is taken for it. */
static void test_lz4_claims(void **state) {
    (void)state;
    struct bytes back = {0};
    char body[30] = "\x02\x00\x00\x00";
    assert_int_equal(cql_lz4_expand((struct slice){body, sizeof body}, CQL_BODY_MAXIMUM, &back, NULL), ERROR_CORRUPT);
    assert_int_equal(back.capacity, 0);
}

/* ---- requests ---- */

static const struct cql_statement two = {
    .id = {"ID", 2}, .marker_count = 2, .key_count = 1, .key_position = {CQL_NOT_KEY, 0}};

static void assert_request(struct cql_request *request, uint8_t opcode, struct slice body) {
    struct error error = {0};
    assert_int_equal(cql_request_finish(request, &error), 0);
    assert_int_equal(request->opcode, opcode);
    assert_slice(bytes_slice(&request->body), body);
}

static void test_query(void **state) {
    (void)state;
    struct cql_request request = {0};
    cql_request_reset(&request);
    cql_request_query(&request, SLICE("SELECT"));
    assert_request(&request, CQL_QUERY, BYTES("\x00\x00\x00\x06SELECT\x00\x06\x01\x00\x00"));
    cql_request_reset(&request);
    request.consistency = CQL_ONE;
    request.page_size = 256;
    request.timestamp = 258;
    cql_request_query(&request, SLICE("S"));
    cql_bind_integer(&request, 7);
    cql_bind_bytes(&request, (struct slice){NULL, 0});
    cql_request_page(&request, SLICE("old"));
    cql_request_page(&request, SLICE("pg"));
    assert_request(&request, CQL_QUERY,
                   BYTES("\x00\x00\x00\x01S\x00\x01\x2d\x00\x02\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff"
                         "\x00\x00\x01\x00\x00\x00\x00\x02pg\x00\x00\x00\x00\x00\x00\x01\x02"));
    cql_request_release(&request);
}

static void test_execute(void **state) {
    (void)state;
    struct cql_request request = {0};
    struct bytes scratch = {0};
    cql_request_reset(&request);
    cql_request_execute(&request, &two);
    cql_bind_double(&request, 1.0);
    cql_bind_bigint(&request, -1);
    assert_request(&request, CQL_EXECUTE,
                   BYTES("\x00\x02ID\x00\x06\x01\x00\x02\x00\x00\x00\x08\x3f\xf0\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_slice(cql_request_key(&request, &scratch), BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"));
    cql_request_release(&request);
}

static void test_batch(void **state) {
    (void)state;
    struct cql_request request = {0};
    struct bytes scratch = {0};
    cql_request_reset(&request);
    request.timestamp = 1;
    cql_request_batch(&request);
    for (int i = 0; i < 2; i++) {
        cql_request_add(&request, &two);
        cql_bind_integer(&request, i);
        cql_bind_bytes(&request, i ? SLICE("second") : SLICE("k"));
    }
    assert_request(&request, CQL_BATCH,
                   BYTES("\x01\x00\x02\x01\x00\x02ID\x00\x02\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01k"
                         "\x01\x00\x02ID\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x06second"
                         "\x00\x06\x20\x00\x00\x00\x00\x00\x00\x00\x01"));
    assert_slice(cql_request_key(&request, &scratch), SLICE("k")); /* that of the first statement */
    cql_request_release(&request);
}

/* Several columns: each with its length and a zero byte, in the order of the key, not of the markers. */
static void test_composite_key(void **state) {
    (void)state;
    static const struct cql_statement three = {
        .id = {"I", 1}, .marker_count = 3, .key_count = 2, .key_position = {1, CQL_NOT_KEY, 0}};
    struct cql_request request = {0};
    struct bytes scratch = {0};
    cql_request_reset(&request);
    cql_request_execute(&request, &three);
    cql_bind_bytes(&request, SLICE("last"));
    cql_bind_integer(&request, 1);
    assert_slice(cql_request_key(&request, &scratch), (struct slice){NULL, 0}); /* not complete yet */
    cql_bind_bytes(&request, SLICE("a"));
    assert_slice(cql_request_key(&request, &scratch), BYTES("\x00\x01"
                                                            "a\x00\x00\x04last\x00"));
    cql_request_release(&request);
    bytes_release(&scratch);
}

static void test_prepare_register_and_handshake(void **state) {
    (void)state;
    static const struct slice events[] = {{"A", 1}, {"BC", 2}};
    struct cql_request request = {0};
    struct bytes body = {0};
    cql_request_reset(&request);
    cql_request_prepare(&request, SLICE("SELECT"));
    assert_request(&request, CQL_PREPARE, BYTES("\x00\x00\x00\x06SELECT"));
    cql_request_reset(&request);
    cql_request_register(&request, events, 2);
    assert_request(&request, CQL_REGISTER,
                   BYTES("\x00\x02\x00\x01"
                         "A\x00\x02"
                         "BC"));
    cql_write_startup(&body, true);
    assert_slice(bytes_slice(&body), BYTES("\x00\x02\x00\x0b"
                                           "CQL_VERSION\x00\x05"
                                           "3.0.0\x00\x0b"
                                           "COMPRESSION\x00\x03lz4"));
    body.length = 0;
    cql_write_startup(&body, false);
    assert_slice(bytes_slice(&body), BYTES("\x00\x01\x00\x0b"
                                           "CQL_VERSION\x00\x05"
                                           "3.0.0"));
    body.length = 0;
    cql_write_plain(&body, SLICE("me"), SLICE("secret"));
    assert_slice(bytes_slice(&body), BYTES("\x00\x00\x00\x0a\x00me\x00secret"));
    cql_request_release(&request);
    bytes_release(&body);
}

static void test_mistakes(void **state) {
    (void)state;
    struct cql_request request = {0};
    struct error error;
    cql_request_reset(&request);
    cql_request_execute(&request, &two);
    cql_bind_integer(&request, 1);
    assert_int_equal(cql_request_finish(&request, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "not every bind marker has a value"));
    cql_request_reset(&request);
    cql_request_execute(&request, &two);
    for (int i = 0; i < 3; i++)
        cql_bind_integer(&request, 1);
    assert_int_equal(cql_request_finish(&request, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "more values than bind markers"));
    cql_request_reset(&request);
    cql_request_batch(&request);
    assert_int_equal(cql_request_finish(&request, &error), ERROR_INVALID);
    cql_request_reset(&request);
    cql_request_prepare(&request, SLICE("S"));
    cql_bind_integer(&request, 1);
    assert_int_equal(cql_request_finish(&request, &error), ERROR_INVALID);
    cql_request_release(&request);
}

/* ---- responses ---- */

static int decode(uint8_t opcode, uint8_t flags, struct slice body, struct cql_response *ret_response,
                  struct error *error) {
    struct cql_frame frame = {.version = 4, .flags = flags, .opcode = opcode, .length = (uint32_t)body.length};
    return cql_response_decode(&frame, body, ret_response, error);
}

/* One table; columns n int, m map<text, list<double>>; two rows, the second with a null. */
static const struct slice rows_body = BYTES(
    "\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x02\x00\x00\x00\x02PS\x00\x02ks\x00\x01t"
    "\x00\x01n\x00\x09\x00\x01m\x00\x21\x00\x0d\x00\x20\x00\x07"
    "\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x06\xff\xff\xff\xff");

static void test_rows(void **state) {
    (void)state;
    struct cql_response response;
    struct cql_column column;
    struct slice cells[CQL_COLUMNS_MAXIMUM];
    int64_t number = 0;
    assert_int_equal(decode(CQL_RESULT, 0, rows_body, &response, NULL), 0);
    assert_int_equal(response.kind, CQL_RESULT_ROWS);
    assert_slice(response.rows.paging_state, SLICE("PS"));
    assert_int_equal(response.rows.count, 2);
    assert_true(cql_columns_next(&response.rows.columns, &column));
    assert_slice(column.keyspace, SLICE("ks"));
    assert_slice(column.table, SLICE("t"));
    assert_slice(column.name, SLICE("n"));
    assert_int_equal(column.type, 9);
    assert_true(cql_columns_next(&response.rows.columns, &column));
    assert_slice(column.name, SLICE("m"));
    assert_int_equal(column.type, CQL_TYPE_MAP);
    assert_false(cql_columns_next(&response.rows.columns, &column));
    assert_true(cql_rows_next(&response.rows, cells));
    assert_true(cql_cell_integer(cells[0], &number) && number == 5);
    assert_slice(cells[1], SLICE(""));
    assert_true(cql_rows_next(&response.rows, cells));
    assert_true(cql_cell_integer(cells[0], &number) && number == 6);
    assert_slice(cells[1], (struct slice){NULL, 0});
    assert_false(cql_rows_next(&response.rows, cells));
}

/* Cut anywhere, it is damaged; bytes after it are left alone, as the specification asks. */
static void test_rows_cut(void **state) {
    (void)state;
    struct cql_response response;
    struct error error;
    for (size_t length = 0; length < rows_body.length; length++) {
        char *exact = malloc(length ? length : 1); /* so that the sanitizer sees a read after it */
        memcpy(exact, rows_body.data, length);
        assert_int_equal(decode(CQL_RESULT, 0, (struct slice){exact, length}, &response, &error), ERROR_CORRUPT);
        free(exact);
    }
    char more[200];
    memcpy(more, rows_body.data, rows_body.length);
    memset(more + rows_body.length, 0x55, 10);
    assert_int_equal(decode(CQL_RESULT, 0, (struct slice){more, rows_body.length + 10}, &response, &error), 0);
}

static void test_result_lies(void **state) {
    (void)state;
    static const struct {
        struct slice body;
        int status;
    } cases[] = {
        {BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x00\x7f\xff\xff\xff"),
         ERROR_CORRUPT}, /* 2^31 rows of nothing */
        {BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00\x00\x00"), ERROR_CORRUPT},
        {BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\xff\xff\xff\xff\x00\x00\x00\x00"), ERROR_CORRUPT}, /* -1 columns */
        {BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x01\x01\x00\x00\x00\x00"),
         ERROR_UNSUPPORTED},                                                            /* 257 columns */
        {BYTES("\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00"), 0}, /* no columns, no rows */
        {BYTES("\x00\x00\x00\x09"), ERROR_UNSUPPORTED},
        {BYTES("\x00\x00\x00\x01"), 0},
        {BYTES("\x00\x00\x00\x03\x00\x02ks"), 0},
        {BYTES("\x00\x00\x00\x03\x00\x03ks"), ERROR_CORRUPT},
        {BYTES("\x00\x00\x00\x04\x00\x01I\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x11"),
         ERROR_UNSUPPORTED}, /* key of 17 columns */
        {BYTES("\x00\x00\x00\x04\x00\x01I\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01\x00\x00\x00\x04\x00"
               "\x00\x00\x00"),
         ERROR_CORRUPT}, /* key at marker 1 of 1 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cql_response response;
        assert_int_equal(decode(CQL_RESULT, 0, cases[i].body, &response, NULL), cases[i].status);
    }
}

/* Lists of lists, deeper than anybody needs. */
static void test_deep_type(void **state) {
    (void)state;
    struct bytes body = {0};
    struct cql_response response;
    bytes_append_slice(&body, BYTES("\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01k\x00\x01t\x00\x01n"));
    for (int i = 0; i < 100000; i++)
        cql_write_short(&body, CQL_TYPE_LIST);
    assert_int_equal(decode(CQL_RESULT, 0, bytes_slice(&body), &response, NULL), ERROR_CORRUPT);
    bytes_release(&body);
}

static void test_user_types(void **state) {
    (void)state;
    struct cql_response response;
    struct cql_column column;
    struct slice body = BYTES("\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x01k\x00\x01t"
                              "\x00\x01u\x00\x30\x00\x01k\x00\x01u\x00\x02\x00\x01x\x00\x09\x00\x01y\x00\x22\x00\x0d"
                              "\x00\x01v\x00\x31\x00\x02\x00\x09\x00\x00\x00\x01"
                              "C\x00\x01w\x00\x00\x00\x01J\x00\x00\x00\x00");
    assert_int_equal(decode(CQL_RESULT, 0, body, &response, NULL), 0);
    static const struct {
        const char *name;
        uint16_t type;
    } expected[] = {{"u", CQL_TYPE_UDT}, {"v", CQL_TYPE_TUPLE}, {"w", CQL_TYPE_CUSTOM}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(cql_columns_next(&response.rows.columns, &column));
        assert_slice(column.name, slice_of(expected[i].name));
        assert_int_equal(column.type, expected[i].type);
    }
}

static void test_prepared(void **state) {
    (void)state;
    struct cql_response response;
    struct cql_column column;
    struct slice body =
        BYTES("\x00\x00\x00\x04\x00\x02ID\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00\x02ks\x00\x01t"
              "\x00\x01v\x00\x07\x00\x01k\x00\x0d\x00\x00\x00\x04\x00\x00\x00\x00");
    assert_int_equal(decode(CQL_RESULT, 0, body, &response, NULL), 0);
    assert_slice(response.prepared.id, SLICE("ID"));
    assert_int_equal(response.prepared.key_count, 1);
    assert_int_equal(response.prepared.key[0], 1);
    assert_int_equal(response.prepared.markers.count, 2);
    assert_true(cql_columns_next(&response.prepared.markers, &column));
    assert_int_equal(column.type, CQL_TYPE_DOUBLE);
    assert_int_equal(response.prepared.columns.count, 0);
}

static void test_events(void **state) {
    (void)state;
    struct cql_response response;
    assert_int_equal(decode(CQL_EVENT, 0, BYTES("\x00\x0dSTATUS_CHANGE\x00\x02UP\x04\x7f\x00\x00\x01\x00\x00\x23\x52"),
                            &response, NULL),
                     0);
    assert_slice(response.event.change, SLICE("UP"));
    assert_slice(response.event.address, BYTES("\x7f\x00\x00\x01"));
    assert_int_equal(response.event.port, 9042);
    assert_int_equal(decode(CQL_EVENT, 0,
                            BYTES("\x00\x0dSCHEMA_CHANGE\x00\x07"
                                  "CREATED\x00\x05TABLE\x00\x02ks\x00\x01t"),
                            &response, NULL),
                     0);
    assert_slice(response.event.target, SLICE("TABLE"));
    assert_slice(response.event.keyspace, SLICE("ks"));
    assert_int_equal(decode(CQL_EVENT, 0,
                            BYTES("\x00\x0dSTATUS_CHANGE\x00\x02UP\x05\x7f\x00\x00\x01\x00\x00\x00\x23\x52"), &response,
                            NULL),
                     ERROR_CORRUPT);
}

/* Tracing id, warnings and payload stand before the body. */
static void test_prefix(void **state) {
    (void)state;
    struct cql_response response;
    struct slice body =
        BYTES("0123456789abcdef\x00\x02\x00\x05large\x00\x05other\x00\x01\x00\x01k\x00\x00\x00\x01v\x00\x00\x00\x01");
    assert_int_equal(decode(CQL_RESULT, CQL_FLAG_TRACING | CQL_FLAG_WARNING | CQL_FLAG_PAYLOAD, body, &response, NULL),
                     0);
    assert_int_equal(response.kind, CQL_RESULT_VOID);
    assert_slice(response.warning, SLICE("large"));
}

static void test_supported(void **state) {
    (void)state;
    struct cql_response response;
    struct slice body = BYTES("\x00\x02\x00\x0b"
                              "CQL_VERSION\x00\x01\x00\x05"
                              "3.4.7\x00\x0b"
                              "COMPRESSION\x00\x02\x00\x06snappy\x00\x03lz4");
    assert_int_equal(decode(CQL_SUPPORTED, 0, body, &response, NULL), 0);
    assert_true(cql_supports(&response, SLICE("COMPRESSION"), SLICE("lz4")));
    assert_true(cql_supports(&response, SLICE("COMPRESSION"), SLICE("snappy")));
    assert_false(cql_supports(&response, SLICE("CQL_VERSION"), SLICE("lz4")));
    assert_int_equal(decode(CQL_SUPPORTED, 0, (struct slice){body.data, body.length - 1}, &response, NULL),
                     ERROR_CORRUPT);
}

static void test_requests_are_not_responses(void **state) {
    (void)state;
    static const uint8_t opcodes[] = {CQL_STARTUP,  0x04,      CQL_OPTIONS,       CQL_QUERY, CQL_PREPARE, CQL_EXECUTE,
                                      CQL_REGISTER, CQL_BATCH, CQL_AUTH_RESPONSE, 0x11,      0xff};
    struct cql_response response;
    for (size_t i = 0; i < sizeof opcodes; i++)
        assert_int_equal(decode(opcodes[i], 0, SLICE("12345678"), &response, NULL), ERROR_UNSUPPORTED);
}

/* ---- errors ---- */

static void test_error_bodies(void **state) {
    (void)state;
    struct cql_response response;
    struct error error;
    assert_int_equal(decode(CQL_ERROR, 0,
                            BYTES("\x00\x00\x11\x00\x00\x04"
                                  "late\x00\x06\x00\x00\x00\x01\x00\x00\x00\x02\x00\x0eUNLOGGED_BATCH"),
                            &response, NULL),
                     0);
    assert_int_equal(response.error.consistency, CQL_LOCAL_QUORUM);
    assert_slice(response.error.write_type, SLICE("UNLOGGED_BATCH"));
    assert_int_equal(cql_error_set(&error, "10.0.0.1:9042", &response.error), ERROR_BUSY);
    assert_string_equal(error.message, "10.0.0.1:9042: write time-out (1 of 2 replicas): late [0x1100]");
    assert_true(error.retriable);
    assert_int_equal(decode(CQL_ERROR, 0, BYTES("\x00\x00\x10\x00\x00\x01x\x00\x04\x00\x00\x00\x03\x00\x00\x00\x01"),
                            &response, NULL),
                     0);
    cql_error_set(&error, "n", &response.error);
    assert_string_equal(error.message, "n: too few replicas are alive (1 of 3 replicas): x [0x1000]");
    assert_int_equal(
        decode(CQL_ERROR, 0,
               BYTES("\x00\x00\x13\x00\x00\x01x\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x01"),
               &response, NULL),
        0);
    assert_int_equal(response.error.failures, 1);
    assert_true(response.error.data_present);
    assert_int_equal(decode(CQL_ERROR, 0, BYTES("\x00\x00\x25\x00\x00\x01x\x00\x02ID"), &response, NULL), 0);
    assert_slice(response.error.unprepared_id, SLICE("ID"));
    assert_int_equal(decode(CQL_ERROR, 0, BYTES("\x00\x00\x25\x00\x00\x01x\x00\x03ID"), &response, NULL),
                     ERROR_CORRUPT);
    assert_int_equal(decode(CQL_ERROR, 0, BYTES("\x00\x00\x22\x00\x00\x0aline\n\x1b[2J!"), &response, NULL), 0);
    cql_error_set(&error, "n", &response.error);
    assert_string_equal(error.message, "n: invalid request: line  [2J! [0x2200]"); /* nothing that moves a cursor */
}

static void test_error_table(void **state) {
    (void)state;
    static const struct {
        int32_t code;
        int error_code;
        bool retriable;
        enum cql_fate fate;
    } cases[] = {
        {0x0000, ERROR_IO, true, CQL_FATE_RETRY_IDEMPOTENT},
        {0x000a, ERROR_UNSUPPORTED, false, CQL_FATE_FAIL},
        {0x0100, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x1000, ERROR_IO, true, CQL_FATE_RETRY},
        {0x1001, ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT},
        {0x1002, ERROR_BUSY, true, CQL_FATE_RETRY},
        {0x1003, ERROR_IO, true, CQL_FATE_FAIL},
        {0x1100, ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT},
        {0x1200, ERROR_BUSY, true, CQL_FATE_RETRY_IDEMPOTENT},
        {0x1300, ERROR_IO, true, CQL_FATE_FAIL},
        {0x1400, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x1500, ERROR_IO, true, CQL_FATE_RETRY_IDEMPOTENT},
        {0x2000, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x2100, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x2200, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x2300, ERROR_INVALID, false, CQL_FATE_FAIL},
        {0x2400, ERROR_EXISTS, false, CQL_FATE_FAIL},
        {0x2500, ERROR_BUSY, true, CQL_FATE_PREPARE},
        {0x7777, ERROR_IO, false, CQL_FATE_FAIL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cql_error_meaning *meaning = cql_error_meaning(cases[i].code);
        struct cql_server_error from = {.code = cases[i].code, .text = SLICE("text")};
        struct error error;
        assert_int_equal(cql_error_set(&error, "n", &from), cases[i].error_code);
        assert_int_equal(error.retriable, cases[i].retriable);
        assert_int_equal(meaning->fate, cases[i].fate);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_sticky_failure),
        cmocka_unit_test(test_too_long_string),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_collections),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_frame_refused),
        cmocka_unit_test(test_lz4),
        cmocka_unit_test(test_lz4_claims),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_execute),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_composite_key),
        cmocka_unit_test(test_prepare_register_and_handshake),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rows_cut),
        cmocka_unit_test(test_result_lies),
        cmocka_unit_test(test_deep_type),
        cmocka_unit_test(test_user_types),
        cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_supported),
        cmocka_unit_test(test_requests_are_not_responses),
        cmocka_unit_test(test_error_bodies),
        cmocka_unit_test(test_error_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is read from the network before anything is believed: heads, chunks, codings, queries, routes, PROXY headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "net/http/chunked.h"
#include "net/http/content.h"
#include "net/http/http.h"
#include "net/proxy.h"

#define HOST "Host: a\r\n"

struct head_case {
    const char *name;
    struct slice request;
    int status; /* 0: taken */
};

#define CASE(name, text, status)                                                                                       \
    { name, {text, sizeof(text) - 1}, status }

/* What servers have read differently (request smuggling), and what is plain wrong. */
static const struct head_case head_cases[] = {
    CASE("plain", "GET / HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("one empty line before", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0),
    CASE("URL", "GET http://a/b HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("URL without path", "GET http://a HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0),
    CASE("GET *", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n", 0),
    CASE("chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", 0),
    CASE("bytes above 0x7f in a value", "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n", 0),
    CASE("two different lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400),
    CASE("two equal lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nContent-Length: 4\r\n\r\n", 400),
    CASE("list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4, 4\r\n\r\n", 400),
    CASE("space before the colon", "POST / HTTP/1.1\r\n" HOST "Content-Length : 4\r\n\r\n", 400),
    CASE("length and chunked", "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
         400),
    CASE("chunked and length", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
         400),
    CASE("chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400),
    CASE("chunked twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         400),
    CASE("chunked, chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501),
    CASE("gzip, chunked", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    CASE("unknown coding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501),
    CASE("coding in quotes", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501),
    CASE("two Hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400),
    CASE("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
    CASE("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    CASE("NUL in a field", "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n", 400),
    CASE("NUL in a name", "GET / HTTP/1.1\r\n" HOST "X\0: a\r\n\r\n", 400),
    CASE("DEL in a field", "GET / HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n", 400),
    CASE("folded line", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400),
    CASE("space at the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    CASE("length +4", "POST / HTTP/1.1\r\n" HOST "Content-Length: +4\r\n\r\n", 400),
    CASE("length 0x4", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x4\r\n\r\n", 400),
    CASE("length -1", "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400),
    CASE("length empty", "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400),
    CASE("length of 19 digits", "POST / HTTP/1.1\r\n" HOST "Content-Length: 9999999999999999999\r\n\r\n", 400),
    CASE("bare LF", "GET / HTTP/1.1\n" HOST "\r\n", 400),
    CASE("bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    CASE("CR in a field", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400),
    CASE("no colon", "GET / HTTP/1.1\r\n" HOST "X\r\n\r\n", 400),
    CASE("no name", "GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400),
    CASE("two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("tab", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("space after the version", "GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
    CASE("space in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("byte above 0x7f in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("HTTP/0.9", "GET /\r\n" HOST "\r\n", 400),
    CASE("http in small letters", "GET / http/1.1\r\n" HOST "\r\n", 400),
    CASE("HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505),
    CASE("HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    CASE("TLS", "\x16\x03\x01\x02", 400),
    CASE("another expectation", "POST / HTTP/1.1\r\n" HOST "Expect: a\r\n\r\n", 417),
};

static void test_heads(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof head_cases / sizeof *head_cases; i++) {
        const struct head_case *wanted = &head_cases[i];
        struct http_head head;
        struct http_refusal refusal = {0};
        ssize_t length = http_head_read(wanted->request, &head, &refusal);
        if (length != (wanted->status ? -1 : (ssize_t)wanted->request.length) || refusal.status != wanted->status)
            fail_msg("%s: %zd, status %d (%s), expected %d", wanted->name, length, refusal.status, refusal.reason,
                     wanted->status);
        assert_true(!refusal.reason || !strpbrk(refusal.reason, "\"\\")); /* it stands in JSON as it is */
    }
}

/* A head that is not whole is awaited, wherever it breaks off, and what follows it is left alone. */
static void test_head_in_parts(void **state) {
    (void)state;
    static const char text[] =
        "POST /w?db=a&p=x%20y HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\nConnection: x, Close\r\n"
        "Expect: 100-continue\r\nX:  b \t\r\n\r\nbody";
    const size_t whole = sizeof text - 1 - 4;
    struct http_head head;
    struct http_refusal refusal;
    for (size_t length = 0; length < whole; length++)
        assert_int_equal(http_head_read((struct slice){text, length}, &head, &refusal), 0);
    assert_int_equal(http_head_read((struct slice){text, sizeof text - 1}, &head, &refusal), whole);
    assert_int_equal(head.method, HTTP_POST);
    assert_true(slice_equal(head.path, SLICE("/w")));
    assert_true(slice_equal(head.query, SLICE("db=a&p=x%20y")));
    assert_true(slice_equal(head.host, SLICE("a:80")));
    assert_true(slice_equal(http_head_field(&head, "x"), SLICE("b")));
    assert_int_equal(head.content_length, 12);
    assert_int_equal(head.minor, 1);
    assert_false(head.keep_alive);
    assert_true(head.expects_continue);
    assert_null(http_head_field(&head, "y").data);
}

static void test_limits_of_heads(void **state) {
    (void)state;
    struct http_head head;
    struct http_refusal refusal = {0};
    struct bytes text = {0};
    bytes_append_string(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < HTTP_FIELDS_MAXIMUM; i++)
        bytes_append_string(&text, "X: a\r\n");
    size_t fits = text.length;
    bytes_append_string(&text, "\r\n");
    assert_int_equal(http_head_read(bytes_slice(&text), &head, &refusal), text.length);
    text.length = fits;
    bytes_append_string(&text, "X: a\r\n\r\n");
    assert_int_equal(http_head_read(bytes_slice(&text), &head, &refusal), -1);
    assert_int_equal(refusal.status, 431);
    text.length = 0;
    bytes_append_string(&text, "GET / HTTP/1.1\r\nX: ");
    while (text.length < HTTP_HEAD_MAXIMUM - 1)
        bytes_append_char(&text, 'a');
    assert_int_equal(http_head_read(bytes_slice(&text), &head, &refusal), 0);
    bytes_append_char(&text, 'a');
    assert_int_equal(http_head_read(bytes_slice(&text), &head, &refusal), -1);
    assert_int_equal(refusal.status, 431);
    bytes_release(&text);
}

static void test_queries(void **state) {
    (void)state;
    static const struct {
        const char *query, *name, *value; /* NULL: not there */
    } cases[] = {{"a=1&b=2", "a", "1"},
                 {"a=1&b=2", "b", "2"},
                 {"a=1&b=2", "c", NULL},
                 {"aa=1&a=2", "a", "2"},
                 {"a=x%20y+z", "a", "x y z"},
                 {"a=%4", "a", NULL},
                 {"a=%zz", "a", NULL},
                 {"a=", "a", ""},
                 {"a", "a", NULL},
                 {"a=12345678", "a", "12345678"},
                 {"a=123456789", "a", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[8];
        size_t length = 0;
        bool there = http_query_parameter(slice_of(cases[i].query), cases[i].name, value, sizeof value, &length);
        assert_int_equal(there, cases[i].value != NULL);
        if (there)
            assert_true(slice_equal((struct slice){value, length}, slice_of(cases[i].value)));
    }
}

/* Reads a body in pieces of `step` bytes; appends to `to`. 1: whole, with *ret_rest bytes after it, 0: more, -1: wrong. */
static int read_chunks(struct slice text, size_t step, struct bytes *to, size_t *ret_rest) {
    struct chunked chunked = {0};
    size_t at = 0;
    to->length = 0;
    while (at < text.length && !chunked.done) {
        size_t length = text.length - at < step ? text.length - at : step;
        struct slice piece;
        ssize_t used = chunked_read(&chunked, (struct slice){text.data + at, length}, &piece);
        if (used < 0)
            return -1;
        bytes_append_slice(to, piece);
        at += (size_t)used;
    }
    *ret_rest = text.length - at;
    return chunked.done;
}

static void test_chunks(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int result;
        const char *body;
    } cases[] = {
        {"4\r\nabcd\r\n0\r\n\r\n", 1, "abcd"},
        {"0\r\n\r\n", 1, ""},
        {"a;x=\"y\"\r\n0123456789\r\n00\r\nT: x\r\n\r\n", 1, "0123456789"},
        {"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 1, "abc"},
        {"4\r\nabcd\r\n0\r\n", 0, "abcd"},
        {"0x4\r\nabcd\r\n0\r\n\r\n", -1, NULL},
        {"+4\r\nabcd\r\n0\r\n\r\n", -1, NULL},
        {" 4\r\nabcd\r\n0\r\n\r\n", -1, NULL},
        {"4 \r\nabcd\r\n0\r\n\r\n", -1, NULL},
        {"\r\nabcd\r\n0\r\n\r\n", -1, NULL},
        {"4\nabcd\r\n0\r\n\r\n", -1, NULL},
        {"4\r\nabcd\n0\r\n\r\n", -1, NULL},
        {"4\r\nabcde\r\n0\r\n\r\n", -1, NULL},
        {"4\rabcd\r\n0\r\n\r\n", -1, NULL},
        {"0\r\n\n", -1, NULL},
        {"0\r\n folded: x\r\n\r\n", -1, NULL},
        {"0\r\nT: x\n\r\n", -1, NULL},
        {"1;\x01\r\na\r\n0\r\n\r\n", -1, NULL},
        {"1000000000000000\r\n", -1, NULL}, /* 16 digits */
    };
    struct bytes body = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 20; step++) {
            size_t rest = 0;
            int result = read_chunks(slice_of(cases[i].text), step, &body, &rest);
            if (result != cases[i].result || rest)
                fail_msg("case %zu by %zu: %d, expected %d", i, step, result, cases[i].result);
            if (cases[i].body)
                assert_true(slice_equal(bytes_slice(&body), slice_of(cases[i].body)));
        }
    size_t rest = 0;
    assert_int_equal(read_chunks(SLICE("0\r\n\r\nGET /"), 100, &body, &rest), 1);
    assert_int_equal(rest, 5);
    bytes_release(&body);
}

static void test_chunk_extras_have_a_limit(void **state) {
    (void)state;
    struct bytes text = {0}, body = {0};
    size_t rest;
    for (int i = 0; i < CHUNKED_EXTRA_MAXIMUM; i++)
        bytes_append_string(&text, i % 100 ? "" : "1;x\r\na\r\n");
    assert_int_equal(read_chunks(bytes_slice(&text), 1000, &body, &rest), 0);
    for (int i = 0; i <= CHUNKED_EXTRA_MAXIMUM; i++)
        bytes_append_string(&text, "1;x\r\na\r\n");
    assert_int_equal(read_chunks(bytes_slice(&text), 1000, &body, &rest), -1);
    bytes_release(&text);
    bytes_release(&body);
}

struct room {
    size_t left;
};

static bool room_hold(void *context, size_t bytes) {
    struct room *room = context;
    if (bytes > room->left)
        return false;
    room->left -= bytes;
    return true;
}

static void compress_gzip(struct slice from, struct bytes *to) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)from.data, .avail_in = (uInt)from.length};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, from.length);
    stream.next_out = (Bytef *)bytes_reserve(to, room);
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    to->length += room - stream.avail_out;
    deflateEnd(&stream);
}

static void compress_zstd(struct slice from, struct bytes *to) {
    size_t room = ZSTD_compressBound(from.length);
    to->length += ZSTD_compress(bytes_reserve(to, room), room, from.data, from.length, 3);
}

static int decode(enum http_coding coding, struct slice from, size_t maximum, size_t room, struct bytes *to) {
    const char *reason = NULL;
    struct room left = {room};
    const struct http_content_limits limits = {.maximum = maximum, .hold = room_hold, .context = &left};
    to->length = 0;
    int status = http_content_decode(coding, from, &limits, to, &reason);
    assert_int_equal(status != 0, reason != NULL);
    return status;
}

static void test_codings(void **state) {
    (void)state;
    static const struct {
        enum http_coding coding;
        void (*compress)(struct slice, struct bytes *);
    } codings[] = {{HTTP_GZIP, compress_gzip}, {HTTP_ZSTD, compress_zstd}};
    enum { LENGTH = 300000, ROOM = 1 << 28 };
    struct bytes plain = {0}, packed = {0}, out = {0}, bomb = {0};
    for (unsigned i = 0, x = 1; i < LENGTH; i++, x = x * 1103515245 + 12345)
        bytes_append_char(&plain, (char)(x >> 16 & 15));
    for (size_t c = 0; c < 2; c++) {
        enum http_coding coding = codings[c].coding;
        packed.length = 0;
        codings[c].compress(bytes_slice(&plain), &packed);
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH, ROOM, &out), 0);
        assert_true(slice_equal(bytes_slice(&out), bytes_slice(&plain)));
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH - 1, ROOM, &out), 413);
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH, 100000, &out), 503);
        assert_int_equal(decode(coding, (struct slice){packed.data, packed.length - 1}, LENGTH, ROOM, &out), 400);
        packed.data[packed.length / 2] ^= 1;
        packed.data[packed.length / 2 + 1] ^= 1;
        packed.data[0] ^= 1;
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH, ROOM, &out), 400);
        packed.data[0] ^= 1;
        /* Two members one after another. */
        packed.length = 0;
        codings[c].compress(SLICE("ab"), &packed);
        codings[c].compress(SLICE("cd"), &packed);
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH, ROOM, &out), 0);
        assert_true(slice_equal(bytes_slice(&out), SLICE("abcd")));
        bytes_append_string(&packed, "and more");
        assert_int_equal(decode(coding, bytes_slice(&packed), LENGTH, ROOM, &out), 400);
        assert_int_equal(decode(coding, SLICE(""), LENGTH, ROOM, &out), 0);
    }
    /* 64 MiB of zeros become 64 KiB or less: refused long before they are whole. */
    size_t length = 64 << 20;
    char *zeros = calloc(1, length);
    for (size_t c = 0; c < 2; c++) {
        bomb.length = 0;
        codings[c].compress((struct slice){zeros, length}, &bomb);
        assert_int_equal(decode(codings[c].coding, bytes_slice(&bomb), length * 2, ROOM, &out), 413);
        assert_true(out.length < length / 2);
    }
    free(zeros);
    bytes_release(&plain);
    bytes_release(&packed);
    bytes_release(&out);
    bytes_release(&bomb);
}

static void test_coding_names(void **state) {
    (void)state;
    assert_int_equal(http_coding_of((struct slice){0}), HTTP_IDENTITY);
    assert_int_equal(http_coding_of(SLICE("GZIP")), HTTP_GZIP);
    assert_int_equal(http_coding_of(SLICE("zstd")), HTTP_ZSTD);
    assert_int_equal(http_coding_of(SLICE("identity")), HTTP_IDENTITY);
    assert_int_equal(http_coding_of(SLICE("gzip, gzip")), HTTP_CODING_UNKNOWN);
    assert_int_equal(http_coding_of(SLICE("br")), HTTP_CODING_UNKNOWN);
}

static void test_routes(void **state) {
    (void)state;
    static const struct http_route routes[] = {{HTTP_POST, "/api/v1/readings", NULL},
                                               {HTTP_POST, "/api/v1/*/telemetry", NULL},
                                               {HTTP_GET, "/api/v1/*/telemetry", NULL},
                                               {HTTP_GET, "/ping", NULL},
                                               {0}};
    static const struct {
        enum http_method method;
        const char *path;
        int route; /* -1: none */
        const char *parameter;
        unsigned allowed;
    } cases[] = {{HTTP_POST, "/api/v1/readings", 0, NULL, 0},
                 {HTTP_GET, "/api/v1/readings", -1, NULL, HTTP_POST | HTTP_OPTIONS},
                 {HTTP_POST, "/api/v1/t0k/telemetry", 1, "t0k", 0},
                 {HTTP_HEAD, "/api/v1/t0k/telemetry", 2, "t0k", 0},
                 {HTTP_POST, "/api/v1//telemetry", -1, NULL, 0},
                 {HTTP_POST, "/api/v1/a/b/telemetry", -1, NULL, 0},
                 {HTTP_POST, "/api/v1/a/telemetry/", -1, NULL, 0},
                 {HTTP_HEAD, "/ping", 3, NULL, 0},
                 {HTTP_POST, "/ping", -1, NULL, HTTP_GET | HTTP_HEAD | HTTP_OPTIONS},
                 {HTTP_GET, "/pin", -1, NULL, 0},
                 {HTTP_GET, "/pingg", -1, NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice parameter;
        unsigned allowed;
        const struct http_route *found =
            http_route_find(routes, cases[i].method, slice_of(cases[i].path), &parameter, &allowed);
        assert_ptr_equal(found, cases[i].route < 0 ? NULL : &routes[cases[i].route]);
        if (found)
            assert_true(slice_equal(parameter, slice_of(cases[i].parameter)));
        else
            assert_int_equal(allowed, cases[i].allowed);
    }
}

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static void test_proxy_headers(void **state) {
    (void)state;
    static const struct {
        struct slice bytes;
        ssize_t result;      /* -1: refused, 0: more */
        const char *address; /* NULL: not told */
    } cases[] = {
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nGET"), 40, "192.0.2.1:4711"},
        {SLICE("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"), 36, "[2001:db8::1]:65535"},
        {SLICE("PROXY UNKNOWN\r\n"), 15, NULL},
        {SLICE("PROXY UNKNOWN ffff::1 whatever\r\n"), 32, NULL},
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80 1\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.1  192.0.2.2 4711 80\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.256 192.0.2.2 4711 80\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 ::1 ::1 4711 80\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n"), -1, NULL},
        {SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 04711 80\r\n"), -1, NULL},
        {SLICE("PROXY UDP4 192.0.2.1 192.0.2.2 4711 80\r\n"), -1, NULL},
        {SLICE("GET / HTTP/1.1\r\n"), -1, NULL},
        {SLICE("PROXX"), -1, NULL},
        {SLICE("PROXY 777777777777777777777777777777777777777777777777777777777777"
               "777777777777777777777777777777777777777777777777777777777777"),
         -1, NULL},
        {SLICE(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x12\x67\0\x50GET"), 28, "192.0.2.1:4711"},
        {SLICE(V2 "\x21\x11\0\x10\xc0\0\2\1\xc0\0\2\2\x12\x67\0\x50TLVs"), 32, "192.0.2.1:4711"},
        {SLICE(V2 "\x20\0\0\0"), 16, NULL},       /* LOCAL */
        {SLICE(V2 "\x21\x31\0\4abcd"), 20, NULL}, /* a Unix socket */
        {SLICE(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\2\x12\x67\0"), -1, NULL},
        {SLICE(V2 "\x22\x11\0\x0c"), -1, NULL}, /* no such command */
        {SLICE(V2 "\x11\x11\0\x0c"), -1, NULL}, /* no such version */
        {SLICE(V2 "\x21\x11\xff\xff"), -1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct net_address source;
        char text[NET_ADDRESS_SIZE];
        bool known = false;
        ssize_t result = proxy_read(cases[i].bytes, &known, &source);
        if (result != cases[i].result)
            fail_msg("case %zu: %zd, expected %zd", i, result, cases[i].result);
        if (result < 0)
            continue;
        assert_int_equal(known, cases[i].address != NULL);
        if (known) {
            net_address_write(&source, text);
            assert_string_equal(text, cases[i].address);
        }
        for (size_t length = 0; length < (size_t)result; length++)
            assert_int_equal(proxy_read((struct slice){cases[i].bytes.data, length}, &known, &source), 0);
    }
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "", "a", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "[::1]", "no such host:80"};
    static const struct {
        const char *text, *written;
        bool loopback;
    } right[] = {{"127.0.0.1:80", "127.0.0.1:80", true},
                 {"127.8.8.8:0", "127.8.8.8:0", true},
                 {"[::1]:65535", "[::1]:65535", true},
                 {"0.0.0.0:1", "0.0.0.0:1", false},
                 {"[::]:1", "[::]:1", false},
                 {"192.0.2.7:1", "192.0.2.7:1", false}};
    struct sockaddr_storage socket;
    socklen_t length;
    struct error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(net_address_resolve(wrong[i], &socket, &length, &error), ERROR_INVALID);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        char text[NET_ADDRESS_SIZE];
        assert_int_equal(net_address_resolve(right[i].text, &socket, &length, &error), 0);
        struct net_address address = net_address_of((const struct sockaddr *)&socket);
        net_address_write(&address, text);
        assert_string_equal(text, right[i].written);
        assert_int_equal(net_address_is_loopback(&address), right[i].loopback);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),           cmocka_unit_test(test_head_in_parts),
        cmocka_unit_test(test_limits_of_heads), cmocka_unit_test(test_queries),
        cmocka_unit_test(test_chunks),          cmocka_unit_test(test_chunk_extras_have_a_limit),
        cmocka_unit_test(test_codings),         cmocka_unit_test(test_coding_names),
        cmocka_unit_test(test_routes),          cmocka_unit_test(test_proxy_headers),
        cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

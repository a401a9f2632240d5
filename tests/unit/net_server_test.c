/* A server and its connections over real sockets: order of answers, answers that come later, deadlines, limits, what
 * ends a connection, draining. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http/http.h"
#include "net/server.h"

enum { LONG_MS = 20000, SHORT_MS = 300, AWAY_MAXIMUM = 8 };

struct place {
    struct net_server *server;
    struct http_server http;
    struct net_address bound;
    pthread_mutex_t lock;
    struct http_exchange *away[AWAY_MAXIMUM]; /* with the test, which is another thread */
    size_t away_count;
};

static void answer_body(struct http_exchange *exchange) {
    http_answer(exchange, 200, "text/plain", exchange->body);
}

static void answer_hello(struct http_exchange *exchange) {
    http_answer(exchange, 200, NULL, SLICE("hello"));
}

static void answer_peer(struct http_exchange *exchange) {
    char text[NET_ADDRESS_SIZE];
    net_address_write_host(&exchange->peer, text);
    http_answer(exchange, 200, NULL, slice_of(text));
}

static void answer_later(struct http_exchange *exchange) {
    struct place *place = exchange->server->context;
    http_exchange_lend(exchange);
    pthread_mutex_lock(&place->lock);
    place->away[place->away_count++] = exchange;
    pthread_mutex_unlock(&place->lock);
}

static void refuse_body(struct http_exchange *exchange) {
    http_answer_error(exchange, 503, "not now", 7);
}

static const struct http_handler echo = {.handle = answer_body}, hello = {.handle = answer_hello},
                                 peer = {.handle = answer_peer}, later = {.handle = answer_later},
                                 refuses = {.begin = refuse_body, .handle = answer_body};
static const struct http_route routes[] = {{HTTP_POST, "/echo", &echo},       {HTTP_GET, "/hello", &hello},
                                           {HTTP_GET, "/peer", &peer},        {HTTP_POST, "/later", &later},
                                           {HTTP_POST, "/refuses", &refuses}, {0}};

static const struct net_server_options roomy = {.workers = 2,
                                                .connections = 100,
                                                .connections_of_address = 100,
                                                .bytes = 1 << 20,
                                                .head_timeout = LONG_MS,
                                                .send_timeout = LONG_MS,
                                                .clock = &clock_system};

static void open_place(struct place *place, const struct net_server_options *options, bool proxied, int64_t timeout) {
    struct error error;
    *place = (struct place){.http = {.routes = routes,
                                     .context = place,
                                     .clock = &clock_system,
                                     .body_maximum = 1000,
                                     .head_timeout = timeout,
                                     .idle_timeout = timeout,
                                     .body_grace = timeout}};
    pthread_mutex_init(&place->lock, NULL);
    const struct net_listener listener = {
        .address = "127.0.0.1:0", .protocol = &http_protocol, .context = &place->http, .proxied = proxied};
    if (net_server_open(options, &place->server, &error) ||
        net_server_listen(place->server, &listener, &place->bound, &error) || net_server_start(place->server, &error))
        fail_msg("%s", error.message);
}

static void close_place(struct place *place) {
    net_server_close(place->server);
    pthread_mutex_destroy(&place->lock);
}

static int connect_to(const struct place *place) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(place->bound.port)};
    struct timeval patience = {.tv_sec = LONG_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_return_code(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the text has been seen and returns all that came; it must come. */
static const char *hear(int fd, const char *text) {
    static char heard[65536];
    size_t length = 0;
    for (heard[0] = '\0'; !strstr(heard, text);) {
        ssize_t got = recv(fd, heard + length, sizeof heard - 1 - length, 0);
        if (got <= 0)
            fail_msg("'%s' was expected, and '%s' has come", text, heard);
        length += (size_t)got;
        heard[length] = '\0';
    }
    return heard;
}

/* The server ends the connection, and nothing but `text` came before. */
static void hear_end(int fd, const char *text) {
    char heard[4096];
    size_t length = 0;
    ssize_t got;
    while ((got = recv(fd, heard + length, sizeof heard - 1 - length, 0)) > 0)
        length += (size_t)got;
    heard[length] = '\0';
    assert_true(got == 0);
    if (!strstr(heard, text) || (!*text && length))
        fail_msg("'%s' was expected, and '%s' has come", text, heard);
    close(fd);
}

static void hear_nothing(int fd) {
    struct pollfd look = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&look, 1, 100), 0);
}

static void wait_for_away(struct place *place, size_t count) {
    for (int i = 0; i < LONG_MS; i++) {
        pthread_mutex_lock(&place->lock);
        size_t now = place->away_count;
        pthread_mutex_unlock(&place->lock);
        if (now >= count)
            return;
        usleep(1000);
    }
    fail_msg("no request has come");
}

static void wait_for_connections(struct place *place, size_t count) {
    struct net_counts counts = {0};
    for (int i = 0; i < LONG_MS; i++) {
        net_server_counts(place->server, &counts);
        if (counts.connections == count)
            return;
        usleep(1000);
    }
    fail_msg("there are %zu connections", counts.connections);
}

#define POST(path, length) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n\r\n"
#define GET(path)          "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void test_requests_one_after_another(void **state) {
    (void)state;
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    say(fd, POST("/echo", "3") "abc");
    assert_non_null(strstr(hear(fd, "abc"), "HTTP/1.1 200 OK\r\n"));
    say(fd, GET("/hello"));
    assert_null(strstr(hear(fd, "hello"), "Connection:"));
    say(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    hear_end(fd, "Connection: close\r\n\r\nhello");
    fd = connect_to(&place);
    say(fd, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(fd, "Connection: keep-alive\r\n\r\nhello");
    say(fd, "GET /hello HTTP/1.0\r\n\r\n");
    hear_end(fd, "hello");
    close_place(&place);
}

static void test_bodies_in_any_division(void **state) {
    (void)state;
    static const char chunked[] = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: x\r\n\r\n";
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    for (size_t i = 0; i < sizeof chunked - 1; i++) {
        assert_int_equal(send(fd, chunked + i, 1, 0), 1);
        if (i % 16 == 0)
            usleep(1000);
    }
    hear(fd, "\r\n\r\nabcde");
    say(fd, POST("/echo", "0") POST("/echo", "2") "xy" GET("/hello"));
    const char *heard = hear(fd, "hello");
    assert_non_null(strstr(heard, "Content-Length: 0\r\n"));
    assert_non_null(strstr(heard, "\r\n\r\nxyHTTP/1.1 200 OK\r\n"));
    close(fd);
    close_place(&place);
}

static void test_methods(void **state) {
    (void)state;
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    say(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" GET("/no"));
    assert_non_null(strstr(hear(fd, "nothing at this path"), "Content-Length: 5\r\n\r\nHTTP/1.1 404"));
    say(fd, "OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_non_null(strstr(hear(fd, "\r\n\r\n"), "204 No Content"));
    say(fd, "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    const char *heard = hear(fd, "does not take this method");
    assert_non_null(strstr(heard, "HTTP/1.1 405 "));
    assert_non_null(strstr(heard, "Allow: GET, HEAD, OPTIONS\r\n"));
    close(fd);
    close_place(&place);
}

static void test_expectation(void **state) {
    (void)state;
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    hear(fd, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "abc");
    hear(fd, "\r\n\r\nabc");
    say(fd, "POST /refuses HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    const char *heard = hear(fd, "not now");
    assert_null(strstr(heard, "100 Continue"));
    assert_non_null(strstr(heard, "Retry-After: 7\r\n"));
    assert_non_null(strstr(heard, "Connection: close\r\n"));
    hear_end(fd, "");
    close_place(&place);
}

static void return_answer(struct http_exchange *exchange) {
    http_answer(exchange, 200, NULL, exchange->body);
}

/* Answers leave in the order of their requests, whenever they are ready. */
static void test_answers_later(void **state) {
    (void)state;
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    say(fd, POST("/later", "1") "1" POST("/later", "1") "2" POST("/echo", "1") "3");
    wait_for_away(&place, 2);
    http_exchange_return(place.away[1], return_answer);
    hear_nothing(fd);
    http_exchange_return(place.away[0], return_answer);
    const char *heard = hear(fd, "\r\n\r\n3"), *first = strstr(heard, "\r\n\r\n1"),
               *second = strstr(heard, "\r\n\r\n2");
    assert_true(first && second && first < second);
    /* A client that has sent all it wants to send still gets its answer. */
    say(fd, POST("/later", "1") "4");
    shutdown(fd, SHUT_WR);
    wait_for_away(&place, 3);
    http_exchange_return(place.away[2], return_answer);
    hear_end(fd, "\r\n\r\n4");
    close_place(&place);
}

static void test_answers_to_nobody(void **state) {
    (void)state;
    struct place place;
    struct linger reset = {.l_onoff = 1};
    open_place(&place, &roomy, false, LONG_MS);
    int fd = connect_to(&place);
    say(fd, POST("/later", "1") "1");
    wait_for_away(&place, 1);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for_connections(&place, 0);
    http_exchange_return(place.away[0], return_answer);
    fd = connect_to(&place);
    say(fd, POST("/later", "1") "2");
    wait_for_away(&place, 2);
    http_exchange_return(place.away[1], return_answer);
    hear(fd, "\r\n\r\n2");
    close(fd);
    wait_for_connections(&place, 0);
    struct net_counts counts;
    net_server_counts(place.server, &counts);
    assert_int_equal(counts.bytes, 0);
    close_place(&place);
}

/* What cannot be understood ends the connection, after what was asked before is answered; nothing after it is read. */
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "HTTP/1.1 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n", "HTTP/1.1 400 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n", NULL},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\nx", "HTTP/1.1 415 "},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 417 "},
        {"\x16\x03\x01\x02\x03", "HTTP/1.1 400 "}};
    struct place place;
    open_place(&place, &roomy, false, LONG_MS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char filler[1002] = "";
        int fd = connect_to(&place);
        say(fd, POST("/later", "5") "first");
        say(fd, cases[i].request);
        if (!cases[i].status) {
            memset(filler, 'x', sizeof filler - 1);
            say(fd, filler);
        }
        wait_for_away(&place, 1);
        http_exchange_return(place.away[0], return_answer);
        place.away_count = 0;
        const char *heard = hear(fd, "{\"error\":");
        const char *first = strstr(heard, "\r\n\r\nfirst"),
                   *second = strstr(heard, cases[i].status ? cases[i].status : "HTTP/1.1 413 ");
        if (!first || !second || second < first || !strstr(second, "Connection: close\r\n"))
            fail_msg("case %zu: %s", i, heard);
        send(fd, GET("/hello"), sizeof GET("/hello") - 1, MSG_NOSIGNAL);
        while (recv(fd, filler, sizeof filler, 0) > 0)
            assert_null(memmem(filler, sizeof filler, "hello", 5));
        close(fd);
    }
    close_place(&place);
}

static void test_deadlines(void **state) {
    (void)state;
    struct place place;
    struct net_server_options options = roomy;
    options.head_timeout = SHORT_MS;
    open_place(&place, &options, false, SHORT_MS);
    int silent = connect_to(&place), slow = connect_to(&place), idle = connect_to(&place), body = connect_to(&place);
    say(slow, "GET /hello HTTP/1.1\r\nHost: ");
    say(idle, GET("/hello"));
    hear(idle, "hello");
    say(body, POST("/echo", "900") "x");
    hear_end(silent, "");
    hear_end(slow, "HTTP/1.1 408 ");
    hear_end(idle, "");
    hear_end(body, "HTTP/1.1 408 ");
    /* A request that is under way has all the time that its answer takes. */
    int fd = connect_to(&place);
    say(fd, POST("/later", "1") "1");
    wait_for_away(&place, 1);
    usleep(SHORT_MS * 3 * 1000);
    http_exchange_return(place.away[0], return_answer);
    hear(fd, "\r\n\r\n1");
    close(fd);
    close_place(&place);
}

static void test_limits(void **state) {
    (void)state;
    struct place place;
    struct net_counts counts;
    struct net_server_options options = roomy;
    options.connections = 3;
    options.connections_of_address = 2;
    options.bytes = 6000;
    open_place(&place, &options, false, LONG_MS);
    int first = connect_to(&place), second = connect_to(&place);
    say(first, GET("/hello"));
    hear(first, "hello");
    say(second, GET("/hello"));
    hear(second, "hello");
    hear_end(connect_to(&place), "");
    net_server_counts(place.server, &counts);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.connections, 2);
    /* An exchange takes some 4 KB, so there is no room for two. */
    say(first, POST("/later", "1") "x");
    wait_for_away(&place, 1);
    say(second, GET("/hello"));
    hear_end(second, "HTTP/1.1 503 ");
    http_exchange_return(place.away[0], return_answer);
    hear(first, "\r\n\r\nx");
    wait_for_connections(&place, 1);
    second = connect_to(&place);
    say(second, GET("/hello"));
    hear(second, "hello");
    close(first);
    close(second);
    close_place(&place);
}

static void test_proxied(void **state) {
    (void)state;
    struct place place;
    struct net_counts counts;
    open_place(&place, &roomy, true, LONG_MS);
    int fd = connect_to(&place);
    say(fd, "PROXY TCP4 192.0.2.");
    usleep(20000);
    say(fd, "1 192.0.2.2 4711 80\r\n" GET("/peer"));
    hear(fd, "\r\n\r\n192.0.2.1");
    close(fd);
    fd = connect_to(&place);
    say(fd, "PROXY UNKNOWN\r\n" GET("/peer"));
    hear(fd, "\r\n\r\n127.0.0.1");
    close(fd);
    fd = connect_to(&place);
    say(fd, "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n");
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    net_server_counts(place.server, &counts);
    assert_int_equal(counts.proxy_failures, 1);
    close_place(&place);
}

static void *drain(void *context) {
    struct place *place = context;
    net_server_drain(place->server, LONG_MS);
    return NULL;
}

static void test_draining(void **state) {
    (void)state;
    struct place place;
    pthread_t thread;
    open_place(&place, &roomy, false, LONG_MS);
    int idle = connect_to(&place), busy = connect_to(&place);
    say(idle, GET("/hello"));
    hear(idle, "hello");
    say(busy, POST("/later", "1") "x");
    wait_for_away(&place, 1);
    atomic_store(&place.http.leaving, true);
    assert_int_equal(pthread_create(&thread, NULL, drain, &place), 0);
    hear_end(idle, "");
    http_exchange_return(place.away[0], return_answer);
    hear_end(busy, "Connection: close\r\n\r\nx");
    pthread_join(thread, NULL);
    wait_for_connections(&place, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(place.bound.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), -1);
    close(fd);
    close_place(&place);
}

static void test_a_port_in_use(void **state) {
    (void)state;
    struct place place;
    struct net_server *second;
    struct error error;
    char text[NET_ADDRESS_SIZE];
    open_place(&place, &roomy, false, LONG_MS);
    net_address_write(&place.bound, text);
    assert_int_equal(net_server_open(&roomy, &second, &error), 0);
    const struct net_listener listener = {.address = text, .protocol = &http_protocol, .context = &place.http};
    assert_int_equal(net_server_listen(second, &listener, &place.bound, &error), ERROR_IO);
    assert_non_null(strstr(error.message, text));
    net_server_close(second);
    close_place(&place);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests_one_after_another),
                                       cmocka_unit_test(test_bodies_in_any_division),
                                       cmocka_unit_test(test_methods),
                                       cmocka_unit_test(test_expectation),
                                       cmocka_unit_test(test_answers_later),
                                       cmocka_unit_test(test_answers_to_nobody),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_deadlines),
                                       cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_proxied),
                                       cmocka_unit_test(test_draining),
                                       cmocka_unit_test(test_a_port_in_use)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

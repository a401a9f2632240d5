#include "net/http/exchange.h"

#include <stdio.h>
#include <time.h>

#include "core/memory.h"

struct http_exchange *http_exchange_new(struct http_connection *http, struct net_loop *loop,
                                        struct http_server *server) {
    struct http_exchange *exchange = memory_zero(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->http = http;
    exchange->loop = loop;
    exchange->server = server;
    return exchange;
}

static void exchange_free(struct http_exchange *exchange) {
    if (exchange->stream)
        http_stream_release(exchange->stream);
    net_loop_let_go(exchange->loop, exchange->held);
    arena_release(&exchange->arena);
    bytes_release(&exchange->head_bytes);
    bytes_release(&exchange->raw);
    bytes_release(&exchange->decoded);
    bytes_release(&exchange->headers);
    bytes_release(&exchange->reply);
    free(exchange);
}

void http_exchange_leave(struct http_exchange *exchange) {
    exchange->http = NULL;
    if (exchange->stream)
        http_stream_leave(exchange->stream);
    if (!exchange->away)
        exchange_free(exchange);
}

bool http_exchange_hold(struct http_exchange *exchange, size_t bytes) {
    if (!net_loop_hold(exchange->loop, bytes))
        return false;
    exchange->held += bytes;
    return true;
}

void http_exchange_charge(struct http_exchange *exchange, size_t bytes) {
    net_loop_charge(exchange->loop, bytes);
    exchange->held += bytes;
}

void http_exchange_lend(struct http_exchange *exchange) {
    exchange->away = true;
}

static void exchange_delivered(struct net_message *message) {
    struct http_exchange *exchange =
        (struct http_exchange *)(void *)((char *)message - offsetof(struct http_exchange, message));
    exchange->away = false;
    exchange->returned(exchange);
    if (exchange->http)
        http_connection_answered(exchange->http, exchange);
    else
        exchange_free(exchange);
}

void http_exchange_return(struct http_exchange *exchange, void (*returned)(struct http_exchange *exchange)) {
    exchange->returned = returned;
    exchange->message.deliver = exchange_delivered;
    net_loop_post(exchange->loop, &exchange->message);
}

static const char *status_phrase(int status) {
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {{200, "OK"},
                   {202, "Accepted"},
                   {204, "No Content"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Answer";
}

void http_answer_header(struct http_exchange *exchange, const char *name, const char *value) {
    bytes_append_format(&exchange->headers, "%s: %s\r\n", name, value);
}

/* RFC 9110 6.6.1; days and months in English whatever the locale. */
static void answer_date(struct http_exchange *exchange, struct bytes *to) {
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(clock_wall(exchange->server->clock) / 1000);
    struct tm date;
    gmtime_r(&now, &date);
    bytes_append_format(to, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[date.tm_wday], date.tm_mday,
                        months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

static void answer_begin(struct http_exchange *exchange, int status, struct bytes *to) {
    bytes_append_format(to, "HTTP/1.1 %d %s\r\n", status, status_phrase(status));
    answer_date(exchange, to);
}

static void answer_fields(const struct http_exchange *exchange, const char *type, struct bytes *to) {
    if (type)
        bytes_append_format(to, "Content-Type: %s\r\n", type);
    if (exchange->closes)
        bytes_append_string(to, "Connection: close\r\n");
    else if (exchange->head.minor == 0)
        bytes_append_string(to, "Connection: keep-alive\r\n");
    bytes_append_slice(to, bytes_slice(&exchange->headers));
    bytes_append_string(to, "\r\n");
}

void http_answer_head(struct http_exchange *exchange, int status, const char *type, struct bytes *to) {
    exchange->status = status;
    if (!exchange->head.keep_alive || exchange->head.minor == 0 || atomic_load(&exchange->server->leaving))
        exchange->closes = true;
    answer_begin(exchange, status, to);
    if (exchange->head.minor > 0)
        bytes_append_string(to, "Transfer-Encoding: chunked\r\n");
    answer_fields(exchange, type, to);
}

void http_answer(struct http_exchange *exchange, int status, const char *type, struct slice body) {
    struct bytes *to = &exchange->reply;
    if (exchange->answered)
        return;
    exchange->answered = true;
    exchange->status = status;
    bool newest = exchange->next == NULL; /* otherwise answers that are under way would be lost */
    if (!exchange->head.keep_alive || (newest && atomic_load(&exchange->server->leaving)))
        exchange->closes = true;
    answer_begin(exchange, status, to);
    if (status != 204)
        bytes_append_format(to, "Content-Length: %zu\r\n", body.length);
    answer_fields(exchange, type, to);
    if (exchange->head.method != HTTP_HEAD && status != 204)
        bytes_append_slice(to, body);
}

static void answer_plain_error(struct http_exchange *exchange, int status, const char *reason) {
    cleanup(bytes_release) struct bytes body = {0};
    bytes_append_format(&body, "{\"error\":\"%s\"}\n", reason); /* reasons of HTTP have nothing to escape */
    http_answer(exchange, status, "application/json", bytes_slice(&body));
}

void http_answer_error(struct http_exchange *exchange, int status, const char *reason, int retry_after) {
    char seconds[16];
    if (exchange->answered)
        return;
    if (retry_after) {
        snprintf(seconds, sizeof seconds, "%d", retry_after);
        http_answer_header(exchange, "Retry-After", seconds);
    }
    if (exchange->handler && exchange->handler->fail)
        exchange->handler->fail(exchange, status, reason);
    else
        answer_plain_error(exchange, status, reason);
}

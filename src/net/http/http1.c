/* The state machine of a connection:
 *
 *     HEAD ──head──▶ BODY ──whole──▶ HEAD       requests, into the queue of exchanges
 *       │              │
 *       └──refused─────┴───────────▶ CLOSING    nothing more is read
 *
 *     queue:  first ─▶ ... ─▶ last              answers leave from the first on, as long as they are ready
 *
 * So a client that sends requests one behind the other has up to PIPELINE of them under way at once. */
#include "net/http/http.h"

#include "core/memory.h"
#include "net/http/chunked.h"
#include "net/http/content.h"
#include "net/http/exchange.h"

enum { PIPELINE = 64, UNSENT_MAXIMUM = 256 * 1024, BODY_FIRST = 64 * 1024, BUSY_SECONDS = 1 };

struct http_connection {
    struct connection *connection;
    struct http_server *server;
    struct http_exchange *first, *last;
    size_t count;                    /* of exchanges */
    struct http_exchange *receiving; /* its body is coming: the last one */
    struct chunked chunked;
    int64_t body_left; /* of a Content-Length */
    int64_t body_begun, body_bytes;
    bool head_begun; /* some bytes of a head have come */
    bool closing;
};

static int64_t http_now(const struct http_connection *http) {
    return net_loop_now(connection_loop(http->connection));
}

/* No more requests are read; the connection ends when all exchanges are answered. */
static void http_close_after(struct http_connection *http) {
    http->closing = true;
    connection_deadline(http->connection, INT64_MAX);
    bool stream = http->first && http->first->stream; /* its client's leaving must be seen */
    connection_pause(http->connection, !stream);
}

static void http_await_head(struct http_connection *http) {
    http->head_begun = false;
    connection_deadline(http->connection, http->count ? INT64_MAX : http_now(http) + http->server->idle_timeout);
}

static int http_opened(struct connection *connection) {
    struct http_connection *http = connection_state(connection);
    http->connection = connection;
    http->server = connection_context(connection);
    connection_deadline(connection, http_now(http) + http->server->head_timeout);
    return 0;
}

static void http_pop(struct http_connection *http) {
    struct http_exchange *exchange = http->first;
    http->first = exchange->next;
    if (!http->first)
        http->last = NULL;
    http->count--;
    http_exchange_leave(exchange);
}

static void http_continue(struct http_connection *http) {
    struct http_exchange *exchange = http->first;
    if (exchange && exchange == http->receiving && exchange->continues) {
        exchange->continues = false;
        connection_write(http->connection, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

/* Sends what there is of the first answer; false: not all of it is there, or not all can be sent now. */
static bool http_flush_first(struct http_connection *http) {
    struct http_exchange *exchange = http->first;
    bool broken = false, over = exchange->answered;
    if (exchange->stream) {
        if (connection_unsent(http->connection) >= UNSENT_MAXIMUM)
            return false;
        http_stream_take(exchange->stream, &exchange->reply);
        over = http_stream_is_over(exchange->stream, &broken);
    } else if (!over) {
        return false;
    }
    if (exchange->reply.failed)
        broken = true;
    connection_write(http->connection, bytes_slice(&exchange->reply));
    exchange->reply.length = 0;
    if (broken)
        connection_abort(http->connection);
    return over;
}

/* Sends the answers that are ready, in their order. */
static void http_flush(struct http_connection *http) {
    while (http->first && http->first != http->receiving && http_flush_first(http)) {
        if (http->first->stream && http->first->closes)
            http_close_after(http);
        http_pop(http);
    }
    if (http->closing) {
        if (!http->first)
            connection_end(http->connection);
        return;
    }
    http_continue(http);
    if (http->count < PIPELINE && connection_unsent(http->connection) < UNSENT_MAXIMUM)
        connection_pause(http->connection, false);
    if (http->count == 0 && !http->head_begun)
        http_await_head(http);
}

void http_connection_answered(struct http_connection *http, struct http_exchange *exchange) {
    if (exchange->closes && exchange == http->last)
        http_close_after(http);
    http_flush(http);
}

void http_connection_streams(struct http_connection *http) {
    http_flush(http);
}

static void http_sent(struct connection *connection) {
    http_flush(connection_state(connection));
}

/* Answers with an error, after which the connection ends. */
static void http_refuse(struct http_connection *http, struct http_exchange *exchange, int status, const char *reason) {
    exchange->closes = true;
    http->receiving = NULL;
    http_answer_error(exchange, status, reason, status == 503 ? BUSY_SECONDS : 0);
    http_close_after(http);
    http_flush(http);
}

static struct http_exchange *http_push(struct http_connection *http) {
    struct http_exchange *exchange = http_exchange_new(http, connection_loop(http->connection), http->server);
    if (!exchange) {
        connection_abort(http->connection);
        return NULL;
    }
    exchange->peer = *connection_peer(http->connection);
    exchange->secure = connection_is_secure(http->connection);
    struct slice name = connection_certificate_name(http->connection); /* which goes with the connection */
    exchange->certificate_name = name.length ? arena_copy(&exchange->arena, name) : name;
    if (http->last)
        http->last->next = exchange;
    else
        http->first = exchange;
    http->last = exchange;
    http->count++;
    return exchange;
}

static void answer_allow(struct http_exchange *exchange, unsigned allowed) {
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    char list[64] = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (allowed >> i & 1) {
            if (list[0])
                strcat(list, ", ");
            strcat(list, names[i]);
        }
    http_answer_header(exchange, "Allow", list);
}

/* Answers what has no route of its own. */
static void http_find_route(struct http_exchange *exchange) {
    unsigned allowed;
    const struct http_head *head = &exchange->head;
    const struct http_route *route =
        http_route_find(exchange->server->routes, head->method, head->path, &exchange->parameter, &allowed);
    if (route) {
        exchange->handler = route->handler;
    } else if (head->method == HTTP_OPTIONS && (allowed || slice_equal(head->path, SLICE("*")))) {
        answer_allow(exchange, allowed ? allowed : HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_OPTIONS);
        http_answer(exchange, 204, NULL, SLICE(""));
    } else if (allowed) {
        answer_allow(exchange, allowed);
        http_answer_error(exchange, 405, "this path does not take this method", 0);
    } else {
        http_answer_error(exchange, 404, "there is nothing at this path", 0);
    }
}

/* What the head alone says about the body. */
static void http_check_body(struct http_connection *http, struct http_exchange *exchange) {
    const struct http_head *head = &exchange->head;
    if (exchange->answered || (head->content_length <= 0 && !head->chunked))
        return;
    if (head->content_length > 0 && (uint64_t)head->content_length > http->server->body_maximum)
        http_answer_error(exchange, 413, "the body is too long", 0);
    else if (head->content_length > 0 && !net_loop_has_room(exchange->loop, (size_t)head->content_length))
        http_answer_error(exchange, 503, "too much is under way: there is no room for the body now", BUSY_SECONDS);
    else if (http_coding_of(http_head_field(head, "content-encoding")) == HTTP_CODING_UNKNOWN) {
        http_answer_header(exchange, "Accept-Encoding", "gzip, zstd, identity");
        http_answer_error(exchange, 415, "this Content-Encoding is not understood: gzip and zstd are", 0);
    }
}

static int http_coded_body(struct http_exchange *exchange, const char **ret_reason) {
    struct slice raw = bytes_slice(&exchange->raw);
    enum http_coding coding = http_coding_of(http_head_field(&exchange->head, "content-encoding"));
    exchange->body = raw;
    if (coding == HTTP_IDENTITY)
        return 0;
    struct http_content_limits limits = {.maximum = exchange->server->body_maximum,
                                         .hold = (bool (*)(void *, size_t))http_exchange_hold,
                                         .context = exchange};
    int status = http_content_decode(coding, raw, &limits, &exchange->decoded, ret_reason);
    bytes_release(&exchange->raw);
    exchange->body = bytes_slice(&exchange->decoded);
    return status;
}

static void http_body_done(struct http_connection *http) {
    struct http_exchange *exchange = http->receiving;
    const char *reason = NULL;
    http->receiving = NULL;
    exchange->closes = false;
    int status = exchange->answered ? 0 : http_coded_body(exchange, &reason);
    if (status)
        http_answer_error(exchange, status, reason, status == 503 ? BUSY_SECONDS : 0);
    else if (!exchange->answered)
        exchange->handler->handle(exchange);
    http_await_head(http);
    if ((!exchange->stream && exchange->closes) || !exchange->head.keep_alive)
        http_close_after(http);
    http_flush(http);
}

static void http_begin_body(struct http_connection *http, struct http_exchange *exchange) {
    const struct http_head *head = &exchange->head;
    bool body = head->chunked || head->content_length > 0;
    http->receiving = exchange;
    http->chunked = (struct chunked){0};
    http->body_left = head->content_length;
    http->body_begun = http_now(http);
    http->body_bytes = 0;
    if (!body) {
        http_body_done(http);
        return;
    }
    if (exchange->answered) { /* refused: the body is not read */
        http->receiving = NULL;
        http_close_after(http);
        http_flush(http);
        return;
    }
    connection_deadline(http->connection, http->body_begun + http->server->body_grace);
    exchange->continues = head->expects_continue && head->minor == 1;
    http_continue(http);
}

/* The head is kept and read again, so that its slices live as long as the exchange. */
static bool http_keep_head(struct http_exchange *exchange, struct slice bytes) {
    struct http_refusal refusal;
    bytes_append_slice(&exchange->head_bytes, bytes);
    return !exchange->head_bytes.failed && http_exchange_hold(exchange, sizeof *exchange + bytes.length) &&
           http_head_read(bytes_slice(&exchange->head_bytes), &exchange->head, &refusal) > 0;
}

static ssize_t http_received_head(struct http_connection *http, struct slice bytes) {
    struct http_head head;
    struct http_refusal refusal;
    if (http->count >= PIPELINE || connection_unsent(http->connection) >= UNSENT_MAXIMUM) {
        connection_pause(http->connection, true);
        return 0;
    }
    ssize_t length = http_head_read(bytes, &head, &refusal);
    if (length == 0) {
        if (!http->head_begun)
            connection_deadline(http->connection, http_now(http) + http->server->head_timeout);
        http->head_begun = true;
        return 0;
    }
    struct http_exchange *exchange = http_push(http);
    if (!exchange)
        return (ssize_t)bytes.length;
    if (length < 0) {
        http_refuse(http, exchange, refusal.status, refusal.reason);
        return (ssize_t)bytes.length;
    }
    http->head_begun = false;
    if (!http_keep_head(exchange, (struct slice){bytes.data, (size_t)length})) {
        http_refuse(http, exchange, 503, "there is no room for the request now");
        return (ssize_t)bytes.length;
    }
    exchange->closes = exchange->head.chunked || exchange->head.content_length > 0; /* until the body is read */
    http_find_route(exchange);
    http_check_body(http, exchange);
    if (!exchange->answered && exchange->handler->begin)
        exchange->handler->begin(exchange);
    http_begin_body(http, exchange);
    return length;
}

/* Keeps a piece of the body; false: it was refused. */
static bool http_keep_body(struct http_connection *http, struct slice piece) {
    struct http_exchange *exchange = http->receiving;
    if (exchange->raw.length + piece.length > http->server->body_maximum) {
        http_refuse(http, exchange, 413, "the body is too long");
        return false;
    }
    if (!http_exchange_hold(exchange, piece.length)) {
        http_refuse(http, exchange, 503, "there is no room for the body now");
        return false;
    }
    if (exchange->raw.length == 0 && exchange->head.content_length > 0)
        bytes_reserve(&exchange->raw,
                      exchange->head.content_length < BODY_FIRST ? (size_t)exchange->head.content_length : BODY_FIRST);
    bytes_append_slice(&exchange->raw, piece);
    if (exchange->raw.failed)
        http_refuse(http, exchange, 503, "out of memory");
    return !exchange->raw.failed;
}

/* A body that comes more slowly than a byte a millisecond ends at its deadline. */
static void http_body_moved(struct http_connection *http, size_t bytes) {
    http->body_bytes += (int64_t)bytes;
    connection_deadline(http->connection, http->body_begun + http->server->body_grace + http->body_bytes);
}

static ssize_t http_received_length(struct http_connection *http, struct slice bytes) {
    size_t length = (uint64_t)http->body_left < bytes.length ? (size_t)http->body_left : bytes.length;
    http_body_moved(http, length);
    if (!http_keep_body(http, (struct slice){bytes.data, length}))
        return (ssize_t)bytes.length;
    http->body_left -= (int64_t)length;
    if (http->body_left == 0)
        http_body_done(http);
    return (ssize_t)length;
}

static ssize_t http_received_chunk(struct http_connection *http, struct slice bytes) {
    struct slice piece;
    ssize_t length = chunked_read(&http->chunked, bytes, &piece);
    if (length < 0) {
        http_refuse(http, http->receiving, 400, "the chunked body is not well formed");
        return (ssize_t)bytes.length;
    }
    http_body_moved(http, piece.length); /* the framing of tiny chunks does not count */
    if (piece.length && !http_keep_body(http, piece))
        return (ssize_t)bytes.length;
    if (http->chunked.done)
        http_body_done(http);
    return length;
}

static ssize_t http_received(struct connection *connection, struct slice bytes) {
    struct http_connection *http = connection_state(connection);
    if (http->closing)
        return (ssize_t)bytes.length;
    if (!http->receiving)
        return http_received_head(http, bytes);
    return http->receiving->head.chunked ? http_received_chunk(http, bytes) : http_received_length(http, bytes);
}

/* An exchange whose body breaks off has nobody to be answered to. */
static void http_drop_receiving(struct http_connection *http) {
    struct http_exchange *exchange = http->receiving;
    if (!exchange)
        return;
    http->receiving = NULL;
    struct http_exchange **at = &http->first;
    http->last = NULL;
    for (; *at != exchange; at = &(*at)->next)
        http->last = *at;
    *at = NULL;
    http->count--;
    http_exchange_leave(exchange);
}

static void http_ended(struct connection *connection) {
    struct http_connection *http = connection_state(connection);
    http_drop_receiving(http);
    if (http->first && http->first->stream) { /* who reads a stream and closes wants no more of it */
        connection_abort(connection);
        return;
    }
    http_close_after(http);
    http_flush(http);
}

static void http_expired(struct connection *connection) {
    struct http_connection *http = connection_state(connection);
    struct http_exchange *exchange = http->receiving;
    if (!exchange && !http->head_begun) {
        connection_end(connection);
        return;
    }
    if (!exchange)
        exchange = http_push(http);
    if (exchange)
        http_refuse(http, exchange, 408, "the request did not come in time");
}

static void http_drain(struct connection *connection) {
    struct http_connection *http = connection_state(connection);
    if (http->first || http->head_begun)
        return; /* the next answer ends the connection, as the server is leaving */
    http_close_after(http);
    connection_end(connection);
}

static void http_closed(struct connection *connection) {
    struct http_connection *http = connection_state(connection);
    while (http->first) {
        struct http_exchange *exchange = http->first;
        http->first = exchange->next;
        http_exchange_leave(exchange);
    }
}

const struct net_protocol http_protocol = {.name = "http",
                                           .state_size = sizeof(struct http_connection),
                                           .opened = http_opened,
                                           .received = http_received,
                                           .ended = http_ended,
                                           .expired = http_expired,
                                           .sent = http_sent,
                                           .drain = http_drain,
                                           .closed = http_closed};

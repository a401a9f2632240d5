/* HTTP/1.1 on a connection: requests of one connection are answered in their order, whenever their answers are ready.
 *
 *     head ─▶ route ─▶ handler.begin ─▶ body (chunked, gzip, zstd undone) ─▶ handler.handle ─▶ http_answer, now or later
 *
 * An exchange is one request and its answer. It belongs to its loop's thread; a handler may give it to another thread
 * after handle() was called, which gives it back by http_exchange_return. If the connection has gone meanwhile, the
 * answer is dropped. What a handler needs for the request comes from the exchange's arena.
 *
 * Requests that could be taken for others are refused (net/http/head.h, chunked.h); after any refusal the connection
 * ends. HEAD goes where GET goes, and its answer has no body. OPTIONS is answered from the routes. */
#ifndef METERLINE_NET_HTTP_HTTP_H
#define METERLINE_NET_HTTP_HTTP_H

#include "core/arena.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "net/connection.h"
#include "net/http/head.h"
#include <stdatomic.h>

struct http_connection;
struct http_exchange;
struct http_stream;

struct http_handler {
    /* The head is there, the body is not. May answer, which refuses the body. NULL: nothing to look at. */
    void (*begin)(struct http_exchange *exchange);
    /* The whole body is there. Answers, now or later. */
    void (*handle)(struct http_exchange *exchange);
    /* Answers with an error that HTTP itself has found (400, 408, 413, 415, 503) in the form that the clients of this route
     * read. NULL: JSON, {"error":"..."}. */
    void (*fail)(struct http_exchange *exchange, int status, const char *reason);
};

struct http_route {
    unsigned methods; /* enum http_method */
    /* Whole path; one segment may be "*", which is the exchange's `parameter`. */
    const char *path;
    const struct http_handler *handler;
};

/* The context of a listener whose protocol is http_protocol; all outlives the server. */
struct http_server {
    const struct http_route *routes; /* ends with path NULL */
    void *context;                   /* of the handlers */
    const struct clock *clock;
    size_t body_maximum;  /* bytes, also after decompression */
    int64_t head_timeout; /* ms from the first byte of a head to its last */
    int64_t idle_timeout; /* ms that a connection may wait between requests */
    int64_t body_grace;   /* ms; after them a body must have come at one byte a millisecond on average */
    atomic_bool leaving;  /* answers say that the connection ends, so that clients go elsewhere */
};

struct http_exchange {
    /* The request; slices live as long as the exchange. */
    struct http_head head;
    struct slice parameter; /* what stood for "*" in the route's path; data NULL: nothing */
    struct slice body;      /* decoded */
    struct net_address peer;
    bool secure;                   /* came by TLS */
    struct slice certificate_name; /* of the verified client certificate; length 0: none */
    struct arena arena;
    struct http_server *server;
    void *state; /* the handler's */

    /* The answer, by http_answer. */
    bool answered;
    int status; /* once it is answered */

    /* http/ only */
    struct net_message message;
    struct net_loop *loop;
    struct http_connection *http; /* NULL: the connection has gone */
    const struct http_handler *handler;
    void (*returned)(struct http_exchange *exchange);
    struct bytes head_bytes, raw, decoded, headers, reply;
    size_t held;                /* bytes that count against the server's limit */
    bool away;                  /* with another thread */
    struct http_stream *stream; /* its answer comes in pieces; NULL: it does not */
    bool closes;                /* the connection ends after the answer */
    bool continues;             /* 100 (Continue) is awaited */
    struct http_exchange *next;
};

extern const struct net_protocol http_protocol;

/* A header field of the answer; before http_answer. `value` has no CR or LF. */
void http_answer_header(struct http_exchange *exchange, const char *name, const char *value);
/* Answers; once. `type`: Content-Type, NULL: none. Copies the body. */
void http_answer(struct http_exchange *exchange, int status, const char *type, struct slice body);
/* The same by the route's fail(); 503 and 429 say to come again after `retry_after` s, 0: nothing is said. */
void http_answer_error(struct http_exchange *exchange, int status, const char *reason, int retry_after);
/* Memory that the request takes beside its body, such as what it was parsed to. Let go with the exchange. `hold`, before it
 * is taken: false, there is no room now; `charge`, afterwards: what comes next finds less room. */
bool http_exchange_hold(struct http_exchange *exchange, size_t bytes);
void http_exchange_charge(struct http_exchange *exchange, size_t bytes);
/* From handle(): the exchange is with another thread from now on, which calls http_exchange_return. */
void http_exchange_lend(struct http_exchange *exchange);
/* Any thread: `returned` is called in the loop's thread and must answer. */
void http_exchange_return(struct http_exchange *exchange, void (*returned)(struct http_exchange *exchange));

/* The route of a path and method. NULL: none; *ret_allowed: methods that the path takes, 0: it is not there at all. */
const struct http_route *http_route_find(const struct http_route *routes, enum http_method method, struct slice path,
                                         struct slice *ret_parameter, unsigned *ret_allowed);

#endif

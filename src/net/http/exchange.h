/* Inside http/: the life of an exchange, and its answer as bytes. */
#ifndef METERLINE_NET_HTTP_EXCHANGE_H
#define METERLINE_NET_HTTP_EXCHANGE_H

#include "net/http/http.h"

/* NULL: no memory. */
struct http_exchange *http_exchange_new(struct http_connection *http, struct net_loop *loop,
                                        struct http_server *server);
/* When it is with another thread, it is only let go of: that thread's return frees it. */
void http_exchange_leave(struct http_exchange *exchange);
/* Called when an exchange of a connection has got its answer after a while. */
void http_connection_answered(struct http_connection *http, struct http_exchange *exchange);

/* Called when a stream of a connection has pieces, or its end. */
void http_connection_streams(struct http_connection *http);
/* The head of an answer whose length is not known. */
void http_answer_head(struct http_exchange *exchange, int status, const char *type, struct bytes *to);

/* The loop's side of a stream (net/http/stream.h): takes what waits; whether that was all (*ret_broken: cut the
 * connection); the exchange has no connection any more; frees it. */
void http_stream_take(struct http_stream *stream, struct bytes *to);
bool http_stream_is_over(struct http_stream *stream, bool *ret_broken);
void http_stream_leave(struct http_stream *stream);
void http_stream_release(struct http_stream *stream);

#endif

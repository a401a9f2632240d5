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

#endif

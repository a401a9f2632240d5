/* Answers whose length is not known when they begin: rows of a query, events. Another thread writes them:
 *
 *     handle() ── http_stream_open ──▶ a thread: http_stream_write ... http_stream_close
 *                       │                   │ waits while STREAM_UNSENT bytes have not been sent
 *                       └── the loop: head, then each piece as a chunk (HTTP/1.0: until the connection ends)
 *
 * A client that has gone is told by http_stream_write, and by `gone`, once, in the loop's thread and not after
 * http_stream_close; it may not call the stream. */
#ifndef METERLINE_NET_HTTP_STREAM_H
#define METERLINE_NET_HTTP_STREAM_H

#include "net/http/http.h"

enum { STREAM_UNSENT = 256 * 1024 };

struct http_stream;

/* From handle(): the exchange is the stream's from now on. `gone` may be NULL. NULL: no memory; nothing was answered. */
struct http_stream *http_stream_open(struct http_exchange *exchange, void (*gone)(void *context), void *context);
/* Begins the answer, once, before anything is written. Headers that were set go with it. One thread at a time, as the
 * next. */
void http_stream_begin(struct http_stream *stream, int status, const char *type);
/* Copies. Waits for room. False: the client has gone, or memory has run out; nothing more is sent. */
bool http_stream_write(struct http_stream *stream, struct slice bytes);
/* Ends the answer and frees the stream. `broken`: the connection is cut without an end, so that the client sees that
 * something is missing. */
void http_stream_close(struct http_stream *stream, bool broken);

#endif

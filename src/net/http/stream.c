/* Pieces wait in the stream until the loop takes them; the loop takes them when the exchange is the first of its
 * connection and little is unsent. */
#include "net/http/stream.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/memory.h"
#include "net/http/exchange.h"

struct http_stream {
    struct http_exchange *exchange;
    void (*gone_call)(void *context);
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct bytes waiting; /* under lock, as the next */
    bool posted, gone, closed, broken;
    struct net_message message;
};

struct http_stream *http_stream_open(struct http_exchange *exchange, void (*gone)(void *context), void *context) {
    struct http_stream *stream = memory_zero(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->exchange = exchange;
    stream->gone_call = gone;
    stream->context = context;
    pthread_mutex_init(&stream->lock, NULL);
    pthread_cond_init(&stream->room, NULL);
    exchange->stream = stream;
    http_exchange_lend(exchange);
    return stream;
}

static void stream_free(struct http_stream *stream) {
    bytes_release(&stream->waiting);
    pthread_mutex_destroy(&stream->lock);
    pthread_cond_destroy(&stream->room);
    free(stream);
}

/* --- the loop's side
 * ------------------------------------------------------------------------------------------------------------------ */

void http_stream_take(struct http_stream *stream, struct bytes *to) {
    pthread_mutex_lock(&stream->lock);
    bytes_append_slice(to, bytes_slice(&stream->waiting));
    if (stream->waiting.failed)
        to->failed = true;
    stream->waiting.length = 0;
    pthread_cond_broadcast(&stream->room);
    pthread_mutex_unlock(&stream->lock);
}

bool http_stream_is_over(struct http_stream *stream, bool *ret_broken) {
    pthread_mutex_lock(&stream->lock);
    bool over = stream->closed && stream->waiting.length == 0;
    *ret_broken = stream->broken;
    pthread_mutex_unlock(&stream->lock);
    return over;
}

void http_stream_leave(struct http_stream *stream) {
    pthread_mutex_lock(&stream->lock);
    if (!stream->gone && !stream->closed && stream->gone_call)
        stream->gone_call(stream->context); /* under the lock: after http_stream_close it is not called */
    stream->gone = true;
    stream->waiting.length = 0;
    pthread_cond_broadcast(&stream->room);
    pthread_mutex_unlock(&stream->lock);
}

static void stream_delivered(struct net_message *message) {
    struct http_stream *stream =
        (struct http_stream *)(void *)((char *)message - offsetof(struct http_stream, message));
    struct http_exchange *exchange = stream->exchange;
    pthread_mutex_lock(&stream->lock);
    stream->posted = false;
    bool over = stream->closed, gone = stream->gone;
    pthread_mutex_unlock(&stream->lock);
    if (over)
        exchange->away = false;
    if (!gone)
        http_connection_streams(exchange->http);
    else if (over)
        http_exchange_leave(exchange);
}

void http_stream_release(struct http_stream *stream) {
    stream_free(stream);
}

/* --- the writer's side
 * ------------------------------------------------------------------------------------------------------------------ */

/* With the lock held. */
static void stream_post(struct http_stream *stream) {
    if (stream->posted)
        return;
    stream->posted = true;
    stream->message.deliver = stream_delivered;
    net_loop_post(stream->exchange->loop, &stream->message);
}

void http_stream_begin(struct http_stream *stream, int status, const char *type) {
    pthread_mutex_lock(&stream->lock);
    http_answer_head(stream->exchange, status, type, &stream->waiting);
    stream_post(stream);
    pthread_mutex_unlock(&stream->lock);
}

bool http_stream_write(struct http_stream *stream, struct slice bytes) {
    bool chunked = stream->exchange->head.minor > 0;
    pthread_mutex_lock(&stream->lock);
    while (!stream->gone && stream->waiting.length > STREAM_UNSENT)
        pthread_cond_wait(&stream->room, &stream->lock);
    if (!stream->gone && bytes.length && stream->exchange->head.method != HTTP_HEAD) {
        if (chunked)
            bytes_append_format(&stream->waiting, "%zx\r\n", bytes.length);
        bytes_append_slice(&stream->waiting, bytes);
        if (chunked)
            bytes_append_string(&stream->waiting, "\r\n");
        stream_post(stream);
    }
    bool good = !stream->gone && !stream->waiting.failed;
    pthread_mutex_unlock(&stream->lock);
    return good;
}

void http_stream_close(struct http_stream *stream, bool broken) {
    pthread_mutex_lock(&stream->lock);
    stream->closed = true;
    stream->broken = broken;
    if (!stream->gone && !broken && stream->exchange->head.minor > 0 && stream->exchange->head.method != HTTP_HEAD)
        bytes_append_string(&stream->waiting, "0\r\n\r\n");
    stream_post(stream);
    pthread_mutex_unlock(&stream->lock);
}

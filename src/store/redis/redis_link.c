/* Bytes to and from the server.
 *
 *     commands -> plain -> [TLS ->] wire -> socket        socket -> [TLS ->] hiredis' reader -> replies */
#include "store/redis/redis_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"

enum { LINK_ROOM = 64 << 10 /* bytes asked for at once */ };

struct redis_link {
    int socket;
    struct tls *tls; /* NULL: plain */
    redisReader *reader;
    struct bytes plain; /* commands that are not encrypted yet; without TLS those to be sent */
    struct bytes wire;  /* with TLS: bytes to be sent */
};

static int link_lost(struct error *error, const char *doing, int errno_value) {
    int code = errno_value ? error_set_errno(error, errno_value, "%s", doing) : error_set(error, ERROR_IO, "%s", doing);
    if (error)
        error->retriable = true;
    return code;
}

static int link_wait(const struct redis_link *link, short events, const char *doing, struct error *error) {
    struct pollfd polled = {link->socket, events, 0};
    int ready;
    do
        ready = poll(&polled, 1, REDIS_TIMEOUT_S * 1000);
    while (ready < 0 && errno == EINTR);
    return ready > 0 ? 0 : link_lost(error, doing, ready < 0 ? errno : ETIMEDOUT);
}

static int link_send(struct redis_link *link, struct bytes *from, struct error *error) {
    int status = 0;
    for (size_t sent = 0; sent < from->length && !status;) {
        ssize_t written = send(link->socket, from->data + sent, from->length - sent, MSG_NOSIGNAL);
        if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return link_lost(error, "the connection broke while sending", errno);
        if (written < 0)
            status = link_wait(link, POLLOUT, "sending", error);
        sent += written > 0 ? (size_t)written : 0;
    }
    if (from->data)
        explicit_bzero(from->data, from->length); /* a password may have been among it */
    from->length = 0;
    return status;
}

static int link_flush(struct redis_link *link, struct error *error) {
    if (!link->tls)
        return link_send(link, &link->plain, error);
    int status = tls_write(link->tls, bytes_slice(&link->plain), &link->wire, error);
    if (link->plain.data)
        explicit_bzero(link->plain.data, link->plain.length);
    link->plain.length = 0;
    return status ? status : link_send(link, &link->wire, error);
}

/* Waits for bytes and appends them; with TLS they are still encrypted. */
static int link_receive(struct redis_link *link, struct bytes *to, struct error *error) {
    for (;;) {
        char *room = bytes_reserve(to, LINK_ROOM);
        if (!room)
            return error_no_memory(error);
        ssize_t got = recv(link->socket, room, LINK_ROOM, 0);
        if (got > 0) {
            to->length += (size_t)got;
            return 0;
        }
        if (got == 0)
            return link_lost(error, "the server closed the connection", 0);
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return link_lost(error, "the connection broke", errno);
        int status = link_wait(link, POLLIN, "waiting for an answer", error);
        if (status)
            return status;
    }
}

static int link_handshake(struct redis_link *link, struct error *error) {
    struct bytes came = {0};
    int done = 0, status = 0;
    while (!done && !status) {
        done = tls_handshake(link->tls, &link->wire, error);
        status = link_send(link, &link->wire, done < 0 ? NULL : error);
        if (done < 0)
            status = done;
        came.length = 0;
        if (!done && !status)
            status = link_receive(link, &came, error);
        if (status && error && !done)
            error_wrap(error, "the TLS handshake had no answer; is the port one for TLS?");
        if (!done && !status)
            status = tls_feed(link->tls, bytes_slice(&came), error);
    }
    bytes_release(&came);
    return status;
}

static int link_connect_to(struct redis_link *link, const struct addrinfo *address, struct error *error) {
    int reason = 0, yes = 1;
    socklen_t length = sizeof reason;
    link->socket = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->socket < 0)
        return link_lost(error, "cannot make a socket", errno);
    setsockopt(link->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(link->socket, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
        return link_lost(error, "cannot connect", errno);
    int status = link_wait(link, POLLOUT, "cannot connect", error);
    if (!status && getsockopt(link->socket, SOL_SOCKET, SO_ERROR, &reason, &length) != 0)
        reason = errno;
    return !status && reason ? link_lost(error, "cannot connect", reason) : status;
}

/* The addresses of the host in turn. */
static int link_connect(struct redis_link *link, const char *host, int port, struct error *error) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *addresses;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int code = getaddrinfo(host, service, &hints, &addresses);
    if (code)
        return link_lost(error, gai_strerror(code), 0);
    int status = ERROR_IO;
    for (const struct addrinfo *address = addresses; address && status; address = address->ai_next) {
        if (link->socket >= 0)
            close(link->socket);
        status = link_connect_to(link, address, error);
    }
    freeaddrinfo(addresses);
    return status;
}

int redis_link_open(const char *host, int port, struct tls_context *tls, struct redis_link **ret_link,
                    struct error *error) {
    struct redis_link *link = memory_zero(1, sizeof *link);
    if (!link)
        return error_no_memory(error);
    link->socket = -1;
    link->reader = redisReaderCreate();
    int status = link->reader ? 0 : error_no_memory(error);
    if (!status && tls)
        status = tls_open(tls, host, &link->tls, error);
    if (!status)
        status = link_connect(link, host, port, error);
    if (!status && tls)
        status = link_handshake(link, error);
    if (status) {
        redis_link_close(link);
        return status;
    }
    *ret_link = link;
    return 0;
}

struct redis_link *redis_link_close(struct redis_link *link) {
    if (!link)
        return NULL;
    if (link->socket >= 0)
        close(link->socket);
    tls_close(link->tls);
    if (link->reader)
        redisReaderFree(link->reader);
    bytes_release(&link->plain);
    bytes_release(&link->wire);
    free(link);
    return NULL;
}

int redis_link_append(struct redis_link *link, int count, const char **words, const size_t *lengths,
                      struct error *error) {
    char *command;
    int length = redisFormatCommandArgv(&command, count, words, lengths);
    if (length < 0)
        return error_no_memory(error);
    bytes_append(&link->plain, command, (size_t)length);
    explicit_bzero(command, (size_t)length);
    redisFreeCommand(command);
    return link->plain.failed ? error_no_memory(error) : 0;
}

static int link_read(struct redis_link *link, struct error *error) {
    struct bytes came = {0}, clear = {0};
    bool closed = false;
    int status = link_receive(link, &came, error);
    if (!status && link->tls) {
        status = tls_feed(link->tls, bytes_slice(&came), error);
        if (!status)
            status = tls_read(link->tls, &clear, &closed, error);
    }
    const struct bytes *from = link->tls ? &clear : &came;
    if (!status && from->length && redisReaderFeed(link->reader, from->data, from->length) != REDIS_OK)
        status = link_lost(error, link->reader->errstr, 0);
    if (!status && closed && !from->length)
        status = link_lost(error, "the server closed the connection", 0);
    bytes_release(&came);
    bytes_release(&clear);
    return status;
}

int redis_link_reply(struct redis_link *link, redisReply **ret_reply, struct error *error) {
    int status = link_flush(link, error);
    while (!status) {
        void *reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
            return link_lost(error, link->reader->errstr, 0);
        if (reply) {
            *ret_reply = reply;
            return 0;
        }
        status = link_read(link, error);
    }
    return status;
}

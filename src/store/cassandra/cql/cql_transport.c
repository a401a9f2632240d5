/* Buffers are compacted when half of them has been used; writing stops where the socket does not take more and goes
 * on when it does. */
#include "store/cassandra/cql/cql_transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    INPUT_ROOM = 64 << 10, /* bytes asked for in one recv */
    BUFFER_KEPT = 1 << 20, /* larger output buffers are given back when they are empty */
    KEEPALIVE_IDLE = 30,
    KEEPALIVE_INTERVAL = 10,
    KEEPALIVE_COUNT = 3,     /* seconds, seconds, probes */
    SILENCE_MAXIMUM = 60000, /* ms that sent bytes may stay unacknowledged by the other host */
};

static int transport_lost(struct error *error, const char *doing, int errno_value) {
    int code = errno_value ? error_set_errno(error, errno_value, "%s", doing) : error_set(error, ERROR_IO, "%s", doing);
    if (error)
        error->retriable = true;
    return code;
}

static void transport_option(int socket, int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof value); /* a wish: it works without, only slower or later */
}

static int transport_connect(struct cql_transport *transport, const struct cql_address *address, struct error *error) {
    struct sockaddr_storage to;
    socklen_t length = cql_address_socket(address, &to);
    transport->socket = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (transport->socket < 0)
        return transport_lost(error, "cannot make a socket", errno);
    transport_option(transport->socket, IPPROTO_TCP, TCP_NODELAY, 1);
    transport_option(transport->socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    transport_option(transport->socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
    transport_option(transport->socket, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
    transport_option(transport->socket, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    transport_option(transport->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MAXIMUM);
    if (connect(transport->socket, (struct sockaddr *)&to, length) != 0 && errno != EINPROGRESS)
        return transport_lost(error, "cannot connect", errno);
    return 0;
}

int cql_transport_open(struct cql_transport *transport, const struct cql_address *address, struct tls_context *tls,
                       const char *host, struct error *error) {
    *transport = (struct cql_transport){.socket = -1};
    int status = tls ? tls_open(tls, host, &transport->tls, error) : 0;
    if (!status)
        status = transport_connect(transport, address, error);
    if (status)
        cql_transport_close(transport);
    return status;
}

static void transport_wipe_rest(struct bytes *bytes) {
    if (bytes->data)
        explicit_bzero(bytes->data + bytes->length, bytes->capacity - bytes->length);
}

void cql_transport_wipe(struct cql_transport *transport) {
    transport_wipe_rest(&transport->plain);
    transport_wipe_rest(&transport->wire);
}

void cql_transport_close(struct cql_transport *transport) {
    if (transport->socket >= 0)
        close(transport->socket);
    transport->socket = -1;
    transport->tls = tls_close(transport->tls);
    transport->plain.length = transport->wire.length = transport->sent = 0;
    cql_transport_wipe(transport);
    bytes_release(&transport->input);
    bytes_release(&transport->plain);
    bytes_release(&transport->wire);
}

struct bytes *cql_transport_output(struct cql_transport *transport) {
    return transport->tls ? &transport->plain : &transport->wire;
}

size_t cql_transport_waiting(const struct cql_transport *transport) {
    return transport->plain.length + transport->wire.length - transport->sent;
}

/* A rest moves to the front only when it is the smaller part, so that a byte is moved at most once for each byte
 * sent. */
static void transport_compact(struct cql_transport *transport) {
    struct bytes *wire = &transport->wire;
    size_t rest = wire->length - transport->sent;
    if (rest == 0 && wire->capacity > BUFFER_KEPT) {
        bytes_release(wire);
    } else if (rest <= transport->sent) {
        if (rest)
            memmove(wire->data, wire->data + transport->sent, rest);
        wire->length = rest;
    } else {
        return;
    }
    transport->sent = 0;
}

static int transport_write(struct cql_transport *transport, struct error *error) {
    while (transport->sent < transport->wire.length) {
        ssize_t written = send(transport->socket, transport->wire.data + transport->sent,
                               transport->wire.length - transport->sent, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return transport_lost(error, "the connection broke while sending", errno);
        if (written < 0)
            break;
        transport->sent += (size_t)written;
    }
    transport_compact(transport);
    return 0;
}

int cql_transport_flush(struct cql_transport *transport, struct error *error) {
    if (transport->secured && transport->plain.length) {
        int status = tls_write(transport->tls, bytes_slice(&transport->plain), &transport->wire, error);
        if (status)
            return status;
        transport->plain.length = 0;
    }
    return transport_write(transport, error);
}

/* When it fails the alert is sent before: the server should know why. */
static int transport_handshake(struct cql_transport *transport, struct error *error) {
    int status = tls_handshake(transport->tls, &transport->wire, error);
    transport->secured = status == 1;
    if (status < 0) {
        transport_write(transport, NULL);
        return status;
    }
    return transport_write(transport, error);
}

int cql_transport_connected(struct cql_transport *transport, struct error *error) {
    int reason = 0;
    socklen_t length = sizeof reason;
    if (getsockopt(transport->socket, SOL_SOCKET, SO_ERROR, &reason, &length) != 0)
        reason = errno;
    if (reason)
        return transport_lost(error, "cannot connect", reason);
    return transport->tls ? transport_handshake(transport, error) : 0;
}

static int transport_decrypt(struct cql_transport *transport, struct slice wire, bool *ret_closed,
                             struct error *error) {
    int status = tls_feed(transport->tls, wire, error);
    if (!status && !transport->secured)
        status = transport_handshake(transport, error);
    if (status || !transport->secured)
        return status;
    return tls_read(transport->tls, &transport->input, ret_closed, error);
}

int cql_transport_receive(struct cql_transport *transport, bool *ret_closed, struct error *error) {
    char encrypted[INPUT_ROOM];
    struct bytes *input = &transport->input;
    char *room = transport->tls ? encrypted : bytes_reserve(input, INPUT_ROOM);
    if (!room)
        return error_no_memory(error);
    ssize_t got = recv(transport->socket, room, transport->tls ? sizeof encrypted : input->capacity - input->length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    if (got < 0)
        return transport_lost(error, "the connection broke", errno);
    if (got == 0)
        *ret_closed = true;
    else if (transport->tls)
        return transport_decrypt(transport, (struct slice){room, (size_t)got}, ret_closed, error);
    else
        input->length += (size_t)got;
    return 0;
}

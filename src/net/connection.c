/* The states of a connection, and the turn: what a protocol asks for is noted and done at the end of the turn, so that
 * a connection is never freed under the feet of its callers. */
#include "net/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "net/worker.h"

enum { READS_OF_EVENT = 4 };

void *connection_state(struct connection *connection) {
    return connection->state;
}

void *connection_context(const struct connection *connection) {
    return connection->listener->context;
}

struct net_loop *connection_loop(const struct connection *connection) {
    return connection->loop;
}

const struct net_address *connection_peer(const struct connection *connection) {
    return &connection->peer;
}

bool connection_is_secure(const struct connection *connection) {
    return connection->ssl != NULL;
}

struct slice connection_certificate_name(const struct connection *connection) {
    return slice_of(connection->certificate_name);
}

void connection_touch(struct connection *connection) {
    if (connection->touched)
        return;
    connection->touched = true;
    connection->next_touched = connection->loop->touched;
    connection->loop->touched = connection;
}

void connection_write(struct connection *connection, struct slice bytes) {
    bytes_append_slice(&connection->output, bytes);
    if (connection->output.failed)
        connection_abort(connection);
    else
        connection_touch(connection);
}

size_t connection_unsent(const struct connection *connection) {
    return connection->output.length - connection->sent;
}

void connection_pause(struct connection *connection, bool paused) {
    if (connection->paused == paused)
        return;
    connection->paused = paused;
    connection->resumed = !paused;
    connection_touch(connection);
}

void connection_deadline(struct connection *connection, int64_t at) {
    connection->deadline = at;
}

void connection_end(struct connection *connection) {
    connection->ending = true;
    connection_touch(connection);
}

void connection_abort(struct connection *connection) {
    connection->phase = CONNECTION_CLOSED;
    connection_touch(connection);
}

/* The protocol's last call, once. */
static void connection_closed(struct connection *connection) {
    if (connection->speaks)
        connection->listener->protocol->closed(connection);
    connection->speaks = false;
}

static void connection_free(struct connection *connection) {
    struct net_loop *loop = connection->loop;
    connection_closed(connection);
    if (connection->counted)
        net_limits_leave_address(loop->limits, &connection->peer);
    net_limits_leave(loop->limits);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        loop->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    SSL_free(connection->ssl);
    close(connection->fd);
    bytes_release(&connection->input);
    bytes_release(&connection->output);
    free(connection->certificate_name);
    free(connection);
    atomic_fetch_sub(&loop->connection_count, 1);
}

static void connection_watch(struct connection *connection) {
    bool reads =
        !connection->ended && (connection->phase != CONNECTION_OPEN || (!connection->paused && !connection->ending));
    bool writes = connection->wants_write || (connection->phase == CONNECTION_OPEN && connection_unsent(connection));
    uint32_t interest = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u);
    if (interest == connection->interest)
        return;
    struct epoll_event event = {.events = interest, .data.ptr = connection};
    connection->interest = interest;
    if (epoll_ctl(connection->loop->epoll, EPOLL_CTL_MOD, connection->fd, &event))
        connection_abort(connection);
}

/* The address is the client's: that of the PROXY header counts, not the balancer's. */
static void connection_identified(struct connection *connection) {
    if (!net_limits_enter_address(connection->loop->limits, &connection->peer)) {
        atomic_fetch_add(&connection->loop->limits->refused, 1);
        connection_abort(connection);
        return;
    }
    connection->counted = true;
    connection->phase = CONNECTION_OPEN;
    if (!connection->listener->tls)
        return;
    connection->ssl = server_tls_session(connection->listener->tls);
    if (!connection->ssl || SSL_set_fd(connection->ssl, connection->fd) != 1)
        connection_abort(connection);
    else
        connection->phase = CONNECTION_HANDSHAKE;
}

static void connection_opened(struct connection *connection) {
    const struct net_protocol *protocol = connection->listener->protocol;
    connection->phase = CONNECTION_OPEN;
    connection->deadline = INT64_MAX;
    connection->speaks = true;
    if (protocol->opened && protocol->opened(connection) < 0)
        connection_abort(connection);
    else if (connection->loop->draining)
        protocol->drain(connection);
}

void connection_accept(struct net_loop *loop, const struct net_listener *listener, int fd, struct net_address peer) {
    if (!net_limits_enter(loop->limits)) {
        atomic_fetch_add(&loop->limits->refused, 1);
        close(fd);
        return;
    }
    struct connection *connection = memory_zero(1, sizeof *connection + listener->protocol->state_size);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int one = 1;
    if (!connection || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
        net_limits_leave(loop->limits);
        free(connection);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    atomic_fetch_add(&loop->limits->accepted, 1);
    atomic_fetch_add(&loop->connection_count, 1);
    *connection = (struct connection){.source = SOURCE_CONNECTION,
                                      .fd = fd,
                                      .interest = EPOLLIN,
                                      .loop = loop,
                                      .listener = listener,
                                      .peer = peer,
                                      .deadline = loop->now + loop->options->head_timeout,
                                      .send_deadline = INT64_MAX,
                                      .next = loop->connections};
    if (loop->connections)
        loop->connections->previous = connection;
    loop->connections = connection;
    if (listener->proxied)
        return;
    connection_identified(connection);
    if (connection->phase == CONNECTION_OPEN)
        connection_opened(connection);
}

static bool connection_takes(const struct connection *connection) {
    return connection->phase == CONNECTION_OPEN && !connection->paused && !connection->ending;
}

/* Hands bytes to the protocol as long as it takes some; returns how many it took. */
static size_t connection_offer(struct connection *connection, struct slice bytes) {
    size_t taken = 0;
    while (connection_takes(connection) && taken < bytes.length) {
        ssize_t used = connection->listener->protocol->received(
            connection, (struct slice){bytes.data + taken, bytes.length - taken});
        if (used < 0)
            connection_end(connection);
        if (used <= 0)
            break;
        taken += (size_t)used;
    }
    return taken;
}

static void connection_feed(struct connection *connection) {
    struct bytes *input = &connection->input;
    if (input->length == 0)
        return;
    size_t taken = connection_offer(connection, bytes_slice(input));
    if (taken == input->length)
        bytes_release(input);
    else if (taken)
        memmove(input->data, input->data + taken, input->length - taken);
    if (taken < input->length)
        input->length -= taken;
}

/* Bytes go from the loop's buffer straight to the protocol unless some wait already. */
static ssize_t connection_read_some(struct connection *connection) {
    struct bytes *input = &connection->input;
    struct net_loop *loop = connection->loop;
    if (input->length) {
        char *to = bytes_reserve(input, LOOP_SCRATCH / 4);
        ssize_t got = to ? transport_read(connection, to, LOOP_SCRATCH / 4) : TRANSPORT_FAILED;
        if (got > 0) {
            input->length += (size_t)got;
            connection_feed(connection);
        }
        return got;
    }
    ssize_t got = transport_read(connection, loop->scratch, LOOP_SCRATCH);
    if (got <= 0)
        return got;
    size_t taken = connection_offer(connection, (struct slice){loop->scratch, (size_t)got});
    if (taken < (size_t)got && connection->phase == CONNECTION_OPEN && !connection->ending)
        bytes_append(input, loop->scratch + taken, (size_t)got - taken);
    return input->failed ? TRANSPORT_FAILED : got;
}

static void connection_read(struct connection *connection) {
    ssize_t got = 1;
    for (int i = 0; connection_takes(connection) && !connection->ended && got > 0 &&
                    (i < READS_OF_EVENT || (connection->ssl && SSL_pending(connection->ssl)));
         i++)
        got = connection_read_some(connection);
    if (got == TRANSPORT_FAILED) {
        connection_abort(connection);
    } else if (got == TRANSPORT_END) {
        connection->ended = true;
        if (connection->phase == CONNECTION_OPEN)
            connection->listener->protocol->ended(connection);
    }
}

/* An end without a handshake's or header's failure is no failure: a port is often only looked at. */
static void connection_begin(struct connection *connection) {
    struct net_limits *limits = connection->loop->limits;
    int result = 1;
    connection->wants_write = false;
    if (connection->phase == CONNECTION_PROXY) {
        result = transport_read_proxy(connection);
        if (result == 1)
            connection_identified(connection);
        else if (result != TRANSPORT_WAIT)
            atomic_fetch_add(&limits->proxy_failures, 1);
    }
    if (result == 1 && connection->phase == CONNECTION_HANDSHAKE) {
        result = transport_handshake(connection);
        if (result != 1 && result != TRANSPORT_WAIT)
            atomic_fetch_add(&limits->tls_failures, 1);
    }
    if (result == 1 && connection->phase != CONNECTION_CLOSED)
        connection_opened(connection);
    else if (result != TRANSPORT_WAIT)
        connection_abort(connection);
}

static void connection_drop_input(struct connection *connection) {
    ssize_t got;
    do
        got = recv(connection->fd, connection->loop->scratch, LOOP_SCRATCH, 0);
    while (got == LOOP_SCRATCH);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection_abort(connection);
}

void connection_event(struct connection *connection, uint32_t events) {
    if (connection->phase == CONNECTION_LINGER) {
        connection_drop_input(connection);
    } else if (connection->phase == CONNECTION_PROXY || connection->phase == CONNECTION_HANDSHAKE) {
        connection_begin(connection);
        if (connection->phase == CONNECTION_OPEN)
            connection_read(connection);
    } else if (connection->phase == CONNECTION_OPEN) {
        connection->wants_write = false;
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            connection_read(connection);
        if ((events & (EPOLLHUP | EPOLLERR)) && !(connection->interest & EPOLLIN))
            connection_abort(connection); /* both directions are gone: no answer can reach it */
    }
    connection_touch(connection);
}

void connection_tick(struct connection *connection) {
    int64_t now = connection->loop->now;
    if (connection->phase == CONNECTION_OPEN && now >= connection->send_deadline) {
        connection_abort(connection);
    } else if (now >= connection->deadline) {
        connection->deadline = INT64_MAX;
        if (connection->phase == CONNECTION_OPEN)
            connection->listener->protocol->expired(connection);
        else
            connection_abort(connection);
    }
}

void connection_drain(struct connection *connection) {
    if (connection->phase == CONNECTION_OPEN && !connection->ending)
        connection->listener->protocol->drain(connection);
}

/* All is sent. The peer may still be sending: closing now would reset the connection, and what was sent with it. */
static void connection_linger(struct connection *connection) {
    if (connection->ssl)
        SSL_shutdown(connection->ssl);
    if (connection->ended || shutdown(connection->fd, SHUT_WR)) {
        connection_abort(connection);
        return;
    }
    connection_closed(connection);
    connection->phase = CONNECTION_LINGER;
    connection->deadline = connection->loop->now + LINGER_MS;
    bytes_release(&connection->input);
    bytes_release(&connection->output);
    connection->sent = 0;
}

static void connection_send(struct connection *connection) {
    struct bytes *output = &connection->output;
    size_t before = connection->sent;
    ssize_t sent = 1;
    while (connection->sent < output->length && sent > 0) {
        sent = transport_write(connection, output->data + connection->sent, output->length - connection->sent);
        if (sent > 0)
            connection->sent += (size_t)sent;
    }
    if (sent < 0) {
        connection_abort(connection);
    } else if (connection->sent == output->length) {
        connection->send_deadline = INT64_MAX;
        connection->sent = 0;
        bytes_release(output); /* an idle connection holds no buffers */
        if (connection->listener->protocol->sent)
            connection->listener->protocol->sent(connection);
    } else if (connection->sent > before || connection->send_deadline == INT64_MAX) {
        connection->send_deadline = connection->loop->now + connection->loop->options->send_timeout;
    }
}

static void connection_turn_end(struct connection *connection) {
    if (connection->resumed && connection->phase == CONNECTION_OPEN) {
        connection->resumed = false;
        connection_feed(connection);
        if (connection->ssl && connection_takes(connection) && SSL_has_pending(connection->ssl))
            connection_read(connection);
    }
    if (connection->phase == CONNECTION_OPEN && connection_unsent(connection))
        connection_send(connection);
    if (connection->phase == CONNECTION_OPEN && connection->ending && !connection_unsent(connection))
        connection_linger(connection);
    if (connection->phase != CONNECTION_CLOSED)
        connection_watch(connection);
}

void connections_turn_end(struct net_loop *loop) {
    while (loop->touched) {
        struct connection *connection = loop->touched;
        loop->touched = connection->next_touched;
        connection->touched = false;
        connection_turn_end(connection);
        if (connection->phase == CONNECTION_CLOSED && !connection->touched) /* touched: it comes once more */
            connection_free(connection);
    }
}

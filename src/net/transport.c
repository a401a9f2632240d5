/* Bytes from and to the socket. The PROXY header is looked at before it is taken (MSG_PEEK), so that nothing of what
 * follows is taken with it: TLS reads the descriptor itself. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/epoll.h>

#include "net/proxy.h"
#include "net/worker.h"

static ssize_t transport_ssl_result(struct connection *connection, int result) {
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TRANSPORT_WAIT;
    case SSL_ERROR_WANT_WRITE:
        connection->wants_write = true;
        return TRANSPORT_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return TRANSPORT_END;
    default:
        ERR_clear_error();
        return TRANSPORT_FAILED;
    }
}

static ssize_t transport_result(ssize_t count) {
    if (count > 0)
        return count;
    if (count == 0)
        return TRANSPORT_END;
    return errno == EAGAIN || errno == EINTR ? TRANSPORT_WAIT : TRANSPORT_FAILED;
}

ssize_t transport_read(struct connection *connection, char *to, size_t room) {
    if (!connection->ssl)
        return transport_result(recv(connection->fd, to, room, 0));
    int got = SSL_read(connection->ssl, to, (int)room);
    return got > 0 ? got : transport_ssl_result(connection, got);
}

ssize_t transport_write(struct connection *connection, const char *from, size_t length) {
    if (!connection->ssl)
        return transport_result(send(connection->fd, from, length, MSG_NOSIGNAL));
    int sent = SSL_write(connection->ssl, from, (int)(length < (1 << 30) ? length : 1 << 30));
    return sent > 0 ? sent : transport_ssl_result(connection, sent);
}

/* Level-triggered epoll would report the same bytes again and again: it waits until there are more. */
static int transport_await(struct connection *connection, int have) {
    if (have < connection->lowest)
        return TRANSPORT_FAILED; /* nothing was added: the peer has ended */
    connection->lowest = have + 1;
    return setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &connection->lowest, sizeof connection->lowest)
               ? TRANSPORT_FAILED
               : TRANSPORT_WAIT;
}

int transport_read_proxy(struct connection *connection) {
    char head[PROXY_HEADER_MAXIMUM];
    bool known;
    ssize_t got = recv(connection->fd, head, sizeof head, MSG_PEEK);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? TRANSPORT_WAIT : TRANSPORT_FAILED;
    ssize_t length = proxy_read((struct slice){head, (size_t)got}, &known, &connection->peer);
    if (length == 0)
        return transport_await(connection, (int)got);
    int one = 1;
    if (length < 0 || recv(connection->fd, head, (size_t)length, 0) != length ||
        setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one))
        return TRANSPORT_FAILED;
    return 1;
}

static void transport_keep_name(struct connection *connection) {
    X509 *certificate = SSL_get_peer_certificate(connection->ssl);
    if (!certificate)
        return;
    char name[256];
    int length = SSL_get_verify_result(connection->ssl) == X509_V_OK
                     ? X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name)
                     : -1;
    if (length > 0 && strlen(name) == (size_t)length)
        connection->certificate_name = strdup(name);
    X509_free(certificate);
}

int transport_handshake(struct connection *connection) {
    int result = SSL_accept(connection->ssl);
    if (result != 1)
        return transport_ssl_result(connection, result) == TRANSPORT_WAIT ? TRANSPORT_WAIT : TRANSPORT_FAILED;
    transport_keep_name(connection);
    return 1;
}

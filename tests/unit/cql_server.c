#include "cql_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/cassandra/cql/cql_lz4.h"
#include "store/cassandra/cql/cql_response.h"
#include "store/cassandra/cql/cql_value.h"

enum { NODES = 4, CONNECTIONS = 64 };

struct server_connection {
    int socket; /* -1: free */
    unsigned node;
    bool registered;
    struct bytes input;
};

struct cql_server {
    pthread_t thread;
    pthread_mutex_t lock; /* recursive: hooks call back */
    int wake[2];
    bool stop;
    unsigned nodes;
    int listeners[NODES];
    uint16_t ports[NODES];
    struct server_connection connections[CONNECTIONS];
    unsigned seen[NODES][256], refreshes;
    cql_server_hook *hook;
    void *context;
};

static void server_die(const char *what) {
    perror(what);
    abort();
}

/* ---- sending ---- */

void cql_server_send(struct cql_server *server, int connection, struct slice raw) {
    (void)server;
    while (raw.length) {
        ssize_t sent = send(connection, raw.data, raw.length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        raw.data += sent;
        raw.length -= (size_t)sent;
    }
}

static void server_frame(struct cql_server *server, int connection, int16_t stream, uint8_t opcode, struct slice body) {
    struct bytes raw = {0};
    char header[CQL_FRAME_HEADER];
    cql_frame_encode(header, &(struct cql_frame){.stream = stream, .opcode = opcode, .length = (uint32_t)body.length});
    header[0] = (char)(0x80 | CQL_VERSION);
    bytes_append(&raw, header, sizeof header);
    bytes_append_slice(&raw, body);
    cql_server_send(server, connection, bytes_slice(&raw));
    bytes_release(&raw);
}

void cql_server_reply(struct cql_server *server, const struct cql_server_frame *to, uint8_t opcode, struct slice body) {
    server_frame(server, to->connection, to->stream, opcode, body);
}

void cql_server_error(struct cql_server *server, const struct cql_server_frame *to, int32_t code, const char *text,
                      struct slice more) {
    struct bytes body = {0};
    cql_write_int(&body, code);
    cql_write_string(&body, slice_of(text));
    bytes_append_slice(&body, more);
    cql_server_reply(server, to, CQL_ERROR, bytes_slice(&body));
    bytes_release(&body);
}

static void server_forget(struct server_connection *connection) {
    close(connection->socket);
    bytes_release(&connection->input);
    *connection = (struct server_connection){.socket = -1};
}

void cql_server_cut(struct cql_server *server, int connection) {
    (void)server;
    shutdown(connection, SHUT_RDWR); /* the thread finds out and closes it */
}

void cql_server_event(struct cql_server *server, struct slice body) {
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].socket >= 0 && server->connections[i].registered)
            server_frame(server, server->connections[i].socket, -1, CQL_EVENT, body);
    pthread_mutex_unlock(&server->lock);
}

/* ---- friendly answers ---- */

static void server_columns(struct bytes *body, const char *const *names, int32_t count) {
    cql_write_int(body, CQL_RESULT_ROWS);
    cql_write_int(body, 1);
    cql_write_int(body, count);
    cql_write_string(body, SLICE("system"));
    cql_write_string(body, SLICE("table"));
    for (int32_t i = 0; i < count; i++) {
        cql_write_string(body, slice_of(names[i]));
        cql_write_short(body, CQL_TYPE_VARCHAR); /* nobody looks at these types */
    }
}

/* Where node i's part of the ring ends: parts of the same size, the last at the largest token. */
static void server_tokens(const struct cql_server *server, struct bytes *body, unsigned node) {
    char text[32];
    int64_t token = node + 1 == server->nodes
                        ? INT64_MAX
                        : (int64_t)((uint64_t)INT64_MIN + UINT64_MAX / server->nodes * (node + 1));
    int length = snprintf(text, sizeof text, "%lld", (long long)token);
    cql_write_int(body, 8 + length);
    cql_write_int(body, 1);
    cql_write_bytes(body, (struct slice){text, (size_t)length});
}

static void server_local(const struct cql_server *server, struct bytes *body, unsigned node) {
    static const char *const names[] = {"data_center", "rack", "tokens", "partitioner"};
    server_columns(body, names, 4);
    cql_write_int(body, 1);
    cql_write_bytes(body, SLICE("dc1"));
    cql_write_bytes(body, SLICE("rack1"));
    server_tokens(server, body, node);
    cql_write_bytes(body, SLICE("org.apache.cassandra.dht.Murmur3Partitioner"));
}

static void server_peers(const struct cql_server *server, struct bytes *body, unsigned node) {
    static const char *const names[] = {"native_address", "native_port", "data_center", "rack", "tokens"};
    server_columns(body, names, 5);
    cql_write_int(body, (int32_t)server->nodes - 1);
    for (unsigned i = 0; i < server->nodes; i++) {
        if (i == node)
            continue;
        cql_write_bytes(body, (struct slice){"\x7f\0\0\1", 4});
        cql_write_int(body, 4);
        cql_write_int(body, server->ports[i]);
        cql_write_bytes(body, SLICE("dc1"));
        cql_write_bytes(body, SLICE("rack1"));
        server_tokens(server, body, i);
    }
}

static void server_keyspace(struct bytes *body) {
    static const char *const names[] = {"replication"};
    struct bytes map = {0};
    server_columns(body, names, 1);
    cql_write_int(body, 1);
    cql_write_int(&map, 2);
    cql_write_bytes(&map, SLICE("class"));
    cql_write_bytes(&map, SLICE("org.apache.cassandra.locator.SimpleStrategy"));
    cql_write_bytes(&map, SLICE("replication_factor"));
    cql_write_bytes(&map, SLICE("1"));
    cql_write_bytes(body, bytes_slice(&map));
    bytes_release(&map);
}

static void server_prepared(struct bytes *body, struct slice text) {
    int32_t markers = 0;
    for (size_t i = 0; i < text.length; i++)
        markers += text.data[i] == '?';
    cql_write_int(body, CQL_RESULT_PREPARED);
    cql_write_short(body, 2);
    cql_write_short(body, (uint16_t)text.length);
    cql_write_int(body, 1);
    cql_write_int(body, markers);
    cql_write_int(body, markers ? 1 : 0);
    if (markers)
        cql_write_short(body, 0);
    cql_write_string(body, SLICE("ks"));
    cql_write_string(body, SLICE("t"));
    for (int32_t i = 0; i < markers; i++) {
        cql_write_string(body, SLICE("m"));
        cql_write_short(body, CQL_TYPE_VARCHAR);
    }
    cql_write_int(body, 4);
    cql_write_int(body, 0);
}

static void server_result(struct cql_server *server, const struct cql_server_frame *frame, struct bytes *body) {
    struct cql_reader reader = cql_reader_of(frame->body);
    struct slice text =
        frame->opcode == CQL_QUERY || frame->opcode == CQL_PREPARE ? cql_read_bytes(&reader) : SLICE("");
    if (frame->opcode == CQL_PREPARE)
        server_prepared(body, text);
    else if (memmem(text.data, text.length, "system.local", 12))
        server_local(server, body, frame->node);
    else if (memmem(text.data, text.length, "system.peers", 12))
        server_peers(server, body, frame->node);
    else if (memmem(text.data, text.length, "system_schema.keyspaces", 23))
        server_keyspace(body);
    else
        cql_write_int(body, CQL_RESULT_VOID);
}

static void server_answer(struct cql_server *server, struct server_connection *connection,
                          const struct cql_server_frame *frame) {
    static const struct slice supported = {"\x00\x01\x00\x0b"
                                           "COMPRESSION\x00\x01\x00\x03lz4",
                                           22};
    struct bytes body = {0};
    server->seen[frame->node][frame->opcode]++;
    connection->registered |= frame->opcode == CQL_REGISTER;
    server->refreshes +=
        frame->opcode == CQL_QUERY && memmem(frame->body.data, frame->body.length, "system.local", 12) != NULL;
    if (server->hook && server->hook(server->context, server, frame))
        return;
    if (frame->opcode == CQL_OPTIONS) {
        cql_server_reply(server, frame, CQL_SUPPORTED, supported);
    } else if (frame->opcode == CQL_STARTUP || frame->opcode == CQL_REGISTER) {
        cql_server_reply(server, frame, CQL_READY, SLICE(""));
    } else {
        server_result(server, frame, &body);
        cql_server_reply(server, frame, CQL_RESULT, bytes_slice(&body));
    }
    bytes_release(&body);
}

/* ---- receiving ---- */

static void server_dispatch(struct cql_server *server, struct server_connection *connection, const char *raw,
                            uint32_t length) {
    struct bytes expanded = {0};
    struct cql_server_frame frame = {connection->socket,
                                     connection->node,
                                     (int16_t)((uint8_t)raw[2] << 8 | (uint8_t)raw[3]),
                                     (uint8_t)raw[4],
                                     raw[1] & CQL_FLAG_COMPRESSED,
                                     {raw + CQL_FRAME_HEADER, length}};
    if (raw[0] != CQL_VERSION)
        server_die("a request has another version");
    if (frame.compressed) {
        if (cql_lz4_expand(frame.body, CQL_BODY_MAXIMUM, &expanded, NULL))
            server_die("a request does not expand");
        frame.body = bytes_slice(&expanded);
    }
    server_answer(server, connection, &frame);
    bytes_release(&expanded);
}

static void server_read(struct cql_server *server, struct server_connection *connection) {
    char *room = bytes_reserve(&connection->input, 65536);
    ssize_t got = recv(connection->socket, room, 65536, 0);
    if (got <= 0) {
        server_forget(connection);
        return;
    }
    connection->input.length += (size_t)got;
    size_t at = 0;
    while (connection->input.length - at >= CQL_FRAME_HEADER) {
        struct cql_reader reader = cql_reader_of((struct slice){connection->input.data + at + 5, 4});
        uint32_t length = (uint32_t)cql_read_int(&reader);
        if (connection->input.length - at - CQL_FRAME_HEADER < length)
            break;
        server_dispatch(server, connection, connection->input.data + at, length);
        at += CQL_FRAME_HEADER + length;
    }
    memmove(connection->input.data, connection->input.data + at, connection->input.length - at);
    connection->input.length -= at;
}

static void server_accept(struct cql_server *server, unsigned node) {
    int socket = accept(server->listeners[node], NULL, NULL);
    for (unsigned i = 0; i < CONNECTIONS && socket >= 0; i++)
        if (server->connections[i].socket < 0) {
            server->connections[i].socket = socket;
            server->connections[i].node = node;
            return;
        }
}

static void *server_run(void *context) {
    struct cql_server *server = context;
    for (;;) {
        struct pollfd polled[1 + NODES + CONNECTIONS] = {{server->wake[0], POLLIN, 0}};
        pthread_mutex_lock(&server->lock);
        for (unsigned i = 0; i < NODES; i++)
            polled[1 + i] = (struct pollfd){server->listeners[i], POLLIN, 0};
        for (unsigned i = 0; i < CONNECTIONS; i++)
            polled[1 + NODES + i] = (struct pollfd){server->connections[i].socket, POLLIN, 0};
        bool stop = server->stop;
        pthread_mutex_unlock(&server->lock);
        if (stop)
            return NULL;
        poll(polled, 1 + NODES + CONNECTIONS, -1);
        pthread_mutex_lock(&server->lock);
        char byte;
        if (polled[0].revents && read(server->wake[0], &byte, 1) < 0)
            server_die("read");
        for (unsigned i = 0; i < NODES; i++)
            if (polled[1 + i].revents && server->listeners[i] == polled[1 + i].fd)
                server_accept(server, i);
        for (unsigned i = 0; i < CONNECTIONS; i++)
            if (polled[1 + NODES + i].revents && server->connections[i].socket == polled[1 + NODES + i].fd &&
                polled[1 + NODES + i].fd >= 0)
                server_read(server, &server->connections[i]);
        pthread_mutex_unlock(&server->lock);
    }
}

static void server_wake(struct cql_server *server) {
    if (write(server->wake[1], "", 1) != 1)
        server_die("write");
}

/* ---- starting and stopping ---- */

static void server_listen(struct cql_server *server, unsigned node) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server->ports[node]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        server_die("listen");
    server->listeners[node] = listener;
    server->ports[node] = ntohs(address.sin_port);
}

struct cql_server *cql_server_start(unsigned nodes, cql_server_hook *hook, void *context) {
    struct cql_server *server = calloc(1, sizeof *server);
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&server->lock, &recursive);
    server->nodes = nodes;
    server->hook = hook;
    server->context = context;
    for (unsigned i = 0; i < NODES; i++)
        server->listeners[i] = -1;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        server->connections[i].socket = -1;
    for (unsigned i = 0; i < nodes; i++)
        server_listen(server, i);
    if (pipe(server->wake) || pthread_create(&server->thread, NULL, server_run, server))
        server_die("start");
    return server;
}

void cql_server_stop(struct cql_server *server) {
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    pthread_mutex_unlock(&server->lock);
    server_wake(server);
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].socket >= 0)
            server_forget(&server->connections[i]);
    for (unsigned i = 0; i < NODES; i++)
        if (server->listeners[i] >= 0)
            close(server->listeners[i]);
    close(server->wake[0]);
    close(server->wake[1]);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t cql_server_port(const struct cql_server *server, unsigned node) {
    return server->ports[node];
}

void cql_server_node_down(struct cql_server *server, unsigned node) {
    pthread_mutex_lock(&server->lock);
    close(server->listeners[node]);
    server->listeners[node] = -1;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].socket >= 0 && server->connections[i].node == node)
            server_forget(&server->connections[i]);
    pthread_mutex_unlock(&server->lock);
    server_wake(server);
}

void cql_server_node_up(struct cql_server *server, unsigned node) {
    pthread_mutex_lock(&server->lock);
    server_listen(server, node);
    pthread_mutex_unlock(&server->lock);
    server_wake(server);
}

unsigned cql_server_seen(struct cql_server *server, unsigned node, uint8_t opcode) {
    pthread_mutex_lock(&server->lock);
    unsigned seen = server->seen[node][opcode];
    pthread_mutex_unlock(&server->lock);
    return seen;
}

unsigned cql_server_refreshes(struct cql_server *server) {
    pthread_mutex_lock(&server->lock);
    unsigned refreshes = server->refreshes;
    pthread_mutex_unlock(&server->lock);
    return refreshes;
}

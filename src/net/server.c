#include "net/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "net/worker.h"

enum { SERVER_BACKLOG = 1024, SERVER_LISTENERS = 8, DRAIN_LOOK_NS = 5000000 };

struct net_server {
    struct net_server_options options;
    struct net_limits limits;
    struct net_listener listeners[SERVER_LISTENERS];
    size_t listener_count;
    struct net_loop *loops; /* options.workers */
    int loop_count;         /* that are open */
};

int net_server_open(const struct net_server_options *options, struct net_server **ret_server, struct error *error) {
    struct net_server *server = memory_zero(1, sizeof *server);
    if (!server)
        return error_no_memory(error);
    server->options = *options;
    server->loops = memory_zero((size_t)options->workers, sizeof *server->loops);
    int status =
        net_limits_init(&server->limits, options->connections, options->connections_of_address, options->bytes, error);
    if (!status && !server->loops)
        status = error_no_memory(error);
    while (!status && server->loop_count < options->workers)
        status = net_loop_open(&server->loops[server->loop_count++], &server->options, &server->limits, error);
    if (status)
        net_server_close(server);
    else
        *ret_server = server;
    return status;
}

static int server_bind(const char *text, const struct sockaddr_storage *socket_address, socklen_t length, int *ret_fd,
                       struct error *error) {
    int fd = socket(socket_address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot listen on %s", text);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)socket_address, length) || listen(fd, SERVER_BACKLOG)) {
        int status = error_set_errno(error, errno, "cannot listen on %s", text);
        close(fd);
        return status;
    }
    *ret_fd = fd;
    return 0;
}

/* SO_REUSEPORT would let a second server of the same user share the port in silence: a socket without it finds out. */
static int server_probe(const char *text, const struct sockaddr_storage *address, socklen_t length,
                        struct error *error) {
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, status = 0;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot listen on %s", text);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, length))
        status = error_set_errno(error, errno, "cannot listen on %s", text);
    close(fd);
    return status;
}

int net_server_listen(struct net_server *server, const struct net_listener *listener, struct net_address *ret_bound,
                      struct error *error) {
    struct sockaddr_storage address = {0};
    socklen_t length = 0;
    if (server->listener_count == SERVER_LISTENERS)
        return error_set(error, ERROR_INVALID, "a server listens on at most %d addresses", SERVER_LISTENERS);
    int status = net_address_resolve(listener->address, &address, &length, error);
    if (!status)
        status = server_probe(listener->address, &address, length, error);
    if (status)
        return status;
    struct net_listener *kept = &server->listeners[server->listener_count++];
    *kept = *listener;
    for (int i = 0; i < server->loop_count && !status; i++) {
        int fd = -1;
        socklen_t room = sizeof address;
        status = server_bind(listener->address, &address, length, &fd, error);
        if (!status && getsockname(fd, (struct sockaddr *)&address, &room)) /* the first one finds the port for all */
            status = error_set_errno(error, errno, "cannot listen on %s", listener->address);
        if (!status)
            status = net_loop_listen(&server->loops[i], kept, fd, error);
    }
    if (!status)
        *ret_bound = net_address_of((const struct sockaddr *)&address);
    return status;
}

/* Signals are for the main thread. */
int net_server_start(struct net_server *server, struct error *error) {
    sigset_t all, before;
    int failure = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < server->loop_count && !failure; i++) {
        failure = pthread_create(&server->loops[i].thread, NULL, net_loop_run, &server->loops[i]);
        server->loops[i].started = failure == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure ? error_set_errno(error, failure, "cannot start a worker") : 0;
}

static size_t server_connections(const struct net_server *server) {
    size_t count = 0;
    for (int i = 0; i < server->loop_count; i++)
        count += atomic_load(&server->loops[i].connection_count);
    return count;
}

void net_server_drain(struct net_server *server, int64_t timeout) {
    const struct clock *clock = server->options.clock;
    int64_t end = clock_monotonic_ns(clock) + timeout * 1000000;
    for (int i = 0; i < server->loop_count; i++)
        net_loop_order(&server->loops[i], LOOP_DRAIN);
    while (server_connections(server) && clock_monotonic_ns(clock) < end)
        clock_sleep_ns(clock, DRAIN_LOOK_NS);
}

struct net_server *net_server_close(struct net_server *server) {
    if (!server)
        return NULL;
    for (int i = 0; i < server->loop_count; i++)
        if (server->loops[i].started)
            net_loop_order(&server->loops[i], LOOP_STOP);
    for (int i = 0; i < server->loop_count; i++) {
        if (server->loops[i].started)
            pthread_join(server->loops[i].thread, NULL);
        net_loop_release(&server->loops[i]);
    }
    net_limits_release(&server->limits);
    free(server->loops);
    free(server);
    return NULL;
}

void net_server_counts(const struct net_server *server, struct net_counts *ret_counts) {
    const struct net_limits *limits = &server->limits;
    *ret_counts = (struct net_counts){.accepted = atomic_load(&limits->accepted),
                                      .refused = atomic_load(&limits->refused),
                                      .tls_failures = atomic_load(&limits->tls_failures),
                                      .proxy_failures = atomic_load(&limits->proxy_failures),
                                      .connections = atomic_load(&limits->connections),
                                      .bytes = atomic_load(&limits->bytes)};
}

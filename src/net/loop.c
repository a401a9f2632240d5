#include "net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/memory.h"
#include "net/worker.h"

enum { LOOP_EVENTS = 256, LOOP_ACCEPTS = 64 };

int64_t net_loop_now(const struct net_loop *loop) {
    return loop->now;
}

bool net_loop_draining(const struct net_loop *loop) {
    return loop->draining;
}

bool net_loop_hold(struct net_loop *loop, size_t bytes) {
    return net_limits_hold(loop->limits, bytes);
}

void net_loop_charge(struct net_loop *loop, size_t bytes) {
    atomic_fetch_add_explicit(&loop->limits->bytes, bytes, memory_order_relaxed);
}

void net_loop_let_go(struct net_loop *loop, size_t bytes) {
    net_limits_let_go(loop->limits, bytes);
}

bool net_loop_has_room(const struct net_loop *loop, size_t bytes) {
    size_t held = atomic_load_explicit(&loop->limits->bytes, memory_order_relaxed);
    return bytes <= loop->limits->bytes_maximum && held <= loop->limits->bytes_maximum - bytes;
}

static void loop_wake(struct net_loop *loop) {
    uint64_t one = 1;
    while (write(loop->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void net_loop_post(struct net_loop *loop, struct net_message *message) {
    message->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool first = loop->first == NULL;
    if (first)
        loop->first = message;
    else
        loop->last->next = message;
    loop->last = message;
    pthread_mutex_unlock(&loop->lock);
    if (first)
        loop_wake(loop);
}

/* Returns whether there were any. */
static bool loop_deliver(struct net_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    struct net_message *message = loop->first;
    loop->first = loop->last = NULL;
    pthread_mutex_unlock(&loop->lock);
    bool any = message != NULL;
    while (message) {
        struct net_message *next = message->next;
        message->deliver(message);
        message = next;
    }
    return any;
}

void net_loop_order(struct net_loop *loop, enum loop_order order) {
    atomic_store(&loop->order, order);
    loop_wake(loop);
}

static int64_t loop_clock(const struct net_loop *loop) {
    return clock_monotonic_ns(loop->options->clock) / 1000000;
}

int net_loop_open(struct net_loop *loop, const struct net_server_options *options, struct net_limits *limits,
                  struct error *error) {
    *loop = (struct net_loop){.source = SOURCE_WAKE, .options = options, .limits = limits, .wake = -1};
    pthread_mutex_init(&loop->lock, NULL);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop};
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->scratch = malloc(LOOP_SCRATCH);
    loop->now = loop->ticked = loop_clock(loop);
    if (loop->epoll < 0 || loop->wake < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event))
        return error_set_errno(error, errno, "cannot make an event loop");
    return loop->scratch ? 0 : error_no_memory(error);
}

static void loop_close_listeners(struct net_loop *loop) {
    while (loop->listeners) {
        struct loop_listener *listener = loop->listeners;
        loop->listeners = listener->next;
        close(listener->fd);
        free(listener);
    }
}

void net_loop_release(struct net_loop *loop) {
    loop_close_listeners(loop);
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->wake >= 0)
        close(loop->wake);
    free(loop->scratch);
    pthread_mutex_destroy(&loop->lock);
}

int net_loop_listen(struct net_loop *loop, const struct net_listener *listener, int fd, struct error *error) {
    struct loop_listener *added = memory_zero(1, sizeof *added);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = added};
    if (!added || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
        free(added);
        close(fd);
        return error_no_memory(error);
    }
    *added = (struct loop_listener){SOURCE_LISTENER, fd, listener, loop->listeners};
    loop->listeners = added;
    return 0;
}

/* Level-triggered epoll would turn in circles when descriptors have run out: the listeners are left alone until the
 * next tick. */
static void loop_listen(struct net_loop *loop, bool heard) {
    loop->unheard = !heard;
    for (struct loop_listener *listener = loop->listeners; listener; listener = listener->next) {
        struct epoll_event event = {.events = heard ? EPOLLIN : 0, .data.ptr = listener};
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, listener->fd, &event);
    }
}

/* Returns whether there may be more. */
static bool loop_accept(struct net_loop *loop, struct loop_listener *listener) {
    for (int i = 0; i < LOOP_ACCEPTS; i++) {
        struct sockaddr_storage from = {0};
        socklen_t length = sizeof from;
        int fd = accept4(listener->fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            connection_accept(loop, listener->listener, fd, net_address_of((const struct sockaddr *)&from));
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            loop_listen(loop, false);
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return false;
    }
    return true;
}

/* What waits in the backlog is accepted first: closing the socket would reset it. */
static void loop_begin_drain(struct net_loop *loop) {
    loop->draining = true;
    for (struct loop_listener *listener = loop->listeners; listener; listener = listener->next)
        while (loop_accept(loop, listener))
            ;
    loop_close_listeners(loop);
    for (struct connection *connection = loop->connections; connection; connection = connection->next)
        connection_drain(connection);
}

static void loop_tick(struct net_loop *loop) {
    if (loop->now - loop->ticked < LOOP_TICK_MS)
        return;
    loop->ticked = loop->now;
    if (loop->unheard)
        loop_listen(loop, true);
    for (struct connection *connection = loop->connections; connection; connection = connection->next)
        connection_tick(connection);
}

static void loop_dispatch(struct net_loop *loop, const struct epoll_event *event) {
    enum net_source *source = event->data.ptr;
    uint64_t count;
    if (*source == SOURCE_CONNECTION)
        connection_event((struct connection *)(void *)source, event->events);
    else if (*source == SOURCE_LISTENER)
        loop_accept(loop, (struct loop_listener *)(void *)source);
    else
        while (read(loop->wake, &count, sizeof count) < 0 && errno == EINTR)
            ;
}

static void loop_turn(struct net_loop *loop) {
    struct epoll_event events[LOOP_EVENTS];
    int timeout = loop->connections || loop->unheard ? LOOP_TICK_MS : -1;
    int count = epoll_wait(loop->epoll, events, LOOP_EVENTS, timeout);
    loop->now = loop_clock(loop);
    for (int i = 0; i < count; i++)
        loop_dispatch(loop, &events[i]);
    loop_deliver(loop);
    loop_tick(loop);
    if (!loop->draining && atomic_load(&loop->order) != LOOP_RUN)
        loop_begin_drain(loop);
    connections_turn_end(loop);
}

void *net_loop_run(void *context) {
    struct net_loop *loop = context;
    while (atomic_load(&loop->order) != LOOP_STOP)
        loop_turn(loop);
    if (!loop->draining)
        loop_begin_drain(loop);
    do {
        for (struct connection *connection = loop->connections; connection; connection = connection->next)
            connection_abort(connection);
        connections_turn_end(loop);
    } while (loop_deliver(loop));
    return NULL;
}

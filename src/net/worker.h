/* What a loop and its connections share; inside net/ only. */
#ifndef METERLINE_NET_WORKER_H
#define METERLINE_NET_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/bytes.h"
#include "net/limits.h"
#include "net/server.h"
#include "net/tls.h"

/* What an event of epoll is about. */
enum net_source { SOURCE_WAKE, SOURCE_LISTENER, SOURCE_CONNECTION };

struct loop_listener {
    enum net_source source;
    int fd; /* -1: closed */
    const struct net_listener *listener;
    struct loop_listener *next;
};

enum loop_order { LOOP_RUN, LOOP_DRAIN, LOOP_STOP };

struct net_loop {
    enum net_source source; /* of the eventfd */
    const struct net_server_options *options;
    struct net_limits *limits;
    int epoll, wake;
    int64_t now, ticked;
    char *scratch; /* LOOP_SCRATCH bytes: what is read lies here unless it must wait */
    struct loop_listener *listeners;
    struct connection *connections, *touched; /* all; those with something to do at the end of the turn */
    bool draining, unheard;                   /* unheard: listeners are out of epoll, as descriptors have run out */
    atomic_size_t connection_count;
    _Atomic int order;    /* enum loop_order */
    pthread_mutex_t lock; /* of the messages */
    struct net_message *first, *last;
    pthread_t thread;
    bool started;
};

enum { LOOP_SCRATCH = 64 * 1024, LOOP_TICK_MS = 250, LINGER_MS = 2000 };

enum connection_phase {
    CONNECTION_PROXY,     /* the PROXY header is awaited */
    CONNECTION_HANDSHAKE, /* of TLS */
    CONNECTION_OPEN,      /* the protocol speaks */
    CONNECTION_LINGER,    /* all is sent; what still comes is dropped */
    CONNECTION_CLOSED     /* freed at the end of the turn */
};

struct connection {
    enum net_source source;
    enum connection_phase phase;
    int fd;
    uint32_t interest; /* epoll events that are asked for */
    struct net_loop *loop;
    const struct net_listener *listener;
    SSL *ssl;
    struct bytes input;  /* read, and not taken yet */
    struct bytes output; /* from `sent` on it waits */
    size_t sent;
    int64_t deadline, send_deadline;
    struct net_address peer;
    char *certificate_name;
    bool counted; /* with its address */
    bool speaks;  /* the protocol has been opened, and not closed */
    bool paused, resumed, ended, ending, touched, wants_write;
    int lowest; /* bytes that must have come before reading the PROXY header again */
    struct connection *previous, *next, *next_touched;
    max_align_t state[];
};

/* Takes the descriptor, also on failure. */
void connection_accept(struct net_loop *loop, const struct net_listener *listener, int fd, struct net_address peer);
void connection_event(struct connection *connection, uint32_t events);
void connection_tick(struct connection *connection);
void connection_drain(struct connection *connection);
/* Sends, resumes and frees the connections that were touched in this turn. */
void connections_turn_end(struct net_loop *loop);
void connection_touch(struct connection *connection);

/* transport.c: bytes from and to the socket, through TLS if there is one. */
enum { TRANSPORT_WAIT = 0, TRANSPORT_END = -1, TRANSPORT_FAILED = -2 };
/* Bytes read or written, or one of these. */
ssize_t transport_read(struct connection *connection, char *to, size_t room);
ssize_t transport_write(struct connection *connection, const char *from, size_t length);
/* 1: done, TRANSPORT_WAIT, TRANSPORT_FAILED. */
int transport_read_proxy(struct connection *connection);
int transport_handshake(struct connection *connection);

int net_loop_open(struct net_loop *loop, const struct net_server_options *options, struct net_limits *limits,
                  struct error *error);
void net_loop_release(struct net_loop *loop);
int net_loop_listen(struct net_loop *loop, const struct net_listener *listener, int fd, struct error *error);
void *net_loop_run(void *loop); /* of the thread */
void net_loop_order(struct net_loop *loop, enum loop_order order);

#endif

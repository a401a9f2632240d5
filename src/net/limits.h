/* What all workers of a server count together. Any thread. */
#ifndef METERLINE_NET_LIMITS_H
#define METERLINE_NET_LIMITS_H

#include "net/address.h"
#include <pthread.h>
#include <stdatomic.h>

struct address_count;

struct net_limits {
    size_t connections_maximum, address_maximum, bytes_maximum;
    atomic_size_t connections, bytes;
    _Atomic uint64_t accepted, refused, tls_failures, proxy_failures;
    pthread_mutex_t lock;            /* of the table */
    struct address_count *addresses; /* open addressing; capacity is a power of two */
    size_t address_count, address_capacity;
};

int net_limits_init(struct net_limits *limits, size_t connections, size_t of_address, size_t bytes,
                    struct error *error);
void net_limits_release(struct net_limits *limits);
/* One more connection in all; false: there are too many. */
bool net_limits_enter(struct net_limits *limits);
void net_limits_leave(struct net_limits *limits);
/* One more of an address (IPv6: of its /64); false: too many of it, or no memory. */
bool net_limits_enter_address(struct net_limits *limits, const struct net_address *address);
void net_limits_leave_address(struct net_limits *limits, const struct net_address *address);
bool net_limits_hold(struct net_limits *limits, size_t bytes);
void net_limits_let_go(struct net_limits *limits, size_t bytes);

#endif

/* The table of addresses: linear probing, removal by moving back what follows. Its hash is seeded, so clients cannot
 * choose addresses that collide. */
#include "net/limits.h"

#include <string.h>

#include "core/hash.h"
#include "core/memory.h"

struct address_count {
    unsigned char network[16];
    uint32_t count; /* 0: the place is free */
};

enum { ADDRESSES_FIRST = 64 };

int net_limits_init(struct net_limits *limits, size_t connections, size_t of_address, size_t bytes,
                    struct error *error) {
    *limits =
        (struct net_limits){.connections_maximum = connections, .address_maximum = of_address, .bytes_maximum = bytes};
    limits->addresses = memory_zero(ADDRESSES_FIRST, sizeof *limits->addresses);
    limits->address_capacity = ADDRESSES_FIRST;
    pthread_mutex_init(&limits->lock, NULL);
    return limits->addresses ? 0 : error_no_memory(error);
}

void net_limits_release(struct net_limits *limits) {
    free(limits->addresses);
    pthread_mutex_destroy(&limits->lock);
}

static bool take(atomic_size_t *sum, size_t more, size_t maximum) {
    size_t before = atomic_load_explicit(sum, memory_order_relaxed);
    do {
        if (more > maximum || before > maximum - more)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(sum, &before, before + more, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool net_limits_enter(struct net_limits *limits) {
    return take(&limits->connections, 1, limits->connections_maximum);
}

void net_limits_leave(struct net_limits *limits) {
    atomic_fetch_sub(&limits->connections, 1);
}

bool net_limits_hold(struct net_limits *limits, size_t bytes) {
    return take(&limits->bytes, bytes, limits->bytes_maximum);
}

void net_limits_let_go(struct net_limits *limits, size_t bytes) {
    atomic_fetch_sub_explicit(&limits->bytes, bytes, memory_order_relaxed);
}

static void network_of(const struct net_address *address, unsigned char to[16]) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(to, address->bytes, 16);
    if (memcmp(to, mapped, sizeof mapped) != 0)
        memset(to + 8, 0, 8);
}

/* Its place, or the free one where it belongs. */
static size_t place_of(const struct net_limits *limits, const unsigned char network[16]) {
    size_t mask = limits->address_capacity - 1, at = hash_bytes(network, 16, hash_seed()) & mask;
    while (limits->addresses[at].count && memcmp(limits->addresses[at].network, network, 16) != 0)
        at = (at + 1) & mask;
    return at;
}

static bool grow(struct net_limits *limits) {
    struct address_count *old = limits->addresses;
    size_t capacity = limits->address_capacity;
    struct address_count *wider = memory_zero(capacity * 2, sizeof *wider);
    if (!wider)
        return false;
    limits->addresses = wider;
    limits->address_capacity = capacity * 2;
    for (size_t i = 0; i < capacity; i++)
        if (old[i].count)
            wider[place_of(limits, old[i].network)] = old[i];
    free(old);
    return true;
}

bool net_limits_enter_address(struct net_limits *limits, const struct net_address *address) {
    unsigned char network[16];
    network_of(address, network);
    pthread_mutex_lock(&limits->lock);
    bool room = limits->address_count * 2 < limits->address_capacity || grow(limits);
    struct address_count *entry = &limits->addresses[place_of(limits, network)];
    bool entered = room && entry->count < limits->address_maximum;
    if (entered) {
        limits->address_count += entry->count == 0;
        memcpy(entry->network, network, 16);
        entry->count++;
    }
    pthread_mutex_unlock(&limits->lock);
    return entered;
}

/* Entries after the hole that were pushed past it move back. */
static void close_hole(struct net_limits *limits, size_t hole) {
    size_t mask = limits->address_capacity - 1;
    for (size_t at = (hole + 1) & mask; limits->addresses[at].count; at = (at + 1) & mask) {
        size_t home = hash_bytes(limits->addresses[at].network, 16, hash_seed()) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        limits->addresses[hole] = limits->addresses[at];
        limits->addresses[at].count = 0;
        hole = at;
    }
}

void net_limits_leave_address(struct net_limits *limits, const struct net_address *address) {
    unsigned char network[16];
    network_of(address, network);
    pthread_mutex_lock(&limits->lock);
    size_t at = place_of(limits, network);
    if (limits->addresses[at].count && --limits->addresses[at].count == 0) {
        limits->address_count--;
        close_hole(limits, at);
    }
    pthread_mutex_unlock(&limits->lock);
}

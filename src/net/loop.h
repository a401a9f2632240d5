/* An event loop: one thread, one epoll, the connections that it has accepted. Other threads talk to it by messages. */
#ifndef METERLINE_NET_LOOP_H
#define METERLINE_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_loop;

/* Part of what it is about; `deliver` runs in the loop's thread and owns it. */
struct net_message {
    void (*deliver)(struct net_message *message);
    struct net_message *next; /* the loop's */
};

/* Any thread; wakes the loop. Messages of one thread are delivered in their order. */
void net_loop_post(struct net_loop *loop, struct net_message *message);
/* Monotonic ms at the beginning of this turn. */
int64_t net_loop_now(const struct net_loop *loop);
/* Memory that a request takes, against the server's limit; false: there is no room for it now. Any thread. */
bool net_loop_hold(struct net_loop *loop, size_t bytes);
void net_loop_let_go(struct net_loop *loop, size_t bytes);
/* Memory that is taken already: counts, also over the limit. */
void net_loop_charge(struct net_loop *loop, size_t bytes);
/* Could so much more be held now? */
bool net_loop_has_room(const struct net_loop *loop, size_t bytes);
/* Has the server been asked to end? */
bool net_loop_draining(const struct net_loop *loop);

#endif

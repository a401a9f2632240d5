/* The PROXY protocol, version 1 (text) and 2 (binary): how a load balancer says who its client is
 * (haproxy.org/download/2.6/doc/proxy-protocol.txt). No allocation, any bytes. */
#ifndef METERLINE_NET_PROXY_H
#define METERLINE_NET_PROXY_H

#include "core/slice.h"
#include "net/address.h"
#include <sys/types.h>

/* Longest header that is taken: version 1 has at most 107 bytes; of version 2 the addresses and this much beside. */
enum { PROXY_HEADER_MAXIMUM = 536 };

/* Reads the header at the beginning of `bytes`. Returns its length, 0: more bytes are needed, -1: it is none.
 * *ret_known: the client's address is told; otherwise (LOCAL, UNKNOWN: the balancer itself, a health check) the
 * connection's own is meant, and ret_source is untouched. */
ssize_t proxy_read(struct slice bytes, bool *ret_known, struct net_address *ret_source);

#endif

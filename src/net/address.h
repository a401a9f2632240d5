/* Addresses of sockets: HOST:PORT as text, and back. */
#ifndef METERLINE_NET_ADDRESS_H
#define METERLINE_NET_ADDRESS_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* IPv4 as an IPv6 address that maps it (::ffff:a.b.c.d). */
struct net_address {
    unsigned char bytes[16];
    uint16_t port;
};

enum { NET_ADDRESS_SIZE = 56 }; /* of "[IPV6]:PORT" with its NUL */

/* "127.0.0.1:8086", "[::1]:8086", "localhost:0", ":8086" (all addresses). Names are asked of the system. Fills a
 * socket address. ERROR_INVALID says what is wrong. */
int net_address_resolve(const char *text, struct sockaddr_storage *ret_socket, socklen_t *ret_length,
                        struct error *error);
/* Another family than IPv4 and IPv6: all zero. */
struct net_address net_address_of(const struct sockaddr *from);
bool net_address_is_loopback(const struct net_address *address);
/* "192.0.2.1:4711", "[2001:db8::1]:4711", NUL-terminated; returns the length. */
size_t net_address_write(const struct net_address *address, char to[NET_ADDRESS_SIZE]);
/* The same without the port and brackets. */
size_t net_address_write_host(const struct net_address *address, char to[NET_ADDRESS_SIZE]);

#endif

#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static const unsigned char address_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Splits at the last colon; brackets around the host go. */
static bool address_split(const char *text, char *host, size_t room, const char **ret_port) {
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false; /* an IPv6 address without brackets: which colon begins the port? */
    }
    if (length >= room)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *ret_port = colon + 1;
    return true;
}

int net_address_resolve(const char *text, struct sockaddr_storage *ret_socket, socklen_t *ret_length,
                        struct error *error) {
    char host[256], *end;
    const char *port;
    if (!address_split(text, host, sizeof host, &port))
        return error_set(error, ERROR_INVALID,
                         "'%.200s' is no address: expected HOST:PORT, as 127.0.0.1:8086 or [::1]:8086", text);
    unsigned long number = strtoul(port, &end, 10);
    if (*end || port[0] < '0' || port[0] > '9' || number > 65535)
        return error_set(error, ERROR_INVALID, "'%.200s': the port must be a number up to 65535", text);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found = NULL;
    int failure = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failure)
        return error_set(error, ERROR_INVALID, "'%.200s': %s", text, gai_strerror(failure));
    memcpy(ret_socket, found->ai_addr, found->ai_addrlen);
    *ret_length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

struct net_address net_address_of(const struct sockaddr *from) {
    struct net_address address = {0};
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
        memcpy(address.bytes, address_mapped, sizeof address_mapped);
        memcpy(address.bytes + 12, &v4->sin_addr, 4);
        address.port = ntohs(v4->sin_port);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
        memcpy(address.bytes, &v6->sin6_addr, 16);
        address.port = ntohs(v6->sin6_port);
    }
    return address;
}

static bool address_is_v4(const struct net_address *address) {
    return memcmp(address->bytes, address_mapped, sizeof address_mapped) == 0;
}

bool net_address_is_loopback(const struct net_address *address) {
    if (address_is_v4(address))
        return address->bytes[12] == 127;
    return memcmp(address->bytes, &in6addr_loopback, 16) == 0;
}

size_t net_address_write_host(const struct net_address *address, char to[NET_ADDRESS_SIZE]) {
    bool v4 = address_is_v4(address);
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address->bytes + 12 : address->bytes, to, NET_ADDRESS_SIZE);
    return strlen(to);
}

size_t net_address_write(const struct net_address *address, char to[NET_ADDRESS_SIZE]) {
    char host[NET_ADDRESS_SIZE];
    net_address_write_host(address, host);
    bool v4 = address_is_v4(address);
    return (size_t)snprintf(to, NET_ADDRESS_SIZE, v4 ? "%.45s:%u" : "[%.45s]:%u", host, address->port);
}

/* Addresses as the protocol sends them (4 or 16 bytes and a port), as sockets take them, and as people write them. */
#include "store/cassandra/cql/cql_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool cql_address_of(struct slice inet, uint16_t port, struct cql_address *ret_address) {
    if (!inet.data || (inet.length != 4 && inet.length != 16))
        return false;
    struct cql_address address = {.length = (uint8_t)inet.length, .port = port};
    memcpy(address.bytes, inet.data, inet.length);
    *ret_address = address;
    return true;
}

bool cql_address_equal(const struct cql_address *a, const struct cql_address *b) {
    return a->length == b->length && a->port == b->port && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool cql_address_is_any(const struct cql_address *address) {
    static const unsigned char zeros[16];
    return memcmp(address->bytes, zeros, sizeof zeros) == 0;
}

void cql_address_write_host(const struct cql_address *address, char to[CQL_ADDRESS_TEXT]) {
    if (!inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->bytes, to, CQL_ADDRESS_TEXT))
        memcpy(to, "?", 2);
}

void cql_address_write(const struct cql_address *address, char to[CQL_ADDRESS_TEXT]) {
    char text[CQL_ADDRESS_TEXT];
    cql_address_write_host(address, text);
    snprintf(to, CQL_ADDRESS_TEXT, address->length == 4 ? "%.50s:%u" : "[%.50s]:%u", text, address->port);
}

socklen_t cql_address_socket(const struct cql_address *address, struct sockaddr_storage *ret_socket) {
    memset(ret_socket, 0, sizeof *ret_socket);
    if (address->length == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret_socket;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        memcpy(&v4->sin_addr, address->bytes, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_socket;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    memcpy(&v6->sin6_addr, address->bytes, 16);
    return sizeof *v6;
}

static bool address_from_socket(const struct sockaddr *from, uint16_t port, struct cql_address *ret_address) {
    if (from->sa_family == AF_INET)
        return cql_address_of((struct slice){(const char *)&((const struct sockaddr_in *)from)->sin_addr, 4}, port,
                              ret_address);
    if (from->sa_family == AF_INET6)
        return cql_address_of((struct slice){(const char *)&((const struct sockaddr_in6 *)from)->sin6_addr, 16}, port,
                              ret_address);
    return false;
}

int cql_address_resolve(const char *host, uint16_t port, struct cql_address *addresses, size_t room, size_t *ret_count,
                        struct error *error) {
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int result = getaddrinfo(host, NULL, &wanted, &found);
    if (result) {
        int code = error_set(error, ERROR_INVALID, "cannot find the address of Cassandra's host %s: %s", host,
                             gai_strerror(result));
        if (error)
            error->retriable = result == EAI_AGAIN;
        return code;
    }
    size_t count = 0;
    for (struct addrinfo *at = found; at && count < room; at = at->ai_next)
        if (address_from_socket(at->ai_addr, port, &addresses[count]))
            count++;
    freeaddrinfo(found);
    *ret_count = count;
    return count ? 0 : error_set(error, ERROR_INVALID, "Cassandra's host %s has no IPv4 or IPv6 address", host);
}

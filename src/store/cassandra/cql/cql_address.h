/* The address of a node: an IPv4 or IPv6 address and a port. */
#ifndef METERLINE_STORE_CASSANDRA_CQL_CQL_ADDRESS_H
#define METERLINE_STORE_CASSANDRA_CQL_CQL_ADDRESS_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct cql_address {
    unsigned char bytes[16]; /* network order; zeros after the length */
    uint8_t length;          /* 4 or 16 */
    uint16_t port;
};

enum { CQL_ADDRESS_TEXT = 64 };

/* From the bytes of an inet value. False: neither 4 nor 16. */
bool cql_address_of(struct slice inet, uint16_t port, struct cql_address *ret_address);
bool cql_address_equal(const struct cql_address *a, const struct cql_address *b);
bool cql_address_is_any(const struct cql_address *address); /* 0.0.0.0 or :: */
/* "10.0.0.1:9042", "[::1]:9042". */
void cql_address_write(const struct cql_address *address, char to[CQL_ADDRESS_TEXT]);
void cql_address_write_host(const struct cql_address *address, char to[CQL_ADDRESS_TEXT]); /* without the port */
socklen_t cql_address_socket(const struct cql_address *address, struct sockaddr_storage *ret_socket);

/* Asks the resolver (blocking) for the addresses of a host: at most `room`. ERROR_INVALID: there is no such name;
 * retriable when the resolver did not answer. */
int cql_address_resolve(const char *host, uint16_t port, struct cql_address *addresses, size_t room, size_t *ret_count,
                        struct error *error);

#endif

#include "net/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const char proxy_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { V1_MAXIMUM = 107, V2_HEAD = 16, V2_IPV4 = 12, V2_IPV6 = 36 };

/* The next word of the line, which one space ends, or the line's end; length 0: there is none. */
static struct slice proxy_word(struct slice *line) {
    const char *space = line->length ? memchr(line->data, ' ', line->length) : NULL;
    struct slice word = {line->data, space ? (size_t)(space - line->data) : line->length};
    size_t used = word.length + (space != NULL);
    *line = (struct slice){line->data + used, line->length - used};
    return word;
}

static bool proxy_port(struct slice word, uint16_t *ret_port) {
    unsigned port = 0;
    if (word.length == 0 || word.length > 5 || (word.length > 1 && word.data[0] == '0'))
        return false;
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        port = port * 10 + (unsigned)(word.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= 65535;
}

static bool proxy_host(struct slice word, int family, struct net_address *ret_address) {
    char text[INET6_ADDRSTRLEN];
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket = {.any = {.sa_family = (sa_family_t)family}};
    if (word.length == 0 || word.length >= sizeof text || memchr(word.data, '\0', word.length))
        return false;
    memcpy(text, word.data, word.length);
    text[word.length] = '\0';
    void *to = family == AF_INET ? (void *)&socket.v4.sin_addr : (void *)&socket.v6.sin6_addr;
    if (inet_pton(family, text, to) != 1)
        return false;
    *ret_address = net_address_of(&socket.any);
    return true;
}

/* PROXY TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT, or PROXY UNKNOWN and anything. */
static bool proxy_read_line(struct slice line, bool *ret_known, struct net_address *ret_source) {
    struct net_address source, destination;
    proxy_word(&line);
    struct slice family = proxy_word(&line);
    *ret_known = false;
    if (slice_equal(family, SLICE("UNKNOWN")))
        return true;
    int number = slice_equal(family, SLICE("TCP4")) ? AF_INET : slice_equal(family, SLICE("TCP6")) ? AF_INET6 : 0;
    if (!number || !proxy_host(proxy_word(&line), number, &source) ||
        !proxy_host(proxy_word(&line), number, &destination) || !proxy_port(proxy_word(&line), &source.port) ||
        !proxy_port(line, &destination.port))
        return false;
    *ret_known = true;
    *ret_source = source;
    return true;
}

static ssize_t proxy_read_v1(struct slice bytes, bool *ret_known, struct net_address *ret_source) {
    size_t limit = bytes.length < V1_MAXIMUM ? bytes.length : V1_MAXIMUM;
    const char *end = memchr(bytes.data, '\n', limit);
    if (!end)
        return bytes.length >= V1_MAXIMUM ? -1 : 0;
    size_t length = (size_t)(end - bytes.data);
    if (length == 0 || end[-1] != '\r' ||
        !proxy_read_line((struct slice){bytes.data, length - 1}, ret_known, ret_source))
        return -1;
    return (ssize_t)length + 1;
}

static struct net_address proxy_binary(const unsigned char *at, bool v6) {
    struct net_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    const unsigned char *port = at + (v6 ? 32 : 8);
    memcpy(address.bytes + (v6 ? 0 : 12), at, v6 ? 16 : 4);
    address.port = (uint16_t)(port[0] << 8 | port[1]);
    return address;
}

/* Signature, version and command, family and protocol, length, addresses, TLVs. */
static ssize_t proxy_read_v2(struct slice bytes, bool *ret_known, struct net_address *ret_source) {
    const unsigned char *at = (const unsigned char *)bytes.data;
    if (bytes.length < V2_HEAD)
        return 0;
    size_t length = (size_t)at[14] << 8 | at[15];
    unsigned command = at[12] & 15, family = at[13];
    if (at[12] >> 4 != 2 || command > 1 || length > PROXY_HEADER_MAXIMUM - V2_HEAD)
        return -1;
    bool v4 = family == 0x11, v6 = family == 0x21; /* TCP; anything else is not told */
    if (command == 1 && ((v4 && length < V2_IPV4) || (v6 && length < V2_IPV6)))
        return -1;
    if (bytes.length < V2_HEAD + length)
        return 0;
    *ret_known = command == 1 && (v4 || v6);
    if (*ret_known)
        *ret_source = proxy_binary(at + V2_HEAD, v6);
    return (ssize_t)(V2_HEAD + length);
}

ssize_t proxy_read(struct slice bytes, bool *ret_known, struct net_address *ret_source) {
    size_t common = bytes.length < sizeof proxy_signature ? bytes.length : sizeof proxy_signature;
    if (common && memcmp(bytes.data, proxy_signature, common) == 0)
        return common < sizeof proxy_signature ? 0 : proxy_read_v2(bytes, ret_known, ret_source);
    common = bytes.length < 6 ? bytes.length : 6;
    if (common && memcmp(bytes.data, "PROXY ", common) != 0)
        return -1;
    return bytes.length < 6 ? 0 : proxy_read_v1(bytes, ret_known, ret_source);
}

/* Fuzz target: any bytes as a PROXY header. What is taken does not depend on what comes after it, and its beginnings are awaited. */
#include <stdint.h>
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct net_address source = {0}, again = {0};
    bool known = false, known_again = false;
    char text[NET_ADDRESS_SIZE];
    struct slice bytes = {(const char *)data, size};
    ssize_t length = proxy_read(bytes, &known, &source);
    if (length <= 0)
        return 0;
    if ((size_t)length > size || length > PROXY_HEADER_MAXIMUM)
        abort();
    if (known && net_address_write(&source, text) >= sizeof text)
        abort();
    if (proxy_read((struct slice){bytes.data, (size_t)length}, &known_again, &again) != length ||
        known != known_again || memcmp(source.bytes, again.bytes, sizeof source.bytes) != 0 ||
        source.port != again.port)
        abort();
    for (size_t less = 0; less < (size_t)length; less++)
        if (proxy_read((struct slice){bytes.data, less}, &known_again, &again) != 0)
            abort();
    return 0;
}

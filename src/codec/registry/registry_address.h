/* Addresses of a schema registry: a list of URLs, taken apart so that user and password are never shown. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_ADDRESS_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_ADDRESS_H

#include "core/arena.h"
#include "core/error.h"
#include <stddef.h>

struct registry_address {
    const char *base;                /* scheme, host, port and path, without a slash at its end: may be shown */
    const char *username, *password; /* decoded; NULL when the URL has none */
};

/* Reads URLs separated by commas into an array in `arena`. ERROR_INVALID says which of them is wrong without showing
 * it. */
int registry_addresses_read(const char *list, struct arena *arena, struct registry_address **ret_addresses,
                            size_t *ret_count, struct error *error);

/* The part of any URL that may be shown, cut when it is longer; "" when it is none. */
void registry_address_show(const char *url, char *to, size_t size);

#endif

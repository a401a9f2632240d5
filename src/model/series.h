/* Series: gateway + metric type + metric attribute. Its key on every topic is `gateway.TYPE.ATTRIBUTE`. */
#ifndef METERLINE_MODEL_SERIES_H
#define METERLINE_MODEL_SERIES_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct series {
    struct slice gateway, type, attribute;
};

/* Longest series key, so that no record can make a table or a header grow without bound. */
enum { SERIES_KEY_MAXIMUM = 1024 };

static inline size_t series_key_length(const struct series *series) {
    return series->gateway.length + series->type.length + series->attribute.length + 2;
}

/* Writes series_key_length bytes. */
void series_key_write(const struct series *series, char *to);
/* Is `key` the key of `series`, to the byte? */
bool series_key_matches(const struct series *series, struct slice key);

#endif

/* What a registry has refused, kept for a while by schema id, so that a record whose schema cannot be had does not
 * cost a request each time it is read. Not thread-safe: the client's lock is over it. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_REFUSALS_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_REFUSALS_H

#include "core/clock.h"
#include "core/error.h"
#include "model/registry.h"
#include <stddef.h>

enum {
    REGISTRY_REFUSALS_MAXIMUM = 256, /* the one that ends first makes room */
    REGISTRY_UNKNOWN_MS = 1000,      /* the schema may be registered a moment later */
    REGISTRY_REFUSED_MS = 60000,     /* what this user may not read, what is not Avro */
};

struct registry_refusal {
    enum schema_kind kind;
    int32_t id;
    int64_t until_ns; /* of the monotonic clock */
    struct error error;
};

struct registry_refusals {
    const struct clock *clock;
    struct registry_refusal *items; /* owned */
    size_t count;
};

/* The error that was the answer for `id`, as a schema of `kind`, a short while ago; 0: there is none, ask. */
int registry_refusals_find(struct registry_refusals *refusals, enum schema_kind kind, int32_t id, struct error *error);
/* Keeps ERROR_NOT_FOUND and ERROR_UNSUPPORTED, nothing else. Without memory it is not kept. */
void registry_refusals_keep(struct registry_refusals *refusals, enum schema_kind kind, int32_t id,
                            const struct error *error);
void registry_refusals_release(struct registry_refusals *refusals);

#endif

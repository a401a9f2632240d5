/* Payload readers that are free, for any thread: there are as many as threads that read at once. */
#ifndef METERLINE_INGEST_PAYLOAD_POOL_H
#define METERLINE_INGEST_PAYLOAD_POOL_H

#include <pthread.h>

#include "ingest/payload.h"

struct pooled_reader;

struct payload_pool {
    pthread_mutex_t lock; /* of the list */
    struct pooled_reader *free;
};

void payload_pool_init(struct payload_pool *pool);
void payload_pool_release(struct payload_pool *pool);
/* payload_read with a reader of the pool. */
int payload_pool_read(struct payload_pool *pool, const struct payload *payload, struct arena *arena,
                      struct payload_result *ret_result, struct error *error);

#endif

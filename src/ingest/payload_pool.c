#include "ingest/payload_pool.h"

#include "core/memory.h"

struct pooled_reader {
    struct payload_reader *reader;
    struct pooled_reader *next;
};

void payload_pool_init(struct payload_pool *pool) {
    pthread_mutex_init(&pool->lock, NULL);
    pool->free = NULL;
}

void payload_pool_release(struct payload_pool *pool) {
    while (pool->free) {
        struct pooled_reader *reader = pool->free;
        pool->free = reader->next;
        payload_reader_free(reader->reader);
        free(reader);
    }
    pthread_mutex_destroy(&pool->lock);
}

static struct pooled_reader *pool_take(struct payload_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct pooled_reader *reader = pool->free;
    if (reader)
        pool->free = reader->next;
    pthread_mutex_unlock(&pool->lock);
    if (reader || !(reader = memory_zero(1, sizeof *reader)))
        return reader;
    if (payload_reader_new(&reader->reader, NULL)) {
        free(reader);
        return NULL;
    }
    return reader;
}

static void pool_give_back(struct payload_pool *pool, struct pooled_reader *reader) {
    pthread_mutex_lock(&pool->lock);
    reader->next = pool->free;
    pool->free = reader;
    pthread_mutex_unlock(&pool->lock);
}

int payload_pool_read(struct payload_pool *pool, const struct payload *payload, struct arena *arena,
                      struct payload_result *ret_result, struct error *error) {
    struct pooled_reader *reader = pool_take(pool);
    if (!reader)
        return error_no_memory(error);
    int status = payload_read(reader->reader, payload, arena, ret_result, error);
    pool_give_back(pool, reader);
    return status;
}

/* Which cache a URL means, and the door's functions, which hand over to the driver. */
#include "store/cache.h"

#include <string.h>

#include "store/cache_driver.h"

int cache_open(const char *url, const struct cache_options *options, struct cache **ret_cache, struct error *error) {
    if (strncmp(url, "redis://", 8) == 0)
        return redis_cache_open(url + 8, false, options, ret_cache, error);
    if (strncmp(url, "rediss://", 9) == 0)
        return redis_cache_open(url + 9, true, options, ret_cache, error);
    if (strncmp(url, "sqlite:", 7) == 0)
        url += 7;
    else if (strchr(url, ':'))
        return error_set(
            error, ERROR_INVALID,
            "--cache: no cache of this kind is known; use sqlite:DIR, redis://HOST:6379/1 or rediss://HOST:6379/1");
    if (!*url)
        return error_set(error, ERROR_INVALID, "--cache: the folder is missing; use sqlite:DIR");
    return sqlite_cache_open(url, options, ret_cache, error);
}

struct cache *cache_close(struct cache *cache) {
    if (cache)
        cache->driver->close(cache);
    return NULL;
}

int cache_writer_open(struct cache *cache, struct cache_writer **ret_writer, struct error *error) {
    return cache->driver->writer_open(cache, ret_writer, error);
}

struct cache_writer *cache_writer_close(struct cache_writer *writer) {
    if (writer)
        writer->driver->writer_close(writer);
    return NULL;
}

int cache_write(struct cache_writer *writer, const struct cache_entry *entries, size_t count, struct error *error) {
    return count ? writer->driver->write(writer, entries, count, error) : 0;
}

int cache_marked(struct cache_writer *writer, const char *mark, bool *ret_marked, struct error *error) {
    return writer->driver->marked(writer, mark, ret_marked, error);
}

int cache_mark(struct cache_writer *writer, const char *mark, struct error *error) {
    return writer->driver->mark(writer, mark, error);
}

int cache_read(struct cache *cache, const char *key, bool series, cache_visit visit, void *context,
               struct error *error) {
    return cache->driver->read(cache, key, series, visit, context, error);
}

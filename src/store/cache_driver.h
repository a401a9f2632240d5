/* What an implementation of the cache is made of; see cache.h. Each handle begins with the struct of the same name
 * here. */
#ifndef METERLINE_STORE_CACHE_DRIVER_H
#define METERLINE_STORE_CACHE_DRIVER_H

#include "store/cache.h"

struct cache_driver {
    void (*close)(struct cache *cache);
    int (*writer_open)(struct cache *cache, struct cache_writer **ret_writer, struct error *error);
    void (*writer_close)(struct cache_writer *writer);
    int (*write)(struct cache_writer *writer, const struct cache_entry *entries, size_t count, struct error *error);
    int (*marked)(struct cache_writer *writer, const char *mark, bool *ret_marked, struct error *error);
    int (*mark)(struct cache_writer *writer, const char *mark, struct error *error);
    int (*read)(struct cache *cache, const char *key, bool series, cache_visit visit, void *context,
                struct error *error);
};

struct cache {
    const struct cache_driver *driver;
    struct cache_options options;
};

struct cache_writer {
    const struct cache_driver *driver;
};

int sqlite_cache_open(const char *folder, const struct cache_options *options, struct cache **ret_cache,
                      struct error *error);
int redis_cache_open(const char *address, bool tls, const struct cache_options *options, struct cache **ret_cache,
                     struct error *error);

#endif

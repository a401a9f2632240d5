/* The cache of latest values: of each gateway the newest timestamp that it has sent, by option of each series its
 * latest value. One door, two implementations: redis://[:PASSWORD@]HOST[:PORT]/DATABASE and sqlite:DIR.
 *
 * An entry never goes back in time: an older timestamp than the one at hand is ignored, whichever program writes it and in
 * whatever order, so putting a reading again changes nothing. Redis: key = gateway, value = the timestamp
 * (ISO-8601); of a series key = gateway.TYPE.ATTRIBUTE, value = "TIMESTAMP VALUE". SQLite: table cache_latest (key,
 * time, value or NULL).
 *
 * Marks: Redis: fields of the hash "meterline.marks"; SQLite: table cache_marks.
 *
 * Threads: a `struct cache` may be shared; a writer and a reader belong to one thread each. */
#ifndef METERLINE_STORE_CACHE_H
#define METERLINE_STORE_CACHE_H

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/property.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct cache;
struct cache_writer;

struct cache_options {
    bool durable;
    bool create;
    const struct clock *clock;
    const struct client_property *properties; /* of a server (redis.*); borrowed while cache_open runs */
    size_t property_count;
    const struct log *log; /* NULL: silent; outlives the cache */
};

struct cache_entry {
    struct slice key;
    int64_t timestamp; /* ms */
    bool has_value;    /* of a series; otherwise of a gateway */
    double value;
};

/* Redis need not answer yet. */
int cache_open(const char *url, const struct cache_options *options, struct cache **ret_cache, struct error *error);
struct cache *cache_close(struct cache *cache);

int cache_writer_open(struct cache *cache, struct cache_writer **ret_writer, struct error *error);
struct cache_writer *cache_writer_close(struct cache_writer *writer);
/* Writes entries; each key at most once in a call. Acknowledged on return. A retriable error means that the server
 * could not be reached; the call can be repeated. */
int cache_write(struct cache_writer *writer, const struct cache_entry *entries, size_t count, struct error *error);

/* Marks: names that are kept beside the entries, and lost with them. They say that what was written before is there. */
int cache_marked(struct cache_writer *writer, const char *mark, bool *ret_marked, struct error *error);
int cache_mark(struct cache_writer *writer, const char *mark, struct error *error);

/* Entries by key bytes: the one of `key`, or all (NULL) of gateways or of series. Strings live during the callback,
 * which ends the walk by returning something else than 0. */
typedef int (*cache_visit)(void *context, const struct cache_entry *entry, struct error *error);
int cache_read(struct cache *cache, const char *key, bool series, cache_visit visit, void *context,
               struct error *error);

#endif

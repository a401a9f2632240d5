/* The cache in Redis, through hiredis. Entries go in scripts of REDIS_KEYS keys each, many of them in the pipe at
 * once: a script reads the values at hand, keeps those that are not older, and sets the rest, all in one step of the
 * server, so that writers cannot overtake each other.
 *
 * Keys of another type, and values that do not begin with a time, belong to others: they are left alone.
 *
 * Times are compared as text, up to the 'Z', which sorts them: all have the same form, with or without a fraction of
 * a second. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"
#include "store/cache_driver.h"
#include "store/redis/redis_address.h"
#include "store/redis/redis_link.h"
#include "store/redis/redis_settings.h"

#define REDIS_MARKS "meterline.marks"

enum {
    REDIS_KEYS = 256,
    REDIS_PIPE = 32 /* scripts under way */,
    REDIS_SCAN = 1000,
    REDIS_VALUE_SIZE = TIME_TEXT_SIZE + NUMBER_DOUBLE_SIZE + 2,
    REDIS_HASH_SIZE = 41
};

static const char redis_script[] =
    "local old=redis.call('MGET',unpack(KEYS)) local set={} local foreign=0 "
    "for i=1,#KEYS do local v=ARGV[i] local o=old[i] "
    "if o and not string.find(o,'^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z') or "
    "not o and redis.call('EXISTS',KEYS[i])==1 then foreign=foreign+1 "
    "elseif not o or string.sub(o,1,string.find(o,'Z',1,true)-1)<=string.sub(v,1,string.find(v,'Z',1,true)-1) then "
    "set[#set+1]=KEYS[i] set[#set+1]=v end end "
    "if #set>0 then redis.call('MSET',unpack(set)) end return foreign";

struct redis_cache {
    struct cache base;
    struct redis_address address;
    struct tls_context *tls; /* NULL: plain */
};

struct redis_writer {
    struct cache_writer base;
    const struct redis_cache *cache;
    struct redis_link *link;      /* NULL: to be made */
    bool warned;                  /* of keys that are left alone */
    char script[REDIS_HASH_SIZE]; /* its SHA-1 at the server */
    const char *arguments[3 + 2 * REDIS_KEYS];
    size_t lengths[3 + 2 * REDIS_KEYS];
    char values[REDIS_KEYS][REDIS_VALUE_SIZE];
};

/* The server has answered with an error: LOADING, READONLY and the like pass by themselves, others do not. */
static int redis_refused(const struct redis_cache *cache, const redisReply *reply, struct error *error) {
    static const char *const passing[] = {"LOADING",  "BUSY",     "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN",
                                          "READONLY", "NOSCRIPT", "OOM",      "MISCONF"};
    bool passes = false;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        passes |= strncmp(reply->str, passing[i], strlen(passing[i])) == 0;
    error_set(error, passes ? ERROR_IO : ERROR_INVALID, "Redis at %s:%d: %.200s", cache->address.host,
              cache->address.port, reply->str);
    if (error)
        error->retriable = passes;
    return passes ? ERROR_IO : ERROR_INVALID;
}

/* An error of the connection, with the place. */
static int redis_lost(const struct redis_cache *cache, int status, struct error *error) {
    return status && error ? error_wrap(error, "Redis at %s:%d", cache->address.host, cache->address.port) : status;
}

/* The next reply; one that is an error becomes ours. */
static int redis_reply(const struct redis_cache *cache, struct redis_link *link, redisReply **ret_reply,
                       struct error *error) {
    redisReply *reply;
    int status = redis_lost(cache, redis_link_reply(link, &reply, error), error);
    if (status)
        return status;
    if (reply->type == REDIS_REPLY_ERROR)
        status = redis_refused(cache, reply, error);
    if (status)
        freeReplyObject(reply);
    else
        *ret_reply = reply;
    return status;
}

static int redis_command(const struct redis_cache *cache, struct redis_link *link, int count, const char **words,
                         redisReply **ret_reply, struct error *error) {
    redisReply *reply;
    int status = redis_link_append(link, count, words, NULL, error);
    if (!status)
        status = redis_reply(cache, link, &reply, error);
    if (!status && ret_reply)
        *ret_reply = reply;
    else if (!status)
        freeReplyObject(reply);
    return status;
}

static int redis_greet(const struct redis_cache *cache, struct redis_link *link, struct error *error) {
    const struct redis_address *address = &cache->address;
    char database[16];
    const char *login[] = {"AUTH", address->user ? address->user : address->password, address->password};
    const char *choice[] = {"SELECT", database};
    snprintf(database, sizeof database, "%d", address->database);
    int status = address->password ? redis_command(cache, link, address->user ? 3 : 2, login, NULL, error) : 0;
    return status ? status : redis_command(cache, link, 2, choice, NULL, error);
}

static int redis_connect(const struct redis_cache *cache, struct redis_link **ret_link, struct error *error) {
    struct redis_link *link;
    int status = redis_link_open(cache->address.host, cache->address.port, cache->tls, &link, error);
    if (status)
        return redis_lost(cache, status, error);
    status = redis_greet(cache, link, error);
    if (status) {
        redis_link_close(link);
        return status;
    }
    *ret_link = link;
    return 0;
}

static int redis_load(struct redis_writer *writer, struct error *error) {
    const char *words[] = {"SCRIPT", "LOAD", redis_script};
    redisReply *reply = NULL;
    int status = redis_connect(writer->cache, &writer->link, error);
    if (!status)
        status = redis_command(writer->cache, writer->link, 3, words, &reply, error);
    if (!status)
        snprintf(writer->script, sizeof writer->script, "%s", reply->str);
    if (reply)
        freeReplyObject(reply);
    return status;
}

static void redis_drop(struct redis_writer *writer) {
    writer->link = redis_link_close(writer->link);
}

static size_t redis_write_value(char *to, const struct cache_entry *entry) {
    size_t length = time_write(to, entry->timestamp);
    if (entry->has_value) {
        to[length++] = ' ';
        length += number_write_double(to + length, entry->value);
    }
    return length;
}

static int redis_append(struct redis_writer *writer, const struct cache_entry *entries, size_t count,
                        struct error *error) {
    char number[16];
    writer->arguments[0] = "EVALSHA";
    writer->arguments[1] = writer->script;
    writer->arguments[2] = number;
    writer->lengths[0] = strlen("EVALSHA");
    writer->lengths[1] = strlen(writer->script);
    writer->lengths[2] = (size_t)snprintf(number, sizeof number, "%zu", count);
    for (size_t i = 0; i < count; i++) {
        writer->arguments[3 + i] = entries[i].key.data;
        writer->lengths[3 + i] = entries[i].key.length;
        writer->arguments[3 + count + i] = writer->values[i];
        writer->lengths[3 + count + i] = redis_write_value(writer->values[i], &entries[i]);
    }
    return redis_link_append(writer->link, (int)(3 + 2 * count), writer->arguments, writer->lengths, error);
}

static int redis_answer(struct redis_writer *writer, struct error *error) {
    redisReply *reply;
    int status = redis_reply(writer->cache, writer->link, &reply, error);
    if (status)
        return status;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0 && !writer->warned) {
        log_write(
            writer->cache->base.options.log, LOG_WARNING,
            "Redis at %s:%d: database %d has keys of gateways or series whose values are not ours (%lld now): they "
            "are left alone, and their latest values are not kept; use another database",
            writer->cache->address.host, writer->cache->address.port, writer->cache->address.database, reply->integer);
        writer->warned = true;
    }
    freeReplyObject(reply);
    return 0;
}

static int redis_write_all(struct redis_writer *writer, const struct cache_entry *entries, size_t count,
                           struct error *error) {
    size_t waiting = 0;
    int status = writer->link ? 0 : redis_load(writer, error);
    for (size_t at = 0; at < count && !status; at += REDIS_KEYS) {
        status = redis_append(writer, entries + at, count - at < REDIS_KEYS ? count - at : REDIS_KEYS, error);
        waiting += !status;
        if (!status && waiting == REDIS_PIPE) {
            status = redis_answer(writer, error);
            waiting--;
        }
    }
    for (; waiting && !status; waiting--)
        status = redis_answer(writer, error);
    return status;
}

static int redis_cache_write(struct cache_writer *door, const struct cache_entry *entries, size_t count,
                             struct error *error) {
    struct redis_writer *writer = (struct redis_writer *)door;
    int status = redis_write_all(writer, entries, count, error);
    if (status)
        redis_drop(writer); /* answers that are under way are dropped */
    return status;
}

/* An answer to HEXISTS or HSETNX on the hash of marks, as a number. */
static int redis_marks(struct redis_writer *writer, int count, const char **words, bool *ret_yes, struct error *error) {
    redisReply *reply = NULL;
    int status = writer->link ? 0 : redis_load(writer, error);
    if (!status)
        status = redis_command(writer->cache, writer->link, count, words, &reply, error);
    if (!status)
        *ret_yes = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    else
        redis_drop(writer);
    if (reply)
        freeReplyObject(reply);
    return status;
}

static int redis_cache_marked(struct cache_writer *door, const char *mark, bool *ret_marked, struct error *error) {
    const char *words[] = {"HEXISTS", REDIS_MARKS, mark};
    return redis_marks((struct redis_writer *)door, 3, words, ret_marked, error);
}

static int redis_cache_mark(struct cache_writer *door, const char *mark, struct error *error) {
    const char *words[] = {"HSETNX", REDIS_MARKS, mark, "1"};
    bool added;
    return redis_marks((struct redis_writer *)door, 4, words, &added, error);
}

static void redis_writer_close(struct cache_writer *door) {
    redis_drop((struct redis_writer *)door);
    free(door);
}

static void redis_cache_close(struct cache *door) {
    struct redis_cache *cache = (struct redis_cache *)door;
    tls_context_close(cache->tls);
    redis_address_release(&cache->address);
    free(cache);
}

static const struct cache_driver redis_cache_driver;

static int redis_writer_open(struct cache *door, struct cache_writer **ret_writer, struct error *error) {
    struct redis_writer *writer = memory_zero(1, sizeof *writer);
    if (!writer)
        return error_no_memory(error);
    writer->base.driver = &redis_cache_driver;
    writer->cache = (struct redis_cache *)door;
    *ret_writer = &writer->base;
    return 0;
}

struct redis_found {
    struct bytes keys; /* each with a NUL after it */
    size_t *places;    /* of each key in `keys` */
    size_t count, capacity;
};

static int redis_found_add(struct redis_found *found, const redisReply *keys, struct error *error) {
    for (size_t i = 0; i < keys->elements; i++) {
        if (!memory_reserve((void **)&found->places, &found->capacity, found->count + 1, sizeof *found->places))
            return error_no_memory(error);
        found->places[found->count++] = found->keys.length;
        bytes_append(&found->keys, keys->element[i]->str, keys->element[i]->len);
        bytes_append_char(&found->keys, '\0');
    }
    return found->keys.failed ? error_no_memory(error) : 0;
}

/* All keys; a key that a scan gives twice is there twice. */
static int redis_scan(const struct redis_cache *cache, struct redis_link *link, struct redis_found *found,
                      struct error *error) {
    char cursor[32] = "0", step[16];
    snprintf(step, sizeof step, "%d", REDIS_SCAN);
    int status = 0;
    do {
        const char *words[] = {"SCAN", cursor, "COUNT", step};
        redisReply *reply;
        status = redis_command(cache, link, 4, words, &reply, error);
        if (status)
            return status;
        bool shape = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                     reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY;
        status = shape ? redis_found_add(found, reply->element[1], error)
                       : error_set(error, ERROR_CORRUPT, "Redis at %s:%d answers SCAN with something else",
                                   cache->address.host, cache->address.port);
        if (!status)
            snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        freeReplyObject(reply);
    } while (!status && strcmp(cursor, "0") != 0);
    return status;
}

static int redis_compare(const void *a, const void *b, void *keys) {
    return strcmp((const char *)keys + *(const size_t *)a, (const char *)keys + *(const size_t *)b);
}

/* "TIMESTAMP" or "TIMESTAMP VALUE"; false: of another program. */
static bool redis_read_value(const char *text, size_t length, struct cache_entry *entry) {
    const char *space = memchr(text, ' ', length);
    struct slice time = {text, space ? (size_t)(space - text) : length};
    entry->has_value = space != NULL;
    if (!time_read(time, &entry->timestamp))
        return false;
    return !space || number_read_double((struct slice){space + 1, length - time.length - 1}, &entry->value);
}

static int redis_visit(const struct redis_cache *cache, struct redis_link *link, const char *key, bool series,
                       cache_visit visit, void *context, struct error *error) {
    const char *words[] = {"GET", key};
    redisReply *reply = NULL;
    struct cache_entry entry = {.key = slice_of(key)};
    int status = redis_link_append(link, 2, words, NULL, error);
    if (!status)
        status = redis_lost(cache, redis_link_reply(link, &reply, error), error);
    if (status)
        return status;
    if (reply->type == REDIS_REPLY_STRING && redis_read_value(reply->str, reply->len, &entry) &&
        entry.has_value == series)
        status = visit(context, &entry, error); /* an error reply is WRONGTYPE: of another program */
    freeReplyObject(reply);
    return status;
}

static int redis_cache_read(struct cache *door, const char *key, bool series, cache_visit visit, void *context,
                            struct error *error) {
    const struct redis_cache *cache = (struct redis_cache *)door;
    struct redis_found found = {0};
    struct redis_link *link = NULL;
    int status = redis_connect(cache, &link, error);
    if (!status && key)
        status = redis_visit(cache, link, key, series, visit, context, error);
    else if (!status)
        status = redis_scan(cache, link, &found, error);
    if (!status && found.count)
        qsort_r(found.places, found.count, sizeof *found.places, redis_compare, found.keys.data);
    for (size_t i = 0; i < found.count && !status; i++)
        if (i == 0 || strcmp(found.keys.data + found.places[i], found.keys.data + found.places[i - 1]) != 0)
            status = redis_visit(cache, link, found.keys.data + found.places[i], series, visit, context, error);
    redis_link_close(link);
    bytes_release(&found.keys);
    free(found.places);
    return status;
}

static const struct cache_driver redis_cache_driver = {
    .close = redis_cache_close,
    .writer_open = redis_writer_open,
    .writer_close = redis_writer_close,
    .write = redis_cache_write,
    .marked = redis_cache_marked,
    .mark = redis_cache_mark,
    .read = redis_cache_read,
};

int redis_cache_open(const char *address, bool tls, const struct cache_options *options, struct cache **ret_cache,
                     struct error *error) {
    struct tls_settings settings = {0};
    struct redis_cache *cache = memory_zero(1, sizeof *cache);
    if (!cache)
        return error_no_memory(error);
    cache->base.driver = &redis_cache_driver;
    cache->base.options = *options;
    cache->base.options.properties = NULL;
    cache->base.options.property_count = 0;
    int status = redis_address_read(address, &cache->address, error);
    if (!status)
        status = redis_settings_read(options, &settings, error);
    if (!status && tls)
        status = tls_context_open(&settings, &cache->tls, error);
    if (status) {
        redis_cache_close(&cache->base);
        return status;
    }
    if (cache->address.password && !tls && !tls_is_loopback(cache->address.host))
        log_write(options->log, LOG_WARNING,
                  "the password goes to Redis at %s as it is, for all on the way to read: rediss:// encrypts it",
                  cache->address.host);
    *ret_cache = &cache->base;
    return 0;
}

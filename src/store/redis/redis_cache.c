/* The cache in Redis, through hiredis. Entries go in scripts of REDIS_KEYS keys each, many of them in the pipe at
 * once: a script reads the values at hand, keeps those that are not older, and sets the rest, all in one step of the
 * server, so that writers cannot overtake each other.
 *
 * Times are compared as text, up to the 'Z', which sorts them: all have the same form, with or without a fraction of
 * a second. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time.h"
#include "store/cache_driver.h"
#include "store/redis/redis_address.h"

#define REDIS_MARKS "meterline.marks"

enum {
    REDIS_KEYS = 256,
    REDIS_PIPE = 32 /* scripts under way */,
    REDIS_TIMEOUT_S = 5,
    REDIS_SCAN = 1000,
    REDIS_VALUE_SIZE = TIME_TEXT_SIZE + NUMBER_DOUBLE_SIZE + 2,
    REDIS_HASH_SIZE = 41
};

static const char redis_script[] =
    "local old=redis.call('MGET',unpack(KEYS)) local set={} "
    "for i=1,#KEYS do local v=ARGV[i] local o=old[i] "
    "if not o or string.sub(o,1,(string.find(o,'Z',1,true) or 1)-1)<=string.sub(v,1,string.find(v,'Z',1,true)-1) then "
    "set[#set+1]=KEYS[i] set[#set+1]=v end end "
    "if #set>0 then redis.call('MSET',unpack(set)) end return #set/2";

struct redis_cache {
    struct cache base;
    struct redis_address address;
};

struct redis_writer {
    struct cache_writer base;
    const struct redis_cache *cache;
    redisContext *connection;     /* NULL: to be made */
    char script[REDIS_HASH_SIZE]; /* its SHA-1 at the server */
    const char *arguments[3 + 2 * REDIS_KEYS];
    size_t lengths[3 + 2 * REDIS_KEYS];
    char values[REDIS_KEYS][REDIS_VALUE_SIZE];
};

/* The server could not be reached, or has answered with an error: LOADING, READONLY and the like pass by themselves,
 * others do not. */
static int redis_failed(const struct redis_cache *cache, const redisContext *connection, const redisReply *reply,
                        struct error *error) {
    const char *text = reply ? reply->str : connection ? connection->errstr : "no memory";
    static const char *const passing[] = {"LOADING",  "BUSY",     "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN",
                                          "READONLY", "NOSCRIPT", "OOM",      "MISCONF"};
    bool passes = reply == NULL;
    for (size_t i = 0; reply && i < sizeof passing / sizeof *passing; i++)
        passes |= strncmp(text, passing[i], strlen(passing[i])) == 0;
    error_set(error, passes ? ERROR_IO : ERROR_INVALID, "Redis at %s:%d: %.200s", cache->address.host,
              cache->address.port, text);
    if (error)
        error->retriable = passes;
    return passes ? ERROR_IO : ERROR_INVALID;
}

static int redis_command(const struct redis_cache *cache, redisContext *connection, int count, const char **words,
                         redisReply **ret_reply, struct error *error) {
    redisReply *reply = redisCommandArgv(connection, count, words, NULL);
    int status = !reply || reply->type == REDIS_REPLY_ERROR ? redis_failed(cache, connection, reply, error) : 0;
    if (!status && ret_reply)
        *ret_reply = reply;
    else if (reply)
        freeReplyObject(reply);
    return status;
}

static int redis_greet(const struct redis_cache *cache, redisContext *connection, struct error *error) {
    const struct redis_address *address = &cache->address;
    char database[16];
    const char *login[] = {"AUTH", address->user ? address->user : address->password, address->password};
    const char *choice[] = {"SELECT", database};
    snprintf(database, sizeof database, "%d", address->database);
    int status = address->password ? redis_command(cache, connection, address->user ? 3 : 2, login, NULL, error) : 0;
    return status ? status : redis_command(cache, connection, 2, choice, NULL, error);
}

static int redis_connect(const struct redis_cache *cache, redisContext **ret_connection, struct error *error) {
    struct timeval timeout = {REDIS_TIMEOUT_S, 0};
    redisContext *connection = redisConnectWithTimeout(cache->address.host, cache->address.port, timeout);
    int status = !connection || connection->err ? redis_failed(cache, connection, NULL, error) : 0;
    if (!status && redisSetTimeout(connection, timeout) != REDIS_OK)
        status = redis_failed(cache, connection, NULL, error);
    if (!status)
        status = redis_greet(cache, connection, error);
    if (status) {
        if (connection)
            redisFree(connection);
        return status;
    }
    *ret_connection = connection;
    return 0;
}

static int redis_load(struct redis_writer *writer, struct error *error) {
    const char *words[] = {"SCRIPT", "LOAD", redis_script};
    redisReply *reply = NULL;
    int status = redis_connect(writer->cache, &writer->connection, error);
    if (!status)
        status = redis_command(writer->cache, writer->connection, 3, words, &reply, error);
    if (!status)
        snprintf(writer->script, sizeof writer->script, "%s", reply->str);
    if (reply)
        freeReplyObject(reply);
    return status;
}

static void redis_drop(struct redis_writer *writer) {
    if (writer->connection)
        redisFree(writer->connection);
    writer->connection = NULL;
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
    return redisAppendCommandArgv(writer->connection, (int)(3 + 2 * count), writer->arguments, writer->lengths) ==
                   REDIS_OK
               ? 0
               : redis_failed(writer->cache, writer->connection, NULL, error);
}

static int redis_answer(struct redis_writer *writer, struct error *error) {
    void *answer = NULL;
    if (redisGetReply(writer->connection, &answer) != REDIS_OK)
        return redis_failed(writer->cache, writer->connection, NULL, error);
    redisReply *reply = answer;
    int status = reply->type == REDIS_REPLY_ERROR ? redis_failed(writer->cache, writer->connection, reply, error) : 0;
    freeReplyObject(reply);
    return status;
}

static int redis_write_all(struct redis_writer *writer, const struct cache_entry *entries, size_t count,
                           struct error *error) {
    size_t waiting = 0;
    int status = writer->connection ? 0 : redis_load(writer, error);
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
        redis_drop(writer); /* answers that are under way belong to nobody */
    return status;
}

/* An answer to HEXISTS or HSETNX on the hash of marks, as a number. */
static int redis_marks(struct redis_writer *writer, int count, const char **words, bool *ret_yes, struct error *error) {
    redisReply *reply = NULL;
    int status = writer->connection ? 0 : redis_load(writer, error);
    if (!status)
        status = redis_command(writer->cache, writer->connection, count, words, &reply, error);
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
    redis_address_release(&((struct redis_cache *)door)->address);
    free(door);
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
    struct bytes keys; /* each with a NUL behind it */
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
static int redis_scan(const struct redis_cache *cache, redisContext *connection, struct redis_found *found,
                      struct error *error) {
    char cursor[32] = "0", step[16];
    snprintf(step, sizeof step, "%d", REDIS_SCAN);
    int status = 0;
    do {
        const char *words[] = {"SCAN", cursor, "COUNT", step};
        redisReply *reply;
        status = redis_command(cache, connection, 4, words, &reply, error);
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

/* "TIMESTAMP" or "TIMESTAMP VALUE"; false: somebody else's. */
static bool redis_read_value(const char *text, size_t length, struct cache_entry *entry) {
    const char *space = memchr(text, ' ', length);
    struct slice time = {text, space ? (size_t)(space - text) : length};
    entry->has_value = space != NULL;
    if (!time_read(time, &entry->timestamp))
        return false;
    return !space || number_read_double((struct slice){space + 1, length - time.length - 1}, &entry->value);
}

static int redis_visit(const struct redis_cache *cache, redisContext *connection, const char *key, bool series,
                       cache_visit visit, void *context, struct error *error) {
    const char *words[] = {"GET", key};
    redisReply *reply = redisCommandArgv(connection, 2, words, NULL);
    struct cache_entry entry = {.key = slice_of(key)};
    int status = 0;
    if (!reply)
        return redis_failed(cache, connection, NULL, error);
    if (reply->type == REDIS_REPLY_STRING && redis_read_value(reply->str, reply->len, &entry) &&
        entry.has_value == series)
        status = visit(context, &entry, error); /* an error reply is WRONGTYPE: somebody else's */
    freeReplyObject(reply);
    return status;
}

static int redis_cache_read(struct cache *door, const char *key, bool series, cache_visit visit, void *context,
                            struct error *error) {
    const struct redis_cache *cache = (struct redis_cache *)door;
    struct redis_found found = {0};
    redisContext *connection = NULL;
    int status = redis_connect(cache, &connection, error);
    if (!status && key)
        status = redis_visit(cache, connection, key, series, visit, context, error);
    else if (!status)
        status = redis_scan(cache, connection, &found, error);
    if (!status && found.count)
        qsort_r(found.places, found.count, sizeof *found.places, redis_compare, found.keys.data);
    for (size_t i = 0; i < found.count && !status; i++)
        if (i == 0 || strcmp(found.keys.data + found.places[i], found.keys.data + found.places[i - 1]) != 0)
            status = redis_visit(cache, connection, found.keys.data + found.places[i], series, visit, context, error);
    if (connection)
        redisFree(connection);
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

int redis_cache_open(const char *address, const struct cache_options *options, struct cache **ret_cache,
                     struct error *error) {
    struct redis_cache *cache = memory_zero(1, sizeof *cache);
    if (!cache)
        return error_no_memory(error);
    cache->base.driver = &redis_cache_driver;
    cache->base.options = *options;
    int status = redis_address_read(address, &cache->address, error);
    if (status) {
        free(cache);
        return status;
    }
    *ret_cache = &cache->base;
    return 0;
}

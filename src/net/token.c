/* The store is replaced as a whole when the file has changed; readers copy what they find, under a lock that is held
 * for the search alone. The file is written anew and renamed, under flock of FILE.lock, so that two commands at once
 * lose nothing. */
#include "net/token.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/text.h"

enum { SECRET_BYTES = 24, HASH_TEXT = 64, TOKEN_FIELDS = 6 };

static const char token_prefix[] = "mlt_";

struct token_list {
    struct token *tokens;
    size_t count, capacity;
};

/* Where a token is in the list. */
struct token_place {
    char id[TOKEN_ID_LENGTH];
    size_t index;
};

struct token_store {
    char *file;
    pthread_mutex_t lock;
    struct token_list list;
    struct token_place *places; /* of all in the list, by id: a server may have a token for each gateway */
    struct timespec modified;   /* of the file when it was read */
    ino_t number;
};

/* The next word of a list that `separator` divides. */
static struct slice next_word(struct slice *rest, char separator) {
    const char *end = rest->length ? memchr(rest->data, separator, rest->length) : NULL;
    struct slice word = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
    size_t used = word.length + (end != NULL);
    *rest = (struct slice){rest->data + used, rest->length - used};
    return word;
}

/* The gateway pattern of an ingest scope; data NULL: it is another scope. "ingest" alone is "*". */
static struct slice ingest_pattern(struct slice scope) {
    if (slice_equal(scope, SLICE("ingest")))
        return SLICE("*");
    if (scope.length > 7 && memcmp(scope.data, "ingest:", 7) == 0)
        return (struct slice){scope.data + 7, scope.length - 7};
    return (struct slice){0};
}

int token_check_scopes(const char *scopes, struct error *error) {
    struct slice rest = slice_of(scopes);
    if (rest.length == 0 || rest.length > TOKEN_SCOPES_MAXIMUM || !text_without_controls(rest) || !utf8_valid(rest))
        return error_set(error, ERROR_INVALID, "scopes have 1 to %d bytes of plain text", TOKEN_SCOPES_MAXIMUM);
    while (rest.length) {
        struct slice scope = next_word(&rest, ','), pattern = ingest_pattern(scope);
        const char *star = pattern.data ? memchr(pattern.data, '*', pattern.length) : NULL;
        if (star && star != pattern.data + pattern.length - 1)
            return error_set(error, ERROR_INVALID, "scope %.*s: '*' may only be the last character", (int)scope.length,
                             scope.data);
        if (!pattern.data && !slice_equal(scope, SLICE("query")) && !slice_equal(scope, SLICE("admin")))
            return error_set(error, ERROR_INVALID,
                             "'%.*s' is no scope: expected ingest, ingest:GATEWAY, ingest:PREFIX*, query or admin",
                             (int)scope.length, scope.data);
    }
    return 0;
}

bool token_allows(const struct token *token, enum token_right right) {
    struct slice rest = slice_of(token->scopes);
    while (rest.length) {
        struct slice scope = next_word(&rest, ',');
        if (slice_equal(scope, SLICE("admin")) || (right == TOKEN_QUERY && slice_equal(scope, SLICE("query"))) ||
            (right == TOKEN_INGEST && ingest_pattern(scope).data))
            return true;
    }
    return false;
}

bool token_allows_gateway(const struct token *token, struct slice gateway) {
    struct slice rest = slice_of(token->scopes);
    while (rest.length) {
        struct slice scope = next_word(&rest, ','), pattern = ingest_pattern(scope);
        if (slice_equal(scope, SLICE("admin")))
            return true;
        if (!pattern.data)
            continue;
        bool prefix = pattern.length && pattern.data[pattern.length - 1] == '*';
        pattern.length -= prefix;
        if (prefix ? gateway.length >= pattern.length && memcmp(gateway.data, pattern.data, pattern.length) == 0
                   : slice_equal(gateway, pattern))
            return true;
    }
    return false;
}

static int hex_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct slice text, struct token *token) {
    token->certificate = slice_equal(text, SLICE("certificate"));
    if (token->certificate)
        return true;
    for (size_t i = 0; i < sizeof token->hash && text.length == HASH_TEXT; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        token->hash[i] = (unsigned char)(high << 4 | low);
    }
    return text.length == HASH_TEXT;
}

static bool keep_text(char *to, size_t room, struct slice text) {
    if (text.length == 0 || text.length >= room || !text_without_controls(text))
        return false;
    memcpy(to, text.data, text.length);
    to[text.length] = '\0';
    return true;
}

static bool read_line(struct slice line, struct token *token) {
    struct slice fields[TOKEN_FIELDS];
    for (size_t i = 0; i < TOKEN_FIELDS; i++)
        fields[i] = next_word(&line, '\t');
    *token = (struct token){0};
    return fields[0].length == TOKEN_ID_LENGTH && keep_text(token->id, sizeof token->id, fields[0]) &&
           read_hash(fields[1], token) && keep_text(token->scopes, sizeof token->scopes, fields[2]) &&
           !token_check_scopes(token->scopes, NULL) && number_read_integer(fields[3], &token->created) &&
           number_read_integer(fields[4], &token->expires) && keep_text(token->name, sizeof token->name, fields[5]);
}

static int read_lines(const char *file, struct slice text, struct token_list *list, struct error *error) {
    for (size_t number = 1; text.length; number++) {
        struct slice line = next_word(&text, '\n');
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (!memory_reserve((void **)&list->tokens, &list->capacity, list->count + 1, sizeof *list->tokens))
            return error_no_memory(error);
        if (!read_line(line, &list->tokens[list->count]))
            return error_set(error, ERROR_INVALID, "%s: line %zu is no token", file, number);
        list->count++;
    }
    return 0;
}

static int read_whole(int fd, const char *file, struct bytes *text, struct error *error) {
    ssize_t got = 1;
    while (got > 0) {
        char *to = bytes_reserve(text, 65536);
        if (!to)
            return error_no_memory(error);
        got = read(fd, to, 65536);
        text->length += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? error_set_errno(error, errno, "cannot read %s", file) : 0;
}

static int read_file(const char *file, struct token_list *ret_list, struct stat *ret_stat, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    struct token_list list = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC), status = 0;
    memset(ret_stat, 0, sizeof *ret_stat);
    if (fd < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot read %s", file);
    if (fd >= 0) {
        if (fstat(fd, ret_stat))
            status = error_set_errno(error, errno, "cannot read %s", file);
        else if (ret_stat->st_mode & 077)
            status = error_set(error, ERROR_INVALID, "others may read or change %s: 'chmod 600 %s' keeps it private",
                               file, file);
        if (!status)
            status = read_whole(fd, file, &text, error);
        close(fd);
    }
    if (!status)
        status = read_lines(file, bytes_slice(&text), &list, error);
    if (status)
        free(list.tokens);
    else
        *ret_list = list;
    return status;
}

static int place_compare(const void *a, const void *b) {
    return memcmp(((const struct token_place *)a)->id, ((const struct token_place *)b)->id, TOKEN_ID_LENGTH);
}

static int make_places(const struct token_list *list, struct token_place **ret_places, struct error *error) {
    struct token_place *places = memory_zero(list->count + 1, sizeof *places);
    if (!places)
        return error_no_memory(error);
    for (size_t i = 0; i < list->count; i++) {
        memcpy(places[i].id, list->tokens[i].id, TOKEN_ID_LENGTH);
        places[i].index = i;
    }
    qsort(places, list->count, sizeof *places, place_compare);
    *ret_places = places;
    return 0;
}

int token_store_open(const char *file, struct token_store **ret_store, struct error *error) {
    struct token_store *store = memory_zero(1, sizeof *store);
    struct stat found;
    if (!store || !(store->file = strdup(file))) {
        free(store);
        return error_no_memory(error);
    }
    pthread_mutex_init(&store->lock, NULL);
    int status = read_file(file, &store->list, &found, error);
    if (!status)
        status = make_places(&store->list, &store->places, error);
    store->modified = found.st_mtim;
    store->number = found.st_ino;
    if (status)
        token_store_close(store);
    else
        *ret_store = store;
    return status;
}

struct token_store *token_store_close(struct token_store *store) {
    if (!store)
        return NULL;
    pthread_mutex_destroy(&store->lock);
    free(store->list.tokens);
    free(store->places);
    free(store->file);
    free(store);
    return NULL;
}

int token_store_refresh(struct token_store *store, struct error *error) {
    struct stat now;
    struct token_list list = {0};
    if (stat(store->file, &now))
        memset(&now, 0, sizeof now);
    if (now.st_ino == store->number && now.st_mtim.tv_sec == store->modified.tv_sec &&
        now.st_mtim.tv_nsec == store->modified.tv_nsec)
        return 0;
    struct token_place *places = NULL;
    int status = read_file(store->file, &list, &now, error);
    if (!status)
        status = make_places(&list, &places, error);
    store->modified = now.st_mtim; /* a file that cannot be used is not read again until it changes */
    store->number = now.st_ino;
    if (status) {
        free(list.tokens);
        return status;
    }
    pthread_mutex_lock(&store->lock);
    struct token_list old = store->list;
    struct token_place *old_places = store->places;
    store->list = list;
    store->places = places;
    pthread_mutex_unlock(&store->lock);
    free(old.tokens);
    free(old_places);
    return 0;
}

static void hash_of(struct slice text, unsigned char to[32]) {
    EVP_Digest(text.data, text.length, to, NULL, EVP_sha256(), NULL);
}

bool token_store_find(struct token_store *store, struct slice text, int64_t now, struct token *ret_token) {
    unsigned char hash[32];
    size_t prefix = sizeof token_prefix - 1;
    bool found = false;
    if (text.length != TOKEN_TEXT_SIZE - 1 || memcmp(text.data, token_prefix, prefix) != 0)
        return false;
    hash_of(text, hash);
    struct token_place wanted;
    memcpy(wanted.id, text.data + prefix, TOKEN_ID_LENGTH);
    pthread_mutex_lock(&store->lock);
    const struct token_place *place = bsearch(&wanted, store->places, store->list.count, sizeof wanted, place_compare);
    const struct token *token = place ? &store->list.tokens[place->index] : NULL;
    if (token && !token->certificate && CRYPTO_memcmp(token->hash, hash, sizeof hash) == 0 &&
        (!token->expires || now < token->expires)) {
        *ret_token = *token;
        found = true;
    }
    pthread_mutex_unlock(&store->lock);
    return found;
}

bool token_store_find_certificate(struct token_store *store, struct slice name, int64_t now, struct token *ret_token) {
    bool found = false;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->list.count && !found && name.length; i++) {
        const struct token *token = &store->list.tokens[i];
        found =
            token->certificate && slice_equal(slice_of(token->name), name) && (!token->expires || now < token->expires);
        if (found)
            *ret_token = *token;
    }
    pthread_mutex_unlock(&store->lock);
    return found;
}

size_t token_store_count(struct token_store *store) {
    pthread_mutex_lock(&store->lock);
    size_t count = store->list.count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

bool token_store_at(struct token_store *store, size_t index, struct token *ret_token) {
    pthread_mutex_lock(&store->lock);
    bool there = index < store->list.count;
    if (there)
        *ret_token = store->list.tokens[index];
    pthread_mutex_unlock(&store->lock);
    return there;
}

static void write_hex(struct bytes *to, const unsigned char *from, size_t length) {
    for (size_t i = 0; i < length; i++)
        bytes_append_format(to, "%02x", from[i]);
}

static void write_list(struct bytes *to, const struct token_list *list) {
    bytes_append_string(to, "# Tokens of meterline: id, SHA-256, scopes, created, expires, name.\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct token *token = &list->tokens[i];
        bytes_append_format(to, "%s\t", token->id);
        if (token->certificate)
            bytes_append_string(to, "certificate");
        else
            write_hex(to, token->hash, sizeof token->hash);
        bytes_append_format(to, "\t%s\t%" PRId64 "\t%" PRId64 "\t%s\n", token->scopes, token->created, token->expires,
                            token->name);
    }
}

static int write_and_sync(int fd, struct slice text) {
    while (text.length) {
        ssize_t written = write(fd, text.data, text.length);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0)
            text = (struct slice){text.data + written, text.length - (size_t)written};
    }
    return fsync(fd);
}

static int write_file(const char *file, const struct token_list *list, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0}, name = {0};
    write_list(&text, list);
    bytes_append_format(&name, "%s.new", file);
    bytes_append_char(&name, '\0');
    if (text.failed || name.failed)
        return error_no_memory(error);
    unlink(name.data);
    int fd = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), status = 0;
    if (fd < 0)
        return error_set_errno(error, errno, "cannot write %s", name.data);
    if (write_and_sync(fd, bytes_slice(&text)))
        status = error_set_errno(error, errno, "cannot write %s", name.data);
    close(fd);
    if (!status && rename(name.data, file))
        status = error_set_errno(error, errno, "cannot replace %s", file);
    return status;
}

/* The lock is a file of its own, as the tokens' is replaced. Returns the descriptor, or a negative code. */
static int lock_file(const char *file, struct error *error) {
    cleanup(bytes_release) struct bytes name = {0};
    bytes_append_format(&name, "%s.lock", file);
    bytes_append_char(&name, '\0');
    if (name.failed)
        return error_no_memory(error);
    int fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX)) {
        int status = error_set_errno(error, errno, "cannot lock %s", name.data);
        if (fd >= 0)
            close(fd);
        return status;
    }
    return fd;
}

/* Makes id, secret and hash. */
static int make_secret(struct token *token, char text[TOKEN_TEXT_SIZE], struct error *error) {
    cleanup(bytes_release) struct bytes made = {0};
    unsigned char random[TOKEN_ID_LENGTH / 2 + SECRET_BYTES];
    if (RAND_bytes(random, sizeof random) != 1)
        return error_set(error, ERROR_IO, "the system gives no random numbers");
    bytes_append_string(&made, token_prefix);
    write_hex(&made, random, TOKEN_ID_LENGTH / 2);
    bytes_append_char(&made, '_');
    write_hex(&made, random + TOKEN_ID_LENGTH / 2, SECRET_BYTES);
    bytes_append_char(&made, '\0');
    OPENSSL_cleanse(random, sizeof random);
    if (made.failed)
        return error_no_memory(error);
    memcpy(text, made.data, made.length);
    memcpy(token->id, text + sizeof token_prefix - 1, TOKEN_ID_LENGTH);
    token->id[TOKEN_ID_LENGTH] = '\0';
    hash_of(slice_of(text), token->hash);
    OPENSSL_cleanse(made.data, made.length);
    return 0;
}

int token_create(const char *file, struct token *token, char ret_text[TOKEN_TEXT_SIZE], struct error *error) {
    struct token_list list = {0};
    struct stat found;
    char text[TOKEN_TEXT_SIZE];
    int lock = lock_file(file, error);
    if (lock < 0)
        return lock;
    int status = read_file(file, &list, &found, error);
    if (!status)
        status = make_secret(token, text, error);
    if (!status && !memory_reserve((void **)&list.tokens, &list.capacity, list.count + 1, sizeof *list.tokens))
        status = error_no_memory(error);
    if (!status) {
        list.tokens[list.count++] = *token;
        status = write_file(file, &list, error);
    }
    if (!status)
        memcpy(ret_text, token->certificate ? "" : text, token->certificate ? 1 : sizeof text);
    OPENSSL_cleanse(text, sizeof text);
    free(list.tokens);
    close(lock);
    return status;
}

int token_revoke(const char *file, const char *id, struct error *error) {
    struct token_list list = {0};
    struct stat found;
    int lock = lock_file(file, error);
    if (lock < 0)
        return lock;
    int status = read_file(file, &list, &found, error);
    size_t kept = 0;
    for (size_t i = 0; i < list.count && !status; i++)
        if (strcmp(list.tokens[i].id, id) != 0)
            list.tokens[kept++] = list.tokens[i];
    if (!status && kept == list.count)
        status = error_set(error, ERROR_NOT_FOUND, "there is no token %.40s in %s: 'meterline token list' shows them",
                           id, file);
    list.count = kept;
    if (!status)
        status = write_file(file, &list, error);
    free(list.tokens);
    close(lock);
    return status;
}

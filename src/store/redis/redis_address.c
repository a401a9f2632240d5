#include "store/redis/redis_address.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 6379, DATABASE_DEFAULT = 1, DATABASE_MAXIMUM = 1 << 20 };

/* A part that is wrong may be a password whose '@' was forgotten: it is not shown. */
#define REDIS_SHAPE ": redis://[USER:PASSWORD@]HOST:6379/1"

static bool redis_number(const char *text, int maximum, int *ret_number) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end || number < 0 || number > maximum)
        return false;
    *ret_number = (int)number;
    return true;
}

static int redis_read_user(const char *text, size_t length, struct redis_address *address, struct error *error) {
    const char *colon = memchr(text, ':', length);
    if (!colon)
        return error_set(error, ERROR_INVALID, "--cache redis://...@: expected :PASSWORD@ or USER:PASSWORD@");
    if (colon > text && !(address->user = strndup(text, (size_t)(colon - text))))
        return error_no_memory(error);
    address->password = strndup(colon + 1, length - (size_t)(colon + 1 - text));
    return address->password ? 0 : error_no_memory(error);
}

static int redis_read_place(const char *text, struct redis_address *address, struct error *error) {
    const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
    const char *colon = memchr(text, ':', (size_t)(end - text)), *host_end = colon ? colon : end;
    char port[16] = "";
    if (slash && slash[1] && !redis_number(slash + 1, DATABASE_MAXIMUM, &address->database))
        return error_set(error, ERROR_INVALID,
                         "--cache redis://HOST/: what follows is not the number of a database, 0 to %d" REDIS_SHAPE,
                         DATABASE_MAXIMUM);
    if (colon && (size_t)(end - colon) <= sizeof port)
        memcpy(port, colon + 1, (size_t)(end - colon - 1));
    if (colon && (!redis_number(port, 65535, &address->port) || address->port == 0))
        return error_set(error, ERROR_INVALID, "--cache redis://HOST: what follows is not a port" REDIS_SHAPE);
    if (host_end == text)
        return error_set(error, ERROR_INVALID, "--cache: the host is missing; use redis://HOST:6379/1");
    address->host = strndup(text, (size_t)(host_end - text));
    return address->host ? 0 : error_no_memory(error);
}

int redis_address_read(const char *text, struct redis_address *ret_address, struct error *error) {
    struct redis_address address = {.port = PORT_DEFAULT, .database = DATABASE_DEFAULT};
    const char *at = strrchr(text, '@');
    int status = at ? redis_read_user(text, (size_t)(at - text), &address, error) : 0;
    if (!status)
        status = redis_read_place(at ? at + 1 : text, &address, error);
    if (status) {
        redis_address_release(&address);
        return status;
    }
    *ret_address = address;
    return 0;
}

void redis_address_release(struct redis_address *address) {
    if (address->password)
        explicit_bzero(address->password, strlen(address->password));
    free(address->password);
    free(address->user);
    free(address->host);
    *address = (struct redis_address){0};
}

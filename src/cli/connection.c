/* Properties gathered from their sources and sorted by whom they are for. Values of secrets are wiped from memory and
 * from the argument list; only their names appear in messages. */
#include "cli/connection.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/memory.h"

extern char **environ;

#define REGISTRY_PREFIX    "schema.registry."
#define STORE_PREFIX       "cassandra."
#define CACHE_PREFIX       "redis."
#define ENVIRONMENT_PREFIX "METERLINE_KAFKA_"
enum { LINE_MAXIMUM = 16384, NAME_MAXIMUM = 200 };

static void connection_wipe(char *text) {
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static bool connection_is_secret(const char *name) {
    static const char *const parts[] = {"password", "secret", "pem", "token", "oauthbearer.config", "user.info"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

static struct client_property *connection_find(const struct connection *connection, const char *name) {
    for (size_t i = 0; i < connection->count; i++)
        if (strcmp(connection->properties[i].name, name) == 0)
            return &connection->properties[i];
    return NULL;
}

/* A later value overrules an earlier one. */
static int connection_put(struct connection *connection, const char *name, const char *value, struct error *error) {
    struct client_property *property = connection_find(connection, name);
    char *copy = strdup(value);
    if (!property && copy &&
        memory_reserve((void **)&connection->properties, &connection->capacity, connection->count + 1,
                       sizeof *connection->properties)) {
        property = &connection->properties[connection->count];
        *property = (struct client_property){strdup(name), NULL};
        connection->count += property->name != NULL;
    }
    if (!copy || !property || !property->name) {
        connection_wipe(copy);
        return error_no_memory(error);
    }
    connection_wipe((char *)property->value);
    property->value = copy;
    return 0;
}

static char *connection_trim(char *text) {
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

static int connection_read_line(struct connection *connection, char *line, const char *path, int number,
                                struct error *error) {
    char *text = connection_trim(line), *equals = strchr(text, '=');
    if (!*text || *text == '#')
        return 0;
    if (!equals || equals == text)
        return error_set(error, ERROR_INVALID, "--config %s: line %d is not name = value", path, number);
    *equals = '\0';
    return connection_put(connection, connection_trim(text), connection_trim(equals + 1), error);
}

static int connection_read_file(struct connection *connection, const char *path, struct error *error) {
    char line[LINE_MAXIMUM];
    int status = 0, number = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set_errno(error, errno, "--config %s", path);
    while (!status && fgets(line, sizeof line, file)) {
        number++;
        if (!strchr(line, '\n') && !feof(file))
            status = error_set(error, ERROR_INVALID, "--config %s: line %d is longer than %d bytes", path, number,
                               LINE_MAXIMUM);
        else
            status = connection_read_line(connection, line, path, number, error);
    }
    if (!status && ferror(file))
        status = error_set_errno(error, errno, "--config %s", path);
    explicit_bzero(line, sizeof line);
    fclose(file);
    return status;
}

/* METERLINE_KAFKA_SASL_PASSWORD=x is sasl.password=x. */
static int connection_read_environment(struct connection *connection, struct error *error) {
    int status = 0;
    for (char **variable = environ; variable && *variable && !status; variable++) {
        char name[NAME_MAXIMUM];
        const char *at = *variable, *equals = strchr(at, '=');
        size_t length = 0;
        if (strncmp(at, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) != 0 || !equals)
            continue;
        for (at += strlen(ENVIRONMENT_PREFIX); at < equals && length < sizeof name - 1; at++)
            name[length++] = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
        name[length] = '\0';
        status = connection_put(connection, name, equals + 1, error);
    }
    return status;
}

static int connection_read_option(struct connection *connection, char *text, struct error *error) {
    char name[NAME_MAXIMUM];
    char *equals = strchr(text, '=');
    if (!equals || equals == text || (size_t)(equals - text) >= sizeof name)
        return error_set(error, ERROR_INVALID, "-X %.40s: expected name=value", equals ? "=..." : text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    int status = connection_put(connection, name, equals + 1, error);
    if (connection_is_secret(name))
        memset(equals + 1, 'x', strlen(equals + 1));
    return status;
}

/* 0: of the bus, 1: of the store, 2: of the registry, 3: of the cache. */
static int connection_kind(const struct client_property *property) {
    if (strncmp(property->name, REGISTRY_PREFIX, strlen(REGISTRY_PREFIX)) == 0)
        return 2;
    if (strncmp(property->name, CACHE_PREFIX, strlen(CACHE_PREFIX)) == 0)
        return 3;
    return strncmp(property->name, STORE_PREFIX, strlen(STORE_PREFIX)) == 0;
}

static int connection_compare(const void *a, const void *b) {
    return connection_kind(a) - connection_kind(b);
}

static void connection_sort(struct connection *connection) {
    if (connection->count)
        qsort(connection->properties, connection->count, sizeof *connection->properties, connection_compare);
}

static size_t connection_count(const struct connection *connection, int kind) {
    size_t count = 0;
    for (size_t i = 0; i < connection->count; i++)
        count += connection_kind(&connection->properties[i]) == kind;
    return count;
}

size_t connection_bus_properties(const struct connection *connection) {
    return connection_count(connection, 0);
}

size_t connection_store_properties(const struct connection *connection, const struct client_property **ret_store) {
    *ret_store = connection->properties + connection_count(connection, 0);
    return connection_count(connection, 1);
}

size_t connection_cache_properties(const struct connection *connection, const struct client_property **ret_cache) {
    size_t count = connection_count(connection, 3);
    *ret_cache = connection->properties + connection->count - count;
    return count;
}

static int connection_check_registry(const struct connection *connection, struct error *error) {
    static const char *const known[] = {"basic.auth.user.info",     "bearer.auth.token", "ssl.ca.location",
                                        "ssl.certificate.location", "ssl.key.location",  "ssl.key.password"};
    size_t end = connection->count - connection_count(connection, 3);
    for (size_t i = end - connection_count(connection, 2); i < end; i++) {
        const char *name = connection->properties[i].name + strlen(REGISTRY_PREFIX);
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found |= strcmp(name, known[k]) == 0;
        if (!found) {
            const char *nearest = options_nearest(name, known, sizeof known / sizeof *known);
            return error_set(error, ERROR_INVALID, "-X %s: there is no such property%s%s",
                             connection->properties[i].name, nearest ? "; did you mean " REGISTRY_PREFIX : "",
                             nearest ? nearest : "");
        }
    }
    return 0;
}

static const char *connection_value(const struct connection *connection, const char *name) {
    const struct client_property *property = connection_find(connection, name);
    return property ? property->value : NULL;
}

static int connection_open_registry(struct connection *connection, const char *url, struct error *error) {
    char *user = NULL;
    const char *info = connection_value(connection, REGISTRY_PREFIX "basic.auth.user.info"),
               *colon = info ? strchr(info, ':') : NULL;
    if (info && !colon)
        return error_set(error, ERROR_INVALID, "-X " REGISTRY_PREFIX "basic.auth.user.info: expected USER:PASSWORD");
    if (info && !(user = strndup(info, (size_t)(colon - info))))
        return error_no_memory(error);
    struct registry_client_options options = {
        .url = url,
        .username = user,
        .password = colon ? colon + 1 : NULL,
        .bearer_token = connection_value(connection, REGISTRY_PREFIX "bearer.auth.token"),
        .ca_file = connection_value(connection, REGISTRY_PREFIX "ssl.ca.location"),
        .certificate_file = connection_value(connection, REGISTRY_PREFIX "ssl.certificate.location"),
        .key_file = connection_value(connection, REGISTRY_PREFIX "ssl.key.location"),
        .key_password = connection_value(connection, REGISTRY_PREFIX "ssl.key.password"),
    };
    int status = registry_client_open(&options, &connection->registry, error);
    free(user);
    return status;
}

/* Is there a ':' in front of what is no port? Hosts in brackets have colons of their own. */
static bool connection_lacks_at(const char *hosts) {
    const char *end = hosts + strcspn(hosts, "/");
    for (const char *at = hosts; at < end; at++) {
        size_t digits = strspn(at + 1, "0123456789");
        if (*at == '[')
            at += strcspn(at, "]") - 1;
        else if (*at == ':' && !strchr("/,", at[1 + digits])) /* a NUL is found as well: the end */
            return true;
    }
    return false;
}

void connection_hide_user(char *url) {
    char *scheme = strstr(url, "://"), *from = scheme ? scheme + 3 : NULL, *at = from ? strrchr(from, '@') : NULL;
    if (at)
        memset(from, 'x', (size_t)(at - from));
    else if (from && connection_lacks_at(from))
        memset(from, 'x', strlen(from));
}

int connection_open(const struct connection_settings *settings, struct connection *ret_connection,
                    struct error *error) {
    struct connection connection = {0};
    int status = settings->config ? connection_read_file(&connection, settings->config, error) : 0;
    if (!status)
        status = connection_read_environment(&connection, error);
    for (size_t i = 0; i < settings->properties.count && !status; i++)
        status = connection_read_option(&connection, (char *)settings->properties.items[i], error);
    connection_sort(&connection);
    if (!status)
        status = connection_check_registry(&connection, error);
    if (!status && settings->registry) {
        status = connection_open_registry(&connection, settings->registry, error);
        connection_hide_user((char *)settings->registry);
    }
    if (status) {
        connection_release(&connection);
        return status;
    }
    *ret_connection = connection;
    return 0;
}

void connection_release(struct connection *connection) {
    for (size_t i = 0; i < connection->count; i++) {
        connection_wipe((char *)connection->properties[i].value);
        free((char *)connection->properties[i].name);
    }
    free(connection->properties);
    registry_client_close(connection->registry);
    *connection = (struct connection){0};
}

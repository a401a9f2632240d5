/* [USER:PASSWORD@]HOST[:PORT],.../KEYSPACE, and the properties cassandra.* */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/options.h"
#include "store/cassandra/cassandra_store.h"

static const struct {
    const char *name;
    enum cql_consistency level;
} consistencies[] = {
    {"ANY", CQL_ANY},
    {"ONE", CQL_ONE},
    {"TWO", CQL_TWO},
    {"THREE", CQL_THREE},
    {"QUORUM", CQL_QUORUM},
    {"ALL", CQL_ALL},
    {"LOCAL_QUORUM", CQL_LOCAL_QUORUM},
    {"EACH_QUORUM", CQL_EACH_QUORUM},
    {"LOCAL_ONE", CQL_LOCAL_ONE},
};

static bool settings_copy(char **to, const char *value) {
    free(*to);
    *to = strdup(value);
    return *to != NULL;
}

static int settings_number(const struct client_property *property, int64_t maximum, int64_t *ret_number,
                           struct error *error) {
    int64_t number;
    if (!number_read_integer(slice_of(property->value), &number) || number < 1 || number > maximum)
        return error_set(error, ERROR_INVALID, "-X %s: '%.40s' is not a whole number from 1 to %lld", property->name,
                         property->value, (long long)maximum);
    *ret_number = number;
    return 0;
}

static int settings_consistency(const struct client_property *property, struct cassandra_settings *settings,
                                struct error *error) {
    for (size_t i = 0; i < sizeof consistencies / sizeof *consistencies; i++)
        if (strcasecmp(property->value, consistencies[i].name) == 0) {
            settings->consistency = consistencies[i].level;
            return 0;
        }
    return error_set(error, ERROR_INVALID,
                     "-X %s: '%.40s' is not a consistency level, such as LOCAL_QUORUM, QUORUM or ONE", property->name,
                     property->value);
}

/* cassandra.ttl=400d for all tables, cassandra.ttl.60=30d for one. */
static int settings_ttl(const struct client_property *property, struct cassandra_settings *settings,
                        struct error *error) {
    int64_t time, seconds;
    const char *size = property->name + strlen("cassandra.ttl");
    char name[80];
    snprintf(name, sizeof name, "-X %.60s", property->name);
    int status = options_read_duration(name, property->value, &time, error);
    if (status)
        return status;
    if (time < 1000 || time / 1000 > INT32_MAX)
        return error_set(error, ERROR_INVALID, "-X %s: '%.40s' is not a time to live, such as 30d", property->name,
                         property->value);
    if (!*size) {
        settings->ttl_default = time / 1000;
        return 0;
    }
    if (*size != '.' || !number_read_integer(slice_of(size + 1), &seconds) || seconds < 1 ||
        settings->ttl_count == CASSANDRA_WINDOWS)
        return error_set(error, ERROR_INVALID, "-X %s: expected cassandra.ttl.N with N a window size in seconds",
                         property->name);
    settings->ttl[settings->ttl_count].window_size = seconds * 1000;
    settings->ttl[settings->ttl_count++].seconds = time / 1000;
    return 0;
}

static int settings_flag(const struct client_property *property, bool *ret_flag, struct error *error) {
    if (strcmp(property->value, "true") != 0 && strcmp(property->value, "false") != 0)
        return error_set(error, ERROR_INVALID, "-X %s: '%.40s' is neither true nor false", property->name,
                         property->value);
    *ret_flag = property->value[0] == 't';
    return 0;
}

static int settings_unknown(const struct client_property *property, struct error *error) {
    static const char *const names[] = {"cassandra.username",
                                        "cassandra.password",
                                        "cassandra.local.datacenter",
                                        "cassandra.replication",
                                        "cassandra.consistency",
                                        "cassandra.ttl",
                                        "cassandra.tls",
                                        "cassandra.tls.trust.any",
                                        "cassandra.ssl.ca.location",
                                        "cassandra.ssl.certificate.location",
                                        "cassandra.ssl.key.location",
                                        "cassandra.compression.lz4",
                                        "cassandra.requests.in.flight",
                                        "cassandra.connections",
                                        "cassandra.request.timeout.ms"};
    const char *nearest = options_nearest(property->name, names, sizeof names / sizeof *names);
    return error_set(error, ERROR_INVALID, "-X %s: there is no such property%s%s", property->name,
                     nearest ? "; did you mean " : "", nearest ? nearest : "");
}

static int settings_property(const struct client_property *property, struct cassandra_settings *settings,
                             struct error *error) {
    const struct {
        const char *name;
        char **to;
    } texts[] = {
        {"cassandra.username", &settings->user},
        {"cassandra.password", &settings->password},
        {"cassandra.local.datacenter", &settings->data_center},
        {"cassandra.replication", &settings->replication},
        {"cassandra.ssl.ca.location", &settings->authorities},
        {"cassandra.ssl.certificate.location", &settings->certificate},
        {"cassandra.ssl.key.location", &settings->key},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(property->name, texts[i].name) == 0)
            return settings_copy(texts[i].to, property->value) ? 0 : error_no_memory(error);
    if (strcmp(property->name, "cassandra.consistency") == 0)
        return settings_consistency(property, settings, error);
    if (strncmp(property->name, "cassandra.ttl", strlen("cassandra.ttl")) == 0)
        return settings_ttl(property, settings, error);
    if (strcmp(property->name, "cassandra.tls") == 0)
        return settings_flag(property, &settings->tls, error);
    if (strcmp(property->name, "cassandra.tls.trust.any") == 0)
        return settings_flag(property, &settings->trust_any, error);
    if (strcmp(property->name, "cassandra.compression.lz4") == 0)
        return settings_flag(property, &settings->lz4, error);
    if (strcmp(property->name, "cassandra.requests.in.flight") == 0)
        return settings_number(property, 32768, &settings->in_flight, error);
    if (strcmp(property->name, "cassandra.connections") == 0)
        return settings_number(property, CQL_CONNECTIONS_MAXIMUM, &settings->connections, error);
    if (strcmp(property->name, "cassandra.request.timeout.ms") == 0)
        return settings_number(property, 3600000, &settings->request_timeout, error);
    return settings_unknown(property, error);
}

/* HOST, HOST:PORT or [IPv6]:PORT. */
static int settings_contact(struct cassandra_settings *settings, const char *text, size_t length, struct error *error) {
    const char *bracket = *text == '[' ? memchr(text, ']', length) : NULL;
    const char *colon = bracket ? memchr(bracket, ':', length - (size_t)(bracket - text)) : memrchr(text, ':', length);
    const char *end = bracket ? bracket : colon ? colon : text + length, *begin = bracket ? text + 1 : text;
    size_t shown = strcspn(text, ":/,"); /* what follows may be a password whose '@' was forgotten */
    int64_t port = 0;
    if (begin >= end ||
        (colon && (!number_read_integer((struct slice){colon + 1, length - (size_t)(colon + 1 - text)}, &port) ||
                   port < 1 || port > 65535)))
        return error_set(error, ERROR_INVALID,
                         "--store cassandra://: '%.*s...' is not HOST or HOST:PORT; user and password come first and "
                         "end with '@'",
                         (int)(shown > 60 ? 60 : shown), text);
    if (settings->contact_count == CASSANDRA_CONTACTS)
        return error_set(error, ERROR_INVALID,
                         "--store cassandra://: more than %d hosts; the others are found through the first ones",
                         CASSANDRA_CONTACTS);
    struct cql_contact contact = {strndup(begin, (size_t)(end - begin)), (uint16_t)port};
    if (!contact.host)
        return error_no_memory(error);
    settings->contacts[settings->contact_count++] = contact;
    return 0;
}

static bool settings_keyspace_valid(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= 48 && name[length] == '\0' && *name != '_' && (*name < '0' || *name > '9');
}

static int settings_address(const char *address, struct cassandra_settings *settings, struct error *error) {
    const char *at = strrchr(address, '@'), *hosts = at ? at + 1 : address, *slash = strchr(hosts, '/');
    const char *colon = at ? memchr(address, ':', (size_t)(at - address)) : NULL;
    if (at && !colon)
        return error_set(error, ERROR_INVALID, "--store cassandra://...@: expected USER:PASSWORD@");
    if (at && (!(settings->user = strndup(address, (size_t)(colon - address))) ||
               !(settings->password = strndup(colon + 1, (size_t)(at - colon - 1)))))
        return error_no_memory(error);
    if (!slash || !settings_keyspace_valid(slash + 1))
        return error_set(error, ERROR_INVALID,
                         "--store cassandra://%.*s...: a keyspace must follow, 1 to 48 of a-z, 0-9 and _: "
                         "cassandra://HOST:9042/meterline",
                         (int)(strcspn(hosts, ":/,") > 60 ? 60 : strcspn(hosts, ":/,")), hosts);
    if (!settings_copy(&settings->keyspace, slash + 1))
        return error_no_memory(error);
    int status = 0;
    for (const char *from = hosts; !status && from <= slash;) {
        size_t length = strcspn(from, ",/");
        status = settings_contact(settings, from, length, error);
        from += length + 1;
    }
    return status;
}

int cassandra_settings_read(const char *address, const struct store_options *options,
                            struct cassandra_settings *ret_settings, struct error *error) {
    struct cassandra_settings settings = {.consistency = CQL_LOCAL_QUORUM};
    int status = settings_address(address, &settings, error);
    for (size_t i = 0; i < options->property_count && !status; i++)
        status = settings_property(&options->properties[i], &settings, error);
    if (status) {
        cassandra_settings_release(&settings);
        return status;
    }
    settings.tls |= settings.authorities || settings.certificate || settings.trust_any;
    *ret_settings = settings;
    return 0;
}

void cassandra_settings_release(struct cassandra_settings *settings) {
    char *texts[] = {settings->user,        settings->password,    settings->keyspace,    settings->data_center,
                     settings->replication, settings->authorities, settings->certificate, settings->key};
    if (settings->password)
        explicit_bzero(settings->password, strlen(settings->password));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < settings->contact_count; i++)
        free((char *)settings->contacts[i].host);
    *settings = (struct cassandra_settings){0};
}

int64_t cassandra_ttl(const struct cassandra_settings *settings, const struct store_window *window) {
    for (size_t i = 0; i < settings->ttl_count; i++)
        if (!window->calendar[0] && settings->ttl[i].window_size == window->size)
            return settings->ttl[i].seconds;
    return settings->ttl_default;
}

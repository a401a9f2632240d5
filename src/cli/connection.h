/* What a connection to servers needs beside its URL: properties from a file, the environment and the command line,
 * in which there may be secrets.
 *
 * A property is "name=value". Sources, the later overrule the earlier:
 *     --config FILE                    lines "name = value", "#" begins a comment line
 *     METERLINE_KAFKA_SASL_PASSWORD    of the environment, for sasl.password
 *     -X name=value                    the value of a secret is overwritten in the argument list at once, so that ps does not show it
 *
 * schema.registry.* are for the schema registry, with the names of Confluent's clients; cassandra.* for the store,
 * redis.* for the cache; all others are librdkafka's. No value is ever printed. */
#ifndef METERLINE_CLI_CONNECTION_H
#define METERLINE_CLI_CONNECTION_H

#include "bus/bus.h"
#include "codec/registry/registry_client.h"
#include "core/options.h"

struct connection_settings {
    const char *config;            /* FILE or NULL */
    struct option_list properties; /* of the command line */
    const char *registry;          /* URL or NULL */
};

struct connection {
    struct client_property *properties; /* owned strings, wiped when released */
    size_t count, capacity;
    struct registry_client *registry; /* NULL: none was named */
};

/* Reads all sources and opens the registry's client, which connects to nothing yet. ERROR_INVALID names the file and
 * line, or the option. */
int connection_open(const struct connection_settings *settings, struct connection *ret_connection, struct error *error);
void connection_release(struct connection *connection);
/* Overwrites user and password of SCHEME://USER:PASSWORD@HOST,... which is in the argument list: all up to the last
 * '@', as passwords may hold '/' and ','. Without an '@' all is overwritten that has the form USER:PASSWORD where
 * HOST:PORT belongs. */
void connection_hide_user(char *url);
/* Those for the bus come first, then those of the store, which are `*ret_store` and so many;
 * those of the cache are the last. */
size_t connection_bus_properties(const struct connection *connection);
size_t connection_store_properties(const struct connection *connection, const struct client_property **ret_store);
size_t connection_cache_properties(const struct connection *connection, const struct client_property **ret_cache);

#endif

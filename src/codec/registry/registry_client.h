/* A schema registry over HTTP (Confluent's REST API): GET BASE/schemas/ids/N, POST BASE/subjects/S/versions.
 *
 * What an answer means for the caller:
 *   ERROR_NOT_FOUND    the registry itself said that there is no such schema (404 with error_code 40403); any other 404 is somebody in between
 *   ERROR_UNSUPPORTED  the schema is there, but is not Avro or refers to other schemas
 *   ERROR_IO, retriable    nobody answered, or not with a registry's answer: connection, time-out, 5xx, 408, 429, a foreign 404, no JSON
 *   ERROR_INVALID      trying again does not help: 401, 403, certificate, redirect, a schema that the registry refuses (422), any other 4xx
 *   ERROR_CONFLICT     the schema is not compatible with its subject's (409), with the registry's words
 *
 * When there are several URLs a retriable failure is tried on the next one, beginning with the one that answered
 * last. A call may take the time-out for each URL; it does not wait between tries, so whoever repeats a call that
 * failed waits before he does. Schemas found are kept for the client's life, unknown ones are asked for again. Any
 * number of threads may share a client: their requests go one after another. Proxies are taken from the environment
 * as curl does. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_CLIENT_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_CLIENT_H

#include <stdint.h>

#include "core/error.h"
#include "model/registry.h"

struct registry_client_options {
    /* http or https, a path is possible; several, separated by commas. User and password may stand in it
     * (user:password@, percent-encoded) unless `username` is given; no message ever shows them. */
    const char *url;
    /* Each may be NULL. Basic authentication, or a bearer token. */
    const char *username, *password, *bearer_token;
    /* PEM files: authorities to trust in place of the system's; the client's certificate and key, and the key's
     * password. */
    const char *ca_file, *certificate_file, *key_file, *key_password;
    int64_t timeout_ms; /* of one request to one URL; 0: REGISTRY_CLIENT_TIMEOUT_MS */
};

enum { REGISTRY_CLIENT_TIMEOUT_MS = 10000 };

struct registry_counts {
    uint64_t requests; /* sent, each URL that was tried */
    uint64_t failures; /* of them, those without an answer that serves: all but found, added, and not found */
    uint64_t found;    /* schemas fetched; those at hand are not counted */
    uint64_t not_found;
};

struct registry_client;

/* Checks the options, copies them, connects to nothing. ERROR_INVALID says which option is wrong. */
int registry_client_open(const struct registry_client_options *options, struct registry_client **ret_client,
                         struct error *error);
struct registry_client *registry_client_close(struct registry_client *client);
/* Lives as long as the client. */
const struct registry *registry_client_registry(const struct registry_client *client);
/* May be called while other threads use the client. */
void registry_client_counts(const struct registry_client *client, struct registry_counts *ret_counts);

#endif

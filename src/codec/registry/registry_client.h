/* A schema registry over HTTP (Confluent's REST API): GET BASE/schemas/ids/N, POST BASE/subjects/S/versions.
 *
 * What an answer means for the caller:
 *   ERROR_NOT_FOUND      the registry itself said that there is no such schema (404 with error_code 40403)
 *   ERROR_UNSUPPORTED    the schema cannot be had: it is not Avro, refers to others, or the answer about this id is
 *                        none that serves (403, any other 4xx, a redirect, no JSON, too large)
 *   ERROR_IO, retriable  no answer: connection, time-out, 5xx, 408, 429; or none of a registry: a foreign 404, no JSON
 *   ERROR_INVALID        trying again does not help: 401, 403, certificate, redirect, a schema that the registry
 *                        refuses (422), any other 4xx
 *   ERROR_CONFLICT       the schema is not compatible with its subject's (409), with the registry's words
 *
 * An answer about one id that is none that serves comes from the registry only if the registry is there: that is
 * asked (GET BASE/schemas/types lists AVRO) before the id is refused; otherwise the address is wrong, or something
 * stands in between. 401 is ERROR_INVALID until the registry has served once, ERROR_IO, retriable, from then on.
 *
 * When there are several URLs a retriable failure is tried on the next one, beginning with the one that answered
 * last. A call may take the time-out for each URL; it does not wait between tries, so a caller that repeats a call that
 * failed waits before he does. Schemas found are kept for the client's life, refusals for a while
 * (registry_refusals.h). Any number of threads may share a client: their requests go one after another. Proxies are taken from the environment
 * as curl does. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_CLIENT_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_CLIENT_H

#include <stdint.h>

#include "core/clock.h"
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
    const struct clock *clock; /* NULL: the system's; of refusals that are kept */
    int64_t timeout_ms;        /* of one request to one URL; 0: REGISTRY_CLIENT_TIMEOUT_MS */
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

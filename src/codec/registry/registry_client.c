/* The door: asks one address after another, says what an answer means, and keeps the schemas found, sorted by id. */
#include "codec/registry/registry_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json/json.h"
#include "codec/registry/registry_http.h"
#include "codec/registry/registry_refusals.h"
#include "codec/registry/registry_response.h"
#include "core/bytes.h"
#include "core/memory.h"

struct kept_schema {
    int32_t id;
    enum schema_kind kind;
    struct slice text;
};

struct registry_client {
    struct registry registry;
    _Atomic uint64_t requests, failures, found, not_found;
    pthread_mutex_t lock; /* over everything below */
    struct arena arena;   /* addresses and kept schemas */
    struct registry_address *addresses;
    size_t address_count, current; /* current: the one that answered last */
    struct registry_http *http;
    struct kept_schema *kept;
    size_t kept_count, kept_capacity;
    struct registry_refusals refusals;
    bool served; /* an address has once answered as a registry does */
};

/* A question and where its answer goes. */
struct question {
    const char *path;
    struct slice body; /* a schema to add; no data: one to find */
    enum schema_kind kind;
    int32_t id;          /* the schema to find, or the answer to adding */
    struct slice schema; /* the answer to finding, in the client's arena */
    /* there is an answer to finding, but none that serves: what is wrong with it */
    bool about_id;
    char problem[300];
};

/* --- answers
 * ------------------------------------------------------------------------------------------------------------------ */

static int client_retriable(int status, struct error *error) {
    error->retriable = true;
    return status;
}

/* An answer that is not a success. */
static int client_refused(const struct registry_client *client, const struct question *question, long status,
                          struct slice body, struct error *error) {
    struct registry_problem problem;
    registry_response_problem(body, &problem);
    const char *colon = problem.message[0] ? ": " : "", *said = problem.message;
    if (status == 404 && problem.code == REGISTRY_SCHEMA_NOT_FOUND && !question->body.data)
        return error_set(error, ERROR_NOT_FOUND, "schema id %d is not in the registry", (int)question->id);
    if (status == 404)
        return client_retriable(error_set(error, ERROR_IO,
                                          "HTTP status 404, but not in the words of a schema registry%s%s: "
                                          "does the URL lead to the registry, with the path of its API if it has one?",
                                          colon, said),
                                error);
    if (status >= 500 || status == 408 || status == 429)
        return client_retriable(error_set(error, ERROR_IO, "HTTP status %ld%s%s", status, colon, said), error);
    if (status == 401) {
        error_set(error, client->served ? ERROR_IO : ERROR_INVALID,
                  "HTTP status 401%s%s: user name and password, or bearer token, are missing or not right", colon,
                  said);
        return client->served ? client_retriable(ERROR_IO, error) : ERROR_INVALID;
    }
    if (status == 403)
        return error_set(error, ERROR_INVALID,
                         "HTTP status 403%s%s: this user may not do that; ask for the right to it", colon, said);
    if (status == 409)
        return error_set(error, ERROR_CONFLICT,
                         "the schema is not compatible with what is registered under its subject%s%s", colon, said);
    if (status == 422)
        return error_set(error, ERROR_INVALID, "the registry refuses the schema%s%s", colon, said);
    return error_set(error, ERROR_INVALID, "HTTP status %ld%s%s: is it a schema registry?", status, colon, said);
}

static int client_read_answer(struct registry_client *client, struct question *question, long status, struct slice body,
                              struct error *error) {
    if (status < 200 || status >= 300)
        return client_refused(client, question, status, body, error);
    int failed = question->body.data ? registry_response_id(body, &question->id, error)
                                     : registry_response_schema(body, question->kind, question->id, &client->arena,
                                                                &question->schema, error);
    return failed == ERROR_IO ? client_retriable(failed, error) : failed;
}

/* Is a failure an answer about the id that was asked for, rather than silence? */
static void client_note_answer(const struct registry_client *client, struct question *question, int status, long answer,
                               const struct error *error) {
    bool answered = registry_http_answered(client->http) ||
                    (answer != 0 && answer != 401 && answer != 408 && answer != 429 && answer < 500);
    question->about_id = !question->body.data && answered && (status == ERROR_IO || status == ERROR_INVALID);
    if (question->about_id)
        snprintf(question->problem, sizeof question->problem, "%.299s", error->message);
}

static int client_try(struct registry_client *client, const struct registry_address *address, struct question *question,
                      struct error *error) {
    long answer = 0;
    struct slice body;
    int status = registry_http_request(client->http, address, question->path, question->body, &answer, &body, error);
    if (!status)
        status = client_read_answer(client, question, answer, body, error);
    client->requests++;
    client->served |= !status || status == ERROR_NOT_FOUND || status == ERROR_UNSUPPORTED;
    client_note_answer(client, question, status, answer, error);
    if (status == ERROR_NOT_FOUND)
        client->not_found++;
    else if (status)
        client->failures++;
    else if (!question->body.data)
        client->found++;
    /* What becomes the reason of a rejected record stays without the address. */
    if (status && status != ERROR_NO_MEMORY && status != ERROR_NOT_FOUND && status != ERROR_UNSUPPORTED)
        error_wrap(error, "schema registry %s%s", address->base, question->path);
    return status;
}

/* Is the registry itself behind the address? What stands in between, or at a wrong path, has no list of types. */
static bool client_contact(struct registry_client *client, const struct registry_address *address) {
    long status;
    struct slice body;
    struct error error;
    client->requests++;
    return registry_http_request(client->http, address, "/schemas/types", (struct slice){0}, &status, &body, &error) ==
               0 &&
           status == 200 && registry_response_lists_avro(body);
}

/* One address, and what its answer means for the id that was asked for. */
static int client_try_address(struct registry_client *client, const struct registry_address *address,
                              struct question *question, struct error *error) {
    question->about_id = false;
    int status = client_try(client, address, question, error);
    if (!question->about_id || !client_contact(client, address))
        return status;
    error->retriable = false;
    return error_set(error, ERROR_UNSUPPORTED, "schema id %d cannot be had: %.*s", (int)question->id,
                     (int)sizeof question->problem, question->problem);
}

/* One address after another, until one does better than a retriable failure. */
static int client_ask(struct registry_client *client, struct question *question, struct error *error) {
    size_t first = client->current;
    int status = 0;
    for (size_t i = 0; i < client->address_count; i++) {
        client->current = (first + i) % client->address_count;
        status = client_try_address(client, &client->addresses[client->current], question, error);
        if (!status || !error->retriable)
            return status;
    }
    client->current = first;
    return client->address_count == 1
               ? status
               : error_wrap(error, "none of the %zu schema registry URLs serves; the last one", client->address_count);
}

/* --- finding
 * ------------------------------------------------------------------------------------------------------------------ */

/* Where `id` is, or where it belongs. */
static size_t client_search(const struct registry_client *client, int32_t id) {
    size_t low = 0, high = client->kept_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (client->kept[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int client_find_locked(struct registry_client *client, enum schema_kind kind, int32_t id,
                              struct slice *ret_schema, struct error *error) {
    size_t at = client_search(client, id);
    if (at == client->kept_count || client->kept[at].id != id) {
        char path[40];
        snprintf(path, sizeof path, "/schemas/ids/%d", (int)id);
        struct question question = {.path = path, .kind = kind, .id = id};
        if (!memory_reserve((void **)&client->kept, &client->kept_capacity, client->kept_count + 1,
                            sizeof *client->kept))
            return error_no_memory(error);
        int status = registry_refusals_find(&client->refusals, kind, id, error);
        if (status)
            return status;
        status = client_ask(client, &question, error);
        if (status) {
            registry_refusals_keep(&client->refusals, kind, id, error);
            return status;
        }
        memmove(&client->kept[at + 1], &client->kept[at], (client->kept_count - at) * sizeof *client->kept);
        client->kept[at] = (struct kept_schema){id, kind, question.schema};
        client->kept_count++;
    }
    if (client->kept[at].kind != kind)
        return error_set(error, ERROR_UNSUPPORTED, "schema %d is %s, not %s", (int)id,
                         schema_kind_name(client->kept[at].kind), schema_kind_name(kind));
    *ret_schema = client->kept[at].text;
    return 0;
}

static int client_finish(int status, const struct error *problem, struct error *error) {
    if (status && error)
        *error = *problem;
    return status;
}

static int client_find(void *context, enum schema_kind kind, int32_t id, struct arena *arena, struct slice *ret_schema,
                       struct error *error) {
    struct registry_client *client = context;
    struct slice schema = {0};
    struct error problem = {0};
    if (id < 0) /* the API knows none, and may answer with any status */
        return error_set(error, ERROR_NOT_FOUND, "schema id %d is not in the registry", (int)id);
    pthread_mutex_lock(&client->lock);
    int status = client_find_locked(client, kind, id, &schema, &problem);
    pthread_mutex_unlock(&client->lock);
    struct slice copy = status ? schema : arena_copy(arena, schema);
    if (!status && !copy.data)
        return error_no_memory(error);
    if (!status)
        *ret_schema = copy;
    return client_finish(status, &problem, error);
}

/* --- adding
 * ------------------------------------------------------------------------------------------------------------------ */

/* A path segment: what is not unreserved (RFC 3986) is percent-encoded. */
static void append_segment(struct bytes *to, const char *text) {
    for (; *text; text++)
        if ((*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z') ||
            strchr("-._~", *text))
            bytes_append_char(to, *text);
        else
            bytes_append_format(to, "%%%02X", (unsigned char)*text);
}

static int client_add(void *context, const char *subject, enum schema_kind kind, struct slice schema, int32_t *ret_id,
                      struct error *error) {
    struct registry_client *client = context;
    cleanup(bytes_release) struct bytes path = {0}, body = {0};
    struct error problem = {0};
    bytes_append_string(&path, "/subjects/");
    append_segment(&path, subject);
    bytes_append(&path, "/versions", sizeof "/versions"); /* with its NUL */
    bytes_append_string(&body, "{\"schema\":");
    json_write_string(&body, schema);
    if (kind != SCHEMA_AVRO) /* registries that know no other kind are not asked for it */
        bytes_append_format(&body, ",\"schemaType\":\"%s\"", schema_kind_name(kind));
    bytes_append_char(&body, '}');
    if (path.failed || body.failed)
        return error_no_memory(error);
    struct question question = {.path = path.data, .body = bytes_slice(&body)};
    pthread_mutex_lock(&client->lock);
    int status = client_ask(client, &question, &problem);
    pthread_mutex_unlock(&client->lock);
    if (!status)
        *ret_id = question.id;
    return client_finish(status, &problem, error);
}

/* --- door
 * ------------------------------------------------------------------------------------------------------------------ */

static int client_check_users(const struct registry_client *client, const struct registry_client_options *options,
                              struct error *error) {
    for (size_t i = 0; options->bearer_token && i < client->address_count; i++)
        if (client->addresses[i].username)
            return error_set(
                error, ERROR_INVALID,
                "the schema registry was given both a bearer token and a user in URL %zu: give one of them", i + 1);
    return 0;
}

int registry_client_open(const struct registry_client_options *options, struct registry_client **ret_client,
                         struct error *error) {
    if (!options->url || !*options->url)
        return error_set(error, ERROR_INVALID, "the schema registry has no URL: give one, such as http://host:8081");
    struct registry_client *client = memory_zero(1, sizeof *client);
    if (!client)
        return error_no_memory(error);
    pthread_mutex_init(&client->lock, NULL);
    client->refusals.clock = options->clock ? options->clock : &clock_system;
    client->registry = (struct registry){.find = client_find, .add = client_add, .context = client};
    int status =
        registry_addresses_read(options->url, &client->arena, &client->addresses, &client->address_count, error);
    if (!status)
        status = client_check_users(client, options, error);
    if (!status)
        status = registry_http_open(options, &client->http, error);
    if (status) {
        registry_client_close(client);
        return status;
    }
    *ret_client = client;
    return 0;
}

struct registry_client *registry_client_close(struct registry_client *client) {
    if (!client)
        return NULL;
    registry_http_close(client->http);
    free(client->kept);
    registry_refusals_release(&client->refusals);
    arena_release(&client->arena);
    pthread_mutex_destroy(&client->lock);
    free(client);
    return NULL;
}

const struct registry *registry_client_registry(const struct registry_client *client) {
    return &client->registry;
}

void registry_client_counts(const struct registry_client *client, struct registry_counts *ret_counts) {
    *ret_counts = (struct registry_counts){.requests = client->requests,
                                           .failures = client->failures,
                                           .found = client->found,
                                           .not_found = client->not_found};
}

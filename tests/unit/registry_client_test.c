/* The schema registry's client against a server that answers by a script: what each answer means, fail-over,
 * credentials, the cache, and that no message shows a password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/registry/registry_client.h"
#include "codec/registry/registry_refusals.h"
#include "codec/registry/registry_response.h"
#include "core/memory.h"
#include "scripted_server.h"

#define SECRET         "s3cr@t,/?"
#define SECRET_ENCODED "s3cr%%40t%%2C%%2F%%3F"                         /* in a format */
#define BASIC          "Authorization: Basic bWV0ZXI6czNjckB0LC8/\r\n" /* meter:SECRET */
#define PATH           "/api/v1/confluent"
#define SCHEMA         "{\"schema\":\"\\\"string\\\"\"}"
#define NOT_FOUND                                                                                                      \
    { 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}", NULL }
#define RETRIABLE true
#define FINAL     false

enum { TIMEOUT_MS = 300 };

static void release_server(struct server **server) {
    if (*server && (*server)->listener >= 0)
        server_stop(*server);
    free(*server);
}

static void release_client(struct registry_client **client) {
    registry_client_close(*client);
}

/* A client of URLs in which "%d" stands for the ports. */
static struct registry_client *open_client(const char *urls, int port, int other_port) {
    char url[500];
    struct registry_client *client = NULL;
    struct error error = {0};
    snprintf(url, sizeof url, urls, port, other_port);
    const struct registry_client_options options = {.url = url, .timeout_ms = TIMEOUT_MS};
    if (registry_client_open(&options, &client, &error))
        fail_msg("%s", error.message);
    return client;
}

static int find(const struct registry_client *client, int32_t id, struct arena *arena, struct slice *ret_schema,
                struct error *error) {
    const struct registry *registry = registry_client_registry(client);
    return registry->find(registry->context, SCHEMA_AVRO, id, arena, ret_schema, error);
}

static int add(const struct registry_client *client, const char *subject, int32_t *ret_id, struct error *error) {
    const struct registry *registry = registry_client_registry(client);
    return registry->add(registry->context, subject, SCHEMA_AVRO, SLICE("\"string\""), ret_id, error);
}

static void expect_counts(const struct registry_client *client, uint64_t requests, uint64_t failures, uint64_t found,
                          uint64_t not_found) {
    struct registry_counts counts;
    registry_client_counts(client, &counts);
    assert_int_equal(counts.requests, requests);
    assert_int_equal(counts.failures, failures);
    assert_int_equal(counts.found, found);
    assert_int_equal(counts.not_found, not_found);
}

static void expect_error(const char *name, const struct error *error, int status, int code, bool retriable,
                         const char *message) {
    if (status != code || error->code != code || error->retriable != retriable || !strstr(error->message, message))
        fail_msg("%s: expected %d, %s, '%s'; got %d (%d), %s, '%s'", name, code, retriable ? "retriable" : "final",
                 message, status, error->code, error->retriable ? "retriable" : "final", error->message);
    if (strstr(error->message, "s3cr") || strstr(error->message, "meter:"))
        fail_msg("%s: the message shows who asks: %s", name, error->message);
}

/* --- answers
 * ------------------------------------------------------------------------------------------------------------------ */

struct answer_case {
    const char *name;
    struct answer answer;
    int code;
    bool retriable;
    const char *message;
};

static const struct answer_case find_cases[] = {
    {"unknown", NOT_FOUND, ERROR_NOT_FOUND, FINAL, "schema id 7 is not in the registry"},
    {"404 of a proxy",
     {404, "<html>not here</html>", NULL},
     ERROR_IO,
     RETRIABLE,
     "/schemas/ids/7: HTTP status 404, but not in the words of a schema registry: does"},
    {"404 without a body", {404, NULL, NULL}, ERROR_IO, RETRIABLE, "HTTP status 404, but not in the words"},
    {"404 of a wrong path",
     {404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}", NULL},
     ERROR_IO,
     RETRIABLE,
     "registry: HTTP 404 Not Found: does the URL"},
    {"400",
     {400, "plain HTTP to an HTTPS port", NULL},
     ERROR_INVALID,
     FINAL,
     "HTTP status 400: is it a schema registry?"},
    {"401",
     {401, "{\"error_code\":401,\"message\":\"Unauthorized\"}", NULL},
     ERROR_INVALID,
     FINAL,
     "HTTP status 401: Unauthorized: user name and password"},
    {"403", {403, NULL, NULL}, ERROR_INVALID, FINAL, "HTTP status 403: this user may not do that"},
    {"408", {408, NULL, NULL}, ERROR_IO, RETRIABLE, "HTTP status 408"},
    {"429", {429, NULL, NULL}, ERROR_IO, RETRIABLE, "HTTP status 429"},
    {"500",
     {500, "{\"error_code\":50001,\"message\":\"Error in the\\nbackend\"}", NULL},
     ERROR_IO,
     RETRIABLE,
     "HTTP status 500: Error in the?backend"},
    {"503 of a proxy", {503, "<html>busy</html>", NULL}, ERROR_IO, RETRIABLE, "HTTP status 503"},
    {"nothing in time", {ANSWER_HANG, NULL, NULL}, ERROR_IO, RETRIABLE, "timed out"},
    {"closed at once", {ANSWER_CLOSE, NULL, NULL}, ERROR_IO, RETRIABLE, "/schemas/ids/7: "},
    {"closed in the body", {ANSWER_CUT, SCHEMA, NULL}, ERROR_IO, RETRIABLE, "/schemas/ids/7: "},
    {"a body too large", {ANSWER_HUGE, NULL, NULL}, ERROR_IO, RETRIABLE, "the answer has more than 4194304 bytes"},
    {"no JSON", {200, "<html>Welcome</html>", NULL}, ERROR_IO, RETRIABLE, "the answer is not a JSON object"},
    {"JSON of another kind", {200, "[\"schema\"]", NULL}, ERROR_IO, RETRIABLE, "the answer is not a JSON object"},
    {"cut JSON", {200, "{\"schema\":\"\\\"str", NULL}, ERROR_IO, RETRIABLE, "the answer is not a JSON object"},
    {"no body", {200, NULL, NULL}, ERROR_IO, RETRIABLE, "the answer is not a JSON object"},
    {"no schema", {200, "{\"id\":7}", NULL}, ERROR_IO, RETRIABLE, "the answer has no string 'schema'"},
    {"a schema that is no string",
     {200, "{\"schema\":{}}", NULL},
     ERROR_IO,
     RETRIABLE,
     "the answer has no string 'schema'"},
    {"Protocol Buffers",
     {200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"syntax\"}", NULL},
     ERROR_UNSUPPORTED,
     FINAL,
     "schema 7 is PROTOBUF, not AVRO"},
    {"JSON schema",
     {200, "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}", NULL},
     ERROR_UNSUPPORTED,
     FINAL,
     "schema 7 is JSON, not AVRO"},
    {"references",
     {200, "{\"schema\":\"{}\",\"references\":[{\"name\":\"a.B\",\"subject\":\"b\",\"version\":1}]}", NULL},
     ERROR_UNSUPPORTED,
     FINAL,
     "schema 7 refers to other schemas, which is not supported: register it in one piece"},
    {"redirect",
     {302, NULL, "Location: http://meter:s3cret@elsewhere.example:81/login?token=s3cret#s3cret\r\n"},
     ERROR_INVALID,
     FINAL,
     "HTTP status 302 sends to http://elsewhere.example:81/login, which is not followed"},
    {"redirect to nowhere", {301, NULL, NULL}, ERROR_INVALID, FINAL, "HTTP status 301 sends to another address"},
};

static void test_find_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof find_cases / sizeof *find_cases; i++) {
        const struct answer_case *c = &find_cases[i];
        cleanup(release_server) struct server *server = server_start(&c->answer, 1);
        cleanup(release_client) struct registry_client *client =
            open_client("http://meter:" SECRET_ENCODED "@127.0.0.1:%d" PATH "/", server->port, 0);
        cleanup(arena_release) struct arena arena = {0};
        struct slice schema = SLICE("untouched");
        struct error error = {0};
        int status = find(client, 7, &arena, &schema, &error);
        expect_error(c->name, &error, status, c->code, c->retriable, c->message);
        assert_string_equal(schema.data, "untouched");
        /* An answer that says nothing of the schema has the client ask whether the registry is there. */
        size_t requests = c->answer.status == ANSWER_HUGE ||
                                  (c->answer.status > 0 && c->answer.status < 500 && c->answer.status != 401 &&
                                   c->answer.status != 408 && c->answer.status != 429 && c->code != ERROR_NOT_FOUND &&
                                   c->code != ERROR_UNSUPPORTED)
                              ? 2
                              : 1;
        expect_counts(client, requests, c->code != ERROR_NOT_FOUND, 0, c->code == ERROR_NOT_FOUND);
        server_stop(server);
        assert_int_equal(server->served, requests);
        if (requests == 2)
            assert_memory_equal(server->requests[1], "GET " PATH "/schemas/types HTTP/1.1\r\n", 41);
        assert_memory_equal(server->requests[0], "GET " PATH "/schemas/ids/7 HTTP/1.1\r\n", 42);
        assert_non_null(strstr(server->requests[0], BASIC));
        assert_non_null(strstr(server->requests[0], "Accept: application/vnd.schemaregistry.v1+json"));
    }
}

/* The registry is there: its answer about one id is that id's fault, and kept. */
static void test_refused_ids(void **state) {
    (void)state;
    static const struct answer_case cases[] = {
        {"400", {400, NULL, NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: HTTP status 400: is it"},
        {"403",
         {403, "{\"error_code\":40301,\"message\":\"Forbidden\"}", NULL},
         ERROR_UNSUPPORTED,
         FINAL,
         "schema id 7 cannot be had: HTTP status 403: Forbidden: this user"},
        {"422", {422, NULL, NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: the registry refuses"},
        {"a foreign 404", {404, NULL, NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: HTTP status 404"},
        {"redirect", {301, NULL, NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: HTTP status 301 sends"},
        {"too large", {ANSWER_HUGE, NULL, NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: the answer has"},
        {"no JSON", {200, "<html>", NULL}, ERROR_UNSUPPORTED, FINAL, "schema id 7 cannot be had: the answer is not"},
        {"no string",
         {200, "{\"schema\":123}", NULL},
         ERROR_UNSUPPORTED,
         FINAL,
         "schema id 7 cannot be had: the answer has no string 'schema'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct answer_case *c = &cases[i];
        const struct answer script[] = {c->answer, {200, "[\"JSON\",\"AVRO\"]", NULL}};
        cleanup(release_server) struct server *server = server_start(script, 2);
        cleanup(release_client) struct registry_client *client =
            open_client("http://meter:" SECRET_ENCODED "@127.0.0.1:%d", server->port, 0);
        cleanup(arena_release) struct arena arena = {0};
        struct slice schema = SLICE("untouched");
        for (int again = 0; again < 2; again++) {
            struct error error = {0};
            int status = find(client, 7, &arena, &schema, &error);
            expect_error(c->name, &error, status, c->code, c->retriable, c->message);
        }
        assert_string_equal(schema.data, "untouched");
        expect_counts(client, 2, 1, 0, 0);
        server_stop(server);
        assert_int_equal(server->served, 2);
    }
}

static int64_t test_now;

static int64_t test_monotonic(void *context) {
    (void)context;
    return test_now;
}

/* A refusal is forgotten after a while: that a schema is unknown sooner than that it may not be read. */
static void test_refusals_end(void **state) {
    (void)state;
    static const struct answer script[] = {NOT_FOUND,
                                           {200, "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}", NULL},
                                           {200, SCHEMA, NULL},
                                           {200, "{\"schema\":\"\\\"int\\\"\"}", NULL}};
    static const struct clock clock = {.monotonic_ns = test_monotonic};
    cleanup(release_server) struct server *server = server_start(script, 4);
    cleanup(arena_release) struct arena arena = {0};
    cleanup(release_client) struct registry_client *client = NULL;
    char url[100];
    struct slice schema;
    struct error error = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server->port);
    assert_int_equal(
        registry_client_open(&(struct registry_client_options){.url = url, .clock = &clock}, &client, &error), 0);
    assert_int_equal(find(client, 1, &arena, &schema, &error), ERROR_NOT_FOUND);
    assert_int_equal(find(client, 2, &arena, &schema, &error), ERROR_UNSUPPORTED);
    test_now = INT64_C(999) * 1000000;
    assert_int_equal(find(client, 1, &arena, &schema, &error), ERROR_NOT_FOUND);
    assert_string_equal(error.message, "schema id 1 is not in the registry");
    test_now = INT64_C(1000) * 1000000;
    assert_int_equal(find(client, 1, &arena, &schema, &error), 0);
    test_now = INT64_C(59999) * 1000000;
    assert_int_equal(find(client, 2, &arena, &schema, &error), ERROR_UNSUPPORTED);
    test_now = INT64_C(60000) * 1000000;
    assert_int_equal(find(client, 2, &arena, &schema, &error), 0);
    assert_string_equal(schema.data, "\"int\"");
    expect_counts(client, 4, 1, 2, 1);
}

/* More of them than are kept: the one that ends first makes room. */
static void test_many_refusals(void **state) {
    (void)state;
    static const struct clock clock = {.monotonic_ns = test_monotonic};
    struct registry_refusals refusals = {.clock = &clock};
    struct error error = {.code = ERROR_UNSUPPORTED, .message = "no"}, found;
    for (int32_t id = 0; id <= REGISTRY_REFUSALS_MAXIMUM; id++) {
        test_now = id;
        registry_refusals_keep(&refusals, SCHEMA_AVRO, id, &error);
    }
    assert_int_equal(refusals.count, REGISTRY_REFUSALS_MAXIMUM);
    assert_int_equal(registry_refusals_find(&refusals, SCHEMA_AVRO, 0, &found), 0);
    for (int32_t id = 1; id <= REGISTRY_REFUSALS_MAXIMUM; id++)
        assert_int_equal(registry_refusals_find(&refusals, SCHEMA_AVRO, id, &found), ERROR_UNSUPPORTED);
    assert_string_equal(found.message, "no");
    registry_refusals_keep(&refusals, SCHEMA_AVRO, 999, &(struct error){.code = ERROR_IO});
    assert_int_equal(registry_refusals_find(&refusals, SCHEMA_AVRO, 999, &found), 0);
    registry_refusals_release(&refusals);
}

/* Who asks is wrong: that ends a start, and is waited for once the registry has served. */
static void test_unauthorized_later(void **state) {
    (void)state;
    static const struct answer script[] = {{200, SCHEMA, NULL}, {401, NULL, NULL}, {200, SCHEMA, NULL}};
    cleanup(release_server) struct server *server = server_start(script, 3);
    cleanup(release_client) struct registry_client *client = open_client("http://127.0.0.1:%d", server->port, 0);
    cleanup(arena_release) struct arena arena = {0};
    struct slice schema;
    struct error error = {0};
    assert_int_equal(find(client, 1, &arena, &schema, &error), 0);
    int status = find(client, 2, &arena, &schema, &error);
    expect_error("401", &error, status, ERROR_IO, RETRIABLE, "HTTP status 401");
    assert_int_equal(find(client, 2, &arena, &schema, &error), 0);
}

static const struct answer_case add_cases[] = {
    {"incompatible",
     {409, "{\"error_code\":409,\"message\":\"reader field is missing\"}", NULL},
     ERROR_CONFLICT,
     FINAL,
     "is not compatible with what is registered under its subject: reader field is missing"},
    {"incompatible, without words", {409, NULL, NULL}, ERROR_CONFLICT, FINAL, "under its subject"},
    {"invalid",
     {422, "{\"error_code\":42201,\"message\":\"Input is an invalid schema\"}", NULL},
     ERROR_INVALID,
     FINAL,
     "/subjects/a%2Fb%20%C3%A9-value/versions: the registry refuses the schema: Input is an invalid schema"},
    {"404", NOT_FOUND, ERROR_IO, RETRIABLE, "HTTP status 404"},
    {"no id", {200, "{}", NULL}, ERROR_IO, RETRIABLE, "the answer has no 'id' between 0 and 2147483647"},
    {"an id too large", {200, "{\"id\":2147483648}", NULL}, ERROR_IO, RETRIABLE, "the answer has no 'id'"},
    {"a negative id", {200, "{\"id\":-1}", NULL}, ERROR_IO, RETRIABLE, "the answer has no 'id'"},
    {"an id of another type", {200, "{\"id\":\"1\"}", NULL}, ERROR_IO, RETRIABLE, "the answer has no 'id'"},
    {"added", {200, "{\"id\":2147483647,\"version\":1}", NULL}, 0, FINAL, ""},
};

static void test_add_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof add_cases / sizeof *add_cases; i++) {
        const struct answer_case *c = &add_cases[i];
        cleanup(release_server) struct server *server = server_start(&c->answer, 1);
        cleanup(release_client) struct registry_client *client = open_client("http://127.0.0.1:%d", server->port, 0);
        int32_t id = -5;
        struct error error = {0};
        int status = add(client, "a/b \xc3\xa9-value", &id, &error);
        expect_error(c->name, &error, status, c->code, c->retriable, c->message);
        assert_int_equal(id, c->code ? -5 : INT32_MAX);
        expect_counts(client, 1, c->code != 0, 0, 0);
        server_stop(server);
        const char *request = server->requests[0];
        assert_memory_equal(request, "POST /subjects/a%2Fb%20%C3%A9-value/versions HTTP/1.1\r\n", 55);
        assert_non_null(strstr(request, "Content-Type: application/vnd.schemaregistry.v1+json\r\n"));
        assert_null(strstr(request, "Authorization"));
        assert_string_equal(strstr(request, "\r\n\r\n") + 4, SCHEMA);
    }
}

/* --- the cache
 * ---------------------------------------------------------------------------------------------------------------- */

static void test_kept_schemas(void **state) {
    (void)state;
    static const struct answer script[] = {
        {200, SCHEMA, NULL},
        NOT_FOUND,
        {500, NULL, NULL},
        {200, "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[]}", NULL}};
    cleanup(release_server) struct server *server = server_start(script, 4);
    cleanup(release_client) struct registry_client *client = open_client("http://127.0.0.1:%d", server->port, 0);
    cleanup(arena_release) struct arena arena = {0};
    struct slice schema;
    struct error error = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(find(client, 7, &arena, &schema, &error), 0);
        assert_string_equal(schema.data, "\"string\"");
    }
    expect_counts(client, 1, 0, 1, 0);
    assert_int_equal(find(client, 4, &arena, &schema, &error), ERROR_NOT_FOUND);
    assert_int_equal(find(client, 3, &arena, &schema, &error), ERROR_IO); /* what failed is asked for again */
    assert_true(error.retriable);
    assert_int_equal(find(client, 3, &arena, &schema, &error), 0);
    assert_string_equal(schema.data, "\"int\"");
    assert_int_equal(find(client, 3, &arena, &schema, NULL), 0);
    assert_int_equal(find(client, 7, &arena, &schema, NULL), 0);
    assert_string_equal(schema.data, "\"string\"");
    assert_int_equal(find(client, -1, &arena, &schema, &error), ERROR_NOT_FOUND); /* no registry has such an id */
    assert_string_equal(error.message, "schema id -1 is not in the registry");
    assert_int_equal(find(client, -1, &arena, &schema, NULL), ERROR_NOT_FOUND);
    expect_counts(client, 4, 1, 2, 1);
}

enum { THREADS = 4, ROUNDS = 20, IDS = 5 };

static void *find_many(void *context) {
    cleanup(arena_release) struct arena arena = {0};
    struct slice schema;
    uintptr_t wrong = 0;
    for (int i = 0; i < ROUNDS; i++)
        wrong += find(context, i % IDS, &arena, &schema, NULL) != 0 || !slice_equal(schema, SLICE("\"string\""));
    return (void *)wrong;
}

static void test_threads(void **state) {
    (void)state;
    static const struct answer answer = {200, SCHEMA, NULL};
    cleanup(release_server) struct server *server = server_start(&answer, 1);
    cleanup(release_client) struct registry_client *client = open_client("http://127.0.0.1:%d", server->port, 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, find_many, client), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    expect_counts(client, IDS, 0, IDS, 0);
}

/* --- several addresses
 * -------------------------------------------------------------------------------------------------------- */

/* A port that no one listens on, as long as the socket is open. */
static int refused_port(int *ret_socket) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *ret_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*ret_socket, (struct sockaddr *)&address, size), 0);
    getsockname(*ret_socket, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static void test_refused(void **state) {
    (void)state;
    int socket, port = refused_port(&socket);
    cleanup(arena_release) struct arena arena = {0};
    struct slice schema;
    struct error error = {0};
    char expected[200];
    struct registry_client *client = open_client("http://meter:" SECRET_ENCODED "@127.0.0.1:%d/p", port, 0);
    snprintf(expected, sizeof expected, "schema registry http://127.0.0.1:%d/p/schemas/ids/7: Failed to connect", port);
    int status = find(client, 7, &arena, &schema, &error);
    expect_error("refused", &error, status, ERROR_IO, RETRIABLE, expected);
    registry_client_close(client);
    client = open_client("http://meter:" SECRET_ENCODED "@127.0.0.1:%d, http://meter:" SECRET_ENCODED "@127.0.0.1:%d/q",
                         port, port);
    snprintf(expected, sizeof expected,
             "none of the 2 schema registry URLs serves; the last one: schema registry "
             "http://127.0.0.1:%d/q/schemas/ids/7: ",
             port);
    status = find(client, 7, &arena, &schema, &error);
    expect_error("both refused", &error, status, ERROR_IO, RETRIABLE, expected);
    expect_counts(client, 2, 2, 0, 0);
    registry_client_close(client);
    close(socket);
}

static void test_fail_over(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct answer first;
        bool tried_next, asked_twice; /* whether it is a registry */
    } cases[] = {
        {"500", {500, NULL, NULL}, true},
        {"429", {429, NULL, NULL}, true},
        {"a page", {200, "<html>", NULL}, true, true},
        {"404 of a proxy", {404, "<html>", NULL}, true, true},
        {"hang", {ANSWER_HANG, NULL, NULL}, true},
        {"cut", {ANSWER_CUT, SCHEMA, NULL}, true},
        {"unknown", NOT_FOUND, false},
        {"401", {401, NULL, NULL}, false},
        {"not Avro", {200, "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}", NULL}, false},
    };
    static const struct answer good = {200, SCHEMA, NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup(release_server) struct server *first = server_start(&cases[i].first, 1),
                                              *second = server_start(&good, 1);
        cleanup(release_client) struct registry_client *client =
            open_client("http://127.0.0.1:%d/a/ , http://127.0.0.1:%d/b", first->port, second->port);
        cleanup(arena_release) struct arena arena = {0};
        struct slice schema;
        for (int32_t id = 1; id <= 3; id++)
            if ((find(client, id, &arena, &schema, NULL) == 0) != cases[i].tried_next)
                fail_msg("%s: schema %d", cases[i].name, id);
        server_stop(first);
        server_stop(second);
        /* The one that answered is asked first from then on. */
        assert_int_equal(first->served, cases[i].asked_twice ? 2 : cases[i].tried_next ? 1 : 3);
        assert_int_equal(second->served, cases[i].tried_next ? 3 : 0);
        assert_memory_equal(first->requests[0], "GET /a/schemas/ids/1 ", 21);
        if (cases[i].tried_next)
            assert_memory_equal(second->requests[0], "GET /b/schemas/ids/1 ", 21);
    }
}

/* When all have failed, the next call begins with the same one. */
static void test_order_after_failures(void **state) {
    (void)state;
    static const struct answer first_script[] = {{500, NULL, NULL}, {200, SCHEMA, NULL}},
                               second_script[] = {{503, NULL, NULL}};
    cleanup(release_server) struct server *first = server_start(first_script, 2),
                                          *second = server_start(second_script, 1);
    cleanup(release_client) struct registry_client *client =
        open_client("http://127.0.0.1:%d,http://127.0.0.1:%d", first->port, second->port);
    cleanup(arena_release) struct arena arena = {0};
    struct slice schema;
    struct error error = {0};
    assert_int_equal(find(client, 1, &arena, &schema, &error), ERROR_IO);
    assert_int_equal(find(client, 1, &arena, &schema, &error), 0);
    server_stop(first);
    server_stop(second);
    assert_int_equal(first->served, 2);
    assert_int_equal(second->served, 1);
}

/* --- options
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_credentials(void **state) {
    (void)state;
    static const struct answer answer = NOT_FOUND;
    static const struct {
        const char *url;
        struct registry_client_options options;
        const char *header;
    } cases[] = {
        {"http://127.0.0.1:%d", {0}, NULL},
        {"http://meter@127.0.0.1:%d", {0}, "Authorization: Basic bWV0ZXI6\r\n"},
        {"http://meter:" SECRET_ENCODED "@127.0.0.1:%d", {0}, BASIC},
        {"http://127.0.0.1:%d", {.username = "meter", .password = SECRET}, BASIC},
        {"http://other:one@127.0.0.1:%d", {.username = "meter", .password = SECRET}, BASIC},
        {"http://127.0.0.1:%d", {.bearer_token = "s3cr3t.t0ken"}, "Authorization: Bearer s3cr3t.t0ken\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup(release_server) struct server *server = server_start(&answer, 1);
        cleanup(release_client) struct registry_client *client = NULL;
        struct registry_client_options options = cases[i].options;
        struct error error = {0};
        char url[200];
        snprintf(url, sizeof url, cases[i].url, server->port);
        options.url = url;
        assert_int_equal(registry_client_open(&options, &client, &error), 0);
        assert_int_equal(find(client, 1, NULL, NULL, &error), ERROR_NOT_FOUND);
        server_stop(server);
        if (cases[i].header ? !strstr(server->requests[0], cases[i].header)
                            : strstr(server->requests[0], "Authorization") != NULL)
            fail_msg("case %zu: %s", i, server->requests[0]);
    }
}

static void test_options_refused(void **state) {
    (void)state;
    static const struct {
        struct registry_client_options options;
        const char *message;
    } cases[] = {
        {{.url = NULL}, "the schema registry has no URL"},
        {{.url = ""}, "the schema registry has no URL"},
        {{.url = "meter:s3cr@host:8081"}, "schema registry URL 1 cannot be used ("},
        {{.url = "http://meter:s3cr"}, "schema registry URL 1 cannot be used ("},
        {{.url = "http://a,"}, "schema registry URL 2 cannot be used ("},
        {{.url = "http://a,ftp://meter:s3cr@b"}, "schema registry URL 2 cannot be used (neither http nor https)"},
        {{.url = "http://a,http://b,file:///etc/passwd"},
         "schema registry URL 3 cannot be used (neither http nor https)"},
        {{.url = "http://meter:s3cr@b?x=s3cr"}, "schema registry URL 1 cannot be used (a query or a fragment)"},
        {{.url = "http://meter:s3cr@b#s3cr"}, "schema registry URL 1 cannot be used (a query or a fragment)"},
        {{.url = "http://meter:12,s3cr@host:80"}, "schema registry URL 2 cannot be used ("},
        {{.url = "http://meter:s3cr@ct@host"}, "schema registry URL 1 cannot be used ("},
        {{.url = "http://a", .timeout_ms = -1}, "the time-out of the schema registry is -1 ms"},
        {{.url = "http://a", .password = "s3cr"}, "a password without a user name"},
        {{.url = "http://a", .username = "a:s3cr"}, "has a colon"},
        {{.url = "http://a", .username = "u", .bearer_token = "s3cr"}, "both a user name and a bearer token"},
        {{.url = "http://b,http://meter:s3cr@a", .bearer_token = "s3cr"}, "both a bearer token and a user in URL 2"},
        {{.url = "http://a", .bearer_token = "s3cr\r\nHost: b"},
         "the bearer token for the schema registry has spaces or characters"},
        {{.url = "https://a", .ca_file = "/nowhere/ca.pem"},
         "the file of authorities of the schema registry /nowhere/ca.pem cannot be read: No such file"},
        {{.url = "https://a", .certificate_file = "/nowhere/c.pem"},
         "the certificate for the schema registry /nowhere/c.pem cannot be read"},
        {{.url = "https://a", .certificate_file = "/dev/null", .key_file = "/nowhere/k.pem"},
         "the key for the schema registry /nowhere/k.pem cannot be read"},
        {{.url = "https://a", .key_file = "/dev/null"}, "a key without a certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registry_client *client = NULL;
        struct error error = {0};
        int status = registry_client_open(&cases[i].options, &client, &error);
        assert_null(client);
        expect_error(cases[i].message, &error, status, ERROR_INVALID, FINAL, cases[i].message);
    }
}

/* A server that does not speak TLS; a file of authorities that is none. */
static void test_tls(void **state) {
    (void)state;
    static const struct answer answer = {200, SCHEMA, NULL};
    cleanup(release_server) struct server *server = server_start(&answer, 1);
    cleanup(release_client) struct registry_client *plain =
                                                       open_client("https://meter:s3cr@127.0.0.1:%d", server->port, 0),
                                                   *no_authority = NULL;
    struct error error = {0};
    int status = find(plain, 7, NULL, NULL, &error);
    expect_error("no TLS", &error, status, ERROR_IO, RETRIABLE, "schema registry https://127.0.0.1:");
    char url[100];
    snprintf(url, sizeof url, "https://127.0.0.1:%d", server->port);
    const struct registry_client_options options = {.url = url, .ca_file = "/dev/null", .timeout_ms = TIMEOUT_MS};
    assert_int_equal(registry_client_open(&options, &no_authority, &error), 0);
    status = find(no_authority, 7, NULL, NULL, &error);
    expect_error("no authorities", &error, status, ERROR_INVALID, FINAL, "the file of authorities must be PEM");
}

static void test_response_shown(void **state) {
    (void)state;
    struct registry_problem problem;
    char body[1000];
    int length = snprintf(body, sizeof body, "{\"message\":\"\x7f%0600d\",\"error_code\":1}", 0);
    registry_response_problem((struct slice){body, (size_t)length}, &problem);
    assert_int_equal(problem.code, 1);
    assert_int_equal(strlen(problem.message), sizeof problem.message - 1);
    assert_int_equal(problem.message[0], '?');
    registry_response_problem(SLICE("{\"message\":1,\"error_code\":\"x\"}"), &problem);
    assert_int_equal(problem.code, 0);
    assert_string_equal(problem.message, "");
}

int main(void) {
    setenv("no_proxy", "*", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_answers),
        cmocka_unit_test(test_add_answers),
        cmocka_unit_test(test_refused_ids),
        cmocka_unit_test(test_refusals_end),
        cmocka_unit_test(test_many_refusals),
        cmocka_unit_test(test_unauthorized_later),
        cmocka_unit_test(test_order_after_failures),
        cmocka_unit_test(test_kept_schemas),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_fail_over),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_options_refused),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_response_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
